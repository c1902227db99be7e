/*
 * A block: a piece of memory of fixed capacity in which bytes travel between files, connections and
 * digests without becoming Lua strings. Operations that use it while Lua runs take hold of it: any
 * number may read it at the same time, one alone may write, and meanwhile nobody can change or
 * release it under them.
 */
#ifndef SALVOR_STORE_BLOCK_H
#define SALVOR_STORE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/stop.h"
#include "data/digest.h"

#define SALVOR_BLOCK_MAX ((size_t)1 << 30)

struct salvor_block {
    char *data; /* NULL: released */
    size_t size, capacity;
    unsigned readers;
    bool writing, released; /* released: its memory goes when nobody has a hold of it */
};

enum salvor_block_use { SALVOR_BLOCK_READ, SALVOR_BLOCK_WRITE };

/* A block that an operation has taken hold of; {0} is none. */
struct salvor_block_hold {
    struct salvor_block *block;
    enum salvor_block_use use;
};

/*
 * Memory is only used as far as it is written to. `capacity` is from 1 to SALVOR_BLOCK_MAX, else
 * TooLarge. {0} is a released block.
 */
int salvor_block_init(struct salvor_block *block, size_t capacity, struct salvor_error *err);

/*
 * Gives the memory back, at once or when the last hold is dropped; nobody gets a new one. A second
 * call does nothing.
 */
void salvor_block_release(struct salvor_block *block);

/* False when somebody is in the way, or the block was released. */
bool salvor_block_take(struct salvor_block_hold *hold, struct salvor_block *block,
                       enum salvor_block_use use);

/* Lets go of it; a second call does nothing. */
void salvor_block_drop(struct salvor_block_hold *hold);

/* The bytes that there is still room for. */
static inline size_t salvor_block_room(const struct salvor_block *block)
{
    return block->capacity - block->size;
}

/* Adds bytes; TooLarge when there is no room for them, and then none is added. */
int salvor_block_append(struct salvor_block *block, const void *data, size_t size,
                        struct salvor_error *err);

/*
 * Adds `size` bytes of the block from `offset`, which are in it, to a digest; Cancelled soon after
 * `stop` was asked for.
 */
int salvor_block_digest(struct salvor_digest *digest, const struct salvor_block *block,
                        size_t offset, size_t size, const struct salvor_stop *stop,
                        struct salvor_error *err);

#endif
