/* One request to a Kubernetes API server, and what its answer means. */
#ifndef SALVOR_KUBE_REQUEST_H
#define SALVOR_KUBE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "kube/kubeconfig.h"
#include "net/http.h"

struct salvor_kube_request {
    const char *method;
    const char *target;  /* path and query: "/api/v1/pods?limit=500" */
    const char *headers; /* "Name: value" lines, each ended by NUL, then an empty one */
    double timeout;      /* seconds; 0: no limit */
    bool stream;
    bool connect_only; /* connect and send nothing: for net/websocket.h */
    bool inspect;      /* a new connection, for salvor_http_certificate() */
};

/*
 * Starts it; the body is in http->upload. Answers in JSON are asked for and a JSON body is
 * announced unless the headers say otherwise; who we are is added unless they bring an
 * Authorization of their own, and as whom we act unless they bring an Impersonate-User.
 *
 * When our credentials come from a plugin that has to run first, the exchange begins once it has
 * ended; http->op is waited for as ever, and an error of the plugin is the exchange's. The run counts
 * towards the time limit, unless a person may be asked something. `request` is not needed
 * afterwards; `config` must live on.
 */
int salvor_kube_start(struct salvor_http *http, struct salvor_loop *loop,
                      struct salvor_kubeconfig *config, const struct salvor_kube_request *request,
                      struct salvor_error *err);

/*
 * 0 when the exchange ended, or a stream began, with a 2xx answer; otherwise -1 and the error: that
 * of the connection, or the server's Status (`code` is its reason: NotFound, Conflict, Expired, ...),
 * or the beginning of whatever text came instead. The message is one line of UTF-8 without control
 * characters, and the code a word. *details is a new reference or NULL: the Status' details or, of
 * another text, its first 2048 bytes as a cause UnexpectedServerResponse.
 * Credentials that were refused (401) are not used again when there may be others.
 */
int salvor_kube_check(const struct salvor_http *http, struct salvor_kubeconfig *config,
                      json_t **details, struct salvor_error *err);

/* The whole seconds of the answer's Retry-After, or -1. */
int salvor_kube_retry_after(const struct salvor_http *http);

#endif
