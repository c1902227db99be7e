#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lua/pool.h"

enum { BLOCKS = 20000 };

static unsigned char *blocks[BLOCKS];
static size_t sizes[BLOCKS];

static void fill(size_t index)
{
    memset(blocks[index], (int)(index % 251), sizes[index]);
}

static void assert_filled(size_t index, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(blocks[index][i], index % 251);
}

/* Sizes on both sides of what counts as small, each block written from end to end. */
static void blocks_do_not_overlap(void **state)
{
    (void)state;
    struct salvor_pool *pool = salvor_pool_new();
    for (size_t i = 0; i < BLOCKS; i++) {
        sizes[i] = 1 + i * 7919 % 700;
        blocks[i] = salvor_pool_allocate(pool, NULL, 0, sizes[i]);
        assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
        fill(i);
    }
    for (size_t i = 0; i < BLOCKS; i += 2) {
        size_t size = 1 + i * 104729 % 700;
        size_t kept = size < sizes[i] ? size : sizes[i];
        blocks[i] = salvor_pool_allocate(pool, blocks[i], sizes[i], size);
        assert_filled(i, kept);
        sizes[i] = size;
        fill(i);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_filled(i, sizes[i]);
        assert_null(salvor_pool_allocate(pool, blocks[i], sizes[i], 0));
    }
    salvor_pool_free(pool);
}

static void what_is_given_back_is_used_again(void **state)
{
    (void)state;
    struct salvor_pool *pool = salvor_pool_new();
    void *first = salvor_pool_allocate(pool, NULL, 0, 40);
    uintptr_t address = (uintptr_t)first;
    salvor_pool_allocate(pool, first, 40, 0);
    void *second = salvor_pool_allocate(pool, NULL, 0, 33);
#ifndef __SANITIZE_ADDRESS__
    assert_int_equal((uintptr_t)second, address);
#else
    (void)address;
#endif
    salvor_pool_allocate(pool, second, 33, 0);
    salvor_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(what_is_given_back_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
