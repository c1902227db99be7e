#include "net/frame.h"

#include <string.h>

enum { FINAL = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, SIZE = 0x7f };
enum { SIZE_16 = 126, SIZE_64 = 127 };

static bool is_control(unsigned opcode)
{
    return opcode >= SALVOR_FRAME_CLOSE;
}

/* Writing */

size_t salvor_frame_header(uint8_t out[SALVOR_FRAME_HEADER_MAX], enum salvor_frame_opcode opcode,
                           uint64_t size, const uint8_t mask[SALVOR_FRAME_MASK_SIZE])
{
    int extra = size < SIZE_16 ? 0 : size <= UINT16_MAX ? 2 : 8;
    size_t length = 2;
    out[0] = (uint8_t)(FINAL | opcode);
    out[1] = (uint8_t)(MASKED | (extra == 0 ? size : extra == 2 ? SIZE_16 : SIZE_64));
    for (int shift = 8 * (extra - 1); shift >= 0; shift -= 8)
        out[length++] = (uint8_t)(size >> shift);
    memcpy(out + length, mask, SALVOR_FRAME_MASK_SIZE);
    return length + SALVOR_FRAME_MASK_SIZE;
}

void salvor_frame_mask(uint8_t *out, const void *data, size_t size, size_t offset,
                       const uint8_t mask[SALVOR_FRAME_MASK_SIZE])
{
    const uint8_t *in = data;
    uint8_t turned[sizeof(uint64_t)];
    for (size_t i = 0; i < sizeof(turned); i++)
        turned[i] = mask[(offset + i) % SALVOR_FRAME_MASK_SIZE];
    uint64_t word, key;
    memcpy(&key, turned, sizeof(key));
    size_t at = 0;
    for (; at + sizeof(word) <= size; at += sizeof(word)) {
        memcpy(&word, in + at, sizeof(word));
        word ^= key;
        memcpy(out + at, &word, sizeof(word));
    }
    for (; at < size; at++)
        out[at] = in[at] ^ turned[at % sizeof(turned)];
}

/* Reading */

static int wrong(struct salvor_error *err, const char *what)
{
    return salvor_error_set(err, "Corrupt", "not a WebSocket frame: %s", what);
}

static size_t header_length(const struct salvor_frame_reader *reader)
{
    if (reader->header_size < 2)
        return 2;
    unsigned size = reader->header[1] & SIZE;
    return size == SIZE_16 ? 4 : size == SIZE_64 ? 10 : 2;
}

static int begin_message(struct salvor_frame_reader *reader, struct salvor_error *err)
{
    if (reader->opcode == SALVOR_FRAME_CONTINUATION)
        return reader->in_message ? 0 : wrong(err, "a continuation of nothing");
    if (reader->in_message)
        return wrong(err, "a new message inside another");
    reader->message = reader->opcode;
    reader->in_message = true;
    reader->first = true;
    return 0;
}

/* The header is whole. */
static int begin_payload(struct salvor_frame_reader *reader, struct salvor_error *err)
{
    const uint8_t *header = reader->header;
    unsigned opcode = header[0] & OPCODE;
    bool control = is_control(opcode);
    if (header[0] & RESERVED)
        return wrong(err, "reserved bits are set");
    if ((opcode > SALVOR_FRAME_BINARY && !control) || opcode > SALVOR_FRAME_PONG)
        return wrong(err, "an unknown kind");
    if (header[1] & MASKED)
        return wrong(err, "the server's is masked");
    reader->final = header[0] & FINAL;
    reader->opcode = (enum salvor_frame_opcode)opcode;
    reader->left = header[1] & SIZE;
    if (control && (!reader->final || reader->left > SALVOR_FRAME_CONTROL_MAX))
        return wrong(err, "a control frame that is long or in parts");
    if (reader->header_size > 2) {
        reader->left = 0;
        for (size_t i = 2; i < reader->header_size; i++)
            reader->left = reader->left << 8 | header[i];
    }
    if (reader->left > INT64_MAX)
        return wrong(err, "a size above 2^63");
    reader->in_payload = true;
    reader->header_size = 0;
    reader->control_size = 0;
    return control ? 0 : begin_message(reader, err);
}

static int take_header(struct salvor_frame_reader *reader, const uint8_t **data, size_t *size,
                       struct salvor_error *err)
{
    while (reader->header_size < header_length(reader)) {
        if (*size == 0)
            return 0;
        reader->header[reader->header_size++] = *(*data)++;
        (*size)--;
    }
    return begin_payload(reader, err);
}

static void take_control(struct salvor_frame_event *event, struct salvor_frame_reader *reader,
                         const uint8_t *data, size_t size)
{
    memcpy(reader->control + reader->control_size, data, size);
    reader->control_size += size;
    if (reader->left > 0)
        return;
    reader->in_payload = false;
    event->kind = SALVOR_FRAME_CONTROL;
    event->opcode = reader->opcode;
    event->data = reader->control;
    event->size = reader->control_size;
}

static void take_data(struct salvor_frame_event *event, struct salvor_frame_reader *reader,
                      const uint8_t *data, size_t size)
{
    event->kind = SALVOR_FRAME_DATA;
    event->opcode = reader->message;
    event->data = data;
    event->size = size;
    event->first = reader->first;
    event->last = reader->left == 0 && reader->final;
    reader->first = false;
    reader->in_payload = reader->left > 0;
    reader->in_message = !event->last;
}

int salvor_frame_next(struct salvor_frame_event *event, struct salvor_frame_reader *reader,
                      const uint8_t **data, size_t *size, struct salvor_error *err)
{
    *event = (struct salvor_frame_event){.kind = SALVOR_FRAME_MORE};
    if (!reader->in_payload && take_header(reader, data, size, err) < 0)
        return -1;
    if (!reader->in_payload || (*size == 0 && reader->left > 0))
        return 0;
    size_t taken = *size < reader->left ? *size : (size_t)reader->left;
    const uint8_t *from = *data;
    *data += taken;
    *size -= taken;
    reader->left -= taken;
    if (is_control(reader->opcode))
        take_control(event, reader, from, taken);
    else
        take_data(event, reader, from, taken);
    return 0;
}
