#include "loop/handoff.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Above that much the worker waits. */
enum { SAID_ENOUGH = 128 << 10 };

int salvor_handoff_init(struct salvor_handoff *handoff, struct salvor_loop *loop,
                        struct salvor_error *err)
{
    *handoff = (struct salvor_handoff){.loop = loop, .op.done = true};
    handoff->ready.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (handoff->ready.fd < 0)
        return salvor_error_errno(err, errno, "cannot start a thread");
    pthread_mutex_init(&handoff->mutex, NULL);
    pthread_cond_init(&handoff->changed, NULL);
    salvor_buffer_init(&handoff->said, SAID_ENOUGH + SALVOR_HANDOFF_SAY);
    handoff->open = true;
    return 0;
}

void salvor_handoff_release(struct salvor_handoff *handoff)
{
    if (!handoff->open)
        return;
    salvor_op_abort(&handoff->op);
    close(handoff->ready.fd);
    pthread_mutex_destroy(&handoff->mutex);
    pthread_cond_destroy(&handoff->changed);
    salvor_buffer_release(&handoff->said);
    handoff->open = false;
}

/* In the loop's thread */

static void change(struct salvor_handoff *handoff, bool *flag)
{
    pthread_mutex_lock(&handoff->mutex);
    *flag = true;
    pthread_cond_broadcast(&handoff->changed);
    pthread_mutex_unlock(&handoff->mutex);
}

void salvor_handoff_give(struct salvor_handoff *handoff, const void *data, size_t size)
{
    pthread_mutex_lock(&handoff->mutex);
    handoff->data = data;
    handoff->size = size;
    handoff->taken = false;
    pthread_cond_broadcast(&handoff->changed);
    pthread_mutex_unlock(&handoff->mutex);
}

void salvor_handoff_end(struct salvor_handoff *handoff)
{
    change(handoff, &handoff->ended);
}

void salvor_handoff_stop(struct salvor_handoff *handoff)
{
    change(handoff, &handoff->stopped);
}

static enum salvor_handoff_state state_of(const struct salvor_handoff *handoff)
{
    if (handoff->left)
        return SALVOR_HANDOFF_LEFT;
    if (handoff->full)
        return SALVOR_HANDOFF_HEAR;
    return handoff->data || handoff->ended ? SALVOR_HANDOFF_BUSY : SALVOR_HANDOFF_MORE;
}

enum salvor_handoff_state salvor_handoff_state(struct salvor_handoff *handoff)
{
    pthread_mutex_lock(&handoff->mutex);
    enum salvor_handoff_state state = state_of(handoff);
    pthread_mutex_unlock(&handoff->mutex);
    return state;
}

static void on_ready(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_handoff *handoff =
        (struct salvor_handoff *)((char *)watch - offsetof(struct salvor_handoff, ready));
    uint64_t count;
    while (read(watch->fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    if (salvor_handoff_state(handoff) == SALVOR_HANDOFF_BUSY)
        return;
    salvor_watch_stop(watch);
    salvor_op_finish(&handoff->op);
}

static void abort_wait(struct salvor_op *op)
{
    salvor_watch_stop(&((struct salvor_handoff *)op)->ready);
}

void salvor_handoff_wait(struct salvor_handoff *handoff)
{
    handoff->op = (struct salvor_op){.abort = abort_wait};
    handoff->ready.events = POLLIN;
    handoff->ready.ready = on_ready;
    if (salvor_handoff_state(handoff) == SALVOR_HANDOFF_BUSY)
        salvor_watch_start(handoff->loop, &handoff->ready);
    else
        salvor_op_finish(&handoff->op);
}

void salvor_handoff_hear(struct salvor_buffer *out, struct salvor_handoff *handoff)
{
    pthread_mutex_lock(&handoff->mutex);
    *out = handoff->said;
    salvor_buffer_init(&handoff->said, out->limit);
    handoff->full = false;
    pthread_cond_broadcast(&handoff->changed);
    pthread_mutex_unlock(&handoff->mutex);
}

/* In the worker's */

static void tell(struct salvor_handoff *handoff)
{
    uint64_t one = 1;
    while (write(handoff->ready.fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

ssize_t salvor_handoff_take(const void **data, struct salvor_handoff *handoff)
{
    pthread_mutex_lock(&handoff->mutex);
    if (handoff->taken)
        handoff->data = NULL;
    if (!handoff->data && !handoff->ended)
        tell(handoff);
    while (!handoff->data && !handoff->ended && !handoff->stopped)
        pthread_cond_wait(&handoff->changed, &handoff->mutex);
    handoff->taken = true;
    *data = handoff->data;
    ssize_t size = handoff->data ? (ssize_t)handoff->size : 0;
    if (handoff->stopped)
        size = -1;
    pthread_mutex_unlock(&handoff->mutex);
    return size;
}

int salvor_handoff_say(struct salvor_handoff *handoff, const void *data, size_t size,
                       struct salvor_error *err)
{
    pthread_mutex_lock(&handoff->mutex);
    int result = salvor_buffer_append(&handoff->said, data, size, err);
    handoff->full = result == 0 && handoff->said.size >= SAID_ENOUGH;
    if (handoff->full)
        tell(handoff);
    while (handoff->full && !handoff->stopped)
        pthread_cond_wait(&handoff->changed, &handoff->mutex);
    if (result == 0 && handoff->stopped)
        result = salvor_error_set(err, "Cancelled", "given up");
    pthread_mutex_unlock(&handoff->mutex);
    return result;
}

void salvor_handoff_leave(struct salvor_handoff *handoff)
{
    pthread_mutex_lock(&handoff->mutex);
    handoff->data = NULL;
    handoff->left = true;
    tell(handoff);
    pthread_mutex_unlock(&handoff->mutex);
}
