/*
 * salvor.block: blocks of memory that bytes travel in between stores, and salvor.store's own affair.
 *
 *     block.new(capacity) -> block       #block, block:capacity()
 *     block:set(text), block:text([offset [, length]]), block:clear()
 *     block:copy(from [, offset [, length]])   what is in another block takes the place of this one's
 *     block:digest("md5", "sha256"...) -> {md5 = hex, sha256 = hex}, in a thread when it is large
 *     block:release(), a <close> variable does it too
 */
#include "lua/block.h"

#include <string.h>

#include "data/digest.h"
#include "lua/binding.h"
#include "lua/job.h"
#include "lua/modules.h"

#define BLOCK_METATABLE "salvor.block"

enum { ALGORITHMS = 4, LARGE = 64 << 10 };

struct salvor_block *salvor_test_block(lua_State *L, int index)
{
    return luaL_testudata(L, index, BLOCK_METATABLE);
}

static void raise_in_use(lua_State *L, int index, const struct salvor_block *block)
{
    luaL_argerror(L, index,
                  block->data && !block->released ? "the block is used by another operation"
                                                  : "the block was released");
}

struct salvor_block *salvor_hold_block(lua_State *L, int index, struct salvor_block_hold *hold,
                                       enum salvor_block_use use)
{
    struct salvor_block *block = luaL_checkudata(L, index, BLOCK_METATABLE);
    if (!salvor_block_take(hold, block, use))
        raise_in_use(L, index, block);
    return block;
}

struct salvor_block *salvor_check_block(lua_State *L, int index, enum salvor_block_use use)
{
    struct salvor_block_hold hold;
    struct salvor_block *block = salvor_hold_block(L, index, &hold, use);
    salvor_block_drop(&hold);
    return block;
}

/* new(capacity) -> block */
static int block_new(lua_State *L)
{
    struct salvor_error err;
    lua_Integer capacity = luaL_checkinteger(L, 1);
    luaL_argcheck(L, capacity > 0, 1, "a number of bytes from 1 expected");
    struct salvor_block *block = lua_newuserdatauv(L, sizeof(*block), 0);
    *block = (struct salvor_block){0};
    luaL_setmetatable(L, BLOCK_METATABLE);
    if (salvor_block_init(block, (size_t)capacity, &err) < 0)
        return salvor_fail(L, &err);
    return 1;
}

/* release(): a second call does nothing; who still uses the block does so to his end */
static int block_release(lua_State *L)
{
    salvor_block_release(luaL_checkudata(L, 1, BLOCK_METATABLE));
    return 0;
}

static int block_len(lua_State *L)
{
    const struct salvor_block *block = luaL_checkudata(L, 1, BLOCK_METATABLE);
    lua_pushinteger(L, (lua_Integer)block->size);
    return 1;
}

static int block_capacity(lua_State *L)
{
    const struct salvor_block *block = luaL_checkudata(L, 1, BLOCK_METATABLE);
    lua_pushinteger(L, (lua_Integer)block->capacity);
    return 1;
}

/* set(text) -> block */
static int block_set(lua_State *L)
{
    size_t size;
    struct salvor_block *block = salvor_check_block(L, 1, SALVOR_BLOCK_WRITE);
    const char *text = luaL_checklstring(L, 2, &size);
    luaL_argcheck(L, size <= block->capacity, 2, "more than the block's capacity");
    memcpy(block->data, text, size);
    block->size = size;
    lua_settop(L, 1);
    return 1;
}

static int block_clear(lua_State *L)
{
    salvor_check_block(L, 1, SALVOR_BLOCK_WRITE)->size = 0;
    lua_settop(L, 1);
    return 1;
}

size_t salvor_check_piece(lua_State *L, int index, const struct salvor_block *block, size_t *size)
{
    lua_Integer offset = luaL_optinteger(L, index, 0);
    luaL_argcheck(L, offset >= 0 && (size_t)offset <= block->size, index, "beyond the block's end");
    lua_Integer rest = (lua_Integer)block->size - offset;
    lua_Integer length = luaL_optinteger(L, index + 1, rest);
    luaL_argcheck(L, length >= 0 && length <= rest, index + 1, "beyond the block's end");
    *size = (size_t)length;
    return (size_t)offset;
}

/* text([offset [, length]]) -> the bytes as a string */
static int block_text(lua_State *L)
{
    size_t size;
    const struct salvor_block *block = salvor_check_block(L, 1, SALVOR_BLOCK_READ);
    size_t offset = salvor_check_piece(L, 2, block, &size);
    lua_pushlstring(L, block->data + offset, size);
    return 1;
}

/* copy(from [, offset [, length]]) -> block */
static int block_copy(lua_State *L)
{
    size_t size;
    struct salvor_block *block = salvor_check_block(L, 1, SALVOR_BLOCK_WRITE);
    const struct salvor_block *from = salvor_check_block(L, 2, SALVOR_BLOCK_READ);
    size_t offset = salvor_check_piece(L, 3, from, &size);
    luaL_argcheck(L, size <= block->capacity, 2, "more than the block's capacity");
    memmove(block->data, from->data + offset, size);
    block->size = size;
    lua_settop(L, 1);
    return 1;
}

struct digests {
    struct salvor_job job;
    struct salvor_block_hold hold;
    const char *names[ALGORITHMS]; /* of strings on the stack */
    struct salvor_digest digests[ALGORITHMS];
    int count;
};

static void release_digests(struct salvor_job *job)
{
    struct digests *digests = (struct digests *)job;
    salvor_block_drop(&digests->hold);
    for (int i = 0; i < digests->count; i++)
        salvor_digest_release(&digests->digests[i]);
}

static void run_digests(struct salvor_job *job)
{
    struct digests *digests = (struct digests *)job;
    const struct salvor_block *block = digests->hold.block;
    for (int i = 0; i < digests->count && job->result == 0; i++) {
        job->result = salvor_block_digest(&digests->digests[i], block, 0, block->size, &job->stop,
                                          &job->failure);
        if (job->result == 0)
            job->result = salvor_digest_finish(&digests->digests[i], &job->failure);
    }
}

static int after_digests(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct digests *digests = (struct digests *)context;
    int failed = salvor_job_check(L, &digests->job, "block.digest");
    if (failed)
        return failed;
    lua_createtable(L, 0, digests->count);
    for (int i = 0; i < digests->count; i++) {
        char hex[SALVOR_DIGEST_HEX_MAX];
        salvor_hex(hex, digests->digests[i].value, digests->digests[i].size);
        lua_pushstring(L, hex);
        lua_setfield(L, -2, digests->names[i]);
    }
    return 1;
}

/* digest(algorithm...) -> {algorithm = hex...} */
static int block_digest(lua_State *L)
{
    struct salvor_error err;
    int count = lua_gettop(L) - 1;
    luaL_argcheck(L, count >= 1 && count <= ALGORITHMS, 2, "one to four algorithms expected");
    struct digests *digests = salvor_job_new(L, sizeof(*digests), release_digests);
    struct salvor_block *block = salvor_hold_block(L, 1, &digests->hold, SALVOR_BLOCK_READ);
    for (int i = 0; i < count; i++) {
        digests->names[i] = luaL_checkstring(L, i + 2);
        digests->count = i + 1;
        if (salvor_digest_init(&digests->digests[i], digests->names[i], &err) < 0)
            return luaL_argerror(L, i + 2, err.message);
    }
    digests->job.computes = true;
    if (block->size < LARGE)
        return salvor_job_run_here(L, &digests->job, run_digests, after_digests);
    return salvor_job_run(L, &digests->job, run_digests, after_digests);
}

int luaopen_salvor_block(lua_State *L)
{
    static const luaL_Reg methods[] = {{"capacity", block_capacity}, {"set", block_set},
                                       {"text", block_text},         {"clear", block_clear},
                                       {"copy", block_copy},         {"digest", block_digest},
                                       {"release", block_release},   {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", block_release}, {"__close", block_release}, {"__len", block_len}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"new", block_new}, {NULL, NULL}};
    luaL_newmetatable(L, BLOCK_METATABLE);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
