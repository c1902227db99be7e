#include "kube/kubeconfig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/text.h"
#include "kube/exec_plugin.h"
#include "kube/impersonation.h"
#include "kube/kubeconfig_part.h"
#include "net/proxy.h"

#define NAMES_LIMIT 400 /* of a list in a hint */
#define LABEL_LIMIT 63  /* bytes, in DNS */

void salvor_kubeconfig_release(struct salvor_kubeconfig *config)
{
    salvor_exec_plugin_release(config->plugin, config);
    config->plugin = NULL;
    char **strings[] = {&config->source,      &config->context,    &config->cluster,
                        &config->user,        &config->namespace,  &config->server,
                        &config->warning,     &config->proxy,      &config->ca,
                        &config->certificate, &config->key,        &config->server_name,
                        &config->token,       &config->token_file, &config->username,
                        &config->password,    &config->act_as,     &config->impersonation};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        salvor_kubeconfig_forget(strings[i]);
}

/* Contexts */

static void hint_contexts(const struct salvor_kubeconfig_file *files, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(NAMES_LIMIT);
    json_t *names = salvor_kubeconfig_names(files, "context");
    for (size_t i = 0; i < json_array_size(names); i++)
        if (salvor_buffer_printf(&text, NULL, "%s%s", i ? ", " : "",
                                 json_string_value(json_array_get(names, i))) < 0)
            break;
    if (text.size)
        salvor_error_hint(err, "the contexts are: %s", text.data);
    json_decref(names);
    salvor_buffer_release(&text);
}

/* The entry that a context names; noted when it does not exist. */
static bool find(struct salvor_kubeconfig_entry *out, const struct salvor_kubeconfig_file *files,
                 const struct salvor_kubeconfig_entry *context, const char *kind)
{
    const char *name = salvor_kubeconfig_text(context, kind);
    const json_t *below = NULL;
    *out = (struct salvor_kubeconfig_entry){
        .kind = kind, .name = name, .within = "", .findings = context->findings};
    if (!name)
        return false;
    if (!salvor_kubeconfig_find(&below, &out->file, files, kind, name)) {
        struct salvor_error err;
        salvor_error_set(&err, "NotFound",
                         "kubeconfig %s: context \"%s\" names the %s \"%s\", which does not exist",
                         context->file->path, context->name, kind, name);
        salvor_kubeconfig_failed(context, &err);
        return false;
    }
    out->value = below;
    if (below && !json_is_null(below) && !json_is_object(below))
        salvor_kubeconfig_wrong(out, "see kubectl's manual for its form", "is not a mapping");
    return true;
}

static void keep(char **out, const struct salvor_kubeconfig_entry *entry)
{
    struct salvor_error err;
    if (salvor_kubeconfig_set(out, entry->name, &err) < 0)
        salvor_kubeconfig_failed(entry, &err);
}

static bool is_label(const char *text)
{
    size_t length = strlen(text);
    return length && length <= LABEL_LIMIT && *text != '-' && text[length - 1] != '-' &&
           !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

/* Paths of requests are made of it. */
static void load_namespace(char **out, const struct salvor_kubeconfig_entry *context)
{
    salvor_kubeconfig_copy(out, context, "namespace");
    if (*out && !is_label(*out))
        salvor_kubeconfig_wrong(context,
                                "correct it: it has at most 63 small letters, digits and '-', "
                                "with no '-' at either end",
                                "has the namespace \"%.100s\", which cannot be one", *out);
}

static void load_entries(struct salvor_kubeconfig *out, const struct salvor_kubeconfig_file *files,
                         const struct salvor_kubeconfig_entry *context,
                         const struct salvor_kubeconfig_options *options)
{
    struct salvor_kubeconfig_entry cluster, user;
    if (!options->namespace)
        load_namespace(&out->namespace, context);
    keep(&out->context, context);
    if (!find(&cluster, files, context, "cluster")) {
        if (!context->findings->error.code[0])
            salvor_kubeconfig_wrong(context, "add one", "names no cluster");
        return;
    }
    keep(&out->cluster, &cluster);
    salvor_kubeconfig_load_cluster(out, &cluster);
    if (!find(&user, files, context, "user"))
        return;
    keep(&out->user, &user);
    salvor_kubeconfig_load_user(out, &user, &cluster);
}

static int load_context(struct salvor_kubeconfig *out, const struct salvor_kubeconfig_file *files,
                        const char *name, const struct salvor_kubeconfig_options *options,
                        struct salvor_error *err)
{
    struct salvor_kubeconfig_findings findings = {.last = NULL};
    struct salvor_kubeconfig_entry context = {
        .kind = "context", .name = name, .within = "", .findings = &findings};
    if (!salvor_kubeconfig_find(&context.value, &context.file, files, "context", name)) {
        salvor_error_set(err, "NotFound", "kubeconfig %s: there is no context \"%s\"", files->path,
                         name);
        hint_contexts(files, err);
        return -1;
    }
    if (context.value && !json_is_null(context.value) && !json_is_object(context.value))
        salvor_kubeconfig_wrong(&context, "see kubectl's manual for its form", "is not a mapping");
    else
        load_entries(out, files, &context, options);
    if (!findings.error.code[0])
        return 0;
    if (err)
        *err = findings.error;
    return -1;
}

/* Where to look */

/* Paths are bytes, not texts. */
static int add_path(json_t *list, const char *path, size_t length)
{
    json_t *added = json_stringn_nocheck(path, length);
    for (size_t i = 0; added && i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), added)) {
            json_decref(added);
            return 0;
        }
    return json_array_append_new(list, added);
}

static int add_listed(json_t *list, const char *text)
{
    int result = 0;
    while (*text && result == 0) {
        size_t length = strcspn(text, ":");
        if (length)
            result = add_path(list, text, length);
        text += length + (text[length] != '\0');
    }
    return result;
}

static int add_standard(json_t *list, const char *home)
{
    struct salvor_buffer path = SALVOR_BUFFER_INIT(65536);
    int result = salvor_buffer_printf(&path, NULL, "%s/.kube/config", home);
    if (result == 0)
        result = add_path(list, path.data, path.size);
    salvor_buffer_release(&path);
    return result;
}

int salvor_kubeconfig_paths(json_t **out, const char *path, struct salvor_error *err)
{
    const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
    int result = 0;
    *out = json_array();
    if (path)
        result = add_path(*out, path, strlen(path));
    else if (list && *list)
        result = add_listed(*out, list);
    else if (home && *home)
        result = add_standard(*out, home);
    if (*out && result == 0)
        return 0;
    json_decref(*out);
    *out = NULL;
    return salvor_error_memory(err);
}

static int find_files(struct salvor_kubeconfig_file **files,
                      const struct salvor_kubeconfig_options *options, struct salvor_error *err)
{
    int seconds = options->seconds > 0 ? options->seconds : SALVOR_KUBECONFIG_SECONDS;
    json_t *paths;
    if (salvor_kubeconfig_paths(&paths, options->path, err) < 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i < json_array_size(paths) && result == 0; i++)
        result = salvor_kubeconfig_file_add(files, json_string_value(json_array_get(paths, i)),
                                            options->path != NULL, seconds, err);
    json_decref(paths);
    return result;
}

/* Only when all files are missing, since a list of candidates is what $KUBECONFIG is for. */
static int warn_of_missing(struct salvor_kubeconfig *out,
                           const struct salvor_kubeconfig_file *files, const char *path,
                           struct salvor_error *err)
{
    const char *list = getenv("KUBECONFIG");
    if (files || path || !list || !*list)
        return 0;
    struct salvor_buffer text = SALVOR_BUFFER_INIT((size_t)1 << 20);
    int result = salvor_buffer_printf(
        &text, err, "no file of $KUBECONFIG (%s) exists; the pod's service account is used", list);
    if (result == 0)
        result = salvor_kubeconfig_set(&out->warning, text.data, err);
    salvor_buffer_release(&text);
    return result;
}

static int nothing_chosen(const struct salvor_kubeconfig_file *files, struct salvor_error *err)
{
    json_t *names = salvor_kubeconfig_names(files, "context");
    bool has_contexts = json_array_size(names) > 0;
    const char *list = getenv("KUBECONFIG");
    json_decref(names);
    if (!names)
        return salvor_error_memory(err);
    if (has_contexts) {
        salvor_error_set(err, "NotFound", "kubeconfig %s: no context is chosen", files->path);
        hint_contexts(files, err);
        return -1;
    }
    if (files && files->next)
        salvor_error_set(err, "NotFound", "no file of $KUBECONFIG (%s) has contexts", list);
    else if (files)
        salvor_error_set(err, "NotFound", "kubeconfig %s has no contexts: it is empty or cut off",
                         files->path);
    else if (list && *list)
        salvor_error_set(err, "NotFound",
                         "there is no kubeconfig: no file of $KUBECONFIG (%s) exists", list);
    else
        salvor_error_set(err, "NotFound", "there is no kubeconfig: ~/.kube/config does not exist");
    salvor_error_hint(err, "name one with --kubeconfig or $KUBECONFIG");
    return -1;
}

static int load_chosen(struct salvor_kubeconfig *out, const struct salvor_kubeconfig_file *files,
                       const struct salvor_kubeconfig_options *options, struct salvor_error *err)
{
    const char *name = options->context ? options->context : salvor_kubeconfig_current(files);
    if (name && files)
        return load_context(out, files, name, options, err);
    if (!name && salvor_kubeconfig_is_in_pod(options->service_account_dir))
        return warn_of_missing(out, files, options->path, err) < 0
                   ? -1
                   : salvor_kubeconfig_load_pod(out, options->service_account_dir, err);
    return nothing_chosen(files, err);
}

static int impersonate(struct salvor_kubeconfig *out, const json_t *who, struct salvor_error *err)
{
    struct salvor_error cause;
    const char *user = json_string_value(json_object_get(who, "user"));
    salvor_kubeconfig_forget(&out->impersonation);
    if (salvor_impersonation_lines(&out->impersonation, who, &cause) == 0)
        return salvor_kubeconfig_set(&out->act_as, user, err);
    return salvor_error_set(err, cause.code, "impersonate: %s", cause.message);
}

int salvor_kubeconfig_load(struct salvor_kubeconfig *out,
                           const struct salvor_kubeconfig_options *options,
                           struct salvor_error *err)
{
    struct salvor_kubeconfig_file *files = NULL;
    memset(out, 0, sizeof(*out));
    int result = find_files(&files, options, err);
    if (result == 0)
        result = load_chosen(out, files, options, err);
    salvor_kubeconfig_files_free(files);
    if (result == 0 && options->impersonate)
        result = impersonate(out, options->impersonate, err);
    if (result < 0) {
        salvor_text_make_error_one_line(err);
        return -1;
    }
    if (options->namespace)
        return salvor_kubeconfig_set(&out->namespace, options->namespace, err);
    return out->namespace ? 0 : salvor_kubeconfig_set(&out->namespace, "default", err);
}

/* The list of contexts */

static int put_text(json_t *out, const char *name, const json_t *value)
{
    return json_string_length(value)
               ? json_object_set_new(out, name, json_string(json_string_value(value)))
               : 0;
}

static int put_server(json_t *out, const struct salvor_kubeconfig_file *files, const char *cluster)
{
    const json_t *entry;
    const struct salvor_kubeconfig_file *file;
    char server[2048];
    const char *text = NULL;
    if (cluster && salvor_kubeconfig_find(&entry, &file, files, "cluster", cluster))
        text = json_string_value(json_object_get(entry, "server"));
    /* Nobody should put a password there; kubectl would take it. The stars may be longer. */
    if (!text || strlen(text) >= sizeof(server) - sizeof("***"))
        return 0;
    salvor_proxy_mask(server, sizeof(server), text);
    return json_object_set_new(out, "server", json_string(server));
}

static int describe(json_t *out, const struct salvor_kubeconfig_file *files, const char *name)
{
    const json_t *context = NULL;
    const struct salvor_kubeconfig_file *file;
    const char *current = salvor_kubeconfig_current(files);
    salvor_kubeconfig_find(&context, &file, files, "context", name);
    const json_t *cluster = json_object_get(context, "cluster");
    if (json_object_set_new(out, "name", json_string(name)) < 0 ||
        put_text(out, "cluster", cluster) < 0 ||
        put_text(out, "user", json_object_get(context, "user")) < 0 ||
        put_text(out, "namespace", json_object_get(context, "namespace")) < 0 ||
        put_server(out, files, json_string_value(cluster)) < 0)
        return -1;
    return json_object_set_new(out, "current", json_boolean(current && !strcmp(current, name)));
}

int salvor_kubeconfig_contexts(json_t **out, const struct salvor_kubeconfig_options *options,
                               struct salvor_error *err)
{
    struct salvor_kubeconfig_file *files = NULL;
    int result = find_files(&files, options, err);
    json_t *names = result == 0 ? salvor_kubeconfig_names(files, "context") : NULL;
    *out = json_array();
    if (result == 0 && (!names || !*out))
        result = salvor_error_memory(err);
    for (size_t i = 0; i < json_array_size(names) && result == 0; i++) {
        json_t *context = json_object();
        if (describe(context, files, json_string_value(json_array_get(names, i))) < 0 ||
            json_array_append(*out, context) < 0)
            result = salvor_error_memory(err);
        json_decref(context);
    }
    json_decref(names);
    salvor_kubeconfig_files_free(files);
    if (result < 0)
        salvor_text_make_error_one_line(err);
    return result;
}
