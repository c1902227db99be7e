/*
 * WebSocket frames, RFC 6455 section 5, as a client writes and reads them. No input or output and no
 * memory of its own: payloads are never collected, so a frame may be larger than any buffer.
 */
#ifndef SALVOR_NET_FRAME_H
#define SALVOR_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define SALVOR_FRAME_HEADER_MAX  14
#define SALVOR_FRAME_CONTROL_MAX 125 /* bytes of a control frame's payload */
#define SALVOR_FRAME_MASK_SIZE   4

enum salvor_frame_opcode {
    SALVOR_FRAME_CONTINUATION = 0x0,
    SALVOR_FRAME_TEXT = 0x1,
    SALVOR_FRAME_BINARY = 0x2,
    SALVOR_FRAME_CLOSE = 0x8,
    SALVOR_FRAME_PING = 0x9,
    SALVOR_FRAME_PONG = 0xa
};

/*
 * Writes the header of a whole message's only frame, with a payload of `size` bytes and that mask;
 * returns its length.
 */
size_t salvor_frame_header(uint8_t out[SALVOR_FRAME_HEADER_MAX], enum salvor_frame_opcode opcode,
                           uint64_t size, const uint8_t mask[SALVOR_FRAME_MASK_SIZE]);

/*
 * Copies `size` bytes of a payload, beginning with its byte number `offset`, masked (or unmasked,
 * which is the same). `out` and `data` may be the same place, but not overlap otherwise.
 */
void salvor_frame_mask(uint8_t *out, const void *data, size_t size, size_t offset,
                       const uint8_t mask[SALVOR_FRAME_MASK_SIZE]);

/* What a reader found. */
struct salvor_frame_event {
    enum {
        SALVOR_FRAME_MORE, /* nothing more in what there is */
        SALVOR_FRAME_DATA, /* a part of a message's payload, as it stands in the input */
        SALVOR_FRAME_CONTROL
    } kind;
    enum salvor_frame_opcode opcode; /* CONTROL: which; DATA: TEXT or BINARY */
    const uint8_t *data;             /* CONTROL: valid until the next call */
    size_t size;                     /* may be 0, as a message's first or last part */
    bool first, last;                /* DATA: of the message */
};

/* Where a reader stands. {0} is the beginning. */
struct salvor_frame_reader {
    uint8_t header[SALVOR_FRAME_HEADER_MAX];
    uint8_t control[SALVOR_FRAME_CONTROL_MAX];
    size_t header_size, control_size;
    uint64_t left; /* bytes of the payload that have not come yet */
    enum salvor_frame_opcode opcode, message;
    bool in_payload, final, in_message, first;
};

/*
 * Takes bytes of *data up to the next event, moving *data and *size. -1 with error Corrupt when they
 * are not what a server may send (section 5: masked or reserved frames, a control frame that is long
 * or in parts, a continuation of nothing).
 */
int salvor_frame_next(struct salvor_frame_event *event, struct salvor_frame_reader *reader,
                      const uint8_t **data, size_t *size, struct salvor_error *err);

#endif
