/* Two nodes whose clocks are a day apart, or a second less or more: they link, say so in the log where it is more, and converge. */
#include "tests/unit/core/bed.h"

#define SECOND_MS UINT64_C(1000)
#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS   UINT64_C(3600000)

static const struct kr_scope clear = {.kind = KR_SCOPE_CLEAR};

static int setup(void **state)
{
    *state = bed_new(2);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static void root_of(struct bed *bed, uint32_t node, uint8_t ret_root[static 32])
{
    struct kr_txn *txn = NULL;
    uint64_t count = 0;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_tree_root(txn, &clear, 0, ret_root, &count), KR_OK);
    kr_txn_abort(txn);
}

static void submit(struct bed *bed, uint32_t node, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, "a.example", token);
    submission->expires_s = bed_node(bed, node)->now_ms / 1000 + 10 * 86400u;
    assert_int_equal(bed_submit(bed, node, submission, ret_id), KR_OK);
    bed_submission_free(submission);
}

static void apart(struct bed *bed, int64_t skew_ms)
{
    uint8_t ids[2][32], roots[2][32];
    bed_run(bed, BED_DAY_MS + HOUR_MS); /* the keys on the cards are good by both clocks */
    sim_world_crash(bed->world, 1, UINT32_MAX);
    bed_run(bed, SECOND_MS);
    sim_world_clock(bed->world, 1, skew_ms);
    assert_int_equal(sim_world_start(bed->world, 1), SIM_HOLDS);
    bed_run(bed, MINUTE_MS);
    assert_true(bed_link(bed, 0, 1)->has_session && bed_link(bed, 1, 0)->has_session);
    for (uint32_t node = 0; node < 2; node++) {
        submit(bed, node, (uint8_t)(node + 1), ids[node]);
    }
    bed_run(bed, 3 * MINUTE_MS); /* who waits a second too long asks again a minute later */
    for (uint32_t node = 0; node < 2; node++) {
        assert_true(bed_holds(bed, node, ids[0]));
        assert_true(bed_holds(bed, node, ids[1]));
        root_of(bed, node, roots[node]);
        assert_true(bed_link(bed, node, 1 - node)->is_equal);
    }
    assert_memory_equal(roots[0], roots[1], 32);
}

static void a_second_less_than_a_day(void **state)
{
    struct bed *bed = *state;
    apart(bed, (int64_t)BED_DAY_MS - 1000);
    assert_int_equal(bed_times_said(bed, 0, "than a day ahead of this node's"), 0);
    assert_int_equal(bed_times_said(bed, 1, "than a day behind this node's"), 0);
}

/* What is under way for a moment looks that much older: who is ahead sees more than a day, and who is behind less. */
static void exactly_a_day(void **state)
{
    struct bed *bed = *state;
    apart(bed, BED_DAY_MS);
    assert_int_equal(bed_times_said(bed, 0, "than a day ahead of this node's"), 0);
    assert_int_equal(bed_times_said(bed, 1, "than a day behind this node's"), 1);
}

static void a_second_more_than_a_day(void **state)
{
    struct bed *bed = *state;
    apart(bed, (int64_t)BED_DAY_MS + 1000);
    assert_true(bed_times_said(bed, 0, "than a day ahead of this node's") > 0);
    assert_true(bed_times_said(bed, 1, "than a day behind this node's") > 0);
}

static void a_second_more_than_a_day_behind(void **state)
{
    apart(*state, -(int64_t)BED_DAY_MS - 1000);
}

/* Told once, and anew when it has been right meanwhile. */
static void a_wrong_clock_is_told_once(void **state)
{
    static const struct {
        int64_t off_ms;
        uint32_t told;
    } pings[] = {{(int64_t)BED_DAY_MS - 1000, 0}, {(int64_t)BED_DAY_MS + 1000, 1},  {3 * (int64_t)BED_DAY_MS, 1},
                 {-(int64_t)BED_DAY_MS, 1},       {-(int64_t)BED_DAY_MS - 1000, 2}, {-(int64_t)BED_DAY_MS - 1000, 2}};
    struct bed *bed = *state;
    bed_run(bed, MINUTE_MS);
    bed_link(bed, 1, 0)->ping_at_ms = UINT64_MAX; /* nothing but what is said here */
    bed_link(bed, 0, 1)->ping_at_ms = UINT64_MAX;
    bed_forget_log(bed);
    for (size_t i = 0; i < sizeof pings / sizeof pings[0]; i++) {
        const struct kr_message pong = {.type = KR_MESSAGE_PONG,
                                        .sequence = (uint64_t)((int64_t)bed->world->now_ms + pings[i].off_ms)};
        bed_say(bed, 1, 0, &pong);
        assert_int_equal(bed_times_said(bed, 0, "than a day"), pings[i].told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_second_less_than_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(exactly_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_more_than_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_more_than_a_day_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_clock_is_told_once, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/clocks", tests, NULL, NULL);
}
