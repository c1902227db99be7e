#include "store/local/release.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCK = 512, LARGE = 64 << 20 };

/* All but these: whoever reads from a pipe of ours must not wait for us. */
static void close_others(int fd, int other)
{
    unsigned low = (unsigned)(fd < other ? fd : other), high = (unsigned)(fd < other ? other : fd);
    if (low > 0)
        close_range(0, low - 1, 0);
    if (high > low + 1)
        close_range(low + 1, high - 1, 0);
    close_range(high + 1, UINT32_MAX, 0);
}

/* Keeps the descriptor until the pipe's other end is closed, so that its close is the last one. */
static void outlive(int fd, int end)
{
    char byte;
    close_others(fd, end);
    while (read(end, &byte, 1) < 0 && errno == EINTR)
        ;
}

/* Another process has the descriptor too, a grandchild: nobody has to wait for it. */
static void share(int fd, int end)
{
    pid_t child = _Fork();
    if (child == 0) {
        if (_Fork() == 0)
            outlive(fd, end);
        _exit(0);
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int is_large(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_nlink == 0 &&
           (int64_t)status.st_blocks * BLOCK >= LARGE;
}

/*
 * The last close of a removed file frees its pages and blocks, and on some disks trims them: up to
 * 0.2 s a GiB, in which nobody can interrupt the kernel, not even by ending the program.
 */
void salvor_local_release(int fd)
{
    int ends[2] = {-1, -1};
    if (is_large(fd) && pipe2(ends, O_CLOEXEC) == 0) {
        share(fd, ends[0]);
        close(ends[0]);
    }
    close(fd);
    if (ends[1] >= 0)
        close(ends[1]);
}
