/* Links through a third node: what the three have to agree on, what goes through, and what nobody can do with it. */
#include "node/core/forward.h"
#include "node/core/through.h"
#include "proto/client/forward.h"
#include "tests/unit/core/bed.h"

/* A chain: 0 and 2 are linked with 1, and not with each other. */
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

/* ---- what operators do ---- */

static uint32_t peer_act(struct bed *bed, uint32_t node, uint32_t action, uint32_t other, uint32_t through)
{
    struct kr_peer_act act = {.action = action};
    struct kr_writer args;
    memcpy(act.council, bed_node(bed, other)->council, 32);
    memcpy(act.through, bed_node(bed, through)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&act, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_PEER, args.bytes, args.len, 500);
    kr_writer_deinit(&args);
    return code;
}

static uint32_t add(struct bed *bed, uint32_t node, uint32_t other)
{
    return peer_act(bed, node, KR_PEER_ADD, other, 1);
}

static uint32_t forward_at(struct bed *bed, uint32_t node, uint32_t action, uint32_t a, uint32_t b, uint64_t rate)
{
    struct kr_forward_act act = {.action = action, .rate = rate};
    struct kr_writer args;
    memcpy(act.councils[0], bed_node(bed, a)->council, 32);
    memcpy(act.councils[1], bed_node(bed, b)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_forward_act_write(&act, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_FORWARD, args.bytes, args.len, 500);
    kr_writer_deinit(&args);
    return code;
}

static uint32_t forward(struct bed *bed, uint32_t action, uint64_t rate)
{
    return forward_at(bed, 1, action, 2, 0, rate);
}

static struct kr_forward_item listed(struct bed *bed)
{
    static const uint8_t nothing[] = {0x90};
    struct kr_forward_item item;
    bed->pages = 0;
    assert_int_equal(bed_request(bed, 1, KR_OP_FORWARDS, nothing, sizeof nothing, 100), KR_OK);
    assert_int_equal(bed->pages, 1);
    assert_int_equal(kr_forward_item_read((struct kr_slice){bed->items[0].bytes, bed->items[0].len}, &item), KR_OK);
    return item;
}

/* As peers says. */
static uint32_t state_at(struct bed *bed, uint32_t node, uint32_t other)
{
    static const uint8_t nothing[] = {0x90};
    struct kr_peer peer;
    uint32_t state = UINT32_MAX;
    bed->pages = 0;
    assert_int_equal(bed_request(bed, node, KR_OP_PEERS, nothing, sizeof nothing, 100), KR_OK);
    for (uint32_t i = 0; i < bed->pages; i++) {
        assert_int_equal(kr_peer_read((struct kr_slice){bed->items[i].bytes, bed->items[i].len}, &peer), KR_OK);
        if (memcmp(peer.council, bed_node(bed, other)->council, 32) == 0) {
            state = peer.through;
            assert_true(state == KR_THROUGH_NOT || memcmp(peer.through_council, bed_node(bed, 1)->council, 32) == 0);
        }
    }
    return state;
}

/* The operators at both ends have compared the code, by telephone. */
static void confirm(struct bed *bed)
{
    for (uint32_t node = 0; node <= 2; node += 2) {
        const char *code = bed_link(bed, 2 - node, node)->pairing.code;
        struct kr_pair_act act = {.action = KR_PAIR_CONFIRM, .code = {(const uint8_t *)code, strlen(code)}};
        struct kr_writer args;
        memcpy(act.council, bed_node(bed, 2 - node)->council, 32);
        kr_writer_init(&args, KR_KIB);
        kr_pair_act_write(&act, &args);
        assert_int_equal(bed_request(bed, node, KR_OP_PAIR, args.bytes, args.len, 500), KR_OK);
        kr_writer_deinit(&args);
    }
    bed_run(bed, 1000);
    assert_false(bed_link(bed, 0, 2)->pairing.is_pending || bed_link(bed, 2, 0)->pairing.is_pending);
}

static void agree(struct bed *bed, uint64_t rate)
{
    assert_int_equal(add(bed, 0, 2), KR_OK);
    assert_int_equal(add(bed, 2, 0), KR_OK);
    assert_int_equal(forward(bed, KR_FORWARD_ALLOW, rate), KR_OK);
    bed_run(bed, 2000);
    confirm(bed);
    assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 2, 0)->has_session);
}

#define LARGE_DOMAINS 4000u

/* An AMBER record of one of the two for the other; a large one is about 190 KiB. */
static void submit(struct bed *bed, uint32_t from, uint32_t to, uint8_t token, bool is_large, uint8_t ret_id[static 32])
{
    static char names[LARGE_DOMAINS][64];
    static const char *domains[LARGE_DOMAINS];
    struct kr_submit *submit = bed_submission(bed, KR_TLP_AMBER, "a.example", token);
    bed_address(bed, submit, to);
    for (uint32_t i = 0; i < LARGE_DOMAINS && is_large; i++) {
        (void)snprintf(names[i], sizeof names[i], "host-%u-%u.something-longer.example", token, i);
        domains[i] = names[i];
    }
    if (is_large) {
        bed_submission_body(submit, domains, LARGE_DOMAINS);
    }
    assert_int_equal(bed_submit(bed, from, submit, ret_id), KR_OK);
    bed_submission_free(submit);
}

/* ---- coming about ---- */

static void it_stands_when_all_three_agree(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32], back[32];
    assert_int_equal(add(bed, 0, 2), KR_OK);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_DENIED);
    assert_true(bed_said(bed, 1, "not allowed"));
    assert_int_equal(forward(bed, KR_FORWARD_ALLOW, 0), KR_OK);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_WAITING); /* at once */
    assert_false(listed(bed).is_ready);
    submit(bed, 0, 2, 1, false, id);
    bed_run(bed, 120000);
    assert_false(bed_holds(bed, 2, id));
    assert_null(kr_link_by_council(bed_core(bed, 2), bed_node(bed, 0)->council));
    assert_int_equal(add(bed, 2, 0), KR_OK);
    bed_run(bed, 2000);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_READY);
    assert_int_equal(state_at(bed, 2, 0), KR_THROUGH_READY);
    assert_int_equal(state_at(bed, 2, 1), KR_THROUGH_NOT);
    assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 2, 0)->has_session);
    assert_true(bed_link(bed, 0, 2)->we_dial != bed_link(bed, 2, 0)->we_dial);
    assert_false(bed_holds(bed, 2, id)); /* not before both operators know who is there */
    confirm(bed);
    assert_true(bed_holds(bed, 2, id)); /* what was written before comes by the pair's tree */
    submit(bed, 2, 0, 2, false, back);
    bed_run(bed, 1000);
    assert_true(bed_holds(bed, 0, back));
    assert_false(bed_holds(bed, 1, id) || bed_holds(bed, 1, back));
    bed_run(bed, 40000);
    assert_true(bed_link(bed, 0, 2)->is_equal && bed_link(bed, 2, 0)->is_equal);
    const struct kr_forward_item item = listed(bed);
    assert_true(item.is_ready && item.has_asked[0] && item.has_asked[1] && item.is_up[0] && item.is_up[1]);
    assert_true(item.rate == KR_FORWARD_RATE && item.bytes > 1000 && item.dropped == 0 && item.waiting == 0);
}

static void it_outlives_every_restart(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    agree(bed, 0);
    for (uint32_t node = 0; node < 3; node++) {
        submit(bed, node == 0 ? 2 : 0, node == 0 ? 0 : 2, (uint8_t)(node + 1), true, ids[node]);
        sim_world_crash(bed->world, node, 5000); /* in the middle of it */
        bed_run(bed, 90000);
        assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 2, 0)->has_session);
        assert_true(bed_holds(bed, 0, ids[node]) && bed_holds(bed, 2, ids[node]));
    }
    assert_true(bed_said(bed, 0, "is not linked there at the moment") || bed_said(bed, 2, "is not linked there at the moment") ||
                bed->log_len == 0);
    assert_int_equal(listed(bed).rate, KR_FORWARD_RATE);
}

static void only_what_does_not_go_by_the_third_node_goes_through(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    agree(bed, 0);
    const uint64_t before = listed(bed).bytes;
    struct kr_submit *clear = bed_submission(bed, KR_TLP_CLEAR, "clear.example", 9), *green;
    assert_int_equal(bed_submit(bed, 0, clear, id), KR_OK);
    bed_submission_free(clear);
    assert_true(bed_holds(bed, 2, id));
    green = bed_submission(bed, KR_TLP_GREEN, "green.example", 10);
    assert_int_equal(bed_submit(bed, 0, green, id), KR_OK);
    bed_submission_free(green);
    assert_true(bed_holds(bed, 2, id));
    assert_true(listed(bed).bytes - before < 400); /* a ping at most */
    assert_int_equal(bed_link(bed, 0, 2)->progress_count, 1);
    assert_int_equal(bed_link(bed, 0, 2)->progress[0].scope.kind, KR_SCOPE_PAIR);
}

/* More than the window, more than a piece, and at no more than the rate that was allowed. */
static void large_records_go_through_at_the_allowed_rate(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[6][32];
    agree(bed, 64 * KR_KIB);
    const uint64_t before = listed(bed).bytes, begin_ms = bed->world->now_ms;
    for (uint8_t i = 0; i < 6; i++) {
        submit(bed, 0, 2, (uint8_t)(i + 1), true, ids[i]);
    }
    while (!bed_holds(bed, 2, ids[5]) && bed->world->now_ms < begin_ms + 120000) {
        bed_run(bed, 500);
        const struct kr_forward *pair = bed_core(bed, 1)->forwards[0];
        assert_true(pair->sides[0].waiting <= KR_FORWARD_WINDOW && pair->sides[1].waiting <= KR_FORWARD_WINDOW);
        assert_true(bed_link(bed, 0, 2)->through->frames_bytes < KR_FORWARD_WINDOW + KR_FORWARD_FRAME_BYTES_MAX);
    }
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(bed_holds(bed, 2, ids[i]));
    }
    const uint64_t bytes = listed(bed).bytes - before, took_ms = bed->world->now_ms - begin_ms;
    assert_true(bytes > 6u * 150u * KR_KIB);
    assert_true(bytes <= (KR_FORWARD_WINDOW + took_ms * 64 * KR_KIB / 1000));
    assert_true(took_ms < 2 * bytes * 1000 / (64 * KR_KIB)); /* it uses what it may */
    assert_int_equal(listed(bed).dropped, 0);
    assert_true(listed(bed).now_rate > 0 && listed(bed).now_rate < 72 * KR_KIB);
    bed_run(bed, 60000);
    assert_true(listed(bed).now_rate < KR_KIB);
}

/* What the node in the middle loses costs a session, and nothing else. */
static void a_lost_piece_costs_a_session(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    agree(bed, KR_FORWARD_RATE_MIN);
    const uint64_t session_no = bed_link(bed, 0, 2)->session_no;
    submit(bed, 0, 2, 1, true, id);
    bed_run(bed, 1000);
    struct kr_forward *pair = bed_core(bed, 1)->forwards[0];
    struct kr_forward_side *to = &pair->sides[pair->sides[0].pieces != NULL ? 0 : 1];
    struct kr_piece *lost = to->pieces;
    assert_true(lost != NULL && lost->next != NULL);
    to->pieces = lost->next;
    to->waiting -= lost->len + KR_FORWARD_PIECE_COST;
    free(lost);
    bed_run(bed, 120000);
    assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 0, 2)->session_no != session_no);
    assert_true(bed_holds(bed, 2, id));
}

/* ---- ending ---- */

static void the_third_node_ends_it_at_once(void **state)
{
    struct bed *bed = *state;
    uint8_t during[32];
    agree(bed, 0);
    assert_int_equal(forward(bed, KR_FORWARD_DENY, 0), KR_OK);
    assert_false(bed_link(bed, 0, 2)->has_session || bed_link(bed, 2, 0)->has_session);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_DENIED);
    assert_int_equal(state_at(bed, 2, 0), KR_THROUGH_DENIED);
    assert_int_equal(forward(bed, KR_FORWARD_DENY, 0), KR_NOT_FOUND);
    submit(bed, 0, 2, 1, false, during);
    bed_restart(bed, 1);
    bed_run(bed, 100000);
    assert_false(bed_holds(bed, 2, during)); /* also after a restart */
    assert_int_equal(forward(bed, KR_FORWARD_ALLOW, 32 * KR_KIB), KR_OK);
    bed_run(bed, 2000);
    assert_true(bed_holds(bed, 2, during));
    /* Another rate is in force at once, and nothing ends for it. */
    const uint64_t session_no = bed_link(bed, 0, 2)->session_no;
    assert_int_equal(forward(bed, KR_FORWARD_ALLOW, 48 * KR_KIB), KR_OK);
    assert_int_equal(listed(bed).rate, 48 * KR_KIB);
    assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 0, 2)->session_no == session_no);
}

static void either_end_ends_it(void **state)
{
    struct bed *bed = *state;
    uint8_t during[32];
    agree(bed, 0);
    assert_int_equal(peer_act(bed, 0, KR_PEER_PAUSE, 2, 1), KR_OK);
    assert_false(bed_link(bed, 2, 0)->has_session);
    assert_int_equal(state_at(bed, 2, 0), KR_THROUGH_WAITING);
    submit(bed, 2, 0, 1, false, during);
    bed_run(bed, 100000);
    assert_false(bed_holds(bed, 0, during));
    assert_int_equal(peer_act(bed, 0, KR_PEER_RESUME, 2, 1), KR_OK);
    bed_run(bed, 2000);
    assert_true(bed_holds(bed, 0, during));
    assert_int_equal(peer_act(bed, 2, KR_PEER_REMOVE, 0, 1), KR_OK);
    assert_null(kr_link_by_council(bed_core(bed, 2), bed_node(bed, 0)->council));
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_WAITING);
    assert_int_equal(peer_act(bed, 0, KR_PEER_REMOVE, 2, 1), KR_OK); /* both begin anew, with a new code */
    assert_int_equal(add(bed, 2, 0), KR_OK);
    assert_int_equal(add(bed, 0, 2), KR_OK);
    bed_run(bed, 2000);
    assert_true(bed_link(bed, 0, 2)->has_session);
    confirm(bed);
    /* Who blocks the council in between has no link through it. */
    assert_int_equal(peer_act(bed, 0, KR_PEER_BLOCK, 1, 1), KR_OK);
    bed_run(bed, 1000);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_NO_CARRIER);
    assert_int_equal(state_at(bed, 2, 0), KR_THROUGH_NOT_UP);
    assert_false(bed_link(bed, 0, 2)->has_session || bed_link(bed, 2, 0)->has_session);
    assert_int_equal(peer_act(bed, 2, KR_PEER_BLOCK, 0, 1), KR_OK);
    assert_int_equal(add(bed, 2, 0), KR_DENIED);
}

/* What was allowed in an older state may have been ended since. */
static void a_restored_node_passes_nothing_on(void **state)
{
    struct bed *bed = *state;
    agree(bed, 0);
    bed_forget_log(bed);
    sim_world_push(bed->world, bed_node(bed, 1), (struct kr_event){.type = KR_EVENT_RESTORED}, NULL, 0, bed->world->now_ms);
    bed_run(bed, 60000);
    assert_int_equal(bed_times_said(bed, 1, "may have been ended since"), 1);
    assert_int_equal(bed_core(bed, 1)->restored.how, KR_RESTORED_NOT); /* it is equal with both */
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_DENIED);
        assert_false(bed_link(bed, 0, 2)->has_session || bed_link(bed, 2, 0)->has_session);
        bed_restart(bed, 1);
        bed_run(bed, 60000);
    }
    assert_int_equal(forward(bed, KR_FORWARD_ALLOW, 0), KR_OK);
    bed_run(bed, 60000);
    assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 2, 0)->has_session);
}

static uint32_t reject(struct bed *bed, uint32_t node, uint32_t other)
{
    struct kr_pair_act act = {.action = KR_PAIR_REJECT};
    struct kr_writer args;
    memcpy(act.council, bed_node(bed, other)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_pair_act_write(&act, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_PAIR, args.bytes, args.len, 500);
    kr_writer_deinit(&args);
    return code;
}

/* Whoever rejects the code ends the link at once: that word still goes through. */
static void a_rejection_arrives(void **state)
{
    struct bed *bed = *state;
    for (uint32_t node = 0; node <= 2; node += 2) {
        assert_int_equal(add(bed, 0, 2), KR_OK);
        assert_int_equal(add(bed, 2, 0), KR_OK);
        assert_int_equal(forward(bed, KR_FORWARD_ALLOW, 0), KR_OK);
        bed_run(bed, 60000);
        assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 2, 0)->has_session);
        bed_forget_log(bed);
        assert_int_equal(reject(bed, node, 2 - node), KR_OK);
        bed_run(bed, 2000);
        assert_int_equal(bed_times_said(bed, 2 - node, "the other side has rejected the link"), 1);
        assert_int_equal(state_at(bed, 0, 2), UINT32_MAX);
        assert_int_equal(state_at(bed, 2, 0), UINT32_MAX);
        assert_false(listed(bed).is_ready || listed(bed).has_asked[0] || listed(bed).has_asked[1]);
    }
}

/* Asks are counted, since they are said again; that it is wanted no more is said once. */
static void who_asked_too_often_may_still_end_it(void **state)
{
    struct bed *bed = *state;
    struct kr_message ask = {.type = KR_MESSAGE_FORWARD_ASK, .status = 1};
    memcpy(ask.id, bed_node(bed, 2)->council, 32);
    assert_int_equal(forward(bed, KR_FORWARD_ALLOW, 0), KR_OK);
    for (uint32_t i = 0; i < 20; i++) {
        bed_say(bed, 0, 1, &ask);
    }
    assert_true(listed(bed).has_asked[0] || listed(bed).has_asked[1]);
    ask.status = 0;
    bed_say(bed, 0, 1, &ask);
    assert_false(listed(bed).has_asked[0] || listed(bed).has_asked[1]);
}

static void nothing_goes_through_who_was_expelled(void **state)
{
    struct bed *bed = *state;
    agree(bed, 0);
    assert_int_equal(sim_world_state(bed->world, 0, bed_node(bed, 1), SIM_WORD_EXPELS), SIM_HOLDS);
    bed_run(bed, 30000);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_EXPELLED);
    assert_int_equal(state_at(bed, 2, 0), KR_THROUGH_EXPELLED);
    assert_false(bed_link(bed, 0, 2)->has_session || bed_link(bed, 2, 0)->has_session);
    assert_int_equal(bed_times_said(bed, 0, "was expelled, and nothing goes through it"), 1);
    assert_int_equal(sim_world_state(bed->world, 0, bed_node(bed, 1), SIM_WORD_READMITS), SIM_HOLDS);
    bed_run(bed, 40000);
    assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 2, 0)->has_session);
}

/* A node that knows nothing of this takes no notice of what it is asked. */
static void an_older_node_in_between_is_named(void **state)
{
    struct bed *bed = *state;
    bed_link(bed, 1, 0)->forward_asks = (struct kr_budget){.used = 1u << 30, .since_ms = bed->world->now_ms};
    assert_int_equal(add(bed, 0, 2), KR_OK);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_ASKING);
    bed_run(bed, 12000);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_SILENT);
    assert_true(bed_said(bed, 0, "may run an older version"));
    bed_link(bed, 1, 0)->forward_asks = (struct kr_budget){0};
    bed_run(bed, 100000);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_DENIED);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(peer_act(bed, 0, KR_PEER_ADD, 0, 1), KR_INVALID);
    assert_int_equal(peer_act(bed, 0, KR_PEER_ADD, 2, 2), KR_INVALID);
    assert_int_equal(peer_act(bed, 0, KR_PEER_ADD, 2, 0), KR_INVALID);
    assert_int_equal(peer_act(bed, 0, KR_PEER_ADD, 1, 2), KR_EXISTS);
    assert_int_equal(peer_act(bed, 1, KR_PEER_ADD, 0, 2), KR_EXISTS);
    assert_int_equal(add(bed, 0, 2), KR_OK);
    assert_int_equal(add(bed, 0, 2), KR_EXISTS);
    struct stranger stranger;
    stranger_init(bed, &stranger, 7);
    struct kr_peer_act act = {.action = KR_PEER_ADD};
    struct kr_writer args;
    for (uint32_t i = 0; i < 2; i++) { /* nobody's card, and a link through a link */
        memcpy(act.council, stranger.id, 32);
        memcpy(act.through, bed_node(bed, i == 0 ? 1 : 2)->council, 32);
        kr_writer_init(&args, KR_KIB);
        kr_peer_act_write(&act, &args);
        assert_int_equal(bed_request(bed, 0, KR_OP_PEER, args.bytes, args.len, 100), i == 0 ? KR_NOT_FOUND : KR_INVALID);
        kr_writer_deinit(&args);
    }
    stranger_deinit(&stranger);
    assert_int_equal(forward(bed, KR_FORWARD_ALLOW, KR_FORWARD_RATE_MIN - 1), KR_INVALID);
    assert_int_equal(forward(bed, KR_FORWARD_ALLOW, KR_FORWARD_RATE_MAX + 1), KR_INVALID);
    assert_int_equal(forward(bed, KR_FORWARD_DENY, 0), KR_NOT_FOUND);
    static const uint8_t junk[] = {0x93, 1, 2, 3};
    assert_int_equal(bed_request(bed, 1, KR_OP_FORWARD, junk, sizeof junk, 100), KR_MALFORMED);
    assert_int_equal(bed_request(bed, 1, KR_OP_FORWARDS, junk, sizeof junk, 100), KR_MALFORMED);
    struct kr_forward_act with = {.action = KR_FORWARD_ALLOW};
    for (uint32_t i = 0; i <= KR_FORWARDS_MAX; i++) {
        memset(with.councils[0], 1, 32);
        memset(with.councils[1], (int)(2 + i), 32);
        kr_writer_init(&args, KR_KIB);
        kr_forward_act_write(&with, &args);
        assert_int_equal(bed_request(bed, 1, KR_OP_FORWARD, args.bytes, args.len, 20), i < KR_FORWARDS_MAX ? KR_OK : KR_BOUNDS);
        kr_writer_deinit(&args);
    }
    bed_restart(bed, 1);
    assert_int_equal(bed_core(bed, 1)->forward_count, KR_FORWARDS_MAX);
}

/* ---- several ways ---- */

static struct kr_message about(struct bed *bed, uint32_t type, uint32_t other, uint32_t status, uint64_t count)
{
    struct kr_message message = {.type = type, .status = status, .count = count};
    memcpy(message.id, bed_node(bed, other)->council, 32);
    return message;
}

/* As if the core had been handed that message by that link. */
static void hear(struct bed *bed, struct kr_link *carrier, uint32_t status)
{
    static const uint8_t seed[32] = {3};
    struct kr_effects effects;
    struct kr_txn *txn = NULL;
    struct kr_rng rng;
    struct kr_message message = {.type = KR_MESSAGE_FORWARD_STATE, .status = status};
    enum kr_err err = KR_IO;
    memcpy(message.id, bed_node(bed, 2)->council, 32);
    kr_rng_init(&rng, seed);
    kr_effects_init(&effects);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    struct kr_step step = {
        .core = bed_core(bed, 0), .txn = txn, .rng = &rng, .effects = &effects, .now_ms = bed_node(bed, 0)->now_ms};
    assert_true(kr_through_message(&step, carrier, &message, &err));
    assert_int_equal(err, KR_OK);
    kr_txn_abort(txn);
    kr_effects_deinit(&effects);
}

/* The council in between has another node, with this transport key. */
static struct kr_link *add_node(struct bed *bed, uint8_t first_byte)
{
    struct kr_core *core = bed_core(bed, 0);
    struct kr_link *link = calloc(1, sizeof *link);
    assert_non_null(link);
    link->number = 100000u + first_byte;
    link->state = KR_LINK_OPEN;
    link->is_second = link->has_session = true;
    link->session = bed_link(bed, 0, 1)->session; /* what it says is let go of */
    memcpy(link->council, bed_node(bed, 1)->council, 32);
    memset(link->transport_key, first_byte, 32);
    core->links[core->link_count++] = link;
    return link;
}

static void both_ends_choose_the_same_node_in_between(void **state)
{
    struct bed *bed = *state;
    agree(bed, 0);
    struct kr_link *link = bed_link(bed, 0, 2), *real = bed_link(bed, 0, 1);
    const uint32_t number = real->number;
    assert_int_equal(link->through->number, number);
    struct kr_link *larger = add_node(bed, 0xff), *smaller = add_node(bed, 0);
    hear(bed, larger, KR_FORWARD_READY);
    hear(bed, larger, KR_FORWARD_DENIED);
    assert_true(link->has_session && link->through->number == number);
    hear(bed, smaller, KR_FORWARD_READY);
    assert_true(!link->has_session && link->through->number == smaller->number);
    hear(bed, real, KR_FORWARD_READY);
    hear(bed, real, KR_FORWARD_DENIED);
    assert_true(link->through->state == KR_THROUGH_READY && link->through->number == smaller->number);
    /* One that allows it counts for more than those that do not. */
    hear(bed, smaller, KR_FORWARD_WAITING);
    hear(bed, larger, KR_FORWARD_DENIED);
    assert_int_equal(link->through->state, KR_THROUGH_WAITING);
    hear(bed, larger, KR_FORWARD_READY);
    assert_int_equal(link->through->number, larger->number);
    /* It is gone, and so is the other. */
    larger->has_session = smaller->has_session = false;
    kr_through_carrier_down(bed_core(bed, 0), larger);
    assert_int_equal(link->through->state, KR_THROUGH_NO_CARRIER);
    bed_core(bed, 0)->link_count -= 2;
    free(larger);
    free(smaller);
    bed_run(bed, 60000);
    assert_true(link->has_session && link->through->number == number);
}

/* A second node of the council at one end has to wait until the first is gone. */
static void one_node_of_a_council_has_the_link(void **state)
{
    struct bed *bed = *state;
    agree(bed, 0);
    struct kr_forward *pair = bed_core(bed, 1)->forwards[0];
    struct kr_forward_side *side = &pair->sides[memcmp(pair->sides[0].council, bed_node(bed, 0)->council, 32) == 0 ? 0 : 1];
    struct kr_link *first = bed_link(bed, 1, 2); /* whichever: what counts is that it is up, and another */
    const struct kr_message ask = about(bed, KR_MESSAGE_FORWARD_ASK, 2, 1, 0);
    const uint32_t number = side->number;
    side->number = first->number;
    bed_say(bed, 0, 1, &ask);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_TAKEN);
    assert_int_equal(side->number, first->number);
    assert_true(bed_said(bed, 0, "another node of this council"));
    side->number = number + 1000; /* that one is gone */
    bed_run(bed, 100000);
    assert_int_equal(side->number, number);
    assert_true(bed_link(bed, 0, 2)->has_session);
}

/* Who was linked through a third node joins by a ticket: the link is an ordinary one then. */
static void a_ticket_makes_it_a_link_of_its_own(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    agree(bed, 0);
    assert_int_equal(peer_act(bed, 2, KR_PEER_REMOVE, 0, 1), KR_OK);
    sim_edges_add(&bed->world->edges, 0, 2);
    assert_int_equal(sim_world_link(bed->world, 2), SIM_HOLDS);
    bed_run(bed, 5000);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_NOT);
    assert_int_equal(state_at(bed, 2, 0), KR_THROUGH_NOT);
    assert_int_equal(forward(bed, KR_FORWARD_DENY, 0), KR_OK);
    submit(bed, 0, 2, 1, true, id);
    bed_restart(bed, 0);
    assert_true(bed_holds(bed, 2, id) && bed_link(bed, 0, 2)->has_session && bed_link(bed, 0, 2)->progress_count > 1);
}

/* ---- what the ends may try ---- */

/* A piece that node `from` wants passed on to `to`. */
static struct kr_message piece_for(struct bed *bed, uint32_t to, size_t len)
{
    static const uint8_t bytes[KR_FORWARD_PIECE_BYTES_MAX] = {KR_FRAME_SEALED};
    struct kr_message message = {.type = KR_MESSAGE_FORWARD, .count = len, .piece = {bytes, len}};
    memcpy(message.id, bed_node(bed, to)->council, 32);
    return message;
}

static void nothing_goes_to_who_did_not_agree(void **state)
{
    struct bed *bed = *state;
    const struct kr_message piece = piece_for(bed, 2, 100), ask = about(bed, KR_MESSAGE_FORWARD_ASK, 2, 1, 0);
    bed->sent[1] = 0;
    bed_run(bed, 1);
    const uint64_t word_ms = bed_link(bed, 2, 1)->word_ms;
    bed_say(bed, 0, 1, &piece); /* not allowed */
    bed_say(bed, 0, 1, &ask);
    bed_say(bed, 0, 1, &piece);
    assert_int_equal(forward(bed, KR_FORWARD_ALLOW, 0), KR_OK);
    const uint64_t told_ms = bed_link(bed, 2, 1)->word_ms; /* that it may ask */
    bed_say(bed, 0, 1, &ask);
    bed_say(bed, 0, 1, &piece); /* the other has not asked */
    bed_run(bed, 1000);
    assert_true(told_ms >= word_ms && bed_link(bed, 2, 1)->word_ms == told_ms);
    assert_true(bed_link(bed, 0, 1)->has_session && bed_link(bed, 1, 0)->has_session);
    assert_int_equal(listed(bed).bytes, 0);
    assert_int_equal(listed(bed).dropped, 1);
}

/* Node 1 can say that something came from anybody: nothing of it is believed without the session. */
static void a_forged_origin_is_worth_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    agree(bed, 0);
    const uint64_t session_no = bed_link(bed, 0, 2)->session_no;
    struct kr_message piece = piece_for(bed, 2, 200); /* "of 2", said by 1 */
    bed_say(bed, 1, 0, &piece);
    static const uint8_t lost[1 + KR_SESSION_ID_BYTES] = {KR_FRAME_LOST}, hello[300] = {KR_FRAME_HELLO};
    piece.piece = (struct kr_slice){lost, sizeof lost};
    piece.count = sizeof lost;
    bed_say(bed, 1, 0, &piece);
    bed_say(bed, 1, 2, &piece);
    piece.piece = (struct kr_slice){hello, sizeof hello};
    piece.count = sizeof hello;
    bed_say(bed, 1, 0, &piece);
    bed_run(bed, 1000);
    assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 0, 2)->session_no == session_no);
    /* Of one whose link does not go through it: nothing comes of it at all. */
    piece = piece_for(bed, 1, 200);
    bed_say(bed, 1, 0, &piece);
    /* What does not fit what came before it begins nothing. */
    piece = piece_for(bed, 2, 100);
    piece.count = 5000;
    piece.from = 4000;
    bed_say(bed, 1, 0, &piece);
    piece.from = 0;
    bed_say(bed, 1, 0, &piece);
    piece.from = 200;
    bed_say(bed, 1, 0, &piece);
    assert_null(bed_link(bed, 0, 2)->through->partial);
    submit(bed, 2, 0, 1, true, id);
    bed_run(bed, 5000);
    assert_true(bed_holds(bed, 0, id));
}

/* What comes over a link through a third node is passed on to nobody, and says nothing about other links. */
static void nothing_is_passed_on_twice(void **state)
{
    struct bed *bed = *state;
    agree(bed, 0);
    const struct kr_message messages[] = {piece_for(bed, 1, 100), about(bed, KR_MESSAGE_FORWARD_ASK, 1, 1, 0),
                                          about(bed, KR_MESSAGE_FORWARD_STATE, 1, KR_FORWARD_DENIED, 0),
                                          about(bed, KR_MESSAGE_FORWARD_STATE, 2, KR_FORWARD_DENIED, 0),
                                          about(bed, KR_MESSAGE_FORWARD_CREDIT, 2, 0, UINT64_MAX)};
    struct kr_link *inner = bed_link(bed, 2, 0);
    assert_int_equal(forward_at(bed, 0, KR_FORWARD_ALLOW, 1, 2, 0), KR_OK);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        size_t len;
        uint8_t *frame = bed_frame(&inner->session, &messages[i], &len);
        struct kr_message piece = {.type = KR_MESSAGE_FORWARD, .count = len, .piece = {frame, len}};
        memcpy(piece.id, bed_node(bed, 0)->council, 32);
        bed_say(bed, 2, 1, &piece);
        free(frame);
    }
    bed_run(bed, 1000);
    assert_int_equal(state_at(bed, 0, 2), KR_THROUGH_READY);
    assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 0, 1)->has_session);
    assert_true(bed_link(bed, 0, 2)->through->credit <= KR_FORWARD_WINDOW);
    const struct kr_forward *pair = bed_core(bed, 0)->forwards[0];
    assert_false(pair->sides[0].has_asked || pair->sides[1].has_asked);
}

/* Who sends more than it has room for is not heard on; who sends as much as it may fills no more than that. */
static void a_flood_ends_the_session_of_who_sends_it(void **state)
{
    struct bed *bed = *state;
    agree(bed, KR_FORWARD_RATE_MIN);
    const struct kr_message piece = piece_for(bed, 2, KR_FORWARD_PIECE_BYTES_MAX);
    for (uint32_t i = 0; i < 100 && bed_link(bed, 1, 0)->has_session; i++) {
        bed_say(bed, 0, 1, &piece);
        const struct kr_forward *pair = bed_core(bed, 1)->forwards[0];
        assert_true(pair->sides[0].waiting <= KR_FORWARD_WINDOW && pair->sides[1].waiting <= KR_FORWARD_WINDOW);
    }
    assert_true(bed_said(bed, 1, "more to be passed on than it was given room for"));
    assert_true(bed_link(bed, 1, 2)->has_session);
    bed_run(bed, 90000);
    assert_true(bed_link(bed, 0, 1)->has_session);
    assert_true(bed_link(bed, 0, 2)->has_session);
}

/* Small pieces are as dear as frames are; who asks all the time is answered now and then. */
static void many_small_ones_cost_as_few_large_ones_do(void **state)
{
    struct bed *bed = *state;
    agree(bed, 0);
    const struct kr_message piece = piece_for(bed, 2, 1), ask = about(bed, KR_MESSAGE_FORWARD_ASK, 2, 1, 0);
    struct kr_link *link = bed_link(bed, 0, 1);
    const uint32_t count = KR_FORWARD_WINDOW / KR_FORWARD_PIECE_COST + 4;
    /* In one batch, so that nothing is given back in between. */
    for (uint32_t i = 0; i < count; i++) {
        size_t len;
        uint8_t *frame = bed_frame(&link->session, &piece, &len);
        sim_world_push(bed->world, bed_node(bed, 1),
                       (struct kr_event){.type = KR_EVENT_FRAME, .number = bed_link(bed, 1, 0)->number}, frame, len,
                       bed->world->now_ms + 1);
        free(frame);
    }
    bed_run(bed, 10);
    assert_true(bed_said(bed, 1, "more to be passed on than it was given room for"));
    bed_run(bed, 60000);
    assert_true(bed_link(bed, 0, 2)->has_session);
    bed->sent[1] = 0;
    for (uint32_t i = 0; i < 200; i++) {
        link = bed_link(bed, 0, 1);
        size_t len;
        uint8_t *frame = bed_frame(&link->session, &ask, &len);
        sim_world_push(bed->world, bed_node(bed, 1),
                       (struct kr_event){.type = KR_EVENT_FRAME, .number = bed_link(bed, 1, 0)->number}, frame, len,
                       bed->world->now_ms + 1);
        free(frame);
    }
    bed_run(bed, 100);
    assert_true(bed->sent[1] < 120);
    bed_run(bed, 120000);
    assert_true(bed_link(bed, 0, 2)->has_session && bed_link(bed, 2, 0)->has_session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_stands_when_all_three_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(it_outlives_every_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_does_not_go_by_the_third_node_goes_through, setup, teardown),
        cmocka_unit_test_setup_teardown(large_records_go_through_at_the_allowed_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_piece_costs_a_session, setup, teardown),
        cmocka_unit_test_setup_teardown(the_third_node_ends_it_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(either_end_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(who_asked_too_often_may_still_end_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restored_node_passes_nothing_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rejection_arrives, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_goes_through_who_was_expelled, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_node_in_between_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(both_ends_choose_the_same_node_in_between, setup, teardown),
        cmocka_unit_test_setup_teardown(one_node_of_a_council_has_the_link, setup, teardown),
        cmocka_unit_test_setup_teardown(a_ticket_makes_it_a_link_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_goes_to_who_did_not_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forged_origin_is_worth_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_passed_on_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_ends_the_session_of_who_sends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(many_small_ones_cost_as_few_large_ones_do, setup, teardown),
    };
    return cmocka_run_group_tests_name("links through a third node", tests, NULL, NULL);
}
