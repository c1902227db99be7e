#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_fixture.h"

#include "loop/child.h"

/* exec takes strings that may be changed. */
#define WORD(text) ((char[]){text})

static struct salvor_child *start_child(const struct salvor_child_options *options)
{
    struct salvor_child *child;
    struct salvor_error err = {0};
    salvor_child_start(&child, loop, options, &err);
    assert_string_equal(err.message, "");
    return child;
}

static struct salvor_child *start_shell(const char *script, struct salvor_child_options options)
{
    char *argv[] = {WORD("sh"), WORD("-c"), (char *)script, NULL};
    options.argv = argv;
    if (!options.output_limit)
        options.output_limit = 1 << 24;
    return start_child(&options);
}

static void wait_for_child(struct salvor_child *child)
{
    while (!salvor_child_op(child)->done)
        assert_int_equal(salvor_loop_step(loop, -1, NULL), 0);
}

/* Runs to its end; the child is the caller's to free. */
static struct salvor_child *run(const char *script, struct salvor_child_options options,
                                struct salvor_child_result *result)
{
    struct salvor_error err = {0};
    struct salvor_child *child = start_shell(script, options);
    wait_for_child(child);
    salvor_child_result(child, result, &err);
    assert_string_equal(err.message, "");
    return child;
}

static void assert_failure(struct salvor_child *child, const char *code)
{
    struct salvor_child_result result;
    struct salvor_error err;
    assert_int_equal(salvor_child_result(child, &result, &err), -1);
    assert_string_equal(err.code, code);
    salvor_child_free(child);
}

/* An orphan that nobody reaps yet is as gone as one that was. */
static bool runs(pid_t pid)
{
    char path[64], state = 'Z';
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'Z';
    fclose(file);
    return state != 'Z' && state != 'X';
}

static bool is_gone(pid_t pid)
{
    double deadline = salvor_loop_now() + 60;
    while (runs(pid) && salvor_loop_now() < deadline)
        usleep(5000);
    return !runs(pid);
}

static void outputs_and_code(void **state)
{
    (void)state;
    struct salvor_child_result result;
    struct salvor_child *child =
        run("echo out; echo err >&2; exit 3", (struct salvor_child_options){0}, &result);
    assert_int_equal(result.code, 3);
    assert_int_equal(result.signal, 0);
    assert_string_equal(result.output->data, "out\n");
    assert_string_equal(result.errors->data, "err\n");
    salvor_child_free(child);
    child = run("kill -KILL $$", (struct salvor_child_options){0}, &result);
    assert_int_equal(result.code, 128 + SIGKILL);
    assert_int_equal(result.signal, SIGKILL);
    salvor_child_free(child);
}

static void much_goes_through_both_ways(void **state)
{
    (void)state;
    enum { SIZE = 8 << 20 };
    struct salvor_child_result result;
    char *input = malloc(SIZE);
    memset(input, 'x', SIZE);
    struct salvor_child *child =
        run("tee /dev/stderr", (struct salvor_child_options){.input = input, .input_size = SIZE},
            &result);
    assert_int_equal(result.output->size, SIZE);
    assert_int_equal(result.errors->size, SIZE);
    salvor_child_free(child);
    /* A child need not read what it is given. */
    child = run("exec <&-; exit 0",
                (struct salvor_child_options){.input = input, .input_size = SIZE}, &result);
    assert_int_equal(result.code, 0);
    salvor_child_free(child);
    free(input);
}

static void what_cannot_be_run(void **state)
{
    (void)state;
    char *argv[] = {WORD("salvor-no-such-program"), NULL}, *folder[] = {WORD("/"), NULL},
         *fine[] = {WORD("true"), NULL};
    struct salvor_child_options options = {.argv = argv};
    struct salvor_child *child = NULL;
    struct salvor_error err;
    assert_int_equal(salvor_child_start(&child, loop, &options, &err), -1);
    assert_string_equal(err.code, "NotFound");
    assert_non_null(strstr(err.message, argv[0]));
    options.argv = folder;
    assert_int_equal(salvor_child_start(&child, loop, &options, &err), -1);
    assert_string_equal(err.code, "Forbidden");
    options.argv = fine;
    options.cwd = "/no/such/folder";
    assert_int_equal(salvor_child_start(&child, loop, &options, &err), -1);
    assert_non_null(strstr(err.message, options.cwd));
}

static void folder_and_environment(void **state)
{
    (void)state;
    char *env[] = {WORD("PATH=/usr/bin:/bin"), WORD("A=1"), NULL};
    struct salvor_child_result result;
    struct salvor_child *child = run(
        "pwd; echo $A-$HOME", (struct salvor_child_options){.cwd = "/usr", .env = env}, &result);
    assert_string_equal(result.output->data, "/usr\n1-\n");
    salvor_child_free(child);
}

static int count_descriptors(void)
{
    DIR *stream = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(stream))
        count++;
    closedir(stream);
    return count;
}

static void no_descriptor_is_inherited_or_lost(void **state)
{
    (void)state;
    struct salvor_child_result result;
    int before = count_descriptors();
    int ours = open("/etc/passwd", O_RDONLY); /* as fopen() leaves it */
    struct salvor_child *child =
        run("ls /proc/self/fd | wc -l", (struct salvor_child_options){0}, &result);
    assert_string_equal(result.output->data, "4\n"); /* the last one is ls's own */
    salvor_child_free(child);
    close(ours);
    char *argv[] = {WORD("salvor-no-such-program"), NULL};
    assert_int_equal(
        salvor_child_start(&child, loop, &(struct salvor_child_options){.argv = argv}, NULL), -1);
    assert_int_equal(count_descriptors(), before);
}

static void a_left_behind_process_is_not_waited_for(void **state)
{
    (void)state;
    struct salvor_child_result result;
    double before = salvor_loop_now();
    struct salvor_child *child =
        run("sleep 60 & echo $!", (struct salvor_child_options){0}, &result);
    assert_true(salvor_loop_now() - before < 30);
    assert_int_equal(result.code, 0);
    pid_t left = atoi(result.output->data);
    assert_true(left > 0);
    salvor_child_free(child);
    assert_int_equal(kill(left, 0), 0); /* it goes on */
    kill(left, SIGKILL);
}

static void too_much_output_ends_the_group(void **state)
{
    (void)state;
    struct salvor_child *child =
        start_shell("yes | cat", (struct salvor_child_options){.output_limit = 100000});
    wait_for_child(child);
    assert_failure(child, "TooLarge");
}

static void a_timeout_ends_the_group(void **state)
{
    (void)state;
    double before = salvor_loop_now();
    struct salvor_child *child =
        start_shell("sleep 60 & sleep 60", (struct salvor_child_options){.timeout = 0.05});
    wait_for_child(child);
    assert_true(salvor_loop_now() - before < 30);
    assert_failure(child, "Timeout");
}

/* One that ended in time did so, however late we come to look. */
static void a_late_look_is_no_timeout(void **state)
{
    (void)state;
    struct salvor_child_result result;
    struct salvor_child *child =
        start_shell("echo done", (struct salvor_child_options){.timeout = 0.2});
    siginfo_t ended;
    assert_int_equal(waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT), 0);
    usleep(250000);
    wait_for_child(child);
    assert_int_equal(salvor_child_result(child, &result, NULL), 0);
    assert_string_equal(result.output->data, "done\n");
    salvor_child_free(child);
}

static pid_t read_pid(struct salvor_child *child, const char *path)
{
    double deadline = salvor_loop_now() + 30;
    int pid = 0;
    while (pid <= 0 && salvor_loop_now() < deadline) {
        assert_int_equal(salvor_loop_step(loop, 0.01, NULL), 0);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%d\n", &pid) != 1)
            pid = 0;
        if (file)
            fclose(file);
    }
    assert_false(salvor_child_op(child)->done);
    unlink(path);
    return pid;
}

static void ending(bool at_once, const char *trap)
{
    char path[] = "/tmp/salvor-child-XXXXXX", script[200];
    close(mkstemp(path));
    snprintf(script, sizeof(script), "%s sleep 60 & echo $! > %s; while :; do sleep 60; done", trap,
             path);
    struct salvor_child *child = start_shell(script, (struct salvor_child_options){0});
    pid_t pid = read_pid(child, path);
    if (at_once) {
        salvor_op_abort(salvor_child_op(child));
    } else {
        salvor_op_cancel(salvor_child_op(child));
        salvor_op_cancel(salvor_child_op(child));
        wait_for_child(child);
    }
    assert_true(salvor_child_op(child)->done);
    assert_failure(child, "Cancelled");
    assert_true(is_gone(pid));
}

static void aborting_leaves_nothing(void **state)
{
    (void)state;
    ending(true, "");
}

static void cancelling_leaves_nothing(void **state)
{
    (void)state;
    ending(false, "");
}

static void who_ignores_sigterm_is_killed(void **state)
{
    (void)state;
    ending(false, "trap '' TERM;");
}

static void many_are_cancelled_side_by_side(void **state)
{
    (void)state;
    struct salvor_child *children[8];
    struct salvor_child_options nothing = {0};
    for (int i = 0; i < 8; i++)
        children[i] = start_shell("trap '' TERM; echo; while :; do sleep 60; done", nothing);
    for (int i = 0; i < 20; i++)
        assert_int_equal(salvor_loop_step(loop, 0.02, NULL), 0);
    double before = salvor_loop_now();
    for (int i = 0; i < 8; i++)
        salvor_op_cancel(salvor_child_op(children[i]));
    for (int i = 0; i < 8; i++) {
        wait_for_child(children[i]);
        assert_failure(children[i], "Cancelled");
    }
    assert_true(salvor_loop_now() - before < 6 * SALVOR_CHILD_GRACE); /* and not 8 times */
}

static void freeing_a_running_one_ends_it(void **state)
{
    (void)state;
    salvor_child_free(start_shell("sleep 60", (struct salvor_child_options){0}));
    salvor_child_free(NULL);
}

/* As under a parent that ignores SIGCHLD, where the kernel reaps children by itself. */
static void exit_codes_survive_an_ignored_sigchld(void **state)
{
    (void)state;
    struct salvor_child_result result;
    signal(SIGCHLD, SIG_IGN);
    struct salvor_child *child = run("exit 7", (struct salvor_child_options){0}, &result);
    assert_int_equal(result.code, 7);
    salvor_child_free(child);
}

static void closed_standard_descriptors_do_no_harm(void **state)
{
    (void)state;
    struct salvor_child_result result;
    int saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
    close(0);
    struct salvor_child *child =
        run("cat; echo err >&2", (struct salvor_child_options){.input = "in", .input_size = 2},
            &result);
    if (saved >= 0) {
        dup2(saved, 0);
        close(saved);
    }
    assert_string_equal(result.output->data, "in");
    assert_string_equal(result.errors->data, "err\n");
    salvor_child_free(child);
}

/* Puts `path` in the place of a standard descriptor; returns what to give to put_back(). */
static int replace(int fd, const char *path, int flags)
{
    int saved = fcntl(fd, F_DUPFD_CLOEXEC, 10), other = open(path, flags);
    assert_true(saved >= 0 && other >= 0);
    assert_int_equal(dup2(other, fd), fd);
    close(other);
    return saved;
}

static void put_back(int fd, int saved)
{
    dup2(saved, fd);
    close(saved);
}

static void an_interactive_one_has_our_input_and_group(void **state)
{
    (void)state;
    char name[] = "/tmp/salvor-child-XXXXXX", expected[64];
    int fd = mkstemp(name);
    assert_int_equal(write(fd, "typed\n", 6), 6);
    close(fd);
    int saved = replace(0, name, O_RDONLY);
    struct salvor_child_result result;
    struct salvor_child *child =
        run("read line; echo $line; ps -o pgid= -p $$ | tr -d ' '",
            (struct salvor_child_options){.interactive = true, .input = "no", .input_size = 2},
            &result);
    put_back(0, saved);
    unlink(name);
    snprintf(expected, sizeof(expected), "typed\n%d\n", (int)getpgrp());
    assert_string_equal(result.output->data, expected);
    salvor_child_free(child);
}

static void ending_an_interactive_one_ends_nobody_else(void **state)
{
    (void)state;
    struct salvor_child *bystander = start_shell("sleep 60", (struct salvor_child_options){0});
    struct salvor_child *child = start_shell("while :; do sleep 0.01; done",
                                             (struct salvor_child_options){.interactive = true});
    salvor_op_cancel(salvor_child_op(child));
    wait_for_child(child);
    assert_failure(child, "Cancelled");
    child = start_shell("trap '' TERM; echo; while :; do sleep 0.01; done",
                        (struct salvor_child_options){.interactive = true});
    salvor_op_abort(salvor_child_op(child));
    assert_failure(child, "Cancelled");
    assert_false(salvor_child_op(bystander)->done);
    salvor_child_free(bystander);
}

static void errors_may_pass_to_ours(void **state)
{
    (void)state;
    char name[] = "/tmp/salvor-child-XXXXXX", text[16] = "";
    int fd = mkstemp(name), saved = replace(2, name, O_WRONLY);
    struct salvor_child_result result;
    struct salvor_child_options options = {.pass_errors = true};
    struct salvor_child *child = run("echo out; echo err >&2", options, &result);
    put_back(2, saved);
    assert_string_equal(result.output->data, "out\n");
    assert_string_equal(result.errors->data, "");
    assert_int_equal(read(fd, text, sizeof(text) - 1), 4);
    assert_string_equal(text, "err\n");
    salvor_child_free(child);
    close(fd);
    unlink(name);
    /* One whose standard error is closed has none either. */
    saved = fcntl(2, F_DUPFD_CLOEXEC, 10);
    close(2);
    child = run("echo out; echo err >&2; echo $?", options, &result);
    put_back(2, saved);
    assert_string_equal(result.output->data, "out\n0\n");
    salvor_child_free(child);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start_loop, stop_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(outputs_and_code),
        TEST(much_goes_through_both_ways),
        TEST(what_cannot_be_run),
        TEST(folder_and_environment),
        TEST(no_descriptor_is_inherited_or_lost),
        TEST(a_left_behind_process_is_not_waited_for),
        TEST(too_much_output_ends_the_group),
        TEST(a_timeout_ends_the_group),
        TEST(a_late_look_is_no_timeout),
        TEST(aborting_leaves_nothing),
        TEST(cancelling_leaves_nothing),
        TEST(who_ignores_sigterm_is_killed),
        TEST(many_are_cancelled_side_by_side),
        TEST(freeing_a_running_one_ends_it),
        TEST(exit_codes_survive_an_ignored_sigchld),
        TEST(closed_standard_descriptors_do_no_harm),
        TEST(an_interactive_one_has_our_input_and_group),
        TEST(ending_an_interactive_one_ends_nobody_else),
        TEST(errors_may_pass_to_ours),
    };
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
