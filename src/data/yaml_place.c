#include "data/yaml_place.h"

#include <string.h>

#include "data/yaml_path.h"
#include "data/yaml_style.h"

static bool is_key(const struct salvor_yaml_node *node, const json_t *step)
{
    char text[SALVOR_YAML_KEY_SIZE];
    if (node->kind == SALVOR_YAML_ALIAS)
        node = node->first;
    if (node->kind != SALVOR_YAML_SCALAR || salvor_yaml_is_merge(&node->scalar))
        return false;
    const char *key = node->scalar.text;
    size_t size = node->scalar.size;
    if (!node->scalar.tag && salvor_yaml_resolve_key(text, &node->scalar, NULL) > 0) {
        key = text;
        size = strlen(text);
    }
    return size == json_string_length(step) && !memcmp(key, json_string_value(step), size);
}

void salvor_yaml_find_child(struct salvor_yaml_place *place, struct salvor_yaml_node *parent,
                            const json_t *step)
{
    *place = (struct salvor_yaml_place){.parent = parent, .depth = place->depth + 1};
    if (json_is_string(step) && parent->kind == SALVOR_YAML_MAPPING) {
        struct salvor_yaml_node *key = parent->first;
        for (; key && !is_key(key, step); key = key->next->next)
            place->before = key;
        place->key = key;
        place->node = key ? key->next : NULL;
    } else if (json_is_integer(step) && parent->kind == SALVOR_YAML_SEQUENCE) {
        struct salvor_yaml_node *element = parent->first;
        for (json_int_t i = 1; element && i < json_integer_value(step); i++) {
            place->before = element;
            element = element->next;
        }
        place->node = element;
    }
}

int salvor_yaml_find_place(struct salvor_yaml_place *place, struct salvor_yaml_node *root,
                           const struct salvor_yaml_splice *request, struct salvor_error *err)
{
    const json_t *path = request->path;
    *place = (struct salvor_yaml_place){.node = root};
    while (place->node) {
        struct salvor_yaml_node *node = place->node;
        node->is_edited = true;
        if (place->depth == json_array_size(path))
            return 0;
        if (node->kind == SALVOR_YAML_ALIAS)
            return salvor_error_set(err, "Conflict",
                                    "the alias *%s stands for a value at line %u: change it there",
                                    node->scalar.text, node->first->start.line + 1);
        if (node->kind == SALVOR_YAML_SCALAR || !node->first)
            return 0; /* nothing in it yet: it is replaced as a whole */
        salvor_yaml_find_child(place, node, json_array_get(path, place->depth));
    }
    bool is_last = place->depth == json_array_size(path);
    if (place->parent && salvor_yaml_path_get((json_t *)request->root, path, place->depth) &&
        !(is_last && request->value))
        return salvor_error_set(err, "Conflict",
                                "the value comes from a merge (`<<`): change it where it stands");
    return 0;
}

void salvor_yaml_mark_edited(struct salvor_yaml_node *node)
{
    node->is_edited = true;
    if (node->kind != SALVOR_YAML_ALIAS)
        for (struct salvor_yaml_node *child = node->first; child; child = child->next)
            salvor_yaml_mark_edited(child);
}

int salvor_yaml_check_aliases(const struct salvor_yaml_node *node, struct salvor_error *err)
{
    if (node->kind == SALVOR_YAML_ALIAS) {
        if (!node->first->is_edited || node->is_edited)
            return 0;
        return salvor_error_set(err, "Conflict",
                                "the anchor &%s is repeated by an alias at line %u: the change "
                                "would show there too",
                                node->scalar.text, node->start.line + 1);
    }
    for (const struct salvor_yaml_node *child = node->first; child; child = child->next)
        if (salvor_yaml_check_aliases(child, err) < 0)
            return -1;
    return 0;
}
