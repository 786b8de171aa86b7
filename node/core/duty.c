#include "node/core/duty.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/draft.h"
#include "node/core/internal.h"

void kr_duty_roster_subject(uint8_t ret_subject[static 32])
{
    kr_hash(ret_subject, "kairan duty roster", "", 0);
}

/* ---- what stands ---- */

struct found {
    struct {
        uint8_t subject[32], record_id[32];
    } items[KR_CONSENTS_MAX + 1];
    uint32_t count;
};

static bool find_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct found *found = context;
    struct kr_directory_entry entry;
    if (key.len == KR_DIRECTORY_KEY_BYTES && kr_directory_entry_read(value, &entry) == KR_OK) {
        memcpy(found->items[found->count].subject, key.bytes + KR_DIRECTORY_KEY_BYTES - 32, 32);
        memcpy(found->items[found->count++].record_id, entry.record_id, 32);
    }
    return found->count < KR_CONSENTS_MAX + 1;
}

enum kr_err kr_duty_records_load(struct kr_txn *txn, const struct kr_keyring *keyring, struct kr_duty_records *ret)
{
    const uint8_t kind = KR_KIND_DUTY;
    struct found *found = calloc(1, sizeof *found);
    uint32_t damaged;
    *ret = (struct kr_duty_records){.items = calloc(KR_CONSENTS_MAX + 1, sizeof *ret->items)};
    enum kr_err err = found == NULL || ret->items == NULL
                          ? KR_NOMEM
                          : kr_store_each_whole(txn, KR_TABLE_DIRECTORY, &kind, 1, find_one, found, &damaged);
    for (uint32_t i = 0; err == KR_OK && i < found->count; i++) {
        struct kr_duty_record *record = &ret->items[ret->count];
        err = kr_internal_open(txn, keyring, found->items[i].record_id, &record->content, &record->len);
        if (err == KR_OK) {
            memcpy(record->subject, found->items[i].subject, 32);
            ret->count++;
        }
        err = err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    free(found);
    return err;
}

void kr_duty_records_free(struct kr_duty_records *records)
{
    for (uint32_t i = 0; i < records->count; i++) {
        free(records->items[i].content);
    }
    free(records->items);
    *records = (struct kr_duty_records){0};
}

/* ---- whether it holds ---- */

enum kr_err kr_consent_state_of(struct kr_txn *txn, const struct kr_consent *consent, uint64_t now_s,
                                enum kr_consent_state *ret_state)
{
    enum kr_person_state giver = KR_PERSON_ACTIVE, person = KR_PERSON_ACTIVE;
    uint32_t giver_roles = KR_ROLE_ADMIN, roles;
    enum kr_err err = KR_OK;
    if (consent->by.len > 0) {
        err = kr_person_state_find(txn, consent->by.bytes, now_s, &giver, &giver_roles);
    }
    if (err == KR_OK && consent->person.len > 0) {
        err = kr_person_state_find(txn, consent->person.bytes, now_s, &person, &roles);
    }
    if (err == KR_OK) {
        const bool may_give = giver == KR_PERSON_ACTIVE && (giver_roles & (KR_ROLE_APPROVER | KR_ROLE_ADMIN)) != 0;
        *ret_state = consent->ended_ms != 0       ? KR_CONSENT_ENDED
                     : consent->until_s <= now_s  ? KR_CONSENT_OVER
                     : !may_give                  ? KR_CONSENT_GIVER_GONE
                     : person != KR_PERSON_ACTIVE ? KR_CONSENT_PERSON_GONE
                                                  : KR_CONSENT_HOLDS;
    }
    return err;
}

void kr_consent_reach_of(const struct kr_core *core, const uint8_t council[static 32], uint8_t ret_hash[static 32])
{
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    struct kr_card card = {0};
    uint8_t bytes[64];
    if (known != NULL) {
        kr_council_card(known, &card);
    }
    const size_t host = card.hosted_by.len == 32 ? 32 : 0;
    memcpy(bytes, council, 32);
    if (host > 0) {
        memcpy(bytes + 32, card.hosted_by.bytes, 32);
    }
    kr_hash(ret_hash, "kairan consent reach", bytes, 32 + host);
}

bool kr_duty_is_on(const struct kr_duty_roster *roster, const uint8_t person[static 32], uint64_t now_s)
{
    for (uint32_t i = 0; i < roster->count; i++) {
        const struct kr_duty_entry *entry = &roster->entries[i];
        if (entry->from_s <= now_s && now_s < entry->until_s && memcmp(entry->person, person, 32) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- whom it reaches ---- */

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

void kr_consent_reach_sort(uint8_t (*reach)[32], uint32_t count)
{
    if (count > 0) {
        qsort(reach, count, 32, compare);
    }
}

static bool was_agreed(const struct kr_core *core, const struct kr_consent *consent, const uint8_t council[static 32])
{
    uint8_t hash[32];
    kr_consent_reach_of(core, council, hash);
    return consent->reach.len > 0 && bsearch(hash, consent->reach.bytes, consent->reach.len / 32, 32, compare) != NULL;
}

static bool is_among(struct kr_slice ids, const uint8_t id[static 32])
{
    for (size_t at = 0; at < ids.len; at += 32) {
        if (memcmp(ids.bytes + at, id, 32) == 0) {
            return true;
        }
    }
    return false;
}

/* Everybody whom it reaches as the directory is now, and whose operators run their machines, was agreed upon. */
static bool covers(const struct kr_core *core, const struct kr_consent *consent, const struct kr_header *header)
{
    bool is_covered = true;
    switch (header->label) {
    case KR_TLP_CLEAR:
        return true;
    case KR_TLP_GREEN:
        is_covered = memcmp(consent->community.bytes, header->community, 32) == 0;
        for (uint32_t i = 0; is_covered && i < core->directory.council_count; i++) {
            const uint8_t *id = core->directory.councils[i]->id;
            const bool gets_it = kr_directory_is_member(&core->directory, header->community, id) && memcmp(id, core->self, 32) != 0;
            is_covered = !gets_it || was_agreed(core, consent, id);
        }
        return is_covered;
    case KR_TLP_AMBER:
        for (uint32_t i = 0; is_covered && i < header->audience_count; i++) {
            const uint8_t *id = kr_header_audience_at(header, i);
            is_covered = memcmp(id, core->self, 32) == 0 || (is_among(consent->councils, id) && was_agreed(core, consent, id));
        }
        return is_covered;
    default:
        return false;
    }
}

static bool fits(const struct kr_core *core, const struct kr_consent *consent, const struct kr_job *job)
{
    const uint32_t kind = kr_draft_kind(job), label = (uint32_t)job->header.label;
    return kind < 32 && label < 32 && (consent->kinds >> kind & 1) != 0 && (consent->labels >> label & 1) != 0 &&
           covers(core, consent, &job->header);
}

static void find_roster(const struct kr_duty_records *records, struct kr_duty_roster *roster)
{
    roster->count = 0;
    for (uint32_t i = 0; i < records->count; i++) {
        const struct kr_slice content = {records->items[i].content, records->items[i].len};
        if (kr_duty_type(content) == KR_DUTY_ROSTER && kr_duty_roster_parse(content, roster) != KR_OK) {
            roster->count = 0; /* whoever stands in a damaged one is not on duty */
        }
    }
}

static enum kr_err find_consent(struct kr_step *step, const struct kr_job *job, const struct kr_who *who,
                                const struct kr_duty_records *records, bool is_on_duty, uint8_t ret_consent[static 32],
                                bool *ret_found)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; err == KR_OK && i < records->count && !*ret_found; i++) {
        struct kr_consent consent;
        enum kr_consent_state state;
        if (kr_consent_parse((struct kr_slice){records->items[i].content, records->items[i].len}, &consent) != KR_OK) {
            continue;
        }
        const bool is_meant = consent.person.len > 0 ? memcmp(consent.person.bytes, who->person, 32) == 0 : is_on_duty;
        const bool is_own = consent.by.len > 0 && memcmp(consent.by.bytes, who->person, 32) == 0;
        if (!is_meant || is_own) {
            continue;
        }
        err = kr_consent_state_of(step->txn, &consent, step->now_ms / 1000, &state);
        if (err == KR_OK && state == KR_CONSENT_HOLDS && fits(step->core, &consent, job)) {
            memcpy(ret_consent, records->items[i].subject, 32);
            *ret_found = true;
        }
    }
    return err;
}

enum kr_err kr_duty_permits(struct kr_step *step, const struct kr_job *job, uint8_t ret_consent[static 32], bool *ret_permits)
{
    struct kr_who who;
    struct kr_duty_records records = {0};
    struct kr_duty_roster *roster = malloc(sizeof *roster);
    struct kr_draft_row *row = malloc(sizeof *row);
    bool is_found = false, has_room = false;
    *ret_permits = false;
    enum kr_err err = roster == NULL || row == NULL ? KR_NOMEM : kr_who_find(step->txn, &job->caller, step->now_ms, &who);
    const bool may =
        err == KR_OK && who.facts.is_person && !job->skips_guards && (job->op == KR_OP_SUBMIT || job->op == KR_OP_SIGHT);
    if (may) {
        err = kr_draft_get(step->txn, job->token, row);
        const bool is_new = err == KR_NOT_FOUND; /* else it waits already */
        err = is_new ? kr_duty_records_load(step->txn, step->core->keyring, &records) : err == KR_CORRUPT ? KR_OK : err;
    }
    if (err == KR_OK && records.count > 0) {
        find_roster(&records, roster);
        err =
            find_consent(step, job, &who, &records, kr_duty_is_on(roster, who.person, step->now_ms / 1000), ret_consent, &is_found);
    }
    if (err == KR_OK && is_found) {
        err = kr_draft_has_room(step, job, row, &has_room);
        *ret_permits = err == KR_OK && has_room;
        err = err == KR_OK && !has_room ? KR_CANCELLED : err;
    }
    kr_duty_records_free(&records);
    free(roster);
    free(row);
    return err;
}
