/*
 * Compressed data as a source of what is in it, checked to its end: sums, lengths, and that nothing
 * follows, as gzip, zstd and lz4 want it (bzip2 itself only warns). Behind gzip there may be zeros,
 * with which tapes are filled up. gzip (RFC 1952, several members too) is zlib's affair, since
 * libarchive looks at no sums of it. Blocking; one thread's.
 */
#ifndef SALVOR_DATA_DECOMPRESS_H
#define SALVOR_DATA_DECOMPRESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/error.h"
#include "data/archive.h"

enum salvor_compression {
    SALVOR_COMPRESSION_NONE,
    SALVOR_COMPRESSION_GZIP,
    SALVOR_COMPRESSION_ZSTD,
    SALVOR_COMPRESSION_LZ4, /* frames */
    SALVOR_COMPRESSION_BZIP2
};

/* "none", "gzip", "zstd", "lz4", "bzip2"; false for another name. */
bool salvor_compression_find(enum salvor_compression *out, const char *name);
const char *salvor_compression_name(enum salvor_compression compression);

/* What data that begins so is compressed with, NONE when nothing says that it is. */
enum salvor_compression salvor_compression_guess(const void *data, size_t size);

struct salvor_decompress;

/* Ends with Cancelled soon after `stop` was asked for. */
int salvor_decompress_open(struct salvor_decompress **out, enum salvor_compression compression,
                           salvor_archive_source source, void *context,
                           const struct salvor_stop *stop, struct salvor_error *err);

/*
 * A salvor_archive_source. Errors: those of the source; Corrupt, with how far the compressed data
 * was read.
 */
ssize_t salvor_decompress_read(void *decompress, const void **data, struct salvor_error *err);

/* Bytes that it gave. */
int64_t salvor_decompress_size(const struct salvor_decompress *decompress);

/* NULL is fine. */
void salvor_decompress_close(struct salvor_decompress *decompress);

#endif
