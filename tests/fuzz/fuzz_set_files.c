/*
 * The files that tell what is in a backup set, in pieces of any size: info files and manifests of
 * pgBackRest, and lists with rows (Medusa's manifests). However they are cut, they give the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/digest.h"
#include "data/info_file.h"
#include "data/json_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was found, as one digest; and how it ended. */
struct outcome {
    unsigned char digest[SALVOR_DIGEST_MAX];
    struct salvor_info_checksum checksum;
    int result;
};

static void note(struct salvor_digest *digest, const char *text, size_t size)
{
    uint64_t length = size;
    salvor_digest_update(digest, &length, sizeof(length), NULL);
    salvor_digest_update(digest, text, size, NULL);
}

static void settle(struct outcome *out, struct salvor_digest *digest)
{
    salvor_digest_finish(digest, NULL);
    memcpy(out->digest, digest->value, digest->size);
    salvor_digest_release(digest);
}

static void read_info(struct outcome *out, const char *data, size_t size, size_t step)
{
    struct salvor_info_reader reader;
    struct salvor_info_line line;
    struct salvor_digest digest;
    *out = (struct outcome){0};
    if (salvor_info_init(&reader, NULL) < 0 || salvor_digest_init(&digest, "sha1", NULL) < 0)
        abort();
    for (size_t at = 0, piece = 1; out->result >= 0 && piece; at += piece) {
        piece = size - at < step ? size - at : step;
        if (piece)
            out->result = salvor_info_add(&reader, data + at, piece, NULL);
        else
            salvor_info_end(&reader);
        while (out->result >= 0 && (out->result = salvor_info_next(&line, &reader, NULL)) > 0) {
            note(&digest, line.section, line.section_size);
            note(&digest, line.key, line.key_size);
            note(&digest, line.value, line.value_size);
        }
    }
    if (salvor_info_checksum(&out->checksum, &reader, NULL) < 0)
        abort();
    salvor_info_release(&reader);
    settle(out, &digest);
}

static void read_rows(struct outcome *out, const char *data, size_t size, size_t step)
{
    struct salvor_json_rows rows;
    struct salvor_digest digest;
    const char *text;
    size_t length;
    *out = (struct outcome){0};
    salvor_json_rows_init(&rows);
    if (salvor_digest_init(&digest, "sha1", NULL) < 0)
        abort();
    for (size_t at = 0, piece = 1; out->result != SALVOR_ROWS_FAILED && piece; at += piece) {
        piece = size - at < step ? size - at : step;
        salvor_json_rows_add(&rows, data + at, piece);
        while ((out->result = salvor_json_rows_next(&text, &length, &rows, NULL)) ==
                   SALVOR_ROWS_ROW ||
               out->result == SALVOR_ROWS_OBJECT)
            note(&digest, text, length);
    }
    salvor_json_rows_release(&rows);
    settle(out, &digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct outcome whole, cut;
    size_t step = size ? data[size - 1] % 16 + 1 : 1;
    read_info(&whole, text, size, size + 1);
    read_info(&cut, text, size, step);
    if (memcmp(&whole, &cut, sizeof(whole)) != 0)
        abort();
    read_rows(&whole, text, size, size + 1);
    read_rows(&cut, text, size, step);
    if (memcmp(&whole, &cut, sizeof(whole)) != 0)
        abort();
    return 0;
}
