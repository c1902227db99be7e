/*
 * SIGINT, SIGTERM and, unless it was ignored from the start (nohup), SIGHUP: the terminal is gone. The
 * first one is a request: `notify` is called inside the handler (so only async-signal-safe work
 * there) and the script unwinds. The second one ends the process at once, as the signal would have
 * done; children die with it. A second SIGHUP does not: shell and kernel both send one. SIGPIPE is such
 * a request when it is standard output or error that nobody reads any more, as in
 * `salvor script.lua | head`; of any other pipe a write just says EPIPE.
 */
#ifndef SALVOR_LOOP_INTERRUPT_H
#define SALVOR_LOOP_INTERRUPT_H

#include "core/error.h"

/* Installs the handlers. */
int salvor_interrupt_install(void (*notify)(void), struct salvor_error *err);

/* Puts back what stood there before. */
void salvor_interrupt_uninstall(void);

/* The signal that was caught first, 0 for none. */
int salvor_interrupt_signal(void);

/* It has been dealt with: the next one is the first again. */
void salvor_interrupt_forget(void);

/* Ends the process by that signal, for its parent to see. Does not return. */
void salvor_interrupt_exit(void) __attribute__((noreturn));

#endif
