/* The Lua sources and bundled scripts inside the binary; the Makefile generates the table. */
#ifndef SALVOR_LUA_EMBEDDED_H
#define SALVOR_LUA_EMBEDDED_H

#include <stddef.h>

struct salvor_embedded {
    const char *path; /* as in the source tree: "lua/salvor/task.lua" */
    const char *start, *end;
    const char *code, *code_end; /* compiled by the Lua whose headers we have, or NULL */
};

/* Sorted by path; ends with a NULL path. */
extern const struct salvor_embedded salvor_embedded[];

/* NULL when there is none. */
const struct salvor_embedded *salvor_embedded_find(const char *path);

#endif
