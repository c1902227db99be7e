#include "data/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/folder.h"
#include "core/path.h"
#include "data/libarchive.h"

enum {
    CHUNK = 256 << 10,
    BLOCK = 512, /* of a tar archive: contents are filled up to a whole number of them */
    OUTPUT = 64 << 10,
    DEPTH_LIMIT = 200,
    SKIPPED_LIMIT = 1 << 20
};

#define SIZE_LIMIT ((int64_t)1 << 60) /* of an archive; far from where counting would overflow */

static const struct salvor_libarchive *const lib = &salvor_libarchive;

/* One pass over the tree. */
struct pass {
    struct salvor_pack *pack;
    salvor_archive_sink sink; /* NULL: only measure */
    void *context;
    struct archive *writer;
    struct archive_entry *entry;
    struct salvor_buffer path; /* on this machine, for messages */
    struct salvor_buffer name; /* in the archive */
    char *chunk;
    int64_t size;                /* of the archive so far */
    struct salvor_error failure; /* of the sink */
    bool given_up;
};

void salvor_pack_init(struct salvor_pack *pack, const char *path, const char *name,
                      struct salvor_archive_progress *progress)
{
    *pack = (struct salvor_pack){.path = path, .name = name, .progress = progress};
    salvor_buffer_init(&pack->skipped, SKIPPED_LIMIT);
}

void salvor_pack_release(struct salvor_pack *pack)
{
    salvor_buffer_release(&pack->skipped);
}

static int failed(struct salvor_error *err, int number, const struct pass *pass)
{
    return salvor_error_errno(err, number, "%s", pass->path.data);
}

static int changed(const struct pass *pass, const char *how, struct salvor_error *err)
{
    salvor_error_set(err, "Conflict", "%s %s while it was read", pass->path.data, how);
    salvor_error_hint(err, "stop what writes there, or copy it first");
    return -1;
}

static int stopped(const struct pass *pass, struct salvor_error *err)
{
    if (!salvor_stop_asked(&pass->pack->progress->stop))
        return 0;
    return salvor_error_set(err, "Cancelled", "the transfer was given up");
}

/* Writing */

/*
 * A failure of the sink is noticed by check() and not told to libarchive: 3.6 leaks memory of a writer
 * that has failed. When it is closed then, an error here keeps it from filling the entry up.
 */
static la_ssize_t on_write(struct archive *writer, void *context, const void *data, size_t size)
{
    struct pass *pass = context;
    (void)writer;
    if (pass->given_up)
        return -1;
    pass->size += (int64_t)size;
    if (pass->sink && !pass->failure.code[0])
        pass->sink(pass->context, data, size, &pass->failure);
    return (la_ssize_t)size;
}

/* 0 unless libarchive's answer is an error, or the sink has failed meanwhile. */
static int check(struct pass *pass, la_ssize_t code, struct salvor_error *err)
{
    if (pass->failure.code[0]) {
        if (err)
            *err = pass->failure;
        return -1;
    }
    if (code >= ARCHIVE_OK)
        return 0;
    if (lib->archive_errno(pass->writer) == ENOMEM)
        return salvor_error_memory(err);
    const char *text = lib->archive_error_string(pass->writer);
    return salvor_error_set(err, "Invalid", "%s cannot be stored in an archive: %s",
                            pass->path.data, text ? text : "unknown error");
}

/* The header alone; when it is only measured, of an empty file, so that no contents are due. */
static int write_header(struct pass *pass, const struct stat *status, const char *target,
                        struct salvor_error *err)
{
    struct archive_entry *entry = lib->archive_entry_clear(pass->entry);
    lib->archive_entry_set_pathname(entry, pass->name.data);
    lib->archive_entry_set_mode(entry, status->st_mode & (S_IFMT | 0777));
    lib->archive_entry_set_mtime(entry, status->st_mtim.tv_sec, 0);
    lib->archive_entry_set_size(entry,
                                S_ISREG(status->st_mode) && pass->sink ? status->st_size : 0);
    if (target)
        lib->archive_entry_set_symlink(entry, target);
    atomic_fetch_add_explicit(&pass->pack->progress->entries, 1, memory_order_relaxed);
    return check(pass, lib->archive_write_header(pass->writer, entry), err);
}

static int write_contents(struct pass *pass, int fd, int64_t left, struct salvor_error *err)
{
    /* One byte more is asked for than should be there. */
    for (;;) {
        size_t room = left < CHUNK ? (size_t)left + 1 : CHUNK;
        ssize_t got = read(fd, pass->chunk, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(err, errno, pass);
        if (got > left)
            return changed(pass, "grew", err);
        if (got == 0)
            return left ? changed(pass, "shrank", err) : 0;
        if (check(pass, lib->archive_write_data(pass->writer, pass->chunk, (size_t)got), err) < 0 ||
            stopped(pass, err) < 0)
            return -1;
        left -= got;
        atomic_fetch_add_explicit(&pass->pack->progress->bytes, got, memory_order_relaxed);
    }
}

static int add_file(struct pass *pass, int fd, const struct stat *status, struct salvor_error *err)
{
    if (write_header(pass, status, NULL, err) < 0)
        return -1;
    if (pass->sink)
        return write_contents(pass, fd, status->st_size, err);
    /* A file that is nearly all hole may say any size. */
    if (status->st_size > SIZE_LIMIT - pass->size)
        return salvor_error_set(err, "TooLarge", "%s is too large: %lld bytes", pass->path.data,
                                (long long)status->st_size);
    pass->size += (status->st_size + BLOCK - 1) / BLOCK * BLOCK;
    return 0;
}

static int add_link(struct pass *pass, int folder, const char *name, const struct stat *status,
                    struct salvor_error *err)
{
    char target[PATH_MAX];
    ssize_t size = readlinkat(folder, name, target, sizeof(target));
    if (size < 0)
        return failed(err, errno, pass);
    if ((size_t)size == sizeof(target))
        return failed(err, ENAMETOOLONG, pass);
    target[size] = '\0';
    return write_header(pass, status, target, err);
}

static int skip(struct pass *pass, struct salvor_error *err)
{
    static const char why[] = "a device, pipe or socket";
    struct salvor_buffer *skipped = &pass->pack->skipped;
    const char *name = pass->name.data + strlen(pass->pack->name);
    name += *name == '/';
    if (pass->sink)
        return 0; /* was told when it was measured */
    if (salvor_buffer_append(skipped, name, strlen(name) + 1, err) < 0)
        return -1;
    return salvor_buffer_append(skipped, why, sizeof(why), err);
}

static int add(struct pass *pass, int folder, const char *name, int depth,
               struct salvor_error *err);

static int add_folder(struct pass *pass, int fd, const struct stat *status, int depth,
                      struct salvor_error *err)
{
    if (depth > DEPTH_LIMIT)
        return salvor_error_set(err, "TooLarge", "%s: more than %d folders deep", pass->path.data,
                                DEPTH_LIMIT);
    if (write_header(pass, status, NULL, err) < 0)
        return -1;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return failed(err, errno, pass);
    struct salvor_folder_list list = {0};
    int result = salvor_folder_list_open(&list, copy, pass->path.data, err);
    size_t path_size = pass->path.size, name_size = pass->name.size;
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        const char *name = list.entries[i].name;
        result = salvor_path_join(&pass->path, name, err);
        if (result == 0)
            result = salvor_path_join(&pass->name, name, err);
        if (result == 0)
            result = add(pass, fd, name, depth + 1, err);
        pass->path.data[pass->path.size = path_size] = '\0';
        pass->name.data[pass->name.size = name_size] = '\0';
    }
    salvor_folder_list_release(&list);
    return result;
}

/* Takes `fd` over. */
static int add_open(struct pass *pass, int fd, int depth, struct salvor_error *err)
{
    struct stat status;
    int result;
    if (fstat(fd, &status) < 0)
        result = failed(err, errno, pass);
    else if (S_ISDIR(status.st_mode))
        result = add_folder(pass, fd, &status, depth, err);
    else if (S_ISREG(status.st_mode))
        result = add_file(pass, fd, &status, err);
    else
        result = skip(pass, err);
    close(fd);
    return result;
}

/* Looked at before it is opened, since opening a device may do something. */
static int add(struct pass *pass, int folder, const char *name, int depth, struct salvor_error *err)
{
    struct stat status;
    if (stopped(pass, err) < 0)
        return -1;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? changed(pass, "was removed", err) : failed(err, errno, pass);
    if (S_ISLNK(status.st_mode))
        return add_link(pass, folder, name, &status, err);
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
        return skip(pass, err);
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ELOOP ? changed(pass, "was replaced", err)
                                                 : failed(err, errno, pass);
    return add_open(pass, fd, depth, err);
}

static int add_top(struct pass *pass, struct salvor_error *err)
{
    struct stat status;
    if (stat(pass->path.data, &status) < 0)
        return failed(err, errno, pass);
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
        return salvor_error_set(err, "Invalid", "%s is neither a file nor a folder",
                                pass->path.data);
    int fd = open(pass->path.data, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return failed(err, errno, pass);
    return add_open(pass, fd, 0, err);
}

static int add_marker(struct pass *pass, struct salvor_error *err)
{
    const char *marker = pass->pack->marker;
    struct stat status = {.st_mode = S_IFREG | 0600};
    if (!marker)
        return 0;
    salvor_buffer_clear(&pass->name);
    if (salvor_buffer_append(&pass->name, marker, strlen(marker), err) < 0)
        return -1;
    int result = write_header(pass, &status, NULL, err);
    atomic_fetch_sub_explicit(&pass->pack->progress->entries, 1, memory_order_relaxed);
    return result;
}

/* The pass */

static int open_writer(struct pass *pass, struct salvor_error *err)
{
    if (salvor_libarchive_load(err) < 0)
        return -1;
    pass->writer = lib->archive_write_new();
    pass->entry = lib->archive_entry_new();
    pass->chunk = malloc(CHUNK);
    if (!pass->writer || !pass->entry || !pass->chunk)
        return salvor_error_memory(err);
    lib->archive_write_set_format_gnutar(pass->writer);
    lib->archive_write_set_bytes_per_block(pass->writer, OUTPUT);
    lib->archive_write_set_bytes_in_last_block(pass->writer, 1);
    return check(pass, lib->archive_write_open(pass->writer, pass, NULL, on_write, NULL), err);
}

static int run(struct pass *pass, struct salvor_error *err)
{
    if (salvor_buffer_append(&pass->path, pass->pack->path, strlen(pass->pack->path), err) < 0 ||
        salvor_buffer_append(&pass->name, pass->pack->name, strlen(pass->pack->name), err) < 0 ||
        open_writer(pass, err) < 0 || add_top(pass, err) < 0 || add_marker(pass, err) < 0)
        return -1;
    return check(pass, lib->archive_write_close(pass->writer), err);
}

static int make_pass(struct pass *pass, struct salvor_error *err)
{
    salvor_buffer_init(&pass->path, PATH_MAX);
    salvor_buffer_init(&pass->name, PATH_MAX);
    int result = run(pass, err);
    pass->given_up = result < 0;
    if (pass->writer)
        lib->archive_write_free(pass->writer);
    if (pass->entry)
        lib->archive_entry_free(pass->entry);
    free(pass->chunk);
    salvor_buffer_release(&pass->path);
    salvor_buffer_release(&pass->name);
    return result;
}

static void reset(struct salvor_archive_progress *progress)
{
    atomic_store(&progress->bytes, 0);
    atomic_store(&progress->entries, 0);
}

int salvor_pack_measure(struct salvor_pack *pack, struct salvor_error *err)
{
    struct pass pass = {.pack = pack};
    salvor_buffer_clear(&pack->skipped);
    int result = make_pass(&pass, err);
    pack->size = pass.size;
    reset(pack->progress);
    return result;
}

static int check_size(const struct pass *pass, struct salvor_error *err)
{
    if (pass->size == pass->pack->size)
        return 0;
    salvor_error_set(err, "Conflict", "%s changed while it was read", pass->pack->path);
    salvor_error_hint(err, "stop what writes there, or copy it first");
    return -1;
}

int salvor_pack_write(struct salvor_pack *pack, salvor_archive_sink sink, void *context,
                      struct salvor_error *err)
{
    struct pass pass = {.pack = pack, .sink = sink, .context = context};
    reset(pack->progress);
    return make_pass(&pass, err) < 0 ? -1 : check_size(&pass, err);
}
