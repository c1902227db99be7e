#include "data/unpack_name.h"

#include <limits.h>
#include <string.h>

enum { DEPTH_LIMIT = 200 /* what salvor_folder_remove_tree() can remove again */ };

/* The next part of a path, or its length 0 at the end. */
static const char *next_part(const char **path, size_t *size)
{
    const char *part = *path + strspn(*path, "/");
    *size = strcspn(part, "/");
    *path = part + *size;
    return part;
}

static bool is(const char *part, size_t size, const char *text)
{
    return size == strlen(text) && !memcmp(part, text, size);
}

static bool has_controls(const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return true;
    return false;
}

/* The parts of `name` but ".", joined by one slash each. */
static int normalise(struct salvor_buffer *out, const char **problem, const char *name,
                     struct salvor_error *err)
{
    size_t size;
    int depth = 0;
    const char *part;
    salvor_buffer_clear(out);
    while (part = next_part(&name, &size), size) {
        if (is(part, size, "."))
            continue;
        if (is(part, size, ".."))
            *problem = "has '..' in its name";
        else if (size > NAME_MAX || out->size + size + 2 > out->limit)
            *problem = "has a name that is too long";
        else if (depth++ > DEPTH_LIMIT)
            *problem = "lies too many folders deep";
        if (*problem)
            return 0;
        if ((out->size && salvor_buffer_append(out, "/", 1, err) < 0) ||
            salvor_buffer_append(out, part, size, err) < 0)
            return -1;
    }
    return 0;
}

int salvor_unpack_name(struct salvor_buffer *out, const char **problem, const char *name,
                       const char *top, struct salvor_error *err)
{
    *problem = NULL;
    if (*name == '/')
        *problem = "has an absolute name";
    else if (has_controls(name))
        *problem = "has control characters in its name";
    if (*problem)
        return 0;
    if (normalise(out, problem, name, err) < 0)
        return -1;
    if (*problem || is(top, strlen(top), "."))
        return 0;
    size_t size = strlen(top);
    if (out->size < size || memcmp(out->data, top, size) != 0 ||
        (out->data[size] && out->data[size] != '/'))
        *problem = "is not part of what was asked for";
    else
        salvor_buffer_consume(out, out->size > size ? size + 1 : size);
    return 0;
}

bool salvor_unpack_link_stays(const char *name, const char *target)
{
    int above = 0; /* folders between the link and the top */
    for (const char *at = name; *at; at++)
        above += *at == '/';
    if (*target == '/' || !*target)
        return false;
    size_t size;
    bool below = false;
    const char *part;
    while (part = next_part(&target, &size), size) {
        if (is(part, size, "."))
            continue;
        if (!is(part, size, ".."))
            below = true;
        else if (below || above-- == 0)
            return false;
    }
    return true;
}
