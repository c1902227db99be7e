/*
 * The folders of something that grows below a folder of its own: each name is followed one by one
 * from there, and never through a link.
 */
#ifndef SALVOR_DATA_UNPACK_FOLDERS_H
#define SALVOR_DATA_UNPACK_FOLDERS_H

#include <stdbool.h>

#include "core/buffer.h"

struct salvor_unpack_folders {
    int root; /* the descriptor of the topmost one, -1 while there is none; closed with the others */

    /* Private: the one found last, since neighbours come one after the other. */
    struct salvor_buffer name;
    int found;
};

void salvor_unpack_folders_init(struct salvor_unpack_folders *folders);
void salvor_unpack_folders_close(struct salvor_unpack_folders *folders);
void salvor_unpack_folders_release(struct salvor_unpack_folders *folders);

/* Opens the folder `name` in `folder`, after making it if need be; -1 with errno. */
int salvor_unpack_folder_enter(int folder, const char *name, bool make);

/*
 * *folder is the one that holds `name` (as salvor_unpack_name() gives it), *last its name there. The
 * descriptor is not the caller's and is valid until the next call. -1 with errno; ENOTDIR and ELOOP
 * when something on the way is no folder.
 */
int salvor_unpack_folders_find(int *folder, const char **last,
                               struct salvor_unpack_folders *folders, const char *name, bool make);

#endif
