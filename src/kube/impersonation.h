/* Acting as somebody else: the Impersonate-* headers. */
#ifndef SALVOR_KUBE_IMPERSONATION_H
#define SALVOR_KUBE_IMPERSONATION_H

#include <jansson.h>

#include "core/error.h"

#define SALVOR_IMPERSONATION_MARK "Impersonate-User:"

/*
 * Makes header lines, each ended by NUL, then an empty one, of
 *
 *     {"user": text, "uid": text, "groups": [text, ...], "extra": {key: [text, ...], ...}}
 *
 * of which all but "user" may be missing or null. The keys of "extra" are %-escaped. Error Invalid,
 * naming the field: another shape, no user, or a text that would not stay within its line. The lines
 * are the caller's to free.
 */
int salvor_impersonation_lines(char **out, const json_t *who, struct salvor_error *err);

#endif
