/* submit: from what somebody hands over to records that are safe on disk. Extract, look, ask, send. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/formats/formats.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/split.h"
#include "tools/kairan/wait.h"

/* Keeper lets 64 submissions and 16 other requests of one client wait (docs/PROTOCOL.md, "Client protocol"). */
#define SUBMITS_MAX  32u
#define PREVIEWS_MAX 8u
#define RETURN_MS    10000 /* for a node that was started again to be back */
#define SHOWN_MAX    20u   /* indicators on the screen before "and so many more" */
#define GUARDED_MAX  64u

struct sending {
    uint8_t token[16], id[32];
    uint64_t number; /* of the request under way; 0: none */
    bool is_done, is_known;
};

struct submission {
    struct kr_app *app;
    struct kr_submit request; /* all but token and body */
    struct kr_plan plan;
    struct kr_extract *extract;
    struct kr_part *parts;
    struct sending *sendings;
    uint32_t part_count;
    bool is_sure, text_left_out;
    /* From previews: */
    struct kr_preview *preview; /* of the first part; its slices live in preview_bytes */
    uint8_t *preview_bytes;
    size_t guarded[GUARDED_MAX]; /* index into the plan's items */
    char guarded_list[GUARDED_MAX][64];
    uint64_t guarded_total;
};

/* ---- reading ---- */

static enum kr_err read_stream(FILE *in, char **ret, size_t *ret_len)
{
    size_t len = 0, capacity = 0;
    char *bytes = NULL;
    for (;;) {
        if (len + 64 * KR_KIB > capacity) {
            capacity = capacity * 2 + 128 * KR_KIB;
            char *more = realloc(bytes, capacity);
            if (more == NULL) {
                free(bytes);
                return KR_NOMEM;
            }
            bytes = more;
        }
        size_t got = fread(bytes + len, 1, capacity - len, in);
        len += got;
        if (got == 0 || len > KR_FORMATS_BYTES_MAX) {
            break;
        }
    }
    if (ferror(in) != 0 || len > KR_FORMATS_BYTES_MAX) {
        free(bytes);
        return ferror(in) != 0 ? KR_IO : KR_BOUNDS;
    }
    *ret = bytes;
    *ret_len = len;
    return KR_OK;
}

/* A word that can only be meant as a file: with a slash or a dot in front, or called as mails and lists are. When there is no such
 * file, its name must not go out as an indicator. */
static bool means_file(const char *word)
{
    static const char *const endings[] = {".eml", ".msg", ".txt", ".csv", ".json", ".html", ".htm", ".md"};
    if (strpbrk(word, " \t\n") != NULL || strstr(word, "://") != NULL) {
        return false;
    }
    const char *dot = strrchr(word, '.');
    bool has_ending = false;
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        has_ending = has_ending || strcasecmp(dot, endings[i]) == 0;
    }
    return word[0] == '/' || word[0] == '.' || has_ending;
}

/* One argument that names a file, "-", or words. */
static bool read_input(struct kr_app *app, int argc, char **argv, char **ret, size_t *ret_len)
{
    struct stat status;
    FILE *in = NULL;
    if (argc == 0 || (argc == 1 && strcmp(argv[0], "-") == 0)) {
        if (argc == 0 && isatty(STDIN_FILENO) == 1) {
            (void)kr_app_fail(app, KR_INVALID, _("what? kairan submit FILE, a text in quotes, or - for standard input"));
            return false;
        }
        in = stdin;
    } else if (argc == 1 && ((stat(argv[0], &status) == 0 && !S_ISDIR(status.st_mode)) || means_file(argv[0]))) {
        in = fopen(argv[0], "re");
    } else {
        size_t len = 0;
        for (int i = 0; i < argc; i++) {
            len += strlen(argv[i]) + 1;
        }
        char *text = malloc(len + 1), *end = text;
        for (int i = 0; text != NULL && i < argc; i++) {
            end = stpcpy(end, argv[i]);
            *end++ = '\n';
        }
        *ret = text;
        *ret_len = text != NULL ? (size_t)(end - text) - 1 : 0; /* without the last line's end */
        return text != NULL;
    }
    enum kr_err err = in == NULL ? KR_IO : read_stream(in, ret, ret_len);
    int reason = errno;
    if (in != NULL && in != stdin) {
        (void)fclose(in);
    }
    if (err != KR_OK) {
        (void)kr_app_fail(app, err, _("cannot read %s: %s"), argc > 0 ? argv[0] : "-",
                          err == KR_IO ? strerror(reason) : _(kr_err_text(err)));
    }
    return err == KR_OK;
}

/* ---- sending parts ---- */

typedef enum kr_err part_answered(struct submission *submission, uint32_t part, struct kr_slice result);

static enum kr_err send_part(struct submission *submission, enum kr_op op, uint32_t part, struct kr_error *error)
{
    struct kr_submit *submit = &submission->request;
    struct kr_writer body, args;
    kr_writer_init(&body, KR_BODY_BYTES_MAX);
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX);
    kr_split_write(&submission->plan, &submission->parts[part], part, submission->part_count, &body);
    enum kr_err err = kr_writer_finish(&body);
    if (err == KR_OK) {
        memcpy(submit->token, submission->sendings[part].token, sizeof submit->token);
        submit->body = (struct kr_slice){body.bytes, body.len};
        kr_submit_write(submit, &args);
        err = kr_writer_finish(&args);
    }
    if (err == KR_OK) {
        err = kr_conn_request(submission->app->conn, op, (struct kr_slice){args.bytes, args.len}, 0,
                              &submission->sendings[part].number, error);
    }
    submit->body = (struct kr_slice){0};
    kr_writer_deinit(&body);
    kr_writer_deinit(&args);
    return err;
}

static void progress(const struct submission *submission, uint32_t done)
{
    if (submission->part_count > 1 && isatty(STDERR_FILENO) == 1) {
        (void)fputc('\r', stderr);
        (void)fprintf(stderr, _("records: %u of %u"), done, submission->part_count);
        (void)fputs(done == submission->part_count ? "\n" : "", stderr);
    }
}

static uint32_t find_part(const struct submission *submission, uint64_t number)
{
    for (uint32_t i = 0; i < submission->part_count; i++) {
        if (submission->sendings[i].number == number) {
            return i;
        }
    }
    return submission->part_count;
}

/* All parts that are not done, many at a time. The first refusal stops what was not sent; what is under way is waited for. */
static enum kr_err send_parts(struct submission *submission, enum kr_op op, part_answered *answered, bool shows,
                              struct kr_error *error)
{
    const struct kr_client_frame *frame;
    enum kr_err refusal = KR_OK;
    uint32_t under_way = 0, next = 0, done = 0;
    const uint32_t most = op == KR_OP_SUBMIT ? SUBMITS_MAX : PREVIEWS_MAX;
    for (uint32_t i = 0; i < submission->part_count; i++) {
        submission->sendings[i].number = 0;
        done += submission->sendings[i].is_done ? 1 : 0;
    }
    for (;;) {
        for (; refusal == KR_OK && next < submission->part_count && under_way < most; next++) {
            if (!submission->sendings[next].is_done) {
                enum kr_err err = send_part(submission, op, next, error);
                if (err != KR_OK) {
                    return err;
                }
                under_way++;
            }
        }
        if (under_way == 0) {
            return refusal;
        }
        enum kr_err err = kr_conn_receive(submission->app->conn, KR_ANSWER_MS, &frame, error);
        if (err != KR_OK) {
            return err;
        }
        uint32_t part = find_part(submission, frame->number);
        if (part == submission->part_count || frame->type == KR_CLIENT_PAGE) {
            return kr_fail(error, KR_MALFORMED, "the node answers what was not asked");
        }
        under_way--;
        if (frame->type == KR_CLIENT_ERROR) {
            refusal = refusal == KR_OK ? kr_conn_frame_error(frame, error) : refusal;
        } else {
            err = answered(submission, part, frame->payload);
            if (err != KR_OK) {
                return kr_fail(error, err, "the node's answer cannot be read");
            }
            done++;
        }
        if (shows) {
            progress(submission, done);
        }
    }
}

static enum kr_err take_preview(struct submission *submission, uint32_t part, struct kr_slice result)
{
    static struct kr_preview preview;
    enum kr_err err = kr_preview_read(result, &preview);
    if (err != KR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < preview.guarded_count && submission->guarded_total + i < GUARDED_MAX; i++) {
        size_t slot = submission->guarded_total + i;
        if (preview.guarded[i].indicator >= submission->parts[part].count) {
            return KR_MALFORMED;
        }
        submission->guarded[slot] = submission->parts[part].first + preview.guarded[i].indicator;
        if (!kr_slice_text(preview.guarded[i].list, submission->guarded_list[slot], sizeof submission->guarded_list[slot])) {
            return KR_MALFORMED;
        }
    }
    submission->guarded_total += preview.guarded_total;
    if (part == 0) {
        submission->preview_bytes = malloc(result.len + 1);
        submission->preview = calloc(1, sizeof *submission->preview);
        if (submission->preview_bytes == NULL || submission->preview == NULL) {
            return KR_NOMEM;
        }
        memcpy(submission->preview_bytes, result.bytes, result.len);
        err = kr_preview_read((struct kr_slice){submission->preview_bytes, result.len}, submission->preview);
    }
    return err;
}

static enum kr_err take_done(struct submission *submission, uint32_t part, struct kr_slice result)
{
    struct sending *sending = &submission->sendings[part];
    struct kr_reader reader;
    kr_reader_init(&reader, result.bytes, result.len);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, sending->id, sizeof sending->id);
    sending->is_known = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    sending->is_done = err == KR_OK;
    return err;
}

/* Once more over a new connection where the old one was lost: the tokens see to it that nothing is stored twice. */
static enum kr_err send_all(struct submission *submission, struct kr_error *error)
{
    enum kr_err err = send_parts(submission, KR_OP_SUBMIT, take_done, true, error);
    if (err != KR_CLOSED && err != KR_TIMEOUT && err != KR_IO) {
        return err;
    }
    kr_conn_free(submission->app->conn);
    submission->app->conn = NULL;
    if (!kr_wait_for_node(submission->app, RETURN_MS)) {
        return err;
    }
    return send_parts(submission, KR_OP_SUBMIT, take_done, true, error);
}

/* ---- showing and asking ---- */

static void show_items(const struct submission *submission)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    size_t count = submission->plan.item_count;
    (void)fprintf(stderr, _("Indicators found: %zu\n"), count);
    for (size_t i = 0; i < count && i < SHOWN_MAX; i++) {
        const struct kr_found *item = &submission->plan.items[i];
        if (kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print) == KR_OK) {
            (void)fprintf(stderr, "  %-9s ", kr_indicator_type_name(item->type));
            kr_out_string(stderr, print);
            if (item->note.len > 0) {
                (void)fputs("  # ", stderr);
                kr_out_text(stderr, item->note, false);
            }
            (void)fputc('\n', stderr);
        }
    }
    if (count > SHOWN_MAX) {
        (void)fprintf(stderr, _("  ... and %zu more\n"), count - SHOWN_MAX);
    }
    if (submission->extract->left_out > 0) {
        (void)fprintf(stderr, _("Left out as the sender's own (contact lines, signature): %zu\n"), submission->extract->left_out);
    }
    if (submission->extract->more) {
        (void)fputs(_("There was more than can be taken at a time: the rest of the text was not searched.\n"), stderr);
    }
    if (submission->text_left_out) {
        (void)fprintf(stderr, _("The text is longer than %u KiB: only the indicators go.\n"), KR_TEXT_BYTES_MAX / KR_KIB);
    }
    for (size_t i = 0; i < submission->extract->attachment_count; i++) {
        (void)fputs(_("Attachment, not opened and not sent: "), stderr);
        kr_out_string(stderr, submission->extract->attachments[i].name);
        (void)fputc('\n', stderr);
    }
}

static void show_guarded(const struct submission *submission)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    if (submission->guarded_total == 0) {
        return;
    }
    kr_out_style(stderr, KR_STYLE_RED);
    (void)fprintf(stderr, _("Held back by a guard: %ju\n"), submission->guarded_total);
    kr_out_style(stderr, KR_STYLE_NONE);
    for (size_t i = 0; i < submission->guarded_total && i < GUARDED_MAX; i++) {
        const struct kr_found *item = &submission->plan.items[submission->guarded[i]];
        if (kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print) == KR_OK) {
            (void)fputs("  ", stderr);
            kr_out_string(stderr, print);
            (void)fputs("  (", stderr);
            kr_out_string(stderr, submission->guarded_list[i]);
            (void)fputs(")\n", stderr);
        }
    }
}

static void show_reach(const struct submission *submission)
{
    const struct kr_preview *preview = submission->preview;
    uint64_t readers = 0;
    for (uint32_t i = 0; i < preview->reach_count; i++) {
        readers += preview->reach[i].may_read ? 1 : 0;
    }
    (void)fputs(_("Label: "), stderr);
    kr_out_label(stderr, (uint32_t)submission->request.label);
    (void)fprintf(stderr, "%s\n", (submission->request.flags & KR_FLAG_EXERCISE) != 0 ? _("  [EXERCISE]") : "");
    if (preview->reach_total > preview->reach_count) {
        (void)fprintf(stderr, _("These councils and others, %ju in all, would get it:\n"), preview->reach_total);
    } else {
        (void)fputs(readers > 0 ? _("These councils would get it:\n") : _("No other council would get it now.\n"), stderr);
    }
    for (uint32_t i = 0; i < preview->reach_count; i++) {
        const struct kr_reach *reach = &preview->reach[i];
        if (!reach->may_hold) {
            continue;
        }
        (void)fputs("  ", stderr);
        kr_out_style(stderr, KR_STYLE_BOLD);
        kr_out_padded(stderr, reach->name, 24);
        kr_out_style(stderr, KR_STYLE_NONE);
        (void)fprintf(stderr, "  %s%s\n", kr_reason_text(reach->reason_name),
                      reach->is_linked ? "" : _(", not linked to this one"));
    }
}

static bool ask(void)
{
    char answer[32] = "";
    (void)fputs(_("Send it? [y/N] "), stderr);
    (void)fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        return false;
    }
    answer[strcspn(answer, "\r\n")] = 0;
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0 || strcmp(answer, "はい") == 0;
}

static void propose_label(const struct submission *submission)
{
    enum kr_label label = submission->extract->label;
    if (label == KR_TLP_NONE) {
        (void)kr_app_fail(
            submission->app, KR_UNLABELLED,
            _("no label: choose who may have it, --label clear (everyone), green (a community) or amber (with --to)"));
    } else if (label > KR_TLP_AMBER) {
        (void)kr_app_fail(submission->app, KR_UNLABELLED,
                          _("no label was given. The text says %s, which is for persons by name: it cannot be sent yet"),
                          kr_label_name(label));
    } else {
        (void)kr_app_fail(submission->app, KR_UNLABELLED,
                          _("no label was given. The text says %s: if that is right, add --label %s"), kr_label_name(label),
                          label == KR_TLP_CLEAR   ? "clear"
                          : label == KR_TLP_GREEN ? "green"
                                                  : "amber --to NAME");
    }
}

/* ---- the command ---- */

struct arguments {
    const char *label, *community, *kind, *title, *language, *severity, *expires, *reason, *charset;
    struct kr_texts to;
    bool is_exercise, is_forced, is_sure;
};

static bool take_arguments(struct submission *submission, const struct arguments *arguments)
{
    struct kr_app *app = submission->app;
    struct kr_submit *request = &submission->request;
    uint32_t *severity = &submission->plan.severity;
    if (arguments->label != NULL && kr_label_parse(arguments->label, strlen(arguments->label), &request->label) != KR_OK) {
        (void)kr_app_fail(app, KR_INVALID, _("there is no label \"%s\": clear, green or amber"), arguments->label);
        return false;
    }
    if (arguments->kind != NULL && strcmp(arguments->kind, "report") != 0 && strcmp(arguments->kind, "advisory") != 0) {
        (void)kr_app_fail(app, KR_INVALID, _("there is no kind \"%s\": report or advisory"), arguments->kind);
        return false;
    }
    if (arguments->expires != NULL && !kr_moment_parse(arguments->expires, true, &request->expires_s)) {
        (void)kr_app_fail(app, KR_INVALID, _("--%s takes a date (2026-11-25) or a span (7d)"), "expires");
        return false;
    }
    if (arguments->is_forced && (arguments->reason == NULL || arguments->reason[0] == 0)) {
        (void)kr_app_fail(app, KR_INVALID, _("--force needs --reason TEXT"));
        return false;
    }
    if (arguments->to.count > 0 && request->label != KR_TLP_AMBER && request->label != KR_TLP_NONE) {
        (void)kr_app_fail(app, KR_INVALID, _("--to is for TLP:AMBER: other labels reach whole communities or everyone"));
        return false;
    }
    while (arguments->severity != NULL && *severity <= KR_SEVERITY_MAX &&
           strcmp(kr_severity_name(*severity), arguments->severity) != 0) {
        ++*severity;
    }
    if (*severity > KR_SEVERITY_MAX) {
        (void)kr_app_fail(app, KR_INVALID, _("there is no severity \"%s\": none, low, medium, high or critical"),
                          arguments->severity);
        return false;
    }
    submission->plan.kind = arguments->kind != NULL && strcmp(arguments->kind, "advisory") == 0 ? KR_KIND_ADVISORY : KR_KIND_REPORT;
    request->kind = submission->plan.kind;
    request->flags = arguments->is_exercise ? KR_FLAG_EXERCISE : 0;
    request->is_forced = arguments->is_forced;
    if (arguments->reason != NULL) {
        request->reason = (struct kr_slice){(const uint8_t *)arguments->reason, strlen(arguments->reason)};
    }
    return true;
}

/* What the text says against what was asked for. */
static bool check_label(struct submission *submission)
{
    if (submission->request.label == KR_TLP_NONE) {
        propose_label(submission);
        return false;
    }
    if (submission->extract->label > submission->request.label && !submission->request.is_forced) {
        (void)kr_app_fail(submission->app, KR_DENIED,
                          _("the text says %s, and %s is wider: use its label, or --force with --reason if its author agreed"),
                          kr_label_name(submission->extract->label), kr_label_name(submission->request.label));
        return false;
    }
    return true;
}

static bool make_plan(struct submission *submission, const struct arguments *arguments)
{
    struct kr_plan *plan = &submission->plan;
    struct kr_extract *extract = submission->extract;
    struct kr_slice text = {(const uint8_t *)extract->text, extract->text_len};
    const char *language = arguments->language != NULL ? arguments->language : kr_guess_language(text);
    bool is_report = plan->kind == KR_KIND_REPORT;
    plan->items = extract->items;
    plan->item_count = is_report ? extract->item_count : 0;
    plan->language = (struct kr_slice){(const uint8_t *)language, strlen(language)};
    const char *title = arguments->title != NULL ? arguments->title : extract->title;
    plan->title = title[0] != 0 ? (struct kr_slice){(const uint8_t *)title, strlen(title)} : kr_first_line(text, 120);
    submission->text_left_out = text.len > KR_TEXT_BYTES_MAX;
    plan->text = submission->text_left_out ? (struct kr_slice){0} : text;
    if (plan->title.len > KR_TITLE_BYTES_MAX || plan->language.len > KR_LANGUAGE_BYTES_MAX ||
        (!is_report && text.len > KR_TEXT_BYTES_MAX)) {
        (void)kr_app_fail(submission->app, KR_BOUNDS, _("too long: a title has at most %u bytes, a text %u KiB"),
                          KR_TITLE_BYTES_MAX, KR_TEXT_BYTES_MAX / KR_KIB);
        return false;
    }
    if (is_report && plan->item_count == 0) {
        (void)kr_app_fail(submission->app, KR_NOT_FOUND,
                          _("no indicators were found in it. A text without any goes as --kind advisory"));
        return false;
    }
    randombytes_buf(plan->case_id, sizeof plan->case_id);
    enum kr_err err = kr_split(plan, &submission->parts, &submission->part_count);
    if (err == KR_OK) {
        submission->sendings = calloc(submission->part_count, sizeof *submission->sendings);
        err = submission->sendings == NULL ? KR_NOMEM : KR_OK;
    }
    for (uint32_t i = 0; err == KR_OK && i < submission->part_count; i++) {
        randombytes_buf(submission->sendings[i].token, sizeof submission->sendings[i].token);
    }
    if (err != KR_OK) {
        (void)kr_app_tell(submission->app, err, &(struct kr_error){.text = ""});
    }
    return err == KR_OK;
}

static bool find_audience(struct submission *submission, const struct arguments *arguments)
{
    struct kr_submit *request = &submission->request;
    if (request->label == KR_TLP_AMBER && arguments->to.count == 0) {
        (void)kr_app_fail(submission->app, KR_INVALID, _("TLP:AMBER goes to councils by name: add --to NAME; see kairan councils"));
        return false;
    }
    request->audience_count = arguments->to.count;
    if (arguments->to.count > 0 && !kr_app_find_councils(submission->app, &arguments->to, request->audience)) {
        return false;
    }
    request->has_community = arguments->community != NULL;
    return arguments->community == NULL || kr_app_find_community(submission->app, arguments->community, request->community);
}

/* Whether it may go. */
static bool look_and_ask(struct submission *submission)
{
    struct kr_error error = {0};
    bool asks = !submission->is_sure;
    if (asks && (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)) {
        (void)kr_app_fail(submission->app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return false;
    }
    if (!asks && (submission->part_count == 1 || submission->request.is_forced)) {
        return true; /* keeper looks at guards itself; a single record goes whole or not at all */
    }
    enum kr_err err = send_parts(submission, KR_OP_PREVIEW, take_preview, false, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(submission->app, err, &error);
        return false;
    }
    if (asks) {
        show_items(submission);
        show_reach(submission);
    }
    show_guarded(submission);
    if (submission->guarded_total > 0 && !submission->request.is_forced) {
        (void)kr_app_fail(submission->app, KR_GUARDED,
                          _("nothing was sent: leave the values above out, or add --force --reason TEXT if they are meant"));
        return false;
    }
    if (asks && !ask()) {
        (void)fputs(_("Nothing was sent.\n"), stderr);
        return false;
    }
    return true;
}

static int tell_done(const struct submission *submission)
{
    const struct kr_app *app = submission->app;
    if (app->is_json) {
        json_t *ids = json_array();
        for (uint32_t i = 0; i < submission->part_count; i++) {
            (void)json_array_append_new(ids, kr_json_id(submission->sendings[i].id, 32));
        }
        return kr_json_line(json_pack(
                   "{s:o, s:s, s:s, s:o, s:I, s:I, s:b}", "ids", ids, "label", kr_label_name(submission->request.label), "kind",
                   kr_kind_name(submission->request.kind), "title", kr_json_slice(submission->plan.title), "indicators",
                   (json_int_t)submission->plan.item_count, "left_out", (json_int_t)submission->extract->left_out, "exercise",
                   (submission->request.flags & KR_FLAG_EXERCISE) != 0))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    for (uint32_t i = 0; i < submission->part_count; i++) {
        kr_out_id(stdout, submission->sendings[i].id, 64);
        (void)fputc('\n', stdout);
    }
    if (isatty(STDERR_FILENO) == 1) {
        (void)fprintf(stderr,
                      _("Safe on disk and on its way. Indicators: %zu, records: %u. See: kairan explain %02x%02x%02x%02x\n"),
                      submission->plan.item_count, submission->part_count, submission->sendings[0].id[0],
                      submission->sendings[0].id[1], submission->sendings[0].id[2], submission->sendings[0].id[3]);
    }
    return KR_EXIT_DONE;
}

static int submit(struct submission *submission)
{
    struct kr_error error = {0};
    enum kr_err err = send_all(submission, &error);
    if (err == KR_OK) {
        return tell_done(submission);
    }
    uint32_t done = 0;
    for (uint32_t i = 0; i < submission->part_count; i++) {
        done += submission->sendings[i].is_done ? 1 : 0;
    }
    (void)kr_app_tell(submission->app, err, &error);
    if (done > 0) {
        (void)kr_app_fail(submission->app, err, _("%u of %u records were stored before that; see kairan ls"), done,
                          submission->part_count);
    }
    return KR_EXIT_ERROR;
}

int kr_run_submit(struct kr_app *app, int argc, char **argv)
{
    static struct submission submission;
    static struct arguments arguments;
    const struct kr_option options[] = {{.name = "label", .letter = 'l', .text = &arguments.label},
                                        {.name = "to", .texts = &arguments.to},
                                        {.name = "community", .text = &arguments.community},
                                        {.name = "kind", .text = &arguments.kind},
                                        {.name = "title", .text = &arguments.title},
                                        {.name = "language", .text = &arguments.language},
                                        {.name = "severity", .text = &arguments.severity},
                                        {.name = "expires", .text = &arguments.expires},
                                        {.name = "exercise", .flag = &arguments.is_exercise},
                                        {.name = "force", .flag = &arguments.is_forced},
                                        {.name = "reason", .text = &arguments.reason},
                                        {.name = "charset", .text = &arguments.charset},
                                        {.name = "yes", .letter = 'y', .flag = &arguments.is_sure}};
    struct kr_error error = {0};
    char *bytes = NULL;
    size_t len = 0;
    int rest, status = KR_EXIT_ERROR;
    memset(&submission, 0, sizeof submission);
    memset(&arguments, 0, sizeof arguments);
    submission.app = app;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest) ||
        !take_arguments(&submission, &arguments) || !read_input(app, argc - rest, argv + rest, &bytes, &len)) {
        return KR_EXIT_ERROR;
    }
    submission.is_sure = arguments.is_sure;
    const struct kr_extract_options how = {.charset = arguments.charset};
    enum kr_err err = kr_formats_extract(bytes, len, &how, &submission.extract, &error);
    if (err != KR_OK) {
        status = kr_app_tell(app, err, &error);
    } else if (check_label(&submission) && make_plan(&submission, &arguments) && kr_app_open(app) &&
               find_audience(&submission, &arguments) && look_and_ask(&submission)) {
        status = submit(&submission);
    }
    free(bytes);
    free(submission.parts);
    free(submission.sendings);
    free(submission.preview);
    free(submission.preview_bytes);
    kr_extract_free(submission.extract);
    return status;
}
