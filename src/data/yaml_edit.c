#include "data/yaml_edit.h"

#include <string.h>

#include "data/yaml.h"
#include "data/yaml_node.h"
#include "data/yaml_path.h"
#include "data/yaml_splice.h"

/* *out becomes a list of the values of all documents; of none, of one that is null. */
static int read_documents(json_t **out, const char *text, size_t size, struct salvor_error *err)
{
    struct salvor_yaml_reader *reader;
    int result;
    json_t *document;
    *out = NULL;
    if (salvor_yaml_reader_new(&reader, text, size, err) < 0)
        return -1;
    json_t *list = json_array();
    while ((result = salvor_yaml_read(reader, &document, err)) > 0)
        if (json_array_append_new(list, document) < 0) {
            result = salvor_error_memory(err);
            break;
        }
    salvor_yaml_reader_free(reader);
    if (result == 0 && json_array_size(list) == 0 && json_array_append_new(list, json_null()) < 0)
        result = salvor_error_memory(err);
    if (result < 0)
        json_decref(list);
    else
        *out = list;
    return result;
}

int salvor_yaml_edit_init(struct salvor_yaml_edit *edit, const char *text, size_t size,
                          size_t document, struct salvor_error *err)
{
    *edit = (struct salvor_yaml_edit){.text = SALVOR_BUFFER_INIT(SIZE_MAX / 2)};
    if (salvor_yaml_is_utf16(text, size))
        return salvor_error_set(err, "Invalid", "a text in UTF-16 cannot be edited");
    if (read_documents(&edit->documents, text, size, err) < 0 ||
        salvor_buffer_append(&edit->text, text, size, err) < 0)
        return -1;
    size_t count = json_array_size(edit->documents);
    if (document > count)
        return salvor_error_set(err, "Invalid", "no document %zu: the text has %zu", document,
                                count);
    if (document == 0 && count > 1)
        return salvor_error_set(err, "Invalid", "the text has %zu documents: say which one", count);
    edit->document = document ? document - 1 : 0;
    return 0;
}

void salvor_yaml_edit_release(struct salvor_yaml_edit *edit)
{
    salvor_buffer_release(&edit->text);
    json_decref(edit->documents);
    *edit = (struct salvor_yaml_edit){.text = SALVOR_BUFFER_INIT(SIZE_MAX / 2)};
}

/* An error about the first `count` steps of a path; `format` has one %s. */
static int path_error(struct salvor_error *err, const char *code, const json_t *path, size_t count,
                      const char *what)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(1024); /* when full, the rest is left out */
    salvor_yaml_path_format(&text, path, count, NULL);
    salvor_error_set(err, code, "%s %s", text.data, what);
    salvor_buffer_release(&text);
    return -1;
}

int salvor_yaml_edit_get(struct salvor_yaml_edit *edit, json_t **out, const json_t *path,
                         struct salvor_error *err)
{
    json_t *root = json_array_get(edit->documents, edit->document);
    size_t count = json_array_size(path);
    *out = salvor_yaml_path_get(root, path, count);
    if (*out)
        return 0;
    while (count > 0 && !salvor_yaml_path_get(root, path, count - 1))
        count--;
    return path_error(err, "NotFound", path, count, "is not there");
}

/* The tree that a change must lead to. */

static int set_child(json_t *parent, const json_t *step, json_t *value, struct salvor_error *err)
{
    size_t index = (size_t)json_integer_value(step) - 1;
    int result;
    if (json_is_object(parent))
        result = json_object_setn_new_nocheck(parent, json_string_value(step),
                                              json_string_length(step), value);
    else if (index < json_array_size(parent))
        result = json_array_set_new(parent, index, value);
    else
        result = json_array_append_new(parent, value);
    return result < 0 ? salvor_error_memory(err) : 0;
}

/* Whether the value at the first `count` steps can take the next one. */
static int check_step(const json_t *value, const json_t *path, size_t count,
                      struct salvor_error *err)
{
    const json_t *step = json_array_get(path, count);
    if (json_is_string(step))
        return json_is_object(value) ? 0
                                     : path_error(err, "Conflict", path, count, "is not a mapping");
    if (!json_is_array(value))
        return path_error(err, "Conflict", path, count, "is not a list");
    if ((size_t)json_integer_value(step) > json_array_size(value) + 1)
        return path_error(err, "NotFound", path, count + 1, "is beyond the end of the list");
    return 0;
}

/* Sets the value at the path below `documents`; takes a reference of its own. */
static int set_wanted(json_t *documents, size_t document, const json_t *path, json_t *value,
                      struct salvor_error *err)
{
    size_t count = json_array_size(path);
    json_t *parent = documents;
    json_t *place = json_integer((json_int_t)document + 1);
    const json_t *step = place;
    int result = place ? 0 : salvor_error_memory(err);
    for (size_t i = 0; i < count && result == 0; i++) {
        json_t *child =
            json_is_object(parent)
                ? json_object_getn(parent, json_string_value(step), json_string_length(step))
                : json_array_get(parent, (size_t)json_integer_value(step) - 1);
        const json_t *next = json_array_get(path, i);
        if (!child || json_is_null(child)) {
            child = json_is_string(next) ? json_object() : json_array();
            result = set_child(parent, step, child, err);
        }
        if (result == 0)
            result = check_step(child, path, i, err);
        parent = child;
        step = next;
    }
    if (result == 0)
        result = set_child(parent, step, json_incref(value), err);
    json_decref(place);
    return result;
}

static int remove_wanted(json_t *root, const json_t *path, struct salvor_error *err)
{
    size_t count = json_array_size(path);
    json_t *parent = salvor_yaml_path_get(root, path, count - 1);
    const json_t *step = json_array_get(path, count - 1);
    int result = json_is_array(parent)
                     ? json_array_remove(parent, (size_t)json_integer_value(step) - 1)
                     : json_object_deln(parent, json_string_value(step), json_string_length(step));
    return result < 0 ? salvor_error_memory(err) : 0;
}

/* Changes the text so that its documents become `wanted`; `value` NULL removes. */
static int change(struct salvor_yaml_edit *edit, const json_t *path, const json_t *value,
                  json_t *wanted, struct salvor_error *err)
{
    int result = -1;
    for (int compact = 0; compact < 2 && result < 0; compact++) {
        struct salvor_buffer text = SALVOR_BUFFER_INIT(SIZE_MAX / 2);
        json_t *documents = NULL;
        struct salvor_yaml_splice splice = {.text = edit->text.data,
                                            .size = edit->text.size,
                                            .document = edit->document,
                                            .root = json_array_get(edit->documents, edit->document),
                                            .path = path,
                                            .value = value,
                                            .is_compact = compact};
        if (salvor_yaml_splice(&text, &splice, err) < 0) {
            salvor_buffer_release(&text);
            return -1;
        }
        struct salvor_error unread;
        bool is_read = read_documents(&documents, text.data, text.size, &unread) == 0;
        bool is_failure =
            !is_read && !strcmp(unread.code, "Internal"); /* says nothing of the text */
        if (is_read && json_equal(documents, wanted)) {
            struct salvor_buffer old = edit->text;
            edit->text = text;
            text = old;
            json_decref(edit->documents);
            edit->documents = json_incref(documents);
            result = 0;
        }
        json_decref(documents);
        salvor_buffer_release(&text);
        if (is_failure)
            return salvor_error_memory(err);
    }
    return result < 0 ? path_error(err, "Internal", path, json_array_size(path),
                                   "cannot be changed in this text without touching more of it")
                      : 0;
}

/* What the value is once it was YAML: 1.0 comes back as 1. */
static int normalise(json_t **out, const json_t *value, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SIZE_MAX / 2);
    json_t *documents = NULL;
    int result = salvor_yaml_write(&text, value, err);
    if (result == 0)
        result = read_documents(&documents, text.data, text.size, err);
    *out = json_incref(json_array_get(documents, 0));
    json_decref(documents);
    salvor_buffer_release(&text);
    return result;
}

static int set_normal(struct salvor_yaml_edit *edit, const json_t *path, json_t *value,
                      struct salvor_error *err)
{
    json_t *root = json_array_get(edit->documents, edit->document);
    const json_t *old = salvor_yaml_path_get(root, path, json_array_size(path));
    if (old && json_equal(old, value))
        return 0;
    json_t *wanted = json_deep_copy(edit->documents);
    if (!wanted)
        return salvor_error_memory(err);
    int result = set_wanted(wanted, edit->document, path, value, err);
    if (result == 0)
        result = change(edit, path, value, wanted, err);
    json_decref(wanted);
    return result;
}

int salvor_yaml_edit_set(struct salvor_yaml_edit *edit, const json_t *path, const json_t *value,
                         struct salvor_error *err)
{
    json_t *normal;
    if (json_array_size(path) > SALVOR_YAML_DEPTH) /* such trees are not made to be refused */
        return salvor_error_set(err, "Invalid", "nested more than %d deep", SALVOR_YAML_DEPTH);
    if (normalise(&normal, value, err) < 0)
        return -1;
    int result = set_normal(edit, path, normal, err);
    json_decref(normal);
    return result;
}

int salvor_yaml_edit_remove(struct salvor_yaml_edit *edit, const json_t *path,
                            struct salvor_error *err)
{
    json_t *old;
    if (json_array_size(path) == 0)
        return salvor_error_set(err, "Invalid", "the root of a document cannot be removed");
    if (salvor_yaml_edit_get(edit, &old, path, err) < 0)
        return -1;
    json_t *wanted = json_deep_copy(edit->documents);
    if (!wanted)
        return salvor_error_memory(err);
    int result = remove_wanted(json_array_get(wanted, edit->document), path, err);
    if (result == 0)
        result = change(edit, path, NULL, wanted, err);
    json_decref(wanted);
    return result;
}
