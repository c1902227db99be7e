#include "loop/interrupt.h"

#include <errno.h>
#include <signal.h>
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
    if (caught)
        die_of(number);
    caught = number;
    notify_script();
    errno = saved;
}

int salvor_interrupt_install(void (*notify)(void), struct salvor_error *err)
{
    notify_script = notify;
    struct sigaction action = {.sa_handler = handle};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGINT, &action, NULL) < 0 || sigaction(SIGTERM, &action, NULL) < 0 ||
        sigaction(SIGPIPE, &ignore, NULL) < 0)
        return salvor_error_errno(err, errno, "cannot set up signal handlers");
    return 0;
}

int salvor_interrupt_signal(void)
{
    return caught;
}

void salvor_interrupt_exit(void)
{
    die_of(caught);
    _exit(128 + caught);
}
