/* salvor.transfer: files become what a script reads. */
#include <errno.h>
#include <unistd.h>

#include "lua/binding.h"
#include "lua/l_transfer.h"
#include "lua/task.h"

/* In the worker's thread */

static int write_pipe(void *context, const void *data, size_t size, struct salvor_error *err)
{
    struct salvor_file_transfer *transfer = context;
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

static void run_measure(void *context)
{
    struct salvor_file_transfer *transfer = context;
    transfer->result = salvor_pack_measure(&transfer->pack, &transfer->failure);
}

static void run_pack(void *context)
{
    struct salvor_file_transfer *transfer = context;
    transfer->result = salvor_pack_write(&transfer->pack, write_pipe, transfer, &transfer->failure);
    close(transfer->descriptor);
}

/* In the loop's */

static int after_measure(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct salvor_file_transfer *transfer = (struct salvor_file_transfer *)context;
    int failed = salvor_file_transfer_check_ended(L, transfer);
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
int salvor_file_transfer_pack(lua_State *L)
{
    static const char *const names[] = {"path", "name", "marker", NULL};
    struct salvor_error err;
    luaL_checktype(L, 1, LUA_TTABLE);
    salvor_check_options(L, 1, names);
    lua_settop(L, 1);
    struct salvor_file_transfer *transfer = salvor_file_transfer_new(L, "transfer.pack");
    /* The texts live as long as the copies in the user value. */
    lua_newtable(L);
    const char *texts[3];
    for (int i = 0; i < 3; i++) {
        texts[i] = salvor_file_transfer_option(L, names[i]);
        lua_rawseti(L, 3, i + 1);
    }
    lua_setiuservalue(L, 2, 1);
    salvor_pack_init(&transfer->pack, texts[0], texts[1], &transfer->progress);
    transfer->pack.marker = texts[2];
    if (salvor_file_transfer_start(L, transfer, run_measure, &err) < 0) {
        salvor_file_transfer_release(transfer);
        return salvor_file_transfer_fail(L, transfer, &err);
    }
    return salvor_file_transfer_wait(L, transfer, after_measure);
}

static int after_end(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    return salvor_file_transfer_check_ended(L, (struct salvor_file_transfer *)context);
}

static int after_wait(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct salvor_file_transfer *transfer = (struct salvor_file_transfer *)context;
    luaL_argcheck(L, !transfer->closed, 1, "the transfer was closed while it was waited for");
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, SALVOR_FILE_TRANSFER_CHUNK);
    ssize_t got = salvor_pipe_read(&transfer->pipe, room, SALVOR_FILE_TRANSFER_CHUNK);
    luaL_pushresultsize(&buffer, got > 0 ? (size_t)got : 0);
    if (got > 0)
        return 1;
    lua_settop(L, 1);
    if (got < 0) {
        salvor_pipe_wait(&transfer->pipe);
        return salvor_wait_again(L, &transfer->pipe.op, after_wait, context);
    }
    return salvor_file_transfer_wait(L, transfer, after_end);
}

/* transfer:read() -> bytes, nothing at the end, or nil and an error */
int salvor_file_transfer_read(lua_State *L)
{
    struct salvor_file_transfer *transfer = salvor_file_transfer_check(L);
    struct salvor_error err;
    luaL_argcheck(L, !transfer->unpack, 1, "this transfer is written to");
    luaL_argcheck(L, transfer->pipe.op.done, 1, "another task reads from this transfer");
    lua_settop(L, 1);
    if (!transfer->worker.running && transfer->result == 1 &&
        salvor_file_transfer_start_piped(L, transfer, run_pack, SALVOR_PIPE_WE_READ, &err) < 0)
        return salvor_file_transfer_fail(L, transfer, &err);
    return salvor_wait(L, NULL, after_wait, (lua_KContext)transfer);
}
