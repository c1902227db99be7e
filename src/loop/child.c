#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUT, OUTPUT, ERRORS, STREAMS };

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

struct start_failure {
    bool in_folder; /* it was the working folder that failed */
    int number;     /* errno */
};

/* A standard descriptor that was closed when we started may be one of ours now. */
static bool move_up(int *fd)
{
    *fd = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
    return *fd >= 0;
}

/* In the child, between fork and exec: only async-signal-safe calls. Never returns. */
static void become(const struct salvor_child_options *options, int ends[STREAMS], int report,
                   pid_t parent)
{
    struct start_failure failure = {0};
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;

    if (!options->interactive)
        setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    sigaction(SIGINT, &standard, NULL);
    sigaction(SIGTERM, &standard, NULL);
    sigaction(SIGPIPE, &standard, NULL);
    sigaction(SIGCHLD, &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    if (move_up(&report) && move_up(&ends[INPUT]) && move_up(&ends[OUTPUT]) &&
        move_up(&ends[ERRORS]) && dup2(ends[INPUT], 0) >= 0 && dup2(ends[OUTPUT], 1) >= 0 &&
        dup2(ends[ERRORS], 2) >= 0) {
        /* Files that the script has open, and those of libraries, are not the child's. */
        close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        failure.in_folder = options->cwd && chdir(options->cwd) < 0;
        if (!failure.in_folder) {
            if (options->env)
                environ = (char **)options->env;
            execvp(options->argv[0], options->argv);
        }
    }
    failure.number = errno;
    ssize_t written = write(report, &failure, sizeof(failure));
    (void)written;
    _exit(127);
}

static void close_all(int *descriptors, int count)
{
    for (int i = 0; i < count; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
}

/* When SIGCHLD is ignored, as some parents leave it, the kernel forgets how children ended. */
static void keep_exit_codes(void)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) == 0 &&
        (action.sa_handler == SIG_IGN || action.sa_flags & SA_NOCLDWAIT)) {
        action = (struct sigaction){.sa_handler = SIG_DFL};
        sigaction(SIGCHLD, &action, NULL);
    }
}

/* No handler of ours may run in the child, so signals wait until it has the standard ones. */
static pid_t fork_quietly(const struct salvor_child_options *options, int theirs[STREAMS],
                          int report)
{
    sigset_t all, before;
    pid_t parent = getpid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        become(options, theirs, report, parent);
    int saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

/* Forks and waits for exec: a pipe that closes on exec carries errno back when there is none. */
static int spawn(struct salvor_child *child, const struct salvor_child_options *options,
                 int theirs[STREAMS], struct salvor_error *err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return salvor_error_errno(err, errno, "cannot start %s", options->argv[0]);
    keep_exit_codes();
    pid_t pid = fork_quietly(options, theirs, report[1]);
    struct start_failure failure = {.number = pid < 0 ? errno : 0};
    close(report[1]);
    if (pid > 0) {
        if (!options->interactive)
            setpgid(pid, pid);
        ssize_t got;
        while ((got = read(report[0], &failure, sizeof(failure))) < 0 && errno == EINTR)
            ;
        if (got > 0)
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
    }
    close(report[0]);
    if (!failure.number) {
        child->pid = pid;
        return 0;
    }
    if (failure.in_folder)
        return salvor_error_errno(err, failure.number, "cannot run %s in %s", options->argv[0],
                                  options->cwd);
    return salvor_error_errno(err, failure.number, "cannot run %s", options->argv[0]);
}

static int open_input(const struct salvor_child_options *options, int *ours, int *theirs)
{
    int ends[2];
    if (options->interactive)
        return (*theirs = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)) < 0 ? -1 : 0;
    if (!options->input_size)
        return (*theirs = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0 ? -1 : 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    *theirs = ends[0];
    *ours = ends[1];
    return 0;
}

static int open_output(bool passes, int *ours, int *theirs)
{
    int ends[2];
    if (passes) {
        *theirs = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        if (*theirs < 0) /* ours may be closed */
            *theirs = open("/dev/null", O_WRONLY | O_CLOEXEC);
        return *theirs < 0 ? -1 : 0;
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    *ours = ends[0];
    *theirs = ends[1];
    return 0;
}

/* What is ours goes first: a pipe might get the number of a standard descriptor that is closed. */
static int open_streams(const struct salvor_child_options *options, int ours[STREAMS],
                        int theirs[STREAMS])
{
    if (open_output(options->pass_errors, &ours[ERRORS], &theirs[ERRORS]) < 0 ||
        open_input(options, &ours[INPUT], &theirs[INPUT]) < 0)
        return -1;
    return open_output(false, &ours[OUTPUT], &theirs[OUTPUT]);
}

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

    int ours[STREAMS] = {-1, -1, -1}, theirs[STREAMS] = {-1, -1, -1};
    int result = open_streams(options, ours, theirs);
    if (result < 0)
        salvor_error_errno(err, errno, "cannot start %s", options->argv[0]);
    else
        result = spawn(child, options, theirs, err);
    close_all(theirs, STREAMS);
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
    if (child->failure.code[0]) {
        if (err)
            *err = child->failure;
        return -1;
    }
    *out = (struct salvor_child_result){
        .code = child->code,
        .signal = child->signal,
        .output = &child->outputs[OUTPUT],
        .errors = &child->outputs[ERRORS],
    };
    return 0;
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
