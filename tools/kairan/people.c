#include "tools/kairan/people.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- loading ---- */

static bool grow(void **items, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity) {
        return true;
    }
    const uint32_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = realloc(*items, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

static uint8_t *copy(struct kr_slice bytes)
{
    uint8_t *mine = malloc(bytes.len + 1);
    if (mine != NULL) {
        memcpy(mine, bytes.bytes, bytes.len);
    }
    return mine;
}

static enum kr_err take_body(void *context, struct kr_slice bytes)
{
    struct kr_people *people = context;
    struct kr_body_item item;
    enum kr_err err = kr_body_item_read(bytes, &item);
    if (err != KR_OK) {
        return err;
    }
    void *items = people->bodies;
    const bool has_room = grow(&items, people->body_count, &people->body_capacity, sizeof *people->bodies);
    people->bodies = items;
    uint8_t *mine = has_room ? copy(item.card) : NULL;
    if (mine == NULL) {
        return KR_NOMEM;
    }
    struct kr_body_entry *entry = &people->bodies[people->body_count++];
    *entry = (struct kr_body_entry){
        .changed_ms = item.changed_ms, .holders = item.holders, .is_rotation_due = item.is_rotation_due, .bytes = mine};
    memcpy(entry->id, item.id, 32);
    return kr_body_card_parse((struct kr_slice){mine, item.card.len}, &entry->card);
}

static enum kr_err take_person(void *context, struct kr_slice bytes)
{
    struct kr_people *people = context;
    struct kr_person_item item;
    enum kr_err err = kr_person_item_read(bytes, &item);
    if (err != KR_OK) {
        return err;
    }
    void *items = people->persons;
    const bool has_room = grow(&items, people->person_count, &people->person_capacity, sizeof *people->persons);
    people->persons = items;
    uint8_t *mine = has_room ? copy(item.card) : NULL;
    if (mine == NULL) {
        return KR_NOMEM;
    }
    struct kr_person_entry *entry = &people->persons[people->person_count++];
    *entry =
        (struct kr_person_entry){.changed_ms = item.changed_ms, .state = item.state, .uid_count = item.uid_count, .bytes = mine};
    memcpy(entry->id, item.id, 32);
    memcpy(entry->uids, item.uids, sizeof entry->uids);
    return kr_person_card_parse((struct kr_slice){mine, item.card.len}, &entry->card);
}

bool kr_people_load(struct kr_app *app, struct kr_people *ret_people)
{
    *ret_people = (struct kr_people){0};
    return kr_app_ask(app, KR_OP_BODIES, KR_ANSWER_MS, take_body, ret_people, NULL) == KR_OK &&
           kr_app_ask(app, KR_OP_PERSONS, KR_ANSWER_MS, take_person, ret_people, NULL) == KR_OK;
}

void kr_people_free(struct kr_people *people)
{
    for (uint32_t i = 0; i < people->body_count; i++) {
        free(people->bodies[i].bytes);
    }
    for (uint32_t i = 0; i < people->person_count; i++) {
        free(people->persons[i].bytes);
    }
    free(people->bodies);
    free(people->persons);
    *people = (struct kr_people){0};
}

/* ---- finding ---- */

static bool is_named(struct kr_slice name, const char *wanted)
{
    return name.len > 0 && strlen(wanted) == name.len && strncasecmp((const char *)name.bytes, wanted, name.len) == 0;
}

static bool has_id(const char *wanted, const uint8_t id[static 32])
{
    uint8_t prefix[32];
    size_t len = 0;
    return kr_id_parse(wanted, prefix, &len) && memcmp(prefix, id, len) == 0;
}

const struct kr_body_entry *kr_people_body(const struct kr_app *app, const struct kr_people *people, const char *name)
{
    const struct kr_body_entry *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < people->body_count; i++) {
        const struct kr_body_entry *body = &people->bodies[i];
        const bool is_here = body->card.standing != KR_STANDING_ENDED;
        if (has_id(name, body->id) || (is_here && (is_named(body->card.name_ja, name) || is_named(body->card.name_en, name)))) {
            found = body;
            count++;
        }
    }
    if (count != 1) {
        (void)kr_app_fail(app, count == 0 ? KR_NOT_FOUND : KR_INVALID,
                          count == 0 ? _("\"%s\": this council has no body of this name; see kairan body ls")
                                     : _("\"%s\": several bodies have this name: name its id; see kairan body ls"),
                          name);
        return NULL;
    }
    return found;
}

const struct kr_person_entry *kr_people_person(const struct kr_app *app, const struct kr_people *people, const char *name)
{
    const struct kr_person_entry *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < people->person_count; i++) {
        const struct kr_person_entry *person = &people->persons[i];
        if (has_id(name, person->id) || (person->card.standing != KR_STANDING_ENDED && is_named(person->card.name, name))) {
            found = person;
            count++;
        }
    }
    if (count != 1) {
        (void)kr_app_fail(app, count == 0 ? KR_NOT_FOUND : KR_INVALID,
                          count == 0 ? _("\"%s\": this council has no person of this name; see kairan person ls")
                                     : _("\"%s\": several persons have this name: name the id; see kairan person ls"),
                          name);
        return NULL;
    }
    return found;
}

const struct kr_body_entry *kr_people_body_by_id(const struct kr_people *people, const uint8_t id[static 32])
{
    for (uint32_t i = 0; i < people->body_count; i++) {
        if (memcmp(people->bodies[i].id, id, 32) == 0) {
            return &people->bodies[i];
        }
    }
    return NULL;
}

const struct kr_person_entry *kr_people_person_by_id(const struct kr_people *people, const uint8_t id[static 32])
{
    for (uint32_t i = 0; i < people->person_count; i++) {
        if (memcmp(people->persons[i].id, id, 32) == 0) {
            return &people->persons[i];
        }
    }
    return NULL;
}

/* ---- words ---- */

struct kr_slice kr_people_body_name(const struct kr_body_card *card)
{
    const bool prefers_ja = (strcmp(kr_tr_language(), "ja") == 0 && card->name_ja.len > 0) || card->name_en.len == 0;
    return prefers_ja ? card->name_ja : card->name_en;
}

void kr_out_roles(FILE *out, uint32_t roles)
{
    bool has_one = false;
    for (uint32_t i = 0; i < KR_ROLES_COUNT; i++) {
        if ((roles >> i & 1) != 0) {
            (void)fprintf(out, "%s%s", has_one ? "," : "", kr_role_name(1u << i));
            has_one = true;
        }
    }
    (void)fputs(has_one ? "" : "-", out);
}

json_t *kr_json_roles(uint32_t roles)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < KR_ROLES_COUNT; i++) {
        if ((roles >> i & 1) != 0) {
            (void)json_array_append_new(array, json_string(kr_role_name(1u << i)));
        }
    }
    return array;
}

static const struct {
    const char *word, *text;
} states[] = {
    {"unknown", N_("unknown")},
    {"active", N_("active")},
    {"not-yet", N_("not yet")},
    {"over", N_("over")},
    {"suspended", N_("suspended")},
    {"revoked", N_("revoked")},
    {"body-suspended", N_("body suspended")},
    {"body-left", N_("body has left")},
};

const char *kr_person_state_text(uint32_t state)
{
    return _(states[state < sizeof states / sizeof states[0] ? state : 0].text);
}

const char *kr_person_state_word(uint32_t state)
{
    return states[state < sizeof states / sizeof states[0] ? state : 0].word;
}

const char *kr_standing_word(uint32_t standing)
{
    return standing == KR_STANDING_ACTIVE ? "active" : standing == KR_STANDING_SUSPENDED ? "suspended" : "left";
}

/* ---- options ---- */

bool kr_until_parse(const char *text, uint64_t *ret_s)
{
    uint64_t span;
    if (!kr_moment_parse(text, true, ret_s)) {
        return false;
    }
    if (!kr_seconds_parse(text, &span) && strchr(text, 'T') == NULL) {
        *ret_s += 86400u;
    }
    return true;
}

bool kr_uid_parse(const char *text, uint32_t *ret_uid)
{
    uint64_t number;
    if (kr_count_parse(text, UINT32_MAX - 1, &number)) {
        *ret_uid = (uint32_t)number;
        return true;
    }
    const struct passwd *user = getpwnam(text);
    if (user == NULL) {
        return false;
    }
    *ret_uid = (uint32_t)user->pw_uid;
    return true;
}

void kr_out_uid(const struct kr_app *app, FILE *out, uint32_t uid)
{
    const struct passwd *user = app->afar[0] == 0 ? getpwuid(uid) : NULL;
    if (user != NULL) {
        kr_out_string(out, user->pw_name);
    } else {
        (void)fprintf(out, "%u", uid);
    }
}
