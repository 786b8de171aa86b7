#include "node/core/membership.h"

#include <stdlib.h>
#include <string.h>

/* ---- sets of ids ---- */

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

bool kr_id_set_has(const struct kr_id_set *set, const uint8_t id[static 32])
{
    return set->count > 0 && bsearch(id, set->ids, set->count, 32, compare_ids) != NULL;
}

/* Adds behind the sorted part; the caller sorts when it is done. */
static enum kr_err set_push(struct kr_id_set *set, const uint8_t id[static 32])
{
    if (set->count == set->capacity) {
        uint32_t capacity = set->capacity == 0 ? 16 : set->capacity * 2;
        uint8_t(*ids)[32] = realloc(set->ids, (size_t)capacity * 32);
        if (ids == NULL) {
            return KR_NOMEM;
        }
        set->ids = ids;
        set->capacity = capacity;
    }
    memcpy(set->ids[set->count++], id, 32);
    return KR_OK;
}

/* ---- vouches ---- */

static int compare_edges(const void *a, const void *b)
{
    const struct kr_edge *x = a, *y = b;
    int order = memcmp(x->to, y->to, 32);
    if (order == 0 && x->created_ms != y->created_ms) {
        order = x->created_ms < y->created_ms ? -1 : 1;
    }
    return order != 0 ? order : memcmp(x->from, y->from, 32);
}

/* Where the edge stands, or would. */
static uint32_t edge_slot(const struct kr_community *community, const struct kr_edge *edge)
{
    uint32_t low = 0, high = community->edge_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_edges(&community->edges[middle], edge) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first of those to that council; `edge_count` where there is none. */
uint32_t kr_edge_first(const struct kr_community *community, const uint8_t to[static 32])
{
    struct kr_edge least = {0};
    memcpy(least.to, to, 32);
    uint32_t at = edge_slot(community, &least);
    return at < community->edge_count && memcmp(community->edges[at].to, to, 32) == 0 ? at : community->edge_count;
}

static bool is_same_group(const struct kr_community *community, uint32_t first, uint32_t at)
{
    return at < community->edge_count && memcmp(community->edges[first].to, community->edges[at].to, 32) == 0;
}

const struct kr_edge *kr_edge_find(const struct kr_community *community, const uint8_t from[static 32], const uint8_t to[static 32])
{
    uint32_t first = kr_edge_first(community, to);
    for (uint32_t i = first; is_same_group(community, first, i); i++) {
        if (memcmp(community->edges[i].from, from, 32) == 0) {
            return &community->edges[i];
        }
    }
    return NULL;
}

uint32_t kr_edges_from(const struct kr_community *community, const uint8_t from[static 32])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < community->edge_count; i++) {
        count += memcmp(community->edges[i].from, from, 32) == 0;
    }
    return count;
}

static enum kr_err insert_edge(struct kr_community *community, uint32_t at, const struct kr_edge *edge)
{
    if (community->edge_count == KR_EDGES_MAX) {
        return KR_BOUNDS;
    }
    if (community->edge_count == community->edge_capacity) {
        uint32_t capacity = community->edge_capacity == 0 ? 16 : community->edge_capacity * 2;
        struct kr_edge *edges = realloc(community->edges, capacity * sizeof *edges);
        if (edges == NULL) {
            return KR_NOMEM;
        }
        community->edges = edges;
        community->edge_capacity = capacity;
    }
    memmove(&community->edges[at + 1], &community->edges[at], (community->edge_count++ - at) * sizeof *edge);
    community->edges[at] = *edge;
    community->is_stale = true;
    return KR_OK;
}

enum kr_err kr_edge_put(struct kr_community *community, const struct kr_edge *edge)
{
    const struct kr_edge *old = kr_edge_find(community, edge->from, edge->to);
    if (old != NULL) {
        uint32_t at = (uint32_t)(old - community->edges);
        memmove(&community->edges[at], &community->edges[at + 1], (--community->edge_count - at) * sizeof *edge);
    }
    return insert_edge(community, edge_slot(community, edge), edge);
}

static void sort_edges(struct kr_community *community)
{
    if (community->is_unsorted) {
        qsort(community->edges, community->edge_count, sizeof *community->edges, compare_edges);
        community->is_unsorted = false;
    }
}

enum kr_err kr_edge_append(struct kr_community *community, const struct kr_edge *edge)
{
    community->is_unsorted = true;
    return insert_edge(community, community->edge_count, edge);
}

/* ---- membership ---- */

struct newcomer {
    const uint8_t *id;
    uint32_t first;    /* of the edges to it */
    uint64_t since_ms; /* when it had the vouches that it needed */
};

/* One distance from the founders after the other: who is vouched for by k of those so far is at the next. */
struct count {
    const struct kr_community *community;
    bool with_withdrawn;
    const struct kr_edge **by_from; /* all edges, ascending by from, created_ms, to */
    uint64_t *dates;                /* per edge: when its vouch began to count; UINT64_MAX: it does not */
    uint32_t *votes;                /* per first edge of a council */
    uint64_t *scratch;              /* dates of one council's vouches */
    struct newcomer *members;       /* in order of distance */
    uint32_t member_count;
    struct newcomer *next;
    uint32_t next_count;
};

static int compare_by_from(const void *a, const void *b)
{
    const struct kr_edge *x = *(const struct kr_edge *const *)a, *y = *(const struct kr_edge *const *)b;
    int order = memcmp(x->from, y->from, 32);
    if (order == 0 && x->created_ms != y->created_ms) {
        order = x->created_ms < y->created_ms ? -1 : 1;
    }
    return order != 0 ? order : memcmp(x->to, y->to, 32);
}

static int compare_dates(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int compare_newcomers(const void *a, const void *b)
{
    const struct newcomer *x = a, *y = b;
    int order = compare_dates(&x->since_ms, &y->since_ms);
    return order != 0 ? order : memcmp(x->id, y->id, 32);
}

static void count_deinit(struct count *count)
{
    free(count->by_from);
    free(count->dates);
    free(count->votes);
    free(count->scratch);
    free(count->members);
    free(count->next);
}

static enum kr_err count_init(struct count *count, const struct kr_community *community, bool with_withdrawn)
{
    size_t edges = (size_t)community->edge_count + 1;
    *count = (struct count){.community = community, .with_withdrawn = with_withdrawn};
    count->by_from = malloc(edges * sizeof *count->by_from);
    count->dates = malloc(edges * sizeof *count->dates);
    count->votes = calloc(edges, sizeof *count->votes);
    count->scratch = malloc(edges * sizeof *count->scratch);
    count->members = malloc(KR_COMMUNITY_COUNCILS_MAX * sizeof *count->members);
    count->next = malloc(edges * sizeof *count->next);
    if (count->by_from == NULL || count->dates == NULL || count->votes == NULL || count->scratch == NULL ||
        count->members == NULL || count->next == NULL) {
        return KR_NOMEM;
    }
    for (uint32_t i = 0; i < community->edge_count; i++) {
        count->by_from[i] = &community->edges[i];
        count->dates[i] = UINT64_MAX;
    }
    qsort(count->by_from, community->edge_count, sizeof *count->by_from, compare_by_from);
    for (uint32_t i = 0; i < community->founder_count; i++) {
        uint32_t first = kr_edge_first(community, community->founders[i]);
        count->members[count->member_count++] = (struct newcomer){.id = community->founders[i], .first = first};
        count->votes[first] = community->vouches_needed; /* needs none: never reaches that number again */
    }
    return KR_OK;
}

/* Counts what one member says. A vouch dated before its author was a member counts from then, or it could be dated at will. */
static void count_vouches_of(struct count *count, struct newcomer member)
{
    const struct kr_community *community = count->community;
    uint32_t low = 0, high = community->edge_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(count->by_from[middle]->from, member.id, 32) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (uint32_t i = low; i < community->edge_count && i < low + KR_VOUCHES_MAX; i++) {
        const struct kr_edge *edge = count->by_from[i];
        if (memcmp(edge->from, member.id, 32) != 0) {
            break;
        }
        if (edge->is_withdrawn && !count->with_withdrawn) {
            continue;
        }
        uint32_t first = kr_edge_first(community, edge->to);
        count->dates[edge - community->edges] = edge->created_ms > member.since_ms ? edge->created_ms : member.since_ms;
        if (++count->votes[first] == community->vouches_needed) {
            count->next[count->next_count++] = (struct newcomer){.id = edge->to, .first = first};
        }
    }
}

/* The k-th earliest of the vouches that count: more of them never make it later. */
static uint64_t date_of(struct count *count, uint32_t first)
{
    uint32_t dates = 0;
    for (uint32_t i = first; is_same_group(count->community, first, i); i++) {
        if (count->dates[i] != UINT64_MAX) {
            count->scratch[dates++] = count->dates[i];
        }
    }
    qsort(count->scratch, dates, sizeof *count->scratch, compare_dates);
    return count->scratch[count->community->vouches_needed - 1];
}

static void count_all(struct count *count)
{
    for (uint32_t begin = 0; begin < count->member_count;) {
        uint32_t end = count->member_count;
        count->next_count = 0;
        for (uint32_t i = begin; i < end; i++) {
            count_vouches_of(count, count->members[i]);
        }
        for (uint32_t i = 0; i < count->next_count; i++) {
            count->next[i].since_ms = date_of(count, count->next[i].first);
        }
        qsort(count->next, count->next_count, sizeof *count->next, compare_newcomers);
        for (uint32_t i = 0; i < count->next_count && count->member_count < KR_COMMUNITY_COUNCILS_MAX; i++) {
            count->members[count->member_count++] = count->next[i];
        }
        begin = end;
    }
}

static enum kr_err fixed_point(const struct kr_community *community, bool with_withdrawn, struct kr_id_set *set)
{
    struct count count;
    enum kr_err err = count_init(&count, community, with_withdrawn);
    if (err == KR_OK) {
        count_all(&count);
        set->count = 0;
    }
    for (uint32_t i = 0; i < count.member_count && err == KR_OK; i++) {
        err = set_push(set, count.members[i].id);
    }
    if (err == KR_OK && set->count > 0) {
        qsort(set->ids, set->count, 32, compare_ids);
    }
    count_deinit(&count);
    return err;
}

enum kr_err kr_members_count(struct kr_community *community)
{
    sort_edges(community);
    enum kr_err err = fixed_point(community, false, &community->members);
    community->is_stale = false;
    return err != KR_OK ? err : fixed_point(community, true, &community->ever);
}
