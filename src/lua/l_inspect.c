/*
 * salvor.inspect: what is in a stream of blocks (data/inspect.h), found out by a thread. The module
 * salvor.archive (lua/salvor/archive.lua) is what scripts use.
 *
 *     inspect.new{compression=, tar=, digest=, packed_digest=, entries=} -> inspection
 *     inspection:feed(block) -> "more", "end" or "entries": then take these, and call feed() again
 *     inspection:entries() -> {{name=, type=, size=, mode=, modified=}...}
 *     inspection:finish() -> {packed=, size=, ...}, or nil and an error, or false: as "entries"
 *     inspection:close(), a <close> variable does it too
 */
#include <stdlib.h>
#include <string.h>

#include "data/inspect.h"
#include "loop/handoff.h"
#include "loop/worker.h"
#include "lua/binding.h"
#include "lua/block.h"
#include "lua/modules.h"
#include "lua/task.h"

#define INSPECT_METATABLE "salvor.inspect"

struct inspection {
    struct salvor_worker worker;
    struct salvor_handoff handoff;
    struct salvor_block_hold hold; /* of the block that the worker has */
    struct salvor_inspect inspect;
    struct salvor_stop stop;
    bool closed, ended;
    /* The worker's while it runs. */
    int result;
    struct salvor_error failure;
};

/* An entry as the worker tells of it; the name follows. */
struct told {
    int64_t size, modified;
    unsigned mode;
    enum salvor_archive_type type;
    size_t name_size;
};

enum { NAME_MAX_TOLD = 32 << 10 };

/* In the worker's thread */

static ssize_t take(void *context, const void **data, struct salvor_error *err)
{
    struct inspection *inspection = context;
    ssize_t size = salvor_handoff_take(data, &inspection->handoff);
    return size < 0 ? salvor_error_set(err, "Cancelled", "given up") : size;
}

static int tell(void *context, const struct salvor_archive_entry *entry, struct salvor_error *err)
{
    struct inspection *inspection = context;
    char text[sizeof(struct told) + NAME_MAX_TOLD];
    struct told told = {.size = entry->size,
                        .modified = entry->mtime,
                        .mode = entry->mode,
                        .type = entry->type,
                        .name_size = strnlen(entry->name, NAME_MAX_TOLD)};
    memcpy(text, &told, sizeof(told));
    memcpy(text + sizeof(told), entry->name, told.name_size);
    return salvor_handoff_say(&inspection->handoff, text, sizeof(told) + told.name_size, err);
}

static void run(void *context)
{
    struct inspection *inspection = context;
    inspection->result = salvor_inspect_run(&inspection->inspect, &inspection->failure);
    salvor_handoff_leave(&inspection->handoff);
}

/* In the loop's */

static bool stop(void *context)
{
    struct inspection *inspection = context;
    salvor_stop_ask(&inspection->stop);
    salvor_handoff_stop(&inspection->handoff);
    return false; /* it computes, so it ends soon */
}

static void release(struct inspection *inspection)
{
    inspection->closed = true;
    salvor_worker_release(&inspection->worker);
    salvor_handoff_release(&inspection->handoff);
    salvor_block_drop(&inspection->hold);
}

static int inspect_close(lua_State *L)
{
    release(luaL_checkudata(L, 1, INSPECT_METATABLE));
    return 0;
}

static struct inspection *check_inspection(lua_State *L)
{
    struct inspection *inspection = luaL_checkudata(L, 1, INSPECT_METATABLE);
    luaL_argcheck(L, !inspection->closed, 1, "the inspection was closed");
    luaL_argcheck(L, inspection->handoff.op.done, 1, "another task waits for this inspection");
    return inspection;
}

static const char *check_digest(lua_State *L, const char *option)
{
    static const char *const names[] = {"md5", "sha1", "sha256", "sha512"};
    const char *name = salvor_option_string(L, 1, option, NULL);
    if (!name)
        return NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(name, names[i]))
            return names[i];
    luaL_error(L, "option '%s': no digest \"%s\"", option, name);
    return NULL;
}

static void read_options(lua_State *L, struct salvor_inspect *inspect)
{
    static const char *const options[] = {"compression",   "tar",     "digest",
                                          "packed_digest", "entries", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    salvor_check_options(L, 1, options);
    const char *compression = salvor_option_string(L, 1, "compression", NULL);
    inspect->guess = !compression || !strcmp(compression, "auto");
    if (!inspect->guess && !salvor_compression_find(&inspect->compression, compression))
        luaL_error(L, "option 'compression': \"%s\" is not known", compression);
    inspect->tar = salvor_option_boolean(L, 1, "tar", false);
    inspect->digest = check_digest(L, "digest");
    inspect->packed_digest = check_digest(L, "packed_digest");
    inspect->entry = salvor_option_boolean(L, 1, "entries", false) ? tell : NULL;
}

static int start(lua_State *L, struct inspection *inspection, struct salvor_error *err)
{
    static const struct salvor_work work = {.run = run, .stop = stop};
    if (salvor_handoff_init(&inspection->handoff, salvor_get_loop(L), err) < 0)
        return -1;
    return salvor_worker_start(&inspection->worker, salvor_get_loop(L), &work, inspection, err);
}

static int inspect_new(lua_State *L)
{
    struct salvor_error err;
    struct salvor_inspect wanted = {0};
    read_options(L, &wanted);
    struct inspection *inspection = lua_newuserdatauv(L, sizeof(*inspection), 1);
    memset(inspection, 0, sizeof(*inspection));
    inspection->inspect = wanted;
    inspection->inspect.source = take;
    inspection->inspect.context = inspection;
    inspection->inspect.stop = &inspection->stop;
    inspection->worker.op.done = inspection->handoff.op.done = true;
    luaL_setmetatable(L, INSPECT_METATABLE);
    if (start(L, inspection, &err) == 0)
        return 1;
    release(inspection);
    return salvor_fail(L, &err);
}

static int after_feed(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct inspection *inspection = (struct inspection *)context;
    luaL_argcheck(L, !inspection->closed, 1, "the inspection was closed");
    enum salvor_handoff_state state = salvor_handoff_state(&inspection->handoff);
    if (state == SALVOR_HANDOFF_HEAR) {
        lua_pushstring(L, "entries");
        return 1;
    }
    salvor_block_drop(&inspection->hold);
    lua_pushnil(L);
    lua_setiuservalue(L, 1, 1);
    lua_pushstring(L, state == SALVOR_HANDOFF_LEFT ? "end" : "more");
    return 1;
}

/* feed([block]) -> "more" | "end" | "entries" */
static int inspect_feed(lua_State *L)
{
    struct inspection *inspection = check_inspection(L);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_argcheck(L, !inspection->hold.block, 2, "the block before is still in use");
        luaL_argcheck(L, !inspection->ended, 1, "feed after finish");
        struct salvor_block *block = salvor_hold_block(L, 2, &inspection->hold, SALVOR_BLOCK_READ);
        lua_pushvalue(L, 2);
        lua_setiuservalue(L, 1, 1); /* it must not be collected */
        /* An empty piece would say that this is the end. */
        if (block->size)
            salvor_handoff_give(&inspection->handoff, block->data, block->size);
    }
    salvor_handoff_wait(&inspection->handoff);
    if (inspection->handoff.op.done)
        return after_feed(L, LUA_OK, (lua_KContext)inspection);
    return salvor_wait(L, &inspection->handoff.op, after_feed, (lua_KContext)inspection);
}

static void push_entry(lua_State *L, const struct told *told, const char *name)
{
    static const char *const types[] = {[SALVOR_ARCHIVE_FILE] = "file",
                                        [SALVOR_ARCHIVE_FOLDER] = "folder",
                                        [SALVOR_ARCHIVE_LINK] = "link",
                                        [SALVOR_ARCHIVE_HARD_LINK] = "hard link",
                                        [SALVOR_ARCHIVE_OTHER] = "other"};
    lua_createtable(L, 0, 5);
    lua_pushlstring(L, name, told->name_size);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, types[told->type]);
    lua_setfield(L, -2, "type");
    lua_pushinteger(L, told->size);
    lua_setfield(L, -2, "size");
    lua_pushinteger(L, told->mode);
    lua_setfield(L, -2, "mode");
    lua_pushinteger(L, told->modified);
    lua_setfield(L, -2, "modified");
}

/* entries() -> those that were met since the last call */
static int inspect_entries(lua_State *L)
{
    struct inspection *inspection = check_inspection(L);
    struct salvor_buffer *said = salvor_box_buffer(L, 0);
    salvor_handoff_hear(said, &inspection->handoff);
    lua_newtable(L);
    lua_Integer count = 0;
    for (size_t at = 0; at < said->size;) {
        struct told told;
        memcpy(&told, said->data + at, sizeof(told));
        push_entry(L, &told, said->data + at + sizeof(told));
        lua_rawseti(L, -2, ++count);
        at += sizeof(told) + told.name_size;
    }
    return 1;
}

static int push_summary(lua_State *L, const struct salvor_inspect *inspect)
{
    lua_createtable(L, 0, 6);
    lua_pushinteger(L, inspect->packed);
    lua_setfield(L, -2, "packed");
    lua_pushinteger(L, inspect->size);
    lua_setfield(L, -2, "size");
    lua_pushstring(L, salvor_compression_name(inspect->compression));
    lua_setfield(L, -2, "compression");
    if (inspect->tar) {
        lua_pushinteger(L, inspect->entries);
        lua_setfield(L, -2, "entries");
    }
    if (inspect->digest) {
        lua_pushstring(L, inspect->hex);
        lua_setfield(L, -2, "digest");
    }
    if (inspect->packed_digest) {
        lua_pushstring(L, inspect->packed_hex);
        lua_setfield(L, -2, "packed_digest");
    }
    return 1;
}

static int after_end(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct inspection *inspection = (struct inspection *)context;
    luaL_argcheck(L, !inspection->closed, 1, "the inspection was closed");
    if (inspection->result == 0)
        return push_summary(L, &inspection->inspect);
    salvor_error_op(&inspection->failure, "archive.check");
    return salvor_fail(L, &inspection->failure);
}

static int after_finish(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct inspection *inspection = (struct inspection *)context;
    luaL_argcheck(L, !inspection->closed, 1, "the inspection was closed");
    if (salvor_handoff_state(&inspection->handoff) == SALVOR_HANDOFF_HEAR) {
        lua_pushboolean(L, 0);
        return 1;
    }
    salvor_block_drop(&inspection->hold);
    if (!inspection->worker.running)
        return after_end(L, LUA_OK, context);
    return salvor_wait(L, &inspection->worker.op, after_end, context);
}

static int inspect_finish(lua_State *L)
{
    struct inspection *inspection = check_inspection(L);
    lua_settop(L, 1);
    inspection->ended = true;
    salvor_handoff_end(&inspection->handoff);
    salvor_handoff_wait(&inspection->handoff);
    if (inspection->handoff.op.done)
        return after_finish(L, LUA_OK, (lua_KContext)inspection);
    return salvor_wait(L, &inspection->handoff.op, after_finish, (lua_KContext)inspection);
}

int luaopen_salvor_inspect(lua_State *L)
{
    static const luaL_Reg methods[] = {{"feed", inspect_feed},
                                       {"entries", inspect_entries},
                                       {"finish", inspect_finish},
                                       {"close", inspect_close},
                                       {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", inspect_close}, {"__close", inspect_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"new", inspect_new}, {NULL, NULL}};
    luaL_newmetatable(L, INSPECT_METATABLE);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
