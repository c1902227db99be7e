/* Where in a YAML text a value stands, for messages about it. */
#ifndef SALVOR_DATA_YAML_POSITION_H
#define SALVOR_DATA_YAML_POSITION_H

#include <jansson.h>

#include "core/error.h"
#include "data/yaml_edit.h"
#include "data/yaml_node.h"

/*
 * Where the entry at the path begins: its key in a mapping, the element in a list, in the document
 * that is edited. A path that the text does not follow to its end (a value that comes from a merge,
 * a key that is missing) gives the last place on its way. Line and column of *out count from 0.
 */
int salvor_yaml_position(struct salvor_yaml_mark *out, const struct salvor_yaml_edit *edit,
                         const json_t *path, struct salvor_error *err);

#endif
