/* What went wrong in an exchange, in words a person can act on. */
#ifndef SALVOR_NET_HTTP_ERROR_H
#define SALVOR_NET_HTTP_ERROR_H

#include "net/http.h"

/* Sets `err` from the result of a failed exchange; returns -1. */
int salvor_http_explain(const struct salvor_http *http, struct salvor_error *err);

#endif
