#include <string.h>

#include "kube/impersonation.h"
#include "kube/kubeconfig_part.h"

static void load_token_file(struct salvor_kubeconfig *out,
                            const struct salvor_kubeconfig_entry *user)
{
    struct salvor_buffer whole = SALVOR_BUFFER_INIT(65536);
    struct salvor_error err;
    const char *path = salvor_kubeconfig_text(user, "tokenFile");
    if (path && (salvor_kubeconfig_path(&whole, path, user->file->path, &err) < 0 ||
                 salvor_kubeconfig_set(&out->token_file, whole.data, &err) < 0))
        salvor_kubeconfig_failed(user, &err);
    salvor_buffer_release(&whole);
}

static void load_credentials(struct salvor_kubeconfig *out,
                             const struct salvor_kubeconfig_entry *user)
{
    salvor_kubeconfig_pem(&out->certificate, user, "client-certificate");
    salvor_kubeconfig_pem(&out->key, user, "client-key");
    salvor_kubeconfig_copy(&out->token, user, "token");
    salvor_kubeconfig_copy(&out->username, user, "username");
    salvor_kubeconfig_copy(&out->password, user, "password");
    load_token_file(out, user);
    bool certificate = salvor_kubeconfig_has(user, "client-certificate") ||
                       salvor_kubeconfig_has(user, "client-certificate-data");
    bool key =
        salvor_kubeconfig_has(user, "client-key") || salvor_kubeconfig_has(user, "client-key-data");
    if (certificate && !key)
        salvor_kubeconfig_wrong(user, "add the key", "has a client certificate but no client-key");
    if (key && !certificate)
        salvor_kubeconfig_wrong(user, "add the certificate",
                                "has a client key but no client-certificate");
    if (out->token && (out->username || out->password))
        salvor_kubeconfig_wrong(user, "keep one of them",
                                "has more than one authentication method: token and password");
}

/* Acting as somebody else */

static int set_text(json_t *who, const char *name, const char *text)
{
    return text ? json_object_set_new(who, name, json_string(text)) : 0;
}

static bool are_texts(const struct salvor_kubeconfig_entry *user, const char *field,
                      const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!salvor_kubeconfig_item(user, field, list, i))
            return false;
    return true;
}

static bool are_lists(const struct salvor_kubeconfig_entry *user, const char *field,
                      const json_t *map)
{
    const char *key;
    json_t *values;
    bool all = true;
    json_object_foreach((json_t *)map, key, values)
    {
        if (!json_is_array(values))
            salvor_kubeconfig_wrong(user, "write [VALUE, ...]",
                                    "has a value in %s that is not a list", field);
        all = json_is_array(values) && are_texts(user, field, values) && all;
    }
    return all;
}

static int fill(json_t *who, const struct salvor_kubeconfig_entry *user, const json_t *groups,
                const json_t *extra)
{
    if (set_text(who, "user", salvor_kubeconfig_text(user, "act-as")) < 0 ||
        set_text(who, "uid", salvor_kubeconfig_text(user, "act-as-uid")) < 0)
        return -1;
    if (groups && json_object_set(who, "groups", (json_t *)groups) < 0)
        return -1;
    return extra ? json_object_set(who, "extra", (json_t *)extra) : 0;
}

static void load_impersonation(struct salvor_kubeconfig *out,
                               const struct salvor_kubeconfig_entry *user)
{
    const json_t *groups = salvor_kubeconfig_list(user, "act-as-groups");
    const json_t *extra = salvor_kubeconfig_map(user, "act-as-user-extra");
    struct salvor_error err;
    if (!are_texts(user, "act-as-groups", groups) || !are_lists(user, "act-as-user-extra", extra))
        return;
    if (!json_array_size(groups))
        groups = NULL;
    if (!json_object_size(extra))
        extra = NULL;
    json_t *who = json_object();
    if (!who || fill(who, user, groups, extra) < 0) {
        salvor_error_memory(&err);
        salvor_kubeconfig_failed(user, &err);
    } else if (json_object_size(who)) {
        salvor_kubeconfig_copy(&out->act_as, user, "act-as");
        if (salvor_impersonation_lines(&out->impersonation, who, &err) < 0)
            salvor_kubeconfig_wrong(user, "correct act-as and what belongs to it",
                                    "acts as somebody else (act-as), but %s", err.message);
    }
    json_decref(who);
}

void salvor_kubeconfig_load_user(struct salvor_kubeconfig *out,
                                 const struct salvor_kubeconfig_entry *user,
                                 const struct salvor_kubeconfig_entry *cluster)
{
    load_credentials(out, user);
    load_impersonation(out, user);
    /* As for kubectl: what is given explicitly goes before a plugin. */
    bool needed = !out->token && !out->token_file && !out->certificate && !out->username;
    bool has_provider = salvor_kubeconfig_has(user, "auth-provider");
    if (salvor_kubeconfig_has(user, "exec") && has_provider)
        salvor_kubeconfig_wrong(user, "keep one of them", "has both exec and auth-provider");
    else if (needed && has_provider)
        salvor_kubeconfig_wrong(
            user,
            "use a credential plugin (exec) instead: gke-gcloud-auth-plugin, kubelogin, ...; "
            "`kubelogin convert-kubeconfig` or a new `get-credentials` writes one",
            "gets its credentials from an auth-provider, which Salvor does not know");
    salvor_kubeconfig_load_exec(out, user, cluster, needed);
}
