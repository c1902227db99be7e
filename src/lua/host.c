#include <salvor/salvor.h>

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "core/file.h"
#include "loop/interrupt.h"
#include "loop/loop.h"
#include "lua/binding.h"
#include "lua/embedded.h"
#include "lua/errors.h"
#include "lua/job.h"
#include "lua/libraries.h"
#include "lua/modules.h"
#include "lua/pool.h"
#include "lua/scheduler.h"
#include "lua/task_interrupt.h"
#include "lua/value.h"
#include "store/local/keeper.h"

enum { EXIT_FAILED = 1, EXIT_INTERNAL = 70 };

struct salvor_host {
    struct salvor_pool *pool;
    lua_State *L;
    struct salvor_loop *loop;
    struct salvor_scheduler scheduler;
    bool shows_warnings;
    bool in_warning; /* the next piece belongs to the same one */
};

/* One in each line, so that additions do not meet. */
/* clang-format off */
static const luaL_Reg modules[] = {
    {"salvor.block", luaopen_salvor_block},
    {"salvor.console", luaopen_salvor_console},
    {"salvor.digest", luaopen_salvor_digest},
    {"salvor.error", luaopen_salvor_error},
    {"salvor.fs", luaopen_salvor_fs},
    {"salvor.inspect", luaopen_salvor_inspect},
    {"salvor.json", luaopen_salvor_json},
    {"salvor.kube", luaopen_salvor_kube},
    {"salvor.local", luaopen_salvor_local},
    {"salvor.proc", luaopen_salvor_proc},
    {"salvor.scheduler", luaopen_salvor_scheduler},
    {"salvor.secret", luaopen_salvor_secret},
    {"salvor.set_files", luaopen_salvor_set_files},
    {"salvor.store_http", luaopen_salvor_store_http},
    {"salvor.sftp", luaopen_salvor_sftp},
    {"salvor.terminal", luaopen_salvor_terminal},
    {"salvor.transfer", luaopen_salvor_transfer},
    {"salvor.value", luaopen_salvor_value},
    {"salvor.yaml", luaopen_salvor_yaml},
    {NULL, NULL},
};
/* clang-format on */

/* Whether the library that runs is the release that compiled our code; others may read it wrongly. */
static bool is_same_lua(void)
{
    extern const char lua_ident[]; /* "$LuaVersion: Lua 5.4.4  Copyright ..." */
    const char *release = strstr(lua_ident, LUA_RELEASE);
    return release && release[strlen(LUA_RELEASE)] == ' ';
}

static int load_embedded(lua_State *L, const struct salvor_embedded *file, const char *chunk)
{
    if (file->code && is_same_lua())
        return luaL_loadbufferx(L, file->code, (size_t)(file->code_end - file->code), chunk, "b");
    return luaL_loadbufferx(L, file->start, (size_t)(file->end - file->start), chunk, "t");
}

/*
 * The first searcher of require: salvor and salvor.* come from the binary and from nowhere else, so
 * that no file on a path can take their place.
 */
static int search_embedded(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    if (strcmp(name, "salvor") != 0 && strncmp(name, "salvor.", 7) != 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    for (const luaL_Reg *module = modules; module->name; module++)
        if (!strcmp(module->name, name)) {
            lua_pushcfunction(L, module->func);
            lua_pushliteral(L, "(built in)");
            return 2;
        }
    const char *path = luaL_gsub(L, name, ".", "/");
    path = lua_pushfstring(L, strcmp(name, "salvor") ? "lua/%s.lua" : "lua/%s/init.lua", path);
    const struct salvor_embedded *file = salvor_embedded_find(path);
    if (!file)
        return luaL_error(L, "there is no module '%s' in Salvor", name);
    const char *chunk = lua_pushfstring(L, "@%s", path);
    if (load_embedded(L, file, chunk) != LUA_OK)
        return lua_error(L);
    lua_pushstring(L, path);
    return 2;
}

static void install_searcher(lua_State *L)
{
    lua_getglobal(L, LUA_LOADLIBNAME);
    lua_getfield(L, -1, "searchers");
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1); i >= 1; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushcfunction(L, search_embedded);
    lua_rawseti(L, -2, 1);
    lua_pop(L, 2);
}

/* A module must not come from whatever folder the operator happens to stand in. */
static void drop_relative_entries(lua_State *L, const char *field)
{
    lua_getglobal(L, LUA_LOADLIBNAME);
    lua_getfield(L, -1, field);
    const char *path = lua_tostring(L, -1);
    luaL_Buffer kept;
    luaL_buffinit(L, &kept);
    while (path && *path) {
        size_t size = strcspn(path, LUA_PATH_SEP);
        if (*path == '/') {
            if (luaL_bufflen(&kept))
                luaL_addstring(&kept, LUA_PATH_SEP);
            luaL_addlstring(&kept, path, size);
        }
        path += size + (path[size] != '\0');
    }
    luaL_pushresult(&kept);
    lua_setfield(L, -3, field);
    lua_pop(L, 2);
}

static int set_up(lua_State *L)
{
    luaL_openlibs(L);
    luaL_newmetatable(L, SALVOR_TASK_METATABLE);
    luaL_newmetatable(L, SALVOR_LIST_METATABLE);
    lua_settop(L, 0);
    salvor_binding_install(L);
    salvor_job_install(L);
    salvor_errors_install(L);
    salvor_libraries_install(L);
    install_searcher(L);
    drop_relative_entries(L, "path");
    drop_relative_entries(L, "cpath");
    return 0;
}

/*
 * Scripts read, turn over and drop documents of many MiB. glibc would give that memory back to the
 * system and fetch it again each time, which costs a tenth of reading a large YAML file.
 */
static void keep_freed_memory(void)
{
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the most that glibc takes */
    mallopt(M_TOP_PAD, 4 << 20);
}

/* As lua5.4 does with what warn() is told. */
static void show_warning(void *data, const char *message, int goes_on)
{
    struct salvor_host *host = data;
    if (!host->in_warning && !goes_on && *message == '@') {
        if (!strcmp(message, "@on") || !strcmp(message, "@off"))
            host->shows_warnings = !strcmp(message, "@on");
        return;
    }
    if (host->shows_warnings)
        fprintf(stderr, "%s%s%s", host->in_warning ? "" : "Lua warning: ", message,
                goes_on ? "" : "\n");
    host->in_warning = goes_on;
}

/* An error outside of every protected call, which is a bug of ours: Lua aborts after it. */
static int panic(lua_State *L)
{
    const char *message = lua_tostring(L, -1);
    fprintf(stderr, "salvor: internal error: %s\n", message ? message : "not a string");
    return 0;
}

static lua_State *new_state(struct salvor_host *host)
{
    host->pool = salvor_pool_new();
    lua_State *L = host->pool ? lua_newstate(salvor_pool_allocate, host->pool) : NULL;
    if (L) {
        lua_atpanic(L, panic);
        lua_setwarnf(L, show_warning, host);
    }
    return L;
}

struct salvor_host *salvor_host_new(void)
{
    keep_freed_memory();
    struct salvor_host *host = calloc(1, sizeof(*host));
    if (!host)
        return NULL;
    if (salvor_loop_new(&host->loop, NULL) == 0 && (host->L = new_state(host))) {
        salvor_scheduler_attach(host->L, &host->scheduler, host->loop);
        salvor_task_interrupt_attach(&host->scheduler);
        lua_pushcfunction(host->L, set_up);
        if (lua_pcall(host->L, 0, 0, 0) == LUA_OK &&
            salvor_interrupt_install(salvor_task_interrupt_notify, NULL) == 0)
            return host;
    }
    salvor_host_free(host);
    return NULL;
}

/*
 * The kernel holds threads that use what the state owns: it stays, since waiting for them could last
 * for ever. So finalisers do not run, connections are cut off instead of closed, and temporary files
 * of those threads are left to the next run. Children die with us.
 */
static void leave_behind(struct salvor_host *host)
{
    static struct salvor_host *volatile left; /* for who looks for leaks */
    left = host;
    (void)left;
    fflush(NULL); /* files of scripts that are still open */
    salvor_interrupt_uninstall();
    salvor_local_keep_all();
}

void salvor_host_free(struct salvor_host *host)
{
    if (!host)
        return;
    salvor_task_interrupt_detach(&host->scheduler);
    /* Finalisers abort what they own, so the state goes before the loop. */
    host->scheduler.root = host->scheduler.current = NULL;
    if (host->L && !salvor_jobs_end(host->L)) {
        leave_behind(host);
        return;
    }
    if (host->L)
        lua_close(host->L);
    salvor_pool_free(host->pool);
    salvor_loop_free(host->loop);
    free(host);
    salvor_interrupt_uninstall();
}

lua_State *salvor_host_state(struct salvor_host *host)
{
    return host->L;
}

static bool is_cancelled(lua_State *L, int index)
{
    return lua_istable(L, index) && lua_getfield(L, index, "code") == LUA_TSTRING &&
           !strcmp(lua_tostring(L, -1), "Cancelled");
}

/* The exit code of a script that ended with the error at `index`, by lua/salvor/cli.lua. */
static int exit_code_of(lua_State *L, int index)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    if (lua_getfield(L, -1, "salvor.cli") != LUA_TTABLE)
        return EXIT_FAILED;
    lua_getfield(L, -1, "exit_of");
    lua_pushvalue(L, index);
    return lua_pcall(L, 1, 1, 0) == LUA_OK ? (int)lua_tointeger(L, -1) : EXIT_FAILED;
}

static int call_tostring(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* Pushes the text of the error at `index`, whose __tostring may fail too; never raises. */
static const char *push_text(lua_State *L, int index)
{
    lua_pushvalue(L, index);
    lua_pushcfunction(L, call_tostring);
    lua_insert(L, -2);
    return lua_pcall(L, 1, 1, 0) == LUA_OK ? lua_tostring(L, -1) : "an error without a text";
}

/*
 * Tells why the task at index 1 failed, and gives the exit code. That it was cancelled is no news to
 * whoever pressed Ctrl-C, but what went wrong while it unwound is.
 */
static int report(lua_State *L, struct salvor_task *task)
{
    salvor_task_push_result(L, task);
    int error = lua_gettop(L);
    if (salvor_interrupt_signal() && is_cancelled(L, error))
        return EXIT_FAILED;
    fprintf(stderr, "salvor: %s\n", push_text(L, error));
    salvor_task_push_traceback(L, 1);
    if (lua_type(L, error) == LUA_TSTRING && lua_isstring(L, -1))
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return exit_code_of(L, error);
}

static int pass_code(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 1;
}

/* The root task: hands the command line to lua/salvor/cli.lua, which returns the exit code. */
static int command_line(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "salvor.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    lua_pushvalue(L, 1);
    lua_callk(L, 1, 1, 0, pass_code);
    return pass_code(L, LUA_OK, 0);
}

static int run(lua_State *L)
{
    struct salvor_host *host = lua_touserdata(L, 1);
    char **argv = lua_touserdata(L, 2);
    lua_settop(L, 0);
    luaL_checkstack(L, 16, NULL);
    int count = 0;
    lua_pushcfunction(L, command_line);
    lua_createtable(L, 0, 0);
    for (; argv[count]; count++) {
        lua_pushstring(L, argv[count]);
        lua_rawseti(L, -2, count);
    }
    struct salvor_task *root = salvor_task_spawn(L, 1);
    salvor_task_run(L, root);
    if (host->scheduler.exiting) {
        lua_pushinteger(L, host->scheduler.exit_code);
        return 1;
    }
    if (!root->failed) {
        salvor_task_push_result(L, root);
        return 1;
    }
    lua_pushinteger(L, report(L, root));
    return 1;
}

/* Who writes what does not arrive has failed. Of a reader that has gone a signal tells. */
static int finish_output(int code)
{
    struct salvor_error err = {0};
    if (salvor_output_flush(&err) == 0 || salvor_interrupt_signal())
        return code;
    fprintf(stderr, "salvor: %s\n", err.message);
    return code ? code : EXIT_FAILED;
}

int salvor_host_main(struct salvor_host *host, int argc, char **argv)
{
    (void)argc;
    lua_State *L = host->L;
    lua_settop(L, 0);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, host);
    lua_pushlightuserdata(L, argv);
    int code = EXIT_INTERNAL;
    if (lua_pcall(L, 2, 1, 0) != LUA_OK)
        fprintf(stderr, "salvor: internal error: %s\n", push_text(L, -1));
    else
        code = (int)lua_tointeger(L, -1);
    lua_settop(L, 0);
    code = finish_output(code);
    if (salvor_interrupt_signal() && !host->scheduler.exiting) {
        salvor_host_free(host);
        salvor_interrupt_exit();
    }
    return code;
}
