/*
 * URLs of stores, which Lua reads (lua/salvor/store/url.lua); what has to hold of any text stands in
 * url.lua beside this file.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <salvor/salvor.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lua_State *start(void)
{
    struct salvor_host *host = salvor_host_new();
    lua_State *L = host ? salvor_host_state(host) : NULL;
    if (!L || luaL_dofile(L, "tests/fuzz/url.lua"))
        abort();
    return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;
    if (!L)
        L = start();
    lua_pushvalue(L, -1);
    lua_pushlstring(L, (const char *)data, size);
    if (lua_pcall(L, 1, 0, 0)) {
        fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
        abort();
    }
    return 0;
}
