#include "lua/guard.h"

#include <stdlib.h>

#include <lauxlib.h>
#include <lualib.h>

#include "lua/scheduler.h"

static struct salvor_task *current_task(lua_State *L)
{
    return salvor_get_scheduler(L)->current;
}

static bool is_told(const struct salvor_task *task)
{
    return task && task->cancel_delivered;
}

/*
 * A call that was entered before the cancellation was raised does not end it. One that is entered
 * afterwards, while the script tidies up in its `<close>` variables, works as ever.
 */
static void pass_cancellation(lua_State *L, bool told_at_entry)
{
    struct salvor_task *task = current_task(L);
    if (is_told(task) && !told_at_entry)
        salvor_task_raise_cancelled(L, task);
}

/* pcall, xpcall: the context is how many slots lie below the results, twice, plus told_at_entry */

static int finish_pcall(lua_State *L, int status, lua_KContext context)
{
    pass_cancellation(L, context & 1);
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)(context >> 1);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int guarded_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_KContext context = is_told(current_task(L));
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, context, finish_pcall);
    return finish_pcall(L, status, context);
}

/*
 * A cancellation is no error to handle, and a handler that calls os.exit() would be called for that
 * again and again. The wrapper is Lua's because its tail call leaves no level of its own on the
 * stack, which handlers count.
 */
static const char handler_wrapper[] = "local is_told = ...\n"
                                      "return function(handler)\n"
                                      "    return function(message)\n"
                                      "        if is_told() then return message end\n"
                                      "        return handler(message)\n"
                                      "    end\n"
                                      "end\n";

static int handler_is_told(lua_State *L)
{
    lua_pushboolean(L, is_told(current_task(L)));
    return 1;
}

static void push_handler_wrapper(lua_State *L)
{
    if (luaL_loadbufferx(L, handler_wrapper, sizeof(handler_wrapper) - 1, "=xpcall", "t") != LUA_OK)
        lua_error(L);
    lua_pushcfunction(L, handler_is_told);
    lua_call(L, 1, 1);
}

/* The upvalues: the wrapper, and debug.traceback, which does no harm and counts levels itself. */
static int guarded_xpcall(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    bool told = is_told(current_task(L));
    lua_KContext context = 2 << 1 | told;
    if (!told && !lua_rawequal(L, 2, lua_upvalueindex(2))) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushvalue(L, 2);
        lua_call(L, 1, 1);
        lua_replace(L, 2);
    }
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    int status = lua_pcallk(L, count - 2, LUA_MULTRET, 2, context, finish_pcall);
    return finish_pcall(L, status, context);
}

static int finish_load(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    pass_cancellation(L, context);
    return lua_gettop(L);
}

/* The original is the upvalue; it catches errors of its reader function. Text chunks only. */
static int guarded_load(lua_State *L)
{
    lua_KContext context = is_told(current_task(L));
    if (!lua_isstring(L, 1))
        luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, lua_gettop(L) < 3 ? 3 : lua_gettop(L));
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, context, finish_load);
    return finish_load(L, LUA_OK, context);
}

static int guarded_loadfile(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, NULL);
    bool has_environment = !lua_isnone(L, 3);
    if (luaL_loadfilex(L, name, "t") != LUA_OK) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (has_environment) {
        lua_pushvalue(L, 3);
        if (!lua_setupvalue(L, -2, 1))
            lua_pop(L, 1);
    }
    return 1;
}

static int finish_dofile(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L) - 1;
}

static int guarded_dofile(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, NULL);
    lua_settop(L, 1);
    if (luaL_loadfilex(L, name, "t") != LUA_OK)
        return lua_error(L);
    lua_callk(L, 0, LUA_MULTRET, 0, finish_dofile);
    return finish_dofile(L, LUA_OK, 0);
}

/* The searcher of require for Lua files, which must not load compiled ones either. */
static int guarded_search(lua_State *L)
{
    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_getglobal(L, LUA_LOADLIBNAME);
    lua_getfield(L, -1, "searchpath");
    lua_pushvalue(L, 1);
    lua_getfield(L, 2, "path");
    if (!lua_isstring(L, -1))
        return luaL_error(L, "'package.path' must be a string");
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2))
        return 1;
    lua_pop(L, 1);
    const char *path = lua_tostring(L, -1);
    if (luaL_loadfilex(L, path, "t") != LUA_OK)
        return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", lua_tostring(L, 1),
                          path, lua_tostring(L, -1));
    lua_insert(L, -2);
    return 2;
}

/* Coroutines */

enum { TOLD = 1, WRAP = 2 };

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
        salvor_scheduler_set_running(scheduler, co);
        int status = lua_resume(co, L, count, results);
        salvor_scheduler_set_running(scheduler, L);
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
    salvor_scheduler_set_running(scheduler, co);
    int status = lua_resetthread(co);
    salvor_scheduler_set_running(scheduler, L);
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
    if (failed && is_told(current_task(L)) && !(context & TOLD))
        reset_coroutine(L, co); /* its `<close>` variables are part of what unwinds */
    pass_cancellation(L, context & TOLD);
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

static int start_coroutine(lua_State *L, int first, lua_KContext context)
{
    lua_State *co = coroutine_of(L, context);
    const char *problem = NULL;
    int count = lua_gettop(L) - first + 1;
    luaL_checkstack(L, 3, NULL);
    if (is_waiting(L, context & WRAP ? lua_upvalueindex(1) : 1))
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
    context |= is_told(current_task(L)) ? TOLD : 0;
    lua_xmove(L, co, count);
    int results;
    int status = drive(L, co, count, context, &results);
    return deliver(L, co, status, results, context);
}

static int guarded_resume(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    return start_coroutine(L, 2, 0);
}

static int call_wrapped(lua_State *L)
{
    return start_coroutine(L, 1, WRAP);
}

static int guarded_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, call_wrapped, 1);
    return 1;
}

/* What the original, the upvalue, says of a coroutine in which something waits is wrong. */
static int guarded_status(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    if (is_waiting(L, 1)) {
        lua_pushliteral(L, "normal");
        return 1;
    }
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* The original, the upvalue, refuses a coroutine that runs. */
static int guarded_close(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    lua_State *co = lua_tothread(L, 1);
    if (is_waiting(L, 1))
        return luaL_error(L, "cannot close a normal coroutine");
    bool told = is_told(current_task(L));
    lua_settop(L, 1);
    if (is_active(L, co)) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, 1, LUA_MULTRET);
        return lua_gettop(L);
    }
    int status = reset_coroutine(L, co);
    pass_cancellation(L, told);
    lua_pushboolean(L, status == LUA_OK);
    if (status == LUA_OK)
        return 1;
    lua_xmove(co, L, 1);
    return 2;
}

static void wrap_original(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

/* To a script, the thread of its task is what the main thread is to lua's. */
static bool is_main(lua_State *L)
{
    struct salvor_task *task = current_task(L);
    return !task || task->thread == L;
}

static int guarded_yield(lua_State *L)
{
    if (is_main(L))
        return luaL_error(L, "attempt to yield from outside a coroutine");
    return lua_yield(L, lua_gettop(L));
}

static int guarded_running(lua_State *L)
{
    lua_pushthread(L);
    lua_pushboolean(L, is_main(L));
    return 2;
}

static int guarded_isyieldable(lua_State *L)
{
    lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
    lua_pushboolean(L, !is_main(co) && lua_isyieldable(co));
    return 1;
}

/* os.exit */

static int guarded_exit(lua_State *L)
{
    int code = lua_isboolean(L, 1)     ? (lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE)
               : lua_isnoneornil(L, 1) ? EXIT_SUCCESS
                                       : (int)luaL_checkinteger(L, 1);
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    struct salvor_task *task = scheduler->current;
    if (!scheduler->exiting)
        scheduler->exit_code = code;
    scheduler->exiting = true;
    if (!task)
        exit(code); /* in a finaliser, while the state is closed anyway */
    salvor_task_cancel_script(scheduler);
    return salvor_task_raise_cancelled(L, task);
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

void salvor_guard_install(lua_State *L)
{
    static const luaL_Reg base[] = {{"pcall", guarded_pcall},
                                    {"loadfile", guarded_loadfile},
                                    {"dofile", guarded_dofile},
                                    {NULL, NULL}};
    static const luaL_Reg coroutine[] = {{"resume", guarded_resume},
                                         {"wrap", guarded_wrap},
                                         {"yield", guarded_yield},
                                         {"running", guarded_running},
                                         {"isyieldable", guarded_isyieldable},
                                         {NULL, NULL}};
    make_waiting_table(L);
    lua_pushglobaltable(L);
    luaL_setfuncs(L, base, 0);
    push_handler_wrapper(L);
    lua_getfield(L, -2, LUA_DBLIBNAME);
    lua_getfield(L, -1, "traceback");
    lua_remove(L, -2);
    lua_pushcclosure(L, guarded_xpcall, 2);
    lua_setfield(L, -2, "xpcall");
    wrap_original(L, "load", guarded_load);
    lua_getfield(L, -1, LUA_COLIBNAME);
    luaL_setfuncs(L, coroutine, 0);
    wrap_original(L, "close", guarded_close);
    wrap_original(L, "status", guarded_status);
    lua_pop(L, 1);
    lua_getfield(L, -1, LUA_LOADLIBNAME);
    lua_getfield(L, -1, "searchers");
    lua_pushcfunction(L, guarded_search);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
    lua_getfield(L, -1, LUA_OSLIBNAME);
    lua_pushcfunction(L, guarded_exit);
    lua_setfield(L, -2, "exit");
    lua_pop(L, 2);
}
