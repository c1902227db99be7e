#include "data/yaml_layout.h"

#include <string.h>

struct salvor_yaml_layout salvor_yaml_layout(const char *text, size_t size)
{
    struct salvor_yaml_layout layout = {.text = text, .size = size, .is_ascii = true};
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        layout.bom = 3;
    for (size_t i = layout.bom; i < size && layout.is_ascii; i++)
        layout.is_ascii = (unsigned char)text[i] < 0x80;
    const char *line_feed = size ? memchr(text, '\n', size) : NULL;
    layout.has_crlf = line_feed && line_feed > text && line_feed[-1] == '\r';
    return layout;
}

size_t salvor_yaml_offset(const struct salvor_yaml_layout *layout, struct salvor_yaml_mark mark)
{
    size_t offset = layout->bom;
    if (layout->is_ascii) /* a mark may stand behind the line break that the parser added */
        return mark.index < layout->size - offset ? offset + mark.index : layout->size;
    for (size_t characters = 0; offset < layout->size; offset++) {
        bool begins = ((unsigned char)layout->text[offset] & 0xc0) != 0x80;
        if (begins && characters++ == mark.index)
            break;
    }
    return offset;
}

size_t salvor_yaml_line_start(const struct salvor_yaml_layout *layout, size_t offset)
{
    while (offset > layout->bom && layout->text[offset - 1] != '\n')
        offset--;
    return offset;
}

size_t salvor_yaml_line_end(const struct salvor_yaml_layout *layout, size_t offset)
{
    while (offset < layout->size && layout->text[offset] != '\n' &&
           !(layout->text[offset] == '\r' && layout->text[offset + 1] == '\n'))
        offset++;
    return offset;
}

size_t salvor_yaml_next_line(const struct salvor_yaml_layout *layout, size_t offset)
{
    while (offset < layout->size && layout->text[offset] != '\n')
        offset++;
    return offset < layout->size ? offset + 1 : offset;
}

bool salvor_yaml_is_first_in_line(const struct salvor_yaml_layout *layout, size_t offset)
{
    while (offset > layout->bom && layout->text[offset - 1] == ' ')
        offset--;
    return offset == layout->bom || layout->text[offset - 1] == '\n';
}

const struct salvor_yaml_node *salvor_yaml_last(const struct salvor_yaml_node *collection,
                                                const struct salvor_yaml_node **key)
{
    const struct salvor_yaml_node *last = collection->first;
    const struct salvor_yaml_node *before = NULL;
    while (last && last->next) {
        before = last;
        last = last->next;
    }
    if (key)
        *key = before;
    return last;
}

static bool is_blank(const struct salvor_yaml_layout *layout, size_t from, size_t to)
{
    while (from < to && strchr(" \t\r\n", layout->text[from]))
        from++;
    return from == to;
}

/* The blank lines behind a block scalar are part of it only when its header says so. */
static size_t block_scalar_end(const struct salvor_yaml_layout *layout, size_t start, size_t end)
{
    size_t header_end = salvor_yaml_line_end(layout, start);
    size_t comment = start;
    while (comment < header_end && layout->text[comment] != '#')
        comment++;
    if (memchr(layout->text + start, '+', comment - start))
        return end;
    while (end > header_end) {
        size_t line = salvor_yaml_line_start(layout, layout->text[end - 1] == '\n' ? end - 1 : end);
        if (line <= header_end || !is_blank(layout, line, end))
            break;
        end = line;
    }
    if (end > header_end && layout->text[end - 1] == '\n')
        end--;
    if (end > header_end && layout->text[end - 1] == '\r')
        end--;
    return end;
}

size_t salvor_yaml_content_end(const struct salvor_yaml_layout *layout,
                               const struct salvor_yaml_node *node)
{
    while (node->first && !node->is_flow && node->kind != SALVOR_YAML_ALIAS)
        node = salvor_yaml_last(node, NULL);
    size_t start = salvor_yaml_offset(layout, node->start);
    size_t end = salvor_yaml_offset(layout, node->end);
    if (node->quote == '|' || node->quote == '>')
        return block_scalar_end(layout, start, end);
    while (start == end && end > layout->bom && is_blank(layout, end - 1, end))
        start = --end; /* an empty node is where the next one begins */
    return end;
}

size_t salvor_yaml_line_behind(const struct salvor_yaml_layout *layout,
                               const struct salvor_yaml_node *node)
{
    size_t end = salvor_yaml_content_end(layout, node);
    if (end > layout->bom && layout->text[end - 1] == '\n')
        return end;
    return salvor_yaml_next_line(layout, end);
}

size_t salvor_yaml_dash(const struct salvor_yaml_layout *layout,
                        const struct salvor_yaml_node *element)
{
    size_t offset = salvor_yaml_offset(layout, element->start);
    while (offset > layout->bom) {
        size_t line = salvor_yaml_line_start(layout, offset);
        /* Backwards through this line for a dash with white space around it ... */
        for (size_t at = offset; at-- > line;)
            if (layout->text[at] == '-' && (at == line || layout->text[at - 1] == ' ') &&
                is_blank(layout, at + 1, offset))
                return at;
        /* ... and else, the dash being alone on its line or before a comment, in the one before. */
        if (line == layout->bom)
            break;
        offset = line - 1;
        size_t start = salvor_yaml_line_start(layout, offset);
        size_t first = start;
        while (first < offset && layout->text[first] == ' ')
            first++;
        if (layout->text[first] == '-' && strchr(" \r\n", layout->text[first + 1]))
            return first;
    }
    return offset;
}

size_t salvor_yaml_column(const struct salvor_yaml_layout *layout,
                          const struct salvor_yaml_node *collection)
{
    if (collection->kind == SALVOR_YAML_MAPPING)
        return collection->first->start.column;
    size_t dash = salvor_yaml_dash(layout, collection->first);
    return dash - salvor_yaml_line_start(layout, dash);
}

static bool is_block(const struct salvor_yaml_node *node, enum salvor_yaml_kind kind)
{
    return node->kind == kind && !node->is_flow && node->first;
}

/* Measures at the pairs of one mapping; tells what it found by clearing the request. */
static void measure(const struct salvor_yaml_layout *layout, const struct salvor_yaml_node *mapping,
                    size_t **map_step, size_t **list_step)
{
    for (const struct salvor_yaml_node *key = mapping->first; key; key = key->next->next) {
        const struct salvor_yaml_node *value = key->next;
        if (*map_step && is_block(value, SALVOR_YAML_MAPPING)) {
            **map_step = salvor_yaml_column(layout, value) - key->start.column;
            *map_step = NULL;
        } else if (*list_step && is_block(value, SALVOR_YAML_SEQUENCE)) {
            **list_step = salvor_yaml_column(layout, value) - key->start.column;
            *list_step = NULL;
        }
    }
}

static void measure_all(const struct salvor_yaml_layout *layout,
                        const struct salvor_yaml_node *node, size_t **map_step, size_t **list_step)
{
    if (node->kind == SALVOR_YAML_ALIAS || node->is_flow || (!*map_step && !*list_step))
        return;
    if (node->kind == SALVOR_YAML_MAPPING)
        measure(layout, node, map_step, list_step);
    for (const struct salvor_yaml_node *child = node->first; child; child = child->next)
        measure_all(layout, child, map_step, list_step);
}

void salvor_yaml_steps(const struct salvor_yaml_layout *layout, const struct salvor_yaml_node *root,
                       const struct salvor_yaml_node *near, size_t *map_step, size_t *list_step)
{
    if (near && is_block(near, SALVOR_YAML_MAPPING))
        measure(layout, near, &map_step, &list_step);
    measure_all(layout, root, &map_step, &list_step);
}
