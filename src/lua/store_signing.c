#include "lua/store_signing.h"

#include <time.h>

#include "lua/binding.h"

/* A text of the option `scheme`, which is the table at `index`. */
static const char *key_text(lua_State *L, int options, int index, const char *scheme,
                            const char *name, size_t *size)
{
    const char *text = salvor_option_string(L, index, name, size);
    if (!text && scheme)
        luaL_argerror(L, options, lua_pushfstring(L, "option '%s' has no '%s'", scheme, name));
    return text;
}

static time_t time_of_request(lua_State *L, int index)
{
    return time(NULL) + (time_t)salvor_option_number(L, index, "skew", 0);
}

/* Pushes the option; false when there is none. */
static bool push_scheme(lua_State *L, int options, const char *scheme, const char *const names[])
{
    int type = lua_getfield(L, options, scheme);
    if (type == LUA_TNIL)
        return false;
    if (type != LUA_TTABLE)
        luaL_argerror(L, options, lua_pushfstring(L, "option '%s' must be a table", scheme));
    salvor_check_options(L, lua_gettop(L), names);
    return true;
}

/* `s3`: what Signature V4 is made with */
static bool read_s3_key(lua_State *L, int options, struct salvor_s3_key *key)
{
    static const char *const names[] = {"access_key", "secret_key", "token", "region",
                                        "service",    "payload",    "skew",  NULL};
    if (!push_scheme(L, options, "s3", names))
        return false;
    int index = lua_gettop(L);
    key->access_key = key_text(L, options, index, "s3", "access_key", NULL);
    key->secret_key = key_text(L, options, index, "s3", "secret_key", NULL);
    key->token = key_text(L, options, index, NULL, "token", NULL);
    key->region = key_text(L, options, index, "s3", "region", NULL);
    key->service = key_text(L, options, index, NULL, "service", NULL);
    key->payload = key_text(L, options, index, NULL, "payload", NULL);
    key->time = time_of_request(L, index);
    if (!key->service)
        key->service = "s3";
    return true;
}

/* `azure`: what Shared Key is made with; the key's bytes, not their base64 */
static bool read_azure_key(lua_State *L, int options, struct salvor_azure_key *key)
{
    static const char *const names[] = {"account", "key", "skew", NULL};
    if (!push_scheme(L, options, "azure", names))
        return false;
    int index = lua_gettop(L);
    key->account = key_text(L, options, index, "azure", "account", NULL);
    key->key = key_text(L, options, index, "azure", "key", &key->key_size);
    key->time = time_of_request(L, index);
    return true;
}

void salvor_store_signing_read(lua_State *L, int options, struct salvor_store_signing *signing,
                               struct salvor_exchange_options *exchange)
{
    *signing = (struct salvor_store_signing){0};
    if (read_s3_key(L, options, &signing->s3)) {
        exchange->sign = salvor_s3_sign;
        exchange->context = &signing->s3;
    } else if (read_azure_key(L, options, &signing->azure)) {
        exchange->sign = salvor_azure_sign;
        exchange->context = &signing->azure;
    }
}
