/* A simulated country: many nodes in one process (tests/sim/large.h), and what a bench asks about the way of one record. */
#ifndef KR_BENCH_MANY_H
#define KR_BENCH_MANY_H

#include "tests/sim/world.h"

enum many_shape { MANY_RANDOM /* every node has 8 links */, MANY_JAPAN /* prefectures and municipalities */ };

struct many {
    struct sim_world *world;
    uint32_t count;
    uint32_t members;       /* the first so many can be authors: everybody holds their cards */
    uint32_t *parents;      /* of each node its prefecture */
    uint32_t *numbers;      /* places in the country → nodes: municipalities stand in a random order */
    uint32_t *by_council;   /* nodes, ascending by council id */
    uint64_t *arrived_ms;   /* per node, of the record that is watched; UINT64_MAX: not yet */
    uint32_t arrived_count; /* that have it */
    char title[64];         /* of that record */
};

/* `members` of the nodes are in one community, and only their cards are everywhere; all others hold and share what is CLEAR. */
void many_init(struct many *many, uint32_t count, uint32_t members, uint64_t seed);
void many_deinit(struct many *many);
void many_draw_edges(const struct many *many, enum many_shape shape, struct kr_rng *rng, struct sim_edges *ret_edges);
void many_wire(struct many *many, const struct sim_edges *edges);
void many_run(struct many *many, uint64_t ms);

/* Pages that watching clients get are looked at: who has the record, and since when. */
void many_watch(struct many *many);
struct many_way {
    uint64_t begin_ms, end_ms; /* virtual: submitted; the last of those expected has it */
    double payloads;           /* copies that one node received, on average, a second long behind the last arrival */
    double frame_bytes;        /* of all sorts, that one node received meanwhile */
    uint32_t hops;             /* of the longest way that a record went */
};
/* One record from `author`, until `expected` nodes have it (or ten seconds have passed). */
struct many_way many_send(struct many *many, uint32_t author, enum kr_label label, uint32_t expected);

/* ret_distance[node] from one node, UINT32_MAX where there is no way; mute links do not count. Returns how many can be reached,
 * itself included. */
uint32_t many_distances(const struct many *many, uint32_t from, uint32_t *ret_distance);
uint32_t many_diameter(const struct many *many);

/* Memory: what this process alone has, and what its stores take on tmpfs. */
uint64_t many_anonymous_bytes(void);
uint64_t many_store_bytes(const struct many *many);

#endif
