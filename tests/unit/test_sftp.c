#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "store/sftp/listing.h"
#include "store/sftp/packet.h"

static struct salvor_sftp_reader reader_of(const struct salvor_buffer *buffer)
{
    return (struct salvor_sftp_reader){.at = (const unsigned char *)buffer->data,
                                       .left = buffer->size};
}

static void put_entry(struct salvor_buffer *out, const char *name, uint32_t mode)
{
    struct salvor_sftp_attrs attrs = {
        .flags = SALVOR_SFTP_ATTR_SIZE | SALVOR_SFTP_ATTR_MODE | SALVOR_SFTP_ATTR_TIMES,
        .size = strlen(name),
        .mode = mode,
        .modified = 7,
    };
    salvor_sftp_put_string(out, name, strlen(name));
    salvor_sftp_put_string(out, "-rw-", 4);
    salvor_sftp_put_attrs(out, &attrs);
}

static void test_attributes_are_read_as_they_were_written(void **state)
{
    (void)state;
    for (uint32_t flags = 0; flags < 16; flags++) {
        struct salvor_buffer out = SALVOR_BUFFER_INIT(100);
        struct salvor_sftp_attrs attrs = {.flags = flags & ~(uint32_t)SALVOR_SFTP_ATTR_OWNER,
                                          .size = UINT64_C(1) << 40,
                                          .mode = 0100644,
                                          .accessed = 5,
                                          .modified = 6};
        struct salvor_sftp_attrs read;
        salvor_sftp_put_attrs(&out, &attrs);
        assert_int_equal(out.size, salvor_sftp_attrs_size(&attrs));
        struct salvor_sftp_reader reader = reader_of(&out);
        salvor_sftp_read_attrs(&reader, &read);
        assert_false(reader.bad);
        assert_int_equal(reader.left, 0);
        assert_int_equal(read.flags, attrs.flags);
        assert_int_equal(read.size, flags & SALVOR_SFTP_ATTR_SIZE ? attrs.size : 0);
        assert_int_equal(read.modified, flags & SALVOR_SFTP_ATTR_TIMES ? 6 : 0);
        salvor_buffer_release(&out);
    }
}

static void test_what_is_cut_short_is_bad_and_gives_zeros(void **state)
{
    (void)state;
    struct salvor_buffer out = SALVOR_BUFFER_INIT(100);
    struct salvor_sftp_attrs attrs = {
        .flags = SALVOR_SFTP_ATTR_SIZE | SALVOR_SFTP_ATTR_MODE, .size = 5, .mode = 0100644};
    salvor_sftp_put_attrs(&out, &attrs);
    for (size_t size = 0; size < out.size; size++) {
        struct salvor_sftp_reader reader = {.at = (unsigned char *)out.data, .left = size};
        struct salvor_sftp_attrs read;
        salvor_sftp_read_attrs(&reader, &read);
        assert_true(reader.bad);
        assert_int_equal(salvor_sftp_read_u64(&reader), 0);
    }
    salvor_buffer_clear(&out);
    salvor_sftp_put_u32(&out, UINT32_MAX); /* a string of 4 GiB */
    size_t size;
    struct salvor_sftp_reader reader = reader_of(&out);
    assert_string_equal(salvor_sftp_read_string(&reader, &size), "");
    assert_int_equal(size, 0);
    assert_true(reader.bad);
    salvor_buffer_release(&out);
}

static void test_a_status_becomes_an_error(void **state)
{
    (void)state;
    static const struct {
        uint32_t status;
        const char *code;
    } cases[] = {{2, "NotFound"},     {3, "Forbidden"},   {4, "IO"}, {5, "Invalid"},
                 {7, "Disconnected"}, {8, "Unsupported"}, {99, "IO"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct salvor_buffer out = SALVOR_BUFFER_INIT(100);
        struct salvor_error err = {0};
        salvor_sftp_put_u32(&out, cases[i].status);
        salvor_sftp_put_string(&out, "no\n\x1b[31mred", 11);
        struct salvor_sftp_reader reader = reader_of(&out);
        assert_int_equal(salvor_sftp_status_error(&reader, &err), -1);
        assert_string_equal(err.code, cases[i].code);
        assert_null(strchr(err.message, '\n'));
        assert_null(strchr(err.message, '\x1b'));
        salvor_buffer_release(&out);
    }
}

static void test_a_listing_is_in_the_order_of_paths(void **state)
{
    (void)state;
    static const char *const sorted[] = {"a", "a!", "a-b", "a.txt", "b", "b", "b0", "\xff"};
    static const int order[] = {6, 2, 7, 0, 4, 1, 5, 3};
    struct salvor_buffer out = SALVOR_BUFFER_INIT(10000);
    struct salvor_sftp_listing listing;
    salvor_sftp_listing_init(&listing);
    salvor_sftp_put_u32(&out, 10);
    put_entry(&out, ".", S_IFDIR);
    for (size_t i = 0; i < 8; i++) /* the second "b" is a folder */
        put_entry(&out, sorted[order[i]], order[i] == 5 ? S_IFDIR | 0700 : S_IFREG | 0600);
    put_entry(&out, "..", S_IFDIR);
    struct salvor_sftp_reader reader = reader_of(&out);
    assert_int_equal(salvor_sftp_listing_add(&listing, &reader, NULL), 0);
    salvor_sftp_listing_sort(&listing);
    assert_int_equal(salvor_sftp_listing_count(&listing), 8);
    for (size_t i = 0; i < 8; i++) {
        const struct salvor_sftp_entry *entry = salvor_sftp_listing_entry(&listing, i);
        assert_int_equal(entry->length, strlen(sorted[i]));
        assert_memory_equal(entry->name, sorted[i], entry->length);
        assert_int_equal(entry->size, strlen(sorted[i]));
        assert_int_equal(entry->modified, 7);
    }
    assert_true(S_ISDIR(salvor_sftp_listing_entry(&listing, 5)->mode));
    salvor_sftp_listing_release(&listing);
    salvor_buffer_release(&out);
}

static void test_names_that_no_file_can_have_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t size;
    } names[] = {{"", 0}, {"a/b", 3}, {"/", 1}, {"a\0b", 3}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct salvor_buffer out = SALVOR_BUFFER_INIT(1000);
        struct salvor_sftp_listing listing;
        struct salvor_error err = {0};
        salvor_sftp_listing_init(&listing);
        salvor_sftp_put_u32(&out, 1);
        salvor_sftp_put_string(&out, names[i].name, names[i].size);
        salvor_sftp_put_string(&out, "", 0);
        salvor_sftp_put_u32(&out, 0);
        struct salvor_sftp_reader reader = reader_of(&out);
        assert_int_equal(salvor_sftp_listing_add(&listing, &reader, &err), -1);
        assert_string_equal(err.code, "Corrupt");
        salvor_sftp_listing_release(&listing);
        salvor_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes_are_read_as_they_were_written),
        cmocka_unit_test(test_what_is_cut_short_is_bad_and_gives_zeros),
        cmocka_unit_test(test_a_status_becomes_an_error),
        cmocka_unit_test(test_a_listing_is_in_the_order_of_paths),
        cmocka_unit_test(test_names_that_no_file_can_have_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
