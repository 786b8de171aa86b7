/* Checkers look from outside: at stores through a read transaction, at frames as bytes. They know what was submitted, not what the
 * core thinks of it. */
#include <stdlib.h>
#include <string.h>

#include "proto/record/record.h"
#include "tests/sim/world.h"

static const struct sim_record *record_by_id(const struct sim_world *world, const uint8_t id[static 32])
{
    for (uint32_t i = 0; i < world->record_count; i++) {
        if (world->records[i].is_accepted && memcmp(world->records[i].id, id, 32) == 0) {
            return &world->records[i];
        }
    }
    return NULL;
}

static bool may_hold(const struct sim_record *record, uint32_t node)
{
    return record->label != KR_TLP_AMBER || record->node == node || (record->audience_mask >> node & 1);
}

enum sim_verdict sim_check_frame(struct sim_world *world, const uint8_t *bytes, size_t len)
{
    for (uint32_t i = 0; i < world->record_count; i++) {
        char title[40];
        sodium_bin2hex(title, sizeof title, world->records[i].canary, sizeof world->records[i].canary);
        if (memmem(bytes, len, title, 32) != NULL) {
            return sim_fail(world, SIM_LEAK, "the text of record %u stands in the open in a frame", i);
        }
    }
    return SIM_HOLDS;
}

/* Does the node's keyring open this record? Asked of the bytes as stored, whatever the core made of them. */
static bool opens(const struct sim_node *node, const uint8_t *bytes, size_t len)
{
    struct kr_record record;
    struct kr_header header;
    uint8_t *content = NULL;
    size_t content_len = 0;
    bool is_open = kr_record_split(bytes, len, &record) == KR_OK && kr_header_parse(record.header, &header) == KR_OK &&
                   kr_record_open(&record, &header, node->keyring, &content, &content_len) == KR_OK;
    free(content);
    return is_open;
}

static enum sim_verdict check_node_leaks(struct sim_world *world, const struct sim_node *node)
{
    struct kr_txn *txn = NULL;
    struct kr_head head;
    enum sim_verdict verdict = SIM_HOLDS;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    KR_ASSERT(scratch != NULL && kr_store_read_begin(node->store, &txn) == KR_OK);
    uint64_t arrival = 1;
    while (verdict == SIM_HOLDS && kr_store_head_next(txn, arrival, false, &head, scratch) == KR_OK) {
        arrival = head.arrival + 1;
        const struct sim_record *record = record_by_id(world, head.id);
        if (record == NULL) {
            continue; /* a statement, or a record whose acknowledgement was lost */
        }
        uint32_t number = (uint32_t)(record - world->records);
        if (!may_hold(record, node->index)) {
            verdict = sim_fail(world, SIM_LEAK, "%s holds record %u, which is %s and not for it", node->name, number,
                               kr_label_name(record->label));
            break;
        }
        uint8_t *bytes = NULL;
        size_t len = 0;
        if (kr_store_record_get(txn, head.arrival, &bytes, &len) != KR_OK) {
            verdict = sim_fail(world, SIM_LOSS, "%s cannot read record %u", node->name, number);
        } else if (may_hold(record, node->index) && !opens(node, bytes, len)) {
            verdict = sim_fail(world, SIM_LOSS, "%s holds record %u and cannot open it", node->name, number);
        }
        free(bytes);
    }
    kr_txn_abort(txn);
    free(scratch);
    return verdict;
}

enum sim_verdict sim_check_leaks(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        if (world->nodes[i].is_up) {
            verdict = check_node_leaks(world, &world->nodes[i]);
        }
    }
    return verdict;
}

static bool holds(const struct sim_node *node, const uint8_t id[static 32])
{
    struct kr_txn *txn = NULL;
    uint64_t arrival;
    KR_ASSERT(kr_store_read_begin(node->store, &txn) == KR_OK);
    enum kr_err err = kr_store_record_find(txn, id, &arrival);
    kr_txn_abort(txn);
    return err == KR_OK;
}

enum sim_verdict sim_check_accepted(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->record_count; i++) {
        const struct sim_record *record = &world->records[i];
        const struct sim_node *node = &world->nodes[record->node];
        if (record->is_accepted && node->is_up && !holds(node, record->id)) {
            return sim_fail(world, SIM_LOSS, "%s acknowledged record %u and does not have it", node->name, i);
        }
    }
    return SIM_HOLDS;
}

/* Who must have a record in the end: in a chain everybody for open labels; for AMBER those addressed who are linked with the
 * author. */
static bool must_hold(const struct sim_record *record, uint32_t node)
{
    bool is_linked = record->node + 1 == node || node + 1 == record->node;
    return record->node == node || record->label != KR_TLP_AMBER || (is_linked && (record->audience_mask >> node & 1));
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
static enum sim_verdict check_directory(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        for (uint32_t j = 0; j < world->node_count; j++) {
            struct kr_txn *txn = NULL;
            uint8_t prefix[33] = {KR_KIND_COUNCIL_CARD};
            memcpy(prefix + 1, world->nodes[j].council, 32);
            KR_ASSERT(kr_store_read_begin(world->nodes[i].store, &txn) == KR_OK);
            uint32_t count = 0;
            enum kr_err err = kr_store_each(txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, count_one, &count);
            kr_txn_abort(txn);
            if (err != KR_OK || count == 0) {
                return sim_fail(world, SIM_NO_CONVERGENCE, "%s does not know the card of %s", world->nodes[i].name,
                                world->nodes[j].name);
            }
        }
    }
    return SIM_HOLDS;
}

enum sim_verdict sim_check_convergence(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->record_count; i++) {
        const struct sim_record *record = &world->records[i];
        if (!record->is_accepted) {
            return sim_fail(world, SIM_NO_CONVERGENCE, "record %u of %s was never acknowledged", i,
                            world->nodes[record->node].name);
        }
        for (uint32_t j = 0; j < world->node_count; j++) {
            if (must_hold(record, j) && !holds(&world->nodes[j], record->id)) {
                return sim_fail(world, SIM_NO_CONVERGENCE, "%s lacks record %u of %s (%s)", world->nodes[j].name, i,
                                world->nodes[record->node].name, kr_label_name(record->label));
            }
        }
    }
    return check_directory(world);
}
