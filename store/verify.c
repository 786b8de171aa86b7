/* Walks everything and says what does not hold.
 *
 * The walk is a row of stages, one for each table; the caller's cursor is the stage (8 bits) and a place in it (56 bits) that a
 * later slice can find again without remembering a key: the first bytes of the key, or its number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/fresh.h"
#include "store/runs.h"
#include "store/tree.h"

#define SLICE_ROWS  1000u
#define SLICE_BYTES (2u * KR_MIB)
#define PLACE_BITS  56u

struct verify {
    struct kr_txn *txn;
    kr_store_problem *problem;
    void *context;
    uint64_t checked, bytes;
    uint32_t dbi;
    uint8_t *scratch; /* KR_HEAD_SCRATCH */
    uint8_t *record;  /* KR_RECORD_BYTES_MAX */
    uint8_t previous[KR_INDEX_KEY_BYTES];
    bool has_previous;
    uint32_t fresh_next;
    struct kr_tree_check *trees;
};

static void problem(struct verify *verify, const char *fmt, ...) KR_PRINTF(2, 3);
static void problem(struct verify *verify, const char *fmt, ...)
{
    char sentence[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    verify->problem(verify->context, sentence);
}

/* The first eight digits, by which people know a record. */
static const char *short_id(const uint8_t *id, char buffer[static 9])
{
    (void)sodium_bin2hex(buffer, 9, id, 4);
    return buffer;
}

/* ---- what is checked of a row ---- */

static void check_meta(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    size_t len = 0;
    bool is_format = key.len == 6 && memcmp(key.bytes, "format", 6) == 0;
    uint32_t format = 0;
    enum kr_err err = is_format
                          ? kr_format_get(verify->txn, &format)
                          : kr_value_open(verify->txn->store, KR_DBI_META, key, value, verify->record, KR_RECORD_BYTES_MAX, &len);
    if (err != KR_OK) {
        problem(verify, "the store's own entry \"%.*s\" is damaged", (int)key.len, (const char *)key.bytes);
    }
}

/* Whether a record is found under its id: the row of the index that should lead to it may be damaged or gone. */
static bool is_found(struct verify *verify, const struct kr_head *head)
{
    uint64_t arrival = 0;
    return kr_store_record_find(verify->txn, head->id, &arrival) == KR_OK && arrival == head->arrival;
}

static void check_head(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    struct kr_head head;
    uint8_t data_key[32];
    char id[9];
    unsigned long long arrival = kr_get_be(key.bytes, 8);
    if (kr_head_open(verify->txn, key, value, &head, verify->scratch, data_key) != KR_OK) {
        problem(verify, "the head of record number %llu is damaged", arrival);
        return;
    }
    if (!is_found(verify, &head)) {
        problem(verify, "record %s (number %llu) is not found under its id", short_id(head.id, id), arrival);
    }
    if (kr_log_open(verify->txn, &head, data_key, verify->record) != KR_OK) {
        problem(verify, "the content of record %s (number %llu) is damaged", short_id(head.id, id), arrival);
    }
    if (kr_due_check(verify->txn, head.arrival, kr_due_of(&head)) != KR_OK) {
        problem(verify, "the expiry of record %s (number %llu) is damaged", short_id(head.id, id), arrival);
    }
    verify->bytes += head.record_bytes;
    sodium_memzero(data_key, sizeof data_key);
}

/* Chunks, and the head behind them. */
static void check_log(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    if (key.len == 10 && kr_get_be(key.bytes + 8, 2) == KR_HEAD_CHUNK) {
        check_head(verify, key, value);
    } else if (key.len != 10 || !kr_head_is_there(verify->txn, kr_get_be(key.bytes, 8))) {
        problem(verify, "a piece of a record stands in the log without a head");
    }
}

static void check_dead(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    size_t len = 0;
    if (kr_value_open(verify->txn->store, KR_DBI_DEAD, key, value, verify->record, KR_RECORD_BYTES_MAX, &len) != KR_OK) {
        problem(verify, "the list of purged records is damaged");
    }
}

static void check_scope(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    (void)value;
    if (kr_scope_check(verify->txn, key) != KR_OK) {
        problem(verify, "a scope (kind %u) is damaged, or its last entries are", key.len > 0 ? (unsigned)key.bytes[0] : 0u);
    } else if (kr_tree_check_scope(verify->trees, key) != KR_OK) {
        problem(verify, "entries of a scope (kind %u) are not in its trees", (unsigned)key.bytes[0]);
    }
}

static void check_block(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    (void)value;
    if (kr_scope_check_block(verify->txn, key) != KR_OK) {
        problem(verify, "block %llu of scope number %llu is damaged, or the one before it",
                (unsigned long long)(key.len == 12 ? kr_get_be(key.bytes + 4, 8) : 0),
                (unsigned long long)(key.len == 12 ? kr_get_be(key.bytes, 4) : 0));
    } else if (kr_tree_check_block(verify->trees, key) != KR_OK) {
        problem(verify, "entries in block %llu of scope number %llu are not in its trees",
                (unsigned long long)kr_get_be(key.bytes + 4, 8), (unsigned long long)kr_get_be(key.bytes, 4));
    }
}

static void check_tree(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    if (kr_tree_check_row(verify->trees, key, value, &verify->bytes) != KR_OK) {
        const unsigned long long month = key.len >= KR_TREE_MONTH_KEY ? kr_get_be(key.bytes + 4, 2) : 0;
        problem(verify, "the tree of scope number %llu for %llu-%02llu is damaged, or does not have what its scope has",
                (unsigned long long)(key.len >= KR_TREE_MONTH_KEY ? kr_get_be(key.bytes, 4) : 0), 1970 + month / 12,
                1 + month % 12);
    }
}

static void check_table(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    size_t len = 0;
    char buffer[16];
    if (kr_value_open(verify->txn->store, verify->dbi, key, value, verify->record, KR_TABLE_VALUE_BYTES_MAX, &len) != KR_OK) {
        problem(verify, "an entry of table \"%s\" is damaged", kr_dbi_name(verify->dbi, buffer));
    }
}

static void check_due(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    struct kr_state state;
    const uint64_t number = key.len == 8 ? kr_get_be(key.bytes, 8) : UINT64_MAX;
    (void)value;
    bool is_known = kr_fresh_state(verify->txn, &state) == KR_OK;
    if (number > (is_known ? state.next_arrival : UINT64_MAX) / KR_DUE_ARRIVALS ||
        kr_due_check(verify->txn, number * KR_DUE_ARRIVALS, UINT64_MAX) != KR_OK) {
        problem(verify, "the list of expiries is damaged");
    }
}

/* An id leads to a record, unless that was purged. */
static void check_index_key(struct verify *verify, const uint8_t *key)
{
    char id[9];
    bool is_dead = false;
    uint64_t arrival = kr_get_be(key + KR_TERM_BYTES, 8);
    if (kr_get_be(key + KR_TERM_BYTES + 8, 2) == KR_INDEX_ID && !kr_head_is_there(verify->txn, arrival) &&
        kr_dead_is(verify->txn, arrival, &is_dead) == KR_OK && !is_dead) {
        problem(verify, "record %s (number %llu) is missing", short_id(key, id), (unsigned long long)arrival);
    }
}

static void check_run(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    char buffer[16];
    if (key.len != KR_INDEX_KEY_BYTES || !kr_tag_matches(verify->txn->store, KR_TAG_INDEX, key, value)) {
        problem(verify, "an entry of the index (%s) is damaged", kr_dbi_name(verify->dbi, buffer));
        return;
    }
    if (verify->has_previous && memcmp(verify->previous, key.bytes, sizeof verify->previous) >= 0) {
        problem(verify, "the index (%s) is out of order", kr_dbi_name(verify->dbi, buffer));
    }
    memcpy(verify->previous, key.bytes, sizeof verify->previous);
    verify->has_previous = true;
    check_index_key(verify, key.bytes);
}

static void check_fresh(struct verify *verify, struct kr_slice key, struct kr_slice value)
{
    struct kr_slice rows;
    if (kr_fresh_check(verify->txn->store, key, value, &verify->fresh_next, &rows) != KR_OK) {
        problem(verify, "an entry of the index (fresh) is damaged, or one before it is missing");
        return;
    }
    for (size_t at = 0; at < rows.len; at += KR_INDEX_ROW_BYTES) {
        check_index_key(verify, rows.bytes + at);
    }
}

/* ---- places: as large as they can be where the key says more ---- */

#define PLACE_MAX ((UINT64_C(1) << PLACE_BITS) - 1)

static uint64_t at_most(uint64_t value, uint64_t max)
{
    return value < max ? value : max;
}

static uint64_t place_by_number(struct kr_slice key)
{
    return key.len >= 8 ? at_most(kr_get_be(key.bytes, 8), PLACE_MAX) : 0;
}

static uint64_t place_by_bytes(struct kr_slice key)
{
    return key.len >= 7 ? kr_get_be(key.bytes, 7) : 0;
}

/* Number of the scope, then of the block. */
static uint64_t place_of_entry(struct kr_slice key)
{
    const uint64_t scope = key.len >= 12 ? kr_get_be(key.bytes, 4) : 0, block = key.len >= 12 ? kr_get_be(key.bytes + 4, 8) : 0;
    return scope > UINT32_MAX >> 8 ? PLACE_MAX : scope << 32 | at_most(block, UINT32_MAX);
}

/* Number of the scope, month, and then as much of the first bytes as there is room for: the last three of the hour, and one of the
 * id. */
static uint64_t place_of_tree(struct kr_slice key)
{
    uint8_t rest[5] = {0};
    const uint64_t scope = key.len >= KR_TREE_MONTH_KEY ? kr_get_be(key.bytes, 4) : 0;
    const uint64_t month = key.len >= KR_TREE_MONTH_KEY ? kr_get_be(key.bytes + 4, 2) : 0;
    for (size_t i = 0; i < sizeof rest && KR_TREE_MONTH_KEY + i < key.len; i++) {
        rest[i] = key.bytes[KR_TREE_MONTH_KEY + i];
    }
    if (scope >= 1u << 12 || month >= 1u << 12 || rest[0] != 0) {
        return PLACE_MAX;
    }
    return scope << 44 | month << 32 | kr_get_be(rest + 1, 4);
}

static uint64_t place_of_fresh(struct kr_slice key)
{
    return key.len >= 4 ? kr_get_be(key.bytes, 4) : 0;
}

static size_t key_by_number(uint64_t place, uint8_t *ret_key)
{
    kr_put_be(ret_key, place, 8);
    return 8;
}

static size_t key_by_bytes(uint64_t place, uint8_t *ret_key)
{
    kr_put_be(ret_key, place, 7);
    return 7;
}

static size_t key_of_entry(uint64_t place, uint8_t *ret_key)
{
    kr_put_be(ret_key, place >> 32, 4);
    kr_put_be(ret_key + 4, place & UINT32_MAX, 8);
    return 12;
}

static size_t key_of_tree(uint64_t place, uint8_t *ret_key)
{
    kr_put_be(ret_key, place >> 44, 4);
    kr_put_be(ret_key + 4, place >> 32 & 0xFFFu, 2);
    kr_put_be(ret_key + KR_TREE_MONTH_KEY, place & UINT32_MAX, 5);
    size_t len = KR_TREE_MONTH_KEY + 5;
    while (len > KR_TREE_MONTH_KEY && ret_key[len - 1] == 0) {
        len--; /* a key that is shorter stands in front of one that goes on with zeros */
    }
    return len;
}

static size_t key_of_fresh(uint64_t place, uint8_t *ret_key)
{
    kr_put_be(ret_key, place, 4);
    return 4;
}

/* ---- stages ---- */

struct stage {
    uint32_t dbi, tables; /* this table and the tables - 1 behind it */
    void (*check)(struct verify *verify, struct kr_slice key, struct kr_slice value);
    uint64_t (*place)(struct kr_slice key); /* NULL: the place is the row's number, for tables that are never long */
    size_t (*key)(uint64_t place, uint8_t *ret_key);
    bool needs_trees;
};
static const struct stage stages[] = {
    {KR_DBI_META, 1, check_meta, NULL, NULL, false},
    {KR_DBI_LOG, 1, check_log, place_by_number, key_by_number, false},
    {KR_DBI_DUE, 1, check_due, place_by_number, key_by_number, false},
    {KR_DBI_DEAD, 1, check_dead, place_by_number, key_by_number, false},
    {KR_DBI_SCOPES, 1, check_scope, NULL, NULL, true},
    {KR_DBI_ENTRIES, 1, check_block, place_of_entry, key_of_entry, true},
    {KR_DBI_TREE, 1, check_tree, place_of_tree, key_of_tree, true},
    {KR_DBI_TABLE, KR_TABLE_COUNT, check_table, NULL, NULL, false},
    {KR_DBI_FRESH, 1, check_fresh, place_of_fresh, key_of_fresh, false},
    {KR_DBI_RUN, KR_RUN_SLOTS, check_run, place_by_bytes, key_by_bytes, false},
};

static const struct stage *stage_of(uint32_t number, uint32_t *ret_dbi)
{
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        if (number < stages[i].tables) {
            *ret_dbi = stages[i].dbi + number;
            return &stages[i];
        }
        number -= stages[i].tables;
    }
    return NULL;
}

static enum kr_err go_to(struct verify *verify, const struct stage *stage, MDB_cursor *cursor, uint64_t place, struct kr_slice *key,
                         struct kr_slice *ret_value)
{
    uint8_t from[16];
    if (stage->place != NULL && place > 0) {
        *key = kr_slice_of(from, stage->key(place, from));
        return kr_row_move(verify->txn, cursor, MDB_SET_RANGE, key, ret_value);
    }
    enum kr_err err = kr_row_move(verify->txn, cursor, MDB_FIRST, key, ret_value);
    for (; stage->place == NULL && place > 0 && err == KR_OK; place--) {
        err = kr_row_move(verify->txn, cursor, MDB_NEXT, key, ret_value);
    }
    return err;
}

/* Whether the next slice can begin at this very row. */
static bool leads_back(struct verify *verify, const struct stage *stage, uint64_t place, struct kr_slice row)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    if (place == 0 || kr_row_cursor(verify->txn, verify->dbi, &cursor) != KR_OK) {
        return false;
    }
    enum kr_err err = go_to(verify, stage, cursor, place, &key, &value);
    mdb_cursor_close(cursor);
    return err == KR_OK && key.bytes == row.bytes;
}

/* From `*place` on; a slice ends only where its place leads back to, so that the next one neither skips nor repeats rows, and comes
 * to an end whatever stands in a table. */
static enum kr_err walk_table(struct verify *verify, const struct stage *stage, uint64_t *place)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    uint64_t at = *place;
    enum kr_err err = kr_row_cursor(verify->txn, verify->dbi, &cursor);
    if (err != KR_OK) {
        return err;
    }
    verify->has_previous = false;
    verify->fresh_next = *place > 0 ? KR_FRESH_ANY : 0; /* they may have become a run since the last slice */
    err = go_to(verify, stage, cursor, *place, &key, &value);
    while (err == KR_OK) {
        const bool is_full = verify->checked >= SLICE_ROWS || verify->bytes >= SLICE_BYTES;
        if (stage->place == NULL && verify->checked >= SLICE_ROWS) {
            break;
        }
        if (stage->place != NULL && is_full && leads_back(verify, stage, stage->place(key), key)) {
            at = stage->place(key);
            break;
        }
        stage->check(verify, key, value);
        verify->checked++;
        verify->bytes += value.len;
        at += stage->place == NULL;
        err = kr_row_move(verify->txn, cursor, MDB_NEXT, &key, &value);
    }
    mdb_cursor_close(cursor);
    *place = at;
    return err;
}

/* That rows are missing at the end of what is fresh, nothing in front of them tells; but a record whose arrival is not given out
 * yet does. */
static void check_end(struct verify *verify)
{
    struct kr_state state;
    uint64_t last_arrival = 0;
    if (kr_fresh_state(verify->txn, &state) != KR_OK) {
        problem(verify, "the state of the store is damaged or missing at the end of the index (fresh): nothing can be written");
    } else if (kr_log_last(verify->txn, &last_arrival) == KR_OK && last_arrival >= state.next_arrival) {
        problem(verify, "the log goes on to number %llu, which is not given out yet: the end of the index (fresh) is missing",
                (unsigned long long)last_arrival);
    }
}

/* What can be said of a table as a whole, when its walk begins. */
static void check_counts(struct verify *verify)
{
    struct kr_txn *txn = verify->txn;
    char buffer[16];
    if (verify->dbi == KR_DBI_FRESH) {
        check_end(verify);
    }
    if (verify->dbi < KR_DBI_RUN) {
        return;
    }
    uint64_t count = 0;
    for (uint32_t i = 0; i < txn->runs->count; i++) {
        count += txn->runs->runs[i]->slot == verify->dbi - KR_DBI_RUN ? txn->runs->runs[i]->count : 0;
    }
    if (txn->runs->target != NULL && txn->runs->target->slot == verify->dbi - KR_DBI_RUN) {
        count = txn->runs->target->count;
    }
    if (count != kr_row_count(txn, verify->dbi)) {
        problem(verify, "the index (%s) has %llu entries, %llu expected", kr_dbi_name(verify->dbi, buffer),
                (unsigned long long)kr_row_count(txn, verify->dbi), (unsigned long long)count);
    }
}

enum kr_err kr_store_verify(struct kr_txn *txn, uint64_t *cursor, kr_store_problem *report, void *context, uint64_t *ret_checked,
                            bool *ret_done)
{
    struct verify verify = {.txn = txn, .problem = report, .context = context};
    uint32_t number = (uint32_t)(*cursor >> PLACE_BITS);
    uint64_t place = *cursor & PLACE_MAX;
    const struct stage *stage = NULL;
    enum kr_err err = KR_NOMEM;
    verify.scratch = malloc(KR_HEAD_SCRATCH);
    verify.record = malloc(KR_RECORD_BYTES_MAX);
    if (verify.scratch == NULL || verify.record == NULL) {
        goto out;
    }
    err = KR_OK;
    while ((stage = stage_of(number, &verify.dbi)) != NULL && verify.checked < SLICE_ROWS && verify.bytes < SLICE_BYTES) {
        if (stage->needs_trees && verify.trees == NULL) {
            err = kr_tree_check_new(txn, &verify.trees);
            if (err != KR_OK) {
                goto out;
            }
        }
        if (place == 0) {
            check_counts(&verify);
        }
        err = walk_table(&verify, stage, &place);
        if (err == KR_OK) {
            break; /* the slice is full */
        }
        if (err != KR_NOT_FOUND) {
            char buffer[16];
            problem(&verify, "table \"%s\" cannot be read on: %s", kr_dbi_name(verify.dbi, buffer), kr_err_text(err));
        }
        err = KR_OK;
        number++;
        place = 0;
    }
    *cursor = (uint64_t)number << PLACE_BITS | place;
    *ret_checked = verify.checked;
    *ret_done = stage == NULL;
out:
    kr_tree_check_free(verify.trees);
    free(verify.record);
    free(verify.scratch);
    return err;
}
