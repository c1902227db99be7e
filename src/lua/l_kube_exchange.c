/*
 * Requests of salvor.kube that are sent before their answer is wanted, so that the server works on
 * the next page of a list while this side takes in the one before.
 */
#include "data/json_find.h"
#include "kube/identity.h"
#include "kube/request.h"
#include "lua/binding.h"
#include "lua/kube.h"
#include "lua/task.h"
#include "lua/value.h"

#define EXCHANGE_METATABLE "salvor.kube.exchange"
#define PATH_MAX_NAMES     8

struct exchange {
    struct salvor_http http;
    bool open;
};

static struct exchange *check_exchange(lua_State *L)
{
    struct exchange *exchange = luaL_checkudata(L, 1, EXCHANGE_METATABLE);
    luaL_argcheck(L, exchange->open, 1, "the exchange is closed");
    return exchange;
}

static int exchange_close(lua_State *L)
{
    struct exchange *exchange = luaL_checkudata(L, 1, EXCHANGE_METATABLE);
    if (!exchange->open)
        return 0;
    exchange->open = false;
    if (exchange->http.op.abort) /* it was started, and somebody may wait for it */
        salvor_op_abort(&exchange->http.op);
    salvor_http_release(&exchange->http);
    return 0;
}

/*
 * client:send{method=, path=, query=, headers=, body=, timeout=, inspect=} -> exchange; the request is
 * on its way when this returns
 */
int salvor_kube_client_send(lua_State *L)
{
    struct salvor_kube_client *client = salvor_kube_client_check_request(L);
    struct exchange *exchange = salvor_kube_new(L, sizeof(*exchange), EXCHANGE_METATABLE);
    salvor_http_init(&exchange->http);
    exchange->open = true;
    struct salvor_error err;
    struct salvor_loop *loop = salvor_get_loop(L);
    if (salvor_kube_client_start(L, client, &exchange->http, false, &err) < 0 ||
        salvor_loop_step(loop, 0, &err) < 0) {
        salvor_error_op(&err, "kube.request");
        return salvor_fail(L, &err);
    }
    lua_pushvalue(L, 3);
    return 1;
}

static int after_wait(lua_State *L, int status, lua_KContext context)
{
    (void)status, (void)context;
    check_exchange(L); /* closed while it was waited for? */
    return 0;
}

/* exchange:wait(): returns when the exchange has ended, well or not */
static int exchange_wait(lua_State *L)
{
    struct exchange *exchange = check_exchange(L);
    luaL_argcheck(L, exchange->http.op.done || !exchange->http.op.wake, 1,
                  "another task waits for this exchange");
    return salvor_wait(L, &exchange->http.op, after_wait, 0);
}

/*
 * exchange:find(name, ...) -> what stands under these names in the body of an answer that has
 * arrived, or nil; the rest of the body is not read, so that what is found is a hint
 */
static int exchange_find(lua_State *L)
{
    struct exchange *exchange = check_exchange(L);
    const struct salvor_http *http = &exchange->http;
    const char *path[PATH_MAX_NAMES + 1] = {NULL}, *text;
    int count = lua_gettop(L) - 1;
    size_t size;
    struct salvor_error err;
    luaL_argcheck(L, count >= 1 && count <= PATH_MAX_NAMES, 2, "1 to 8 names expected");
    for (int i = 0; i < count; i++)
        path[i] = luaL_checkstring(L, i + 2);
    if (!http->complete || http->transfer.result || http->status != 200 ||
        !salvor_json_find(&text, &size, http->body.data, http->body.size, path))
        return 0;
    /* A copy, since a finaliser may close the exchange meanwhile. */
    if (salvor_push_json(L, lua_pushlstring(L, text, size), size, &err) < 0)
        return 0;
    return 1;
}

/* exchange:header(name) -> its value in an answer that has arrived, or nil */
static int exchange_header(lua_State *L)
{
    struct exchange *exchange = check_exchange(L);
    salvor_kube_push_header(L, &exchange->http, luaL_checkstring(L, 2));
    return 1;
}

/*
 * exchange:certificate() -> {subject, issuer, begins, ends} of the server, once the answer to a request
 * with `inspect` has arrived; nil when it has shown none
 */
static int exchange_certificate(lua_State *L)
{
    struct exchange *exchange = check_exchange(L);
    json_t **value = salvor_box_value(L);
    struct salvor_error err;
    const char *text = salvor_http_certificate(&exchange->http);
    if (!text)
        return 0;
    if (salvor_kube_certificate(value, text, &err) < 0)
        return salvor_fail(L, &err);
    salvor_move_value(L, value);
    return 1;
}

static void release_answered(void *object)
{
    struct exchange *exchange = *(struct exchange **)object;
    if (exchange)
        salvor_http_release(&exchange->http);
}

/* The answer is this call's alone, since a finaliser may close the exchange meanwhile. */
static int after_answer(lua_State *L, int status, lua_KContext context)
{
    (void)status, (void)context;
    struct exchange **answered = salvor_box(L, sizeof(struct exchange *), release_answered);
    *answered = check_exchange(L);
    (*answered)->open = false;
    lua_getiuservalue(L, 1, 1);
    struct salvor_kube_client *client = lua_touserdata(L, -1);
    return salvor_kube_answer(L, &(*answered)->http, &client->config, false);
}

/* exchange:answer() -> {status, headers, body} | nil, err; waits for it, and closes the exchange */
static int exchange_answer(lua_State *L)
{
    struct exchange *exchange = check_exchange(L);
    luaL_argcheck(L, exchange->http.op.done || !exchange->http.op.wake, 1,
                  "another task waits for this exchange");
    lua_settop(L, 1);
    return salvor_wait(L, &exchange->http.op, after_answer, 0);
}

void salvor_kube_exchange_install(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", exchange_close}, {"__close", exchange_close}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"wait", exchange_wait},
                                       {"find", exchange_find},
                                       {"header", exchange_header},
                                       {"certificate", exchange_certificate},
                                       {"answer", exchange_answer},
                                       {"close", exchange_close},
                                       {NULL, NULL}};
    salvor_kube_class(L, EXCHANGE_METATABLE, metamethods, methods);
}
