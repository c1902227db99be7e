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

static int open_test(lua_State *L)
{
    static const luaL_Reg functions[] = {{"fail_polls", fail_polls}, {"note", note}, {NULL, NULL}};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_loop_that_fails_unwinds_the_script, start, stop),
        cmocka_unit_test_setup_teardown(what_tidies_up_may_wait_when_the_loop_works_again, start,
                                        stop),
        cmocka_unit_test_setup_teardown(what_tidies_up_is_told_when_the_loop_fails_for_good, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_wait_where_lua_cannot_yield_is_ended_too, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
