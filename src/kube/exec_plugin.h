/*
 * Credential plugins: programs that a kubeconfig names in `exec` and that print who we are, by the
 * ExecCredential protocol of client.authentication.k8s.io v1 and v1beta1 (KEP sig-auth/541).
 *
 * What a plugin printed is kept until it expires or a server refuses it. Those who need it while it
 * is not there wait for one run of the plugin; the run is ended when the last one has given up.
 */
#ifndef SALVOR_KUBE_EXEC_PLUGIN_H
#define SALVOR_KUBE_EXEC_PLUGIN_H

#include <stdbool.h>

#include <jansson.h>

#include "core/error.h"
#include "kube/exec_credential.h"
#include "loop/loop.h"

struct salvor_exec_plugin;

/* What the kubeconfig says; nothing of it is needed afterwards. */
struct salvor_exec_options {
    const char *user;         /* the entry's name, for messages */
    const char *command;      /* looked up on our PATH when it holds no slash */
    const json_t *arguments;  /* a list of texts, or NULL */
    const json_t *variables;  /* a mapping of texts: added to our environment; or NULL */
    const char *api_version;  /* client.authentication.k8s.io/v1 or /v1beta1 */
    const char *install_hint; /* NULL: none */
    enum salvor_exec_mode {
        SALVOR_EXEC_NEVER,
        SALVOR_EXEC_IF_AVAILABLE,
        SALVOR_EXEC_ALWAYS
    } mode;                /* whether the plugin may talk with the person at the terminal */
    const json_t *cluster; /* what it is told as spec.cluster, or NULL */
};

int salvor_exec_plugin_new(struct salvor_exec_plugin **out,
                           const struct salvor_exec_options *options, struct salvor_error *err);

/* Ends a run; those who wait for it get the error Closed. NULL is fine. */
void salvor_exec_plugin_free(struct salvor_exec_plugin *plugin);

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

/* The run under way may wait for a person, so that no time limit is sensible. */
bool salvor_exec_plugin_is_interactive(const struct salvor_exec_plugin *plugin);

#endif
