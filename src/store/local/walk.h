/*
 * What lies below a folder, in the order of the bytes of the whole paths, page by page. Of each
 * folder on the way the names that are still to come are held, and nothing of the others; only the
 * innermost folder is open. Links and folders that are links are told and not entered. All calls
 * block.
 */
#ifndef SALVOR_STORE_LOCAL_WALK_H
#define SALVOR_STORE_LOCAL_WALK_H

#include "core/buffer.h"
#include "store/local/object.h"

struct salvor_local_level;

struct salvor_local_walk {
    struct salvor_buffer path; /* of the folder that is looked at, with a "/" at the end */
    struct salvor_local_level *level;
    bool one_level; /* folders are told and not entered */
};

struct salvor_local_found {
    size_t name; /* where its path begins in `names`, ended by a zero byte */
    struct salvor_local_item item;
};

struct salvor_local_page {
    struct salvor_buffer names;
    struct salvor_local_found *found;
    size_t count, capacity;
};

void salvor_local_page_init(struct salvor_local_page *page);
void salvor_local_page_release(struct salvor_local_page *page);

/* Begins at `prefix`, which is "" or ends in "/"; one that is not there has nothing below. */
int salvor_local_walk_open(struct salvor_local_walk *walk, const struct salvor_local_root *root,
                           const char *prefix, bool one_level, const struct salvor_stop *stop,
                           struct salvor_error *err);
void salvor_local_walk_close(struct salvor_local_walk *walk);

/* Adds up to `count` items; *more is false once there are no others. */
int salvor_local_walk_next(struct salvor_local_walk *walk, struct salvor_local_page *page,
                           const struct salvor_local_root *root, size_t count, bool *more,
                           const struct salvor_stop *stop, struct salvor_error *err);

#endif
