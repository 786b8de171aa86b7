/* A state directory out of a backup: as it was, or not at all. */
#include "backup_test.h"

static enum kr_err restore(struct fixture *fixture, uint32_t count, const char *to, struct kr_backup_restored *ret)
{
    struct kr_backup_chain chain = {0};
    const struct kr_backup_restoring restoring = {.chain = &chain, .recovery_secret = fixture->recovery_secret, .to = to};
    fixture->error.text[0] = 0;
    enum kr_err err = kr_backup_chain_of(names(fixture), count, &chain, &fixture->error);
    if (err == KR_OK) {
        err = kr_backup_restore(&restoring, ret, &fixture->error);
    }
    kr_backup_chain_free(&chain);
    return err;
}

static void expect_text(const char *directory, const char *name, const char *text)
{
    char path[300], found[100] = {0};
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    assert_int_equal(fread(found, 1, sizeof found - 1, in), strlen(text));
    assert_string_equal(found, text);
    assert_int_equal(fstat(fileno(in), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    (void)fclose(in);
}

static void expect_pages(const struct fixture *fixture, const char *directory)
{
    char path[300];
    uint8_t wanted[PAGE_BYTES], found[PAGE_BYTES];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s/store/data.mdb", directory);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_size, fixture->pages * PAGE_BYTES);
    for (uint32_t i = 0; i < fixture->pages; i++) {
        assert_int_equal(pread(fd, found, PAGE_BYTES, (off_t)i * PAGE_BYTES), PAGE_BYTES);
        memset(wanted, 0, sizeof wanted);
        if (fixture->contents[i] != 0) {
            page_fill(fixture->contents[i], i, wanted);
        }
        assert_memory_equal(found, wanted, PAGE_BYTES); /* what is free is zeros, whatever was there before */
    }
    assert_int_equal(close(fd), 0);
}

static bool is_there(const char *directory, const char *name)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

static void a_chain_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct kr_backup_restored restored;
    char to[200], first[200], path[200];
    (void)snprintf(path, sizeof path, "%s/kairan.conf", fixture->state);
    write_file(path, "[old]\n");
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    const struct fixture before = *fixture;
    write_file(path, "[new]\n");
    fixture->contents[3] = 0;
    fixture->contents[4] = 88;
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    (void)snprintf(to, sizeof to, "%s/deep", fixture->root);
    (void)snprintf(first, sizeof first, "%s/first", fixture->root);
    assert_int_equal(restore(fixture, 2, to, &restored), KR_OK);
    expect_pages(fixture, to);
    expect_text(to, "keyring", "all the keys");
    expect_text(to, "kairan.conf", "[new]\n");
    expect_text(to, KR_BACKUP_RESTORED_NAME, "1800000120\n");
    assert_false(is_there(to, "restore.unfinished"));
    assert_int_equal(restored.made_s, 1800000120);
    assert_true(restored.has_config && !restored.config_is_aside);
    assert_int_equal(restore(fixture, 1, first, &restored), KR_OK);
    expect_pages(&before, first);
    expect_text(first, "kairan.conf", "[old]\n");
}

static void a_node_that_is_there_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct kr_backup_restored restored;
    char path[200];
    make_three(fixture);
    assert_int_equal(restore(fixture, 3, fixture->state, &restored), KR_EXISTS);
    expect_text(fixture->state, "keyring", "all the keys");
    assert_false(is_there(fixture->state, "store"));
    assert_false(is_there(fixture->state, "restore.unfinished"));
    (void)snprintf(path, sizeof path, "%s/keyring", fixture->state);
    assert_int_equal(unlink(path), 0); /* a configuration alone is no node */
    write_file(path, "all the keys");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(restore(fixture, 3, fixture->state, &restored), KR_OK);
    assert_true(restored.config_is_aside);
    expect_text(fixture->state, "kairan.conf.restored", "[node]\n");
    assert_int_equal(restore(fixture, 3, fixture->state, &restored), KR_EXISTS);
}

/* What is cut short leaves no node, and the next one clears it away. */
static void what_breaks_off_leaves_no_node(void **state)
{
    struct fixture *fixture = *state;
    struct kr_backup_restored restored;
    char to[200], path[300];
    make_three(fixture);
    (void)snprintf(to, sizeof to, "%s/cut", fixture->root);
    const int fd = open(fixture->files[2], O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;
    assert_int_equal(pread(fd, &byte, 1, 500), 1);
    const uint8_t flipped = byte ^ 1;
    assert_int_equal(pwrite(fd, &flipped, 1, 500), 1);
    assert_int_not_equal(restore(fixture, 3, to, &restored), KR_OK);
    assert_false(is_there(to, "keyring") || is_there(to, "store") || is_there(to, "restore.unfinished") ||
                 is_there(to, KR_BACKUP_RESTORED_NAME));
    assert_int_equal(pwrite(fd, &byte, 1, 500), 1);
    assert_int_equal(close(fd), 0);
    /* As if killed between the store's move and the keyring's. */
    (void)snprintf(path, sizeof path, "%s/store", to);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/store/data.mdb", to);
    write_file(path, "half");
    (void)snprintf(path, sizeof path, "%s/restore.unfinished", to);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(restore(fixture, 3, to, &restored), KR_OK);
    expect_pages(fixture, to);
    /* But a store without a keyring that no restore has left is somebody's. */
    (void)snprintf(path, sizeof path, "%s/keyring", to);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(restore(fixture, 3, to, &restored), KR_EXISTS);
    expect_pages(fixture, to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chain_comes_back_as_it_was),
        TEST(a_node_that_is_there_is_left_alone),
        TEST(what_breaks_off_leaves_no_node),
    };
    return cmocka_run_group_tests_name("backup/restore", tests, NULL, NULL);
}
