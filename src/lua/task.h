/*
 * Tasks: every script runs as a coroutine on the event loop, and every call that waits goes through
 * salvor_wait(). The structured part (all, map, race, timeout) is policy: lua/salvor/task.lua.
 */
#ifndef SALVOR_LUA_TASK_H
#define SALVOR_LUA_TASK_H

#include <lua.h>

#include "loop/loop.h"

struct salvor_loop *salvor_get_loop(lua_State *L);

/*
 * The last statement of a binding that waits:
 *
 *     return salvor_wait(L, &thing->op, after, 0);
 *
 * When `op` is done, `after` goes on with the stack as it was (like a continuation of lua_yieldk;
 * its status argument says nothing). Other tasks run meanwhile; where Lua cannot yield (inside a
 * sort comparator, a metamethod called from C, a require) the loop is run here until `op` is done, and
 * until waits of that kind have ended that other tasks began meanwhile.
 * `op` must belong to a userdata on the stack. When the task is cancelled while it waits, `op` is
 * aborted and the object Cancelled is raised instead of going on.
 *
 * Where `op` is NULL there is nothing to wait for yet, and `after` finds out what there is.
 */
int salvor_wait(lua_State *L, struct salvor_op *op, lua_KFunction after, lua_KContext context);

/*
 * The same as the last statement of an `after`, which may do so any number of times: salvor_wait()
 * there would use up the C stack where Lua cannot yield.
 */
int salvor_wait_again(lua_State *L, struct salvor_op *op, lua_KFunction after,
                      lua_KContext context);

#endif
