#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "sketch.h"

#define SYMBOLS 16384u

static const uint8_t key[KR_SHORT_KEY_BYTES] = {1, 2, 3};
static struct symbol ours_symbols[SKETCH_SYMBOLS_MAX], theirs_symbols[SKETCH_SYMBOLS_MAX];

struct pair {
    struct sketch ours, theirs;
    struct unsketch unsketch;
};

static void id_of(uint64_t seed, uint64_t number, uint8_t ret_id[static SKETCH_ID_BYTES])
{
    const uint64_t what[2] = {seed, number};
    uint8_t hash[KR_HASH_BYTES];
    kr_hash(hash, "test sketch id", what, sizeof what);
    memcpy(ret_id, hash, SKETCH_ID_BYTES);
}

/* Elements [0, shared) at both, then `ours` of ours, then `theirs` of theirs. */
static void pair_init(struct pair *pair, uint64_t seed, uint32_t shared, uint32_t ours, uint32_t theirs, uint32_t symbols)
{
    uint8_t id[SKETCH_ID_BYTES];
    sketch_init(&pair->ours, key, ours_symbols, symbols);
    sketch_init(&pair->theirs, key, theirs_symbols, symbols);
    assert_int_equal(unsketch_init(&pair->unsketch, key, symbols), KR_OK);
    for (uint32_t i = 0; i < shared + ours + theirs; i++) {
        id_of(seed, i, id);
        if (i < shared + ours) {
            sketch_add(&pair->ours, id);
        }
        if (i < shared || i >= shared + ours) {
            sketch_add(&pair->theirs, id);
        }
    }
}

static enum kr_err take(struct pair *pair, uint32_t count, bool *ret_done)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 4 * KR_MIB);
    sketch_write(&pair->theirs, pair->unsketch.symbol_count, count, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    enum kr_err err = unsketch_take(&pair->unsketch, &pair->ours, (struct kr_slice){writer.bytes, writer.len}, ret_done);
    kr_writer_deinit(&writer);
    return err;
}

/* Bursts of `burst` symbols until all is found; returns the symbols that it took, 0 where they did not suffice. */
static uint32_t take_until_done(struct pair *pair, uint32_t burst)
{
    bool is_done = false;
    while (!is_done) {
        const uint32_t left = pair->theirs.symbol_count - pair->unsketch.symbol_count;
        if (left == 0) {
            return 0;
        }
        assert_int_equal(take(pair, burst < left ? burst : left, &is_done), KR_OK);
    }
    return pair->unsketch.symbol_count;
}

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, SKETCH_ID_BYTES);
}

static void check_found(struct pair *pair, uint64_t seed, uint32_t shared, uint32_t ours, uint32_t theirs)
{
    assert_int_equal(pair->unsketch.found_count, ours + theirs);
    qsort(pair->unsketch.found, ours + theirs, sizeof pair->unsketch.found[0], compare); /* the id comes first in it */
    for (uint32_t i = 0; i < ours + theirs; i++) {
        uint8_t id[SKETCH_ID_BYTES];
        id_of(seed, shared + i, id);
        const struct difference *found = bsearch(id, pair->unsketch.found, ours + theirs, sizeof *found, compare);
        assert_non_null(found);
        assert_int_equal(found->is_theirs, i >= ours);
    }
}

static void finds_what_differs_on_both_sides(void **state)
{
    (void)state;
    static const struct {
        uint32_t shared, ours, theirs;
    } cases[] = {{0, 0, 0},     {1000, 0, 0},   {0, 1, 0},        {5000, 1, 1},       {5000, 0, 3},      {3000, 7, 0}, {3000, 5, 5},
                 {0, 100, 100}, {2000, 500, 1}, {2000, 500, 500}, {1000, 5000, 5000}, {20000, 0, 10000}, {0, 10000, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair pair;
        pair_init(&pair, i, cases[i].shared, cases[i].ours, cases[i].theirs, SYMBOLS);
        assert_int_not_equal(take_until_done(&pair, 64), 0);
        check_found(&pair, i, cases[i].shared, cases[i].ours, cases[i].theirs);
        unsketch_deinit(&pair.unsketch);
    }
}

static void random_differences_are_found(void **state)
{
    (void)state;
    struct kr_rng rng;
    const uint8_t seed[KR_SEED_BYTES] = {7};
    kr_rng_init(&rng, seed);
    for (uint32_t i = 0; i < 100; i++) {
        struct pair pair;
        const uint32_t shared = (uint32_t)kr_rng_below(&rng, 2000);
        const uint32_t ours = (uint32_t)kr_rng_below(&rng, UINT64_C(1) << kr_rng_below(&rng, 12));
        const uint32_t theirs = (uint32_t)kr_rng_below(&rng, UINT64_C(1) << kr_rng_below(&rng, 12));
        pair_init(&pair, 1000 + i, shared, ours, theirs, SYMBOLS);
        assert_int_not_equal(take_until_done(&pair, 1 + (uint32_t)kr_rng_below(&rng, 200)), 0);
        check_found(&pair, 1000 + i, shared, ours, theirs);
        unsketch_deinit(&pair.unsketch);
    }
}

/* The paper's Figure 5: 1.72 symbols a difference at most, 1.35 for many. */
static void few_symbols_suffice(void **state)
{
    (void)state;
    static const struct {
        uint32_t differences, runs, burst;
        double overhead_max;
    } cases[] = {{1, 200, 1, 1.1}, {10, 200, 1, 1.85}, {100, 50, 1, 1.6}, {1000, 10, 5, 1.45}, {10000, 2, 50, 1.40}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t symbols = 0;
        const uint32_t differences = cases[i].differences;
        for (uint32_t run = 0; run < cases[i].runs; run++) {
            struct pair pair;
            pair_init(&pair, 10000 * (i + 1) + run, 100, differences / 2, differences - differences / 2, SYMBOLS);
            symbols += take_until_done(&pair, cases[i].burst);
            unsketch_deinit(&pair.unsketch);
        }
        const double overhead = (double)symbols / cases[i].runs / differences;
        if (overhead > cases[i].overhead_max || overhead < 1) {
            fail_msg("%u differences take %.3f symbols each", differences, overhead);
        }
    }
}

static void adding_and_removing_leaves_nothing(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t id[SKETCH_ID_BYTES];
    pair_init(&pair, 1, 1000, 500, 0, SYMBOLS);
    for (uint32_t i = 1000; i < 1500; i++) {
        id_of(1, i, id);
        sketch_remove(&pair.ours, id);
    }
    assert_memory_equal(ours_symbols, theirs_symbols, SYMBOLS * sizeof ours_symbols[0]);
    bool is_done = false;
    assert_int_equal(take(&pair, 1, &is_done), KR_OK);
    assert_true(is_done);
    unsketch_deinit(&pair.unsketch);
}

static void another_key_comes_to_no_end(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t id[SKETCH_ID_BYTES];
    const uint8_t other[KR_SHORT_KEY_BYTES] = {9};
    pair_init(&pair, 3, 0, 20, 0, 256);
    sketch_init(&pair.theirs, other, theirs_symbols, 256);
    for (uint32_t i = 0; i < 20; i++) {
        id_of(3, i, id);
        sketch_add(&pair.theirs, id);
    }
    assert_int_equal(take_until_done(&pair, 16), 0);
    for (uint32_t i = 0; i < pair.unsketch.found_count; i++) {
        assert_false(pair.unsketch.found[i].is_theirs); /* only ours are under our key */
    }
    unsketch_deinit(&pair.unsketch);
}

/* A sketch changes about 2 ln(symbols) symbols for an element: that is what keeping it costs. */
static void an_element_is_in_few_symbols(void **state)
{
    (void)state;
    uint64_t sum = 0;
    struct sketch sketch;
    sketch_init(&sketch, key, ours_symbols, 4096);
    for (uint32_t i = 0; i < 4096; i++) {
        uint8_t id[SKETCH_ID_BYTES];
        id_of(4, i, id);
        sketch_add(&sketch, id);
    }
    for (uint32_t i = 0; i < 4096; i++) {
        sum += (uint64_t)ours_symbols[i].count;
        const double expected = 4096 * 2.0 / (i + 2);
        assert_true(i > 100 || ((double)ours_symbols[i].count > expected * 0.6 && (double)ours_symbols[i].count < expected * 1.4));
    }
    assert_in_range(sum / 4096, 14, 17);
}

/* ---- hostile symbols ---- */

static enum kr_err take_bytes(struct pair *pair, uint64_t from, uint64_t elements, const uint8_t *packed, size_t len,
                              const uint64_t *counts, uint32_t count)
{
    struct kr_writer writer;
    bool is_done = false;
    kr_writer_init(&writer, 4 * KR_MIB);
    kr_writer_array(&writer, 4);
    kr_writer_uint(&writer, from);
    kr_writer_uint(&writer, elements);
    kr_writer_bin(&writer, packed, len);
    kr_writer_array(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_uint(&writer, counts[i]);
    }
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    enum kr_err err = unsketch_take(&pair->unsketch, &pair->ours, (struct kr_slice){writer.bytes, writer.len}, &is_done);
    kr_writer_deinit(&writer);
    return err;
}

static void too_many_differences_are_noticed(void **state)
{
    (void)state;
    struct pair pair;
    static const uint8_t packed[24];
    static const uint64_t counts[1];
    pair_init(&pair, 2, 100, 300, 300, 512);
    assert_int_equal(take_until_done(&pair, 512), 0);
    assert_int_equal(take_bytes(&pair, 512, 400, packed, sizeof packed, counts, 1), KR_BOUNDS); /* no room for more */
    unsketch_deinit(&pair.unsketch);
}

static void malformed_symbols_are_refused(void **state)
{
    (void)state;
    struct pair pair;
    static const uint8_t packed[24 * 5];
    static const uint64_t counts[5], vast[1] = {UINT64_MAX};
    bool is_done = true;
    pair_init(&pair, 5, 10, 0, 0, 4);
    assert_int_equal(take_bytes(&pair, 1, 10, packed, 24, counts, 1), KR_MALFORMED); /* not those that follow */
    assert_int_equal(take_bytes(&pair, 0, 10, packed, 48, counts, 1), KR_MALFORMED);
    assert_int_equal(take_bytes(&pair, 0, 10, packed, 25, counts, 1), KR_MALFORMED);
    assert_int_not_equal(take_bytes(&pair, 0, 10, packed, 0, counts, 0), KR_OK);
    assert_int_not_equal(take_bytes(&pair, 0, 10, packed, 24 * 5, counts, 5), KR_OK);
    assert_int_not_equal(take_bytes(&pair, 0, UINT64_MAX, packed, 24, counts, 1), KR_OK);
    assert_int_not_equal(take_bytes(&pair, 0, 10, packed, 24, vast, 1), KR_OK);
    assert_int_not_equal(unsketch_take(&pair.unsketch, &pair.ours, (struct kr_slice){NULL, 0}, &is_done), KR_OK);
    assert_int_equal(pair.unsketch.symbol_count, 0);
    unsketch_deinit(&pair.unsketch);
}

/* One who knows the key can make symbols that each hold one element, and that no set has: each element taken out of one makes
 * others come out of others. It must end. */
static void symbols_of_no_set_end_the_work(void **state)
{
    (void)state;
    enum { COUNT = 4096 };
    static uint8_t packed[COUNT * 24];
    static uint64_t counts[COUNT];
    struct kr_rng rng;
    const uint8_t seed[KR_SEED_BYTES] = {8};
    kr_rng_init(&rng, seed);
    for (uint32_t round = 0; round < 4; round++) {
        struct pair pair;
        pair_init(&pair, 6, 0, 0, 0, COUNT);
        kr_rng_bytes(&rng, packed, sizeof packed);
        for (uint32_t i = 0; i < COUNT; i++) {
            uint8_t *at = packed + i * 24;
            if (round % 2 == 0) {
                memcpy(at, packed, 16); /* one and the same everywhere, though it belongs to a few */
            }
            if (round < 3) {
                kr_hash_short(at + 16, key, at, 16);
            }
            counts[i] = (uint64_t)(i % 2 == 0 ? 2 : 1); /* + 1 and - 1 from what is expected of an empty set */
        }
        enum kr_err err = take_bytes(&pair, 0, 0, packed, sizeof packed, counts, COUNT);
        assert_true(err == KR_OK || err == KR_BOUNDS);
        assert_true(pair.unsketch.found_count <= COUNT);
        unsketch_deinit(&pair.unsketch);
    }
}

static void symbols_that_lie_about_the_number_find_nothing(void **state)
{
    (void)state;
    struct pair pair;
    struct kr_writer writer;
    bool is_done = false;
    pair_init(&pair, 7, 1000, 5, 5, 256);
    kr_writer_init(&writer, KR_MIB);
    theirs_symbols[0].count += 3;
    sketch_write(&pair.theirs, 0, 256, &writer);
    assert_int_equal(unsketch_take(&pair.unsketch, &pair.ours, (struct kr_slice){writer.bytes, writer.len}, &is_done), KR_OK);
    assert_false(is_done);
    kr_writer_deinit(&writer);
    unsketch_deinit(&pair.unsketch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_differs_on_both_sides),
        cmocka_unit_test(random_differences_are_found),
        cmocka_unit_test(few_symbols_suffice),
        cmocka_unit_test(adding_and_removing_leaves_nothing),
        cmocka_unit_test(too_many_differences_are_noticed),
        cmocka_unit_test(another_key_comes_to_no_end),
        cmocka_unit_test(an_element_is_in_few_symbols),
        cmocka_unit_test(malformed_symbols_are_refused),
        cmocka_unit_test(symbols_of_no_set_end_the_work),
        cmocka_unit_test(symbols_that_lie_about_the_number_find_nothing),
    };
    return kr_crypto_init() == KR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
