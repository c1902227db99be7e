#include "lua/local.h"

#include "lua/binding.h"

struct salvor_local_root_object *salvor_check_local_root(lua_State *L)
{
    struct salvor_local_root_object *root = luaL_checkudata(L, 1, SALVOR_LOCAL_ROOT);
    luaL_argcheck(L, !root->closed, 1, "the store was closed");
    return root;
}

void salvor_local_root_use(struct salvor_local_root_object *root)
{
    root->users++;
}

void salvor_local_root_leave(struct salvor_local_root_object *root)
{
    if (root && --root->users == 0 && root->closed)
        salvor_local_root_close(&root->root);
}

void salvor_push_local_item(lua_State *L, const char *path, const struct salvor_local_item *item)
{
    lua_createtable(L, 0, 6);
    lua_pushstring(L, path);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, item->kind);
    lua_setfield(L, -2, "kind");
    lua_pushinteger(L, item->size);
    lua_setfield(L, -2, "size");
    lua_pushnumber(L, item->modified);
    lua_setfield(L, -2, "modified");
    lua_pushinteger(L, item->mode);
    lua_setfield(L, -2, "mode");
    lua_pushstring(L, item->etag);
    lua_setfield(L, -2, "etag");
}

void salvor_read_local_attributes(lua_State *L, int index,
                                  struct salvor_local_attributes *attributes)
{
    static const char *const names[] = {"mode", "modified", "if_absent", NULL};
    salvor_check_options(L, index, names);
    lua_Integer mode = salvor_option_integer(L, index, "mode", 0600);
    luaL_argcheck(L, mode >= 0 && mode <= 07777, index, "option 'mode': permission bits expected");
    attributes->mode = (unsigned)mode;
    attributes->modified = salvor_option_number(L, index, "modified", -1);
    attributes->if_absent = salvor_option_boolean(L, index, "if_absent", false);
}
