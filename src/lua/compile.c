/*
 * A step of the build: compile OUT FILE. Compiles a Lua file of ours, so that the program need not at
 * each start; with line numbers and names, so that errors look the same.
 */
#include <stdio.h>

#include <lauxlib.h>
#include <lua.h>

static int write_piece(lua_State *L, const void *data, size_t size, void *file)
{
    (void)L;
    return fwrite(data, 1, size, file) != size;
}

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    if (argc != 3 || !L) {
        fprintf(stderr, "usage: compile OUT FILE\n");
        return 2;
    }
    if (luaL_loadfilex(L, argv[2], "t") != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 1;
    }
    FILE *out = fopen(argv[1], "wb");
    if (!out || lua_dump(L, write_piece, out, 0) || fclose(out)) {
        perror(argv[1]);
        return 1;
    }
    lua_close(L);
    return 0;
}
