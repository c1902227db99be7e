/*
 * Local files. What is written is on the disk when a call returns: a journal or a file with secrets
 * must survive the machine's end. Modes are exact (the umask does not apply), names are bytes.
 *
 * Errors name the path and the cause: NotFound, AlreadyExists, Forbidden, NoSpace, TooLarge,
 * Conflict (a lock that another process holds), Invalid, IO.
 */
#ifndef SALVOR_CORE_FILE_H
#define SALVOR_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/buffer.h"
#include "core/error.h"

/*
 * While a file is written, its new content is in ".salvor-XXXXXXXX.tmp" in the same folder. One that
 * is found later was left by a process that was killed, and is of no use to anybody.
 */
#define SALVOR_FILE_TEMPORARY_PREFIX ".salvor-"
#define SALVOR_FILE_TEMPORARY_SUFFIX ".tmp"

/* Appends the whole file; TooLarge above the ceiling of `out`. */
int salvor_file_read(struct salvor_buffer *out, const char *path, struct salvor_error *err);

/* The same; Timeout for a pipe that has not come to its end after so many seconds. */
int salvor_file_read_within(struct salvor_buffer *out, const char *path, int seconds,
                            struct salvor_error *err);

/*
 * Writes the file in one step: whoever looks sees the old content or the new one, also after a crash.
 * On an error the old file is as it was and nothing is left over. A symbolic link at `path` is
 * replaced, not followed. `exclusive`: AlreadyExists when there is a file.
 */
int salvor_file_write(const char *path, const void *data, size_t size, mode_t mode, bool exclusive,
                      struct salvor_error *err);

/*
 * Appends, and makes the file with `mode` when there is none. On an error the file is cut back to
 * what it was, unless somebody else has written to it meanwhile.
 */
int salvor_file_append(const char *path, const void *data, size_t size, mode_t mode,
                       struct salvor_error *err);

/* Cuts the file to `size` bytes; Invalid when it is shorter. */
int salvor_file_truncate(const char *path, off_t size, struct salvor_error *err);

/* Renames in one step; replaces `to` unless `exclusive`. */
int salvor_file_rename(const char *from, const char *to, bool exclusive, struct salvor_error *err);

/*
 * The same of names in open folders, exclusive also on file systems that know no such rename (NFS);
 * -1 and errno: EEXIST when there is something at `to`.
 */
int salvor_rename_new(int from_folder, const char *from, int to_folder, const char *to);

/* Removes a file, a symbolic link or an empty folder. */
int salvor_file_remove(const char *path, struct salvor_error *err);

/* Makes a symbolic link to `target`; `replace`: in one step in the place of what is there. */
int salvor_link_make(const char *target, const char *path, bool replace, struct salvor_error *err);

/* Appends the target of the symbolic link. */
int salvor_link_read(struct salvor_buffer *out, const char *path, struct salvor_error *err);

/* Flushes standard output; fails also when an earlier write to it has. */
int salvor_output_flush(struct salvor_error *err);

/*
 * A lock that ends with the process. *descriptor keeps it until salvor_lock_release(); the file
 * stays, since removing it would let two processes hold a lock of the same name.
 */
int salvor_lock_acquire(int *descriptor, const char *path, struct salvor_error *err);
void salvor_lock_release(int descriptor);

#endif
