/* What net/http.c alone uses of net/http_setup.c: the request as libcurl is to make it. */
#ifndef SALVOR_NET_HTTP_SETUP_H
#define SALVOR_NET_HTTP_SETUP_H

#include "net/http.h"

/*
 * Gives http->transfer.easy its URL, proxy, TLS, method, body and headers, and fills http->peer and
 * http->proxy. Errors as those of salvor_http_start().
 */
int salvor_http_set_up(struct salvor_http *http, const struct salvor_http_options *options,
                       struct salvor_error *err);

#endif
