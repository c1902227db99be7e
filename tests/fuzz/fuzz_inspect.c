/*
 * Archives and compressed data of any bytes, in pieces of any size: what is found is the same, and what
 * tar's headers say is walked to an end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/inspect.h"
#include "tar_sums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNPACKED_MAX = 16 << 20 };

struct input {
    const uint8_t *data;
    size_t left, step;
    int64_t names; /* bytes of them */
    struct salvor_stop stop;
};

static ssize_t pull(void *context, const void **data, struct salvor_error *err)
{
    (void)err;
    struct input *input = context;
    size_t size = input->left < input->step ? input->left : input->step;
    *data = input->data;
    input->data += size;
    input->left -= size;
    return (ssize_t)size;
}

static int entry(void *context, const struct salvor_archive_entry *found, struct salvor_error *err)
{
    struct input *input = context;
    if (found->size < 0 || !found->name)
        abort();
    input->names += (int64_t)strlen(found->name);
    return input->names > UNPACKED_MAX ? salvor_error_set(err, "TooLarge", "names") : 0;
}

static int look(struct salvor_inspect *out, int64_t *names, const uint8_t *data, size_t size,
                size_t step, bool tar)
{
    struct input input = {.data = data, .left = size, .step = step};
    *out = (struct salvor_inspect){.guess = true,
                                   .tar = tar,
                                   .digest = "sha1",
                                   .packed_digest = "md5",
                                   .source = pull,
                                   .entry = entry,
                                   .context = &input,
                                   .stop = &input.stop};
    int result = salvor_inspect_run(out, NULL);
    *names = input.names;
    return result;
}

static void check(const uint8_t *data, size_t size)
{
    for (int tar = 0; tar < 2; tar++) {
        struct salvor_inspect whole, cut;
        int64_t names, other;
        /* The first piece has to be long enough to guess by. */
        size_t step = size ? data[size - 1] + (size_t)8 : 8;
        int result = look(&whole, &names, data, size, size + 1, tar);
        if (result != look(&cut, &other, data, size, step, tar))
            abort();
        if (result == 0 &&
            (names != other || whole.size != cut.size || whole.entries != cut.entries ||
             strcmp(whole.hex, cut.hex) != 0 || strcmp(whole.packed_hex, cut.packed_hex) != 0))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = copy_with_sums(data, size);
    check(copy, size);
    free(copy);
    return 0;
}
