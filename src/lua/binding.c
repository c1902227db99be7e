#include "lua/binding.h"

#include <stdalign.h>
#include <string.h>

#include "lua/errors.h"

struct box {
    void (*release)(void *object);
    alignas(max_align_t) char object[];
};

static int box_close(lua_State *L)
{
    struct box *box = lua_touserdata(L, 1);
    void (*release)(void *) = box->release;
    box->release = NULL;
    if (release)
        release(box->object);
    return 0;
}

#define BOX_METATABLE "salvor.box"

/* Made beforehand, since one that lack of memory left half made would let boxes leak from then on. */
void salvor_binding_install(lua_State *L)
{
    luaL_newmetatable(L, BOX_METATABLE);
    lua_pushcfunction(L, box_close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, box_close);
    lua_setfield(L, -2, "__close");
    lua_pop(L, 1);
}

void *salvor_box(lua_State *L, size_t size, void (*release)(void *object))
{
    struct box *box = lua_newuserdatauv(L, sizeof(*box) + size, 0);
    memset(box, 0, sizeof(*box) + size);
    luaL_setmetatable(L, BOX_METATABLE);
    lua_toclose(L, -1);
    box->release = release;
    return box->object;
}

static void release_buffer(void *object)
{
    salvor_buffer_release(object);
}

struct salvor_buffer *salvor_box_buffer(lua_State *L, size_t limit)
{
    struct salvor_buffer *buffer = salvor_box(L, sizeof(*buffer), release_buffer);
    salvor_buffer_init(buffer, limit);
    return buffer;
}

void salvor_push_error(lua_State *L, const struct salvor_error *err)
{
    lua_createtable(L, 0, 6);
    lua_pushstring(L, err->code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, err->message);
    lua_setfield(L, -2, "message");
    if (err->op[0]) {
        lua_pushstring(L, err->op);
        lua_setfield(L, -2, "op");
    }
    if (err->hint[0]) {
        lua_pushstring(L, err->hint);
        lua_setfield(L, -2, "hint");
    }
    if (err->status) {
        lua_pushinteger(L, err->status);
        lua_setfield(L, -2, "status");
    }
    lua_pushboolean(L, err->retryable);
    lua_setfield(L, -2, "retryable");
    luaL_setmetatable(L, SALVOR_ERROR_METATABLE);
}

int salvor_raise(lua_State *L, const struct salvor_error *err)
{
    salvor_push_error(L, err);
    return lua_error(L);
}

int salvor_fail(lua_State *L, const struct salvor_error *err)
{
    lua_pushnil(L);
    salvor_push_error(L, err);
    return 2;
}

static bool is_known(const char *key, const char *const names[])
{
    for (; *names; names++)
        if (!strcmp(key, *names))
            return true;
    return false;
}

static int unknown_option(lua_State *L, int index, const char *key, const char *const names[])
{
    luaL_Buffer known;
    luaL_buffinit(L, &known);
    for (size_t i = 0; names[i]; i++) {
        luaL_addstring(&known, i ? ", " : "");
        luaL_addstring(&known, names[i]);
    }
    luaL_pushresult(&known);
    const char *text =
        lua_pushfstring(L, "unknown option '%s'; known are %s", key, lua_tostring(L, -1));
    return luaL_argerror(L, index, text);
}

void salvor_check_options(lua_State *L, int index, const char *const names[])
{
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_argerror(L, index, "option names are strings");
        const char *key = lua_tostring(L, -1);
        if (!is_known(key, names))
            unknown_option(L, index, key, names);
    }
}

/* Pushes the option and returns its type; LUA_TNIL for an absent table too. */
static int push_option(lua_State *L, int index, const char *name)
{
    if (!lua_istable(L, index)) {
        lua_pushnil(L);
        return LUA_TNIL;
    }
    return lua_getfield(L, index, name);
}

static void wrong_type(lua_State *L, int index, const char *name, const char *expected)
{
    luaL_argerror(L, index,
                  lua_pushfstring(L, "option '%s': %s expected, got %s", name, expected,
                                  luaL_typename(L, -1)));
}

bool salvor_option_boolean(lua_State *L, int index, const char *name, bool fallback)
{
    int type = push_option(L, index, name);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        wrong_type(L, index, name, "boolean");
    bool value = type == LUA_TNIL ? fallback : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

lua_Integer salvor_option_integer(lua_State *L, int index, const char *name, lua_Integer fallback)
{
    int type = push_option(L, index, name);
    int is_integer = 1;
    lua_Integer value = type == LUA_TNIL ? fallback : lua_tointegerx(L, -1, &is_integer);
    if (type != LUA_TNIL && (type != LUA_TNUMBER || !is_integer))
        wrong_type(L, index, name, "integer");
    lua_pop(L, 1);
    return value;
}

lua_Number salvor_option_number(lua_State *L, int index, const char *name, lua_Number fallback)
{
    int type = push_option(L, index, name);
    if (type != LUA_TNIL && type != LUA_TNUMBER)
        wrong_type(L, index, name, "number");
    lua_Number value = type == LUA_TNIL ? fallback : lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

const char *salvor_option_string(lua_State *L, int index, const char *name, size_t *size)
{
    int type = push_option(L, index, name);
    if (type == LUA_TNIL) {
        if (size)
            *size = 0;
        return NULL;
    }
    if (type != LUA_TSTRING)
        wrong_type(L, index, name, "string");
    const char *text = lua_tolstring(L, -1, size);
    if (!size && strlen(text) != lua_rawlen(L, -1))
        luaL_argerror(L, index, lua_pushfstring(L, "option '%s' holds a zero byte", name));
    return text;
}

const char *salvor_check_path(lua_State *L, int index)
{
    size_t size;
    const char *path = luaL_checklstring(L, index, &size);
    luaL_argcheck(L, strlen(path) == size, index, "path holds a zero byte");
    return path;
}
