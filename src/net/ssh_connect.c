/* From a host's name to a TCP connection. */
#include "net/ssh.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int unreachable(struct salvor_ssh *ssh, const char *reason, const char *hint,
                       struct salvor_error *err)
{
    salvor_error_set(err, "Unreachable", "cannot reach %s: %s", ssh->peer, reason);
    salvor_error_hint(err, "%s", hint);
    if (err)
        err->retryable = true;
    return -1;
}

/* Blocks as long as the resolver likes. */
static int look_up(struct addrinfo **out, struct salvor_ssh *ssh, struct salvor_error *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char port[16];
    snprintf(port, sizeof(port), "%d", ssh->port);
    int number = getaddrinfo(ssh->host, port, &hints, out);
    if (number == 0)
        return 0;
    const char *reason = number == EAI_SYSTEM   ? strerror(errno)
                         : number == EAI_NONAME ? "the name has no address"
                                                : gai_strerror(number);
    return unreachable(ssh, reason, "check the host name, DNS and the VPN", err);
}

/* 0, or an errno value. */
static int finish_connecting(struct salvor_ssh *ssh, struct salvor_error *err)
{
    struct pollfd polled = {.fd = ssh->descriptor, .events = POLLOUT};
    for (;;) {
        /* The service is looked at in between; the socket must not be read from yet. */
        int ready = poll(&polled, 1, 20);
        if (ready < 0 && errno != EINTR)
            return errno;
        if (ready > 0)
            break;
        if (!salvor_service_is_wanted(ssh->service, ssh->call))
            return salvor_error_set(err, "Cancelled", "given up"), ECANCELED;
        if (salvor_loop_now() >= ssh->deadline)
            return ETIMEDOUT;
    }
    int number = 0;
    socklen_t size = sizeof(number);
    return getsockopt(ssh->descriptor, SOL_SOCKET, SO_ERROR, &number, &size) < 0 ? errno : number;
}

static int try_address(struct salvor_ssh *ssh, const struct addrinfo *address,
                       struct salvor_error *err)
{
    int yes = 1;
    ssh->descriptor =
        socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ssh->descriptor < 0)
        return errno;
    setsockopt(ssh->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(ssh->descriptor, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    int number = 0;
    if (connect(ssh->descriptor, address->ai_addr, address->ai_addrlen) < 0)
        number = errno == EINPROGRESS ? finish_connecting(ssh, err) : errno;
    if (number) {
        close(ssh->descriptor);
        ssh->descriptor = -1;
    }
    return number;
}

int salvor_ssh_connect(struct salvor_ssh *ssh, const char *host, int port, struct salvor_error *err)
{
    snprintf(ssh->host, sizeof(ssh->host), "%s", host);
    ssh->port = port;
    snprintf(ssh->peer, sizeof(ssh->peer), strchr(host, ':') ? "[%s]:%d" : "%s:%d", ssh->host,
             port);
    struct addrinfo *addresses;
    if (look_up(&addresses, ssh, err) < 0)
        return -1;
    double limit = ssh->deadline;
    int number = 0, left = 0;
    for (struct addrinfo *each = addresses; each; each = each->ai_next)
        left++;
    for (struct addrinfo *each = addresses; each && ssh->descriptor < 0; each = each->ai_next) {
        /* One that does not answer must not take the others' time. */
        ssh->deadline = salvor_loop_now() + (limit - salvor_loop_now()) / left--;
        number = try_address(ssh, each, err);
        if (number == ECANCELED)
            break;
    }
    ssh->deadline = limit;
    freeaddrinfo(addresses);
    if (ssh->descriptor >= 0)
        return 0;
    if (number == ECANCELED)
        return -1;
    if (number == ETIMEDOUT)
        return salvor_ssh_failed(ssh, LIBSSH2_ERROR_TIMEOUT, NULL, err);
    return unreachable(ssh, strerror(number),
                       "check that the server runs and that its address and port are right", err);
}
