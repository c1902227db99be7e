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

/* A file may be a pipe, as in `--kubeconfig <(command)`; nobody waits longer for who writes it. */
#define SALVOR_KUBECONFIG_SECONDS 30

struct salvor_kubeconfig_file {
    char *path;
    json_t *root;  /* an object */
    json_t *index; /* {clusters = {name = entry}, users = ..., contexts = ...} */
    struct salvor_kubeconfig_file *next;
};

/*
 * Reads one file, a pipe within `seconds`, to the end of the list. A missing one is an error only
 * when `required`. Error Invalid, naming the file, unless it is a Config of v1 whose clusters, users
 * and contexts are lists of named entries, no name twice. What the entries hold is not looked at.
 */
int salvor_kubeconfig_file_add(struct salvor_kubeconfig_file **list, const char *path,
                               bool required, int seconds, struct salvor_error *err);

/* Frees the list and wipes the texts in it. */
void salvor_kubeconfig_files_free(struct salvor_kubeconfig_file *list);

/*
 * The entry `name` of "clusters", "users" or "contexts" (`kind` is the singular): what stands below
 * `kind`, possibly NULL, and in *file where. False when there is none.
 */
bool salvor_kubeconfig_find(const json_t **out, const struct salvor_kubeconfig_file **file,
                            const struct salvor_kubeconfig_file *list, const char *kind,
                            const char *name);

/* The names of all entries of that kind, each once, sorted: a new list, or NULL without memory. */
json_t *salvor_kubeconfig_names(const struct salvor_kubeconfig_file *list, const char *kind);

/* The current context, NULL when no file has one. */
const char *salvor_kubeconfig_current(const struct salvor_kubeconfig_file *list);

/* Appends a path, below the folder of `base` when it is relative and `base` is not NULL. */
int salvor_kubeconfig_path(struct salvor_buffer *out, const char *path, const char *base,
                           struct salvor_error *err);

/* Appends the whole file at such a path. */
int salvor_kubeconfig_read(struct salvor_buffer *out, const char *path, const char *base,
                           struct salvor_error *err);

/* Overwrites all texts in a tree; keys stay. */
void salvor_kubeconfig_wipe(json_t *value);

#endif
