#include "kube/identity.h"

#include "kube/certificate.h"
#include "kube/credentials.h"
#include "kube/exec_plugin.h"
#include "kube/token.h"

#define AUTHORIZATION_LIMIT ((size_t)32 << 20)

int salvor_kube_certificate(json_t **out, const char *text, struct salvor_error *err)
{
    struct salvor_certificate read;
    if (salvor_certificate_read(&read, text, err) < 0)
        return -1;
    *out = json_pack("{s:s, s:s, s:I, s:I}", "subject", read.subject, "issuer", read.issuer,
                     "begins", (json_int_t)read.begins, "ends", (json_int_t)read.ends);
    return *out ? 0 : salvor_error_memory(err);
}

static const char *kind_of(const struct salvor_kubeconfig *config)
{
    return config->plugin        ? "plugin"
           : config->certificate ? "certificate"
           : config->token       ? "token"
           : config->username    ? "password"
                                 : "none";
}

/* NULL when it says nothing of itself. */
static json_t *describe_token(const char *text)
{
    struct salvor_token token;
    if (!text || !salvor_token_read(&token, text))
        return NULL;
    return json_pack("{s:s*, s:o*}", "subject", token.subject[0] ? token.subject : NULL, "ends",
                     token.ends ? json_integer(token.ends) : NULL);
}

/* What a plugin has printed is not looked at: it is asked for anew when it ends. */
static int read_own(struct salvor_kubeconfig *config, struct salvor_error *err)
{
    struct salvor_buffer scratch = SALVOR_BUFFER_INIT(AUTHORIZATION_LIMIT);
    int result = config->plugin ? 0 : salvor_kube_authorization(&scratch, config, NULL, err);
    salvor_buffer_release_wiped(&scratch);
    return result;
}

int salvor_kube_identity(json_t **out, struct salvor_kubeconfig *config, struct salvor_error *err)
{
    json_t *certificate = NULL;
    if (read_own(config, err) < 0)
        return -1;
    if (config->certificate && salvor_kube_certificate(&certificate, config->certificate, err) < 0)
        return -1;
    *out = json_pack("{s:s, s:s*, s:o*, s:o*}", "kind", kind_of(config), "plugin",
                     config->plugin ? salvor_exec_plugin_command(config->plugin) : NULL,
                     "certificate", certificate, "token", describe_token(config->token));
    return *out ? 0 : salvor_error_memory(err);
}
