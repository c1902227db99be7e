#include "kube/kubeconfig.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/base64.h"
#include "kube/kubeconfig_file.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define NAMES_LIMIT     400 /* of a list in a hint */

static void free_wiped(char **text)
{
    if (*text) {
        explicit_bzero(*text, strlen(*text));
        free(*text);
    }
    *text = NULL;
}

void salvor_kubeconfig_release(struct salvor_kubeconfig *config)
{
    char **strings[] = {&config->source,   &config->context,     &config->cluster,
                        &config->user,     &config->namespace,   &config->server,
                        &config->ca,       &config->certificate, &config->key,
                        &config->token,    &config->server_name, &config->token_file,
                        &config->username, &config->password};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        free_wiped(strings[i]);
}

static int set(char **out, const char *value, struct salvor_error *err)
{
    free_wiped(out);
    *out = strdup(value);
    return *out ? 0 : salvor_error_memory(err);
}

__attribute__((format(printf, 3, 4))) static int format(char **out, struct salvor_error *err,
                                                        const char *pattern, ...)
{
    va_list args;
    va_start(args, pattern);
    int length = vasprintf(out, pattern, args);
    va_end(args);
    if (length >= 0)
        return 0;
    *out = NULL;
    return salvor_error_memory(err);
}

/* Takes the text out of a buffer and wipes what stays behind. */
static int take(char **out, struct salvor_buffer *buffer, struct salvor_error *err)
{
    int result = strlen(buffer->data) == buffer->size
                     ? set(out, buffer->data, err)
                     : salvor_error_set(err, "Invalid", "it holds a NUL byte");
    if (buffer->capacity)
        explicit_bzero(buffer->data, buffer->size);
    salvor_buffer_release(buffer);
    return result;
}

/* One entry of a file, for reading its fields and for saying which one is wrong */

struct entry {
    struct salvor_kubeconfig_entry at;
    const char *kind, *name;
};

static int wrong(const struct entry *entry, struct salvor_error *err, const char *problem,
                 const char *hint)
{
    salvor_error_set(err, "Invalid", "kubeconfig %s: %s \"%s\" %s", entry->at.file->path,
                     entry->kind, entry->name, problem);
    salvor_error_hint(err, "%s", hint);
    return -1;
}

/* The field's text, NULL when absent or empty. */
static const char *field(const struct entry *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry->at.value, name));
    return text && *text ? text : NULL;
}

static bool flag(const struct entry *entry, const char *name)
{
    return json_is_true(json_object_get(entry->at.value, name));
}

static bool has(const struct entry *entry, const char *name)
{
    const json_t *value = json_object_get(entry->at.value, name);
    return value && !json_is_null(value);
}

static int copy_field(char **out, const struct entry *entry, const char *name,
                      struct salvor_error *err)
{
    const json_t *value = json_object_get(entry->at.value, name);
    if (!value || json_is_null(value))
        return 0;
    char problem[128];
    snprintf(problem, sizeof(problem), "has a value for %s that is not a string", name);
    if (!json_is_string(value))
        return wrong(entry, err, problem, "put it in quotes");
    const char *text = json_string_value(value);
    return *text ? set(out, text, err) : 0;
}

/* Line breaks are allowed in base64 here, as they are for kubectl. */
static int decode(struct salvor_buffer *out, const char *text, struct salvor_error *err)
{
    struct salvor_buffer joined = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    int result = 0;
    while (*text && result == 0) {
        size_t length = strcspn(text, "\r\n ");
        result = salvor_buffer_append(&joined, text, length, err);
        text += length + (text[length] != '\0');
    }
    if (result == 0)
        result = salvor_base64_decode(out, joined.data, joined.size, err);
    if (joined.capacity)
        explicit_bzero(joined.data, joined.size);
    salvor_buffer_release(&joined);
    return result;
}

/* A PEM text that is given as `name` (a file) or as `name`-data (base64). */
static int load_pem(char **out, const struct entry *entry, const char *name,
                    struct salvor_error *err)
{
    char data_name[64], problem[512];
    snprintf(data_name, sizeof(data_name), "%s-data", name);
    const char *path = field(entry, name), *data = field(entry, data_name);
    if (path && data) {
        snprintf(problem, sizeof(problem), "has both %s and %s", name, data_name);
        return wrong(entry, err, problem, "keep one of them");
    }
    if (!path && !data)
        return 0;
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    struct salvor_error cause;
    int result = data ? decode(&text, data, &cause)
                      : salvor_kubeconfig_read(&text, path, entry->at.file->path, &cause);
    if (result == 0 && !strstr(text.data, "-----BEGIN "))
        result = salvor_error_set(&cause, "Invalid", "it is not PEM");
    if (take(out, &text, result == 0 ? &cause : NULL) < 0)
        result = -1;
    if (result == 0)
        return 0;
    snprintf(problem, sizeof(problem), "has a %s that cannot be used: %.300s",
             data ? data_name : name, cause.message);
    return wrong(entry, err, problem, "correct the entry or the file it names");
}

static int load_cluster(struct salvor_kubeconfig *out, const struct entry *entry,
                        struct salvor_error *err)
{
    if (!field(entry, "server"))
        return wrong(entry, err, "has no server", "give the API server's https:// address");
    if (copy_field(&out->server, entry, "server", err) < 0)
        return -1;
    if (strncasecmp(out->server, "https://", 8) != 0 && strncasecmp(out->server, "http://", 7) != 0)
        return wrong(entry, err, "has a server that does not begin with https://",
                     "write it as https://HOST:PORT");
    for (size_t n = strlen(out->server); n && out->server[n - 1] == '/'; n--)
        out->server[n - 1] = '\0';
    if (has(entry, "proxy-url"))
        return wrong(entry, err, "needs proxy-url, which Salvor does not know yet",
                     "set HTTPS_PROXY instead and remove proxy-url");
    out->insecure = flag(entry, "insecure-skip-tls-verify");
    out->uncompressed = flag(entry, "disable-compression");
    if (load_pem(&out->ca, entry, "certificate-authority", err) < 0 ||
        copy_field(&out->server_name, entry, "tls-server-name", err) < 0)
        return -1;
    if (out->insecure && out->ca)
        return wrong(entry, err, "has insecure-skip-tls-verify and a certificate authority",
                     "keep one of them; the authority is the safe one");
    return set(&out->source, entry->at.file->path, err);
}

static int load_token_file(struct salvor_kubeconfig *out, const struct entry *entry,
                           struct salvor_error *err)
{
    const char *path = field(entry, "tokenFile"), *base = entry->at.file->path;
    if (!path)
        return 0;
    const char *slash = *path == '/' ? NULL : strrchr(base, '/');
    return format(&out->token_file, err, "%.*s%s", slash ? (int)(slash - base + 1) : 0, base, path);
}

static int load_user(struct salvor_kubeconfig *out, const struct entry *entry,
                     struct salvor_error *err)
{
    if (load_pem(&out->certificate, entry, "client-certificate", err) < 0 ||
        load_pem(&out->key, entry, "client-key", err) < 0 ||
        copy_field(&out->token, entry, "token", err) < 0 ||
        copy_field(&out->username, entry, "username", err) < 0 ||
        copy_field(&out->password, entry, "password", err) < 0 ||
        load_token_file(out, entry, err) < 0)
        return -1;
    if (out->certificate && !out->key)
        return wrong(entry, err, "has a client certificate but no client-key", "add the key");
    if (out->key && !out->certificate)
        return wrong(entry, err, "has a client key but no client-certificate",
                     "add the certificate");
    bool basic = out->username || out->password;
    if (out->token && basic)
        return wrong(entry, err, "has more than one authentication method: token and password",
                     "keep one of them");
    if (has(entry, "act-as") || has(entry, "act-as-uid") || has(entry, "act-as-groups") ||
        has(entry, "act-as-user-extra"))
        return wrong(entry, err, "acts as somebody else (act-as), which Salvor does not know yet",
                     "use a user with rights of its own");
    bool has_exec = has(entry, "exec"), has_provider = has(entry, "auth-provider");
    if (has_exec && has_provider)
        return wrong(entry, err, "has both exec and auth-provider", "keep one of them");
    /* As for kubectl: what is given explicitly goes before a plugin. */
    if (out->token || out->token_file || out->certificate || basic)
        return 0;
    if (has_exec)
        return wrong(entry, err,
                     "gets its credentials from a program (exec), which Salvor does not know yet",
                     "use a context whose user has a token or a client certificate");
    if (has_provider)
        return wrong(entry, err,
                     "gets its credentials from an auth-provider, which Salvor does not know",
                     "use a context whose user has a token or a client certificate");
    return 0;
}

/* Contexts */

static const char *current_context(const struct salvor_kubeconfig_file *files)
{
    for (; files; files = files->next) {
        const char *name = json_string_value(json_object_get(files->root, "current-context"));
        if (name && *name)
            return name;
    }
    return NULL;
}

static void hint_contexts(const struct salvor_kubeconfig_file *files, struct salvor_error *err)
{
    struct salvor_buffer names = SALVOR_BUFFER_INIT(NAMES_LIMIT);
    salvor_kubeconfig_names(&names, files, "context");
    if (names.size)
        salvor_error_hint(err, "the contexts are: %s", names.data);
    salvor_buffer_release(&names);
}

static int find(struct entry *out, const struct salvor_kubeconfig_file *files,
                const struct entry *context, const char *kind, const char *name,
                struct salvor_error *err)
{
    *out = (struct entry){.kind = kind, .name = name};
    if (salvor_kubeconfig_find(&out->at, files, kind, name))
        return 0;
    return salvor_error_set(
        err, "NotFound", "kubeconfig %s: context \"%s\" names the %s \"%s\", which does not exist",
        context->at.file->path, context->name, kind, name);
}

static int load_context(struct salvor_kubeconfig *out, const struct salvor_kubeconfig_file *files,
                        const char *name, struct salvor_error *err)
{
    struct entry context = {.kind = "context", .name = name}, cluster, user;
    if (!salvor_kubeconfig_find(&context.at, files, "context", name)) {
        salvor_error_set(err, "NotFound", "kubeconfig %s: there is no context \"%s\"", files->path,
                         name);
        hint_contexts(files, err);
        return -1;
    }
    const char *cluster_name = field(&context, "cluster"), *user_name = field(&context, "user");
    if (!cluster_name)
        return wrong(&context, err, "names no cluster", "add one");
    if (find(&cluster, files, &context, "cluster", cluster_name, err) < 0 ||
        set(&out->context, name, err) < 0 || set(&out->cluster, cluster_name, err) < 0 ||
        copy_field(&out->namespace, &context, "namespace", err) < 0 ||
        load_cluster(out, &cluster, err) < 0)
        return -1;
    if (!user_name)
        return 0;
    if (find(&user, files, &context, "user", user_name, err) < 0 ||
        set(&out->user, user_name, err) < 0)
        return -1;
    return load_user(out, &user, err);
}

/* Where to look */

static int add_listed(struct salvor_kubeconfig_file **files, const char *list,
                      struct salvor_error *err)
{
    char path[4096];
    while (*list) {
        size_t length = strcspn(list, ":");
        if (length >= sizeof(path))
            return salvor_error_set(err, "Invalid", "a path in $KUBECONFIG is too long");
        snprintf(path, sizeof(path), "%.*s", (int)length, list);
        bool known = false;
        for (const struct salvor_kubeconfig_file *file = *files; file; file = file->next)
            known = known || !strcmp(file->path, path);
        if (length && !known && salvor_kubeconfig_file_add(files, path, false, err) < 0)
            return -1;
        list += length + (list[length] != '\0');
    }
    return 0;
}

static int find_files(struct salvor_kubeconfig_file **files, const char *path,
                      struct salvor_error *err)
{
    const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
    char standard[4096];
    if (path)
        return salvor_kubeconfig_file_add(files, path, true, err);
    if (list && *list)
        return add_listed(files, list, err);
    if (!home || !*home)
        return 0;
    if (snprintf(standard, sizeof(standard), "%s/.kube/config", home) >= (int)sizeof(standard))
        return salvor_error_set(err, "Invalid", "$HOME is too long");
    return salvor_kubeconfig_file_add(files, standard, false, err);
}

static bool is_empty(const struct salvor_kubeconfig_file *files)
{
    return !salvor_kubeconfig_has_names(files, "context") &&
           !salvor_kubeconfig_has_names(files, "cluster") &&
           !salvor_kubeconfig_has_names(files, "user") && !current_context(files);
}

/* The service account of the pod we run in */

static int read_line(char **out, const char *dir, const char *name, struct salvor_error *err)
{
    char path[4096];
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int result = salvor_kubeconfig_read(&text, path, NULL, err);
    while (result == 0 && text.size && strchr(" \r\n", text.data[text.size - 1]))
        text.data[--text.size] = '\0';
    if (take(out, &text, result == 0 ? err : NULL) < 0)
        result = -1;
    return result;
}

static int load_service_account(struct salvor_kubeconfig *out, const char *dir, const char *host,
                                const char *port, struct salvor_error *err)
{
    const char *own = getenv("POD_NAMESPACE");
    bool is_ipv6 = strchr(host, ':') != NULL;
    if (format(&out->server, err, "https://%s%s%s:%s", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "",
               port) < 0 ||
        format(&out->token_file, err, "%s/token", dir) < 0)
        return -1;
    if (set(&out->source, "service account", err) < 0 ||
        set(&out->cluster, "in-cluster", err) < 0 || set(&out->user, "service account", err) < 0 ||
        read_line(&out->ca, dir, "ca.crt", err) < 0)
        return -1;
    if (own && *own)
        return set(&out->namespace, own, err);
    /* A pod may have been given no namespace file; "default" is then as good as for kubectl. */
    struct salvor_error missing;
    if (read_line(&out->namespace, dir, "namespace", &missing) < 0)
        free_wiped(&out->namespace);
    return 0;
}

static int load_without_files(struct salvor_kubeconfig *out,
                              const struct salvor_kubeconfig_options *options,
                              struct salvor_error *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
    if (host && *host && port && *port && !options->context)
        return load_service_account(
            out, options->service_account_dir ? options->service_account_dir : SERVICE_ACCOUNT,
            host, port, err);
    const char *listed = getenv("KUBECONFIG");
    if (options->path)
        salvor_error_set(err, "NotFound", "there is no kubeconfig: %s is empty", options->path);
    else if (listed && *listed)
        salvor_error_set(
            err, "NotFound",
            "there is no kubeconfig: no file of $KUBECONFIG (%s) is there and not empty", listed);
    else
        salvor_error_set(err, "NotFound",
                         "there is no kubeconfig: ~/.kube/config does not exist or is empty");
    salvor_error_hint(err, "name one with --kubeconfig or $KUBECONFIG");
    return -1;
}

int salvor_kubeconfig_load(struct salvor_kubeconfig *out,
                           const struct salvor_kubeconfig_options *options,
                           struct salvor_error *err)
{
    struct salvor_kubeconfig_file *files = NULL;
    memset(out, 0, sizeof(*out));
    int result = find_files(&files, options->path, err);
    if (result == 0 && is_empty(files)) {
        result = load_without_files(out, options, err);
    } else if (result == 0) {
        const char *name = options->context ? options->context : current_context(files);
        if (name) {
            result = load_context(out, files, name, err);
        } else {
            result = salvor_error_set(err, "NotFound", "kubeconfig %s: no context is chosen",
                                      files->path);
            hint_contexts(files, err);
        }
    }
    salvor_kubeconfig_files_free(files);
    if (result < 0)
        return -1;
    if (options->namespace)
        return set(&out->namespace, options->namespace, err);
    return out->namespace ? 0 : set(&out->namespace, "default", err);
}
