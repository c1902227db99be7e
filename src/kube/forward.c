#include "kube/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1000
#define ACCEPT_PAUSE    1.0 /* seconds, when there is no room for a connection */

/* Failures */

static struct salvor_forward *of_route(struct salvor_forward_route *route)
{
    return (struct salvor_forward *)((char *)route - offsetof(struct salvor_forward, route));
}

static void note_failure(struct salvor_forward_route *route, const struct salvor_error *err)
{
    struct salvor_forward *forward = of_route(route);
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

/* Accepting */

/* There is room for a connection again. */
static void listen_again(struct salvor_forward_route *route)
{
    struct salvor_forward *forward = of_route(route);
    bool paused = forward->pause.loop && !forward->pause.op.done;
    if (forward->watch.fd >= 0 && !forward->watch.link && !paused)
        salvor_watch_start(forward->route.loop, &forward->watch);
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
    note_failure(&forward->route, &err);
    salvor_watch_stop(&forward->watch);
    forward->pause.op.wake = on_pause_over;
    forward->pause.op.waiter = &forward->route;
    salvor_timer_start(forward->route.loop, &forward->pause, ACCEPT_PAUSE);
}

static void on_client(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_forward *forward =
        (struct salvor_forward *)((char *)watch - offsetof(struct salvor_forward, watch));
    while (forward->route.count < MAX_CONNECTIONS) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            salvor_forward_connect(&forward->route, fd);
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
    salvor_buffer_init(&forward->route.target, (size_t)1 << 20);
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
    while (forward->route.connections)
        salvor_forward_drop(forward->route.connections, true);
    if (fd >= 0)
        close(fd);
    salvor_buffer_release(&forward->route.target);
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
    struct salvor_forward_route *route = &forward->route;
    route->loop = loop;
    route->config = config;
    route->port = remote_port;
    route->timeout = timeout;
    route->options = *options;
    route->options.protocols = SALVOR_FORWARD_PROTOCOL;
    route->failed = note_failure;
    route->dropped = listen_again;
    forward->failed.abort = stay;
    forward->failed.done = true;
    forward->watch.events = POLLIN;
    forward->watch.ready = on_client;
    if (salvor_buffer_append(&route->target, target, strlen(target), err) < 0 ||
        listen_on(forward, local_port, err) < 0)
        return -1;
    salvor_watch_start(loop, &forward->watch);
    return 0;
}
