#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buffer.h"

static void an_empty_buffer_owns_nothing(void **state)
{
    (void)state;
    struct salvor_buffer buffer = SALVOR_BUFFER_INIT(10);
    assert_int_equal(buffer.size, 0);
    assert_string_equal(buffer.data, "");
    salvor_buffer_clear(&buffer);
    salvor_buffer_consume(&buffer, 3);
    salvor_buffer_release(&buffer);
    salvor_buffer_release(&buffer);
    assert_string_equal(buffer.data, "");
}

static void bytes_are_kept_with_zeros_and_an_end(void **state)
{
    (void)state;
    struct salvor_buffer buffer = SALVOR_BUFFER_INIT(1 << 20);
    struct salvor_error err;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(salvor_buffer_append(&buffer, "a\0b", 3, &err), 0);
    assert_int_equal(buffer.size, 3000);
    assert_memory_equal(buffer.data + 2997, "a\0b", 4);
    salvor_buffer_release(&buffer);
}

static void the_ceiling_holds(void **state)
{
    (void)state;
    struct salvor_buffer buffer = SALVOR_BUFFER_INIT(4);
    struct salvor_error err;
    assert_int_equal(salvor_buffer_append(&buffer, "1234", 4, &err), 0);
    assert_int_equal(salvor_buffer_append(&buffer, "5", 1, &err), -1);
    assert_string_equal(err.code, "TooLarge");
    assert_int_equal(salvor_buffer_printf(&buffer, &err, "%d", 5), -1);
    assert_int_equal(salvor_buffer_reserve(&buffer, (size_t)-1, &err), -1);
    assert_string_equal(buffer.data, "1234");
    assert_int_equal(salvor_buffer_append(&buffer, "", 0, &err), 0);
    salvor_buffer_release(&buffer);
}

static void formatted_text_is_appended(void **state)
{
    (void)state;
    struct salvor_buffer buffer = SALVOR_BUFFER_INIT(1000);
    assert_int_equal(salvor_buffer_printf(&buffer, NULL, "%s-%d", "a", 1), 0);
    assert_int_equal(salvor_buffer_printf(&buffer, NULL, "%400s", "b"), 0);
    assert_int_equal(buffer.size, 403);
    assert_memory_equal(buffer.data, "a-1 ", 4);
    salvor_buffer_release(&buffer);
}

/* Beyond SALVOR_LARGE_SIZE the kernel is asked for large pages, and realloc() moves mappings. */
static void large_ones_keep_their_content(void **state)
{
    (void)state;
    struct salvor_buffer buffer = SALVOR_BUFFER_INIT((size_t)64 << 20);
    uint32_t block[4096];
    for (uint32_t i = 0; buffer.size < (size_t)20 << 20; i++) {
        for (size_t k = 0; k < 4096; k++)
            block[k] = i;
        assert_int_equal(salvor_buffer_append(&buffer, block, sizeof(block), NULL), 0);
    }
    for (size_t at = 0; at < buffer.size; at += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, buffer.data + at, sizeof(word));
        if (word != at / sizeof(block))
            fail_msg("byte %zu is another one", at);
    }
    salvor_buffer_release_wiped(&buffer);
    assert_string_equal(buffer.data, "");
}

static void the_front_is_consumed(void **state)
{
    (void)state;
    struct salvor_buffer buffer = SALVOR_BUFFER_INIT(100);
    assert_int_equal(salvor_buffer_append(&buffer, "abcdef", 6, NULL), 0);
    salvor_buffer_consume(&buffer, 2);
    assert_string_equal(buffer.data, "cdef");
    salvor_buffer_consume(&buffer, 100);
    assert_int_equal(buffer.size, 0);
    assert_string_equal(buffer.data, "");
    salvor_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_owns_nothing),
        cmocka_unit_test(bytes_are_kept_with_zeros_and_an_end),
        cmocka_unit_test(the_ceiling_holds),
        cmocka_unit_test(formatted_text_is_appended),
        cmocka_unit_test(large_ones_keep_their_content),
        cmocka_unit_test(the_front_is_consumed),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
