#include "tools/kairan/duty.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tools/kairan/sheet.h"

#define TEXT_BYTES (KR_NAME_BYTES_MAX + 1u)

/* ---- asking ---- */

static enum kr_err take(void *context, struct kr_slice bytes)
{
    struct kr_duty *duty = context;
    if (duty->count == duty->capacity) {
        const uint32_t capacity = duty->capacity == 0 ? 64 : duty->capacity * 2;
        struct kr_duty_copy *items = capacity > 65536u ? NULL : realloc(duty->items, capacity * sizeof *items);
        if (items == NULL) {
            return KR_NOMEM;
        }
        duty->items = items;
        duty->capacity = capacity;
    }
    struct kr_duty_copy *copy = &duty->items[duty->count];
    copy->bytes = malloc(bytes.len + 1);
    if (copy->bytes == NULL) {
        return KR_NOMEM;
    }
    memcpy(copy->bytes, bytes.bytes, bytes.len);
    duty->count++;
    return kr_duty_item_read((struct kr_slice){copy->bytes, bytes.len}, &copy->item);
}

bool kr_duty_load(struct kr_app *app, struct kr_duty *ret_duty)
{
    struct kr_slice result;
    *ret_duty = (struct kr_duty){0};
    if (kr_app_ask(app, KR_OP_DUTY, KR_ANSWER_MS, take, ret_duty, &result) != KR_OK) {
        return false;
    }
    if (kr_duty_sum_read(result, &ret_duty->sum) != KR_OK) {
        (void)kr_app_unreadable(app);
        return false;
    }
    return true;
}

void kr_duty_free(struct kr_duty *duty)
{
    for (uint32_t i = 0; i < duty->count; i++) {
        free(duty->items[i].bytes);
    }
    free(duty->items);
    *duty = (struct kr_duty){0};
}

/* ---- what is made of it ---- */

bool kr_duty_send(struct kr_app *app, const struct kr_duty_act *act)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX);
    kr_duty_act_write(act, &args);
    enum kr_err err = kr_app_call(app, KR_OP_DUTY_ACT, &args, KR_ANSWER_MS, NULL, NULL, NULL);
    kr_writer_deinit(&args);
    return err == KR_OK;
}

bool kr_duty_covers(const struct kr_duty_item *item, uint64_t from_s, uint64_t until_s)
{
    const bool is_there =
        item->type == KR_DUTY_ROSTER && item->state != KR_PERSON_STATE_REVOKED && item->state != KR_PERSON_STATE_LEFT;
    return is_there && item->from_s < until_s && item->until_s > from_s;
}

/* Midnight of the day that is so many days on, by local time. */
static uint64_t day_of(uint64_t now_s, uint32_t ahead)
{
    const time_t now = (time_t)now_s;
    struct tm day;
    if (localtime_r(&now, &day) == NULL) {
        return now_s + ahead * UINT64_C(86400);
    }
    day.tm_hour = day.tm_min = day.tm_sec = 0;
    day.tm_mday += (int)ahead;
    day.tm_isdst = -1;
    return (uint64_t)mktime(&day);
}

uint32_t kr_duty_bare_days(const struct kr_duty *duty, uint64_t now_s, uint64_t ret_days_s[static KR_DUTY_DAYS])
{
    uint32_t count = 0;
    for (uint32_t day = 0; day < KR_DUTY_DAYS && duty->sum.has_roster; day++) {
        const uint64_t from_s = day_of(now_s, day), until_s = day_of(now_s, day + 1);
        bool is_covered = false;
        for (uint32_t i = 0; i < duty->count && !is_covered; i++) {
            is_covered = kr_duty_covers(&duty->items[i].item, from_s, until_s);
        }
        if (!is_covered) {
            ret_days_s[count++] = from_s;
        }
    }
    return count;
}

bool kr_consent_ends_soon(const struct kr_duty_item *item, uint64_t now_s)
{
    return item->type == KR_DUTY_CONSENT && item->state == KR_CONSENT_HOLDS && item->until_s <= now_s + KR_CONSENT_SOON_S;
}

static const struct {
    const char *word, *text;
} states[] = {
    [0] = {"unknown", N_("unknown")},
    [KR_CONSENT_HOLDS] = {"holds", N_("holds")},
    [KR_CONSENT_OVER] = {"over", N_("is over")},
    [KR_CONSENT_ENDED] = {"ended", N_("was ended")},
    [KR_CONSENT_GIVER_GONE] = {"giver-gone", N_("does not hold: whoever gave it is no approver or admin any more")},
    [KR_CONSENT_PERSON_GONE] = {"person-gone", N_("does not hold: the person is not active")},
};

const char *kr_consent_state_word(uint32_t state)
{
    return states[state < sizeof states / sizeof states[0] ? state : 0].word;
}

const char *kr_consent_state_text(uint32_t state)
{
    return _(states[state < sizeof states / sizeof states[0] ? state : 0].text);
}

/* ---- a roster from a file ---- */

enum column { PERSON, BODY, FROM, UNTIL, COLUMNS };

static const struct kr_sheet_heading headings[] = {
    {"person", PERSON}, {"name", PERSON},  {"担当者", PERSON}, {"氏名", PERSON},   {"名前", PERSON}, {"当番", PERSON},
    {"body", BODY},     {"機関", BODY},    {"機関名", BODY},   {"会員機関", BODY}, {"所属", BODY},   {"from", FROM},
    {"start", FROM},    {"開始", FROM},    {"開始日", FROM},   {"開始日時", FROM}, {"until", UNTIL}, {"end", UNTIL},
    {"終了", UNTIL},    {"終了日", UNTIL}, {"終了日時", UNTIL}};

static bool is_text(struct kr_slice slice, const char *text)
{
    char own[TEXT_BYTES];
    return kr_slice_text(slice, own, sizeof own) && strcasecmp(own, text) == 0;
}

static bool is_of(const struct kr_people *people, const struct kr_person_entry *person, const char *body_name)
{
    const struct kr_body_entry *body = kr_people_body_by_id(people, person->card.body);
    return body_name[0] == 0 ||
           (body != NULL && (is_text(body->card.name_ja, body_name) || is_text(body->card.name_en, body_name)));
}

/* NULL: none, or several. */
static const struct kr_person_entry *find_person(const struct kr_people *people, const char *name, const char *body_name)
{
    const struct kr_person_entry *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < people->person_count; i++) {
        const struct kr_person_entry *person = &people->persons[i];
        const bool is_gone = person->state == KR_PERSON_STATE_REVOKED || person->state == KR_PERSON_STATE_LEFT;
        if (!is_gone && (is_text(person->card.name, name) || is_text(person->card.mail, name)) &&
            is_of(people, person, body_name)) {
            found = person;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

static const char *parse_row(const struct kr_people *people, const struct kr_csv_row *row, const int *at,
                             struct kr_duty_entry *ret_entry)
{
    char texts[COLUMNS][TEXT_BYTES];
    for (int i = 0; i < COLUMNS; i++) {
        if (!kr_sheet_cell(row, at[i], texts[i], sizeof texts[i])) {
            return N_("a cell is too long or no text");
        }
    }
    const struct kr_person_entry *person = find_person(people, texts[PERSON], texts[BODY]);
    if (person == NULL) {
        return N_("no person of this council has that name, or several do: name the body, too");
    }
    if (!kr_moment_parse(texts[FROM], true, &ret_entry->from_s) || !kr_until_parse(texts[UNTIL], &ret_entry->until_s)) {
        return N_("begin and end are dates like 2026-12-28, or times like 2026-12-28T09:00");
    }
    memcpy(ret_entry->person, person->id, 32);
    return ret_entry->from_s < ret_entry->until_s ? NULL : N_("it ends before it begins");
}

struct reading {
    const struct kr_people *people;
    struct kr_duty_entry *entries;
    uint32_t count;
};

static enum kr_err add_row(void *context, const struct kr_csv_row *row, const int *at, struct kr_error *error)
{
    struct reading *reading = context;
    if (reading->count == KR_DUTY_ENTRIES_MAX) {
        return kr_fail(error, KR_BOUNDS, _("a duty roster has at most %u rows"), KR_DUTY_ENTRIES_MAX);
    }
    const char *why = parse_row(reading->people, row, at, &reading->entries[reading->count++]);
    return why == NULL ? KR_OK : kr_fail(error, KR_INVALID, _("line %ju: %s"), (uintmax_t)row->line, _(why));
}

enum kr_err kr_duty_read(const struct kr_people *people, const struct kr_import_source *source, struct kr_duty_entry *ret_entries,
                         uint32_t *ret_count, struct kr_error *error)
{
    struct reading reading = {.people = people, .entries = ret_entries};
    const struct kr_sheet sheet = {.headings = headings,
                                   .heading_count = sizeof headings / sizeof headings[0],
                                   .needed = 1u << PERSON | 1u << FROM | 1u << UNTIL,
                                   .missing =
                                       _("the first row has to name the columns person, from and until (担当者, 開始, 終了)"),
                                   .on_row = add_row,
                                   .context = &reading};
    enum kr_err err = kr_sheet_read(&sheet, source, error);
    if (err == KR_OK) {
        *ret_count = reading.count;
    }
    return err;
}
