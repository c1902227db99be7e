#include "core/thread.h"

#include <signal.h>
#include <stddef.h>

/* The new thread inherits the mask of the one that makes it. */
int salvor_thread_start(pthread_t *thread, void *(*run)(void *context), void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}
