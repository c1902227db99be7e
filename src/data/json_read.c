/*
 * Two passes over the text. The first one checks everything and counts the elements of collections,
 * so that a table is made in its size and nothing is made of a text that turns out to be broken; the
 * second one sends, and need not doubt anything any more.
 */
#include "data/json_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/c_locale.h"
#include "data/json.h"
#include "data/json_string.h"

/* What both passes share */

static void skip_space(struct salvor_json_reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    reader->at = at;
}

/* The byte that comes next; 0, which no text may hold, at the end. */
static char peek(const struct salvor_json_reader *reader)
{
    return reader->at < reader->end ? *reader->at : '\0';
}

static bool take(struct salvor_json_reader *reader, char byte)
{
    if (peek(reader) != byte)
        return false;
    reader->at++;
    return true;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Digits with a sign or none, up to where they end; false beyond 64 bits. */
static bool read_integer(int64_t *out, const char *at, const char *end)
{
    bool is_negative = at < end && *at == '-';
    uint64_t value = 0;
    const char *digits = at += is_negative;
    for (; at < end && is_digit(*at); at++)
        value = value * 10 + (uint64_t)(*at - '0');
    if (at - digits > 19 || value > (uint64_t)INT64_MAX + is_negative)
        return false;
    *out = is_negative ? (int64_t)-value : (int64_t)value;
    return true;
}

static int read_real(double *out, struct salvor_json_reader *reader, const char *text, size_t size,
                     struct salvor_error *err)
{
    salvor_buffer_clear(&reader->string);
    if (salvor_buffer_append(&reader->string, text, size, err) < 0)
        return -1;
    *out = salvor_c_locale_number(reader->string.data);
    return 0;
}

/* Checking: false for a text that is not JSON, and when memory was lacking. */

static bool check_value(struct salvor_json_reader *reader, int depth);

static bool check_string(struct salvor_json_reader *reader, bool is_key)
{
    const char *behind = salvor_json_string_check(reader->at + 1, reader->end, is_key);
    if (behind)
        reader->at = behind;
    return behind != NULL;
}

static bool check_digits(struct salvor_json_reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && is_digit(*reader->at))
        reader->at++;
    return reader->at > start;
}

static bool check_number(struct salvor_json_reader *reader)
{
    const char *start = reader->at;
    take(reader, '-');
    bool has_leading_zero = peek(reader) == '0', is_real = false, may_overflow = false;
    const char *digits = reader->at;
    if (!check_digits(reader) || (has_leading_zero && reader->at - digits > 1))
        return false;
    if (take(reader, '.')) {
        is_real = true;
        if (!check_digits(reader))
            return false;
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        is_real = may_overflow = true;
        reader->at++;
        if (!take(reader, '-'))
            take(reader, '+');
        if (!check_digits(reader))
            return false;
    }
    int64_t integer;
    if (!is_real)
        return read_integer(&integer, start, reader->at);
    size_t size = (size_t)(reader->at - start);
    double real = 0;
    if (may_overflow || size > 300)
        reader->lacks_memory = read_real(&real, reader, start, size, NULL) < 0;
    return !reader->lacks_memory && isfinite(real);
}

static bool check_word(struct salvor_json_reader *reader, const char *word, size_t size)
{
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0)
        return false;
    reader->at += size;
    return true;
}

static bool add_count(struct salvor_json_reader *reader)
{
    if (reader->used == reader->capacity) {
        size_t capacity = reader->capacity * 2 + 64;
        size_t *counts = realloc(reader->counts, capacity * sizeof(*counts));
        reader->lacks_memory = !counts;
        if (!counts)
            return false;
        reader->counts = counts;
        reader->capacity = capacity;
    }
    reader->used++;
    return true;
}

static bool check_key(struct salvor_json_reader *reader)
{
    if (peek(reader) != '"' || !check_string(reader, true))
        return false;
    skip_space(reader);
    return take(reader, ':');
}

static bool check_collection(struct salvor_json_reader *reader, char closing, int depth)
{
    size_t place = reader->used, count = 0;
    if (depth == SALVOR_JSON_DEPTH || !add_count(reader))
        return false;
    reader->at++;
    skip_space(reader);
    if (!take(reader, closing)) {
        do {
            skip_space(reader);
            if ((closing == '}' && !check_key(reader)) || !check_value(reader, depth + 1))
                return false;
            skip_space(reader);
            count++;
        } while (take(reader, ','));
        if (!take(reader, closing))
            return false;
    }
    reader->counts[place] = count;
    return true;
}

static bool check_value(struct salvor_json_reader *reader, int depth)
{
    skip_space(reader);
    switch (peek(reader)) {
    case '{':
        return check_collection(reader, '}', depth);
    case '[':
        return check_collection(reader, ']', depth);
    case '"':
        return check_string(reader, false);
    case 't':
        return check_word(reader, "true", 4);
    case 'f':
        return check_word(reader, "false", 5);
    case 'n':
        return check_word(reader, "null", 4);
    default:
        return check_number(reader);
    }
}

int salvor_json_test(struct salvor_json_reader *reader, const char *text, size_t size,
                     struct salvor_error *err)
{
    if (!reader->string.limit) {
        salvor_buffer_init(&reader->key, SIZE_MAX / 2);
        salvor_buffer_init(&reader->string, SIZE_MAX / 2);
    }
    reader->text = reader->at = text;
    reader->end = text + size;
    reader->used = 0;
    reader->lacks_memory = false;
    bool is_valid = check_value(reader, 0);
    skip_space(reader);
    if (reader->lacks_memory)
        return salvor_error_memory(err);
    return is_valid && reader->at == reader->end;
}

int salvor_json_check(struct salvor_json_reader *reader, const char *text, size_t size,
                      struct salvor_error *err)
{
    json_t *value;
    int valid = salvor_json_test(reader, text, size, err);
    if (valid)
        return valid < 0 ? -1 : 0;
    if (salvor_json_decode(&value, text, size, err) < 0)
        return -1;
    json_decref(value);
    return salvor_error_set(err, "Internal", "two readers of JSON disagree");
}

/* Sending */

struct sending {
    struct salvor_json_reader *reader;
    struct salvor_sink *sink;
    struct salvor_error *err;
};

static int send_value(const struct sending *to);

static int take_string(const char **text, size_t *size, const struct sending *to,
                       struct salvor_buffer *scratch)
{
    struct salvor_json_reader *reader = to->reader;
    reader->at++; /* the quote */
    return salvor_json_string_read(&reader->at, text, size, scratch, reader->end, to->err);
}

static int take_number(struct salvor_scalar *scalar, const struct sending *to)
{
    struct salvor_json_reader *reader = to->reader;
    const char *start = reader->at, *at = start;
    while (at < reader->end && (is_digit(*at) || *at == '-'))
        at++;
    bool is_real = false;
    while (at < reader->end && (is_digit(*at) || strchr("+-.eE", *at))) {
        is_real = true;
        at++;
    }
    reader->at = at;
    scalar->type = is_real ? SALVOR_REAL : SALVOR_INTEGER;
    if (is_real)
        return read_real(&scalar->real, reader, start, (size_t)(at - start), to->err);
    read_integer(&scalar->integer, start, at);
    return 0;
}

static int send_scalar(const struct sending *to)
{
    struct salvor_scalar scalar = {.type = SALVOR_NULL};
    int result = 0;
    switch (*to->reader->at) {
    case '"':
        scalar.type = SALVOR_STRING;
        result = take_string(&scalar.text, &scalar.size, to, &to->reader->string);
        break;
    case 't':
    case 'f':
        scalar.type = SALVOR_BOOLEAN;
        scalar.integer = *to->reader->at == 't';
        to->reader->at += scalar.integer ? 4 : 5;
        break;
    case 'n':
        to->reader->at += 4;
        break;
    default:
        result = take_number(&scalar, to);
        break;
    }
    return result < 0 ? -1 : to->sink->scalar(to->sink, &scalar, to->err);
}

static int send_key(const struct sending *to)
{
    const char *text;
    size_t size;
    skip_space(to->reader);
    if (take_string(&text, &size, to, &to->reader->key) < 0 ||
        to->sink->key(to->sink, text, size, to->err) < 0)
        return -1;
    skip_space(to->reader);
    to->reader->at++; /* the colon */
    return 0;
}

static int send_collection(const struct sending *to, bool is_list)
{
    struct salvor_json_reader *reader = to->reader;
    size_t count = reader->counts[reader->next++];
    if (to->sink->begin(to->sink, is_list, count, to->err) < 0)
        return -1;
    reader->at++;
    for (size_t i = 0; i < count; i++) {
        if ((!is_list && send_key(to) < 0) || send_value(to) < 0)
            return -1;
        skip_space(reader);
        reader->at += i + 1 < count; /* the comma */
    }
    skip_space(reader);
    reader->at++;
    return to->sink->end(to->sink, to->err);
}

static int send_value(const struct sending *to)
{
    skip_space(to->reader);
    char first = *to->reader->at;
    return first == '{' || first == '[' ? send_collection(to, first == '[') : send_scalar(to);
}

int salvor_json_send(struct salvor_json_reader *reader, struct salvor_sink *sink,
                     struct salvor_error *err)
{
    struct sending to = {reader, sink, err};
    reader->at = reader->text;
    reader->next = 0;
    return send_value(&to);
}

void salvor_json_reader_release(struct salvor_json_reader *reader)
{
    free(reader->counts);
    salvor_buffer_release(&reader->key);
    salvor_buffer_release(&reader->string);
    *reader = (struct salvor_json_reader){0};
}
