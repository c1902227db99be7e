/*
 * salvor.set_files: the files that tell what is in a backup set, read as streams of blocks or strings.
 *
 *     set_files.info() -> reader        pgBackRest's info files and manifests (data/info_file.h)
 *         reader:add(block) -> true     reader:next() -> section, key, value; nothing: add more
 *         reader:finish(), and next() until there is nothing
 *         reader:checksum() -> {stated=, actual=, matches=}
 *     set_files.rows() -> reader        a list of objects with rows (data/json_rows.h)
 *         reader:add(block)             reader:next() -> "row" or "object", value; nothing: add more
 *         reader:finish() -> true       once the list has ended
 * All fail with nil and an error.
 */
#include <string.h>

#include "data/info_file.h"
#include "data/json_rows.h"
#include "lua/binding.h"
#include "lua/block.h"
#include "lua/modules.h"
#include "lua/value.h"

#define INFO_METATABLE "salvor.set_files.info"
#define ROWS_METATABLE "salvor.set_files.rows"

/* A string, or a block. */
static const char *check_data(lua_State *L, int index, size_t *size)
{
    if (!salvor_test_block(L, index))
        return luaL_checklstring(L, index, size);
    const struct salvor_block *block = salvor_check_block(L, index, SALVOR_BLOCK_READ);
    *size = block->size;
    return block->data;
}

static int push_true(lua_State *L)
{
    lua_pushboolean(L, 1);
    return 1;
}

/* Info files */

static int info_new(lua_State *L)
{
    struct salvor_error err;
    struct salvor_info_reader *reader = lua_newuserdatauv(L, sizeof(*reader), 0);
    memset(reader, 0, sizeof(*reader));
    luaL_setmetatable(L, INFO_METATABLE);
    return salvor_info_init(reader, &err) < 0 ? salvor_fail(L, &err) : 1;
}

static int info_gc(lua_State *L)
{
    salvor_info_release(luaL_checkudata(L, 1, INFO_METATABLE));
    return 0;
}

static int info_add(lua_State *L)
{
    struct salvor_error err;
    size_t size;
    struct salvor_info_reader *reader = luaL_checkudata(L, 1, INFO_METATABLE);
    const char *data = check_data(L, 2, &size);
    return salvor_info_add(reader, data, size, &err) < 0 ? salvor_fail(L, &err) : push_true(L);
}

static int info_finish(lua_State *L)
{
    salvor_info_end(luaL_checkudata(L, 1, INFO_METATABLE));
    return 0;
}

static int info_next(lua_State *L)
{
    struct salvor_error err;
    struct salvor_info_line line;
    int more = salvor_info_next(&line, luaL_checkudata(L, 1, INFO_METATABLE), &err);
    if (more < 0)
        return salvor_fail(L, &err);
    if (more == 0)
        return 0;
    if (salvor_push_json(L, line.value, line.value_size, &err) < 0)
        return salvor_fail(L, &err);
    lua_pushlstring(L, line.section, line.section_size);
    lua_pushlstring(L, line.key, line.key_size);
    lua_pushvalue(L, -3);
    return 3;
}

static int info_checksum(lua_State *L)
{
    struct salvor_error err;
    struct salvor_info_checksum checksum;
    if (salvor_info_checksum(&checksum, luaL_checkudata(L, 1, INFO_METATABLE), &err) < 0)
        return salvor_fail(L, &err);
    lua_createtable(L, 0, 3);
    if (checksum.stated[0]) {
        lua_pushstring(L, checksum.stated);
        lua_setfield(L, -2, "stated");
    }
    lua_pushstring(L, checksum.actual);
    lua_setfield(L, -2, "actual");
    lua_pushboolean(L, checksum.matches);
    lua_setfield(L, -2, "matches");
    return 1;
}

/* Rows */

static int rows_new(lua_State *L)
{
    struct salvor_json_rows *rows = lua_newuserdatauv(L, sizeof(*rows), 1);
    salvor_json_rows_init(rows);
    luaL_setmetatable(L, ROWS_METATABLE);
    return 1;
}

static int rows_gc(lua_State *L)
{
    salvor_json_rows_release(luaL_checkudata(L, 1, ROWS_METATABLE));
    return 0;
}

/* The bytes are used in place, so what is asked for next comes out of a string that is kept. */
static int rows_add(lua_State *L)
{
    size_t size;
    struct salvor_json_rows *rows = luaL_checkudata(L, 1, ROWS_METATABLE);
    const char *data = check_data(L, 2, &size);
    lua_pushlstring(L, data, size);
    salvor_json_rows_add(rows, lua_tostring(L, -1), size);
    lua_setiuservalue(L, 1, 1);
    return push_true(L);
}

static int rows_next(lua_State *L)
{
    struct salvor_error err;
    struct salvor_json_rows *rows = luaL_checkudata(L, 1, ROWS_METATABLE);
    const char *text;
    size_t size;
    enum salvor_json_row row = salvor_json_rows_next(&text, &size, rows, &err);
    if (row == SALVOR_ROWS_FAILED)
        return salvor_fail(L, &err);
    if (row != SALVOR_ROWS_ROW && row != SALVOR_ROWS_OBJECT)
        return 0;
    if (salvor_push_json(L, text, size, &err) < 0)
        return salvor_fail(L, &err);
    lua_pushstring(L, row == SALVOR_ROWS_ROW ? "row" : "object");
    lua_insert(L, -2);
    return 2;
}

static int rows_finish(lua_State *L)
{
    struct salvor_error err;
    const char *text;
    size_t size;
    struct salvor_json_rows *rows = luaL_checkudata(L, 1, ROWS_METATABLE);
    if (salvor_json_rows_next(&text, &size, rows, &err) == SALVOR_ROWS_END)
        return push_true(L);
    salvor_error_set(&err, "Corrupt", "the list is cut short");
    return salvor_fail(L, &err);
}

static void make_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int luaopen_salvor_set_files(lua_State *L)
{
    static const luaL_Reg info[] = {{"add", info_add},
                                    {"next", info_next},
                                    {"finish", info_finish},
                                    {"checksum", info_checksum},
                                    {NULL, NULL}};
    static const luaL_Reg rows[] = {
        {"add", rows_add}, {"next", rows_next}, {"finish", rows_finish}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"info", info_new}, {"rows", rows_new}, {NULL, NULL}};
    make_class(L, INFO_METATABLE, info, info_gc);
    make_class(L, ROWS_METATABLE, rows, rows_gc);
    luaL_newlib(L, functions);
    return 1;
}
