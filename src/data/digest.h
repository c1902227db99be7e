/* Message digests, over libcrypto: "md5", "sha1", "sha256" and "sha512". */
#ifndef SALVOR_DATA_DIGEST_H
#define SALVOR_DATA_DIGEST_H

#include <stddef.h>

#include "core/error.h"

#define SALVOR_DIGEST_MAX     64 /* bytes of the longest digest */
#define SALVOR_SHA256_SIZE    32
#define SALVOR_DIGEST_HEX_MAX (2 * SALVOR_DIGEST_MAX + 1)

/* A digest that data is added to piece by piece; {0} owns nothing. */
struct salvor_digest {
    void *context; /* EVP_MD_CTX; NULL: released, which is Closed to whoever goes on */
    unsigned char value[SALVOR_DIGEST_MAX];
    size_t size; /* of `value`; 0 until salvor_digest_finish() */
};

/* Error Invalid for an algorithm that is not one of the four. */
int salvor_digest_init(struct salvor_digest *digest, const char *algorithm,
                       struct salvor_error *err);
void salvor_digest_release(struct salvor_digest *digest);

int salvor_digest_update(struct salvor_digest *digest, const void *data, size_t size,
                         struct salvor_error *err);

/* Fills `value` and `size`. Nothing can be added any more; calling it again is fine. */
int salvor_digest_finish(struct salvor_digest *digest, struct salvor_error *err);

/* The digest of one piece of data. */
int salvor_digest_data(unsigned char out[SALVOR_DIGEST_MAX], size_t *out_size,
                       const char *algorithm, const void *data, size_t size,
                       struct salvor_error *err);

/* The digest of a file's content, read as a stream. */
int salvor_digest_file(unsigned char out[SALVOR_DIGEST_MAX], size_t *out_size,
                       const char *algorithm, const char *path, struct salvor_error *err);

int salvor_hmac_sha256(unsigned char out[SALVOR_SHA256_SIZE], const void *key, size_t key_size,
                       const void *data, size_t size, struct salvor_error *err);

/* Lower case, ended by a NUL: `out` has 2 * size + 1 bytes. */
void salvor_hex(char *out, const void *data, size_t size);

#endif
