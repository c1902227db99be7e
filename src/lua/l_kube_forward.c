/* Ports of pods on ports of this machine, as salvor.kube gives them. */
#include "lua/kube.h"

#include "kube/forward.h"
#include "lua/binding.h"
#include "lua/task.h"

#define FORWARD_METATABLE "salvor.kube.forward"

struct forward {
    struct salvor_forward port;
    bool open;
};

static int forward_close(lua_State *L)
{
    struct forward *forward = luaL_checkudata(L, 1, FORWARD_METATABLE);
    if (forward->open)
        salvor_forward_release(&forward->port);
    forward->open = false;
    return 0;
}

/* 0 for one that is free, where that is allowed and the default. */
static uint16_t check_port(lua_State *L, const char *name, lua_Integer lowest)
{
    lua_Integer port = salvor_option_integer(L, 2, name, 0);
    if (port < lowest || port > UINT16_MAX)
        luaL_argerror(L, 2, lua_pushfstring(L, "option '%s': a port expected", name));
    return (uint16_t)port;
}

/*
 * client:forward{path=, query=, remote_port=, local_port=, timeout=, open_timeout=, ping_interval=,
 * read_timeout=, write_timeout=} -> forward, which listens; timeout is that of each connection
 */
int salvor_kube_client_forward(lua_State *L)
{
    static const char *const names[] = {
        "path",         "query",         "remote_port",  "local_port",    "timeout",
        "open_timeout", "ping_interval", "read_timeout", "write_timeout", NULL};
    struct salvor_kube_client *client = salvor_kube_client_check(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    salvor_check_options(L, 2, names);
    struct salvor_websocket_options options = salvor_kube_websocket_options(L);
    double timeout = salvor_option_number(L, 2, "timeout", client->timeout);
    uint16_t remote_port = check_port(L, "remote_port", 1);
    uint16_t local_port = check_port(L, "local_port", 0);
    lua_settop(L, 2);
    struct forward *forward = salvor_kube_new(L, sizeof(*forward), FORWARD_METATABLE);
    salvor_forward_init(&forward->port);
    forward->open = true;
    struct salvor_buffer *target = salvor_kube_client_target(L);
    struct salvor_error err;
    if (salvor_forward_start(&forward->port, salvor_get_loop(L), &client->config, target->data,
                             remote_port, local_port, timeout, &options, &err) < 0) {
        salvor_forward_release(&forward->port);
        forward->open = false;
        salvor_error_op(&err, "kube.forward");
        return salvor_fail(L, &err);
    }
    lua_pushvalue(L, 3);
    return 1;
}

/* forward:port() -> the local one */
static int forward_port(lua_State *L)
{
    struct forward *forward = luaL_checkudata(L, 1, FORWARD_METATABLE);
    lua_pushinteger(L, forward->port.port);
    return 1;
}

static int push_failure(lua_State *L, struct salvor_error *err)
{
    salvor_error_op(err, "kube.forward");
    salvor_push_error(L, err);
    return 1;
}

/* forward:failure() -> the error of a connection that nobody was told yet, or nothing */
static int forward_failure(lua_State *L)
{
    struct forward *forward = luaL_checkudata(L, 1, FORWARD_METATABLE);
    struct salvor_error err;
    bool taken = salvor_forward_take_failure(&forward->port, &err);
    return taken ? push_failure(L, &err) : 0;
}

static int after_failure(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct forward *forward = (struct forward *)context;
    struct salvor_error err;
    if (!forward->open)
        return 0;
    if (salvor_forward_take_failure(&forward->port, &err))
        return push_failure(L, &err);
    salvor_forward_want_failure(&forward->port);
    return salvor_wait_again(L, &forward->port.failed, after_failure, context);
}

/* forward:next_failure() -> the error of a connection, waited for; nothing once it is closed */
static int forward_next_failure(lua_State *L)
{
    struct forward *forward = luaL_checkudata(L, 1, FORWARD_METATABLE);
    luaL_argcheck(L, !forward->open || forward->port.failed.done, 1,
                  "another task waits for failures");
    lua_settop(L, 1);
    return salvor_wait(L, NULL, after_failure, (lua_KContext)forward);
}

void salvor_kube_forward_install(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", forward_close}, {"__close", forward_close}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"port", forward_port},
                                       {"failure", forward_failure},
                                       {"next_failure", forward_next_failure},
                                       {"close", forward_close},
                                       {NULL, NULL}};
    salvor_kube_class(L, FORWARD_METATABLE, metamethods, methods);
}
