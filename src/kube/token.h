/* Bearer tokens, as RFC 6750 has them. */
#ifndef SALVOR_KUBE_TOKEN_H
#define SALVOR_KUBE_TOKEN_H

#include <stdbool.h>

/* A token goes into a header line, where a line break would begin another one. */
bool salvor_kube_is_token(const char *text);

#endif
