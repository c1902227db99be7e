#include "core/large.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * All pages that the block touches: if some of a mapping were left out, realloc() could not move it
 * without copying. A kernel without large pages says no, which is fine.
 */
void salvor_large_pages(void *block, size_t size)
{
    if (!block || size < SALVOR_LARGE_SIZE)
        return;
    int saved = errno;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)block / page * page;
    uintptr_t end = ((uintptr_t)block + size + page - 1) / page * page;
    madvise((void *)start, end - start, MADV_HUGEPAGE);
    errno = saved;
}
