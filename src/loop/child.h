/*
 * Child processes without a shell. A child gets a process group of its own, so that ending it ends
 * what it started, and dies with Salvor (PR_SET_PDEATHSIG). It inherits no descriptor but the three
 * standard ones. Its output is collected in memory up to a ceiling.
 *
 * One that talks with the person at the terminal (`interactive`) has our standard input and stays in
 * our process group, since the terminal stops others that read from it. Ending it ends it alone, and
 * Ctrl-C reaches it as it reaches us.
 *
 * A process that the child left behind may keep its outputs open for as long as it likes. They are
 * read for SALVOR_CHILD_LINGER seconds after the child itself has ended; then the child is done and
 * the one it left behind goes on, writing to nobody. SIGPIPE must be ignored in this process.
 */
#ifndef SALVOR_LOOP_CHILD_H
#define SALVOR_LOOP_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/buffer.h"
#include "loop/loop.h"

/* Seconds between SIGTERM and SIGKILL for a child that is to end. */
#define SALVOR_CHILD_GRACE 2.0

/* Seconds that outputs are read after the child has ended. */
#define SALVOR_CHILD_LINGER 1.0

struct salvor_child_options {
    char *const *argv;   /* ended by NULL; argv[0] is looked up on the PATH of `env` */
    char *const *env;    /* "NAME=value", ended by NULL; NULL: our own environment */
    const char *cwd;     /* NULL: ours */
    const char *input;   /* standard input; must live until the child is done */
    size_t input_size;   /* 0: /dev/null */
    bool interactive;    /* `input` is not used then */
    bool pass_errors;    /* its standard error is ours instead of being collected */
    size_t output_limit; /* ceiling of standard output and of standard error, each */
    double timeout;      /* seconds after which its group is ended; 0: none */
};

struct salvor_child;

/* Starts it. NotFound or Forbidden when argv[0] cannot be run, naming it. */
int salvor_child_start(struct salvor_child **out, struct salvor_loop *loop,
                       const struct salvor_child_options *options, struct salvor_error *err);

/*
 * Done when the process has ended and its outputs are read. Cancelling it sends its group SIGTERM
 * and, after the grace time, SIGKILL; it is done when the process is gone. Aborting it does the same
 * but waits here, so that nothing of it is left afterwards.
 */
struct salvor_op *salvor_child_op(struct salvor_child *child);

/*
 * What came out of a child that is done: its exit code, or 128 + the signal that ended it. Error
 * TooLarge when it wrote more than the ceiling, Timeout when it took too long (it was ended then),
 * Cancelled after an abort; `out` then holds what it had written so far.
 */
struct salvor_child_result {
    int code;
    int signal; /* 0 when it exited by itself */
    const struct salvor_buffer *output, *errors;
};
int salvor_child_result(struct salvor_child *child, struct salvor_child_result *out,
                        struct salvor_error *err);

/* Aborts it when it still runs, waits for its end (at most the grace time), frees. NULL is fine. */
void salvor_child_free(struct salvor_child *child);

#endif
