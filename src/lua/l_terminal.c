/* salvor.terminal: what stands at the other end of the standard streams. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/file.h"
#include "data/text.h"
#include "lua/binding.h"
#include "lua/modules.h"
#include "lua/task.h"
#include "repl/keys.h"

#define INPUT_METATABLE "salvor.terminal.input"

enum { LINE_LIMIT = 1 << 20, TEXT_LIMIT = 1 << 30, WIDTH_FALLBACK = 80 };

/* Standard input by lines: one for the process, since what was read ahead must not be lost. */
struct input {
    struct salvor_op op;
    struct salvor_watch watch;
    struct salvor_buffer buffer;
    struct salvor_error failure;
    bool busy, ended;
};

static int check_stream(lua_State *L, int index)
{
    static const char *const names[] = {"stdin", "stdout", "stderr", NULL};
    return luaL_checkoption(L, index, NULL, names);
}

/* is_terminal("stdin"|"stdout"|"stderr") -> boolean */
static int terminal_is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty(check_stream(L, 1)));
    return 1;
}

/* is_known(name) -> boolean: terminfo has it */
static int terminal_is_known(lua_State *L)
{
    lua_pushboolean(L, salvor_keys_knows(luaL_checkstring(L, 1)));
    return 1;
}

/* colour("stdout"|"stderr") -> boolean: a terminal that shows colour to one who wants it */
static int terminal_colour(lua_State *L)
{
    const char *refused = getenv("NO_COLOR"), *kind = getenv("TERM");
    lua_pushboolean(L, isatty(check_stream(L, 1)) && !(refused && *refused) && kind &&
                           strcmp(kind, "dumb") != 0);
    return 1;
}

/* width() -> columns of the terminal, 80 when there is none */
static int terminal_width(lua_State *L)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    long width = columns ? strtol(columns, NULL, 10) : 0;
    for (int fd = 2; fd >= 0 && (width < 1 || width > 10000); fd--)
        width = ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    lua_pushinteger(L, width > 0 ? width : WIDTH_FALLBACK);
    return 1;
}

/* display_width(text) -> columns */
static int terminal_display_width(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_pushinteger(L, (lua_Integer)salvor_text_width(text, size));
    return 1;
}

/* escape(text [, keep]) -> text that can do no harm */
static int terminal_escape(lua_State *L)
{
    struct salvor_error err;
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    const char *keep = luaL_optstring(L, 2, "");
    struct salvor_buffer *out = salvor_box_buffer(L, TEXT_LIMIT);
    if (salvor_text_escape(out, text, size, keep, &err) < 0)
        return salvor_raise(L, &err);
    lua_pushlstring(L, out->data, out->size);
    return 1;
}

/* Reading lines */

static bool holds_line(const struct input *input)
{
    return input->ended || input->failure.code[0] ||
           memchr(input->buffer.data, '\n', input->buffer.size);
}

static void stop_input(struct salvor_op *op)
{
    struct input *input = (struct input *)op;
    salvor_watch_stop(&input->watch);
    input->busy = false;
}

static void read_input(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct input *input = (struct input *)((char *)watch - offsetof(struct input, watch));
    char chunk[4096];
    ssize_t got = read(watch->fd, chunk, sizeof(chunk));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got < 0)
        salvor_error_errno(&input->failure, errno, "standard input");
    else if (got == 0)
        input->ended = true;
    else
        salvor_buffer_append(&input->buffer, chunk, (size_t)got, &input->failure);
    if (holds_line(input)) {
        stop_input(&input->op);
        salvor_op_finish(&input->op);
    }
}

static int input_gc(lua_State *L)
{
    struct input *input = lua_touserdata(L, 1);
    stop_input(&input->op);
    salvor_buffer_release(&input->buffer);
    return 0;
}

static int after_input(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct input *input = lua_touserdata(L, lua_upvalueindex(1));
    if (input->failure.code[0]) {
        struct salvor_error err = input->failure;
        salvor_error_op(&err, "terminal.read_line");
        input->failure = (struct salvor_error){0};
        salvor_buffer_clear(&input->buffer);
        return salvor_fail(L, &err);
    }
    const char *text = input->buffer.data;
    const char *end = memchr(text, '\n', input->buffer.size);
    if (!end && !input->buffer.size) {
        /* A terminal can go on after its end of file. */
        input->ended = false;
        lua_pushnil(L);
        return 1;
    }
    size_t size = end ? (size_t)(end - text) : input->buffer.size;
    lua_pushlstring(L, text, size);
    salvor_buffer_consume(&input->buffer, size + (end != NULL));
    return 1;
}

/* read_line() -> line without its end, or nil at the end of standard input; waits */
static int terminal_read_line(lua_State *L)
{
    struct input *input = lua_touserdata(L, lua_upvalueindex(1));
    if (input->busy)
        return luaL_error(L, "another task reads standard input");
    if (holds_line(input))
        return after_input(L, LUA_OK, 0);
    input->op.done = false;
    input->watch.fd = STDIN_FILENO;
    input->busy = true;
    salvor_watch_start(salvor_get_loop(L), &input->watch);
    lua_pushvalue(L, lua_upvalueindex(1));
    return salvor_wait(L, &input->op, after_input, 0);
}

/* forget_input(): what was typed on a terminal, and nobody has read */
static int terminal_forget_input(lua_State *L)
{
    struct input *input = lua_touserdata(L, lua_upvalueindex(1));
    if (tcflush(STDIN_FILENO, TCIFLUSH) == 0 && !input->busy)
        salvor_buffer_clear(&input->buffer);
    return 0;
}

/* flush() -> true | nil, err: standard output, also when an earlier write to it has failed */
static int terminal_flush(lua_State *L)
{
    struct salvor_error err = {0};
    if (salvor_output_flush(&err) < 0)
        return salvor_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

static void push_input(lua_State *L)
{
    struct input *input = lua_newuserdatauv(L, sizeof(*input), 0);
    memset(input, 0, sizeof(*input));
    salvor_buffer_init(&input->buffer, LINE_LIMIT);
    input->op.abort = stop_input;
    input->watch.events = POLLIN;
    input->watch.ready = read_input;
    luaL_newmetatable(L, INPUT_METATABLE);
    lua_pushcfunction(L, input_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
}

int luaopen_salvor_terminal(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"colour", terminal_colour},     {"display_width", terminal_display_width},
        {"escape", terminal_escape},     {"flush", terminal_flush},
        {"is_known", terminal_is_known}, {"is_terminal", terminal_is_terminal},
        {"width", terminal_width},       {NULL, NULL}};
    luaL_newlib(L, functions);
    push_input(L);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, terminal_forget_input, 1);
    lua_setfield(L, -3, "forget_input");
    lua_pushcclosure(L, terminal_read_line, 1);
    lua_setfield(L, -2, "read_line");
    return 1;
}
