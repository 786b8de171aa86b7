#include "node/core/seniority.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/reached.h"

struct accused {
    uint64_t since_ms;
    uint32_t council, votes; /* by who is nearer to the founders */
};

/* What is worked out: the set, and those at the distance that is looked at, in the queue from `begin` to `end`. */
struct working {
    const struct kr_membership *membership;
    const struct kr_reached *set;
    struct kr_seniority *seniority;
    uint32_t distance, begin, end;
    uint32_t *suspects; /* who has been expelled by as many as a quorum takes, whoever they are */
    uint32_t suspect_count;
    struct accused *accused; /* room for as many */
};

void kr_seniority_deinit(struct kr_seniority *seniority)
{
    free(seniority->distance);
    free(seniority->queue);
    free(seniority->votes);
    free(seniority->since_ms);
    free(seniority->asked);
    free(seniority->least);
}

static enum kr_err init(struct kr_seniority *seniority, const struct kr_membership *membership)
{
    const size_t councils = (size_t)membership->council_count + 1;
    *seniority = (struct kr_seniority){
        .council_count = membership->council_count,
        .distance = malloc(councils * sizeof *seniority->distance),
        .queue = malloc(councils * sizeof *seniority->queue),
        .votes = calloc(councils, sizeof *seniority->votes),
    };
    if (seniority->distance == NULL || seniority->queue == NULL || seniority->votes == NULL) {
        return KR_NOMEM;
    }
    memset(seniority->distance, 0xFF, councils * sizeof *seniority->distance);
    return KR_OK;
}

/* ---- dates ---- */

/* Puts a date among the `needed` least, of which there are `*count` so far: a heap, the latest first. */
static void keep_least(uint64_t *least, uint32_t *count, uint32_t needed, uint64_t date_ms)
{
    uint32_t at = 0;
    if (*count < needed) {
        for (at = (*count)++; at > 0 && least[(at - 1) / 2] < date_ms; at = (at - 1) / 2) {
            least[at] = least[(at - 1) / 2];
        }
    } else if (date_ms < least[0]) {
        for (uint32_t child = 1; child < needed; at = child, child = 2 * at + 1) {
            child += child + 1 < needed && least[child + 1] > least[child];
            if (least[child] <= date_ms) {
                break;
            }
            least[at] = least[child];
        }
    } else {
        return;
    }
    least[at] = date_ms;
}

static bool is_of_nearer(const struct working *working, const struct kr_edge *edge)
{
    const uint32_t *distance = working->seniority->distance;
    return (!edge->is_withdrawn || working->set->with_withdrawn) && distance[edge->from] < distance[edge->to];
}

/* When it had as many vouches as it needs of those who are nearer to the founders, all of whom have dates. More of them never make
 * it later. A vouch dated before its author was in counts from then, or it could be dated at will. */
static uint64_t date_of(const struct working *working, uint32_t council)
{
    const struct kr_seniority *seniority = working->seniority;
    const struct kr_edges *edges = &working->membership->vouches_for;
    uint32_t count = 0;
    for (uint32_t i = edges->first[council]; i < edges->first[council + 1]; i++) {
        const struct kr_edge *edge = &edges->items[i];
        if (is_of_nearer(working, edge)) {
            const uint64_t since_ms = seniority->since_ms[edge->from];
            keep_least(seniority->least, &count, working->membership->vouches_needed,
                       edge->created_ms > since_ms ? edge->created_ms : since_ms);
        }
    }
    return seniority->distance[council] == 0 ? 0 : seniority->least[0];
}

/* Its date, and before it those of whom it stands on: each once, whoever asks. After `prepare_dates`. */
static uint64_t since_of(const struct working *working, uint32_t council)
{
    const struct kr_edges *edges = &working->membership->vouches_for;
    struct kr_asked *asked = working->seniority->asked;
    uint64_t *since_ms = working->seniority->since_ms;
    uint32_t depth = 0;
    if (since_ms[council] == KR_NOT_SINCE) {
        asked[depth++] = (struct kr_asked){council, edges->first[council]};
    }
    while (depth > 0) {
        struct kr_asked *last = &asked[depth - 1];
        if (last->at == edges->first[last->council + 1]) {
            since_ms[last->council] = date_of(working, last->council);
            depth--;
            continue;
        }
        const struct kr_edge *edge = &edges->items[last->at++];
        if (is_of_nearer(working, edge) && since_ms[edge->from] == KR_NOT_SINCE) {
            asked[depth++] = (struct kr_asked){edge->from, edges->first[edge->from]};
        }
    }
    return since_ms[council];
}

static enum kr_err prepare_dates(struct kr_seniority *seniority, const struct kr_membership *membership)
{
    const size_t councils = (size_t)membership->council_count + 1;
    if (seniority->since_ms == NULL) {
        seniority->since_ms = malloc(councils * sizeof *seniority->since_ms);
        seniority->asked = malloc(councils * sizeof *seniority->asked);
        seniority->least = calloc(membership->vouches_needed, sizeof *seniority->least);
        if (seniority->since_ms == NULL || seniority->asked == NULL || seniority->least == NULL) {
            return KR_NOMEM;
        }
        memset(seniority->since_ms, 0xFF, councils * sizeof *seniority->since_ms);
    }
    return KR_OK;
}

/* ---- one distance ---- */

/* Few have their say: who has enough then is seen as it is counted. */
static void vote_few(struct working *working, uint32_t at)
{
    const struct kr_membership *membership = working->membership;
    const struct kr_edges *edges = &membership->words[KR_WORD_VOUCH];
    struct kr_seniority *seniority = working->seniority;
    for (; at < working->begin; at++) {
        const uint32_t author = seniority->queue[at], last = edges->first[author + 1];
        for (uint32_t i = edges->first[author]; i < last; i++) {
            const struct kr_edge *edge = &edges->items[i];
            const uint32_t to = edge->to;
            seniority->votes[to] += (edge->is_withdrawn ^ 1u) | working->set->with_withdrawn;
            if (seniority->votes[to] == membership->vouches_needed && seniority->distance[to] == KR_NOT_IN &&
                (membership->standing[to] & working->set->barred) == 0) {
                seniority->distance[to] = working->distance;
                seniority->queue[working->end++] = to;
            }
        }
    }
}

/* Where many have theirs it is quicker to count alone, and to look at all councils afterwards; neither makes jumps that depend on
 * who vouches for whom. */
static void vote_many(struct working *working, uint32_t at)
{
    const struct kr_membership *membership = working->membership;
    const struct kr_edge *items = membership->words[KR_WORD_VOUCH].items;
    const uint32_t *first = membership->words[KR_WORD_VOUCH].first;
    const uint32_t needed = membership->vouches_needed, with_withdrawn = working->set->with_withdrawn;
    uint32_t *votes = working->seniority->votes, *queue = working->seniority->queue, *distance = working->seniority->distance;
    for (; at < working->begin; at++) {
        const uint32_t last = first[queue[at] + 1];
        for (uint32_t i = first[queue[at]]; i < last; i++) {
            votes[items[i].to] += (items[i].is_withdrawn ^ 1u) | with_withdrawn;
        }
    }
    uint32_t end = working->end;
    for (uint32_t i = 0; i < membership->council_count; i++) {
        queue[end] = i;
        end += (votes[i] >= needed) & (distance[i] == KR_NOT_IN) & ((membership->standing[i] & working->set->barred) == 0);
    }
    for (uint32_t i = working->end; i < end; i++) {
        distance[queue[i]] = working->distance;
    }
    working->end = end;
}

/* How many have expelled it who are nearer to the founders; `ret_level`: who are as far. */
static uint32_t votes_against(const struct working *working, uint32_t council, uint32_t *ret_level)
{
    const struct kr_edges *edges = &working->membership->words[KR_WORD_EXPULSION];
    const struct kr_seniority *seniority = working->seniority;
    uint32_t votes = 0;
    *ret_level = 0;
    for (uint32_t i = edges->first[council]; i < edges->first[council + 1]; i++) {
        const struct kr_edge *edge = &edges->items[i];
        const uint32_t distance = seniority->distance[edge->from];
        votes += !edge->is_withdrawn && distance < working->distance;
        *ret_level += !edge->is_withdrawn && distance == working->distance && edge->from != council;
    }
    return votes;
}

static int compare_accused(const void *a, const void *b)
{
    const struct accused *x = a, *y = b;
    return x->since_ms != y->since_ms ? (x->since_ms < y->since_ms ? -1 : 1) : x->council < y->council ? -1 : 1;
}

/* Whose fate dates decide, the first `count` of the accused, the earliest first: whether those suffice who stand before it. Whoever
 * stands level with it does not count: neither was there first. */
static enum kr_err mute_by_date(const struct working *working, uint32_t count)
{
    struct accused *accused = working->accused;
    const struct kr_edges *edges = &working->membership->words[KR_WORD_EXPULSION];
    struct kr_seniority *seniority = working->seniority;
    enum kr_err err = count > 0 ? prepare_dates(working->seniority, working->membership) : KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        accused[i].since_ms = since_of(working, accused[i].council);
    }
    qsort(accused, count, sizeof *accused, compare_accused);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        const uint32_t council = accused[i].council;
        uint32_t votes = accused[i].votes;
        for (uint32_t j = edges->first[council]; j < edges->first[council + 1]; j++) {
            const struct kr_edge *edge = &edges->items[j];
            votes += !edge->is_withdrawn && seniority->distance[edge->from] == working->distance &&
                     since_of(working, edge->from) < accused[i].since_ms;
        }
        if (votes >= working->membership->quorum) {
            seniority->distance[council] = KR_NOT_IN;
        }
    }
    return err;
}

static bool is_suspect(const struct kr_membership *membership, uint32_t council)
{
    const uint32_t *first = membership->words[KR_WORD_EXPULSION].first;
    return first[council + 1] - first[council] >= membership->quorum;
}

static enum kr_err gather_suspects(struct working *working)
{
    const struct kr_membership *membership = working->membership;
    const struct kr_edges *edges = &membership->words[KR_WORD_EXPULSION];
    const size_t most = edges->count / membership->quorum + 1;
    working->suspects = malloc(most * sizeof *working->suspects);
    working->accused = malloc(most * sizeof *working->accused);
    if (working->suspects == NULL || working->accused == NULL) {
        return KR_NOMEM;
    }
    for (uint32_t i = 0; i < edges->count; i = edges->first[edges->items[i].to + 1]) {
        working->suspects[working->suspect_count] = edges->items[i].to;
        working->suspect_count += is_suspect(membership, edges->items[i].to);
    }
    return KR_OK;
}

/* Those of them who are newcomers; found among whichever are fewer. */
static uint32_t choose_accused(const struct working *working)
{
    const struct kr_seniority *seniority = working->seniority;
    const bool by_suspects = working->suspect_count <= working->end - working->begin;
    const uint32_t *from = by_suspects ? working->suspects : &seniority->queue[working->begin];
    uint32_t count = 0;
    for (uint32_t i = 0; i < (by_suspects ? working->suspect_count : working->end - working->begin); i++) {
        if (by_suspects ? seniority->distance[from[i]] == working->distance : is_suspect(working->membership, from[i])) {
            working->accused[count++] = (struct accused){.council = from[i]};
        }
    }
    return count;
}

/* Takes out of the newcomers whom a quorum of those who stand before them has expelled. Most need no date: those who are nearer
 * suffice, or those who are as far would not either. Who was taken out may come again at a greater distance, where the same stand
 * before it and others with them. */
static enum kr_err mute(struct working *working)
{
    const uint32_t quorum = working->membership->quorum, all = choose_accused(working);
    struct kr_seniority *seniority = working->seniority;
    struct accused *accused = working->accused;
    uint32_t level, count = 0, end = working->begin;
    for (uint32_t i = 0; i < all; i++) {
        accused[i].votes = votes_against(working, accused[i].council, &level);
        if (accused[i].votes >= quorum) {
            seniority->distance[accused[i].council] = KR_NOT_IN;
        }
    }
    for (uint32_t i = 0; i < all; i++) { /* without those who have just been silenced */
        if (accused[i].votes < quorum && votes_against(working, accused[i].council, &level) + level >= quorum) {
            accused[count++] = accused[i];
        }
    }
    enum kr_err err = mute_by_date(working, count);
    for (uint32_t i = working->begin; i < working->end && all > 0; i++) {
        seniority->queue[end] = seniority->queue[i];
        end += seniority->distance[seniority->queue[i]] != KR_NOT_IN;
    }
    working->end = all > 0 ? end : working->end;
    return err;
}

struct newcomer {
    uint64_t since_ms;
    const uint8_t *id;
    uint32_t number;
};

static int compare_newcomers(const void *a, const void *b)
{
    const struct newcomer *x = a, *y = b;
    return x->since_ms != y->since_ms ? (x->since_ms < y->since_ms ? -1 : 1) : memcmp(x->id, y->id, 32);
}

/* Leaves as many of the newcomers as there is room for, the earliest. */
static enum kr_err cut(struct working *working)
{
    struct kr_seniority *seniority = working->seniority;
    const uint32_t count = working->end - working->begin;
    struct newcomer *newcomers = calloc((size_t)count + 1, sizeof *newcomers);
    enum kr_err err = newcomers == NULL ? KR_NOMEM : prepare_dates(working->seniority, working->membership);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        const uint32_t council = seniority->queue[working->begin + i];
        newcomers[i] = (struct newcomer){since_of(working, council), working->membership->ids[council], council};
    }
    if (err == KR_OK) {
        qsort(newcomers, count, sizeof *newcomers, compare_newcomers);
        working->end = KR_COMMUNITY_COUNCILS_MAX;
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t at = working->begin + i, council = newcomers[i].number;
            seniority->queue[at] = council;
            seniority->distance[council] = at < working->end ? working->distance : KR_NOT_IN;
        }
    }
    free(newcomers);
    return err;
}

enum kr_err kr_seniority_work_out(const struct kr_membership *membership, const struct kr_reached *set, bool mutes,
                                  struct kr_seniority *ret_seniority)
{
    struct kr_seniority *seniority = ret_seniority;
    struct working working = {.membership = membership, .set = set, .seniority = seniority};
    const uint32_t few = KR_FEW + membership->council_count / KR_FEW;
    enum kr_err err = init(seniority, membership);
    err = err == KR_OK && mutes ? gather_suspects(&working) : err;
    for (uint32_t i = 0; err == KR_OK && i < membership->council_count; i++) {
        if ((membership->standing[i] & (KR_IS_FOUNDER | set->barred)) == KR_IS_FOUNDER) {
            seniority->distance[i] = 0;
            seniority->queue[working.end++] = i;
        }
    }
    for (uint32_t at = 0; err == KR_OK && at < working.end && working.end < KR_COMMUNITY_COUNCILS_MAX; at = working.begin) {
        working.begin = working.end;
        working.distance++;
        (working.begin - at <= few ? vote_few : vote_many)(&working, at);
        err = working.suspect_count > 0 ? mute(&working) : KR_OK;
        if (err == KR_OK && working.end > KR_COMMUNITY_COUNCILS_MAX) {
            err = cut(&working);
        }
    }
    seniority->count = working.end;
    free(working.suspects);
    free(working.accused);
    return err;
}

bool kr_seniority_may_change(const struct kr_seniority *seniority, enum kr_word word, const struct kr_edge *edge)
{
    if (edge->from >= seniority->council_count || edge->to >= seniority->council_count || edge->from == edge->to) {
        return true; /* nobody knew it; it leaves or comes back */
    }
    const uint32_t from = seniority->distance[edge->from], to = seniority->distance[edge->to];
    if (from == KR_NOT_IN) {
        return false;
    }
    /* Founders stand before all; of one distance who is earlier is asked of accusers, not of vouchers. */
    return word == KR_WORD_VOUCH ? from < to : to != 0 && from <= to;
}
