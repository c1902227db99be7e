/* The parts of Lua's own libraries that must know of tasks. */
#ifndef SALVOR_LUA_LIBRARIES_H
#define SALVOR_LUA_LIBRARIES_H

#include <stdbool.h>

#include <lua.h>

/*
 * Replaces pcall, xpcall and load (a cancellation goes through them), loadfile, dofile and require's
 * searcher for Lua files (text only), os.exit (unwinds the script, so that `<close>` variables run
 * and children end), and those below.
 */
void salvor_libraries_install(lua_State *L);

/*
 * Replaces the functions of coroutine but create: a wait inside a user's coroutine suspends the task,
 * not the coroutine.
 */
void salvor_coroutines_install(lua_State *L);

/* Whether the running task's cancellation has been raised. */
bool salvor_is_cancelled(lua_State *L);

/*
 * A call that was entered before the cancellation was raised does not end it. One that is entered
 * afterwards, while the script tidies up in its `<close>` variables, works as ever.
 */
void salvor_pass_cancellation(lua_State *L, bool cancelled_at_entry);

#endif
