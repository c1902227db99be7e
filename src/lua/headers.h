/* The headers of HTTP answers as Lua values. */
#ifndef SALVOR_LUA_HEADERS_H
#define SALVOR_LUA_HEADERS_H

#include <lua.h>

#include "net/http.h"

/* Pushes {name = value}, names in lower case, the values of a repeated one joined by ", ". */
void salvor_push_headers(lua_State *L, const struct salvor_http *http);

#endif
