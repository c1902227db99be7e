/*
 * From Lua to C: Lua values as a source. What a walk remembers are Lua's own strings, so nothing on
 * its way makes a Lua object: the collector would run finalisers, which may take those strings out of
 * the tables that keep them alive.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "data/tree.h"
#include "data/utf8.h"
#include "lua/binding.h"
#include "lua/value.h"

/* A key of an object being walked, and its value unless that is a table. */
struct member {
    const char *key; /* the Lua string, which its table keeps alive */
    size_t size;
    struct salvor_scalar scalar;
    lua_Integer table; /* its index among the tables that are members; 0 for a scalar */
};

/* The members of the objects being walked, one behind the other. Boxed, for the walk may raise. */
struct salvor_value_members {
    struct member *list;
    size_t used;
    size_t capacity;
    lua_Integer tables; /* how many of them are tables */
};

/* A collection being walked, to find cycles and to name the path. */
struct frame {
    const struct frame *parent;
    const void *table;
    const char *key; /* of the member being walked; NULL in a list */
    lua_Integer index;
    int depth;
};

struct walk {
    lua_State *L;
    struct salvor_sink *sink;
    struct salvor_value_members *members;
    int list_metatable, tables;
    struct salvor_error *err;
};

static void append_path(struct salvor_buffer *path, const struct frame *frame)
{
    if (!frame)
        return;
    append_path(path, frame->parent);
    if (!frame->key)
        salvor_buffer_printf(path, NULL, "[%lld]", (long long)frame->index);
    else if (frame->key[0] && !frame->key[strcspn(frame->key, ". []\"'\n")])
        salvor_buffer_printf(path, NULL, ".%s", frame->key);
    else
        salvor_buffer_printf(path, NULL, "[\"%s\"]", frame->key);
}

static int refuse(struct walk *walk, const struct frame *frame, const char *what)
{
    struct salvor_buffer path = SALVOR_BUFFER_INIT(1024); /* when full, the rest is left out */
    append_path(&path, frame);
    salvor_error_set(walk->err, "Invalid", "%s%s%s", what, path.size ? " at " : "", path.data);
    salvor_buffer_release(&path);
    return -1;
}

/* Whether the table on top carries the list marker. */
static bool is_marked(struct walk *walk)
{
    if (!lua_getmetatable(walk->L, -1))
        return false;
    bool marked = lua_rawequal(walk->L, -1, walk->list_metatable);
    lua_pop(walk->L, 1);
    return marked;
}

static lua_Unsigned count_entries(lua_State *L)
{
    lua_Unsigned count = 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        count++;
    return count;
}

/* The scalar on top of the stack. */
static int get_scalar(struct walk *walk, struct salvor_scalar *out, const struct frame *parent)
{
    lua_State *L = walk->L;
    int type = lua_type(L, -1);
    *out = (struct salvor_scalar){.type = SALVOR_NULL};
    if (type == LUA_TSTRING) {
        out->type = SALVOR_STRING;
        out->text = lua_tolstring(L, -1, &out->size);
        return salvor_utf8_valid(out->text, out->size)
                   ? 0
                   : refuse(walk, parent, "a string that is not UTF-8");
    }
    if (type == LUA_TNUMBER && lua_isinteger(L, -1)) {
        out->type = SALVOR_INTEGER;
        out->integer = lua_tointeger(L, -1);
        return 0;
    }
    if (type == LUA_TNUMBER) {
        out->type = SALVOR_REAL;
        out->real = lua_tonumber(L, -1);
        return isfinite(out->real) ? 0 : refuse(walk, parent, "a number that is not finite");
    }
    if (type == LUA_TBOOLEAN) {
        out->type = SALVOR_BOOLEAN;
        out->integer = lua_toboolean(L, -1);
        return 0;
    }
    if (salvor_is_null(L, -1))
        return 0;
    char what[64];
    snprintf(what, sizeof(what), "a value of type %s", luaL_typename(L, -1));
    return refuse(walk, parent, what);
}

static int send_value(struct walk *walk, const struct frame *parent);

static int send_list(struct walk *walk, struct frame *frame, lua_Unsigned count)
{
    if (count_entries(walk->L) != count)
        return refuse(walk, frame->parent, "a list with holes or with keys besides its indices");
    if (walk->sink->begin(walk->sink, true, count, walk->err) < 0)
        return -1;
    for (frame->index = 1; (lua_Unsigned)frame->index <= count; frame->index++) {
        lua_rawgeti(walk->L, -1, frame->index);
        if (send_value(walk, frame) < 0)
            return -1;
        lua_pop(walk->L, 1);
    }
    return walk->sink->end(walk->sink, walk->err);
}

static int compare(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    int order = memcmp(a->key, b->key, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Objects are small as a rule, and qsort() costs more than it saves on them. */
static void sort(struct member *list, size_t count)
{
    if (count > 24) {
        qsort(list, count, sizeof(*list), compare);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct member member = list[i];
        size_t at = i;
        for (; at > 0 && compare(&member, &list[at - 1]) < 0; at--)
            list[at] = list[at - 1];
        list[at] = member;
    }
}

static struct member *add_member(struct salvor_value_members *members)
{
    if (members->used == members->capacity) {
        size_t capacity = members->capacity * 2 + 64;
        struct member *list = realloc(members->list, capacity * sizeof(*list));
        if (!list)
            return NULL;
        members->list = list;
        members->capacity = capacity;
    }
    return &members->list[members->used++];
}

/* Takes the members of the table on top, sorted by key. */
static int take_members(struct walk *walk, struct frame *frame)
{
    lua_State *L = walk->L;
    size_t first = walk->members->used;
    for (lua_pushnil(L); lua_next(L, -2);) {
        struct member *member = add_member(walk->members);
        if (!member)
            return salvor_error_memory(walk->err);
        if (lua_type(L, -2) != LUA_TSTRING)
            return refuse(walk, frame->parent, "a table with keys that are not strings");
        member->key = lua_tolstring(L, -2, &member->size);
        if (!salvor_utf8_valid(member->key, member->size))
            return refuse(walk, frame->parent, "a key that is not UTF-8");
        frame->key = member->key;
        member->table = lua_istable(L, -1) ? ++walk->members->tables : 0;
        if (member->table) {
            lua_rawseti(L, walk->tables, member->table);
            continue;
        }
        if (get_scalar(walk, &member->scalar, frame) < 0)
            return -1;
        lua_pop(L, 1);
    }
    sort(walk->members->list + first, walk->members->used - first);
    return 0;
}

static int send_object(struct walk *walk, struct frame *frame)
{
    size_t first = walk->members->used;
    lua_Integer tables = walk->members->tables;
    if (take_members(walk, frame) < 0)
        return -1;
    size_t end = walk->members->used;
    if (walk->sink->begin(walk->sink, false, end - first, walk->err) < 0)
        return -1;
    for (size_t i = first; i < end; i++) {
        struct member member = walk->members->list[i];
        if (walk->sink->key(walk->sink, member.key, member.size, walk->err) < 0)
            return -1;
        if (!member.table) {
            if (walk->sink->scalar(walk->sink, &member.scalar, walk->err) < 0)
                return -1;
            continue;
        }
        frame->key = member.key;
        lua_rawgeti(walk->L, walk->tables, member.table);
        if (send_value(walk, frame) < 0)
            return -1;
        lua_pop(walk->L, 1);
    }
    walk->members->used = first;
    walk->members->tables = tables;
    return walk->sink->end(walk->sink, walk->err);
}

static int send_table(struct walk *walk, const struct frame *parent)
{
    struct frame frame = {.parent = parent,
                          .table = lua_topointer(walk->L, -1),
                          .depth = parent ? parent->depth + 1 : 1};
    for (const struct frame *above = parent; above; above = above->parent)
        if (above->table == frame.table)
            return refuse(walk, parent, "a table that contains itself");
    if (frame.depth > SALVOR_VALUE_DEPTH)
        return refuse(walk, parent, "a table nested too deeply");
    luaL_checkstack(walk->L, 5, "value nested too deeply");
    lua_Unsigned count = lua_rawlen(walk->L, -1);
    return count || is_marked(walk) ? send_list(walk, &frame, count) : send_object(walk, &frame);
}

/* Sends the value on top of the stack. */
static int send_value(struct walk *walk, const struct frame *parent)
{
    struct salvor_scalar scalar;
    if (lua_istable(walk->L, -1))
        return send_table(walk, parent);
    if (get_scalar(walk, &scalar, parent) < 0)
        return -1;
    return walk->sink->scalar(walk->sink, &scalar, walk->err);
}

static void release_members(void *object)
{
    free(((struct salvor_value_members *)object)->list);
}

void salvor_value_source_init(struct salvor_value_source *source, lua_State *L)
{
    luaL_checkstack(L, 7, NULL);
    source->L = L;
    source->members = salvor_box(L, sizeof(*source->members), release_members);
    luaL_newmetatable(L, SALVOR_LIST_METATABLE);
    source->list_metatable = lua_gettop(L);
    lua_newtable(L);
    source->tables = lua_gettop(L);
}

int salvor_value_send(struct salvor_value_source *source, int index, struct salvor_sink *sink,
                      struct salvor_error *err)
{
    struct walk walk = {source->L,      sink, source->members, source->list_metatable,
                        source->tables, err};
    int top = lua_gettop(source->L);
    walk.members->used = 0;
    walk.members->tables = 0;
    lua_pushvalue(source->L, index);
    int result = send_value(&walk, NULL);
    lua_settop(source->L, top);
    return result;
}

int salvor_to_value(lua_State *L, int index, json_t **out, struct salvor_error *err)
{
    struct salvor_value_source source;
    struct salvor_tree_sink tree;
    index = lua_absindex(L, index);
    salvor_value_source_init(&source, L);
    salvor_tree_sink_init(&tree, out);
    return salvor_value_send(&source, index, &tree.sink, err);
}
