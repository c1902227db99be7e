/* The streams of JSON objects of salvor.kube, as watches need them. */
#include "lua/kube.h"

#include "kube/object_stream.h"
#include "kube/request.h"
#include "lua/binding.h"
#include "lua/task.h"
#include "lua/value.h"

#define STREAM_METATABLE "salvor.kube.stream"

struct stream {
    struct salvor_object_stream objects; /* first: its operation is the stream's */
    double open_timeout;
    double deadline;                            /* of the wait under way; 0: none */
    void (*stop_waiting)(struct salvor_op *op); /* what giving up a later wait does */
    bool open;
};

static int stream_close(lua_State *L)
{
    struct stream *stream = luaL_checkudata(L, 1, STREAM_METATABLE);
    if (stream->open)
        salvor_object_stream_release(&stream->objects);
    stream->open = false;
    return 0;
}

/* Nobody waits for the answer any more: it is not to be, and its connection ends now. */
static void give_up_opening(struct salvor_op *op)
{
    struct stream *stream = (struct stream *)op;
    stream->stop_waiting(op);
    stream->objects.http.op.wake = NULL;
    salvor_http_release(&stream->objects.http);
}

static int after_open(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct stream *stream = (struct stream *)context;
    struct salvor_kube_client *client = luaL_checkudata(L, 1, SALVOR_KUBE_CLIENT);
    const struct salvor_http *http = &stream->objects.http;
    stream->objects.op.abort = stream->stop_waiting;
    json_t **details = salvor_box_value(L);
    struct salvor_error err;
    int result;
    if (stream->objects.timed_out) {
        result = salvor_error_set(&err, "Timeout", "no answer from %s within %g s", http->peer,
                                  stream->open_timeout);
        err.retryable = true;
    } else {
        result = salvor_kube_check(http, &client->config, details, &err);
    }
    if (result < 0) {
        salvor_error_op(&err, "kube.stream");
        int count = salvor_kube_fail(L, &err, http, details);
        salvor_object_stream_release(&stream->objects);
        stream->open = false;
        return count;
    }
    lua_pushvalue(L, 3);
    salvor_kube_push_header(L, http, "Warning");
    return 2;
}

/*
 * client:stream{method=, path=, query=, headers=, body=, timeout=, open_timeout=} -> stream and the
 * answer's Warning headers (or nil), once it has begun; timeout is that of the whole stream
 */
int salvor_kube_client_stream(lua_State *L)
{
    static const char *const names[] = {"method", "path",    "query",        "headers",
                                        "body",   "timeout", "open_timeout", NULL};
    struct salvor_kube_client *client = salvor_kube_client_check(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    salvor_check_options(L, 2, names);
    lua_settop(L, 2);
    struct stream *stream = salvor_kube_new(L, sizeof(*stream), STREAM_METATABLE);
    salvor_object_stream_init(&stream->objects);
    stream->open = true;
    stream->open_timeout = salvor_option_number(L, 2, "open_timeout", client->timeout);
    struct salvor_error err;
    if (salvor_kube_client_start(L, client, &stream->objects.http, true, &err) < 0) {
        salvor_error_op(&err, "kube.stream");
        return salvor_fail(L, &err);
    }
    salvor_object_stream_wait(&stream->objects, salvor_get_loop(L), stream->open_timeout);
    stream->stop_waiting = stream->objects.op.abort;
    stream->objects.op.abort = give_up_opening;
    return salvor_wait(L, &stream->objects.op, after_open, (lua_KContext)stream);
}

static int after_bytes(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct stream *stream = (struct stream *)context;
    const char *text;
    size_t size;
    struct salvor_error err;
    luaL_argcheck(L, stream->open, 1, "the stream was closed while it was waited for");
    switch (salvor_object_stream_next(&text, &size, &stream->objects, &err)) {
    case SALVOR_STREAM_OBJECT:
        /* A copy, since a finaliser may close the stream meanwhile. */
        if (salvor_push_json(L, lua_pushlstring(L, text, size), size, &err) == 0)
            return 1;
        salvor_kube_not_json(&stream->objects.http, &err);
        break;
    case SALVOR_STREAM_END:
        return 0;
    case SALVOR_STREAM_MORE:
        if (!stream->objects.timed_out) {
            double left = stream->deadline - salvor_loop_now();
            salvor_object_stream_wait(&stream->objects, salvor_get_loop(L),
                                      stream->deadline == 0 ? -1
                                      : left > 0            ? left
                                                            : 0);
            return salvor_wait_again(L, &stream->objects.op, after_bytes, context);
        }
        salvor_error_set(&err, "Timeout", "nothing arrived in time");
        err.retryable = true;
        break;
    case SALVOR_STREAM_FAILED:
        break;
    }
    salvor_error_op(&err, "kube.stream");
    return salvor_fail(L, &err);
}

/*
 * stream:next([seconds]) -> object, or nothing at the end, or nil and an error; Timeout when nothing
 * came within that time, after which the stream goes on as before
 */
static int stream_next(lua_State *L)
{
    struct stream *stream = luaL_checkudata(L, 1, STREAM_METATABLE);
    lua_Number seconds = luaL_optnumber(L, 2, -1);
    luaL_argcheck(L, stream->open, 1, "the stream is closed");
    luaL_argcheck(L, stream->objects.op.done, 1, "another task waits for this stream");
    stream->deadline = seconds < 0 ? 0 : salvor_loop_now() + seconds;
    stream->objects.timed_out = false;
    return salvor_wait(L, NULL, after_bytes, (lua_KContext)stream);
}

void salvor_kube_stream_install(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", stream_close}, {"__close", stream_close}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"next", stream_next}, {"close", stream_close}, {NULL, NULL}};
    salvor_kube_class(L, STREAM_METATABLE, metamethods, methods);
}
