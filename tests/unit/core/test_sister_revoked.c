/* A node of a council is in other hands: its keys are revoked at another one. */
#include "crypto/seal.h"
#include "node/core/caller.h"
#include "node/core/internal.h"
#include "node/core/internal_older.h"
#include "node/core/people.h"
#include "node/core/sister.h"
#include "proto/client/duty.h"
#include "proto/client/node.h"
#include "proto/client/rekey.h"
#include "proto/wire/ticket.h"
#include "tests/unit/core/people_test.h"
#include "tests/unit/core/sister_test.h"

/* `machine`: whose transport key goes with it, where the node cannot know; NULL: it can. */
static uint32_t revoke_of(struct bed *bed, uint32_t node, const uint8_t key[static 32], uint64_t since_ms, const uint8_t *machine)
{
    struct kr_revoke revoke = {.since_ms = since_ms, .has_machine = machine != NULL};
    struct kr_writer args;
    memcpy(revoke.key, key, 32);
    if (machine != NULL) {
        memcpy(revoke.machine, machine, 32);
    }
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, KR_OP_REVOKE, args.bytes, args.len, 300);
    kr_writer_deinit(&args);
    return code;
}

static uint32_t revoke(struct bed *bed, uint32_t node, const uint8_t key[static 32], uint64_t since_ms)
{
    return revoke_of(bed, node, key, since_ms, NULL);
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

/* Three nodes, and this one has met none of the others: the operator says which machine it is, or that nobody knows. */
static void take_in_two_unmet(struct bed *bed, uint8_t ret_second[static 32])
{
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    take_in(bed);
    memcpy(ret_second, key_of(bed, SECOND), 32);
    ask_ticket(bed, ticket, sizeof ticket);
    assert_int_equal(sim_world_add_node(bed->world, ticket), SIM_HOLDS);
    bed_run(bed, 8000);
    assert_int_equal(decide(bed, FIRST, KR_OP_NODE_ADD, key_of(bed, SECOND + 1)), KR_OK);
    bed_run(bed, 30000);
    forget_row(bed, SECOND);
    forget_row(bed, SECOND + 1);
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
}

/* A node that is not known to have that key (this one was restored) is cut off where it can be no other; where it can, nothing is
 * done by halves. */
static void whose_key_is_revoked_is_known_or_asked(void **state)
{
    struct bed *bed = *state;
    uint8_t second[32];
    const uint32_t third = SECOND + 1;
    take_in_two_unmet(bed, second);
    assert_int_equal(revoke(bed, FIRST, second, bed_node(bed, FIRST)->now_ms), KR_BUSY);
    assert_non_null(strstr(bed->text, "--machine none"));
    assert_non_null(link_with(bed, SECOND));
    bed_restart(bed, FIRST); /* it meets both again */
    bed_run(bed, 20000);
    forget_row(bed, SECOND);
    assert_int_equal(revoke(bed, FIRST, second, bed_node(bed, FIRST)->now_ms), KR_OK);
    bed_run(bed, 30000);
    assert_null(link_with(bed, SECOND));
    assert_true(link_with(bed, third)->has_session && link_with(bed, FIRST)->has_session);
}

static void whose_key_is_revoked_is_said(void **state)
{
    struct bed *bed = *state;
    uint8_t second[32];
    take_in_two_unmet(bed, second);
    const uint64_t now_ms = bed_node(bed, FIRST)->now_ms;
    assert_int_equal(revoke_of(bed, FIRST, second, now_ms, second), KR_INVALID); /* no transport key */
    assert_int_equal(revoke_of(bed, FIRST, second, now_ms, bed_node(bed, FIRST)->keyring->transport_public), KR_INVALID);
    assert_int_equal(revoke_of(bed, FIRST, second, now_ms, bed_node(bed, SECOND)->keyring->transport_public), KR_OK);
    bed_run(bed, 30000);
    assert_null(link_with(bed, SECOND));
    assert_true(link_with(bed, SECOND + 1)->has_session && link_with(bed, FIRST)->has_session);
}

/* Nothing is lost by it: its node key has ended, so it has a session with nobody, and gets no key. */
static void a_key_is_revoked_whose_machine_nobody_knows(void **state)
{
    static const uint8_t none[32];
    struct bed *bed = *state;
    uint8_t second[32], ids[2][32];
    take_in_two_unmet(bed, second);
    const uint64_t since_ms = bed_node(bed, FIRST)->now_ms;
    submit(bed, SECOND, KR_TLP_GREEN, "false.example.jp", 3, ids[0]);
    bed_run(bed, 5000);
    assert_int_equal(revoke_of(bed, FIRST, second, since_ms, none), KR_OK);
    bed_run(bed, 60000);
    assert_true(link_with(bed, SECOND) == NULL || !link_with(bed, SECOND)->has_session);
    assert_true(link_with(bed, SECOND + 1)->has_session && link_with(bed, FIRST)->has_session);
    assert_false(is_shown(bed, PEER, ids[0]) || is_shown(bed, FIRST, ids[0]));
    assert_int_equal(bed_node(bed, SECOND)->keyring->sealing_count, 1);
    submit(bed, PEER, KR_TLP_AMBER, "after.example.jp", 4, ids[1]);
    bed_run(bed, 60000);
    assert_true(is_shown(bed, FIRST, ids[1]) && is_shown(bed, SECOND + 1, ids[1]));
    assert_false(bed_holds(bed, SECOND, ids[1]));
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
    struct kr_person_card card = {.name = {(const uint8_t *)"x", 1}, .roles = KR_ROLE_ADMIN, .standing = KR_STANDING_ACTIVE};
    struct kr_writer content;
    assert_int_equal(kr_store_read_begin(bed_node(bed, FIRST)->store, &txn), KR_OK);
    assert_int_equal(kr_machine_get(txn, &machine), KR_OK);
    kr_txn_abort(txn);
    kr_credential_user(user, &machine, uid);
    memcpy(card.body, sapporo, 32);
    card.credentials[card.credential_count++] = (struct kr_credential){.kind = KR_CREDENTIAL_USER, .bytes = {user, sizeof user}};
    kr_writer_init(&content, 4 * KR_KIB);
    kr_person_card_write(&card, &content);
    struct forged forged = forge_own(bed, KR_KIND_PERSON_CARD, thief, 1, &content, bed->world->now_ms / 1000 + 86400);
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

/* Of so many changes in a night those go that stood for less than a day, not what stood before. */
static void a_night_of_changes_flushes_nothing_out(void **state)
{
    struct bed *bed = *state;
    uint8_t key[32];
    take_in(bed);
    memcpy(key, key_of(bed, SECOND), 32);
    body_act(bed, FIRST, KR_BODY_ADD, sapporo, "sapporo");
    bed_run(bed, 2 * BED_DAY_MS);
    const uint64_t since_ms = bed_node(bed, FIRST)->now_ms;
    for (uint64_t i = 0; i < KR_OLDER_MAX + 4; i++) {
        body_act(bed, SECOND, KR_BODY_CHANGE, sapporo, i % 2 == 0 ? "false" : "wrong");
        bed_run(bed, 2000);
        assert_int_equal(version_of(bed, FIRST, KR_KIND_BODY_CARD, sapporo), i + 2);
    }
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    assert_int_equal(revoke(bed, FIRST, key, since_ms), KR_OK);
    bed_run(bed, 60000);
    assert_int_equal(version_of(bed, FIRST, KR_KIND_BODY_CARD, sapporo), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_node_that_is_revoked_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(whose_key_is_revoked_is_known_or_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_with_another_transport_key_is_one_node, setup, teardown),
        cmocka_unit_test_setup_teardown(whose_key_is_revoked_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_is_revoked_whose_machine_nobody_knows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_is_revoked_with_the_key_that_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_stolen_node_said_of_people_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_night_of_changes_flushes_nothing_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
