#include <stdio.h>
#include <string.h>

#include "core/path.h"
#include "data/base64.h"
#include "kube/exec_plugin.h"
#include "kube/kubeconfig_part.h"

#define GROUP     "client.authentication.k8s.io/"
#define EXTENSION "client.authentication.k8s.io/exec" /* whose cluster extension is `config` */

/* The mode; -1 when it is wrong. Only v1 has to name one. */
static int read_mode(const struct salvor_kubeconfig_entry *exec, const char *version)
{
    static const char *const modes[] = {
        [SALVOR_EXEC_NEVER] = "Never",
        [SALVOR_EXEC_IF_AVAILABLE] = "IfAvailable",
        [SALVOR_EXEC_ALWAYS] = "Always",
    };
    const char *hint = "write Never, IfAvailable or Always";
    const json_t *value = json_object_get(exec->value, "interactiveMode");
    const char *text = salvor_kubeconfig_text(exec, "interactiveMode");
    if (value && !json_is_null(value) && !json_is_string(value))
        return -1;
    if (!text && version && strcmp(version, GROUP "v1") != 0)
        return SALVOR_EXEC_IF_AVAILABLE;
    for (int i = 0; text && i <= SALVOR_EXEC_ALWAYS; i++)
        if (!strcmp(text, modes[i]))
            return i;
    if (text)
        salvor_kubeconfig_wrong(exec, hint, "has an exec.interactiveMode that does not exist");
    else if (version)
        salvor_kubeconfig_wrong(exec, hint, "has an exec without interactiveMode");
    return -1;
}

static const char *read_version(const struct salvor_kubeconfig_entry *exec)
{
    const char *version = salvor_kubeconfig_text(exec, "apiVersion");
    const char *hint = "write " GROUP "v1, or have the plugin's own tool write a new kubeconfig";
    if (!version && !json_is_string(json_object_get(exec->value, "apiVersion")) &&
        salvor_kubeconfig_has(exec, "apiVersion"))
        return NULL; /* noted already */
    if (!version)
        salvor_kubeconfig_wrong(exec, hint, "has an exec without apiVersion");
    else if (strcmp(version, GROUP "v1") != 0 && strcmp(version, GROUP "v1beta1") != 0)
        salvor_kubeconfig_wrong(
            exec, hint, "has an exec plugin with an invalid apiVersion \"%.100s\"", version);
    return version;
}

static const json_t *read_arguments(const struct salvor_kubeconfig_entry *exec)
{
    const json_t *list = salvor_kubeconfig_list(exec, "args");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!salvor_kubeconfig_item(exec, "args", list, i))
            return NULL;
    return list;
}

/* env: [{name: A, value: B}, ...] as {A: B}, of which the last one of a name counts. */
static json_t *read_variables(const struct salvor_kubeconfig_entry *exec)
{
    const json_t *list = salvor_kubeconfig_list(exec, "env");
    json_t *result = json_object();
    struct salvor_error err;
    for (size_t i = 0; i < json_array_size(list) && result; i++) {
        struct salvor_kubeconfig_entry item = *exec;
        char within[64];
        snprintf(within, sizeof(within), "exec.env[%zu].", i);
        item.value = json_array_get(list, i);
        item.within = within;
        const char *name = salvor_kubeconfig_text(&item, "name");
        const char *value = salvor_kubeconfig_text(&item, "value");
        if (!name)
            salvor_kubeconfig_wrong(exec, "write {name: NAME, value: VALUE}",
                                    "has an exec.env[%zu] without a name", i);
        else if (json_object_set_new(result, name, json_string(value ? value : "")) < 0) {
            json_decref(result);
            result = NULL;
        }
    }
    if (!result) {
        salvor_error_memory(&err);
        salvor_kubeconfig_failed(exec, &err);
    }
    return result;
}

/* A command with a slash is relative to the kubeconfig; another is looked up on PATH. */
static int read_command(struct salvor_buffer *out, const struct salvor_kubeconfig_entry *exec)
{
    struct salvor_error err;
    const char *text = salvor_kubeconfig_text(exec, "command");
    int result = 0;
    if (!text && (json_is_string(json_object_get(exec->value, "command")) ||
                  !salvor_kubeconfig_has(exec, "command")))
        salvor_kubeconfig_wrong(exec, "name the plugin", "has an exec without command");
    if (text && strchr(text, '/')) {
        struct salvor_buffer path = SALVOR_BUFFER_INIT(65536);
        result = salvor_kubeconfig_path(&path, text, exec->file->path, &err);
        if (result == 0)
            result = salvor_path_absolute(out, path.data, &err);
        salvor_buffer_release(&path);
    }
    if (text && !strchr(text, '/'))
        result = salvor_buffer_append(out, text, strlen(text), &err);
    if (result < 0)
        salvor_kubeconfig_failed(exec, &err);
    return result < 0 || !text ? -1 : 0;
}

/* What a plugin is told of the cluster */

static const json_t *find_extension(const struct salvor_kubeconfig_entry *cluster)
{
    const json_t *list = json_object_get(cluster->value, "extensions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && !strcmp(name, EXTENSION))
            return json_object_get(item, "extension");
    }
    return NULL;
}

static int put(json_t *out, const char *name, json_t *value)
{
    return json_object_set_new(out, name, value);
}

static int fill_cluster(json_t *out, const struct salvor_kubeconfig *config,
                        const struct salvor_kubeconfig_entry *cluster)
{
    struct salvor_buffer ca = SALVOR_BUFFER_INIT(2 * SALVOR_KUBECONFIG_LIMIT);
    const json_t *extension = find_extension(cluster);
    const char *proxy = salvor_kubeconfig_text(cluster, "proxy-url");
    int result = put(out, "server", json_string(config->server));
    if (result == 0 && config->server_name)
        result = put(out, "tls-server-name", json_string(config->server_name));
    if (result == 0 && config->insecure)
        result = put(out, "insecure-skip-tls-verify", json_true());
    if (result == 0 && config->ca)
        result = salvor_base64_encode(&ca, config->ca, strlen(config->ca), NULL);
    if (result == 0 && config->ca)
        result = put(out, "certificate-authority-data", json_string(ca.data));
    if (result == 0 && proxy)
        result = put(out, "proxy-url", json_string(proxy));
    if (result == 0 && config->uncompressed)
        result = put(out, "disable-compression", json_true());
    if (result == 0)
        result = put(out, "config", extension ? json_deep_copy(extension) : json_null());
    salvor_buffer_release(&ca);
    return result;
}

static json_t *make_cluster(const struct salvor_kubeconfig *config,
                            const struct salvor_kubeconfig_entry *exec,
                            const struct salvor_kubeconfig_entry *cluster)
{
    struct salvor_error err;
    json_t *result = json_object();
    if (result && fill_cluster(result, config, cluster) == 0)
        return result;
    json_decref(result);
    salvor_error_memory(&err);
    salvor_kubeconfig_failed(exec, &err);
    return NULL;
}

void salvor_kubeconfig_load_exec(struct salvor_kubeconfig *out,
                                 const struct salvor_kubeconfig_entry *user,
                                 const struct salvor_kubeconfig_entry *cluster, bool needed)
{
    struct salvor_kubeconfig_entry exec = *user;
    struct salvor_buffer command = SALVOR_BUFFER_INIT(65536);
    struct salvor_error err;
    exec.value = salvor_kubeconfig_map(user, "exec");
    exec.within = "exec.";
    if (!exec.value)
        return;
    bool has_command = read_command(&command, &exec) == 0;
    const char *version = read_version(&exec);
    int mode = read_mode(&exec, version);
    json_t *variables = read_variables(&exec), *told = NULL;
    struct salvor_exec_options options = {.user = user->name,
                                          .command = command.data,
                                          .api_version = version,
                                          .variables = variables,
                                          .arguments = read_arguments(&exec),
                                          .install_hint =
                                              salvor_kubeconfig_text(&exec, "installHint")};
    bool wants_cluster = salvor_kubeconfig_flag(&exec, "provideClusterInfo");
    if (needed && has_command && version && mode >= 0 && !user->findings->error.code[0]) {
        options.mode = (enum salvor_exec_mode)mode;
        if (wants_cluster)
            options.cluster = told = make_cluster(out, &exec, cluster);
        if (salvor_exec_plugin_acquire(&out->plugin, &options, &err) < 0)
            salvor_kubeconfig_failed(&exec, &err);
    }
    salvor_kubeconfig_wipe(told);
    json_decref(told);
    salvor_kubeconfig_wipe(variables);
    json_decref(variables);
    salvor_buffer_release(&command);
}
