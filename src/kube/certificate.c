#include "kube/certificate.h"

#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* OpenSSL's own would ask the terminal. */
static int no_password(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1;
}

static X509 *read_certificate(const char *text)
{
    BIO *source = BIO_new_mem_buf(text, -1);
    X509 *result = source ? PEM_read_bio_X509(source, NULL, no_password, NULL) : NULL;
    BIO_free(source);
    return result;
}

static EVP_PKEY *read_key(const char *text)
{
    BIO *source = BIO_new_mem_buf(text, -1);
    EVP_PKEY *result = source ? PEM_read_bio_PrivateKey(source, NULL, no_password, NULL) : NULL;
    BIO_free(source);
    return result;
}

int salvor_certificate_check_pair(const char *certificate, const char *key,
                                  struct salvor_error *err)
{
    X509 *ours = read_certificate(certificate);
    EVP_PKEY *secret = read_key(key);
    const char *problem = !ours     ? "the certificate is not one in PEM"
                          : !secret ? "the key is not one in PEM, or it is encrypted"
                          : X509_check_private_key(ours, secret) != 1
                              ? "the key does not belong to the certificate"
                              : NULL;
    X509_free(ours);
    EVP_PKEY_free(secret);
    ERR_clear_error();
    return problem ? salvor_error_set(err, "Invalid", "%s", problem) : 0;
}

bool salvor_certificate_is_expired(char *out, size_t size, const char *certificate)
{
    bool expired = false;
    struct tm end;
    X509 *ours = read_certificate(certificate);
    const ASN1_TIME *limit = ours ? X509_get0_notAfter(ours) : NULL;
    if (limit && X509_cmp_current_time(limit) < 0 && ASN1_TIME_to_tm(limit, &end) == 1)
        expired = strftime(out, size, "%Y-%m-%d", &end) > 0;
    X509_free(ours);
    ERR_clear_error();
    return expired;
}
