/*
 * salvor.kube: what its parts share. l_kube.c has the client, l_kube_request.c its requests, each other
 * l_kube_*.c one kind of exchange or stream.
 */
#ifndef SALVOR_LUA_KUBE_H
#define SALVOR_LUA_KUBE_H

#include <stdbool.h>

#include <jansson.h>
#include <lauxlib.h>
#include <lua.h>

#include "core/error.h"
#include "kube/kubeconfig.h"
#include "net/http.h"
#include "net/websocket.h"

#define SALVOR_KUBE_CLIENT "salvor.kube.client"

struct salvor_kube_client {
    struct salvor_kubeconfig config;
    double timeout; /* seconds, of calls that name none */
};

/* The client at index 1; raises when it is closed. */
struct salvor_kube_client *salvor_kube_client_check(lua_State *L);

/* The same, after checking that index 2 has the options of a request and no others. */
struct salvor_kube_client *salvor_kube_client_check_request(lua_State *L);

/*
 * Pushes a zeroed object of that class. The client at index 1 lives as long as the object does, as
 * its first user value.
 */
void *salvor_kube_new(lua_State *L, size_t size, const char *class_name);

/*
 * Reads the options of a request (method, path, query, headers, body, timeout) at index 2 and starts
 * it. Leaves boxes on the stack, which the calling function's return closes.
 */
int salvor_kube_client_start(lua_State *L, struct salvor_kube_client *client,
                             struct salvor_http *http, bool stream, struct salvor_error *err);

/* The same for a connection that another protocol goes on with: net/websocket.h. */
int salvor_kube_client_connect(lua_State *L, struct salvor_kube_client *client,
                               struct salvor_http *http, struct salvor_error *err);

/* A boxed buffer with path and query of the options at index 2. */
struct salvor_buffer *salvor_kube_client_target(lua_State *L);

/* The deadlines and the heartbeat of a WebSocket, from the options at index 2. */
struct salvor_websocket_options salvor_kube_websocket_options(lua_State *L);

/* Pushes all values of a header that may come several times, joined by ", ", or nil. */
void salvor_kube_push_header(lua_State *L, const struct salvor_http *http, const char *name);

/* Pushes nil and the error object with the server's `details`, `retry_after`, `warning`; returns 2. */
int salvor_kube_fail(lua_State *L, struct salvor_error *err, const struct salvor_http *http,
                     json_t **details);

/*
 * The results of an exchange that has ended: pushes the table {status, headers, body}, or nil and the
 * error. The body is the value of its JSON, or with `raw` its text; http->body is given up.
 */
int salvor_kube_answer(lua_State *L, struct salvor_http *http, struct salvor_kubeconfig *config,
                       bool raw);

/* Sets `err` from the failure to decode an answer; returns -1. */
int salvor_kube_not_json(const struct salvor_http *http, struct salvor_error *err);

/* A metatable of that name, whose __index has the methods. */
void salvor_kube_class(lua_State *L, const char *name, const luaL_Reg *metamethods,
                       const luaL_Reg *methods);

/* The method of a client that makes a request and waits for its answer. */
int salvor_kube_client_request(lua_State *L);

/* Exchanges: the method of a client that sends a request ahead, and what makes the class. */
int salvor_kube_client_send(lua_State *L);
void salvor_kube_exchange_install(lua_State *L);

/* Streams: the method of a client that opens one, functions, and what makes the class. */
int salvor_kube_client_stream(lua_State *L);
void salvor_kube_stream_install(lua_State *L);
int salvor_kube_client_lines(lua_State *L);
int salvor_kube_any_lines(lua_State *L);
void salvor_kube_lines_install(lua_State *L);

/* The streams of a command in a container, and forwarded ports, alike. */
int salvor_kube_client_remote(lua_State *L);
void salvor_kube_remote_install(lua_State *L);
int salvor_kube_client_forward(lua_State *L);
void salvor_kube_forward_install(lua_State *L);

#endif
