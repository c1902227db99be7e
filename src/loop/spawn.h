/* Starting a process for loop/child.h: its streams, fork and exec. */
#ifndef SALVOR_LOOP_SPAWN_H
#define SALVOR_LOOP_SPAWN_H

#include <sys/types.h>

#include "core/error.h"
#include "loop/child.h"

enum { SALVOR_SPAWN_INPUT, SALVOR_SPAWN_OUTPUT, SALVOR_SPAWN_ERRORS, SALVOR_SPAWN_STREAMS };

/*
 * Returns once the program runs, or could not be run: NotFound or Forbidden, naming it. ours[] gets
 * our ends of its streams, -1 where it has none; they are the caller's to close, also after an error.
 */
int salvor_spawn(pid_t *pid, int ours[SALVOR_SPAWN_STREAMS],
                 const struct salvor_child_options *options, struct salvor_error *err);

#endif
