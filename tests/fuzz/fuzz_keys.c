/*
 * What a terminal sends is the same keys however it is cut into reads, and whatever it is, what comes
 * of it is text. One sort of input is only read at once: a Ctrl-C that is read by itself ends a paste.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "data/utf8.h"
#include "repl/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096, LONGEST_STEP = 8 };

struct outcome {
    struct salvor_buffer keys; /* kind and text of each; neighbouring texts are one */
    bool after_text;
};

static void check_text(const struct salvor_key *key)
{
    size_t length;
    for (size_t at = 0; at < key->size; at += length) {
        uint32_t character;
        length = salvor_utf8_next(&character, key->text + at, key->size - at);
        if (!length)
            abort();
    }
}

static void add(struct outcome *outcome, const struct salvor_key *key)
{
    char kind = "NTP"[key->kind];
    if (key->kind != SALVOR_KEY_PASTE)
        check_text(key);
    if (!(outcome->after_text && key->kind == SALVOR_KEY_TEXT) &&
        salvor_buffer_append(&outcome->keys, &kind, 1, NULL) < 0)
        abort();
    outcome->after_text = key->kind == SALVOR_KEY_TEXT;
    if (salvor_buffer_append(&outcome->keys, key->text, key->size, NULL) < 0)
        abort();
}

static void play(struct outcome *outcome, const uint8_t *data, size_t size, size_t step)
{
    struct salvor_keys *keys;
    struct salvor_key key;
    *outcome = (struct outcome){.keys = SALVOR_BUFFER_INIT(1 << 20)};
    if (salvor_keys_new(&keys, "xterm", NULL) < 0)
        abort();
    for (size_t at = 0; at < size; at += step) {
        size_t part = size - at < step ? size - at : step;
        if (salvor_keys_push(keys, (const char *)data + at, part, NULL) < 0)
            abort();
        while (salvor_keys_next(keys, &key))
            add(outcome, &key);
    }
    while (salvor_keys_is_partial(keys) && salvor_keys_force(keys, &key))
        add(outcome, &key);
    salvor_keys_free(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;
    if (!size || size > MOST)
        return 0;
    play(&whole, data, size, size);
    play(&cut, data, size, 1 + data[size - 1] % LONGEST_STEP);
    bool is_stable = !memchr(data, 3, size);
    if (is_stable && (cut.keys.size != whole.keys.size ||
                      memcmp(cut.keys.data, whole.keys.data, whole.keys.size) != 0))
        abort();
    salvor_buffer_release(&cut.keys);
    salvor_buffer_release(&whole.keys);
    return 0;
}
