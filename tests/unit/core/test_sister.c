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

/* 0 and 1 are councils, linked, in a community; 2 is a further node of 0's once it is taken in. */
#define FIRST  0u
#define PEER   1u
#define SECOND 2u

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

static void ask_ticket(struct bed *bed, char *ret_text, size_t size)
{
    static const uint8_t args[] = {0x91, 0x00};
    struct kr_reader reader;
    assert_int_equal(bed_request(bed, FIRST, KR_OP_NODE_INVITE, args, sizeof args, 100), KR_OK);
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    assert_true(kr_slice_text(kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX), ret_text, size));
}

static uint32_t decide(struct bed *bed, uint32_t node, uint32_t op, const uint8_t key[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, key, 32);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, op, args.bytes, args.len, 200);
    kr_writer_deinit(&args);
    return code;
}

static const uint8_t *key_of(struct bed *bed, uint32_t node)
{
    return bed_node(bed, node)->keyring->node_public;
}

/* A machine has asked by a ticket of 0's; not decided yet. */
static void ask(struct bed *bed, char *ret_ticket, size_t size)
{
    ask_ticket(bed, ret_ticket, size);
    assert_int_equal(sim_world_add_node(bed->world, ret_ticket), SIM_HOLDS);
    bed_run(bed, 8000);
}

static void take_in(struct bed *bed)
{
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    ask(bed, ticket, sizeof ticket);
    assert_int_equal(decide(bed, FIRST, KR_OP_NODE_ADD, key_of(bed, SECOND)), KR_OK);
    bed_run(bed, 30000);
}

static struct kr_link *sister_of(struct bed *bed, uint32_t node)
{
    uint32_t at = 0;
    return kr_link_of_council(bed_core(bed, node), bed_core(bed, node)->self, &at);
}

/* The peer's link with that node of council 0. */
static struct kr_link *link_with(struct bed *bed, uint32_t node)
{
    struct kr_core *core = bed_core(bed, PEER);
    struct kr_link *link;
    uint32_t at = 0;
    while ((link = kr_link_of_council(core, bed_node(bed, FIRST)->council, &at)) != NULL) {
        if (memcmp(link->transport_key, bed_node(bed, node)->keyring->transport_public, 32) == 0) {
            return link;
        }
    }
    return NULL;
}

static void submit(struct bed *bed, uint32_t node, enum kr_label label, const char *domain, uint8_t token,
                   uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, label, domain, token);
    if (label == KR_TLP_AMBER) {
        bed_address(bed, submission, node == PEER ? FIRST : PEER);
    }
    assert_int_equal(bed_submit(bed, node, submission, ret_id), KR_OK);
    bed_submission_free(submission);
}

static bool is_shown(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_head head;
    return bed_head(bed, node, id, &head) == KR_OK && head.state == KR_HEAD_SHOWN && head.is_ours_to_read;
}

static uint32_t count_nodes(struct bed *bed, uint32_t node, uint32_t state, struct kr_node_item *ret_last)
{
    uint32_t count = 0;
    bed->pages = 0;
    assert_int_equal(bed_request(bed, node, KR_OP_NODES, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    for (uint32_t i = 0; i < bed->pages && i < 4; i++) {
        struct kr_node_item item;
        assert_int_equal(kr_node_item_read((struct kr_slice){bed->items[i].bytes, bed->items[i].len}, &item), KR_OK);
        if (item.state == state) {
            *ret_last = item;
            count++;
        }
    }
    return count;
}

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

static uint32_t act_on_peer(struct bed *bed, uint32_t node, uint32_t action)
{
    struct kr_peer_act act = {.action = action};
    struct kr_writer args;
    memcpy(act.council, bed_node(bed, PEER)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&act, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_PEER, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    bed_run(bed, 2000);
    return code;
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

static uint32_t ask_nothing(struct bed *bed, uint32_t node, uint32_t op)
{
    bed->pages = 0;
    return bed_request(bed, node, op, (const uint8_t[]){0x90}, 1, 300);
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

static uint32_t revoke(struct bed *bed, uint32_t node, const uint8_t key[static 32], uint64_t since_ms)
{
    struct kr_revoke revoke = {.since_ms = since_ms};
    struct kr_writer args;
    memcpy(revoke.key, key, 32);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, KR_OP_REVOKE, args.bytes, args.len, 300);
    kr_writer_deinit(&args);
    return code;
}

/* A machine is stolen: it is cut off everywhere, gets no new key, what it signed since then is nothing, what it did before stays.
 */
static void a_node_that_is_revoked_is_cut(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[4][32], key[32];
    take_in(bed);
    memcpy(key, key_of(bed, SECOND), 32);
    submit(bed, SECOND, KR_TLP_GREEN, "genuine.example.jp", 1, ids[0]);
    submit(bed, FIRST, KR_TLP_GREEN, "first.example.jp", 2, ids[1]);
    bed_run(bed, 5000);
    const uint64_t since_ms = bed_node(bed, FIRST)->now_ms;
    submit(bed, SECOND, KR_TLP_GREEN, "false.example.jp", 3, ids[2]);
    bed_run(bed, 5000);
    assert_true(is_shown(bed, PEER, ids[2]) && is_shown(bed, FIRST, ids[2]));
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    bed_run(bed, 20000);
    /* Its thief has told of a key that he would like to be sealed to, as the newest. */
    struct kr_keyring *first = bed_node(bed, FIRST)->keyring;
    const struct kr_dated_key next = first->sealing[0];
    struct kr_dated_key thiefs = {.from_s = UINT64_MAX};
    bool is_changed;
    kr_box_keypair(thiefs.public_key, thiefs.secret, (const uint8_t[32]){0xEE});
    assert_int_equal(kr_keyring_share(first, first->root_public, first->recovery_public, &thiefs, 1, NULL, &is_changed, NULL),
                     KR_OK);
    assert_int_equal(revoke(bed, FIRST, key, since_ms), KR_OK);
    bed_run(bed, 30000);
    const struct kr_card card = bed_card(bed, PEER, FIRST);
    assert_memory_equal(card.sealing[0].public_key, next.public_key, 32);
    assert_null(sister_of(bed, FIRST));
    assert_null(link_with(bed, SECOND));
    assert_true(link_with(bed, FIRST)->has_session);
    assert_int_equal(bed_node(bed, SECOND)->keyring->sealing_count, 1);
    assert_int_equal(first->sealing_count, 3);
    assert_true(is_shown(bed, PEER, ids[0]) && is_shown(bed, PEER, ids[1]));
    assert_false(is_shown(bed, PEER, ids[2]) || is_shown(bed, FIRST, ids[2]));
    submit(bed, PEER, KR_TLP_AMBER, "after.example.jp", 4, ids[3]);
    bed_run(bed, 60000);
    assert_true(is_shown(bed, FIRST, ids[3]));
    assert_false(bed_holds(bed, SECOND, ids[3]));
    assert_false(sister_of(bed, SECOND) != NULL && sister_of(bed, SECOND)->has_session);
}

static void forget_row(struct bed *bed, uint32_t node)
{
    uint8_t key[7 + 32] = "node-is";
    struct kr_txn *txn = NULL;
    memcpy(key + 7, bed_node(bed, node)->keyring->transport_public, 32);
    assert_int_equal(kr_store_write_begin(bed_node(bed, FIRST)->store, &txn), KR_OK);
    assert_int_equal(kr_store_delete(txn, KR_TABLE_RECEIPTS, key, sizeof key), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

/* A node that is not known to have that key (this one was restored) is cut off where it can be no other; where it can, nothing is
 * done by halves. */
static void whose_key_is_revoked_is_known_or_asked(void **state)
{
    struct bed *bed = *state;
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    uint8_t second[32];
    const uint32_t third = SECOND + 1;
    take_in(bed);
    memcpy(second, key_of(bed, SECOND), 32);
    ask_ticket(bed, ticket, sizeof ticket);
    assert_int_equal(sim_world_add_node(bed->world, ticket), SIM_HOLDS);
    bed_run(bed, 8000);
    assert_int_equal(decide(bed, FIRST, KR_OP_NODE_ADD, key_of(bed, third)), KR_OK);
    bed_run(bed, 30000);
    forget_row(bed, SECOND);
    forget_row(bed, third);
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    assert_int_equal(revoke(bed, FIRST, second, bed_node(bed, FIRST)->now_ms), KR_BUSY);
    assert_non_null(strstr(bed->text, "kairan node ls"));
    assert_non_null(link_with(bed, SECOND));
    bed_restart(bed, FIRST); /* it meets both again */
    bed_run(bed, 20000);
    forget_row(bed, SECOND);
    assert_int_equal(revoke(bed, FIRST, second, bed_node(bed, FIRST)->now_ms), KR_OK);
    bed_run(bed, 30000);
    assert_null(link_with(bed, SECOND));
    assert_true(link_with(bed, third)->has_session && link_with(bed, FIRST)->has_session);
}

/* The second node gets another transport key; the root key is there for it. */
static void rotate_second(struct bed *bed)
{
    memcpy(bed_node(bed, SECOND)->keyring->root_secret, bed_node(bed, FIRST)->keyring->root_secret, 64);
    assert_int_equal(bed_request(bed, SECOND, KR_OP_TRANSPORT, (const uint8_t[]){0x91, KR_TRANSPORT_MAKE}, 2, 100), KR_OK);
    assert_int_equal(bed_request(bed, SECOND, KR_OP_TRANSPORT, (const uint8_t[]){0x91, KR_TRANSPORT_LIST}, 2, 100), KR_OK);
    bed_run(bed, 20000);
}

static uint32_t sisters(struct bed *bed, uint32_t node)
{
    uint32_t at = 0, count = 0;
    while (kr_link_of_council(bed_core(bed, node), bed_node(bed, FIRST)->council, &at) != NULL) {
        count++;
    }
    return count;
}

/* Under two keys it is one node to the other, before and after its turn, and is revoked under both. */
static void a_node_with_another_transport_key_is_one_node(void **state)
{
    struct bed *bed = *state;
    struct kr_node_item item;
    uint8_t key[32], id[32];
    take_in(bed);
    const struct kr_keyring before = *bed_node(bed, SECOND)->keyring;
    memcpy(key, key_of(bed, SECOND), 32);
    rotate_second(bed);
    assert_memory_not_equal(bed_node(bed, SECOND)->keyring->transport_public, before.transport_public, 32);
    assert_int_equal(sisters(bed, FIRST), 2);
    assert_int_equal(sisters(bed, SECOND), 1); /* none with itself */
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_OTHER, &item), 1);
    assert_true(item.is_online && memcmp(item.node_key, key, 32) == 0);
    assert_memory_equal(item.transport_key, bed_node(bed, SECOND)->keyring->transport_public, 32);
    submit(bed, SECOND, KR_TLP_GREEN, "turned.example.jp", 1, id);
    bed_run(bed, 5000);
    assert_true(is_shown(bed, FIRST, id) && is_shown(bed, PEER, id));
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    assert_int_equal(revoke(bed, FIRST, key, bed_node(bed, FIRST)->now_ms), KR_OK);
    bed_run(bed, 30000);
    assert_null(sister_of(bed, FIRST));
    assert_null(link_with(bed, SECOND));
    assert_true(link_with(bed, FIRST)->has_session);
}

static void a_node_is_revoked_with_the_key_that_comes(void **state)
{
    struct bed *bed = *state;
    struct kr_node_item item;
    uint8_t key[32];
    take_in(bed);
    memcpy(key, key_of(bed, SECOND), 32);
    sim_world_crash(bed->world, PEER, UINT64_C(20) * BED_DAY_MS);
    rotate_second(bed);
    assert_true(kr_keyring_transport_comes(bed_node(bed, SECOND)->keyring));
    assert_int_equal(sisters(bed, FIRST), 2);
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_OTHER, &item), 1);
    sim_world_crash(bed->world, SECOND, UINT64_C(10) * BED_DAY_MS);
    sim_world_crash(bed->world, FIRST, 1000);
    bed_run(bed, 5000);
    assert_int_equal(count_nodes(bed, FIRST, KR_NODE_OTHER, &item), 1);
    assert_memory_equal(item.node_key, key, 32); /* so it can be named */
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    assert_int_equal(revoke(bed, FIRST, key, bed_node(bed, FIRST)->now_ms), KR_OK);
    bed_run(bed, 30000);
    assert_int_equal(sisters(bed, FIRST), 0);
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

/* ---- what a stolen node said of the council's own ---- */

static const uint8_t sapporo[32] = {0x5a}, otaru[32] = {0x5b}, sato[32] = {1}, thief[32] = {2}, typhoon[32] = {3}, flood[32] = {4};

static void body_act(struct bed *bed, uint32_t node, uint32_t action, const uint8_t id[static 32], const char *name)
{
    struct kr_body_act act = {.action = action};
    memcpy(act.id, id, 32);
    act.changes[KR_BODY_NAME_JA] = true;
    act.texts[KR_BODY_NAME_JA] = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    assert_int_equal(put_body(bed, node, &act), KR_OK);
}

static void person_act(struct bed *bed, uint32_t node, struct kr_person_act act, const uint8_t id[static 32])
{
    memcpy(act.id, id, 32);
    memcpy(act.body, sapporo, 32);
    assert_int_equal(put_person(bed, node, &act), KR_OK);
}

static void give_consent(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    static struct kr_duty_act act;
    struct kr_writer args;
    act = (struct kr_duty_act){.action = KR_DUTY_CONSENT_ADD,
                               .kinds = 1u << KR_KIND_REPORT,
                               .labels = 1u << KR_TLP_CLEAR,
                               .until_s = bed->world->now_ms / 1000 + 30 * 86400,
                               .reason = {(const uint8_t *)"season", 6}};
    memcpy(act.id, id, 32);
    kr_writer_init(&args, KR_MIB);
    kr_duty_act_write(&act, &args);
    assert_int_equal(bed_request(bed, node, KR_OP_DUTY_ACT, args.bytes, args.len, 100), KR_OK);
    kr_writer_deinit(&args);
}

/* Of that person on that node: the roles, UINT32_MAX where there is no such person. */
static uint32_t roles_of(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    static struct kr_person_row row;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    const enum kr_err err = kr_person_get(txn, id, &row);
    kr_txn_abort(txn);
    return err == KR_OK ? row.card.roles : UINT32_MAX;
}

static uint64_t version_of(struct bed *bed, uint32_t node, uint32_t kind, const uint8_t subject[static 32])
{
    struct kr_directory_entry entry;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    struct kr_step step = {.core = bed_core(bed, node), .txn = txn};
    const enum kr_err err = kr_internal_standing(&step, kind, subject, &entry);
    kr_txn_abort(txn);
    return err == KR_OK ? entry.version : 0;
}

/* A card of a person whose user is one of the first machine's, as the stolen key signs it. */
static void enter_thief(struct bed *bed, uint32_t uid)
{
    struct kr_txn *txn = NULL;
    struct kr_machine machine;
    uint8_t user[KR_CREDENTIAL_USER_BYTES];
    const struct kr_keyring *keyring = bed_node(bed, SECOND)->keyring;
    uint8_t council[1][32], recipient[1][32];
    struct kr_person_card card = {.name = {(const uint8_t *)"x", 1}, .roles = KR_ROLE_ADMIN, .standing = KR_STANDING_ACTIVE};
    struct kr_writer content;
    assert_int_equal(kr_store_read_begin(bed_node(bed, FIRST)->store, &txn), KR_OK);
    assert_int_equal(kr_machine_get(txn, &machine), KR_OK);
    kr_txn_abort(txn);
    kr_credential_user(user, &machine, uid);
    memcpy(council[0], bed_node(bed, FIRST)->council, 32);
    memcpy(bed_node(bed, SECOND)->council, council[0], 32);
    memcpy(recipient[0], keyring->sealing[0].public_key, 32);
    memcpy(card.body, sapporo, 32);
    card.credentials[card.credential_count++] = (struct kr_credential){.kind = KR_CREDENTIAL_USER, .bytes = {user, sizeof user}};
    kr_writer_init(&content, 4 * KR_KIB);
    kr_person_card_write(&card, &content);
    struct forged forged = bed_forge(bed, SECOND,
                                     (struct kr_draft){.kind = KR_KIND_PERSON_CARD,
                                                       .created_ms = bed->world->now_ms,
                                                       .expires_s = bed->world->now_ms / 1000 + 86400,
                                                       .label = KR_TLP_AMBER_STRICT,
                                                       .audience = (void *)council,
                                                       .audience_count = 1,
                                                       .recipients = (void *)recipient,
                                                       .recipient_count = 1,
                                                       .subject = thief,
                                                       .version = 1,
                                                       .content = {content.bytes, content.len}});
    bed_hand_over(bed, SECOND, FIRST, &forged);
    bed_run(bed, 3000);
    kr_writer_deinit(&content);
    forged_free(&forged);
}

/* The thief enters an admin and a consent, puts himself in the place of another and blocks a peer: all of it goes, what stood
 * before stands again, also where the same key had signed that. */
static void what_a_stolen_node_said_of_people_goes(void **state)
{
    struct bed *bed = *state;
    const struct kr_person_act analyst = {.action = KR_PERSON_ADD,
                                          .roles = KR_ROLE_ANALYST,
                                          .name = {(const uint8_t *)"sato", 4},
                                          .changes = {[KR_PERSON_NAME] = true, [KR_PERSON_ROLES] = true}};
    const struct kr_person_act more = {.action = KR_PERSON_CHANGE, .roles = KR_ROLE_ADMIN, .changes = {[KR_PERSON_ROLES] = true}};
    uint8_t key[32];
    take_in(bed);
    memcpy(key, key_of(bed, SECOND), 32);
    body_act(bed, FIRST, KR_BODY_ADD, sapporo, "sapporo");
    bed_run(bed, 3000);
    person_act(bed, SECOND, analyst, sato);
    give_consent(bed, SECOND, typhoon);
    bed_run(bed, 5000);
    const uint64_t since_ms = bed_node(bed, FIRST)->now_ms;
    body_act(bed, SECOND, KR_BODY_CHANGE, sapporo, "false");
    body_act(bed, SECOND, KR_BODY_ADD, otaru, "otaru");
    person_act(bed, SECOND, more, sato);
    give_consent(bed, SECOND, flood);
    enter_thief(bed, 1007);
    assert_int_equal(act_on_peer(bed, SECOND, KR_PEER_BLOCK), KR_OK);
    bed_run(bed, 5000);
    assert_int_equal(roles_of(bed, FIRST, sato), KR_ROLE_ADMIN);
    assert_int_equal(roles_of(bed, FIRST, thief), KR_ROLE_ADMIN);
    assert_int_equal(version_of(bed, FIRST, KR_KIND_BODY_CARD, sapporo), 2);
    assert_int_equal(version_of(bed, FIRST, KR_KIND_DUTY, flood), 1);
    assert_null(kr_link_by_council(bed_core(bed, FIRST), bed_node(bed, PEER)->council));
    bed->caller = (struct kr_caller){.is_guest = true, .uid = 1007};
    assert_int_equal(bed_request(bed, FIRST, KR_OP_WATCH, (const uint8_t[]){0x90}, 1, 100), BED_PENDING);
    assert_int_equal(bed_core(bed, FIRST)->watcher_count, 1);
    bed->caller = (struct kr_caller){.is_guest = false};
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    bed_run(bed, 20000);
    assert_int_equal(revoke(bed, FIRST, key, since_ms), KR_DENIED); /* the last word is the watch's, which is cut */
    bed_run(bed, 60000);
    assert_int_equal(bed_core(bed, FIRST)->watcher_count, 0);
    for (uint32_t round = 0; round < 2; round++) {
        assert_int_equal(roles_of(bed, FIRST, thief), UINT32_MAX);
        assert_int_equal(roles_of(bed, FIRST, sato), KR_ROLE_ANALYST);
        assert_int_equal(version_of(bed, FIRST, KR_KIND_BODY_CARD, sapporo), 1);
        assert_int_equal(version_of(bed, FIRST, KR_KIND_BODY_CARD, otaru), 0);
        assert_int_equal(version_of(bed, FIRST, KR_KIND_DUTY, flood), 0);
        assert_int_equal(version_of(bed, FIRST, KR_KIND_DUTY, typhoon), 1);
        const struct kr_link *link = kr_link_by_council(bed_core(bed, FIRST), bed_node(bed, PEER)->council);
        assert_true(link != NULL && link->state == KR_LINK_OPEN);
        bed->caller = (struct kr_caller){.is_guest = true, .uid = 1007};
        assert_int_equal(ask_nothing(bed, FIRST, KR_OP_STATUS), KR_DENIED);
        bed->caller = (struct kr_caller){.is_guest = false};
        bed_restart(bed, FIRST);
    }
    /* A list that names them after all: they are back. */
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    assert_int_equal(revoke(bed, FIRST, key, bed_node(bed, FIRST)->now_ms), KR_OK);
    bed_run(bed, 60000);
    assert_int_equal(roles_of(bed, FIRST, thief), KR_ROLE_ADMIN);
    assert_int_equal(roles_of(bed, FIRST, sato), KR_ROLE_ADMIN);
    assert_int_equal(version_of(bed, FIRST, KR_KIND_DUTY, flood), 1);
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
        cmocka_unit_test_setup_teardown(a_node_that_is_revoked_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(whose_key_is_revoked_is_known_or_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_with_another_transport_key_is_one_node, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_is_revoked_with_the_key_that_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_stolen_node_said_of_people_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_other_serves_when_one_is_destroyed, setup, teardown),
        cmocka_unit_test_setup_teardown(both_take_what_either_entered_of_people, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
