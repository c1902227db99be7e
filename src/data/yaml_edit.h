/*
 * A YAML text whose values are changed in place: every byte that a change does not concern stays as
 * it was, comments, order, quotes, indentation, line ends, byte order mark and all.
 *
 * After each change the new text is read again and compared with the value it should have; when they
 * differ the change is refused and the text stays as it was.
 */
#ifndef SALVOR_DATA_YAML_EDIT_H
#define SALVOR_DATA_YAML_EDIT_H

#include <stddef.h>

#include <jansson.h>

#include "core/buffer.h"
#include "core/error.h"

/* {0} owns nothing. Paths are those of data/yaml_path.h. */
struct salvor_yaml_edit {
    struct salvor_buffer text;
    json_t *documents; /* the values of the text's documents */
    size_t document;   /* the one to edit, from 0 */
};

/*
 * `document` counts from 1; 0 means the only one. A text without any document is an empty one.
 * Error Invalid: no YAML, UTF-16, or not that many documents.
 */
int salvor_yaml_edit_init(struct salvor_yaml_edit *edit, const char *text, size_t size,
                          size_t document, struct salvor_error *err);
void salvor_yaml_edit_release(struct salvor_yaml_edit *edit);

/* The value at the path, borrowed until the next change. Error NotFound. */
int salvor_yaml_edit_get(struct salvor_yaml_edit *edit, json_t **out, const json_t *path,
                         struct salvor_error *err);

/*
 * Sets the value at the path: replaces it, adds a key behind its mapping's last one, appends to a
 * list (index count + 1), makes missing mappings and lists on the way. An equal value changes
 * nothing. Errors: NotFound (an index beyond the list), Conflict (the way leads through a scalar, an
 * alias, a merge or a node that aliases repeat), Internal (the text cannot be changed safely).
 */
int salvor_yaml_edit_set(struct salvor_yaml_edit *edit, const json_t *path, const json_t *value,
                         struct salvor_error *err);

/*
 * Removes a key or an element with its lines; a collection that loses its last one stays, empty. The
 * errors of a set; NotFound when it is not there.
 */
int salvor_yaml_edit_remove(struct salvor_yaml_edit *edit, const json_t *path,
                            struct salvor_error *err);

#endif
