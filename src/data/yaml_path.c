#include "data/yaml_path.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool is_key_character(char character)
{
    unsigned char byte = (unsigned char)character;
    return isalnum(byte) || byte >= 0x80 || byte == '_' || byte == '-' || byte == '/';
}

static int add_step(json_t *path, json_t *step, struct salvor_error *err)
{
    return json_array_append_new(path, step) < 0 ? salvor_error_memory(err) : 0;
}

/* The inside of a bracket: an index or a quoted key. *at is behind the `[`, then behind the `]`. */
static int parse_bracket(json_t *path, const char **at, struct salvor_error *err)
{
    const char *start = *at;
    if (*start == '"' || *start == '\'') {
        const char *end = strchr(start + 1, *start);
        if (!end || end[1] != ']')
            return salvor_error_set(err, "Invalid", "a path with an open quote: [%s", start);
        *at = end + 2;
        return add_step(path, json_stringn(start + 1, (size_t)(end - start - 1)), err);
    }
    size_t digits = strspn(start, "0123456789");
    json_int_t index = 0;
    for (size_t i = 0; i < digits && digits < 10; i++) /* with more, it stays 0 */
        index = index * 10 + (start[i] - '0');
    if (index == 0 || start[digits] != ']')
        return salvor_error_set(err, "Invalid",
                                "a path with [%s: an index from 1 or a quoted key expected", start);
    *at = start + digits + 1;
    return add_step(path, json_integer(index), err);
}

static int parse_text(json_t *path, const char *text, struct salvor_error *err)
{
    const char *at = strcmp(text, ".") ? text : ""; /* as it is written below */
    while (*at) {
        bool is_first = at == text;
        if (*at == '[') {
            at++;
            if (parse_bracket(path, &at, err) < 0)
                return -1;
            continue;
        }
        if (*at == '.' && !is_first)
            at++;
        else if (!is_first)
            return salvor_error_set(err, "Invalid", "a path with \"%s\": a dot is missing", at);
        const char *start = at;
        while (is_key_character(*at))
            at++;
        if (at == start)
            return salvor_error_set(err, "Invalid", "a path with an empty or unquoted key: \"%s\"",
                                    text);
        if (add_step(path, json_stringn(start, (size_t)(at - start)), err) < 0)
            return -1;
    }
    return 0;
}

static int check_steps(const json_t *path, struct salvor_error *err)
{
    for (size_t i = 0; i < json_array_size(path); i++) {
        const json_t *step = json_array_get(path, i);
        if (!json_is_string(step) && !(json_is_integer(step) && json_integer_value(step) > 0))
            return salvor_error_set(err, "Invalid",
                                    "step %zu of a path: a key or an index from 1 expected", i + 1);
    }
    return 0;
}

int salvor_yaml_path(json_t **out, const json_t *source, struct salvor_error *err)
{
    *out = NULL;
    bool is_text = json_is_string(source);
    bool is_empty = json_is_object(source) && json_object_size(source) == 0;
    if (!is_text && !json_is_array(source) && !is_empty)
        return salvor_error_set(err, "Invalid", "a path: a string or a list expected");
    json_t *path = json_is_array(source) ? json_deep_copy(source) : json_array();
    if (!path)
        return salvor_error_memory(err);
    int result =
        is_text ? parse_text(path, json_string_value(source), err) : check_steps(path, err);
    if (result < 0)
        json_decref(path);
    else
        *out = path;
    return result;
}

int salvor_yaml_path_format(struct salvor_buffer *out, const json_t *path, size_t count,
                            struct salvor_error *err)
{
    if (count == 0)
        return salvor_buffer_append(out, ".", 1, err);
    for (size_t i = 0; i < count; i++) {
        const json_t *step = json_array_get(path, i);
        const char *key = json_string_value(step);
        bool is_bare = key && *key;
        for (const char *at = key; is_bare && *at; at++)
            is_bare = is_key_character(*at);
        int result = !key      ? salvor_buffer_printf(out, err, "[%lld]", json_integer_value(step))
                     : is_bare ? salvor_buffer_printf(out, err, "%s%s", i ? "." : "", key)
                               : salvor_buffer_printf(out, err, "[\"%s\"]", key);
        if (result < 0)
            return -1;
    }
    return 0;
}

json_t *salvor_yaml_path_get(json_t *root, const json_t *path, size_t count)
{
    json_t *value = root;
    for (size_t i = 0; i < count && value; i++) {
        const json_t *step = json_array_get(path, i);
        if (json_is_string(step))
            value = json_object_getn(value, json_string_value(step), json_string_length(step));
        else
            value = json_array_get(value, (size_t)json_integer_value(step) - 1);
    }
    return value;
}
