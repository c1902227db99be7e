#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/archive.h"
#include "data/text.h"

static void expect_line(const char *text, const char *expected)
{
    char line[256];
    snprintf(line, sizeof(line), "%s", text);
    salvor_text_make_one_line(line, strlen(line));
    assert_string_equal(line, expected);
}

static void what_acts_on_a_terminal_becomes_blanks(void **state)
{
    (void)state;
    expect_line("plain, and gr\xc3\xbc\xc3\x9f", "plain, and gr\xc3\xbc\xc3\x9f");
    expect_line("a\r\nb\x1b[2J\x7f", "a  b [2J ");
    expect_line("csi \xc2\x9b", "csi   ");                          /* a control of C1, in UTF-8 */
    expect_line("\xe2\x80\xae right to left", "    right to left"); /* U+202E */
    expect_line("broken \xff\xc3", "broken ??");
}

static void zeros_become_blanks_too(void **state)
{
    (void)state;
    char text[4] = "a\0b";
    salvor_text_make_one_line(text, 3);
    assert_string_equal(text, "a b");
}

static void an_error_is_one_line_with_its_hint(void **state)
{
    (void)state;
    struct salvor_error err;
    salvor_error_set(&err, "Failed", "one\ntwo");
    salvor_error_hint(&err, "three\tfour");
    salvor_text_make_error_one_line(&err);
    assert_string_equal(err.message, "one two");
    assert_string_equal(err.hint, "three four");
    salvor_text_make_error_one_line(NULL);
}

static void expect_shown(const char *name, const char *expected)
{
    char shown[SALVOR_ARCHIVE_SHOWN_MAX];
    assert_string_equal(salvor_archive_show(shown, name), expected);
}

static void names_in_archives_are_shown_with_escapes(void **state)
{
    (void)state;
    expect_shown("folder/gr\xc3\xbc\xc3\x9f", "folder/gr\xc3\xbc\xc3\x9f");
    expect_shown("a\nb", "a\\x0ab");
    expect_shown("csi \xc2\x9b", "csi \\xc2\\x9b");
    expect_shown("broken \xff", "broken \\xff");
}

static void long_names_are_shown_shortened(void **state)
{
    (void)state;
    char name[1000], shown[SALVOR_ARCHIVE_SHOWN_MAX];
    memset(name, 0x01, sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    salvor_archive_show(shown, name);
    assert_true(strlen(shown) < sizeof(shown));
    assert_string_equal(shown + strlen(shown) - 3, "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_acts_on_a_terminal_becomes_blanks),
        cmocka_unit_test(zeros_become_blanks_too),
        cmocka_unit_test(an_error_is_one_line_with_its_hint),
        cmocka_unit_test(names_in_archives_are_shown_with_escapes),
        cmocka_unit_test(long_names_are_shown_shortened),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
