/* Scopes of formats 4 and 5 had blocks of ids alone, and no trees: when a record was made, and when it expires, its head says.
 *
 * They become today's in place, by transactions of a bounded size, each of which leaves whole blocks of one scope and the rows of
 * trees that belong to them:
 *
 *   format 4, 5 ── all is there and whole ──▶ under way ── a slice ──▶ under way ── … ── no old row is left ──▶ today's
 *
 * How far it is the rows say by their lengths: a block of today is longer than an old one, and a scope's row is old until all of
 * its blocks are of today. So whoever opens a store that is under way goes on with it. */
#include <stdlib.h>
#include <string.h>

#include "store/scope.h"

#define OLD_FIXED_BYTES 44u /* number 4 ‖ count 8 ‖ running hash 32; then the block */

#define SLICE_LUMPS 16u /* of KR_TREE_LAG_TXN entries, in one transaction */
#define SLICE_PAGES (4u * KR_TXN_DIRTY_PAGES_MAX)

struct old_block {
    uint8_t before[32];
    uint8_t ids[KR_BLOCK_ENTRIES][32];
};

struct old_row {
    struct kr_scope scope;
    uint32_t number;
    uint64_t count;
    uint8_t hash[32];
    struct old_block last;
};

/* What cannot be read is not in a tree until it has been fetched anew. */
enum kr_err kr_upgrade_entry(struct kr_txn *txn, const uint8_t id[static 32], struct kr_entry *ret_entry)
{
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    uint64_t arrival = 0;
    enum kr_err err = kr_store_record_find(txn, id, &arrival);
    if (err == KR_OK) {
        err = kr_store_head_get(txn, arrival, &head, scratch);
    }
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        return err;
    }
    if (err == KR_OK) {
        *ret_entry = kr_tree_entry(&head);
    } else {
        *ret_entry = (struct kr_entry){0};
        memcpy(ret_entry->id, id, 32);
    }
    return KR_OK;
}

/* Whether its length is that of an old row, of which one of today with as many entries is never. */
static bool is_old_row(size_t len, uint64_t count)
{
    return len == OLD_FIXED_BYTES + 32 + count % KR_BLOCK_ENTRIES * 32;
}

/* `*ret_is_old` false: the row is of today. */
static enum kr_err read_row(struct kr_txn *txn, struct kr_slice key, struct kr_slice sealed, struct old_row *ret_row,
                            bool *ret_is_old)
{
    uint8_t value[KR_KIB * 2];
    size_t len = 0;
    enum kr_err err = kr_value_open(txn->store, KR_DBI_SCOPES, key, sealed, value, sizeof value, &len);
    if (err != KR_OK || key.len != KR_SCOPE_KEY_BYTES || len < OLD_FIXED_BYTES) {
        return KR_CORRUPT;
    }
    ret_row->scope.kind = key.bytes[0];
    memcpy(ret_row->scope.id, key.bytes + 1, 32);
    ret_row->number = (uint32_t)kr_get_be(value, 4);
    ret_row->count = kr_get_be(value + 4, 8);
    memcpy(ret_row->hash, value + 12, 32);
    *ret_is_old = is_old_row(len, ret_row->count);
    if (*ret_is_old) {
        memcpy(&ret_row->last, value + OLD_FIXED_BYTES, len - OLD_FIXED_BYTES);
    }
    return KR_OK;
}

/* Those that are old; `*ret_rows` is the caller's to free(). */
static enum kr_err read_rows(struct kr_txn *txn, struct old_row **ret_rows, uint64_t *ret_count)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, sealed = {0};
    uint64_t count = 0, seen = 0;
    const uint64_t max = kr_row_count(txn, KR_DBI_SCOPES);
    struct old_row *rows = calloc(max + 1, sizeof *rows);
    enum kr_err err = rows != NULL ? kr_row_cursor(txn, KR_DBI_SCOPES, &cursor) : KR_NOMEM;
    if (err == KR_OK) {
        err = kr_row_move(txn, cursor, MDB_FIRST, &key, &sealed);
        while (err == KR_OK) {
            bool is_old = false;
            err = seen++ < max ? read_row(txn, key, sealed, &rows[count], &is_old) : KR_CORRUPT;
            count += is_old;
            if (err == KR_OK) {
                err = kr_row_move(txn, cursor, MDB_NEXT, &key, &sealed);
            }
        }
        mdb_cursor_close(cursor);
    }
    if (err != KR_NOT_FOUND) {
        free(rows);
        return err;
    }
    *ret_rows = rows;
    *ret_count = count;
    return KR_OK;
}

/* ---- before anything is changed ---- */

static enum kr_err get_block(struct kr_txn *txn, uint32_t number, uint64_t at, struct old_block *ret_block)
{
    uint8_t buffer[KR_BLOCK_KEY_BYTES];
    enum kr_err err =
        kr_value_get_fixed(txn, KR_DBI_ENTRIES, kr_block_key(number, at, buffer), (uint8_t *)ret_block, sizeof *ret_block);
    return err == KR_NOT_FOUND ? KR_CORRUPT : err;
}

/* Every block is there and follows from the one before it. */
static enum kr_err check_scope(struct kr_txn *txn, const struct old_row *old)
{
    uint8_t hash[32] = {0};
    const uint64_t blocks = old->count / KR_BLOCK_ENTRIES;
    enum kr_err err = KR_OK;
    for (uint64_t at = 0; at <= blocks && err == KR_OK; at++) {
        struct old_block block = old->last;
        const uint32_t count = at < blocks ? KR_BLOCK_ENTRIES : (uint32_t)(old->count % KR_BLOCK_ENTRIES);
        if (at < blocks) {
            err = get_block(txn, old->number, at, &block);
        }
        if (err == KR_OK && old->count > 0 && memcmp(block.before, hash, 32) != 0) {
            err = KR_CORRUPT;
        }
        for (uint32_t i = 0; i < count && err == KR_OK; i++) {
            kr_scope_hash(hash, block.ids[i]);
        }
    }
    return err == KR_OK && memcmp(hash, old->hash, 32) != 0 ? KR_CORRUPT : err;
}

enum kr_err kr_upgrade_scopes_check(struct kr_txn *txn, uint64_t *ret_entries)
{
    struct old_row *rows = NULL;
    uint64_t count = 0, entries = 0;
    enum kr_err err = read_rows(txn, &rows, &count);
    if (err != KR_OK) {
        return err;
    }
    if (count != kr_row_count(txn, KR_DBI_SCOPES)) {
        err = KR_CORRUPT; /* nothing of today can be there yet */
    }
    for (uint64_t i = 0; i < count && err == KR_OK; i++) {
        entries += rows[i].count;
        err = check_scope(txn, &rows[i]);
    }
    free(rows);
    if (err == KR_OK) {
        *ret_entries = entries;
    }
    return err;
}

/* ---- slices ---- */

/* How many blocks are of today: all those before the first old one. */
static enum kr_err find_place(struct kr_txn *txn, const struct old_row *old, struct kr_scope_row *row)
{
    uint64_t from = 0, to = old->count / KR_BLOCK_ENTRIES;
    while (from < to) {
        uint8_t buffer[KR_BLOCK_KEY_BYTES];
        struct kr_slice sealed = {0};
        const uint64_t middle = from + (to - from) / 2;
        enum kr_err err = kr_row_get(txn, KR_DBI_ENTRIES, kr_block_key(old->number, middle, buffer), &sealed);
        if (err != KR_OK) {
            return err == KR_NOT_FOUND ? KR_CORRUPT : err;
        }
        if (sealed.len == sizeof(struct kr_block) + KR_SEALED_BYTES) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    struct old_block next = old->last;
    enum kr_err err = from < old->count / KR_BLOCK_ENTRIES ? get_block(txn, old->number, from, &next) : KR_OK;
    *row = (struct kr_scope_row){.number = old->number, .count = from * KR_BLOCK_ENTRIES, .applied = from * KR_BLOCK_ENTRIES};
    memcpy(row->hash, next.before, 32);
    memcpy(row->last.before, next.before, 32);
    return err;
}

/* New blocks take the places of old ones. */
static enum kr_err move_block(struct kr_txn *txn, struct kr_scope_row *row, const struct old_block *old, uint32_t count)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        struct kr_entry entry;
        err = kr_upgrade_entry(txn, old->ids[i], &entry);
        if (err == KR_OK) {
            err = kr_scope_push(txn, row, &entry);
        }
    }
    return err;
}

/* As many entries as the trees take at once. `*ret_more`: some of the scope are left. */
static enum kr_err move_lump(struct kr_txn *txn, const struct old_row *old, struct kr_scope_row *row, bool *ret_more)
{
    const uint64_t blocks = old->count / KR_BLOCK_ENTRIES;
    enum kr_err err = KR_OK;
    while (err == KR_OK && row->count / KR_BLOCK_ENTRIES < blocks &&
           row->count - row->applied + KR_BLOCK_ENTRIES <= KR_TREE_LAG_TXN) {
        struct old_block block;
        err = get_block(txn, old->number, row->count / KR_BLOCK_ENTRIES, &block);
        if (err == KR_OK) {
            err = move_block(txn, row, &block, KR_BLOCK_ENTRIES);
        }
    }
    *ret_more = row->count / KR_BLOCK_ENTRIES < blocks || row->count - row->applied + KR_BLOCK_ENTRIES > KR_TREE_LAG_TXN;
    if (err == KR_OK && !*ret_more) {
        err = move_block(txn, row, &old->last, (uint32_t)(old->count % KR_BLOCK_ENTRIES));
    }
    if (err == KR_OK) {
        err = kr_scope_settle(txn, row);
    }
    if (err == KR_OK && !*ret_more) {
        err = memcmp(row->hash, old->hash, 32) == 0 ? kr_scope_row_put(txn, &old->scope, row) : KR_CORRUPT;
    }
    return err;
}

/* So many that a commit is worth it, and few enough for little memory. */
static enum kr_err move_slice(struct kr_txn *txn, const struct old_row *old, struct kr_scope_row *row, bool *ret_more)
{
    enum kr_err err = KR_OK;
    uint32_t lumps = 0;
    do {
        const uint64_t before = row->count;
        err = move_lump(txn, old, row, ret_more);
        kr_upgrade_did(txn->store, row->count - before);
    } while (err == KR_OK && *ret_more && ++lumps < SLICE_LUMPS && kr_txn_dirty_pages(txn) < SLICE_PAGES);
    return err;
}

static enum kr_err move_scope(struct kr_store *store, const struct old_row *old)
{
    struct kr_scope_row row = {0};
    bool is_found = false, more = true;
    enum kr_err err = KR_OK;
    while (more && err == KR_OK) {
        struct kr_txn *txn = NULL;
        err = kr_store_write_begin(store, &txn);
        if (err != KR_OK) {
            break;
        }
        if (!is_found) {
            err = find_place(txn, old, &row);
            is_found = true;
            kr_upgrade_did(store, row.count);
        }
        if (err == KR_OK) {
            err = move_slice(txn, old, &row, &more);
        }
        if (err == KR_OK) {
            err = kr_txn_commit(txn);
        } else {
            kr_txn_abort(txn);
        }
    }
    return err;
}

static enum kr_err old_rows(struct kr_store *store, struct old_row **ret_rows, uint64_t *ret_count)
{
    struct kr_txn *txn = NULL;
    enum kr_err err = kr_store_read_begin(store, &txn);
    if (err == KR_OK) {
        err = read_rows(txn, ret_rows, ret_count);
        kr_txn_abort(txn);
    }
    return err;
}

enum kr_err kr_upgrade_scopes(struct kr_store *store)
{
    struct old_row *rows = NULL;
    uint64_t count = 0, entries = 0;
    struct kr_txn *txn = NULL;
    enum kr_err err = old_rows(store, &rows, &count);
    for (uint64_t i = 0; i < count && err == KR_OK; i++) {
        entries += rows[i].count;
    }
    kr_upgrade_begin(store, entries);
    for (uint64_t i = 0; i < count && err == KR_OK; i++) {
        err = move_scope(store, &rows[i]);
    }
    free(rows);
    if (err == KR_OK) {
        err = kr_store_write_begin(store, &txn);
    }
    if (err == KR_OK) {
        err = kr_format_put(txn, KR_STORE_FORMAT);
        if (err == KR_OK) {
            err = kr_txn_commit(txn);
        } else {
            kr_txn_abort(txn);
        }
    }
    return err;
}
