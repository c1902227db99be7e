/* The parts of Lua's own libraries that must know of tasks. */
#ifndef SALVOR_LUA_GUARD_H
#define SALVOR_LUA_GUARD_H

#include <lua.h>

/*
 * Replaces pcall, xpcall and load (a cancellation goes through them), loadfile, dofile and require's
 * searcher for Lua files (text only), the functions of coroutine but create (a wait inside a user's
 * coroutine suspends the task, not the coroutine) and os.exit (unwinds the script, so that `<close>`
 * variables run and children end).
 */
void salvor_guard_install(lua_State *L);

#endif
