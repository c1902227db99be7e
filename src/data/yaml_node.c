#include "data/yaml_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/utf8.h"
#include "data/yaml.h"

/* Of one document. libyaml compares each with all others, and each tag with all of them. */
enum { TAG_DIRECTIVES_MAX = 100 };

/* Beside those of the text libyaml keeps the two that are understood. */
static bool has_too_many_directives(const struct salvor_yaml_parser *parser)
{
    const yaml_parser_t *source = &parser->parser;
    return source->tag_directives.top - source->tag_directives.start > TAG_DIRECTIVES_MAX + 2;
}

/*
 * Gives libyaml the text, and the line break that the last line may lack: kubectl reads by lines, so
 * that a block scalar which ends with the file ends with a line break there too.
 */
static int feed(void *data, unsigned char *buffer, size_t room, size_t *given)
{
    struct salvor_yaml_parser *parser = data;
    if (has_too_many_directives(parser)) /* syntax_error() says so */
        return 0;
    size_t left = parser->size - parser->fed;
    *given = left < room ? left : room;
    memcpy(buffer, parser->text + parser->fed, *given);
    parser->fed += *given;
    if (left == 0 && parser->lacks_break) {
        *buffer = '\n';
        *given = 1;
        parser->lacks_break = false;
    }
    return 1;
}

bool salvor_yaml_is_utf16(const char *text, size_t size)
{
    return size >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2));
}

int salvor_yaml_parser_init(struct salvor_yaml_parser *parser, const char *text, size_t size,
                            struct salvor_error *err)
{
    *parser = (struct salvor_yaml_parser){.text = text, .size = size};
    parser->lacks_break = size > 0 && text[size - 1] != '\n' && !salvor_yaml_is_utf16(text, size);
    if (size >= UINT32_MAX)
        return salvor_error_set(err, "TooLarge", "a YAML text of %zu bytes", size);
    if (!yaml_parser_initialize(&parser->parser))
        return salvor_error_memory(err);
    parser->is_open = true;
    yaml_parser_set_input(&parser->parser, feed, parser);
    return 0;
}

void salvor_yaml_parser_release(struct salvor_yaml_parser *parser)
{
    if (parser->is_open)
        yaml_parser_delete(&parser->parser);
    salvor_arena_release(&parser->arena);
    json_decref(parser->anchors);
    *parser = (struct salvor_yaml_parser){0};
}

int salvor_yaml_error(struct salvor_error *err, struct salvor_yaml_mark mark, const char *what)
{
    return salvor_error_set(err, "Invalid", "%s at line %u, column %u", what, mark.line + 1,
                            mark.column + 1);
}

static struct salvor_yaml_mark mark_of(yaml_mark_t mark)
{
    return (struct salvor_yaml_mark){(uint32_t)mark.index, (uint32_t)mark.line,
                                     (uint32_t)mark.column};
}

static int refuse_directives(struct salvor_yaml_parser *parser, yaml_mark_t mark)
{
    char what[64];
    snprintf(what, sizeof(what), "more than %d %%TAG directives", TAG_DIRECTIVES_MAX);
    return salvor_yaml_error(parser->err, mark_of(mark), what);
}

static int syntax_error(struct salvor_yaml_parser *parser)
{
    const yaml_parser_t *source = &parser->parser;
    if (has_too_many_directives(parser))
        return refuse_directives(parser, source->mark);
    size_t line = source->problem_mark.line + 1;
    size_t column = source->problem_mark.column + 1;
    if (source->error == YAML_MEMORY_ERROR)
        return salvor_error_memory(parser->err);
    if (source->error == YAML_READER_ERROR) {
        size_t offset = source->problem_offset;
        salvor_utf8_position(&line, &column, parser->text,
                             offset < parser->size ? offset : parser->size);
    }
    return salvor_error_set(parser->err, "Invalid", "%s%s%s at line %zu, column %zu",
                            source->context ? source->context : "", source->context ? ": " : "",
                            source->problem, line, column);
}

static int next_event(struct salvor_yaml_parser *parser, yaml_event_t *event)
{
    return yaml_parser_parse(&parser->parser, event) ? 0 : syntax_error(parser);
}

/* Copies a string of libyaml's that may be absent. */
static int copy_name(struct salvor_yaml_parser *parser, const char **out, const yaml_char_t *name)
{
    *out = NULL;
    if (name)
        *out = salvor_arena_copy(&parser->arena, name, strlen((const char *)name));
    return name && !*out ? salvor_error_memory(parser->err) : 0;
}

static int copy_scalar(struct salvor_yaml_parser *parser, struct salvor_yaml_node *node,
                       const yaml_event_t *event)
{
    node->scalar.is_plain = event->data.scalar.plain_implicit;
    node->scalar.size = event->data.scalar.length;
    node->scalar.text =
        salvor_arena_copy(&parser->arena, event->data.scalar.value, event->data.scalar.length);
    static const char quotes[] = {[YAML_SINGLE_QUOTED_SCALAR_STYLE] = '\'',
                                  [YAML_DOUBLE_QUOTED_SCALAR_STYLE] = '"',
                                  [YAML_LITERAL_SCALAR_STYLE] = '|',
                                  [YAML_FOLDED_SCALAR_STYLE] = '>'};
    node->quote = quotes[event->data.scalar.style];
    return node->scalar.text ? 0 : salvor_error_memory(parser->err);
}

static int resolve_alias(struct salvor_yaml_parser *parser, struct salvor_yaml_node *node,
                         const yaml_event_t *event)
{
    if (copy_name(parser, &node->scalar.text, event->data.alias.anchor) < 0)
        return -1;
    node->scalar.size = strlen(node->scalar.text);
    json_t *address = parser->anchors ? json_object_get(parser->anchors, node->scalar.text) : NULL;
    if (!address)
        return salvor_yaml_error(parser->err, node->start,
                                 "an alias without an anchor of its name");
    node->first = (struct salvor_yaml_node *)(intptr_t)json_integer_value(address);
    return 0;
}

static int remember_anchor(struct salvor_yaml_parser *parser, struct salvor_yaml_node *node)
{
    if (!node->anchor)
        return 0;
    if (!parser->anchors && !(parser->anchors = json_object()))
        return salvor_error_memory(parser->err);
    json_t *address = json_integer((json_int_t)(intptr_t)node);
    return json_object_set_new_nocheck(parser->anchors, node->anchor, address) < 0
               ? salvor_error_memory(parser->err)
               : 0;
}

/* Makes the node that begins with `event`, without its children. */
static int make_node(struct salvor_yaml_parser *parser, struct salvor_yaml_node **out,
                     const yaml_event_t *event)
{
    struct salvor_yaml_node *node = salvor_arena_take(&parser->arena, sizeof(*node));
    if (!node)
        return salvor_error_memory(parser->err);
    *out = node;
    *node = (struct salvor_yaml_node){.start = mark_of(event->start_mark),
                                      .end = mark_of(event->end_mark)};
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    int result = 0;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        result = copy_scalar(parser, node, event);
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        node->kind = SALVOR_YAML_SEQUENCE;
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        node->is_flow = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        node->kind = SALVOR_YAML_MAPPING;
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        node->is_flow = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    } else {
        node->kind = SALVOR_YAML_ALIAS;
        result = resolve_alias(parser, node, event);
    }
    if (result < 0 || copy_name(parser, &node->anchor, anchor) < 0 ||
        copy_name(parser, &node->scalar.tag, tag) < 0)
        return -1;
    return remember_anchor(parser, node);
}

static int read_children(struct salvor_yaml_parser *parser, struct salvor_yaml_node *node);

/* Reads one node with all below it: 1, or 0 when `end` came instead; *end_mark is its place. */
static int read_node(struct salvor_yaml_parser *parser, struct salvor_yaml_node **out,
                     yaml_event_type_t end, struct salvor_yaml_mark *end_mark)
{
    yaml_event_t event;
    if (next_event(parser, &event) < 0)
        return -1;
    yaml_event_type_t type = event.type;
    if (type == end)
        *end_mark = mark_of(event.end_mark);
    int result = type == end ? 0 : make_node(parser, out, &event) < 0 ? -1 : 1;
    yaml_event_delete(&event);
    if (result == 1 && (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT))
        result = read_children(parser, *out) < 0 ? -1 : 1;
    return result;
}

static int read_children(struct salvor_yaml_parser *parser, struct salvor_yaml_node *node)
{
    bool is_mapping = node->kind == SALVOR_YAML_MAPPING;
    struct salvor_yaml_node **link = &node->first;
    int result;
    if (parser->depth == SALVOR_YAML_DEPTH)
        return salvor_yaml_error(parser->err, node->start, "nested too deeply");
    parser->depth++;
    while ((result = read_node(parser, link,
                               is_mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT,
                               &node->end)) > 0) {
        link = &(*link)->next;
        node->count++;
    }
    parser->depth--;
    if (is_mapping)
        node->count /= 2;
    return result;
}

static int read_document(struct salvor_yaml_parser *parser, struct salvor_yaml_document *out)
{
    struct salvor_yaml_mark ignored;
    yaml_event_t event;
    if (read_node(parser, &out->root, YAML_NO_EVENT, &ignored) < 0 ||
        next_event(parser, &event) < 0)
        return -1;
    out->end = mark_of(event.start_mark);
    yaml_event_delete(&event);
    return 1;
}

int salvor_yaml_parse(struct salvor_yaml_parser *parser, struct salvor_yaml_document *out,
                      struct salvor_error *err)
{
    parser->err = err;
    salvor_arena_clear(&parser->arena);
    if (parser->anchors)
        json_object_clear(parser->anchors);
    for (;;) {
        yaml_event_t event;
        if (next_event(parser, &event) < 0)
            return -1;
        yaml_event_type_t type = event.type;
        yaml_mark_t start = event.start_mark;
        if (type == YAML_DOCUMENT_START_EVENT)
            *out =
                (struct salvor_yaml_document){.start = mark_of(event.start_mark),
                                              .is_explicit = !event.data.document_start.implicit};
        yaml_event_delete(&event);
        if (has_too_many_directives(parser))
            return refuse_directives(parser, start);
        if (type == YAML_DOCUMENT_START_EVENT)
            return read_document(parser, out);
        if (type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT) /* the end, or behind it */
            return 0;
    }
}
