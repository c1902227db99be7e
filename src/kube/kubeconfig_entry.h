/*
 * Reading the fields of one entry of a kubeconfig. What is wrong is noted and reading goes on, so
 * that a person is told everything at once, as by kubectl.
 */
#ifndef SALVOR_KUBE_KUBECONFIG_ENTRY_H
#define SALVOR_KUBE_KUBECONFIG_ENTRY_H

#include <stdbool.h>

#include <jansson.h>

#include "core/error.h"
#include "kube/kubeconfig_file.h"

/* What was found to be wrong so far. {0} is none. */
struct salvor_kubeconfig_findings {
    struct salvor_error error; /* no code: none */
    const struct salvor_kubeconfig_file *last;
};

struct salvor_kubeconfig_entry {
    const struct salvor_kubeconfig_file *file;
    const json_t *value; /* the mapping with the fields; anything else has none */
    const char *kind;    /* "cluster", "user" or "context" */
    const char *name;    /* of the entry */
    const char *within;  /* what stands before a field's name: "", "exec." */
    struct salvor_kubeconfig_findings *findings;
};

/* Notes what is wrong: `problem` follows the file, the kind and the name. */
void salvor_kubeconfig_wrong(const struct salvor_kubeconfig_entry *entry, const char *hint,
                             const char *problem, ...) __attribute__((format(printf, 3, 4)));

/* Notes a failure that is complete as it is, unless something was found before. */
void salvor_kubeconfig_failed(const struct salvor_kubeconfig_entry *entry,
                              const struct salvor_error *err);

/* There is a value that is not null. */
bool salvor_kubeconfig_has(const struct salvor_kubeconfig_entry *entry, const char *field);

/* The field's text, which lives as long as the file; NULL when there is none or an empty one. */
const char *salvor_kubeconfig_text(const struct salvor_kubeconfig_entry *entry, const char *field);

/* The same as a copy. */
void salvor_kubeconfig_copy(char **out, const struct salvor_kubeconfig_entry *entry,
                            const char *field);

bool salvor_kubeconfig_flag(const struct salvor_kubeconfig_entry *entry, const char *field);

/* The list or the mapping below the field; NULL when there is none. */
const json_t *salvor_kubeconfig_list(const struct salvor_kubeconfig_entry *entry,
                                     const char *field);
const json_t *salvor_kubeconfig_map(const struct salvor_kubeconfig_entry *entry, const char *field);

/* The text at `index` of a field's list; NULL, and noted, when it is none. */
const char *salvor_kubeconfig_item(const struct salvor_kubeconfig_entry *entry, const char *field,
                                   const json_t *list, size_t index);

/* A PEM text that is given as the file `field` or, in base64, as `field`-data. */
void salvor_kubeconfig_pem(char **out, const struct salvor_kubeconfig_entry *entry,
                           const char *field);

/* Puts a copy into *out in place of what is there, which is wiped. */
int salvor_kubeconfig_set(char **out, const char *value, struct salvor_error *err);

/* Wipes and frees; NULL afterwards. */
void salvor_kubeconfig_forget(char **text);

#endif
