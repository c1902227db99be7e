#include "data/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/unpack_folders.h"
#include "data/unpack_name.h"
#include "data/unpack_place.h"

enum {
    SKIPPED_LIMIT = 1 << 20,
    FLUSH_SIZE = 8 << 20 /* so many bytes at a time begin their way to the disk */
};

struct salvor_unpack {
    struct salvor_unpack_place place;
    struct salvor_buffer top;
    struct salvor_buffer skipped;
    int64_t limit, total;
    struct salvor_unpack_folders folders;
    /* Of the entry under way. */
    struct salvor_buffer name; /* below the top, normalised; "" is the top itself */
    struct salvor_buffer other;
};

static int refuse(struct salvor_error *err, const char *name, const char *why)
{
    char shown[SALVOR_ARCHIVE_SHOWN_MAX];
    return salvor_error_set(err, "Corrupt", "refused: the archive's entry '%s' %s",
                            salvor_archive_show(shown, name), why);
}

static int failed(struct salvor_error *err, int number, const char *name)
{
    char shown[SALVOR_ARCHIVE_SHOWN_MAX];
    return salvor_error_errno(err, number, "cannot write '%s'", salvor_archive_show(shown, name));
}

static int find_parent(int *folder, const char **last, struct salvor_unpack *unpack,
                       const char *name, bool make, struct salvor_error *err)
{
    if (salvor_unpack_folders_find(folder, last, &unpack->folders, name, make) == 0)
        return 0;
    if (errno == ENOTDIR || errno == ELOOP)
        return refuse(err, name, "lies below what is no folder");
    return failed(err, errno, name);
}

/* Entries */

static int skip(struct salvor_unpack *unpack, const char *why, struct salvor_error *err)
{
    const char *name = unpack->name.data;
    if (salvor_buffer_append(&unpack->skipped, name, strlen(name) + 1, err) < 0 ||
        salvor_buffer_append(&unpack->skipped, why, strlen(why) + 1, err) < 0)
        return -1;
    return 0;
}

static int stopped(const struct salvor_archive_progress *progress, struct salvor_error *err)
{
    if (!salvor_stop_asked(&progress->stop))
        return 0;
    return salvor_error_set(err, "Cancelled", "the transfer was given up");
}

static int write_at(int fd, const char *data, size_t size, int64_t offset)
{
    while (size) {
        ssize_t written = pwrite(fd, data, size, offset);
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

static int write_data(int fd, const char *name, const struct salvor_archive_entry *entry,
                      struct salvor_archive *archive, struct salvor_archive_progress *progress,
                      struct salvor_error *err)
{
    const void *data;
    size_t size;
    int64_t offset, end = 0, flushed = 0;
    int more;
    while ((more = salvor_archive_data(&data, &size, &offset, archive, err)) > 0) {
        if (offset < end || offset > entry->size || (int64_t)size > entry->size - offset)
            return refuse(err, entry->name, "has more data than it says");
        if (write_at(fd, data, size, offset) < 0)
            return failed(err, errno, name);
        end = offset + (int64_t)size;
        /* Otherwise all of a large file would wait for the synchronisation at the end. */
        if (end - flushed >= FLUSH_SIZE) {
            sync_file_range(fd, flushed, end - flushed, SYNC_FILE_RANGE_WRITE);
            flushed = end;
        }
        atomic_fetch_add_explicit(&progress->bytes, (int64_t)size, memory_order_relaxed);
        if (stopped(progress, err) < 0)
            return -1;
    }
    if (more < 0)
        return -1;
    return end < entry->size && ftruncate(fd, entry->size) < 0 ? failed(err, errno, name) : 0;
}

static int finish_file(int fd, const char *name, const struct salvor_archive_entry *entry,
                       struct salvor_error *err)
{
    long nanoseconds = entry->mtime_nanoseconds;
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = entry->mtime,
         .tv_nsec = nanoseconds >= 0 && nanoseconds < 1000000000 ? nanoseconds : 0}};
    if (fchmod(fd, entry->mode & 0777) < 0 || futimens(fd, times) < 0)
        return failed(err, errno, name);
    return 0;
}

static int make_file(struct salvor_unpack *unpack, const struct salvor_archive_entry *entry,
                     struct salvor_archive *archive, struct salvor_archive_progress *progress,
                     struct salvor_error *err)
{
    if (entry->size > unpack->limit - unpack->total) {
        char shown[SALVOR_ARCHIVE_SHOWN_MAX];
        return salvor_error_set(err, "TooLarge",
                                "more than %lld bytes: '%s' alone has %lld, after %lld before it",
                                (long long)unpack->limit, salvor_archive_show(shown, entry->name),
                                (long long)entry->size, (long long)unpack->total);
    }
    unpack->total += entry->size;
    int folder, fd = -1;
    const char *last, *name = unpack->name.data;
    if (!*name) {
        if (salvor_unpack_place_file(&fd, &unpack->place, err) < 0)
            return -1;
    } else {
        if (find_parent(&folder, &last, unpack, name, true, err) < 0)
            return -1;
        fd = openat(folder, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && errno == EEXIST)
            return refuse(err, entry->name, "comes twice");
    }
    if (fd < 0)
        return failed(err, errno, name);
    int result = write_data(fd, name, entry, archive, progress, err);
    if (result == 0)
        result = finish_file(fd, name, entry, err);
    if (close(fd) < 0 && result == 0)
        result = failed(err, errno, name);
    return result;
}

static int make_folder(struct salvor_unpack *unpack, const struct salvor_archive_entry *entry,
                       struct salvor_error *err)
{
    int folder, fd = unpack->folders.root;
    const char *last, *name = unpack->name.data;
    if (*name) {
        if (find_parent(&folder, &last, unpack, name, true, err) < 0)
            return -1;
        fd = salvor_unpack_folder_enter(folder, last, true);
        if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
            return refuse(err, entry->name, "comes twice");
        if (fd < 0)
            return failed(err, errno, name);
    }
    int result = fchmod(fd, (entry->mode & 0777) | 0700);
    int number = errno;
    if (*name)
        close(fd);
    return result < 0 ? failed(err, number, name) : 0;
}

static int make_link(struct salvor_unpack *unpack, const struct salvor_archive_entry *entry,
                     struct salvor_error *err)
{
    int folder;
    const char *last, *name = unpack->name.data;
    if (!salvor_unpack_link_stays(name, entry->target))
        return skip(unpack, "a symbolic link that leads out of the folder", err);
    if (find_parent(&folder, &last, unpack, name, true, err) < 0)
        return -1;
    if (symlinkat(entry->target, folder, last) == 0)
        return 0;
    return errno == EEXIST ? refuse(err, entry->name, "comes twice") : failed(err, errno, name);
}

static int make_hard_link(struct salvor_unpack *unpack, const struct salvor_archive_entry *entry,
                          struct salvor_error *err)
{
    static const char why[] = "is a hard link to what is no earlier file of the archive";
    struct stat status;
    int folder, from;
    const char *last, *from_last;
    const char *problem = NULL;
    if (salvor_unpack_name(&unpack->other, &problem, entry->target, unpack->top.data, err) < 0)
        return -1;
    if (problem || !unpack->other.size)
        return refuse(err, entry->name, why);
    if (find_parent(&from, &from_last, unpack, unpack->other.data, false, NULL) < 0 ||
        fstatat(from, from_last, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
        return refuse(err, entry->name, why);
    /* Finding the second folder lets go of the first. */
    from = fcntl(from, F_DUPFD_CLOEXEC, 0);
    if (from < 0)
        return failed(err, errno, unpack->name.data);
    int result = find_parent(&folder, &last, unpack, unpack->name.data, true, err);
    if (result == 0 && linkat(from, from_last, folder, last, 0) < 0)
        result = errno == EEXIST ? refuse(err, entry->name, "comes twice")
                                 : failed(err, errno, unpack->name.data);
    close(from);
    return result;
}

/* The entry that takes the place itself decides what it becomes: a file or a folder. */
static int check_top(const struct salvor_archive_entry *entry, struct salvor_error *err)
{
    char shown[SALVOR_ARCHIVE_SHOWN_MAX], target[SALVOR_ARCHIVE_SHOWN_MAX];
    salvor_archive_show(shown, entry->name);
    if (entry->type == SALVOR_ARCHIVE_FILE || entry->type == SALVOR_ARCHIVE_FOLDER)
        return 0;
    if (entry->type != SALVOR_ARCHIVE_LINK)
        return salvor_error_set(err, "Invalid", "'%s' is neither a file nor a folder", shown);
    salvor_error_set(err, "Invalid", "'%s' is a symbolic link to '%s'", shown,
                     salvor_archive_show(target, entry->target));
    salvor_error_hint(err, "name what it points to");
    return -1;
}

static int make_entry(struct salvor_unpack *unpack, const struct salvor_archive_entry *entry,
                      struct salvor_archive *archive, struct salvor_archive_progress *progress,
                      struct salvor_error *err)
{
    const char *problem = NULL;
    if (salvor_unpack_name(&unpack->name, &problem, entry->name, unpack->top.data, err) < 0)
        return -1;
    if (problem)
        return refuse(err, entry->name, problem);
    if (!unpack->name.size && check_top(entry, err) < 0)
        return -1;
    if (unpack->place.is_file)
        return refuse(err, entry->name, unpack->name.size ? "lies below a file" : "comes twice");
    if (entry->type == SALVOR_ARCHIVE_FILE && !unpack->name.size) {
        if (unpack->folders.root >= 0)
            return refuse(err, entry->name, "comes twice");
        return make_file(unpack, entry, archive, progress, err);
    }
    if (unpack->folders.root < 0 &&
        salvor_unpack_place_folder(&unpack->folders.root, &unpack->place, err) < 0)
        return -1;
    switch (entry->type) {
    case SALVOR_ARCHIVE_FILE:
        return make_file(unpack, entry, archive, progress, err);
    case SALVOR_ARCHIVE_FOLDER:
        return make_folder(unpack, entry, err);
    case SALVOR_ARCHIVE_LINK:
        return make_link(unpack, entry, err);
    case SALVOR_ARCHIVE_HARD_LINK:
        return make_hard_link(unpack, entry, err);
    case SALVOR_ARCHIVE_OTHER:
        break;
    }
    return skip(unpack, "a device, pipe or socket", err);
}

/* The whole */

int salvor_unpack_new(struct salvor_unpack **out, const struct salvor_unpack_options *options,
                      struct salvor_error *err)
{
    struct salvor_unpack *unpack = calloc(1, sizeof(*unpack));
    if (!unpack)
        return salvor_error_memory(err);
    unpack->limit = options->limit;
    salvor_buffer_init(&unpack->top, PATH_MAX);
    salvor_buffer_init(&unpack->skipped, SKIPPED_LIMIT);
    salvor_unpack_folders_init(&unpack->folders);
    salvor_buffer_init(&unpack->name, PATH_MAX);
    salvor_buffer_init(&unpack->other, PATH_MAX);
    salvor_unpack_place_init(&unpack->place);
    if (salvor_buffer_append(&unpack->top, options->top, strlen(options->top), err) < 0 ||
        salvor_unpack_place_open(&unpack->place, options->target, options->replace, err) < 0) {
        salvor_unpack_free(unpack);
        return -1;
    }
    *out = unpack;
    return 0;
}

static int read_entries(struct salvor_unpack *unpack, struct salvor_archive *archive,
                        struct salvor_archive_progress *progress, struct salvor_error *err)
{
    struct salvor_archive_entry entry;
    int more;
    while ((more = salvor_archive_next(&entry, archive, err)) > 0) {
        if (stopped(progress, err) < 0 || make_entry(unpack, &entry, archive, progress, err) < 0)
            return -1;
        atomic_fetch_add_explicit(&progress->entries, 1, memory_order_relaxed);
    }
    /* What was cut because we stopped is not the sender's fault. */
    return stopped(progress, err) < 0 ? -1 : more;
}

int salvor_unpack_run(struct salvor_unpack *unpack, salvor_archive_source source, void *context,
                      struct salvor_archive_progress *progress, struct salvor_error *err)
{
    struct salvor_archive *archive;
    if (salvor_archive_open(&archive, source, context, err) < 0)
        return -1;
    int result = read_entries(unpack, archive, progress, err);
    salvor_archive_close(archive);
    salvor_unpack_folders_close(&unpack->folders);
    if (result == 0)
        result = salvor_unpack_place_sync(&unpack->place, err);
    if (result < 0)
        salvor_unpack_place_clear(&unpack->place);
    return result;
}

const struct salvor_buffer *salvor_unpack_skipped(const struct salvor_unpack *unpack)
{
    return &unpack->skipped;
}

int salvor_unpack_commit(struct salvor_unpack *unpack, struct salvor_error *err)
{
    return salvor_unpack_place_take(&unpack->place, err);
}

void salvor_unpack_free(struct salvor_unpack *unpack)
{
    if (!unpack)
        return;
    salvor_unpack_folders_release(&unpack->folders);
    salvor_unpack_place_release(&unpack->place);
    salvor_buffer_release(&unpack->top);
    salvor_buffer_release(&unpack->skipped);
    salvor_buffer_release(&unpack->name);
    salvor_buffer_release(&unpack->other);
    free(unpack);
}
