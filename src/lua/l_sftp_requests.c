/*
 * What salvor.sftp (l_sftp.c) does by one request and its answer.
 *
 *     connection:stat(path [, link]) -> {size, modified, mode, kind}     link: of a link itself
 *     connection:remove(path), :rmdir(path), :mkdir(path, mode), :rename(from, to) -> true
 *     connection:replace(from, to) -> true      in one step (posix-rename@openssh.com)
 *     connection:space(path) -> bytes free for us (statvfs@openssh.com)
 */
#include <string.h>

#include "lua/binding.h"
#include "lua/sftp.h"
#include "lua/task.h"

enum { ANSWER_MAX = 64 << 10 };

static void release_request(void *object)
{
    struct salvor_sftp_request *request = object;
    salvor_sftp_stop(&request->call);
    salvor_buffer_release(&request->body);
    salvor_buffer_release(&request->answer);
}

static struct salvor_sftp_request *new_request(lua_State *L, enum salvor_sftp_type type)
{
    struct salvor_sftp_request *request = salvor_sftp_box(L, sizeof(*request), release_request);
    request->type = type;
    salvor_buffer_init(&request->body, (size_t)4 * SALVOR_SFTP_PATH_MAX);
    salvor_buffer_init(&request->answer, ANSWER_MAX);
    return request;
}

static void put_text(struct salvor_sftp_request *request, const char *text)
{
    salvor_sftp_put_string(&request->body, text, strlen(text));
}

static int run_request(lua_State *L, struct salvor_sftp *sftp, struct salvor_sftp_request *request,
                       lua_KFunction after)
{
    salvor_sftp_request(sftp, request);
    return salvor_wait(L, &request->call.op, after, (lua_KContext)request);
}

static int fail_unexpected(lua_State *L)
{
    struct salvor_error err = {0};
    salvor_error_set(&err, "Corrupt", "the server answers what was not asked");
    return salvor_fail(L, &err);
}

static struct salvor_sftp_reader answer_of(const struct salvor_sftp_request *request)
{
    return (struct salvor_sftp_reader){.at = (const unsigned char *)request->answer.data,
                                       .left = request->answer.size};
}

static int after_status(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    const struct salvor_sftp_request *request = (const struct salvor_sftp_request *)context;
    struct salvor_sftp_reader reader = answer_of(request);
    int failed = salvor_sftp_check(L, &request->call);
    if (failed)
        return failed;
    if (request->answer_type != SALVOR_SFTP_STATUS ||
        salvor_sftp_read_u32(&reader) != SALVOR_SFTP_OK)
        return fail_unexpected(L);
    lua_pushboolean(L, true);
    return 1;
}

static int run_on_path(lua_State *L, enum salvor_sftp_type type)
{
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    const char *path = salvor_check_sftp_path(L, 2);
    struct salvor_sftp_request *request = new_request(L, type);
    put_text(request, path);
    return run_request(L, sftp, request, after_status);
}

int salvor_sftp_lua_remove(lua_State *L)
{
    return run_on_path(L, SALVOR_SFTP_REMOVE);
}

int salvor_sftp_lua_rmdir(lua_State *L)
{
    return run_on_path(L, SALVOR_SFTP_RMDIR);
}

int salvor_sftp_lua_mkdir(lua_State *L)
{
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    const char *path = salvor_check_sftp_path(L, 2);
    struct salvor_sftp_attrs attrs = {.flags = SALVOR_SFTP_ATTR_MODE,
                                      .mode = (uint32_t)luaL_checkinteger(L, 3) & 07777};
    struct salvor_sftp_request *request = new_request(L, SALVOR_SFTP_MKDIR);
    put_text(request, path);
    salvor_sftp_put_attrs(&request->body, &attrs);
    return run_request(L, sftp, request, after_status);
}

/* `extension`: the name of an EXTENDED request, or NULL. */
static int run_from_to(lua_State *L, enum salvor_sftp_type type, const char *extension)
{
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    const char *from = salvor_check_sftp_path(L, 2);
    const char *to = salvor_check_sftp_path(L, 3);
    struct salvor_sftp_request *request = new_request(L, type);
    if (extension)
        put_text(request, extension);
    put_text(request, from);
    put_text(request, to);
    return run_request(L, sftp, request, after_status);
}

int salvor_sftp_lua_rename(lua_State *L)
{
    return run_from_to(L, SALVOR_SFTP_RENAME, NULL);
}

int salvor_sftp_lua_replace(lua_State *L)
{
    return run_from_to(L, SALVOR_SFTP_EXTENDED, "posix-rename@openssh.com");
}

static int after_stat(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    const struct salvor_sftp_request *request = (const struct salvor_sftp_request *)context;
    struct salvor_sftp_reader reader = answer_of(request);
    struct salvor_sftp_attrs attrs;
    int failed = salvor_sftp_check(L, &request->call);
    if (failed)
        return failed;
    salvor_sftp_read_attrs(&reader, &attrs);
    if (request->answer_type != SALVOR_SFTP_ATTRS || reader.bad)
        return fail_unexpected(L);
    salvor_push_sftp_attrs(L, &attrs);
    return 1;
}

int salvor_sftp_lua_stat(lua_State *L)
{
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    const char *path = salvor_check_sftp_path(L, 2);
    struct salvor_sftp_request *request =
        new_request(L, lua_toboolean(L, 3) ? SALVOR_SFTP_LSTAT : SALVOR_SFTP_STAT);
    put_text(request, path);
    return run_request(L, sftp, request, after_stat);
}

/* statvfs@openssh.com (PROTOCOL of OpenSSH, 4.3): bsize, frsize, blocks, bfree, bavail, ... */
static int after_space(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    const struct salvor_sftp_request *request = (const struct salvor_sftp_request *)context;
    struct salvor_sftp_reader reader = answer_of(request);
    int failed = salvor_sftp_check(L, &request->call);
    if (failed)
        return failed;
    salvor_sftp_read_u64(&reader);
    uint64_t unit = salvor_sftp_read_u64(&reader);
    salvor_sftp_read_u64(&reader);
    salvor_sftp_read_u64(&reader);
    uint64_t available = salvor_sftp_read_u64(&reader);
    if (request->answer_type != SALVOR_SFTP_EXTENDED_REPLY || reader.bad)
        return fail_unexpected(L);
    lua_pushnumber(L, (lua_Number)unit * (lua_Number)available);
    return 1;
}

int salvor_sftp_lua_space(lua_State *L)
{
    struct salvor_sftp *sftp = salvor_check_sftp(L);
    const char *path = salvor_check_sftp_path(L, 2);
    struct salvor_sftp_request *request = new_request(L, SALVOR_SFTP_EXTENDED);
    put_text(request, "statvfs@openssh.com");
    put_text(request, path);
    return run_request(L, sftp, request, after_space);
}
