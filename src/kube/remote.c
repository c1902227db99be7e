#include "kube/remote.h"

#include <stdio.h>
#include <string.h>

#define STATUS_LIMIT  ((size_t)1 << 20)
#define IGNORED_LIMIT ((size_t)64 << 20) /* bytes of channels nobody knows */
#define FRAME_SIZE    ((size_t)64 << 10)
#define TURN_SIZE     ((size_t)4 << 20) /* bytes collected before others have their turn */

/* Giving up a wait leaves the stream as it is. */
static void stay(struct salvor_op *op)
{
    (void)op;
}

/* Nobody waits for the streams any more: they are not to be. */
static void give_up(struct salvor_op *op)
{
    salvor_websocket_release(&((struct salvor_remote *)op)->socket);
}

static void flush_resize(struct salvor_remote *remote)
{
    static const char channel = SALVOR_REMOTE_RESIZE;
    if (remote->resize[0] &&
        salvor_websocket_send(&remote->socket, &channel, 1, remote->resize, strlen(remote->resize)))
        remote->resize[0] = '\0';
}

static bool is_writable(const struct salvor_remote *remote)
{
    return !salvor_remote_is_open(remote) || salvor_websocket_room(&remote->socket) > 1;
}

static void on_change(struct salvor_websocket *socket)
{
    struct salvor_remote *remote = socket->context;
    if (socket->state == SALVOR_WEBSOCKET_OPENING)
        return;
    flush_resize(remote);
    salvor_op_finish(&remote->opened);
    salvor_op_finish(&remote->readable);
    if (is_writable(remote))
        salvor_op_finish(&remote->writable);
}

void salvor_remote_init(struct salvor_remote *remote)
{
    memset(remote, 0, sizeof(*remote));
    salvor_websocket_init(&remote->socket, on_change, remote);
    salvor_buffer_init(&remote->status, STATUS_LIMIT);
    remote->opened.abort = give_up;
    remote->readable.abort = remote->writable.abort = stay;
    remote->readable.done = remote->writable.done = true;
    remote->channel = -1;
}

void salvor_remote_release(struct salvor_remote *remote)
{
    salvor_websocket_release(&remote->socket);
    salvor_buffer_release(&remote->status);
    salvor_op_finish(&remote->opened);
    salvor_op_finish(&remote->readable);
    salvor_op_finish(&remote->writable);
}

void salvor_remote_open(struct salvor_remote *remote, struct salvor_loop *loop,
                        const struct salvor_websocket_options *options)
{
    struct salvor_websocket_options ours = *options;
    ours.protocols = SALVOR_REMOTE_PROTOCOLS;
    salvor_websocket_open(&remote->socket, loop, &ours);
}

int salvor_remote_check(const struct salvor_remote *remote, struct salvor_kubeconfig *config,
                        json_t **details, struct salvor_error *err)
{
    const struct salvor_websocket *socket = &remote->socket;
    *details = NULL;
    if (socket->state == SALVOR_WEBSOCKET_OPEN || socket->state == SALVOR_WEBSOCKET_CLOSED)
        return 0;
    if (socket->state == SALVOR_WEBSOCKET_REFUSED &&
        salvor_kube_check(&socket->http, config, details, err) < 0)
        return -1;
    /* What went wrong after the streams were there is for those who read. */
    return socket->protocol[0] ? 0 : salvor_websocket_explain(socket, err);
}

int salvor_remote_version(const struct salvor_remote *remote)
{
    return !strncmp(remote->socket.protocol, "v5.", 3) ? 5 : 4;
}

bool salvor_remote_is_open(const struct salvor_remote *remote)
{
    return remote->socket.state == SALVOR_WEBSOCKET_OPEN;
}

/* Reading */

static int corrupt(const struct salvor_remote *remote, const char *what, struct salvor_error *err)
{
    return salvor_error_set(err, "Corrupt", "%s %s: the exit status is unknown",
                            remote->socket.http.peer, what);
}

/* A part of another channel than the outputs. */
static int take_other(struct salvor_remote *remote, const struct salvor_frame_event *piece,
                      struct salvor_error *err)
{
    if (remote->channel == SALVOR_REMOTE_STATUS &&
        salvor_buffer_append(&remote->status, piece->data, piece->size, err) < 0)
        return strcmp(err->code, "TooLarge") ? -1 : corrupt(remote, "sent an endless status", err);
    if (remote->channel != SALVOR_REMOTE_STATUS)
        remote->ignored += piece->size;
    remote->has_status |= remote->status.size > 0 && piece->last;
    if (remote->ignored > IGNORED_LIMIT)
        return corrupt(remote, "floods a channel that does not exist", err);
    salvor_websocket_consume(&remote->socket, piece->size);
    return 0;
}

/* 1 when the piece is one of an output and still to be consumed; 0: it was dealt with. */
static int take_piece(struct salvor_remote *remote, const struct salvor_frame_event *piece,
                      struct salvor_error *err)
{
    if (piece->opcode == SALVOR_FRAME_TEXT)
        return corrupt(remote, "sent a text frame where only binary ones may be", err);
    if (piece->first)
        remote->channel = -1;
    if (remote->channel < 0 && piece->size > 0) {
        remote->channel = piece->data[0];
        salvor_websocket_consume(&remote->socket, 1);
        return 0;
    }
    if (remote->channel == SALVOR_REMOTE_STDOUT || remote->channel == SALVOR_REMOTE_STDERR)
        return 1;
    return take_other(remote, piece, err);
}

static enum salvor_remote_result ended(const struct salvor_remote *remote, struct salvor_error *err)
{
    char why[1024];
    const struct salvor_websocket *socket = &remote->socket;
    bool orderly = socket->state == SALVOR_WEBSOCKET_CLOSED;
    if (orderly && remote->has_status)
        return SALVOR_REMOTE_END;
    if (orderly) {
        salvor_error_set(err, "Disconnected", "exit status unknown: %s ended the stream without it",
                         socket->http.peer);
    } else {
        salvor_websocket_explain(socket, err);
        snprintf(why, sizeof(why), "%.1000s", err->message);
        snprintf(err->message, sizeof(err->message), "%s: %s",
                 remote->has_status ? "the output may be incomplete" : "exit status unknown", why);
    }
    if (!err->hint[0])
        salvor_error_hint(err, "the command may have ended or may still run: look at what it does");
    return SALVOR_REMOTE_FAILED;
}

/* The next piece of an output; MORE when there is none. */
static enum salvor_remote_result next_piece(struct salvor_frame_event *piece,
                                            struct salvor_remote *remote, struct salvor_error *err)
{
    for (;;) {
        *piece = salvor_websocket_peek(&remote->socket);
        if (piece->kind == SALVOR_FRAME_MORE)
            return SALVOR_REMOTE_MORE;
        int taken = take_piece(remote, piece, err);
        if (taken != 0)
            return taken < 0 ? SALVOR_REMOTE_FAILED : SALVOR_REMOTE_DATA;
    }
}

enum salvor_remote_result salvor_remote_read(struct salvor_buffer *out, int *channel,
                                             struct salvor_remote *remote, struct salvor_error *err)
{
    struct salvor_error ignored;
    struct salvor_frame_event piece;
    enum salvor_remote_result result;
    err = err ? err : &ignored;
    while ((result = next_piece(&piece, remote, err)) == SALVOR_REMOTE_DATA) {
        size_t room = out->limit - out->size, taken = piece.size < room ? piece.size : room;
        if (piece.size > 0 && (room == 0 || (out->size && *channel != remote->channel)))
            return SALVOR_REMOTE_DATA;
        *channel = remote->channel;
        if (salvor_buffer_append(out, piece.data, taken, err) < 0)
            return SALVOR_REMOTE_FAILED;
        salvor_websocket_consume(&remote->socket, taken);
    }
    if (result == SALVOR_REMOTE_FAILED)
        return result;
    if (out->size)
        return SALVOR_REMOTE_DATA;
    return salvor_remote_is_open(remote) ? SALVOR_REMOTE_MORE : ended(remote, err);
}

enum salvor_remote_result salvor_remote_collect(struct salvor_buffer *out,
                                                struct salvor_buffer *errors,
                                                struct salvor_remote *remote,
                                                struct salvor_error *err)
{
    struct salvor_error ignored;
    struct salvor_frame_event piece;
    enum salvor_remote_result result;
    size_t total = 0;
    err = err ? err : &ignored;
    while ((result = next_piece(&piece, remote, err)) == SALVOR_REMOTE_DATA && total < TURN_SIZE) {
        bool is_error = remote->channel == SALVOR_REMOTE_STDERR;
        struct salvor_buffer *into = is_error ? errors : out;
        if (piece.size > into->limit - into->size)
            return salvor_error_set(err, "TooLarge", "%s is larger than %zu bytes",
                                    is_error ? "stderr" : "stdout", into->limit);
        if (salvor_buffer_append(into, piece.data, piece.size, err) < 0)
            return SALVOR_REMOTE_FAILED;
        total += piece.size;
        salvor_websocket_consume(&remote->socket, piece.size);
    }
    if (result != SALVOR_REMOTE_MORE)
        return result;
    return salvor_remote_is_open(remote) ? SALVOR_REMOTE_MORE : ended(remote, err);
}

void salvor_remote_want_read(struct salvor_remote *remote)
{
    remote->readable.wake = NULL;
    remote->readable.done = !salvor_remote_is_open(remote);
}

/* Writing */

size_t salvor_remote_write(struct salvor_remote *remote, const char *data, size_t size)
{
    static const char channel = SALVOR_REMOTE_STDIN;
    size_t written = 0;
    while (written < size) {
        size_t room = salvor_websocket_room(&remote->socket);
        size_t part = size - written < FRAME_SIZE ? size - written : FRAME_SIZE;
        if (room <= 1)
            break;
        part = part < room - 1 ? part : room - 1;
        if (!salvor_websocket_send(&remote->socket, &channel, 1, data + written, part))
            break;
        written += part;
    }
    return written;
}

void salvor_remote_want_write(struct salvor_remote *remote)
{
    remote->writable.wake = NULL;
    remote->writable.done = is_writable(remote);
}

int salvor_remote_close_stdin(struct salvor_remote *remote, struct salvor_error *err)
{
    static const char message[2] = {(char)SALVOR_REMOTE_CLOSE, SALVOR_REMOTE_STDIN};
    if (salvor_remote_version(remote) < 5) {
        salvor_error_set(err, "Invalid", "%s speaks %s, which cannot end standard input",
                         remote->socket.http.peer, remote->socket.protocol);
        salvor_error_hint(err, "let the command read a size it knows, as head -c does; API servers "
                               "from 1.30 on can end it");
        return -1;
    }
    if (salvor_websocket_send(&remote->socket, message, sizeof(message), NULL, 0))
        return 0;
    if (!salvor_remote_is_open(remote))
        return salvor_websocket_explain(&remote->socket, err);
    return salvor_error_set(err, "Disconnected", "%s takes nothing more", remote->socket.http.peer);
}

void salvor_remote_resize(struct salvor_remote *remote, unsigned width, unsigned height)
{
    snprintf(remote->resize, sizeof(remote->resize), "{\"Width\":%u,\"Height\":%u}", width, height);
    flush_resize(remote);
}
