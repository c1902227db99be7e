/*
 * What salvor.sftp (l_sftp.c) does with files and folders.
 *
 *     connection:read(path, block, offset, length, likely) -> {size, modified, mode, kind}
 *         Fills the block with at most `length` bytes; `likely` are asked for at once. `changed` in
 *         the result: somebody wrote to the file meanwhile.
 *     connection:write(path, block, string or nil, {offset=0, create=, exclusive=, truncate=,
 *                      mode=0600, set_mode=, modified=, sync=, look=})
 *             -> true, or with `look` {size, modified, mode, kind}
 *         Opens the file, writes the bytes, sets its mode and time; with `sync` it is durable then.
 *     connection:list(path) -> listing     #listing, listing:get(index) -> name, kind, size, modified,
 *         mode; sorted by the bytes of paths: a folder's name counts with a "/" behind it
 */
#include <endian.h>
#include <string.h>

#include "lua/binding.h"
#include "lua/block.h"
#include "lua/sftp.h"
#include "lua/task.h"
#include "store/sum.h"

#define LISTING_METATABLE "salvor.sftp.listing"

/* read */

struct read {
    struct salvor_sftp_read read;
    struct salvor_block_hold hold;
};

static void release_read(void *object)
{
    struct read *read = object;
    salvor_sftp_stop(&read->read.call);
    salvor_block_drop(&read->hold);
}

static int after_read(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct read *read = (struct read *)context;
    int failed = salvor_sftp_check(L, &read->read.call);
    if (failed)
        return failed;
    read->hold.block->size = read->read.got;
    salvor_push_sftp_attrs(L, &read->read.attrs);
    if (read->read.changed) {
        lua_pushboolean(L, true);
        lua_setfield(L, -2, "changed");
    }
    return 1;
}

int salvor_sftp_lua_read(lua_State *L)
{
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    const char *path = salvor_check_sftp_path(L, 2);
    lua_Integer offset = luaL_checkinteger(L, 4);
    lua_Integer length = luaL_checkinteger(L, 5);
    lua_Integer likely = luaL_checkinteger(L, 6);
    luaL_argcheck(L, offset >= 0, 4, "an offset from 0 expected");
    luaL_argcheck(L, length >= 0, 5, "a number of bytes expected");
    luaL_argcheck(L, likely >= 0, 6, "a number of bytes expected");
    struct read *read = salvor_sftp_box(L, sizeof(*read), release_read);
    struct salvor_block *block = salvor_hold_block(L, 3, &read->hold, SALVOR_BLOCK_WRITE);
    luaL_argcheck(L, (size_t)length <= block->capacity, 5, "more than the block's capacity");
    block->size = 0;
    read->read.path = path;
    read->read.offset = (uint64_t)offset;
    read->read.data = block->data;
    read->read.size = (size_t)length;
    read->read.likely = (size_t)likely;
    salvor_sftp_read(sftp, &read->read);
    return salvor_wait(L, &read->read.call.op, after_read, (lua_KContext)read);
}

/* write */

struct write {
    struct salvor_sftp_write write;
    struct salvor_block_hold hold;
};

static void release_write(void *object)
{
    struct write *write = object;
    salvor_sftp_stop(&write->write.call);
    salvor_block_drop(&write->hold);
}

static int after_write(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    const struct write *write = (const struct write *)context;
    int failed = salvor_sftp_check(L, &write->write.call);
    if (failed)
        return failed;
    if (write->write.look)
        salvor_push_sftp_attrs(L, &write->write.result);
    else
        lua_pushboolean(L, true);
    return 1;
}

static uint32_t option_flags(lua_State *L, int index)
{
    uint32_t flags = SALVOR_SFTP_OPEN_WRITE;
    if (salvor_option_boolean(L, index, "create", false))
        flags |= SALVOR_SFTP_OPEN_CREATE;
    if (salvor_option_boolean(L, index, "exclusive", false))
        flags |= SALVOR_SFTP_OPEN_EXCLUSIVE;
    if (salvor_option_boolean(L, index, "truncate", false))
        flags |= SALVOR_SFTP_OPEN_TRUNCATE;
    return flags;
}

/* Times are whole seconds of 32 bits; those before 1970 become that. */
static uint32_t to_seconds(lua_Number modified)
{
    return modified < 0 ? 0 : modified > UINT32_MAX ? UINT32_MAX : (uint32_t)modified;
}

static void option_attrs(lua_State *L, int index, struct salvor_sftp_attrs *attrs)
{
    lua_Integer mode = salvor_option_integer(L, index, "set_mode", -1);
    lua_Number modified = salvor_option_number(L, index, "modified", -1);
    if (mode >= 0) {
        attrs->flags |= SALVOR_SFTP_ATTR_MODE;
        attrs->mode = (uint32_t)mode & 07777;
    }
    if (modified >= 0) {
        attrs->flags |= SALVOR_SFTP_ATTR_TIMES;
        attrs->modified = attrs->accessed = to_seconds(modified);
    }
}

static void option_rest(lua_State *L, int index, struct salvor_sftp_write *write)
{
    lua_Integer offset = salvor_option_integer(L, index, "offset", 0);
    luaL_argcheck(L, offset >= 0, index, "option 'offset': a number from 0 expected");
    write->offset = (uint64_t)offset;
    write->flags = option_flags(L, index);
    write->mode = (uint32_t)salvor_option_integer(L, index, "mode", 0600) & 07777;
    write->sync = salvor_option_boolean(L, index, "sync", false);
    write->look = salvor_option_boolean(L, index, "look", false);
    option_attrs(L, index, &write->attrs);
}

int salvor_sftp_lua_write(lua_State *L)
{
    static const char *const names[] = {"offset",   "create",   "exclusive", "truncate", "mode",
                                        "set_mode", "modified", "sync",      "look",     NULL};
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    const char *path = salvor_check_sftp_path(L, 2);
    luaL_checktype(L, 4, LUA_TTABLE);
    salvor_check_options(L, 4, names);
    lua_settop(L, 4);
    struct write *write = salvor_sftp_box(L, sizeof(*write), release_write);
    write->write.path = path;
    option_rest(L, 4, &write->write);
    if (lua_type(L, 3) == LUA_TSTRING) {
        write->write.data = lua_tolstring(L, 3, &write->write.size);
    } else if (!lua_isnil(L, 3)) {
        const struct salvor_block *block = salvor_hold_block(L, 3, &write->hold, SALVOR_BLOCK_READ);
        write->write.data = block->data;
        write->write.size = block->size;
    }
    salvor_sftp_write(sftp, &write->write);
    return salvor_wait(L, &write->write.call.op, after_write, (lua_KContext)write);
}

/* list */

static void release_list(void *object)
{
    struct salvor_sftp_list *list = object;
    salvor_sftp_stop(&list->call);
    salvor_sftp_listing_release(&list->listing);
}

static int after_list(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct salvor_sftp_list *list = (struct salvor_sftp_list *)context;
    int failed = salvor_sftp_check(L, &list->call);
    if (failed)
        return failed;
    struct salvor_sftp_listing *listing = lua_newuserdatauv(L, sizeof(*listing), 0);
    salvor_sftp_listing_init(listing);
    luaL_setmetatable(L, LISTING_METATABLE);
    *listing = list->listing;
    salvor_sftp_listing_init(&list->listing);
    return 1;
}

int salvor_sftp_lua_list(lua_State *L)
{
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    const char *path = salvor_check_sftp_path(L, 2);
    struct salvor_sftp_list *list = salvor_sftp_box(L, sizeof(*list), release_list);
    salvor_sftp_listing_init(&list->listing);
    list->path = path;
    salvor_sftp_list(sftp, list);
    return salvor_wait(L, &list->call.op, after_list, (lua_KContext)list);
}

static int listing_gc(lua_State *L)
{
    salvor_sftp_listing_release(luaL_checkudata(L, 1, LISTING_METATABLE));
    return 0;
}

static int listing_len(lua_State *L)
{
    const struct salvor_sftp_listing *listing = luaL_checkudata(L, 1, LISTING_METATABLE);
    lua_pushinteger(L, (lua_Integer)salvor_sftp_listing_count(listing));
    return 1;
}

static int listing_get(lua_State *L)
{
    const struct salvor_sftp_listing *listing = luaL_checkudata(L, 1, LISTING_METATABLE);
    lua_Integer index = luaL_checkinteger(L, 2);
    luaL_argcheck(L, index >= 1 && (size_t)index <= salvor_sftp_listing_count(listing), 2,
                  "no such entry");
    const struct salvor_sftp_entry *entry = salvor_sftp_listing_entry(listing, (size_t)index - 1);
    lua_pushlstring(L, entry->name, entry->length);
    lua_pushstring(L, salvor_sftp_kind(entry->mode));
    lua_pushinteger(L, (lua_Integer)entry->size);
    lua_pushinteger(L, entry->modified);
    lua_pushinteger(L, entry->mode & 07777);
    return 5;
}

/* sum(block) -> 8 bytes: the same for the same content */
int salvor_sftp_lua_sum(lua_State *L)
{
    const struct salvor_block *block = salvor_check_block(L, 1, SALVOR_BLOCK_READ);
    uint64_t sum = htobe64(salvor_store_sum(block->data, block->size));
    lua_pushlstring(L, (const char *)&sum, sizeof(sum));
    return 1;
}

void salvor_sftp_listing_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {{"get", listing_get}, {NULL, NULL}};
    luaL_newmetatable(L, LISTING_METATABLE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, listing_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, listing_len);
    lua_setfield(L, -2, "__len");
    lua_pop(L, 1);
}
