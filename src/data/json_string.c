#include "data/json_string.h"

#include <stdio.h>
#include <string.h>

#include "data/utf8.h"

/*
 * Eight bytes at a time: HIGH_BITS are marks for single bytes. Those above the first one are unsure,
 * so that they say no more than that something is there.
 */
#define ONES      0x0101010101010101u
#define HIGH_BITS (ONES << 7)

static uint64_t marks_of(uint64_t word, unsigned char byte)
{
    uint64_t zeros = word ^ (ONES * byte);
    return (zeros - ONES) & ~zeros & HIGH_BITS;
}

/* Quotes, backslashes and control characters */
static uint64_t special_marks(uint64_t word)
{
    uint64_t below_space = (word - ONES * ' ') & ~word & HIGH_BITS;
    return marks_of(word, '"') | marks_of(word, '\\') | below_space;
}

static bool read_hex(uint32_t *out, const char *text)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    *out = 0;
    for (int i = 0; i < 4; i++) {
        const char *digit = memchr(digits, text[i], sizeof(digits) - 1);
        if (!digit)
            return false;
        uint32_t value = (uint32_t)(digit - digits);
        *out = *out << 4 | (value < 16 ? value : value - 6);
    }
    return true;
}

/* \uXXXX, or two of them that are the halves of one character */
static size_t read_unicode(uint32_t *character, const char *at, size_t size)
{
    uint32_t low;
    if (size < 6 || !read_hex(character, at + 2))
        return 0;
    if (*character < 0xd800 || *character > 0xdfff)
        return 6;
    if (*character > 0xdbff || size < 12 || at[6] != '\\' || at[7] != 'u' ||
        !read_hex(&low, at + 8) || low < 0xdc00 || low > 0xdfff)
        return 0;
    *character = 0x10000 + ((*character - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

/* The character of the escape whose backslash stands at `at`: its length, or 0 when it is broken. */
static size_t read_escape(uint32_t *character, const char *at, size_t size)
{
    if (size < 2)
        return 0;
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
        *character = (unsigned char)at[1];
        return 2;
    case 'b':
        *character = '\b';
        return 2;
    case 'f':
        *character = '\f';
        return 2;
    case 'n':
        *character = '\n';
        return 2;
    case 'r':
        *character = '\r';
        return 2;
    case 't':
        *character = '\t';
        return 2;
    case 'u':
        return read_unicode(character, at, size);
    default:
        return 0;
    }
}

/* Checking */

/* Where the next byte stands that is no plain character of one byte. */
static const char *skip_plain(const char *at, const char *end)
{
    uint64_t word;
    while ((size_t)(end - at) >= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        if ((special_marks(word) | word) & HIGH_BITS)
            break;
        at += sizeof(word);
    }
    while (at < end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
        at++;
    return at;
}

const char *salvor_json_string_check(const char *at, const char *end, bool is_key)
{
    while ((at = skip_plain(at, end)) < end && *at != '"') {
        uint32_t character;
        size_t left = (size_t)(end - at), length = 0;
        if (*at == '\\')
            length = read_escape(&character, at, left);
        else if ((unsigned char)*at >= ' ')
            length = salvor_utf8_next(&character, at, left);
        if (!length || (is_key && !character))
            return NULL;
        at += length;
    }
    return at < end ? at + 1 : NULL;
}

/* Reading what was checked */

/* The quote that ends the string that begins at `at`; *has_escapes is set when there are some. */
static const char *find_quote(bool *has_escapes, const char *at, const char *end)
{
    uint64_t word;
    for (;;) {
        while ((size_t)(end - at) >= sizeof(word)) {
            memcpy(&word, at, sizeof(word));
            if (marks_of(word, '"') | marks_of(word, '\\'))
                break;
            at += sizeof(word);
        }
        while (*at != '"' && *at != '\\')
            at++;
        if (*at == '"')
            return at;
        *has_escapes = true;
        at += 2;
    }
}

static char *put_utf8(char *out, uint32_t character)
{
    if (character < 0x80) {
        *out++ = (char)character;
    } else if (character < 0x800) {
        *out++ = (char)(0xc0 | character >> 6);
        *out++ = (char)(0x80 | (character & 0x3f));
    } else if (character < 0x10000) {
        *out++ = (char)(0xe0 | character >> 12);
        *out++ = (char)(0x80 | (character >> 6 & 0x3f));
        *out++ = (char)(0x80 | (character & 0x3f));
    } else {
        *out++ = (char)(0xf0 | character >> 18);
        *out++ = (char)(0x80 | (character >> 12 & 0x3f));
        *out++ = (char)(0x80 | (character >> 6 & 0x3f));
        *out++ = (char)(0x80 | (character & 0x3f));
    }
    return out;
}

/* The string in `size` bytes of text without its escapes, which never makes it longer. */
static int unescape(struct salvor_buffer *out, const char *text, size_t size,
                    struct salvor_error *err)
{
    const char *at = text, *end = text + size;
    salvor_buffer_clear(out);
    if (salvor_buffer_reserve(out, size, err) < 0)
        return -1;
    char *to = out->data;
    while (at < end) {
        uint32_t character;
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at += read_escape(&character, at, (size_t)(end - at));
        to = put_utf8(to, character);
    }
    out->size = (size_t)(to - out->data);
    return 0;
}

int salvor_json_string_read(const char **at, const char **text, size_t *size,
                            struct salvor_buffer *scratch, const char *end,
                            struct salvor_error *err)
{
    bool has_escapes = false;
    const char *start = *at, *quote = find_quote(&has_escapes, start, end);
    *at = quote + 1;
    *text = start;
    *size = (size_t)(quote - start);
    if (!has_escapes)
        return 0;
    if (unescape(scratch, *text, *size, err) < 0)
        return -1;
    *text = scratch->data;
    *size = scratch->size;
    return 0;
}

/* Writing */

static bool needs_escape(char byte)
{
    return (unsigned char)byte < ' ' || byte == '"' || byte == '\\' || byte == 0x7f;
}

static const char *skip_written(const char *at, const char *end)
{
    uint64_t word;
    while ((size_t)(end - at) >= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        if (special_marks(word) | marks_of(word, 0x7f))
            break;
        at += sizeof(word);
    }
    while (at < end && !needs_escape(*at))
        at++;
    return at;
}

static int write_escape(struct salvor_buffer *out, char byte, struct salvor_error *err)
{
    static const char names[] = "\"\"\\\\\bb\tt\nn\ff\rr";
    for (const char *name = names; *name; name += 2)
        if (*name == byte)
            return salvor_buffer_append(out, (char[]){'\\', name[1]}, 2, err);
    char escape[8];
    snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)byte);
    return salvor_buffer_append(out, escape, 6, err);
}

int salvor_json_string_write(struct salvor_buffer *out, const char *text, size_t size,
                             struct salvor_error *err)
{
    const char *at = text, *end = text + size;
    if (salvor_buffer_append(out, "\"", 1, err) < 0)
        return -1;
    for (;;) {
        const char *start = at;
        at = skip_written(at, end);
        if (salvor_buffer_append(out, start, (size_t)(at - start), err) < 0)
            return -1;
        if (at == end)
            return salvor_buffer_append(out, "\"", 1, err);
        if (write_escape(out, *at++, err) < 0)
            return -1;
    }
}
