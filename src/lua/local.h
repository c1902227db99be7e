/* What the parts of salvor.local (l_local*.c) share. */
#ifndef SALVOR_LUA_LOCAL_H
#define SALVOR_LUA_LOCAL_H

#include <stdbool.h>

#include <lua.h>

#include "store/local/upload.h"

#define SALVOR_LOCAL_ROOT "salvor.local.root" /* the metatable of roots */

/* A root that is closed while calls still use it is closed by the last of them. */
struct salvor_local_root_object {
    struct salvor_local_root root;
    unsigned users;
    bool closed;
};

/* The root that is argument 1; raises when it was closed. */
struct salvor_local_root_object *salvor_check_local_root(lua_State *L);
void salvor_local_root_use(struct salvor_local_root_object *root);
void salvor_local_root_leave(struct salvor_local_root_object *root); /* NULL is fine */

void salvor_push_local_item(lua_State *L, const char *path, const struct salvor_local_item *item);
void salvor_read_local_attributes(lua_State *L, int index,
                                  struct salvor_local_attributes *attributes);

/* root:list(prefix, one_level, count [, walk]) -> items, walk */
int salvor_local_list(lua_State *L);
void salvor_local_walk_metatable(lua_State *L);

/* root:remove(paths) -> {{path=, err=}...} */
int salvor_local_remove_all(lua_State *L);

/* root:begin(path, size, part_size, id, options [, patience]) -> upload */
int salvor_local_begin(lua_State *L);
void salvor_local_upload_metatable(lua_State *L);

/*
 * Removes and closes an upload whose owner cannot wait: a thread does it, which is waited for a
 * moment only. A second call does nothing.
 */
void salvor_local_abandon(struct salvor_local_upload *upload);

#endif
