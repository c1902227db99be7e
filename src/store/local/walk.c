#include "store/local/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_LIMIT = 1 << 30, PAGE_LIMIT = 64 << 20 };

/* A folder's names, each with its kind before it and a zero byte after it. */
struct salvor_local_level {
    struct salvor_local_level *parent;
    struct salvor_buffer names;
    uint32_t *order; /* where they begin, sorted */
    size_t count, capacity, at;
    size_t path_size; /* of the walk's path, at this folder */
    int fd;
};

enum { KIND_FOLDER = '/', KIND_OTHER = '.' };

static void close_level(struct salvor_local_level *level)
{
    if (level->fd >= 0)
        close(level->fd);
    level->fd = -1;
}

static void pop(struct salvor_local_walk *walk)
{
    struct salvor_local_level *level = walk->level;
    walk->level = level->parent;
    close_level(level);
    salvor_buffer_release(&level->names);
    free(level->order);
    free(level);
}

/* Reading a folder */

static bool is_folder(int fd, const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

static bool is_hidden(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..") || salvor_local_is_temporary(name);
}

static int add_name(struct salvor_local_level *level, const struct dirent *entry,
                    struct salvor_error *err)
{
    char kind = is_folder(level->fd, entry) ? KIND_FOLDER : KIND_OTHER;
    if (level->count == level->capacity) {
        size_t capacity = level->capacity ? 2 * level->capacity : 64;
        uint32_t *order = realloc(level->order, capacity * sizeof(*order));
        if (!order)
            return salvor_error_memory(err);
        level->order = order;
        level->capacity = capacity;
    }
    level->order[level->count++] = (uint32_t)level->names.size;
    if (salvor_buffer_append(&level->names, &kind, 1, err) < 0)
        return -1;
    return salvor_buffer_append(&level->names, entry->d_name, strlen(entry->d_name) + 1, err);
}

static int read_names(struct salvor_local_level *level, DIR *folder, const struct salvor_stop *stop,
                      struct salvor_error *err)
{
    const struct dirent *entry;
    for (errno = 0; (entry = readdir(folder)); errno = 0) {
        if (salvor_stop_asked(stop))
            return salvor_error_set(err, "Cancelled", "the call was given up");
        if (!is_hidden(entry->d_name) && add_name(level, entry, err) < 0)
            return -1;
    }
    return errno ? salvor_local_failed(err, errno) : 0;
}

/* As their paths below are ordered: a folder's name ends in "/". */
static int compare(const void *first, const void *second, void *names)
{
    const unsigned char *a = (const unsigned char *)names + *(const uint32_t *)first;
    const unsigned char *b = (const unsigned char *)names + *(const uint32_t *)second;
    unsigned char end_a = *a++ == KIND_FOLDER ? '/' : 0, end_b = *b++ == KIND_FOLDER ? '/' : 0;
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (int)(*a ? *a : end_a) - (int)(*b ? *b : end_b);
}

static int fill(struct salvor_local_level *level, const struct salvor_stop *stop,
                struct salvor_error *err)
{
    int copy = fcntl(level->fd, F_DUPFD_CLOEXEC, 0);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (!folder) {
        salvor_local_failed(err, errno);
        if (copy >= 0)
            close(copy);
        return -1;
    }
    int result = read_names(level, folder, stop, err);
    closedir(folder);
    if (result == 0 && level->count)
        qsort_r(level->order, level->count, sizeof(*level->order), compare, level->names.data);
    return result;
}

static int open_here(const struct salvor_local_walk *walk, const struct salvor_local_root *root)
{
    char path[PATH_MAX];
    size_t size = walk->path.size;
    if (size > sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, walk->path.data, size);
    path[size ? size - 1 : 0] = '\0';
    return salvor_local_open(root, path, O_RDONLY | O_DIRECTORY);
}

static bool is_gone(int number)
{
    return number == ENOENT || number == ENOTDIR;
}

/* Goes into the folder of the walk's path; one that has gone meanwhile has nothing below. */
static int push(struct salvor_local_walk *walk, const struct salvor_local_root *root,
                const struct salvor_stop *stop, struct salvor_error *err)
{
    int fd = open_here(walk, root);
    if (fd < 0)
        return is_gone(errno) ? 0 : salvor_local_failed(err, errno);
    struct salvor_local_level *level = calloc(1, sizeof(*level));
    if (!level) {
        close(fd);
        return salvor_error_memory(err);
    }
    salvor_buffer_init(&level->names, NAMES_LIMIT);
    level->fd = fd;
    level->path_size = walk->path.size;
    level->parent = walk->level;
    if (walk->level)
        close_level(walk->level);
    walk->level = level;
    return fill(level, stop, err);
}

int salvor_local_walk_open(struct salvor_local_walk *walk, const struct salvor_local_root *root,
                           const char *prefix, bool one_level, const struct salvor_stop *stop,
                           struct salvor_error *err)
{
    *walk = (struct salvor_local_walk){.one_level = one_level};
    salvor_buffer_init(&walk->path, PATH_MAX);
    if (salvor_buffer_append(&walk->path, prefix, strlen(prefix), err) < 0)
        return -1;
    return push(walk, root, stop, err);
}

void salvor_local_walk_close(struct salvor_local_walk *walk)
{
    while (walk->level)
        pop(walk);
    if (walk->path.data)
        salvor_buffer_release(&walk->path);
}

/* Pages */

void salvor_local_page_init(struct salvor_local_page *page)
{
    *page = (struct salvor_local_page){0};
    salvor_buffer_init(&page->names, PAGE_LIMIT);
}

void salvor_local_page_release(struct salvor_local_page *page)
{
    if (page->names.data)
        salvor_buffer_release(&page->names);
    free(page->found);
    page->found = NULL;
    page->count = page->capacity = 0;
}

static struct salvor_local_found *add_row(struct salvor_local_page *page)
{
    if (page->count == page->capacity) {
        size_t capacity = page->capacity ? 2 * page->capacity : 64;
        struct salvor_local_found *found = realloc(page->found, capacity * sizeof(*found));
        if (!found)
            return NULL;
        page->found = found;
        page->capacity = capacity;
    }
    return &page->found[page->count++];
}

/* The item of the walk's path, which is the whole one. */
static int add_item(const struct salvor_local_walk *walk, struct salvor_local_page *page,
                    const struct stat *status, struct salvor_error *err)
{
    struct salvor_local_found *found = add_row(page);
    if (!found)
        return salvor_error_memory(err);
    found->name = page->names.size;
    salvor_local_item_set(&found->item, status);
    return salvor_buffer_append(&page->names, walk->path.data, walk->path.size + 1, err);
}

/* A link to a file below the root is that file, as for whoever reads it. */
static void follow(const struct salvor_local_walk *walk, const struct salvor_local_root *root,
                   struct stat *status)
{
    struct stat target;
    int fd = salvor_local_open(root, walk->path.data, O_PATH);
    if (fd < 0)
        return;
    if (fstat(fd, &target) == 0 && S_ISREG(target.st_mode))
        *status = target;
    close(fd);
}

static int look_at(struct salvor_local_walk *walk, struct salvor_local_page *page,
                   const struct salvor_local_root *root, const char *name, struct salvor_error *err)
{
    struct stat status;
    if (fstatat(walk->level->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return is_gone(errno) ? 0 : salvor_local_failed(err, errno);
    if (S_ISLNK(status.st_mode))
        follow(walk, root, &status);
    return add_item(walk, page, &status, err);
}

/* Back from a folder below, the one above is opened again; gone, its files are gone too. */
static int reopen(struct salvor_local_walk *walk, const struct salvor_local_root *root,
                  struct salvor_error *err)
{
    struct salvor_local_level *level = walk->level;
    if (level->fd >= 0)
        return 0;
    level->fd = open_here(walk, root);
    if (level->fd >= 0)
        return 0;
    if (!is_gone(errno))
        return salvor_local_failed(err, errno);
    level->at = level->count;
    return 0;
}

static int step(struct salvor_local_walk *walk, struct salvor_local_page *page,
                const struct salvor_local_root *root, const struct salvor_stop *stop,
                struct salvor_error *err)
{
    struct salvor_local_level *level = walk->level;
    walk->path.size = level->path_size;
    if (level->at < level->count && reopen(walk, root, err) < 0)
        return -1;
    if (level->at == level->count) {
        pop(walk);
        return 0;
    }
    const char *entry = level->names.data + level->order[level->at++];
    const char *name = entry + 1;
    bool folder = *entry == KIND_FOLDER;
    if (salvor_buffer_append(&walk->path, name, strlen(name), err) < 0)
        return -1;
    if (folder && salvor_buffer_append(&walk->path, "/", 1, err) < 0)
        return -1;
    if (folder && !walk->one_level)
        return push(walk, root, stop, err);
    return look_at(walk, page, root, name, err);
}

int salvor_local_walk_next(struct salvor_local_walk *walk, struct salvor_local_page *page,
                           const struct salvor_local_root *root, size_t count, bool *more,
                           const struct salvor_stop *stop, struct salvor_error *err)
{
    while (walk->level && page->count < count) {
        if (salvor_stop_asked(stop))
            return salvor_error_set(err, "Cancelled", "the call was given up");
        if (step(walk, page, root, stop, err) < 0)
            return -1;
    }
    *more = walk->level != NULL;
    return 0;
}
