#include "sketching.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/session.h"
#include "limits.h"
#include "proto/wire/wire.h"
#include "sketch.h"
#include "stock.h"

#define KEPT_SYMBOLS  4096u
#define FIRST_SYMBOLS 32u
#define FRAME_SYMBOLS 2400u /* as many as go into 64 KiB */
/* Session number, authentication, [type, …]. */
#define FRAME_BYTES (1u + KR_SESSION_ID_BYTES + KR_SESSION_OVERHEAD_BYTES + 2u)
#define ROOT_BYTES  200u /* ping and pong come first */
#define READ_IDS    1024u

static const uint8_t key[KR_SHORT_KEY_BYTES] = {1};
static struct symbol symbols[2][SKETCH_SYMBOLS_MAX];

/* `sketch` NULL: reads only. Returns how many ids there are. */
static uint64_t build(struct pair *pair, uint32_t node, struct sketch *sketch)
{
    static uint8_t ids[READ_IDS][32];
    struct kr_txn *txn = NULL;
    uint64_t at = 0;
    uint32_t count = 0;
    BENCH_MUST(kr_store_read_begin(pair_store(pair, node), &txn) == KR_OK);
    do {
        BENCH_MUST(kr_store_scope_read(txn, &stock_scope, at, ids, READ_IDS, &count) == KR_OK);
        for (uint32_t i = 0; i < count && sketch != NULL; i++) {
            sketch_add(sketch, ids[i]);
        }
        at += count;
    } while (count > 0);
    kr_txn_abort(txn);
    return at;
}

/* How many symbols so many differences may need, from how far counts lie apart in the first ones: of d differences, those of symbol
 * i are about d · 2 / (i + 2), with either sign. */
static uint32_t guess(const struct symbol *first, uint32_t count)
{
    double sum = 0, of = 0;
    for (uint32_t i = 1; i < count; i++) {
        const double share = 2.0 / (i + 2), apart = (double)first[i].count - (double)first[0].count * share;
        sum += apart * apart / (share * (1 - share));
        of++;
    }
    return (uint32_t)(1.6 * sum / of) + FIRST_SYMBOLS;
}

static size_t burst(struct unsketch *unsketch, const struct sketch *theirs, const struct sketch *ours, uint32_t count,
                    bool *ret_done)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
    sketch_write(theirs, unsketch->symbol_count, count, &writer);
    BENCH_MUST(kr_writer_finish(&writer) == KR_OK &&
               unsketch_take(unsketch, ours, (struct kr_slice){writer.bytes, writer.len}, ret_done) == KR_OK);
    const size_t bytes = FRAME_BYTES + writer.len;
    kr_writer_deinit(&writer);
    return bytes;
}

void sketching_run(struct pair *pair, uint32_t differences, double *ret_bytes, double *ret_cpu_ms, double *ret_trips)
{
    struct sketch sketches[2];
    struct unsketch unsketch;
    bool is_done = false;
    const uint32_t capacity = differences > KEPT_SYMBOLS / 2 ? SKETCH_SYMBOLS_MAX : KEPT_SYMBOLS;
    for (uint32_t i = 0; i < 2; i++) {
        sketch_init(&sketches[i], key, symbols[i], capacity);
        (void)build(pair, i, &sketches[i]);
    }
    const double begin_us = bench_cpu_us();
    BENCH_MUST(unsketch_init(&unsketch, key, capacity) == KR_OK);
    size_t bytes = ROOT_BYTES;
    uint32_t bursts = 0, wanted = FIRST_SYMBOLS;
    while (!is_done) {
        /* What is asked for: the sender is told so in a frame of its own, but for the first. */
        const uint32_t end = unsketch.symbol_count + wanted < capacity ? unsketch.symbol_count + wanted : capacity;
        bytes += bursts > 0 ? FRAME_BYTES + 4 : 0;
        BENCH_MUST(unsketch.symbol_count < end);
        while (unsketch.symbol_count < end && !is_done) {
            const uint32_t left = end - unsketch.symbol_count;
            bytes += burst(&unsketch, &sketches[0], &sketches[1], left < FRAME_SYMBOLS ? left : FRAME_SYMBOLS, &is_done);
        }
        if (unsketch.symbol_count == FIRST_SYMBOLS) {
            struct symbol first[FIRST_SYMBOLS];
            for (uint32_t i = 0; i < FIRST_SYMBOLS; i++) {
                first[i].count = symbols[0][i].count - symbols[1][i].count;
            }
            wanted = guess(first, FIRST_SYMBOLS);
        } else {
            wanted = unsketch.symbol_count / 8 + FIRST_SYMBOLS;
        }
        bursts++;
    }
    uint32_t theirs = 0;
    for (uint32_t i = 0; i < unsketch.found_count; i++) {
        theirs += unsketch.found[i].is_theirs;
    }
    BENCH_MUST(unsketch.found_count == differences);
    *ret_bytes = (double)(bytes + (size_t)theirs * SKETCH_ID_BYTES + FRAME_BYTES);
    *ret_cpu_ms = (bench_cpu_us() - begin_us) / 1000;
    *ret_trips = bursts; /* roots, and between bursts what is said to them */
    unsketch_deinit(&unsketch);
}

void sketching_say(const struct bench_options *options, struct pair *pair)
{
    struct sketch sketch;
    const double begin_us = bench_cpu_us();
    const uint64_t ids = build(pair, 0, NULL);
    const double read_us = bench_cpu_us();
    sketch_init(&sketch, key, symbols[0], KEPT_SYMBOLS);
    (void)build(pair, 0, &sketch);
    const double built_us = bench_cpu_us();
    const double read_ms = (read_us - begin_us) / 1000, build_ms = (built_us - read_us) / 1000;
    const struct bench_line lines[] = {
        {"reconcile", "sketch: made for a new session", "ms", build_ms, 50, "goal for all CPU of 1,000 spread", 0, false},
        {"reconcile", "sketch: kept, each record and link", "ns", (build_ms - read_ms) * 1e6 / (double)ids,
         1e9 / limit_verify_rate(options->is_small ? 100 : 2000), "an Ed25519 verification", 0, false},
        {"reconcile", "sketch: memory of a link", "B", (double)sizeof symbols[0][0] * KEPT_SYMBOLS, KR_WALK_BYTES_MAX,
         "all walks together", 0, false},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        bench_say(options, &lines[i]);
    }
}
