/* For how long somebody has read an older state of the store. */
#include "tests/unit/store/store_test.h"

#include "node/keeper/room.h"

#define OWN 1u /* no process of this test's */

static void write_something(struct fixture *fixture, uint64_t number)
{
    struct kr_txn *txn = write_begin(fixture);
    (void)put_sample(txn, number);
    commit(txn);
}

static void who_is_behind_is_timed(void **state)
{
    struct fixture *fixture = *state;
    struct kr_held held = {0};
    write_something(fixture, 0);
    struct kr_status_room room = kr_room_look(&held, fixture->store, OWN, 1000);
    assert_true(room.map_bytes > room.used_bytes && room.used_bytes > 0);
    assert_int_equal(room.reader_process, 0);
    struct kr_txn *first = read_begin(fixture);
    room = kr_room_look(&held, fixture->store, OWN, 2000);
    assert_int_equal(room.reader_process, 0); /* it reads, and is not behind */
    write_something(fixture, 1);
    (void)kr_room_look(&held, fixture->store, OWN, 10000);
    write_something(fixture, 2);
    room = kr_room_look(&held, fixture->store, (uint32_t)getpid(), 70999);
    assert_int_equal(room.reader_process, getpid());
    assert_int_equal(room.reader_commits, 2);
    assert_int_equal(room.reader_s, 60);
    assert_true(room.is_reader_own);
    struct kr_txn *second = read_begin(fixture);
    write_something(fixture, 3);
    kr_txn_abort(first);
    room = kr_room_look(&held, fixture->store, OWN, 80000); /* another one: its time begins now */
    assert_int_equal(room.reader_commits, 1);
    assert_int_equal(room.reader_s, 0);
    assert_false(room.is_reader_own);
    kr_txn_abort(second);
    room = kr_room_look(&held, fixture->store, OWN, 90000);
    assert_true(room.reader_process == 0 && room.reader_commits == 0 && held.since_ms == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_DURABLE(who_is_behind_is_timed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
