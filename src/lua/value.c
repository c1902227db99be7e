#include "lua/value.h"

#include <limits.h>

#include "data/json_read.h"
#include "lua/binding.h"

/* From this size on the garbage collector rests while the value of a text is made. */
#define LARGE_TEXT ((size_t)256 << 10)

/* Its address is salvor.null. */
static char null_marker;

void salvor_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, &null_marker);
}

bool salvor_is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == &null_marker;
}

void salvor_mark_list(lua_State *L)
{
    luaL_newmetatable(L, SALVOR_LIST_METATABLE);
    lua_setmetatable(L, -2);
}

static void release_value(void *object)
{
    json_decref(*(json_t **)object);
}

json_t **salvor_box_value(lua_State *L)
{
    return salvor_box(L, sizeof(json_t *), release_value);
}

/*
 * The pace of the collector around large values. A collection right behind a large value would find
 * all of it alive, so the collector is given as much credit as the value took (a negative debt; that
 * is what LUA_GCSTEP does with a negative size). What was there before may be garbage, such as the
 * page of a list before this one: when the heap passes twice what is known to be alive, the next
 * large value begins with a full collection.
 */
struct pace {
    int alive; /* KiB after the last full collection here */
    int limit; /* KiB at which the next one is due; 0 at first */
};

struct pause {
    lua_State *L; /* NULL when the collector was not ours to stop */
    struct pace *pace;
    int before; /* KiB */
};

static void resume_gc(void *object)
{
    struct pause *pause = object;
    if (!pause->L)
        return;
    int grown = lua_gc(pause->L, LUA_GCCOUNT) - pause->before;
    lua_gc(pause->L, LUA_GCRESTART);
    if (grown <= 0)
        return;
    lua_gc(pause->L, LUA_GCSTEP, -grown);
    pause->pace->limit = 2 * (pause->pace->alive + grown);
}

static struct pace *get_pace(lua_State *L)
{
    static char key;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TNIL) {
        lua_pop(L, 1);
        struct pace *pace = lua_newuserdatauv(L, sizeof(*pace), 0);
        *pace = (struct pace){0};
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
    }
    struct pace *pace = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return pace;
}

void salvor_pause_gc(lua_State *L)
{
    struct pace *pace = get_pace(L);
    struct pause *pause = salvor_box(L, sizeof(*pause), resume_gc);
    if (!lua_gc(L, LUA_GCISRUNNING))
        return;
    if (pace->limit && lua_gc(L, LUA_GCCOUNT) > pace->limit) {
        lua_gc(L, LUA_GCCOLLECT);
        pace->alive = lua_gc(L, LUA_GCCOUNT);
    }
    pause->pace = pace;
    pause->before = lua_gc(L, LUA_GCCOUNT);
    pause->L = L;
    lua_gc(L, LUA_GCSTOP);
}

/* From C to Lua. */

struct push {
    int list_metatable; /* stack index of the list marker */
    bool is_move;       /* empty each collection once it is pushed */
};

static void push(lua_State *L, json_t *value, const struct push *how);

static void push_array(lua_State *L, json_t *array, const struct push *how)
{
    size_t count = json_array_size(array);
    lua_createtable(L, count < INT_MAX ? (int)count : INT_MAX, 0);
    for (size_t i = 0; i < count; i++) {
        push(L, json_array_get(array, i), how);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_pushvalue(L, how->list_metatable);
    lua_setmetatable(L, -2);
    if (how->is_move)
        json_array_clear(array);
}

static void push_object(lua_State *L, json_t *object, const struct push *how)
{
    size_t count = json_object_size(object);
    lua_createtable(L, 0, count < INT_MAX ? (int)count : INT_MAX);
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        lua_pushlstring(L, json_object_iter_key(it), json_object_iter_key_len(it));
        push(L, json_object_iter_value(it), how);
        lua_rawset(L, -3);
    }
    if (how->is_move)
        json_object_clear(object);
}

static void push(lua_State *L, json_t *value, const struct push *how)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        luaL_checkstack(L, 4, "value nested too deeply");
        push_object(L, value, how);
        break;
    case JSON_ARRAY:
        luaL_checkstack(L, 4, "value nested too deeply");
        push_array(L, value, how);
        break;
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(value));
        break;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(value));
        break;
    case JSON_NULL:
        salvor_push_null(L);
        break;
    }
}

static void push_root(lua_State *L, json_t *value, bool is_move)
{
    luaL_checkstack(L, 4, NULL);
    luaL_newmetatable(L, SALVOR_LIST_METATABLE);
    struct push how = {lua_gettop(L), is_move};
    push(L, value, &how);
    lua_remove(L, -2);
}

void salvor_push_value(lua_State *L, const json_t *value)
{
    push_root(L, (json_t *)value, false); /* jansson's iterators take no const */
}

void salvor_move_value(lua_State *L, json_t **value)
{
    push_root(L, *value, true);
    json_decref(*value);
    *value = NULL;
}

/* The sink: each value goes into the collection below it as soon as it is complete. */

static void attach(struct salvor_push_sink *push)
{
    if (!push->depth)
        return;
    lua_Integer *index = &push->indices[push->depth - 1];
    if (*index)
        lua_rawseti(push->L, -2, (*index)++);
    else
        lua_rawset(push->L, -3);
}

static int push_scalar(struct salvor_sink *sink, const struct salvor_scalar *scalar,
                       struct salvor_error *err)
{
    struct salvor_push_sink *push = (struct salvor_push_sink *)sink;
    (void)err;
    switch (scalar->type) {
    case SALVOR_NULL:
        salvor_push_null(push->L);
        break;
    case SALVOR_BOOLEAN:
        lua_pushboolean(push->L, scalar->integer != 0);
        break;
    case SALVOR_INTEGER:
        lua_pushinteger(push->L, scalar->integer);
        break;
    case SALVOR_REAL:
        lua_pushnumber(push->L, scalar->real);
        break;
    case SALVOR_STRING:
        lua_pushlstring(push->L, scalar->text, scalar->size);
        break;
    }
    attach(push);
    return 0;
}

static int push_begin(struct salvor_sink *sink, bool is_list, size_t count,
                      struct salvor_error *err)
{
    struct salvor_push_sink *push = (struct salvor_push_sink *)sink;
    int size = count < INT_MAX ? (int)count : INT_MAX;
    (void)err;
    luaL_checkstack(push->L, 4, "value nested too deeply");
    lua_createtable(push->L, is_list ? size : 0, is_list ? 0 : size);
    if (is_list) {
        lua_pushvalue(push->L, push->list_metatable);
        lua_setmetatable(push->L, -2);
    }
    push->indices[push->depth++] = is_list;
    return 0;
}

static int push_key(struct salvor_sink *sink, const char *text, size_t size,
                    struct salvor_error *err)
{
    (void)err;
    lua_pushlstring(((struct salvor_push_sink *)sink)->L, text, size);
    return 0;
}

static int push_end(struct salvor_sink *sink, struct salvor_error *err)
{
    struct salvor_push_sink *push = (struct salvor_push_sink *)sink;
    (void)err;
    push->depth--;
    attach(push);
    return 0;
}

void salvor_push_sink_init(struct salvor_push_sink *push, lua_State *L)
{
    push->sink = (struct salvor_sink){push_scalar, push_begin, push_key, push_end};
    push->L = L;
    push->depth = 0;
    luaL_checkstack(L, 4, NULL);
    luaL_newmetatable(L, SALVOR_LIST_METATABLE);
    push->list_metatable = lua_gettop(L);
}

static void release_reader(void *object)
{
    salvor_json_reader_release(object);
}

int salvor_push_json(lua_State *L, const char *text, size_t size, struct salvor_error *err)
{
    struct salvor_json_reader *reader = salvor_box(L, sizeof(*reader), release_reader);
    struct salvor_push_sink push;
    if (salvor_json_check(reader, text, size, err) < 0)
        return -1;
    if (size >= LARGE_TEXT)
        salvor_pause_gc(L);
    salvor_push_sink_init(&push, L);
    return salvor_json_send(reader, &push.sink, err);
}
