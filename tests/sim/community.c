/* A second community with a life of its own: councils are vouched for, expelled, leave and come back while all else goes wrong. Who
 * is in it is worked out here from the statements in each store, with the model that docs/PROTOCOL.md describes, and never asked of
 * the core: that is what is looked at. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "proto/client/community.h"
#include "proto/record/record.h"
#include "proto/record/statement.h"
#include "tests/sim/internal.h"

#define HOUR_MS    3600000u
#define SETTLE_MS  60000u
#define WAY_MS_MAX 40000u /* so long a frame is on its way at most: a slow link drops what would wait for more than 30 s */
#define APART_MS                                                                                                                   \
    82800000 /* a clock that is further ahead dates what nobody takes for a day, and one further behind what has expired */

static bool is_looked_at(const struct sim_node *node)
{
    return node->view != NULL && node->is_up && !node->is_hostile;
}

/* ---- what is said ---- */

/* What of a statement there is to see. */
struct word {
    uint32_t kind, from, to; /* in the model */
    uint64_t version, date;
    bool is_withdrawn;
    uint8_t id[32];
};
struct words {
    struct word *items; /* owned */
    uint32_t count;
};

static uint32_t model_of(const struct sim_world *world, const uint8_t council[static 32])
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (memcmp(world->nodes[i]->council, council, 32) == 0) {
            return world->model_of[i];
        }
    }
    return UINT32_MAX;
}

static bool read_word(const struct sim_world *world, struct kr_txn *txn, const struct kr_head *head, struct word *ret_word)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct kr_record record;
    struct kr_vouch vouch;
    const bool is_read = kr_store_record_get(txn, head->arrival, &bytes, &len) == KR_OK &&
                         kr_record_split(bytes, len, &record) == KR_OK && kr_vouch_parse(record.body, &vouch) == KR_OK;
    if (is_read) {
        *ret_word = (struct word){.kind = head->kind,
                                  .from = model_of(world, head->author),
                                  .to = model_of(world, head->subject),
                                  .version = head->version,
                                  .date = head->created_ms,
                                  .is_withdrawn = vouch.is_withdrawn};
        ret_word->date = world->charter.is_from_now_on && vouch.since_ms > 0 ? vouch.since_ms : head->created_ms;
        memcpy(ret_word->id, head->id, 32);
    }
    free(bytes);
    return is_read && ret_word->from != UINT32_MAX && ret_word->to != UINT32_MAX;
}

static bool is_of_it(const struct sim_world *world, const struct kr_head *head)
{
    return head->has_community && memcmp(head->community, world->communities[1], 32) == 0;
}

static bool is_word(uint32_t kind)
{
    return kind == KR_KIND_VOUCH || kind == KR_KIND_EXPULSION;
}

/* The vouches and expulsions that stand in the node's store, whatever its directory has of them. */
static struct words read_words(const struct sim_world *world, const struct sim_node *node)
{
    struct words words = {.items = calloc(1, sizeof *words.items)};
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    KR_ASSERT(words.items != NULL && kr_store_read_begin(node->store, &txn) == KR_OK);
    for (uint64_t arrival = 1; kr_store_head_next(txn, arrival, false, &head, scratch) == KR_OK; arrival = head.arrival + 1) {
        struct word word;
        if (is_word(head.kind) && head.state == KR_HEAD_SHOWN && is_of_it(world, &head) && read_word(world, txn, &head, &word)) {
            words.items = realloc(words.items, (words.count + 1) * sizeof *words.items);
            KR_ASSERT(words.items != NULL);
            words.items[words.count++] = word;
        }
    }
    kr_txn_abort(txn);
    return words;
}

static void work_out(const struct sim_world *world, const struct words *words, struct model_sets *ret_sets)
{
    struct model model = {.councils = world->node_count,
                          .founders = world->founder_count,
                          .needed = world->charter.needed,
                          .quorum = world->charter.quorum,
                          .is_dated = world->charter.is_from_now_on};
    for (uint32_t i = 0; i < words->count; i++) {
        const struct word *word = &words->items[i];
        model.said[word->kind == KR_KIND_VOUCH ? MODEL_VOUCH : MODEL_EXPULSION][word->from][word->to] =
            (struct said){true, word->is_withdrawn, word->date};
    }
    model_sets(&model, ret_sets);
}

/* ---- who gets what, as each node has it ---- */

static uint32_t bound_of(const struct model_sets *sets, uint32_t council)
{
    return sets->members[council] ? (uint32_t)(sets->since[council] / HOUR_MS) : SIM_NO_HOUR;
}

static void tell_members(struct sim_world *world, const struct sim_node *node)
{
    char text[4 * MODEL_COUNCILS_MAX + 1] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (node->view->sets.members[world->model_of[i]]) {
            len += (size_t)snprintf(text + len, sizeof text - len, " %u", i);
        }
    }
    sim_tell(world, "node %u has these in:%s", node->index, text);
}

static void look(struct sim_world *world, struct sim_node *node)
{
    struct sim_view *view = node->view;
    struct words words = read_words(world, node);
    const struct model_sets before = view->sets;
    work_out(world, &words, &view->sets);
    free(words.items);
    for (uint32_t c = 0; c < world->node_count; c++) {
        const uint32_t bound = bound_of(&view->sets, c);
        if (bound == view->bound[c] && view->life > 0) {
            continue;
        }
        const bool is_recent = world->now_ms < view->changed_ms[c] + WAY_MS_MAX;
        view->before[c] = is_recent && view->before[c] < view->bound[c] ? view->before[c] : view->bound[c];
        view->bound[c] = bound;
        view->changed_ms[c] = world->now_ms;
        world->earliest[c] = bound < world->earliest[c] ? bound : world->earliest[c];
        world->latest[c] = bound != SIM_NO_HOUR && bound > world->latest[c] ? bound : world->latest[c];
    }
    if (memcmp(before.members, view->sets.members, sizeof before.members) != 0) {
        tell_members(world, node);
    }
}

void sim_life_look(struct sim_world *world, struct sim_node *node)
{
    if (!world->has_life || !is_looked_at(node)) {
        return;
    }
    /* What tells that there may be something new to see, and nothing else: what was seen too late would show at the next look at
     * all nodes. */
    const uint64_t generation = kr_loop_core(node->loop)->directory.generation + (world->failed_commits << 32);
    if (node->view->life != node->life || node->view->generation != generation) {
        look(world, node);
        node->view->life = node->life;
        node->view->generation = generation;
    }
}

bool sim_life_may_get(const struct sim_world *world, const struct sim_node *from, const struct sim_node *to, uint64_t created_ms)
{
    const struct sim_view *view = from->view;
    const uint32_t council = world->model_of[to->index], hour = (uint32_t)(created_ms / HOUR_MS);
    const bool is_recent = world->now_ms < view->changed_ms[council] + WAY_MS_MAX;
    return hour >= view->bound[council] || (is_recent && hour >= view->before[council]);
}

bool sim_life_could_get(const struct sim_world *world, const struct sim_node *node, uint64_t created_ms)
{
    return created_ms / HOUR_MS >= world->earliest[world->model_of[node->index]];
}

bool sim_life_is_before(const struct sim_world *world, const struct sim_node *reader, const struct sim_node *peer,
                        uint64_t created_ms)
{
    const uint32_t hour = (uint32_t)(created_ms / HOUR_MS);
    return world->has_life &&
           (hour < world->latest[world->model_of[reader->index]] || hour < world->latest[world->model_of[peer->index]]);
}

/* ---- what is done ---- */

static void number_councils(struct sim_world *world, const uint32_t *founders, uint32_t count)
{
    uint32_t next = count;
    world->founder_count = count;
    for (uint32_t i = 0; i < world->node_count; i++) {
        uint32_t at = 0;
        while (at < count && founders[at] != i) {
            at++;
        }
        world->model_of[i] = at < count ? at : next++;
    }
}

enum sim_verdict sim_life_begin(struct sim_world *world, const uint32_t *founders, uint32_t count, uint64_t before_ms)
{
    KR_ASSERT(world->node_count <= MODEL_COUNCILS_MAX && world->has_second);
    number_councils(world, founders, count);
    const uint32_t late_from = sim_edges_on_time(&world->edges);
    for (uint32_t i = late_from; i < world->edges.count; i++) {
        world->nodes[world->edges.items[i].b]->is_in_second = true;
    }
    enum sim_verdict verdict = sim_world_link(world, late_from);
    if (verdict == SIM_HOLDS) {
        verdict = sim_world_run(world, world->now_ms + SETTLE_MS);
    }
    if (verdict == SIM_HOLDS && world->charter.is_from_now_on) {
        const uint64_t hour_ms = (world->now_ms / HOUR_MS + 1) * HOUR_MS;
        const uint64_t in_ms = kr_rng_below(&world->rng, before_ms < HOUR_MS / 2 ? before_ms + 1 : HOUR_MS / 2);
        verdict = sim_world_run(world, hour_ms - in_ms > world->now_ms ? hour_ms - in_ms : world->now_ms);
    }
    world->has_life = true;
    memset(world->earliest, 0xff, sizeof world->earliest);
    for (uint32_t i = 0; i < world->node_count; i++) {
        world->nodes[i]->view = calloc(1, sizeof *world->nodes[i]->view);
        KR_ASSERT(world->nodes[i]->view != NULL);
        memset(world->nodes[i]->view->bound, 0xff, sizeof world->nodes[i]->view->bound);
        sim_life_look(world, world->nodes[i]);
    }
    return verdict;
}

void sim_life_say(struct sim_world *world, uint32_t index, uint32_t other, enum sim_word word)
{
    static const char reason[] = "so it is";
    const struct sim_node *node = world->nodes[index];
    const uint64_t apart_ms = node->now_ms > world->now_ms ? node->now_ms - world->now_ms : world->now_ms - node->now_ms;
    if (!node->is_up || node->is_hostile || node->skew_ms > APART_MS || node->skew_ms < -APART_MS || apart_ms > APART_MS) {
        return;
    }
    if (world->said_count == world->said_capacity) {
        world->said_capacity = world->said_capacity == 0 ? 16 : world->said_capacity * 2;
        world->said = realloc(world->said, world->said_capacity * sizeof *world->said);
        KR_ASSERT(world->said != NULL);
    }
    const bool is_expulsion = word == SIM_WORD_EXPELS || word == SIM_WORD_READMITS;
    struct kr_say say = {.has_community = true,
                         .is_expulsion = is_expulsion,
                         .is_withdrawn = word == SIM_WORD_UNVOUCHES || word == SIM_WORD_READMITS,
                         .reason = {(const uint8_t *)reason, sizeof reason - 1}};
    struct kr_writer writer;
    memcpy(say.community, world->communities[1], 32);
    memcpy(say.council, world->nodes[other]->council, 32);
    kr_writer_init(&writer, KR_KIB);
    kr_say_write(&say, &writer);
    sim_world_push(
        world, node,
        (struct kr_event){.type = KR_EVENT_REQUEST, .client = SIM_CLIENT_SAY, .request = world->said_count, .op = KR_OP_SAY},
        writer.bytes, writer.len, world->now_ms);
    kr_writer_deinit(&writer);
    world->said[world->said_count++] =
        (struct sim_said){.node = index, .other = other, .kind = is_expulsion ? KR_KIND_EXPULSION : KR_KIND_VOUCH};
}

void sim_life_said(struct sim_world *world, const struct sim_node *node, const struct kr_effect *effect)
{
    struct sim_said *said = &world->said[effect->request];
    struct kr_reader reader;
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint64_t arrival;
    uint8_t id[32], scratch[KR_HEAD_SCRATCH];
    kr_reader_init(&reader, effect->bytes, effect->len);
    kr_reader_array(&reader, 1);
    kr_reader_fixed(&reader, id, 32);
    kr_reader_close(&reader);
    KR_ASSERT(kr_reader_end(&reader) == KR_OK && kr_store_read_begin(node->store, &txn) == KR_OK);
    if (kr_store_record_find(txn, id, &arrival) != KR_OK || kr_store_head_get(txn, arrival, &head, scratch) != KR_OK) {
        (void)sim_fail(world, SIM_LOSS, "%s says that it has made a statement, and has none", node->name);
    } else {
        said->is_accepted = true;
        said->version = head.version;
        said->accepted_ms = world->now_ms;
        sim_tell(world, "node %u has said so", node->index);
    }
    kr_txn_abort(txn);
}

void sim_life_restored(struct sim_world *world, uint32_t index)
{
    for (uint32_t i = 0; i < world->said_count; i++) {
        struct sim_said *said = &world->said[i];
        said->is_at_risk = said->is_at_risk || (said->node == index && said->accepted_ms >= world->nodes[index]->backup_ms);
    }
}

/* ---- looking at the core ---- */

static enum sim_verdict check_core(struct sim_world *world, const struct sim_node *node)
{
    const struct kr_core *core = kr_loop_core(node->loop);
    const struct model_sets *sets = &node->view->sets;
    const struct kr_community *community = kr_directory_community(&core->directory, world->communities[1]);
    for (uint32_t i = 0; i < world->node_count && community != NULL; i++) {
        const uint8_t *council = world->nodes[i]->council;
        const uint32_t c = world->model_of[i];
        const uint8_t standing = kr_membership_standing(&community->membership, council);
        const unsigned wanted = (sets->members[c] ? KR_IS_MEMBER : 0u) | (sets->ever[c] ? KR_WAS_MEMBER : 0u) |
                                (sets->expelled[c] ? KR_IS_EXPELLED : 0u) | (sets->left[c] ? KR_HAS_LEFT : 0u);
        const unsigned has = standing & (KR_IS_MEMBER | KR_WAS_MEMBER | KR_IS_EXPELLED | KR_HAS_LEFT);
        const uint64_t since_ms = world->charter.is_from_now_on ? kr_membership_since(&community->membership, council) : 0;
        if (wanted != has || since_ms != sets->since[c]) {
            return sim_fail(world, SIM_MEMBERSHIP,
                            "%s has node %u down as %u since %llu, and its statements make it %u since %llu (8 in, 16 ever, 32 "
                            "expelled, 64 left)",
                            node->name, i, has, (unsigned long long)since_ms, wanted, (unsigned long long)sets->since[c]);
        }
    }
    return SIM_HOLDS;
}

enum sim_verdict sim_check_membership(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS && world->has_life; i++) {
        if (is_looked_at(world->nodes[i])) {
            look(world, world->nodes[i]);
            verdict = check_core(world, world->nodes[i]);
        }
    }
    return verdict;
}

/* ---- in the end ---- */

static const struct word *find_word(const struct words *words, uint32_t kind, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < words->count; i++) {
        const struct word *word = &words->items[i];
        if (word->kind == kind && word->from == from && word->to == to) {
            return word;
        }
    }
    return NULL;
}

/* What the one has, the other has. */
static enum sim_verdict check_words(struct sim_world *world, const struct sim_node *a, const struct words *has,
                                    const struct sim_node *b, const struct words *other)
{
    for (uint32_t i = 0; i < has->count; i++) {
        const struct word *word = &has->items[i], *same = find_word(other, word->kind, word->from, word->to);
        if (same == NULL || memcmp(same->id, word->id, 32) != 0) {
            return sim_fail(world, SIM_NO_CONVERGENCE, "%s has version %llu of a statement (kind %u), and %s has version %llu",
                            a->name, (unsigned long long)word->version, word->kind, b->name,
                            (unsigned long long)(same == NULL ? 0 : same->version));
        }
    }
    return SIM_HOLDS;
}

/* What the node said itself, it has. (Where others lack it, it did not get there: they are compared.) */
static enum sim_verdict check_said(struct sim_world *world, const struct sim_node *node)
{
    struct words words = read_words(world, node);
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->said_count && verdict == SIM_HOLDS; i++) {
        const struct sim_said *said = &world->said[i];
        const struct word *word = find_word(&words, said->kind, world->model_of[said->node], world->model_of[said->other]);
        const bool is_its = said->node == node->index && said->is_accepted && !said->is_at_risk;
        if (is_its && (word == NULL || word->version < said->version)) {
            verdict = sim_fail(world, SIM_LOSS, "what node %u said of node %u is gone", said->node, said->other);
        }
    }
    free(words.items);
    return verdict;
}

/* Whether it may stand where it likes: it has expired, or nobody has to take it. */
static bool is_let_pass(const struct sim_world *world, const struct kr_head *head)
{
    bool is_exempt = head->expires_s * 1000 <= world->now_ms + world->ahead_ever_ms + 60000;
    for (uint32_t i = 0; i < world->record_count; i++) {
        const struct sim_record *record = &world->records[i];
        const bool is_meant =
            memcmp(record->id, head->id, 32) == 0 || (head->has_target && memcmp(record->id, head->target, 32) == 0);
        is_exempt = is_exempt || (is_meant && record->is_exempt);
    }
    return is_exempt;
}

static bool has_key(uint8_t (*keys)[KR_TREE_KEY_BYTES], uint32_t count, const uint8_t id[static 32])
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(keys[i] + KR_TREE_KEY_BYTES - 32, id, 32) == 0) {
            return true;
        }
    }
    return false;
}

/* A record of the second community: in the tree, if its author is one who ever was in; and never kept apart then, but at a node
 * that is out of the community itself: it takes in nothing of it until it is back. */
static enum sim_verdict check_place(struct sim_world *world, const struct sim_node *node, const struct kr_head *head,
                                    bool is_in_tree)
{
    const uint32_t author = model_of(world, head->author);
    const uint32_t self = model_of(world, node->council);
    const bool is_ever = author != UINT32_MAX && node->view->sets.ever[author], is_statement = kr_kind_is_statement(head->kind);
    if (is_let_pass(world, head)) {
        return SIM_HOLDS;
    }
    if (head->state == KR_HEAD_QUARANTINED) {
        return !is_ever || !node->view->sets.members[self]
                   ? SIM_HOLDS
                   : sim_fail(world, SIM_NO_CONVERGENCE, "%s keeps a record of kind %u apart whose author was let in", node->name,
                              head->kind);
    }
    if (is_statement || head->label != KR_TLP_GREEN || (head->state == KR_HEAD_HEADER_ONLY && !is_in_tree)) {
        return SIM_HOLDS;
    }
    return is_in_tree == is_ever
               ? SIM_HOLDS
               : sim_fail(world, SIM_NO_CONVERGENCE, "a record of kind %u whose author %s in is %s the tree of %s", head->kind,
                          is_ever ? "was" : "never was", is_in_tree ? "in" : "not in", node->name);
}

static enum sim_verdict check_places(struct sim_world *world, const struct sim_node *node)
{
    struct kr_scope scope = {.kind = KR_SCOPE_GREEN};
    uint8_t(*keys)[KR_TREE_KEY_BYTES] = NULL, scratch[KR_HEAD_SCRATCH];
    struct kr_txn *txn = NULL;
    struct kr_head head;
    enum sim_verdict verdict = SIM_HOLDS;
    memcpy(scope.id, world->communities[1], 32);
    KR_ASSERT(kr_store_read_begin(node->store, &txn) == KR_OK);
    const uint32_t count = sim_tree_keys(txn, &scope, kr_tree_month_from(world->now_ms / 1000), &keys);
    for (uint64_t arrival = 1; verdict == SIM_HOLDS && kr_store_head_next(txn, arrival, false, &head, scratch) == KR_OK;
         arrival = head.arrival + 1) {
        if (is_of_it(world, &head)) {
            verdict = check_place(world, node, &head, has_key(keys, count, head.id));
        }
    }
    kr_txn_abort(txn);
    free(keys);
    return verdict;
}

enum sim_verdict sim_check_community(struct sim_world *world)
{
    const struct sim_node *first = NULL;
    struct words words = {0};
    enum sim_verdict verdict = sim_check_membership(world);
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS && world->has_life; i++) {
        const struct sim_node *node = world->nodes[i];
        verdict = is_looked_at(node) && node->is_in_second ? check_said(world, node) : SIM_HOLDS;
    }
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS && world->has_life; i++) {
        struct sim_node *node = world->nodes[i];
        if (!is_looked_at(node) || !node->is_in_second) {
            continue;
        }
        struct words others = read_words(world, node);
        if (first == NULL) {
            first = node;
            words = others;
        } else {
            verdict = check_words(world, first, &words, node, &others);
            verdict = verdict == SIM_HOLDS ? check_words(world, node, &others, first, &words) : verdict;
            free(others.items);
        }
        verdict = verdict == SIM_HOLDS ? check_places(world, node) : verdict;
    }
    free(words.items);
    return verdict;
}

bool sim_life_may_write(const struct sim_world *world, const struct sim_node *node)
{
    return node->view->bound[world->model_of[node->index]] <= world->now_ms / HOUR_MS;
}

bool sim_life_shares(const struct sim_world *world, const struct sim_node *a, const struct sim_node *b, uint32_t *ret_hour_from)
{
    const uint32_t ours = a->view->bound[world->model_of[a->index]], theirs = a->view->bound[world->model_of[b->index]];
    *ret_hour_from = ours > theirs ? ours : theirs;
    return *ret_hour_from != SIM_NO_HOUR;
}

static bool is_for(const struct sim_world *world, const struct sim_node *node, const struct sim_record *record)
{
    return !node->is_hostile && !node->is_gone && node->view->bound[world->model_of[node->index]] <= record->created_ms / HOUR_MS;
}

/* It goes on among those who are in. */
static void spread(const struct sim_world *world, const struct sim_record *record, bool *must)
{
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        for (uint32_t i = 0; i < world->edges.count; i++) {
            const struct sim_edge *edge = &world->edges.items[i];
            const bool is_one = must[edge->a] != must[edge->b];
            if (is_one && is_for(world, world->nodes[must[edge->a] ? edge->b : edge->a], record)) {
                must[edge->a] = must[edge->b] = has_changed = true;
            }
        }
    }
}

/* Who has left, or was put out, before anybody had it keeps it to itself. */
void sim_life_must_hold(const struct sim_world *world, const struct sim_record *record, bool *ret_must)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        ret_must[i] = is_for(world, world->nodes[i], record) && sim_holds(world->nodes[i], record->id);
    }
    spread(world, record, ret_must);
}

/* Its author tells them whether it is still in or not. */
void sim_life_must_hide(const struct sim_world *world, const struct sim_record *record, bool *ret_must)
{
    const bool is_known = sim_held(world->nodes[record->node], record->id) == SIM_HELD_HIDDEN;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const bool is_told = is_known && !world->nodes[record->node]->is_hostile &&
                             (i == record->node || sim_world_are_linked(world, i, record->node));
        ret_must[i] =
            is_for(world, world->nodes[i], record) && (is_told || sim_held(world->nodes[i], record->id) == SIM_HELD_HIDDEN);
    }
    spread(world, record, ret_must);
}
