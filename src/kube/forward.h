/*
 * A port of a pod on a port of this machine: listens on 127.0.0.1, and has each connection carried
 * to the pod (kube/forward_connection.h).
 */
#ifndef SALVOR_KUBE_FORWARD_H
#define SALVOR_KUBE_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "kube/forward_connection.h"
#include "kube/kubeconfig.h"
#include "loop/loop.h"
#include "net/websocket.h"

/* Failures that nobody has asked for yet; of more than that the oldest go. */
#define SALVOR_FORWARD_FAILURES 16

struct salvor_forward {
    struct salvor_op failed; /* armed by salvor_forward_want_failure() */
    uint16_t port;           /* the local one */

    /* Private. */
    struct salvor_forward_route route;
    struct salvor_watch watch;
    struct salvor_timer pause; /* until connections are accepted again */
    struct salvor_error failures[SALVOR_FORWARD_FAILURES];
    size_t first_failure, failure_count;
};

void salvor_forward_init(struct salvor_forward *forward);

/* Ends every connection and listens no more. */
void salvor_forward_release(struct salvor_forward *forward);

/*
 * Listens on 127.0.0.1 at `local_port` (0: any). `target` is path and query of the pod's portforward
 * for `remote_port`. The kubeconfig must live as long as this; once it is released, new connections
 * fail. options->protocols is ours; `timeout` is that of each connection to the server.
 */
int salvor_forward_start(struct salvor_forward *forward, struct salvor_loop *loop,
                         struct salvor_kubeconfig *config, const char *target, uint16_t remote_port,
                         uint16_t local_port, double timeout,
                         const struct salvor_websocket_options *options, struct salvor_error *err);

/* The oldest failure of a connection that was not taken yet; false when there is none. */
bool salvor_forward_take_failure(struct salvor_forward *forward, struct salvor_error *out);
void salvor_forward_want_failure(struct salvor_forward *forward);

#endif
