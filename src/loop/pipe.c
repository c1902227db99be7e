#include "loop/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { CAPACITY = 1 << 20 /* the most that the kernel gives without privileges */ };

static struct salvor_pipe *pipe_of(struct salvor_watch *watch)
{
    return (struct salvor_pipe *)((char *)watch - offsetof(struct salvor_pipe, watch));
}

static void stop_waiting(struct salvor_op *op)
{
    struct salvor_pipe *pipe = (struct salvor_pipe *)op;
    salvor_watch_stop(&pipe->watch);
}

/* Writes what the pipe takes now; true when nothing is left to do. */
static bool push(struct salvor_pipe *pipe)
{
    while (pipe->left) {
        ssize_t written = write(pipe->watch.fd, pipe->data, pipe->left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN)
            return false;
        if (written < 0) {
            pipe->broken = true;
            return true;
        }
        pipe->data += written;
        pipe->left -= (size_t)written;
    }
    return true;
}

static void on_writable(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_pipe *pipe = pipe_of(watch);
    if (!push(pipe))
        return;
    salvor_watch_stop(watch);
    salvor_op_finish(&pipe->op);
}

static void on_readable(struct salvor_watch *watch, short revents)
{
    (void)revents;
    salvor_watch_stop(watch);
    salvor_op_finish(&pipe_of(watch)->op);
}

int salvor_pipe_open(struct salvor_pipe *ours, int *theirs, struct salvor_loop *loop,
                     enum salvor_pipe_direction direction, struct salvor_error *err)
{
    int ends[2];
    bool we_write = direction == SALVOR_PIPE_WE_WRITE;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return salvor_error_errno(err, errno, "cannot make a pipe");
    *theirs = ends[we_write ? 0 : 1];
    ours->watch = (struct salvor_watch){.fd = ends[we_write ? 1 : 0],
                                        .events = we_write ? POLLOUT : POLLIN,
                                        .ready = we_write ? on_writable : on_readable};
    /* A smaller one works as well, only slower. */
    fcntl(ours->watch.fd, F_SETPIPE_SZ, CAPACITY);
    fcntl(ours->watch.fd, F_SETFL, fcntl(ours->watch.fd, F_GETFL) | O_NONBLOCK);
    ours->op = (struct salvor_op){.done = true, .abort = stop_waiting};
    ours->loop = loop;
    ours->open = true;
    ours->broken = false;
    return 0;
}

void salvor_pipe_close(struct salvor_pipe *pipe)
{
    if (!pipe->open)
        return;
    pipe->open = false;
    pipe->broken = true;
    salvor_op_abort(&pipe->op);
    close(pipe->watch.fd);
}

void salvor_pipe_write(struct salvor_pipe *pipe, const char *data, size_t size)
{
    pipe->data = data;
    pipe->left = size;
    pipe->op.wake = NULL;
    pipe->op.done = !pipe->open || push(pipe);
    if (!pipe->op.done)
        salvor_watch_start(pipe->loop, &pipe->watch);
}

bool salvor_pipe_is_broken(const struct salvor_pipe *pipe)
{
    return pipe->broken;
}

void salvor_pipe_wait(struct salvor_pipe *pipe)
{
    pipe->op.wake = NULL;
    pipe->op.done = !pipe->open;
    if (pipe->open)
        salvor_watch_start(pipe->loop, &pipe->watch);
}

ssize_t salvor_pipe_read(struct salvor_pipe *pipe, void *data, size_t size)
{
    if (!pipe->open)
        return 0;
    ssize_t got;
    while ((got = read(pipe->watch.fd, data, size)) < 0 && errno == EINTR)
        ;
    return got < 0 && errno != EAGAIN ? 0 : got;
}
