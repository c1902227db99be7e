/* The strings inside a JSON text, for its readers and its writer. */
#ifndef SALVOR_DATA_JSON_STRING_H
#define SALVOR_DATA_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"

/*
 * Checks the string whose first byte behind the quote is `at`: UTF-8, no control characters, whole
 * escapes, no half of a surrogate pair, and in a key no U+0000, which jansson cannot hold there.
 * Returns where it goes on behind the closing quote, or NULL.
 */
const char *salvor_json_string_check(const char *at, const char *end, bool is_key);

/*
 * Reads a string that was checked, from *at on, which goes behind its closing quote. The bytes are
 * those of the text itself or, when there are escapes, those of `scratch`, and stay as long as these.
 */
int salvor_json_string_read(const char **at, const char **text, size_t *size,
                            struct salvor_buffer *scratch, const char *end,
                            struct salvor_error *err);

/* Appends `text`, which is UTF-8, in quotes and with the escapes that it needs. */
int salvor_json_string_write(struct salvor_buffer *out, const char *text, size_t size,
                             struct salvor_error *err);

#endif
