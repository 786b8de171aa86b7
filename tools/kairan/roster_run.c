/* roster import: shows what a roster would change, asks, does it, and writes letters for those who come. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "tools/kairan/preview.h"
#include "tools/kairan/roster_letter.h"

struct run {
    struct kr_app *app;
    struct kr_people people;
    struct kr_roster roster;
    struct kr_roster_plan plan;
    uint64_t effective_s;
    struct kr_roster_letters letters;
    uint32_t done;
};

static const char *const words[] = {"body", "join", "move", "change", "leave"};

static struct kr_slice slice_of(const char *text)
{
    return (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

/* ---- showing ---- */

static const char *old_body(const struct run *run, const struct kr_person_entry *person, char ret[static KR_NAME_BYTES_MAX + 1])
{
    const struct kr_body_entry *body = kr_people_body_by_id(&run->people, person->card.body);
    if (body == NULL || !kr_slice_text(kr_people_body_name(&body->card), ret, KR_NAME_BYTES_MAX + 1)) {
        ret[0] = 0;
    }
    return ret;
}

static bool step_json(const struct run *run, const struct kr_roster_step *step)
{
    char from[KR_NAME_BYTES_MAX + 1];
    return kr_json_line(json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "step", words[step->what], "line",
                                  step->row != NULL ? json_integer((json_int_t)step->row->line) : json_null(), "name",
                                  step->row != NULL && step->what != KR_ROSTER_BODY ? kr_json_slice(slice_of(step->row->name))
                                  : step->person != NULL                            ? kr_json_slice(step->person->card.name)
                                                                                    : json_null(),
                                  "body", step->row != NULL ? kr_json_slice(slice_of(step->row->body)) : json_null(), "from_body",
                                  step->person != NULL ? kr_json_slice(slice_of(old_body(run, step->person, from))) : json_null(),
                                  "person", step->person != NULL ? kr_json_id(step->person->id, 32) : json_null()));
}

static void step_text(const struct run *run, const struct kr_roster_step *step)
{
    static const char *const texts[] = {N_("new body  "), N_("comes     "), N_("moves     "), N_("changes   "), N_("leaves    ")};
    char from[KR_NAME_BYTES_MAX + 1];
    (void)fputs(_(texts[step->what]), stdout);
    if (step->what == KR_ROSTER_BODY) {
        kr_out_string(stdout, step->row->body);
    } else if (step->what == KR_ROSTER_LEAVE) {
        kr_out_padded(stdout, step->person->card.name, 16);
        (void)fputs("  ", stdout);
        kr_out_string(stdout, old_body(run, step->person, from));
    } else {
        kr_out_padded(stdout, slice_of(step->row->name), 16);
        (void)fputs("  ", stdout);
        if (step->person != NULL && strcmp(old_body(run, step->person, from), step->row->body) != 0) {
            kr_out_string(stdout, from);
            (void)fputs(" → ", stdout);
        }
        kr_out_string(stdout, step->row->body);
        (void)fputs("  ", stdout);
        kr_out_roles(stdout, step->row->roles != 0  ? step->row->roles
                             : step->person != NULL ? step->person->card.roles
                                                    : KR_ROLE_READER);
    }
    (void)fputc('\n', stdout);
}

static bool show(const struct run *run)
{
    bool is_fine = true;
    uint32_t counts[5] = {0};
    for (uint32_t i = 0; i < run->plan.count && is_fine; i++) {
        counts[run->plan.steps[i].what]++;
        if (run->app->is_json) {
            is_fine = step_json(run, &run->plan.steps[i]);
        } else {
            step_text(run, &run->plan.steps[i]);
        }
    }
    if (!run->app->is_json) {
        kr_out_time(stdout, run->effective_s);
        (void)printf(_(": new bodies: %u, coming: %u, moving: %u, changed: %u, leaving: %u, as before: %u\n"),
                     counts[KR_ROSTER_BODY], counts[KR_ROSTER_JOIN], counts[KR_ROSTER_MOVE], counts[KR_ROSTER_CHANGE],
                     counts[KR_ROSTER_LEAVE], run->plan.same);
    }
    return is_fine;
}

/* They are those of the node's machine. */
static bool logins_are_known(const struct run *run)
{
    bool has_login = false;
    for (uint32_t i = 0; i < run->roster.count; i++) {
        has_login = has_login || run->roster.rows[i].has_uid;
    }
    if (has_login && run->app->afar[0] != 0) {
        (void)kr_app_fail(
            run->app, KR_INVALID,
            _("the roster names logins, and these are those of the node's machine, which is not this one: run this there, "
              "or leave that column out"));
        return false;
    }
    return true;
}

/* ---- doing ---- */

static bool send_person(struct run *run, const struct kr_person_act *act)
{
    struct kr_writer args;
    struct kr_slice result;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_person_act_write(act, &args);
    enum kr_err err = kr_app_call(run->app, KR_OP_PERSON, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    return err == KR_OK;
}

static bool add_body(struct run *run, const char *name)
{
    struct kr_body_act act = {.action = KR_BODY_ADD};
    struct kr_writer args;
    struct kr_slice result;
    KR_ASSERT(name != NULL); /* a new body has a row */
    act.changes[KR_BODY_NAME_JA] = true;
    act.texts[KR_BODY_NAME_JA] = slice_of(name);
    randombytes_buf(act.id, sizeof act.id);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_body_act_write(&act, &args);
    enum kr_err err = kr_app_call(run->app, KR_OP_BODY, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    return err == KR_OK;
}

/* The bodies that were just entered have ids now. */
static bool reload_bodies(struct run *run, struct kr_people *ret_fresh)
{
    return kr_people_load(run->app, ret_fresh);
}

static bool add_person(struct run *run, const struct kr_people *fresh, const struct kr_roster_step *step)
{
    struct kr_person_act act = {.action = KR_PERSON_ADD};
    const struct kr_roster_row *row = step->row;
    const struct kr_person_entry *old = step->person;
    KR_ASSERT(row != NULL);
    const struct kr_body_entry *body = kr_people_body(run->app, fresh, row->body);
    if (body == NULL) {
        return false;
    }
    randombytes_buf(act.id, sizeof act.id);
    memcpy(act.body, body->id, 32);
    memset(act.changes, 1, sizeof act.changes);
    act.name = slice_of(row->name);
    act.mail = row->mail[0] != 0 || old == NULL ? slice_of(row->mail) : old->card.mail;
    act.telephone = row->telephone[0] != 0 || old == NULL ? slice_of(row->telephone) : old->card.telephone;
    act.roles = row->roles != 0 ? row->roles : old != NULL ? old->card.roles & KR_ROLES_ALL : KR_ROLE_READER;
    act.is_contractor = row->is_contractor;
    act.from_s = run->effective_s;
    act.until_s = row->until_s;
    act.has_uid = row->has_uid;
    act.uid = row->uid;
    if (old !=
        NULL) { /* the same human: known by the same logins and machines, on the one card until that day, then on the other */
        memcpy(act.other, old->id, 32);
    }
    if (!send_person(run, &act)) {
        return false;
    }
    kr_roster_letter_write(run->app, &run->letters, row, &act, old);
    return true;
}

/* On the day; who would only have come then does not come. */
static bool end_person(struct run *run, const struct kr_person_entry *person)
{
    struct kr_person_act act = {.action = KR_PERSON_CHANGE, .until_s = run->effective_s};
    if (person->card.from_s >= run->effective_s) {
        act = (struct kr_person_act){.action = KR_PERSON_REVOKE};
    } else {
        act.changes[KR_PERSON_UNTIL] = true;
    }
    memcpy(act.id, person->id, 32);
    return send_person(run, &act);
}

static bool change_person(struct run *run, const struct kr_roster_step *step)
{
    const struct kr_roster_row *row = step->row;
    struct kr_person_act act = {.action = KR_PERSON_CHANGE};
    KR_ASSERT(row != NULL && step->person != NULL);
    act.name = slice_of(row->name);
    act.mail = slice_of(row->mail);
    act.telephone = slice_of(row->telephone);
    memcpy(act.id, step->person->id, 32);
    act.changes[KR_PERSON_NAME] = true;
    act.changes[KR_PERSON_MAIL] = row->mail[0] != 0;
    act.changes[KR_PERSON_TELEPHONE] = row->telephone[0] != 0;
    return send_person(run, &act);
}

static bool apply(struct run *run)
{
    struct kr_people fresh = {0};
    bool is_fine = true;
    uint32_t i = 0;
    for (; i < run->plan.count && is_fine && run->plan.steps[i].what == KR_ROSTER_BODY; i++) {
        is_fine = add_body(run, run->plan.steps[i].row->body);
        run->done += is_fine;
    }
    is_fine = is_fine && reload_bodies(run, &fresh);
    /* Ends before beginnings: the same user may be another person from then on. */
    for (uint32_t j = i; j < run->plan.count && is_fine; j++) {
        const struct kr_roster_step *step = &run->plan.steps[j];
        if (step->what == KR_ROSTER_LEAVE || step->what == KR_ROSTER_MOVE) {
            is_fine = end_person(run, step->person);
            run->done += is_fine && step->what == KR_ROSTER_LEAVE;
        }
    }
    for (; i < run->plan.count && is_fine; i++) {
        const struct kr_roster_step *step = &run->plan.steps[i];
        if (step->what != KR_ROSTER_LEAVE) {
            is_fine = step->what == KR_ROSTER_CHANGE ? change_person(run, step) : add_person(run, &fresh, step);
            run->done += is_fine;
        }
    }
    kr_people_free(&fresh);
    return is_fine;
}

/* Whether somebody is there to be asked, where that is needed: known before anything is shown. */
static bool can_ask(const struct kr_app *app, bool needs_nobody)
{
    const bool can = needs_nobody || (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1);
    if (!can) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
    }
    return can;
}

static int import(struct run *run, const char *path, bool is_dry, bool is_sure)
{
    struct kr_import_file file;
    struct kr_error error = {0};
    enum kr_err err = kr_import_file_open(&file, path, 16 * (uint64_t)KR_MIB, &error);
    if (err != KR_OK) {
        return kr_app_tell(run->app, err, &error);
    }
    err = kr_roster_read(&file.source, &run->roster, &error);
    kr_import_file_close(&file);
    if (err != KR_OK) {
        return kr_app_tell(run->app, err, &error);
    }
    if (!kr_people_load(run->app, &run->people) || !logins_are_known(run)) {
        return KR_EXIT_ERROR;
    }
    err = kr_roster_plan(&run->people, &run->roster, run->effective_s, &run->plan, &error);
    if (err != KR_OK) {
        return kr_app_tell(run->app, err, &error);
    }
    if (!can_ask(run->app, is_dry || is_sure || run->plan.count == 0) || !show(run)) {
        return KR_EXIT_ERROR;
    }
    if (is_dry || run->plan.count == 0) {
        return run->plan.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
    }
    if ((!is_sure && !kr_ask_about(_("Go on? [y/N] "))) || !kr_roster_letters_open(run->app, &run->letters)) {
        return KR_EXIT_ERROR;
    }
    const bool is_done = apply(run);
    kr_roster_letters_tell(&run->letters);
    if (!is_done) {
        return kr_app_fail(run->app, KR_CANCELLED,
                           _("%u of %u steps were done before that; run it again: what is done is not done twice"), run->done,
                           run->plan.count);
    }
    return run->letters.unwritten == 0 ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

const char kr_help_roster[] =
    N_("Usage: kairan roster import FILE --effective DAY [--dry-run] [--letters DIR [--days N] [--qr] [--no-tickets]] [-y]\n"
       "\n"
       "Compares a roster (CSV in UTF-8 or CP932; the first row names the columns) with who is entered, shows who comes, moves,\n"
       "changes and leaves, asks, and does it. Only bodies that stand in the roster are looked at. Columns, in English or\n"
       "Japanese: body and name; mail, telephone, role, user, contractor, until may be missing.\n"
       "\n"
       "  --effective DAY   who comes may begin on that day, who leaves ends with the day before\n"
       "  --dry-run         only show\n"
       "  --letters DIR     a text file for each who comes, named by the person's number, to be printed: with a ticket for a\n"
       "                    machine of his own where no login is named (two weeks from DAY on, or --days N from now, 90 at most;\n"
       "                    --qr: as a code, too; --no-tickets: without). Whoever reads it can use it: hand it over yourself\n"
       "  -y, --yes         do not ask\n"
       "\n"
       "Who moves keeps logins and machines. Run again, it does nothing twice.\n"
       "\n"
       "Exit status: 0 done, or there is something to do, 1 nothing is to be done, 2 failure.\n"
       "\n"
       "Example: kairan roster import roster.csv --effective 2027-04-01 --dry-run\n");

int kr_run_roster(struct kr_app *app, int argc, char **argv)
{
    static struct run run;
    const char *effective = NULL;
    bool is_dry = false, is_sure = false;
    const struct kr_option options[] = {
        {.name = "effective", .text = &effective},       {.name = "letters", .text = &run.letters.folder},
        {.name = "days", .text = &run.letters.days},     {.name = "no-tickets", .flag = &run.letters.lacks_tickets},
        {.name = "qr", .flag = &run.letters.shows_qr},   {.name = "dry-run", .flag = &is_dry},
        {.name = "yes", .letter = 'y', .flag = &is_sure}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 2 != argc || strcmp(argv[rest], "import") != 0) {
        return kr_app_fail(app, KR_INVALID, _("it is kairan roster import FILE --effective DAY"));
    }
    if (effective == NULL || !kr_moment_parse(effective, true, &run.effective_s)) {
        return kr_app_fail(app, KR_INVALID, _("from which day on? --effective 2027-04-01"));
    }
    run.app = app;
    run.letters.effective_s = run.effective_s;
    if (!kr_roster_letters_check(app, &run.letters, (uint64_t)time(NULL))) {
        return KR_EXIT_ERROR;
    }
    int status = import(&run, argv[rest + 1], is_dry, is_sure);
    kr_roster_plan_deinit(&run.plan);
    kr_roster_deinit(&run.roster);
    kr_people_free(&run.people);
    return status;
}
