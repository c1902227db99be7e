/* Removals of salvor.local (l_local.c): many objects in one call. */
#include <stdlib.h>

#include "lua/binding.h"
#include "lua/job.h"
#include "lua/local.h"

struct removal {
    struct salvor_job job;
    struct salvor_local_root_object *root;
    const char **paths; /* of strings in a list on the stack */
    struct salvor_error **errors;
    size_t count;
};

static void release_removal(struct salvor_job *job)
{
    struct removal *removal = (struct removal *)job;
    for (size_t i = 0; removal->errors && i < removal->count; i++)
        free(removal->errors[i]);
    free(removal->errors);
    free(removal->paths);
    salvor_local_root_leave(removal->root);
}

static void run_removal(struct salvor_job *job)
{
    struct removal *removal = (struct removal *)job;
    struct salvor_error err;
    for (size_t i = 0; i < removal->count && !salvor_stop_asked(&job->stop); i++) {
        if (salvor_local_remove(&removal->root->root, removal->paths[i], &job->stop, &err) == 0)
            continue;
        removal->errors[i] = malloc(sizeof(err));
        if (!removal->errors[i]) {
            job->result = salvor_error_memory(&job->failure);
            return;
        }
        *removal->errors[i] = err;
    }
}

static int after_removal(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    struct removal *removal = (struct removal *)context;
    int failed = salvor_job_check(L, &removal->job, "");
    if (failed)
        return failed;
    lua_newtable(L);
    for (size_t i = 0; i < removal->count; i++) {
        if (!removal->errors[i])
            continue;
        lua_createtable(L, 0, 2);
        lua_pushstring(L, removal->paths[i]);
        lua_setfield(L, -2, "path");
        salvor_push_error(L, removal->errors[i]);
        lua_setfield(L, -2, "err");
        lua_rawseti(L, -2, luaL_len(L, -2) + 1);
    }
    return 1;
}

int salvor_local_remove_all(lua_State *L)
{
    struct salvor_error err;
    struct salvor_local_root_object *root = salvor_check_local_root(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    size_t count = lua_rawlen(L, 2);
    lua_newtable(L); /* the caller's own may change meanwhile */
    struct removal *removal = salvor_job_new(L, sizeof(*removal), release_removal);
    removal->root = root;
    salvor_local_root_use(root);
    removal->paths = calloc(count + 1, sizeof(*removal->paths));
    removal->errors = calloc(count + 1, sizeof(*removal->errors));
    if (!removal->paths || !removal->errors) {
        salvor_error_memory(&err);
        return salvor_fail(L, &err);
    }
    removal->count = count;
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "a list of paths expected");
        removal->paths[i] = salvor_check_path(L, -1);
        lua_rawseti(L, 3, (lua_Integer)i + 1);
    }
    return salvor_job_run(L, &removal->job, run_removal, after_removal);
}
