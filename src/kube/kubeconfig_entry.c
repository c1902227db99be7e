#include "kube/kubeconfig_entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/base64.h"

void salvor_kubeconfig_forget(char **text)
{
    if (*text) {
        explicit_bzero(*text, strlen(*text));
        free(*text);
    }
    *text = NULL;
}

int salvor_kubeconfig_set(char **out, const char *value, struct salvor_error *err)
{
    char *copy = strdup(value);
    salvor_kubeconfig_forget(out);
    *out = copy;
    return copy ? 0 : salvor_error_memory(err);
}

/* Findings */

void salvor_kubeconfig_wrong(const struct salvor_kubeconfig_entry *entry, const char *hint,
                             const char *problem, ...)
{
    struct salvor_kubeconfig_findings *findings = entry->findings;
    char text[1024], before[sizeof(findings->error.message)] = "";
    va_list args;
    va_start(args, problem);
    vsnprintf(text, sizeof(text), problem, args);
    va_end(args);
    if (findings->error.code[0])
        snprintf(before, sizeof(before), "%.1900s; ", findings->error.message);
    bool same_file = findings->last == entry->file;
    salvor_error_set(&findings->error, "Invalid", "%s%s%s%s%s \"%s\" %s", before,
                     same_file ? "" : "kubeconfig ", same_file ? "" : entry->file->path,
                     same_file ? "" : ": ", entry->kind, entry->name, text);
    salvor_error_hint(&findings->error, "%s", *before ? "correct all of it" : hint);
    findings->last = entry->file;
}

void salvor_kubeconfig_failed(const struct salvor_kubeconfig_entry *entry,
                              const struct salvor_error *err)
{
    struct salvor_kubeconfig_findings *findings = entry->findings;
    if (!findings->error.code[0] || !strcmp(err->code, "Internal"))
        findings->error = *err;
    findings->last = NULL;
}

/* Values */

static const json_t *value_of(const struct salvor_kubeconfig_entry *entry, const char *field)
{
    const json_t *value = json_object_get(entry->value, field);
    return json_is_null(value) ? NULL : value;
}

bool salvor_kubeconfig_has(const struct salvor_kubeconfig_entry *entry, const char *field)
{
    return value_of(entry, field) != NULL;
}

/* The field's value when it is of that type, which `what` names. */
static const json_t *typed(const struct salvor_kubeconfig_entry *entry, const char *field,
                           json_type type, const char *what)
{
    const json_t *value = value_of(entry, field);
    if (!value || json_typeof(value) == type)
        return value;
    salvor_kubeconfig_wrong(
        entry, type == JSON_STRING ? "put it in quotes" : "see kubectl's manual for its form",
        "has a value for %s%s that is not %s", entry->within, field, what);
    return NULL;
}

/* Text goes into C strings, where a NUL would hide what is behind it. */
static const char *whole_text(const struct salvor_kubeconfig_entry *entry, const char *field,
                              const json_t *value)
{
    const char *text = json_string_value(value);
    if (text && strlen(text) != json_string_length(value)) {
        salvor_kubeconfig_wrong(entry, "correct it", "has a NUL in %s%s", entry->within, field);
        return NULL;
    }
    return text;
}

const char *salvor_kubeconfig_text(const struct salvor_kubeconfig_entry *entry, const char *field)
{
    const char *text = whole_text(entry, field, typed(entry, field, JSON_STRING, "a string"));
    return text && *text ? text : NULL;
}

void salvor_kubeconfig_copy(char **out, const struct salvor_kubeconfig_entry *entry,
                            const char *field)
{
    struct salvor_error err;
    const char *text = salvor_kubeconfig_text(entry, field);
    if (text && salvor_kubeconfig_set(out, text, &err) < 0)
        salvor_kubeconfig_failed(entry, &err);
}

bool salvor_kubeconfig_flag(const struct salvor_kubeconfig_entry *entry, const char *field)
{
    const json_t *value = value_of(entry, field);
    if (value && !json_is_boolean(value))
        salvor_kubeconfig_wrong(entry, "write true or false without quotes",
                                "has a value for %s%s that is neither true nor false",
                                entry->within, field);
    return json_is_true(value);
}

const json_t *salvor_kubeconfig_list(const struct salvor_kubeconfig_entry *entry, const char *field)
{
    return typed(entry, field, JSON_ARRAY, "a list");
}

const json_t *salvor_kubeconfig_map(const struct salvor_kubeconfig_entry *entry, const char *field)
{
    return typed(entry, field, JSON_OBJECT, "a mapping");
}

const char *salvor_kubeconfig_item(const struct salvor_kubeconfig_entry *entry, const char *field,
                                   const json_t *list, size_t index)
{
    const json_t *value = json_array_get(list, index);
    if (!json_is_string(value))
        salvor_kubeconfig_wrong(entry, "put it in quotes",
                                "has an element %zu of %s%s that is not a string", index + 1,
                                entry->within, field);
    return whole_text(entry, field, value);
}

/* PEM */

/* Line breaks are allowed in base64 here, as they are for kubectl. */
static int decode(struct salvor_buffer *out, const char *text, struct salvor_error *err)
{
    struct salvor_buffer joined = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    int result = salvor_buffer_reserve(&joined, strlen(text), err);
    while (*text && result == 0) {
        size_t length = strcspn(text, "\r\n ");
        result = salvor_buffer_append(&joined, text, length, err);
        text += length + (text[length] != '\0');
    }
    if (result == 0)
        result = salvor_base64_decode(out, joined.data, joined.size, err);
    salvor_buffer_release_wiped(&joined);
    return result;
}

static int check_pem(const struct salvor_buffer *text, struct salvor_error *err)
{
    if (strlen(text->data) != text->size)
        return salvor_error_set(err, "Invalid", "it holds a NUL byte");
    if (!strstr(text->data, "-----BEGIN "))
        return salvor_error_set(err, "Invalid", "it is not PEM");
    /* OpenSSL would stop and ask the terminal for its password. */
    if (strstr(text->data, "BEGIN ENCRYPTED PRIVATE KEY") || strstr(text->data, "4,ENCRYPTED"))
        return salvor_error_set(err, "Invalid", "the key is encrypted");
    return 0;
}

void salvor_kubeconfig_pem(char **out, const struct salvor_kubeconfig_entry *entry,
                           const char *field)
{
    char data_field[64];
    snprintf(data_field, sizeof(data_field), "%s-data", field);
    const char *path = salvor_kubeconfig_text(entry, field);
    const char *data = salvor_kubeconfig_text(entry, data_field);
    if (path && data)
        salvor_kubeconfig_wrong(entry, "keep one of them", "has both %s and %s", field, data_field);
    if (!path == !data)
        return;
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    struct salvor_error cause;
    int result = data ? decode(&text, data, &cause)
                      : salvor_kubeconfig_read(&text, path, entry->file->path, &cause);
    if (result == 0)
        result = check_pem(&text, &cause);
    if (result == 0)
        result = salvor_kubeconfig_set(out, text.data, &cause);
    salvor_buffer_release_wiped(&text);
    if (result < 0)
        salvor_kubeconfig_wrong(entry, "correct the entry or the file it names",
                                "has a %s that cannot be used: %.700s", data ? data_field : field,
                                cause.message);
}
