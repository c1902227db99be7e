#include "lua/scheduler.h"

#include <limits.h>
#include <string.h>

#include "lua/binding.h"
#include "lua/task.h"
#include "lua/task_interrupt.h"

/*
 * Loops inside one another use up the C stack, which Lua counts: below this depth a loop runs no
 * other tasks, unless tasks are what it waits for.
 */
enum { DEPTH_LIMIT = 12 };

/* What salvor_wait_again() returns to who called the continuation. */
enum { AGAIN = INT_MIN };

/* User values of a task. */
enum { USER_THREAD = 1, USER_TRACEBACK, USER_VALUES = 2 };

/* A new thread gets what the main thread has: it is an ordinary one. */
static struct salvor_thread_kind **kind_of(lua_State *L)
{
    return lua_getextraspace(L);
}

struct salvor_scheduler *salvor_get_scheduler(lua_State *L)
{
    return (*kind_of(L))->scheduler;
}

bool salvor_is_thread_of_task(lua_State *thread)
{
    return (*kind_of(thread))->is_of_task;
}

struct salvor_loop *salvor_get_loop(lua_State *L)
{
    return salvor_get_scheduler(L)->loop;
}

void salvor_scheduler_attach(lua_State *L, struct salvor_scheduler *scheduler,
                             struct salvor_loop *loop)
{
    *scheduler = (struct salvor_scheduler){
        .ordinary = {.scheduler = scheduler},
        .of_task = {.scheduler = scheduler, .is_of_task = true},
        .loop = loop,
    };
    scheduler->ready_end = &scheduler->ready;
    *kind_of(L) = &scheduler->ordinary;
}

/* Cancellation */

int salvor_task_raise_cancelled(lua_State *L, struct salvor_task *task)
{
    task->cancel_delivered = true;
    struct salvor_error err = salvor_get_scheduler(L)->stuck;
    if (!err.code[0])
        salvor_error_set(&err, "Cancelled", "the task was cancelled");
    return salvor_raise(L, &err);
}

bool salvor_is_cancelled(lua_State *L)
{
    const struct salvor_task *task = salvor_get_scheduler(L)->current;
    return task && task->cancel_delivered;
}

void salvor_pass_cancellation(lua_State *L, bool cancelled_at_entry)
{
    if (salvor_is_cancelled(L) && !cancelled_at_entry)
        salvor_task_raise_cancelled(L, salvor_get_scheduler(L)->current);
}

static void make_ready(struct salvor_scheduler *scheduler, struct salvor_task *task)
{
    task->state = TASK_READY;
    task->next_ready = NULL;
    *scheduler->ready_end = task;
    scheduler->ready_end = &task->next_ready;
}

/*
 * The task behind this one in the tree below `top`, NULL at its end; with `enters` the children come
 * first. Tasks may hang from one another to any depth, so nothing that walks them calls itself.
 */
static struct salvor_task *next_below(struct salvor_task *top, struct salvor_task *task,
                                      bool enters)
{
    if (enters && task->children)
        return task->children;
    while (task != top && !task->sibling)
        task = task->parent;
    return task == top ? NULL : task->sibling;
}

void salvor_task_cancel(struct salvor_task *top)
{
    if (top->state == TASK_ENDED)
        return;
    for (struct salvor_task *task = top; task; task = next_below(top, task, task->settling)) {
        if (task->cancel_requested)
            continue;
        task->cancel_requested = true;
        if (task->waiting)
            salvor_op_cancel(task->waiting);
    }
}

static void cancel_children(struct salvor_task *task)
{
    for (struct salvor_task *child = task->children; child; child = child->sibling)
        salvor_task_cancel(child);
}

void salvor_task_cancel_script(struct salvor_scheduler *scheduler)
{
    for (struct salvor_task *task = scheduler->current; task; task = task->parent)
        salvor_task_cancel(task);
    if (scheduler->root)
        salvor_task_cancel(scheduler->root);
}

/* Running tasks */

static void wake_task(struct salvor_op *op)
{
    struct salvor_task *task = op->waiter;
    task->waiting = NULL;
    make_ready(salvor_get_scheduler(task->thread), task);
}

/* For a task that waits in a loop of its own, which looks for itself. */
static void wake_nested(struct salvor_op *op)
{
    struct salvor_task *task = op->waiter;
    task->waiting = NULL;
}

static void link_child(struct salvor_task *task, struct salvor_task *parent)
{
    task->parent = parent;
    if (!parent)
        return;
    task->sibling = parent->children;
    task->link = &parent->children;
    if (task->sibling)
        task->sibling->link = &task->sibling;
    parent->children = task;
}

static void unlink_child(struct salvor_task *task)
{
    if (!task->parent)
        return;
    *task->link = task->sibling;
    if (task->sibling)
        task->sibling->link = task->link;
    task->parent = NULL;
}

/* Lets go of an ended task: the registry kept it alive. */
static void release_task(lua_State *L, struct salvor_task *task)
{
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, task);
}

static void add_failure(struct salvor_task *parent, struct salvor_task *task)
{
    task->next_failure = parent->failures;
    task->failure_link = &parent->failures;
    if (task->next_failure)
        task->next_failure->failure_link = &task->next_failure;
    parent->failures = task;
}

static void remove_failure(lua_State *L, struct salvor_task *task)
{
    if (!task->failure_link)
        return;
    *task->failure_link = task->next_failure;
    if (task->next_failure)
        task->next_failure->failure_link = task->failure_link;
    task->failure_link = NULL;
    release_task(L, task);
}

/* Children outlive their parent only when it ran out of memory while it settled. */
static void hand_over_children(struct salvor_task *task, struct salvor_task *heir)
{
    cancel_children(task);
    while (task->children) {
        struct salvor_task *child = task->children;
        unlink_child(child);
        link_child(child, heir);
    }
}

/*
 * What ends a task must not fail, or whoever waits for it would wait for ever: it needs no memory,
 * and room on the stack was made before.
 */
static void end_task(lua_State *L, struct salvor_task *task)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    struct salvor_task *parent = task->parent;
    task->state = TASK_ENDED;
    if (task == scheduler->foreground)
        salvor_task_interrupt_forget(scheduler);
    hand_over_children(task, parent);
    unlink_child(task);
    while (task->failures)
        remove_failure(L, task->failures);
    if (parent && task->failed && !task->cancel_delivered && !task->observed)
        add_failure(parent, task);
    else
        release_task(L, task);
    while (scheduler->joiners) {
        struct salvor_op *op = &scheduler->joiners->op;
        op->abort(op);
        salvor_op_finish(op);
    }
    if (parent && parent->settling && !parent->children && parent->state == TASK_WAITING)
        make_ready(scheduler, parent);
}

static void run_task(lua_State *L, struct salvor_task *task)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    struct salvor_task *current = scheduler->current;
    lua_State *running = scheduler->running;
    bool first = lua_status(task->thread) == LUA_OK;
    int count = first ? lua_gettop(task->thread) - 1 : 0;

    task->state = TASK_RUNNING;
    scheduler->current = task;
    salvor_task_interrupt_set_running(scheduler, task->thread);
    int status = lua_resume(task->thread, L, count, &task->results);
    scheduler->current = current;
    salvor_task_interrupt_set_running(scheduler, running);

    if (status == LUA_YIELD && task->state == TASK_WAITING)
        return;
    if (status == LUA_YIELD) {
        lua_pushliteral(L, "attempt to yield from outside a coroutine");
        lua_xmove(L, task->thread, 1);
        status = LUA_ERRRUN;
    }
    if (status != LUA_OK) {
        /* Only what the task's own protected call cannot catch, such as running out of memory. */
        task->failed = true;
        task->results = 1;
    }
    end_task(L, task);
}

static struct salvor_task *next_ready(struct salvor_scheduler *scheduler)
{
    struct salvor_task *task = scheduler->ready;
    if (!task)
        return NULL;
    scheduler->ready = task->next_ready;
    if (!scheduler->ready)
        scheduler->ready_end = &scheduler->ready;
    return task;
}

/*
 * Raises Cancelled in every wait below `top`, also in those of tasks that were told before. False
 * when there was none.
 */
static bool force_cancel(struct salvor_task *top)
{
    bool any = false;
    for (struct salvor_task *task = top; task; task = next_below(top, task, true)) {
        if (!task->waiting)
            continue;
        any = true;
        task->cancel_requested = true;
        task->cancel_delivered = false;
        salvor_op_abort(task->waiting);
    }
    return any;
}

/*
 * No wait can end, and `why` is what they raise. First the root is cancelled, as by Ctrl-C; when there
 * are waits that this does not end, those in `<close>` variables among them, each of them is.
 */
static void end_waits(lua_State *L, const struct salvor_error *why)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    struct salvor_task *root = scheduler->root;
    bool again = scheduler->stuck.code[0] || (root && root->cancel_requested);
    scheduler->stuck = *why;
    if (root && !again)
        salvor_task_cancel(root);
    else if (!root || !force_cancel(root))
        salvor_raise(L, why);
}

/*
 * One turn of the scheduler: a ready task, or one step of the loop when there is none. On the stack
 * there is room for LUA_MINSTACK values.
 */
static void turn(lua_State *L, bool may_run_tasks)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    bool idle = salvor_loop_is_idle(scheduler->loop);
    struct salvor_task *task = may_run_tasks || idle ? next_ready(scheduler) : NULL;
    if (task) {
        run_task(L, task);
        return;
    }
    if (salvor_task_interrupt_pending(scheduler)) {
        salvor_task_interrupt_obey(scheduler, false);
        return;
    }
    struct salvor_error err;
    if (idle)
        salvor_error_set(&err, "Cancelled", "every task waits for another one");
    else if (salvor_loop_step(scheduler->loop, -1, &err) == 0)
        return;
    end_waits(L, &err);
}

void salvor_task_run(lua_State *L, struct salvor_task *root)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    scheduler->root = root;
    while (root->state != TASK_ENDED) {
        scheduler->depth = 0;
        turn(L, true);
    }
}

/* Waiting */

static void unlink_joiner(struct salvor_op *op)
{
    struct salvor_joiner *joiner = (struct salvor_joiner *)op;
    *joiner->link = joiner->next;
    if (joiner->next)
        joiner->next->link = joiner->link;
}

void salvor_task_run_nested(lua_State *L, struct salvor_task *task, struct salvor_op *op)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    int depth = scheduler->depth;
    bool may_run_tasks = depth < DEPTH_LIMIT || op->abort == unlink_joiner;
    /* First, for it may raise: then nobody waits for the operation. */
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    if (task) {
        op->wake = wake_nested;
        op->waiter = task;
        task->waiting = op;
        task->state = TASK_RUNNING;
    }
    while (!op->done) {
        scheduler->depth = depth + 1; /* an error in a turn leaves it as it was then */
        turn(L, may_run_tasks);
    }
    scheduler->depth = depth;
}

static int go_on(lua_State *L, struct salvor_task *task, lua_KFunction after, lua_KContext context)
{
    if (task && task->cancel_requested && !task->cancel_delivered)
        return salvor_task_raise_cancelled(L, task);
    return after(L, LUA_OK, context);
}

static int resumed(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct salvor_task *task = salvor_get_scheduler(L)->current;
    if (!task || task->parked != L || task->waiting)
        return luaL_error(L, "resumed a coroutine that waits in another task");
    task->parked = NULL;
    int results = go_on(L, task, task->after, task->context);
    if (results != AGAIN)
        return results;
    const struct salvor_again *again = &salvor_get_scheduler(L)->again;
    return salvor_wait(L, again->op, again->after, again->context);
}

/* Returns when `op` is done, or never: then resumed() goes on. */
static void wait_for(lua_State *L, struct salvor_op *op, lua_KFunction after, lua_KContext context)
{
    struct salvor_task *task = salvor_get_scheduler(L)->current;
    if (task && task->cancel_requested && !task->cancel_delivered)
        salvor_op_cancel(op);
    if (op->done)
        return;
    if (!task || !lua_isyieldable(L)) {
        salvor_task_run_nested(L, task, op);
        return;
    }
    op->wake = wake_task;
    op->waiter = task;
    task->waiting = op;
    task->after = after;
    task->context = context;
    task->parked = L;
    task->state = TASK_WAITING;
    lua_yieldk(L, 0, 0, resumed);
}

int salvor_wait(lua_State *L, struct salvor_op *op, lua_KFunction after, lua_KContext context)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    for (;;) {
        if (op)
            wait_for(L, op, after, context);
        int results = go_on(L, scheduler->current, after, context);
        if (results != AGAIN)
            return results;
        op = scheduler->again.op;
        after = scheduler->again.after;
        context = scheduler->again.context;
    }
}

int salvor_wait_again(lua_State *L, struct salvor_op *op, lua_KFunction after, lua_KContext context)
{
    salvor_get_scheduler(L)->again = (struct salvor_again){op, after, context};
    return AGAIN;
}

/* Joining */

void salvor_joiner_start(struct salvor_scheduler *scheduler, struct salvor_joiner *joiner)
{
    joiner->op.done = false;
    joiner->op.abort = unlink_joiner;
    joiner->next = scheduler->joiners;
    joiner->link = &scheduler->joiners;
    if (joiner->next)
        joiner->next->link = &joiner->next;
    scheduler->joiners = joiner;
}

/* A task's life */

static struct salvor_task *current_task(lua_State *L)
{
    return salvor_get_scheduler(L)->current;
}

/* The message handler of a task: notes the traceback while the stack still stands. */
static int note_traceback(lua_State *L)
{
    lua_settop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, current_task(L));
    luaL_traceback(L, L, NULL, 1);
    lua_setiuservalue(L, 2, USER_TRACEBACK);
    lua_settop(L, 1);
    return 1;
}

/* Replaces what is on the stack by the error of the first failed child nobody has asked about. */
static void adopt_failure(lua_State *L, struct salvor_task *task)
{
    struct salvor_task *child = task->failures;
    if (!child)
        return;
    while (child->next_failure)
        child = child->next_failure;
    task->failed = true;
    lua_settop(L, 0);
    lua_rawgetp(L, LUA_REGISTRYINDEX, task);
    lua_rawgetp(L, LUA_REGISTRYINDEX, child);
    salvor_task_push_traceback(L, 2);
    lua_setiuservalue(L, 1, USER_TRACEBACK);
    lua_settop(L, 0);
    salvor_task_push_result(L, child);
}

/* Children end before their parent: here it waits for them. */
static int settle(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct salvor_task *task = current_task(L);
    task->parked = NULL;
    if (task->children) {
        task->parked = L;
        task->state = TASK_WAITING;
        return lua_yieldk(L, 0, context, settle);
    }
    task->settling = false;
    if (!task->failed)
        adopt_failure(L, task);
    return task->failed ? 1 : lua_gettop(L) - (int)context;
}

static int finish(lua_State *L, int status, lua_KContext context)
{
    struct salvor_task *task = current_task(L);
    task->failed = status != LUA_OK && status != LUA_YIELD;
    task->settling = true;
    if (task->failed)
        cancel_children(task);
    return settle(L, LUA_OK, context);
}

static int cancelled_before_start(lua_State *L)
{
    return salvor_task_raise_cancelled(L, current_task(L));
}

/* The body of a task's thread; the stack holds its function and the arguments. */
static int task_main(lua_State *L)
{
    if (current_task(L)->cancel_requested) {
        lua_settop(L, 0);
        lua_pushcfunction(L, cancelled_before_start);
    }
    lua_pushcfunction(L, note_traceback);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 1, finish);
    return finish(L, status, 1);
}

struct salvor_task *salvor_task_spawn(lua_State *L, int count)
{
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    struct salvor_task *task = lua_newuserdatauv(L, sizeof(*task), USER_VALUES);
    memset(task, 0, sizeof(*task));
    luaL_setmetatable(L, SALVOR_TASK_METATABLE);
    task->thread = lua_newthread(L);
    *kind_of(task->thread) = &scheduler->of_task;
    lua_setiuservalue(L, -2, USER_THREAD);
    lua_insert(L, -count - 2);
    if (!lua_checkstack(task->thread, count + 2))
        luaL_error(L, "too many arguments");
    lua_pushcfunction(task->thread, task_main);
    lua_xmove(L, task->thread, count + 1);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, task); /* the last that can fail */
    link_child(task, scheduler->current);
    make_ready(scheduler, task);
    return task;
}

int salvor_task_push_result(lua_State *L, struct salvor_task *task)
{
    luaL_checkstack(L, task->results + 1, "too many results");
    lua_State *thread = task->thread;
    int first = lua_gettop(thread) - task->results + 1;
    int results = task->failed ? -1 : task->results;
    if (!lua_checkstack(thread, task->results))
        return luaL_error(L, "too many results");
    for (int i = 0; i < task->results; i++)
        lua_pushvalue(thread, first + i);
    lua_xmove(thread, L, task->results);
    task->observed = true;
    remove_failure(L, task); /* from here on it may be gone */
    return results;
}

void salvor_task_push_traceback(lua_State *L, int index)
{
    lua_getiuservalue(L, index, USER_TRACEBACK);
}
