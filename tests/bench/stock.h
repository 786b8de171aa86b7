/* What the two stores of a pair hold: a million records that are never moved, and differences that are. */
#ifndef KR_BENCH_STOCK_H
#define KR_BENCH_STOCK_H

#include "pair.h"

/* All of them are TLP:CLEAR: this scope. */
extern const struct kr_scope stock_scope;

struct stock {
    struct pair *pair;
    uint64_t begin_ms, end_ms;   /* creation times of those at both */
    uint64_t recent_ms;          /* of the newest difference so far */
    uint64_t count, differences; /* records made, of either sort */
};
/* `count` records at both, about 500 an hour of creation time, expiring 90 days after that. They have made-up ids and bodies of a
 * byte: nobody asks for them. Leaves room in time for recent ones behind them. */
void stock_fill(struct stock *stock, struct pair *pair, uint32_t count);
/* `count` real records, in turn at the one node and at the other: `is_recent`: the newest of all by their time, 500 an hour; else
 * spread over all of it. */
void stock_add(struct stock *stock, uint32_t count, bool is_recent);

#endif
