#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Ends a text in "..." behind its last whole UTF-8 character, within `size` bytes; its length. */
static size_t cut(char *text, size_t size)
{
    size_t end = size - strlen("...");
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    memcpy(text + end, "...", sizeof("..."));
    return end + strlen("...");
}

__attribute__((format(printf, 3, 0))) static void format_into(char *out, size_t size,
                                                              const char *format, va_list args)
{
    int length = vsnprintf(out, size, format, args);
    if (length < 0)
        out[0] = '\0';
    if (length >= (int)size)
        cut(out, size - 1);
}

static void clear(struct salvor_error *err, const char *code)
{
    memset(err, 0, sizeof(*err));
    snprintf(err->code, sizeof(err->code), "%s", code);
}

int salvor_error_set(struct salvor_error *err, const char *code, const char *format, ...)
{
    if (!err)
        return -1;
    clear(err, code);
    va_list args;
    va_start(args, format);
    format_into(err->message, sizeof(err->message), format, args);
    va_end(args);
    return -1;
}

static const char *code_of_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return "NotFound";
    case EEXIST:
    case ENOTEMPTY:
        return "AlreadyExists";
    case EACCES:
    case EPERM:
    case EROFS:
        return "Forbidden";
    case ENOSPC:
    case EDQUOT:
        return "NoSpace";
    case EFBIG:
        return "TooLarge";
    case ENOMEM:
        return "Internal";
    case EINVAL:
    case ENAMETOOLONG:
    case EISDIR:
    case ELOOP:
        return "Invalid";
    default:
        return "IO";
    }
}

int salvor_error_errno(struct salvor_error *err, int number, const char *format, ...)
{
    if (!err)
        return -1;
    clear(err, code_of_errno(number));
    va_list args;
    va_start(args, format);
    format_into(err->message, sizeof(err->message), format, args);
    va_end(args);
    /* A name that fills the message must not push the cause out of it. */
    const char *cause = strerror(number);
    size_t room = sizeof(err->message) - strlen(cause) - sizeof(": ");
    size_t used = strlen(err->message);
    if (used > room)
        used = cut(err->message, room);
    snprintf(err->message + used, sizeof(err->message) - used, ": %s", cause);
    return -1;
}

int salvor_error_memory(struct salvor_error *err)
{
    return salvor_error_set(err, "Internal", "out of memory");
}

void salvor_error_hint(struct salvor_error *err, const char *format, ...)
{
    if (!err)
        return;
    va_list args;
    va_start(args, format);
    format_into(err->hint, sizeof(err->hint), format, args);
    va_end(args);
}

void salvor_error_op(struct salvor_error *err, const char *op)
{
    if (err)
        snprintf(err->op, sizeof(err->op), "%s", op);
}
