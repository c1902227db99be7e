/* Lists of salvor.local (l_local.c): what lies below a folder, page by page. */
#include <string.h>

#include "lua/binding.h"
#include "lua/job.h"
#include "lua/local.h"
#include "store/local/walk.h"

#define WALK_METATABLE "salvor.local.walk"

enum { PAGE_MAX = 1000 };

struct walk_object {
    struct salvor_local_walk walk;
    bool busy;
};

struct listing {
    struct salvor_job job;
    struct salvor_local_root_object *root;
    struct walk_object *object;
    struct salvor_local_page page;
    const char *prefix; /* NULL: the walk is open */
    size_t count;
    bool one_level, more;
};

static void release_listing(struct salvor_job *job)
{
    struct listing *listing = (struct listing *)job;
    salvor_local_page_release(&listing->page);
    if (listing->object)
        listing->object->busy = false;
    salvor_local_root_leave(listing->root);
}

static void run_listing(struct salvor_job *job)
{
    struct listing *listing = (struct listing *)job;
    struct salvor_local_walk *walk = &listing->object->walk;
    salvor_local_page_init(&listing->page);
    if (listing->prefix)
        job->result = salvor_local_walk_open(walk, &listing->root->root, listing->prefix,
                                             listing->one_level, &job->stop, &job->failure);
    if (job->result == 0)
        job->result =
            salvor_local_walk_next(walk, &listing->page, &listing->root->root, listing->count,
                                   &listing->more, &job->stop, &job->failure);
}

static int after_listing(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct listing *listing = (struct listing *)context;
    if (salvor_job_check(L, &listing->job, "")) {
        /* Which folder it was. */
        lua_pushlstring(L, listing->object->walk.path.data, listing->object->walk.path.size);
        lua_setfield(L, -2, "path");
        return 2;
    }
    lua_createtable(L, (int)listing->page.count, 0);
    for (size_t i = 0; i < listing->page.count; i++) {
        const struct salvor_local_found *found = &listing->page.found[i];
        salvor_push_local_item(L, listing->page.names.data + found->name, &found->item);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    if (!listing->more)
        return 1;
    lua_pushvalue(L, 5);
    return 2;
}

int salvor_local_list(lua_State *L)
{
    lua_settop(L, 5);
    struct salvor_local_root_object *root = salvor_check_local_root(L);
    const char *prefix = salvor_check_path(L, 2);
    lua_Integer count = luaL_checkinteger(L, 4);
    luaL_argcheck(L, count >= 1 && count <= PAGE_MAX, 4, "from 1 to 1000 expected");
    bool is_new = lua_isnil(L, 5);
    if (is_new) {
        struct walk_object *object = lua_newuserdatauv(L, sizeof(*object), 0);
        memset(object, 0, sizeof(*object));
        luaL_setmetatable(L, WALK_METATABLE);
        lua_replace(L, 5);
    }
    struct walk_object *object = luaL_checkudata(L, 5, WALK_METATABLE);
    luaL_argcheck(L, !object->busy, 5, "another task goes on with this list");
    struct listing *listing = salvor_job_new(L, sizeof(*listing), release_listing);
    listing->root = root;
    salvor_local_root_use(root);
    listing->object = object;
    object->busy = true;
    listing->prefix = is_new ? prefix : NULL;
    listing->one_level = lua_toboolean(L, 3);
    listing->count = (size_t)count;
    return salvor_job_run(L, &listing->job, run_listing, after_listing);
}

static int walk_gc(lua_State *L)
{
    struct walk_object *object = luaL_checkudata(L, 1, WALK_METATABLE);
    salvor_local_walk_close(&object->walk);
    return 0;
}

void salvor_local_walk_metatable(lua_State *L)
{
    luaL_newmetatable(L, WALK_METATABLE);
    lua_pushcfunction(L, walk_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
