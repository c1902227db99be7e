/* The modules written in C: each luaopen_ function pushes its module. host.c registers them. */
#ifndef SALVOR_LUA_MODULES_H
#define SALVOR_LUA_MODULES_H

#include <lua.h>

int luaopen_salvor_block(lua_State *L);
int luaopen_salvor_console(lua_State *L);
int luaopen_salvor_digest(lua_State *L);
int luaopen_salvor_error(lua_State *L);
int luaopen_salvor_fs(lua_State *L);
int luaopen_salvor_inspect(lua_State *L);
int luaopen_salvor_json(lua_State *L);
int luaopen_salvor_kube(lua_State *L);
int luaopen_salvor_local(lua_State *L);
int luaopen_salvor_proc(lua_State *L);
int luaopen_salvor_scheduler(lua_State *L);
int luaopen_salvor_secret(lua_State *L);
int luaopen_salvor_set_files(lua_State *L);
int luaopen_salvor_store_http(lua_State *L);
int luaopen_salvor_sftp(lua_State *L);
int luaopen_salvor_terminal(lua_State *L);
int luaopen_salvor_transfer(lua_State *L);
int luaopen_salvor_value(lua_State *L);
int luaopen_salvor_yaml(lua_State *L);

#endif
