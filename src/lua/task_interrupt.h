/*
 * Interrupts of tasks: which of them a signal ends, and how one that computes gets to know. Which
 * signal came is the loop's affair (loop/interrupt.h), and what ends a task the scheduler's.
 */
#ifndef SALVOR_LUA_TASK_INTERRUPT_H
#define SALVOR_LUA_TASK_INTERRUPT_H

#include <stdbool.h>

#include "lua/scheduler.h"

/* From now on the signal handler tells this scheduler. */
void salvor_task_interrupt_attach(struct salvor_scheduler *scheduler);

/* No signal reaches it from now on: what is left is to take it down. */
void salvor_task_interrupt_detach(struct salvor_scheduler *scheduler);

/* Called by the signal handler: async-signal-safe. */
void salvor_task_interrupt_notify(void);

/* Tells which Lua thread executes from now on. */
void salvor_task_interrupt_set_running(struct salvor_scheduler *scheduler, lua_State *L);

/*
 * From now on Ctrl-C ends this task with its children, and not the script: what was entered at a
 * prompt. Once it has ended Ctrl-C does nothing; while it is ending the second one does nothing either
 * and the third ends the process. NULL: Ctrl-C is the script's again. The task must be referenced
 * until another one, or NULL, takes its place.
 */
void salvor_task_interrupt_set_foreground(struct salvor_scheduler *scheduler,
                                          struct salvor_task *task);

/* Whether a signal has come that was not obeyed yet. */
bool salvor_task_interrupt_pending(const struct salvor_scheduler *scheduler);

/* Does what it asks for, once. `computing`: it came while a task ran, and not while all waited. */
void salvor_task_interrupt_obey(struct salvor_scheduler *scheduler, bool computing);

/* The foreground has ended: what was pressed meanwhile was meant for it. */
void salvor_task_interrupt_forget(struct salvor_scheduler *scheduler);

#endif
