/* A rateless sketch of a set of ids: from so many of its symbols as there are differences, and a third more, a peer that has most
 * of the set finds the rest, on both sides, without either knowing beforehand how many there are. Source: Yang, Gilad, Alizadeh:
 * Practical Rateless Set Reconciliation, SIGCOMM 2024 (with α = 1/2).
 *
 * An element is the first SKETCH_ID_BYTES of a record's id. Element x is part of symbol 0 and of symbol i with probability
 * 2 / (i + 2), by a sequence that begins with h(x) = SipHash-2-4 of x under the sketch's key, read little-endian:
 *
 *     next random r, 1 … 2^32: one more than the upper half of the next output of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)
 *     from symbol i: t = ⌊(i + 1)(i + 2) · 2^32 / r⌋; the next one is the smallest n with (n + 1)(n + 2) > t
 *
 * A symbol is the xor of its elements, the xor of their h, and their number. The key is secret, one a session: who does not know it
 * cannot choose ids so that decoding fails. A sketch finds differences and proves nothing: that two sets are equal only the digests
 * of their trees say. Pure; no allocation but in the decoder's init. */
#ifndef KR_BENCH_SKETCH_H
#define KR_BENCH_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/hash.h"
#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

#define SKETCH_ID_BYTES    16u
#define SKETCH_SYMBOLS_MAX 32768u

struct symbol {
    uint8_t sum[SKETCH_ID_BYTES]; /* xor of the elements */
    uint64_t check;               /* xor of their h */
    int64_t count;
};

/* ---- our own set, kept up to date: the first symbols of it ---- */
struct sketch {
    uint8_t key[KR_SHORT_KEY_BYTES];
    struct symbol *symbols; /* borrowed */
    uint32_t symbol_count;
};
/* An empty set over caller's storage of `symbol_count` (1 … SKETCH_SYMBOLS_MAX) symbols. */
void sketch_init(struct sketch *sketch, const uint8_t key[static KR_SHORT_KEY_BYTES], struct symbol *symbols,
                 uint32_t symbol_count);
/* Each once: an element that is added twice is as if it were not there. About 2 ln(symbol_count) symbols change. */
void sketch_add(struct sketch *sketch, const uint8_t id[static SKETCH_ID_BYTES]);
void sketch_remove(struct sketch *sketch, const uint8_t id[static SKETCH_ID_BYTES]);

/* ---- on the wire ---- */
/* Symbols [from, from + count), which must be there, as an array of 4: from, number of elements of the set, sums and checks (bin;
 * each 16 bytes and 8 little-endian), and an array with each symbol's count as its distance from 2 · elements / (i + 2), rounded
 * down; distances d as 2d, or -2d - 1 where d is negative. */
void sketch_write(const struct sketch *sketch, uint32_t from, uint32_t count, struct kr_writer *writer);

/* ---- the difference between the peer's set and ours ---- */
struct difference {
    uint8_t id[SKETCH_ID_BYTES];
    bool is_theirs; /* they have it and we do not; else the other way round */
    /* where its sequence has come to */
    uint64_t state;
    uint32_t next;
};
struct unsketch {
    uint8_t key[KR_SHORT_KEY_BYTES];
    uint32_t capacity, symbol_count;
    struct symbol *symbols; /* theirs without ours and without what was found */
    struct difference *found;
    uint32_t found_count;
    uint32_t *queue; /* symbols that may hold one element only */
    uint32_t queue_count;
    uint8_t *is_queued;
};
/* For up to `capacity` symbols (1 … SKETCH_SYMBOLS_MAX) and as many differences. KR_NOMEM. */
enum kr_err unsketch_init(struct unsketch *unsketch, const uint8_t key[static KR_SHORT_KEY_BYTES],
                          uint32_t capacity) KR_WARN_UNUSED;
void unsketch_deinit(struct unsketch *unsketch); /* also half-built */
/* Takes what sketch_write wrote, all of `bytes`: the peer's symbols that follow those taken so far. `own` has the same key and
 * at least so many symbols, and our set must not change from the first to the last. `*ret_done`: unsketch->found is the whole
 * difference. KR_MALFORMED; KR_BOUNDS where there are more symbols than the capacity, or more to be found: nothing is to be got
 * from that peer any more. Whatever the bytes are: at most `capacity` are found, and each changes about 2 ln(capacity) symbols. */
enum kr_err unsketch_take(struct unsketch *unsketch, const struct sketch *own, struct kr_slice bytes,
                          bool *ret_done) KR_WARN_UNUSED;

#endif
