/* Everything that may be used, and what stopped being so (KR_OP_EXPORT; KR_OP_SEALED: what only those named in it open): first what
 * changed since the cursor, as change.h has it, then what came since. Both end at the number that was the newest when the first
 * page was made: what happens meanwhile has a higher one, and is for the next time. */
#include <stdlib.h>
#include <string.h>

#include "node/core/change.h"
#include "node/core/facts.h"
#include "node/core/query_page.h"
#include "node/core/taken.h"
#include "proto/record/takeback.h"

#define CHANGES_MAX    64u   /* rows read at a time */
#define DIRECTORY_MS   1000u /* it is read anew when it is older: thousands of cards take longer than a page may */
#define ITEM_BYTES_MAX (KR_BODY_BYTES_MAX + KR_AUDIENCE_MAX * 34u + 8u * KR_KIB)

_Static_assert(KR_PAGE_BYTES_MAX + ITEM_BYTES_MAX <= KR_CLIENT_FRAME_BYTES_MAX, "a page has room for one item that is too long");

struct kr_query_export {
    struct kr_export args;
    uint8_t self[32];
    uint64_t until; /* the last number that is looked at */
    uint64_t next;  /* the next one */
    bool has_changes, has_directory;
    uint64_t directory_ms;
    struct kr_directory directory;
};

void kr_query_export_deinit(struct kr_query *query)
{
    if (query->export != NULL) {
        kr_directory_deinit(&query->export->directory);
        free(query->export);
    }
}

static enum kr_err begin(struct kr_query_page *page)
{
    struct kr_query *query = page->query;
    struct kr_store_stat stat;
    struct kr_export args;
    size_t len;
    if (kr_export_read((struct kr_slice){query->args, query->args_len}, &args) != KR_OK) {
        return kr_fail(page->error, KR_MALFORMED, "the request cannot be read");
    }
    struct kr_query_export *export = calloc(1, sizeof *export);
    if (export == NULL) {
        return KR_NOMEM;
    }
    kr_directory_init(&export->directory);
    query->export = export;
    export->args = args;
    enum kr_err err = kr_store_stat(page->txn, &stat);
    if (err == KR_OK) {
        err = kr_store_get(page->txn, KR_TABLE_IDENTITY, "self", 4, export->self, sizeof export->self, &len);
    }
    if (err == KR_OK && args.since > stat.arrivals) {
        err = kr_fail(page->error, KR_INVALID, "this node has never given that cursor: begin at 0");
    }
    if (err == KR_OK) {
        export->until = stat.arrivals;
        export->next = args.since + 1;
        export->has_changes = args.since == 0; /* else all that changed is met where it came */
    }
    return err;
}

static enum kr_err look_at_directory(struct kr_query_page *page)
{
    struct kr_query_export *export = page->query->export;
    if (export->has_directory && page->now_ms >= export->directory_ms && page->now_ms - export->directory_ms < DIRECTORY_MS) {
        return KR_OK;
    }
    enum kr_err err = export->has_directory ? kr_directory_reload(&export->directory, page->txn)
                                            : kr_directory_load(&export->directory, page->txn);
    if (err == KR_OK) {
        export->has_directory = true;
        export->directory_ms = page->now_ms;
    }
    return err;
}

/* `is_gone`: whether it might be used if it were still there. */
static enum kr_err may_be_used(const struct kr_query_page *page, const struct kr_head *head, bool is_gone, bool *ret_may)
{
    const struct kr_query_export *export = page->query->export;
    struct kr_policy_facts facts;
    enum kr_err err = kr_facts_of_head(&export->directory, export->self, page->now_ms, head, export->self, &facts);
    if (err != KR_OK) {
        return err;
    }
    bool fits = facts.is_exercise == export->args.exercise;
    facts.is_exercise = false; /* what is told apart as a whole holds nothing else */
    facts.is_expired = facts.is_expired && !is_gone;
    const enum kr_policy_use use = page->query->op == KR_OP_SEALED         ? KR_POLICY_SEALED
                                   : export->args.use == KR_EXPORT_USE_OUT ? KR_POLICY_EXPORT
                                                                           : KR_POLICY_READ;
    *ret_may = fits && head->is_ours_to_read && kr_policy_is_allowed(kr_policy(use, &facts));
    return KR_OK;
}

static enum kr_err emit_shown(struct kr_query_page *page, const struct kr_head *head, struct kr_shown *shown)
{
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_writer writer;
    enum kr_err err = kr_query_name_of(page, head->author, name, sizeof name);
    if (err != KR_OK) {
        return err;
    }
    kr_query_summarise(head, name, shown->taken.state, &shown->summary);
    shown->audience_count = head->audience_count;
    for (uint32_t i = 0; i < head->audience_count; i++) {
        shown->audience[i] = (struct kr_slice){head->audience + (size_t)32 * i, 32};
    }
    shown->community = (struct kr_slice){head->community, head->has_community ? 32 : 0};
    shown->record_bytes = head->record_bytes;
    kr_writer_init(&writer, ITEM_BYTES_MAX);
    kr_shown_write(shown, &writer);
    return kr_query_emit(page, &writer);
}

static enum kr_err give(struct kr_query_page *page, const struct kr_head *head, struct kr_shown *shown)
{
    struct kr_query_opened opened = {0};
    enum kr_err err = kr_taken_state(page->txn, head, &shown->taken.state);
    if (err == KR_OK) {
        err = kr_query_open_to_show(page, head, &opened);
        if (err == KR_OK) {
            shown->content = opened.to_read;
            shown->content_kind = opened.kind;
            err = emit_shown(page, head, shown);
        } else if (err != KR_NOMEM && err != KR_IO) {
            err = KR_OK; /* damaged: it comes anew, with another number */
        }
    }
    free(opened.bytes);
    free(opened.content);
    return err;
}

static enum kr_err give_gone(struct kr_query_page *page, const struct kr_head *head, struct kr_shown *shown)
{
    char why[KR_NOTE_BYTES_MAX + 1];
    bool is_ours;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    enum kr_err err = scratch == NULL
                          ? KR_NOMEM
                          : kr_taken_tell(page->txn, page->keyring, head->id, head->author, scratch, &shown->taken, why, &is_ours);
    if (err == KR_OK) {
        shown->content_kind = head->kind;
        err = emit_shown(page, head, shown);
    }
    free(scratch);
    return err;
}

/* What is to be told of that record now: its content, or that it is no more. */
static enum kr_err tell(struct kr_query_page *page, const struct kr_head *head)
{
    const bool is_gone = head->state == KR_HEAD_HEADER_ONLY;
    bool may = false;
    if (is_gone ? page->query->export->args.since == 0 : !kr_query_sees(page, head)) {
        return KR_OK;
    }
    enum kr_err err = may_be_used(page, head, is_gone, &may);
    if (err != KR_OK || !may) {
        return err;
    }
    struct kr_shown *shown = calloc(1, sizeof *shown);
    if (shown == NULL) {
        return KR_NOMEM;
    }
    err = is_gone ? give_gone(page, head, shown) : give(page, head, shown);
    free(shown);
    return err;
}

static enum kr_err tell_of_target(struct kr_query_page *page, const struct kr_head *by)
{
    struct kr_head target;
    uint64_t arrival;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    if (scratch == NULL) {
        return KR_NOMEM;
    }
    enum kr_err err = kr_store_record_find(page->txn, by->target, &arrival);
    if (err == KR_OK) {
        err = kr_store_head_get(page->txn, arrival, &target, scratch);
    }
    if (err == KR_OK && target.state == KR_HEAD_HEADER_ONLY && memcmp(target.author, by->author, 32) == 0) {
        err = tell(page, &target);
    }
    free(scratch);
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

static enum kr_err look_at(struct kr_query_page *page, const struct kr_head *head)
{
    enum kr_err err = KR_OK;
    if (kr_kind_is_of_council(head->kind) || head->kind == KR_KIND_SIGHTING) {
        return KR_OK;
    }
    if (kr_kind_takes_back(head->kind) && head->has_target && head->state != KR_HEAD_QUARANTINED &&
        page->query->export->args.since > 0) {
        err = tell_of_target(page, head);
    }
    return err == KR_OK && head->kind != KR_KIND_RETRACTION ? tell(page, head) : err;
}

/* ---- what changed ---- */

struct changes {
    uint64_t until, numbers[CHANGES_MAX], arrivals[CHANGES_MAX];
    uint32_t count;
    bool has_all;
};

static bool gather(void *context, uint64_t number, uint64_t arrival)
{
    struct changes *changes = context;
    if (number > changes->until) {
        return false;
    }
    if (changes->count == CHANGES_MAX) {
        changes->has_all = false;
        return false;
    }
    changes->numbers[changes->count] = number;
    changes->arrivals[changes->count++] = arrival;
    return true;
}

static enum kr_err page_changes(struct kr_query_page *page)
{
    struct kr_query_export *export = page->query->export;
    struct changes changes = {.until = export->until, .has_all = true};
    struct kr_head head;
    uint32_t damaged, i = 0;
    enum kr_err err = kr_change_each(page->txn, export->next, gather, &changes, &damaged);
    if (err == KR_OK && damaged > 0) {
        err = kr_fail(page->error, KR_CORRUPT,
                      "what changed since then cannot be told, rows of the store are damaged: begin at 0, and run `kairan verify`");
    }
    for (; i < changes.count && err == KR_OK && !kr_query_is_full(page); i++) {
        if (changes.arrivals[i] <= export->args.since) { /* others are met where they came, as they are now */
            err = kr_store_head_get(page->txn, changes.arrivals[i], &head, page->scratch);
            err = err == KR_OK ? look_at(page, &head) : err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
        }
        export->next = changes.numbers[i] + 1;
        page->has_moved = true;
    }
    if (err == KR_OK && i == changes.count && changes.has_all) {
        export->has_changes = true;
        export->next = export->args.since + 1;
    }
    return err;
}

/* ---- what came ---- */

static enum kr_err page_arrivals(struct kr_query_page *page)
{
    struct kr_query_export *export = page->query->export;
    struct kr_head head;
    enum kr_err err = KR_OK;
    while (err == KR_OK && export->next <= export->until && !kr_query_is_full(page)) {
        err = kr_store_head_next(page->txn, export->next, false, &head, page->scratch);
        page->has_moved = true;
        if (err == KR_CORRUPT) { /* this one or one behind it */
            export->next++;
            err = KR_OK;
        } else if (err == KR_NOT_FOUND || (err == KR_OK && head.arrival > export->until)) {
            export->next = export->until + 1;
            err = KR_OK;
        } else if (err == KR_OK) {
            err = look_at(page, &head);
            export->next = head.arrival + 1;
        }
    }
    return err;
}

enum kr_err kr_query_export(struct kr_query_page *page, struct kr_writer *result, bool *ret_done)
{
    enum kr_err err = page->query->export == NULL ? begin(page) : KR_OK;
    struct kr_query_export *export = page->query->export;
    if (err != KR_OK || export == NULL) {
        return err;
    }
    err = look_at_directory(page);
    while (err == KR_OK && !export->has_changes && !kr_query_is_full(page)) {
        err = page_changes(page);
    }
    if (err == KR_OK && export->has_changes) {
        err = page_arrivals(page);
    }
    *ret_done = err != KR_OK || (export->has_changes && export->next > export->until);
    if (err == KR_OK && *ret_done) {
        kr_writer_array(result, 1);
        kr_writer_uint(result, export->until);
    }
    return err;
}
