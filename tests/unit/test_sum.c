#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/sum.h"

static void test_a_sum_changes_with_every_byte(void **state)
{
    (void)state;
    unsigned char data[100];
    for (size_t size = 0; size <= sizeof(data); size++) {
        memset(data, 0, sizeof(data));
        uint64_t before = salvor_store_sum(data, size);
        if (size)
            assert_true(before != salvor_store_sum(data, size - 1));
        for (size_t i = 0; i < size; i++) {
            data[i] = 1;
            assert_true(before != salvor_store_sum(data, size));
            data[i] = 0;
        }
    }
    /* The same words in another order. */
    memset(data, 1, 8);
    uint64_t first = salvor_store_sum(data, 64);
    memset(data, 0, 8);
    memset(data + 32, 1, 8);
    assert_true(first != salvor_store_sum(data, 64));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sum_changes_with_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
