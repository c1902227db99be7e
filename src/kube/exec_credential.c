#include "kube/exec_credential.h"

#include <ctype.h>
#include <string.h>

#include <jansson.h>

#include "data/json.h"
#include "data/timestamp.h"
#include "data/yaml.h"
#include "kube/certificate.h"
#include "kube/kubeconfig_entry.h"
#include "kube/token.h"

void salvor_exec_credential_release(struct salvor_exec_credential *credential)
{
    salvor_kubeconfig_forget(&credential->token);
    salvor_kubeconfig_forget(&credential->certificate);
    salvor_kubeconfig_forget(&credential->key);
    credential->expires = 0;
}

/* Parsers quote what they stumble over, so their words are not passed on. */
static int parse(json_t **out, const char *text, size_t size, struct salvor_error *err)
{
    struct salvor_error cause;
    struct salvor_yaml_reader *reader;
    *out = NULL;
    if (salvor_json_decode(out, text, size, &cause) == 0)
        return 0;
    if (salvor_yaml_reader_new(&reader, text, size, &cause) == 0) {
        int found = salvor_yaml_read(reader, out, &cause);
        salvor_yaml_reader_free(reader);
        if (found > 0)
            return 0;
    }
    if (!strcmp(cause.code, "Internal"))
        return salvor_error_memory(err);
    return salvor_error_set(err, "Invalid", "printed %s",
                            size ? "something that is neither JSON nor YAML" : "nothing");
}

static int check_type(const json_t *root, const char *api_version, struct salvor_error *err)
{
    const char *kind = json_string_value(json_object_get(root, "kind"));
    const char *version = json_string_value(json_object_get(root, "apiVersion"));
    if (!kind || !version || strcmp(kind, "ExecCredential") != 0)
        return salvor_error_set(err, "Invalid", "printed something that is not an ExecCredential");
    for (const char *at = version; *at; at++)
        if (!isgraph((unsigned char)*at))
            return salvor_error_set(err, "Invalid", "printed an ExecCredential of no apiVersion");
    if (strcmp(version, api_version) != 0)
        return salvor_error_set(
            err, "Invalid",
            "printed an ExecCredential of %.80s, where the kubeconfig wants one of %s", version,
            api_version);
    return 0;
}

/* A text of the status; *out stays NULL when there is none. */
static int copy(char **out, const json_t *status, const char *field, struct salvor_error *err)
{
    const json_t *value = json_object_get(status, field);
    if (!value || json_is_null(value) || (json_is_string(value) && !json_string_length(value)))
        return 0;
    const char *text = json_string_value(value);
    if (!text || strlen(text) != json_string_length(value))
        return salvor_error_set(err, "Invalid", "printed a %s that is not text", field);
    return salvor_kubeconfig_set(out, text, err);
}

static int read_expiry(double *out, const json_t *status, struct salvor_error *err)
{
    const json_t *value = json_object_get(status, "expirationTimestamp");
    if (!value || json_is_null(value))
        return 0;
    const char *text = json_string_value(value);
    return text && salvor_timestamp_parse(out, text)
               ? 0
               : salvor_error_set(err, "Invalid",
                                  "printed an expirationTimestamp that is not of RFC 3339");
}

static int check(const struct salvor_exec_credential *credential, struct salvor_error *err)
{
    struct salvor_error cause;
    if (!credential->token && !credential->certificate && !credential->key)
        return salvor_error_set(err, "Invalid", "printed neither a token nor a certificate");
    if (!credential->certificate != !credential->key)
        return salvor_error_set(err, "Invalid", "printed a %s without its %s",
                                credential->key ? "key" : "certificate",
                                credential->key ? "certificate" : "key");
    if (credential->token && !salvor_kube_is_token(credential->token))
        return salvor_error_set(err, "Invalid",
                                "printed a token that holds blanks, line breaks or controls");
    if (credential->certificate &&
        salvor_certificate_check_pair(credential->certificate, credential->key, &cause) < 0)
        return salvor_error_set(err, "Invalid", "printed a certificate that cannot be used: %.200s",
                                cause.message);
    return 0;
}

static int read_status(struct salvor_exec_credential *out, const json_t *status,
                       struct salvor_error *err)
{
    if (!json_is_object(status))
        return salvor_error_set(err, "Invalid", "printed an ExecCredential without a status");
    if (copy(&out->token, status, "token", err) < 0 ||
        copy(&out->certificate, status, "clientCertificateData", err) < 0 ||
        copy(&out->key, status, "clientKeyData", err) < 0 ||
        read_expiry(&out->expires, status, err) < 0)
        return -1;
    return check(out, err);
}

int salvor_exec_credential_read(struct salvor_exec_credential *out, const char *text, size_t size,
                                const char *api_version, struct salvor_error *err)
{
    json_t *root;
    memset(out, 0, sizeof(*out));
    if (parse(&root, text, size, err) < 0)
        return -1;
    int result = check_type(root, api_version, err);
    if (result == 0)
        result = read_status(out, json_object_get(root, "status"), err);
    salvor_kubeconfig_wipe(root);
    json_decref(root);
    return result;
}
