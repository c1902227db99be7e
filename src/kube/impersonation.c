#include "kube/impersonation.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"

#define LINES_LIMIT ((size_t)256 << 10) /* servers take no more than this of headers */

static int add_line(struct salvor_buffer *lines, const char *name, const json_t *value,
                    const char *field, struct salvor_error *err)
{
    const char *text = json_string_value(value);
    if (!text)
        return salvor_error_set(err, "Invalid", "%s is not text", field);
    size_t size = json_string_length(value);
    for (size_t i = 0; i < size; i++)
        if (iscntrl((unsigned char)text[i]) && text[i] != '\t')
            return salvor_error_set(err, "Invalid", "%s holds a line break or control", field);
    if (*text == ' ' || *text == '\t' || (size && strchr(" \t", text[size - 1])))
        return salvor_error_set(err, "Invalid", "%s begins or ends with a blank", field);
    /* libcurl sends a line without a value only when it is written so. */
    if (salvor_buffer_printf(lines, err, "%s%s%s", name, size ? ": " : ";", text) < 0)
        return -1;
    return salvor_buffer_append(lines, "", 1, err);
}

/* As client-go: what RFC 7230 allows in a header's name stays, but for '%' itself. */
static int add_escaped(struct salvor_buffer *out, const char *key, struct salvor_error *err)
{
    for (; *key; key++) {
        unsigned char byte = (unsigned char)*key;
        int result = isalnum(byte) || strchr("!#$&'*+-.^_`|~", byte)
                         ? salvor_buffer_append(out, key, 1, err)
                         : salvor_buffer_printf(out, err, "%%%02X", byte);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int add_groups(struct salvor_buffer *lines, const json_t *groups, struct salvor_error *err)
{
    if (groups && !json_is_array(groups))
        return salvor_error_set(err, "Invalid", "groups is not a list");
    for (size_t i = 0; i < json_array_size(groups); i++)
        if (add_line(lines, "Impersonate-Group", json_array_get(groups, i), "one of groups", err) <
            0)
            return -1;
    return 0;
}

static int add_extra(struct salvor_buffer *lines, const json_t *extra, struct salvor_error *err)
{
    const char *key;
    json_t *values;
    if (extra && !json_is_object(extra))
        return salvor_error_set(err, "Invalid", "extra is not a mapping");
    json_object_foreach((json_t *)extra, key, values)
    {
        if (!json_is_array(values))
            return salvor_error_set(err, "Invalid", "a value of extra is not a list");
        struct salvor_buffer name = SALVOR_BUFFER_INIT(LINES_LIMIT);
        int result = salvor_buffer_printf(&name, err, "Impersonate-Extra-");
        if (result == 0)
            result = add_escaped(&name, key, err);
        for (size_t i = 0; i < json_array_size(values) && result == 0; i++)
            result = add_line(lines, name.data, json_array_get(values, i), "a value of extra", err);
        salvor_buffer_release(&name);
        if (result < 0)
            return -1;
    }
    return 0;
}

static const json_t *part(const json_t *who, const char *name)
{
    const json_t *value = json_object_get(who, name);
    return json_is_null(value) ? NULL : value;
}

static int add_all(struct salvor_buffer *lines, const json_t *who, struct salvor_error *err)
{
    const json_t *user = part(who, "user"), *uid = part(who, "uid");
    if (!user || (json_is_string(user) && !json_string_length(user)))
        return salvor_error_set(err, "Invalid", "there is a uid, groups or extra but no user");
    if (add_line(lines, "Impersonate-User", user, "user", err) < 0)
        return -1;
    if (uid && !(json_is_string(uid) && !json_string_length(uid)) &&
        add_line(lines, "Impersonate-Uid", uid, "uid", err) < 0)
        return -1;
    return add_groups(lines, part(who, "groups"), err) < 0 ||
                   add_extra(lines, part(who, "extra"), err) < 0
               ? -1
               : 0;
}

int salvor_impersonation_lines(char **out, const json_t *who, struct salvor_error *err)
{
    struct salvor_buffer lines = SALVOR_BUFFER_INIT(LINES_LIMIT);
    int result = add_all(&lines, who, err);
    *out = NULL;
    if (result == 0) {
        *out = malloc(lines.size + 1); /* with the NUL that follows them: an empty line */
        if (*out)
            memcpy(*out, lines.data, lines.size + 1);
        else
            result = salvor_error_memory(err);
    }
    salvor_buffer_release(&lines);
    return result;
}
