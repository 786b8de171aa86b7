/* Records dated ahead: they travel and are stored like others, and watchers are told when their time comes. */
#include "tests/unit/core/bed.h"

#define HOUR_MS 3600000u

/* A chain: what 1 takes from 0, it hands on to 2. */
static int setup(void **state)
{
    *state = bed_new(3);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

/* One that 0 signed with a clock of its own, at 1. */
static void take_one_dated(struct bed *bed, uint64_t created_ms, uint8_t ret_id[static 32])
{
    struct kr_writer content;
    struct kr_draft draft = {
        .kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .created_ms = created_ms, .content = bed_report(&content, "a.example")};
    struct forged forged = bed_forge(bed, 0, draft);
    bed_hand_over(bed, 0, 1, &forged);
    memcpy(ret_id, forged.id, 32);
    forged_free(&forged);
    kr_writer_deinit(&content);
}

static void watch(struct bed *bed, uint32_t node)
{
    static const uint8_t none[] = {0x90};
    assert_int_equal(bed_request(bed, node, KR_OP_WATCH, none, sizeof none, 1), BED_PENDING);
}

static void restart(struct bed *bed, uint32_t node)
{
    sim_world_crash(bed->world, node, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, node), SIM_HOLDS);
}

static void watchers_are_told_when_the_time_comes_and_peers_at_once(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    uint64_t created_ms = bed->world->now_ms + HOUR_MS;
    watch(bed, 1);
    take_one_dated(bed, bed->world->now_ms + KR_FUTURE_MS_MAX, id); /* clocks differ by so much */
    assert_int_equal(bed->pages, 1);
    take_one_dated(bed, created_ms, id);
    bed_run(bed, 1000);
    assert_true(bed_holds(bed, 1, id) && bed_holds(bed, 2, id));
    bed_run(bed, created_ms - KR_FUTURE_MS_MAX - 1 - bed->world->now_ms);
    assert_int_equal(bed->pages, 1);
    bed_run(bed, 2);
    assert_int_equal(bed->pages, 2);
    bed_run(bed, 2 * HOUR_MS);
    assert_int_equal(bed->pages, 2); /* once */
}

/* The nearest of several counts, whichever came first, and the others are not forgotten over it. */
static void each_has_its_time(void **state)
{
    struct bed *bed = *state;
    static const uint32_t hours[] = {3, 1, 2};
    uint8_t id[32];
    uint64_t begin_ms = bed->world->now_ms;
    watch(bed, 1);
    for (uint32_t i = 0; i < 3; i++) {
        take_one_dated(bed, begin_ms + hours[i] * HOUR_MS + KR_FUTURE_MS_MAX, id);
    }
    for (uint32_t hour = 1; hour <= 3; hour++) {
        bed_run(bed, begin_ms + hour * HOUR_MS - 1 - bed->world->now_ms);
        assert_int_equal(bed->pages, hour - 1);
        bed_run(bed, 2);
        assert_int_equal(bed->pages, hour);
    }
}

static void a_node_that_was_started_since_tells_too(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    uint64_t due_ms = bed->world->now_ms + HOUR_MS;
    take_one_dated(bed, due_ms + KR_FUTURE_MS_MAX, id);
    restart(bed, 1);
    watch(bed, 1);
    bed_run(bed, due_ms - 1 - bed->world->now_ms);
    assert_int_equal(bed->pages, 0);
    bed_run(bed, 2);
    assert_int_equal(bed->pages, 1);
    /* What it has told of, it does not tell again. */
    restart(bed, 1);
    watch(bed, 1);
    bed_run(bed, HOUR_MS);
    assert_int_equal(bed->pages, 1);
    assert_true(bed_core(bed, 1)->ahead_at_ms == UINT64_MAX);
}

static void more_than_a_slice_at_once(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    uint64_t due_ms = bed->world->now_ms + HOUR_MS;
    watch(bed, 1);
    for (uint32_t i = 0; i < 150; i++) {
        take_one_dated(bed, due_ms + KR_FUTURE_MS_MAX, id);
    }
    bed_run(bed, due_ms - 1 - bed->world->now_ms);
    assert_int_equal(bed->pages, 0);
    bed_run(bed, 10);
    assert_int_equal(bed->pages, 150);
}

/* Drops a record behind the core's back: all of it, or all but its header. */
static void purge(struct bed *bed, const uint8_t id[static 32], bool keeps_header)
{
    uint64_t arrival;
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct kr_writer stripped;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    kr_writer_init(&stripped, KR_RECORD_BYTES_MAX);
    if (keeps_header) {
        struct kr_record record;
        assert_int_equal(kr_store_record_get(txn, arrival, &bytes, &len), KR_OK);
        assert_int_equal(kr_record_split(bytes, len, &record), KR_OK);
        assert_int_equal(kr_record_strip(&record, &stripped), KR_OK);
    }
    assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){stripped.bytes, stripped.len}), KR_OK);
    if (!keeps_header) {
        assert_int_equal(kr_store_scope_remove(txn, &(struct kr_scope){.kind = KR_SCOPE_CLEAR}, id), KR_OK);
        kr_roots_touch(bed_core(bed, 1), NULL);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    free(bytes);
    kr_writer_deinit(&stripped);
}

/* The second one comes back, because 2 has it: it is told of once, too. */
static void what_is_gone_when_its_time_comes_is_not_told_of(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    uint64_t due_ms = bed->world->now_ms + HOUR_MS;
    watch(bed, 1);
    take_one_dated(bed, due_ms + KR_FUTURE_MS_MAX, id);
    purge(bed, id, true);
    take_one_dated(bed, due_ms + KR_FUTURE_MS_MAX, id);
    purge(bed, id, false);
    bed_run(bed, due_ms + 10 - bed->world->now_ms);
    assert_true(bed_holds(bed, 1, id));
    assert_int_equal(bed->pages, 1);
    assert_true(bed_core(bed, 1)->ahead_at_ms == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(watchers_are_told_when_the_time_comes_and_peers_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(each_has_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_that_was_started_since_tells_too, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_a_slice_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_gone_when_its_time_comes_is_not_told_of, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/ahead", tests, NULL, NULL);
}
