/* salvor.proc: child processes, never through a shell. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/path.h"
#include "loop/child.h"
#include "lua/binding.h"
#include "lua/modules.h"
#include "lua/task.h"

#define CHILD_METATABLE "salvor.proc.child"

enum { OUTPUT_LIMIT = 64 << 20 };

struct process {
    struct salvor_child *child;
};

static int process_gc(lua_State *L)
{
    struct process *process = lua_touserdata(L, 1);
    salvor_child_free(process->child);
    process->child = NULL;
    return 0;
}

static const char *check_text(lua_State *L, int index, const char *what)
{
    size_t size;
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "proc.run: %s: string expected, got %s", what, luaL_typename(L, index));
    const char *text = lua_tolstring(L, index, &size);
    if (strlen(text) != size)
        luaL_error(L, "proc.run: %s holds a zero byte", what);
    return text;
}

/*
 * Pushes a table that owns the strings of the list at `index`, which metamethods of the options may
 * change meanwhile, and a block of pointers to them, ended by NULL.
 */
static char **push_argv(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    size_t count = lua_rawlen(L, index);
    luaL_argcheck(L, count > 0, index, "a program and its arguments expected");
    lua_newtable(L);
    int strings = lua_gettop(L);
    char **argv = lua_newuserdatauv(L, (count + 1) * sizeof(*argv), 0);
    for (size_t i = 0; i < count; i++) {
        const char *name = lua_pushfstring(L, "argument %I", (lua_Integer)i);
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        argv[i] = (char *)check_text(L, -1, name);
        lua_rawseti(L, strings, (lua_Integer)i + 1);
        lua_pop(L, 1);
    }
    argv[count] = NULL;
    return argv;
}

/* check_text() for the value below a text that names it */
static void check_pair(lua_State *L, int key, int value)
{
    const char *name = check_text(L, key, "a name in 'env'");
    if (!*name || strchr(name, '='))
        luaL_error(L, "proc.run: option 'env': '%s' is not a name", name);
    if (!lua_isboolean(L, value) || lua_toboolean(L, value))
        check_text(L, value, lua_pushfstring(L, "option 'env': '%s'", name));
}

static bool is_replaced(lua_State *L, int map, const char *setting)
{
    lua_pushlstring(L, setting, strcspn(setting, "="));
    bool is = lua_rawget(L, map) != LUA_TNIL;
    lua_pop(L, 1);
    return is;
}

/*
 * Pushes a table that owns the "NAME=value" strings and a block of pointers to them: our environment
 * with what the map at `index` replaces and removes.
 */
static char **push_environment(lua_State *L, int index)
{
    size_t count = 0;
    lua_newtable(L);
    int strings = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        check_pair(L, strings + 1, strings + 2);
        if (lua_isstring(L, strings + 2)) {
            lua_pushfstring(L, "%s=%s", lua_tostring(L, strings + 1), lua_tostring(L, strings + 2));
            lua_rawseti(L, strings, (lua_Integer)++count);
        }
        lua_settop(L, strings + 1);
    }
    size_t own = 0;
    while (environ[own])
        own++;
    char **block = lua_newuserdatauv(L, (own + count + 1) * sizeof(*block), 0);
    size_t used = 0;
    for (size_t i = 0; i < own; i++)
        if (!is_replaced(L, index, environ[i]))
            block[used++] = environ[i];
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, strings, (lua_Integer)i);
        block[used++] = (char *)lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    block[used] = NULL;
    return block;
}

/* Pushes a table with what a child wrote. */
static void push_outputs(lua_State *L, const struct salvor_child_result *result)
{
    lua_createtable(L, 0, 4);
    lua_pushlstring(L, result->output->data, result->output->size);
    lua_setfield(L, -2, "stdout");
    lua_pushlstring(L, result->errors->data, result->errors->size);
    lua_setfield(L, -2, "stderr");
}

static int after_run(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct salvor_error err;
    struct salvor_child_result result;
    struct process *process = lua_touserdata(L, (int)context);
    if (salvor_child_result(process->child, &result, &err) < 0) {
        salvor_error_op(&err, "proc.run");
        int count = salvor_fail(L, &err);
        push_outputs(L, &result);
        lua_setfield(L, -2, "details");
        return count;
    }
    push_outputs(L, &result);
    lua_pushinteger(L, result.code);
    lua_setfield(L, -2, "code");
    if (result.signal) {
        lua_pushinteger(L, result.signal);
        lua_setfield(L, -2, "signal");
    }
    /* The buffers may be large, and the collector does not know of them. */
    salvor_child_free(process->child);
    process->child = NULL;
    return 1;
}

/* run(argv, {stdin=, env=, cwd=, timeout=, limit=}) -> {code=, stdout=, stderr= [, signal=]} */
static int proc_run(lua_State *L)
{
    static const char *const names[] = {"stdin", "env", "cwd", "timeout", "limit", NULL};
    struct salvor_child_options options = {0};
    struct salvor_error err;

    lua_settop(L, 2);
    salvor_check_options(L, 2, names);
    options.argv = push_argv(L, 1);
    options.input = salvor_option_string(L, 2, "stdin", &options.input_size);
    options.cwd = salvor_option_string(L, 2, "cwd", NULL);
    options.timeout = salvor_option_number(L, 2, "timeout", 0);
    luaL_argcheck(L, options.timeout >= 0, 2, "option 'timeout': seconds from 0 expected");
    lua_Integer limit = salvor_option_integer(L, 2, "limit", OUTPUT_LIMIT);
    luaL_argcheck(L, limit >= 0, 2, "option 'limit': a number of bytes expected");
    options.output_limit = (size_t)limit;
    if (lua_istable(L, 2) && lua_getfield(L, 2, "env") != LUA_TNIL) {
        luaL_argcheck(L, lua_istable(L, -1), 2, "option 'env': table expected");
        options.env = push_environment(L, lua_gettop(L));
    }

    struct process *process = lua_newuserdatauv(L, sizeof(*process), 0);
    process->child = NULL;
    luaL_setmetatable(L, CHILD_METATABLE);
    if (salvor_child_start(&process->child, salvor_get_loop(L), &options, &err) < 0) {
        salvor_error_op(&err, "proc.run");
        return salvor_fail(L, &err);
    }
    return salvor_wait(L, salvor_child_op(process->child), after_run, lua_gettop(L));
}

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* which(name) -> path of the program that run() would start, or nil and NotFound */
static int proc_which(lua_State *L)
{
    struct salvor_error err;
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    if (strchr(name, '/') && is_program(name))
        return 1;
    const char *path = getenv("PATH");
    struct salvor_buffer *candidate = salvor_box_buffer(L, 1 << 16);
    for (path = path ? path : "/bin:/usr/bin"; *name && !strchr(name, '/') && *path;
         path += strspn(path, ":")) {
        size_t size = strcspn(path, ":");
        salvor_buffer_clear(candidate);
        if (salvor_buffer_append(candidate, path, size, &err) == 0 &&
            salvor_path_join(candidate, name, &err) == 0 && is_program(candidate->data)) {
            lua_pushlstring(L, candidate->data, candidate->size);
            return 1;
        }
        path += size;
    }
    salvor_error_set(&err, "NotFound", "there is no program '%s' on PATH", name);
    salvor_error_op(&err, "proc.which");
    return salvor_fail(L, &err);
}

/* pid() -> number of this process */
static int proc_pid(lua_State *L)
{
    lua_pushinteger(L, getpid());
    return 1;
}

int luaopen_salvor_proc(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"pid", proc_pid}, {"run", proc_run}, {"which", proc_which}, {NULL, NULL}};
    luaL_newmetatable(L, CHILD_METATABLE);
    lua_pushcfunction(L, process_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
