/*
 * A job: one function that blocks, run in a thread (loop/worker.h) while the task that called the
 * binding waits. The rule for bindings (one call below) stays: the call is the job.
 *
 *     struct read *read = salvor_job_new(L, sizeof(*read), release_read);   (job is its first member)
 *     ... arguments into *read ...
 *     return salvor_job_run(L, &read->job, run_read, after_read);
 *
 * `run` is called in the thread with the job, sets job->result and job->failure, and looks at
 * job->stop where it can take long. It must know nothing of Lua and the loop. The job belongs to the
 * running C function and is released when that returns or raises, after the thread has ended.
 */
#ifndef SALVOR_LUA_JOB_H
#define SALVOR_LUA_JOB_H

#include <stdatomic.h>

#include <lua.h>

#include "core/error.h"
#include "loop/worker.h"

struct salvor_job {
    struct salvor_worker worker;
    atomic_bool stop; /* the task was cancelled */
    int result;
    struct salvor_error failure;
    void (*run)(struct salvor_job *job);
    void (*release)(struct salvor_job *job);
};

/* Pushes it: zeroed, `size` bytes. `release` (NULL is fine) must accept that state. */
void *salvor_job_new(lua_State *L, size_t size, void (*release)(struct salvor_job *job));

/* The last statement of the binding; `after` is given the job as its context. */
int salvor_job_run(lua_State *L, struct salvor_job *job, void (*run)(struct salvor_job *job),
                   lua_KFunction after);

/* The same in this thread, for what is so short that a thread would take longer. */
int salvor_job_run_here(lua_State *L, struct salvor_job *job, void (*run)(struct salvor_job *job),
                        lua_KFunction after);

/* For `after`: 0, or nil and the error of a job that failed, pushed (2). */
int salvor_job_check(lua_State *L, struct salvor_job *job, const char *op);

#endif
