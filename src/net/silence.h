/*
 * Ends a transfer on which no byte has moved for a while, in either direction: a server that hangs,
 * a network that swallows. What takes long but goes on is left alone, unlike by a limit of the whole
 * time, which would have to know how large a body is.
 */
#ifndef SALVOR_NET_SILENCE_H
#define SALVOR_NET_SILENCE_H

#include <stdbool.h>

#include "loop/loop.h"

/* {0} watches nothing. */
struct salvor_silence {
    double seconds;
    bool is_over; /* it has ended the transfer */

    /* Private. */
    struct salvor_timer timer;
    struct salvor_transfer *transfer;
    curl_off_t moved; /* bytes, when somebody last looked */
    double since;
};

/* `seconds` of 0 watches nothing. The transfer is aborted between `seconds` and a quarter more. */
void salvor_silence_start(struct salvor_silence *silence, struct salvor_transfer *transfer,
                          double seconds);

/* A second call does nothing. */
void salvor_silence_stop(struct salvor_silence *silence);

#endif
