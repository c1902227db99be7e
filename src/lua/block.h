/* Blocks (store/block.h) as arguments of bindings; l_block.c makes them. */
#ifndef SALVOR_LUA_BLOCK_H
#define SALVOR_LUA_BLOCK_H

#include <lua.h>

#include "store/block.h"

/*
 * Takes hold of the block at `index` for an operation; raises when it is no block, was released, or
 * is used by another operation. `hold` is a box's (whose release drops it), so that a cancelled wait
 * lets go too; the block must stay on the stack that long.
 */
struct salvor_block *salvor_hold_block(lua_State *L, int index, struct salvor_block_hold *hold,
                                       enum salvor_block_use use);

/* The block at `index` for the length of a call that does not wait; raises as above. */
struct salvor_block *salvor_check_block(lua_State *L, int index, enum salvor_block_use use);

/*
 * The piece of a block that an offset and a length at `index` and the next name, all of it by
 * default: returns the offset. Raises when it is not in the block.
 */
size_t salvor_check_piece(lua_State *L, int index, const struct salvor_block *block, size_t *size);

/* NULL when there is something else at `index`. */
struct salvor_block *salvor_test_block(lua_State *L, int index);

#endif
