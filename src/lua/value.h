/*
 * The one place where C's value tree (json_t) and Lua values meet.
 *
 *   null <-> salvor.null (a light userdata)    true, false <-> booleans
 *   integer <-> integer     real <-> float     string <-> string (bytes, may hold NUL)
 *   array <-> a table with the list marker as metatable, so that an empty list stays a list
 *   object <-> a table with string keys
 *
 * Towards C, a table is a list when it carries the marker or its keys are exactly 1..n (n > 0);
 * otherwise an object whose keys must all be strings. A mixed table, a function, NaN or infinity, a
 * string that is not UTF-8, a cycle and nesting above SALVOR_VALUE_DEPTH are Invalid, and the
 * message names the path (".a.b[3]").
 */
#ifndef SALVOR_LUA_VALUE_H
#define SALVOR_LUA_VALUE_H

#include <stdbool.h>

#include <jansson.h>
#include <lua.h>

#include "core/error.h"
#include "data/json.h"
#include "data/sink.h"

#define SALVOR_VALUE_DEPTH SALVOR_JSON_DEPTH

/* The metatable of lists, in the registry; salvor.list(t) sets it. */
#define SALVOR_LIST_METATABLE "salvor.list"

void salvor_push_null(lua_State *L);
bool salvor_is_null(lua_State *L, int index);

/* Marks the table on top of the stack as a list. */
void salvor_mark_list(lua_State *L);

/* Pushes `value`. May raise (out of memory), so `value` must be owned by a box. */
void salvor_push_value(lua_State *L, const json_t *value);

/*
 * The same for a tree nobody else needs: what was pushed is released at once, so that a large tree
 * and its Lua twin are never both whole in memory. *value is NULL afterwards; it must be a box's,
 * which owns the rest when this raises.
 */
void salvor_move_value(lua_State *L, json_t **value);

/*
 * Stops the garbage collector until the calling function returns or raises (a box). Worth it while
 * a large tree is pushed: all of it is alive, so every collection on the way would be in vain.
 */
void salvor_pause_gc(lua_State *L);

/*
 * Converts the value at `index` into *out, a new reference. `*out` must live in a box, since the
 * walk may raise; on -1 it is left NULL or holding a partial tree that the box releases. Pushes
 * three values, a box below, which go when the calling function returns.
 */
int salvor_to_value(lua_State *L, int index, json_t **out, struct salvor_error *err);

/*
 * Lua values as a source, for any number of them. Sending may raise, so what the sink owns must be a
 * box's; and the sink makes no Lua objects, so that no finaliser changes what is being walked.
 */
struct salvor_value_source {
    lua_State *L;
    struct salvor_value_members *members;
    int list_metatable; /* stack index of the list marker */
    int tables;         /* stack index of the tables that are members of what is walked */
};

/* Pushes three values, a box below, that must stay where they are while the source is in use. */
void salvor_value_source_init(struct salvor_value_source *source, lua_State *L);

/* Sends the value at `index`, keys sorted. */
int salvor_value_send(struct salvor_value_source *source, int index, struct salvor_sink *sink,
                      struct salvor_error *err);

/*
 * A sink that pushes the value it gets. Its calls may raise: the source must belong to a box. The
 * stack index `list_metatable` holds the list marker.
 */
struct salvor_push_sink {
    struct salvor_sink sink;
    lua_State *L;
    int list_metatable;
    int depth;
    lua_Integer indices[SALVOR_VALUE_DEPTH]; /* of the next element; 0 in an object */
};

/* Pushes the list marker, which must stay where it is while the sink is in use. */
void salvor_push_sink_init(struct salvor_push_sink *push, lua_State *L);

/*
 * Pushes the value of a JSON text, which must stay where it is, also when a finaliser runs meanwhile
 * and closes whatever scripts can close. Two values are left below it, a box among them, which go when
 * the calling function returns. Errors as those of salvor_json_decode(),
 * with nothing to count on the stack.
 */
int salvor_push_json(lua_State *L, const char *text, size_t size, struct salvor_error *err);

/* A boxed json_t reference, initially NULL, released with json_decref. */
json_t **salvor_box_value(lua_State *L);

#endif
