/* salvor.json */
#include <stdint.h>

#include "data/json.h"
#include "lua/binding.h"
#include "lua/modules.h"
#include "lua/value.h"

/* decode(text) -> value | nil, err */
static int json_decode(lua_State *L)
{
    struct salvor_error err;
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    if (salvor_push_json(L, text, size, &err) < 0) {
        salvor_error_op(&err, "json.decode");
        return salvor_fail(L, &err);
    }
    return 1;
}

/* encode(value, {indent=0}) -> text | nil, err */
static int json_encode(lua_State *L)
{
    static const char *const options[] = {"indent", NULL};
    struct salvor_error err;
    luaL_checkany(L, 1);
    salvor_check_options(L, 2, options);
    lua_Integer indent = salvor_option_integer(L, 2, "indent", 0);
    luaL_argcheck(L, indent >= 0 && indent <= 8, 2, "option 'indent': 0 to 8 expected");
    struct salvor_buffer *out = salvor_box_buffer(L, SIZE_MAX / 2);
    struct salvor_value_source source;
    struct salvor_json_sink json;
    salvor_value_source_init(&source, L);
    salvor_json_sink_init(&json, out, (int)indent);
    if (salvor_value_send(&source, 1, &json.sink, &err) < 0) {
        salvor_error_op(&err, "json.encode");
        return salvor_fail(L, &err);
    }
    lua_pushlstring(L, out->data, out->size);
    return 1;
}

int luaopen_salvor_json(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"decode", json_decode}, {"encode", json_encode}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
