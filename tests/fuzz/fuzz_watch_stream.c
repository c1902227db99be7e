/*
 * A watch's stream gives the same objects in whatever pieces it arrives, and whatever it holds ends
 * in objects, an end or an error. The first byte is the size of the pieces, the rest the stream.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/json.h"
#include "kube/object_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    size_t objects, bytes; /* found, and their lengths together */
    size_t values;         /* those that are JSON */
    enum salvor_stream_result end;
};

/* Takes what is there; false once the stream has ended. */
static bool take(struct outcome *outcome, struct salvor_object_stream *stream)
{
    struct salvor_error err;
    const char *text;
    size_t length;
    json_t *value;
    while ((outcome->end = salvor_object_stream_next(&text, &length, stream, &err)) ==
           SALVOR_STREAM_OBJECT) {
        if (!length || text[0] != '{' || (text[length - 1] != '}' && text[length - 1] != ']'))
            abort();
        outcome->objects++;
        outcome->bytes += length;
        if (salvor_json_decode(&value, text, length, &err) == 0) {
            outcome->values++;
            json_decref(value);
        }
    }
    if (outcome->end == SALVOR_STREAM_FAILED && !err.message[0])
        abort();
    return outcome->end == SALVOR_STREAM_MORE;
}

static struct outcome play(const char *text, size_t size, size_t piece)
{
    struct outcome outcome = {0};
    struct salvor_object_stream stream;
    salvor_object_stream_init(&stream);
    bool more = true;
    for (size_t at = 0; more && at < size; at += piece) {
        size_t length = size - at < piece ? size - at : piece;
        if (salvor_buffer_append(&stream.http.body, text + at, length, NULL) < 0)
            abort();
        more = take(&outcome, &stream);
        if (more)
            salvor_object_stream_wait(&stream, NULL, -1);
    }
    stream.http.complete = true;
    if (more)
        take(&outcome, &stream);
    salvor_object_stream_release(&stream);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const char *text = (const char *)data + 1;
    struct outcome whole = play(text, size - 1, size);
    struct outcome pieces = play(text, size - 1, data[0] + 1u);
    if (whole.objects != pieces.objects || whole.bytes != pieces.bytes ||
        whole.values != pieces.values || whole.end != pieces.end)
        abort();
    return 0;
}
