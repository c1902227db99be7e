/*
 * The XML that stores answer with (S3, Azure), read whole into a flat list of elements: no tree of
 * small pieces of memory for a list of a thousand names. What such answers never have is refused: a
 * document type (and with it entities that grow, or name files), great depth, too many elements.
 */
#ifndef SALVOR_STORE_XML_H
#define SALVOR_STORE_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"

#define SALVOR_XML_DEPTH 32
#define SALVOR_XML_NODES ((size_t)1 << 20)

/*
 * An element, or an attribute, which stands in front of its element and is called "Element@name".
 * Prefixes of names, and the attributes that declare them, are left out.
 */
struct salvor_xml_node {
    uint32_t name, text; /* where in `text` of the document; each is ended by a NUL */
    uint32_t name_size, text_size;
    uint16_t depth; /* 0: the root */
    bool is_leaf;   /* has no elements in it; only then `text` is kept */
};

/* In the order of the document; what is in an element follows it and is deeper. */
struct salvor_xml {
    struct salvor_xml_node *nodes;
    size_t count, capacity;
    struct salvor_buffer text;
};

void salvor_xml_init(struct salvor_xml *xml);
void salvor_xml_release(struct salvor_xml *xml);

/*
 * Reads a document into an empty `xml`. Corrupt with the line for what is not well-formed, is cut
 * short or refused; TooLarge.
 */
int salvor_xml_read(struct salvor_xml *xml, const char *data, size_t size,
                    struct salvor_error *err);

#endif
