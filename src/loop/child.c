#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/spawn.h"

enum {
    INPUT = SALVOR_SPAWN_INPUT,
    OUTPUT = SALVOR_SPAWN_OUTPUT,
    ERRORS = SALVOR_SPAWN_ERRORS,
    STREAMS = SALVOR_SPAWN_STREAMS
};

enum {
    CHUNK = 65536,
    PIPE_LIMIT = 1 << 20 /* what a pipe can hold at most, unless the administrator says otherwise */
};

struct salvor_child {
    struct salvor_op op;
    struct salvor_loop *loop;
    char name[128];
    pid_t pid; /* 0 when there is no process of ours any more */
    bool in_our_group;
    bool exited; /* but not reaped before the child is done: so its number stays ours */
    int code, signal;
    enum { NO_TIMER, TIMEOUT, GRACE, LINGER } stage; /* what `timer` is for */
    struct salvor_timer timer;
    struct salvor_watch process; /* a pidfd */
    struct salvor_watch streams[STREAMS];
    const char *input;
    size_t input_left;
    struct salvor_buffer outputs[STREAMS];
    struct salvor_error failure; /* why it was ended; no code when it was not */
};

#define OF_STREAM(watch, stream)                                                                   \
    ((struct salvor_child *)((char *)(watch)-offsetof(struct salvor_child, streams[stream])))
#define OF_PROCESS(watch)                                                                          \
    ((struct salvor_child *)((char *)(watch)-offsetof(struct salvor_child, process)))

static void close_watch(struct salvor_watch *watch)
{
    salvor_watch_stop(watch);
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

static void stop_timer(struct salvor_child *child)
{
    bool runs = child->stage != NO_TIMER;
    child->stage = NO_TIMER; /* aborting it wakes us too */
    if (runs)
        salvor_op_abort(&child->timer.op);
}

static void start_timer(struct salvor_child *child, int stage, double seconds)
{
    stop_timer(child);
    salvor_timer_start(child->loop, &child->timer, seconds);
    child->stage = stage;
}

/* The leader is not reaped as long as we signal, so the group's number cannot be another's. */
static void signal_group(struct salvor_child *child, int number)
{
    if (child->pid > 0)
        kill(child->in_our_group ? child->pid : -child->pid, number);
}

static void reap(struct salvor_child *child)
{
    while (child->pid > 0 && waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
}

static void detach(struct salvor_child *child)
{
    stop_timer(child);
    close_watch(&child->process);
    for (int i = 0; i < STREAMS; i++)
        close_watch(&child->streams[i]);
}

static void finish(struct salvor_child *child)
{
    /* What was to end, ends with all it started. */
    if (child->failure.code[0])
        signal_group(child, SIGKILL);
    reap(child);
    detach(child);
    salvor_op_finish(&child->op);
}

static bool outputs_are_closed(const struct salvor_child *child)
{
    return child->streams[OUTPUT].fd < 0 && child->streams[ERRORS].fd < 0;
}

static void check_done(struct salvor_child *child)
{
    if (child->exited && (outputs_are_closed(child) || child->failure.code[0]))
        finish(child);
}

/* Notes how the process ended; `options` as waitid() takes them. False while it runs. */
static bool note_exit(struct salvor_child *child, int options)
{
    siginfo_t info = {0};
    int result;
    while ((result = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT | options)) < 0 &&
           errno == EINTR)
        ;
    if (result == 0 && info.si_pid == 0)
        return false;
    child->exited = true;
    if (result < 0) {
        /* Somebody else in this process reaped it: nobody can say how it ended. */
        salvor_error_errno(&child->failure, errno, "the exit code of %s is lost", child->name);
        child->pid = 0;
    } else if (info.si_code == CLD_EXITED) {
        child->code = info.si_status;
    } else {
        child->signal = info.si_status;
        child->code = 128 + info.si_status;
    }
    return true;
}

static void after_exit(struct salvor_child *child)
{
    close_watch(&child->process);
    close_watch(&child->streams[INPUT]);
    start_timer(child, LINGER, SALVOR_CHILD_LINGER);
    check_done(child);
}

static void process_ended(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_child *child = OF_PROCESS(watch);
    if (note_exit(child, WNOHANG))
        after_exit(child);
}

/* From here on it is only waited for its end. */
static void begin_end(struct salvor_child *child, int number)
{
    if (child->exited) {
        finish(child);
        return;
    }
    signal_group(child, number);
    close_watch(&child->streams[INPUT]);
    if (number == SIGKILL)
        stop_timer(child);
    else
        start_timer(child, GRACE, SALVOR_CHILD_GRACE);
}

/* Streams */

static void feed_input(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_child *child = OF_STREAM(watch, INPUT);
    ssize_t written = write(watch->fd, child->input, child->input_left);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (written > 0) {
        child->input += written;
        child->input_left -= (size_t)written;
    }
    /* A child is free not to read its input to the end. */
    if (written < 0 || !child->input_left)
        close_watch(watch);
}

/* How many bytes were read; closes the stream at its end. */
static size_t collect(struct salvor_child *child, int stream)
{
    struct salvor_watch *watch = &child->streams[stream];
    char chunk[CHUNK];
    ssize_t got = read(watch->fd, chunk, sizeof(chunk));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0) {
        if (got < 0 && !child->failure.code[0])
            salvor_error_errno(&child->failure, errno, "cannot read the output of %s", child->name);
        close_watch(watch);
        return 0;
    }
    /* What comes out of a process that is being ended is of no use to anybody. */
    if (child->failure.code[0])
        return (size_t)got;
    struct salvor_buffer *buffer = &child->outputs[stream];
    struct salvor_error problem;
    if (salvor_buffer_append(buffer, chunk, (size_t)got, &problem) < 0) {
        child->failure = problem;
        if (!strcmp(problem.code, "TooLarge"))
            salvor_error_set(&child->failure, "TooLarge", "%s wrote more than %zu bytes",
                             child->name, buffer->limit);
        begin_end(child, SIGKILL);
    }
    return (size_t)got;
}

static void collect_output(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_child *child = OF_STREAM(watch, OUTPUT);
    collect(child, OUTPUT);
    check_done(child);
}

static void collect_errors(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_child *child = OF_STREAM(watch, ERRORS);
    collect(child, ERRORS);
    check_done(child);
}

/* What is in the pipe was written in time, however late we come to read it. */
static void drain(struct salvor_child *child, int stream)
{
    size_t total = 0, got;
    while (!child->op.done && child->streams[stream].fd >= 0 && total < PIPE_LIMIT &&
           (got = collect(child, stream)) > 0)
        total += got;
}

static void timer_expired(struct salvor_op *op)
{
    struct salvor_child *child = op->waiter;
    int stage = child->stage;
    child->stage = NO_TIMER;
    if (stage == NO_TIMER)
        return;
    if (stage == LINGER) {
        drain(child, OUTPUT);
        drain(child, ERRORS);
        if (!child->op.done)
            finish(child);
        return;
    }
    /* It may have ended in time, while the script was busy with something else. */
    if (note_exit(child, WNOHANG)) {
        after_exit(child);
    } else if (stage == TIMEOUT) {
        salvor_error_set(&child->failure, "Timeout", "%s took too long and was ended", child->name);
        child->failure.retryable = true;
        begin_end(child, SIGTERM);
    } else if (stage == GRACE) {
        signal_group(child, SIGKILL);
    }
}

/* Ending it from outside */

static void note_cancelled(struct salvor_child *child)
{
    if (!child->failure.code[0])
        salvor_error_set(&child->failure, "Cancelled", "%s was ended", child->name);
}

static void cancel_child(struct salvor_op *op)
{
    struct salvor_child *child = (struct salvor_child *)op;
    if (child->failure.code[0])
        return; /* it is on its way out already */
    note_cancelled(child);
    begin_end(child, SIGTERM);
}

static void abort_child(struct salvor_op *op)
{
    struct salvor_child *child = (struct salvor_child *)op;
    note_cancelled(child);
    if (child->pid > 0 && !child->exited) {
        signal_group(child, SIGTERM);
        struct pollfd ended = {.fd = child->process.fd, .events = POLLIN};
        double deadline = salvor_loop_now() + SALVOR_CHILD_GRACE;
        double left = SALVOR_CHILD_GRACE;
        while (left > 0 && poll(&ended, 1, (int)(left * 1000)) < 0 && errno == EINTR)
            left = deadline - salvor_loop_now();
        signal_group(child, SIGKILL);
        note_exit(child, 0);
    }
    signal_group(child, SIGKILL);
    reap(child);
    detach(child);
}

/* Starting */

static void start_watches(struct salvor_child *child)
{
    static void (*const ready[STREAMS])(struct salvor_watch *, short) = {feed_input, collect_output,
                                                                         collect_errors};
    for (int i = 0; i < STREAMS; i++) {
        struct salvor_watch *watch = &child->streams[i];
        if (watch->fd < 0)
            continue;
        fcntl(watch->fd, F_SETFL, fcntl(watch->fd, F_GETFL) | O_NONBLOCK);
        watch->events = i == INPUT ? POLLOUT : POLLIN;
        watch->ready = ready[i];
        salvor_watch_start(child->loop, watch);
    }
    child->process.events = POLLIN;
    child->process.ready = process_ended;
    salvor_watch_start(child->loop, &child->process);
}

int salvor_child_start(struct salvor_child **out, struct salvor_loop *loop,
                       const struct salvor_child_options *options, struct salvor_error *err)
{
    struct salvor_child *child = calloc(1, sizeof(*child));
    if (!child)
        return salvor_error_memory(err);
    snprintf(child->name, sizeof(child->name), "%s", options->argv[0]);
    child->loop = loop;
    child->in_our_group = options->interactive;
    child->op.abort = abort_child;
    child->op.cancel = cancel_child;
    child->timer.op.wake = timer_expired;
    child->timer.op.waiter = child;
    child->process.fd = -1;
    child->input = options->input;
    child->input_left = options->input_size;
    for (int i = 0; i < STREAMS; i++)
        salvor_buffer_init(&child->outputs[i], options->output_limit);

    int ours[STREAMS];
    int result = salvor_spawn(&child->pid, ours, options, err);
    for (int i = 0; i < STREAMS; i++)
        child->streams[i].fd = ours[i];
    if (result == 0 && (child->process.fd = pidfd_open(child->pid, 0)) < 0)
        result = salvor_error_errno(err, errno, "cannot watch %s", options->argv[0]);
    if (result < 0) {
        salvor_child_free(child);
        return -1;
    }
    start_watches(child);
    if (options->timeout > 0)
        start_timer(child, TIMEOUT, options->timeout);
    *out = child;
    return 0;
}

struct salvor_op *salvor_child_op(struct salvor_child *child)
{
    return &child->op;
}

int salvor_child_result(struct salvor_child *child, struct salvor_child_result *out,
                        struct salvor_error *err)
{
    *out = (struct salvor_child_result){
        .code = child->code,
        .signal = child->signal,
        .output = &child->outputs[OUTPUT],
        .errors = &child->outputs[ERRORS],
    };
    if (!child->failure.code[0])
        return 0;
    if (err)
        *err = child->failure;
    return -1;
}

void salvor_child_free(struct salvor_child *child)
{
    if (!child)
        return;
    if (!child->op.done)
        abort_child(&child->op);
    for (int i = 0; i < STREAMS; i++)
        salvor_buffer_release(&child->outputs[i]);
    free(child);
}
