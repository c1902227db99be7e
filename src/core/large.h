/* Blocks of many megabytes, whose first use costs as much as what is done with them. */
#ifndef SALVOR_CORE_LARGE_H
#define SALVOR_CORE_LARGE_H

#include <stddef.h>

#define SALVOR_LARGE_SIZE ((size_t)4 << 20)

/*
 * Asks the kernel for large pages (2 MiB instead of 4 KiB) in a block of malloc's or realloc's, of
 * SALVOR_LARGE_SIZE or more; another is left alone. Only advice: nothing depends on it. What is not
 * used of the block still takes no memory, but for the rest of its last large page.
 */
void salvor_large_pages(void *block, size_t size);

#endif
