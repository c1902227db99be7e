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

static const struct {
    int number;
    void (*handle)(int number);
} HANDLED[] = {
    {SIGHUP, handle}, {SIGINT, handle}, {SIGTERM, handle}, {SIGPIPE, handle_broken_pipe}};

enum { COUNT = sizeof(HANDLED) / sizeof(*HANDLED) };

static struct sigaction found[COUNT]; /* what stood there before; while `notify_script` is set */

int salvor_interrupt_install(void (*notify)(void), struct salvor_error *err)
{
    notify_script = notify;
    for (size_t i = 0; i < COUNT; i++) {
        struct sigaction action = {.sa_handler = HANDLED[i].handle};
        if (sigaction(HANDLED[i].number, NULL, &found[i]) < 0)
            return salvor_error_errno(err, errno, "cannot read a signal's handler");
        bool is_nohup = HANDLED[i].number == SIGHUP && found[i].sa_handler == SIG_IGN;
        if (!is_nohup && sigaction(HANDLED[i].number, &action, NULL) < 0)
            return salvor_error_errno(err, errno, "cannot set up a signal's handler");
    }
    return 0;
}

void salvor_interrupt_uninstall(void)
{
    for (size_t i = 0; notify_script && i < COUNT; i++)
        sigaction(HANDLED[i].number, &found[i], NULL);
    notify_script = NULL;
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
