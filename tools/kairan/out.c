#include "tools/kairan/out.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool kr_out_has_colour(FILE *out)
{
    const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return (no == NULL || no[0] == 0) && terminal != NULL && strcmp(terminal, "dumb") != 0 && isatty(fileno(out)) == 1;
}

void kr_out_style(FILE *out, enum kr_style style)
{
    static const char *const codes[] = {"0", "1", "2", "32", "33", "31"};
    if (kr_out_has_colour(out)) {
        (void)fprintf(out, "\033[%sm", codes[style]);
    }
}

/* ---- text from elsewhere ---- */

/* The next character, or the byte with `*ret_len` 0 where it is none (RFC 3629, section 4). */
static uint32_t next_character(struct kr_slice text, size_t at, size_t *ret_len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t head = text.bytes[at];
    size_t len = head < 0x80 ? 1 : (head & 0xe0) == 0xc0 ? 2 : (head & 0xf0) == 0xe0 ? 3 : (head & 0xf8) == 0xf0 ? 4 : 0;
    uint32_t code = len == 1 ? head : len == 0 ? 0 : head & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (at + i >= text.len || (text.bytes[at + i] & 0xc0) != 0x80) {
            len = 0;
            break;
        }
        code = code << 6 | (text.bytes[at + i] & 0x3f);
    }
    if (len > 0 && (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))) {
        len = 0;
    }
    *ret_len = len;
    return len == 0 ? head : code;
}

static bool steers(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || (code >= 0x200e && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void kr_out_text(FILE *out, struct kr_slice text, bool lines)
{
    for (size_t at = 0, len; at<text.len; at += len> 0 ? len : 1) {
        uint32_t code = next_character(text, at, &len);
        if (len == 0 || (code <= 0xff && steers(code) && !(lines && (code == '\n' || code == '\t')))) {
            (void)fprintf(out, "\\x%02x", code);
        } else if (code > 0xff && steers(code)) {
            (void)fprintf(out, "\\u%04x", code);
        } else {
            (void)fwrite(text.bytes + at, 1, len, out);
        }
    }
}

void kr_out_string(FILE *out, const char *text)
{
    kr_out_text(out, (struct kr_slice){(const uint8_t *)text, strlen(text)}, false);
}

size_t kr_out_columns(struct kr_slice text)
{
    size_t columns = 0;
    for (size_t at = 0, len; at<text.len; at += len> 0 ? len : 1) {
        uint32_t code = next_character(text, at, &len);
        bool is_wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                       (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                       (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                       (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x3fffd); /* Unicode, UAX 11 */
        columns += len == 0 || (steers(code) && code <= 0xff) ? 4 : steers(code) ? 6 : is_wide ? 2 : 1;
    }
    return columns;
}

void kr_out_padded(FILE *out, struct kr_slice text, size_t columns)
{
    kr_out_text(out, text, false);
    for (size_t used = kr_out_columns(text); used < columns; used++) {
        (void)fputc(' ', out);
    }
}

/* ---- small things ---- */

void kr_hex(char *ret, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
    }
    ret[2 * len] = 0;
}

void kr_out_id(FILE *out, const uint8_t id[static 32], size_t digits)
{
    char hex[KR_HEX_ID_BYTES];
    kr_hex(hex, id, 32);
    (void)fprintf(out, "%.*s", (int)digits, hex);
}

void kr_out_digits(FILE *out, const uint8_t key[static 32])
{
    for (uint32_t i = 0; i < KR_OUT_DIGITS / 4; i++) {
        (void)fprintf(out, "%s%02x%02x", i > 0 ? " " : "", key[2 * i], key[2 * i + 1]);
    }
}

void kr_out_time(FILE *out, uint64_t unix_s)
{
    char text[32] = "-";
    struct tm parts;
    time_t when = (time_t)unix_s;
    if (unix_s != 0 && unix_s < KR_CREATED_MS_MAX / 1000 && localtime_r(&when, &parts) != NULL) {
        (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
    }
    (void)fputs(text, out);
}

void kr_moment_text(uint64_t unix_s, char *ret_text, size_t size)
{
    struct tm parts;
    const time_t when = (time_t)unix_s;
    const bool is_known = unix_s < KR_CREATED_MS_MAX / 1000 && localtime_r(&when, &parts) != NULL;
    if (!is_known || strftime(ret_text, size, "%Y-%m-%d %H:%M %Z (%z)", &parts) == 0) {
        (void)snprintf(ret_text, size, "-");
    }
}

void kr_out_moment(FILE *out, uint64_t unix_s)
{
    char text[48];
    kr_moment_text(unix_s, text, sizeof text);
    (void)fputs(text, out);
}

void kr_out_bytes(FILE *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof units[0]; unit++) {
        value /= 1024;
    }
    (void)fprintf(out, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

void kr_out_label(FILE *out, uint32_t label)
{
    const char *name = kr_label_name((enum kr_label)label);
    kr_out_style(out, label == KR_TLP_GREEN                                   ? KR_STYLE_GREEN
                      : label == KR_TLP_AMBER || label == KR_TLP_AMBER_STRICT ? KR_STYLE_AMBER
                      : label == KR_TLP_RED                                   ? KR_STYLE_RED
                                                                              : KR_STYLE_BOLD);
    (void)fputs(name[0] != 0 ? name : "TLP:?", out);
    kr_out_style(out, KR_STYLE_NONE);
}

const char *kr_severity_name(uint32_t severity)
{
    static const char *const names[] = {"none", "low", "medium", "high", "critical"};
    return severity <= KR_SEVERITY_MAX ? names[severity] : "unknown";
}

const char *kr_severity_text(uint32_t severity)
{
    static const char *const texts[] = {N_("not stated"), N_("low"), N_("medium"), N_("high"), N_("critical")};
    return severity <= KR_SEVERITY_MAX ? _(texts[severity]) : _("unknown");
}

const char *kr_reason_text(struct kr_slice name)
{
    static const struct {
        const char *name, *text;
    } reasons[] = {
        {"allow-author", N_("wrote it")},
        {"allow-addressed", N_("is addressed")},
        {"allow-member", N_("is a member of the community")},
        {"allow-anyone", N_("it is for everyone")},
        {"allow-relay", N_("passes it on sealed, cannot read it")},
        {"allow-directory", N_("belongs to the directory")},
        {"deny-not-addressed", N_("is not addressed")},
        {"deny-not-member", N_("is not a member of the community")},
        {"deny-ciphertext-only", N_("holds it sealed only")},
        {"deny-persons-only", N_("is for persons by name only")},
        {"deny-label", N_("the label does not allow it")},
        {"deny-exercise", N_("belongs to an exercise")},
        {"deny-expired", N_("has expired")},
        {"deny-retracted", N_("was retracted")},
        {"deny-untrusted-author", N_("its author is not trusted yet")},
        {"deny-unlabelled", N_("has no label")},
        {"deny-pending", N_("the link with it is not confirmed by both operators yet")},
        {"deny-internal", N_("never leaves its council")},
        {"deny-names", N_("names of bodies go no further than their community")},
        {"deny-before", N_("was no member of the community yet when it was written")},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strlen(reasons[i].name) == name.len && memcmp(reasons[i].name, name.bytes, name.len) == 0) {
            return _(reasons[i].text);
        }
    }
    return _("for a reason that this version does not know");
}

void kr_out_summary(FILE *out, const struct kr_summary *summary)
{
    kr_out_id(out, summary->id, 12);
    (void)fputs("  ", out);
    kr_out_time(out, summary->created_ms / 1000);
    (void)fputs("  ", out);
    kr_out_label(out, summary->label);
    (void)fprintf(out, "  %s  ", kr_kind_name(summary->kind));
    kr_out_text(out, summary->author_name, false);
    if ((summary->flags & KR_FLAG_EXERCISE) != 0) {
        (void)fputs("  ", out);
        kr_out_style(out, KR_STYLE_RED);
        (void)fputs(_("[EXERCISE]"), out);
        kr_out_style(out, KR_STYLE_NONE);
    }
    (void)fputs("\n    ", out);
    kr_out_text(out, summary->title, false);
    if (summary->target.len == 32) {
        (void)fprintf(out, "  (%s ", summary->kind == KR_KIND_SIGHTING ? _("of") : _("takes back"));
        kr_out_id(out, summary->target.bytes, 12);
        (void)fputc(')', out);
    }
    if (summary->indicator_count > 0) {
        (void)fprintf(out, _("  (indicators: %u)"), summary->indicator_count);
    }
    if (summary->taken != KR_TAKEN_NOT) {
        (void)fputs("  ", out);
        kr_out_style(out, KR_STYLE_RED);
        (void)fputs(summary->taken == KR_TAKEN_WAITS     ? _("[taken back, waits for your word: kairan retractions]")
                    : summary->taken == KR_TAKEN_REVISED ? _("[another stands in its place]")
                    : summary->taken == KR_TAKEN_FALSE   ? _("[FALSE: a stolen key signed it]")
                                                         : _("[taken back]"),
                    out);
        kr_out_style(out, KR_STYLE_NONE);
    }
    (void)fputc('\n', out);
}

/* ---- JSON ---- */

json_t *kr_json_slice(struct kr_slice text)
{
    return json_stringn(text.len > 0 ? (const char *)text.bytes : "", text.len);
}

json_t *kr_json_id(const uint8_t *bytes, size_t len)
{
    char hex[KR_HEX_ID_BYTES];
    kr_hex(hex, bytes, len <= 32 ? len : 32);
    return json_string(hex);
}

json_t *kr_json_time(uint64_t unix_ms)
{
    char text[40] = "";
    struct tm parts;
    time_t when = (time_t)(unix_ms / 1000);
    if (unix_ms == 0 || unix_ms > KR_CREATED_MS_MAX || gmtime_r(&when, &parts) == NULL) {
        return json_null();
    }
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + len, sizeof text - len, ".%03uZ", (unsigned)(unix_ms % 1000));
    return json_string(text);
}

const char *kr_taken_name(uint32_t state)
{
    static const char *const names[] = {"stands", "waits", "retracted", "revised", "false"};
    return state <= KR_TAKEN_FALSE ? names[state] : "unknown";
}

json_t *kr_json_summary(const struct kr_summary *summary)
{
    return json_pack(
        "{s:o, s:o, s:o, s:s, s:s, s:b, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:s}", "id", kr_json_id(summary->id, 32), "author",
        kr_json_id(summary->author, 32), "author_name", kr_json_slice(summary->author_name), "kind", kr_kind_name(summary->kind),
        "label", kr_label_name((enum kr_label)summary->label), "exercise", (summary->flags & KR_FLAG_EXERCISE) != 0, "severity",
        kr_severity_name(summary->severity), "indicators", (json_int_t)summary->indicator_count, "created",
        kr_json_time(summary->created_ms), "received", kr_json_time(summary->received_ms), "expires",
        kr_json_time(summary->expires_s <= KR_CREATED_MS_MAX / 1000 ? summary->expires_s * 1000 : 0), "title",
        kr_json_slice(summary->title), "target", summary->target.len == 32 ? kr_json_id(summary->target.bytes, 32) : json_null(),
        "state", kr_taken_name(summary->taken));
}

json_t *kr_json_indicator(const struct kr_report_indicator *indicator)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    if (kr_indicator_print(indicator->type, indicator->value.bytes, indicator->value.len, print, sizeof print) != KR_OK) {
        print[0] = 0;
    }
    return json_pack("{s:s, s:s, s:o}", "type", kr_indicator_type_name(indicator->type), "value", print, "note",
                     kr_json_slice(indicator->note));
}

void kr_out_host(FILE *out, struct kr_slice host_name)
{
    if (host_name.len > 0) {
        (void)fprintf(out, ", %s ", _("its machine is run by"));
        kr_out_text(out, host_name, false);
    }
}

json_t *kr_json_reach(const struct kr_reach *reach, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:o, s:b, s:b, s:b, s:o, s:o}", "council", kr_json_id(reach[i].council, 32),
                                              "name", kr_json_slice(reach[i].name), "may_hold", reach[i].may_hold, "may_read",
                                              reach[i].may_read, "linked", reach[i].is_linked, "reason",
                                              kr_json_slice(reach[i].reason_name), "host", kr_json_slice(reach[i].host_name)));
    }
    return list;
}

bool kr_json_line(json_t *object)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text == NULL) {
        (void)fputs("kairan: no memory for the answer\n", stderr);
        return false;
    }
    struct kr_slice rest = {(const uint8_t *)text, strlen(text)};
    /* jansson escapes C0; what else steers a terminal can only stand inside strings. */
    for (size_t at = 0, len; at<rest.len; at += len> 0 ? len : 1) {
        uint32_t code = next_character(rest, at, &len);
        if (len > 0 && steers(code)) {
            (void)printf("\\u%04x", code);
        } else {
            (void)fwrite(text + at, 1, len > 0 ? len : 1, stdout);
        }
    }
    free(text);
    return fputc('\n', stdout) != EOF && fflush(stdout) == 0;
}
