/*
 * A function that blocks (on files, on libraries that know no event loop), run in a thread of its
 * own; its end finishes an operation of the loop. The thread takes no signals, and must leave the
 * loop, Lua and libcurl alone: what it shares with others is what `context` holds, which nobody else
 * looks at until the operation is done, but for atomic members and descriptors.
 */
#ifndef SALVOR_LOOP_WORKER_H
#define SALVOR_LOOP_WORKER_H

#include <pthread.h>
#include <stdbool.h>

#include "core/error.h"
#include "loop/loop.h"

struct salvor_worker {
    struct salvor_op op; /* done when `run` has returned */

    /* Private. */
    struct salvor_watch ended; /* an eventfd */
    pthread_t thread;
    void (*run)(void *context);
    void (*stop)(void *context);
    void *context;
    bool running;
};

/*
 * Starts the thread; the worker is the caller's, zeroed or done. `stop` is called by the loop's
 * thread, perhaps more than once, and makes `run` return soon: it sets a flag, closes a pipe.
 * Cancelling the operation calls it; aborting does too, and waits here for the end.
 */
int salvor_worker_start(struct salvor_worker *worker, struct salvor_loop *loop,
                        void (*run)(void *context), void (*stop)(void *context), void *context,
                        struct salvor_error *err);

/* Aborts it when it runs. */
void salvor_worker_release(struct salvor_worker *worker);

#endif
