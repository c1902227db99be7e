/*
 * Azure Storage's Shared Key in the header Authorization, for the Blob service from version
 * 2015-02-21 on ("Authorize with Shared Key", Azure Storage REST API).
 */
#ifndef SALVOR_STORE_AZURE_SIGN_H
#define SALVOR_STORE_AZURE_SIGN_H

#include <stddef.h>
#include <time.h>

#include "core/buffer.h"
#include "core/error.h"
#include "store/exchange.h"

struct salvor_azure_key {
    const char *account;
    const void *key; /* the bytes that the key in base64 stands for */
    size_t key_size;
    time_t time; /* of the request, which the server's clock must nearly agree with */
};

/* Adds x-ms-date and Authorization; `context` is a struct salvor_azure_key. A salvor_exchange_sign. */
int salvor_azure_sign(struct salvor_exchange *exchange, const void *context,
                      struct salvor_error *err);

/* Appends the string to sign, for tests. */
int salvor_azure_string_to_sign(struct salvor_buffer *out, const struct salvor_exchange *exchange,
                                const char *account, struct salvor_error *err);

#endif
