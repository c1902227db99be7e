#include "data/tar_walk.h"

#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "data/tar_header.h"

struct salvor_tar_walk {
    salvor_archive_source source;
    void *context;
    const char *at, *end;        /* of the source's last piece */
    int64_t body;                /* bytes of the entry that are still to be passed over */
    enum salvor_tar_block ahead; /* what was read ahead, a header into `header`; OTHER: nothing */
    bool any;
    struct salvor_tar_header header;
    struct salvor_buffer name, target, extended;
    char shown[SALVOR_ARCHIVE_SHOWN_MAX];
};

/* What extended headers say of the next entry. */
struct extension {
    bool has_name, has_target;
    int64_t size, real_size, mtime; /* -1: nothing */
};

static int corrupt(const struct salvor_tar_walk *walk, const char *what, struct salvor_error *err)
{
    if (!walk->any)
        return salvor_error_set(err, "Corrupt", "this is not a tar archive: %s", what);
    return salvor_error_set(err, "Corrupt", "the archive is damaged at or behind '%s': %s",
                            walk->shown, what);
}

/* Bytes of the source */

/* 1: there are some; 0: the end. */
static int fill(struct salvor_tar_walk *walk, struct salvor_error *err)
{
    const void *data;
    if (walk->at < walk->end)
        return 1;
    ssize_t size = walk->source(walk->context, &data, err);
    if (size <= 0)
        return (int)size;
    walk->at = data;
    walk->end = walk->at + size;
    return 1;
}

/* How many of `size` bytes there were, or -1; `out` may be NULL. */
static int64_t take(char *out, struct salvor_tar_walk *walk, int64_t size, struct salvor_error *err)
{
    int64_t taken = 0;
    while (taken < size) {
        int filled = fill(walk, err);
        if (filled < 0)
            return -1;
        if (filled == 0)
            break;
        int64_t count = walk->end - walk->at;
        if (count > size - taken)
            count = size - taken;
        if (out)
            memcpy(out + taken, walk->at, (size_t)count);
        walk->at += count;
        taken += count;
    }
    return taken;
}

static int take_all(char *out, struct salvor_tar_walk *walk, int64_t size, struct salvor_error *err)
{
    int64_t taken = take(out, walk, size, err);
    if (taken < 0)
        return -1;
    return taken == size ? 0 : corrupt(walk, "it was cut", err);
}

static int64_t padded(int64_t size)
{
    return (size + SALVOR_TAR_BLOCK - 1) / SALVOR_TAR_BLOCK * SALVOR_TAR_BLOCK;
}

/* Behind the first block of zeros: another one, and nothing else. */
static int read_end(struct salvor_tar_walk *walk, struct salvor_error *err)
{
    int64_t zeros = SALVOR_TAR_BLOCK;
    int filled;
    while ((filled = fill(walk, err)) > 0) {
        size_t size = (size_t)(walk->end - walk->at);
        if (*walk->at || memcmp(walk->at, walk->at + 1, size - 1) != 0)
            return corrupt(walk, "it goes on behind its end", err);
        zeros += (int64_t)size;
        walk->at = walk->end;
    }
    if (filled < 0)
        return -1;
    return zeros >= (int64_t)2 * SALVOR_TAR_BLOCK ? 0 : corrupt(walk, "it has no end", err);
}

/* 1 and a header, 0 at the end. */
static int read_header(struct salvor_tar_walk *walk, struct salvor_error *err)
{
    enum salvor_tar_block kind = walk->ahead;
    walk->ahead = SALVOR_TAR_OTHER;
    if (kind == SALVOR_TAR_OTHER) {
        char block[SALVOR_TAR_BLOCK];
        int64_t taken = take(block, walk, sizeof(block), err);
        if (taken < 0)
            return -1;
        if (taken == 0)
            return corrupt(walk, walk->any ? "it has no end" : "it is empty", err);
        if (taken < SALVOR_TAR_BLOCK)
            return corrupt(walk, "it was cut", err);
        kind = salvor_tar_header_read(&walk->header, block);
    }
    switch (kind) {
    case SALVOR_TAR_HEADER:
        return 1;
    case SALVOR_TAR_ZEROS:
        return read_end(walk, err);
    default:
        return corrupt(walk, "there is no header where one is expected", err);
    }
}

/* Extended headers */

static int read_extended(struct salvor_tar_walk *walk, struct salvor_error *err)
{
    int64_t size = walk->header.size;
    if (size < 0 || size > (int64_t)SALVOR_TAR_NAME_MAX)
        return corrupt(walk, "an extended header is too long", err);
    salvor_buffer_clear(&walk->extended);
    if (salvor_buffer_reserve(&walk->extended, (size_t)padded(size), err) < 0 ||
        take_all(walk->extended.data, walk, padded(size), err) < 0)
        return -1;
    walk->extended.size = (size_t)size;
    walk->extended.data[size] = '\0';
    return 0;
}

static int set_text(struct salvor_buffer *out, const char *text, size_t size,
                    struct salvor_error *err)
{
    salvor_buffer_clear(out);
    return salvor_buffer_append(out, text, size, err);
}

static int apply(struct extension *extension, struct salvor_tar_walk *walk,
                 const struct salvor_tar_record *record, struct salvor_error *err)
{
    bool sparse_name = salvor_tar_record_is(record, "GNU.sparse.name");
    if (sparse_name || salvor_tar_record_is(record, "path")) {
        extension->has_name = true;
        return set_text(&walk->name, record->value, record->value_size, err);
    }
    if (salvor_tar_record_is(record, "linkpath")) {
        extension->has_target = true;
        return set_text(&walk->target, record->value, record->value_size, err);
    }
    int64_t number = salvor_tar_record_number(record);
    if (salvor_tar_record_is(record, "size")) {
        extension->size = number;
        return number < 0 ? corrupt(walk, "a size that is none", err) : 0;
    }
    if (salvor_tar_record_is(record, "GNU.sparse.realsize") ||
        salvor_tar_record_is(record, "GNU.sparse.size"))
        extension->real_size = number;
    else if (salvor_tar_record_is(record, "mtime"))
        extension->mtime = number;
    return 0;
}

static int read_pax(struct extension *extension, struct salvor_tar_walk *walk,
                    struct salvor_error *err)
{
    if (read_extended(walk, err) < 0)
        return -1;
    const char *at = walk->extended.data, *end = at + walk->extended.size;
    while (at < end) {
        struct salvor_tar_record record;
        if (!salvor_tar_record_read(&record, &at, end))
            return corrupt(walk, "an extended header makes no sense", err);
        if (apply(extension, walk, &record, err) < 0)
            return -1;
    }
    return 0;
}

static int read_gnu_name(struct salvor_buffer *out, struct salvor_tar_walk *walk,
                         struct salvor_error *err)
{
    if (read_extended(walk, err) < 0)
        return -1;
    return set_text(out, walk->extended.data, strlen(walk->extended.data), err);
}

/* 1: it was one, and the next header follows; 0: it is an entry's own. */
static int read_extension(struct extension *extension, struct salvor_tar_walk *walk,
                          struct salvor_error *err)
{
    switch (walk->header.type) {
    case 'x':
    case 'X':
        return read_pax(extension, walk, err) < 0 ? -1 : 1;
    case 'g': /* comments and the like: nothing that is an entry's */
        return read_extended(walk, err) < 0 ? -1 : 1;
    case 'L':
        extension->has_name = true;
        return read_gnu_name(&walk->name, walk, err) < 0 ? -1 : 1;
    case 'K':
        extension->has_target = true;
        return read_gnu_name(&walk->target, walk, err) < 0 ? -1 : 1;
    default:
        return 0;
    }
}

/* Entries */

/* The map of a sparse file of the old GNU form goes on in blocks of its own. */
static int skip_sparse_map(struct salvor_tar_walk *walk, struct salvor_error *err)
{
    char block[SALVOR_TAR_BLOCK];
    bool more = walk->header.map_goes_on;
    while (more) {
        if (take_all(block, walk, sizeof(block), err) < 0)
            return -1;
        more = block[504] != 0;
    }
    return 0;
}

/*
 * A hard link has a size and perhaps a body, or, in older archives, no body nevertheless: then a
 * header, or the end, follows.
 */
static int look_behind_link(struct salvor_tar_walk *walk, struct salvor_error *err)
{
    char block[SALVOR_TAR_BLOCK];
    if (take_all(block, walk, sizeof(block), err) < 0)
        return -1;
    walk->ahead = salvor_tar_header_read(&walk->header, block);
    walk->body = walk->ahead == SALVOR_TAR_OTHER ? walk->body - SALVOR_TAR_BLOCK : 0;
    return 0;
}

static enum salvor_archive_type type_of(const struct salvor_tar_walk *walk)
{
    switch (walk->header.type) {
    case '1':
        return SALVOR_ARCHIVE_HARD_LINK;
    case '2':
        return SALVOR_ARCHIVE_LINK;
    case '3':
    case '4':
    case '6':
        return SALVOR_ARCHIVE_OTHER;
    case '5':
    case 'D':
        return SALVOR_ARCHIVE_FOLDER;
    default: /* V7 knows no folders */
        return walk->name.size && walk->name.data[walk->name.size - 1] == '/'
                   ? SALVOR_ARCHIVE_FOLDER
                   : SALVOR_ARCHIVE_FILE;
    }
}

/* Folders, symbolic links and devices have none, whatever their size says. */
static bool has_body(char type)
{
    return !(type >= '2' && type <= '6');
}

static int fill_entry(struct salvor_archive_entry *out, struct salvor_tar_walk *walk,
                      const struct extension *extension, struct salvor_error *err)
{
    const struct salvor_tar_header *header = &walk->header;
    if (!extension->has_name && set_text(&walk->name, header->name, strlen(header->name), err) < 0)
        return -1;
    if (!extension->has_target &&
        set_text(&walk->target, header->target, strlen(header->target), err) < 0)
        return -1;
    int64_t size = extension->size >= 0 ? extension->size : header->size;
    if (size < 0 || size > INT64_MAX - SALVOR_TAR_BLOCK)
        return corrupt(walk, "a size that is none", err);
    enum salvor_archive_type type = type_of(walk);
    bool is_link = type == SALVOR_ARCHIVE_LINK || type == SALVOR_ARCHIVE_HARD_LINK;
    int64_t real_size = extension->real_size >= 0 ? extension->real_size : header->real_size;
    *out = (struct salvor_archive_entry){
        .name = walk->name.data,
        .type = type,
        .target = is_link ? walk->target.data : NULL,
        .size = type != SALVOR_ARCHIVE_FILE ? 0
                : real_size >= 0            ? real_size
                                            : size,
        .mode = header->mode,
        .mtime = extension->mtime >= 0 ? extension->mtime : header->mtime,
    };
    walk->body = has_body(header->type) ? padded(size) : 0;
    walk->any = true;
    salvor_archive_show(walk->shown, walk->name.data);
    return 0;
}

int salvor_tar_walk_next(struct salvor_archive_entry *out, struct salvor_tar_walk *walk,
                         struct salvor_error *err)
{
    struct extension extension = {.size = -1, .real_size = -1, .mtime = -1};
    int more;
    if (take_all(NULL, walk, walk->body, err) < 0)
        return -1;
    walk->body = 0;
    do {
        int found = read_header(walk, err);
        if (found <= 0)
            return found;
        more = read_extension(&extension, walk, err);
    } while (more > 0);
    if (more < 0 || fill_entry(out, walk, &extension, err) < 0 || skip_sparse_map(walk, err) < 0)
        return -1;
    if (walk->header.type == '1' && walk->body && look_behind_link(walk, err) < 0)
        return -1;
    return 1;
}

int salvor_tar_walk_open(struct salvor_tar_walk **out, salvor_archive_source source, void *context,
                         struct salvor_error *err)
{
    struct salvor_tar_walk *walk = calloc(1, sizeof(*walk));
    if (!walk)
        return salvor_error_memory(err);
    walk->source = source;
    walk->context = context;
    walk->ahead = SALVOR_TAR_OTHER;
    salvor_buffer_init(&walk->name, SALVOR_TAR_NAME_MAX);
    salvor_buffer_init(&walk->target, SALVOR_TAR_NAME_MAX);
    salvor_buffer_init(&walk->extended, SALVOR_TAR_NAME_MAX + SALVOR_TAR_BLOCK);
    *out = walk;
    return 0;
}

void salvor_tar_walk_close(struct salvor_tar_walk *walk)
{
    if (!walk)
        return;
    salvor_buffer_release(&walk->name);
    salvor_buffer_release(&walk->target);
    salvor_buffer_release(&walk->extended);
    free(walk);
}
