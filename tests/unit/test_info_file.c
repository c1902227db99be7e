/* pgBackRest's info files: their lines, their checksum, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/info_file.h"

/* Written by pgBackRest 2.45. */
static const char whole[] = "[backrest]\n"
                            "backrest-format=5\n"
                            "backrest-version=\"2.45\"\n"
                            "\n"
                            "[db]\n"
                            "db-id=1\n"
                            "db-system-id=7710502525387039693\n"
                            "db-version=\"15\"\n"
                            "\n"
                            "[db:history]\n"
                            "1={\"db-id\":7710502525387039693,\"db-version\":\"15\"}\n"
                            "\n"
                            "[backrest]\n"
                            "backrest-checksum=\"e67fc5b40494074d74f8e0ecc29e653de3e10fab\"\n";

/* Reads it in pieces of `step` bytes; "section|key|value;" of each line goes to `out`. */
static int read_all(char *out, size_t room, struct salvor_info_checksum *checksum, const char *text,
                    size_t size, size_t step, struct salvor_error *err)
{
    struct salvor_info_reader reader;
    struct salvor_info_line line;
    assert_int_equal(salvor_info_init(&reader, err), 0);
    int result = 0;
    *out = '\0';
    for (size_t at = 0, piece = 1; result >= 0 && piece; at += piece) {
        piece = size - at < step ? size - at : step;
        if (piece)
            result = salvor_info_add(&reader, text + at, piece, err);
        else
            salvor_info_end(&reader);
        while (result >= 0 && (result = salvor_info_next(&line, &reader, err)) > 0) {
            size_t used = strlen(out);
            snprintf(out + used, room - used, "%.*s|%.*s|%.*s;", (int)line.section_size,
                     line.section, (int)line.key_size, line.key, (int)line.value_size, line.value);
        }
    }
    if (result >= 0)
        result = salvor_info_checksum(checksum, &reader, err);
    salvor_info_release(&reader);
    return result;
}

static void reads_what_pgbackrest_writes(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 2, 7, 50, sizeof(whole)};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char out[1024];
        struct salvor_info_checksum checksum;
        assert_int_equal(
            read_all(out, sizeof(out), &checksum, whole, sizeof(whole) - 1, steps[i], NULL), 0);
        assert_string_equal(
            out, "backrest|backrest-format|5;backrest|backrest-version|\"2.45\";db|db-id|1;"
                 "db|db-system-id|7710502525387039693;db|db-version|\"15\";"
                 "db:history|1|{\"db-id\":7710502525387039693,\"db-version\":\"15\"};"
                 "backrest|backrest-checksum|\"e67fc5b40494074d74f8e0ecc29e653de3e10fab\";");
        assert_string_equal(checksum.stated, "e67fc5b40494074d74f8e0ecc29e653de3e10fab");
        assert_true(checksum.matches);
    }
}

static void sees_a_change(void **state)
{
    (void)state;
    for (size_t at = sizeof("[backrest]\nbackrest-format="); at < sizeof(whole) - 70; at++) {
        char text[sizeof(whole)], out[1024];
        struct salvor_info_checksum checksum;
        memcpy(text, whole, sizeof(whole));
        text[at] ^= 1;
        int result = read_all(out, sizeof(out), &checksum, text, sizeof(whole) - 1, 4096, NULL);
        if (result == 0 && checksum.matches && text[at] != '\n' && whole[at] != '\n')
            fail_msg("a change at byte %zu goes unnoticed", at);
    }
}

static void keeps_sections_apart(void **state)
{
    (void)state;
    /* The SHA-1 of {"ab":{"x":1},"a":{"y":2}}. */
    static const char text[] = "[ab]\nx=1\n[a]\ny=2\n";
    char out[100];
    struct salvor_error err;
    struct salvor_info_checksum checksum;
    assert_int_equal(read_all(out, sizeof(out), &checksum, text, strlen(text), 100, &err), 0);
    assert_string_equal(checksum.actual, "deccad494a306d8a99e589b196e2eb56c73bb727");
}

static void splits_where_the_rest_is_json(void **state)
{
    (void)state;
    static const char text[] = "[s]\na=b=1\nq\"t={\"x\":\"=2\"}\n=x=true\nlast=null";
    char out[1024];
    struct salvor_info_checksum checksum;
    assert_int_equal(read_all(out, sizeof(out), &checksum, text, sizeof(text) - 1, 4096, NULL), 0);
    assert_string_equal(out, "s|a=b|1;s|q\"t|{\"x\":\"=2\"};s|=x|true;s|last|null;");
    assert_string_equal(checksum.stated, "");
    assert_false(checksum.matches);
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *code, *said;
    } cases[] = {{"a=1\n", "Corrupt", "line 1: a section"},
                 {"[s]\na\n", "Corrupt", "line 2: neither"},
                 {"[s]\na=\n", "Corrupt", "line 2: neither"},
                 {"[s]\na=x\n", "Corrupt", "line 2: neither"},
                 {"[s]\n\na={\"a\":}\n", "Corrupt", "line 3: neither"},
                 {"[s]\n=1\n", "Corrupt", "line 2: there is no key"},
                 {"[]\n", "Corrupt", "line 1: this is no name"},
                 {"[s\n", "Corrupt", "line 1: this is no name"},
                 {"[backrest]\nbackrest-checksum=\"12\"\n", "Corrupt", "line 2: the checksum"},
                 {"[backrest]\nbackrest-checksum=5\n", "Corrupt", "line 2: the checksum"},
                 {"Salted__0123456789", "Unsupported", "encrypted"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[256];
        struct salvor_error err;
        struct salvor_info_checksum checksum;
        assert_int_equal(
            read_all(out, sizeof(out), &checksum, cases[i].text, strlen(cases[i].text), 3, &err),
            -1);
        assert_string_equal(err.code, cases[i].code);
        if (!strstr(err.message, cases[i].said))
            fail_msg("'%s' is answered by '%s'", cases[i].text, err.message);
    }
}

static void bounds_a_line(void **state)
{
    (void)state;
    struct salvor_info_reader reader;
    struct salvor_info_line line;
    struct salvor_error err;
    static char many[1 << 20];
    memset(many, 'x', sizeof(many));
    assert_int_equal(salvor_info_init(&reader, NULL), 0);
    int result = 0;
    for (int i = 0; result >= 0 && i < 100; i++) {
        result = salvor_info_add(&reader, many, sizeof(many), &err);
        if (result >= 0)
            result = salvor_info_next(&line, &reader, &err);
    }
    assert_int_equal(result, -1);
    assert_string_equal(err.code, "TooLarge");
    salvor_info_release(&reader);
    salvor_info_release(&reader);
}

/* Each `=` may end the key, so each is tried; that must not take a look at the whole line. */
static void tries_many_places_of_a_line(void **state)
{
    (void)state;
    struct salvor_info_reader reader;
    struct salvor_info_line line;
    struct salvor_error err;
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_INFO_LINE_MAX);
    salvor_buffer_append(&text, "[s]\n", 4, NULL);
    while (text.size + 2 <= SALVOR_INFO_LINE_MAX)
        salvor_buffer_append(&text, "=1", 2, NULL);
    assert_int_equal(salvor_info_init(&reader, NULL), 0);
    assert_int_equal(salvor_info_add(&reader, text.data, text.size, NULL), 0);
    assert_int_equal(salvor_info_add(&reader, "\n", 1, NULL), 0);
    assert_int_equal(salvor_info_next(&line, &reader, NULL), 1);
    assert_int_equal(line.value_size, 1);
    assert_int_equal(line.key_size, text.size - 4 - 2);
    assert_int_equal(salvor_info_add(&reader, text.data + 4, text.size - 4, NULL), 0);
    assert_int_equal(salvor_info_add(&reader, "x\n", 2, NULL), 0);
    assert_int_equal(salvor_info_next(&line, &reader, &err), -1);
    assert_string_equal(err.code, "Corrupt");
    salvor_info_release(&reader);
    salvor_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_pgbackrest_writes),
        cmocka_unit_test(sees_a_change),
        cmocka_unit_test(keeps_sections_apart),
        cmocka_unit_test(splits_where_the_rest_is_json),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(tries_many_places_of_a_line),
        cmocka_unit_test(bounds_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
