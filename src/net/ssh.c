#include "net/ssh.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "data/text.h"

/* Only acknowledgements are added while there is something left, so more is a fault. */
#define OUTGOING_MAX ((size_t)4 << 20)

/* What libssh2 calls */

static ssize_t send_now(struct salvor_ssh *ssh, const void *data, size_t size)
{
    ssize_t sent = send(ssh->descriptor, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    ssh->socket_error = errno;
    return -1;
}

/* libssh2 talks to an agent by the same functions, and waits for it. */
static ssize_t ask_agent(ssize_t result)
{
    return result < 0 ? -errno : result;
}

static ssize_t on_send(libssh2_socket_t socket, const void *data, size_t size, int flags,
                       void **abstract)
{
    struct salvor_ssh *ssh = *abstract;
    ssize_t sent = 0;
    if (socket != ssh->descriptor)
        return ask_agent(send(socket, data, size, flags | MSG_NOSIGNAL));
    if (ssh->closing)
        return (ssize_t)size;
    if (ssh->outgoing.size == 0 && (sent = send_now(ssh, data, size)) < 0)
        return -ssh->socket_error;
    if ((size_t)sent < size && salvor_buffer_append(&ssh->outgoing, (const char *)data + sent,
                                                    size - (size_t)sent, NULL) < 0)
        return -(ssh->socket_error = ENOBUFS);
    return (ssize_t)size;
}

static ssize_t on_receive(libssh2_socket_t socket, void *data, size_t size, int flags,
                          void **abstract)
{
    struct salvor_ssh *ssh = *abstract;
    if (socket != ssh->descriptor)
        return ask_agent(recv(socket, data, size, flags));
    ssize_t got = ssh->closing ? 0 : recv(socket, data, size, MSG_DONTWAIT);
    if (got > 0) {
        ssh->heard = salvor_loop_now();
        ssh->received += (uint64_t)got;
    }
    if (got >= 0)
        return got;
    if (errno == EINTR)
        return -EAGAIN;
    if (errno != EAGAIN)
        ssh->socket_error = errno;
    return -errno;
}

static void on_disconnect(LIBSSH2_SESSION *session, int reason, const char *message, int size,
                          const char *language, int language_size, void **abstract)
{
    (void)session;
    (void)reason;
    (void)language;
    (void)language_size;
    struct salvor_ssh *ssh = *abstract;
    snprintf(ssh->last_words, sizeof(ssh->last_words), "%.*s", size, message);
    salvor_text_make_one_line(ssh->last_words, strlen(ssh->last_words));
}

/* Life */

static void start_library(void)
{
    libssh2_init(0);
}

void salvor_ssh_init(struct salvor_ssh *ssh, struct salvor_service *service)
{
    *ssh = (struct salvor_ssh){.service = service, .descriptor = -1, .deadline = HUGE_VAL};
    salvor_buffer_init(&ssh->outgoing, OUTGOING_MAX);
}

void salvor_ssh_release(struct salvor_ssh *ssh)
{
    if (ssh->session) {
        /* Goodbye is sent if there is room for it; then libssh2 is to believe that all is over. */
        libssh2_session_disconnect(ssh->session, "");
        ssh->closing = true;
        for (int i = 0; i < 100 && libssh2_session_free(ssh->session) == LIBSSH2_ERROR_EAGAIN; i++)
            ;
    }
    ssh->session = NULL;
    if (ssh->descriptor >= 0)
        close(ssh->descriptor);
    ssh->descriptor = -1;
    salvor_buffer_release(&ssh->outgoing);
}

void salvor_ssh_leave_thread(void)
{
    OPENSSL_thread_stop();
}

/* Waiting */

static int flush(struct salvor_ssh *ssh)
{
    while (ssh->sent < ssh->outgoing.size) {
        ssize_t sent =
            send_now(ssh, ssh->outgoing.data + ssh->sent, ssh->outgoing.size - ssh->sent);
        if (sent < 0)
            return -1;
        if (sent == 0)
            return 0;
        ssh->sent += (size_t)sent;
    }
    salvor_buffer_clear(&ssh->outgoing);
    ssh->sent = 0;
    return 0;
}

bool salvor_ssh_can_send(struct salvor_ssh *ssh)
{
    return flush(ssh) < 0 || ssh->outgoing.size == 0;
}

static int milliseconds_until(double deadline)
{
    double left = ceil((deadline - salvor_loop_now()) * 1000);
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static int check_call(struct salvor_ssh *ssh, struct salvor_error *err)
{
    if (!ssh->call)
        return 0;
    salvor_service_drain(ssh->service);
    if (salvor_service_is_wanted(ssh->service, ssh->call))
        return 0;
    return salvor_error_set(err, "Cancelled", "the connection to %s was given up", ssh->peer);
}

int salvor_ssh_wait(struct salvor_ssh *ssh, struct salvor_error *err)
{
    if (flush(ssh) < 0)
        return salvor_ssh_failed(ssh, LIBSSH2_ERROR_SOCKET_SEND, "cannot send", err);
    struct pollfd polled[] = {
        {.fd = ssh->deaf ? -1 : ssh->descriptor,
         .events = ssh->outgoing.size ? POLLIN | POLLOUT : POLLIN},
        {.fd = salvor_service_descriptor(ssh->service), .events = POLLIN},
    };
    int ready = poll(polled, 2, milliseconds_until(ssh->deadline));
    if (ready < 0 && errno != EINTR)
        return salvor_error_errno(err, errno, "cannot wait for %s", ssh->peer);
    if (ready == 0 && salvor_loop_now() >= ssh->deadline)
        return salvor_ssh_failed(ssh, LIBSSH2_ERROR_TIMEOUT, NULL, err);
    return polled[1].revents ? check_call(ssh, err) : 0;
}

/* The handshake */

static int set_up_session(struct salvor_ssh *ssh, struct salvor_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_library);
    ssh->session = libssh2_session_init_ex(NULL, NULL, NULL, ssh);
    if (!ssh->session)
        return salvor_error_memory(err);
    libssh2_session_set_blocking(ssh->session, 0);
    /* The interface takes functions as objects, which POSIX allows and C does not. */
    __extension__ void *functions[] = {(void *)on_send, (void *)on_receive, (void *)on_disconnect};
    libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_SEND, functions[0]);
    libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_RECV, functions[1]);
    libssh2_session_callback_set(ssh->session, LIBSSH2_CALLBACK_DISCONNECT, functions[2]);
    return 0;
}

static bool is_among(const char *name, size_t size, const char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (strlen(names[i]) == size && !memcmp(names[i], name, size))
            return true;
    return false;
}

/* Those of the list that libssh2 knows; it would leave the others out, but does that wrongly. */
static int choose_host_keys(struct salvor_buffer *out, struct salvor_ssh *ssh, const char *list,
                            struct salvor_error *err)
{
    const char **known;
    int count = libssh2_session_supported_algs(ssh->session, LIBSSH2_METHOD_HOSTKEY, &known);
    if (count < 0)
        return salvor_ssh_failed(ssh, count, "cannot tell the types of host keys", err);
    int result = 0;
    while (*list && result == 0) {
        size_t size = strcspn(list, ",");
        if (is_among(list, size, known, count))
            result =
                salvor_buffer_printf(out, err, "%s%.*s", out->size ? "," : "", (int)size, list);
        list += size + (list[size] == ',');
    }
    libssh2_free(ssh->session, known);
    return result;
}

static int prefer_host_keys(struct salvor_ssh *ssh, const char *list, struct salvor_error *err)
{
    struct salvor_buffer chosen = SALVOR_BUFFER_INIT(4096);
    int result = choose_host_keys(&chosen, ssh, list, err);
    if (result == 0 && chosen.size == 0)
        result = salvor_error_set(err, "Unsupported",
                                  "libssh2 %s knows none of the host key types %s of %s",
                                  libssh2_version(0), list, ssh->peer);
    if (result == 0 &&
        libssh2_session_method_pref(ssh->session, LIBSSH2_METHOD_HOSTKEY, chosen.data) < 0)
        result = salvor_error_memory(err);
    salvor_buffer_release(&chosen);
    return result;
}

int salvor_ssh_handshake(struct salvor_ssh *ssh, const char *host_keys, struct salvor_error *err)
{
    if (set_up_session(ssh, err) < 0)
        return -1;
    if (host_keys && prefer_host_keys(ssh, host_keys, err) < 0)
        return -1;
    int code;
    while ((code = libssh2_session_handshake(ssh->session, ssh->descriptor)) ==
           LIBSSH2_ERROR_EAGAIN)
        if (salvor_ssh_wait(ssh, err) < 0)
            return -1;
    return code ? salvor_ssh_failed(ssh, code, "the SSH handshake failed", err) : 0;
}

const char *salvor_ssh_host_key(const struct salvor_ssh *ssh, size_t *size)
{
    int type;
    return libssh2_session_hostkey(ssh->session, size, &type);
}

bool salvor_ssh_has_rsa_sha2(void)
{
    return libssh2_version(0x010b00) != NULL;
}

/* Errors */

static int lost(struct salvor_ssh *ssh, struct salvor_error *err)
{
    const char *reason = ssh->last_words[0]  ? ssh->last_words
                         : ssh->socket_error ? strerror(ssh->socket_error)
                                             : "the server hung up";
    salvor_error_set(err, "Disconnected", "connection to %s lost: %s", ssh->peer, reason);
    if (err)
        err->retryable = true;
    return -1;
}

static int timed_out(struct salvor_ssh *ssh, struct salvor_error *err)
{
    salvor_error_set(err, "Timeout", "no answer from %s in time", ssh->peer);
    salvor_error_hint(err, "check the network, the VPN and firewalls");
    if (err)
        err->retryable = true;
    return -1;
}

static int no_ssh(struct salvor_ssh *ssh, struct salvor_error *err)
{
    salvor_error_set(err, "Unreachable", "cannot reach %s: it does not speak SSH on that port",
                     ssh->peer);
    salvor_error_hint(err, "check the port");
    return -1;
}

int salvor_ssh_failed(struct salvor_ssh *ssh, int code, const char *what, struct salvor_error *err)
{
    char *text = NULL;
    char line[256] = "";
    if (ssh->session)
        libssh2_session_last_error(ssh->session, &text, NULL, 0);
    snprintf(line, sizeof(line), "%s", text ? text : "");
    salvor_text_make_one_line(line, strlen(line));
    switch (code) {
    case LIBSSH2_ERROR_ALLOC:
        return salvor_error_memory(err);
    case LIBSSH2_ERROR_TIMEOUT:
        return timed_out(ssh, err);
    case LIBSSH2_ERROR_BANNER_RECV:
        return no_ssh(ssh, err);
    case LIBSSH2_ERROR_SOCKET_SEND:
    case LIBSSH2_ERROR_SOCKET_RECV:
    case LIBSSH2_ERROR_SOCKET_DISCONNECT:
        return lost(ssh, err);
    case LIBSSH2_ERROR_KEX_FAILURE:
    case LIBSSH2_ERROR_METHOD_NONE:
        salvor_error_set(err, "Unsupported", "%s and libssh2 %s have no algorithms in common: %s",
                         ssh->peer, libssh2_version(0), line);
        salvor_error_hint(err, "the server needs an ECDSA or Ed25519 host key");
        return -1;
    default:
        salvor_error_set(err, "Disconnected", "%s: %s (%s, libssh2's error %d)", ssh->peer, what,
                         line, code);
        if (err)
            err->retryable = true;
        return -1;
    }
}
