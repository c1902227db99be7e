/* Base64 by RFC 4648, section 4: the standard alphabet, padded, no line breaks. */
#ifndef SALVOR_DATA_BASE64_H
#define SALVOR_DATA_BASE64_H

#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"

/* Appends the text of `size` bytes. */
int salvor_base64_encode(struct salvor_buffer *out, const void *data, size_t size,
                         struct salvor_error *err);

/*
 * Appends the bytes of a text. Strict: another character, missing padding, anything behind it and
 * unused bits that are not zero are Invalid, so that two different texts never mean the same.
 */
int salvor_base64_decode(struct salvor_buffer *out, const char *text, size_t size,
                         struct salvor_error *err);

#endif
