/*
 * Which proxy a request goes through. The environment is read as Go's net/http does, and with it
 * kubectl: HTTPS_PROXY for https and HTTP_PROXY for http (or in lower case), ALL_PROXY never;
 * NO_PROXY lists hosts ("a.b": it and what is below, ".a.b" and "*.a.b": what is below), addresses,
 * CIDRs, each but the last with ":port" if so wished, or "*"; this machine itself is never reached
 * through a proxy.
 */
#ifndef SALVOR_NET_PROXY_H
#define SALVOR_NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"

/*
 * Appends the proxy's URL as libcurl wants it, with its port: http, https or socks5, which leaves
 * names to the proxy. Error Invalid, without the URL, since that may hold a password.
 */
int salvor_proxy_parse(struct salvor_buffer *out, const char *url, struct salvor_error *err);

/* Appends the URL of the environment's proxy for `url`; nothing when there is none. */
int salvor_proxy_of_environment(struct salvor_buffer *out, const char *url,
                                struct salvor_error *err);

/* NO_PROXY's list has the host, an address without brackets; `port` in digits. */
bool salvor_proxy_is_excluded(const char *list, const char *host, const char *port);

/* A URL with its user and password as "***", for people. */
void salvor_proxy_mask(char *out, size_t size, const char *url);

#endif
