#include "repl/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <termkey.h>
#include <unibilium.h>

#include "core/buffer.h"

enum { LIMIT = 1 << 20, LONGEST_NAME = 64, MARK_OF_PASTE = 200 };

enum { MOST_NUMBERS = 16, MOST_DIGITS = 9 }; /* of a sequence, that the decoder has room for */

enum { CHARACTER = 27 }; /* whose third number the decoder takes for one, if it is there or not */

enum { CTRL_C = 3, ESCAPE = 0x1B, END_OF_NO_KEY = 'z', STRAY = 0xFF }; /* bytes */

static const char END_OF_PASTE[] = SALVOR_KEYS_PASTE_END;

struct salvor_keys {
    TermKey *decoder;
    struct salvor_buffer input; /* what the decoder has not been given yet */
    size_t taken;               /* of it */
    struct salvor_buffer text;  /* of the key that was returned last */
    TermKeyKey held;            /* decoded, and to be returned after the text before it */
    bool holds;
    /* Of what the decoder was given last: */
    enum { OUTSIDE, BEHIND_ESCAPE, IN_SEQUENCE } place;
    int digits, separators; /* of the sequence's number, so far; of its numbers */
    unsigned first;         /* its first number */
    bool spoilt;            /* it is no key's */
    int following;          /* bytes of the character that are still to come */
    bool pasting, dropping; /* a paste has begun; and it is too large */
    size_t searched;        /* bytes of the input, from `taken` on, without the end of the paste */
};

int salvor_keys_new(struct salvor_keys **out, const char *terminal, struct salvor_error *err)
{
    struct salvor_keys *keys = calloc(1, sizeof(*keys));
    if (!keys)
        return salvor_error_memory(err);
    salvor_buffer_init(&keys->input, LIMIT);
    salvor_buffer_init(&keys->text, LIMIT);
    keys->decoder =
        termkey_new_abstract(terminal && *terminal ? terminal : "xterm",
                             TERMKEY_FLAG_UTF8 | TERMKEY_FLAG_NOTERMIOS | TERMKEY_FLAG_CTRLC);
    if (!keys->decoder) {
        salvor_keys_free(keys);
        return salvor_error_memory(err);
    }
    termkey_set_canonflags(keys->decoder, TERMKEY_CANON_DELBS);
    *out = keys;
    return 0;
}

bool salvor_keys_knows(const char *terminal)
{
    unibi_term *entry = *terminal ? unibi_from_term(terminal) : NULL;
    if (entry)
        unibi_destroy(entry);
    return entry != NULL;
}

void salvor_keys_free(struct salvor_keys *keys)
{
    if (!keys)
        return;
    if (keys->decoder)
        termkey_destroy(keys->decoder);
    salvor_buffer_release_wiped(&keys->input);
    salvor_buffer_release_wiped(&keys->text);
    free(keys);
}

static void drop_input(struct salvor_keys *keys)
{
    salvor_buffer_clear(&keys->input);
    keys->taken = keys->searched = 0;
}

static void end_paste(struct salvor_keys *keys)
{
    keys->pasting = keys->dropping = false;
    keys->searched = 0;
}

int salvor_keys_push(struct salvor_keys *keys, const char *bytes, size_t size,
                     struct salvor_error *err)
{
    if (keys->pasting && size == 1 && *bytes == CTRL_C) {
        drop_input(keys);
        end_paste(keys);
    }
    salvor_buffer_consume(&keys->input, keys->taken);
    keys->taken = 0;
    if (salvor_buffer_append(&keys->input, bytes, size, err) == 0)
        return 0;
    /* Of a paste that is dropped the end is still looked for, which may have begun. */
    salvor_buffer_consume(&keys->input, keys->searched);
    keys->searched = 0;
    keys->dropping = keys->pasting;
    if (!keys->pasting || salvor_buffer_append(&keys->input, bytes, size, NULL) < 0)
        drop_input(keys);
    return -1;
}

bool salvor_keys_is_pasting(const struct salvor_keys *keys)
{
    return keys->pasting;
}

static bool append(struct salvor_keys *keys, const char *bytes, size_t size)
{
    return salvor_buffer_append(&keys->text, bytes, size, NULL) == 0;
}

/* Terminals send the end of a pasted line as the Enter key does. */
static void append_lines(struct salvor_keys *keys, const char *bytes, size_t size)
{
    for (const char *end = bytes + size; bytes < end;) {
        const char *stop = memchr(bytes, '\r', (size_t)(end - bytes));
        append(keys, bytes, (size_t)((stop ? stop : end) - bytes));
        if (!stop)
            return;
        append(keys, "\n", 1);
        bytes = stop + 1 + (stop + 1 < end && stop[1] == '\n');
    }
}

static bool next_paste(struct salvor_keys *keys, struct salvor_key *key)
{
    const size_t mark = sizeof(END_OF_PASTE) - 1;
    const char *begin = keys->input.data + keys->taken;
    size_t size = keys->input.size - keys->taken;
    const char *end = memmem(begin + keys->searched, size - keys->searched, END_OF_PASTE, mark);
    if (!end) {
        keys->searched = size < mark ? 0 : size - mark + 1;
        if (keys->dropping) {
            keys->taken += keys->searched;
            keys->searched = 0;
        }
        return false;
    }
    bool dropped = keys->dropping;
    keys->taken += (size_t)(end - begin) + mark;
    end_paste(keys);
    if (dropped)
        return false;
    append_lines(keys, begin, (size_t)(end - begin));
    *key = (struct salvor_key){.kind = SALVOR_KEY_PASTE};
    return true;
}

static bool is_text(const TermKeyKey *key)
{
    return key->type == TERMKEY_TYPE_UNICODE && !key->modifiers;
}

static bool begins_paste(struct salvor_keys *keys, const TermKeyKey *key)
{
    long arguments[MOST_NUMBERS];
    size_t count = MOST_NUMBERS;
    unsigned long command;
    return key->type == TERMKEY_TYPE_UNKNOWN_CSI &&
           termkey_interpret_csi(keys->decoder, key, arguments, &count, &command) ==
               TERMKEY_RES_KEY &&
           command == '~' && count && arguments[0] == MARK_OF_PASTE;
}

/* The decoder takes any number for a character. */
static void make_character(TermKeyKey *key)
{
    long code = key->type == TERMKEY_TYPE_UNICODE ? key->code.codepoint : 0;
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        strcpy(key->utf8, "\xef\xbf\xbd");
}

static void give(struct salvor_keys *keys, unsigned char byte)
{
    termkey_push_bytes(keys->decoder, (const char *)&byte, 1);
}

/* A byte of a control sequence's numbers; false when the decoder cannot bear it. */
static bool note_number(struct salvor_keys *keys, unsigned char byte)
{
    if (byte == ';') {
        bool is_empty = keys->digits == 0;
        keys->digits = 0;
        return !is_empty && ++keys->separators < MOST_NUMBERS;
    }
    if (byte < '0' || byte > '9')
        return false;
    if (!keys->separators)
        keys->first = keys->first * 10 + (byte - '0');
    return ++keys->digits <= MOST_DIGITS;
}

/* A byte of a control sequence (ECMA-48, 5.4); false when it has ended that without being of it. */
static bool feed_sequence(struct salvor_keys *keys, unsigned char byte)
{
    bool is_final = byte >= '@' && byte <= '~', is_empty = keys->digits == 0;
    if (byte >= ' ' && byte <= '?') {
        keys->spoilt = keys->spoilt || !note_number(keys, byte);
        if (!keys->spoilt)
            give(keys, byte);
        return true;
    }
    keys->spoilt |= is_empty && (keys->separators || byte == 'u');
    keys->spoilt |= byte == '~' && keys->first == CHARACTER;
    bool is_key = is_final && !keys->spoilt;
    keys->place = OUTSIDE;
    give(keys, is_key ? byte : END_OF_NO_KEY);
    return is_final;
}

/* The bytes that follow the first one of a character, as the decoder counts them; -1: it is none. */
static int bytes_behind(unsigned char byte)
{
    return byte < 0x80   ? 0
           : byte < 0xC0 ? -1
           : byte < 0xE0 ? 1
           : byte < 0xF0 ? 2
           : byte < 0xF8 ? 3
           : byte < 0xFC ? 4
           : byte < 0xFE ? 5
                         : 0;
}

/*
 * Gives the decoder a byte, but nothing that it cannot bear: in sequences it computes with any number,
 * writes a seventeenth behind its room, looks with private and intermediate bytes behind a table's end,
 * reads arguments that are not there, and takes bytes that are no text for the beginning of one.
 */
static void feed(struct salvor_keys *keys, unsigned char byte)
{
    if (keys->place == IN_SEQUENCE && feed_sequence(keys, byte))
        return;
    if (keys->place == BEHIND_ESCAPE && byte == '[') {
        keys->place = IN_SEQUENCE;
        keys->digits = keys->separators = 0;
        keys->first = 0;
        keys->spoilt = false;
    } else {
        keys->place = byte == ESCAPE ? BEHIND_ESCAPE : OUTSIDE;
    }
    int behind = bytes_behind(byte);
    bool is_stray = behind < 0 && keys->following == 0;
    keys->following = behind >= 0 ? behind : keys->following ? keys->following - 1 : 0;
    give(keys, is_stray ? STRAY : byte);
}

/* Decodes one key. The decoder gets single bytes, so that it never holds any of a paste. */
static bool decode(struct salvor_keys *keys, TermKeyKey *key)
{
    for (;;) {
        TermKeyResult result = termkey_getkey(keys->decoder, key);
        if (result == TERMKEY_RES_KEY) {
            make_character(key);
            return true;
        }
        if (keys->taken == keys->input.size) {
            drop_input(keys);
            return false;
        }
        feed(keys, (unsigned char)keys->input.data[keys->taken++]);
    }
}

/* As the decoder names keys, which asks <ctype.h> about any character. */
static size_t name_character(char *name, size_t size, const TermKeyKey *decoded)
{
    return (size_t)snprintf(name, size, "%s%s%s%s",
                            decoded->modifiers & TERMKEY_KEYMOD_ALT ? "M-" : "",
                            decoded->modifiers & TERMKEY_KEYMOD_CTRL ? "C-" : "",
                            decoded->modifiers & TERMKEY_KEYMOD_SHIFT ? "S-" : "", decoded->utf8);
}

/* What is neither a symbol nor a character (the mouse, answers of the terminal) has no name. */
static bool name_key(struct salvor_keys *keys, TermKeyKey *decoded, struct salvor_key *key)
{
    char name[LONGEST_NAME];
    size_t size = 0;
    if (decoded->type == TERMKEY_TYPE_UNICODE)
        size = name_character(name, sizeof(name), decoded);
    else if (decoded->type == TERMKEY_TYPE_KEYSYM || decoded->type == TERMKEY_TYPE_FUNCTION)
        size =
            termkey_strfkey(keys->decoder, name, sizeof(name), decoded, TERMKEY_FORMAT_ALTISMETA);
    if (!size || size >= sizeof(name))
        return false;
    append(keys, name, size);
    *key = (struct salvor_key){.kind = SALVOR_KEY_NAMED};
    return true;
}

static bool finish(struct salvor_keys *keys, struct salvor_key *key)
{
    key->text = keys->text.data;
    key->size = keys->text.size;
    key->more = keys->holds || keys->taken < keys->input.size;
    return true;
}

bool salvor_keys_next(struct salvor_keys *keys, struct salvor_key *key)
{
    TermKeyKey decoded;
    salvor_buffer_clear(&keys->text);
    for (;;) {
        if (keys->pasting) {
            if (next_paste(keys, key))
                return finish(keys, key);
            if (keys->pasting)
                return false;
            continue; /* it was dropped */
        }
        if (keys->holds)
            decoded = keys->held;
        else if (!decode(keys, &decoded))
            break;
        keys->holds = false;
        if (is_text(&decoded)) {
            append(keys, decoded.utf8, strlen(decoded.utf8));
        } else if (keys->text.size) {
            keys->held = decoded;
            keys->holds = true;
            break;
        } else if (begins_paste(keys, &decoded)) {
            keys->pasting = true;
        } else if (name_key(keys, &decoded, key)) {
            return finish(keys, key);
        }
    }
    *key = (struct salvor_key){.kind = SALVOR_KEY_TEXT};
    return keys->text.size && finish(keys, key);
}

bool salvor_keys_is_partial(const struct salvor_keys *keys)
{
    return !keys->pasting &&
           termkey_get_buffer_remaining(keys->decoder) < termkey_get_buffer_size(keys->decoder);
}

bool salvor_keys_force(struct salvor_keys *keys, struct salvor_key *key)
{
    TermKeyKey decoded;
    salvor_buffer_clear(&keys->text);
    keys->place = OUTSIDE;
    keys->following = 0;
    while (termkey_getkey_force(keys->decoder, &decoded) == TERMKEY_RES_KEY) {
        make_character(&decoded);
        if (is_text(&decoded)) {
            append(keys, decoded.utf8, strlen(decoded.utf8));
            *key = (struct salvor_key){.kind = SALVOR_KEY_TEXT};
            return finish(keys, key);
        }
        if (name_key(keys, &decoded, key))
            return finish(keys, key);
    }
    return false;
}
