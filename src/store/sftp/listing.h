/* The content of one folder, packed: a million names take some 40 bytes each and their length. */
#ifndef SALVOR_STORE_SFTP_LISTING_H
#define SALVOR_STORE_SFTP_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"
#include "store/sftp/packet.h"

#define SALVOR_SFTP_LISTING_MAX ((size_t)512 << 20)

struct salvor_sftp_entry {
    uint64_t size;
    uint32_t mode, modified; /* the mode with the kind, 0: the server does not say */
    uint32_t length;
    char name[]; /* `length` bytes */
};

struct salvor_sftp_listing {
    struct salvor_buffer entries;
    struct salvor_buffer order; /* of uint32_t: where each entry stands, by 8 bytes */
};

void salvor_sftp_listing_init(struct salvor_sftp_listing *listing);
void salvor_sftp_listing_release(struct salvor_sftp_listing *listing);

/* Adds the entries of a NAME packet, behind its id. Corrupt: names that no file can have. */
int salvor_sftp_listing_add(struct salvor_sftp_listing *listing, struct salvor_sftp_reader *reader,
                            struct salvor_error *err);

/* By the bytes of the paths of what is below: a folder's name counts with the slash behind it. */
void salvor_sftp_listing_sort(struct salvor_sftp_listing *listing);

size_t salvor_sftp_listing_count(const struct salvor_sftp_listing *listing);
const struct salvor_sftp_entry *salvor_sftp_listing_entry(const struct salvor_sftp_listing *listing,
                                                          size_t index);

#endif
