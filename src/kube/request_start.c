/* The sending half of kube/request.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <salvor/salvor.h>

#include "kube/credentials.h"
#include "kube/exec_plugin.h"
#include "kube/impersonation.h"
#include "kube/kubeconfig_entry.h"
#include "kube/object_stream.h"
#include "kube/request.h"

#define HEADERS_MAX 256

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

static void add_block(struct lines *lines, const char *block)
{
    for (const char *line = block; line && *line; line += strlen(line) + 1)
        add(lines, line);
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

/* `printed` is what the plugin gave; NULL when there is none or it is not needed. */
static int start(struct salvor_http *http, struct salvor_loop *loop,
                 struct salvor_kubeconfig *config, const struct salvor_kube_request *request,
                 const struct salvor_exec_credential *printed, struct salvor_buffer *url,
                 struct salvor_buffer *authorization, struct salvor_error *err)
{
    struct salvor_http_options options = SALVOR_HTTP_OPTIONS_INIT;
    struct lines lines = {.count = 0};
    add_block(&lines, request->headers);
    /* A kubelet does not offer its streams as JSON; only what refuses them is. */
    if (!has(&lines, "Accept:"))
        add(&lines,
            request->connect_only ? "Accept: application/json, */*" : "Accept: application/json");
    if (!has(&lines, "Content-Type:") && http->upload.size)
        add(&lines, "Content-Type: application/json");
    if (!has(&lines, "User-Agent:"))
        add(&lines, "User-Agent: salvor/" SALVOR_VERSION);
    if (!has(&lines, SALVOR_IMPERSONATION_MARK))
        add_block(&lines, config->impersonation);
    if (!has(&lines, "Authorization:")) {
        if (salvor_kube_authorization(authorization, config, printed, err) < 0)
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
    options.connect_only = request->connect_only;
    options.inspect = request->inspect;
    if (request->stream)
        options.body_limit = SALVOR_STREAM_OBJECT_LIMIT;
    options.compressed = !config->uncompressed && !request->stream && !is_here(config);
    options.proxy = config->proxy;
    options.tls = (struct salvor_http_tls){.ca = config->ca,
                                           .certificate =
                                               printed ? printed->certificate : config->certificate,
                                           .key = printed ? printed->key : config->key,
                                           .server_name = config->server_name,
                                           .insecure = config->insecure};
    return salvor_http_start(http, loop, &options, err);
}

static int start_now(struct salvor_http *http, struct salvor_loop *loop,
                     struct salvor_kubeconfig *config, const struct salvor_kube_request *request,
                     const struct salvor_exec_credential *printed, struct salvor_error *err)
{
    struct salvor_buffer url = SALVOR_BUFFER_INIT((size_t)1 << 20);
    struct salvor_buffer authorization = SALVOR_BUFFER_INIT((size_t)1 << 20);
    int result = start(http, loop, config, request, printed, &url, &authorization, err);
    salvor_buffer_release_wiped(&authorization);
    salvor_buffer_release(&url);
    return result;
}

/* Waiting for a plugin */

struct pending {
    struct salvor_exec_waiter waiter;
    struct salvor_timer timer;
    struct salvor_http *http;
    struct salvor_loop *loop;
    struct salvor_kubeconfig *config;
    struct salvor_kube_request request; /* its texts are ours */
    double deadline;                    /* 0: none */
};

static void free_pending(struct pending *pending)
{
    pending->waiter.op.wake = NULL;
    pending->timer.op.wake = NULL;
    if (pending->waiter.plugin)
        salvor_op_abort(&pending->waiter.op);
    if (pending->timer.loop)
        salvor_op_abort(&pending->timer.op);
    free((char *)pending->request.method);
    free((char *)pending->request.target);
    free((char *)pending->request.headers);
    free(pending);
}

static void unqueue(struct salvor_http *http)
{
    free_pending(http->queued);
}

static void credentials_came(struct salvor_op *op)
{
    struct pending *pending = op->waiter;
    struct salvor_http *http = pending->http;
    struct salvor_kube_request request = pending->request;
    struct salvor_error err;
    int result = 0;
    if (pending->waiter.failure) {
        err = *pending->waiter.failure;
        result = -1;
    } else {
        const struct salvor_exec_credential *printed =
            salvor_exec_plugin_credential(pending->config->plugin, false, &http->credentials);
        double left = pending->deadline - salvor_loop_now();
        if (pending->deadline != 0)
            request.timeout = left > 0.001 ? left : 0.001;
        result = start_now(http, pending->loop, pending->config, &request, printed, &err);
    }
    if (result < 0)
        salvor_http_fail(http, &err);
    free_pending(pending);
}

static void time_is_up(struct salvor_op *op)
{
    struct pending *pending = op->waiter;
    struct salvor_http *http = pending->http;
    struct salvor_error err;
    salvor_error_set(
        &err, "Timeout",
        "no credentials for user \"%.100s\": the plugin %.300s did not end within %.3g s",
        pending->config->user, salvor_exec_plugin_command(pending->config->plugin),
        pending->request.timeout);
    salvor_error_hint(&err, "run it by hand: does it wait for somebody to log in?");
    free_pending(pending);
    salvor_http_fail(http, &err);
}

static int copy(const char **text, struct salvor_error *err)
{
    const char *own = strdup(*text);
    *text = own;
    return own ? 0 : salvor_error_memory(err);
}

static int copy_request(struct salvor_kube_request *request, struct salvor_error *err)
{
    const char *line = request->headers ? request->headers : "";
    while (*line)
        line += strlen(line) + 1;
    size_t size = request->headers ? (size_t)(line - request->headers) + 1 : 1;
    char *headers = calloc(1, size);
    if (headers && request->headers)
        memcpy(headers, request->headers, size);
    request->headers = headers;
    int result = headers ? 0 : salvor_error_memory(err);
    result |= copy(&request->method, err);
    return result | copy(&request->target, err);
}

static int queue(struct salvor_http *http, struct salvor_loop *loop,
                 struct salvor_kubeconfig *config, const struct salvor_kube_request *request,
                 struct salvor_error *err)
{
    struct pending *pending = calloc(1, sizeof(*pending));
    if (!pending)
        return salvor_error_memory(err);
    pending->http = http;
    pending->loop = loop;
    pending->config = config;
    pending->waiter.owner = config;
    pending->request = *request;
    if (copy_request(&pending->request, err) < 0 ||
        salvor_exec_plugin_wait(config->plugin, &pending->waiter, loop, err) < 0) {
        free_pending(pending);
        return -1;
    }
    pending->waiter.op.wake = credentials_came;
    pending->waiter.op.waiter = pending;
    salvor_http_queue(http, request->stream, pending, unqueue);
    snprintf(http->peer, sizeof(http->peer), "the plugin %.250s",
             salvor_exec_plugin_command(config->plugin));
    if (request->timeout > 0 && !salvor_exec_plugin_is_interactive(config->plugin)) {
        pending->deadline = salvor_loop_now() + request->timeout;
        pending->timer.op.wake = time_is_up;
        pending->timer.op.waiter = pending;
        salvor_timer_start(loop, &pending->timer, request->timeout);
    }
    return 0;
}

static bool brings_authorization(const struct salvor_kube_request *request)
{
    struct lines lines = {.count = 0};
    add_block(&lines, request->headers);
    return has(&lines, "Authorization:");
}

int salvor_kube_start(struct salvor_http *http, struct salvor_loop *loop,
                      struct salvor_kubeconfig *config, const struct salvor_kube_request *request,
                      struct salvor_error *err)
{
    const struct salvor_exec_credential *printed = NULL;
    if (config->plugin && !brings_authorization(request)) {
        if (strncasecmp(config->server, "https://", 8) != 0) {
            salvor_error_set(err, "Invalid", "credentials are not sent over plain HTTP: %s",
                             config->server);
            salvor_error_hint(err, "use an https:// address");
            return -1;
        }
        printed = salvor_exec_plugin_credential(config->plugin, true, &http->credentials);
        if (!printed)
            return queue(http, loop, config, request, err);
    }
    return start_now(http, loop, config, request, printed, err);
}
