/*
 * salvor.sftp: a connection to an SFTP server, for lua/salvor/store/sftp. What waits can be cancelled.
 *
 *     new() -> connection     version() -> libssh2's, whether it signs with RSA keys by SHA-2
 *     sum(block) -> 8 bytes that tell whether two blocks have the same content
 *     connection:connect{host=, port=, timeout=, host_keys=} -> the server's key, as its bytes
 *     connection:login(method, user, {secret=, passphrase=, agent=}) -> true
 *         method "none" -> the methods that the server offers, "" when it let us in without any;
 *         "password", "key" (secret: a private key's text), "agent"
 *     connection:extensions() -> {posix_rename=, fsync=, statvfs=}
 *     connection:stat, :remove, :rmdir, :mkdir, :rename, :replace, :space    l_sftp_requests.c
 *     connection:read, :write, :list            l_sftp_files.c
 *     connection:is_broken() -> whether something has ended it, so that every call fails from now on
 *     connection:close()
 *
 * Where these fail: nil, error.
 */
#include <string.h>

#include "lua/binding.h"
#include "lua/modules.h"
#include "lua/sftp.h"
#include "lua/task.h"

/* Connections */

static int sftp_new(lua_State *L)
{
    struct salvor_error err;
    struct salvor_sftp_connection *connection = lua_newuserdatauv(L, sizeof(*connection), 0);
    connection->sftp = NULL;
    luaL_setmetatable(L, SALVOR_SFTP_CONNECTION);
    if (salvor_sftp_new(&connection->sftp, salvor_get_loop(L), &err) < 0)
        return salvor_fail(L, &err);
    return 1;
}

static int sftp_version(lua_State *L)
{
    lua_pushstring(L, libssh2_version(0));
    lua_pushboolean(L, salvor_ssh_has_rsa_sha2());
    return 2;
}

static int connection_close(lua_State *L)
{
    struct salvor_sftp_connection *connection = luaL_checkudata(L, 1, SALVOR_SFTP_CONNECTION);
    salvor_sftp_free(connection->sftp);
    connection->sftp = NULL;
    return 0;
}

static void release_connect(void *object)
{
    salvor_sftp_stop(object);
}

static int after_connect(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    const struct salvor_sftp_connect *connect = (const struct salvor_sftp_connect *)context;
    int failed = salvor_sftp_check(L, &connect->call);
    if (failed)
        return failed;
    size_t size;
    const char *key = salvor_sftp_host_key(salvor_check_sftp(L), &size);
    lua_pushlstring(L, key ? key : "", key ? size : 0);
    return 1;
}

static int connection_connect(lua_State *L)
{
    static const char *const names[] = {"host", "port", "timeout", "host_keys", NULL};
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    salvor_check_options(L, 2, names);
    lua_settop(L, 2);
    const char *host = salvor_option_string(L, 2, "host", NULL);
    luaL_argcheck(L, host && *host && strlen(host) < SALVOR_SSH_HOST_MAX, 2,
                  "option 'host': a host's name expected");
    const char *host_keys = salvor_option_string(L, 2, "host_keys", NULL);
    struct salvor_sftp_connect *connect = salvor_sftp_box(L, sizeof(*connect), release_connect);
    connect->host = host;
    connect->host_keys = host_keys;
    connect->port = (int)salvor_option_integer(L, 2, "port", 22);
    connect->timeout = salvor_option_number(L, 2, "timeout", 30);
    salvor_sftp_connect(sftp, connect);
    return salvor_wait(L, &connect->call.op, after_connect, (lua_KContext)connect);
}

/* login */

static void release_login(void *object)
{
    salvor_sftp_stop(object);
}

static int after_login(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    const struct salvor_sftp_login *login = (const struct salvor_sftp_login *)context;
    int failed = salvor_sftp_check(L, &login->call);
    if (failed)
        return failed;
    if (login->login.method == SALVOR_SSH_NONE)
        lua_pushstring(L, salvor_sftp_methods(salvor_check_sftp(L)));
    else
        lua_pushboolean(L, true);
    return 1;
}

static const char *check_user(lua_State *L, int index)
{
    size_t size;
    const char *user = luaL_checklstring(L, index, &size);
    luaL_argcheck(L, size && size <= 255 && strlen(user) == size, index, "a user's name expected");
    return user;
}

static int connection_login(lua_State *L)
{
    static const char *const methods[] = {"none", "password", "key", "agent", NULL};
    static const char *const names[] = {"secret", "passphrase", "agent", NULL};
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    enum salvor_ssh_method method = (enum salvor_ssh_method)luaL_checkoption(L, 2, NULL, methods);
    const char *user = check_user(L, 3);
    salvor_check_options(L, 4, names);
    lua_settop(L, 4);
    const char *secret = salvor_option_string(L, 4, "secret", NULL);
    const char *passphrase = salvor_option_string(L, 4, "passphrase", NULL);
    const char *agent = salvor_option_string(L, 4, "agent", NULL);
    struct salvor_sftp_login *login = salvor_sftp_box(L, sizeof(*login), release_login);
    login->login = (struct salvor_ssh_login){
        .method = method,
        .user = user,
        .secret = secret ? secret : "",
        .secret_size = secret ? strlen(secret) : 0,
        .passphrase = passphrase ? passphrase : "",
        .agent = agent,
    };
    salvor_sftp_login(sftp, login);
    return salvor_wait(L, &login->call.op, after_login, (lua_KContext)login);
}

static int connection_extensions(lua_State *L)
{
    struct salvor_sftp_extensions extensions = salvor_sftp_extensions(salvor_check_sftp(L));
    lua_createtable(L, 0, 3);
    lua_pushboolean(L, extensions.posix_rename);
    lua_setfield(L, -2, "posix_rename");
    lua_pushboolean(L, extensions.fsync);
    lua_setfield(L, -2, "fsync");
    lua_pushboolean(L, extensions.statvfs);
    lua_setfield(L, -2, "statvfs");
    return 1;
}

static int connection_is_broken(lua_State *L)
{
    lua_pushboolean(L, salvor_sftp_is_broken(salvor_check_sftp(L)));
    return 1;
}

static void make_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"connect", connection_connect},       {"login", connection_login},
        {"extensions", connection_extensions}, {"is_broken", connection_is_broken},
        {"stat", salvor_sftp_lua_stat},        {"remove", salvor_sftp_lua_remove},
        {"rmdir", salvor_sftp_lua_rmdir},      {"mkdir", salvor_sftp_lua_mkdir},
        {"rename", salvor_sftp_lua_rename},    {"replace", salvor_sftp_lua_replace},
        {"space", salvor_sftp_lua_space},      {"read", salvor_sftp_lua_read},
        {"write", salvor_sftp_lua_write},      {"list", salvor_sftp_lua_list},
        {"close", connection_close},           {NULL, NULL},
    };
    luaL_newmetatable(L, SALVOR_SFTP_CONNECTION);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, connection_close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, connection_close);
    lua_setfield(L, -2, "__close");
    lua_pop(L, 1);
}

int luaopen_salvor_sftp(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"new", sftp_new}, {"sum", salvor_sftp_lua_sum}, {"version", sftp_version}, {NULL, NULL}};
    make_metatable(L);
    salvor_sftp_listing_metatable(L);
    luaL_newlib(L, functions);
    return 1;
}
