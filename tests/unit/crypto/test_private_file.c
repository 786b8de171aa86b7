#include "temp_dir.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crypto/private_file.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_dir_setup, temp_dir_teardown)

/* ---- calls that make a file durable, which the linker finds here first: their order ---- */

static char calls[64];

static void note(int fd, char of_file, char of_directory)
{
    struct stat status;
    size_t len = strlen(calls);
    if (fstat(fd, &status) == 0 && len < sizeof calls - 1 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) {
        calls[len] = S_ISDIR(status.st_mode) ? of_directory : of_file;
    }
}

ssize_t write(int fd, const void *bytes, size_t len);
int fsync(int fd);
int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);

ssize_t write(int fd, const void *bytes, size_t len)
{
    note(fd, 'w', 'w');
    return (ssize_t)syscall(SYS_write, fd, bytes, len);
}

int fsync(int fd)
{
    note(fd, 's', 'd');
    return (int)syscall(SYS_fsync, fd);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    calls[strlen(calls)] = 'r';
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

static enum kr_err put(const struct temp_dir *temp, const char *text, bool replace, struct kr_error *error)
{
    return kr_private_file_write(temp->path, text, strlen(text), replace, error);
}

static void assert_holds(const struct temp_dir *temp, const char *text)
{
    char bytes[64] = {0};
    size_t len = 0;
    assert_int_equal(kr_private_file_read(temp->path, bytes, sizeof bytes - 1, &len, NULL), KR_OK);
    assert_int_equal(len, strlen(text));
    assert_string_equal(bytes, text);
}

static void assert_unreadable(const char *path, enum kr_err expected, const char *hint)
{
    char bytes[64];
    size_t len = 12345;
    struct kr_error error = {{0}};
    assert_int_equal(kr_private_file_read(path, bytes, sizeof bytes, &len, &error), expected);
    assert_int_equal(len, 12345);
    assert_non_null(strstr(error.text, path));
    if (strstr(error.text, hint) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", error.text, hint);
    }
}

static void what_is_written_is_read_and_private(void **state)
{
    const struct temp_dir *temp = *state;
    struct stat status;
    mode_t before = umask(0);
    assert_int_equal(put(temp, "secret", false, NULL), KR_OK);
    (void)umask(before);
    assert_holds(temp, "secret");
    assert_int_equal(stat(temp->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(temp_dir_empty(temp), 1);
}

static void a_file_that_is_there_is_replaced_on_request_only(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_error error = {{0}};
    assert_int_equal(put(temp, "old", false, NULL), KR_OK);
    assert_int_equal(put(temp, "new", false, &error), KR_EXISTS);
    assert_non_null(strstr(error.text, temp->path));
    assert_holds(temp, "old");
    assert_int_equal(put(temp, "newer", true, NULL), KR_OK);
    assert_holds(temp, "newer");
    assert_int_equal(temp_dir_empty(temp), 1);
}

static void replacing_a_link_leaves_what_it_names(void **state)
{
    const struct temp_dir *temp = *state;
    char other[300], bytes[8] = {0};
    (void)snprintf(other, sizeof other, "%s/other", temp->dir);
    put_file(other, "other", 5);
    assert_int_equal(symlink(other, temp->path), 0);
    assert_int_equal(put(temp, "mine", false, NULL), KR_EXISTS);
    assert_int_equal(put(temp, "mine", true, NULL), KR_OK);
    assert_holds(temp, "mine");
    assert_int_equal(get_file(other, bytes, sizeof bytes), 5);
    assert_string_equal(bytes, "other");
}

static void a_longer_file_fills_the_buffer(void **state)
{
    const struct temp_dir *temp = *state;
    char bytes[4];
    size_t len = 0;
    assert_int_equal(put(temp, "longer", false, NULL), KR_OK);
    assert_int_equal(kr_private_file_read(temp->path, bytes, sizeof bytes, &len, NULL), KR_OK);
    assert_int_equal(len, sizeof bytes);
    assert_memory_equal(bytes, "long", 4);
}

static void every_mode_that_lets_others_in_is_refused(void **state)
{
    const struct temp_dir *temp = *state;
    assert_int_equal(put(temp, "secret", false, NULL), KR_OK);
    for (mode_t bit = 1; bit <= 040; bit <<= 1) {
        assert_int_equal(chmod(temp->path, 0600 | bit), 0);
        assert_unreadable(temp->path, KR_DENIED, "chmod 600");
    }
    assert_int_equal(chmod(temp->path, 0400), 0);
    assert_holds(temp, "secret");
}

static void what_is_no_plain_file_is_refused_without_waiting(void **state)
{
    const struct temp_dir *temp = *state;
    char link_path[300];
    assert_unreadable(temp->path, KR_NOT_FOUND, "no file");
    assert_unreadable(temp->dir, KR_DENIED, "not a plain file");
    assert_int_equal(mkfifo(temp->path, 0600), 0);
    assert_unreadable(temp->path, KR_DENIED, "not a plain file");
    (void)temp_dir_empty(temp);

    put_file(temp->path, "secret", 6);
    (void)snprintf(link_path, sizeof link_path, "%s/link", temp->dir);
    assert_int_equal(symlink(temp->path, link_path), 0);
    assert_unreadable(link_path, KR_DENIED, "symbolic link");
    (void)snprintf(link_path, sizeof link_path, "%s/below", temp->path);
    assert_unreadable(link_path, KR_NOT_FOUND, "no file");
}

static void another_users_file_is_refused(void **state)
{
    const struct temp_dir *temp = *state;
    put_file(temp->path, "secret", 6);
    if (geteuid() != 0 || chown(temp->path, 65534, (gid_t)-1) != 0) {
        print_message("skipped: only root can give a file away\n");
        skip();
    }
    assert_unreadable(temp->path, KR_DENIED, "run as the owner");
}

static void paths_that_cannot_be_written_are_errors(void **state)
{
    const struct temp_dir *temp = *state;
    static char path[9000];
    struct kr_error error = {{0}};
    (void)snprintf(path, sizeof path, "%s/nowhere/secrets", temp->dir);
    assert_int_equal(kr_private_file_write(path, "x", 1, true, &error), KR_IO);
    assert_non_null(strstr(error.text, path));
    memset(path, 'x', sizeof path - 1);
    assert_int_equal(kr_private_file_write(path, "x", 1, true, &error), KR_BOUNDS);
    assert_int_equal(kr_private_file_write(temp->dir, "x", 1, true, &error), KR_IO); /* a directory is in its place */
    assert_int_equal(temp_dir_empty(temp), 0);
}

/* The disk is full, as far as this child can tell. */
static int write_onto_a_full_disk(void *arg)
{
    const struct temp_dir *temp = arg;
    const struct rlimit few_bytes = {.rlim_cur = 3, .rlim_max = 3};
    struct kr_error error = {{0}};
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &few_bytes) != 0) {
        return 2;
    }
    return put(temp, "longer than three", true, &error) == KR_IO && error.text[0] != 0 ? 0 : 1;
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    const struct temp_dir *temp = *state;
    assert_int_equal(put(temp, "old", false, NULL), KR_OK);
    int status = status_of_child(write_onto_a_full_disk, *state);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_holds(temp, "old");
    assert_int_equal(temp_dir_empty(temp), 1);
}

static void a_path_without_a_directory_is_the_current_one(void **state)
{
    const struct temp_dir *temp = *state;
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(before >= 0);
    assert_int_equal(chdir(temp->dir), 0);
    enum kr_err err = kr_private_file_write("secrets", "here", 4, false, NULL);
    assert_int_equal(fchdir(before), 0);
    (void)close(before);
    assert_int_equal(err, KR_OK);
    assert_holds(temp, "here");
}

/* A power cut leaves the old file or the new one: its bytes are synced before it gets its name, and the name before we say so. */
static void each_step_is_durable_before_the_next(void **state)
{
    const struct temp_dir *temp = *state;
    for (int replace = 0; replace < 2; replace++) {
        memset(calls, 0, sizeof calls);
        enum kr_err err = put(temp, "secret", replace != 0, NULL);
        char made[sizeof calls];
        memcpy(made, calls, sizeof made);
        assert_int_equal(err, KR_OK);
        assert_string_equal(made, replace != 0 ? "wsrdws" : "wsrd"); /* the old one is overwritten when it cannot come back */
    }
}

/* What the blocks of the old file held is gone, unless they are another name's as well. */
static void what_is_replaced_is_overwritten(void **state)
{
    const struct temp_dir *temp = *state;
    char held[8] = {0}, linked[sizeof temp->path + 8];
    (void)snprintf(linked, sizeof linked, "%s.link", temp->path);
    assert_int_equal(put(temp, "secret", false, NULL), KR_OK);
    int old = open(temp->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(put(temp, "other", true, NULL), KR_OK);
    assert_int_equal(pread(old, held, sizeof held, 0), 6);
    assert_memory_equal(held, "\0\0\0\0\0\0", 6);
    (void)close(old);
    assert_holds(temp, "other");

    assert_int_equal(link(temp->path, linked), 0);
    assert_int_equal(put(temp, "third", true, NULL), KR_OK);
    old = open(linked, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(old, held, sizeof held, 0), 5);
    assert_memory_equal(held, "other", 5);
    (void)close(old);
    assert_int_equal(unlink(linked), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_and_private),
        TEST(a_file_that_is_there_is_replaced_on_request_only),
        TEST(replacing_a_link_leaves_what_it_names),
        TEST(a_longer_file_fills_the_buffer),
        TEST(every_mode_that_lets_others_in_is_refused),
        TEST(what_is_no_plain_file_is_refused_without_waiting),
        TEST(another_users_file_is_refused),
        TEST(paths_that_cannot_be_written_are_errors),
        TEST(a_full_disk_leaves_the_old_file),
        TEST(each_step_is_durable_before_the_next),
        TEST(what_is_replaced_is_overwritten),
        TEST(a_path_without_a_directory_is_the_current_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
