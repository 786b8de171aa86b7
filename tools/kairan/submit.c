/* submit: from what somebody hands over to records that are safe on disk. Extract, look, ask, send. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/client/draft.h"
#include "tools/formats/formats.h"
#include "tools/kairan/addressed.h"
#include "tools/kairan/difference.h"
#include "tools/kairan/given.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/request.h"
#include "tools/kairan/sealed.h"
#include "tools/kairan/send.h"
#include "tools/kairan/wait.h"

#define RETURN_MS 10000 /* for a node that was started again to be back */

struct arguments {
    struct kr_request_arguments request;
    const char *kind, *title, *language, *charset;
    bool is_sure;
};

struct submission {
    struct kr_app *app;
    struct arguments arguments;
    struct kr_sending sending;
    const struct kr_extract *extract; /* so far, while it goes on */
    bool has_audience;
    uint32_t old_kind; /* of a revision: what stands now; 0: none */
    uint8_t *old;      /* own copy */
    size_t old_len;
    struct kr_addressed_list addressed; /* of what is for bodies or persons */
    struct kr_sealing sealing;
    uint8_t own_key[32];
};

#define SECTION_OVERHEAD (KR_ADDRESSED_MAX * 72u + 64u) /* beside the content: who is addressed */

/* ---- before the extraction ---- */

static size_t body_bytes_max(enum kr_label label)
{
    return kr_label_is_for_people(label) ? KR_SECTION_INSIDE_MAX - SECTION_OVERHEAD : KR_BODY_BYTES_MAX;
}

static bool take_arguments(struct submission *submission)
{
    const struct arguments *arguments = &submission->arguments;
    struct kr_app *app = submission->app;
    struct kr_submit *request = &submission->sending.request;
    if (arguments->kind != NULL && strcmp(arguments->kind, "report") != 0 && strcmp(arguments->kind, "advisory") != 0) {
        (void)kr_app_fail(app, KR_INVALID, _("there is no kind \"%s\": report or advisory"), arguments->kind);
        return false;
    }
    submission->sending.plan.kind =
        arguments->kind != NULL && strcmp(arguments->kind, "advisory") == 0 ? KR_KIND_ADVISORY : KR_KIND_REPORT;
    request->kind = submission->sending.plan.kind;
    const bool is_fine = kr_request_take(app, &arguments->request, request, &submission->sending.plan.severity);
    submission->sending.plan.body_bytes_max = body_bytes_max(request->label);
    return is_fine;
}

/* Once it is known to whom: one's own key beside theirs, so that one can read what one has sent. */
static bool set_sealing(struct submission *submission, const struct kr_sealed *sealed)
{
    if (sealed->is_closed || !kr_addressed_know(submission->app, sealed, &submission->addressed)) {
        return false;
    }
    submission->sealing = (struct kr_sealing){.addressed = submission->addressed.items, .count = submission->addressed.count};
    memcpy(submission->sealing.author, sealed->council, 32);
    if (sealed->own != NULL && sealed->own->count > 0) {
        memcpy(submission->own_key, sealed->own->pairs[0].public_key, 32);
        submission->sealing.own = submission->own_key;
    } else {
        (void)fputs(_("You have no key of your own: you will not be able to read this yourself once it is sent.\n"), stderr);
    }
    submission->sending.sealing = &submission->sealing;
    return true;
}

/* The councils of those named, and their keys. */
static bool find_addressed(struct submission *submission)
{
    const struct kr_request_arguments *given = &submission->arguments.request;
    struct kr_sending *sending = &submission->sending;
    if (!kr_addressed_find(submission->app, sending->request.label, &given->to_bodies, &given->to_persons,
                           &submission->addressed)) {
        return false;
    }
    struct kr_sealed *sealed = kr_sealed_new(submission->app, false, true);
    if (sealed == NULL) {
        return false;
    }
    const bool is_fine = set_sealing(submission, sealed);
    kr_sealed_free(sealed);
    sending->request.audience_count = kr_addressed_councils(&submission->addressed, sending->request.audience);
    return is_fine;
}

static bool find_audience(struct submission *submission)
{
    if (kr_label_is_for_people(submission->sending.request.label) && !submission->has_audience) {
        submission->has_audience = find_addressed(submission);
        return submission->has_audience;
    }
    submission->has_audience = submission->has_audience ||
                               kr_request_audience(submission->app, &submission->arguments.request, &submission->sending.request);
    return submission->has_audience;
}

/* ---- while it goes on ---- */

/* Everything of the plan but the items. */
static void make_plan(struct submission *submission, const struct kr_extract *extract)
{
    const struct arguments *arguments = &submission->arguments;
    struct kr_plan *plan = &submission->sending.plan;
    const struct kr_slice text = {(const uint8_t *)extract->text, extract->text_len};
    const char *language = arguments->language != NULL ? arguments->language : kr_guess_language(text);
    const char *title = arguments->title != NULL ? arguments->title : extract->title;
    plan->language = (struct kr_slice){(const uint8_t *)language, strlen(language)};
    plan->title = title[0] != 0 ? (struct kr_slice){(const uint8_t *)title, strlen(title)} : kr_first_line(text, 120);
    plan->text = text.len > KR_TEXT_BYTES_MAX ? (struct kr_slice){0} : text;
    randombytes_buf(plan->case_id, sizeof plan->case_id);
}

static bool plan_fits(const struct submission *submission)
{
    const struct kr_plan *plan = &submission->sending.plan;
    const bool is_report = plan->kind == KR_KIND_REPORT;
    return plan->title.len <= KR_TITLE_BYTES_MAX && plan->language.len <= KR_LANGUAGE_BYTES_MAX &&
           (is_report || submission->extract->text_len <= KR_TEXT_BYTES_MAX);
}

/* Whether the guards may already look at what is known: at everything that they would be asked about afterwards, that is, unless
 * something else is sure to stop it. */
static bool may_look_early(const struct submission *submission)
{
    const struct kr_submit *request = &submission->sending.request;
    return request->label != KR_TLP_NONE && !request->is_forced && plan_fits(submission) &&
           (submission->arguments.is_sure || kr_has_terminal());
}

/* KR_CANCELLED: it has been told why. */
static enum kr_err take_items(void *context, const struct kr_extract *extract)
{
    struct submission *submission = context;
    struct kr_sending *sending = &submission->sending;
    struct kr_error error = {0};
    submission->extract = extract;
    if (extract->item_count == 0) {
        make_plan(submission, extract);
        return KR_OK;
    }
    if (sending->plan.kind != KR_KIND_REPORT) {
        return KR_OK;
    }
    enum kr_err err = kr_sending_take(sending, extract->items, extract->item_count);
    if (err != KR_OK || sending->parts.count == 1 || !may_look_early(submission)) {
        return err;
    }
    if (!kr_app_open(submission->app) || !find_audience(submission)) {
        return KR_CANCELLED;
    }
    sending->conn = submission->app->conn;
    err = kr_sending_look(sending, false, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(submission->app, err, &error);
        return KR_CANCELLED;
    }
    return KR_OK;
}

/* ---- afterwards ---- */

static void propose_label(const struct submission *submission)
{
    enum kr_label label = submission->extract->label;
    if (label == KR_TLP_NONE) {
        (void)kr_app_fail(submission->app, KR_UNLABELLED,
                          _("no label: choose who may have it, --label clear (everyone), green (a community), amber (with --to), "
                            "amber+strict (with "
                            "--to-body) or red (with --to-person)"));
    } else {
        (void)kr_app_fail(submission->app, KR_UNLABELLED,
                          _("no label was given. The text says %s: if that is right, add --label %s"), kr_label_name(label),
                          label == KR_TLP_CLEAR          ? "clear"
                          : label == KR_TLP_GREEN        ? "green"
                          : label == KR_TLP_AMBER        ? "amber --to NAME"
                          : label == KR_TLP_AMBER_STRICT ? "amber+strict --to-body NAME"
                                                         : "red --to-person NAME");
    }
}

/* What the text says against what was asked for. */
static bool check_label(struct submission *submission)
{
    if (submission->sending.request.label == KR_TLP_NONE) {
        propose_label(submission);
        return false;
    }
    if (submission->extract->label > submission->sending.request.label && !submission->sending.request.is_forced) {
        (void)kr_app_fail(submission->app, KR_DENIED,
                          _("the text says %s, and %s is wider: use its label, or --force with --reason if its author agreed"),
                          kr_label_name(submission->extract->label), kr_label_name(submission->sending.request.label));
        return false;
    }
    return true;
}

static bool check_plan(struct submission *submission)
{
    struct kr_sending *sending = &submission->sending;
    const bool is_report = sending->plan.kind == KR_KIND_REPORT;
    if (!plan_fits(submission)) {
        (void)kr_app_fail(submission->app, KR_BOUNDS, _("too long: a title has at most %u bytes, a text %u KiB"),
                          KR_TITLE_BYTES_MAX, KR_TEXT_BYTES_MAX / KR_KIB);
        return false;
    }
    if (is_report && submission->extract->item_count == 0) {
        (void)kr_app_fail(submission->app, KR_NOT_FOUND,
                          _("no indicators were found in it. A text without any goes as --kind advisory"));
        return false;
    }
    enum kr_err err = kr_sending_take(sending, submission->extract->items, is_report ? submission->extract->item_count : 0);
    if (err != KR_OK) {
        (void)kr_app_tell(submission->app, err, &(struct kr_error){.text = ""});
    }
    if (err == KR_OK && sending->revises.len > 0 && sending->parts.count > 1) {
        (void)kr_app_fail(submission->app, KR_BOUNDS,
                          _("a revision is one record, with at most %u indicators: retract the old one, and submit the new list"),
                          KR_REPORT_INDICATORS_MAX);
        return false;
    }
    return err == KR_OK;
}

static enum kr_err show(const struct submission *submission)
{
    const struct kr_sending *sending = &submission->sending;
    enum kr_err err = KR_OK;
    if (submission->old_kind == 0) {
        kr_show_items(sending);
    } else {
        err = kr_show_difference(stderr, submission->old_kind, (struct kr_slice){submission->old, submission->old_len},
                                 &sending->plan);
    }
    kr_show_left_out(submission->extract);
    kr_show_reach(sending);
    if (sending->sealing != NULL) {
        (void)fputs(_("Sealed to these, and readable for nobody else:\n"), stderr);
        kr_addressed_print(stderr, &submission->addressed);
    }
    return err;
}

/* Whether it may go. */
static bool look_and_ask(struct submission *submission)
{
    struct kr_sending *sending = &submission->sending;
    struct kr_error error = {0};
    const bool asks = !submission->arguments.is_sure;
    if (asks && !kr_has_terminal()) {
        (void)kr_app_fail(submission->app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return false;
    }
    if (!asks && (sending->request.is_forced || (sending->parts.count == 1 && sending->sealing == NULL))) {
        return true; /* keeper looks at guards itself; a single record goes whole or not at all */
    }
    if (sending->sealing != NULL && sending->request.is_forced) { /* who forces it shows the node nothing, the values neither */
        kr_show_items(sending);
        kr_addressed_print(stderr, &submission->addressed);
        return kr_ask();
    }
    enum kr_err err = kr_sending_look(sending, true, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(submission->app, err, &error);
        return false;
    }
    if (asks) {
        err = show(submission);
        if (err != KR_OK) {
            (void)kr_app_tell(submission->app, err, &error);
            return false;
        }
    }
    kr_show_guarded(sending);
    if (sending->guarded_total > 0 && !sending->request.is_forced) {
        (void)kr_app_fail(submission->app, KR_GUARDED,
                          _("nothing was sent: leave the values above out, or add --force --reason TEXT if they are meant"));
        return false;
    }
    if (asks && !kr_ask()) {
        (void)fputs(_("Nothing was sent.\n"), stderr);
        return false;
    }
    return true;
}

static void show_progress(void *context, uint32_t done, uint32_t parts)
{
    (void)context;
    if (parts > 1 && isatty(STDERR_FILENO) == 1) {
        (void)fputc('\r', stderr);
        (void)fprintf(stderr, _("records: %u of %u"), done, parts);
        (void)fputs(done == parts ? "\n" : "", stderr);
    }
}

/* Once more over a new connection where the old one was lost. */
static enum kr_err send_all(struct submission *submission, struct kr_error *error)
{
    struct kr_app *app = submission->app;
    enum kr_err err = kr_sending_send(&submission->sending, error);
    if (err != KR_CLOSED && err != KR_TIMEOUT && err != KR_IO) {
        return err;
    }
    kr_conn_free(app->conn);
    app->conn = NULL;
    if (!kr_wait_for_node(app, RETURN_MS)) {
        return err;
    }
    submission->sending.conn = app->conn;
    return kr_sending_send(&submission->sending, error);
}

static size_t id_bytes(const struct kr_sent *sent)
{
    return sent->waits ? KR_DRAFT_ID_BYTES : 32;
}

static int tell_done(const struct submission *submission)
{
    const struct kr_app *app = submission->app;
    const struct kr_sending *sending = &submission->sending;
    if (app->is_json) {
        json_t *ids = json_array();
        for (uint32_t i = 0; i < sending->parts.count; i++) {
            (void)json_array_append_new(ids, kr_json_id(sending->sent[i].id, id_bytes(&sending->sent[i])));
        }
        return kr_json_line(json_pack(
                   "{s:o, s:b, s:o, s:s, s:s, s:o, s:I, s:I, s:b}", "ids", ids, "waits", sending->sent[0].waits, "consent",
                   sending->sent[0].has_consent ? kr_json_id(sending->sent[0].consent, 32) : json_null(), "label",
                   kr_label_name(sending->request.label), "kind", kr_kind_name(sending->request.kind), "title",
                   kr_json_slice(sending->plan.title), "indicators", (json_int_t)sending->plan.item_count, "left_out",
                   (json_int_t)submission->extract->left_out, "exercise", (sending->request.flags & KR_FLAG_EXERCISE) != 0))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    for (uint32_t i = 0; i < sending->parts.count; i++) {
        kr_out_id(stdout, sending->sent[i].id, 2 * id_bytes(&sending->sent[i]));
        (void)fputc('\n', stdout);
    }
    if (sending->sent[0].waits) {
        (void)fputs(_("Safe on disk, and waits for approval: nobody gets it before. See: kairan mine\n"), stderr);
        return KR_EXIT_DONE;
    }
    if (sending->sent[0].has_consent) {
        (void)fprintf(stderr, _("Sent at once, under the standing consent %02x%02x%02x%02x: another approver is to review it.\n"),
                      sending->sent[0].consent[0], sending->sent[0].consent[1], sending->sent[0].consent[2],
                      sending->sent[0].consent[3]);
        return KR_EXIT_DONE;
    }
    if (isatty(STDERR_FILENO) == 1) {
        (void)fprintf(stderr,
                      _("Safe on disk and on its way. Indicators: %zu, records: %u. See: kairan explain %02x%02x%02x%02x\n"),
                      sending->plan.item_count, sending->parts.count, sending->sent[0].id[0], sending->sent[0].id[1],
                      sending->sent[0].id[2], sending->sent[0].id[3]);
    }
    return KR_EXIT_DONE;
}

static int submit(struct submission *submission)
{
    struct kr_error error = {0};
    if (submission->sending.sealing != NULL && !kr_addressed_keep(submission->app, &submission->addressed)) {
        return KR_EXIT_ERROR;
    }
    enum kr_err err = send_all(submission, &error);
    if (err == KR_OK) {
        return tell_done(submission);
    }
    const uint32_t done = kr_sending_done(&submission->sending);
    (void)kr_app_tell(submission->app, err, &error);
    if (done > 0) {
        (void)kr_app_fail(submission->app, err, _("%u of %u records were stored before that; see kairan ls"), done,
                          submission->sending.parts.count);
    }
    return KR_EXIT_ERROR;
}

/* Extracts, with the guards at work beside it where there is more than one record, and sends what passes. */
static int extract_and_submit(struct submission *submission, const char *bytes, size_t len)
{
    const struct kr_extract_options how = {.charset = submission->arguments.charset, .on_items = take_items, .context = submission};
    struct kr_app *app = submission->app;
    struct kr_extract *extract = NULL;
    struct kr_error error = {0};
    int status = KR_EXIT_ERROR;
    enum kr_err err = kr_formats_extract(bytes, len, &how, &extract, &error);
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_EXIT_ERROR : kr_app_tell(app, err, &error);
    }
    if (check_label(submission) && check_plan(submission) && kr_app_open(app) && find_audience(submission)) {
        submission->sending.conn = app->conn;
        status = look_and_ask(submission) ? submit(submission) : KR_EXIT_ERROR;
    }
    kr_extract_free(extract);
    return status;
}

static bool keep_old(struct submission *submission, uint32_t kind, struct kr_slice content)
{
    submission->old = malloc(content.len + 1);
    if (submission->old == NULL) {
        (void)kr_app_tell(submission->app, KR_NOMEM, &(struct kr_error){.text = ""});
        return false;
    }
    if (content.len > 0) {
        memcpy(submission->old, content.bytes, content.len);
    }
    submission->old_len = content.len;
    submission->old_kind = kind;
    return true;
}

/* Of what is for bodies or persons: opened here, so that what changes can be shown, and sealed anew to those who had it. The record
 * that is shown lies in the connection's memory, and asking for keys takes that. */
static bool open_target(struct submission *submission, const struct kr_shown *shown)
{
    const struct kr_request_arguments *given = &submission->arguments.request;
    const struct kr_texts *addresses = shown->summary.label == KR_TLP_RED ? &given->to_persons : &given->to_bodies;
    const struct kr_texts *others = shown->summary.label == KR_TLP_RED ? &given->to_bodies : &given->to_persons;
    struct kr_section section = {0};
    bool is_fine = false;
    if (others->count > 0) {
        (void)kr_app_fail(submission->app, KR_INVALID, _("--to-body is for TLP:AMBER+STRICT, and --to-person for TLP:RED"));
        return false;
    }
    struct kr_sealed *sealed = kr_sealed_new(submission->app, false, true);
    if (sealed == NULL) {
        return false;
    }
    if (sealed->is_closed) {
        is_fine = false; /* told */
    } else if (kr_sealed_open(sealed, shown, &section) != KR_OK) {
        (void)kr_app_fail(
            submission->app, KR_DENIED,
            _("you cannot read this record, so you cannot correct it: whoever submitted it, or has it, can. Or retract it, "
              "and submit the new text to those whom it is for"));
    } else {
        is_fine =
            keep_old(submission, shown->content_kind, section.content) &&
            kr_addressed_again(submission->app, (enum kr_label)shown->summary.label, &section, addresses, &submission->addressed);
    }
    is_fine = is_fine && set_sealing(submission, sealed);
    for (uint32_t i = 0; i < section.addressed_count && is_fine; i++) {
        if (memcmp(section.addressed[i].id, sealed->person, 32) == 0 || memcmp(section.addressed[i].id, sealed->body, 32) == 0) {
            (void)fputs(_("If somebody else submitted it: who that was is not named in it, and cannot read this one.\n"), stderr);
        }
    }
    kr_section_deinit(&section);
    kr_sealed_free(sealed);
    return is_fine;
}

/* The record itself. Tells failures. */
static bool ask_target(struct kr_app *app, const char *text, uint8_t id[static 32], size_t *ret_len, struct kr_shown *ret_shown)
{
    struct kr_slice result;
    if (text == NULL || !kr_id_parse(text, id, ret_len)) {
        (void)kr_app_fail(app, KR_INVALID, _("which record? Its id, or 8 digits or more of its beginning; see kairan ls"));
        return false;
    }
    enum kr_err err = kr_app_ask_about(app, KR_OP_SHOW, id, *ret_len, NULL, NULL, &result);
    if (err == KR_OK && kr_shown_read(result, ret_shown) != KR_OK) {
        (void)kr_app_unreadable(app);
        return false;
    }
    return err == KR_OK;
}

/* Label, audience and the rest are those of the record that it stands instead of. */
static bool take_target(struct submission *submission, const char *text, uint8_t id[static 32])
{
    static struct kr_shown shown;
    struct kr_sending *sending = &submission->sending;
    struct kr_submit *request = &sending->request;
    size_t len;
    if (!ask_target(submission->app, text, id, &len, &shown)) {
        return false;
    }
    if (submission->arguments.kind == NULL && shown.content_kind == KR_KIND_ADVISORY) {
        request->kind = sending->plan.kind = KR_KIND_ADVISORY;
    }
    sending->revises = (struct kr_slice){id, len};
    request->label = (enum kr_label)shown.summary.label;
    sending->plan.body_bytes_max = body_bytes_max(request->label);
    request->flags = shown.summary.flags;
    request->has_community = shown.community.len == 32;
    if (request->has_community) {
        memcpy(request->community, shown.community.bytes, 32);
    }
    request->audience_count = shown.audience_count;
    for (uint32_t i = 0; i < shown.audience_count; i++) {
        memcpy(request->audience[i], shown.audience[i].bytes, 32);
    }
    if (!kr_sealed_is(&shown.summary) &&
        submission->arguments.request.to_bodies.count + submission->arguments.request.to_persons.count > 0) {
        (void)kr_app_fail(submission->app, KR_INVALID, _("--to-body is for TLP:AMBER+STRICT, and --to-person for TLP:RED"));
        return false;
    }
    submission->has_audience = true;
    (void)fputs(_("Stands instead of:\n"), stderr);
    kr_out_summary(stderr, &shown.summary);
    return kr_sealed_is(&shown.summary) ? open_target(submission, &shown) : keep_old(submission, shown.content_kind, shown.content);
}

int kr_run_revise(struct kr_app *app, int argc, char **argv)
{
    static struct submission submission;
    struct arguments *arguments = &submission.arguments;
    const struct kr_option options[] = {{.name = "kind", .text = &arguments->kind},
                                        {.name = "to-body", .texts = &arguments->request.to_bodies},
                                        {.name = "to-person", .texts = &arguments->request.to_persons},
                                        {.name = "title", .text = &arguments->title},
                                        {.name = "language", .text = &arguments->language},
                                        {.name = "severity", .text = &arguments->request.severity},
                                        {.name = "expires", .text = &arguments->request.expires},
                                        {.name = "force", .flag = &arguments->request.is_forced},
                                        {.name = "reason", .text = &arguments->request.reason},
                                        {.name = "charset", .text = &arguments->charset},
                                        {.name = "yes", .letter = 'y', .flag = &arguments->is_sure}};
    char *bytes = NULL;
    size_t len = 0;
    uint8_t id[32];
    int rest, status = KR_EXIT_ERROR;
    memset(&submission, 0, sizeof submission);
    submission.app = app;
    if (kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest) &&
        take_arguments(&submission) && take_target(&submission, rest < argc ? argv[rest] : NULL, id) &&
        kr_given_read(app, argc - rest - 1, argv + rest + 1, &bytes, &len)) {
        status = extract_and_submit(&submission, bytes, len);
    }
    free(bytes);
    free(submission.old);
    kr_sending_deinit(&submission.sending);
    return status;
}

int kr_run_submit(struct kr_app *app, int argc, char **argv)
{
    static struct submission submission;
    struct arguments *arguments = &submission.arguments;
    const struct kr_option options[] = {{.name = "label", .letter = 'l', .text = &arguments->request.label},
                                        {.name = "to", .texts = &arguments->request.to},
                                        {.name = "to-body", .texts = &arguments->request.to_bodies},
                                        {.name = "to-person", .texts = &arguments->request.to_persons},
                                        {.name = "community", .text = &arguments->request.community},
                                        {.name = "kind", .text = &arguments->kind},
                                        {.name = "title", .text = &arguments->title},
                                        {.name = "language", .text = &arguments->language},
                                        {.name = "severity", .text = &arguments->request.severity},
                                        {.name = "expires", .text = &arguments->request.expires},
                                        {.name = "exercise", .flag = &arguments->request.is_exercise},
                                        {.name = "force", .flag = &arguments->request.is_forced},
                                        {.name = "reason", .text = &arguments->request.reason},
                                        {.name = "charset", .text = &arguments->charset},
                                        {.name = "yes", .letter = 'y', .flag = &arguments->is_sure}};
    char *bytes = NULL;
    size_t len = 0;
    int rest, status = KR_EXIT_ERROR;
    memset(&submission, 0, sizeof submission);
    submission.app = app;
    submission.sending.progress = show_progress;
    if (kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest) &&
        take_arguments(&submission) && kr_given_read(app, argc - rest, argv + rest, &bytes, &len)) {
        status = extract_and_submit(&submission, bytes, len);
    }
    free(bytes);
    kr_sending_deinit(&submission.sending);
    return status;
}
