/*
 * The YAML writer. Ours and not libyaml's emitter, because that one takes half as long as libyaml's
 * parser, more than twice of what this takes (it analyses each scalar character by character), and
 * because it decides by its own rules what may stay plain, which are not those of every reader.
 *
 * The look is kubectl's: block style, lists not indented below their key, literal blocks for texts
 * of several lines.
 */
#include "data/yaml.h"

#include <stdio.h>
#include <string.h>

#include "data/tree.h"
#include "data/yaml_style.h"

static int put(struct salvor_yaml_sink *yaml, const char *text, size_t size,
               struct salvor_error *err)
{
    return salvor_buffer_append(yaml->out, text, size, err);
}

static int put_indent(struct salvor_yaml_sink *yaml, size_t width, struct salvor_error *err)
{
    if (salvor_buffer_reserve(yaml->out, width, err) < 0)
        return -1;
    memset(yaml->out->data + yaml->out->size, ' ', width);
    yaml->out->size += width;
    yaml->out->data[yaml->out->size] = '\0';
    return 0;
}

static struct salvor_yaml_level *innermost(struct salvor_yaml_sink *yaml)
{
    return yaml->depth ? &yaml->levels[yaml->depth - 1] : NULL;
}

/* The start of the line of a key or an element. */
static int begin_line(struct salvor_yaml_sink *yaml, struct salvor_error *err)
{
    struct salvor_yaml_level *level = innermost(yaml);
    if (!level->is_begun)
        return put_indent(yaml, level->indent, err);
    level->is_begun = false;
    return 0;
}

/* A literal block, its lines indented by `indent`; it ends its last line. */
static int put_literal(struct salvor_yaml_sink *yaml, const char *text, size_t size, size_t indent,
                       struct salvor_error *err)
{
    bool ends = text[size - 1] == '\n';
    bool more = ends && size > 1 && text[size - 2] == '\n';
    const char *header = more ? "|+\n" : ends ? "|\n" : "|-\n";
    if (put(yaml, header, strlen(header), err) < 0)
        return -1;
    const char *end = text + size;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((stop ? stop : end) - text);
        if ((length && put_indent(yaml, indent, err) < 0) || put(yaml, text, length, err) < 0 ||
            put(yaml, "\n", 1, err) < 0)
            return -1;
        text += length + 1;
    }
    return 0;
}

/* A string and the end of its line. */
static int put_string(struct salvor_yaml_sink *yaml, const char *text, size_t size,
                      struct salvor_error *err)
{
    const struct salvor_yaml_level *level = innermost(yaml);
    int result = -1;
    switch (salvor_yaml_style(text, size)) {
    case SALVOR_YAML_LITERAL:
        return put_literal(yaml, text, size,
                           level ? level->indent + (level->is_list ? 2 : yaml->map_step)
                                 : yaml->indent + yaml->map_step,
                           err);
    case SALVOR_YAML_PLAIN:
        result = put(yaml, text, size, err);
        break;
    case SALVOR_YAML_QUOTED:
        result = salvor_yaml_quote(yaml->out, text, size, err);
        break;
    }
    return result < 0 ? -1 : put(yaml, "\n", 1, err);
}

/* What comes before a scalar or an empty collection. */
static int begin_value(struct salvor_yaml_sink *yaml, struct salvor_error *err)
{
    const struct salvor_yaml_level *level = innermost(yaml);
    if (!level)
        return 0;
    if (!level->is_list)
        return put(yaml, " ", 1, err);
    return begin_line(yaml, err) < 0 ? -1 : put(yaml, "- ", 2, err);
}

static int yaml_scalar(struct salvor_sink *sink, const struct salvor_scalar *scalar,
                       struct salvor_error *err)
{
    struct salvor_yaml_sink *yaml = (struct salvor_yaml_sink *)sink;
    char number[SALVOR_JSON_REAL_SIZE + 2];
    if (begin_value(yaml, err) < 0)
        return -1;
    switch (scalar->type) {
    case SALVOR_NULL:
        return put(yaml, "null\n", 5, err);
    case SALVOR_BOOLEAN:
        return scalar->integer ? put(yaml, "true\n", 5, err) : put(yaml, "false\n", 6, err);
    case SALVOR_STRING:
        return put_string(yaml, scalar->text, scalar->size, err);
    case SALVOR_INTEGER:
        snprintf(number, sizeof(number), "%lld\n", (long long)scalar->integer);
        break;
    case SALVOR_REAL:
        salvor_yaml_format_real(number, scalar->real);
        strcat(number, "\n");
        break;
    }
    return put(yaml, number, strlen(number), err);
}

static int yaml_begin(struct salvor_sink *sink, bool is_list, size_t count,
                      struct salvor_error *err)
{
    struct salvor_yaml_sink *yaml = (struct salvor_yaml_sink *)sink;
    const struct salvor_yaml_level *parent = innermost(yaml);
    struct salvor_yaml_level level = {.is_list = is_list, .is_empty = count == 0};
    int result = 0;
    if (level.is_empty) {
        result = begin_value(yaml, err);
        if (result == 0)
            result = put(yaml, is_list ? "[]\n" : "{}\n", 3, err);
    } else if (parent && parent->is_list) {
        result = begin_value(yaml, err);
        level.is_begun = true;
        level.indent = parent->indent + 2;
    } else if (parent) {
        result = put(yaml, "\n", 1, err);
        level.indent = parent->indent + (is_list ? yaml->list_step : yaml->map_step);
    } else {
        level.is_begun = yaml->is_begun;
        level.indent = yaml->indent;
    }
    yaml->levels[yaml->depth++] = level;
    return result;
}

static int yaml_key(struct salvor_sink *sink, const char *text, size_t size,
                    struct salvor_error *err)
{
    struct salvor_yaml_sink *yaml = (struct salvor_yaml_sink *)sink;
    bool is_long = size > SALVOR_YAML_SIMPLE_KEY;
    if (begin_line(yaml, err) < 0 || (is_long && put(yaml, "? ", 2, err) < 0))
        return -1;
    int result = salvor_yaml_style(text, size) == SALVOR_YAML_PLAIN
                     ? put(yaml, text, size, err)
                     : salvor_yaml_quote(yaml->out, text, size, err);
    if (result == 0 && is_long && (result = put(yaml, "\n", 1, err)) == 0)
        result = put_indent(yaml, innermost(yaml)->indent, err);
    return result < 0 ? -1 : put(yaml, ":", 1, err);
}

static int yaml_end(struct salvor_sink *sink, struct salvor_error *err)
{
    (void)err;
    ((struct salvor_yaml_sink *)sink)->depth--;
    return 0;
}

void salvor_yaml_sink_init(struct salvor_yaml_sink *yaml, struct salvor_buffer *out)
{
    yaml->sink = (struct salvor_sink){yaml_scalar, yaml_begin, yaml_key, yaml_end};
    yaml->out = out;
    yaml->indent = yaml->list_step = 0;
    yaml->map_step = 2;
    yaml->is_begun = false;
    yaml->depth = 0;
}

int salvor_yaml_write(struct salvor_buffer *out, const json_t *value, struct salvor_error *err)
{
    struct salvor_yaml_sink yaml;
    salvor_yaml_sink_init(&yaml, out);
    return salvor_tree_send(&yaml.sink, value, err);
}
