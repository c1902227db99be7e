/*
 * Our end of a pipe, on the loop: the other end is a worker's, which blocks on it. What is not taken
 * holds the writer up, so that a pipe is also what keeps memory bounded between the two.
 */
#ifndef SALVOR_LOOP_PIPE_H
#define SALVOR_LOOP_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/error.h"
#include "loop/loop.h"

struct salvor_pipe {
    struct salvor_op op; /* of the write or the wait under way */

    /* Private. */
    struct salvor_watch watch;
    struct salvor_loop *loop;
    const char *data;
    size_t left;
    bool open, broken;
};

enum salvor_pipe_direction { SALVOR_PIPE_WE_READ, SALVOR_PIPE_WE_WRITE };

/* Makes a pipe: `ours` is a zeroed struct, and *theirs a blocking descriptor of the caller's. */
int salvor_pipe_open(struct salvor_pipe *ours, int *theirs, struct salvor_loop *loop,
                     enum salvor_pipe_direction direction, struct salvor_error *err);

/*
 * Closes our end: a reader finds the end of what was written, a writer EPIPE (SIGPIPE must be blocked
 * or handled there). A wait under way is aborted. A second call does nothing.
 */
void salvor_pipe_close(struct salvor_pipe *pipe);

/* Writes all of it, which must stay where it is until pipe->op is done. */
void salvor_pipe_write(struct salvor_pipe *pipe, const char *data, size_t size);

/* The reader is gone; what was written last may not have reached it. */
bool salvor_pipe_is_broken(const struct salvor_pipe *pipe);

/* Arms pipe->op for bytes to read, or the end. */
void salvor_pipe_wait(struct salvor_pipe *pipe);

/* How many bytes were read without waiting; 0 at the end; -1 when there are none yet. */
ssize_t salvor_pipe_read(struct salvor_pipe *pipe, void *data, size_t size);

#endif
