#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/folder.h"
#include "core/path.h"

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%.40s/file-XXXXXX", parent ? parent : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return salvor_folder_remove_tree(folder, NULL);
}

static void put(const char *name, const char *text)
{
    struct salvor_error err = {0};
    salvor_file_write(path_of(name), text, strlen(text), 0600, false, &err);
    assert_string_equal(err.message, "");
}

static void assert_content(const char *name, const char *text)
{
    struct salvor_buffer buffer = SALVOR_BUFFER_INIT(1000);
    assert_int_equal(salvor_file_read(&buffer, path_of(name), NULL), 0);
    assert_string_equal(buffer.data, text);
    salvor_buffer_release(&buffer);
}

static size_t count_names(void)
{
    struct salvor_folder_list list = {0};
    assert_int_equal(salvor_folder_list(&list, folder, NULL), 0);
    size_t count = list.count;
    salvor_folder_list_release(&list);
    return count;
}

static void writing_replaces_and_leaves_nothing_over(void **state)
{
    (void)state;
    struct stat status;
    put("a", "one");
    put("a", "two");
    assert_content("a", "two");
    assert_int_equal(count_names(), 1);
    mode_t mask = umask(0077);
    assert_int_equal(salvor_file_write(path_of("a"), "3", 1, 0644, false, NULL), 0);
    umask(mask);
    assert_int_equal(stat(path_of("a"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
}

static void exclusive_writing_keeps_what_is_there(void **state)
{
    (void)state;
    struct salvor_error err;
    put("a", "one");
    assert_int_equal(salvor_file_write(path_of("a"), "two", 3, 0600, true, &err), -1);
    assert_string_equal(err.code, "AlreadyExists");
    assert_content("a", "one");
    assert_int_equal(count_names(), 1);
    assert_int_equal(salvor_file_write(path_of("b"), "two", 3, 0600, true, &err), 0);
    assert_content("b", "two");
}

/* A limit on the size of files stands for a full disk. */
static void a_failed_write_changes_nothing(void **state)
{
    (void)state;
    struct salvor_error err;
    static char big[100000];
    put("a", "old");
    put("log", "line\n");
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 50000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    int written = salvor_file_write(path_of("a"), big, sizeof(big), 0600, false, &err);
    int appended = salvor_file_append(path_of("log"), big, sizeof(big), 0600, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(written, -1);
    assert_string_equal(err.code, "TooLarge");
    assert_int_equal(appended, -1);
    assert_content("a", "old");
    assert_content("log", "line\n");
    assert_int_equal(count_names(), 2);
}

static struct rlimit unlimited;

/* In the middle of an append of ours: the first bytes are written, the next ones are refused. */
static void append_another(int number)
{
    (void)number;
    setrlimit(RLIMIT_FSIZE, &unlimited);
    int fd = open(path_of("log"), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || write(fd, "theirs\n", 7) != 7)
        abort();
    close(fd);
}

static void what_others_append_meanwhile_stays(void **state)
{
    (void)state;
    struct salvor_error err;
    put("log", "line\n");
    getrlimit(RLIMIT_FSIZE, &unlimited);
    struct rlimit small = unlimited;
    small.rlim_cur = 7;
    signal(SIGXFSZ, append_another);
    setrlimit(RLIMIT_FSIZE, &small);
    int appended = salvor_file_append(path_of("log"), "ours\n", 5, 0600, &err);
    setrlimit(RLIMIT_FSIZE, &unlimited);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(appended, -1);
    assert_content("log", "line\noutheirs\n");
}

static void do_nothing(int number)
{
    (void)number;
}

static int watched, room; /* a pipe, and how many bytes it takes */

/* The last signal is the one that comes when the pipe is full, so that whoever fills it waits. */
static void stop_when_full(int number)
{
    (void)number;
    struct itimerval never = {0};
    int held;
    if (ioctl(watched, FIONREAD, &held) == 0 && held == room)
        setitimer(ITIMER_REAL, &never, NULL);
}

static void assert_append_is_ended(void (*handler)(int number))
{
    static char big[1 << 20];
    struct itimerval often = {{.tv_usec = 5000}, {.tv_usec = 5000}}, never = {0};
    struct sigaction action = {.sa_handler = handler}; /* and stays: a signal may come late */
    struct salvor_error err;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    int appended = salvor_file_append(path_of("pipe"), big, sizeof(big), 0600, &err);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(appended, -1);
    assert_non_null(strstr(err.message, strerror(EINTR)));
}

static void a_signal_ends_the_appending_to_a_pipe(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    watched = open(path_of("pipe"), O_RDWR | O_CLOEXEC);
    room = fcntl(watched, F_GETPIPE_SZ);
    assert_append_is_ended(stop_when_full);
    assert_append_is_ended(do_nothing); /* there is no room from the start */
    close(watched);
}

static void nobody_reading_ends_the_appending_to_a_pipe(void **state)
{
    (void)state;
    static char big[1 << 20];
    struct salvor_error err;
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    signal(SIGPIPE, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path_of("pipe"), O_RDONLY | O_CLOEXEC);
        _exit(fd >= 0 && read(fd, big, 1000) > 0 ? 0 : 1);
    }
    assert_int_equal(salvor_file_append(path_of("pipe"), big, sizeof(big), 0600, &err), -1);
    assert_non_null(strstr(err.message, strerror(EPIPE)));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* From now on the system call fails with that number. */
static bool forbid(unsigned call, unsigned number)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool append_fails(const char *path)
{
    struct salvor_error err;
    return forbid(SYS_fdatasync, ENOSPC) &&
           salvor_file_append(path, "more\n", 5, 0600, &err) == -1 && !strcmp(err.code, "NoSpace");
}

static bool making_fails(const char *path)
{
    struct salvor_error err;
    return forbid(SYS_fsync, ENOSPC) && salvor_folder_make(path, 0700, true, NULL, &err) == -1 &&
           !strcmp(err.code, "NoSpace") && strstr(err.message, path);
}

/* As NFS, which knows no flags of a rename. */
static bool renaming_is_exclusive(const char *path)
{
    struct salvor_error err;
    char to[160];
    snprintf(to, sizeof(to), "%s.new", path);
    return forbid(SYS_renameat2, EINVAL) && salvor_file_rename(path, to, true, &err) == 0 &&
           mkdir(path, 0700) == 0 && salvor_file_rename(path, to, true, &err) == -1 &&
           !strcmp(err.code, "AlreadyExists");
}

/* As what has no second names either. */
static bool renaming_is_possible(const char *path)
{
    struct salvor_error err;
    char to[160];
    snprintf(to, sizeof(to), "%s.new", path);
    return forbid(SYS_renameat2, EINVAL) && forbid(SYS_linkat, EOPNOTSUPP) &&
           salvor_file_rename(path, to, true, &err) == 0;
}

/* In a process of its own, since what is forbidden stays so. */
static void assert_in_child(bool (*holds)(const char *path), const char *path)
{
    pid_t child = fork();
    if (child == 0)
        _exit(holds(path) ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void what_cannot_be_flushed_is_not_appended(void **state)
{
    (void)state;
    put("log", "line\n");
    assert_in_child(append_fails, path_of("log"));
    assert_content("log", "line\n");
}

static void a_folder_that_cannot_be_flushed_is_not_made(void **state)
{
    (void)state;
    assert_in_child(making_fails, path_of("d"));
    assert_int_equal(count_names(), 0);
}

static void a_symbolic_link_is_replaced_not_followed(void **state)
{
    (void)state;
    put("target", "safe");
    assert_int_equal(symlink("target", path_of("link")), 0);
    put("link", "new");
    assert_content("target", "safe");
    assert_content("link", "new");
}

static void a_name_is_needed(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "/", ".", "a/..", "a/"};
    struct salvor_error err;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(salvor_file_write(bad[i], "", 0, 0600, false, &err), -1);
        assert_string_equal(err.code, "Invalid");
    }
    assert_int_equal(salvor_file_write(path_of("no/a"), "", 0, 0600, false, &err), -1);
    assert_string_equal(err.code, "NotFound");
    assert_string_not_equal(err.hint, "");
}

static void reading_has_a_ceiling(void **state)
{
    (void)state;
    struct salvor_error err;
    put("a", "12345");
    struct salvor_buffer exact = SALVOR_BUFFER_INIT(5), small = SALVOR_BUFFER_INIT(4);
    assert_int_equal(salvor_file_read(&exact, path_of("a"), &err), 0);
    assert_int_equal(salvor_file_read(&small, path_of("a"), &err), -1);
    assert_string_equal(err.code, "TooLarge");
    /* A file whose size nobody knows beforehand. */
    salvor_buffer_clear(&small);
    assert_int_equal(salvor_file_read(&small, "/proc/self/status", &err), -1);
    assert_string_equal(err.code, "TooLarge");
    assert_int_equal(salvor_file_read(&small, folder, &err), -1);
    assert_string_equal(err.code, "Invalid");
    salvor_buffer_release(&exact);
    salvor_buffer_release(&small);
}

/* A process of its own writes the texts, or opens the pipe and writes nothing for ever. */
static pid_t start_writer(const char *path, const char *const *texts)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    int fd = open(path, O_WRONLY);
    for (; texts && *texts; texts++) {
        usleep(1000);
        if (write(fd, *texts, strlen(*texts)) < 0)
            _exit(1);
    }
    if (!texts)
        pause();
    _exit(0);
}

static void a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    struct salvor_error err = {0};
    struct salvor_buffer text = SALVOR_BUFFER_INIT(100);
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    pid_t writer = start_writer(path_of("pipe"), (const char *const[]){"first, ", "last", NULL});
    assert_int_equal(salvor_file_read_within(&text, path_of("pipe"), 60, &err), 0);
    assert_string_equal(text.data, "first, last");
    waitpid(writer, NULL, 0);
    salvor_buffer_release(&text);
}

static void a_silent_pipe_is_not_waited_for_ever(void **state)
{
    (void)state;
    struct salvor_buffer text = SALVOR_BUFFER_INIT(100);
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    pid_t writer = 0;
    for (int with_writer = 0; with_writer < 2; with_writer++) {
        struct salvor_error err = {0};
        if (with_writer)
            writer = start_writer(path_of("pipe"), NULL);
        assert_int_equal(salvor_file_read_within(&text, path_of("pipe"), with_writer, &err), -1);
        assert_string_equal(err.code, "Timeout");
        assert_non_null(strstr(err.message, path_of("pipe")));
    }
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    put("file", "text");
    assert_int_equal(salvor_file_read_within(&text, path_of("file"), 0, NULL), 0);
    assert_string_equal(text.data, "text");
    salvor_buffer_release(&text);
}

/* A process of its own sends us the signal until it is killed. */
static pid_t start_sender(int number)
{
    pid_t pid = fork();
    while (pid == 0) {
        kill(getppid(), number);
        usleep(1000);
    }
    return pid;
}

static void end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* The text of a pipe that is written while such signals come; NULL and *err. */
static const char *read_among_signals(int number, int flags, struct salvor_error *err)
{
    static const char *const slowly[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "0",
                                         "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL};
    static char read[100];
    struct salvor_buffer text = SALVOR_BUFFER_INIT(100);
    struct sigaction action = {.sa_handler = do_nothing, .sa_flags = flags}, before;
    sigaction(number, &action, &before);
    pid_t writer = start_writer(path_of("pipe"), slowly), sender = start_sender(number);
    /* So many milliseconds that 32 bits hold 8 of them. */
    int result = salvor_file_read_within(&text, path_of("pipe"), 115964117, err);
    end_process(sender);
    end_process(writer);
    sigaction(number, &before, NULL);
    snprintf(read, sizeof(read), "%s", result < 0 ? "" : text.data);
    salvor_buffer_release(&text);
    return result < 0 ? NULL : read;
}

static void a_pipe_is_waited_for_until_a_signal_asks_for_the_end(void **state)
{
    (void)state;
    struct salvor_error err = {0};
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    const char *text = read_among_signals(SIGWINCH, SA_RESTART, &err);
    if (!text)
        fail_msg("%s", err.message);
    assert_string_equal(text, "01234567890123456789");
    assert_null(read_among_signals(SIGUSR1, 0, &err));
    assert_non_null(strstr(err.message, strerror(EINTR)));
}

static void appending_and_cutting(void **state)
{
    (void)state;
    struct salvor_error err;
    struct stat status;
    assert_int_equal(salvor_file_append(path_of("j"), "one\n", 4, 0600, &err), 0);
    assert_int_equal(salvor_file_append(path_of("j"), "tw", 2, 0644, &err), 0);
    assert_int_equal(stat(path_of("j"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(salvor_file_truncate(path_of("j"), 4, &err), 0);
    assert_content("j", "one\n");
    assert_int_equal(salvor_file_truncate(path_of("j"), 5, &err), -1);
    assert_string_equal(err.code, "Invalid");
    assert_int_equal(salvor_file_append("/dev/null", "x", 1, 0600, &err), 0);
}

static void renaming(void **state)
{
    (void)state;
    struct salvor_error err;
    char from[128];
    put("a", "1");
    put("b", "2");
    strcpy(from, path_of("a"));
    assert_int_equal(salvor_file_rename(from, path_of("b"), true, &err), -1);
    assert_string_equal(err.code, "AlreadyExists");
    assert_int_equal(salvor_file_rename(from, path_of("b"), false, &err), 0);
    assert_content("b", "1");
    assert_int_equal(salvor_file_rename(from, path_of("c"), false, &err), -1);
    assert_string_equal(err.code, "NotFound");
}

static void files_and_folders_are_renamed_without_flags_too(void **state)
{
    (void)state;
    struct salvor_error err;
    put("file", "1");
    assert_in_child(renaming_is_exclusive, path_of("file"));
    assert_content("file.new", "1");
    assert_int_equal(salvor_folder_make(path_of("folder/inside"), 0700, true, NULL, &err), 0);
    assert_in_child(renaming_is_exclusive, path_of("folder"));
    assert_int_equal(access(path_of("folder.new/inside"), F_OK), 0);
    put("stick", "1");
    assert_in_child(renaming_is_possible, path_of("stick"));
    assert_content("stick.new", "1");
}

static void a_lock_is_one_process_s(void **state)
{
    (void)state;
    struct salvor_error err;
    int lock, second;
    assert_int_equal(salvor_lock_acquire(&lock, path_of("lock"), &err), 0);
    assert_int_equal(salvor_lock_acquire(&second, path_of("lock"), &err), -1);
    assert_string_equal(err.code, "Conflict");
    pid_t pid = fork();
    if (pid == 0) {
        char holder[32];
        snprintf(holder, sizeof(holder), "process %d ", (int)getppid());
        bool refused = salvor_lock_acquire(&second, path_of("lock"), &err) < 0;
        _exit(refused && strstr(err.message, holder) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    salvor_lock_release(lock);
    assert_int_equal(salvor_lock_acquire(&lock, path_of("lock"), &err), 0);
    salvor_lock_release(lock);
    salvor_lock_release(-1);
}

static void a_tree_goes_without_following_links(void **state)
{
    (void)state;
    struct salvor_error err;
    char outside[128];
    put("kept", "kept");
    strcpy(outside, path_of("kept"));
    assert_int_equal(salvor_folder_make(path_of("t/u/v"), 0700, true, NULL, &err), 0);
    put("t/u/v/file", "x");
    assert_int_equal(symlink(folder, path_of("t/u/up")), 0);
    assert_int_equal(symlink(outside, path_of("t/link")), 0);
    assert_int_equal(salvor_folder_remove_tree(path_of("t/"), &err), 0);
    assert_content("kept", "kept");
    assert_int_equal(count_names(), 1);
    /* A link to a folder goes, the folder stays, also with a slash behind the link. */
    assert_int_equal(salvor_folder_make(path_of("d"), 0700, false, NULL, &err), 0);
    put("d/file", "x");
    assert_int_equal(symlink("d", path_of("l")), 0);
    assert_int_equal(salvor_folder_remove_tree(path_of("l/"), &err), 0);
    assert_content("d/file", "x");
    assert_int_equal(salvor_folder_remove_tree(path_of("none"), &err), -1);
    assert_string_equal(err.code, "NotFound");
    assert_int_equal(salvor_folder_remove_tree("/", &err), -1);
    assert_int_equal(salvor_folder_remove_tree(path_of("."), &err), -1);
    assert_string_equal(err.code, "Invalid");
}

static void folders_are_made_with_their_mode(void **state)
{
    (void)state;
    struct salvor_error err;
    struct stat status;
    mode_t mask = umask(0077);
    assert_int_equal(salvor_folder_make(path_of("a/b//c/"), 0755, true, NULL, &err), 0);
    umask(mask);
    assert_int_equal(stat(path_of("a/b"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755);
    assert_int_equal(salvor_folder_make(path_of("a/b/c"), 0755, true, NULL, &err), 0);
    assert_int_equal(salvor_folder_make(path_of("a/b/c"), 0755, false, NULL, &err), -1);
    assert_string_equal(err.code, "AlreadyExists");
    put("file", "");
    assert_int_equal(salvor_folder_make(path_of("file/x"), 0755, true, NULL, &err), -1);
}

static void names_are_listed_in_order(void **state)
{
    (void)state;
    struct salvor_folder_list list = {0};
    static const char *const names[] = {"A", "a", "a\xff", "b", "\xc3\xa4"};
    for (int i = 4; i >= 0; i--)
        put(names[i], "");
    assert_int_equal(salvor_folder_list(&list, folder, NULL), 0);
    assert_int_equal(list.count, 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(list.entries[i].name, names[i]);
        assert_string_equal(list.entries[i].type, "file");
    }
    salvor_folder_list_release(&list);
    assert_int_equal(salvor_folder_list(&list, path_of("none"), NULL), -1);
    salvor_folder_list_release(&list);
}

static void links_are_made_and_replaced(void **state)
{
    (void)state;
    struct salvor_error err;
    struct salvor_buffer target = SALVOR_BUFFER_INIT(1000);
    assert_int_equal(salvor_link_make("one", path_of("l"), false, &err), 0);
    assert_int_equal(salvor_link_make("two", path_of("l"), false, &err), -1);
    assert_string_equal(err.code, "AlreadyExists");
    assert_int_equal(salvor_link_make("two", path_of("l"), true, &err), 0);
    assert_int_equal(salvor_link_read(&target, path_of("l"), &err), 0);
    assert_string_equal(target.data, "two");
    assert_int_equal(count_names(), 1);
    salvor_buffer_release(&target);
    put("f", "");
    assert_int_equal(salvor_link_read(&target, path_of("f"), &err), -1);
    assert_string_equal(err.code, "Invalid");
}

typedef int path_function(struct salvor_buffer *, const char *, struct salvor_error *);

static void assert_path(path_function *function, const char *path, const char *expected)
{
    struct salvor_buffer out = SALVOR_BUFFER_INIT(5000);
    assert_int_equal(function(&out, path, NULL), 0);
    assert_string_equal(out.data, expected);
    salvor_buffer_release(&out);
}

static void paths_as_text(void **state)
{
    (void)state;
    assert_path(salvor_path_folder, "a/b/", "a");
    assert_path(salvor_path_folder, "a", ".");
    assert_path(salvor_path_folder, "/a", "/");
    assert_path(salvor_path_folder, "//a//b", "//a");
    assert_path(salvor_path_folder, "/", "/");
    assert_path(salvor_path_name, "a/b//", "b");
    assert_path(salvor_path_name, "/", "/");
    assert_path(salvor_path_name, "a", "a");
    assert_path(salvor_path_name, "", "");
    assert_path(salvor_path_absolute, "/a/./b//c/", "/a/b/c");
    assert_path(salvor_path_absolute, "/a/../b", "/a/../b");
    assert_path(salvor_path_absolute, "/", "/");
    char working[4096];
    assert_path(salvor_path_absolute, ".", getcwd(working, sizeof(working)));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writing_replaces_and_leaves_nothing_over),
        TEST(exclusive_writing_keeps_what_is_there),
        TEST(a_failed_write_changes_nothing),
        TEST(what_others_append_meanwhile_stays),
        TEST(a_signal_ends_the_appending_to_a_pipe),
        TEST(nobody_reading_ends_the_appending_to_a_pipe),
        TEST(what_cannot_be_flushed_is_not_appended),
        TEST(a_folder_that_cannot_be_flushed_is_not_made),
        TEST(a_symbolic_link_is_replaced_not_followed),
        TEST(a_name_is_needed),
        TEST(reading_has_a_ceiling),
        TEST(a_pipe_is_read_to_its_end),
        TEST(a_silent_pipe_is_not_waited_for_ever),
        TEST(a_pipe_is_waited_for_until_a_signal_asks_for_the_end),
        TEST(appending_and_cutting),
        TEST(renaming),
        TEST(files_and_folders_are_renamed_without_flags_too),
        TEST(a_lock_is_one_process_s),
        TEST(a_tree_goes_without_following_links),
        TEST(folders_are_made_with_their_mode),
        TEST(names_are_listed_in_order),
        TEST(links_are_made_and_replaced),
        cmocka_unit_test(paths_as_text),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
