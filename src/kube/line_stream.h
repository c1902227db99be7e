/*
 * A stream of lines over HTTP, as a container's log is sent: bytes, taken as many whole lines at a
 * time as are there.
 *
 *     salvor_line_stream_init(&stream);
 *     salvor_kube_start(&stream.http, ...)      with request.stream
 *     while (!salvor_line_stream_ready(&stream))
 *         salvor_http_want(&stream.http), then wait for stream.http.op
 *     salvor_line_stream_next(&stream, ...)
 */
#ifndef SALVOR_KUBE_LINE_STREAM_H
#define SALVOR_KUBE_LINE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "net/http.h"

/* A line that is longer may come in pieces, which end between characters of UTF-8. */
#define SALVOR_LINE_LIMIT ((size_t)1 << 20)

struct salvor_line_stream {
    struct salvor_http http;

    /* Private: offsets in http.body. */
    size_t taken;   /* was given, and goes with the next call */
    size_t scanned; /* was searched for line ends */
    size_t whole;   /* ends the last whole line that was found; 0: none */
};

enum salvor_lines {
    SALVOR_LINES_FAILED = -1,
    SALVOR_LINES_MORE = 0, /* neither lines nor the end are there yet */
    SALVOR_LINES_TEXT,
    SALVOR_LINES_END
};

void salvor_line_stream_init(struct salvor_line_stream *stream);
void salvor_line_stream_release(struct salvor_line_stream *stream);

/* There is something for salvor_line_stream_next(). */
bool salvor_line_stream_ready(struct salvor_line_stream *stream);

/*
 * All whole lines that are there, each ended by "\n", valid until the next call; or, with *partial,
 * a piece of one that is too long or that the loss of the connection cut off. The last line of the
 * stream may have no end. To be used for 2xx answers only (salvor_kube_check()). Errors are those of
 * salvor_http_check(), Disconnected when the sender did not finish; what arrived before is given
 * first.
 */
enum salvor_lines salvor_line_stream_next(const char **text, size_t *size, bool *partial,
                                          struct salvor_line_stream *stream,
                                          struct salvor_error *err);

#endif
