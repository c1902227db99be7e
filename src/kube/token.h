/* Bearer tokens, as RFC 6750 has them, and JSON Web Tokens among them, RFC 7519. */
#ifndef SALVOR_KUBE_TOKEN_H
#define SALVOR_KUBE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define SALVOR_TOKEN_SUBJECT_SIZE 512

/* A token goes into a header line, where a line break would begin another one. */
bool salvor_kube_is_token(const char *text);

/* What a JSON Web Token says of itself. */
struct salvor_token {
    char subject[SALVOR_TOKEN_SUBJECT_SIZE]; /* UTF-8; empty when it has none, or a longer one */
    int64_t ends;                            /* seconds since 1970; 0: it does not say */
};

/* False when the text is no such token. Nothing is verified: that is the server's affair. */
bool salvor_token_read(struct salvor_token *out, const char *text);

#endif
