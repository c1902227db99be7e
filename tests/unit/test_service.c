#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <poll.h>
#include <pthread.h>

#include <cmocka.h>

#include "loop_fixture.h"

#include "loop/service.h"

enum { KEPT_MAX = 8 };

/* A thread that adds up the numbers of calls, keeps calls, or blocks. */
struct adder {
    struct salvor_service *service;
    struct salvor_call *kept[KEPT_MAX];
    size_t kept_count;
    atomic_bool unblock, busy;
    atomic_bool *released;
    int64_t sum;
    sigset_t mask;
};

struct add {
    struct salvor_call call;
    int64_t number, sum;
};

/* The thread */

static void serve_add(struct salvor_call *call, void *context)
{
    struct adder *adder = context;
    struct add *add = (struct add *)call;
    struct salvor_error err = {0};
    adder->sum += add->number;
    add->sum = adder->sum;
    salvor_error_set(&err, "Invalid", "negative");
    salvor_service_end(adder->service, call, add->number < 0 ? &err : NULL);
}

static void serve_keep(struct salvor_call *call, void *context)
{
    struct adder *adder = context;
    adder->kept[adder->kept_count++] = call;
}

/* Like a name's lookup: nobody can interrupt it. */
static void serve_block(struct salvor_call *call, void *context)
{
    struct adder *adder = context;
    salvor_service_return(adder->service, call);
    while (!atomic_load(&adder->unblock))
        usleep(1000);
    salvor_service_end(adder->service, call, NULL);
}

/* Computes, and uses the call until it is done. */
static void serve_long(struct salvor_call *call, void *context)
{
    struct adder *adder = context;
    atomic_store(&adder->busy, true);
    usleep(50000);
    ((struct add *)call)->sum = ++adder->sum;
    atomic_store(&adder->busy, false);
    salvor_service_end(adder->service, call, NULL);
}

static void end_unwanted(struct adder *adder)
{
    for (size_t i = adder->kept_count; i-- > 0;)
        if (!salvor_service_is_wanted(adder->service, adder->kept[i])) {
            salvor_service_end(adder->service, adder->kept[i], NULL);
            adder->kept[i] = adder->kept[--adder->kept_count];
        }
}

static void run(struct salvor_service *service, void *context)
{
    struct adder *adder = context;
    adder->service = service;
    pthread_sigmask(SIG_SETMASK, NULL, &adder->mask);
    while (!salvor_service_is_left(service)) {
        struct pollfd polled = {.fd = salvor_service_descriptor(service), .events = POLLIN};
        poll(&polled, 1, -1);
        if (salvor_service_run(service))
            end_unwanted(adder);
    }
}

static void release(void *context)
{
    struct adder *adder = context;
    atomic_store(adder->released, true);
    free(adder);
}

static struct salvor_service *start(struct adder **adder, atomic_bool *released)
{
    struct salvor_service *service;
    *adder = calloc(1, sizeof(**adder));
    (*adder)->released = released;
    atomic_store(released, false);
    assert_int_equal(salvor_service_start(&service, loop, run, release, *adder, NULL), 0);
    return service;
}

static void post_add(struct salvor_service *service, struct add *add, int64_t number)
{
    *add = (struct add){.call.serve = serve_add, .number = number};
    salvor_service_post(service, &add->call);
}

/* Tests */

static void test_calls_are_served_in_their_order(void **state)
{
    (void)state;
    struct adder *adder;
    atomic_bool released;
    struct salvor_service *service = start(&adder, &released);
    struct add calls[100];
    for (int i = 0; i < 100; i++)
        post_add(service, &calls[i], i);
    for (int i = 0; i < 100; i++) {
        wait_for(&calls[i].call.op);
        assert_int_equal(calls[i].call.result, 0);
        assert_int_equal(calls[i].sum, i * (i + 1) / 2);
    }
    assert_true(salvor_loop_is_idle(loop));
    assert_true(sigismember(&adder->mask, SIGINT));
    salvor_service_leave(service);
    assert_true(atomic_load(&released));
}

static void test_a_failure_comes_with_its_error(void **state)
{
    (void)state;
    struct adder *adder;
    atomic_bool released;
    struct salvor_service *service = start(&adder, &released);
    struct add call;
    post_add(service, &call, -1);
    wait_for(&call.call.op);
    assert_int_equal(call.call.result, -1);
    assert_string_equal(call.call.failure.code, "Invalid");
    salvor_service_leave(service);
}

static void test_aborting_a_kept_call_waits_until_it_was_let_go(void **state)
{
    (void)state;
    struct adder *adder;
    atomic_bool released;
    struct salvor_service *service = start(&adder, &released);
    struct salvor_call kept[3];
    struct add after;
    memset(kept, 0, sizeof(kept));
    for (int i = 0; i < 3; i++) {
        kept[i].serve = serve_keep;
        salvor_service_post(service, &kept[i]);
    }
    post_add(service, &after, 1);
    wait_for(&after.call.op);
    assert_int_equal(adder->kept_count, 3);
    salvor_op_abort(&kept[1].op);
    assert_true(kept[1].op.done);
    memset(&kept[1], 0xff, sizeof(kept[1])); /* nobody looks at it any more */
    post_add(service, &after, 1);
    wait_for(&after.call.op);
    assert_int_equal(adder->kept_count, 2);
    salvor_service_leave(service); /* aborts the others */
    assert_true(kept[0].op.done && kept[2].op.done);
    assert_true(atomic_load(&released));
}

static void test_aborting_waits_for_a_thread_that_uses_the_call(void **state)
{
    (void)state;
    struct adder *adder;
    atomic_bool released;
    struct salvor_service *service = start(&adder, &released);
    struct add call = {.call.serve = serve_long};
    double deadline = salvor_loop_now() + 60;
    salvor_service_post(service, &call.call);
    while (!atomic_load(&adder->busy))
        assert_true(salvor_loop_now() < deadline);
    salvor_op_abort(&call.call.op);
    assert_false(atomic_load(&adder->busy));
    assert_int_equal(call.sum, 1);
    salvor_service_leave(service);
}

static void test_a_call_that_waits_for_its_turn_can_be_aborted(void **state)
{
    (void)state;
    struct adder *adder;
    atomic_bool released;
    struct salvor_service *service = start(&adder, &released);
    struct salvor_call blocking = {.serve = serve_block};
    struct add waiting, last;
    salvor_service_post(service, &blocking);
    post_add(service, &waiting, 5);
    salvor_op_abort(&waiting.call.op);
    post_add(service, &last, 2);
    atomic_store(&adder->unblock, true);
    wait_for(&last.call.op);
    assert_int_equal(last.sum, 2);
    wait_for(&blocking.op);
    salvor_service_leave(service);
}

static void test_nobody_waits_for_a_thread_that_blocks(void **state)
{
    (void)state;
    struct adder *adder;
    atomic_bool released;
    struct salvor_service *service = start(&adder, &released);
    struct salvor_call blocking = {.serve = serve_block};
    salvor_service_post(service, &blocking);
    usleep(10000); /* most likely it is being served by now; both ways are right */
    salvor_op_abort(&blocking.op);
    memset(&blocking, 0xff, sizeof(blocking));
    salvor_service_leave(service); /* would not come back if it waited */
    /* It ends by itself, later. */
    if (!atomic_load(&released))
        atomic_store(&adder->unblock, true);
    for (int i = 0; i < 60000 && !atomic_load(&released); i++)
        usleep(1000);
    assert_true(atomic_load(&released));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_calls_are_served_in_their_order, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(test_a_failure_comes_with_its_error, start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(test_aborting_a_kept_call_waits_until_it_was_let_go,
                                        start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(test_aborting_waits_for_a_thread_that_uses_the_call,
                                        start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(test_a_call_that_waits_for_its_turn_can_be_aborted,
                                        start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(test_nobody_waits_for_a_thread_that_blocks, start_loop,
                                        stop_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
