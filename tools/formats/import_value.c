/* Single values as lists write them: spellings, dates, masks. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/formats/collect.h"
#include "tools/formats/fold.h"
#include "tools/formats/import.h"
#include "tools/formats/names.h"
#include "tools/formats/scan.h"

/* ---- masked names ---- */

/* A label or an octet that is nothing but the letter: XXXX.com, 203.0.113.xxx. There are real names xxx.com. */
static bool is_crossed_out(struct kr_slice text)
{
    const bool is_address = text.len > 0 && text.bytes[0] >= '0' && text.bytes[0] <= '9';
    for (size_t i = 0; i < text.len;) {
        size_t end = i;
        while (end < text.len && (text.bytes[end] == 'X' || (is_address && text.bytes[end] == 'x'))) {
            end++;
        }
        const bool begins = i == 0 || text.bytes[i - 1] == '.' || text.bytes[i - 1] == '/' || text.bytes[i - 1] == '@';
        if (end - i >= 2 && begins && (end == text.len || text.bytes[end] == '.' || text.bytes[end] == '/')) {
            return true;
        }
        i = end > i ? end : i + 1;
    }
    return false;
}

/* Nothing in it can hide anything: nearly all values. */
static bool is_open(struct kr_slice text)
{
    uint8_t all = 0;
    for (size_t i = 0; i < text.len; i++) {
        all |= text.bytes[i];
    }
    return all < 0x80 &&
           (text.len == 0 || (memchr(text.bytes, '*', text.len) == NULL && memchr(text.bytes, 'X', text.len) == NULL &&
                              memmem(text.bytes, text.len, "xx", 2) == NULL));
}

bool kr_import_is_masked(struct kr_slice text)
{
    size_t len = 1, stars = 0;
    if (is_open(text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += len) {
        const enum kr_char kind = kr_scan_char(text.bytes + i, text.len - i, &len);
        stars = text.bytes[i] == '*' ? stars + 1 : 0;
        if (stars >= 2 || (kind == KR_CHAR_MASK && text.bytes[i] != '*')) {
            return true;
        }
    }
    return is_crossed_out(text);
}

/* ---- values ---- */

struct kr_slice kr_trim(struct kr_slice text)
{
    while (text.len > 0 && text.bytes[0] <= ' ') {
        text.bytes++;
        text.len--;
    }
    while (text.len > 0 && text.bytes[text.len - 1] <= ' ') {
        text.len--;
    }
    return text;
}

static bool parse(uint32_t type, const char *text, size_t len, struct kr_indicator *ret, bool *ret_guessed)
{
    static const char scheme[] = "http://";
    char url[KR_INDICATOR_BYTES_MAX];
    *ret_guessed = false;
    if (kr_indicator_parse(type, text, len, ret, NULL) == KR_OK) {
        return true;
    }
    if (len > 2 && memcmp(text, "*.", 2) == 0 && (type == KR_INDICATOR_ANY || type == KR_INDICATOR_DOMAIN)) {
        return kr_indicator_parse(KR_INDICATOR_DOMAIN, text + 2, len - 2, ret, NULL) ==
               KR_OK; /* a name stands for those below it */
    }
    const char *slash = memchr(text, '/', len);
    const bool lacks_scheme = slash != NULL ? slash > text && slash[-1] != ':' : type == KR_INDICATOR_URL;
    if ((type == KR_INDICATOR_ANY || type == KR_INDICATOR_URL) && lacks_scheme && len + sizeof scheme <= sizeof url &&
        memchr(text, '.', slash != NULL ? (size_t)(slash - text) : len) != NULL) {
        memcpy(url, scheme, sizeof scheme - 1);
        memcpy(url + sizeof scheme - 1, text, len);
        *ret_guessed = true;
        return kr_indicator_parse(KR_INDICATOR_URL, url, len + sizeof scheme - 1, ret, NULL) == KR_OK;
    }
    return false;
}

/* Undoes what keeps people from following a value: full-width forms, brackets, hxxp. */
static bool parse_defanged(uint32_t type, struct kr_slice text, struct kr_indicator *ret, bool *ret_guessed)
{
    struct kr_fold *fold = text.len <= KR_FOLD_BYTES_MAX ? malloc(sizeof *fold) : NULL;
    bool is_one = false;
    if (fold != NULL) {
        kr_fold_line(fold, (const char *)text.bytes, text.len, false);
        const struct kr_slice folded = kr_trim((struct kr_slice){fold->text, fold->len});
        char *plain = (char *)fold->text + (folded.bytes - fold->text);
        if (folded.len > 4 && strncasecmp(plain, "hxxp", 4) == 0) {
            plain[1] = plain[2] = 't';
        } else if (folded.len > 3 && strncasecmp(plain, "fxp:", 4) == 0) {
            plain[1] = 't';
        }
        is_one = parse(type, plain, folded.len, ret, ret_guessed);
    }
    free(fold);
    return is_one;
}

static bool may_be_defanged(struct kr_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] >= 0x80 || strchr("[](){}<>\\ ", text.bytes[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* "hxxp" is a scheme like any other to whoever does not know. */
static bool has_hidden_scheme(uint32_t type, struct kr_slice text)
{
    return (type == KR_INDICATOR_ANY || type == KR_INDICATOR_URL) && text.len > 4 &&
           (strncasecmp((const char *)text.bytes, "hxxp", 4) == 0 || strncasecmp((const char *)text.bytes, "fxp:", 4) == 0);
}

/* Lists without types name files, too; a name that was defanged is a host all the same. */
static bool is_file(struct kr_slice text, const struct kr_indicator *indicator)
{
    const uint8_t *dot = text.len > 0 ? memrchr(text.bytes, '.', text.len) : NULL;
    if (dot == NULL || indicator->type != KR_INDICATOR_DOMAIN || memchr(text.bytes, '[', text.len) != NULL) {
        return false;
    }
    const size_t len = (size_t)(text.bytes + text.len - dot) - 1;
    return kr_names_is_extension(dot + 1, len) && !kr_names_is_top_level(dot + 1, len);
}

bool kr_import_parse(uint32_t type, struct kr_slice text, struct kr_indicator *ret, bool *ret_guessed)
{
    text = kr_trim(text);
    if (text.len == 0) {
        return false;
    }
    if (has_hidden_scheme(type, text)) {
        return parse_defanged(type, text, ret, ret_guessed);
    }
    bool is_one = parse(type, (const char *)text.bytes, text.len, ret, ret_guessed);
    if (is_one && type == KR_INDICATOR_ANY && is_file(text, ret)) {
        return kr_indicator_parse(KR_INDICATOR_FILENAME, (const char *)text.bytes, text.len, ret, NULL) == KR_OK;
    }
    return is_one || (may_be_defanged(text) && parse_defanged(type, text, ret, ret_guessed));
}

static uint32_t action_of(uint32_t action, uint32_t type)
{
    const uint32_t fit = kr_action_by_type(type);
    return action != KR_IMPORT_ACTION_FIT ? action : fit > KR_ACTION_DETECT ? fit : KR_ACTION_DETECT;
}

static enum kr_err hand_over(const struct kr_import_sink *sink, struct kr_import_item *item, const struct kr_indicator *indicator)
{
    const uint32_t action = item->action;
    item->type = indicator->type;
    item->value = (struct kr_slice){indicator->value, indicator->len};
    item->action = action_of(action, item->type);
    enum kr_err err = sink->on_item(sink->context, item);
    item->value = (struct kr_slice){0};
    item->action = action;
    return err;
}

static enum kr_err tell(const struct kr_import_sink *sink, const struct kr_import_item *item, enum kr_import_reason reason,
                        bool is_kept, struct kr_slice what, const char *detail)
{
    const struct kr_import_skip skip = {.reason = reason, .is_kept = is_kept, .what = what, .detail = detail, .place = item->place};
    return sink->on_skip(sink->context, &skip);
}

enum kr_err kr_import_value(const struct kr_import_sink *sink, struct kr_import_item *item, struct kr_slice text)
{
    struct kr_indicator indicator;
    struct kr_error error = {.text = ""};
    text = kr_trim(text);
    if (text.len == 0) {
        return tell(sink, item, KR_IMPORT_REASON_EMPTY, false, text, "");
    }
    const bool is_name = item->type <= KR_INDICATOR_EMAIL; /* or may be one */
    if (kr_import_parse(item->type, text, &indicator, &item->guessed) && !(is_name && kr_import_is_masked(text))) {
        return hand_over(sink, item, &indicator);
    }
    if (kr_import_is_masked(text)) {
        return tell(sink, item, KR_IMPORT_REASON_MASKED, false, text, "");
    }
    if (text.len > KR_INDICATOR_BYTES_MAX) {
        return tell(sink, item, KR_IMPORT_REASON_TOO_LARGE, false, text, "");
    }
    if (kr_indicator_parse(item->type, (const char *)text.bytes, text.len, &indicator, &error) == KR_OK) {
        error.text[0] = 0;
    }
    return tell(sink, item, KR_IMPORT_REASON_BAD_VALUE, false, text, error.text);
}

enum kr_err kr_import_pattern(const struct kr_import_sink *sink, struct kr_import_item *item, struct kr_slice pattern)
{
    struct kr_indicator indicator;
    struct kr_error error = {.text = ""};
    pattern = kr_trim(pattern);
    const size_t fitting = kr_collect_cut((const char *)pattern.bytes, pattern.len, KR_INDICATOR_BYTES_MAX);
    item->type = KR_INDICATOR_OTHER;
    if (kr_indicator_parse(KR_INDICATOR_OTHER, (const char *)pattern.bytes, fitting, &indicator, &error) != KR_OK) {
        return tell(sink, item, pattern.len == 0 ? KR_IMPORT_REASON_EMPTY : KR_IMPORT_REASON_BAD_VALUE, false, pattern, error.text);
    }
    enum kr_err err = tell(sink, item, KR_IMPORT_REASON_PATTERN, true, pattern,
                           fitting < pattern.len ? "only its beginning is kept: it is too long" : "");
    return err == KR_OK ? hand_over(sink, item, &indicator) : err;
}

/* ---- dates ---- */

struct scanner {
    const uint8_t *at, *end;
};

static bool number(struct scanner *scanner, unsigned digits_min, unsigned digits_max, uint32_t max, uint32_t *ret)
{
    uint32_t value = 0;
    unsigned digits = 0;
    while (scanner->at < scanner->end && digits < digits_max && *scanner->at >= '0' && *scanner->at <= '9') {
        value = value * 10 + (uint32_t)(*scanner->at++ - '0');
        digits++;
    }
    *ret = value;
    return digits >= digits_min && value <= max;
}

static bool mark(struct scanner *scanner, const char *text)
{
    const size_t len = strlen(text);
    if ((size_t)(scanner->end - scanner->at) < len || memcmp(scanner->at, text, len) != 0) {
        return false;
    }
    scanner->at += len;
    return true;
}

static bool blanks(struct scanner *scanner)
{
    const uint8_t *from = scanner->at;
    while (mark(scanner, " ")) {
    }
    return scanner->at > from;
}

struct moment {
    uint32_t year, month, day, hour, minute, second;
    int32_t zone_s;
};

static bool read_day(struct scanner *scanner, struct moment *moment)
{
    if (!number(scanner, 4, 4, 2105, &moment->year)) {
        return false;
    }
    if (mark(scanner, "年")) {
        return number(scanner, 1, 2, 12, &moment->month) && mark(scanner, "月") && number(scanner, 1, 2, 31, &moment->day) &&
               mark(scanner, "日");
    }
    const char *between = mark(scanner, "-") ? "-" : mark(scanner, "/") ? "/" : mark(scanner, ".") ? "." : NULL;
    return between != NULL && number(scanner, 1, 2, 12, &moment->month) && mark(scanner, between) &&
           number(scanner, 1, 2, 31, &moment->day);
}

static bool read_clock(struct scanner *scanner, struct moment *moment)
{
    uint32_t fraction;
    if (!number(scanner, 1, 2, 23, &moment->hour)) {
        return false;
    }
    if (mark(scanner, "時")) {
        return !number(scanner, 1, 2, 59, &moment->minute) || mark(scanner, "分");
    }
    if (!mark(scanner, ":") || !number(scanner, 2, 2, 59, &moment->minute)) {
        return false;
    }
    if (mark(scanner, ":") && !number(scanner, 2, 2, 60, &moment->second)) {
        return false;
    }
    while (mark(scanner, ".") || mark(scanner, ",")) {
        while (number(scanner, 1, 9, UINT32_MAX, &fraction)) {
        }
    }
    return true;
}

static bool read_zone(struct scanner *scanner, struct moment *moment)
{
    uint32_t hours, minutes = 0;
    if (mark(scanner, "Z") || mark(scanner, "z") || mark(scanner, "UTC")) {
        moment->zone_s = 0;
        return true;
    }
    if (mark(scanner, "JST")) {
        moment->zone_s = 9 * 3600;
        return true;
    }
    const bool west = mark(scanner, "-");
    if (!west && !mark(scanner, "+")) {
        return true;
    }
    if (!number(scanner, 2, 2, 14, &hours)) {
        return false;
    }
    (void)mark(scanner, ":");
    if (scanner->at < scanner->end && !number(scanner, 2, 2, 59, &minutes)) {
        return false;
    }
    moment->zone_s = (int32_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

/* Unix seconds (milliseconds, as some tools write them), or a day in eight digits. */
static bool read_digits(struct kr_slice text, int32_t zone_s, uint64_t *ret_s)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    if (text.len == 8) {
        struct tm day = {
            .tm_year = (int)(value / 10000) - 1900, .tm_mon = (int)(value / 100 % 100) - 1, .tm_mday = (int)(value % 100)};
        const struct tm wanted = day;
        const time_t at = timegm(&day);
        *ret_s = (uint64_t)(at - zone_s);
        return at >= 86400 && day.tm_mon == wanted.tm_mon && day.tm_mday == wanted.tm_mday;
    }
    *ret_s = text.len == 13 ? value / 1000 : value;
    return text.len == 9 || text.len == 10 || text.len == 13;
}

enum kr_err kr_import_date(struct kr_slice text, int32_t zone_s, uint64_t *ret_s)
{
    struct moment moment = {.zone_s = zone_s};
    uint64_t digits_s = 0;
    text = kr_trim(text);
    if (text.len == 0) {
        return KR_INVALID;
    }
    if (text.len <= 13 && read_digits(text, zone_s, &digits_s) && digits_s <= UINT32_MAX) {
        *ret_s = digits_s;
        return KR_OK;
    }
    struct scanner scanner = {text.bytes, text.bytes + text.len};
    if (text.len > 64 || !read_day(&scanner, &moment)) {
        return KR_INVALID;
    }
    const bool has_clock = mark(&scanner, "T") || mark(&scanner, "t") || blanks(&scanner);
    if (has_clock && scanner.at < scanner.end && !read_clock(&scanner, &moment)) {
        return KR_INVALID;
    }
    (void)blanks(&scanner);
    if (!read_zone(&scanner, &moment) || scanner.at != scanner.end) {
        return KR_INVALID;
    }
    struct tm broken = {.tm_year = (int)moment.year - 1900,
                        .tm_mon = (int)moment.month - 1,
                        .tm_mday = (int)moment.day,
                        .tm_hour = (int)moment.hour,
                        .tm_min = (int)moment.minute,
                        .tm_sec = (int)moment.second};
    const int64_t at_s = (int64_t)timegm(&broken) - moment.zone_s;
    if (moment.month == 0 || moment.day == 0 || broken.tm_mday != (int)moment.day || at_s <= 0 || at_s > (int64_t)UINT32_MAX) {
        return KR_INVALID; /* 30 February; and 1970-01-01, which lists write for "not known" */
    }
    *ret_s = (uint64_t)at_s;
    return KR_OK;
}
