/*
 * What a request of salvor.store_http is signed with, out of its options:
 *
 *     s3 = {access_key, secret_key, token, region, service, payload, skew = seconds}
 *     azure = {account, key = its bytes, skew}
 */
#ifndef SALVOR_LUA_STORE_SIGNING_H
#define SALVOR_LUA_STORE_SIGNING_H

#include <lua.h>

#include "store/azure/sign.h"
#include "store/exchange.h"
#include "store/s3/sign.h"

struct salvor_store_signing {
    struct salvor_s3_key s3;
    struct salvor_azure_key azure;
};

/*
 * Reads it from the table at stack index `options` and sets it in `exchange`, which then points to
 * `signing`; a request without either is not signed. The texts stay on the stack. Raises misuse.
 */
void salvor_store_signing_read(lua_State *L, int options, struct salvor_store_signing *signing,
                               struct salvor_exchange_options *exchange);

#endif
