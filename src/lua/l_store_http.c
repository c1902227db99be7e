/*
 * salvor.store_http: requests to stores over HTTP, for the back ends of salvor.store.
 *
 *     http.client{ca=, insecure=, proxy=, connect_timeout=, silence=, timeout=} -> client
 *     client:request{method=, origin=, path=, query=, headers=, body=, into=, xml=, s3= or azure=, ...}
 *         -> {status, headers, body | xml | received} | nil, err
 *     http.xml(text, lists) -> table | nil, err
 *     http.escape(text [, "/"]) -> text      http.unescape(text) -> text
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lua/binding.h"
#include "lua/block.h"
#include "lua/headers.h"
#include "lua/modules.h"
#include "lua/store_signing.h"
#include "lua/task.h"
#include "lua/xml.h"
#include "net/url.h"
#include "store/exchange.h"

#define CLIENT_METATABLE "salvor.store_http.client"
#define BODY_LIMIT       ((size_t)64 << 20)

struct client {
    char *ca, *proxy;
    bool insecure;
    double connect_timeout, silence, timeout;
};

/* Clients */

static char *copy_option(lua_State *L, int index, const char *name)
{
    const char *text = salvor_option_string(L, index, name, NULL);
    char *copy = text ? strdup(text) : NULL;
    lua_pop(L, 1);
    if (text && !copy)
        luaL_error(L, "out of memory");
    return copy;
}

static int client_gc(lua_State *L)
{
    struct client *client = luaL_checkudata(L, 1, CLIENT_METATABLE);
    free(client->ca);
    free(client->proxy);
    *client = (struct client){0};
    return 0;
}

/* client{ca = PEM text, insecure, proxy = URL, connect_timeout, silence, timeout} -> client */
static int new_client(lua_State *L)
{
    static const char *const names[] = {"ca",      "insecure", "proxy", "connect_timeout",
                                        "silence", "timeout",  NULL};
    salvor_check_options(L, 1, names);
    lua_settop(L, 1);
    struct client *client = lua_newuserdatauv(L, sizeof(*client), 0);
    *client = (struct client){0};
    luaL_setmetatable(L, CLIENT_METATABLE);
    client->ca = copy_option(L, 1, "ca");
    client->proxy = copy_option(L, 1, "proxy");
    client->insecure = salvor_option_boolean(L, 1, "insecure", false);
    client->connect_timeout = salvor_option_number(L, 1, "connect_timeout", 10);
    client->silence = salvor_option_number(L, 1, "silence", 60);
    client->timeout = salvor_option_number(L, 1, "timeout", 0);
    return 1;
}

/* Requests: the options table is at index 2, what they name stays on the stack above it. */

static const char *need_text(lua_State *L, const char *name)
{
    const char *text = salvor_option_string(L, 2, name, NULL);
    if (!text)
        luaL_argerror(L, 2, lua_pushfstring(L, "option '%s' is missing", name));
    return text;
}

typedef int (*add_function)(struct salvor_exchange *exchange, const char *name, const char *value,
                            struct salvor_error *err);

/* The pairs of the table that the option names; numbers are fine as values. */
static void add_pairs(lua_State *L, struct salvor_exchange *exchange, const char *name,
                      add_function add)
{
    struct salvor_error err;
    int type = lua_getfield(L, 2, name);
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_argerror(L, 2, lua_pushfstring(L, "option '%s' must be a table", name));
    if (type == LUA_TTABLE) {
        lua_pushnil(L);
        while (lua_next(L, -2)) {
            if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
                luaL_argerror(L, 2, lua_pushfstring(L, "option '%s' has strings", name));
            lua_pushvalue(L, -1);
            if (add(exchange, lua_tostring(L, -3), lua_tostring(L, -1), &err) < 0)
                luaL_argerror(L, 2, lua_pushstring(L, err.message));
            lua_pop(L, 2);
        }
    }
    lua_pop(L, 1);
}

static void set_bodies(lua_State *L, struct salvor_exchange *exchange)
{
    int type = lua_getfield(L, 2, "body");
    if (type == LUA_TSTRING)
        exchange->body = lua_tolstring(L, -1, &exchange->body_size);
    else if (type != LUA_TNIL)
        salvor_hold_block(L, lua_absindex(L, -1), &exchange->upload, SALVOR_BLOCK_READ);
    if (lua_getfield(L, 2, "into") != LUA_TNIL)
        salvor_hold_block(L, lua_absindex(L, -1), &exchange->into, SALVOR_BLOCK_WRITE)->size = 0;
}

static void release_exchange(void *object)
{
    struct salvor_exchange *exchange = object;
    if (exchange->headers.data) /* it was initialised */
        salvor_exchange_release(exchange);
}

/* Answers */

/* xml(text, lists) -> table | nil, err */
static int parse_xml(lua_State *L)
{
    struct salvor_error err;
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_settop(L, 2);
    if (salvor_push_xml(L, text, size, 2, &err) < 0)
        return salvor_fail(L, &err);
    return 1;
}

static bool is_success(const struct salvor_http *http)
{
    return http->status >= 200 && http->status < 300;
}

/* {status, headers, body or xml or received} */
static int after_answer(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct salvor_exchange *exchange = (struct salvor_exchange *)context;
    const struct salvor_http *http = &exchange->http;
    struct salvor_error err;
    size_t received = salvor_exchange_received(exchange);
    if (salvor_http_check(http, &err) < 0)
        return salvor_fail(L, &err);
    lua_getfield(L, 2, "xml");
    int lists = lua_gettop(L);
    bool wants_xml = lua_istable(L, lists) && is_success(http);
    lua_createtable(L, 0, 4);
    int answer = lua_gettop(L);
    lua_pushinteger(L, http->status);
    lua_setfield(L, answer, "status");
    salvor_push_headers(L, http);
    lua_setfield(L, answer, "headers");
    if (wants_xml) {
        if (salvor_push_xml(L, http->body.data, http->body.size, lists, &err) < 0)
            return salvor_fail(L, &err);
        lua_setfield(L, answer, "xml");
    } else if (exchange->into.block && is_success(http)) {
        lua_pushinteger(L, (lua_Integer)received);
        lua_setfield(L, answer, "received");
    } else {
        lua_pushlstring(L, http->body.data, http->body.size);
        lua_setfield(L, answer, "body");
    }
    lua_pushvalue(L, answer);
    return 1;
}

/*
 * client:request{
 *     method, origin = "https://host:port", path = "/escaped", query = {name = value},
 *     headers = {name = value}, body = string or block,
 *     into = the block that a 2xx answer's body goes to,
 *     xml = {names that come several times}: a 2xx answer's body is XML,
 *     s3 = {access_key, secret_key, token, region, service, payload, skew = seconds},
 *     azure = {account, key = its bytes, skew},
 *     timeout, silence, repeatable, expect}
 */
static int client_request(lua_State *L)
{
    static const char *const names[] = {"method",  "origin",  "path",       "query",  "headers",
                                        "body",    "into",    "xml",        "s3",     "azure",
                                        "timeout", "silence", "repeatable", "expect", NULL};
    struct client *client = luaL_checkudata(L, 1, CLIENT_METATABLE);
    struct salvor_exchange_options options = {.body_limit = BODY_LIMIT};
    struct salvor_store_signing signing;
    struct salvor_error err;
    luaL_checktype(L, 2, LUA_TTABLE);
    salvor_check_options(L, 2, names);
    lua_settop(L, 2);
    struct salvor_exchange *exchange = salvor_box(L, sizeof(*exchange), release_exchange);
    salvor_exchange_init(exchange);
    exchange->method = need_text(L, "method");
    exchange->origin = need_text(L, "origin");
    exchange->path = need_text(L, "path");
    add_pairs(L, exchange, "query", salvor_exchange_add_query);
    add_pairs(L, exchange, "headers", salvor_exchange_add_header);
    set_bodies(L, exchange);
    salvor_store_signing_read(L, 2, &signing, &options);
    options.tls = (struct salvor_http_tls){.ca = client->ca, .insecure = client->insecure};
    options.proxy = client->proxy;
    options.connect_timeout = client->connect_timeout;
    options.silence = salvor_option_number(L, 2, "silence", client->silence);
    options.timeout = salvor_option_number(L, 2, "timeout", client->timeout);
    options.repeatable = salvor_option_boolean(L, 2, "repeatable", false);
    options.expect = salvor_option_boolean(L, 2, "expect", false);
    if (salvor_exchange_start(exchange, salvor_get_loop(L), &options, &err) < 0)
        return salvor_fail(L, &err);
    return salvor_wait(L, &exchange->http.op, after_answer, (lua_KContext)exchange);
}

/* escape(text [, keep]) -> every byte but A-Z a-z 0-9 - . _ ~ and those in `keep` as %XX */
static int escape(lua_State *L)
{
    struct salvor_error err;
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    const char *keep = luaL_optstring(L, 2, "");
    struct salvor_buffer *out = salvor_box_buffer(L, (size_t)1 << 20);
    for (const char *at = text, *end = text + size; at < end;) {
        size_t piece = 0;
        while (at + piece < end && (!at[piece] || !strchr(keep, at[piece])))
            piece++;
        if (salvor_url_escape(out, at, piece, &err) < 0 ||
            (at + piece < end && salvor_buffer_append(out, at + piece, 1, &err) < 0))
            return luaL_error(L, "%s", err.message);
        at += piece + 1;
    }
    lua_pushlstring(L, out->data, out->size);
    return 1;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* unescape(text) -> %XX as bytes and + as blanks, as in forms; anything else stays */
static int unescape(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (size_t i = 0; i < size; i++) {
        int high = text[i] == '%' && size - i > 2 ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        luaL_addchar(&out, (char)(low >= 0 ? high << 4 | low : text[i] == '+' ? ' ' : text[i]));
        i += low >= 0 ? 2 : 0;
    }
    luaL_pushresult(&out);
    return 1;
}

int luaopen_salvor_store_http(lua_State *L)
{
    static const luaL_Reg methods[] = {{"request", client_request}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"client", new_client},
                                         {"xml", parse_xml},
                                         {"escape", escape},
                                         {"unescape", unescape},
                                         {NULL, NULL}};
    luaL_newmetatable(L, CLIENT_METATABLE);
    lua_pushcfunction(L, client_gc);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
