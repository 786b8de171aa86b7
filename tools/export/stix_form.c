/* Whether a text is a pattern of STIX 2.1 (OASIS Standard, 10 June 2021, section 9 and its grammar), as strictly as whoever reads
 * it may be: what was imported whole, because it is no single indicator, goes out again as what it was. Comments are no part of it
 * here, though the grammar has them. */
#include <string.h>

#include "tools/export/formats.h"

#define DEPTH_MAX 32u
#define NAMES_MAX 250u /* bytes of types and properties; those that are known are far shorter */

struct form {
    const uint8_t *at, *end;
    unsigned depth;
    bool ok;
};

static void skip_blanks(struct form *form)
{
    while (form->at < form->end && (*form->at == ' ' || (*form->at >= '\t' && *form->at <= '\r'))) {
        form->at++;
    }
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool comes(struct form *form, const char *text)
{
    const size_t len = strlen(text);
    skip_blanks(form);
    return (size_t)(form->end - form->at) >= len && memcmp(form->at, text, len) == 0;
}

static bool take(struct form *form, const char *sign)
{
    const bool has = comes(form, sign);
    form->at += has ? strlen(sign) : 0;
    return has;
}

/* A keyword: nothing that belongs to a name may follow. */
static bool take_word(struct form *form, const char *word)
{
    const size_t len = strlen(word);
    const bool has = comes(form, word) && (form->at + len == form->end ||
                                           !(is_letter(form->at[len]) || is_digit(form->at[len]) || form->at[len] == '-'));
    form->at += has ? len : 0;
    return has;
}

static void need(struct form *form, bool has)
{
    form->ok = form->ok && has;
}

/* ---- literals ---- */

/* Between its quotes; `ret_text` has the escapes still in it. */
static bool take_string(struct form *form, struct kr_slice *ret_text)
{
    if (!take(form, "'")) {
        return false;
    }
    const uint8_t *begin = form->at;
    while (form->at < form->end && *form->at != '\'') {
        const bool is_escape = *form->at == '\\';
        need(form, !is_escape || (form->at + 1 < form->end && (form->at[1] == '\'' || form->at[1] == '\\')));
        form->at += is_escape && form->ok ? 2 : 1;
    }
    need(form, form->at < form->end);
    *ret_text = (struct kr_slice){begin, (size_t)(form->at - begin)};
    form->at += form->ok;
    return true;
}

static bool is_hex(struct kr_slice text)
{
    bool ok = text.len % 2 == 0;
    for (size_t i = 0; i < text.len && ok; i++) {
        ok = is_digit(text.bytes[i]) || (text.bytes[i] >= 'a' && text.bytes[i] <= 'f') ||
             (text.bytes[i] >= 'A' && text.bytes[i] <= 'F');
    }
    return ok;
}

static bool is_base64(struct kr_slice text)
{
    size_t len = text.len;
    bool ok = len % 4 == 0;
    len -= len > 0 && text.bytes[len - 1] == '=';
    len -= len > 0 && text.bytes[len - 1] == '=';
    for (size_t i = 0; i < len && ok; i++) {
        const uint8_t c = text.bytes[i];
        ok = is_digit(c) || (is_letter(c) && c != '_') || c == '+' || c == '/';
    }
    return ok;
}

/* "2026-11-25T00:41:07.123Z" */
static bool is_time(struct kr_slice text)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    bool ok = text.len >= sizeof shape && text.bytes[text.len - 1] == 'Z';
    for (size_t i = 0; i < sizeof shape - 1 && ok; i++) {
        ok = shape[i] == 'd' ? is_digit(text.bytes[i]) : text.bytes[i] == (uint8_t)shape[i];
    }
    const bool has_fraction = ok && text.len > sizeof shape;
    ok = ok && (!has_fraction || (text.bytes[sizeof shape - 1] == '.' && text.len > sizeof shape + 1));
    for (size_t i = sizeof shape; i + 1 < text.len && ok; i++) {
        ok = is_digit(text.bytes[i]);
    }
    const unsigned month = ok ? (unsigned)(text.bytes[5] - '0') * 10 + text.bytes[6] - '0' : 0;
    const unsigned day = ok ? (unsigned)(text.bytes[8] - '0') * 10 + text.bytes[9] - '0' : 0;
    const unsigned hour = ok ? (unsigned)(text.bytes[11] - '0') * 10 + text.bytes[12] - '0' : 0;
    return ok && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 && text.bytes[14] <= '5' &&
           (text.bytes[17] <= '5' || (text.bytes[17] == '6' && text.bytes[18] == '0')); /* a leap second */
}

static bool take_time(struct form *form)
{
    struct kr_slice text;
    if (!comes(form, "t'")) {
        return false;
    }
    form->at++;
    return take_string(form, &text) && form->ok && is_time(text);
}

/* 1, +1, -1, .5, 1.5; whole ones without zeros in front. */
static bool take_number(struct form *form, bool may_be_negative, bool may_be_fraction)
{
    skip_blanks(form);
    const uint8_t *begin = form->at;
    form->at += form->at < form->end && (*form->at == '+' || (*form->at == '-' && may_be_negative));
    const uint8_t *digits = form->at;
    while (form->at < form->end && is_digit(*form->at)) {
        form->at++;
    }
    const size_t whole = (size_t)(form->at - digits);
    bool ok = whole == 1 || (whole > 1 && *digits != '0');
    if (may_be_fraction && form->at < form->end && *form->at == '.') {
        const uint8_t *point = form->at++;
        while (form->at < form->end && is_digit(*form->at)) {
            form->at++;
        }
        ok = form->at - point > 1;
    }
    form->at = ok ? form->at : begin;
    return ok;
}

static bool take_literal(struct form *form, bool may_be_bool)
{
    struct kr_slice text;
    if (comes(form, "'")) {
        return take_string(form, &text);
    }
    if (comes(form, "t'")) {
        return take_time(form);
    }
    if (comes(form, "h'") || comes(form, "b'")) {
        const bool hex = *form->at++ == 'h';
        return take_string(form, &text) && form->ok && (hex ? is_hex(text) : is_base64(text));
    }
    return (may_be_bool && (take_word(form, "true") || take_word(form, "false"))) || take_number(form, true, true);
}

static void need_set(struct form *form)
{
    need(form, take(form, "("));
    if (form->ok && !take(form, ")")) {
        do {
            need(form, take_literal(form, true));
        } while (form->ok && take(form, ","));
        need(form, take(form, ")"));
    }
}

/* ---- comparisons ---- */

static bool take_name(struct form *form, bool may_have_hyphens, struct kr_slice *ret_name)
{
    skip_blanks(form);
    const uint8_t *begin = form->at;
    while (form->at < form->end &&
           (is_letter(*form->at) || (form->at > begin && (is_digit(*form->at) || (may_have_hyphens && *form->at == '-'))))) {
        form->at++;
    }
    *ret_name = (struct kr_slice){begin, (size_t)(form->at - begin)};
    return ret_name->len > 0 && ret_name->len <= NAMES_MAX;
}

static bool take_step(struct form *form)
{
    struct kr_slice text;
    return comes(form, "'") ? take_string(form, &text) : take_name(form, false, &text);
}

/* type:property.'other property'[0].more */
static void need_path(struct form *form, struct kr_slice *ret_type)
{
    need(form, take_name(form, true, ret_type) && take(form, ":") && take_step(form));
    for (bool more = true; form->ok && more;) {
        if (take(form, ".")) {
            need(form, take_step(form));
        } else if (take(form, "[")) {
            need(form, (take(form, "*") || take_number(form, true, false)) && take(form, "]"));
        } else {
            more = false;
        }
    }
}

static bool take_any(struct form *form, const char *const *signs)
{
    bool has = false;
    for (; *signs != NULL && !has; signs++) {
        has = is_letter((uint8_t) * *signs) ? take_word(form, *signs) : take(form, *signs);
    }
    return has;
}

static bool is_same(struct kr_slice left, struct kr_slice right)
{
    return left.len > 0 && left.len == right.len && memcmp(left.bytes, right.bytes, left.len) == 0;
}

static void need_comparisons(struct form *form, struct kr_slice *ret_type);

/* `ret_type`: the type of object that it is about; empty: of several. */
static void need_comparison(struct form *form, struct kr_slice *ret_type)
{
    static const char *const equal[] = {"==", "=", "!=", "<>", NULL}, *const order[] = {"<=", ">=", "<", ">", NULL},
                             *const texts[] = {"LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET", NULL};
    struct kr_slice text;
    if (take(form, "(")) {
        need_comparisons(form, ret_type);
        need(form, take(form, ")"));
        return;
    }
    if (take_word(form, "EXISTS")) {
        need_path(form, ret_type);
        return;
    }
    need_path(form, ret_type);
    (void)take_word(form, "NOT");
    if (!form->ok) {
        return;
    }
    if (take_word(form, "IN")) {
        need_set(form);
    } else if (take_any(form, texts)) {
        need(form, take_string(form, &text));
    } else if (take_any(form, equal)) { /* before the others: "<>" begins like "<" */
        need(form, take_literal(form, true));
    } else {
        need(form, take_any(form, order) && take_literal(form, false));
    }
}

/* What AND joins must be of one object (section 9.5), so of one type; what OR joins is of none where its parts are not. */
static void need_comparisons(struct form *form, struct kr_slice *ret_type)
{
    struct kr_slice all = {0}, type = {0}, before;
    bool joins = false, has = true;
    need(form, ++form->depth <= DEPTH_MAX);
    for (bool first = true; form->ok && has; first = false) {
        before = type;
        need_comparison(form, &type);
        need(form, !joins || is_same(type, before));
        all = first || (form->ok && is_same(all, type)) ? type : (struct kr_slice){0};
        joins = take_word(form, "AND");
        has = joins || take_word(form, "OR");
    }
    *ret_type = all;
    form->depth--;
}

/* ---- observations ---- */

static void need_observations(struct form *form);

static void need_observation(struct form *form)
{
    struct kr_slice type;
    if (take(form, "(")) {
        need_observations(form);
        need(form, take(form, ")"));
    } else {
        need(form, take(form, "["));
        if (form->ok) {
            need_comparisons(form, &type);
        }
        need(form, take(form, "]"));
    }
    for (bool more = true; form->ok && more;) {
        if (take_word(form, "WITHIN")) {
            need(form, take_number(form, false, true) && take_word(form, "SECONDS"));
        } else if (take_word(form, "REPEATS")) {
            need(form, take_number(form, false, false) && take_word(form, "TIMES"));
        } else if (take_word(form, "START")) {
            need(form, take_time(form) && take_word(form, "STOP") && take_time(form));
        } else {
            more = false;
        }
    }
}

static void need_observations(struct form *form)
{
    need(form, ++form->depth <= DEPTH_MAX);
    bool has = true;
    while (form->ok && has) {
        need_observation(form);
        has = take_word(form, "AND") || take_word(form, "OR") || take_word(form, "FOLLOWEDBY");
    }
    form->depth--;
}

bool kr_stix_is_pattern(struct kr_slice text)
{
    struct form form = {.at = text.bytes, .end = text.bytes + text.len, .ok = text.len > 0};
    if (form.ok) {
        need_observations(&form);
        skip_blanks(&form);
    }
    return form.ok && form.at == form.end;
}
