/* Scope trees: what entered, in order, with a running hash, and where each id stands. */
#include <string.h>

#include "store/internal.h"

#define SCOPE_KEY_BYTES 33u
#define SCOPE_BYTES     44u /* number 4 ‖ count 8 ‖ running hash 32 */
#define ENTRY_KEY_BYTES 12u
#define ENTRY_BYTES     64u
#define MEMBER_BYTES    36u /* number 4 ‖ id 32 */

struct scope {
    uint32_t number;
    uint64_t count;
    uint8_t hash[32];
};

static void scope_key(const struct kr_scope *scope, uint8_t ret_key[static SCOPE_KEY_BYTES])
{
    ret_key[0] = scope->kind;
    memcpy(ret_key + 1, scope->id, 32);
}

static enum kr_err scope_get(struct kr_txn *txn, const struct kr_scope *scope, struct scope *ret_scope)
{
    uint8_t key[SCOPE_KEY_BYTES], value[SCOPE_BYTES];
    scope_key(scope, key);
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_SCOPES, kr_slice_of(key, sizeof key), value, sizeof value);
    if (err == KR_OK) {
        ret_scope->number = (uint32_t)kr_get_be(value, 4);
        ret_scope->count = kr_get_be(value + 4, 8);
        memcpy(ret_scope->hash, value + 12, 32);
    }
    return err;
}

static enum kr_err scope_put(struct kr_txn *txn, const struct kr_scope *scope, const struct scope *value)
{
    uint8_t key[SCOPE_KEY_BYTES], bytes[SCOPE_BYTES];
    scope_key(scope, key);
    kr_put_be(bytes, value->number, 4);
    kr_put_be(bytes + 4, value->count, 8);
    memcpy(bytes + 12, value->hash, 32);
    return kr_value_put(txn, KR_DBI_SCOPES, kr_slice_of(key, sizeof key), kr_slice_of(bytes, sizeof bytes), 0);
}

static enum kr_err entry_get(struct kr_txn *txn, uint32_t number, uint64_t entry, uint8_t ret_entry[static ENTRY_BYTES])
{
    uint8_t key[ENTRY_KEY_BYTES];
    kr_put_be(key, number, 4);
    kr_put_be(key + 4, entry, 8);
    return kr_value_get_fixed(txn, KR_DBI_TREES, kr_slice_of(key, sizeof key), ret_entry, ENTRY_BYTES);
}

static enum kr_err member_get(struct kr_txn *txn, uint32_t number, const uint8_t id[static 32], uint64_t *ret_entry)
{
    uint8_t key[MEMBER_BYTES], entry[8];
    kr_put_be(key, number, 4);
    memcpy(key + 4, id, 32);
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_MEMBERS, kr_slice_of(key, sizeof key), entry, sizeof entry);
    if (err == KR_OK) {
        *ret_entry = kr_get_be(entry, sizeof entry);
    }
    return err;
}

void kr_scope_hash(uint8_t hash[static 32], const uint8_t id[static 32])
{
    struct kr_hash_state state;
    kr_hash_init(&state, "kairan cursor");
    kr_hash_update(&state, hash, 32);
    kr_hash_update(&state, id, 32);
    kr_hash_final(&state, hash);
}

static enum kr_err entry_put(struct kr_txn *txn, const struct scope *scope, const uint8_t id[static 32])
{
    uint8_t key[ENTRY_KEY_BYTES], value[ENTRY_BYTES], member[MEMBER_BYTES], entry[8];
    kr_put_be(key, scope->number, 4);
    kr_put_be(key + 4, scope->count - 1, 8);
    memcpy(value, id, 32);
    memcpy(value + 32, scope->hash, 32);
    enum kr_err err = kr_value_put(txn, KR_DBI_TREES, kr_slice_of(key, sizeof key), kr_slice_of(value, sizeof value), 0);
    if (err != KR_OK) {
        return err;
    }
    kr_put_be(member, scope->number, 4);
    memcpy(member + 4, id, 32);
    kr_put_be(entry, scope->count - 1, 8);
    return kr_value_put(txn, KR_DBI_MEMBERS, kr_slice_of(member, sizeof member), kr_slice_of(entry, sizeof entry), 0);
}

enum kr_err kr_store_scope_append(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32],
                                  uint64_t *ret_entry)
{
    struct scope found = {0};
    uint64_t there = 0;
    enum kr_err err = scope_get(txn, scope, &found);
    if (err == KR_NOT_FOUND) {
        found.number = (uint32_t)kr_row_count(txn, KR_DBI_SCOPES) + 1; /* scopes are never deleted */
    } else if (err != KR_OK) {
        return err;
    }
    err = member_get(txn, found.number, id, &there);
    if (err != KR_NOT_FOUND) {
        return err == KR_OK ? KR_EXISTS : err;
    }
    found.count++;
    kr_scope_hash(found.hash, id);
    err = entry_put(txn, &found, id);
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
    struct scope found = {0};
    enum kr_err err = scope_get(txn, scope, &found);
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_count = found.count;
        memcpy(ret_hash, found.hash, 32);
        err = KR_OK;
    }
    return err;
}

enum kr_err kr_store_scope_hash_at(struct kr_txn *txn, const struct kr_scope *scope, uint64_t count, uint8_t ret_hash[static 32])
{
    struct scope found = {0};
    uint8_t entry[ENTRY_BYTES];
    enum kr_err err = scope_get(txn, scope, &found);
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    if (count > found.count) {
        return KR_NOT_FOUND;
    }
    if (count == 0) {
        memset(ret_hash, 0, 32);
        return KR_OK;
    }
    err = entry_get(txn, found.number, count - 1, entry);
    if (err == KR_OK) {
        memcpy(ret_hash, entry + 32, 32);
    }
    return err == KR_NOT_FOUND ? KR_CORRUPT : err;
}

enum kr_err kr_store_scope_read(struct kr_txn *txn, const struct kr_scope *scope, uint64_t from, uint8_t (*ret_ids)[32],
                                uint32_t max, uint32_t *ret_count)
{
    struct scope found = {0};
    uint8_t entry[ENTRY_BYTES];
    uint32_t count = 0;
    enum kr_err err = scope_get(txn, scope, &found);
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    for (; count < max && from < found.count; count++, from++) {
        err = entry_get(txn, found.number, from, entry);
        if (err != KR_OK) {
            return err == KR_NOT_FOUND ? KR_CORRUPT : err;
        }
        memcpy(ret_ids[count], entry, 32);
    }
    *ret_count = count;
    return KR_OK;
}

enum kr_err kr_store_scope_find(struct kr_txn *txn, const struct kr_scope *scope, const uint8_t id[static 32], uint64_t *ret_entry)
{
    struct scope found = {0};
    enum kr_err err = scope_get(txn, scope, &found);
    return err == KR_OK ? member_get(txn, found.number, id, ret_entry) : err;
}

/* ---- for verify ---- */

enum kr_err kr_scope_check(struct kr_txn *txn, uint32_t number, uint64_t entry)
{
    uint8_t bytes[ENTRY_BYTES], before[ENTRY_BYTES] = {0};
    uint64_t there = 0;
    enum kr_err err = entry_get(txn, number, entry, bytes);
    if (err == KR_OK && entry > 0) {
        err = entry_get(txn, number, entry - 1, before);
    }
    if (err == KR_OK) {
        kr_scope_hash(before + 32, bytes);
        err = memcmp(before + 32, bytes + 32, 32) == 0 ? member_get(txn, number, bytes, &there) : KR_CORRUPT;
    }
    return err == KR_OK && there == entry ? KR_OK : KR_CORRUPT;
}

enum kr_err kr_scope_check_member(struct kr_txn *txn, uint32_t number, const uint8_t id[static 32])
{
    uint8_t bytes[ENTRY_BYTES];
    uint64_t entry = 0;
    enum kr_err err = member_get(txn, number, id, &entry);
    if (err == KR_OK) {
        err = entry_get(txn, number, entry, bytes);
    }
    return err == KR_OK && memcmp(bytes, id, 32) == 0 ? KR_OK : KR_CORRUPT;
}
