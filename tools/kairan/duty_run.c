/* duty: the roster, listed and changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/kairan/duty.h"

static bool entry_json(const struct kr_duty_item *item)
{
    return kr_json_line(json_pack("{s:o, s:o, s:s, s:o, s:o}", "person", kr_json_id(item->person.bytes, item->person.len), "name",
                                  kr_json_slice(item->person_name), "state", kr_person_state_word(item->state), "from",
                                  kr_json_time(item->from_s * 1000), "until", kr_json_time(item->until_s * 1000)));
}

static void entry_text(const struct kr_duty_item *item)
{
    kr_out_padded(stdout, item->person_name, 20);
    (void)fputs("  ", stdout);
    kr_out_time(stdout, item->from_s);
    (void)fputs(" – ", stdout);
    kr_out_time(stdout, item->until_s);
    if (item->state != KR_PERSON_STATE_ACTIVE) {
        (void)printf("  %s", kr_person_state_text(item->state));
    }
    (void)fputc('\n', stdout);
}

static int list(struct kr_app *app, bool is_now)
{
    struct kr_duty duty;
    const uint64_t now_s = (uint64_t)time(NULL);
    uint32_t count = 0;
    bool is_fine = kr_duty_load(app, &duty);
    for (uint32_t i = 0; i < duty.count && is_fine; i++) {
        const struct kr_duty_item *item = &duty.items[i].item;
        const bool is_meant = item->type == KR_DUTY_ROSTER && (!is_now || kr_duty_covers(item, now_s, now_s + 1));
        count += is_meant;
        if (is_meant && app->is_json) {
            is_fine = entry_json(item);
        } else if (is_meant) {
            entry_text(item);
        }
    }
    if (is_fine && count == 0 && !app->is_json) {
        (void)fputs(duty.sum.has_roster ? is_now ? _("Nobody is on duty now.\n") : _("The duty roster is empty.\n")
                                        : _("There is no duty roster: kairan duty set FILE, or kairan duty add\n"),
                    stdout);
    }
    kr_duty_free(&duty);
    return !is_fine ? KR_EXIT_ERROR : count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

static int send(struct kr_app *app, const struct kr_duty_act *act)
{
    if (!kr_duty_send(app, act)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:I}", "entries", (json_int_t)act->entry_count)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)printf(_("The duty roster has it: %u entries.\n"), act->entry_count);
    return KR_EXIT_DONE;
}

static int add(struct kr_app *app, const char *name, const char *from, const char *until)
{
    static struct kr_duty_act act; /* some KiB */
    struct kr_people people;
    act = (struct kr_duty_act){.action = KR_DUTY_ADD, .entry_count = 1};
    if (from == NULL || until == NULL || !kr_moment_parse(from, true, &act.entries[0].from_s) ||
        !kr_until_parse(until, &act.entries[0].until_s)) {
        return kr_app_fail(app, KR_INVALID, _("from when until when? --from 2026-12-28T17:00 --until 2026-12-29T09:00"));
    }
    if (act.entries[0].from_s >= act.entries[0].until_s) {
        return kr_app_fail(app, KR_INVALID, "%s", _("it ends before it begins"));
    }
    const struct kr_person_entry *person = kr_people_load(app, &people) ? kr_people_person(app, &people, name) : NULL;
    if (person != NULL) {
        memcpy(act.entries[0].person, person->id, 32);
    }
    kr_people_free(&people);
    return person != NULL ? send(app, &act) : KR_EXIT_ERROR;
}

static int set(struct kr_app *app, const char *path)
{
    static struct kr_duty_act act;
    struct kr_import_file file;
    struct kr_people people = {0};
    struct kr_error error = {0};
    act = (struct kr_duty_act){.action = KR_DUTY_SET};
    enum kr_err err = kr_import_file_open(&file, path, 16 * (uint64_t)KR_MIB, &error);
    if (err != KR_OK) {
        return kr_app_tell(app, err, &error);
    }
    const bool is_loaded = kr_people_load(app, &people);
    if (is_loaded) {
        err = kr_duty_read(&people, &file.source, act.entries, &act.entry_count, &error);
    }
    kr_import_file_close(&file);
    kr_people_free(&people);
    if (!is_loaded) {
        return KR_EXIT_ERROR;
    }
    return err == KR_OK ? send(app, &act) : kr_app_tell(app, err, &error);
}

const char kr_help_duty[] =
    N_("Usage: kairan duty [ls]\n"
       "       kairan duty who\n"
       "       kairan duty add PERSON --from WHEN --until WHEN\n"
       "       kairan duty set FILE\n"
       "\n"
       "The duty roster: whoever is on it at a time may send what a standing consent allows (kairan consent).\n"
       "\n"
       "  who    who is on duty now\n"
       "  set    the roster is what the file says (CSV in UTF-8 or CP932; the first row names the columns, in English or\n"
       "         Japanese: person, from, until; body where names are not unique).\n"
       "\n"
       "A day without a time as --until is that whole day.\n"
       "\n"
       "Exit status: 0 done (ls, who: there is somebody), 1 nobody, 2 failure.\n"
       "\n"
       "Examples: kairan duty add \"Sato Hanako\" --from 2026-12-28 --until 2027-01-04\n"
       "          kairan duty set duty.csv\n");

int kr_run_duty(struct kr_app *app, int argc, char **argv)
{
    const char *from = NULL, *until = NULL;
    const struct kr_option options[] = {{.name = "from", .text = &from}, {.name = "until", .text = &until}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 2, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest == argc || (rest + 1 == argc && strcmp(argv[rest], "ls") == 0)) {
        return list(app, false);
    }
    if (rest + 1 == argc && strcmp(argv[rest], "who") == 0) {
        return list(app, true);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "add") == 0) {
        return add(app, argv[rest + 1], from, until);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "set") == 0) {
        return set(app, argv[rest + 1]);
    }
    return kr_app_fail(app, KR_INVALID,
                       _("it is kairan duty ls or who, kairan duty add PERSON --from --until, or kairan duty set FILE"));
}
