#include "kube/kubeconfig_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/path.h"
#include "data/yaml.h"

int salvor_kubeconfig_path(struct salvor_buffer *out, const char *path, const char *base,
                           struct salvor_error *err)
{
    if (base && *path != '/' && salvor_path_folder(out, base, err) < 0)
        return -1;
    return salvor_path_join(out, path, err);
}

int salvor_kubeconfig_read(struct salvor_buffer *out, const char *path, const char *base,
                           struct salvor_error *err)
{
    struct salvor_buffer whole = SALVOR_BUFFER_INIT(65536);
    int result = salvor_kubeconfig_path(&whole, path, base, err);
    if (result == 0)
        result = salvor_file_read_within(out, whole.data, SALVOR_KUBECONFIG_SECONDS, err);
    salvor_buffer_release(&whole);
    return result;
}

void salvor_kubeconfig_wipe(json_t *value)
{
    const char *key;
    json_t *item;
    size_t index;
    if (json_is_object(value)) {
        json_object_foreach(value, key, item) salvor_kubeconfig_wipe(item);
    } else if (json_is_array(value)) {
        json_array_foreach(value, index, item) salvor_kubeconfig_wipe(item);
    } else if (json_is_string(value)) {
        explicit_bzero((char *)json_string_value(value), json_string_length(value));
    }
}

void salvor_kubeconfig_files_free(struct salvor_kubeconfig_file *list)
{
    while (list) {
        struct salvor_kubeconfig_file *next = list->next;
        salvor_kubeconfig_wipe(list->root);
        json_decref(list->index);
        json_decref(list->root);
        free(list->path);
        free(list);
        list = next;
    }
}

/* An empty file is an empty configuration. */
static int parse(json_t **out, const struct salvor_buffer *text, struct salvor_error *err)
{
    struct salvor_yaml_reader *reader;
    if (salvor_yaml_reader_new(&reader, text->data, text->size, err) < 0)
        return -1;
    int found = salvor_yaml_read(reader, out, err);
    salvor_yaml_reader_free(reader);
    if (found < 0)
        return -1;
    if (found == 0 || json_is_null(*out)) {
        json_decref(*out);
        *out = json_object();
    }
    if (!*out)
        return salvor_error_memory(err);
    if (!json_is_object(*out))
        return salvor_error_set(err, "Invalid", "the document is not a mapping");
    return 0;
}

/* The text of a scalar that may be missing: `fallback` then; NULL when it is something else. */
static const char *scalar(const json_t *root, const char *field, const char *fallback)
{
    const json_t *value = json_object_get(root, field);
    return value && !json_is_null(value) ? json_string_value(value) : fallback;
}

/* Checks the entries of one list, which *seen gets by their names. */
static int check_entries(const json_t *root, const char *plural, json_t *seen,
                         struct salvor_error *err)
{
    const json_t *list = json_object_get(root, plural);
    json_t *entry;
    size_t index;
    if (list && !json_is_null(list) && !json_is_array(list))
        return salvor_error_set(err, "Invalid", "%s is not a list", plural);
    json_array_foreach(list, index, entry)
    {
        const char *name = json_is_object(entry) ? scalar(entry, "name", "") : NULL;
        if (!name)
            return salvor_error_set(err, "Invalid", "entry %zu of %s is not a mapping with a name",
                                    index + 1, plural);
        if (json_object_get(seen, name))
            return salvor_error_set(err, "Invalid", "%s has two entries named \"%.200s\"", plural,
                                    name);
        if (json_object_set(seen, name, entry) < 0)
            return salvor_error_memory(err);
    }
    return 0;
}

static int check_shape(json_t *index, const json_t *root, struct salvor_error *err)
{
    static const char *const plurals[] = {"clusters", "users", "contexts"};
    const char *version = scalar(root, "apiVersion", "v1"), *kind = scalar(root, "kind", "Config");
    if (!version || !kind || (*version && strcmp(version, "v1")) ||
        (*kind && strcmp(kind, "Config")))
        return salvor_error_set(err, "Invalid", "it is not a Config of apiVersion v1");
    if (!scalar(root, "current-context", ""))
        return salvor_error_set(err, "Invalid", "current-context is not a string");
    int result = 0;
    for (size_t i = 0; i < sizeof(plurals) / sizeof(plurals[0]) && result == 0; i++) {
        json_t *seen = json_object();
        result = json_object_set_new(index, plurals[i], seen) < 0
                     ? salvor_error_memory(err)
                     : check_entries(root, plurals[i], seen, err);
    }
    return result;
}

static int load(struct salvor_kubeconfig_file *file, const char *path, int seconds,
                struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    struct salvor_error cause;
    int result = salvor_file_read_within(&text, path, seconds, &cause);
    bool is_read = result == 0;
    if (is_read)
        result = parse(&file->root, &text, &cause);
    if (is_read && result == 0)
        result = check_shape(file->index, file->root, &cause);
    if (result < 0) {
        salvor_error_set(err, cause.code, "kubeconfig %s%s%s", is_read ? path : "",
                         is_read ? ": " : "", cause.message);
        salvor_error_hint(err, "%s",
                          is_read         ? "correct the file, or name another one"
                          : cause.hint[0] ? cause.hint
                                          : "name a file that can be read");
    }
    salvor_buffer_release_wiped(&text);
    return result;
}

int salvor_kubeconfig_file_add(struct salvor_kubeconfig_file **list, const char *path,
                               bool required, int seconds, struct salvor_error *err)
{
    if (!required && access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    struct salvor_kubeconfig_file *file = calloc(1, sizeof(*file));
    if (!file || !(file->path = strdup(path)) || !(file->index = json_object())) {
        salvor_kubeconfig_files_free(file);
        return salvor_error_memory(err);
    }
    while (*list)
        list = &(*list)->next;
    *list = file;
    return load(file, path, seconds, err);
}

static const json_t *entries(const struct salvor_kubeconfig_file *file, const char *kind)
{
    char plural[32];
    snprintf(plural, sizeof(plural), "%ss", kind);
    return json_object_get(file->index, plural);
}

/* An entry without a name cannot be meant by anybody. */
static bool is_named(const json_t *entry)
{
    return json_is_string(json_object_get(entry, "name"));
}

bool salvor_kubeconfig_find(const json_t **out, const struct salvor_kubeconfig_file **file,
                            const struct salvor_kubeconfig_file *list, const char *kind,
                            const char *name)
{
    for (; list; list = list->next) {
        const json_t *entry = json_object_get(entries(list, kind), name);
        if (!is_named(entry))
            continue;
        *file = list;
        *out = json_object_get(entry, kind);
        return true;
    }
    return false;
}

static int add_names(json_t *names, const struct salvor_kubeconfig_file *list, const char *kind)
{
    const char *name;
    json_t *entry;
    for (; list; list = list->next)
        json_object_foreach((json_t *)entries(list, kind), name, entry)
        {
            if (is_named(entry) && json_object_set_new(names, name, json_true()) < 0)
                return -1;
        }
    return 0;
}

static int compare(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

json_t *salvor_kubeconfig_names(const struct salvor_kubeconfig_file *list, const char *kind)
{
    json_t *names = json_object(), *result = json_array();
    const char **sorted = NULL, *name;
    json_t *value;
    size_t count = 0;
    bool failed = !names || !result || add_names(names, list, kind) < 0 ||
                  !(sorted = calloc(json_object_size(names) + 1, sizeof(*sorted)));
    if (!failed)
        json_object_foreach(names, name, value) sorted[count++] = name;
    if (count)
        qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0; i < count && !failed; i++)
        failed = json_array_append_new(result, json_string(sorted[i])) < 0;
    free(sorted);
    json_decref(names);
    if (failed)
        json_decref(result);
    return failed ? NULL : result;
}

const char *salvor_kubeconfig_current(const struct salvor_kubeconfig_file *list)
{
    for (; list; list = list->next) {
        const char *name = json_string_value(json_object_get(list->root, "current-context"));
        if (name && *name)
            return name;
    }
    return NULL;
}
