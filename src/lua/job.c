#include "lua/job.h"

#include "lua/binding.h"
#include "lua/task.h"

static void stop(void *context)
{
    struct salvor_job *job = context;
    atomic_store(&job->stop, true);
}

static void run_in_thread(void *context)
{
    struct salvor_job *job = context;
    job->run(job);
}

static void release(void *object)
{
    struct salvor_job *job = object;
    salvor_worker_release(&job->worker);
    if (job->release)
        job->release(job);
}

void *salvor_job_new(lua_State *L, size_t size, void (*release_job)(struct salvor_job *job))
{
    struct salvor_job *job = salvor_box(L, size, release);
    job->release = release_job;
    return job;
}

int salvor_job_run(lua_State *L, struct salvor_job *job, void (*run)(struct salvor_job *job),
                   lua_KFunction after)
{
    struct salvor_error err;
    job->run = run;
    if (salvor_worker_start(&job->worker, salvor_get_loop(L), run_in_thread, stop, job, &err) < 0)
        return salvor_fail(L, &err);
    return salvor_wait(L, &job->worker.op, after, (lua_KContext)job);
}

int salvor_job_run_here(lua_State *L, struct salvor_job *job, void (*run)(struct salvor_job *job),
                        lua_KFunction after)
{
    run(job);
    return after(L, LUA_OK, (lua_KContext)job);
}

int salvor_job_check(lua_State *L, struct salvor_job *job, const char *op)
{
    if (job->result == 0)
        return 0;
    salvor_error_op(&job->failure, op);
    return salvor_fail(L, &job->failure);
}
