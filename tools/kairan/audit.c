/* The audit log: who did what, and whether the log is as it was written. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/client/audit.h"
#include "tools/kairan/people.h"

struct listing {
    const struct kr_app *app;
    uint64_t count;
};

static void op_text(uint32_t op, char ret[static 32])
{
    const char *name = kr_op_name(op);
    (void)(name != NULL ? snprintf(ret, 32, "%s", name) : snprintf(ret, 32, "request %u", op));
}

static const char *outcome_word(uint32_t outcome)
{
    return outcome == KR_AUDIT_GOES_ON ? "BEGUN" : kr_err_name((enum kr_err)outcome);
}

static bool item_json(const struct kr_audit_item *item)
{
    char op[32];
    op_text(item->op, op);
    json_t *object = json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o}", "number", (json_int_t)item->number, "at",
        kr_json_time(item->at_ms), "person", item->person.len > 0 ? kr_json_id(item->person.bytes, item->person.len) : json_null(),
        "name", item->person.len == 32 ? kr_json_slice(item->name) : json_null(), "stands_for",
        item->stands_for.len > 0 ? kr_json_id(item->stands_for.bytes, 32) : json_null(), "user",
        item->uid == KR_AUDIT_BY_KEY ? json_null() : json_integer(item->uid), "operation", op, "outcome",
        outcome_word(item->outcome), "target",
        item->target.len > 0 ? kr_json_id(item->target.bytes, item->target.len) : json_null(), "note", kr_json_slice(item->note),
        "hash", sodium_is_zero(item->hash, 32) == 1 ? json_null() : kr_json_id(item->hash, 32));
    return kr_json_line(object);
}

static void item_text(const struct kr_app *app, const struct kr_audit_item *item)
{
    char op[32];
    op_text(item->op, op);
    (void)printf("%6ju  ", (uintmax_t)item->number);
    kr_out_time(stdout, item->at_ms / 1000);
    (void)fputs("  ", stdout);
    if (item->person.len == 32) {
        kr_out_padded(stdout, item->name, 16);
    } else if (item->person.len > 0) {
        char hex[17];
        kr_hex(hex, item->person.bytes, item->person.len);
        const char *name = sodium_is_zero(item->person.bytes, item->person.len) == 1 ? _("somebody") : hex;
        kr_out_padded(stdout, (struct kr_slice){(const uint8_t *)name, strlen(name)}, 16);
    } else {
        (void)fputs(_("operator, "), stdout);
        kr_out_uid(app, stdout, item->uid);
    }
    (void)fputs(item->stands_for.len > 0 ? _(" (as a deputy)") : "", stdout);
    (void)printf("  %-16s", op);
    if (item->outcome == KR_AUDIT_GOES_ON) {
        (void)fputs(_("begun"), stdout);
    } else {
        (void)fputs(item->outcome == KR_OK ? _("done") : _(kr_err_text((enum kr_err)item->outcome)), stdout);
    }
    if (item->target.len > 0) {
        char id[17];
        kr_hex(id, item->target.bytes, item->target.len < 8 ? item->target.len : 8);
        (void)printf("  %s", id);
    }
    if (item->note.len > 0) {
        (void)fputs("  ", stdout);
        kr_out_text(stdout, item->note, false);
    }
    (void)fputc('\n', stdout);
}

static enum kr_err take_item(void *context, struct kr_slice bytes)
{
    struct listing *listing = context;
    struct kr_audit_item item;
    enum kr_err err = kr_audit_item_read(bytes, &item);
    if (err != KR_OK) {
        return err;
    }
    listing->count++;
    if (listing->app->is_json) {
        return item_json(&item) ? KR_OK : KR_IO;
    }
    item_text(listing->app, &item);
    return KR_OK;
}

static int list(struct kr_app *app, const char *since, const char *person)
{
    struct listing listing = {.app = app};
    struct kr_audit_ask ask = {0};
    struct kr_people people = {0};
    struct kr_writer args;
    uint64_t since_s = 0;
    if (since != NULL && !kr_moment_parse(since, false, &since_s)) {
        return kr_app_fail(app, KR_INVALID, _("\"%s\" is no time: 2026-11-01, or a span back: 7d"), since);
    }
    ask.since_ms = since_s * 1000;
    if (person != NULL) {
        const struct kr_person_entry *found = kr_people_load(app, &people) ? kr_people_person(app, &people, person) : NULL;
        ask.has_person = found != NULL;
        if (found != NULL) {
            memcpy(ask.person, found->id, 32);
        }
        kr_people_free(&people);
        if (!ask.has_person) {
            return KR_EXIT_ERROR;
        }
    }
    kr_writer_init(&args, KR_KIB);
    kr_audit_ask_write(&ask, &args);
    enum kr_err err = kr_app_call(app, KR_OP_AUDIT, &args, KR_ANSWER_MS, take_item, &listing, NULL);
    kr_writer_deinit(&args);
    if (err == KR_OK && listing.count == 0 && !app->is_json) {
        (void)fputs(_("Nothing is written there. The log begins with the first person who is entered.\n"), stdout);
    }
    return err != KR_OK ? KR_EXIT_ERROR : listing.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- verify ---- */

static enum kr_err take_problem(void *context, struct kr_slice bytes)
{
    const struct kr_app *app = context;
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 1);
    const struct kr_slice problem = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err != KR_OK) {
        return err;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o}", "problem", kr_json_slice(problem))) ? KR_OK : KR_IO;
    }
    kr_out_text(stdout, problem, false);
    (void)fputc('\n', stdout);
    return KR_OK;
}

/* "N:HASH", as verify prints it. */
static bool anchor_parse(const char *text, struct kr_audit_anchor *ret_anchor)
{
    char number[24];
    const char *colon = strchr(text, ':');
    size_t len = 0;
    if (colon == NULL || (size_t)(colon - text) >= sizeof number) {
        return false;
    }
    memcpy(number, text, (size_t)(colon - text));
    number[colon - text] = 0;
    ret_anchor->has_anchor = true;
    return kr_count_parse(number, UINT64_MAX, &ret_anchor->number) && kr_id_parse(colon + 1, ret_anchor->hash, &len) && len == 32;
}

static bool checked_json(const struct kr_audit_checked *checked)
{
    static const char *const met[] = {"not-asked", "met", "differs", "gone"};
    return kr_json_line(json_pack("{s:I, s:I, s:I, s:o, s:s}", "first", (json_int_t)checked->first, "next",
                                  (json_int_t)checked->next, "problems", (json_int_t)checked->problems, "hash",
                                  kr_json_id(checked->hash, 32), "anchor", met[checked->met]));
}

static void checked_text(const struct kr_audit_checked *checked)
{
    (void)printf(_("entries: %ju, from number %ju on; problems: %ju\n"), (uintmax_t)(checked->next - checked->first),
                 (uintmax_t)checked->first, (uintmax_t)checked->problems);
    if (checked->met == KR_AUDIT_MET) {
        (void)fputs(_("What was written down is in the log: up to there it is as it was.\n"), stdout);
    } else if (checked->met == KR_AUDIT_DIFFERS) {
        (void)fputs(_("What was written down is NOT in the log: somebody has changed it.\n"), stdout);
    } else if (checked->met == KR_AUDIT_GONE) {
        (void)fputs(_("The entry that was written down is not in the log: too old for what is kept, or lost.\n"), stdout);
    }
    if (checked->next > checked->first) {
        char hash[65];
        kr_hex(hash, checked->hash, 32);
        (void)printf(_("Write this down elsewhere, and give it to --anchor next time: %ju:%s\n"), (uintmax_t)(checked->next - 1),
                     hash);
    }
}

static int verify(struct kr_app *app, const char *anchor_text)
{
    struct kr_audit_anchor anchor = {0};
    struct kr_audit_checked checked;
    struct kr_writer args;
    struct kr_slice result;
    if (anchor_text != NULL && !anchor_parse(anchor_text, &anchor)) {
        return kr_app_fail(app, KR_INVALID, _("\"%s\" is not what kairan audit verify has printed: NUMBER:HASH"), anchor_text);
    }
    kr_writer_init(&args, KR_KIB);
    kr_audit_anchor_write(&anchor, &args);
    enum kr_err err = kr_app_call(app, KR_OP_AUDIT_VERIFY, &args, KR_ANSWER_MS, take_problem, app, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (kr_audit_checked_read(result, &checked) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        if (!checked_json(&checked)) {
            return KR_EXIT_ERROR;
        }
    } else {
        checked_text(&checked);
    }
    const bool is_well = checked.problems == 0 && (checked.met == KR_AUDIT_MET || checked.met == KR_AUDIT_MET_NOT_ASKED);
    return is_well ? KR_EXIT_DONE : KR_EXIT_NONE;
}

int kr_run_audit(struct kr_app *app, int argc, char **argv)
{
    const char *since = NULL, *person = NULL, *anchor = NULL;
    const struct kr_option options[] = {
        {.name = "since", .text = &since}, {.name = "person", .text = &person}, {.name = "anchor", .text = &anchor}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 3, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 == argc && strcmp(argv[rest], "verify") == 0) {
        return verify(app, anchor);
    }
    if (rest == argc || (rest + 1 == argc && strcmp(argv[rest], "ls") == 0)) {
        return list(app, since, person);
    }
    return kr_app_unwanted(app, argv[rest]);
}
