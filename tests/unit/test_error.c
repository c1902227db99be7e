#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/error.h"

static void setting_returns_minus_one_and_forgets_the_old(void **state)
{
    (void)state;
    struct salvor_error err = {.hint = "old", .status = 5, .retryable = true};
    assert_int_equal(salvor_error_set(&err, "NotFound", "no %s", "pod"), -1);
    assert_string_equal(err.code, "NotFound");
    assert_string_equal(err.message, "no pod");
    assert_string_equal(err.hint, "");
    assert_int_equal(err.status, 0);
    assert_false(err.retryable);
}

static void nobody_has_to_look(void **state)
{
    (void)state;
    assert_int_equal(salvor_error_set(NULL, "IO", "x"), -1);
    assert_int_equal(salvor_error_errno(NULL, ENOENT, "x"), -1);
    assert_int_equal(salvor_error_memory(NULL), -1);
    salvor_error_hint(NULL, "x");
    salvor_error_op(NULL, "x");
}

static void errno_becomes_a_code(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *code;
    } cases[] = {
        {ENOENT, "NotFound"},  {EEXIST, "AlreadyExists"},
        {EACCES, "Forbidden"}, {EROFS, "Forbidden"},
        {ENOSPC, "NoSpace"},   {EDQUOT, "NoSpace"},
        {EFBIG, "TooLarge"},   {ENOMEM, "Internal"},
        {EISDIR, "Invalid"},   {EIO, "IO"},
        {EMFILE, "IO"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct salvor_error err;
        salvor_error_errno(&err, cases[i].number, "path");
        assert_string_equal(err.code, cases[i].code);
        assert_ptr_equal(strstr(err.message, "path: "), err.message);
    }
}

static void long_texts_end_in_dots(void **state)
{
    (void)state;
    struct salvor_error err;
    char text[4000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    salvor_error_set(&err, "Invalid", "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    assert_string_equal(err.message + sizeof(err.message) - 4, "...");
    salvor_error_hint(&err, "%s", text);
    assert_string_equal(err.hint + sizeof(err.hint) - 4, "...");
}

static void a_long_text_ends_behind_a_whole_character(void **state)
{
    (void)state;
    for (size_t start = 0; start < 3; start++) {
        struct salvor_error err;
        char text[4001] = "xx";
        for (size_t i = start; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        salvor_error_set(&err, "Invalid", "%s", text);
        assert_string_equal(err.message + strlen(err.message) - 6, "\xe2\x82\xac...");
    }
}

static void a_long_name_does_not_hide_the_cause(void **state)
{
    (void)state;
    struct salvor_error err;
    char text[4000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    salvor_error_errno(&err, ENOSPC, "%s", text);
    assert_non_null(strstr(err.message, "...: No space left on device"));
    for (size_t start = 0; start < 3; start++) {
        for (size_t i = start; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        salvor_error_errno(&err, ENOSPC, "%s", text);
        assert_non_null(strstr(err.message, "\xe2\x82\xac...: No space left on device"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_returns_minus_one_and_forgets_the_old),
        cmocka_unit_test(nobody_has_to_look),
        cmocka_unit_test(errno_becomes_a_code),
        cmocka_unit_test(long_texts_end_in_dots),
        cmocka_unit_test(a_long_text_ends_behind_a_whole_character),
        cmocka_unit_test(a_long_name_does_not_hide_the_cause),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
