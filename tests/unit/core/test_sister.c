/* Several nodes of one council: a machine asks, is taken in, holds what the council holds; either serves without the other. */
#include "crypto/seal.h"
#include "node/core/caller.h"
#include "node/core/internal.h"
#include "node/core/people.h"
#include "node/core/sister.h"
#include "proto/client/duty.h"
#include "proto/client/node.h"
#include "proto/client/rekey.h"
#include "proto/wire/ticket.h"
#include "tests/unit/core/people_test.h"
#include "tests/unit/core/sister_test.h"

static void who_asks_gets_nothing_before_it_is_taken_in(void **state)
{
    struct bed *bed = *state;
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_node_item item;
    uint8_t id[32];
    submit(bed, FIRST, KR_TLP_CLEAR, "early.example.jp", 1, id);
    ask(bed, ticket, sizeof ticket);
    bed_run(bed, 120000);
    assert_true(bed_said(bed, FIRST, "asks to be a node of this council"));
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_ASKS, &item), 1);
    assert_memory_equal(item.node_key, key_of(bed, SECOND), 32);
    assert_true(item.name.len == 6 && memcmp(item.name.bytes, "second", 6) == 0);
    const struct kr_store_stat stat = bed_stat(bed, SECOND);
    assert_int_equal(stat.records, 0);
    assert_int_equal(bed_node(bed, SECOND)->keyring->sealing_count, 0);
    assert_true(bed_core(bed, SECOND)->novice != NULL && bed_core(bed, SECOND)->link_count == 0);
    assert_null(sister_of(bed, FIRST));
    /* Whoever asks it is told so. */
    assert_int_equal(bed_request(bed, SECOND, KR_OP_STATUS, (const uint8_t[]){0x90}, 1, 100), KR_BUSY);
    /* The question outlives both programs. */
    bed_restart(bed, FIRST);
    sim_world_crash(bed->world, SECOND, 100);
    bed_run(bed, 20000);
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_ASKS, &item), 1);
    assert_int_equal(decide(bed, FIRST, KR_OP_NODE_REFUSE, key_of(bed, SECOND)), KR_OK);
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_ASKS, &item), 0);
    bed_run(bed, 60000);
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_ASKS, &item), 0); /* its ticket is void */
    assert_int_equal(decide(bed, FIRST, KR_OP_NODE_ADD, key_of(bed, SECOND)), KR_NOT_FOUND);
    assert_int_equal(bed_stat(bed, SECOND).records, 0);
}

static void a_ticket_serves_one_machine(void **state)
{
    struct bed *bed = *state;
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_node_item item;
    ask(bed, ticket, sizeof ticket);
    assert_int_equal(sim_world_add_node(bed->world, ticket), SIM_HOLDS);
    bed_run(bed, 20000);
    assert_true(bed_said(bed, SECOND + 1, "another machine has used this ticket"));
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_ASKS, &item), 1);
    assert_memory_equal(item.node_key, key_of(bed, SECOND), 32);
    assert_int_equal(decide(bed, FIRST, KR_OP_NODE_ADD, key_of(bed, SECOND + 1)), KR_NOT_FOUND);
    /* Nor does a council join by it. */
    struct kr_writer args;
    kr_writer_init(&args, 2 * KR_KIB);
    kr_join_write(&(struct kr_join){.ticket = {(const uint8_t *)ticket, strlen(ticket)}}, &args);
    assert_int_equal(bed_request(bed, PEER, KR_OP_JOIN, args.bytes, args.len, 1000), KR_INVALID);
    kr_writer_deinit(&args);
}

static void a_node_that_is_taken_in_holds_what_the_council_holds(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[6][32];
    struct kr_node_item item;
    submit(bed, FIRST, KR_TLP_CLEAR, "clear.example.jp", 1, ids[0]);
    submit(bed, FIRST, KR_TLP_GREEN, "green.example.jp", 2, ids[1]);
    submit(bed, FIRST, KR_TLP_AMBER, "amber.example.jp", 3, ids[2]);
    submit(bed, PEER, KR_TLP_GREEN, "theirs.example.jp", 4, ids[3]);
    submit(bed, PEER, KR_TLP_AMBER, "forus.example.jp", 5, ids[4]);
    take_in(bed);
    assert_true(bed_core(bed, SECOND)->has_identity && bed_core(bed, SECOND)->novice == NULL);
    assert_true(sister_of(bed, FIRST)->has_session && sister_of(bed, SECOND)->has_session);
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(is_shown(bed, SECOND, ids[i]));
    }
    /* It has the council's sealing key and not its root key, and knows its name at the other. */
    const struct kr_keyring *first = bed_node(bed, FIRST)->keyring, *second = bed_node(bed, SECOND)->keyring;
    assert_int_equal(second->sealing_count, 1);
    assert_memory_equal(second->sealing[0].secret, first->sealing[0].secret, 32);
    assert_memory_equal(second->root_public, first->root_public, 32);
    assert_null(kr_keyring_secret(second, KR_KEY_ROOT));
    assert_null(kr_keyring_secret(second, KR_KEY_RECOVERY));
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_OTHER, &item), 1);
    assert_true(item.is_online && item.name.len == 6 && memcmp(item.node_key, second->node_public, 32) == 0);
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_ASKS, &item), 0);
    assert_int_equal(bed_core(bed, FIRST)->invitation_count, 0);
    /* Equal, and nothing is said any more. */
    assert_true(sister_of(bed, FIRST)->is_equal && sister_of(bed, SECOND)->is_equal);
    memset(bed->sent, 0, sizeof bed->sent);
    bed_run(bed, 60000);
    assert_in_range(bed->sent[SECOND], 1, 40);
    assert_int_equal(sim_check_leaks(bed->world), SIM_HOLDS);
}

static void peers_need_do_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[4][32];
    take_in(bed);
    bed_run(bed, 10000);
    assert_true(link_with(bed, FIRST)->has_session);
    assert_true(link_with(bed, SECOND)->has_session);
    submit(bed, SECOND, KR_TLP_GREEN, "bysecond.example.jp", 1, ids[0]);
    submit(bed, SECOND, KR_TLP_AMBER, "amber.example.jp", 2, ids[1]);
    submit(bed, FIRST, KR_TLP_AMBER, "byfirst.example.jp", 3, ids[2]);
    submit(bed, PEER, KR_TLP_AMBER, "forus.example.jp", 4, ids[3]);
    bed_run(bed, 3000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(is_shown(bed, FIRST, ids[i]));
        assert_true(is_shown(bed, SECOND, ids[i]));
        assert_true(is_shown(bed, PEER, ids[i]));
    }
    bed_run(bed, 60000);
    assert_int_equal(sim_check_leaks(bed->world), SIM_HOLDS);
    assert_int_equal(bed_core(bed, PEER)->alarms_open, 0);
    assert_int_equal(bed_core(bed, FIRST)->restored.how, KR_RESTORED_NOT);
    assert_int_equal(bed_core(bed, SECOND)->restored.how, KR_RESTORED_NOT);
}

/* What one operator says of a peer goes for both nodes, and what both said at once ends alike. */
static void links_are_all_nodes_affair(void **state)
{
    struct bed *bed = *state;
    bool is_blocked = false;
    take_in(bed);
    const uint8_t *peer = bed_node(bed, PEER)->council;
    assert_int_equal(kr_link_by_council(bed_core(bed, SECOND), peer)->state, KR_LINK_OPEN);
    assert_int_equal(act_on_peer(bed, SECOND, KR_PEER_PAUSE), KR_OK);
    assert_int_equal(kr_link_by_council(bed_core(bed, FIRST), peer)->state, KR_LINK_PAUSED);
    assert_false(link_with(bed, FIRST)->has_session || link_with(bed, SECOND)->has_session);
    assert_int_equal(act_on_peer(bed, FIRST, KR_PEER_RESUME), KR_OK);
    assert_int_equal(kr_link_by_council(bed_core(bed, SECOND), peer)->state, KR_LINK_OPEN);
    /* Apart: each says something else. */
    sim_world_split(bed->world, (uint32_t[]){SECOND}, 1, bed->world->now_ms + 60000);
    assert_int_equal(act_on_peer(bed, FIRST, KR_PEER_PAUSE), KR_OK);
    assert_int_equal(act_on_peer(bed, SECOND, KR_PEER_BLOCK), KR_OK);
    bed->world->is_split = false;
    bed_run(bed, 180000);
    const struct kr_link *first = kr_link_by_council(bed_core(bed, FIRST), peer),
                         *second = kr_link_by_council(bed_core(bed, SECOND), peer);
    assert_true((first == NULL) == (second == NULL));
    assert_true(first == NULL || second == NULL || (first->state == KR_LINK_PAUSED && second->state == KR_LINK_PAUSED));
    assert_int_equal(bed_core(bed, FIRST)->alarms_open + bed_core(bed, SECOND)->alarms_open, 0);
    assert_int_equal(act_on_peer(bed, SECOND, KR_PEER_BLOCK), KR_OK);
    struct kr_store *store = bed_node(bed, FIRST)->store;
    struct kr_txn *txn;
    assert_int_equal(kr_store_read_begin(store, &txn), KR_OK);
    struct kr_step step = {.core = bed_core(bed, FIRST), .txn = txn};
    assert_int_equal(kr_peer_is_blocked(&step, peer, &is_blocked), KR_OK);
    kr_txn_abort(txn);
    assert_true(is_blocked);
    assert_null(kr_link_by_council(bed_core(bed, FIRST), peer));
    bed_restart(bed, FIRST);
    bed_run(bed, 20000);
    assert_null(kr_link_by_council(bed_core(bed, FIRST), peer));
    assert_true(sister_of(bed, FIRST)->is_equal);
}

/* The first machine is gone for good: the other serves, with all that there was, and its peers go on with it. */
static void the_other_serves_when_one_is_destroyed(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[5][32];
    take_in(bed);
    submit(bed, FIRST, KR_TLP_AMBER, "before.example.jp", 1, ids[0]);
    submit(bed, PEER, KR_TLP_AMBER, "forus.example.jp", 2, ids[1]);
    bed_run(bed, 1000);
    sim_world_crash(bed->world, FIRST, UINT64_C(100) * BED_DAY_MS);
    assert_true(is_shown(bed, SECOND, ids[0]) && is_shown(bed, SECOND, ids[1]));
    submit(bed, SECOND, KR_TLP_AMBER, "after.example.jp", 3, ids[2]);
    submit(bed, SECOND, KR_TLP_GREEN, "after-green.example.jp", 4, ids[3]);
    submit(bed, PEER, KR_TLP_AMBER, "answer.example.jp", 5, ids[4]);
    bed_run(bed, 5000);
    assert_true(is_shown(bed, PEER, ids[2]) && is_shown(bed, PEER, ids[3]) && is_shown(bed, SECOND, ids[4]));
    bed_restart(bed, SECOND);
    bed_run(bed, 20000);
    assert_true(link_with(bed, SECOND)->has_session);
    assert_int_equal(bed_core(bed, SECOND)->restored.how, KR_RESTORED_NOT);
    assert_int_equal(bed_core(bed, PEER)->alarms_open, 0);
}

/* New keys, planned: the other node can open what is sealed to the new one, and signs with its own as before. */
static void a_new_sealing_key_is_both_nodes(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    take_in(bed);
    const struct kr_keyring *second = bed_node(bed, SECOND)->keyring;
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    bed_run(bed, 20000);
    assert_int_equal(second->sealing_count, 1);                          /* not before the card lists it */
    submit(bed, FIRST, KR_TLP_AMBER, "meanwhile.example.jp", 4, ids[0]); /* sealed to one that both have */
    bed_run(bed, 5000);
    assert_true(is_shown(bed, FIRST, ids[0]) && is_shown(bed, SECOND, ids[0]));
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_ROTATE), KR_OK);
    bed_run(bed, 10000);
    assert_int_equal(second->sealing_count, 2);
    assert_memory_equal(second->sealing[0].secret, bed_node(bed, FIRST)->keyring->sealing[0].secret, 32);
    assert_int_not_equal(second->sealing[1].until_s, 0);
    submit(bed, PEER, KR_TLP_AMBER, "sealed.example.jp", 1, ids[0]);
    submit(bed, SECOND, KR_TLP_AMBER, "second.example.jp", 2, ids[1]);
    submit(bed, FIRST, KR_TLP_AMBER, "first.example.jp", 3, ids[2]);
    bed_run(bed, 5000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(is_shown(bed, FIRST, ids[i]) && is_shown(bed, SECOND, ids[i]) && is_shown(bed, PEER, ids[i]));
    }
    assert_int_equal(bed_core(bed, PEER)->alarms_open, 0);
}

/* The nodes are apart, and a peer seals to a key that the second one has not heard of: it is put off there, and read in the end. */
static void what_is_sealed_to_a_key_that_is_to_come_is_put_off(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    take_in(bed);
    struct kr_link *sister = sister_of(bed, SECOND);
    assert_non_null(sister);
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_ROTATE), KR_OK);
    bed_run(bed, 3000);
    sim_world_crash(bed->world, FIRST, 100000);
    struct kr_keyring *second = bed_node(bed, SECOND)->keyring; /* as if the news had not reached it */
    second->sealing[0] = second->sealing[1];
    second->sealing_count = 1;
    submit(bed, PEER, KR_TLP_AMBER, "tooearly.example.jp", 1, id);
    bed_run(bed, 5000);
    assert_false(bed_holds(bed, SECOND, id));
    bed_run(bed, 300000); /* the first is back */
    assert_int_equal(second->sealing_count, 2);
    assert_true(is_shown(bed, SECOND, id) && is_shown(bed, FIRST, id));
}

/* What the second node has in its keyring is told anew. */
static void tell_again(struct bed *bed)
{
    memset(sister_of(bed, SECOND)->keys_told, 0, 32);
    bed_run(bed, 60000);
}

/* Backups are sealed to the recovery key: a node in other hands must not replace it at the others. */
static void a_recovery_key_that_is_not_the_councils_is_not_taken(void **state)
{
    struct bed *bed = *state;
    take_in(bed);
    struct kr_keyring *first = bed_node(bed, FIRST)->keyring, *second = bed_node(bed, SECOND)->keyring;
    uint8_t recovery_public[32];
    memcpy(recovery_public, first->recovery_public, 32);
    assert_memory_equal(second->recovery_public, recovery_public, 32);
    sodium_memzero(first->recovery_secret, sizeof first->recovery_secret); /* it is on paper */
    memcpy(second->recovery_public, second->node_public, 32);
    tell_again(bed);
    assert_memory_equal(first->recovery_public, recovery_public, 32);
    assert_true(bed_said(bed, FIRST, "a recovery key that is not the council's"));
    /* One that this node lacks is taken where it is the council's. */
    memcpy(second->recovery_public, recovery_public, 32);
    memset(first->recovery_public, 0, 32);
    tell_again(bed);
    assert_memory_equal(first->recovery_public, recovery_public, 32);
}

static const uint8_t town[32] = {0x5a}, clerk[32] = {0x11}, other_clerk[32] = {0x12};

static uint32_t act_on_town(struct bed *bed, uint32_t node, uint32_t action)
{
    struct kr_body_act act = {.action = action, .texts = {[KR_BODY_NAME_EN] = {(const uint8_t *)"Town", 4}}};
    act.changes[KR_BODY_NAME_EN] = action == KR_BODY_ADD;
    memcpy(act.id, town, 32);
    return put_body(bed, node, &act);
}

static uint32_t enter_clerk(struct bed *bed, uint32_t node, const uint8_t id[static 32], uint32_t uid)
{
    struct kr_person_act act = {
        .action = KR_PERSON_ADD, .roles = KR_ROLE_ANALYST, .has_uid = true, .uid = uid, .name = {(const uint8_t *)"Clerk", 5}};
    act.changes[KR_PERSON_NAME] = act.changes[KR_PERSON_ROLES] = true;
    memcpy(act.id, id, 32);
    memcpy(act.body, town, 32);
    return put_person(bed, node, &act);
}

/* Apart, one lets a body go, and the other enters a person of it: each would refuse that of its own now, and takes the other's. */
static void both_take_what_either_entered_of_people(void **state)
{
    struct bed *bed = *state;
    take_in(bed);
    assert_int_equal(act_on_town(bed, FIRST, KR_BODY_ADD), KR_OK);
    assert_int_equal(enter_clerk(bed, FIRST, clerk, 1001), KR_OK);
    bed_run(bed, 20000);
    sim_world_split(bed->world, (uint32_t[]){SECOND}, 1, bed->world->now_ms + 60000);
    assert_int_equal(act_on_town(bed, FIRST, KR_BODY_LEAVE), KR_OK);
    assert_int_equal(enter_clerk(bed, SECOND, other_clerk, 1002), KR_OK);
    bed->world->is_split = false;
    bed_run(bed, 180000);
    assert_true(sister_of(bed, FIRST)->is_equal && sister_of(bed, SECOND)->is_equal);
    for (uint32_t node = FIRST; node <= SECOND; node += SECOND - FIRST) {
        struct kr_txn *txn;
        enum kr_person_state state_now = KR_PERSON_ACTIVE;
        uint32_t roles = 0;
        assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
        assert_int_equal(kr_person_state_find(txn, other_clerk, bed->world->now_ms / 1000, &state_now, &roles), KR_OK);
        kr_txn_abort(txn);
        assert_int_equal(roles, KR_ROLE_ANALYST); /* its card is here */
        assert_int_equal(state_now, KR_PERSON_BODY_LEFT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_asks_gets_nothing_before_it_is_taken_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ticket_serves_one_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_that_is_taken_in_holds_what_the_council_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(peers_need_do_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(links_are_all_nodes_affair, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_sealing_key_is_both_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_sealed_to_a_key_that_is_to_come_is_put_off, setup, teardown),
        cmocka_unit_test_setup_teardown(a_recovery_key_that_is_not_the_councils_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(the_other_serves_when_one_is_destroyed, setup, teardown),
        cmocka_unit_test_setup_teardown(both_take_what_either_entered_of_people, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
