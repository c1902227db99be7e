#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repl/screen.h"

enum { COLUMNS = 12, ROWS = 6 };

/*
 * A terminal, as far as a screen uses one: rows of bytes, \r, \n that scrolls, CSI A B C K J m, and
 * a cursor that waits behind the last cell of a row. Only what others print goes on in the next row.
 */
struct terminal {
    char cells[ROWS][COLUMNS + 1];
    size_t row, column;
    bool wraps;
};

static void clear_cells(struct terminal *terminal, size_t row, size_t column, size_t last_row)
{
    for (; row <= last_row; row++, column = 0)
        memset(terminal->cells[row] + column, ' ', COLUMNS - column);
}

static void reset(struct terminal *terminal)
{
    memset(terminal, 0, sizeof(*terminal));
    clear_cells(terminal, 0, 0, ROWS - 1);
}

static void scroll(struct terminal *terminal)
{
    if (++terminal->row < ROWS)
        return;
    memmove(terminal->cells[0], terminal->cells[1], sizeof(terminal->cells[0]) * (ROWS - 1));
    terminal->row = ROWS - 1;
    clear_cells(terminal, ROWS - 1, 0, ROWS - 1);
}

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

static void act(struct terminal *terminal, char command, size_t count)
{
    switch (command) {
    case 'A':
        assert_true(count <= terminal->row);
        terminal->row -= count;
        break;
    case 'B':
        terminal->row = smaller(terminal->row + count, ROWS - 1);
        break;
    case 'C':
        assert_true(terminal->column + count < COLUMNS);
        terminal->column += count;
        break;
    case 'K':
        assert_true(terminal->column < COLUMNS);
        clear_cells(terminal, terminal->row, terminal->column, terminal->row);
        break;
    case 'J':
        clear_cells(terminal, terminal->row, terminal->column, ROWS - 1);
        break;
    default:
        assert_int_equal(command, 'm');
    }
}

static void write_to(struct terminal *terminal, const char *bytes)
{
    while (*bytes) {
        char byte = *bytes++;
        if (byte == '\r') {
            terminal->column = 0;
        } else if (byte == '\n') {
            scroll(terminal);
        } else if (byte == '\x1b') {
            assert_int_equal(*bytes++, '[');
            size_t count = strtoul(bytes, NULL, 10);
            bytes += strspn(bytes, "0123456789;");
            act(terminal, *bytes++, count);
        } else {
            if (terminal->wraps && terminal->column == COLUMNS) {
                scroll(terminal);
                terminal->column = 0;
            }
            assert_true(terminal->column < COLUMNS);
            terminal->cells[terminal->row][terminal->column++] = byte;
        }
    }
}

static struct terminal terminal;
static struct salvor_screen screen;
static struct salvor_frame frame;
static struct salvor_error err;

static int begin(void **state)
{
    (void)state;
    reset(&terminal);
    salvor_screen_init(&screen);
    salvor_frame_init(&frame);
    return 0;
}

static int end(void **state)
{
    (void)state;
    salvor_screen_release(&screen);
    salvor_frame_release(&frame);
    return 0;
}

/* Draws a text with "|" where the cursor is; returns the bytes that were written. */
static size_t draw_rows(const char *text, const char *style, size_t height)
{
    struct salvor_buffer out = SALVOR_BUFFER_INIT(1 << 20);
    const char *cursor = strchr(text, '|');
    size_t before = cursor ? (size_t)(cursor - text) : strlen(text);
    assert_int_equal(salvor_frame_begin(&frame, COLUMNS, &err), 0);
    assert_int_equal(salvor_frame_put(&frame, text, before, style, &err), 0);
    if (cursor) {
        assert_int_equal(salvor_frame_put_cursor(&frame, &err), 0);
        assert_int_equal(salvor_frame_put(&frame, cursor + 1, strlen(cursor + 1), style, &err), 0);
    }
    assert_int_equal(salvor_screen_draw(&screen, &frame, height, &out, &err), 0);
    size_t size = out.size;
    write_to(&terminal, out.data);
    salvor_buffer_release(&out);
    return size;
}

static size_t draw(const char *text)
{
    return draw_rows(text, "", ROWS);
}

static void expect_row(size_t row, const char *expected)
{
    char trimmed[COLUMNS + 1];
    memcpy(trimmed, terminal.cells[row], sizeof(trimmed));
    for (size_t size = COLUMNS; size && trimmed[size - 1] == ' ';)
        trimmed[--size] = '\0';
    assert_string_equal(trimmed, expected);
}

static void expect_cursor(size_t row, size_t column)
{
    assert_int_equal(terminal.row, row);
    assert_int_equal(terminal.column, column);
}

static void a_line_is_drawn_with_its_cursor(void **state)
{
    (void)state;
    draw("> ab|c");
    expect_row(0, "> abc");
    expect_cursor(0, 4);
    draw("> abX|c");
    expect_row(0, "> abXc");
    expect_cursor(0, 5);
    draw("> |");
    expect_row(0, ">");
    expect_cursor(0, 2);
}

static void text_goes_on_in_the_next_row(void **state)
{
    (void)state;
    draw("0123456789abcdef|g");
    expect_row(0, "0123456789ab");
    expect_row(1, "cdefg");
    expect_cursor(1, 4);
    draw("0123456789ab|");
    expect_row(1, "");
    expect_cursor(1, 0);
    draw("0123|");
    expect_row(0, "0123");
    expect_cursor(0, 4);
}

static void rows_that_stay_are_not_written_again(void **state)
{
    (void)state;
    draw("one\ntwo\nthree|");
    size_t all = draw("one\ntwo\nthree|");
    assert_true(all < strlen("one\ntwo\nthree"));
    draw("one\n2|\nthree");
    expect_row(0, "one");
    expect_row(1, "2");
    expect_row(2, "three");
    expect_cursor(1, 1);
}

static void what_is_higher_than_the_terminal_shows_the_rows_of_the_cursor(void **state)
{
    (void)state;
    draw("1\n2\n3\n4\n5\n6\n7\n8|\n9");
    expect_row(0, "3");
    expect_row(5, "8");
    expect_cursor(5, 1);
    draw("1|\n2\n3\n4\n5\n6\n7\n8\n9");
    expect_row(0, "1");
    expect_row(5, "6");
    expect_cursor(0, 1);
    draw_rows("1|\n2\n3\n4", "", 2);
    expect_row(0, "1");
    expect_row(1, "2");
    expect_row(2, "");
}

static void at_the_lower_end_the_terminal_scrolls(void **state)
{
    (void)state;
    write_to(&terminal, "before\r\n1\r\n2\r\n3\r\n4\r\n");
    draw("a\nb\nc|");
    expect_row(2, "4");
    expect_row(3, "a");
    expect_row(5, "c");
    draw("a|");
    expect_row(3, "a");
    expect_row(4, "");
    expect_cursor(3, 1);
}

/* Prints, begins a row and draws a line there. */
static void print_and_draw(const char *printed)
{
    struct salvor_buffer out = SALVOR_BUFFER_INIT(1 << 20);
    reset(&terminal);
    salvor_screen_forget(&screen);
    terminal.wraps = true;
    write_to(&terminal, printed);
    assert_int_equal(salvor_screen_begin_row(COLUMNS, &out, &err), 0);
    write_to(&terminal, out.data);
    salvor_buffer_release(&out);
    expect_row(terminal.row, "");
    expect_cursor(terminal.row, 0);
    terminal.wraps = false;
    draw("> |");
}

static void a_row_begins_below_what_was_printed(void **state)
{
    (void)state;
    print_and_draw("");
    expect_row(0, ">");
    print_and_draw("a\r\n");
    expect_row(0, "a");
    expect_row(1, ">");
    print_and_draw("a");
    expect_row(0, "a%");
    expect_row(1, ">");
    print_and_draw("0123456789a");
    expect_row(0, "0123456789a%");
    expect_row(1, ">");
    print_and_draw("0123456789ab");
    expect_row(0, "0123456789ab");
    expect_row(1, ">");
    print_and_draw("1\r\n2\r\n3\r\n4\r\n5\r\n6");
    expect_row(4, "6%");
    expect_row(5, ">");
}

static void leaving_and_erasing(void **state)
{
    (void)state;
    struct salvor_buffer out = SALVOR_BUFFER_INIT(1 << 20);
    draw("a|\nb");
    assert_int_equal(salvor_screen_leave(&screen, &out, &err), 0);
    write_to(&terminal, out.data);
    expect_cursor(2, 0);
    draw("c\nd|");
    salvor_buffer_clear(&out);
    assert_int_equal(salvor_screen_erase(&screen, &out, &err), 0);
    write_to(&terminal, out.data);
    salvor_buffer_release(&out);
    expect_row(1, "b");
    expect_row(2, "");
    expect_cursor(2, 0);
}

static void what_acts_on_a_terminal_is_shown(void **state)
{
    (void)state;
    draw("\x1b[2J\a|");
    expect_row(0, "\\x1b[2J\\x07");
    draw("\xff\t|x");
    expect_row(0, "\\xff    x");
    expect_cursor(0, 8);
    draw("\xcc\x81|x"); /* an accent on nothing */
    expect_row(0, "\\u{301}x");
    expect_cursor(0, 7);
    draw("\xcd\xb8|x"); /* no character yet */
    expect_row(0, "\\u{378}x");
    draw("z\xcd\xb8|x"); /* that combines with nothing either */
    expect_row(0, "z\\u{378}x");
    expect_cursor(0, 8);
}

static void styles_are_numbers_alone(void **state)
{
    (void)state;
    draw_rows("bold|", "1;34", ROWS);
    expect_row(0, "bold");
    assert_int_equal(salvor_frame_begin(&frame, COLUMNS, &err), 0);
    assert_int_equal(salvor_frame_put(&frame, "x", 1, "1m\x1b[2J", &err), -1);
}

/* The rows of a text, laid out the simplest way. */
static size_t lay_out(char rows[][COLUMNS + 1], size_t most, const char *text, size_t *cursor_row)
{
    size_t row = 0, column = 0;
    memset(rows, 0, most * sizeof(*rows));
    for (; *text; text++) {
        bool is_cursor = *text == '|';
        if (*text != '\n' && column == COLUMNS) {
            row++;
            column = 0;
        }
        if (is_cursor) {
            *cursor_row = row;
        } else if (*text == '\n') {
            row++;
            column = 0;
        } else {
            rows[row][column++] = *text;
        }
        assert_true(row < most);
    }
    return row + 1;
}

static void random_text(char *text, size_t size)
{
    static const char letters[] = "abc def\n";
    size_t length = (size_t)rand() % (size - 2), cursor = (size_t)rand() % (length + 1);
    for (size_t i = 0; i <= length; i++)
        text[i] = i == cursor ? '|' : letters[(size_t)rand() % (sizeof(letters) - 1)];
    text[length + 1] = '\0';
}

static void whatever_comes_after_whatever_is_shown(void **state)
{
    (void)state;
    enum { MOST = 64 };
    static char rows[MOST][COLUMNS + 1];
    char text[60], trimmed[COLUMNS + 1];
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t cursor = 0;
        random_text(text, 3 + (size_t)rand() % (sizeof(text) - 3));
        draw(text);
        size_t count = lay_out(rows, MOST, text, &cursor);
        assert_true(cursor >= screen.top && cursor < screen.top + screen.height);
        assert_int_equal(screen.height, smaller(count, ROWS));
        size_t first = terminal.row - (cursor - screen.top);
        for (size_t i = 0; i < screen.height; i++) {
            strcpy(trimmed, rows[screen.top + i]);
            for (size_t size = strlen(trimmed); size && trimmed[size - 1] == ' ';)
                trimmed[--size] = '\0';
            expect_row(first + i, trimmed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(a_line_is_drawn_with_its_cursor),
        TEST(text_goes_on_in_the_next_row),
        TEST(rows_that_stay_are_not_written_again),
        TEST(what_is_higher_than_the_terminal_shows_the_rows_of_the_cursor),
        TEST(at_the_lower_end_the_terminal_scrolls),
        TEST(a_row_begins_below_what_was_printed),
        TEST(leaving_and_erasing),
        TEST(what_acts_on_a_terminal_is_shown),
        TEST(styles_are_numbers_alone),
        TEST(whatever_comes_after_whatever_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
