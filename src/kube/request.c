#include "kube/request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/json.h"
#include "data/text.h"
#include "kube/certificate.h"
#include "kube/credentials.h"
#include "kube/exec_plugin.h"

/* Of an answer that is not a Status: what an error's message has room for, and what is kept. */
#define TEXT_MAX 1900
#define KEPT_MAX 2048

int salvor_kube_retry_after(const struct salvor_http *http)
{
    const char *text = salvor_http_header(http, "Retry-After", 0);
    if (!text || !isdigit((unsigned char)*text))
        return -1;
    char *end;
    long seconds = strtol(text, &end, 10);
    end += strspn(end, " \t");
    return *end == '\0' && seconds <= 86400 ? (int)seconds : -1;
}

static bool is_post(const struct salvor_http *http)
{
    char *method = NULL;
    if (http->transfer.easy)
        curl_easy_getinfo(http->transfer.easy, CURLINFO_EFFECTIVE_METHOD, &method);
    return method && !strcmp(method, "POST");
}

/* The reason a server gives with each status, for answers that are not its own. */
static const char *reason_of(const struct salvor_http *http)
{
    switch (http->status) {
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
        return is_post(http) ? "AlreadyExists" : "Conflict";
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

static const char *text_of(const json_t *status, const char *name)
{
    const char *text = json_string_value(json_object_get(status, name));
    return text && *text ? text : NULL;
}

/* A webhook may put a whole sentence there; a code is a word. */
static bool is_word(const char *text)
{
    size_t length =
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
    return length && !text[length] && length < sizeof(((struct salvor_error *)0)->code);
}

static void set_from_status(const struct salvor_http *http, const json_t *status,
                            struct salvor_error *err)
{
    const char *reason = text_of(status, "reason"), *message = text_of(status, "message");
    if (!reason || !is_word(reason))
        reason = reason_of(http);
    salvor_error_set(err, reason, "%s", message ? message : reason);
}

/* The text of an answer that is no Status, kept as client-go keeps it: as the cause. */
static json_t *make_details(const char *text, size_t size)
{
    char kept[KEPT_MAX];
    memcpy(kept, text, size);
    salvor_text_make_one_line(kept, size);
    return json_pack("{s:[{s:s, s:s%}]}", "causes", "reason", "UnexpectedServerResponse", "message",
                     kept, size);
}

static void set_from_text(const struct salvor_http *http, json_t **details,
                          struct salvor_error *err)
{
    const char *text = http->body.data;
    size_t size = http->body.size < KEPT_MAX ? http->body.size : KEPT_MAX;
    while (size && isspace((unsigned char)*text)) {
        text++;
        size--;
    }
    int shown = size < TEXT_MAX ? (int)size : TEXT_MAX;
    salvor_error_set(err, reason_of(http), "HTTP %d from %s%s%.*s", http->status, http->peer,
                     size ? ": " : "", shown, text);
    if (size)
        *details = make_details(text, size);
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
    if (config->certificate && salvor_certificate_is_expired(day, sizeof(day), config->certificate))
        salvor_error_hint(err, "the client certificate expired on %s: get a new one", day);
    else if (config->plugin)
        salvor_error_hint(err,
                          "the next request runs the plugin %.200s again; if that does not help, "
                          "log in with its own tool",
                          salvor_exec_plugin_command(config->plugin));
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

int salvor_kube_check(const struct salvor_http *http, struct salvor_kubeconfig *config,
                      json_t **details, struct salvor_error *err)
{
    struct salvor_error failure;
    bool is_success = http->status >= 200 && http->status < 300;
    *details = NULL;
    /* A stream that has begun and broken already may have brought something: its reader will see. */
    if (is_success && http->stream)
        return 0;
    if (salvor_http_check(http, &failure) < 0) {
        /* A server may refuse a certificate as soon as it sees it. */
        if (!strcmp(failure.code, "Unauthorized"))
            salvor_kube_refused(config, http->credentials);
        if (err)
            *err = failure;
        return -1;
    }
    if (is_success)
        return 0;
    json_t *status = NULL;
    const char *kind = NULL;
    if (salvor_json_decode(&status, http->body.data, http->body.size, err) == 0)
        kind = text_of(status, "kind");
    else if (!strcmp(err->code, "Internal")) /* without its reason the answer would be another */
        return -1;
    if (kind && !strcmp(kind, "Status")) {
        json_t *given = json_object_get(status, "details");
        set_from_status(http, status, err);
        if (json_is_object(given))
            *details = json_incref(given);
    } else {
        set_from_text(http, details, err);
    }
    json_decref(status);
    if (http->status == 429)
        add_flow_schema(http, err);
    if (http->status == 401) {
        explain_unauthorized(config, err);
        salvor_kube_refused(config, http->credentials);
    }
    salvor_text_make_error_one_line(err);
    if (http->status == 403)
        salvor_error_hint(err, "have that permission granted, or use another context");
    if (http->status >= 300 && http->status < 400)
        salvor_error_hint(err, "redirects are not followed: give the API server's own address");
    err->status = http->status;
    err->retryable =
        (http->status == 429 || http->status >= 500) && salvor_kube_retry_after(http) >= 0;
    return -1;
}
