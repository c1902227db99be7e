#include "kube/credentials.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "data/base64.h"
#include "kube/kubeconfig_file.h"
#include "loop/loop.h"

#define TOKEN_LIFE 60 /* seconds until a token file is read again */

/* A token goes into a header line, where a line break would begin another one. */
static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (!isgraph((unsigned char)*text))
            return false;
    return true;
}

static int read_token(struct salvor_kubeconfig *config, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    int result = salvor_kubeconfig_read(&text, config->token_file, NULL, err);
    while (text.size && isspace((unsigned char)text.data[text.size - 1]))
        text.data[--text.size] = '\0';
    if (result == 0 && text.size == 0)
        result =
            salvor_error_set(err, "Unauthorized", "the token file %s is empty", config->token_file);
    char *token = result == 0 ? strdup(text.data) : NULL;
    if (text.capacity)
        explicit_bzero(text.data, text.size);
    salvor_buffer_release(&text);
    if (!token)
        return result < 0 ? -1 : salvor_error_memory(err);
    if (config->token)
        explicit_bzero(config->token, strlen(config->token));
    free(config->token);
    config->token = token;
    config->token_read = salvor_loop_now();
    return 0;
}

static int add_basic(struct salvor_buffer *out, const struct salvor_kubeconfig *config,
                     struct salvor_error *err)
{
    struct salvor_buffer pair = SALVOR_BUFFER_INIT(65536);
    int result = salvor_buffer_printf(&pair, err, "%s:%s", config->username ? config->username : "",
                                      config->password ? config->password : "");
    if (result == 0)
        result = salvor_buffer_printf(out, err, "Authorization: Basic ");
    if (result == 0)
        result = salvor_base64_encode(out, pair.data, pair.size, err);
    if (pair.capacity)
        explicit_bzero(pair.data, pair.size);
    salvor_buffer_release(&pair);
    return result;
}

int salvor_kube_authorization(struct salvor_buffer *out, struct salvor_kubeconfig *config,
                              struct salvor_error *err)
{
    if (config->token_file &&
        (!config->token_read || salvor_loop_now() - config->token_read > TOKEN_LIFE) &&
        read_token(config, err) < 0 && !config->token)
        return -1;
    if (config->token && !is_printable(config->token))
        return salvor_error_set(err, "Invalid", "the token of user \"%s\" holds blanks or controls",
                                config->user);
    if (config->token)
        return salvor_buffer_printf(out, err, "Authorization: Bearer %s", config->token);
    if (config->username || config->password)
        return add_basic(out, config, err);
    return 0;
}

bool salvor_kube_certificate_expired(char *out, size_t size, const struct salvor_kubeconfig *config)
{
    if (!config->certificate)
        return false;
    bool expired = false;
    struct tm end;
    BIO *text = BIO_new_mem_buf(config->certificate, -1);
    X509 *certificate = text ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
    const ASN1_TIME *limit = certificate ? X509_get0_notAfter(certificate) : NULL;
    if (limit && X509_cmp_current_time(limit) < 0 && ASN1_TIME_to_tm(limit, &end) == 1)
        expired = strftime(out, size, "%Y-%m-%d", &end) > 0;
    X509_free(certificate);
    BIO_free(text);
    ERR_clear_error();
    return expired;
}
