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

static bool is_lost(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    (void)effect;
    return node->index == *(const uint32_t *)context;
}

/* What comes over the connection cannot be read, but somebody is there: no time is lost once it can. */
static void who_is_there_is_tried_again_soon(void **state)
{
    (void)state;
    struct bed *bed = bed_new(2);
    const uint32_t dialler = bed_link(bed, 0, 1)->we_dial ? 0 : 1;
    uint32_t other = 1 - dialler;
    const struct kr_link *link = bed_link(bed, dialler, other);
    static const uint8_t noise[] = {KR_FRAME_SEALED, 1, 2, 3};
    bed->on_send = is_lost;
    bed->context = &other;
    bed_run(bed, KR_SILENCE_MS + KR_PING_MS);
    assert_false(link->has_session);
    for (uint32_t round = 0; round < 60; round++) {
        sim_world_push(bed->world, bed_node(bed, dialler), (struct kr_event){.type = KR_EVENT_FRAME, .number = link->number}, noise,
                       sizeof noise, bed->world->now_ms);
        bed_run(bed, 10000);
    }
    assert_true(link->hello_at_ms <= bed->world->now_ms + 2 * KR_HELLO_NEAR_MS_MAX);
    bed->on_send = NULL;
    bed_run(bed, 2 * KR_HELLO_NEAR_MS_MAX + 1000);
    assert_true(link->has_session);
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_away_is_dialled_ever_more_seldom),
        cmocka_unit_test(who_is_there_is_tried_again_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
