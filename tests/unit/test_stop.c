/* A stop is asked for or comes too late, never both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "core/stop.h"

static void who_asked_first_prevents_the_change(void **state)
{
    (void)state;
    struct salvor_stop stop = {0};
    assert_int_equal(salvor_stop_check(&stop), 0);
    assert_true(salvor_stop_ask(&stop));
    assert_true(salvor_stop_ask(&stop));
    assert_true(salvor_stop_asked(&stop));
    errno = 0;
    assert_int_equal(salvor_stop_disable(&stop), -1);
    assert_int_equal(errno, ECANCELED);
    errno = 0;
    assert_int_equal(salvor_stop_check(&stop), -1);
    assert_int_equal(errno, ECANCELED);
}

static void who_asks_during_the_change_is_told(void **state)
{
    (void)state;
    struct salvor_stop stop = {0};
    assert_int_equal(salvor_stop_disable(&stop), 0);
    assert_false(salvor_stop_ask(&stop));
    assert_false(salvor_stop_ask(&stop));
    salvor_stop_enable(&stop);
    assert_true(salvor_stop_asked(&stop)); /* it holds for what comes after */
    assert_true(salvor_stop_ask(&stop));
    assert_int_equal(salvor_stop_disable(&stop), -1);
}

static void changes_may_follow_one_another(void **state)
{
    (void)state;
    struct salvor_stop stop = {0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(salvor_stop_disable(&stop), 0);
        salvor_stop_enable(&stop);
    }
    assert_false(salvor_stop_asked(&stop));
}

struct race {
    struct salvor_stop stop;
    pthread_barrier_t start;
    bool changed;
};

static void *change(void *context)
{
    struct race *race = context;
    pthread_barrier_wait(&race->start);
    race->changed = salvor_stop_disable(&race->stop) == 0;
    return NULL;
}

static void one_of_two_at_the_same_time_is_first(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        struct race race = {0};
        pthread_t thread;
        pthread_barrier_init(&race.start, NULL, 2);
        assert_int_equal(pthread_create(&thread, NULL, change, &race), 0);
        pthread_barrier_wait(&race.start);
        bool in_time = salvor_stop_ask(&race.stop);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&race.start);
        assert_int_equal(race.changed, !in_time);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asked_first_prevents_the_change),
        cmocka_unit_test(who_asks_during_the_change_is_told),
        cmocka_unit_test(changes_may_follow_one_another),
        cmocka_unit_test(one_of_two_at_the_same_time_is_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
