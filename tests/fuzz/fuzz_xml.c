/* Whatever is read as XML is a list of elements that hang together, with texts that are in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct salvor_xml *xml, uint32_t at, uint32_t size)
{
    if (at > xml->text.size || size >= xml->text.size - at || xml->text.data[at + size] ||
        memchr(xml->text.data + at, 0, size))
        abort();
}

static void check(const struct salvor_xml *xml)
{
    if (!xml->count)
        abort();
    for (size_t i = 0; i < xml->count; i++) {
        const struct salvor_xml_node *node = &xml->nodes[i];
        check_text(xml, node->name, node->name_size);
        check_text(xml, node->text, node->text_size);
        if (!node->name_size || node->depth > SALVOR_XML_DEPTH)
            abort();
        const struct salvor_xml_node *next = i + 1 < xml->count ? node + 1 : NULL;
        if (next && next->depth > node->depth + (node->is_leaf ? 0 : 1))
            abort();
        if (!node->is_leaf && (!next || next->depth != node->depth + 1))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct salvor_xml xml;
    struct salvor_error err;
    salvor_xml_init(&xml);
    if (salvor_xml_read(&xml, (const char *)data, size, &err) == 0)
        check(&xml);
    else if (strcmp(err.code, "Corrupt") != 0 && strcmp(err.code, "TooLarge") != 0)
        abort();
    salvor_xml_release(&xml);
    return 0;
}
