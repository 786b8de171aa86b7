/* Peers that announce, prune and graft what they like. */
#include "node/core/spread.h"
#include "tests/unit/core/web.h"

static void ids_that_never_come_are_bounded(void **state)
{
    (void)state;
    struct web *web = web_chain(3);
    static uint8_t ids[KR_IDS_PER_FRAME_MAX][KR_SHORT_ID_BYTES];
    struct kr_spread *spread = &bed_core(web->bed, 1)->spread;
    uint32_t most = 0;
    web_set_delay(web, 0, 1, 1500);
    bed_run(web->bed, 300000); /* 1 is patient */
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < KR_IDS_PER_FRAME_MAX; i++) {
            kr_rng_bytes(&web->bed->world->rng, ids[i], KR_SHORT_ID_BYTES);
        }
        bed_say(web->bed, 0, 1, &(struct kr_message){.type = KR_MESSAGE_IHAVE, .ids = {ids[0], sizeof ids}});
        most = spread->awaiting.count > most ? spread->awaiting.count : most;
        assert_true(spread->awaiting.count <= KR_AWAITED_LINK_MAX);
        assert_true(kr_awaiting_has_room(&spread->awaiting, bed_link(web->bed, 1, 2)->spread.slot));
    }
    assert_int_equal(most, KR_AWAITED_LINK_MAX);
    assert_true(bed_link(web->bed, 1, 0)->has_session); /* it kept within its room */
    uint32_t record = web_publish(web, 2, 1000);
    assert_int_equal(web_took_ms(web, 1, record), WEB_DELAY_MS);
    bed_run(web->bed, 30000);
    assert_int_equal(spread->awaiting.count, 0);
    web_free(web);
}

/* Announcements use up the room that a peer was given, like records. */
static void who_announces_beyond_its_room_is_cut(void **state)
{
    (void)state;
    struct web *web = web_chain(2);
    static const uint8_t ids[2][KR_SHORT_ID_BYTES];
    bed_link(web->bed, 1, 0)->granted = 2 * KR_SHORT_ID_BYTES - 1;
    bed_forget_log(web->bed);
    bed_say(web->bed, 0, 1, &(struct kr_message){.type = KR_MESSAGE_IHAVE, .ids = {ids[0], sizeof ids}});
    assert_true(bed_said(web->bed, 1, "more than it was given room for"));
    web_free(web);
}

/* Whatever 0 prunes and grafts, 2 gets what it is due at once, and 0 gets nothing that is not for it. */
static void prunes_and_grafts_change_what_goes_to_their_sender_alone(void **state)
{
    static const uint32_t audience[] = {2};
    (void)state;
    struct web *web = web_chain(3);
    struct sim_world *world = web->bed->world;
    static uint8_t ids[KR_IDS_PER_FRAME_MAX][KR_SHORT_ID_BYTES];
    uint32_t secret = sim_world_submit(world, 1, KR_TLP_AMBER, audience, 1, world->now_ms), open = web_publish(web, 1, 1000);
    for (uint32_t i = 0; i < 2; i++) {
        const struct kr_message message = {.type = i == 0 ? KR_MESSAGE_GRAFT : KR_MESSAGE_PRUNE, .ids = {ids[0], sizeof ids}};
        for (uint32_t j = 0; j < KR_IDS_PER_FRAME_MAX; j++) {
            memcpy(ids[j], world->records[j % 2 == 0 ? secret : open].id, KR_SHORT_ID_BYTES);
        }
        web_forget_counts(web);
        for (uint32_t round = 0; round < 10; round++) {
            bed_say(web->bed, 0, 1, &message);
        }
        assert_true(web->payloads[1][0] <= (i == 0 ? 10 : 0)); /* only the open one, and once for all that one frame says of it */
        assert_false(bed_holds(web->bed, 0, world->records[secret].id));
        bed_run(web->bed, 1000);
        uint32_t record = web_publish(web, 1, 1000);
        assert_int_equal(web_took_ms(web, 2, record), WEB_DELAY_MS);
        assert_true(web_took_ms(web, 0, record) < 1000); /* where it had itself pruned, by an id and a graft of its own core */
    }
    assert_true(web->said[1][0][KR_MESSAGE_IHAVE] > 0);
    assert_int_equal(web->said[1][0][KR_MESSAGE_REFUSE] + web->said[0][1][KR_MESSAGE_REFUSE], 0);
    web_free(web);
}

/* Each id that is grafted or pruned is looked up: who names them without end is looked at so often, and again later. */
static void grafts_without_end_are_passed_over(void **state)
{
    (void)state;
    struct web *web = web_chain(3);
    static uint8_t ids[KR_IDS_PER_FRAME_MAX][KR_SHORT_ID_BYTES];
    const uint32_t record = web_publish(web, 1, 3000);
    const struct kr_message many = {.type = KR_MESSAGE_GRAFT, .ids = {ids[0], sizeof ids}},
                            one = {.type = KR_MESSAGE_GRAFT, .ids = {ids[KR_IDS_PER_FRAME_MAX - 1], KR_SHORT_ID_BYTES}};
    memcpy(ids[KR_IDS_PER_FRAME_MAX - 1], web->bed->world->records[record].id, KR_SHORT_ID_BYTES); /* behind ids that nobody has */
    web_forget_counts(web);
    for (uint32_t round = 0; round < 20; round++) {
        bed_say(web->bed, 0, 1, &many);
    }
    bed_run(web->bed, 1000);
    assert_int_equal(web->payloads[1][0], 8);
    bed_say(web->bed, 0, 1, &one);
    bed_run(web->bed, 1000);
    assert_int_equal(web->payloads[1][0], 9);
    web_free(web);
}

/* A record that 0 could only relay is in no scope that it shares: a graft does not bring it. */
static void a_graft_brings_nothing_outside_shared_scopes(void **state)
{
    (void)state;
    struct web *web = web_chain(3);
    struct kr_writer writer;
    struct kr_slice content = bed_report(&writer, "relay.example");
    const uint8_t(*to)[32] = (const uint8_t(*)[32])bed_node(web->bed, 1)->council;
    uint8_t recipients[1][32];
    memcpy(recipients[0], bed_node(web->bed, 1)->keyring->sealing[0].public_key, 32);
    struct forged record = bed_forge(web->bed, 2,
                                     (struct kr_draft){.kind = KR_KIND_REPORT,
                                                       .label = KR_TLP_AMBER,
                                                       .relay = bed_core(web->bed, 1)->directory.communities[0]->id,
                                                       .audience = to,
                                                       .audience_count = 1,
                                                       .recipients = (const uint8_t(*)[32])recipients,
                                                       .recipient_count = 1,
                                                       .content = content});
    bed_hand_over(web->bed, 2, 1, &record);
    assert_true(bed_holds(web->bed, 1, record.id));
    web_forget_counts(web);
    bed_say(web->bed, 0, 1, &(struct kr_message){.type = KR_MESSAGE_GRAFT, .ids = {record.id, KR_SHORT_ID_BYTES}});
    bed_run(web->bed, 1000);
    assert_int_equal(web->payloads[1][0], 0);
    forged_free(&record);
    kr_writer_deinit(&writer);
    web_free(web);
}

/* A peer that announces early and sends nothing is made eager, and nobody is pruned for it. */
static void who_announces_early_and_sends_nothing_wins_nothing(void **state)
{
    (void)state;
    struct web *web = web_ring(4);
    struct kr_writer writer;
    struct kr_slice content = bed_report(&writer, "early.example");
    web_set_delay(web, 1, 2, 150);
    bed_run(web->bed, 300000); /* so that 1 is patient with what 2 announces */
    web_forget_counts(web);
    for (uint32_t i = 0; i < 6; i++) {
        struct forged record =
            bed_forge(web->bed, 3, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = content});
        web->is_dead[1][2] = true; /* 2 is played alone */
        web_announce(web, 2, 1, record.id);
        bed_hand_over(web->bed, 0, 1, &record);
        assert_true(bed_holds(web->bed, 1, record.id));
        forged_free(&record);
    }
    assert_int_equal(web->said[1][2][KR_MESSAGE_GRAFT], 2); /* for the first and the third: ever more seldom */
    assert_int_equal(web->asked[1][2], 0);                  /* beside the tree, not the record */
    assert_int_equal(web->said[1][0][KR_MESSAGE_PRUNE], 0);
    kr_writer_deinit(&writer);
    web_free(web);
}

/* 2 answers pings ten seconds late, announces and sends nothing: what 0 announced after it is asked of 0 as soon as of anybody. */
static void who_answers_pings_late_holds_nothing_up(void **state)
{
    static const uint8_t id[32] = {7};
    (void)state;
    struct web *web = web_ring(3);
    web_forget_counts(web);
    web->is_dead[2][1] = true; /* 2 is played alone */
    bed_link(web->bed, 1, 2)->spread.rtt_ms = 20000;
    web_announce(web, 2, 1, id);
    bed_run(web->bed, KR_PATIENCE_MS_MAX + 100);
    assert_int_equal(web->asked[1][2], 1);
    web_announce(web, 0, 1, id);
    bed_run(web->bed, 2 * KR_PATIENCE_MS_MAX);
    assert_int_equal(web->asked[1][0], 1);
    web_free(web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_that_never_come_are_bounded),
        cmocka_unit_test(who_announces_beyond_its_room_is_cut),
        cmocka_unit_test(prunes_and_grafts_change_what_goes_to_their_sender_alone),
        cmocka_unit_test(grafts_without_end_are_passed_over),
        cmocka_unit_test(a_graft_brings_nothing_outside_shared_scopes),
        cmocka_unit_test(who_announces_early_and_sends_nothing_wins_nothing),
        cmocka_unit_test(who_answers_pings_late_holds_nothing_up),
    };
    return cmocka_run_group_tests_name("core/spread_peers", tests, NULL, NULL);
}
