/*
 * YAML as Kubernetes reads it, over libyaml. The result is a json_t tree, as kubectl makes JSON of
 * every YAML before it looks at it. Where a text would lose data in kubectl without a word, it is
 * refused here: equal keys in one mapping, and !!binary data that is not UTF-8. A merge (`<<`) never
 * takes the place of a key that the mapping itself has, wherever the two stand.
 */
#ifndef SALVOR_DATA_YAML_H
#define SALVOR_DATA_YAML_H

#include <stddef.h>

#include <jansson.h>

#include "core/buffer.h"
#include "core/error.h"
#include "data/json.h"
#include "data/sink.h"

/* Collections inside each other; deeper input is refused. */
#define SALVOR_YAML_DEPTH SALVOR_JSON_DEPTH

/* A stream of documents. `text` must outlive the reader. */
struct salvor_yaml_reader;

int salvor_yaml_reader_new(struct salvor_yaml_reader **out, const char *text, size_t size,
                           struct salvor_error *err);
void salvor_yaml_reader_free(struct salvor_yaml_reader *reader);

/*
 * Reads the next document: 1 and a new reference in *out, 0 at the end of the stream, -1 on error
 * (Invalid; the message ends with "at line L, column C", both from 1), after which the reader can
 * only be freed. An empty document is null.
 */
int salvor_yaml_read(struct salvor_yaml_reader *reader, json_t **out, struct salvor_error *err);

/* The same into any sink; keys come in the order of the text. */
int salvor_yaml_read_to(struct salvor_yaml_reader *reader, struct salvor_sink *sink,
                        struct salvor_error *err);

/* Appends one document in block style, keys sorted; without a "---" line. */
int salvor_yaml_write(struct salvor_buffer *out, const json_t *value, struct salvor_error *err);

/* The same as a sink: it appends to `out`, which must outlive it. It owns nothing. */
struct salvor_yaml_sink {
    struct salvor_sink sink;
    struct salvor_buffer *out;
    size_t indent;    /* of the whole value; 0 */
    size_t map_step;  /* of a mapping below its key; 2 */
    size_t list_step; /* of a list below its key; 0 */
    bool is_begun;    /* the first line of a collection is begun already by the caller; false */
    int depth;
    struct salvor_yaml_level {
        bool is_list;
        bool is_empty;
        bool is_begun; /* the line of its next element stands already behind a `- ` */
        size_t indent;
    } levels[SALVOR_JSON_DEPTH];
};

void salvor_yaml_sink_init(struct salvor_yaml_sink *yaml, struct salvor_buffer *out);

#endif
