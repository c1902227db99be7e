/*
 * salvor.scheduler: what tasks are made of. lua/salvor/task.lua builds the structured forms on it.
 */
#include "lua/binding.h"
#include "lua/modules.h"
#include "lua/scheduler.h"
#include "lua/task.h"
#include "lua/task_interrupt.h"

#define FOREGROUND       "salvor.foreground"
#define JOINER_METATABLE "salvor.joiner"
#define TIMER_METATABLE  "salvor.timer"
#define WAITER_METATABLE "salvor.waiter"

static struct salvor_task *check_task(lua_State *L, int index)
{
    return luaL_checkudata(L, index, SALVOR_TASK_METATABLE);
}

/* spawn(fn, ...) -> task */
static int task_spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    salvor_task_spawn(L, lua_gettop(L) - 1);
    return 1;
}

/* A joiner as userdata: it leaves the scheduler's list before its memory goes. */
static int joiner_gc(lua_State *L)
{
    struct salvor_joiner *joiner = lua_touserdata(L, 1);
    if (joiner->op.abort)
        salvor_op_abort(&joiner->op);
    return 0;
}

static struct salvor_joiner *push_joiner(lua_State *L)
{
    struct salvor_joiner *joiner = lua_newuserdatauv(L, sizeof(*joiner), 0);
    *joiner = (struct salvor_joiner){0};
    luaL_setmetatable(L, JOINER_METATABLE);
    salvor_joiner_start(salvor_get_scheduler(L), joiner);
    return joiner;
}

/* next_ended(tasks) -> index of one that has ended, the first in the list; waits for it */
static int after_end(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    lua_settop(L, 1);
    lua_Integer count = luaL_len(L, 1);
    for (lua_Integer i = 1; i <= count; i++) {
        bool is_task = lua_rawgeti(L, 1, i) == LUA_TUSERDATA;
        if (is_task && check_task(L, -1)->state == TASK_ENDED) {
            lua_pushinteger(L, i);
            return 1;
        }
        lua_pop(L, 1);
    }
    struct salvor_joiner *joiner = push_joiner(L);
    return salvor_wait_again(L, &joiner->op, after_end, context);
}

static int task_next_ended(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, luaL_len(L, 1) > 0, 1, "no tasks to wait for");
    return salvor_wait(L, NULL, after_end, 0);
}

/* set_foreground(task or nil): what Ctrl-C ends */
static int task_set_foreground(lua_State *L)
{
    struct salvor_task *task = lua_isnoneornil(L, 1) ? NULL : check_task(L, 1);
    lua_settop(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, FOREGROUND);
    salvor_task_interrupt_set_foreground(salvor_get_scheduler(L), task);
    return 0;
}

/* result(task) -> true, results... or false, error, traceback; of an ended task */
static int task_result(lua_State *L)
{
    struct salvor_task *task = check_task(L, 1);
    luaL_argcheck(L, task->state == TASK_ENDED, 1, "the task has not ended");
    lua_settop(L, 1);
    lua_pushboolean(L, !task->failed);
    if (salvor_task_push_result(L, task) < 0)
        salvor_task_push_traceback(L, 1);
    return lua_gettop(L) - 1;
}

static int task_cancel(lua_State *L)
{
    struct salvor_task *task = check_task(L, 1);
    salvor_task_cancel(task);
    if (task == salvor_get_scheduler(L)->current && !task->cancel_delivered)
        return salvor_task_raise_cancelled(L, task);
    return 0;
}

static int task_status(lua_State *L)
{
    struct salvor_task *task = check_task(L, 1);
    const char *status = "running";
    if (task->state == TASK_ENDED)
        status = task->cancel_delivered ? "cancelled" : task->failed ? "failed" : "done";
    lua_pushstring(L, status);
    return 1;
}

/* sleep(seconds) */
static int timer_gc(lua_State *L)
{
    struct salvor_timer *timer = lua_touserdata(L, 1);
    if (timer->op.abort)
        salvor_op_abort(&timer->op);
    return 0;
}

static int after_sleep(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 0;
}

static int task_sleep(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 1);
    luaL_argcheck(L, seconds >= 0, 1, "a number of seconds from 0 expected");
    struct salvor_timer *timer = lua_newuserdatauv(L, sizeof(*timer), 0);
    *timer = (struct salvor_timer){0};
    luaL_setmetatable(L, TIMER_METATABLE);
    salvor_timer_start(salvor_get_loop(L), timer, seconds);
    return salvor_wait(L, &timer->op, after_sleep, 0);
}

/* waiter() -> what one task waits for until another wakes it; lua/salvor/condition.lua */
static void abort_waiter(struct salvor_op *op)
{
    (void)op;
}

static int task_waiter(lua_State *L)
{
    struct salvor_op *op = lua_newuserdatauv(L, sizeof(*op), 0);
    *op = (struct salvor_op){.abort = abort_waiter};
    luaL_setmetatable(L, WAITER_METATABLE);
    return 1;
}

/* waiter:wait(); once only */
static int waiter_wait(lua_State *L)
{
    struct salvor_op *op = luaL_checkudata(L, 1, WAITER_METATABLE);
    luaL_argcheck(L, !op->wake, 1, "another task waits for it");
    return salvor_wait(L, op, after_sleep, 0);
}

static int waiter_wake(lua_State *L)
{
    salvor_op_finish(luaL_checkudata(L, 1, WAITER_METATABLE));
    return 0;
}

static int task_now(lua_State *L)
{
    lua_pushnumber(L, salvor_loop_now());
    return 1;
}

/* Of what leaves a list of C's when it is collected. */
static void make_metatable(lua_State *L, const char *name, lua_CFunction collect)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

static void make_waiter_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {{"wait", waiter_wait}, {"wake", waiter_wake}, {NULL, NULL}};
    luaL_newmetatable(L, WAITER_METATABLE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int luaopen_salvor_scheduler(lua_State *L)
{
    static const luaL_Reg functions[] = {{"spawn", task_spawn},
                                         {"next_ended", task_next_ended},
                                         {"result", task_result},
                                         {"cancel", task_cancel},
                                         {"status", task_status},
                                         {"sleep", task_sleep},
                                         {"now", task_now},
                                         {"waiter", task_waiter},
                                         {"set_foreground", task_set_foreground},
                                         {NULL, NULL}};
    make_metatable(L, JOINER_METATABLE, joiner_gc);
    make_metatable(L, TIMER_METATABLE, timer_gc);
    make_waiter_metatable(L);
    luaL_newlib(L, functions);
    /* lua/salvor/task.lua puts the methods there. */
    luaL_getmetatable(L, SALVOR_TASK_METATABLE);
    lua_setfield(L, -2, "metatable");
    return 1;
}
