/* The end of files that have no name any more. */
#ifndef SALVOR_STORE_LOCAL_RELEASE_H
#define SALVOR_STORE_LOCAL_RELEASE_H

/*
 * Closes a descriptor of a removed file, without waiting until the kernel has freed what it held: of
 * a large one a process does that which outlives this call, and maybe this program, for a moment.
 */
void salvor_local_release(int fd);

#endif
