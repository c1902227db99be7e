#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "kube/kubeconfig_part.h"
#include "net/proxy.h"

static bool is_url(const char *text)
{
    CURLU *url = curl_url();
    char *user = NULL, *host = NULL;
    bool result = url && curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host &&
                  curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER;
    curl_free(user);
    curl_free(host);
    curl_url_cleanup(url);
    return result && !strpbrk(text, "?#");
}

static void load_server(struct salvor_kubeconfig *out, const struct salvor_kubeconfig_entry *entry)
{
    const char *form = "write it as https://HOST:PORT";
    const json_t *value = json_object_get(entry->value, "server");
    salvor_kubeconfig_copy(&out->server, entry, "server");
    if (!out->server && (json_is_string(value) || !salvor_kubeconfig_has(entry, "server")))
        salvor_kubeconfig_wrong(entry, "give the API server's https:// address", "has no server");
    if (!out->server)
        return;
    if (strncasecmp(out->server, "https://", 8) != 0 && strncasecmp(out->server, "http://", 7) != 0)
        salvor_kubeconfig_wrong(entry, form, "has a server that does not begin with https://");
    else if (!is_url(out->server))
        salvor_kubeconfig_wrong(entry, form, "has a server that is not just an address");
    for (size_t n = strlen(out->server); n && out->server[n - 1] == '/'; n--)
        out->server[n - 1] = '\0';
}

static void load_proxy(struct salvor_kubeconfig *out, const struct salvor_kubeconfig_entry *entry)
{
    struct salvor_buffer url = SALVOR_BUFFER_INIT(65536);
    struct salvor_error err;
    const char *text = salvor_kubeconfig_text(entry, "proxy-url");
    if (text && salvor_proxy_parse(&url, text, &err) < 0)
        salvor_kubeconfig_wrong(entry, "write it as http://HOST:PORT",
                                "has a proxy-url that cannot be used: %s", err.message);
    else if (text && salvor_kubeconfig_set(&out->proxy, url.data, &err) < 0)
        salvor_kubeconfig_failed(entry, &err);
    salvor_buffer_release_wiped(&url);
}

void salvor_kubeconfig_load_cluster(struct salvor_kubeconfig *out,
                                    const struct salvor_kubeconfig_entry *cluster)
{
    struct salvor_error err;
    load_server(out, cluster);
    load_proxy(out, cluster);
    out->insecure = salvor_kubeconfig_flag(cluster, "insecure-skip-tls-verify");
    out->uncompressed = salvor_kubeconfig_flag(cluster, "disable-compression");
    salvor_kubeconfig_pem(&out->ca, cluster, "certificate-authority");
    salvor_kubeconfig_copy(&out->server_name, cluster, "tls-server-name");
    salvor_kubeconfig_list(cluster, "extensions");
    if (out->insecure && out->ca)
        salvor_kubeconfig_wrong(cluster, "keep one of them; the authority is the safe one",
                                "has insecure-skip-tls-verify and a certificate authority");
    if (salvor_kubeconfig_set(&out->source, cluster->file->path, &err) < 0)
        salvor_kubeconfig_failed(cluster, &err);
}
