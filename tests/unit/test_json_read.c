/* The streaming reader beside jansson: the same texts, the same values, the same errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/json.h"
#include "data/json_read.h"
#include "data/tree.h"

static const char *const texts[] = {
    /* taken */
    "null",
    " \t\r\n[ true , false , null ] \n",
    "{}",
    "[]",
    "[[],{},[[]],[{}]]",
    "{\"\":{\"\":\"\"}}",
    "{\"a\":1,\"b\":[2],\"a\":{\"c\":3}}",
    "[0,-0,1,-1,10,9223372036854775807,-9223372036854775808]",
    "[0.0,-0.0,0.5,1e2,1E+2,1e-2,-1.25e3,5e-324,1e-999,1.7976931348623157e308]",
    "\"plain and longer than eight bytes, \x7f too\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\ud83d\\uDE00\\u0000 end\"",
    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 and \xc3\xa4\"",
    "{\"k\\u0065y\\n\":\"v\\u0061lue\",\"\xc3\xa4\":\"\\\\\"}",
    /* refused */
    "",
    " ",
    "tru",
    "truex",
    "nul",
    "\"open",
    "\"open\\",
    "\"open\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800\\ud800\"",
    "\"\\udc00\"",
    "\"a\nb\"",
    "\"eight by\x1ftes\"",
    "\"\x80\"",
    "\"\xc3\"",
    "\"\xc0\xaf\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\xef\xbb\xbf[]",
    "[",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "]",
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:1}",
    "{\"a\":1]",
    "{\"\\u0000\":1}",
    "[] []",
    "1 x",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "1.e1",
    "0x1",
    "NaN",
    "Infinity",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551617",
    "100000000000000000000",
    "1e309",
    "-1e309",
};

static json_t *read_with(struct salvor_json_reader *reader, const char *text, size_t size,
                         struct salvor_error *err)
{
    struct salvor_tree_sink tree;
    json_t *value;
    salvor_tree_sink_init(&tree, &value);
    if (salvor_json_check(reader, text, size, err) == 0)
        assert_int_equal(salvor_json_send(reader, &tree.sink, err), 0);
    return value;
}

static void takes_and_refuses_what_jansson_does(void **state)
{
    (void)state;
    struct salvor_json_reader reader = {0};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct salvor_error ours = {0}, theirs = {0};
        json_t *expected, *value = read_with(&reader, texts[i], strlen(texts[i]), &ours);
        salvor_json_decode(&expected, texts[i], strlen(texts[i]), &theirs);
        if (!value != !expected || (value && !json_equal(value, expected)))
            fail_msg("'%s' is read differently", texts[i]);
        assert_string_equal(ours.message, theirs.message);
        json_decref(value);
        json_decref(expected);
    }
    salvor_json_reader_release(&reader);
}

/* A text that ends inside anything is refused, and nothing behind its end is looked at. */
static void stays_inside_the_text(void **state)
{
    (void)state;
    static const char text[] =
        "{\"key\\n\": [\"va\\ud83d\\ude00lue \xc3\xa4\", 12.5e1, true, null, 10]}";
    struct salvor_json_reader reader = {0};
    for (size_t size = 0; size < strlen(text); size++) {
        struct salvor_error err;
        char *cut = test_malloc(size ? size : 1); /* so that a sanitizer sees its end */
        memcpy(cut, text, size);
        assert_int_equal(salvor_json_check(&reader, cut, size, &err), -1);
        assert_string_equal(err.code, "Invalid");
        test_free(cut);
    }
    assert_int_equal(salvor_json_check(&reader, text, strlen(text), NULL), 0);
    salvor_json_reader_release(&reader);
}

static void refuses_zero_bytes(void **state)
{
    (void)state;
    static const char *const zeros[] = {"1\0", "\0 ", "[1\0]", "\"\0\"", "\"seven b\0\""};
    static const size_t sizes[] = {2, 2, 4, 3, 10};
    struct salvor_json_reader reader = {0};
    for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++)
        assert_int_equal(salvor_json_check(&reader, zeros[i], sizes[i], NULL), -1);
    salvor_json_reader_release(&reader);
}

static void bounds_the_depth(void **state)
{
    (void)state;
    static char text[2 * SALVOR_JSON_DEPTH + 2];
    struct salvor_json_reader reader = {0};
    struct salvor_error err;
    for (size_t depth = SALVOR_JSON_DEPTH; depth <= SALVOR_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        json_t *value = read_with(&reader, text, 2 * depth, &err);
        assert_int_equal(value != NULL, depth == SALVOR_JSON_DEPTH);
        json_decref(value);
    }
    assert_string_equal(err.message, "nested more than 512 deep at line 1, column 513");
    salvor_json_reader_release(&reader);
}

/* What a sink hears, as text. */
struct listener {
    struct salvor_sink sink;
    struct salvor_buffer heard;
};

static int hear_scalar(struct salvor_sink *sink, const struct salvor_scalar *scalar,
                       struct salvor_error *err)
{
    struct salvor_buffer *heard = &((struct listener *)sink)->heard;
    if (scalar->type != SALVOR_STRING)
        return salvor_buffer_printf(heard, err, "%d ", (int)scalar->integer);
    return salvor_buffer_printf(heard, err, "'%.*s' ", (int)scalar->size, scalar->text);
}

static int hear_begin(struct salvor_sink *sink, bool is_list, size_t count,
                      struct salvor_error *err)
{
    return salvor_buffer_printf(&((struct listener *)sink)->heard, err, "%s%zu ",
                                is_list ? "list" : "map", count);
}

static int hear_key(struct salvor_sink *sink, const char *text, size_t size,
                    struct salvor_error *err)
{
    return salvor_buffer_printf(&((struct listener *)sink)->heard, err, "%.*s: ", (int)size, text);
}

static int hear_end(struct salvor_sink *sink, struct salvor_error *err)
{
    return salvor_buffer_printf(&((struct listener *)sink)->heard, err, "end ");
}

static void tells_how_many_elements_come(void **state)
{
    (void)state;
    static const char text[] =
        " { \"a\" : [ 1 , [] , [ 2 , \"x\\ty\" ] ] , \"b\" : { \"c\" : 3 } } ";
    struct listener listener = {.sink = {hear_scalar, hear_begin, hear_key, hear_end},
                                .heard = SALVOR_BUFFER_INIT(1024)};
    struct salvor_json_reader reader = {0};
    assert_int_equal(salvor_json_check(&reader, text, strlen(text), NULL), 0);
    assert_int_equal(salvor_json_send(&reader, &listener.sink, NULL), 0);
    assert_string_equal(listener.heard.data, "map2 a: list3 1 list0 end list2 2 'x\ty' end end "
                                             "b: map1 c: 3 end end ");
    salvor_buffer_release(&listener.heard);
    salvor_json_reader_release(&reader);
}

static void stops_when_the_sink_fails(void **state)
{
    (void)state;
    static const char text[] = "[\"a\",\"b\",\"c\"]";
    struct listener listener = {.sink = {hear_scalar, hear_begin, hear_key, hear_end},
                                .heard = SALVOR_BUFFER_INIT(10)};
    struct salvor_json_reader reader = {0};
    struct salvor_error err;
    assert_int_equal(salvor_json_check(&reader, text, strlen(text), &err), 0);
    assert_int_equal(salvor_json_send(&reader, &listener.sink, &err), -1);
    assert_string_equal(err.code, "TooLarge");
    assert_string_equal(listener.heard.data, "list3 'a' ");
    salvor_buffer_release(&listener.heard);
    salvor_json_reader_release(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_and_refuses_what_jansson_does),
        cmocka_unit_test(stays_inside_the_text),
        cmocka_unit_test(refuses_zero_bytes),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(tells_how_many_elements_come),
        cmocka_unit_test(stops_when_the_sink_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
