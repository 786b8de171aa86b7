#include "node/core/since.h"

#include <stdlib.h>
#include <string.h>

/* A vouch that counts from then on: not before its author was in, or it could be dated at will. */
struct counted {
    uint64_t at_ms;
    uint32_t to;
};

/* Who is set aside to be dated anew; those vouches for them that are still to be looked at, a heap, the earliest first. */
struct dating {
    struct kr_membership *membership;
    uint32_t *aside, aside_count;
    bool *is_aside;
    uint32_t *support; /* of those not set aside that were looked at, and one: vouches that made it as old, by older ones */
    uint32_t *votes;
    struct counted *items;
    uint32_t count;
};

/* ---- the heap ---- */

static void push(struct dating *dating, struct counted vouch)
{
    struct counted *items = dating->items;
    uint32_t at = dating->count++;
    for (; at > 0 && vouch.at_ms < items[(at - 1) / 2].at_ms; at = (at - 1) / 2) {
        items[at] = items[(at - 1) / 2];
    }
    items[at] = vouch;
}

static struct counted pop(struct dating *dating)
{
    struct counted *items = dating->items;
    const struct counted first = items[0], last = items[--dating->count];
    uint32_t at = 0;
    for (uint32_t child = 1; child < dating->count; at = child, child = 2 * at + 1) {
        child += child + 1 < dating->count && items[child + 1].at_ms < items[child].at_ms;
        if (last.at_ms <= items[child].at_ms) {
            break;
        }
        items[at] = items[child];
    }
    items[at] = last;
    return first;
}

/* ---- dating those who are set aside ---- */

static uint64_t later(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

/* Since when a vouch counts; KR_NOT_SINCE: not at all. */
static uint64_t counts_since(const struct kr_membership *membership, const struct kr_edge *edge)
{
    return edge->is_withdrawn ? KR_NOT_SINCE : later(edge->created_ms, membership->since_ms[edge->from]);
}

static enum kr_err init(struct dating *dating, struct kr_membership *membership)
{
    const size_t councils = (size_t)membership->council_count + 1;
    *dating = (struct dating){
        .membership = membership,
        .aside = malloc(councils * sizeof *dating->aside),
        .is_aside = calloc(councils, sizeof *dating->is_aside),
        .support = calloc(councils, sizeof *dating->support),
        .votes = calloc(councils, sizeof *dating->votes),
    };
    const bool is_fine = dating->aside != NULL && dating->is_aside != NULL && dating->support != NULL && dating->votes != NULL;
    return is_fine ? KR_OK : KR_NOMEM;
}

static void deinit(struct dating *dating)
{
    free(dating->aside);
    free(dating->is_aside);
    free(dating->support);
    free(dating->votes);
    free(dating->items);
}

static void set_aside(struct dating *dating, uint32_t council)
{
    dating->is_aside[council] = true;
    dating->aside[dating->aside_count++] = council;
}

/* It is in since then, and so its vouches count: those that were there before from then on, too, and whoever is in by these since
 * the same moment, and so on; later ones wait. */
static void let_in(struct dating *dating, uint32_t council, uint64_t since_ms)
{
    struct kr_membership *membership = dating->membership;
    const struct kr_edges *edges = &membership->words[KR_WORD_VOUCH];
    uint32_t *entered = dating->support, count = 0; /* `support` was needed to set them aside */
    membership->since_ms[council] = since_ms;
    entered[count++] = council;
    while (count > 0) {
        const uint32_t author = entered[--count];
        for (uint32_t i = edges->first[author]; i < edges->first[author + 1]; i++) {
            const struct kr_edge *edge = &edges->items[i];
            const uint32_t to = edge->to;
            if (edge->is_withdrawn || !dating->is_aside[to] || membership->since_ms[to] != KR_NOT_SINCE) {
                continue;
            }
            if (edge->created_ms > since_ms) {
                push(dating, (struct counted){edge->created_ms, to});
            } else if (++dating->votes[to] == membership->vouches_needed) {
                membership->since_ms[to] = since_ms;
                entered[count++] = to;
            }
        }
    }
}

/* As vouches are looked at in order of time, the one that is needed last is the one by which a council is in. First those by who is
 * not set aside; each more when its author is in. */
static enum kr_err date(struct dating *dating)
{
    struct kr_membership *membership = dating->membership;
    const struct kr_edges *edges = &membership->vouches_for;
    size_t count = 0;
    for (uint32_t i = 0; i < dating->aside_count; i++) {
        count += edges->first[dating->aside[i] + 1] - edges->first[dating->aside[i]];
    }
    dating->items = calloc(count + 1, sizeof *dating->items);
    if (dating->items == NULL) {
        return KR_NOMEM;
    }
    for (uint32_t i = 0; i < dating->aside_count; i++) {
        membership->since_ms[dating->aside[i]] = KR_NOT_SINCE;
    }
    for (uint32_t i = 0; i < dating->aside_count; i++) {
        const uint32_t council = dating->aside[i];
        for (uint32_t j = edges->first[council]; j < edges->first[council + 1]; j++) {
            const uint64_t at_ms = counts_since(membership, &edges->items[j]);
            if (at_ms != KR_NOT_SINCE) {
                push(dating, (struct counted){at_ms, council});
            }
        }
    }
    while (dating->count > 0) {
        const struct counted vouch = pop(dating);
        if (++dating->votes[vouch.to] == membership->vouches_needed) {
            let_in(dating, vouch.to, vouch.at_ms);
        }
    }
    return KR_OK;
}

enum kr_err kr_since_work_out(struct kr_membership *membership)
{
    struct dating dating;
    enum kr_err err = init(&dating, membership);
    for (uint32_t i = 0; err == KR_OK && i < membership->council_count; i++) {
        if ((membership->standing[i] & KR_IS_FOUNDER) == 0) {
            set_aside(&dating, i);
        } else {
            membership->since_ms[i] = 0;
        }
    }
    err = err == KR_OK ? date(&dating) : err;
    deinit(&dating);
    return err;
}

/* ---- whom a vouch concerns ---- */

static bool is_founder(const struct kr_membership *membership, uint32_t council)
{
    return (membership->standing[council] & KR_IS_FOUNDER) != 0;
}

/* A vouch for `to` counts since `at_ms` now, which is earlier. Nobody's date comes before that one; so whose does come down is
 * whoever has a vouch that counted no earlier than its date, by somebody whose comes down, and that may count earlier then. */
static void gather_earlier(struct dating *dating, uint32_t to, uint64_t at_ms)
{
    const struct kr_membership *membership = dating->membership;
    const struct kr_edges *edges = &membership->words[KR_WORD_VOUCH];
    set_aside(dating, to);
    for (uint32_t at = 0; at < dating->aside_count; at++) {
        const uint32_t author = dating->aside[at];
        for (uint32_t i = edges->first[author]; i < edges->first[author + 1]; i++) {
            const struct kr_edge *edge = &edges->items[i];
            const uint64_t to_ms = membership->since_ms[edge->to];
            if (!edge->is_withdrawn && !dating->is_aside[edge->to] && later(edge->created_ms, at_ms) < to_ms &&
                counts_since(membership, edge) >= to_ms) {
                set_aside(dating, edge->to);
            }
        }
    }
}

/* How many vouches by those who are older, and not set aside, made it as old as it is. Those by others as old are left out: they
 * may all stand on each other. */
static uint32_t count_support(const struct dating *dating, uint32_t council)
{
    const struct kr_membership *membership = dating->membership;
    const struct kr_edges *edges = &membership->vouches_for;
    const uint64_t since_ms = membership->since_ms[council];
    uint32_t support = 0;
    for (uint32_t i = edges->first[council]; i < edges->first[council + 1]; i++) {
        const struct kr_edge *edge = &edges->items[i];
        support += !dating->is_aside[edge->from] && membership->since_ms[edge->from] < since_ms &&
                   counts_since(membership, edge) <= since_ms;
    }
    return support;
}

/* A vouch that may have made `to` as old as it is counts later, or no more. Set aside is whoever is left with too few vouches that
 * made it so old, by older ones who are not set aside. All others are as old as they were. */
static void gather_later(struct dating *dating, uint32_t to)
{
    const struct kr_membership *membership = dating->membership;
    const struct kr_edges *edges = &membership->words[KR_WORD_VOUCH];
    if (count_support(dating, to) >= membership->vouches_needed) {
        return;
    }
    set_aside(dating, to);
    for (uint32_t at = 0; at < dating->aside_count; at++) {
        const uint32_t author = dating->aside[at];
        for (uint32_t i = edges->first[author]; i < edges->first[author + 1]; i++) {
            const struct kr_edge *edge = &edges->items[i];
            const uint32_t subject = edge->to;
            const uint64_t to_ms = membership->since_ms[subject];
            if (dating->is_aside[subject] || is_founder(membership, subject) || to_ms == KR_NOT_SINCE ||
                counts_since(membership, edge) > to_ms) {
                continue;
            }
            if (dating->support[subject] == 0) {
                dating->support[subject] = count_support(dating, subject) + 1;
            } else {
                dating->support[subject] -= membership->since_ms[author] < to_ms;
            }
            if (dating->support[subject] <= membership->vouches_needed) {
                set_aside(dating, subject);
            }
        }
    }
}

void kr_since_change(struct kr_membership *membership, const struct kr_edge *edge, const struct kr_edge *old)
{
    const uint64_t to_ms = membership->since_ms[edge->to];
    if (membership->since_ms[edge->from] == KR_NOT_SINCE || is_founder(membership, edge->to)) {
        return;
    }
    const uint64_t before_ms = old != NULL ? counts_since(membership, old) : KR_NOT_SINCE, now_ms = counts_since(membership, edge);
    if (now_ms == before_ms || (now_ms < before_ms ? now_ms >= to_ms : before_ms > to_ms || to_ms == KR_NOT_SINCE)) {
        return;
    }
    struct dating dating;
    enum kr_err err = init(&dating, membership);
    if (err == KR_OK && now_ms < before_ms) {
        gather_earlier(&dating, edge->to, now_ms);
    } else if (err == KR_OK) {
        gather_later(&dating, edge->to);
    }
    err = err == KR_OK ? date(&dating) : err;
    membership->is_undated = err != KR_OK;
    deinit(&dating);
}
