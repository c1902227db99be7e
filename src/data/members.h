/*
 * The members of JSON objects in the order of their keys' bytes, for writers. One growing array
 * serves a whole tree: each level takes the next stretch of it and gives it back.
 */
#ifndef SALVOR_DATA_MEMBERS_H
#define SALVOR_DATA_MEMBERS_H

#include <stddef.h>

#include <jansson.h>

#include "core/error.h"

struct salvor_member {
    const char *key;
    size_t size;
    const json_t *value;
};

/* {0} owns nothing. */
struct salvor_members {
    struct salvor_member *list; /* moves when a deeper level is taken: keep indices, not pointers */
    size_t used;
    size_t capacity;
};

/* The object's members become list[first .. first + json_object_size(object)). */
int salvor_members_take(size_t *first, struct salvor_members *members, const json_t *object,
                        struct salvor_error *err);

/* Gives back everything from `first` on. */
void salvor_members_give(struct salvor_members *members, size_t first);

void salvor_members_release(struct salvor_members *members);

#endif
