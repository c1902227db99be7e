#include "lua/xml.h"

#include <stdbool.h>

#include <lauxlib.h>

#include "lua/binding.h"
#include "store/xml.h"

/* Adds the value on top to the table below it: under its name, or to the list of that name. */
static void add_to_parent(lua_State *L, int lists, const char *name, size_t size)
{
    lua_pushlstring(L, name, size); /* parent value name */
    lua_pushvalue(L, -1);
    bool is_list = lists && lua_rawget(L, lists) != LUA_TNIL;
    lua_pop(L, 1); /* parent value name */
    if (!is_list) {
        lua_insert(L, -2);
        lua_rawset(L, -3);
        return;
    }
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -4) != LUA_TTABLE) { /* parent value name list? */
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -6);
    }
    lua_replace(L, -2); /* parent value list */
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

static const char *text_at(const struct salvor_xml *xml, uint32_t at)
{
    return xml->text.data + at;
}

/*
 * Pushes a table of what is in the root: an element's text, or a table of what is in it. `lists`: the
 * stack index of a set of the names that may come several times; 0: none.
 */
static void push_xml(lua_State *L, const struct salvor_xml *xml, int lists)
{
    luaL_checkstack(L, SALVOR_XML_DEPTH + 8, "XML");
    lua_newtable(L);
    size_t open[SALVOR_XML_DEPTH + 1], depth = 0; /* the elements whose tables are on the stack */
    for (size_t i = 1; i <= xml->count; i++) {
        size_t at = i < xml->count ? xml->nodes[i].depth : 1;
        while (depth && depth >= at) {
            const struct salvor_xml_node *parent = &xml->nodes[open[depth--]];
            add_to_parent(L, lists, text_at(xml, parent->name), parent->name_size);
        }
        if (i == xml->count)
            break;
        const struct salvor_xml_node *node = &xml->nodes[i];
        if (at == 0) /* an attribute of the root stands before it */
            continue;
        if (node->is_leaf) {
            lua_pushlstring(L, text_at(xml, node->text), node->text_size);
            add_to_parent(L, lists, text_at(xml, node->name), node->name_size);
        } else {
            lua_newtable(L);
            open[++depth] = i;
        }
    }
}

static void release_xml(void *object)
{
    salvor_xml_release(object);
}

/* Pushes the set of the names in the list at `index`; returns its stack index, or 0 for none. */
static int push_set(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    lua_newtable(L);
    for (lua_Integer i = 1; lua_rawgeti(L, index, i) != LUA_TNIL; i++) {
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
    return lua_gettop(L);
}

int salvor_push_xml(lua_State *L, const char *text, size_t size, int lists_index,
                    struct salvor_error *err)
{
    int lists = push_set(L, lists_index);
    struct salvor_xml *xml = salvor_box(L, sizeof(*xml), release_xml);
    salvor_xml_init(xml);
    if (salvor_xml_read(xml, text, size, err) < 0)
        return -1;
    push_xml(L, xml, lists);
    return 0;
}
