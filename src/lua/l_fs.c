/* salvor.fs: local files. Every call is short, so none waits on the event loop. */
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/folder.h"
#include "core/path.h"
#include "lua/binding.h"
#include "lua/modules.h"

enum { READ_LIMIT = 256 << 20, PATH_LIMIT = 1 << 20 };

static const char *check_path(lua_State *L, int index)
{
    const char *path = salvor_check_path(L, index);
    luaL_argcheck(L, *path, index, "path is empty");
    return path;
}

static mode_t check_mode(lua_State *L, int index, lua_Integer fallback)
{
    lua_Integer mode = salvor_option_integer(L, index, "mode", fallback);
    luaL_argcheck(L, mode >= 0 && mode <= 07777, index,
                  "option 'mode': permission bits expected, as in tonumber(\"600\", 8)");
    return (mode_t)mode;
}

static int fail(lua_State *L, struct salvor_error *err, const char *op)
{
    salvor_error_op(err, op);
    return salvor_fail(L, err);
}

static int done(lua_State *L, int result, struct salvor_error *err, const char *op)
{
    if (result < 0)
        return fail(L, err, op);
    lua_pushboolean(L, 1);
    return 1;
}

static int push_buffer(lua_State *L, const struct salvor_buffer *buffer)
{
    lua_pushlstring(L, buffer->data, buffer->size);
    return 1;
}

/* read(path, {limit=}) -> bytes */
static int fs_read(lua_State *L)
{
    static const char *const options[] = {"limit", NULL};
    struct salvor_error err;
    const char *path = check_path(L, 1);
    salvor_check_options(L, 2, options);
    lua_Integer limit = salvor_option_integer(L, 2, "limit", READ_LIMIT);
    luaL_argcheck(L, limit >= 0, 2, "option 'limit': a number of bytes expected");
    struct salvor_buffer *content = salvor_box_buffer(L, (size_t)limit);
    if (salvor_file_read(content, path, &err) < 0)
        return fail(L, &err, "fs.read");
    return push_buffer(L, content);
}

/* write(path, data, {mode=0600, exclusive=false}) -> true */
static int fs_write(lua_State *L)
{
    static const char *const options[] = {"mode", "exclusive", NULL};
    struct salvor_error err;
    size_t size;
    const char *path = check_path(L, 1);
    const char *data = luaL_checklstring(L, 2, &size);
    salvor_check_options(L, 3, options);
    mode_t mode = check_mode(L, 3, 0600);
    bool exclusive = salvor_option_boolean(L, 3, "exclusive", false);
    return done(L, salvor_file_write(path, data, size, mode, exclusive, &err), &err, "fs.write");
}

/* append(path, data, {mode=0600}) -> true */
static int fs_append(lua_State *L)
{
    static const char *const options[] = {"mode", NULL};
    struct salvor_error err;
    size_t size;
    const char *path = check_path(L, 1);
    const char *data = luaL_checklstring(L, 2, &size);
    salvor_check_options(L, 3, options);
    mode_t mode = check_mode(L, 3, 0600);
    return done(L, salvor_file_append(path, data, size, mode, &err), &err, "fs.append");
}

/* truncate(path, size) -> true */
static int fs_truncate(lua_State *L)
{
    struct salvor_error err;
    const char *path = check_path(L, 1);
    lua_Integer size = luaL_checkinteger(L, 2);
    luaL_argcheck(L, size >= 0, 2, "a number of bytes expected");
    return done(L, salvor_file_truncate(path, (off_t)size, &err), &err, "fs.truncate");
}

/* mkdir(path, {mode=0700, parents=false}) -> true */
static int fs_mkdir(lua_State *L)
{
    static const char *const options[] = {"mode", "parents", NULL};
    struct salvor_error err;
    const char *path = check_path(L, 1);
    salvor_check_options(L, 2, options);
    mode_t mode = check_mode(L, 2, 0700);
    bool parents = salvor_option_boolean(L, 2, "parents", false);
    return done(L, salvor_folder_make(path, mode, parents, NULL, &err), &err, "fs.mkdir");
}

static void release_list(void *object)
{
    salvor_folder_list_release(object);
}

/* list(path) -> {{name=, type=}...} in the order of their bytes */
static int fs_list(lua_State *L)
{
    struct salvor_error err;
    const char *path = check_path(L, 1);
    struct salvor_folder_list *list = salvor_box(L, sizeof(*list), release_list);
    if (salvor_folder_list(list, path, &err) < 0)
        return fail(L, &err, "fs.list");
    lua_createtable(L, (int)list->count, 0);
    for (size_t i = 0; i < list->count; i++) {
        lua_createtable(L, 0, 2);
        lua_pushstring(L, list->entries[i].name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, list->entries[i].type);
        lua_setfield(L, -2, "type");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* stat(path, {follow=true}) -> {type=, size=, mode=, mtime=, uid=, gid=} */
static int fs_stat(lua_State *L)
{
    static const char *const options[] = {"follow", NULL};
    struct salvor_error err;
    struct salvor_file_status status;
    const char *path = check_path(L, 1);
    salvor_check_options(L, 2, options);
    if (salvor_file_stat(&status, path, salvor_option_boolean(L, 2, "follow", true), &err) < 0)
        return fail(L, &err, "fs.stat");
    lua_createtable(L, 0, 6);
    lua_pushstring(L, status.type);
    lua_setfield(L, -2, "type");
    lua_pushinteger(L, status.size);
    lua_setfield(L, -2, "size");
    lua_pushinteger(L, status.mode);
    lua_setfield(L, -2, "mode");
    lua_pushnumber(L, status.mtime);
    lua_setfield(L, -2, "mtime");
    lua_pushinteger(L, status.uid);
    lua_setfield(L, -2, "uid");
    lua_pushinteger(L, status.gid);
    lua_setfield(L, -2, "gid");
    return 1;
}

/* writable(path) -> true: this process may make files in that folder */
static int fs_writable(lua_State *L)
{
    struct salvor_error err;
    return done(L, salvor_folder_writable(check_path(L, 1), &err), &err, "fs.writable");
}

/* rename(from, to, {exclusive=false}) -> true */
static int fs_rename(lua_State *L)
{
    static const char *const options[] = {"exclusive", NULL};
    struct salvor_error err;
    const char *from = check_path(L, 1), *to = check_path(L, 2);
    salvor_check_options(L, 3, options);
    bool exclusive = salvor_option_boolean(L, 3, "exclusive", false);
    return done(L, salvor_file_rename(from, to, exclusive, &err), &err, "fs.rename");
}

/* remove(path) -> true: a file, a link or an empty folder */
static int fs_remove(lua_State *L)
{
    struct salvor_error err;
    return done(L, salvor_file_remove(check_path(L, 1), &err), &err, "fs.remove");
}

/* remove_tree(path) -> true */
static int fs_remove_tree(lua_State *L)
{
    struct salvor_error err;
    return done(L, salvor_folder_remove_tree(check_path(L, 1), &err), &err, "fs.remove_tree");
}

/* symlink(target, path, {replace=false}) -> true */
static int fs_symlink(lua_State *L)
{
    static const char *const options[] = {"replace", NULL};
    struct salvor_error err;
    const char *target = check_path(L, 1), *path = check_path(L, 2);
    salvor_check_options(L, 3, options);
    bool replace = salvor_option_boolean(L, 3, "replace", false);
    return done(L, salvor_link_make(target, path, replace, &err), &err, "fs.symlink");
}

/* What the functions share that turn one path into another: a call below on a boxed buffer. */
static int convert(lua_State *L, const char *op,
                   int (*call)(struct salvor_buffer *, const char *, struct salvor_error *))
{
    struct salvor_error err;
    const char *path = check_path(L, 1);
    struct salvor_buffer *out = salvor_box_buffer(L, PATH_LIMIT);
    if (call(out, path, &err) < 0)
        return fail(L, &err, op);
    return push_buffer(L, out);
}

/* readlink(path) -> target */
static int fs_readlink(lua_State *L)
{
    return convert(L, "fs.readlink", salvor_link_read);
}

/* absolute(path) -> path from the root */
static int fs_absolute(lua_State *L)
{
    return convert(L, "fs.absolute", salvor_path_absolute);
}

/* dirname(path) -> path */
static int fs_dirname(lua_State *L)
{
    return convert(L, "fs.dirname", salvor_path_folder);
}

/* basename(path) -> name */
static int fs_basename(lua_State *L)
{
    return convert(L, "fs.basename", salvor_path_name);
}

/* join(part, ...) -> path */
static int fs_join(lua_State *L)
{
    struct salvor_error err;
    int count = lua_gettop(L);
    luaL_argcheck(L, count > 0, 1, "path expected");
    for (int i = 1; i <= count; i++)
        salvor_check_path(L, i);
    struct salvor_buffer *path = salvor_box_buffer(L, PATH_LIMIT);
    for (int i = 1; i <= count; i++)
        if (salvor_path_join(path, lua_tostring(L, i), &err) < 0)
            return fail(L, &err, "fs.join");
    return push_buffer(L, path);
}

/* temporary_folder([parent]) -> path */
static int fs_temporary_folder(lua_State *L)
{
    struct salvor_error err;
    const char *parent = lua_isnoneornil(L, 1) ? NULL : check_path(L, 1);
    struct salvor_buffer *path = salvor_box_buffer(L, PATH_LIMIT);
    if (salvor_folder_temporary(path, parent, &err) < 0)
        return fail(L, &err, "fs.temporary_folder");
    return push_buffer(L, path);
}

/* Locks */

#define LOCK_METATABLE "salvor.fs.lock"

struct lock {
    int descriptor;
};

static int lock_close(lua_State *L)
{
    struct lock *lock = luaL_checkudata(L, 1, LOCK_METATABLE);
    salvor_lock_release(lock->descriptor);
    lock->descriptor = -1;
    return 0;
}

/* lock(path) -> handle with :close(), released at the latest when the process ends */
static int fs_lock(lua_State *L)
{
    struct salvor_error err;
    const char *path = check_path(L, 1);
    struct lock *lock = lua_newuserdatauv(L, sizeof(*lock), 0);
    lock->descriptor = -1;
    luaL_setmetatable(L, LOCK_METATABLE);
    if (salvor_lock_acquire(&lock->descriptor, path, &err) < 0)
        return fail(L, &err, "fs.lock");
    return 1;
}

static void make_lock_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", lock_close}, {"__close", lock_close}, {"__gc", lock_close}, {NULL, NULL}};
    luaL_newmetatable(L, LOCK_METATABLE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int luaopen_salvor_fs(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"absolute", fs_absolute}, {"append", fs_append},
        {"basename", fs_basename}, {"dirname", fs_dirname},
        {"join", fs_join},         {"list", fs_list},
        {"lock", fs_lock},         {"mkdir", fs_mkdir},
        {"read", fs_read},         {"readlink", fs_readlink},
        {"remove", fs_remove},     {"remove_tree", fs_remove_tree},
        {"rename", fs_rename},     {"stat", fs_stat},
        {"symlink", fs_symlink},   {"temporary_folder", fs_temporary_folder},
        {"truncate", fs_truncate}, {"writable", fs_writable},
        {"write", fs_write},       {NULL, NULL}};
    make_lock_metatable(L);
    luaL_newlib(L, functions);
    return 1;
}
