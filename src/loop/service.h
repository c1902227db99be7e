/*
 * A thread that lives as long as a connection does and serves calls: for a library that wants one
 * thread for all that concerns a connection, and blocks or computes at length. (A thread for one
 * function that ends is loop/worker.h.)
 *
 * A call is a struct of the loop's side with a function that the thread runs. The function either
 * ends the call at once, or keeps it among its own and ends it when what it waits for has come. The
 * thread takes no signals and must leave the loop, Lua and libcurl alone.
 *
 * Aborting a call waits until the thread has ended it, which it must do as soon as it sees that the
 * call is not wanted any more. A function that blocks where it cannot see that (in a name's lookup)
 * copies what it needs first and hands the call back: then aborting waits for nothing.
 */
#ifndef SALVOR_LOOP_SERVICE_H
#define SALVOR_LOOP_SERVICE_H

#include <stdbool.h>

#include "core/error.h"
#include "loop/loop.h"

struct salvor_service;

struct salvor_call {
    struct salvor_op op;
    int result; /* 0 or -1, once it is done */
    struct salvor_error failure;

    /* Set by the caller: what the thread runs, first in, first out. */
    void (*serve)(struct salvor_call *call, void *context);

    /* Private. */
    struct salvor_service *service;
    struct salvor_call *next, **link;
    enum { SALVOR_CALL_IDLE, SALVOR_CALL_QUEUED, SALVOR_CALL_SERVED, SALVOR_CALL_ENDED } state;
    bool returned, unwanted;
};

/* The loop's side */

/*
 * Starts the thread, which runs `run(service, context)` until that returns: soon after
 * salvor_service_is_left(). `release(context)` comes when both sides are done with it.
 * When this fails, `context` stays the caller's.
 */
int salvor_service_start(struct salvor_service **out, struct salvor_loop *loop,
                         void (*run)(struct salvor_service *service, void *context),
                         void (*release)(void *context), void *context, struct salvor_error *err);

/*
 * Lets go of the thread: calls that are not done are aborted. It waits a moment for the thread's end
 * and no longer: one that blocks (in a name's lookup) ends by itself, later. NULL is fine.
 */
void salvor_service_leave(struct salvor_service *service);

/* Hands a call over. It is the caller's, who keeps it in place until it is done or aborted. */
void salvor_service_post(struct salvor_service *service, struct salvor_call *call);

/* The thread's side */

/*
 * Runs the functions of calls that were posted. True when there was something to look at: such a
 * call, or one that is not wanted any more.
 */
bool salvor_service_run(struct salvor_service *service);

/* Becomes readable when there is; to be polled. */
int salvor_service_descriptor(const struct salvor_service *service);

/* Makes it not readable, for a function that polls and looks for itself. */
void salvor_service_drain(struct salvor_service *service);

/*
 * Hands the call back: from now on nothing of it may be touched, only its address be given to the
 * functions below, and that before the function that serves it has returned.
 */
void salvor_service_return(struct salvor_service *service, struct salvor_call *call);

/* False: the caller has given up, so end it. */
bool salvor_service_is_wanted(struct salvor_service *service, const struct salvor_call *call);

/* Ends a call: nothing of it may be touched afterwards. `failure` is NULL for success. */
void salvor_service_end(struct salvor_service *service, struct salvor_call *call,
                        const struct salvor_error *failure);

/* Nobody will post any more, and no call is left. */
bool salvor_service_is_left(struct salvor_service *service);

#endif
