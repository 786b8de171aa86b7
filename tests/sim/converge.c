/* What must be so once everything works again for a while: everybody who must have a record has it, once. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "proto/record/record.h"
#include "tests/sim/internal.h"

#define MONTHS_MAX 160u
#define KEYS_MAX   4096u

#define EXPIRED_SETTLE_MS 180000u /* so long after its end everybody has the header of a record */

bool sim_is_addressed(const struct sim_world *world, const struct sim_record *record, uint32_t node)
{
    const uint32_t first = world->nodes[node]->first; /* to a council, whichever of its nodes */
    for (uint32_t i = 0; i < record->audience_count; i++) {
        if (world->nodes[record->audience[i]]->first == first) {
            return true;
        }
    }
    return world->nodes[record->node]->first == first;
}

static bool may_have(const struct sim_world *world, const struct sim_record *record, uint32_t node)
{
    const bool is_too_new = record->is_old && world->nodes[node]->is_newcomer;
    const bool is_in_it = !is_too_new && (!record->is_in_second || world->nodes[node]->is_in_second);
    return !world->nodes[node]->is_hostile && is_in_it && (record->label != KR_TLP_AMBER || sim_is_addressed(world, record, node));
}

/* What is addressed goes through third nodes, too. */
static uint32_t other_end(const struct sim_world *world, const struct sim_record *record, const struct sim_through *through,
                          uint32_t node)
{
    const bool is_its = through->a == node || through->b == node;
    return is_its && record->label == KR_TLP_AMBER && sim_through_stands(world, through)
               ? (through->a == node ? through->b : through->a)
               : node;
}

/* It goes from node to node among those that may hold it: the author, for AMBER whom it addresses, for GREEN who is in its
 * community. */
void sim_must_hold(const struct sim_world *world, const struct sim_record *record, bool *ret_must)
{
    if (world->has_life && record->is_in_second) {
        sim_life_must_hold(world, record, ret_must);
        return;
    }
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
            if (!ret_must[other] && may_have(world, record, other)) {
                ret_must[other] = true;
                queue[count++] = other;
            }
        }
        for (uint32_t i = 0; i < world->through_count; i++) {
            const uint32_t other = other_end(world, record, &world->throughs[i], queue[at]);
            if (!ret_must[other] && may_have(world, record, other)) {
                ret_must[other] = true;
                queue[count++] = other;
            }
        }
    }
    for (uint32_t i = 0; i < world->node_count; i++) {
        ret_must[i] = ret_must[i] && !world->nodes[i]->is_gone;
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

/* What stands at one place of the directory is one statement: the newest. */
struct place {
    uint32_t kind;
    uint8_t author[32], community[32], subject[32];
};

static enum sim_verdict check_replaced(struct sim_world *world, const struct sim_node *node)
{
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint32_t count = 0;
    bool has_two = false;
    struct place *places = NULL;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    KR_ASSERT(scratch != NULL && kr_store_read_begin(node->store, &txn) == KR_OK);
    for (uint64_t arrival = 1; kr_store_head_next(txn, arrival, false, &head, scratch) == KR_OK; arrival = head.arrival + 1) {
        if (!kr_kind_is_replaceable(head.kind) || head.state != KR_HEAD_SHOWN) {
            continue;
        }
        places = realloc(places, (count + 1) * sizeof *places);
        KR_ASSERT(places != NULL);
        memset(&places[count], 0, sizeof *places);
        places[count].kind = head.kind;
        memcpy(places[count].author, head.author, 32);
        memcpy(places[count].community, head.community, 32);
        memcpy(places[count].subject, head.subject, 32);
        for (uint32_t i = 0; i < count; i++) {
            has_two = has_two || memcmp(&places[i], &places[count], sizeof *places) == 0;
        }
        count++;
    }
    kr_txn_abort(txn);
    free(scratch);
    free(places);
    return has_two ? sim_fail(world, SIM_LOSS, "%s holds two statements where one is to be", node->name) : SIM_HOLDS;
}

/* One submission is one record, however often its client had to ask; one more where the node forgot with its disk, before the
 * client had its answer, that it had stored one. */
static enum sim_verdict check_doubles(struct sim_world *world, const struct sim_node *node)
{
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint32_t submitted = 0, stored = 0;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    KR_ASSERT(scratch != NULL && kr_store_read_begin(node->store, &txn) == KR_OK);
    for (uint64_t arrival = 1; kr_store_head_next(txn, arrival, false, &head, scratch) == KR_OK; arrival = head.arrival + 1) {
        stored += head.kind == KR_KIND_REPORT && memcmp(head.author, node->council, 32) == 0;
    }
    for (uint32_t i = 0; i < world->record_count; i++) {
        submitted += world->nodes[world->records[i].node]->first == node->first ? 1 + world->records[i].forgotten : 0;
    }
    kr_txn_abort(txn);
    free(scratch);
    bool is_good = node->is_hostile || stored <= submitted;
    return is_good ? SIM_HOLDS : sim_fail(world, SIM_LOSS, "%s wrote %u records for %u submissions", node->name, stored, submitted);
}

/* Where it may be gone everywhere, whoever has it must have passed it on. */
static bool is_anywhere(const struct sim_world *world, const struct sim_record *record, const bool *must)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (must[i] && sim_held(world->nodes[i], record->id) == SIM_HELD_SHOWN) {
            return true;
        }
    }
    return false;
}

/* ---- sets ---- */

/* What the two share, as node `a` names it. Returns the number. */
static uint32_t shared_scopes(const struct sim_world *world, const struct sim_node *a, const struct sim_node *b,
                              struct kr_scope ret_scopes[static KR_PROGRESS_MAX])
{
    const struct kr_core *core = kr_loop_core(a->loop);
    uint32_t count = 0;
    ret_scopes[count++] = (struct kr_scope){.kind = KR_SCOPE_CLEAR};
    ret_scopes[count] = (struct kr_scope){.kind = a->first == b->first ? KR_SCOPE_COUNCIL : KR_SCOPE_PAIR};
    memcpy(ret_scopes[count++].id, b->council, 32);
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        const bool is_second = world->has_second && memcmp(core->directory.communities[i]->id, world->communities[1], 32) == 0;
        if (is_second && (!a->is_in_second || !b->is_in_second)) {
            continue;
        }
        uint32_t hour_from = 0;
        const bool shares_green = !is_second || !world->has_life || sim_life_shares(world, a, b, &hour_from);
        for (uint8_t kind = KR_SCOPE_DIRECTORY; kind <= KR_SCOPE_GREEN; kind += KR_SCOPE_GREEN - KR_SCOPE_DIRECTORY) {
            const bool is_late = kind == KR_SCOPE_GREEN && !is_second && (a->is_newcomer || b->is_newcomer);
            const uint32_t bound = kind == KR_SCOPE_GREEN ? hour_from : 0;
            if (kind == KR_SCOPE_GREEN && !shares_green) {
                continue;
            }
            ret_scopes[count] = (struct kr_scope){.kind = kind, .hour_from = is_late ? kr_tree_hour(world->newcomers_ms) : bound};
            memcpy(ret_scopes[count++].id, core->directory.communities[i]->id, 32);
        }
    }
    return count;
}

/* A record dated days ahead is its author's alone until then. Of one that has expired everybody gets the header, but not at once,
 * and not where a clock was wrong: who doubts his clock takes no header for that. Nobody has to take those, or what takes them
 * back. */
static bool is_untakeable(const struct sim_world *world, struct kr_txn *txn, const uint8_t id[static 32])
{
    uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_head head;
    uint64_t arrival;
    bool is_it = false;
    const bool is_found =
        kr_store_record_find(txn, id, &arrival) == KR_OK && kr_store_head_get(txn, arrival, &head, scratch) == KR_OK;
    for (uint32_t i = 0; i < world->record_count && !is_it; i++) {
        const struct sim_record *record = &world->records[i];
        bool is_over = record->expires_ms > 0 && record->expires_ms <= world->now_ms + world->ahead_ms + 60000;
        bool has_settled =
            record->expires_ms + EXPIRED_SETTLE_MS <= world->now_ms && !world->has_wrong_clocks && !world->doubts_clocks;
        bool is_meant =
            memcmp(record->id, id, 32) == 0 || (is_found && head.has_target && memcmp(head.target, record->id, 32) == 0);
        is_it = is_meant && (record->is_exempt || (is_over && !has_settled));
    }
    return is_it;
}

uint32_t sim_tree_keys(struct kr_txn *txn, const struct kr_scope *scope, uint32_t month_from,
                       uint8_t (**ret_keys)[KR_TREE_KEY_BYTES])
{
    struct kr_tree_month months[MONTHS_MAX];
    uint8_t none[KR_TREE_KEY_BYTES] = {0};
    uint32_t month_count = 0, count = 0;
    KR_ASSERT(kr_store_tree_months(txn, scope, month_from, months, MONTHS_MAX, &month_count) == KR_OK);
    uint8_t(*keys)[KR_TREE_KEY_BYTES] = calloc((size_t)month_count * KEYS_MAX + 1, sizeof *keys);
    KR_ASSERT(keys != NULL);
    for (uint32_t i = 0; i < month_count; i++) {
        uint32_t more = 0;
        KR_ASSERT(kr_store_tree_list(txn, scope, months[i].month, none, 0, NULL, keys + count, KEYS_MAX, &more) == KR_OK);
        count += more;
    }
    *ret_keys = keys;
    return count;
}

/* Whether `other` has every key of these but what nobody has to take. */
static bool has_all(const struct sim_world *world, struct kr_txn *txn, uint8_t (*keys)[KR_TREE_KEY_BYTES], uint32_t count,
                    uint8_t (*other)[KR_TREE_KEY_BYTES], uint32_t other_count)
{
    bool has_all = true;
    for (uint32_t i = 0; i < count && has_all; i++) {
        bool is_there = false;
        for (uint32_t j = 0; j < other_count && !is_there; j++) {
            is_there = memcmp(keys[i], other[j], KR_TREE_KEY_BYTES) == 0;
        }
        has_all = is_there || is_untakeable(world, txn, keys[i] + KR_TREE_KEY_BYTES - 32);
    }
    return has_all;
}

static enum sim_verdict check_scope(struct sim_world *world, const struct sim_node *a, const struct sim_node *b,
                                    struct kr_scope scope)
{
    static const char *const names[KR_SCOPE_KIND_MAX + 1] = {"", "directory", "clear", "green", "relay", "council", "pair"};
    const struct sim_node *const sides[] = {a, b};
    struct kr_txn *txns[2] = {NULL, NULL};
    uint8_t roots[2][32], (*keys[2])[KR_TREE_KEY_BYTES] = {NULL, NULL};
    uint64_t sums[2];
    uint32_t counts[2] = {0, 0};
    const uint32_t month_from = kr_tree_month_from(world->now_ms / 1000);
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < 2 && verdict == SIM_HOLDS; i++) {
        if (scope.kind == KR_SCOPE_PAIR) {
            memcpy(scope.id, sides[1 - i]->council, 32);
        }
        KR_ASSERT(kr_store_read_begin(sides[i]->store, &txns[i]) == KR_OK);
        enum kr_err err = kr_store_tree_root(txns[i], &scope, month_from, roots[i], &sums[i]);
        if (err == KR_OK) {
            counts[i] = sim_tree_keys(txns[i], &scope, month_from, &keys[i]);
        } else {
            verdict = sim_fail(world, SIM_LOSS, "%s cannot read its tree: %s", sides[i]->name, kr_err_name(err));
        }
    }
    if (verdict == SIM_HOLDS && memcmp(roots[0], roots[1], 32) != 0) {
        bool is_excused = has_all(world, txns[0], keys[0], counts[0], keys[1], counts[1]) &&
                          has_all(world, txns[1], keys[1], counts[1], keys[0], counts[0]);
        verdict = is_excused ? SIM_HOLDS
                             : sim_fail(world, SIM_NO_CONVERGENCE, "%s and %s hold different sets in %s: %llu and %llu", a->name,
                                        b->name, names[scope.kind], (unsigned long long)sums[0], (unsigned long long)sums[1]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        kr_txn_abort(txns[i]);
        free(keys[i]);
    }
    return verdict;
}

/* What a tree names stands in the store, if only with its header. */
static enum sim_verdict check_tree(struct sim_world *world, const struct sim_node *node, const struct kr_scope *scope)
{
    struct kr_tree_month months[MONTHS_MAX];
    uint8_t(*keys)[KR_TREE_KEY_BYTES] = calloc(KEYS_MAX, sizeof *keys), none[KR_TREE_KEY_BYTES] = {0};
    uint32_t month_count = 0, count = 0;
    struct kr_txn *txn = NULL;
    enum sim_verdict verdict = SIM_HOLDS;
    KR_ASSERT(keys != NULL && kr_store_read_begin(node->store, &txn) == KR_OK);
    const uint32_t from = kr_tree_month_from(world->now_ms / 1000);
    enum kr_err err = kr_store_tree_months(txn, scope, from, months, MONTHS_MAX, &month_count);
    for (uint32_t i = 0; i < month_count && err == KR_OK && verdict == SIM_HOLDS; i++) {
        err = kr_store_tree_list(txn, scope, months[i].month, none, 0, NULL, keys, KEYS_MAX, &count);
        for (uint32_t j = 0; j < count && err == KR_OK && verdict == SIM_HOLDS; j++) {
            uint64_t arrival;
            if (kr_store_record_find(txn, keys[j] + KR_TREE_KEY_BYTES - 32, &arrival) != KR_OK) {
                verdict = sim_fail(world, SIM_LOSS, "a tree of %s names a record that it has not", node->name);
            }
        }
    }
    kr_txn_abort(txn);
    free(keys);
    return err == KR_OK ? verdict : sim_fail(world, SIM_LOSS, "%s cannot read its tree: %s", node->name, kr_err_name(err));
}

/* Of what two nodes share over a link through a third one: the pair's tree. */
static enum sim_verdict check_throughs(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->through_count && verdict == SIM_HOLDS; i++) {
        const struct sim_node *a = world->nodes[world->throughs[i].a], *b = world->nodes[world->throughs[i].b];
        struct kr_scope scope = {.kind = KR_SCOPE_PAIR};
        memcpy(scope.id, b->council, 32);
        if (sim_through_stands(world, &world->throughs[i])) {
            verdict = check_tree(world, a, &scope);
            verdict = verdict == SIM_HOLDS ? check_scope(world, a, b, scope) : verdict;
        }
    }
    return verdict;
}

enum sim_verdict sim_check_same(struct sim_world *world)
{
    enum sim_verdict verdict = check_throughs(world);
    for (uint32_t i = 0; i < world->edges.count; i++) {
        const struct sim_node *a = world->nodes[world->edges.items[i].a], *b = world->nodes[world->edges.items[i].b];
        struct kr_scope scopes[KR_PROGRESS_MAX];
        if (a->is_hostile || b->is_hostile || !a->is_up || !b->is_up) {
            continue;
        }
        uint32_t count = shared_scopes(world, a, b, scopes);
        for (uint32_t j = 0; j < count && verdict == SIM_HOLDS; j++) {
            verdict = check_tree(world, a, &scopes[j]);
            if (verdict == SIM_HOLDS) {
                verdict = check_scope(world, a, b, scopes[j]);
            }
        }
    }
    return verdict;
}

/* ---- records ---- */

static enum sim_verdict check_has(struct sim_world *world, const struct sim_record *record, const bool *must)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        enum sim_held held = must[i] ? sim_held(world->nodes[i], record->id) : SIM_HELD_SHOWN;
        if (held != SIM_HELD_SHOWN) {
            return sim_fail(world, SIM_NO_CONVERGENCE, "%s %s record %u of %s (%s)", world->nodes[i]->name,
                            held == SIM_HELD_NOT ? "lacks" : "has nothing but the header of", record->name,
                            world->nodes[record->node]->name, kr_label_name(record->label));
        }
    }
    return SIM_HOLDS;
}

/* Once taken back it is shown nowhere. Where its node forgot that with its disk, it may be shown: everywhere, or nowhere. */
static enum sim_verdict check_taken_back(struct sim_world *world, const struct sim_record *record, const bool *must)
{
    const struct sim_node *shows = NULL, *hides = NULL;
    bool must_hide[MODEL_COUNCILS_MAX];
    if (world->has_life && record->is_in_second) {
        sim_life_must_hide(world, record, must_hide);
        must = must_hide;
    }
    for (uint32_t i = 0; i < world->node_count; i++) {
        enum sim_held held = must[i] ? sim_held(world->nodes[i], record->id) : SIM_HELD_NOT;
        shows = held == SIM_HELD_SHOWN ? world->nodes[i] : shows;
        hides = held == SIM_HELD_HIDDEN ? world->nodes[i] : hides;
    }
    bool must_be_gone = record->is_retracted && !record->is_retraction_at_risk;
    return shows == NULL || (!must_be_gone && hides == NULL)
               ? SIM_HOLDS
               : sim_fail(world, SIM_NO_CONVERGENCE, "%s still shows record %u of %s, which was taken back", shows->name,
                          record->name, world->nodes[record->node]->name);
}

static enum sim_verdict check_record(struct sim_world *world, uint32_t index, bool *must)
{
    const struct sim_record *record = &world->records[index];
    const struct sim_node *author = world->nodes[record->node];
    if (record->is_false) {
        return sim_check_false(world, record);
    }
    bool is_over = record->expires_ms > 0 && record->expires_ms <= world->now_ms + world->ahead_ms + 60000;
    if (is_over || record->is_exempt || author->is_hostile) {
        return SIM_HOLDS;
    }
    if (!record->is_accepted && author->is_gone) {
        return SIM_HOLDS; /* nobody was told that it is stored */
    }
    if (!record->is_accepted && world->has_life && record->is_in_second && !sim_life_may_write(world, author)) {
        return SIM_HOLDS; /* it was refused, and is */
    }
    if (!record->is_accepted) {
        return sim_fail(world, SIM_NO_CONVERGENCE, "record %u of %s was never acknowledged", record->name, author->name);
    }
    sim_must_hold(world, record, must);
    if (record->is_at_risk && !is_anywhere(world, record, must)) {
        return SIM_HOLDS;
    }
    return record->is_taken_back ? check_taken_back(world, record, must) : check_has(world, record, must);
}

enum sim_verdict sim_check_convergence(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    bool *must = calloc(world->node_count, sizeof *must);
    KR_ASSERT(must != NULL);
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        const bool is_looked_at = !world->nodes[i]->is_hostile && !world->nodes[i]->is_gone;
        verdict = is_looked_at ? check_doubles(world, world->nodes[i]) : SIM_HOLDS;
        if (verdict == SIM_HOLDS && is_looked_at) {
            verdict = check_replaced(world, world->nodes[i]);
        }
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_community(world);
    }
    for (uint32_t i = 0; i < world->record_count && verdict == SIM_HOLDS; i++) {
        verdict = check_record(world, i, must);
    }
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        verdict = world->nodes[i]->is_hostile || world->nodes[i]->is_gone ? SIM_HOLDS : check_directory(world, world->nodes[i]);
    }
    free(must);
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_lies(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_sisters(world);
    }
    if (verdict == SIM_HOLDS) {
        verdict = sim_check_turned(world);
    }
    return verdict == SIM_HOLDS ? sim_check_same(world) : verdict;
}
