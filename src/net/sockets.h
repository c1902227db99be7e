/*
 * The sockets of libcurl's connections. It tells them when they are made, but not which one a
 * request goes out on; that is found again by its local port.
 */
#ifndef SALVOR_NET_SOCKETS_H
#define SALVOR_NET_SOCKETS_H

/* A connection is being made with this descriptor; whoever had it before is gone. */
void salvor_socket_opened(int fd);

/* The descriptor of the connection from that local port, or -1. */
int salvor_socket_find(int local_port);

/*
 * Sends an acknowledgement that is held back. A server that sends the head and the body of an answer
 * apart (Ceph's gateway does) keeps a small body until the head is acknowledged (RFC 896), and that
 * waits for something to go with it (RFC 9293, 3.8.6.3): 40 ms for each answer.
 */
void salvor_socket_acknowledge(int fd);

#endif
