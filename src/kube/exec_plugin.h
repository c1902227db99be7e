/*
 * Credential plugins: programs that a kubeconfig names in `exec` and that print who we are, by the
 * ExecCredential protocol of client.authentication.k8s.io v1 and v1beta1 (KEP sig-auth/541).
 *
 * What a plugin printed is kept until it expires or a server refuses it, otherwise as long as the
 * process lives, for all clients whose kubeconfig says the same of it: nobody is asked to log in
 * twice. Those who need it while it is not there wait for one run of the plugin; the run is ended
 * when the last one has given up.
 */
#ifndef SALVOR_KUBE_EXEC_PLUGIN_H
#define SALVOR_KUBE_EXEC_PLUGIN_H

#include <stdbool.h>

#include "core/error.h"
#include "kube/exec_credential.h"
#include "kube/exec_options.h"
#include "loop/loop.h"

struct salvor_exec_plugin;

/*
 * The plugin with exactly these options, which are not needed afterwards, or a new one; ends with
 * _release().
 */
int salvor_exec_plugin_acquire(struct salvor_exec_plugin **out,
                               const struct salvor_exec_options *options, struct salvor_error *err);

/*
 * `owner` needs it no more: those of its who wait get the error Closed, and a run that is of no use
 * to others is ended. NULL is fine.
 */
void salvor_exec_plugin_release(struct salvor_exec_plugin *plugin, const void *owner);

/* As the kubeconfig has it. */
const char *salvor_exec_plugin_command(const struct salvor_exec_plugin *plugin);

/*
 * What was printed last, NULL when nothing was, when it has expired (`fresh`) or was refused.
 * *number tells one from another.
 */
const struct salvor_exec_credential *
salvor_exec_plugin_credential(const struct salvor_exec_plugin *plugin, bool fresh,
                              unsigned long *number);

/* A server did not accept the credential of that number, so the next one who needs it runs anew. */
void salvor_exec_plugin_refuse(struct salvor_exec_plugin *plugin, unsigned long number);

/* Somebody who waits for the run that is under way. */
struct salvor_exec_waiter {
    struct salvor_op op;                /* aborting it disturbs no other */
    const void *owner;                  /* of salvor_exec_plugin_release() */
    const struct salvor_error *failure; /* while op.wake is called: why there is none; or NULL */

    /* Private. */
    struct salvor_exec_plugin *plugin;
    struct salvor_exec_waiter *next, **link;
};

/*
 * Waits for the run that is under way, or starts one. An error now or later names the user and the
 * plugin: NotFound (with the kubeconfig's installHint), Unauthorized (it failed, or wants a terminal
 * that is not there), Invalid (what it printed), TooLarge, Closed. What it writes to standard error
 * goes to ours.
 */
int salvor_exec_plugin_wait(struct salvor_exec_plugin *plugin, struct salvor_exec_waiter *waiter,
                            struct salvor_loop *loop, struct salvor_error *err);

/* A run may ask a person: there is a terminal, and the kubeconfig does not forbid it. */
bool salvor_exec_plugin_may_ask(const struct salvor_exec_plugin *plugin);

/* The run under way may wait for a person, so that no time limit is sensible. */
bool salvor_exec_plugin_is_interactive(const struct salvor_exec_plugin *plugin);

#endif
