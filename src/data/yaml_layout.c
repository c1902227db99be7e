#include "data/yaml_layout.h"

#include <string.h>

struct salvor_yaml_layout salvor_yaml_layout(const char *text, size_t size,
                                             struct salvor_yaml_cursor *cursor)
{
    struct salvor_yaml_layout layout = {
        .text = text, .size = size, .is_ascii = true, .cursor = cursor};
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        layout.bom = 3;
    for (size_t i = layout.bom; i < size && layout.is_ascii; i++)
        layout.is_ascii = (unsigned char)text[i] < 0x80;
    const char *line_feed = size ? memchr(text, '\n', size) : NULL;
    layout.has_crlf = line_feed && line_feed > text && line_feed[-1] == '\r';
    *cursor = (struct salvor_yaml_cursor){.offset = layout.bom};
    return layout;
}

static bool begins_character(const struct salvor_yaml_layout *layout, size_t offset)
{
    return offset == layout->size || ((unsigned char)layout->text[offset] & 0xc0) != 0x80;
}

size_t salvor_yaml_offset(const struct salvor_yaml_layout *layout, struct salvor_yaml_mark mark)
{
    size_t offset = layout->bom;
    if (layout->is_ascii) /* a mark may stand behind the line break that the parser added */
        return mark.index < layout->size - offset ? offset + mark.index : layout->size;
    struct salvor_yaml_cursor *at = layout->cursor;
    for (; at->character < mark.index && at->offset < layout->size; at->character++)
        do
            at->offset++;
        while (!begins_character(layout, at->offset));
    for (; at->character > mark.index; at->character--)
        do
            at->offset--;
        while (!begins_character(layout, at->offset));
    return at->offset;
}

/* The bytes of the line break at `offset`, or 0: those of YAML 1.1, all of which libyaml knows. */
static size_t break_size(const struct salvor_yaml_layout *layout, size_t offset)
{
    const char *text = layout->text + offset;
    size_t left = layout->size - offset;
    if (left >= 2 && (!memcmp(text, "\r\n", 2) || !memcmp(text, "\xc2\x85", 2)))
        return 2;
    if (left >= 3 && (!memcmp(text, "\xe2\x80\xa8", 3) || !memcmp(text, "\xe2\x80\xa9", 3)))
        return 3;
    return left >= 1 && (*text == '\n' || *text == '\r');
}

size_t salvor_yaml_break_before(const struct salvor_yaml_layout *layout, size_t offset)
{
    for (size_t size = 3; size > 0; size--)
        if (offset >= layout->bom + size && break_size(layout, offset - size) == size)
            return size;
    return 0;
}

size_t salvor_yaml_line_start(const struct salvor_yaml_layout *layout, size_t offset)
{
    while (offset > layout->bom && !salvor_yaml_break_before(layout, offset))
        offset--;
    return offset;
}

size_t salvor_yaml_line_end(const struct salvor_yaml_layout *layout, size_t offset)
{
    while (offset < layout->size && !break_size(layout, offset))
        offset++;
    return offset;
}

size_t salvor_yaml_next_line(const struct salvor_yaml_layout *layout, size_t offset)
{
    size_t end = salvor_yaml_line_end(layout, offset);
    return end + break_size(layout, end);
}

bool salvor_yaml_is_first_in_line(const struct salvor_yaml_layout *layout, size_t offset)
{
    while (offset > layout->bom && layout->text[offset - 1] == ' ')
        offset--;
    return offset == layout->bom || salvor_yaml_break_before(layout, offset);
}

/* The bytes of the white space at `offset`, or 0. */
static size_t blank_size(const struct salvor_yaml_layout *layout, size_t offset)
{
    size_t size = break_size(layout, offset);
    bool is_inner = offset < layout->size && strchr(" \t", layout->text[offset]);
    return size == 0 && is_inner ? 1 : size;
}

size_t salvor_yaml_skip(const struct salvor_yaml_layout *layout, size_t offset)
{
    size_t size = 1;
    for (; size > 0; offset += size) {
        size = blank_size(layout, offset);
        if (size == 0 && offset < layout->size && layout->text[offset] == '#')
            size = salvor_yaml_line_end(layout, offset) - offset;
    }
    return offset;
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

/* The bytes of the white space that ends at `offset`, or 0. */
static size_t blank_before(const struct salvor_yaml_layout *layout, size_t offset)
{
    size_t size = salvor_yaml_break_before(layout, offset);
    bool is_inner = offset > layout->bom && strchr(" \t", layout->text[offset - 1]);
    return size == 0 && is_inner ? 1 : size;
}

static bool is_blank(const struct salvor_yaml_layout *layout, size_t from, size_t to)
{
    size_t size = 1;
    while (to > from && size > 0)
        to -= size = blank_before(layout, to);
    return to <= from;
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
        size_t line = salvor_yaml_line_start(layout, end - salvor_yaml_break_before(layout, end));
        if (line <= header_end || !is_blank(layout, line, end))
            break;
        end = line;
    }
    return end > header_end ? end - salvor_yaml_break_before(layout, end) : end;
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
    if (start == end) /* an empty node may be where the next one begins */
        for (size_t size = 1; size > 0; end -= size)
            size = blank_before(layout, end);
    return end;
}

size_t salvor_yaml_line_behind(const struct salvor_yaml_layout *layout,
                               const struct salvor_yaml_node *node)
{
    size_t end = salvor_yaml_content_end(layout, node);
    return salvor_yaml_break_before(layout, end) ? end : salvor_yaml_next_line(layout, end);
}

/* The first `-`, `?` or key of a block collection: behind its anchor and tag. */
static size_t first_member(const struct salvor_yaml_layout *layout,
                           const struct salvor_yaml_node *collection)
{
    size_t offset = salvor_yaml_offset(layout, collection->start);
    bool has_properties = collection->anchor || collection->scalar.tag;
    while (has_properties && offset < layout->size && strchr("&!", layout->text[offset])) {
        while (offset < layout->size && !blank_size(layout, offset))
            offset++;
        offset = salvor_yaml_skip(layout, offset);
    }
    return offset;
}

size_t salvor_yaml_member_start(const struct salvor_yaml_layout *layout,
                                const struct salvor_yaml_node *collection,
                                const struct salvor_yaml_node *member)
{
    const struct salvor_yaml_node *before = collection->first;
    if (before == member)
        return first_member(layout, collection);
    while (before->next != member)
        before = before->next;
    return salvor_yaml_skip(layout, salvor_yaml_content_end(layout, before));
}

size_t salvor_yaml_column(const struct salvor_yaml_layout *layout,
                          const struct salvor_yaml_node *collection)
{
    size_t offset = first_member(layout, collection);
    return offset - salvor_yaml_line_start(layout, offset);
}

static bool is_block(const struct salvor_yaml_node *node, enum salvor_yaml_kind kind)
{
    return node->kind == kind && !node->is_flow && node->first;
}

/* Measures at the pairs of one mapping; tells what it found by clearing the request. */
static void measure(const struct salvor_yaml_layout *layout, const struct salvor_yaml_node *mapping,
                    size_t **map_step, size_t **list_step)
{
    size_t column = salvor_yaml_column(layout, mapping);
    for (const struct salvor_yaml_node *key = mapping->first; key; key = key->next->next) {
        const struct salvor_yaml_node *value = key->next;
        if (*map_step && is_block(value, SALVOR_YAML_MAPPING)) {
            **map_step = salvor_yaml_column(layout, value) - column;
            *map_step = NULL;
        } else if (*list_step && is_block(value, SALVOR_YAML_SEQUENCE)) {
            **list_step = salvor_yaml_column(layout, value) - column;
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
