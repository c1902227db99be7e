/* How a string is written in YAML so that every YAML 1.1 and 1.2 reader gives the same string back. */
#ifndef SALVOR_DATA_YAML_STYLE_H
#define SALVOR_DATA_YAML_STYLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"

enum salvor_yaml_style {
    SALVOR_YAML_PLAIN,
    SALVOR_YAML_QUOTED,  /* double quotes */
    SALVOR_YAML_LITERAL, /* several lines that can stand behind a `|` without an indicator */
};

/* The style for a UTF-8 string in block context. */
enum salvor_yaml_style salvor_yaml_style(const char *text, size_t size);

/* Whether a string that may be plain may be so between [] and {} too. */
bool salvor_yaml_is_flow_plain(const char *text, size_t size);

/* Appends the string in double quotes, on one line. */
int salvor_yaml_quote(struct salvor_buffer *out, const char *text, size_t size,
                      struct salvor_error *err);

/* The same in single quotes: 1, or 0 when the string cannot stand in them. */
int salvor_yaml_single_quote(struct salvor_buffer *out, const char *text, size_t size,
                             struct salvor_error *err);

/*
 * The shortest text of a finite number, with the point that YAML 1.1 demands of a real (1.0e+20).
 * `out` has SALVOR_JSON_REAL_SIZE bytes.
 */
void salvor_yaml_format_real(char *out, double number);

/*
 * A longer key stands behind a `? `, as kubectl writes it: readers give up looking for the `:` after
 * 1024 characters, and an escaped character may take six.
 */
#define SALVOR_YAML_SIMPLE_KEY 128

#endif
