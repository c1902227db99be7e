/*
 * The server of the scenarios: plain HTTP on 127.0.0.1, one client after the other.
 *
 *     GET /object, PUT /object   a ConfigMap
 *     GET /stream                two events
 *     GET /exec                  a WebSocket of v5.channel.k8s.io: after the first message both
 *                                outputs, the status Success, and the end
 *     GET /forward               a WebSocket of v4.channel.k8s.io: "pong" from port 80, and the end
 *     anything else              404 with a Status
 */
#ifndef TORTURE_SERVER_H
#define TORTURE_SERVER_H

#include <stddef.h>

/* A listening socket, whose URL goes to `url`. */
int torture_listen(char *url, size_t size);

/* Until nobody has the other end of the pipe any more. */
void torture_serve(int listener, int pipe);

#endif
