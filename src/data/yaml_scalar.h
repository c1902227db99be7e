/*
 * What a YAML scalar means to kubectl: the rules of go-yaml v2, and then those of JSON, through which
 * kubectl passes everything (so that 1e3 is the integer 1000, and .inf is nothing at all).
 */
#ifndef SALVOR_DATA_YAML_SCALAR_H
#define SALVOR_DATA_YAML_SCALAR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "data/arena.h"
#include "data/sink.h"

struct salvor_yaml_scalar {
    const char *tag; /* the full tag; NULL when there is none */
    bool is_plain;   /* written without quotes */
    const char *text;
    size_t size;
};

/*
 * Its text stays where it is, but for !!binary, whose bytes are put into `arena`. Error Invalid; it
 * names no place, which is the reader's to add.
 */
int salvor_yaml_resolve(struct salvor_scalar *out, const struct salvor_yaml_scalar *scalar,
                        struct salvor_arena *arena, struct salvor_error *err);

/*
 * JSON keys are strings: `yes` is the key "true", 0x10 the key "16". 1 when the key of a scalar
 * without a tag is in `out`, 0 when the scalar's own text is the key, -1 when it cannot be one (null).
 */
#define SALVOR_YAML_KEY_SIZE 32
int salvor_yaml_resolve_key(char out[SALVOR_YAML_KEY_SIZE], const struct salvor_yaml_scalar *scalar,
                            struct salvor_error *err);

/* Whether the scalar is the key that merges another mapping into its own. */
bool salvor_yaml_is_merge(const struct salvor_yaml_scalar *scalar);

#endif
