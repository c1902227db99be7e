#include "loop/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *main_of_thread(void *argument)
{
    struct salvor_worker *worker = argument;
    uint64_t one = 1;
    worker->run(worker->context);
    while (write(worker->ended.fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void join(struct salvor_worker *worker)
{
    if (!worker->running)
        return;
    pthread_join(worker->thread, NULL);
    salvor_watch_stop(&worker->ended);
    close(worker->ended.fd);
    worker->running = false;
}

static void on_ended(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_worker *worker =
        (struct salvor_worker *)((char *)watch - offsetof(struct salvor_worker, ended));
    join(worker);
    salvor_op_finish(&worker->op);
}

static void cancel(struct salvor_op *op)
{
    struct salvor_worker *worker = (struct salvor_worker *)op;
    worker->stop(worker->context);
}

static void abort_worker(struct salvor_op *op)
{
    struct salvor_worker *worker = (struct salvor_worker *)op;
    worker->stop(worker->context);
    join(worker);
}

/* Signals are for the loop's thread, so the new one inherits a mask that blocks them all. */
static int start_quietly(struct salvor_worker *worker)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&worker->thread, NULL, main_of_thread, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

int salvor_worker_start(struct salvor_worker *worker, struct salvor_loop *loop,
                        void (*run)(void *context), void (*stop)(void *context), void *context,
                        struct salvor_error *err)
{
    worker->run = run;
    worker->stop = stop;
    worker->context = context;
    worker->op = (struct salvor_op){.done = true, .abort = abort_worker, .cancel = cancel};
    worker->ended = (struct salvor_watch){.events = POLLIN, .ready = on_ended};
    worker->ended.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->ended.fd < 0)
        return salvor_error_errno(err, errno, "cannot start a thread");
    int number = start_quietly(worker);
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
