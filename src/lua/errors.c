#include "lua/errors.h"

#include <stdbool.h>

#include <lauxlib.h>

#include "lua/binding.h"
#include "lua/modules.h"

static bool push_text(lua_State *L, int index, const char *field)
{
    lua_getfield(L, index, field);
    if (lua_isstring(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}

/* "op: message (Code)", and the hint on a line of its own */
static int error_tostring(lua_State *L)
{
    luaL_Buffer text;
    lua_settop(L, 1);
    luaL_buffinit(L, &text);
    if (push_text(L, 1, "op")) {
        luaL_addvalue(&text);
        luaL_addstring(&text, ": ");
    }
    if (push_text(L, 1, "message"))
        luaL_addvalue(&text);
    if (push_text(L, 1, "code")) {
        lua_pushfstring(L, " (%s)", lua_tostring(L, -1));
        lua_remove(L, -2);
        luaL_addvalue(&text);
    }
    if (push_text(L, 1, "hint")) {
        luaL_addstring(&text, "\nhint: ");
        luaL_addvalue(&text);
    }
    luaL_pushresult(&text);
    return 1;
}

/* new{code=, message=, op=, hint=, status=, retryable=, cause=, details=} -> error object */
static int error_new(lua_State *L)
{
    static const struct {
        const char *name;
        int type;
        bool required;
    } fields[] = {{"code", LUA_TSTRING, true},    {"message", LUA_TSTRING, true},
                  {"op", LUA_TSTRING, false},     {"hint", LUA_TSTRING, false},
                  {"status", LUA_TNUMBER, false}, {"retryable", LUA_TBOOLEAN, false},
                  {"details", LUA_TTABLE, false}};
    static const char *const names[] = {"code",      "message", "op",    "hint", "status",
                                        "retryable", "details", "cause", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    salvor_check_options(L, 1, names);
    lua_settop(L, 1);
    lua_createtable(L, 0, 6);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        int type = lua_getfield(L, 1, fields[i].name);
        if (type != fields[i].type && (fields[i].required || type != LUA_TNIL))
            luaL_error(L, "error.new: '%s' must be a %s", fields[i].name,
                       lua_typename(L, fields[i].type));
        lua_setfield(L, 2, fields[i].name);
    }
    lua_getfield(L, 1, "cause");
    lua_setfield(L, 2, "cause");
    if (lua_getfield(L, 2, "retryable") == LUA_TNIL) {
        lua_pushboolean(L, 0);
        lua_setfield(L, 2, "retryable");
    }
    lua_settop(L, 2);
    luaL_setmetatable(L, SALVOR_ERROR_METATABLE);
    return 1;
}

/* is(value [, code]) -> boolean: an error object, of that code when one is named */
static int error_is(lua_State *L)
{
    const char *code = luaL_optstring(L, 2, NULL);
    bool is = lua_getmetatable(L, 1);
    if (is) {
        luaL_getmetatable(L, SALVOR_ERROR_METATABLE);
        is = lua_rawequal(L, -1, -2);
    }
    if (is && code) {
        lua_pushstring(L, code);
        lua_getfield(L, 1, "code");
        is = lua_rawequal(L, -1, -2);
    }
    lua_pushboolean(L, is);
    return 1;
}

static int must(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_toboolean(L, 1))
        return lua_gettop(L);
    if (lua_isnoneornil(L, 2))
        return lua_isnil(L, 1) ? luaL_error(L, "must: the call gave nothing") : lua_gettop(L);
    lua_settop(L, 2);
    return lua_error(L);
}

int luaopen_salvor_error(lua_State *L)
{
    static const luaL_Reg functions[] = {{"new", error_new}, {"is", error_is}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

void salvor_errors_install(lua_State *L)
{
    luaL_newmetatable(L, SALVOR_ERROR_METATABLE);
    lua_pushcfunction(L, error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "salvor.error");
    lua_setfield(L, -2, "__name");
    lua_pop(L, 1);
    lua_register(L, "must", must);
}
