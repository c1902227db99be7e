/* The blocks of a tar archive that say something: headers, and the records of pax headers. */
#ifndef SALVOR_DATA_TAR_HEADER_H
#define SALVOR_DATA_TAR_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SALVOR_TAR_BLOCK 512

struct salvor_tar_header {
    char name[257]; /* with ustar's prefix */
    char target[101];
    char type;
    int64_t size;      /* of what follows, -1 when it is no number */
    int64_t real_size; /* of a sparse file of the old GNU form, otherwise -1 */
    int64_t mtime;
    unsigned mode;
    bool map_goes_on; /* of such a sparse file */
};

enum salvor_tar_block { SALVOR_TAR_HEADER, SALVOR_TAR_ZEROS, SALVOR_TAR_OTHER };

/* What the block is, by its own checksum. */
enum salvor_tar_block salvor_tar_header_read(struct salvor_tar_header *out,
                                             const char block[SALVOR_TAR_BLOCK]);

/* A record "length key=value\n" of a pax header. */
struct salvor_tar_record {
    const char *key, *value;
    size_t key_size, value_size;
};

/* Moves *at behind it; false when there is no whole one. */
bool salvor_tar_record_read(struct salvor_tar_record *out, const char **at, const char *end);
bool salvor_tar_record_is(const struct salvor_tar_record *record, const char *key);

/* The whole part of a number that is not negative; -1 of anything else. */
int64_t salvor_tar_record_number(const struct salvor_tar_record *record);

#endif
