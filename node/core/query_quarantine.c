/* What waits for its author to be trusted, for the operator's eyes: whose it is and how much, nothing of what is in it.
 *
 * position = 0: not begun; scope.id = the id that was given last. */
#include <string.h>

#include "node/core/query_page.h"

#define SLICE 64u

struct slice {
    const uint8_t *after; /* NULL: from the beginning */
    uint8_t ids[SLICE][32];
    uint32_t count;
};

static bool take_row(void *context, struct kr_slice key, struct kr_slice value)
{
    struct slice *slice = context;
    (void)value;
    if (key.len == 32 && (slice->after == NULL || memcmp(key.bytes, slice->after, 32) > 0)) {
        memcpy(slice->ids[slice->count++], key.bytes, 32);
    }
    return slice->count < SLICE;
}

static enum kr_err emit_one(struct kr_query_page *page, const struct kr_head *head)
{
    char author[KR_NAME_BYTES_MAX + 1], bringer[KR_NAME_BYTES_MAX + 1];
    struct kr_quarantined item = {.bytes = head->record_bytes};
    struct kr_writer writer;
    enum kr_err err = kr_query_name_of(page, head->author, author, sizeof author);
    if (err == KR_OK) {
        err = kr_query_name_of(page, head->from, bringer, sizeof bringer);
    }
    if (err != KR_OK) {
        return err;
    }
    kr_query_summarise(head, author, KR_TAKEN_NOT, &item.record);
    item.record.title = (struct kr_slice){0};
    item.record.indicator_count = item.record.severity = 0;
    memcpy(item.from, head->from, 32);
    item.from_name = (struct kr_slice){(const uint8_t *)bringer, strlen(bringer)};
    kr_writer_init(&writer, 8 * KR_KIB);
    kr_quarantined_write(&item, &writer);
    return kr_query_emit(page, &writer);
}

static enum kr_err give_one(struct kr_query_page *page, const uint8_t id[static 32])
{
    struct kr_head head;
    uint64_t arrival = 0;
    enum kr_err err = kr_store_head_find(page->txn, id, &arrival, &head, page->scratch);
    if (err == KR_OK && head.state == KR_HEAD_QUARANTINED) {
        err = emit_one(page, &head);
    }
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

enum kr_err kr_query_quarantine(struct kr_query_page *page, bool *ret_done)
{
    struct kr_query *query = page->query;
    enum kr_err err = KR_OK;
    *ret_done = false;
    while (err == KR_OK && !*ret_done && !kr_query_is_full(page)) {
        struct slice slice = {.after = query->position == UINT64_MAX ? NULL : query->scope.id};
        uint32_t damaged = 0;
        const struct kr_slice begin = {query->scope.id, slice.after == NULL ? 0 : 32};
        err = kr_store_each_from(page->txn, KR_TABLE_QUARANTINE, begin, 0, take_row, &slice, &damaged);
        uint32_t given = 0;
        for (; given < slice.count && err == KR_OK && (given == 0 || !kr_query_is_full(page)); given++) {
            err = give_one(page, slice.ids[given]);
        }
        if (given > 0) {
            memcpy(query->scope.id, slice.ids[given - 1], 32);
            query->position = 1;
            page->has_moved = true;
        }
        *ret_done = slice.count < SLICE && given == slice.count;
    }
    return err;
}
