/* Pieces handed to a worker's thread and what it says, bounded both ways; stopped at any time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_fixture.h"

#include "loop/handoff.h"
#include "loop/worker.h"

struct exchange {
    struct salvor_worker worker;
    struct salvor_handoff handoff;
    size_t say_each; /* bytes said of each piece */
    _Atomic size_t sum, pieces;
    ssize_t last; /* what the worker was told at its end */
    bool was_cancelled;
};

static void run(void *context)
{
    struct exchange *exchange = context;
    char said[4096];
    struct salvor_error err;
    const void *data;
    ssize_t size;
    memset(said, 's', sizeof(said));
    while ((size = salvor_handoff_take(&data, &exchange->handoff)) > 0) {
        for (ssize_t i = 0; i < size; i++)
            exchange->sum += ((const unsigned char *)data)[i];
        exchange->pieces++;
        for (size_t left = exchange->say_each; left; left -= sizeof(said))
            if (salvor_handoff_say(&exchange->handoff, said, sizeof(said), &err) < 0) {
                exchange->was_cancelled = !strcmp(err.code, "Cancelled");
                break;
            }
    }
    exchange->last = size;
    salvor_handoff_leave(&exchange->handoff);
}

static bool stop(void *context)
{
    salvor_handoff_stop(&((struct exchange *)context)->handoff);
    return false;
}

static void begin(struct exchange *exchange, size_t say_each)
{
    static const struct salvor_work work = {.run = run, .stop = stop};
    *exchange = (struct exchange){.say_each = say_each};
    assert_int_equal(salvor_handoff_init(&exchange->handoff, loop, NULL), 0);
    assert_int_equal(salvor_worker_start(&exchange->worker, loop, &work, exchange, NULL), 0);
}

static void finish(struct exchange *exchange)
{
    salvor_worker_release(&exchange->worker);
    salvor_handoff_release(&exchange->handoff);
    salvor_handoff_release(&exchange->handoff);
}

/* Waits for another state than BUSY, taking what is said; how many bytes that was. */
static size_t settle(struct exchange *exchange)
{
    size_t heard = 0;
    while (true) {
        salvor_handoff_wait(&exchange->handoff);
        wait_for(&exchange->handoff.op);
        if (salvor_handoff_state(&exchange->handoff) != SALVOR_HANDOFF_HEAR)
            return heard;
        struct salvor_buffer said;
        salvor_handoff_hear(&said, &exchange->handoff);
        assert_in_range(said.size, 1, (256 << 10));
        heard += said.size;
        salvor_buffer_release(&said);
    }
}

static void gives_each_piece_once(void **state)
{
    (void)state;
    struct exchange exchange;
    char piece[1000];
    begin(&exchange, 0);
    for (int i = 0; i < 500; i++) {
        memset(piece, 1, sizeof(piece));
        salvor_handoff_give(&exchange.handoff, piece, sizeof(piece));
        settle(&exchange);
        assert_int_equal(salvor_handoff_state(&exchange.handoff), SALVOR_HANDOFF_MORE);
        memset(piece, 0xff, sizeof(piece)); /* it is ours again */
    }
    settle(&exchange); /* it still wants one */
    salvor_handoff_end(&exchange.handoff);
    settle(&exchange);
    assert_int_equal(salvor_handoff_state(&exchange.handoff), SALVOR_HANDOFF_LEFT);
    assert_int_equal(exchange.last, 0);
    assert_int_equal(exchange.pieces, 500);
    assert_int_equal(exchange.sum, 500 * 1000);
    finish(&exchange);
}

static void bounds_what_is_said(void **state)
{
    (void)state;
    struct exchange exchange;
    size_t heard = 0;
    begin(&exchange, 1 << 20);
    for (int i = 0; i < 5; i++) {
        salvor_handoff_give(&exchange.handoff, "x", 1);
        heard += settle(&exchange);
    }
    salvor_handoff_end(&exchange.handoff);
    heard += settle(&exchange);
    struct salvor_buffer rest;
    salvor_handoff_hear(&rest, &exchange.handoff);
    assert_int_equal(heard + rest.size, 5 << 20);
    salvor_buffer_release(&rest);
    finish(&exchange);
}

static void ends_wherever_the_worker_is(void **state)
{
    (void)state;
    struct exchange exchange;
    begin(&exchange, 0); /* it waits for a piece */
    finish(&exchange);
    assert_int_equal(exchange.last, -1);
    begin(&exchange, 1 << 20); /* it waits for somebody who listens */
    salvor_handoff_give(&exchange.handoff, "x", 1);
    salvor_handoff_wait(&exchange.handoff);
    wait_for(&exchange.handoff.op);
    assert_int_equal(salvor_handoff_state(&exchange.handoff), SALVOR_HANDOFF_HEAR);
    finish(&exchange);
    assert_true(exchange.was_cancelled);
    begin(&exchange, 1 << 20); /* and it is waited for */
    salvor_handoff_give(&exchange.handoff, "x", 1);
    salvor_handoff_wait(&exchange.handoff);
    finish(&exchange);
    assert_true(exchange.handoff.op.done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_each_piece_once),
        cmocka_unit_test(bounds_what_is_said),
        cmocka_unit_test(ends_wherever_the_worker_is),
    };
    return cmocka_run_group_tests(tests, start_loop, stop_loop);
}
