#include "tools/formats/formats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/collect.h"
#include "tools/formats/fold.h"
#include "tools/formats/mail.h"
#include "tools/formats/own.h"
#include "tools/formats/scan.h"

/* Quoted-printable breaks lines here (RFC 2045 section 6.7); other lines that end in '=' just do. */
#define SOFT_BREAK_MIN 70u
#define SOFT_BREAK_MAX 76u

static bool begins_url(const char *text, size_t len)
{
    return len >= 8 && (text[0] | 0x20) == 'h' && memchr(text, ':', 8) != NULL;
}

/* Whether the line break at `end` is a soft one: quoted-printable, or within the angle brackets around a URL (RFC 3986 appendix C).
 */
static bool is_soft_break(const char *text, size_t start, size_t end, size_t len, bool *ret_equals)
{
    size_t stop = end;
    const char *next = text + end + 1;
    const size_t left = len - end - 1;
    if (stop > start && text[stop - 1] == '\r') {
        stop--;
    }
    const size_t line = stop - start;
    const bool equals = line >= SOFT_BREAK_MIN && line <= SOFT_BREAK_MAX && text[stop - 1] == '=' && text[stop - 2] != ' ' &&
                        text[stop - 2] != '=' && left > 0 && *next > ' ' && !begins_url(next, left);
    bool bracket = false;
    const char *open = equals || line == 0 ? NULL : memrchr(text + start, '<', line);
    if (open != NULL && memmem(open, (size_t)(text + stop - open), "://", 3) != NULL) {
        const size_t rest = (size_t)(text + stop - open), look = left < 200 ? left : 200;
        const char *close = memchr(next, '>', look), *feed = memchr(next, '\n', look);
        bracket =
            memchr(open, '>', rest) == NULL && memchr(open, ' ', rest) == NULL && close != NULL && (feed == NULL || close < feed);
    }
    *ret_equals = equals;
    return equals || bracket;
}

/* The end of the logical line at `start`: soft breaks do not end it, and what is too long ends at a blank. */
static size_t logical_end(const char *text, size_t start, size_t len, bool *ret_equals)
{
    size_t end = start;
    bool more = true, equals = false;
    *ret_equals = false;
    for (size_t line = start; more; line = end + 1) {
        const char *feed = line < len ? memchr(text + line, '\n', len - line) : NULL;
        end = feed != NULL ? (size_t)(feed - text) : len;
        more = end < len && end - start < KR_FOLD_BYTES_MAX / 2 && is_soft_break(text, line, end, len, &equals);
        *ret_equals = *ret_equals || (more && equals);
    }
    if (end - start > KR_FOLD_BYTES_MAX) {
        end = start + kr_collect_cut(text + start, end - start, KR_FOLD_BYTES_MAX);
        size_t blank = end;
        while (blank > start + KR_FOLD_BYTES_MAX / 2 && text[blank - 1] != ' ' && text[blank - 1] != '\t' &&
               text[blank - 1] != ',') {
            blank--;
        }
        end = blank > start + KR_FOLD_BYTES_MAX / 2 ? blank : end;
    }
    return end;
}

static enum kr_err search(struct kr_collect *collect, const char *text, size_t len)
{
    struct kr_fold *fold = malloc(sizeof *fold);
    struct kr_own *own = malloc(sizeof *own);
    struct kr_scan scan = {.fold = fold, .context = collect, .found = kr_collect_found, .labelled = kr_collect_label};
    if (fold == NULL || own == NULL) {
        collect->err = KR_NOMEM;
        goto out;
    }
    kr_own_init(own, text, len);
    for (size_t start = 0; start < len && collect->err == KR_OK && !collect->result->more;) {
        bool equals;
        const size_t end = logical_end(text, start, len, &equals);
        kr_fold_line(fold, text + start, end - start, equals);
        collect->piece = start;
        collect->piece_end = end;
        collect->mine = !collect->headers && kr_own_line(own, start, end, fold);
        kr_scan_line(&scan);
        start = end + (end < len && text[end] == '\n');
    }
out:
    free(own);
    free(fold);
    return collect->err;
}

/* "[TLP:AMBER] title" without what stands in the brackets: the label is shown, and changed, elsewhere. */
static void set_title(struct kr_extract *result, const char *subject)
{
    static const struct {
        const char *open, *close;
    } brackets[] = {{"[", "]"}, {"【", "】"}, {"(", ")"}, {"<", ">"}, {"［", "］"}, {"（", "）"}};
    for (size_t b = 0; b < sizeof brackets / sizeof brackets[0]; b++) {
        const size_t open = strlen(brackets[b].open);
        const char *close = strncmp(subject, brackets[b].open, open) == 0 ? strstr(subject, brackets[b].close) : NULL;
        enum kr_label label;
        if (close != NULL && kr_label_parse(subject + open, (size_t)(close - subject) - open, &label) == KR_OK) {
            subject = close + strlen(brackets[b].close);
            subject += strspn(subject, " \t");
        }
    }
    const size_t len = kr_collect_cut(subject, strlen(subject), KR_TITLE_BYTES_MAX);
    memcpy(result->title, subject, len);
    result->title[len] = 0;
}

/* The subject's label counts; its names stand in the text too, or are the sender's. */
static enum kr_err search_subject(struct kr_collect *collect, const char *subject)
{
    collect->only_labels = true;
    enum kr_err err = search(collect, subject, strlen(subject));
    collect->only_labels = false;
    return err;
}

static enum kr_err search_headers(struct kr_collect *collect, const struct kr_mail *mail)
{
    collect->headers = true;
    enum kr_err err = search(collect, mail->addresses, strlen(mail->addresses));
    kr_collect_end_headers(collect);
    return err == KR_OK ? search_subject(collect, mail->subject) : err;
}

/* What the text is, and what the mail says beside it. `*ret_mail` where it is one. */
static enum kr_err read_text(struct kr_extract *result, const void *bytes, size_t len, const struct kr_extract_options *options,
                             struct kr_mail **ret_mail, struct kr_error *error)
{
    const bool is_mail = options->format == KR_FORMAT_MAIL || (options->format == KR_FORMAT_ANY && kr_mail_is_mail(bytes, len));
    result->format = is_mail ? KR_FORMAT_MAIL : KR_FORMAT_TEXT;
    if (!is_mail) {
        return kr_charset_to_utf8(bytes, len, options->charset, &result->text, &result->text_len, result->charset, error);
    }
    struct kr_mail *mail = NULL;
    enum kr_err err = kr_mail_read(bytes, len, &mail, error);
    if (err == KR_OK) {
        set_title(result, mail->subject);
        (void)snprintf(result->charset, sizeof result->charset, "%s", mail->charset);
        result->text = mail->text;
        result->text_len = mail->text_len;
        result->attachments = mail->attachments;
        result->attachment_count = mail->attachment_count;
        mail->text = NULL;
        mail->attachments = NULL;
        mail->attachment_count = 0;
        *ret_mail = mail;
    }
    return err;
}

/* The result and what it points into: kr_extract_free needs both. */
struct owned {
    struct kr_extract extract; /* the first member */
    struct kr_found *items;
    struct kr_values *values;
};

enum kr_err kr_formats_extract(const void *bytes, size_t len, const struct kr_extract_options *options, struct kr_extract **ret,
                               struct kr_error *error)
{
    static const struct kr_extract_options defaults = {.format = KR_FORMAT_ANY};
    enum kr_err err = KR_OK;
    struct owned *owned = calloc(1, sizeof *owned);
    struct kr_collect collect = {.result = NULL};
    struct kr_mail *mail = NULL;

    options = options != NULL ? options : &defaults;
    if (owned == NULL) {
        err = KR_NOMEM;
        goto out;
    }
    if (len > KR_FORMATS_BYTES_MAX) {
        err = kr_fail(error, KR_BOUNDS, "at most %u MiB at a time", KR_FORMATS_BYTES_MAX / KR_MIB);
        goto out;
    }
    struct kr_extract *result = &owned->extract;
    err = read_text(result, bytes, len, options, &mail, error);
    if (err == KR_OK) {
        err = kr_collect_init(&collect, result, options, result->text_len, mail != NULL ? strlen(mail->addresses) : 0);
    }
    if (err == KR_OK && mail != NULL) {
        err = search_headers(&collect, mail);
    }
    if (err == KR_OK && options->on_items != NULL) {
        err = options->on_items(options->context, result);
    }
    if (err == KR_OK) {
        err = search(&collect, result->text, result->text_len);
    }
    owned->items = collect.items;
    owned->values = collect.values;
    if (err == KR_OK) {
        *ret = result;
        owned = NULL;
    }
out:
    kr_collect_end(&collect);
    kr_mail_free(mail);
    kr_extract_free(owned != NULL ? &owned->extract : NULL);
    return err;
}

void kr_extract_free(struct kr_extract *extract)
{
    if (extract != NULL) {
        struct owned *owned = (struct owned *)extract;
        for (size_t i = 0; i < extract->attachment_count; i++) {
            free(extract->attachments[i].name);
            free(extract->attachments[i].type);
        }
        free(extract->attachments);
        free(extract->text);
        kr_collect_free(owned->items, owned->values);
        free(owned);
    }
}
