/* Error objects: what `nil, err` and must() carry. The fields are those of struct salvor_error. */
#ifndef SALVOR_LUA_ERRORS_H
#define SALVOR_LUA_ERRORS_H

#include <lua.h>

#define SALVOR_ERROR_METATABLE "salvor.error"

/* Makes the metatable and the global must(...), which raises its second argument when the first is
 * nil or false and otherwise returns them all. */
void salvor_errors_install(lua_State *L);

#endif
