#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/folder.h"
#include "core/path.h"

enum { CHUNK = 65536, ATTEMPTS = 100 };

static int failed(struct salvor_error *err, int number, const char *path)
{
    salvor_error_errno(err, number, "%s", path);
    if (number == ENOSPC || number == EDQUOT)
        salvor_error_hint(err, "free some space on the file system of %s", path);
    return -1;
}

static void close_quietly(int fd)
{
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
}

/* Reading */

enum { FOR_EVER = -1 };

static long long milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Until there is something to read, or `end` on that clock. A signal ends it, as it ends a read; but
 * for that of a terminal's new size, which asks for no end.
 */
static int await(int fd, const char *path, long long end, struct salvor_error *err)
{
    struct pollfd watch = {.fd = fd, .events = POLLIN};
    if (end == FOR_EVER)
        return 0;
    long long left = end - milliseconds_now();
    struct timespec limit = {0};
    if (left > 0)
        limit = (struct timespec){.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    sigaddset(&mask, SIGWINCH);
    int ready = ppoll(&watch, 1, &limit, &mask);
    if (ready < 0)
        return failed(err, errno, path);
    if (ready)
        return 0;
    salvor_error_set(err, "Timeout", "%s: nobody has written it to its end", path);
    salvor_error_hint(err, "it is a pipe: see what should write it, or name a file");
    return -1;
}

static int read_all(struct salvor_buffer *out, int fd, const char *path, long long end,
                    struct salvor_error *err)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return failed(err, errno, path);
    size_t room = S_ISREG(status.st_mode) ? (size_t)status.st_size : 0;
    if (room > out->limit - out->size)
        return salvor_error_set(err, "TooLarge", "%s: %zu bytes, more than %zu", path, room,
                                out->limit);
    for (;;) {
        if (room < CHUNK)
            room = CHUNK;
        if (room > out->limit - out->size)
            room = out->limit - out->size;
        if (salvor_buffer_reserve(out, room, err) < 0)
            return -1;
        if (await(fd, path, end, err) < 0)
            return -1;
        char beyond;
        ssize_t got = room ? read(fd, out->data + out->size, room) : read(fd, &beyond, 1);
        /* An interrupted read of a terminal or a pipe ends the call: the script is to stop. */
        if (got < 0)
            return failed(err, errno, path);
        if (got == 0)
            return 0;
        if (!room)
            return salvor_error_set(err, "TooLarge", "%s: more than %zu bytes", path, out->limit);
        out->size += (size_t)got;
        out->data[out->size] = '\0';
        room = 0;
    }
}

static int read_until(struct salvor_buffer *out, const char *path, int flags, long long end,
                      struct salvor_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
    if (fd < 0)
        return failed(err, errno, path);
    int result = read_all(out, fd, path, end, err);
    close_quietly(fd);
    return result;
}

int salvor_file_read(struct salvor_buffer *out, const char *path, struct salvor_error *err)
{
    return read_until(out, path, 0, FOR_EVER, err);
}

int salvor_file_read_within(struct salvor_buffer *out, const char *path, int seconds,
                            struct salvor_error *err)
{
    return read_until(out, path, O_NONBLOCK, milliseconds_now() + seconds * 1000LL, err);
}

/* Folders as the place of a file */

struct place {
    int folder;              /* a descriptor */
    char name[NAME_MAX + 1]; /* the last component */
};

static int find_place(struct place *place, const char *path, struct salvor_error *err)
{
    struct salvor_buffer folder = SALVOR_BUFFER_INIT(PATH_MAX);
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    place->folder = -1;
    if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
        return salvor_error_set(err, "Invalid", "%s: not the name of a file", path);
    if (strlen(name) >= sizeof(place->name))
        return failed(err, ENAMETOOLONG, path);
    strcpy(place->name, name);
    int result = salvor_path_folder(&folder, path, err);
    if (result == 0 && (place->folder = salvor_folder_open(folder.data)) < 0) {
        int number = errno;
        result = failed(err, number, path);
        if (number == ENOENT)
            salvor_error_hint(err, "make the folder first: fs.mkdir(path, {parents = true})");
    }
    salvor_buffer_release(&folder);
    return result;
}

static void temporary_name(char name[NAME_MAX + 1])
{
    unsigned long long number = 0;
    if (getrandom(&number, sizeof(number), 0) < 0)
        number = (unsigned long long)getpid();
    snprintf(name, NAME_MAX + 1,
             SALVOR_FILE_TEMPORARY_PREFIX "%016llx" SALVOR_FILE_TEMPORARY_SUFFIX, number);
}

int salvor_rename_new(int from_folder, const char *from, int to_folder, const char *to)
{
    if (renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* Some network file systems have no such rename; a second name is as exclusive. */
    if (linkat(from_folder, from, to_folder, to, 0) == 0)
        return unlinkat(from_folder, from, 0);
    /* A folder cannot have one, nor a file everywhere; but nothing is there, or that would be why. */
    return errno == EEXIST ? -1 : renameat(from_folder, from, to_folder, to);
}

static int rename_at(int from_folder, const char *from, int to_folder, const char *to,
                     bool exclusive)
{
    return exclusive ? salvor_rename_new(from_folder, from, to_folder, to)
                     : renameat(from_folder, from, to_folder, to);
}

/* Writing */

static bool has_no_reader(int fd)
{
    struct pollfd pipe = {.fd = fd, .events = POLLOUT};
    return poll(&pipe, 1, 0) > 0 && pipe.revents & POLLERR;
}

/*
 * How many of the bytes were written: all, or errno tells what failed. A signal ends the writing to a
 * pipe or a terminal, as it ends the reading of one; it is seen by a write that is cut short, too.
 */
static size_t write_all(int fd, const char *data, size_t size, bool is_regular)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(fd, data + done, size - done);
        if (written < 0 && errno == EINTR && is_regular)
            continue;
        if (written < 0)
            break;
        done += (size_t)written;
        if (done < size && !is_regular && !has_no_reader(fd)) {
            errno = EINTR;
            break;
        }
    }
    return done;
}

static int create_temporary(int folder, char name[NAME_MAX + 1], mode_t mode)
{
    int fd = -1;
    for (int i = 0; i < ATTEMPTS; i++) {
        temporary_name(name);
        fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0700);
        if (fd >= 0 || errno != EEXIST)
            break;
    }
    return fd;
}

/* Narrow from the start and widened once the content is there; errno tells what failed. */
static int fill(int fd, const void *data, size_t size, mode_t mode)
{
    int result = write_all(fd, data, size, true) == size ? 0 : -1;
    if (result == 0)
        result = fchmod(fd, mode);
    if (result == 0)
        result = fsync(fd);
    if (result < 0) {
        close_quietly(fd);
        return -1;
    }
    return close(fd);
}

int salvor_file_write(const char *path, const void *data, size_t size, mode_t mode, bool exclusive,
                      struct salvor_error *err)
{
    struct place place;
    if (find_place(&place, path, err) < 0)
        return -1;
    char name[NAME_MAX + 1];
    int result = -1;
    int fd = create_temporary(place.folder, name, mode);
    if (fd >= 0) {
        result = fill(fd, data, size, mode);
        if (result == 0)
            result = rename_at(place.folder, name, place.folder, place.name, exclusive);
        if (result < 0) {
            int saved = errno;
            unlinkat(place.folder, name, 0);
            errno = saved;
        } else {
            result = salvor_folder_flush(place.folder);
        }
    }
    if (result < 0)
        failed(err, errno, path);
    close_quietly(place.folder);
    return result;
}

/* *made: the file is new, so its folder is to be synchronised too. */
static int open_to_append(const char *path, mode_t mode, bool *made)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        *made = false;
        int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
        if (fd >= 0 || errno != ENOENT)
            return fd;
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0700);
        *made = fd >= 0;
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

/* Takes back the last `written` bytes, unless somebody else has written too. */
static void cut_back(int fd, off_t size, size_t written)
{
    int saved = errno;
    struct stat status;
    if (written && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size == size + (off_t)written)
        while (ftruncate(fd, size) < 0 && errno == EINTR)
            ;
    errno = saved;
}

/* What was written and cannot be flushed is not appended either: some disks are full only then. */
static int append_all(int fd, const void *data, size_t size)
{
    struct stat before;
    if (fstat(fd, &before) < 0)
        return -1;
    size_t written = write_all(fd, data, size, S_ISREG(before.st_mode));
    int result = written == size ? 0 : -1;
    if (result == 0 && fdatasync(fd) < 0 && errno != EINVAL)
        result = -1; /* EINVAL: a pipe or a terminal, which has nothing to flush */
    if (result < 0)
        cut_back(fd, before.st_size, written);
    return result;
}

int salvor_file_append(const char *path, const void *data, size_t size, mode_t mode,
                       struct salvor_error *err)
{
    bool made;
    int fd = open_to_append(path, mode, &made);
    if (fd < 0)
        return failed(err, errno, path);
    int result = made ? fchmod(fd, mode) : 0;
    if (result == 0)
        result = append_all(fd, data, size);
    if (result == 0 && made)
        result = salvor_folder_flush_above(path);
    if (result < 0)
        failed(err, errno, path);
    close_quietly(fd);
    return result;
}

int salvor_file_truncate(const char *path, off_t size, struct salvor_error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return failed(err, errno, path);
    struct stat status;
    int result = fstat(fd, &status);
    if (result == 0 && size > status.st_size) {
        close(fd);
        return salvor_error_set(err, "Invalid", "%s: has %lld bytes, fewer than %lld", path,
                                (long long)status.st_size, (long long)size);
    }
    if (result == 0)
        result = ftruncate(fd, size);
    if (result == 0)
        result = fsync(fd);
    if (result < 0)
        failed(err, errno, path);
    close_quietly(fd);
    return result;
}

/* Names */

int salvor_file_rename(const char *from, const char *to, bool exclusive, struct salvor_error *err)
{
    struct place source, target;
    if (find_place(&source, from, err) < 0)
        return -1;
    if (find_place(&target, to, err) < 0) {
        close(source.folder);
        return -1;
    }
    int result = rename_at(source.folder, source.name, target.folder, target.name, exclusive);
    if (result == 0)
        result = salvor_folder_flush(target.folder);
    if (result == 0)
        result = salvor_folder_flush(source.folder);
    if (result < 0)
        failed(err, errno, errno == ENOENT ? from : to);
    close_quietly(source.folder);
    close_quietly(target.folder);
    return result;
}

int salvor_file_remove(const char *path, struct salvor_error *err)
{
    if (unlink(path) == 0)
        return 0;
    if (errno == EISDIR && rmdir(path) == 0)
        return 0;
    return failed(err, errno, path);
}

int salvor_link_make(const char *target, const char *path, bool replace, struct salvor_error *err)
{
    struct place place;
    if (find_place(&place, path, err) < 0)
        return -1;
    int result = symlinkat(target, place.folder, place.name);
    if (result < 0 && errno == EEXIST && replace) {
        char name[NAME_MAX + 1];
        for (int i = 0; i < ATTEMPTS; i++) {
            temporary_name(name);
            result = symlinkat(target, place.folder, name);
            if (result == 0 || errno != EEXIST)
                break;
        }
        if (result == 0 && (result = renameat(place.folder, name, place.folder, place.name)) < 0) {
            int saved = errno;
            unlinkat(place.folder, name, 0);
            errno = saved;
        }
    }
    if (result == 0)
        result = salvor_folder_flush(place.folder);
    if (result < 0)
        failed(err, errno, path);
    close_quietly(place.folder);
    return result;
}

int salvor_link_read(struct salvor_buffer *out, const char *path, struct salvor_error *err)
{
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof(target));
    if (size < 0 && errno == EINVAL)
        return salvor_error_set(err, "Invalid", "%s: not a symbolic link", path);
    if (size < 0)
        return failed(err, errno, path);
    return salvor_buffer_append(out, target, (size_t)size, err);
}

int salvor_output_flush(struct salvor_error *err)
{
    if (fflush(stdout) != 0)
        return salvor_error_errno(err, errno, "standard output");
    if (ferror(stdout))
        return salvor_error_set(err, "IO", "standard output: not all of it could be written");
    return 0;
}

/* Locks */

static int locked_by_another(struct salvor_error *err, int fd, const char *path)
{
    char text[32] = "";
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
    long pid = got > 0 ? strtol(text, NULL, 10) : 0;
    if (pid == (long)getpid())
        salvor_error_set(err, "Conflict", "%s: this process holds the lock already", path);
    else if (pid > 0)
        salvor_error_set(err, "Conflict", "%s: process %ld holds the lock", path, pid);
    else
        salvor_error_set(err, "Conflict", "%s: another process holds the lock", path);
    if (err)
        err->retryable = true;
    return -1;
}

/* The file that was locked may have been removed meanwhile; then the lock is nobody's. */
static bool is_still_there(int fd, const char *path)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

int salvor_lock_acquire(int *descriptor, const char *path, struct salvor_error *err)
{
    *descriptor = -1;
    for (int i = 0; i < ATTEMPTS; i++) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
        if (fd < 0)
            return failed(err, errno, path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            int result =
                errno == EWOULDBLOCK ? locked_by_another(err, fd, path) : failed(err, errno, path);
            close(fd);
            return result;
        }
        if (!is_still_there(fd, path)) {
            close(fd);
            continue;
        }
        /* Who holds it is a courtesy to others: a full disk does not make the lock fail. */
        char text[32];
        int size = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)size, 0) < 0)
            errno = 0;
        *descriptor = fd;
        return 0;
    }
    return salvor_error_set(err, "Conflict", "%s: the lock file is removed again and again", path);
}

void salvor_lock_release(int descriptor)
{
    if (descriptor < 0)
        return;
    if (ftruncate(descriptor, 0) < 0)
        errno = 0;
    close(descriptor);
}
