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

static int read_time(int64_t *out, const ASN1_TIME *time)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return -1;
    *out = timegm(&parts);
    return 0;
}

static int read_name(char out[SALVOR_CERTIFICATE_NAME_SIZE], const X509_NAME *name)
{
    BIO *text = BIO_new(BIO_s_mem());
    int size = -1;
    if (text && X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253) >= 0)
        size = BIO_read(text, out, SALVOR_CERTIFICATE_NAME_SIZE - 1);
    out[size > 0 ? size : 0] = '\0';
    BIO_free(text);
    return text ? 0 : -1;
}

int salvor_certificate_read(struct salvor_certificate *out, const char *text,
                            struct salvor_error *err)
{
    X509 *certificate = read_certificate(text);
    bool is_read = certificate && read_time(&out->begins, X509_get0_notBefore(certificate)) == 0 &&
                   read_time(&out->ends, X509_get0_notAfter(certificate)) == 0 &&
                   read_name(out->subject, X509_get_subject_name(certificate)) == 0 &&
                   read_name(out->issuer, X509_get_issuer_name(certificate)) == 0;
    X509_free(certificate);
    ERR_clear_error();
    return is_read ? 0 : salvor_error_set(err, "Invalid", "it is not a certificate in PEM");
}

bool salvor_certificate_is_expired(char *out, size_t size, const char *certificate)
{
    struct salvor_certificate ours;
    if (salvor_certificate_read(&ours, certificate, NULL) < 0 || ours.ends >= time(NULL))
        return false;
    time_t end = (time_t)ours.ends;
    struct tm parts;
    return strftime(out, size, "%Y-%m-%d", gmtime_r(&end, &parts)) > 0;
}
