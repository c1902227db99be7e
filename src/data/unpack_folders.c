#include "data/unpack_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_descriptor(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void salvor_unpack_folders_init(struct salvor_unpack_folders *folders)
{
    folders->root = folders->found = -1;
    salvor_buffer_init(&folders->name, PATH_MAX);
}

void salvor_unpack_folders_close(struct salvor_unpack_folders *folders)
{
    close_descriptor(&folders->found);
    close_descriptor(&folders->root);
}

void salvor_unpack_folders_release(struct salvor_unpack_folders *folders)
{
    salvor_unpack_folders_close(folders);
    salvor_buffer_release(&folders->name);
}

int salvor_unpack_folder_enter(int folder, const char *name, bool make)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(folder, name, flags);
    if (fd >= 0 || errno != ENOENT || !make)
        return fd;
    if (mkdirat(folder, name, 0700) < 0)
        return -1;
    return openat(folder, name, flags);
}

/* The folder whose name is the first `size` bytes; the descriptor is the caller's. -1 with errno. */
static int follow(int root, const char *name, size_t size, bool make)
{
    int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
    for (const char *part = name; at >= 0 && part < name + size;) {
        char component[NAME_MAX + 1];
        size_t length = strcspn(part, "/");
        memcpy(component, part, length);
        component[length] = '\0';
        int next = salvor_unpack_folder_enter(at, component, make);
        int number = errno;
        close(at);
        errno = number;
        at = next;
        part += length + 1;
    }
    return at;
}

int salvor_unpack_folders_find(int *folder, const char **last,
                               struct salvor_unpack_folders *folders, const char *name, bool make)
{
    const char *slash = strrchr(name, '/');
    size_t size = slash ? (size_t)(slash - name) : 0;
    *last = slash ? slash + 1 : name;
    *folder = folders->root;
    if (!size)
        return 0;
    if (folders->found < 0 || folders->name.size != size ||
        memcmp(folders->name.data, name, size) != 0) {
        close_descriptor(&folders->found);
        salvor_buffer_clear(&folders->name);
        int found = follow(folders->root, name, size, make);
        if (found < 0)
            return -1;
        if (salvor_buffer_append(&folders->name, name, size, NULL) < 0) {
            close(found);
            errno = ENOMEM;
            return -1;
        }
        folders->found = found;
    }
    *folder = folders->found;
    return 0;
}
