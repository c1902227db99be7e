#include "data/unpack_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/folder.h"
#include "core/path.h"

enum { ATTEMPTS = 100 };

void salvor_unpack_place_init(struct salvor_unpack_place *place)
{
    memset(place, 0, sizeof(*place));
    place->folder = -1;
}

static int failed(struct salvor_error *err, int number, const struct salvor_unpack_place *place)
{
    return salvor_error_errno(err, number, "%s/%s", place->path, place->name);
}

static int exists(struct salvor_error *err, const struct salvor_unpack_place *place)
{
    salvor_error_set(err, "AlreadyExists", "%s/%s is there already", place->path, place->name);
    salvor_error_hint(err, "remove it, choose another name, or let it be replaced");
    return -1;
}

static int copy_path(char *out, size_t room,
                     int (*part)(struct salvor_buffer *, const char *, struct salvor_error *),
                     const char *path, struct salvor_error *err)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(room - 1);
    int result = part(&text, path, err);
    if (result == 0)
        memcpy(out, text.data, text.size + 1);
    salvor_buffer_release(&text);
    return result;
}

int salvor_unpack_place_open(struct salvor_unpack_place *place, const char *target, bool replace,
                             struct salvor_error *err)
{
    struct stat status;
    place->replace = replace;
    if (copy_path(place->path, sizeof(place->path), salvor_path_folder, target, err) < 0 ||
        copy_path(place->name, sizeof(place->name), salvor_path_name, target, err) < 0)
        return -1;
    const char *name = place->name;
    if (!*name || !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "/"))
        return salvor_error_set(err, "Invalid", "%s: not the name of a file or folder", target);
    place->folder = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->folder < 0)
        return salvor_error_errno(err, errno, "%s", place->path);
    if (!replace && fstatat(place->folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(status.st_mode))
        return exists(err, place);
    return 0;
}

static void choose_temporary(struct salvor_unpack_place *place)
{
    unsigned long long number = 0;
    if (getrandom(&number, sizeof(number), 0) < 0)
        number = (unsigned long long)getpid();
    snprintf(place->temporary, sizeof(place->temporary),
             SALVOR_FILE_TEMPORARY_PREFIX "%016llx" SALVOR_FILE_TEMPORARY_SUFFIX, number);
}

int salvor_unpack_place_folder(int *fd, struct salvor_unpack_place *place, struct salvor_error *err)
{
    int result = -1;
    for (int i = 0; i < ATTEMPTS && result < 0; i++) {
        choose_temporary(place);
        result = mkdirat(place->folder, place->temporary, 0700);
        if (result < 0 && errno != EEXIST)
            break;
    }
    if (result < 0)
        return failed(err, errno, place);
    place->is_folder = true;
    *fd = openat(place->folder, place->temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *fd < 0 ? failed(err, errno, place) : 0;
}

int salvor_unpack_place_file(int *fd, struct salvor_unpack_place *place, struct salvor_error *err)
{
    *fd = -1;
    for (int i = 0; i < ATTEMPTS && *fd < 0; i++) {
        choose_temporary(place);
        *fd = openat(place->folder, place->temporary,
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (*fd < 0 && errno != EEXIST)
            break;
    }
    if (*fd < 0)
        return failed(err, errno, place);
    place->is_file = true;
    return 0;
}

/* One call for all files, since one for each would take most of the time of many small ones. */
int salvor_unpack_place_sync(struct salvor_unpack_place *place, struct salvor_error *err)
{
    return syncfs(place->folder) < 0 ? failed(err, errno, place) : 0;
}

static void remove_temporary(const struct salvor_unpack_place *place)
{
    char path[PATH_MAX + sizeof(place->temporary) + 1];
    snprintf(path, sizeof(path), "%s/%s", place->path, place->temporary);
    salvor_folder_remove_tree(path, NULL);
}

void salvor_unpack_place_clear(struct salvor_unpack_place *place)
{
    if (place->is_file)
        unlinkat(place->folder, place->temporary, 0);
    else if (place->is_folder)
        remove_temporary(place);
    place->is_file = place->is_folder = false;
}

static int rename_into_place(struct salvor_unpack_place *place)
{
    struct stat status;
    int folder = place->folder;
    bool there = fstatat(folder, place->name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && place->is_file && !S_ISDIR(status.st_mode))
        return renameat(folder, place->temporary, folder, place->name);
    if (!there || !place->replace)
        return salvor_rename_new(folder, place->temporary, folder, place->name);
    if (renameat2(folder, place->temporary, folder, place->name, RENAME_EXCHANGE) < 0)
        return -1;
    /* The former content has the temporary name now. */
    remove_temporary(place);
    return 0;
}

int salvor_unpack_place_take(struct salvor_unpack_place *place, struct salvor_error *err)
{
    if (rename_into_place(place) < 0) {
        int number = errno;
        int result = number == EEXIST ? exists(err, place) : failed(err, number, place);
        if (number == EINVAL)
            salvor_error_hint(err, "this file system cannot replace a folder in one step: remove "
                                   "the old one first");
        salvor_unpack_place_clear(place);
        return result;
    }
    place->is_file = place->is_folder = false;
    if (fsync(place->folder) < 0 && errno != EINVAL)
        return failed(err, errno, place);
    return 0;
}

void salvor_unpack_place_release(struct salvor_unpack_place *place)
{
    salvor_unpack_place_clear(place);
    if (place->folder >= 0)
        close(place->folder);
    salvor_unpack_place_init(place);
}
