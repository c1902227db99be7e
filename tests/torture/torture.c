/*
 * Allocation torture. Every tests/torture/<area>.lua is run again and again, and each time another
 * request for memory fails, until a run gets through without one. It is done three times:
 *
 *   once     one request of Lua's fails (and its repetition: Lua tries again after a collection)
 *   lasting  from one request of Lua's on all fail
 *   below    one request of our own C code or of jansson's fails
 *
 * However such a run ends, it either does what it is for or says that there is no memory; nothing is
 * under way afterwards, no descriptor, child process or temporary file is left, and the same state
 * goes on working. Leaks of memory are what LeakSanitizer is for (make asan).
 *
 * A scenario is called with a table: `folder`, which is empty, and `server`, the URL of the server of
 * server.h.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <lauxlib.h>
#include <lua.h>

#include <salvor/salvor.h>

#include "core/folder.h"
#include "lua/scheduler.h"
#include "lua/task.h"
#include "server.h"

/* More points than this are sampled. */
enum { POINTS_MAX = 250 };

#define NEVER (LONG_MAX / 2)

/* What Lua may keep for good when a scenario is done, in KiB: caches, not what every run adds. */
enum { GROWTH_MAX = 64 };

/* Failing requests: those from `first` to `last` of the ones counted. */

enum mode { ONCE, LASTING, BELOW, MODES };

static struct {
    bool is_counting, is_lua;
    enum mode mode;
    long count, first, last, failed;
} requests;

static lua_Alloc lua_allocate;

static bool fails(bool is_below)
{
    if (!requests.is_counting || requests.is_lua || is_below != (requests.mode == BELOW))
        return false;
    requests.count++;
    if (requests.count < requests.first || requests.count > requests.last)
        return false;
    requests.failed++;
    return true;
}

static void *failing_lua_allocate(void *context, void *block, size_t old, size_t size)
{
    bool grows = size > 0 && (!block || size > old);
    if (grows && fails(false))
        return NULL;
    requests.is_lua = true; /* what this calls below is no request of its own */
    void *result = lua_allocate(context, block, old, size);
    requests.is_lua = false;
    return result;
}

/* The linker puts these in the place of the ones that our objects call (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
    return fails(true) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(true) ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
    return fails(true) ? NULL : __real_strdup(text);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails(true) ? NULL : __real_realloc(block, size);
}

/* What must be the same after every run */

static size_t count_files(const char *parent, const char *names)
{
    char pattern[4200];
    glob_t found = {0};
    snprintf(pattern, sizeof(pattern), "%s/%s", parent, names);
    glob(pattern, GLOB_PERIOD, NULL, &found);
    size_t count = found.gl_pathc;
    globfree(&found);
    return count;
}

static size_t count_descriptors(void)
{
    return count_files("/proc/self/fd", "[0-9]*");
}

/* A thread that was left to end by itself (loop/service.h) closes its own soon. */
static bool settle_descriptors(size_t count)
{
    for (int tries = 0; tries < 1000; tries++) {
        if (count_descriptors() == count)
            return true;
        usleep(10000);
    }
    return false;
}

/* What ends by itself may take a moment on a busy machine; what was forgotten never ends. */
static bool settle_loop(struct salvor_loop *loop)
{
    double end = salvor_loop_now() + 60;
    while (!salvor_loop_is_empty(loop) && salvor_loop_now() < end)
        salvor_loop_step(loop, 0.01, NULL);
    return salvor_loop_is_empty(loop);
}

/* Running */

static char folder[4096], url[64];

/* Runs the function at index 1 as the root task; the other argument is the scenario's. */
static int run_root(lua_State *L)
{
    struct salvor_task *root = salvor_task_spawn(L, lua_gettop(L) - 1);
    salvor_task_run(L, root);
    return salvor_task_push_result(L, root) < 0 ? lua_error(L) : 0;
}

static int as_text(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* The function on top of the stack, replaced by the text of its error or by nil. */
static void run(lua_State *L)
{
    lua_pushcfunction(L, run_root);
    lua_insert(L, -2);
    lua_createtable(L, 0, 2);
    lua_pushstring(L, folder);
    lua_setfield(L, -2, "folder");
    lua_pushstring(L, url);
    lua_setfield(L, -2, "server");
    int top = lua_gettop(L) - 3;
    requests.count = requests.failed = 0;
    requests.is_counting = true;
    int status = lua_pcall(L, 2, 0, 0);
    requests.is_counting = false;
    lua_gc(L, LUA_GCCOLLECT);
    lua_settop(L, top + (status != LUA_OK));
    if (status == LUA_OK) {
        lua_pushnil(L);
        return;
    }
    lua_pushcfunction(L, as_text);
    lua_insert(L, -2);
    lua_pcall(L, 1, 1, 0);
}

static void clear_folder(void)
{
    struct salvor_error err;
    if (salvor_folder_remove_tree(folder, &err) < 0 ||
        salvor_folder_make(folder, 0700, false, NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
}

/* An error that memory is the cause of; Lua calls a stack that it cannot enlarge an overflow. */
static bool is_expected(const char *error)
{
    return !error || (requests.failed && (strstr(error, "memory") || strstr(error, "overflow")));
}

/*
 * What is wrong after a run of the function at index 1 that ended with `error`; NULL: nothing.
 * `descriptors`: how many there must be; 0: not known yet.
 */
static const char *problem(lua_State *L, const char *error, size_t descriptors)
{
    if (!is_expected(error))
        return error;
    if (!settle_loop(salvor_get_loop(L)))
        return "something is still under way";
    lua_gc(L, LUA_GCCOLLECT); /* what a thread used that was left behind (lua/job.h) */
    if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD)
        return "a child process is left";
    if (count_files(folder, ".salvor-*"))
        return "a temporary file is left";
    if (descriptors && !settle_descriptors(descriptors))
        return "a descriptor is left or lost";
    if (luaL_loadstring(L, "local task = require('salvor.task')\n"
                           "assert(task.spawn(function() task.sleep(0) return 7 end):join() == 7)"))
        return lua_tostring(L, -1);
    long count = requests.count, failed = requests.failed;
    requests.first = NEVER;
    run(L);
    requests.count = count;
    requests.failed = failed;
    return lua_tostring(L, -1);
}

/* One run of the function at index 1; false when there was a problem, which is printed. */
static bool attempt(lua_State *L, enum mode mode, long first, size_t descriptors)
{
    static const char *const names[MODES] = {"once", "lasting", "below"};
    requests.mode = mode;
    requests.first = first;
    requests.last = mode == LASTING ? NEVER : mode == ONCE ? first + 1 : first;
    clear_folder();
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    run(L);
    const char *wrong = problem(L, lua_tostring(L, -1), descriptors);
    if (wrong)
        printf("# %s, request %ld: %s\n", names[mode], first, wrong);
    lua_settop(L, 1);
    return !wrong;
}

/* How many points there were; false when one was a problem. */
static bool torture(lua_State *L, enum mode mode, size_t descriptors, long *points)
{
    bool good = attempt(L, mode, NEVER, descriptors);
    long step = 1 + requests.count / POINTS_MAX;
    *points = 0;
    for (long first = 1; good; first += step) {
        good = attempt(L, mode, first, descriptors);
        if (!requests.failed)
            break;
        ++*points;
    }
    return good;
}

static bool run_scenario(lua_State *L, int number, const char *path)
{
    long points[MODES] = {0};
    bool good = luaL_loadfile(L, path) == LUA_OK;
    if (!good)
        printf("# %s\n", lua_tostring(L, -1));
    /* What stays for good is there after the first run: modules, the first connection's machinery. */
    good = good && attempt(L, ONCE, NEVER, 0);
    size_t descriptors = count_descriptors();
    int kibibytes = lua_gc(L, LUA_GCCOUNT);
    for (enum mode mode = ONCE; mode < MODES && good; mode++)
        good = torture(L, mode, descriptors, &points[mode]);
    int growth = lua_gc(L, LUA_GCCOUNT) - kibibytes;
    if (good && growth > GROWTH_MAX) {
        printf("# Lua has kept %d KiB\n", growth);
        good = false;
    }
    printf("%sok %d - %s: %ld, %ld lasting, %ld below\n", good ? "" : "not ", number,
           strrchr(path, '/') + 1, points[ONCE], points[LASTING], points[BELOW]);
    fflush(stdout);
    lua_settop(L, 0);
    return good;
}

static bool run_all(void)
{
    bool good = true;
    const char *parent = getenv("TMPDIR");
    glob_t scenarios = {0};
    snprintf(folder, sizeof(folder), "%s/torture-XXXXXX", parent ? parent : "/tmp");
    json_set_alloc_funcs(__wrap_malloc, free);
    struct salvor_host *host = salvor_host_new();
    if (!host || !mkdtemp(folder) || glob("tests/torture/*.lua", 0, NULL, &scenarios) != 0) {
        fprintf(stderr, "torture: cannot set up; is this the root of the sources?\n");
        exit(1);
    }
    lua_State *L = salvor_host_state(host);
    void *context;
    lua_allocate = lua_getallocf(L, &context);
    lua_setallocf(L, failing_lua_allocate, context);
    for (size_t i = 0; i < scenarios.gl_pathc; i++)
        good &= run_scenario(L, (int)i + 1, scenarios.gl_pathv[i]);
    printf("1..%zu\n", scenarios.gl_pathc);
    globfree(&scenarios);
    salvor_host_free(host);
    salvor_folder_remove_tree(folder, NULL);
    return good;
}

/* The server is the parent, so that the child has no child process but those it makes. */
int main(void)
{
    int listener = torture_listen(url, sizeof(url)), ends[2], status = 1;
    if (pipe(ends) < 0)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        close(listener);
        close(ends[0]);
        return run_all() ? 0 : 1;
    }
    close(ends[1]);
    torture_serve(listener, ends[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
