#include "lua/coroutines.h"

#include <lauxlib.h>
#include <lualib.h>

#include "lua/scheduler.h"
#include "lua/task_interrupt.h"

enum { CANCELLED = 1, WRAP = 2 };

static lua_State *coroutine_of(lua_State *L, lua_KContext context)
{
    return lua_tothread(L, context & WRAP ? lua_upvalueindex(1) : 1);
}

static int continue_coroutine(lua_State *L, int status, lua_KContext context);

/*
 * The coroutines in which something waits, and those around them, are suspended as far as Lua knows,
 * but they are running for their user: another task must neither resume nor close them. They are the
 * keys of a table in the registry.
 */
static const char waiting_key;

static void mark_waiting(lua_State *L, lua_State *co, bool waits)
{
    luaL_checkstack(L, 3, NULL);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &waiting_key);
    lua_pushthread(co);
    lua_xmove(co, L, 1);
    if (waits)
        lua_pushboolean(L, 1);
    else
        lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* Of the coroutine at `index` */
static bool is_waiting(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &waiting_key);
    lua_insert(L, -2);
    bool is = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 2);
    return is;
}

/*
 * Resumes `co` until it yields to its user or ends. When it stopped because something in it waits,
 * the wait is handed on: by yielding, or by running the loop where that is impossible.
 */
static int drive(lua_State *L, lua_State *co, int count, lua_KContext context, int *results)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    struct salvor_task *task = scheduler->current;
    for (;;) {
        salvor_task_interrupt_set_running(scheduler, co);
        int status = lua_resume(co, L, count, results);
        salvor_task_interrupt_set_running(scheduler, L);
        if (status != LUA_YIELD || !task || !task->parked)
            return status;
        if (lua_isyieldable(L)) {
            mark_waiting(L, co, true);
            return lua_yieldk(L, 0, context, continue_coroutine);
        }
        if (task->waiting)
            salvor_task_run_nested(L, task, task->waiting);
        count = 0;
    }
}

/* Closes what `co` has open. Its `<close>` variables run on it, where an interrupt must find them. */
static int reset_coroutine(lua_State *L, lua_State *co)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    salvor_task_interrupt_set_running(scheduler, co);
    int status = lua_resetthread(co);
    salvor_task_interrupt_set_running(scheduler, L);
    return status;
}

/* After lua.c's auxwrap: a string error gets the position of the caller in front. */
static int raise_wrapped(lua_State *L, lua_State *co)
{
    /* Its own status: one that could not be resumed (the C stack is used up) did not fail. */
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD)
        status = reset_coroutine(L, co);
    lua_xmove(co, L, 1);
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int deliver(lua_State *L, lua_State *co, int status, int results, lua_KContext context)
{
    bool failed = status != LUA_OK && status != LUA_YIELD;
    if (failed && salvor_is_cancelled(L) && !(context & CANCELLED))
        reset_coroutine(L, co); /* its `<close>` variables are part of what unwinds */
    salvor_pass_cancellation(L, context & CANCELLED);
    if (failed && context & WRAP)
        return raise_wrapped(L, co);
    if (failed) {
        lua_pushboolean(L, 0);
        lua_xmove(co, L, 1);
        return 2;
    }
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        return luaL_error(L, "too many results to resume");
    }
    if (!(context & WRAP))
        lua_pushboolean(L, 1);
    lua_xmove(co, L, results);
    return results + !(context & WRAP);
}

static int continue_coroutine(lua_State *L, int status, lua_KContext context)
{
    lua_State *co = coroutine_of(L, context);
    int results;
    mark_waiting(L, co, false);
    status = drive(L, co, 0, context, &results);
    return deliver(L, co, status, results, context);
}

/* Whether it runs or has resumed the one that does */
static bool is_active(lua_State *L, lua_State *co)
{
    return co == L || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &(lua_Debug){0}));
}

/* Another one than that which runs, and only for the scheduler to resume and to close */
static bool is_of_other_task(lua_State *L, lua_State *co)
{
    return co != L && salvor_is_thread_of_task(co);
}

static int start_coroutine(lua_State *L, int first, lua_KContext context)
{
    lua_State *co = coroutine_of(L, context);
    const char *problem = NULL;
    int count = lua_gettop(L) - first + 1;
    luaL_checkstack(L, LUA_MINSTACK, NULL); /* for a nested wait too, which must not lack it */
    if (is_waiting(L, context & WRAP ? lua_upvalueindex(1) : 1) || is_of_other_task(L, co))
        problem = "cannot resume non-suspended coroutine";
    else if (lua_status(co) == LUA_OK && lua_gettop(co) == 0)
        problem = "cannot resume dead coroutine";
    else if (is_active(L, co))
        problem = "cannot resume non-suspended coroutine";
    else if (!lua_checkstack(co, count))
        problem = "too many arguments to resume";
    if (problem && context & WRAP)
        return luaL_error(L, "%s", problem);
    if (problem) {
        lua_pushboolean(L, 0);
        lua_pushstring(L, problem);
        return 2;
    }
    context |= salvor_is_cancelled(L) ? CANCELLED : 0;
    lua_xmove(L, co, count);
    int results;
    int status = drive(L, co, count, context, &results);
    return deliver(L, co, status, results, context);
}

static int coroutine_resume(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    return start_coroutine(L, 2, 0);
}

static int call_wrapped(lua_State *L)
{
    return start_coroutine(L, 1, WRAP);
}

static int coroutine_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, call_wrapped, 1);
    return 1;
}

/*
 * What the original, the upvalue, says is wrong of a coroutine in which something waits, and of a
 * task's thread, which keeps its results.
 */
static int coroutine_status(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_State *co = lua_tothread(L, 1);
    if (is_waiting(L, 1) || is_of_other_task(L, co)) {
        bool lives = lua_status(co) == LUA_YIELD || is_active(L, co);
        lua_pushstring(L, lives ? "normal" : "dead");
        return 1;
    }
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* The original, the upvalue, refuses a coroutine that runs. */
static int coroutine_close(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_State *co = lua_tothread(L, 1);
    if (is_waiting(L, 1) || is_of_other_task(L, co))
        return luaL_error(L, "cannot close a normal coroutine");
    bool was_cancelled = salvor_is_cancelled(L);
    lua_settop(L, 1);
    if (is_active(L, co)) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, 1, LUA_MULTRET);
        return lua_gettop(L);
    }
    int status = reset_coroutine(L, co);
    salvor_pass_cancellation(L, was_cancelled);
    lua_pushboolean(L, status == LUA_OK);
    if (status == LUA_OK)
        return 1;
    lua_xmove(co, L, 1);
    return 2;
}

/* To a script, the thread of its task is what the main thread is to lua's. */
static bool is_main(lua_State *L)
{
    struct salvor_task *task = salvor_get_scheduler(L)->current;
    return !task || task->thread == L;
}

static int coroutine_yield(lua_State *L)
{
    if (is_main(L))
        return luaL_error(L, "attempt to yield from outside a coroutine");
    return lua_yield(L, lua_gettop(L));
}

static int coroutine_running(lua_State *L)
{
    lua_pushthread(L);
    lua_pushboolean(L, is_main(L));
    return 2;
}

static int coroutine_isyieldable(lua_State *L)
{
    lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
    lua_pushboolean(L, !is_main(co) && lua_isyieldable(co));
    return 1;
}

static void make_waiting_table(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &waiting_key);
}

static void wrap_original(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void salvor_coroutines_install(lua_State *L)
{
    static const luaL_Reg functions[] = {{"resume", coroutine_resume},
                                         {"wrap", coroutine_wrap},
                                         {"yield", coroutine_yield},
                                         {"running", coroutine_running},
                                         {"isyieldable", coroutine_isyieldable},
                                         {NULL, NULL}};
    make_waiting_table(L);
    lua_getglobal(L, LUA_COLIBNAME);
    luaL_setfuncs(L, functions, 0);
    wrap_original(L, "close", coroutine_close);
    wrap_original(L, "status", coroutine_status);
    lua_pop(L, 1);
}
