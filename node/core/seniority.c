#include "node/core/seniority.h"

#include <stdlib.h>
#include <string.h>

static int compare_dates(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int compare_newcomers(const void *a, const void *b)
{
    const struct kr_newcomer *x = a, *y = b;
    const int order = compare_dates(&x->since_ms, &y->since_ms);
    return order != 0 ? order : memcmp(x->id, y->id, 32);
}

void kr_seniority_deinit(struct kr_seniority *seniority)
{
    free(seniority->since_ms);
    free(seniority->distance);
    free(seniority->votes);
    free(seniority->last);
    free(seniority->next);
    free(seniority->queue);
    free(seniority->dates);
    free(seniority->scratch);
    free(seniority->newcomers);
}

static enum kr_err init(struct kr_seniority *seniority, const struct kr_membership *membership)
{
    const size_t councils = (size_t)membership->council_count + 1, edges = (size_t)membership->words[KR_WORD_VOUCH].count + 1;
    *seniority = (struct kr_seniority){
        .since_ms = calloc(councils, sizeof *seniority->since_ms),
        .distance = malloc(councils * sizeof *seniority->distance),
        .votes = calloc(councils, sizeof *seniority->votes),
        .last = malloc(councils * sizeof *seniority->last),
        .next = malloc(edges * sizeof *seniority->next),
        .queue = malloc(councils * sizeof *seniority->queue),
        .dates = malloc(edges * sizeof *seniority->dates),
        .scratch = malloc(edges * sizeof *seniority->scratch),
        .newcomers = malloc(councils * sizeof *seniority->newcomers),
    };
    if (seniority->since_ms == NULL || seniority->distance == NULL || seniority->votes == NULL || seniority->last == NULL ||
        seniority->next == NULL || seniority->queue == NULL || seniority->dates == NULL || seniority->scratch == NULL ||
        seniority->newcomers == NULL) {
        return KR_NOMEM;
    }
    memset(seniority->distance, 0xFF, councils * sizeof *seniority->distance);
    memset(seniority->last, 0xFF, councils * sizeof *seniority->last);
    return KR_OK;
}

/* Counts what one of them says. A vouch dated before its author was in counts from then, or it could be dated at will. */
static void vote(const struct kr_membership *membership, const struct kr_reached *set, struct kr_seniority *seniority,
                 uint32_t author)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_VOUCH];
    const uint64_t since_ms = seniority->since_ms[author];
    for (uint32_t i = edges->first[author]; i < edges->first[author + 1]; i++) {
        const struct kr_edge *edge = &edges->items[i];
        if ((edge->is_withdrawn && !set->with_withdrawn) || seniority->distance[edge->to] != KR_NOT_IN ||
            (membership->standing[edge->to] & set->barred) != 0) {
            continue;
        }
        seniority->dates[i] = edge->created_ms > since_ms ? edge->created_ms : since_ms;
        seniority->next[i] = seniority->last[edge->to];
        seniority->last[edge->to] = i;
        if (++seniority->votes[edge->to] == membership->vouches_needed) {
            seniority->newcomers[seniority->newcomer_count++] =
                (struct kr_newcomer){.id = membership->ids[edge->to], .number = edge->to};
        }
    }
}

/* When it had as many as it needs: more of them never make it later. */
static uint64_t date_of(const struct kr_membership *membership, struct kr_seniority *seniority, uint32_t number)
{
    uint32_t count = 0;
    for (uint32_t i = seniority->last[number]; i != UINT32_MAX; i = seniority->next[i]) {
        seniority->scratch[count++] = seniority->dates[i];
    }
    qsort(seniority->scratch, count, sizeof *seniority->scratch, compare_dates);
    return seniority->scratch[membership->vouches_needed - 1];
}

/* Whether a quorum of those who stand before it has expelled it. Whoever stands level with it does not: neither was there first. */
static bool is_muted(const struct kr_membership *membership, const struct kr_seniority *seniority,
                     const struct kr_newcomer *newcomer, uint32_t distance)
{
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    uint32_t votes = 0;
    for (uint32_t i = edges->first[newcomer->number]; i < edges->first[newcomer->number + 1]; i++) {
        const struct kr_edge *edge = &edges->items[i];
        const bool is_before = seniority->distance[edge->from] < distance || (seniority->distance[edge->from] == distance &&
                                                                              seniority->since_ms[edge->from] < newcomer->since_ms);
        votes += !edge->is_withdrawn && is_before;
    }
    return votes >= membership->quorum;
}

static void let_in(const struct kr_membership *membership, struct kr_seniority *seniority, uint32_t distance, bool mutes)
{
    for (uint32_t i = 0; i < seniority->newcomer_count; i++) {
        seniority->newcomers[i].since_ms = date_of(membership, seniority, seniority->newcomers[i].number);
    }
    qsort(seniority->newcomers, seniority->newcomer_count, sizeof *seniority->newcomers, compare_newcomers);
    for (uint32_t i = 0; i < seniority->newcomer_count && seniority->count < KR_COMMUNITY_COUNCILS_MAX; i++) {
        const struct kr_newcomer *newcomer = &seniority->newcomers[i];
        if (!mutes || !is_muted(membership, seniority, newcomer, distance)) {
            seniority->since_ms[newcomer->number] = newcomer->since_ms;
            seniority->distance[newcomer->number] = distance;
            seniority->queue[seniority->count++] = newcomer->number;
        }
    }
}

enum kr_err kr_seniority_work_out(const struct kr_membership *membership, const struct kr_reached *set, bool mutes,
                                  struct kr_seniority *ret_seniority)
{
    struct kr_seniority *seniority = ret_seniority;
    enum kr_err err = init(seniority, membership);
    if (err != KR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < membership->council_count; i++) {
        if ((membership->standing[i] & (KR_IS_FOUNDER | set->barred)) == KR_IS_FOUNDER) {
            seniority->distance[i] = 0;
            seniority->queue[seniority->count++] = i;
        }
    }
    for (uint32_t at = 0, distance = 1; at < seniority->count; distance++) {
        const uint32_t end = seniority->count;
        seniority->newcomer_count = 0;
        for (; at < end; at++) {
            vote(membership, set, seniority, seniority->queue[at]);
        }
        let_in(membership, seniority, distance, mutes);
    }
    return KR_OK;
}
