/* Chains: small from the second file on, checked to the last byte, and told where they are broken. */
#include "backup_test.h"

#include <signal.h>

/* From one byte that is flipped to the next, in the head and at the end: sanitizers make each try ten times as dear. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEP 7
#else
#define STEP 1
#endif

static uint64_t size_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (uint64_t)status.st_size;
}

static void what_is_new_is_added(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    make_three(fixture);
    assert_int_equal(fixture->made.number, 2);
    assert_int_equal(fixture->made.pages_put, 1);
    assert_int_equal(fixture->made.pages_gone, 1);
    assert_int_equal(fixture->made.grown, 12345);
    assert_true(size_of(fixture->files[0]) > 150 * PAGE_BYTES);
    assert_true(size_of(fixture->files[1]) < 20 * PAGE_BYTES);
    assert_true(size_of(fixture->files[2]) < 6 * PAGE_BYTES);
    assert_int_equal(stat(fixture->files[2], &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(check_all(fixture, names(fixture), 3, true), KR_OK);
    assert_int_equal(check_all(fixture, names(fixture), 3, false), KR_OK);
    assert_int_equal(check_all(fixture, names(fixture), 2, true), KR_OK); /* as it was before the last */
    assert_int_equal(make_backup(fixture, fixture->to, false, true), KR_OK);
    assert_int_equal(fixture->made.number, 0);
    assert_int_equal(check_all(fixture, names(fixture) + 3, 1, true), KR_OK);
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK); /* goes on with the newest chain */
    assert_int_equal(fixture->made.number, 1);
    assert_int_equal(fixture->made.pages_put, 0);
}

static void long_chains_begin_anew(void **state)
{
    struct fixture *fixture = *state;
    uint32_t whole = 0;
    fixture->pages = 12;
    for (uint32_t i = 0; i < KR_BACKUP_ADDED_MAX + 2; i++) {
        assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
        whole += fixture->made.number == 0;
    }
    assert_int_equal(whole, 2);
    assert_int_equal(fixture->made.number, 0);
}

static void a_broken_chain_is_told(void **state)
{
    struct fixture *fixture = *state;
    make_three(fixture);
    const char *const *list = names(fixture);
    const char *missing[] = {list[0], list[2]}, *headless[] = {list[1], list[2]}, *twice[] = {list[0], list[0]};
    assert_int_equal(check_all(fixture, missing, 2, false), KR_INVALID);
    assert_non_null(strstr(fixture->error.text, "number 1 is missing"));
    assert_int_equal(check_all(fixture, headless, 2, false), KR_INVALID);
    assert_non_null(strstr(fixture->error.text, "the whole one"));
    assert_int_equal(check_all(fixture, twice, 2, false), KR_INVALID);
    assert_int_equal(unlink(fixture->files[1]), 0);
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK); /* a new one, and said */
    assert_int_equal(fixture->made.number, 0);
    assert_non_null(strstr(fixture->made.why_whole.text, "number 1 is missing"));
}

/* Files that were made after the same one do not follow each other. */
static void a_file_of_another_branch_does_not_follow(void **state)
{
    struct fixture *fixture = *state;
    char aside[200];
    make_three(fixture);
    (void)snprintf(aside, sizeof aside, "%s/aside.kairan-backup", fixture->root);
    assert_int_equal(rename(fixture->files[1], aside), 0);
    assert_int_equal(unlink(fixture->files[2]), 0);
    fixture->contents[50] = 5000;
    fixture->file_count = 1;
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    fixture->contents[51] = 5001;
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    const char *mixed[] = {fixture->files[0], aside, fixture->files[2]};
    assert_int_equal(check_all(fixture, names(fixture), 3, true), KR_OK);
    assert_int_equal(check_all(fixture, mixed, 3, false), KR_CORRUPT);
}

/* Bytes in turn, each one of the head and of the end (but with sanitizers), and lengths. */
static void damage_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    fixture->pages = 12;
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    const char *path = fixture->files[0];
    const uint64_t size = size_of(path);
    uint8_t *bytes = malloc(size);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, size, 0), (ssize_t)size);
    for (uint64_t i = 0; i < size; i += i < 1200 || i + 400 > size ? STEP : 37) {
        for (int opened = 0; opened < 2; opened++) {
            const uint8_t flipped = bytes[i] ^ 0x10;
            assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
            assert_int_not_equal(check_all(fixture, names(fixture), 1, opened != 0), KR_OK);
            assert_int_equal(pwrite(fd, &bytes[i], 1, (off_t)i), 1);
        }
    }
    for (uint64_t len = 0; len < size; len += 41) {
        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        assert_int_not_equal(check_all(fixture, names(fixture), 1, false), KR_OK);
        assert_int_equal(pwrite(fd, bytes, size, 0), (ssize_t)size);
    }
    assert_int_equal(pwrite(fd, "x", 1, (off_t)size), 1); /* and one byte more */
    assert_int_not_equal(check_all(fixture, names(fixture), 1, false), KR_OK);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(check_all(fixture, names(fixture), 1, true), KR_OK);
    assert_int_equal(close(fd), 0);
    free(bytes);
}

/* Who alters a file makes its digest right as well; what is sealed tells. */
static void what_was_altered_does_not_open(void **state)
{
    struct fixture *fixture = *state;
    struct kr_hash_state hash;
    uint8_t bytes[16384], digest[KR_HASH_BYTES];
    fixture->pages = 12;
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    const size_t size = size_of(fixture->files[0]);
    assert_true(size < sizeof bytes);
    const int fd = open(fixture->files[0], O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, bytes, size, 0), (ssize_t)size);
    bytes[KR_BACKUP_HEAD_BYTES + KR_BACKUP_CHUNK_HEAD_BYTES + 10 * KR_BACKUP_ENTRY_BYTES + 5] ^= 1;
    kr_hash_init(&hash, "kairan backup file");
    kr_hash_update(&hash, bytes, size - 32);
    kr_hash_final(&hash, digest);
    memcpy(bytes + size - 32, digest, 32);
    assert_int_equal(pwrite(fd, bytes, size, 0), (ssize_t)size);
    assert_int_equal(check_all(fixture, names(fixture), 1, false), KR_OK);
    assert_int_equal(check_all(fixture, names(fixture), 1, true), KR_DECRYPT);
    assert_int_equal(close(fd), 0);
}

static void another_recovery_key_opens_nothing(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t seed[32] = {8};
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    kr_sign_keypair(fixture->recovery_public, fixture->recovery_secret, seed);
    assert_int_equal(check_all(fixture, names(fixture), 1, true), KR_KEY);
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK); /* nor is anything added to it */
    assert_int_equal(fixture->made.number, 0);
}

static uint32_t count_in(const char *directory)
{
    char command[300], text[32] = {0};
    (void)snprintf(command, sizeof command, "ls -A %s | wc -l", directory);
    FILE *out = popen(command, "re");
    assert_non_null(out);
    assert_non_null(fgets(text, sizeof text, out));
    assert_true(pclose(out) >= 0);
    return (uint32_t)strtoul(text, NULL, 10);
}

/* A full disk, a reader that ended too early, a place that is taken: nothing new, nothing lost. */
static void what_fails_leaves_all_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before;
    make_three(fixture);
    fixture->ends_early = true;
    assert_int_equal(make_backup(fixture, fixture->to, false, true), KR_CLOSED);
    fixture->ends_early = false;
    assert_int_equal(count_in(fixture->to), 3);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    fixture->has_full_disk = true;
    const enum kr_err err = make_backup(fixture, fixture->to, false, true);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    fixture->has_full_disk = false;
    assert_int_equal(err, KR_STORE_FULL);
    assert_non_null(strstr(fixture->error.text, "no room"));
    assert_int_equal(count_in(fixture->to), 3);
    assert_int_equal(check_all(fixture, names(fixture), 3, true), KR_OK);
    assert_int_equal(make_backup(fixture, "/nowhere/at/all", false, false), KR_NOT_FOUND);
    assert_int_equal(make_backup(fixture, fixture->files[0], true, false), KR_EXISTS);
    char path[200];
    (void)snprintf(path, sizeof path, "%s/keyring", fixture->state);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_NOT_FOUND);
    assert_int_equal(count_in(fixture->to), 3);
    assert_int_equal(check_all(fixture, names(fixture), 3, true), KR_OK);
}

/* Of a backup that was killed yesterday; not of one that is being made. */
static void what_a_killed_one_left_is_cleared_away(void **state)
{
    struct fixture *fixture = *state;
    char old[200], young[200];
    const struct timespec times[2] = {{.tv_sec = 1800000000 - 90000}, {.tv_sec = 1800000000 - 90000}};
    (void)snprintf(old, sizeof old, "%s/.kairan-backup.aaaaaa", fixture->to);
    (void)snprintf(young, sizeof young, "%s/.kairan-backup.bbbbbb", fixture->to);
    write_file(old, "half");
    write_file(young, "half");
    assert_int_equal(utimensat(AT_FDCWD, old, times, 0), 0);
    fixture->made_s = 1800000000;
    const struct timespec now[2] = {{.tv_sec = 1800000000}, {.tv_sec = 1800000000}};
    assert_int_equal(utimensat(AT_FDCWD, young, now, 0), 0);
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    assert_int_not_equal(access(old, F_OK), 0);
    assert_int_equal(access(young, F_OK), 0);
}

static void what_is_none_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    struct kr_backup_chain chain = {0};
    char path[200];
    (void)snprintf(path, sizeof path, "%s/other.kairan-backup", fixture->to);
    write_file(path, "no backup at all");
    assert_int_equal(kr_backup_chain_in(fixture->to, NULL, NULL, &chain, &fixture->error), KR_NOT_FOUND);
    make_three(fixture);
    assert_int_equal(kr_backup_chain_in(fixture->to, NULL, NULL, &chain, &fixture->error), KR_OK);
    assert_int_equal(chain.count, 3);
    kr_backup_chain_free(&chain);
    const uint8_t other[32] = {1};
    assert_int_equal(kr_backup_chain_in(fixture->to, other, NULL, &chain, &fixture->error), KR_NOT_FOUND);
    const char *list[] = {path};
    assert_int_equal(check_all(fixture, list, 1, false), KR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_new_is_added),
        TEST(long_chains_begin_anew),
        TEST(a_broken_chain_is_told),
        TEST(a_file_of_another_branch_does_not_follow),
        TEST(damage_is_noticed),
        TEST(what_was_altered_does_not_open),
        TEST(another_recovery_key_opens_nothing),
        TEST(what_fails_leaves_all_as_it_was),
        TEST(what_a_killed_one_left_is_cleared_away),
        TEST(what_is_none_is_passed_over),
    };
    return cmocka_run_group_tests_name("backup/chain", tests, NULL, NULL);
}
