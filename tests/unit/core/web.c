#include "tests/unit/core/web.h"

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
    bool is_heard = kr_session_open(ear, plain, effect->bytes + head, effect->len - head) == KR_OK;
    if (!is_heard && at->has_session) { /* the test has said something in this session itself, and it has been read */
        *ear = at->session;
        is_heard = kr_session_open(ear, plain, effect->bytes + head, effect->len - head) == KR_OK;
    }
    if (is_heard) {
        struct kr_slice bytes = {plain, effect->len - head - KR_SESSION_OVERHEAD_BYTES};
        assert_int_equal(kr_message_read(bytes, &message), KR_OK);
        web->said[from][to][message.type]++;
        web->payloads[from][to] += message.type == KR_MESSAGE_RECORDS ? message.item_count : 0;
        web->ids[from][to] += message.type == KR_MESSAGE_IHAVE ? kr_message_id_count(&message) : 0;
        web->asked[from][to] += message.type == KR_MESSAGE_GRAFT && message.status == 0 ? kr_message_id_count(&message) : 0;
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

struct web *web_new(uint32_t nodes, struct sim_edges edges)
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
        web->delay_ms[edges.items[i].a][edges.items[i].b] = web->delay_ms[edges.items[i].b][edges.items[i].a] = WEB_DELAY_MS;
    }
    web->bed->on_send = carry;
    web->bed->context = web;
    bed_run(web->bed, 300000);
    return web;
}

void web_free(struct web *web)
{
    bed_free(web->bed);
    sim_edges_free(&web->edges);
    free(web);
}

struct web *web_ring(uint32_t nodes)
{
    struct sim_edges edges = {0};
    sim_edges_ring(&edges, nodes);
    return web_new(nodes, edges);
}

struct web *web_chain(uint32_t nodes)
{
    struct sim_edges edges = {0};
    sim_edges_chain(&edges, nodes);
    return web_new(nodes, edges);
}

void web_forget_counts(struct web *web)
{
    memset(web->said, 0, sizeof web->said);
    memset(web->payloads, 0, sizeof web->payloads);
    memset(web->ids, 0, sizeof web->ids);
    memset(web->asked, 0, sizeof web->asked);
}

void web_set_delay(struct web *web, uint32_t a, uint32_t b, uint64_t delay_ms)
{
    web->delay_ms[a][b] = web->delay_ms[b][a] = delay_ms;
}

uint32_t web_payloads(const struct web *web)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < web->nodes * BED_NODES_MAX; i++) {
        sum += web->payloads[i / BED_NODES_MAX][i % BED_NODES_MAX];
    }
    return sum;
}

uint32_t web_said(const struct web *web, uint32_t type)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < web->nodes * BED_NODES_MAX; i++) {
        sum += web->said[i / BED_NODES_MAX][i % BED_NODES_MAX][type];
    }
    return sum;
}

uint32_t web_publish(struct web *web, uint32_t node, uint64_t ms)
{
    uint32_t record = sim_world_submit(web->bed->world, node, KR_TLP_GREEN, NULL, 0, web->bed->world->now_ms);
    bed_run(web->bed, ms);
    return record;
}

uint64_t web_took_ms(struct web *web, uint32_t node, uint32_t record)
{
    const struct sim_record *of = &web->bed->world->records[record];
    struct kr_head head;
    assert_true(of->is_accepted);
    return bed_head(web->bed, node, of->id, &head) == KR_OK ? head.received_ms - of->accepted_ms : UINT64_MAX;
}

uint32_t web_came_from(struct web *web, uint32_t node, uint32_t record)
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

uint32_t web_distances(const struct web *web, uint32_t from, uint32_t ret_hops[static BED_NODES_MAX])
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

uint32_t web_address(struct web *web, uint32_t node, const uint32_t *audience, uint32_t count, uint64_t ms)
{
    uint32_t record = sim_world_submit(web->bed->world, node, KR_TLP_AMBER, audience, count, web->bed->world->now_ms);
    bed_run(web->bed, ms);
    return record;
}

void web_announce(struct web *web, uint32_t from, uint32_t to, const uint8_t id[static 32])
{
    bed_say(web->bed, from, to, &(struct kr_message){.type = KR_MESSAGE_IHAVE, .ids = {id, KR_SHORT_ID_BYTES}});
}
