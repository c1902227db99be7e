/*
 * A large file that is written in parts, in any order and from several threads. It grows under a
 * temporary name that is made of what is written, so that a second run finds what a first one left:
 * behind the file's last byte stands a record for each part that is there, with a checksum of its
 * bytes, so that a part that the disk has lost is not taken for one. All calls block.
 */
#ifndef SALVOR_STORE_LOCAL_UPLOAD_H
#define SALVOR_STORE_LOCAL_UPLOAD_H

#include "store/local/object.h"

enum { SALVOR_LOCAL_ID_OF_PATH = 12 }; /* digits */

/* The largest size of a file, however small its parts are: there is room for the records then. */
#define SALVOR_LOCAL_UPLOAD_MAX (INT64_MAX / 32)

struct salvor_local_upload {
    struct salvor_local_place place;
    struct salvor_local_attributes attributes;
    char temporary[NAME_MAX + 1];
    int64_t size, part_size;
    double patience; /* seconds that another writer is waited for */
    int fd;          /* -1: closed */
    int keeper;      /* store/local/keeper.h; -1: none */
    bool found;      /* an earlier run left the file */
};

/*
 * `id`: hexadecimal digits, the same for the same bytes, parts and path; the first ones are the same
 * for the path alone, so that what was begun with other bytes is found and removed. `size`,
 * `part_size`, `patience` and `attributes` are set. The file gets its size at once, so that a full
 * disk is noticed now. Conflict when somebody else is writing it, and still is when the patience is
 * over: a writer that was given up may need a moment to end.
 *
 * Once it is open the stop is disabled, so that somebody knows of every upload that is. One that was
 * stopped before leaves what an earlier run has begun, and nothing of its own.
 */
int salvor_local_upload_open(struct salvor_local_upload *upload,
                             const struct salvor_local_root *root, const char *path, const char *id,
                             struct salvor_stop *stop, struct salvor_error *err);

/* Whether an earlier run has put these very bytes there; -1 for an error. */
int salvor_local_upload_has(const struct salvor_local_upload *upload, int64_t offset,
                            const struct salvor_block *block, const struct salvor_stop *stop,
                            struct salvor_error *err);

/*
 * Fills the block with the part at `offset` when an earlier run has put it there and all of it is
 * there still: 1, else 0; -1 for an error.
 */
int salvor_local_upload_recall(const struct salvor_local_upload *upload, int64_t offset,
                               struct salvor_block *block, const struct salvor_stop *stop,
                               struct salvor_error *err);

int salvor_local_upload_part(const struct salvor_local_upload *upload, int64_t offset,
                             const struct salvor_block *block, const struct salvor_stop *stop,
                             struct salvor_error *err);

/* Puts the file on the disk and under its name. */
int salvor_local_upload_finish(struct salvor_local_upload *upload, struct salvor_local_item *item,
                               struct salvor_stop *stop, struct salvor_error *err);

/*
 * Takes away what was written, which else stays for a later run; parts may still be under way. In
 * two steps, of which the first never waits for the file system. Both do nothing when it was closed.
 */
void salvor_local_upload_prepare_removal(struct salvor_local_upload *upload);
void salvor_local_upload_remove(struct salvor_local_upload *upload);

/* A second call does nothing. */
void salvor_local_upload_close(struct salvor_local_upload *upload);

#endif
