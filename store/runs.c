#include "store/runs.h"

#include <stdlib.h>
#include <string.h>

#include "proto/codec/writer.h"
#include "store/fresh.h"

#define RUNS_KEY       kr_slice_of("runs", 4)
#define RUNS_BYTES_MAX (4u * KR_KIB)
#define RUN_FIELDS     5u

/* ---- one run ---- */

struct kr_run *kr_run_new(uint64_t serial, uint32_t slot, uint32_t level, uint32_t generation)
{
    struct kr_run *run = calloc(1, sizeof *run);
    if (run != NULL) {
        atomic_init(&run->refs, 1);
        run->serial = serial;
        run->slot = slot;
        run->level = level;
        run->generation = generation;
    }
    return run;
}

struct kr_run *kr_run_ref(struct kr_run *run)
{
    (void)atomic_fetch_add(&run->refs, 1);
    return run;
}

void kr_run_unref(struct kr_run *run)
{
    if (run != NULL && atomic_fetch_sub(&run->refs, 1) == 1) {
        kr_locator_unref(run->locator);
        kr_spots_free(run->spots);
        free(run);
    }
}

/* A copy whose count can change, for a target that a transaction works on. The locator is shared: rows that are taken back it
 * forgets when others come in their place, and until the run is finished nobody asks it. */
static struct kr_run *run_copy(const struct kr_run *run)
{
    struct kr_run *copy = kr_run_new(run->serial, run->slot, run->level, run->generation);
    if (copy != NULL) {
        copy->count = run->count;
        copy->locator = kr_locator_ref(run->locator);
        atomic_store(&copy->is_listed, atomic_load(&run->is_listed));
    }
    return copy;
}

/* ---- sets ---- */

struct kr_runs *kr_runs_ref(struct kr_runs *runs)
{
    (void)atomic_fetch_add(&runs->refs, 1);
    return runs;
}

void kr_runs_unref(struct kr_runs *runs)
{
    if (runs == NULL || atomic_fetch_sub(&runs->refs, 1) != 1) {
        return;
    }
    for (uint32_t i = 0; i < runs->count; i++) {
        kr_run_unref(runs->runs[i]);
    }
    kr_run_unref(runs->target);
    kr_fresh_unref(runs->fresh);
    free(runs);
}

enum kr_err kr_runs_own(struct kr_txn *txn, struct kr_runs **ret_runs)
{
    if (txn->runs_changed) {
        *ret_runs = txn->runs;
        return KR_OK;
    }
    struct kr_runs *runs = malloc(sizeof *runs);
    if (runs == NULL) {
        return KR_NOMEM;
    }
    /* What stands before it belongs to the set, not to what it says; readers count their references there meanwhile. */
    const size_t said = offsetof(struct kr_runs, next_serial);
    memset(runs, 0, said);
    memcpy((uint8_t *)runs + said, (const uint8_t *)txn->runs + said, sizeof *runs - said);
    atomic_init(&runs->refs, 1);
    if (runs->target != NULL) {
        runs->target = run_copy(runs->target);
        if (runs->target == NULL) {
            free(runs);
            return KR_NOMEM;
        }
    }
    for (uint32_t i = 0; i < runs->count; i++) {
        (void)kr_run_ref(runs->runs[i]);
    }
    (void)kr_fresh_ref(runs->fresh);
    kr_runs_unref(txn->runs);
    txn->runs = runs;
    txn->runs_changed = true;
    txn->is_dirty = true; /* also where a merge only moves on, past rows that are dead */
    *ret_runs = runs;
    return KR_OK;
}

struct kr_run *kr_runs_by_serial(const struct kr_runs *runs, uint64_t serial)
{
    for (uint32_t i = 0; i < runs->count; i++) {
        if (runs->runs[i]->serial == serial) {
            return runs->runs[i];
        }
    }
    return NULL;
}

_Static_assert(KR_RUN_SLOTS_OLD <= 64, "a bit for each");
uint32_t kr_runs_free_slot(const struct kr_runs *runs, bool keep_one)
{
    uint64_t used = runs->target != NULL ? UINT64_C(1) << runs->target->slot : 0;
    for (uint32_t i = 0; i < runs->count; i++) {
        used |= UINT64_C(1) << runs->runs[i]->slot;
    }
    for (uint32_t slot = 0; slot < runs->slots && !(keep_one && runs->count + 1 >= runs->slots); slot++) {
        if ((used >> slot & 1) == 0) {
            return slot;
        }
    }
    return runs->slots;
}

/* ---- on disk ---- */

static void write_run(struct kr_writer *writer, const struct kr_run *run)
{
    kr_writer_array(writer, RUN_FIELDS);
    kr_writer_uint(writer, run->serial);
    kr_writer_uint(writer, run->count);
    kr_writer_uint(writer, run->slot);
    kr_writer_uint(writer, run->level);
    kr_writer_uint(writer, run->generation);
}

enum kr_err kr_runs_save(struct kr_txn *txn)
{
    const struct kr_runs *runs = txn->runs;
    struct kr_writer writer;
    kr_writer_init(&writer, RUNS_BYTES_MAX);
    kr_writer_array(&writer, 5);
    kr_writer_uint(&writer, runs->next_serial);
    kr_writer_array(&writer, runs->count);
    for (uint32_t i = 0; i < runs->count; i++) {
        write_run(&writer, runs->runs[i]);
    }
    kr_writer_array(&writer, runs->target != NULL ? 1 : 0);
    if (runs->target != NULL) {
        write_run(&writer, runs->target);
    }
    kr_writer_array(&writer, runs->target != NULL ? KR_RUN_FANOUT : 0);
    for (uint32_t i = 0; runs->target != NULL && i < KR_RUN_FANOUT; i++) {
        kr_writer_uint(&writer, runs->sources[i]);
    }
    kr_writer_bin(&writer, runs->cursor, runs->has_cursor ? KR_INDEX_KEY_BYTES : 0);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_value_put(txn, KR_DBI_META, RUNS_KEY, kr_slice_of(writer.bytes, writer.len), 0);
    }
    kr_writer_deinit(&writer);
    return err;
}

static struct kr_run *read_run(struct kr_reader *reader, uint32_t slots)
{
    kr_reader_array(reader, RUN_FIELDS);
    uint64_t serial = kr_reader_uint(reader, UINT64_MAX);
    uint64_t count = kr_reader_uint(reader, UINT64_MAX);
    uint32_t slot = (uint32_t)kr_reader_uint(reader, slots - 1);
    uint32_t level = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    uint32_t generation = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    kr_reader_close(reader);
    struct kr_run *run = kr_run_new(serial, slot, level, generation);
    if (run == NULL) {
        kr_reader_fail(reader, KR_NOMEM);
        return NULL;
    }
    run->count = count;
    return run;
}

static enum kr_err runs_decode(struct kr_slice bytes, struct kr_runs *runs)
{
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    runs->next_serial = kr_reader_uint(&reader, UINT64_MAX);
    uint32_t count = kr_reader_array_between(&reader, 0, runs->slots);
    while (runs->count < count) {
        struct kr_run *run = read_run(&reader, runs->slots);
        if (run == NULL) {
            return KR_NOMEM;
        }
        runs->runs[runs->count++] = run;
    }
    kr_reader_close(&reader);
    bool has_target = kr_reader_array_between(&reader, 0, 1) == 1;
    if (has_target) {
        runs->target = read_run(&reader, runs->slots);
        if (runs->target == NULL) {
            return KR_NOMEM;
        }
    }
    kr_reader_close(&reader);
    kr_reader_array(&reader, has_target ? KR_RUN_FANOUT : 0);
    for (uint32_t i = 0; has_target && i < KR_RUN_FANOUT; i++) {
        runs->sources[i] = kr_reader_uint(&reader, UINT64_MAX);
    }
    kr_reader_close(&reader);
    runs->has_cursor = kr_reader_fixed_or_empty(&reader, runs->cursor, sizeof runs->cursor);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_runs_load(struct kr_txn *txn, uint32_t format, struct kr_runs **ret_runs)
{
    size_t len = 0;
    uint8_t *bytes = malloc(RUNS_BYTES_MAX);
    struct kr_runs *runs = calloc(1, sizeof *runs);
    enum kr_err err = KR_NOMEM;
    if (bytes == NULL || runs == NULL) {
        goto out;
    }
    atomic_init(&runs->refs, 1);
    runs->slots = format < KR_FORMAT_LEAN ? KR_RUN_SLOTS_OLD : KR_RUN_SLOTS;
    runs->fresh = kr_fresh_new();
    if (runs->fresh == NULL) {
        goto out;
    }
    err = kr_value_get(txn, KR_DBI_META, RUNS_KEY, bytes, RUNS_BYTES_MAX, &len);
    if (err == KR_NOT_FOUND) {
        err = KR_OK;
    } else if (err == KR_OK) {
        err = runs_decode(kr_slice_of(bytes, len), runs);
    }
    if (err == KR_OK) {
        err = kr_fresh_load(txn, runs->fresh, format);
    }
    if (err == KR_OK) {
        *ret_runs = runs;
        runs = NULL;
    }
out:
    kr_runs_unref(runs);
    free(bytes);
    return err;
}

/* ---- what is fresh becomes a run ---- */

/* In order, each key once. The locator is of these very rows, so look-ups can use it at once. */
static enum kr_err fill_run(struct kr_txn *txn, struct kr_run *run, uint8_t (*rows)[KR_INDEX_ROW_BYTES], uint32_t count)
{
    enum kr_err err = KR_OK;
    run->locator = kr_locator_new(count);
    atomic_store(&run->is_listed, run->locator != NULL);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        if (i > 0 && memcmp(rows[i - 1], rows[i], KR_INDEX_KEY_BYTES) == 0) {
            continue;
        }
        if (run->locator != NULL) {
            kr_locator_add(run->locator, rows[i], run->count);
        }
        err = kr_row_put(txn, KR_DBI_RUN + run->slot, kr_slice_of(rows[i], KR_INDEX_KEY_BYTES),
                         kr_slice_of(rows[i] + KR_INDEX_KEY_BYTES, KR_TAG_BYTES), MDB_APPEND);
        run->count++;
    }
    return err;
}

enum kr_err kr_runs_flush(struct kr_txn *txn)
{
    struct kr_runs *runs = NULL;
    struct kr_run *run = NULL;
    struct kr_fresh *next = kr_fresh_new();
    uint8_t(*rows)[KR_INDEX_ROW_BYTES] = NULL;
    uint32_t count = 0, slot = kr_runs_free_slot(txn->runs, true);
    KR_ASSERT(slot < txn->runs->slots);
    enum kr_err err = next != NULL ? kr_runs_own(txn, &runs) : KR_NOMEM;
    if (err == KR_OK) {
        run = kr_run_new(runs->next_serial, slot, 0, txn->store->term_generation);
        err = run != NULL ? kr_fresh_find(runs->fresh, UINT32_MAX, NULL, 0, &rows, &count) : KR_NOMEM;
    }
    if (err == KR_OK) {
        err = fill_run(txn, run, rows, count);
    }
    if (err == KR_OK) {
        err = kr_row_clear(txn, KR_DBI_FRESH);
    }
    if (err == KR_OK) {
        kr_fresh_unref(runs->fresh);
        runs->fresh = next;
        txn->fresh_saved = 0;
        txn->state_changed = true; /* its row went with the others */
        runs->runs[runs->count++] = run;
        runs->next_serial++;
        next = NULL;
        run = NULL;
    }
    free(rows);
    kr_run_unref(run);
    kr_fresh_unref(next);
    return kr_txn_fail(txn, err);
}

/* ---- walking several at once ---- */

void kr_run_walk_init(struct kr_run_walk *walk, struct kr_txn *txn)
{
    walk->txn = txn;
    walk->count = 0;
    walk->skips_damaged = false;
}

void kr_run_walk_deinit(struct kr_run_walk *walk)
{
    while (walk->count > 0) {
        mdb_cursor_close(walk->cursors[--walk->count]);
    }
}

static bool is_sound(const struct kr_run_walk *walk, uint32_t i)
{
    return walk->keys[i].len == KR_INDEX_KEY_BYTES &&
           kr_tag_matches(walk->txn->store, KR_TAG_INDEX, walk->keys[i], walk->values[i]);
}

static enum kr_err step(struct kr_run_walk *walk, uint32_t i, MDB_cursor_op op)
{
    enum kr_err err = kr_row_move(walk->txn, walk->cursors[i], op, &walk->keys[i], &walk->values[i]);
    while (err == KR_OK && walk->skips_damaged && !is_sound(walk, i)) {
        err = kr_row_move(walk->txn, walk->cursors[i], MDB_NEXT, &walk->keys[i], &walk->values[i]);
    }
    if (err == KR_NOT_FOUND) {
        walk->keys[i].len = 0;
        return KR_OK;
    }
    if (err == KR_OK && walk->keys[i].len != KR_INDEX_KEY_BYTES) {
        return KR_CORRUPT;
    }
    return err;
}

enum kr_err kr_run_walk_add(struct kr_run_walk *walk, uint32_t dbi, struct kr_slice from)
{
    KR_ASSERT(walk->count <= KR_RUN_SLOTS_OLD);
    uint32_t i = walk->count;
    enum kr_err err = kr_row_cursor(walk->txn, dbi, &walk->cursors[i]);
    if (err == KR_OK) {
        walk->count++;
        walk->keys[i] = from;
        err = step(walk, i, from.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
    }
    return err;
}

static uint32_t smallest(const struct kr_run_walk *walk)
{
    uint32_t least = walk->count;
    for (uint32_t i = 0; i < walk->count; i++) {
        if (walk->keys[i].len > 0 &&
            (least == walk->count || memcmp(walk->keys[i].bytes, walk->keys[least].bytes, KR_INDEX_KEY_BYTES) < 0)) {
            least = i;
        }
    }
    return least;
}

bool kr_run_walk_peek(const struct kr_run_walk *walk, struct kr_slice *ret_key, struct kr_slice *ret_value)
{
    uint32_t least = smallest(walk);
    if (least == walk->count) {
        return false;
    }
    *ret_key = walk->keys[least];
    *ret_value = walk->values[least];
    return true;
}

enum kr_err kr_run_walk_next(struct kr_run_walk *walk)
{
    uint32_t least = smallest(walk);
    uint8_t key[KR_INDEX_KEY_BYTES];
    enum kr_err err = KR_OK;
    if (least == walk->count) {
        return KR_OK;
    }
    memcpy(key, walk->keys[least].bytes, sizeof key);
    for (uint32_t i = least; i < walk->count && err == KR_OK; i++) {
        if (walk->keys[i].len > 0 && memcmp(walk->keys[i].bytes, key, sizeof key) == 0) {
            err = step(walk, i, MDB_NEXT);
        }
    }
    return err;
}
