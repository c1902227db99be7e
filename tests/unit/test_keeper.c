/* A large removed file is kept by somebody else until we let him; nothing else of ours stays with him. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/local/keeper.h"

enum { LARGE = 96 << 20, SMALL = 1 << 20 };

static void only_large_files_are_kept(void **state)
{
    (void)state;
    int null = open("/dev/null", O_RDONLY);
    assert_int_equal(salvor_local_keep(null, SMALL), -1);
    int keeper = salvor_local_keep(null, LARGE);
    assert_true(keeper >= 0);
    close(null);
    close(keeper);
}

/* A lock is the descriptor's, whoever has it, so it tells whether somebody still does. */
static void is_kept_until_we_let_go(void **state)
{
    (void)state;
    char path[] = "/tmp/salvor-keeper-XXXXXX";
    int fd = mkstemp(path), other = open(path, O_RDONLY);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    int keeper = salvor_local_keep(fd, LARGE);
    close(fd);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
    close(keeper);
    alarm(60);
    assert_int_equal(flock(other, LOCK_EX), 0);
    alarm(0);
    close(other);
}

/* Whoever reads from us hears of our end at once. */
static void holds_nothing_else(void **state)
{
    (void)state;
    int ends[2], before = open("/dev/null", O_RDONLY);
    assert_int_equal(pipe(ends), 0);
    int behind = open("/dev/null", O_RDONLY);
    int keepers[] = {salvor_local_keep(before, LARGE), salvor_local_keep(behind, LARGE)};
    close(ends[1]);
    struct pollfd polled = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&polled, 1, 60000), 1);
    assert_true(polled.revents & POLLHUP);
    close(ends[0]);
    for (int i = 0; i < 2; i++)
        close(keepers[i]);
    close(before);
    close(behind);
}

static void is_nobodys_child(void **state)
{
    (void)state;
    int null = open("/dev/null", O_RDONLY), keeper = salvor_local_keep(null, LARGE);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    close(null);
    close(keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_large_files_are_kept),
        cmocka_unit_test(is_kept_until_we_let_go),
        cmocka_unit_test(holds_nothing_else),
        cmocka_unit_test(is_nobodys_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
