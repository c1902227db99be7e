#include "loop/service.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/thread.h"

/* How long leaving waits for the thread. */
#define PATIENCE_NANOSECONDS 50000000L

struct salvor_service {
    pthread_mutex_t lock; /* of all that follows but the descriptors and functions */
    pthread_cond_t changed;
    struct salvor_call *queued, **queue_end;
    struct salvor_call *served;
    struct salvor_call *ended; /* the loop has not seen it yet */
    bool left, finished;

    int descriptor; /* wakes the thread */
    void (*run)(struct salvor_service *service, void *context);
    void (*release)(void *context);
    void *context;

    /* The loop's. */
    struct salvor_watch watch; /* wakes the loop */
    struct salvor_loop *loop;
    unsigned open; /* calls that are not done */
};

static void wake(int descriptor)
{
    uint64_t one = 1;
    while (write(descriptor, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static void drain(int descriptor)
{
    uint64_t count;
    while (read(descriptor, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

/* Lists; under the lock */

static void unlink_call(struct salvor_service *service, struct salvor_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    else if (service->queue_end == &call->next)
        service->queue_end = call->link;
    call->next = NULL;
    call->link = NULL;
}

static void link_call(struct salvor_call **list, struct salvor_call *call)
{
    call->next = *list;
    call->link = list;
    if (call->next)
        call->next->link = &call->next;
    *list = call;
}

/* The thread's side */

static struct salvor_call *take(struct salvor_service *service)
{
    pthread_mutex_lock(&service->lock);
    struct salvor_call *call = service->queued;
    if (call) {
        unlink_call(service, call);
        link_call(&service->served, call);
        call->state = SALVOR_CALL_SERVED;
    }
    pthread_mutex_unlock(&service->lock);
    return call;
}

bool salvor_service_run(struct salvor_service *service)
{
    struct salvor_call *call;
    uint64_t count;
    bool any = read(service->descriptor, &count, sizeof(count)) > 0;
    while (!salvor_service_is_left(service) && (call = take(service)))
        call->serve(call, service->context);
    return any;
}

/* One that was handed back may be gone, so its address is looked for among those that are not. */
static bool is_served(const struct salvor_service *service, const struct salvor_call *call)
{
    for (const struct salvor_call *each = service->served; each; each = each->next)
        if (each == call)
            return true;
    return false;
}

void salvor_service_return(struct salvor_service *service, struct salvor_call *call)
{
    pthread_mutex_lock(&service->lock);
    call->returned = true;
    pthread_cond_broadcast(&service->changed);
    pthread_mutex_unlock(&service->lock);
}

bool salvor_service_is_wanted(struct salvor_service *service, const struct salvor_call *call)
{
    pthread_mutex_lock(&service->lock);
    bool wanted = is_served(service, call) && !call->unwanted;
    pthread_mutex_unlock(&service->lock);
    return wanted;
}

void salvor_service_end(struct salvor_service *service, struct salvor_call *call,
                        const struct salvor_error *failure)
{
    pthread_mutex_lock(&service->lock);
    if (is_served(service, call)) {
        unlink_call(service, call);
        call->result = failure ? -1 : 0;
        if (failure)
            call->failure = *failure;
        call->state = SALVOR_CALL_ENDED;
        link_call(&service->ended, call);
        wake(service->watch.fd);
        pthread_cond_broadcast(&service->changed);
    }
    pthread_mutex_unlock(&service->lock);
}

bool salvor_service_is_left(struct salvor_service *service)
{
    pthread_mutex_lock(&service->lock);
    bool left = service->left;
    pthread_mutex_unlock(&service->lock);
    return left;
}

void salvor_service_drain(struct salvor_service *service)
{
    drain(service->descriptor);
}

int salvor_service_descriptor(const struct salvor_service *service)
{
    return service->descriptor;
}

/* Both sides */

static void destroy(struct salvor_service *service)
{
    if (service->release)
        service->release(service->context);
    if (service->descriptor >= 0)
        close(service->descriptor);
    if (service->watch.fd >= 0)
        close(service->watch.fd);
    pthread_cond_destroy(&service->changed);
    pthread_mutex_destroy(&service->lock);
    free(service);
}

static void *main_of_thread(void *argument)
{
    struct salvor_service *service = argument;
    service->run(service, service->context);
    pthread_mutex_lock(&service->lock);
    /* Whoever comes last cleans up; under the lock nobody can be in between. */
    bool last = service->finished;
    service->finished = true;
    pthread_cond_broadcast(&service->changed);
    pthread_mutex_unlock(&service->lock);
    if (last)
        destroy(service);
    return NULL;
}

/* The loop's side */

static void let_go(struct salvor_service *service)
{
    if (--service->open == 0)
        salvor_watch_stop(&service->watch);
}

static struct salvor_call *next_ended(struct salvor_service *service)
{
    pthread_mutex_lock(&service->lock);
    struct salvor_call *call = service->ended;
    if (call) {
        unlink_call(service, call);
        call->state = SALVOR_CALL_IDLE;
    }
    pthread_mutex_unlock(&service->lock);
    return call;
}

static void on_ended(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_service *service =
        (struct salvor_service *)((char *)watch - offsetof(struct salvor_service, watch));
    struct salvor_call *call;
    drain(watch->fd);
    while ((call = next_ended(service))) {
        let_go(service);
        salvor_op_finish(&call->op);
    }
}

static void abort_call(struct salvor_op *op)
{
    struct salvor_call *call = (struct salvor_call *)op;
    struct salvor_service *service = call->service;
    pthread_mutex_lock(&service->lock);
    if (call->state == SALVOR_CALL_SERVED) {
        call->unwanted = true;
        wake(service->descriptor);
        while (!call->returned && call->state == SALVOR_CALL_SERVED)
            pthread_cond_wait(&service->changed, &service->lock);
    }
    unlink_call(service, call);
    call->state = SALVOR_CALL_IDLE;
    pthread_mutex_unlock(&service->lock);
    call->result = -1;
    salvor_error_set(&call->failure, "Cancelled", "given up");
    let_go(service);
}

void salvor_service_post(struct salvor_service *service, struct salvor_call *call)
{
    call->op = (struct salvor_op){.abort = abort_call};
    call->service = service;
    call->returned = call->unwanted = false;
    call->result = -1;
    if (service->open++ == 0)
        salvor_watch_start(service->loop, &service->watch);
    pthread_mutex_lock(&service->lock);
    call->state = SALVOR_CALL_QUEUED;
    call->next = NULL;
    call->link = service->queue_end;
    *service->queue_end = call;
    service->queue_end = &call->next;
    pthread_mutex_unlock(&service->lock);
    wake(service->descriptor);
}

static int start_thread(struct salvor_service *service)
{
    pthread_t thread;
    int number = salvor_thread_start(&thread, main_of_thread, service);
    return number ? number : pthread_detach(thread);
}

static void init_locks(struct salvor_service *service)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&service->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&service->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int salvor_service_start(struct salvor_service **out, struct salvor_loop *loop,
                         void (*run)(struct salvor_service *service, void *context),
                         void (*release)(void *context), void *context, struct salvor_error *err)
{
    struct salvor_service *service = calloc(1, sizeof(*service));
    if (!service)
        return salvor_error_memory(err);
    init_locks(service);
    service->queue_end = &service->queued;
    service->run = run;
    service->context = context;
    service->loop = loop;
    service->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    service->watch = (struct salvor_watch){.events = POLLIN, .ready = on_ended};
    service->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int number = service->descriptor < 0 || service->watch.fd < 0 ? errno : 0;
    if (!number) {
        service->release = release;
        number = start_thread(service);
    }
    if (!number) {
        *out = service;
        return 0;
    }
    service->release = NULL;
    destroy(service);
    return salvor_error_errno(err, number, "cannot start a thread");
}

static struct salvor_call *next_open(struct salvor_service *service)
{
    pthread_mutex_lock(&service->lock);
    struct salvor_call *call = service->queued   ? service->queued
                               : service->served ? service->served
                                                 : service->ended;
    pthread_mutex_unlock(&service->lock);
    return call;
}

void salvor_service_leave(struct salvor_service *service)
{
    if (!service)
        return;
    struct salvor_call *call;
    while ((call = next_open(service)))
        salvor_op_abort(&call->op);
    salvor_watch_stop(&service->watch);
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_nsec += PATIENCE_NANOSECONDS;
    deadline.tv_sec += deadline.tv_nsec / 1000000000L;
    deadline.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&service->lock);
    service->left = true;
    wake(service->descriptor);
    while (!service->finished &&
           pthread_cond_timedwait(&service->changed, &service->lock, &deadline) == 0)
        ;
    bool last = service->finished;
    service->finished = true;
    pthread_mutex_unlock(&service->lock);
    if (last)
        destroy(service);
}
