/*
 * salvor.local: the files below a folder as a store sees them, for lua/salvor/store/folder. Each call
 * but root:close works in a thread.
 *
 *     open(path, make) -> root
 *     readlink(path) -> target    Invalid when it is no link
 *     root:list(prefix, one_level, count [, walk]) -> items, walk (nil at the end)
 *     root:stat(path) -> item
 *     root:read(path, block, offset, length [, etag]) -> item
 *     root:write(path, block, {mode=, modified=, if_absent=}) -> item
 *     root:remove(paths) -> {{path=, err=}...}    those that failed
 *     root:begin(path, size, part_size, id, {mode=, modified=, if_absent=} [, patience]) -> upload
 *     upload:has(offset, block) -> boolean    upload:part(offset, block) -> true
 *     upload:recall(offset, block) -> boolean
 *     upload:finish() -> item    upload:abort()    upload:close()
 *
 * An item is {path, kind, size, modified, mode, etag}. Where these fail: nil, error.
 */
#include "core/file.h"
#include "lua/binding.h"
#include "lua/block.h"
#include "lua/job.h"
#include "lua/local.h"
#include "lua/modules.h"

/* Roots */

struct opening {
    struct salvor_job job;
    struct salvor_local_root_object *root; /* NULL: the script has it */
    const char *path;                      /* on the stack */
    bool make;
};

static void release_opening(struct salvor_job *job)
{
    struct opening *opening = (struct opening *)job;
    if (opening->root)
        salvor_local_root_close(&opening->root->root);
}

static void run_opening(struct salvor_job *job)
{
    struct opening *opening = (struct opening *)job;
    job->result = salvor_local_root_open(&opening->root->root, opening->path, opening->make,
                                         &job->stop, &job->failure);
}

static int after_opening(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct opening *opening = (struct opening *)context;
    int failed = salvor_job_check(L, &opening->job, "");
    if (failed)
        return failed;
    opening->root = NULL;
    lua_pushvalue(L, 3);
    return 1;
}

static int local_open(lua_State *L)
{
    lua_settop(L, 2);
    const char *path = salvor_check_path(L, 1);
    bool make = lua_toboolean(L, 2);
    struct salvor_local_root_object *root = lua_newuserdatauv(L, sizeof(*root), 0);
    *root = (struct salvor_local_root_object){.root.fd = -1};
    luaL_setmetatable(L, SALVOR_LOCAL_ROOT);
    struct opening *opening = salvor_job_new(L, sizeof(*opening), release_opening);
    opening->root = root;
    opening->path = path;
    opening->make = make;
    return salvor_job_run(L, &opening->job, run_opening, after_opening);
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

/* Links on the way to a root */

struct link {
    struct salvor_job job;
    struct salvor_buffer target;
    const char *path; /* on the stack */
};

static void release_link(struct salvor_job *job)
{
    salvor_buffer_release(&((struct link *)job)->target);
}

static void run_link(struct salvor_job *job)
{
    struct link *link = (struct link *)job;
    job->result = salvor_link_read(&link->target, link->path, &job->failure);
}

static int after_link(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct link *link = (struct link *)context;
    int failed = salvor_job_check(L, &link->job, "");
    if (failed)
        return failed;
    lua_pushlstring(L, link->target.data, link->target.size);
    return 1;
}

static int local_readlink(lua_State *L)
{
    const char *path = salvor_check_path(L, 1);
    struct link *link = salvor_job_new(L, sizeof(*link), release_link);
    salvor_buffer_init(&link->target, PATH_MAX);
    link->path = path;
    return salvor_job_run(L, &link->job, run_link, after_link);
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
    const char *path = salvor_check_path(L, 2);
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

static void make_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {{"list", salvor_local_list},
                                       {"stat", root_stat},
                                       {"read", root_read},
                                       {"write", root_write},
                                       {"remove", salvor_local_remove_all},
                                       {"begin", salvor_local_begin},
                                       {"close", root_close},
                                       {NULL, NULL}};
    luaL_newmetatable(L, SALVOR_LOCAL_ROOT);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, root_close);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

int luaopen_salvor_local(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"open", local_open}, {"readlink", local_readlink}, {NULL, NULL}};
    make_metatable(L);
    salvor_local_walk_metatable(L);
    salvor_local_upload_metatable(L);
    luaL_newlib(L, functions);
    return 1;
}
