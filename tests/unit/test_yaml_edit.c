#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/json.h"
#include "data/yaml_edit.h"
#include "data/yaml_path.h"
#include "data/yaml_position.h"

static json_t *make_path(const char *text)
{
    json_t *source = json_string(text);
    json_t *path;
    struct salvor_error err = {0};
    if (salvor_yaml_path(&path, source, &err) < 0)
        fail_msg("%s", err.message);
    json_decref(source);
    return path;
}

/* Sets (a JSON text) or removes (NULL) the value at a path. */
static int edit(struct salvor_yaml_edit *document, const char *path_text, const char *json,
                struct salvor_error *err)
{
    json_t *path = make_path(path_text);
    json_t *value = NULL;
    if (json)
        assert_int_equal(salvor_json_decode(&value, json, strlen(json), NULL), 0);
    int result = json ? salvor_yaml_edit_set(document, path, value, err)
                      : salvor_yaml_edit_remove(document, path, err);
    json_decref(value);
    json_decref(path);
    return result;
}

static void assert_edit(const char *before, const char *path, const char *json, const char *after)
{
    struct salvor_yaml_edit document;
    struct salvor_error err = {0};
    assert_int_equal(salvor_yaml_edit_init(&document, before, strlen(before), 0, NULL), 0);
    if (edit(&document, path, json, &err) < 0)
        fail_msg("%s in %s: %s", path, before, err.message);
    assert_string_equal(document.text.data, after);
    salvor_yaml_edit_release(&document);
}

static void assert_refused(const char *text, const char *path, const char *json, const char *code,
                           const char *message)
{
    struct salvor_yaml_edit document;
    struct salvor_error err = {0};
    assert_int_equal(salvor_yaml_edit_init(&document, text, strlen(text), 0, NULL), 0);
    assert_int_equal(edit(&document, path, json, &err), -1);
    assert_string_equal(err.code, code);
    assert_string_equal(err.message, message);
    assert_string_equal(document.text.data, text);
    salvor_yaml_edit_release(&document);
}

static void replaces_a_scalar_and_nothing_else(void **state)
{
    (void)state;
    assert_edit("# head\na:   1   # one\n\nb: 2\n", "a", "10", "# head\na:   10   # one\n\nb: 2\n");
    assert_edit("a: 'x'\n", "a", "\"it's\"", "a: 'it''s'\n");
    assert_edit("a: \"x\"\n", "a", "\"y\"", "a: \"y\"\n");
    assert_edit("a: x\n", "a", "\"yes\"", "a: \"yes\"\n");
    assert_edit("a: 'x'\n", "a", "\"p\\nq\"", "a: |-\n  p\n  q\n");
    assert_edit("a: 'x'\n", "a", "true", "a: true\n");
    assert_edit("a: one\n  two # c\nb: 1\n", "a", "3", "a: 3 # c\nb: 1\n");
    assert_edit("- x\n-   y # c\n", "[2]", "\"z\"", "- x\n-   z # c\n");
    assert_edit("a: !!str 1\n", "a", "2", "a: 2\n");
    assert_edit("old", ".", "\"new\"", "new");
}

static void keeps_marks_line_ends_and_a_missing_last_one(void **state)
{
    (void)state;
    assert_edit("\xef\xbb\xbf\xc3\xa4: \xc3\xb6 # \xc3\xbc\nb: x", "b", "\"\xc3\x9f\"",
                "\xef\xbb\xbf\xc3\xa4: \xc3\xb6 # \xc3\xbc\nb: \xc3\x9f");
    assert_edit("a: 1\r\nb: 2", "c", "{\"d\":3}", "a: 1\r\nb: 2\r\nc:\r\n  d: 3");
    assert_edit("a: 1\r\nb: 2", "b", NULL, "a: 1");
    assert_edit("a: |\n  x", "b", "1", "a: |\n  x\nb: 1");
    assert_edit("a: |\n  \xc3\xa9", "b", "1", "a: |\n  \xc3\xa9\nb: 1");
    assert_edit("a: |+\n  \xc3\xa9", "a", "1", "a: 1");
    assert_edit("%YAML 1.1\n--- # first\na: 1\n...\n", "b", "2",
                "%YAML 1.1\n--- # first\na: 1\nb: 2\n...\n");
}

static void knows_every_line_break_of_yaml(void **state)
{
    (void)state;
    assert_edit("a :\r-", "a", "2", "a : 2");
    assert_edit("a: 1\rb: 2\rc: 3\r", "b", NULL, "a: 1\rc: 3\r");
    assert_edit("a: 1\302\205b: 2\342\200\250c: 3\342\200\251", "c", NULL,
                "a: 1\302\205b: 2\342\200\250");
}

static void knows_keys_that_have_a_question_mark(void **state)
{
    (void)state;
    assert_edit("? a\n: b\n? c\n: d\n", "a", NULL, "? c\n: d\n");
    assert_edit("? a\n: b\n? c\n: d\n", "c", NULL, "? a\n: b\n");
    assert_edit("? a # x: y\n: b\n", "a", "1", "? a # x: y\n: 1\n");
    assert_edit("? a\n:\n b: 1\n", "c", "{\"d\":2}", "? a\n:\n b: 1\nc:\n d: 2\n");
}

static void finds_the_dash_of_an_element_among_comments(void **state)
{
    (void)state;
    assert_edit("- - # - c\n    x\n  - y\n", "[1][1]", NULL, "- - y\n");
    assert_edit("a: !!seq &n # - -\n- # -\n  x\n- y # -\n- z\n", "a[2]", NULL,
                "a: !!seq &n # - -\n- # -\n  x\n- z\n");
}

static void changes_nothing_for_an_equal_value(void **state)
{
    (void)state;
    assert_edit("a: 0x10 # hex\n", "a", "16", "a: 0x10 # hex\n");
    assert_edit("a: 1e3\n", "a", "1000.0", "a: 1e3\n");
    assert_edit("a: {b: [1]}\n", "a", "{\"b\":[1]}", "a: {b: [1]}\n");
    assert_edit("x: &a [1]\nw: *a\n", "w", "[1]", "x: &a [1]\nw: *a\n");
}

static void adds_a_key_behind_the_last_one(void **state)
{
    (void)state;
    assert_edit("a: 1 # one\n# end\n", "b", "\"x\"", "a: 1 # one\nb: x\n# end\n");
    assert_edit("s:\n    a: 1\n\nt: 2\n", "s.b", "2", "s:\n    a: 1\n    b: 2\n\nt: 2\n");
    assert_edit("- a: 1\n- b\n", "[1].c", "3", "- a: 1\n  c: 3\n- b\n");
    assert_edit("a: |\n  x\n\nb:\n  c: 1\n", "b.d", "\"x\\ny\"",
                "a: |\n  x\n\nb:\n  c: 1\n  d: |-\n    x\n    y\n");
    assert_edit("a: |+\n  x\n\n", "b", "1", "a: |+\n  x\n\nb: 1\n");
    assert_edit("{a: 1}\n", "b", "\"x, y\"", "{a: 1, b: \"x, y\"}\n");
    assert_edit("{\n  \"a\": 1\n}\n", "b", "{\"c\":\"d\"}",
                "{\n  \"a\": 1,\n  \"b\": {\"c\": \"d\"}\n}\n");
    assert_edit("a: {b}\n", "a.b", "1", "a: {b: 1}\n");
}

static void fills_what_is_empty(void **state)
{
    (void)state;
    assert_edit("a: 1\nspec: # nothing\n", "spec.host", "\"h\"",
                "a: 1\nspec: # nothing\n  host: h\n");
    assert_edit("spec: {}  # nothing\n", "spec.host", "\"h\"", "spec:  # nothing\n  host: h\n");
    assert_edit("spec: ~\n", "spec[1]", "1", "spec:\n- 1\n");
    assert_edit("spec:\nb: 1\n", "spec", "2", "spec: 2\nb: 1\n");
    assert_edit("", "a.b", "1", "a:\n  b: 1\n");
    assert_edit("# only this\n", "a", "1", "# only this\na: 1\n");
    assert_edit("---\n# and this", "a", "1", "---\n# and this\na: 1\n");
}

static void makes_parents_in_the_document_s_layout(void **state)
{
    (void)state;
    assert_edit("a:\n    b: 1\n", "a.c.d", "1", "a:\n    b: 1\n    c:\n        d: 1\n");
    assert_edit("a:\n  - 1\n", "b.c", "[2]", "a:\n  - 1\nb:\n  c:\n    - 2\n");
    assert_edit("a: 1\n", "b[1].c", "2", "a: 1\nb:\n- c: 2\n");
    assert_edit("a: {b: 1}\n", "a.c.d", "2", "a: {b: 1, c: {d: 2}}\n");
}

static void appends_to_lists(void **state)
{
    (void)state;
    assert_edit("a:\n- x # c\n\nb: 1\n", "a[2]", "\"y\"", "a:\n- x # c\n- \"y\"\n\nb: 1\n");
    assert_edit("a:\n  -   x\n", "a[2]", "{\"p\":1,\"q\":[2]}",
                "a:\n  -   x\n  - p: 1\n    q:\n      - 2\n");
    assert_edit("a: [x]\n", "a[2]", "\"z\"", "a: [x, z]\n");
    assert_edit("- - a\n  - b\n- c\n", "[1][3]", "\"d\"", "- - a\n  - b\n  - d\n- c\n");
}

static void turns_scalars_into_collections_and_back(void **state)
{
    (void)state;
    assert_edit("a: 1 # c\nb: 2\n", "a", "{\"x\":[1]}", "a: # c\n  x:\n  - 1\nb: 2\n");
    assert_edit("a: # c\n  x: 1\n  y: 2\nb: 2\n", "a", "5", "a: 5 # c\nb: 2\n");
    assert_edit("a: &q # c\n  x: 1\nb: 2\n", "a", "5", "a: 5 # c\nb: 2\n");
    assert_edit("- a: 1\n  b: 2\n- c\n", "[1]", "\"x\"", "- x\n- c\n");
    assert_edit("- x # c\n- c\n", "[1]", "{\"a\":1,\"b\":2}", "- a: 1 # c\n  b: 2\n- c\n");
    assert_edit("a: | # c\n  x\n  y\n\nb: 2\n", "a", "1", "a: 1 # c\n\nb: 2\n");
    assert_edit("a: {b: 1}\n", "a.b", "{\"c\":1}", "a: {b: {c: 1}}\n");
    assert_edit("a: {b: {c: 1}}\n", "a.b", "1", "a: {b: 1}\n");
    assert_edit("a: [\n  1, # one\n  2\n]\nb: 1\n", "a", "[3]", "a:\n- 3\nb: 1\n");
}

static void removes_keys_and_elements_with_their_lines(void **state)
{
    (void)state;
    assert_edit("# h\na: 1 # x\n# of b\nb:\n  c: 1\nd: 2\n", "b", NULL,
                "# h\na: 1 # x\n# of b\nd: 2\n");
    assert_edit("- a: 1\n  b: 2\n", "[1].a", NULL, "- b: 2\n");
    assert_edit("- x\n- y\n- z\n", "[2]", NULL, "- x\n- z\n");
    assert_edit("- - x\n  - y\n", "[1][1]", NULL, "- - y\n");
    assert_edit("-\n  a: 1\n-\n  b: 2\n", "[2]", NULL, "-\n  a: 1\n");
    assert_edit("{a: 1, b: 2, c: 3}", "b", NULL, "{a: 1, c: 3}");
    assert_edit("{a: 1, b: 2}", "b", NULL, "{a: 1}");
    assert_edit("[1, 2]", "[1]", NULL, "[2]");
}

static void leaves_an_empty_collection_behind_the_last_one(void **state)
{
    (void)state;
    assert_edit("a: # c\n  b: 1\nd: 2\n", "a.b", NULL, "a: {} # c\nd: 2\n");
    assert_edit("a:\n- 1\n", "a[1]", NULL, "a: []\n");
    assert_edit("a: {b: 1}\n", "a.b", NULL, "a: {}\n");
    assert_edit("- a: 1\n- b\n", "[1].a", NULL, "- {}\n- b\n");
    assert_edit("a: 1\n", "a", NULL, "{}\n");
}

static void edits_one_document_of_many(void **state)
{
    (void)state;
    static const char text[] = "a: 1\n---\na: 2 # two\n---\na: 3\n";
    struct salvor_yaml_edit document;
    struct salvor_error err;
    assert_int_equal(salvor_yaml_edit_init(&document, text, strlen(text), 2, NULL), 0);
    assert_int_equal(edit(&document, "a", "22", NULL), 0);
    assert_int_equal(edit(&document, "b", "0", NULL), 0);
    assert_string_equal(document.text.data, "a: 1\n---\na: 22 # two\nb: 0\n---\na: 3\n");
    salvor_yaml_edit_release(&document);

    assert_int_equal(salvor_yaml_edit_init(&document, text, strlen(text), 0, &err), -1);
    assert_string_equal(err.message, "the text has 3 documents: say which one");
    salvor_yaml_edit_release(&document);
    assert_int_equal(salvor_yaml_edit_init(&document, text, strlen(text), 4, &err), -1);
    assert_string_equal(err.message, "no document 4: the text has 3");
    salvor_yaml_edit_release(&document);
}

static void refuses_what_would_show_elsewhere(void **state)
{
    (void)state;
    static const char text[] = "x: &a\n  k: 1\nw: *a\nz:\n  <<: *a\n";
    assert_refused(text, "x.k", "2", "Conflict",
                   "the anchor &a is repeated by an alias at line 3: the change would show there "
                   "too");
    assert_refused(text, "x", NULL, "Conflict",
                   "the anchor &a is repeated by an alias at line 3: the change would show there "
                   "too");
    assert_refused(text, "w.k", "2", "Conflict",
                   "the alias *a stands for a value at line 1: change it there");
    assert_refused(text, "z.k", NULL, "Conflict",
                   "the value comes from a merge (`<<`): change it where it stands");
    assert_edit(text, "w", "2", "x: &a\n  k: 1\nw: 2\nz:\n  <<: *a\n");
    assert_edit(text, "z.k", "2", "x: &a\n  k: 1\nw: *a\nz:\n  <<: *a\n  k: 2\n");
}

static void refuses_paths_that_lead_nowhere(void **state)
{
    (void)state;
    assert_refused("a: 1\n", "a.b", "2", "Conflict", "a is not a mapping");
    assert_refused("a: {b: 1}\n", "a[1]", "2", "Conflict", "a is not a list");
    assert_refused("a: [1]\n", "a[3]", "2", "NotFound", "a[3] is beyond the end of the list");
    assert_refused("a: 1\n", "b.c", NULL, "NotFound", "b is not there");
    assert_refused("a: 1\n", ".", NULL, "Invalid", "the root of a document cannot be removed");
}

static void refuses_what_it_cannot_do_safely(void **state)
{
    (void)state;
    /* Without the line of b the comment would be the third line of a. */
    assert_refused("a: |\n  x\nb: 1\n  # c\nd: 2\n", "b", NULL, "Internal",
                   "b cannot be changed in this text without touching more of it");
}

static void assert_position(const char *text, const char *path_text, size_t document, unsigned line,
                            unsigned column)
{
    struct salvor_yaml_edit edit;
    struct salvor_yaml_mark mark;
    json_t *path = make_path(path_text);
    assert_int_equal(salvor_yaml_edit_init(&edit, text, strlen(text), document, NULL), 0);
    assert_int_equal(salvor_yaml_position(&mark, &edit, path, NULL), 0);
    assert_int_equal(mark.line, line);
    assert_int_equal(mark.column, column);
    json_decref(path);
    salvor_yaml_edit_release(&edit);
}

static void tells_where_an_entry_begins(void **state)
{
    (void)state;
    const char *text = "# c\na:\n  'b': [1, {c: 2}]\nd: &x {e: 1}\nf: *x\ng: {<<: *x}\n";
    assert_position(text, ".", 0, 1, 0);
    assert_position(text, "a.b", 0, 2, 2);
    assert_position(text, "a.b[1]", 0, 2, 8);
    assert_position(text, "a.b[2].c", 0, 2, 12);
    assert_position(text, "f.e", 0, 3, 7);
    assert_position(text, "g.e", 0, 5, 0);
    assert_position(text, "a.x.y", 0, 1, 0);
    assert_position(text, "d.e.z[3]", 0, 3, 7);
    assert_position("", "a", 0, 0, 0);
    assert_position("a: 1\n---\na: 2\n", "a", 2, 2, 0);
}

static void parses_paths(void **state)
{
    (void)state;
    static const char *const paths[][2] = {
        {"a.b", "[\"a\",\"b\"]"},
        {"list[2].x", "[\"list\",2,\"x\"]"},
        {"[1][2]", "[1,2]"},
        {"a[\"b.c/d\"].e", "[\"a\",\"b.c/d\",\"e\"]"},
        {"a['x']", "[\"a\",\"x\"]"},
        {"x-y_z/\xc3\xa4", "[\"x-y_z/\xc3\xa4\"]"},
        {"", "[]"},
        {".", "[]"},
    };
    static const char *const bad[] = {"a..b", "a.",     ".a",  "a[0]",  "a[x]",
                                      "a[1",  "a[\"x]", "a b", "a[1]b", "a[99999999999]"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct salvor_buffer out = SALVOR_BUFFER_INIT(256);
        json_t *path = make_path(paths[i][0]);
        assert_int_equal(salvor_json_encode(&out, path, 0, NULL), 0);
        assert_string_equal(out.data, paths[i][1]);
        salvor_buffer_release(&out);
        json_decref(path);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct salvor_error err;
        json_t *source = json_string(bad[i]);
        json_t *path;
        if (salvor_yaml_path(&path, source, &err) == 0)
            fail_msg("%s is accepted", bad[i]);
        assert_string_equal(err.code, "Invalid");
        json_decref(source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_a_scalar_and_nothing_else),
        cmocka_unit_test(keeps_marks_line_ends_and_a_missing_last_one),
        cmocka_unit_test(knows_every_line_break_of_yaml),
        cmocka_unit_test(knows_keys_that_have_a_question_mark),
        cmocka_unit_test(finds_the_dash_of_an_element_among_comments),
        cmocka_unit_test(changes_nothing_for_an_equal_value),
        cmocka_unit_test(adds_a_key_behind_the_last_one),
        cmocka_unit_test(fills_what_is_empty),
        cmocka_unit_test(makes_parents_in_the_document_s_layout),
        cmocka_unit_test(appends_to_lists),
        cmocka_unit_test(turns_scalars_into_collections_and_back),
        cmocka_unit_test(removes_keys_and_elements_with_their_lines),
        cmocka_unit_test(leaves_an_empty_collection_behind_the_last_one),
        cmocka_unit_test(edits_one_document_of_many),
        cmocka_unit_test(refuses_what_would_show_elsewhere),
        cmocka_unit_test(refuses_paths_that_lead_nowhere),
        cmocka_unit_test(refuses_what_it_cannot_do_safely),
        cmocka_unit_test(tells_where_an_entry_begins),
        cmocka_unit_test(parses_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
