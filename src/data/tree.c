#include "data/tree.h"

#include "data/members.h"

struct source {
    struct salvor_sink *sink;
    struct salvor_members members;
    int depth;
    struct salvor_error *err;
};

static int send_value(struct source *source, const json_t *value);

static int send_list(struct source *source, const json_t *array)
{
    size_t count = json_array_size(array);
    if (source->sink->begin(source->sink, true, count, source->err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (send_value(source, json_array_get(array, i)) < 0)
            return -1;
    return source->sink->end(source->sink, source->err);
}

static int send_map(struct source *source, const json_t *object)
{
    size_t first;
    size_t count = json_object_size(object);
    if (salvor_members_take(&first, &source->members, object, source->err) < 0 ||
        source->sink->begin(source->sink, false, count, source->err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct salvor_member member = source->members.list[first + i];
        if (source->sink->key(source->sink, member.key, member.size, source->err) < 0 ||
            send_value(source, member.value) < 0)
            return -1;
    }
    salvor_members_give(&source->members, first);
    return source->sink->end(source->sink, source->err);
}

static int send_collection(struct source *source, const json_t *value)
{
    if (source->depth == SALVOR_JSON_DEPTH)
        return salvor_error_set(source->err, "Invalid", "nested more than %d deep",
                                SALVOR_JSON_DEPTH);
    source->depth++;
    int result = json_is_array(value) ? send_list(source, value) : send_map(source, value);
    source->depth--;
    return result;
}

static int send_value(struct source *source, const json_t *value)
{
    struct salvor_scalar scalar = {.type = SALVOR_NULL};
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return send_collection(source, value);
    case JSON_STRING:
        scalar.type = SALVOR_STRING;
        scalar.text = json_string_value(value);
        scalar.size = json_string_length(value);
        break;
    case JSON_INTEGER:
        scalar.type = SALVOR_INTEGER;
        scalar.integer = json_integer_value(value);
        break;
    case JSON_REAL:
        scalar.type = SALVOR_REAL;
        scalar.real = json_real_value(value);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        scalar.type = SALVOR_BOOLEAN;
        scalar.integer = json_is_true(value);
        break;
    case JSON_NULL:
        break;
    }
    return source->sink->scalar(source->sink, &scalar, source->err);
}

int salvor_tree_send(struct salvor_sink *sink, const json_t *value, struct salvor_error *err)
{
    struct source source = {.sink = sink, .err = err};
    int result = send_value(&source, value);
    salvor_members_release(&source.members);
    return result;
}

/* Puts a new value where the tree is being filled; the tree owns it even when this fails. */
static int attach(struct salvor_tree_sink *tree, json_t *value, struct salvor_error *err)
{
    int result = value ? 0 : -1;
    json_t *parent = tree->depth ? tree->open[tree->depth - 1] : NULL;
    if (!parent)
        *tree->root = value;
    else if (json_is_array(parent))
        result = json_array_append_new(parent, value);
    else
        result = json_object_setn_new_nocheck(parent, tree->key, tree->key_size, value);
    return result < 0 ? salvor_error_memory(err) : 0;
}

static int tree_scalar(struct salvor_sink *sink, const struct salvor_scalar *scalar,
                       struct salvor_error *err)
{
    json_t *value = NULL;
    switch (scalar->type) {
    case SALVOR_NULL:
        value = json_null();
        break;
    case SALVOR_BOOLEAN:
        value = json_boolean(scalar->integer);
        break;
    case SALVOR_INTEGER:
        value = json_integer(scalar->integer);
        break;
    case SALVOR_REAL:
        value = json_real(scalar->real);
        break;
    case SALVOR_STRING:
        value = json_stringn_nocheck(scalar->text, scalar->size);
        break;
    }
    return attach((struct salvor_tree_sink *)sink, value, err);
}

static int tree_begin(struct salvor_sink *sink, bool is_list, size_t count,
                      struct salvor_error *err)
{
    struct salvor_tree_sink *tree = (struct salvor_tree_sink *)sink;
    json_t *value = is_list ? json_array() : json_object();
    (void)count;
    if (attach(tree, value, err) < 0)
        return -1;
    tree->open[tree->depth++] = value;
    return 0;
}

static int tree_key(struct salvor_sink *sink, const char *text, size_t size,
                    struct salvor_error *err)
{
    struct salvor_tree_sink *tree = (struct salvor_tree_sink *)sink;
    (void)err;
    tree->key = text;
    tree->key_size = size;
    return 0;
}

static int tree_end(struct salvor_sink *sink, struct salvor_error *err)
{
    (void)err;
    ((struct salvor_tree_sink *)sink)->depth--;
    return 0;
}

void salvor_tree_sink_init(struct salvor_tree_sink *tree, json_t **root)
{
    tree->sink = (struct salvor_sink){tree_scalar, tree_begin, tree_key, tree_end};
    tree->root = root;
    tree->depth = 0;
    *root = NULL;
}
