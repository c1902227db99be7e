/*
 * A growing byte buffer with a mandatory ceiling, so that nothing that comes from outside can use
 * up the machine. `data` is always followed by a NUL that `size` does not count; embedded NULs are
 * fine. SALVOR_BUFFER_INIT(limit) or salvor_buffer_init() make an empty one that owns nothing;
 * salvor_buffer_release() frees what it owns and leaves it empty and usable. Of a zeroed struct nothing
 * can be read, but it may be released.
 */
#ifndef SALVOR_CORE_BUFFER_H
#define SALVOR_CORE_BUFFER_H

#include <stddef.h>
#include <string.h>

#include "core/error.h"

struct salvor_buffer {
    char *data; /* never NULL */
    size_t size;
    size_t capacity; /* 0 while `data` is the shared empty string */
    size_t limit;    /* `size` never exceeds it */
};

extern char salvor_buffer_empty[1];

#define SALVOR_BUFFER_INIT(ceiling)                                                                \
    {                                                                                              \
        .data = salvor_buffer_empty, .limit = (ceiling)                                            \
    }

void salvor_buffer_init(struct salvor_buffer *buffer, size_t limit);
void salvor_buffer_release(struct salvor_buffer *buffer);

/*
 * The same for secrets: overwrites what it holds first. What it held before it grew is elsewhere in
 * memory, so reserve room for a secret at once.
 */
void salvor_buffer_release_wiped(struct salvor_buffer *buffer);

/* Empties it and keeps the memory. */
void salvor_buffer_clear(struct salvor_buffer *buffer);

/* Makes room for `extra` more bytes. Error TooLarge above the ceiling. */
int salvor_buffer_reserve(struct salvor_buffer *buffer, size_t extra, struct salvor_error *err);

int salvor_buffer_append_slowly(struct salvor_buffer *buffer, const void *data, size_t size,
                                struct salvor_error *err);

/* Inline, since writing a document calls it for every few bytes. */
static inline int salvor_buffer_append(struct salvor_buffer *buffer, const void *data, size_t size,
                                       struct salvor_error *err)
{
    if (size >= buffer->capacity - buffer->size || size > buffer->limit - buffer->size)
        return salvor_buffer_append_slowly(buffer, data, size, err);
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
    return 0;
}

int salvor_buffer_printf(struct salvor_buffer *buffer, struct salvor_error *err, const char *format,
                         ...) __attribute__((format(printf, 3, 4)));

/* Removes the first `count` bytes. */
void salvor_buffer_consume(struct salvor_buffer *buffer, size_t count);

#endif
