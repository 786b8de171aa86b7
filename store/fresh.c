#include "store/fresh.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "store/filter.h"

#define NONE         UINT32_MAX
#define CAPACITY     64u /* at first */
#define SAVED_KEY    4u
#define STATE_BYTES  KR_FRESH_STATE_BYTES
#define FRONT_BYTES  KR_FRESH_FRONT_BYTES
#define ROWS_AT_ONCE ((2000u - FRONT_BYTES) / KR_INDEX_ROW_BYTES) /* a value that LMDB keeps in the page */

#define FILTER_FROM 1024u /* entries: fewer are found soon enough */
#define FILTERS_MAX 32u

struct entry {
    uint8_t row[KR_INDEX_ROW_BYTES];
    uint32_t older; /* the next one in its chain */
};

struct kr_fresh {
    atomic_uint refs;
    pthread_mutex_t mutex;    /* guards what follows against readers */
    uint32_t count, capacity; /* a power of two */
    uint32_t shown;           /* those that some snapshot may have */
    struct entry *entries;
    uint32_t *newest;                             /* `capacity` chains */
    uint8_t chain_key[crypto_shorthash_KEYBYTES]; /* ids are hashes that a hostile author can choose among */
    /* Says without the mutex that a hash is not here. A larger one takes the place of one that is full, and those before it stay
     * for readers that may still look at them; all together they are twice the last. */
    _Atomic(struct kr_filter *) filter;
    struct kr_filter *filters[FILTERS_MAX];
    uint32_t filter_count;
};

struct kr_fresh *kr_fresh_new(void)
{
    struct kr_fresh *fresh = calloc(1, sizeof *fresh);
    if (fresh != NULL) {
        atomic_init(&fresh->refs, 1);
        (void)pthread_mutex_init(&fresh->mutex, NULL);
        crypto_shorthash_keygen(fresh->chain_key);
    }
    return fresh;
}

struct kr_fresh *kr_fresh_ref(struct kr_fresh *fresh)
{
    (void)atomic_fetch_add(&fresh->refs, 1);
    return fresh;
}

void kr_fresh_unref(struct kr_fresh *fresh)
{
    if (fresh != NULL && atomic_fetch_sub(&fresh->refs, 1) == 1) {
        (void)pthread_mutex_destroy(&fresh->mutex);
        while (fresh->filter_count > 0) {
            kr_filter_free(fresh->filters[--fresh->filter_count]);
        }
        free(fresh->entries);
        free(fresh->newest);
        free(fresh);
    }
}

uint32_t kr_fresh_count(const struct kr_fresh *fresh)
{
    return fresh->count;
}

static uint32_t *chain_of(const struct kr_fresh *fresh, const uint8_t *hash)
{
    uint8_t choice[crypto_shorthash_BYTES];
    (void)crypto_shorthash(choice, hash, KR_TERM_BYTES, fresh->chain_key);
    return &fresh->newest[kr_get_be(choice, 4) & (fresh->capacity - 1)];
}

static void chain(struct kr_fresh *fresh, uint32_t i)
{
    uint32_t *newest = chain_of(fresh, fresh->entries[i].row);
    fresh->entries[i].older = *newest;
    *newest = i;
}

static void add_to_filter(struct kr_fresh *fresh, const uint8_t *hash)
{
    struct kr_filter *filter = atomic_load_explicit(&fresh->filter, memory_order_relaxed);
    if (filter != NULL) {
        kr_filter_add(filter, hash);
    }
}

/* Without memory for it the one before has to do: it says "perhaps" more often. */
static void grow_filter(struct kr_fresh *fresh)
{
    struct kr_filter *filter =
        fresh->capacity >= FILTER_FROM && fresh->filter_count < FILTERS_MAX ? kr_filter_new(fresh->capacity) : NULL;
    if (filter == NULL) {
        return;
    }
    for (uint32_t i = 0; i < fresh->count; i++) {
        kr_filter_add(filter, fresh->entries[i].row);
    }
    fresh->filters[fresh->filter_count++] = filter;
    atomic_store_explicit(&fresh->filter, filter, memory_order_release);
}

static enum kr_err grow(struct kr_fresh *fresh)
{
    uint32_t capacity = fresh->capacity > 0 ? fresh->capacity * 2 : CAPACITY;
    uint32_t *newest = malloc(capacity * sizeof newest[0]);
    struct entry *entries = newest == NULL ? NULL : realloc(fresh->entries, capacity * sizeof entries[0]);
    if (entries == NULL) {
        free(newest);
        return KR_NOMEM;
    }
    free(fresh->newest);
    fresh->newest = newest;
    fresh->entries = entries;
    fresh->capacity = capacity;
    for (uint32_t i = 0; i < capacity; i++) {
        newest[i] = NONE;
    }
    for (uint32_t i = 0; i < fresh->count; i++) {
        chain(fresh, i);
    }
    grow_filter(fresh);
    return KR_OK;
}

enum kr_err kr_fresh_add(struct kr_fresh *fresh, const uint8_t row[static KR_INDEX_ROW_BYTES])
{
    (void)pthread_mutex_lock(&fresh->mutex);
    enum kr_err err = fresh->count < fresh->capacity ? KR_OK : grow(fresh);
    if (err == KR_OK) {
        memcpy(fresh->entries[fresh->count].row, row, KR_INDEX_ROW_BYTES);
        chain(fresh, fresh->count++);
        add_to_filter(fresh, row);
    }
    (void)pthread_mutex_unlock(&fresh->mutex);
    return err;
}

void kr_fresh_truncate(struct kr_fresh *fresh, uint32_t count)
{
    (void)pthread_mutex_lock(&fresh->mutex);
    while (fresh->count > count) { /* the newest of all is the newest of its chain */
        const struct entry *entry = &fresh->entries[--fresh->count];
        *chain_of(fresh, entry->row) = entry->older;
    }
    fresh->shown = fresh->shown < count ? fresh->shown : count;
    (void)pthread_mutex_unlock(&fresh->mutex);
}

void kr_fresh_show(struct kr_fresh *fresh)
{
    (void)pthread_mutex_lock(&fresh->mutex);
    fresh->shown = fresh->count;
    (void)pthread_mutex_unlock(&fresh->mutex);
}

uint32_t kr_fresh_shown(struct kr_fresh *fresh)
{
    (void)pthread_mutex_lock(&fresh->mutex);
    uint32_t shown = fresh->shown;
    (void)pthread_mutex_unlock(&fresh->mutex);
    return shown;
}

/* ---- finding ---- */

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, KR_INDEX_KEY_BYTES);
}

struct found {
    uint8_t (*rows)[KR_INDEX_ROW_BYTES];
    uint32_t count, capacity;
};

static enum kr_err take(struct found *found, const struct entry *entry)
{
    if (found->count == found->capacity) {
        uint32_t capacity = found->capacity > 0 ? found->capacity * 2 : 4;
        void *rows = realloc(found->rows, capacity * sizeof found->rows[0]);
        if (rows == NULL) {
            return KR_NOMEM;
        }
        found->rows = rows;
        found->capacity = capacity;
    }
    memcpy(found->rows[found->count++], entry->row, KR_INDEX_ROW_BYTES);
    return KR_OK;
}

enum kr_err kr_fresh_find(struct kr_fresh *fresh, uint32_t visible, const uint8_t *prefix, size_t len,
                          uint8_t (**ret_rows)[KR_INDEX_ROW_BYTES], uint32_t *ret_count)
{
    struct found found = {0};
    enum kr_err err = KR_OK;
    const bool is_whole = len == KR_TERM_BYTES;
    const struct kr_filter *filter = is_whole ? atomic_load_explicit(&fresh->filter, memory_order_acquire) : NULL;
    if (visible == 0 || (filter != NULL && !kr_filter_may_have(filter, prefix))) {
        *ret_rows = NULL;
        *ret_count = 0;
        return KR_OK;
    }
    (void)pthread_mutex_lock(&fresh->mutex);
    uint32_t at = fresh->count == 0 ? NONE : is_whole ? *chain_of(fresh, prefix) : fresh->count - 1;
    while (at != NONE && err == KR_OK) {
        const struct entry *entry = &fresh->entries[at];
        if (at < visible && (len == 0 || memcmp(entry->row, prefix, len) == 0)) {
            err = take(&found, entry);
        }
        at = is_whole ? entry->older : at > 0 ? at - 1 : NONE;
    }
    (void)pthread_mutex_unlock(&fresh->mutex);
    if (err != KR_OK) {
        free(found.rows);
        return err;
    }
    if (found.count > 1) {
        qsort(found.rows, found.count, sizeof found.rows[0], compare);
    }
    *ret_rows = found.rows;
    *ret_count = found.count;
    return KR_OK;
}

/* ---- the table ---- */

/* KR_CORRUPT where there is none. */
static enum kr_err last_row(struct kr_txn *txn, MDB_cursor **ret_cursor, struct kr_slice *ret_key, struct kr_slice *ret_value)
{
    enum kr_err err = kr_row_cursor(txn, KR_DBI_FRESH, ret_cursor);
    if (err != KR_OK) {
        *ret_cursor = NULL;
        return err;
    }
    err = kr_row_move(txn, *ret_cursor, MDB_LAST, ret_key, ret_value);
    bool is_sound = err == KR_OK && ret_key->len == SAVED_KEY && ret_value->len >= FRONT_BYTES;
    return is_sound ? KR_OK : err == KR_OK || err == KR_NOT_FOUND ? KR_CORRUPT : err;
}

enum kr_err kr_fresh_visible(struct kr_txn *txn, uint32_t *ret_count)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    enum kr_err err = last_row(txn, &cursor, &key, &value);
    mdb_cursor_close(cursor);
    if (err == KR_OK) {
        *ret_count = (uint32_t)(kr_get_be(key.bytes, SAVED_KEY) + (value.len - FRONT_BYTES) / KR_INDEX_ROW_BYTES);
    }
    return err;
}

static enum kr_err open_state(const struct kr_store *store, struct kr_slice key, struct kr_slice value, struct kr_state *ret_state)
{
    uint8_t bytes[STATE_BYTES];
    size_t len = 0;
    enum kr_err err = kr_value_open(store, KR_DBI_FRESH, key, kr_slice_of(value.bytes, FRONT_BYTES), bytes, sizeof bytes, &len);
    if (err == KR_OK) {
        *ret_state = (struct kr_state){kr_get_be(bytes, 8), kr_get_be(bytes + 8, 8), kr_get_be(bytes + 16, 8)};
    }
    return err;
}

enum kr_err kr_fresh_state(struct kr_txn *txn, struct kr_state *ret_state)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    enum kr_err err = last_row(txn, &cursor, &key, &value);
    if (err == KR_OK) {
        err = open_state(txn->store, key, value, ret_state);
    }
    mdb_cursor_close(cursor);
    return err;
}

enum kr_err kr_fresh_load(struct kr_txn *txn, struct kr_fresh *fresh, uint32_t format)
{
    const size_t front = format >= KR_FORMAT_LEAN ? FRONT_BYTES : 0;
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    enum kr_err err = kr_row_cursor(txn, KR_DBI_FRESH, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, MDB_FIRST, &key, &value);
    while (err == KR_OK) {
        bool is_next = key.len == SAVED_KEY && kr_get_be(key.bytes, SAVED_KEY) == fresh->count;
        for (size_t at = front; is_next && at + KR_INDEX_ROW_BYTES <= value.len && err == KR_OK; at += KR_INDEX_ROW_BYTES) {
            err = kr_fresh_add(fresh, value.bytes + at);
        }
        if (err == KR_OK) {
            err = kr_row_move(txn, cursor, MDB_NEXT, &key, &value);
        }
    }
    mdb_cursor_close(cursor);
    kr_fresh_show(fresh);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

enum kr_err kr_fresh_check_old(struct kr_txn *txn, const struct kr_fresh *fresh)
{
    MDB_cursor *cursor = NULL;
    struct kr_slice key = {0}, value = {0};
    enum kr_err err = kr_row_cursor(txn, KR_DBI_FRESH, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, MDB_LAST, &key, &value);
    if (err == KR_NOT_FOUND) {
        err = fresh->count == 0 ? KR_OK : KR_CORRUPT;
    } else if (err == KR_OK) {
        bool is_end = key.len == SAVED_KEY && value.len % KR_INDEX_ROW_BYTES == 0 &&
                      kr_get_be(key.bytes, SAVED_KEY) + value.len / KR_INDEX_ROW_BYTES == fresh->count;
        err = is_end ? KR_OK : KR_CORRUPT;
    }
    mdb_cursor_close(cursor);
    return err;
}

enum kr_err kr_fresh_save(struct kr_txn *txn, struct kr_fresh *fresh, const struct kr_state *state, uint32_t *saved)
{
    uint8_t key[SAVED_KEY], front[STATE_BYTES], *row = NULL;
    enum kr_err err;
    kr_put_be(front, state->next_arrival, 8);
    kr_put_be(front + 8, state->records, 8);
    kr_put_be(front + 16, state->indicators, 8);
    do {
        const uint32_t count = fresh->count - *saved < ROWS_AT_ONCE ? fresh->count - *saved : ROWS_AT_ONCE;
        const struct kr_slice name = kr_slice_of(key, sizeof key);
        kr_put_be(key, *saved, sizeof key);
        err = kr_row_reserve(txn, KR_DBI_FRESH, name, FRONT_BYTES + (size_t)count * KR_INDEX_ROW_BYTES, 0, &row);
        if (err == KR_OK) {
            kr_value_seal(txn->store, KR_DBI_FRESH, name, kr_slice_of(front, sizeof front), row);
        }
        for (uint32_t i = 0; i < count && err == KR_OK; i++) {
            memcpy(row + FRONT_BYTES + (size_t)i * KR_INDEX_ROW_BYTES, fresh->entries[*saved + i].row, KR_INDEX_ROW_BYTES);
        }
        *saved += count;
    } while (*saved < fresh->count && err == KR_OK);
    return err;
}

enum kr_err kr_fresh_check(const struct kr_store *store, struct kr_slice key, struct kr_slice value, uint32_t *next,
                           struct kr_slice *ret_rows)
{
    struct kr_state state;
    if (key.len != SAVED_KEY || value.len < FRONT_BYTES || (value.len - FRONT_BYTES) % KR_INDEX_ROW_BYTES != 0) {
        return KR_CORRUPT;
    }
    const struct kr_slice rows = kr_slice_of(value.bytes + FRONT_BYTES, value.len - FRONT_BYTES);
    const uint32_t first = (uint32_t)kr_get_be(key.bytes, SAVED_KEY);
    enum kr_err err = *next == KR_FRESH_ANY || first == *next ? open_state(store, key, value, &state) : KR_CORRUPT;
    for (size_t at = 0; at < rows.len; at += KR_INDEX_ROW_BYTES) {
        if (!kr_tag_matches(store, KR_TAG_INDEX, kr_slice_of(rows.bytes + at, KR_INDEX_KEY_BYTES),
                            kr_slice_of(rows.bytes + at + KR_INDEX_KEY_BYTES, KR_TAG_BYTES))) {
            err = KR_CORRUPT;
        }
    }
    *next = first + (uint32_t)(rows.len / KR_INDEX_ROW_BYTES);
    *ret_rows = rows;
    return err;
}
