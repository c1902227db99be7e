/* What a request carries to say who asks. */
#ifndef SALVOR_KUBE_CREDENTIALS_H
#define SALVOR_KUBE_CREDENTIALS_H

#include "core/buffer.h"
#include "core/error.h"
#include "kube/kubeconfig.h"

struct salvor_exec_credential;

/*
 * Appends an "Authorization: ..." line, or nothing when there is neither token nor user name. What
 * a plugin `printed` goes before all else; NULL: no plugin. A token file is read again when a minute
 * has passed, since tokens of pods are replaced while they run.
 */
int salvor_kube_authorization(struct salvor_buffer *out, struct salvor_kubeconfig *config,
                              const struct salvor_exec_credential *printed,
                              struct salvor_error *err);

/*
 * The server did not accept what a request carried, of which `credentials` is the number: the next
 * request brings new ones if there is a plugin or a token file to get them from.
 */
void salvor_kube_refused(struct salvor_kubeconfig *config, unsigned long credentials);

#endif
