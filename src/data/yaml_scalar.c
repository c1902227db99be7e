#include "data/yaml_scalar.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "data/base64.h"
#include "data/c_locale.h"
#include "data/utf8.h"

enum kind { STRING, NULL_VALUE, BOOLEAN, INTEGER, UNSIGNED, FLOAT };

struct meaning {
    enum kind kind;
    int64_t integer; /* of BOOLEAN and INTEGER */
    double real;     /* of FLOAT and UNSIGNED, an integer beyond 63 bits */
};

/* A text that long is taken for a string: no double has so many digits before its point. */
#define NUMBER_SIZE 512

/* Scalars beginning with any other character are strings. The NUL is for the empty one. */
static bool may_be_typed(const struct salvor_yaml_scalar *scalar)
{
    static const bool first[256] = {
        ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true,
        ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['+'] = true, ['-'] = true,
        ['.'] = true, ['~'] = true, ['y'] = true, ['Y'] = true, ['n'] = true, ['N'] = true,
        ['t'] = true, ['T'] = true, ['f'] = true, ['F'] = true, ['o'] = true, ['O'] = true,
    };
    return scalar->size == 0 || first[(unsigned char)scalar->text[0]];
}

/* Each in its three spellings: word, Word, WORD; no others. */
static bool is_word(const char *text, size_t size, const char *word)
{
    if (strlen(word) != size || tolower((unsigned char)text[0]) != word[0])
        return false;
    bool lower = !memcmp(text + 1, word + 1, size - 1);
    bool upper = isupper((unsigned char)text[0]);
    for (size_t i = 1; i < size && upper; i++)
        upper = text[i] == toupper((unsigned char)word[i]);
    return lower || upper;
}

static bool parse_word(struct meaning *out, const char *text, size_t size)
{
    static const char *const yes[] = {"y", "yes", "true", "on", NULL};
    static const char *const no[] = {"n", "no", "false", "off", NULL};
    if (size > 5)
        return false;
    if (size == 0 || (size == 1 && text[0] == '~') || is_word(text, size, "null")) {
        *out = (struct meaning){.kind = NULL_VALUE};
        return true;
    }
    for (size_t i = 0; yes[i]; i++)
        if (is_word(text, size, yes[i]) || is_word(text, size, no[i])) {
            *out = (struct meaning){.kind = BOOLEAN, .integer = is_word(text, size, yes[i])};
            return true;
        }
    return false;
}

/* ".inf" with its sign, and ".nan". */
static bool parse_special(struct meaning *out, const char *text, size_t size)
{
    bool negative = text[0] == '-';
    const char *word = text + (negative || text[0] == '+');
    size_t length = size - (size_t)(word - text);
    if (length != 4 || word[0] != '.')
        return false;
    if (is_word(word + 1, 3, "inf"))
        *out = (struct meaning){.kind = FLOAT, .real = negative ? -INFINITY : INFINITY};
    else if (length == size &&
             (!memcmp(word, ".nan", 4) || !memcmp(word, ".NaN", 4) || !memcmp(word, ".NAN", 4)))
        *out = (struct meaning){.kind = FLOAT, .real = NAN};
    else
        return false;
    return true;
}

/* Reads digits of `base` (0: by prefix, a leading 0 meaning octal), as Go's strconv does. */
static bool parse_integer(struct meaning *out, const char *text, unsigned base)
{
    bool negative = text[0] == '-';
    bool has_sign = negative || text[0] == '+';
    text += has_sign;
    if (base == 0 && text[0] == '0') {
        char prefix = text[1] && text[2] ? (char)tolower((unsigned char)text[1]) : 0;
        base = prefix == 'x' ? 16 : prefix == 'b' ? 2 : 8;
        if (prefix == 'x' || prefix == 'b' || prefix == 'o')
            text += 2;
    } else if (base == 0) {
        base = 10;
    }
    if (!*text)
        return false;
    uint64_t value = 0;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (!isxdigit(byte))
            return false;
        unsigned digit = isdigit(byte) ? byte - (unsigned)'0' : tolower(byte) + 10u - 'a';
        if (digit >= base || value > (UINT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    if (value > (uint64_t)INT64_MAX + negative) {
        *out = (struct meaning){.kind = UNSIGNED, .real = (double)value};
        return !has_sign;
    }
    *out = (struct meaning){.kind = INTEGER, .integer = (int64_t)(negative ? -value : value)};
    return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? and not beyond the range of a double. */
static bool parse_float(struct meaning *out, const char *text)
{
    const char *at = text + (*text == '-' || *text == '+');
    size_t whole = strspn(at, "0123456789");
    at += whole;
    size_t fraction = 0;
    if (*at == '.') {
        fraction = strspn(++at, "0123456789");
        at += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '-' || at[1] == '+');
        size_t digits = strspn(at, "0123456789");
        if (!digits)
            return false;
        at += digits;
    }
    if (*at)
        return false;
    *out = (struct meaning){.kind = FLOAT, .real = salvor_c_locale_number(text)};
    return isfinite(out->real);
}

static bool parse_number(struct meaning *out, const char *text, size_t size)
{
    char digits[NUMBER_SIZE];
    size_t used = 0;
    if (size >= sizeof(digits) || memchr(text, '\0', size))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '_')
            digits[used++] = text[i];
        else if (text[0] == '.' && (!isdigit((unsigned char)text[i - 1]) || i + 1 == size ||
                                    !isdigit((unsigned char)text[i + 1])))
            return false; /* behind a leading point an underscore stands between digits only */
    }
    digits[used] = '\0';
    if (digits[0] == '.')
        return parse_float(out, digits);
    return parse_integer(out, digits, 0) || parse_float(out, digits) ||
           (!strncmp(digits, "0b", 2) && parse_integer(out, digits + 2, 2));
}

static struct meaning classify(const struct salvor_yaml_scalar *scalar)
{
    struct meaning meaning = {.kind = STRING};
    if (!may_be_typed(scalar) || parse_word(&meaning, scalar->text, scalar->size))
        return meaning;
    if (strchr("0123456789+-.", scalar->text[0]) &&
        !parse_special(&meaning, scalar->text, scalar->size) &&
        !parse_number(&meaning, scalar->text, scalar->size))
        meaning.kind = STRING;
    return meaning;
}

static const char *short_tag(const char *tag)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    return tag && !strncmp(tag, prefix, sizeof(prefix) - 1) ? tag + sizeof(prefix) - 1 : "";
}

/* A string to kubectl too; the tag only asks for something that looks like a time. */
static bool is_timestamp(const struct salvor_yaml_scalar *scalar)
{
    size_t year = strspn(scalar->text, "0123456789");
    return year == 4 && scalar->text[4] == '-' && isdigit((unsigned char)scalar->text[5]) &&
           strspn(scalar->text, "0123456789-:.TtZ+ ") == scalar->size;
}

/* What a scalar with a tag means. */
static int find_meaning(struct meaning *out, const struct salvor_yaml_scalar *scalar,
                        struct salvor_error *err)
{
    const char *tag = short_tag(scalar->tag);
    *out = (struct meaning){.kind = STRING};
    bool fits = true;
    if (!strcmp(tag, "timestamp")) {
        fits = is_timestamp(scalar);
    } else if (!strcmp(tag, "bool")) {
        *out = classify(scalar);
        fits = out->kind == BOOLEAN;
    } else if (!strcmp(tag, "int")) {
        *out = classify(scalar);
        fits = out->kind == INTEGER || out->kind == UNSIGNED;
    } else if (!strcmp(tag, "float")) {
        *out = classify(scalar);
        if (out->kind == INTEGER)
            *out = (struct meaning){.kind = FLOAT, .real = (double)out->integer};
        fits = out->kind == FLOAT;
    } else if (!strcmp(tag, "null")) {
        *out = classify(scalar);
        fits = out->kind == NULL_VALUE;
    }
    if (fits)
        return 0;
    return salvor_error_set(err, "Invalid", "\"%.40s\" is not a !!%s", scalar->text, tag);
}

static bool is_binary(const struct salvor_yaml_scalar *scalar)
{
    return scalar->tag && !strcmp(short_tag(scalar->tag), "binary");
}

/* kubectl puts U+FFFD where the bytes are no text; losing data in silence is not for us. */
static int resolve_binary(struct salvor_scalar *out, const struct salvor_yaml_scalar *scalar,
                          struct salvor_arena *arena, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SIZE_MAX / 2);
    struct salvor_buffer bytes = SALVOR_BUFFER_INIT(SIZE_MAX / 2);
    int result = 0;
    for (size_t i = 0; i < scalar->size && result == 0; i++)
        if (scalar->text[i] != '\n' && scalar->text[i] != '\r')
            result = salvor_buffer_append(&text, scalar->text + i, 1, err);
    if (result == 0)
        result = salvor_base64_decode(&bytes, text.data, text.size, err);
    if (result == 0 && !salvor_utf8_valid(bytes.data, bytes.size))
        result = salvor_error_set(err, "Invalid", "the bytes of a !!binary are not UTF-8 text");
    if (result == 0) {
        out->size = bytes.size;
        out->text = salvor_arena_copy(arena, bytes.data, bytes.size);
        result = out->text ? 0 : salvor_error_memory(err);
    }
    salvor_buffer_release(&text);
    salvor_buffer_release(&bytes);
    return result;
}

/*
 * A whole number below 2^63 comes out of JSON as an integer, made of the shortest digits that
 * identify the double and then zeros.
 */
static bool to_integer(int64_t *out, double real)
{
    if (real != floor(real) || fabs(real) > 9.3e18)
        return false;
    char text[SALVOR_YAML_KEY_SIZE];
    int digits = 0;
    locale_t before = salvor_c_locale_enter();
    do
        snprintf(text, sizeof(text), "%.*e", digits, real);
    while (strtod(text, NULL) != real && ++digits < 17);
    salvor_c_locale_leave(before);
    char whole[NUMBER_SIZE];
    snprintf(whole, sizeof(whole), "%.0f", real);
    char *first = whole + (*whole == '-');
    for (size_t i = (size_t)digits + 1; i < strlen(first); i++)
        first[i] = '0';
    char *digit = text + (*text == '-');
    for (size_t i = 0; i <= (size_t)digits && i < strlen(first); i++)
        first[i] = digit[i ? i + 1 : 0];
    struct meaning meaning;
    if (!parse_integer(&meaning, whole, 10) || meaning.kind != INTEGER)
        return false;
    *out = meaning.integer;
    return true;
}

int salvor_yaml_resolve(struct salvor_scalar *out, const struct salvor_yaml_scalar *scalar,
                        struct salvor_arena *arena, struct salvor_error *err)
{
    struct meaning meaning = {.kind = STRING};
    *out = (struct salvor_scalar){SALVOR_STRING, .text = scalar->text, .size = scalar->size};
    if (is_binary(scalar))
        return resolve_binary(out, scalar, arena, err);
    if (scalar->tag && find_meaning(&meaning, scalar, err) < 0)
        return -1;
    if (!scalar->tag && scalar->is_plain)
        meaning = classify(scalar);
    switch (meaning.kind) {
    case STRING:
        break;
    case NULL_VALUE:
        out->type = SALVOR_NULL;
        break;
    case BOOLEAN:
        out->type = SALVOR_BOOLEAN;
        out->integer = meaning.integer;
        break;
    case INTEGER:
        out->type = SALVOR_INTEGER;
        out->integer = meaning.integer;
        break;
    case UNSIGNED:
        out->type = SALVOR_REAL;
        out->real = meaning.real;
        break;
    case FLOAT:
        if (!isfinite(meaning.real))
            return salvor_error_set(err, "Invalid", "\"%s\" cannot be a JSON number", scalar->text);
        out->type = to_integer(&out->integer, meaning.real) ? SALVOR_INTEGER : SALVOR_REAL;
        out->real = meaning.real;
        break;
    }
    return 0;
}

/* kubectl writes a key that is a real in single precision, "%g" with the fewest digits. */
static void format_real_key(char out[SALVOR_YAML_KEY_SIZE], double real)
{
    float number = (float)real;
    if (!isfinite(number)) {
        strcpy(out, isnan(number) ? ".nan" : number < 0 ? "-.inf" : ".inf");
        return;
    }
    int digits = 0;
    locale_t before = salvor_c_locale_enter();
    do
        snprintf(out, SALVOR_YAML_KEY_SIZE, "%.*e", digits, (double)number);
    while (strtof(out, NULL) != number && ++digits < 9);
    int exponent = atoi(strchr(out, 'e') + 1);
    if (exponent >= -4 && exponent < 6)
        snprintf(out, SALVOR_YAML_KEY_SIZE, "%.*f", digits > exponent ? digits - exponent : 0,
                 (double)number);
    salvor_c_locale_leave(before);
}

int salvor_yaml_resolve_key(char out[SALVOR_YAML_KEY_SIZE], const struct salvor_yaml_scalar *scalar,
                            struct salvor_error *err)
{
    struct meaning meaning = {.kind = STRING};
    if (scalar->is_plain)
        meaning = classify(scalar);
    switch (meaning.kind) {
    case STRING:
        return 0;
    case BOOLEAN:
        strcpy(out, meaning.integer ? "true" : "false");
        return 1;
    case INTEGER:
        snprintf(out, SALVOR_YAML_KEY_SIZE, "%lld", (long long)meaning.integer);
        return 1;
    case FLOAT:
        format_real_key(out, meaning.real);
        return 1;
    case NULL_VALUE:
        return salvor_error_set(err, "Invalid", "null cannot be a key; quote it");
    case UNSIGNED:
        break;
    }
    return salvor_error_set(err, "Invalid", "\"%s\" is too large a number for a key; quote it",
                            scalar->text);
}

bool salvor_yaml_is_merge(const struct salvor_yaml_scalar *scalar)
{
    if (scalar->size != 2 || memcmp(scalar->text, "<<", 2) != 0)
        return false;
    return scalar->is_plain || !strcmp(short_tag(scalar->tag), "merge");
}
