#include "store/xml.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#define TEXT_LIMIT ((size_t)256 << 20)

struct reader {
    XML_Parser parser;
    struct salvor_xml *xml;
    struct salvor_error *err;
    size_t leaf; /* number of the element whose text comes, and 1; 0: none */
    uint16_t depth;
    bool has_failed;
};

void salvor_xml_init(struct salvor_xml *xml)
{
    *xml = (struct salvor_xml){0};
    salvor_buffer_init(&xml->text, TEXT_LIMIT);
}

void salvor_xml_release(struct salvor_xml *xml)
{
    free(xml->nodes);
    salvor_buffer_release(&xml->text);
    salvor_xml_init(xml);
}

static void fail(struct reader *reader)
{
    reader->has_failed = true;
    XML_StopParser(reader->parser, XML_FALSE);
}

static void refuse(struct reader *reader, const char *code, const char *what)
{
    salvor_error_set(reader->err, code, "%s in line %lu of the XML", what,
                     (unsigned long)XML_GetCurrentLineNumber(reader->parser));
    fail(reader);
}

static struct salvor_xml_node *add_node(struct reader *reader)
{
    struct salvor_xml *xml = reader->xml;
    if (xml->count >= SALVOR_XML_NODES) {
        refuse(reader, "TooLarge", "too many elements");
        return NULL;
    }
    if (xml->count == xml->capacity) {
        size_t capacity = xml->capacity ? 2 * xml->capacity : 64;
        void *grown = realloc(xml->nodes, capacity * sizeof(*xml->nodes));
        if (!grown) {
            salvor_error_memory(reader->err);
            fail(reader);
            return NULL;
        }
        xml->nodes = grown;
        xml->capacity = capacity;
    }
    struct salvor_xml_node *node = &xml->nodes[xml->count++];
    *node = (struct salvor_xml_node){.depth = reader->depth, .is_leaf = true};
    return node;
}

/* After a failure expat may still deliver what it has read already. */
static int append(struct reader *reader, const char *data, size_t size)
{
    if (!reader->has_failed &&
        salvor_buffer_append(&reader->xml->text, data, size, reader->err) < 0)
        fail(reader);
    return reader->has_failed ? -1 : 0;
}

static const char *without_prefix(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon && colon[1] ? colon + 1 : name;
}

/* Makes an element or, with `attribute`, one of those; NULL after a failure. */
static struct salvor_xml_node *begin_node(struct reader *reader, const char *name,
                                          const char *attribute)
{
    struct salvor_xml_node *node = add_node(reader);
    if (!node)
        return NULL;
    node->name = (uint32_t)reader->xml->text.size;
    if (append(reader, name, strlen(name)) < 0 || (attribute && append(reader, "@", 1) < 0) ||
        (attribute && append(reader, attribute, strlen(attribute)) < 0))
        return NULL;
    node->name_size = (uint32_t)reader->xml->text.size - node->name;
    if (append(reader, "", 1) < 0)
        return NULL;
    node->text = (uint32_t)reader->xml->text.size;
    return node;
}

static int end_node(struct reader *reader, struct salvor_xml_node *node)
{
    node->text_size = (uint32_t)reader->xml->text.size - node->text;
    return append(reader, "", 1);
}

/* What stood before the first element in it is layout. */
static void drop_text_of_parent(struct reader *reader)
{
    if (!reader->leaf)
        return;
    struct salvor_xml_node *parent = &reader->xml->nodes[reader->leaf - 1];
    parent->is_leaf = false;
    reader->xml->text.size = parent->text;
    append(reader, "", 1);
    reader->leaf = 0;
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *reader = context;
    if (reader->has_failed)
        return;
    if (reader->depth >= SALVOR_XML_DEPTH) {
        refuse(reader, "Corrupt", "elements nested too deeply");
        return;
    }
    name = without_prefix(name);
    drop_text_of_parent(reader);
    for (; *attributes; attributes += 2) {
        if (!strncmp(attributes[0], "xmlns", 5))
            continue;
        struct salvor_xml_node *node = begin_node(reader, name, without_prefix(attributes[0]));
        if (!node || append(reader, attributes[1], strlen(attributes[1])) < 0 ||
            end_node(reader, node) < 0)
            return;
    }
    if (!begin_node(reader, name, NULL))
        return;
    reader->leaf = reader->xml->count;
    reader->depth++;
}

static void on_end(void *context, const XML_Char *name)
{
    struct reader *reader = context;
    (void)name;
    if (reader->has_failed)
        return;
    reader->depth--;
    if (reader->leaf)
        end_node(reader, &reader->xml->nodes[reader->leaf - 1]);
    reader->leaf = 0;
}

static void on_text(void *context, const XML_Char *text, int size)
{
    struct reader *reader = context;
    if (reader->leaf)
        append(reader, text, (size_t)size);
}

static void on_doctype(void *context, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public, int has_subset)
{
    (void)name, (void)system, (void)public, (void)has_subset;
    refuse(context, "Corrupt", "a document type, which no store sends,");
}

static int parse(struct reader *reader, const char *data, size_t size)
{
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    if (size > INT_MAX)
        return salvor_error_set(reader->err, "TooLarge", "XML of %zu bytes", size);
    if (XML_Parse(reader->parser, data, (int)size, 1) == XML_STATUS_OK)
        return 0;
    enum XML_Error code = XML_GetErrorCode(reader->parser);
    if (code == XML_ERROR_NO_MEMORY)
        return salvor_error_memory(reader->err);
    if (!reader->has_failed)
        salvor_error_set(reader->err, "Corrupt", "not well-formed XML: %s in line %lu",
                         XML_ErrorString(code),
                         (unsigned long)XML_GetCurrentLineNumber(reader->parser));
    return -1;
}

int salvor_xml_read(struct salvor_xml *xml, const char *data, size_t size, struct salvor_error *err)
{
    struct reader reader = {.xml = xml, .err = err};
    reader.parser = XML_ParserCreate(NULL);
    if (!reader.parser)
        return salvor_error_memory(err);
    int result = parse(&reader, data, size);
    XML_ParserFree(reader.parser);
    return result;
}
