#include "node/core/duty.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/draft.h"
#include "node/core/internal.h"

void kr_duty_roster_subject(uint8_t ret_subject[static 32])
{
    kr_hash(ret_subject, "kairan duty roster", "", 0);
}

bool kr_duty_is_roster(const uint8_t subject[static 32])
{
    uint8_t roster[32];
    kr_duty_roster_subject(roster);
    return memcmp(subject, roster, 32) == 0;
}

/* ---- what stands ---- */

static bool find_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct kr_duty_list *list = context;
    struct kr_directory_entry entry;
    if (key.len == KR_DIRECTORY_KEY_BYTES && kr_directory_entry_read(value, &entry) == KR_OK) {
        memcpy(list->items[list->count].subject, key.bytes + KR_DIRECTORY_KEY_BYTES - 32, 32);
        memcpy(list->items[list->count++].record_id, entry.record_id, 32);
    }
    return list->count < KR_CONSENTS_MAX + 1;
}

enum kr_err kr_duty_list(struct kr_txn *txn, struct kr_duty_list *ret_list)
{
    const uint8_t kind = KR_KIND_DUTY;
    uint32_t damaged;
    ret_list->count = 0;
    return kr_store_each_whole(txn, KR_TABLE_DIRECTORY, &kind, 1, find_one, ret_list, &damaged);
}

enum kr_err kr_duty_open(struct kr_txn *txn, const struct kr_keyring *keyring, const struct kr_duty_listed *listed,
                         uint8_t **ret_content, size_t *ret_len)
{
    *ret_content = NULL;
    *ret_len = 0;
    enum kr_err err = kr_internal_open(txn, keyring, listed->record_id, ret_content, ret_len);
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
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

static enum kr_err is_on_duty(struct kr_step *step, const struct kr_duty_list *list, const uint8_t person[static 32], bool *ret_is)
{
    struct kr_duty_roster *roster = malloc(sizeof *roster);
    enum kr_err err = roster == NULL ? KR_NOMEM : KR_OK;
    *ret_is = false;
    for (uint32_t i = 0; err == KR_OK && i < list->count; i++) {
        uint8_t *content = NULL;
        size_t len;
        if (!kr_duty_is_roster(list->items[i].subject)) {
            continue;
        }
        err = kr_duty_open(step->txn, step->core->keyring, &list->items[i], &content, &len);
        *ret_is = err == KR_OK && content != NULL && kr_duty_roster_parse((struct kr_slice){content, len}, roster) == KR_OK &&
                  kr_duty_is_on(roster, person, step->now_ms / 1000);
        free(content);
    }
    free(roster);
    return err;
}

/* Whether that consent is for such a submission of that person now. */
static enum kr_err allows(struct kr_step *step, const struct kr_job *job, const struct kr_who *who,
                          const struct kr_consent *consent, bool is_on_duty, bool *ret_allows)
{
    enum kr_consent_state state = KR_CONSENT_ENDED;
    const bool is_meant = consent->person.len > 0 ? memcmp(consent->person.bytes, who->person, 32) == 0 : is_on_duty;
    const bool is_own = consent->by.len > 0 && memcmp(consent->by.bytes, who->person, 32) == 0;
    enum kr_err err = is_meant && !is_own ? kr_consent_state_of(step->txn, consent, step->now_ms / 1000, &state) : KR_OK;
    *ret_allows = err == KR_OK && state == KR_CONSENT_HOLDS && fits(step->core, consent, job);
    return err;
}

static enum kr_err find_consent(struct kr_step *step, const struct kr_job *job, const struct kr_who *who,
                                const struct kr_duty_list *list, uint8_t ret_consent[static 32], bool *ret_found)
{
    bool is_there = false;
    enum kr_err err = is_on_duty(step, list, who->person, &is_there);
    for (uint32_t i = 0; err == KR_OK && i < list->count && !*ret_found; i++) {
        struct kr_consent consent;
        uint8_t *content = NULL;
        size_t len;
        if (kr_duty_is_roster(list->items[i].subject)) {
            continue; /* whatever stands there: no list of consents shows it */
        }
        err = kr_duty_open(step->txn, step->core->keyring, &list->items[i], &content, &len);
        if (err == KR_OK && content != NULL && kr_consent_parse((struct kr_slice){content, len}, &consent) == KR_OK) {
            err = allows(step, job, who, &consent, is_there, ret_found);
            memcpy(ret_consent, list->items[i].subject, 32);
        }
        free(content);
    }
    return err;
}

enum kr_err kr_duty_permits(struct kr_step *step, const struct kr_job *job, uint8_t ret_consent[static 32], bool *ret_permits)
{
    struct kr_who who;
    struct kr_duty_list *list = malloc(sizeof *list);
    struct kr_draft_row *row = malloc(sizeof *row);
    bool is_found = false, has_room = false, is_new = false;
    *ret_permits = false;
    enum kr_err err = list == NULL || row == NULL ? KR_NOMEM : kr_who_find(step->txn, &job->caller, step->now_ms, &who);
    if (err == KR_OK && who.facts.is_person && !job->skips_guards && (job->op == KR_OP_SUBMIT || job->op == KR_OP_SIGHT)) {
        err = kr_draft_find(step, job->token, row);
        is_new = err == KR_NOT_FOUND; /* else it waits already, or was decided */
        err = is_new ? kr_duty_list(step->txn, list) : err == KR_CORRUPT ? KR_OK : err;
    }
    if (err == KR_OK && is_new) {
        err = find_consent(step, job, &who, list, ret_consent, &is_found);
    }
    if (err == KR_OK && is_found) {
        err = kr_draft_has_room(step, job, row, &has_room);
        *ret_permits = err == KR_OK && has_room;
        err = err == KR_OK && !has_room ? KR_CANCELLED : err;
    }
    free(list);
    free(row);
    return err;
}
