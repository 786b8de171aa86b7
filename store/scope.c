/* Scopes: what entered, in order, with a running hash, and where each id stands.
 *
 * The entries of the last, unfinished block stand in the scope's own row, which changes with each entry anyway; a full block moves
 * to `entries` at once. A running hash inside a block is worked out from the one before it. */
#include "store/scope.h"

#include <string.h>

void kr_scope_hash(uint8_t hash[static 32], const uint8_t id[static 32])
{
    struct kr_hash_state state;
    kr_hash_init(&state, "kairan cursor");
    kr_hash_update(&state, hash, 32);
    kr_hash_update(&state, id, 32);
    kr_hash_final(&state, hash);
}

/* ---- blocks ---- */

struct kr_slice kr_block_key(uint32_t number, uint64_t block, uint8_t buffer[static KR_BLOCK_KEY_BYTES])
{
    kr_put_be(buffer, number, 4);
    kr_put_be(buffer + 4, block, 8);
    return kr_slice_of(buffer, KR_BLOCK_KEY_BYTES);
}

enum kr_err kr_block_get(struct kr_txn *txn, const struct kr_scope_row *row, uint64_t block, struct kr_block *ret_block)
{
    uint8_t buffer[KR_BLOCK_KEY_BYTES];
    if (block >= row->count / KR_BLOCK_ENTRIES) {
        *ret_block = row->last;
        return KR_OK;
    }
    enum kr_err err =
        kr_value_get_fixed(txn, KR_DBI_ENTRIES, kr_block_key(row->number, block, buffer), (uint8_t *)ret_block, sizeof *ret_block);
    return err == KR_NOT_FOUND ? KR_CORRUPT : err;
}

static enum kr_err block_put(struct kr_txn *txn, uint32_t number, uint64_t at, const struct kr_block *block)
{
    uint8_t buffer[KR_BLOCK_KEY_BYTES];
    return kr_value_put(txn, KR_DBI_ENTRIES, kr_block_key(number, at, buffer), kr_slice_of(block, sizeof *block), 0);
}

/* ---- members: rows of the index ---- */

static void member_hash(const struct kr_store *store, uint32_t number, const uint8_t id[static 32],
                        uint8_t ret_hash[static KR_TERM_BYTES])
{
    uint8_t bytes[36];
    kr_put_be(bytes, number, 4);
    memcpy(bytes + 4, id, 32);
    kr_hash_keyed(ret_hash, KR_TERM_BYTES, store->keys->term, "kairan store member", bytes, sizeof bytes);
}

/* An id may have entered more than once, each time after it had gone from its tree. */
struct member {
    uint8_t hash[KR_TERM_BYTES];
    uint64_t last, sought;
    bool is_there, has_sought;
};

static bool take_member(void *context, const struct kr_term_entry *entry)
{
    struct member *member = context;
    if (entry->position == KR_INDEX_MEMBER) {
        member->last = !member->is_there || entry->arrival > member->last ? entry->arrival : member->last;
        member->is_there = true;
        member->has_sought = member->has_sought || entry->arrival == member->sought;
    }
    return true;
}

static enum kr_err look_up(struct kr_txn *txn, uint32_t number, const uint8_t id[static 32], struct member *member)
{
    member_hash(txn->store, number, id, member->hash);
    return kr_index_each(txn, member->hash, sizeof member->hash, take_member, member);
}

/* Where the id entered last, and the block with that entry. */
static enum kr_err find_entry(struct kr_txn *txn, const struct kr_scope_row *row, const uint8_t id[static 32],
                              struct member *member, struct kr_block *ret_block)
{
    enum kr_err err = look_up(txn, row->number, id, member);
    if (err == KR_OK && !member->is_there) {
        return KR_NOT_FOUND;
    }
    const uint64_t entry = member->last;
    if (err == KR_OK) {
        err = entry < row->count ? kr_block_get(txn, row, entry / KR_BLOCK_ENTRIES, ret_block) : KR_CORRUPT;
    }
    return err == KR_OK && memcmp(ret_block->entries[entry % KR_BLOCK_ENTRIES].id, id, 32) != 0 ? KR_CORRUPT : err;
}

/* ---- the contract ---- */

enum kr_err kr_scope_push(struct kr_txn *txn, struct kr_scope_row *row, const struct kr_entry *entry)
{
    const uint64_t number = row->count++;
    struct kr_block_entry *place = &row->last.entries[number % KR_BLOCK_ENTRIES];
    enum kr_err err = KR_OK;
    if (number % KR_BLOCK_ENTRIES == 0) {
        memcpy(row->last.before, row->hash, 32);
    }
    memcpy(place->id, entry->id, 32);
    kr_put_be(place->hour, entry->hour, sizeof place->hour);
    kr_put_be(place->month, entry->month, sizeof place->month);
    kr_scope_hash(row->hash, entry->id);
    if (row->count % KR_BLOCK_ENTRIES == 0) {
        err = block_put(txn, row->number, number / KR_BLOCK_ENTRIES, &row->last);
        memcpy(row->last.before, row->hash, 32);
    }
    return err;
}

enum kr_err kr_store_scope_append(struct kr_txn *txn, const struct kr_scope *scope, const struct kr_entry *entry,
                                  uint64_t *ret_entry)
{
    struct kr_scope_row row;
    struct kr_block block;
    struct member member = {0};
    if (entry->month > UINT16_MAX) {
        return KR_INVALID;
    }
    enum kr_err err = kr_scope_row_get(txn, scope, &row);
    if (err == KR_OK && row.count == 0) {
        row.number = (uint32_t)kr_row_count(txn, KR_DBI_SCOPES) + 1; /* none goes: only upgrade.c drops all */
    }
    if (err == KR_OK) {
        err = find_entry(txn, &row, entry->id, &member, &block);
    }
    if (err == KR_OK) {
        const struct kr_block_entry *old = &block.entries[member.last % KR_BLOCK_ENTRIES];
        const bool is_the_same = entry->month == 0 || kr_scope_is_live(&row, member.last, old);
        err = is_the_same ? KR_EXISTS : KR_NOT_FOUND;
    }
    if (err != KR_NOT_FOUND) {
        return err;
    }
    err = kr_scope_push(txn, &row, entry);
    if (err == KR_OK) {
        err = kr_index_add(txn, member.hash, row.count - 1, KR_INDEX_MEMBER);
    }
    if (err == KR_OK && row.count - row.applied >= KR_TREE_LAG_TXN) {
        err = kr_scope_settle(txn, &row);
    }
    if (err == KR_OK) {
        err = kr_scope_row_put(txn, scope, &row);
    }
    if (err == KR_OK) {
        *ret_entry = row.count - 1;
    }
    return kr_txn_fail(txn, err);
}

enum kr_err kr_store_scope_remove(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32])
{
    struct kr_scope_row row;
    struct kr_block block;
    struct member member = {0};
    enum kr_err err = kr_scope_row_get(txn, scope, &row);
    if (err == KR_OK) {
        err = row.count > 0 ? find_entry(txn, &row, id, &member, &block) : KR_NOT_FOUND;
    }
    const uint64_t there = member.last;
    struct kr_block_entry *entry = &block.entries[there % KR_BLOCK_ENTRIES];
    if (err == KR_OK && !kr_scope_is_live(&row, there, entry)) {
        err = KR_NOT_FOUND;
    }
    if (err != KR_OK) {
        return err;
    }
    const struct kr_block_entry old = *entry;
    memset(entry->month, 0, sizeof entry->month);
    if (there / KR_BLOCK_ENTRIES < row.count / KR_BLOCK_ENTRIES) {
        err = block_put(txn, row.number, there / KR_BLOCK_ENTRIES, &block);
    } else {
        row.last.entries[there % KR_BLOCK_ENTRIES] = *entry;
        err = kr_scope_row_put(txn, scope, &row);
    }
    if (err == KR_OK && there < row.applied) {
        err = kr_scope_take(txn, &row, &old);
    }
    return kr_txn_fail(txn, err);
}

enum kr_err kr_store_scope_mark(struct kr_txn *txn, const struct kr_scope *scope, uint64_t *ret_count, uint8_t ret_hash[static 32])
{
    struct kr_scope_row row;
    enum kr_err err = kr_scope_row_get(txn, scope, &row);
    if (err == KR_OK) {
        *ret_count = row.count;
        memcpy(ret_hash, row.hash, 32);
    }
    return err;
}

enum kr_err kr_store_scope_hash_at(struct kr_txn *txn, const struct kr_scope *scope, uint64_t count, uint8_t ret_hash[static 32])
{
    struct kr_scope_row row;
    struct kr_block block;
    enum kr_err err = kr_scope_row_get(txn, scope, &row);
    if (err != KR_OK || count > row.count) {
        return err == KR_OK ? KR_NOT_FOUND : err;
    }
    err = kr_block_get(txn, &row, count / KR_BLOCK_ENTRIES, &block);
    if (err != KR_OK) {
        return err;
    }
    memcpy(ret_hash, block.before, 32);
    for (uint32_t i = 0; i < count % KR_BLOCK_ENTRIES; i++) {
        kr_scope_hash(ret_hash, block.entries[i].id);
    }
    return KR_OK;
}

enum kr_err kr_store_scope_read(struct kr_txn *txn, const struct kr_scope *scope, uint64_t from, uint8_t (*ret_ids)[32],
                                uint32_t max, uint32_t *ret_count)
{
    static const uint8_t none[32];
    struct kr_scope_row row;
    struct kr_block block;
    uint32_t count = 0;
    enum kr_err err = kr_scope_row_get(txn, scope, &row);
    for (bool is_first = true; err == KR_OK && count < max && from < row.count; count++, from++, is_first = false) {
        if (is_first || from % KR_BLOCK_ENTRIES == 0) {
            err = kr_block_get(txn, &row, from / KR_BLOCK_ENTRIES, &block);
        }
        if (err == KR_OK) {
            const struct kr_block_entry *entry = &block.entries[from % KR_BLOCK_ENTRIES];
            const bool is_before = kr_get_be(entry->hour, sizeof entry->hour) < scope->hour_from;
            memcpy(ret_ids[count], is_before ? none : entry->id, 32);
        }
    }
    if (err == KR_OK) {
        *ret_count = count;
    }
    return err;
}

enum kr_err kr_store_scope_find(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32], uint64_t *ret_entry)
{
    struct kr_scope_row row;
    struct member member = {0};
    enum kr_err err = kr_scope_row_get(txn, scope, &row);
    if (err == KR_OK && row.count > 0) {
        err = look_up(txn, row.number, id, &member);
    }
    if (err == KR_OK && member.is_there) {
        *ret_entry = member.last;
    }
    return err == KR_OK && !member.is_there ? KR_NOT_FOUND : err;
}

/* ---- for verify ---- */

enum kr_err kr_scope_find_applied(struct kr_txn *txn, const struct kr_scope_row *row, const uint8_t id[static 32],
                                  struct kr_block_entry *ret_entry)
{
    struct kr_block block;
    struct member member = {0};
    enum kr_err err = find_entry(txn, row, id, &member, &block);
    if (err == KR_OK) {
        *ret_entry = block.entries[member.last % KR_BLOCK_ENTRIES];
        err = member.last < row->applied && kr_scope_is_live(row, member.last, ret_entry) ? KR_OK : KR_CORRUPT;
    }
    return err == KR_NOT_FOUND ? KR_CORRUPT : err;
}

static enum kr_err check_ids(struct kr_txn *txn, uint32_t number, const struct kr_block *block, uint64_t first, uint32_t count,
                             uint8_t ret_hash[static 32])
{
    enum kr_err err = KR_OK;
    memcpy(ret_hash, block->before, 32);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        struct member member = {.sought = first + i};
        kr_scope_hash(ret_hash, block->entries[i].id);
        err = look_up(txn, number, block->entries[i].id, &member);
        err = err == KR_OK && !member.has_sought ? KR_CORRUPT : err;
    }
    return err;
}

/* The running hash behind the block in front of this one. */
static enum kr_err hash_before(struct kr_txn *txn, uint32_t number, uint64_t block, uint8_t ret_hash[static 32])
{
    struct kr_block before;
    uint8_t buffer[KR_BLOCK_KEY_BYTES];
    memset(ret_hash, 0, 32);
    if (block == 0) {
        return KR_OK;
    }
    enum kr_err err =
        kr_value_get_fixed(txn, KR_DBI_ENTRIES, kr_block_key(number, block - 1, buffer), (uint8_t *)&before, sizeof before);
    if (err == KR_OK) {
        memcpy(ret_hash, before.before, 32);
        for (uint32_t i = 0; i < KR_BLOCK_ENTRIES; i++) {
            kr_scope_hash(ret_hash, before.entries[i].id);
        }
    }
    return err;
}

enum kr_err kr_scope_check_block(struct kr_txn *txn, struct kr_slice key)
{
    struct kr_block block;
    uint8_t before[32], after[32];
    if (key.len != KR_BLOCK_KEY_BYTES) {
        return KR_CORRUPT;
    }
    const uint32_t number = (uint32_t)kr_get_be(key.bytes, 4);
    const uint64_t at = kr_get_be(key.bytes + 4, 8);
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_ENTRIES, key, (uint8_t *)&block, sizeof block);
    if (err == KR_OK) {
        err = hash_before(txn, number, at, before);
    }
    if (err == KR_OK) {
        err = memcmp(before, block.before, 32) == 0 ? check_ids(txn, number, &block, at * KR_BLOCK_ENTRIES, KR_BLOCK_ENTRIES, after)
                                                    : KR_CORRUPT;
    }
    return err == KR_OK ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_scope_check(struct kr_txn *txn, struct kr_slice key)
{
    struct kr_scope scope = {0};
    struct kr_scope_row row;
    uint8_t before[32], after[32];
    if (key.len != KR_SCOPE_KEY_BYTES) {
        return KR_CORRUPT;
    }
    scope.kind = key.bytes[0];
    memcpy(scope.id, key.bytes + 1, 32);
    enum kr_err err = kr_scope_row_get(txn, &scope, &row);
    if (err == KR_OK) {
        err = hash_before(txn, row.number, row.count / KR_BLOCK_ENTRIES, before);
    }
    if (err == KR_OK) {
        err = memcmp(before, row.last.before, 32) == 0
                  ? check_ids(txn, row.number, &row.last, row.count / KR_BLOCK_ENTRIES * KR_BLOCK_ENTRIES,
                              (uint32_t)(row.count % KR_BLOCK_ENTRIES), after)
                  : KR_CORRUPT;
    }
    return err == KR_OK && memcmp(after, row.hash, 32) == 0 ? KR_OK : KR_CORRUPT;
}
