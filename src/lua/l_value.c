/* salvor.value: null and the marker of lists, and the files inside the binary. */
#include <string.h>

#include "lua/binding.h"
#include "lua/embedded.h"
#include "lua/modules.h"
#include "lua/value.h"

/* list([table]) -> the table, marked as a list */
static int value_list(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_setmetatable(L, SALVOR_LIST_METATABLE);
    return 1;
}

/* is_list(value) -> boolean: carries the marker */
static int value_is_list(lua_State *L)
{
    bool is = lua_istable(L, 1) && lua_getmetatable(L, 1);
    if (is) {
        luaL_getmetatable(L, SALVOR_LIST_METATABLE);
        is = lua_rawequal(L, -1, -2);
    }
    lua_pushboolean(L, is);
    return 1;
}

const struct salvor_embedded *salvor_embedded_find(const char *path)
{
    for (const struct salvor_embedded *file = salvor_embedded; file->path; file++)
        if (!strcmp(file->path, path))
            return file;
    return NULL;
}

/* embedded(path) -> the text of a file inside the binary, or nil */
static int value_embedded(lua_State *L)
{
    const struct salvor_embedded *file = salvor_embedded_find(luaL_checkstring(L, 1));
    if (!file)
        return 0;
    lua_pushlstring(L, file->start, (size_t)(file->end - file->start));
    return 1;
}

/* embedded_paths(prefix) -> sorted list of the paths that begin so */
static int value_embedded_paths(lua_State *L)
{
    size_t size;
    const char *prefix = luaL_checklstring(L, 1, &size);
    lua_newtable(L);
    lua_Integer count = 0;
    for (const struct salvor_embedded *file = salvor_embedded; file->path; file++)
        if (!strncmp(file->path, prefix, size)) {
            lua_pushstring(L, file->path);
            lua_rawseti(L, -2, ++count);
        }
    return 1;
}

static int null_tostring(lua_State *L)
{
    lua_pushliteral(L, "null");
    return 1;
}

int luaopen_salvor_value(lua_State *L)
{
    static const luaL_Reg functions[] = {{"list", value_list},
                                         {"is_list", value_is_list},
                                         {"embedded", value_embedded},
                                         {"embedded_paths", value_embedded_paths},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    salvor_push_null(L);
    /* All light userdata share one metatable; null is the only one that scripts see. */
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, null_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "null");
    lua_setfield(L, -2, "__name");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "null");
    return 1;
}
