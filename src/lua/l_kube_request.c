/*
 * The requests of salvor.kube: what a script's options ask for, and what it is given of the answer.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/json.h"
#include "data/text.h"
#include "kube/request.h"
#include "lua/binding.h"
#include "lua/headers.h"
#include "lua/kube.h"
#include "lua/task.h"
#include "lua/value.h"
#include "net/url.h"

#define TARGET_LIMIT ((size_t)1 << 20)

/* Options */

/* Text of a query value or header at the top of the stack; numbers and booleans are allowed. */
static const char *check_text(lua_State *L, const char *option, size_t *size)
{
    if (lua_type(L, -1) == LUA_TBOOLEAN)
        return lua_toboolean(L, -1) ? (*size = 4, "true") : (*size = 5, "false");
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "option '%s': values are strings, numbers or booleans, got %s", option,
                   luaL_typename(L, -1));
    /* Not in place: lua_next() must find the value as it was. */
    return luaL_tolstring(L, -1, size);
}

static void add_query(lua_State *L, struct salvor_buffer *target, const char *name,
                      size_t name_size)
{
    struct salvor_error err;
    size_t size;
    int top = lua_gettop(L);
    const char *text = check_text(L, "query", &size);
    bool first = !strchr(target->data, '?');
    if (salvor_url_add_query(target, first, name, name_size, text, size, &err) < 0)
        salvor_raise(L, &err);
    lua_settop(L, top);
}

/* query = {name = value or list of values} */
static void read_query(lua_State *L, int options, struct salvor_buffer *target)
{
    int type = lua_getfield(L, options, "query");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "option 'query': table expected, got %s", luaL_typename(L, -1));
    if (type == LUA_TTABLE)
        lua_pushnil(L);
    while (type == LUA_TTABLE && lua_next(L, -2)) {
        size_t name_size;
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "option 'query': names are strings");
        const char *name = lua_tolstring(L, -2, &name_size);
        if (!lua_istable(L, -1)) {
            add_query(L, target, name, name_size);
        } else {
            lua_Integer count = luaL_len(L, -1);
            for (lua_Integer i = 1; i <= count; i++) {
                lua_geti(L, -1, i);
                add_query(L, target, name, name_size);
                lua_pop(L, 1);
            }
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* headers = {name = value}, as lines that each end with NUL */
static void read_headers(lua_State *L, int options, struct salvor_buffer *lines)
{
    struct salvor_error err;
    int type = lua_getfield(L, options, "headers");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "option 'headers': table expected, got %s", luaL_typename(L, -1));
    if (type == LUA_TTABLE)
        lua_pushnil(L);
    while (type == LUA_TTABLE && lua_next(L, -2)) {
        size_t name_size, size;
        int top = lua_gettop(L);
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "option 'headers': names are strings");
        const char *name = lua_tolstring(L, -2, &name_size);
        const char *text = check_text(L, "headers", &size);
        if (strlen(name) != name_size || strpbrk(name, ": \r\n") || strlen(text) != size ||
            strpbrk(text, "\r\n"))
            luaL_error(L, "option 'headers': '%s' is not one header line", name);
        if (salvor_buffer_printf(lines, &err, "%s: %s", name, text) < 0 ||
            salvor_buffer_append(lines, "", 1, &err) < 0)
            salvor_raise(L, &err);
        lua_settop(L, top - 1);
    }
    lua_pop(L, 1);
}

/* body = a string as it is, or any other value as JSON; leaves a box on the stack */
static int read_body(lua_State *L, int options, struct salvor_buffer *upload,
                     struct salvor_error *err)
{
    json_t **value = salvor_box_value(L);
    int type = lua_getfield(L, options, "body");
    if (type == LUA_TNIL)
        return 0;
    if (type == LUA_TSTRING) {
        size_t size;
        const char *text = lua_tolstring(L, -1, &size);
        return salvor_buffer_append(upload, text, size, err);
    }
    if (salvor_to_value(L, lua_gettop(L), value, err) < 0)
        return -1;
    return salvor_json_encode(upload, *value, 0, err);
}

struct salvor_buffer *salvor_kube_client_target(lua_State *L)
{
    struct salvor_error err;
    struct salvor_buffer *target = salvor_box_buffer(L, TARGET_LIMIT);
    const char *path = salvor_option_string(L, 2, "path", NULL);
    luaL_argcheck(L, path && *path == '/', 2, "option 'path': must begin with '/'");
    if (salvor_buffer_append(target, path, strlen(path), &err) < 0)
        salvor_raise(L, &err);
    read_query(L, 2, target);
    return target;
}

struct salvor_kube_client *salvor_kube_client_check_request(lua_State *L)
{
    static const char *const names[] = {"method", "path",    "query",   "headers",
                                        "body",   "timeout", "inspect", NULL};
    struct salvor_kube_client *client = salvor_kube_client_check(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    salvor_check_options(L, 2, names);
    lua_settop(L, 2);
    return client;
}

static int start(lua_State *L, struct salvor_kube_client *client, struct salvor_http *http,
                 struct salvor_kube_request request, struct salvor_error *err)
{
    struct salvor_buffer *headers = salvor_box_buffer(L, TARGET_LIMIT);
    request.method = salvor_option_string(L, 2, "method", NULL);
    if (!request.method)
        request.method = "GET";
    request.timeout = salvor_option_number(L, 2, "timeout", request.stream ? 0 : client->timeout);
    request.inspect = salvor_option_boolean(L, 2, "inspect", false);
    request.target = salvor_kube_client_target(L)->data;
    read_headers(L, 2, headers);
    if (read_body(L, 2, &http->upload, err) < 0)
        return -1;
    request.headers = headers->data;
    return salvor_kube_start(http, salvor_get_loop(L), &client->config, &request, err);
}

int salvor_kube_client_start(lua_State *L, struct salvor_kube_client *client,
                             struct salvor_http *http, bool stream, struct salvor_error *err)
{
    return start(L, client, http, (struct salvor_kube_request){.stream = stream}, err);
}

int salvor_kube_client_connect(lua_State *L, struct salvor_kube_client *client,
                               struct salvor_http *http, struct salvor_error *err)
{
    return start(L, client, http, (struct salvor_kube_request){.connect_only = true}, err);
}

/* Results */

void salvor_kube_push_header(lua_State *L, const struct salvor_http *http, const char *name)
{
    size_t length = strlen(name), count = 0;
    const char *line = NULL;
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    while ((line = salvor_http_next_header(http, line))) {
        if (strncasecmp(line, name, length) != 0 || line[length] != ':')
            continue;
        if (count++)
            luaL_addstring(&all, ", ");
        luaL_addstring(&all, line + length + 1 + strspn(line + length + 1, " \t"));
    }
    luaL_pushresult(&all);
    if (!count) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
}

int salvor_kube_fail(lua_State *L, struct salvor_error *err, const struct salvor_http *http,
                     json_t **details)
{
    if (!err->op[0])
        salvor_error_op(err, "kube.request");
    lua_pushnil(L);
    salvor_push_error(L, err);
    if (*details) {
        salvor_move_value(L, details);
        lua_setfield(L, -2, "details");
    }
    if (salvor_kube_retry_after(http) >= 0) {
        lua_pushinteger(L, salvor_kube_retry_after(http));
        lua_setfield(L, -2, "retry_after");
    }
    salvor_kube_push_header(L, http, "Warning");
    lua_setfield(L, -2, "warning");
    return 2;
}

int salvor_kube_not_json(const struct salvor_http *http, struct salvor_error *err)
{
    char reason[512];
    snprintf(reason, sizeof(reason), "%.500s", err->message);
    const char *type = salvor_http_header(http, "Content-Type", 0);
    salvor_error_set(err, "Corrupt", "the answer of %s (%s) is not JSON: %s", http->peer,
                     type ? type : "of no type", reason);
    salvor_text_make_error_one_line(err);
    salvor_error_hint(err, "is this the API server, or a proxy or login page in front of it?");
    err->status = http->status;
    return -1;
}

/* Requests */

static void release_http(void *object)
{
    salvor_http_release(object);
}

int salvor_kube_answer(lua_State *L, struct salvor_http *http, struct salvor_kubeconfig *config,
                       bool raw)
{
    json_t **details = salvor_box_value(L);
    struct salvor_error err;
    if (salvor_kube_check(http, config, details, &err) < 0)
        return salvor_kube_fail(L, &err, http, details);
    salvor_pause_gc(L);
    if (raw) {
        lua_pushlstring(L, http->body.data, http->body.size);
    } else if (!http->body.size) {
        lua_pushnil(L);
    } else if (salvor_push_json(L, http->body.data, http->body.size, &err) < 0) {
        salvor_kube_not_json(http, &err);
        return salvor_kube_fail(L, &err, http, details);
    }
    int body = lua_gettop(L);
    salvor_buffer_release(&http->body); /* it may be large, and is of no more use */
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, http->status);
    lua_setfield(L, -2, "status");
    salvor_push_headers(L, http);
    lua_setfield(L, -2, "headers");
    lua_pushvalue(L, body);
    lua_setfield(L, -2, "body");
    return 1;
}

static int after_request(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct salvor_kube_client *client = luaL_checkudata(L, 1, SALVOR_KUBE_CLIENT);
    bool raw = salvor_option_boolean(L, 2, "raw", false);
    return salvor_kube_answer(L, (struct salvor_http *)context, &client->config, raw);
}

/* client:request{method=, path=, query=, headers=, body=, timeout=, raw=} */
int salvor_kube_client_request(lua_State *L)
{
    static const char *const names[] = {"method", "path",    "query", "headers",
                                        "body",   "timeout", "raw",   NULL};
    struct salvor_kube_client *client = salvor_kube_client_check(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    salvor_check_options(L, 2, names);
    salvor_option_boolean(L, 2, "raw", false);
    lua_settop(L, 2);
    struct salvor_http *http = salvor_box(L, sizeof(*http), release_http);
    salvor_http_init(http);
    struct salvor_error err;
    if (salvor_kube_client_start(L, client, http, false, &err) < 0) {
        salvor_error_op(&err, "kube.request");
        return salvor_fail(L, &err);
    }
    return salvor_wait(L, &http->op, after_request, (lua_KContext)http);
}
