/*
 * One request to a store of objects over HTTP, and its answer. The parts of the request are kept
 * apart until it starts, so that a signature (Signature V4 of S3, Shared Key of Azure) is made of
 * what is sent and of nothing else. Bodies come out of blocks and go into blocks without a copy in
 * between.
 *
 *     salvor_exchange_init(&exchange);
 *     exchange.method = "PUT"; exchange.origin = "https://host:9000"; exchange.path = "/a%20b";
 *     salvor_exchange_add_query(), salvor_exchange_add_header(), upload and into...
 *     salvor_exchange_start(&exchange, loop, &options, err)      then wait for exchange.http.op
 *     salvor_http_check(&exchange.http, err)
 *     salvor_exchange_release(&exchange)
 *
 * Connections are kept and shared by all exchanges of the loop with the same server and the same
 * TLS settings: HTTP/1.1, as many as there are exchanges at once.
 */
#ifndef SALVOR_STORE_EXCHANGE_H
#define SALVOR_STORE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"
#include "loop/loop.h"
#include "net/http.h"
#include "store/block.h"

struct salvor_exchange;

/* Adds headers to an exchange that is otherwise complete; `context` holds the credentials. */
typedef int (*salvor_exchange_sign)(struct salvor_exchange *exchange, const void *context,
                                    struct salvor_error *err);

struct salvor_exchange_options {
    struct salvor_http_tls tls;
    const char *proxy;         /* NULL: the environment's */
    double connect_timeout;    /* seconds */
    double silence;            /* seconds without a byte; 0: no limit */
    double timeout;            /* seconds for the whole exchange; 0: no limit */
    bool repeatable;           /* doing it twice is doing it once */
    bool expect;               /* ask before the body is sent: the server may refuse or redirect */
    size_t body_limit;         /* of an answer that goes into http.body */
    salvor_exchange_sign sign; /* NULL: not signed */
    const void *context;
};

struct salvor_exchange {
    struct salvor_http http;
    /* Borrowed until it has started. */
    const char *method;
    const char *origin; /* scheme, host, and the port unless it is the scheme's own */
    const char *path;   /* as it is sent: escaped, from "/" */
    /* The body: `body`, or what the block holds. Both borrowed until the exchange is released. */
    const char *body;
    size_t body_size;
    struct salvor_block_hold upload;
    struct salvor_block_hold into; /* what the body of a 2xx answer goes to; NULL: http.body */

    /* Lines, each ended by NUL. */
    struct salvor_buffer query;   /* names and values in turn, not escaped */
    struct salvor_buffer headers; /* "Name: value" */
};

void salvor_exchange_init(struct salvor_exchange *exchange);

/* Stops what is under way, and lets go of the blocks. */
void salvor_exchange_release(struct salvor_exchange *exchange);

/* Texts end at a NUL. Error Invalid for a header with a line break or another control character. */
int salvor_exchange_add_query(struct salvor_exchange *exchange, const char *name, const char *value,
                              struct salvor_error *err);
int salvor_exchange_add_header(struct salvor_exchange *exchange, const char *name,
                               const char *value, struct salvor_error *err);

/* The value of a header of the request in any case, or NULL; valid until the next one is added. */
const char *salvor_exchange_header(const struct salvor_exchange *exchange, const char *name);

/* The next line after `line` (NULL: the first) of `query` or `headers`, or NULL at the end. */
const char *salvor_exchange_next(const struct salvor_buffer *lines, const char *line);

/* The host of the origin, with its port unless that is the scheme's own: the header Host. */
const char *salvor_exchange_host(const struct salvor_exchange *exchange);

/* Bytes of the body. */
size_t salvor_exchange_size(const struct salvor_exchange *exchange);

/* Signs it and sends it; errors as those of salvor_http_start(). */
int salvor_exchange_start(struct salvor_exchange *exchange, struct salvor_loop *loop,
                          const struct salvor_exchange_options *options, struct salvor_error *err);

/* Ends the size of the block that was filled; once http.op is done. Bytes that were received. */
size_t salvor_exchange_received(struct salvor_exchange *exchange);

#endif
