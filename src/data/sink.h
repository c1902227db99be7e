/*
 * A value on its way from one form to another, piece by piece: a source (a json_t tree, a Lua value,
 * a YAML document) calls a sink (a json_t tree, a Lua value, JSON or YAML text). No form is made in
 * between, which is what makes reading and writing large values cheap.
 *
 * A source sends exactly one value: a scalar, or begin, `count` elements (in a map each with its key
 * before it), end. Collections are at most SALVOR_JSON_DEPTH deep, strings are UTF-8, and keys that
 * go to a text come sorted by bytes. Strings stay valid only until the next call returns.
 */
#ifndef SALVOR_DATA_SINK_H
#define SALVOR_DATA_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum salvor_scalar_type {
    SALVOR_NULL,
    SALVOR_BOOLEAN,
    SALVOR_INTEGER,
    SALVOR_REAL, /* finite */
    SALVOR_STRING
};

struct salvor_scalar {
    enum salvor_scalar_type type;
    int64_t integer; /* of a boolean too: 0 or 1 */
    double real;
    const char *text;
    size_t size;
};

struct salvor_sink {
    int (*scalar)(struct salvor_sink *sink, const struct salvor_scalar *scalar,
                  struct salvor_error *err);
    int (*begin)(struct salvor_sink *sink, bool is_list, size_t count, struct salvor_error *err);
    int (*key)(struct salvor_sink *sink, const char *text, size_t size, struct salvor_error *err);
    int (*end)(struct salvor_sink *sink, struct salvor_error *err);
};

#endif
