/*
 * Tar archives as a stream of entries, read by libarchive: ustar, pax and GNU forms with long names
 * and sparse files, not compressed. Blocking; an archive is one thread's.
 *
 *     salvor_archive_open(&archive, source, context, err)
 *     while (salvor_archive_next(&entry, archive, err) > 0)
 *         while (salvor_archive_data(&data, &size, &offset, archive, err) > 0)
 *             ...
 *     salvor_archive_close(archive)
 */
#ifndef SALVOR_DATA_ARCHIVE_H
#define SALVOR_DATA_ARCHIVE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/error.h"
#include "core/stop.h"

enum salvor_archive_type {
    SALVOR_ARCHIVE_FILE,
    SALVOR_ARCHIVE_FOLDER,
    SALVOR_ARCHIVE_LINK,      /* symbolic */
    SALVOR_ARCHIVE_HARD_LINK, /* one more name of an earlier entry */
    SALVOR_ARCHIVE_OTHER      /* a device, a pipe, a socket */
};

/* As it stands in the archive, where nothing can be trusted; valid until the next entry. */
struct salvor_archive_entry {
    const char *name; /* bytes */
    enum salvor_archive_type type;
    const char *target; /* of both kinds of links, otherwise NULL */
    int64_t size;       /* of a file, holes included */
    unsigned mode;      /* permission bits, 07777 */
    int64_t mtime;      /* seconds since 1970 */
    long mtime_nanoseconds;
};

/* How far a transfer is: written by its own thread, read by others; `stop` the other way round. */
struct salvor_archive_progress {
    _Atomic int64_t bytes; /* of files */
    _Atomic int64_t entries;
    struct salvor_stop stop;
};

/* Gives the next bytes, valid until the next call: how many, 0 at the end, -1 and an error. */
typedef ssize_t (*salvor_archive_source)(void *context, const void **data,
                                         struct salvor_error *err);

struct salvor_archive;

int salvor_archive_open(struct salvor_archive **out, salvor_archive_source source, void *context,
                        struct salvor_error *err);

/*
 * 1 and the next entry, 0 at the end, -1. What is left of the entry before is passed over. At the end
 * the source has been read to its own end. Errors: those of the source; Corrupt when this is no
 * archive, ends too early, or holds a header that cannot be understood.
 */
int salvor_archive_next(struct salvor_archive_entry *out, struct salvor_archive *archive,
                        struct salvor_error *err);

/*
 * 1 and bytes of the entry's file that belong at *offset, 0 after the last, -1. Offsets only grow;
 * what they leave out is a hole.
 */
int salvor_archive_data(const void **data, size_t *size, int64_t *offset,
                        struct salvor_archive *archive, struct salvor_error *err);

/* NULL is fine. */
void salvor_archive_close(struct salvor_archive *archive);

/* Writes the name as one line of printable text, shortened when it is long; returns `out`. */
#define SALVOR_ARCHIVE_SHOWN_MAX 320
const char *salvor_archive_show(char out[SALVOR_ARCHIVE_SHOWN_MAX], const char *name);

#endif
