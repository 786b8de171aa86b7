/* Where a link waits until a replaced root key is confirmed: at every node that has a council linked, unless its operator made the
 * link with the council as it is; never between nodes of one council. 0 and 1 are councils, linked, in a community. */
#include "node/core/sister.h"
#include "proto/client/node.h"
#include "proto/wire/ticket.h"
#include "tests/unit/core/rekey_test.h"

#define FIRST  0u
#define PEER   1u
#define SECOND 2u /* a further node of FIRST's, or a council that joins */

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

static void read_ticket(struct bed *bed, char *ret_text, size_t size)
{
    struct kr_reader reader;
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    assert_true(kr_slice_text(kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX), ret_text, size));
}

static void take_in(struct bed *bed)
{
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_writer args;
    assert_int_equal(bed_request(bed, FIRST, KR_OP_NODE_INVITE, (const uint8_t[]){0x91, 0x00}, 2, 100), KR_OK);
    read_ticket(bed, ticket, sizeof ticket);
    assert_int_equal(sim_world_add_node(bed->world, ticket), SIM_HOLDS);
    bed_run(bed, 8000);
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, bed_node(bed, SECOND)->keyring->node_public, 32);
    assert_int_equal(ask_with(bed, FIRST, KR_OP_NODE_ADD, &args), KR_OK);
    bed_run(bed, 30000);
}

/* SECOND, a council outside, joins by a ticket of PEER's. */
static void join(struct bed *bed, bool is_by_hand)
{
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(&(struct kr_invite){.is_by_hand = is_by_hand}, &args);
    assert_int_equal(ask_with(bed, PEER, KR_OP_INVITE, &args), KR_OK);
    read_ticket(bed, ticket, sizeof ticket);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_join_write(&(struct kr_join){.ticket = {(const uint8_t *)ticket, strlen(ticket)}, .is_by_hand = is_by_hand}, &args);
    assert_int_equal(bed_request(bed, SECOND, KR_OP_JOIN, args.bytes, args.len, 20000), KR_OK);
    kr_writer_deinit(&args);
}

static uint32_t found(struct bed *bed, uint32_t node, uint32_t with)
{
    struct kr_founding founding = {.name = {(const uint8_t *)"New", 3}, .vouches_needed = 1, .quorum = 1, .founder_count = 1};
    struct kr_writer args;
    memcpy(founding.founders[0], bed_node(bed, with)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_founding_write(&founding, &args);
    return ask_with(bed, node, KR_OP_FOUND, &args);
}

static void nodes_of_one_council_do_not_wait_for_each_other(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, FIRST), new = fresh_hand(1), peers = hand_of(bed, PEER), peers_new = fresh_hand(2);
    uint32_t at;
    take_in(bed);
    recover_card(bed, PEER, &peers, &peers_new, KR_OTHERS_END);
    name_genuine(bed, PEER, &peers, &peers_new, UINT64_MAX);
    recover_card(bed, FIRST, &old, &new, KR_OTHERS_KEEP);
    name_genuine(bed, FIRST, &old, &new, UINT64_MAX);
    bed_run(bed, 60000);
    assert_true(is_held(bed, PEER, FIRST));
    for (uint32_t i = 0; i <= SECOND; i += SECOND) {
        at = 0;
        bed_restart(bed, i);
        const struct kr_link *sister = kr_link_of_council(bed_core(bed, i), bed_core(bed, i)->self, &at);
        assert_true(sister != NULL && sister->has_session);
        assert_false(kr_link_is_held(bed_core(bed, i), sister));
        assert_true(is_held(bed, i, PEER));
    }
}

/* Whoever was alone, and confirmed it, tells the node that is taken in later: it is not asked once more. */
static void a_link_that_comes_of_another_node_needs_no_word_of_its_own(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, PEER), new = fresh_hand(1);
    recover_card(bed, PEER, &old, &new, KR_OTHERS_END);
    name_genuine(bed, PEER, &old, &new, UINT64_MAX);
    bed_run(bed, 60000);
    assert_int_equal(found(bed, FIRST, PEER), KR_DENIED);
    assert_int_equal(confirm_root(bed, FIRST, PEER, new.root_public), KR_OK);
    assert_false(is_held(bed, FIRST, PEER));
    take_in(bed);
    for (uint32_t round = 0; round < 2; round++) {
        assert_false(is_held(bed, SECOND, PEER) || is_held(bed, FIRST, PEER));
        assert_int_equal(bed_core(bed, SECOND)->unconfirmed_count, 0);
        bed_restart(bed, SECOND);
    }
}

/* Nobody has compared anything at either. */
static void a_link_that_comes_of_another_node_waits_as_it_does_there(void **state)
{
    struct bed *bed = *state;
    const struct hand old = hand_of(bed, PEER), new = fresh_hand(1);
    recover_card(bed, PEER, &old, &new, KR_OTHERS_END);
    name_genuine(bed, PEER, &old, &new, UINT64_MAX);
    bed_run(bed, 60000);
    take_in(bed);
    assert_true(is_held(bed, SECOND, PEER) && is_held(bed, FIRST, PEER));
    bed_restart(bed, SECOND);
    assert_true(is_held(bed, SECOND, PEER));
    assert_int_equal(bed_core(bed, SECOND)->unconfirmed_count, 1);
}

/* Whoever lets in a council that has replaced its root key lets in the one that it is now. */
static void who_had_replaced_it_before_joining_is_not_held(void **state)
{
    struct bed *bed = *state;
    const struct hand new = fresh_hand(1);
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    const struct hand old = hand_of(bed, SECOND);
    recover_card(bed, SECOND, &old, &new, KR_OTHERS_END);
    join(bed, true);
    bed_run(bed, 20000);
    assert_int_equal(kr_directory_council(&bed_core(bed, PEER)->directory, bed_node(bed, SECOND)->council)->rekeyings, 1);
    assert_false(is_held(bed, PEER, SECOND) || is_held(bed, SECOND, PEER));
    bed_restart(bed, PEER);
    assert_false(is_held(bed, PEER, SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nodes_of_one_council_do_not_wait_for_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_that_comes_of_another_node_needs_no_word_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_that_comes_of_another_node_waits_as_it_does_there, setup, teardown),
        cmocka_unit_test_setup_teardown(who_had_replaced_it_before_joining_is_not_held, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/root_confirm", tests, NULL, NULL);
}
