#include <stdio.h>

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

/*
 * Acting as somebody else. kubectl reads the fields `as`, `as-uid`, ...; its source and so other
 * documents name them `act-as`, `act-as-uid`, ... Both are taken, since a user who was to have fewer
 * rights must not get all of them for a name.
 */

#define NAME_SIZE 32

static const char *name_of(char out[NAME_SIZE], const struct salvor_kubeconfig_entry *user,
                           const char *rest)
{
    char other[NAME_SIZE];
    snprintf(out, NAME_SIZE, "as%s", rest);
    snprintf(other, sizeof(other), "act-as%s", rest);
    if (!salvor_kubeconfig_has(user, other))
        return out;
    if (salvor_kubeconfig_has(user, out))
        salvor_kubeconfig_wrong(user, "keep the first, which kubectl reads", "has both %s and %s",
                                out, other);
    snprintf(out, NAME_SIZE, "%s", other);
    return out;
}

static const char *text_of(const struct salvor_kubeconfig_entry *user, const char *rest)
{
    char name[NAME_SIZE];
    return salvor_kubeconfig_text(user, name_of(name, user, rest));
}

static bool are_texts(const struct salvor_kubeconfig_entry *user, const char *field,
                      const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!salvor_kubeconfig_item(user, field, list, i))
            return false;
    return true;
}

static const json_t *groups_of(const struct salvor_kubeconfig_entry *user)
{
    char name[NAME_SIZE];
    const json_t *list = salvor_kubeconfig_list(user, name_of(name, user, "-groups"));
    return json_array_size(list) && are_texts(user, name, list) ? list : NULL;
}

static const json_t *extra_of(const struct salvor_kubeconfig_entry *user)
{
    char name[NAME_SIZE];
    const json_t *map = salvor_kubeconfig_map(user, name_of(name, user, "-user-extra"));
    const char *key;
    json_t *values;
    bool all = json_object_size(map) > 0;
    json_object_foreach((json_t *)map, key, values)
    {
        if (!json_is_array(values))
            salvor_kubeconfig_wrong(user, "write [VALUE, ...]",
                                    "has a value in %s that is not a list", name);
        all = json_is_array(values) && are_texts(user, name, values) && all;
    }
    return all ? map : NULL;
}

static int put_text(json_t *who, const char *name, const char *text)
{
    return text ? json_object_set_new(who, name, json_string(text)) : 0;
}

static int put_tree(json_t *who, const char *name, const json_t *tree)
{
    return tree ? json_object_set(who, name, (json_t *)tree) : 0;
}

static void load_impersonation(struct salvor_kubeconfig *out,
                               const struct salvor_kubeconfig_entry *user)
{
    struct salvor_error err;
    const char *name = text_of(user, ""), *uid = text_of(user, "-uid");
    json_t *who = json_object();
    if (!who || put_tree(who, "groups", groups_of(user)) < 0 ||
        put_tree(who, "extra", extra_of(user)) < 0 || put_text(who, "user", name) < 0 ||
        put_text(who, "uid", uid) < 0 ||
        (name && salvor_kubeconfig_set(&out->act_as, name, &err) < 0)) {
        salvor_error_memory(&err);
        salvor_kubeconfig_failed(user, &err);
    } else if (json_object_size(who) &&
               salvor_impersonation_lines(&out->impersonation, who, &err) < 0) {
        salvor_kubeconfig_wrong(user, "correct `as` and what belongs to it",
                                "acts as somebody else (as), but %s", err.message);
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
