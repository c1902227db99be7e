#include "kube/forward_connection.h"

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

#define READ_SIZE        ((size_t)64 << 10)
#define TURN_SIZE        ((size_t)1 << 20) /* bytes of one connection before others have their turn */
#define ERROR_TEXT_LIMIT 1000

enum { DATA_CHANNEL = 0, ERROR_CHANNEL = 1, CHANNELS = 2, PORT_SIZE = 2 };

struct salvor_forward_connection {
    struct salvor_forward_route *route;
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

/* The end */

void salvor_forward_drop(struct salvor_forward_connection *connection, bool reset)
{
    struct salvor_forward_route *route = connection->route;
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
    route->count--;
    free(connection);
    route->dropped(route);
}

static void explain(struct salvor_forward_connection *connection, struct salvor_error *err)
{
    struct salvor_forward_route *route = connection->route;
    const struct salvor_websocket *socket = &connection->socket;
    json_t *details = NULL;
    salvor_text_make_one_line(connection->error_text, connection->error_size);
    if (connection->error_size)
        salvor_error_set(err, "Unreachable", "port %u of the pod cannot be reached: %s",
                         route->port, connection->error_text);
    else if (connection->corrupt)
        salvor_error_set(err, "Corrupt", "%s does not speak %s", socket->http.peer,
                         SALVOR_FORWARD_PROTOCOL);
    else if (socket->state != SALVOR_WEBSOCKET_REFUSED ||
             salvor_kube_check(&socket->http, route->config, &details, err) == 0)
        salvor_websocket_explain(socket, err);
    json_decref(details);
}

static void fail(struct salvor_forward_connection *connection)
{
    struct salvor_error err;
    explain(connection, &err);
    connection->route->failed(connection->route, &err);
    salvor_forward_drop(connection, true);
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
        if (piece->data[0] != (uint8_t)(connection->route->port >> shift))
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
        salvor_forward_drop(connection, true);
        return;
    }
    connection->moved = false;
    salvor_timer_start(connection->route->loop, &connection->linger, SALVOR_FORWARD_LINGER);
}

static void linger(struct salvor_forward_connection *connection)
{
    connection->moved = false;
    connection->linger.op.wake = on_linger;
    connection->linger.op.waiter = connection;
    salvor_timer_start(connection->route->loop, &connection->linger, SALVOR_FORWARD_LINGER);
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
        salvor_watch_start(connection->route->loop, &connection->local);
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
        salvor_forward_drop(connection, false);
        return;
    }
    connection->local.events = POLLIN;
    if (!connection->local.link)
        salvor_watch_start(connection->route->loop, &connection->local);
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
        salvor_forward_drop(connection, false);
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

/* The beginning */

static int dial(struct salvor_forward_connection *connection, struct salvor_error *err)
{
    struct salvor_forward_route *route = connection->route;
    struct salvor_kube_request request = {.method = "GET",
                                          .target = route->target.data,
                                          .timeout = route->timeout,
                                          .connect_only = true};
    if (!route->config->server)
        return salvor_error_set(err, "Closed", "the client is closed");
    if (salvor_kube_start(&connection->socket.http, route->loop, route->config, &request, err) < 0)
        return -1;
    salvor_websocket_open(&connection->socket, route->loop, &route->options);
    return 0;
}

void salvor_forward_connect(struct salvor_forward_route *route, int fd)
{
    struct salvor_error err;
    int on = 1;
    struct salvor_forward_connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        salvor_error_memory(&err);
        route->failed(route, &err);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    salvor_websocket_init(&connection->socket, on_pod, connection);
    connection->route = route;
    connection->local.fd = fd;
    connection->local.ready = on_local;
    connection->channel = -1;
    connection->next = route->connections;
    connection->link = &route->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    route->connections = connection;
    route->count++;
    if (dial(connection, &err) < 0) {
        route->failed(route, &err);
        salvor_forward_drop(connection, true);
    }
}
