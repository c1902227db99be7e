/* The end of an upload that nobody waits for (l_local_upload.c). */
#include <stdlib.h>
#include <time.h>

#include "core/thread.h"
#include "lua/local.h"

#define PATIENCE (20 * 1000 * 1000) /* nanoseconds: on most file systems it takes less */

static void end(struct salvor_local_upload *upload)
{
    salvor_local_upload_prepare_removal(upload);
    salvor_local_upload_remove(upload);
    salvor_local_upload_close(upload);
}

static void *run_end(void *context)
{
    struct salvor_local_upload *upload = context;
    end(upload);
    free(upload);
    return NULL;
}

static void wait_briefly(pthread_t thread)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PATIENCE;
    until.tv_sec += until.tv_nsec / (1000 * 1000 * 1000);
    until.tv_nsec %= 1000 * 1000 * 1000;
    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0)
        pthread_detach(thread);
}

void salvor_local_abandon(struct salvor_local_upload *upload)
{
    pthread_t thread;
    struct salvor_local_upload *copy = upload->fd < 0 ? NULL : malloc(sizeof(*copy));
    if (copy)
        *copy = *upload;
    if (!copy || salvor_thread_start(&thread, run_end, copy) != 0) {
        free(copy);
        end(upload);
        return;
    }
    upload->fd = upload->keeper = upload->place.folder = -1;
    wait_briefly(thread);
}
