#include "store/local/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 64 << 20 };

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

int salvor_local_keep(int fd, int64_t size)
{
    int ends[2];
    if (size < LARGE || pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    share(fd, ends[0]);
    close(ends[0]);
    return ends[1];
}
