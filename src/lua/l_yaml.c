/* salvor.yaml */
#include <stdint.h>

#include "data/yaml.h"
#include "lua/binding.h"
#include "lua/modules.h"
#include "lua/value.h"

/* From this size on the garbage collector rests while the values are made. */
#define LARGE_TEXT (256u << 10)

static int fail(lua_State *L, struct salvor_error *err, const char *op)
{
    salvor_error_op(err, op);
    return salvor_fail(L, err);
}

static void release_reader(void *object)
{
    salvor_yaml_reader_free(*(struct salvor_yaml_reader **)object);
}

static struct salvor_yaml_reader **box_reader(lua_State *L)
{
    return salvor_box(L, sizeof(struct salvor_yaml_reader *), release_reader);
}

/* Reads the text of argument 1 to its end and pushes the list of its documents. */
static int push_documents(lua_State *L, struct salvor_error *err)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    struct salvor_yaml_reader **reader = box_reader(L);
    struct salvor_push_sink push;
    int result = salvor_yaml_reader_new(reader, text, size, err);
    if (result < 0)
        return -1;
    if (size >= LARGE_TEXT)
        salvor_pause_gc(L);
    salvor_push_sink_init(&push, L);
    lua_newtable(L);
    salvor_mark_list(L);
    for (lua_Integer i = 1; (result = salvor_yaml_read_to(*reader, &push.sink, err)) > 0; i++)
        lua_rawseti(L, -2, i);
    return result;
}

/* load(text) -> value | nil, err; no document at all is null */
static int yaml_load(lua_State *L)
{
    struct salvor_error err;
    if (push_documents(L, &err) < 0)
        return fail(L, &err, "yaml.load");
    if (lua_rawlen(L, -1) > 1) {
        salvor_error_set(&err, "Invalid", "more than one document in the text");
        salvor_error_hint(&err, "yaml.load_all reads all of them");
        return fail(L, &err, "yaml.load");
    }
    if (lua_rawlen(L, -1) == 0)
        salvor_push_null(L);
    else
        lua_rawgeti(L, -1, 1);
    return 1;
}

/* load_all(text) -> list | nil, err */
static int yaml_load_all(lua_State *L)
{
    struct salvor_error err;
    return push_documents(L, &err) < 0 ? fail(L, &err, "yaml.load_all") : 1;
}

/* dump(value) -> text | nil, err */
static int yaml_dump(lua_State *L)
{
    struct salvor_error err;
    luaL_checkany(L, 1);
    struct salvor_buffer *out = salvor_box_buffer(L, SIZE_MAX / 2);
    struct salvor_value_source source;
    struct salvor_yaml_sink yaml;
    salvor_value_source_init(&source, L);
    salvor_yaml_sink_init(&yaml, out);
    if (salvor_value_send(&source, 1, &yaml.sink, &err) < 0)
        return fail(L, &err, "yaml.dump");
    lua_pushlstring(L, out->data, out->size);
    return 1;
}

/* Raises unless argument 1 is a table with entries 1..n or none at all. */
static lua_Integer check_documents(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
    lua_pushnil(L);
    if (count == 0 && lua_next(L, 1))
        luaL_argerror(L, 1, "a list of documents expected");
    lua_settop(L, 1);
    return count;
}

/* dump_all(list) -> text | nil, err */
static int yaml_dump_all(lua_State *L)
{
    struct salvor_error err;
    lua_Integer count = check_documents(L);
    struct salvor_buffer *out = salvor_box_buffer(L, SIZE_MAX / 2);
    struct salvor_value_source source;
    struct salvor_yaml_sink yaml;
    salvor_value_source_init(&source, L);
    salvor_yaml_sink_init(&yaml, out);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        if ((i > 1 && salvor_buffer_append(out, "---\n", 4, &err) < 0) ||
            salvor_value_send(&source, -1, &yaml.sink, &err) < 0)
            return fail(L, &err, "yaml.dump_all");
        lua_pop(L, 1);
    }
    lua_pushlstring(L, out->data, out->size);
    return 1;
}

int luaopen_salvor_yaml(lua_State *L)
{
    static const luaL_Reg functions[] = {{"load", yaml_load},         {"load_all", yaml_load_all},
                                         {"dump", yaml_dump},         {"dump_all", yaml_dump_all},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
