/* Who frees what a large file holds when it is removed. */
#ifndef SALVOR_STORE_LOCAL_KEEPER_H
#define SALVOR_STORE_LOCAL_KEEPER_H

#include <stdint.h>

/*
 * The last close of a removed file frees its pages and blocks, and on some disks trims them: up to
 * 0.2 s a GiB, in which nobody can interrupt the kernel, not even by ending the program. So another
 * process has the descriptor of a file of that many bytes too, and closes it when what is returned is
 * closed, which the end of the program does as well. -1: a small file, or nobody can keep it.
 */
int salvor_local_keep(int fd, int64_t size);

#endif
