#include "kube/exec_command.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buffer.h"
#include "data/json.h"
#include "kube/kubeconfig_entry.h"

#define INFO_NAME  "KUBERNETES_EXEC_INFO"
#define INFO_LIMIT ((size_t)32 << 20)

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static int find_program(char **out, const char *name, struct salvor_error *err)
{
    char path[PATH_MAX];
    const char *folders = getenv("PATH");
    if (strchr(name, '/'))
        return salvor_kubeconfig_set(out, name, err);
    for (folders = folders ? folders : "/usr/local/bin:/usr/bin:/bin"; *folders;) {
        size_t size = strcspn(folders, ":");
        int length = snprintf(path, sizeof(path), "%.*s/%s", (int)size, folders, name);
        if (*folders == '/' && length < (int)sizeof(path) && is_program(path))
            return salvor_kubeconfig_set(out, path, err);
        folders += size + (folders[size] == ':');
    }
    return salvor_error_set(err, "NotFound", "there is no program '%s' on PATH", name);
}

static int make_words(struct salvor_exec_command *out, const json_t *arguments,
                      struct salvor_error *err)
{
    size_t count = json_array_size(arguments);
    out->argv = calloc(count + 2, sizeof(*out->argv));
    if (!out->argv)
        return salvor_error_memory(err);
    out->argv[0] = out->path;
    for (size_t i = 0; i < count; i++)
        out->argv[i + 1] = (char *)json_string_value(json_array_get(arguments, i));
    return 0;
}

/* KUBERNETES_EXEC_INFO={"apiVersion":...,"kind":"ExecCredential","spec":{...}} */
static int make_info(char **out, const struct salvor_exec_call *call, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(INFO_LIMIT);
    json_t *root = json_pack("{s:s, s:s, s:{s:b}}", "apiVersion", call->api_version, "kind",
                             "ExecCredential", "spec", "interactive", call->interactive);
    int result = root ? 0 : salvor_error_memory(err);
    if (result == 0 && call->cluster &&
        json_object_set_new(json_object_get(root, "spec"), "cluster",
                            json_deep_copy(call->cluster)) < 0)
        result = salvor_error_memory(err);
    if (result == 0)
        result = salvor_buffer_printf(&text, err, "%s=", INFO_NAME);
    if (result == 0)
        result = salvor_json_encode(&text, root, 0, err);
    if (result == 0)
        result = salvor_kubeconfig_set(out, text.data, err);
    salvor_kubeconfig_wipe(root);
    json_decref(root);
    salvor_buffer_release_wiped(&text);
    return result;
}

static int make_variables(struct salvor_exec_command *out, const json_t *variables,
                          struct salvor_error *err)
{
    const char *name;
    json_t *value;
    size_t count = 0;
    out->own = calloc(json_object_size(variables) + 1, sizeof(*out->own));
    if (!out->own)
        return salvor_error_memory(err);
    json_object_foreach((json_t *)variables, name, value)
    {
        if (asprintf(&out->own[count], "%s=%s", name, json_string_value(value)) < 0) {
            out->own[count] = NULL;
            return salvor_error_memory(err);
        }
        count++;
    }
    return 0;
}

static bool same_name(const char *one, const char *other)
{
    size_t size = strcspn(one, "=");
    return strcspn(other, "=") == size && !memcmp(one, other, size);
}

static bool is_replaced(const struct salvor_exec_command *command, const char *setting)
{
    if (same_name(setting, command->info))
        return true;
    for (char **own = command->own; *own; own++)
        if (same_name(setting, *own))
            return true;
    return false;
}

static int make_environment(struct salvor_exec_command *out, struct salvor_error *err)
{
    size_t count = 1, used = 0;
    for (char **setting = environ; *setting; setting++)
        count++;
    for (char **own = out->own; *own; own++)
        count++;
    out->env = calloc(count + 1, sizeof(*out->env));
    if (!out->env)
        return salvor_error_memory(err);
    for (char **setting = environ; *setting; setting++)
        if (!is_replaced(out, *setting))
            out->env[used++] = *setting;
    for (char **own = out->own; *own; own++)
        if (!same_name(*own, out->info))
            out->env[used++] = *own;
    out->env[used] = out->info;
    return 0;
}

int salvor_exec_command_make(struct salvor_exec_command *out, const struct salvor_exec_call *call,
                             struct salvor_error *err)
{
    memset(out, 0, sizeof(*out));
    if (find_program(&out->path, call->program, err) < 0 ||
        make_words(out, call->arguments, err) < 0 || make_info(&out->info, call, err) < 0 ||
        make_variables(out, call->variables, err) < 0)
        return -1;
    return make_environment(out, err);
}

void salvor_exec_command_release(struct salvor_exec_command *command)
{
    for (char **own = command->own; own && *own; own++)
        salvor_kubeconfig_forget(own);
    free(command->own);
    free(command->env);
    free(command->argv);
    salvor_kubeconfig_forget(&command->info);
    free(command->path);
    memset(command, 0, sizeof(*command));
}
