#include "net/sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Enough for all at once; when there are more the oldest are not found, which costs only time. */
enum { COUNT = 256 };

static struct {
    int fd, port; /* 0: not known yet */
} sockets[COUNT];
static unsigned used, oldest;

void salvor_socket_opened(int fd)
{
    unsigned i = 0;
    while (i < used && sockets[i].fd != fd)
        i++;
    if (i == used && used < COUNT)
        used++;
    else if (i == COUNT)
        i = oldest++ % COUNT;
    sockets[i].fd = fd;
    sockets[i].port = 0;
}

/* 0 when it has none, or was closed meanwhile. */
static int port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&address)->sin_port);
    return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port) : 0;
}

int salvor_socket_find(int local_port)
{
    for (unsigned i = 0; i < used; i++) {
        if (sockets[i].port && sockets[i].port != local_port)
            continue;
        sockets[i].port = port_of(sockets[i].fd);
        if (sockets[i].port == local_port)
            return sockets[i].fd;
    }
    return -1;
}

void salvor_socket_acknowledge(int fd)
{
    int yes = 1;
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
}
