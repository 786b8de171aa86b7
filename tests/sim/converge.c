/* What must be so once everything works again for a while: everybody who must have a record has it, once. */
#include <stdlib.h>
#include <string.h>

#include "proto/record/record.h"
#include "tests/sim/world.h"

static bool is_addressed(const struct sim_record *record, uint32_t node)
{
    for (uint32_t i = 0; i < record->audience_count; i++) {
        if (record->audience[i] == node) {
            return true;
        }
    }
    return record->node == node;
}

/* It goes from node to node among those that may hold it: the author, and for AMBER whom it addresses. */
void sim_must_hold(const struct sim_world *world, const struct sim_record *record, bool *ret_must)
{
    uint32_t *queue = calloc(world->node_count, sizeof *queue), count = 0;
    KR_ASSERT(queue != NULL);
    memset(ret_must, 0, world->node_count * sizeof *ret_must);
    ret_must[record->node] = true;
    queue[count++] = record->node;
    for (uint32_t at = 0; at < count; at++) {
        const struct sim_node *node = world->nodes[queue[at]];
        for (uint32_t i = 0; i < node->edge_count; i++) {
            const struct sim_edge *edge = &world->edges.items[node->edges[i]];
            uint32_t other = edge->a == queue[at] ? edge->b : edge->a;
            if (!ret_must[other] && (record->label != KR_TLP_AMBER || is_addressed(record, other))) {
                ret_must[other] = true;
                queue[count++] = other;
            }
        }
    }
    free(queue);
}

static bool count_one(void *context, struct kr_slice key, struct kr_slice value)
{
    uint32_t *count = context;
    (void)key;
    (void)value;
    (*count)++;
    return true;
}

/* The directory must be the same everywhere too, or later records would be judged differently. */
static enum sim_verdict check_directory(struct sim_world *world, const struct sim_node *node)
{
    enum sim_verdict verdict = SIM_HOLDS;
    struct kr_txn *txn = NULL;
    KR_ASSERT(kr_store_read_begin(node->store, &txn) == KR_OK);
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        uint8_t prefix[33] = {KR_KIND_COUNCIL_CARD};
        uint32_t count = 0;
        memcpy(prefix + 1, world->nodes[i]->council, 32);
        enum kr_err err = kr_store_each(txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, count_one, &count);
        if (err != KR_OK || count == 0) {
            verdict = sim_fail(world, SIM_NO_CONVERGENCE, "%s does not know the card of %s", node->name, world->nodes[i]->name);
        }
    }
    kr_txn_abort(txn);
    return verdict;
}

/* One submission is one record, however often its client had to ask. */
static enum sim_verdict check_doubles(struct sim_world *world, const struct sim_node *node)
{
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint32_t submitted = 0, stored = 0;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    KR_ASSERT(scratch != NULL && kr_store_read_begin(node->store, &txn) == KR_OK);
    for (uint64_t arrival = 1; kr_store_head_next(txn, arrival, false, &head, scratch) == KR_OK; arrival = head.arrival + 1) {
        stored += !kr_kind_is_statement(head.kind) && memcmp(head.author, node->council, 32) == 0;
    }
    for (uint32_t i = 0; i < world->record_count; i++) {
        submitted += world->records[i].node == node->index;
    }
    kr_txn_abort(txn);
    free(scratch);
    return stored == submitted ? SIM_HOLDS
                               : sim_fail(world, SIM_LOSS, "%s wrote %u records for %u submissions", node->name, stored, submitted);
}

static enum sim_verdict check_record(struct sim_world *world, uint32_t index, bool *must)
{
    const struct sim_record *record = &world->records[index];
    const struct sim_node *author = world->nodes[record->node];
    if (!record->is_accepted) {
        return sim_fail(world, SIM_NO_CONVERGENCE, "record %u of %s was never acknowledged", index, author->name);
    }
    sim_must_hold(world, record, must);
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (must[i] && !sim_holds(world->nodes[i], record->id)) {
            return sim_fail(world, SIM_NO_CONVERGENCE, "%s lacks record %u of %s (%s)", world->nodes[i]->name, index, author->name,
                            kr_label_name(record->label));
        }
    }
    return SIM_HOLDS;
}

enum sim_verdict sim_check_convergence(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    bool *must = calloc(world->node_count, sizeof *must);
    KR_ASSERT(must != NULL);
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        verdict = check_doubles(world, world->nodes[i]);
    }
    for (uint32_t i = 0; i < world->record_count && verdict == SIM_HOLDS; i++) {
        verdict = check_record(world, i, must);
    }
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        verdict = check_directory(world, world->nodes[i]);
    }
    free(must);
    return verdict;
}
