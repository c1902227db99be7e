/*
 * HTTP over libcurl, on the event loop. One struct salvor_http is one exchange: a request and its
 * answer. Connections are kept and shared (HTTP/2 streams included) by the loop, so exchanges with
 * one server are cheap one after the other and at once.
 *
 *     salvor_http_init(&http);
 *     ... fill http.upload with the body, if there is one ...
 *     salvor_http_start(&http, loop, &options, err)     then wait for http.op
 *     salvor_http_check(&http, err)                     did an answer arrive?
 *     http.status, salvor_http_header(), http.body
 *     salvor_http_release(&http)                        at any time; stops what is under way
 *
 * A streamed answer (options.stream) is taken while it arrives: http.op is done as soon as the
 * status line and headers of a 2xx answer are there; then take bytes from http.body with
 * salvor_buffer_consume(), and whenever there are too few, salvor_http_want() and wait for http.op
 * again. http.complete says that no more will come. What is not taken stays with the sender: above
 * a high-water mark nothing more is read from the connection. A streamed answer has a connection of
 * its own (HTTP/1.1), since libcurl 7.88 holds up all streams of an HTTP/2 connection when one of
 * them is paused.
 *
 * With options.connect_only nothing is sent: http.op is done when the connection (proxy and TLS
 * included) stands, and whoever speaks another protocol on it goes on with curl_easy_send() and
 * curl_easy_recv() on http.transfer.easy: net/websocket.h.
 */
#ifndef SALVOR_NET_HTTP_H
#define SALVOR_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "core/buffer.h"
#include "core/error.h"
#include "loop/loop.h"
#include "net/silence.h"

/* Bytes read ahead of the one who takes a streamed answer. */
#define SALVOR_HTTP_HIGH_WATER ((size_t)1 << 20)

/* The default ceiling of an answer's body, and of what http.upload holds. */
#define SALVOR_HTTP_BODY_LIMIT ((size_t)256 << 20)

/* PEM texts; NULL when there is none. */
struct salvor_http_tls {
    const char *ca;          /* the only authorities to trust; NULL: those of the system */
    const char *certificate; /* ours, with its chain */
    const char *key;
    const char *server_name; /* the name to ask for and to verify instead of the URL's host */
    bool insecure;           /* verify nothing */
};

struct salvor_http_options {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value" lines ended by NULL; may be NULL */
    struct salvor_http_tls tls;
    const char *proxy;      /* as of salvor_proxy_parse(); NULL: the environment's */
    double connect_timeout; /* seconds */
    double timeout;         /* seconds for the whole exchange; 0: no limit */
    size_t body_limit;
    bool stream;
    bool compressed;   /* offer gzip */
    bool connect_only; /* send nothing; HTTP/1.1 */
    /*
     * For large bodies, in memory that is somebody else's until http.op is done or the exchange was
     * released: the request's, in the place of http.upload, and that of a 2xx answer, in the place
     * of http.body. An answer that does not fit is TooLarge.
     */
    const void *upload; /* NULL: http.upload */
    size_t upload_size;
    void *into; /* NULL: http.body */
    size_t into_size;
    double silence;  /* seconds without a byte in either direction that end it; 0: no limit */
    bool http1;      /* connections of its own instead of one for all, which is faster for much */
    bool repeatable; /* doing it twice is doing it once: may be sent again like a GET */
    bool is_signed;  /* Authorization is a signature, which plain HTTP does not give away */
    bool expect;     /* ask before a body is sent, with 100-continue */
    bool inspect;    /* a new connection, for salvor_http_certificate() */
};

#define SALVOR_HTTP_OPTIONS_INIT                                                                   \
    {                                                                                              \
        .method = "GET", .connect_timeout = 10, .timeout = 30,                                     \
        .body_limit = SALVOR_HTTP_BODY_LIMIT                                                       \
    }

struct salvor_http {
    struct salvor_op op;
    struct salvor_buffer upload; /* the request's body */
    int status;                  /* 0 until the answer's headers are there */
    struct salvor_buffer body;
    size_t received;           /* bytes in the memory that options.into named */
    bool complete;             /* the exchange has ended, well or not */
    unsigned long credentials; /* for its starter: which ones it carries */

    /* Private. */
    struct salvor_transfer transfer;
    struct salvor_buffer headers; /* lines, each ended by NUL */
    struct curl_slist *request_headers;
    struct curl_slist *connect_to;
    char *into;
    size_t into_size;
    size_t pause_at;
    double timeout, connect_timeout;
    struct salvor_silence silence;
    bool stream, paused, once, sent, bodiless, http1;
    bool no_memory;
    int socket;                  /* -1: not known */
    size_t exceeded;             /* the ceiling that the answer did not keep; 0: none */
    char peer[300];              /* host:port, for messages */
    char proxy[300];             /* its URL, masked, for messages; empty when there is none */
    struct salvor_error failure; /* why it was never started; no code: it was */
    void (*unqueue)(struct salvor_http *http); /* of salvor_http_queue() */
    void *queued;
    char message[CURL_ERROR_SIZE];
};

void salvor_http_init(struct salvor_http *http);
void salvor_http_release(struct salvor_http *http);

/*
 * Starts the exchange. The options are not needed afterwards. Redirects are not followed, and a
 * request that changes something (any method but GET and HEAD, and not `repeatable`) is never sent
 * twice, not even on a fresh connection after a kept one broke. Error Invalid when credentials (an Authorization header
 * that is no signature, a client certificate) would leave over plain HTTP.
 */
int salvor_http_start(struct salvor_http *http, struct salvor_loop *loop,
                      const struct salvor_http_options *options, struct salvor_error *err);

/*
 * For an exchange that cannot start yet, since something else has to be done first: http.op may be
 * waited for already. Whoever keeps it, in `queued`, calls salvor_http_start() or salvor_http_fail()
 * later, or is told by `unqueue` that it was given up or released before that.
 */
void salvor_http_queue(struct salvor_http *http, bool stream, void *queued,
                       void (*unqueue)(struct salvor_http *http));

/* Ends an exchange that was never started: salvor_http_check() gives that error. */
void salvor_http_fail(struct salvor_http *http, const struct salvor_error *why);

/*
 * Once http.op is done: 0 when an answer is there (of whatever status), otherwise -1 and
 *   Unreachable   no address or no connection: nothing was sent
 *   Disconnected  the connection was lost later: a change may or may not have been made
 *   Timeout       no connection or no whole answer in time, or silence for too long
 *   Untrusted     the server's certificate is not what we trust; the message says why
 *   Unauthorized  the server refused our certificate
 *   TooLarge      the body's ceiling
 *   Invalid       our own certificate, key or CA cannot be read
 * Each names the host and the cause in one line.
 */
int salvor_http_check(const struct salvor_http *http, struct salvor_error *err);

/*
 * The server's own certificate in PEM, once http.op is done, when options.inspect asked for it; NULL
 * when there is none. One that is not trusted is not told.
 */
const char *salvor_http_certificate(const struct salvor_http *http);

/* Asks for more of a streamed answer than http.body holds now: re-arms http.op. */
void salvor_http_want(struct salvor_http *http);

/* The value of the `index`th (from 0) answer header of that name in any case, or NULL. */
const char *salvor_http_header(const struct salvor_http *http, const char *name, unsigned index);

/* The next header line "Name: value" after `line` (NULL: the first), or NULL at the end. */
const char *salvor_http_next_header(const struct salvor_http *http, const char *line);

#endif
