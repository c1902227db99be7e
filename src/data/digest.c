#include "data/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const EVP_MD *find_algorithm(const char *name)
{
    if (!strcmp(name, "sha256"))
        return EVP_sha256();
    if (!strcmp(name, "sha512"))
        return EVP_sha512();
    if (!strcmp(name, "sha1"))
        return EVP_sha1();
    return strcmp(name, "md5") ? NULL : EVP_md5();
}

/* libcrypto refuses a digest when the system forbids it (md5 under FIPS), or has no memory. */
static int crypto_error(struct salvor_error *err)
{
    return salvor_error_set(err, "Internal", "libcrypto refuses the digest");
}

static int released(struct salvor_error *err)
{
    return salvor_error_set(err, "Closed", "the digest was released");
}

int salvor_digest_init(struct salvor_digest *digest, const char *algorithm,
                       struct salvor_error *err)
{
    *digest = (struct salvor_digest){0};
    const EVP_MD *type = find_algorithm(algorithm);
    if (!type)
        return salvor_error_set(
            err, "Invalid", "no digest \"%s\": md5, sha1, sha256 and sha512 are known", algorithm);
    digest->context = EVP_MD_CTX_new();
    if (!digest->context)
        return salvor_error_memory(err);
    return EVP_DigestInit_ex(digest->context, type, NULL) ? 0 : crypto_error(err);
}

void salvor_digest_release(struct salvor_digest *digest)
{
    EVP_MD_CTX_free(digest->context);
    *digest = (struct salvor_digest){0};
}

int salvor_digest_update(struct salvor_digest *digest, const void *data, size_t size,
                         struct salvor_error *err)
{
    if (!digest->context)
        return released(err);
    return EVP_DigestUpdate(digest->context, data, size) ? 0 : crypto_error(err);
}

int salvor_digest_finish(struct salvor_digest *digest, struct salvor_error *err)
{
    unsigned size;
    if (digest->size)
        return 0;
    if (!digest->context)
        return released(err);
    if (!EVP_DigestFinal_ex(digest->context, digest->value, &size))
        return crypto_error(err);
    digest->size = size;
    return 0;
}

/* Finishes, hands out the value and releases; `result` is what went before. */
static int deliver(unsigned char *out, size_t *out_size, struct salvor_digest *digest, int result,
                   struct salvor_error *err)
{
    if (result == 0)
        result = salvor_digest_finish(digest, err);
    if (result == 0) {
        memcpy(out, digest->value, digest->size);
        *out_size = digest->size;
    }
    salvor_digest_release(digest);
    return result;
}

int salvor_digest_data(unsigned char out[SALVOR_DIGEST_MAX], size_t *out_size,
                       const char *algorithm, const void *data, size_t size,
                       struct salvor_error *err)
{
    struct salvor_digest digest;
    int result = salvor_digest_init(&digest, algorithm, err);
    if (result == 0)
        result = salvor_digest_update(&digest, data, size, err);
    return deliver(out, out_size, &digest, result, err);
}

static int add_file(struct salvor_digest *digest, int fd, const char *path,
                    struct salvor_error *err)
{
    char data[65536];
    for (;;) {
        ssize_t count = read(fd, data, sizeof(data));
        if (count < 0) /* also when interrupted, as of a pipe: the script is to stop */
            return salvor_error_errno(err, errno, "cannot read %s", path);
        if (count == 0)
            return 0;
        if (salvor_digest_update(digest, data, (size_t)count, err) < 0)
            return -1;
    }
}

int salvor_digest_file(unsigned char out[SALVOR_DIGEST_MAX], size_t *out_size,
                       const char *algorithm, const char *path, struct salvor_error *err)
{
    struct salvor_digest digest;
    int result = salvor_digest_init(&digest, algorithm, err);
    int fd = result < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (result == 0 && fd < 0)
        result = salvor_error_errno(err, errno, "cannot open %s", path);
    if (result == 0)
        result = add_file(&digest, fd, path, err);
    if (fd >= 0)
        close(fd);
    return deliver(out, out_size, &digest, result, err);
}

int salvor_hmac_sha256(unsigned char out[SALVOR_SHA256_SIZE], const void *key, size_t key_size,
                       const void *data, size_t size, struct salvor_error *err)
{
    unsigned out_size;
    if (key_size > INT_MAX)
        return salvor_error_set(err, "TooLarge", "a key of %zu bytes", key_size);
    return HMAC(EVP_sha256(), key, (int)key_size, data, size, out, &out_size) ? 0
                                                                              : crypto_error(err);
}

void salvor_hex(char *out, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[byte[i] >> 4];
        *out++ = digits[byte[i] & 15];
    }
    *out = '\0';
}
