/*
 * An SSH connection over libssh2, as its one thread sees it (loop/service.h): everything here is
 * called from that thread. The steps of setting up (connect, handshake, login) wait for the server
 * until ssh->deadline, or until the call that asked for them is not wanted any more; afterwards the
 * session is used without waiting, and salvor_ssh_wait() is the place to wait.
 *
 * What libssh2 wants to send goes through a buffer of ours, so that it never stops in the middle of
 * a packet: then it would insist on going on with that packet before anything else, reading included.
 *
 * Errors: Unreachable (no connection, or no SSH there), Timeout, Untrusted, Unauthorized,
 * Disconnected, Unsupported, Cancelled; they name host and port.
 */
#ifndef SALVOR_NET_SSH_H
#define SALVOR_NET_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libssh2.h>

#include "core/buffer.h"
#include "core/error.h"
#include "loop/service.h"

#define SALVOR_SSH_HOST_MAX 256

struct salvor_ssh {
    struct salvor_service *service;
    const struct salvor_call *call; /* the one that is being served; NULL: none */
    double deadline;                /* of salvor_loop_now() */
    double heard;                   /* when something arrived last */
    bool deaf;                      /* nobody would read what arrives, so it is not waited for */
    LIBSSH2_SESSION *session;
    int descriptor; /* -1: not connected */
    char host[SALVOR_SSH_HOST_MAX];
    int port;
    char peer[SALVOR_SSH_HOST_MAX + 16]; /* for messages */

    /* Private. */
    struct salvor_buffer outgoing;
    size_t sent;       /* of `outgoing` */
    uint64_t received; /* bytes */
    bool closing;
    int socket_error;
    const char *password; /* while it is asked for */
    char last_words[256]; /* why the server hung up */
};

void salvor_ssh_init(struct salvor_ssh *ssh, struct salvor_service *service);

/* Hangs up. */
void salvor_ssh_release(struct salvor_ssh *ssh);

/*
 * The last call of a thread that has used connections: frees what libcrypto keeps for the thread,
 * which it would do itself later, but for a process that ends just then.
 */
void salvor_ssh_leave_thread(void);

/* Looks the name up and connects. */
int salvor_ssh_connect(struct salvor_ssh *ssh, const char *host, int port,
                       struct salvor_error *err);

/*
 * Agrees on keys. `host_keys`: the types of host key (RFC 4253, 6.6) to ask for, best first, with
 * commas; NULL: any. The server is not known yet: look at salvor_ssh_host_key() before logging in.
 */
int salvor_ssh_handshake(struct salvor_ssh *ssh, const char *host_keys, struct salvor_error *err);

/* The server's key as in RFC 4253, 6.6; the session owns it. */
const char *salvor_ssh_host_key(const struct salvor_ssh *ssh, size_t *size);

/* libssh2 before 1.11 signs with RSA keys by SHA-1 alone, which OpenSSH 8.8 and newer refuse. */
bool salvor_ssh_has_rsa_sha2(void);

enum salvor_ssh_method { SALVOR_SSH_NONE, SALVOR_SSH_PASSWORD, SALVOR_SSH_KEY, SALVOR_SSH_AGENT };

struct salvor_ssh_login {
    enum salvor_ssh_method method;
    const char *user;
    const char *secret;     /* password, or a private key (PEM or OpenSSH's form) */
    size_t secret_size;     /* and a NUL behind it */
    const char *passphrase; /* of the key; "" for none */
    const char *agent;      /* its socket; NULL: as SSH_AUTH_SOCK says */
};

/*
 * Tries one way to log in. Unauthorized when the server refuses it; the next way may be tried then.
 * With the method "none" *methods gets the server's list ("publickey,password"; appended), empty when
 * it let us in without any.
 */
int salvor_ssh_login(struct salvor_ssh *ssh, const struct salvor_ssh_login *login,
                     struct salvor_buffer *methods, struct salvor_error *err);

/*
 * Sends what is left to send and waits until the server has sent something, more can be sent, the
 * service has something to look at, or the deadline has come. Timeout at the deadline, Cancelled when
 * ssh->call is not wanted any more.
 */
int salvor_ssh_wait(struct salvor_ssh *ssh, struct salvor_error *err);

/* False while what was given to the session has not been sent: then no more of it should be given. */
bool salvor_ssh_can_send(struct salvor_ssh *ssh);

/* The error for libssh2's number `code` (below 0), which came of `what` ("cannot open a channel"). */
int salvor_ssh_failed(struct salvor_ssh *ssh, int code, const char *what, struct salvor_error *err);

#endif
