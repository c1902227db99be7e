/* salvor.json */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

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

static int check_indent(lua_State *L, int index)
{
    static const char *const options[] = {"indent", NULL};
    salvor_check_options(L, index, options);
    lua_Integer indent = salvor_option_integer(L, index, "indent", 0);
    luaL_argcheck(L, indent >= 0 && indent <= 8, index, "option 'indent': 0 to 8 expected");
    return (int)indent;
}

/* encode(value, {indent=0}) -> text | nil, err */
static int json_encode(lua_State *L)
{
    struct salvor_error err;
    luaL_checkany(L, 1);
    int indent = check_indent(L, 2);
    struct salvor_buffer *out = salvor_box_buffer(L, SIZE_MAX / 2);
    struct salvor_value_source source;
    struct salvor_json_sink json;
    salvor_value_source_init(&source, L);
    salvor_json_sink_init(&json, out, indent);
    if (salvor_value_send(&source, 1, &json.sink, &err) < 0) {
        salvor_error_op(&err, "json.encode");
        return salvor_fail(L, &err);
    }
    lua_pushlstring(L, out->data, out->size);
    return 1;
}

struct file_sink {
    struct salvor_json_sink json;
    FILE *file;
};

static int write_out(struct salvor_json_sink *json, struct salvor_error *err)
{
    FILE *file = ((struct file_sink *)json)->file;
    if (fwrite(json->out->data, 1, json->out->size, file) != json->out->size)
        return salvor_error_errno(err, errno, "cannot write");
    salvor_buffer_clear(json->out);
    return 0;
}

/* write(file, value, {indent=0}) -> true | nil, err */
static int json_write(lua_State *L)
{
    struct salvor_error err;
    luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    luaL_argcheck(L, stream->closef, 1, "the file is closed");
    luaL_checkany(L, 2);
    int indent = check_indent(L, 3);
    struct salvor_value_source source;
    struct file_sink to = {.file = stream->f};
    salvor_json_sink_init(&to.json, salvor_box_buffer(L, SIZE_MAX / 2), indent);
    to.json.flush = write_out;
    salvor_value_source_init(&source, L);
    if (salvor_value_send(&source, 2, &to.json.sink, &err) < 0 || write_out(&to.json, &err) < 0) {
        salvor_error_op(&err, "json.write");
        return salvor_fail(L, &err);
    }
    lua_pushboolean(L, true);
    return 1;
}

int luaopen_salvor_json(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"decode", json_decode}, {"encode", json_encode}, {"write", json_write}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
