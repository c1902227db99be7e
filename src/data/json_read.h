/*
 * JSON text as a source: read piece by piece into a sink, with no tree in between. It takes exactly
 * the texts that salvor_json_decode() takes and makes the same values of them (RFC 8259, UTF-8 by
 * RFC 3629); a fuzzer compares the two. Where a text is refused, it is salvor_json_decode() that
 * says why, so that there is one set of messages.
 *
 *     struct salvor_json_reader reader = {0};
 *     salvor_json_check(&reader, text, size, err)    the whole text, before the sink hears of it
 *     salvor_json_send(&reader, &sink, err)          any number of times
 *     salvor_json_reader_release(&reader)            at any time
 */
#ifndef SALVOR_DATA_JSON_READ_H
#define SALVOR_DATA_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"
#include "data/sink.h"

/* {0} owns nothing. A sink may raise past salvor_json_send(): then let a box own the reader. */
struct salvor_json_reader {
    /* Private. */
    const char *text, *at, *end;
    size_t *counts; /* elements of each collection, in the order in which these begin */
    size_t used, capacity;
    size_t next;                      /* of counts, while sending */
    bool lacks_memory;                /* while checking */
    struct salvor_buffer key, string; /* those being sent, when they have escapes */
};

/*
 * Looks through the whole text, which must stay where it is while the reader is in use. Errors as
 * those of salvor_json_decode().
 */
int salvor_json_check(struct salvor_json_reader *reader, const char *text, size_t size,
                      struct salvor_error *err);

/*
 * The same for a text that may well be none: 1, 0 without a word on why not, -1 without memory. It
 * looks no further than to the first fault, whereas saying why looks through the whole text again.
 */
int salvor_json_test(struct salvor_json_reader *reader, const char *text, size_t size,
                     struct salvor_error *err);

/*
 * Sends the value of the text that was checked. Members come in the order of the text and, where a
 * key comes twice, twice: of these the later counts. So this is for sinks that make values; one that
 * writes text wants sorted keys. Fails when the sink does, or without memory.
 */
int salvor_json_send(struct salvor_json_reader *reader, struct salvor_sink *sink,
                     struct salvor_error *err);

void salvor_json_reader_release(struct salvor_json_reader *reader);

#endif
