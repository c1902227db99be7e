#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_fixture.h"

#include "core/stop.h"
#include "loop/pipe.h"
#include "loop/worker.h"

/* A job that sums up what it reads from a pipe, or waits until it is told to stop. */
struct job {
    int descriptor;
    struct salvor_stop stop;
    atomic_bool reached; /* the place where it hangs */
    int disabled;        /* what salvor_stop_disable() has said after that */
    bool stopped;
    int ends; /* how often `ended` was called */
    struct salvor_worker *worker;
    uint64_t sum, count;
    sigset_t mask;
};

static bool ask_to_stop(void *context)
{
    struct job *job = context;
    return salvor_stop_ask(&job->stop);
}

static bool ask_and_wait(void *context)
{
    ask_to_stop(context);
    return false;
}

static void count_end(void *context)
{
    ((struct job *)context)->ends++;
}

static void wait_for_stop(void *context)
{
    struct job *job = context;
    while (!salvor_stop_asked(&job->stop))
        usleep(1000);
    job->stopped = true;
}

/* In the kernel, as on a file system that does not answer, until something is written. */
static void hang(struct job *job)
{
    char byte;
    atomic_store(&job->reached, true);
    while (read(job->descriptor, &byte, 1) < 0 && errno == EINTR)
        ;
}

static void hang_before_the_change(void *context)
{
    struct job *job = context;
    hang(job);
    job->disabled = salvor_stop_disable(&job->stop);
}

static void hang_in_the_change(void *context)
{
    struct job *job = context;
    job->disabled = salvor_stop_disable(&job->stop);
    hang(job);
}

static void hang_in_the_first_of_two_changes(void *context)
{
    struct job *job = context;
    hang_in_the_change(job);
    salvor_stop_enable(&job->stop);
    if (salvor_stop_disable(&job->stop) < 0)
        hang(job);
}

static void note_signals(void *context)
{
    struct job *job = context;
    pthread_sigmask(SIG_SETMASK, NULL, &job->mask);
}

static void sum_up(void *context)
{
    struct job *job = context;
    unsigned char data[5000];
    ssize_t got;
    while ((got = read(job->descriptor, data, sizeof(data))) > 0)
        for (ssize_t i = 0; i < got; i++, job->count++)
            job->sum += data[i];
    close(job->descriptor);
}

static void count_down(void *context)
{
    struct job *job = context;
    char data[3000] = {0};
    while (write(job->descriptor, data, sizeof(data)) > 0)
        job->count += sizeof(data);
    close(job->descriptor);
}

static void note(struct salvor_op *op)
{
    *(bool *)op->waiter = true;
}

static void start(struct salvor_worker *worker, struct job *job, void (*run)(void *context))
{
    const struct salvor_work work = {.run = run, .stop = ask_and_wait};
    assert_int_equal(salvor_worker_start(worker, loop, &work, job, NULL), 0);
}

/* One that may be left behind, and hangs; returns the end of the pipe that sets it going. */
static int start_hanging(struct salvor_worker *worker, struct job *job, void (*run)(void *context))
{
    const struct salvor_work work = {.run = run, .stop = ask_to_stop, .ended = count_end};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *job = (struct job){.descriptor = ends[0]};
    assert_int_equal(salvor_worker_start(worker, loop, &work, job, NULL), 0);
    while (!atomic_load(&job->reached))
        usleep(1000);
    return ends[1];
}

static void set_going(int end)
{
    assert_int_equal(write(end, "x", 1), 1);
}

static void close_both(const struct job *job, int end)
{
    close(end);
    close(job->descriptor);
}

static void wait_for_thread(struct salvor_worker *worker)
{
    while (worker->running)
        assert_int_equal(salvor_loop_step(loop, 1, NULL), 0);
}

/* So long that what may be left behind would have been. */
static void lose_patience(void)
{
    double until = salvor_loop_now() + 0.2;
    while (salvor_loop_now() < until)
        assert_int_equal(salvor_loop_step(loop, 0.01, NULL), 0);
}

static void the_end_of_the_function_finishes_the_operation(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job = {0};
    bool woken = false;
    start(&worker, &job, wait_for_stop);
    worker.op.wake = note;
    worker.op.waiter = &woken;
    assert_false(salvor_loop_is_idle(loop));
    assert_int_equal(salvor_loop_step(loop, 0.01, NULL), 0);
    assert_false(worker.op.done);
    salvor_stop_ask(&job.stop);
    wait_for(&worker.op);
    assert_true(woken && job.stopped);
}

static void cancelling_asks_and_aborting_waits(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job = {0};
    start(&worker, &job, wait_for_stop);
    salvor_op_cancel(&worker.op);
    assert_false(worker.op.done);
    wait_for(&worker.op);
    assert_true(job.stopped);
    job = (struct job){0};
    start(&worker, &job, wait_for_stop);
    salvor_worker_release(&worker);
    assert_true(worker.op.done && job.stopped);
    salvor_worker_release(&worker);
}

static void what_hangs_is_left_behind_and_changes_nothing(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job;
    int end = start_hanging(&worker, &job, hang_before_the_change);
    salvor_op_cancel(&worker.op);
    assert_false(worker.op.done); /* most end by themselves, a moment later */
    assert_false(salvor_loop_is_idle(loop));
    wait_for(&worker.op);
    assert_true(worker.running);
    assert_true(salvor_loop_is_idle(loop) && !salvor_loop_is_empty(loop));
    assert_int_equal(job.ends, 0);
    set_going(end);
    wait_for_thread(&worker);
    assert_int_equal(job.ends, 1);
    assert_int_equal(job.disabled, -1);
    close_both(&job, end);
}

static void what_hangs_is_left_behind_by_an_abort_at_once(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job;
    int end = start_hanging(&worker, &job, hang_before_the_change);
    salvor_worker_release(&worker);
    assert_true(worker.op.done && worker.running);
    assert_true(salvor_loop_is_idle(loop) && !salvor_loop_is_empty(loop));
    salvor_worker_release(&worker);
    set_going(end);
    wait_for_thread(&worker);
    assert_int_equal(job.ends, 1);
    close_both(&job, end);
}

static void must_not_be_called(struct salvor_op *op)
{
    (void)op;
    fail();
}

/* What stands where the worker was is somebody else's. */
static void give_memory_away(void *context)
{
    struct job *job = context;
    job->ends++;
    *job->worker = (struct salvor_worker){.op.wake = must_not_be_called};
}

static void who_was_left_behind_may_free_the_worker_at_its_end(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job;
    int end = start_hanging(&worker, &job, hang_before_the_change);
    worker.work.ended = give_memory_away;
    job.worker = &worker;
    salvor_worker_release(&worker);
    set_going(end);
    wait_for_thread(&worker);
    assert_int_equal(job.ends, 1);
    close_both(&job, end);
}

static void a_change_that_was_begun_is_waited_for(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job;
    int end = start_hanging(&worker, &job, hang_in_the_change);
    salvor_op_cancel(&worker.op);
    lose_patience();
    assert_false(worker.op.done);
    assert_false(salvor_loop_is_idle(loop));
    set_going(end);
    wait_for(&worker.op);
    assert_false(worker.running);
    assert_int_equal(job.disabled, 0);
    assert_int_equal(job.ends, 1);
    close_both(&job, end);
}

static void an_abort_waits_for_a_change_that_was_begun(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job;
    int end = start_hanging(&worker, &job, hang_in_the_change);
    set_going(end);
    salvor_worker_release(&worker);
    assert_false(worker.running);
    assert_int_equal(job.disabled, 0);
    close_both(&job, end);
}

static void what_hangs_after_the_change_is_left_behind(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job;
    int end = start_hanging(&worker, &job, hang_in_the_first_of_two_changes);
    salvor_op_cancel(&worker.op);
    lose_patience();
    assert_false(worker.op.done);
    set_going(end);
    wait_for(&worker.op);
    assert_true(worker.running);
    set_going(end);
    wait_for_thread(&worker);
    assert_int_equal(job.ends, 1);
    close_both(&job, end);
}

static void who_is_limited_is_waited_for_a_moment(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job;
    int end = start_hanging(&worker, &job, hang_before_the_change);
    salvor_worker_limit(&worker);
    assert_false(salvor_stop_asked(&job.stop));
    wait_for(&worker.op);
    assert_true(worker.running && salvor_stop_asked(&job.stop));
    set_going(end);
    wait_for_thread(&worker);
    close_both(&job, end);
}

static void who_ends_in_time_is_not_left_behind(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job;
    int end = start_hanging(&worker, &job, hang_before_the_change);
    set_going(end);
    salvor_op_cancel(&worker.op);
    wait_for(&worker.op);
    wait_for_thread(&worker);
    assert_int_equal(salvor_loop_step(loop, 0.1, NULL), 0); /* no timer is left either */
    assert_true(salvor_loop_is_idle(loop));
    close_both(&job, end);
}

static void the_thread_takes_no_signals(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job = {0};
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    start(&worker, &job, note_signals);
    wait_for(&worker.op);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number < 32; number++) {
        if (number != SIGKILL && number != SIGSTOP)
            assert_int_equal(sigismember(&job.mask, number), 1);
        assert_int_equal(sigismember(&after, number), sigismember(&before, number));
    }
}

static void a_pipe_takes_more_than_it_holds(void **state)
{
    (void)state;
    enum { SIZE = 5 << 20 };
    struct salvor_worker worker = {0};
    struct salvor_pipe pipe = {0};
    struct job job = {0};
    char *data = malloc(SIZE);
    memset(data, 3, SIZE);
    assert_int_equal(salvor_pipe_open(&pipe, &job.descriptor, loop, SALVOR_PIPE_WE_WRITE, NULL), 0);
    start(&worker, &job, sum_up);
    salvor_pipe_write(&pipe, data, SIZE);
    wait_for(&pipe.op);
    assert_false(salvor_pipe_is_broken(&pipe));
    salvor_pipe_close(&pipe);
    wait_for(&worker.op);
    assert_int_equal(job.count, SIZE);
    assert_int_equal(job.sum, 3ULL * SIZE);
    free(data);
}

static void a_write_ends_when_the_reader_is_gone(void **state)
{
    (void)state;
    enum { SIZE = 4 << 20 };
    struct salvor_pipe pipe = {0};
    int theirs;
    char *data = calloc(1, SIZE);
    salvor_pipe_open(&pipe, &theirs, loop, SALVOR_PIPE_WE_WRITE, NULL);
    salvor_pipe_write(&pipe, data, SIZE);
    assert_int_equal(salvor_loop_step(loop, 0, NULL), 0);
    assert_false(pipe.op.done);
    close(theirs);
    wait_for(&pipe.op);
    assert_true(salvor_pipe_is_broken(&pipe));
    salvor_pipe_close(&pipe);
    free(data);
}

static void a_writer_that_is_not_read_is_held_up_and_let_go(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct salvor_pipe pipe = {0};
    struct job job = {0};
    char data[4096];
    salvor_pipe_open(&pipe, &job.descriptor, loop, SALVOR_PIPE_WE_READ, NULL);
    start(&worker, &job, count_down);
    salvor_pipe_wait(&pipe);
    wait_for(&pipe.op);
    assert_true(salvor_pipe_read(&pipe, data, sizeof(data)) > 0);
    salvor_pipe_close(&pipe);
    assert_int_equal(salvor_pipe_read(&pipe, data, sizeof(data)), 0);
    wait_for(&worker.op);
    assert_true(job.count <= 3 << 20);
}

static void the_end_of_what_is_written_is_read(void **state)
{
    (void)state;
    struct salvor_pipe pipe = {0};
    int theirs;
    char data[16];
    salvor_pipe_open(&pipe, &theirs, loop, SALVOR_PIPE_WE_READ, NULL);
    assert_int_equal(salvor_pipe_read(&pipe, data, sizeof(data)), -1);
    assert_int_equal(write(theirs, "abc", 3), 3);
    close(theirs);
    salvor_pipe_wait(&pipe);
    wait_for(&pipe.op);
    assert_int_equal(salvor_pipe_read(&pipe, data, sizeof(data)), 3);
    salvor_pipe_wait(&pipe);
    wait_for(&pipe.op);
    assert_int_equal(salvor_pipe_read(&pipe, data, sizeof(data)), 0);
    salvor_pipe_close(&pipe);
    salvor_pipe_close(&pipe);
}

static void closing_aborts_a_wait(void **state)
{
    (void)state;
    struct salvor_pipe pipe = {0};
    int theirs;
    salvor_pipe_open(&pipe, &theirs, loop, SALVOR_PIPE_WE_READ, NULL);
    salvor_pipe_wait(&pipe);
    assert_false(pipe.op.done);
    salvor_pipe_close(&pipe);
    assert_true(pipe.op.done);
    close(theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_end_of_the_function_finishes_the_operation, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(cancelling_asks_and_aborting_waits, start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(what_hangs_is_left_behind_and_changes_nothing, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(what_hangs_is_left_behind_by_an_abort_at_once, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(who_was_left_behind_may_free_the_worker_at_its_end,
                                        start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(a_change_that_was_begun_is_waited_for, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(an_abort_waits_for_a_change_that_was_begun, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(what_hangs_after_the_change_is_left_behind, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(who_is_limited_is_waited_for_a_moment, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(who_ends_in_time_is_not_left_behind, start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(the_thread_takes_no_signals, start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(a_pipe_takes_more_than_it_holds, start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(a_write_ends_when_the_reader_is_gone, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(a_writer_that_is_not_read_is_held_up_and_let_go, start_loop,
                                        stop_loop),
        cmocka_unit_test_setup_teardown(the_end_of_what_is_written_is_read, start_loop, stop_loop),
        cmocka_unit_test_setup_teardown(closing_aborts_a_wait, start_loop, stop_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
