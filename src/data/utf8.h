/* UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef SALVOR_DATA_UTF8_H
#define SALVOR_DATA_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads one character of a text that is not empty: its length in bytes, or 0 when it is broken. */
size_t salvor_utf8_next(uint32_t *character, const char *text, size_t size);

bool salvor_utf8_valid(const char *text, size_t size);

/* Line and column of a byte, both from 1; the column counts characters, as editors do. */
void salvor_utf8_position(size_t *line, size_t *column, const char *text, size_t offset);

#endif
