/* The council's member bodies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "proto/client/audit.h"
#include "proto/client/draft.h"
#include "tools/kairan/people.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/told.h"

struct given {
    const char *texts[KR_BODY_FIELDS], *council;
    bool is_listed, is_unlisted, is_sure, wants_all;
};

/* ---- ls ---- */

static uint32_t count_persons(const struct kr_people *people, const uint8_t body[static 32])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < people->person_count; i++) {
        count += memcmp(people->persons[i].card.body, body, 32) == 0 && people->persons[i].state == KR_PERSON_STATE_ACTIVE;
    }
    return count;
}

static bool body_json(const struct kr_body_entry *body, uint32_t persons)
{
    const struct kr_body_card *card = &body->card;
    return kr_json_line(json_pack(
        "{s:o, s:o, s:o, s:{s:o, s:o, s:o}, s:s, s:b, s:i, s:o, s:o, s:i, s:b}", "body", kr_json_id(body->id, 32), "name_ja",
        kr_json_slice(card->name_ja), "name_en", kr_json_slice(card->name_en), "contact", "name", kr_json_slice(card->contact_name),
        "mail", kr_json_slice(card->contact_mail), "telephone", kr_json_slice(card->contact_telephone), "state",
        kr_standing_word(card->standing), "listed", card->is_listed, "persons", (int)persons, "changed",
        kr_json_time(body->changed_ms), "key", card->key.len > 0 ? kr_json_id(card->key.bytes, 32) : json_null(), "key_holders",
        (int)body->holders, "rotation_due", body->is_rotation_due));
}

static const char *standing_text(uint32_t standing)
{
    return standing == KR_STANDING_ACTIVE ? _("active") : standing == KR_STANDING_SUSPENDED ? _("suspended") : _("has left");
}

static void body_text(const struct kr_body_entry *body, uint32_t persons)
{
    kr_out_id(stdout, body->id, 16);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, kr_people_body_name(&body->card), 28);
    (void)printf(_("  %s, persons: %u"), standing_text(body->card.standing), persons);
    if (body->card.contact_name.len + body->card.contact_telephone.len > 0) {
        (void)fputs(_(", contact: "), stdout);
        kr_out_text(stdout, body->card.contact_name, false);
        (void)fputc(' ', stdout);
        kr_out_text(stdout, body->card.contact_telephone, false);
    }
    if (body->card.key.len > 0) {
        (void)printf(_(", key held by: %u"), body->holders);
    }
    (void)fputc('\n', stdout);
}

static int list(struct kr_app *app, const struct given *given)
{
    struct kr_people people;
    uint32_t count = 0;
    bool is_fine = kr_people_load(app, &people);
    for (uint32_t i = 0; i < people.body_count && is_fine; i++) {
        const struct kr_body_entry *body = &people.bodies[i];
        if (body->card.standing == KR_STANDING_ENDED && !given->wants_all) {
            continue;
        }
        count++;
        const uint32_t persons = count_persons(&people, body->id);
        if (app->is_json) {
            is_fine = body_json(body, persons);
        } else {
            body_text(body, persons);
        }
    }
    kr_people_free(&people);
    if (is_fine && count == 0 && !app->is_json) {
        (void)fputs(_("No body is entered: kairan body add --name-ja NAME enters one.\n"), stdout);
    }
    return !is_fine ? KR_EXIT_ERROR : count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- acting ---- */

static struct kr_slice slice_of(const char *text)
{
    return (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

static void fill(const struct given *given, struct kr_body_act *act)
{
    for (uint32_t i = 0; i < KR_BODY_FIELDS; i++) {
        act->changes[i] = given->texts[i] != NULL;
        act->texts[i] = act->changes[i] ? slice_of(given->texts[i]) : (struct kr_slice){0};
    }
    act->changes_listed = given->is_listed || given->is_unlisted;
    act->is_listed = given->is_listed;
}

/* ---- what a body leaves behind ---- */

/* Out of the audit log: which records its persons sent at once, and how many submissions of theirs waited for approval. */
struct legacy {
    const struct kr_people *people;
    const uint8_t *body;
    struct {
        uint8_t id[32]; /* of a record, or 16 bytes of a draft */
        bool is_draft;
    } * items;
    size_t count, capacity;
    uint64_t records, drafts;
    bool is_hidden; /* the caller may not see who submitted, so there is nothing to count */
};

static enum kr_err note_entry(void *context, struct kr_slice bytes)
{
    struct legacy *legacy = context;
    struct kr_audit_item item;
    enum kr_err err = kr_audit_item_read(bytes, &item);
    const bool is_sending = err == KR_OK && item.outcome == KR_OK && item.person.len == 32 &&
                            (item.op == KR_OP_SUBMIT || item.op == KR_OP_REVISE || item.op == KR_OP_SIGHT) &&
                            (item.target.len == 32 || item.target.len == KR_DRAFT_ID_BYTES);
    legacy->is_hidden = legacy->is_hidden || (err == KR_OK && item.person.len != 0 && item.person.len != 32);
    const struct kr_person_entry *person = is_sending ? kr_people_person_by_id(legacy->people, item.person.bytes) : NULL;
    if (person == NULL || memcmp(person->card.body, legacy->body, 32) != 0) {
        return err;
    }
    if (legacy->count == legacy->capacity) {
        const size_t capacity = legacy->capacity == 0 ? 256 : 2 * legacy->capacity;
        void *more = realloc(legacy->items, capacity * sizeof legacy->items[0]);
        if (more == NULL) {
            return KR_NOMEM;
        }
        legacy->items = more;
        legacy->capacity = capacity;
    }
    memset(&legacy->items[legacy->count], 0, sizeof legacy->items[0]);
    memcpy(legacy->items[legacy->count].id, item.target.bytes, item.target.len);
    legacy->items[legacy->count++].is_draft = item.target.len != 32;
    return KR_OK;
}

static int compare_items(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

/* Each once, though it was sent twice. Tells failures. */
static bool find_legacy(struct kr_app *app, const struct kr_people *people, const uint8_t body[static 32], struct legacy *legacy)
{
    const struct kr_audit_ask ask = {.since_ms = 0};
    struct kr_writer args;
    *legacy = (struct legacy){.people = people, .body = body};
    kr_writer_init(&args, KR_KIB);
    kr_audit_ask_write(&ask, &args);
    enum kr_err err = kr_app_call(app, KR_OP_AUDIT, &args, KR_ANSWER_MS, note_entry, legacy, NULL);
    kr_writer_deinit(&args);
    if (legacy->count > 0) {
        qsort(legacy->items, legacy->count, sizeof legacy->items[0], compare_items);
    }
    for (size_t i = 0; i < legacy->count; i++) {
        const bool is_new = i == 0 || memcmp(legacy->items[i].id, legacy->items[i - 1].id, 32) != 0;
        legacy->records += is_new && !legacy->items[i].is_draft;
        legacy->drafts += is_new && legacy->items[i].is_draft;
    }
    free(legacy->items);
    legacy->items = NULL;
    return err == KR_OK;
}

/* What a council must notice while there is time: nobody is left for something. */
static void tell_done(const struct kr_body_act *act, const struct kr_body_done *done, const struct legacy *legacy)
{
    if (act->action == KR_BODY_ADD) {
        kr_out_id(stdout, done->id, 16);
        (void)fputs(_("  entered. Enter its persons with kairan person add NAME --body BODY.\n"), stdout);
    } else if (act->action == KR_BODY_LEAVE) {
        (void)printf(
            _("The body has left; persons revoked: %ju. What it submitted stays, with this council's name, and is this\n"
              "council's to take back. What its persons were given they still have: what they exported, and what they read.\n"),
            (uintmax_t)done->revoked);
        if (legacy->is_hidden) {
            (void)fputs(_("How much that is, an admin with the role intake sees: kairan audit.\n"), stdout);
        } else {
            (void)printf(
                _("Since the audit log begins, its persons have submitted %ju records at once and %ju that waited for approval.\n"),
                (uintmax_t)legacy->records, (uintmax_t)legacy->drafts);
        }
    } else {
        (void)fputs(_("Done; in force at once.\n"), stdout);
    }
    if (act->changes_listed && act->action <= KR_BODY_CHANGE) {
        (void)fputs(act->is_listed
                        ? _("Its names, and nothing else, are told to the members of this council's communities (kairan body "
                            "ls --listed).\n")
                        : _("Its names are told nowhere any more. Who has read them has read them.\n"),
                    stdout);
    }
    for (uint32_t i = 0; i < KR_ROLES_COUNT && (act->action == KR_BODY_LEAVE || act->action == KR_BODY_SUSPEND); i++) {
        if (done->holders[i] == 0 && (1u << i) >= KR_ROLE_APPROVER) {
            (void)printf(_("Nobody in this council has the role %s any more.\n"), kr_role_name(1u << i));
        }
    }
}

static bool done_json(const struct kr_body_act *act, const struct kr_body_done *done, const struct legacy *legacy)
{
    static const char *const words[] = {"", "added", "changed", "suspended", "resumed", "left"};
    json_t *holders = json_object();
    for (uint32_t i = 0; i < KR_ROLES_COUNT; i++) {
        (void)json_object_set_new(holders, kr_role_name(1u << i), json_integer((json_int_t)done->holders[i]));
    }
    json_t *object = json_pack("{s:o, s:s, s:I, s:o}", "body", kr_json_id(done->id, 32), "done", words[act->action], "revoked",
                               (json_int_t)done->revoked, "holders", holders);
    if (act->action == KR_BODY_LEAVE) {
        (void)json_object_set_new(object, "records", legacy->is_hidden ? json_null() : json_integer((json_int_t)legacy->records));
        (void)json_object_set_new(object, "drafts", legacy->is_hidden ? json_null() : json_integer((json_int_t)legacy->drafts));
    }
    return kr_json_line(object);
}

static int send_act(struct kr_app *app, const struct kr_body_act *act, const struct legacy *legacy)
{
    struct kr_writer args;
    struct kr_slice result;
    struct kr_body_done done;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_body_act_write(act, &args);
    enum kr_err err = kr_app_call(app, KR_OP_BODY, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (kr_body_done_read(result, &done) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return done_json(act, &done, legacy) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    tell_done(act, &done, legacy);
    return KR_EXIT_DONE;
}

static bool is_wanted(const struct kr_app *app, uint32_t action, bool is_sure)
{
    if (action != KR_BODY_LEAVE || is_sure) {
        return true;
    }
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return false;
    }
    (void)fputs(_("All its persons are revoked, for good.\n"), stderr);
    return kr_ask_about(_("Go on? [y/N] "));
}

static int act_on(struct kr_app *app, uint32_t action, const char *name, const struct given *given)
{
    struct kr_body_act act = {.action = action};
    struct kr_people people;
    const struct kr_body_entry *body = kr_people_load(app, &people) ? kr_people_body(app, &people, name) : NULL;
    struct legacy legacy = {0};
    bool is_fine = body != NULL;
    if (is_fine) {
        memcpy(act.id, body->id, 32);
        is_fine = action != KR_BODY_LEAVE || find_legacy(app, &people, act.id, &legacy);
    }
    kr_people_free(&people);
    if (!is_fine || !is_wanted(app, action, given->is_sure)) {
        return KR_EXIT_ERROR;
    }
    fill(given, &act);
    return send_act(app, &act, &legacy);
}

static int add(struct kr_app *app, const struct given *given)
{
    struct kr_body_act act = {.action = KR_BODY_ADD};
    if (given->texts[KR_BODY_NAME_JA] == NULL && given->texts[KR_BODY_NAME_EN] == NULL) {
        return kr_app_fail(app, KR_INVALID, _("a body needs a name: --name-ja or --name-en"));
    }
    randombytes_buf(act.id, sizeof act.id);
    fill(given, &act);
    return send_act(app, &act, &(struct legacy){0});
}

int kr_run_body(struct kr_app *app, int argc, char **argv)
{
    static const struct {
        const char *word;
        uint32_t action;
    } actions[] = {{"set", KR_BODY_CHANGE}, {"suspend", KR_BODY_SUSPEND}, {"resume", KR_BODY_RESUME}, {"leave", KR_BODY_LEAVE}};
    struct given given = {0};
    const struct kr_option options[] = {
        {.name = "name-ja", .text = &given.texts[KR_BODY_NAME_JA]},
        {.name = "name-en", .text = &given.texts[KR_BODY_NAME_EN]},
        {.name = "contact-name", .text = &given.texts[KR_BODY_CONTACT_NAME]},
        {.name = "contact-mail", .text = &given.texts[KR_BODY_CONTACT_MAIL]},
        {.name = "contact-telephone", .text = &given.texts[KR_BODY_CONTACT_TELEPHONE]},
        {.name = "listed", .flag = &given.is_listed},
        {.name = "unlisted", .flag = &given.is_unlisted},
        {.name = "council", .text = &given.council},
        {.name = "all", .flag = &given.wants_all},
        {.name = "yes", .letter = 'y', .flag = &given.is_sure},
    };
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest == argc || (rest + 1 == argc && strcmp(argv[rest], "ls") == 0)) {
        return given.is_listed || given.council != NULL ? kr_told_list(app, given.council) : list(app, &given);
    }
    if (given.council != NULL) {
        return kr_app_fail(app, KR_INVALID, _("--council is for kairan body ls"));
    }
    if (rest + 1 == argc && strcmp(argv[rest], "add") == 0) {
        return add(app, &given);
    }
    for (size_t i = 0; rest + 2 == argc && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(argv[rest], actions[i].word) == 0) {
            return act_on(app, actions[i].action, argv[rest + 1], &given);
        }
    }
    return kr_app_fail(app, KR_INVALID,
                       _("it is kairan body ls, kairan body add, or kairan body set, suspend, resume or leave BODY"));
}
