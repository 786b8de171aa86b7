/* A council's root key replaced by its recovery key: everybody follows, what the former key signed genuinely stays, and whoever has
 * it can do nothing with it. Node 1 founded the community of 0, 1, 2, 3 (a chain), and is the one whose root key is stolen; node 2
 * is the thief's way in, and node 3 is not linked with node 1. */
#include "tests/unit/core/rekey_test.h"

#define NODES 4u
#define LOST  UINT64_MAX

static int setup(void **state)
{
    *state = bed_new(NODES);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static void community_of(struct bed *bed, uint8_t ret_id[static 32])
{
    memcpy(ret_id, bed_core(bed, 1)->directory.communities[0]->id, 32);
}

static const struct kr_council *council(struct bed *bed, uint32_t at, uint32_t node)
{
    const struct kr_council *found = kr_directory_council(&bed_core(bed, at)->directory, bed_node(bed, node)->council);
    assert_non_null(found);
    return found;
}

static bool has_root(struct bed *bed, uint32_t at, const struct hand *hand)
{
    return memcmp(council(bed, at, 1)->root_public, hand->root_public, 32) == 0;
}

static bool all_have_root(struct bed *bed, const struct hand *hand)
{
    bool all = true;
    for (uint32_t i = 0; i < NODES; i++) {
        all = all && has_root(bed, i, hand);
    }
    return all;
}

static bool is_member(struct bed *bed, uint32_t at, const uint8_t in[static 32], const uint8_t who[static 32])
{
    return kr_directory_is_member(&bed_core(bed, at)->directory, in, who);
}

static void recover_all(struct bed *bed, const struct hand *from, const struct hand *to, uint64_t since_ms)
{
    recover_card(bed, 1, from, to, KR_OTHERS_END);
    name_genuine(bed, 1, from, to, since_ms);
    bed_run(bed, 120000);
}

static void all_follow_the_recovery_key(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, 1), new = fresh_hand(1), newer = fresh_hand(2);
    const struct kr_keyring *keyring = bed_node(bed, 1)->keyring;
    uint8_t in[32];
    community_of(bed, in);
    const uint64_t statements = equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in);
    recover_card(bed, 1, &old, &new, KR_OTHERS_ASK); /* there are no others */
    bed_run(bed, 5000);
    assert_true(all_have_root(bed, &new));
    assert_int_equal(council(bed, 3, 1)->rekeyings, 1);
    /* The keyring follows: no secret of the former keys is left. */
    assert_memory_equal(keyring->root_public, new.root_public, 32);
    assert_memory_equal(keyring->recovery_public, new.recovery_public, 32);
    assert_null(kr_keyring_secret(keyring, KR_KEY_ROOT));
    assert_null(kr_keyring_secret(keyring, KR_KEY_RECOVERY));
    name_genuine(bed, 1, &old, &new, LOST);
    bed_run(bed, 60000);
    assert_int_equal(equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in), statements + 1); /* the list */
    for (uint32_t i = 0; i < NODES; i++) {
        for (uint32_t j = 0; j < NODES; j++) {
            assert_true(is_member(bed, i, in, bed_node(bed, j)->council));
        }
    }
    bed_restart(bed, 3);
    bed_restart(bed, 1);
    assert_true(all_have_root(bed, &new));
    /* And once more, by the second paper; the first is of no use any more. */
    struct kr_recover recover = recover_args(bed, 1, &old, &newer, KR_OTHERS_ASK);
    assert_int_equal(ask_recover(bed, 1, &recover), KR_SIGNATURE);
    recover_all(bed, &new, &newer, LOST);
    assert_true(all_have_root(bed, &newer));
    assert_int_equal(council(bed, 3, 1)->rekeyings, 2);
    (void)equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in);
}

static void wrong_papers_change_nothing(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, 1), other = hand_of(bed, 2), new = fresh_hand(1);
    struct kr_recover recover = recover_args(bed, 1, &other, &new, KR_OTHERS_ASK);
    assert_int_equal(ask_recover(bed, 1, &recover), KR_KEY); /* another council's */
    assert_non_null(strstr(bed->text, "recovery key"));
    recover = recover_args(bed, 1, &old, &new, KR_OTHERS_ASK);
    recover.rekeying.signature[3] ^= 1;
    assert_int_equal(ask_recover(bed, 1, &recover), KR_SIGNATURE);
    recover.rekeying.signature[3] ^= 1;
    recover.rekeying.root_public[3] ^= 1;
    assert_int_not_equal(ask_recover(bed, 1, &recover), KR_OK);
    assert_int_equal(bed_request(bed, 1, KR_OP_RECOVER, "\x90", 1, 200), KR_MALFORMED);
    /* Nobody signs with the new key what the recovery key did not. */
    recover = recover_args(bed, 1, &old, &new, KR_OTHERS_ASK);
    assert_int_equal(ask_recover(bed, 1, &recover), KR_OK);
    assert_int_equal(sign_and_state(bed, 1, new.root), KR_OK);
    const struct hand newer = fresh_hand(2);
    recover = recover_args(bed, 1, &new, &newer, KR_OTHERS_ASK);
    assert_int_equal(ask_recover(bed, 1, &recover), KR_OK);
    bed_run(bed, 2000);
    assert_true(all_have_root(bed, &new)); /* it was prepared, and never signed */
}

/* What the former root signs counts no more, whatever its version or date, whether it came before or after; what it signed
 * genuinely does. */
static void the_former_root_is_of_no_use(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, 1), new = fresh_hand(1);
    const uint64_t before_ms = bed->world->now_ms;
    struct stranger stranger;
    uint8_t in[32];
    community_of(bed, in);
    stranger_init(bed, &stranger, 1);
    const uint8_t *third = bed_node(bed, 2)->council;
    struct forged vouch = vouch_by(bed, 1, &old, in, stranger.id, 1, false),
                  late = vouch_by(bed, 1, &old, in, stranger.id, 9, false), against = vouch_by(bed, 1, &old, in, third, 900, true);
    bed_run(bed, 1000);
    bed_hand_over(bed, 2, 1, &vouch);
    bed_hand_over(bed, 2, 3, &vouch);
    bed_run(bed, 5000);
    assert_true(is_member(bed, 1, in, stranger.id) && is_member(bed, 0, in, stranger.id) && is_member(bed, 3, in, stranger.id));
    recover_card(bed, 1, &old, &new, KR_OTHERS_END);
    bed_run(bed, 5000);
    assert_true(is_member(bed, 0, in, stranger.id)); /* nobody has said yet which are genuine */
    bed_hand_over(bed, 2, 3, &against);
    bed_run(bed, 1000);
    assert_true(is_member(bed, 3, in, third)); /* and nothing more is taken before that */
    name_genuine(bed, 1, &old, &new, before_ms);
    bed_run(bed, 60000);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_false(is_member(bed, i, in, stranger.id));
        assert_true(is_member(bed, i, in, third));
    }
    bed_forget_log(bed);
    bed_hand_over(bed, 2, 3, &late);
    bed_hand_over(bed, 2, 3, &against);
    bed_hand_over(bed, 2, 1, &vouch);
    bed_run(bed, 60000);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_false(is_member(bed, i, in, stranger.id));
        assert_true(is_member(bed, i, in, third));
    }
    (void)equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in);
    /* The new one says it again, with a version that is lower. */
    struct forged again = vouch_by(bed, 1, &new, in, stranger.id, 2, false);
    bed_hand_over(bed, 2, 3, &again);
    bed_run(bed, 60000);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_true(is_member(bed, i, in, stranger.id));
    }
    (void)equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in);
    forged_free(&vouch);
    forged_free(&late);
    forged_free(&against);
    forged_free(&again);
    stranger_deinit(&stranger);
}

/* Councils of the thief's own making go, with all that they said, and what they sent. */
static void strangers_leave_with_what_they_sent(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, 1), new = fresh_hand(1);
    const uint64_t before_ms = bed->world->now_ms;
    struct stranger strangers[2];
    struct kr_writer content, words;
    struct kr_head head;
    struct kr_vouch word = {.is_withdrawn = false};
    uint8_t in[32];
    community_of(bed, in);
    stranger_init(bed, &strangers[0], 1);
    stranger_init(bed, &strangers[1], 2);
    memcpy(word.council, strangers[1].id, 32);
    kr_writer_init(&words, KR_KIB);
    kr_vouch_write(&word, &words);
    struct forged all[] = {
        vouch_by(bed, 1, &old, in, strangers[0].id, 1, false),
        stranger_card(bed, &strangers[0], in, 1, 86400),
        stranger_forge(bed, &strangers[0],
                       (struct kr_draft){.kind = KR_KIND_VOUCH,
                                         .label = KR_TLP_GREEN,
                                         .community = in,
                                         .subject = strangers[1].id,
                                         .version = 1,
                                         .content = {words.bytes, words.len}}),
        stranger_card(bed, &strangers[1], in, 1, 86400),
        stranger_forge(bed, &strangers[1],
                       (struct kr_draft){.kind = KR_KIND_REPORT,
                                         .label = KR_TLP_GREEN,
                                         .community = in,
                                         .content = bed_report(&content, "strangers.example")}),
    };
    const uint64_t statements = equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in);
    bed_run(bed, 1000);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        bed_hand_over(bed, 2, 1, &all[i]);
        bed_run(bed, 60000);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        assert_int_equal(bed_head(bed, i, all[4].id, &head), KR_OK);
        assert_int_equal(head.state, KR_HEAD_SHOWN);
    }
    recover_card(bed, 1, &old, &new, KR_OTHERS_END);
    name_genuine(bed, 1, &old, &new, before_ms);
    bed_run(bed, 120000);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_int_equal(bed_head(bed, i, all[4].id, &head), KR_NOT_FOUND);
        assert_null(kr_directory_council(&bed_core(bed, i)->directory, strangers[1].id));
    }
    assert_int_equal(equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in), statements + 1);
    assert_int_equal(equal_trees(bed, NODES, KR_SCOPE_GREEN, in), 0);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        forged_free(&all[i]);
    }
    kr_writer_deinit(&content);
    kr_writer_deinit(&words);
    stranger_deinit(&strangers[0]);
    stranger_deinit(&strangers[1]);
}

/* A revocation of our node key by the thief, naming nothing: all that we ever sent is false. It is undone with the others. */
static void a_false_revocation_is_undone(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, 1), new = fresh_hand(1);
    const uint64_t before_ms = bed->world->now_ms;
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, "genuine.example.jp", 1);
    struct kr_revocation revocation = {.since_ms = 1, .made_ms = before_ms, .pages = 1};
    struct kr_writer content;
    struct kr_head head;
    uint8_t in[32], id[32], subject[32];
    community_of(bed, in);
    assert_int_equal(bed_submit(bed, 1, submission, id), KR_OK);
    bed_submission_free(submission);
    bed_run(bed, 3000);
    memcpy(revocation.key, bed_node(bed, 1)->keyring->node_public, 32);
    kr_revocation_subject(subject, revocation.key, 0);
    kr_writer_init(&content, KR_KIB);
    kr_revocation_write(&revocation, &content);
    struct forged forged =
        signed_by(bed, 1, &old, KR_KIND_REVOCATION, in, subject, 1, (struct kr_slice){content.bytes, content.len});
    kr_writer_deinit(&content);
    bed_hand_over(bed, 2, 1, &forged);
    bed_run(bed, 60000);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_true(bed_head(bed, i, id, &head) == KR_OK && head.state != KR_HEAD_SHOWN);
    }
    recover_all(bed, &old, &new, before_ms);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_int_equal(bed_head(bed, i, id, &head), KR_OK);
        assert_int_equal(head.state, KR_HEAD_SHOWN);
    }
    assert_int_equal(equal_trees(bed, NODES, KR_SCOPE_CLEAR, NULL), 1);
    (void)equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in);
    forged_free(&forged);
}

/* The thief's card lists his node key and nobody else's. */
static void the_thiefs_keys_are_ended(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, 1), new = fresh_hand(1);
    const uint64_t before_ms = bed->world->now_ms, now_s = before_ms / 1000;
    struct kr_card card = bed_card(bed, 1, 1);
    const uint64_t version = council(bed, 1, 1)->version;
    const struct kr_keyring own = *bed_node(bed, 1)->keyring;
    uint8_t in[32], thiefs[32], secret[64], content[KR_BODY_BYTES_MAX / 8];
    community_of(bed, in);
    assert_true(council(bed, 1, 1)->content_len <= sizeof content);
    memcpy(content, council(bed, 1, 1)->content, council(bed, 1, 1)->content_len);
    assert_int_equal(kr_card_read((struct kr_slice){content, council(bed, 1, 1)->content_len}, &card), KR_OK);
    kr_sign_keypair(thiefs, secret, (const uint8_t[32]){0x66});
    card.node_count = card.sealing_count = 1;
    card.node[0] = (struct kr_card_key){.from_s = now_s - 60};
    memcpy(card.node[0].public_key, thiefs, 32);
    kr_box_keypair(card.sealing[0].public_key, secret, (const uint8_t[32]){0x67});
    struct forged forged = card_by(bed, 1, &old, in, &card, version + 5);
    bed_hand_over(bed, 2, 1, &forged);
    bed_run(bed, 60000);
    assert_memory_equal(bed_card(bed, 3, 1).node[0].public_key, thiefs, 32);
    struct kr_recover recover = recover_args(bed, 1, &old, &new, KR_OTHERS_ASK);
    assert_int_equal(ask_recover(bed, 1, &recover), KR_INVALID); /* the operator is asked */
    assert_non_null(strstr(bed->text, "--end-others"));
    recover.others = KR_OTHERS_END;
    assert_int_equal(ask_recover(bed, 1, &recover), KR_NOT_FOUND); /* and has to make new keys: the card forgot the old ones */
    assert_int_equal(new_keys(bed, 1), KR_OK);
    recover_all(bed, &old, &new, before_ms);
    for (uint32_t i = 0; i < NODES; i++) {
        const struct kr_card now = bed_card(bed, i, 1);
        const struct kr_keyring *keyring = bed_node(bed, 1)->keyring;
        assert_memory_equal(now.node[0].public_key, keyring->node_public, 32);
        assert_memory_not_equal(keyring->node_public, own.node_public, 32);
        assert_int_equal(now.node[0].until_s, 0);
        assert_memory_equal(now.node[1].public_key, thiefs, 32);
        assert_true(now.node[1].until_s != 0 && now.sealing[1].until_s != 0);
        assert_memory_equal(now.sealing[0].public_key, keyring->sealing[0].public_key, 32);
    }
    (void)equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in);
    assert_true(bed_link(bed, 0, 1)->has_session && bed_link(bed, 2, 1)->has_session);
    forged_free(&forged);
}

/* A root key that was stolen cannot say which of its own statements are genuine, before or after. */
static void a_root_does_not_name_its_own(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, 1), new = fresh_hand(1);
    const uint64_t before_ms = bed->world->now_ms;
    struct kr_revocation revocation = {.since_ms = 1, .made_ms = UINT64_MAX / 2, .pages = 1};
    struct stranger stranger;
    struct kr_writer content;
    uint8_t in[32], subject[32], name[KR_REVOKED_NAME_BYTES];
    community_of(bed, in);
    stranger_init(bed, &stranger, 1);
    struct forged vouch = vouch_by(bed, 1, &old, in, stranger.id, 1, false);
    memcpy(revocation.key, old.root_public, 32);
    kr_revocation_subject(subject, revocation.key, 0);
    kr_revocation_name(name, revocation.key, vouch.id);
    revocation.names = (struct kr_slice){name, sizeof name};
    kr_writer_init(&content, KR_KIB);
    kr_revocation_write(&revocation, &content);
    struct forged list = signed_by(bed, 1, &old, KR_KIND_REVOCATION, in, subject, 1, (struct kr_slice){content.bytes, content.len});
    bed_hand_over(bed, 2, 1, &vouch);
    bed_hand_over(bed, 2, 1, &list);
    bed_run(bed, 5000);
    assert_null(kr_revoked_find(&bed_core(bed, 1)->directory.revoked, bed_node(bed, 1)->council, old.root_public));
    recover_all(bed, &old, &new, before_ms);
    bed_hand_over(bed, 2, 1, &list);
    bed_hand_over(bed, 2, 3, &list);
    bed_run(bed, 60000);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_false(is_member(bed, i, in, stranger.id));
    }
    (void)equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in);
    kr_writer_deinit(&content);
    forged_free(&vouch);
    forged_free(&list);
    stranger_deinit(&stranger);
}

/* ---- linked councils confirm ---- */

/* How many alarms node lists; the last is left in `*ret_alarm`. */
static uint32_t alarms(struct bed *bed, uint32_t node, struct kr_alarm *ret_alarm)
{
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    assert_int_equal(ask_with(bed, node, KR_OP_ALARMS, &args), KR_OK);
    assert_true(bed->pages <= 4);
    if (bed->pages > 0) {
        const uint32_t last = bed->pages - 1;
        assert_int_equal(kr_alarm_read((struct kr_slice){bed->items[last].bytes, bed->items[last].len}, ret_alarm), KR_OK);
    }
    return bed->pages;
}

static void submit_to_all(struct bed *bed, uint32_t node, enum kr_label label, uint8_t token, uint8_t ret_id[static 32])
{
    char domain[] = "token-0.example.jp";
    domain[6] = (char)('0' + token);
    struct kr_submit *submission = bed_submission(bed, label, domain, token);
    if (label == KR_TLP_AMBER) {
        for (uint32_t i = 0; i < NODES; i++) {
            if (i != node) {
                bed_address(bed, submission, i);
            }
        }
    }
    assert_int_equal(bed_submit(bed, node, submission, ret_id), KR_OK);
    bed_submission_free(submission);
}

static void links_are_held_until_confirmed(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, 1), new = fresh_hand(1), newer = fresh_hand(2);
    struct kr_alarm alarm = {.sort = 0};
    uint8_t clear[32], green[32], amber[32], back[32];
    recover_card(bed, 1, &old, &new, KR_OTHERS_ASK);
    name_genuine(bed, 1, &old, &new, LOST);
    bed_run(bed, 60000);
    assert_true(bed_said(bed, 0, "ALARM: the root key of"));
    assert_int_equal(alarms(bed, 0, &alarm), 1);
    assert_int_equal(alarm.sort, KR_ALARM_ROOT);
    assert_memory_equal(alarm.records[0].bytes, new.root_public, 32);
    assert_memory_equal(alarm.records[1].bytes, old.root_public, 32);
    assert_int_equal(alarms(bed, 3, &alarm), 0); /* it is not linked with that council */
    submit_to_all(bed, 1, KR_TLP_CLEAR, 1, clear);
    submit_to_all(bed, 1, KR_TLP_GREEN, 2, green);
    submit_to_all(bed, 1, KR_TLP_AMBER, 3, amber);
    submit_to_all(bed, 0, KR_TLP_GREEN, 4, back);
    bed_run(bed, 120000);
    assert_true(bed_holds(bed, 0, clear) && bed_holds(bed, 2, clear) && bed_holds(bed, 3, clear));
    assert_false(bed_holds(bed, 0, green) || bed_holds(bed, 2, green) || bed_holds(bed, 0, amber) || bed_holds(bed, 2, amber));
    assert_false(bed_holds(bed, 1, back)); /* the other way as well */
    /* What is no digit of it confirms nothing; nor does a council that is not asked about. */
    assert_int_equal(confirm_root(bed, 0, 1, old.root_public), KR_KEY);
    assert_int_equal(confirm_root(bed, 3, 1, new.root_public), KR_NOT_FOUND);
    assert_int_equal(bed_request(bed, 0, KR_OP_CONFIRM_ROOT, "\x90", 1, 200), KR_MALFORMED);
    bed_restart(bed, 0); /* it is durable */
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, 0, green) || bed_holds(bed, 1, back));
    assert_int_equal(confirm_root(bed, 0, 1, new.root_public), KR_OK);
    bed_run(bed, 120000);
    assert_true(bed_holds(bed, 0, green) && bed_holds(bed, 0, amber) && bed_holds(bed, 1, back));
    assert_false(bed_holds(bed, 2, green) || bed_holds(bed, 3, green)); /* node 2 has not called yet */
    assert_int_equal(alarms(bed, 0, &alarm), 0);
    assert_int_equal(confirm_root(bed, 0, 1, new.root_public), KR_NOT_FOUND);
    assert_int_equal(confirm_root(bed, 2, 1, new.root_public), KR_OK);
    bed_run(bed, 120000);
    assert_true(bed_holds(bed, 2, green) && bed_holds(bed, 3, green) && bed_holds(bed, 2, amber));
    bed_restart(bed, 0);
    assert_int_equal(alarms(bed, 0, &alarm), 0);
    /* Another one, another call. */
    recover_all(bed, &new, &newer, LOST);
    assert_int_equal(alarms(bed, 0, &alarm), 1);
    assert_memory_equal(alarm.records[1].bytes, new.root_public, 32);
}

/* The paper is in two hands: all agree on one of the two, whichever comes first, and have both as proof. */
static void two_with_one_paper_are_an_alarm(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, 1), a = fresh_hand(1), b = fresh_hand(2);
    struct kr_card card = bed_card(bed, 1, 1), copies[2];
    uint8_t in[32];
    struct kr_header header;
    struct kr_alarm alarm = {.sort = 0};
    static uint8_t content[KR_BODY_BYTES_MAX / 8];
    community_of(bed, in);
    memcpy(content, council(bed, 1, 1)->content, council(bed, 1, 1)->content_len);
    assert_int_equal(kr_card_read((struct kr_slice){content, council(bed, 1, 1)->content_len}, &card), KR_OK);
    const struct hand *const hands[] = {&a, &b};
    struct forged forged[2];
    for (uint32_t i = 0; i < 2; i++) {
        copies[i] = card;
        assert_int_equal(kr_rekeyings_append(&copies[i].rekeyings, card.council, card.commitment, old.recovery,
                                             hands[i]->root_public, hands[i]->recovery_public),
                         KR_OK);
        forged[i] = card_by(bed, 1, hands[i], in, &copies[i], 3 + i);
    }
    bed_hand_over(bed, 1, 0, &forged[0]);
    bed_hand_over(bed, 1, 2, &forged[1]);
    bed_run(bed, 120000);
    const struct hand *winner = kr_rekeyings_compare(&copies[0].rekeyings, &copies[1].rekeyings) > 0 ? &a : &b;
    assert_true(all_have_root(bed, winner));
    (void)equal_trees(bed, NODES, KR_SCOPE_DIRECTORY, in);
    bool was_told = false;
    for (uint32_t i = 0; i < NODES; i++) {
        if (alarms(bed, i, &alarm) > 0 && bed->items[0].len > 0 &&
            kr_alarm_read((struct kr_slice){bed->items[0].bytes, bed->items[0].len}, &alarm) == KR_OK &&
            alarm.sort == KR_ALARM_REKEYED) {
            assert_int_equal(kr_alarm_check(alarm.records, &header), KR_OK);
            assert_memory_equal(header.author, bed_node(bed, 1)->council, 32);
            const struct kr_slice same[] = {alarm.records[0], alarm.records[0]};
            assert_int_equal(kr_alarm_check(same, &header), KR_INVALID);
            was_told = true;
        }
    }
    assert_true(was_told);
    forged_free(&forged[0]);
    forged_free(&forged[1]);
}

/* ---- in any order ---- */

#define SAID 7u

struct saying {
    struct forged items[SAID];
    uint8_t in[32], genuine[32], false_one[32], after[32];
    struct hand new;
};

/* What the council of node 2 says, the thief, and the council by its new root key. */
static void fill_saying(struct bed *bed, struct saying *saying)
{
    const struct hand old = hand_of(bed, 2);
    const struct kr_card card = bed_card(bed, 2, 2);
    struct kr_card rekeyed = card;
    struct kr_revocation list = {.since_ms = 1, .made_ms = bed->world->now_ms, .pages = 1};
    struct stranger strangers[3];
    struct kr_writer content;
    uint8_t subject[32], name[KR_REVOKED_NAME_BYTES];
    saying->new = fresh_hand(1);
    community_of(bed, saying->in);
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t *const ids[] = {saying->genuine, saying->false_one, saying->after};
        stranger_init(bed, &strangers[i], i + 1);
        memcpy(ids[i], strangers[i].id, 32);
        stranger_deinit(&strangers[i]);
    }
    saying->items[0] = vouch_by(bed, 2, &old, saying->in, saying->genuine, 1, false);
    saying->items[1] = vouch_by(bed, 2, &old, saying->in, saying->false_one, 1, false);
    saying->items[2] = vouch_by(bed, 2, &old, saying->in, saying->genuine, 7, true);
    saying->items[3] = card_by(bed, 2, &old, saying->in, &card, 50);
    assert_int_equal(kr_rekeyings_append(&rekeyed.rekeyings, card.council, card.commitment, old.recovery, saying->new.root_public,
                                         saying->new.recovery_public),
                     KR_OK);
    saying->items[4] = card_by(bed, 2, &saying->new, saying->in, &rekeyed, 3);
    memcpy(list.key, old.root_public, 32);
    kr_revocation_subject(subject, list.key, 0);
    kr_revocation_name(name, list.key, saying->items[0].id);
    list.names = (struct kr_slice){name, sizeof name};
    kr_writer_init(&content, KR_KIB);
    kr_revocation_write(&list, &content);
    saying->items[5] =
        signed_by(bed, 2, &saying->new, KR_KIND_REVOCATION, saying->in, subject, 1, (struct kr_slice){content.bytes, content.len});
    kr_writer_deinit(&content);
    saying->items[6] = vouch_by(bed, 2, &saying->new, saying->in, saying->after, 1, false);
}

/* By number of the permutation, Lehmer's code. */
static void permute(uint32_t number, uint32_t ret_order[static SAID])
{
    uint32_t left[SAID];
    for (uint32_t i = 0; i < SAID; i++) {
        left[i] = i;
    }
    for (uint32_t i = 0; i < SAID; i++) {
        const uint32_t at = number % (SAID - i);
        number /= SAID - i;
        ret_order[i] = left[at];
        memmove(&left[at], &left[at + 1], (SAID - i - at - 1) * sizeof left[0]);
    }
}

/* Node 0 hears it all in that order, over its link with node 1, and what was put off once more: as a cursor brings it. */
static void hear(const struct saying *saying, uint32_t number, uint8_t ret_root[static 32])
{
    struct bed *bed = bed_new(3);
    uint32_t order[SAID];
    uint64_t count;
    permute(number, order);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < SAID; i++) {
            bed_hand_over(bed, 1, 0, &saying->items[order[i]]);
        }
        bed_run(bed, 1000);
    }
    bed_run(bed, 120000);
    const struct kr_council *council = kr_directory_council(&bed_core(bed, 0)->directory, bed_node(bed, 2)->council);
    assert_memory_equal(council->root_public, saying->new.root_public, 32);
    assert_true(is_member(bed, 0, saying->in, saying->genuine) && is_member(bed, 0, saying->in, saying->after));
    assert_false(is_member(bed, 0, saying->in, saying->false_one));
    (void)equal_trees(bed, 3, KR_SCOPE_DIRECTORY, saying->in);
    tree_of(bed, 0, KR_SCOPE_DIRECTORY, saying->in, ret_root, &count);
    bed_free(bed);
}

static void every_order_ends_in_one_tree(void **state)
{
    struct bed *bed = bed_new(3);
    struct saying saying;
    uint8_t first[32], root[32];
    (void)state;
    fill_saying(bed, &saying);
    bed_free(bed);
    hear(&saying, 0, first);
    for (uint32_t number = 61; number < 5040; number += 103) {
        hear(&saying, number, root);
        assert_memory_equal(root, first, 32);
    }
    for (uint32_t i = 0; i < SAID; i++) {
        forged_free(&saying.items[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_follow_the_recovery_key),     TEST(wrong_papers_change_nothing),
        TEST(the_former_root_is_of_no_use),    TEST(strangers_leave_with_what_they_sent),
        TEST(a_false_revocation_is_undone),    TEST(the_thiefs_keys_are_ended),
        TEST(a_root_does_not_name_its_own),    TEST(links_are_held_until_confirmed),
        TEST(two_with_one_paper_are_an_alarm), cmocka_unit_test(every_order_ends_in_one_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
