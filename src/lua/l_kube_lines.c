/* The streams of lines of salvor.kube, as logs need them. */
#include "lua/kube.h"

#include <string.h>

#include "kube/line_stream.h"
#include "kube/request.h"
#include "lua/binding.h"
#include "lua/task.h"
#include "lua/value.h"

#define LINES_METATABLE "salvor.kube.lines"
#define ANY_METATABLE   "salvor.kube.any"

struct lines {
    struct salvor_line_stream stream;
    bool open;
};

static int lines_close(lua_State *L)
{
    struct lines *lines = luaL_checkudata(L, 1, LINES_METATABLE);
    if (lines->open)
        salvor_line_stream_release(&lines->stream);
    lines->open = false;
    return 0;
}

/* client:lines{method=, path=, query=, headers=, body=, timeout=} -> lines; waits for nothing yet */
int salvor_kube_client_lines(lua_State *L)
{
    struct salvor_kube_client *client = salvor_kube_client_check_request(L);
    struct lines *lines = salvor_kube_new(L, sizeof(*lines), LINES_METATABLE);
    salvor_line_stream_init(&lines->stream);
    lines->open = true;
    struct salvor_error err;
    if (salvor_kube_client_start(L, client, &lines->stream.http, true, &err) < 0) {
        salvor_error_op(&err, "kube.lines");
        return salvor_fail(L, &err);
    }
    lua_pushvalue(L, 3);
    return 1;
}

/* What results from an answer that is an error; 0 when it is none. */
static int fail_of_answer(lua_State *L, struct lines *lines)
{
    const struct salvor_http *http = &lines->stream.http;
    if (http->status >= 200 && http->status < 300)
        return 0;
    json_t **details = salvor_box_value(L);
    struct salvor_error err;
    /* The client's configuration explains it. */
    lua_getiuservalue(L, 1, 1);
    struct salvor_kube_client *client = luaL_checkudata(L, -1, SALVOR_KUBE_CLIENT);
    luaL_argcheck(L, client->config.server, 1, "the client is closed");
    salvor_kube_check(http, &client->config, details, &err);
    salvor_error_op(&err, "kube.lines");
    return salvor_kube_fail(L, &err, http, details);
}

/*
 * lines:take() -> text, partial: the whole lines that are there, or a piece of one; false when there
 * is nothing yet, nothing at the end, or nil and an error. Never waits.
 */
static int lines_take(lua_State *L)
{
    struct lines *lines = luaL_checkudata(L, 1, LINES_METATABLE);
    luaL_argcheck(L, lines->open, 1, "the stream is closed");
    lua_settop(L, 1);
    if (!salvor_line_stream_ready(&lines->stream)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    int failed = fail_of_answer(L, lines);
    if (failed)
        return failed;
    const char *text;
    size_t size;
    bool partial;
    struct salvor_error err;
    switch (salvor_line_stream_next(&text, &size, &partial, &lines->stream, &err)) {
    case SALVOR_LINES_TEXT:
        lua_pushlstring(L, text, size);
        lua_pushboolean(L, partial);
        return 2;
    case SALVOR_LINES_MORE:
        lua_pushboolean(L, 0);
        return 1;
    case SALVOR_LINES_END:
        return 0;
    case SALVOR_LINES_FAILED:
        break;
    }
    salvor_error_op(&err, "kube.lines");
    return salvor_fail(L, &err);
}

/* Waiting for any of several */

struct any {
    struct salvor_op op;
    struct salvor_timer timer;
    int count;
    struct lines *lines[];
};

static void detach(struct salvor_op *op)
{
    struct any *any = (struct any *)op;
    any->timer.op.wake = NULL;
    if (any->timer.loop)
        salvor_op_abort(&any->timer.op);
    for (int i = 0; i < any->count; i++)
        if (any->lines[i]->stream.http.op.waiter == any)
            any->lines[i]->stream.http.op.wake = NULL;
    any->count = 0;
}

/* A wait may be cancelled when its end was noticed and the task has not looked yet. */
static int any_close(lua_State *L)
{
    struct any *any = luaL_checkudata(L, 1, ANY_METATABLE);
    if (any->op.abort)
        detach(&any->op);
    return 0;
}

static void on_wake(struct salvor_op *op)
{
    struct any *any = op->waiter;
    salvor_op_finish(&any->op);
}

/* Arms everything; the op is done at once when one of them has something already. */
static void arm(struct any *any)
{
    any->op.done = false;
    any->op.wake = NULL;
    for (int i = 0; i < any->count && !any->op.done; i++) {
        struct salvor_http *http = &any->lines[i]->stream.http;
        http->op.waiter = any;
        salvor_http_want(http);
        if (http->op.done)
            any->op.done = true;
        else
            http->op.wake = on_wake;
    }
}

/* Another task waits for it. */
static bool is_waited_for(const struct lines *lines)
{
    return lines->stream.http.op.wake == on_wake;
}

/* The number of the first one that has something, 0 for none. */
static int find_ready(lua_State *L, struct any *any)
{
    for (int i = 0; i < any->count; i++) {
        if (!any->lines[i]->open)
            return luaL_argerror(L, 1, "a stream was closed while it was waited for");
        if (salvor_line_stream_ready(&any->lines[i]->stream))
            return i + 1;
    }
    return 0;
}

static int after_any(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct any *any = (struct any *)context;
    /* What came before the limit counts, however late we look. */
    int number = find_ready(L, any);
    bool timed_out = any->timer.loop && any->timer.op.done;
    if (!number && !timed_out) {
        arm(any);
        return salvor_wait_again(L, &any->op, after_any, context);
    }
    if (number)
        lua_pushinteger(L, number);
    else
        lua_pushnil(L);
    return 1;
}

/* any(list of lines [, seconds]) -> number of one that has something to take, or nil */
int salvor_kube_any_lines(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Number seconds = luaL_optnumber(L, 2, -1);
    lua_Integer count = luaL_len(L, 1);
    luaL_argcheck(L, count > 0 && count < 10000, 1, "a list of streams expected");
    lua_settop(L, 2);
    /* Another task may change the list meanwhile, so this wait has a copy. */
    lua_createtable(L, (int)count, 0);
    struct any *any = lua_newuserdatauv(L, sizeof(*any) + (size_t)count * sizeof(any->lines[0]), 1);
    memset(any, 0, sizeof(*any));
    luaL_setmetatable(L, ANY_METATABLE);
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, 4, 1);
    lua_toclose(L, 4);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        struct lines *lines = luaL_checkudata(L, -1, LINES_METATABLE);
        luaL_argcheck(L, lines->open, 1, "a stream is closed");
        luaL_argcheck(L, !is_waited_for(lines), 1, "another task waits for a stream");
        any->lines[i - 1] = lines;
        lua_rawseti(L, 3, i);
    }
    any->count = (int)count;
    any->op.abort = detach;
    any->timer.op.wake = on_wake;
    any->timer.op.waiter = any;
    if (seconds >= 0)
        salvor_timer_start(salvor_get_loop(L), &any->timer, seconds);
    return salvor_wait(L, NULL, after_any, (lua_KContext)any);
}

void salvor_kube_lines_install(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", lines_close}, {"__close", lines_close}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"take", lines_take}, {"close", lines_close}, {NULL, NULL}};
    static const luaL_Reg any_metamethods[] = {
        {"__gc", any_close}, {"__close", any_close}, {NULL, NULL}};
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    salvor_kube_class(L, LINES_METATABLE, metamethods, methods);
    salvor_kube_class(L, ANY_METATABLE, any_metamethods, no_methods);
}
