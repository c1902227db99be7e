/* The parts of reading a kubeconfig, each for one kind of entry; kubeconfig.c puts them together. */
#ifndef SALVOR_KUBE_KUBECONFIG_PART_H
#define SALVOR_KUBE_KUBECONFIG_PART_H

#include "kube/kubeconfig.h"
#include "kube/kubeconfig_entry.h"

/* Reads the entry into *out; what is wrong is noted with the entry. */
void salvor_kubeconfig_load_cluster(struct salvor_kubeconfig *out,
                                    const struct salvor_kubeconfig_entry *cluster);

/* The same for a user; after its cluster, since a plugin is told of that. */
void salvor_kubeconfig_load_user(struct salvor_kubeconfig *out,
                                 const struct salvor_kubeconfig_entry *user,
                                 const struct salvor_kubeconfig_entry *cluster);

/* The `exec` of a user. `needed`: the user has no other credentials. */
void salvor_kubeconfig_load_exec(struct salvor_kubeconfig *out,
                                 const struct salvor_kubeconfig_entry *user,
                                 const struct salvor_kubeconfig_entry *cluster, bool needed);

/* We seem to run in a pod that has a service account, in `folder` (NULL: where pods have it). */
bool salvor_kubeconfig_is_in_pod(const char *folder);

int salvor_kubeconfig_load_pod(struct salvor_kubeconfig *out, const char *folder,
                               struct salvor_error *err);

#endif
