/*
 * SIGINT and SIGTERM. The first one is a request: `notify` is called inside the handler (so only
 * async-signal-safe work there) and the script unwinds. The second one ends the process at once, as
 * the signal would have done; children die with it.
 */
#ifndef SALVOR_LOOP_INTERRUPT_H
#define SALVOR_LOOP_INTERRUPT_H

#include "core/error.h"

/* Installs the handlers; SIGPIPE is ignored from then on (a write says EPIPE instead). */
int salvor_interrupt_install(void (*notify)(void), struct salvor_error *err);

/* The signal that was caught first, 0 for none. */
int salvor_interrupt_signal(void);

/* Ends the process by that signal, for its parent to see. Does not return. */
void salvor_interrupt_exit(void) __attribute__((noreturn));

#endif
