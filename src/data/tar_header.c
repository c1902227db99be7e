#include "data/tar_header.h"

#include <string.h>

/* Where the fields are: POSIX.1-1988 (ustar), and GNU's in the place of ustar's prefix. */
enum {
    NAME = 0,
    NAME_SIZE = 100,
    MODE = 100,
    SIZE = 124,
    MTIME = 136,
    CHECKSUM = 148,
    CHECKSUM_SIZE = 8,
    TYPE = 156,
    TARGET = 157,
    MAGIC = 257,
    PREFIX = 345,
    PREFIX_SIZE = 155,
    GNU_MAP_GOES_ON = 482,
    GNU_REAL_SIZE = 483,
    NUMBER_SIZE = 12,
    MODE_SIZE = 8
};

/* Octal digits, or (GNU) bytes of a number when the first bit is set; -1 of anything else. */
static int64_t number_of(const char *field, size_t size)
{
    const unsigned char *at = (const unsigned char *)field, *end = at + size;
    uint64_t value = 0;
    if (*at & 0x80) {
        value = *at++ & 0x7f;
        for (; at < end; at++) {
            if (value >> 55)
                return -1;
            value = value << 8 | *at;
        }
        return (int64_t)value;
    }
    while (at < end && *at == ' ')
        at++;
    for (; at < end && *at >= '0' && *at <= '7'; at++) {
        if (value >> 59)
            return -1;
        value = value << 3 | (uint64_t)(*at - '0');
    }
    return at == end || *at == ' ' || *at == '\0' ? (int64_t)value : -1;
}

/* The sum of all bytes, with blanks in the place of the sum; some wrote that of signed ones. */
static bool checksum_fits(const char block[SALVOR_TAR_BLOCK])
{
    int64_t stated = number_of(block + CHECKSUM, CHECKSUM_SIZE), plain = 0, with_sign = 0;
    for (int i = 0; i < SALVOR_TAR_BLOCK; i++) {
        bool in_sum = i >= CHECKSUM && i < CHECKSUM + CHECKSUM_SIZE;
        plain += in_sum ? ' ' : (unsigned char)block[i];
        with_sign += in_sum ? ' ' : (signed char)block[i];
    }
    return stated == plain || stated == with_sign;
}

static size_t append(char *out, const char *field, size_t size)
{
    size_t length = strnlen(field, size);
    memcpy(out, field, length);
    out[length] = '\0';
    return length;
}

static void read_name(struct salvor_tar_header *out, const char *block)
{
    size_t used = 0;
    if (!memcmp(block + MAGIC, "ustar", 6) && block[PREFIX]) {
        used = append(out->name, block + PREFIX, PREFIX_SIZE);
        out->name[used++] = '/';
    }
    append(out->name + used, block + NAME, NAME_SIZE);
    append(out->target, block + TARGET, NAME_SIZE);
}

enum salvor_tar_block salvor_tar_header_read(struct salvor_tar_header *out,
                                             const char block[SALVOR_TAR_BLOCK])
{
    if (!block[0] && !memcmp(block, block + 1, SALVOR_TAR_BLOCK - 1))
        return SALVOR_TAR_ZEROS;
    if (!checksum_fits(block))
        return SALVOR_TAR_OTHER;
    int64_t mode = number_of(block + MODE, MODE_SIZE);
    *out = (struct salvor_tar_header){
        .type = block[TYPE],
        .size = number_of(block + SIZE, NUMBER_SIZE),
        .real_size = -1,
        .mtime = number_of(block + MTIME, NUMBER_SIZE),
        .mode = mode < 0 ? 0 : (unsigned)mode & 07777,
    };
    if (out->mtime < 0)
        out->mtime = 0;
    if (out->type == 'S') {
        out->map_goes_on = block[GNU_MAP_GOES_ON] != 0;
        out->real_size = number_of(block + GNU_REAL_SIZE, NUMBER_SIZE);
    }
    read_name(out, block);
    return SALVOR_TAR_HEADER;
}

bool salvor_tar_record_read(struct salvor_tar_record *out, const char **at, const char *end)
{
    size_t length = 0;
    const char *start = *at, *text = start;
    for (; text < end && *text >= '0' && *text <= '9'; text++) {
        length = length * 10 + (size_t)(*text - '0');
        if (length > (size_t)(end - start))
            return false;
    }
    if (text == start || text == end || *text != ' ' || start + length <= text + 1)
        return false;
    const char *key = text + 1, *last = start + length - 1; /* the newline */
    const char *equals = *last == '\n' ? memchr(key, '=', (size_t)(last - key)) : NULL;
    if (!equals)
        return false;
    *out = (struct salvor_tar_record){.key = key,
                                      .key_size = (size_t)(equals - key),
                                      .value = equals + 1,
                                      .value_size = (size_t)(last - equals - 1)};
    *at = last + 1;
    return true;
}

bool salvor_tar_record_is(const struct salvor_tar_record *record, const char *key)
{
    return record->key_size == strlen(key) && !memcmp(record->key, key, record->key_size);
}

int64_t salvor_tar_record_number(const struct salvor_tar_record *record)
{
    int64_t value = 0;
    size_t digits = 0;
    for (; digits < record->value_size; digits++) {
        char digit = record->value[digits];
        if (digit < '0' || digit > '9')
            break;
        if (value > (INT64_MAX - 9) / 10)
            return -1;
        value = value * 10 + (digit - '0');
    }
    bool ends = digits == record->value_size || record->value[digits] == '.';
    return digits && ends ? value : -1;
}
