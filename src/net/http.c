#include "net/http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "net/http_error.h"
#include "net/proxy.h"

#define HEADERS_LIMIT ((size_t)256 << 10)
#define READ_SIZE     (128L << 10)
#define PEER_TIMEOUT  60 /* seconds until a peer that acknowledges nothing counts as gone */

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
    if (http->stream || length <= 0)
        return true;
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
    announce(http);
    return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct salvor_http *http = context;
    size_t length = size * count;
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
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    if (http->once && http->sent)
        return CURL_PREREQFUNC_ABORT;
    http->sent = true;
    return CURL_PREREQFUNC_OK;
}

/* Without it a watch on a machine that vanished would be silent for many minutes. */
static int on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)context, (void)purpose;
    unsigned milliseconds = PEER_TIMEOUT * 1000;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds));
    return CURL_SOCKOPT_OK;
}

static void on_complete(struct salvor_op *op)
{
    struct salvor_http *http = op->waiter;
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

static bool is_https(const char *url)
{
    return !strncasecmp(url, "https://", 8);
}

static bool has_credentials(const struct salvor_http_options *options)
{
    for (const char *const *line = options->headers; line && *line; line++)
        if (!strncasecmp(*line, "Authorization:", 14))
            return true;
    return options->tls.certificate != NULL;
}

static int set_blob(CURL *easy, CURLoption option, const char *text)
{
    struct curl_blob blob = {(void *)text, strlen(text), CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob);
}

static int add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *grown = curl_slist_append(*list, line);
    if (!grown)
        return -1;
    *list = grown;
    return 0;
}

/*
 * libcurl verifies the URL's host, so another name is put there and the connection is made to the
 * host by CONNECT_TO, with the Host header kept.
 */
static int rename_server(struct salvor_http *http, CURLU *url, const char *host, const char *port,
                         const char *name)
{
    char line[2 * sizeof(http->peer)];
    snprintf(line, sizeof(line), "::%s:%s", host, port);
    if (add_line(&http->connect_to, line) < 0)
        return -1;
    snprintf(line, sizeof(line), "Host: %s", http->peer);
    if (add_line(&http->request_headers, line) < 0)
        return -1;
    curl_easy_setopt(http->transfer.easy, CURLOPT_CONNECT_TO, http->connect_to);
    return curl_url_set(url, CURLUPART_HOST, name, 0) ? -1 : 0;
}

static int set_url(struct salvor_http *http, const struct salvor_http_options *options,
                   struct salvor_error *err)
{
    CURLU *url = curl_url();
    char *host = NULL, *port = NULL, *whole = NULL;
    int result = -1;
    if (!url) {
        salvor_error_memory(err);
    } else if (curl_url_set(url, CURLUPART_URL, options->url, CURLU_PATH_AS_IS) ||
               curl_url_get(url, CURLUPART_HOST, &host, 0) ||
               curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ||
               (strncasecmp(options->url, "http://", 7) && !is_https(options->url))) {
        salvor_error_set(err, "Invalid", "'%s' is not an http or https URL", options->url);
    } else {
        snprintf(http->peer, sizeof(http->peer), "%s:%s", host, port);
        if (options->tls.server_name &&
            rename_server(http, url, host, port, options->tls.server_name) < 0)
            salvor_error_set(err, "Invalid", "'%s' is not a usable TLS server name",
                             options->tls.server_name);
        else if (curl_url_get(url, CURLUPART_URL, &whole, 0) ||
                 curl_easy_setopt(http->transfer.easy, CURLOPT_URL, whole))
            salvor_error_memory(err);
        else
            result = 0;
    }
    curl_free(host);
    curl_free(port);
    curl_free(whole);
    curl_url_cleanup(url);
    return result;
}

static int set_tls(CURL *easy, const struct salvor_http_tls *tls)
{
    int failed = curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (tls->insecure) {
        failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (tls->ca) {
        /* Otherwise the system's folder of authorities would be trusted as well. */
        failed |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        failed |= set_blob(easy, CURLOPT_CAINFO_BLOB, tls->ca);
    }
    if (tls->certificate)
        failed |= set_blob(easy, CURLOPT_SSLCERT_BLOB, tls->certificate);
    if (tls->key)
        failed |= set_blob(easy, CURLOPT_SSLKEY_BLOB, tls->key);
    return failed;
}

/* An explicit proxy is for all hosts, and the environment has been looked at as Go does it. */
static int set_proxy(struct salvor_http *http, const struct salvor_http_options *options,
                     struct salvor_error *err)
{
    CURL *easy = http->transfer.easy;
    struct salvor_buffer found = SALVOR_BUFFER_INIT(4096);
    const char *proxy = options->proxy;
    if (!proxy) {
        if (salvor_proxy_of_environment(&found, options->url, err) < 0)
            return -1;
        proxy = found.data;
    }
    salvor_proxy_mask(http->proxy, sizeof(http->proxy), proxy);
    int failed = curl_easy_setopt(easy, CURLOPT_PROXY, proxy);
    failed |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    /* As for kubectl, what makes a server trusted does so for a proxy too. */
    if (*proxy && options->tls.ca)
        failed |= set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB, options->tls.ca);
    if (*proxy && options->tls.insecure) {
        failed |= curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
        failed |= curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
    }
    salvor_buffer_release_wiped(&found);
    return failed ? salvor_error_memory(err) : 0;
}

static int set_method(struct salvor_http *http, const char *method)
{
    CURL *easy = http->transfer.easy;
    if (!strcmp(method, "GET"))
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (!strcmp(method, "HEAD"))
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    http->once = true;
    int failed = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    if (http->upload.size || strcmp(method, "DELETE")) {
        failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, http->upload.data);
        failed |=
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)http->upload.size);
    }
    return failed;
}

static int set_headers(struct salvor_http *http, const struct salvor_http_options *options)
{
    /* A large body is sent at once instead of after asking. */
    int failed = add_line(&http->request_headers, "Expect:");
    for (const char *const *line = options->headers; line && *line; line++)
        failed |= add_line(&http->request_headers, *line);
    return failed |
           (int)curl_easy_setopt(http->transfer.easy, CURLOPT_HTTPHEADER, http->request_headers);
}

static int set_rest(struct salvor_http *http, const struct salvor_http_options *options)
{
    CURL *easy = http->transfer.easy;
    bool alone = options->stream || options->connect_only;
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
    if (!is_https(options->url) && has_credentials(options)) {
        salvor_error_set(err, "Invalid", "credentials are not sent over plain HTTP: %s",
                         options->url);
        salvor_error_hint(err, "use an https:// address");
        return -1;
    }
    http->stream = options->stream;
    http->timeout = options->timeout;
    http->connect_timeout = options->connect_timeout;
    http->body.limit = options->body_limit;
    http->pause_at = SALVOR_HTTP_HIGH_WATER;
    http->op.abort = give_up;
    http->transfer.op.wake = on_complete;
    http->transfer.op.waiter = http;
    http->transfer.keep = options->connect_only;
    http->transfer.easy = curl_easy_init();
    if (!http->transfer.easy)
        return salvor_error_memory(err);
    if (set_url(http, options, err) < 0 || set_proxy(http, options, err) < 0)
        return -1;
    if (set_tls(http->transfer.easy, &options->tls) || set_method(http, options->method) ||
        set_headers(http, options) || set_rest(http, options))
        return salvor_error_set(err, "Internal", "cannot set up a request to %s", http->peer);
    if (salvor_transfer_start(loop, &http->transfer, err) < 0) {
        http->transfer.loop = NULL;
        return -1;
    }
    return 0;
}

/* Reading the answer */

int salvor_http_check(const struct salvor_http *http, struct salvor_error *err)
{
    if (http->failure.code[0]) {
        if (err)
            *err = http->failure;
        return -1;
    }
    if (!http->complete || http->transfer.result == CURLE_OK)
        return 0;
    return salvor_http_explain(http, err);
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
