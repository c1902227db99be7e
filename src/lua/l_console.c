/* salvor.console: the terminal, by keys and rows, for the prompt. */
#include "lua/binding.h"
#include "lua/modules.h"
#include "lua/task.h"
#include "repl/console.h"

#define METATABLE "salvor.console"

struct handle {
    struct salvor_console *console;
    bool closed;
};

static struct salvor_console *check_console(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, METATABLE);
    if (!handle->console || handle->closed)
        luaL_argerror(L, 1, "the console is closed");
    return handle->console;
}

/* open() -> console | nil, err */
static int console_open(lua_State *L)
{
    struct salvor_error err;
    struct handle *handle = lua_newuserdatauv(L, sizeof(*handle), 0);
    *handle = (struct handle){0};
    luaL_setmetatable(L, METATABLE);
    if (salvor_console_new(&handle->console, salvor_get_loop(L), &err) < 0) {
        salvor_error_op(&err, "console.open");
        return salvor_fail(L, &err);
    }
    return 1;
}

/* close(): a read() of another task, which keeps the object, raises */
static int console_close(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, METATABLE);
    if (handle->console)
        salvor_console_close(handle->console);
    handle->closed = true;
    return 0;
}

static int console_gc(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, METATABLE);
    salvor_console_free(handle->console);
    *handle = (struct handle){0};
    return 0;
}

/* Pushes true, or raises: a terminal that cannot be written to leaves nothing to do. */
static int done(lua_State *L, int result, const struct salvor_error *err)
{
    if (result < 0)
        return salvor_raise(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* take(): to raw mode, at the beginning of a row */
static int console_take(lua_State *L)
{
    struct salvor_error err;
    return done(L, salvor_console_take(check_console(L), &err), &err);
}

/* yield(): as the terminal was found, with the cursor below what was drawn */
static int console_yield(lua_State *L)
{
    salvor_console_yield(check_console(L));
    return 0;
}

static int after_read(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    static const char *const kinds[] = {
        [SALVOR_KEY_NAMED] = "key", [SALVOR_KEY_TEXT] = "text", [SALVOR_KEY_PASTE] = "paste"};
    struct salvor_error err;
    struct salvor_key key;
    enum salvor_console_event event;
    if (salvor_console_event(check_console(L), &event, &key, &err) < 0)
        return salvor_fail(L, &err);
    if (event != SALVOR_CONSOLE_KEY) {
        lua_pushstring(L, event == SALVOR_CONSOLE_RESIZED ? "resized" : "closed");
        return 1;
    }
    lua_pushstring(L, kinds[key.kind]);
    lua_pushlstring(L, key.text, key.size);
    lua_pushboolean(L, key.more);
    return 3;
}

/* read() -> "key"|"text"|"paste", text, more | "resized" | "closed" | nil, err; waits */
static int console_read(lua_State *L)
{
    struct salvor_console *console = check_console(L);
    luaL_argcheck(L, !salvor_console_is_waiting(console), 1, "another task reads the console");
    struct salvor_op *op = salvor_console_wait(console);
    return op ? salvor_wait(L, op, after_read, 0) : after_read(L, LUA_OK, 0);
}

/* size() -> columns, rows */
static int console_size(lua_State *L)
{
    size_t columns, rows;
    check_console(L);
    salvor_console_size(&columns, &rows);
    lua_pushinteger(L, (lua_Integer)columns);
    lua_pushinteger(L, (lua_Integer)rows);
    return 2;
}

/* The piece of the list at 2 that is on top: a text, {text, style}, or true for the cursor. */
static int put_piece(lua_State *L, struct salvor_frame *frame, struct salvor_error *err)
{
    size_t size;
    const char *style = "";
    if (lua_type(L, -1) == LUA_TBOOLEAN)
        return salvor_frame_put_cursor(frame, err);
    if (lua_istable(L, -1)) {
        lua_rawgeti(L, -1, 2);
        style = luaL_optstring(L, -1, "");
        lua_rawgeti(L, -2, 1);
    }
    const char *text = luaL_checklstring(L, -1, &size);
    return salvor_frame_put(frame, text, size, style, err);
}

/* draw(pieces), in all rows but one: list of texts, {text, style}, and one true where the cursor is */
static int console_draw(lua_State *L)
{
    struct salvor_error err;
    struct salvor_console *console = check_console(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    struct salvor_frame *frame = salvor_console_frame(console, &err);
    int result = frame ? 0 : -1;
    for (lua_Integer i = 1; result == 0 && lua_rawgeti(L, 2, i) != LUA_TNIL; i++) {
        result = put_piece(L, frame, &err);
        lua_settop(L, 2);
    }
    return done(L, result < 0 ? result : salvor_console_draw(console, &err), &err);
}

/* erase(): takes away what was drawn */
static int console_erase(lua_State *L)
{
    struct salvor_error err;
    return done(L, salvor_console_erase(check_console(L), &err), &err);
}

/* clear(): the whole terminal */
static int console_clear(lua_State *L)
{
    struct salvor_error err;
    return done(L, salvor_console_clear(check_console(L), &err), &err);
}

/* suspend(): stops the process; returns when it goes on */
static int console_suspend(lua_State *L)
{
    struct salvor_error err;
    return done(L, salvor_console_suspend(check_console(L), &err), &err);
}

int luaopen_salvor_console(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", console_open}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"clear", console_clear}, {"close", console_close},     {"draw", console_draw},
        {"erase", console_erase}, {"read", console_read},       {"size", console_size},
        {"take", console_take},   {"suspend", console_suspend}, {"yield", console_yield},
        {"__gc", console_gc},     {"__close", console_close},   {NULL, NULL}};
    luaL_newmetatable(L, METATABLE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
