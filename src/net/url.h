/* Percent-encoding of the parts of a URL, RFC 3986. */
#ifndef SALVOR_NET_URL_H
#define SALVOR_NET_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"

/* Appends `text` with every byte but A-Z a-z 0-9 - . _ ~ written as %XX. */
int salvor_url_escape(struct salvor_buffer *out, const char *text, size_t size,
                      struct salvor_error *err);

/* Appends "?name=value", or "&name=value" when `first` is false, both parts escaped. */
int salvor_url_add_query(struct salvor_buffer *out, bool first, const char *name, size_t name_size,
                         const char *value, size_t value_size, struct salvor_error *err);

#endif
