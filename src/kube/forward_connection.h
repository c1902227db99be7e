/*
 * Connections to a port of a pod: each is carried over a WebSocket of its own, by the subprotocol
 * v4.channel.k8s.io of portforward: channel 0 is data, channel 1 an error text, and the first two
 * bytes of each repeat the port.
 *
 * That protocol cannot end one direction alone. A local client that has ended its side still gets
 * what the pod sends, as long as something comes every SALVOR_FORWARD_LINGER seconds; then its
 * connection is reset, so that it cannot take the silence for a regular end.
 */
#ifndef SALVOR_KUBE_FORWARD_CONNECTION_H
#define SALVOR_KUBE_FORWARD_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"
#include "kube/kubeconfig.h"
#include "loop/loop.h"
#include "net/websocket.h"

#define SALVOR_FORWARD_LINGER 30.0 /* seconds */

#define SALVOR_FORWARD_PROTOCOL "v4.channel.k8s.io"

struct salvor_forward_connection;

/* Where connections go, and those there are; the caller's, zeroed but for what it sets. */
struct salvor_forward_route {
    struct salvor_loop *loop;
    struct salvor_kubeconfig *config;
    struct salvor_buffer target; /* path and query of the pod's portforward */
    struct salvor_websocket_options options;
    double timeout; /* of each connection to the server, in seconds */
    uint16_t port;  /* the pod's */

    /* A connection has failed; it is dropped next. */
    void (*failed)(struct salvor_forward_route *route, const struct salvor_error *err);
    /* There is one less, for whatever reason. */
    void (*dropped)(struct salvor_forward_route *route);

    struct salvor_forward_connection *connections;
    size_t count;
};

/* Carries a client that was accepted, to its end. Takes `fd` over. */
void salvor_forward_connect(struct salvor_forward_route *route, int fd);

/* Ends and frees it. A reset tells the client that this was no regular end. */
void salvor_forward_drop(struct salvor_forward_connection *connection, bool reset);

#endif
