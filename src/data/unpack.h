/*
 * Makes one file or folder from an archive that nobody vouches for.
 *
 * It grows under a temporary name beside its place, and takes that place at the end in one step; until
 * then, and after any failure, what is there is as it was. Nothing is ever written anywhere else:
 * every name is followed folder by folder from the temporary one, and never through a link.
 *
 *   - Entries are the one named `top` and what is below it; its own name does not matter.
 *   - Refused: "..", absolute names, names with control characters, an entry that comes twice or lies
 *     below a file or a link, a hard link to anything but an earlier file, folders deeper than 200.
 *   - Skipped and told: devices, pipes, sockets, and symbolic links that lead out of the folder or
 *     have ".." behind another name, which may.
 *   - Modes are kept without setuid, setgid and sticky; a folder stays its owner's to change. Times of
 *     files are kept, owners are not.
 *
 * Blocking. Errors besides those of core/file.h and data/archive.h: Corrupt, naming the entry;
 * TooLarge above the limit; AlreadyExists; Cancelled when progress->stop was set.
 */
#ifndef SALVOR_DATA_UNPACK_H
#define SALVOR_DATA_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"
#include "data/archive.h"

struct salvor_unpack_options {
    const char *target; /* the place: a path whose folder exists */
    const char *top;    /* the name of the entry that goes there; "." for the archive's root */
    int64_t limit;      /* bytes of all files together, holes included */
    bool replace; /* a folder may take the place of what is there, and anything that of a folder */
};

struct salvor_unpack;

/* Looks at the place without changing anything; AlreadyExists. The options are copied. */
int salvor_unpack_new(struct salvor_unpack **out, const struct salvor_unpack_options *options,
                      struct salvor_error *err);

/* Reads the whole archive. On an error nothing is left of it. */
int salvor_unpack_run(struct salvor_unpack *unpack, salvor_archive_source source, void *context,
                      struct salvor_archive_progress *progress, struct salvor_error *err);

/* What was skipped: pairs of a name (below the top) and a reason, each ended by NUL. */
const struct salvor_buffer *salvor_unpack_skipped(const struct salvor_unpack *unpack);

/* Puts it into its place. On an error nothing is left of it. */
int salvor_unpack_commit(struct salvor_unpack *unpack, struct salvor_error *err);

/* Removes what is not in its place yet. NULL is fine. */
void salvor_unpack_free(struct salvor_unpack *unpack);

#endif
