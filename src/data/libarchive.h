/*
 * libarchive, loaded when the first archive is opened: linked, it would bring libxml2, ICU and the C++
 * library into every start of the program, which takes 2 ms and 3 MiB.
 */
#ifndef SALVOR_DATA_LIBARCHIVE_H
#define SALVOR_DATA_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "core/error.h"

/* What we use of it. */
#define SALVOR_LIBARCHIVE(X)                                                                       \
    X(archive_entry_clear)                                                                         \
    X(archive_entry_filetype)                                                                      \
    X(archive_entry_free)                                                                          \
    X(archive_entry_hardlink)                                                                      \
    X(archive_entry_hardlink_utf8)                                                                 \
    X(archive_entry_mtime)                                                                         \
    X(archive_entry_mtime_nsec)                                                                    \
    X(archive_entry_new)                                                                           \
    X(archive_entry_pathname)                                                                      \
    X(archive_entry_pathname_utf8)                                                                 \
    X(archive_entry_perm)                                                                          \
    X(archive_entry_set_mode)                                                                      \
    X(archive_entry_set_mtime)                                                                     \
    X(archive_entry_set_pathname)                                                                  \
    X(archive_entry_set_size)                                                                      \
    X(archive_entry_set_symlink)                                                                   \
    X(archive_entry_size)                                                                          \
    X(archive_entry_symlink)                                                                       \
    X(archive_entry_symlink_utf8)                                                                  \
    X(archive_errno)                                                                               \
    X(archive_error_string)                                                                        \
    X(archive_filter_bytes)                                                                        \
    X(archive_filter_count)                                                                        \
    X(archive_read_data_block)                                                                     \
    X(archive_read_free)                                                                           \
    X(archive_read_new)                                                                            \
    X(archive_read_next_header)                                                                    \
    X(archive_read_open)                                                                           \
    X(archive_read_support_filter_bzip2)                                                           \
    X(archive_read_support_filter_lz4)                                                             \
    X(archive_read_support_filter_zstd)                                                            \
    X(archive_read_support_format_empty)                                                           \
    X(archive_read_support_format_raw)                                                             \
    X(archive_read_support_format_tar)                                                             \
    X(archive_set_error)                                                                           \
    X(archive_write_close)                                                                         \
    X(archive_write_data)                                                                          \
    X(archive_write_free)                                                                          \
    X(archive_write_header)                                                                        \
    X(archive_write_new)                                                                           \
    X(archive_write_open)                                                                          \
    X(archive_write_set_bytes_in_last_block)                                                       \
    X(archive_write_set_bytes_per_block)                                                           \
    X(archive_write_set_format_gnutar)

struct salvor_libarchive {
#define X(name) __typeof__(name) *name;
    SALVOR_LIBARCHIVE(X)
#undef X
};

/* Its functions, once it is loaded. */
extern struct salvor_libarchive salvor_libarchive;

/* Sees to it that it is. Error NotFound; any thread may call this. */
int salvor_libarchive_load(struct salvor_error *err);

#endif
