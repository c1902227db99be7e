#include "data/yaml_cuts.h"

#include <stdint.h>
#include <string.h>

struct salvor_buffer *salvor_yaml_cut(struct salvor_yaml_cuts *cuts, size_t from, size_t to)
{
    struct salvor_yaml_one_cut *cut = &cuts->cuts[cuts->count++];
    *cut = (struct salvor_yaml_one_cut){from, to, SALVOR_BUFFER_INIT(SIZE_MAX / 2)};
    return &cut->insert;
}

int salvor_yaml_cut_lines(struct salvor_yaml_cuts *cuts, size_t from, size_t to, const char *lines,
                          size_t size, bool keep_break, struct salvor_error *err)
{
    const struct salvor_yaml_layout *layout = &cuts->layout;
    bool is_open = to == layout->size && to > layout->bom && !salvor_yaml_break_before(layout, to);
    if (!is_open || (size == 0 && keep_break))
        return salvor_buffer_append(salvor_yaml_cut(cuts, from, to), lines, size, err);
    if (from < to)
        from -= salvor_yaml_break_before(layout, from);
    struct salvor_buffer *out = salvor_yaml_cut(cuts, from, to);
    if (size == 0)
        return 0;
    if (salvor_buffer_append(out, "\n", 1, err) < 0)
        return -1;
    return salvor_buffer_append(out, lines, size - 1, err);
}

/* Appends new text with the line breaks that the document has. */
static int put_insert(struct salvor_buffer *out, const struct salvor_yaml_cuts *cuts,
                      const char *text, size_t size, struct salvor_error *err)
{
    const char *line_break = cuts->layout.has_crlf ? "\r\n" : "\n";
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;
        if (salvor_buffer_append(out, text, length, err) < 0 ||
            (end && salvor_buffer_append(out, line_break, strlen(line_break), err) < 0))
            return -1;
        length += end != NULL;
        text += length;
        size -= length;
    }
    return 0;
}

int salvor_yaml_apply_cuts(struct salvor_buffer *out, const struct salvor_yaml_cuts *cuts,
                           struct salvor_error *err)
{
    size_t at = 0;
    for (size_t i = 0; i < cuts->count; i++) {
        const struct salvor_yaml_one_cut *cut = &cuts->cuts[i];
        if (cut->from < at || cut->to < cut->from)
            return salvor_error_set(err, "Internal", "the changes of a text overlap");
        if (salvor_buffer_append(out, cuts->layout.text + at, cut->from - at, err) < 0 ||
            put_insert(out, cuts, cut->insert.data, cut->insert.size, err) < 0)
            return -1;
        at = cut->to;
    }
    return salvor_buffer_append(out, cuts->layout.text + at, cuts->layout.size - at, err);
}

void salvor_yaml_release_cuts(struct salvor_yaml_cuts *cuts)
{
    for (size_t i = 0; i < cuts->count; i++)
        salvor_buffer_release(&cuts->cuts[i].insert);
    cuts->count = 0;
}
