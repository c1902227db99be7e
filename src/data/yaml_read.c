/* From the nodes of a document to its value: aliases, merges, equal keys. */
#include "data/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/tree.h"
#include "data/yaml_node.h"

/* The strings that aliases repeat, in bytes: a small text must not become a large value. */
#define ALIAS_BYTES_MAX ((size_t)64 << 20)

/* Up to so many keys are compared each with each, more are sorted. */
#define FEW_KEYS 12

struct pair {
    const char *key;
    size_t size;
    const struct salvor_yaml_node *key_node;
    struct salvor_yaml_node *value;
    size_t mapping;  /* which of the mappings that were put together it stands in */
    size_t order;    /* of equal keys the one that was collected last counts */
    bool is_aliased; /* came through an alias around the mapping it stands in */
};

/* The pairs of the mappings being sent, one behind the other. */
struct pairs {
    struct pair *list;
    size_t used;
    size_t capacity;
};

/* Owns all that reading needs, so that a sink may raise a Lua error: freeing it leaks nothing. */
struct salvor_yaml_reader {
    struct salvor_yaml_parser parser;
    struct pairs pairs;
};

struct sender {
    struct salvor_sink *sink;
    struct salvor_arena *arena;
    struct pairs *pairs;
    size_t mappings;    /* put together for the one being sent, itself and those that it merges */
    size_t orders;      /* given out in it */
    size_t nodes;       /* sent so far */
    size_t alias_nodes; /* of those, the ones that an alias repeated */
    size_t alias_bytes;
    int aliases; /* around the node being sent */
    int depth;
    struct salvor_error *err;
};

/* Adds the place to an error that was set without one. */
static int locate_error(struct sender *sender, struct salvor_yaml_mark mark)
{
    if (!sender->err || strcmp(sender->err->code, "Invalid") != 0)
        return -1;
    struct salvor_error cause = *sender->err;
    return salvor_yaml_error(sender->err, mark, cause.message);
}

/*
 * kubectl's bound: of all nodes at most 99% may come from aliases, falling to 10% between 400,000
 * and 4,000,000 nodes. It shares repeated strings and we do not, so their bytes are bounded too.
 */
static int count_node(struct sender *sender, const struct salvor_yaml_node *node)
{
    const double low = 400000, high = 4000000;
    sender->nodes++;
    if (!sender->aliases)
        return 0;
    sender->alias_nodes++;
    sender->alias_bytes += node->scalar.size;
    double nodes = (double)sender->nodes;
    double allowed = nodes <= low    ? 0.99
                     : nodes >= high ? 0.10
                                     : 0.99 - 0.89 * (nodes - low) / (high - low);
    if (sender->alias_bytes <= ALIAS_BYTES_MAX &&
        (sender->alias_nodes <= 100 || sender->nodes <= 1000 ||
         (double)sender->alias_nodes / nodes <= allowed))
        return 0;
    return salvor_yaml_error(sender->err, node->start, "the aliases repeat too much");
}

static int send_node(struct sender *sender, struct salvor_yaml_node *node);

static int send_scalar(struct sender *sender, const struct salvor_yaml_node *node)
{
    struct salvor_scalar scalar;
    if (salvor_yaml_resolve(&scalar, &node->scalar, sender->arena, sender->err) < 0)
        return locate_error(sender, node->start);
    return sender->sink->scalar(sender->sink, &scalar, sender->err);
}

static int send_sequence(struct sender *sender, struct salvor_yaml_node *node)
{
    if (sender->sink->begin(sender->sink, true, node->count, sender->err) < 0)
        return -1;
    for (struct salvor_yaml_node *element = node->first; element; element = element->next)
        if (send_node(sender, element) < 0)
            return -1;
    return sender->sink->end(sender->sink, sender->err);
}

static int copy_key(struct sender *sender, struct pair *pair, const char *text, size_t size)
{
    pair->size = size;
    pair->key = salvor_arena_copy(sender->arena, text, size);
    return pair->key ? 0 : salvor_error_memory(sender->err);
}

/* JSON keys are strings; a key with a tag or behind an alias is the text of its value. */
static int resolve_key(struct sender *sender, struct pair *pair,
                       const struct salvor_yaml_node *node)
{
    char text[SALVOR_YAML_KEY_SIZE];
    struct salvor_scalar value;
    if (node->kind == SALVOR_YAML_ALIAS)
        node = node->first;
    if (node->kind != SALVOR_YAML_SCALAR)
        return salvor_yaml_error(sender->err, pair->key_node->start,
                                 "a collection cannot be a key");
    struct salvor_yaml_scalar scalar = node->scalar;
    if (scalar.tag) {
        if (salvor_yaml_resolve(&value, &scalar, sender->arena, sender->err) < 0)
            return locate_error(sender, pair->key_node->start);
        if (value.type == SALVOR_STRING)
            return copy_key(sender, pair, value.text, value.size);
        scalar.tag = NULL;
        scalar.is_plain = true;
    }
    int result = salvor_yaml_resolve_key(text, &scalar, sender->err);
    if (result < 0)
        return locate_error(sender, pair->key_node->start);
    if (result > 0)
        return copy_key(sender, pair, text, strlen(text));
    pair->key = scalar.text;
    pair->size = scalar.size;
    return 0;
}

/* As in JSON here: what takes a key for a C string would see another one. */
static int check_key(struct sender *sender, const struct pair *pair)
{
    if (!memchr(pair->key, '\0', pair->size))
        return 0;
    return salvor_yaml_error(sender->err, pair->key_node->start,
                             "a key holds the character U+0000");
}

static int add_pair(struct sender *sender, const struct pair *pair)
{
    struct pairs *pairs = sender->pairs;
    if (pairs->used == pairs->capacity) {
        size_t capacity = pairs->capacity * 2 + 64;
        struct pair *list = realloc(pairs->list, capacity * sizeof(*list));
        if (!list)
            return salvor_error_memory(sender->err);
        pairs->list = list;
        pairs->capacity = capacity;
    }
    pairs->list[pairs->used++] = *pair;
    return 0;
}

static bool is_merge(const struct salvor_yaml_node *key)
{
    return key->kind == SALVOR_YAML_SCALAR && salvor_yaml_is_merge(&key->scalar);
}

static int collect_merge(struct sender *sender, struct salvor_yaml_node *value, bool may_be_list);

/*
 * Adds a mapping's pairs, where `<<` stands those that it merges. As in kubectl the place decides: a
 * merge takes precedence over what stands before it, and what stands behind over the merge.
 */
static int collect(struct sender *sender, const struct salvor_yaml_node *node)
{
    size_t mapping = sender->mappings++;
    for (struct salvor_yaml_node *key = node->first; key; key = key->next->next) {
        struct pair pair = {.key_node = key,
                            .value = key->next,
                            .mapping = mapping,
                            .is_aliased = sender->aliases > 0};
        int result = count_node(sender, key);
        if (result == 0 && is_merge(key)) {
            result = collect_merge(sender, key->next, true);
        } else if (result == 0 && (result = resolve_key(sender, &pair, key)) == 0 &&
                   (result = check_key(sender, &pair)) == 0) {
            pair.order = sender->orders++;
            result = add_pair(sender, &pair);
        }
        if (result < 0)
            return -1;
    }
    return 0;
}

/* Of a list of mappings the first counts most, so they are collected from the end. */
static int collect_merge_list(struct sender *sender, const struct salvor_yaml_node *list)
{
    struct salvor_yaml_node **elements =
        salvor_arena_take(sender->arena, (list->count + 1) * sizeof(*elements));
    if (!elements)
        return salvor_error_memory(sender->err);
    size_t count = 0;
    for (struct salvor_yaml_node *element = list->first; element; element = element->next)
        elements[count++] = element;
    while (count)
        if (collect_merge(sender, elements[--count], false) < 0)
            return -1;
    return 0;
}

/* The value of a `<<`: a mapping, or a list of mappings. */
static int collect_merge(struct sender *sender, struct salvor_yaml_node *value, bool may_be_list)
{
    bool is_alias = value->kind == SALVOR_YAML_ALIAS;
    struct salvor_yaml_node *source = is_alias ? value->first : value;
    if (source->is_open)
        return salvor_yaml_error(sender->err, value->start, "a merge of a mapping into itself");
    if (sender->depth == SALVOR_YAML_DEPTH)
        return salvor_yaml_error(sender->err, value->start, "nested too deeply");
    if (count_node(sender, value) < 0)
        return -1;
    int result;
    source->is_open = true;
    sender->aliases += is_alias;
    sender->depth++;
    if (source->kind == SALVOR_YAML_MAPPING)
        result = collect(sender, source);
    else if (value->kind == SALVOR_YAML_SEQUENCE && may_be_list)
        result = collect_merge_list(sender, source);
    else
        result = salvor_yaml_error(sender->err, value->start,
                                   "`<<` takes a mapping or a list of mappings, found another");
    sender->depth--;
    sender->aliases -= is_alias;
    source->is_open = false;
    return result;
}

static int same_key_error(struct sender *sender, const struct pair *one, const struct pair *other)
{
    const struct salvor_yaml_mark *a = &one->key_node->start;
    const struct salvor_yaml_mark *b = &other->key_node->start;
    char what[160];
    snprintf(what, sizeof(what), "the key \"%.100s\" comes twice", one->key);
    return salvor_yaml_error(sender->err, a->index > b->index ? *a : *b, what);
}

static int compare_keys(const struct pair *a, const struct pair *b)
{
    int order = memcmp(a->key, b->key, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare_pairs(const void *left, const void *right)
{
    const struct pair *a = left;
    const struct pair *b = right;
    int order = compare_keys(a, b);
    if (order == 0)
        order = (a->mapping > b->mapping) - (a->mapping < b->mapping);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

/* Leaves one pair of each key: the one collected last. Two of one mapping are an error. */
static int make_unique(struct sender *sender, size_t first, bool has_merges)
{
    struct pair *list = sender->pairs->list + first;
    size_t count = sender->pairs->used - first;
    if (!has_merges && count <= FEW_KEYS) {
        for (size_t i = 1; i < count; i++)
            for (size_t j = 0; j < i; j++)
                if (list[i].size == list[j].size && !memcmp(list[i].key, list[j].key, list[i].size))
                    return same_key_error(sender, &list[i], &list[j]);
        return 0;
    }
    qsort(list, count, sizeof(*list), compare_pairs);
    size_t kept = 1;
    size_t mapping = list[0].mapping; /* of the pair before, kept or not */
    for (size_t i = 1; i < count; i++) {
        struct pair *last = &list[kept - 1];
        if (compare_keys(&list[i], last) != 0)
            list[kept++] = list[i];
        else if (list[i].mapping == mapping)
            return same_key_error(sender, &list[i], last);
        else if (list[i].order > last->order)
            *last = list[i];
        mapping = list[i].mapping;
    }
    sender->pairs->used = first + kept;
    return 0;
}

static int send_mapping(struct sender *sender, struct salvor_yaml_node *node)
{
    size_t first = sender->pairs->used;
    sender->mappings = 0;
    sender->orders = 0;
    if (collect(sender, node) < 0)
        return -1;
    if (sender->pairs->used > first && make_unique(sender, first, sender->mappings > 1) < 0)
        return -1;
    size_t end = sender->pairs->used;
    if (sender->sink->begin(sender->sink, false, end - first, sender->err) < 0)
        return -1;
    for (size_t i = first; i < end; i++) {
        struct pair pair = sender->pairs->list[i];
        if (sender->sink->key(sender->sink, pair.key, pair.size, sender->err) < 0)
            return -1;
        sender->aliases += pair.is_aliased;
        if (send_node(sender, pair.value) < 0)
            return -1;
        sender->aliases -= pair.is_aliased;
    }
    sender->pairs->used = first;
    return sender->sink->end(sender->sink, sender->err);
}

static int send_collection(struct sender *sender, struct salvor_yaml_node *node)
{
    if (sender->depth == SALVOR_YAML_DEPTH)
        return salvor_yaml_error(sender->err, node->start, "nested too deeply");
    sender->depth++;
    node->is_open = true;
    int result = node->kind == SALVOR_YAML_MAPPING ? send_mapping(sender, node)
                                                   : send_sequence(sender, node);
    node->is_open = false;
    sender->depth--;
    return result;
}

static int send_alias(struct sender *sender, const struct salvor_yaml_node *node)
{
    if (node->first->is_open)
        return salvor_yaml_error(sender->err, node->start, "an anchor that contains itself");
    sender->aliases++;
    int result = send_node(sender, node->first);
    sender->aliases--;
    return result;
}

static int send_node(struct sender *sender, struct salvor_yaml_node *node)
{
    if (count_node(sender, node) < 0)
        return -1;
    switch (node->kind) {
    case SALVOR_YAML_SCALAR:
        return send_scalar(sender, node);
    case SALVOR_YAML_ALIAS:
        return send_alias(sender, node);
    case SALVOR_YAML_SEQUENCE:
    case SALVOR_YAML_MAPPING:
        break;
    }
    return send_collection(sender, node);
}

int salvor_yaml_reader_new(struct salvor_yaml_reader **out, const char *text, size_t size,
                           struct salvor_error *err)
{
    struct salvor_yaml_reader *reader = calloc(1, sizeof(*reader));
    *out = NULL;
    if (!reader)
        return salvor_error_memory(err);
    if (salvor_yaml_parser_init(&reader->parser, text, size, err) < 0) {
        free(reader);
        return -1;
    }
    *out = reader;
    return 0;
}

void salvor_yaml_reader_free(struct salvor_yaml_reader *reader)
{
    if (!reader)
        return;
    salvor_yaml_parser_release(&reader->parser);
    free(reader->pairs.list);
    free(reader);
}

int salvor_yaml_read_to(struct salvor_yaml_reader *reader, struct salvor_sink *sink,
                        struct salvor_error *err)
{
    struct salvor_yaml_document document;
    int result = salvor_yaml_parse(&reader->parser, &document, err);
    if (result <= 0)
        return result;
    struct sender sender = {
        .sink = sink, .arena = &reader->parser.arena, .pairs = &reader->pairs, .err = err};
    reader->pairs.used = 0;
    return send_node(&sender, document.root) < 0 ? -1 : 1;
}

int salvor_yaml_read(struct salvor_yaml_reader *reader, json_t **out, struct salvor_error *err)
{
    struct salvor_tree_sink tree;
    salvor_tree_sink_init(&tree, out);
    int result = salvor_yaml_read_to(reader, &tree.sink, err);
    if (result < 0) {
        json_decref(*out);
        *out = NULL;
    }
    return result;
}
