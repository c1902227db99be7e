/* A list of objects with rows, in pieces of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/json_rows.h"

/* Notes what is found until more is needed; false when it failed. */
static bool drain(char *out, size_t room, struct salvor_json_rows *rows)
{
    struct salvor_error err;
    const char *text;
    size_t size;
    while (true) {
        enum salvor_json_row row = salvor_json_rows_next(&text, &size, rows, &err);
        size_t used = strlen(out);
        if (row == SALVOR_ROWS_FAILED)
            snprintf(out + used, room - used, "%s", err.code);
        if (row != SALVOR_ROWS_ROW && row != SALVOR_ROWS_OBJECT)
            return row != SALVOR_ROWS_FAILED;
        snprintf(out + used, room - used, "%c %.*s;", row == SALVOR_ROWS_ROW ? 'R' : 'O', (int)size,
                 text);
    }
}

/* "R text;" of each row, "O text;" of each object, and "end", "cut" or the error's code. */
static void read_all(char *out, size_t room, const char *text, size_t step)
{
    struct salvor_json_rows rows;
    const char *found;
    size_t size, left = strlen(text);
    bool good = true;
    salvor_json_rows_init(&rows);
    for (*out = '\0'; good && left; left -= size, text += size) {
        size = left < step ? left : step;
        char *piece = test_malloc(size); /* so that a sanitizer sees its end */
        memcpy(piece, text, size);
        salvor_json_rows_add(&rows, piece, size);
        good = drain(out, room, &rows);
        test_free(piece);
    }
    salvor_json_rows_add(&rows, "", 0);
    if (good)
        strcat(out, salvor_json_rows_next(&found, &size, &rows, NULL) == SALVOR_ROWS_END ? "end"
                                                                                         : "cut");
    salvor_json_rows_release(&rows);
}

static const char *const cases[][2] = {
    {"[]", "end"},
    {" [ ] \n", "end"},
    {"[{}]", "O {};end"},
    {"[{},{}]", "O {};O {};end"},
    {"[{\"k\":\"a\",\"o\":[{\"p\":1},{\"p\":[{}]}]}]",
     "R {\"p\":1};R {\"p\":[{}]};O {\"k\":\"a\",\"o\":[0,0]};end"},
    {"[{\"a\":[{}],\"b\":[1,[2],{}]}]", "R {};R {};O {\"a\":[0],\"b\":[1,[2],0]};end"},
    {"[{\"]}\":\"\\\"{[\",\"o\":[{\"}\":\"]\\\\\"}]}]",
     "R {\"}\":\"]\\\\\"};O {\"]}\":\"\\\"{[\",\"o\":[0]};end"},
    /* cut short */
    {"", "cut"},
    {"[", "cut"},
    {"[{\"o\":[{\"p\":1}", "R {\"p\":1};cut"},
    {"[{},", "O {};cut"},
    /* something else */
    {"{}", "Corrupt"},
    {"1", "Corrupt"},
    {"[1]", "Corrupt"},
    {"[,{}]", "Corrupt"},
    {"[{},]", "O {};Corrupt"},
    {"[{},,{}]", "O {};Corrupt"},
    {"[{}{}]", "O {};Corrupt"},
    {"[{}] x", "O {};Corrupt"},
    {"[] []", "Corrupt"},
};

static void gives_rows_and_what_they_are_in(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 3, 4096};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
            char out[512];
            read_all(out, sizeof(out), cases[i][0], steps[j]);
            assert_string_equal(out, cases[i][1]);
        }
    }
}

/* Adds the same text again and again; the code of the error. */
static void repeat(char *code, const char *first, const char *again, size_t times)
{
    struct salvor_json_rows rows;
    struct salvor_error err = {0};
    const char *text;
    size_t size;
    enum salvor_json_row row = SALVOR_ROWS_MORE;
    salvor_json_rows_init(&rows);
    salvor_json_rows_add(&rows, first, strlen(first));
    for (size_t i = 0; i < times && row != SALVOR_ROWS_FAILED; i++) {
        while ((row = salvor_json_rows_next(&text, &size, &rows, &err)) > SALVOR_ROWS_MORE)
            ;
        salvor_json_rows_add(&rows, again, strlen(again));
    }
    salvor_json_rows_release(&rows);
    strcpy(code, err.code);
}

static void is_bounded(void **state)
{
    (void)state;
    char code[40], text[4096];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    repeat(code, "[{\"o\":[{\"", text, 1000);
    assert_string_equal(code, "TooLarge");
    repeat(code, "[{\"", text, 10000);
    assert_string_equal(code, "TooLarge");
    repeat(code, "[{\"o\":", "[", 1000);
    assert_string_equal(code, "Corrupt");
    repeat(code, "[{\"o\":[", "{\"a\":1},", 100000); /* many rows are fine */
    assert_string_equal(code, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_rows_and_what_they_are_in),
        cmocka_unit_test(is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
