#include "node/core/membership.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"

#include "node/core/seniority.h"
#include "node/core/since.h"

static const uint32_t words_max[] = {[KR_WORD_VOUCH] = KR_EDGES_MAX, [KR_WORD_EXPULSION] = KR_EXPULSION_EDGES_MAX};
static const uint32_t words_of_one_max[] = {[KR_WORD_VOUCH] = KR_VOUCHES_MAX, [KR_WORD_EXPULSION] = KR_EXPULSIONS_MAX};

void kr_membership_init(struct kr_membership *membership, uint32_t vouches_needed, uint32_t quorum)
{
    *membership = (struct kr_membership){
        .vouches_needed = vouches_needed,
        .quorum = quorum,
        .sets = {[KR_SET_VOICES] = {.as = KR_IS_VOICE, .barred = KR_HAS_LEFT},
                 [KR_SET_MEMBERS] = {.as = KR_IS_MEMBER, .barred = KR_HAS_LEFT | KR_IS_EXPELLED},
                 [KR_SET_EVER] = {.as = KR_WAS_MEMBER, .with_withdrawn = true}},
    };
}

void kr_membership_deinit(struct kr_membership *membership)
{
    for (uint32_t i = 0; i < KR_WORD_COUNT; i++) {
        free(membership->words[i].items);
        free(membership->words[i].first);
    }
    free(membership->ids);
    free(membership->by_id);
    free(membership->standing);
    free(membership->since_ms);
    for (uint32_t i = 0; i < KR_SET_COUNT; i++) {
        free(membership->sets[i].rank);
        free(membership->sets[i].votes);
        free(membership->sets[i].support);
        free(membership->sets[i].queue);
    }
    *membership = (struct kr_membership){0};
}

void kr_membership_date(struct kr_membership *membership)
{
    KR_ASSERT(membership->council_count == 0);
    membership->is_dated = true;
}

/* ---- councils ---- */

static uint32_t slot_of(const struct kr_membership *membership, const uint8_t id[static 32], bool *ret_found)
{
    uint32_t low = 0, high = membership->council_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (memcmp(membership->ids[membership->by_id[middle]], id, 32) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_found = low < membership->council_count && memcmp(membership->ids[membership->by_id[low]], id, 32) == 0;
    return low;
}

uint32_t kr_membership_number(const struct kr_membership *membership, const uint8_t council[static 32])
{
    bool found;
    const uint32_t slot = slot_of(membership, council, &found);
    return found ? membership->by_id[slot] : UINT32_MAX;
}

uint8_t kr_membership_standing(const struct kr_membership *membership, const uint8_t council[static 32])
{
    const uint32_t number = kr_membership_number(membership, council);
    return number == UINT32_MAX ? 0 : membership->standing[number];
}

static bool grow(void *array, size_t size, uint32_t capacity)
{
    void **items = array;
    void *larger = realloc(*items, size * capacity);
    *items = larger != NULL ? larger : *items;
    return larger != NULL;
}

/* Room for one more council, so that nothing is allocated while the sets are worked out. */
static enum kr_err reserve_council(struct kr_membership *membership)
{
    if (membership->council_count < membership->council_capacity) {
        return KR_OK;
    }
    const uint32_t capacity = membership->council_capacity == 0 ? 16 : membership->council_capacity * 2;
    bool is_fine = grow(&membership->ids, sizeof *membership->ids, capacity) &&
                   grow(&membership->by_id, sizeof *membership->by_id, capacity) &&
                   grow(&membership->standing, sizeof *membership->standing, capacity) &&
                   (!membership->is_dated || grow(&membership->since_ms, sizeof *membership->since_ms, capacity));
    for (uint32_t i = 0; i < KR_WORD_COUNT && is_fine; i++) {
        is_fine = grow(&membership->words[i].first, sizeof(uint32_t), capacity + 1);
    }
    for (uint32_t i = 0; i < KR_SET_COUNT && is_fine; i++) {
        struct kr_reached *set = &membership->sets[i];
        is_fine = grow(&set->rank, sizeof(uint32_t), capacity) && grow(&set->votes, sizeof(uint32_t), capacity) &&
                  grow(&set->support, sizeof(uint32_t), capacity) && grow(&set->queue, sizeof(uint32_t), 2 * capacity);
    }
    if (!is_fine) {
        return KR_NOMEM;
    }
    membership->council_capacity = capacity;
    return KR_OK;
}

static enum kr_err add_council(struct kr_membership *membership, const uint8_t id[static 32], uint32_t *ret_number)
{
    bool found;
    const uint32_t slot = slot_of(membership, id, &found);
    if (found) {
        *ret_number = membership->by_id[slot];
        return KR_OK;
    }
    enum kr_err err = reserve_council(membership);
    if (err != KR_OK) {
        return err;
    }
    const uint32_t number = membership->council_count++;
    memcpy(membership->ids[number], id, 32);
    memmove(&membership->by_id[slot + 1], &membership->by_id[slot], (number - slot) * sizeof *membership->by_id);
    membership->by_id[slot] = number;
    membership->standing[number] = 0;
    if (membership->is_dated) {
        membership->since_ms[number] = KR_NOT_SINCE;
    }
    for (uint32_t i = 0; i < KR_SET_COUNT; i++) {
        membership->sets[i].rank[number] = KR_NOT_IN;
        membership->sets[i].votes[number] = membership->sets[i].support[number] = 0;
    }
    for (uint32_t i = 0; i < KR_WORD_COUNT; i++) {
        membership->words[i].first[number] = membership->words[i].first[number + 1] = membership->words[i].count;
    }
    *ret_number = number;
    return KR_OK;
}

uint32_t kr_membership_count(const struct kr_membership *membership)
{
    return membership->sets[KR_SET_MEMBERS].count;
}

static void all_are_stale(struct kr_membership *membership)
{
    membership->is_undated = membership->is_dated;
    for (uint32_t i = 0; i < KR_SET_COUNT; i++) {
        membership->sets[i].is_stale = true;
    }
}

enum kr_err kr_membership_found(struct kr_membership *membership, const uint8_t founder[static 32])
{
    uint32_t number;
    enum kr_err err = add_council(membership, founder, &number);
    if (err == KR_OK) {
        membership->standing[number] |= KR_IS_FOUNDER;
        all_are_stale(membership);
    }
    return err;
}

/* ---- what they say of each other ---- */

static uint32_t group_of(enum kr_word word, const struct kr_edge *edge)
{
    return word == KR_WORD_VOUCH ? edge->from : edge->to;
}

/* Where what `from` says of `to` stands; `count` where it says nothing. */
static uint32_t find_edge(const struct kr_edges *edges, enum kr_word word, uint32_t from, uint32_t to)
{
    const uint32_t group = word == KR_WORD_VOUCH ? from : to;
    for (uint32_t i = edges->first[group]; i < edges->first[group + 1]; i++) {
        if (edges->items[i].from == from && edges->items[i].to == to) {
            return i;
        }
    }
    return edges->count;
}

const struct kr_edge *kr_membership_find(const struct kr_membership *membership, enum kr_word word, const uint8_t from[static 32],
                                         const uint8_t to[static 32])
{
    const struct kr_edges *edges = &membership->words[word];
    const uint32_t author = kr_membership_number(membership, from), subject = kr_membership_number(membership, to);
    if (author == UINT32_MAX || subject == UINT32_MAX) {
        return NULL;
    }
    const uint32_t at = find_edge(edges, word, author, subject);
    return at < edges->count ? &edges->items[at] : NULL;
}

static uint32_t count_of(const struct kr_edges *edges, enum kr_word word, uint32_t from)
{
    if (word == KR_WORD_VOUCH) {
        return edges->first[from + 1] - edges->first[from];
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < edges->count; i++) {
        count += edges->items[i].from == from;
    }
    return count;
}

bool kr_membership_has_room(const struct kr_membership *membership, enum kr_word word, const uint8_t from[static 32],
                            const uint8_t to[static 32])
{
    const struct kr_edges *edges = &membership->words[word];
    const uint32_t author = kr_membership_number(membership, from);
    return kr_membership_find(membership, word, from, to) != NULL ||
           (edges->count < words_max[word] && (author == UINT32_MAX || count_of(edges, word, author) < words_of_one_max[word]));
}

uint64_t kr_membership_since(const struct kr_membership *membership, const uint8_t council[static 32])
{
    const uint32_t number = membership->is_dated ? kr_membership_number(membership, council) : UINT32_MAX;
    if (number == UINT32_MAX) {
        return membership->is_dated ? KR_NOT_SINCE : 0;
    }
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    const uint32_t left = find_edge(edges, KR_WORD_EXPULSION, number, number);
    const uint64_t back_ms = left < edges->count && edges->items[left].is_withdrawn ? edges->items[left].created_ms : 0;
    return back_ms > membership->since_ms[number] ? back_ms : membership->since_ms[number];
}

static enum kr_err reserve_edge(struct kr_edges *edges, enum kr_word word)
{
    if (edges->count == words_max[word]) {
        return KR_BOUNDS;
    }
    if (edges->count < edges->capacity) {
        return KR_OK;
    }
    const uint32_t capacity = edges->capacity == 0 ? 16 : edges->capacity * 2;
    if (!grow(&edges->items, sizeof *edges->items, capacity)) {
        return KR_NOMEM;
    }
    edges->capacity = capacity;
    return KR_OK;
}

static enum kr_err take_councils(struct kr_membership *membership, const uint8_t from[static 32], const uint8_t to[static 32],
                                 struct kr_edge *edge)
{
    uint32_t subject = 0;
    enum kr_err err = add_council(membership, from, &edge->from);
    if (err == KR_OK) {
        err = add_council(membership, to, &subject);
    }
    edge->to = subject;
    return err;
}

enum kr_err kr_membership_append(struct kr_membership *membership, enum kr_word word, const uint8_t from[static 32],
                                 const uint8_t to[static 32], uint64_t created_ms, bool is_withdrawn)
{
    struct kr_edges *edges = &membership->words[word];
    struct kr_edge edge = {.created_ms = created_ms, .is_withdrawn = is_withdrawn};
    enum kr_err err = take_councils(membership, from, to, &edge);
    if (err == KR_OK) {
        err = reserve_edge(edges, word);
    }
    if (err == KR_OK) {
        edges->items[edges->count++] = edge;
        edges->is_unsorted = true;
        membership->standing[edge.to] |= word == KR_WORD_VOUCH ? KR_IS_NAMED : 0;
        all_are_stale(membership);
    }
    return err;
}

/* By counting: once over the edges to see how many each has, once to put them there. */
static enum kr_err sort_edges(struct kr_membership *membership, enum kr_word word)
{
    struct kr_edges *edges = &membership->words[word];
    const uint32_t councils = membership->council_count;
    struct kr_edge *sorted = calloc(edges->capacity, sizeof *sorted);
    if (sorted == NULL) {
        return KR_NOMEM;
    }
    memset(edges->first, 0, (councils + 1) * sizeof *edges->first);
    for (uint32_t i = 0; i < edges->count; i++) {
        edges->first[group_of(word, &edges->items[i]) + 1]++;
    }
    for (uint32_t i = 0; i < councils; i++) {
        edges->first[i + 1] += edges->first[i];
    }
    for (uint32_t i = edges->count; i > 0; i--) { /* from behind: `first` of the next group goes down to where it begins */
        const struct kr_edge *edge = &edges->items[i - 1];
        sorted[--edges->first[group_of(word, edge) + 1]] = *edge;
    }
    memmove(edges->first, edges->first + 1, councils * sizeof *edges->first);
    edges->first[councils] = edges->count;
    free(edges->items);
    edges->items = sorted;
    edges->is_unsorted = false;
    return KR_OK;
}

/* ---- the sets, step by step ---- */

static bool is_in(const struct kr_membership *membership, const struct kr_reached *set, uint32_t council)
{
    return (membership->standing[council] & set->as) != 0;
}

static bool may_enter(const struct kr_membership *membership, const struct kr_reached *set, uint32_t council)
{
    const uint8_t standing = membership->standing[council];
    return (standing & (set->as | set->barred)) == 0 &&
           ((standing & KR_IS_FOUNDER) != 0 || set->votes[council] >= membership->vouches_needed);
}

/* It comes in, at place `at` of the queue of those whose vouches are still to be counted. */
static void enter(struct kr_membership *membership, struct kr_reached *set, uint32_t council, uint32_t at)
{
    membership->standing[council] |= set->as;
    set->rank[council] = set->next_rank++;
    set->queue[at] = council;
    set->count++;
}

/* Counts what those say who stand in the queue from `at` on, and whom it lets in. */
static void follow(struct kr_membership *membership, struct kr_reached *set, uint32_t at, uint32_t end)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_VOUCH];
    for (; at < end; at++) {
        const uint32_t author = set->queue[at], rank = set->rank[author];
        for (uint32_t i = edges->first[author]; i < edges->first[author + 1]; i++) {
            const struct kr_edge *edge = &edges->items[i];
            const uint32_t to = edge->to, counts = !edge->is_withdrawn | set->with_withdrawn;
            set->votes[to] += counts;
            set->support[to] += counts & (rank < set->rank[to]);
            if (set->votes[to] == membership->vouches_needed && may_enter(membership, set, to)) {
                enter(membership, set, to, end++);
            }
        }
    }
}

static void let_in(struct kr_membership *membership, struct kr_reached *set, uint32_t council)
{
    if (may_enter(membership, set, council)) {
        enter(membership, set, council, 0);
        follow(membership, set, 0, 1);
    }
}

/* Whether it has too few vouches of those who were in before it to stay. */
static bool must_go(const struct kr_membership *membership, const struct kr_reached *set, uint32_t council)
{
    return (membership->standing[council] & (set->as | KR_IS_FOUNDER)) == set->as &&
           set->support[council] < membership->vouches_needed;
}

/* It goes, and so does whoever is left with too few vouches of those who were in before: all that may have stood on it, and on each
 * other alone. Who has enough of those who stay comes in again. */
static void let_go(struct kr_membership *membership, struct kr_reached *set, uint32_t council)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_VOUCH];
    uint32_t gone = 0;
    membership->standing[council] &= (uint8_t)~set->as;
    set->queue[gone++] = council;
    for (uint32_t at = 0; at < gone; at++) {
        const uint32_t author = set->queue[at], rank = set->rank[author];
        for (uint32_t i = edges->first[author]; i < edges->first[author + 1]; i++) {
            const struct kr_edge *edge = &edges->items[i];
            const uint32_t to = edge->to, counts = !edge->is_withdrawn | set->with_withdrawn;
            const uint32_t supports = counts & (rank < set->rank[to]);
            set->votes[to] -= counts;
            set->support[to] -= supports;
            if (supports & (set->support[to] < membership->vouches_needed) && must_go(membership, set, to)) {
                membership->standing[to] &= (uint8_t)~set->as;
                set->queue[gone++] = to;
            }
        }
        set->rank[author] = KR_NOT_IN;
        set->support[author] = set->votes[author];
    }
    set->count -= gone;
    uint32_t end = gone;
    for (uint32_t i = 0; i < gone && !KR_FAULT(KR_FAULT_MEMBERSHIP_BY_ARRIVAL); i++) {
        if (may_enter(membership, set, set->queue[i])) {
            enter(membership, set, set->queue[i], end++);
        }
    }
    follow(membership, set, gone, end);
}

static void work_out(struct kr_membership *membership, struct kr_reached *set)
{
    uint32_t end = 0;
    set->count = set->next_rank = 0;
    set->is_cut = set->is_stale = false;
    for (uint32_t i = 0; i < membership->council_count; i++) {
        membership->standing[i] &= (uint8_t)~set->as;
        set->rank[i] = KR_NOT_IN;
        set->votes[i] = set->support[i] = 0;
    }
    for (uint32_t i = 0; i < membership->council_count; i++) {
        if (may_enter(membership, set, i)) {
            enter(membership, set, i, end++);
        }
    }
    follow(membership, set, 0, end);
}

/* A set's part in one vouch that is another than it was. `counted`, `counts`: whether it did before, and does. */
static void change_vouch(struct kr_membership *membership, struct kr_reached *set, const struct kr_edge *edge, bool counted,
                         bool counts)
{
    const uint32_t to = edge->to;
    set->is_stale = set->is_stale || set->is_cut || set->next_rank > KR_NOT_IN / 2;
    if (set->is_stale || counted == counts || !is_in(membership, set, edge->from)) {
        return;
    }
    const uint32_t supports = set->rank[edge->from] < set->rank[to];
    if (counts) {
        set->votes[to]++;
        set->support[to] += supports;
        let_in(membership, set, to);
        return;
    }
    set->votes[to]--;
    set->support[to] -= supports;
    if (must_go(membership, set, to)) {
        let_go(membership, set, to);
    }
}

/* Whether that council has left, or is expelled. */
static void change_standing(struct kr_membership *membership, uint32_t council, uint8_t standing, bool is_so)
{
    const uint8_t before = membership->standing[council];
    if (is_so == ((before & standing) != 0)) {
        return;
    }
    membership->standing[council] ^= standing;
    for (uint32_t i = 0; i < KR_SET_COUNT; i++) {
        struct kr_reached *set = &membership->sets[i];
        if ((set->barred & standing) == 0) {
            continue;
        }
        set->is_stale = set->is_stale || set->is_cut;
        if (!set->is_stale && is_so && is_in(membership, set, council)) {
            let_go(membership, set, council);
        } else if (!set->is_stale && !is_so) {
            let_in(membership, set, council);
        }
    }
}

/* ---- what holds ---- */

static enum kr_err cut(struct kr_membership *membership, struct kr_reached *set)
{
    struct kr_seniority seniority;
    enum kr_err err = kr_seniority_work_out(membership, set, false, &seniority);
    for (uint32_t i = 0; i < membership->council_count && err == KR_OK; i++) {
        const uint8_t stays = seniority.distance[i] != KR_NOT_IN ? set->as : 0;
        membership->standing[i] = (uint8_t)((membership->standing[i] & ~set->as) | stays);
    }
    set->count = seniority.count;
    set->is_cut = true;
    kr_seniority_deinit(&seniority);
    return err;
}

static enum kr_err settle_set(struct kr_membership *membership, struct kr_reached *set)
{
    if (set->is_stale) {
        work_out(membership, set);
    }
    enum kr_err err = !set->is_cut && set->count > KR_COMMUNITY_COUNCILS_MAX ? cut(membership, set) : KR_OK;
    set->is_stale = err != KR_OK;
    return err;
}

/* How many of that standing have expelled the council whose expulsions begin at `*at`, which moves behind them. Who left, by
 * expelling itself, has none. With `seniority`: of those who are in it. */
static uint32_t votes_against(const struct kr_membership *membership, uint32_t *at, uint8_t standing,
                              const struct kr_seniority *seniority)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    const uint32_t council = edges->items[*at].to;
    uint32_t votes = 0;
    for (; *at < edges->count && edges->items[*at].to == council; ++*at) {
        const struct kr_edge *edge = &edges->items[*at];
        const bool has_say =
            seniority != NULL ? seniority->distance[edge->from] != KR_NOT_IN : (membership->standing[edge->from] & standing) != 0;
        votes += !edge->is_withdrawn && has_say;
    }
    return votes;
}

/* Whom a quorum of voices has expelled. */
static void judge(struct kr_membership *membership, const struct kr_seniority *seniority)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    for (uint32_t at = 0; at < edges->count;) {
        const uint32_t council = edges->items[at].to;
        const bool is_expelled = votes_against(membership, &at, KR_IS_VOICE, seniority) >= membership->quorum;
        change_standing(membership, council, KR_IS_EXPELLED, is_expelled);
    }
}

/* Whether some are expelled who would not be without the votes of others who are themselves, or were let in by these. Then it
 * matters who was there first. */
static bool is_contested(const struct kr_membership *membership)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    bool is_sure = true;
    for (uint32_t at = 0; at < edges->count && is_sure;) {
        const uint8_t standing = membership->standing[edges->items[at].to];
        is_sure = votes_against(membership, &at, KR_IS_MEMBER, NULL) >= membership->quorum || (standing & KR_IS_EXPELLED) == 0;
    }
    return !is_sure;
}

static enum kr_err settle_members(struct kr_membership *membership)
{
    struct kr_reached *members = &membership->sets[KR_SET_MEMBERS];
    judge(membership, NULL);
    enum kr_err err = settle_set(membership, members);
    if (err != KR_OK || KR_FAULT(KR_FAULT_QUARREL_BY_COUNT) || !is_contested(membership)) {
        return err;
    }
    struct kr_seniority seniority;
    err = kr_seniority_work_out(membership, &membership->sets[KR_SET_VOICES], true, &seniority);
    if (err == KR_OK) {
        members->is_stale = true; /* worked out once, not after each that is judged */
        judge(membership, &seniority);
        err = settle_set(membership, members);
    }
    kr_seniority_deinit(&seniority);
    return err;
}

/* Who has left, where all is worked out anew. */
static void note_leavers(struct kr_membership *membership)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    for (uint32_t i = 0; i < edges->count; i++) {
        if (edges->items[i].from == edges->items[i].to) {
            change_standing(membership, edges->items[i].to, KR_HAS_LEFT, !edges->items[i].is_withdrawn);
        }
    }
}

enum kr_err kr_membership_settle(struct kr_membership *membership)
{
    enum kr_err err = KR_OK;
    for (uint32_t word = 0; word < KR_WORD_COUNT && err == KR_OK; word++) {
        err = membership->words[word].is_unsorted ? sort_edges(membership, (enum kr_word)word) : KR_OK;
    }
    if (err != KR_OK) {
        return err;
    }
    if (membership->sets[KR_SET_VOICES].is_stale) {
        note_leavers(membership);
    }
    err = settle_set(membership, &membership->sets[KR_SET_EVER]);
    if (err == KR_OK) {
        err = settle_set(membership, &membership->sets[KR_SET_VOICES]);
    }
    if (err == KR_OK) {
        err = settle_members(membership);
    }
    if (err == KR_OK && membership->is_undated) {
        err = kr_since_work_out(membership);
        membership->is_undated = err != KR_OK;
    }
    return err;
}

/* ---- one statement more ---- */

static void take_in(struct kr_membership *membership, enum kr_word word, const struct kr_edge *edge, const struct kr_edge *old)
{
    if (word == KR_WORD_EXPULSION && edge->from == edge->to) {
        change_standing(membership, edge->to, KR_HAS_LEFT, !edge->is_withdrawn);
    }
    if (word == KR_WORD_EXPULSION) {
        return; /* the rest is judged when it is settled */
    }
    membership->standing[edge->to] |= KR_IS_NAMED;
    membership->is_undated = membership->is_undated || (membership->is_dated && kr_since_may_change(membership, edge, old));
    for (uint32_t i = 0; i < KR_SET_COUNT; i++) {
        struct kr_reached *set = &membership->sets[i];
        change_vouch(membership, set, edge, old != NULL && (!old->is_withdrawn || set->with_withdrawn),
                     !edge->is_withdrawn || set->with_withdrawn);
    }
}

static void insert(struct kr_membership *membership, enum kr_word word, const struct kr_edge *edge)
{
    struct kr_edges *edges = &membership->words[word];
    const uint32_t group = group_of(word, edge), end = edges->first[group + 1];
    memmove(&edges->items[end + 1], &edges->items[end], (edges->count++ - end) * sizeof *edge);
    edges->items[end] = *edge;
    for (uint32_t i = group + 1; i <= membership->council_count; i++) {
        edges->first[i]++;
    }
}

enum kr_err kr_membership_put(struct kr_membership *membership, enum kr_word word, const uint8_t from[static 32],
                              const uint8_t to[static 32], uint64_t created_ms, bool is_withdrawn)
{
    struct kr_edges *edges = &membership->words[word];
    struct kr_edge edge = {.created_ms = created_ms, .is_withdrawn = is_withdrawn};
    if (!kr_membership_has_room(membership, word, from, to)) {
        return KR_BOUNDS;
    }
    enum kr_err err = take_councils(membership, from, to, &edge);
    if (err != KR_OK) {
        return err;
    }
    const uint32_t at = find_edge(edges, word, edge.from, edge.to);
    if (at < edges->count) {
        const struct kr_edge old = edges->items[at];
        edges->items[at] = edge;
        take_in(membership, word, &edge, &old);
        return KR_OK;
    }
    err = reserve_edge(edges, word);
    if (err == KR_OK) {
        insert(membership, word, &edge);
        take_in(membership, word, &edge, NULL);
    }
    return err;
}
