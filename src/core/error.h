/*
 * Errors as values. Every fallible function below src/lua returns 0 or -1 and takes a
 * `struct salvor_error *` last. The struct owns no memory: it can live on the stack, be copied by
 * assignment, and setting it can never fail. The Lua bindings turn it into an error object.
 */
#ifndef SALVOR_CORE_ERROR_H
#define SALVOR_CORE_ERROR_H

#include <stdbool.h>

/*
 * The words of `code`. A caller decides by them, so they are few and stable:
 *   Invalid       the input is not what the operation takes (syntax, type, range)
 *   NotFound AlreadyExists Conflict     the object's state forbids it
 *   Unauthorized Forbidden              who we are, what we may
 *   Timeout Cancelled Closed            the wait, the script, the handle
 *   Unreachable Untrusted               nothing was sent: no connection, or not to whom we meant
 *   Disconnected                        the connection was lost; what was sent may have been done
 *   Corrupt       data that was written whole is not whole any more
 *   TooLarge      a ceiling was reached
 *   NoSpace IO    the machine's storage
 *   Internal      out of memory, or a fault of Salvor's own
 * An API server's own reasons (Expired, TooManyRequests, ...) are passed through as they are.
 */
struct salvor_error {
    char code[40];
    char op[64];        /* what was attempted, as the caller would name it: "fs.write" */
    char message[2048]; /* one line: what and where; a longer one ends in "..." */
    char hint[512];     /* what to do about it; empty when there is nothing sensible to say */
    int status;         /* HTTP status, 0 when none */
    bool retryable;     /* the same call may succeed later without anyone changing anything */
};

/* Fills `err` (which may be NULL) and returns -1, so that a function can `return` it. */
int salvor_error_set(struct salvor_error *err, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from an errno value: the code follows the number, its text ends the message. */
int salvor_error_errno(struct salvor_error *err, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Out of memory; returns -1. */
int salvor_error_memory(struct salvor_error *err);

void salvor_error_hint(struct salvor_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void salvor_error_op(struct salvor_error *err, const char *op);

#endif
