#include "core/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/path.h"

enum {
    NAMES_LIMIT = 256 << 20, /* bytes of names in one folder */
    DEPTH_LIMIT = 200        /* folders in folders; each level holds a descriptor */
};

static int failed(struct salvor_error *err, int number, const char *path)
{
    return salvor_error_errno(err, number, "%s", path);
}

static const char *type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "folder";
    case S_IFLNK:
        return "link";
    default:
        return "other";
    }
}

int salvor_file_stat(struct salvor_file_status *out, const char *path, bool follow,
                     struct salvor_error *err)
{
    struct stat status;
    if (fstatat(AT_FDCWD, path, &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return failed(err, errno, path);
    *out = (struct salvor_file_status){
        .type = type_of(status.st_mode),
        .size = status.st_size,
        .mode = status.st_mode & 07777,
        .mtime = (double)status.st_mtim.tv_sec + (double)status.st_mtim.tv_nsec / 1e9,
        .uid = status.st_uid,
        .gid = status.st_gid,
    };
    return 0;
}

int salvor_folder_writable(const char *path, struct salvor_error *err)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return failed(err, errno, path);
    if (!S_ISDIR(status.st_mode))
        return failed(err, ENOTDIR, path);
    return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) < 0 ? failed(err, errno, path) : 0;
}

/* The names in a folder, on the disk */

int salvor_folder_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES)
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

int salvor_folder_flush(int fd)
{
    if (fsync(fd) < 0 && errno != EINVAL && errno != EBADF && errno != ENOTSUP)
        return -1;
    return 0;
}

int salvor_folder_flush_above(const char *path)
{
    struct salvor_buffer folder = SALVOR_BUFFER_INIT(PATH_MAX);
    struct salvor_error err;
    int fd = -1, result = -1, number = ENOMEM; /* the path itself was good for the kernel */
    if (salvor_path_folder(&folder, path, &err) == 0) {
        fd = salvor_folder_open(folder.data);
        result = fd < 0 ? -1 : salvor_folder_flush(fd);
        number = errno;
    }
    if (fd >= 0)
        close(fd);
    salvor_buffer_release(&folder);
    errno = number;
    return result;
}

/* Making */

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int make_one(const char *path, mode_t mode, bool may_exist, const struct salvor_stop *stop,
                    struct salvor_error *err)
{
    if (stop && salvor_stop_asked(stop))
        return salvor_error_set(err, "Cancelled", "%s: the call was given up", path);
    if (mkdir(path, mode & 0700) == 0) {
        if (chmod(path, mode) == 0 && salvor_folder_flush_above(path) == 0)
            return 0;
        failed(err, errno, path);
        rmdir(path);
        return -1;
    }
    int number = errno;
    if (may_exist && number == EEXIST && is_folder(path))
        return 0;
    return failed(err, number, path);
}

static int make_with_parents(struct salvor_buffer *path, mode_t mode,
                             const struct salvor_stop *stop, struct salvor_error *err)
{
    for (size_t i = 1; i < path->size; i++) {
        if (path->data[i] != '/' || path->data[i - 1] == '/')
            continue;
        path->data[i] = '\0';
        /* A folder above that may not be listed, or is on a read-only disk, may well be there. */
        int result = is_folder(path->data) ? 0 : make_one(path->data, mode, true, stop, err);
        path->data[i] = '/';
        if (result < 0)
            return -1;
    }
    return make_one(path->data, mode, true, stop, err);
}

int salvor_folder_make(const char *path, mode_t mode, bool parents, const struct salvor_stop *stop,
                       struct salvor_error *err)
{
    if (!parents)
        return make_one(path, mode, false, stop, err);
    struct salvor_buffer copy = SALVOR_BUFFER_INIT(PATH_MAX);
    int result = salvor_buffer_append(&copy, path, strlen(path), err);
    while (copy.size > 1 && copy.data[copy.size - 1] == '/')
        copy.data[--copy.size] = '\0';
    if (result == 0)
        result = make_with_parents(&copy, mode, stop, err);
    salvor_buffer_release(&copy);
    return result;
}

int salvor_folder_temporary(struct salvor_buffer *out, const char *parent, struct salvor_error *err)
{
    const char *folder = parent ? parent : getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/tmp";
    if (salvor_path_join(out, folder, err) < 0 || salvor_path_join(out, "salvor-XXXXXX", err) < 0)
        return -1;
    if (!mkdtemp(out->data))
        return failed(err, errno, folder);
    return 0;
}

/* Listing */

static const char *type_of_entry(int folder, const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN)
        return type_of(DTTOIF(entry->d_type));
    if (fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return "other";
    return type_of(status.st_mode);
}

static int compare_entries(const void *left, const void *right)
{
    const struct salvor_folder_entry *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static int add_entry(struct salvor_folder_list *list, const char *name, const char *type,
                     struct salvor_error *err)
{
    if ((list->count & (list->count - 1)) == 0) {
        size_t capacity = list->count ? 2 * list->count : 1;
        void *grown = reallocarray(list->entries, capacity, sizeof(*list->entries));
        if (!grown)
            return salvor_error_memory(err);
        list->entries = grown;
    }
    list->entries[list->count].type = type;
    list->count++;
    return salvor_buffer_append(&list->names, name, strlen(name) + 1, err);
}

static int read_entries(struct salvor_folder_list *list, DIR *stream, const char *path,
                        struct salvor_error *err)
{
    struct dirent *entry;
    while (errno = 0, (entry = readdir(stream))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        const char *type = type_of_entry(dirfd(stream), entry);
        if (add_entry(list, entry->d_name, type, err) < 0)
            return -1;
    }
    return errno ? failed(err, errno, path) : 0;
}

/* The names are pointed to at the end, since their buffer moves as it grows. */
int salvor_folder_list_open(struct salvor_folder_list *list, int fd, const char *path,
                            struct salvor_error *err)
{
    salvor_buffer_init(&list->names, NAMES_LIMIT);
    DIR *stream = fdopendir(fd);
    if (!stream) {
        failed(err, errno, path);
        close(fd);
        return -1;
    }
    int result = read_entries(list, stream, path, err);
    closedir(stream);
    const char *name = list->names.data;
    for (size_t i = 0; result == 0 && i < list->count; i++) {
        list->entries[i].name = name;
        name += strlen(name) + 1;
    }
    if (result == 0 && list->count)
        qsort(list->entries, list->count, sizeof(*list->entries), compare_entries);
    return result;
}

int salvor_folder_list(struct salvor_folder_list *out, const char *path, struct salvor_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(err, errno, path);
    return salvor_folder_list_open(out, fd, path, err);
}

void salvor_folder_list_release(struct salvor_folder_list *list)
{
    free(list->entries);
    salvor_buffer_release(&list->names);
    *list = (struct salvor_folder_list){0};
}

/* Removing */

static int remove_entry(int folder, const char *name, dev_t device, struct salvor_buffer *path,
                        int depth, struct salvor_error *err);

static int remove_listed(int fd, const struct salvor_folder_list *list, dev_t device,
                         struct salvor_buffer *path, int depth, struct salvor_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t size = path->size;
        if (salvor_path_join(path, list->entries[i].name, err) < 0 ||
            remove_entry(fd, list->entries[i].name, device, path, depth + 1, err) < 0)
            return -1;
        path->size = size;
        path->data[size] = '\0';
    }
    return 0;
}

static int remove_contents(int fd, dev_t device, struct salvor_buffer *path, int depth,
                           struct salvor_error *err)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return failed(err, errno, path->data);
    if (status.st_dev != device)
        return salvor_error_set(err, "Forbidden", "%s: another file system is mounted there",
                                path->data);
    if (depth > DEPTH_LIMIT)
        return salvor_error_set(err, "TooLarge", "%s: more than %d folders deep", path->data,
                                DEPTH_LIMIT);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return failed(err, errno, path->data);
    struct salvor_folder_list list = {0};
    int result = salvor_folder_list_open(&list, copy, path->data, err);
    if (result == 0)
        result = remove_listed(fd, &list, device, path, depth, err);
    salvor_folder_list_release(&list);
    return result;
}

/* Something that vanishes under our hands was to be removed anyway. */
static int remove_entry(int folder, const char *name, dev_t device, struct salvor_buffer *path,
                        int depth, struct salvor_error *err)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
            return failed(err, errno, path->data);
        return 0;
    }
    /* A folder that cannot be opened can still be removed when it is empty. */
    int problem = fd < 0 ? errno : 0;
    int result = fd < 0 ? 0 : remove_contents(fd, device, path, depth, err);
    if (fd >= 0)
        close(fd);
    if (result == 0 && unlinkat(folder, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return failed(err, problem ? problem : errno, path->data);
    return result;
}

int salvor_folder_remove_tree(const char *path, struct salvor_error *err)
{
    /* "link/" is what the link points to, so the slash goes first. */
    char top[PATH_MAX];
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    if (size >= sizeof(top))
        return failed(err, ENAMETOOLONG, path);
    memcpy(top, path, size);
    top[size] = '\0';
    const char *slash = strrchr(top, '/');
    const char *name = slash ? slash + 1 : top;
    if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
        return salvor_error_set(err, "Invalid", "%s: refused; name the folder itself", path);
    struct stat status;
    if (lstat(top, &status) < 0)
        return failed(err, errno, path);
    struct salvor_buffer where = SALVOR_BUFFER_INIT(1 << 20);
    int result = salvor_buffer_append(&where, top, size, err);
    if (result == 0)
        result = remove_entry(AT_FDCWD, top, status.st_dev, &where, 0, err);
    salvor_buffer_release(&where);
    return result;
}
