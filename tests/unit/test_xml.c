/* The XML of stores: what is read of it, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/xml.h"

static int read_text(struct salvor_xml *xml, const char *text, struct salvor_error *err)
{
    salvor_xml_init(xml);
    return salvor_xml_read(xml, text, strlen(text), err);
}

static void expect_node(const struct salvor_xml *xml, size_t i, int depth, const char *name,
                        const char *text)
{
    const struct salvor_xml_node *node = &xml->nodes[i];
    assert_true(i < xml->count);
    assert_int_equal(node->depth, depth);
    assert_string_equal(xml->text.data + node->name, name);
    assert_int_equal(node->is_leaf, text != NULL);
    assert_string_equal(xml->text.data + node->text, text ? text : "");
    assert_int_equal(node->text_size, text ? strlen(text) : 0);
}

static void expect_refusal(const char *text, const char *code, const char *message)
{
    struct salvor_xml xml;
    struct salvor_error err;
    assert_int_equal(read_text(&xml, text, &err), -1);
    assert_string_equal(err.code, code);
    if (!strstr(err.message, message))
        fail_msg("%s", err.message);
    salvor_xml_release(&xml);
}

static void reads_elements_in_their_order(void **state)
{
    (void)state;
    struct salvor_xml xml;
    assert_int_equal(
        read_text(&xml,
                  "<?xml version=\"1.0\"?>\n<r xmlns=\"http://x/\">\n"
                  "  <a> b &lt;&amp;&#x263a; </a>\n  <c><d/>left out</c><e></e>\n</r>\n",
                  NULL),
        0);
    assert_int_equal(xml.count, 5);
    expect_node(&xml, 0, 0, "r", NULL);
    expect_node(&xml, 1, 1, "a", " b <&\xe2\x98\xba ");
    expect_node(&xml, 2, 1, "c", NULL);
    expect_node(&xml, 3, 2, "d", "");
    expect_node(&xml, 4, 1, "e", "");
    salvor_xml_release(&xml);
}

static void keeps_attributes_and_drops_prefixes(void **state)
{
    (void)state;
    struct salvor_xml xml;
    assert_int_equal(read_text(&xml,
                               "<p:r xmlns:p='u'><p:Name Encoded=\"true\" p:x='y'>a%2F</p:Name>"
                               "<![CDATA[no]]></p:r>",
                               NULL),
                     0);
    expect_node(&xml, 1, 1, "Name@Encoded", "true");
    expect_node(&xml, 2, 1, "Name@x", "y");
    expect_node(&xml, 3, 1, "Name", "a%2F");
    salvor_xml_release(&xml);
}

static void refuses_document_types(void **state)
{
    (void)state;
    expect_refusal("<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>", "Corrupt",
                   "document type");
    expect_refusal("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "Corrupt", "document type");
    expect_refusal("<a>&unknown;</a>", "Corrupt", "line 1");
}

static void refuses_what_is_cut_short_or_broken(void **state)
{
    (void)state;
    expect_refusal("", "Corrupt", "not well-formed");
    expect_refusal("no XML", "Corrupt", "not well-formed");
    expect_refusal("<a><b>text", "Corrupt", "not well-formed");
    expect_refusal("<a></b>", "Corrupt", "not well-formed");
    expect_refusal("<a/><b/>", "Corrupt", "not well-formed");
    expect_refusal("<a>\n\n\x01</a>", "Corrupt", "line 3");
    expect_refusal("<a>\xff</a>", "Corrupt", "not well-formed");
}

static char *repeat(const char *text, size_t count, const char *before, const char *after)
{
    size_t size = strlen(text);
    char *out = malloc(strlen(before) + count * size + strlen(after) + 1);
    assert_non_null(out);
    strcpy(out, before);
    for (size_t i = 0; i < count; i++)
        memcpy(out + strlen(before) + i * size, text, size);
    strcpy(out + strlen(before) + count * size, after);
    return out;
}

static void has_ceilings(void **state)
{
    (void)state;
    char *deep = repeat("<a>", SALVOR_XML_DEPTH + 1, "", "");
    expect_refusal(deep, "Corrupt", "nested too deeply");
    free(deep);
    char *many = repeat("<a/>", SALVOR_XML_NODES, "<r>", "</r>");
    expect_refusal(many, "TooLarge", "too many elements");
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_elements_in_their_order),
        cmocka_unit_test(keeps_attributes_and_drops_prefixes),
        cmocka_unit_test(refuses_document_types),
        cmocka_unit_test(refuses_what_is_cut_short_or_broken),
        cmocka_unit_test(has_ceilings),
    };
    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
