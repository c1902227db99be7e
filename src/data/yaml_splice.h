/*
 * One change of a YAML text: where the bytes are that must go, and which come in their place. It
 * knows layout, not meaning: yaml_edit.c checks what came of it.
 */
#ifndef SALVOR_DATA_YAML_SPLICE_H
#define SALVOR_DATA_YAML_SPLICE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "core/buffer.h"
#include "core/error.h"

struct salvor_yaml_splice {
    const char *text;
    size_t size;
    size_t document;     /* from 0 */
    const json_t *root;  /* its value */
    const json_t *path;  /* as in data/yaml_path.h; it can be followed but for missing parents */
    const json_t *value; /* NULL removes what is at the path, which is there */
    bool is_compact;     /* second try: the value on one line, a line break at the text's end */
};

/* Appends the changed text. Error Conflict: an alias, a merge or a shared anchor is in the way. */
int salvor_yaml_splice(struct salvor_buffer *out, const struct salvor_yaml_splice *splice,
                       struct salvor_error *err);

#endif
