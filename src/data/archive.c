#include "data/archive.h"

#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/libarchive.h"
#include "data/text.h"
#include "data/utf8.h"

/* An archive ends with two blocks of zeros. */
enum { END_SIZE = 1024 };

static const struct salvor_libarchive *const lib = &salvor_libarchive;

struct salvor_archive {
    struct archive *reader;
    salvor_archive_source source;
    void *context;
    struct salvor_error failure; /* of the source */
    size_t zeros;                /* at the end of what was read so far, counted up to END_SIZE */
    bool any;                    /* an entry was found */
    locale_t locale;             /* in which names are bytes of UTF-8; 0: none */
    char name[SALVOR_ARCHIVE_SHOWN_MAX];
};

const char *salvor_archive_show(char out[SALVOR_ARCHIVE_SHOWN_MAX], const char *name)
{
    size_t used = 0, length;
    for (size_t left = strlen(name); left; name += length, left -= length) {
        uint32_t character = 0;
        length = salvor_utf8_next(&character, name, left);
        bool plain = length && !salvor_text_is_harmful(character);
        length = length ? length : 1;
        if (used + 4 * length > SALVOR_ARCHIVE_SHOWN_MAX - 4) {
            strcpy(out + used, "...");
            return out;
        }
        for (size_t i = 0; i < length; i++)
            used += (size_t)sprintf(out + used, plain ? "%c" : "\\x%02x", (unsigned char)name[i]);
    }
    out[used] = '\0';
    return out;
}

/* Reading */

static void count_zeros(struct salvor_archive *archive, const char *data, size_t size)
{
    size_t zeros = 0;
    while (zeros < size && zeros < END_SIZE && !data[size - zeros - 1])
        zeros++;
    archive->zeros = zeros == size ? archive->zeros + zeros : zeros;
    if (archive->zeros > END_SIZE)
        archive->zeros = END_SIZE;
}

static la_ssize_t on_read(struct archive *reader, void *context, const void **data)
{
    struct salvor_archive *archive = context;
    ssize_t size = archive->source(archive->context, data, &archive->failure);
    if (size < 0)
        lib->archive_set_error(reader, EIO, "the source failed");
    else
        count_zeros(archive, *data, (size_t)size);
    return size;
}

void salvor_archive_close(struct salvor_archive *archive)
{
    if (!archive)
        return;
    lib->archive_read_free(archive->reader);
    if (archive->locale)
        freelocale(archive->locale);
    free(archive);
}

static int failed(struct salvor_archive *archive, struct salvor_error *err)
{
    if (archive->failure.code[0]) {
        *err = archive->failure;
        return -1;
    }
    if (lib->archive_errno(archive->reader) == ENOMEM)
        return salvor_error_memory(err);
    const char *text = lib->archive_error_string(archive->reader);
    char shown[SALVOR_ARCHIVE_SHOWN_MAX];
    salvor_archive_show(shown, text ? text : "unknown error");
    if (!archive->any)
        return salvor_error_set(err, "Corrupt", "this is not a tar archive: %s", shown);
    return salvor_error_set(err, "Corrupt", "the archive is damaged at or behind '%s': %s",
                            archive->name, shown);
}

int salvor_archive_open(struct salvor_archive **out, salvor_archive_source source, void *context,
                        struct salvor_error *err)
{
    if (salvor_libarchive_load(err) < 0)
        return -1;
    struct salvor_archive *archive = calloc(1, sizeof(*archive));
    if (!archive || !(archive->reader = lib->archive_read_new())) {
        free(archive);
        return salvor_error_memory(err);
    }
    archive->source = source;
    archive->context = context;
    archive->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", 0);
    if (lib->archive_read_support_format_tar(archive->reader) != ARCHIVE_OK ||
        lib->archive_read_open(archive->reader, archive, NULL, on_read, NULL) != ARCHIVE_OK) {
        failed(archive, err);
        salvor_archive_close(archive);
        return -1;
    }
    *out = archive;
    return 0;
}

/* libarchive leaves what follows the end alone, and takes a missing end for one. */
static int read_end(struct salvor_archive *archive, struct salvor_error *err)
{
    const void *data;
    ssize_t size;
    while ((size = archive->source(archive->context, &data, err)) > 0) {
        const char *at = data;
        if (*at || memcmp(at, at + 1, (size_t)size - 1) != 0)
            return salvor_error_set(err, "Corrupt", "the archive goes on behind its end");
        count_zeros(archive, data, (size_t)size);
    }
    if (size < 0)
        return -1;
    if (archive->zeros >= END_SIZE)
        return 0;
    if (archive->any)
        return salvor_error_set(err, "Corrupt", "the archive has no end: it was cut behind '%s'",
                                archive->name);
    return salvor_error_set(err, "Corrupt", "this is not a tar archive: it is empty");
}

static enum salvor_archive_type type_of(struct archive_entry *entry)
{
    if (lib->archive_entry_hardlink(entry) || lib->archive_entry_hardlink_utf8(entry))
        return SALVOR_ARCHIVE_HARD_LINK;
    switch (lib->archive_entry_filetype(entry)) {
    case AE_IFREG:
        return SALVOR_ARCHIVE_FILE;
    case AE_IFDIR:
        return SALVOR_ARCHIVE_FOLDER;
    case AE_IFLNK:
        return SALVOR_ARCHIVE_LINK;
    default:
        return SALVOR_ARCHIVE_OTHER;
    }
}

static const char *either(const char *bytes, const char *utf8)
{
    return bytes ? bytes : utf8;
}

static const char *target_of(struct archive_entry *entry, enum salvor_archive_type type)
{
    if (type == SALVOR_ARCHIVE_HARD_LINK)
        return either(lib->archive_entry_hardlink(entry), lib->archive_entry_hardlink_utf8(entry));
    if (type == SALVOR_ARCHIVE_LINK)
        return either(lib->archive_entry_symlink(entry), lib->archive_entry_symlink_utf8(entry));
    return NULL;
}

static int fill(struct salvor_archive_entry *out, struct salvor_archive *archive,
                struct archive_entry *entry, struct salvor_error *err)
{
    *out = (struct salvor_archive_entry){
        .name = either(lib->archive_entry_pathname(entry), lib->archive_entry_pathname_utf8(entry)),
        .type = type_of(entry),
        .size = lib->archive_entry_size(entry),
        .mode = lib->archive_entry_perm(entry) & 07777,
        .mtime = lib->archive_entry_mtime(entry),
        .mtime_nanoseconds = lib->archive_entry_mtime_nsec(entry),
    };
    out->target = target_of(entry, out->type);
    bool is_link = out->type == SALVOR_ARCHIVE_LINK || out->type == SALVOR_ARCHIVE_HARD_LINK;
    if (!out->name || (is_link && !out->target) || out->size < 0)
        return salvor_error_set(err, "Corrupt", "the archive has a header that makes no sense");
    salvor_archive_show(archive->name, out->name);
    archive->any = true;
    return 1;
}

/* A name that is no UTF-8 is given as the bytes it has; any other warning is about damage. */
static bool is_about_characters(struct archive *reader)
{
    const char *text = lib->archive_error_string(reader);
    return text && strstr(text, "can't be converted");
}

int salvor_archive_next(struct salvor_archive_entry *out, struct salvor_archive *archive,
                        struct salvor_error *err)
{
    struct archive_entry *entry = NULL;
    locale_t before = archive->locale ? uselocale(archive->locale) : 0;
    int code = lib->archive_read_next_header(archive->reader, &entry);
    int result;
    if (code == ARCHIVE_OK || (code == ARCHIVE_WARN && is_about_characters(archive->reader)))
        result = fill(out, archive, entry, err);
    else if (code == ARCHIVE_EOF)
        result = read_end(archive, err);
    else
        result = failed(archive, err);
    if (archive->locale)
        uselocale(before);
    return result;
}

int salvor_archive_data(const void **data, size_t *size, int64_t *offset,
                        struct salvor_archive *archive, struct salvor_error *err)
{
    la_int64_t at;
    int code = lib->archive_read_data_block(archive->reader, data, size, &at);
    *offset = at;
    if (code == ARCHIVE_OK)
        return 1;
    return code == ARCHIVE_EOF ? 0 : failed(archive, err);
}
