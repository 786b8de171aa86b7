/* Sessions: when a peer is dialled. */
#include "tests/unit/core/bed.h"

#define AWAY_MS (21u * (uint64_t)BED_DAY_MS)

static void who_is_away_is_dialled_ever_more_seldom(void **state)
{
    (void)state;
    struct bed *bed = bed_new(2);
    const uint32_t dialler = bed_link(bed, 0, 1)->we_dial ? 0 : 1, away = 1 - dialler;
    const struct kr_link *link = bed_link(bed, dialler, away);
    sim_world_crash(bed->world, away, 2 * AWAY_MS);
    bed->sent[dialler] = 0;
    bed_run(bed, KR_SILENCE_MS + KR_PING_MS);
    assert_false(link->has_session);
    assert_in_range(bed->sent[dialler], 6, 30); /* seconds at first */
    bed->sent[dialler] = 0;
    bed_run(bed, AWAY_MS);
    assert_in_range(bed->sent[dialler], AWAY_MS / 60000, AWAY_MS / KR_HELLO_MS_MAX + 10);
    const uint64_t now_ms = bed_node(bed, dialler)->now_ms;
    assert_in_range(link->hello_at_ms, now_ms, now_ms + 60000);
    assert_int_equal(sim_world_start(bed->world, away), SIM_HOLDS);
    bed_run(bed, 61000);
    assert_true(link->has_session);
    bed_restart(bed, away); /* and then it is quick again */
    assert_true(link->has_session);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_away_is_dialled_ever_more_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
