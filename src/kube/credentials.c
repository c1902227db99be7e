#include "kube/credentials.h"

#include <ctype.h>
#include <string.h>

#include "data/base64.h"
#include "data/text.h"
#include "kube/exec_plugin.h"
#include "kube/kubeconfig_entry.h"
#include "kube/token.h"
#include "loop/loop.h"

#define TOKEN_LIFE 60 /* seconds until a token file is read again */

static int read_token(struct salvor_kubeconfig *config, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    int result = salvor_kubeconfig_read(&text, config->token_file, NULL, err);
    while (text.size && isspace((unsigned char)text.data[text.size - 1]))
        text.data[--text.size] = '\0';
    if (result == 0 && text.size == 0)
        result =
            salvor_error_set(err, "Unauthorized", "the token file %s is empty", config->token_file);
    if (result == 0)
        result = salvor_kubeconfig_set(&config->token, text.data, err);
    salvor_buffer_release_wiped(&text);
    if (result == 0)
        config->token_read = salvor_loop_now();
    else
        salvor_text_make_error_one_line(err);
    return result;
}

static int add_basic(struct salvor_buffer *out, const struct salvor_kubeconfig *config,
                     struct salvor_error *err)
{
    struct salvor_buffer pair = SALVOR_BUFFER_INIT(65536);
    int result = salvor_buffer_printf(&pair, err, "%s:%s", config->username,
                                      config->password ? config->password : "");
    if (result == 0)
        result = salvor_buffer_printf(out, err, "Authorization: Basic ");
    if (result == 0)
        result = salvor_base64_encode(out, pair.data, pair.size, err);
    salvor_buffer_release_wiped(&pair);
    return result;
}

int salvor_kube_authorization(struct salvor_buffer *out, struct salvor_kubeconfig *config,
                              const struct salvor_exec_credential *printed,
                              struct salvor_error *err)
{
    if (printed)
        return printed->token
                   ? salvor_buffer_printf(out, err, "Authorization: Bearer %s", printed->token)
                   : 0;
    if (config->token_file &&
        (!config->token_read || salvor_loop_now() - config->token_read > TOKEN_LIFE) &&
        read_token(config, err) < 0 && !config->token)
        return -1;
    if (config->token && !salvor_kube_is_token(config->token))
        return salvor_error_set(err, "Invalid", "the token of user \"%s\" holds blanks or controls",
                                config->user);
    if (config->token)
        return salvor_buffer_printf(out, err, "Authorization: Bearer %s", config->token);
    if (config->username)
        return add_basic(out, config, err);
    return 0;
}

void salvor_kube_refused(struct salvor_kubeconfig *config, unsigned long credentials)
{
    config->token_read = 0;
    if (config->plugin)
        salvor_exec_plugin_refuse(config->plugin, credentials);
}
