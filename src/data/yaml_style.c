#include "data/yaml_style.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/json.h"
#include "data/utf8.h"

/*
 * Characters that are harmless in a plain string: BEGIN at its beginning too, INSIDE only behind one
 * of those. Most strings have no others, and then all that is left to fear is a word like "yes".
 */
enum { BEGIN = 1, INSIDE = 2 };

static const unsigned char harmless[256] = {
    ['/'] = BEGIN,          ['_'] = BEGIN,  ['A' ... 'Z'] = BEGIN, ['a' ... 'z'] = BEGIN,
    ['0' ... '9'] = INSIDE, ['-'] = INSIDE, ['.'] = INSIDE,
};

/* Characters that need a look at their surroundings, or cannot stand plain at all. */
static bool is_special(unsigned char byte)
{
    return byte < 0x20 || byte >= 0x7f || byte == ':' || byte == '#';
}

/* Beyond ASCII: printable to every reader and a line break to none. */
static bool is_printable(uint32_t character)
{
    return character >= 0xa0 && character != 0x2028 && character != 0x2029 && character != 0xfeff &&
           (character & 0xfffe) != 0xfffe;
}

/* What some reader takes for null or a boolean, in any spelling. */
static bool is_word(const char *text, size_t size)
{
    static const char *const words[] = {"~",  "null",  "y",   "n",  "yes", "no", "true",
                                        "on", "false", "off", "<<", "=",   NULL};
    if (size > 5 || !strchr("~nytof<=NYTOF", text[0]))
        return false;
    for (size_t i = 0; words[i]; i++)
        if (strlen(words[i]) == size && !strncasecmp(text, words[i], size))
            return true;
    return false;
}

/* What some reader takes for a number, a date or a time: nothing but their characters. */
static bool is_numeric(const char *text, size_t size)
{
    if (text[0] == '.')
        return size > 1 &&
               (isdigit((unsigned char)text[1]) || text[1] == '_' ||
                (size == 4 && (!strncasecmp(text, ".inf", 4) || !strncasecmp(text, ".nan", 4))));
    if (!isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 1; i < size; i++)
        if (!strchr("0123456789abcdefABCDEFxXoO_.:+-tTzZ ", text[i]))
            return false;
    return true;
}

/* Whether a text without special characters in wrong places may begin and end like this. */
static bool has_plain_ends(const char *text, size_t size)
{
    if (strchr("?:,[]{}#&*!|>'\"%@`+ ", text[0]) || text[size - 1] == ' ' || text[size - 1] == ':')
        return false;
    if (text[0] == '-' && (size < 2 || (text[1] != '-' && !isalpha((unsigned char)text[1]))))
        return false;
    return strncmp(text, "---", 3) != 0 && strncmp(text, "...", 3) != 0;
}

/* Whether a text of several lines is safe as a literal block; its characters were looked at. */
static bool is_literal(const char *text, size_t size)
{
    if (text[0] == '\n' || text[0] == ' ' || text[0] == '\t')
        return false;
    const char *end = text + size;
    for (const char *line = text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        const char *at = line;
        while (at < stop && (*at == ' ' || *at == '\t'))
            at++;
        if (at == stop && at > line)
            return false;
        line = stop + 1;
    }
    return true;
}

/* The style of a string whose characters before `from` are harmless. */
static enum salvor_yaml_style look_closer(const char *text, size_t size, size_t from)
{
    bool plain = true;
    bool lines = false;
    for (size_t i = from; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (!is_special(byte))
            continue;
        uint32_t character;
        if (byte == ':') {
            plain = plain && !(i + 1 < size && text[i + 1] == ' ');
        } else if (byte == '#') {
            plain = plain && !(i > 0 && text[i - 1] == ' ');
        } else if (byte == '\n') {
            lines = true;
        } else if (byte == '\t') {
            plain = false;
        } else if (byte < 0x80) {
            return SALVOR_YAML_QUOTED;
        } else {
            size_t length = salvor_utf8_next(&character, text + i, size - i);
            if (!length || !is_printable(character))
                return SALVOR_YAML_QUOTED;
            i += length - 1;
        }
    }
    if (lines)
        return is_literal(text, size) ? SALVOR_YAML_LITERAL : SALVOR_YAML_QUOTED;
    return plain && has_plain_ends(text, size) && !is_word(text, size) && !is_numeric(text, size)
               ? SALVOR_YAML_PLAIN
               : SALVOR_YAML_QUOTED;
}

enum salvor_yaml_style salvor_yaml_style(const char *text, size_t size)
{
    size_t at = 0;
    if (size == 0)
        return SALVOR_YAML_QUOTED;
    if (harmless[(unsigned char)text[0]] == BEGIN)
        while (at < size && harmless[(unsigned char)text[at]])
            at++;
    if (at < size)
        return look_closer(text, size, at);
    return is_word(text, size) ? SALVOR_YAML_QUOTED : SALVOR_YAML_PLAIN;
}

bool salvor_yaml_is_flow_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (strchr(",[]{}:", text[i]))
            return false;
    return true;
}

static size_t escape(char out[12], uint32_t character)
{
    static const char named[] = "\"\"\\\\\nn\tt\rr\bb";
    const char *name = character && character < 0x80 ? strchr(named, (int)character) : NULL;
    if (name && (size_t)(name - named) % 2 == 0)
        return (size_t)sprintf(out, "\\%c", name[1]);
    if (character < 0x100)
        return (size_t)sprintf(out, "\\x%02X", (unsigned)character);
    return (size_t)sprintf(out, character < 0x10000 ? "\\u%04X" : "\\U%08X", (unsigned)character);
}

int salvor_yaml_quote(struct salvor_buffer *out, const char *text, size_t size,
                      struct salvor_error *err)
{
    if (salvor_buffer_append(out, "\"", 1, err) < 0)
        return -1;
    size_t from = 0;
    for (size_t i = 0; i < size;) {
        unsigned char byte = (unsigned char)text[i];
        uint32_t character = byte;
        size_t length = byte < 0x80 ? 1 : salvor_utf8_next(&character, text + i, size - i);
        if (!length)
            return salvor_error_set(err, "Internal", "a string that is not UTF-8");
        bool verbatim = byte < 0x80 ? byte >= 0x20 && byte != 0x7f && byte != '"' && byte != '\\'
                                    : is_printable(character);
        if (!verbatim) {
            char text_of[12];
            size_t width = escape(text_of, character);
            if (salvor_buffer_append(out, text + from, i - from, err) < 0 ||
                salvor_buffer_append(out, text_of, width, err) < 0)
                return -1;
            from = i + length;
        }
        i += length;
    }
    return salvor_buffer_append(out, text + from, size - from, err) < 0
               ? -1
               : salvor_buffer_append(out, "\"", 1, err);
}

int salvor_yaml_single_quote(struct salvor_buffer *out, const char *text, size_t size,
                             struct salvor_error *err)
{
    for (size_t i = 0; i < size;) {
        uint32_t character;
        size_t length = salvor_utf8_next(&character, text + i, size - i);
        if (!length || character < 0x20 || (character >= 0x7f && !is_printable(character)))
            return 0;
        i += length;
    }
    int result = salvor_buffer_append(out, "'", 1, err);
    for (size_t i = 0; i < size && result == 0; i++)
        result = salvor_buffer_append(out, text[i] == '\'' ? "''" : text + i,
                                      text[i] == '\'' ? 2 : 1, err);
    return result < 0 || salvor_buffer_append(out, "'", 1, err) < 0 ? -1 : 1;
}

void salvor_yaml_format_real(char *out, double number)
{
    salvor_json_format_real(out, number);
    char *exponent = strchr(out, 'e');
    if (!exponent || strchr(out, '.'))
        return;
    memmove(exponent + 2, exponent, strlen(exponent) + 1);
    memcpy(exponent, ".0", 2);
}
