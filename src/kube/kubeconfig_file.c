#include "kube/kubeconfig_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/path.h"
#include "data/yaml.h"

int salvor_kubeconfig_read(struct salvor_buffer *out, const char *path, const char *base,
                           struct salvor_error *err)
{
    struct salvor_buffer whole = SALVOR_BUFFER_INIT(65536);
    int result = base && *path != '/' ? salvor_path_folder(&whole, base, err) : 0;
    if (result == 0)
        result = salvor_path_join(&whole, path, err);
    if (result == 0)
        result = salvor_file_read(out, whole.data, err);
    salvor_buffer_release(&whole);
    return result;
}

static void wipe(json_t *value)
{
    const char *key;
    json_t *item;
    size_t index;
    if (json_is_object(value)) {
        json_object_foreach(value, key, item) wipe(item);
    } else if (json_is_array(value)) {
        json_array_foreach(value, index, item) wipe(item);
    } else if (json_is_string(value)) {
        explicit_bzero((char *)json_string_value(value), json_string_length(value));
    }
}

void salvor_kubeconfig_files_free(struct salvor_kubeconfig_file *list)
{
    while (list) {
        struct salvor_kubeconfig_file *next = list->next;
        wipe(list->root);
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

static int load(struct salvor_kubeconfig_file *file, const char *path, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_KUBECONFIG_LIMIT);
    struct salvor_error cause;
    int result = salvor_kubeconfig_read(&text, path, NULL, err);
    if (result == 0 && (result = parse(&file->root, &text, &cause)) < 0) {
        salvor_error_set(err, cause.code, "kubeconfig %s: %s", path, cause.message);
        salvor_error_hint(err, "correct the file, or name another one");
    }
    if (text.capacity)
        explicit_bzero(text.data, text.size);
    salvor_buffer_release(&text);
    return result;
}

int salvor_kubeconfig_file_add(struct salvor_kubeconfig_file **list, const char *path,
                               bool required, struct salvor_error *err)
{
    if (!required && access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    struct salvor_kubeconfig_file *file = calloc(1, sizeof(*file));
    if (!file || !(file->path = strdup(path))) {
        free(file);
        return salvor_error_memory(err);
    }
    while (*list)
        list = &(*list)->next;
    *list = file;
    return load(file, path, err);
}

static const json_t *entries(const struct salvor_kubeconfig_file *file, const char *kind)
{
    char plural[32];
    snprintf(plural, sizeof(plural), "%ss", kind);
    return json_object_get(file->root, plural);
}

static const char *name_of(const json_t *entry)
{
    return json_string_value(json_object_get(entry, "name"));
}

bool salvor_kubeconfig_find(struct salvor_kubeconfig_entry *out,
                            const struct salvor_kubeconfig_file *list, const char *kind,
                            const char *name)
{
    for (; list; list = list->next) {
        const json_t *all = entries(list, kind);
        for (size_t i = 0; i < json_array_size(all); i++) {
            const json_t *entry = json_array_get(all, i);
            const char *own = name_of(entry);
            if (!own || strcmp(own, name) != 0)
                continue;
            out->file = list;
            out->value = json_object_get(entry, kind);
            return true;
        }
    }
    return false;
}

bool salvor_kubeconfig_has_names(const struct salvor_kubeconfig_file *list, const char *kind)
{
    for (; list; list = list->next) {
        const json_t *all = entries(list, kind);
        for (size_t i = 0; i < json_array_size(all); i++)
            if (name_of(json_array_get(all, i)))
                return true;
    }
    return false;
}

void salvor_kubeconfig_names(struct salvor_buffer *out, const struct salvor_kubeconfig_file *list,
                             const char *kind)
{
    for (; list; list = list->next) {
        const json_t *all = entries(list, kind);
        for (size_t i = 0; i < json_array_size(all); i++) {
            const char *name = name_of(json_array_get(all, i));
            if (name)
                salvor_buffer_printf(out, NULL, "%s%s", out->size ? ", " : "", name);
        }
    }
}
