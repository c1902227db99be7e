/*
 * Makes an archive (tar, in GNU form, which every tar can read, BusyBox's included) from a local file
 * or folder: regular files, folders and symbolic links, which are not followed. A file with several
 * names is stored under each. Owners are not stored. Devices, pipes and sockets are skipped and told.
 *
 * The archive's size is known beforehand: salvor_pack_measure() looks at names and sizes only. A file
 * that changes its size while it is read, and whatever changes the archive's size between measuring
 * and writing, is an error (Conflict): the archive has the size that was told, or is not finished.
 *
 * Blocking. Errors are those of core/file.h, naming the path; Cancelled when progress->stop was set;
 * those of the sink.
 */
#ifndef SALVOR_DATA_PACK_H
#define SALVOR_DATA_PACK_H

#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"
#include "data/archive.h"

/* Takes all of the bytes: 0, or -1 and an error. */
typedef int (*salvor_archive_sink)(void *context, const void *data, size_t size,
                                   struct salvor_error *err);

struct salvor_pack {
    const char *path;   /* what to store; if it is a symbolic link, what that points to */
    const char *name;   /* the name of its entry */
    const char *marker; /* the name of an empty file that comes last, or NULL */
    struct salvor_archive_progress *progress;
    int64_t size;                 /* set by salvor_pack_measure() */
    struct salvor_buffer skipped; /* pairs of a path below `path` and a reason, each ended by NUL */
};

/* The three pointers and `progress` must live as long as it is used. */
void salvor_pack_init(struct salvor_pack *pack, const char *path, const char *name,
                      struct salvor_archive_progress *progress);
void salvor_pack_release(struct salvor_pack *pack);

/* Sets pack->size, in bytes, and fills pack->skipped. */
int salvor_pack_measure(struct salvor_pack *pack, struct salvor_error *err);

/* Gives the archive to the sink: pack->size bytes. */
int salvor_pack_write(struct salvor_pack *pack, salvor_archive_sink sink, void *context,
                      struct salvor_error *err);

#endif
