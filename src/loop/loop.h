/*
 * The event loop: one thread, one poll. It waits for timers, descriptors, child processes and
 * libcurl transfers at once, using curl_multi_poll() as its only sleeping point (plain poll() until
 * the first transfer, so that a script without network never loads libcurl's machinery).
 *
 * Whatever takes time is an operation (struct salvor_op), embedded in the struct of its kind. The
 * loop only ever marks operations done and calls their `wake`; it never runs the caller's code, so
 * salvor_loop_step() may be called from anywhere, nested calls of Lua included.
 */
#ifndef SALVOR_LOOP_LOOP_H
#define SALVOR_LOOP_LOOP_H

#include <stdbool.h>

#include <curl/curl.h>

#include "core/error.h"

struct salvor_loop;

int salvor_loop_new(struct salvor_loop **out, struct salvor_error *err);

/* Aborts what is under way, kills and reaps children. NULL is fine. */
void salvor_loop_free(struct salvor_loop *loop);

/*
 * Handles what is ready, waiting at most `seconds` for something to become so (negative: no limit).
 * Returns early when any operation was finished, a descriptor was served or a signal arrived. While
 * there is no memory for all descriptors at once, some of them have their turn in each step. Error
 * Internal when poll() or libcurl fail: operations stay as they are, and the next step may succeed.
 */
int salvor_loop_step(struct salvor_loop *loop, double seconds, struct salvor_error *err);

/* Nothing is under way that anybody waits for: waiting without a limit could wait for ever. */
bool salvor_loop_is_idle(const struct salvor_loop *loop);

/* Nothing is under way at all: idle, and no watch was left behind. */
bool salvor_loop_is_empty(const struct salvor_loop *loop);

/* Makes a running or the next salvor_loop_step() return; safe in a signal handler. */
void salvor_loop_interrupt(struct salvor_loop *loop);

/* Seconds of the monotonic clock. */
double salvor_loop_now(void);

struct salvor_op {
    bool done;
    void (*wake)(struct salvor_op *op); /* called once when it is done; NULL is fine */
    void *waiter;                       /* for `wake` */
    /* Gives up at once: afterwards the loop does not know the operation any more. */
    void (*abort)(struct salvor_op *op);
    /* Asks it to end soon, for what takes time to end; then it finishes by itself. NULL: abort. */
    void (*cancel)(struct salvor_op *op);
};

/* Marks `op` done and wakes its waiter; a second call does nothing. */
void salvor_op_finish(struct salvor_op *op);

/* Aborts an operation that is not done, then finishes it. */
void salvor_op_abort(struct salvor_op *op);

/* Cancels an operation that is not done; it is done at once or soon. */
void salvor_op_cancel(struct salvor_op *op);

/* A timer. The caller owns the struct and keeps it in place until it is done or aborted. */
struct salvor_timer {
    struct salvor_op op;
    double deadline;
    struct salvor_loop *loop;
    struct salvor_timer *next, *previous;
};

void salvor_timer_start(struct salvor_loop *loop, struct salvor_timer *timer, double seconds);

/*
 * A descriptor that is looked at in every step until salvor_watch_stop(). The caller owns both it and
 * the struct, which is zeroed at first and stays in place. `events` as in poll(), and changed at any
 * time; `ready` may start and stop any watch, its own too.
 */
struct salvor_watch {
    int fd;
    short events;
    void (*ready)(struct salvor_watch *watch, short revents);
    bool left; /* behind: nobody waits for it */
    struct salvor_loop *loop;
    struct salvor_watch *next, **link;
};

void salvor_watch_start(struct salvor_loop *loop, struct salvor_watch *watch);

/* From now on the loop is idle although this one is watched; starting it again takes that back. */
void salvor_watch_leave(struct salvor_watch *watch);
void salvor_watch_stop(struct salvor_watch *watch); /* a second call does nothing */

/*
 * A libcurl transfer. The caller owns the struct and the easy handle; the handle may be freed when
 * the operation is done. `result` then holds libcurl's answer (CURLE_ABORTED_BY_CALLBACK when it
 * was aborted). The loop uses CURLOPT_PRIVATE.
 *
 * With `keep` (for CURLOPT_CONNECT_ONLY) the handle stays with libcurl's multi handle when the
 * operation is done, since libcurl closes the connection of one that leaves; then
 * salvor_transfer_release() comes before the handle is freed.
 */
struct salvor_transfer {
    struct salvor_op op;
    CURL *easy;
    CURLcode result;
    bool keep, kept;
    struct salvor_loop *loop;
    struct salvor_transfer *next, **link;
};

/* Error Internal when libcurl cannot take it; then the struct is as it was. */
int salvor_transfer_start(struct salvor_loop *loop, struct salvor_transfer *transfer,
                          struct salvor_error *err);

/* Lets go of a transfer that is done and was kept; anything else is left as it is. */
void salvor_transfer_release(struct salvor_transfer *transfer);

#endif
