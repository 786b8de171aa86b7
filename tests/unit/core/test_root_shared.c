/* A peer's new root key that was compared at one node of a council is confirmed at the others, and where it was a stolen node's
 * word it is not. 0 and 1 are councils, linked, in a community; 2 is a further node of 0's. */
#include "node/core/internal.h"
#include "node/core/sister.h"
#include "proto/client/node.h"
#include "proto/record/peer_root.h"
#include "tests/unit/core/rekey_test.h"
#include "tests/unit/core/sister_test.h"

static uint64_t version_at(struct bed *bed, uint32_t node, const uint8_t council[static 32])
{
    struct kr_directory_entry entry;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    struct kr_step step = {.core = bed_core(bed, node), .txn = txn};
    const enum kr_err err = kr_internal_standing(&step, KR_KIND_PEER_ROOT, council, &entry);
    kr_txn_abort(txn);
    return err == KR_OK ? entry.version : 0;
}

static uint64_t version(struct bed *bed, uint32_t node)
{
    return version_at(bed, node, bed_node(bed, PEER)->council);
}

static void replace_root(struct bed *bed, const struct hand *from, const struct hand *to)
{
    recover_card(bed, PEER, from, to, KR_OTHERS_END);
    name_genuine(bed, PEER, from, to, UINT64_MAX);
    bed_run(bed, 60000);
}

/* SECOND's key says it to FIRST, whatever is so. */
static void forge(struct bed *bed, const uint8_t subject[static 32], uint64_t number, const uint8_t root[static 32], size_t len)
{
    struct kr_peer_root word = {.previous = {subject, len}};
    struct kr_writer content;
    memcpy(word.root, root, 32);
    kr_writer_init(&content, KR_KIB);
    kr_peer_root_write(&word, &content);
    struct forged forged = forge_own(bed, KR_KIND_PEER_ROOT, subject, number, &content, bed->world->now_ms / 1000 + 86400);
    bed_hand_over(bed, SECOND, FIRST, &forged);
    bed_run(bed, 120000); /* until SECOND has its own back */
    kr_writer_deinit(&content);
    forged_free(&forged);
}

/* Compared once, at whichever node, and again where it is replaced again. */
static void what_one_node_confirmed_the_other_need_not(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, PEER), new = fresh_hand(1), newest = fresh_hand(2);
    uint8_t id[32];
    take_in(bed);
    replace_root(bed, &old, &new);
    assert_true(is_held(bed, FIRST, PEER) && is_held(bed, SECOND, PEER));
    assert_int_equal(version(bed, FIRST) + version(bed, SECOND), 0);
    bed_forget_log(bed);
    assert_int_equal(confirm_root(bed, FIRST, PEER, new.root_public), KR_OK);
    bed_run(bed, 5000);
    assert_false(is_held(bed, FIRST, PEER) || is_held(bed, SECOND, PEER));
    assert_true(bed_said(bed, SECOND, "was confirmed at another node of this council"));
    assert_false(bed_said(bed, FIRST, "was confirmed at another node of this council"));
    assert_int_equal(bed_core(bed, SECOND)->unconfirmed_count, 0);
    assert_int_equal(confirm_root(bed, SECOND, PEER, new.root_public), KR_NOT_FOUND);
    bed_restart(bed, SECOND);
    assert_false(is_held(bed, SECOND, PEER));
    submit(bed, SECOND, KR_TLP_AMBER, "c2.example.jp", 1, id);
    bed_run(bed, 20000);
    assert_true(is_shown(bed, PEER, id));

    replace_root(bed, &new, &newest);
    assert_true(is_held(bed, FIRST, PEER) && is_held(bed, SECOND, PEER));
    assert_int_equal(confirm_root(bed, SECOND, PEER, newest.root_public), KR_OK);
    bed_run(bed, 5000);
    bed_restart(bed, FIRST);
    assert_false(is_held(bed, FIRST, PEER) || is_held(bed, SECOND, PEER));
    assert_int_equal(version(bed, FIRST), 2);
    bed_run(bed, 60000);
    assert_int_equal(version(bed, FIRST), 2); /* nobody answers */
    assert_int_equal(version(bed, SECOND), 2);
}

/* Whoever is taken in later, before or after there was anybody to be told, asks nobody to compare it once more. */
static void a_node_that_comes_later_learns_it(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, PEER), new = fresh_hand(1);
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    replace_root(bed, &old, &new);
    assert_true(is_held(bed, FIRST, PEER));
    assert_int_equal(confirm_root(bed, FIRST, PEER, new.root_public), KR_OK);
    bed_run(bed, 5000);
    assert_int_equal(version(bed, FIRST), 0);
    take_in(bed);
    ask_ticket(bed, ticket, sizeof ticket);
    assert_int_equal(sim_world_add_node(bed->world, ticket), SIM_HOLDS);
    bed_run(bed, 8000);
    assert_int_equal(decide(bed, FIRST, KR_OP_NODE_ADD, key_of(bed, SECOND + 1)), KR_OK);
    bed_run(bed, 30000);
    for (uint32_t node = SECOND; node <= SECOND + 1; node++) {
        assert_false(is_held(bed, node, PEER));
        assert_int_equal(version(bed, node), 1);
        assert_int_equal(bed_core(bed, node)->unconfirmed_count, 0);
        bed_restart(bed, node);
        assert_false(is_held(bed, node, PEER));
    }
}

/* The word of it is here before the card. */
static void it_may_come_before_the_card(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, PEER), new = fresh_hand(1);
    take_in(bed);
    forge(bed, bed_node(bed, PEER)->council, 1, new.root_public, 0);
    assert_int_equal(version(bed, FIRST), 1);
    assert_false(is_held(bed, FIRST, PEER));
    bed_forget_log(bed);
    replace_root(bed, &old, &new);
    assert_false(is_held(bed, FIRST, PEER));
    assert_true(bed_said(bed, FIRST, "another node of this council has confirmed the new one"));
    assert_false(bed_said(bed, FIRST, "ALARM: the root key of"));
    bed_restart(bed, FIRST);
    assert_false(is_held(bed, FIRST, PEER));
}

/* Whoever has confirmed it counts, whatever another one says, and says so again where that is of a root key before; of one that
 * nobody knows, which may be still to come, it waits. */
static void two_nodes_that_disagree(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, PEER), new = fresh_hand(1), unknown = fresh_hand(2);
    take_in(bed);
    replace_root(bed, &old, &new);
    assert_int_equal(confirm_root(bed, FIRST, PEER, new.root_public), KR_OK);
    bed_run(bed, 5000);
    forge(bed, bed_node(bed, PEER)->council, 2, old.root_public, 32);
    assert_int_equal(version(bed, FIRST), 3);
    assert_int_equal(version(bed, SECOND), 3);
    assert_false(is_held(bed, FIRST, PEER) || is_held(bed, SECOND, PEER));
    forge(bed, bed_node(bed, PEER)->council, 4, unknown.root_public, 32);
    assert_int_equal(version(bed, FIRST), 4);
    assert_false(is_held(bed, FIRST, PEER));
    assert_true(is_held(bed, SECOND, PEER));
    assert_int_equal(confirm_root(bed, SECOND, PEER, new.root_public), KR_OK);
    bed_run(bed, 5000);
    assert_int_equal(version(bed, FIRST), 5);
    assert_false(is_held(bed, FIRST, PEER) || is_held(bed, SECOND, PEER));
}

/* A council does not confirm its own, and what is no root key is nothing. */
static void what_is_no_word_of_it_is_not_taken(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, PEER);
    take_in(bed);
    forge(bed, bed_node(bed, FIRST)->council, 1, old.root_public, 0);
    forge(bed, bed_node(bed, PEER)->council, 1, old.root_public, 31);
    assert_int_equal(version_at(bed, FIRST, bed_node(bed, FIRST)->council), 0);
    assert_int_equal(version(bed, FIRST), 0);
}

/* The thief of a node and of a peer's paper lets himself in at all nodes: when the node's key is revoked the others ask again, and
 * what their own operator confirmed stays. */
static void what_a_stolen_node_confirmed_goes_with_its_key(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, PEER), new = fresh_hand(1);
    struct kr_revoke revoke = {.has_machine = false};
    struct kr_writer args;
    take_in(bed);
    memcpy(revoke.key, key_of(bed, SECOND), 32);
    replace_root(bed, &old, &new);
    revoke.since_ms = bed_node(bed, FIRST)->now_ms;
    bed_run(bed, 2000);
    assert_int_equal(confirm_root(bed, SECOND, PEER, new.root_public), KR_OK);
    bed_run(bed, 5000);
    assert_false(is_held(bed, FIRST, PEER));
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    bed_run(bed, 20000);
    bed_forget_log(bed);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    assert_int_equal(ask_with(bed, FIRST, KR_OP_REVOKE, &args), KR_OK);
    bed_run(bed, 60000);
    assert_int_equal(version(bed, FIRST), 0);
    assert_true(is_held(bed, FIRST, PEER));
    assert_true(bed_said(bed, FIRST, "was a stolen node's word"));
    bed_restart(bed, FIRST);
    assert_true(is_held(bed, FIRST, PEER));
    assert_int_equal(confirm_root(bed, FIRST, PEER, new.root_public), KR_OK);
    bed_run(bed, 5000);
    assert_false(is_held(bed, FIRST, PEER));
    assert_int_equal(version(bed, FIRST), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_one_node_confirmed_the_other_need_not, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_that_comes_later_learns_it, setup, teardown),
        cmocka_unit_test_setup_teardown(it_may_come_before_the_card, setup, teardown),
        cmocka_unit_test_setup_teardown(two_nodes_that_disagree, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_word_of_it_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_stolen_node_confirmed_goes_with_its_key, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/root_shared", tests, NULL, NULL);
}
