/* Whatever an archive says, it can be walked, and no name or link of it leads out. */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/archive.h"
#include "data/unpack_name.h"
#include "tar_sums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t left, step;
};

static ssize_t give(void *context, const void **data, struct salvor_error *err)
{
    struct input *input = context;
    size_t size = input->left < input->step ? input->left : input->step;
    (void)err;
    *data = input->data;
    input->data += size;
    input->left -= size;
    return (ssize_t)size;
}

static bool has_part(const char *path, const char *wanted)
{
    while (*path) {
        size_t size = strcspn(path, "/");
        if (size == strlen(wanted) && !memcmp(path, wanted, size))
            return true;
        path += size + (path[size] == '/');
    }
    return false;
}

static void check_name(const struct salvor_archive_entry *entry, const char *top)
{
    struct salvor_buffer name = SALVOR_BUFFER_INIT(PATH_MAX);
    const char *problem;
    if (salvor_unpack_name(&name, &problem, entry->name, top, NULL) < 0)
        abort();
    if (!problem && (name.data[0] == '/' || has_part(name.data, "..") || has_part(name.data, ".") ||
                     has_part(name.data, "") || strlen(name.data) != name.size))
        abort();
    if (!problem && entry->type == SALVOR_ARCHIVE_LINK &&
        salvor_unpack_link_stays(name.data, entry->target) && entry->target[0] == '/')
        abort();
    salvor_buffer_release(&name);
}

static void check(const uint8_t *data, size_t size)
{
    struct input input = {data, size, size % 1500 + 1};
    struct salvor_archive *archive;
    struct salvor_archive_entry entry;
    struct salvor_error err;
    const void *part;
    size_t part_size;
    int64_t offset, end;
    char shown[SALVOR_ARCHIVE_SHOWN_MAX];
    if (salvor_archive_open(&archive, give, &input, &err) < 0)
        return;
    while (salvor_archive_next(&entry, archive, &err) > 0) {
        check_name(&entry, "top");
        check_name(&entry, ".");
        if (strlen(salvor_archive_show(shown, entry.name)) >= sizeof(shown) || entry.size < 0)
            abort();
        for (end = 0; salvor_archive_data(&part, &part_size, &offset, archive, &err) > 0;) {
            if (offset < end)
                abort();
            end = offset + (int64_t)part_size;
        }
    }
    salvor_archive_close(archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = copy_with_sums(data, size);
    check(copy, size);
    free(copy);
    return 0;
}
