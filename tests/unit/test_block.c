/* Blocks: who may use one at the same time, and what fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "store/block.h"

static void test_append(void **state)
{
    (void)state;
    struct salvor_block block;
    struct salvor_error err;
    assert_int_equal(salvor_block_init(&block, 5, &err), 0);
    assert_int_equal(salvor_block_append(&block, "abc", 3, &err), 0);
    assert_int_equal(salvor_block_append(&block, "def", 3, &err), -1);
    assert_string_equal(err.code, "TooLarge");
    assert_int_equal(block.size, 3);
    assert_int_equal(salvor_block_append(&block, "de", 2, &err), 0);
    assert_int_equal(salvor_block_room(&block), 0);
    assert_memory_equal(block.data, "abcde", 5);
    salvor_block_release(&block);
    salvor_block_release(&block);
    assert_null(block.data);
}

static void test_capacity(void **state)
{
    (void)state;
    struct salvor_block block;
    struct salvor_error err;
    assert_int_equal(salvor_block_init(&block, 0, &err), -1);
    assert_string_equal(err.code, "TooLarge");
    assert_int_equal(salvor_block_init(&block, SIZE_MAX, &err), -1);
    assert_string_equal(err.code, "TooLarge");
    salvor_block_release(&block);
}

static void test_holds(void **state)
{
    (void)state;
    struct salvor_block block;
    struct salvor_block_hold first, second, writer;
    assert_int_equal(salvor_block_init(&block, 1, NULL), 0);
    assert_true(salvor_block_take(&first, &block, SALVOR_BLOCK_READ));
    assert_true(salvor_block_take(&second, &block, SALVOR_BLOCK_READ));
    assert_false(salvor_block_take(&writer, &block, SALVOR_BLOCK_WRITE));
    salvor_block_drop(&writer);
    salvor_block_drop(&first);
    salvor_block_drop(&first);
    assert_false(salvor_block_take(&writer, &block, SALVOR_BLOCK_WRITE));
    salvor_block_drop(&second);
    assert_true(salvor_block_take(&writer, &block, SALVOR_BLOCK_WRITE));
    assert_false(salvor_block_take(&first, &block, SALVOR_BLOCK_READ));
    salvor_block_release(&block);
    block.data[0] = 'x';
    assert_false(salvor_block_take(&first, &block, SALVOR_BLOCK_READ));
    salvor_block_drop(&writer);
    assert_null(block.data);
    assert_false(salvor_block_take(&first, &block, SALVOR_BLOCK_READ));
}

static void test_release(void **state)
{
    (void)state;
    struct salvor_block block;
    struct salvor_block_hold first, second;
    assert_int_equal(salvor_block_init(&block, 1, NULL), 0);
    char *memory = block.data;
    assert_true(salvor_block_take(&first, &block, SALVOR_BLOCK_READ));
    salvor_block_release(&block);
    assert_false(salvor_block_take(&second, &block, SALVOR_BLOCK_READ));
    unsigned char resident;
    assert_int_equal(mincore(memory, 1, &resident), 0);
    salvor_block_drop(&first);
    assert_int_equal(mincore(memory, 1, &resident), -1); /* it is not mapped any more */
    assert_int_equal(errno, ENOMEM);
}

static void test_digest(void **state)
{
    (void)state;
    struct salvor_block block;
    struct salvor_digest digest, expected;
    struct salvor_error err;
    struct salvor_stop stop = {0};
    size_t size = ((size_t)3 << 20) + 1;
    assert_int_equal(salvor_block_init(&block, size, &err), 0);
    for (size_t i = 0; i < size; i++)
        block.data[i] = (char)(i ^ i >> 20);
    block.size = size;
    assert_int_equal(salvor_digest_init(&digest, "md5", &err), 0);
    assert_int_equal(salvor_digest_init(&expected, "md5", &err), 0);
    assert_int_equal(salvor_block_digest(&digest, &block, 0, block.size, &stop, &err), 0);
    assert_int_equal(salvor_digest_update(&expected, block.data, size, &err), 0);
    assert_int_equal(salvor_digest_finish(&digest, &err), 0);
    assert_int_equal(salvor_digest_finish(&expected, &err), 0);
    assert_memory_equal(digest.value, expected.value, expected.size);
    salvor_stop_ask(&stop);
    assert_int_equal(salvor_block_digest(&digest, &block, 0, block.size, &stop, &err), -1);
    assert_string_equal(err.code, "Cancelled");
    salvor_digest_release(&digest);
    salvor_digest_release(&expected);
    salvor_block_release(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append), cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_holds),  cmocka_unit_test(test_release),
        cmocka_unit_test(test_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
