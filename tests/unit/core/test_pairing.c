/* Links that wait until both operators have compared their code. Node 1 has founded the community and invites node 3. */
#include "proto/wire/ticket.h"
#include "tests/unit/core/bed.h"

#define HOST  1u
#define GUEST 3u

static int setup(void **state)
{
    struct bed *bed = bed_new(3);
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    *state = bed;
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static void invite_with(struct bed *bed, const struct kr_invite *invitation, char *ret_text, size_t size)
{
    struct kr_writer args;
    struct kr_reader reader;
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(invitation, &args);
    assert_int_equal(bed_request(bed, HOST, KR_OP_INVITE, args.bytes, args.len, 10), KR_OK);
    kr_writer_deinit(&args);
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    assert_true(kr_slice_text(kr_reader_str(&reader, 2048), ret_text, size));
}

static void invite(struct bed *bed, bool is_by_hand, char *ret_text, size_t size)
{
    invite_with(bed, &(struct kr_invite){.is_by_hand = is_by_hand}, ret_text, size);
}

static uint32_t join(struct bed *bed, const char *ticket, bool is_by_hand, uint64_t ms)
{
    struct kr_writer args;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_join_write(&(struct kr_join){.ticket = {(const uint8_t *)ticket, strlen(ticket)}, .is_by_hand = is_by_hand}, &args);
    const uint32_t code = bed_request(bed, GUEST, KR_OP_JOIN, args.bytes, args.len, ms);
    kr_writer_deinit(&args);
    return code;
}

static void join_pending(struct bed *bed)
{
    char text[2048];
    invite(bed, false, text, sizeof text);
    bed->pages = 0;
    assert_int_equal(join(bed, text, false, 20000), KR_OK);
}

static bool is_linked(struct bed *bed, uint32_t node, uint32_t other)
{
    return kr_link_by_council(bed_core(bed, node), bed_node(bed, other)->council) != NULL;
}

static bool is_pending(struct bed *bed, uint32_t node, uint32_t other)
{
    return bed_link(bed, node, other)->pairing.is_pending;
}

static bool is_member(struct bed *bed, uint32_t at, uint32_t node)
{
    const struct kr_directory *directory = &bed_core(bed, at)->directory;
    return kr_directory_is_member(directory, bed_core(bed, HOST)->directory.communities[0]->id, bed_node(bed, node)->council);
}

static void submit(struct bed *bed, uint32_t node, enum kr_label label, uint32_t to, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, label, "a.example", token);
    if (label == KR_TLP_AMBER) {
        bed_address(bed, submission, to);
    }
    assert_int_equal(bed_submit(bed, node, submission, ret_id), KR_OK);
    bed_submission_free(submission);
}

static void only_clear_passes_until_both_have_confirmed(void **state)
{
    struct bed *bed = *state;
    uint8_t clear[32], green[32], amber[32], back[32];
    join_pending(bed);
    assert_int_equal(bed->pages, KR_JOIN_LINKED + 1); /* dialling, session, welcomed, linked, and the code */
    const char *code = bed_link(bed, HOST, GUEST)->pairing.code;
    assert_int_equal(strlen(code), KR_PAIRING_DIGITS);
    assert_string_equal(code, bed_link(bed, GUEST, HOST)->pairing.code);
    assert_true(is_pending(bed, HOST, GUEST) && is_pending(bed, GUEST, HOST));
    bed_run(bed, 60000);
    assert_false(is_member(bed, HOST, GUEST)); /* nobody vouches for whom nobody knows */
    submit(bed, HOST, KR_TLP_CLEAR, 0, 1, clear);
    submit(bed, HOST, KR_TLP_GREEN, 0, 2, green);
    submit(bed, HOST, KR_TLP_AMBER, GUEST, 3, amber);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, GUEST, clear));
    assert_false(bed_holds(bed, GUEST, green) || bed_holds(bed, GUEST, amber));
    assert_int_equal(bed_confirm(bed, HOST, GUEST), KR_OK);
    bed_run(bed, 60000);
    assert_true(is_member(bed, HOST, GUEST) && is_member(bed, GUEST, GUEST)); /* the directory passes */
    assert_true(is_pending(bed, HOST, GUEST) && is_pending(bed, GUEST, HOST));
    assert_true(bed_link(bed, GUEST, HOST)->pairing.they_confirmed);
    submit(bed, GUEST, KR_TLP_GREEN, 0, 4, back);
    bed_run(bed, 60000);
    assert_false(bed_holds(bed, GUEST, green) || bed_holds(bed, GUEST, amber) || bed_holds(bed, HOST, back));
    assert_int_equal(bed_confirm(bed, GUEST, HOST), KR_OK);
    bed_run(bed, 5000);
    assert_false(is_pending(bed, HOST, GUEST) || is_pending(bed, GUEST, HOST));
    assert_true(bed_holds(bed, GUEST, green) && bed_holds(bed, GUEST, amber) && bed_holds(bed, HOST, back));
    assert_int_equal(bed_link(bed, HOST, GUEST)->refused_records + bed_link(bed, GUEST, HOST)->refused_records, 0);
    assert_int_equal(bed_confirm(bed, GUEST, HOST), KR_INVALID); /* in force */
}

static void all_of_it_survives_restarts(void **state)
{
    struct bed *bed = *state;
    char code[KR_PAIRING_CODE_BYTES];
    join_pending(bed);
    memcpy(code, bed_link(bed, HOST, GUEST)->pairing.code, sizeof code);
    bed_restart(bed, HOST);
    bed_restart(bed, GUEST);
    bed_run(bed, 60000);
    assert_string_equal(bed_link(bed, HOST, GUEST)->pairing.code, code);
    assert_string_equal(bed_link(bed, GUEST, HOST)->pairing.code, code);
    assert_int_equal(bed_confirm(bed, GUEST, HOST), KR_OK);
    bed_restart(bed, GUEST);
    bed_restart(bed, HOST);
    bed_run(bed, 60000);
    assert_true(is_pending(bed, GUEST, HOST) && bed_link(bed, HOST, GUEST)->pairing.they_confirmed);
    assert_int_equal(bed_confirm(bed, HOST, GUEST), KR_OK);
    bed_restart(bed, HOST);
    bed_run(bed, 60000);
    assert_false(is_pending(bed, HOST, GUEST) || is_pending(bed, GUEST, HOST));
    assert_true(is_member(bed, GUEST, GUEST));
}

struct loss {
    uint32_t node, frames; /* sealed frames of that node that are lost, after so many */
    uint32_t seen;
};

static bool lose(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct loss *loss = context;
    return node->index == loss->node && effect->len > 0 && effect->bytes[0] == KR_FRAME_SEALED && loss->seen++ >= loss->frames &&
           loss->seen <= loss->frames + 1;
}

/* Whatever single frame is lost while the code is agreed on and confirmed. */
static void a_lost_frame_is_made_good(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 16; i++) {
        struct bed *bed = bed_new(3);
        struct loss loss = {.node = i % 2 == 0 ? HOST : GUEST, .frames = i / 2};
        assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
        bed->on_send = lose;
        bed->context = &loss;
        char text[2048];
        invite(bed, false, text, sizeof text);
        loss.seen = 0;
        (void)join(bed, text, false, 60000);
        bed_run(bed, 120000);
        assert_string_equal(bed_link(bed, HOST, GUEST)->pairing.code, bed_link(bed, GUEST, HOST)->pairing.code);
        loss.seen = 0;
        assert_int_equal(bed_confirm(bed, HOST, GUEST), KR_OK);
        loss.seen = 0;
        assert_int_equal(bed_confirm(bed, GUEST, HOST), KR_OK);
        bed_run(bed, 120000);
        assert_false(is_pending(bed, HOST, GUEST) || is_pending(bed, GUEST, HOST));
        bed_free(bed);
    }
}

static void the_third_wrong_code_ends_it_on_both_sides(void **state)
{
    struct bed *bed = *state;
    char other[KR_PAIRING_CODE_BYTES];
    join_pending(bed);
    memcpy(other, bed_link(bed, HOST, GUEST)->pairing.code, sizeof other);
    other[3] = other[3] == '1' ? '2' : '1';
    assert_int_equal(bed_pair(bed, HOST, GUEST, KR_PAIR_CONFIRM, "123"), KR_MALFORMED); /* a slip, and no try */
    assert_int_equal(bed_pair(bed, HOST, GUEST, KR_PAIR_CONFIRM, other), KR_DENIED);
    assert_non_null(strstr(bed->text, "two tries"));
    bed_restart(bed, HOST);
    assert_int_equal(bed_pair(bed, HOST, GUEST, KR_PAIR_CONFIRM, other), KR_DENIED);
    assert_non_null(strstr(bed->text, "one try"));
    assert_true(is_linked(bed, HOST, GUEST));
    bed_forget_log(bed);
    assert_int_equal(bed_pair(bed, HOST, GUEST, KR_PAIR_CONFIRM, other), KR_DENIED);
    assert_non_null(strstr(bed->text, "third time"));
    assert_false(is_linked(bed, HOST, GUEST));
    assert_int_equal(bed_times_said(bed, HOST, "a wrong code was entered 3 times"), 1);
    bed_run(bed, 5000);
    assert_false(is_linked(bed, GUEST, HOST));
    assert_int_equal(bed_times_said(bed, GUEST, "the other side has rejected the link"), 1);
    assert_int_equal(bed_core(bed, HOST)->invitation_count, 0);
    assert_false(is_member(bed, HOST, GUEST));
    join_pending(bed); /* anew, by a new ticket */
    assert_int_equal(bed_link(bed, HOST, GUEST)->pairing.wrong, 0);
}

static void rejecting_removes_it_on_both_sides(void **state)
{
    struct bed *bed = *state;
    join_pending(bed);
    assert_int_equal(bed_confirm(bed, HOST, GUEST), KR_OK);
    assert_int_equal(bed_pair(bed, GUEST, HOST, KR_PAIR_REJECT, ""), KR_OK);
    bed_run(bed, 5000);
    assert_false(is_linked(bed, HOST, GUEST) || is_linked(bed, GUEST, HOST));
    assert_int_equal(bed_pair(bed, GUEST, HOST, KR_PAIR_REJECT, ""), KR_NOT_FOUND);
    assert_int_equal(bed_pair(bed, 0, HOST, KR_PAIR_REJECT, ""), KR_INVALID); /* that one is in force */
    assert_true(is_linked(bed, 0, HOST));
}

/* Who is second keeps what the first committed to, and takes no other. */
static void who_says_two_things_stops_the_link(void **state)
{
    struct bed *bed = *state;
    join_pending(bed);
    const bool is_host_first = kr_pairing_is_first(bed_node(bed, HOST)->council, bed_node(bed, GUEST)->council);
    const uint32_t first = is_host_first ? HOST : GUEST, second = is_host_first ? GUEST : HOST;
    struct kr_message message = {.type = KR_MESSAGE_COMMIT, .id = {1}};
    bed_forget_log(bed);
    bed_say(bed, second, first, &message); /* it is not its turn */
    assert_int_equal(bed_link(bed, first, second)->stop, KR_STOP_NOT);
    bed_say(bed, first, second, &message);
    assert_int_equal(bed_link(bed, second, first)->stop, KR_STOP_PAIRING);
    assert_int_equal(bed_times_said(bed, second, "said one thing, and then another"), 1);
    bed_run(bed, 120000);
    assert_false(bed_link(bed, second, first)->has_session);
    sim_world_crash(bed->world, second, 100);
    bed_run(bed, 5000);
    assert_int_equal(bed_link(bed, second, first)->stop, KR_STOP_PAIRING); /* nothing comes of waiting or starting */
    assert_int_equal(bed_confirm(bed, second, first), KR_INVALID);
    assert_int_equal(bed_act_on(bed, second, KR_PEER_RESUME, first), KR_INVALID);
    assert_int_equal(bed_act_on(bed, second, KR_PEER_PAUSE, first), KR_INVALID);
    assert_int_equal(bed_act_on(bed, second, KR_PEER_REMOVE, first), KR_OK);
    assert_false(is_linked(bed, second, first));
}

static void a_random_that_was_not_committed_to_stops_the_link(void **state)
{
    struct bed *bed = *state;
    join_pending(bed);
    const bool is_host_first = kr_pairing_is_first(bed_node(bed, HOST)->council, bed_node(bed, GUEST)->council);
    const uint32_t first = is_host_first ? HOST : GUEST, second = is_host_first ? GUEST : HOST;
    struct kr_link *link = bed_link(bed, second, first);
    link->pairing.has_their_random = false; /* as if it had not come yet */
    bed_say(bed, first, second, &(struct kr_message){.type = KR_MESSAGE_REVEAL, .id = {9}});
    assert_int_equal(bed_link(bed, second, first)->stop, KR_STOP_PAIRING);
}

static void the_first_takes_no_second_random_and_not_its_own(void **state)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct bed *bed = *state;
        join_pending(bed);
        const bool is_host_first = kr_pairing_is_first(bed_node(bed, HOST)->council, bed_node(bed, GUEST)->council);
        const uint32_t first = is_host_first ? HOST : GUEST, second = is_host_first ? GUEST : HOST;
        struct kr_message message = {.type = KR_MESSAGE_REVEAL, .id = {9}};
        struct kr_link *link = bed_link(bed, first, second);
        if (i == 1) {
            link->pairing.has_their_random = false; /* as if it had not come yet */
            memcpy(message.id, link->pairing.random, 32);
        }
        bed_say(bed, second, first, &message);
        assert_int_equal(link->stop, KR_STOP_PAIRING);
        bed_free(bed);
        (void)setup(state);
    }
}

/* A peer that knows of no code, or does not care, gets no further than one that does. */
static void what_must_not_pass_is_refused_by_the_receiver(void **state)
{
    struct bed *bed = *state;
    struct kr_head head;
    struct kr_writer body;
    join_pending(bed);
    assert_int_equal(bed_confirm(bed, HOST, GUEST), KR_OK);
    bed_run(bed, 30000);
    assert_true(is_member(bed, HOST, GUEST));
    struct forged green = bed_forge(bed, GUEST,
                                    (struct kr_draft){.kind = KR_KIND_REPORT,
                                                      .label = KR_TLP_GREEN,
                                                      .community = bed_core(bed, HOST)->directory.communities[0]->id,
                                                      .content = bed_report(&body, "b.example")});
    bed_hand_over(bed, GUEST, HOST, &green);
    bed_run(bed, 1000);
    assert_int_equal(bed_head(bed, HOST, green.id, &head), KR_NOT_FOUND);
    assert_int_equal(bed_link(bed, HOST, GUEST)->refused_records, 1);
    assert_int_equal(bed_confirm(bed, GUEST, HOST), KR_OK);
    bed_run(bed, 1000);
    bed_hand_over(bed, GUEST, HOST, &green);
    bed_run(bed, 1000);
    assert_true(bed_holds(bed, HOST, green.id));
    forged_free(&green);
    kr_writer_deinit(&body);
}

/* One end has forgotten a link that was in no community, and joins over the other's: the vouch is for the ticket's community. */
static void who_joins_anew_gets_the_vouch_of_its_ticket(void **state)
{
    struct bed *bed = *state;
    const struct kr_invite invitation = {.is_by_hand = true, .is_link_only = true};
    char text[2048];
    invite_with(bed, &invitation, text, sizeof text);
    assert_int_equal(join(bed, text, true, 20000), KR_OK);
    assert_false(bed_link(bed, HOST, GUEST)->has_community);
    assert_int_equal(bed_act_on(bed, GUEST, KR_PEER_REMOVE, HOST), KR_OK);
    join_pending(bed);
    assert_true(bed_link(bed, HOST, GUEST)->has_community && bed_link(bed, HOST, GUEST)->pairing.is_vouch_due);
    assert_int_equal(bed_confirm(bed, HOST, GUEST), KR_OK);
    assert_int_equal(bed_confirm(bed, GUEST, HOST), KR_OK);
    bed_run(bed, 20000);
    assert_true(is_member(bed, HOST, GUEST) && is_member(bed, GUEST, GUEST));
}

static void a_ticket_by_hand_needs_the_word_of_who_took_it(void **state)
{
    struct bed *bed = *state;
    char text[2048];
    invite(bed, true, text, sizeof text);
    assert_int_equal(join(bed, text, false, 100), KR_DENIED);
    assert_non_null(strstr(bed->text, "--by-hand"));
    assert_int_equal(join(bed, text, true, 20000), KR_OK);
    assert_false(is_pending(bed, HOST, GUEST) || is_pending(bed, GUEST, HOST));
    assert_true(is_member(bed, HOST, GUEST));
    /* Saying so of one that does not makes no difference. */
    assert_int_equal(bed_act_on(bed, HOST, KR_PEER_REMOVE, GUEST), KR_OK);
    assert_int_equal(bed_act_on(bed, GUEST, KR_PEER_REMOVE, HOST), KR_OK);
    invite(bed, false, text, sizeof text);
    assert_int_equal(join(bed, text, true, 20000), KR_OK);
    assert_true(is_pending(bed, HOST, GUEST) && is_pending(bed, GUEST, HOST));
}

/* One end has a link without a code, from before there were any; the other wants one. */
static void who_knows_of_no_code_is_drawn_in(void **state)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct bed *bed = *state;
        const uint32_t node = i == 0 ? 0 : HOST, other = i == 0 ? HOST : 0;
        struct kr_link *link = bed_link(bed, node, other);
        assert_false(link->pairing.was_begun);
        struct kr_step step = {.rng = &(struct kr_rng){.counter = i + 1}};
        kr_pairing_begin(&step, link);
        bed_restart(bed, other); /* (its row has nothing of it) */
        bed_run(bed, 60000);
        assert_true(is_pending(bed, node, other) && is_pending(bed, other, node));
        assert_string_equal(bed_link(bed, node, other)->pairing.code, bed_link(bed, other, node)->pairing.code);
        assert_int_equal(bed_confirm(bed, node, other), KR_OK);
        assert_int_equal(bed_confirm(bed, other, node), KR_OK);
        bed_run(bed, 1000);
        assert_false(is_pending(bed, node, other) || is_pending(bed, other, node));
        bed_free(bed);
        (void)setup(state);
    }
}

/* A node that signs with another key than those of its council's card, over its genuine transport key. */
static void another_node_key_stops_the_link_until_the_operator_acts(void **state)
{
    struct bed *bed = *state;
    struct stranger stranger;
    stranger_init(bed, &stranger, 7);
    struct kr_keyring *keyring = bed_node(bed, HOST)->keyring;
    const struct kr_keyring genuine = *keyring;
    memcpy(keyring->node_public, stranger.keyring->node_public, sizeof keyring->node_public);
    memcpy(keyring->node_secret, stranger.keyring->node_secret, sizeof keyring->node_secret);
    bed_forget_log(bed);
    kr_link_session_down(bed_core(bed, 0), bed_link(bed, 0, HOST));
    kr_link_session_down(bed_core(bed, HOST), bed_link(bed, HOST, 0));
    bed_run(bed, 60000);
    assert_int_equal(bed_link(bed, 0, HOST)->stop, KR_STOP_NODE_KEY);
    assert_int_equal(bed_times_said(bed, 0, "is stopped: its node signed with a key that its council's card does not list"), 1);
    bed_run(bed, 120000);
    assert_false(bed_link(bed, 0, HOST)->has_session);
    sim_world_crash(bed->world, 0, 100);
    bed_run(bed, 120000);
    assert_int_equal(bed_link(bed, 0, HOST)->stop, KR_STOP_NODE_KEY);
    assert_false(bed_link(bed, 0, HOST)->has_session);
    assert_int_equal(bed_act_on(bed, 0, KR_PEER_PAUSE, HOST), KR_INVALID);
    /* It may be tried again, which makes the key no better; with the right one it goes on. */
    assert_int_equal(bed_act_on(bed, 0, KR_PEER_RESUME, HOST), KR_OK);
    bed_run(bed, 60000);
    assert_int_equal(bed_link(bed, 0, HOST)->stop, KR_STOP_NODE_KEY);
    assert_false(bed_link(bed, 0, HOST)->has_session);
    *keyring = genuine;
    assert_int_equal(bed_act_on(bed, 0, KR_PEER_RESUME, HOST), KR_OK);
    bed_run(bed, 60000);
    assert_int_equal(bed_link(bed, 0, HOST)->stop, KR_STOP_NOT);
    assert_true(bed_link(bed, 0, HOST)->has_session);
    assert_int_equal(bed_act_on(bed, 0, KR_PEER_RESUME, HOST), KR_INVALID);
    stranger_deinit(&stranger);
}

static void a_restored_node_has_to_begin_anew(void **state)
{
    struct bed *bed = *state;
    join_pending(bed);
    assert_int_equal(sim_world_backup(bed->world, HOST), SIM_HOLDS);
    assert_int_equal(sim_world_restore(bed->world, HOST, true), SIM_HOLDS);
    bed_run(bed, 1000);
    assert_int_equal(bed_link(bed, HOST, GUEST)->stop, KR_STOP_RESTORED);
    assert_int_equal(bed_link(bed, HOST, 0)->stop, KR_STOP_NOT);
}

static void no_community_is_founded_with_whom_nobody_has_confirmed(void **state)
{
    struct bed *bed = *state;
    struct kr_founding founding = {.name = {(const uint8_t *)"New", 3}, .vouches_needed = 1, .quorum = 1, .founder_count = 1};
    struct kr_writer args;
    join_pending(bed);
    memcpy(founding.founders[0], bed_node(bed, GUEST)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_founding_write(&founding, &args);
    assert_int_equal(bed_request(bed, HOST, KR_OP_FOUND, args.bytes, args.len, 100), KR_DENIED);
    assert_int_equal(bed_confirm(bed, HOST, GUEST), KR_OK);
    assert_int_equal(bed_confirm(bed, GUEST, HOST), KR_OK);
    assert_int_equal(bed_request(bed, HOST, KR_OP_FOUND, args.bytes, args.len, 100), KR_OK);
    kr_writer_deinit(&args);
}

static void requests_that_make_no_sense_say_why(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(bed_request(bed, HOST, KR_OP_PAIR, "x", 1, 100), KR_MALFORMED);
    assert_int_equal(bed_pair(bed, HOST, GUEST, KR_PAIR_CONFIRM, "12345678"), KR_NOT_FOUND);
    assert_int_equal(bed_pair(bed, HOST, 0, KR_PAIR_CONFIRM, "12345678"), KR_INVALID);
    join_pending(bed);
    assert_int_equal(bed_confirm(bed, GUEST, HOST), KR_OK);
    assert_int_equal(bed_confirm(bed, GUEST, HOST), KR_INVALID);
    assert_non_null(strstr(bed->text, "the other side has not"));
    bed_link(bed, HOST, GUEST)->pairing.code[0] = 0; /* as if the two had not met */
    assert_int_equal(bed_pair(bed, HOST, GUEST, KR_PAIR_CONFIRM, "12345678"), KR_INVALID);
    assert_non_null(strstr(bed->text, "no code yet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_clear_passes_until_both_have_confirmed, setup, teardown),
        cmocka_unit_test_setup_teardown(all_of_it_survives_restarts, setup, teardown),
        cmocka_unit_test(a_lost_frame_is_made_good),
        cmocka_unit_test_setup_teardown(the_third_wrong_code_ends_it_on_both_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(rejecting_removes_it_on_both_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(who_says_two_things_stops_the_link, setup, teardown),
        cmocka_unit_test_setup_teardown(a_random_that_was_not_committed_to_stops_the_link, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_takes_no_second_random_and_not_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(what_must_not_pass_is_refused_by_the_receiver, setup, teardown),
        cmocka_unit_test_setup_teardown(who_joins_anew_gets_the_vouch_of_its_ticket, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ticket_by_hand_needs_the_word_of_who_took_it, setup, teardown),
        cmocka_unit_test_setup_teardown(who_knows_of_no_code_is_drawn_in, setup, teardown),
        cmocka_unit_test_setup_teardown(another_node_key_stops_the_link_until_the_operator_acts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restored_node_has_to_begin_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(no_community_is_founded_with_whom_nobody_has_confirmed, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_that_make_no_sense_say_why, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/pairing", tests, NULL, NULL);
}
