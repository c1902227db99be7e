#include "core/secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * A pattern is one of the looks of a value. The table hashes the first bytes of a pattern; a text is
 * looked up at each of its bytes. All patterns are at least as long as what is hashed. A long one is
 * searched for as Knuth, Morris and Pratt do, for a text may begin like it at each of its bytes.
 */
enum { HASHED = SALVOR_SECRET_MINIMUM, LONG_LINE = 40, LONG_PATTERN = 4096, VALUE_LIMIT = 1 << 20 };

/* How far a text was searched: its `matched` bytes before `end` are those the pattern begins with. */
struct search {
    unsigned long text; /* which one; as registry.texts counts them */
    size_t end, matched;
    uint32_t
        borders[]; /* [n]: how many of the pattern's first n bytes, not all, end as it begins */
};

struct pattern {
    struct pattern *next;
    struct secret *owner;
    struct search *search; /* of a long one, once a text seemed to hold it */
    size_t size;
    bool padded; /* base64: what padding follows belongs to it */
    char bytes[];
};

struct secret {
    struct secret *next;
    size_t size;
    unsigned uses;
    char value[];
};

static struct {
    struct secret *secrets;
    struct pattern **slots; /* a power of two */
    size_t slot_count, pattern_count;
    unsigned long texts; /* that were masked */
} registry;

static size_t slot_of(const char *bytes, size_t slot_count)
{
    uint64_t key = 0;
    memcpy(&key, bytes, HASHED);
    key *= 0x9E3779B97F4A7C15u;
    return (size_t)(key >> 32) & (slot_count - 1);
}

static void wipe(void *memory, size_t size)
{
    if (memory)
        explicit_bzero(memory, size);
    free(memory);
}

static void release(struct salvor_buffer *buffer)
{
    if (buffer->capacity)
        explicit_bzero(buffer->data, buffer->capacity);
    salvor_buffer_release(buffer);
}

static size_t search_size(const struct pattern *pattern)
{
    return sizeof(struct search) + (pattern->size + 1) * sizeof(uint32_t);
}

/* The table of patterns */

static int grow_table(struct salvor_error *err)
{
    if (registry.pattern_count < registry.slot_count)
        return 0;
    size_t count = registry.slot_count ? 2 * registry.slot_count : 256;
    struct pattern **slots = calloc(count, sizeof(*slots));
    if (!slots)
        return salvor_error_memory(err);
    for (size_t i = 0; i < registry.slot_count; i++) {
        struct pattern *pattern = registry.slots[i];
        while (pattern) {
            struct pattern *next = pattern->next;
            struct pattern **slot = &slots[slot_of(pattern->bytes, count)];
            pattern->next = *slot;
            *slot = pattern;
            pattern = next;
        }
    }
    free(registry.slots);
    registry.slots = slots;
    registry.slot_count = count;
    return 0;
}

static int add_pattern(struct secret *owner, const char *bytes, size_t size, bool padded,
                       struct salvor_error *err)
{
    if (size < HASHED)
        return 0;
    if (grow_table(err) < 0)
        return -1;
    struct pattern **slot = &registry.slots[slot_of(bytes, registry.slot_count)];
    for (struct pattern *known = *slot; known; known = known->next)
        if (known->owner == owner && known->size == size && !memcmp(known->bytes, bytes, size)) {
            known->padded |= padded;
            return 0;
        }
    struct pattern *pattern = malloc(sizeof(*pattern) + size);
    if (!pattern)
        return salvor_error_memory(err);
    *pattern = (struct pattern){.next = *slot, .owner = owner, .size = size, .padded = padded};
    memcpy(pattern->bytes, bytes, size);
    *slot = pattern;
    registry.pattern_count++;
    return 0;
}

static void remove_patterns(const struct secret *owner)
{
    for (size_t i = 0; i < registry.slot_count; i++) {
        struct pattern **link = &registry.slots[i];
        while (*link) {
            struct pattern *pattern = *link;
            if (owner && pattern->owner != owner) {
                link = &pattern->next;
                continue;
            }
            *link = pattern->next;
            registry.pattern_count--;
            wipe(pattern->search, search_size(pattern));
            wipe(pattern, sizeof(*pattern) + pattern->size);
        }
    }
}

/* The looks of a value */

static const char standard_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/*
 * The base64 characters of a value that `before` other bytes (0 to 2) precede. The first ones depend
 * on those bytes and are left out; the last one depends on what follows, so there are two patterns:
 * without it, and with the one that it is when nothing follows.
 */
static int add_base64(struct secret *secret, const char *value, size_t size, size_t before,
                      const char *alphabet, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(2 * VALUE_LIMIT);
    size_t first = (before * 8 + 5) / 6;
    size_t sure = (before + size) * 8 / 6;
    size_t all = ((before + size) * 8 + 5) / 6;
    int result = 0;
    for (size_t i = first; i < all && result == 0; i++) {
        unsigned sextet = 0;
        for (size_t bit = i * 6; bit < i * 6 + 6; bit++) {
            size_t byte = bit / 8 - before;
            unsigned set = byte < size ? (unsigned char)value[byte] >> (7 - bit % 8) & 1 : 0;
            sextet = sextet << 1 | set;
        }
        result = salvor_buffer_append(&text, &alphabet[sextet], 1, err);
    }
    if (result == 0)
        result = add_pattern(secret, text.data, sure - first, false, err);
    if (result == 0)
        result = add_pattern(secret, text.data, all - first, true, err);
    release(&text);
    return result;
}

static bool is_unreserved(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

enum { URL_LOWER = 1, URL_PATH = 2, URL_FORM = 4, URL_STYLES = 8 };

static int append_url(struct salvor_buffer *out, unsigned char byte, int style,
                      struct salvor_error *err)
{
    if (is_unreserved(byte) || (byte == '/' && style & URL_PATH))
        return salvor_buffer_append(out, &byte, 1, err);
    if (byte == ' ' && style & URL_FORM)
        return salvor_buffer_append(out, "+", 1, err);
    return salvor_buffer_printf(out, err, style & URL_LOWER ? "%%%02x" : "%%%02X", byte);
}

enum { JSON_SLASH = 1, JSON_HTML = 2, JSON_ASCII = 4, JSON_UPPER = 8, JSON_STYLES = 16 };

static int append_unit(struct salvor_buffer *out, unsigned unit, int style,
                       struct salvor_error *err)
{
    return salvor_buffer_printf(out, err, style & JSON_UPPER ? "\\u%04X" : "\\u%04x", unit);
}

/* One character beyond ASCII, which some encoders write as \u escapes; *used: its bytes. */
static int append_wide(struct salvor_buffer *out, const unsigned char *bytes, size_t size,
                       int style, size_t *used, struct salvor_error *err)
{
    size_t length = bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : 2;
    *used = 1;
    if (!(style & JSON_ASCII) || bytes[0] < 0xC2 || bytes[0] > 0xF4 || length > size)
        return salvor_buffer_append(out, bytes, 1, err);
    unsigned character = bytes[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        character = character << 6 | (bytes[i] & 0x3F);
    *used = length;
    if (character < 0x10000)
        return append_unit(out, character, style, err);
    character -= 0x10000;
    if (append_unit(out, 0xD800 | character >> 10, style, err) < 0)
        return -1;
    return append_unit(out, 0xDC00 | (character & 0x3FF), style, err);
}

static int append_json(struct salvor_buffer *out, unsigned char byte, int style,
                       struct salvor_error *err)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = byte ? strchr(escaped, byte) : NULL;
    char pair[2] = {'\\', (char)byte};
    if (found)
        pair[1] = letters[found - escaped];
    if (found || (byte == '/' && style & JSON_SLASH))
        return salvor_buffer_append(out, pair, 2, err);
    if (byte < 0x20 || (style & JSON_HTML && strchr("<>&", byte)))
        return append_unit(out, byte, style, err);
    return salvor_buffer_append(out, &byte, 1, err);
}

static int add_url(struct secret *secret, const char *value, size_t size, int style,
                   struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(3 * VALUE_LIMIT);
    int result = 0;
    for (size_t i = 0; i < size && result == 0; i++)
        result = append_url(&text, (unsigned char)value[i], style, err);
    if (result == 0)
        result = add_pattern(secret, text.data, text.size, false, err);
    release(&text);
    return result;
}

static int add_json(struct secret *secret, const char *value, size_t size, int style,
                    struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(6 * VALUE_LIMIT);
    const unsigned char *bytes = (const unsigned char *)value;
    int result = 0;
    for (size_t i = 0, used = 1; i < size && result == 0; i += used) {
        used = 1;
        result = bytes[i] < 0x80 ? append_json(&text, bytes[i], style, err)
                                 : append_wide(&text, bytes + i, size - i, style, &used, err);
    }
    if (result == 0)
        result = add_pattern(secret, text.data, text.size, false, err);
    release(&text);
    return result;
}

static int add_lines(struct secret *secret, const char *value, size_t size,
                     struct salvor_error *err)
{
    int result = 0;
    while (size && result == 0) {
        const char *end = memchr(value, '\n', size);
        size_t line = end ? (size_t)(end - value) : size;
        if (line >= LONG_LINE && !memchr(value, ' ', line))
            result = add_pattern(secret, value, line, false, err);
        line += end != NULL;
        value += line;
        size -= line;
    }
    return result;
}

static int add_looks(struct secret *secret, struct salvor_error *err)
{
    const char *value = secret->value;
    size_t size = secret->size;
    int result = add_pattern(secret, value, size, false, err);
    for (size_t before = 0; before < 3 && result == 0; before++) {
        result = add_base64(secret, value, size, before, standard_alphabet, err);
        if (result == 0)
            result = add_base64(secret, value, size, before, url_alphabet, err);
    }
    for (int style = 0; style < URL_STYLES && result == 0; style++)
        result = add_url(secret, value, size, style, err);
    for (int style = 0; style < JSON_STYLES && result == 0; style++)
        result = add_json(secret, value, size, style, err);
    return result == 0 ? add_lines(secret, value, size, err) : result;
}

/* The registry */

static size_t without_line_end(const char *value, size_t size)
{
    while (size && (value[size - 1] == '\n' || value[size - 1] == '\r'))
        size--;
    return size;
}

static struct secret **find_secret(const char *value, size_t size)
{
    struct secret **link = &registry.secrets;
    while (*link && ((*link)->size != size || memcmp((*link)->value, value, size) != 0))
        link = &(*link)->next;
    return link;
}

static void forget(struct secret **link)
{
    struct secret *secret = *link;
    *link = secret->next;
    remove_patterns(secret);
    wipe(secret, sizeof(*secret) + secret->size);
}

int salvor_secret_add(bool *registered, const char *value, size_t size, struct salvor_error *err)
{
    static bool will_clear;
    size = without_line_end(value, size);
    *registered = size >= SALVOR_SECRET_MINIMUM;
    if (!*registered)
        return 0;
    if (size > VALUE_LIMIT)
        return salvor_error_set(err, "TooLarge", "a secret of more than %d bytes", VALUE_LIMIT);
    struct secret *secret = *find_secret(value, size);
    if (secret) {
        secret->uses++;
        return 0;
    }
    secret = malloc(sizeof(*secret) + size);
    if (!secret)
        return salvor_error_memory(err);
    *secret = (struct secret){.next = registry.secrets, .size = size, .uses = 1};
    memcpy(secret->value, value, size);
    registry.secrets = secret;
    if (!will_clear)
        will_clear = atexit(salvor_secret_clear) == 0;
    if (add_looks(secret, err) == 0)
        return 0;
    forget(&registry.secrets);
    return -1;
}

void salvor_secret_remove(const char *value, size_t size)
{
    struct secret **link = find_secret(value, without_line_end(value, size));
    if (*link && --(*link)->uses == 0)
        forget(link);
}

void salvor_secret_clear(void)
{
    remove_patterns(NULL);
    while (registry.secrets) {
        struct secret *secret = registry.secrets;
        registry.secrets = secret->next;
        wipe(secret, sizeof(*secret) + secret->size);
    }
    free(registry.slots);
    registry.slots = NULL;
    registry.slot_count = 0;
}

/* Masking */

static struct search *new_search(const struct pattern *pattern)
{
    struct search *search = calloc(1, search_size(pattern));
    size_t border = 0;
    for (size_t i = 1; search && i < pattern->size; i++) {
        while (border && pattern->bytes[i] != pattern->bytes[border])
            border = search->borders[border];
        border += pattern->bytes[i] == pattern->bytes[border];
        search->borders[i + 1] = (uint32_t)border;
    }
    return search;
}

/* Whether a long pattern stands at text[at]. It is asked with a larger `at` each time. */
static bool search_at(const struct pattern *pattern, const char *text, size_t size, size_t at)
{
    struct search *search = pattern->search;
    if (search->text != registry.texts || search->end < at) {
        search->text = registry.texts;
        search->end = at;
        search->matched = 0;
    }
    while (search->end - search->matched <= at) {
        if (search->end - search->matched == at && search->matched == pattern->size)
            return true;
        if (search->matched < pattern->size && search->end < size &&
            text[search->end] == pattern->bytes[search->matched]) {
            search->end++;
            search->matched++;
        } else if (search->matched) {
            search->matched = search->borders[search->matched];
        } else {
            search->end++;
        }
    }
    return false;
}

static bool stands_at(struct pattern *pattern, const char *text, size_t size, size_t at)
{
    if (pattern->size > size - at)
        return false;
    if (pattern->size >= LONG_PATTERN && !pattern->search)
        pattern->search = new_search(pattern);
    /* Without memory for the search it takes longer. */
    return pattern->search ? search_at(pattern, text, size, at)
                           : memcmp(pattern->bytes, text + at, pattern->size) == 0;
}

/* How many bytes at text[at] are to be masked: the longest pattern there, with its padding. */
static size_t match(const char *text, size_t size, size_t at)
{
    size_t longest = 0;
    if (size - at < HASHED || !registry.slot_count)
        return 0;
    struct pattern *pattern = registry.slots[slot_of(text + at, registry.slot_count)];
    for (; pattern; pattern = pattern->next) {
        if (!stands_at(pattern, text, size, at))
            continue;
        size_t end = at + pattern->size;
        for (int i = 0; pattern->padded && i < 2 && end < size && text[end] == '='; i++)
            end++;
        if (end - at > longest)
            longest = end - at;
    }
    return longest;
}

int salvor_secret_mask(struct salvor_buffer *out, bool *found, const char *text, size_t size,
                       struct salvor_error *err)
{
    size_t shown = 0, hidden = 0; /* up to where the text was dealt with, and is masked */
    *found = false;
    registry.texts++;
    for (size_t i = 0; i < size; i++) {
        size_t length = match(text, size, i);
        if (!length || i + length <= hidden)
            continue;
        /* Occurrences that overlap or touch become one. */
        if ((!*found || i > hidden) &&
            (salvor_buffer_append(out, text + shown, i - shown, err) < 0 ||
             salvor_buffer_append(out, SALVOR_SECRET_MASK, strlen(SALVOR_SECRET_MASK), err) < 0))
            return -1;
        *found = true;
        shown = hidden = i + length;
    }
    return *found ? salvor_buffer_append(out, text + shown, size - shown, err) : 0;
}
