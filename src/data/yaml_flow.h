/* Values in flow style, {a: 1, b: [x]}, for places where block style cannot stand. */
#ifndef SALVOR_DATA_YAML_FLOW_H
#define SALVOR_DATA_YAML_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "core/buffer.h"
#include "core/error.h"

/* Appends the value on one line; with `is_json` every string in double quotes. */
int salvor_yaml_flow(struct salvor_buffer *out, const json_t *value, bool is_json,
                     struct salvor_error *err);

/* The same for a string alone. */
int salvor_yaml_flow_string(struct salvor_buffer *out, const char *text, size_t size, bool is_json,
                            struct salvor_error *err);

#endif
