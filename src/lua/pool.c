#include "lua/pool.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "core/large.h"

enum {
#ifdef __SANITIZE_ADDRESS__
    LARGEST = 0, /* it must see each block by itself */
#else
    LARGEST = 512,
#endif
    UNIT = alignof(max_align_t),
    CHUNK_SIZE = 256 << 10,
};

struct cell {
    struct cell *next;
};

struct chunk {
    struct chunk *older;
    alignas(max_align_t) char data[CHUNK_SIZE];
};

struct salvor_pool {
    struct chunk *chunk;
    size_t used;                            /* of the latest chunk */
    struct cell *given[LARGEST / UNIT + 1]; /* back, by their size in units */
};

struct salvor_pool *salvor_pool_new(void)
{
    return calloc(1, sizeof(struct salvor_pool));
}

void salvor_pool_free(struct salvor_pool *pool)
{
    while (pool && pool->chunk) {
        struct chunk *older = pool->chunk->older;
        free(pool->chunk);
        pool->chunk = older;
    }
    free(pool);
}

static size_t units(size_t size)
{
    return (size + UNIT - 1) / UNIT;
}

/* Of a string or a table that is large. */
static void *with_large_pages(void *block, size_t size)
{
    salvor_large_pages(block, size);
    return block;
}

static void *take(struct salvor_pool *pool, size_t size)
{
    if (size > LARGEST)
        return with_large_pages(malloc(size), size);
    struct cell *cell = pool->given[units(size)];
    if (cell) {
        pool->given[units(size)] = cell->next;
        return cell;
    }
    size = units(size) * UNIT;
    if (!pool->chunk || CHUNK_SIZE - pool->used < size) {
        struct chunk *chunk = malloc(sizeof(*chunk));
        if (!chunk)
            return NULL;
        chunk->older = pool->chunk;
        pool->chunk = chunk;
        pool->used = 0;
    }
    void *block = pool->chunk->data + pool->used;
    pool->used += size;
    return block;
}

static void give(struct salvor_pool *pool, void *block, size_t size)
{
    if (size > LARGEST) {
        free(block);
        return;
    }
    struct cell *cell = block;
    cell->next = pool->given[units(size)];
    pool->given[units(size)] = cell;
}

/* Lua relies on it that a block can always become smaller: without memory it stays where it is. */
static void *resize(struct salvor_pool *pool, void *block, size_t old_size, size_t size)
{
    if (old_size > LARGEST && size > LARGEST)
        return with_large_pages(realloc(block, size), size);
    if (old_size <= LARGEST && size <= LARGEST && units(old_size) == units(size))
        return block;
    void *moved = take(pool, size);
    if (!moved)
        return size < old_size ? block : NULL;
    memcpy(moved, block, size < old_size ? size : old_size);
    give(pool, block, old_size);
    return moved;
}

void *salvor_pool_allocate(void *pool, void *block, size_t old_size, size_t size)
{
    if (block && size)
        return resize(pool, block, old_size, size);
    if (block)
        give(pool, block, old_size);
    return size ? take(pool, size) : NULL;
}
