/* Where the nodes of a YAML text and its lines are, in bytes. For yaml_splice.c and its parts alone. */
#ifndef SALVOR_DATA_YAML_LAYOUT_H
#define SALVOR_DATA_YAML_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "data/yaml_node.h"

/* The character found last, from 0, and its byte: who asks next mostly asks for one nearby. */
struct salvor_yaml_cursor {
    size_t character;
    size_t offset;
};

struct salvor_yaml_layout {
    const char *text;
    size_t size;
    size_t bom; /* bytes of the byte order mark, which no mark counts */
    bool is_ascii;
    bool has_crlf;
    struct salvor_yaml_cursor *cursor; /* of a text that is not ASCII */
};

/* `cursor` must outlive it. The text is UTF-8. */
struct salvor_yaml_layout salvor_yaml_layout(const char *text, size_t size,
                                             struct salvor_yaml_cursor *cursor);

size_t salvor_yaml_offset(const struct salvor_yaml_layout *layout, struct salvor_yaml_mark mark);

/* The bytes of the line break that ends at `offset`, or 0. Lone \r, U+0085, U+2028 and U+2029 count. */
size_t salvor_yaml_break_before(const struct salvor_yaml_layout *layout, size_t offset);

/* Where the line that `offset` is in begins, where its line break begins, where the next begins. */
size_t salvor_yaml_line_start(const struct salvor_yaml_layout *layout, size_t offset);
size_t salvor_yaml_line_end(const struct salvor_yaml_layout *layout, size_t offset);
size_t salvor_yaml_next_line(const struct salvor_yaml_layout *layout, size_t offset);

/* Whether nothing but spaces stands between the start of the line and `offset`. */
bool salvor_yaml_is_first_in_line(const struct salvor_yaml_layout *layout, size_t offset);

/* The first byte from `offset` on that is neither white space nor of a comment. */
size_t salvor_yaml_skip(const struct salvor_yaml_layout *layout, size_t offset);

/*
 * Behind the last byte that belongs to the node: no comment, no blank line, and no line break except
 * behind a literal block that keeps its blank lines (`|+`).
 */
size_t salvor_yaml_content_end(const struct salvor_yaml_layout *layout,
                               const struct salvor_yaml_node *node);

/* The start of the line behind the node's content, or the end of the text. */
size_t salvor_yaml_line_behind(const struct salvor_yaml_layout *layout,
                               const struct salvor_yaml_node *node);

/* The `-`, the `?` or the key that a member of a block collection, an element or a key, begins with. */
size_t salvor_yaml_member_start(const struct salvor_yaml_layout *layout,
                                const struct salvor_yaml_node *collection,
                                const struct salvor_yaml_node *member);

/* The column, from 0, of the members of a block collection that is not empty. */
size_t salvor_yaml_column(const struct salvor_yaml_layout *layout,
                          const struct salvor_yaml_node *collection);

/* The last value of a collection; NULL when it is empty. *key is the last key of a mapping. */
const struct salvor_yaml_node *salvor_yaml_last(const struct salvor_yaml_node *collection,
                                                const struct salvor_yaml_node **key);

/*
 * How much deeper than their keys mappings and lists stand: as `near` does it, else as anything in
 * `root` does it, else as it was in the steps already.
 */
void salvor_yaml_steps(const struct salvor_yaml_layout *layout, const struct salvor_yaml_node *root,
                       const struct salvor_yaml_node *near, size_t *map_step, size_t *list_step);

#endif
