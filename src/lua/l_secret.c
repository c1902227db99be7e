/* salvor.secret: what must never be seen. */
#include "core/secret.h"
#include "lua/binding.h"
#include "lua/modules.h"

enum { TEXT_LIMIT = 1 << 30 };

/* add(value) -> boolean: false when it is too short to be masked */
static int secret_add(lua_State *L)
{
    struct salvor_error err;
    bool registered;
    size_t size;
    const char *value = luaL_checklstring(L, 1, &size);
    if (salvor_secret_add(&registered, value, size, &err) < 0) {
        salvor_error_op(&err, "secret.add");
        return salvor_fail(L, &err);
    }
    lua_pushboolean(L, registered);
    return 1;
}

/* remove(value) */
static int secret_remove(lua_State *L)
{
    size_t size;
    const char *value = luaL_checklstring(L, 1, &size);
    salvor_secret_remove(value, size);
    return 0;
}

/*
 * mask(text) -> text with each secret replaced. It raises when it cannot tell (out of memory), since
 * a caller that went on with the text as it is would show what it must not.
 */
static int secret_mask(lua_State *L)
{
    struct salvor_error err;
    bool found;
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_settop(L, 1);
    struct salvor_buffer *masked = salvor_box_buffer(L, TEXT_LIMIT);
    if (salvor_secret_mask(masked, &found, text, size, &err) < 0) {
        salvor_error_op(&err, "secret.mask");
        return salvor_raise(L, &err);
    }
    if (found)
        lua_pushlstring(L, masked->data, masked->size);
    else
        lua_pushvalue(L, 1);
    return 1;
}

int luaopen_salvor_secret(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"add", secret_add}, {"mask", secret_mask}, {"remove", secret_remove}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
