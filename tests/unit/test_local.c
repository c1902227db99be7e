/* Files below a folder: no path leads out of it, with openat2() and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/folder.h"
#include "store/local/upload.h"
#include "store/local/walk.h"
#include "store/sum.h"

static char folder[64];
static struct salvor_local_root root;
static struct salvor_error err;
static struct salvor_stop never, always = {SALVOR_STOP_ASKED};

/* Of a call that may disable it: another one each time. */
static struct salvor_stop *stop(void)
{
    static struct salvor_stop new;
    new = (struct salvor_stop){0};
    return &new;
}

static const char *at(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *content)
{
    assert_int_equal(salvor_file_write(at(name), content, strlen(content), 0600, false, NULL), 0);
}

static void make_folder(const char *name)
{
    assert_int_equal(salvor_folder_make(at(name), 0700, true, NULL, NULL), 0);
}

static void make_link(const char *target, const char *name)
{
    assert_int_equal(symlink(target, at(name)), 0);
}

/* secret, root/{file, in/file, links...} */
static int set_up(bool no_openat2)
{
    strcpy(folder, "/tmp/salvor-local-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    make_folder("root/in");
    put("secret", "secret");
    put("root/file", "content");
    put("root/in/file", "inner");
    make_link("in", "root/inside");
    make_link("../secret", "root/out");
    make_link("..", "root/above");
    make_link("/etc", "root/absolute");
    make_link("loop", "root/loop");
    if (salvor_local_root_open(&root, at("root"), false, stop(), &err) < 0)
        return -1;
    root.no_openat2 = root.no_openat2 || no_openat2;
    return 0;
}

static int set_up_new(void **state)
{
    (void)state;
    return set_up(false);
}

static int set_up_old(void **state)
{
    (void)state;
    return set_up(true);
}

static int tear_down(void **state)
{
    (void)state;
    salvor_local_root_close(&root);
    return salvor_folder_remove_tree(folder, NULL);
}

static struct salvor_block *new_block(const char *content)
{
    static struct salvor_block block;
    salvor_block_release(&block);
    assert_int_equal(salvor_block_init(&block, 64, NULL), 0);
    assert_int_equal(salvor_block_append(&block, content, strlen(content), NULL), 0);
    return &block;
}

static int read_path(const char *path)
{
    struct salvor_local_item item;
    return salvor_local_read(&item, &root, path, new_block(""), 0, INT64_MAX, NULL, &never, &err);
}

static int write_path(const char *path, bool if_absent)
{
    struct salvor_local_item item;
    struct salvor_local_attributes attributes = {
        .mode = 0640, .modified = -1, .if_absent = if_absent};
    return salvor_local_write(&item, &root, path, new_block("written"), &attributes, stop(), &err);
}

static void test_reads_what_is_below(void **state)
{
    (void)state;
    struct salvor_local_item item;
    assert_int_equal(read_path("file"), 0);
    assert_int_equal(read_path("in/file"), 0);
    assert_int_equal(salvor_local_stat(&item, &root, "in/file", &err), 0);
    assert_int_equal(item.size, 5);
    assert_string_equal(item.kind, "file");
    assert_int_equal(read_path("none"), -1);
    assert_string_equal(err.code, "NotFound");
    assert_int_equal(read_path("file/below"), -1);
    assert_string_equal(err.code, "NotFound");
    assert_int_equal(read_path("in"), -1);
    assert_string_equal(err.code, "Invalid");
    assert_int_equal(mkfifo(at("root/pipe"), 0600), 0);
    assert_int_equal(read_path("pipe"), -1);
    assert_string_equal(err.code, "Invalid");
    char longest[PATH_MAX + 100];
    memset(longest, 'x', sizeof(longest));
    longest[300] = '\0';
    assert_int_equal(read_path(longest), -1);
    assert_string_equal(err.code, "Invalid");
}

/* Whatever a path is, and wherever links lead: nothing outside is read, made, changed or removed. */
static void test_never_leads_out(void **state)
{
    (void)state;
    static const char *const paths[] = {"../secret",  "in/../../secret", "out",  "above/secret",
                                        "/etc/group", "absolute/group",  "loop", "in/../../new/x"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(read_path(paths[i]), -1);
        if (strcmp(paths[i], "out") != 0 && strcmp(paths[i], "loop") != 0)
            assert_int_equal(write_path(paths[i], false), -1);
        salvor_local_remove(&root, paths[i], stop(), &err);
    }
    struct salvor_buffer content = SALVOR_BUFFER_INIT(100);
    assert_int_equal(salvor_file_read(&content, at("secret"), NULL), 0);
    assert_string_equal(content.data, "secret");
    salvor_buffer_release(&content);
    assert_int_equal(access(at("new"), F_OK), -1);
    assert_int_equal(access("/etc/group", F_OK), 0);
}

/* A link that is written to is replaced, not followed. */
static void test_replaces_links(void **state)
{
    (void)state;
    struct stat status;
    assert_int_equal(write_path("out", false), 0);
    assert_int_equal(lstat(at("root/out"), &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(write_path("file", true), -1);
    assert_string_equal(err.code, "AlreadyExists");
    assert_int_equal(write_path("new/folder/file", true), 0);
}

/* What a killed writer has left is used up by the next one; two writers are not in each other's way. */
static void test_leftovers(void **state)
{
    (void)state;
    struct salvor_folder_list list = {0};
    struct salvor_local_place place;
    char name[100];
    assert_int_equal(salvor_local_place_open(&place, &root, "in/new", NULL), 0);
    unsigned long long sum = salvor_store_sum("new", 3);
    snprintf(name, sizeof(name), ".salvor-%016llx.tmp", sum);
    int fd = salvor_local_claim(&place, name, true);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a longer text than the other", 28), 28);
    assert_int_equal(salvor_local_claim(&place, name, true), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    assert_int_equal(write_path("in/new", false), 0);
    assert_int_equal(faccessat(place.folder, name, F_OK, 0), 0);
    close(fd);
    assert_int_equal(write_path("in/new", false), 0);
    assert_int_equal(salvor_folder_list(&list, at("root/in"), NULL), 0);
    assert_int_equal(list.count, 2);
    salvor_folder_list_release(&list);
    assert_int_equal(read_path("in/new"), 0);
    salvor_local_place_close(&place);
}

static void test_stopped_removals(void **state)
{
    (void)state;
    struct salvor_stop asked = {SALVOR_STOP_ASKED}, new = {0};
    assert_int_equal(salvor_local_remove(&root, "file", &asked, &err), -1);
    assert_string_equal(err.code, "Cancelled");
    assert_int_equal(salvor_local_remove(&root, "file", &new, &err), 0);
    assert_true(salvor_stop_ask(&new));
}

static void test_follows_links_inside(void **state)
{
    (void)state;
    if (root.no_openat2)
        skip();
    assert_int_equal(read_path("inside/file"), 0);
    assert_int_equal(write_path("inside/new", false), 0);
    assert_int_equal(access(at("root/in/new"), F_OK), 0);
}

static void test_removes(void **state)
{
    (void)state;
    assert_int_equal(salvor_local_remove(&root, "none", stop(), &err), 0);
    assert_int_equal(salvor_local_remove(&root, "none/none", stop(), &err), 0);
    assert_int_equal(salvor_local_remove(&root, "in/", stop(), &err), -1);
    assert_string_equal(err.code, "Invalid");
    assert_int_equal(salvor_local_remove(&root, "in/file", stop(), &err), 0);
    assert_int_equal(salvor_local_remove(&root, "in/", stop(), &err), 0);
    assert_int_equal(access(at("root/in"), F_OK), -1);
    assert_int_equal(salvor_local_remove(&root, "out", stop(), &err), 0);
    assert_int_equal(access(at("secret"), F_OK), 0);
}

static void expect_walk(const char *prefix, bool one_level, size_t page_size, const char *expected)
{
    struct salvor_local_walk walk;
    char found[512] = "";
    bool more = true;
    assert_int_equal(salvor_local_walk_open(&walk, &root, prefix, one_level, &never, &err), 0);
    while (more) {
        struct salvor_local_page page;
        salvor_local_page_init(&page);
        assert_int_equal(
            salvor_local_walk_next(&walk, &page, &root, page_size, &more, &never, &err), 0);
        for (size_t i = 0; i < page.count; i++) {
            strcat(found, page.names.data + page.found[i].name);
            strcat(found, " ");
        }
        salvor_local_page_release(&page);
    }
    salvor_local_walk_close(&walk);
    assert_string_equal(found, expected);
}

static void test_walks_in_order(void **state)
{
    (void)state;
    make_folder("root/in-");
    put("root/in-/a", "");
    put("root/in0", "");
    put("root/in/.salvor-00ff.tmp", "hidden");
    make_folder("root/empty/deep");
    static const char all[] = "above absolute file in-/a in/file in0 inside loop out ";
    for (size_t size = 1; size < 12; size++)
        expect_walk("", false, size, all);
    expect_walk("", true, 100, "above absolute empty/ file in-/ in/ in0 inside loop out ");
    expect_walk("in/", false, 100, "in/file ");
    expect_walk("none/", false, 100, "");
    expect_walk("file/", false, 100, "");
}

static void test_walks_while_it_changes(void **state)
{
    (void)state;
    struct salvor_local_walk walk;
    struct salvor_local_page page;
    bool more;
    make_folder("root/sub");
    for (char name[] = "root/sub/a"; name[9] <= 'f'; name[9]++)
        put(name, "");
    assert_int_equal(salvor_local_walk_open(&walk, &root, "sub/", false, &never, &err), 0);
    salvor_local_page_init(&page);
    assert_int_equal(salvor_local_walk_next(&walk, &page, &root, 2, &more, &never, &err), 0);
    assert_int_equal(page.count, 2);
    assert_int_equal(salvor_folder_remove_tree(at("root/sub"), NULL), 0);
    assert_int_equal(salvor_local_walk_next(&walk, &page, &root, 9, &more, &never, &err), 0);
    assert_int_equal(page.count, 2);
    assert_false(more);
    assert_int_equal(salvor_local_walk_next(&walk, &page, &root, 9, &more, &always, &err), 0);
    salvor_local_page_release(&page);
    salvor_local_walk_close(&walk);
    assert_int_equal(salvor_local_walk_open(&walk, &root, "", false, &always, &err), -1);
    assert_string_equal(err.code, "Cancelled");
    salvor_local_walk_close(&walk);
}

static void test_uploads(void **state)
{
    (void)state;
    struct salvor_local_upload first, second;
    struct salvor_local_item item;
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    first.size = second.size = 14;
    first.part_size = second.part_size = 7;
    first.attributes = second.attributes =
        (struct salvor_local_attributes){.mode = 0600, .modified = 1e9};
    assert_int_equal(salvor_local_upload_open(&first, &root, "new/large", "a1", stop(), &err), 0);
    assert_int_equal(salvor_local_upload_open(&second, &root, "new/large", "a1", stop(), &err), -1);
    assert_string_equal(err.code, "Conflict");
    assert_int_equal(salvor_local_upload_part(&first, 7, new_block("seconds"), &never, &err), 0);
    salvor_local_upload_close(&first);
    assert_int_equal(salvor_local_upload_open(&first, &root, "new/large", "a1", stop(), &err), 0);
    assert_int_equal(salvor_local_upload_has(&first, 7, new_block("seconds"), &never, &err), 1);
    assert_int_equal(salvor_local_upload_has(&first, 0, new_block("firsts!"), &never, &err), 0);
    struct salvor_block *block = new_block("");
    assert_int_equal(salvor_local_upload_recall(&first, 7, block, &never, &err), 1);
    assert_memory_equal(block->data, "seconds", 7);
    assert_int_equal(salvor_local_upload_recall(&first, 0, block, &never, &err), 0);
    assert_int_equal(salvor_local_upload_recall(&first, 7, block, &always, &err), -1);
    /* What the disk has lost is not taken for a part. */
    assert_int_equal(pwrite(first.fd, "S", 1, 7), 1);
    assert_int_equal(salvor_local_upload_recall(&first, 7, block, &never, &err), 0);
    assert_int_equal(salvor_local_upload_part(&first, 7, new_block("seconds"), &never, &err), 0);
    assert_int_equal(salvor_local_upload_part(&first, 0, new_block("firsts!"), &always, &err), -1);
    assert_string_equal(err.code, "Cancelled");
    assert_int_equal(salvor_local_upload_part(&first, 0, new_block("firsts!"), &never, &err), 0);
    assert_int_equal(salvor_local_upload_finish(&first, &item, stop(), &err), 0);
    assert_int_equal(item.size, 14);
    assert_true(item.modified > 0.9e9 && item.modified < 1.1e9);
    assert_int_equal(read_path("new/large"), 0);
    expect_walk("new/", false, 10, "new/large ");
}

/* Somebody else who writes the same large file, from another process as far as locks go. */
struct other_writer {
    struct salvor_local_upload upload;
    struct salvor_stop stop;
    int result;
    struct salvor_error err;
};

static void *write_too(void *context)
{
    struct other_writer *other = context;
    other->result =
        salvor_local_upload_open(&other->upload, &root, "large", "d4", &other->stop, &other->err);
    return NULL;
}

static void begin_too(pthread_t *thread, struct other_writer *other)
{
    *other = (struct other_writer){
        .upload = {.size = 14, .part_size = 7, .patience = 60, .attributes = {.mode = 0600}}};
    assert_int_equal(pthread_create(thread, NULL, write_too, other), 0);
    usleep(50000); /* in which it begins to wait; where it does not, nothing fails */
}

static void test_waits_for_a_writer_that_ends(void **state)
{
    (void)state;
    struct salvor_local_upload first = {.size = 14, .part_size = 7, .attributes = {.mode = 0600}};
    struct other_writer other;
    pthread_t thread;
    assert_int_equal(salvor_local_upload_open(&first, &root, "large", "d4", stop(), &err), 0);
    begin_too(&thread, &other);
    salvor_local_upload_close(&first);
    pthread_join(thread, NULL);
    assert_int_equal(other.result, 0);
    salvor_local_upload_close(&other.upload);

    assert_int_equal(salvor_local_upload_open(&first, &root, "large", "d4", stop(), &err), 0);
    begin_too(&thread, &other);
    assert_true(salvor_stop_ask(&other.stop));
    pthread_join(thread, NULL);
    assert_int_equal(other.result, -1);
    assert_string_equal(other.err.code, "Cancelled");
    assert_int_equal(access(at("root/.salvor-d4.tmp"), F_OK), 0); /* it is the first one's */
    salvor_local_upload_close(&first);
}

static void test_a_stopped_call_makes_nothing(void **state)
{
    (void)state;
    struct salvor_local_upload upload = {.size = 14, .part_size = 7, .attributes = {.mode = 0600}};
    struct salvor_local_attributes attributes = {.mode = 0640, .modified = -1};
    struct salvor_local_item item;
    struct salvor_local_root other;
    assert_int_equal(salvor_local_upload_open(&upload, &root, "new/large", "e5", &always, &err),
                     -1);
    assert_string_equal(err.code, "Cancelled");
    assert_int_equal(
        salvor_local_write(&item, &root, "new/small", new_block("x"), &attributes, &always, &err),
        -1);
    assert_string_equal(err.code, "Cancelled");
    assert_int_equal(salvor_local_root_open(&other, at("root/new"), true, &always, &err), -1);
    assert_string_equal(err.code, "Cancelled");
    expect_walk("", false, 100, "above absolute file in/file inside loop out ");
}

static void test_a_stopped_beginning_keeps_what_is_there(void **state)
{
    (void)state;
    struct salvor_local_upload upload = {.size = 14, .part_size = 7, .attributes = {.mode = 0600}};
    assert_int_equal(salvor_local_upload_open(&upload, &root, "large", "e5", stop(), &err), 0);
    salvor_local_upload_close(&upload);
    assert_int_equal(salvor_local_upload_open(&upload, &root, "large", "e5", &always, &err), -1);
    assert_string_equal(err.code, "Cancelled");
    assert_int_equal(access(at("root/.salvor-e5.tmp"), F_OK), 0);
}

static void test_a_stopped_end_changes_nothing(void **state)
{
    (void)state;
    struct salvor_local_upload upload = {.size = 3, .part_size = 7, .attributes = {.mode = 0600}};
    struct salvor_stop asked = {SALVOR_STOP_ASKED};
    struct salvor_local_item item;
    assert_int_equal(salvor_local_upload_open(&upload, &root, "file", "f6", stop(), &err), 0);
    assert_int_equal(salvor_local_upload_part(&upload, 0, new_block("new"), &never, &err), 0);
    assert_int_equal(salvor_local_upload_finish(&upload, &item, &asked, &err), -1);
    assert_string_equal(err.code, "Cancelled");
    salvor_local_upload_close(&upload);
    assert_int_equal(read_path("file"), 0);
    assert_int_equal(salvor_local_stat(&item, &root, "file", &err), 0);
    assert_int_equal(item.size, 7);
}

/* Once a large file has its name nobody is told of a stop; a small one's may need time to be kept. */
static void test_too_late_to_stop(void **state)
{
    (void)state;
    struct salvor_local_upload upload = {.size = 3, .part_size = 7, .attributes = {.mode = 0600}};
    struct salvor_local_item item;
    assert_int_equal(salvor_local_upload_open(&upload, &root, "large", "f7", stop(), &err), 0);
    struct salvor_stop *late = stop();
    assert_int_equal(salvor_local_upload_finish(&upload, &item, late, &err), 0);
    assert_false(salvor_stop_ask(late));
    late = stop();
    struct salvor_local_attributes attributes = {.mode = 0640, .modified = -1};
    assert_int_equal(
        salvor_local_write(&item, &root, "file", new_block("new"), &attributes, late, &err), 0);
    assert_true(salvor_stop_ask(late));
}

static void test_an_upload_may_be_one_part_of_any_size(void **state)
{
    (void)state;
    struct salvor_local_upload upload = {
        .size = 2, .part_size = INT64_MAX, .attributes = {.mode = 0600, .modified = -1}};
    struct salvor_local_item item;
    assert_int_equal(salvor_local_upload_open(&upload, &root, "whole", "e5", stop(), &err), 0);
    assert_int_equal(salvor_local_upload_part(&upload, 0, new_block("ab"), &never, &err), 0);
    assert_int_equal(salvor_local_upload_finish(&upload, &item, stop(), &err), 0);
    assert_int_equal(item.size, 2);
}

static void test_aborts_uploads(void **state)
{
    (void)state;
    struct salvor_local_upload upload;
    memset(&upload, 0, sizeof(upload));
    upload.size = 1 << 20;
    upload.part_size = 1000;
    assert_int_equal(salvor_local_upload_open(&upload, &root, "large", "b2", stop(), &err), 0);
    assert_int_equal(access(at("root/.salvor-b2.tmp"), F_OK), 0);
    salvor_local_upload_prepare_removal(&upload);
    salvor_local_upload_remove(&upload);
    salvor_local_upload_close(&upload);
    salvor_local_upload_close(&upload);
    assert_int_equal(access(at("root/.salvor-b2.tmp"), F_OK), -1);
    assert_int_equal(access(at("root/large"), F_OK), -1);
    make_link("../secret", "root/.salvor-c3.tmp");
    assert_int_equal(salvor_local_upload_open(&upload, &root, "large", "c3", stop(), &err), -1);
    assert_string_equal(err.code, "Forbidden");
}

#define BOTH(test)                                                                                 \
    {#test " with openat2", test, set_up_new, tear_down, NULL},                                    \
    {                                                                                              \
#test " without", test, set_up_old, tear_down, NULL                                        \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_reads_what_is_below),
        BOTH(test_never_leads_out),
        BOTH(test_replaces_links),
        {"test_follows_links_inside", test_follows_links_inside, set_up_new, tear_down, NULL},
        BOTH(test_leftovers),
        BOTH(test_removes),
        BOTH(test_stopped_removals),
        BOTH(test_walks_in_order),
        BOTH(test_walks_while_it_changes),
        BOTH(test_uploads),
        BOTH(test_waits_for_a_writer_that_ends),
        BOTH(test_a_stopped_call_makes_nothing),
        BOTH(test_a_stopped_beginning_keeps_what_is_there),
        BOTH(test_a_stopped_end_changes_nothing),
        BOTH(test_too_late_to_stop),
        BOTH(test_an_upload_may_be_one_part_of_any_size),
        BOTH(test_aborts_uploads),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    salvor_block_release(new_block(""));
    return failed;
}
