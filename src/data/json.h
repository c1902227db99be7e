/*
 * JSON by RFC 8259, over jansson. json_t is the one value tree of Salvor's C code: JSON and YAML are
 * read into it and written from it. Every string in such a tree is UTF-8: each way into one checks.
 */
#ifndef SALVOR_DATA_JSON_H
#define SALVOR_DATA_JSON_H

#include <stddef.h>

#include <jansson.h>

#include "core/buffer.h"
#include "core/error.h"
#include "data/sink.h"

/* Collections inside each other, in JSON, YAML and Lua values alike; more is refused. */
#define SALVOR_JSON_DEPTH 512

/*
 * Reads one text of `size` bytes: any JSON value, and nothing but white space behind it. Integers
 * are exact in 64 bit; one beyond that is an error, never a rounded number. Of two equal keys the
 * later counts, as in an API server. *out is a new reference. Error Invalid; the message ends with
 * "at line L, column C", both from 1.
 */
int salvor_json_decode(json_t **out, const char *text, size_t size, struct salvor_error *err);

/*
 * Appends `value` to `out`, keys sorted by bytes; `indent` 0 writes one line, 1 to 8 that many
 * spaces a level. Reals are written with the fewest digits that read back the same, and keep a
 * point or an exponent, so that they stay reals.
 */
int salvor_json_encode(struct salvor_buffer *out, const json_t *value, int indent,
                       struct salvor_error *err);

/* What is in `out` once a sink with a `flush` takes from it. */
#define SALVOR_JSON_FLUSH_SIZE ((size_t)64 << 10)

/* The same as a sink: it appends to `out`, which must outlive it. It owns nothing. */
struct salvor_json_sink {
    struct salvor_sink sink;
    struct salvor_buffer *out;
    /* Takes what is in `out`, of a text that is not to be whole in memory; NULL at first. */
    int (*flush)(struct salvor_json_sink *json, struct salvor_error *err);
    int indent;
    int depth;
    struct salvor_json_level {
        bool is_list;
        bool has_elements;
    } levels[SALVOR_JSON_DEPTH];
};

void salvor_json_sink_init(struct salvor_json_sink *json, struct salvor_buffer *out, int indent);

/* How many collections `value` nests: 0 for a scalar, 1 for a list of scalars. */
size_t salvor_json_depth(const json_t *value);

/* The shortest text that reads back as the finite `number`; always has a point or an exponent. */
#define SALVOR_JSON_REAL_SIZE 32
void salvor_json_format_real(char out[SALVOR_JSON_REAL_SIZE], double number);

#endif
