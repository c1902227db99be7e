/* Threads beside the loop's. */
#ifndef SALVOR_CORE_THREAD_H
#define SALVOR_CORE_THREAD_H

#include <pthread.h>

/* As pthread_create(), of a thread that takes no signals: those are for the loop's. */
int salvor_thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

#endif
