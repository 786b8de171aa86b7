/* Pages of one moment, read by another process while this one writes on: they make a store that is as it was then. */
#include "store_test.h"

#include <signal.h>
#include <sys/wait.h>

#include "store/snapshot.h"

#define RECORDS 400u

static void put_records(struct fixture *fixture, uint64_t from, uint64_t count)
{
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t i = from; i < from + count; i++) {
        (void)put_sample(txn, i);
    }
    commit(txn);
}

static void delete_records(struct fixture *fixture, uint64_t from, uint64_t count)
{
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t i = from; i < from + count; i++) {
        uint8_t id[32];
        uint64_t arrival;
        sample_id(i, id);
        assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
        assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
    }
    commit(txn);
}

static bool has(struct fixture *fixture, uint64_t number)
{
    uint8_t id[32];
    uint64_t arrival;
    struct kr_txn *txn = read_begin(fixture);
    sample_id(number, id);
    enum kr_err err = kr_store_record_find(txn, id, &arrival);
    kr_txn_abort(txn);
    return err == KR_OK;
}

/* In a process of its own, which says when it has the snapshot and goes on when it is told. Returns its exit status. */
struct copier {
    pid_t pid;
    int said[2], told[2];
    char to[256];
};

static int copy(struct copier *copier, const char *from)
{
    struct kr_snapshot *snapshot = NULL;
    struct kr_snapshot_facts facts;
    struct kr_error error = {0};
    char path[300], byte = 'x';
    uint64_t page = 0, count = 0;
    if (kr_snapshot_open(from, &snapshot, &error) != KR_OK) {
        return 2;
    }
    kr_snapshot_facts(snapshot, &facts);
    if (write(copier->said[1], &byte, 1) != 1 || read(copier->told[0], &byte, 1) != 1) {
        return 3;
    }
    (void)snprintf(path, sizeof path, "%s/data.mdb", copier->to);
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    uint8_t *bytes = malloc(facts.page_bytes);
    enum kr_err err = fd < 0 || bytes == NULL ? KR_IO : KR_OK;
    while (err == KR_OK && (err = kr_snapshot_next(snapshot, &page, bytes, &error)) == KR_OK) {
        const ssize_t len = (ssize_t)facts.page_bytes;
        err = pwrite(fd, bytes, facts.page_bytes, (off_t)(page * facts.page_bytes)) == len ? KR_OK : KR_IO;
        page++;
        count++;
    }
    const bool ok = err == KR_NOT_FOUND && count == facts.used && count < facts.pages &&
                    ftruncate(fd, (off_t)(facts.pages * facts.page_bytes)) == 0 && kr_snapshot_file_bytes(snapshot) > 0;
    free(bytes);
    kr_snapshot_close(snapshot);
    return ok ? 0 : 4;
}

static void copier_start(struct copier *copier, const char *from)
{
    char byte;
    (void)snprintf(copier->to, sizeof copier->to, "%s-copy-XXXXXX", from);
    assert_non_null(mkdtemp(copier->to));
    assert_int_equal(pipe(copier->said) + pipe(copier->told), 0);
    copier->pid = fork();
    assert_true(copier->pid >= 0);
    if (copier->pid == 0) {
        _exit(copy(copier, from));
    }
    assert_int_equal(read(copier->said[0], &byte, 1), 1);
}

static void copier_end(struct copier *copier)
{
    int status = 0;
    assert_int_equal(write(copier->told[1], "x", 1), 1);
    assert_int_equal(waitpid(copier->pid, &status, 0), copier->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(close(copier->said[0]) + close(copier->said[1]) + close(copier->told[0]) + close(copier->told[1]), 0);
}

static void note_problem(void *context, const char *sentence)
{
    (void)context;
    fail_msg("%s", sentence);
}

static void expect_whole(struct fixture *fixture)
{
    uint64_t cursor = 0, checked = 0;
    bool is_done = false;
    struct kr_txn *txn = read_begin(fixture);
    while (!is_done) {
        assert_int_equal(kr_store_verify(txn, &cursor, note_problem, NULL, &checked, &is_done), KR_OK);
    }
    kr_txn_abort(txn);
}

static void it_is_the_store_of_one_moment_while_others_write(void **state)
{
    struct fixture *fixture = *state, copied = {0};
    struct copier copier;
    put_records(fixture, 0, RECORDS);
    delete_records(fixture, 0, RECORDS / 2); /* free pages, which are not given */
    put_records(fixture, RECORDS, 1);
    copier_start(&copier, fixture->dir);
    for (uint64_t i = 0; i < 50; i++) { /* the meta pages are written over many times, free pages used again */
        put_records(fixture, 1000 + i * 20, 20);
        delete_records(fixture, RECORDS / 2 + i, 1);
    }
    copier_end(&copier);
    expect_whole(fixture);
    copied = *fixture;
    copied.options.path = copier.to;
    copied.store = NULL;
    fixture_open(&copied);
    assert_int_equal(has(&copied, RECORDS / 2 - 1), false);
    for (uint64_t i = RECORDS / 2; i <= RECORDS; i++) {
        assert_true(has(&copied, i));
    }
    assert_false(has(&copied, 1000));
    assert_true(has(fixture, 1000));
    expect_whole(&copied);
    put_records(&copied, 5000, 10); /* it can be gone on with */
    fixture_reopen(&copied);
    assert_true(has(&copied, 5009));
    expect_whole(&copied);
    fixture_close(&copied);
    remove_tree(copier.to);
}

/* Whoever was killed holds nothing for ever. */
static void a_killed_reader_is_reaped(void **state)
{
    struct fixture *fixture = *state;
    struct copier copier;
    int status;
    put_records(fixture, 0, RECORDS);
    copier_start(&copier, fixture->dir);
    assert_int_equal(kill(copier.pid, SIGKILL), 0);
    assert_int_equal(waitpid(copier.pid, &status, 0), copier.pid);
    kr_store_reap_readers(fixture->store);
    struct kr_txn *txn = read_begin(fixture);
    struct kr_store_stat before, after;
    assert_int_equal(kr_store_stat(txn, &before), KR_OK);
    kr_txn_abort(txn);
    for (uint64_t i = 0; i < 30; i++) { /* as much again and again: pages that are free are used */
        put_records(fixture, 1000 + i * 100, 100);
        delete_records(fixture, 1000 + i * 100, 100);
    }
    txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &after), KR_OK);
    kr_txn_abort(txn);
    assert_true(after.bytes_used < 2 * before.bytes_used + 4 * KR_MIB);
    assert_int_equal(close(copier.said[0]) + close(copier.said[1]) + close(copier.told[0]) + close(copier.told[1]), 0);
    remove_tree(copier.to);
}

static void what_is_no_store_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct kr_snapshot *snapshot = NULL;
    struct kr_error error = {0};
    char path[300];
    assert_int_equal(kr_snapshot_open("/nowhere/at/all", &snapshot, &error), KR_NOT_FOUND);
    put_records(fixture, 0, RECORDS);
    fixture_close(fixture);
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->dir);
    assert_int_equal(truncate(path, 3 * 4096), 0);
    assert_int_equal(kr_snapshot_open(fixture->dir, &snapshot, &error), KR_CORRUPT);
    assert_non_null(strstr(error.text, "cut short"));
    assert_null(snapshot);
    kr_snapshot_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_DURABLE(it_is_the_store_of_one_moment_while_others_write),
        TEST_DURABLE(a_killed_reader_is_reaped),
        TEST_DURABLE(what_is_no_store_is_refused),
    };
    return cmocka_run_group_tests_name("store/snapshot", tests, NULL, NULL);
}
