#include "repl/screen.h"

#include <string.h>

#include "data/text.h"
#include "data/utf8.h"

enum { LIMIT = 64 << 20, TAB = 8, FEWEST_COLUMNS = 2, LONGEST_ESCAPE = 16 };

/* Frames */

void salvor_frame_init(struct salvor_frame *frame)
{
    memset(frame, 0, sizeof(*frame));
    salvor_buffer_init(&frame->bytes, LIMIT);
    salvor_buffer_init(&frame->rows, LIMIT);
}

void salvor_frame_release(struct salvor_frame *frame)
{
    salvor_buffer_release_wiped(&frame->bytes);
    salvor_buffer_release(&frame->rows);
}

size_t salvor_frame_count(const struct salvor_frame *frame)
{
    return frame->rows.size / sizeof(struct salvor_frame_row);
}

static struct salvor_frame_row *row_at(const struct salvor_frame *frame, size_t index)
{
    return (struct salvor_frame_row *)(void *)frame->rows.data + index;
}

static struct salvor_frame_row *last_row(const struct salvor_frame *frame)
{
    return row_at(frame, salvor_frame_count(frame) - 1);
}

static int put_bytes(struct salvor_frame *frame, const char *bytes, size_t size,
                     struct salvor_error *err)
{
    if (salvor_buffer_append(&frame->bytes, bytes, size, err) < 0)
        return -1;
    last_row(frame)->end = frame->bytes.size;
    return 0;
}

static int put_style(struct salvor_frame *frame, const char *style, struct salvor_error *err)
{
    if (strcmp(frame->style, style) == 0)
        return 0;
    if (strlen(style) >= sizeof(frame->style) || style[strspn(style, "0123456789;")])
        return salvor_error_set(err, "Invalid", "no style of a terminal: %s", style);
    strcpy(frame->style, style);
    if (salvor_buffer_printf(&frame->bytes, err, *style ? "\x1b[0;%sm" : "\x1b[%sm", style) < 0)
        return -1;
    last_row(frame)->end = frame->bytes.size;
    return 0;
}

static int begin_row(struct salvor_frame *frame, struct salvor_error *err)
{
    struct salvor_frame_row row = {.begin = frame->bytes.size, .end = frame->bytes.size};
    frame->column = 0;
    return salvor_buffer_append(&frame->rows, &row, sizeof(row), err);
}

/* Each row ends as it began, without a style, so that one can be written without the others. */
static int next_row(struct salvor_frame *frame, struct salvor_error *err)
{
    return put_style(frame, "", err) < 0 ? -1 : begin_row(frame, err);
}

int salvor_frame_begin(struct salvor_frame *frame, size_t columns, struct salvor_error *err)
{
    salvor_buffer_clear(&frame->bytes);
    salvor_buffer_clear(&frame->rows);
    frame->columns = columns < FEWEST_COLUMNS ? FEWEST_COLUMNS : columns;
    frame->style[0] = '\0';
    frame->has_cursor = false;
    return begin_row(frame, err);
}

static int put_cell(struct salvor_frame *frame, const char *text, size_t size, size_t width,
                    const char *style, struct salvor_error *err)
{
    if (frame->column + width > frame->columns && next_row(frame, err) < 0)
        return -1;
    if (put_style(frame, style, err) < 0 || put_bytes(frame, text, size, err) < 0)
        return -1;
    frame->column += width;
    last_row(frame)->width = frame->column;
    return 0;
}

/* Also what has no columns and nothing to stand on, and what this machine does not know. */
static int put_escaped(struct salvor_frame *frame, const char *text, size_t size, const char *style,
                       struct salvor_error *err)
{
    struct salvor_buffer escape = SALVOR_BUFFER_INIT(LONGEST_ESCAPE);
    uint32_t character;
    bool is_alone = salvor_utf8_next(&character, text, size) && !salvor_text_is_harmful(character);
    int result = is_alone ? salvor_buffer_printf(&escape, err, "\\u{%x}", (unsigned)character)
                          : salvor_text_escape(&escape, text, size, "", err);
    for (size_t i = 0; result == 0 && i < escape.size; i++)
        result = put_cell(frame, escape.data + i, 1, 1, style, err);
    salvor_buffer_release(&escape);
    return result;
}

static int put_tab(struct salvor_frame *frame, const char *style, struct salvor_error *err)
{
    do {
        if (put_cell(frame, " ", 1, 1, style, err) < 0)
            return -1;
    } while (frame->column % TAB && frame->column < frame->columns);
    return 0;
}

int salvor_frame_put(struct salvor_frame *frame, const char *text, size_t size, const char *style,
                     struct salvor_error *err)
{
    for (const char *end = text + size; text < end;) {
        size_t width;
        size_t used = salvor_text_cell(&width, text, (size_t)(end - text));
        int result;
        if (*text == '\n')
            result = next_row(frame, err);
        else if (*text == '\t')
            result = put_tab(frame, style, err);
        else if (width)
            result = put_cell(frame, text, used, width, style, err);
        else
            result = put_escaped(frame, text, used, style, err);
        if (result < 0)
            return -1;
        text += used;
    }
    return 0;
}

int salvor_frame_put_cursor(struct salvor_frame *frame, struct salvor_error *err)
{
    if (frame->column == frame->columns && next_row(frame, err) < 0)
        return -1;
    frame->has_cursor = true;
    frame->cursor_row = salvor_frame_count(frame) - 1;
    frame->cursor_column = frame->column;
    return 0;
}

/* Screens */

/* Where the terminal's cursor is while rows are drawn, from the first row that is shown. */
struct pen {
    struct salvor_buffer *out;
    size_t row;  /* at most `rows - 1` */
    size_t rows; /* that exist on the terminal already */
};

void salvor_screen_init(struct salvor_screen *screen)
{
    memset(screen, 0, sizeof(*screen));
    salvor_frame_init(&screen->shown);
}

void salvor_screen_release(struct salvor_screen *screen)
{
    salvor_frame_release(&screen->shown);
}

void salvor_screen_forget(struct salvor_screen *screen)
{
    salvor_buffer_clear(&screen->shown.rows);
    salvor_buffer_clear(&screen->shown.bytes);
    screen->top = screen->height = 0;
}

static int move(struct salvor_buffer *out, char direction, size_t count, struct salvor_error *err)
{
    return count ? salvor_buffer_printf(out, err, "\x1b[%zu%c", count, direction) : 0;
}

/* To the beginning of a row; one that is not there yet is made by going on. */
static int go_to_row(struct pen *pen, size_t row, struct salvor_error *err)
{
    if (salvor_buffer_append(pen->out, "\r", 1, err) < 0)
        return -1;
    if (row < pen->row && move(pen->out, 'A', pen->row - row, err) < 0)
        return -1;
    size_t there = row < pen->rows ? row : pen->rows - 1;
    if (there > pen->row && move(pen->out, 'B', there - pen->row, err) < 0)
        return -1;
    for (; pen->rows <= row; pen->rows++) {
        if (salvor_buffer_append(pen->out, "\r\n", 2, err) < 0)
            return -1;
    }
    pen->row = row;
    return 0;
}

static bool is_same_row(const struct salvor_frame *one, size_t index,
                        const struct salvor_frame *other, size_t other_index)
{
    const struct salvor_frame_row *a = row_at(one, index), *b = row_at(other, other_index);
    size_t size = a->end - a->begin;
    return size == b->end - b->begin && a->width == b->width &&
           memcmp(one->bytes.data + a->begin, other->bytes.data + b->begin, size) == 0;
}

static int draw_row(struct pen *pen, const struct salvor_frame *frame, size_t index,
                    struct salvor_error *err)
{
    const struct salvor_frame_row *row = row_at(frame, index);
    if (salvor_buffer_append(pen->out, frame->bytes.data + row->begin, row->end - row->begin, err) <
        0)
        return -1;
    /* Behind a full row the cursor is still on its last cell, which this would clear. */
    return row->width < frame->columns ? salvor_buffer_append(pen->out, "\x1b[K", 3, err) : 0;
}

/* The first row to show of a frame that may be higher than the terminal. */
static size_t choose_top(const struct salvor_frame *frame, size_t before, size_t height)
{
    size_t count = salvor_frame_count(frame);
    size_t cursor = frame->has_cursor ? frame->cursor_row : count - 1;
    if (count <= height)
        return 0;
    size_t top = before > count - height ? count - height : before;
    if (cursor < top)
        return cursor;
    return cursor >= top + height ? cursor - height + 1 : top;
}

static int place_cursor(struct pen *pen, const struct salvor_screen *screen,
                        struct salvor_error *err)
{
    const struct salvor_frame *frame = &screen->shown;
    size_t row = frame->has_cursor ? frame->cursor_row : screen->top + screen->height - 1;
    size_t column = frame->has_cursor ? frame->cursor_column : row_at(frame, row)->width;
    if (go_to_row(pen, row - screen->top, err) < 0)
        return -1;
    return move(pen->out, 'C', column, err);
}

/* The row, of those that were drawn, in which place_cursor() has left the cursor. */
static size_t row_of_cursor(const struct salvor_screen *screen)
{
    const struct salvor_frame *frame = &screen->shown;
    return frame->has_cursor ? frame->cursor_row - screen->top : screen->height - 1;
}

static int draw_changes(struct salvor_screen *screen, const struct salvor_frame *frame, size_t top,
                        size_t height, struct pen *pen, struct salvor_error *err)
{
    for (size_t row = 0; row < height; row++) {
        if (row < screen->height &&
            is_same_row(&screen->shown, screen->top + row, frame, top + row))
            continue;
        if (go_to_row(pen, row, err) < 0 || draw_row(pen, frame, top + row, err) < 0)
            return -1;
    }
    if (screen->height <= height)
        return 0;
    return go_to_row(pen, height, err) < 0 ? -1 : salvor_buffer_append(pen->out, "\x1b[J", 3, err);
}

/* Rows that a terminal has made of the first `count` ones, now that it has other columns. */
static size_t rows_after_resize(const struct salvor_screen *screen, size_t count, size_t columns)
{
    size_t rows = 0;
    for (size_t row = 0; row < count; row++) {
        size_t width = row_at(&screen->shown, screen->top + row)->width;
        rows += width ? (width + columns - 1) / columns : 1;
    }
    return rows;
}

/* Goes to where the drawing began and clears all below. */
static int clear(struct salvor_screen *screen, size_t columns, struct salvor_buffer *out,
                 struct salvor_error *err)
{
    if (!screen->height)
        return 0;
    size_t column = screen->shown.has_cursor ? screen->shown.cursor_column : 0;
    size_t above = row_of_cursor(screen);
    if (columns != screen->shown.columns)
        above = rows_after_resize(screen, above, columns) + column / columns;
    salvor_screen_forget(screen);
    if (salvor_buffer_append(out, "\r", 1, err) < 0 || move(out, 'A', above, err) < 0)
        return -1;
    return salvor_buffer_append(out, "\x1b[J", 3, err);
}

int salvor_screen_draw(struct salvor_screen *screen, struct salvor_frame *frame, size_t height,
                       struct salvor_buffer *out, struct salvor_error *err)
{
    if (put_style(frame, "", err) < 0)
        return -1;
    if (screen->height && (frame->columns != screen->shown.columns || screen->height > height) &&
        clear(screen, frame->columns, out, err) < 0)
        return -1;
    size_t count = salvor_frame_count(frame);
    size_t top = choose_top(frame, screen->top, height);
    size_t visible = count > height ? height : count;
    struct pen pen = {.out = out,
                      .row = screen->height ? row_of_cursor(screen) : 0,
                      .rows = screen->height ? screen->height : 1};
    if (draw_changes(screen, frame, top, visible, &pen, err) < 0)
        return -1;
    struct salvor_frame before = screen->shown;
    screen->shown = *frame;
    *frame = before;
    screen->top = top;
    screen->height = visible;
    return place_cursor(&pen, screen, err);
}

int salvor_screen_begin_row(size_t columns, struct salvor_buffer *out, struct salvor_error *err)
{
    return salvor_buffer_printf(out, err, "\x1b[7m%%\x1b[m%*s\r\x1b[K", (int)columns - 1, "");
}

int salvor_screen_leave(struct salvor_screen *screen, struct salvor_buffer *out,
                        struct salvor_error *err)
{
    if (!screen->height)
        return 0;
    size_t below = screen->height - 1 - row_of_cursor(screen);
    salvor_screen_forget(screen);
    return move(out, 'B', below, err) < 0 ? -1 : salvor_buffer_append(out, "\r\n", 2, err);
}

int salvor_screen_erase(struct salvor_screen *screen, struct salvor_buffer *out,
                        struct salvor_error *err)
{
    return clear(screen, screen->shown.columns, out, err);
}
