/* Another process closes files that would hold us: the kernel may take any time for it. */
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

/*
 * For the end of the program: it closes nothing, all descriptors are another process's. The last
 * close of a file on a network file system that does not answer never returns, and no signal ends it.
 */
void salvor_local_keep_all(void);

#endif
