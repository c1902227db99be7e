#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/yaml.h"

static int read_text(json_t **out, const char *text, size_t size, struct salvor_error *err)
{
    struct salvor_yaml_reader *reader;
    *out = NULL;
    if (salvor_yaml_reader_new(&reader, text, size, err) < 0)
        return -1;
    int result = salvor_yaml_read(reader, out, err);
    salvor_yaml_reader_free(reader);
    return result;
}

static void assert_reads(const char *text, const char *json)
{
    struct salvor_buffer out = SALVOR_BUFFER_INIT(1 << 20);
    struct salvor_error err = {0};
    json_t *value;
    if (read_text(&value, text, strlen(text), &err) != 1)
        fail_msg("%s: %s", text, err.message);
    assert_int_equal(salvor_json_encode(&out, value, 0, NULL), 0);
    if (strcmp(out.data, json) != 0)
        fail_msg("%s: %s instead of %s", text, out.data, json);
    salvor_buffer_release(&out);
    json_decref(value);
}

static void assert_refuses(const char *text, const char *message)
{
    struct salvor_error err = {0};
    json_t *value;
    assert_int_equal(read_text(&value, text, strlen(text), &err), -1);
    assert_null(value);
    assert_string_equal(err.code, "Invalid");
    assert_string_equal(err.message, message);
}

/* Each line was put to kubectl 1.32 and answered by it like this. */
static const char *const scalars[][2] = {
    {"yes", "true"},
    {"on", "true"},
    {"y", "true"},
    {"TRUE", "true"},
    {"Off", "false"},
    {"n", "false"},
    {"nO", "\"nO\""},
    {"yEs", "\"yEs\""},
    {"~", "null"},
    {"Null", "null"},
    {"nULL", "\"nULL\""},
    {"", "null"},
    {"0777", "511"},
    {"0o777", "511"},
    {"08", "8"},
    {"0x1F", "31"},
    {"0X1f", "31"},
    {"0b11", "3"},
    {"-0b11", "-3"},
    {"0x", "\"0x\""},
    {"0o8", "\"0o8\""},
    {"1_000", "1000"},
    {"0_7", "7"},
    {"_1", "\"_1\""},
    {"1_000.5", "1000.5"},
    {"+12", "12"},
    {"-12", "-12"},
    {"+", "\"+\""},
    {"1e3", "1000"},
    {"1e-3", "0.001"},
    {"1.0", "1"},
    {"-0.0", "0"},
    {".5", "0.5"},
    {".5_0", "0.5"},
    {"+.5", "0.5"},
    {"5.", "5"},
    {".", "\".\""},
    {".e3", "\".e3\""},
    {"1e18", "1000000000000000000"},
    {"1e20", "1e+20"},
    {"1e400", "\"1e400\""},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"18446744073709551615", "1.8446744073709552e+19"},
    {"2001-12-14", "\"2001-12-14\""},
    {"2001-12-14t21:59:43.10-05:00", "\"2001-12-14t21:59:43.10-05:00\""},
    {"12:30:45", "\"12:30:45\""},
    {"=", "\"=\""},
    {"<<", "\"<<\""},
    {"\"yes\"", "\"yes\""},
    {"'0x1F'", "\"0x1F\""},
    {"''", "\"\""},
    {"!!str 12", "\"12\""},
    {"!!str", "\"\""},
    {"!!int '5'", "5"},
    {"!!float 1", "1"},
    {"!!bool yes", "true"},
    {"!!null ''", "null"},
    {"!!timestamp 2001-12-14", "\"2001-12-14\""},
    {"!!binary aGVsbG8=", "\"hello\""},
    {"!foo 12", "\"12\""},
    {"! 12", "\"12\""},
};

static void resolves_scalars_as_kubectl_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
        char text[64], json[64];
        snprintf(text, sizeof(text), "a: %s", scalars[i][0]);
        snprintf(json, sizeof(json), "{\"a\":%s}", scalars[i][1]);
        assert_reads(text, json);
    }
}

static void makes_strings_of_keys(void **state)
{
    (void)state;
    static const char *const keys[][2] = {{"yes", "true"},
                                          {"1", "1"},
                                          {"0x10", "16"},
                                          {"1.5", "1.5"},
                                          {"1e10", "1e+10"},
                                          {"1.23456789", "1.2345679"},
                                          {"1e3", "1000"},
                                          {"'yes'", "yes"},
                                          {".inf", ".inf"},
                                          {"!!str 1", "1"},
                                          {"2001-12-14", "2001-12-14"}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char text[64], json[64];
        snprintf(text, sizeof(text), "%s: 1", keys[i][0]);
        snprintf(json, sizeof(json), "{\"%s\":1}", keys[i][1]);
        assert_reads(text, json);
    }
}

static void replaces_aliases_and_merges(void **state)
{
    (void)state;
    assert_reads("- &x {a: 1}\n- *x\n- &x 2\n- *x", "[{\"a\":1},{\"a\":1},2,2]");
    assert_reads("- &k key\n- *k : 1", "[\"key\",{\"key\":1}]");
    assert_reads("x: &b {a: 1, b: 2}\nz:\n  <<: *b\n  b: 3", "{\"x\":{\"a\":1,\"b\":2},"
                                                             "\"z\":{\"a\":1,\"b\":3}}");
    assert_reads("{b: 3, <<: {a: 1, b: 2}}", "{\"a\":1,\"b\":2}");
    assert_reads("{<<: {a: 1, b: 1}, <<: {a: 2}}", "{\"a\":2,\"b\":1}");
    assert_reads("<<: [{a: 1}, {a: 2, b: 2}]", "{\"a\":1,\"b\":2}");
    assert_reads("<<: {a: 1, <<: {a: 2, b: 2}}", "{\"a\":2,\"b\":2}");
    assert_reads("'<<': {a: 1}", "{\"<<\":{\"a\":1}}");
}

static void accepts_marks_and_directives(void **state)
{
    (void)state;
    assert_reads("\xef\xbb\xbf"
                 "a: 1",
                 "{\"a\":1}");
    assert_reads("%YAML 1.1\n---\na: 1\n...\n", "{\"a\":1}");
    assert_reads("a: 1\r\nb: |\r\n  x\r\n", "{\"a\":1,\"b\":\"x\\n\"}");
    assert_reads("---\n", "null");
}

/* kubectl reads by lines, whether the last one has an end or not. */
static void ends_the_last_line(void **state)
{
    (void)state;
    assert_reads("a: |\n  x", "{\"a\":\"x\\n\"}");
    assert_reads("- >+\n  x\n ", "[\"x\\n\\n\"]");
    assert_reads("a: |-\n  x", "{\"a\":\"x\"}");
    assert_reads("a: x\n  y", "{\"a\":\"x y\"}");
}

static void reads_utf16(void **state)
{
    (void)state;
    static const char text[] = "\xff\xfe"
                               "a\0:\0 \0\xe4\0\n";
    json_t *value;
    assert_int_equal(read_text(&value, text, sizeof(text), NULL), 1);
    assert_string_equal(json_string_value(json_object_get(value, "a")), "\xc3\xa4");
    json_decref(value);
}

static void reads_document_after_document(void **state)
{
    (void)state;
    static const char text[] = "a: &x 1\n---\n--- [2]\n";
    struct salvor_yaml_reader *reader;
    json_t *value;
    assert_int_equal(salvor_yaml_reader_new(&reader, text, strlen(text), NULL), 0);
    assert_int_equal(salvor_yaml_read(reader, &value, NULL), 1);
    assert_int_equal(json_integer_value(json_object_get(value, "a")), 1);
    json_decref(value);
    assert_int_equal(salvor_yaml_read(reader, &value, NULL), 1);
    assert_true(json_is_null(value));
    assert_int_equal(salvor_yaml_read(reader, &value, NULL), 1);
    assert_int_equal(json_array_size(value), 1);
    json_decref(value);
    assert_int_equal(salvor_yaml_read(reader, &value, NULL), 0);
    assert_int_equal(salvor_yaml_read(reader, &value, NULL), 0);
    salvor_yaml_reader_free(reader);
}

static void names_the_place_of_an_error(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a: 1\n a: 2", "mapping values are not allowed in this context at line 2, column 3"},
        {"a: [1, }", "while parsing a flow node: did not find expected node content at line 1, "
                     "column 8"},
        {"a: 1\nb: 2\na: 3", "the key \"a\" comes twice at line 3, column 1"},
        {"{1: a, '1': b}", "the key \"1\" comes twice at line 1, column 8"},
        {"\"a\\0\": 1", "a key holds the character U+0000 at line 1, column 1"},
        {"a: *x", "an alias without an anchor of its name at line 1, column 4"},
        {"a: &x\n  b: *x", "an anchor that contains itself at line 2, column 6"},
        {"a: &x\n  <<: *x", "a merge of a mapping into itself at line 2, column 7"},
        {"<<: 1", "`<<` takes a mapping or a list of mappings, found another at line 1, column 5"},
        {"<<: [[{}]]",
         "`<<` takes a mapping or a list of mappings, found another at line 1, column 6"},
        {"\xc3\xa4: \xff", "invalid leading UTF-8 octet at line 1, column 4"},
        {"a: \"\x01\"", "control characters are not allowed at line 1, column 5"},
        {"%FOO x\n---\na: 1", "while scanning a directive: found unknown directive name at line "
                              "1, column 5"},
        {"a: .inf", "\".inf\" cannot be a JSON number at line 1, column 4"},
        {"~: 1", "null cannot be a key; quote it at line 1, column 1"},
        {"? [a]\n: 1", "a collection cannot be a key at line 1, column 3"},
        {"a: !!int x", "\"x\" is not a !!int at line 1, column 4"},
        {"a: !!binary '*'", "base64 text of 1 characters: not a multiple of 4 at line 1, column 4"},
        {"a: !!binary gIGC", "the bytes of a !!binary are not UTF-8 text at line 1, column 4"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refuses(cases[i][0], cases[i][1]);
}

/* Nine levels of nine aliases each are 3.5 * 10^8 nodes. */
static void refuses_an_alias_bomb(void **state)
{
    (void)state;
    struct salvor_buffer text = SALVOR_BUFFER_INIT(1 << 16);
    struct salvor_error err;
    json_t *value;
    salvor_buffer_printf(&text, NULL, "a0: &a0 [x]\n");
    for (int i = 1; i <= 9; i++) {
        salvor_buffer_printf(&text, NULL, "a%d: &a%d [", i, i);
        for (int j = 0; j < 9; j++)
            salvor_buffer_printf(&text, NULL, "*a%d,", i - 1);
        salvor_buffer_printf(&text, NULL, "]\n");
    }
    assert_int_equal(read_text(&value, text.data, text.size, &err), -1);
    assert_memory_equal(err.message, "the aliases repeat too much", 27);
    salvor_buffer_release(&text);
}

/* One long string, repeated: few nodes and many bytes. */
static void refuses_a_bomb_of_bytes(void **state)
{
    (void)state;
    struct salvor_buffer text = SALVOR_BUFFER_INIT(2 << 20);
    struct salvor_error err;
    json_t *value;
    salvor_buffer_printf(&text, NULL, "- &x '%0*d'\n", 1 << 20, 0);
    for (int i = 0; i < 99; i++)
        salvor_buffer_printf(&text, NULL, "- *x\n");
    assert_int_equal(read_text(&value, text.data, text.size, &err), -1);
    assert_memory_equal(err.message, "the aliases repeat too much", 27);
    salvor_buffer_release(&text);
}

/* 200,000 times a list of as many mappings to merge, all of which are empty. */
static void refuses_a_bomb_of_merges(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    struct salvor_buffer text = SALVOR_BUFFER_INIT(2 << 20);
    struct salvor_error err;
    json_t *value;
    salvor_buffer_printf(&text, NULL, "a: &a {}\nb: &b {<<: [");
    for (int i = 0; i < COUNT; i++)
        salvor_buffer_append(&text, "*a,", 3, NULL);
    salvor_buffer_printf(&text, NULL, "]}\nc: [");
    for (int i = 0; i < COUNT; i++)
        salvor_buffer_append(&text, "*b,", 3, NULL);
    salvor_buffer_append(&text, "]", 1, NULL);
    assert_int_equal(read_text(&value, text.data, text.size, &err), -1);
    assert_memory_equal(err.message, "the aliases repeat too much", 27);
    salvor_buffer_release(&text);
}

static int read_directives(int count, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(64 << 20);
    json_t *value = NULL;
    for (int i = 0; i < count; i++)
        salvor_buffer_printf(&text, NULL, "%%TAG !%d! tag:x,2026:\n", i);
    salvor_buffer_printf(&text, NULL, "---\na: !!str 1\n");
    int result = read_text(&value, text.data, text.size, err);
    json_decref(value);
    salvor_buffer_release(&text);
    return result;
}

/* libyaml compares each with each: a million would take it hours. */
static void bounds_the_directives(void **state)
{
    (void)state;
    struct salvor_error err;
    assert_int_equal(read_directives(100, &err), 1);
    assert_int_equal(read_directives(101, &err), -1);
    assert_string_equal(err.message, "more than 100 %TAG directives at line 1, column 1");
    assert_int_equal(read_directives(1000000, &err), -1);
    assert_memory_equal(err.message, "more than 100 %TAG directives at line ", 38);
}

static void bounds_the_depth(void **state)
{
    (void)state;
    char text[2 * (SALVOR_YAML_DEPTH + 1)];
    json_t *value;
    memset(text, '[', SALVOR_YAML_DEPTH + 1);
    memset(text + SALVOR_YAML_DEPTH + 1, ']', SALVOR_YAML_DEPTH + 1);
    assert_int_equal(read_text(&value, text, sizeof(text), NULL), -1);
    assert_int_equal(read_text(&value, text + 1, sizeof(text) - 2, NULL), 1);
    json_decref(value);
}

static void assert_writes(const char *json, const char *yaml)
{
    struct salvor_buffer out = SALVOR_BUFFER_INIT(1 << 16);
    json_t *value;
    assert_int_equal(salvor_json_decode(&value, json, strlen(json), NULL), 0);
    assert_int_equal(salvor_yaml_write(&out, value, NULL), 0);
    assert_string_equal(out.data, yaml);
    salvor_buffer_release(&out);
    json_decref(value);
}

static void writes_the_look_of_kubectl(void **state)
{
    (void)state;
    assert_writes("{\"b\":{\"d\":[{\"x\":1,\"y\":{\"z\":[]}},[1,[2]]]},\"a\":{}}", "a: {}\n"
                                                                                   "b:\n"
                                                                                   "  d:\n"
                                                                                   "  - x: 1\n"
                                                                                   "    \"y\":\n"
                                                                                   "      z: []\n"
                                                                                   "  - - 1\n"
                                                                                   "    - - 2\n");
    assert_writes("{\"a\":\"one\\n  two\\n\",\"b\":[\"x\\ny\"],\"c\":\"x\\n\\n\"}", "a: |\n"
                                                                                    "  one\n"
                                                                                    "    two\n"
                                                                                    "b:\n"
                                                                                    "- |-\n"
                                                                                    "  x\n"
                                                                                    "  y\n"
                                                                                    "c: |+\n"
                                                                                    "  x\n"
                                                                                    "\n");
    assert_writes("\"x\\ny\"", "|-\n  x\n  y\n");
    assert_writes("[1.5,1e20,true,null,-3]", "- 1.5\n- 1.0e+20\n- true\n- null\n- -3\n");
}

/* Plain only what no reader, of YAML 1.1 or 1.2, takes for anything else. */
static void quotes_when_in_doubt(void **state)
{
    (void)state;
    static const char *const plain[] = {
        "abc",    "a b",  "http://x:80/y", "--flag=1",  "10Gi",    "x86_64",
        "a,b",    "it's", "a#b",           "a:b",       "n1-node", "/dev",
        "$(VAR)", "yess", "v1.2.3",        "0123456gh", "\xc3\xa4"};
    static const char *const quoted[] = {
        "",       "yes",      "No",    "y",        "NULL",       "~",     "true",  "0123",
        "1e3",    "0x1F",     "1_000", "12:30:45", "2001-12-14", ".inf",  ".5",    "+1",
        "-1",     "- x",      "-",     "? x",      ": x",        "a: b",  "a #b",  "a:",
        " lead",  "trail ",   "#x",    "&a",       "*a",         "!x",    "%x",    "@x",
        "`x",     "{x",       "[x",    "\"x",      "'x",         "|",     ">",     "=",
        "<<",     "---",      "...",   "--- x",    "10.0.0.1",   "a\tb",  "a\rb",  "\x7f",
        "1e3abc", "\xc2\x85", "\n",    " x\ny",    "x\n \ny",    "x\r\n", "\tx\ny"};
    struct salvor_buffer out = SALVOR_BUFFER_INIT(1024);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        json_t *value = json_string(plain[i]);
        salvor_buffer_clear(&out);
        assert_int_equal(salvor_yaml_write(&out, value, NULL), 0);
        assert_memory_equal(out.data, plain[i], strlen(plain[i]));
        json_decref(value);
    }
    for (size_t i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++) {
        json_t *value = json_string(quoted[i]);
        salvor_buffer_clear(&out);
        assert_int_equal(salvor_yaml_write(&out, value, NULL), 0);
        if (out.data[0] != '"')
            fail_msg("%s is not quoted", quoted[i]);
        json_decref(value);
    }
    salvor_buffer_release(&out);
}

static void assert_round_trip(json_t *value)
{
    struct salvor_buffer out = SALVOR_BUFFER_INIT(1 << 22);
    struct salvor_error err = {0};
    json_t *again;
    assert_int_equal(salvor_yaml_write(&out, value, NULL), 0);
    if (read_text(&again, out.data, out.size, &err) != 1)
        fail_msg("%s: %s", out.data, err.message);
    if (!json_equal(value, again))
        fail_msg("comes back changed: %s", out.data);
    json_decref(again);
    salvor_buffer_release(&out);
}

/* Every string of up to three of these pieces, as value, key, element and document. */
static void gives_every_string_back(void **state)
{
    (void)state;
    static const char *const pieces[] = {"",
                                         "a",
                                         " ",
                                         "\n",
                                         "\t",
                                         "\r",
                                         ":",
                                         "#",
                                         "-",
                                         "'",
                                         "\"",
                                         "\\",
                                         "|",
                                         "1",
                                         "\x01",
                                         "\x7f",
                                         "\xc2\x85",
                                         "\xe2\x80\xa8",
                                         "\xef\xbb\xbf",
                                         "\xf0\x9f\x98\x80",
                                         "{"};
    const size_t count = sizeof(pieces) / sizeof(pieces[0]);
    for (size_t i = 0; i < count * count * count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%s%s%s", pieces[i % count], pieces[i / count % count],
                 pieces[i / count / count]);
        json_t *value = json_pack("{s:[s,{s:s}],s:s}", text, text, text, text, "~end", text);
        assert_round_trip(value);
        json_decref(value);
        value = json_string(text);
        assert_round_trip(value);
        json_decref(value);
    }
}

static void gives_long_strings_and_keys_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {127, 128, 129, 1023, 1024, 1025, 100000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *text = test_malloc(sizes[i] + 1);
        memset(text, 'k', sizes[i]);
        text[sizes[i]] = '\0';
        json_t *value = json_pack("{s:{s:s},s:[s]}", text, text, text, "a", text);
        assert_round_trip(value);
        json_decref(value);
        test_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_scalars_as_kubectl_does),
        cmocka_unit_test(makes_strings_of_keys),
        cmocka_unit_test(replaces_aliases_and_merges),
        cmocka_unit_test(accepts_marks_and_directives),
        cmocka_unit_test(ends_the_last_line),
        cmocka_unit_test(reads_utf16),
        cmocka_unit_test(reads_document_after_document),
        cmocka_unit_test(names_the_place_of_an_error),
        cmocka_unit_test(refuses_an_alias_bomb),
        cmocka_unit_test(refuses_a_bomb_of_bytes),
        cmocka_unit_test(refuses_a_bomb_of_merges),
        cmocka_unit_test(bounds_the_directives),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(writes_the_look_of_kubectl),
        cmocka_unit_test(quotes_when_in_doubt),
        cmocka_unit_test(gives_every_string_back),
        cmocka_unit_test(gives_long_strings_and_keys_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
