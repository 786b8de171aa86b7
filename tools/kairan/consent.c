/* consent: what was agreed beforehand may be sent without waiting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "tools/kairan/duty.h"

struct given {
    const char *person, *until, *reason, *community;
    struct kr_texts kinds, labels, to;
};

static const struct {
    const char *name;
    uint32_t bit;
} kinds[] = {{"report", 1u << KR_KIND_REPORT}, {"advisory", 1u << KR_KIND_ADVISORY}, {"sighting", 1u << KR_KIND_SIGHTING}},
  labels[] = {{"clear", 1u << KR_TLP_CLEAR}, {"green", 1u << KR_TLP_GREEN}, {"amber", 1u << KR_TLP_AMBER}};
#define WORDS 3u

/* ---- ls ---- */

static json_t *json_ids(struct kr_slice ids)
{
    json_t *array = json_array();
    for (size_t at = 0; at < ids.len; at += 32) {
        (void)json_array_append_new(array, kr_json_id(ids.bytes + at, 32));
    }
    return array;
}

static json_t *json_id_or_null(struct kr_slice id)
{
    return id.len > 0 ? kr_json_id(id.bytes, id.len) : json_null();
}

static json_t *json_words(bool are_kinds, uint32_t bits)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < WORDS; i++) {
        const char *name = are_kinds ? kinds[i].name : labels[i].name;
        if ((bits & (are_kinds ? kinds[i].bit : labels[i].bit)) != 0) {
            (void)json_array_append_new(array, json_string(name));
        }
    }
    return array;
}

static bool consent_json(const struct kr_duty_item *item)
{
    return kr_json_line(json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "consent",
        kr_json_id(item->id.bytes, item->id.len), "state", kr_consent_state_word(item->state), "kinds",
        json_words(true, item->kinds), "labels", json_words(false, item->labels), "community", json_id_or_null(item->community),
        "councils", json_ids(item->councils), "reach", (json_int_t)item->reach_count, "person", json_id_or_null(item->person),
        "person_name", kr_json_slice(item->person_name), "by", json_id_or_null(item->by), "by_name", kr_json_slice(item->by_name),
        "given", kr_json_time(item->given_ms), "until", kr_json_time(item->until_s * 1000), "reason", kr_json_slice(item->reason),
        "ended", kr_json_time(item->ended_ms), "ended_by", kr_json_slice(item->ended_name), "ended_reason",
        kr_json_slice(item->ended_reason)));
}

static void words_text(bool are_kinds, uint32_t bits)
{
    const char *comma = "";
    for (uint32_t i = 0; i < WORDS; i++) {
        if ((bits & (are_kinds ? kinds[i].bit : labels[i].bit)) != 0) {
            (void)printf("%s%s", comma, are_kinds ? kinds[i].name : labels[i].name);
            comma = ",";
        }
    }
}

static void consent_text(const struct kr_duty_item *item)
{
    kr_out_id(stdout, item->id.bytes, 16);
    (void)printf("  %s, ", kr_consent_state_text(item->state));
    (void)fputs(_("until "), stdout);
    kr_out_time(stdout, item->until_s);
    (void)fputs("\n    ", stdout);
    words_text(true, item->kinds);
    (void)fputs("  ", stdout);
    words_text(false, item->labels);
    (void)printf(_(", to %u councils, for "), item->reach_count);
    if (item->person.len > 0) {
        kr_out_text(stdout, item->person_name, false);
    } else {
        (void)fputs(_("whoever is on duty"), stdout);
    }
    (void)fputs(_("\n    given by "), stdout);
    if (item->by.len > 0) {
        kr_out_text(stdout, item->by_name, false);
    } else {
        (void)fputs(_("the operator"), stdout);
    }
    (void)fputs(": ", stdout);
    kr_out_text(stdout, item->reason, false);
    if (item->ended_ms > 0) {
        (void)fputs(_("\n    ended by "), stdout);
        kr_out_text(stdout, item->ended_name, false);
        (void)fputs(": ", stdout);
        kr_out_text(stdout, item->ended_reason, false);
    }
    (void)fputc('\n', stdout);
}

static int list(struct kr_app *app)
{
    struct kr_duty duty;
    uint32_t count = 0;
    bool is_fine = kr_duty_load(app, &duty);
    for (uint32_t i = 0; i < duty.count && is_fine; i++) {
        const struct kr_duty_item *item = &duty.items[i].item;
        if (item->type != KR_DUTY_CONSENT) {
            continue;
        }
        count++;
        if (app->is_json) {
            is_fine = consent_json(item);
        } else {
            consent_text(item);
        }
    }
    kr_duty_free(&duty);
    if (is_fine && count == 0 && !app->is_json) {
        (void)fputs(_("There is no standing consent: everything waits as the configuration says.\n"), stdout);
    }
    return !is_fine ? KR_EXIT_ERROR : count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- add ---- */

/* Words separated by commas, in one option or several. */
static bool take_words(bool are_kinds, const struct kr_texts *texts, uint32_t *ret_bits)
{
    *ret_bits = 0;
    for (uint32_t i = 0; i < texts->count; i++) {
        const char *at = texts->items[i];
        while (*at != 0) {
            const size_t len = strcspn(at, ",");
            uint32_t bit = 0;
            for (uint32_t j = 0; j < WORDS; j++) {
                const char *name = are_kinds ? kinds[j].name : labels[j].name;
                bit = strlen(name) == len && memcmp(name, at, len) == 0 ? (are_kinds ? kinds[j].bit : labels[j].bit) : bit;
            }
            if (bit == 0) {
                return false;
            }
            *ret_bits |= bit;
            at += len + (at[len] == ',');
        }
    }
    return *ret_bits != 0;
}

static bool take_person(struct kr_app *app, const struct given *given, struct kr_duty_act *act)
{
    struct kr_people people;
    if (given->person == NULL || strcmp(given->person, "duty") == 0) {
        return true;
    }
    const struct kr_person_entry *person = kr_people_load(app, &people) ? kr_people_person(app, &people, given->person) : NULL;
    if (person != NULL) {
        act->has_person = true;
        memcpy(act->person, person->id, 32);
    }
    kr_people_free(&people);
    return person != NULL;
}

static int send(struct kr_app *app, const struct kr_duty_act *act, const char *done)
{
    if (!kr_duty_send(app, act)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o}", "consent", kr_json_id(act->id, 32))) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    kr_out_id(stdout, act->id, 16);
    (void)fputc('\n', stdout);
    (void)fputs(done, stderr);
    return KR_EXIT_DONE;
}

static struct kr_slice slice_of(const char *text)
{
    return (struct kr_slice){(const uint8_t *)(text != NULL ? text : ""), text != NULL ? strlen(text) : 0};
}

static int add(struct kr_app *app, const struct given *given)
{
    static struct kr_duty_act act; /* some KiB */
    static uint8_t councils[KR_AUDIENCE_MAX][32];
    act = (struct kr_duty_act){.action = KR_DUTY_CONSENT_ADD, .reason = slice_of(given->reason)};
    if (!take_words(true, &given->kinds, &act.kinds)) {
        return kr_app_fail(app, KR_INVALID, _("for what? --kind report,advisory,sighting"));
    }
    if (!take_words(false, &given->labels, &act.labels)) {
        return kr_app_fail(app, KR_INVALID, _("under which label? --label clear,green,amber"));
    }
    if (given->until == NULL || !kr_until_parse(given->until, &act.until_s)) {
        return kr_app_fail(app, KR_INVALID, _("until when? --until 2027-03-31"));
    }
    if (act.reason.len == 0 || act.reason.len > KR_OPENING_BYTES_MAX) {
        return kr_app_fail(app, KR_INVALID, _("why? --reason TEXT, of at most %u bytes"), KR_OPENING_BYTES_MAX);
    }
    if ((given->to.count > 0 && !kr_app_find_councils(app, &given->to, councils)) || !take_person(app, given, &act)) {
        return KR_EXIT_ERROR;
    }
    act.councils = (struct kr_slice){councils[0], 32u * (size_t)given->to.count};
    act.has_community = given->community != NULL;
    if (act.has_community && !kr_app_find_community(app, given->community, act.community)) {
        return KR_EXIT_ERROR;
    }
    randombytes_buf(act.id, sizeof act.id);
    return send(app, &act, _("It holds. What is sent under it is to be reviewed: kairan drafts --review\n"));
}

/* ---- end ---- */

static int end(struct kr_app *app, const char *name, const char *reason)
{
    static struct kr_duty_act act;
    struct kr_duty duty;
    uint32_t count = 0;
    act = (struct kr_duty_act){.action = KR_DUTY_CONSENT_END, .reason = slice_of(reason)};
    if (strlen(name) < 4 || strlen(name) > 64 || strspn(name, "0123456789abcdef") != strlen(name)) {
        return kr_app_fail(app, KR_INVALID, _("\"%s\" is no consent: name its id, or 4 digits or more of its beginning"), name);
    }
    if (act.reason.len > KR_OPENING_BYTES_MAX) {
        return kr_app_fail(app, KR_INVALID, _("why? --reason TEXT, of at most %u bytes"), KR_OPENING_BYTES_MAX);
    }
    bool is_fine = kr_duty_load(app, &duty);
    for (uint32_t i = 0; i < duty.count && is_fine; i++) {
        char id[65];
        const struct kr_duty_item *item = &duty.items[i].item;
        kr_hex(id, item->id.bytes, item->id.len);
        if (item->type == KR_DUTY_CONSENT && strncmp(id, name, strlen(name)) == 0) {
            memcpy(act.id, item->id.bytes, 32);
            count++;
        }
    }
    kr_duty_free(&duty);
    if (is_fine && count != 1) {
        return kr_app_fail(app, count == 0 ? KR_NOT_FOUND : KR_INVALID,
                           count == 0 ? _("\"%s\": no standing consent begins with that; see kairan consent ls")
                                      : _("\"%s\": several consents begin with that: give more of the id"),
                           name);
    }
    return is_fine ? send(app, &act, _("It holds no longer.\n")) : KR_EXIT_ERROR;
}

const char kr_help_consent[] =
    N_("Usage: kairan consent [ls]\n"
       "       kairan consent add --kind KIND,... --label LABEL,... [--to COUNCIL]... [--community NAME] [--for duty|PERSON]\n"
       "                          --until DATE --reason TEXT\n"
       "       kairan consent end ID [--reason TEXT]\n"
       "\n"
       "A standing consent: what was agreed beforehand, for emergencies. Whoever is on duty (kairan duty), or the person named,\n"
       "submits what fits it, and it is sent at once; it is reviewed afterwards (kairan drafts --review). Everything else waits.\n"
       "\n"
       "  --kind KIND,...     report, advisory, sighting\n"
       "  --label LABEL,...   clear, green, amber\n"
       "  --to COUNCIL        with amber: each council that may be addressed\n"
       "  --community NAME    with green, where this council is in several: its members as they are now. Who joins later is not\n"
       "                      meant: from then on what would reach him waits\n"
       "  --for PERSON        for that person alone, on duty or not; without it, or with duty: for whoever is on duty\n"
       "  --until DATE        its last day, at most 400 days from now\n"
       "\n"
       "It does not hold for whoever gave it, nor once that one is no approver or admin any more. Guards look as ever: what one\n"
       "of them holds back is refused, and what overrides them waits.\n"
       "\n"
       "Exit status: 0 done (ls: there are some), 1 none, 2 failure.\n"
       "\n"
       "Example: kairan consent add --kind report,advisory --label green,amber --to Kinki --until 2027-03-31 \\\n"
       "             --reason \"typhoon season, agreed on 1 June\"\n");

int kr_run_consent(struct kr_app *app, int argc, char **argv)
{
    static struct given given; /* several KiB of names */
    const struct kr_option options[] = {{.name = "kind", .texts = &given.kinds},
                                        {.name = "label", .texts = &given.labels},
                                        {.name = "to", .texts = &given.to},
                                        {.name = "for", .text = &given.person},
                                        {.name = "until", .text = &given.until},
                                        {.name = "reason", .text = &given.reason},
                                        {.name = "community", .text = &given.community}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest == argc || (rest + 1 == argc && strcmp(argv[rest], "ls") == 0)) {
        return list(app);
    }
    if (rest + 1 == argc && strcmp(argv[rest], "add") == 0) {
        return add(app, &given);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "end") == 0) {
        return end(app, argv[rest + 1], given.reason);
    }
    return kr_app_fail(app, KR_INVALID, _("it is kairan consent ls, add or end ID"));
}
