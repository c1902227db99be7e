#include "kube/line_stream.h"

#include <string.h>

void salvor_line_stream_init(struct salvor_line_stream *stream)
{
    memset(stream, 0, sizeof(*stream));
    salvor_http_init(&stream->http);
}

void salvor_line_stream_release(struct salvor_line_stream *stream)
{
    salvor_http_release(&stream->http);
}

static void drop_taken(struct salvor_line_stream *stream)
{
    salvor_buffer_consume(&stream->http.body, stream->taken);
    stream->scanned -= stream->taken;
    stream->taken = 0;
}

/* Each byte is looked at once, from the end: only the last line end matters. */
static void scan(struct salvor_line_stream *stream)
{
    const struct salvor_buffer *body = &stream->http.body;
    const char *from = body->data + stream->scanned;
    const char *end = memrchr(from, '\n', body->size - stream->scanned);
    if (end)
        stream->whole = (size_t)(end - body->data) + 1;
    stream->scanned = body->size;
}

bool salvor_line_stream_ready(struct salvor_line_stream *stream)
{
    if (stream->http.complete)
        return true;
    if (stream->http.status < 200 || stream->http.status > 299)
        return false;
    drop_taken(stream);
    scan(stream);
    return stream->whole || stream->http.body.size >= SALVOR_LINE_LIMIT;
}

/* How many of the bytes that a lead byte announces, itself included. */
static size_t sequence_length(unsigned char lead)
{
    return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

/* At most `size`, and not inside a character; what is no UTF-8 is cut anywhere. */
static size_t piece_size(const char *text, size_t size)
{
    for (size_t back = 1; back <= 3 && back < size; back++) {
        unsigned char byte = (unsigned char)text[size - back];
        if ((byte & 0xc0) == 0x80)
            continue;
        return sequence_length(byte) > back ? size - back : size;
    }
    return size;
}

static enum salvor_lines give(const char **text, size_t *size, struct salvor_line_stream *stream,
                              size_t count)
{
    *text = stream->http.body.data;
    *size = stream->taken = count;
    stream->whole = 0;
    return SALVOR_LINES_TEXT;
}

enum salvor_lines salvor_line_stream_next(const char **text, size_t *size, bool *partial,
                                          struct salvor_line_stream *stream,
                                          struct salvor_error *err)
{
    const struct salvor_http *http = &stream->http;
    drop_taken(stream);
    scan(stream);
    *partial = false;
    if (stream->whole)
        return give(text, size, stream, stream->whole);
    if (http->body.size >= SALVOR_LINE_LIMIT) {
        *partial = true;
        return give(text, size, stream, piece_size(http->body.data, SALVOR_LINE_LIMIT));
    }
    if (!http->complete)
        return SALVOR_LINES_MORE;
    int failed = salvor_http_check(http, err);
    if (http->body.size) {
        *partial = failed < 0;
        return give(text, size, stream, http->body.size);
    }
    return failed < 0 ? SALVOR_LINES_FAILED : SALVOR_LINES_END;
}
