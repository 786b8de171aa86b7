/* The index: putting rows in, and finding them. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "store/fresh.h"
#include "store/runs.h"

#define RUN_OF_ITS_OWN (KR_INDEX_FRESH_MAX / 16)
#define RUNS_CROWDED   (KR_RUN_SLOTS * 3 / 4)

void kr_index_row(const struct kr_store *store, const struct kr_term_entry *entry, uint8_t ret_row[static KR_INDEX_ROW_BYTES])
{
    memcpy(ret_row, entry->term, KR_TERM_BYTES);
    kr_put_be(ret_row + KR_TERM_BYTES, entry->arrival, 8);
    kr_put_be(ret_row + KR_TERM_BYTES + 8, entry->position, 2);
    kr_tag(store, KR_TAG_INDEX, kr_slice_of(ret_row, KR_INDEX_KEY_BYTES), ret_row + KR_INDEX_KEY_BYTES);
}

static void entry_of(const uint8_t key[static KR_INDEX_KEY_BYTES], struct kr_term_entry *ret_entry)
{
    memcpy(ret_entry->term, key, KR_TERM_BYTES);
    ret_entry->arrival = kr_get_be(key + KR_TERM_BYTES, 8);
    ret_entry->position = (uint16_t)kr_get_be(key + KR_TERM_BYTES + 8, 2);
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

/* Full, what is fresh becomes a run; where there is no slot for it, merging has to make one first. */
static enum kr_err relieve(struct kr_txn *txn)
{
    bool more = false;
    if (kr_fresh_count(txn->runs->fresh) < KR_INDEX_FRESH_MAX) {
        return KR_OK;
    }
    return kr_runs_free_slot(txn->runs, true) < txn->runs->slots ? kr_runs_flush(txn) : kr_store_merge_slice(txn, &more);
}

static enum kr_err add(struct kr_txn *txn, const struct kr_term_entry *entry)
{
    uint8_t row[KR_INDEX_ROW_BYTES];
    KR_ASSERT(txn->is_write);
    enum kr_err err = relieve(txn);
    if (err == KR_OK) {
        kr_index_row(txn->store, entry, row);
        err = kr_fresh_add(txn->runs->fresh, row);
    }
    txn->is_dirty |= err == KR_OK;
    return kr_txn_fail(txn, err);
}

enum kr_err kr_index_add(struct kr_txn *txn, const uint8_t hash[static KR_TERM_BYTES], uint64_t number, uint16_t kind)
{
    struct kr_term_entry entry = {.arrival = number, .position = kind};
    memcpy(entry.term, hash, sizeof entry.term);
    return add(txn, &entry);
}

/* The level whose runs are of about this size. */
static uint32_t level_of(size_t count)
{
    uint32_t level = 0;
    for (size_t size = (size_t)KR_INDEX_FRESH_MAX * KR_RUN_FANOUT; count >= size; size *= KR_RUN_FANOUT) {
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
    run->locator = kr_locator_new(count);
    atomic_store(&run->is_listed, run->locator != NULL);
    for (size_t i = 0; i < count && err == KR_OK; i++) {
        if (i > 0 && compare(&entries[i - 1], &entries[i]) == 0) {
            continue;
        }
        uint8_t row[KR_INDEX_ROW_BYTES];
        kr_index_row(txn->store, &entries[i], row);
        err = kr_row_put(txn, KR_DBI_RUN + slot, kr_slice_of(row, KR_INDEX_KEY_BYTES),
                         kr_slice_of(row + KR_INDEX_KEY_BYTES, KR_TAG_BYTES), MDB_APPEND);
        if (run->locator != NULL) {
            kr_locator_add(run->locator, entries[i].term, run->count);
        }
        run->count++;
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

static enum kr_err put_fresh(struct kr_txn *txn, const struct kr_term_entry *entries, size_t count)
{
    enum kr_err err = KR_OK;
    for (size_t i = 0; i < count && err == KR_OK; i++) {
        err = add(txn, &entries[i]);
    }
    return err;
}

enum kr_err kr_store_terms_put(struct kr_txn *txn, struct kr_term_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].position >= KR_INDEX_MEMBER) {
            return KR_BOUNDS;
        }
    }
    uint32_t slot = count >= RUN_OF_ITS_OWN ? kr_runs_free_slot(txn->runs, true) : txn->runs->slots;
    enum kr_err err = KR_OK;
    if (slot < txn->runs->slots) {
        kr_store_terms_sort(entries, count);
        err = put_run(txn, entries, count, slot);
    } else {
        err = put_fresh(txn, entries, count);
    }
    if (err == KR_OK && count >= RUN_OF_ITS_OWN && txn->runs->count >= RUNS_CROWDED) {
        bool more = false; /* merging cannot keep up, so those who bring runs take their share of it */
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

/* The runs that may have what begins with the prefix, a bit for each. */
static uint64_t runs_with(const struct kr_runs *runs, const uint8_t *prefix, size_t len)
{
    uint64_t with = 0;
    for (uint32_t i = 0; i < runs->count; i++) {
        const struct kr_run *run = runs->runs[i];
        struct kr_located located;
        if (len < KR_TERM_BYTES || !atomic_load_explicit(&run->is_listed, memory_order_acquire) ||
            kr_locator_find(run->locator, prefix, &located)) {
            with |= UINT64_C(1) << i;
        }
    }
    return with;
}

static enum kr_err walk_to(struct kr_txn *txn, uint64_t with, const uint8_t *prefix, size_t len, struct kr_run_walk *walk)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; with >> i != 0 && err == KR_OK; i++) {
        if ((with >> i & 1) != 0) {
            err = kr_run_walk_add(walk, KR_DBI_RUN + txn->runs->runs[i]->slot, kr_slice_of(prefix, len));
        }
    }
    return err;
}

/* The runs and what is fresh, side by side in the order of their keys. */
struct both {
    struct kr_run_walk walk;
    uint8_t (*fresh)[KR_INDEX_ROW_BYTES];
    uint32_t fresh_count, fresh_at;
};

/* The next row and its tag; false at the end. The walk may stand behind what the prefix begins: those rows do not count. */
static bool both_peek(const struct both *both, const uint8_t *prefix, size_t len, struct kr_slice *ret_key,
                      struct kr_slice *ret_tag, bool *ret_is_fresh)
{
    bool has_run = kr_run_walk_peek(&both->walk, ret_key, ret_tag) && memcmp(ret_key->bytes, prefix, len) == 0;
    bool has_fresh = both->fresh_at < both->fresh_count;
    *ret_is_fresh = has_fresh && (!has_run || memcmp(both->fresh[both->fresh_at], ret_key->bytes, KR_INDEX_KEY_BYTES) <= 0);
    if (*ret_is_fresh) {
        *ret_key = kr_slice_of(both->fresh[both->fresh_at], KR_INDEX_KEY_BYTES);
        *ret_tag = kr_slice_of(ret_key->bytes + KR_INDEX_KEY_BYTES, KR_TAG_BYTES);
    }
    return has_run || has_fresh;
}

/* Side by side, whatever they are: `fresh` are those that are fresh. */
static enum kr_err each_of_all(struct kr_txn *txn, uint64_t with, struct both *both, const uint8_t *prefix, size_t len,
                               kr_index_visit *visit, void *context)
{
    struct kr_slice key = {0}, tag = {0};
    uint8_t last[KR_INDEX_KEY_BYTES];
    bool is_fresh = false, has_last = false;
    kr_run_walk_init(&both->walk, txn);
    enum kr_err err = walk_to(txn, with, prefix, len, &both->walk);
    while (err == KR_OK && both_peek(both, prefix, len, &key, &tag, &is_fresh)) {
        struct kr_term_entry entry;
        bool is_again = has_last && memcmp(last, key.bytes, sizeof last) == 0;
        if (!kr_tag_matches(txn->store, KR_TAG_INDEX, key, tag)) {
            err = KR_CORRUPT;
            break;
        }
        memcpy(last, key.bytes, sizeof last);
        has_last = true;
        entry_of(key.bytes, &entry);
        if (!is_again && !visit(context, &entry)) {
            break;
        }
        if (is_fresh) {
            both->fresh_at++;
        } else {
            err = kr_run_walk_next(&both->walk);
        }
    }
    kr_run_walk_deinit(&both->walk);
    return err;
}

/* ---- where it is known where rows lie ---- */

/* Rows under one hash that are found by their spots; where there are more, the runs are searched. */
#define SPOTS_MAX 8u
struct spotted {
    uint32_t count;
    const uint8_t *rows[SPOTS_MAX];
};

/* False: the run must be searched. */
static bool spot_in_run(struct kr_txn *txn, const struct kr_run *run, const uint8_t *hash, struct spotted *spotted)
{
    struct kr_located located;
    if (!atomic_load_explicit(&run->is_spotted, memory_order_acquire)) {
        return false;
    }
    if (!kr_locator_find(run->locator, hash, &located)) {
        return true;
    }
    const uint8_t *first = kr_run_first(txn, run);
    if (first == NULL || located.is_anywhere) {
        return false;
    }
    for (uint32_t bits = located.bits; bits != 0; bits &= bits - 1) {
        const uint8_t *row = kr_spots_at(run->spots, first, located.first + (uint32_t)__builtin_ctz(bits));
        if (row == NULL || !kr_locator_is_alike(row, hash)) {
            return false; /* not the row that it was, or of a merge whose last slice was taken back */
        }
        if (memcmp(row, hash, KR_TERM_BYTES) != 0) {
            continue;
        }
        if (spotted->count == SPOTS_MAX) {
            return false;
        }
        spotted->rows[spotted->count++] = row;
    }
    return true;
}

static bool spot(struct kr_txn *txn, uint64_t with, const uint8_t *hash, struct spotted *ret_spotted)
{
    bool is_known = true;
    ret_spotted->count = 0;
    for (; with != 0 && is_known; with &= with - 1) {
        is_known = spot_in_run(txn, txn->runs->runs[__builtin_ctzll(with)], hash, ret_spotted);
    }
    return is_known;
}

static int compare_rows(const void *left, const void *right)
{
    const uint8_t *const *a = left, *const *b = right;
    return memcmp(*a, *b, KR_INDEX_KEY_BYTES);
}

static enum kr_err each_spotted(struct kr_txn *txn, struct spotted *spotted, kr_index_visit *visit, void *context)
{
    if (spotted->count > 1) {
        qsort(spotted->rows, spotted->count, sizeof spotted->rows[0], compare_rows);
    }
    for (uint32_t i = 0; i < spotted->count; i++) {
        const uint8_t *row = spotted->rows[i];
        struct kr_term_entry entry;
        if (!kr_tag_matches(txn->store, KR_TAG_INDEX, kr_slice_of(row, KR_INDEX_KEY_BYTES),
                            kr_slice_of(row + KR_INDEX_KEY_BYTES, KR_TAG_BYTES))) {
            return KR_CORRUPT;
        }
        const bool is_again = i > 0 && compare_rows(&spotted->rows[i - 1], &spotted->rows[i]) == 0;
        entry_of(row, &entry);
        if (!is_again && !visit(context, &entry)) {
            break;
        }
    }
    return KR_OK;
}

static enum kr_err each_with(struct kr_txn *txn, uint64_t with, const uint8_t *prefix, size_t len, kr_index_visit *visit,
                             void *context)
{
    struct both both; /* large, and most terms are nowhere */
    struct spotted spotted;
    const uint32_t visible = txn->is_write ? UINT32_MAX : txn->fresh_seen;
    enum kr_err err = kr_fresh_find(txn->runs->fresh, visible, prefix, len, &both.fresh, &both.fresh_count);
    if (err != KR_OK || (with == 0 && both.fresh_count == 0)) {
        return err;
    }
    if (both.fresh_count == 0 && len == KR_TERM_BYTES && spot(txn, with, prefix, &spotted)) {
        return each_spotted(txn, &spotted, visit, context);
    }
    both.fresh_at = 0;
    err = each_of_all(txn, with, &both, prefix, len, visit, context);
    free(both.fresh);
    return err;
}

enum kr_err kr_index_each(struct kr_txn *txn, const uint8_t *prefix, size_t len, kr_index_visit *visit, void *context)
{
    return each_with(txn, runs_with(txn->runs, prefix, len), prefix, len, visit, context);
}

struct term_search {
    struct kr_txn *txn;
    kr_store_any_visit *visit;
    void *context;
    uint32_t index;
    bool any_dead, is_over;
    enum kr_err err;
};

static bool visit_living(void *context, const struct kr_term_entry *entry)
{
    struct term_search *search = context;
    bool is_dead = false;
    if (entry->position >= KR_INDEX_MEMBER) {
        return true;
    }
    if (search->any_dead) {
        search->err = kr_dead_is(search->txn, entry->arrival, &is_dead);
    }
    search->is_over =
        search->err != KR_OK || (!is_dead && !search->visit(search->context, search->index, entry->arrival, entry->position));
    return !search->is_over;
}

/* The rows that may be what is sought. */
static void prefetch_rows(struct kr_txn *txn, uint64_t with, const uint8_t *hash)
{
    for (; with != 0; with &= with - 1) {
        const struct kr_run *run = txn->runs->runs[__builtin_ctzll(with)];
        struct kr_located located;
        if (!atomic_load_explicit(&run->is_spotted, memory_order_acquire) || !kr_locator_find(run->locator, hash, &located) ||
            located.is_anywhere) {
            continue;
        }
        const uint8_t *first = kr_run_first(txn, run);
        const uint8_t *row =
            first != NULL ? kr_spots_at(run->spots, first, located.first + (uint32_t)__builtin_ctz(located.bits)) : NULL;
        if (row != NULL) {
            __builtin_prefetch(row);
            __builtin_prefetch(row + KR_INDEX_ROW_BYTES - 1);
        }
    }
}

void kr_store_terms_make(struct kr_txn *txn, const struct kr_term_input *keys, size_t count, struct kr_sought_term *ret_terms)
{
    const struct kr_runs *runs = txn->runs;
    kr_terms(&txn->store->keys->terms, keys, count, ret_terms[0].term, sizeof ret_terms[0]);
    for (size_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < runs->count; j++) {
            if (atomic_load_explicit(&runs->runs[j]->is_listed, memory_order_acquire)) {
                kr_locator_prefetch(runs->runs[j]->locator, ret_terms[i].term);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        ret_terms[i].runs = runs_with(runs, ret_terms[i].term, KR_TERM_BYTES);
        prefetch_rows(txn, ret_terms[i].runs, ret_terms[i].term);
    }
}

enum kr_err kr_store_terms_find_any(struct kr_txn *txn, const struct kr_sought_term *terms, uint32_t count,
                                    kr_store_any_visit *visit, void *context)
{
    struct term_search search = {.txn = txn, .visit = visit, .context = context, .any_dead = kr_row_count(txn, KR_DBI_DEAD) > 0};
    enum kr_err err = KR_OK;
    for (; search.index < count && err == KR_OK && !search.is_over; search.index++) {
        const struct kr_sought_term *term = &terms[search.index];
        err = each_with(txn, term->runs, term->term, KR_TERM_BYTES, visit_living, &search);
        err = err == KR_OK ? search.err : err;
    }
    return err;
}

struct single {
    kr_store_term_visit *visit;
    void *context;
};

static bool visit_single(void *context, uint32_t index, uint64_t arrival, uint16_t position)
{
    const struct single *single = context;
    (void)index;
    return single->visit(single->context, arrival, position);
}

enum kr_err kr_store_terms_find(struct kr_txn *txn, uint8_t type, const void *bytes, size_t len, kr_store_term_visit *visit,
                                void *context)
{
    struct kr_sought_term term;
    struct single single = {visit, context};
    kr_store_term(txn->store, type, bytes, len, term.term);
    term.runs = runs_with(txn->runs, term.term, KR_TERM_BYTES);
    return kr_store_terms_find_any(txn, &term, 1, visit_single, &single);
}

bool kr_index_is_alive(struct kr_txn *txn, const struct kr_dead_map *dead, const uint8_t key[static KR_INDEX_KEY_BYTES])
{
    struct kr_term_entry entry;
    entry_of(key, &entry);
    if (entry.position == KR_INDEX_MEMBER || !kr_dead_in(dead, entry.arrival)) {
        return true; /* an id that has left keeps its place in a scope */
    }
    return entry.position >= KR_INDEX_TOKEN && kr_head_is_there(txn, entry.arrival); /* purged, with its header kept */
}
