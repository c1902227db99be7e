#include "net/http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "net/http_error.h"
#include "net/http_setup.h"
#include "net/sockets.h"

#define HEADERS_LIMIT ((size_t)256 << 10)
#define READ_SIZE     (128L << 10)
#define WRITE_SIZE    (256L << 10)
#define CERTIFICATE   "Cert:" /* the name that libcurl gives to the PEM */
#define PEER_TIMEOUT  60      /* seconds until a peer that acknowledges nothing counts as gone */

void salvor_http_init(struct salvor_http *http)
{
    memset(http, 0, sizeof(*http));
    salvor_buffer_init(&http->upload, SALVOR_HTTP_BODY_LIMIT);
    salvor_buffer_init(&http->headers, HEADERS_LIMIT);
    salvor_buffer_init(&http->body, SALVOR_HTTP_BODY_LIMIT);
}

/* Header lines hold tokens, uploads hold Secrets. */
static void free_wiped(struct curl_slist *list)
{
    for (struct curl_slist *item = list; item; item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(list);
}

/* Whoever would start it later forgets it. */
static void leave_queue(struct salvor_http *http)
{
    void (*unqueue)(struct salvor_http *) = http->unqueue;
    http->unqueue = NULL;
    if (unqueue)
        unqueue(http);
}

static void release_transfer(struct salvor_transfer *transfer)
{
    salvor_transfer_release(transfer);
    curl_easy_cleanup(transfer->easy);
}

void salvor_http_release(struct salvor_http *http)
{
    leave_queue(http);
    salvor_silence_stop(&http->silence);
    if (http->transfer.loop)
        salvor_op_abort(&http->transfer.op);
    if (http->transfer.easy)
        release_transfer(&http->transfer);
    free_wiped(http->request_headers);
    curl_slist_free_all(http->connect_to);
    salvor_buffer_release_wiped(&http->upload);
    salvor_buffer_release_wiped(&http->body);
    salvor_buffer_release(&http->headers);
    memset(&http->transfer, 0, sizeof(http->transfer));
    http->request_headers = NULL;
    http->connect_to = NULL;
    http->complete = true;
    salvor_op_finish(&http->op); /* of one that was still queued */
}

/* What libcurl calls */

static bool is_success(const struct salvor_http *http)
{
    return http->status >= 200 && http->status < 300;
}

/* A stream has something for its reader. */
static void announce(struct salvor_http *http)
{
    if (http->stream && is_success(http))
        salvor_op_finish(&http->op);
}

/* Room for all of it at once, where the sender has said how much will come; false when too much. */
static bool reserve_body(struct salvor_http *http)
{
    curl_off_t length = -1;
    curl_easy_getinfo(http->transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (http->stream || http->bodiless || length <= 0)
        return true;
    if (http->into && is_success(http)) {
        http->exceeded = (size_t)length > http->into_size ? http->into_size : 0;
        return (size_t)length <= http->into_size;
    }
    if ((size_t)length > http->body.limit) {
        http->exceeded = http->body.limit;
        return false;
    }
    salvor_buffer_reserve(&http->body, (size_t)length, NULL);
    return true;
}

/* What cannot be taken in ends the exchange, and this says why. */
static bool take(struct salvor_http *http, struct salvor_buffer *buffer, const char *data,
                 size_t size)
{
    struct salvor_error err;
    if (salvor_buffer_append(buffer, data, size, &err) == 0)
        return true;
    if (!strcmp(err.code, "TooLarge"))
        http->exceeded = buffer->limit;
    else
        http->no_memory = true;
    return false;
}

static bool take_into(struct salvor_http *http, const char *data, size_t size)
{
    if (size > http->into_size - http->received) {
        http->exceeded = http->into_size;
        return false;
    }
    memcpy(http->into + http->received, data, size);
    http->received += size;
    return true;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct salvor_http *http = context;
    size_t length = size * count;
    size_t trimmed = length;
    while (trimmed && (data[trimmed - 1] == '\r' || data[trimmed - 1] == '\n'))
        trimmed--;
    if (!strncmp(data, "HTTP/", length < 5 ? length : 5)) {
        salvor_buffer_clear(&http->headers);
        return length;
    }
    if (trimmed) {
        bool taken = take(http, &http->headers, data, trimmed) && take(http, &http->headers, "", 1);
        return taken ? length : 0;
    }
    long status = 0;
    curl_easy_getinfo(http->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return length;
    http->status = (int)status;
    if (!reserve_body(http))
        return 0;
    salvor_socket_acknowledge(http->socket);
    announce(http);
    return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct salvor_http *http = context;
    size_t length = size * count;
    if (http->into && is_success(http))
        return take_into(http, data, length) ? length : 0;
    if (http->stream && is_success(http) && http->body.size >= http->pause_at) {
        http->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (!take(http, &http->body, data, length))
        return 0;
    announce(http);
    return length;
}

/* libcurl repeats a request when a kept connection turns out dead; ours may have been carried out. */
static int on_send(void *context, char *remote, char *local, int remote_port, int local_port)
{
    struct salvor_http *http = context;
    (void)remote, (void)local, (void)remote_port;
    if (http->once && http->sent)
        return CURL_PREREQFUNC_ABORT;
    http->sent = true;
    http->socket = http->http1 ? salvor_socket_find(local_port) : -1;
    return CURL_PREREQFUNC_OK;
}

/* Without it a watch on a machine that vanished would be silent for many minutes. */
static int on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)context, (void)purpose;
    unsigned milliseconds = PEER_TIMEOUT * 1000;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
    salvor_socket_opened(fd);
    return CURL_SOCKOPT_OK;
}

static void on_complete(struct salvor_op *op)
{
    struct salvor_http *http = op->waiter;
    salvor_silence_stop(&http->silence);
    http->complete = true;
    salvor_op_finish(&http->op);
}

/* Giving up a wait for more of a stream leaves the stream as it is; it is ended by releasing it. */
static void give_up(struct salvor_op *op)
{
    struct salvor_http *http = (struct salvor_http *)op;
    if (http->stream)
        return;
    leave_queue(http);
    if (http->transfer.loop)
        salvor_op_abort(&http->transfer.op);
}

/* Setting up */

static int set_rest(struct salvor_http *http, const struct salvor_http_options *options)
{
    CURL *easy = http->transfer.easy;
    bool alone = options->stream || options->connect_only || options->http1;
    int failed = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    failed |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                               alone ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS);
    failed |= curl_easy_setopt(easy, CURLOPT_PIPEWAIT, alone ? 0L : 1L);
    if (options->connect_only) {
        failed |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
        failed |= curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    }
    failed |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_SIZE);
    if (options->upload && options->upload_size >= WRITE_SIZE)
        failed |= curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, WRITE_SIZE);
    failed |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    failed |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    failed |= curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    failed |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
    failed |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, http);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, http);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
    failed |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->message);
    failed |=
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(options->connect_timeout * 1000));
    /* 0 would mean no limit at all. */
    long limit = (long)(options->timeout * 1000);
    failed |=
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, options->timeout > 0 && limit < 1 ? 1L : limit);
    if (options->compressed)
        failed |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (options->inspect) {
        /* libcurl keeps what it has seen with the request that made the connection. */
        failed |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        failed |= curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    }
    return failed;
}

void salvor_http_queue(struct salvor_http *http, bool stream, void *queued,
                       void (*unqueue)(struct salvor_http *http))
{
    http->stream = stream;
    http->op.abort = give_up;
    http->queued = queued;
    http->unqueue = unqueue;
}

void salvor_http_fail(struct salvor_http *http, const struct salvor_error *why)
{
    http->unqueue = NULL;
    http->failure = *why;
    http->complete = true;
    salvor_op_finish(&http->op);
}

int salvor_http_start(struct salvor_http *http, struct salvor_loop *loop,
                      const struct salvor_http_options *options, struct salvor_error *err)
{
    http->unqueue = NULL;
    http->stream = options->stream;
    http->timeout = options->timeout;
    http->connect_timeout = options->connect_timeout;
    http->body.limit = options->body_limit;
    http->http1 = options->http1;
    http->socket = -1;
    http->into = options->into;
    http->into_size = options->into_size;
    http->pause_at = SALVOR_HTTP_HIGH_WATER;
    http->op.abort = give_up;
    http->transfer.op.wake = on_complete;
    http->transfer.op.waiter = http;
    http->transfer.keep = options->connect_only;
    http->transfer.easy = curl_easy_init();
    if (!http->transfer.easy)
        return salvor_error_memory(err);
    if (salvor_http_set_up(http, options, err) < 0)
        return -1;
    if (set_rest(http, options))
        return salvor_error_set(err, "Internal", "cannot set up a request to %s", http->peer);
    if (salvor_transfer_start(loop, &http->transfer, err) < 0)
        return -1;
    salvor_silence_start(&http->silence, &http->transfer, options->silence);
    return 0;
}

/* Reading the answer */

/*
 * A server that refuses what is still being sent closes the connection, and the end of its answer is
 * lost. That it has refused is known all the same.
 */
static bool is_refusal_cut_short(const struct salvor_http *http)
{
    return http->transfer.result == CURLE_PARTIAL_FILE && http->status >= 400 &&
           http->status < 500 && !http->exceeded && !http->no_memory;
}

int salvor_http_check(const struct salvor_http *http, struct salvor_error *err)
{
    if (http->failure.code[0]) {
        if (err)
            *err = http->failure;
        return -1;
    }
    if (!http->complete || http->transfer.result == CURLE_OK || is_refusal_cut_short(http))
        return 0;
    return salvor_http_explain(http, err);
}

const char *salvor_http_certificate(const struct salvor_http *http)
{
    struct curl_certinfo *chain = NULL;
    if (!http->transfer.easy || !http->complete ||
        curl_easy_getinfo(http->transfer.easy, CURLINFO_CERTINFO, &chain) || !chain ||
        chain->num_of_certs < 1)
        return NULL;
    for (const struct curl_slist *item = chain->certinfo[0]; item; item = item->next)
        if (!strncmp(item->data, CERTIFICATE, sizeof(CERTIFICATE) - 1))
            return item->data + sizeof(CERTIFICATE) - 1;
    return NULL;
}

void salvor_http_want(struct salvor_http *http)
{
    /* Whoever waited before has been woken; taking up the stream below may finish it at once. */
    http->op.wake = NULL;
    http->op.done = http->complete;
    http->pause_at = http->body.size + SALVOR_HTTP_HIGH_WATER;
    if (http->paused && !http->complete) {
        http->paused = false;
        curl_easy_pause(http->transfer.easy, CURLPAUSE_CONT);
    }
}

const char *salvor_http_next_header(const struct salvor_http *http, const char *line)
{
    const char *next = line ? line + strlen(line) + 1 : http->headers.data;
    return next < http->headers.data + http->headers.size ? next : NULL;
}

const char *salvor_http_header(const struct salvor_http *http, const char *name, unsigned index)
{
    size_t length = strlen(name);
    const char *line = NULL;
    while ((line = salvor_http_next_header(http, line)))
        if (!strncasecmp(line, name, length) && line[length] == ':' && index-- == 0)
            return line + length + 1 + strspn(line + length + 1, " \t");
    return NULL;
}
