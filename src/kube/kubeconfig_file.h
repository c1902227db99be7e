/* The files of a kubeconfig and the merge rule: the first file that defines a name wins wholly. */
#ifndef SALVOR_KUBE_KUBECONFIG_FILE_H
#define SALVOR_KUBE_KUBECONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "core/buffer.h"
#include "core/error.h"

/* Far above what people have; a file this large is not a kubeconfig. */
#define SALVOR_KUBECONFIG_LIMIT ((size_t)16 << 20)

struct salvor_kubeconfig_file {
    char *path;
    json_t *root; /* an object */
    struct salvor_kubeconfig_file *next;
};

/* A named entry: the object below "cluster", "user" or "context", and the file it is in. */
struct salvor_kubeconfig_entry {
    const struct salvor_kubeconfig_file *file;
    const json_t *value;
};

/* Reads one file to the end of the list. A missing one is an error only when `required`. */
int salvor_kubeconfig_file_add(struct salvor_kubeconfig_file **list, const char *path,
                               bool required, struct salvor_error *err);

/* Frees the list and wipes the texts in it. */
void salvor_kubeconfig_files_free(struct salvor_kubeconfig_file *list);

/* The entry `name` of "clusters", "users" or "contexts" (`kind` is the singular), or false. */
bool salvor_kubeconfig_find(struct salvor_kubeconfig_entry *out,
                            const struct salvor_kubeconfig_file *list, const char *kind,
                            const char *name);

bool salvor_kubeconfig_has_names(const struct salvor_kubeconfig_file *list, const char *kind);

/* Appends the names of all entries of that kind, "a, b, c". */
void salvor_kubeconfig_names(struct salvor_buffer *out, const struct salvor_kubeconfig_file *list,
                             const char *kind);

/* Appends a whole file, relative to the folder of `base` when that is not NULL. */
int salvor_kubeconfig_read(struct salvor_buffer *out, const char *path, const char *base,
                           struct salvor_error *err);

#endif
