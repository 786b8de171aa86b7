/* When records are due: to be stripped when they expire, and to be deleted when the month of that is over. For each few hundred
 * arrivals the earliest time, so that most records, whose time is later than that of one before them, cost no row. */
#include <sodium.h>
#include <string.h>

#include "store/internal.h"

#define KEY_BYTES 8u
#define ROW_BYTES (8u + KR_TAG_BYTES)

static struct kr_slice row_key(uint64_t arrival, uint8_t buffer[static KEY_BYTES])
{
    kr_put_be(buffer, arrival / KR_DUE_ARRIVALS, KEY_BYTES);
    return kr_slice_of(buffer, KEY_BYTES);
}

static void tag_of(const struct kr_store *store, struct kr_slice key, const uint8_t earliest[static 8],
                   uint8_t ret_tag[static KR_TAG_BYTES])
{
    uint8_t bound[KEY_BYTES + 8];
    memcpy(bound, key.bytes, KEY_BYTES);
    memcpy(bound + KEY_BYTES, earliest, 8);
    kr_tag(store, KR_TAG_DUE, kr_slice_of(bound, sizeof bound), ret_tag);
}

static enum kr_err row_read(const struct kr_store *store, struct kr_slice key, struct kr_slice value, uint64_t *ret_earliest_s)
{
    uint8_t tag[KR_TAG_BYTES];
    if (key.len != KEY_BYTES || value.len != ROW_BYTES) {
        return KR_CORRUPT;
    }
    tag_of(store, key, value.bytes, tag);
    *ret_earliest_s = kr_get_be(value.bytes, 8);
    return sodium_memcmp(tag, value.bytes + 8, sizeof tag) == 0 ? KR_OK : KR_CORRUPT;
}

static enum kr_err row_get(struct kr_txn *txn, uint64_t arrival, uint64_t *ret_earliest_s)
{
    uint8_t buffer[KEY_BYTES];
    struct kr_slice key = row_key(arrival, buffer), value = {0};
    enum kr_err err = kr_row_get(txn, KR_DBI_DUE, key, &value);
    return err == KR_OK ? row_read(txn->store, key, value, ret_earliest_s) : err;
}

static enum kr_err row_put(struct kr_txn *txn, uint64_t arrival, uint64_t earliest_s)
{
    uint8_t buffer[KEY_BYTES], value[ROW_BYTES];
    struct kr_slice key = row_key(arrival, buffer);
    kr_put_be(value, earliest_s, 8);
    tag_of(txn->store, key, value, value + 8);
    return kr_row_put(txn, KR_DBI_DUE, key, kr_slice_of(value, sizeof value), 0);
}

uint64_t kr_due_of(const struct kr_head *head)
{
    return head->state == KR_HEAD_HEADER_ONLY ? kr_tree_month_end_s(kr_tree_month(head->expires_s)) + KR_MONTH_GRACE_S
                                              : head->expires_s;
}

enum kr_err kr_due_note(struct kr_txn *txn, uint64_t arrival, uint64_t due_s)
{
    uint64_t earliest_s = 0;
    enum kr_err err = row_get(txn, arrival, &earliest_s);
    if (err == KR_OK && earliest_s <= due_s) {
        return KR_OK;
    }
    if (err == KR_CORRUPT) {
        return row_put(txn, arrival, 0); /* whatever it said is looked for anew */
    }
    return err == KR_OK || err == KR_NOT_FOUND ? row_put(txn, arrival, due_s) : err;
}

enum kr_err kr_due_check(struct kr_txn *txn, uint64_t arrival, uint64_t due_s)
{
    uint64_t earliest_s = 0;
    return row_get(txn, arrival, &earliest_s) == KR_OK && earliest_s <= due_s ? KR_OK : KR_CORRUPT;
}

/* ---- what is due ---- */

/* The first row at or behind `arrival` in which something may have expired; `*ret_from` is where to look. A damaged row may hide
 * anything, so it is looked at, and mended by that; but no row of arrivals that are not given out yet (a reader does not know which
 * those are, but which there cannot be). */
static enum kr_err next_due(struct kr_txn *txn, uint64_t now_s, uint64_t arrival, uint64_t *ret_from)
{
    MDB_cursor *cursor = NULL;
    uint8_t buffer[KEY_BYTES];
    struct kr_slice key = row_key(arrival, buffer), value = {0};
    const uint64_t last = (txn->is_write ? txn->state.next_arrival : UINT64_MAX) / KR_DUE_ARRIVALS;
    enum kr_err err = kr_row_cursor(txn, KR_DBI_DUE, &cursor);
    if (err != KR_OK) {
        return err;
    }
    err = kr_row_move(txn, cursor, MDB_SET_RANGE, &key, &value);
    while (err == KR_OK) {
        uint64_t earliest_s = 0;
        if (key.len == KEY_BYTES && kr_get_be(key.bytes, KEY_BYTES) <= last &&
            (row_read(txn->store, key, value, &earliest_s) != KR_OK || earliest_s <= now_s)) {
            uint64_t first = kr_get_be(key.bytes, KEY_BYTES) * KR_DUE_ARRIVALS;
            *ret_from = first > arrival ? first : arrival;
            break;
        }
        err = kr_row_move(txn, cursor, MDB_NEXT, &key, &value);
    }
    mdb_cursor_close(cursor);
    return err;
}

struct due {
    uint64_t *arrivals;
    uint32_t max, count;
    uint64_t earliest_s; /* of those that are not due yet */
};

/* From `*at` to the end of its row, or as far as there is room. A damaged head is left to verify. */
static enum kr_err scan(struct kr_txn *txn, uint64_t now_s, uint64_t *at, struct due *due)
{
    struct kr_head head;
    uint8_t scratch[KR_HEAD_SCRATCH];
    const uint64_t end = (*at / KR_DUE_ARRIVALS + 1) * KR_DUE_ARRIVALS;
    while (*at < end && due->count < due->max) {
        enum kr_err err = kr_store_head_get(txn, *at, &head, scratch);
        if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
            return err;
        }
        const uint64_t due_s = err == KR_OK ? kr_due_of(&head) : UINT64_MAX;
        if (err == KR_OK && due_s <= now_s) {
            due->arrivals[due->count++] = *at;
        } else if (due_s < due->earliest_s) {
            due->earliest_s = due_s;
        }
        ++*at;
    }
    return KR_OK;
}

enum kr_err kr_store_expired(struct kr_txn *txn, uint64_t now_s, uint64_t *at, uint64_t *ret_arrivals, uint32_t max,
                             uint32_t *ret_count, bool *ret_done)
{
    struct due due = {.arrivals = ret_arrivals, .max = max, .earliest_s = UINT64_MAX};
    enum kr_err err = next_due(txn, now_s, *at, at);
    *ret_done = err == KR_NOT_FOUND;
    if (err == KR_OK) {
        const uint64_t from = *at;
        err = scan(txn, now_s, at, &due);
        bool is_whole = from % KR_DUE_ARRIVALS == 0 && *at % KR_DUE_ARRIVALS == 0;
        if (err == KR_OK && is_whole && due.count == 0 && txn->is_write) {
            err = row_put(txn, from, due.earliest_s); /* nothing left of what made it due */
        }
    }
    if (err == KR_OK || err == KR_NOT_FOUND) {
        *ret_count = due.count;
        err = KR_OK;
    }
    return err;
}
