#include "data/libarchive.h"

#include <dlfcn.h>
#include <pthread.h>

/* That of the headers: another release would be another interface. */
#define SONAME "libarchive.so.13"

struct salvor_libarchive salvor_libarchive;
static const char *missing; /* why it is not there */

/* POSIX says that what dlsym() gives is a function's address, C does not. */
static void find(void *library, const char *name, void **function)
{
    *function = dlsym(library, name);
    if (!*function)
        missing = dlerror();
}

static void load(void)
{
    void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        missing = dlerror();
        return;
    }
#define X(name) find(library, #name, (void **)&salvor_libarchive.name);
    SALVOR_LIBARCHIVE(X)
#undef X
}

int salvor_libarchive_load(struct salvor_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (!missing)
        return 0;
    salvor_error_set(err, "NotFound", "libarchive cannot be loaded: %s", missing);
    salvor_error_hint(err, "install it (libarchive13 on Debian)");
    return -1;
}
