#include "lua/kube.h"

#include <string.h>

struct salvor_kube_client *salvor_kube_client_check(lua_State *L)
{
    struct salvor_kube_client *client = luaL_checkudata(L, 1, SALVOR_KUBE_CLIENT);
    luaL_argcheck(L, client->config.server, 1, "the client is closed");
    return client;
}

void *salvor_kube_new(lua_State *L, size_t size, const char *class_name)
{
    void *object = lua_newuserdatauv(L, size, 1);
    memset(object, 0, size);
    luaL_setmetatable(L, class_name);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return object;
}

void salvor_kube_class(lua_State *L, const char *name, const luaL_Reg *metamethods,
                       const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, metamethods, 0);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
