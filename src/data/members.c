#include "data/members.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
    const struct salvor_member *a = left;
    const struct salvor_member *b = right;
    int order = memcmp(a->key, b->key, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Objects are small as a rule, and qsort() costs more than it saves on them. */
static void sort(struct salvor_member *list, size_t count)
{
    if (count > 24) {
        qsort(list, count, sizeof(*list), compare);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct salvor_member member = list[i];
        size_t at = i;
        for (; at > 0 && compare(&member, &list[at - 1]) < 0; at--)
            list[at] = list[at - 1];
        list[at] = member;
    }
}

int salvor_members_take(size_t *first, struct salvor_members *members, const json_t *object,
                        struct salvor_error *err)
{
    size_t count = json_object_size(object);
    *first = members->used;
    if (members->capacity - members->used < count) {
        size_t capacity = members->capacity * 2 + count + 64;
        struct salvor_member *list = realloc(members->list, capacity * sizeof(*list));
        if (!list)
            return salvor_error_memory(err);
        members->list = list;
        members->capacity = capacity;
    }
    json_t *source = (json_t *)object; /* jansson's iterators take no const */
    for (void *it = json_object_iter(source); it; it = json_object_iter_next(source, it))
        members->list[members->used++] = (struct salvor_member){
            json_object_iter_key(it), json_object_iter_key_len(it), json_object_iter_value(it)};
    if (count > 1)
        sort(members->list + *first, count);
    return 0;
}

void salvor_members_give(struct salvor_members *members, size_t first)
{
    members->used = first;
}

void salvor_members_release(struct salvor_members *members)
{
    free(members->list);
    *members = (struct salvor_members){0};
}
