/*
 * Who to talk to and as whom: kubeconfig files as kubectl reads them, and the service account of a
 * pod. Only the chosen context is looked at closely; an error in another one stops nobody.
 */
#ifndef SALVOR_KUBE_KUBECONFIG_H
#define SALVOR_KUBE_KUBECONFIG_H

#include <stdbool.h>

#include "core/error.h"

/* Where to look; NULL for what kubectl would take. */
struct salvor_kubeconfig_options {
    const char *path; /* only this file, which must exist; otherwise $KUBECONFIG, ~/.kube/config */
    const char *context;             /* instead of current-context */
    const char *namespace;           /* instead of the context's */
    const char *service_account_dir; /* of a pod; for tests */
};

/* All strings are owned; NULL is "not given". Keys, tokens and passwords are wiped on release. */
struct salvor_kubeconfig {
    char *source; /* the file that defines the cluster, or "service account" */
    char *context, *cluster, *user;
    char *namespace;
    char *server; /* http:// or https://, without a slash at the end */

    char *ca, *certificate, *key; /* PEM */
    char *server_name;
    bool insecure;
    bool uncompressed;

    char *token, *token_file;
    double token_read; /* when token_file was read last, on the loop's clock; 0: not yet */
    char *username, *password;
};

/*
 * Fills *out. Errors: NotFound (no configuration, the named file, context, cluster or user), Invalid
 * (what a file says; file and entry are named), those of reading files. *out must be released in
 * either case.
 */
int salvor_kubeconfig_load(struct salvor_kubeconfig *out,
                           const struct salvor_kubeconfig_options *options,
                           struct salvor_error *err);

/* A zeroed struct is fine. */
void salvor_kubeconfig_release(struct salvor_kubeconfig *config);

#endif
