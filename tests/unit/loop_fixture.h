/*
 * A loop of its own for each test, which must be empty again at the test's end. Include cmocka.h
 * first.
 */
#ifndef SALVOR_TEST_LOOP_FIXTURE_H
#define SALVOR_TEST_LOOP_FIXTURE_H

#include <signal.h>
#include <unistd.h>

#include "loop/loop.h"

static struct salvor_loop *loop;

static inline int start_loop(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    alarm(60); /* what waits for a thread for ever is ended */
    return salvor_loop_new(&loop, NULL);
}

static inline int stop_loop(void **state)
{
    (void)state;
    bool empty = salvor_loop_is_empty(loop);
    salvor_loop_free(loop);
    return empty ? 0 : -1;
}

static inline void wait_for(struct salvor_op *op)
{
    double deadline = salvor_loop_now() + 60;
    while (!op->done) {
        assert_int_equal(salvor_loop_step(loop, 1, NULL), 0);
        assert_true(salvor_loop_now() < deadline);
    }
}

#endif
