/* Memory that is given back all at once: for trees that live as long as the text they come from. */
#ifndef SALVOR_DATA_ARENA_H
#define SALVOR_DATA_ARENA_H

#include <stddef.h>

/* {0} owns nothing. */
struct salvor_arena {
    struct salvor_arena_chunk *chunk; /* the newest; the older ones hang on it */
    size_t used;                      /* of the newest */
};

/* Memory aligned for any object, not initialised; NULL when there is none. */
void *salvor_arena_take(struct salvor_arena *arena, size_t size);

/* A copy of `size` bytes, ended by a NUL. */
char *salvor_arena_copy(struct salvor_arena *arena, const void *data, size_t size);

/* Forgets all that was taken and keeps one chunk for what comes next. */
void salvor_arena_clear(struct salvor_arena *arena);

void salvor_arena_release(struct salvor_arena *arena);

#endif
