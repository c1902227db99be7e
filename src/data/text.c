#include "data/text.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "data/utf8.h"

/* Unicode's invisible controls of direction and lines. */
bool salvor_text_is_harmful(uint32_t character)
{
    return character < 0x20 || (character >= 0x7F && character < 0xA0) ||
           (character >= 0x202A && character <= 0x202E) || character == 0x200E ||
           character == 0x200F || character == 0x061C || character == 0x2028 ||
           character == 0x2029 || (character >= 0x2066 && character <= 0x2069) ||
           character == 0xFEFF;
}

static int append_escape(struct salvor_buffer *out, uint32_t character, struct salvor_error *err)
{
    switch (character) {
    case '\n':
        return salvor_buffer_append(out, "\\n", 2, err);
    case '\r':
        return salvor_buffer_append(out, "\\r", 2, err);
    case '\t':
        return salvor_buffer_append(out, "\\t", 2, err);
    default:
        return salvor_buffer_printf(out, err, character < 0x80 ? "\\x%02x" : "\\u{%x}",
                                    (unsigned)character);
    }
}

int salvor_text_escape(struct salvor_buffer *out, const char *text, size_t size, const char *keep,
                       struct salvor_error *err)
{
    size_t used;
    for (size_t i = 0; i < size; i += used) {
        uint32_t character;
        int result;
        used = salvor_utf8_next(&character, text + i, size - i);
        if (!used) {
            used = 1;
            result = salvor_buffer_printf(out, err, "\\x%02x", (unsigned char)text[i]);
        } else if (salvor_text_is_harmful(character) && !(text[i] && strchr(keep, text[i]))) {
            result = append_escape(out, character, err);
        } else {
            result = salvor_buffer_append(out, text + i, used, err);
        }
        if (result < 0)
            return -1;
    }
    return 0;
}

/* The C library knows widths only in a locale of UTF-8; the process stays in its own. */
static locale_t enter_utf8(void)
{
    static locale_t utf8;
    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return utf8 ? uselocale(utf8) : (locale_t)0;
}

static void leave_utf8(locale_t before)
{
    if (before)
        uselocale(before);
}

/* -1 for a character that the C library does not know: nothing says that it combines. */
static int columns_of(uint32_t character, bool known)
{
    return known ? wcwidth((wchar_t)character) : 1;
}

static size_t width_of(uint32_t character, bool known)
{
    int columns = columns_of(character, known);
    return columns < 0 ? 0 : (size_t)columns;
}

size_t salvor_text_width(const char *text, size_t size)
{
    locale_t before = enter_utf8();
    size_t width = 0, used;
    for (size_t i = 0; i < size; i += used) {
        uint32_t character;
        used = salvor_utf8_next(&character, text + i, size - i);
        width += used ? width_of(character, before != (locale_t)0) : 1;
        if (!used)
            used = 1;
    }
    leave_utf8(before);
    return width;
}

size_t salvor_text_cell(size_t *width, const char *text, size_t size)
{
    uint32_t character;
    size_t used = salvor_utf8_next(&character, text, size);
    *width = 0;
    if (!used || salvor_text_is_harmful(character))
        return used ? used : 1;
    locale_t before = enter_utf8();
    *width = width_of(character, before != (locale_t)0);
    while (*width && used < size) {
        size_t more = salvor_utf8_next(&character, text + used, size - used);
        if (!more || salvor_text_is_harmful(character) ||
            columns_of(character, before != (locale_t)0) != 0)
            break;
        used += more;
    }
    leave_utf8(before);
    return used;
}

void salvor_text_make_one_line(char *text, size_t size)
{
    size_t length;
    for (size_t at = 0; at < size; at += length) {
        uint32_t character = 0;
        length = salvor_utf8_next(&character, text + at, size - at);
        if (!length)
            text[at++] = '?';
        else if (salvor_text_is_harmful(character))
            memset(text + at, ' ', length);
    }
}

void salvor_text_make_error_one_line(struct salvor_error *err)
{
    if (!err)
        return;
    salvor_text_make_one_line(err->message, strlen(err->message));
    salvor_text_make_one_line(err->hint, strlen(err->hint));
}
