/* What the parts of salvor.sftp (l_sftp*.c) share. */
#ifndef SALVOR_LUA_SFTP_H
#define SALVOR_LUA_SFTP_H

#include <lua.h>

#include "store/sftp/sftp.h"

enum { SALVOR_SFTP_PATH_MAX = 16 << 10 };

#define SALVOR_SFTP_CONNECTION "salvor.sftp" /* the metatable of connections */

struct salvor_sftp_connection {
    struct salvor_sftp *sftp; /* NULL: closed */
};

/* The connection that is argument 1; raises when it was closed. */
struct salvor_sftp *salvor_check_sftp(lua_State *L);

/* A path without zero bytes, and not longer than any server takes. */
const char *salvor_check_sftp_path(lua_State *L, int index);

/*
 * A zeroed box of `size` bytes that begins with a call; `release` is called when that is aborted or
 * done for good, and must accept the zeroed state.
 */
void *salvor_sftp_box(lua_State *L, size_t size, void (*release)(void *object));

/* For the box's release: nothing of the call is under way afterwards. */
void salvor_sftp_stop(struct salvor_call *call);

/* 0, or nil and the error of a call that failed, pushed (2). */
int salvor_sftp_check(lua_State *L, const struct salvor_call *call);

/* "file", "folder", "link" or "other" */
const char *salvor_sftp_kind(uint32_t mode);

/* Pushes {size, modified, mode, kind}; members that the server does not tell are nil. */
void salvor_push_sftp_attrs(lua_State *L, const struct salvor_sftp_attrs *attrs);

int salvor_sftp_lua_remove(lua_State *L);
int salvor_sftp_lua_rmdir(lua_State *L);
int salvor_sftp_lua_mkdir(lua_State *L);
int salvor_sftp_lua_rename(lua_State *L);
int salvor_sftp_lua_replace(lua_State *L);
int salvor_sftp_lua_stat(lua_State *L);
int salvor_sftp_lua_space(lua_State *L);
int salvor_sftp_lua_read(lua_State *L);
int salvor_sftp_lua_write(lua_State *L);
int salvor_sftp_lua_sum(lua_State *L);
int salvor_sftp_lua_list(lua_State *L);
void salvor_sftp_listing_metatable(lua_State *L);

#endif
