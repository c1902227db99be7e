/* The parts of Lua's own libraries that must know of tasks. */
#ifndef SALVOR_LUA_LIBRARIES_H
#define SALVOR_LUA_LIBRARIES_H

#include <lua.h>

/*
 * Replaces pcall, xpcall and load (a cancellation goes through them), loadfile, dofile and require's
 * searcher for Lua files (text only), os.exit (unwinds the script, so that `<close>` variables run
 * and children end), and with them those of coroutine (lua/coroutines.h).
 */
void salvor_libraries_install(lua_State *L);

#endif
