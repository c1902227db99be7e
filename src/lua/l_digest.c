/* salvor.digest: checksums, signatures of messages, base64. */
#include <stdbool.h>
#include <stdint.h>

#include "data/base64.h"
#include "data/digest.h"
#include "lua/binding.h"
#include "lua/block.h"
#include "lua/job.h"
#include "lua/modules.h"

#define DIGEST_METATABLE "salvor.digest"

enum { LARGE_BLOCK = 64 << 10 };

struct digest_object {
    struct salvor_digest digest;
    bool busy; /* a thread adds a block to it */
};

static void push_hex(lua_State *L, const unsigned char *value, size_t size)
{
    char text[SALVOR_DIGEST_HEX_MAX];
    salvor_hex(text, value, size);
    lua_pushstring(L, text);
}

/* <algorithm>(data) -> hex; the algorithm's name is the upvalue */
static int digest_data(lua_State *L)
{
    struct salvor_error err;
    unsigned char value[SALVOR_DIGEST_MAX];
    size_t size, value_size;
    const char *data = luaL_checklstring(L, 1, &size);
    if (salvor_digest_data(value, &value_size, lua_tostring(L, lua_upvalueindex(1)), data, size,
                           &err) < 0)
        return luaL_error(L, "%s", err.message);
    push_hex(L, value, value_size);
    return 1;
}

/* hmac_sha256(key, data) -> hex */
static int digest_hmac_sha256(lua_State *L)
{
    struct salvor_error err;
    unsigned char value[SALVOR_SHA256_SIZE];
    size_t key_size, size;
    const char *key = luaL_checklstring(L, 1, &key_size);
    const char *data = luaL_checklstring(L, 2, &size);
    if (salvor_hmac_sha256(value, key, key_size, data, size, &err) < 0)
        return luaL_error(L, "%s", err.message);
    push_hex(L, value, sizeof(value));
    return 1;
}

/* file(algorithm, path) -> hex | nil, err */
static int digest_file(lua_State *L)
{
    struct salvor_error err;
    unsigned char value[SALVOR_DIGEST_MAX];
    size_t size;
    const char *algorithm = luaL_checkstring(L, 1);
    const char *path = salvor_check_path(L, 2);
    if (salvor_digest_file(value, &size, algorithm, path, &err) < 0) {
        salvor_error_op(&err, "digest.file");
        return salvor_fail(L, &err);
    }
    push_hex(L, value, size);
    return 1;
}

/* base64(data) -> text */
static int digest_base64(lua_State *L)
{
    struct salvor_error err;
    size_t size;
    const char *data = luaL_checklstring(L, 1, &size);
    struct salvor_buffer *out = salvor_box_buffer(L, SIZE_MAX / 2);
    if (salvor_base64_encode(out, data, size, &err) < 0)
        return luaL_error(L, "%s", err.message);
    lua_pushlstring(L, out->data, out->size);
    return 1;
}

/* unbase64(text) -> data | nil, err */
static int digest_unbase64(lua_State *L)
{
    struct salvor_error err;
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    struct salvor_buffer *out = salvor_box_buffer(L, SIZE_MAX / 2);
    if (salvor_base64_decode(out, text, size, &err) < 0) {
        salvor_error_op(&err, "digest.unbase64");
        return salvor_fail(L, &err);
    }
    lua_pushlstring(L, out->data, out->size);
    return 1;
}

/* new(algorithm) -> object; an unknown algorithm raises */
static int digest_new(lua_State *L)
{
    struct salvor_error err;
    const char *algorithm = luaL_checkstring(L, 1);
    struct digest_object *object = lua_newuserdatauv(L, sizeof(*object), 0);
    *object = (struct digest_object){0};
    luaL_setmetatable(L, DIGEST_METATABLE);
    if (salvor_digest_init(&object->digest, algorithm, &err) < 0)
        luaL_argerror(L, 1, err.message);
    return 1;
}

static int object_gc(lua_State *L)
{
    struct digest_object *object = luaL_checkudata(L, 1, DIGEST_METATABLE);
    salvor_digest_release(&object->digest);
    return 0;
}

static struct digest_object *check_object(lua_State *L)
{
    struct digest_object *object = luaL_checkudata(L, 1, DIGEST_METATABLE);
    luaL_argcheck(L, !object->busy, 1, "another task adds to this digest");
    return object;
}

struct update {
    struct salvor_job job;
    struct salvor_block_hold hold;
    struct digest_object *object;
    size_t offset, size;
};

static void release_update(struct salvor_job *job)
{
    struct update *update = (struct update *)job;
    salvor_block_drop(&update->hold);
    if (update->object)
        update->object->busy = false;
}

static void run_update(struct salvor_job *job)
{
    struct update *update = (struct update *)job;
    job->result = salvor_block_digest(&update->object->digest, update->hold.block, update->offset,
                                      update->size, &job->stop, &job->failure);
}

static int after_update(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct update *update = (struct update *)context;
    if (update->job.result < 0)
        return luaL_error(L, "%s", update->job.failure.message);
    lua_pushvalue(L, 1);
    return 1;
}

/* A block (lua/block.h), or with an offset and a length a piece of one; in a thread when large. */
static int update_with_block(lua_State *L, struct digest_object *object)
{
    struct update *update = salvor_job_new(L, sizeof(*update), release_update);
    const struct salvor_block *block = salvor_hold_block(L, 2, &update->hold, SALVOR_BLOCK_READ);
    update->offset = salvor_check_piece(L, 3, block, &update->size);
    update->object = object;
    object->busy = true;
    update->job.computes = true;
    if (update->size < LARGE_BLOCK)
        return salvor_job_run_here(L, &update->job, run_update, after_update);
    return salvor_job_run(L, &update->job, run_update, after_update);
}

/* object:update(data) -> object; raises after hex() */
static int object_update(lua_State *L)
{
    struct salvor_error err;
    struct digest_object *object = check_object(L);
    size_t size;
    if (object->digest.size)
        return luaL_error(L, "update after hex");
    lua_settop(L, 4);
    if (salvor_test_block(L, 2))
        return update_with_block(L, object);
    const char *data = luaL_checklstring(L, 2, &size);
    if (salvor_digest_update(&object->digest, data, size, &err) < 0)
        return luaL_error(L, "%s", err.message);
    lua_settop(L, 1);
    return 1;
}

/* object:hex() -> the digest of all that was added */
static int object_hex(lua_State *L)
{
    struct salvor_error err;
    struct digest_object *object = check_object(L);
    if (salvor_digest_finish(&object->digest, &err) < 0)
        return luaL_error(L, "%s", err.message);
    push_hex(L, object->digest.value, object->digest.size);
    return 1;
}

static void make_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"update", object_update}, {"hex", object_hex}, {NULL, NULL}};
    luaL_newmetatable(L, DIGEST_METATABLE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, object_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

int luaopen_salvor_digest(lua_State *L)
{
    static const char *const algorithms[] = {"md5", "sha1", "sha256", "sha512"};
    static const luaL_Reg functions[] = {
        {"hmac_sha256", digest_hmac_sha256}, {"file", digest_file}, {"base64", digest_base64},
        {"unbase64", digest_unbase64},       {"new", digest_new},   {NULL, NULL}};
    make_metatable(L);
    luaL_newlib(L, functions);
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        lua_pushstring(L, algorithms[i]);
        lua_pushcclosure(L, digest_data, 1);
        lua_setfield(L, -2, algorithms[i]);
    }
    return 1;
}
