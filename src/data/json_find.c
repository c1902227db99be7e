#include "data/json_find.h"

#include <string.h>

#include "data/json_string.h"

struct scan {
    const char *at, *end;
};

/* The next byte that is not space; 0 at the end. */
static char peek(struct scan *scan)
{
    while (scan->at < scan->end && *scan->at && strchr(" \n\t\r", *scan->at))
        scan->at++;
    return scan->at < scan->end ? *scan->at : '\0';
}

static bool take(struct scan *scan, char byte)
{
    if (peek(scan) != byte)
        return false;
    scan->at++;
    return true;
}

static bool skip_string(struct scan *scan)
{
    const char *behind = salvor_json_string_check(scan->at + 1, scan->end, false);
    if (behind)
        scan->at = behind;
    return behind != NULL;
}

static bool skip_collection(struct scan *scan)
{
    size_t depth = 0;
    do {
        char byte = peek(scan);
        if (!byte || (byte == '"' && !skip_string(scan)))
            return false;
        if (byte == '"')
            continue;
        if (byte == '{' || byte == '[')
            depth++;
        else if (byte == '}' || byte == ']')
            depth--;
        scan->at++;
    } while (depth);
    return true;
}

static bool skip_value(struct scan *scan)
{
    char first = peek(scan);
    if (first == '"')
        return skip_string(scan);
    if (first == '{' || first == '[')
        return skip_collection(scan);
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at && !strchr(",]} \n\t\r", *scan->at))
        scan->at++;
    return scan->at > start;
}

/* Goes to the value of the member `name` of the object that comes next. */
static bool enter(struct scan *scan, const char *name)
{
    size_t size = strlen(name);
    if (!take(scan, '{'))
        return false;
    while (peek(scan) == '"') {
        const char *key = scan->at + 1;
        if (!skip_string(scan))
            return false;
        size_t key_size = (size_t)(scan->at - key) - 1;
        if (!take(scan, ':'))
            return false;
        if (key_size == size && !memcmp(key, name, size))
            return true;
        if (!skip_value(scan) || !take(scan, ','))
            return false;
    }
    return false;
}

bool salvor_json_find(const char **value, size_t *value_size, const char *text, size_t size,
                      const char *const *path)
{
    struct scan scan = {text, text + size};
    for (; *path; path++)
        if (!enter(&scan, *path))
            return false;
    peek(&scan);
    *value = scan.at;
    if (!skip_value(&scan))
        return false;
    *value_size = (size_t)(scan.at - *value);
    return true;
}
