#include "loop/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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
static void become(const struct salvor_child_options *options, int ends[SALVOR_SPAWN_STREAMS],
                   int report, pid_t parent)
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

    if (move_up(&report) && move_up(&ends[SALVOR_SPAWN_INPUT]) &&
        move_up(&ends[SALVOR_SPAWN_OUTPUT]) && move_up(&ends[SALVOR_SPAWN_ERRORS]) &&
        dup2(ends[SALVOR_SPAWN_INPUT], 0) >= 0 && dup2(ends[SALVOR_SPAWN_OUTPUT], 1) >= 0 &&
        dup2(ends[SALVOR_SPAWN_ERRORS], 2) >= 0) {
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
static pid_t fork_quietly(const struct salvor_child_options *options,
                          int theirs[SALVOR_SPAWN_STREAMS], int report)
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
static int fork_and_exec(pid_t *out, const struct salvor_child_options *options,
                         int theirs[SALVOR_SPAWN_STREAMS], struct salvor_error *err)
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
        *out = pid;
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
static int open_streams(const struct salvor_child_options *options, int ours[SALVOR_SPAWN_STREAMS],
                        int theirs[SALVOR_SPAWN_STREAMS])
{
    if (open_output(options->pass_errors, &ours[SALVOR_SPAWN_ERRORS],
                    &theirs[SALVOR_SPAWN_ERRORS]) < 0 ||
        open_input(options, &ours[SALVOR_SPAWN_INPUT], &theirs[SALVOR_SPAWN_INPUT]) < 0)
        return -1;
    return open_output(false, &ours[SALVOR_SPAWN_OUTPUT], &theirs[SALVOR_SPAWN_OUTPUT]);
}

int salvor_spawn(pid_t *pid, int ours[SALVOR_SPAWN_STREAMS],
                 const struct salvor_child_options *options, struct salvor_error *err)
{
    int theirs[SALVOR_SPAWN_STREAMS];
    for (int i = 0; i < SALVOR_SPAWN_STREAMS; i++)
        ours[i] = theirs[i] = -1;
    int result = open_streams(options, ours, theirs);
    if (result < 0)
        salvor_error_errno(err, errno, "cannot start %s", options->argv[0]);
    else
        result = fork_and_exec(pid, options, theirs, err);
    close_all(theirs, SALVOR_SPAWN_STREAMS);
    return result;
}
