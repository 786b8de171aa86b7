/* What trees cost: in a durable bulk insert of records, and for fresh keys on a million, beside what LMDB alone takes for as many
 * random puts. On a store of the bench's own, in this process, with fsync. */
#include <lmdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "store/store.h"

#define ROUNDS     3u
#define TXN_KEYS   1000u
#define HOUR_KEYS  500u
#define BASE_HOUR  480000u
#define BASE_MONTH 684u
#define NEGENTROPY 28700.0 /* random insertions a second that it makes, as the issue has it */
#define MAP_BYTES  ((size_t)2 << 30)

static const struct kr_scope scope = {.kind = KR_SCOPE_GREEN, .id = {1}};

/* ---- a store ---- */

static struct kr_store *open_store(char ret_path[static 300])
{
    static unsigned serial;
    static const uint8_t storage_key[32] = {1}, term_key[32] = {2};
    struct kr_store *store = NULL;
    struct kr_error error = {{0}};
    (void)snprintf(ret_path, 300, "%s/trees%u", bench_directory(), serial++);
    BENCH_MUST(mkdir(ret_path, 0700) == 0);
    const struct kr_store_options options = {
        .path = ret_path, .storage_key = storage_key, .term_key = term_key, .term_generation = 1, .map_bytes = MAP_BYTES};
    if (kr_store_open(&options, &store, &error) != KR_OK) {
        bench_die("%s", error.text);
    }
    return store;
}

static void close_store(struct kr_store *store, const char *path)
{
    char file[320];
    kr_store_close(store);
    (void)snprintf(file, sizeof file, "%s/data.mdb", path);
    (void)unlink(file);
}

static struct kr_txn *begin(struct kr_store *store)
{
    struct kr_txn *txn = NULL;
    BENCH_MUST(kr_store_write_begin(store, &txn) == KR_OK);
    return txn;
}

/* What an idle node does: the index's runs are merged, as far as there is anything to merge. */
static void merge(struct kr_store *store)
{
    for (bool more = true; more;) {
        struct kr_txn *txn = begin(store);
        BENCH_MUST(kr_store_merge_slice(txn, &more) == KR_OK);
        BENCH_MUST(kr_txn_commit(txn) == KR_OK);
    }
}

/* From a seed: asking the system for each id would be a part of what is measured. */
static struct kr_rng rng;

static struct kr_entry random_entry(uint32_t hour, uint32_t month)
{
    struct kr_entry entry = {.hour = hour, .month = month};
    kr_rng_bytes(&rng, entry.id, sizeof entry.id);
    return entry;
}

/* ---- records with and without ---- */

static void put_record(struct kr_store *store, struct kr_txn *txn, uint64_t number, bool has_tree)
{
    uint8_t bytes[300];
    uint64_t at;
    const struct kr_entry entry = random_entry(BASE_HOUR + (uint32_t)(number / HOUR_KEYS), has_tree ? BASE_MONTH : 0);
    struct kr_head head = {.kind = 1,
                           .indicator_count = 1,
                           .label = KR_TLP_CLEAR,
                           .created_ms = (uint64_t)entry.hour * 3600000u,
                           .expires_s = kr_tree_month_end_s(BASE_MONTH) - 1,
                           .received_ms = (uint64_t)entry.hour * 3600000u};
    struct kr_term_entry term = {.position = 0};
    memcpy(head.id, entry.id, 32);
    kr_rng_bytes(&rng, bytes, sizeof bytes);
    BENCH_MUST(kr_store_record_put(txn, &head, (struct kr_slice){bytes, sizeof bytes}) == KR_OK);
    term.arrival = head.arrival;
    kr_store_term(store, 1, &number, sizeof number, term.term);
    BENCH_MUST(kr_store_terms_put(txn, &term, 1) == KR_OK);
    BENCH_MUST(kr_store_scope_append(txn, &scope, &entry, &at) == KR_OK);
}

/* µs a record, durable. */
static double measure_records(uint32_t count, bool has_tree)
{
    char path[300];
    struct kr_store *store = open_store(path);
    const uint64_t begin_us = bench_now_us();
    for (uint32_t done = 0; done < count;) {
        struct kr_txn *txn = begin(store);
        for (uint32_t i = 0; i < TXN_KEYS && done < count; i++) {
            put_record(store, txn, done++, has_tree);
        }
        if (done == count) {
            BENCH_MUST(kr_store_tree_settle(txn, &scope) == KR_OK);
        }
        BENCH_MUST(kr_txn_commit(txn) == KR_OK);
    }
    const double us = (double)(bench_now_us() - begin_us) / count;
    close_store(store, path);
    return us;
}

static void bench_records(const struct bench_options *options)
{
    const uint32_t count = options->is_small ? 2000 : 50000;
    double with_us[ROUNDS], without_us[ROUNDS];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        without_us[round] = measure_records(count, false);
        with_us[round] = measure_records(count, true);
    }
    bench_say(options, &(struct bench_line){"trees", "durable bulk insert of records, with trees", "us",
                                            bench_percentile(with_us, ROUNDS, 50), bench_percentile(without_us, ROUNDS, 50),
                                            "the same with the scope's log alone", 1.25, false});
}

/* ---- keys onto a million ---- */

enum sort { SORT_FRESH, SORT_HOUR, SORT_RANDOM };

static struct kr_entry next_entry(enum sort sort, uint64_t number, uint32_t base_hours)
{
    static uint32_t rounds;
    rounds += number == 0;
    const uint32_t newest = BASE_HOUR + base_hours * (1 + rounds);
    return random_entry(sort == SORT_FRESH  ? newest + (uint32_t)(number / HOUR_KEYS)
                        : sort == SORT_HOUR ? newest
                                            : BASE_HOUR + (uint32_t)kr_rng_below(&rng, base_hours),
                        BASE_MONTH);
}

static void fill_base(struct kr_store *store, uint32_t count)
{
    uint64_t at;
    for (uint32_t done = 0; done < count;) {
        struct kr_txn *txn = begin(store);
        for (uint32_t i = 0; i < 10 * TXN_KEYS && done < count; i++, done++) {
            const struct kr_entry entry = random_entry(BASE_HOUR + done / HOUR_KEYS, BASE_MONTH);
            BENCH_MUST(kr_store_scope_append(txn, &scope, &entry, &at) == KR_OK);
        }
        BENCH_MUST(kr_txn_commit(txn) == KR_OK);
        merge(store);
    }
}

/* Keys a second, durable, log, trees and index brought up to date. */
static double rate_of_keys(struct kr_store *store, enum sort sort, uint32_t count, uint32_t base_hours)
{
    uint64_t at;
    const uint64_t begin_us = bench_now_us();
    for (uint64_t done = 0; done < count;) {
        struct kr_txn *txn = begin(store);
        for (uint32_t i = 0; i < TXN_KEYS && done < count; i++, done++) {
            const struct kr_entry entry = next_entry(sort, done, base_hours);
            BENCH_MUST(kr_store_scope_append(txn, &scope, &entry, &at) == KR_OK);
        }
        if (done == count) {
            BENCH_MUST(kr_store_tree_settle(txn, &scope) == KR_OK);
        }
        BENCH_MUST(kr_txn_commit(txn) == KR_OK);
    }
    merge(store);
    return count * 1e6 / (double)(bench_now_us() - begin_us);
}

/* ---- LMDB alone ---- */

struct plain {
    MDB_env *env;
    MDB_dbi dbi;
    char path[300];
};

static int compare_keys(const void *left, const void *right)
{
    return memcmp(left, right, 32);
}

static void plain_open(struct plain *plain, uint32_t count)
{
    static unsigned serial;
    MDB_txn *txn;
    uint8_t(*keys)[32] = malloc((size_t)count * 32);
    BENCH_MUST(keys != NULL);
    kr_rng_bytes(&rng, keys, (size_t)count * 32);
    qsort(keys, count, 32, compare_keys);
    (void)snprintf(plain->path, sizeof plain->path, "%s/plain%u", bench_directory(), serial++);
    BENCH_MUST(mkdir(plain->path, 0700) == 0 && mdb_env_create(&plain->env) == 0 &&
               mdb_env_set_mapsize(plain->env, MAP_BYTES) == 0 && mdb_env_set_maxdbs(plain->env, 2) == 0 &&
               mdb_env_open(plain->env, plain->path, 0, 0600) == 0);
    BENCH_MUST(mdb_txn_begin(plain->env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, "keys", MDB_CREATE, &plain->dbi) == 0);
    for (uint32_t i = 0; i < count; i++) {
        MDB_val key = {32, keys[i]}, value = {0, keys[i]};
        BENCH_MUST(mdb_put(txn, plain->dbi, &key, &value, MDB_APPEND) == 0);
    }
    BENCH_MUST(mdb_txn_commit(txn) == 0);
    free(keys);
}

/* Keys a second, durable. */
static double plain_rate(struct plain *plain, uint32_t count)
{
    const uint64_t begin_us = bench_now_us();
    for (uint32_t done = 0; done < count;) {
        MDB_txn *txn;
        BENCH_MUST(mdb_txn_begin(plain->env, NULL, 0, &txn) == 0);
        for (uint32_t i = 0; i < TXN_KEYS && done < count; i++, done++) {
            uint8_t bytes[32];
            kr_rng_bytes(&rng, bytes, sizeof bytes);
            MDB_val key = {sizeof bytes, bytes}, value = {0, bytes};
            BENCH_MUST(mdb_put(txn, plain->dbi, &key, &value, 0) == 0);
        }
        BENCH_MUST(mdb_txn_commit(txn) == 0);
    }
    return count * 1e6 / (double)(bench_now_us() - begin_us);
}

static void plain_close(struct plain *plain)
{
    char file[320];
    mdb_env_close(plain->env);
    (void)snprintf(file, sizeof file, "%s/data.mdb", plain->path);
    (void)unlink(file);
}

static void bench_keys(const struct bench_options *options)
{
    static const char *const names[] = {"newest keys, 500 an hour", "newest keys, all in one hour", "random keys over all hours"};
    const uint32_t base = options->is_small ? 20000 : 1000000, count = options->is_small ? 2000 : 50000;
    double rates[3][ROUNDS], plain_rates[ROUNDS];
    char path[300];
    struct plain plain;
    struct kr_store *store = open_store(path);
    fill_base(store, base);
    plain_open(&plain, base);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        plain_rates[round] = plain_rate(&plain, count);
        for (enum sort sort = SORT_FRESH; sort <= SORT_RANDOM; sort++) {
            rates[sort][round] = rate_of_keys(store, sort, count, base / HOUR_KEYS);
        }
    }
    const double limit = bench_percentile(plain_rates, ROUNDS, 50);
    for (enum sort sort = SORT_FRESH; sort <= SORT_RANDOM; sort++) {
        const double rate = bench_percentile(rates[sort], ROUNDS, 50);
        const bool has_goal = sort != SORT_RANDOM;
        char name[96];
        bench_say(options,
                  &(struct bench_line){"trees", names[sort], "keys/s", rate, limit,
                                       "random puts of 32-byte keys into LMDB alone, onto as many", has_goal ? 1 : 0, true});
        (void)snprintf(name, sizeof name, "%s, beside negentropy", names[sort]);
        bench_say(options, &(struct bench_line){"trees", name, "keys/s", rate, NEGENTROPY, "what negentropy does of random ones",
                                                has_goal ? 2 : 0, true});
    }
    plain_close(&plain);
    close_store(store, path);
}

void bench_trees(const struct bench_options *options)
{
    static const uint8_t seed[32] = {7};
    kr_rng_init(&rng, seed);
    bench_records(options);
    bench_keys(options);
}
