/* A large file that was removed is closed by somebody else; nothing of ours stays with him. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/local/release.h"

enum { LARGE = 96 << 20, SMALL = 1 << 20 };

/* A file of this size without a name. */
static int make_file(off_t size)
{
    char path[] = "/tmp/salvor-release-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(posix_fallocate(fd, 0, size), 0);
    return fd;
}

static void closes_it(void **state)
{
    (void)state;
    static const off_t sizes[] = {0, SMALL, LARGE};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        int fd = make_file(sizes[i] + 1);
        salvor_local_release(fd);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
    }
}

/* Whoever reads from us hears of our end at once. */
static void holds_nothing_else(void **state)
{
    (void)state;
    int ends[2], before = make_file(LARGE);
    assert_int_equal(pipe(ends), 0);
    int behind = make_file(LARGE);
    salvor_local_release(before);
    salvor_local_release(behind);
    close(ends[1]);
    struct pollfd polled = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&polled, 1, 5000), 1);
    assert_true(polled.revents & POLLHUP);
    close(ends[0]);
}

static void is_nobodys_child(void **state)
{
    (void)state;
    salvor_local_release(make_file(LARGE));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_it),
        cmocka_unit_test(holds_nothing_else),
        cmocka_unit_test(is_nobodys_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
