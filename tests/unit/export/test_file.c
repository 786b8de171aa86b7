/* Files whole or not at all, and untouched where nothing has changed. */
#include "tests/unit/export/export_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/kr-export-XXXXXX";
static char path[128];

static void prepare(void)
{
    memcpy(directory, "/tmp/kr-export-XXXXXX", sizeof directory);
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/domain.txt", directory);
}

static size_t entries_in_directory(void)
{
    DIR *dir = opendir(directory);
    size_t count = 0;
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count - 2;
}

static char *content(void)
{
    static char text[4096];
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    assert_int_equal(fclose(file), 0);
    return text;
}

static enum kr_err write_list(struct kr_gathered *gathered, uint64_t now_s, bool *ret_is_changed, struct kr_error *error)
{
    struct kr_tally tally;
    struct kr_selection selection = SELECT(gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    const struct kr_export_format *format = kr_export_format_find("list");
    const struct kr_export_part *part = format->parts;
    while (strcmp(part->file, "domain.txt") != 0) {
        part++;
    }
    rendering.now_s = now_s;
    enum kr_err err = kr_export_write_file(format, part, &rendering, path, &tally, ret_is_changed, error);
    kr_selection_deinit(&selection);
    return err;
}

static void give_name(struct kr_gathered *gathered, uint8_t number, const char *name, uint64_t received_s)
{
    GIVE(gathered, .number = number, .author = number, .label = KR_TLP_CLEAR, .received_ms = received_s * 1000,
         VALUES({V(DOMAIN, name)}));
}

static void test_time_is_that_of_the_newest_change(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct stat first, second;
    bool is_changed = false;
    prepare();
    give_name(&gathered, 1, "a.example", 1790000000);
    assert_int_equal(write_list(&gathered, 1790000100, &is_changed, NULL), KR_OK);
    assert_true(is_changed);
    assert_non_null(strstr(content(), "# As of: 2026-09-21T14:13:20Z\n"));
    assert_int_equal(stat(path, &first), 0);

    /* Later, and confirmed by another: the same list. */
    give_name(&gathered, 2, "a.example", 1790000500);
    assert_int_equal(write_list(&gathered, 1790000600, &is_changed, NULL), KR_OK);
    assert_false(is_changed);
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(first.st_ino, second.st_ino);

    give_name(&gathered, 3, "b.example", 1790000700);
    assert_int_equal(write_list(&gathered, 1790000800, &is_changed, NULL), KR_OK);
    assert_true(is_changed);
    assert_non_null(strstr(content(), "# As of: 2026-09-21T14:25:00Z\n"));
    assert_non_null(strstr(content(), "\nb.example\n"));

    /* Something was taken back: nothing in the list is as new as that, and yet the time goes on. */
    GIVE(&gathered, .number = 3, .label = KR_TLP_CLEAR, .is_taken = true);
    assert_int_equal(write_list(&gathered, 1790000900, &is_changed, NULL), KR_OK);
    assert_true(is_changed);
    assert_null(strstr(content(), "b.example"));
    assert_non_null(strstr(content(), "# As of: 2026-09-21T14:28:20Z\n"));

    /* A clock that was set back does not take it back. */
    give_name(&gathered, 4, "c.example", 1780000000);
    assert_int_equal(write_list(&gathered, 1780000000, &is_changed, NULL), KR_OK);
    assert_true(is_changed);
    assert_non_null(strstr(content(), "# As of: 2026-09-21T14:28:21Z\n"));
    assert_int_equal(entries_in_directory(), 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
    kr_gathered_deinit(&gathered);
}

static void test_mode_and_links(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct stat stat_;
    char other[160];
    bool is_changed;
    prepare();
    (void)snprintf(other, sizeof other, "%s/real", directory);
    int fd = open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(symlink(other, path), 0);
    give_name(&gathered, 1, "a.example", 1790000000);
    assert_int_equal(write_list(&gathered, 1790000100, &is_changed, NULL), KR_OK);
    assert_int_equal(lstat(path, &stat_), 0);
    assert_true(S_ISLNK(stat_.st_mode));
    assert_int_equal(lstat(other, &stat_), 0);
    assert_true(S_ISREG(stat_.st_mode) && stat_.st_size > 0);
    assert_int_equal(stat_.st_mode & 07777, 0640);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(write_list(&gathered, 1790000100, &is_changed, NULL), KR_IO); /* leads nowhere */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
    kr_gathered_deinit(&gathered);
}

static void test_refused(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_error error = {0};
    bool is_changed;
    prepare();
    give_name(&gathered, 1, "a.example", 1790000000);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(write_list(&gathered, 1790000100, &is_changed, &error), KR_INVALID);
    assert_non_null(strstr(error.text, path));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(write_list(&gathered, 1790000100, &is_changed, &error), KR_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
    assert_int_equal(write_list(&gathered, 1790000100, &is_changed, &error), KR_IO); /* no directory */
    assert_non_null(strstr(error.text, path));
    kr_gathered_deinit(&gathered);
}

/* Disk full: what stood there stands, and no temporary file is left. */
static void test_full_disk(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    struct kr_error error = {0};
    bool is_changed;
    prepare();
    give_name(&gathered, 1, "a.example", 1790000000);
    assert_int_equal(write_list(&gathered, 1790000100, &is_changed, NULL), KR_OK);
    char *before = strdup(content());
    give_name(&gathered, 2, "b.example", 1790000200);
    const struct rlimit none = {0, RLIM_INFINITY};
    struct rlimit was;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum kr_err err = write_list(&gathered, 1790000300, &is_changed, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(err, KR_IO);
    assert_string_equal(content(), before);
    assert_int_equal(entries_in_directory(), 1);
    free(before);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
    kr_gathered_deinit(&gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_is_that_of_the_newest_change),
        cmocka_unit_test(test_mode_and_links),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
