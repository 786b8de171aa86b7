/* Trees of dissemination: nodes whose frames take a time of the test's choosing, read along. */
#include <stdio.h>

#include "node/core/spread.h"
#include "tests/unit/core/bed.h"

#define DELAY_MS  50u
#define TYPES_MAX 24u

struct web {
    struct bed *bed;
    uint32_t nodes;
    struct sim_edges edges;
    uint64_t delay_ms[BED_NODES_MAX][BED_NODES_MAX];
    bool is_dead[BED_NODES_MAX][BED_NODES_MAX];
    struct kr_session ears[BED_NODES_MAX][BED_NODES_MAX]; /* the receiver's session as it will be when it reads */
    uint32_t said[BED_NODES_MAX][BED_NODES_MAX][TYPES_MAX];
    uint32_t payloads[BED_NODES_MAX][BED_NODES_MAX];
};

static void listen_in(struct web *web, uint32_t from, uint32_t to, const struct kr_link *at, const struct kr_effect *effect)
{
    static struct kr_message message;
    const size_t head = 1 + KR_SESSION_ID_BYTES;
    struct kr_session *ear = &web->ears[from][to];
    if (effect->bytes[0] != KR_FRAME_SEALED) {
        return;
    }
    if (memcmp(ear->id, effect->bytes + 1, KR_SESSION_ID_BYTES) != 0) {
        *ear = at->has_session && memcmp(at->session.id, effect->bytes + 1, KR_SESSION_ID_BYTES) == 0 ? at->session : at->pending;
    }
    uint8_t *plain = malloc(effect->len);
    assert_non_null(plain);
    if (kr_session_open(ear, plain, effect->bytes + head, effect->len - head) == KR_OK) {
        struct kr_slice bytes = {plain, effect->len - head - KR_SESSION_OVERHEAD_BYTES};
        assert_int_equal(kr_message_read(bytes, &message), KR_OK);
        web->said[from][to][message.type]++;
        web->payloads[from][to] += message.type == KR_MESSAGE_RECORDS ? message.item_count : 0;
    }
    free(plain);
}

static bool carry(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct web *web = context;
    const struct kr_link *link = kr_link_by_number(bed_core(web->bed, node->index), effect->number);
    for (uint32_t to = 0; to < web->nodes && link != NULL; to++) {
        if (memcmp(bed_node(web->bed, to)->council, link->council, 32) != 0) {
            continue;
        }
        const struct kr_link *back = bed_link(web->bed, to, node->index);
        listen_in(web, node->index, to, back, effect);
        if (!web->is_dead[node->index][to]) {
            sim_world_push(web->bed->world, bed_node(web->bed, to),
                           (struct kr_event){.type = KR_EVENT_FRAME, .number = back->number}, effect->bytes, effect->len,
                           web->bed->world->now_ms + web->delay_ms[node->index][to]);
        }
        return true;
    }
    return false;
}

static bool is_under_way(const struct sim_world *world)
{
    for (size_t i = 0; i < world->heap_count; i++) {
        if (world->heap[i].kind == SIM_CORE_EVENT && world->heap[i].event.type == KR_EVENT_FRAME) {
            return true;
        }
    }
    return false;
}

/* Takes over the edges. Each link is measured when the test begins. */
static struct web *web_new(uint32_t nodes, struct sim_edges edges)
{
    struct web *web = calloc(1, sizeof *web);
    assert_non_null(web);
    web->nodes = nodes;
    web->edges = edges;
    web->bed = bed_new_with(nodes, &edges);
    while (is_under_way(web->bed->world)) {
        bed_run(web->bed, 1);
    }
    for (uint32_t i = 0; i < edges.count; i++) {
        web->delay_ms[edges.items[i].a][edges.items[i].b] = web->delay_ms[edges.items[i].b][edges.items[i].a] = DELAY_MS;
    }
    web->bed->on_send = carry;
    web->bed->context = web;
    bed_run(web->bed, 300000);
    return web;
}

static void web_free(struct web *web)
{
    bed_free(web->bed);
    sim_edges_free(&web->edges);
    free(web);
}

static struct web *ring(uint32_t nodes)
{
    struct sim_edges edges = {0};
    sim_edges_ring(&edges, nodes);
    return web_new(nodes, edges);
}

static struct web *chain(uint32_t nodes)
{
    struct sim_edges edges = {0};
    sim_edges_chain(&edges, nodes);
    return web_new(nodes, edges);
}

static void forget_counts(struct web *web)
{
    memset(web->said, 0, sizeof web->said);
    memset(web->payloads, 0, sizeof web->payloads);
}

static void set_delay(struct web *web, uint32_t a, uint32_t b, uint64_t delay_ms)
{
    web->delay_ms[a][b] = web->delay_ms[b][a] = delay_ms;
}

static uint32_t payloads(const struct web *web)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < web->nodes * BED_NODES_MAX; i++) {
        sum += web->payloads[i / BED_NODES_MAX][i % BED_NODES_MAX];
    }
    return sum;
}

static uint32_t said_in_all(const struct web *web, uint32_t type)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < web->nodes * BED_NODES_MAX; i++) {
        sum += web->said[i / BED_NODES_MAX][i % BED_NODES_MAX][type];
    }
    return sum;
}

/* A record by that node's council; runs for so long after. */
static uint32_t publish(struct web *web, uint32_t node, uint64_t ms)
{
    uint32_t record = sim_world_submit(web->bed->world, node, KR_TLP_GREEN, NULL, 0, web->bed->world->now_ms);
    bed_run(web->bed, ms);
    return record;
}

/* How long after its author the node had it; UINT64_MAX: it does not. */
static uint64_t took_ms(struct web *web, uint32_t node, uint32_t record)
{
    const struct sim_record *of = &web->bed->world->records[record];
    struct kr_head head;
    assert_true(of->is_accepted);
    return bed_head(web->bed, node, of->id, &head) == KR_OK ? head.received_ms - of->accepted_ms : UINT64_MAX;
}

static uint32_t came_from(struct web *web, uint32_t node, uint32_t record)
{
    static uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint64_t arrival;
    uint32_t from = 0;
    assert_int_equal(kr_store_read_begin(bed_node(web->bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, web->bed->world->records[record].id, &arrival), KR_OK);
    assert_int_equal(kr_store_head_get(txn, arrival, &head, scratch), KR_OK);
    while (memcmp(bed_node(web->bed, from)->council, head.from, 32) != 0) {
        from++;
        assert_true(from < web->nodes);
    }
    kr_txn_abort(txn);
    return from;
}

/* Hops from one node to all others, not over dead links. Returns the largest. */
static uint32_t distances(const struct web *web, uint32_t from, uint32_t ret_hops[static BED_NODES_MAX])
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < web->nodes; i++) {
        ret_hops[i] = i == from ? 0 : UINT32_MAX;
    }
    for (uint32_t round = 0; round < web->nodes; round++) {
        for (uint32_t a = 0; a < web->nodes; a++) {
            for (uint32_t b = 0; b < web->nodes && ret_hops[a] == round; b++) {
                if (web->delay_ms[a][b] > 0 && !web->is_dead[a][b] && ret_hops[b] == UINT32_MAX) {
                    ret_hops[b] = round + 1;
                    most = round + 1;
                }
            }
        }
    }
    return most;
}

/* ---- trees ---- */

static void records_settle_into_trees(void **state)
{
    enum { NODES = 24, AUTHORS = 4, SETTLING = 6, COUNTED = 12 };
    struct sim_edges edges = {0};
    struct kr_rng rng;
    uint8_t seed[32] = {3};
    uint32_t hops[BED_NODES_MAX], diameter = 0, records[AUTHORS * COUNTED];
    (void)state;
    kr_rng_init(&rng, seed);
    sim_edges_regular(&edges, NODES, 8, &rng);
    struct web *web = web_new(NODES, edges);
    for (uint32_t i = 0; i < NODES; i++) {
        uint32_t most = distances(web, i, hops);
        diameter = most > diameter ? most : diameter;
    }
    for (uint32_t i = 0; i < AUTHORS * SETTLING; i++) {
        uint32_t record = publish(web, i % AUTHORS, 1000);
        for (uint32_t node = 0; node < NODES; node++) { /* also the first of an author, along four of eight links */
            assert_true(took_ms(web, node, record) < 1000);
        }
    }
    forget_counts(web);
    for (uint32_t i = 0; i < AUTHORS * COUNTED; i++) {
        records[i] = publish(web, i % AUTHORS, 1000);
    }
    for (uint32_t i = 0; i < AUTHORS * COUNTED; i++) {
        for (uint32_t node = 0; node < NODES; node++) {
            assert_true(took_ms(web, node, records[i]) <= (diameter + 1) * DELAY_MS);
        }
    }
    double each = (double)payloads(web) / (AUTHORS * COUNTED * (NODES - 1));
    print_message("payloads a node: %.3f, diameter %u\n", each, diameter);
    assert_true(each >= 1 && each <= 1.2);
    web_free(web);
}

/* As by flooding: with five links or fewer nobody waits for an announcement, at first or later. */
static void a_few_nodes_are_as_fast_as_ever(void **state)
{
    (void)state;
    struct web *web = ring(3);
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t record = publish(web, i % 3, 1000);
        for (uint32_t node = 0; node < 3; node++) {
            assert_int_equal(took_ms(web, node, record), node == i % 3 ? 0 : DELAY_MS);
        }
    }
    forget_counts(web);
    for (uint32_t i = 0; i < 12; i++) {
        (void)publish(web, i % 3, 1000);
    }
    assert_int_equal(payloads(web), 12 * 2); /* and the third side of the triangle carries ids alone */
    assert_true(said_in_all(web, KR_MESSAGE_IHAVE) > 0);
    assert_int_equal(said_in_all(web, KR_MESSAGE_GRAFT), 0);
    web_free(web);
}

static void addressed_records_have_a_tree_for_each_audience(void **state)
{
    static const uint32_t audience[] = {1, 2};
    (void)state;
    struct web *web = ring(3);
    for (uint32_t i = 0; i < 4; i++) {
        if (i == 2) {
            forget_counts(web);
        }
        uint32_t record = sim_world_submit(web->bed->world, 0, KR_TLP_AMBER, audience, 2, web->bed->world->now_ms);
        bed_run(web->bed, 1000);
        assert_int_equal(took_ms(web, 1, record), DELAY_MS);
        assert_int_equal(took_ms(web, 2, record), DELAY_MS);
    }
    assert_int_equal(payloads(web), 2 * 2);
    /* For 1 alone: 2 hears nothing of it, not even an id. */
    forget_counts(web);
    (void)sim_world_submit(web->bed->world, 0, KR_TLP_AMBER, audience, 1, web->bed->world->now_ms);
    bed_run(web->bed, 1000);
    assert_int_equal(payloads(web), 1);
    assert_int_equal(said_in_all(web, KR_MESSAGE_IHAVE), 0);
    web_free(web);
}

/* The author's own link is the way, although another brought the first record sooner. */
static void the_authors_link_is_kept(void **state)
{
    (void)state;
    struct web *web = ring(3);
    set_delay(web, 0, 1, 10);
    set_delay(web, 1, 2, 10);
    bed_run(web->bed, 120000);
    forget_counts(web);
    uint32_t record = publish(web, 0, 1000);
    assert_int_equal(came_from(web, 2, record), 1);
    assert_int_equal(web->said[2][1][KR_MESSAGE_PRUNE], 1);
    assert_int_equal(web->said[2][0][KR_MESSAGE_PRUNE], 0);
    record = publish(web, 0, 1000);
    assert_int_equal(came_from(web, 2, record), 0);
    assert_int_equal(took_ms(web, 2, record), DELAY_MS);
    web_free(web);
}

static void round_trips_are_measured(void **state)
{
    (void)state;
    struct web *web = ring(3);
    set_delay(web, 0, 1, 300);
    bed_run(web->bed, 300000);
    assert_in_range(bed_link(web->bed, 0, 1)->spread.rtt_ms, 590, 602);
    assert_in_range(bed_link(web->bed, 0, 2)->spread.rtt_ms, 2 * DELAY_MS - 2, 2 * DELAY_MS + 2);
    web_free(web);
}

/* ---- repair ---- */

/* A ring of six: 3 gets what 0 writes by one of its sides. That side dies, unnoticed. */
static void a_dead_tree_link_is_repaired_within_two_round_trips(void **state)
{
    (void)state;
    struct web *web = ring(6);
    uint32_t record = 0;
    for (uint32_t i = 0; i < 4; i++) {
        record = publish(web, 0, 1000);
    }
    uint32_t parent = came_from(web, 3, record), other = parent == 2 ? 4 : 2;
    uint64_t usual_ms = took_ms(web, 3, record);
    forget_counts(web);
    web->is_dead[parent][3] = web->is_dead[3][parent] = true;
    record = publish(web, 0, 2000);
    assert_int_equal(came_from(web, 3, record), other);
    uint64_t announced_ms = took_ms(web, other, record) + DELAY_MS;
    assert_true(took_ms(web, 3, record) <= announced_ms + 4 * DELAY_MS + 10);
    assert_int_equal(web->said[3][other][KR_MESSAGE_GRAFT], 1);
    record = publish(web, 0, 2000); /* and from then on it is as fast as ever */
    assert_int_equal(took_ms(web, 3, record), usual_ms);
    assert_int_equal(web->said[3][other][KR_MESSAGE_GRAFT], 1);
    web_free(web);
}

/* Eight links each, one that takes five seconds, and one that takes nothing at all: nobody else is later for that. */
static void slow_and_dead_links_slow_nobody_else(void **state)
{
    enum { NODES = 16 };
    struct sim_edges edges = {0};
    struct kr_rng rng;
    uint8_t seed[32] = {5};
    uint32_t hops[BED_NODES_MAX], record = 0, largest = 0;
    (void)state;
    kr_rng_init(&rng, seed);
    sim_edges_regular(&edges, NODES, 8, &rng);
    struct web *web = web_new(NODES, edges);
    for (uint32_t i = 0; i < 6; i++) {
        record = publish(web, 0, 1000);
    }
    largest = distances(web, 0, hops);
    uint32_t slow = 1, dead;
    while (hops[slow] != 2) {
        slow++;
    }
    dead = slow + 1;
    while (hops[dead] != 2) {
        dead++;
        assert_true(dead < NODES);
    }
    uint32_t slow_parent = came_from(web, slow, record), dead_parent = came_from(web, dead, record);
    set_delay(web, slow_parent, slow, 5000);
    web->is_dead[dead_parent][dead] = web->is_dead[dead][dead_parent] = true;
    for (uint32_t i = 0; i < 8; i++) {
        record = publish(web, 0, 1000);
        for (uint32_t node = 0; node < NODES; node++) {
            bool is_struck = node == slow || node == dead;
            uint64_t usual_ms = (largest + 1) * DELAY_MS, repair_ms = i == 0 ? 4 * DELAY_MS + DELAY_MS + 10 : 0;
            /* Whoever got it through those two waits as they do, once. */
            bool is_behind = !is_struck && (came_from(web, node, record) == slow || came_from(web, node, record) == dead);
            assert_true(took_ms(web, node, record) <= usual_ms + (is_struck || is_behind ? repair_ms : 0));
        }
    }
    for (uint32_t i = 0; i < bed_core(web->bed, slow_parent)->link_count; i++) {
        assert_true(bed_core(web->bed, slow_parent)->links[i]->spread.id_count <= KR_ANNOUNCE_MAX);
    }
    web_free(web);
}

/* 2 announces to 1 what 0 wrote, and 0 sends a bad copy: 2 is asked at once. */
static void where_a_copy_is_bad_another_is_asked_for(void **state)
{
    (void)state;
    struct web *web = ring(3);
    struct kr_writer writer;
    struct kr_slice content = bed_report(&writer, "bad.example");
    struct kr_draft draft = {.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = content};
    struct forged first = bed_forge(web->bed, 0, draft), second = bed_forge(web->bed, 0, draft);
    /* The way of this tree is by 0 for both, and ids alone go between 1 and 2. */
    bed_hand_over(web->bed, 0, 1, &first);
    bed_hand_over(web->bed, 0, 2, &first);
    bed_run(web->bed, 1000);
    forget_counts(web);
    struct forged bad = second;
    bad.bytes = malloc(second.len);
    assert_non_null(bad.bytes);
    memcpy(bad.bytes, second.bytes, second.len);
    bad.bytes[bad.len - 1] ^= 1;
    bed_hand_over(web->bed, 0, 2, &second); /* runs 100 ms: the id is at 1 after 50 */
    assert_int_equal(web->said[2][1][KR_MESSAGE_IHAVE], 1);
    assert_int_equal(web->said[1][2][KR_MESSAGE_GRAFT], 0);
    assert_non_null(kr_awaiting_find(&bed_core(web->bed, 1)->spread.awaiting, second.id));
    struct kr_message *message = calloc(1, sizeof *message);
    assert_non_null(message);
    message->type = KR_MESSAGE_RECORDS;
    message->item_count = 1;
    message->items[0] = (struct kr_slice){bad.bytes, bad.len};
    web->delay_ms[1][2] = 5; /* so that the answer comes before patience would have ended */
    bed_say(web->bed, 0, 1, message);
    assert_int_equal(web->said[1][2][KR_MESSAGE_GRAFT], 1);
    assert_true(bed_said(web->bed, 1, "refused a record"));
    assert_true(bed_holds(web->bed, 1, second.id));
    assert_int_equal(bed_core(web->bed, 1)->spread.awaiting.count, 0);
    free(message);
    free(bad.bytes);
    forged_free(&first);
    forged_free(&second);
    kr_writer_deinit(&writer);
    web_free(web);
}

/* A peer that is asked and does not answer is passed over for the next. */
static void who_does_not_send_what_it_announced_is_passed_over(void **state)
{
    (void)state;
    struct web *web = ring(3);
    struct kr_writer writer;
    struct kr_slice content = bed_report(&writer, "late.example");
    struct forged record =
        bed_forge(web->bed, 2, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = content});
    struct kr_message *message = calloc(1, sizeof *message);
    assert_non_null(message);
    message->type = KR_MESSAGE_IHAVE;
    message->item_count = 1;
    message->items[0] = (struct kr_slice){record.id, KR_SHORT_ID_BYTES};
    bed_say(web->bed, 0, 1, message); /* 0 never had it */
    bed_say(web->bed, 2, 1, message);
    bed_run(web->bed, 30000);
    assert_int_equal(web->said[1][0][KR_MESSAGE_GRAFT], 1);
    assert_int_equal(web->said[1][2][KR_MESSAGE_GRAFT], 1);
    assert_int_equal(bed_core(web->bed, 1)->spread.awaiting.count, 0); /* then it is left to catching up */
    free(message);
    forged_free(&record);
    kr_writer_deinit(&writer);
    web_free(web);
}

/* ---- peers that mean harm ---- */

static void ids_that_never_come_are_bounded(void **state)
{
    (void)state;
    struct web *web = chain(3);
    struct kr_message *message = calloc(1, sizeof *message);
    static uint8_t ids[KR_IDS_PER_FRAME_MAX][KR_SHORT_ID_BYTES];
    struct kr_spread *spread = &bed_core(web->bed, 1)->spread;
    uint32_t most = 0;
    assert_non_null(message);
    message->type = KR_MESSAGE_IHAVE;
    message->item_count = KR_IDS_PER_FRAME_MAX;
    set_delay(web, 0, 1, 1);
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < KR_IDS_PER_FRAME_MAX; i++) {
            kr_rng_bytes(&web->bed->world->rng, ids[i], KR_SHORT_ID_BYTES);
            message->items[i] = (struct kr_slice){ids[i], KR_SHORT_ID_BYTES};
        }
        bed_say(web->bed, 0, 1, message);
        most = spread->awaiting.count > most ? spread->awaiting.count : most;
        assert_true(spread->awaiting.count <= KR_AWAITED_LINK_MAX);
        assert_true(kr_awaiting_has_room(&spread->awaiting, bed_link(web->bed, 1, 2)->spread.slot));
    }
    assert_int_equal(most, KR_AWAITED_LINK_MAX);
    assert_true(bed_link(web->bed, 1, 0)->has_session); /* it kept within its room */
    uint32_t record = publish(web, 2, 1000);
    assert_int_equal(took_ms(web, 1, record), DELAY_MS);
    bed_run(web->bed, 30000);
    assert_int_equal(spread->awaiting.count, 0);
    free(message);
    web_free(web);
}

/* Announcements use up the room that a peer was given, like records. */
static void who_announces_beyond_its_room_is_cut(void **state)
{
    (void)state;
    struct web *web = chain(2);
    struct kr_message *message = calloc(1, sizeof *message);
    static uint8_t id[KR_SHORT_ID_BYTES];
    assert_non_null(message);
    message->type = KR_MESSAGE_IHAVE;
    message->item_count = 2;
    message->items[0] = message->items[1] = (struct kr_slice){id, KR_SHORT_ID_BYTES};
    bed_link(web->bed, 1, 0)->granted = 2 * KR_SHORT_ID_BYTES - 1;
    bed_forget_log(web->bed);
    bed_say(web->bed, 0, 1, message);
    assert_true(bed_said(web->bed, 1, "more than it was given room for"));
    free(message);
    web_free(web);
}

/* Whatever 0 prunes and grafts, 2 gets what it is due at once, and 0 gets nothing that is not for it. */
static void prunes_and_grafts_change_what_goes_to_their_sender_alone(void **state)
{
    static const uint32_t audience[] = {2};
    (void)state;
    struct web *web = chain(3);
    struct sim_world *world = web->bed->world;
    struct kr_message *message = calloc(1, sizeof *message);
    assert_non_null(message);
    uint32_t secret = sim_world_submit(world, 1, KR_TLP_AMBER, audience, 1, world->now_ms), open = publish(web, 1, 1000);
    for (uint32_t i = 0; i < 2; i++) {
        *message = (struct kr_message){.type = i == 0 ? KR_MESSAGE_GRAFT : KR_MESSAGE_PRUNE, .item_count = KR_IDS_PER_FRAME_MAX};
        for (uint32_t j = 0; j < KR_IDS_PER_FRAME_MAX; j++) {
            message->items[j] = (struct kr_slice){world->records[j % 2 == 0 ? secret : open].id, KR_SHORT_ID_BYTES};
        }
        forget_counts(web);
        for (uint32_t round = 0; round < 10; round++) {
            bed_say(web->bed, 0, 1, message);
        }
        assert_true(web->payloads[1][0] <= (i == 0 ? 10 * KR_IDS_PER_FRAME_MAX / 2 : 0)); /* only the open one, as often as asked */
        assert_false(bed_holds(web->bed, 0, world->records[secret].id));
        bed_run(web->bed, 1000);
        uint32_t record = publish(web, 1, 1000);
        assert_int_equal(took_ms(web, 2, record), DELAY_MS);
        assert_true(took_ms(web, 0, record) < 1000); /* where it had itself pruned, by an id and a graft of its own core */
    }
    assert_true(web->said[1][0][KR_MESSAGE_IHAVE] > 0);
    assert_int_equal(web->said[1][0][KR_MESSAGE_REFUSE] + web->said[0][1][KR_MESSAGE_REFUSE], 0);
    free(message);
    web_free(web);
}

/* A peer that announces early and sends nothing is made eager, and nobody is pruned for it. */
static void who_announces_early_and_sends_nothing_wins_nothing(void **state)
{
    (void)state;
    struct web *web = ring(4);
    struct kr_writer writer;
    struct kr_slice content = bed_report(&writer, "early.example");
    struct kr_message *message = calloc(1, sizeof *message);
    assert_non_null(message);
    set_delay(web, 1, 2, 150);
    bed_run(web->bed, 300000); /* so that 1 is patient with what 2 announces */
    forget_counts(web);
    message->type = KR_MESSAGE_IHAVE;
    message->item_count = 1;
    for (uint32_t i = 0; i < 6; i++) {
        struct forged record =
            bed_forge(web->bed, 3, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = content});
        message->items[0] = (struct kr_slice){record.id, KR_SHORT_ID_BYTES};
        web->is_dead[1][2] = true; /* 2 is played alone */
        bed_say(web->bed, 2, 1, message);
        bed_hand_over(web->bed, 0, 1, &record);
        assert_true(bed_holds(web->bed, 1, record.id));
        forged_free(&record);
    }
    assert_int_equal(web->said[1][2][KR_MESSAGE_GRAFT], 2); /* for the first and the third: ever more seldom */
    assert_int_equal(web->said[1][0][KR_MESSAGE_PRUNE], 0);
    free(message);
    kr_writer_deinit(&writer);
    web_free(web);
}

/* ---- what is not spread ---- */

/* The link that brought a record first brings it again, as when it was wanted and on its way: no copy too many in the tree. */
static void a_copy_from_the_same_link_prunes_nothing(void **state)
{
    (void)state;
    struct web *web = chain(2);
    struct kr_writer writer;
    struct kr_slice content = bed_report(&writer, "twice.example");
    struct forged record =
        bed_forge(web->bed, 0, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = content});
    bed_hand_over(web->bed, 0, 1, &record);
    bed_hand_over(web->bed, 0, 1, &record);
    bed_run(web->bed, 1000);
    assert_true(bed_holds(web->bed, 1, record.id));
    assert_int_equal(said_in_all(web, KR_MESSAGE_PRUNE), 0);
    forged_free(&record);
    kr_writer_deinit(&writer);
    web_free(web);
}

/* 1 was cut off from 0 and catches up: 2 hears of what is older than ten minutes only by catching up itself. */
static void what_was_caught_up_with_is_not_spread_again(void **state)
{
    (void)state;
    struct web *web = chain(3);
    web->is_dead[0][1] = web->is_dead[1][0] = true;
    uint32_t old = publish(web, 0, KR_SPREAD_AGE_MS + 60000), fresh = publish(web, 0, 60000);
    forget_counts(web);
    web->is_dead[0][1] = web->is_dead[1][0] = false;
    uint64_t end_ms = web->bed->world->now_ms + 120000;
    while (!bed_holds(web->bed, 1, web->bed->world->records[old].id) ||
           !bed_holds(web->bed, 1, web->bed->world->records[fresh].id)) {
        bed_run(web->bed, 10);
        assert_true(web->bed->world->now_ms < end_ms);
    }
    assert_int_equal(web->said[1][2][KR_MESSAGE_IHAVE], 1); /* of the other one alone */
    assert_int_equal(web->payloads[1][2], 0);
    bed_run(web->bed, 120000);
    assert_true(bed_holds(web->bed, 2, web->bed->world->records[old].id));
    assert_true(bed_holds(web->bed, 2, web->bed->world->records[fresh].id));
    assert_int_equal(web->payloads[1][2], 2);
    web_free(web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_settle_into_trees),
        cmocka_unit_test(a_few_nodes_are_as_fast_as_ever),
        cmocka_unit_test(addressed_records_have_a_tree_for_each_audience),
        cmocka_unit_test(the_authors_link_is_kept),
        cmocka_unit_test(round_trips_are_measured),
        cmocka_unit_test(a_dead_tree_link_is_repaired_within_two_round_trips),
        cmocka_unit_test(slow_and_dead_links_slow_nobody_else),
        cmocka_unit_test(where_a_copy_is_bad_another_is_asked_for),
        cmocka_unit_test(who_does_not_send_what_it_announced_is_passed_over),
        cmocka_unit_test(ids_that_never_come_are_bounded),
        cmocka_unit_test(who_announces_beyond_its_room_is_cut),
        cmocka_unit_test(prunes_and_grafts_change_what_goes_to_their_sender_alone),
        cmocka_unit_test(who_announces_early_and_sends_nothing_wins_nothing),
        cmocka_unit_test(a_copy_from_the_same_link_prunes_nothing),
        cmocka_unit_test(what_was_caught_up_with_is_not_spread_again),
    };
    return cmocka_run_group_tests_name("core/spread", tests, NULL, NULL);
}
