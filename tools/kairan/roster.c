#include "tools/kairan/roster.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/kairan/sheet.h"

/* ---- reading ---- */

enum column { BODY, NAME, MAIL, TELEPHONE, ROLES, USER, CONTRACTOR, UNTIL };

static const struct kr_sheet_heading headings[] = {
    {"body", BODY},           {"機関", BODY},       {"機関名", BODY},
    {"会員機関", BODY},       {"所属", BODY},       {"組織", BODY},
    {"name", NAME},           {"氏名", NAME},       {"名前", NAME},
    {"担当者", NAME},         {"mail", MAIL},       {"email", MAIL},
    {"e-mail", MAIL},         {"メール", MAIL},     {"メールアドレス", MAIL},
    {"telephone", TELEPHONE}, {"tel", TELEPHONE},   {"電話", TELEPHONE},
    {"電話番号", TELEPHONE},  {"role", ROLES},      {"roles", ROLES},
    {"役割", ROLES},          {"user", USER},       {"login", USER},
    {"ユーザー", USER},       {"ログイン名", USER}, {"contractor", CONTRACTOR},
    {"委託", CONTRACTOR},     {"until", UNTIL},     {"終了日", UNTIL},
    {"期限", UNTIL},
};

static const struct {
    const char *word;
    uint32_t role;
} role_words[] = {{"閲覧", KR_ROLE_READER},
                  {"分析", KR_ROLE_ANALYST},
                  {"承認", KR_ROLE_APPROVER},
                  {"受付", KR_ROLE_INTAKE},
                  {"管理", KR_ROLE_ADMIN}};

static bool parse_roles(const char *text, uint32_t *ret_roles)
{
    *ret_roles = 0;
    while (*text != 0) {
        size_t len = strcspn(text, ",;/+ ");
        if (len == 0) {
            text++;
            continue;
        }
        const char *wide = strstr(text, "、"); /* as lists are written in Japanese */
        len = wide != NULL && (size_t)(wide - text) < len ? (size_t)(wide - text) : len;
        uint32_t role = kr_role_named(text, len);
        for (size_t i = 0; role == 0 && i < sizeof role_words / sizeof role_words[0]; i++) {
            role = strlen(role_words[i].word) == len && memcmp(role_words[i].word, text, len) == 0 ? role_words[i].role : 0;
        }
        if (role == 0) {
            return false;
        }
        *ret_roles |= role;
        text += len + (wide == text + len ? strlen("、") : 0);
    }
    return true;
}

static bool parse_yes(const char *text, bool *ret_yes)
{
    static const char *const yes[] = {"yes", "y", "1", "○", "〇", "有", "委託"}, *const no[] = {"", "no", "n", "0", "×", "無", "-"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            *ret_yes = true;
            return true;
        }
        if (strcasecmp(text, no[i]) == 0) {
            *ret_yes = false;
            return true;
        }
    }
    return false;
}

/* What is wrong with the row; NULL: nothing. */
static const char *parse_row(const struct kr_csv_row *row, const int *at, struct kr_roster_row *ret_row)
{
    char roles[KR_ROSTER_TEXT_BYTES], user[KR_ROSTER_TEXT_BYTES], contractor[KR_ROSTER_TEXT_BYTES], until[KR_ROSTER_TEXT_BYTES];
    *ret_row = (struct kr_roster_row){.line = row->line};
    if (!kr_sheet_cell(row, at[BODY], ret_row->body, sizeof ret_row->body) ||
        !kr_sheet_cell(row, at[NAME], ret_row->name, sizeof ret_row->name) ||
        !kr_sheet_cell(row, at[MAIL], ret_row->mail, sizeof ret_row->mail) ||
        !kr_sheet_cell(row, at[TELEPHONE], ret_row->telephone, sizeof ret_row->telephone) ||
        !kr_sheet_cell(row, at[ROLES], roles, sizeof roles) || !kr_sheet_cell(row, at[USER], user, sizeof user) ||
        !kr_sheet_cell(row, at[CONTRACTOR], contractor, sizeof contractor) || !kr_sheet_cell(row, at[UNTIL], until, sizeof until)) {
        return N_("a cell is too long or no text");
    }
    if (ret_row->body[0] == 0 || ret_row->name[0] == 0) {
        return N_("body or name is missing");
    }
    if (!parse_roles(roles, &ret_row->roles)) {
        return N_("roles are reader, analyst, approver, intake and admin");
    }
    ret_row->has_uid = user[0] != 0;
    if (ret_row->has_uid && !kr_uid_parse(user, &ret_row->uid)) {
        return N_("there is no such user on this machine");
    }
    if (!parse_yes(contractor, &ret_row->is_contractor)) {
        return N_("contractor is yes or no");
    }
    if (until[0] != 0 && !kr_until_parse(until, &ret_row->until_s)) {
        return N_("the last day is not a date like 2027-03-31");
    }
    return ret_row->is_contractor && ret_row->until_s == 0 ? N_("a contractor has a last day") : NULL;
}

static enum kr_err add_row(void *context, const struct kr_csv_row *csv, const int *at, struct kr_error *error)
{
    struct kr_roster *roster = context;
    if (roster->count == roster->capacity) {
        const uint32_t capacity = roster->capacity == 0 ? 64 : roster->capacity * 2;
        struct kr_roster_row *rows = capacity > KR_PERSONS_MAX ? NULL : realloc(roster->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            return kr_fail(error, KR_BOUNDS, _("a roster has at most %u rows"), KR_PERSONS_MAX);
        }
        roster->rows = rows;
        roster->capacity = capacity;
    }
    const char *why = parse_row(csv, at, &roster->rows[roster->count]);
    if (why != NULL) {
        return kr_fail(error, KR_INVALID, _("line %ju: %s"), (uintmax_t)csv->line, _(why));
    }
    roster->count++;
    return KR_OK;
}

enum kr_err kr_roster_read(const struct kr_import_source *source, struct kr_roster *ret_roster, struct kr_error *error)
{
    struct kr_roster roster = {0};
    const struct kr_sheet sheet = {.headings = headings,
                                   .heading_count = sizeof headings / sizeof headings[0],
                                   .needed = 1u << BODY | 1u << NAME,
                                   .missing = _("the first row has to name the columns, body and name (機関, 氏名) among them"),
                                   .on_row = add_row,
                                   .context = &roster};
    enum kr_err err = kr_sheet_read(&sheet, source, error);
    if (err != KR_OK) {
        kr_roster_deinit(&roster);
        return err;
    }
    *ret_roster = roster;
    return KR_OK;
}

void kr_roster_deinit(struct kr_roster *roster)
{
    free(roster->rows);
    *roster = (struct kr_roster){0};
}

/* ---- planning ---- */

struct planning {
    const struct kr_people *people;
    const struct kr_roster *roster;
    uint64_t effective_s;
    struct kr_roster_plan plan;
    bool *is_met;                          /* of each person: somebody in the roster is that one */
    const struct kr_person_entry **person; /* of each row; NULL: none yet */
};

static bool is_text(struct kr_slice slice, const char *text)
{
    char own[KR_ROSTER_TEXT_BYTES];
    return kr_sheet_clean(slice, own, sizeof own) && strcasecmp(own, text) == 0;
}

static const struct kr_body_entry *find_body(const struct kr_people *people, const char *name)
{
    for (uint32_t i = 0; i < people->body_count; i++) {
        const struct kr_body_card *card = &people->bodies[i].card;
        if (card->standing != KR_STANDING_ENDED && (is_text(card->name_ja, name) || is_text(card->name_en, name))) {
            return &people->bodies[i];
        }
    }
    return NULL;
}

/* Whether it is there on the day, as things stand. */
static bool is_there(const struct planning *planning, const struct kr_person_entry *person)
{
    const struct kr_person_card *card = &person->card;
    return card->standing != KR_STANDING_ENDED && person->state != KR_PERSON_STATE_LEFT &&
           (card->until_s == 0 || card->until_s > planning->effective_s);
}

static bool is_of(const struct planning *planning, const struct kr_person_entry *person, const struct kr_roster_row *row)
{
    const struct kr_body_entry *body = find_body(planning->people, row->body);
    return body != NULL && memcmp(body->id, person->card.body, 32) == 0;
}

enum match { BY_BODY_AND_NAME, BY_MAIL, BY_NAME };

static bool matches(const struct planning *planning, enum match how, const struct kr_person_entry *person,
                    const struct kr_roster_row *row)
{
    if (how == BY_MAIL) {
        return row->mail[0] != 0 && is_text(person->card.mail, row->mail);
    }
    return is_text(person->card.name, row->name) && (how == BY_NAME || is_of(planning, person, row));
}

/* Whoever leaves one body with a name that just one person comes to another with. */
static bool is_unique(const struct planning *planning, const struct kr_roster_row *row)
{
    uint32_t rows = 0, persons = 0;
    for (uint32_t i = 0; i < planning->roster->count; i++) {
        rows += strcasecmp(planning->roster->rows[i].name, row->name) == 0 && planning->person[i] == NULL;
    }
    for (uint32_t i = 0; i < planning->people->person_count; i++) {
        const struct kr_person_entry *person = &planning->people->persons[i];
        persons += !planning->is_met[i] && is_there(planning, person) && is_text(person->card.name, row->name);
    }
    return rows == 1 && persons == 1;
}

static bool is_body_named(const struct planning *planning, const struct kr_person_entry *person)
{
    for (uint32_t i = 0; i < planning->roster->count; i++) {
        if (is_of(planning, person, &planning->roster->rows[i])) {
            return true;
        }
    }
    return false;
}

static void match_all(struct planning *planning, enum match how)
{
    for (uint32_t row = 0; row < planning->roster->count; row++) {
        for (uint32_t i = 0; i < planning->people->person_count && planning->person[row] == NULL; i++) {
            const struct kr_person_entry *person = &planning->people->persons[i];
            if (!planning->is_met[i] && is_there(planning, person) &&
                matches(planning, how, person, &planning->roster->rows[row]) &&
                (how == BY_BODY_AND_NAME || is_body_named(planning, person)) &&
                (how != BY_NAME || is_unique(planning, &planning->roster->rows[row]))) {
                planning->is_met[i] = true;
                planning->person[row] = person;
            }
        }
    }
}

static enum kr_err add_step(struct kr_roster_plan *plan, enum kr_roster_what what, const struct kr_roster_row *row,
                            const struct kr_person_entry *person)
{
    if (plan->count == plan->capacity) {
        const uint32_t capacity = plan->capacity == 0 ? 64 : plan->capacity * 2;
        struct kr_roster_step *steps = realloc(plan->steps, capacity * sizeof *steps);
        if (steps == NULL) {
            return KR_NOMEM;
        }
        plan->steps = steps;
        plan->capacity = capacity;
    }
    plan->steps[plan->count++] = (struct kr_roster_step){what, row, person};
    return KR_OK;
}

static bool is_new_body(const struct planning *planning, uint32_t at)
{
    const char *name = planning->roster->rows[at].body;
    for (uint32_t i = 0; i < at; i++) {
        if (strcasecmp(planning->roster->rows[i].body, name) == 0) {
            return false;
        }
    }
    return find_body(planning->people, name) == NULL;
}

/* What the row changes of the person that it is of. */
static enum kr_err add_row_step(struct planning *planning, const struct kr_roster_row *row, const struct kr_person_entry *person)
{
    if (person == NULL) {
        return add_step(&planning->plan, KR_ROSTER_JOIN, row, NULL);
    }
    const struct kr_person_card *card = &person->card;
    const bool has_other_roles = row->roles != 0 && row->roles != (card->roles & KR_ROLES_ALL);
    const bool has_other_terms = row->is_contractor != card->is_contractor || (row->until_s != 0 && row->until_s != card->until_s);
    if (!is_of(planning, person, row) || has_other_roles || has_other_terms) {
        return add_step(&planning->plan, KR_ROSTER_MOVE, row, person);
    }
    const bool is_same = is_text(card->name, row->name) && (row->mail[0] == 0 || is_text(card->mail, row->mail)) &&
                         (row->telephone[0] == 0 || is_text(card->telephone, row->telephone));
    planning->plan.same += is_same;
    return is_same ? KR_OK : add_step(&planning->plan, KR_ROSTER_CHANGE, row, person);
}

static enum kr_err check_doubles(const struct kr_roster *roster, struct kr_error *error)
{
    for (uint32_t i = 0; i < roster->count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcasecmp(roster->rows[i].body, roster->rows[j].body) == 0 &&
                strcasecmp(roster->rows[i].name, roster->rows[j].name) == 0) {
                return kr_fail(error, KR_INVALID, _("lines %ju and %ju are the same person: tell them apart, or take one out"),
                               (uintmax_t)roster->rows[j].line, (uintmax_t)roster->rows[i].line);
            }
        }
    }
    return KR_OK;
}

static enum kr_err plan_all(struct planning *planning)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < planning->roster->count && err == KR_OK; i++) {
        err = is_new_body(planning, i) ? add_step(&planning->plan, KR_ROSTER_BODY, &planning->roster->rows[i], NULL) : KR_OK;
    }
    for (int how = BY_BODY_AND_NAME; how <= BY_NAME; how++) {
        match_all(planning, (enum match)how);
    }
    for (uint32_t i = 0; i < planning->roster->count && err == KR_OK; i++) {
        err = add_row_step(planning, &planning->roster->rows[i], planning->person[i]);
    }
    for (uint32_t i = 0; i < planning->people->person_count && err == KR_OK; i++) {
        const struct kr_person_entry *person = &planning->people->persons[i];
        if (!planning->is_met[i] && is_there(planning, person) && is_body_named(planning, person)) {
            err = add_step(&planning->plan, KR_ROSTER_LEAVE, NULL, person);
        }
    }
    return err;
}

enum kr_err kr_roster_plan(const struct kr_people *people, const struct kr_roster *roster, uint64_t effective_s,
                           struct kr_roster_plan *ret_plan, struct kr_error *error)
{
    struct planning planning = {.people = people,
                                .roster = roster,
                                .effective_s = effective_s,
                                .is_met = calloc(people->person_count + 1u, sizeof(bool)),
                                .person = calloc(roster->count + 1u, sizeof(struct kr_person_entry *))};
    enum kr_err err = planning.is_met == NULL || planning.person == NULL ? KR_NOMEM : check_doubles(roster, error);
    if (err == KR_OK) {
        err = plan_all(&planning);
    }
    free(planning.is_met);
    free(planning.person);
    if (err != KR_OK) {
        kr_roster_plan_deinit(&planning.plan);
        return err;
    }
    *ret_plan = planning.plan;
    return KR_OK;
}

void kr_roster_plan_deinit(struct kr_roster_plan *plan)
{
    free(plan->steps);
    *plan = (struct kr_roster_plan){0};
}
