#include "store/sftp/listing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { UNIT = 8 };

void salvor_sftp_listing_init(struct salvor_sftp_listing *listing)
{
    salvor_buffer_init(&listing->entries, SALVOR_SFTP_LISTING_MAX);
    salvor_buffer_init(&listing->order, SALVOR_SFTP_LISTING_MAX / 4);
}

void salvor_sftp_listing_release(struct salvor_sftp_listing *listing)
{
    salvor_buffer_release(&listing->entries);
    salvor_buffer_release(&listing->order);
}

static int append(struct salvor_sftp_listing *listing, const char *name, size_t length,
                  const struct salvor_sftp_attrs *attrs, struct salvor_error *err)
{
    struct salvor_sftp_entry entry = {
        .size = attrs->size,
        .mode = attrs->mode,
        .modified = attrs->modified,
        .length = (uint32_t)length,
    };
    size_t head = offsetof(struct salvor_sftp_entry, name);
    size_t padding = (UNIT - (head + length) % UNIT) % UNIT;
    uint32_t place = (uint32_t)(listing->entries.size / UNIT);
    if (salvor_buffer_append(&listing->order, &place, sizeof(place), err) < 0 ||
        salvor_buffer_append(&listing->entries, &entry, head, err) < 0 ||
        salvor_buffer_append(&listing->entries, name, length, err) < 0)
        return -1;
    return salvor_buffer_append(&listing->entries, "\0\0\0\0\0\0\0", padding, err);
}

/* Servers that send no mode still begin the line for people as ls does. */
static void guess_mode(struct salvor_sftp_attrs *attrs, const char *line, size_t size)
{
    if (attrs->mode & S_IFMT || size == 0)
        return;
    attrs->mode |= line[0] == 'd'   ? S_IFDIR
                   : line[0] == 'l' ? S_IFLNK
                   : line[0] == '-' ? S_IFREG
                                    : 0;
}

static bool is_dots(const char *name, size_t length)
{
    return (length == 1 && name[0] == '.') || (length == 2 && !memcmp(name, "..", 2));
}

int salvor_sftp_listing_add(struct salvor_sftp_listing *listing, struct salvor_sftp_reader *reader,
                            struct salvor_error *err)
{
    uint32_t count = salvor_sftp_read_u32(reader);
    while (count-- && !reader->bad) {
        struct salvor_sftp_attrs attrs;
        size_t length, line_size;
        const char *name = salvor_sftp_read_string(reader, &length);
        const char *line = salvor_sftp_read_string(reader, &line_size);
        salvor_sftp_read_attrs(reader, &attrs);
        if (reader->bad)
            break;
        if (length == 0 || memchr(name, '/', length) || memchr(name, '\0', length))
            return salvor_error_set(err, "Corrupt",
                                    "the server lists a name that no file can have");
        guess_mode(&attrs, line, line_size);
        if (!is_dots(name, length) && append(listing, name, length, &attrs, err) < 0)
            return -1;
    }
    return reader->bad ? salvor_error_set(err, "Corrupt", "the server's list is cut short") : 0;
}

static const struct salvor_sftp_entry *entry_at(const char *entries, uint32_t place)
{
    return (const struct salvor_sftp_entry *)(const void *)(entries + (size_t)place * UNIT);
}

/* The byte behind `index` bytes of the name. */
static int byte_at(const struct salvor_sftp_entry *entry, size_t index)
{
    if (index < entry->length)
        return (unsigned char)entry->name[index];
    return S_ISDIR(entry->mode) && index == entry->length ? '/' : -1;
}

static int compare(const void *a, const void *b, void *entries)
{
    const struct salvor_sftp_entry *left = entry_at(entries, *(const uint32_t *)a);
    const struct salvor_sftp_entry *right = entry_at(entries, *(const uint32_t *)b);
    size_t common = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->name, right->name, common);
    return order ? order : byte_at(left, common) - byte_at(right, common);
}

void salvor_sftp_listing_sort(struct salvor_sftp_listing *listing)
{
    qsort_r(listing->order.data, salvor_sftp_listing_count(listing), sizeof(uint32_t), compare,
            listing->entries.data);
}

size_t salvor_sftp_listing_count(const struct salvor_sftp_listing *listing)
{
    return listing->order.size / sizeof(uint32_t);
}

const struct salvor_sftp_entry *salvor_sftp_listing_entry(const struct salvor_sftp_listing *listing,
                                                          size_t index)
{
    const uint32_t *order = (const uint32_t *)(const void *)listing->order.data;
    return entry_at(listing->entries.data, order[index]);
}
