#include "data/info_file.h"

#include <stdlib.h>
#include <string.h>

static const char encrypted[] = "Salted__";
static const char checksum_key[] = "backrest-checksum";

int salvor_info_init(struct salvor_info_reader *reader, struct salvor_error *err)
{
    *reader = (struct salvor_info_reader){0};
    salvor_buffer_init(&reader->text, 2 * SALVOR_INFO_LINE_MAX);
    salvor_buffer_init(&reader->section, SALVOR_INFO_SECTION_MAX);
    salvor_buffer_init(&reader->counted, SALVOR_INFO_SECTION_MAX);
    return salvor_digest_init(&reader->digest, "sha1", err);
}

void salvor_info_release(struct salvor_info_reader *reader)
{
    salvor_buffer_release(&reader->text);
    salvor_buffer_release(&reader->section);
    salvor_buffer_release(&reader->counted);
    salvor_digest_release(&reader->digest);
    salvor_json_reader_release(&reader->json);
}

static int corrupt(const struct salvor_info_reader *reader, const char *what,
                   struct salvor_error *err)
{
    return salvor_error_set(err, "Corrupt", "line %lld: %s", (long long)reader->number, what);
}

int salvor_info_add(struct salvor_info_reader *reader, const void *data, size_t size,
                    struct salvor_error *err)
{
    salvor_buffer_consume(&reader->text, reader->taken);
    reader->taken = 0;
    return salvor_buffer_append(&reader->text, data, size, err);
}

void salvor_info_end(struct salvor_info_reader *reader)
{
    reader->ended = true;
}

/* The digest */

static int add_text(struct salvor_info_reader *reader, const char *text, struct salvor_error *err)
{
    return salvor_digest_update(&reader->digest, text, strlen(text), err);
}

/* As pgBackRest writes a JSON string: these are the only escapes it makes. */
static int add_string(struct salvor_info_reader *reader, const char *text, size_t size,
                      struct salvor_error *err)
{
    static const char plain[] = "\"\\\n\r\t\b\f", escaped[] = "\"\\nrtbf";
    if (add_text(reader, "\"", err) < 0)
        return -1;
    for (size_t from = 0, at = 0; at <= size; at++) {
        const char *found = at < size && text[at] ? strchr(plain, text[at]) : NULL;
        if (at < size && !found)
            continue;
        if (salvor_digest_update(&reader->digest, text + from, at - from, err) < 0)
            return -1;
        const char escape[3] = {'\\', found ? escaped[found - plain] : '\0', '\0'};
        if (found && add_text(reader, escape, err) < 0)
            return -1;
        from = at + 1;
    }
    return add_text(reader, "\"", err);
}

/* The section in front of its first key, or what separates a key from the one before. */
static int add_separator(struct salvor_info_reader *reader, struct salvor_error *err)
{
    const struct salvor_buffer *section = &reader->section;
    struct salvor_buffer *counted = &reader->counted;
    if (reader->any && section->size == counted->size &&
        !memcmp(section->data, counted->data, section->size))
        return add_text(reader, ",", err);
    if (add_text(reader, reader->any ? "}," : "{", err) < 0)
        return -1;
    reader->any = true;
    salvor_buffer_clear(counted);
    if (salvor_buffer_append(counted, section->data, section->size, err) < 0)
        return -1;
    if (add_string(reader, section->data, section->size, err) < 0)
        return -1;
    return add_text(reader, ":{", err);
}

static bool is(const char *text, size_t size, const char *word)
{
    return size == strlen(word) && !memcmp(text, word, size);
}

static int note_checksum(struct salvor_info_reader *reader, const struct salvor_info_line *line,
                         struct salvor_error *err)
{
    if (line->value_size != 42 || line->value[0] != '"')
        return corrupt(reader, "the checksum is not 40 digits in quotes", err);
    memcpy(reader->stated, line->value + 1, 40);
    return 0;
}

static int count(struct salvor_info_reader *reader, const struct salvor_info_line *line,
                 struct salvor_error *err)
{
    if (is(line->section, line->section_size, "backrest") &&
        is(line->key, line->key_size, checksum_key))
        return note_checksum(reader, line, err);
    if (add_separator(reader, err) < 0 || add_string(reader, line->key, line->key_size, err) < 0 ||
        add_text(reader, ":", err) < 0)
        return -1;
    return salvor_digest_update(&reader->digest, line->value, line->value_size, err);
}

/* Lines */

static bool begins_value(char character)
{
    return character && strchr("{[\"-0123456789tfn", character);
}

/* The first "=" behind which all is JSON ends the key. */
static int split(struct salvor_info_line *line, struct salvor_info_reader *reader, const char *text,
                 size_t size, struct salvor_error *err)
{
    const char *end = text + size, *at = text;
    while ((at = memchr(at, '=', (size_t)(end - at)))) {
        const char *value = ++at;
        size_t length = (size_t)(end - value);
        if (value == end || !begins_value(*value))
            continue;
        int is_json = salvor_json_test(&reader->json, value, length, err);
        if (is_json < 0)
            return -1;
        if (!is_json)
            continue;
        *line = (struct salvor_info_line){.section = reader->section.data,
                                          .section_size = reader->section.size,
                                          .key = text,
                                          .key_size = (size_t)(value - 1 - text),
                                          .value = value,
                                          .value_size = length};
        return line->key_size ? 0 : corrupt(reader, "there is no key before the '='", err);
    }
    return corrupt(reader, "neither a section nor a key with a JSON value", err);
}

static int open_section(struct salvor_info_reader *reader, const char *text, size_t size,
                        struct salvor_error *err)
{
    if (size < 3 || size - 2 > SALVOR_INFO_SECTION_MAX || text[size - 1] != ']')
        return corrupt(reader, "this is no name of a section", err);
    salvor_buffer_clear(&reader->section);
    reader->in_section = true;
    return salvor_buffer_append(&reader->section, text + 1, size - 2, err);
}

/* 1: it gave a key; 0: it did not. */
static int read_line(struct salvor_info_line *out, struct salvor_info_reader *reader,
                     const char *text, size_t size, struct salvor_error *err)
{
    reader->number++;
    if (size > SALVOR_INFO_LINE_MAX)
        return salvor_error_set(err, "TooLarge", "line %lld has more than %zu bytes",
                                (long long)reader->number, SALVOR_INFO_LINE_MAX);
    if (size == 0)
        return 0;
    if (text[0] == '[')
        return open_section(reader, text, size, err);
    if (!reader->in_section)
        return corrupt(reader, "a section is expected first, as in [backrest]", err);
    if (split(out, reader, text, size, err) < 0 || count(reader, out, err) < 0)
        return -1;
    return 1;
}

static int check_beginning(struct salvor_info_reader *reader, struct salvor_error *err)
{
    size_t size = sizeof(encrypted) - 1;
    if (reader->text.size < size && !reader->ended)
        return 0;
    reader->checked = true;
    if (reader->text.size >= size && !memcmp(reader->text.data, encrypted, size))
        return salvor_error_set(err, "Unsupported", "the file is encrypted");
    return 0;
}

int salvor_info_next(struct salvor_info_line *out, struct salvor_info_reader *reader,
                     struct salvor_error *err)
{
    if (!reader->checked && check_beginning(reader, err) < 0)
        return -1;
    while (reader->checked && reader->taken < reader->text.size) {
        const char *text = reader->text.data + reader->taken;
        size_t left = reader->text.size - reader->taken;
        const char *end = memchr(text, '\n', left);
        if (!end && !reader->ended) {
            if (left <= SALVOR_INFO_LINE_MAX)
                return 0;
            reader->number++;
            return salvor_error_set(err, "TooLarge", "line %lld has more than %zu bytes",
                                    (long long)reader->number, SALVOR_INFO_LINE_MAX);
        }
        size_t size = end ? (size_t)(end - text) : left;
        reader->taken += size + (end != NULL);
        int result = read_line(out, reader, text, size, err);
        if (result)
            return result;
    }
    return 0;
}

int salvor_info_checksum(struct salvor_info_checksum *out, struct salvor_info_reader *reader,
                         struct salvor_error *err)
{
    *out = (struct salvor_info_checksum){0};
    if (!reader->digest.size && add_text(reader, reader->any ? "}}" : "{}", err) < 0)
        return -1;
    if (salvor_digest_finish(&reader->digest, err) < 0)
        return -1;
    salvor_hex(out->actual, reader->digest.value, reader->digest.size);
    memcpy(out->stated, reader->stated, sizeof(out->stated));
    out->matches = !strcmp(out->stated, out->actual);
    return 0;
}
