/* Client certificates, as PEM. */
#ifndef SALVOR_KUBE_CERTIFICATE_H
#define SALVOR_KUBE_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

/*
 * Error Invalid unless both can be read and belong together. An encrypted key cannot be read:
 * nobody is asked for its password.
 */
int salvor_certificate_check_pair(const char *certificate, const char *key,
                                  struct salvor_error *err);

/* True when it is past its end; *out then holds the day, "2024-05-31". */
bool salvor_certificate_is_expired(char *out, size_t size, const char *certificate);

#endif
