/*
 * Who to talk to and as whom: kubeconfig files as kubectl reads them, and the service account of a
 * pod. Only the chosen context is looked at closely; an error in another one stops nobody.
 */
#ifndef SALVOR_KUBE_KUBECONFIG_H
#define SALVOR_KUBE_KUBECONFIG_H

#include <stdbool.h>

#include <jansson.h>

#include "core/error.h"

struct salvor_exec_plugin;

/* Where to look; NULL for what kubectl would take. */
struct salvor_kubeconfig_options {
    const char *path; /* only this file, which must exist; otherwise $KUBECONFIG, ~/.kube/config */
    const char *context;             /* instead of current-context */
    const char *namespace;           /* instead of the context's */
    const json_t *impersonate;       /* instead of `as`; as in kube/impersonation.h */
    const char *service_account_dir; /* of a pod; for tests */
    int seconds;                     /* for whoever writes a file that is a pipe; 0: 30 */
};

/* All is owned; NULL is "not given". Keys, tokens and passwords are wiped on release. */
struct salvor_kubeconfig {
    char *source; /* the file that defines the cluster, or "service account" */
    char *context, *cluster, *user;
    char *namespace;
    char *server;  /* http:// or https://, without a slash at the end */
    char *warning; /* what a person should know although it is no error */

    char *proxy;                  /* as of salvor_proxy_parse(); NULL: the environment's */
    char *ca, *certificate, *key; /* PEM */
    char *server_name;
    bool insecure;
    bool uncompressed;

    char *token, *token_file;
    double token_read; /* when token_file was read last, on the loop's clock; 0: not yet */
    char *username, *password;
    struct salvor_exec_plugin *plugin; /* where the credentials come from */

    char *act_as;        /* the user who is acted as */
    char *impersonation; /* the header lines for it: kube/impersonation.h */
};

/*
 * Fills *out. Errors: NotFound (no configuration, the named file, context, cluster or user), Invalid
 * (what a file says; file, entry and field are named, and all that is wrong with the entries of the
 * context is told at once), those of reading files. *out must be released in either case.
 */
int salvor_kubeconfig_load(struct salvor_kubeconfig *out,
                           const struct salvor_kubeconfig_options *options,
                           struct salvor_error *err);

/*
 * The files that are looked at, whether they are there or not: a new list of paths, each once. `path`
 * as in the options.
 */
int salvor_kubeconfig_paths(json_t **out, const char *path, struct salvor_error *err);

/* A zeroed struct is fine. Whoever waits for its plugin gets the error Closed. */
void salvor_kubeconfig_release(struct salvor_kubeconfig *config);

/*
 * The contexts of all files as a new list of {name, cluster, user, namespace, server, current},
 * sorted by name, without secrets; what a context does not have is left out. Of `options` only the
 * path counts. No configuration is an empty list.
 */
int salvor_kubeconfig_contexts(json_t **out, const struct salvor_kubeconfig_options *options,
                               struct salvor_error *err);

#endif
