/* No fuzzer finds the sum of a tar header. So it is put in where its field begins with a '~'. */
#ifndef SALVOR_FUZZ_TAR_SUMS_H
#define SALVOR_FUZZ_TAR_SUMS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void put_sums(uint8_t *data, size_t size)
{
    for (uint8_t *block = data; size >= 512; block += 512, size -= 512) {
        char text[8];
        unsigned sum = 0;
        if (block[148] != '~')
            continue;
        memset(block + 148, ' ', 8);
        for (int i = 0; i < 512; i++)
            sum += block[i];
        snprintf(text, sizeof(text), "%06o", sum);
        memcpy(block + 148, text, 7);
    }
}

/* A copy with the sums put in; the caller's. */
static inline uint8_t *copy_with_sums(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    put_sums(copy, size);
    return copy;
}

#endif
