/*
 * A job: one function that blocks, run in a thread (loop/worker.h) while the task that called the
 * binding waits. The rule for bindings (one call below) stays: the call is the job.
 *
 *     struct read *read = salvor_job_new(L, sizeof(*read), release_read);   (job is its first member)
 *     ... arguments into *read ...
 *     return salvor_job_run(L, &read->job, run_read, after_read);
 *
 * `run` is called in the thread with the job, sets job->result and job->failure, and looks at
 * job->stop where it can take long. It must know nothing of Lua and the loop.
 *
 * A cancelled task is told at once, or after a moment: a thread that does not end by itself is left
 * behind, unless it has disabled its stop. So the job, and all that stands on the stack when it is
 * run, lives until the thread has ended; then `release` is called, by the loop's thread. `after`
 * comes only when `run` has returned and nobody was told of a cancellation.
 */
#ifndef SALVOR_LUA_JOB_H
#define SALVOR_LUA_JOB_H

#include <lua.h>

#include "core/error.h"
#include "core/stop.h"
#include "loop/worker.h"

struct salvor_jobs;

struct salvor_job {
    struct salvor_worker worker;
    struct salvor_stop stop;
    bool computes; /* touches no files, so it heeds its stop soon: it is never left behind */
    int result;
    struct salvor_error failure;

    /* Private. */
    void (*run)(struct salvor_job *job);
    void (*release)(struct salvor_job *job);
    struct salvor_jobs *jobs;
    bool closed; /* its binding has returned or raised */
};

/* Once in a new state. */
void salvor_job_install(lua_State *L);

/* Pushes it: zeroed, `size` bytes. `release` (NULL is fine) must accept that state. */
void *salvor_job_new(lua_State *L, size_t size, void (*release)(struct salvor_job *job));

/*
 * The last statement of the binding; `after` is given the job as its context. IO while so many
 * threads are left behind that a file system must be gone.
 */
int salvor_job_run(lua_State *L, struct salvor_job *job, void (*run)(struct salvor_job *job),
                   lua_KFunction after);

/*
 * The same for tidying up, which nobody cancels: it is left behind after a moment, and `after` comes
 * whether it has ended or not. However many were left behind, it is done.
 */
int salvor_job_run_briefly(lua_State *L, struct salvor_job *job,
                           void (*run)(struct salvor_job *job), lua_KFunction after);

/* The same in this thread, for what is so short that a thread would take longer. */
int salvor_job_run_here(lua_State *L, struct salvor_job *job, void (*run)(struct salvor_job *job),
                        lua_KFunction after);

/* For `after`: 0, or nil and the error of a job that failed, pushed (2). */
int salvor_job_check(lua_State *L, struct salvor_job *job, const char *op);

/*
 * Before the state is closed: waits a moment for those that were left behind. False when some go on
 * all the same: then the state must not be closed, since they use what it holds.
 */
bool salvor_jobs_end(lua_State *L);

#endif
