/*
 * The standard streams of a command in a container, over a WebSocket: the subprotocols
 * v5.channel.k8s.io and v4.channel.k8s.io of exec and attach (KEP 4006). The first byte of each
 * message says which stream the rest belongs to.
 *
 *     salvor_remote_init(&remote)
 *     salvor_kube_start(&remote.socket.http, ...)        with connect_only
 *     salvor_remote_open(&remote, loop, &options)        then wait for .opened
 *     salvor_remote_check(&remote, config, &details, err)
 *     salvor_remote_read() and salvor_remote_write(), waiting for .readable and .writable
 *     salvor_remote_release(&remote)          at any time; ends the remote stream
 */
#ifndef SALVOR_KUBE_REMOTE_H
#define SALVOR_KUBE_REMOTE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "core/buffer.h"
#include "core/error.h"
#include "kube/kubeconfig.h"
#include "kube/request.h"
#include "net/websocket.h"

#define SALVOR_REMOTE_PROTOCOLS "v5.channel.k8s.io, v4.channel.k8s.io"

enum salvor_remote_channel {
    SALVOR_REMOTE_STDIN = 0,
    SALVOR_REMOTE_STDOUT = 1,
    SALVOR_REMOTE_STDERR = 2,
    SALVOR_REMOTE_STATUS = 3,
    SALVOR_REMOTE_RESIZE = 4,
    SALVOR_REMOTE_CLOSE = 255 /* v5: the second byte says which channel has ended */
};

struct salvor_remote {
    struct salvor_op opened;   /* the server has answered; giving up this wait ends the streams */
    struct salvor_op readable; /* armed by salvor_remote_want_read() */
    struct salvor_op writable; /* armed by salvor_remote_want_write() */
    struct salvor_websocket socket;
    struct salvor_buffer status; /* JSON: a Status, whole when a read gave END */

    /* Private. */
    int channel; /* of the message under way; -1: not known yet */
    size_t ignored;
    bool has_status;
    char resize[64]; /* the terminal's size, still to be sent */
};

void salvor_remote_init(struct salvor_remote *remote);
void salvor_remote_release(struct salvor_remote *remote);

/* Goes on with socket.http, started as a GET with connect_only; options->protocols is ours. */
void salvor_remote_open(struct salvor_remote *remote, struct salvor_loop *loop,
                        const struct salvor_websocket_options *options);

/*
 * Once remote->opened is done: 0 when the streams are there. Otherwise as salvor_kube_check(), or
 * Corrupt when something else than a WebSocket was answered, or Timeout.
 */
int salvor_remote_check(const struct salvor_remote *remote, struct salvor_kubeconfig *config,
                        json_t **details, struct salvor_error *err);

/* 4 or 5, once open. Version 4 cannot end standard input alone. */
int salvor_remote_version(const struct salvor_remote *remote);

enum salvor_remote_result {
    SALVOR_REMOTE_FAILED = -1,
    SALVOR_REMOTE_MORE = 0, /* nothing is there yet */
    SALVOR_REMOTE_DATA,
    SALVOR_REMOTE_END /* all was read, the server is done, and remote->status is there */
};

/*
 * Appends what the command wrote to `out`, up to its ceiling, as long as it is of one channel:
 * *channel is STDOUT or STDERR. A stream that ends without a status, or not by the server's own
 * will, is an error (Disconnected), since then nobody knows how the command ended.
 */
enum salvor_remote_result salvor_remote_read(struct salvor_buffer *out, int *channel,
                                             struct salvor_remote *remote,
                                             struct salvor_error *err);
void salvor_remote_want_read(struct salvor_remote *remote);

/*
 * The same for both outputs, whole: each into its buffer, whose ceiling is the error TooLarge. DATA
 * says that there may be more at once, and that others should have their turn.
 */
enum salvor_remote_result salvor_remote_collect(struct salvor_buffer *out,
                                                struct salvor_buffer *errors,
                                                struct salvor_remote *remote,
                                                struct salvor_error *err);

/*
 * Hands on bytes for standard input: as many as there is room for, which is returned; 0 also when
 * the stream has ended, which salvor_remote_is_open() tells.
 */
size_t salvor_remote_write(struct salvor_remote *remote, const char *data, size_t size);
void salvor_remote_want_write(struct salvor_remote *remote);

bool salvor_remote_is_open(const struct salvor_remote *remote);

/* Ends standard input. Error Invalid with version 4; Closed, Disconnected when the stream ended. */
int salvor_remote_close_stdin(struct salvor_remote *remote, struct salvor_error *err);

/* Tells the size of the terminal; of several that cannot be sent yet the last one counts. */
void salvor_remote_resize(struct salvor_remote *remote, unsigned width, unsigned height);

#endif
