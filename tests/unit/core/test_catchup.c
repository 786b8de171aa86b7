/* What was missed comes, and no answer of a peer can make a mark move past what it did not bring. */
#include "tests/unit/core/bed.h"

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

static struct kr_progress *progress(struct bed *bed, uint32_t node, uint32_t peer, uint8_t kind)
{
    struct kr_link *link = bed_link(bed, node, peer);
    for (uint32_t i = 0; i < link->progress_count; i++) {
        if (link->progress[i].scope.kind == kind) {
            return &link->progress[i];
        }
    }
    fail_msg("no scope of kind %u", kind);
    return NULL;
}

static void submit_some(struct bed *bed, uint32_t node, uint8_t from, uint8_t to, uint8_t ids[][32])
{
    for (uint8_t i = from; i < to; i++) {
        struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", i);
        assert_int_equal(bed_submit(bed, node, submit, ids[i]), KR_OK);
        bed_submission_free(submit);
    }
}

static void after_an_absence_all_that_was_missed_comes(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[30][32];
    sim_world_crash(bed->world, 1, 3600000);
    submit_some(bed, 0, 1, 30, ids);
    bed_run(bed, 3700000);
    for (uint32_t i = 1; i < 30; i++) {
        assert_true(bed_holds(bed, 1, ids[i]));
    }
    bed_run(bed, 60000);
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 29);
    assert_int_equal(bed_link(bed, 1, 0)->phase, KR_CATCHUP_REST);
}

static void equal_sets_cost_pings_alone(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[10][32];
    submit_some(bed, 0, 1, 10, ids);
    bed_run(bed, 120000);
    memset(bed->sent, 0, sizeof bed->sent);
    bed_run(bed, 600000);
    /* A ping each 15 to 19 s from each side, and an answer: no cursor, no have. */
    assert_in_range(bed->sent[0], 50, 90);
    assert_in_range(bed->sent[1], 50, 90);
}

/* The server lost its newest entries and wrote others in their place: the count fits, the hash does not. */
static void a_restored_server_cannot_make_us_skip(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[20][32];
    submit_some(bed, 0, 1, 10, ids);
    bed_run(bed, 60000);
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 9);
    /* 1 as if it had read five entries of another history of 0's tree, and lost an early record. */
    sim_world_crash(bed->world, 1, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, 1), SIM_HOLDS);
    struct kr_txn *txn = NULL;
    struct kr_writer value;
    uint8_t key[65] = {0};
    memcpy(key, bed_link(bed, 1, 0)->transport_key, 32);
    key[32] = KR_SCOPE_CLEAR;
    kr_writer_init(&value, 64);
    kr_writer_array(&value, 2);
    kr_writer_uint(&value, 5);
    uint8_t wrong[32];
    memset(wrong, 0xEE, sizeof wrong);
    kr_writer_bin(&value, wrong, 32);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 1)->store, &txn), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_MARKS, key, sizeof key, value.bytes, value.len), KR_OK);
    uint64_t arrival;
    assert_int_equal(kr_store_record_find(txn, ids[2], &arrival), KR_OK);
    assert_int_equal(kr_store_record_purge(txn, arrival, (struct kr_slice){0}), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_writer_deinit(&value);
    bed_run(bed, 120000);
    assert_true(bed_holds(bed, 1, ids[2])); /* read again from the start: brought back */
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 9);
}

static void next_hash(uint8_t hash[static 32], const uint8_t id[static 32])
{
    struct kr_hash_state state;
    kr_hash_init(&state, "kairan cursor");
    kr_hash_update(&state, hash, 32);
    kr_hash_update(&state, id, 32);
    kr_hash_final(&state, hash);
}

/* 1 has just asked 0 for what is new in a scope. */
static void has_asked(struct bed *bed, const struct kr_progress *of)
{
    struct kr_link *link = bed_link(bed, 1, 0);
    link->phase = KR_CATCHUP_ASKED;
    link->phase_at = (uint32_t)(of - link->progress);
    link->phase_ms = bed->world->now_ms;
}

/* 1 is told that 0 has more, asks, and gets answers that do not follow from its mark. */
static void answers_that_do_not_follow_move_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[10][32], other[32];
    submit_some(bed, 0, 1, 10, ids);
    bed_run(bed, 60000);
    struct kr_progress before = *progress(bed, 1, 0, KR_SCOPE_CLEAR);
    struct kr_message *have = calloc(1, sizeof *have);
    memset(other, 0x44, sizeof other);
    for (uint32_t i = 0; i < 7; i++) {
        struct kr_progress *clear = progress(bed, 1, 0, KR_SCOPE_CLEAR);
        has_asked(bed, clear);
        *have = (struct kr_message){.type = KR_MESSAGE_HAVE, .scope = {.kind = KR_SCOPE_CLEAR}, .from = before.mark};
        memcpy(have->hash, before.mark_hash, 32);
        have->count = before.mark;
        switch (i) {
        case 0: /* begins further on */
            have->from = have->count = before.mark + 50;
            break;
        case 1: /* another hash for no entries */
            memset(have->hash, 1, 32);
            break;
        case 2: /* an entry that the hash does not know of */
            have->count++;
            have->items[have->item_count++] = (struct kr_slice){other, 32};
            break;
        case 3: /* starts anew, but not at 0 */
            have->status = 1;
            break;
        case 4: /* more entries than there are */
            have->status = 1;
            have->from = have->count = 0;
            have->items[have->item_count++] = (struct kr_slice){other, 32};
            break;
        case 5: /* one entry of many, so that it would be asked for each of them */
            next_hash(have->hash, other);
            have->count += 100;
            have->items[have->item_count++] = (struct kr_slice){other, 32};
            break;
        default: /* overflowing */
            have->from = UINT64_MAX;
            have->count = 0;
            have->items[have->item_count++] = (struct kr_slice){other, 32};
            break;
        }
        bed_say(bed, 0, 1, have);
        clear = progress(bed, 1, 0, KR_SCOPE_CLEAR);
        assert_int_equal(clear->mark, before.mark);
        assert_memory_equal(clear->mark_hash, before.mark_hash, 32);
        assert_true(bed_times_said(bed, 1, "contradicts itself") + bed_times_said(bed, 1, "cannot be read") == 1);
        bed_forget_log(bed);
    }
    free(have);
}

/* A server that lists an entry and then says that it is gone: the mark follows it there, and back. */
static void a_mark_over_another_history_is_read_anew(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[10][32], other[32];
    submit_some(bed, 0, 1, 10, ids);
    bed_run(bed, 60000);
    struct kr_progress *clear = progress(bed, 1, 0, KR_SCOPE_CLEAR);
    uint64_t mark = clear->mark;
    struct kr_message *have = calloc(1, sizeof *have);
    memset(other, 0x44, sizeof other);
    *have = (struct kr_message){
        .type = KR_MESSAGE_HAVE, .scope = {.kind = KR_SCOPE_CLEAR}, .from = mark, .count = mark + 1, .item_count = 1};
    have->items[0] = (struct kr_slice){other, 32};
    memcpy(have->hash, clear->mark_hash, 32);
    next_hash(have->hash, other);
    has_asked(bed, clear);
    /* 0 does not have it and says so at once: that settles it, and the mark moves to where 0 said it was. */
    bed_say(bed, 0, 1, have);
    bed_run(bed, 1000);
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, mark + 1);
    /* The next exchange finds that 0's tree is another one, and reads it from the start. */
    bed_run(bed, 120000);
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 9);
    free(have);
}

/* A peer whose tree is another one with every answer makes us write a mark once a minute, not once an answer. */
static void a_tree_is_another_one_once_a_minute(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[10][32];
    submit_some(bed, 0, 1, 10, ids);
    bed_run(bed, 120000);
    struct kr_message *have = calloc(1, sizeof *have);
    uint64_t began_ms = bed->world->now_ms;
    uint32_t times = 0;
    for (uint32_t i = 1; i < 10; i++) {
        struct kr_progress before = *progress(bed, 1, 0, KR_SCOPE_CLEAR);
        has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
        *have = (struct kr_message){
            .type = KR_MESSAGE_HAVE, .scope = {.kind = KR_SCOPE_CLEAR}, .status = 1, .count = 1, .item_count = 1};
        have->items[0] = (struct kr_slice){ids[i], 32};
        next_hash(have->hash, ids[i]);
        bed_say(bed, 0, 1, have);
        times += memcmp(before.mark_hash, progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark_hash, 32) != 0;
    }
    assert_true(bed->world->now_ms < began_ms + 60000);
    assert_int_equal(times, 1);
    /* That it has told us so keeps nothing from us. */
    bed_run(bed, 180000);
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 9);
    free(have);
}

/* Whatever a peer's clock says can be told. */
static void clocks_may_be_any_time_apart(void **state)
{
    struct bed *bed = *state;
    struct kr_message *ping = calloc(1, sizeof *ping);
    ping->type = KR_MESSAGE_PING;
    ping->sequence = UINT64_MAX;
    bed_say(bed, 0, 1, ping);
    assert_true(bed_link(bed, 1, 0)->clock_ms == INT64_MAX);
    ping->sequence = 0;
    bed_say(bed, 0, 1, ping);
    assert_in_range(-bed_link(bed, 1, 0)->clock_ms, bed->world->now_ms - 1000, bed->world->now_ms);
    free(ping);
}

/* 0 wants a record of 1's, and it comes; whether the mark is held because of it. */
static bool is_held_by(struct bed *bed, const struct forged *forged)
{
    struct kr_link *link = bed_link(bed, 0, 1);
    struct kr_progress *clear = progress(bed, 0, 1, KR_SCOPE_CLEAR);
    link->wanted = link->wanted != NULL ? link->wanted : calloc(KR_IDS_PER_FRAME_MAX, sizeof *link->wanted);
    assert_non_null(link->wanted);
    memcpy(link->wanted[0].id, forged->id, 32);
    link->wanted[0].is_settled = link->holds_mark = false;
    link->wanted_count = link->wanted_left = 1;
    link->phase = KR_CATCHUP_WANTING;
    link->phase_at = (uint32_t)(clear - link->progress);
    link->phase_ms = bed->world->now_ms;
    link->next_at = link->next_total = clear->at;
    memcpy(link->next_hash, clear->at_hash, 32);
    clear->is_held = false;
    bed_hand_over(bed, 1, 0, forged);
    assert_int_equal(link->wanted_left, 0);
    assert_false(bed_holds(bed, 0, forged->id));
    return progress(bed, 0, 1, KR_SCOPE_CLEAR)->is_held;
}

/* Expired by our clock, while the peer's says that ours is ahead: the mark stays before it. */
static void what_has_expired_by_our_clock_alone_holds_the_mark(void **state)
{
    struct bed *bed = *state;
    const uint64_t now_ms = bed->world->now_ms;
    struct kr_writer content;
    struct kr_message *ping = calloc(1, sizeof *ping);
    struct forged forged = bed_forge(bed, 1,
                                     (struct kr_draft){.kind = KR_KIND_REPORT,
                                                       .label = KR_TLP_CLEAR,
                                                       .created_ms = now_ms - 10 * (uint64_t)BED_DAY_MS,
                                                       .expires_s = (now_ms - BED_DAY_MS) / 1000,
                                                       .content = bed_report(&content, "a.example")});
    assert_non_null(ping);
    ping->type = KR_MESSAGE_PING;
    ping->sequence = now_ms;
    bed_say(bed, 1, 0, ping);
    assert_false(is_held_by(bed, &forged));
    ping->sequence = now_ms - 2 * (uint64_t)BED_DAY_MS;
    bed_say(bed, 1, 0, ping);
    assert_true(is_held_by(bed, &forged));
    ping->sequence = now_ms - BED_DAY_MS / 2; /* it is over for both */
    bed_say(bed, 1, 0, ping);
    assert_false(is_held_by(bed, &forged));
    forged_free(&forged);
    kr_writer_deinit(&content);
    free(ping);
}

/* A peer that takes nothing and asks for the same all the time fills no queue with it. */
static void what_is_asked_for_twice_waits_once(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    submit_some(bed, 0, 1, 3, ids);
    bed_run(bed, 60000);
    struct kr_link *link = bed_link(bed, 0, 1);
    link->window = 0; /* nothing leaves the queue */
    struct kr_message *want = calloc(1, sizeof *want);
    want->type = KR_MESSAGE_WANT;
    want->item_count = KR_IDS_PER_FRAME_MAX;
    for (uint32_t i = 0; i < KR_IDS_PER_FRAME_MAX; i++) {
        want->items[i] = (struct kr_slice){ids[1 + i % 2], 32};
    }
    for (uint32_t i = 0; i < 4; i++) {
        bed_say(bed, 1, 0, want);
    }
    assert_int_equal(link->asked.count, 2);
    assert_int_equal(link->bulk.count, 0);
    uint64_t sent = link->sent_records;
    link->window = link->room;
    bed_run(bed, 60000);
    assert_int_equal(link->sent_records, sent + 2);
    free(want);
}

/* Fresh records go first, but do not take away whose turn it is among the others: there is room for one of those at a time here. */
static void wanted_records_have_their_turn_beside_fresh_ones(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[2][32], seed[32] = {1};
    struct kr_head head;
    submit_some(bed, 0, 0, 2, ids);
    bed_run(bed, 60000);
    assert_int_equal(bed_head(bed, 0, ids[0], &head), KR_OK);
    struct kr_link *link = bed_link(bed, 0, 1);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(kr_gossip_enqueue(link, head.arrival, true), KR_OK);
    }
    assert_int_equal(kr_gossip_ask(link, head.arrival, ids[0]), KR_OK);
    assert_int_equal(bed_head(bed, 0, ids[1], &head), KR_OK);
    assert_int_equal(kr_gossip_ask(link, head.arrival, ids[1]), KR_OK);
    for (uint32_t round = 1; round <= 4; round++) {
        struct kr_event tick = {.type = KR_EVENT_TICK, .now_ms = bed->world->now_ms};
        struct kr_effects effects;
        size_t done = 0;
        assert_int_equal(kr_gossip_enqueue(link, head.arrival, false), KR_OK);
        link->room = 2 * KR_BULK_WINDOW_BYTES;
        link->window = link->room - KR_BULK_WINDOW_BYTES + 2 * head.record_bytes;
        kr_effects_init(&effects);
        assert_int_equal(kr_loop_run(bed_node(bed, 0)->loop, &tick, 1, seed, NULL, NULL, &effects, &done), KR_OK);
        kr_effects_deinit(&effects);
        assert_int_equal(link->fresh.count, 0);
        assert_int_equal(link->bulk.count + link->asked.count, 6 - round);
    }
    assert_int_equal(link->asked.count, 0);
}

/* A queue without room is no reason to say that a record is gone. */
static void wanted_records_without_room_are_not_said_to_be_gone(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    submit_some(bed, 0, 1, 3, ids);
    bed_run(bed, 60000);
    struct kr_link *link = bed_link(bed, 0, 1);
    link->window = 0; /* nothing leaves the queue */
    for (uint64_t i = 0; i < KR_LINK_ASKED_MAX; i++) {
        uint8_t id[32] = {0};
        memcpy(id, &i, sizeof i);
        assert_int_equal(kr_gossip_ask(link, 1000000 + i, id), KR_OK);
    }
    for (uint64_t i = 0; i < KR_LINK_ASKED_MAX; i++) { /* each with its own id still, however often the queue grew */
        const uint64_t at = (link->asked.head + i) % link->asked.capacity;
        assert_int_equal(link->asked.items[at], 1000000 + i);
        assert_memory_equal(link->asked.ids[at], &i, sizeof i);
    }
    assert_int_equal(kr_gossip_ask(link, 1, ids[0]), KR_QUOTA);
    memset(bed->sent, 0, sizeof bed->sent);
    struct kr_message *want = calloc(1, sizeof *want);
    want->type = KR_MESSAGE_WANT;
    want->item_count = 1;
    want->items[0] = (struct kr_slice){ids[1], 32};
    bed_say(bed, 1, 0, want);
    assert_int_equal(bed->sent[0], 0); /* no gone */
    assert_int_equal(link->asked.count, KR_LINK_ASKED_MAX);
    static const uint8_t unknown[32] = {5};
    want->items[0] = (struct kr_slice){unknown, 32};
    bed_say(bed, 1, 0, want);
    assert_int_equal(bed->sent[0], 1); /* this one is */
    free(want);
}

/* `node` holds an older card of council 1, as far as its keys go (or the right one again). */
static void turn_key(struct bed *bed, uint32_t node)
{
    bed_turn_key(bed, node, 1);
}

/* 0 has no room for ids[1], by a key that it does not know; ids[0] and ids[2] are there, the last one by catching up. */
static void put_one_off(struct bed *bed, uint8_t ids[][32])
{
    submit_some(bed, 1, 0, 1, ids);
    bed_run(bed, 60000);
    bed_core(bed, 0)->quarantine_bytes = KR_QUARANTINE_BYTES_MAX;
    turn_key(bed, 0);
    submit_some(bed, 1, 1, 2, ids);
    bed_run(bed, 60000);
    turn_key(bed, 0);
    struct kr_link *link = bed_link(bed, 1, 0);
    uint64_t window = link->window;
    link->window = 0; /* no push goes out */
    submit_some(bed, 1, 2, 3, ids);
    link->fresh.count = 0;
    link->window = window;
    bed_run(bed, 60000);
    turn_key(bed, 0);
    assert_true(bed_holds(bed, 0, ids[0]));
    assert_false(bed_holds(bed, 0, ids[1]));
    assert_true(bed_holds(bed, 0, ids[2]));
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->mark, 1);
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->at, 3);
}

static void a_record_without_room_holds_the_mark_and_stops_nobody(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    struct kr_head head;
    put_one_off(bed, ids);
    /* While there is no room it is not asked for again, not even by another session. */
    uint64_t received = bed_link(bed, 0, 1)->received_records;
    sim_world_push(bed->world, bed_node(bed, 0), (struct kr_event){.type = KR_EVENT_LOST, .number = bed_link(bed, 0, 1)->number},
                   NULL, 0, bed->world->now_ms);
    bed_run(bed, 600000);
    assert_true(bed_link(bed, 0, 1)->has_session);
    assert_int_equal(bed_link(bed, 0, 1)->received_records, received);
    bed_core(bed, 0)->quarantine_bytes = 0;
    bed_run(bed, 120000);
    assert_int_equal(bed_link(bed, 0, 1)->received_records, received + 1);
    assert_int_equal(bed_head(bed, 0, ids[1], &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_QUARANTINED);
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->mark, 3);
    turn_key(bed, 0);
    bed_core(bed, 0)->quarantine_is_due = true;
    bed_run(bed, 60000);
    assert_int_equal(bed_head(bed, 0, ids[1], &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_SHOWN);
}

/* Quarantine stays full, but now the key is known: its place there is not needed. */
static void what_was_put_off_is_asked_for_when_the_directory_changes(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    struct kr_head head;
    put_one_off(bed, ids);
    turn_key(bed, 0);
    bed_core(bed, 0)->directory.generation++;
    bed_run(bed, 120000);
    assert_int_equal(bed_head(bed, 0, ids[1], &head), KR_OK);
    assert_int_equal(head.state, KR_HEAD_SHOWN);
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->mark, 3);
}

/* What holds the mark is forgotten in a crash; the mark itself is not. */
static void what_was_put_off_is_asked_for_after_a_crash(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    put_one_off(bed, ids);
    sim_world_crash(bed->world, 0, UINT32_MAX);
    assert_int_equal(sim_world_start(bed->world, 0), SIM_HOLDS);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, 0, ids[1]));
    assert_int_equal(progress(bed, 0, 1, KR_SCOPE_CLEAR)->mark, 3);
}

/* Messages out of their turn, about scopes of others, with counts beyond all bounds: nothing moves and no step fails. */
/* 0's clock is two days ahead, and what it signs is dated so. It is not taken yet, and not passed over either. */
static void what_is_dated_far_ahead_is_taken_when_it_has_come_nearer(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[4][32];
    submit_some(bed, 0, 1, 2, ids);
    bed_run(bed, 60000);
    assert_true(bed_holds(bed, 1, ids[1]));
    bed_core(bed, 0)->now_ms = bed->world->now_ms + 2 * BED_DAY_MS;
    submit_some(bed, 0, 2, 3, ids);
    bed_forget_log(bed);
    bed_run(bed, BED_DAY_MS - 120000);
    assert_false(bed_holds(bed, 1, ids[2]));
    assert_true(bed_said(bed, 1, "dated more than a day ahead"));
    struct kr_progress *clear = progress(bed, 1, 0, KR_SCOPE_CLEAR);
    assert_true(clear->is_held);
    assert_int_equal(clear->mark, 1);
    assert_true(bed_link(bed, 1, 0)->has_session);
    bed_run(bed, 240000);
    assert_true(bed_holds(bed, 1, ids[2]));
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 2);
}

static void noise_is_survived(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[5][32];
    submit_some(bed, 0, 1, 5, ids);
    bed_run(bed, 60000);
    struct kr_message *message = calloc(1, sizeof *message);
    for (uint32_t i = 0; i < 400; i++) {
        uint8_t id[32];
        kr_rng_bytes(&bed->world->rng, id, sizeof id);
        memset(message, 0, sizeof *message);
        message->type = 1 + i % KR_MESSAGE_NEED;
        message->scope.kind = (uint8_t)(1 + kr_rng_below(&bed->world->rng, KR_SCOPE_KIND_MAX));
        message->count = i % 3 == 0 ? UINT64_MAX : kr_rng_below(&bed->world->rng, 10);
        message->from = i % 5 == 0 ? UINT64_MAX : kr_rng_below(&bed->world->rng, 10);
        message->sequence = i % 2 == 0 ? UINT64_MAX : 0;
        message->reason = (uint32_t)kr_rng_below(&bed->world->rng, 40);
        message->items[0] = (struct kr_slice){id, 32};
        message->item_count = i % 4 != 0;
        if (message->type == KR_MESSAGE_REFUSE) {
            message->item_count = 1;
        }
        if (message->type == KR_MESSAGE_BYE || message->type == KR_MESSAGE_UNKNOWN || message->type == KR_MESSAGE_SYNC ||
            message->type == KR_MESSAGE_FORWARD) {
            continue;
        }
        if (!bed_link(bed, 0, 1)->has_session || !bed_link(bed, 1, 0)->has_session) {
            bed_run(bed, 60000);
        }
        bed_say(bed, 0, 1, message);
    }
    free(message);
    bed_run(bed, 120000);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "b.example", 77);
    assert_int_equal(bed_submit(bed, 0, submit, ids[0]), KR_OK);
    bed_run(bed, 120000);
    assert_true(bed_holds(bed, 1, ids[0]));
    bed_submission_free(submit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_an_absence_all_that_was_missed_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_sets_cost_pings_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restored_server_cannot_make_us_skip, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_that_do_not_follow_move_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mark_over_another_history_is_read_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tree_is_another_one_once_a_minute, setup, teardown),
        cmocka_unit_test_setup_teardown(clocks_may_be_any_time_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_expired_by_our_clock_alone_holds_the_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_asked_for_twice_waits_once, setup, teardown),
        cmocka_unit_test_setup_teardown(wanted_records_have_their_turn_beside_fresh_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(wanted_records_without_room_are_not_said_to_be_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_without_room_holds_the_mark_and_stops_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_put_off_is_asked_for_when_the_directory_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_put_off_is_asked_for_after_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_dated_far_ahead_is_taken_when_it_has_come_nearer, setup, teardown),
        cmocka_unit_test_setup_teardown(noise_is_survived, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/catchup", tests, NULL, NULL);
}
