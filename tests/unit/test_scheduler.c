#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <salvor/salvor.h>

#include "lua/task.h"

/* The linker puts it in the place of the one that our objects call (--wrap). */
int __real_poll(struct pollfd *polled, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *polled, nfds_t count, int milliseconds);

static int failing; /* polls, from the next one on */

int __wrap_poll(struct pollfd *polled, nfds_t count, int milliseconds)
{
    if (failing == 0)
        return __real_poll(polled, count, milliseconds);
    failing--;
    errno = ENOMEM;
    return -1;
}

static struct salvor_host *host;
static char noted[64];

/* test.fail_polls(count) */
static int fail_polls(lua_State *L)
{
    failing = (int)luaL_checkinteger(L, 1);
    return 0;
}

/* test.note(word) */
static int note(lua_State *L)
{
    const char *word = luaL_checkstring(L, 1);
    assert_true(strlen(noted) + strlen(word) + 2 <= sizeof(noted));
    strcat(strcat(noted, word), " ");
    return 0;
}

static lua_Alloc allocate;

/* Stands in for it, and gives nothing. */
static void *refuse(void *context, void *block, size_t old_size, size_t size)
{
    bool grows = size > 0 && (!block || size > old_size);
    return grows ? NULL : allocate(context, block, old_size, size);
}

static void give_memory(lua_State *L, bool gives)
{
    void *context;
    lua_Alloc now = lua_getallocf(L, &context);
    allocate = gives ? allocate : now;
    lua_setallocf(L, gives ? allocate : refuse, context);
}

static int after_wait(lua_State *L, int status, lua_KContext context)
{
    (void)L, (void)status, (void)context;
    return 0;
}

/* A wait for the timer that is argument 1, with as many values more on the stack. */
static int wait_without_memory(lua_State *L)
{
    struct salvor_timer *timer = lua_touserdata(L, 1);
    int count = (int)lua_tointeger(L, 2);
    luaL_checkstack(L, count, NULL);
    for (int i = 0; i < count; i++)
        lua_pushnil(L);
    salvor_timer_start(salvor_get_loop(L), timer, 0);
    give_memory(L, false);
    return salvor_wait(L, &timer->op, after_wait, 0);
}

/*
 * test.fail_waits() -> how many failed. A wait where Lua cannot yield needs some of the stack, which
 * must grow for it at one of these heights.
 */
static int fail_waits(lua_State *L)
{
    int failed = 0;
    for (int count = 0; count < 64; count++) {
        struct salvor_timer timer = {0};
        lua_pushcfunction(L, wait_without_memory);
        lua_pushlightuserdata(L, &timer);
        lua_pushinteger(L, count);
        int status = lua_pcall(L, 2, 0, 0);
        give_memory(L, true);
        if (status == LUA_OK)
            continue;
        lua_pop(L, 1);
        failed++;
        assert_null(timer.op.wake); /* nobody waits for it any more */
        salvor_op_abort(&timer.op);
    }
    lua_pushinteger(L, failed);
    return 1;
}

static int open_test(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"fail_polls", fail_polls}, {"note", note}, {"fail_waits", fail_waits}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

static int start(void **state)
{
    (void)state;
    alarm(60); /* what waits for ever is ended */
    failing = 0;
    noted[0] = '\0';
    host = salvor_host_new();
    if (!host)
        return -1;
    lua_State *L = salvor_host_state(host);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, open_test);
    lua_setfield(L, -2, "test");
    lua_pop(L, 1);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    salvor_host_free(host);
    return 0;
}

/* Runs the script, and gives its exit code. */
static int run(const char *script)
{
    static const char prelude[] = "local task, test = require('salvor.task'), require('test')\n"
                                  "local function closing(fn)\n"
                                  "    return setmetatable({}, {__close = fn})\n"
                                  "end\n";
    char name[] = "salvor", option[] = "-e", text[2048];
    assert_true(snprintf(text, sizeof(text), "%s%s", prelude, script) < (int)sizeof(text));
    return salvor_host_main(host, 3, (char *[]){name, option, text, NULL});
}

/* 70: a fault of Salvor's own, or of the machine */
static void a_loop_that_fails_unwinds_the_script(void **state)
{
    (void)state;
    int code = run("local outer <close> = closing(function(_, err) test.note(err.code) end)\n"
                   "task.all({\n"
                   "    function()\n"
                   "        local inner <close> = closing(function() test.note('inner') end)\n"
                   "        test.fail_polls(1)\n"
                   "        task.sleep(60)\n"
                   "    end,\n"
                   "    function() pcall(task.sleep, 60) test.note('swallowed') end,\n"
                   "})");
    assert_int_equal(code, 70);
    assert_string_equal(noted, "inner Internal ");
}

static void what_tidies_up_may_wait_when_the_loop_works_again(void **state)
{
    (void)state;
    run("local tidied <close> = closing(function() task.sleep(0.01) test.note('waited') end)\n"
        "test.fail_polls(1)\n"
        "task.sleep(60)");
    assert_string_equal(noted, "waited ");
}

static void what_tidies_up_is_told_when_the_loop_fails_for_good(void **state)
{
    (void)state;
    run("local last <close> = closing(function() test.note('last') end)\n"
        "local first <close> = closing(function()\n"
        "    local ok, err = pcall(task.sleep, 60)\n"
        "    test.note(ok and 'waited' or err.code)\n"
        "end)\n"
        "test.fail_polls(1000)\n"
        "task.sleep(60)");
    assert_string_equal(noted, "Internal last ");
}

static void a_wait_where_lua_cannot_yield_is_ended_too(void **state)
{
    (void)state;
    run("local tidied <close> = closing(function() test.note('tidied') end)\n"
        "test.fail_polls(1)\n"
        "pcall(table.sort, {2, 1}, function() task.sleep(60) end)\n"
        "test.note('swallowed')");
    assert_string_equal(noted, "tidied ");
}

static void a_wait_that_has_no_memory_is_forgotten(void **state)
{
    (void)state;
    run("test.note(test.fail_waits() > 0 and 'some' or 'none')");
    assert_string_equal(noted, "some ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_loop_that_fails_unwinds_the_script, start, stop),
        cmocka_unit_test_setup_teardown(what_tidies_up_may_wait_when_the_loop_works_again, start,
                                        stop),
        cmocka_unit_test_setup_teardown(what_tidies_up_is_told_when_the_loop_fails_for_good, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_wait_where_lua_cannot_yield_is_ended_too, start, stop),
        cmocka_unit_test_setup_teardown(a_wait_that_has_no_memory_is_forgotten, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
