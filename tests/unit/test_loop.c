#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"

static struct salvor_loop *loop;

/* The linker puts it in the place of the one that our objects call (--wrap). */
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

static bool no_memory;

void *__wrap_realloc(void *block, size_t size)
{
    return no_memory ? NULL : __real_realloc(block, size);
}

static int start(void **state)
{
    (void)state;
    return salvor_loop_new(&loop, NULL);
}

static int stop(void **state)
{
    (void)state;
    salvor_loop_free(loop);
    return 0;
}

static char order[16];

static void note(struct salvor_op *op)
{
    strcat(order, op->waiter);
}

static void timers_end_in_the_order_of_their_deadlines(void **state)
{
    (void)state;
    static const double seconds[] = {0.3, 0.1, 0.2, 0.1, -1}; /* far apart for slow machines */
    static char names[][2] = {"e", "b", "d", "c", "a"};
    struct salvor_timer timers[5] = {0};
    order[0] = '\0';
    assert_true(salvor_loop_is_idle(loop));
    for (int i = 0; i < 5; i++) {
        timers[i].op.wake = note;
        timers[i].op.waiter = names[i];
        salvor_timer_start(loop, &timers[i], seconds[i]);
    }
    while (!salvor_loop_is_idle(loop))
        assert_int_equal(salvor_loop_step(loop, -1, NULL), 0);
    assert_string_equal(order, "abcde");
}

static void an_aborted_timer_is_gone(void **state)
{
    (void)state;
    struct salvor_timer timers[3] = {0};
    for (int i = 0; i < 3; i++)
        salvor_timer_start(loop, &timers[i], 1000 + i);
    salvor_op_abort(&timers[1].op);
    salvor_op_abort(&timers[1].op);
    assert_true(timers[1].op.done);
    salvor_op_cancel(&timers[0].op);
    assert_false(salvor_loop_is_idle(loop));
    salvor_op_abort(&timers[2].op);
    assert_true(salvor_loop_is_idle(loop));
}

static void many_timers(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct salvor_timer *timers = calloc(COUNT, sizeof(*timers));
    for (int i = 0; i < COUNT; i++)
        salvor_timer_start(loop, &timers[i], 100);
    for (int i = 0; i < COUNT; i++)
        salvor_op_abort(&timers[i * 7919 % COUNT].op);
    assert_true(salvor_loop_is_idle(loop));
    free(timers);
}

static void a_step_ends_in_time(void **state)
{
    (void)state;
    struct salvor_timer timer = {0};
    salvor_timer_start(loop, &timer, 1000);
    double before = salvor_loop_now();
    assert_int_equal(salvor_loop_step(loop, 0.01, NULL), 0);
    assert_true(salvor_loop_now() - before < 60);
    assert_false(timer.op.done);
    salvor_op_abort(&timer.op);
}

static void an_interrupt_ends_a_step(void **state)
{
    (void)state;
    salvor_loop_interrupt(loop);
    salvor_loop_interrupt(loop);
    assert_int_equal(salvor_loop_step(loop, -1, NULL), 0);
}

struct pair {
    struct salvor_watch first, second;
    int served;
};

static struct pair *pair;

/* Each stops the other: only one of them may be served. */
static void stop_both(struct salvor_watch *watch, short revents)
{
    (void)watch;
    assert_true(revents & POLLIN);
    pair->served++;
    salvor_watch_stop(&pair->first);
    salvor_watch_stop(&pair->second);
}

static void a_watch_may_stop_any_other(void **state)
{
    (void)state;
    struct pair both = {0};
    int ends[2], others[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(others), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(write(others[1], "x", 1), 1);
    both.first = (struct salvor_watch){.fd = ends[0], .events = POLLIN, .ready = stop_both};
    both.second = (struct salvor_watch){.fd = others[0], .events = POLLIN, .ready = stop_both};
    pair = &both;
    salvor_watch_start(loop, &both.first);
    salvor_watch_start(loop, &both.second);
    assert_int_equal(salvor_loop_step(loop, -1, NULL), 0);
    assert_int_equal(both.served, 1);
    assert_true(salvor_loop_is_idle(loop));
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(others[i]);
    }
}

static int hung_up;

/* More than a stack holds, and more than a system may let anybody poll: then that is the error. */
static void a_million_watches(void **state)
{
    (void)state;
    enum { COUNT = 1 << 20 };
    int ends[2];
    struct salvor_error err;
    struct salvor_watch *watches = calloc(COUNT, sizeof(*watches));
    assert_non_null(watches);
    assert_int_equal(pipe(ends), 0);
    for (size_t i = 0; i < COUNT; i++) {
        watches[i] = (struct salvor_watch){.fd = ends[0], .events = POLLIN};
        salvor_watch_start(loop, &watches[i]);
    }
    if (salvor_loop_step(loop, 0, &err) < 0)
        assert_string_equal(err.message, "cannot wait for events: Invalid argument");
    for (size_t i = 0; i < COUNT; i++)
        salvor_watch_stop(&watches[i]);
    close(ends[0]);
    close(ends[1]);
    free(watches);
}

static int served_count;

static void serve_once(struct salvor_watch *watch, short revents)
{
    (void)revents;
    served_count++;
    salvor_watch_stop(watch);
}

static void without_memory_watches_have_their_turn(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct salvor_watch *watches = calloc(COUNT, sizeof(*watches));
    assert_non_null(watches);
    int ready[2], silent[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(silent), 0);
    assert_int_equal(write(ready[1], "x", 1), 1);
    for (size_t i = 0; i < COUNT; i++) {
        watches[i] = (struct salvor_watch){
            .fd = i % 100 == 0 ? ready[0] : silent[0], .events = POLLIN, .ready = serve_once};
        salvor_watch_start(loop, &watches[i]);
    }
    no_memory = true;
    for (int steps = 0; steps < COUNT && served_count < COUNT / 100; steps++)
        assert_int_equal(salvor_loop_step(loop, -1, NULL), 0);
    no_memory = false;
    assert_int_equal(served_count, COUNT / 100);
    for (size_t i = 0; i < COUNT; i++)
        salvor_watch_stop(&watches[i]);
    assert_true(salvor_loop_is_empty(loop));
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(silent[i]);
    }
    free(watches);
}

static void note_end(struct salvor_watch *watch, short revents)
{
    hung_up = revents & POLLHUP;
    salvor_watch_stop(watch);
}

static void the_end_of_a_pipe_is_seen(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    struct salvor_watch watch = {.fd = ends[0], .events = POLLIN, .ready = note_end};
    salvor_watch_start(loop, &watch);
    assert_int_equal(salvor_loop_step(loop, -1, NULL), 0);
    assert_true(hung_up);
    close(ends[0]);
}

static void freeing_ends_what_is_under_way(void **state)
{
    (void)state;
    struct salvor_loop *other;
    struct salvor_timer timer = {0};
    assert_int_equal(salvor_loop_new(&other, NULL), 0);
    salvor_timer_start(other, &timer, 1000);
    salvor_loop_free(other);
    assert_true(timer.op.done);
    salvor_loop_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timers_end_in_the_order_of_their_deadlines),
        TEST(an_aborted_timer_is_gone),
        TEST(many_timers),
        TEST(a_step_ends_in_time),
        TEST(an_interrupt_ends_a_step),
        TEST(a_watch_may_stop_any_other),
        TEST(a_million_watches),
        TEST(without_memory_watches_have_their_turn),
        TEST(the_end_of_a_pipe_is_seen),
        TEST(freeing_ends_what_is_under_way),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
