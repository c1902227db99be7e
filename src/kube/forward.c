#include "kube/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "data/text.h"
#include "kube/request.h"

#define PROTOCOL         "v4.channel.k8s.io"
#define MAX_CONNECTIONS  1000
#define READ_SIZE        ((size_t)64 << 10)
#define TURN_SIZE        ((size_t)1 << 20) /* bytes of one connection before others have their turn */
#define ERROR_TEXT_LIMIT 1000
#define ACCEPT_PAUSE     1.0 /* seconds, when there is no room for a connection */

enum { DATA_CHANNEL = 0, ERROR_CHANNEL = 1, CHANNELS = 2, PORT_SIZE = 2 };

struct salvor_forward_connection {
    struct salvor_forward *forward;
    struct salvor_forward_connection *next, **link;
    struct salvor_websocket socket;
    struct salvor_watch local;
    struct salvor_timer linger;
    int channel;                 /* of the message under way; -1: not known yet */
    size_t port_bytes[CHANNELS]; /* how much of the port was read */
    char error_text[ERROR_TEXT_LIMIT + 1];
    size_t error_size;
    bool local_ended; /* the client sends no more */
    bool local_gone;  /* and takes nothing either */
    bool blocked;     /* there is more for the client */
    bool draining;    /* the pod has ended its side */
    bool corrupt;
    bool moved; /* something came from the pod since the timer was started */
};

/* Failures */

static void report(struct salvor_forward *forward, struct salvor_error *err)
{
    size_t last = (forward->first_failure + forward->failure_count) % SALVOR_FORWARD_FAILURES;
    forward->failures[last] = *err;
    if (forward->failure_count < SALVOR_FORWARD_FAILURES)
        forward->failure_count++;
    else
        forward->first_failure = (forward->first_failure + 1) % SALVOR_FORWARD_FAILURES;
    salvor_op_finish(&forward->failed);
}

bool salvor_forward_take_failure(struct salvor_forward *forward, struct salvor_error *out)
{
    if (forward->failure_count == 0)
        return false;
    *out = forward->failures[forward->first_failure];
    forward->first_failure = (forward->first_failure + 1) % SALVOR_FORWARD_FAILURES;
    forward->failure_count--;
    return true;
}

void salvor_forward_want_failure(struct salvor_forward *forward)
{
    forward->failed.wake = NULL;
    forward->failed.done = forward->failure_count > 0;
}

/* The end of a connection */

static void listen_again(struct salvor_forward *forward)
{
    if (forward->watch.fd >= 0 && !forward->watch.link)
        salvor_watch_start(forward->loop, &forward->watch);
}

/* Frees it. A reset tells the client that this was no regular end. */
static void drop(struct salvor_forward_connection *connection, bool reset)
{
    struct salvor_forward *forward = connection->forward;
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    salvor_watch_stop(&connection->local);
    connection->linger.op.wake = NULL;
    if (connection->linger.loop)
        salvor_op_abort(&connection->linger.op);
    if (reset)
        setsockopt(connection->local.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(connection->local.fd);
    salvor_websocket_release(&connection->socket);
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    forward->count--;
    free(connection);
    if (!forward->pause.loop || forward->pause.op.done)
        listen_again(forward);
}

static void explain(struct salvor_forward_connection *connection, struct salvor_error *err)
{
    struct salvor_forward *forward = connection->forward;
    const struct salvor_websocket *socket = &connection->socket;
    json_t *details = NULL;
    salvor_text_make_one_line(connection->error_text, connection->error_size);
    if (connection->error_size)
        salvor_error_set(err, "Unreachable", "port %u of the pod cannot be reached: %s",
                         forward->remote_port, connection->error_text);
    else if (connection->corrupt)
        salvor_error_set(err, "Corrupt", "%s does not speak %s", socket->http.peer, PROTOCOL);
    else if (socket->state != SALVOR_WEBSOCKET_REFUSED ||
             salvor_kube_check(&socket->http, forward->config, &details, err) == 0)
        salvor_websocket_explain(socket, err);
    json_decref(details);
}

static void fail(struct salvor_forward_connection *connection)
{
    struct salvor_error err;
    explain(connection, &err);
    report(connection->forward, &err);
    drop(connection, true);
}

/* From the pod */

static void take_error_text(struct salvor_forward_connection *connection, const uint8_t *data,
                            size_t size)
{
    size_t room = ERROR_TEXT_LIMIT - connection->error_size;
    size_t taken = size < room ? size : room;
    memcpy(connection->error_text + connection->error_size, data, taken);
    connection->error_size += taken;
}

/* What the client takes of it; less than all of it when it is busy or gone. */
static size_t to_client(struct salvor_forward_connection *connection, const uint8_t *data,
                        size_t size)
{
    ssize_t sent = send(connection->local.fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
        return (size_t)sent;
    if (errno == EAGAIN || errno == EINTR)
        connection->blocked = true;
    else
        connection->local_gone = true;
    return 0;
}

/* How much of a part of a message was dealt with. */
static size_t take_part(struct salvor_forward_connection *connection,
                        const struct salvor_frame_event *piece)
{
    if (piece->first)
        connection->channel = -1;
    if (piece->size == 0)
        return 0;
    if (connection->channel < 0) {
        connection->channel = piece->data[0];
        return 1;
    }
    if (connection->channel >= CHANNELS)
        return piece->size;
    size_t *port_bytes = &connection->port_bytes[connection->channel];
    if (*port_bytes < PORT_SIZE) {
        unsigned shift = 8 * (unsigned)(*port_bytes)++;
        if (piece->data[0] != (uint8_t)(connection->forward->remote_port >> shift))
            connection->corrupt = true;
        return 1;
    }
    if (connection->channel == DATA_CHANNEL)
        return to_client(connection, piece->data, piece->size);
    take_error_text(connection, piece->data, piece->size);
    return piece->size;
}

static void from_pod(struct salvor_forward_connection *connection)
{
    size_t total = 0;
    connection->blocked = false;
    while (!connection->blocked && !connection->local_gone && !connection->corrupt) {
        struct salvor_frame_event piece = salvor_websocket_peek(&connection->socket);
        if (piece.kind == SALVOR_FRAME_MORE)
            break;
        connection->corrupt = piece.opcode == SALVOR_FRAME_TEXT;
        size_t taken = take_part(connection, &piece);
        if (taken > 0 || piece.size == 0)
            salvor_websocket_consume(&connection->socket, taken);
        connection->moved = true;
        total += taken;
        /* The client's socket is most likely writable, which brings us back here. */
        if (total >= TURN_SIZE)
            connection->blocked = true;
    }
}

/* To the pod */

static void on_linger(struct salvor_op *op)
{
    struct salvor_forward_connection *connection = op->waiter;
    if (!connection->moved) {
        drop(connection, true);
        return;
    }
    connection->moved = false;
    salvor_timer_start(connection->forward->loop, &connection->linger, SALVOR_FORWARD_LINGER);
}

static void linger(struct salvor_forward_connection *connection)
{
    connection->moved = false;
    connection->linger.op.wake = on_linger;
    connection->linger.op.waiter = connection;
    salvor_timer_start(connection->forward->loop, &connection->linger, SALVOR_FORWARD_LINGER);
}

static void to_pod(struct salvor_forward_connection *connection)
{
    static const char channel = DATA_CHANNEL;
    char data[READ_SIZE];
    size_t total = 0, room;
    while (!connection->local_ended && total < TURN_SIZE &&
           (room = salvor_websocket_room(&connection->socket)) > 1) {
        ssize_t size = recv(connection->local.fd, data,
                            room - 1 < sizeof(data) ? room - 1 : sizeof(data), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (size < 0)
            connection->local_gone = true;
        if (size == 0) {
            connection->local_ended = true;
            linger(connection);
        }
        if (size <= 0)
            break;
        salvor_websocket_send(&connection->socket, &channel, 1, data, (size_t)size);
        total += (size_t)size;
    }
}

/* Both ways */

static void watch_local(struct salvor_forward_connection *connection)
{
    short events = 0;
    if (!connection->local_ended && salvor_websocket_room(&connection->socket) > 1)
        events |= POLLIN;
    if (connection->blocked)
        events |= POLLOUT;
    connection->local.events = events;
    if (!events)
        salvor_watch_stop(&connection->local);
    else if (!connection->local.link)
        salvor_watch_start(connection->forward->loop, &connection->local);
}

/*
 * The pod has ended its side. What the client still sends is dropped until it ends its own: a
 * connection that is closed with unread bytes is reset, and might lose what the client has not read.
 */
static void drain(struct salvor_forward_connection *connection)
{
    char data[READ_SIZE];
    if (!connection->draining) {
        connection->draining = true;
        shutdown(connection->local.fd, SHUT_WR);
        if (!connection->local_ended)
            linger(connection);
    }
    ssize_t size = 0;
    for (size_t total = 0; !connection->local_ended && total < TURN_SIZE; total += (size_t)size) {
        size = recv(connection->local.fd, data, sizeof(data), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        connection->local_ended = size <= 0;
        size = size < 0 ? 0 : size;
    }
    if (connection->local_ended) {
        drop(connection, false);
        return;
    }
    connection->local.events = POLLIN;
    if (!connection->local.link)
        salvor_watch_start(connection->forward->loop, &connection->local);
}

static void carry(struct salvor_forward_connection *connection)
{
    enum salvor_websocket_state *state = &connection->socket.state;
    if (*state == SALVOR_WEBSOCKET_OPENING)
        return;
    if (connection->draining) {
        drain(connection);
        return;
    }
    from_pod(connection);
    to_pod(connection);
    if (connection->local_gone)
        drop(connection, false);
    else if (connection->corrupt)
        fail(connection);
    else if (*state == SALVOR_WEBSOCKET_OPEN || connection->blocked)
        watch_local(connection);
    else if (*state == SALVOR_WEBSOCKET_CLOSED && !connection->error_size)
        drain(connection);
    else
        fail(connection);
}

static void on_pod(struct salvor_websocket *socket)
{
    carry(socket->context);
}

static void on_local(struct salvor_watch *watch, short revents)
{
    (void)revents;
    carry((struct salvor_forward_connection *)((char *)watch -
                                               offsetof(struct salvor_forward_connection, local)));
}

/* Accepting */

static int dial(struct salvor_forward_connection *connection, struct salvor_error *err)
{
    struct salvor_forward *forward = connection->forward;
    struct salvor_kube_request request = {.method = "GET",
                                          .target = forward->target.data,
                                          .timeout = forward->timeout,
                                          .connect_only = true};
    if (!forward->config->server)
        return salvor_error_set(err, "Closed", "the client is closed");
    if (salvor_kube_start(&connection->socket.http, forward->loop, forward->config, &request, err) <
        0)
        return -1;
    salvor_websocket_open(&connection->socket, forward->loop, &forward->options);
    return 0;
}

static void carry_new(struct salvor_forward *forward, int fd)
{
    struct salvor_error err;
    int on = 1;
    struct salvor_forward_connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        salvor_error_memory(&err);
        report(forward, &err);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    salvor_websocket_init(&connection->socket, on_pod, connection);
    connection->forward = forward;
    connection->local.fd = fd;
    connection->local.ready = on_local;
    connection->channel = -1;
    connection->next = forward->connections;
    connection->link = &forward->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    forward->connections = connection;
    forward->count++;
    if (dial(connection, &err) < 0) {
        report(forward, &err);
        drop(connection, true);
    }
}

static void on_pause_over(struct salvor_op *op)
{
    listen_again(op->waiter);
}

/* For want of descriptors or memory; the client waits meanwhile. */
static void pause_accepting(struct salvor_forward *forward, int number)
{
    struct salvor_error err;
    salvor_error_errno(&err, number, "cannot accept a connection on 127.0.0.1:%u", forward->port);
    report(forward, &err);
    salvor_watch_stop(&forward->watch);
    forward->pause.op.wake = on_pause_over;
    forward->pause.op.waiter = forward;
    salvor_timer_start(forward->loop, &forward->pause, ACCEPT_PAUSE);
}

static void on_client(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_forward *forward =
        (struct salvor_forward *)((char *)watch - offsetof(struct salvor_forward, watch));
    while (forward->count < MAX_CONNECTIONS) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            carry_new(forward, fd);
            continue;
        }
        int number = errno;
        if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM)
            pause_accepting(forward, number);
        if (number != EINTR && number != ECONNABORTED)
            return;
    }
    salvor_watch_stop(watch); /* until one of them has ended */
}

/* The interface */

void salvor_forward_init(struct salvor_forward *forward)
{
    memset(forward, 0, sizeof(*forward));
    salvor_buffer_init(&forward->target, (size_t)1 << 20);
    forward->watch.fd = -1;
}

static void stay(struct salvor_op *op)
{
    (void)op;
}

void salvor_forward_release(struct salvor_forward *forward)
{
    int fd = forward->watch.fd;
    salvor_watch_stop(&forward->watch);
    forward->watch.fd = -1;
    forward->pause.op.wake = NULL;
    if (forward->pause.loop)
        salvor_op_abort(&forward->pause.op);
    while (forward->connections)
        drop(forward->connections, true);
    if (fd >= 0)
        close(fd);
    salvor_buffer_release(&forward->target);
    salvor_op_finish(&forward->failed);
}

static int listen_on(struct salvor_forward *forward, uint16_t port, struct salvor_error *err)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    forward->watch.fd = fd;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        int number = errno;
        salvor_error_errno(err, number, "cannot listen on 127.0.0.1:%u", port);
        if (number == EADDRINUSE)
            salvor_error_hint(err, "choose another local port, or 0 for any that is free");
        return -1;
    }
    forward->port = ntohs(address.sin_port);
    return 0;
}

int salvor_forward_start(struct salvor_forward *forward, struct salvor_loop *loop,
                         struct salvor_kubeconfig *config, const char *target, uint16_t remote_port,
                         uint16_t local_port, double timeout,
                         const struct salvor_websocket_options *options, struct salvor_error *err)
{
    forward->loop = loop;
    forward->config = config;
    forward->remote_port = remote_port;
    forward->timeout = timeout;
    forward->options = *options;
    forward->options.protocols = PROTOCOL;
    forward->failed.abort = stay;
    forward->failed.done = true;
    forward->watch.events = POLLIN;
    forward->watch.ready = on_client;
    if (salvor_buffer_append(&forward->target, target, strlen(target), err) < 0 ||
        listen_on(forward, local_port, err) < 0)
        return -1;
    salvor_watch_start(loop, &forward->watch);
    return 0;
}
