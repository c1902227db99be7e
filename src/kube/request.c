#include "kube/request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <salvor/salvor.h>

#include "data/json.h"
#include "kube/credentials.h"
#include "kube/object_stream.h"

#define HEADERS_MAX 64
#define TEXT_MAX    1900 /* of an answer that is not a Status; what an error's message has room for */

/* Sending */

struct lines {
    const char *line[HEADERS_MAX + 1];
    size_t count;
};

static void add(struct lines *lines, const char *line)
{
    if (lines->count < HEADERS_MAX)
        lines->line[lines->count] = line;
    lines->count++;
}

static bool has(const struct lines *lines, const char *name)
{
    for (size_t i = 0; i < lines->count && i < HEADERS_MAX; i++)
        if (!strncasecmp(lines->line[i], name, strlen(name)))
            return true;
    return false;
}

/* Packing for a server on this machine takes longer than sending. */
static bool is_here(const struct salvor_kubeconfig *config)
{
    const char *host = strstr(config->server, "://") + 3;
    return !strncmp(host, "127.", 4) || !strncmp(host, "[::1]", 5) ||
           (!strncasecmp(host, "localhost", 9) && strchr(":/", host[9]));
}

static int start(struct salvor_http *http, struct salvor_loop *loop,
                 struct salvor_kubeconfig *config, const struct salvor_kube_request *request,
                 struct salvor_buffer *url, struct salvor_buffer *authorization,
                 struct salvor_error *err)
{
    struct salvor_http_options options = SALVOR_HTTP_OPTIONS_INIT;
    struct lines lines = {.count = 0};
    for (const char *line = request->headers; line && *line; line += strlen(line) + 1)
        add(&lines, line);
    if (!has(&lines, "Accept:"))
        add(&lines, "Accept: application/json");
    if (!has(&lines, "Content-Type:") && http->upload.size)
        add(&lines, "Content-Type: application/json");
    if (!has(&lines, "User-Agent:"))
        add(&lines, "User-Agent: salvor/" SALVOR_VERSION);
    if (!has(&lines, "Authorization:")) {
        if (salvor_kube_authorization(authorization, config, err) < 0)
            return -1;
        if (authorization->size)
            add(&lines, authorization->data);
    }
    if (lines.count > HEADERS_MAX)
        return salvor_error_set(err, "Invalid", "more than %d headers", HEADERS_MAX);
    if (salvor_buffer_printf(url, err, "%s%s", config->server, request->target) < 0)
        return -1;
    options.method = request->method;
    options.url = url->data;
    options.headers = lines.line;
    options.timeout = request->timeout;
    options.stream = request->stream;
    if (request->stream)
        options.body_limit = SALVOR_STREAM_OBJECT_LIMIT;
    options.compressed = !config->uncompressed && !request->stream && !is_here(config);
    options.tls = (struct salvor_http_tls){.ca = config->ca,
                                           .certificate = config->certificate,
                                           .key = config->key,
                                           .server_name = config->server_name,
                                           .insecure = config->insecure};
    return salvor_http_start(http, loop, &options, err);
}

int salvor_kube_start(struct salvor_http *http, struct salvor_loop *loop,
                      struct salvor_kubeconfig *config, const struct salvor_kube_request *request,
                      struct salvor_error *err)
{
    struct salvor_buffer url = SALVOR_BUFFER_INIT((size_t)1 << 20);
    struct salvor_buffer authorization = SALVOR_BUFFER_INIT((size_t)1 << 20);
    int result = start(http, loop, config, request, &url, &authorization, err);
    if (authorization.capacity)
        explicit_bzero(authorization.data, authorization.size);
    salvor_buffer_release(&authorization);
    salvor_buffer_release(&url);
    return result;
}

/* Understanding */

int salvor_kube_retry_after(const struct salvor_http *http)
{
    const char *text = salvor_http_header(http, "Retry-After", 0);
    if (!text || !isdigit((unsigned char)*text))
        return -1;
    char *end;
    long seconds = strtol(text, &end, 10);
    return *end == '\0' && seconds <= 86400 ? (int)seconds : -1;
}

/* The reason a server gives with each status, for answers that are not its own. */
static const char *reason_of(int status)
{
    switch (status) {
    case 400:
        return "BadRequest";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "NotFound";
    case 405:
        return "MethodNotAllowed";
    case 406:
        return "NotAcceptable";
    case 409:
        return "Conflict";
    case 410:
        return "Expired";
    case 413:
        return "RequestEntityTooLarge";
    case 415:
        return "UnsupportedMediaType";
    case 422:
        return "Invalid";
    case 429:
        return "TooManyRequests";
    case 500:
        return "InternalError";
    case 503:
        return "ServiceUnavailable";
    case 504:
        return "Timeout";
    default:
        return "Unknown";
    }
}

static void make_one_line(char *text)
{
    for (; *text; text++)
        if (iscntrl((unsigned char)*text))
            *text = ' ';
}

static const char *text_of(const json_t *status, const char *name)
{
    const char *text = json_string_value(json_object_get(status, name));
    return text && *text ? text : NULL;
}

static void set_from_status(const struct salvor_http *http, const json_t *status,
                            struct salvor_error *err)
{
    const char *reason = text_of(status, "reason"), *message = text_of(status, "message");
    if (!reason)
        reason = reason_of(http->status);
    salvor_error_set(err, reason, "%s", message ? message : reason);
}

static void set_from_text(const struct salvor_http *http, struct salvor_error *err)
{
    const char *text = http->body.data;
    int size = http->body.size < TEXT_MAX ? (int)http->body.size : TEXT_MAX;
    while (size && isspace((unsigned char)*text)) {
        text++;
        size--;
    }
    salvor_error_set(err, reason_of(http->status), "HTTP %d from %s%s%.*s", http->status,
                     http->peer, size ? ": " : "", size, text);
}

static void explain_unauthorized(const struct salvor_kubeconfig *config, struct salvor_error *err)
{
    char day[32], who[256] = "";
    if (config->context)
        snprintf(who, sizeof(who), " of user \"%.100s\" (context \"%.100s\")",
                 config->user ? config->user : "", config->context);
    char said[128];
    snprintf(said, sizeof(said), "%.127s", err->message);
    salvor_error_set(err, "Unauthorized", "the server does not accept the credentials%s: %s", who,
                     said);
    if (salvor_kube_certificate_expired(day, sizeof(day), config))
        salvor_error_hint(err, "the client certificate expired on %s: get a new one", day);
    else if (config->token)
        salvor_error_hint(err, "the token may have expired: log in again");
    else
        salvor_error_hint(err, "check the user in %s", config->source ? config->source : "it");
}

static void add_flow_schema(const struct salvor_http *http, struct salvor_error *err)
{
    const char *uid = salvor_http_header(http, "X-Kubernetes-PF-FlowSchema-UID", 0);
    size_t used = strlen(err->message);
    if (uid)
        snprintf(err->message + used, sizeof(err->message) - used, " (flow schema %.64s)", uid);
}

int salvor_kube_check(const struct salvor_http *http, const struct salvor_kubeconfig *config,
                      json_t **details, struct salvor_error *err)
{
    if (salvor_http_check(http, err) < 0)
        return -1;
    if (http->status >= 200 && http->status < 300)
        return 0;
    json_t *status = NULL;
    const char *kind = NULL;
    if (salvor_json_decode(&status, http->body.data, http->body.size, err) == 0)
        kind = text_of(status, "kind");
    else if (!strcmp(err->code, "Internal")) /* without its reason the answer would be another */
        return -1;
    if (kind && !strcmp(kind, "Status")) {
        set_from_status(http, status, err);
        *details = json_incref(json_object_get(status, "details"));
    } else {
        set_from_text(http, err);
    }
    json_decref(status);
    make_one_line(err->message);
    if (http->status == 401)
        explain_unauthorized(config, err);
    if (http->status == 403)
        salvor_error_hint(err, "have that permission granted, or use another context");
    if (http->status == 429)
        add_flow_schema(http, err);
    if (http->status >= 300 && http->status < 400)
        salvor_error_hint(err, "redirects are not followed: give the API server's own address");
    err->status = http->status;
    err->retryable =
        (http->status == 429 || http->status >= 500) && salvor_kube_retry_after(http) >= 0;
    return -1;
}
