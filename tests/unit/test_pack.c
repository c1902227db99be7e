#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/pack.h"

/* Only a file system in memory has files of any size. */
static void sizes_that_no_archive_can_have_are_refused(void **state)
{
    (void)state;
    char path[] = "/dev/shm/salvor-test-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || ftruncate(fd, INT64_MAX) < 0)
        skip();
    struct salvor_archive_progress progress = {0};
    struct salvor_error err;
    struct salvor_pack pack;
    salvor_pack_init(&pack, path, "name", &progress);
    int result = salvor_pack_measure(&pack, &err);
    salvor_pack_release(&pack);
    close(fd);
    unlink(path);
    assert_int_equal(result, -1);
    assert_string_equal(err.code, "TooLarge");
    assert_non_null(strstr(err.message, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_no_archive_can_have_are_refused),
    };
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
