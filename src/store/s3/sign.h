/*
 * AWS Signature Version 4 in the header Authorization, as S3 wants it: paths are not normalised and
 * escaped once ("Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference).
 */
#ifndef SALVOR_STORE_S3_SIGN_H
#define SALVOR_STORE_S3_SIGN_H

#include <time.h>

#include "core/buffer.h"
#include "core/error.h"
#include "store/exchange.h"

struct salvor_s3_key {
    const char *access_key;
    const char *secret_key;
    const char *token; /* of a session; NULL: none */
    const char *region;
    const char *service; /* "s3" */
    /* What the header x-amz-content-sha256 says: the SHA-256 of the body in hex, or a word of S3's
       such as UNSIGNED-PAYLOAD; NULL: no such header, the body's digest is computed. */
    const char *payload;
    time_t time; /* of the request, which the server's clock must nearly agree with */
};

/*
 * Adds X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-SHA256 and Authorization; `context` is a
 * struct salvor_s3_key. All headers but User-Agent are signed. A salvor_exchange_sign.
 */
int salvor_s3_sign(struct salvor_exchange *exchange, const void *context, struct salvor_error *err);

/* Appends the canonical request, for tests. */
int salvor_s3_canonical(struct salvor_buffer *out, const struct salvor_exchange *exchange,
                        const char *payload, struct salvor_error *err);

#endif
