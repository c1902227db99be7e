#include "net/http_setup.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/proxy.h"

static bool is_https(const char *url)
{
    return !strncasecmp(url, "https://", 8);
}

static bool has_credentials(const struct salvor_http_options *options)
{
    for (const char *const *line = options->headers; line && *line; line++)
        if (!options->is_signed && !strncasecmp(*line, "Authorization:", 14))
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

static int set_method(struct salvor_http *http, const struct salvor_http_options *options)
{
    CURL *easy = http->transfer.easy;
    const char *method = options->method;
    const void *upload = options->upload ? options->upload : http->upload.data;
    size_t size = options->upload ? options->upload_size : http->upload.size;
    if (!strcmp(method, "GET"))
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (!strcmp(method, "HEAD")) {
        http->bodiless = true;
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    http->once = !options->repeatable;
    int failed = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    if (size || strcmp(method, "DELETE")) {
        failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, upload);
        failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    }
    return failed;
}

static int set_headers(struct salvor_http *http, const struct salvor_http_options *options)
{
    int failed =
        add_line(&http->request_headers, options->expect ? "Expect: 100-continue" : "Expect:");
    for (const char *const *line = options->headers; line && *line; line++)
        failed |= add_line(&http->request_headers, *line);
    return failed |
           (int)curl_easy_setopt(http->transfer.easy, CURLOPT_HTTPHEADER, http->request_headers);
}

int salvor_http_set_up(struct salvor_http *http, const struct salvor_http_options *options,
                       struct salvor_error *err)
{
    if (!is_https(options->url) && has_credentials(options)) {
        salvor_error_set(err, "Invalid", "credentials are not sent over plain HTTP: %s",
                         options->url);
        salvor_error_hint(err, "use an https:// address");
        return -1;
    }
    if (set_url(http, options, err) < 0 || set_proxy(http, options, err) < 0)
        return -1;
    if (set_tls(http->transfer.easy, &options->tls) || set_method(http, options) ||
        set_headers(http, options))
        return salvor_error_set(err, "Internal", "cannot set up a request to %s", http->peer);
    return 0;
}
