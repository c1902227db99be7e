#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/folder.h"
#include "core/path.h"
#include "data/unpack.h"
#include "data/unpack_name.h"

/* The linker puts it in the place of the one that our objects call (--wrap). */
int __real_renameat2(int from_folder, const char *from, int to_folder, const char *to,
                     unsigned flags);
int __wrap_renameat2(int from_folder, const char *from, int to_folder, const char *to,
                     unsigned flags);

static bool only_plain_renames; /* as on NFS */

int __wrap_renameat2(int from_folder, const char *from, int to_folder, const char *to,
                     unsigned flags)
{
    if (!only_plain_renames)
        return __real_renameat2(from_folder, from, to_folder, to, flags);
    errno = EINVAL;
    return -1;
}

/* An archive written by hand, so that it can be as bad as any. */

struct tar {
    char data[1 << 17];
    size_t size, given, step;
};

static struct tar tar;
static struct salvor_error err;
static struct salvor_archive_progress progress;
static char folder[64], place[96];

static void octal(char *field, size_t size, unsigned long long value)
{
    char digits[32];
    snprintf(digits, sizeof(digits), "%0*llo", (int)size - 1, value);
    memcpy(field, digits, size);
}

static void add_header(const char *name, char type, const char *target, long long size,
                       unsigned mode)
{
    char *header = tar.data + tar.size;
    unsigned sum = 0;
    memset(header, 0, 512);
    memcpy(header, name, strnlen(name, 100));
    octal(header + 100, 8, mode);
    octal(header + 108, 8, 0);
    octal(header + 116, 8, 0);
    octal(header + 124, 12, (unsigned long long)size);
    octal(header + 136, 12, 1000000000);
    memset(header + 148, ' ', 8);
    header[156] = type;
    if (target)
        memcpy(header + 157, target, strnlen(target, 100));
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    octal(header + 148, 7, sum);
    tar.size += 512;
}

static void add_data(const char *data)
{
    size_t size = strlen(data);
    memset(tar.data + tar.size, 0, 1024);
    memcpy(tar.data + tar.size, data, size);
    tar.size += (size + 511) / 512 * 512;
}

static void add_file(const char *name, const char *data)
{
    add_header(name, '0', NULL, (long long)strlen(data), 0644);
    add_data(data);
}

static void add_folder(const char *name)
{
    add_header(name, '5', NULL, 0, 0755);
}

static void add_end(void)
{
    memset(tar.data + tar.size, 0, 1024);
    tar.size += 1024;
}

static ssize_t give(void *context, const void **data, struct salvor_error *error)
{
    (void)context, (void)error;
    size_t size = tar.size - tar.given;
    if (size > tar.step)
        size = tar.step;
    *data = tar.data + tar.given;
    tar.given += size;
    return (ssize_t)size;
}

static void begin(void)
{
    memset(&tar, 0, sizeof(tar));
    memset(&err, 0, sizeof(err));
    tar.step = 700;
    only_plain_renames = false;
    progress.stop = (struct salvor_stop){0};
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test-unpack-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(place, sizeof(place), "%s/place", folder);
    begin();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return salvor_folder_remove_tree(folder, NULL);
}

static size_t count_names(void)
{
    struct salvor_folder_list list = {0};
    assert_int_equal(salvor_folder_list(&list, folder, NULL), 0);
    size_t count = list.count;
    salvor_folder_list_release(&list);
    return count;
}

/* Unpacks "top" to the place; 0 or -1 with `err`. */
static int unpack_with(const struct salvor_unpack_options *options, struct salvor_buffer *skipped)
{
    struct salvor_unpack *unpack;
    if (salvor_unpack_new(&unpack, options, &err) < 0)
        return -1;
    int result = salvor_unpack_run(unpack, give, NULL, &progress, &err);
    if (skipped)
        salvor_buffer_append(skipped, salvor_unpack_skipped(unpack)->data,
                             salvor_unpack_skipped(unpack)->size, NULL);
    if (result == 0)
        result = salvor_unpack_commit(unpack, &err);
    salvor_unpack_free(unpack);
    return result;
}

static int unpack(void)
{
    struct salvor_unpack_options options = {.target = place, .top = "top", .limit = INT64_MAX};
    return unpack_with(&options, NULL);
}

static void expect_unpacked(void)
{
    if (unpack() < 0)
        fail_msg("%s", err.message);
}

/* The archive is refused with such a text, and nothing of it is left. */
static void expect_refused(const char *code, const char *text)
{
    assert_int_equal(unpack(), -1);
    assert_string_equal(err.code, code);
    if (!strstr(err.message, text))
        fail_msg("no '%s' in '%s'", text, err.message);
    assert_int_equal(count_names(), 0);
}

static void expect_content(const char *below, const char *expected)
{
    char path[256];
    struct salvor_buffer content = SALVOR_BUFFER_INIT(1 << 20);
    snprintf(path, sizeof(path), "%s%s", place, below);
    assert_int_equal(salvor_file_read(&content, path, NULL), 0);
    assert_string_equal(content.data, expected);
    salvor_buffer_release(&content);
}

static unsigned mode_of(const char *below)
{
    char path[256];
    struct salvor_file_status status;
    snprintf(path, sizeof(path), "%s%s", place, below);
    assert_int_equal(salvor_file_stat(&status, path, false, NULL), 0);
    return status.mode;
}

/* What is good */

static void a_folder_is_made_with_all_that_is_in_it(void **state)
{
    (void)state;
    add_folder("top/");
    add_file("top/a", "one");
    add_file("./top/deep/er/b", "");
    add_header("top/set", '0', NULL, 0, 06755);
    add_header("top/closed", '5', NULL, 0, 0500);
    add_file("top/closed/c", "three");
    add_header("top/link", '2', "deep/er/b", 0, 0777);
    add_header("top/deep/up", '2', "../a", 0, 0777);
    add_header("top/again", '1', "top/a", 0, 0644);
    add_end();
    expect_unpacked();
    expect_content("/a", "one");
    expect_content("/deep/er/b", "");
    expect_content("/closed/c", "three");
    expect_content("/deep/up", "one");
    expect_content("/again", "one");
    assert_int_equal(mode_of("/a"), 0644);
    assert_int_equal(mode_of("/set"), 0755);
    assert_int_equal(mode_of("/closed"), 0700);
    struct stat status;
    char path[128];
    snprintf(path, sizeof(path), "%s/a", place);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mtime, 1000000000);
    assert_int_equal(count_names(), 1);
}

static void a_file_is_made(void **state)
{
    (void)state;
    add_file("top", "content");
    add_end();
    expect_unpacked();
    expect_content("", "content");
}

static void an_archive_may_come_in_any_pieces(void **state)
{
    (void)state;
    for (size_t step = 1; step < 2600; step += step < 8 ? 1 : 511) {
        begin();
        tar.step = step;
        add_file("top", "content");
        add_end();
        expect_unpacked();
        expect_content("", "content");
        unlink(place);
    }
}

static void the_root_of_the_archive_can_be_asked_for(void **state)
{
    (void)state;
    struct salvor_unpack_options options = {.target = place, .top = ".", .limit = 100};
    add_folder("./");
    add_file("./a", "1");
    add_file("b", "2");
    add_end();
    assert_int_equal(unpack_with(&options, NULL), 0);
    expect_content("/a", "1");
    expect_content("/b", "2");
}

static void long_names_are_understood(void **state)
{
    (void)state;
    char name[300] = "top/", body[400];
    memset(name + 4, 'n', 200);
    snprintf(body, sizeof(body), "%s", name);
    add_header("././@LongLink", 'L', NULL, (long long)strlen(body) + 1, 0);
    add_data(body);
    add_file("top/nnn", "gnu");
    const char *record = "30 path=top/pax-\303\274-and-longer\n";
    add_header("PaxHeader", 'x', NULL, (long long)strlen(record), 0644);
    add_data(record);
    add_file("top/short", "pax");
    add_end();
    expect_unpacked();
    expect_content(name + 3, "gnu");
    expect_content("/pax-\303\274-and-longer", "pax");
}

/* What is bad */

static void names_that_lead_out_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"../evil", "'..'"},       {"top/../../evil", "'..'"},
        {"top/a/..", "'..'"},      {"/top/evil", "absolute"},
        {"//evil", "absolute"},    {"C:/evil", "not part"},
        {"C:\\evil", "not part"},  {"evil", "not part"},
        {"topevil", "not part"},   {"top\\..\\evil", "not part"},
        {"", "not part"},          {"top/a\nb", "control characters"},
        {"top/a\033[2J", "\\x1b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin();
        add_folder("top");
        add_file(cases[i][0], "evil");
        add_end();
        expect_refused("Corrupt", cases[i][1]);
    }
}

static void files_through_links_are_refused(void **state)
{
    (void)state;
    add_folder("top");
    add_folder("top/real");
    add_header("top/link", '2', "real", 0, 0777);
    add_file("top/link/evil", "evil");
    add_end();
    expect_refused("Corrupt", "below what is no folder");
    begin();
    add_folder("top");
    add_header("top/link", '2', "a", 0, 0777);
    add_file("top/link", "evil");
    add_end();
    expect_refused("Corrupt", "comes twice");
    begin();
    add_folder("top");
    add_header("top/link", '2', "real", 0, 0777);
    add_folder("top/link");
    add_end();
    expect_refused("Corrupt", "comes twice");
}

static void links_that_lead_out_are_left_out(void **state)
{
    (void)state;
    static const char *const targets[] = {"/etc/passwd", "../x", "a/../../x", "../../../x", "b/.."};
    struct salvor_buffer skipped = SALVOR_BUFFER_INIT(4096);
    struct salvor_unpack_options options = {.target = place, .top = "top", .limit = 0};
    char name[32];
    add_folder("top");
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "top/link%d", i);
        add_header(name, '2', targets[i], 0, 0777);
    }
    add_header("top/pipe", '6', NULL, 0, 0644);
    add_header("top/device", '3', NULL, 0, 0644);
    add_end();
    assert_int_equal(unpack_with(&options, &skipped), 0);
    size_t texts = 0;
    for (size_t i = 0; i < skipped.size; i++)
        texts += !skipped.data[i];
    assert_int_equal(texts, 2 * 7);
    assert_string_equal(skipped.data, "link0");
    salvor_buffer_release(&skipped);
    struct salvor_folder_list list = {0};
    assert_int_equal(salvor_folder_list(&list, place, NULL), 0);
    assert_int_equal(list.count, 0);
    salvor_folder_list_release(&list);
}

static void a_link_that_is_left_out_is_no_way_out(void **state)
{
    (void)state;
    add_folder("top");
    add_header("top/etc", '2', "/etc", 0, 0777);
    add_file("top/etc/evil", "harmless");
    add_end();
    expect_unpacked();
    expect_content("/etc/evil", "harmless");
    assert_int_equal(access("/etc/evil", F_OK), -1);
}

static void hard_links_to_other_things_are_refused(void **state)
{
    (void)state;
    static const char *const targets[] = {"/etc/passwd", "../../etc/passwd", "top/later", "top",
                                          "top/link"};
    for (int i = 0; i < 5; i++) {
        begin();
        add_folder("top");
        add_header("top/link", '2', "x", 0, 0777);
        add_header("top/hard", '1', targets[i], 0, 0644);
        add_file("top/later", "");
        add_end();
        expect_refused("Corrupt", "hard link");
    }
}

static void what_comes_twice_is_refused(void **state)
{
    (void)state;
    add_folder("top");
    add_file("top/a", "1");
    add_file("top/a", "2");
    add_end();
    expect_refused("Corrupt", "comes twice");
    begin();
    add_file("top", "1");
    add_file("top", "2");
    add_end();
    expect_refused("Corrupt", "comes twice");
    begin();
    add_file("top", "1");
    add_file("top/a", "2");
    add_end();
    expect_refused("Corrupt", "below a file");
    begin();
    add_folder("top");
    add_file("top/a", "1");
    add_file("top/a/b", "2");
    add_end();
    expect_refused("Corrupt", "below what is no folder");
}

static void a_top_that_is_neither_file_nor_folder_is_refused(void **state)
{
    (void)state;
    add_header("top", '2', "/etc", 0, 0777);
    add_end();
    expect_refused("Invalid", "symbolic link to '/etc'");
    begin();
    add_header("top", '3', NULL, 0, 0644);
    add_end();
    expect_refused("Invalid", "neither");
}

static void archives_that_were_cut_are_refused(void **state)
{
    (void)state;
    add_folder("top");
    add_file("top/a", "some content that does not end with zeros");
    add_file("top/b", "more");
    add_end();
    size_t whole = tar.size;
    for (size_t size = 0; size < whole; size += size % 512 ? 511 : 1) {
        tar.size = size;
        tar.given = 0;
        memset(&err, 0, sizeof(err));
        expect_refused("Corrupt", "");
    }
}

static void what_is_no_archive_is_refused(void **state)
{
    (void)state;
    memset(tar.data, 'x', 5000);
    tar.size = 5000;
    expect_refused("Corrupt", "not a tar archive");
    begin();
    add_file("top", "content");
    tar.data[0] ^= 1;
    add_end();
    expect_refused("Corrupt", "not a tar archive");
    begin();
    add_file("top", "content");
    add_end();
    add_file("top2", "content");
    expect_refused("Corrupt", "behind its end");
}

static void more_than_the_limit_is_refused_before_it_is_written(void **state)
{
    (void)state;
    struct salvor_unpack_options options = {.target = place, .top = "top", .limit = 1000};
    add_folder("top");
    add_file("top/a", "1");
    add_header("top/huge", '0', NULL, 077777777777, 0644);
    assert_int_equal(unpack_with(&options, NULL), -1);
    assert_string_equal(err.code, "TooLarge");
    assert_non_null(strstr(err.message, "top/huge"));
    assert_int_equal(count_names(), 0);
}

static void folders_that_are_too_deep_are_refused(void **state)
{
    (void)state;
    char body[2000] = "top";
    for (int i = 0; i < 250; i++)
        strcat(body, "/d");
    add_header("././@LongLink", 'L', NULL, (long long)strlen(body) + 1, 0);
    add_data(body);
    tar.size = 512 + (strlen(body) + 1 + 511) / 512 * 512;
    add_file("top/d", "");
    add_end();
    expect_refused("Corrupt", "deep");
}

static void a_transfer_that_is_stopped_leaves_nothing(void **state)
{
    (void)state;
    add_folder("top");
    add_file("top/a", "1");
    add_end();
    salvor_stop_ask(&progress.stop);
    expect_refused("Cancelled", "given up");
}

/* The place */

static void write_place(const char *data)
{
    assert_int_equal(salvor_file_write(place, data, strlen(data), 0600, false, NULL), 0);
}

static void a_file_takes_the_place_of_a_file_or_link(void **state)
{
    (void)state;
    write_place("old");
    add_file("top", "new");
    add_end();
    expect_unpacked();
    expect_content("", "new");
    unlink(place);
    assert_int_equal(symlink("/etc/passwd", place), 0);
    tar.given = 0;
    expect_unpacked();
    expect_content("", "new");
    assert_int_equal(count_names(), 1);
}

static void a_failure_leaves_the_place_as_it_was(void **state)
{
    (void)state;
    write_place("old");
    add_file("top", "new");
    assert_int_equal(unpack(), -1);
    expect_content("", "old");
    assert_int_equal(count_names(), 1);
}

static void a_folder_is_replaced_only_when_that_is_wanted(void **state)
{
    (void)state;
    struct salvor_unpack_options options = {
        .target = place, .top = "top", .limit = 100, .replace = true};
    char old[128];
    snprintf(old, sizeof(old), "%s/old", place);
    assert_int_equal(mkdir(place, 0700), 0);
    assert_int_equal(mkdir(old, 0700), 0);
    add_folder("top");
    add_file("top/new", "new");
    add_end();
    assert_int_equal(unpack(), -1);
    assert_string_equal(err.code, "AlreadyExists");
    assert_int_equal(access(old, F_OK), 0);
    assert_int_equal(unpack_with(&options, NULL), 0);
    expect_content("/new", "new");
    assert_int_equal(access(old, F_OK), -1);
    assert_int_equal(count_names(), 1);
}

static void a_folder_that_appears_meanwhile_is_not_replaced(void **state)
{
    (void)state;
    struct salvor_unpack_options options = {.target = place, .top = "top", .limit = 100};
    struct salvor_unpack *one;
    add_folder("top");
    add_end();
    assert_int_equal(salvor_unpack_new(&one, &options, &err), 0);
    assert_int_equal(salvor_unpack_run(one, give, NULL, &progress, &err), 0);
    assert_int_equal(mkdir(place, 0700), 0);
    assert_int_equal(salvor_unpack_commit(one, &err), -1);
    assert_string_equal(err.code, "AlreadyExists");
    salvor_unpack_free(one);
    assert_int_equal(count_names(), 1);
}

static void a_network_file_system_takes_files_and_folders(void **state)
{
    (void)state;
    only_plain_renames = true;
    add_file("top", "file");
    add_end();
    expect_unpacked();
    expect_content("", "file");
    assert_int_equal(unlink(place), 0);

    begin();
    only_plain_renames = true;
    add_folder("top");
    add_file("top/new", "new");
    add_end();
    expect_unpacked();
    expect_content("/new", "new");
    assert_int_equal(unpack(), -1);
    assert_string_equal(err.code, "AlreadyExists");
    assert_int_equal(count_names(), 1);
}

static void a_place_needs_a_folder_and_a_name(void **state)
{
    (void)state;
    strcat(place, "/none/place");
    assert_int_equal(unpack(), -1);
    assert_string_equal(err.code, "NotFound");
    snprintf(place, sizeof(place), "%s/..", folder);
    assert_int_equal(unpack(), -1);
    assert_string_equal(err.code, "Invalid");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_folder_is_made_with_all_that_is_in_it),
        TEST(a_file_is_made),
        TEST(an_archive_may_come_in_any_pieces),
        TEST(the_root_of_the_archive_can_be_asked_for),
        TEST(long_names_are_understood),
        TEST(names_that_lead_out_are_refused),
        TEST(files_through_links_are_refused),
        TEST(links_that_lead_out_are_left_out),
        TEST(a_link_that_is_left_out_is_no_way_out),
        TEST(hard_links_to_other_things_are_refused),
        TEST(what_comes_twice_is_refused),
        TEST(a_top_that_is_neither_file_nor_folder_is_refused),
        TEST(archives_that_were_cut_are_refused),
        TEST(what_is_no_archive_is_refused),
        TEST(more_than_the_limit_is_refused_before_it_is_written),
        TEST(folders_that_are_too_deep_are_refused),
        TEST(a_transfer_that_is_stopped_leaves_nothing),
        TEST(a_file_takes_the_place_of_a_file_or_link),
        TEST(a_failure_leaves_the_place_as_it_was),
        TEST(a_folder_is_replaced_only_when_that_is_wanted),
        TEST(a_folder_that_appears_meanwhile_is_not_replaced),
        TEST(a_network_file_system_takes_files_and_folders),
        TEST(a_place_needs_a_folder_and_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
