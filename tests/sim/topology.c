#include "tests/sim/topology.h"

#include <stdlib.h>

#include "crypto/err.h"

void sim_edges_free(struct sim_edges *edges)
{
    for (uint32_t i = 0; i < edges->count; i++) {
        free(edges->items[i].ticket);
        free(edges->items[i].wires);
    }
    free(edges->items);
    *edges = (struct sim_edges){0};
}

void sim_edges_add(struct sim_edges *edges, uint32_t a, uint32_t b)
{
    if (edges->count == edges->capacity) {
        edges->capacity = edges->capacity == 0 ? 16 : edges->capacity * 2;
        edges->items = realloc(edges->items, edges->capacity * sizeof *edges->items);
        KR_ASSERT(edges->items != NULL);
    }
    edges->items[edges->count++] = (struct sim_edge){.a = a, .b = b};
}

uint32_t sim_edges_on_time(const struct sim_edges *edges)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < edges->count; i++) {
        count += !edges->items[i].is_late;
    }
    return count;
}

bool sim_edges_have(const struct sim_edges *edges, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < edges->count; i++) {
        const struct sim_edge *edge = &edges->items[i];
        if ((edge->a == a && edge->b == b) || (edge->a == b && edge->b == a)) {
            return true;
        }
    }
    return false;
}

static uint32_t root_of(uint32_t *parents, uint32_t at)
{
    while (parents[at] != at) {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    return at;
}

bool sim_edges_connect(const struct sim_edges *edges, uint32_t node_count)
{
    uint32_t *parents = calloc(node_count, sizeof *parents), parts = node_count;
    KR_ASSERT(parents != NULL);
    for (uint32_t i = 0; i < node_count; i++) {
        parents[i] = i;
    }
    for (uint32_t i = 0; i < edges->count; i++) {
        uint32_t a = root_of(parents, edges->items[i].a), b = root_of(parents, edges->items[i].b);
        parts -= a != b;
        parents[a] = b;
    }
    free(parents);
    return parts == 1;
}

void sim_edges_chain(struct sim_edges *edges, uint32_t node_count)
{
    for (uint32_t i = 1; i < node_count; i++) {
        sim_edges_add(edges, i - 1, i);
    }
}

void sim_edges_ring(struct sim_edges *edges, uint32_t node_count)
{
    sim_edges_chain(edges, node_count);
    if (node_count > 2) {
        sim_edges_add(edges, node_count - 1, 0);
    }
}

void sim_edges_star(struct sim_edges *edges, uint32_t node_count)
{
    for (uint32_t i = 1; i < node_count; i++) {
        sim_edges_add(edges, 0, i);
    }
}

/* Pairs ends at random; a pair that may not be is exchanged with another one's end until it may. `has` has a bit for each pair. */
static bool pair_ends(struct sim_edges *edges, uint32_t *ends, uint32_t end_count, uint32_t node_count, uint8_t *has,
                      struct kr_rng *rng)
{
    for (uint32_t left = end_count; left > 1;) {
        bool is_found = false;
        for (uint32_t tries = 0; tries < 64 && !is_found; tries++) {
            uint32_t at = (uint32_t)kr_rng_below(rng, left - 1), a = ends[left - 1], b = ends[at];
            size_t bit = a < b ? (size_t)a * node_count + b : (size_t)b * node_count + a;
            if (a == b || (has[bit / 8] >> (bit % 8) & 1) != 0) {
                continue;
            }
            has[bit / 8] |= (uint8_t)(1u << (bit % 8));
            sim_edges_add(edges, a, b);
            ends[at] = ends[left - 2];
            left -= 2;
            is_found = true;
        }
        if (!is_found) {
            return false;
        }
    }
    return true;
}

void sim_edges_regular(struct sim_edges *edges, uint32_t node_count, uint32_t degree, struct kr_rng *rng)
{
    KR_ASSERT(degree >= 2 && degree < node_count && edges->count == 0);
    uint32_t end_count = node_count * degree, *ends = calloc(end_count, sizeof *ends);
    size_t bytes = ((size_t)node_count * node_count + 7) / 8;
    KR_ASSERT(ends != NULL);
    bool is_good = false;
    while (!is_good) {
        uint8_t *has = calloc(1, bytes);
        KR_ASSERT(has != NULL);
        sim_edges_free(edges);
        for (uint32_t i = 0; i < end_count; i++) {
            ends[i] = i / degree;
        }
        is_good = pair_ends(edges, ends, end_count, node_count, has, rng) && sim_edges_connect(edges, node_count);
        free(has);
    }
    free(ends);
}
