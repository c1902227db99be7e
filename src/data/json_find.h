/* One value of a JSON text, without reading the rest of it. */
#ifndef SALVOR_DATA_JSON_FIND_H
#define SALVOR_DATA_JSON_FIND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds what stands under the member names of `path` (ended by NULL) in a text that need not have
 * been checked: *value is the value's own text. False when it is not there, or the text is broken
 * before it; a member whose name is written with escapes counts as not there. Where a name comes
 * twice this is the first one, whereas a reader gives the last: compare where that matters.
 */
bool salvor_json_find(const char **value, size_t *value_size, const char *text, size_t size,
                      const char *const *path);

#endif
