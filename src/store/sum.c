#include "store/sum.h"

#include <endian.h>
#include <string.h>

enum { LANES = 4, WORD = sizeof(uint64_t) };

#define FACTOR UINT64_C(0x9e3779b97f4a7c15) /* odd, so that multiplying by it loses nothing */

static inline uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * FACTOR;
    return sum ^ sum >> 29;
}

static inline uint64_t word_at(const unsigned char *at, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, at, size);
    return le64toh(word);
}

/* The lanes do not wait for each other's multiplications. Each step can be undone when the word is
 * known, so that data which differ in one word never have the same sum. */
uint64_t salvor_store_sum(const void *data, size_t size)
{
    const unsigned char *at = data;
    uint64_t lanes[LANES] = {size, 1, 2, 3};
    size_t left = size;
    for (; left >= LANES * WORD; at += LANES * WORD, left -= LANES * WORD)
        for (size_t i = 0; i < LANES; i++)
            lanes[i] = mix(lanes[i], word_at(at + i * WORD, WORD));
    for (size_t i = 0; left; i++) {
        size_t some = left < WORD ? left : WORD;
        lanes[i] = mix(lanes[i], word_at(at, some));
        at += some;
        left -= some;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < LANES; i++)
        sum = mix(sum, lanes[i]);
    return sum;
}
