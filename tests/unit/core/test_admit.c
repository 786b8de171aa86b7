/* Quarantine is shared by all peers: what one of them may fill of it, and what is left to the others. */
#include <stdio.h>

#include "tests/unit/core/bed.h"

#define SHARED_BYTES (KR_QUARANTINE_BYTES_MAX - KR_LINKS_MAX * KR_QUARANTINE_FLOOR_BYTES)

/* A chain: node 1 has a peer on either side. */
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

/* The largest record there is, nearly. */
static struct forged large_record(struct bed *bed, const struct stranger *author)
{
    static char texts[KR_REPORT_INDICATORS_MAX][48];
    const char *domains[KR_REPORT_INDICATORS_MAX];
    for (uint32_t i = 0; i < KR_REPORT_INDICATORS_MAX; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "a-rather-long-name-of-a-host-%08u.example", i);
        domains[i] = texts[i];
    }
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", 1);
    bed_submission_body(submit, domains, KR_REPORT_INDICATORS_MAX);
    struct forged forged =
        stranger_forge(bed, author, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = submit->body});
    bed_submission_free(submit);
    return forged;
}

/* Whether node 1 took one more of them from `from`. */
static bool brings(struct bed *bed, uint32_t from, const struct stranger *author)
{
    struct forged forged = large_record(bed, author);
    bed_hand_over(bed, from, 1, &forged);
    bool is_taken = bed_holds(bed, 1, forged.id);
    forged_free(&forged);
    return is_taken;
}

static void one_peers_flood_leaves_room_for_the_others(void **state)
{
    struct bed *bed = *state;
    struct stranger stranger;
    stranger_init(bed, &stranger, 4);
    while (brings(bed, 0, &stranger)) {
        assert_true(bed_core(bed, 1)->quarantine_bytes <= KR_QUARANTINE_BYTES_MAX);
    }
    const uint64_t flood = bed_core(bed, 1)->quarantine_bytes, most = KR_QUARANTINE_FLOOR_BYTES + SHARED_BYTES / 2;
    assert_in_range(flood, most - KR_RECORD_BYTES_MAX, most);
    assert_int_equal(bed_link(bed, 1, 0)->quarantine_bytes, flood);
    assert_true(bed_link(bed, 1, 0)->has_session); /* it has done nothing that it must not */
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(brings(bed, 2, &stranger));
    }
    assert_false(brings(bed, 0, &stranger));
    /* Whose is what stands in the store. */
    const uint64_t other = bed_link(bed, 1, 2)->quarantine_bytes;
    assert_int_equal(bed_core(bed, 1)->quarantine_bytes, flood + other);
    sim_world_crash(bed->world, 1, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, 1), SIM_HOLDS);
    bed_run(bed, 60000);
    assert_int_equal(bed_link(bed, 1, 0)->quarantine_bytes, flood);
    assert_int_equal(bed_link(bed, 1, 2)->quarantine_bytes, other);
    assert_false(brings(bed, 0, &stranger));
    stranger_deinit(&stranger);
}

/* All that is shared is taken, by however many: what one link has for itself is there all the same. */
static void each_link_has_its_floor(void **state)
{
    struct bed *bed = *state;
    struct stranger stranger;
    struct kr_core *core = bed_core(bed, 1);
    stranger_init(bed, &stranger, 4);
    core->quarantine_bytes = SHARED_BYTES;
    assert_true(brings(bed, 0, &stranger));
    assert_false(brings(bed, 0, &stranger));
    assert_true(brings(bed, 2, &stranger));
    core->quarantine_bytes = KR_QUARANTINE_BYTES_MAX - KR_QUARANTINE_FLOOR_BYTES;
    assert_false(kr_quarantine_has_room(core, bed_link(bed, 1, 0), KR_QUARANTINE_FLOOR_BYTES));
    bed_link(bed, 1, 0)->quarantine_bytes = 0;
    assert_true(kr_quarantine_has_room(core, bed_link(bed, 1, 0), KR_QUARANTINE_FLOOR_BYTES));
    core->quarantine_bytes++; /* more than all floors and all that is shared */
    assert_false(kr_quarantine_has_room(core, bed_link(bed, 1, 0), KR_QUARANTINE_FLOOR_BYTES));
    stranger_deinit(&stranger);
}

/* The second flood gets half of what the first has left. */
static void each_flood_gets_less(void **state)
{
    struct bed *bed = *state;
    struct kr_core *core = bed_core(bed, 1);
    struct kr_link *first = bed_link(bed, 1, 0), *second = bed_link(bed, 1, 2);
    first->quarantine_bytes = KR_QUARANTINE_FLOOR_BYTES + SHARED_BYTES / 2;
    core->quarantine_bytes = first->quarantine_bytes;
    assert_false(kr_quarantine_has_room(core, first, 1));
    assert_true(kr_quarantine_has_room(core, second, KR_QUARANTINE_FLOOR_BYTES + SHARED_BYTES / 4));
    assert_false(kr_quarantine_has_room(core, second, KR_QUARANTINE_FLOOR_BYTES + SHARED_BYTES / 4 + 1));
    second->quarantine_bytes = KR_QUARANTINE_FLOOR_BYTES + SHARED_BYTES / 4;
    core->quarantine_bytes += second->quarantine_bytes;
    assert_false(kr_quarantine_has_room(core, second, 1));
    kr_quarantine_left(core, bed_node(bed, 0)->council, 2); /* the first has some less: there is more to share */
    assert_true(kr_quarantine_has_room(core, second, 1));
    assert_false(kr_quarantine_has_room(core, second, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_peers_flood_leaves_room_for_the_others, setup, teardown),
        cmocka_unit_test_setup_teardown(each_link_has_its_floor, setup, teardown),
        cmocka_unit_test_setup_teardown(each_flood_gets_less, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
