/* One connection to a forwarded port: what kube/forward.c alone uses of forward_connection.c. */
#ifndef SALVOR_KUBE_FORWARD_CONNECTION_H
#define SALVOR_KUBE_FORWARD_CONNECTION_H

#include "kube/forward.h"

#define SALVOR_FORWARD_PROTOCOL "v4.channel.k8s.io"

/* Carries a client that was accepted, to its end. Takes `fd` over; failures are reported. */
void salvor_forward_connect(struct salvor_forward *forward, int fd);

/* Ends and frees it. A reset tells the client that this was no regular end. */
void salvor_forward_drop(struct salvor_forward_connection *connection, bool reset);

/* And what connections use of forward.c. */
void salvor_forward_report(struct salvor_forward *forward, const struct salvor_error *err);

/* There is room for a connection again. */
void salvor_forward_listen_again(struct salvor_forward *forward);

#endif
