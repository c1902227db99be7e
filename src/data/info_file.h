/*
 * pgBackRest's info files (backup.info, archive.info) and manifests: INI whose values are JSON, read
 * as a stream, so that a manifest of any length needs the memory of its longest line.
 *
 *     [section]
 *     key=value            the value is JSON; a key may hold "="
 *
 *     struct salvor_info_reader reader;
 *     salvor_info_init(&reader, err)
 *     salvor_info_add(&reader, data, size, err)        any number of times, each followed by
 *     while (salvor_info_next(&line, &reader, err) > 0)
 *         ...
 *     salvor_info_end(&reader), and the same loop once more
 *     salvor_info_checksum(&checksum, &reader, err)
 *     salvor_info_release(&reader)
 */
#ifndef SALVOR_DATA_INFO_FILE_H
#define SALVOR_DATA_INFO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"
#include "data/digest.h"
#include "data/json_read.h"

#define SALVOR_INFO_LINE_MAX    ((size_t)4 << 20)
#define SALVOR_INFO_SECTION_MAX ((size_t)4096)

struct salvor_info_reader {
    /* Private. */
    struct salvor_buffer text;    /* from `taken` on not looked at yet */
    struct salvor_buffer section; /* in which the next line is */
    struct salvor_buffer counted; /* the section that the digest is in */
    struct salvor_digest digest;
    struct salvor_json_reader json;
    char stated[41]; /* backrest-checksum */
    size_t taken;
    int64_t number; /* of the line */
    bool ended, any, in_section, checked;
};

/* Valid until the next call; not ended by NUL. */
struct salvor_info_line {
    const char *section, *key, *value; /* the value is JSON text that was checked */
    size_t section_size, key_size, value_size;
};

/* What the file says its SHA-1 is, and what it is, in hexadecimal digits. */
struct salvor_info_checksum {
    char stated[41]; /* empty: none */
    char actual[41];
    bool matches;
};

int salvor_info_init(struct salvor_info_reader *reader, struct salvor_error *err);
void salvor_info_release(struct salvor_info_reader *reader); /* a second call does nothing */

/* Adds the next bytes of the file. Error TooLarge for a line that is too long. */
int salvor_info_add(struct salvor_info_reader *reader, const void *data, size_t size,
                    struct salvor_error *err);

/* There is no more: the last line need not have an end. */
void salvor_info_end(struct salvor_info_reader *reader);

/*
 * 1 and the next line that gives a key, 0 when more bytes are needed or nothing is left, -1. Error
 * Corrupt with the number of the line for what is no such file, Unsupported for one that is
 * encrypted (it begins with "Salted__").
 */
int salvor_info_next(struct salvor_info_line *out, struct salvor_info_reader *reader,
                     struct salvor_error *err);

/*
 * Once all lines were read. The digest is over `{"section":{"key":value,...},...}` in the file's order,
 * values as they stand, without the key backrest-checksum.
 */
int salvor_info_checksum(struct salvor_info_checksum *out, struct salvor_info_reader *reader,
                         struct salvor_error *err);

#endif
