/*
 * Files below a folder, by paths that never lead out of it: neither by ".." nor by a symbolic link
 * (openat2's RESOLVE_BENEATH). Links that stay inside are followed; where the kernel has no openat2,
 * none is.
 *
 * Functions return a descriptor, or -1 with errno; salvor_local_failed() makes an error of that.
 */
#ifndef SALVOR_STORE_LOCAL_BENEATH_H
#define SALVOR_STORE_LOCAL_BENEATH_H

#include <limits.h>
#include <stdbool.h>

#include "core/error.h"
#include "core/stop.h"

struct salvor_local_root {
    int fd; /* -1: closed */
    bool no_openat2;
};

/* `make`: the folder and those above it, where they are missing (mode 0700), until the stop. */
int salvor_local_root_open(struct salvor_local_root *root, const char *path, bool make,
                           const struct salvor_stop *stop, struct salvor_error *err);
void salvor_local_root_close(struct salvor_local_root *root);

/* What lies at `path` ("" is the root itself), with the flags of open(2). */
int salvor_local_open(const struct salvor_local_root *root, const char *path, int flags);

/* The place of a file: its folder, open, and its name there. */
struct salvor_local_place {
    int folder;
    char name[NAME_MAX + 1];
};

/* `make`: the folders above it that are missing, until that stop; NULL: none is made. */
int salvor_local_place_open(struct salvor_local_place *place, const struct salvor_local_root *root,
                            const char *path, const struct salvor_stop *make);
void salvor_local_place_close(struct salvor_local_place *place);

/*
 * A temporary file of that name in the place's folder, made when there is none, for reading and
 * writing, and locked: it is ours alone. -1 with errno, EWOULDBLOCK when somebody else has it.
 * Without `must_lock` nobody else is assumed where the file system knows no locks.
 */
int salvor_local_claim(const struct salvor_local_place *place, const char *name, bool must_lock);

/* Makes the names in the folder outlast a crash; -1 with errno. */
int salvor_local_sync(const struct salvor_local_place *place);

/* Whether a name is that of something that is still being written, or was when its writer ended. */
bool salvor_local_is_temporary(const char *name);

/* The error of an errno value: the message is its text alone. */
int salvor_local_failed(struct salvor_error *err, int number);

#endif
