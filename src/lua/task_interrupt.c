#include "lua/task_interrupt.h"

#include <signal.h>

#include <lauxlib.h>

#include "loop/interrupt.h"

static struct salvor_scheduler *volatile signalled; /* whom the signal handler tells, if anybody */

void salvor_task_interrupt_attach(struct salvor_scheduler *scheduler)
{
    signalled = scheduler;
}

void salvor_task_interrupt_detach(struct salvor_scheduler *scheduler)
{
    if (signalled == scheduler)
        signalled = NULL;
}

bool salvor_task_interrupt_pending(const struct salvor_scheduler *scheduler)
{
    return salvor_interrupt_signal() && !scheduler->interrupt_seen;
}

void salvor_task_interrupt_set_foreground(struct salvor_scheduler *scheduler,
                                          struct salvor_task *task)
{
    scheduler->foreground = task;
}

static bool is_below(const struct salvor_task *task, const struct salvor_task *ancestor)
{
    while (task && task != ancestor)
        task = task->parent;
    return task != NULL;
}

static void cancel_foreground(struct salvor_scheduler *scheduler)
{
    if (is_below(scheduler->current, scheduler->foreground))
        for (struct salvor_task *task = scheduler->current; task != scheduler->foreground;
             task = task->parent)
            salvor_task_cancel(task);
    salvor_task_cancel(scheduler->foreground);
    salvor_interrupt_forget();
}

static void obey_at_prompt(struct salvor_scheduler *scheduler)
{
    struct salvor_task *foreground = scheduler->foreground;
    if (foreground->state == TASK_ENDED)
        salvor_interrupt_forget();
    else if (foreground->cancel_requested)
        scheduler->interrupt_seen = true; /* the next one ends the process */
    else
        cancel_foreground(scheduler);
}

void salvor_task_interrupt_obey(struct salvor_scheduler *scheduler, bool computing)
{
    if (scheduler->foreground && salvor_interrupt_signal() == SIGINT) {
        obey_at_prompt(scheduler);
        return;
    }
    scheduler->interrupt_seen = true;
    if (computing)
        salvor_task_cancel_script(scheduler);
    else if (scheduler->root)
        salvor_task_cancel(scheduler->root);
}

/*
 * The hook that a signal sets: the only way to stop a script that computes. It runs in whatever
 * task computes.
 */
static void interrupt_hook(lua_State *L, lua_Debug *activation)
{
    (void)activation;
    lua_sethook(L, NULL, 0, 0);
    struct salvor_scheduler *scheduler = salvor_get_scheduler(L);
    struct salvor_task *task = scheduler->current;
    /* A thread that was made while the hook was set inherited it. */
    if (!salvor_task_interrupt_pending(scheduler))
        return;
    salvor_task_interrupt_obey(scheduler, true);
    if (!task && scheduler->interrupt_seen)
        luaL_error(L, "interrupted");
    if (task && task->cancel_requested && !task->cancel_delivered)
        salvor_task_raise_cancelled(L, task);
}

static void set_hook(lua_State *L)
{
    lua_sethook(L, interrupt_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

void salvor_task_interrupt_notify(void)
{
    struct salvor_scheduler *scheduler = signalled;
    if (!scheduler)
        return;
    if (scheduler->running)
        set_hook(scheduler->running);
    salvor_loop_interrupt(scheduler->loop);
}

/* The hook may have been set on a thread that was about to end: it is carried over to the next. */
void salvor_task_interrupt_set_running(struct salvor_scheduler *scheduler, lua_State *L)
{
    scheduler->running = L;
    if (L && salvor_task_interrupt_pending(scheduler))
        set_hook(L);
}

void salvor_task_interrupt_forget(struct salvor_scheduler *scheduler)
{
    if (salvor_interrupt_signal() != SIGINT)
        return;
    salvor_interrupt_forget();
    scheduler->interrupt_seen = false;
}
