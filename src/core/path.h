/*
 * Paths as text: nothing here looks at a disk, except salvor_path_absolute() at the working folder.
 * A path is a string of bytes; results are appended to a buffer.
 */
#ifndef SALVOR_CORE_PATH_H
#define SALVOR_CORE_PATH_H

#include "core/buffer.h"
#include "core/error.h"

/* Adds `part` below what `path` holds. A leading slash of a later part does not start afresh. */
int salvor_path_join(struct salvor_buffer *path, const char *part, struct salvor_error *err);

/* As dirname(1): "a/b/" -> "a", "a" -> ".", "/a" -> "/". */
int salvor_path_folder(struct salvor_buffer *out, const char *path, struct salvor_error *err);

/* As basename(1): "a/b/" -> "b", "/" -> "/", "" -> "". */
int salvor_path_name(struct salvor_buffer *out, const char *path, struct salvor_error *err);

/*
 * From the root, without "." and doubled slashes. ".." stays: what it means depends on symbolic
 * links.
 */
int salvor_path_absolute(struct salvor_buffer *out, const char *path, struct salvor_error *err);

#endif
