/* Names of bodies and a clock that was wrong for a minute, or for hours: they stand everywhere afterwards, and the same. */
#include "tests/unit/core/body_notice_test.h"

static void put(struct bed *bed, uint32_t action, bool is_listed)
{
    struct kr_body_act act = {.action = action, .changes_listed = true, .is_listed = is_listed};
    memcpy(act.id, sapporo, 32);
    act.changes[KR_BODY_NAME_JA] = act.changes[KR_BODY_CONTACT_NAME] = action == KR_BODY_ADD;
    act.texts[KR_BODY_NAME_JA] = text(action == KR_BODY_ADD ? "札幌市" : "");
    act.texts[KR_BODY_CONTACT_NAME] = text(action == KR_BODY_ADD ? "contact of nobody else" : "");
    assert_int_equal(put_body(bed, 0, &act), KR_OK);
    bed_run(bed, 5000);
}

static bool is_named(struct bed *bed, uint32_t node)
{
    const struct kr_directory_entry entry = row(bed, node, 0, community(bed), sapporo);
    return kr_body_notice_is_told(&bed_core(bed, node)->directory, bed_node(bed, node)->council, bed->world->now_ms,
                                  bed_node(bed, 0)->council, community(bed), &entry);
}

static void start_at(struct bed *bed, int64_t days)
{
    sim_world_crash(bed->world, 0, UINT32_MAX);
    bed_run(bed, 1000);
    sim_world_clock(bed->world, 0, (int64_t)BED_DAY_MS * days);
    assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
}

static void assert_is_the_same_everywhere(struct bed *bed, uint32_t nodes)
{
    const struct kr_directory_entry ours = row(bed, 0, 0, community(bed), sapporo);
    const uint64_t now_s = bed->world->now_ms / 1000;
    assert_true(ours.created_ms <= bed->world->now_ms);
    assert_in_range(ours.expires_s, now_s + KR_BODY_NOTICE_S / 2, now_s + KR_BODY_NOTICE_S);
    for (uint32_t node = 1; node < nodes; node++) {
        assert_memory_equal(row(bed, node, 0, community(bed), sapporo).record_id, ours.record_id, 32);
    }
    assert_true(bed_link(bed, 0, 1)->is_equal);
}

/* All would be dated ahead, put off by everybody, and replace here what others hold. */
static void nothing_is_renewed_by_a_clock_in_doubt(void **state)
{
    struct bed *bed = *state;
    bed->world->doubts_clocks = true;
    put(bed, KR_BODY_ADD, true);
    bed_run(bed, 7200000);
    const uint64_t said = version(bed, 0, 0, sapporo);
    start_at(bed, 200);
    bed_run(bed, 3 * 3600000); /* there are others, and they contradict it */
    assert_int_equal(version(bed, 0, 0, sapporo), said);
    start_at(bed, 0);
    bed_run(bed, 3600000);
    assert_int_equal(version(bed, 0, 0, sapporo), said);
    assert_is_the_same_everywhere(bed, 3);
}

/* It was, while nobody contradicted it, and the clock is right again: who has the older one is told anew. */
static void what_is_from_ahead_is_said_anew(void **state)
{
    struct bed *bed = *state;
    put(bed, KR_BODY_ADD, true);
    bed_run(bed, 7200000);
    const uint64_t said = version(bed, 0, 0, sapporo);
    start_at(bed, 200);
    bed_run(bed, 60000);
    assert_true(version(bed, 0, 0, sapporo) > said);
    assert_int_equal(version(bed, 1, 0, sapporo), said);
    start_at(bed, 0);
    bed_run(bed, 3 * 3600000);
    assert_true(version(bed, 2, 0, sapporo) > said + 1);
    assert_is_the_same_everywhere(bed, 3);
    assert_true(is_named(bed, 2));
    /* Likewise what took a name back. */
    start_at(bed, 200);
    put(bed, KR_BODY_CHANGE, false);
    assert_true(is_named(bed, 2));
    start_at(bed, 0);
    bed_run(bed, 3 * 3600000);
    assert_is_the_same_everywhere(bed, 3);
    assert_true(!is_named(bed, 2));
}

/* By a clock that is behind, what stands would be from ahead. */
static void a_clock_is_borne_out_by_most(void **state)
{
    struct bed *bed = *state;
    struct kr_core *core = bed_core(bed, 1);
    int64_t *clocks[] = {&bed_link(bed, 1, 0)->clock_ms, &bed_link(bed, 1, 2)->clock_ms};
    assert_true(kr_clock_is_borne_out(core));
    for (int sign = -1; sign <= 1; sign += 2) {
        *clocks[0] = *clocks[1] = sign * (int64_t)BED_DAY_MS; /* as what is taken */
        assert_true(kr_clock_is_borne_out(core));
        *clocks[0] += sign;
        assert_true(kr_clock_is_borne_out(core));
        *clocks[1] += sign;
        assert_false(kr_clock_is_borne_out(core));
        bed_link(bed, 1, 0)->has_session = bed_link(bed, 1, 2)->has_session = false;
        assert_true(kr_clock_is_borne_out(core));
        bed_link(bed, 1, 0)->has_session = bed_link(bed, 1, 2)->has_session = true;
    }
    *clocks[0] = *clocks[1] = 0;
    core->options.doubts_clock = true;
    assert_false(kr_clock_is_borne_out(core));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_renewed_by_a_clock_in_doubt, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_from_ahead_is_said_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_is_borne_out_by_most, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
