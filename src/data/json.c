/*
 * The reader is jansson's. The writer is our own, because jansson's prints every real with 17
 * digits (0.1 comes out as 0.10000000000000001) and would need a second pass to be indented by our
 * rules; a writer into a salvor_buffer is short, has the buffer's ceiling, and copies nothing twice.
 */
#include "data/json.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/c_locale.h"
#include "data/json_string.h"
#include "data/tree.h"
#include "data/utf8.h"

static int error_at(const char *what, const char *text, size_t offset, struct salvor_error *err)
{
    size_t line, column;
    salvor_utf8_position(&line, &column, text, offset);
    return salvor_error_set(err, "Invalid", "%s at line %zu, column %zu", what, line, column);
}

/*
 * jansson reports where it stood when it gave up, which is behind the offending token, and ends the
 * text with " near 'token'". From both follows where the token begins.
 */
static int syntax_error(const json_error_t *error, const char *text, size_t size,
                        struct salvor_error *err)
{
    char what[sizeof(error->text)];
    snprintf(what, sizeof(what), "%s", error->text);
    size_t offset = error->position > 0 ? (size_t)error->position : 0;
    char *near = strstr(what, " near ");
    bool at_end = near && !strcmp(near, " near end of file");
    if (at_end) {
        *near = '\0';
        offset = size;
    } else if (near) {
        size_t length = strlen(near + strlen(" near '"));
        size_t token = length ? length - 1 : 0;
        offset = token < offset ? offset - token : 0;
    }
    if (offset > size)
        offset = size;
    return error_at(at_end ? "the text ends too early" : what, text, offset, err);
}

/* In a text that is valid up to there: at the bracket that is one too many. */
static int depth_error(const char *text, size_t size, struct salvor_error *err)
{
    char what[64];
    bool in_string = false;
    size_t offset = 0;
    for (size_t depth = 0; offset < size; offset++) {
        char byte = text[offset];
        if (byte == '"')
            in_string = !in_string;
        else if (in_string)
            offset += byte == '\\';
        else if ((byte == '[' || byte == '{') && ++depth > SALVOR_JSON_DEPTH)
            break;
        else if (byte == ']' || byte == '}')
            depth--;
    }
    snprintf(what, sizeof(what), "nested more than %d deep", SALVOR_JSON_DEPTH);
    return error_at(what, text, offset, err);
}

/*
 * jansson calls a string that it had no memory for a syntax error or cuts it short, so whether memory
 * was lacking is found out here.
 */
static json_malloc_t allocate;
static bool is_memory_lacking;

static void *watched_allocate(size_t size)
{
    void *block = allocate(size);
    is_memory_lacking |= !block;
    return block;
}

static json_t *load(const char *text, size_t size, json_error_t *error)
{
    json_free_t release;
    is_memory_lacking = false;
    json_get_alloc_funcs(&allocate, &release);
    json_set_alloc_funcs(watched_allocate, release);
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
    json_set_alloc_funcs(allocate, release);
    return value;
}

int salvor_json_decode(json_t **out, const char *text, size_t size, struct salvor_error *err)
{
    json_error_t error;
    *out = NULL;
    const char *zero = size ? memchr(text, '\0', size) : NULL;
    if (zero) /* jansson passes over one behind a number */
        return error_at("a zero byte", text, (size_t)(zero - text), err);
    *out = load(text, size, &error);
    if (is_memory_lacking) {
        json_decref(*out);
        *out = NULL;
        return salvor_error_memory(err);
    }
    if (!*out && json_error_code(&error) == json_error_stack_overflow)
        return depth_error(text, size, err);
    if (!*out)
        return syntax_error(&error, text, size, err);
    if (salvor_json_depth(*out) > SALVOR_JSON_DEPTH) {
        json_decref(*out);
        *out = NULL;
        return depth_error(text, size, err);
    }
    return 0;
}

size_t salvor_json_depth(const json_t *value)
{
    size_t deepest = 0;
    if (json_is_array(value)) {
        size_t count = json_array_size(value);
        for (size_t i = 0; i < count; i++) {
            size_t depth = salvor_json_depth(json_array_get(value, i));
            deepest = depth > deepest ? depth : deepest;
        }
        return deepest + 1;
    }
    if (!json_is_object(value))
        return 0;
    json_t *object = (json_t *)value; /* jansson's iterators take no const */
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        size_t depth = salvor_json_depth(json_object_iter_value(it));
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

void salvor_json_format_real(char out[SALVOR_JSON_REAL_SIZE], double number)
{
    /* Normal numbers of up to 15 digits survive as they are, so shorter tries would be wasted. */
    int digits = fabs(number) < DBL_MIN ? 1 : 15;
    locale_t before = salvor_c_locale_enter();
    do
        snprintf(out, SALVOR_JSON_REAL_SIZE, "%.*g", digits, number);
    while (strtod(out, NULL) != number && ++digits <= 17);
    salvor_c_locale_leave(before);
    if (!strpbrk(out, ".e"))
        strcat(out, ".0");
}

static int put(struct salvor_json_sink *json, const char *text, size_t size,
               struct salvor_error *err)
{
    return salvor_buffer_append(json->out, text, size, err);
}

static int put_line(struct salvor_json_sink *json, struct salvor_error *err)
{
    if (!json->indent)
        return 0;
    size_t width = 1 + (size_t)json->indent * (size_t)json->depth;
    if (salvor_buffer_reserve(json->out, width, err) < 0)
        return -1;
    char *at = json->out->data + json->out->size;
    *at = '\n';
    memset(at + 1, ' ', width - 1);
    json->out->size += width;
    json->out->data[json->out->size] = '\0';
    return 0;
}

/* What stands before an element or a key: a comma behind the one before, and a new line. */
static int put_separator(struct salvor_json_sink *json, struct salvor_error *err)
{
    struct salvor_json_level *level = &json->levels[json->depth - 1];
    if (json->flush && json->out->size >= SALVOR_JSON_FLUSH_SIZE && json->flush(json, err) < 0)
        return -1;
    if (level->has_elements && put(json, ",", 1, err) < 0)
        return -1;
    level->has_elements = true;
    return put_line(json, err);
}

static int before_value(struct salvor_json_sink *json, struct salvor_error *err)
{
    bool in_list = json->depth && json->levels[json->depth - 1].is_list;
    return in_list ? put_separator(json, err) : 0;
}

static int json_scalar(struct salvor_sink *sink, const struct salvor_scalar *scalar,
                       struct salvor_error *err)
{
    struct salvor_json_sink *json = (struct salvor_json_sink *)sink;
    char number[SALVOR_JSON_REAL_SIZE];
    if (before_value(json, err) < 0)
        return -1;
    switch (scalar->type) {
    case SALVOR_NULL:
        return put(json, "null", 4, err);
    case SALVOR_BOOLEAN:
        return scalar->integer ? put(json, "true", 4, err) : put(json, "false", 5, err);
    case SALVOR_INTEGER:
        snprintf(number, sizeof(number), "%lld", (long long)scalar->integer);
        break;
    case SALVOR_REAL:
        salvor_json_format_real(number, scalar->real);
        break;
    case SALVOR_STRING:
        return salvor_json_string_write(json->out, scalar->text, scalar->size, err);
    }
    return put(json, number, strlen(number), err);
}

static int json_begin(struct salvor_sink *sink, bool is_list, size_t count,
                      struct salvor_error *err)
{
    struct salvor_json_sink *json = (struct salvor_json_sink *)sink;
    (void)count;
    if (before_value(json, err) < 0)
        return -1;
    json->levels[json->depth++] = (struct salvor_json_level){.is_list = is_list};
    return put(json, is_list ? "[" : "{", 1, err);
}

static int json_key(struct salvor_sink *sink, const char *text, size_t size,
                    struct salvor_error *err)
{
    struct salvor_json_sink *json = (struct salvor_json_sink *)sink;
    if (put_separator(json, err) < 0 || salvor_json_string_write(json->out, text, size, err) < 0)
        return -1;
    return put(json, ": ", json->indent ? 2 : 1, err);
}

static int json_end(struct salvor_sink *sink, struct salvor_error *err)
{
    struct salvor_json_sink *json = (struct salvor_json_sink *)sink;
    struct salvor_json_level *level = &json->levels[--json->depth];
    if (level->has_elements && put_line(json, err) < 0)
        return -1;
    return put(json, level->is_list ? "]" : "}", 1, err);
}

void salvor_json_sink_init(struct salvor_json_sink *json, struct salvor_buffer *out, int indent)
{
    json->sink = (struct salvor_sink){json_scalar, json_begin, json_key, json_end};
    json->out = out;
    json->flush = NULL;
    json->indent = indent;
    json->depth = 0;
}

int salvor_json_encode(struct salvor_buffer *out, const json_t *value, int indent,
                       struct salvor_error *err)
{
    struct salvor_json_sink json;
    salvor_json_sink_init(&json, out, indent);
    return salvor_tree_send(&json.sink, value, err);
}
