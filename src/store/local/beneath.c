#include "store/local/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/file.h"
#include "core/folder.h"

enum { RACES = 100, FOLDER_MODE = 0700 };

static int try_openat2(int folder, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    /* Somebody renames folders meanwhile: the kernel cannot tell whether the path stayed below. */
    for (int i = 0; i < RACES; i++) {
        long fd = syscall(SYS_openat2, folder, path, &how, sizeof(how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            return (int)fd;
    }
    return -1;
}

int salvor_local_root_open(struct salvor_local_root *root, const char *path, bool make,
                           const struct salvor_stop *stop, struct salvor_error *err)
{
    root->fd = -1;
    if (make && salvor_folder_make(path, FOLDER_MODE, true, stop, err) < 0)
        return -1;
    root->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root->fd < 0)
        return salvor_local_failed(err, errno);
    int probe = try_openat2(root->fd, ".", O_PATH);
    root->no_openat2 = probe < 0;
    if (probe >= 0)
        close(probe);
    return 0;
}

void salvor_local_root_close(struct salvor_local_root *root)
{
    if (root->fd >= 0)
        close(root->fd);
    root->fd = -1;
}

static void close_quietly(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}

/* Part by part, without openat2: a symbolic link anywhere is ELOOP or ENOTDIR. */
static int open_by_parts(int folder, const char *path, int flags)
{
    int at = folder;
    for (;;) {
        size_t size = strcspn(path, "/");
        char name[NAME_MAX + 1];
        if (size > NAME_MAX || !size || (size == 2 && !memcmp(path, "..", 2))) {
            errno = size > NAME_MAX ? ENAMETOOLONG : EXDEV;
            break;
        }
        memcpy(name, path, size);
        name[size] = '\0';
        bool last = !path[size];
        int next = openat(at, name, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
        if (at != folder)
            close_quietly(at);
        if (next < 0 || last)
            return next;
        at = next;
        path += size + 1;
    }
    if (at != folder)
        close_quietly(at);
    return -1;
}

static int open_below(const struct salvor_local_root *root, int folder, const char *path, int flags)
{
    if (!*path)
        path = ".";
    return root->no_openat2 ? open_by_parts(folder, path, flags) : try_openat2(folder, path, flags);
}

int salvor_local_open(const struct salvor_local_root *root, const char *path, int flags)
{
    return open_below(root, root->fd, path, flags);
}

/* A folder that may be entered but not read cannot be synchronised either; that is no error. */
static int open_folder(const struct salvor_local_root *root, const char *path)
{
    int fd = salvor_local_open(root, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && errno == EACCES)
        fd = salvor_local_open(root, path, O_PATH | O_DIRECTORY);
    return fd;
}

static int make_folder(const struct salvor_local_root *root, char *path,
                       const struct salvor_stop *stop);

/* The folder that holds `path`, made when it is missing; `path` is as it was afterwards. */
static int open_parent(const struct salvor_local_root *root, char *path,
                       const struct salvor_stop *make)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return open_folder(root, "");
    *slash = '\0';
    int fd = open_folder(root, path);
    if (fd < 0 && errno == ENOENT && make)
        fd = make_folder(root, path, make);
    *slash = '/';
    return fd;
}

static int make_folder(const struct salvor_local_root *root, char *path,
                       const struct salvor_stop *stop)
{
    int parent = open_parent(root, path, stop);
    if (parent < 0)
        return -1;
    const char *slash = strrchr(path, '/');
    int result = salvor_stop_check(stop);
    if (result == 0)
        result = mkdirat(parent, slash ? slash + 1 : path, FOLDER_MODE);
    if (result < 0 && errno == EEXIST)
        result = 0;
    else if (result == 0)
        fsync(parent);
    close_quietly(parent);
    return result < 0 ? -1 : open_folder(root, path);
}

int salvor_local_place_open(struct salvor_local_place *place, const struct salvor_local_root *root,
                            const char *path, const struct salvor_stop *make)
{
    char copy[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    place->folder = -1;
    if (strlen(path) >= sizeof(copy) || strlen(name) > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(copy, path);
    strcpy(place->name, name);
    place->folder = open_parent(root, copy, make);
    return place->folder < 0 ? -1 : 0;
}

void salvor_local_place_close(struct salvor_local_place *place)
{
    if (place->folder >= 0)
        close_quietly(place->folder);
    place->folder = -1;
}

/* Whoever had the file may have renamed or removed it before we got the lock. */
static bool has_name(int fd, const struct salvor_local_place *place, const char *name)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 &&
           fstatat(place->folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

int salvor_local_claim(const struct salvor_local_place *place, const char *name, bool must_lock)
{
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(place->folder, name, flags, 0600);
    if (fd < 0)
        return -1;
    bool failed = flock(fd, LOCK_EX | LOCK_NB) < 0;
    bool taken = failed && (must_lock || errno == EWOULDBLOCK);
    if (!taken && has_name(fd, place, name))
        return fd;
    close(fd);
    errno = EWOULDBLOCK;
    return -1;
}

int salvor_local_sync(const struct salvor_local_place *place)
{
    if (fsync(place->folder) < 0 && errno != EINVAL && errno != EBADF && errno != ENOTSUP)
        return -1;
    return 0;
}

bool salvor_local_is_temporary(const char *name)
{
    size_t prefix = strlen(SALVOR_FILE_TEMPORARY_PREFIX);
    if (strncmp(name, SALVOR_FILE_TEMPORARY_PREFIX, prefix) != 0)
        return false;
    name += prefix;
    name += strspn(name, "0123456789abcdef");
    return !strcmp(name, SALVOR_FILE_TEMPORARY_SUFFIX);
}

int salvor_local_failed(struct salvor_error *err, int number)
{
    switch (number) {
    case EXDEV:
    case ELOOP:
        return salvor_error_set(err, "Forbidden",
                                "a symbolic link leads out of the folder, or to nowhere");
    case ENOTDIR:
        return salvor_error_set(err, "NotFound", "what should be a folder is none");
    case ECANCELED:
        return salvor_error_set(err, "Cancelled", "the call was given up");
    case EISDIR:
        return salvor_error_set(err, "Invalid", "it is a folder");
    case ENOTEMPTY:
        return salvor_error_set(err, "Invalid", "the folder is not empty");
    default:
        salvor_error_errno(err, number, "%s", "");
    }
    /* ": No space left on device" without what stands before. */
    if (err)
        memmove(err->message, err->message + 2, strlen(err->message) - 1);
    return -1;
}
