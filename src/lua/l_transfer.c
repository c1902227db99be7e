/*
 * salvor.transfer: files and folders to and from a stream of bytes (a tar archive). The files are a
 * thread's affair, the bytes a script's; between the two is a pipe. client:upload and :download of
 * salvor.k8s (lua/salvor/k8s/files.lua) are what scripts use.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/pack.h"
#include "data/unpack.h"
#include "loop/pipe.h"
#include "loop/worker.h"
#include "lua/binding.h"
#include "lua/modules.h"
#include "lua/task.h"

#define TRANSFER_METATABLE "salvor.transfer"

enum { CHUNK = 128 << 10 };

struct transfer {
    struct salvor_worker worker;
    struct salvor_pipe pipe;
    struct salvor_archive_progress progress;
    struct salvor_unpack *unpack; /* NULL: this one packs */
    struct salvor_pack pack;
    const char *op;
    bool closed;
    /* The worker's while it runs. */
    int descriptor; /* its end of the pipe */
    char *buffer;
    int result; /* 1: it has not run yet */
    struct salvor_error failure;
};

/* In the worker's thread */

static ssize_t read_pipe(void *context, const void **data, struct salvor_error *err)
{
    struct transfer *transfer = context;
    ssize_t got;
    while ((got = read(transfer->descriptor, transfer->buffer, CHUNK)) < 0 && errno == EINTR)
        ;
    *data = transfer->buffer;
    return got < 0 ? salvor_error_errno(err, errno, "cannot read from a pipe") : got;
}

static int write_pipe(void *context, const void *data, size_t size, struct salvor_error *err)
{
    struct transfer *transfer = context;
    for (const char *at = data; size;) {
        ssize_t written = write(transfer->descriptor, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return salvor_error_set(err, "Cancelled", "the transfer was given up");
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

static void run_unpack(void *context)
{
    struct transfer *transfer = context;
    transfer->result = salvor_unpack_run(transfer->unpack, read_pipe, transfer, &transfer->progress,
                                         &transfer->failure);
    close(transfer->descriptor);
}

static void run_measure(void *context)
{
    struct transfer *transfer = context;
    transfer->result = salvor_pack_measure(&transfer->pack, &transfer->failure);
}

static void run_pack(void *context)
{
    struct transfer *transfer = context;
    transfer->result = salvor_pack_write(&transfer->pack, write_pipe, transfer, &transfer->failure);
    close(transfer->descriptor);
}

/* What was there before may be a folder that takes long to remove. */
static void run_commit(void *context)
{
    struct transfer *transfer = context;
    transfer->result = salvor_unpack_commit(transfer->unpack, &transfer->failure);
}

/* In the loop's */

static void stop(void *context)
{
    struct transfer *transfer = context;
    atomic_store(&transfer->progress.stop, true);
    salvor_pipe_close(&transfer->pipe);
}

static int start_worker(lua_State *L, struct transfer *transfer, void (*run)(void *),
                        struct salvor_error *err)
{
    transfer->failure = (struct salvor_error){0};
    return salvor_worker_start(&transfer->worker, salvor_get_loop(L), run, stop, transfer, err);
}

/* One that closes its end of the pipe when it ends. */
static int start_piped(lua_State *L, struct transfer *transfer, void (*run)(void *),
                       enum salvor_pipe_direction direction, struct salvor_error *err)
{
    if (salvor_pipe_open(&transfer->pipe, &transfer->descriptor, salvor_get_loop(L), direction,
                         err) < 0)
        return -1;
    if (start_worker(L, transfer, run, err) == 0)
        return 0;
    salvor_pipe_close(&transfer->pipe);
    close(transfer->descriptor);
    return -1;
}

/* Goes on with `after` once the worker has ended. */
static int wait_for_worker(lua_State *L, struct transfer *transfer, lua_KFunction after)
{
    if (!transfer->worker.running)
        return after(L, LUA_OK, (lua_KContext)transfer);
    luaL_argcheck(L, !transfer->worker.op.wake, 1, "another task waits for this transfer");
    return salvor_wait(L, &transfer->worker.op, after, (lua_KContext)transfer);
}

static void release(struct transfer *transfer)
{
    transfer->closed = true;
    salvor_worker_release(&transfer->worker);
    salvor_pipe_close(&transfer->pipe);
    salvor_unpack_free(transfer->unpack);
    transfer->unpack = NULL;
    if (transfer->pack.path)
        salvor_pack_release(&transfer->pack);
    transfer->pack.path = NULL;
    free(transfer->buffer);
    transfer->buffer = NULL;
}

static int fail(lua_State *L, const struct transfer *transfer, struct salvor_error *err)
{
    salvor_error_op(err, transfer->op);
    return salvor_fail(L, err);
}

static struct transfer *check_transfer(lua_State *L)
{
    struct transfer *transfer = luaL_checkudata(L, 1, TRANSFER_METATABLE);
    luaL_argcheck(L, !transfer->closed, 1, "the transfer is closed");
    return transfer;
}

static int transfer_gc(lua_State *L)
{
    release(luaL_checkudata(L, 1, TRANSFER_METATABLE));
    return 0;
}

static int after_close(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)L;
    release((struct transfer *)context);
    return 0;
}

/* transfer:close(): nothing of it goes on or is left, unless it was committed */
static int transfer_close(lua_State *L)
{
    struct transfer *transfer = luaL_checkudata(L, 1, TRANSFER_METATABLE);
    lua_settop(L, 1);
    if (transfer->closed || !transfer->worker.running)
        return after_close(L, LUA_OK, (lua_KContext)transfer);
    transfer->closed = true;
    stop(transfer);
    /* Somebody else may be waiting for the same end. */
    if (transfer->worker.op.wake)
        return after_close(L, LUA_OK, (lua_KContext)transfer);
    return salvor_wait(L, &transfer->worker.op, after_close, (lua_KContext)transfer);
}

/* Pushes the pairs as a list of {name=, reason=}. */
static void push_skipped(lua_State *L, const struct salvor_buffer *skipped)
{
    lua_newtable(L);
    lua_Integer count = 0;
    for (const char *at = skipped->data; at < skipped->data + skipped->size;) {
        lua_createtable(L, 0, 2);
        lua_pushstring(L, at);
        lua_setfield(L, -2, "name");
        at += strlen(at) + 1;
        lua_pushstring(L, at);
        lua_setfield(L, -2, "reason");
        at += strlen(at) + 1;
        lua_rawseti(L, -2, ++count);
    }
}

/* transfer:progress() -> bytes of files, entries */
static int transfer_progress(lua_State *L)
{
    struct transfer *transfer = luaL_checkudata(L, 1, TRANSFER_METATABLE);
    lua_pushinteger(L, atomic_load(&transfer->progress.bytes));
    lua_pushinteger(L, atomic_load(&transfer->progress.entries));
    return 2;
}

static int push_summary(lua_State *L, struct transfer *transfer)
{
    lua_createtable(L, 0, 3);
    transfer_progress(L);
    lua_setfield(L, -3, "entries");
    lua_setfield(L, -2, "bytes");
    push_skipped(L, transfer->unpack ? salvor_unpack_skipped(transfer->unpack)
                                     : &transfer->pack.skipped);
    lua_setfield(L, -2, "skipped");
    return 1;
}

/* Once the worker has ended: its error, or 0. */
static int check_worker(lua_State *L, struct transfer *transfer)
{
    luaL_argcheck(L, !transfer->closed, 1, "the transfer was closed while it was waited for");
    salvor_pipe_close(&transfer->pipe);
    return transfer->result < 0 ? fail(L, transfer, &transfer->failure) : 0;
}

/* Unpacking */

static const char *check_text(lua_State *L, const char *name)
{
    size_t size;
    const char *text = salvor_option_string(L, 1, name, &size);
    if (!text || !size || strlen(text) != size)
        luaL_error(L, "option '%s': a name without zero bytes expected", name);
    return text;
}

static struct transfer *new_transfer(lua_State *L, const char *op)
{
    struct transfer *transfer = lua_newuserdatauv(L, sizeof(*transfer), 1);
    memset(transfer, 0, sizeof(*transfer));
    transfer->op = op;
    transfer->result = 1;
    transfer->worker.op.done = transfer->pipe.op.done = true;
    luaL_setmetatable(L, TRANSFER_METATABLE);
    return transfer;
}

/*
 * unpack{path=, top=, limit=, replace=} -> transfer: what is written into it becomes `path`, see
 * data/unpack.h
 */
static int transfer_unpack(lua_State *L)
{
    static const char *const names[] = {"path", "top", "limit", "replace", NULL};
    struct salvor_error err;
    luaL_checktype(L, 1, LUA_TTABLE);
    salvor_check_options(L, 1, names);
    lua_settop(L, 1);
    struct salvor_unpack_options options = {
        .target = check_text(L, "path"),
        .top = check_text(L, "top"),
        .limit = salvor_option_integer(L, 1, "limit", INT64_MAX),
        .replace = salvor_option_boolean(L, 1, "replace", false),
    };
    luaL_argcheck(L, options.limit >= 0, 1, "option 'limit': a number of bytes expected");
    struct transfer *transfer = new_transfer(L, "transfer.unpack");
    transfer->buffer = malloc(CHUNK);
    if (!transfer->buffer)
        salvor_error_memory(&err);
    else if (salvor_unpack_new(&transfer->unpack, &options, &err) == 0 &&
             start_piped(L, transfer, run_unpack, SALVOR_PIPE_WE_WRITE, &err) == 0)
        return 1;
    release(transfer);
    return fail(L, transfer, &err);
}

static int after_write(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct transfer *transfer = (struct transfer *)context;
    lua_pushboolean(L, !salvor_pipe_is_broken(&transfer->pipe));
    return 1;
}

/* transfer:write(data) -> true, or false when no more is wanted: finish tells why */
static int transfer_write(lua_State *L)
{
    struct transfer *transfer = check_transfer(L);
    size_t size;
    const char *data = luaL_checklstring(L, 2, &size);
    luaL_argcheck(L, transfer->unpack, 1, "this transfer is read from");
    luaL_argcheck(L, transfer->pipe.op.done, 1, "another task writes into this transfer");
    lua_settop(L, 2);
    salvor_pipe_write(&transfer->pipe, data, size);
    if (transfer->pipe.op.done)
        return after_write(L, LUA_OK, (lua_KContext)transfer);
    return salvor_wait(L, &transfer->pipe.op, after_write, (lua_KContext)transfer);
}

static int after_finish(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct transfer *transfer = (struct transfer *)context;
    int failed = check_worker(L, transfer);
    return failed ? failed : push_summary(L, transfer);
}

/* transfer:finish() -> {bytes=, entries=, skipped=} once all that was written is on the disk */
static int transfer_finish(lua_State *L)
{
    struct transfer *transfer = check_transfer(L);
    luaL_argcheck(L, transfer->unpack, 1, "this transfer is read from");
    luaL_argcheck(L, transfer->pipe.op.done, 1, "another task writes into this transfer");
    lua_settop(L, 1);
    salvor_pipe_close(&transfer->pipe);
    return wait_for_worker(L, transfer, after_finish);
}

static int after_commit(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    int failed = check_worker(L, (struct transfer *)context);
    if (failed)
        return failed;
    lua_pushboolean(L, 1);
    return 1;
}

/* transfer:commit() -> true: what was unpacked is in its place */
static int transfer_commit(lua_State *L)
{
    struct transfer *transfer = check_transfer(L);
    struct salvor_error err;
    luaL_argcheck(L, transfer->unpack && !transfer->worker.running && transfer->result == 0, 1,
                  "the transfer is not finished");
    lua_settop(L, 1);
    if (start_worker(L, transfer, run_commit, &err) < 0)
        return fail(L, transfer, &err);
    return wait_for_worker(L, transfer, after_commit);
}

/* Packing */

static int after_measure(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct transfer *transfer = (struct transfer *)context;
    int failed = check_worker(L, transfer);
    if (failed)
        return failed;
    transfer->result = 1;
    lua_pushvalue(L, 2);
    lua_pushinteger(L, transfer->pack.size);
    return 2;
}

/*
 * pack{path=, name=, marker=} -> transfer, size: reading from it gives an archive of so many bytes, see
 * data/pack.h
 */
static int transfer_pack(lua_State *L)
{
    static const char *const names[] = {"path", "name", "marker", NULL};
    struct salvor_error err;
    luaL_checktype(L, 1, LUA_TTABLE);
    salvor_check_options(L, 1, names);
    lua_settop(L, 1);
    struct transfer *transfer = new_transfer(L, "transfer.pack");
    /* The texts live as long as the copies in the user value. */
    lua_newtable(L);
    const char *texts[3];
    for (int i = 0; i < 3; i++) {
        texts[i] = check_text(L, names[i]);
        lua_rawseti(L, 3, i + 1);
    }
    lua_setiuservalue(L, 2, 1);
    salvor_pack_init(&transfer->pack, texts[0], texts[1], &transfer->progress);
    transfer->pack.marker = texts[2];
    if (start_worker(L, transfer, run_measure, &err) < 0) {
        release(transfer);
        return fail(L, transfer, &err);
    }
    return wait_for_worker(L, transfer, after_measure);
}

static int after_end(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return check_worker(L, (struct transfer *)context);
}

static int after_wait(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct transfer *transfer = (struct transfer *)context;
    luaL_argcheck(L, !transfer->closed, 1, "the transfer was closed while it was waited for");
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, CHUNK);
    ssize_t got = salvor_pipe_read(&transfer->pipe, room, CHUNK);
    luaL_pushresultsize(&buffer, got > 0 ? (size_t)got : 0);
    if (got > 0)
        return 1;
    lua_settop(L, 1);
    if (got < 0) {
        salvor_pipe_wait(&transfer->pipe);
        return salvor_wait(L, &transfer->pipe.op, after_wait, context);
    }
    return wait_for_worker(L, transfer, after_end);
}

/* transfer:read() -> bytes, nothing at the end, or nil and an error */
static int transfer_read(lua_State *L)
{
    struct transfer *transfer = check_transfer(L);
    struct salvor_error err;
    luaL_argcheck(L, !transfer->unpack, 1, "this transfer is written to");
    luaL_argcheck(L, transfer->pipe.op.done, 1, "another task reads from this transfer");
    lua_settop(L, 1);
    if (!transfer->worker.running && transfer->result == 1 &&
        start_piped(L, transfer, run_pack, SALVOR_PIPE_WE_READ, &err) < 0)
        return fail(L, transfer, &err);
    return after_wait(L, LUA_OK, (lua_KContext)transfer);
}

/* transfer:summary() -> {bytes=, entries=, skipped=} */
static int transfer_summary(lua_State *L)
{
    struct transfer *transfer = check_transfer(L);
    luaL_argcheck(L, !transfer->worker.running, 1, "the transfer is not finished");
    return push_summary(L, transfer);
}

int luaopen_salvor_transfer(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"write", transfer_write},       {"finish", transfer_finish},
        {"commit", transfer_commit},     {"read", transfer_read},
        {"close", transfer_close},       {"summary", transfer_summary},
        {"progress", transfer_progress}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", transfer_gc}, {"__close", transfer_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"pack", transfer_pack}, {"unpack", transfer_unpack}, {NULL, NULL}};
    luaL_newmetatable(L, TRANSFER_METATABLE);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
