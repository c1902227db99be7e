/*
 * The documents of a YAML text as their author wrote them: nodes with their places, aliases not yet
 * replaced, scalars not yet interpreted. yaml_read.c makes values of them, yaml_edit.c changes the
 * text around them.
 */
#ifndef SALVOR_DATA_YAML_NODE_H
#define SALVOR_DATA_YAML_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <yaml.h>

#include "core/error.h"
#include "data/arena.h"
#include "data/yaml_scalar.h"

/* A place in the text, from 0, counted in characters behind a byte order mark, as libyaml does. */
struct salvor_yaml_mark {
    uint32_t index;
    uint32_t line;
    uint32_t column;
};

enum salvor_yaml_kind {
    SALVOR_YAML_SCALAR,
    SALVOR_YAML_SEQUENCE,
    SALVOR_YAML_MAPPING,
    SALVOR_YAML_ALIAS
};

struct salvor_yaml_node {
    struct salvor_yaml_node *next;  /* the next element; in a mapping key, value, key, value */
    struct salvor_yaml_node *first; /* of a collection; for an alias the node it stands for */
    struct salvor_yaml_scalar
        scalar; /* `tag` of collections too; the text of an alias is its name */
    const char *anchor;
    size_t count; /* elements, or pairs */
    struct salvor_yaml_mark start;
    struct salvor_yaml_mark end;
    enum salvor_yaml_kind kind : 8;
    bool is_flow;
    char quote;     /* of a scalar: 0 plain, ' or ", | or > */
    bool is_open;   /* being sent: an alias to it inside it has no end */
    bool is_edited; /* on the way to the place of an edit, or below it */
};

struct salvor_yaml_document {
    struct salvor_yaml_node *root;
    struct salvor_yaml_mark start; /* of its first line, or its `---` */
    struct salvor_yaml_mark end; /* where the next `---`, its own `...` or the end of the text is */
    bool is_explicit;            /* begins with a `---` */
};

struct salvor_yaml_parser {
    yaml_parser_t parser;
    const char *text;
    size_t size;
    size_t fed;                /* bytes that libyaml was given */
    bool lacks_break;          /* the last line has no end, and libyaml was not given one yet */
    struct salvor_arena arena; /* the nodes of the latest document */
    json_t *anchors;           /* name -> address of the node that bears it, the latest one */
    int depth;
    bool is_open;
    struct salvor_error *err;
};

bool salvor_yaml_is_utf16(const char *text, size_t size);

/* {0} owns nothing. The parser must stay where it is, and `text` must outlive it. */
int salvor_yaml_parser_init(struct salvor_yaml_parser *parser, const char *text, size_t size,
                            struct salvor_error *err);
void salvor_yaml_parser_release(struct salvor_yaml_parser *parser);

/*
 * The next document: 1, 0 at the end of the text, -1 on error (Invalid, with its place). It lives
 * until the parser is asked for another one.
 */
int salvor_yaml_parse(struct salvor_yaml_parser *parser, struct salvor_yaml_document *out,
                      struct salvor_error *err);

/* Sets an Invalid error at a place; returns -1. */
int salvor_yaml_error(struct salvor_error *err, struct salvor_yaml_mark mark, const char *what);

#endif
