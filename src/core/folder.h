/* Folders and what is in them. Errors as in core/file.h. */
#ifndef SALVOR_CORE_FOLDER_H
#define SALVOR_CORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buffer.h"
#include "core/error.h"
#include "core/stop.h"

/* "file", "folder", "link" or "other" (a device, a pipe, a socket) */
struct salvor_file_status {
    const char *type;
    int64_t size;  /* bytes */
    unsigned mode; /* permission bits, 07777 */
    double mtime;  /* seconds since 1970 */
    uid_t uid;
    gid_t gid;
};

/* `follow`: of what a symbolic link points to. */
int salvor_file_stat(struct salvor_file_status *out, const char *path, bool follow,
                     struct salvor_error *err);

/* Whether this process may make files in the folder, without making one; -1 says why not. */
int salvor_folder_writable(const char *path, struct salvor_error *err);

/*
 * A descriptor for the names in a folder; -1 and errno. One that may be entered but not listed cannot
 * be flushed; that is no error.
 */
int salvor_folder_open(const char *path);

/* Has the names in an open folder on the disk; -1 and errno. */
int salvor_folder_flush(int fd);

/* The same of the folder that `path` is in. */
int salvor_folder_flush_above(const char *path);

/*
 * Makes a folder with exactly that mode. `parents`: the ones above it too, and a folder that is there
 * already is fine (its mode stays). What was made is on the disk when the call returns. `stop` (NULL:
 * nobody asks for it) is looked at before each folder that is made.
 */
int salvor_folder_make(const char *path, mode_t mode, bool parents, const struct salvor_stop *stop,
                       struct salvor_error *err);

/* The names in a folder, in the order of their bytes, without "." and "..". */
struct salvor_folder_list {
    struct salvor_folder_entry {
        const char *name;
        const char *type; /* as above; of a link itself */
    } * entries;
    size_t count;
    struct salvor_buffer names; /* what the entries point into */
};

/* Into a zeroed list; release it afterwards, also after an error. */
int salvor_folder_list(struct salvor_folder_list *out, const char *path, struct salvor_error *err);

/* The same of an open folder, whose descriptor it takes over; `path` is for messages. */
int salvor_folder_list_open(struct salvor_folder_list *out, int fd, const char *path,
                            struct salvor_error *err);
void salvor_folder_list_release(struct salvor_folder_list *list);

/*
 * Removes a file or a folder with all that is in it. Never follows a symbolic link and never leaves
 * the file system that `path` is on. On an error what had been removed is gone.
 */
int salvor_folder_remove_tree(const char *path, struct salvor_error *err);

/* Makes a new folder of mode 0700 in `parent` (NULL: $TMPDIR or /tmp) and appends its path. */
int salvor_folder_temporary(struct salvor_buffer *out, const char *parent,
                            struct salvor_error *err);

#endif
