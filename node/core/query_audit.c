/* The audit log for clients: its entries, and whether they hold together.
 *
 * audit:  position = UINT64_MAX: not begun, else the number to look at next; extra = where it ends.
 * verify: the same; scope.id = the hash before `position`; count = entries seen, detail = problems, scope.label = enum
 * kr_audit_met. */
#include <stdio.h>
#include <string.h>

#include "node/core/audit.h"
#include "node/core/draft.h"
#include "node/core/people.h"
#include "node/core/query_page.h"
#include "proto/client/audit.h"

static _Thread_local struct kr_person_row person_row;
static _Thread_local struct kr_draft_row draft_row;

static bool is_zero(const uint8_t id[static 32])
{
    static const uint8_t none[32];
    return memcmp(id, none, 32) == 0;
}

/* What a list has begun with is what it goes on to, whatever is added meanwhile. */
static enum kr_err begin(struct kr_query_page *page, struct kr_audit_chain *chain)
{
    struct kr_query *query = page->query;
    enum kr_err err = kr_audit_chain_get(page->txn, chain);
    if (err == KR_CORRUPT) {
        return kr_fail(page->error, err, "the beginning of the audit log is damaged: run `kairan verify`");
    }
    if (err == KR_OK && query->position == UINT64_MAX) {
        query->position = chain->first;
        query->extra = chain->next;
        memcpy(query->scope.id, chain->before, 32);
    }
    if (err == KR_OK && query->position < chain->first) { /* dropped since */
        query->position = chain->first;
        memcpy(query->scope.id, chain->before, 32);
    }
    return err;
}

/* Who submitted is for intake, here as in the lists of drafts: else the entry and the draft's pseudonym, which one id joins, would
 * open it to every admin with no reason given and nothing logged. What was refused for want of a role is nobody's submission. */
static bool is_hidden(const struct kr_audit_entry *entry, const struct kr_who *who)
{
    const bool is_own = memcmp(entry->person, who->person, 32) == 0;
    return kr_op_is_submitters(entry->op) && entry->outcome != KR_DENIED && !is_zero(entry->person) && !is_own &&
           (who->facts.roles & KR_ROLE_INTAKE) == 0;
}

/* A hash over nothing but what is shown and a person's id tells, by trying everybody's, whose entry it is: that one's, or one's
 * before it. */
static bool may_have_hash(const struct kr_audit_entry *entry, const struct kr_who *who)
{
    return entry->is_salted || (who->facts.roles & KR_ROLE_INTAKE) != 0;
}

/* Asking for one person does not tell what showing all would not. */
static bool is_of(const struct kr_audit_entry *entry, const struct kr_who *who, const uint8_t person[static 32])
{
    return memcmp(person, entry->person, 32) == 0 && !is_hidden(entry, who);
}

/* Puts in the person's place the name that the draft's lists show, or zeros where it never waited, or is gone from them. */
static enum kr_err hide(struct kr_query_page *page, const struct kr_audit_entry *entry, struct kr_audit_item *item)
{
    static const uint8_t nameless[KR_DRAFT_ALIAS_BYTES];
    enum kr_err err = entry->target_len == KR_DRAFT_ID_BYTES ? kr_draft_get(page->txn, entry->target, &draft_row) : KR_NOT_FOUND;
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        return err;
    }
    item->person = (struct kr_slice){err == KR_OK ? draft_row.alias : nameless, KR_DRAFT_ALIAS_BYTES};
    item->stands_for.len = 0;
    item->uid = KR_AUDIT_BY_KEY;
    return KR_OK;
}

static enum kr_err give(struct kr_query_page *page, const struct kr_who *who, const struct kr_audit_entry *entry,
                        const uint8_t hash[static 32])
{
    struct kr_audit_item item = {.number = entry->number,
                                 .at_ms = entry->at_ms,
                                 .person = {entry->person, is_zero(entry->person) ? 0 : 32},
                                 .stands_for = {entry->stands_for, is_zero(entry->stands_for) ? 0 : 32},
                                 .uid = entry->uid,
                                 .op = entry->op,
                                 .outcome = entry->outcome,
                                 .target = {entry->target, entry->target_len},
                                 .note = entry->note};
    struct kr_writer writer;
    memcpy(item.hash, hash, may_have_hash(entry, who) ? 32 : 0);
    if (is_hidden(entry, who)) {
        enum kr_err err = hide(page, entry, &item);
        if (err != KR_OK) {
            return err;
        }
    } else if (item.person.len > 0) {
        enum kr_err err = kr_person_get(page->txn, entry->person, &person_row);
        if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
            return err;
        }
        item.name = err == KR_OK ? person_row.card.name : item.name;
    }
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_audit_item_write(&item, &writer);
    return kr_query_emit(page, &writer);
}

enum kr_err kr_query_audit(struct kr_query_page *page, const struct kr_who *who, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct kr_audit_ask ask;
    struct kr_audit_chain chain;
    if (kr_audit_ask_read((struct kr_slice){query->args, query->args_len}, &ask) != KR_OK) {
        return kr_fail(page->error, KR_MALFORMED, "the request cannot be read");
    }
    enum kr_err err = begin(page, &chain);
    while (err == KR_OK && query->position < query->extra && !kr_query_is_full(page)) {
        uint8_t bytes[KR_AUDIT_ROW_BYTES], hash[KR_AUDIT_HASH_BYTES];
        struct kr_audit_entry entry;
        struct kr_slice row = {0};
        enum kr_err found = kr_audit_row_get(page->txn, query->position++, bytes, &row, hash);
        page->has_moved = true;
        if (found != KR_OK && found != KR_NOT_FOUND && found != KR_CORRUPT) {
            return found;
        }
        const bool is_whole = found == KR_OK && kr_audit_entry_read(row, &entry) == KR_OK; /* else verify tells of it */
        if (is_whole && entry.at_ms >= ask.since_ms && (!ask.has_person || is_of(&entry, who, ask.person))) {
            err = give(page, who, &entry, hash);
        }
    }
    *ret_done = err == KR_OK && query->position >= query->extra;
    return err;
}

static enum kr_err say(struct kr_query_page *page, uint64_t number, const char *what)
{
    char sentence[128];
    struct kr_writer writer;
    page->query->detail++;
    (void)snprintf(sentence, sizeof sentence, "entry %llu %s", (unsigned long long)number, what);
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, 1);
    kr_writer_str(&writer, sentence);
    return kr_query_emit(page, &writer);
}

static enum kr_err check_one(struct kr_query_page *page, const struct kr_who *who, uint64_t number,
                             const struct kr_audit_anchor *anchor)
{
    struct kr_query *query = page->query;
    uint8_t bytes[KR_AUDIT_ROW_BYTES], hash[KR_AUDIT_HASH_BYTES];
    struct kr_audit_entry entry;
    struct kr_slice row = {0};
    enum kr_err err = kr_audit_row_get(page->txn, number, bytes, &row, hash);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? say(page, number, "is missing") : err == KR_CORRUPT ? say(page, number, "is damaged") : err;
    }
    const bool is_read = kr_audit_entry_read(row, &entry) == KR_OK && entry.number == number;
    const bool is_anchor = anchor->has_anchor && anchor->number == number;
    if (is_anchor && is_read && !may_have_hash(&entry, who)) {
        return kr_fail(page->error, KR_DENIED,
                       "a hash of before entries were salted would tell who submitted: comparing it needs the role intake");
    }
    kr_audit_hash(query->scope.id, row);
    const bool follows = memcmp(query->scope.id, hash, sizeof hash) == 0;
    memcpy(query->scope.id, hash, sizeof hash); /* from there on each is judged by itself */
    if (is_anchor) {
        query->scope.label = memcmp(anchor->hash, hash, sizeof hash) == 0 && follows ? KR_AUDIT_MET : KR_AUDIT_DIFFERS;
    }
    if (!follows) {
        return say(page, number, "does not follow from the one before");
    }
    return is_read ? KR_OK : say(page, number, "cannot be read");
}

enum kr_err kr_query_audit_verify(struct kr_query_page *page, const struct kr_who *who, struct kr_writer *result, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct kr_audit_anchor anchor;
    struct kr_audit_chain chain;
    if (kr_audit_anchor_read((struct kr_slice){query->args, query->args_len}, &anchor) != KR_OK) {
        return kr_fail(page->error, KR_MALFORMED, "the request cannot be read");
    }
    const bool is_first = query->position == UINT64_MAX;
    enum kr_err err = begin(page, &chain);
    if (err == KR_OK && is_first && anchor.has_anchor) {
        query->scope.label = KR_AUDIT_GONE;
    }
    while (err == KR_OK && query->position < query->extra && !kr_query_is_full(page)) {
        err = check_one(page, who, query->position++, &anchor);
        page->has_moved = true;
    }
    *ret_done = err == KR_OK && query->position >= query->extra;
    if (!*ret_done) {
        return err;
    }
    if (query->extra == chain.next && memcmp(query->scope.id, chain.hash, sizeof chain.hash) != 0) {
        err = say(page, chain.next - 1, "is not the last one that was written");
    }
    struct kr_audit_checked checked = {
        .first = chain.first, .next = query->extra, .problems = query->detail, .met = query->scope.label};
    memcpy(checked.hash, query->scope.id, sizeof checked.hash);
    kr_audit_checked_write(&checked, result);
    return err == KR_OK ? kr_writer_finish(result) : err;
}
