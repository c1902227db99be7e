#include "loop/loop.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* By default it is few when few are in use at a moment, also between one request and the next. */
#define CONNECTIONS_KEPT 64L

enum {
    WATCHES_AT_FIRST = 16,
    TURN_MILLISECONDS = 10 /* of some watches, while there is no memory for all at once */
};

struct salvor_loop {
    CURLM *multi;
    struct salvor_timer *timers, *last_timer; /* soonest first */
    struct salvor_watch *watches;
    struct salvor_transfer *transfers;
    struct salvor_transfer *kept;  /* done, and still in the multi handle */
    struct salvor_watch interrupt; /* an eventfd, written by salvor_loop_interrupt() */
    /* The descriptors of all watches, for libcurl's poll and ours; room that is kept between steps. */
    struct curl_waitfd *descriptors;
    struct pollfd *polled;
    unsigned capacity;
};

double salvor_loop_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * How many operations have been finished. A step compares it, since libcurl's callbacks finish some
 * in the midst of performing transfers, and sleeping over them would keep their waiters waiting.
 */
static unsigned long finished_count;

void salvor_op_finish(struct salvor_op *op)
{
    if (op->done)
        return;
    op->done = true;
    finished_count++;
    if (op->wake)
        op->wake(op);
}

void salvor_op_abort(struct salvor_op *op)
{
    if (op->done)
        return;
    op->abort(op);
    salvor_op_finish(op);
}

void salvor_op_cancel(struct salvor_op *op)
{
    if (op->done)
        return;
    if (op->cancel)
        op->cancel(op);
    else
        salvor_op_abort(op);
}

static void drain_interrupt(struct salvor_watch *watch, short revents)
{
    (void)revents;
    uint64_t count;
    while (read(watch->fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

/* For the descriptors of so many watches. */
static int make_room(struct salvor_loop *loop, unsigned count)
{
    if (count <= loop->capacity)
        return 0;
    void *descriptors = realloc(loop->descriptors, 2 * count * sizeof(*loop->descriptors));
    if (!descriptors)
        return -1;
    loop->descriptors = descriptors;
    void *polled = realloc(loop->polled, 2 * count * sizeof(*loop->polled));
    if (!polled)
        return -1;
    loop->polled = polled;
    loop->capacity = 2 * count;
    return 0;
}

int salvor_loop_new(struct salvor_loop **out, struct salvor_error *err)
{
    struct salvor_loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return salvor_error_memory(err);
    loop->interrupt.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->interrupt.fd < 0 || make_room(loop, WATCHES_AT_FIRST) < 0) {
        int number = errno;
        salvor_loop_free(loop);
        return salvor_error_errno(err, number, "cannot set up the event loop");
    }
    loop->interrupt.events = POLLIN;
    loop->interrupt.ready = drain_interrupt;
    salvor_watch_start(loop, &loop->interrupt);
    salvor_watch_leave(&loop->interrupt);
    *out = loop;
    return 0;
}

void salvor_loop_free(struct salvor_loop *loop)
{
    if (!loop)
        return;
    while (loop->transfers)
        salvor_op_abort(&loop->transfers->op);
    while (loop->kept)
        salvor_transfer_release(loop->kept);
    while (loop->timers)
        salvor_op_abort(&loop->timers->op);
    while (loop->watches)
        salvor_watch_stop(loop->watches);
    if (loop->multi)
        curl_multi_cleanup(loop->multi);
    close(loop->interrupt.fd);
    free(loop->descriptors);
    free(loop->polled);
    free(loop);
}

void salvor_loop_interrupt(struct salvor_loop *loop)
{
    int saved = errno;
    uint64_t one = 1;
    /* A full counter means that a wake-up is pending already. */
    ssize_t written = write(loop->interrupt.fd, &one, sizeof(one));
    (void)written;
    errno = saved;
}

bool salvor_loop_is_idle(const struct salvor_loop *loop)
{
    const struct salvor_watch *watch = loop->watches;
    while (watch && watch->left)
        watch = watch->next;
    return !loop->timers && !loop->transfers && !watch;
}

bool salvor_loop_is_empty(const struct salvor_loop *loop)
{
    return salvor_loop_is_idle(loop) && loop->watches == &loop->interrupt && !loop->interrupt.next;
}

/* Timers */

static void unlink_timer(struct salvor_op *op)
{
    struct salvor_timer *timer = (struct salvor_timer *)op;
    struct salvor_loop *loop = timer->loop;
    *(timer->previous ? &timer->previous->next : &loop->timers) = timer->next;
    *(timer->next ? &timer->next->previous : &loop->last_timer) = timer->previous;
}

/* Searched from the end, since most timers are later than all that run: many sleeps stay cheap. */
void salvor_timer_start(struct salvor_loop *loop, struct salvor_timer *timer, double seconds)
{
    timer->op.done = false;
    timer->op.abort = unlink_timer;
    timer->loop = loop;
    timer->deadline = salvor_loop_now() + (seconds > 0 ? seconds : 0);
    struct salvor_timer *before = loop->last_timer;
    while (before && before->deadline > timer->deadline)
        before = before->previous;
    timer->previous = before;
    timer->next = before ? before->next : loop->timers;
    *(timer->previous ? &timer->previous->next : &loop->timers) = timer;
    *(timer->next ? &timer->next->previous : &loop->last_timer) = timer;
}

static void expire_timers(struct salvor_loop *loop)
{
    while (loop->timers && loop->timers->deadline <= salvor_loop_now()) {
        struct salvor_timer *timer = loop->timers;
        unlink_timer(&timer->op);
        salvor_op_finish(&timer->op);
    }
}

/* Descriptors */

void salvor_watch_start(struct salvor_loop *loop, struct salvor_watch *watch)
{
    watch->loop = loop;
    watch->left = false;
    watch->next = loop->watches;
    watch->link = &loop->watches;
    if (watch->next)
        watch->next->link = &watch->next;
    loop->watches = watch;
}

void salvor_watch_leave(struct salvor_watch *watch)
{
    watch->left = true;
}

void salvor_watch_stop(struct salvor_watch *watch)
{
    if (!watch->link)
        return;
    *watch->link = watch->next;
    if (watch->next)
        watch->next->link = watch->link;
    watch->link = NULL;
    watch->next = NULL;
}

/* Those before `rest` come last the next time. */
static void put_behind(struct salvor_loop *loop, struct salvor_watch *rest)
{
    struct salvor_watch *first = loop->watches, *last = rest;
    *rest->link = NULL;
    while (last->next)
        last = last->next;
    loop->watches = rest;
    rest->link = &loop->watches;
    last->next = first;
    first->link = &last->next;
}

/* How many descriptors there are now; `all` is false when memory for the others is wanting. */
static unsigned collect_descriptors(struct salvor_loop *loop, bool *all)
{
    unsigned needed = 0, count = 0;
    struct salvor_watch *watch;
    for (watch = loop->watches; watch; watch = watch->next)
        needed++;
    *all = make_room(loop, needed) == 0;
    for (watch = loop->watches; watch && count < loop->capacity; watch = watch->next) {
        loop->descriptors[count] = (struct curl_waitfd){.fd = watch->fd, .events = watch->events};
        loop->polled[count++] = (struct pollfd){.fd = watch->fd, .events = watch->events};
    }
    if (watch)
        put_behind(loop, watch);
    return count;
}

static struct salvor_watch *find_watch(struct salvor_loop *loop, int fd, short events)
{
    for (struct salvor_watch *watch = loop->watches; watch; watch = watch->next)
        if (watch->fd == fd && watch->events == events)
            return watch;
    return NULL;
}

/* By descriptor and not by pointer, since a `ready` may stop any other watch. */
static void serve_descriptors(struct salvor_loop *loop, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct pollfd ready = loop->polled[i];
        struct salvor_watch *watch = NULL;
        if (ready.revents)
            watch = find_watch(loop, ready.fd, ready.events);
        if (watch)
            watch->ready(watch, ready.revents);
    }
}

/* Transfers */

static void link_transfer(struct salvor_transfer **list, struct salvor_transfer *transfer)
{
    transfer->next = *list;
    transfer->link = list;
    if (transfer->next)
        transfer->next->link = &transfer->next;
    *list = transfer;
}

static void unlink_transfer(struct salvor_transfer *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next)
        transfer->next->link = transfer->link;
}

static void remove_transfer(struct salvor_transfer *transfer)
{
    curl_multi_remove_handle(transfer->loop->multi, transfer->easy);
    unlink_transfer(transfer);
}

void salvor_transfer_release(struct salvor_transfer *transfer)
{
    if (transfer->kept)
        remove_transfer(transfer);
    transfer->kept = false;
}

static void abort_transfer(struct salvor_op *op)
{
    struct salvor_transfer *transfer = (struct salvor_transfer *)op;
    remove_transfer(transfer);
    transfer->result = CURLE_ABORTED_BY_CALLBACK;
}

static int curl_failed(struct salvor_error *err, CURLMcode code)
{
    return salvor_error_set(err, "Internal", "libcurl: %s", curl_multi_strerror(code));
}

int salvor_transfer_start(struct salvor_loop *loop, struct salvor_transfer *transfer,
                          struct salvor_error *err)
{
    if (!loop->multi) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(loop->multi = curl_multi_init()))
            return salvor_error_set(err, "Internal", "cannot set up libcurl");
        curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
    }
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    CURLMcode code = curl_multi_add_handle(loop->multi, transfer->easy);
    if (code)
        return curl_failed(err, code);
    transfer->op.done = false;
    transfer->op.abort = abort_transfer;
    transfer->loop = loop;
    link_transfer(&loop->transfers, transfer);
    return 0;
}

static void finish_transfer(struct salvor_loop *loop, struct salvor_transfer *transfer,
                            CURLcode result)
{
    if (transfer->keep) {
        unlink_transfer(transfer);
        link_transfer(&loop->kept, transfer);
        transfer->kept = true;
    } else {
        remove_transfer(transfer);
    }
    transfer->result = result;
    salvor_op_finish(&transfer->op);
}

static int perform_transfers(struct salvor_loop *loop, struct salvor_error *err)
{
    if (!loop->multi)
        return 0;
    int running, left;
    CURLMcode code = curl_multi_perform(loop->multi, &running);
    if (code)
        return curl_failed(err, code);
    CURLMsg *message;
    while ((message = curl_multi_info_read(loop->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct salvor_transfer *transfer = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        finish_transfer(loop, transfer, result);
    }
    return 0;
}

/* The step */

static int wait_milliseconds(const struct salvor_loop *loop, double seconds)
{
    if (loop->timers) {
        double left = loop->timers->deadline - salvor_loop_now();
        if (seconds < 0 || left < seconds)
            seconds = left > 0 ? left : 0;
    }
    /* A day is as good as for ever, and keeps the number small. */
    if (seconds < 0 || seconds > 86400)
        seconds = 86400;
    return (int)ceil(seconds * 1000);
}

/* When not everything can be waited for at once, for want of memory. */
static int shorter(int milliseconds)
{
    return milliseconds < TURN_MILLISECONDS ? milliseconds : TURN_MILLISECONDS;
}

/*
 * libcurl reports only readable and writable for extra descriptors, but a pipe whose other end is
 * gone is just hung up: so its poll is for sleeping and ours, after it, for what is ready.
 */
static int sleep_until_ready(struct salvor_loop *loop, unsigned count, int milliseconds,
                             struct salvor_error *err)
{
    if (loop->multi) {
        CURLMcode code = curl_multi_poll(loop->multi, loop->descriptors, count, milliseconds, NULL);
        if (code && code != CURLM_OUT_OF_MEMORY)
            return curl_failed(err, code);
        milliseconds = code ? shorter(milliseconds) : 0;
    }
    if (poll(loop->polled, count, milliseconds) < 0 && errno != EINTR)
        return salvor_error_set(err, "Internal", "cannot wait for events: %s", strerror(errno));
    return 0;
}

int salvor_loop_step(struct salvor_loop *loop, double seconds, struct salvor_error *err)
{
    unsigned long before = finished_count;
    expire_timers(loop);
    if (perform_transfers(loop, err) < 0)
        return -1;
    bool all;
    unsigned count = collect_descriptors(loop, &all);
    int milliseconds = finished_count == before ? wait_milliseconds(loop, seconds) : 0;
    if (!all)
        milliseconds = shorter(milliseconds);
    if (sleep_until_ready(loop, count, milliseconds, err) < 0)
        return -1;
    serve_descriptors(loop, count);
    expire_timers(loop);
    return perform_transfers(loop, err);
}
