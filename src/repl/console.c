#include "repl/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { COLUMNS = 80, ROWS = 24, OUTPUT_LIMIT = 64 << 20, CHUNK = 16384, CTRL_D = 4 };

struct salvor_console {
    struct salvor_op op;
    struct salvor_loop *loop;
    struct salvor_watch input, resize;
    struct salvor_timer patience;
    struct salvor_keys *keys;
    struct salvor_screen screen;
    struct salvor_frame frame;
    struct salvor_buffer output;
    struct salvor_error failure;
    struct termios found; /* the terminal's settings, while it is taken */
    size_t ahead;         /* bytes still to be read that came before it was taken */
    bool taken, resized, closed;
    bool marking; /* a paste that the terminal has not marked is under way */
    bool marks;   /* the terminal has marked a paste, so it marks all */
    struct salvor_key key;
    bool has_key;
};

/* Signals */

static int resize_fd = -1; /* of the one console, for the handler */

static void note_resize(int number)
{
    (void)number;
    int saved = errno;
    uint64_t one = 1;
    ssize_t wrote = write(resize_fd, &one, sizeof(one));
    (void)wrote; /* one that is full is to be read already */
    errno = saved;
}

static int watch_resize(struct salvor_console *console, struct salvor_error *err)
{
    if (resize_fd >= 0)
        return salvor_error_set(err, "Invalid", "the terminal is in use by another console");
    resize_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct sigaction action = {.sa_handler = note_resize, .sa_flags = SA_RESTART};
    if (resize_fd < 0 || sigaction(SIGWINCH, &action, NULL) < 0)
        return salvor_error_errno(err, errno, "cannot watch the terminal's size");
    console->resize.fd = resize_fd;
    return 0;
}

static void unwatch_resize(struct salvor_console *console)
{
    if (console->resize.fd < 0)
        return;
    signal(SIGWINCH, SIG_DFL);
    close(resize_fd);
    resize_fd = console->resize.fd = -1;
}

/* Reading */

static void stop_patience(struct salvor_console *console)
{
    console->patience.op.wake = NULL; /* it was not lost */
    salvor_op_abort(&console->patience.op);
}

static void stop(struct salvor_console *console)
{
    salvor_watch_stop(&console->input);
    salvor_watch_stop(&console->resize);
    stop_patience(console);
}

static void abort_wait(struct salvor_op *op)
{
    stop((struct salvor_console *)op);
}

static bool has_event(struct salvor_console *console)
{
    if (!console->has_key)
        console->has_key = salvor_keys_next(console->keys, &console->key);
    return console->has_key || console->resized || console->closed || console->failure.code[0];
}

static void push(struct salvor_console *console, const char *bytes, size_t size)
{
    salvor_keys_push(console->keys, bytes, size, &console->failure);
}

static void look(struct salvor_console *console)
{
    if (has_event(console)) {
        stop(console);
        salvor_op_finish(&console->op);
    }
}

/* Nothing has come for a while: what has begun is whole. */
static void lose_patience(struct salvor_op *op)
{
    struct salvor_console *console = op->waiter;
    if (console->marking)
        push(console, SALVOR_KEYS_PASTE_END, strlen(SALVOR_KEYS_PASTE_END));
    else if (salvor_keys_is_partial(console->keys))
        console->has_key = salvor_keys_force(console->keys, &console->key);
    console->marking = false;
    look(console);
}

static void wait_for_rest(struct salvor_console *console)
{
    stop_patience(console);
    if (console->op.done || !(console->marking || salvor_keys_is_partial(console->keys)))
        return;
    console->patience.op.wake = lose_patience;
    console->patience.op.waiter = console;
    salvor_timer_start(console->loop, &console->patience, SALVOR_KEYS_PATIENCE);
}

static bool is_line_end(char byte)
{
    return byte == '\r' || byte == '\n';
}

/*
 * Several lines at once, where the terminal was asked to mark pastes and may not do so: nobody types
 * so fast. An Enter in front ends what was typed before; one line behind it was typed ahead. (Lines
 * typed ahead while the terminal had its own line editing end in \n.)
 */
static bool is_unmarked_paste(const struct salvor_console *console, const char *bytes, size_t size)
{
    while (size && is_line_end(bytes[size - 1]))
        size--;
    for (; size && is_line_end(*bytes); size--)
        bytes++;
    return memchr(bytes, '\r', size) && !memchr(bytes, '\x1b', size) && !console->marks &&
           !salvor_keys_is_pasting(console->keys) && !salvor_keys_is_partial(console->keys);
}

static void hand_over(struct salvor_console *console, const char *bytes, size_t size)
{
    static const char begin[] = SALVOR_KEYS_PASTE_BEGIN;
    if (is_unmarked_paste(console, bytes, size)) {
        push(console, begin, sizeof(begin) - 1);
        console->marking = true;
    }
    if (memmem(bytes, size, begin, sizeof(begin) - 1))
        console->marks = true;
    push(console, bytes, size);
}

/* A terminal with line editing of its own keeps a NUL in the place of Ctrl-D, which it ends a line by. */
static void restore_ends(struct salvor_console *console, char *bytes, size_t size)
{
    size_t count = size < console->ahead ? size : console->ahead;
    console->ahead -= count;
    for (char *end = bytes; (end = memchr(end, '\0', count - (size_t)(end - bytes)));)
        *end = CTRL_D;
}

static void read_keys(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_console *console =
        (struct salvor_console *)((char *)watch - offsetof(struct salvor_console, input));
    char chunk[CHUNK];
    ssize_t got = read(watch->fd, chunk, sizeof(chunk));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    /* A terminal that was hung up says EIO. */
    console->closed = got <= 0;
    if (got > 0) {
        restore_ends(console, chunk, (size_t)got);
        hand_over(console, chunk, (size_t)got);
    }
    look(console);
    wait_for_rest(console);
}

static void read_resize(struct salvor_watch *watch, short revents)
{
    (void)revents;
    struct salvor_console *console =
        (struct salvor_console *)((char *)watch - offsetof(struct salvor_console, resize));
    uint64_t count;
    if (read(watch->fd, &count, sizeof(count)) > 0)
        console->resized = true;
    look(console);
}

bool salvor_console_is_waiting(const struct salvor_console *console)
{
    return !console->op.done;
}

struct salvor_op *salvor_console_wait(struct salvor_console *console)
{
    console->has_key = false;
    if (has_event(console))
        return NULL;
    console->op.done = false;
    salvor_watch_start(console->loop, &console->input);
    salvor_watch_start(console->loop, &console->resize);
    wait_for_rest(console);
    return &console->op;
}

int salvor_console_event(struct salvor_console *console, enum salvor_console_event *event,
                         struct salvor_key *key, struct salvor_error *err)
{
    if (console->failure.code[0]) {
        *err = console->failure;
        console->failure = (struct salvor_error){0};
        return -1;
    }
    *key = console->key;
    *event = console->has_key   ? SALVOR_CONSOLE_KEY
             : console->resized ? SALVOR_CONSOLE_RESIZED
                                : SALVOR_CONSOLE_CLOSED;
    if (*event == SALVOR_CONSOLE_RESIZED)
        console->resized = false;
    return 0;
}

/* Writing */

static int write_all(const char *bytes, size_t size, struct salvor_error *err)
{
    while (size) {
        ssize_t wrote = write(STDOUT_FILENO, bytes, size);
        if (wrote < 0 && errno == EAGAIN) {
            struct pollfd pollfd = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&pollfd, 1, -1);
        } else if (wrote < 0 && errno != EINTR) {
            return salvor_error_errno(err, errno, "cannot write to the terminal");
        }
        if (wrote > 0) {
            bytes += wrote;
            size -= (size_t)wrote;
        }
    }
    return 0;
}

static int flush(struct salvor_console *console, int result, struct salvor_error *err)
{
    if (result == 0)
        result = write_all(console->output.data, console->output.size, err);
    salvor_buffer_clear(&console->output);
    return result;
}

void salvor_console_size(size_t *columns, size_t *rows)
{
    struct winsize size = {0};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *columns = size.ws_col ? size.ws_col : COLUMNS;
    *rows = size.ws_row ? size.ws_row : ROWS;
}

struct salvor_frame *salvor_console_frame(struct salvor_console *console, struct salvor_error *err)
{
    size_t columns, rows;
    salvor_console_size(&columns, &rows);
    return salvor_frame_begin(&console->frame, columns, err) < 0 ? NULL : &console->frame;
}

int salvor_console_draw(struct salvor_console *console, struct salvor_error *err)
{
    size_t columns, rows;
    salvor_console_size(&columns, &rows);
    size_t height = rows > 1 ? rows - 1 : 1; /* a row is left for what was printed above */
    int result =
        salvor_screen_draw(&console->screen, &console->frame, height, &console->output, err);
    return flush(console, result, err);
}

int salvor_console_erase(struct salvor_console *console, struct salvor_error *err)
{
    return flush(console, salvor_screen_erase(&console->screen, &console->output, err), err);
}

int salvor_console_clear(struct salvor_console *console, struct salvor_error *err)
{
    static const char home_and_clear[] = "\x1b[H\x1b[2J";
    salvor_screen_forget(&console->screen);
    return write_all(home_and_clear, sizeof(home_and_clear) - 1, err);
}

/* The mode of the terminal */

/* Once all is shown that was written; nothing that was typed is lost. */
static int set_mode(const struct termios *mode)
{
    int result;
    do
        result = tcsetattr(STDIN_FILENO, TCSADRAIN, mode);
    while (result < 0 && errno == EINTR);
    return result;
}

static int enter_raw(struct salvor_console *console, struct salvor_error *err)
{
    if (tcgetattr(STDIN_FILENO, &console->found) < 0)
        return salvor_error_errno(err, errno, "cannot read the terminal's settings");
    struct termios raw = console->found;
    raw.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (set_mode(&raw) < 0)
        return salvor_error_errno(err, errno, "cannot change the terminal's settings");
    int ahead = 0;
    if (console->found.c_lflag & ICANON)
        ioctl(STDIN_FILENO, FIONREAD, &ahead);
    console->ahead = (size_t)ahead;
    return 0;
}

int salvor_console_take(struct salvor_console *console, struct salvor_error *err)
{
    static const char mark[] = SALVOR_KEYS_MARK_PASTES;
    size_t columns, rows;
    if (console->taken)
        return 0;
    if (enter_raw(console, err) < 0)
        return -1;
    console->taken = true;
    salvor_console_size(&columns, &rows);
    int result = salvor_buffer_append(&console->output, mark, sizeof(mark) - 1, err);
    if (result == 0)
        result = salvor_screen_begin_row(columns, &console->output, err);
    return flush(console, result, err);
}

void salvor_console_yield(struct salvor_console *console)
{
    static const char leave[] = SALVOR_KEYS_LEAVE_PASTES;
    if (!console->taken)
        return;
    console->taken = false;
    flush(console, salvor_screen_leave(&console->screen, &console->output, NULL), NULL);
    write_all(leave, sizeof(leave) - 1, NULL);
    set_mode(&console->found);
}

int salvor_console_suspend(struct salvor_console *console, struct salvor_error *err)
{
    bool taken = console->taken;
    salvor_console_yield(console);
    kill(0, SIGTSTP);
    console->resized = true; /* its size may be another one by now */
    return taken ? salvor_console_take(console, err) : 0;
}

/* Life */

int salvor_console_new(struct salvor_console **out, struct salvor_loop *loop,
                       struct salvor_error *err)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return salvor_error_set(err, "Invalid", "standard input and output are no terminal");
    struct salvor_console *console = calloc(1, sizeof(*console));
    if (!console)
        return salvor_error_memory(err);
    console->loop = loop;
    console->op = (struct salvor_op){.done = true, .abort = abort_wait};
    console->patience.op.done = true;
    console->input =
        (struct salvor_watch){.fd = STDIN_FILENO, .events = POLLIN, .ready = read_keys};
    console->resize = (struct salvor_watch){.fd = -1, .events = POLLIN, .ready = read_resize};
    salvor_screen_init(&console->screen);
    salvor_frame_init(&console->frame);
    salvor_buffer_init(&console->output, OUTPUT_LIMIT);
    if (salvor_keys_new(&console->keys, getenv("TERM"), err) < 0 ||
        watch_resize(console, err) < 0) {
        salvor_console_free(console);
        return -1;
    }
    *out = console;
    return 0;
}

void salvor_console_close(struct salvor_console *console)
{
    salvor_op_abort(&console->op);
    salvor_console_yield(console);
    unwatch_resize(console);
}

void salvor_console_free(struct salvor_console *console)
{
    if (!console)
        return;
    salvor_console_close(console);
    salvor_keys_free(console->keys);
    salvor_screen_release(&console->screen);
    salvor_frame_release(&console->frame);
    salvor_buffer_release_wiped(&console->output);
    free(console);
}
