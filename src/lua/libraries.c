#include "lua/libraries.h"

#include <stdlib.h>

#include <lauxlib.h>
#include <lualib.h>

#include "lua/coroutines.h"
#include "lua/scheduler.h"

/*
 * pcall, xpcall: the context is how many slots lie below the results, twice, plus whether it was
 * cancelled at entry.
 */

static int finish_pcall(lua_State *L, int status, lua_KContext context)
{
    salvor_pass_cancellation(L, context & 1);
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)(context >> 1);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_KContext context = salvor_is_cancelled(L);
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
static const char handler_wrapper[] = "local is_cancelled = ...\n"
                                      "return function(handler)\n"
                                      "    return function(message)\n"
                                      "        if is_cancelled() then return message end\n"
                                      "        return handler(message)\n"
                                      "    end\n"
                                      "end\n";

static int handler_is_cancelled(lua_State *L)
{
    lua_pushboolean(L, salvor_is_cancelled(L));
    return 1;
}

static void push_handler_wrapper(lua_State *L)
{
    if (luaL_loadbufferx(L, handler_wrapper, sizeof(handler_wrapper) - 1, "=xpcall", "t") != LUA_OK)
        lua_error(L);
    lua_pushcfunction(L, handler_is_cancelled);
    lua_call(L, 1, 1);
}

/* The upvalues: the wrapper, and debug.traceback, which does no harm and counts levels itself. */
static int base_xpcall(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    bool was_cancelled = salvor_is_cancelled(L);
    lua_KContext context = 2 << 1 | was_cancelled;
    if (!was_cancelled && !lua_rawequal(L, 2, lua_upvalueindex(2))) {
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
    salvor_pass_cancellation(L, context);
    return lua_gettop(L);
}

/* The original is the upvalue; it catches errors of its reader function. Text chunks only. */
static int base_load(lua_State *L)
{
    lua_KContext context = salvor_is_cancelled(L);
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

static int base_loadfile(lua_State *L)
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

static int base_dofile(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, NULL);
    lua_settop(L, 1);
    if (luaL_loadfilex(L, name, "t") != LUA_OK)
        return lua_error(L);
    lua_callk(L, 0, LUA_MULTRET, 0, finish_dofile);
    return finish_dofile(L, LUA_OK, 0);
}

/* The searcher of require for Lua files, which must not load compiled ones either. */
static int package_search(lua_State *L)
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

/* os.exit */

static int os_exit(lua_State *L)
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

void salvor_libraries_install(lua_State *L)
{
    static const luaL_Reg base[] = {
        {"pcall", base_pcall}, {"loadfile", base_loadfile}, {"dofile", base_dofile}, {NULL, NULL}};
    lua_pushglobaltable(L);
    luaL_setfuncs(L, base, 0);
    push_handler_wrapper(L);
    lua_getfield(L, -2, LUA_DBLIBNAME);
    lua_getfield(L, -1, "traceback");
    lua_remove(L, -2);
    lua_pushcclosure(L, base_xpcall, 2);
    lua_setfield(L, -2, "xpcall");
    lua_getfield(L, -1, "load");
    lua_pushcclosure(L, base_load, 1);
    lua_setfield(L, -2, "load");
    lua_getfield(L, -1, LUA_LOADLIBNAME);
    lua_getfield(L, -1, "searchers");
    lua_pushcfunction(L, package_search);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
    lua_getfield(L, -1, LUA_OSLIBNAME);
    lua_pushcfunction(L, os_exit);
    lua_setfield(L, -2, "exit");
    lua_pop(L, 2);
    salvor_coroutines_install(L);
}
