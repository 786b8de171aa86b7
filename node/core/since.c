#include "node/core/since.h"

#include <stdlib.h>
#include <string.h>

/* A vouch that counts from then on: not before its author was in, or it could be dated at will. */
struct counted {
    uint64_t at_ms;
    uint32_t to;
};

/* Those that are still to be looked at: a heap, the earliest first. */
struct waiting {
    struct counted *items;
    uint32_t count;
};

static void swap(struct waiting *waiting, uint32_t a, uint32_t b)
{
    const struct counted kept = waiting->items[a];
    waiting->items[a] = waiting->items[b];
    waiting->items[b] = kept;
}

static void push(struct waiting *waiting, struct counted vouch)
{
    uint32_t at = waiting->count++;
    waiting->items[at] = vouch;
    for (; at > 0 && waiting->items[at].at_ms < waiting->items[(at - 1) / 2].at_ms; at = (at - 1) / 2) {
        swap(waiting, at, (at - 1) / 2);
    }
}

static struct counted pop(struct waiting *waiting)
{
    const struct counted first = waiting->items[0];
    waiting->items[0] = waiting->items[--waiting->count];
    for (uint32_t at = 0, child = 1; child < waiting->count; at = child, child = 2 * at + 1) {
        const bool is_right = child + 1 < waiting->count && waiting->items[child + 1].at_ms < waiting->items[child].at_ms;
        child += is_right;
        if (waiting->items[at].at_ms <= waiting->items[child].at_ms) {
            break;
        }
        swap(waiting, at, child);
    }
    return first;
}

static uint64_t later(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

/* It is in since then, and so its vouches count. */
static void let_in(struct kr_membership *membership, struct waiting *waiting, uint32_t council, uint64_t since_ms)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_VOUCH];
    membership->since_ms[council] = since_ms;
    for (uint32_t i = edges->first[council]; i < edges->first[council + 1]; i++) {
        const struct kr_edge *edge = &edges->items[i];
        if (!edge->is_withdrawn && membership->since_ms[edge->to] == KR_NOT_SINCE) {
            push(waiting, (struct counted){later(edge->created_ms, since_ms), edge->to});
        }
    }
}

bool kr_since_may_change(const struct kr_membership *membership, const struct kr_edge *edge, const struct kr_edge *old)
{
    const uint64_t author_ms = membership->since_ms[edge->from], to_ms = membership->since_ms[edge->to];
    const bool counted = old != NULL && !old->is_withdrawn;
    if (author_ms == KR_NOT_SINCE || (counted && !edge->is_withdrawn && edge->created_ms == old->created_ms)) {
        return false;
    }
    return counted || (!edge->is_withdrawn && later(edge->created_ms, author_ms) < to_ms);
}

/* As vouches are looked at in order of time, the one that is needed last is the one by which a council is in. */
enum kr_err kr_since_work_out(struct kr_membership *membership)
{
    const uint32_t councils = membership->council_count;
    struct waiting waiting = {.items = malloc(((size_t)membership->words[KR_WORD_VOUCH].count + 1) * sizeof *waiting.items)};
    uint32_t *votes = calloc((size_t)councils + 1, sizeof *votes);
    enum kr_err err = waiting.items != NULL && votes != NULL ? KR_OK : KR_NOMEM;
    for (uint32_t i = 0; err == KR_OK && i < councils; i++) {
        membership->since_ms[i] = (membership->standing[i] & KR_IS_FOUNDER) != 0 ? 0 : KR_NOT_SINCE;
    }
    for (uint32_t i = 0; err == KR_OK && i < councils; i++) {
        if ((membership->standing[i] & KR_IS_FOUNDER) != 0) {
            let_in(membership, &waiting, i, 0);
        }
    }
    while (err == KR_OK && waiting.count > 0) {
        const struct counted vouch = pop(&waiting);
        if (++votes[vouch.to] == membership->vouches_needed) {
            let_in(membership, &waiting, vouch.to, vouch.at_ms);
        }
    }
    free(waiting.items);
    free(votes);
    return err;
}
