/* Whatever a server lists becomes entries in order, whose names are names; and any status an error. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/sftp/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct salvor_sftp_entry *entry)
{
    if (entry->length == 0 || memchr(entry->name, '/', entry->length) ||
        memchr(entry->name, 0, entry->length))
        abort();
}

static void check(const struct salvor_sftp_listing *listing)
{
    const struct salvor_sftp_entry *before = NULL;
    for (size_t i = 0; i < salvor_sftp_listing_count(listing); i++) {
        const struct salvor_sftp_entry *entry = salvor_sftp_listing_entry(listing, i);
        check_entry(entry);
        size_t common = !before                          ? 0
                        : before->length < entry->length ? before->length
                                                         : entry->length;
        if (before && memcmp(before->name, entry->name, common) > 0)
            abort();
        before = entry;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct salvor_sftp_listing listing;
    struct salvor_error err = {0};
    struct salvor_sftp_reader reader = {.at = data, .left = size};
    salvor_sftp_listing_init(&listing);
    if (salvor_sftp_listing_add(&listing, &reader, &err) == 0) {
        salvor_sftp_listing_sort(&listing);
        check(&listing);
    } else if (strcmp(err.code, "Corrupt") != 0 && strcmp(err.code, "TooLarge") != 0) {
        abort();
    }
    salvor_sftp_listing_release(&listing);
    reader = (struct salvor_sftp_reader){.at = data, .left = size};
    if (salvor_sftp_status_error(&reader, &err) != -1 || !err.code[0] ||
        memchr(err.message, '\x1b', strlen(err.message)))
        abort();
    return 0;
}
