/*
 * The entries of a tar archive, without what is in them: ustar, pax (POSIX.1-2001), GNU and V7 forms.
 * For archives that nobody trusts and nobody unpacks: whatever is in them, the memory is that of one
 * name. (data/archive.h reads them by libarchive, which also understands the holes of sparse files,
 * and keeps a list of these.) Blocking; one thread's.
 */
#ifndef SALVOR_DATA_TAR_WALK_H
#define SALVOR_DATA_TAR_WALK_H

#include "core/error.h"
#include "data/archive.h"

#define SALVOR_TAR_NAME_MAX ((size_t)1 << 20) /* of a name, and of the extended header it is in */

struct salvor_tar_walk;

int salvor_tar_walk_open(struct salvor_tar_walk **out, salvor_archive_source source, void *context,
                         struct salvor_error *err);

/*
 * 1 and the next entry, valid until the next call; 0 at the end, which must be there and be followed
 * by zeros alone, and to which the source has been read; -1. Errors: those of the source; Corrupt,
 * with the entry at or behind which it is.
 */
int salvor_tar_walk_next(struct salvor_archive_entry *out, struct salvor_tar_walk *walk,
                         struct salvor_error *err);

/* NULL is fine. */
void salvor_tar_walk_close(struct salvor_tar_walk *walk);

#endif
