/* The blind index as its callers see it. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "store/runs.h"

#define RUN_OF_ITS_OWN (KR_TERMS_NEW_MAX / 16)
#define RUNS_CROWDED   (KR_RUN_SLOTS * 3 / 4)

static void key_of(const struct kr_term_entry *entry, uint8_t ret_key[static KR_TERM_KEY_BYTES])
{
    memcpy(ret_key, entry->term, KR_TERM_BYTES);
    kr_put_be(ret_key + KR_TERM_BYTES, entry->arrival, 8);
    kr_put_be(ret_key + KR_TERM_BYTES + 8, entry->position, 2);
}

static int compare(const void *left, const void *right)
{
    const struct kr_term_entry *a = left, *b = right;
    uint64_t high_a, high_b;
    memcpy(&high_a, a->term, sizeof high_a);
    memcpy(&high_b, b->term, sizeof high_b);
    if (high_a != high_b) { /* nearly always: terms are hashes */
        high_a = be64toh(high_a);
        high_b = be64toh(high_b);
        return (high_a > high_b) - (high_a < high_b);
    }
    int order = memcmp(a->term, b->term, sizeof a->term);
    if (order == 0) {
        order = (a->arrival > b->arrival) - (a->arrival < b->arrival);
    }
    return order != 0 ? order : (a->position > b->position) - (a->position < b->position);
}

static enum kr_err put_row(struct kr_txn *txn, uint32_t dbi, const struct kr_term_entry *entry, unsigned flags)
{
    uint8_t key[KR_TERM_KEY_BYTES], tag[KR_TAG_BYTES];
    key_of(entry, key);
    kr_tag(txn->store, KR_TAG_TERM, kr_slice_of(key, sizeof key), tag);
    return kr_row_put(txn, dbi, kr_slice_of(key, sizeof key), kr_slice_of(tag, sizeof tag), flags);
}

static enum kr_err put_fresh(struct kr_txn *txn, const struct kr_term_entry *entries, size_t count)
{
    enum kr_err err = KR_OK;
    for (size_t i = 0; i < count && err == KR_OK; i++) {
        if (txn->runs->fresh != NULL) {
            kr_filter_add(txn->runs->fresh, entries[i].term);
        }
        err = put_row(txn, KR_DBI_TERMS_NEW, &entries[i], 0);
    }
    if (err == KR_OK && kr_row_count(txn, KR_DBI_TERMS_NEW) >= KR_TERMS_NEW_MAX) {
        err = kr_runs_flush(txn);
    }
    return err;
}

/* The level whose runs are of about this size. */
static uint32_t level_of(size_t count)
{
    uint32_t level = 0;
    for (size_t size = (size_t)KR_TERMS_NEW_MAX * KR_RUN_FANOUT; count >= size; size *= KR_RUN_FANOUT) {
        level++;
    }
    return level;
}

static enum kr_err put_run(struct kr_txn *txn, const struct kr_term_entry *entries, size_t count, uint32_t slot)
{
    struct kr_runs *runs = NULL;
    enum kr_err err = kr_runs_own(txn, &runs);
    if (err != KR_OK) {
        return err;
    }
    struct kr_run *run = kr_run_new(runs->next_serial, slot, level_of(count), txn->store->term_generation);
    if (run == NULL) {
        return KR_NOMEM;
    }
    run->filter = kr_filter_new(count);
    atomic_store(&run->is_filtered, run->filter != NULL);
    for (size_t i = 0; i < count && err == KR_OK; i++) {
        if (i > 0 && compare(&entries[i - 1], &entries[i]) == 0) {
            continue;
        }
        err = put_row(txn, KR_DBI_RUN + slot, &entries[i], MDB_APPEND);
        run->count++;
        if (run->filter != NULL) {
            kr_filter_add(run->filter, entries[i].term);
        }
    }
    if (err != KR_OK) {
        kr_run_unref(run);
        return err;
    }
    runs->runs[runs->count++] = run;
    runs->next_serial++;
    return KR_OK;
}

static bool are_sorted(const struct kr_term_entry *entries, size_t count)
{
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++) {
        sorted = compare(&entries[i - 1], &entries[i]) <= 0;
    }
    return sorted;
}

void kr_store_terms_sort(struct kr_term_entry *entries, size_t count)
{
    if (!are_sorted(entries, count)) {
        qsort(entries, count, sizeof entries[0], compare);
    }
}

enum kr_err kr_store_terms_put(struct kr_txn *txn, struct kr_term_entry *entries, size_t count)
{
    kr_store_terms_sort(entries, count);
    uint32_t slot = count >= RUN_OF_ITS_OWN ? kr_runs_free_slot(txn->runs, true) : KR_RUN_SLOTS;
    enum kr_err err = slot < KR_RUN_SLOTS ? put_run(txn, entries, count, slot) : put_fresh(txn, entries, count);
    if (err == KR_OK && txn->runs->count >= RUNS_CROWDED) {
        bool more = false; /* merging cannot keep up, so those who bring terms take their share of it */
        err = kr_store_merge_slice(txn, &more);
    }
    return kr_txn_fail(txn, err);
}

/* ---- look-up ---- */

void kr_store_term(const struct kr_store *store, uint8_t type, const void *normal, size_t len,
                   uint8_t ret_term[static KR_TERM_BYTES])
{
    kr_term(ret_term, store->keys->term, store->term_generation, type, normal, len);
}

static enum kr_err walk_to(struct kr_txn *txn, const uint8_t term[static KR_TERM_BYTES], struct kr_run_walk *walk)
{
    const struct kr_runs *runs = txn->runs;
    struct kr_slice from = kr_slice_of(term, KR_TERM_BYTES);
    enum kr_err err = KR_OK;
    if (runs->fresh == NULL || kr_filter_may_have(runs->fresh, term)) {
        err = kr_run_walk_add(walk, KR_DBI_TERMS_NEW, from);
    }
    for (uint32_t i = 0; i < runs->count && err == KR_OK; i++) {
        const struct kr_run *run = runs->runs[i];
        if (!atomic_load(&run->is_filtered) || kr_filter_may_have(run->filter, term)) {
            err = kr_run_walk_add(walk, KR_DBI_RUN + run->slot, from);
        }
    }
    return err;
}

enum kr_err kr_store_terms_find(struct kr_txn *txn, uint8_t type, const void *bytes, size_t len, kr_store_term_visit *visit,
                                void *context)
{
    uint8_t term[KR_TERM_BYTES];
    struct kr_run_walk walk;
    struct kr_slice key = {0}, tag = {0};
    bool any_dead = kr_row_count(txn, KR_DBI_DEAD) > 0;
    kr_store_term(txn->store, type, bytes, len, term);
    kr_run_walk_init(&walk, txn);
    enum kr_err err = walk_to(txn, term, &walk);
    while (err == KR_OK && kr_run_walk_peek(&walk, &key, &tag) && memcmp(key.bytes, term, sizeof term) == 0) {
        uint64_t arrival = kr_get_be(key.bytes + KR_TERM_BYTES, 8);
        bool is_dead = false;
        if (!kr_tag_matches(txn->store, KR_TAG_TERM, key, tag)) {
            err = KR_CORRUPT;
            break;
        }
        if (any_dead) {
            err = kr_dead_is(txn, arrival, &is_dead);
        }
        if (err == KR_OK && !is_dead && !visit(context, arrival, (uint16_t)kr_get_be(key.bytes + KR_TERM_BYTES + 8, 2))) {
            break;
        }
        if (err == KR_OK) {
            err = kr_run_walk_next(&walk);
        }
    }
    kr_run_walk_deinit(&walk);
    return err;
}
