/* Opening: locks, keys, cut files, newer formats; and growth of the map while others read. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "raw_store.h"
#include "store/snapshot.h"

static void assert_refused(struct fixture *fixture, enum kr_err expected, const char *hint)
{
    struct kr_error error = {{0}};
    struct kr_store *store = (struct kr_store *)fixture;
    assert_int_equal(kr_store_open(&fixture->options, &store, &error), expected);
    assert_ptr_equal(store, fixture); /* untouched */
    if (strstr(error.text, hint) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", error.text, hint);
    }
}

static void a_store_is_opened_by_one(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, KR_LOCKED, "in use");
    fixture_reopen(fixture);
    assert_refused(fixture, KR_LOCKED, fixture->dir);
}

/* A simulation has thousands: nothing of each but the file of its rows. */
static void a_volatile_store_locks_nothing(void **state)
{
    struct fixture *fixture = *state;
    char path[256];
    fixture_close(fixture);
    (void)snprintf(path, sizeof path, "%s/store.lock", fixture->dir);
    (void)unlink(path);
    fixture->options.is_volatile = true;
    fixture_open(fixture);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof path, "%s/data.mdb", fixture->dir);
    assert_int_equal(access(path, F_OK), 0);
}

static void a_directory_that_is_not_there_is_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.path = "/nonexistent/store";
    assert_refused(fixture, KR_IO, "/nonexistent/store");
    fixture->options.is_volatile = true;
    assert_refused(fixture, KR_IO, "/nonexistent/store");
    char *longer = malloc(5000);
    assert_non_null(longer);
    memset(longer, 'a', 4999);
    longer[4999] = 0;
    fixture->options.path = longer;
    assert_refused(fixture, KR_INVALID, "too long");
    free(longer);
}

static void other_keys_are_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->storage_key[0] ^= 1;
    assert_refused(fixture, KR_CORRUPT, "keys");
    fixture->storage_key[0] ^= 1;
    fixture->term_key[31] ^= 1;
    assert_refused(fixture, KR_CORRUPT, "keys");
    fixture->term_key[31] ^= 1;
    fixture_open(fixture);
}

/* A seed would repeat nonces when a real store is opened again. */
static void only_volatile_stores_take_a_seed(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t seed[32] = {0};
    fixture_close(fixture);
    fixture->options.seed = seed;
    assert_refused(fixture, KR_INVALID, "volatile");
    fixture->options.seed = NULL;
    fixture_open(fixture);
}

static void fill(struct fixture *fixture, uint64_t first, uint64_t count)
{
    struct kr_txn *txn = write_begin(fixture);
    for (uint64_t number = first; number < first + count; number++) {
        (void)put_sample(txn, number);
    }
    commit(txn);
}

static off_t file_length(const struct fixture *fixture, char path[static 300])
{
    struct stat status;
    (void)snprintf(path, 300, "%s/data.mdb", fixture->dir);
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void a_cut_file_is_refused_before_it_is_read(void **state)
{
    struct fixture *fixture = *state;
    char path[300];
    struct kr_store_stat stat = {0};
    fill(fixture, 0, 100);
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    kr_txn_abort(txn);
    fixture_close(fixture);
    assert_true(file_length(fixture, path) >= (off_t)stat.bytes_used);
    /* Whatever stands behind the last page does not matter. */
    assert_int_equal(truncate(path, (off_t)stat.bytes_used), 0);
    fixture_open(fixture);
    fixture_close(fixture);
    static const off_t lengths[] = {-1, -4096, -100 * 4096};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(truncate(path, (off_t)stat.bytes_used + lengths[i]), 0);
        assert_refused(fixture, KR_CORRUPT, "cut short");
    }
    assert_int_equal(truncate(path, 4096), 0);
    assert_refused(fixture, KR_CORRUPT, "not a store");
    assert_int_equal(truncate(path, 100), 0);
    assert_refused(fixture, KR_CORRUPT, "not a store");
    assert_int_equal(truncate(path, 0), 0); /* a crash before the first page */
    fixture_open(fixture);
    assert_verifies(fixture);
}

/* LMDB may take pages at the end and free them in the same transaction without ever writing them. */
static void the_file_is_never_shorter_than_it_says(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t large[KR_TABLE_VALUE_BYTES_MAX];
    char path[300];
    for (uint32_t round = 0; round < 30; round++) {
        struct kr_store_stat stat = {0};
        struct kr_txn *txn = write_begin(fixture);
        for (uint32_t key = 0; key < 40 + round; key++) {
            assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, &key, sizeof key, large, 500 + key % 7 * 2000), KR_OK);
        }
        for (uint32_t key = 0; key < 40 + round; key++) {
            assert_int_equal(kr_store_delete(txn, KR_TABLE_DRAFTS, &key, sizeof key), KR_OK);
        }
        commit(txn);
        txn = read_begin(fixture);
        assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
        kr_txn_abort(txn);
        assert_true(file_length(fixture, path) >= (off_t)stat.bytes_used);
    }
    fixture_reopen(fixture);
}

static void a_file_of_another_kind_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[300];
    fixture_close(fixture);
    (void)file_length(fixture, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    static uint8_t noise[16384];
    memset(noise, 0xA5, sizeof noise);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 0), sizeof noise);
    (void)close(fd);
    assert_refused(fixture, KR_CORRUPT, "not a store");
}

static void a_newer_format_is_refused_and_left_alone(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[16], value[64], after[64];
    size_t key_len = 0, len = 0, after_len = 0;
    fixture_close(fixture);
    struct raw raw = raw_open(fixture);
    raw_row(&raw, "meta", 0, key, &key_len, value, &len);
    assert_memory_equal(key, "format", 6);
    value[3] = KR_STORE_FORMAT + 1; /* what a newer program stands for; its sealing is not even looked at */
    raw_put(&raw, "meta", "format", 6, value, len);
    raw_close(&raw);
    assert_refused(fixture, KR_VERSION, "install the newer program");
    raw = raw_open(fixture);
    raw_row(&raw, "meta", 0, key, &key_len, after, &after_len);
    assert_int_equal(after_len, len);
    assert_memory_equal(value, after, len);
    /* An older number does not pass for what it is not: it is sealed as well. */
    value[3] = KR_STORE_FORMAT - 1;
    raw_put(&raw, "meta", "format", 6, value, len);
    raw_close(&raw);
    assert_refused(fixture, KR_CORRUPT, "keys");
    raw = raw_open(fixture);
    raw_delete(&raw, "meta", "format", 6);
    raw_close(&raw);
    assert_refused(fixture, KR_CORRUPT, "format");
}

/* ---- growth ---- */

#define READERS      3
#define BATCH        20u
#define BATCHES      60u
#define RECORD_BYTES (200u * KR_KIB)

struct crowd {
    struct fixture *fixture;
    atomic_bool is_over;
    atomic_uint pages, faults;
    atomic_ullong newest;
};

/* Reads pages of records, a transaction each, as keeper's reader threads do. cmocka's assertions belong to the main thread. */
static void *read_along(void *context)
{
    struct crowd *crowd = context;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    while (scratch != NULL && !atomic_load(&crowd->is_over)) {
        struct kr_txn *txn = NULL;
        struct kr_head head;
        uint64_t newest = atomic_load(&crowd->newest), arrival = newest > 5 ? newest - 5 : 1;
        if (kr_store_read_begin(crowd->fixture->store, &txn) != KR_OK) {
            atomic_fetch_add(&crowd->faults, 1);
            break;
        }
        for (uint32_t i = 0; i < 3 && newest > 0; i++, arrival++) {
            uint8_t *bytes = NULL;
            size_t len = 0;
            if (kr_store_head_next(txn, arrival, false, &head, scratch) != KR_OK ||
                kr_store_record_get(txn, head.arrival, &bytes, &len) != KR_OK || len != RECORD_BYTES ||
                bytes[len - 1] != (uint8_t)head.arrival) {
                atomic_fetch_add(&crowd->faults, 1);
            }
            free(bytes);
        }
        kr_txn_abort(txn);
        atomic_fetch_add(&crowd->pages, 1);
    }
    free(scratch);
    return NULL;
}

static void put_large_record(struct kr_txn *txn, uint64_t number, uint8_t *bytes)
{
    struct kr_head head = sample_head(number);
    bytes[RECORD_BYTES - 1] = (uint8_t)(number + 1);
    assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){bytes, RECORD_BYTES}), KR_OK);
    assert_int_equal(head.arrival, number + 1);
}

static void the_map_grows_while_others_read(void **state)
{
    struct fixture *fixture = *state;
    struct crowd crowd = {.fixture = fixture};
    struct kr_store_stat stat = {0};
    pthread_t threads[READERS];
    uint8_t *bytes = calloc(1, RECORD_BYTES);
    assert_non_null(bytes);
    fixture_close(fixture);
    fixture->options.map_bytes = 20 * (uint64_t)KR_MIB;
    fixture_open(fixture);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_along, &crowd), 0);
    }
    /* 240 MB in all, so that the map has to grow several times. */
    for (uint64_t batch = 0; batch < BATCHES; batch++) {
        struct kr_txn *txn = write_begin(fixture);
        for (uint64_t i = 0; i < BATCH; i++) {
            put_large_record(txn, batch * BATCH + i, bytes);
        }
        commit(txn);
        atomic_store(&crowd.newest, (batch + 1) * BATCH);
    }
    atomic_store(&crowd.is_over, true);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&crowd.faults), 0);
    assert_true(atomic_load(&crowd.pages) > 100);
    struct kr_txn *txn = read_begin(fixture);
    assert_int_equal(kr_store_stat(txn, &stat), KR_OK);
    kr_txn_abort(txn);
    assert_true(stat.bytes_used > 200 * (uint64_t)KR_MIB);
    assert_true(stat.map_bytes > stat.bytes_used);
    free(bytes);
}

/* One transaction larger than all room that was made for it: refused, and the next one finds room. */
static void a_full_map_is_an_error_once(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *bytes = calloc(1, RECORD_BYTES);
    enum kr_err err = KR_OK;
    uint64_t number = 0, fitted = 0;
    assert_non_null(bytes);
    fill(fixture, 0, 3);
    fixture_close(fixture);
    fixture->options.map_bytes = KR_MIB;
    fixture_open(fixture);
    struct kr_txn *txn = write_begin(fixture);
    for (number = 1000; err == KR_OK && number < 3000; number++) {
        struct kr_head head = sample_head(number);
        err = kr_store_record_put(txn, &head, (struct kr_slice){bytes, RECORD_BYTES});
    }
    fitted = number - 1000;
    assert_int_equal(err, KR_STORE_FULL);
    assert_true(fitted > 100);
    assert_int_equal(kr_txn_commit(txn), KR_STORE_FULL); /* half done: it can only end */
    txn = read_begin(fixture);
    assert_sample(txn, 2, 3);
    kr_txn_abort(txn);
    txn = write_begin(fixture);
    for (number = 1000; number < 1000 + fitted; number++) {
        struct kr_head head = sample_head(number);
        assert_int_equal(kr_store_record_put(txn, &head, (struct kr_slice){bytes, RECORD_BYTES}), KR_OK);
    }
    commit(txn);
    assert_verifies(fixture);
    free(bytes);
}

/* A reader that is never waited for in vain: growing waits for it only when there is no room left at all. */
static void a_held_reader_does_not_stop_a_writer_with_room(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    fixture->options.map_bytes = 40 * (uint64_t)KR_MIB; /* less than is wanted, more than is needed */
    fixture_open(fixture);
    fill(fixture, 0, 10);
    struct kr_txn *held = read_begin(fixture);
    fill(fixture, 10, 10);
    assert_sample(held, 3, 4);
    kr_txn_abort(held);
    fill(fixture, 20, 10);
}

/* So much more may be mapped, and no more; what the limit was. */
static rlim_t limit_addresses(uint64_t more)
{
    struct rlimit limit;
    char text[64] = {0};
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    assert_int_equal(fclose(file), 0);
    const uint64_t pages = strtoull(text, NULL, 10);
    assert_true(pages > 0);
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = pages * (uint64_t)sysconf(_SC_PAGESIZE) + more;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    return before;
}

static void unlimit_addresses(rlim_t before)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = before;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

/* Where the map cannot grow the store goes on while there is room in it, and is read when there is none. */
static void no_addresses_for_a_larger_map_break_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct kr_txn *txn = NULL;
    fixture_close(fixture);
    fixture->options.map_bytes = 40 * (uint64_t)KR_MIB; /* wants as much again */
    fixture_open(fixture);
    rlim_t before = limit_addresses(20 * (uint64_t)KR_MIB);
    fill(fixture, 0, 10);
    txn = read_begin(fixture);
    assert_sample(txn, 3, 4);
    kr_txn_abort(txn);
    fixture_close(fixture);
    unlimit_addresses(before);
    fixture->options.map_bytes = 10 * (uint64_t)KR_MIB; /* needs more */
    fixture_open(fixture);
    before = limit_addresses(20 * (uint64_t)KR_MIB);
    assert_int_equal(kr_store_write_begin(fixture->store, &txn), KR_NOMEM);
    txn = read_begin(fixture);
    assert_sample(txn, 3, 4);
    kr_txn_abort(txn);
    assert_int_equal(kr_store_write_begin(fixture->store, &txn), KR_NOMEM);
    unlimit_addresses(before);
    fill(fixture, 10, 10);
    assert_verifies(fixture);
}

static struct kr_store_room room_of(struct fixture *fixture)
{
    struct kr_store_room room = {0};
    assert_int_equal(kr_store_room(fixture->store, &room), KR_OK);
    return room;
}

/* Pages that are free are counted from the tables' sizes; a snapshot reads which they are. */
static void assert_free_is_right(struct fixture *fixture, const struct kr_store_room *room)
{
    struct kr_snapshot *snapshot = NULL;
    struct kr_snapshot_facts facts;
    struct kr_error error = {{0}};
    assert_int_equal(kr_snapshot_open(fixture->dir, &snapshot, &error), KR_OK);
    kr_snapshot_facts(snapshot, &facts);
    assert_int_equal(room->used_bytes, facts.pages * facts.page_bytes);
    assert_int_equal(room->free_bytes, (facts.pages - facts.used) * facts.page_bytes);
    kr_snapshot_close(snapshot);
}

static void who_reads_an_older_state_is_known(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, 0, 10);
    struct kr_store_room room = room_of(fixture);
    assert_int_equal(room.reader_process, 0);
    assert_true(room.map_bytes > room.used_bytes && room.used_bytes > room.free_bytes && room.free_bytes > 0);
    struct kr_txn *held = read_begin(fixture);
    const uint64_t snapshot = kr_txn_snapshot(held);
    room = room_of(fixture);
    assert_int_equal(room.reader_process, getpid());
    assert_int_equal(room.reader_snapshot, room.newest);
    fill(fixture, 10, 10);
    struct kr_txn *later = read_begin(fixture); /* the older one counts */
    fill(fixture, 20, 10);
    room = room_of(fixture);
    assert_int_equal(room.reader_process, getpid());
    assert_int_equal(room.reader_snapshot, snapshot);
    assert_true(room.newest >= snapshot + 2);
    kr_txn_abort(held);
    assert_true(room_of(fixture).reader_snapshot > snapshot);
    kr_txn_abort(later);
    room = room_of(fixture);
    assert_int_equal(room.reader_process, 0);
    assert_free_is_right(fixture, &room);
    /* Nobody is known to read a volatile store. */
    fixture_close(fixture);
    fixture->options.is_volatile = true;
    fixture_open(fixture);
    held = read_begin(fixture);
    assert_int_equal(room_of(fixture).reader_process, 0);
    kr_txn_abort(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_DURABLE(a_store_is_opened_by_one),
        TEST_DURABLE(a_volatile_store_locks_nothing),
        TEST_DURABLE(a_directory_that_is_not_there_is_refused),
        TEST_DURABLE(other_keys_are_refused),
        TEST_DURABLE(only_volatile_stores_take_a_seed),
        TEST_DURABLE(a_cut_file_is_refused_before_it_is_read),
        TEST(the_file_is_never_shorter_than_it_says),
        TEST(a_file_of_another_kind_is_refused),
        TEST(a_newer_format_is_refused_and_left_alone),
        TEST_DURABLE(the_map_grows_while_others_read),
        TEST(a_full_map_is_an_error_once),
        TEST_DURABLE(no_addresses_for_a_larger_map_break_nothing),
        TEST_DURABLE(who_reads_an_older_state_is_known),
        TEST_DURABLE(a_held_reader_does_not_stop_a_writer_with_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
