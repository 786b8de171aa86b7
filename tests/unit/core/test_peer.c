/* Peers that hold genuine keys and misuse them. Whatever they say, no step may fail, nothing may leave its scope. */
#include "tests/unit/core/bed.h"

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

static const uint8_t *community(const struct bed *bed)
{
    return bed_core((struct bed *)(uintptr_t)bed, 1)->directory.communities[0]->id;
}

/* A report of `author` with that label. */
static struct forged report(struct bed *bed, uint32_t author, enum kr_label label, const char *domain, uint32_t addressed)
{
    struct kr_writer content;
    const struct kr_keyring *keyring = bed_node(bed, addressed)->keyring;
    uint8_t recipients[1][32];
    memcpy(recipients[0], keyring->sealing[0].public_key, 32);
    bool is_sealed = kr_label_is_sealed(label);
    struct forged forged = bed_forge(bed, author,
                                     (struct kr_draft){
                                         .kind = KR_KIND_REPORT,
                                         .label = label,
                                         .community = label == KR_TLP_GREEN ? community(bed) : NULL,
                                         .audience = (const uint8_t(*)[32])bed_node(bed, addressed)->council,
                                         .audience_count = is_sealed ? 1 : 0,
                                         .recipients = (const uint8_t(*)[32])recipients,
                                         .recipient_count = is_sealed ? 1 : 0,
                                         .content = bed_report(&content, domain),
                                     });
    kr_writer_deinit(&content);
    return forged;
}

static void amber_outside_its_audience_is_refused_told_and_counted(void **state)
{
    struct bed *bed = *state;
    struct forged forged = report(bed, 1, KR_TLP_AMBER, "secret.example", 2); /* for 2 alone */
    uint64_t before = bed_link(bed, 0, 1)->refused_records;
    bed_hand_over(bed, 1, 0, &forged);
    assert_false(bed_holds(bed, 0, forged.id));
    assert_int_equal(bed_link(bed, 0, 1)->refused_records, before + 1);
    assert_int_equal(bed_times_said(bed, 0, "refused a record that council 1 sent"), 1);
    assert_true(bed_said(bed, 1, "refused a record of ours"));
    bed_hand_over(bed, 1, 2, &forged);
    assert_true(bed_holds(bed, 2, forged.id));
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, 0, forged.id));
    forged_free(&forged);
}

/* A member of the community that may relay it, and not addressed: it would hold ciphertext that it passes on to nobody. */
static void amber_that_could_only_be_relayed_is_refused(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content;
    uint8_t recipients[1][32];
    memcpy(recipients[0], bed_node(bed, 2)->keyring->sealing[0].public_key, 32);
    struct forged forged = bed_forge(bed, 1,
                                     (struct kr_draft){.kind = KR_KIND_REPORT,
                                                       .label = KR_TLP_AMBER,
                                                       .relay = community(bed),
                                                       .audience = (const uint8_t(*)[32])bed_node(bed, 2)->council,
                                                       .audience_count = 1,
                                                       .recipients = (const uint8_t(*)[32])recipients,
                                                       .recipient_count = 1,
                                                       .content = bed_report(&content, "secret.example")});
    bed_hand_over(bed, 1, 0, &forged);
    assert_false(bed_holds(bed, 0, forged.id));
    assert_true(bed_said(bed, 0, "refused a record"));
    bed_hand_over(bed, 1, 2, &forged);
    assert_true(bed_holds(bed, 2, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
}

/* Node 2 is addressed and gives it away: node 1, its next peer, is not. */
static void amber_is_not_passed_on_by_a_peer_that_may_hold_it(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_AMBER, "secret.example", 1);
    bed_address(bed, submit, 1);
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, 1, id));
    assert_false(bed_holds(bed, 2, id));
    /* 2 asks for it by its id. */
    bed_say(bed, 2, 1, &(struct kr_message){.type = KR_MESSAGE_GRAFT, .ids = {id, KR_SHORT_ID_BYTES}});
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, 2, id));
    /* And for all of every scope, under every name. */
    static const uint8_t bits[KR_PAGE_IDS_MAX / 8] = {0xFF, 0xFF};
    for (uint8_t kind = 1; kind <= KR_SCOPE_KIND_MAX; kind++) {
        for (uint32_t node = 0; node < 3; node++) {
            struct kr_message message = {.type = KR_MESSAGE_CURSOR};
            struct kr_scope scope = {.kind = kind};
            memcpy(scope.id, bed_node(bed, node)->council, 32);
            bed_say_of(bed, 2, 1, scope, &message);
            message.type = KR_MESSAGE_WANT;
            message.count = 16;
            message.bits = (struct kr_slice){bits, 2};
            bed_say_of(bed, 2, 1, scope, &message);
        }
    }
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, 2, id));
    bed_submission_free(submit);
}

static void green_of_a_community_that_we_are_not_in_is_refused(void **state)
{
    struct bed *bed = *state;
    uint8_t other[32];
    struct kr_writer content;
    memset(other, 0xAB, sizeof other);
    struct forged forged = bed_forge(
        bed, 1,
        (struct kr_draft){
            .kind = KR_KIND_REPORT, .label = KR_TLP_GREEN, .community = other, .content = bed_report(&content, "green.example")});
    bed_hand_over(bed, 1, 0, &forged);
    assert_false(bed_holds(bed, 0, forged.id));
    assert_true(bed_said(bed, 0, "refused a record"));
    forged_free(&forged);
    kr_writer_deinit(&content);
}

static void a_key_that_no_card_lists_gets_nothing_shown_or_passed_on(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content;
    uint8_t seed[32] = {9};
    struct forged forged = {0};
    struct kr_draft draft = {.kind = KR_KIND_REPORT,
                             .label = KR_TLP_CLEAR,
                             .created_ms = bed->world->now_ms,
                             .expires_s = bed->world->now_ms / 1000 + 1000,
                             .content = bed_report(&content, "forged.example")};
    /* Council 2's name under council 1's key. A card that lists it might still be to come: kept apart, and never passed on. */
    assert_int_equal(kr_record_make(&draft, bed_node(bed, 2)->council, bed_node(bed, 1)->keyring->node_secret, seed, &forged.bytes,
                                    &forged.len, forged.id),
                     KR_OK);
    struct kr_head head;
    bed_hand_over(bed, 1, 0, &forged);
    assert_int_equal(bed_head(bed, 0, forged.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, 1, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
}

static void altered_and_expired_records_are_refused(void **state)
{
    struct bed *bed = *state;
    struct forged forged = report(bed, 1, KR_TLP_CLEAR, "altered.example", 0);
    forged.bytes[forged.len / 2] ^= 1;
    bed_hand_over(bed, 1, 0, &forged);
    assert_true(bed_said(bed, 0, "refused a record"));
    assert_false(bed_holds(bed, 0, forged.id));
    forged_free(&forged);
    struct kr_writer content;
    forged = bed_forge(bed, 1,
                       (struct kr_draft){.kind = KR_KIND_REPORT,
                                         .label = KR_TLP_CLEAR,
                                         .created_ms = bed->world->now_ms - BED_DAY_MS,
                                         .expires_s = bed->world->now_ms / 1000 - 1,
                                         .content = bed_report(&content, "old.example")});
    bed_hand_over(bed, 1, 0, &forged);
    assert_false(bed_holds(bed, 0, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
    forged = (struct forged){.bytes = malloc(3), .len = 3};
    memcpy(forged.bytes, "abc", 3);
    bed_hand_over(bed, 1, 0, &forged);
    forged_free(&forged);
}

/* Genuine, and dated in the year 9998: kept and passed on for ever, and never shown. A statement no less. */
static void what_is_dated_for_ever_after_is_not_kept(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content;
    const uint64_t created_ms = UINT64_C(253370764800000);
    struct kr_vouch vouch = {.council = {0x42}};
    struct forged forged = bed_forge(bed, 1,
                                     (struct kr_draft){.kind = KR_KIND_REPORT,
                                                       .label = KR_TLP_CLEAR,
                                                       .created_ms = created_ms,
                                                       .content = bed_report(&content, "far.example")});
    bed_hand_over(bed, 1, 0, &forged);
    assert_false(bed_holds(bed, 0, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
    kr_writer_init(&content, KR_KIB);
    kr_vouch_write(&vouch, &content);
    forged = bed_forge(bed, 1,
                       (struct kr_draft){.kind = KR_KIND_VOUCH,
                                         .label = KR_TLP_GREEN,
                                         .community = community(bed),
                                         .subject = vouch.council,
                                         .created_ms = created_ms,
                                         .version = 1,
                                         .content = {content.bytes, content.len}});
    bed_hand_over(bed, 1, 0, &forged);
    assert_false(bed_holds(bed, 0, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
}

/* Kept apart by a node whose clock was ahead, which is set right: what it holds is dated far ahead then, and stays. */
static void what_is_kept_apart_outlives_a_clock_set_back(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content;
    struct kr_head head;
    struct stranger stranger;
    stranger_init(bed, &stranger, 7);
    uint64_t later_ms = bed->world->now_ms + 2 * BED_DAY_MS;
    struct forged forged = stranger_forge(bed, &stranger,
                                          (struct kr_draft){.kind = KR_KIND_REPORT,
                                                            .label = KR_TLP_CLEAR,
                                                            .created_ms = later_ms,
                                                            .content = bed_report(&content, "later.example")});
    bed_core(bed, 0)->now_ms = later_ms;
    bed_hand_over(bed, 1, 0, &forged);
    assert_int_equal(bed_head(bed, 0, forged.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    bed_restart(bed, 0);
    assert_in_range(bed_core(bed, 0)->now_ms, 0, later_ms - 1);
    assert_int_equal(bed_head(bed, 0, forged.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    forged_free(&forged);
    kr_writer_deinit(&content);
    stranger_deinit(&stranger);
}

/* Unknown kinds, and bodies that are not what their kind says, are held and passed on like any other, so that slow upgraders do not
 * split the mesh. */
static void unknown_kinds_are_held_and_relayed(void **state)
{
    struct bed *bed = *state;
    static const uint32_t kinds[] = {KR_KIND_REPORT, KR_KIND_NOTICE, 77, 4000000000u};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct forged forged = bed_forge(bed, 2,
                                         (struct kr_draft){.kind = kinds[i],
                                                           .label = KR_TLP_GREEN,
                                                           .community = community(bed),
                                                           .content = {(const uint8_t *)"something new", 13}});
        bed_hand_over(bed, 2, 1, &forged);
        bed_run(bed, 1000);
        assert_true(bed_holds(bed, 1, forged.id));
        assert_true(bed_holds(bed, 0, forged.id));
        forged_free(&forged);
    }
}

static void an_unknown_author_waits_in_quarantine_until_its_card_and_vouch_come(void **state)
{
    struct bed *bed = *state;
    struct kr_writer content, vouch_content;
    struct kr_vouch vouch = {0};
    struct kr_head head;
    struct stranger stranger;
    stranger_init(bed, &stranger, 2);
    struct forged green = stranger_forge(bed, &stranger,
                                         (struct kr_draft){.kind = KR_KIND_REPORT,
                                                           .label = KR_TLP_GREEN,
                                                           .community = community(bed),
                                                           .content = bed_report(&content, "waits.example")});
    bed_hand_over(bed, 1, 0, &green);
    assert_int_equal(bed_head(bed, 0, green.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    assert_int_equal(bed_core(bed, 0)->quarantine_count, 1);
    /* Never offered: whoever asks for it is told that it is gone. (1 has given it away and does not hold it itself.) */
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, 1, green.id));
    bed_say(bed, 1, 0, &(struct kr_message){.type = KR_MESSAGE_GRAFT, .ids = {green.id, KR_SHORT_ID_BYTES}});
    bed_run(bed, 1000);
    assert_false(bed_holds(bed, 1, green.id));
    /* The card comes (somebody must vouch, or it is no candidate), and is not enough alone. */
    struct forged card = stranger_card(bed, &stranger, community(bed), 1, 100000);
    bed_hand_over(bed, 1, 0, &card);
    bed_run(bed, 1000);
    assert_int_equal(bed_head(bed, 0, green.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    memcpy(vouch.council, stranger.id, 32);
    kr_writer_init(&vouch_content, KR_KIB);
    kr_vouch_write(&vouch, &vouch_content);
    struct forged vouched = bed_statement(bed, 1, KR_KIND_VOUCH, community(bed), stranger.id, 1,
                                          (struct kr_slice){vouch_content.bytes, vouch_content.len});
    bed_hand_over(bed, 1, 0, &vouched);
    bed_run(bed, 60000);
    assert_int_equal(bed_head(bed, 0, card.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_SHOWN);
    assert_int_equal(bed_head(bed, 0, green.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_SHOWN);
    assert_int_equal(bed_core(bed, 0)->quarantine_count, 0);
    assert_int_equal(bed_core(bed, 0)->quarantine_bytes, 0);
    assert_int_equal(bed_link(bed, 0, 1)->quarantine_bytes, 0);
    /* Admitted is offered: the whole community has it now. */
    assert_true(bed_holds(bed, 1, green.id));
    assert_true(bed_holds(bed, 2, green.id));
    forged_free(&green);
    forged_free(&card);
    forged_free(&vouched);
    kr_writer_deinit(&content);
    kr_writer_deinit(&vouch_content);
    stranger_deinit(&stranger);
}

static struct forged signed_with(struct bed *bed, const struct stranger *author, const struct kr_keyring *keyring,
                                 uint64_t created_s)
{
    struct kr_writer content;
    struct stranger signer = *author;
    signer.keyring = (struct kr_keyring *)(uintptr_t)keyring;
    struct forged forged = stranger_forge(bed, &signer,
                                          (struct kr_draft){.kind = KR_KIND_REPORT,
                                                            .label = KR_TLP_GREEN,
                                                            .community = community(bed),
                                                            .created_ms = created_s * 1000,
                                                            .content = bed_report(&content, "rotated.example")});
    kr_writer_deinit(&content);
    return forged;
}

/* A member's node has a new key, and what it signs is faster than the card that lists it. */
static void a_new_key_waits_for_its_card_and_an_old_one_ends(void **state)
{
    struct bed *bed = *state;
    struct stranger stranger, renewed;
    struct kr_head head;
    struct kr_writer content;
    struct kr_vouch vouch = {0};
    stranger_init(bed, &stranger, 3);
    stranger_init(bed, &renewed, 4); /* only its node key is used */
    memcpy(vouch.council, stranger.id, 32);
    kr_writer_init(&content, KR_KIB);
    kr_vouch_write(&vouch, &content);
    struct forged vouched =
        bed_statement(bed, 1, KR_KIND_VOUCH, community(bed), stranger.id, 1, (struct kr_slice){content.bytes, content.len});
    struct forged card = stranger_card(bed, &stranger, community(bed), 1, 100000);
    bed_hand_over(bed, 1, 0, &vouched);
    bed_hand_over(bed, 1, 0, &card);
    bed_run(bed, 60000);
    uint64_t now_s = bed->world->now_ms / 1000;
    struct forged early = signed_with(bed, &stranger, renewed.keyring, now_s);
    bed_forget_log(bed);
    bed_hand_over(bed, 1, 0, &early);
    assert_false(bed_said(bed, 0, "refused a record"));
    assert_int_equal(bed_head(bed, 0, early.id, &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, 1, early.id));
    struct kr_card_key keys[2] = {{.from_s = now_s - 7200, .until_s = now_s}, {.from_s = now_s}};
    memcpy(keys[0].public_key, stranger.keyring->node_public, 32);
    memcpy(keys[1].public_key, renewed.keyring->node_public, 32);
    struct forged newer = stranger_card_with(bed, &stranger, community(bed), 2, 100000, keys, 2);
    bed_hand_over(bed, 1, 0, &newer);
    bed_run(bed, 60000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(bed_head(bed, i, early.id, &head), KR_OK);
        assert_int_equal(head.state, KR_HEAD_SHOWN);
        assert_int_equal(bed_core(bed, i)->quarantine_count, 0);
    }
    /* Outside of a listed key's dates there is nothing to wait for. */
    const struct {
        const struct kr_keyring *keyring;
        uint64_t created_s;
        bool is_taken;
    } cases[] = {{stranger.keyring, now_s, false},
                 {stranger.keyring, now_s - 1, true},
                 {renewed.keyring, now_s - 1, false},
                 {stranger.keyring, now_s - 7201, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct forged forged = signed_with(bed, &stranger, cases[i].keyring, cases[i].created_s);
        bed_forget_log(bed);
        bed_hand_over(bed, 1, 0, &forged);
        assert_int_equal(bed_holds(bed, 0, forged.id), cases[i].is_taken);
        assert_int_equal(bed_said(bed, 0, "refused a record"), !cases[i].is_taken);
        forged_free(&forged);
    }
    forged_free(&early);
    forged_free(&newer);
    forged_free(&card);
    forged_free(&vouched);
    kr_writer_deinit(&content);
    stranger_deinit(&stranger);
    stranger_deinit(&renewed);
}

static void forge_two_vouches(struct bed *bed, uint8_t subject_byte, struct forged *ret_low, struct forged *ret_high)
{
    static const char *const why[] = {"known for years", "met once"};
    struct forged pair[2];
    uint8_t subject[32];
    memset(subject, subject_byte, sizeof subject);
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_writer content;
        struct kr_vouch vouch = {.reason = {(const uint8_t *)why[i], strlen(why[i])}};
        memcpy(vouch.council, subject, 32);
        kr_writer_init(&content, KR_KIB);
        kr_vouch_write(&vouch, &content);
        pair[i] = bed_statement(bed, 1, KR_KIND_VOUCH, community(bed), subject, 3, (struct kr_slice){content.bytes, content.len});
        kr_writer_deinit(&content);
    }
    bool first_is_low = memcmp(pair[0].id, pair[1].id, 32) < 0;
    *ret_low = pair[first_is_low ? 0 : 1];
    *ret_high = pair[first_is_low ? 1 : 0];
}

/* Of two statements of one version the lower id stands, whichever came first, and an alarm is given. */
static void a_tie_goes_to_the_lower_hash_with_an_alarm(void **state)
{
    struct bed *bed = *state;
    for (uint8_t round = 0; round < 2; round++) {
        struct forged low, high;
        forge_two_vouches(bed, (uint8_t)(0x61 + round), &low, &high);
        bed_hand_over(bed, 1, 0, round == 0 ? &low : &high);
        assert_true(bed_holds(bed, 0, round == 0 ? low.id : high.id));
        bed_forget_log(bed);
        bed_hand_over(bed, 1, 0, round == 0 ? &high : &low);
        assert_true(bed_said(bed, 0, "ALARM"));
        for (uint32_t node = 0; node < 3; node++) {
            bed_run(bed, 60000);
            assert_true(bed_holds(bed, node, low.id));
            assert_false(bed_holds(bed, node, high.id));
        }
        forged_free(&low);
        forged_free(&high);
    }
}

static void a_peer_that_sends_more_than_its_window_is_cut(void **state)
{
    struct bed *bed = *state;
    struct forged forged = report(bed, 1, KR_TLP_CLEAR, "one.example", 0);
    bed_link(bed, 0, 1)->granted = forged.len - 1;
    bed_hand_over(bed, 1, 0, &forged);
    assert_false(bed_holds(bed, 0, forged.id));
    assert_true(bed_said(bed, 0, "more than it was given room for"));
    bed_run(bed, 60000); /* and comes back */
    assert_true(bed_link(bed, 0, 1)->has_session);
    bed_hand_over(bed, 1, 0, &forged);
    assert_true(bed_holds(bed, 0, forged.id));
    forged_free(&forged);
}

/* Whatever a peer sends, the log stays readable; the counter has all of it. */
static void a_peer_cannot_fill_the_log(void **state)
{
    struct bed *bed = *state;
    struct forged forged = report(bed, 1, KR_TLP_CLEAR, "one.example", 0);
    uint64_t refused = bed_link(bed, 0, 1)->refused_records;
    forged.bytes[forged.len - 1] ^= 1;
    bed_forget_log(bed);
    for (uint32_t i = 0; i < 200; i++) {
        bed_hand_over(bed, 1, 0, &forged);
    }
    assert_in_range(bed_times_said(bed, 0, ""), 5, 2 * KR_LINK_LOGS_MAX);
    assert_int_equal(bed_link(bed, 0, 1)->refused_records, refused + 200);
    bed_run(bed, 120000);
    bed_forget_log(bed);
    bed_hand_over(bed, 1, 0, &forged);
    assert_int_equal(bed_times_said(bed, 0, "refused a record"), 1); /* heard again */
    forged_free(&forged);
}

/* A frame full of bad records is answered with a few frames, and a minute of such frames with little more. */
static void a_peer_is_told_of_few_refusals(void **state)
{
    struct bed *bed = *state;
    struct forged forged = report(bed, 1, KR_TLP_CLEAR, "one.example", 0);
    struct kr_writer list;
    const uint32_t count = 200;
    const uint64_t refused = bed_link(bed, 0, 1)->refused_records;
    forged.bytes[forged.len - 1] ^= 1;
    kr_writer_init(&list, KR_FRAME_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_bin(&list, forged.bytes, forged.len);
    }
    const struct kr_message records = {.type = KR_MESSAGE_RECORDS, .item_count = count, .items = {list.bytes, list.len}};
    memset(bed->sent, 0, sizeof bed->sent);
    for (uint32_t i = 1; i <= 100; i++) {
        bed_say(bed, 1, 0, &records);
        assert_int_equal(bed_link(bed, 0, 1)->refused_records, refused + i * count);
        assert_true(bed_link(bed, 0, 1)->has_session);
        assert_true(i > 1 || (bed->sent[0] >= 32 && bed->sent[0] <= 40));
    }
    assert_in_range(bed->sent[0], 32 + 10, 32 + 10 + 2 * 100 + 10); /* a second each one more, and the credit for what was sent */
    kr_writer_deinit(&list);
    forged_free(&forged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(amber_outside_its_audience_is_refused_told_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(amber_that_could_only_be_relayed_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(amber_is_not_passed_on_by_a_peer_that_may_hold_it, setup, teardown),
        cmocka_unit_test_setup_teardown(green_of_a_community_that_we_are_not_in_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_no_card_lists_gets_nothing_shown_or_passed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(altered_and_expired_records_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_kinds_are_held_and_relayed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_dated_for_ever_after_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_kept_apart_outlives_a_clock_set_back, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_author_waits_in_quarantine_until_its_card_and_vouch_come, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_key_waits_for_its_card_and_an_old_one_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tie_goes_to_the_lower_hash_with_an_alarm, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_cannot_fill_the_log, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_is_told_of_few_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_sends_more_than_its_window_is_cut, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/peer", tests, NULL, NULL);
}
