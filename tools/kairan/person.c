/* The council's persons: who they are, what they may, by which users of this machine they are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "tools/kairan/enrol.h"
#include "tools/kairan/people.h"
#include "tools/kairan/preview.h"

struct given {
    const char *body, *name, *mail, *telephone, *user, *from, *until, *stands_for, *key;
    struct kr_enrol_wishes enrol;
    struct kr_texts roles;
    bool is_contractor, is_no_contractor, ends, is_sure, wants_all;
};

/* ---- ls ---- */

static json_t *json_stands_for(const struct kr_person_card *card)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < card->stands_for_count; i++) {
        (void)json_array_append_new(array, json_pack("{s:o, s:o}", "person", kr_json_id(card->stands_for[i].person, 32), "until",
                                                     kr_json_time(card->stands_for[i].until_s * 1000)));
    }
    return array;
}

static json_t *json_uids(const struct kr_person_entry *person)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < person->uid_count; i++) {
        (void)json_array_append_new(array, json_integer(person->uids[i]));
    }
    return array;
}

static json_t *json_machines(const struct kr_person_card *card)
{
    const uint8_t *keys[KR_CREDENTIALS_MAX];
    const uint32_t count = kr_machines_of(card, keys);
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        (void)json_array_append_new(array, kr_json_id(keys[i], 32));
    }
    return array;
}

static void machines_text(const struct kr_person_card *card)
{
    const uint8_t *keys[KR_CREDENTIALS_MAX];
    const uint32_t count = kr_machines_of(card, keys);
    for (uint32_t i = 0; i < count; i++) {
        (void)fputs(i == 0 ? _(", machine ") : ", ", stdout);
        kr_out_id(stdout, keys[i], 16);
    }
}

static bool person_json(const struct kr_people *people, const struct kr_person_entry *person)
{
    const struct kr_person_card *card = &person->card;
    const struct kr_body_entry *body = kr_people_body_by_id(people, card->body);
    return kr_json_line(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "person",
                                  kr_json_id(person->id, 32), "name", kr_json_slice(card->name), "body", kr_json_id(card->body, 32),
                                  "body_name", body == NULL ? json_null() : kr_json_slice(kr_people_body_name(&body->card)), "mail",
                                  kr_json_slice(card->mail), "telephone", kr_json_slice(card->telephone), "roles",
                                  kr_json_roles(card->roles), "state", kr_person_state_word(person->state), "contractor",
                                  card->is_contractor, "from", kr_json_time(card->from_s * 1000), "until",
                                  kr_json_time(card->until_s * 1000), "users", json_uids(person), "machines", json_machines(card),
                                  "stands_for", json_stands_for(card), "changed", kr_json_time(person->changed_ms), "key",
                                  card->key.len > 0 ? kr_json_id(card->key.bytes, 32) : json_null()));
}

static void person_text(const struct kr_app *app, const struct kr_people *people, const struct kr_person_entry *person)
{
    const struct kr_person_card *card = &person->card;
    const struct kr_body_entry *body = kr_people_body_by_id(people, card->body);
    kr_out_id(stdout, person->id, 16);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, card->name, 16);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, body == NULL ? (struct kr_slice){0} : kr_people_body_name(&body->card), 24);
    (void)fputs("  ", stdout);
    kr_out_roles(stdout, card->roles);
    (void)printf("  %s", kr_person_state_text(person->state));
    (void)fputs(card->is_contractor ? _(", contractor") : "", stdout);
    if (card->from_s > 0) {
        (void)fputs(_(", from "), stdout);
        kr_out_time(stdout, card->from_s);
    }
    if (card->until_s > 0) {
        (void)fputs(_(", until "), stdout);
        kr_out_time(stdout, card->until_s);
    }
    for (uint32_t i = 0; i < person->uid_count; i++) {
        (void)fputs(i == 0 ? _(", user ") : ", ", stdout);
        kr_out_uid(app, stdout, person->uids[i]);
    }
    machines_text(card);
    for (uint32_t i = 0; i < card->stands_for_count; i++) {
        const struct kr_person_entry *other = kr_people_person_by_id(people, card->stands_for[i].person);
        (void)fputs(_(", deputy of "), stdout);
        if (other != NULL) {
            kr_out_text(stdout, other->card.name, false);
        } else {
            kr_out_id(stdout, card->stands_for[i].person, 16);
        }
    }
    (void)fputc('\n', stdout);
}

static int list(struct kr_app *app, const struct given *given)
{
    struct kr_people people;
    const struct kr_body_entry *body = NULL;
    uint32_t count = 0;
    bool is_fine = kr_people_load(app, &people);
    if (is_fine && given->body != NULL) {
        body = kr_people_body(app, &people, given->body);
        is_fine = body != NULL;
    }
    for (uint32_t i = 0; i < people.person_count && is_fine; i++) {
        const struct kr_person_entry *person = &people.persons[i];
        const bool is_gone = person->state == KR_PERSON_STATE_REVOKED || person->state == KR_PERSON_STATE_LEFT;
        if ((is_gone && !given->wants_all) || (body != NULL && memcmp(person->card.body, body->id, 32) != 0)) {
            continue;
        }
        count++;
        if (app->is_json) {
            is_fine = person_json(&people, person);
        } else {
            person_text(app, &people, person);
        }
    }
    kr_people_free(&people);
    if (is_fine && count == 0 && !app->is_json) {
        (void)fputs(_("No such person is entered. As long as there is none at all, whoever runs the node may do everything.\n"),
                    stdout);
    }
    return !is_fine ? KR_EXIT_ERROR : count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- what is given ---- */

static struct kr_slice slice_of(const char *text)
{
    return (struct kr_slice){(const uint8_t *)(text != NULL ? text : ""), text != NULL ? strlen(text) : 0};
}

static bool take_roles(const struct kr_app *app, const struct given *given, struct kr_person_act *act)
{
    for (uint32_t i = 0; i < given->roles.count; i++) {
        const char *at = given->roles.items[i];
        while (*at != 0) {
            const size_t len = strcspn(at, ",");
            const uint32_t role = kr_role_named(at, len);
            if (role == 0) {
                (void)kr_app_fail(app, KR_INVALID, _("\"%s\": roles are reader, analyst, approver, intake and admin"), at);
                return false;
            }
            act->roles |= role;
            at += len + (at[len] == ',');
        }
    }
    act->changes[KR_PERSON_ROLES] = given->roles.count > 0;
    return true;
}

static bool take_dates(const struct kr_app *app, const struct given *given, struct kr_person_act *act)
{
    if (given->from != NULL && !kr_moment_parse(given->from, true, &act->from_s)) {
        (void)kr_app_fail(app, KR_INVALID, _("\"%s\" is no date: 2027-04-01"), given->from);
        return false;
    }
    const bool is_open = given->until != NULL && strcmp(given->until, "open") == 0;
    if (given->until != NULL && !is_open && !kr_until_parse(given->until, &act->until_s)) {
        (void)kr_app_fail(app, KR_INVALID, _("\"%s\" is no last day: 2027-03-31, 90d, or open"), given->until);
        return false;
    }
    act->changes[KR_PERSON_FROM] = given->from != NULL;
    act->changes[KR_PERSON_UNTIL] = given->until != NULL;
    return true;
}

static bool take_user(const struct kr_app *app, const struct given *given, struct kr_person_act *act)
{
    uint64_t number;
    act->has_uid = given->user != NULL;
    if (given->user != NULL && app->afar[0] != 0) {
        if (!kr_count_parse(given->user, UINT32_MAX, &number)) {
            (void)kr_app_fail(
                app, KR_INVALID,
                _("logins are those of the node's machine, which is not this one: give the user's number (id -u LOGIN there)"));
            return false;
        }
        act->uid = (uint32_t)number;
        return true;
    }
    if (given->user != NULL && !kr_uid_parse(given->user, &act->uid)) {
        (void)kr_app_fail(app, KR_NOT_FOUND, _("\"%s\" is no user of this machine"), given->user);
        return false;
    }
    return true;
}

static bool fill(const struct kr_app *app, const struct given *given, struct kr_person_act *act)
{
    act->changes[KR_PERSON_NAME] = given->name != NULL;
    act->changes[KR_PERSON_MAIL] = given->mail != NULL;
    act->changes[KR_PERSON_TELEPHONE] = given->telephone != NULL;
    act->changes[KR_PERSON_CONTRACTOR] = given->is_contractor || given->is_no_contractor;
    act->is_contractor = given->is_contractor;
    act->name = slice_of(given->name);
    act->mail = slice_of(given->mail);
    act->telephone = slice_of(given->telephone);
    return take_roles(app, given, act) && take_dates(app, given, act) && take_user(app, given, act);
}

/* ---- acting ---- */

static const struct action {
    const char *word;
    uint32_t action;
    const char *done, *json;
} actions[] = {
    {"set", KR_PERSON_CHANGE, N_("Changed; in force at once.\n"), "changed"},
    {"suspend", KR_PERSON_SUSPEND, N_("Suspended: whatever this person asks for is refused from now on.\n"), "suspended"},
    {"resume", KR_PERSON_RESUME, N_("Resumed.\n"), "resumed"},
    {"revoke", KR_PERSON_REVOKE, N_("Revoked, for good. What this person submitted stays.\n"), "revoked"},
    {"bind", KR_PERSON_BIND, N_("From now on that user is this person.\n"), "bound"},
    {"unbind", KR_PERSON_UNBIND, N_("That user is nobody here any more.\n"), "unbound"},
    {"deputy", KR_PERSON_STAND_IN, N_("In force at once.\n"), "deputy"},
};

static int send_act(struct kr_app *app, const struct kr_person_act *act, const struct action *action)
{
    struct kr_writer args;
    struct kr_slice result;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_person_act_write(act, &args);
    enum kr_err err = kr_app_call(app, KR_OP_PERSON, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(
                   json_pack("{s:o, s:s}", "person", kr_json_id(act->id, 32), "done", action != NULL ? action->json : "added"))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    if (action != NULL) {
        (void)fputs(_(action->done), stdout);
        return KR_EXIT_DONE;
    }
    kr_out_id(stdout, act->id, 16);
    (void)fputs(act->has_uid ? _("  entered.\n")
                             : _("  entered. kairan person bind PERSON --user LOGIN says who of this machine that is.\n"),
                stdout);
    return KR_EXIT_DONE;
}

static bool is_wanted(const struct kr_app *app, uint32_t action, bool is_sure)
{
    if (action != KR_PERSON_REVOKE || is_sure) {
        return true;
    }
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return false;
    }
    return kr_ask_about(_("This cannot be undone (suspend can). Go on? [y/N] "));
}

static bool find_both(struct kr_app *app, const char *name, const struct given *given, struct kr_person_act *act)
{
    struct kr_people people;
    const struct kr_person_entry *person = NULL, *other = NULL;
    bool is_fine = kr_people_load(app, &people);
    if (is_fine) {
        person = kr_people_person(app, &people, name);
        is_fine = person != NULL;
    }
    if (is_fine && given->stands_for != NULL) {
        other = kr_people_person(app, &people, given->stands_for);
        is_fine = other != NULL;
    }
    if (is_fine) {
        memcpy(act->id, person->id, 32);
        if (other != NULL) {
            memcpy(act->other, other->id, 32);
        }
    }
    kr_people_free(&people);
    return is_fine;
}

static int act_on(struct kr_app *app, const struct action *action, const char *name, const struct given *given)
{
    struct kr_person_act act = {.action = action->action};
    const bool needs_user = action->action == KR_PERSON_BIND || action->action == KR_PERSON_UNBIND;
    if (needs_user && given->user == NULL) {
        return kr_app_fail(app, KR_INVALID, _("which user of this machine? --user LOGIN"));
    }
    if (action->action == KR_PERSON_STAND_IN && given->stands_for == NULL) {
        return kr_app_fail(app, KR_INVALID, _("whose deputy? --for PERSON"));
    }
    if (!find_both(app, name, given, &act) || !fill(app, given, &act) || !is_wanted(app, action->action, given->is_sure)) {
        return KR_EXIT_ERROR;
    }
    if (action->action == KR_PERSON_STAND_IN && given->ends) {
        act.action = KR_PERSON_STAND_DOWN;
    }
    return send_act(app, &act, action);
}

/* What concerns a person's machines. */
static int on_machines(struct kr_app *app, bool ends, const char *name, const struct given *given)
{
    struct kr_people people;
    const struct kr_person_entry *person = kr_people_load(app, &people) ? kr_people_person(app, &people, name) : NULL;
    int status = KR_EXIT_ERROR;
    if (person != NULL) {
        status = ends ? kr_unenrol_machine(app, person, given->key) : kr_enrol_person(app, person, &given->enrol);
    }
    kr_people_free(&people);
    return status;
}

static int add(struct kr_app *app, const char *name, struct given *given)
{
    struct kr_person_act act = {.action = KR_PERSON_ADD};
    struct kr_people people;
    if (given->body == NULL) {
        return kr_app_fail(app, KR_INVALID, _("a person belongs to a body: --body BODY; see kairan body ls"));
    }
    if (given->is_contractor && given->until == NULL) {
        return kr_app_fail(app, KR_INVALID, _("a contractor has a last day: --until 2027-03-31"));
    }
    given->name = name;
    if (given->roles.count == 0) {
        given->roles.items[given->roles.count++] = "reader";
    }
    const struct kr_body_entry *body = kr_people_load(app, &people) ? kr_people_body(app, &people, given->body) : NULL;
    if (body != NULL) {
        memcpy(act.body, body->id, 32);
    }
    kr_people_free(&people);
    if (body == NULL || !fill(app, given, &act)) {
        return KR_EXIT_ERROR;
    }
    randombytes_buf(act.id, sizeof act.id);
    return send_act(app, &act, NULL);
}

int kr_run_person(struct kr_app *app, int argc, char **argv)
{
    static struct given given; /* several KiB of roles */
    const struct kr_option options[] = {
        {.name = "body", .text = &given.body},
        {.name = "name", .text = &given.name},
        {.name = "mail", .text = &given.mail},
        {.name = "telephone", .text = &given.telephone},
        {.name = "role", .texts = &given.roles},
        {.name = "user", .text = &given.user},
        {.name = "from", .text = &given.from},
        {.name = "until", .text = &given.until},
        {.name = "for", .text = &given.stands_for},
        {.name = "key", .text = &given.key},
        {.name = "days", .text = &given.enrol.days},
        {.name = "letter", .text = &given.enrol.letter},
        {.name = "qr", .flag = &given.enrol.shows_qr},
        {.name = "contractor", .flag = &given.is_contractor},
        {.name = "no-contractor", .flag = &given.is_no_contractor},
        {.name = "end", .flag = &given.ends},
        {.name = "all", .flag = &given.wants_all},
        {.name = "yes", .letter = 'y', .flag = &given.is_sure},
    };
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest == argc || (rest + 1 == argc && strcmp(argv[rest], "ls") == 0)) {
        return list(app, &given);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "add") == 0) {
        return add(app, argv[rest + 1], &given);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "enrol") == 0) {
        return on_machines(app, false, argv[rest + 1], &given);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "unbind") == 0 && given.key != NULL) {
        return on_machines(app, true, argv[rest + 1], &given);
    }
    for (size_t i = 0; rest + 2 == argc && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(argv[rest], actions[i].word) == 0) {
            return act_on(app, &actions[i], argv[rest + 1], &given);
        }
    }
    return kr_app_fail(
        app, KR_INVALID,
        _("it is kairan person ls, kairan person add NAME, or kairan person set, suspend, resume, revoke, bind, unbind, "
          "deputy or enrol PERSON"));
}

/* ---- whoami ---- */

static json_t *json_or_null(bool is_there, json_t *value)
{
    if (is_there) {
        return value;
    }
    json_decref(value);
    return json_null();
}

static int whoami_json(const struct kr_whoami *who)
{
    const bool is_ja = strcmp(kr_tr_language(), "ja") == 0;
    const struct kr_slice body =
        (is_ja && who->body_name_ja.len > 0) || who->body_name_en.len == 0 ? who->body_name_ja : who->body_name_en;
    return kr_json_line(json_pack(
               "{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "people", who->has_people, "operator", who->is_operator, "person",
               json_or_null(who->is_person, kr_json_id(who->person, 32)), "name",
               json_or_null(who->is_person, kr_json_slice(who->name)), "body", json_or_null(who->is_person, kr_json_slice(body)),
               "state", json_or_null(who->is_person, json_string(kr_person_state_word(who->state))), "roles",
               kr_json_roles(who->roles), "from", kr_json_time(who->from_s * 1000), "until", kr_json_time(who->until_s * 1000)))
               ? KR_EXIT_DONE
               : KR_EXIT_ERROR;
}

static void whoami_text(const struct kr_whoami *who)
{
    if (who->is_person) {
        kr_out_text(stdout, who->name, false);
        (void)fputs(" (", stdout);
        kr_out_text(stdout, who->body_name_ja.len > 0 ? who->body_name_ja : who->body_name_en, false);
        (void)printf("), %s", kr_person_state_text(who->state));
        if (who->from_s > 0) {
            (void)fputs(_(", from "), stdout);
            kr_out_time(stdout, who->from_s);
        }
        if (who->until_s > 0) {
            (void)fputs(_(", until "), stdout);
            kr_out_time(stdout, who->until_s);
        }
        (void)fputc('\n', stdout);
    }
    if (who->is_operator) {
        (void)fputs(who->has_people ? _("You run this node, and so are always an admin of it.\n")
                                    : _("No person is entered here yet: you run this node, and may do everything.\n"),
                    stdout);
    }
    (void)fputs(_("roles: "), stdout);
    kr_out_roles(stdout, who->roles);
    (void)fputc('\n', stdout);
}

int kr_run_whoami(struct kr_app *app, int argc, char **argv)
{
    struct kr_whoami who;
    struct kr_slice result;
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (kr_app_ask(app, KR_OP_WHOAMI, KR_ANSWER_MS, NULL, NULL, &result) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (kr_whoami_read(result, &who) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return whoami_json(&who);
    }
    whoami_text(&who);
    return KR_EXIT_DONE;
}
