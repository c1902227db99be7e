/* Who we say that we are, as far as that is known without asking the server. */
#ifndef SALVOR_KUBE_IDENTITY_H
#define SALVOR_KUBE_IDENTITY_H

#include <jansson.h>

#include "core/error.h"
#include "kube/kubeconfig.h"

/*
 * A new object, without secrets; what does not apply is left out:
 *
 *     kind         "plugin", "certificate", "token", "password" or "none"
 *     plugin       the program that prints credentials
 *     certificate  {subject, issuer, begins, ends}, times in seconds since 1970
 *     token        {subject, ends} of one that says so itself
 *
 * Reads a token file. Errors are those of doing so, and of a token that cannot be sent.
 */
int salvor_kube_identity(json_t **out, struct salvor_kubeconfig *config, struct salvor_error *err);

/* {subject, issuer, begins, ends} of a certificate in PEM, a new object. Error Invalid. */
int salvor_kube_certificate(json_t **out, const char *text, struct salvor_error *err);

#endif
