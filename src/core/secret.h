/*
 * The byte strings that must never be seen: one registry for the whole process. What is printed,
 * logged, journalled or reported goes through salvor_secret_mask() first, which finds each value as
 * it is and as it looks in base64 (wherever in a longer base64 text it is), in a URL and in JSON.
 *
 * The memory is wiped when a value is removed and when the process ends.
 */
#ifndef SALVOR_CORE_SECRET_H
#define SALVOR_CORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"

/* Shorter values are not registered: masking "yes" would make every text unreadable. */
#define SALVOR_SECRET_MINIMUM 6

#define SALVOR_SECRET_MASK "***"

/*
 * Registers `value` without the line ends behind it; each long line of a text of several lines (a
 * PEM key) counts as well. *registered: it was long enough. As often as a value was added it must be
 * removed.
 */
int salvor_secret_add(bool *registered, const char *value, size_t size, struct salvor_error *err);

/* Forgets a value; one that is not registered is fine. */
void salvor_secret_remove(const char *value, size_t size);

/* Forgets all. */
void salvor_secret_clear(void);

/*
 * Appends `text` with each occurrence masked. *found: there was one; otherwise nothing is appended,
 * since the text is fine as it is.
 */
int salvor_secret_mask(struct salvor_buffer *out, bool *found, const char *text, size_t size,
                       struct salvor_error *err);

#endif
