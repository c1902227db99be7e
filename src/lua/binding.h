/*
 * What every binding shares. The rules that keep C resources safe from Lua's longjmp:
 *
 *   - A resource is owned by a userdata from before it is acquired: salvor_box() first, then
 *     acquire into the box. A temporary that was freed by hand across a Lua call would leak when
 *     that call raises.
 *   - A binding function reads and checks all its arguments, makes one call below, and pushes the
 *     results. Loops and policy belong below (C without Lua) or above (Lua).
 *   - Misuse raises and names the argument; what can fail in the world returns nil, error object.
 *   - No lua_pop or lua_settop across a box's slot (Lua 5.4.4 mishandles to-be-closed slots there):
 *     return, which closes it.
 */
#ifndef SALVOR_LUA_BINDING_H
#define SALVOR_LUA_BINDING_H

#include <stdbool.h>
#include <stddef.h>

#include <lauxlib.h>
#include <lua.h>

#include "core/buffer.h"
#include "core/error.h"

/* Before anything else of this in a new state. */
void salvor_binding_install(lua_State *L);

/*
 * Pushes a zeroed object of `size` bytes, owned by Lua and closed when the calling C function
 * returns or raises: `release(object)` runs exactly once and must accept the zeroed state.
 */
void *salvor_box(lua_State *L, size_t size, void (*release)(void *object));

/* A boxed buffer with that ceiling. */
struct salvor_buffer *salvor_box_buffer(lua_State *L, size_t limit);

/* Pushes the error object for `err`: a table {code, op, message, status, retryable, hint}. */
void salvor_push_error(lua_State *L, const struct salvor_error *err);

/* Raises the error object. */
int salvor_raise(lua_State *L, const struct salvor_error *err);

/* Pushes nil and the error object; returns 2, so that a binding can `return` it. */
int salvor_fail(lua_State *L, const struct salvor_error *err);

/*
 * The options table at `index` (absent and nil are fine): raises unless it is a table whose every
 * key is in `names` (ended by NULL). A misspelt option must stop the script, not be ignored.
 */
void salvor_check_options(lua_State *L, int index, const char *const names[]);

/* One option of the table at `index`; `fallback` when absent; raises on a wrong type, naming it. */
bool salvor_option_boolean(lua_State *L, int index, const char *name, bool fallback);
lua_Integer salvor_option_integer(lua_State *L, int index, const char *name, lua_Integer fallback);
lua_Number salvor_option_number(lua_State *L, int index, const char *name, lua_Number fallback);

/*
 * Pushes the option's value (or nil) and returns its string, or NULL when it is absent (*size is 0
 * then). The string lives as long as the pushed value stays on the stack. Without `size` it is meant
 * as a C string, and one that holds a zero byte raises.
 */
const char *salvor_option_string(lua_State *L, int index, const char *name, size_t *size);

/* The string argument at `index` as a path; raises when it holds a zero byte. */
const char *salvor_check_path(lua_State *L, int index);

#endif
