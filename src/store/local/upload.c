#include "store/local/upload.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "store/local/keeper.h"
#include "store/sum.h"

enum { STEP = 1 << 18, PAUSE = 10 * 1000 * 1000 }; /* nanoseconds */

struct record {
    char mark[8];
    uint64_t sum; /* big-endian */
};

static const char MARK[8] = "salvor01";

static int64_t record_offset(const struct salvor_local_upload *upload, int64_t offset)
{
    return upload->size + offset / upload->part_size * (int64_t)sizeof(struct record);
}

static int64_t size_with_records(const struct salvor_local_upload *upload)
{
    int64_t parts = upload->size / upload->part_size + (upload->size % upload->part_size != 0);
    return upload->size + parts * (int64_t)sizeof(struct record);
}

/* The rest of a name that is made by the same path and other bytes, and is nobody's any more. */
static void remove_leftover(const struct salvor_local_upload *upload, const char *name,
                            const struct salvor_stop *stop)
{
    int fd = openat(upload->place.folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    struct stat status;
    int keeper = -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &status) == 0 && !salvor_stop_asked(stop)) {
        keeper = salvor_local_keep(fd, status.st_size);
        unlinkat(upload->place.folder, name, 0);
    }
    close(fd);
    if (keeper >= 0)
        close(keeper);
}

/* What earlier runs have begun of a file that has changed since. */
static void remove_leftovers(const struct salvor_local_upload *upload,
                             const struct salvor_stop *stop)
{
    size_t same = strlen(SALVOR_FILE_TEMPORARY_PREFIX) + SALVOR_LOCAL_ID_OF_PATH;
    int copy = openat(upload->place.folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (!folder) {
        if (copy >= 0)
            close(copy);
        return;
    }
    for (const struct dirent *entry; !salvor_stop_asked(stop) && (entry = readdir(folder));)
        if (!strncmp(entry->d_name, upload->temporary, same) &&
            strcmp(entry->d_name, upload->temporary) != 0 &&
            salvor_local_is_temporary(entry->d_name))
            remove_leftover(upload, entry->d_name, stop);
    closedir(folder);
}

/* Whether what was claimed is what an earlier run has begun. */
static int look(struct salvor_local_upload *upload)
{
    struct stat status;
    if (fstat(upload->fd, &status) < 0)
        return -1;
    upload->found = status.st_size == size_with_records(upload) && S_ISREG(status.st_mode);
    return 0;
}

static int reserve(const struct salvor_local_upload *upload)
{
    int64_t size = size_with_records(upload);
    if (ftruncate(upload->fd, 0) < 0 || ftruncate(upload->fd, (off_t)size) < 0)
        return -1;
    if (size && fallocate(upload->fd, 0, 0, (off_t)size) < 0 && errno != EOPNOTSUPP &&
        errno != ENOSYS && errno != EINTR)
        return -1;
    return 0;
}

/* The file and its lock, which may be another writer's for a moment. */
static int claim(struct salvor_local_upload *upload, const struct salvor_stop *stop)
{
    static const struct timespec pause = {.tv_nsec = PAUSE};
    for (double waited = 0;; waited += PAUSE / 1e9) {
        if (salvor_stop_check(stop) < 0)
            return -1;
        upload->fd = salvor_local_claim(&upload->place, upload->temporary, false);
        if (upload->fd >= 0)
            return 0;
        if (errno != EWOULDBLOCK || waited >= upload->patience)
            return -1;
        nanosleep(&pause, NULL);
    }
}

static int open_file(struct salvor_local_upload *upload, struct salvor_stop *stop)
{
    if (claim(upload, stop) < 0 || look(upload) < 0)
        return -1;
    remove_leftovers(upload, stop);
    if (salvor_stop_check(stop) == 0 && (upload->found || reserve(upload) == 0) &&
        salvor_stop_disable(stop) == 0)
        return 0;
    int saved = errno;
    if (!upload->found) {
        salvor_local_upload_prepare_removal(upload);
        salvor_local_upload_remove(upload);
    }
    errno = saved;
    return -1;
}

int salvor_local_upload_open(struct salvor_local_upload *upload,
                             const struct salvor_local_root *root, const char *path, const char *id,
                             struct salvor_stop *stop, struct salvor_error *err)
{
    upload->fd = upload->keeper = -1;
    if (salvor_local_place_open(&upload->place, root, path, stop) < 0)
        return salvor_local_failed(err, errno);
    snprintf(upload->temporary, sizeof(upload->temporary),
             SALVOR_FILE_TEMPORARY_PREFIX "%s" SALVOR_FILE_TEMPORARY_SUFFIX, id);
    if (open_file(upload, stop) == 0)
        return 0;
    int number = errno;
    salvor_local_upload_close(upload);
    if (number == EWOULDBLOCK)
        return salvor_error_set(err, "Conflict", "somebody else is writing it");
    return salvor_local_failed(err, number);
}

static int compare(int fd, const struct salvor_block *block, int64_t offset, char *buffer,
                   const struct salvor_stop *stop)
{
    for (size_t at = 0; at < block->size;) {
        size_t wanted = block->size - at < STEP ? block->size - at : STEP;
        ssize_t got = pread(fd, buffer, wanted, (off_t)(offset + (int64_t)at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0 || memcmp(buffer, block->data + at, (size_t)got) != 0)
            return 0;
        if (salvor_stop_check(stop) < 0)
            return -1;
        at += (size_t)got;
    }
    return 1;
}

int salvor_local_upload_has(const struct salvor_local_upload *upload, int64_t offset,
                            const struct salvor_block *block, const struct salvor_stop *stop,
                            struct salvor_error *err)
{
    if (!upload->found)
        return 0;
    char *buffer = malloc(STEP);
    if (!buffer)
        return salvor_error_memory(err);
    int result = compare(upload->fd, block, offset, buffer, stop);
    if (result < 0)
        salvor_local_failed(err, errno);
    free(buffer);
    return result;
}

static int read_back(int fd, struct salvor_block *block, size_t size, int64_t offset,
                     const struct salvor_stop *stop)
{
    block->size = 0;
    while (block->size < size) {
        size_t wanted = size - block->size < STEP ? size - block->size : STEP;
        ssize_t got =
            pread(fd, block->data + block->size, wanted, (off_t)(offset + (int64_t)block->size));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        block->size += (size_t)got;
        if (salvor_stop_check(stop) < 0)
            return -1;
    }
    return 1;
}

int salvor_local_upload_recall(const struct salvor_local_upload *upload, int64_t offset,
                               struct salvor_block *block, const struct salvor_stop *stop,
                               struct salvor_error *err)
{
    struct record record;
    int64_t size =
        upload->size - offset < upload->part_size ? upload->size - offset : upload->part_size;
    if (!upload->found || size < 0 || size > (int64_t)block->capacity)
        return 0;
    ssize_t got = pread(upload->fd, &record, sizeof(record), (off_t)record_offset(upload, offset));
    if (got != sizeof(record) || memcmp(record.mark, MARK, sizeof(MARK)) != 0)
        return 0;
    int result = read_back(upload->fd, block, (size_t)size, offset, stop);
    if (result < 0)
        return salvor_local_failed(err, errno);
    return result && be64toh(record.sum) == salvor_store_sum(block->data, block->size);
}

int salvor_local_upload_part(const struct salvor_local_upload *upload, int64_t offset,
                             const struct salvor_block *block, const struct salvor_stop *stop,
                             struct salvor_error *err)
{
    struct record record = {.sum = htobe64(salvor_store_sum(block->data, block->size))};
    memcpy(record.mark, MARK, sizeof(MARK));
    if (salvor_local_write_at(upload->fd, block->data, block->size, offset, stop) < 0 ||
        salvor_local_write_at(upload->fd, (const char *)&record, sizeof(record),
                              record_offset(upload, offset), stop) < 0)
        return salvor_local_failed(err, errno);
    /* The disk begins now, so that there is little left to wait for at the end. */
    sync_file_range(upload->fd, (off_t)offset, (off_t)block->size, SYNC_FILE_RANGE_WRITE);
    return 0;
}

int salvor_local_upload_finish(struct salvor_local_upload *upload, struct salvor_local_item *item,
                               struct salvor_stop *stop, struct salvor_error *err)
{
    int cut = ftruncate(upload->fd, (off_t)upload->size);
    if (cut < 0 ||
        salvor_local_settle(item, upload->fd, upload->temporary, &upload->place,
                            &upload->attributes, stop) < 0 ||
        salvor_local_sync(&upload->place) < 0)
        return salvor_local_failed(err, errno);
    salvor_local_upload_close(upload);
    return 0;
}

void salvor_local_upload_prepare_removal(struct salvor_local_upload *upload)
{
    if (upload->fd >= 0)
        upload->keeper = salvor_local_keep(upload->fd, upload->size);
}

void salvor_local_upload_remove(struct salvor_local_upload *upload)
{
    if (upload->fd >= 0)
        unlinkat(upload->place.folder, upload->temporary, 0);
}

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void salvor_local_upload_close(struct salvor_local_upload *upload)
{
    close_if_open(&upload->fd);
    close_if_open(&upload->keeper);
    salvor_local_place_close(&upload->place);
}
