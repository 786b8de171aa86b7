/* Walking trees with peers that mean harm, or fall silent. */
#include "tests/unit/core/walk_test.h"

/* How often a step reads trees; wrapped by the linker. */
static struct {
    uint32_t looks, months, looks_max, months_max;
} reads;

/* Which of these are freed; wrapped by the linker too. */
static struct {
    void *frames[KR_WALK_FRAMES_MAX];
    uint32_t count, freed;
} watched;

void __real_free(void *pointer);
void __wrap_free(void *pointer);
void __wrap_free(void *pointer)
{
    for (uint32_t i = 0; i < watched.count; i++) {
        watched.freed += watched.frames[i] == pointer;
    }
    __real_free(pointer);
}

static void watch_frames(const struct kr_walk *walk)
{
    watched.freed = 0;
    watched.count = walk->count;
    for (uint32_t i = 0; i < walk->count; i++) {
        watched.frames[i] = walk->frames[i];
    }
    assert_true(watched.count > 0);
}

static void assert_all_freed(void)
{
    assert_int_equal(watched.freed, watched.count);
    watched.count = 0;
}

static void begin_step(void)
{
    reads.looks = reads.months = 0;
}

enum kr_err __real_kr_walk_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message);
enum kr_err __wrap_kr_walk_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message);
enum kr_err __wrap_kr_walk_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    begin_step();
    return __real_kr_walk_message(step, link, message);
}

enum kr_err __real_kr_walks_tick(struct kr_step *step);
enum kr_err __wrap_kr_walks_tick(struct kr_step *step);
enum kr_err __wrap_kr_walks_tick(struct kr_step *step)
{
    begin_step();
    return __real_kr_walks_tick(step);
}

enum kr_err __real_kr_store_tree_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                                        struct kr_tree_month *ret_months, uint32_t max, uint32_t *ret_count);
enum kr_err __wrap_kr_store_tree_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                                        struct kr_tree_month *ret_months, uint32_t max, uint32_t *ret_count);
enum kr_err __wrap_kr_store_tree_months(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                                        struct kr_tree_month *ret_months, uint32_t max, uint32_t *ret_count)
{
    reads.months++;
    reads.months_max = reads.months > reads.months_max ? reads.months : reads.months_max;
    return __real_kr_store_tree_months(txn, scope, month_from, ret_months, max, ret_count);
}

enum kr_err __real_kr_tree_view_look(struct kr_tree_view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                                     struct kr_tree_node *ret_node);
enum kr_err __wrap_kr_tree_view_look(struct kr_tree_view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                                     struct kr_tree_node *ret_node);
enum kr_err __wrap_kr_tree_view_look(struct kr_tree_view *view, uint32_t month, const uint8_t *prefix, uint32_t nibbles,
                                     struct kr_tree_node *ret_node)
{
    reads.looks++;
    reads.looks_max = reads.looks > reads.looks_max ? reads.looks : reads.looks_max;
    return __real_kr_tree_view_look(view, month, prefix, nibbles, ret_node);
}

/* The second node is a liar: what it says is the test's, with parts that the caller writes. */
struct lie {
    struct kr_writer parts;
    struct kr_message message;
};

static void lie_begin(struct lie *lie, uint32_t generation)
{
    const struct kr_walk *walk = &walkers.nodes[0].link->walk;
    kr_writer_init(&lie->parts, 2 * KR_SYNC_BYTES_MAX);
    lie->message = (struct kr_message){.type = KR_MESSAGE_SYNC,
                                       .walk = walk->number,
                                       .generation = generation,
                                       .dealt = generation > 0 ? walk->generations[generation - 1].sent_dealt : 0,
                                       .count = UINT64_MAX};
    kr_scope_tag(lie->message.tag, walkers.nodes[0].link->session.salt, &walkers.scope);
}

static void lie_add(struct lie *lie, const struct kr_sync_part *part)
{
    kr_sync_part_write(part, &lie->parts);
    lie->message.part_count++;
}

static void lie_say(struct lie *lie)
{
    lie->message.parts = (struct kr_slice){lie->parts.bytes, lie->parts.len};
    walkers_say(&walkers, 1, &lie->message);
    kr_writer_deinit(&lie->parts);
}

/* The first node has begun, and the other says nothing of its own. */
static void begin_with_a_liar(void)
{
    put_common(3000);
    put(FIRST, 100000, 5);
    assert_true(walkers_begin(&walkers));
    walkers.nodes[1].is_dead = true;
    walkers_run(&walkers, 1);
}

static uint32_t times_said(const char *text)
{
    uint32_t times = 0;
    for (const char *at = strstr(walkers.log, text); at != NULL; at = strstr(at + 1, text)) {
        times++;
    }
    return times;
}

static struct kr_sync_part node_part(const uint8_t *digests)
{
    struct kr_sync_part part = {.what = KR_SYNC_NODES, .month = WALKERS_MONTH, .nibbles = 5, .present = 0xffff, .count = 16};
    const uint32_t hour = kr_tree_hour(WALKERS_NOW_MS);
    part.prefix[1] = (uint8_t)(hour >> 16);
    part.prefix[2] = (uint8_t)(hour >> 8 & 0xf0u);
    part.items = digests;
    return part;
}

static void a_peer_that_answers_for_ever_is_left_alone(void **state)
{
    static const uint8_t digests[16 * KR_SYNC_DIGEST_BYTES] = {1};
    const struct kr_sync_part part = node_part(digests);
    struct lie lie;
    uint32_t said = 0;
    (void)state;
    begin_with_a_liar();
    for (; said < 2000 && walkers.nodes[0].link->walk.is_active; said++) {
        lie_begin(&lie, 1);
        for (uint32_t i = 0; i < 300; i++) {
            lie_add(&lie, &part);
        }
        lie_say(&lie);
        walkers_run(&walkers, 2);
        walkers.nodes[0].link->walk.generations[2].sent_dealt = walkers.nodes[0].link->walk.generations[2].sent;
    }
    assert_true(said > 10 && said < 2000);
    assert_int_equal(times_said("does not come to an end"), 1);
    walkers.nodes[1].is_dead = false;
    assert_false(walkers_begin(&walkers));
    walkers.now_ms += KR_WALK_PAUSE_MS;
    walkers.nodes[0].link->bulk.count = 0; /* it has been handed over much of what it said to lack */
    walk();
    assert_true(walkers_are_equal(&walkers));
}

/* Nobody else's walks can use up what walks of a peer may cost, and one walk after another costs as much as a long one. */
static void many_walks_cost_as_much_as_a_long_one(void **state)
{
    struct kr_message message = {.type = KR_MESSAGE_SYNC};
    struct kr_link *link = walkers.nodes[1].link;
    (void)state;
    kr_scope_tag(message.tag, link->session.salt, &walkers.scope);
    put_common(200);
    for (message.walk = 1; message.walk < 5000 && link->walk.paused_until_ms == 0; message.walk++) {
        walkers_say(&walkers, 0, &message);
        walkers_run(&walkers, 2);
    }
    assert_true(message.walk > 100 && message.walk < 5000);
    assert_int_equal(times_said("does not come to an end"), 1);
    message.walk++;
    walkers_say(&walkers, 0, &message);
    walkers_run(&walkers, 1);
    assert_false(link->walk.is_active);
    assert_int_equal(times_said("does not come to an end"), 1);
    walkers.now_ms += KR_WALK_PAUSE_MS;
    message.walk++;
    walkers_say(&walkers, 0, &message);
    walkers_run(&walkers, 1);
    assert_true(link->walk.is_active);
}

/* Messages at the limit, one after the other, and all that it is told stays unread. */
static void flood(void)
{
    static const uint8_t names[KR_SYNC_LIST_MAX * KR_SYNC_NAME_BYTES] = {1};
    struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = WALKERS_MONTH, .count = KR_SYNC_LIST_MAX, .items = names};
    begin_with_a_liar();
    for (uint32_t said = 0; said < 100; said++) {
        struct lie lie;
        lie_begin(&lie, 1);
        for (uint32_t i = 0; i < 10; i++) {
            lie_add(&lie, &part);
        }
        lie_say(&lie);
    }
    walkers_run(&walkers, 1);
}

static void more_messages_than_have_room_are_let_go(void **state)
{
    const struct kr_walk *walk = &walkers.nodes[0].link->walk;
    (void)state;
    flood();
    assert_true(walk->is_active);
    assert_true(walkers.waiting_max > KR_MIB);
    assert_true(walkers.waiting_max <= KR_WALK_BYTES_MAX);
    assert_true(walk->count <= KR_WALK_FRAMES_MAX);
    assert_int_equal(walk->generations[1].came, 100);
    assert_true(walk->generations[2].sent <= KR_WALK_WINDOW + 1);
}

/* What fits into no full message waits for more of its generation, while others are dealt with: messages are counted. */
static void only_full_messages_pass_a_window(void **state)
{
    static const uint8_t digests[16 * KR_SYNC_DIGEST_BYTES] = {1}, name[KR_SYNC_NAME_BYTES] = {1};
    const struct kr_sync_part node = node_part(digests);
    const struct kr_sync_part want = {.what = KR_SYNC_WANT, .month = WALKERS_MONTH, .count = 1, .items = name};
    const struct kr_walk *walk = &walkers.nodes[0].link->walk;
    struct lie lie;
    (void)state;
    begin_with_a_liar();
    for (uint32_t said = 0; said < 20; said++) {
        lie_begin(&lie, 1);
        for (uint32_t i = 0; i < 400; i++) {
            lie_add(&lie, &node);
        }
        lie_say(&lie);
    }
    walkers_run(&walkers, 50);
    assert_int_equal(walk->generations[2].sent, KR_WALK_WINDOW);
    assert_true(walk->count > 0);
    const uint64_t before = walkers.nodes[0].bytes;
    for (uint32_t dealt = 1; dealt <= 10; dealt++) {
        lie_begin(&lie, 3);
        lie.message.dealt = dealt;
        lie_add(&lie, &want);
        lie_say(&lie);
        walkers_run(&walkers, 50);
        assert_int_equal(walk->generations[2].sent, KR_WALK_WINDOW + dealt);
    }
    assert_true(walkers.nodes[0].bytes - before > UINT64_C(9) * KR_SYNC_BYTES_MAX);
}

/* As many small parts as one message holds, none of which leads on: each step reads no more than it may. */
static void a_message_costs_no_more_than_a_step(void **state)
{
    uint8_t item[KR_SYNC_MONTH_BYTES], digest8[KR_SYNC_DIGEST_BYTES];
    const struct kr_sync_part months = {.what = KR_SYNC_MONTHS, .count = 1, .items = item};
    struct kr_sync_part node = {
        .what = KR_SYNC_NODES, .month = WALKERS_MONTH, .nibbles = 2, .from = 2, .present = 3, .shown = 3, .prefix = {0x70}};
    struct kr_tree_month ours;
    uint32_t count = 0;
    (void)state;
    begin_with_a_liar();
    assert_int_equal(kr_store_tree_months(walkers.nodes[0].txn, &walkers.scope, 0, &ours, 1, &count), KR_OK);
    kr_hash_short(digest8, walkers.nodes[0].link->walk.key, ours.digest, 32);
    kr_sync_month_write(item, WALKERS_MONTH, digest8);
    memset(&reads, 0, sizeof reads);
    for (uint32_t i = 0; i < 2; i++) {
        const struct kr_sync_part *part = i == 0 ? &months : &node;
        struct lie lie;
        lie_begin(&lie, 1);
        while (lie.parts.len + 32 < KR_SYNC_BYTES_MAX) {
            lie_add(&lie, part);
        }
        lie_say(&lie);
        walkers_run(&walkers, 2);
    }
    assert_int_equal(walkers.nodes[0].link->walk.generations[1].dealt, 2);
    assert_int_equal(reads.months_max, 1);
    assert_true(reads.looks_max > 1000);
    assert_true(reads.looks_max <= KR_WALK_COST_STEP / KR_WALK_COST_LOOK + KR_TREE_NIBBLES);
}

/* Of what waits the latest generation is dealt with first, whenever it came: else two that wait for each other's could both fill.
 */
static void the_latest_generation_goes_first(void **state)
{
    static const uint8_t name[KR_SYNC_NAME_BYTES] = {1};
    const struct kr_sync_part look = {
        .what = KR_SYNC_NODES, .month = WALKERS_MONTH, .nibbles = 2, .from = 2, .present = 3, .shown = 3, .prefix = {0x70}};
    const struct kr_sync_part want = {.what = KR_SYNC_WANT, .month = WALKERS_MONTH, .count = 1, .items = name};
    struct walkers_node *node = &walkers.nodes[0];
    const struct kr_walk *walk = &node->link->walk;
    struct kr_step step = {
        .core = node->core, .txn = node->txn, .rng = &walkers.rng, .effects = &node->effects, .now_ms = walkers.now_ms};
    (void)state;
    begin_with_a_liar();
    for (uint32_t i = 0; i < 4; i++) { /* more than a step's work each, but for the last */
        struct lie lie;
        lie_begin(&lie, i < 3 ? 1 : 3);
        while (i < 3 && lie.parts.len + 32 < KR_SYNC_BYTES_MAX) {
            lie_add(&lie, &look);
        }
        if (i == 3) {
            lie_add(&lie, &want);
        }
        lie.message.parts = (struct kr_slice){lie.parts.bytes, lie.parts.len};
        assert_int_equal(kr_walk_message(&step, node->link, &lie.message), KR_OK);
        kr_writer_deinit(&lie.parts);
    }
    assert_int_equal(walk->generations[3].came, 1);
    assert_int_equal(walk->generations[3].dealt, 1);
    assert_true(walk->generations[1].dealt < 3);
    assert_true(walk->count > 0);
}

/* Two peers share the room, whichever came first. */
static void no_peer_fills_the_room_of_all(void **state)
{
    static const uint8_t names[KR_SYNC_LIST_MAX * KR_SYNC_NAME_BYTES] = {1};
    const struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = WALKERS_MONTH, .count = KR_SYNC_LIST_MAX, .items = names};
    struct walkers_node *node = &walkers.nodes[0];
    struct kr_link *first = node->link, *second = calloc(1, sizeof *second);
    struct kr_step step = {
        .core = node->core, .txn = node->txn, .rng = &walkers.rng, .effects = &node->effects, .now_ms = walkers.now_ms};
    struct lie lie;
    (void)state;
    assert_non_null(second);
    flood();
    const size_t before = first->walk.bytes;
    assert_true(before > KR_WALK_BYTES_MAX * 3 / 4);
    second->number = 2;
    second->state = KR_LINK_OPEN;
    second->has_session = second->walk.is_active = true;
    second->session = first->session;
    memcpy(second->council, first->council, 32);
    second->progress_generation = UINT64_MAX;
    second->walk.number = first->walk.number;
    second->walk.scope = walkers.scope;
    second->walk.generations[0].sent = 1;
    second->walk.generations[2].sent = KR_WALK_WINDOW; /* nothing is dealt with */
    node->core->links[node->core->link_count++] = second;
    for (uint32_t said = 0; said < 100; said++) {
        lie_begin(&lie, 1);
        for (uint32_t i = 0; i < 10; i++) {
            lie_add(&lie, &part);
        }
        lie.message.parts = (struct kr_slice){lie.parts.bytes, lie.parts.len};
        assert_int_equal(kr_walk_message(&step, second, &lie.message), KR_OK);
        kr_writer_deinit(&lie.parts);
        assert_true(first->walk.bytes + first->walk.parts.len + second->walk.bytes <= KR_WALK_BYTES_MAX);
    }
    assert_true(second->walk.bytes > KR_WALK_BYTES_MAX * 2 / 5);
    assert_true(first->walk.bytes > KR_WALK_BYTES_MAX * 2 / 5);
    assert_true(first->walk.generations[1].told < first->walk.generations[1].dealt);
    node->core->link_count--;
    first->walk.generations[2].sent_dealt = first->walk.generations[2].sent;
    assert_int_equal(kr_walks_tick(&step), KR_OK);
    kr_walk_close(second);
    free(second->progress);
    free(second);
}

static void a_peer_that_falls_silent_is_given_up(void **state)
{
    (void)state;
    begin_with_a_liar();
    assert_true(walkers.nodes[0].link->walk.is_active);
    struct kr_step step = {.core = walkers.nodes[0].core,
                           .txn = walkers.nodes[0].txn,
                           .rng = &walkers.rng,
                           .effects = &walkers.nodes[0].effects,
                           .now_ms = walkers.now_ms + KR_WALK_MS_MAX};
    assert_int_equal(kr_walks_tick(&step), KR_OK);
    assert_false(walkers.nodes[0].link->walk.is_active);
    assert_int_equal(walkers.done, 1);
    assert_int_equal(walkers.found, 0);
}

/* Nor does the peer's word that it ends. */
static void a_walk_that_is_broken_off_lets_everything_go(void **state)
{
    struct kr_link *link = walkers.nodes[0].link;
    struct kr_message end = {.type = KR_MESSAGE_SYNC, .walk = 1, .status = 1};
    (void)state;
    flood();
    watch_frames(&link->walk);
    kr_scope_tag(end.tag, link->session.salt, &walkers.scope);
    walkers_say(&walkers, 1, &end);
    walkers_run(&walkers, 1);
    assert_false(link->walk.is_active);
    assert_all_freed();
    assert_int_equal(link->walk.count, 0);
    assert_int_equal(link->walk.bytes, 0);
}

static void what_was_dealt_with_and_never_sent_ends_the_walk(void **state)
{
    struct lie lie;
    (void)state;
    begin_with_a_liar();
    lie_begin(&lie, 1);
    lie.message.dealt = 1000;
    lie_say(&lie);
    walkers_run(&walkers, 2);
    assert_false(walkers.nodes[0].link->walk.is_active);
    assert_int_equal(times_said("goes against the rules"), 1);
}

static void a_generation_that_nobody_reaches_ends_the_walk(void **state)
{
    static const uint32_t generations[] = {KR_WALK_GENERATIONS - 1, KR_WALK_GENERATIONS, UINT32_MAX};
    (void)state;
    put_common(3000);
    put(FIRST, 100000, 5);
    for (uint32_t i = 0; i < sizeof generations / sizeof generations[0]; i++) {
        struct lie lie;
        walkers.nodes[1].is_dead = false;
        assert_true(walkers_begin(&walkers));
        walkers.nodes[1].is_dead = true;
        walkers_run(&walkers, 1);
        lie_begin(&lie, 1);
        lie.message.generation = generations[i];
        lie.message.dealt = 0;
        lie_say(&lie);
        walkers_run(&walkers, 2);
        assert_false(walkers.nodes[0].link->walk.is_active);
        assert_int_equal(times_said("goes against the rules"), i + 1);
        walkers.now_ms += KR_WALK_PAUSE_MS;
    }
}

/* Parts that nobody asked for, of every kind, about places where there is nothing or other things than the peer says. */
static void parts_that_were_not_asked_for_do_no_harm(void **state)
{
    static uint8_t digests[16 * KR_SYNC_DIGEST_BYTES];
    uint8_t months[2][KR_SYNC_MONTH_BYTES];
    (void)state;
    begin_with_a_liar();
    for (uint32_t i = 0; i < 400 && walkers.nodes[0].link->walk.is_active; i++) {
        struct kr_rng *rng = &walkers.rng;
        struct kr_sync_part part = node_part(digests);
        struct lie lie;
        kr_rng_bytes(rng, digests, sizeof digests);
        kr_sync_month_write(months[0], (uint32_t)kr_rng_below(rng, 700), digests);
        kr_sync_month_write(months[1], 700 + (uint32_t)kr_rng_below(rng, 64836), digests);
        part.what = 1 + (uint32_t)kr_rng_below(rng, 4);
        part.month = kr_rng_below(rng, 4) == 0 ? (uint32_t)kr_rng_below(rng, 65536) : WALKERS_MONTH;
        part.nibbles = (uint32_t)kr_rng_below(rng, KR_SYNC_NIBBLES);
        for (uint32_t j = part.nibbles / 2 < 8 ? part.nibbles / 2 : 8; j < (part.nibbles + 1) / 2; j++) {
            part.prefix[j] = (uint8_t)(j < part.nibbles / 2 ? kr_rng_below(rng, 256) : kr_rng_below(rng, 16) << 4);
        }
        memset(part.prefix + (part.nibbles + 1) / 2, 0, sizeof part.prefix - (part.nibbles + 1) / 2);
        part.prefix[part.nibbles / 2] &= part.nibbles % 2 == 0 ? 0 : 0xf0u;
        part.from = (uint32_t)kr_rng_below(rng, part.nibbles + 1);
        if (part.what == KR_SYNC_MONTHS) {
            part = (struct kr_sync_part){.what = KR_SYNC_MONTHS, .count = 2, .items = months[0]};
        } else if (part.what != KR_SYNC_NODES) {
            part.count = (uint32_t)kr_rng_below(rng, 17) + (part.what == KR_SYNC_WANT);
            part.present = 0;
            part.from = 0;
        }
        lie_begin(&lie, 1);
        lie_add(&lie, &part);
        lie_say(&lie);
        walkers_run(&walkers, 2);
        walkers.nodes[0].link->walk.generations[2].sent_dealt = walkers.nodes[0].link->walk.generations[2].sent;
    }
    assert_int_equal(walkers.nodes[1].pushed, 0);
    walkers.nodes[1].is_dead = false;
    walkers.now_ms += KR_WALK_PAUSE_MS;
    walkers_link(&walkers);
    put(FIRST, 100001, 5);
    walk();
    assert_true(walkers_are_equal(&walkers));
}

static void a_scope_that_is_not_shared_is_not_spoken_of(void **state)
{
    static const uint8_t names[KR_SYNC_NAME_BYTES];
    struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = WALKERS_MONTH, .items = names};
    struct kr_writer parts;
    (void)state;
    put(SECOND, 1, 0);
    kr_writer_init(&parts, KR_SYNC_BYTES_MAX);
    kr_sync_part_write(&part, &parts);
    for (uint8_t kind = KR_SCOPE_DIRECTORY; kind < KR_SCOPE_PAIR; kind++) {
        struct kr_message message = {.type = KR_MESSAGE_SYNC, .walk = kind, .part_count = 1, .parts = {parts.bytes, parts.len}};
        const struct kr_scope scope = {.kind = kind, .id = {9}};
        kr_scope_tag(message.tag, walkers.nodes[1].link->session.salt, &scope);
        if (kind != KR_SCOPE_CLEAR) {
            walkers_say(&walkers, 0, &message);
            walkers_run(&walkers, 3);
            assert_false(walkers.nodes[1].link->walk.is_active);
            assert_int_equal(walkers.nodes[1].link->bulk.count, 0);
        }
    }
    kr_writer_deinit(&parts);
}

/* Who was dialled begins no walk, and what it says of one that does not stand is not answered. */
static void only_who_dials_begins(void **state)
{
    static const uint8_t names[KR_SYNC_NAME_BYTES];
    struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = WALKERS_MONTH, .items = names};
    struct lie lie;
    (void)state;
    put(FIRST, 1, 0);
    lie_begin(&lie, 0);
    lie.message.walk = 5;
    lie_add(&lie, &part);
    lie_say(&lie);
    walkers_run(&walkers, 3);
    assert_int_equal(walkers.nodes[0].pushed, 0);
    assert_int_equal(walkers.nodes[0].messages, 0);
    struct walkers_node *dialled = &walkers.nodes[1];
    struct kr_step step = {
        .core = dialled->core, .txn = dialled->txn, .rng = &walkers.rng, .effects = &dialled->effects, .now_ms = walkers.now_ms};
    bool has_begun = true;
    assert_int_equal(kr_walk_begin(&step, dialled->link, &walkers.scope, NULL, &has_begun), KR_OK);
    assert_false(has_begun);
}

/* What is shared is asked as it is then, not as it was listed. */
static void a_peer_that_is_not_linked_begins_no_walk(void **state)
{
    struct walkers_node *node = &walkers.nodes[1];
    struct kr_message begin = {.type = KR_MESSAGE_SYNC, .walk = 1};
    (void)state;
    put_common(200);
    walk();
    assert_true(node->link->progress_count > 0);
    node->link->state = KR_LINK_JOINING;
    begin.walk = node->link->walk.number + 1;
    kr_scope_tag(begin.tag, node->link->session.salt, &walkers.scope);
    const uint64_t messages_before = node->messages;
    walkers_say(&walkers, 0, &begin);
    walkers_run(&walkers, 1);
    assert_false(node->link->walk.is_active);
    assert_int_equal(node->messages, messages_before + 1); /* that it ends */
    node->link->state = KR_LINK_OPEN;
    walk();
}

/* Nor is a month that is over handed over to who asks for it. */
static void parts_about_what_is_over_are_passed_over(void **state)
{
    const uint32_t month = kr_tree_month(WALKERS_NOW_MS / 1000) - 2;
    const struct kr_sync_part part = {.what = KR_SYNC_LIST, .month = month};
    uint8_t id[32];
    struct lie lie;
    (void)state;
    walkers_id(1, id);
    walkers_put(&walkers, 0, id, WALKERS_NOW_MS - 9000 * HOUR_MS, month, true);
    begin_with_a_liar();
    lie_begin(&lie, 1);
    lie_add(&lie, &part);
    lie_say(&lie);
    walkers.push_max = 0;
    walkers_run(&walkers, 2);
    assert_int_equal(walkers.nodes[0].link->walk.generations[1].dealt, 1);
    assert_int_equal(walkers.nodes[0].link->bulk.count, 0);
}

static void a_session_that_ends_lets_everything_go(void **state)
{
    struct kr_link *link = walkers.nodes[0].link;
    (void)state;
    flood();
    watch_frames(&link->walk);
    kr_walk_close(link);
    assert_all_freed();
    assert_false(link->walk.is_active);
    assert_int_equal(link->walk.count, 0);
    assert_int_equal(link->walk.bytes, 0);
    assert_null(link->walk.parts.bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_peer_that_answers_for_ever_is_left_alone),
        TEST(many_walks_cost_as_much_as_a_long_one),
        TEST(more_messages_than_have_room_are_let_go),
        TEST(only_full_messages_pass_a_window),
        TEST(a_message_costs_no_more_than_a_step),
        TEST(the_latest_generation_goes_first),
        TEST(no_peer_fills_the_room_of_all),
        TEST(a_peer_that_falls_silent_is_given_up),
        TEST(a_walk_that_is_broken_off_lets_everything_go),
        TEST(what_was_dealt_with_and_never_sent_ends_the_walk),
        TEST(a_generation_that_nobody_reaches_ends_the_walk),
        TEST(parts_that_were_not_asked_for_do_no_harm),
        TEST(a_scope_that_is_not_shared_is_not_spoken_of),
        TEST(only_who_dials_begins),
        TEST(a_peer_that_is_not_linked_begins_no_walk),
        TEST(parts_about_what_is_over_are_passed_over),
        TEST(a_session_that_ends_lets_everything_go),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
