/*
 * A function that blocks (on files, on libraries that know no event loop), run in a thread of its
 * own; its end finishes an operation of the loop. The thread takes no signals, and must leave the
 * loop, Lua and libcurl alone: what it shares with others is what `context` holds, which nobody else
 * looks at until the thread has ended, but for atomic members and descriptors.
 *
 * The kernel may hold a thread for any time: a full queue of the disk, a network file system that
 * does not answer. So a worker that allows it is left behind when it was cancelled and has not ended
 * after a moment: the operation is done, and the thread goes on until it notices.
 */
#ifndef SALVOR_LOOP_WORKER_H
#define SALVOR_LOOP_WORKER_H

#include <pthread.h>
#include <stdbool.h>

#include "core/error.h"
#include "loop/loop.h"

struct salvor_work {
    void (*run)(void *context); /* in the thread */

    /*
     * Makes `run` return soon: it sets a flag, closes a pipe. Called by the loop's thread, perhaps
     * more than once. True: it may be left behind now.
     */
    bool (*stop)(void *context);

    /*
     * Called by the loop's thread when the thread has ended. One that was left behind may free the
     * worker here. NULL, for nothing, where `stop` never gives true.
     */
    void (*ended)(void *context);
};

struct salvor_worker {
    struct salvor_op op; /* done when `run` has returned, or when it was left behind */
    bool running;        /* the thread has not ended; after `op` is done: it was left behind */

    /* Private. */
    struct salvor_work work;
    void *context;
    struct salvor_watch ended; /* an eventfd */
    struct salvor_timer patience;
    pthread_t thread;
};

/*
 * Starts the thread; the worker is the caller's, zeroed or done, and stays in place until the thread
 * has ended. Cancelling the operation asks for the stop; aborting does too, and leaves the thread
 * behind at once or, where that is not allowed, waits here for its end.
 */
int salvor_worker_start(struct salvor_worker *worker, struct salvor_loop *loop,
                        const struct salvor_work *work, void *context, struct salvor_error *err);

/* Whoever waits for it shall do so for a moment only: then it is as if it had been cancelled. */
void salvor_worker_limit(struct salvor_worker *worker);

/* Aborts it when it runs. */
void salvor_worker_release(struct salvor_worker *worker);

#endif
