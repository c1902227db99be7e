/* What a credential plugin prints: an ExecCredential of client.authentication.k8s.io. */
#ifndef SALVOR_KUBE_EXEC_CREDENTIAL_H
#define SALVOR_KUBE_EXEC_CREDENTIAL_H

#include <stddef.h>

#include "core/error.h"

/* {0} is none. A certificate never comes without its key. */
struct salvor_exec_credential {
    char *token;
    char *certificate, *key; /* PEM */
    double expires;          /* seconds since 1970; 0: never */
};

/*
 * Reads JSON or YAML, as kubectl does. Error Invalid when it is not an ExecCredential of that
 * apiVersion, holds neither token nor certificate, or one that cannot be sent; the message follows
 * the plugin's name, and quotes nothing that might be secret. *out must be released in either case.
 */
int salvor_exec_credential_read(struct salvor_exec_credential *out, const char *text, size_t size,
                                const char *api_version, struct salvor_error *err);

/* Wipes and frees what it owns. */
void salvor_exec_credential_release(struct salvor_exec_credential *credential);

#endif
