#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "repl/console.h"

static struct salvor_loop *loop;
static struct salvor_console *console;
static struct salvor_error err;
static int terminal; /* the end that a terminal emulator has */
static int saved_in, saved_out;

static int open_terminal(void)
{
    terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) < 0 || unlockpt(terminal) < 0)
        return -1;
    int fd = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    saved_in = dup(STDIN_FILENO);
    saved_out = dup(STDOUT_FILENO);
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    return close(fd);
}

static void restore_streams(void)
{
    dup2(saved_in, STDIN_FILENO);
    dup2(saved_out, STDOUT_FILENO);
    close(saved_in);
    close(saved_out);
}

static int begin(void **state)
{
    (void)state;
    if (open_terminal() < 0 || salvor_loop_new(&loop, &err) < 0 ||
        salvor_console_new(&console, loop, &err) < 0)
        return -1;
    return salvor_console_take(console, &err);
}

static int end(void **state)
{
    (void)state;
    salvor_console_free(console);
    salvor_loop_free(loop);
    restore_streams();
    close(terminal);
    return 0;
}

static void type_in(const char *bytes)
{
    assert_int_equal(write(terminal, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
}

/* Waits for the event, whose key is in `text`. */
static enum salvor_console_event finish(struct salvor_op *op, char text[64])
{
    enum salvor_console_event event;
    struct salvor_key key;
    while (op && !op->done)
        assert_int_equal(salvor_loop_step(loop, -1, &err), 0);
    assert_int_equal(salvor_console_event(console, &event, &key, &err), 0);
    text[0] = '\0';
    if (event == SALVOR_CONSOLE_KEY) {
        assert_true(key.size < 64);
        memcpy(text, key.text, key.size);
        text[key.size] = '\0';
    }
    return event;
}

static void expect_key(const char *expected)
{
    char text[64];
    assert_int_equal(finish(salvor_console_wait(console), text), SALVOR_CONSOLE_KEY);
    assert_string_equal(text, expected);
}

static void keys_come_one_after_the_other(void **state)
{
    (void)state;
    type_in("ab\x1b[A\x03");
    expect_key("ab");
    expect_key("Up");
    expect_key("C-c");
}

static void an_escape_alone_is_a_key_after_a_while(void **state)
{
    (void)state;
    type_in("\x1b");
    expect_key("Escape");
}

/*
 * The bytes of a key may come one by one, as long as none takes too long: which happens on a machine
 * that is busy, so there are several attempts.
 */
static void the_bytes_of_a_key_may_come_late(void **state)
{
    (void)state;
    enum { ATTEMPTS = 50 };
    char text[64] = "";
    for (int i = 0; i < ATTEMPTS && strcmp(text, "Up") != 0; i++) {
        struct salvor_op *op = salvor_console_wait(console);
        for (const char *byte = "\x1b["; *byte && !op->done; byte++) {
            assert_int_equal(write(terminal, byte, 1), 1);
            assert_int_equal(salvor_loop_step(loop, -1, &err), 0);
        }
        type_in("A");
        while (finish(op, text) == SALVOR_CONSOLE_KEY && *text && strcmp(text, "Up") != 0 &&
               text[strlen(text) - 1] != 'A')
            op = salvor_console_wait(console);
    }
    assert_string_equal(text, "Up");
}

static void several_lines_at_once_are_a_paste(void **state)
{
    (void)state;
    type_in("one\rtwo\r");
    expect_key("one\ntwo\n");
    type_in("three\r");
    expect_key("three");
    expect_key("Enter");
    type_in("\r\r");
    expect_key("Enter");
    expect_key("Enter");
}

static void one_line_behind_enter_was_typed_ahead(void **state)
{
    (void)state;
    type_in("one");
    expect_key("one");
    type_in("\rtwo\r");
    expect_key("Enter");
    expect_key("two");
    expect_key("Enter");
    type_in("\rthree\rfour");
    expect_key("\nthree\nfour");
}

static void a_terminal_that_marks_pastes_marks_all(void **state)
{
    (void)state;
    type_in("\x1b[200~one\rtwo\x1b[201~");
    expect_key("one\ntwo");
    type_in("three\rfour\r");
    expect_key("three");
    expect_key("Enter");
    expect_key("four");
    expect_key("Enter");
}

static void a_terminal_that_goes_away_says_so(void **state)
{
    (void)state;
    char text[64];
    close(terminal);
    terminal = open("/dev/null", O_RDWR);
    assert_int_equal(finish(salvor_console_wait(console), text), SALVOR_CONSOLE_CLOSED);
}

static void the_terminal_is_given_back_as_it_was(void **state)
{
    (void)state;
    struct termios taken, given;
    assert_int_equal(tcgetattr(STDIN_FILENO, &taken), 0);
    assert_false(taken.c_lflag & (ICANON | ECHO | ISIG));
    salvor_console_yield(console);
    assert_int_equal(tcgetattr(STDIN_FILENO, &given), 0);
    assert_true(given.c_lflag & ICANON);
    assert_true(given.c_lflag & ECHO);
    assert_true(given.c_lflag & ISIG);
}

static void there_is_one_console(void **state)
{
    (void)state;
    struct salvor_console *second;
    assert_int_equal(salvor_console_new(&second, loop, &err), -1);
    assert_string_equal(err.code, "Invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(keys_come_one_after_the_other),
        TEST(an_escape_alone_is_a_key_after_a_while),
        TEST(the_bytes_of_a_key_may_come_late),
        TEST(several_lines_at_once_are_a_paste),
        TEST(one_line_behind_enter_was_typed_ahead),
        TEST(a_terminal_that_marks_pastes_marks_all),
        TEST(a_terminal_that_goes_away_says_so),
        TEST(the_terminal_is_given_back_as_it_was),
        TEST(there_is_one_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
