/* A mark says: all that stands before it in the peer's log is dealt with. Whoever believes a mark that says too much never asks
 * again, so each durable mark is held against both stores. */
#include <stdlib.h>
#include <string.h>

#include "proto/record/record.h"
#include "tests/sim/world.h"

#define IDS_AT_ONCE 256u

struct marks {
    struct sim_world *world;
    const struct sim_node *reader, *peer;
    struct kr_txn *reader_txn, *peer_txn;
    enum sim_verdict verdict;
};

/* What a stolen key signed is refused by who knows, and what it took back leaves and comes by another way. */
static bool is_of_stolen(const struct marks *marks, const struct kr_head *head)
{
    for (uint32_t i = 0; i < marks->world->node_count; i++) {
        const struct sim_node *node = marks->world->nodes[i];
        if (node->is_revoked && memcmp(node->council, head->author, 32) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the peer shows it and the reader has nothing of it. Statements are left out: the reader may hold a newer one; and what
 * may have been over by a clock that was wrong. */
static bool is_passed_over(const struct marks *marks, const uint8_t id[static 32])
{
    uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_head head;
    uint64_t arrival;
    return kr_store_record_find(marks->reader_txn, id, &arrival) == KR_NOT_FOUND &&
           kr_store_record_find(marks->peer_txn, id, &arrival) == KR_OK &&
           kr_store_head_get(marks->peer_txn, arrival, &head, scratch) == KR_OK && head.state == KR_HEAD_SHOWN &&
           head.expires_s * 1000 > marks->world->now_ms + marks->world->ahead_ever_ms && !kr_kind_is_statement(head.kind) &&
           !kr_kind_is_internal(head.kind) && !is_of_stolen(marks, &head) &&
           !(head.label == KR_TLP_GREEN && memcmp(head.community, marks->world->communities[1], 32) == 0 &&
             sim_life_is_before(marks->world, marks->reader, marks->peer, head.created_ms)) &&
           !(head.label == KR_TLP_GREEN && sim_is_too_new(marks->world, marks->reader, head.created_ms));
}

static enum sim_verdict check_mark(const struct marks *marks, const struct kr_scope *scope, uint64_t count,
                                   const uint8_t hash[static KR_MARK_HASH_BYTES])
{
    uint8_t own[32], ids[IDS_AT_ONCE][32];
    if (kr_store_scope_hash_at(marks->peer_txn, scope, count, own) != KR_OK || memcmp(own, hash, KR_MARK_HASH_BYTES) != 0) {
        /* A peer that went back to a backup has another log; that is found out when it is next read. */
        return marks->peer->was_restored ? SIM_HOLDS
                                         : sim_fail(marks->world, SIM_LOSS, "a mark of %s is not of the log of %s",
                                                    marks->reader->name, marks->peer->name);
    }
    for (uint64_t at = 0; at < count;) {
        uint32_t read = 0;
        uint32_t max = count - at < IDS_AT_ONCE ? (uint32_t)(count - at) : IDS_AT_ONCE;
        if (kr_store_scope_read(marks->peer_txn, scope, at, ids, max, &read) != KR_OK || read == 0) {
            break;
        }
        for (uint32_t i = 0; i < read; i++) {
            if (is_passed_over(marks, ids[i])) {
                return sim_fail(marks->world, SIM_LOSS, "a mark of %s is past a record of %s that it has not", marks->reader->name,
                                marks->peer->name);
            }
        }
        at += read;
    }
    return SIM_HOLDS;
}

static bool visit(void *context, struct kr_slice key, struct kr_slice value)
{
    struct marks *marks = context;
    struct kr_reader reader;
    struct kr_scope scope = {.kind = key.bytes[32]};
    uint8_t hash[KR_MARK_HASH_BYTES];
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 2);
    uint64_t count = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_fixed(&reader, hash, sizeof hash);
    memcpy(scope.id, scope.kind == KR_SCOPE_PAIR ? marks->reader->council : key.bytes + 33, 32);
    marks->verdict = count == 0 ? SIM_HOLDS : check_mark(marks, &scope, count, hash);
    return marks->verdict == SIM_HOLDS;
}

static enum sim_verdict check_marks_of(struct sim_world *world, const struct sim_node *reader, const struct sim_node *peer)
{
    struct marks marks = {.world = world, .reader = reader, .peer = peer};
    if (!reader->is_up || !peer->is_up || reader->is_hostile || peer->is_hostile) {
        return SIM_HOLDS;
    }
    KR_ASSERT(kr_store_read_begin(reader->store, &marks.reader_txn) == KR_OK);
    KR_ASSERT(kr_store_read_begin(peer->store, &marks.peer_txn) == KR_OK);
    enum kr_err err = kr_store_each(marks.reader_txn, KR_TABLE_MARKS, peer->keyring->transport_public, 32, visit, &marks);
    kr_txn_abort(marks.peer_txn);
    kr_txn_abort(marks.reader_txn);
    return err == KR_OK ? marks.verdict : sim_fail(world, SIM_LOSS, "%s cannot read its marks", reader->name);
}

enum sim_verdict sim_check_marks(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->edges.count && verdict == SIM_HOLDS; i++) {
        const struct sim_node *a = world->nodes[world->edges.items[i].a], *b = world->nodes[world->edges.items[i].b];
        verdict = check_marks_of(world, a, b);
        if (verdict == SIM_HOLDS) {
            verdict = check_marks_of(world, b, a);
        }
    }
    return verdict;
}
