/* Uploads of salvor.local (l_local.c): a large file in parts. */
#include <stdatomic.h>
#include <string.h>

#include "lua/binding.h"
#include "lua/block.h"
#include "lua/job.h"
#include "lua/local.h"
#include "store/local/upload.h"

#define UPLOAD_METATABLE "salvor.local.upload"

/*
 * The script's side and each call use it, and the last one to leave closes it, in his thread: threads
 * that were left behind may still write when the script has ended the upload.
 */
struct upload_object {
    struct salvor_local_upload upload;
    atomic_uint users;
    bool closed; /* by the script */
};

struct call {
    struct salvor_job job;
    struct upload_object *object; /* NULL: the call has left it */
    int (*work)(struct call *call);
    struct salvor_block_hold hold;
    int64_t offset;
    struct salvor_local_item item;
    /* Of begin. */
    struct salvor_local_root_object *root;
    const char *path, *id;        /* on the stack */
    struct upload_object *opened; /* and nobody has it yet */
    /* Of the end. */
    bool removes;
};

static void leave(struct upload_object *object)
{
    if (atomic_fetch_sub(&object->users, 1) == 1)
        salvor_local_upload_close(&object->upload);
}

static void leave_call(struct call *call)
{
    struct upload_object *object = call->object;
    call->object = NULL;
    leave(object);
}

/* In the thread */

static void run_call(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    job->result = call->work(call);
    leave_call(call);
}

static int begin(struct call *call)
{
    return salvor_local_upload_open(&call->object->upload, &call->root->root, call->path, call->id,
                                    &call->job.stop, &call->job.failure);
}

static int has(struct call *call)
{
    return salvor_local_upload_has(&call->object->upload, call->offset, call->hold.block,
                                   &call->job.stop, &call->job.failure);
}

static int recall(struct call *call)
{
    return salvor_local_upload_recall(&call->object->upload, call->offset, call->hold.block,
                                      &call->job.stop, &call->job.failure);
}

static int write_part(struct call *call)
{
    return salvor_local_upload_part(&call->object->upload, call->offset, call->hold.block,
                                    &call->job.stop, &call->job.failure);
}

static int finish(struct call *call)
{
    return salvor_local_upload_finish(&call->object->upload, &call->item, &call->job.stop,
                                      &call->job.failure);
}

/* It can be left behind once the kernel has been asked, which does it also when we end. */
static int end(struct call *call)
{
    struct salvor_local_upload *upload = &call->object->upload;
    if (call->removes)
        salvor_local_upload_prepare_removal(upload);
    salvor_stop_enable(&call->job.stop);
    if (call->removes)
        salvor_local_upload_remove(upload);
    return 0;
}

/* In the loop's */

/* The end of the script's side where nobody can wait for a thread. */
static void end_here(struct upload_object *object)
{
    if (object->closed)
        return;
    object->closed = true;
    salvor_local_abandon(&object->upload);
    leave(object);
}

static void release_call(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    salvor_block_drop(&call->hold);
    salvor_local_root_leave(call->root);
    if (call->opened)
        end_here(call->opened);
    if (call->object && call->work == end)
        end(call); /* there was no thread for it */
    if (call->object)
        leave_call(call);
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

static int start(lua_State *L, struct call *call, int (*work)(struct call *call),
                 lua_KFunction after)
{
    call->work = work;
    return salvor_job_run(L, &call->job, run_call, after);
}

static int after_begin(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct call *call = (struct call *)context;
    int failed = salvor_job_check(L, &call->job, "");
    if (failed)
        return failed;
    call->opened = NULL;
    lua_pushvalue(L, 8);
    return 1;
}

int salvor_local_begin(lua_State *L)
{
    lua_settop(L, 7);
    struct salvor_local_root_object *root = salvor_check_local_root(L);
    const char *path = salvor_check_path(L, 2);
    lua_Integer size = luaL_checkinteger(L, 3), part_size = luaL_checkinteger(L, 4);
    const char *id = luaL_checkstring(L, 5);
    luaL_argcheck(L, size >= 0 && size <= SALVOR_LOCAL_UPLOAD_MAX, 3, "a number of bytes expected");
    luaL_argcheck(L, part_size >= 1, 4, "a number of bytes expected");
    luaL_argcheck(L, strspn(id, "0123456789abcdef") == strlen(id) && strlen(id) <= 64, 5,
                  "hexadecimal digits expected");
    lua_Number patience = luaL_optnumber(L, 7, 0);
    struct upload_object *object = lua_newuserdatauv(L, sizeof(*object), 0);
    memset(object, 0, sizeof(*object));
    object->users = 1;
    object->upload.fd = object->upload.keeper = object->upload.place.folder = -1;
    luaL_setmetatable(L, UPLOAD_METATABLE);
    salvor_read_local_attributes(L, 6, &object->upload.attributes);
    object->upload.patience = patience;
    object->upload.size = size;
    object->upload.part_size = part_size;
    struct call *call = new_call(L, object);
    call->opened = object;
    call->root = root;
    salvor_local_root_use(root);
    call->path = path;
    call->id = id;
    return start(L, call, begin, after_begin);
}

static struct call *new_part(lua_State *L, enum salvor_block_use use)
{
    lua_settop(L, 3);
    struct upload_object *object = check_upload(L);
    lua_Integer offset = luaL_checkinteger(L, 2);
    luaL_argcheck(L, offset >= 0 && offset <= object->upload.size, 2, "beyond the upload's end");
    struct call *call = new_call(L, object);
    salvor_hold_block(L, 3, &call->hold, use);
    call->offset = offset;
    return call;
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
    return start(L, call, has, after_has);
}

static int upload_recall(lua_State *L)
{
    struct call *call = new_part(L, SALVOR_BLOCK_WRITE);
    if (!call->object->upload.found)
        return after_has(L, LUA_OK, (lua_KContext)call);
    return start(L, call, recall, after_has);
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
    return start(L, call, write_part, after_part);
}

static int after_finish(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct call *call = (struct call *)context;
    int failed = salvor_job_check(L, &call->job, "");
    if (failed)
        return failed;
    ((struct upload_object *)lua_touserdata(L, 1))->closed = true;
    salvor_push_local_item(L, "", &call->item);
    return 1;
}

static int upload_finish(lua_State *L)
{
    struct upload_object *object = check_upload(L);
    luaL_argcheck(L, object->users == 1, 1, "parts are still under way");
    lua_settop(L, 1);
    struct call *call = new_call(L, object);
    return start(L, call, finish, after_finish);
}

static int after_end(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 0;
}

/* The script's use of the upload becomes that of the call. */
static int end_upload(lua_State *L, bool removes)
{
    struct upload_object *object = luaL_checkudata(L, 1, UPLOAD_METATABLE);
    lua_settop(L, 1);
    if (object->closed)
        return 0;
    struct call *call = salvor_job_new(L, sizeof(*call), release_call);
    call->object = object;
    call->work = end;
    call->removes = removes;
    object->closed = true;
    salvor_stop_disable(&call->job.stop);
    return salvor_job_run_briefly(L, &call->job, run_call, after_end);
}

static int upload_abort(lua_State *L)
{
    return end_upload(L, true);
}

static int upload_close(lua_State *L)
{
    return end_upload(L, false);
}

static int upload_gc(lua_State *L)
{
    end_here(luaL_checkudata(L, 1, UPLOAD_METATABLE));
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
    lua_pushcfunction(L, upload_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
