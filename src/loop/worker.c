#include "loop/worker.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/thread.h"

/* Seconds in which most threads end by themselves; nobody who waits notices them. */
#define PATIENCE 0.02

static void *main_of_thread(void *argument)
{
    struct salvor_worker *worker = argument;
    uint64_t one = 1;
    worker->work.run(worker->context);
    while (write(worker->ended.fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void join(struct salvor_worker *worker)
{
    pthread_join(worker->thread, NULL);
    worker->running = false;
    salvor_op_abort(&worker->patience.op);
    salvor_watch_stop(&worker->ended);
    close(worker->ended.fd);
    if (worker->work.ended)
        worker->work.ended(worker->context);
}

static void on_ended(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_worker *worker =
        (struct salvor_worker *)((char *)watch - offsetof(struct salvor_worker, ended));
    bool was_left = worker->op.done;
    join(worker);
    if (!was_left)
        salvor_op_finish(&worker->op);
}

void salvor_worker_limit(struct salvor_worker *worker)
{
    if (worker->running && worker->work.ended && worker->patience.op.done)
        salvor_timer_start(worker->ended.loop, &worker->patience, PATIENCE);
}

/* False when that is not allowed now. */
static bool leave_behind(struct salvor_worker *worker)
{
    if (!worker->work.stop(worker->context))
        return false;
    salvor_watch_leave(&worker->ended);
    return true;
}

/* Leaves it, or comes again: the change that must be waited for may not be the last step. */
static void lose_patience(struct salvor_op *patience)
{
    struct salvor_worker *worker = patience->waiter;
    if (!worker->running)
        return;
    if (leave_behind(worker))
        salvor_op_finish(&worker->op);
    else
        salvor_worker_limit(worker);
}

static void cancel(struct salvor_op *op)
{
    struct salvor_worker *worker = (struct salvor_worker *)op;
    worker->work.stop(worker->context);
    salvor_worker_limit(worker);
}

static void abort_worker(struct salvor_op *op)
{
    struct salvor_worker *worker = (struct salvor_worker *)op;
    if (!leave_behind(worker))
        join(worker);
}

int salvor_worker_start(struct salvor_worker *worker, struct salvor_loop *loop,
                        const struct salvor_work *work, void *context, struct salvor_error *err)
{
    worker->work = *work;
    worker->context = context;
    worker->op = (struct salvor_op){.done = true, .abort = abort_worker, .cancel = cancel};
    worker->patience.op = (struct salvor_op){.done = true, .wake = lose_patience, .waiter = worker};
    worker->ended = (struct salvor_watch){.events = POLLIN, .ready = on_ended};
    worker->ended.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->ended.fd < 0)
        return salvor_error_errno(err, errno, "cannot start a thread");
    int number = salvor_thread_start(&worker->thread, main_of_thread, worker);
    if (number) {
        close(worker->ended.fd);
        return salvor_error_errno(err, number, "cannot start a thread");
    }
    worker->op.done = false;
    worker->running = true;
    salvor_watch_start(loop, &worker->ended);
    return 0;
}

void salvor_worker_release(struct salvor_worker *worker)
{
    if (worker->running)
        salvor_op_abort(&worker->op);
}
