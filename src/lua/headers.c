#include "lua/headers.h"

#include <string.h>

#include <lauxlib.h>

void salvor_push_headers(lua_State *L, const struct salvor_http *http)
{
    lua_newtable(L);
    const char *line = NULL;
    while ((line = salvor_http_next_header(http, line))) {
        const char *colon = strchr(line, ':');
        if (!colon)
            continue;
        luaL_Buffer name;
        luaL_buffinit(L, &name);
        for (const char *at = line; at < colon; at++)
            luaL_addchar(&name, *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at);
        luaL_pushresult(&name);
        colon += 1 + strspn(colon + 1, " \t");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TSTRING)
            lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), colon);
        else
            lua_pushstring(L, colon);
        lua_remove(L, -2);
        lua_rawset(L, -3);
    }
}
