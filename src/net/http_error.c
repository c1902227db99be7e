#include "net/http_error.h"

#include <stdio.h>
#include <string.h>

#include <openssl/x509_vfy.h>

#include "data/text.h"

#define WHO_SIZE 700

/* libcurl's own text where it has one; it may end in a line break. */
static const char *curl_text(const struct salvor_http *http, char *out, size_t size)
{
    const char *text = http->message[0] ? http->message : curl_easy_strerror(http->transfer.result);
    size_t length = strnlen(text, size - 1);
    memcpy(out, text, length);
    salvor_text_make_one_line(out, length);
    while (length && out[length - 1] == ' ')
        length--;
    out[length] = '\0';
    return out;
}

/*
 * The handshake with an https proxy, before it has made the tunnel; its certificate is not the
 * server's.
 */
static bool is_at_proxy(const struct salvor_http *http)
{
    long answer = 0;
    curl_easy_getinfo(http->transfer.easy, CURLINFO_HTTP_CONNECTCODE, &answer);
    return !strncmp(http->proxy, "https://", 8) && answer == 0;
}

/* Who is meant in a message: the server, or the proxy before it. */
static const char *who(const struct salvor_http *http, char out[WHO_SIZE])
{
    if (is_at_proxy(http))
        snprintf(out, WHO_SIZE, "the proxy %s", http->proxy);
    else if (http->proxy[0])
        snprintf(out, WHO_SIZE, "%s (through the proxy %s)", http->peer, http->proxy);
    else
        snprintf(out, WHO_SIZE, "%s", http->peer);
    return out;
}

static int lost(const struct salvor_http *http, const char *text, struct salvor_error *err)
{
    char name[WHO_SIZE];
    bool unknown = http->once && http->sent;
    salvor_error_set(err, "Disconnected", "connection to %s lost%s: %s", who(http, name),
                     unknown ? " after the request was sent" : "", text);
    if (unknown)
        salvor_error_hint(err, "the change may or may not have been made: look before repeating");
    if (err)
        err->retryable = !unknown;
    return -1;
}

static int unreachable(const struct salvor_http *http, const char *text, const char *hint,
                       struct salvor_error *err)
{
    if (http->proxy[0])
        salvor_error_set(err, "Unreachable", "cannot reach %s through the proxy %s: %s", http->peer,
                         http->proxy, text);
    else
        salvor_error_set(err, "Unreachable", "cannot reach %s: %s", http->peer, text);
    salvor_error_hint(err, "%s", hint);
    if (err)
        err->retryable = true;
    return -1;
}

#define PROXY_HINT "check proxy-url of the kubeconfig, or HTTPS_PROXY and NO_PROXY"

static int refused(const struct salvor_http *http, const char *text, struct salvor_error *err)
{
    long number = 0;
    curl_easy_getinfo(http->transfer.easy, CURLINFO_OS_ERRNO, &number);
    return unreachable(http, number ? strerror((int)number) : text,
                       http->proxy[0]
                           ? PROXY_HINT
                           : "check that the server runs and that its address and port are right",
                       err);
}

/* The proxy's answer when it was asked for a tunnel; 0 when it made one or was not asked. */
static long proxy_refusal(const struct salvor_http *http)
{
    long answer = 0;
    curl_easy_getinfo(http->transfer.easy, CURLINFO_HTTP_CONNECTCODE, &answer);
    return http->proxy[0] && answer >= 300 ? answer : 0;
}

static int refused_by_proxy(const struct salvor_http *http, long answer, struct salvor_error *err)
{
    char text[64];
    if (answer == 407) {
        unreachable(http, "the proxy wants a user and password, or others (HTTP 407)",
                    "put them into the proxy's URL: http://USER:PASSWORD@HOST:PORT", err);
        if (err)
            err->retryable = false;
        return -1;
    }
    snprintf(text, sizeof(text), "the proxy refuses (HTTP %ld)", answer);
    return unreachable(http, text, "check that the proxy may reach that server", err);
}

static int timed_out(const struct salvor_http *http, struct salvor_error *err)
{
    char name[WHO_SIZE];
    curl_off_t connected = 0;
    curl_easy_getinfo(http->transfer.easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (http->silence.is_over && connected) {
        salvor_error_set(err, "Timeout", "nothing came from %s and nothing went there for %g s",
                         who(http, name), http->silence.seconds);
    } else if (!connected) {
        double limit = http->connect_timeout;
        if (http->timeout > 0 && http->timeout < limit)
            limit = http->timeout;
        if (http->silence.is_over && http->silence.seconds < limit)
            limit = http->silence.seconds;
        salvor_error_set(err, "Timeout", "no connection to %s within %g s", who(http, name), limit);
        salvor_error_hint(err, "check the address, the network, the VPN and firewalls");
    } else {
        salvor_error_set(err, "Timeout", "no complete answer from %s within %g s", who(http, name),
                         http->timeout);
    }
    if (connected && http->once && http->sent)
        salvor_error_hint(err, "the change may or may not have been made: look before repeating");
    if (err)
        err->retryable = !http->once || !http->sent;
    return -1;
}

static int untrusted(const struct salvor_http *http, const char *text, struct salvor_error *err)
{
    long reason = X509_V_OK;
    char name[WHO_SIZE];
    curl_easy_getinfo(
        http->transfer.easy,
        is_at_proxy(http) ? CURLINFO_PROXY_SSL_VERIFYRESULT : CURLINFO_SSL_VERIFYRESULT, &reason);
    who(http, name);
    /* libcurl compares the names itself, before it asks for OpenSSL's verdict. */
    if (strstr(text, "match")) {
        salvor_error_set(err, "Untrusted", "the certificate of %s is for another name: %s", name,
                         text);
        salvor_error_hint(err, "use a name the certificate has, or set the TLS server name");
        return -1;
    }
    switch (reason) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        salvor_error_set(err, "Untrusted", "the certificate of %s has expired", name);
        salvor_error_hint(err, "renew the server's certificate; check this machine's clock too");
        return -1;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        salvor_error_set(err, "Untrusted", "the certificate of %s is not valid yet", name);
        salvor_error_hint(err, "check this machine's clock");
        return -1;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        salvor_error_set(err, "Untrusted",
                         "the certificate of %s is signed by an unknown authority (%s)", name,
                         X509_verify_cert_error_string(reason));
        salvor_error_hint(err, "give the certificate of the server's own authority (CA)");
        return -1;
    default:
        salvor_error_set(err, "Untrusted", "the certificate of %s cannot be trusted: %s", name,
                         text);
        return -1;
    }
}

/* With TLS 1.3 the server's verdict on our certificate arrives after the handshake. */
static bool refused_our_certificate(const char *text)
{
    return strstr(text, "alert certificate") || strstr(text, "alert bad certificate") ||
           strstr(text, "alert unknown ca") || strstr(text, "certificate required") ||
           strstr(text, "alert unsupported certificate");
}

static int unauthorized(const struct salvor_http *http, const char *text, struct salvor_error *err)
{
    if (strstr(text, "certificate expired")) {
        salvor_error_set(err, "Unauthorized", "%s says that our client certificate has expired",
                         http->peer);
        salvor_error_hint(err, "get a new client certificate; check this machine's clock too");
        return -1;
    }
    salvor_error_set(err, "Unauthorized", "%s refuses our client certificate: %s", http->peer,
                     text);
    return -1;
}

static int handshake_failed(const struct salvor_http *http, const char *text,
                            struct salvor_error *err)
{
    if (strstr(text, "wrong version number") || strstr(text, "packet length too long"))
        return unreachable(http,
                           is_at_proxy(http) ? "the proxy does not speak TLS on that port"
                                             : "it does not speak TLS on that port",
                           "check the port, and whether the address begins with https://", err);
    return unreachable(http, text, "check that the server speaks TLS 1.2 or newer on that port",
                       err);
}

int salvor_http_explain(const struct salvor_http *http, struct salvor_error *err)
{
    char buffer[CURL_ERROR_SIZE];
    const char *text = curl_text(http, buffer, sizeof(buffer));
    if (http->no_memory)
        return salvor_error_memory(err);
    if (http->exceeded)
        return salvor_error_set(err, "TooLarge", "the answer of %s is larger than %zu bytes",
                                http->peer, http->exceeded);
    if (http->silence.is_over)
        return timed_out(http, err);
    CURLcode code = http->transfer.result;
    long refusal = proxy_refusal(http);
    if (refusal)
        return refused_by_proxy(http, refusal, err);
    if ((code == CURLE_SSL_CONNECT_ERROR || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) &&
        refused_our_certificate(text))
        return unauthorized(http, text, err);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return unreachable(http, "the name has no address", "check the host name, DNS and the VPN",
                           err);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return unreachable(http, "the proxy's name has no address", PROXY_HINT, err);
    case CURLE_PROXY:
        return unreachable(http, text, PROXY_HINT, err);
    case CURLE_COULDNT_CONNECT:
        return refused(http, text, err);
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(http, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return untrusted(http, text, err);
    case CURLE_SSL_CONNECT_ERROR:
        return handshake_failed(http, text, err);
    case CURLE_SSL_CERTPROBLEM:
        salvor_error_set(err, "Invalid", "our client certificate or key cannot be used: %s", text);
        salvor_error_hint(err, "both must be PEM, and the key must belong to the certificate");
        return -1;
    case CURLE_SSL_CACERT_BADFILE:
        salvor_error_set(err, "Invalid", "the authority's certificate (CA) cannot be read: %s",
                         text);
        salvor_error_hint(err, "it must be PEM: -----BEGIN CERTIFICATE-----");
        return -1;
    case CURLE_OUT_OF_MEMORY:
        return salvor_error_memory(err);
    case CURLE_ABORTED_BY_CALLBACK:
        if (http->once && http->sent)
            return lost(http, "a kept connection broke", err);
        return salvor_error_set(err, "Cancelled", "the request to %s was given up", http->peer);
    default:
        return lost(http, text, err);
    }
}
