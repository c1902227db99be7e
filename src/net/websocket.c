#include "net/websocket.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/websocket_io.h"

#define RESERVE 1024 /* of the output, for what must not wait behind data */

/* Parts that are handed on before others have their turn: a server may send empty ones for ever. */
#define TURN_PARTS 65536
#define TURN_PAUSE 0.001 /* seconds */

/* Opening */

static void opened(struct salvor_websocket *socket)
{
    const char *protocol;
    if (socket->http.status != 101) {
        salvor_websocket_end(socket, SALVOR_WEBSOCKET_REFUSED);
        return;
    }
    if (salvor_upgrade_check(&protocol, &socket->http, socket->key, socket->options.protocols,
                             &socket->error) < 0) {
        salvor_websocket_end(socket, SALVOR_WEBSOCKET_FAILED);
        return;
    }
    snprintf(socket->protocol, sizeof(socket->protocol), "%s", protocol);
    socket->state = SALVOR_WEBSOCKET_OPEN;
    socket->pinged = socket->heard = salvor_loop_now();
}

static void take_answer(struct salvor_websocket *socket)
{
    const uint8_t *data = socket->in + socket->in_start;
    size_t size = socket->in_end - socket->in_start;
    if (salvor_upgrade_take(&socket->upgrade, &socket->http, &data, &size, &socket->error) < 0) {
        salvor_websocket_end(socket, SALVOR_WEBSOCKET_FAILED);
        return;
    }
    socket->in_start = socket->in_end - size;
    if (socket->upgrade.state == SALVOR_UPGRADE_DONE)
        opened(socket);
    else if (socket->lost) /* with its headers an answer says enough */
        salvor_websocket_end(socket, socket->upgrade.state > SALVOR_UPGRADE_HEADERS
                                         ? SALVOR_WEBSOCKET_REFUSED
                                         : SALVOR_WEBSOCKET_FAILED);
}

/* Time */

static double give_up(struct salvor_websocket *socket, const char *code, const char *what,
                      double seconds)
{
    salvor_error_set(&socket->error, code, "%s %s for %g s", socket->http.peer, what, seconds);
    salvor_error_hint(&socket->error, "check the network, the VPN and proxies on the way");
    salvor_websocket_end(socket, SALVOR_WEBSOCKET_FAILED);
    return 0;
}

static double sooner(double a, double b)
{
    return a < b ? a : b;
}

/* Does what is due; seconds until something will be. */
static double tick(struct salvor_websocket *socket)
{
    const struct salvor_websocket_options *options = &socket->options;
    double now = salvor_loop_now();
    if (socket->state == SALVOR_WEBSOCKET_OPENING)
        return now < socket->opening_until
                   ? socket->opening_until - now
                   : give_up(socket, "Timeout", "gave no answer", options->open_timeout);
    bool sending = socket->out_end > 0;
    if (!salvor_websocket_can_fill(socket))
        socket->heard = now;
    if (now >= socket->heard + options->read_timeout)
        return give_up(socket, "Disconnected", "was silent", options->read_timeout);
    if (sending && now >= socket->progressed + options->write_timeout)
        return give_up(socket, "Disconnected", "took nothing", options->write_timeout);
    if (now >= socket->pinged + options->ping_interval) {
        socket->pinged = now;
        if (!sending)
            salvor_websocket_append(socket, SALVOR_FRAME_PING, NULL, 0, NULL, 0);
    }
    double due =
        sooner(socket->pinged + options->ping_interval, socket->heard + options->read_timeout);
    if (socket->out_end > 0)
        due = sooner(due, socket->progressed + options->write_timeout);
    return due - now;
}

/* What the loop calls */

/* Nothing is watched for while held up: an error of the connection would wake the loop for ever. */
static void watch(struct salvor_websocket *socket)
{
    short events = 0;
    if (salvor_websocket_can_fill(socket))
        events |= POLLIN;
    if (socket->out_start < socket->out_end)
        events |= POLLOUT;
    socket->watch.events = events;
    bool open = socket->state == SALVOR_WEBSOCKET_OPENING || socket->state == SALVOR_WEBSOCKET_OPEN;
    if (!open || !events)
        salvor_watch_stop(&socket->watch);
    else if (!socket->watch.link)
        salvor_watch_start(socket->loop, &socket->watch);
}

static void go_on(struct salvor_websocket *socket)
{
    salvor_websocket_flush(socket);
    salvor_websocket_fill(socket);
    salvor_websocket_send_pong(socket);
    socket->turn_parts = 0;
    if (socket->state == SALVOR_WEBSOCKET_OPENING)
        take_answer(socket);
    if (socket->state == SALVOR_WEBSOCKET_OPEN)
        salvor_websocket_take_in(socket);
    watch(socket);
}

static int too_large(struct salvor_websocket *socket)
{
    if (strcmp(socket->error.code, "TooLarge") != 0)
        return -1;
    salvor_error_set(&socket->error, "TooLarge", "the request to %s is larger than %zu bytes",
                     socket->http.peer, SALVOR_WEBSOCKET_BUFFER);
    salvor_error_hint(&socket->error, "a command's arguments are part of it: hand over large ones "
                                      "as standard input");
    return -1;
}

/* The request is written where it is sent from, since no copy of its credentials may stay. */
static int prepare(struct salvor_websocket *socket)
{
    struct salvor_buffer request = SALVOR_BUFFER_INIT(SALVOR_WEBSOCKET_BUFFER - 1);
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(socket->http.transfer.easy, CURLINFO_ACTIVESOCKET, &fd);
    socket->watch.fd = fd;
    socket->in = malloc(SALVOR_WEBSOCKET_BUFFER);
    if (!socket->in)
        return salvor_error_memory(&socket->error);
    if (salvor_buffer_reserve(&request, SALVOR_WEBSOCKET_BUFFER - 1, &socket->error) < 0)
        return -1;
    socket->out = (uint8_t *)request.data;
    if (salvor_upgrade_request(&request, socket->key, &socket->http, socket->options.protocols,
                               &socket->error) < 0)
        return too_large(socket);
    socket->out_end = request.size;
    return 0;
}

static void on_timer(struct salvor_op *op);

/* In place of the one that may run. */
static void start_timer(struct salvor_websocket *socket, double seconds)
{
    socket->timer.op.wake = NULL;
    salvor_op_abort(&socket->timer.op);
    socket->timer.op.wake = on_timer;
    socket->timer.op.waiter = socket;
    salvor_timer_start(socket->loop, &socket->timer, seconds);
}

/* For what is due next, which for the open socket is something else than for the opening one. */
static void restart_timer(struct salvor_websocket *socket)
{
    double seconds = tick(socket);
    if (socket->state <= SALVOR_WEBSOCKET_OPEN)
        start_timer(socket, seconds);
}

static void on_ready(struct salvor_watch *ready, short revents)
{
    (void)revents;
    struct salvor_websocket *socket =
        (struct salvor_websocket *)((char *)ready - offsetof(struct salvor_websocket, watch));
    bool opening = socket->state == SALVOR_WEBSOCKET_OPENING;
    go_on(socket);
    if (opening && socket->state == SALVOR_WEBSOCKET_OPEN)
        restart_timer(socket);
    socket->notify(socket);
}

static void on_connected(struct salvor_op *op)
{
    struct salvor_websocket *socket = op->waiter;
    if (salvor_http_check(&socket->http, NULL) < 0) {
        salvor_websocket_end(socket, SALVOR_WEBSOCKET_REFUSED);
    } else if (prepare(socket) < 0) {
        salvor_websocket_end(socket, SALVOR_WEBSOCKET_FAILED);
    } else {
        socket->opening_until = salvor_loop_now() + socket->options.open_timeout;
        go_on(socket);
        if (socket->state <= SALVOR_WEBSOCKET_OPEN)
            restart_timer(socket);
    }
    socket->notify(socket);
}

static void on_timer(struct salvor_op *op)
{
    struct salvor_websocket *socket = op->waiter;
    if (!socket->out) { /* it was connected before anybody listened */
        on_connected(&socket->http.op);
        return;
    }
    restart_timer(socket);
    if (socket->state <= SALVOR_WEBSOCKET_OPEN)
        go_on(socket);
    socket->notify(socket);
}

/* The interface */

void salvor_websocket_init(struct salvor_websocket *socket,
                           void (*notify)(struct salvor_websocket *socket), void *context)
{
    memset(socket, 0, sizeof(*socket));
    salvor_http_init(&socket->http);
    salvor_upgrade_init(&socket->upgrade);
    socket->notify = notify;
    socket->context = context;
    socket->timer.op.done = true;
    socket->watch.ready = on_ready;
    socket->pong_size = -1;
}

void salvor_websocket_release(struct salvor_websocket *socket)
{
    if (!socket->notify)
        return;
    if (socket->state == SALVOR_WEBSOCKET_OPEN)
        salvor_websocket_send_close(socket, SALVOR_CLOSE_NORMAL);
    if (socket->state <= SALVOR_WEBSOCKET_OPEN)
        salvor_websocket_end(socket, SALVOR_WEBSOCKET_CLOSED);
    socket->http.op.wake = NULL;
    salvor_http_release(&socket->http);
    salvor_upgrade_release(&socket->upgrade);
    if (socket->out) /* the request had the credentials */
        explicit_bzero(socket->out, SALVOR_WEBSOCKET_BUFFER);
    free(socket->in);
    free(socket->out);
    socket->in = socket->out = NULL;
    socket->piece.kind = SALVOR_FRAME_MORE;
    socket->notify = NULL;
}

void salvor_websocket_open(struct salvor_websocket *socket, struct salvor_loop *loop,
                           const struct salvor_websocket_options *options)
{
    socket->loop = loop;
    socket->options = *options;
    if (socket->http.op.done) {
        start_timer(socket, 0);
    } else {
        socket->http.op.wake = on_connected;
        socket->http.op.waiter = socket;
    }
}

int salvor_websocket_explain(const struct salvor_websocket *socket, struct salvor_error *err)
{
    struct salvor_error ignored;
    err = err ? err : &ignored;
    if (socket->state == SALVOR_WEBSOCKET_FAILED) {
        *err = socket->error;
        return -1;
    }
    if (socket->state != SALVOR_WEBSOCKET_REFUSED)
        return salvor_error_set(err, "Closed", "the stream of %s is closed", socket->http.peer);
    if (salvor_http_check(&socket->http, err) < 0)
        return -1;
    salvor_error_set(err, "Corrupt", "%s answered HTTP %d instead of opening a WebSocket",
                     socket->http.peer, socket->http.status);
    salvor_error_hint(err, "is this the API server, or a proxy or login page in front of it?");
    err->status = socket->http.status;
    return -1;
}

struct salvor_frame_event salvor_websocket_peek(struct salvor_websocket *socket)
{
    if (socket->state == SALVOR_WEBSOCKET_OPEN && !salvor_websocket_has_piece(socket)) {
        if (socket->turn_parts == TURN_PARTS)
            return (struct salvor_frame_event){.kind = SALVOR_FRAME_MORE};
        if (++socket->turn_parts == TURN_PARTS)
            start_timer(socket, TURN_PAUSE);
        salvor_websocket_take_in(socket);
        watch(socket);
    }
    if (!salvor_websocket_has_piece(socket))
        return (struct salvor_frame_event){.kind = SALVOR_FRAME_MORE};
    return socket->piece;
}

void salvor_websocket_consume(struct salvor_websocket *socket, size_t size)
{
    struct salvor_frame_event *piece = &socket->piece;
    piece->data += size;
    piece->size -= size;
    piece->first = false;
    if (piece->size == 0)
        piece->kind = SALVOR_FRAME_MORE;
}

size_t salvor_websocket_room(const struct salvor_websocket *socket)
{
    size_t used = socket->out_end + SALVOR_FRAME_HEADER_MAX + RESERVE;
    if (socket->state != SALVOR_WEBSOCKET_OPEN || socket->deaf || used > SALVOR_WEBSOCKET_BUFFER)
        return 0;
    return SALVOR_WEBSOCKET_BUFFER - used;
}

bool salvor_websocket_send(struct salvor_websocket *socket, const void *head, size_t head_size,
                           const void *data, size_t size)
{
    if (socket->state != SALVOR_WEBSOCKET_OPEN ||
        !salvor_websocket_append(socket, SALVOR_FRAME_BINARY, head, head_size, data, size))
        return false;
    watch(socket);
    return true;
}
