/* A node that went back to an older state: it signs nothing and takes no ticket until it has met its peers again. */
#include "node/core/restored.h"

#include "proto/wire/ticket.h"
#include "store/internal.h"
#include "tests/unit/core/bed.h"

/* A chain: node 1 is linked with 0 and 2. */
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

static uint32_t submit(struct bed *bed, uint32_t node, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, "a.example", token);
    const uint32_t code = bed_submit(bed, node, submission, ret_id);
    bed_submission_free(submission);
    return code;
}

static uint32_t invite(struct bed *bed, uint32_t node)
{
    const struct kr_invite invitation = {.is_link_only = true};
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(&invitation, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_INVITE, args.bytes, args.len, 10);
    kr_writer_deinit(&args);
    return code;
}

static uint32_t finish(struct bed *bed, uint32_t node, bool is_forced)
{
    const uint8_t args[] = {0x91, is_forced};
    return bed_request(bed, node, KR_OP_RECONCILE, args, sizeof args, 10);
}

static uint32_t act(struct bed *bed, uint32_t node, uint32_t action, uint32_t other)
{
    struct kr_peer_act what = {.action = action};
    struct kr_writer args;
    memcpy(what.council, bed_node(bed, other)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&what, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_PEER, args.bytes, args.len, 10);
    kr_writer_deinit(&args);
    return code;
}

static uint32_t renew_card(struct bed *bed, uint32_t node, const char *name)
{
    struct kr_card_edit edit = {.changes = {[KR_CARD_NAME_EN] = true},
                                .texts = {[KR_CARD_NAME_EN] = {(const uint8_t *)name, strlen(name)}}};
    struct kr_writer args;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_card_edit_write(&edit, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_CARD, args.bytes, args.len, 10);
    kr_writer_deinit(&args);
    return code;
}

/* What node 1 did after its backup, and that it went back to it. */
static void go_back(struct bed *bed, bool is_told, uint8_t ret_lost[static 32])
{
    uint8_t kept[32];
    assert_int_equal(submit(bed, 1, 1, kept), KR_OK);
    assert_int_equal(invite(bed, 1), KR_OK);
    assert_int_equal(bed_core(bed, 1)->invitation_count, 1);
    bed_run(bed, 5000);
    assert_int_equal(sim_world_backup(bed->world, 1), SIM_HOLDS);
    assert_int_equal(submit(bed, 1, 2, ret_lost), KR_OK);
    assert_int_equal(renew_card(bed, 1, "Later"), KR_OK);
    bed_run(bed, 5000);
    bed_forget_log(bed);
    assert_int_equal(sim_world_restore(bed->world, 1, is_told), SIM_HOLDS);
}

static void reconciled_is_every_linked_council_or_a_word(void **state)
{
    (void)state;
    for (uint32_t linked = 0; linked < 4; linked++) {
        for (uint32_t awaited = 0; awaited <= linked; awaited++) {
            for (int forced = 0; forced < 2; forced++) {
                const struct kr_reconciling facts = {.linked = linked, .awaited = awaited, .is_forced = forced != 0};
                const bool is_met = linked > 0 && awaited == 0;
                assert_int_equal(kr_restored_is_reconciled(&facts), forced != 0 || is_met);
            }
        }
    }
}

static void a_restored_node_signs_nothing_until_it_has_met_all(void **state)
{
    struct bed *bed = *state;
    uint8_t lost[32], id[32];
    go_back(bed, true, lost);
    assert_true(bed_said(bed, 1, "this node was restored from a backup"));
    assert_int_equal(bed_core(bed, 1)->invitation_count, 0); /* nobody knows whether it was used since */
    assert_int_equal(submit(bed, 1, 3, id), KR_RESTORED);
    assert_non_null(strstr(bed->text, "council 0"));
    assert_non_null(strstr(bed->text, "council 2"));
    assert_int_equal(invite(bed, 1), KR_RESTORED);
    assert_int_equal(renew_card(bed, 1, "Another"), KR_RESTORED);
    static const uint32_t signing[] = {KR_OP_JOIN,       KR_OP_BODY,         KR_OP_PERSON,  KR_OP_BODY_KEY,
                                       KR_OP_PERSON_KEY, KR_OP_ENROL_TICKET, KR_OP_UNENROL, KR_OP_DUTY_ACT};
    for (uint32_t i = 0; i < sizeof signing / sizeof signing[0]; i++) {
        assert_int_equal(bed_request(bed, 1, signing[i], "x", 1, 10), KR_RESTORED);
    }
    assert_int_equal(finish(bed, 1, false), KR_RESTORED);
    bed_run(bed, 60000);
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT);
    assert_true(bed_said(bed, 1, "this node signs again"));
    assert_true(bed_holds(bed, 1, lost));
    assert_int_equal(submit(bed, 1, 3, id), KR_OK);
    assert_int_equal(invite(bed, 1), KR_OK);
    assert_int_equal(renew_card(bed, 1, "Another"), KR_OK);
    assert_int_equal(finish(bed, 1, false), KR_OK);
    bed_run(bed, 5000);
    for (uint32_t i = 0; i < 3; i++) { /* it comes after what it had forgotten, and contradicts nothing */
        const struct kr_card card = bed_card(bed, i, 1);
        assert_memory_equal(card.name_en.bytes, "Another", card.name_en.len);
        assert_int_equal(bed_core(bed, i)->alarms_open, 0);
    }
}

/* Files that are put back by hand say nothing; a record of its own that a peer brings does. */
static void an_old_copy_is_recognised_by_what_it_signed_itself(void **state)
{
    struct bed *bed = *state;
    uint8_t lost[32], id[32];
    assert_int_equal(act(bed, 1, KR_PEER_PAUSE, 2), KR_OK);
    go_back(bed, false, lost);
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, 1, lost));
    assert_true(bed_said(bed, 1, "brought a record that this node signed and does not have"));
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_RECOGNISED);
    assert_false(bed_link(bed, 1, 0)->is_awaited);
    assert_true(bed_link(bed, 1, 2)->is_awaited); /* paused or not, it may hold what was signed since */
    assert_int_equal(submit(bed, 1, 3, id), KR_RESTORED);
    assert_null(strstr(bed->text, "council 0"));
    bed_restart(bed, 1);
    bed_run(bed, 20000);
    assert_int_equal(submit(bed, 1, 3, id), KR_RESTORED);
    assert_int_equal(act(bed, 1, KR_PEER_RESUME, 2), KR_OK);
    bed_run(bed, 60000);
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT);
    assert_int_equal(submit(bed, 1, 3, id), KR_OK);
}

static void a_link_that_is_removed_is_not_waited_for(void **state)
{
    struct bed *bed = *state;
    uint8_t lost[32], id[32];
    assert_int_equal(renew_card(bed, 2, "A情報情報情報情報情報情報情報情報情報情報情報情報"), KR_OK);
    bed_run(bed, 5000);
    sim_world_crash(bed->world, 2, 100 * BED_DAY_MS);
    go_back(bed, true, lost);
    bed_run(bed, 60000);
    assert_int_equal(submit(bed, 1, 3, id), KR_RESTORED);
    assert_non_null(strstr(bed->text, "A情報情報情報情報情報情報情報情報情報情;")); /* cut within no character */
    assert_int_equal(act(bed, 1, KR_PEER_REMOVE, 2), KR_OK);
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT);
    assert_int_equal(submit(bed, 1, 3, id), KR_OK);
}

/* And what comes later of the time before it proves nothing any more. */
static void the_operators_word_ends_it(void **state)
{
    struct bed *bed = *state;
    uint8_t lost[32], id[32];
    sim_world_crash(bed->world, 0, 120000);
    sim_world_crash(bed->world, 2, 120000);
    uint8_t kept[32];
    assert_int_equal(submit(bed, 1, 1, kept), KR_OK);
    assert_int_equal(sim_world_backup(bed->world, 1), SIM_HOLDS);
    bed_run(bed, 121000);
    assert_int_equal(submit(bed, 1, 2, lost), KR_OK);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, 0, lost));
    sim_world_crash(bed->world, 0, 120000);
    sim_world_crash(bed->world, 2, 120000);
    assert_int_equal(sim_world_restore(bed->world, 1, true), SIM_HOLDS);
    bed_run(bed, 30000);
    assert_int_equal(submit(bed, 1, 3, id), KR_RESTORED);
    assert_int_equal(finish(bed, 1, true), KR_OK);
    assert_int_equal(submit(bed, 1, 3, id), KR_OK);
    bed_run(bed, 240000);
    assert_true(bed_holds(bed, 1, lost));
    assert_false(bed_said(bed, 1, "brought a record that this node signed"));
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT);
    assert_int_equal(submit(bed, 1, 4, id), KR_OK);
}

/* A charter that names it as a founder would have it sign its card for there: it does when it may. */
static void a_community_that_comes_meanwhile_waits_for_the_card(void **state)
{
    struct bed *bed = *state;
    static struct kr_founding founding;
    struct kr_writer args;
    const uint8_t *council = bed_node(bed, 1)->council;
    founding = (struct kr_founding){.name = {(const uint8_t *)"west", 4}, .vouches_needed = 1, .quorum = 1, .founder_count = 1};
    memcpy(founding.founders[0], council, 32);
    assert_int_equal(sim_world_backup(bed->world, 1), SIM_HOLDS);
    sim_world_crash(bed->world, 2, 90000);
    assert_int_equal(sim_world_restore(bed->world, 1, true), SIM_HOLDS);
    bed_run(bed, 30000);
    kr_writer_init(&args, 8 * KR_KIB);
    kr_founding_write(&founding, &args);
    assert_int_equal(bed_request(bed, 0, KR_OP_FOUND, args.bytes, args.len, 3000), KR_OK);
    kr_writer_deinit(&args);
    bed_run(bed, 20000);
    assert_int_equal(bed_core(bed, 1)->directory.community_count, 2);
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_TOLD);
    assert_int_equal(kr_directory_council(&bed_core(bed, 1)->directory, council)->version, 1);
    bed_run(bed, 120000);
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(kr_directory_council(&bed_core(bed, i)->directory, council)->version, 2);
        assert_int_equal(bed_core(bed, i)->alarms_open, 0);
    }
}

/* What was here once and was lost to the disk comes back from peers, too. */
static void a_damaged_record_proves_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_txn *txn = NULL;
    uint64_t arrival = 0;
    assert_int_equal(submit(bed, 1, 1, id), KR_OK);
    bed_run(bed, 5000);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    assert_false(bed_holds(bed, 1, id));
    uint8_t *bytes = NULL;
    size_t len = 0;
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    assert_int_equal(kr_store_record_get(txn, arrival, &bytes, &len), KR_OK);
    kr_txn_abort(txn);
    const struct forged forged = {.bytes = bytes, .len = len};
    bed_hand_over(bed, 0, 1, &forged);
    free(bytes);
    assert_true(bed_holds(bed, 1, id));
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT);
}

/* Nobody can hold a node up by records that others signed in its name. */
static void a_record_of_another_key_proves_nothing(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content;
    struct forged forged;
    const uint8_t seed[32] = {1};
    struct kr_draft draft = {.kind = KR_KIND_REPORT,
                             .label = KR_TLP_CLEAR,
                             .created_ms = bed_node(bed, 1)->now_ms,
                             .expires_s = bed_node(bed, 1)->now_ms / 1000 + 86400};
    kr_writer_init(&content, 4 * KR_KIB);
    draft.content = bed_report(&content, "b.example");
    assert_int_equal(kr_record_make(&draft, bed_node(bed, 1)->council, bed_node(bed, 0)->keyring->node_secret, seed, &forged.bytes,
                                    &forged.len, forged.id),
                     KR_OK);
    bed_hand_over(bed, 0, 1, &forged);
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT);
    /* By its own key it is what it looks for; but not dated since it was started: then its key is in other hands. */
    free(forged.bytes);
    assert_int_equal(kr_record_make(&draft, bed_node(bed, 1)->council, bed_node(bed, 1)->keyring->node_secret, seed, &forged.bytes,
                                    &forged.len, forged.id),
                     KR_OK);
    bed_forget_log(bed);
    bed_hand_over(bed, 0, 1, &forged);
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT);
    assert_true(bed_said(bed, 1, "the key is in other hands"));
    free(forged.bytes);
    draft.created_ms = bed_core(bed, 1)->started_ms - 1;
    assert_int_equal(kr_record_make(&draft, bed_node(bed, 1)->council, bed_node(bed, 1)->keyring->node_secret, seed, &forged.bytes,
                                    &forged.len, forged.id),
                     KR_OK);
    bed_hand_over(bed, 0, 1, &forged);
    assert_true(bed_said(bed, 1, "brought a record that this node signed"));
    forged_free(&forged);
    kr_writer_deinit(&content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reconciled_is_every_linked_council_or_a_word),
        cmocka_unit_test_setup_teardown(a_restored_node_signs_nothing_until_it_has_met_all, setup, teardown),
        cmocka_unit_test_setup_teardown(an_old_copy_is_recognised_by_what_it_signed_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_that_is_removed_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(the_operators_word_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_community_that_comes_meanwhile_waits_for_the_card, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_record_proves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_of_another_key_proves_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
