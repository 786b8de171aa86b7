/* The end of a scope's log: what entered since its trees' rows were last brought up to date, by month and in order; and the
 * calendar.
 */
#include <stdlib.h>
#include <string.h>

#include "store/scope.h"

/* ---- the calendar ---- */

uint32_t kr_tree_hour(uint64_t created_ms)
{
    const uint64_t hour = created_ms / 3600000u;
    return hour < UINT32_MAX ? (uint32_t)hour : UINT32_MAX;
}

/* Days from 1970-01-01 to the first of the month. */
static uint64_t days_before(uint32_t month)
{
    static const uint16_t days[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    const uint64_t year = 1970 + month / 12, past = month % 12 < 2 ? year - 1 : year; /* whose leap days are past */
    return (year - 1970) * 365 + days[month % 12] + (past / 4 - past / 100 + past / 400) - 477;
}

uint32_t kr_tree_month(uint64_t expires_s)
{
    const uint64_t day = expires_s / 86400u;
    if (day >= days_before(UINT16_MAX)) {
        return UINT16_MAX;
    }
    uint32_t month = (uint32_t)(day * 4800 / 146097); /* the month or one beside it */
    while (day < days_before(month)) {
        month--;
    }
    while (day >= days_before(month + 1)) {
        month++;
    }
    return month > 0 ? month : 1;
}

struct kr_entry kr_tree_entry(const struct kr_head *head)
{
    struct kr_entry entry = {.hour = kr_tree_hour(head->created_ms), .month = kr_tree_month(head->expires_s)};
    memcpy(entry.id, head->id, 32);
    return entry;
}

uint64_t kr_tree_month_end_s(uint32_t month)
{
    return days_before(month + 1) * 86400u;
}

uint32_t kr_tree_month_from(uint64_t now_s)
{
    return kr_tree_month(now_s > KR_MONTH_GRACE_S ? now_s - KR_MONTH_GRACE_S : 0);
}

/* ---- the end of the log ---- */

bool kr_scope_is_live(const struct kr_scope_row *row, uint64_t number, const struct kr_block_entry *entry)
{
    const uint32_t month = (uint32_t)kr_get_be(entry->month, sizeof entry->month);
    return month > 0 && (month >= row->month_from || number >= row->dropped_at);
}

int kr_dated_compare(const void *left, const void *right)
{
    return memcmp(left, right, KR_DATED_BYTES);
}

static void group_keys(struct kr_pending *pending, uint8_t (*dated)[KR_DATED_BYTES], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t month = (uint32_t)kr_get_be(dated[i], 2);
        struct kr_pending_group *last = pending->group_count > 0 ? &pending->groups[pending->group_count - 1] : NULL;
        if (last == NULL || last->month != month) {
            last = &pending->groups[pending->group_count++];
            *last = (struct kr_pending_group){.month = month, .first = i};
        }
        last->count++;
        memcpy(pending->keys[i], dated[i] + 2, KR_TREE_KEY_BYTES);
    }
}

void kr_dated_of(const struct kr_block_entry *entry, uint8_t ret_dated[static KR_DATED_BYTES])
{
    memcpy(ret_dated, entry->month, 2);
    memcpy(ret_dated + 2, entry->hour, 4);
    memcpy(ret_dated + 6, entry->id, 32);
}

static enum kr_err read_end(struct kr_txn *txn, const struct kr_scope_row *row, uint8_t (*dated)[KR_DATED_BYTES],
                            uint32_t *ret_count)
{
    struct kr_block block;
    uint32_t count = 0;
    enum kr_err err = KR_OK;
    for (uint64_t at = row->applied; at < row->count && err == KR_OK; at++) {
        if (at == row->applied || at % KR_BLOCK_ENTRIES == 0) {
            err = kr_block_get(txn, row, at / KR_BLOCK_ENTRIES, &block);
        }
        const struct kr_block_entry *entry = &block.entries[at % KR_BLOCK_ENTRIES];
        if (err == KR_OK && kr_scope_is_live(row, at, entry)) {
            kr_dated_of(entry, dated[count++]);
        }
    }
    *ret_count = count;
    return err;
}

void kr_pending_deinit(struct kr_pending *pending)
{
    free(pending->keys);
    free(pending->groups);
    *pending = (struct kr_pending){0};
}

enum kr_err kr_pending_init(struct kr_pending *pending, struct kr_txn *txn, const struct kr_scope_row *row)
{
    const size_t max = (size_t)(row->count - row->applied);
    uint32_t count = 0;
    KR_ASSERT(max <= KR_TREE_LAG_TXN);
    *pending = (struct kr_pending){0};
    if (max == 0) {
        return KR_OK;
    }
    uint8_t(*dated)[KR_DATED_BYTES] = malloc(max * sizeof dated[0]);
    pending->keys = malloc(max * sizeof pending->keys[0]);
    pending->groups = calloc(max, sizeof pending->groups[0]);
    bool has_room = dated != NULL && pending->keys != NULL && pending->groups != NULL;
    enum kr_err err = has_room ? read_end(txn, row, dated, &count) : KR_NOMEM;
    if (err == KR_OK) {
        qsort(dated, count, sizeof dated[0], kr_dated_compare);
        group_keys(pending, dated, count);
    } else {
        kr_pending_deinit(pending);
    }
    free(dated);
    return err;
}

struct kr_tree_keys kr_pending_of(const struct kr_pending *pending, uint32_t month)
{
    for (uint32_t i = 0; i < pending->group_count; i++) {
        const struct kr_pending_group *group = &pending->groups[i];
        if (group->month == month) {
            return (struct kr_tree_keys){.keys = (const kr_tree_key *)pending->keys + group->first, .count = group->count};
        }
    }
    return (struct kr_tree_keys){0};
}
