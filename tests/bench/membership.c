/* Who is a member of a large community, worked out anew after one statement, beside one reading of all its vouches. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "crypto/hash.h"
#include "node/core/membership.h"
#include "node/core/seniority.h"

#define FOUNDERS 5u
#define NEEDED   2u
#define QUORUM   3u
#define RUNS     501u
#define DETOUR   30u /* councils that lead back to the early ones, one behind the other … */
#define EARLY    45u /* … which are those below that number */

struct bench {
    const struct bench_options *options;
    struct kr_membership membership;
    uint32_t councils, vouches;
    uint64_t date;
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

/* Each vouch looked at once, as it lies in memory: how many does each council have that stand? In us. */
static double read_once(const struct bench *bench)
{
    static uint32_t votes[KR_COMMUNITY_COUNCILS_MAX + 1];
    const struct kr_edges *edges = &bench->membership.words[KR_WORD_VOUCH];
    const double began_us = bench_cpu_us();
    memset(votes, 0, bench->membership.council_count * sizeof *votes);
    for (uint32_t i = 0; i < edges->count; i++) {
        votes[edges->items[i].to] += !edges->items[i].is_withdrawn;
    }
    const double took_us = bench_cpu_us() - began_us;
    BENCH_MUST(votes[bench->councils - 1] < bench->councils);
    return took_us;
}

/* One statement taken in and all sets brought up to date, over and over; what it does is undone in between. `is_fresh`: all is
 * worked out anew before each, as when a node starts, so that founders stand first again. */
struct saying {
    const char *name;
    enum kr_word word;
    uint32_t from, to;
    bool is_withdrawn, is_fresh;
};

static void settle(struct bench *bench)
{
    BENCH_MUST(kr_membership_settle(&bench->membership) == KR_OK);
}

static void begin_anew(struct bench *bench)
{
    uint8_t founder[32];
    id_of(founder, 0);
    BENCH_MUST(kr_membership_found(&bench->membership, founder) == KR_OK);
    settle(bench);
}

/* Runs and readings took turns: the processor's pace changes. */
static void say_result(const struct bench *bench, const char *name, double *runs, double *readings)
{
    bench_say(bench->options, &(struct bench_line){.bench = "membership",
                                                   .name = name,
                                                   .unit = "us",
                                                   .value = bench_percentile(runs, RUNS, 50),
                                                   .limit = bench_percentile(readings, RUNS, 50),
                                                   .limit_what = "all vouches read once",
                                                   .goal = 3});
}

static void measure(struct bench *bench, const struct saying *saying)
{
    static double runs[RUNS], readings[RUNS];
    settle(bench);
    const uint32_t before = kr_membership_count(&bench->membership);
    for (uint32_t run = 0; run < RUNS; run++) {
        if (saying->is_fresh) {
            begin_anew(bench);
        }
        const double began_us = bench_cpu_us();
        say(bench, saying->word, saying->from, saying->to, saying->is_withdrawn);
        settle(bench);
        runs[run] = bench_cpu_us() - began_us;
        BENCH_MUST(kr_membership_count(&bench->membership) != before);
        say(bench, saying->word, saying->from, saying->to, !saying->is_withdrawn);
        settle(bench);
        BENCH_MUST(kr_membership_count(&bench->membership) == before);
        readings[run] = read_once(bench);
    }
    say_result(bench, saying->name, runs, readings);
}

/* What concerns one council. */
static void measure_ordinary(struct bench *bench, uint32_t newcomer)
{
    const uint32_t voucher = bench->councils / 2;
    say(bench, KR_WORD_VOUCH, 0, newcomer, false);
    say(bench, KR_WORD_VOUCH, voucher, newcomer, true);
    measure(bench, &(struct saying){"vouch lets in", KR_WORD_VOUCH, voucher, newcomer, false, false});
    say(bench, KR_WORD_VOUCH, voucher, newcomer, false);
    measure(bench, &(struct saying){"vouch withdrawn", KR_WORD_VOUCH, voucher, newcomer, true, false});
    measure(bench, &(struct saying){"council leaves", KR_WORD_EXPULSION, newcomer, newcomer, false, false});
    for (uint32_t i = 1; i < QUORUM; i++) {
        say(bench, KR_WORD_EXPULSION, i, newcomer, false);
    }
    measure(bench, &(struct saying){"expulsion", KR_WORD_EXPULSION, 0, newcomer, false, false});
}

/* Almost everybody stands on the vouches of that founder, or of others that do, and goes. Then there is a longer way on which they
 * come in again. */
static void measure_founder(struct bench *bench, uint32_t newcomer)
{
    for (uint32_t i = 2; i < 2 + QUORUM; i++) {
        say(bench, KR_WORD_EXPULSION, i, 1, i == 2);
    }
    measure(bench, &(struct saying){"founder expelled, most go", KR_WORD_EXPULSION, 2, 1, false, true});
    for (uint32_t i = 0; i < DETOUR; i++) {
        say(bench, KR_WORD_VOUCH, i == 0 ? 2 : newcomer + i, newcomer + i + 1, false);
        say(bench, KR_WORD_VOUCH, 3, newcomer + i + 1, false);
    }
    for (uint32_t i = FOUNDERS; i < EARLY; i++) {
        say(bench, KR_WORD_VOUCH, newcomer + DETOUR - 1, i, false);
        say(bench, KR_WORD_VOUCH, newcomer + DETOUR, i, false);
    }
    measure(bench, &(struct saying){"founder expelled, most return", KR_WORD_EXPULSION, 2, 1, false, true});
}

/* Those at the distance from the founders at which most are: as many as two quorums. */
static void choose_level(struct bench *bench, uint32_t ret_level[static 2 * QUORUM])
{
    struct kr_seniority seniority;
    BENCH_MUST(kr_seniority_work_out(&bench->membership, &bench->membership.sets[KR_SET_VOICES], false, &seniority) == KR_OK);
    uint32_t begin = 0, end = 0;
    for (uint32_t i = 0, first = 0; i < seniority.count; i++) {
        first = seniority.distance[seniority.queue[i]] == seniority.distance[seniority.queue[first]] ? first : i;
        if (i + 1 - first > end - begin) {
            begin = first;
            end = i + 1;
        }
    }
    BENCH_MUST(end - begin >= 2 * QUORUM);
    for (uint32_t i = 0; i < 2 * QUORUM; i++) {
        ret_level[i] = seniority.queue[end - 1 - i];
    }
    kr_seniority_deinit(&seniority);
}

/* Two quorums of one distance expel each other, so that dates tell who was there first: half of the council's vouches are looked at
 * once more for these. */
static void measure_dates_decide(struct bench *bench)
{
    uint32_t level[2 * QUORUM];
    choose_level(bench, level);
    for (uint32_t i = 0; i < QUORUM; i++) {
        for (uint32_t j = QUORUM; j < 2 * QUORUM; j++) {
            say(bench, KR_WORD_EXPULSION, level[i], level[j], false);
            say(bench, KR_WORD_EXPULSION, level[j], level[i], false);
        }
    }
    settle(bench);
    /* The side that prevails: one of its expulsions less, and one is in again whom it keeps out. */
    uint8_t id[32];
    id_of(id, level[0]);
    const uint32_t mine = (kr_membership_standing(&bench->membership, id) & KR_IS_MEMBER) != 0 ? level[0] : level[QUORUM];
    const uint32_t other = mine == level[0] ? level[QUORUM] : level[0];
    say(bench, KR_WORD_EXPULSION, mine, other, true);
    measure(bench, &(struct saying){"contested, dates decide", KR_WORD_EXPULSION, mine, other, false, false});
}

/* One expulsion decides between two that expel each other; others go on meanwhile. */
static void measure_contested(struct bench *bench, uint32_t newcomer)
{
    const uint32_t last = bench->councils - 1, other = newcomer + DETOUR + 1;
    say(bench, KR_WORD_EXPULSION, newcomer, 0, false);
    for (uint32_t i = 1; i < QUORUM; i++) {
        say(bench, KR_WORD_EXPULSION, last - i, 0, false);
    }
    measure(bench, &(struct saying){"contested expulsion", KR_WORD_EXPULSION, 0, newcomer, false, false});
    say(bench, KR_WORD_EXPULSION, 0, newcomer, false);
    say(bench, KR_WORD_VOUCH, 0, other, false);
    say(bench, KR_WORD_VOUCH, 4, other, true);
    measure(bench, &(struct saying){"vouch lets in, contested", KR_WORD_VOUCH, 4, other, false, false});
    measure(bench, &(struct saying){"founder expelled, contested", KR_WORD_EXPULSION, 2, 1, false, true});
    /* Who stands before whom and who is a member: two sets change much, and both are worked out. */
    say(bench, KR_WORD_EXPULSION, newcomer, 1, false);
    measure(bench, &(struct saying){"contest ends, founder expelled", KR_WORD_EXPULSION, 0, newcomer, true, true});
    say(bench, KR_WORD_EXPULSION, newcomer, 1, true);
    measure_dates_decide(bench);
}

/* The vouch by which the first came in who is no founder is withdrawn: as good as all stood on it, and get later dates. */
static void measure_old_vouch(struct bench *bench)
{
    static double runs[RUNS], readings[RUNS];
    struct kr_membership *membership = &bench->membership;
    const struct kr_edge edge = membership->vouches_for.items[membership->vouches_for.first[FOUNDERS]];
    uint8_t from[32], to[32];
    id_of(from, edge.from);
    id_of(to, edge.to);
    BENCH_MUST(edge.to == FOUNDERS && !edge.is_withdrawn);
    for (uint32_t run = 0; run < RUNS; run++) {
        const uint64_t before_ms = kr_membership_since(membership, to);
        const double began_us = bench_cpu_us();
        BENCH_MUST(kr_membership_put(membership, KR_WORD_VOUCH, from, to, edge.created_ms, true) == KR_OK);
        settle(bench);
        runs[run] = bench_cpu_us() - began_us;
        BENCH_MUST(kr_membership_since(membership, to) != before_ms);
        BENCH_MUST(kr_membership_put(membership, KR_WORD_VOUCH, from, to, edge.created_ms, false) == KR_OK);
        settle(bench);
        BENCH_MUST(kr_membership_since(membership, to) == before_ms);
        readings[run] = read_once(bench);
    }
    say_result(bench, "oldest vouch withdrawn, dated", runs, readings);
}

/* Where newcomers get what is GREEN from now on, a vouch that lets in is a date more. */
static void measure_dated(struct bench *bench)
{
    const uint32_t newcomer = bench->councils, voucher = bench->councils / 2;
    build(bench, true);
    say(bench, KR_WORD_VOUCH, 0, newcomer, false);
    say(bench, KR_WORD_VOUCH, voucher, newcomer, true);
    measure(bench, &(struct saying){"vouch lets in, dated", KR_WORD_VOUCH, voucher, newcomer, false, false});
    measure_old_vouch(bench);
    kr_membership_deinit(&bench->membership);
}

void bench_membership(const struct bench_options *options)
{
    struct bench bench = {
        .options = options, .councils = options->is_small ? 200 : 2000, .vouches = options->is_small ? 2000 : 20000};
    struct bench dated = bench;
    const uint32_t newcomer = bench.councils;
    build(&bench, false);
    measure_ordinary(&bench, newcomer);
    measure_founder(&bench, newcomer);
    measure_contested(&bench, newcomer);
    kr_membership_deinit(&bench.membership);
    measure_dated(&dated);
}
