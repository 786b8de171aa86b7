/* Who is a member of a large community, worked out anew after one statement, beside one reading of all its vouches. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "crypto/hash.h"
#include "node/core/membership.h"

#define FOUNDERS 5u
#define NEEDED   2u
#define QUORUM   3u
#define RUNS     501u

struct bench {
    const struct bench_options *options;
    struct kr_membership membership;
    uint32_t councils, vouches;
    uint64_t date;
    double read_us;
};

static void id_of(uint8_t ret_id[static 32], uint32_t council)
{
    kr_hash(ret_id, "kairan bench council", (const uint8_t *)&council, sizeof council);
}

static void say(struct bench *bench, enum kr_word word, uint32_t from, uint32_t to, bool is_withdrawn)
{
    uint8_t author[32], subject[32];
    id_of(author, from);
    id_of(subject, to);
    BENCH_MUST(kr_membership_put(&bench->membership, word, author, subject, ++bench->date, is_withdrawn) == KR_OK);
}

/* Everybody came in by the vouches of two who were there, who mostly came not long before; the other vouches are between any two.
 */
static void build(struct bench *bench, bool is_dated)
{
    struct kr_rng rng;
    const uint8_t seed[KR_SEED_BYTES] = {7};
    kr_rng_init(&rng, seed);
    kr_membership_init(&bench->membership, NEEDED, QUORUM);
    if (is_dated) {
        kr_membership_date(&bench->membership);
    }
    for (uint32_t i = 0; i < FOUNDERS; i++) {
        uint8_t id[32];
        id_of(id, i);
        BENCH_MUST(kr_membership_found(&bench->membership, id) == KR_OK);
    }
    for (uint32_t council = FOUNDERS; council < bench->councils; council++) {
        const uint32_t newest = council < 40 ? council : 40;
        uint32_t first = council - 1 - (uint32_t)kr_rng_below(&rng, newest), second = (uint32_t)kr_rng_below(&rng, council - 1);
        say(bench, KR_WORD_VOUCH, first, council, false);
        say(bench, KR_WORD_VOUCH, second + (second >= first), council, false);
    }
    const struct kr_edges *edges = &bench->membership.words[KR_WORD_VOUCH];
    while (edges->count < bench->vouches) {
        const uint32_t from = (uint32_t)kr_rng_below(&rng, bench->councils), to = (uint32_t)kr_rng_below(&rng, bench->councils);
        say(bench, KR_WORD_VOUCH, from, to, kr_rng_below(&rng, 10) == 0);
    }
    BENCH_MUST(kr_membership_settle(&bench->membership) == KR_OK);
    BENCH_MUST(kr_membership_count(&bench->membership) == bench->councils);
}

/* Each vouch looked at once, as it lies in memory: how many does each council have that stand? */
static double read_once(struct bench *bench)
{
    static double runs[RUNS];
    const struct kr_edges *edges = &bench->membership.words[KR_WORD_VOUCH];
    uint32_t *votes = calloc(bench->councils, sizeof *votes);
    BENCH_MUST(votes != NULL);
    for (uint32_t run = 0; run < RUNS; run++) {
        const double began_us = bench_cpu_us();
        memset(votes, 0, bench->councils * sizeof *votes);
        for (uint32_t i = 0; i < edges->count; i++) {
            votes[edges->items[i].to] += !edges->items[i].is_withdrawn;
        }
        runs[run] = bench_cpu_us() - began_us;
        BENCH_MUST(votes[bench->councils - 1] < bench->councils);
    }
    free(votes);
    return bench_percentile(runs, RUNS, 50);
}

/* One statement taken in and all sets brought up to date. What it did is undone after each run. */
static void measure(struct bench *bench, const char *name, double goal, enum kr_word word, uint32_t from, uint32_t to,
                    bool is_withdrawn)
{
    static double runs[RUNS];
    BENCH_MUST(kr_membership_settle(&bench->membership) == KR_OK);
    uint32_t changed = 0, before = kr_membership_count(&bench->membership);
    for (uint32_t run = 0; run < RUNS; run++) {
        const double began_us = bench_cpu_us();
        say(bench, word, from, to, is_withdrawn);
        BENCH_MUST(kr_membership_settle(&bench->membership) == KR_OK);
        runs[run] = bench_cpu_us() - began_us;
        changed += kr_membership_count(&bench->membership) != before;
        say(bench, word, from, to, !is_withdrawn);
        BENCH_MUST(kr_membership_settle(&bench->membership) == KR_OK);
        BENCH_MUST(kr_membership_count(&bench->membership) == before);
    }
    BENCH_MUST(changed == RUNS);
    bench_say(bench->options, &(struct bench_line){.bench = "membership",
                                                   .name = name,
                                                   .unit = "us",
                                                   .value = bench_percentile(runs, RUNS, 50),
                                                   .limit = bench->read_us,
                                                   .limit_what = "all vouches read once",
                                                   .goal = goal});
}

/* Where newcomers get what is GREEN from now on, a vouch that lets in is a date more: all are worked out. */
static void measure_dated(struct bench *bench)
{
    const uint32_t newcomer = bench->councils, voucher = bench->councils / 2;
    build(bench, true);
    bench->read_us = read_once(bench);
    say(bench, KR_WORD_VOUCH, 0, newcomer, false);
    say(bench, KR_WORD_VOUCH, voucher, newcomer, true);
    measure(bench, "vouch lets in, dated", 0, KR_WORD_VOUCH, voucher, newcomer, false);
    kr_membership_deinit(&bench->membership);
}

void bench_membership(const struct bench_options *options)
{
    struct bench bench = {
        .options = options, .councils = options->is_small ? 200 : 2000, .vouches = options->is_small ? 2000 : 20000};
    struct bench dated = bench;
    build(&bench, false);
    bench.read_us = read_once(&bench);
    const uint32_t newcomer = bench.councils, voucher = bench.councils / 2, last = bench.councils - 1;
    say(&bench, KR_WORD_VOUCH, 0, newcomer, false);
    say(&bench, KR_WORD_VOUCH, voucher, newcomer, true);
    measure(&bench, "vouch lets in", 3, KR_WORD_VOUCH, voucher, newcomer, false);
    say(&bench, KR_WORD_VOUCH, voucher, newcomer, false);
    BENCH_MUST(kr_membership_settle(&bench.membership) == KR_OK);
    measure(&bench, "vouch withdrawn", 3, KR_WORD_VOUCH, voucher, newcomer, true);
    measure(&bench, "council leaves", 3, KR_WORD_EXPULSION, newcomer, newcomer, false);
    for (uint32_t i = 1; i < QUORUM; i++) {
        say(&bench, KR_WORD_EXPULSION, i, newcomer, false);
    }
    measure(&bench, "expulsion", 3, KR_WORD_EXPULSION, 0, newcomer, false);
    for (uint32_t i = 2; i < 2 + QUORUM; i++) {
        say(&bench, KR_WORD_EXPULSION, i, 1, i == 2);
    }
    /* Half of the community stood on that vouch or others that did: almost all are looked at again. */
    measure(&bench, "founder expelled", 0, KR_WORD_EXPULSION, 2, 1, false);
    /* And one that decides between two who expel each other. */
    say(&bench, KR_WORD_EXPULSION, newcomer, 0, false);
    for (uint32_t i = 1; i < QUORUM; i++) {
        say(&bench, KR_WORD_EXPULSION, last - i, 0, false);
    }
    measure(&bench, "contested expulsion", 0, KR_WORD_EXPULSION, 0, newcomer, false);
    kr_membership_deinit(&bench.membership);
    measure_dated(&dated);
}
