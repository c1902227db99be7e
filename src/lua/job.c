#include "lua/job.h"

#include "lua/binding.h"
#include "lua/task.h"

/*
 * Seconds that the end of the program waits for threads that were left behind: on a busy machine they
 * may still be tidying up, and only a file system that does not answer takes longer.
 */
#define LAST_PATIENCE 1.0

/*
 * How many threads may be left behind at once. A copy that is cancelled leaves as many as it has
 * workers, 256 at the most; each has a descriptor, of the 1024 that a process often may have.
 */
enum { LEFT_MAX = 256 };

struct salvor_jobs {
    lua_State *keeper; /* a Lua thread whose stack is free for use at any time */
    unsigned left;     /* behind */
    bool closing;      /* nothing may outlive the state: each one is waited for */
};

static const char JOBS; /* its address is the key in the registry */

void salvor_job_install(lua_State *L)
{
    struct salvor_jobs *jobs = lua_newuserdatauv(L, sizeof(*jobs), 1);
    *jobs = (struct salvor_jobs){.keeper = lua_newthread(L)};
    lua_setiuservalue(L, -2, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &JOBS);
}

static struct salvor_jobs *get_jobs(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &JOBS);
    struct salvor_jobs *jobs = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return jobs;
}

/* Everything on the stack, the job's own memory with it; the arguments point into it. */
static void keep_stack(lua_State *L, struct salvor_job *job)
{
    int count = lua_gettop(L);
    luaL_checkstack(L, 2, NULL);
    struct salvor_jobs *jobs = get_jobs(L);
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, job);
    job->jobs = jobs;
}

/* Called from inside the loop, so it needs no memory and nobody's stack. */
static void let_go(struct salvor_job *job)
{
    lua_State *keeper = job->jobs->keeper;
    lua_pushnil(keeper);
    lua_rawsetp(keeper, LUA_REGISTRYINDEX, job);
}

static void call_release(struct salvor_job *job)
{
    if (job->release)
        job->release(job);
}

/* The worker */

static void run_in_thread(void *context)
{
    struct salvor_job *job = context;
    job->run(job);
}

static bool stop(void *context)
{
    struct salvor_job *job = context;
    return salvor_stop_ask(&job->stop) && !job->computes && !job->jobs->closing;
}

static void ended(void *context)
{
    struct salvor_job *job = context;
    if (job->closed) {
        job->jobs->left--;
        call_release(job);
    }
    let_go(job);
}

static const struct salvor_work WORK = {.run = run_in_thread, .stop = stop, .ended = ended};

/* The box is closed: by a return, by a raise, or with the state. */
static void release(void *object)
{
    struct salvor_job *job = object;
    salvor_worker_release(&job->worker);
    job->closed = true;
    if (job->worker.running)
        job->jobs->left++;
    else
        call_release(job);
}

/* Who looks every minute whether a file system answers again must not fill the machine. */
static int check_left(lua_State *L, const struct salvor_job *job, struct salvor_error *err)
{
    if (job->computes || get_jobs(L)->left < LEFT_MAX)
        return 0;
    salvor_error_set(err, "IO", "a file system still holds %d calls that were given up", LEFT_MAX);
    salvor_error_hint(err,
                      "see which one does not answer (df waits for it), and mend or unmount it:"
                      " then they end, and new ones can begin");
    return -1;
}

/* For bindings */

void *salvor_job_new(lua_State *L, size_t size, void (*release_job)(struct salvor_job *job))
{
    struct salvor_job *job = salvor_box(L, size, release);
    job->release = release_job;
    return job;
}

static int start(lua_State *L, struct salvor_job *job, void (*run)(struct salvor_job *job),
                 struct salvor_error *err)
{
    keep_stack(L, job);
    job->run = run;
    int result = salvor_worker_start(&job->worker, salvor_get_loop(L), &WORK, job, err);
    if (result < 0)
        let_go(job);
    return result;
}

int salvor_job_run(lua_State *L, struct salvor_job *job, void (*run)(struct salvor_job *job),
                   lua_KFunction after)
{
    struct salvor_error err;
    if (check_left(L, job, &err) < 0 || start(L, job, run, &err) < 0)
        return salvor_fail(L, &err);
    return salvor_wait(L, &job->worker.op, after, (lua_KContext)job);
}

int salvor_job_run_briefly(lua_State *L, struct salvor_job *job,
                           void (*run)(struct salvor_job *job), lua_KFunction after)
{
    struct salvor_error err;
    if (start(L, job, run, &err) < 0)
        return salvor_fail(L, &err);
    salvor_worker_limit(&job->worker);
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

bool salvor_jobs_end(lua_State *L)
{
    struct salvor_jobs *jobs = get_jobs(L);
    if (!jobs)
        return true; /* the state was never set up */
    double left, deadline = salvor_loop_now() + LAST_PATIENCE;
    while (jobs->left && (left = deadline - salvor_loop_now()) > 0)
        if (salvor_loop_step(salvor_get_loop(L), left, NULL) < 0)
            break;
    jobs->closing = true;
    return !jobs->left;
}
