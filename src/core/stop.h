/*
 * How one thread asks a function in another one to end soon. The function looks at it between its
 * steps. A change that others can see (a rename, the removal of an object) it makes with the stop
 * disabled, as threads do with pthread_setcancelstate(): whoever asks meanwhile is told that it is
 * too late and waits, and where somebody has asked before, the change is not made any more. So
 * nobody who was told of a stop sees the change come later.
 */
#ifndef SALVOR_CORE_STOP_H
#define SALVOR_CORE_STOP_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

struct salvor_stop {
    atomic_uint state; /* 0: nobody has asked */
};

enum { SALVOR_STOP_ASKED = 1, SALVOR_STOP_DISABLED = 2 };

/* False: it is too late for now. Asking again tells whether it still is. */
static inline bool salvor_stop_ask(struct salvor_stop *stop)
{
    return !(atomic_fetch_or(&stop->state, SALVOR_STOP_ASKED) & SALVOR_STOP_DISABLED);
}

static inline bool salvor_stop_asked(const struct salvor_stop *stop)
{
    return atomic_load(&stop->state) & SALVOR_STOP_ASKED;
}

/* For functions that tell errors by errno: -1 and ECANCELED when somebody has asked. */
static inline int salvor_stop_check(const struct salvor_stop *stop)
{
    if (!salvor_stop_asked(stop))
        return 0;
    errno = ECANCELED;
    return -1;
}

/* From here on it is too late; -1 and ECANCELED when somebody has asked before. */
static inline int salvor_stop_disable(struct salvor_stop *stop)
{
    unsigned nobody = 0;
    if (atomic_compare_exchange_strong(&stop->state, &nobody, SALVOR_STOP_DISABLED))
        return 0;
    errno = ECANCELED;
    return -1;
}

/* The change has been made: the function may be stopped again. */
static inline void salvor_stop_enable(struct salvor_stop *stop)
{
    atomic_fetch_and(&stop->state, ~(unsigned)SALVOR_STOP_DISABLED);
}

#endif
