#include "lua/sftp.h"

#include <string.h>
#include <sys/stat.h>

#include "lua/binding.h"

struct salvor_sftp *salvor_check_sftp(lua_State *L)
{
    struct salvor_sftp_connection *connection = luaL_checkudata(L, 1, SALVOR_SFTP_CONNECTION);
    luaL_argcheck(L, connection->sftp, 1, "the connection is closed");
    return connection->sftp;
}

const char *salvor_check_sftp_path(lua_State *L, int index)
{
    const char *path = salvor_check_path(L, index);
    luaL_argcheck(L, strlen(path) <= SALVOR_SFTP_PATH_MAX, index, "path is too long");
    return path;
}

void *salvor_sftp_box(lua_State *L, size_t size, void (*release)(void *object))
{
    struct salvor_call *call = salvor_box(L, size, release);
    call->op.done = true;
    return call;
}

void salvor_sftp_stop(struct salvor_call *call)
{
    if (!call->op.done)
        salvor_op_abort(&call->op);
}

int salvor_sftp_check(lua_State *L, const struct salvor_call *call)
{
    return call->result < 0 ? salvor_fail(L, &call->failure) : 0;
}

const char *salvor_sftp_kind(uint32_t mode)
{
    return S_ISDIR(mode) ? "folder" : S_ISLNK(mode) ? "link" : S_ISREG(mode) ? "file" : "other";
}

void salvor_push_sftp_attrs(lua_State *L, const struct salvor_sftp_attrs *attrs)
{
    lua_createtable(L, 0, 4);
    if (attrs->flags & SALVOR_SFTP_ATTR_SIZE) {
        lua_pushinteger(L, (lua_Integer)attrs->size);
        lua_setfield(L, -2, "size");
    }
    if (attrs->flags & SALVOR_SFTP_ATTR_TIMES) {
        lua_pushinteger(L, attrs->modified);
        lua_setfield(L, -2, "modified");
    }
    if (attrs->flags & SALVOR_SFTP_ATTR_MODE) {
        lua_pushinteger(L, attrs->mode & 07777);
        lua_setfield(L, -2, "mode");
        lua_pushstring(L, salvor_sftp_kind(attrs->mode));
        lua_setfield(L, -2, "kind");
    }
}
