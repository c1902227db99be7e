/* Whole objects of a folder: files, each call in one step. All of them block. */
#ifndef SALVOR_STORE_LOCAL_OBJECT_H
#define SALVOR_STORE_LOCAL_OBJECT_H

#include <stdint.h>
#include <sys/stat.h>

#include "store/block.h"
#include "store/local/beneath.h"

enum { SALVOR_LOCAL_ETAG_MAX = 56 };

struct salvor_local_item {
    const char *kind; /* "file", "folder", "link" or "other" */
    int64_t size;
    double modified; /* seconds since 1970 */
    unsigned mode;   /* permission bits */
    /* Another one for each content: inode, size and time. */
    char etag[SALVOR_LOCAL_ETAG_MAX];
};

/* What a new file is to be like. */
struct salvor_local_attributes {
    unsigned mode;
    double modified; /* negative: now */
    bool if_absent;
};

void salvor_local_item_set(struct salvor_local_item *item, const struct stat *status);

int salvor_local_stat(struct salvor_local_item *item, const struct salvor_local_root *root,
                      const char *path, struct salvor_error *err);

/*
 * Fills the block with at most `length` bytes from `offset`. `etag` (NULL is any): the object that is
 * meant; Changed when it is another one by now, or becomes so meanwhile.
 */
int salvor_local_read(struct salvor_local_item *item, const struct salvor_local_root *root,
                      const char *path, struct salvor_block *block, int64_t offset, int64_t length,
                      const char *etag, const struct salvor_stop *stop, struct salvor_error *err);

/*
 * Writes the file under a temporary name and renames it once it is on the disk. The stop is disabled
 * for the renaming itself.
 */
int salvor_local_write(struct salvor_local_item *item, const struct salvor_local_root *root,
                       const char *path, const struct salvor_block *block,
                       const struct salvor_local_attributes *attributes, struct salvor_stop *stop,
                       struct salvor_error *err);

/*
 * Removes a file, a link, or with a "/" at the end an empty folder; 0 when it is not there. The stop
 * is disabled for the removal itself.
 */
int salvor_local_remove(const struct salvor_local_root *root, const char *path,
                        struct salvor_stop *stop, struct salvor_error *err);

/* Of object.c and upload.c: writes at an offset; -1 with errno (ECANCELED after a stop). */
int salvor_local_write_at(int fd, const char *data, size_t size, int64_t offset,
                          const struct salvor_stop *stop);

/*
 * Of both too: gives the file under `temporary` its attributes, puts it on the disk and under its
 * name, from when on the stop is disabled; -1 with errno (ECANCELED after a stop), and then it is
 * still under the temporary name. That the name outlasts a crash is left to the caller.
 */
int salvor_local_settle(struct salvor_local_item *item, int fd, const char *temporary,
                        const struct salvor_local_place *place,
                        const struct salvor_local_attributes *attributes, struct salvor_stop *stop);

#endif
