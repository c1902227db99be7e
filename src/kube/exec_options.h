/* What a kubeconfig says of a credential plugin. */
#ifndef SALVOR_KUBE_EXEC_OPTIONS_H
#define SALVOR_KUBE_EXEC_OPTIONS_H

#include <stdbool.h>

#include <jansson.h>

#include "core/error.h"

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

/* *out owns what it holds and must be released in either case. */
int salvor_exec_options_copy(struct salvor_exec_options *out,
                             const struct salvor_exec_options *options, struct salvor_error *err);

/* Wipes and frees a copy. */
void salvor_exec_options_release(struct salvor_exec_options *options);

bool salvor_exec_options_equal(const struct salvor_exec_options *one,
                               const struct salvor_exec_options *other);

#endif
