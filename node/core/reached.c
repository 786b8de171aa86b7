#include "node/core/reached.h"

#include <string.h>

#include "crypto/fault.h"

/* Where so many go that following them, and then those who come in again, takes longer than to begin anew: more than that many
 * vouches, and one of so many of all. */
#define TOUCHED_MIN 32u
#define TOUCHED_OF  8u

static bool is_in(const struct kr_membership *membership, const struct kr_reached *set, uint32_t council)
{
    return (membership->standing[council] & set->as) != 0;
}

/* Whether it is in by those vouches for it that are counted. */
static bool is_called(const struct kr_membership *membership, const struct kr_reached *set, uint32_t council)
{
    const uint8_t standing = membership->standing[council];
    return ((standing & set->barred) == 0) &
           (((standing & KR_IS_FOUNDER) != 0) | (set->votes[council] >= membership->vouches_needed));
}

static bool may_enter(const struct kr_membership *membership, const struct kr_reached *set, uint32_t council)
{
    return !is_in(membership, set, council) && is_called(membership, set, council);
}

/* It is in, and stands at that place of the queue of those whose vouches are still to be counted. */
static void enter(struct kr_membership *membership, struct kr_reached *set, uint32_t council, uint32_t at)
{
    membership->standing[council] |= set->as;
    set->queue[at] = council;
    set->count++;
}

/* Counts what those say who stand in the queue from `at` on, one after the other as they come in, until too many wait: how many
 * then do. All who came in before have had their turn when one's comes, so that its `votes` are its `support`. */
static uint32_t follow_few(struct kr_membership *membership, struct kr_reached *set, uint32_t at, uint32_t end)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_VOUCH];
    const uint32_t few = KR_FEW + membership->council_count / KR_FEW;
    for (; at < end && end - at <= few; at++) {
        const uint32_t author = set->queue[at], last = edges->first[author + 1];
        set->rank[author] = set->next_rank++;
        set->support[author] = set->votes[author];
        for (uint32_t i = edges->first[author]; i < last; i++) {
            const struct kr_edge *edge = &edges->items[i];
            const uint32_t counts = (edge->is_withdrawn ^ 1u) | set->with_withdrawn;
            set->votes[edge->to] += counts;
            if (set->votes[edge->to] == membership->vouches_needed && may_enter(membership, set, edge->to)) {
                enter(membership, set, edge->to, end++);
            }
        }
    }
    return end - at;
}

/* Where many wait it is quicker to go over all councils, in the order in which what they say lies in memory, and to look only when
 * a council's turn comes whether it is in: no jump depends on who vouches for whom. Those who came in after their turn wait then.
 */
static uint32_t follow_many(struct kr_membership *membership, struct kr_reached *set)
{
    const struct kr_edge *items = membership->words[KR_WORD_VOUCH].items;
    const uint32_t *first = membership->words[KR_WORD_VOUCH].first;
    const uint32_t councils = membership->council_count, with_withdrawn = set->with_withdrawn;
    uint32_t *votes = set->votes, *rank = set->rank, waiting = 0;
    for (uint32_t i = 0; i < councils; i++) {
        if ((rank[i] == KR_NOT_IN) & is_called(membership, set, i)) {
            const uint32_t last = first[i + 1];
            rank[i] = set->next_rank++;
            set->support[i] = votes[i];
            for (uint32_t at = first[i]; at < last; at++) {
                votes[items[at].to] += (items[at].is_withdrawn ^ 1u) | with_withdrawn;
            }
        }
    }
    set->count = 0;
    for (uint32_t i = 0; i < councils; i++) {
        const bool is_called_now = is_called(membership, set, i);
        membership->standing[i] = (uint8_t)((membership->standing[i] & ~set->as) | (is_called_now ? set->as : 0));
        set->queue[waiting] = i;
        waiting += is_called_now & (rank[i] == KR_NOT_IN);
        set->count += is_called_now;
    }
    return waiting;
}

/* Likewise, until nobody waits. */
static void follow(struct kr_membership *membership, struct kr_reached *set, uint32_t at, uint32_t end)
{
    for (uint32_t waiting = follow_few(membership, set, at, end); waiting > 0;) {
        waiting = follow_many(membership, set);
        waiting = follow_few(membership, set, 0, waiting);
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
    uint32_t gone = 0, touched = 0;
    membership->standing[council] &= (uint8_t)~set->as;
    set->queue[gone++] = council;
    for (uint32_t at = 0; at < gone; at++) {
        const uint32_t author = set->queue[at], rank = set->rank[author];
        touched += edges->first[author + 1] - edges->first[author];
        if (touched > TOUCHED_MIN + edges->count / TOUCHED_OF) {
            set->is_stale = true;
            return;
        }
        for (uint32_t i = edges->first[author]; i < edges->first[author + 1]; i++) {
            const struct kr_edge *edge = &edges->items[i];
            const uint32_t to = edge->to, counts = (edge->is_withdrawn ^ 1u) | set->with_withdrawn;
            const uint32_t supports = counts & (rank < set->rank[to]);
            set->votes[to] -= counts;
            set->support[to] -= supports;
            if (supports & (set->support[to] < membership->vouches_needed) && must_go(membership, set, to)) {
                membership->standing[to] &= (uint8_t)~set->as;
                set->queue[gone++] = to;
            }
        }
        set->rank[author] = KR_NOT_IN;
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

void kr_reached_work_out(struct kr_membership *membership, struct kr_reached *set)
{
    const uint32_t councils = membership->council_count;
    set->next_rank = 0;
    set->is_cut = set->is_stale = false;
    memset(set->rank, 0xFF, councils * sizeof *set->rank);
    memset(set->votes, 0, councils * sizeof *set->votes);
    follow(membership, set, 0, follow_many(membership, set));
}

void kr_reached_change_vouch(struct kr_membership *membership, struct kr_reached *set, const struct kr_edge *edge, bool counted,
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

void kr_reached_change_standing(struct kr_membership *membership, uint32_t council, uint8_t standing, bool is_so)
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
