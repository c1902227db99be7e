#include "data/decompress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "data/libarchive.h"

enum { CHUNK = 256 << 10, GZIP_WINDOW = 15 + 16 /* with gzip's header and trailer alone */ };

static const struct salvor_libarchive *const lib = &salvor_libarchive;

struct salvor_decompress {
    enum salvor_compression compression;
    salvor_archive_source source;
    void *context;
    const struct salvor_stop *stop;
    struct salvor_error failure; /* of the source */
    int64_t taken, given;        /* bytes */
    bool ended;
    /* gzip */
    z_stream zlib;
    bool initialised, in_member;
    bool is_padded; /* zeros follow the last member: nothing else may */
    unsigned char *chunk;
    /* the others */
    struct archive *reader;
    bool any;
};

static const char *const names[] = {"none", "gzip", "zstd", "lz4", "bzip2"};

bool salvor_compression_find(enum salvor_compression *out, const char *name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(name, names[i])) {
            *out = (enum salvor_compression)i;
            return true;
        }
    }
    return false;
}

const char *salvor_compression_name(enum salvor_compression compression)
{
    return names[compression];
}

enum salvor_compression salvor_compression_guess(const void *data, size_t size)
{
    static const struct {
        const char *magic;
        size_t size;
        enum salvor_compression compression;
    } kinds[] = {{"\x1f\x8b", 2, SALVOR_COMPRESSION_GZIP},
                 {"\x28\xb5\x2f\xfd", 4, SALVOR_COMPRESSION_ZSTD},
                 {"\x04\x22\x4d\x18", 4, SALVOR_COMPRESSION_LZ4},
                 {"BZh", 3, SALVOR_COMPRESSION_BZIP2}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (size >= kinds[i].size && !memcmp(data, kinds[i].magic, kinds[i].size))
            return kinds[i].compression;
    return SALVOR_COMPRESSION_NONE;
}

int64_t salvor_decompress_size(const struct salvor_decompress *decompress)
{
    return decompress->given;
}

static int corrupt(const struct salvor_decompress *decompress, const char *what,
                   struct salvor_error *err)
{
    return salvor_error_set(err, "Corrupt",
                            "the %s data is damaged within its first %lld bytes: %s",
                            names[decompress->compression], (long long)decompress->taken, what);
}

/* The next bytes of the source, 0 at its end. */
static ssize_t pull(struct salvor_decompress *decompress, const void **data,
                    struct salvor_error *err)
{
    ssize_t size = decompress->source(decompress->context, data, err);
    if (size > 0)
        decompress->taken += size;
    return size;
}

/* gzip */

/* Tapes and block devices are filled up with zeros; anything else is not ours. */
static int check_behind_member(struct salvor_decompress *decompress, struct salvor_error *err)
{
    z_stream *zlib = &decompress->zlib;
    decompress->is_padded = true;
    for (; zlib->avail_in; zlib->next_in++, zlib->avail_in--) {
        if (*zlib->next_in == 0)
            continue;
        decompress->taken -= zlib->avail_in;
        return corrupt(decompress, "there is something behind its end", err);
    }
    return 0;
}

/* 1: there are bytes; 0: the input has ended. */
static int fill(struct salvor_decompress *decompress, struct salvor_error *err)
{
    const void *data = NULL;
    if (decompress->zlib.avail_in)
        return 1;
    ssize_t size = pull(decompress, &data, err);
    if (size <= 0)
        return (int)size;
    decompress->zlib.next_in = (Bytef *)data;
    decompress->zlib.avail_in = (uInt)size;
    return 1;
}

/* A member begins, or the end was reached: 1 or 0. */
static int begin_member(struct salvor_decompress *decompress, struct salvor_error *err)
{
    while (true) {
        int filled = fill(decompress, err);
        if (filled <= 0)
            return filled;
        if (!decompress->any)
            break;
        if (!decompress->is_padded && *decompress->zlib.next_in == 0x1f)
            break;
        if (check_behind_member(decompress, err) < 0)
            return -1;
    }
    decompress->any = decompress->in_member = true;
    if (inflateReset(&decompress->zlib) != Z_OK)
        return corrupt(decompress, "it cannot be read", err);
    return 1;
}

static int inflate_some(struct salvor_decompress *decompress, struct salvor_error *err)
{
    z_stream *zlib = &decompress->zlib;
    int filled = fill(decompress, err);
    if (filled < 0)
        return -1;
    if (filled == 0)
        return corrupt(decompress, "it ends too early", err);
    int result = inflate(zlib, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR)
        return salvor_error_memory(err);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        decompress->taken -= zlib->avail_in;
        return corrupt(decompress, zlib->msg ? zlib->msg : "it cannot be read", err);
    }
    decompress->in_member = result != Z_STREAM_END;
    return 0;
}

static ssize_t read_gzip(struct salvor_decompress *decompress, const void **data,
                         struct salvor_error *err)
{
    z_stream *zlib = &decompress->zlib;
    zlib->next_out = decompress->chunk;
    zlib->avail_out = CHUNK;
    while (zlib->avail_out == CHUNK) {
        if (salvor_stop_asked(decompress->stop))
            return salvor_error_set(err, "Cancelled", "given up");
        int more = decompress->in_member ? 1 : begin_member(decompress, err);
        if (more < 0)
            return -1;
        if (more == 0 && !decompress->any)
            return corrupt(decompress, "it is empty", err);
        if (more == 0)
            return 0;
        if (inflate_some(decompress, err) < 0)
            return -1;
    }
    *data = decompress->chunk;
    return CHUNK - zlib->avail_out;
}

static int open_gzip(struct salvor_decompress *decompress, struct salvor_error *err)
{
    decompress->chunk = malloc(CHUNK);
    if (!decompress->chunk || inflateInit2(&decompress->zlib, GZIP_WINDOW) != Z_OK)
        return salvor_error_memory(err);
    decompress->initialised = true;
    return 0;
}

/* The others */

static la_ssize_t on_read(struct archive *reader, void *context, const void **data)
{
    struct salvor_decompress *decompress = context;
    ssize_t size = pull(decompress, data, &decompress->failure);
    if (size < 0)
        lib->archive_set_error(reader, EIO, "the source failed");
    return size;
}

static int failed(struct salvor_decompress *decompress, struct salvor_error *err)
{
    if (decompress->failure.code[0]) {
        *err = decompress->failure;
        return -1;
    }
    if (lib->archive_errno(decompress->reader) == ENOMEM)
        return salvor_error_memory(err);
    const char *text = lib->archive_error_string(decompress->reader);
    char shown[SALVOR_ARCHIVE_SHOWN_MAX];
    return corrupt(decompress, salvor_archive_show(shown, text ? text : "it cannot be read"), err);
}

static int support(struct archive *reader, enum salvor_compression compression)
{
    if (compression == SALVOR_COMPRESSION_ZSTD)
        return lib->archive_read_support_filter_zstd(reader);
    if (compression == SALVOR_COMPRESSION_LZ4)
        return lib->archive_read_support_filter_lz4(reader);
    return lib->archive_read_support_filter_bzip2(reader);
}

static int open_filter(struct salvor_decompress *decompress, struct salvor_error *err)
{
    if (salvor_libarchive_load(err) < 0)
        return -1;
    decompress->reader = lib->archive_read_new();
    if (!decompress->reader)
        return salvor_error_memory(err);
    if (support(decompress->reader, decompress->compression) != ARCHIVE_OK ||
        lib->archive_read_support_format_raw(decompress->reader) != ARCHIVE_OK ||
        lib->archive_read_support_format_empty(decompress->reader) != ARCHIVE_OK)
        return failed(decompress, err);
    return 0;
}

/* Only when something is read, since libarchive asks the source at once. */
static int begin_filter(struct salvor_decompress *decompress, struct salvor_error *err)
{
    struct archive_entry *entry;
    decompress->any = true;
    if (lib->archive_read_open(decompress->reader, decompress, NULL, on_read, NULL) != ARCHIVE_OK)
        return failed(decompress, err);
    /* What a filter does not know it leaves alone. */
    if (lib->archive_filter_count(decompress->reader) < 2)
        return corrupt(decompress, "it has another form", err);
    int code = lib->archive_read_next_header(decompress->reader, &entry);
    decompress->ended = code == ARCHIVE_EOF;
    return code == ARCHIVE_OK || code == ARCHIVE_EOF ? 0 : failed(decompress, err);
}

/* libarchive stops where lz4 and bzip2 say that they end, and leaves alone what follows. */
static int check_behind_filter(struct salvor_decompress *decompress, struct salvor_error *err)
{
    const void *data;
    int64_t used = lib->archive_filter_bytes(decompress->reader, -1);
    bool more = used < decompress->taken;
    ssize_t size = more ? 0 : pull(decompress, &data, err);
    if (size < 0)
        return -1;
    if (!more && size == 0)
        return 0;
    decompress->taken = used;
    return corrupt(decompress, "there is something behind its end", err);
}

static ssize_t read_filter(struct salvor_decompress *decompress, const void **data,
                           struct salvor_error *err)
{
    size_t size = 0;
    la_int64_t offset;
    if (!decompress->any && begin_filter(decompress, err) < 0)
        return -1;
    while (size == 0) {
        if (decompress->ended)
            return check_behind_filter(decompress, err);
        if (salvor_stop_asked(decompress->stop))
            return salvor_error_set(err, "Cancelled", "given up");
        int code = lib->archive_read_data_block(decompress->reader, data, &size, &offset);
        decompress->ended = code == ARCHIVE_EOF;
        if (code != ARCHIVE_OK && code != ARCHIVE_EOF)
            return failed(decompress, err);
        if (decompress->ended)
            size = 0;
    }
    return (ssize_t)size;
}

static int open_kind(struct salvor_decompress *decompress, struct salvor_error *err)
{
    if (decompress->compression == SALVOR_COMPRESSION_NONE)
        return 0;
    if (decompress->compression == SALVOR_COMPRESSION_GZIP)
        return open_gzip(decompress, err);
    return open_filter(decompress, err);
}

int salvor_decompress_open(struct salvor_decompress **out, enum salvor_compression compression,
                           salvor_archive_source source, void *context,
                           const struct salvor_stop *stop, struct salvor_error *err)
{
    struct salvor_decompress *decompress = calloc(1, sizeof(*decompress));
    if (!decompress)
        return salvor_error_memory(err);
    decompress->compression = compression;
    decompress->source = source;
    decompress->context = context;
    decompress->stop = stop;
    if (open_kind(decompress, err) < 0) {
        salvor_decompress_close(decompress);
        return -1;
    }
    *out = decompress;
    return 0;
}

ssize_t salvor_decompress_read(void *context, const void **data, struct salvor_error *err)
{
    struct salvor_decompress *decompress = context;
    ssize_t size;
    if (decompress->compression == SALVOR_COMPRESSION_NONE)
        size = pull(decompress, data, err);
    else if (decompress->compression == SALVOR_COMPRESSION_GZIP)
        size = read_gzip(decompress, data, err);
    else
        size = read_filter(decompress, data, err);
    if (size > 0)
        decompress->given += size;
    return size;
}

void salvor_decompress_close(struct salvor_decompress *decompress)
{
    if (!decompress)
        return;
    if (decompress->initialised)
        inflateEnd(&decompress->zlib);
    if (decompress->reader)
        lib->archive_read_free(decompress->reader);
    free(decompress->chunk);
    free(decompress);
}
