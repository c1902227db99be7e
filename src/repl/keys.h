/*
 * What a terminal sends, taken apart into keys, text and pastes. Pure: it is given bytes and knows
 * neither descriptors nor clocks.
 */
#ifndef SALVOR_REPL_KEYS_H
#define SALVOR_REPL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

/* What asks a terminal to mark pastes, so that they can be told from typing, and to stop that. */
#define SALVOR_KEYS_MARK_PASTES  "\x1b[?2004h"
#define SALVOR_KEYS_LEAVE_PASTES "\x1b[?2004l"

/* The marks. */
#define SALVOR_KEYS_PASTE_BEGIN "\x1b[200~"
#define SALVOR_KEYS_PASTE_END   "\x1b[201~"

/*
 * Seconds in which the rest of a key's bytes must come. An Escape that stays alone for so long is the
 * key, and no beginning of another one.
 */
#define SALVOR_KEYS_PATIENCE 0.05

struct salvor_keys;

enum salvor_key_kind {
    SALVOR_KEY_NAMED, /* "Enter", "Left", "C-a", "M-f", "C-Right", "S-Tab" */
    SALVOR_KEY_TEXT,  /* characters that stand for themselves, one or more */
    SALVOR_KEY_PASTE, /* text between a terminal's marks of a paste, its lines ended by \n */
};

struct salvor_key {
    enum salvor_key_kind kind;
    const char *text; /* UTF-8, broken bytes as U+FFFD but in a paste; until the next call */
    size_t size;
    bool more; /* something came together with it that has not been taken yet */
};

/* `terminal` is TERM's value; one that is not known, or NULL, is taken for one like xterm. */
int salvor_keys_new(struct salvor_keys **out, const char *terminal, struct salvor_error *err);

/* Whether terminfo has that terminal. */
bool salvor_keys_knows(const char *terminal);

/* NULL is fine. */
void salvor_keys_free(struct salvor_keys *keys);

/*
 * Hands over what was read, a few KiB. TooLarge when a paste has more than 1 MiB: then it is dropped,
 * up to its end. Ctrl-C, read by itself, gives up a paste whose end does not come, and is a key.
 */
int salvor_keys_push(struct salvor_keys *keys, const char *bytes, size_t size,
                     struct salvor_error *err);

/* Takes the next key; false when there is no whole one. */
bool salvor_keys_next(struct salvor_keys *keys, struct salvor_key *key);

/* A paste has begun and not ended. */
bool salvor_keys_is_pasting(const struct salvor_keys *keys);

/* A key has begun that may be whole already: after SALVOR_KEYS_PATIENCE it is to be forced. */
bool salvor_keys_is_partial(const struct salvor_keys *keys);

/* Takes what has begun as it is: an Escape, say. False when there is nothing in it. */
bool salvor_keys_force(struct salvor_keys *keys, struct salvor_key *key);

#endif
