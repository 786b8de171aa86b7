/* What was missed comes, and no answer of a peer can make a mark move past what it did not bring. */
#include "tests/unit/core/catchup_test.h"

/* Far more than fit on two pages; with sanitizers, which make each ten times as dear, on one: there the bound on what is wanted
 * holds anyway. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DOWNLOADED 5000u
#else
#define DOWNLOADED 20000u
#endif

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
    marks_follow(bed, 1, 0);
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
    assert_int_equal(kr_store_scope_remove(txn, &(struct kr_scope){.kind = KR_SCOPE_CLEAR}, ids[2]), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_writer_deinit(&value);
    bed_run(bed, 120000);
    assert_true(bed_holds(bed, 1, ids[2])); /* read again from the start: brought back */
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 9);
}

static uint32_t answers_to_cursors_at_once(struct bed *bed, uint32_t count)
{
    struct kr_message cursor = {.type = KR_MESSAGE_CURSOR};
    const uint32_t before = bed->sent[0];
    kr_scope_tag(cursor.tag, bed_link(bed, 1, 0)->session.salt, &(struct kr_scope){.kind = KR_SCOPE_CLEAR});
    for (uint32_t i = 0; i < count; i++) {
        size_t len = 0;
        uint8_t *frame = bed_frame(&bed_link(bed, 1, 0)->session, &cursor, &len);
        sim_world_push(bed->world, bed_node(bed, 0),
                       (struct kr_event){.type = KR_EVENT_FRAME, .number = bed_link(bed, 0, 1)->number}, frame, len,
                       bed->world->now_ms);
        free(frame);
    }
    bed_run(bed, 100);
    return bed->sent[0] - before;
}

/* Whoever asks for pages without end is answered so many, and again later: what others send does not wait behind it. */
static void pages_asked_for_without_end_are_passed_over(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[4][32];
    submit_some(bed, 0, 1, 4, ids);
    bed_run(bed, 60000);
    assert_in_range(answers_to_cursors_at_once(bed, 6000), 4096, 4112);
    assert_true(bed_link(bed, 0, 1)->has_session);
    bed_run(bed, 10000);
    assert_in_range(answers_to_cursors_at_once(bed, 1000), 160, 170);
}

/* 1 is told that 0 has more, asks, and gets answers that do not follow from its mark. */
static void answers_that_do_not_follow_move_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[10][32];
    submit_some(bed, 0, 1, 10, ids);
    bed_run(bed, 60000);
    marks_follow(bed, 1, 0);
    const struct kr_progress before = *progress(bed, 1, 0, KR_SCOPE_CLEAR);
    for (uint32_t i = 0; i < 6; i++) {
        struct kr_message have = unknown_page(1, before.mark, 0, before.mark);
        has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
        memcpy(have.hash, before.mark_hash, KR_MARK_HASH_BYTES);
        switch (i) {
        case 0: /* begins further on: to another question */
            have = unknown_page(1, before.mark + 50, 0, before.mark + 50);
            break;
        case 1: /* another hash for no entries */
            memset(have.hash, 1, KR_MARK_HASH_BYTES);
            break;
        case 2: /* more entries than there are */
            have = unknown_page(1, before.mark, 2, before.mark + 1);
            break;
        case 3: /* one entry of many, so that it would be asked for each of them */
            have = unknown_page(1, before.mark, 1, before.mark + 100);
            break;
        case 4: /* less than was read already */
            have.count = before.mark - 1;
            break;
        default: /* overflowing */
            have = unknown_page(1, UINT64_MAX, 1, 0);
            break;
        }
        bed_say_of(bed, 0, 1, clear_scope, &have);
        const struct kr_progress *clear = progress(bed, 1, 0, KR_SCOPE_CLEAR);
        assert_int_equal(clear->mark, before.mark);
        assert_memory_equal(clear->mark_hash, before.mark_hash, KR_MARK_HASH_BYTES);
        assert_int_equal(bed_times_said(bed, 1, "contradicts itself") + bed_times_said(bed, 1, "cannot be read"), i > 0);
        bed_forget_log(bed);
    }
}

/* A server that lists an entry and then says that it is gone: the mark follows it there, and back. */
static void a_mark_over_another_history_is_read_anew(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[10][32];
    submit_some(bed, 0, 1, 10, ids);
    bed_run(bed, 60000);
    marks_follow(bed, 1, 0);
    uint64_t mark = progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark;
    const struct kr_message have = unknown_page(7, mark, 1, mark + 1);
    has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
    bed_say_of(bed, 0, 1, clear_scope, &have);
    assert_int_equal(bed_link(bed, 1, 0)->pages[0].wanted_left, 1);
    bed_link(bed, 1, 0)->roots_budget.used = 3u * KR_PROGRESS_MAX; /* all of it */
    bed_link(bed, 1, 0)->roots_budget.since_ms = bed->world->now_ms;
    bed_say(bed, 0, 1, &(struct kr_message){.type = KR_MESSAGE_GONE, .ids = have.ids});
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, mark + 1);
    /* What both hold is the same: the mark goes to the end of 0's log as it is. */
    marks_follow(bed, 1, 0);
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 9);
}

/* A peer whose log is another one with every answer is read from the start once a minute, not once an answer. */
static void a_log_is_another_one_once_a_minute(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[10][32];
    submit_some(bed, 0, 1, 10, ids);
    bed_run(bed, 120000);
    marks_follow(bed, 1, 0);
    uint64_t began_ms = bed->world->now_ms;
    const struct kr_message have = {.type = KR_MESSAGE_HAVE, .status = 1, .count = 9};
    uint32_t times = 0;
    for (uint32_t i = 0; i < 9; i++) {
        const uint64_t before_ms = progress(bed, 1, 0, KR_SCOPE_CLEAR)->anew_ms;
        has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
        bed_say_of(bed, 0, 1, clear_scope, &have);
        times += progress(bed, 1, 0, KR_SCOPE_CLEAR)->anew_ms != before_ms;
    }
    assert_true(bed->world->now_ms < began_ms + 60000);
    assert_int_equal(times, 1);
    /* That it has told us so keeps nothing from us. */
    marks_follow(bed, 1, 0);
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, 9);
}

/* Whatever a peer's clock says can be told. */
static void clocks_may_be_any_time_apart(void **state)
{
    struct bed *bed = *state;
    struct kr_message ping = {.type = KR_MESSAGE_PING, .sequence = UINT64_MAX};
    bed_say(bed, 0, 1, &ping);
    assert_true(bed_link(bed, 1, 0)->clock_ms == INT64_MAX);
    ping.sequence = 0;
    bed_say(bed, 0, 1, &ping);
    assert_in_range(-bed_link(bed, 1, 0)->clock_ms, bed->world->now_ms - 1000, bed->world->now_ms);
}

/* 0 wants a record of 1's, and it comes; whether the mark is held because of it. */
static bool is_held_by(struct bed *bed, const struct forged *forged)
{
    struct kr_link *link = bed_link(bed, 0, 1);
    struct kr_progress *clear = progress(bed, 0, 1, KR_SCOPE_CLEAR);
    struct kr_page page = {.next_at = clear->at, .next_total = clear->at, .wanted_count = 1, .wanted_left = 1};
    memcpy(page.next_hash, clear->at_hash, KR_MARK_HASH_BYTES);
    page.wanted = calloc(1, sizeof *page.wanted);
    assert_non_null(page.wanted);
    memcpy(page.wanted[0].id, forged->id, KR_SHORT_ID_BYTES);
    kr_catchup_stop(link);
    link->pages[link->page_count++] = page;
    link->phase = KR_CATCHUP_READING;
    link->phase_at = (uint32_t)(clear - link->progress);
    link->phase_ms = link->phase_began_ms = bed->world->now_ms;
    clear->is_held = false;
    /* What both hold is compared no more, or it would be found to be the same: the record is in no tree. */
    link->roots_budget.used = 3u * KR_PROGRESS_MAX; /* all of it */
    link->roots_budget.since_ms = bed->world->now_ms;
    bed_hand_over(bed, 1, 0, forged);
    assert_int_equal(link->page_count, 0);
    assert_false(bed_holds(bed, 0, forged->id));
    return progress(bed, 0, 1, KR_SCOPE_CLEAR)->is_held;
}

/* Expired by our clock, while the peer's says that ours is ahead: the mark stays before it. */
static void what_has_expired_by_our_clock_alone_holds_the_mark(void **state)
{
    struct bed *bed = *state;
    const uint64_t now_ms = bed->world->now_ms;
    struct kr_writer content;
    struct kr_message ping = {.type = KR_MESSAGE_PING, .sequence = now_ms};
    struct forged forged = bed_forge(bed, 1,
                                     (struct kr_draft){.kind = KR_KIND_REPORT,
                                                       .label = KR_TLP_CLEAR,
                                                       .created_ms = now_ms - 3600000,
                                                       .expires_s = (now_ms - 1800000) / 1000,
                                                       .content = bed_report(&content, "a.example")});
    bed_say(bed, 1, 0, &ping); /* its digest has been talked about then */
    ping.sequence = now_ms - 2400000;
    bed_say(bed, 1, 0, &ping);
    assert_true(is_held_by(bed, &forged));
    ping.sequence = now_ms - 900000; /* it is over for both */
    bed_say(bed, 1, 0, &ping);
    assert_false(is_held_by(bed, &forged));
    forged_free(&forged);
    kr_writer_deinit(&content);
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
    static const uint8_t bits[] = {0xFF, 0xFF, 0x0F};
    const struct kr_message want = {.type = KR_MESSAGE_WANT, .count = 20, .bits = {bits, 3}};
    for (uint32_t i = 0; i < 4; i++) {
        bed_say_of(bed, 1, 0, clear_scope, &want);
    }
    assert_int_equal(link->asked.count, 2);
    assert_int_equal(link->bulk.count, 0);
    uint64_t sent = link->sent_records;
    link->window = link->room;
    bed_run(bed, 60000);
    assert_int_equal(link->sent_records, sent + 2);
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
    link->ping_at_ms = bed->world->now_ms + KR_PING_MS;
    memset(bed->sent, 0, sizeof bed->sent);
    struct kr_message want = {.type = KR_MESSAGE_WANT, .count = 1, .bits = {&(uint8_t){1}, 1}};
    bed_say_of(bed, 1, 0, clear_scope, &want);
    assert_int_equal(bed->sent[0], 0); /* no gone */
    assert_int_equal(link->asked.count, KR_LINK_ASKED_MAX);
    assert_int_equal(link->order_count, 1);
    link->asked.count = 0;
    bed_say(bed, 1, 0, &(struct kr_message){.type = KR_MESSAGE_CREDIT});
    assert_int_equal(link->order_count, 0);
    assert_int_equal(link->asked.count, 1); /* now there is */
}

/* Messages out of their turn, about scopes of others, with counts beyond all bounds: nothing moves and no step fails. */
static void noise_is_survived(void **state)
{
    struct bed *bed = *state;
    struct kr_rng *rng = &bed->world->rng;
    uint8_t ids[5][32], noise[4 * KR_SHORT_ID_BYTES];
    submit_some(bed, 0, 1, 5, ids);
    bed_run(bed, 60000);
    for (uint32_t i = 0; i < 600; i++) {
        struct kr_writer items;
        kr_rng_bytes(rng, noise, sizeof noise);
        struct kr_message message = {.type = 1 + i % KR_MESSAGE_PRUNE,
                                     .count = i % 3 == 0 ? UINT64_MAX : kr_rng_below(rng, 10),
                                     .from = i % 5 == 0 ? UINT64_MAX : kr_rng_below(rng, 10),
                                     .sequence = i % 2 == 0 ? UINT64_MAX : 0,
                                     .month = (uint32_t)kr_rng_below(rng, 1000),
                                     .status = (uint32_t)kr_rng_below(rng, 2),
                                     .reason = (uint32_t)kr_rng_below(rng, 40),
                                     .ids = {noise, KR_SHORT_ID_BYTES * kr_rng_below(rng, 5)},
                                     .item_count = 1};
        kr_writer_init(&items, KR_KIB);
        bed_tag(bed, 0, 1, (struct kr_scope){.kind = (uint8_t)(1 + kr_rng_below(rng, KR_SCOPE_KIND_MAX))}, message.tag);
        if (message.type == KR_MESSAGE_ROOTS) {
            struct kr_root root = {.count = message.count, .read = message.from, .tree_count = message.count};
            memcpy(root.tag, message.tag, sizeof root.tag);
            memcpy(root.hash, noise, sizeof root.hash);
            kr_root_write(&root, &items);
        } else {
            kr_writer_bin(&items, noise, 32);
        }
        message.items = (struct kr_slice){items.bytes, items.len};
        uint8_t bits = 0;
        if (message.type == KR_MESSAGE_WANT) {
            message.count = kr_rng_below(rng, 9);
            bits = (uint8_t)((1u << message.count) - 1);
            message.bits = (struct kr_slice){&bits, message.count > 0};
        }
        if (message.type == KR_MESSAGE_BYE || message.type == KR_MESSAGE_FORWARD) {
            kr_writer_deinit(&items);
            continue;
        }
        if (!bed_link(bed, 0, 1)->has_session || !bed_link(bed, 1, 0)->has_session) {
            bed_run(bed, 60000);
        }
        bed_say(bed, 0, 1, &message);
        kr_writer_deinit(&items);
    }
    bed_run(bed, 120000);
    struct kr_submit *submit = bed_submission(bed, KR_TLP_GREEN, "b.example", 77);
    assert_int_equal(bed_submit(bed, 0, submit, ids[0]), KR_OK);
    bed_run(bed, 120000);
    assert_true(bed_holds(bed, 1, ids[0]));
    bed_submission_free(submit);
}

/* ---- peers that mean harm ---- */

/* What 1 says is heard by nobody: 0 is played alone. */
static bool is_lost(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    (void)context;
    (void)effect;
    return node->index == 1;
}

/* Pages without end of which nothing ever comes: after some of them the scope is left alone, for longer each time. */
static void pages_in_vain_end_in_a_pause(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    submit_some(bed, 0, 1, 3, ids);
    bed_run(bed, 60000);
    marks_follow(bed, 1, 0);
    uint64_t from = progress(bed, 1, 0, KR_SCOPE_CLEAR)->at, pause_ms = 0;
    bed->on_send = is_lost;
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t pages = 0;
        has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
        for (; bed_link(bed, 1, 0)->phase == KR_CATCHUP_READING && pages < 1000; pages++) {
            const struct kr_message have = unknown_page((uint8_t)(1 + pages), from, KR_PAGE_IDS_MAX, UINT64_MAX);
            bed_say_of(bed, 0, 1, clear_scope, &have);
            bed_say(bed, 0, 1, &(struct kr_message){.type = KR_MESSAGE_GONE, .ids = have.ids});
            from += KR_PAGE_IDS_MAX;
        }
        const struct kr_pause *pause = &progress(bed, 1, 0, KR_SCOPE_CLEAR)->reading;
        /* 64 pages and, as each takes a fifth of a second here, those that come back meanwhile; then what came back since. */
        assert_in_range(pages, round == 0 ? 64 : 1, round == 0 ? 82 : 2);
        assert_true(pause->until_ms > bed->world->now_ms && pause->ms > pause_ms);
        pause_ms = pause->ms;
    }
    bed->on_send = NULL;
    bed_run(bed, 600000);
    assert_true(bed_link(bed, 1, 0)->is_equal);
}

/* A log that lists what we have, over and over. */
static void a_log_lists_each_once(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32], (*known)[KR_SHORT_ID_BYTES] = malloc((size_t)KR_PAGE_IDS_MAX * KR_SHORT_ID_BYTES);
    uint32_t pages = 0;
    assert_non_null(known);
    submit_some(bed, 0, 1, 3, ids);
    bed_run(bed, 60000);
    marks_follow(bed, 1, 0);
    for (uint32_t i = 0; i < KR_PAGE_IDS_MAX; i++) {
        memcpy(known[i], ids[1 + i % 2], KR_SHORT_ID_BYTES);
    }
    uint64_t from = progress(bed, 1, 0, KR_SCOPE_CLEAR)->at;
    bed->on_send = is_lost;
    has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
    for (; bed_link(bed, 1, 0)->phase == KR_CATCHUP_READING && pages < 100; pages++) {
        struct kr_message have = unknown_page((uint8_t)(1 + pages), from, KR_PAGE_IDS_MAX, UINT64_MAX);
        have.ids.bytes = known[0];
        bed_say_of(bed, 0, 1, clear_scope, &have);
        from += KR_PAGE_IDS_MAX;
    }
    assert_in_range(pages, 65, 74); /* 64 of slack, and what comes back meanwhile */
    assert_true(bed_said(bed, 1, "contradicts itself"));
    free(known);
}

/* It lists a record, never sends it, and never says that it is gone. */
static void who_does_not_answer_is_left_alone(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32];
    submit_some(bed, 0, 1, 3, ids);
    bed_run(bed, 60000);
    marks_follow(bed, 1, 0);
    const uint64_t from = progress(bed, 1, 0, KR_SCOPE_CLEAR)->at;
    const struct kr_message have = unknown_page(7, from, 5, from + 5);
    has_asked(bed, progress(bed, 1, 0, KR_SCOPE_CLEAR));
    bed_say_of(bed, 0, 1, clear_scope, &have);
    assert_int_equal(bed_link(bed, 1, 0)->pages[0].wanted_left, 5);
    bed_run(bed, 60000);
    assert_int_equal(bed_link(bed, 1, 0)->phase, KR_CATCHUP_REST);
    assert_int_equal(bed_link(bed, 1, 0)->page_count, 0);
    assert_int_equal(progress(bed, 1, 0, KR_SCOPE_CLEAR)->mark, from);
    assert_true(progress(bed, 1, 0, KR_SCOPE_CLEAR)->reading.ms > 0);
}

/* Orders of entries that are not there, of scopes that are another's, and more of them than there is room for. */
static void orders_are_bounded(void **state)
{
    struct bed *bed = *state;
    uint8_t ids[3][32], bits[KR_PAGE_IDS_MAX / 8];
    submit_some(bed, 0, 1, 3, ids);
    bed_run(bed, 60000);
    struct kr_link *link = bed_link(bed, 0, 1);
    memset(bits, 0xFF, sizeof bits);
    struct kr_message want = {.type = KR_MESSAGE_WANT, .from = 1000, .count = KR_PAGE_IDS_MAX, .bits = {bits, sizeof bits}};
    memset(bed->sent, 0, sizeof bed->sent);
    bed_say_of(bed, 1, 0, clear_scope, &want); /* beyond the log */
    want.from = UINT64_MAX - KR_PAGE_IDS_MAX;
    bed_say_of(bed, 1, 0, clear_scope, &want);
    want.from = 0;
    bed_say_of(bed, 1, 0, (struct kr_scope){.kind = KR_SCOPE_GREEN, .id = {1}}, &want); /* of a community that we are not in */
    bed_say(bed, 1, 0, &want);                                                          /* a tag of nothing */
    bed_run(bed, 1000);
    assert_int_equal(link->order_count, 0);
    assert_true(bed->sent[0] <= 1); /* at most a ping */
    link->window = 0;
    for (uint64_t i = 0; i < KR_LINK_ASKED_MAX; i++) {
        uint8_t id[32] = {0};
        memcpy(id, &i, sizeof i);
        assert_int_equal(kr_gossip_ask(link, 1000000 + i, id), KR_OK);
    }
    for (uint32_t i = 0; i < 3 * KR_ORDERS_MAX; i++) {
        want.from = i;
        bed_say_of(bed, 1, 0, clear_scope, &want);
        assert_int_equal(link->order_count, i < KR_ORDERS_MAX ? i + 1 : KR_ORDERS_MAX);
    }
}

/* ---- sessions and nodes that come and go ---- */

/* 1 has begun to read of 0 and is in the middle of it: nothing that it asked for has left yet. */
static void begin_to_read(struct bed *bed, uint32_t count)
{
    sim_world_crash(bed->world, 1, 100000);
    for (uint32_t i = 0; i < count; i++) {
        (void)sim_world_submit(bed->world, 0, KR_TLP_CLEAR, NULL, 0, bed->world->now_ms + i);
    }
    bed_run(bed, 100000);
    while (!bed_link(bed, 1, 0)->has_session || bed_link(bed, 1, 0)->page_count == 0) {
        bed_link(bed, 0, 1)->window = 0;
        bed_run(bed, 1);
    }
}

static void has_all(struct bed *bed, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(bed_holds(bed, 1, bed->world->records[i].id));
    }
    assert_true(bed_link(bed, 1, 0)->is_equal);
    assert_int_equal(bed_link(bed, 1, 0)->page_count + bed_link(bed, 0, 1)->order_count, 0);
}

static void reading_goes_on_after_both_were_restarted(void **state)
{
    struct bed *bed = *state;
    begin_to_read(bed, 300);
    for (uint32_t node = 0; node < 2; node++) {
        sim_world_crash(bed->world, node, UINT32_MAX);
        assert_int_equal(sim_world_start(bed->world, node), SIM_HOLDS);
    }
    bed_run(bed, 60000);
    has_all(bed, 300);
}

/* The dialler says hello anew while the other's session stands: the second session takes over, and leaves nothing of the first. */
static void a_second_session_takes_over(void **state)
{
    struct bed *bed = *state;
    begin_to_read(bed, 300);
    const uint64_t before[] = {bed_link(bed, 0, 1)->session_no, bed_link(bed, 1, 0)->session_no};
    uint32_t dialler = bed_link(bed, 0, 1)->we_dial ? 0 : 1;
    sim_world_push(bed->world, bed_node(bed, dialler),
                   (struct kr_event){.type = KR_EVENT_LOST, .number = bed_link(bed, dialler, 1 - dialler)->number}, NULL, 0,
                   bed->world->now_ms);
    bed_run(bed, 60000);
    assert_true(bed_link(bed, 0, 1)->session_no != before[0] && bed_link(bed, 1, 0)->session_no != before[1]);
    has_all(bed, 300);
}

/* Either side goes back to an old backup while the other went on: both have all of it again. */
static void nodes_restored_from_an_old_backup_catch_up(void **state)
{
    struct bed *bed = *state;
    for (uint32_t node = 0; node < 2; node++) {
        const uint32_t first = bed->world->record_count;
        for (uint32_t i = 0; i < 200; i++) {
            (void)sim_world_submit(bed->world, i % 2, KR_TLP_CLEAR, NULL, 0, bed->world->now_ms + i);
            if (i == 20) {
                bed_run(bed, 60000);
                assert_int_equal(sim_world_backup(bed->world, node), SIM_HOLDS);
            }
        }
        bed_run(bed, 60000);
        assert_int_equal(sim_world_restore(bed->world, node, node % 2 == 0), SIM_HOLDS);
        bed_run(bed, 300000);
        for (uint32_t i = first; i < bed->world->record_count; i++) {
            assert_true(bed_holds(bed, 0, bed->world->records[i].id));
            assert_true(bed_holds(bed, 1, bed->world->records[i].id));
        }
        assert_true(bed_link(bed, 0, 1)->is_equal && bed_link(bed, 1, 0)->is_equal);
    }
}

/* What a newcomer downloads does not delay what is new, and takes no more memory than two pages, however much it is. */
static void fresh_records_pass_a_newcomers_download(void **state)
{
    struct bed *bed = *state;
    const uint32_t count = DOWNLOADED;
    begin_to_read(bed, count);
    struct kr_link *theirs = bed_link(bed, 0, 1);
    const struct kr_link *link = bed_link(bed, 1, 0);
    theirs->window = theirs->room;
    const uint32_t fresh = sim_world_submit(bed->world, 0, KR_TLP_CLEAR, NULL, 0, bed->world->now_ms);
    while (!bed->world->records[fresh].is_accepted || !bed_holds(bed, 1, bed->world->records[fresh].id)) {
        bed_run(bed, 1);
        assert_true(link->phase == KR_CATCHUP_READING);
    }
    assert_true(link->phase_came < count / 2);
    uint32_t asked = 0, orders = 0, wanted = 0;
    while (!link->is_equal) {
        bed_run(bed, 50);
        uint32_t now = 0;
        for (uint32_t i = 0; i < link->page_count; i++) {
            now += link->pages[i].wanted_count;
        }
        wanted = now > wanted ? now : wanted;
        asked = theirs->asked.count > asked ? theirs->asked.count : asked;
        orders = theirs->order_count > orders ? theirs->order_count : orders;
    }
    assert_true(wanted <= KR_PAGES_MAX * KR_PAGE_IDS_MAX && asked <= 512 && orders <= KR_PAGES_MAX);
    for (uint32_t i = 0; i < count; i += 97) {
        assert_true(bed_holds(bed, 1, bed->world->records[i].id));
    }
    assert_int_equal(link->received_records, count + 1); /* each once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_an_absence_all_that_was_missed_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_sets_cost_pings_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restored_server_cannot_make_us_skip, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_asked_for_without_end_are_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_that_do_not_follow_move_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mark_over_another_history_is_read_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_is_another_one_once_a_minute, setup, teardown),
        cmocka_unit_test_setup_teardown(clocks_may_be_any_time_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_expired_by_our_clock_alone_holds_the_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_asked_for_twice_waits_once, setup, teardown),
        cmocka_unit_test_setup_teardown(wanted_records_have_their_turn_beside_fresh_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(wanted_records_without_room_are_not_said_to_be_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(noise_is_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_in_vain_end_in_a_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_lists_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(who_does_not_answer_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(orders_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_goes_on_after_both_were_restarted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_session_takes_over, setup, teardown),
        cmocka_unit_test_setup_teardown(nodes_restored_from_an_old_backup_catch_up, setup, teardown),
        cmocka_unit_test_setup_teardown(fresh_records_pass_a_newcomers_download, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/catchup", tests, NULL, NULL);
}
