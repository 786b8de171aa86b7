/* The storage key replaced while the store is used: every sealed value under another one, in slices.
 *
 *   begin: the new key seals ──▶ slices: a value that opens under the key before is sealed anew ──▶ "format" and "keys" last:
 *                                nothing is left under the one before ──▶ end: it is forgotten
 *
 * Where the walk stands is the row "rekey" of `meta`, written with each slice. "keys" is sealed anew in the last one: by it a store
 * that is opened with two keys tells whether all is done. Tags say nothing of a value and follow a key of their own, which stands
 * in "tags" from the first time on: else each row of the index would have to be written. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "store/fresh.h"
#include "store/internal.h"

#define REKEY_KEY   kr_slice_of("rekey", 5)
#define TAGS_KEY    kr_slice_of("tags", 4)
#define TAGS_BYTES  (KR_SHORT_TAG_KEY_BYTES + KR_OLD_TAG_KEY_BYTES)
#define KEY_MAX     511u
#define FIXED_BYTES 44u /* began 8 ‖ moved 8 ‖ done 8 ‖ all 8 ‖ damaged 8 ‖ table 4; then the last key dealt with */
#define VALUE_MAX   (64u * KR_KIB) /* more than any value has */
#define SEEN        8u             /* so many times as many are looked at: those under the new key already cost little */

/* ---- tags ---- */

enum kr_err kr_tag_keys_load(struct kr_txn *txn)
{
    struct kr_store_keys *keys = txn->store->keys;
    uint8_t bytes[TAGS_BYTES];
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_META, TAGS_KEY, bytes, sizeof bytes);
    if (err == KR_OK) {
        memcpy(keys->tag, bytes, sizeof keys->tag);
        memcpy(keys->old_tag, bytes + sizeof keys->tag, sizeof keys->old_tag);
    } else if (err == KR_NOT_FOUND) {
        kr_tag_keys_derive(keys, keys->has_old ? &keys->old : &keys->now);
        err = KR_OK;
    }
    sodium_memzero(bytes, sizeof bytes);
    return err;
}

static enum kr_err put_tags(struct kr_txn *txn)
{
    const struct kr_store_keys *keys = txn->store->keys;
    uint8_t bytes[TAGS_BYTES];
    memcpy(bytes, keys->tag, sizeof keys->tag);
    memcpy(bytes + sizeof keys->tag, keys->old_tag, sizeof keys->old_tag);
    const enum kr_err err = kr_value_put(txn, KR_DBI_META, TAGS_KEY, kr_slice_of(bytes, sizeof bytes), 0);
    sodium_memzero(bytes, sizeof bytes);
    return err;
}

/* ---- where the walk stands ---- */

struct walk {
    struct kr_rekey facts;
    uint32_t dbi;
    size_t key_len; /* 0: at the beginning of the table */
    uint8_t key[KEY_MAX];
    uint8_t *value, *plain;     /* VALUE_MAX each */
    uint32_t seen, sealed, max; /* in this slice */
};

static enum kr_err read_walk(struct kr_txn *txn, struct walk *walk)
{
    uint8_t bytes[FIXED_BYTES + KEY_MAX];
    size_t len = 0;
    const enum kr_err err = kr_value_get(txn, KR_DBI_META, REKEY_KEY, bytes, sizeof bytes, &len);
    if (err != KR_OK || len < FIXED_BYTES) {
        return err == KR_OK || err == KR_BOUNDS ? KR_CORRUPT : err;
    }
    walk->facts = (struct kr_rekey){.began_s = kr_get_be(bytes, 8),
                                    .moved_s = kr_get_be(bytes + 8, 8),
                                    .done = kr_get_be(bytes + 16, 8),
                                    .all = kr_get_be(bytes + 24, 8),
                                    .damaged = kr_get_be(bytes + 32, 8)};
    walk->dbi = (uint32_t)kr_get_be(bytes + 40, 4);
    walk->key_len = len - FIXED_BYTES;
    memcpy(walk->key, bytes + FIXED_BYTES, walk->key_len);
    return KR_OK;
}

static enum kr_err write_walk(struct kr_txn *txn, const struct walk *walk)
{
    uint8_t bytes[FIXED_BYTES + KEY_MAX];
    kr_put_be(bytes, walk->facts.began_s, 8);
    kr_put_be(bytes + 8, walk->facts.moved_s, 8);
    kr_put_be(bytes + 16, walk->facts.done, 8);
    kr_put_be(bytes + 24, walk->facts.all, 8);
    kr_put_be(bytes + 32, walk->facts.damaged, 8);
    kr_put_be(bytes + 40, walk->dbi, 4);
    memcpy(bytes + FIXED_BYTES, walk->key, walk->key_len);
    return kr_value_put(txn, KR_DBI_META, REKEY_KEY, kr_slice_of(bytes, FIXED_BYTES + walk->key_len), 0);
}

static enum kr_err start(struct kr_txn *txn, uint64_t now_s, struct walk *walk)
{
    walk->facts = (struct kr_rekey){.began_s = now_s, .all = txn->state.records};
    walk->dbi = 0;
    walk->key_len = 0;
    for (uint32_t dbi = 0; dbi < KR_DBI_RUN; dbi++) {
        walk->facts.all += dbi != KR_DBI_LOG && dbi != KR_DBI_DUE ? kr_row_count(txn, dbi) : 0;
    }
    return put_tags(txn);
}

/* ---- one row ---- */

static bool is_head(struct kr_slice key)
{
    return key.len == 10 && kr_get_be(key.bytes + 8, 2) == KR_HEAD_CHUNK;
}

/* Those of `meta` that are written last, or by the walk itself. */
static bool is_apart(uint32_t dbi, struct kr_slice key)
{
    static const char *const names[] = {"format", "keys", "rekey"};
    bool is = false;
    for (size_t i = 0; dbi == KR_DBI_META && i < sizeof names / sizeof names[0]; i++) {
        is = is || (key.len == strlen(names[i]) && memcmp(key.bytes, names[i], key.len) == 0);
    }
    return is;
}

/* The value that stands under walk->key. What opens under neither key nobody could read before either. */
static enum kr_err seal_anew(struct kr_txn *txn, struct walk *walk, struct kr_slice value)
{
    const struct kr_store_keys *keys = txn->store->keys;
    const struct kr_slice key = kr_slice_of(walk->key, walk->key_len);
    const size_t sealed_len = walk->dbi == KR_DBI_FRESH && value.len > KR_FRESH_FRONT_BYTES ? KR_FRESH_FRONT_BYTES : value.len;
    const struct kr_slice sealed = kr_slice_of(walk->value, sealed_len);
    uint8_t *row = NULL;
    size_t len = 0;
    if (value.len > VALUE_MAX) {
        walk->facts.damaged++;
        return KR_OK;
    }
    memcpy(walk->value, value.bytes, value.len); /* writing may move it */
    if (kr_value_open_under(&keys->old, walk->dbi, key, sealed, walk->plain, VALUE_MAX, &len) != KR_OK) {
        walk->facts.damaged += kr_value_open_under(&keys->now, walk->dbi, key, sealed, walk->plain, VALUE_MAX, &len) != KR_OK;
        return KR_OK;
    }
    enum kr_err err = kr_row_reserve(txn, walk->dbi, key, value.len, 0, &row);
    if (err == KR_OK) {
        kr_value_seal(txn->store, walk->dbi, key, kr_slice_of(walk->plain, len), row);
        memcpy(row + sealed_len, walk->value + sealed_len, value.len - sealed_len);
        walk->sealed++;
    }
    return err;
}

/* ---- the walk ---- */

/* The first row behind walk->key; of the log the next head, which stands behind the pieces of its record. */
static enum kr_err next_row(struct kr_txn *txn, struct walk *walk, struct kr_slice *ret_value)
{
    MDB_cursor *cursor = NULL;
    uint8_t head[10];
    struct kr_slice key = kr_slice_of(walk->key, walk->key_len);
    enum kr_err err = kr_row_cursor(txn, walk->dbi, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, walk->key_len > 0 ? MDB_SET_RANGE : MDB_FIRST, &key, ret_value);
    if (err == KR_OK && key.len == walk->key_len && memcmp(key.bytes, walk->key, key.len) == 0) {
        err = kr_row_move(txn, cursor, MDB_NEXT, &key, ret_value);
    }
    if (err == KR_OK && walk->dbi == KR_DBI_LOG && key.len == sizeof head && !is_head(key)) {
        memcpy(head, key.bytes, 8);
        kr_put_be(head + 8, KR_HEAD_CHUNK, 2);
        key = kr_slice_of(head, sizeof head);
        err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, ret_value);
    }
    if (err == KR_OK && (key.len == 0 || key.len > KEY_MAX)) {
        err = KR_CORRUPT; /* LMDB hands out whatever length the page tells */
    }
    if (err == KR_OK) {
        memcpy(walk->key, key.bytes, key.len);
        walk->key_len = key.len;
    }
    mdb_cursor_close(cursor);
    return err;
}

/* KR_NOT_FOUND at the end of the table. */
static enum kr_err one_row(struct kr_txn *txn, struct walk *walk)
{
    struct kr_slice value = {0};
    enum kr_err err = next_row(txn, walk, &value);
    const struct kr_slice key = kr_slice_of(walk->key, walk->key_len);
    walk->seen++;
    if (err != KR_OK || is_apart(walk->dbi, key) || (walk->dbi == KR_DBI_LOG && !is_head(key))) {
        return err;
    }
    walk->facts.done++;
    return seal_anew(txn, walk, value);
}

/* `*ret_is_done` at the end of all tables. */
static enum kr_err walk_on(struct kr_txn *txn, struct walk *walk, bool *ret_is_done)
{
    enum kr_err err = KR_OK;
    while (err == KR_OK && walk->dbi < KR_DBI_RUN && walk->seen / SEEN < walk->max && walk->sealed < walk->max) {
        err = walk->dbi == KR_DBI_DUE ? KR_NOT_FOUND : one_row(txn, walk);
        if (err == KR_NOT_FOUND) {
            walk->dbi++;
            walk->key_len = 0;
            err = KR_OK;
        }
    }
    *ret_is_done = err == KR_OK && walk->dbi >= KR_DBI_RUN;
    return err;
}

static enum kr_err finish(struct kr_txn *txn)
{
    enum kr_err err = kr_format_reseal(txn);
    return err == KR_OK ? kr_row_delete(txn, KR_DBI_META, REKEY_KEY) : err;
}

/* ---- the contract ---- */

void kr_store_rekey_begin(struct kr_store *store, const uint8_t storage_key[static 32])
{
    struct kr_store_keys *keys = store->keys;
    if (keys->has_old) {
        return;
    }
    kr_env_begin_alone(store);
    keys->old = keys->now;
    keys->has_old = true;
    kr_storage_key_derive(&keys->now, storage_key);
    kr_env_end_alone(store);
}

void kr_store_rekey_end(struct kr_store *store)
{
    struct kr_store_keys *keys = store->keys;
    if (!keys->has_old) {
        return;
    }
    kr_env_begin_alone(store); /* a snapshot of before needs it */
    keys->has_old = false;
    sodium_memzero(&keys->old, sizeof keys->old);
    kr_env_end_alone(store);
}

enum kr_err kr_store_rekey_state(struct kr_txn *txn, struct kr_rekey *ret_rekey)
{
    struct walk walk = {0};
    bool is_done = true;
    enum kr_err err = txn->store->keys->has_old ? kr_format_is_resealed(txn, &is_done) : KR_OK;
    if (err == KR_OK && !is_done) {
        err = read_walk(txn, &walk);
        err = err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    if (err == KR_OK) {
        walk.facts.is_done = is_done;
        *ret_rekey = walk.facts;
    }
    return err;
}

enum kr_err kr_store_rekey_slice(struct kr_txn *txn, uint64_t now_s, uint32_t max, struct kr_rekey *ret_rekey)
{
    struct walk walk = {.max = max};
    bool is_done = true;
    KR_ASSERT(txn->is_write);
    enum kr_err err = txn->store->keys->has_old ? kr_format_is_resealed(txn, &is_done) : KR_OK;
    if (err != KR_OK || is_done) {
        *ret_rekey = (struct kr_rekey){.is_done = is_done};
        return err;
    }
    walk.value = malloc(VALUE_MAX);
    walk.plain = malloc(VALUE_MAX);
    err = walk.value != NULL && walk.plain != NULL ? read_walk(txn, &walk) : KR_NOMEM;
    if (err == KR_NOT_FOUND || err == KR_CORRUPT) { /* damaged, it begins anew: what is done already costs little */
        err = start(txn, now_s, &walk);
    }
    if (err == KR_OK) {
        err = walk_on(txn, &walk, &is_done);
    }
    walk.facts.moved_s = now_s;
    if (err == KR_OK) {
        err = write_walk(txn, &walk);
    }
    if (err == KR_OK && is_done) {
        err = finish(txn);
    }
    if (err == KR_OK) {
        walk.facts.is_done = is_done;
        *ret_rekey = walk.facts;
    }
    if (walk.plain != NULL) {
        sodium_memzero(walk.plain, VALUE_MAX); /* data keys came through it */
    }
    free(walk.plain);
    free(walk.value);
    return err;
}
