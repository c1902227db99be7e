/* json_t trees as source and as sink. */
#ifndef SALVOR_DATA_TREE_H
#define SALVOR_DATA_TREE_H

#include <jansson.h>

#include "data/json.h"
#include "data/sink.h"

/* Sends `value`, keys sorted. Error Invalid when it is nested too deeply. */
int salvor_tree_send(struct salvor_sink *sink, const json_t *value, struct salvor_error *err);

/* Builds a tree. It owns nothing: the value is *root's from its first piece on, an error or not. */
struct salvor_tree_sink {
    struct salvor_sink sink;
    json_t **root;
    json_t *open[SALVOR_JSON_DEPTH]; /* the collections being filled, innermost last */
    int depth;
    const char *key;
    size_t key_size;
};

/* *root is set to NULL. */
void salvor_tree_sink_init(struct salvor_tree_sink *tree, json_t **root);

#endif
