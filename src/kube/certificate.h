/* Certificates, as PEM. */
#ifndef SALVOR_KUBE_CERTIFICATE_H
#define SALVOR_KUBE_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define SALVOR_CERTIFICATE_NAME_SIZE 512

/* Names by RFC 2253 in ASCII, a longer one cut; times in seconds since 1970. */
struct salvor_certificate {
    char subject[SALVOR_CERTIFICATE_NAME_SIZE], issuer[SALVOR_CERTIFICATE_NAME_SIZE];
    int64_t begins, ends;
};

/* Reads the first certificate of the text. Error Invalid when there is none. */
int salvor_certificate_read(struct salvor_certificate *out, const char *text,
                            struct salvor_error *err);

/*
 * Error Invalid unless both can be read and belong together. An encrypted key cannot be read:
 * nobody is asked for its password.
 */
int salvor_certificate_check_pair(const char *certificate, const char *key,
                                  struct salvor_error *err);

/* True when it is past its end; *out then holds the day, "2024-05-31". */
bool salvor_certificate_is_expired(char *out, size_t size, const char *certificate);

#endif
