/* The socket of a connection is found by its local port, as long as it is that connection's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/sockets.h"

/* A socket with a local port of its own. */
static int make(int *port, int family)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                    : ((struct sockaddr_in6 *)&address)->sin6_port);
    return fd;
}

static void finds_a_socket_by_its_port(void **state)
{
    (void)state;
    int first_port, second_port;
    int first = make(&first_port, AF_INET), second = make(&second_port, AF_INET6);
    salvor_socket_opened(first);
    salvor_socket_opened(second);
    assert_int_equal(salvor_socket_find(first_port), first);
    assert_int_equal(salvor_socket_find(second_port), second);
    assert_int_equal(salvor_socket_find(first_port), first);
    salvor_socket_acknowledge(first);
    close(first);
    assert_int_equal(salvor_socket_find(first_port), -1);
    close(second);
}

static void knows_that_a_number_is_anothers_now(void **state)
{
    (void)state;
    int old_port, new_port;
    int fd = make(&old_port, AF_INET);
    salvor_socket_opened(fd);
    assert_int_equal(salvor_socket_find(old_port), fd);
    close(fd);
    assert_int_equal(make(&new_port, AF_INET), fd);
    salvor_socket_opened(fd);
    assert_int_equal(salvor_socket_find(old_port), -1);
    assert_int_equal(salvor_socket_find(new_port), fd);
    close(fd);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(salvor_socket_find(new_port), -1);
    close(pipes[0]);
    close(pipes[1]);
    salvor_socket_acknowledge(-1);
}

static void has_room_for_the_newest(void **state)
{
    (void)state;
    int port;
    for (int fd = 10000; fd < 11000; fd++)
        salvor_socket_opened(fd);
    int fd = make(&port, AF_INET);
    salvor_socket_opened(fd);
    assert_int_equal(salvor_socket_find(port), fd);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_socket_by_its_port),
        cmocka_unit_test(knows_that_a_number_is_anothers_now),
        cmocka_unit_test(has_room_for_the_newest),
    };
    return cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
}
