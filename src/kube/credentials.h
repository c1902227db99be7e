/* What a request carries to say who asks. */
#ifndef SALVOR_KUBE_CREDENTIALS_H
#define SALVOR_KUBE_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"
#include "kube/kubeconfig.h"

/*
 * Appends an "Authorization: ..." line, or nothing when there is neither token nor password. A token
 * file is read again when a minute has passed, since tokens of pods are replaced while they run.
 */
int salvor_kube_authorization(struct salvor_buffer *out, struct salvor_kubeconfig *config,
                              struct salvor_error *err);

/*
 * True when our client certificate is past its end, which a server answers only with "Unauthorized";
 * *out then holds the day, "2024-05-31".
 */
bool salvor_kube_certificate_expired(char *out, size_t size,
                                     const struct salvor_kubeconfig *config);

#endif
