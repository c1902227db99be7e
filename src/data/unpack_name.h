/* Names in archives that nobody vouches for, as text: nothing here looks at a disk. */
#ifndef SALVOR_DATA_UNPACK_NAME_H
#define SALVOR_DATA_UNPACK_NAME_H

#include <stdbool.h>

#include "core/buffer.h"
#include "core/error.h"

/*
 * Writes what `name` is below `top` to `out`, without "." and doubled slashes; "" when it is `top`
 * itself. When the name must not be used, *problem says why, to be read after "the entry 'x' ...".
 */
int salvor_unpack_name(struct salvor_buffer *out, const char **problem, const char *name,
                       const char *top, struct salvor_error *err);

/*
 * Whether a symbolic link at `name` (as above) stays below the top. ".." counts only at the beginning
 * of the target: behind a name that is a link itself it would lead elsewhere.
 */
bool salvor_unpack_link_stays(const char *name, const char *target);

#endif
