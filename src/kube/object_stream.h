/*
 * A stream of JSON objects over HTTP, as a watch sends it: one object after the other, with nothing
 * promised between them, in chunks that end anywhere.
 *
 *     salvor_object_stream_init(&stream);
 *     salvor_kube_start(&stream.http, ...)          with request.stream
 *     salvor_object_stream_wait(&stream, loop, 30)  then wait for stream.op: the answer has begun
 *     salvor_object_stream_next(&stream, ...)       on SALVOR_STREAM_MORE: _wait and again
 */
#ifndef SALVOR_KUBE_OBJECT_STREAM_H
#define SALVOR_KUBE_OBJECT_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "loop/loop.h"
#include "net/http.h"

/* The ceiling of one object; a Kubernetes server's own is about 3 MiB. */
#define SALVOR_STREAM_OBJECT_LIMIT ((size_t)64 << 20)

/* Where a scan stands. {0} is its beginning. */
struct salvor_object_scanner {
    size_t position; /* bytes looked at */
    size_t start;    /* where the object begins, once depth > 0 */
    unsigned depth;
    bool in_string, escaped;
};

/*
 * Looks for the end of the next object in `data`, which is what it was last time with more behind
 * it. Returns 1 (the object is data[*start .. *end)), 0 (not all of it is there) or -1 with error
 * Corrupt (something else than an object). After 1 the scanner goes on behind the object.
 */
int salvor_object_scan(size_t *start, size_t *end, struct salvor_object_scanner *scanner,
                       const char *data, size_t size, struct salvor_error *err);

struct salvor_object_stream {
    struct salvor_op op;
    struct salvor_http http;
    bool timed_out; /* the last wait ended by its own limit */

    /* Private. */
    struct salvor_timer timer;
    struct salvor_object_scanner scanner;
};

enum salvor_stream_result {
    SALVOR_STREAM_FAILED = -1,
    SALVOR_STREAM_MORE = 0, /* nothing complete is there yet */
    SALVOR_STREAM_OBJECT,
    SALVOR_STREAM_END
};

void salvor_object_stream_init(struct salvor_object_stream *stream);
void salvor_object_stream_release(struct salvor_object_stream *stream);

/* Arms stream->op for the next bytes, the end, or `seconds` (negative: no limit). */
void salvor_object_stream_wait(struct salvor_object_stream *stream, struct salvor_loop *loop,
                               double seconds);

/* The text of the next object, which is valid until the next call or wait. */
enum salvor_stream_result salvor_object_stream_next(const char **text, size_t *size,
                                                    struct salvor_object_stream *stream,
                                                    struct salvor_error *err);

#endif
