/* Where in a document: the keys and indices from its root. */
#ifndef SALVOR_DATA_YAML_PATH_H
#define SALVOR_DATA_YAML_PATH_H

#include <stddef.h>

#include <jansson.h>

#include "core/buffer.h"
#include "core/error.h"

/* A path is a json_t array of strings (keys) and integers (indices from 1). */

/*
 * Makes a new reference of a path from an array of that kind (an empty object is an empty one, for
 * scripts cannot tell them apart), or from a string like
 * spec.list[1].name; a key with other characters than letters, digits, `_`, `-` and `/` stands in
 * brackets and quotes: metadata.annotations["a.b/c"]; "." is the root. Error Invalid.
 */
int salvor_yaml_path(json_t **out, const json_t *source, struct salvor_error *err);

/* Appends the first `count` steps of a path as such a string, "." for none. */
int salvor_yaml_path_format(struct salvor_buffer *out, const json_t *path, size_t count,
                            struct salvor_error *err);

/* The value at the first `count` steps, borrowed; NULL when there is none. */
json_t *salvor_yaml_path_get(json_t *root, const json_t *path, size_t count);

#endif
