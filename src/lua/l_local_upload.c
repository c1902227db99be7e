/* Uploads of salvor.local (l_local.c): a large file in parts. */
#include <string.h>

#include "lua/binding.h"
#include "lua/block.h"
#include "lua/job.h"
#include "lua/local.h"
#include "store/local/upload.h"

#define UPLOAD_METATABLE "salvor.local.upload"

struct upload_object {
    struct salvor_local_upload upload;
    unsigned users;
    bool closed, removes;
};

struct call {
    struct salvor_job job;
    struct upload_object *object;
    struct salvor_local_root_object *root; /* of begin */
    struct salvor_block_hold hold;
    const char *path, *id; /* on the stack */
    int64_t offset;
    bool delivered; /* what begin has opened */
    struct salvor_local_item item;
};

/* Closed while parts are under way: the last of them ends it. */
static void close_upload(struct upload_object *object, bool remove)
{
    if (object->closed)
        return;
    object->closed = true;
    object->removes = remove;
    if (object->users == 0)
        salvor_local_upload_close(&object->upload, remove);
}

static void release_call(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    salvor_block_drop(&call->hold);
    salvor_local_root_leave(call->root);
    /* Cancelled while it was opened: nobody else will ever know this upload. */
    if (call->root && !call->delivered)
        close_upload(call->object, true);
    if (call->object && --call->object->users == 0 && call->object->closed)
        salvor_local_upload_close(&call->object->upload, call->object->removes);
}

static struct upload_object *check_upload(lua_State *L)
{
    struct upload_object *object = luaL_checkudata(L, 1, UPLOAD_METATABLE);
    luaL_argcheck(L, !object->closed, 1, "the upload has ended");
    return object;
}

static struct call *new_call(lua_State *L, struct upload_object *object)
{
    struct call *call = salvor_job_new(L, sizeof(*call), release_call);
    call->object = object;
    object->users++;
    return call;
}

static void run_begin(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    job->result = salvor_local_upload_open(&call->object->upload, &call->root->root, call->path,
                                           call->id, &job->failure);
}

static int after_begin(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct call *call = (struct call *)context;
    int failed = salvor_job_check(L, &call->job, "");
    if (failed)
        return failed;
    call->delivered = true;
    lua_pushvalue(L, 7);
    return 1;
}

int salvor_local_begin(lua_State *L)
{
    lua_settop(L, 6);
    struct salvor_local_root_object *root = salvor_check_local_root(L);
    const char *path = salvor_check_local_path(L, 2);
    lua_Integer size = luaL_checkinteger(L, 3), part_size = luaL_checkinteger(L, 4);
    const char *id = luaL_checkstring(L, 5);
    luaL_argcheck(L, size >= 0 && size <= INT64_MAX / 2, 3, "a number of bytes expected");
    luaL_argcheck(L, part_size >= 1, 4, "a number of bytes expected");
    luaL_argcheck(L, strspn(id, "0123456789abcdef") == strlen(id) && strlen(id) <= 64, 5,
                  "hexadecimal digits expected");
    struct upload_object *object = lua_newuserdatauv(L, sizeof(*object), 0);
    memset(object, 0, sizeof(*object));
    object->upload.fd = object->upload.place.folder = -1;
    luaL_setmetatable(L, UPLOAD_METATABLE);
    salvor_read_local_attributes(L, 6, &object->upload.attributes);
    object->upload.size = size;
    object->upload.part_size = part_size;
    struct call *call = new_call(L, object);
    call->root = root;
    salvor_local_root_use(root);
    call->path = path;
    call->id = id;
    return salvor_job_run(L, &call->job, run_begin, after_begin);
}

static struct call *new_part(lua_State *L, enum salvor_block_use use)
{
    lua_settop(L, 3);
    struct upload_object *object = check_upload(L);
    lua_Integer offset = luaL_checkinteger(L, 2);
    luaL_argcheck(L, offset >= 0, 2, "a number of bytes expected");
    struct call *call = new_call(L, object);
    salvor_hold_block(L, 3, &call->hold, use);
    call->offset = offset;
    return call;
}

static void run_has(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    job->result = salvor_local_upload_has(&call->object->upload, call->offset, call->hold.block,
                                          &job->stop, &job->failure);
}

static int after_has(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct call *call = (struct call *)context;
    if (call->job.result < 0)
        return salvor_job_check(L, &call->job, "");
    lua_pushboolean(L, call->job.result);
    return 1;
}

static int upload_has(lua_State *L)
{
    struct call *call = new_part(L, SALVOR_BLOCK_READ);
    if (!call->object->upload.found)
        return after_has(L, LUA_OK, (lua_KContext)call);
    return salvor_job_run(L, &call->job, run_has, after_has);
}

static void run_recall(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    job->result = salvor_local_upload_recall(&call->object->upload, call->offset, call->hold.block,
                                             &job->stop, &job->failure);
}

static int upload_recall(lua_State *L)
{
    struct call *call = new_part(L, SALVOR_BLOCK_WRITE);
    if (!call->object->upload.found)
        return after_has(L, LUA_OK, (lua_KContext)call);
    return salvor_job_run(L, &call->job, run_recall, after_has);
}

static void run_part(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    job->result = salvor_local_upload_part(&call->object->upload, call->offset, call->hold.block,
                                           &job->stop, &job->failure);
}

static int after_part(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct call *call = (struct call *)context;
    int failed = salvor_job_check(L, &call->job, "");
    if (failed)
        return failed;
    lua_pushboolean(L, 1);
    return 1;
}

static int upload_part(lua_State *L)
{
    struct call *call = new_part(L, SALVOR_BLOCK_READ);
    return salvor_job_run(L, &call->job, run_part, after_part);
}

static void run_finish(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    job->result =
        salvor_local_upload_finish(&call->object->upload, &call->item, &job->stop, &job->failure);
}

static int after_finish(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct call *call = (struct call *)context;
    int failed = salvor_job_check(L, &call->job, "");
    if (failed)
        return failed;
    call->object->closed = true;
    salvor_push_local_item(L, "", &call->item);
    return 1;
}

static int upload_finish(lua_State *L)
{
    struct upload_object *object = check_upload(L);
    luaL_argcheck(L, !object->users, 1, "parts are still under way");
    lua_settop(L, 1);
    struct call *call = new_call(L, object);
    return salvor_job_run(L, &call->job, run_finish, after_finish);
}

static int upload_abort(lua_State *L)
{
    close_upload(luaL_checkudata(L, 1, UPLOAD_METATABLE), true);
    return 0;
}

static int upload_close(lua_State *L)
{
    close_upload(luaL_checkudata(L, 1, UPLOAD_METATABLE), false);
    return 0;
}

void salvor_local_upload_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {{"has", upload_has},
                                       {"recall", upload_recall},
                                       {"part", upload_part},
                                       {"finish", upload_finish},
                                       {"abort", upload_abort},
                                       {"close", upload_close},
                                       {NULL, NULL}};
    luaL_newmetatable(L, UPLOAD_METATABLE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    /* Ctrl-C may come before whoever began it has it in a variable: then nobody will end it. */
    lua_pushcfunction(L, upload_abort);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
