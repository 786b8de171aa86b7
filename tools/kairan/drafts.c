/* What waits for approval: looked at, approved, rejected, changed; and what became of what one submitted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "proto/client/draft.h"
#include "proto/indicator/indicator.h"
#include "proto/record/section.h"
#include "tools/kairan/people.h"
#include "tools/kairan/preview.h"

/* ---- lists ---- */

struct listing {
    const struct kr_app *app;
    uint64_t count;
    const char *wanted; /* beginning of an id that is looked for; NULL: print */
    uint8_t found[KR_DRAFT_ID_BYTES];
    bool is_mine, wants_review;
};

static const char *const words[] = {"unknown",   "waits", "returned",   "approved", "rejected",
                                    "withdrawn", "sent",  "unreviewed", "reviewed"};
#define STATES (sizeof words / sizeof words[0])

static const char *state_text(uint32_t state)
{
    static const char *const texts[STATES] = {N_("unknown"),
                                              N_("waits for approval"),
                                              N_("waits for its submitter's consent"),
                                              N_("approved"),
                                              N_("rejected"),
                                              N_("withdrawn"),
                                              N_("sent"),
                                              N_("sent under a standing consent, to be reviewed"),
                                              N_("reviewed")};
    return _(texts[state < STATES ? state : 0]);
}

static json_t *json_opened(const struct kr_draft_item *item)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < item->opened_count; i++) {
        const struct kr_draft_opening *opened = &item->opened[i];
        (void)json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o}", "person",
                                                     opened->person.len > 0 ? kr_json_id(opened->person.bytes, 32) : json_null(),
                                                     "name", kr_json_slice(opened->name), "at", kr_json_time(opened->at_ms),
                                                     "reason", kr_json_slice(opened->reason)));
    }
    return array;
}

static json_t *item_object(const struct kr_draft_item *item)
{
    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "draft",
                     item->id.len > 0 ? kr_json_id(item->id.bytes, item->id.len) : json_null(), "state",
                     words[item->state < STATES ? item->state : 0], "kind", kr_kind_name(item->kind), "label",
                     kr_label_name((enum kr_label)item->label), "title", kr_json_slice(item->title), "submitter",
                     item->submitter.len > 0 ? kr_json_id(item->submitter.bytes, item->submitter.len) : json_null(),
                     "submitter_name", kr_json_slice(item->submitter_name), "submitted", kr_json_time(item->submitted_ms),
                     "changed", kr_json_time(item->changed_ms), "reason", kr_json_slice(item->reason), "record",
                     item->record_id.len > 0 ? kr_json_id(item->record_id.bytes, 32) : json_null(), "record_state",
                     item->record_id.len > 0 ? kr_taken_name(item->taken) : "none", "consent",
                     item->consent.len > 0 ? kr_json_id(item->consent.bytes, 32) : json_null(), "opened", json_opened(item));
}

/* The submitter's: who has learnt that it was he, and why. */
static void opened_text(const struct kr_draft_item *item)
{
    for (uint32_t i = 0; i < item->opened_count; i++) {
        (void)fputs(_("    who submitted it was told to "), stdout);
        kr_out_text(stdout, item->opened[i].name, false);
        (void)fputs(", ", stdout);
        kr_out_time(stdout, item->opened[i].at_ms / 1000);
        (void)fputs(": ", stdout);
        kr_out_text(stdout, item->opened[i].reason, false);
        (void)fputc('\n', stdout);
    }
}

static void item_text(const struct kr_draft_item *item, bool is_mine)
{
    if (item->id.len > 0) {
        char id[2 * KR_DRAFT_ID_BYTES + 1];
        kr_hex(id, item->id.bytes, item->id.len);
        (void)fputs(id, stdout);
    } else {
        (void)printf("%*s", (int)(2 * KR_DRAFT_ID_BYTES), "");
    }
    (void)fputs("  ", stdout);
    kr_out_label(stdout, item->label);
    (void)printf("  %s  ", _(kr_kind_name(item->kind)));
    kr_out_text(stdout, item->title, false);
    (void)printf("\n    %s, ", state_text(item->state));
    kr_out_time(stdout, item->changed_ms / 1000);
    if (!is_mine && item->submitter.len == 8) {
        char name[17];
        kr_hex(name, item->submitter.bytes, 8);
        (void)printf(_(", by %s (a name that stands for a person)"), name);
    } else if (!is_mine && item->submitter_name.len > 0) {
        (void)fputs(_(", by "), stdout);
        kr_out_text(stdout, item->submitter_name, false);
    }
    if (item->reason.len > 0) {
        char reason[KR_NOTE_BYTES_MAX + 1];
        (void)fputs(": ", stdout);
        kr_out_string(stdout, kr_slice_text(item->reason, reason, sizeof reason) ? kr_tr(reason) : "");
    }
    if (item->record_id.len > 0) {
        (void)fputs(_(", record "), stdout);
        kr_out_id(stdout, item->record_id.bytes, 16);
        (void)fputs(item->taken == KR_TAKEN_RETRACTED ? _(", taken back")
                    : item->taken == KR_TAKEN_REVISED ? _(", revised")
                                                      : "",
                    stdout);
    }
    (void)fputc('\n', stdout);
    opened_text(item);
}

static enum kr_err take_item(void *context, struct kr_slice bytes)
{
    struct listing *listing = context;
    struct kr_draft_item item;
    enum kr_err err = kr_draft_item_read(bytes, &item);
    if (err != KR_OK) {
        return err;
    }
    if (listing->wanted != NULL) {
        char id[2 * KR_DRAFT_ID_BYTES + 1];
        kr_hex(id, item.id.bytes, item.id.len);
        const bool is_meant = item.id.len > 0 && strncmp(id, listing->wanted, strlen(listing->wanted)) == 0;
        if (is_meant) {
            memcpy(listing->found, item.id.bytes, KR_DRAFT_ID_BYTES);
        }
        listing->count += is_meant;
        return KR_OK;
    }
    if (listing->wants_review && item.state != KR_DRAFT_AHEAD) {
        return KR_OK;
    }
    listing->count++;
    if (listing->app->is_json) {
        return kr_json_line(item_object(&item)) ? KR_OK : KR_IO;
    }
    item_text(&item, listing->is_mine);
    return KR_OK;
}

static int list(struct kr_app *app, bool is_mine, bool wants_review)
{
    struct listing listing = {.app = app, .is_mine = is_mine, .wants_review = wants_review};
    if (kr_app_ask(app, is_mine ? KR_OP_MINE : KR_OP_DRAFTS, KR_ANSWER_MS, take_item, &listing, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (listing.count == 0 && !app->is_json) {
        (void)fputs(is_mine        ? _("You have submitted nothing.\n")
                    : wants_review ? _("Nothing waits to be reviewed.\n")
                                   : _("Nothing waits for approval.\n"),
                    stdout);
    }
    return listing.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* By the beginning of its id, at least 4 digits. */
static bool find(struct kr_app *app, const char *name, bool is_mine, uint8_t ret_id[static KR_DRAFT_ID_BYTES])
{
    struct listing listing = {.app = app, .wanted = name};
    if (strlen(name) < 4 || strspn(name, "0123456789abcdef") != strlen(name)) {
        (void)kr_app_fail(app, KR_INVALID, _("\"%s\" is no draft: name its id, or 4 digits or more of its beginning"), name);
        return false;
    }
    if (strlen(name) == 2u * KR_DRAFT_ID_BYTES) { /* of what is decided, too */
        return sodium_hex2bin(ret_id, KR_DRAFT_ID_BYTES, name, strlen(name), NULL, NULL, NULL) == 0;
    }
    if (kr_app_ask(app, is_mine ? KR_OP_MINE : KR_OP_DRAFTS, KR_ANSWER_MS, take_item, &listing, NULL) != KR_OK) {
        return false;
    }
    if (listing.count != 1) {
        (void)kr_app_fail(app, listing.count == 0 ? KR_NOT_FOUND : KR_INVALID,
                          listing.count == 0 ? _("\"%s\": no draft begins with that; see kairan drafts and kairan mine")
                                             : _("\"%s\": several drafts begin with that: give more of the id"),
                          name);
        return false;
    }
    memcpy(ret_id, listing.found, KR_DRAFT_ID_BYTES);
    return true;
}

/* ---- one of them ---- */

/* A draft as shown, in memory of its own. */
struct draft {
    uint8_t id[KR_DRAFT_ID_BYTES];
    uint8_t *bytes;
    struct kr_draft_shown shown; /* points into bytes */
    struct kr_submit submit;     /* of a submission or revision; likewise */
    struct kr_slice target;      /* of a revision or sighting */
    struct kr_sight sight;
    struct kr_report report; /* of a report */
    struct kr_advisory advisory;
    bool has_args;
    bool is_sealed; /* to bodies or persons: what it says cannot be seen here */
};

static bool parse(struct draft *draft)
{
    const struct kr_slice args = draft->shown.args;
    enum kr_err err = KR_OK;
    draft->has_args = args.len > 0;
    if (!draft->has_args) {
        return true;
    }
    if (draft->shown.item.op == KR_OP_SIGHT) {
        err = kr_sight_read(args, &draft->sight);
        draft->target = draft->sight.id;
        return err == KR_OK;
    }
    err = draft->shown.item.op == KR_OP_REVISE ? kr_revise_read(args, &draft->target, &draft->submit)
                                               : kr_submit_read(args, &draft->submit);
    draft->is_sealed = kr_section_is_due((enum kr_label)draft->shown.item.label, draft->submit.kind);
    if (err == KR_OK && !draft->is_sealed) {
        err = draft->submit.kind == KR_KIND_REPORT ? kr_report_parse(draft->submit.body, &draft->report)
                                                   : kr_advisory_parse(draft->submit.body, &draft->advisory);
    }
    return err == KR_OK;
}

static struct draft *load(struct kr_app *app, const char *name, bool is_mine)
{
    struct draft *draft = calloc(1, sizeof *draft);
    struct kr_slice result;
    if (draft == NULL || !find(app, name, is_mine, draft->id)) {
        free(draft);
        return NULL;
    }
    enum kr_err err = kr_app_ask_about(app, KR_OP_DRAFT, draft->id, sizeof draft->id, NULL, NULL, &result);
    draft->bytes = err == KR_OK ? malloc(result.len + 1) : NULL;
    if (draft->bytes != NULL) {
        memcpy(draft->bytes, result.bytes, result.len);
        if (kr_draft_shown_read((struct kr_slice){draft->bytes, result.len}, &draft->shown) == KR_OK && parse(draft)) {
            return draft;
        }
        (void)kr_app_unreadable(app);
    }
    free(draft->bytes);
    free(draft);
    return NULL;
}

static void draft_free(struct draft *draft)
{
    if (draft != NULL) {
        free(draft->bytes);
    }
    free(draft);
}

static void print_value(uint32_t type, struct kr_slice value)
{
    static char print[KR_INDICATOR_PRINT_BYTES_MAX];
    if (kr_indicator_print(type, value.bytes, value.len, print, sizeof print) == KR_OK) {
        (void)printf("  %-8s ", kr_indicator_type_name(type));
        kr_out_string(stdout, print);
        (void)fputc('\n', stdout);
    }
}

static void print_report(const struct draft *draft)
{
    struct kr_reader reader;
    kr_reader_init(&reader, draft->report.indicators.bytes, draft->report.indicators.len);
    const uint32_t count = kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    kr_out_text(stdout, draft->report.text, true);
    (void)fputs(draft->report.text.len > 0 ? "\n" : "", stdout);
    for (uint32_t i = 0; i < count; i++) {
        struct kr_report_indicator indicator;
        kr_report_indicator_read(&reader, &indicator);
        print_value(indicator.type, indicator.value);
    }
}

struct names {
    const struct kr_draft_shown *shown;
};

static enum kr_err name_council(void *context, struct kr_slice bytes)
{
    static struct kr_council_item item;
    const struct names *names = context;
    enum kr_err err = kr_council_item_read(bytes, &item);
    for (uint32_t i = 0; err == KR_OK && i < names->shown->audience_count; i++) {
        if (memcmp(names->shown->audience.bytes + 32u * i, item.council, 32) == 0) {
            (void)fputs("  ", stdout);
            kr_out_text(stdout, item.name_ja.len > 0 ? item.name_ja : item.name_en, false);
            (void)fputc('\n', stdout);
        }
    }
    return err;
}

/* What is decided about: whom it reaches, and all that it says. */
static bool print_draft(struct kr_app *app, const struct draft *draft)
{
    struct names names = {&draft->shown};
    item_text(&draft->shown.item, false);
    if (draft->shown.item.label >= KR_TLP_AMBER) {
        (void)fputs(_("goes to:\n"), stdout);
        if (kr_app_ask(app, KR_OP_COUNCILS, KR_ANSWER_MS, name_council, &names, NULL) != KR_OK) {
            return false;
        }
    } else {
        (void)fputs(draft->shown.item.label == KR_TLP_GREEN ? _("goes to all members of the community\n") : _("goes to anyone\n"),
                    stdout);
    }
    if (!draft->has_args) {
        return true;
    }
    if (draft->target.len > 0) {
        (void)fputs(draft->shown.item.op == KR_OP_SIGHT ? _("was seen here: ") : _("stands instead of: "), stdout);
        for (size_t i = 0; i < draft->target.len; i++) {
            (void)printf("%02x", draft->target.bytes[i]);
        }
        (void)fputc('\n', stdout);
    }
    if (draft->shown.item.op == KR_OP_SIGHT) {
        print_value(draft->sight.sighting.type, draft->sight.sighting.value);
        return true;
    }
    if (draft->submit.is_forced) {
        (void)fputs(_("GUARDS WERE OVERRIDDEN, because: "), stdout);
        kr_out_text(stdout, draft->submit.reason, false);
        (void)fputc('\n', stdout);
    }
    if (draft->is_sealed) {
        (void)fputs(_("It is sealed to bodies or persons there by name: nobody else can see what it says, nor can you.\n"), stdout);
    } else if (draft->submit.kind == KR_KIND_REPORT) {
        print_report(draft);
    } else {
        kr_out_text(stdout, draft->advisory.text, true);
        (void)fputc('\n', stdout);
        kr_out_text(stdout, draft->advisory.countermeasures, true);
        (void)fputc('\n', stdout);
    }
    return true;
}

static bool draft_json(const struct draft *draft)
{
    json_t *object = item_object(&draft->shown.item), *audience = json_array(), *values = json_array();
    for (uint32_t i = 0; i < draft->shown.audience_count; i++) {
        (void)json_array_append_new(audience, kr_json_id(draft->shown.audience.bytes + 32u * i, 32));
    }
    if (draft->has_args && draft->shown.item.op != KR_OP_SIGHT && draft->submit.kind == KR_KIND_REPORT) {
        struct kr_reader reader;
        kr_reader_init(&reader, draft->report.indicators.bytes, draft->report.indicators.len);
        const uint32_t count = kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
        for (uint32_t i = 0; i < count; i++) {
            struct kr_report_indicator indicator;
            kr_report_indicator_read(&reader, &indicator);
            (void)json_array_append_new(values, kr_json_indicator(&indicator));
        }
    }
    (void)json_object_set_new(object, "binding", kr_json_id(draft->shown.binding, 32));
    (void)json_object_set_new(object, "audience", audience);
    (void)json_object_set_new(object, "community",
                              draft->shown.community.len > 0 ? kr_json_id(draft->shown.community.bytes, 32) : json_null());
    (void)json_object_set_new(object, "values", values);
    (void)json_object_set_new(object, "text",
                              kr_json_slice(draft->submit.kind == KR_KIND_REPORT ? draft->report.text : draft->advisory.text));
    (void)json_object_set_new(object, "forced", json_boolean(draft->submit.is_forced));
    return kr_json_line(object);
}

static int show(struct kr_app *app, const char *name, bool is_mine)
{
    struct draft *draft = load(app, name, is_mine);
    const bool is_fine = draft != NULL && (app->is_json ? draft_json(draft) : print_draft(app, draft));
    draft_free(draft);
    return is_fine ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* ---- deciding ---- */

static int send_act(struct kr_app *app, enum kr_op op, const struct kr_draft_act *act, const char *done)
{
    struct kr_writer args;
    struct kr_slice result;
    struct kr_stored stored = {0};
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX);
    kr_draft_act_write(act, &args);
    enum kr_err err = kr_app_call(app, op, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (op == KR_OP_DRAFT_APPROVE && kr_stored_read(result, &stored) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:o}", "draft", kr_json_id(act->id, KR_DRAFT_ID_BYTES), "record",
                                      op == KR_OP_DRAFT_APPROVE ? kr_json_id(stored.id, 32) : json_null()))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    if (op == KR_OP_DRAFT_APPROVE) {
        kr_out_id(stdout, stored.id, 64);
        (void)fputc('\n', stdout);
    }
    (void)fputs(done, op == KR_OP_DRAFT_APPROVE ? stderr : stdout);
    return KR_EXIT_DONE;
}

/* What is decided is what was shown just before. */
static int decide(struct kr_app *app, enum kr_op op, const char *name, bool is_mine, bool is_sure, const char *question,
                  const char *done)
{
    struct kr_draft_act act = {.has_binding = true};
    struct draft *draft = load(app, name, is_mine);
    bool may = draft != NULL;
    if (may && !is_sure) {
        may = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
        if (!may) {
            (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        }
        may = may && print_draft(app, draft) && kr_ask_about(question);
    }
    if (may) {
        memcpy(act.id, draft->id, sizeof act.id);
        memcpy(act.binding, draft->shown.binding, sizeof act.binding);
    }
    draft_free(draft);
    return may ? send_act(app, op, &act, done) : KR_EXIT_ERROR;
}

int kr_run_approve(struct kr_app *app, int argc, char **argv)
{
    bool is_sure = false;
    const struct kr_option options[] = {{.name = "yes", .letter = 'y', .flag = &is_sure}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 1, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 != argc) {
        return kr_app_fail(app, KR_INVALID, _("which draft? Its id, or the beginning of it; see kairan drafts"));
    }
    return decide(app, KR_OP_DRAFT_APPROVE, argv[rest], false, is_sure, _("Approve it? [y/N] "),
                  _("Approved, safe on disk and on its way.\n"));
}

int kr_run_reject(struct kr_app *app, int argc, char **argv)
{
    const char *reason = NULL;
    const struct kr_option options[] = {{.name = "reason", .text = &reason}};
    struct kr_draft_act act = {0};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 1, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 != argc || reason == NULL || strlen(reason) > KR_NOTE_BYTES_MAX) {
        return kr_app_fail(app, KR_INVALID, _("which draft, and why? kairan reject ID --reason TEXT (at most %u bytes)"),
                           KR_NOTE_BYTES_MAX);
    }
    if (!find(app, argv[rest], false, act.id)) {
        return KR_EXIT_ERROR;
    }
    act.reason = (struct kr_slice){(const uint8_t *)reason, strlen(reason)};
    return send_act(app, KR_OP_DRAFT_REJECT, &act, _("Rejected; its submitter sees why in kairan mine.\n"));
}

/* ---- edit: another label, other councils, another title ---- */

struct change {
    const char *label, *title;
    struct kr_texts to;
};

static bool change_title(struct draft *draft, const char *title, struct kr_writer *body)
{
    const struct kr_slice text = {(const uint8_t *)title, strlen(title)};
    kr_writer_init(body, KR_BODY_BYTES_MAX);
    if (draft->submit.kind == KR_KIND_REPORT) {
        draft->report.title = text;
        kr_report_write(&draft->report, body);
    } else {
        draft->advisory.title = text;
        kr_advisory_write(&draft->advisory, body);
    }
    draft->submit.body = (struct kr_slice){body->bytes, body->len};
    return kr_writer_finish(body) == KR_OK && text.len <= KR_TITLE_BYTES_MAX;
}

static bool apply(struct kr_app *app, struct draft *draft, const struct change *change, struct kr_writer *body)
{
    if (draft->is_sealed) {
        (void)kr_app_fail(app, KR_INVALID,
                          _("what is sealed to bodies or persons cannot be changed by others: reject it, with a reason"));
        return false;
    }
    if (change->label != NULL && kr_label_parse(change->label, strlen(change->label), &draft->submit.label) != KR_OK) {
        (void)kr_app_fail(app, KR_UNLABELLED, _("\"%s\" is no TLP label"), change->label);
        return false;
    }
    if (change->to.count > 0) {
        draft->submit.audience_count = change->to.count;
        if (!kr_app_find_councils(app, &change->to, draft->submit.audience)) {
            return false;
        }
    }
    if (draft->submit.label != KR_TLP_AMBER) {
        draft->submit.audience_count = 0;
    }
    if (change->title != NULL && !change_title(draft, change->title, body)) {
        (void)kr_app_fail(app, KR_BOUNDS, _("too long: a title has at most %u bytes"), KR_TITLE_BYTES_MAX);
        return false;
    }
    return true;
}

static int edit(struct kr_app *app, const char *name, const struct change *change)
{
    struct kr_draft_act act = {0};
    struct kr_writer body = {0}, args;
    int status = KR_EXIT_ERROR;
    struct draft *draft = load(app, name, false);
    if (draft != NULL && draft->shown.item.op != KR_OP_SUBMIT) {
        (void)kr_app_fail(app, KR_INVALID,
                          _("a revision and a sighting go where their record went: only a new submission can be changed"));
    } else if (draft != NULL && apply(app, draft, change, &body)) {
        kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX);
        kr_submit_write(&draft->submit, &args);
        memcpy(act.id, draft->id, sizeof act.id);
        act.args = (struct kr_slice){args.bytes, args.len};
        status = kr_writer_finish(&args) == KR_OK
                     ? send_act(app, KR_OP_DRAFT_EDIT, &act, _("Changed; it waits for its submitter's consent.\n"))
                     : kr_app_tell(app, KR_NOMEM, &(struct kr_error){.text = ""});
        kr_writer_deinit(&args);
    }
    kr_writer_deinit(&body);
    draft_free(draft);
    return status;
}

/* ---- what was sent ahead, and whom a name stands for ---- */

static int review(struct kr_app *app, const char *name, const char *reason)
{
    struct kr_draft_act act = {.reason = {(const uint8_t *)(reason != NULL ? reason : ""), reason != NULL ? strlen(reason) : 0}};
    return find(app, name, false, act.id) ? send_act(app, KR_OP_DRAFT_REVIEWED, &act, _("Reviewed.\n")) : KR_EXIT_ERROR;
}

static int who(struct kr_app *app, const char *name, const char *reason)
{
    struct kr_draft_act act = {0};
    struct kr_draft_who shown;
    struct kr_writer args;
    struct kr_slice result;
    if (reason == NULL || reason[0] == 0 || strlen(reason) > KR_OPENING_BYTES_MAX) {
        return kr_app_fail(app, KR_INVALID,
                           _("say why, for its submitter and the audit log: kairan drafts who ID --reason TEXT (at most %u bytes)"),
                           KR_OPENING_BYTES_MAX);
    }
    if (!find(app, name, false, act.id)) {
        return KR_EXIT_ERROR;
    }
    act.reason = (struct kr_slice){(const uint8_t *)reason, strlen(reason)};
    kr_writer_init(&args, 4 * KR_KIB);
    kr_draft_act_write(&act, &args);
    enum kr_err err = kr_app_call(app, KR_OP_DRAFT_WHO, &args, KR_ANSWER_MS, NULL, NULL, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (kr_draft_who_read(result, &shown) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:o, s:o}", "draft", kr_json_id(shown.id, KR_DRAFT_ID_BYTES), "person",
                                      kr_json_id(shown.person, 32), "name", kr_json_slice(shown.name)))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    kr_out_text(stdout, shown.name, false);
    (void)fputc('\n', stdout);
    (void)fputs(_("Your name and your reason are in the audit log, and in what its submitter sees.\n"), stderr);
    return KR_EXIT_DONE;
}

const char kr_help_drafts[] =
    N_("Usage: kairan drafts [ls]\n"
       "       kairan drafts show ID\n"
       "       kairan drafts edit ID [--label LABEL] [--to COUNCIL]... [--title TEXT]\n"
       "       kairan drafts who ID --reason TEXT\n"
       "       kairan drafts --review\n"
       "       kairan drafts reviewed ID [--reason TEXT]\n"
       "\n"
       "What was submitted and waits for another person's word, as [approval] in the configuration demands by kind and label. It\n"
       "is safe on disk, and nobody gets it before. Who submitted it is shown to the role intake alone; others see a name that\n"
       "stands for the person.\n"
       "\n"
       "  show   whom it would reach, and all that it says\n"
       "  edit   another label, other councils, another title; it then waits for its submitter's consent\n"
       "  who    which person the name stands for. The reason goes into the audit log, and its submitter sees it in kairan mine\n"
       "\n"
       "What somebody on duty sent at once under a standing consent (kairan consent) is listed with --review until another\n"
       "approver has said that it is reviewed, or has taken it back (kairan retract).\n"
       "\n"
       "Exit status: 0 some wait, 1 none, 2 failure.\n"
       "\n"
       "Example: kairan drafts edit 3f9a --label amber --to Kinki\n");

int kr_run_drafts(struct kr_app *app, int argc, char **argv)
{
    static struct change change; /* several KiB of names */
    const char *reason = NULL;
    bool wants_review = false;
    const struct kr_option options[] = {{.name = "label", .text = &change.label},
                                        {.name = "title", .text = &change.title},
                                        {.name = "to", .texts = &change.to},
                                        {.name = "reason", .text = &reason},
                                        {.name = "review", .flag = &wants_review}};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 5, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest == argc || (rest + 1 == argc && strcmp(argv[rest], "ls") == 0)) {
        return list(app, false, wants_review);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "show") == 0) {
        return show(app, argv[rest + 1], false);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "who") == 0) {
        return who(app, argv[rest + 1], reason);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "reviewed") == 0) {
        return review(app, argv[rest + 1], reason);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "edit") == 0) {
        return change.label != NULL || change.title != NULL || change.to.count > 0
                   ? edit(app, argv[rest + 1], &change)
                   : kr_app_fail(app, KR_INVALID, _("what is to change? --label, --to or --title"));
    }
    return kr_app_fail(app, KR_INVALID, _("it is kairan drafts ls, or kairan drafts show, edit, who or reviewed ID"));
}

int kr_run_mine(struct kr_app *app, int argc, char **argv)
{
    bool is_sure = false;
    const struct kr_option options[] = {{.name = "yes", .letter = 'y', .flag = &is_sure}};
    struct kr_draft_act act = {0};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 1, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest == argc || (rest + 1 == argc && strcmp(argv[rest], "ls") == 0)) {
        return list(app, true, false);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "show") == 0) {
        return show(app, argv[rest + 1], true);
    }
    if (rest + 2 == argc && strcmp(argv[rest], "consent") == 0) {
        return decide(app, KR_OP_DRAFT_CONSENT, argv[rest + 1], true, is_sure, _("Is that right so? [y/N] "),
                      _("It waits for approval again.\n"));
    }
    if (rest + 2 == argc && strcmp(argv[rest], "withdraw") == 0) {
        return find(app, argv[rest + 1], true, act.id)
                   ? send_act(app, KR_OP_DRAFT_WITHDRAW, &act, _("Withdrawn: nobody gets it.\n"))
                   : KR_EXIT_ERROR;
    }
    return kr_app_fail(app, KR_INVALID, _("it is kairan mine, or kairan mine show, consent or withdraw ID"));
}
