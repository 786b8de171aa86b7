/* Brings a store of an older format to today's, in the transaction that opens it; scopes and trees of formats 4 and 5 afterwards.
 * Formats 1 to 3 had a table for each of heads, ids, expiries, members and tokens, and a row for each entry of a scope; everything
 * goes the way that it would go today. Format 4 had the state in `meta`, no count of indicators, and more slots of runs. Formats 4
 * and 5 had no trees (upgrade_scopes.c). Format 6 is today's but for the lengths of prefixes, which nobody knows of it. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/seal.h"
#include "store/fresh.h"
#include "store/internal.h"
#include "store/runs.h"

#define SAY_EVERY 1024u /* pieces of work */

void kr_upgrade_begin(struct kr_store *store, uint64_t all)
{
    store->upgrade_done = 0;
    store->upgrade_all = all;
    if (store->upgrading != NULL) {
        store->upgrading(store->upgrading_context, 0);
    }
}

void kr_upgrade_did(struct kr_store *store, uint64_t pieces)
{
    const uint64_t before = store->upgrade_done;
    store->upgrade_done += pieces;
    if (store->upgrading != NULL && store->upgrade_done / SAY_EVERY != before / SAY_EVERY) {
        const uint64_t done = store->upgrade_done < store->upgrade_all ? store->upgrade_done : store->upgrade_all;
        store->upgrading(store->upgrading_context, (uint32_t)(done * 100 / (store->upgrade_all + 1)));
    }
}

#define OLD_ID_BYTES    44u /* arrival 8 ‖ record length 4 ‖ data key 32 */
#define OLD_SCOPE_BYTES 44u /* number 4 ‖ count 8 ‖ running hash 32 */
#define OLD_ENTRY_BYTES 64u /* id 32 ‖ running hash after it 32 */
#define OLD_TOKEN_MAX   64u /* array of 2: record id, time */

/* A table of the old format; `is_there` is false where that format had none. */
struct old {
    struct kr_txn *txn;
    MDB_dbi dbi;
    bool is_there;
    uint8_t key[32];
};

static enum kr_err old_open(struct kr_txn *txn, const char *name, struct old *ret_old)
{
    *ret_old = (struct old){.txn = txn};
    int code = mdb_dbi_open(txn->mdb, name, 0, &ret_old->dbi);
    ret_old->is_there = code == 0;
    kr_hash_keyed(ret_old->key, sizeof ret_old->key, txn->store->keys->now.key, "kairan store table", name, strlen(name));
    return code == MDB_NOTFOUND ? KR_OK : kr_env_err(txn->store, code);
}

static enum kr_err old_drop(struct old *old)
{
    return old->is_there ? kr_env_err(old->txn->store, mdb_drop(old->txn->mdb, old->dbi, 1)) : KR_OK;
}

static enum kr_err old_value(const struct old *old, struct kr_slice key, struct kr_slice sealed, uint8_t *ret_value, size_t size,
                             size_t *ret_len)
{
    if (sealed.len < KR_SEALED_BYTES || sealed.len - KR_SEALED_BYTES > size) {
        return KR_CORRUPT;
    }
    *ret_len = sealed.len - KR_SEALED_BYTES;
    return kr_open_apart(ret_value, kr_slice_of(sealed.bytes + KR_NONCE_BYTES, sealed.len - KR_NONCE_BYTES), key, sealed.bytes,
                         old->key);
}

static enum kr_err old_get(const struct old *old, struct kr_slice key, uint8_t *ret_value, size_t size, size_t *ret_len)
{
    MDB_val mdb_key = {.mv_size = key.len, .mv_data = (void *)(uintptr_t)key.bytes}, value = {0};
    enum kr_err err = kr_env_err(old->txn->store, mdb_get(old->txn->mdb, old->dbi, &mdb_key, &value));
    return err == KR_OK ? old_value(old, key, kr_slice_of(value.mv_data, value.mv_size), ret_value, size, ret_len) : err;
}

static enum kr_err old_get_fixed(const struct old *old, struct kr_slice key, uint8_t *ret_value, size_t size)
{
    size_t len = 0;
    enum kr_err err = old_get(old, key, ret_value, size, &len);
    return err == KR_NOT_FOUND || (err == KR_OK && len != size) ? KR_CORRUPT : err;
}

/* Every row of the table, in order; nothing may be written to the table meanwhile. */
typedef enum kr_err old_visit(const struct old *old, struct kr_slice key, struct kr_slice sealed, void *context);
static enum kr_err old_each(const struct old *old, old_visit *visit, void *context)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    if (!old->is_there) {
        return KR_OK;
    }
    enum kr_err err = kr_env_err(old->txn->store, mdb_cursor_open(old->txn->mdb, old->dbi, &cursor));
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(old->txn, cursor, MDB_FIRST, &key, &value);
    while (err == KR_OK) {
        err = visit(old, key, value, context);
        kr_upgrade_did(old->txn->store, 1);
        if (err == KR_OK) {
            err = kr_row_move(old->txn, cursor, MDB_NEXT, &key, &value);
        }
    }
    mdb_cursor_close(cursor);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* ---- records ---- */

struct records {
    const struct old *heads;
    uint8_t plain[KR_HEAD_SCRATCH];
};

static enum kr_err move_record(const struct old *ids, struct kr_slice key, struct kr_slice sealed, void *context)
{
    struct records *records = context;
    struct kr_txn *txn = ids->txn;
    struct kr_head head;
    uint8_t id[OLD_ID_BYTES];
    size_t len = 0;
    enum kr_err err = old_value(ids, key, sealed, id, sizeof id, &len);
    if (err != KR_OK || len != sizeof id || key.len != 32) {
        err = KR_CORRUPT;
        goto out;
    }
    err = old_get(records->heads, kr_slice_of(id, 8), records->plain, sizeof records->plain, &len);
    err = err == KR_OK ? kr_head_decode(kr_slice_of(records->plain, len), &head) : KR_CORRUPT;
    if (err == KR_OK) {
        head.arrival = kr_get_be(id, 8);
        err = memcmp(head.id, key.bytes, 32) == 0 ? kr_head_put(txn, &head, id + 12, 0) : KR_CORRUPT;
    }
    if (err == KR_OK) {
        err = kr_due_note(txn, head.arrival, kr_due_of(&head));
    }
    if (err == KR_OK) {
        err = kr_index_add(txn, head.id, head.arrival, KR_INDEX_ID);
    }
    txn->state.records += err == KR_OK;
out:
    sodium_memzero(id, sizeof id);
    return err;
}

static enum kr_err move_token(const struct old *tokens, struct kr_slice key, struct kr_slice sealed, void *context)
{
    uint8_t value[OLD_TOKEN_MAX], id[32];
    struct kr_reader reader;
    size_t len = 0;
    uint64_t arrival = 0;
    (void)context;
    enum kr_err err = old_value(tokens, key, sealed, value, sizeof value, &len);
    if (err != KR_OK || key.len != KR_TOKEN_BYTES) {
        return err != KR_OK ? KR_CORRUPT : KR_OK;
    }
    kr_reader_init(&reader, value, len);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, id, sizeof id);
    (void)kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    err = kr_reader_end(&reader) == KR_OK ? kr_store_record_find(tokens->txn, id, &arrival) : KR_CORRUPT;
    return err == KR_OK ? kr_store_token_put(tokens->txn, key.bytes, arrival) : err == KR_NOT_FOUND ? KR_OK : err;
}

static enum kr_err move_term(const struct old *terms, struct kr_slice key, struct kr_slice tag, void *context)
{
    (void)context;
    if (key.len != KR_INDEX_KEY_BYTES || !kr_tag_matches(terms->txn->store, KR_TAG_INDEX, key, tag)) {
        return KR_CORRUPT;
    }
    return kr_index_add(terms->txn, key.bytes, kr_get_be(key.bytes + KR_TERM_BYTES, 8),
                        (uint16_t)kr_get_be(key.bytes + KR_TERM_BYTES + 8, 2));
}

/* ---- scopes ---- */

static enum kr_err move_entries(const struct old *trees, const struct kr_scope *scope, const uint8_t row[static OLD_SCOPE_BYTES])
{
    const uint64_t count = kr_get_be(row + 4, 8);
    uint8_t key[12], entry[OLD_ENTRY_BYTES], hash[32];
    uint64_t there = 0;
    enum kr_err err = KR_OK;
    memcpy(key, row, 4);
    for (uint64_t i = 0; i < count && err == KR_OK; i++) {
        kr_put_be(key + 4, i, 8);
        err = old_get_fixed(trees, kr_slice_of(key, sizeof key), entry, sizeof entry);
        struct kr_entry value;
        if (err == KR_OK) {
            err = kr_upgrade_entry(trees->txn, entry, &value);
        }
        if (err == KR_OK) {
            err = kr_store_scope_append(trees->txn, scope, &value, &there);
        }
        kr_upgrade_did(trees->txn->store, 1);
    }
    if (err == KR_OK) {
        err = kr_store_scope_mark(trees->txn, scope, &there, hash);
    }
    return err == KR_OK && memcmp(hash, row + 12, 32) != 0 ? KR_CORRUPT : err;
}

struct old_scope {
    struct kr_scope scope;
    uint8_t row[OLD_SCOPE_BYTES];
};

/* All old rows; with them gone, those that come are numbered from 1. `*ret_scopes` is the caller's to free(). */
static enum kr_err take_scopes(struct kr_txn *txn, struct old_scope **ret_scopes, uint64_t *ret_count)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, sealed = {0};
    uint64_t count = 0;
    const uint64_t max = kr_row_count(txn, KR_DBI_SCOPES);
    struct old_scope *scopes = calloc(max + 1, sizeof *scopes);
    enum kr_err err = scopes != NULL ? kr_row_cursor(txn, KR_DBI_SCOPES, &cursor) : KR_NOMEM;
    if (err != KR_OK) {
        goto out;
    }
    err = kr_row_move(txn, cursor, MDB_FIRST, &key, &sealed);
    while (err == KR_OK) {
        struct old_scope *old = &scopes[count++];
        if (key.len != 33 || count > max) {
            err = KR_CORRUPT;
            break;
        }
        old->scope.kind = key.bytes[0];
        memcpy(old->scope.id, key.bytes + 1, 32);
        /* What the cursor is at, for a key out of order would not be found. */
        size_t len = 0;
        err = sealed.len == sizeof old->row + KR_SEALED_BYTES
                  ? kr_value_open(txn->store, KR_DBI_SCOPES, key, sealed, old->row, sizeof old->row, &len)
                  : KR_CORRUPT;
        if (err == KR_OK) {
            err = kr_row_move(txn, cursor, MDB_NEXT, &key, &sealed);
        }
    }
    mdb_cursor_close(cursor);
    if (err == KR_NOT_FOUND) {
        err = count == max ? kr_row_clear(txn, KR_DBI_SCOPES) : KR_CORRUPT;
    }
out:
    if (err != KR_OK) {
        free(scopes);
        return err;
    }
    *ret_scopes = scopes;
    *ret_count = count;
    return KR_OK;
}

/* They are numbered anew, for a number is no more than the way from a scope to its rows. */
static enum kr_err move_scopes(struct kr_txn *txn, const struct old *trees)
{
    struct old_scope *scopes = NULL;
    uint64_t count = 0;
    enum kr_err err = take_scopes(txn, &scopes, &count);
    for (uint64_t i = 0; i < count && err == KR_OK; i++) {
        err = trees->is_there ? move_entries(trees, &scopes[i].scope, scopes[i].row) : KR_CORRUPT;
    }
    free(scopes);
    return err;
}

/* ---- formats 1 to 3 ---- */

static enum kr_err move_state(struct kr_txn *txn)
{
    uint8_t next[8];
    struct kr_slice key = kr_slice_of("arrival", 7);
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_META, key, next, sizeof next);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_CORRUPT : err;
    }
    txn->state.next_arrival = kr_get_be(next, sizeof next);
    return kr_row_delete(txn, KR_DBI_META, key);
}

static enum kr_err from_many_tables(struct kr_txn *txn)
{
    static const char *const names[] = {"heads", "ids", "tokens", "terms.new", "trees", "members", "expiry"};
    enum { HEADS, IDS, TOKENS, TERMS, TREES, TABLES = sizeof names / sizeof names[0] };
    struct old tables[TABLES] = {0};
    struct records records = {.heads = &tables[HEADS]};
    uint64_t pieces = 0;
    enum kr_err err = move_state(txn);
    for (uint32_t i = 0; i < TABLES && err == KR_OK; i++) {
        MDB_stat status = {0};
        err = old_open(txn, names[i], &tables[i]);
        if (err == KR_OK && tables[i].is_there && i > HEADS && i <= TREES && mdb_stat(txn->mdb, tables[i].dbi, &status) == 0) {
            pieces += status.ms_entries;
        }
    }
    kr_upgrade_begin(txn->store, pieces + txn->state.next_arrival);
    if (err == KR_OK) {
        err = old_each(&tables[IDS], move_record, &records);
    }
    if (err == KR_OK) {
        err = old_each(&tables[TOKENS], move_token, NULL);
    }
    if (err == KR_OK) {
        err = old_each(&tables[TERMS], move_term, NULL);
    }
    if (err == KR_OK) {
        err = move_scopes(txn, &tables[TREES]);
    }
    for (uint32_t i = 0; i < TABLES && err == KR_OK; i++) {
        err = old_drop(&tables[i]);
    }
    sodium_memzero(tables, sizeof tables); /* the keys of all that were opened */
    sodium_memzero(&records, sizeof records);
    return err;
}

/* ---- format 4 ---- */

static enum kr_err take_state(struct kr_txn *txn)
{
    uint8_t state[16]; /* next arrival, number of records */
    struct kr_slice key = kr_slice_of("state", 5);
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_META, key, state, sizeof state);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_CORRUPT : err;
    }
    txn->state.next_arrival = kr_get_be(state, 8);
    txn->state.records = kr_get_be(state + 8, 8);
    return kr_row_delete(txn, KR_DBI_META, key);
}

/* Rows behind a gap are not in memory, and would go with the table; and what is older than the log would number others like those
 * that are there. */
static enum kr_err check_whole(struct kr_txn *txn)
{
    uint64_t last_arrival = 0;
    enum kr_err err = kr_fresh_check_old(txn, txn->runs->fresh);
    if (err == KR_OK) {
        err = kr_log_last(txn, &last_arrival);
    }
    return err == KR_OK && last_arrival >= txn->state.next_arrival ? KR_CORRUPT : err;
}

static enum kr_err from_lean_tables(struct kr_txn *txn)
{
    enum kr_err err = take_state(txn);
    if (err == KR_OK) {
        err = check_whole(txn);
    }
    kr_upgrade_begin(txn->store, txn->state.next_arrival);
    return err;
}

/* Damaged heads count for nothing: they must not keep the store from opening. */
static enum kr_err count_indicators(struct kr_txn *txn)
{
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    for (uint64_t arrival = 1; arrival < txn->state.next_arrival; arrival++) {
        if (kr_store_head_get(txn, arrival, &head, scratch) == KR_OK) {
            kr_state_count(txn, &head, true);
        }
        kr_upgrade_did(txn->store, 1);
    }
    struct kr_slice key = kr_slice_of("indicators", 10); /* the core's own count */
    enum kr_err err = kr_row_delete(txn, KR_DBI_TABLE + KR_TABLE_IDENTITY, key);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* The first run that stands in a slot that is to go. */
static uint32_t misplaced(const struct kr_runs *runs)
{
    uint32_t i = 0;
    while (i < runs->count && runs->runs[i]->slot < KR_RUN_SLOTS) {
        i++;
    }
    return i;
}

/* Without its damaged rows, of which the program that wrote it can tell. */
static enum kr_err move_run(struct kr_txn *txn, uint32_t index)
{
    struct kr_runs *runs = NULL;
    struct kr_run_walk walk;
    struct kr_slice key = {0}, tag = {0};
    uint8_t last[KR_INDEX_KEY_BYTES] = {0};
    enum kr_err err = kr_runs_own(txn, &runs);
    if (err != KR_OK) {
        return err;
    }
    struct kr_run *old = runs->runs[index];
    const uint32_t slot = kr_runs_free_slot(runs, false);
    if (slot >= KR_RUN_SLOTS) {
        return KR_CORRUPT; /* all that can merge has merged: no program writes so many */
    }
    struct kr_run *run = kr_run_new(old->serial, slot, old->level, old->generation);
    if (run == NULL) {
        return KR_NOMEM;
    }
    kr_run_walk_init(&walk, txn);
    walk.skips_damaged = true;
    err = kr_run_walk_add(&walk, KR_DBI_RUN + old->slot, (struct kr_slice){0});
    while (err == KR_OK && kr_run_walk_peek(&walk, &key, &tag)) {
        if (memcmp(key.bytes, last, sizeof last) > 0) {
            err = kr_row_put(txn, KR_DBI_RUN + slot, key, tag, MDB_APPEND);
            memcpy(last, key.bytes, sizeof last);
            run->count++;
        }
        if (err == KR_OK) {
            err = kr_run_walk_next(&walk);
        }
    }
    kr_run_walk_deinit(&walk);
    if (err == KR_OK) {
        runs->runs[index] = run;
        run = old;
    }
    kr_run_unref(run);
    return err;
}

/* Slots that are too many make LMDB's list of tables longer than a page, which every commit writes. Merging empties most of them,
 * and leaves one for what is merged next. */
static enum kr_err leave_slots(struct kr_txn *txn)
{
    bool more = true;
    enum kr_err err = KR_OK;
    while (err == KR_OK && more &&
           (txn->runs->target != NULL || misplaced(txn->runs) < txn->runs->count || txn->runs->count >= KR_RUN_SLOTS)) {
        err = kr_store_merge_slice(txn, &more);
    }
    for (uint32_t at; err == KR_OK && (at = misplaced(txn->runs)) < txn->runs->count;) {
        err = move_run(txn, at);
    }
    for (uint32_t dbi = KR_DBI_COUNT; dbi < KR_DBI_COUNT_OLD && err == KR_OK; dbi++) {
        err = kr_env_err(txn->store, mdb_drop(txn->mdb, txn->store->dbis[dbi], 1));
    }
    return err;
}

enum kr_err kr_upgrade(struct kr_txn *txn, uint32_t format, bool *ret_is_under_way)
{
    uint64_t entries = 0;
    const bool has_old_scopes = format >= 4 && format < KR_FORMAT_TREE;
    enum kr_err err = has_old_scopes ? kr_upgrade_scopes_check(txn, &entries) : KR_OK;
    *ret_is_under_way = has_old_scopes;
    if (format >= KR_FORMAT_LEAN) {
        txn->fresh_saved = kr_fresh_count(txn->runs->fresh); /* it stays as it is */
        return err;
    }
    if (err == KR_OK) {
        err = format < 4 ? from_many_tables(txn) : from_lean_tables(txn);
    }
    if (err == KR_OK) {
        err = count_indicators(txn);
    }
    if (err == KR_OK) {
        err = leave_slots(txn);
    }
    if (err == KR_OK) {
        err = kr_row_clear(txn, KR_DBI_FRESH); /* what is fresh is in memory and is written anew, with the state */
    }
    txn->state_changed = true;
    return err;
}
