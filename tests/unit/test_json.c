#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/json.h"

/* What a text becomes when it is read and written again. */
static const char *const reads[][2] = {
    {"null", "null"},
    {" [ true , false ] ", "[true,false]"},
    {"{\"b\":1,\"a\":{}}", "{\"a\":{},\"b\":1}"},
    {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"9007199254740993", "9007199254740993"},
    {"1.0", "1.0"},
    {"1e2", "100.0"},
    {"0.1", "0.1"},
    {"1e100", "1e+100"},
    {"5e-324", "5e-324"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
    {"\"\\u0000\\u001f\\n\\\"\\\\\\/\\u007f\"", "\"\\u0000\\u001f\\n\\\"\\\\/\\u007f\""},
};

static void reads_and_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        struct salvor_buffer out = SALVOR_BUFFER_INIT(1024);
        json_t *value;
        assert_int_equal(salvor_json_decode(&value, reads[i][0], strlen(reads[i][0]), NULL), 0);
        assert_int_equal(salvor_json_encode(&out, value, 0, NULL), 0);
        assert_string_equal(out.data, reads[i][1]);
        salvor_buffer_release(&out);
        json_decref(value);
    }
}

static const char *const errors[][2] = {
    {"", "the text ends too early at line 1, column 1"},
    {"[1,", "the text ends too early at line 1, column 4"},
    {"[1,}", "unexpected token near '}' at line 1, column 4"},
    {"[1,\n  foo]", "invalid token near 'foo' at line 2, column 3"},
    {"[\"\xc3\xa4\", x]", "invalid token near 'x' at line 1, column 7"},
    {"[1] x", "end of file expected near 'x' at line 1, column 5"},
    {"9223372036854775808", "too big integer near '9223372036854775808' at line 1, column 1"},
    {"1e400", "real number overflow near '1e400' at line 1, column 1"},
};

static void names_the_place_of_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct salvor_error err;
        json_t *value;
        assert_int_equal(salvor_json_decode(&value, errors[i][0], strlen(errors[i][0]), &err), -1);
        assert_null(value);
        assert_string_equal(err.code, "Invalid");
        assert_string_equal(err.message, errors[i][1]);
    }
}

static void refuses_zero_bytes(void **state)
{
    (void)state;
    static const char *const texts[] = {"1\0", "\0 ", "[1\0]", "\"\0\""};
    static const size_t sizes[] = {2, 2, 4, 3};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *value;
        assert_int_equal(salvor_json_decode(&value, texts[i], sizes[i], NULL), -1);
        assert_null(value);
    }
}

/* Behind a list with brackets in a string */
static int decode_nested(size_t depth, struct salvor_error *err)
{
    static const char head[] = "[[\"[\\\"[\"],\n";
    static char text[sizeof(head) + 2 * 5000];
    size_t start = sizeof(head) - 1;
    json_t *value;
    memcpy(text, head, start);
    memset(text + start, '[', depth - 1);
    memset(text + start + depth - 1, ']', depth);
    int result = salvor_json_decode(&value, text, start + 2 * depth - 1, err);
    json_decref(value);
    return result;
}

static void bounds_the_depth(void **state)
{
    (void)state;
    static const size_t depths[] = {SALVOR_JSON_DEPTH + 1, 5000};
    assert_int_equal(decode_nested(SALVOR_JSON_DEPTH, NULL), 0);
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        struct salvor_error err;
        assert_int_equal(decode_nested(depths[i], &err), -1);
        assert_string_equal(err.message, "nested more than 512 deep at line 2, column 512");
    }
}

static void indents(void **state)
{
    (void)state;
    const char text[] = "{\"a\":[1,{\"b\":2}],\"c\":{},\"d\":[]}";
    struct salvor_buffer out = SALVOR_BUFFER_INIT(1024);
    json_t *value;
    assert_int_equal(salvor_json_decode(&value, text, strlen(text), NULL), 0);
    assert_int_equal(salvor_json_encode(&out, value, 2, NULL), 0);
    assert_string_equal(out.data, "{\n"
                                  "  \"a\": [\n"
                                  "    1,\n"
                                  "    {\n"
                                  "      \"b\": 2\n"
                                  "    }\n"
                                  "  ],\n"
                                  "  \"c\": {},\n"
                                  "  \"d\": []\n"
                                  "}");
    salvor_buffer_release(&out);
    json_decref(value);
}

static void stops_at_the_ceiling_of_the_buffer(void **state)
{
    (void)state;
    struct salvor_error err;
    struct salvor_buffer out = SALVOR_BUFFER_INIT(8);
    json_t *value = json_string("longer than eight");
    assert_int_equal(salvor_json_encode(&out, value, 0, &err), -1);
    assert_string_equal(err.code, "TooLarge");
    salvor_buffer_release(&out);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(names_the_place_of_an_error),
        cmocka_unit_test(refuses_zero_bytes),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(indents),
        cmocka_unit_test(stops_at_the_ceiling_of_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
