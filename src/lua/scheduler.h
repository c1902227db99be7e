/* The scheduler's side that only the host and the task module see; bindings use lua/task.h. */
#ifndef SALVOR_LUA_SCHEDULER_H
#define SALVOR_LUA_SCHEDULER_H

#include <stdbool.h>

#include <lua.h>

#include "loop/loop.h"

struct salvor_task;

/* What the extra space of a Lua thread points to. */
struct salvor_thread_kind {
    struct salvor_scheduler *scheduler;
    bool is_of_task; /* not a script's coroutine: only the scheduler resumes and closes it */
};

/* What a continuation waits for next. */
struct salvor_again {
    struct salvor_op *op;
    lua_KFunction after;
    lua_KContext context;
};

struct salvor_scheduler {
    struct salvor_thread_kind ordinary, of_task;
    struct salvor_loop *loop;
    struct salvor_task *root, *current;
    struct salvor_task *foreground;         /* what Ctrl-C ends; NULL: the script */
    struct salvor_task *ready, **ready_end; /* a queue */
    struct salvor_joiner *joiners;          /* who waits for any task to end */
    lua_State *volatile running;            /* the Lua thread that executes, for the signal hook */
    struct salvor_again again;              /* from a continuation to who called it */
    int depth; /* loops that run on the C stack, one inside the other */
    bool interrupt_seen;
    struct salvor_error stuck; /* why no wait can end; no code: they can */
    bool exiting;              /* os.exit was called */
    int exit_code;
};

/* Waits for a task to end. */
struct salvor_joiner {
    struct salvor_op op;
    struct salvor_joiner *next, **link;
};

enum salvor_task_state { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_ENDED };

struct salvor_task {
    enum salvor_task_state state;
    lua_State *thread;
    struct salvor_task *parent, *children, *sibling, **link;
    struct salvor_task *next_ready;
    struct salvor_task *failures; /* children that failed, latest first, till they are observed */
    struct salvor_task *next_failure, **failure_link;
    struct salvor_op *waiting;
    lua_KFunction after; /* what goes on when `waiting` is done */
    lua_KContext context;
    lua_State *parked; /* the coroutine that waits, after every one around it has yielded too */
    bool settling;     /* its function has returned; it waits for its children */
    bool cancel_requested, cancel_delivered;
    bool failed;   /* ended with an error: the only result */
    bool observed; /* somebody was given the result */
    int results;   /* how many values on top of `thread` are the result */
};

#define SALVOR_TASK_METATABLE "salvor.task"

/* Must be called before any Lua thread is made in this state. */
void salvor_scheduler_attach(lua_State *L, struct salvor_scheduler *scheduler,
                             struct salvor_loop *loop);

struct salvor_scheduler *salvor_get_scheduler(lua_State *L);

/* Whether it is the thread of a task, which coroutine.running() gives to scripts. */
bool salvor_is_thread_of_task(lua_State *thread);

/*
 * Makes a task of the function and its `count` arguments on top of the stack, replacing them by the
 * task; the running task is its parent.
 */
struct salvor_task *salvor_task_spawn(lua_State *L, int count);

/*
 * Runs until `root` has ended. When no wait can end (a deadlock, a loop that fails) the root is
 * cancelled, and all that waits then raises the reason.
 */
void salvor_task_run(lua_State *L, struct salvor_task *root);

/* Asks for the task's end; a task that waits is woken for it. */
void salvor_task_cancel(struct salvor_task *task);

/*
 * The same for the whole script: the running task, those it was started by, which must not take its
 * end for an ordinary failure, and the root, from which every other one hangs.
 */
void salvor_task_cancel_script(struct salvor_scheduler *scheduler);

/* Pushes the result of an ended task onto L (-1: it failed, and the error was pushed). */
int salvor_task_push_result(lua_State *L, struct salvor_task *task);

/* The traceback of the ended, failed task at `index`, pushed as a string or nil. */
void salvor_task_push_traceback(lua_State *L, int index);

/* Raises the object Cancelled in the running task, which from then on counts as told. */
int salvor_task_raise_cancelled(lua_State *L, struct salvor_task *task);

/* Whether the running task's cancellation has been raised. */
bool salvor_is_cancelled(lua_State *L);

/*
 * Raises it again in a call that catches errors, unless it was raised before the call was entered:
 * then the script tidies up in its `<close>` variables, and the call works as ever.
 */
void salvor_pass_cancellation(lua_State *L, bool cancelled_at_entry);

/* Runs the loop here, where Lua cannot yield, until `op` is done; `task` (or NULL) is the waiter. */
void salvor_task_run_nested(lua_State *L, struct salvor_task *task, struct salvor_op *op);

/* Registers `joiner`, which is done when the next task ends. */
void salvor_joiner_start(struct salvor_scheduler *scheduler, struct salvor_joiner *joiner);

#endif
