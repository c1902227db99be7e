#include "net/proxy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

/* What a proxy's URL may begin with, what libcurl calls that, and the port when none is given. */
static const struct scheme {
    const char *name, *meant, *port;
} schemes[] = {
    {"http", "http", "80"},
    {"https", "https", "443"},
    {"socks5", "socks5h", "1080"},
};

static const struct scheme *find_scheme(const char *name)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (!strcasecmp(name, schemes[i].name))
            return &schemes[i];
    return NULL;
}

/* The parts of a URL, those that are missing empty; each is libcurl's to free. */
struct parts {
    char *scheme, *user, *password, *host, *port;
};

static void release_parts(struct parts *parts)
{
    if (parts->password)
        explicit_bzero(parts->password, strlen(parts->password));
    curl_free(parts->scheme);
    curl_free(parts->user);
    curl_free(parts->password);
    curl_free(parts->host);
    curl_free(parts->port);
}

static bool split(struct parts *parts, const char *url)
{
    CURLU *handle = curl_url();
    *parts = (struct parts){.host = NULL};
    bool is_url =
        handle && curl_url_set(handle, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(handle, CURLUPART_SCHEME, &parts->scheme, 0) == CURLUE_OK &&
        curl_url_get(handle, CURLUPART_HOST, &parts->host, 0) == CURLUE_OK && *parts->host;
    if (is_url) {
        curl_url_get(handle, CURLUPART_USER, &parts->user, 0);
        curl_url_get(handle, CURLUPART_PASSWORD, &parts->password, 0);
        curl_url_get(handle, CURLUPART_PORT, &parts->port, 0);
    }
    curl_url_cleanup(handle);
    return is_url;
}

int salvor_proxy_parse(struct salvor_buffer *out, const char *url, struct salvor_error *err)
{
    struct parts parts;
    int result;
    const struct scheme *scheme = NULL;
    if (!split(&parts, url) || !(scheme = find_scheme(parts.scheme)))
        result = salvor_error_set(err, "Invalid",
                                  "it is not a URL with http://, https:// or socks5:// and a host");
    else
        result = salvor_buffer_printf(out, err, "%s://%s%s%s%s%s:%s", scheme->meant,
                                      parts.user ? parts.user : "", parts.password ? ":" : "",
                                      parts.password ? parts.password : "",
                                      parts.user || parts.password ? "@" : "", parts.host,
                                      parts.port ? parts.port : scheme->port);
    release_parts(&parts);
    return result;
}

void salvor_proxy_mask(char *out, size_t size, const char *url)
{
    const char *authority = strstr(url, "://");
    authority = authority ? authority + 3 : url;
    size_t length = strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', length);
    snprintf(out, size, "%.*s%s%s", (int)(authority - url), url, at ? "***@" : "",
             at ? at + 1 : authority);
}

/* NO_PROXY */

struct address {
    unsigned char bytes[16]; /* IPv4 as a mapped IPv6 address */
    bool is_ipv4;
};

static bool parse_address(struct address *out, const char *text)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(out->bytes, mapped, sizeof(mapped));
    out->is_ipv4 = inet_pton(AF_INET, text, out->bytes + 12) == 1;
    if (out->is_ipv4)
        return true;
    if (inet_pton(AF_INET6, text, out->bytes) != 1)
        return false;
    out->is_ipv4 = !memcmp(out->bytes, mapped, sizeof(mapped));
    return true;
}

static bool is_loopback(const struct address *address)
{
    static const unsigned char ipv6[16] = {[15] = 1};
    return address->is_ipv4 ? address->bytes[12] == 127 : !memcmp(address->bytes, ipv6, 16);
}

/* "10.0.0.0/8"; *matches when the address is in it. */
static bool parse_cidr(bool *matches, char *text, const struct address *address)
{
    struct address network;
    char *slash = strchr(text, '/'), *end;
    if (!slash || !isdigit((unsigned char)slash[1]))
        return false;
    unsigned long bits = strtoul(slash + 1, &end, 10);
    *slash = '\0';
    bool is_one = parse_address(&network, text) && !*end && bits <= (network.is_ipv4 ? 32 : 128);
    *slash = '/';
    if (!is_one)
        return false;
    *matches = address && address->is_ipv4 == network.is_ipv4;
    bits += network.is_ipv4 ? 96 : 0;
    for (size_t i = 0; i < 16 && *matches; i++) {
        unsigned kept = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? (unsigned)(bits - 8 * i) : 0;
        unsigned mask = 0xff00U >> kept & 0xffU;
        *matches = !((address->bytes[i] ^ network.bytes[i]) & mask);
    }
    return true;
}

/* Cuts ":port" off "host:port" or "[address]:port"; returns the port, NULL when there is none. */
static char *cut_port(char **entry)
{
    char *colon = strrchr(*entry, ':'), *bracket = strchr(*entry, ']');
    bool in_brackets = **entry == '[' && bracket;
    if (in_brackets) {
        *bracket = '\0';
        ++*entry;
        return bracket[1] == ':' ? bracket + 2 : NULL;
    }
    if (!colon || strchr(*entry, ':') != colon)
        return NULL;
    *colon = '\0';
    return colon + 1;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && !strcasecmp(text + size - end_size, end);
}

static bool entry_matches(char *entry, const char *host, const struct address *address,
                          const char *port)
{
    bool matches;
    struct address own;
    if (!strcmp(entry, "*"))
        return true;
    if (parse_cidr(&matches, entry, address))
        return matches;
    const char *own_port = cut_port(&entry);
    if (!*entry || (own_port && *own_port && strcmp(own_port, port) != 0))
        return false;
    if (parse_address(&own, entry))
        return address && !memcmp(own.bytes, address->bytes, sizeof(own.bytes));
    if (!strncmp(entry, "*.", 2))
        entry++;
    if (*entry == '.')
        return ends_with(host, entry);
    size_t size = strlen(host), entry_size = strlen(entry);
    return ends_with(host, entry) && (size == entry_size || host[size - entry_size - 1] == '.');
}

bool salvor_proxy_is_excluded(const char *list, const char *host, const char *port)
{
    struct address address;
    bool is_address = parse_address(&address, host);
    if (!strcasecmp(host, "localhost") || (is_address && is_loopback(&address)))
        return true;
    char entry[512];
    while (*list) {
        size_t size = strcspn(list, ","), skipped = strspn(list, " \t");
        size_t used = skipped < size ? size - skipped : 0;
        while (used && isspace((unsigned char)list[skipped + used - 1]))
            used--;
        if (used && used < sizeof(entry)) {
            memcpy(entry, list + skipped, used);
            entry[used] = '\0';
            if (entry_matches(entry, host, is_address ? &address : NULL, port))
                return true;
        }
        list += size + (list[size] == ',');
    }
    return false;
}

/* The environment */

static const char *variable(const char *name, const char *lower)
{
    const char *value = getenv(name);
    if (!value || !*value)
        value = getenv(lower);
    return value && *value ? value : NULL;
}

static bool applies(const char *url)
{
    struct parts parts;
    const char *list = variable("NO_PROXY", "no_proxy");
    bool result = false;
    if (split(&parts, url)) {
        size_t size = strlen(parts.host);
        char *host = parts.host;
        if (*host == '[' && host[size - 1] == ']') {
            host[size - 1] = '\0';
            host++;
        }
        const struct scheme *scheme = find_scheme(parts.scheme);
        const char *port = parts.port ? parts.port : scheme ? scheme->port : "";
        result = !salvor_proxy_is_excluded(list ? list : "", host, port);
    }
    release_parts(&parts);
    return result;
}

int salvor_proxy_of_environment(struct salvor_buffer *out, const char *url,
                                struct salvor_error *err)
{
    bool is_https = !strncasecmp(url, "https://", 8);
    const char *name = is_https ? "HTTPS_PROXY" : "HTTP_PROXY";
    const char *proxy = variable(name, is_https ? "https_proxy" : "http_proxy");
    if (!proxy || !applies(url))
        return 0;
    char whole[4096];
    struct salvor_error cause;
    snprintf(whole, sizeof(whole), "%s%s", strstr(proxy, "://") ? "" : "http://", proxy);
    int result = strlen(proxy) < sizeof(whole) - 8
                     ? salvor_proxy_parse(out, whole, &cause)
                     : salvor_error_set(&cause, "Invalid", "it is too long");
    explicit_bzero(whole, sizeof(whole));
    if (result == 0)
        return 0;
    salvor_error_set(err, cause.code, "the proxy in $%s cannot be used: %s", name, cause.message);
    salvor_error_hint(err, "correct or unset it, or list the server in $NO_PROXY");
    return -1;
}
