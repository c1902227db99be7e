#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/large.h"

char salvor_buffer_empty[1];

void salvor_buffer_init(struct salvor_buffer *buffer, size_t limit)
{
    *buffer = (struct salvor_buffer)SALVOR_BUFFER_INIT(limit);
}

void salvor_buffer_release(struct salvor_buffer *buffer)
{
    if (buffer->capacity)
        free(buffer->data);
    salvor_buffer_init(buffer, buffer->limit);
}

void salvor_buffer_release_wiped(struct salvor_buffer *buffer)
{
    if (buffer->capacity)
        explicit_bzero(buffer->data, buffer->size);
    salvor_buffer_release(buffer);
}

void salvor_buffer_clear(struct salvor_buffer *buffer)
{
    buffer->size = 0;
    if (buffer->capacity)
        buffer->data[0] = '\0';
}

int salvor_buffer_reserve(struct salvor_buffer *buffer, size_t extra, struct salvor_error *err)
{
    if (extra > buffer->limit - buffer->size)
        return salvor_error_set(err, "TooLarge", "more than %zu bytes", buffer->limit);
    size_t needed = buffer->size + extra + 1;
    if (needed <= buffer->capacity)
        return 0;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(buffer->capacity ? buffer->data : NULL, capacity);
    if (!data)
        return salvor_error_memory(err);
    salvor_large_pages(data, capacity);
    if (!buffer->capacity)
        data[0] = '\0';
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int salvor_buffer_append_slowly(struct salvor_buffer *buffer, const void *data, size_t size,
                                struct salvor_error *err)
{
    if (size == 0)
        return 0;
    if (salvor_buffer_reserve(buffer, size, err) < 0)
        return -1;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
    return 0;
}

int salvor_buffer_printf(struct salvor_buffer *buffer, struct salvor_error *err, const char *format,
                         ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return salvor_error_set(err, "Internal", "cannot format text");
    if (salvor_buffer_reserve(buffer, (size_t)length, err) < 0)
        return -1;
    va_start(args, format);
    vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, args);
    va_end(args);
    buffer->size += (size_t)length;
    return 0;
}

void salvor_buffer_consume(struct salvor_buffer *buffer, size_t count)
{
    if (count >= buffer->size) {
        salvor_buffer_clear(buffer);
        return;
    }
    memmove(buffer->data, buffer->data + count, buffer->size - count + 1);
    buffer->size -= count;
}
