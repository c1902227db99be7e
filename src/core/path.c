#include "core/path.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

int salvor_path_join(struct salvor_buffer *path, const char *part, struct salvor_error *err)
{
    if (!*part)
        return 0;
    if (path->size) {
        part += strspn(part, "/");
        if (path->data[path->size - 1] != '/' && salvor_buffer_append(path, "/", 1, err) < 0)
            return -1;
    }
    return salvor_buffer_append(path, part, strlen(part), err);
}

static size_t without_trailing_slashes(const char *path, size_t size)
{
    while (size > 1 && path[size - 1] == '/')
        size--;
    return size;
}

/* Where the last component begins, of a path without trailing slashes. */
static size_t name_offset(const char *path, size_t size)
{
    while (size > 0 && path[size - 1] != '/')
        size--;
    return size;
}

int salvor_path_folder(struct salvor_buffer *out, const char *path, struct salvor_error *err)
{
    size_t size = without_trailing_slashes(path, strlen(path));
    size_t folder = name_offset(path, size);
    if (folder == 0)
        return salvor_buffer_append(out, ".", 1, err);
    return salvor_buffer_append(out, path, without_trailing_slashes(path, folder), err);
}

int salvor_path_name(struct salvor_buffer *out, const char *path, struct salvor_error *err)
{
    size_t size = without_trailing_slashes(path, strlen(path));
    size_t name = name_offset(path, size);
    if (name == size && size)
        name--;
    return salvor_buffer_append(out, path + name, size - name, err);
}

int salvor_path_absolute(struct salvor_buffer *out, const char *path, struct salvor_error *err)
{
    char working[PATH_MAX];
    if (*path == '/') {
        if (salvor_buffer_append(out, "/", 1, err) < 0)
            return -1;
    } else if (!getcwd(working, sizeof(working))) {
        return salvor_error_errno(err, errno, "the working folder");
    } else if (salvor_buffer_append(out, working, strlen(working), err) < 0) {
        return -1;
    }
    while (*path) {
        size_t size = strcspn(path, "/");
        if (size && !(size == 1 && *path == '.')) {
            if (out->data[out->size - 1] != '/' && salvor_buffer_append(out, "/", 1, err) < 0)
                return -1;
            if (salvor_buffer_append(out, path, size, err) < 0)
                return -1;
        }
        path += size;
        path += strspn(path, "/");
    }
    return 0;
}
