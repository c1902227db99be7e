/* salvor.yaml */
#include <stdint.h>

#include "data/yaml.h"
#include "data/yaml_edit.h"
#include "data/yaml_path.h"
#include "data/yaml_position.h"
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

/* Documents that are changed in place. The text and its values belong to a userdata. */

#define DOCUMENT_METATABLE "salvor.yaml.document"

static struct salvor_yaml_edit *check_document(lua_State *L)
{
    return luaL_checkudata(L, 1, DOCUMENT_METATABLE);
}

/* edit(text, {document=}) -> document | nil, err */
static int yaml_edit(lua_State *L)
{
    static const char *const options[] = {"document", NULL};
    struct salvor_error err;
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    salvor_check_options(L, 2, options);
    lua_Integer document = salvor_option_integer(L, 2, "document", 0);
    luaL_argcheck(L, document >= 0, 2, "option 'document': a number from 1 expected");
    struct salvor_yaml_edit *edit = lua_newuserdatauv(L, sizeof(*edit), 0);
    *edit = (struct salvor_yaml_edit){.text = SALVOR_BUFFER_INIT(SIZE_MAX / 2)};
    luaL_setmetatable(L, DOCUMENT_METATABLE);
    if (salvor_yaml_edit_init(edit, text, size, (size_t)document, &err) < 0)
        return fail(L, &err, "yaml.edit");
    return 1;
}

/* A boxed path from argument 2: a string or a list. */
static const json_t *check_path(lua_State *L)
{
    struct salvor_error err;
    json_t **source = salvor_box_value(L);
    json_t **path = salvor_box_value(L);
    if (salvor_to_value(L, 2, source, &err) < 0 || salvor_yaml_path(path, *source, &err) < 0)
        luaL_argerror(L, 2, err.message);
    return *path;
}

/* document:get(path) -> value | nil, err; held, since a finaliser may change the document meanwhile */
static int document_get(lua_State *L)
{
    struct salvor_error err;
    json_t *value;
    struct salvor_yaml_edit *edit = check_document(L);
    const json_t *path = check_path(L);
    json_t **held = salvor_box_value(L);
    if (salvor_yaml_edit_get(edit, &value, path, &err) < 0)
        return fail(L, &err, "yaml.get");
    *held = json_incref(value);
    salvor_push_value(L, value);
    return 1;
}

/* document:set(path, value) -> document | nil, err */
static int document_set(lua_State *L)
{
    struct salvor_error err;
    struct salvor_yaml_edit *edit = check_document(L);
    luaL_checkany(L, 3);
    const json_t *path = check_path(L);
    json_t **value = salvor_box_value(L);
    if (salvor_to_value(L, 3, value, &err) < 0 ||
        salvor_yaml_edit_set(edit, path, *value, &err) < 0)
        return fail(L, &err, "yaml.set");
    lua_pushvalue(L, 1);
    return 1;
}

/* document:remove(path) -> document | nil, err */
static int document_remove(lua_State *L)
{
    struct salvor_error err;
    struct salvor_yaml_edit *edit = check_document(L);
    const json_t *path = check_path(L);
    if (salvor_yaml_edit_remove(edit, path, &err) < 0)
        return fail(L, &err, "yaml.remove");
    lua_pushvalue(L, 1);
    return 1;
}

/* document:position(path) -> line, column | nil, err */
static int document_position(lua_State *L)
{
    struct salvor_error err;
    struct salvor_yaml_mark mark;
    const struct salvor_yaml_edit *edit = check_document(L);
    if (salvor_yaml_position(&mark, edit, check_path(L), &err) < 0)
        return fail(L, &err, "yaml.position");
    lua_pushinteger(L, (lua_Integer)mark.line + 1);
    lua_pushinteger(L, (lua_Integer)mark.column + 1);
    return 2;
}

static int document_tostring(lua_State *L)
{
    const struct salvor_yaml_edit *edit = check_document(L);
    lua_pushlstring(L, edit->text.data, edit->text.size);
    return 1;
}

static int document_gc(lua_State *L)
{
    salvor_yaml_edit_release(check_document(L));
    return 0;
}

static void make_document_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {{"get", document_get},
                                       {"set", document_set},
                                       {"remove", document_remove},
                                       {"position", document_position},
                                       {NULL, NULL}};
    luaL_newmetatable(L, DOCUMENT_METATABLE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, document_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, document_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

int luaopen_salvor_yaml(lua_State *L)
{
    static const luaL_Reg functions[] = {{"load", yaml_load}, {"load_all", yaml_load_all},
                                         {"dump", yaml_dump}, {"dump_all", yaml_dump_all},
                                         {"edit", yaml_edit}, {NULL, NULL}};
    make_document_metatable(L);
    luaL_newlib(L, functions);
    return 1;
}
