/*
 * salvor.local: the files below a folder as a store sees them, for lua/salvor/store/folder. Each call
 * but open and close works in a thread.
 *
 *     open(path, make) -> root
 *     root:list(prefix, one_level, count [, walk]) -> items, walk (nil at the end)
 *     root:stat(path) -> item
 *     root:read(path, block, offset, length [, etag]) -> item
 *     root:write(path, block, {mode=, modified=, if_absent=}) -> item
 *     root:remove(paths) -> {{path=, err=}...}    those that failed
 *     root:begin(path, size, part_size, id, {mode=, modified=, if_absent=}) -> upload
 *     upload:has(offset, block) -> boolean    upload:part(offset, block) -> true
 *     upload:recall(offset, block) -> boolean
 *     upload:finish() -> item    upload:abort()    upload:close()
 *
 * An item is {path, kind, size, modified, mode, etag}. Where these fail: nil, error.
 */
#include <stdlib.h>

#include "lua/binding.h"
#include "lua/block.h"
#include "lua/job.h"
#include "lua/local.h"
#include "lua/modules.h"

/* Roots */

static int local_open(lua_State *L)
{
    struct salvor_error err;
    const char *path = salvor_check_local_path(L, 1);
    bool make = lua_toboolean(L, 2);
    struct salvor_local_root_object *root = lua_newuserdatauv(L, sizeof(*root), 0);
    *root = (struct salvor_local_root_object){.root.fd = -1};
    luaL_setmetatable(L, SALVOR_LOCAL_ROOT);
    if (salvor_local_root_open(&root->root, path, make, &err) < 0)
        return salvor_fail(L, &err);
    return 1;
}

static int root_close(lua_State *L)
{
    struct salvor_local_root_object *root = luaL_checkudata(L, 1, SALVOR_LOCAL_ROOT);
    if (!root->closed) {
        root->closed = true;
        root->users++;
        salvor_local_root_leave(root);
    }
    return 0;
}

/* One object */

struct call {
    struct salvor_job job;
    struct salvor_local_root_object *root;
    struct salvor_block_hold hold;
    const char *path, *etag; /* on the stack */
    int64_t offset, length;
    struct salvor_local_attributes attributes;
    struct salvor_local_item item;
};

static void release_call(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    salvor_block_drop(&call->hold);
    salvor_local_root_leave(call->root);
}

static struct call *new_call(lua_State *L)
{
    struct salvor_local_root_object *root = salvor_check_local_root(L);
    const char *path = salvor_check_local_path(L, 2);
    struct call *call = salvor_job_new(L, sizeof(*call), release_call);
    call->root = root;
    salvor_local_root_use(root);
    call->path = path;
    return call;
}

static int after_call(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct call *call = (struct call *)context;
    int failed = salvor_job_check(L, &call->job, "");
    if (failed)
        return failed;
    salvor_push_local_item(L, call->path, &call->item);
    return 1;
}

static void run_stat(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    job->result = salvor_local_stat(&call->item, &call->root->root, call->path, &job->failure);
}

static int root_stat(lua_State *L)
{
    struct call *call = new_call(L);
    return salvor_job_run(L, &call->job, run_stat, after_call);
}

static void run_read(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    job->result =
        salvor_local_read(&call->item, &call->root->root, call->path, call->hold.block,
                          call->offset, call->length, call->etag, &job->stop, &job->failure);
}

static int root_read(lua_State *L)
{
    lua_settop(L, 6);
    struct call *call = new_call(L);
    salvor_hold_block(L, 3, &call->hold, SALVOR_BLOCK_WRITE);
    call->offset = luaL_checkinteger(L, 4);
    call->length = luaL_optinteger(L, 5, INT64_MAX);
    luaL_argcheck(L, call->offset >= 0, 4, "a number of bytes expected");
    luaL_argcheck(L, call->length >= 0, 5, "a number of bytes expected");
    call->etag = luaL_optstring(L, 6, NULL);
    return salvor_job_run(L, &call->job, run_read, after_call);
}

static void run_write(struct salvor_job *job)
{
    struct call *call = (struct call *)job;
    job->result = salvor_local_write(&call->item, &call->root->root, call->path, call->hold.block,
                                     &call->attributes, &job->stop, &job->failure);
}

static int root_write(lua_State *L)
{
    lua_settop(L, 4);
    struct call *call = new_call(L);
    salvor_hold_block(L, 3, &call->hold, SALVOR_BLOCK_READ);
    salvor_read_local_attributes(L, 4, &call->attributes);
    return salvor_job_run(L, &call->job, run_write, after_call);
}

/* Removing */

struct removal {
    struct salvor_job job;
    struct salvor_local_root_object *root;
    const char **paths; /* of strings in the list, which is on the stack */
    struct salvor_error **errors;
    size_t count;
};

static void release_removal(struct salvor_job *job)
{
    struct removal *removal = (struct removal *)job;
    for (size_t i = 0; removal->errors && i < removal->count; i++)
        free(removal->errors[i]);
    free(removal->errors);
    free(removal->paths);
    salvor_local_root_leave(removal->root);
}

static void run_removal(struct salvor_job *job)
{
    struct removal *removal = (struct removal *)job;
    struct salvor_error err;
    for (size_t i = 0; i < removal->count && !atomic_load(&job->stop); i++) {
        if (salvor_local_remove(&removal->root->root, removal->paths[i], &err) == 0)
            continue;
        removal->errors[i] = malloc(sizeof(err));
        if (!removal->errors[i]) {
            job->result = salvor_error_memory(&job->failure);
            return;
        }
        *removal->errors[i] = err;
    }
}

static int after_removal(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct removal *removal = (struct removal *)context;
    int failed = salvor_job_check(L, &removal->job, "");
    if (failed)
        return failed;
    lua_newtable(L);
    for (size_t i = 0; i < removal->count; i++) {
        if (!removal->errors[i])
            continue;
        lua_createtable(L, 0, 2);
        lua_pushstring(L, removal->paths[i]);
        lua_setfield(L, -2, "path");
        salvor_push_error(L, removal->errors[i]);
        lua_setfield(L, -2, "err");
        lua_rawseti(L, -2, luaL_len(L, -2) + 1);
    }
    return 1;
}

static int root_remove(lua_State *L)
{
    struct salvor_error err;
    struct salvor_local_root_object *root = salvor_check_local_root(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    size_t count = (size_t)luaL_len(L, 2);
    struct removal *removal = salvor_job_new(L, sizeof(*removal), release_removal);
    removal->root = root;
    salvor_local_root_use(root);
    removal->paths = calloc(count + 1, sizeof(*removal->paths));
    removal->errors = calloc(count + 1, sizeof(*removal->errors));
    if (!removal->paths || !removal->errors) {
        salvor_error_memory(&err);
        return salvor_fail(L, &err);
    }
    removal->count = count;
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "a list of paths expected");
        removal->paths[i] = salvor_check_local_path(L, -1);
        lua_pop(L, 1);
    }
    return salvor_job_run(L, &removal->job, run_removal, after_removal);
}

static void make_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {{"list", salvor_local_list}, {"stat", root_stat},
                                       {"read", root_read},         {"write", root_write},
                                       {"remove", root_remove},     {"begin", salvor_local_begin},
                                       {"close", root_close},       {NULL, NULL}};
    luaL_newmetatable(L, SALVOR_LOCAL_ROOT);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, root_close);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

int luaopen_salvor_local(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", local_open}, {NULL, NULL}};
    make_metatable(L);
    salvor_local_walk_metatable(L);
    salvor_local_upload_metatable(L);
    luaL_newlib(L, functions);
    return 1;
}
