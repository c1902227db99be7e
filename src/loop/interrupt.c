#include "loop/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static void (*notify_script)(void);

static void die_of(int number)
{
    signal(number, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    kill(getpid(), number);
    _exit(128 + number);
}

static void handle(int number)
{
    int saved = errno;
    if (caught && number != SIGHUP)
        die_of(number);
    if (!caught) {
        caught = number;
        notify_script();
    }
    errno = saved;
}

static bool is_broken(int fd)
{
    struct pollfd pollfd = {.fd = fd};
    return poll(&pollfd, 1, 0) == 1 && pollfd.revents & (POLLERR | POLLHUP);
}

/* Of the pipes we write to, standard output and error are those without which nobody listens. */
static void handle_broken_pipe(int number)
{
    int saved = errno;
    if (!caught && (is_broken(STDOUT_FILENO) || is_broken(STDERR_FILENO))) {
        caught = number;
        notify_script();
    }
    errno = saved;
}

int salvor_interrupt_install(void (*notify)(void), struct salvor_error *err)
{
    notify_script = notify;
    struct sigaction action = {.sa_handler = handle}, hang_up;
    struct sigaction broken_pipe = {.sa_handler = handle_broken_pipe};
    if (sigaction(SIGHUP, NULL, &hang_up) < 0 ||
        (hang_up.sa_handler != SIG_IGN && sigaction(SIGHUP, &action, NULL) < 0) ||
        sigaction(SIGINT, &action, NULL) < 0 || sigaction(SIGTERM, &action, NULL) < 0 ||
        sigaction(SIGPIPE, &broken_pipe, NULL) < 0)
        return salvor_error_errno(err, errno, "cannot set up signal handlers");
    return 0;
}

int salvor_interrupt_signal(void)
{
    return caught;
}

void salvor_interrupt_forget(void)
{
    caught = 0;
}

void salvor_interrupt_exit(void)
{
    die_of(caught);
    _exit(128 + caught);
}
