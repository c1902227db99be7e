/* Where a path leads in the nodes of a YAML text. For yaml_splice.c alone. */
#ifndef SALVOR_DATA_YAML_PLACE_H
#define SALVOR_DATA_YAML_PLACE_H

#include <stddef.h>

#include <jansson.h>

#include "core/error.h"
#include "data/yaml_node.h"
#include "data/yaml_splice.h"

/* Where a value is, or where it would be. */
struct salvor_yaml_place {
    struct salvor_yaml_node *parent; /* NULL for the root */
    struct salvor_yaml_node *key;    /* in a mapping */
    struct salvor_yaml_node *before; /* the key or the element before; NULL for the first */
    struct salvor_yaml_node *node;   /* NULL when the parent has no such key or element */
    size_t depth;                    /* steps from the root to here */
};

/* The child that a step leads to, from the place of `parent`; place->node is NULL when there is none. */
void salvor_yaml_find_child(struct salvor_yaml_place *place, struct salvor_yaml_node *parent,
                            const json_t *step);

/*
 * Follows the request's path as far as the text goes and marks the way as edited. Error Conflict: the
 * value stands somewhere else in the text, behind an alias or a merge, so that it cannot be changed
 * where the path says it is.
 */
int salvor_yaml_find_place(struct salvor_yaml_place *place, struct salvor_yaml_node *root,
                           const struct salvor_yaml_splice *request, struct salvor_error *err);

/* Marks a node with all that is below it. */
void salvor_yaml_mark_edited(struct salvor_yaml_node *node);

/* Error Conflict: an alias repeats what was marked, which cannot change in one of its places only. */
int salvor_yaml_check_aliases(const struct salvor_yaml_node *node, struct salvor_error *err);

#endif
