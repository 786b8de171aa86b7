/* What waits for approval, and what became of what somebody submitted.
 *
 * drafts: position = UINT64_MAX: not begun; scope.id = the token that was given last.
 * mine:   the same, then detail = 1: those that were sent without approval, out of the audit log: count = the number to look at
 * next. */
#include <string.h>

#include "node/core/audit.h"
#include "node/core/draft.h"
#include "node/core/query_page.h"
#include "node/core/taken.h"

static _Thread_local struct kr_draft_row row;

struct listing {
    struct kr_query_page *page;
    const struct kr_who *who;
    bool is_mine, is_cut;
    enum kr_err err;
};

/* What a record of ours looks like now. */
static enum kr_err add_record(struct kr_query_page *page, const uint8_t id[static 32], struct kr_head *head,
                              struct kr_draft_item *item)
{
    uint64_t arrival = 0;
    enum kr_err err = kr_store_head_find(page->txn, id, &arrival, head, page->scratch);
    if (err == KR_NOT_FOUND || err == KR_CORRUPT) {
        return KR_OK; /* expired and gone */
    }
    if (err == KR_OK) {
        item->title = item->title.len > 0 ? item->title : head->title;
        item->kind = head->kind;
        item->label = (uint32_t)head->label;
        err = kr_taken_state(page->txn, head, &item->taken);
    }
    return err;
}

static enum kr_err give(struct listing *listing)
{
    struct kr_query_page *page = listing->page;
    struct kr_draft_item item;
    struct kr_head head;
    struct kr_writer writer;
    enum kr_err err = kr_draft_item_fill(page->txn, &row, listing->who, &item);
    if (err == KR_OK && row.has_record) {
        err = add_record(page, row.record_id, &head, &item);
    }
    if (err != KR_OK) {
        return err;
    }
    kr_writer_init(&writer, 8 * KR_KIB);
    kr_draft_item_write(&item, &writer);
    return kr_query_emit(page, &writer);
}

static bool give_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct listing *listing = context;
    listing->is_cut = kr_query_is_full(listing->page);
    if (listing->is_cut || kr_draft_row_read(key, value, &row) != KR_OK) {
        return !listing->is_cut;
    }
    const bool is_own = memcmp(row.submitter, listing->who->person, 32) == 0;
    const bool is_open = kr_draft_is_open(&row) || row.state == KR_DRAFT_AHEAD;
    if (listing->is_mine ? is_own : is_open) {
        listing->err = give(listing);
    }
    memcpy(listing->page->query->scope.id, row.token, KR_DRAFT_ID_BYTES);
    listing->page->query->position = 1;
    listing->page->has_moved = true;
    return listing->err == KR_OK;
}

static enum kr_err walk(struct kr_query_page *page, const struct kr_who *who, bool is_mine, bool *ret_done)
{
    struct listing listing = {.page = page, .who = who, .is_mine = is_mine};
    uint8_t after[KR_DRAFT_ID_BYTES];
    memcpy(after, page->query->scope.id, sizeof after);
    enum kr_err err = kr_drafts_each(page->txn, page->query->position == UINT64_MAX ? NULL : after, give_one, &listing);
    *ret_done = !listing.is_cut;
    return err == KR_OK ? listing.err : err;
}

enum kr_err kr_query_drafts(struct kr_query_page *page, const struct kr_who *who, bool *ret_done)
{
    return walk(page, who, false, ret_done);
}

/* ---- sent without approval ---- */

static bool is_sending(uint32_t op)
{
    return op == KR_OP_SUBMIT || op == KR_OP_REVISE || op == KR_OP_SIGHT || op == KR_OP_RETRACT;
}

static enum kr_err give_sent(struct kr_query_page *page, const struct kr_audit_entry *entry)
{
    struct kr_draft_item item = {.state = KR_DRAFT_SENT,
                                 .op = entry->op,
                                 .submitter = {entry->person, 32},
                                 .submitted_ms = entry->at_ms,
                                 .changed_ms = entry->at_ms,
                                 .record_id = {entry->target, 32}};
    struct kr_head head;
    struct kr_writer writer;
    enum kr_err err = add_record(page, entry->target, &head, &item);
    if (err != KR_OK) {
        return err;
    }
    kr_writer_init(&writer, 8 * KR_KIB);
    kr_draft_item_write(&item, &writer);
    return kr_query_emit(page, &writer);
}

static enum kr_err walk_log(struct kr_query_page *page, const struct kr_who *who, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct kr_audit_chain chain;
    enum kr_err err = kr_audit_chain_get(page->txn, &chain);
    query->count = query->count < chain.first ? chain.first : query->count;
    while (err == KR_OK && query->count < chain.next && !kr_query_is_full(page)) {
        uint8_t bytes[KR_AUDIT_ROW_BYTES], hash[KR_AUDIT_HASH_BYTES];
        struct kr_audit_entry entry;
        struct kr_slice bin = {0};
        enum kr_err found = kr_audit_row_get(page->txn, query->count++, bytes, &bin, hash);
        page->has_moved = true;
        if (found != KR_OK && found != KR_NOT_FOUND && found != KR_CORRUPT) {
            return found;
        }
        const bool is_whole = found == KR_OK && kr_audit_entry_read(bin, &entry) == KR_OK;
        if (is_whole && entry.outcome == KR_OK && is_sending(entry.op) && entry.target_len == 32 &&
            memcmp(entry.person, who->person, 32) == 0) {
            err = give_sent(page, &entry);
        }
    }
    *ret_done = err == KR_OK && query->count >= chain.next;
    return err;
}

enum kr_err kr_query_mine(struct kr_query_page *page, const struct kr_who *who, bool *ret_done)
{
    enum kr_err err = KR_OK;
    *ret_done = false;
    if (page->query->detail == 0) {
        err = walk(page, who, true, ret_done);
        page->query->detail = err == KR_OK && *ret_done;
        *ret_done = page->query->detail != 0 && !who->facts.is_person; /* of the operator without a card no log says what it sent */
    }
    if (err == KR_OK && page->query->detail != 0 && !*ret_done) {
        err = walk_log(page, who, ret_done);
    }
    return err;
}
