/*
 * What is in a stream of bytes: decompressed, summed up and, when it is a tar archive, walked entry by
 * entry. Nothing is written and nothing of it is kept, so a stream of any size, a bomb too, needs the
 * same little memory. Blocking; one thread's.
 */
#ifndef SALVOR_DATA_INSPECT_H
#define SALVOR_DATA_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "data/archive.h"
#include "data/decompress.h"
#include "data/digest.h"

/* Tells of an entry; its failure is the inspection's. */
typedef int (*salvor_inspect_entry)(void *context, const struct salvor_archive_entry *entry,
                                    struct salvor_error *err);

struct salvor_inspect {
    /* What is wanted. */
    enum salvor_compression compression;
    bool guess; /* the compression by how the data begins, instead of `compression` */
    bool tar;
    const char *digest;        /* of what came out of the decompression; NULL: none */
    const char *packed_digest; /* of what went in; NULL: none */
    salvor_archive_source source;
    salvor_inspect_entry entry; /* NULL is fine */
    void *context;              /* of both */
    const struct salvor_stop *stop;

    /* What was found, whole once it has succeeded. */
    int64_t packed, size, entries; /* bytes in, bytes out, entries of the tar archive */
    char hex[SALVOR_DIGEST_HEX_MAX], packed_hex[SALVOR_DIGEST_HEX_MAX];

    /* Private. */
    struct salvor_digest inner, outer;
    struct salvor_decompress *decompress;
    const void *first; /* read to guess by, and not handed on yet */
    ssize_t first_size;
};

/* Errors: those of source and entry, Corrupt, Cancelled. It reads the source to its end, or fails. */
int salvor_inspect_run(struct salvor_inspect *inspect, struct salvor_error *err);

#endif
