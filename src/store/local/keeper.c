#include "store/local/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
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

/*
 * A fork that shares our descriptors: its end closes none of them. The close of a copy would do what
 * ours does, and wait for a file system that does not answer. -1 where a sandbox knows no clone3().
 */
static pid_t fork_sharing_descriptors(void)
{
    struct clone_args options = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
    return (pid_t)syscall(SYS_clone3, &options, sizeof(options));
}

/* Another process has the descriptor too, a grandchild: nobody has to wait for it. */
static void share(int fd, int end)
{
    pid_t child = fork_sharing_descriptors();
    if (child < 0)
        child = _Fork();
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

/* Not by the terminal's Ctrl-C either. Whoever reads our output hears of the end first. */
static void outlive_parent(pid_t parent)
{
    static const struct timespec pause = {.tv_nsec = 1000 * 1000};
    setsid();
    while (getppid() == parent)
        nanosleep(&pause, NULL);
    close_range(0, 2, 0);
}

void salvor_local_keep_all(void)
{
    pid_t parent = getpid();
    if (fork_sharing_descriptors() == 0) {
        outlive_parent(parent);
        _exit(0);
    }
}
