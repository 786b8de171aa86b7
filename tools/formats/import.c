#include "tools/formats/import.h"

#include <stdlib.h>
#include <string.h>

#include "tools/formats/csv.h"
#include "tools/formats/mail.h"

/* One row for each format that is read; mail and text share a reader. */
static const struct {
    enum kr_import_format format;
    const char *name;
    kr_import_reader *read;
} readers[] = {
    {KR_IMPORT_TEXT, "text", kr_import_text}, {KR_IMPORT_MAIL, "mail", kr_import_text}, {KR_IMPORT_CSV, "csv", kr_import_csv},
    {KR_IMPORT_STIX, "stix", kr_import_stix}, {KR_IMPORT_MISP, "misp", kr_import_misp},
};

static const char *const reason_names[] = {
#define X(name, label, text) label,
    KR_IMPORT_REASONS(X)
#undef X
};
static const char *const reason_texts[] = {
#define X(name, label, text) text,
    KR_IMPORT_REASONS(X)
#undef X
};

const char *kr_import_reason_name(enum kr_import_reason reason)
{
    KR_ASSERT(reason < KR_IMPORT_REASON_COUNT);
    return reason_names[reason];
}

const char *kr_import_reason_text(enum kr_import_reason reason)
{
    KR_ASSERT(reason < KR_IMPORT_REASON_COUNT);
    return reason_texts[reason];
}

const char *kr_import_format_name(enum kr_import_format format)
{
    const char *name = "any";
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        name = readers[i].format == format ? readers[i].name : name;
    }
    return name;
}

enum kr_err kr_import_format_parse(const char *text, enum kr_import_format *ret_format)
{
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        if (strcmp(readers[i].name, text) == 0) {
            *ret_format = readers[i].format;
            return KR_OK;
        }
    }
    return KR_INVALID;
}

/* ---- which format ---- */

static bool has(struct kr_slice head, const char *text)
{
    return memmem(head.bytes, head.len, text, strlen(text)) != NULL;
}

static bool begins(struct kr_slice head, const char *magic, size_t len)
{
    return head.len >= len && memcmp(head.bytes, magic, len) == 0;
}

static enum kr_err refuse_package(struct kr_slice head, struct kr_error *error)
{
    if (has(head, "xl/") || has(head, "[Content_Types].xml")) {
        return kr_fail(error, KR_INVALID,
                       "this is an Office document: save the sheet as \"CSV UTF-8\", or the text as plain text, and import that");
    }
    return kr_fail(error, KR_INVALID, "this is a ZIP archive: unpack it, and import the files that are meant");
}

/* What people try, and what to do about it. */
static enum kr_err refuse_known(struct kr_slice head, struct kr_error *error)
{
    if (begins(head, "PK\3\4", 4)) {
        return refuse_package(head, error);
    }
    if (begins(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8)) {
        return kr_fail(error, KR_INVALID,
                       "this is an Outlook message or an old Office document: save a message as .eml or text, a sheet as CSV, and "
                       "import that");
    }
    if (begins(head, "%PDF-", 5)) {
        return kr_fail(error, KR_INVALID, "this is a PDF: copy its text into a text file (pdftotext does it), and import that");
    }
    if (begins(head, "\x1f\x8b", 2) || begins(head, "\x28\xb5\x2f\xfd", 4) ||
        begins(head,
               "\xfd"
               "7zXZ",
               5) ||
        begins(head, "BZh", 3) || begins(head, "7z\xbc\xaf", 4) || begins(head, "Rar!", 4)) {
        return kr_fail(error, KR_INVALID,
                       "this is compressed: unpack it first (zcat, zstdcat or xzcat FILE | kairan import -), and import that");
    }
    if (begins(head,
               "\x7f"
               "ELF",
               4) ||
        begins(head, "MZ\x90", 3) || begins(head, "\x89PNG", 4) || begins(head, "\xff\xd8\xff", 3)) {
        return kr_fail(error, KR_INVALID, "this is a program or a picture, and no list of indicators");
    }
    return KR_OK;
}

/* Bytes that no text has, more than a few of them: a file of a program that is not known by its beginning. UTF-16 has NUL bytes by
 * rights. */
static bool is_binary(struct kr_slice head)
{
    size_t odd = 0;
    for (size_t i = 0; i < head.len; i++) {
        const uint8_t c = head.bytes[i];
        odd += c < ' ' && !(c >= '\t' && c <= '\r') && c != 0x1a && c != 0x1b;
    }
    return odd > 8 && odd > head.len / 50 && strncmp(kr_charset_detect(head.bytes, head.len), "UTF-16", 6) != 0;
}

static size_t skip_blanks(struct kr_slice head, size_t at)
{
    while (at < head.len && (head.bytes[at] == ' ' || (head.bytes[at] >= '\t' && head.bytes[at] <= '\r'))) {
        at++;
    }
    return at;
}

/* An object or an array of something: "[TLP:AMBER]" and "{.}" are text. */
static bool is_json(struct kr_slice head)
{
    const size_t first = skip_blanks(head, begins(head, "\xef\xbb\xbf", 3) ? 3 : 0);
    const size_t second = skip_blanks(head, first + 1);
    if (first >= head.len || second >= head.len) {
        return false;
    }
    const uint8_t inside = head.bytes[second];
    return (head.bytes[first] == '{' && (inside == '"' || inside == '}')) || (head.bytes[first] == '[' && inside == '{');
}

/* JSON that is neither is searched like any text. */
static enum kr_import_format detect_json(struct kr_slice head)
{
    static const char *const of_misp[] = {"\"Event\"", "\"Attribute\"", "\"orgc_id\"", "\"Orgc\""};
    static const char *const of_stix[] = {"\"objects\"", "\"spec_version\"", "\"bundle--", "\"indicator--"};
    for (size_t i = 0; i < sizeof of_misp / sizeof of_misp[0]; i++) {
        if (has(head, of_misp[i])) {
            return KR_IMPORT_MISP;
        }
    }
    for (size_t i = 0; i < sizeof of_stix / sizeof of_stix[0]; i++) {
        if (has(head, of_stix[i])) {
            return KR_IMPORT_STIX;
        }
    }
    return KR_IMPORT_TEXT;
}

enum kr_err kr_import_detect(struct kr_slice head, enum kr_import_format *ret_format, struct kr_error *error)
{
    enum kr_err err = refuse_known(head, error);
    if (err == KR_OK && is_binary(head)) {
        err = kr_fail(error, KR_INVALID, "this is no text, but a program's file: export it as text or CSV there, and import that");
    }
    if (err == KR_OK) {
        *ret_format = is_json(head)                           ? detect_json(head)
                      : kr_mail_is_mail(head.bytes, head.len) ? KR_IMPORT_MAIL
                      : kr_csv_looks(head)                    ? KR_IMPORT_CSV
                                                              : KR_IMPORT_TEXT;
    }
    return err;
}

/* ---- reading ---- */

enum kr_err kr_import_detect_source(const struct kr_import_source *source, enum kr_import_format *ret_format,
                                    struct kr_error *error)
{
    uint8_t *head = malloc(KR_IMPORT_HEAD_BYTES);
    size_t len = 0;
    enum kr_err err = head == NULL ? KR_NOMEM : source->read(source->context, 0, head, KR_IMPORT_HEAD_BYTES, &len, error);
    if (err == KR_OK) {
        err = kr_import_detect((struct kr_slice){head, len}, ret_format, error);
    }
    free(head);
    return err;
}

enum kr_err kr_import_read(const struct kr_import_source *source, const struct kr_import_options *options,
                           const struct kr_import_sink *sink, struct kr_error *error)
{
    struct kr_import_options known = *options;
    enum kr_err err = known.format == KR_IMPORT_ANY ? kr_import_detect_source(source, &known.format, error) : KR_OK;
    if (err != KR_OK) {
        return err;
    }
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        if (readers[i].format == known.format) {
            return readers[i].read(source, &known, sink, error);
        }
    }
    return kr_fail(error, KR_VERSION, "this version does not read that format yet: a text with --format text can be searched");
}
