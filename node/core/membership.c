#include "node/core/membership.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/reached.h"
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

static void forget_seniority(struct kr_membership *membership)
{
    if (membership->seniority != NULL) {
        kr_seniority_deinit(membership->seniority);
        free(membership->seniority);
        membership->seniority = NULL;
    }
}

void kr_membership_deinit(struct kr_membership *membership)
{
    forget_seniority(membership);
    for (uint32_t i = 0; i < KR_WORD_COUNT; i++) {
        free(membership->words[i].items);
        free(membership->words[i].first);
    }
    free(membership->vouches_for.items);
    free(membership->vouches_for.first);
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
    is_fine = is_fine && grow(&membership->vouches_for.first, sizeof(uint32_t), capacity + 1);
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

static void add_group(struct kr_edges *edges, uint32_t number)
{
    edges->first[number] = edges->first[number + 1] = edges->count;
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
    add_group(&membership->vouches_for, number);
    for (uint32_t i = 0; i < KR_WORD_COUNT; i++) {
        add_group(&membership->words[i], number);
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
    forget_seniority(membership);
    membership->is_settled = false;
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

/* Where what `from` says of `to` stands in the group; `count` where it says nothing. */
static uint32_t find_in(const struct kr_edges *edges, uint32_t group, uint32_t from, uint32_t to)
{
    for (uint32_t i = edges->first[group]; i < edges->first[group + 1]; i++) {
        if (edges->items[i].from == from && edges->items[i].to == to) {
            return i;
        }
    }
    return edges->count;
}

static uint32_t find_edge(const struct kr_edges *edges, enum kr_word word, uint32_t from, uint32_t to)
{
    return find_in(edges, word == KR_WORD_VOUCH ? from : to, from, to);
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

static enum kr_err reserve_edge(struct kr_edges *edges, uint32_t max)
{
    if (edges->count == max) {
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
        err = reserve_edge(edges, words_max[word]);
    }
    if (err == KR_OK) {
        edges->items[edges->count++] = edge;
        edges->is_unsorted = true;
        membership->standing[edge.to] |= word == KR_WORD_VOUCH ? KR_IS_NAMED : 0;
        all_are_stale(membership);
    }
    return err;
}

/* By counting: once over the edges to see how many each has, once to put them there. `ret_grouped` may be they themselves. */
static enum kr_err group_edges(const struct kr_edges *edges, bool by_subject, uint32_t councils, struct kr_edges *ret_grouped)
{
    struct kr_edge *grouped = calloc((size_t)edges->capacity + 1, sizeof *grouped);
    uint32_t *first = ret_grouped->first, count = edges->count;
    if (grouped == NULL) {
        return KR_NOMEM;
    }
    memset(first, 0, (councils + 1) * sizeof *first);
    for (uint32_t i = 0; i < count; i++) {
        first[(by_subject ? edges->items[i].to : edges->items[i].from) + 1]++;
    }
    for (uint32_t i = 0; i < councils; i++) {
        first[i + 1] += first[i];
    }
    for (uint32_t i = count; i > 0; i--) { /* from behind: `first` of the next group goes down to where it begins */
        const struct kr_edge *edge = &edges->items[i - 1];
        grouped[--first[(by_subject ? edge->to : edge->from) + 1]] = *edge;
    }
    memmove(first, first + 1, councils * sizeof *first);
    first[councils] = count;
    free(ret_grouped->items);
    *ret_grouped = (struct kr_edges){.items = grouped, .first = first, .count = count, .capacity = edges->capacity};
    return KR_OK;
}

static enum kr_err sort_edges(struct kr_membership *membership, enum kr_word word)
{
    struct kr_edges *edges = &membership->words[word];
    const uint32_t councils = membership->council_count;
    enum kr_err err =
        edges->is_unsorted && word == KR_WORD_VOUCH ? group_edges(edges, true, councils, &membership->vouches_for) : KR_OK;
    if (err == KR_OK && edges->is_unsorted) {
        err = group_edges(edges, word != KR_WORD_VOUCH, councils, edges);
    }
    return err;
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
        kr_reached_work_out(membership, set);
    }
    enum kr_err err = !set->is_cut && set->count > KR_COMMUNITY_COUNCILS_MAX ? cut(membership, set) : KR_OK;
    set->is_stale = err != KR_OK;
    return err;
}

/* How many of that standing have expelled the council. Who left, by expelling itself, has none. With `seniority`: of those who are
 * in it. */
static uint32_t votes_against(const struct kr_membership *membership, uint32_t council, uint8_t standing,
                              const struct kr_seniority *seniority)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    uint32_t votes = 0;
    for (uint32_t i = edges->first[council]; i < edges->first[council + 1]; i++) {
        const struct kr_edge *edge = &edges->items[i];
        const bool has_say =
            seniority != NULL ? seniority->distance[edge->from] != KR_NOT_IN : (membership->standing[edge->from] & standing) != 0;
        votes += !edge->is_withdrawn && has_say;
    }
    return votes;
}

/* The next one of whom an expulsion speaks; `at`: where in these to look. */
static bool next_accused(const struct kr_membership *membership, uint32_t *at, uint32_t *ret_council)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    const bool is_there = *at < edges->count;
    if (is_there) {
        *ret_council = edges->items[*at].to;
        *at = edges->first[*ret_council + 1];
    }
    return is_there;
}

/* Whom a quorum of voices has expelled. */
static void judge(struct kr_membership *membership, const struct kr_seniority *seniority)
{
    uint32_t council;
    for (uint32_t at = 0; next_accused(membership, &at, &council);) {
        const bool is_expelled = votes_against(membership, council, KR_IS_VOICE, seniority) >= membership->quorum;
        kr_reached_change_standing(membership, council, KR_IS_EXPELLED, is_expelled);
    }
}

/* Whether some have a quorum of voices against them, without regard to who expels whom, that would not have one without the votes
 * of others who are expelled themselves, or were let in by these. Then it matters who was there first; and where not all have room,
 * since who is silenced makes room. Otherwise those are expelled, and nobody else. */
static bool is_contested(const struct kr_membership *membership)
{
    uint32_t council;
    for (uint32_t at = 0; next_accused(membership, &at, &council);) {
        if (votes_against(membership, council, KR_IS_VOICE, NULL) >= membership->quorum &&
            (membership->sets[KR_SET_VOICES].is_cut ||
             votes_against(membership, council, KR_IS_MEMBER, NULL) < membership->quorum)) {
            return true;
        }
    }
    return false;
}

static enum kr_err work_out_seniority(struct kr_membership *membership)
{
    membership->seniority = calloc(1, sizeof *membership->seniority);
    enum kr_err err = membership->seniority == NULL
                          ? KR_NOMEM
                          : kr_seniority_work_out(membership, &membership->sets[KR_SET_VOICES], true, membership->seniority);
    if (err != KR_OK) {
        forget_seniority(membership);
    }
    return err;
}

/* Judges as if it did not matter who was there first, and then whether it does; but where it did when last asked the other way
 * round. */
static enum kr_err settle_members(struct kr_membership *membership)
{
    struct kr_reached *members = &membership->sets[KR_SET_MEMBERS];
    if (!membership->is_contested) {
        judge(membership, NULL);
        enum kr_err err = settle_set(membership, members);
        if (err != KR_OK || KR_FAULT(KR_FAULT_QUARREL_BY_COUNT) || !is_contested(membership)) {
            return err;
        }
    }
    membership->is_contested = true;
    enum kr_err err = membership->seniority == NULL ? work_out_seniority(membership) : KR_OK;
    if (err == KR_OK) {
        judge(membership, membership->seniority);
        err = settle_set(membership, members);
    }
    if (err == KR_OK && !is_contested(membership)) {
        membership->is_contested = false;
        forget_seniority(membership);
    }
    return err;
}

/* Who has left, where all is worked out anew. */
static void note_leavers(struct kr_membership *membership)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    for (uint32_t i = 0; i < edges->count; i++) {
        if (edges->items[i].from == edges->items[i].to) {
            kr_reached_change_standing(membership, edges->items[i].to, KR_HAS_LEFT, !edges->items[i].is_withdrawn);
        }
    }
}

enum kr_err kr_membership_settle(struct kr_membership *membership)
{
    enum kr_err err = KR_OK;
    if (membership->is_settled) {
        return KR_OK;
    }
    for (uint32_t word = 0; word < KR_WORD_COUNT && err == KR_OK; word++) {
        err = sort_edges(membership, (enum kr_word)word);
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
    membership->is_settled = err == KR_OK;
    return err;
}

/* ---- one statement more ---- */

static void take_in(struct kr_membership *membership, enum kr_word word, const struct kr_edge *edge, const struct kr_edge *old)
{
    membership->is_settled = false;
    if (membership->seniority != NULL && kr_seniority_may_change(membership->seniority, word, edge)) {
        forget_seniority(membership);
    }
    if (word == KR_WORD_EXPULSION && edge->from == edge->to) {
        kr_reached_change_standing(membership, edge->to, KR_HAS_LEFT, !edge->is_withdrawn);
    }
    if (word == KR_WORD_EXPULSION) {
        return; /* the rest is judged when it is settled */
    }
    membership->standing[edge->to] |= KR_IS_NAMED;
    if (membership->is_dated && !membership->is_undated) {
        kr_since_change(membership, edge, old);
    }
    for (uint32_t i = 0; i < KR_SET_COUNT; i++) {
        struct kr_reached *set = &membership->sets[i];
        kr_reached_change_vouch(membership, set, edge, old != NULL && (!old->is_withdrawn || set->with_withdrawn),
                                !edge->is_withdrawn || set->with_withdrawn);
    }
}

/* At the end of its group. */
static void insert(struct kr_edges *edges, uint32_t group, uint32_t councils, const struct kr_edge *edge)
{
    const uint32_t end = edges->first[group + 1];
    memmove(&edges->items[end + 1], &edges->items[end], (edges->count++ - end) * sizeof *edge);
    edges->items[end] = *edge;
    for (uint32_t i = group + 1; i <= councils; i++) {
        edges->first[i]++;
    }
}

enum kr_err kr_membership_put(struct kr_membership *membership, enum kr_word word, const uint8_t from[static 32],
                              const uint8_t to[static 32], uint64_t created_ms, bool is_withdrawn)
{
    struct kr_edges *edges = &membership->words[word], *vouches_for = word == KR_WORD_VOUCH ? &membership->vouches_for : NULL;
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
        if (vouches_for != NULL) {
            vouches_for->items[find_in(vouches_for, edge.to, edge.from, edge.to)] = edge;
        }
        take_in(membership, word, &edge, &old);
        return KR_OK;
    }
    err = reserve_edge(edges, words_max[word]);
    if (err == KR_OK && vouches_for != NULL) {
        err = reserve_edge(vouches_for, words_max[word]);
    }
    if (err == KR_OK) {
        insert(edges, group_of(word, &edge), membership->council_count, &edge);
        if (vouches_for != NULL) {
            insert(vouches_for, edge.to, membership->council_count, &edge);
        }
        take_in(membership, word, &edge, NULL);
    }
    return err;
}
