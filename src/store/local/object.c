#include "store/local/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/file.h"
#include "store/sum.h"

#define TEMPORARY SALVOR_FILE_TEMPORARY_PREFIX "%016llx" SALVOR_FILE_TEMPORARY_SUFFIX

#define TIME_MAX 1e11 /* of no file; a server may say anything */

enum { STEP = 1 << 20, SYNC_STEP = 4 << 20, ATTEMPTS = 100 };

static void close_quietly(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}

static const char *kind_of(mode_t mode)
{
    if (S_ISREG(mode))
        return "file";
    if (S_ISDIR(mode))
        return "folder";
    return S_ISLNK(mode) ? "link" : "other";
}

void salvor_local_item_set(struct salvor_local_item *item, const struct stat *status)
{
    item->kind = kind_of(status->st_mode);
    item->size = status->st_size;
    item->modified = (double)status->st_mtim.tv_sec + 1e-9 * (double)status->st_mtim.tv_nsec;
    item->mode = status->st_mode & 07777;
    snprintf(item->etag, sizeof(item->etag), "%llx-%llx-%llx.%lx",
             (unsigned long long)status->st_ino, (unsigned long long)status->st_size,
             (unsigned long long)status->st_mtim.tv_sec, (unsigned long)status->st_mtim.tv_nsec);
}

int salvor_local_stat(struct salvor_local_item *item, const struct salvor_local_root *root,
                      const char *path, struct salvor_error *err)
{
    struct stat status;
    int fd = salvor_local_open(root, path, O_PATH);
    if (fd < 0)
        return salvor_local_failed(err, errno);
    int result = fstat(fd, &status);
    if (result < 0)
        salvor_local_failed(err, errno);
    else
        salvor_local_item_set(item, &status);
    close(fd);
    return result;
}

/* Reading */

static int read_step(int fd, struct salvor_block *block, int64_t *offset, int64_t *length)
{
    size_t wanted = salvor_block_room(block) < STEP ? salvor_block_room(block) : STEP;
    if ((int64_t)wanted > *length)
        wanted = (size_t)*length;
    ssize_t got = wanted ? pread(fd, block->data + block->size, wanted, (off_t)*offset) : 0;
    if (got > 0) {
        block->size += (size_t)got;
        *offset += got;
        *length -= got;
    }
    return got < 0 && errno != EINTR ? -1 : got != 0;
}

static int changed(struct salvor_error *err)
{
    return salvor_error_set(err, "Changed", "it is another file by now");
}

static int read_file(struct salvor_local_item *item, int fd, struct salvor_block *block,
                     int64_t offset, int64_t length, const char *etag,
                     const struct salvor_stop *stop, struct salvor_error *err)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return salvor_local_failed(err, errno);
    salvor_local_item_set(item, &status);
    if (S_ISDIR(status.st_mode))
        return salvor_local_failed(err, EISDIR);
    if (!S_ISREG(status.st_mode))
        return salvor_error_set(err, "Invalid", "it is not a regular file");
    if (etag && strcmp(etag, item->etag) != 0)
        return changed(err);
    int64_t rest = item->size > offset ? item->size - offset : 0;
    if (length > rest)
        length = rest;
    if (length > (int64_t)block->capacity)
        return salvor_error_set(err, "TooLarge", "%lld bytes for a block of %zu", (long long)length,
                                block->capacity);
    int more = 1;
    while (length > 0 && more > 0 && !salvor_stop_asked(stop))
        more = read_step(fd, block, &offset, &length);
    if (more < 0)
        return salvor_local_failed(err, errno);
    if (salvor_stop_asked(stop))
        return salvor_error_set(err, "Cancelled", "the call was given up");
    if (!etag)
        return 0;
    struct salvor_local_item after;
    if (fstat(fd, &status) < 0)
        return salvor_local_failed(err, errno);
    salvor_local_item_set(&after, &status);
    return strcmp(etag, after.etag) != 0 ? changed(err) : 0;
}

int salvor_local_read(struct salvor_local_item *item, const struct salvor_local_root *root,
                      const char *path, struct salvor_block *block, int64_t offset, int64_t length,
                      const char *etag, const struct salvor_stop *stop, struct salvor_error *err)
{
    block->size = 0;
    /* Not blocking: the other end of a pipe may never come. */
    int fd = salvor_local_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENXIO)
        return salvor_error_set(err, "Invalid", "it is not a regular file");
    if (fd < 0)
        return salvor_local_failed(err, errno);
    int result = read_file(item, fd, block, offset, length, etag, stop, err);
    close(fd);
    return result;
}

/* Writing */

int salvor_local_write_at(int fd, const char *data, size_t size, int64_t offset,
                          const struct salvor_stop *stop)
{
    while (size) {
        if (salvor_stop_check(stop) < 0)
            return -1;
        ssize_t written = pwrite(fd, data, size < STEP ? size : STEP, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        data += written;
        size -= (size_t)written;
        offset += written;
    }
    return 0;
}

static int put_under_name(const char *temporary, const struct salvor_local_place *place,
                          bool if_absent)
{
    int folder = place->folder;
    if (!if_absent)
        return renameat(folder, temporary, folder, place->name);
    if (renameat2(folder, temporary, folder, place->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* Some network file systems have no such rename; a second name is as exclusive. */
    if (linkat(folder, temporary, folder, place->name, 0) < 0)
        return -1;
    return unlinkat(folder, temporary, 0);
}

static int set_time(int fd, double modified)
{
    if (!(modified >= 0 && modified < TIME_MAX))
        return 0;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)modified}};
    times[1].tv_nsec = (long)((modified - (double)times[1].tv_sec) * 1e9);
    return futimens(fd, times);
}

/* In steps, since nothing ends an fsync() of a large file before it is done. */
static int sync_file(int fd, int64_t size, const struct salvor_stop *stop)
{
    int flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    for (int64_t at = 0; size > SYNC_STEP && at < size; at += SYNC_STEP) {
        if (salvor_stop_check(stop) < 0)
            return -1;
        if (sync_file_range(fd, (off_t)at, SYNC_STEP, (unsigned)flags) < 0)
            break; /* the file system may not know it; fsync tells of errors */
    }
    return fsync(fd);
}

int salvor_local_settle(struct salvor_local_item *item, int fd, const char *temporary,
                        const struct salvor_local_place *place,
                        const struct salvor_local_attributes *attributes, struct salvor_stop *stop)
{
    struct stat status;
    if (fchmod(fd, attributes->mode) < 0 || set_time(fd, attributes->modified) < 0 ||
        fstat(fd, &status) < 0 || sync_file(fd, status.st_size, stop) < 0 ||
        salvor_stop_disable(stop) < 0 ||
        put_under_name(temporary, place, attributes->if_absent) < 0)
        return -1;
    salvor_local_item_set(item, &status);
    return 0;
}

static int create_random(char name[NAME_MAX + 1], const struct salvor_local_place *place)
{
    int fd = -1;
    for (int i = 0; i < ATTEMPTS; i++) {
        unsigned long long number = 0;
        if (getrandom(&number, sizeof(number), 0) < 0)
            return -1;
        snprintf(name, NAME_MAX + 1, TEMPORARY, number);
        fd = openat(place->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            break;
    }
    return fd;
}

/*
 * The same name for the same file, so that what a killed writer has left is used up by the next one.
 * Where two write at the same time the second has a name of its own.
 */
static int create_temporary(char name[NAME_MAX + 1], const struct salvor_local_place *place)
{
    unsigned long long sum = salvor_store_sum(place->name, strlen(place->name));
    snprintf(name, NAME_MAX + 1, TEMPORARY, sum);
    int fd = salvor_local_claim(place, name, true);
    if (fd >= 0 && ftruncate(fd, 0) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return create_random(name, place);
}

static int write_file(struct salvor_local_item *item, const struct salvor_local_place *place,
                      const struct salvor_block *block,
                      const struct salvor_local_attributes *attributes, struct salvor_stop *stop)
{
    char temporary[NAME_MAX + 1];
    struct stat status;
    if (attributes->if_absent &&
        fstatat(place->folder, place->name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    int fd = salvor_stop_check(stop) < 0 ? -1 : create_temporary(temporary, place);
    if (fd < 0)
        return -1;
    int result = salvor_local_write_at(fd, block->data, block->size, 0, stop);
    if (result == 0)
        result = salvor_local_settle(item, fd, temporary, place, attributes, stop);
    if (result == 0) {
        salvor_stop_enable(stop); /* the name is there; a busy disk takes seconds to keep it */
        result = salvor_local_sync(place);
    } else {
        int saved = errno;
        unlinkat(place->folder, temporary, 0);
        errno = saved;
    }
    close_quietly(fd);
    return result;
}

int salvor_local_write(struct salvor_local_item *item, const struct salvor_local_root *root,
                       const char *path, const struct salvor_block *block,
                       const struct salvor_local_attributes *attributes, struct salvor_stop *stop,
                       struct salvor_error *err)
{
    struct salvor_local_place place;
    if (salvor_local_place_open(&place, root, path, stop) < 0)
        return salvor_local_failed(err, errno);
    int result = write_file(item, &place, block, attributes, stop);
    if (result < 0)
        salvor_local_failed(err, errno);
    salvor_local_place_close(&place);
    return result;
}

/* Removing */

static int unlink_place(const struct salvor_local_place *place, int flags, struct salvor_stop *stop)
{
    if (salvor_stop_disable(stop) < 0)
        return -1;
    int result = unlinkat(place->folder, place->name, flags);
    salvor_stop_enable(stop);
    return result;
}

int salvor_local_remove(const struct salvor_local_root *root, const char *path,
                        struct salvor_stop *stop, struct salvor_error *err)
{
    char copy[PATH_MAX];
    struct salvor_local_place place;
    size_t size = strlen(path);
    if (size >= sizeof(copy))
        return 0; /* no file has such a name */
    memcpy(copy, path, size + 1);
    bool is_folder = size > 1 && copy[size - 1] == '/';
    if (is_folder)
        copy[size - 1] = '\0';
    int result = salvor_local_place_open(&place, root, copy, NULL);
    if (result == 0) {
        result = unlink_place(&place, is_folder ? AT_REMOVEDIR : 0, stop);
        int saved = errno;
        salvor_local_place_close(&place);
        errno = saved;
    }
    if (result < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG))
        return 0;
    return result < 0 ? salvor_local_failed(err, errno) : 0;
}
