/*
 * The rows of a terminal in which a line is edited: drawn below what was printed before, and
 * changed where they differ from what was drawn last. Pure: what is to be written goes to a buffer.
 */
#ifndef SALVOR_REPL_SCREEN_H
#define SALVOR_REPL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"

/*
 * What the rows shall look like. Text is placed from left to right and goes on in the next row at
 * the right edge; what could act on the terminal is shown as an escape.
 */
struct salvor_frame {
    size_t columns;
    struct salvor_buffer bytes; /* of the rows, one after the other, as they are written */
    struct salvor_buffer rows;  /* struct salvor_frame_row[] */
    size_t column;              /* of the next cell, in the last row */
    char style[32];             /* of the last cell */
    bool has_cursor;
    size_t cursor_row, cursor_column;
};

struct salvor_frame_row {
    size_t begin, end; /* in the bytes */
    size_t width;      /* columns */
};

void salvor_frame_init(struct salvor_frame *frame);
void salvor_frame_release(struct salvor_frame *frame);

/* Empties it, for a terminal of that many columns. */
int salvor_frame_begin(struct salvor_frame *frame, size_t columns, struct salvor_error *err);

/*
 * Puts text behind what is there; \n goes to the next row. `style`: the numbers of a Select Graphic
 * Rendition (ECMA-48), as in "1;34", or "".
 */
int salvor_frame_put(struct salvor_frame *frame, const char *text, size_t size, const char *style,
                     struct salvor_error *err);

/* The cursor stands on what is put next. */
int salvor_frame_put_cursor(struct salvor_frame *frame, struct salvor_error *err);

size_t salvor_frame_count(const struct salvor_frame *frame);

struct salvor_screen {
    struct salvor_frame shown; /* what was drawn last; no rows: nothing */
    size_t top, height;        /* the part of it that was drawn */
};

void salvor_screen_init(struct salvor_screen *screen);
void salvor_screen_release(struct salvor_screen *screen);

/*
 * Appends to `out` what makes the terminal show the frame, of which it takes the content. Of one
 * with more rows than `height`, at least 1, it shows those around the cursor.
 */
int salvor_screen_draw(struct salvor_screen *screen, struct salvor_frame *frame, size_t height,
                       struct salvor_buffer *out, struct salvor_error *err);

/*
 * Appends what takes the cursor to the beginning of a row before anything is drawn: of the next one,
 * and a mark behind the text, where the cursor stands behind text. Nobody has to know where that is
 * (as in zsh's PROMPT_SP): what is written takes as many columns as the terminal has.
 */
int salvor_screen_begin_row(size_t columns, struct salvor_buffer *out, struct salvor_error *err);

/* Leaves what was drawn where it is, with the cursor at the beginning of the row below. */
int salvor_screen_leave(struct salvor_screen *screen, struct salvor_buffer *out,
                        struct salvor_error *err);

/* Takes away what was drawn, with the cursor where it began. */
int salvor_screen_erase(struct salvor_screen *screen, struct salvor_buffer *out,
                        struct salvor_error *err);

/* Something else has cleared the terminal: nothing is drawn. */
void salvor_screen_forget(struct salvor_screen *screen);

#endif
