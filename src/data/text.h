/* Text as a terminal shows it. */
#ifndef SALVOR_DATA_TEXT_H
#define SALVOR_DATA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"

/*
 * Appends `text` so that it cannot do anything to a terminal: control characters, what changes the
 * direction of writing, line and paragraph separators and bytes that are not UTF-8 are shown as
 * escapes ("\n", "\x1b", "\u{202e}"). The bytes in `keep` (such as "\n\t") stay as they are.
 */
int salvor_text_escape(struct salvor_buffer *out, const char *text, size_t size, const char *keep,
                       struct salvor_error *err);

/*
 * Columns that the text takes: two for wide characters, none for combining ones and for control
 * characters, one for a byte that is not UTF-8.
 */
size_t salvor_text_width(const char *text, size_t size);

/*
 * What one place of a terminal shows, at the beginning of a text that is not empty: a character and
 * those that combine with it, or a byte that is not UTF-8. Returns its bytes; `width` is its columns,
 * 0 when it is harmful, combines with nothing, or is not known to this machine.
 */
size_t salvor_text_cell(size_t *width, const char *text, size_t size);

/* Whether a character, shown as it is, could do something to a terminal: what is escaped above. */
bool salvor_text_is_harmful(uint32_t character);

/*
 * Makes a text that came from outside one line of UTF-8 that may be shown, as long as it was:
 * harmful characters become blanks, bytes that are not UTF-8 question marks.
 */
void salvor_text_make_one_line(char *text, size_t size);

/* The same for the message and the hint of an error that quotes such text. NULL is fine. */
void salvor_text_make_error_one_line(struct salvor_error *err);

#endif
