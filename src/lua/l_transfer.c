/*
 * salvor.transfer: files and folders to and from a stream of bytes (a tar archive). The files are a
 * thread's affair, the bytes a script's; between the two is a pipe. client:upload and :download of
 * salvor.k8s (lua/salvor/k8s/files.lua) are what scripts use.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/binding.h"
#include "lua/l_transfer.h"
#include "lua/modules.h"
#include "lua/task.h"

#define TRANSFER_METATABLE "salvor.transfer"

/* The worker */

static bool stop(void *context)
{
    struct salvor_file_transfer *transfer = context;
    salvor_stop_ask(&transfer->progress.stop);
    salvor_pipe_close(&transfer->pipe);
    return false; /* what it has made is taken away before anybody goes on */
}

int salvor_file_transfer_start(lua_State *L, struct salvor_file_transfer *transfer,
                               void (*run)(void *), struct salvor_error *err)
{
    struct salvor_work work = {.run = run, .stop = stop};
    transfer->failure = (struct salvor_error){0};
    return salvor_worker_start(&transfer->worker, salvor_get_loop(L), &work, transfer, err);
}

int salvor_file_transfer_start_piped(lua_State *L, struct salvor_file_transfer *transfer,
                                     void (*run)(void *), enum salvor_pipe_direction direction,
                                     struct salvor_error *err)
{
    if (salvor_pipe_open(&transfer->pipe, &transfer->descriptor, salvor_get_loop(L), direction,
                         err) < 0)
        return -1;
    if (salvor_file_transfer_start(L, transfer, run, err) == 0)
        return 0;
    salvor_pipe_close(&transfer->pipe);
    close(transfer->descriptor);
    return -1;
}

int salvor_file_transfer_wait(lua_State *L, struct salvor_file_transfer *transfer,
                              lua_KFunction after)
{
    if (!transfer->worker.running)
        return after(L, LUA_OK, (lua_KContext)transfer);
    luaL_argcheck(L, !transfer->worker.op.wake, 1, "another task waits for this transfer");
    return salvor_wait(L, &transfer->worker.op, after, (lua_KContext)transfer);
}

int salvor_file_transfer_check_ended(lua_State *L, struct salvor_file_transfer *transfer)
{
    luaL_argcheck(L, !transfer->closed, 1, "the transfer was closed while it was waited for");
    salvor_pipe_close(&transfer->pipe);
    return transfer->result < 0 ? salvor_file_transfer_fail(L, transfer, &transfer->failure) : 0;
}

/* The object */

struct salvor_file_transfer *salvor_file_transfer_new(lua_State *L, const char *op)
{
    struct salvor_file_transfer *transfer = lua_newuserdatauv(L, sizeof(*transfer), 1);
    memset(transfer, 0, sizeof(*transfer));
    transfer->op = op;
    transfer->result = 1;
    transfer->worker.op.done = transfer->pipe.op.done = true;
    luaL_setmetatable(L, TRANSFER_METATABLE);
    return transfer;
}

const char *salvor_file_transfer_option(lua_State *L, const char *name)
{
    const char *text = salvor_option_string(L, 1, name, NULL);
    if (!text || !*text)
        luaL_error(L, "option '%s': a name expected", name);
    return text;
}

void salvor_file_transfer_release(struct salvor_file_transfer *transfer)
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

int salvor_file_transfer_fail(lua_State *L, const struct salvor_file_transfer *transfer,
                              struct salvor_error *err)
{
    salvor_error_op(err, transfer->op);
    return salvor_fail(L, err);
}

struct salvor_file_transfer *salvor_file_transfer_check(lua_State *L)
{
    struct salvor_file_transfer *transfer = luaL_checkudata(L, 1, TRANSFER_METATABLE);
    luaL_argcheck(L, !transfer->closed, 1, "the transfer is closed");
    return transfer;
}

static int transfer_gc(lua_State *L)
{
    salvor_file_transfer_release(luaL_checkudata(L, 1, TRANSFER_METATABLE));
    return 0;
}

static int after_close(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)L;
    salvor_file_transfer_release((struct salvor_file_transfer *)context);
    return 0;
}

/* transfer:close(): nothing of it goes on or is left, unless it was committed */
static int transfer_close(lua_State *L)
{
    struct salvor_file_transfer *transfer = luaL_checkudata(L, 1, TRANSFER_METATABLE);
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

/* Results */

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
    struct salvor_file_transfer *transfer = luaL_checkudata(L, 1, TRANSFER_METATABLE);
    lua_pushinteger(L, atomic_load(&transfer->progress.bytes));
    lua_pushinteger(L, atomic_load(&transfer->progress.entries));
    return 2;
}

int salvor_file_transfer_push_summary(lua_State *L, struct salvor_file_transfer *transfer)
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

/* transfer:summary() -> {bytes=, entries=, skipped=} */
static int transfer_summary(lua_State *L)
{
    struct salvor_file_transfer *transfer = salvor_file_transfer_check(L);
    luaL_argcheck(L, !transfer->worker.running, 1, "the transfer is not finished");
    return salvor_file_transfer_push_summary(L, transfer);
}

int luaopen_salvor_transfer(lua_State *L)
{
    static const luaL_Reg methods[] = {{"write", salvor_file_transfer_write},
                                       {"finish", salvor_file_transfer_finish},
                                       {"commit", salvor_file_transfer_commit},
                                       {"read", salvor_file_transfer_read},
                                       {"close", transfer_close},
                                       {"summary", transfer_summary},
                                       {"progress", transfer_progress},
                                       {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", transfer_gc}, {"__close", transfer_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"pack", salvor_file_transfer_pack}, {"unpack", salvor_file_transfer_unpack}, {NULL, NULL}};
    luaL_newmetatable(L, TRANSFER_METATABLE);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
