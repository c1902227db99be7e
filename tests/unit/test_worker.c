#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_fixture.h"

#include "loop/pipe.h"
#include "loop/worker.h"

/* A job that sums up what it reads from a pipe, or waits until it is told to stop. */
struct job {
    int descriptor;
    atomic_bool stop;
    bool stopped;
    uint64_t sum, count;
    sigset_t mask;
};

static void ask_to_stop(void *context)
{
    struct job *job = context;
    atomic_store(&job->stop, true);
}

static void wait_for_stop(void *context)
{
    struct job *job = context;
    while (!atomic_load(&job->stop))
        usleep(1000);
    job->stopped = true;
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

static void the_end_of_the_function_finishes_the_operation(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job = {0};
    bool woken = false;
    assert_int_equal(salvor_worker_start(&worker, loop, wait_for_stop, ask_to_stop, &job, NULL), 0);
    worker.op.wake = note;
    worker.op.waiter = &woken;
    assert_false(salvor_loop_is_idle(loop));
    assert_int_equal(salvor_loop_step(loop, 0.01, NULL), 0);
    assert_false(worker.op.done);
    atomic_store(&job.stop, true);
    wait_for(&worker.op);
    assert_true(woken && job.stopped);
}

static void cancelling_asks_and_aborting_waits(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job = {0};
    salvor_worker_start(&worker, loop, wait_for_stop, ask_to_stop, &job, NULL);
    salvor_op_cancel(&worker.op);
    assert_false(worker.op.done);
    wait_for(&worker.op);
    assert_true(job.stopped);
    job = (struct job){0};
    salvor_worker_start(&worker, loop, wait_for_stop, ask_to_stop, &job, NULL);
    salvor_worker_release(&worker);
    assert_true(worker.op.done && job.stopped);
    salvor_worker_release(&worker);
}

static void the_thread_takes_no_signals(void **state)
{
    (void)state;
    struct salvor_worker worker = {0};
    struct job job = {0};
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    salvor_worker_start(&worker, loop, note_signals, ask_to_stop, &job, NULL);
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
    salvor_worker_start(&worker, loop, sum_up, ask_to_stop, &job, NULL);
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
    salvor_worker_start(&worker, loop, count_down, ask_to_stop, &job, NULL);
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
