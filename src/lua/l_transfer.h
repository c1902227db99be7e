/*
 * salvor.transfer: what its parts share. l_transfer.c has the object and its worker, l_transfer_pack.c
 * and l_transfer_unpack.c the two directions.
 */
#ifndef SALVOR_LUA_L_TRANSFER_H
#define SALVOR_LUA_L_TRANSFER_H

#include <stdbool.h>

#include <lauxlib.h>
#include <lua.h>

#include "core/error.h"
#include "data/pack.h"
#include "data/unpack.h"
#include "loop/pipe.h"
#include "loop/worker.h"

enum { SALVOR_FILE_TRANSFER_CHUNK = 128 << 10 };

struct salvor_file_transfer {
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

/* Pushes a new one with room for one user value; `op` is the operation of its errors. */
struct salvor_file_transfer *salvor_file_transfer_new(lua_State *L, const char *op);

/* The one at index 1; raises when it is closed. */
struct salvor_file_transfer *salvor_file_transfer_check(lua_State *L);

/* Pushes and returns the text of an option at index 1; raises unless it could be a file's name. */
const char *salvor_file_transfer_option(lua_State *L, const char *name);

/* Starts `run` in the worker's thread; the second form with an end of a new pipe, which `run` closes. */
int salvor_file_transfer_start(lua_State *L, struct salvor_file_transfer *transfer,
                               void (*run)(void *), struct salvor_error *err);
int salvor_file_transfer_start_piped(lua_State *L, struct salvor_file_transfer *transfer,
                                     void (*run)(void *), enum salvor_pipe_direction direction,
                                     struct salvor_error *err);

/* Goes on with `after` once the worker has ended. */
int salvor_file_transfer_wait(lua_State *L, struct salvor_file_transfer *transfer,
                              lua_KFunction after);

/* Once the worker has ended: 0, or the number of results that tell of its error. */
int salvor_file_transfer_check_ended(lua_State *L, struct salvor_file_transfer *transfer);

/* Pushes nil and the error object; returns 2. */
int salvor_file_transfer_fail(lua_State *L, const struct salvor_file_transfer *transfer,
                              struct salvor_error *err);

/* Pushes {bytes=, entries=, skipped=}; returns 1. */
int salvor_file_transfer_push_summary(lua_State *L, struct salvor_file_transfer *transfer);

/* Ends it, and removes what is not in its place yet. */
void salvor_file_transfer_release(struct salvor_file_transfer *transfer);

/* Of the module and of its objects. */
int salvor_file_transfer_pack(lua_State *L);
int salvor_file_transfer_read(lua_State *L);
int salvor_file_transfer_unpack(lua_State *L);
int salvor_file_transfer_write(lua_State *L);
int salvor_file_transfer_finish(lua_State *L);
int salvor_file_transfer_commit(lua_State *L);

#endif
