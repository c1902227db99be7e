/* Lua's coroutines, where every script is one itself. */
#ifndef SALVOR_LUA_COROUTINES_H
#define SALVOR_LUA_COROUTINES_H

#include <lua.h>

/*
 * Replaces the functions of coroutine but create: a wait inside a user's coroutine suspends the task,
 * not the coroutine.
 */
void salvor_coroutines_install(lua_State *L);

#endif
