#include "data/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)32 << 10)

struct salvor_arena_chunk {
    struct salvor_arena_chunk *older;
    size_t size;
    alignas(max_align_t) char data[];
};

static int grow(struct salvor_arena *arena, size_t size)
{
    size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    struct salvor_arena_chunk *chunk = malloc(sizeof(*chunk) + capacity);
    if (!chunk)
        return -1;
    chunk->older = arena->chunk;
    chunk->size = capacity;
    arena->chunk = chunk;
    arena->used = 0;
    return 0;
}

void *salvor_arena_take(struct salvor_arena *arena, size_t size)
{
    const size_t unit = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + unit - 1) / unit * unit;
    if ((!arena->chunk || arena->chunk->size - arena->used < size) && grow(arena, size) < 0)
        return NULL;
    void *data = arena->chunk->data + arena->used;
    arena->used += size;
    return data;
}

char *salvor_arena_copy(struct salvor_arena *arena, const void *data, size_t size)
{
    char *copy = salvor_arena_take(arena, size + 1);
    if (!copy)
        return NULL;
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

void salvor_arena_clear(struct salvor_arena *arena)
{
    while (arena->chunk && arena->chunk->older) {
        struct salvor_arena_chunk *older = arena->chunk->older;
        free(arena->chunk);
        arena->chunk = older;
    }
    arena->used = 0;
}

void salvor_arena_release(struct salvor_arena *arena)
{
    salvor_arena_clear(arena);
    free(arena->chunk);
    *arena = (struct salvor_arena){0};
}
