#include "data/yaml_splice.h"

#include <string.h>

#include "data/tree.h"
#include "data/yaml.h"
#include "data/yaml_cuts.h"
#include "data/yaml_flow.h"
#include "data/yaml_layout.h"
#include "data/yaml_node.h"
#include "data/yaml_place.h"
#include "data/yaml_style.h"

struct splicer {
    const struct salvor_yaml_splice *request;
    struct salvor_yaml_cuts cuts;
    struct salvor_yaml_cursor cursor; /* of the layout */
    struct salvor_yaml_parser parser;
    struct salvor_yaml_document document;
    size_t map_step;
    size_t list_step;
    struct salvor_error *err;
};

static int put(struct splicer *splicer, struct salvor_buffer *out, const char *text, size_t size)
{
    return salvor_buffer_append(out, text, size, splicer->err);
}

/* Writing */

/* Writes a value in block style at a column; `is_begun` when its first line is begun already. */
static int write_block(struct splicer *splicer, struct salvor_buffer *out, const json_t *value,
                       size_t column, bool is_begun)
{
    struct salvor_yaml_sink yaml;
    salvor_yaml_sink_init(&yaml, out);
    yaml.indent = column;
    yaml.map_step = splicer->map_step;
    yaml.list_step = splicer->list_step;
    yaml.is_begun = is_begun;
    return salvor_tree_send(&yaml.sink, value, splicer->err);
}

/* The collection of one: {key: value} or [value]; borrows nothing. */
static json_t *wrap(const json_t *step, const json_t *value)
{
    json_t *wrapper = json_is_string(step) ? json_object() : json_array();
    json_t *copy = json_incref((json_t *)value);
    int result = json_is_string(step)
                     ? json_object_setn_new_nocheck(wrapper, json_string_value(step),
                                                    json_string_length(step), copy)
                     : json_array_append_new(wrapper, copy);
    if (result == 0)
        return wrapper;
    json_decref(wrapper);
    return NULL;
}

/* The requested value below the steps of the path that are missing from `depth` on. */
static json_t *wrap_missing(const struct salvor_yaml_splice *request, size_t depth)
{
    json_t *value = json_incref((json_t *)request->value);
    for (size_t i = json_array_size(request->path); i > depth && value; i--) {
        json_t *wrapper = wrap(json_array_get(request->path, i - 1), value);
        json_decref(value);
        value = wrapper;
    }
    return value;
}

static bool has_json_keys(const struct salvor_yaml_node *node)
{
    return node->kind == SALVOR_YAML_MAPPING && node->first && node->first->quote == '"';
}

static int write_flow(struct splicer *splicer, struct salvor_buffer *out, const json_t *value,
                      const struct salvor_yaml_node *near)
{
    return salvor_yaml_flow(out, value, near && has_json_keys(near), splicer->err);
}

/* A string in the quotes that the old one has: 1, or 0 when that cannot be. */
static int write_quoted(struct splicer *splicer, struct salvor_buffer *out, const json_t *value,
                        char quote)
{
    const char *text = json_string_value(value);
    if (!text || (quote != '"' && quote != '\''))
        return 0;
    if (quote == '\'')
        return salvor_yaml_single_quote(out, text, json_string_length(value), splicer->err);
    return salvor_yaml_quote(out, text, json_string_length(value), splicer->err) < 0 ? -1 : 1;
}

/* The second try, the compact one, leaves the line break before what is taken out. */
static int insert_lines(struct splicer *splicer, size_t from, size_t to, const char *lines,
                        size_t size)
{
    return salvor_yaml_cut_lines(&splicer->cuts, from, to, lines, size,
                                 splicer->request->is_compact, splicer->err);
}

/* Replacing */

/* Where the value's slot begins: behind the `:` or the `-`. */
static size_t find_slot(struct splicer *splicer, const struct salvor_yaml_place *place)
{
    const struct salvor_yaml_layout *layout = &splicer->cuts.layout;
    if (!place->key)
        return salvor_yaml_member_start(layout, place->parent, place->node) + 1;
    size_t slot = salvor_yaml_skip(layout, salvor_yaml_content_end(layout, place->key));
    return slot < layout->size && layout->text[slot] == ':' ? slot + 1 : slot;
}

static bool is_block_scalar(const struct salvor_yaml_node *node)
{
    return node->quote == '|' || node->quote == '>';
}

/* Whether the value's lines are all below that of its key: a block collection or scalar. */
static bool is_below(struct splicer *splicer, const struct salvor_yaml_node *node, size_t slot)
{
    if (is_block_scalar(node))
        return true;
    if (node->kind == SALVOR_YAML_SCALAR || node->kind == SALVOR_YAML_ALIAS || node->is_flow)
        return false;
    const struct salvor_yaml_layout *layout = &splicer->cuts.layout;
    return salvor_yaml_line_end(layout, slot) < salvor_yaml_member_start(layout, node, node->first);
}

/* The end of what is the value's on the line of its key: anchor, tag, `|-`, but no comment. */
static size_t header_end(struct splicer *splicer, const struct salvor_yaml_node *node, size_t slot)
{
    const char *text = splicer->cuts.layout.text;
    size_t end = slot;
    if (!node->anchor && !node->scalar.tag && !is_block_scalar(node))
        return slot;
    size_t line_end = salvor_yaml_line_end(&splicer->cuts.layout, slot);
    while (end < line_end && !(text[end] == '#' && text[end - 1] == ' '))
        end++;
    while (end > slot && text[end - 1] == ' ')
        end--;
    return end;
}

/* What is below its key becomes `header` on the key's line and `body` below it. */
static int replace_below(struct splicer *splicer, const struct salvor_yaml_place *place,
                         size_t slot, const char *header, size_t header_size, const char *body,
                         size_t body_size)
{
    struct salvor_buffer *out =
        salvor_yaml_cut(&splicer->cuts, slot, header_end(splicer, place->node, slot));
    if (put(splicer, out, header, header_size) < 0)
        return -1;
    return insert_lines(splicer, salvor_yaml_next_line(&splicer->cuts.layout, slot),
                        salvor_yaml_line_behind(&splicer->cuts.layout, place->node), body,
                        body_size);
}

/* Any other value: `header` takes its place and `body` follows its last line. */
static int replace_inline(struct splicer *splicer, const struct salvor_yaml_place *place,
                          size_t slot, const char *header, size_t header_size, const char *body,
                          size_t body_size)
{
    const struct salvor_yaml_layout *layout = &splicer->cuts.layout;
    size_t start = salvor_yaml_offset(layout, place->node->start);
    size_t end = salvor_yaml_content_end(layout, place->node);
    bool is_empty = start >= end;
    size_t behind = is_empty ? salvor_yaml_next_line(layout, slot)
                             : salvor_yaml_line_behind(layout, place->node);
    size_t from = is_empty || !header_size ? slot : start;
    if (!is_empty && header_size) { /* the space before the value is there already */
        header++;
        header_size--;
    }
    if (put(splicer, salvor_yaml_cut(&splicer->cuts, from, is_empty ? slot : end), header,
            header_size) < 0)
        return -1;
    return body_size ? insert_lines(splicer, behind, behind, body, body_size) : 0;
}

/* Writes the value as a member of its parent: " header\n" and the lines of the body. */
static int write_member(struct splicer *splicer, struct salvor_buffer *out,
                        const struct salvor_yaml_place *place, const json_t *value)
{
    size_t column = salvor_yaml_column(&splicer->cuts.layout, place->parent);
    json_t *any = json_string("k");
    json_t *step = place->key ? any : NULL;
    json_t *wrapper = wrap(step, value);
    int result = wrapper ? write_block(splicer, out, wrapper, column, true)
                         : salvor_error_memory(splicer->err);
    if (result == 0)
        salvor_buffer_consume(out, place->key ? 2 : 1);
    json_decref(wrapper);
    json_decref(any);
    return result;
}

static int replace_in_block(struct splicer *splicer, const struct salvor_yaml_place *place,
                            const json_t *value)
{
    size_t slot = find_slot(splicer, place);
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SIZE_MAX / 2);
    int result = put(splicer, &text, " ", 1);
    int quoted = result < 0 ? -1 : write_quoted(splicer, &text, value, place->node->quote);
    if (quoted > 0) {
        result = put(splicer, &text, "\n", 1);
    } else if (quoted == 0 && splicer->request->is_compact) {
        result = write_flow(splicer, &text, value, NULL) < 0 ? -1 : put(splicer, &text, "\n", 1);
    } else if (quoted == 0) {
        salvor_buffer_clear(&text);
        result = write_member(splicer, &text, place, value);
    } else {
        result = -1;
    }
    if (result == 0) {
        size_t header = (size_t)(strchr(text.data, '\n') - text.data);
        const char *body = text.data + header + 1;
        size_t body_size = text.size - header - 1;
        result = is_below(splicer, place->node, slot)
                     ? replace_below(splicer, place, slot, text.data, header, body, body_size)
                     : replace_inline(splicer, place, slot, text.data, header, body, body_size);
    }
    salvor_buffer_release(&text);
    return result;
}

static int replace_in_flow(struct splicer *splicer, const struct salvor_yaml_place *place,
                           const json_t *value)
{
    const struct salvor_yaml_layout *layout = &splicer->cuts.layout;
    size_t start = salvor_yaml_offset(layout, place->node->start);
    size_t end = salvor_yaml_offset(layout, place->node->end);
    struct salvor_buffer *out = salvor_yaml_cut(&splicer->cuts, start, end);
    if (start == end && place->key) { /* `{a}` has not even a colon */
        size_t key_end = salvor_yaml_content_end(layout, place->key);
        const char *colon = memchr(layout->text + key_end, ':', start - key_end);
        if (put(splicer, out, ": ", colon ? 0 : 2) < 0 ||
            (colon && layout->text[start - 1] == ':' && put(splicer, out, " ", 1) < 0))
            return -1;
    }
    int quoted = write_quoted(splicer, out, value, place->node->quote);
    return quoted ? (quoted < 0 ? -1 : 0) : write_flow(splicer, out, value, place->parent);
}

/* A document that has no value yet gets one behind its comments. */
static int fill_document(struct splicer *splicer, const json_t *value)
{
    const struct salvor_yaml_layout *layout = &splicer->cuts.layout;
    size_t end =
        splicer->document.root ? salvor_yaml_offset(layout, splicer->document.end) : layout->size;
    bool is_open = end > layout->bom && !salvor_yaml_break_before(layout, end);
    struct salvor_buffer *out = salvor_yaml_cut(&splicer->cuts, end, end);
    if (is_open && put(splicer, out, "\n", 1) < 0)
        return -1;
    return write_block(splicer, out, value, 0, false);
}

static int replace_root(struct splicer *splicer, const json_t *value)
{
    const struct salvor_yaml_layout *layout = &splicer->cuts.layout;
    const struct salvor_yaml_node *root = splicer->document.root;
    if (!root || (root->kind == SALVOR_YAML_SCALAR && root->start.index == root->end.index))
        return fill_document(splicer, value);
    size_t start = salvor_yaml_offset(layout, root->start);
    size_t end = salvor_yaml_content_end(layout, root);
    struct salvor_buffer *out = salvor_yaml_cut(&splicer->cuts, start, end);
    if (splicer->request->is_compact || (root->is_flow && has_json_keys(root)))
        return write_flow(splicer, out, value, root);
    bool is_collection = json_object_size(value) || json_array_size(value);
    if (is_collection && !salvor_yaml_is_first_in_line(layout, start) &&
        put(splicer, out, "\n", 1) < 0)
        return -1;
    if (write_block(splicer, out, value, 0, false) < 0)
        return -1;
    out->data[--out->size] = '\0'; /* the line break of the old value stays */
    return 0;
}

static int replace(struct splicer *splicer, const struct salvor_yaml_place *place,
                   const json_t *value)
{
    if (!place->parent)
        return replace_root(splicer, value);
    if (place->parent->is_flow)
        return replace_in_flow(splicer, place, value);
    return replace_in_block(splicer, place, value);
}

/* Adding */

static int add_to_flow(struct splicer *splicer, const struct salvor_yaml_place *place,
                       const json_t *value)
{
    const struct salvor_yaml_layout *layout = &splicer->cuts.layout;
    const struct salvor_yaml_node *key;
    const struct salvor_yaml_node *last = salvor_yaml_last(place->parent, &key);
    bool is_mapping = place->parent->kind == SALVOR_YAML_MAPPING;
    size_t first = salvor_yaml_offset(layout, is_mapping ? key->start : last->start);
    size_t end = salvor_yaml_content_end(layout, last);
    struct salvor_buffer *out = salvor_yaml_cut(&splicer->cuts, end, end);
    int result = put(splicer, out, ",", 1);
    if (result == 0 && salvor_yaml_is_first_in_line(layout, first)) {
        size_t line = salvor_yaml_line_start(layout, first);
        if ((result = put(splicer, out, "\n", 1)) == 0)
            result = put(splicer, out, layout->text + line, first - line);
    } else if (result == 0) {
        result = put(splicer, out, " ", 1);
    }
    if (result == 0 && is_mapping) {
        const json_t *step = json_array_get(splicer->request->path, place->depth - 1);
        result = salvor_yaml_flow_string(out, json_string_value(step), json_string_length(step),
                                         has_json_keys(place->parent), splicer->err);
        if (result == 0)
            result = put(splicer, out, ": ", 2);
    }
    return result < 0 ? -1 : write_flow(splicer, out, value, place->parent);
}

static int write_compact_member(struct splicer *splicer, struct salvor_buffer *out,
                                const json_t *step, const json_t *value, size_t column)
{
    int result = 0;
    for (size_t i = 0; i < column && result == 0; i++)
        result = put(splicer, out, " ", 1);
    if (result == 0 && json_is_string(step))
        result = salvor_yaml_flow_string(out, json_string_value(step), json_string_length(step),
                                         false, splicer->err);
    if (result == 0)
        result = put(splicer, out, json_is_string(step) ? ": " : "- ", 2);
    if (result == 0)
        result = write_flow(splicer, out, value, NULL);
    return result < 0 ? -1 : put(splicer, out, "\n", 1);
}

static int add_to_block(struct splicer *splicer, const struct salvor_yaml_place *place,
                        const json_t *value)
{
    const json_t *step = json_array_get(splicer->request->path, place->depth - 1);
    size_t column = salvor_yaml_column(&splicer->cuts.layout, place->parent);
    size_t line = salvor_yaml_line_behind(&splicer->cuts.layout, place->parent);
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SIZE_MAX / 2);
    json_t *wrapper = wrap(step, value);
    int result;
    if (!wrapper)
        result = salvor_error_memory(splicer->err);
    else if (splicer->request->is_compact)
        result = write_compact_member(splicer, &text, step, value, column);
    else
        result = write_block(splicer, &text, wrapper, column, false);
    if (result == 0)
        result = insert_lines(splicer, line, line, text.data, text.size);
    json_decref(wrapper);
    salvor_buffer_release(&text);
    return result;
}

/* Removing */

/* The first member of a collection that begins behind a `- ` gives its place to the second. */
static int remove_from_block(struct splicer *splicer, const struct salvor_yaml_place *place)
{
    const struct salvor_yaml_layout *layout = &splicer->cuts.layout;
    const struct salvor_yaml_node *member = place->key ? place->key : place->node;
    size_t start = salvor_yaml_member_start(layout, place->parent, member);
    if (!salvor_yaml_is_first_in_line(layout, start)) {
        const struct salvor_yaml_node *next = place->node->next;
        salvor_yaml_cut(&splicer->cuts, start,
                        salvor_yaml_member_start(layout, place->parent, next));
        return 0;
    }
    return insert_lines(splicer, salvor_yaml_line_start(layout, start),
                        salvor_yaml_line_behind(layout, place->node), "", 0);
}

static int remove_from_flow(struct splicer *splicer, const struct salvor_yaml_place *place)
{
    const struct salvor_yaml_layout *layout = &splicer->cuts.layout;
    const struct salvor_yaml_node *member = place->key ? place->key : place->node;
    size_t start = salvor_yaml_offset(layout, member->start);
    size_t end = salvor_yaml_content_end(layout, place->node);
    if (place->node->next)
        end = salvor_yaml_offset(layout, place->node->next->start);
    else if (place->key && place->before)
        start = salvor_yaml_content_end(layout, place->before->next);
    else if (place->before)
        start = salvor_yaml_content_end(layout, place->before);
    salvor_yaml_cut(&splicer->cuts, start, end);
    return 0;
}

static int remove_place(struct splicer *splicer, struct salvor_yaml_place *place)
{
    if (place->parent->count > 1)
        return place->parent->is_flow ? remove_from_flow(splicer, place)
                                      : remove_from_block(splicer, place);
    /* The last member goes: what stays is the empty collection in the place of the old one. */
    json_t *empty = place->parent->kind == SALVOR_YAML_MAPPING ? json_object() : json_array();
    struct salvor_yaml_place parent = {.node = splicer->document.root};
    while (parent.node != place->parent)
        salvor_yaml_find_child(&parent, parent.node,
                               json_array_get(splicer->request->path, parent.depth));
    int result = empty ? replace(splicer, &parent, empty) : salvor_error_memory(splicer->err);
    json_decref(empty);
    return result;
}

/* All together */

static int find_document(struct splicer *splicer)
{
    const struct salvor_yaml_splice *request = splicer->request;
    if (salvor_yaml_parser_init(&splicer->parser, request->text, request->size, splicer->err) < 0)
        return -1;
    for (size_t i = 0; i <= request->document; i++) {
        int result = salvor_yaml_parse(&splicer->parser, &splicer->document, splicer->err);
        if (result < 0)
            return -1;
        if (result == 0) { /* no document at all */
            splicer->document = (struct salvor_yaml_document){0};
            return 0;
        }
    }
    return 0;
}

static int splice(struct splicer *splicer)
{
    const struct salvor_yaml_splice *request = splicer->request;
    struct salvor_yaml_place place;
    if (find_document(splicer) < 0 ||
        salvor_yaml_find_place(&place, splicer->document.root, request, splicer->err) < 0)
        return -1;
    bool is_found = place.node && place.depth == json_array_size(request->path);
    if (is_found)
        salvor_yaml_mark_edited(place.node);
    if (splicer->document.root) {
        if (salvor_yaml_check_aliases(splicer->document.root, splicer->err) < 0)
            return -1;
        salvor_yaml_steps(&splicer->cuts.layout, splicer->document.root, place.parent,
                          &splicer->map_step, &splicer->list_step);
    }
    if (!request->value)
        return remove_place(splicer, &place);
    json_t *value = wrap_missing(request, place.depth);
    if (!value)
        return salvor_error_memory(splicer->err);
    int result = place.node || !place.parent ? replace(splicer, &place, value)
                 : place.parent->is_flow     ? add_to_flow(splicer, &place, value)
                                             : add_to_block(splicer, &place, value);
    json_decref(value);
    return result;
}

int salvor_yaml_splice(struct salvor_buffer *out, const struct salvor_yaml_splice *request,
                       struct salvor_error *err)
{
    struct splicer splicer = {.request = request, .map_step = 2, .err = err};
    splicer.cuts.layout = salvor_yaml_layout(request->text, request->size, &splicer.cursor);
    int result = splice(&splicer);
    if (result == 0)
        result = salvor_yaml_apply_cuts(out, &splicer.cuts, err);
    salvor_yaml_release_cuts(&splicer.cuts);
    salvor_yaml_parser_release(&splicer.parser);
    return result;
}
