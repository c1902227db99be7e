/* salvor.transfer: what a script writes becomes files. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lua/binding.h"
#include "lua/l_transfer.h"
#include "lua/task.h"

/* In the worker's thread */

static ssize_t read_pipe(void *context, const void **data, struct salvor_error *err)
{
    struct salvor_file_transfer *transfer = context;
    ssize_t got;
    while ((got = read(transfer->descriptor, transfer->buffer, SALVOR_FILE_TRANSFER_CHUNK)) < 0 &&
           errno == EINTR)
        ;
    *data = transfer->buffer;
    return got < 0 ? salvor_error_errno(err, errno, "cannot read from a pipe") : got;
}

static void run_unpack(void *context)
{
    struct salvor_file_transfer *transfer = context;
    transfer->result = salvor_unpack_run(transfer->unpack, read_pipe, transfer, &transfer->progress,
                                         &transfer->failure);
    close(transfer->descriptor);
}

/* What was there before may be a folder that takes long to remove. */
static void run_commit(void *context)
{
    struct salvor_file_transfer *transfer = context;
    transfer->result = salvor_unpack_commit(transfer->unpack, &transfer->failure);
}

/* In the loop's */

/*
 * unpack{path=, top=, limit=, replace=} -> transfer: what is written into it becomes `path`, see
 * data/unpack.h
 */
int salvor_file_transfer_unpack(lua_State *L)
{
    static const char *const names[] = {"path", "top", "limit", "replace", NULL};
    struct salvor_error err;
    luaL_checktype(L, 1, LUA_TTABLE);
    salvor_check_options(L, 1, names);
    lua_settop(L, 1);
    struct salvor_unpack_options options = {
        .target = salvor_file_transfer_option(L, "path"),
        .top = salvor_file_transfer_option(L, "top"),
        .limit = salvor_option_integer(L, 1, "limit", INT64_MAX),
        .replace = salvor_option_boolean(L, 1, "replace", false),
    };
    luaL_argcheck(L, options.limit >= 0, 1, "option 'limit': a number of bytes expected");
    struct salvor_file_transfer *transfer = salvor_file_transfer_new(L, "transfer.unpack");
    transfer->buffer = malloc(SALVOR_FILE_TRANSFER_CHUNK);
    if (!transfer->buffer)
        salvor_error_memory(&err);
    else if (salvor_unpack_new(&transfer->unpack, &options, &err) == 0 &&
             salvor_file_transfer_start_piped(L, transfer, run_unpack, SALVOR_PIPE_WE_WRITE,
                                              &err) == 0)
        return 1;
    salvor_file_transfer_release(transfer);
    return salvor_file_transfer_fail(L, transfer, &err);
}

static int after_write(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct salvor_file_transfer *transfer = (struct salvor_file_transfer *)context;
    lua_pushboolean(L, !salvor_pipe_is_broken(&transfer->pipe));
    return 1;
}

/* transfer:write(data) -> true, or false when no more is wanted: finish tells why */
int salvor_file_transfer_write(lua_State *L)
{
    struct salvor_file_transfer *transfer = salvor_file_transfer_check(L);
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
    struct salvor_file_transfer *transfer = (struct salvor_file_transfer *)context;
    int failed = salvor_file_transfer_check_ended(L, transfer);
    return failed ? failed : salvor_file_transfer_push_summary(L, transfer);
}

/* transfer:finish() -> {bytes=, entries=, skipped=} once all that was written is on the disk */
int salvor_file_transfer_finish(lua_State *L)
{
    struct salvor_file_transfer *transfer = salvor_file_transfer_check(L);
    luaL_argcheck(L, transfer->unpack, 1, "this transfer is read from");
    luaL_argcheck(L, transfer->pipe.op.done, 1, "another task writes into this transfer");
    lua_settop(L, 1);
    salvor_pipe_close(&transfer->pipe);
    return salvor_file_transfer_wait(L, transfer, after_finish);
}

static int after_commit(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    int failed = salvor_file_transfer_check_ended(L, (struct salvor_file_transfer *)context);
    if (failed)
        return failed;
    lua_pushboolean(L, 1);
    return 1;
}

/* transfer:commit() -> true: what was unpacked is in its place */
int salvor_file_transfer_commit(lua_State *L)
{
    struct salvor_file_transfer *transfer = salvor_file_transfer_check(L);
    struct salvor_error err;
    luaL_argcheck(L, transfer->unpack && !transfer->worker.running && transfer->result == 0, 1,
                  "the transfer is not finished");
    lua_settop(L, 1);
    if (salvor_file_transfer_start(L, transfer, run_commit, &err) < 0)
        return salvor_file_transfer_fail(L, transfer, &err);
    return salvor_file_transfer_wait(L, transfer, after_commit);
}
