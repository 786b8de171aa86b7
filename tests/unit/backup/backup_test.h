/* What the tests of this folder share: a store that is nothing but numbered pages, a directory for backups, a recovery key. */
#ifndef KR_TEST_BACKUP_H
#define KR_TEST_BACKUP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "crypto/sign.h"
#include "tools/backup/make.h"
#include "tools/backup/restore.h"

#define PAGE_BYTES 512u
#define PAGES_MAX  400u

struct fixture {
    char root[64], to[128], state[128];
    uint8_t recovery_public[32], recovery_secret[64];
    uint32_t contents[PAGES_MAX]; /* of each page: 0: free; else what it is filled with */
    uint64_t pages, number, made_s;
    bool ends_early, has_full_disk;
    struct kr_backup_made made;
    struct kr_error error;
    char files[16][160];
    uint32_t file_count;
};

static inline void page_fill(uint32_t content, uint64_t page, uint8_t ret_bytes[static PAGE_BYTES])
{
    for (size_t i = 0; i < PAGE_BYTES; i++) {
        ret_bytes[i] = (uint8_t)(content * 31 + page * 7 + i);
    }
}

static inline void write_file(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static inline int remove_any(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static inline int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const uint8_t seed[32] = {7};
    char path[200];
    assert_non_null(fixture);
    assert_int_equal(kr_crypto_init(), KR_OK);
    (void)snprintf(fixture->root, sizeof fixture->root, "/tmp/kairan-backup-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    (void)snprintf(fixture->to, sizeof fixture->to, "%s/to", fixture->root);
    (void)snprintf(fixture->state, sizeof fixture->state, "%s/state", fixture->root);
    assert_int_equal(mkdir(fixture->to, 0700) + mkdir(fixture->state, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/keyring", fixture->state);
    write_file(path, "all the keys");
    (void)snprintf(path, sizeof path, "%s/kairan.conf", fixture->state);
    write_file(path, "[node]\n");
    kr_sign_keypair(fixture->recovery_public, fixture->recovery_secret, seed);
    fixture->pages = 200;
    fixture->made_s = 1800000000;
    for (uint32_t i = 0; i < fixture->pages; i++) {
        fixture->contents[i] = i % 5 == 4 ? 0 : i + 1;
    }
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    (void)nftw(fixture->root, remove_any, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

/* What kairand would print. */
static inline FILE *print_store(void *context)
{
    struct fixture *fixture = context;
    struct kr_backup_stream stream = {.page_bytes = PAGE_BYTES, .pages = fixture->pages, .number = ++fixture->number};
    uint8_t head[KR_BACKUP_STREAM_BYTES], number[8], bytes[PAGE_BYTES];
    FILE *file = tmpfile();
    assert_non_null(file);
    for (uint32_t i = 0; i < fixture->pages; i++) {
        stream.used += fixture->contents[i] != 0;
    }
    kr_backup_stream_write(&stream, head);
    assert_int_equal(fwrite(head, 1, sizeof head, file), sizeof head);
    for (uint32_t i = 0; i < fixture->pages && !(fixture->ends_early && i == 100); i++) {
        if (fixture->contents[i] != 0) {
            kr_backup_number_write(i, number);
            page_fill(fixture->contents[i], i, bytes);
            assert_int_equal(fwrite(number, 1, sizeof number, file) + fwrite(bytes, 1, sizeof bytes, file),
                             sizeof number + sizeof bytes);
        }
    }
    if (!fixture->ends_early) {
        kr_backup_number_write(UINT64_MAX, number);
        assert_int_equal(fwrite(number, 1, sizeof number, file), sizeof number);
        kr_backup_number_write(12345, number);
        assert_int_equal(fwrite(number, 1, sizeof number, file), sizeof number);
    }
    rewind(file);
    return file;
}

struct opened {
    struct fixture *fixture;
    FILE *file;
};

static inline FILE *open_store(void *context)
{
    struct opened *opened = context;
    opened->file = print_store(opened->fixture);
    if (opened->fixture->has_full_disk) { /* no file may be longer than this from now on */
        const struct rlimit small = {.rlim_cur = 40000, .rlim_max = RLIM_INFINITY};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    }
    return opened->file;
}

/* One more file of the backup, a minute later. */
static inline enum kr_err make_backup(struct fixture *fixture, const char *to, bool is_file, bool whole)
{
    static struct kr_backup_source sources[2];
    const uint8_t seed[32] = {(uint8_t)fixture->number, 1};
    struct opened opened = {.fixture = fixture};
    (void)snprintf(sources[0].name, sizeof sources[0].name, "keyring");
    (void)snprintf(sources[0].path, sizeof sources[0].path, "%s/keyring", fixture->state);
    (void)snprintf(sources[1].name, sizeof sources[1].name, "kairan.conf");
    (void)snprintf(sources[1].path, sizeof sources[1].path, "%s/kairan.conf", fixture->state);
    struct kr_backup_making making = {.to = to,
                                      .is_file = is_file,
                                      .wants_whole = whole,
                                      .council = {9, 9},
                                      .made_s = fixture->made_s += 60,
                                      .seed = seed,
                                      .sources = sources,
                                      .source_count = 2,
                                      .open_snapshot = open_store,
                                      .context = &opened};
    memcpy(making.recovery_public, fixture->recovery_public, 32);
    fixture->error.text[0] = 0;
    enum kr_err err = kr_backup_make(&making, &fixture->made, &fixture->error);
    if (opened.file != NULL) {
        (void)fclose(opened.file);
    }
    if (err == KR_OK && fixture->file_count < 16) {
        (void)snprintf(fixture->files[fixture->file_count++], sizeof fixture->files[0], "%.159s", fixture->made.path);
    }
    return err;
}

/* A chain of three: the whole, then with some pages changed, freed and new, then again. */
static inline void make_three(struct fixture *fixture)
{
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    fixture->contents[3] = 900;
    fixture->contents[9] = 901;
    fixture->contents[20] = 0;
    fixture->pages = 210;
    for (uint32_t i = 200; i < 210; i++) {
        fixture->contents[i] = i;
    }
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
    fixture->contents[3] = 0;
    fixture->contents[20] = 77;
    assert_int_equal(make_backup(fixture, fixture->to, false, false), KR_OK);
}

static inline const char *const *names(struct fixture *fixture)
{
    static const char *list[16];
    for (uint32_t i = 0; i < fixture->file_count; i++) {
        list[i] = fixture->files[i];
    }
    return list;
}

/* Reads the whole chain; without the key where `is_opened` is false. */
static inline enum kr_err check_all(struct fixture *fixture, const char *const *list, uint32_t count, bool is_opened)
{
    struct kr_backup_chain chain = {0};
    struct kr_pages pages = {0};
    const struct kr_backup_reading reading = {.is_whole = true, .recovery_secret = is_opened ? fixture->recovery_secret : NULL};
    fixture->error.text[0] = 0;
    enum kr_err err = kr_backup_chain_of(list, count, &chain, &fixture->error);
    if (err == KR_OK) {
        err = kr_backup_chain_walk(&chain, &reading, &pages, &fixture->error);
    }
    kr_pages_free(&pages);
    kr_backup_chain_free(&chain);
    return err;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
