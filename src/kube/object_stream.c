#include "kube/object_stream.h"

#include <string.h>

/* Scanning */

static const char *skip_string(struct salvor_object_scanner *scanner, const char *at,
                               const char *end)
{
    while (at < end) {
        if (scanner->escaped) {
            scanner->escaped = false;
            at++;
            continue;
        }
        while (at < end && *at != '"' && *at != '\\')
            at++;
        if (at == end)
            break;
        if (*at++ == '"') {
            scanner->in_string = false;
            break;
        }
        scanner->escaped = true;
    }
    return at;
}

int salvor_object_scan(size_t *start, size_t *end, struct salvor_object_scanner *scanner,
                       const char *data, size_t size, struct salvor_error *err)
{
    const char *at = data + scanner->position, *limit = data + size;
    while (at < limit) {
        if (scanner->in_string) {
            at = skip_string(scanner, at, limit);
            continue;
        }
        char byte = *at++;
        if (scanner->depth == 0) {
            if (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t')
                continue;
            if (byte != '{')
                return salvor_error_set(err, "Corrupt", "the stream holds 0x%02x between objects",
                                        (unsigned char)byte);
            scanner->start = (size_t)(at - data) - 1;
            scanner->depth = 1;
        } else if (byte == '"') {
            scanner->in_string = true;
        } else if (byte == '{' || byte == '[') {
            scanner->depth++;
        } else if ((byte == '}' || byte == ']') && --scanner->depth == 0) {
            *start = scanner->start;
            *end = scanner->position = (size_t)(at - data);
            return 1;
        }
    }
    scanner->position = size;
    return 0;
}

/* The stream */

static void stop_waiting(struct salvor_op *op)
{
    struct salvor_object_stream *stream = (struct salvor_object_stream *)op;
    stream->timer.op.wake = NULL;
    if (stream->timer.loop)
        salvor_op_abort(&stream->timer.op);
}

void salvor_object_stream_init(struct salvor_object_stream *stream)
{
    memset(stream, 0, sizeof(*stream));
    salvor_http_init(&stream->http);
    stream->op.done = true;
    stream->op.abort = stop_waiting;
    stream->timer.op.done = true;
}

void salvor_object_stream_release(struct salvor_object_stream *stream)
{
    if (stream->op.abort)
        salvor_op_abort(&stream->op);
    stop_waiting(&stream->op);
    stream->http.op.wake = NULL;
    salvor_http_release(&stream->http);
}

static void on_bytes(struct salvor_op *op)
{
    struct salvor_object_stream *stream = op->waiter;
    stop_waiting(&stream->op);
    salvor_op_finish(&stream->op);
}

static void on_timer(struct salvor_op *op)
{
    struct salvor_object_stream *stream = op->waiter;
    stream->timed_out = true;
    salvor_op_finish(&stream->op);
}

/* Drops what was taken once it is most of the buffer, so that each byte moves about once. */
static void drop_taken(struct salvor_object_stream *stream)
{
    struct salvor_object_scanner *scanner = &stream->scanner;
    size_t taken = scanner->depth ? scanner->start : scanner->position;
    if (taken < stream->http.body.size - taken)
        return;
    salvor_buffer_consume(&stream->http.body, taken);
    scanner->position -= taken;
    scanner->start = 0;
}

void salvor_object_stream_wait(struct salvor_object_stream *stream, struct salvor_loop *loop,
                               double seconds)
{
    drop_taken(stream);
    stream->timed_out = false;
    stream->op.done = false;
    stream->op.wake = NULL;
    salvor_http_want(&stream->http);
    if (stream->http.op.done) {
        stream->op.done = true;
        return;
    }
    stream->http.op.wake = on_bytes;
    stream->http.op.waiter = stream;
    if (seconds < 0)
        return;
    stream->timer.op.wake = on_timer;
    stream->timer.op.waiter = stream;
    salvor_timer_start(loop, &stream->timer, seconds);
}

enum salvor_stream_result salvor_object_stream_next(const char **text, size_t *size,
                                                    struct salvor_object_stream *stream,
                                                    struct salvor_error *err)
{
    struct salvor_http *http = &stream->http;
    size_t start, end;
    int found =
        salvor_object_scan(&start, &end, &stream->scanner, http->body.data, http->body.size, err);
    if (found < 0)
        return SALVOR_STREAM_FAILED;
    if (found > 0) {
        *text = http->body.data + start;
        *size = end - start;
        return SALVOR_STREAM_OBJECT;
    }
    if (!http->complete)
        return SALVOR_STREAM_MORE;
    if (salvor_http_check(http, err) < 0)
        return SALVOR_STREAM_FAILED;
    if (stream->scanner.depth == 0)
        return SALVOR_STREAM_END;
    salvor_error_set(err, "Disconnected", "the stream of %s ended inside an object", http->peer);
    err->retryable = true;
    return SALVOR_STREAM_FAILED;
}
