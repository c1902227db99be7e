/* The streams of a command in a container, as salvor.kube gives them: exec and attach. */
#include "lua/kube.h"

#include "kube/remote.h"
#include "lua/binding.h"
#include "lua/task.h"
#include "lua/value.h"

#define REMOTE_METATABLE "salvor.kube.remote"
#define CHUNK_SIZE       ((size_t)128 << 10)
#define TURN_SIZE        ((size_t)1 << 20)
#define SIZE_MAX_CELLS   65535

/*
 * A stream that is never waited for, since the other side is fast, would let no other task run and
 * no deadline come: after so many bytes there is a wait for the next turn of the loop.
 */
struct turn {
    struct salvor_timer timer;
    size_t bytes; /* since the last one */
};

struct remote {
    struct turn reading, writing;
    struct salvor_remote streams;
    struct salvor_buffer chunk;          /* of read() */
    struct salvor_buffer output, errors; /* of collect() */
    bool open;
};

static void check_seconds(lua_State *L, const char *name, double seconds)
{
    if (!(seconds > 0))
        luaL_argerror(L, 2, lua_pushfstring(L, "option '%s': seconds above 0 expected", name));
}

struct salvor_websocket_options salvor_kube_websocket_options(lua_State *L)
{
    struct salvor_websocket_options options = {
        .open_timeout = salvor_option_number(L, 2, "open_timeout", 30),
        .ping_interval = salvor_option_number(L, 2, "ping_interval", 5),
        .read_timeout = salvor_option_number(L, 2, "read_timeout", 61),
        .write_timeout = salvor_option_number(L, 2, "write_timeout", 60),
    };
    check_seconds(L, "open_timeout", options.open_timeout);
    check_seconds(L, "ping_interval", options.ping_interval);
    check_seconds(L, "read_timeout", options.read_timeout);
    check_seconds(L, "write_timeout", options.write_timeout);
    return options;
}

static void end_turn(struct turn *turn)
{
    if (turn->timer.loop)
        salvor_op_abort(&turn->timer.op);
}

/* The operation to wait for when it is the turn of others, or NULL. */
static struct salvor_op *next_turn(lua_State *L, struct turn *turn)
{
    if (turn->bytes < TURN_SIZE)
        return NULL;
    turn->bytes = 0;
    turn->timer.op.wake = NULL;
    salvor_timer_start(salvor_get_loop(L), &turn->timer, 0);
    return &turn->timer.op;
}

static void release(struct remote *remote)
{
    if (remote->open) {
        salvor_remote_release(&remote->streams);
        end_turn(&remote->reading);
        end_turn(&remote->writing);
    }
    salvor_buffer_release(&remote->chunk);
    salvor_buffer_release(&remote->output);
    salvor_buffer_release(&remote->errors);
    remote->open = false;
}

static int remote_close(lua_State *L)
{
    release(luaL_checkudata(L, 1, REMOTE_METATABLE));
    return 0;
}

static struct remote *check_open(lua_State *L)
{
    struct remote *remote = luaL_checkudata(L, 1, REMOTE_METATABLE);
    luaL_argcheck(L, remote->open, 1, "the stream is closed");
    return remote;
}

static int fail(lua_State *L, struct salvor_error *err)
{
    salvor_error_op(err, "kube.remote");
    return salvor_fail(L, err);
}

static void check_reader(lua_State *L, const struct remote *remote)
{
    luaL_argcheck(L, remote->streams.readable.done && remote->reading.timer.op.done, 1,
                  "another task reads this stream");
}

/* Another task closed it during a wait. */
static int fail_closed(lua_State *L)
{
    struct salvor_error err;
    salvor_error_set(&err, "Closed", "the stream was closed");
    return fail(L, &err);
}

/* Opening */

static int after_open(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct remote *remote = (struct remote *)context;
    struct salvor_kube_client *client = luaL_checkudata(L, 1, SALVOR_KUBE_CLIENT);
    json_t **details = salvor_box_value(L);
    struct salvor_error err;
    if (salvor_remote_check(&remote->streams, &client->config, details, &err) < 0) {
        salvor_error_op(&err, "kube.remote");
        int count = salvor_kube_fail(L, &err, &remote->streams.socket.http, details);
        release(remote);
        return count;
    }
    lua_pushvalue(L, 3);
    return 1;
}

/*
 * client:remote{path=, query=, headers=, timeout=, open_timeout=, ping_interval=, read_timeout=,
 * write_timeout=} -> streams, once they are there; timeout is that of the connection
 */
int salvor_kube_client_remote(lua_State *L)
{
    static const char *const names[] = {"path",         "query",         "headers",
                                        "timeout",      "open_timeout",  "ping_interval",
                                        "read_timeout", "write_timeout", NULL};
    struct salvor_kube_client *client = salvor_kube_client_check(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    salvor_check_options(L, 2, names);
    struct salvor_websocket_options options = salvor_kube_websocket_options(L);
    lua_settop(L, 2);
    struct remote *remote = salvor_kube_new(L, sizeof(*remote), REMOTE_METATABLE);
    salvor_buffer_init(&remote->chunk, CHUNK_SIZE);
    salvor_buffer_init(&remote->output, 0);
    salvor_buffer_init(&remote->errors, 0);
    salvor_remote_init(&remote->streams);
    remote->reading.timer.op.done = remote->writing.timer.op.done = true;
    remote->open = true;
    struct salvor_error err;
    if (salvor_kube_client_connect(L, client, &remote->streams.socket.http, &err) < 0)
        return fail(L, &err);
    salvor_remote_open(&remote->streams, salvor_get_loop(L), &options);
    return salvor_wait(L, &remote->streams.opened, after_open, (lua_KContext)remote);
}

/* Reading */

static int after_bytes(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct remote *remote = (struct remote *)context;
    struct salvor_remote *streams = &remote->streams;
    int channel = 0;
    struct salvor_error err;
    if (!remote->open)
        return fail_closed(L);
    struct salvor_op *turn = next_turn(L, &remote->reading);
    if (turn)
        return salvor_wait_again(L, turn, after_bytes, context);
    salvor_buffer_clear(&remote->chunk);
    switch (salvor_remote_read(&remote->chunk, &channel, streams, &err)) {
    case SALVOR_REMOTE_DATA:
        remote->reading.bytes += remote->chunk.size;
        lua_pushlstring(L, remote->chunk.data, remote->chunk.size);
        lua_pushstring(L, channel == SALVOR_REMOTE_STDERR ? "stderr" : "stdout");
        return 2;
    case SALVOR_REMOTE_END:
        return 0;
    case SALVOR_REMOTE_MORE:
        remote->reading.bytes = 0;
        salvor_remote_want_read(streams);
        return salvor_wait_again(L, &streams->readable, after_bytes, context);
    case SALVOR_REMOTE_FAILED:
        break;
    }
    return fail(L, &err);
}

/*
 * remote:read() -> what the command wrote next, "stdout" or "stderr"; nothing at the end, after
 * which remote:status() is there; or nil and an error
 */
static int remote_read(lua_State *L)
{
    struct remote *remote = check_open(L);
    check_reader(L, remote);
    lua_settop(L, 1);
    return salvor_wait(L, NULL, after_bytes, (lua_KContext)remote);
}

static void push_output(lua_State *L, struct salvor_buffer *output)
{
    lua_pushlstring(L, output->data, output->size);
    /* It may be large, and the collector does not know of it. */
    salvor_buffer_release(output);
}

static int after_more(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct remote *remote = (struct remote *)context;
    struct salvor_remote *streams = &remote->streams;
    struct salvor_error err;
    if (!remote->open)
        return fail_closed(L);
    switch (salvor_remote_collect(&remote->output, &remote->errors, streams, &err)) {
    case SALVOR_REMOTE_DATA:
        remote->reading.bytes = TURN_SIZE;
        return salvor_wait_again(L, next_turn(L, &remote->reading), after_more, context);
    case SALVOR_REMOTE_END:
        push_output(L, &remote->output);
        push_output(L, &remote->errors);
        return 2;
    case SALVOR_REMOTE_MORE:
        salvor_remote_want_read(streams);
        return salvor_wait_again(L, &streams->readable, after_more, context);
    case SALVOR_REMOTE_FAILED:
        break;
    }
    return fail(L, &err);
}

/*
 * remote:collect(limit) -> all that the command writes to standard output and to standard error, at
 * most so many bytes each; or nil and an error
 */
static int remote_collect(lua_State *L)
{
    struct remote *remote = check_open(L);
    lua_Integer limit = luaL_checkinteger(L, 2);
    luaL_argcheck(L, limit >= 0, 2, "a number of bytes expected");
    check_reader(L, remote);
    remote->output.limit = remote->errors.limit = (size_t)limit;
    lua_settop(L, 1);
    return salvor_wait(L, NULL, after_more, (lua_KContext)remote);
}

/* remote:status() -> the JSON text of the server's Status; "" when there was none yet */
static int remote_status(lua_State *L)
{
    struct remote *remote = check_open(L);
    lua_pushlstring(L, remote->streams.status.data, remote->streams.status.size);
    return 1;
}

/* Writing */

static int after_room(lua_State *L, int status, lua_KContext written)
{
    (void)status;
    struct remote *remote = luaL_checkudata(L, 1, REMOTE_METATABLE);
    struct salvor_remote *streams = &remote->streams;
    struct salvor_error err;
    size_t size;
    const char *data = lua_tolstring(L, 2, &size);
    if (!remote->open)
        return fail_closed(L);
    struct salvor_op *turn = next_turn(L, &remote->writing);
    if (turn)
        return salvor_wait_again(L, turn, after_room, written);
    lua_KContext before = written;
    written += (lua_KContext)salvor_remote_write(streams, data + written, size - (size_t)written);
    remote->writing.bytes += (size_t)(written - before);
    if ((size_t)written == size) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (!salvor_remote_is_open(streams)) {
        salvor_websocket_explain(&streams->socket, &err);
        return fail(L, &err);
    }
    salvor_remote_want_write(streams);
    return salvor_wait_again(L, &streams->writable, after_room, written);
}

/* remote:write(data) -> true once all of it is on its way; waits for room */
static int remote_write(lua_State *L)
{
    struct remote *remote = check_open(L);
    luaL_checktype(L, 2, LUA_TSTRING);
    luaL_argcheck(L, remote->streams.writable.done && remote->writing.timer.op.done, 1,
                  "another task writes to this stream");
    lua_settop(L, 2);
    return salvor_wait(L, NULL, after_room, 0);
}

/* remote:close_stdin() -> true */
static int remote_close_stdin(lua_State *L)
{
    struct salvor_error err;
    if (salvor_remote_close_stdin(&check_open(L)->streams, &err) < 0)
        return fail(L, &err);
    lua_pushboolean(L, true);
    return 1;
}

static unsigned check_cells(lua_State *L, int index)
{
    lua_Integer cells = luaL_checkinteger(L, index);
    luaL_argcheck(L, cells >= 1 && cells <= SIZE_MAX_CELLS, index, "1 to 65535 expected");
    return (unsigned)cells;
}

/* remote:resize(width, height) */
static int remote_resize(lua_State *L)
{
    struct remote *remote = check_open(L);
    unsigned width = check_cells(L, 2);
    salvor_remote_resize(&remote->streams, width, check_cells(L, 3));
    return 0;
}

/* remote:protocol() -> "v5.channel.k8s.io" or "v4.channel.k8s.io" */
static int remote_protocol(lua_State *L)
{
    lua_pushstring(L, check_open(L)->streams.socket.protocol);
    return 1;
}

void salvor_kube_remote_install(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", remote_close}, {"__close", remote_close}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"read", remote_read},
                                       {"collect", remote_collect},
                                       {"status", remote_status},
                                       {"write", remote_write},
                                       {"close_stdin", remote_close_stdin},
                                       {"resize", remote_resize},
                                       {"protocol", remote_protocol},
                                       {"close", remote_close},
                                       {NULL, NULL}};
    salvor_kube_class(L, REMOTE_METATABLE, metamethods, methods);
}
