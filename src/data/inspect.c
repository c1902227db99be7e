#include "data/inspect.h"

#include "data/tar_walk.h"

static ssize_t read_source(void *context, const void **data, struct salvor_error *err)
{
    struct salvor_inspect *inspect = context;
    if (inspect->first) {
        *data = inspect->first;
        inspect->first = NULL;
        return inspect->first_size;
    }
    ssize_t size = inspect->source(inspect->context, data, err);
    if (size <= 0)
        return size;
    inspect->packed += size;
    if (inspect->packed_digest &&
        salvor_digest_update(&inspect->outer, *data, (size_t)size, err) < 0)
        return -1;
    return size;
}

static ssize_t read_inside(void *context, const void **data, struct salvor_error *err)
{
    struct salvor_inspect *inspect = context;
    ssize_t size = salvor_decompress_read(inspect->decompress, data, err);
    if (size > 0 && inspect->digest &&
        salvor_digest_update(&inspect->inner, *data, (size_t)size, err) < 0)
        return -1;
    return size;
}

static int read_on(struct salvor_inspect *inspect, struct salvor_error *err)
{
    const void *data;
    ssize_t size;
    while ((size = read_inside(inspect, &data, err)) > 0)
        if (salvor_stop_asked(inspect->stop))
            return salvor_error_set(err, "Cancelled", "given up");
    return (int)size;
}

static int walk(struct salvor_inspect *inspect, struct salvor_tar_walk *archive,
                struct salvor_error *err)
{
    struct salvor_archive_entry entry;
    int more;
    while ((more = salvor_tar_walk_next(&entry, archive, err)) > 0) {
        inspect->entries++;
        if (salvor_stop_asked(inspect->stop))
            return salvor_error_set(err, "Cancelled", "given up");
        if (inspect->entry && inspect->entry(inspect->context, &entry, err) < 0)
            return -1;
    }
    return more;
}

static int read_tar(struct salvor_inspect *inspect, struct salvor_error *err)
{
    struct salvor_tar_walk *archive;
    if (salvor_tar_walk_open(&archive, read_inside, inspect, err) < 0)
        return -1;
    int result = walk(inspect, archive, err);
    salvor_tar_walk_close(archive);
    return result;
}

static int guess(struct salvor_inspect *inspect, struct salvor_error *err)
{
    ssize_t size = read_source(inspect, &inspect->first, err);
    if (size < 0)
        return -1;
    inspect->first_size = size;
    if (size == 0)
        inspect->first = NULL;
    inspect->compression = salvor_compression_guess(inspect->first, (size_t)size);
    return 0;
}

static int begin(struct salvor_inspect *inspect, struct salvor_error *err)
{
    if (inspect->digest && salvor_digest_init(&inspect->inner, inspect->digest, err) < 0)
        return -1;
    if (inspect->packed_digest &&
        salvor_digest_init(&inspect->outer, inspect->packed_digest, err) < 0)
        return -1;
    if (inspect->guess && guess(inspect, err) < 0)
        return -1;
    return salvor_decompress_open(&inspect->decompress, inspect->compression, read_source, inspect,
                                  inspect->stop, err);
}

static int sum_up(char *hex, struct salvor_digest *digest, struct salvor_error *err)
{
    if (!digest->context)
        return 0;
    if (salvor_digest_finish(digest, err) < 0)
        return -1;
    salvor_hex(hex, digest->value, digest->size);
    return 0;
}

int salvor_inspect_run(struct salvor_inspect *inspect, struct salvor_error *err)
{
    int result = begin(inspect, err);
    if (result == 0)
        result = inspect->tar ? read_tar(inspect, err) : read_on(inspect, err);
    if (result == 0)
        result = sum_up(inspect->hex, &inspect->inner, err);
    if (result == 0)
        result = sum_up(inspect->packed_hex, &inspect->outer, err);
    if (inspect->decompress)
        inspect->size = salvor_decompress_size(inspect->decompress);
    salvor_decompress_close(inspect->decompress);
    inspect->decompress = NULL;
    salvor_digest_release(&inspect->inner);
    salvor_digest_release(&inspect->outer);
    return result;
}
