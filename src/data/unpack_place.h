/*
 * The place that something new takes at the end: until then it grows under a temporary name in the
 * same folder, which is held open, so that renaming that folder meanwhile does no harm.
 */
#ifndef SALVOR_DATA_UNPACK_PLACE_H
#define SALVOR_DATA_UNPACK_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "core/error.h"

struct salvor_unpack_place {
    int folder;          /* a descriptor */
    char path[PATH_MAX]; /* of the folder, for messages and for removing */
    char name[NAME_MAX + 1];
    char temporary[64];
    bool is_file, is_folder; /* what grows there; neither: nothing yet */
    bool replace;
};

void salvor_unpack_place_init(struct salvor_unpack_place *place);

/* NotFound, or AlreadyExists when a folder is there that must not be replaced. */
int salvor_unpack_place_open(struct salvor_unpack_place *place, const char *target, bool replace,
                             struct salvor_error *err);

/* Begins a folder or a file there, of mode 0700 or 0600; the descriptor is the caller's. */
int salvor_unpack_place_folder(int *fd, struct salvor_unpack_place *place,
                               struct salvor_error *err);
int salvor_unpack_place_file(int *fd, struct salvor_unpack_place *place, struct salvor_error *err);

/* Makes sure that it is on the disk. */
int salvor_unpack_place_sync(struct salvor_unpack_place *place, struct salvor_error *err);

/*
 * Takes the place in one step. A file takes that of anything but a folder; otherwise nothing may be
 * there, or `replace`, and then the former content is removed afterwards. On an error nothing is left.
 */
int salvor_unpack_place_take(struct salvor_unpack_place *place, struct salvor_error *err);

/* Removes what grows there. */
void salvor_unpack_place_clear(struct salvor_unpack_place *place);

void salvor_unpack_place_release(struct salvor_unpack_place *place);

#endif
