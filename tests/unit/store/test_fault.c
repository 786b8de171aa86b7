/* Disks that fill up or fail: each system call that a commit makes fails in turn, and a real small disk runs full. What was
 * committed stays, readers go on, and work resumes without opening the store again. */
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "old_store.h"

/* ---- LMDB's system calls, which the dynamic linker finds here first ---- */

static struct {
    uint32_t calls, fail_from, fail_count; /* calls from this number on fail, so many; 0: none */
    uint32_t fail_metas;                   /* so many writes of a meta page fail, whatever their number */
    int error;                             /* 0: half of it is written */
    bool was_cut;                          /* a meta page was written to a file that is shorter than the page says */
    uint32_t looks;                        /* how often somebody asked about a file */
} disk;

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t writev(int fd, const struct iovec *parts, int count);
int fdatasync(int fd);
int fstat(int fd, struct stat *status);

int fstat(int fd, struct stat *status)
{
    disk.looks++;
    return (int)syscall(SYS_fstat, fd, status);
}

static bool fails(void)
{
    disk.calls++;
    return disk.fail_count > 0 && disk.calls >= disk.fail_from && disk.calls < disk.fail_from + disk.fail_count;
}

/* What lmdb 0.9 writes of struct MDB_meta, which stands in the first two pages: from the size of the map to the number of the
 * transaction. */
#define META_BYTES     120u
#define META_LAST_PAGE 104u

static bool is_meta(size_t len, off_t at)
{
    return len == META_BYTES && at < 2 * (off_t)sysconf(_SC_PAGESIZE);
}

static bool is_cut(int fd, const void *bytes, size_t len, off_t at)
{
    struct stat status;
    uint64_t last_page = 0;
    const off_t page_bytes = sysconf(_SC_PAGESIZE);
    if (!is_meta(len, at)) {
        return false;
    }
    memcpy(&last_page, (const uint8_t *)bytes + META_LAST_PAGE, sizeof last_page);
    return syscall(SYS_fstat, fd, &status) != 0 || (uint64_t)status.st_size < (last_page + 1) * (uint64_t)page_bytes;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    disk.was_cut |= is_cut(fd, bytes, len, at);
    const bool fails_as_meta = disk.fail_metas > 0 && is_meta(len, at);
    disk.fail_metas -= fails_as_meta;
    if (fails() || fails_as_meta) {
        if (disk.error == 0) {
            return (ssize_t)syscall(SYS_pwrite64, fd, bytes, len / 2, at);
        }
        errno = disk.error;
        return -1;
    }
    return (ssize_t)syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (fails()) {
        if (disk.error == 0) {
            return (ssize_t)syscall(SYS_writev, fd, parts, count > 1 ? count / 2 : count);
        }
        errno = disk.error;
        return -1;
    }
    return (ssize_t)syscall(SYS_writev, fd, parts, count);
}

int fdatasync(int fd)
{
    if (fails()) {
        errno = disk.error == 0 ? EIO : disk.error;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void disk_fails(uint32_t from, uint32_t count, int error)
{
    disk.calls = 0;
    disk.fail_from = from;
    disk.fail_count = count;
    disk.error = error;
}

/* ---- each call in turn ---- */

static void put_some(struct kr_txn *txn, uint64_t first)
{
    for (uint64_t number = first; number < first + 5; number++) {
        (void)put_sample(txn, number);
    }
}

/* Fails the call number `at` (and `count - 1` behind it) of one commit; false when a commit makes fewer calls. */
static bool commit_with_fault(struct fixture *fixture, uint64_t *next, uint32_t at, uint32_t count, int error, enum kr_err expected)
{
    struct kr_txn *txn = write_begin(fixture);
    put_some(txn, *next);
    disk_fails(at, count, error);
    enum kr_err err = kr_txn_commit(txn);
    bool was_reached = disk.calls >= at;
    disk_fails(0, 0, 0);
    if (!was_reached) {
        assert_int_equal(err, KR_OK);
        *next += 5;
        return false;
    }
    assert_int_equal(err, expected);
    /* Nothing of it is there, everything else is, for readers and for the next writer, without opening again. */
    txn = read_begin(fixture);
    struct kr_head head = sample_head(*next);
    uint64_t arrival = 0;
    assert_int_equal(kr_store_record_find(txn, head.id, &arrival), KR_NOT_FOUND);
    assert_sample(txn, 0, 1);
    assert_sample(txn, *next - 1, *next);
    kr_txn_abort(txn);
    txn = write_begin(fixture);
    put_some(txn, *next);
    commit(txn);
    *next += 5;
    return true;
}

static void every_call_fails_once(struct fixture *fixture, int error, enum kr_err expected)
{
    uint64_t next = 5;
    uint32_t at = 1;
    struct kr_txn *txn = write_begin(fixture);
    put_some(txn, 0);
    commit(txn);
    while (commit_with_fault(fixture, &next, at, 1, error, expected)) {
        at++;
    }
    assert_true(at > 3); /* pages, their sync, the meta page */
    fixture_reopen(fixture);
    txn = read_begin(fixture);
    for (uint64_t number = 0; number < next; number++) {
        assert_sample(txn, number, number + 1);
    }
    kr_txn_abort(txn);
    assert_verifies(fixture);
}

static void a_full_disk_at_any_call(void **state)
{
    every_call_fails_once(*state, ENOSPC, KR_STORE_FULL);
}

static void a_broken_disk_at_any_call(void **state)
{
    every_call_fails_once(*state, EIO, KR_IO);
}

static void a_short_write_at_any_call(void **state)
{
    every_call_fails_once(*state, 0, KR_IO);
}

/* LMDB gives its environment up, and says so only to the next transaction: which is one that only reads, as when the core is made
 * anew. */
static void a_meta_page_that_is_not_written(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        int error;
        uint32_t count; /* with the second, LMDB cannot write back what was there either */
        enum kr_err expected;
    } cases[] = {{EIO, 1, KR_IO}, {ENOSPC, 1, KR_STORE_FULL}, {0, 1, KR_IO}, {EIO, 2, KR_IO}};
    struct kr_txn *txn = write_begin(fixture);
    put_some(txn, 0);
    commit(txn);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        txn = write_begin(fixture);
        put_some(txn, 5);
        disk.error = cases[i].error;
        disk.fail_metas = cases[i].count;
        assert_int_equal(kr_txn_commit(txn), cases[i].expected);
        assert_int_equal(disk.fail_metas, 0);
        txn = read_begin(fixture);
        assert_sample(txn, 4, 5);
        kr_txn_abort(txn);
    }
    txn = write_begin(fixture);
    put_some(txn, 5);
    commit(txn);
    assert_verifies(fixture);
}

/* The disk stays broken over several attempts: each is refused, readers go on, and the first one after that succeeds. */
static void a_disk_that_stays_broken(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = write_begin(fixture);
    put_some(txn, 0);
    commit(txn);
    for (uint32_t attempt = 0; attempt < 5; attempt++) {
        txn = write_begin(fixture);
        put_some(txn, 5);
        disk_fails(1, UINT32_MAX - 1, attempt % 2 == 0 ? EIO : ENOSPC);
        assert_int_equal(kr_txn_commit(txn), attempt % 2 == 0 ? KR_IO : KR_STORE_FULL);
        txn = read_begin(fixture);
        assert_sample(txn, 4, 5);
        kr_txn_abort(txn);
    }
    disk_fails(0, 0, 0);
    txn = write_begin(fixture);
    put_some(txn, 5);
    commit(txn);
    fixture_reopen(fixture);
    assert_verifies(fixture);
}

/* LMDB may take pages at the end and free them without ever writing them; a crash right after the meta page must not make the file
 * look cut. */
static void the_file_is_long_enough_before_it_says_so(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t large[KR_TABLE_VALUE_BYTES_MAX];
    disk.was_cut = false;
    for (uint32_t round = 0; round < 30; round++) {
        struct kr_txn *txn = write_begin(fixture);
        for (uint32_t key = 0; key < 40 + round; key++) {
            assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, &key, sizeof key, large, 500 + key % 7 * 2000), KR_OK);
        }
        for (uint32_t key = 0; key < 40 + round; key++) {
            assert_int_equal(kr_store_delete(txn, KR_TABLE_DRAFTS, &key, sizeof key), KR_OK);
        }
        commit(txn);
    }
    assert_false(disk.was_cut);
}

/* Each look would make the commit after it write one block more (kr_file_reserve). */
static void a_commit_does_not_look_at_the_file(void **state)
{
    struct fixture *fixture = *state;
    uint32_t looked = 0;
    for (uint32_t round = 0; round < 50; round++) {
        struct kr_txn *txn = write_begin(fixture);
        assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, "row", 3, &round, sizeof round), KR_OK);
        const uint32_t before = disk.looks;
        commit(txn);
        looked += disk.looks > before;
    }
    assert_true(looked <= 2); /* when it was opened, and when it grew */
}

/* ---- while an older store is brought up to date ---- */

/* It is as it was then, and opens when the disk works again. */
static void a_store_is_brought_up_to_date_or_stays(void **state)
{
    (void)state;
    bool was_reached = true;
    disk.was_cut = false;
    for (uint32_t at = 1; was_reached; at++) {
        struct fixture *fixture = calloc(1, sizeof *fixture);
        struct kr_error error = {{0}};
        assert_non_null(fixture);
        old_store_copy(fixture, "tests/data/store-v3/data.mdb");
        disk_fails(at, 1, ENOSPC);
        enum kr_err err = kr_store_open(&fixture->options, &fixture->store, &error);
        was_reached = disk.calls >= at;
        disk_fails(0, 0, 0);
        assert_int_equal(err, was_reached ? KR_STORE_FULL : KR_OK);
        if (was_reached) {
            assert_non_null(strstr(error.text, "make room"));
            fixture_open(fixture);
        }
        assert_verifies(fixture);
        void *ends = fixture;
        assert_int_equal(fixture_teardown(&ends), 0);
        assert_true(was_reached || at > 3);
    }
    assert_false(disk.was_cut); /* and opens after a crash at any time */
}

/* ---- a real small disk ---- */

#define DISK_BYTES    "size=6m"
#define BALLAST_BYTES (2u * KR_MIB)

static int setup_small_disk(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    *state = fixture;
    fixture_prepare(fixture, false);
    /* Private to this process, so that it ends with it. */
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return 0;
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("tmpfs", fixture->dir, "tmpfs", 0, DISK_BYTES) != 0) {
        return 0;
    }
    fixture_open(fixture);
    return 0;
}

static int teardown_small_disk(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->store != NULL) {
        fixture_close(fixture);
        assert_int_equal(umount(fixture->dir), 0);
    }
    assert_int_equal(rmdir(fixture->dir), 0);
    free(fixture);
    return 0;
}

/* Puts records, a commit each, until the disk is full; gives the number of the first that was refused. */
static uint64_t fill_disk(struct fixture *fixture, uint64_t next)
{
    for (; next < 100000; next++) {
        struct kr_txn *txn = write_begin(fixture);
        (void)put_sample(txn, next);
        enum kr_err err = kr_txn_commit(txn);
        if (err != KR_OK) {
            assert_int_equal(err, KR_STORE_FULL);
            return next;
        }
    }
    fail_msg("the disk never got full");
    return next;
}

static void assert_all_there(struct fixture *fixture, uint64_t count)
{
    struct kr_txn *txn = read_begin(fixture);
    for (uint64_t number = 0; number < count; number++) {
        assert_sample(txn, number, number + 1);
    }
    kr_txn_abort(txn);
}

static void a_small_disk_runs_full(void **state)
{
    struct fixture *fixture = *state;
    char ballast[300];
    static uint8_t zeros[BALLAST_BYTES];
    if (fixture->store == NULL) {
        print_message("skipped: no right to mount a small disk\n");
        skip();
    }
    (void)snprintf(ballast, sizeof ballast, "%s/ballast", fixture->dir);
    int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
    (void)close(fd);
    uint64_t next = fill_disk(fixture, 0);
    assert_true(next > 50);
    /* Many readers at once, each with a place of its own in LMDB's table of readers, need no room. */
    struct kr_txn *readers[300];
    for (size_t i = 0; i < 300; i++) {
        readers[i] = read_begin(fixture);
    }
    for (size_t i = 0; i < 300; i++) {
        kr_txn_abort(readers[i]);
    }
    assert_all_there(fixture, next);
    assert_int_equal(fill_disk(fixture, next), next); /* still full, still polite */
    assert_int_equal(unlink(ballast), 0);
    uint64_t later = fill_disk(fixture, next); /* room again: no restart */
    assert_true(later > next + 20);
    fixture_reopen(fixture); /* even a full disk can be opened again */
    assert_all_there(fixture, later);
    assert_verifies(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_DURABLE(a_full_disk_at_any_call),
        TEST_DURABLE(a_broken_disk_at_any_call),
        TEST_DURABLE(a_short_write_at_any_call),
        TEST_DURABLE(a_meta_page_that_is_not_written),
        TEST_DURABLE(a_disk_that_stays_broken),
        TEST_DURABLE(the_file_is_long_enough_before_it_says_so),
        TEST_DURABLE(a_commit_does_not_look_at_the_file),
        cmocka_unit_test(a_store_is_brought_up_to_date_or_stays),
        cmocka_unit_test_setup_teardown(a_small_disk_runs_full, setup_small_disk, teardown_small_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
