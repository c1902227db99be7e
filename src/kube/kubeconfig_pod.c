#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kube/kubeconfig_part.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static void path_in(char *out, size_t size, const char *folder, const char *name)
{
    snprintf(out, size, "%s/%s", folder ? folder : SERVICE_ACCOUNT, name);
}

bool salvor_kubeconfig_is_in_pod(const char *folder)
{
    char path[4096];
    struct stat status;
    path_in(path, sizeof(path), folder, "token");
    return variable("KUBERNETES_SERVICE_HOST") && variable("KUBERNETES_SERVICE_PORT") &&
           stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

static int read_file(char **out, const char *folder, const char *name, struct salvor_error *err)
{
    char path[4096];
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    path_in(path, sizeof(path), folder, name);
    int result = salvor_kubeconfig_read(&text, path, NULL, err);
    while (result == 0 && text.size && strchr(" \t\r\n", text.data[text.size - 1]))
        text.data[--text.size] = '\0';
    if (result == 0 && text.size == 0)
        result = salvor_error_set(err, "NotFound", "%s is empty", path);
    if (result == 0)
        result = salvor_kubeconfig_set(out, text.data, err);
    salvor_buffer_release(&text);
    return result;
}

static int set_server(struct salvor_kubeconfig *out, struct salvor_error *err)
{
    const char *host = variable("KUBERNETES_SERVICE_HOST");
    bool is_ipv6 = strchr(host, ':') != NULL;
    struct salvor_buffer url = SALVOR_BUFFER_INIT(4096);
    int result = salvor_buffer_printf(&url, err, "https://%s%s%s:%s", is_ipv6 ? "[" : "", host,
                                      is_ipv6 ? "]" : "", variable("KUBERNETES_SERVICE_PORT"));
    if (result == 0)
        result = salvor_kubeconfig_set(&out->server, url.data, err);
    salvor_buffer_release(&url);
    return result;
}

int salvor_kubeconfig_load_pod(struct salvor_kubeconfig *out, const char *folder,
                               struct salvor_error *err)
{
    char token[4096];
    struct salvor_error missing;
    const char *own = variable("POD_NAMESPACE");
    path_in(token, sizeof(token), folder, "token");
    if (set_server(out, err) < 0 || salvor_kubeconfig_set(&out->token_file, token, err) < 0 ||
        salvor_kubeconfig_set(&out->source, "service account", err) < 0 ||
        salvor_kubeconfig_set(&out->cluster, "in-cluster", err) < 0 ||
        salvor_kubeconfig_set(&out->user, "service account", err) < 0 ||
        read_file(&out->ca, folder, "ca.crt", err) < 0)
        return -1;
    if (own)
        return salvor_kubeconfig_set(&out->namespace, own, err);
    /* A pod may have been given no namespace file; "default" is then as good as for kubectl. */
    if (read_file(&out->namespace, folder, "namespace", &missing) < 0)
        salvor_kubeconfig_forget(&out->namespace);
    return 0;
}
