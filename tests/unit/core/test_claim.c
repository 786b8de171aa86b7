/* Whose a transport key is: a hostile peer lists another council's on its own card. */
#include <sodium.h>

#include "node/core/claim.h"
#include "proto/client/rekey.h"
#include "tests/sim/internal.h"
#include "tests/unit/core/bed.h"

enum { OWN, RIGHTFUL, HOSTILE, NODES };

static int setup(void **state)
{
    struct sim_edges edges = {0};
    sim_edges_add(&edges, OWN, RIGHTFUL);
    sim_edges_add(&edges, OWN, HOSTILE);
    sim_edges_add(&edges, RIGHTFUL, HOSTILE);
    *state = bed_new_with(NODES, &edges);
    sim_edges_free(&edges);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static void cut(struct bed *bed, uint32_t a, uint32_t b, uint64_t ms)
{
    const struct sim_wire wire = {.is_cut = true, .until_ms = bed->world->now_ms + ms};
    sim_world_wire(bed->world, a, b, wire);
    sim_world_wire(bed->world, b, a, wire);
}

/* Of the rightful one, whose key is then greater than the own, or smaller: so it is dialled, or dials. */
static void make_next(struct bed *bed, bool is_dialled)
{
    struct kr_keyring *keyring = bed_node(bed, RIGHTFUL)->keyring;
    assert_int_equal(bed_request(bed, RIGHTFUL, KR_OP_TRANSPORT, (const uint8_t[]){0x91, KR_TRANSPORT_MAKE}, 2, 100), KR_OK);
    while ((memcmp(bed_node(bed, OWN)->keyring->transport_public, keyring->next_transport_public, 32) < 0) != is_dialled) {
        crypto_box_keypair(keyring->next_transport_public, keyring->next_transport_secret);
    }
    sim_net_caller(bed->world, keyring->next_transport_public, RIGHTFUL);
    assert_int_equal(bed_request(bed, RIGHTFUL, KR_OP_TRANSPORT, (const uint8_t[]){0x91, KR_TRANSPORT_LIST}, 2, 100), KR_OK);
}

/* The hostile one's, given to the own node. */
static void put_card(struct bed *bed, uint64_t version, const struct kr_card *card)
{
    struct kr_writer content;
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(card, &content);
    struct forged forged = bed_statement(bed, HOSTILE, KR_KIND_COUNCIL_CARD, bed_core(bed, OWN)->directory.communities[0]->id,
                                         bed_node(bed, HOSTILE)->council, version, (struct kr_slice){content.bytes, content.len});
    bed_hand_over(bed, HOSTILE, OWN, &forged);
    assert_true(bed_holds(bed, OWN, forged.id));
    forged_free(&forged);
    kr_writer_deinit(&content);
    bed_run(bed, 1000);
}

/* That card with this key beside its own. */
static void claim(struct bed *bed, uint64_t version, const uint8_t key[static 32])
{
    struct kr_card card = bed_card(bed, OWN, HOSTILE);
    card.transport[card.transport_count] = card.transport[0];
    memcpy(card.transport[card.transport_count++].public_key, key, 32);
    put_card(bed, version, &card);
}

/* Of how many councils the node says that their card lists another's key; of its peers the hostile one alone. */
static uint64_t claims(struct bed *bed)
{
    static const uint8_t nothing[] = {0x90};
    struct kr_status status;
    struct kr_peer peer;
    uint64_t shown = 0;
    assert_int_equal(bed_request(bed, OWN, KR_OP_STATUS, nothing, sizeof nothing, 100), KR_OK);
    assert_int_equal(kr_status_read((struct kr_slice){bed->result, bed->result_len}, &status), KR_OK);
    bed->pages = 0;
    assert_int_equal(bed_request(bed, OWN, KR_OP_PEERS, nothing, sizeof nothing, 100), KR_OK);
    for (uint32_t i = 0; i < bed->pages; i++) {
        assert_int_equal(kr_peer_read((struct kr_slice){bed->items[i].bytes, bed->items[i].len}, &peer), KR_OK);
        assert_true(!peer.claims_key || memcmp(peer.council, bed_node(bed, HOSTILE)->council, 32) == 0);
        shown += peer.claims_key;
    }
    assert_int_equal(shown, status.claims);
    return shown;
}

static struct kr_link *link_under(struct bed *bed, uint32_t of, const uint8_t key[static 32])
{
    struct kr_link *link;
    for (uint32_t at = 0; (link = kr_link_of_council(bed_core(bed, OWN), bed_node(bed, of)->council, &at)) != NULL;) {
        if (memcmp(link->transport_key, key, 32) == 0) {
            return link;
        }
    }
    return NULL;
}

static uint32_t let_in(struct bed *bed, const uint8_t key[static 32], uint32_t *ret_number)
{
    const struct sim_node *node = bed_node(bed, OWN);
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->allowed_count; i++) {
        if (memcmp(node->allowed[i].key, key, 32) == 0) {
            *ret_number = node->allowed[i].number;
            count++;
        }
    }
    return count;
}

/* While the rightful one's link is down the hostile one is first to list its next key. Then that one turns, and comes. */
static void squat(struct bed *bed, bool is_dialled, bool restarts)
{
    uint8_t key[32];
    uint32_t number = 0;
    cut(bed, OWN, RIGHTFUL, 200000);
    cut(bed, RIGHTFUL, HOSTILE, 100000);
    bed_run(bed, 1000);
    make_next(bed, is_dialled);
    memcpy(key, bed_node(bed, RIGHTFUL)->keyring->next_transport_public, 32);
    claim(bed, 50, key);
    assert_non_null(link_under(bed, HOSTILE, key));
    bed_run(bed, 150000); /* the rightful one's card comes by the hostile one */
    assert_non_null(link_under(bed, RIGHTFUL, key));
    assert_int_equal(let_in(bed, key, &number), 1);
    assert_memory_not_equal(link_under(bed, RIGHTFUL, key)->row, link_under(bed, HOSTILE, key)->row, 32);
    if (restarts) {
        sim_world_crash(bed->world, OWN, 1000);
        bed_run(bed, 20000);
        assert_non_null(link_under(bed, HOSTILE, key));
        assert_non_null(link_under(bed, RIGHTFUL, key));
    }
    bed_forget_log(bed);
    assert_int_equal(bed_request(bed, RIGHTFUL, KR_OP_TRANSPORT, (const uint8_t[]){0x91, KR_TRANSPORT_FINISH}, 2, 100), KR_OK);
    bed_run(bed, 200000);
    assert_memory_equal(bed_node(bed, RIGHTFUL)->keyring->transport_public, key, 32);
    const struct kr_link *link = link_under(bed, RIGHTFUL, key);
    assert_true(link != NULL && link->has_session && link->we_dial == is_dialled);
    assert_int_equal(let_in(bed, key, &number), 1);
    assert_int_equal(number, link->number);
    assert_null(link_under(bed, HOSTILE, key));
    assert_true(bed_link(bed, OWN, HOSTILE)->has_session); /* under its own key, as before */
    assert_int_equal(bed_times_said(bed, OWN, "lists a transport key that"), 1);
}

static void who_dials_gets_its_key_from_who_claimed_it_first(void **state)
{
    squat(*state, false, false);
}

static void who_is_dialled_gets_its_key_from_who_claimed_it_first(void **state)
{
    squat(*state, true, false);
}

static void claims_are_still_told_apart_after_a_restart(void **state)
{
    squat(*state, false, true);
}

/* What is proved, or the own, is not given up; its claim is told once, and shown while it stands, also after a restart. */
static void claim_in_vain(struct bed *bed, const uint8_t key[static 32], uint32_t expected)
{
    uint32_t number = 0;
    struct kr_card card;
    assert_int_equal(claims(bed), 0);
    claim(bed, 50, key);
    assert_null(link_under(bed, HOSTILE, key));
    bed_run(bed, 3600000);
    assert_int_equal(bed_times_said(bed, OWN, "ALARM"), 1);
    assert_int_equal(claims(bed), 1);
    assert_int_equal(let_in(bed, key, &number), expected);
    assert_true(bed_link(bed, OWN, RIGHTFUL)->has_session && bed_link(bed, OWN, HOSTILE)->has_session);
    sim_world_crash(bed->world, OWN, 1000);
    bed_run(bed, 120000);
    assert_int_equal(claims(bed), 1);
    card = bed_card(bed, OWN, HOSTILE);
    card.transport_count--;
    put_card(bed, 51, &card);
    assert_int_equal(claims(bed), 0);
}

static void a_key_that_is_in_use_cannot_be_claimed(void **state)
{
    struct bed *bed = *state;
    claim_in_vain(bed, bed_node(bed, RIGHTFUL)->keyring->transport_public, 1);
}

static void the_own_key_cannot_be_claimed(void **state)
{
    struct bed *bed = *state;
    claim_in_vain(bed, bed_node(bed, OWN)->keyring->transport_public, 0);
}

/* A hello proves the key to be its council's where it is one of that council's node, meant for this node. */
static void who_is_let_in_under_a_claim_must_be_who_claims(void **state)
{
    struct bed *bed = *state;
    uint8_t key[32];
    cut(bed, OWN, RIGHTFUL, UINT64_C(40) * BED_DAY_MS);
    cut(bed, RIGHTFUL, HOSTILE, 5000);
    bed_run(bed, 1000);
    make_next(bed, false);
    memcpy(key, bed_node(bed, RIGHTFUL)->keyring->next_transport_public, 32);
    claim(bed, 50, key);
    bed_run(bed, 100000);
    struct kr_link *squatter = link_under(bed, HOSTILE, key), *link = link_under(bed, RIGHTFUL, key);
    assert_true(squatter != NULL && link != NULL && kr_claim_is_let_in(bed_core(bed, OWN), squatter));
    for (uint32_t i = 0; i < 3; i++) {
        struct kr_hello hello = {.version = KR_WIRE_VERSION, .is_responder = i == 2};
        struct kr_txn *txn = NULL;
        struct kr_effects effects;
        kr_effects_init(&effects);
        assert_int_equal(kr_store_write_begin(bed_node(bed, OWN)->store, &txn), KR_OK);
        struct kr_step step = {.core = bed_core(bed, OWN), .txn = txn, .effects = &effects, .now_ms = bed_node(bed, OWN)->now_ms};
        memcpy(hello.council, bed_node(bed, i == 0 ? OWN : RIGHTFUL)->council, 32);
        memcpy(hello.meant, bed_node(bed, i == 1 ? HOSTILE : OWN)->council, 32);
        assert_int_equal(kr_claim_hello(&step, squatter, &hello), KR_OK);
        kr_txn_abort(txn);
        kr_effects_deinit(&effects);
        assert_false(link->has_proved);
        assert_true(kr_claim_is_let_in(bed_core(bed, OWN), squatter));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_dials_gets_its_key_from_who_claimed_it_first, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_dialled_gets_its_key_from_who_claimed_it_first, setup, teardown),
        cmocka_unit_test_setup_teardown(claims_are_still_told_apart_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_is_in_use_cannot_be_claimed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_own_key_cannot_be_claimed, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_let_in_under_a_claim_must_be_who_claims, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
