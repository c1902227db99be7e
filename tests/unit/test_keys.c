#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repl/keys.h"

static struct salvor_keys *keys;

static int begin(void **state)
{
    (void)state;
    return salvor_keys_new(&keys, "xterm-256color", NULL);
}

static int end(void **state)
{
    (void)state;
    salvor_keys_free(keys);
    return 0;
}

static void send_bytes(const char *bytes, size_t size)
{
    struct salvor_error err;
    assert_int_equal(salvor_keys_push(keys, bytes, size, &err), 0);
}

static void send(const char *text)
{
    send_bytes(text, strlen(text));
}

static void expect(enum salvor_key_kind kind, const char *text)
{
    struct salvor_key key;
    assert_true(salvor_keys_next(keys, &key));
    assert_string_equal(key.text, text);
    assert_int_equal(key.size, strlen(text));
    assert_int_equal(key.kind, kind);
}

static void expect_nothing(void)
{
    struct salvor_key key;
    assert_false(salvor_keys_next(keys, &key));
}

static void text_stays_together(void **state)
{
    (void)state;
    send("gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2\xf0\x9f\x9a\x80");
    expect(SALVOR_KEY_TEXT, "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2\xf0\x9f\x9a\x80");
    expect_nothing();
    assert_false(salvor_keys_is_partial(keys));
}

static void keys_have_the_names_of_emacs(void **state)
{
    (void)state;
    static const char *const sent[][2] = {
        {"\x01", "C-a"},
        {"\x03", "C-c"},
        {"\x1a", "C-z"},
        {"\x1f", "C-_"},
        {"\r", "Enter"},
        {"\n", "C-j"},
        {"\t", "Tab"},
        {"\x7f", "Backspace"},
        {"\x08", "C-h"},
        {"\x1b[A", "Up"},
        {"\x1bOA", "Up"},
        {"\x1b[1;5C", "C-Right"},
        {"\x1b[1;3D", "M-Left"},
        {"\x1b[Z", "S-Tab"},
        {"\x1b[3~", "Delete"},
        {"\x1b[H", "Home"},
        {"\x1b[F", "End"},
        {"\x1b"
         "f",
         "M-f"},
        {"\x1b\x7f", "M-Backspace"},
        {"\x1b[5~", "PageUp"},
        {"\x1b\r", "M-Enter"},
        {"\x1b[15~", "F5"},
        {"\x1b.", "M-."},
    };
    for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++) {
        send(sent[i][0]);
        expect(SALVOR_KEY_NAMED, sent[i][1]);
    }
    expect_nothing();
}

static void a_key_after_text_comes_after_it(void **state)
{
    (void)state;
    struct salvor_key key;
    send("ls\r\x1b[Aab");
    assert_true(salvor_keys_next(keys, &key));
    assert_string_equal(key.text, "ls");
    assert_true(key.more);
    assert_true(salvor_keys_next(keys, &key));
    assert_string_equal(key.text, "Enter");
    assert_true(key.more);
    expect(SALVOR_KEY_NAMED, "Up");
    assert_true(salvor_keys_next(keys, &key));
    assert_string_equal(key.text, "ab");
    assert_false(key.more);
}

static void bytes_of_a_key_may_come_one_by_one(void **state)
{
    (void)state;
    const char *const sent = "\x1b[1;5C";
    for (size_t i = 0; sent[i + 1]; i++) {
        send_bytes(sent + i, 1);
        expect_nothing();
        assert_true(salvor_keys_is_partial(keys));
    }
    send("C");
    expect(SALVOR_KEY_NAMED, "C-Right");
    send_bytes("\xe6\xbc", 2);
    expect_nothing();
    send("\xa2");
    expect(SALVOR_KEY_TEXT, "\xe6\xbc\xa2");
}

static void an_escape_alone_has_to_be_forced(void **state)
{
    (void)state;
    struct salvor_key key;
    send("\x1b");
    expect_nothing();
    assert_true(salvor_keys_is_partial(keys));
    assert_true(salvor_keys_force(keys, &key));
    assert_string_equal(key.text, "Escape");
    assert_false(salvor_keys_is_partial(keys));
    assert_false(salvor_keys_force(keys, &key));
}

static void a_paste_is_one_text_with_its_lines(void **state)
{
    (void)state;
    send("x\x1b[200~for i = 1, 2 do\r\tprint(i)\r\nend\n\x1b[A\x1b[201~y");
    expect(SALVOR_KEY_TEXT, "x");
    expect(SALVOR_KEY_PASTE, "for i = 1, 2 do\n\tprint(i)\nend\n\x1b[A");
    expect(SALVOR_KEY_TEXT, "y");
    expect_nothing();
}

static void a_paste_may_come_in_pieces(void **state)
{
    (void)state;
    const char *const sent = "\x1b[200~a\rb\x1b[201\x1b[201~";
    for (size_t i = 0; sent[i]; i++) {
        expect_nothing();
        send_bytes(sent + i, 1);
    }
    expect(SALVOR_KEY_PASTE, "a\nb\x1b[201");
    expect_nothing();
    assert_false(salvor_keys_is_partial(keys));
}

static void an_empty_paste_is_one_too(void **state)
{
    (void)state;
    send("\x1b[200~\x1b[201~");
    expect(SALVOR_KEY_PASTE, "");
}

static void broken_bytes_and_unknown_sequences_do_no_harm(void **state)
{
    (void)state;
    send("a\xff\x1b[?1;2cb\x1b[M !!c");
    expect(SALVOR_KEY_TEXT, "a\xef\xbf\xbd");
    expect(SALVOR_KEY_TEXT, "b");
    expect(SALVOR_KEY_TEXT, "c");
    send("\xf4\x90\x80\x80\x1b[55296u\x1b[1114112u");
    expect(SALVOR_KEY_TEXT, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    send("\x1b[99999999999;5u\x1b[u\x1b[?1A\x1b[1!R\x1b[?");
    expect_nothing();
    send("\x03");
    expect(SALVOR_KEY_NAMED, "C-c");
    send("\x9b"
         "1R");
    expect(SALVOR_KEY_TEXT, "\xef\xbf\xbd"
                            "1R");
    expect_nothing();
}

/* Sends pieces of what was read at once; whether one of them was too much. */
static bool send_many(char byte, size_t size)
{
    static char piece[4096];
    struct salvor_error err;
    struct salvor_key key;
    bool refused = false;
    memset(piece, byte, sizeof(piece));
    for (; size; size -= sizeof(piece)) {
        if (salvor_keys_push(keys, piece, sizeof(piece), &err) < 0) {
            assert_string_equal(err.code, "TooLarge");
            assert_false(refused); /* it is told once */
            refused = true;
        }
        assert_false(salvor_keys_next(keys, &key));
    }
    return refused;
}

static void sequences_have_at_most_sixteen_numbers(void **state)
{
    (void)state;
    char sequence[1024] = "\x1b[200";
    for (int numbers = 2; numbers <= 200; numbers++)
        strcat(sequence, ";7");
    strcat(sequence, "~a");
    send(sequence);
    assert_false(salvor_keys_is_pasting(keys));
    expect(SALVOR_KEY_TEXT, "a");
    send("\x1b[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17~b");
    expect(SALVOR_KEY_TEXT, "b");
    send("\x1b[200;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17~c");
    expect(SALVOR_KEY_TEXT, "c");
    send("\x1b[200;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16~" /* sixteen */ SALVOR_KEYS_PASTE_END);
    expect(SALVOR_KEY_PASTE, "");
    expect_nothing();
}

static void a_paste_has_at_most_one_mebibyte(void **state)
{
    (void)state;
    struct salvor_key key;
    const size_t most = 1 << 20;
    send("\x1b[200~");
    assert_false(send_many('x', most - 4096));
    send("\x1b[201~");
    assert_true(salvor_keys_next(keys, &key));
    assert_int_equal(key.size, most - 4096);
    send("\x1b[200~");
    assert_true(send_many('\r', 3 * most));
    send("\x1b[201~typed");
    expect(SALVOR_KEY_TEXT, "typed");
    send("\x1b[200~again\x1b[201~");
    expect(SALVOR_KEY_PASTE, "again");
}

/* The mark may have begun before what is dropped. */
static void a_paste_that_is_dropped_ends_where_its_mark_is(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 6; cut++) {
        struct salvor_error err;
        send("\x1b[200~");
        while (salvor_keys_push(keys, "0123456789abcdef", 16, &err) == 0)
            expect_nothing();
        send_bytes("\x1b[201~", cut);
        expect_nothing();
        send(&"\x1b[201~typed"[cut]);
        expect(SALVOR_KEY_TEXT, "typed");
    }
}

static void control_c_gives_up_a_paste_that_does_not_end(void **state)
{
    (void)state;
    send("\x1b[200~text with \x03 in it");
    expect_nothing();
    assert_true(salvor_keys_is_pasting(keys));
    send("\x03");
    expect(SALVOR_KEY_NAMED, "C-c");
    assert_false(salvor_keys_is_pasting(keys));
    send("on");
    expect(SALVOR_KEY_TEXT, "on");
}

static void terminals_are_known_by_terminfo(void **state)
{
    (void)state;
    assert_true(salvor_keys_knows("xterm"));
    assert_false(salvor_keys_knows("no-such-terminal"));
    assert_false(salvor_keys_knows(""));
    assert_false(salvor_keys_knows("../x/xterm"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(text_stays_together),
        TEST(keys_have_the_names_of_emacs),
        TEST(a_key_after_text_comes_after_it),
        TEST(bytes_of_a_key_may_come_one_by_one),
        TEST(an_escape_alone_has_to_be_forced),
        TEST(a_paste_is_one_text_with_its_lines),
        TEST(a_paste_may_come_in_pieces),
        TEST(an_empty_paste_is_one_too),
        TEST(broken_bytes_and_unknown_sequences_do_no_harm),
        TEST(sequences_have_at_most_sixteen_numbers),
        TEST(a_paste_has_at_most_one_mebibyte),
        TEST(a_paste_that_is_dropped_ends_where_its_mark_is),
        TEST(control_c_gives_up_a_paste_that_does_not_end),
        TEST(terminals_are_known_by_terminfo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
