/*
 * Pieces of memory handed from the loop's thread to a worker's (worker.h) without a copy, and bytes
 * that the worker has to say handed back. Both are bounded: one piece at a time, and a worker that
 * has said much waits until somebody has listened.
 *
 *     loop                                         worker
 *     salvor_handoff_give(&handoff, data, size)    salvor_handoff_take() gives it, and again the next
 *     wait for handoff.op                          salvor_handoff_say()
 *     salvor_handoff_hear(), for what was said     salvor_handoff_leave(), when it ends
 */
#ifndef SALVOR_LOOP_HANDOFF_H
#define SALVOR_LOOP_HANDOFF_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/buffer.h"
#include "core/error.h"
#include "loop/loop.h"

struct salvor_handoff {
    struct salvor_op op; /* of the wait under way */

    /* Private. */
    struct salvor_watch ready; /* an eventfd */
    struct salvor_loop *loop;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const char *data; /* the piece that the worker has, or may take; NULL: none */
    size_t size;
    bool taken, ended, stopped, left, full, open;
    struct salvor_buffer said;
};

enum salvor_handoff_state {
    SALVOR_HANDOFF_BUSY, /* the worker uses the piece */
    SALVOR_HANDOFF_MORE, /* it wants another one */
    SALVOR_HANDOFF_HEAR, /* it has said much, and waits until somebody hears it */
    SALVOR_HANDOFF_LEFT  /* it takes no more */
};

int salvor_handoff_init(struct salvor_handoff *handoff, struct salvor_loop *loop,
                        struct salvor_error *err);

/* The worker has ended. {0} and a second call are fine. */
void salvor_handoff_release(struct salvor_handoff *handoff);

/* For the loop's thread. */

/* The piece stays where it is until the state is MORE or LEFT, which it was before. */
void salvor_handoff_give(struct salvor_handoff *handoff, const void *data, size_t size);
void salvor_handoff_end(struct salvor_handoff *handoff); /* there is no other piece */
void salvor_handoff_stop(struct salvor_handoff *handoff);
enum salvor_handoff_state salvor_handoff_state(struct salvor_handoff *handoff);

/* Arms handoff->op for a state that is not BUSY. */
void salvor_handoff_wait(struct salvor_handoff *handoff);

/* Moves what was said into `out`, which is empty and gets a buffer of its own. */
void salvor_handoff_hear(struct salvor_buffer *out, struct salvor_handoff *handoff);

/* For the worker's thread. */

/* Gives the last piece back and waits for the next: its size, 0 at the end, -1 when stopped. */
ssize_t salvor_handoff_take(const void **data, struct salvor_handoff *handoff);

/* All of it or nothing, at most SALVOR_HANDOFF_SAY bytes. Error Cancelled when stopped. */
#define SALVOR_HANDOFF_SAY ((size_t)64 << 10)
int salvor_handoff_say(struct salvor_handoff *handoff, const void *data, size_t size,
                       struct salvor_error *err);

/* The last call. */
void salvor_handoff_leave(struct salvor_handoff *handoff);

#endif
