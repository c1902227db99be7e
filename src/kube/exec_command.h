/* The words and the environment that a credential plugin is started with. */
#ifndef SALVOR_KUBE_EXEC_COMMAND_H
#define SALVOR_KUBE_EXEC_COMMAND_H

#include <stdbool.h>

#include <jansson.h>

#include "core/error.h"

struct salvor_exec_call {
    const char *program;
    const json_t *arguments, *variables; /* as in struct salvor_exec_options */
    const char *api_version;
    const json_t *cluster;
    bool interactive;
};

/* {0} is empty. Both lists end with NULL; some strings are the call's and the environment's. */
struct salvor_exec_command {
    char **argv, **env;
    char *path, *info;
    char **own; /* "NAME=value" of the variables, ended by NULL */
};

/*
 * Error NotFound when no folder of our PATH has the program; those that are relative are left out,
 * as by Go. The environment is ours, with the variables and KUBERNETES_EXEC_INFO in it. Must be
 * released in either case, and before `call` goes away.
 */
int salvor_exec_command_make(struct salvor_exec_command *out, const struct salvor_exec_call *call,
                             struct salvor_error *err);

void salvor_exec_command_release(struct salvor_exec_command *command);

#endif
