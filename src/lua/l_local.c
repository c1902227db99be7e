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
#include <string.h>

#include "lua/binding.h"
#include "lua/block.h"
#include "lua/job.h"
#include "lua/local.h"
#include "lua/modules.h"
#include "store/local/walk.h"

#define ROOT_METATABLE "salvor.local.root"
#define WALK_METATABLE "salvor.local.walk"

enum { PAGE_MAX = 1000 };

struct salvor_local_root_object *salvor_check_local_root(lua_State *L)
{
    struct salvor_local_root_object *root = luaL_checkudata(L, 1, ROOT_METATABLE);
    luaL_argcheck(L, !root->closed, 1, "the store was closed");
    return root;
}

void salvor_local_root_use(struct salvor_local_root_object *root)
{
    root->users++;
}

void salvor_local_root_leave(struct salvor_local_root_object *root)
{
    if (root && --root->users == 0 && root->closed)
        salvor_local_root_close(&root->root);
}

const char *salvor_check_local_path(lua_State *L, int index)
{
    size_t size;
    const char *path = luaL_checklstring(L, index, &size);
    luaL_argcheck(L, strlen(path) == size, index, "path holds a zero byte");
    return path;
}

void salvor_push_local_item(lua_State *L, const char *path, const struct salvor_local_item *item)
{
    lua_createtable(L, 0, 6);
    lua_pushstring(L, path);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, item->kind);
    lua_setfield(L, -2, "kind");
    lua_pushinteger(L, item->size);
    lua_setfield(L, -2, "size");
    lua_pushnumber(L, item->modified);
    lua_setfield(L, -2, "modified");
    lua_pushinteger(L, item->mode);
    lua_setfield(L, -2, "mode");
    lua_pushstring(L, item->etag);
    lua_setfield(L, -2, "etag");
}

void salvor_read_local_attributes(lua_State *L, int index,
                                  struct salvor_local_attributes *attributes)
{
    static const char *const names[] = {"mode", "modified", "if_absent", NULL};
    salvor_check_options(L, index, names);
    lua_Integer mode = salvor_option_integer(L, index, "mode", 0600);
    luaL_argcheck(L, mode >= 0 && mode <= 07777, index, "option 'mode': permission bits expected");
    attributes->mode = (unsigned)mode;
    attributes->modified = salvor_option_number(L, index, "modified", -1);
    attributes->if_absent = salvor_option_boolean(L, index, "if_absent", false);
}

/* Roots */

static int local_open(lua_State *L)
{
    struct salvor_error err;
    const char *path = salvor_check_local_path(L, 1);
    bool make = lua_toboolean(L, 2);
    struct salvor_local_root_object *root = lua_newuserdatauv(L, sizeof(*root), 0);
    *root = (struct salvor_local_root_object){.root.fd = -1};
    luaL_setmetatable(L, ROOT_METATABLE);
    if (salvor_local_root_open(&root->root, path, make, &err) < 0)
        return salvor_fail(L, &err);
    return 1;
}

static int root_close(lua_State *L)
{
    struct salvor_local_root_object *root = luaL_checkudata(L, 1, ROOT_METATABLE);
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

/* Lists */

struct walk_object {
    struct salvor_local_walk walk;
    bool busy;
};

struct listing {
    struct salvor_job job;
    struct salvor_local_root_object *root;
    struct walk_object *object;
    struct salvor_local_page page;
    const char *prefix; /* NULL: the walk is open */
    size_t count;
    bool one_level, more;
};

static void release_listing(struct salvor_job *job)
{
    struct listing *listing = (struct listing *)job;
    salvor_local_page_release(&listing->page);
    if (listing->object)
        listing->object->busy = false;
    salvor_local_root_leave(listing->root);
}

static void run_listing(struct salvor_job *job)
{
    struct listing *listing = (struct listing *)job;
    struct salvor_local_walk *walk = &listing->object->walk;
    salvor_local_page_init(&listing->page);
    if (listing->prefix)
        job->result = salvor_local_walk_open(walk, &listing->root->root, listing->prefix,
                                             listing->one_level, &job->stop, &job->failure);
    if (job->result == 0)
        job->result =
            salvor_local_walk_next(walk, &listing->page, &listing->root->root, listing->count,
                                   &listing->more, &job->stop, &job->failure);
}

static int after_listing(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct listing *listing = (struct listing *)context;
    if (salvor_job_check(L, &listing->job, "")) {
        /* Which folder it was. */
        lua_pushlstring(L, listing->object->walk.path.data, listing->object->walk.path.size);
        lua_setfield(L, -2, "path");
        return 2;
    }
    lua_createtable(L, (int)listing->page.count, 0);
    for (size_t i = 0; i < listing->page.count; i++) {
        const struct salvor_local_found *found = &listing->page.found[i];
        salvor_push_local_item(L, listing->page.names.data + found->name, &found->item);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    if (!listing->more)
        return 1;
    lua_pushvalue(L, 5);
    return 2;
}

/* list(prefix, one_level, count [, walk]) */
static int root_list(lua_State *L)
{
    lua_settop(L, 5);
    struct salvor_local_root_object *root = salvor_check_local_root(L);
    const char *prefix = salvor_check_local_path(L, 2);
    lua_Integer count = luaL_checkinteger(L, 4);
    luaL_argcheck(L, count >= 1 && count <= PAGE_MAX, 4, "from 1 to 1000 expected");
    bool is_new = lua_isnil(L, 5);
    if (is_new) {
        struct walk_object *object = lua_newuserdatauv(L, sizeof(*object), 0);
        memset(object, 0, sizeof(*object));
        luaL_setmetatable(L, WALK_METATABLE);
        lua_replace(L, 5);
    }
    struct walk_object *object = luaL_checkudata(L, 5, WALK_METATABLE);
    luaL_argcheck(L, !object->busy, 5, "another task goes on with this list");
    struct listing *listing = salvor_job_new(L, sizeof(*listing), release_listing);
    listing->root = root;
    salvor_local_root_use(root);
    listing->object = object;
    object->busy = true;
    listing->prefix = is_new ? prefix : NULL;
    listing->one_level = lua_toboolean(L, 3);
    listing->count = (size_t)count;
    return salvor_job_run(L, &listing->job, run_listing, after_listing);
}

static int walk_gc(lua_State *L)
{
    struct walk_object *object = luaL_checkudata(L, 1, WALK_METATABLE);
    salvor_local_walk_close(&object->walk);
    return 0;
}

static void make_metatables(lua_State *L)
{
    static const luaL_Reg methods[] = {{"list", root_list},     {"stat", root_stat},
                                       {"read", root_read},     {"write", root_write},
                                       {"remove", root_remove}, {"begin", salvor_local_begin},
                                       {"close", root_close},   {NULL, NULL}};
    luaL_newmetatable(L, ROOT_METATABLE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, root_close);
    lua_setfield(L, -2, "__gc");
    luaL_newmetatable(L, WALK_METATABLE);
    lua_pushcfunction(L, walk_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 2);
}

int luaopen_salvor_local(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", local_open}, {NULL, NULL}};
    make_metatables(L);
    salvor_local_upload_metatable(L);
    luaL_newlib(L, functions);
    return 1;
}
