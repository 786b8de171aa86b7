/* Standing consents and the duty roster for clients.
 *
 * position = UINT64_MAX: not begun, else how many records were dealt with; count = how many entries of the roster that is next. */
#include <stdlib.h>
#include <string.h>

#include "node/core/draft.h"
#include "node/core/duty.h"
#include "node/core/people.h"
#include "node/core/query_page.h"

static _Thread_local struct kr_person_row person_row;
static _Thread_local struct kr_draft_row draft_row;

/* Its name, in bytes that live until the next page; empty where no card is here. */
static enum kr_err name_of(struct kr_query_page *page, struct kr_slice person, char *bytes, struct kr_slice *ret_name)
{
    enum kr_err err = person.len == 32 ? kr_person_get(page->txn, person.bytes, &person_row) : KR_NOT_FOUND;
    if (err == KR_OK) {
        memcpy(bytes, person_row.card.name.bytes, person_row.card.name.len);
        *ret_name = (struct kr_slice){(const uint8_t *)bytes, person_row.card.name.len};
    }
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

static enum kr_err emit(struct kr_query_page *page, const struct kr_duty_item *item)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 16 * KR_KIB);
    kr_duty_item_write(item, &writer);
    page->has_moved = true;
    return kr_query_emit(page, &writer);
}

static enum kr_err give_consent(struct kr_query_page *page, const uint8_t subject[static 32], struct kr_slice content)
{
    struct kr_consent consent;
    enum kr_consent_state state = KR_CONSENT_HOLDS;
    char names[3][KR_NAME_BYTES_MAX];
    if (kr_consent_parse(content, &consent) != KR_OK) {
        return KR_OK;
    }
    struct kr_duty_item item = {.type = KR_DUTY_CONSENT,
                                .id = {subject, 32},
                                .person = consent.person,
                                .from_s = consent.given_ms / 1000,
                                .until_s = consent.until_s,
                                .kinds = consent.kinds,
                                .labels = consent.labels,
                                .community = consent.community,
                                .councils = consent.councils,
                                .reach_count = (uint32_t)(consent.reach.len / 32),
                                .by = consent.by,
                                .given_ms = consent.given_ms,
                                .reason = consent.reason,
                                .ended_ms = consent.ended_ms,
                                .ended_reason = consent.ended_reason};
    enum kr_err err = kr_consent_state_of(page->txn, &consent, page->now_ms / 1000, &state);
    item.state = state;
    if (err == KR_OK) {
        err = name_of(page, consent.person, names[0], &item.person_name);
    }
    if (err == KR_OK) {
        err = name_of(page, consent.by, names[1], &item.by_name);
    }
    if (err == KR_OK) {
        err = name_of(page, consent.ended_by, names[2], &item.ended_name);
    }
    return err == KR_OK ? emit(page, &item) : err;
}

static enum kr_err give_entries(struct kr_query_page *page, const struct kr_duty_roster *roster, bool *ret_done)
{
    enum kr_err err = KR_OK;
    char name[KR_NAME_BYTES_MAX];
    while (err == KR_OK && page->query->count < roster->count && !kr_query_is_full(page)) {
        const struct kr_duty_entry *entry = &roster->entries[page->query->count];
        enum kr_person_state state = KR_PERSON_REVOKED;
        uint32_t roles;
        struct kr_duty_item item = {
            .type = KR_DUTY_ROSTER, .person = {entry->person, 32}, .from_s = entry->from_s, .until_s = entry->until_s};
        err = kr_person_state_find(page->txn, entry->person, page->now_ms / 1000, &state, &roles);
        item.state = state;
        if (err == KR_OK) {
            err = name_of(page, item.person, name, &item.person_name);
        }
        if (err == KR_OK) {
            err = emit(page, &item);
            page->query->count++;
        }
    }
    *ret_done = err == KR_OK && page->query->count >= roster->count;
    return err;
}

static enum kr_err give_roster(struct kr_query_page *page, struct kr_slice content, bool *ret_done)
{
    struct kr_duty_roster *roster = malloc(sizeof *roster);
    enum kr_err err = roster == NULL ? KR_NOMEM : KR_OK;
    *ret_done = true;
    if (err == KR_OK && kr_duty_roster_parse(content, roster) == KR_OK) {
        err = give_entries(page, roster, ret_done);
    }
    free(roster);
    return err;
}

static bool count_unreviewed(void *context, struct kr_slice key, struct kr_slice value)
{
    struct kr_duty_sum *sum = context;
    if (kr_draft_row_read(key, value, &draft_row) == KR_OK && draft_row.state == KR_DRAFT_AHEAD) {
        sum->unreviewed++;
        sum->oldest_ms = sum->oldest_ms == 0 || draft_row.submitted_ms < sum->oldest_ms ? draft_row.submitted_ms : sum->oldest_ms;
    }
    return true;
}

static enum kr_err give_one(struct kr_query_page *page, const struct kr_duty_listed *listed, bool is_roster, bool *ret_done)
{
    uint8_t *content = NULL;
    size_t len = 0;
    *ret_done = true;
    enum kr_err err = kr_duty_open(page->txn, page->keyring, listed, &content, &len);
    if (err == KR_OK && content != NULL) {
        const struct kr_slice bytes = {content, len};
        err = is_roster ? give_roster(page, bytes, ret_done) : give_consent(page, listed->subject, bytes);
    }
    page->has_moved = true;
    free(content);
    return err;
}

enum kr_err kr_query_duty(struct kr_query_page *page, struct kr_writer *result, bool *ret_done)
{
    struct kr_query *query = page->query;
    struct kr_duty_sum sum = {0};
    struct kr_duty_list *list = malloc(sizeof *list);
    uint8_t subject[32];
    bool is_done = true;
    kr_duty_roster_subject(subject);
    query->position = query->position == UINT64_MAX ? 0 : query->position;
    enum kr_err err = list == NULL ? KR_NOMEM : kr_duty_list(page->txn, list);
    while (err == KR_OK && is_done && query->position < list->count && !kr_query_is_full(page)) {
        const struct kr_duty_listed *listed = &list->items[query->position];
        err = give_one(page, listed, memcmp(listed->subject, subject, 32) == 0, &is_done);
        query->position += is_done;
    }
    *ret_done = err == KR_OK && query->position >= list->count;
    for (uint32_t i = 0; err == KR_OK && i < list->count; i++) {
        sum.has_roster = sum.has_roster || memcmp(list->items[i].subject, subject, 32) == 0;
    }
    free(list);
    if (*ret_done) {
        err = kr_drafts_each(page->txn, NULL, count_unreviewed, &sum);
        kr_duty_sum_write(&sum, result);
        err = err == KR_OK ? kr_writer_finish(result) : err;
    }
    return err;
}
