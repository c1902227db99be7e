/*
 * The terminal of the process, as the one who edits a line uses it: standard input by keys, and rows
 * of standard output. While it is in use the terminal is in raw mode and reports no signals; between
 * lines it is as it was found, so that Ctrl-C reaches what runs.
 */
#ifndef SALVOR_REPL_CONSOLE_H
#define SALVOR_REPL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"
#include "repl/keys.h"
#include "repl/screen.h"

struct salvor_console;

/*
 * Error Invalid when standard input and output are no terminal. There is one terminal, so there can
 * be one console at a time.
 */
int salvor_console_new(struct salvor_console **out, struct salvor_loop *loop,
                       struct salvor_error *err);

/* Gives the terminal back as it was, for good; a wait is aborted. A second call does nothing. */
void salvor_console_close(struct salvor_console *console);

/* Closes it; nobody waits. NULL is fine. */
void salvor_console_free(struct salvor_console *console);

/*
 * Takes the terminal to raw mode, where it is not yet, with the cursor at the beginning of a row:
 * below what was printed last, if that did not end its line.
 */
int salvor_console_take(struct salvor_console *console, struct salvor_error *err);

/* Gives it back, with the cursor below what was drawn. */
void salvor_console_yield(struct salvor_console *console);

enum salvor_console_event {
    SALVOR_CONSOLE_KEY,
    SALVOR_CONSOLE_RESIZED,
    SALVOR_CONSOLE_CLOSED, /* the terminal has gone away */
};

/*
 * Waits for an event: NULL when there is one already, else the operation to wait for. Then
 * salvor_console_event() tells it, once; the key lives until the next wait. One wait at a time.
 */
bool salvor_console_is_waiting(const struct salvor_console *console);
struct salvor_op *salvor_console_wait(struct salvor_console *console);
int salvor_console_event(struct salvor_console *console, enum salvor_console_event *event,
                         struct salvor_key *key, struct salvor_error *err);

/* Columns and rows of the terminal; 80 and 24 where it does not know. */
void salvor_console_size(size_t *columns, size_t *rows);

/*
 * The frame to fill, begun anew, and what makes it appear, in all rows but one, in which the last row
 * stays that was printed above.
 */
struct salvor_frame *salvor_console_frame(struct salvor_console *console, struct salvor_error *err);
int salvor_console_draw(struct salvor_console *console, struct salvor_error *err);

/* Takes away what was drawn. */
int salvor_console_erase(struct salvor_console *console, struct salvor_error *err);

/* Clears the terminal; what is drawn next is at its top. */
int salvor_console_clear(struct salvor_console *console, struct salvor_error *err);

/* Stops the process as Ctrl-Z does; returns when it goes on. */
int salvor_console_suspend(struct salvor_console *console, struct salvor_error *err);

#endif
