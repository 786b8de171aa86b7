/* What the operator does with links: at once, durably, and without loss. */
#include "proto/wire/ticket.h"
#include "tests/unit/core/bed.h"

/* A chain: 0 and 2 are not linked. */
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

static uint32_t act_on(struct bed *bed, uint32_t node, uint32_t action, const uint8_t council[static 32])
{
    struct kr_peer_act act = {.action = action};
    struct kr_writer args;
    memcpy(act.council, council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&act, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_PEER, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    return code;
}

static uint32_t act(struct bed *bed, uint32_t node, uint32_t action, uint32_t other)
{
    return act_on(bed, node, action, bed_node(bed, other)->council);
}

/* An AMBER record of node 1 for node 0. */
static void submit_to_0(struct bed *bed, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submit = bed_submission(bed, KR_TLP_AMBER, "a.example", token);
    bed_address(bed, submit, 0);
    assert_int_equal(bed_submit(bed, 1, submit, ret_id), KR_OK);
    bed_submission_free(submit);
}

/* Whether net lets that link's key in. */
static bool net_admits(struct bed *bed, uint32_t node, const struct kr_link *link)
{
    const struct sim_node *sim = bed_node(bed, node);
    for (uint32_t i = 0; i < sim->allowed_count; i++) {
        if (sim->allowed[i].number == link->number && memcmp(sim->allowed[i].key, link->transport_key, 32) == 0) {
            return true;
        }
    }
    return false;
}

/* Frames that node 1 lets out to node 0 while the link is paused: none, whatever happens. */
static struct kr_link *watched;
static uint32_t seen;
static bool count_to_0(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    (void)context;
    seen += node->index == 1 && watched != NULL && effect->number == watched->number;
    return false;
}

static void a_paused_link_is_silent_and_catches_up(void **state)
{
    struct bed *bed = *state;
    uint8_t before[32], during[32];
    submit_to_0(bed, 1, before);
    bed_run(bed, 2000);
    assert_true(bed_holds(bed, 0, before));
    assert_int_equal(act(bed, 1, KR_PEER_PAUSE, 0), KR_OK);
    assert_false(bed_link(bed, 1, 0)->has_session);
    assert_false(net_admits(bed, 1, bed_link(bed, 1, 0)));
    assert_true(net_admits(bed, 1, bed_link(bed, 1, 2)));
    assert_int_equal(act(bed, 1, KR_PEER_PAUSE, 0), KR_INVALID);
    watched = bed_link(bed, 1, 0);
    seen = 0;
    bed->on_send = count_to_0;
    submit_to_0(bed, 2, during);
    bed_run(bed, 300000);
    assert_int_equal(seen, 0);
    bed->on_send = NULL;
    assert_false(bed_holds(bed, 0, during));
    assert_false(bed_link(bed, 0, 1)->has_session);
    assert_true(bed_link(bed, 1, 2)->has_session); /* the other link does not mind */
    /* Also after a restart. */
    sim_world_crash(bed->world, 1, 100);
    bed_run(bed, 120000);
    assert_int_equal(bed_link(bed, 1, 0)->state, KR_LINK_PAUSED);
    assert_false(bed_link(bed, 1, 0)->has_session);
    assert_false(net_admits(bed, 1, bed_link(bed, 1, 0)));
    assert_int_equal(act(bed, 1, KR_PEER_RESUME, 0), KR_OK);
    assert_true(net_admits(bed, 1, bed_link(bed, 1, 0)));
    bed_run(bed, 120000);
    assert_true(bed_link(bed, 1, 0)->has_session);
    assert_true(bed_holds(bed, 0, during));
    assert_int_equal(act(bed, 1, KR_PEER_RESUME, 0), KR_INVALID);
}

/* Whichever side dials: it is not tried again, and is not said to be. */
static void a_paused_link_is_listed_so(void **state)
{
    struct bed *bed = *state;
    static const uint8_t nothing[] = {0x90};
    struct kr_peer peer;
    const uint32_t dialler = bed_link(bed, 0, 1)->we_dial ? 0 : 1;
    assert_true(bed_link(bed, dialler, 1 - dialler)->we_dial);
    assert_int_equal(act(bed, dialler, KR_PEER_PAUSE, 1 - dialler), KR_OK);
    bed_run(bed, 120000);
    bed->pages = 0;
    assert_int_equal(bed_request(bed, dialler, KR_OP_PEERS, nothing, sizeof nothing, 100), KR_OK);
    for (uint32_t i = 0; i < bed->pages; i++) {
        assert_int_equal(kr_peer_read((struct kr_slice){bed->items[i].bytes, bed->items[i].len}, &peer), KR_OK);
        const bool is_it = memcmp(peer.council, bed_node(bed, 1 - dialler)->council, 32) == 0;
        assert_int_equal(peer.state, is_it ? KR_LINK_PAUSED : KR_LINK_OPEN);
        assert_true(!is_it || (peer.next_try_ms == 0 && !peer.is_online));
    }
    assert_int_equal(bed->pages, bed_core(bed, dialler)->link_count);
}

static struct kr_peer_rate rate_at(struct bed *bed, uint32_t node)
{
    struct kr_peer peer;
    bed->pages = 0;
    assert_int_equal(bed_request(bed, node, KR_OP_PEERS, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    assert_int_equal(kr_peer_read((struct kr_slice){bed->items[0].bytes, bed->items[0].len}, &peer), KR_OK);
    return peer.rate;
}

/* What goes over a link is told of for a minute, at both ends. */
static void a_link_tells_how_fast_it_is(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    bed_run(bed, 120000);
    assert_int_equal(rate_at(bed, 0).sent_records, 0);
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, "fast.example", 77);
    assert_int_equal(bed_submit(bed, 0, submission, id), KR_OK);
    bed_submission_free(submission);
    bed_run(bed, 3000);
    const struct kr_peer_rate sent = rate_at(bed, 0), received = rate_at(bed, 1);
    assert_in_range(sent.span_ms, 60000, 65000);
    assert_true(sent.sent_records == 1 && received.received_records == 1 && sent.sent_bytes > 100);
    assert_int_equal(sent.sent_bytes, received.received_bytes);
    bed_run(bed, 30000);
    assert_int_equal(rate_at(bed, 0).sent_records, 1);
    bed_run(bed, 40000);
    assert_true(rate_at(bed, 0).sent_records == 0 && rate_at(bed, 1).received_bytes == 0);
}

/* The peer has no say in it: its frames are not looked at. */
static void a_paused_peer_brings_nothing(void **state)
{
    struct bed *bed = *state;
    struct kr_writer body;
    assert_int_equal(act(bed, 0, KR_PEER_PAUSE, 1), KR_OK);
    const uint64_t heard_ms = bed_link(bed, 0, 1)->word_ms;
    struct forged report = bed_forge(
        bed, 1, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = bed_report(&body, "b.example")});
    struct kr_core *core = bed_core(bed, 0);
    struct kr_link *link = bed_link(bed, 0, 1);
    /* Even where net let a frame through that was under way. */
    static const uint8_t frame[200] = {KR_FRAME_HELLO};
    sim_world_push(bed->world, bed_node(bed, 0), (struct kr_event){.type = KR_EVENT_FRAME, .number = link->number}, frame,
                   sizeof frame, bed->world->now_ms + 1);
    bed_run(bed, 5000);
    assert_int_equal(bed_link(bed, 0, 1)->word_ms, heard_ms);
    assert_true(core->link_count == 1);
    forged_free(&report);
    kr_writer_deinit(&body);
}

static uint32_t join_by_ticket(struct bed *bed, uint32_t inviter, uint32_t joiner)
{
    struct kr_invite invite = {.is_link_only = true, .is_by_hand = true};
    char text[2048];
    struct kr_writer args;
    struct kr_reader reader;
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(&invite, &args);
    assert_int_equal(bed_request(bed, inviter, KR_OP_INVITE, args.bytes, args.len, 100), KR_OK);
    kr_writer_deinit(&args);
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    assert_true(kr_slice_text(kr_reader_str(&reader, 2000), text, sizeof text));
    kr_writer_init(&args, 4 * KR_KIB);
    kr_join_write(&(struct kr_join){.ticket = {(const uint8_t *)text, strlen(text)}, .is_by_hand = true}, &args);
    const uint32_t code = bed_request(bed, joiner, KR_OP_JOIN, args.bytes, args.len, 30000);
    kr_writer_deinit(&args);
    return code;
}

static void a_removed_link_is_gone_and_a_ticket_makes_it_again(void **state)
{
    struct bed *bed = *state;
    uint8_t before[32], later[32];
    submit_to_0(bed, 1, before);
    bed_run(bed, 2000);
    assert_int_equal(act(bed, 1, KR_PEER_REMOVE, 0), KR_OK);
    assert_null(kr_link_by_council(bed_core(bed, 1), bed_node(bed, 0)->council));
    assert_int_equal(act(bed, 1, KR_PEER_REMOVE, 0), KR_NOT_FOUND);
    bed_run(bed, 120000);
    assert_false(bed_link(bed, 0, 1)->has_session);
    assert_true(bed_holds(bed, 0, before)); /* what is there stays */
    assert_true(bed_holds(bed, 1, before));
    assert_int_equal(join_by_ticket(bed, 1, 0), KR_EXISTS); /* its own side stands */
    assert_int_equal(act(bed, 0, KR_PEER_REMOVE, 1), KR_OK);
    assert_int_equal(join_by_ticket(bed, 1, 0), KR_OK);
    submit_to_0(bed, 2, later);
    bed_run(bed, 5000);
    assert_true(bed_holds(bed, 0, later));
    assert_true(bed_link(bed, 0, 1)->is_equal);
    bed_restart(bed, 1);
    assert_true(bed_link(bed, 1, 0)->has_session);
}

static uint32_t blocked_at(struct bed *bed, uint32_t node)
{
    static const uint8_t nothing[] = {0x90};
    bed->pages = 0;
    assert_int_equal(bed_request(bed, node, KR_OP_BLOCKED, nothing, sizeof nothing, 100), KR_OK);
    return bed->pages;
}

static void a_blocked_council_is_linked_by_no_ticket(void **state)
{
    struct bed *bed = *state;
    struct kr_blocked blocked;
    assert_int_equal(act(bed, 1, KR_PEER_BLOCK, 0), KR_OK);
    assert_null(kr_link_by_council(bed_core(bed, 1), bed_node(bed, 0)->council));
    assert_int_equal(act(bed, 0, KR_PEER_REMOVE, 1), KR_OK);
    assert_int_equal(join_by_ticket(bed, 1, 0), KR_TIMEOUT); /* it has a ticket, and gets no answer */
    assert_int_equal(join_by_ticket(bed, 0, 1), KR_DENIED);  /* nor does the blocker join it by mistake */
    assert_int_equal(blocked_at(bed, 1), 1);
    assert_int_equal(kr_blocked_read((struct kr_slice){bed->items[0].bytes, bed->items[0].len}, &blocked), KR_OK);
    assert_memory_equal(blocked.council, bed_node(bed, 0)->council, 32);
    bed_restart(bed, 1);
    assert_int_equal(join_by_ticket(bed, 0, 1), KR_DENIED);
    assert_int_equal(act(bed, 1, KR_PEER_UNBLOCK, 0), KR_OK);
    assert_int_equal(act(bed, 1, KR_PEER_UNBLOCK, 0), KR_NOT_FOUND);
    assert_int_equal(blocked_at(bed, 1), 0);
    assert_int_equal(join_by_ticket(bed, 0, 1), KR_OK);
}

/* A ticket that was given before, or by mistake, does not undo what the operator has said since. */
static void a_paused_link_is_opened_by_no_ticket(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(act(bed, 1, KR_PEER_PAUSE, 0), KR_OK);
    assert_int_equal(act(bed, 0, KR_PEER_REMOVE, 1), KR_OK);
    assert_int_equal(join_by_ticket(bed, 1, 0), KR_TIMEOUT);
    assert_int_equal(bed_link(bed, 1, 0)->state, KR_LINK_PAUSED);
    assert_false(net_admits(bed, 1, bed_link(bed, 1, 0)));
    assert_non_null(strstr(bed->log, "showed a ticket of ours while the link with it is paused"));
    assert_int_equal(act(bed, 1, KR_PEER_RESUME, 0), KR_OK);
    assert_int_equal(join_by_ticket(bed, 1, 0), KR_OK);
    bed_run(bed, 5000);
    assert_true(bed_link(bed, 1, 0)->has_session);
}

/* Node 1's operator acts while node 0's first sealed frame, which makes the link, is under way. */
static uint32_t meanwhile;
static bool act_meanwhile(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct bed *bed = context;
    struct kr_peer_act request = {.action = meanwhile};
    struct kr_writer args;
    if (node->index != 0 || meanwhile == 0 || effect->bytes[0] != KR_FRAME_SEALED) {
        return false;
    }
    memcpy(request.council, node->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&request, &args);
    sim_world_push(bed->world, bed_node(bed, 1),
                   (struct kr_event){.type = KR_EVENT_REQUEST, .client = BED_CLIENT + 1, .request = 1, .op = KR_OP_PEER},
                   args.bytes, args.len, bed->world->now_ms);
    kr_writer_deinit(&args);
    meanwhile = 0;
    return false;
}

static void who_is_blocked_while_it_joins_does_not_get_in(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(act(bed, 1, KR_PEER_REMOVE, 0), KR_OK);
    assert_int_equal(act(bed, 0, KR_PEER_REMOVE, 1), KR_OK);
    bed_run(bed, 2000);
    bed->context = bed;
    bed->on_send = act_meanwhile;
    meanwhile = KR_PEER_BLOCK;
    assert_int_equal(join_by_ticket(bed, 1, 0), KR_TIMEOUT);
    bed->on_send = NULL;
    assert_int_equal(meanwhile, 0);
    assert_int_equal(blocked_at(bed, 1), 1);
    assert_null(kr_link_by_council(bed_core(bed, 1), bed_node(bed, 0)->council));
}

/* The welcome is lost, the link is removed: the ticket has done its work, and says so to who shows it again. */
static uint32_t welcomes_lost;
static bool lose_welcomes(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct bed *bed = context;
    const struct kr_core *core = bed_core(bed, 1);
    const bool is_welcome = node->index == 1 && effect->bytes[0] == KR_FRAME_SEALED && core->invitation_count == 1 &&
                            effect->number == core->invitations[0]->number;
    welcomes_lost += is_welcome;
    return is_welcome;
}

static void a_removed_link_takes_its_ticket_along(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(act(bed, 1, KR_PEER_REMOVE, 0), KR_OK);
    assert_int_equal(act(bed, 0, KR_PEER_REMOVE, 1), KR_OK);
    bed->context = bed;
    bed->on_send = lose_welcomes;
    welcomes_lost = 0;
    assert_int_equal(join_by_ticket(bed, 1, 0), KR_TIMEOUT);
    bed->on_send = NULL;
    assert_true(welcomes_lost > 0);
    assert_int_equal(bed_core(bed, 1)->invitation_count, 1);
    assert_int_equal(act(bed, 1, KR_PEER_REMOVE, 0), KR_OK);
    assert_int_equal(bed_core(bed, 1)->invitation_count, 0);
    bed_restart(bed, 1);
    assert_int_equal(bed_core(bed, 1)->invitation_count, 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct bed *bed = *state;
    static const uint8_t junk[] = {0x92, 0x06, 0xC4, 0x00};
    uint8_t strange[32] = {7};
    for (uint32_t action = KR_PEER_PAUSE; action <= KR_PEER_REMOVE; action++) {
        assert_int_equal(act(bed, 0, action, 2), KR_NOT_FOUND);
    }
    assert_int_equal(act(bed, 0, KR_PEER_BLOCK, 0), KR_INVALID);
    assert_int_equal(blocked_at(bed, 0), 0);
    assert_int_equal(bed_request(bed, 0, KR_OP_PEER, junk, sizeof junk, 100), KR_MALFORMED);
    for (uint32_t i = 0; i < KR_BLOCKED_MAX; i++) {
        strange[1] = (uint8_t)(i >> 8);
        strange[2] = (uint8_t)i;
        assert_int_equal(act_on(bed, 0, KR_PEER_BLOCK, strange), KR_OK);
    }
    strange[3] = 1;
    assert_int_equal(act_on(bed, 0, KR_PEER_BLOCK, strange), KR_BOUNDS);
    assert_int_equal(act(bed, 0, KR_PEER_BLOCK, 1), KR_BOUNDS);
    assert_non_null(kr_link_by_council(bed_core(bed, 0), bed_node(bed, 1)->council)); /* then nothing is done at all */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_paused_link_is_silent_and_catches_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_paused_link_is_listed_so, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_tells_how_fast_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_paused_peer_brings_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_link_is_gone_and_a_ticket_makes_it_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_blocked_council_is_linked_by_no_ticket, setup, teardown),
        cmocka_unit_test_setup_teardown(a_paused_link_is_opened_by_no_ticket, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_blocked_while_it_joins_does_not_get_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_link_takes_its_ticket_along, setup, teardown),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
