#include "store/block.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { DIGEST_STEP = 1 << 20 };

/*
 * Mapped and not allocated: a released block is the system's again at once, whatever lies beside it,
 * and the part of a large one that stays empty costs nothing.
 */
int salvor_block_init(struct salvor_block *block, size_t capacity, struct salvor_error *err)
{
    *block = (struct salvor_block){0};
    if (!capacity || capacity > SALVOR_BLOCK_MAX)
        return salvor_error_set(err, "TooLarge", "a block has from 1 to %zu bytes, not %zu",
                                SALVOR_BLOCK_MAX, capacity);
    void *memory = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return salvor_error_errno(err, errno, "no memory for a block of %zu bytes", capacity);
    block->data = memory;
    block->capacity = capacity;
    return 0;
}

void salvor_block_release(struct salvor_block *block)
{
    block->released = true;
    if (block->readers || block->writing)
        return;
    if (block->data)
        munmap(block->data, block->capacity);
    *block = (struct salvor_block){.released = true};
}

bool salvor_block_take(struct salvor_block_hold *hold, struct salvor_block *block,
                       enum salvor_block_use use)
{
    *hold = (struct salvor_block_hold){0};
    if (!block->data || block->released || block->writing ||
        (use == SALVOR_BLOCK_WRITE && block->readers))
        return false;
    if (use == SALVOR_BLOCK_WRITE)
        block->writing = true;
    else
        block->readers++;
    *hold = (struct salvor_block_hold){.block = block, .use = use};
    return true;
}

void salvor_block_drop(struct salvor_block_hold *hold)
{
    if (!hold->block)
        return;
    struct salvor_block *block = hold->block;
    if (hold->use == SALVOR_BLOCK_WRITE)
        block->writing = false;
    else
        block->readers--;
    if (block->released)
        salvor_block_release(block);
    *hold = (struct salvor_block_hold){0};
}

int salvor_block_append(struct salvor_block *block, const void *data, size_t size,
                        struct salvor_error *err)
{
    if (size > salvor_block_room(block))
        return salvor_error_set(err, "TooLarge", "more than the %zu bytes of a block",
                                block->capacity);
    memcpy(block->data + block->size, data, size);
    block->size += size;
    return 0;
}

int salvor_block_digest(struct salvor_digest *digest, const struct salvor_block *block,
                        size_t offset, size_t size, const struct salvor_stop *stop,
                        struct salvor_error *err)
{
    while (size) {
        if (salvor_stop_asked(stop))
            return salvor_error_set(err, "Cancelled", "the digest was given up");
        size_t step = size < DIGEST_STEP ? size : DIGEST_STEP;
        if (salvor_digest_update(digest, block->data + offset, step, err) < 0)
            return -1;
        offset += step;
        size -= step;
    }
    return 0;
}
