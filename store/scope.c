/* Scope trees: what entered, in order, with a running hash, and where each id stands.
 *
 * The ids of the last, unfinished block stand in the scope's own row, which changes with each entry anyway; a full block moves to
 * `entries` at once. A running hash inside a block is worked out from the one before it. */
#include <string.h>

#include "store/internal.h"

#define BLOCK_ENTRIES   32u
#define BLOCK_BYTES     (32u + BLOCK_ENTRIES * 32u)
#define SCOPE_KEY_BYTES 33u
#define BLOCK_KEY_BYTES 12u
#define FIXED_BYTES     44u /* of a scope's row: number 4 ‖ count 8 ‖ running hash 32; then the block */

struct block {
    uint8_t before[32]; /* running hash in front of it */
    uint8_t ids[BLOCK_ENTRIES][32];
};
_Static_assert(sizeof(struct block) == BLOCK_BYTES, "a block is written as it stands");

struct scope {
    uint32_t number;
    uint64_t count;
    uint8_t hash[32];
    struct block last; /* its first count % BLOCK_ENTRIES ids */
};

void kr_scope_hash(uint8_t hash[static 32], const uint8_t id[static 32])
{
    struct kr_hash_state state;
    kr_hash_init(&state, "kairan cursor");
    kr_hash_update(&state, hash, 32);
    kr_hash_update(&state, id, 32);
    kr_hash_final(&state, hash);
}

/* ---- rows ---- */

static void scope_key(const struct kr_scope *scope, uint8_t ret_key[static SCOPE_KEY_BYTES])
{
    ret_key[0] = scope->kind;
    memcpy(ret_key + 1, scope->id, 32);
}

static size_t scope_bytes(uint64_t count)
{
    return FIXED_BYTES + 32 + count % BLOCK_ENTRIES * 32;
}

/* An unknown scope is empty. */
static enum kr_err scope_get(struct kr_txn *txn, const struct kr_scope *scope, struct scope *ret_scope)
{
    uint8_t key[SCOPE_KEY_BYTES], value[FIXED_BYTES + BLOCK_BYTES];
    size_t len = 0;
    scope_key(scope, key);
    enum kr_err err = kr_value_get(txn, KR_DBI_SCOPES, kr_slice_of(key, sizeof key), value, sizeof value, &len);
    if (err == KR_NOT_FOUND) {
        *ret_scope = (struct scope){0};
        return KR_OK;
    }
    if (err != KR_OK || len < FIXED_BYTES) {
        return err == KR_OK || err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    ret_scope->number = (uint32_t)kr_get_be(value, 4);
    ret_scope->count = kr_get_be(value + 4, 8);
    memcpy(ret_scope->hash, value + 12, 32);
    if (len != scope_bytes(ret_scope->count)) {
        return KR_CORRUPT;
    }
    memcpy(&ret_scope->last, value + FIXED_BYTES, len - FIXED_BYTES);
    return KR_OK;
}

static enum kr_err scope_put(struct kr_txn *txn, const struct kr_scope *scope, const struct scope *value)
{
    uint8_t key[SCOPE_KEY_BYTES], bytes[FIXED_BYTES + BLOCK_BYTES];
    const size_t len = scope_bytes(value->count);
    scope_key(scope, key);
    kr_put_be(bytes, value->number, 4);
    kr_put_be(bytes + 4, value->count, 8);
    memcpy(bytes + 12, value->hash, 32);
    memcpy(bytes + FIXED_BYTES, &value->last, len - FIXED_BYTES);
    return kr_value_put(txn, KR_DBI_SCOPES, kr_slice_of(key, sizeof key), kr_slice_of(bytes, len), 0);
}

static struct kr_slice block_key(uint32_t number, uint64_t block, uint8_t buffer[static BLOCK_KEY_BYTES])
{
    kr_put_be(buffer, number, 4);
    kr_put_be(buffer + 4, block, 8);
    return kr_slice_of(buffer, BLOCK_KEY_BYTES);
}

/* A full block from its table, the last one from the scope itself. */
static enum kr_err block_get(struct kr_txn *txn, const struct scope *scope, uint64_t block, struct block *ret_block)
{
    uint8_t buffer[BLOCK_KEY_BYTES];
    if (block >= scope->count / BLOCK_ENTRIES) {
        *ret_block = scope->last;
        return KR_OK;
    }
    enum kr_err err =
        kr_value_get_fixed(txn, KR_DBI_ENTRIES, block_key(scope->number, block, buffer), (uint8_t *)ret_block, sizeof *ret_block);
    return err == KR_NOT_FOUND ? KR_CORRUPT : err;
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

struct member {
    uint64_t entry;
    bool is_there;
};

static bool take_member(void *context, const struct kr_term_entry *entry)
{
    struct member *member = context;
    if (entry->position == KR_INDEX_MEMBER) {
        *member = (struct member){.entry = entry->arrival, .is_there = true};
    }
    return !member->is_there;
}

static enum kr_err member_get(struct kr_txn *txn, uint32_t number, const uint8_t id[static 32], uint64_t *ret_entry)
{
    uint8_t hash[KR_TERM_BYTES];
    struct member member = {0};
    member_hash(txn->store, number, id, hash);
    enum kr_err err = kr_index_each(txn, hash, sizeof hash, take_member, &member);
    if (err == KR_OK) {
        *ret_entry = member.entry;
    }
    return err == KR_OK && !member.is_there ? KR_NOT_FOUND : err;
}

/* ---- the contract ---- */

static enum kr_err append(struct kr_txn *txn, struct scope *scope, const uint8_t id[static 32])
{
    uint8_t buffer[BLOCK_KEY_BYTES], hash[KR_TERM_BYTES];
    const uint64_t entry = scope->count++;
    enum kr_err err = KR_OK;
    if (entry % BLOCK_ENTRIES == 0) {
        memcpy(scope->last.before, scope->hash, 32);
    }
    memcpy(scope->last.ids[entry % BLOCK_ENTRIES], id, 32);
    kr_scope_hash(scope->hash, id);
    if (scope->count % BLOCK_ENTRIES == 0) {
        struct kr_slice key = block_key(scope->number, entry / BLOCK_ENTRIES, buffer);
        err = kr_value_put(txn, KR_DBI_ENTRIES, key, kr_slice_of(&scope->last, sizeof scope->last), 0);
        memcpy(scope->last.before, scope->hash, 32);
    }
    if (err == KR_OK) {
        member_hash(txn->store, scope->number, id, hash);
        err = kr_index_add(txn, hash, entry, KR_INDEX_MEMBER);
    }
    return err;
}

enum kr_err kr_store_scope_append(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32],
                                  uint64_t *ret_entry)
{
    struct scope found;
    uint64_t there = 0;
    enum kr_err err = scope_get(txn, scope, &found);
    if (err == KR_OK && found.count == 0) {
        found.number = (uint32_t)kr_row_count(txn, KR_DBI_SCOPES) + 1; /* none goes: only upgrade.c drops all */
    }
    if (err == KR_OK) {
        err = member_get(txn, found.number, id, &there);
    }
    if (err != KR_NOT_FOUND) {
        return err == KR_OK ? KR_EXISTS : err;
    }
    err = append(txn, &found, id);
    if (err == KR_OK) {
        err = scope_put(txn, scope, &found);
    }
    if (err == KR_OK) {
        *ret_entry = found.count - 1;
    }
    return kr_txn_fail(txn, err);
}

enum kr_err kr_store_scope_mark(struct kr_txn *txn, const struct kr_scope *scope, uint64_t *ret_count, uint8_t ret_hash[static 32])
{
    struct scope found;
    enum kr_err err = scope_get(txn, scope, &found);
    if (err == KR_OK) {
        *ret_count = found.count;
        memcpy(ret_hash, found.hash, 32);
    }
    return err;
}

enum kr_err kr_store_scope_hash_at(struct kr_txn *txn, const struct kr_scope *scope, uint64_t count, uint8_t ret_hash[static 32])
{
    struct scope found;
    struct block block;
    enum kr_err err = scope_get(txn, scope, &found);
    if (err != KR_OK || count > found.count) {
        return err == KR_OK ? KR_NOT_FOUND : err;
    }
    err = block_get(txn, &found, count / BLOCK_ENTRIES, &block);
    if (err != KR_OK) {
        return err;
    }
    memcpy(ret_hash, block.before, 32);
    for (uint32_t i = 0; i < count % BLOCK_ENTRIES; i++) {
        kr_scope_hash(ret_hash, block.ids[i]);
    }
    return KR_OK;
}

enum kr_err kr_store_scope_read(struct kr_txn *txn, const struct kr_scope *scope, uint64_t from, uint8_t (*ret_ids)[32],
                                uint32_t max, uint32_t *ret_count)
{
    struct scope found;
    struct block block;
    uint32_t count = 0;
    enum kr_err err = scope_get(txn, scope, &found);
    for (bool is_first = true; err == KR_OK && count < max && from < found.count; count++, from++, is_first = false) {
        if (is_first || from % BLOCK_ENTRIES == 0) {
            err = block_get(txn, &found, from / BLOCK_ENTRIES, &block);
        }
        if (err == KR_OK) {
            memcpy(ret_ids[count], block.ids[from % BLOCK_ENTRIES], 32);
        }
    }
    if (err == KR_OK) {
        *ret_count = count;
    }
    return err;
}

enum kr_err kr_store_scope_find(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32], uint64_t *ret_entry)
{
    struct scope found;
    enum kr_err err = scope_get(txn, scope, &found);
    if (err == KR_OK && found.count == 0) {
        err = KR_NOT_FOUND;
    }
    return err == KR_OK ? member_get(txn, found.number, id, ret_entry) : err;
}

/* ---- for verify ---- */

static enum kr_err check_ids(struct kr_txn *txn, uint32_t number, const struct block *block, uint64_t first, uint32_t count,
                             uint8_t ret_hash[static 32])
{
    enum kr_err err = KR_OK;
    memcpy(ret_hash, block->before, 32);
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        uint64_t there = 0;
        kr_scope_hash(ret_hash, block->ids[i]);
        err = member_get(txn, number, block->ids[i], &there);
        err = err == KR_OK && there != first + i ? KR_CORRUPT : err;
    }
    return err;
}

/* The running hash behind the block in front of this one. */
static enum kr_err hash_before(struct kr_txn *txn, uint32_t number, uint64_t block, uint8_t ret_hash[static 32])
{
    struct block before;
    uint8_t buffer[BLOCK_KEY_BYTES];
    memset(ret_hash, 0, 32);
    if (block == 0) {
        return KR_OK;
    }
    enum kr_err err =
        kr_value_get_fixed(txn, KR_DBI_ENTRIES, block_key(number, block - 1, buffer), (uint8_t *)&before, sizeof before);
    if (err == KR_OK) {
        memcpy(ret_hash, before.before, 32);
        for (uint32_t i = 0; i < BLOCK_ENTRIES; i++) {
            kr_scope_hash(ret_hash, before.ids[i]);
        }
    }
    return err;
}

enum kr_err kr_scope_check_block(struct kr_txn *txn, struct kr_slice key)
{
    struct block block;
    uint8_t before[32], after[32];
    if (key.len != BLOCK_KEY_BYTES) {
        return KR_CORRUPT;
    }
    const uint32_t number = (uint32_t)kr_get_be(key.bytes, 4);
    const uint64_t at = kr_get_be(key.bytes + 4, 8);
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_ENTRIES, key, (uint8_t *)&block, sizeof block);
    if (err == KR_OK) {
        err = hash_before(txn, number, at, before);
    }
    if (err == KR_OK) {
        err = memcmp(before, block.before, 32) == 0 ? check_ids(txn, number, &block, at * BLOCK_ENTRIES, BLOCK_ENTRIES, after)
                                                    : KR_CORRUPT;
    }
    return err == KR_OK ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_scope_check(struct kr_txn *txn, struct kr_slice key)
{
    struct kr_scope scope = {0};
    struct scope found;
    uint8_t before[32], after[32];
    if (key.len != SCOPE_KEY_BYTES) {
        return KR_CORRUPT;
    }
    scope.kind = key.bytes[0];
    memcpy(scope.id, key.bytes + 1, 32);
    enum kr_err err = scope_get(txn, &scope, &found);
    if (err == KR_OK) {
        err = hash_before(txn, found.number, found.count / BLOCK_ENTRIES, before);
    }
    if (err == KR_OK) {
        err = memcmp(before, found.last.before, 32) == 0
                  ? check_ids(txn, found.number, &found.last, found.count / BLOCK_ENTRIES * BLOCK_ENTRIES,
                              (uint32_t)(found.count % BLOCK_ENTRIES), after)
                  : KR_CORRUPT;
    }
    return err == KR_OK && memcmp(after, found.hash, 32) == 0 ? KR_OK : KR_CORRUPT;
}
