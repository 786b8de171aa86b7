/* New keys for a node: what signs when, who accepts it, and what a crash in between leaves. */
#include <sodium.h>

#include "crypto/sign.h"
#include "proto/client/rekey.h"
#include "tests/unit/core/bed.h"

static const uint8_t no_arguments[] = {0x90};

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

static uint32_t ask(struct bed *bed, uint32_t op)
{
    bed->pages = 0;
    return bed_request(bed, 0, op, no_arguments, sizeof no_arguments, 300);
}

static void rotate(struct bed *bed)
{
    assert_int_equal(ask(bed, KR_OP_NEW_KEYS), KR_OK);
    assert_int_equal(ask(bed, KR_OP_ROTATE), KR_OK);
    bed_run(bed, 3000);
}

static void submit(struct bed *bed, const char *domain, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, domain, token);
    assert_int_equal(bed_submit(bed, 0, submission, ret_id), KR_OK);
    bed_submission_free(submission);
    bed_run(bed, 2000);
}

/* Under which key, and whether node 1 shows it. */
static bool is_shown_under(struct bed *bed, const uint8_t id[static 32], const uint8_t key[static 32])
{
    struct kr_head head;
    return bed_head(bed, 1, id, &head) == KR_OK && head.state == KR_HEAD_SHOWN && memcmp(head.signing_key, key, 32) == 0;
}

/* The key's place on node 0's card, as node 1 has it. */
static bool find_key(struct bed *bed, const uint8_t key[static 32], struct kr_card_key *ret_key)
{
    const struct kr_card card = bed_card(bed, 1, 0);
    for (uint32_t i = 0; i < card.node_count; i++) {
        if (memcmp(card.node[i].public_key, key, 32) == 0) {
            *ret_key = card.node[i];
            return true;
        }
    }
    return false;
}

static void the_next_key_signs_once_the_card_lists_it(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    const struct kr_keyring before = *keyring;
    struct kr_card_key key = {0};
    uint8_t ids[3][32];
    submit(bed, "one.example.jp", 1, ids[0]);
    assert_int_equal(ask(bed, KR_OP_NEW_KEYS), KR_OK);
    const struct kr_keyring made = *keyring;
    assert_true(kr_keyring_has_next(&made) && made.sealing_count == 2);
    assert_int_equal(ask(bed, KR_OP_NEW_KEYS), KR_OK); /* once more: the same wait */
    assert_memory_equal(made.next_node_secret, keyring->next_node_secret, 64);
    submit(bed, "two.example.jp", 2, ids[1]);
    assert_true(is_shown_under(bed, ids[0], before.node_public) && is_shown_under(bed, ids[1], before.node_public));
    assert_int_equal(ask(bed, KR_OP_ROTATE), KR_OK);
    bed_run(bed, 3000);
    /* The one before is gone, and its end is on the card; so is that of the sealing key, which stays in the keyring. */
    assert_memory_equal(keyring->node_secret, made.next_node_secret, 64);
    assert_false(kr_keyring_has_next(keyring));
    const uint64_t now_s = bed_node(bed, 0)->now_ms / 1000;
    assert_true(find_key(bed, before.node_public, &key));
    assert_in_range(key.until_s, now_s + KR_KEY_OVERLAP_S - 60, now_s + KR_KEY_OVERLAP_S);
    assert_true(find_key(bed, made.next_node_public, &key) && key.until_s == 0 && key.from_s < now_s);
    const struct kr_card card = bed_card(bed, 1, 0);
    assert_int_equal(card.sealing_count, 2);
    assert_memory_equal(kr_card_key_at(card.sealing, 2, now_s)->public_key, made.sealing[0].public_key, 32);
    assert_memory_equal(keyring->sealing[1].secret, before.sealing[0].secret, 32);
    submit(bed, "three.example.jp", 3, ids[2]);
    assert_true(is_shown_under(bed, ids[2], made.next_node_public));
    assert_true(bed_link(bed, 1, 0)->has_session);          /* under a hello with the new key */
    assert_int_equal(ask(bed, KR_OP_ROTATE), KR_NOT_FOUND); /* nothing waits */
}

/* What was sealed to the key before, by who has not heard of the new one, is opened all the same. */
static void what_is_sealed_to_the_key_before_is_opened(void **state)
{
    struct bed *bed = *state;
    uint8_t recipient[1][32];
    struct kr_writer content;
    struct kr_head head;
    memcpy(recipient[0], bed_node(bed, 0)->keyring->sealing[0].public_key, 32);
    rotate(bed);
    const uint8_t(*audience)[32] = (const uint8_t(*)[32])bed_node(bed, 0)->council;
    struct forged late = bed_forge(bed, 1,
                                   (struct kr_draft){.kind = KR_KIND_REPORT,
                                                     .label = KR_TLP_AMBER,
                                                     .audience_count = 1,
                                                     .audience = audience,
                                                     .recipient_count = 1,
                                                     .recipients = (const uint8_t(*)[32])recipient,
                                                     .content = bed_report(&content, "late.example.jp")});
    bed_hand_over(bed, 1, 0, &late);
    assert_int_equal(bed_head(bed, 0, late.id, &head), KR_OK);
    assert_true(head.state == KR_HEAD_SHOWN && head.is_ours_to_read);
    kr_writer_deinit(&content);
    forged_free(&late);
}

/* A node restored from an older copy of its keyring works until the overlap is over, and no longer. */
static void the_key_before_is_accepted_until_its_end(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    const struct kr_keyring before = *keyring;
    uint8_t id[32];
    rotate(bed);
    const struct kr_keyring after = *keyring;
    *keyring = before;
    submit(bed, "restored.example.jp", 4, id);
    assert_true(is_shown_under(bed, id, before.node_public));
    *keyring = after;
    struct kr_card_key key;
    struct kr_header header = {.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR};
    assert_true(find_key(bed, before.node_public, &key));
    memcpy(header.author, bed_node(bed, 0)->council, 32);
    memcpy(header.signing_key, before.node_public, 32);
    header.created_ms = key.until_s * 1000 - 1;
    assert_int_equal(kr_directory_may_sign(&bed_core(bed, 1)->directory, &header, NULL), KR_OK);
    header.created_ms++;
    assert_int_equal(kr_directory_may_sign(&bed_core(bed, 1)->directory, &header, NULL), KR_DENIED);
}

/* The card was stored, and the node died before the keyring was told. */
static void a_crash_before_the_keyring_was_told_is_made_good(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    uint8_t id[32];
    assert_int_equal(ask(bed, KR_OP_NEW_KEYS), KR_OK);
    const struct kr_keyring made = *keyring;
    assert_int_equal(ask(bed, KR_OP_ROTATE), KR_OK);
    *keyring = made;
    submit(bed, "between.example.jp", 5, id);
    assert_true(is_shown_under(bed, id, made.next_node_public));
    bed_restart(bed, 0);
    assert_memory_equal(keyring->node_public, made.next_node_public, 32);
    assert_false(kr_keyring_has_next(keyring));
}

/* Keys were made, and the card never signed: all is as before, and the next attempt goes on with them. */
static void keys_that_wait_are_used_for_nothing(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    uint8_t id[32];
    assert_int_equal(ask(bed, KR_OP_NEW_KEYS), KR_OK);
    const struct kr_keyring made = *keyring;
    bed_restart(bed, 0);
    submit(bed, "waiting.example.jp", 6, id);
    assert_true(is_shown_under(bed, id, made.node_public));
    rotate(bed);
    assert_memory_equal(keyring->node_public, made.next_node_public, 32);
}

/* Who was away meanwhile learns of it by the hello. */
static void a_peer_that_was_away_need_do_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    sim_world_crash(bed->world, 1, BED_DAY_MS * 30000ull);
    rotate(bed);
    submit(bed, "meanwhile.example.jp", 7, id);
    assert_int_equal(sim_world_start(bed->world, 1), SIM_HOLDS);
    bed_run(bed, 90000);
    assert_true(bed_link(bed, 1, 0)->has_session);
    assert_true(is_shown_under(bed, id, bed_node(bed, 0)->keyring->node_public));
}

/* The root key signs the card elsewhere; the keys are listed as what they are meanwhile. */
static void keys_are_listed_as_what_they_are(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    struct kr_key_item items[4];
    static const uint32_t expected[][2] = {{KR_KEY_OF_NODE, KR_KEY_IN_USE},
                                           {KR_KEY_OF_SEALING, KR_KEY_IN_USE},
                                           {KR_KEY_OF_TRANSPORT, KR_KEY_IN_USE},
                                           {KR_KEY_OF_NODE, KR_KEY_COMES}};
    assert_int_equal(ask(bed, KR_OP_NEW_KEYS), KR_OK);
    assert_int_equal(ask(bed, KR_OP_KEYS), KR_OK);
    assert_int_equal(bed->pages, 5); /* and the sealing key that comes */
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(kr_key_item_read((struct kr_slice){bed->items[i].bytes, bed->items[i].len}, &items[i]), KR_OK);
        assert_true(items[i].sort == expected[i][0] && items[i].state == expected[i][1]);
    }
    assert_memory_equal(items[3].public_key, keyring->next_node_public, 32);
    /* A keyring whose key no card lists: the first of those that are not listed. */
    const struct kr_keyring made = *keyring;
    memcpy(keyring->node_public, keyring->recovery_public, 32);
    assert_int_equal(ask(bed, KR_OP_KEYS), KR_OK);
    assert_int_equal(kr_key_item_read((struct kr_slice){bed->items[0].bytes, bed->items[0].len}, &items[0]), KR_OK);
    assert_int_equal(items[0].state, KR_KEY_NOT_HERE);
    assert_int_equal(kr_key_item_read((struct kr_slice){bed->items[3].bytes, bed->items[3].len}, &items[3]), KR_OK);
    assert_int_equal(items[3].state, KR_KEY_UNLISTED);
    *keyring = made;
    sodium_memzero(keyring->root_secret, 64);
    assert_int_equal(ask(bed, KR_OP_ROTATE), KR_OK);
    assert_int_equal(bed->pages, 2); /* left to sign */
    bed_run(bed, 1000);
    assert_memory_equal(keyring->node_public, made.node_public, 32);
}

/* Whatever stands in front in the keyring: what the card lists already is not the key that comes next. */
static void the_sealing_key_that_comes_is_one_that_the_card_does_not_list(void **state)
{
    struct bed *bed = *state;
    struct kr_keyring *keyring = bed_node(bed, 0)->keyring;
    assert_int_equal(ask(bed, KR_OP_NEW_KEYS), KR_OK);
    const struct kr_dated_key next = keyring->sealing[0];
    keyring->sealing[0] = keyring->sealing[1];
    keyring->sealing[1] = next;
    assert_int_equal(ask(bed, KR_OP_ROTATE), KR_OK);
    bed_run(bed, 1000);
    const struct kr_card card = bed_card(bed, 1, 0);
    assert_int_equal(card.sealing_count, 2);
    assert_memory_equal(card.sealing[0].public_key, next.public_key, 32);
    /* A keyring that has no such: nothing is put on the card. */
    assert_int_equal(ask(bed, KR_OP_NEW_KEYS), KR_OK);
    keyring->sealing[0] = keyring->sealing[1];
    keyring->sealing[1] = keyring->sealing[2];
    assert_int_equal(ask(bed, KR_OP_ROTATE), KR_NOT_FOUND);
}

static void a_full_card_is_said_to_be_full(void **state)
{
    struct bed *bed = *state;
    for (uint32_t i = 1; i < KR_CARD_KEYS_MAX; i++) {
        rotate(bed);
    }
    assert_int_equal(bed_card(bed, 1, 0).node_count, KR_CARD_KEYS_MAX);
    assert_int_equal(bed_card(bed, 1, 0).sealing_count, KR_CARD_KEYS_MAX);
    assert_int_equal(ask(bed, KR_OP_NEW_KEYS), KR_OK);
    assert_int_equal(ask(bed, KR_OP_ROTATE), KR_BOUNDS);
    uint8_t id[32];
    submit(bed, "full.example.jp", 8, id);
    assert_true(is_shown_under(bed, id, bed_node(bed, 0)->keyring->node_public));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_key_signs_once_the_card_lists_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_sealed_to_the_key_before_is_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(the_key_before_is_accepted_until_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crash_before_the_keyring_was_told_is_made_good, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_that_wait_are_used_for_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_was_away_need_do_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_are_listed_as_what_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(the_sealing_key_that_comes_is_one_that_the_card_does_not_list, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_card_is_said_to_be_full, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
