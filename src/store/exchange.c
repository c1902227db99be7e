#include "store/exchange.h"

#include <string.h>
#include <strings.h>

#include <salvor/salvor.h>

#include "net/url.h"

#define LINES_LIMIT ((size_t)256 << 10)
#define HEADERS_MAX 128

void salvor_exchange_init(struct salvor_exchange *exchange)
{
    *exchange = (struct salvor_exchange){0};
    salvor_http_init(&exchange->http);
    salvor_buffer_init(&exchange->query, LINES_LIMIT);
    salvor_buffer_init(&exchange->headers, LINES_LIMIT);
}

/* The transfer ends before the memory that it uses is anybody else's. */
void salvor_exchange_release(struct salvor_exchange *exchange)
{
    salvor_http_release(&exchange->http);
    salvor_block_drop(&exchange->upload);
    salvor_block_drop(&exchange->into);
    salvor_buffer_release_wiped(&exchange->headers);
    salvor_buffer_release(&exchange->query);
}

static int append_line(struct salvor_buffer *lines, const char *text, struct salvor_error *err)
{
    return salvor_buffer_append(lines, text, strlen(text) + 1, err);
}

int salvor_exchange_add_query(struct salvor_exchange *exchange, const char *name, const char *value,
                              struct salvor_error *err)
{
    return append_line(&exchange->query, name, err) | append_line(&exchange->query, value, err);
}

static bool has_control_character(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

int salvor_exchange_add_header(struct salvor_exchange *exchange, const char *name,
                               const char *value, struct salvor_error *err)
{
    if (!*name || strpbrk(name, " :\t") || has_control_character(name) ||
        has_control_character(value))
        return salvor_error_set(
            err, "Invalid", "the header '%s' or its value has characters it must not have", name);
    if (salvor_buffer_append(&exchange->headers, name, strlen(name), err) < 0 ||
        salvor_buffer_append(&exchange->headers, ": ", 2, err) < 0)
        return -1;
    return append_line(&exchange->headers, value, err);
}

const char *salvor_exchange_next(const struct salvor_buffer *lines, const char *line)
{
    const char *next = line ? line + strlen(line) + 1 : lines->data;
    return next < lines->data + lines->size ? next : NULL;
}

const char *salvor_exchange_header(const struct salvor_exchange *exchange, const char *name)
{
    size_t size = strlen(name);
    const char *line = NULL;
    while ((line = salvor_exchange_next(&exchange->headers, line)))
        if (!strncasecmp(line, name, size) && line[size] == ':')
            return line + size + 2;
    return NULL;
}

const char *salvor_exchange_host(const struct salvor_exchange *exchange)
{
    const char *host = strstr(exchange->origin, "://");
    return host ? host + 3 : exchange->origin;
}

size_t salvor_exchange_size(const struct salvor_exchange *exchange)
{
    return exchange->upload.block ? exchange->upload.block->size : exchange->body_size;
}

static int make_url(struct salvor_buffer *url, const struct salvor_exchange *exchange,
                    struct salvor_error *err)
{
    if (salvor_buffer_printf(url, err, "%s%s", exchange->origin, exchange->path) < 0)
        return -1;
    const char *name = NULL, *value;
    for (bool first = true; (name = salvor_exchange_next(&exchange->query, name)); first = false) {
        value = salvor_exchange_next(&exchange->query, name);
        if (salvor_url_add_query(url, first, name, strlen(name), value, strlen(value), err) < 0)
            return -1;
        name = value;
    }
    return 0;
}

static int list_headers(const char **list, const struct salvor_exchange *exchange,
                        struct salvor_error *err)
{
    const char *line = NULL;
    size_t count = 0;
    while ((line = salvor_exchange_next(&exchange->headers, line))) {
        if (count == HEADERS_MAX)
            return salvor_error_set(err, "Invalid", "more than %d headers", HEADERS_MAX);
        list[count++] = line;
    }
    list[count] = NULL;
    return 0;
}

static void set_bodies(struct salvor_http_options *http, const struct salvor_exchange *exchange)
{
    http->upload = exchange->upload.block ? exchange->upload.block->data : exchange->body;
    http->upload_size = salvor_exchange_size(exchange);
    if (exchange->into.block) {
        http->into = exchange->into.block->data;
        http->into_size = exchange->into.block->capacity;
    }
}

static int start(struct salvor_exchange *exchange, struct salvor_loop *loop,
                 const struct salvor_exchange_options *options, struct salvor_buffer *url,
                 struct salvor_error *err)
{
    const char *headers[HEADERS_MAX + 1];
    struct salvor_http_options http = SALVOR_HTTP_OPTIONS_INIT;
    if (make_url(url, exchange, err) < 0 || list_headers(headers, exchange, err) < 0)
        return -1;
    http.method = exchange->method;
    http.url = url->data;
    http.headers = headers;
    http.tls = options->tls;
    http.proxy = options->proxy;
    http.connect_timeout = options->connect_timeout;
    http.silence = options->silence;
    http.timeout = options->timeout;
    http.body_limit = options->body_limit;
    http.repeatable = options->repeatable;
    http.expect = options->expect;
    http.http1 = true;
    http.is_signed = options->sign != NULL;
    set_bodies(&http, exchange);
    return salvor_http_start(&exchange->http, loop, &http, err);
}

int salvor_exchange_start(struct salvor_exchange *exchange, struct salvor_loop *loop,
                          const struct salvor_exchange_options *options, struct salvor_error *err)
{
    struct salvor_buffer url = SALVOR_BUFFER_INIT(LINES_LIMIT);
    if (salvor_exchange_add_header(exchange, "Host", salvor_exchange_host(exchange), err) < 0 ||
        salvor_exchange_add_header(exchange, "User-Agent", "salvor/" SALVOR_VERSION, err) < 0)
        return -1;
    /* libcurl would call a body a form. */
    if (!salvor_exchange_header(exchange, "Content-Type") && strcmp(exchange->method, "GET") != 0 &&
        strcmp(exchange->method, "HEAD") != 0 && strcmp(exchange->method, "DELETE") != 0 &&
        salvor_exchange_add_header(exchange, "Content-Type", "application/octet-stream", err) < 0)
        return -1;
    if (options->sign && options->sign(exchange, options->context, err) < 0)
        return -1;
    int result = start(exchange, loop, options, &url, err);
    salvor_buffer_release_wiped(&url);
    return result;
}

size_t salvor_exchange_received(struct salvor_exchange *exchange)
{
    if (exchange->into.block)
        exchange->into.block->size = exchange->http.received;
    return exchange->http.received;
}
