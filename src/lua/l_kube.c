/*
 * salvor.kube: requests and streams of one Kubernetes API server, without any policy. Scripts use
 * salvor.k8s (lua/salvor/k8s.lua), which is built on this.
 */
#include <string.h>

#include "kube/exec_plugin.h"
#include "kube/identity.h"
#include "lua/binding.h"
#include "lua/kube.h"
#include "lua/modules.h"
#include "lua/value.h"
#include "net/url.h"

#define SEGMENT_LIMIT   ((size_t)1 << 20)
#define DEFAULT_TIMEOUT 30
#define DAY             86400 /* seconds; as good as for ever */

/* The client */

static int client_close(lua_State *L)
{
    struct salvor_kube_client *client = luaL_checkudata(L, 1, SALVOR_KUBE_CLIENT);
    salvor_kubeconfig_release(&client->config);
    return 0;
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

/*
 * client:info() -> {server, context, cluster, user, namespace, source, act_as, warning, insecure,
 * may_ask}; no secrets
 */
static int client_info(lua_State *L)
{
    const struct salvor_kubeconfig *config = &salvor_kube_client_check(L)->config;
    lua_createtable(L, 0, 10);
    set_text(L, "server", config->server);
    set_text(L, "context", config->context);
    set_text(L, "cluster", config->cluster);
    set_text(L, "user", config->user);
    set_text(L, "namespace", config->namespace);
    set_text(L, "source", config->source);
    set_text(L, "act_as", config->act_as);
    set_text(L, "warning", config->warning);
    set_flag(L, "insecure", config->insecure);
    set_flag(L, "may_ask", config->plugin && salvor_exec_plugin_may_ask(config->plugin));
    return 1;
}

/* client:identity() -> who we say that we are: kube/identity.h | nil, err */
static int client_identity(lua_State *L)
{
    struct salvor_kube_client *client = salvor_kube_client_check(L);
    json_t **value = salvor_box_value(L);
    struct salvor_error err;
    if (salvor_kube_identity(value, &client->config, &err) < 0) {
        salvor_error_op(&err, "k8s.connect");
        return salvor_fail(L, &err);
    }
    salvor_move_value(L, value);
    return 1;
}

static int client_tostring(lua_State *L)
{
    struct salvor_kube_client *client = luaL_checkudata(L, 1, SALVOR_KUBE_CLIENT);
    lua_pushfstring(L, "kube client (%s)",
                    client->config.server ? client->config.server : "closed");
    return 1;
}

/* impersonate = {user=, uid=, groups={}, extra={}}, as the mechanism wants it; in a box */
static json_t *read_impersonation(lua_State *L)
{
    json_t **who = salvor_box_value(L);
    struct salvor_error err;
    if (!lua_istable(L, 1) || lua_getfield(L, 1, "impersonate") == LUA_TNIL)
        return NULL;
    luaL_argcheck(L, lua_istable(L, -1), 1, "option 'impersonate': table expected");
    if (salvor_to_value(L, lua_gettop(L), who, &err) < 0)
        salvor_raise(L, &err);
    return *who;
}

/* connect{kubeconfig=, context=, namespace=, timeout=, impersonate=} -> client; sends nothing yet */
static int kube_connect(lua_State *L)
{
    static const char *const names[] = {"kubeconfig", "context",     "namespace",
                                        "timeout",    "impersonate", NULL};
    salvor_check_options(L, 1, names);
    lua_settop(L, 1);
    struct salvor_kubeconfig_options options = {
        .path = salvor_option_string(L, 1, "kubeconfig", NULL),
        .context = salvor_option_string(L, 1, "context", NULL),
        .namespace = salvor_option_string(L, 1, "namespace", NULL),
        .impersonate = read_impersonation(L),
    };
    lua_Number timeout = salvor_option_number(L, 1, "timeout", DEFAULT_TIMEOUT);
    options.seconds = timeout < 1 ? 1 : timeout < DAY ? (int)timeout : DAY;
    struct salvor_kube_client *client = lua_newuserdatauv(L, sizeof(*client), 0);
    memset(client, 0, sizeof(*client));
    luaL_setmetatable(L, SALVOR_KUBE_CLIENT);
    client->timeout = timeout;
    struct salvor_error err;
    if (salvor_kubeconfig_load(&client->config, &options, &err) < 0) {
        salvor_kubeconfig_release(&client->config);
        salvor_error_op(&err, "k8s.connect");
        return salvor_fail(L, &err);
    }
    return 1;
}

/* files{kubeconfig=} -> list of the paths that are looked at, whether they are there or not */
static int kube_files(lua_State *L)
{
    static const char *const names[] = {"kubeconfig", NULL};
    salvor_check_options(L, 1, names);
    lua_settop(L, 1);
    const char *path = salvor_option_string(L, 1, "kubeconfig", NULL);
    json_t **list = salvor_box_value(L);
    struct salvor_error err;
    if (salvor_kubeconfig_paths(list, path, &err) < 0)
        salvor_raise(L, &err);
    salvor_move_value(L, list);
    return 1;
}

/* contexts{kubeconfig=} -> list of {name, cluster, user, namespace, server, current} */
static int kube_contexts(lua_State *L)
{
    static const char *const names[] = {"kubeconfig", NULL};
    salvor_check_options(L, 1, names);
    lua_settop(L, 1);
    struct salvor_kubeconfig_options options = {.path =
                                                    salvor_option_string(L, 1, "kubeconfig", NULL)};
    json_t **list = salvor_box_value(L);
    struct salvor_error err;
    if (salvor_kubeconfig_contexts(list, &options, &err) < 0) {
        salvor_error_op(&err, "k8s.contexts");
        return salvor_fail(L, &err);
    }
    salvor_move_value(L, list);
    return 1;
}

/* escape(text) -> the text as one segment of a path */
static int kube_escape(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    struct salvor_buffer *out = salvor_box_buffer(L, SEGMENT_LIMIT);
    struct salvor_error err;
    if (salvor_url_escape(out, text, size, &err) < 0)
        salvor_raise(L, &err);
    lua_pushlstring(L, out->data, out->size);
    return 1;
}

int luaopen_salvor_kube(lua_State *L)
{
    static const luaL_Reg client_metamethods[] = {{"__gc", client_close},
                                                  {"__close", client_close},
                                                  {"__tostring", client_tostring},
                                                  {NULL, NULL}};
    static const luaL_Reg client_methods[] = {{"request", salvor_kube_client_request},
                                              {"send", salvor_kube_client_send},
                                              {"stream", salvor_kube_client_stream},
                                              {"remote", salvor_kube_client_remote},
                                              {"forward", salvor_kube_client_forward},
                                              {"lines", salvor_kube_client_lines},
                                              {"info", client_info},
                                              {"identity", client_identity},
                                              {"close", client_close},
                                              {NULL, NULL}};
    static const luaL_Reg functions[] = {{"any_lines", salvor_kube_any_lines},
                                         {"connect", kube_connect},
                                         {"contexts", kube_contexts},
                                         {"escape", kube_escape},
                                         {"files", kube_files},
                                         {NULL, NULL}};
    salvor_kube_class(L, SALVOR_KUBE_CLIENT, client_metamethods, client_methods);
    salvor_kube_exchange_install(L);
    salvor_kube_stream_install(L);
    salvor_kube_remote_install(L);
    salvor_kube_forward_install(L);
    salvor_kube_lines_install(L);
    luaL_newlib(L, functions);
    return 1;
}
