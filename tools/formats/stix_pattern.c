#include "tools/formats/stix_pattern.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/indicator/indicator.h"
#include "tools/formats/import.h"

#define PATH_BYTES_MAX 256u

/* What a comparison is about. */
enum role {
    ROLE_VALUE,   /* an indicator */
    ROLE_HASH,    /* one of a file */
    ROLE_NAME,    /* a file's name */
    ROLE_FACT,    /* of a file: says more about it, and nothing without a hash */
    ROLE_ADDRESS, /* of one end of a connection */
    ROLE_PORT,    /* likewise */
    ROLE_TRAFFIC, /* what kind of connection, or of end */
    ROLE_OTHER,
};

struct term {
    enum role role;
    uint32_t type;
    bool is_source; /* of a connection */
    struct kr_slice value, note;
    uint64_t first_s, last_s;
};

struct parser {
    const uint8_t *at, *end, *begin;
    struct kr_error *error;
    struct term *terms;
    size_t count, room;
    char *texts; /* values, escapes undone; as long as the pattern and twice as long at most */
    size_t texts_len, texts_room;
    uint32_t depth;
};

/* A part of the pattern: the terms from `from` on, and whether any of them will do. */
struct part {
    size_t from;
    bool is_any;
    bool is_one; /* a single comparison with = */
};

/* ---- words ---- */

static enum kr_err wrong(const struct parser *parser, const char *what)
{
    return kr_fail(parser->error, KR_INVALID, "at byte %zu of the pattern: %s", (size_t)(parser->at - parser->begin) + 1, what);
}

static void skip_blanks(struct parser *parser)
{
    while (parser->at < parser->end && (*parser->at <= ' ')) {
        parser->at++;
    }
}

static bool is_word(uint8_t byte)
{
    return isalnum(byte) || byte == '_' || byte == '-';
}

/* Whether a keyword comes, which is then passed. Keywords are told from names by where they stand. */
static bool take_word(struct parser *parser, const char *word)
{
    const size_t len = strlen(word);
    skip_blanks(parser);
    if ((size_t)(parser->end - parser->at) < len || strncasecmp((const char *)parser->at, word, len) != 0 ||
        (parser->at + len < parser->end && is_word(parser->at[len]))) {
        return false;
    }
    parser->at += len;
    return true;
}

static bool take_sign(struct parser *parser, const char *sign)
{
    const size_t len = strlen(sign);
    skip_blanks(parser);
    if ((size_t)(parser->end - parser->at) < len || memcmp(parser->at, sign, len) != 0) {
        return false;
    }
    parser->at += len;
    return true;
}

/* ---- literals ---- */

static enum kr_err take_string(struct parser *parser, struct kr_slice *ret_value)
{
    skip_blanks(parser);
    if (parser->at == parser->end || (*parser->at != '\'' && *parser->at != '"')) {
        return wrong(parser, "a text in quotes is expected here");
    }
    const uint8_t quote = *parser->at++;
    char *begin = parser->texts + parser->texts_len;
    size_t len = 0;
    while (parser->at < parser->end && *parser->at != quote) {
        parser->at += *parser->at == '\\' && parser->at + 1 < parser->end;
        if (parser->texts_len + len == parser->texts_room) {
            return kr_fail(parser->error, KR_BOUNDS, "the pattern has too many texts");
        }
        begin[len++] = (char)*parser->at++;
    }
    if (parser->at == parser->end) {
        return wrong(parser, "a text without its closing quote");
    }
    parser->at++;
    parser->texts_len += len;
    *ret_value = (struct kr_slice){(const uint8_t *)begin, len};
    return KR_OK;
}

/* A literal of any kind, as text; those of times, bytes and numbers too. */
static enum kr_err take_literal(struct parser *parser, struct kr_slice *ret_value)
{
    skip_blanks(parser);
    const bool is_typed =
        parser->at + 1 < parser->end && parser->at[1] == '\'' && (*parser->at == 't' || *parser->at == 'h' || *parser->at == 'b');
    parser->at += is_typed;
    if (parser->at < parser->end && (*parser->at == '\'' || *parser->at == '"')) {
        return take_string(parser, ret_value);
    }
    const uint8_t *begin = parser->at;
    while (parser->at < parser->end && (is_word(*parser->at) || *parser->at == '.' || *parser->at == '+')) {
        parser->at++;
    }
    *ret_value = (struct kr_slice){begin, (size_t)(parser->at - begin)};
    return ret_value->len > 0 ? KR_OK : wrong(parser, "a value is expected here");
}

/* ---- what a path means ---- */

static bool same(struct kr_slice text, const char *other)
{
    return text.len == strlen(other) && strncasecmp((const char *)text.bytes, other, text.len) == 0;
}

uint32_t kr_stix_hash_type(struct kr_slice name)
{
    static const struct {
        const char *name;
        uint32_t type;
    } hashes[] = {
        {"MD5", KR_INDICATOR_MD5},        {"SHA-1", KR_INDICATOR_SHA1},      {"SHA1", KR_INDICATOR_SHA1},
        {"SHA-256", KR_INDICATOR_SHA256}, {"SHA256", KR_INDICATOR_SHA256},   {"SHA-512", KR_INDICATOR_SHA512},
        {"SHA512", KR_INDICATOR_SHA512},  {"IMPHASH", KR_INDICATOR_IMPHASH},
    };
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        if (same(name, hashes[i].name)) {
            return hashes[i].type;
        }
    }
    return KR_INDICATOR_ANY;
}

static void know_path(const char *path, struct term *term)
{
    static const struct {
        const char *path;
        enum role role;
        uint32_t type;
        bool is_source;
    } paths[] = {
        {"ipv4-addr:value", ROLE_VALUE, KR_INDICATOR_IPV4, false},
        {"ipv6-addr:value", ROLE_VALUE, KR_INDICATOR_IPV6, false},
        {"domain-name:value", ROLE_VALUE, KR_INDICATOR_DOMAIN, false},
        {"domain-name:resolves_to_refs[*].value", ROLE_VALUE, KR_INDICATOR_ANY, false},
        {"url:value", ROLE_VALUE, KR_INDICATOR_URL, false},
        {"email-addr:value", ROLE_VALUE, KR_INDICATOR_EMAIL, false},
        {"email-message:from_ref.value", ROLE_VALUE, KR_INDICATOR_EMAIL, false},
        {"email-message:sender_ref.value", ROLE_VALUE, KR_INDICATOR_EMAIL, false},
        {"mutex:name", ROLE_VALUE, KR_INDICATOR_MUTEX, false},
        {"windows-registry-key:key", ROLE_VALUE, KR_INDICATOR_REGISTRY_KEY, false},
        {"autonomous-system:number", ROLE_VALUE, KR_INDICATOR_ASN, false},
        {"network-traffic:extensions.http-request-ext.request_header.user-agent", ROLE_VALUE, KR_INDICATOR_USER_AGENT, false},
        {"network-traffic:dst_ref.value", ROLE_ADDRESS, KR_INDICATOR_ANY, false},
        {"network-traffic:src_ref.value", ROLE_ADDRESS, KR_INDICATOR_ANY, true},
        {"network-traffic:dst_port", ROLE_PORT, 0, false},
        {"network-traffic:src_port", ROLE_PORT, 0, true},
        {"network-traffic:dst_ref.type", ROLE_TRAFFIC, 0, false},
        {"network-traffic:src_ref.type", ROLE_TRAFFIC, 0, false},
        {"network-traffic:protocols[*]", ROLE_TRAFFIC, 0, false},
        {"network-traffic:protocols[0]", ROLE_TRAFFIC, 0, false},
        {"file:name", ROLE_NAME, KR_INDICATOR_FILENAME, false},
        {"file:extensions.windows-pebinary-ext.imphash", ROLE_HASH, KR_INDICATOR_IMPHASH, false},
    };
    static const char hashes[] = "file:hashes.";
    term->role = strncmp(path, "file:", 5) == 0 ? ROLE_FACT : ROLE_OTHER;
    if (strncmp(path, hashes, sizeof hashes - 1) == 0) {
        const char *name = path + sizeof hashes - 1;
        term->type = kr_stix_hash_type((struct kr_slice){(const uint8_t *)name, strlen(name)});
        term->role = term->type != KR_INDICATOR_ANY ? ROLE_HASH : ROLE_FACT;
        return;
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(paths[i].path, path) == 0) {
            term->role = paths[i].role;
            term->type = paths[i].type;
            term->is_source = paths[i].is_source;
            return;
        }
    }
}

/* An object path, in lower case and without the quotes around its keys. */
static enum kr_err take_path(struct parser *parser, char ret_path[static PATH_BYTES_MAX])
{
    size_t len = 0;
    uint8_t quote = 0;
    bool is_index = false;
    skip_blanks(parser);
    while (parser->at < parser->end) {
        const uint8_t byte = *parser->at;
        if (quote != 0 ? byte == quote : byte == '\'' || byte == '"') {
            quote = quote != 0 ? 0 : byte;
            parser->at++;
            continue;
        }
        const bool is_sign = byte == ':' || byte == '.' || byte == '*' || byte == '[' || (byte == ']' && is_index);
        if (quote == 0 && !is_word(byte) && !is_sign) {
            break;
        }
        is_index = quote == 0 && (byte == '[' || (is_index && byte != ']'));
        if (len + 1 < PATH_BYTES_MAX) {
            ret_path[len++] = (char)tolower(byte);
        }
        parser->at++;
    }
    ret_path[len] = 0;
    return strchr(ret_path, ':') != NULL && quote == 0 ? KR_OK : wrong(parser, "an object path (type:property) is expected here");
}

/* ---- comparisons ---- */

static enum kr_err push(struct parser *parser, const struct term *term)
{
    if (parser->count == KR_STIX_TERMS_MAX) {
        return kr_fail(parser->error, KR_BOUNDS, "the pattern has more than %u comparisons", KR_STIX_TERMS_MAX);
    }
    if (parser->count == parser->room) {
        size_t room = parser->room == 0 ? 16 : 2 * parser->room;
        struct term *more = realloc(parser->terms, room * sizeof *more);
        if (more == NULL) {
            return KR_NOMEM;
        }
        parser->terms = more;
        parser->room = room;
    }
    parser->terms[parser->count++] = *term;
    return KR_OK;
}

static bool says_something(const struct term *term)
{
    return term->role == ROLE_VALUE || term->role == ROLE_HASH || term->role == ROLE_NAME || term->role == ROLE_ADDRESS;
}

/* '%.evil.example': whatever is below. Any other wildcard is more than one value. */
static bool is_below(struct term *term)
{
    struct kr_slice *value = &term->value;
    const bool is_name = term->type == KR_INDICATOR_DOMAIN && value->len > 2 && memcmp(value->bytes, "%.", 2) == 0;
    if (is_name) {
        value->bytes += 2;
        value->len -= 2;
    }
    return memchr(value->bytes, '%', value->len) == NULL && memchr(value->bytes, '_', value->len) == NULL;
}

static enum kr_err take_set(struct parser *parser, struct term *term)
{
    enum kr_err err = take_sign(parser, "(") ? KR_OK : wrong(parser, "a set in parentheses is expected here");
    bool has_more = err == KR_OK && !take_sign(parser, ")");
    while (err == KR_OK && has_more) {
        err = take_literal(parser, &term->value);
        if (err == KR_OK) {
            err = push(parser, term);
        }
        has_more = err == KR_OK && take_sign(parser, ",");
        if (err == KR_OK && !has_more && !take_sign(parser, ")")) {
            err = wrong(parser, "a comma or the end of the set is expected here");
        }
    }
    return err;
}

enum operator{ OP_EQUAL, OP_IN, OP_LIKE, OP_WITHIN, OP_OTHER, OP_NONE };

static enum operator take_operator(struct parser *parser)
{
    static const char *const others[] = {"!=", "<>", "<=", ">=", "<", ">"};
    if (take_sign(parser, "==") || take_sign(parser, "=")) {
        return OP_EQUAL;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (take_sign(parser, others[i])) {
            return OP_OTHER;
        }
    }
    return take_word(parser, "IN")                                           ? OP_IN
           : take_word(parser, "LIKE")                                       ? OP_LIKE
           : take_word(parser, "ISSUBSET")                                   ? OP_WITHIN
           : take_word(parser, "MATCHES") || take_word(parser, "ISSUPERSET") ? OP_OTHER
                                                                             : OP_NONE;
}

static enum kr_err comparison(struct parser *parser, struct part *ret_part)
{
    char path[PATH_BYTES_MAX];
    struct term term = {0};
    if (take_word(parser, "EXISTS")) {
        return take_path(parser, path);
    }
    enum kr_err err = take_path(parser, path);
    if (err != KR_OK) {
        return err;
    }
    know_path(path, &term);
    const bool is_not = take_word(parser, "NOT");
    const enum operator op = take_operator(parser);
    if (op == OP_NONE) {
        return wrong(parser, "a comparison (=, IN, LIKE …) is expected here");
    }
    if (op == OP_IN) {
        err = take_set(parser, &term);
    } else {
        err = take_literal(parser, &term.value);
    }
    if (err != KR_OK || op == OP_IN) {
        ret_part->is_any = says_something(&term) && !is_not;
        return err;
    }
    const bool is_address = term.type == KR_INDICATOR_IPV4 || term.type == KR_INDICATOR_IPV6;
    const bool is_value = op == OP_EQUAL || (op == OP_LIKE && is_below(&term)) || (op == OP_WITHIN && is_address);
    ret_part->is_one = is_value && !is_not;
    ret_part->is_any = ret_part->is_one && says_something(&term);
    return push(parser, &term);
}

/* ---- comparisons that hold together ---- */

static bool all_are(const struct parser *parser, size_t from, enum role first, enum role last)
{
    bool all = true;
    for (size_t i = from; i < parser->count && all; i++) {
        all = parser->terms[i].role >= first && parser->terms[i].role <= last;
    }
    return all;
}

/* Hashes of one file stand by themselves; its name says what it is. */
static bool join_file(struct parser *parser, size_t from)
{
    struct kr_slice name = {0};
    size_t kept = from;
    for (size_t i = from; i < parser->count; i++) {
        name = parser->terms[i].role == ROLE_NAME ? parser->terms[i].value : name;
        if (parser->terms[i].role == ROLE_HASH) {
            parser->terms[kept++] = parser->terms[i];
        }
    }
    const bool has_hash = kept > from;
    parser->count = has_hash ? kept : parser->count;
    for (size_t i = from; i < kept; i++) {
        parser->terms[i].note = name;
    }
    return has_hash;
}

static const struct term *only(const struct parser *parser, size_t from, enum role role, size_t *ret_count)
{
    const struct term *found = NULL;
    *ret_count = 0;
    for (size_t i = from; i < parser->count; i++) {
        if (parser->terms[i].role == role) {
            found = &parser->terms[i];
            ++*ret_count;
        }
    }
    return found;
}

/* An address with the port beside it. A connection from one to another is more than either. */
static bool join_traffic(struct parser *parser, size_t from)
{
    size_t addresses, ports;
    const struct term *address = only(parser, from, ROLE_ADDRESS, &addresses), *port = only(parser, from, ROLE_PORT, &ports);
    if (addresses != 1 || ports > 1 || (port != NULL && port->is_source != address->is_source)) {
        return false;
    }
    struct term joined = *address;
    if (port != NULL) {
        const bool is_v6 = memchr(address->value.bytes, ':', address->value.len) != NULL;
        char *begin = parser->texts + parser->texts_len;
        const size_t room = parser->texts_room - parser->texts_len;
        const int len =
            snprintf(begin, room, "%s%.*s%s:%.*s", is_v6 ? "[" : "", (int)address->value.len, (const char *)address->value.bytes,
                     is_v6 ? "]" : "", (int)port->value.len, (const char *)port->value.bytes);
        if (len < 0 || (size_t)len >= room) {
            return false;
        }
        parser->texts_len += (size_t)len;
        joined.value = (struct kr_slice){(const uint8_t *)begin, (size_t)len};
    }
    parser->terms[from] = joined;
    parser->count = from + 1;
    return true;
}

/* ---- and, or ---- */

static enum kr_err comparisons(struct parser *parser, struct part *ret_part);

static enum kr_err one_comparison(struct parser *parser, struct part *ret_part)
{
    *ret_part = (struct part){.from = parser->count};
    if (!take_sign(parser, "(")) {
        return comparison(parser, ret_part);
    }
    enum kr_err err = comparisons(parser, ret_part);
    return err == KR_OK && !take_sign(parser, ")") ? wrong(parser, "a closing parenthesis is missing") : err;
}

static enum kr_err comparisons_and(struct parser *parser, struct part *ret_part)
{
    enum kr_err err = one_comparison(parser, ret_part);
    bool has_and = false, all_one = ret_part->is_one;
    while (err == KR_OK && take_word(parser, "AND")) {
        struct part next;
        err = one_comparison(parser, &next);
        all_one = all_one && next.is_one;
        has_and = true;
    }
    if (err != KR_OK || !has_and) {
        return err;
    }
    const size_t from = ret_part->from;
    ret_part->is_one = false;
    ret_part->is_any = all_one && ((all_are(parser, from, ROLE_HASH, ROLE_FACT) && join_file(parser, from)) ||
                                   (all_are(parser, from, ROLE_ADDRESS, ROLE_TRAFFIC) && join_traffic(parser, from)));
    return KR_OK;
}

static enum kr_err comparisons(struct parser *parser, struct part *ret_part)
{
    if (++parser->depth > KR_STIX_DEPTH_MAX) {
        return kr_fail(parser->error, KR_BOUNDS, "the pattern is nested more than %u deep", KR_STIX_DEPTH_MAX);
    }
    enum kr_err err = comparisons_and(parser, ret_part);
    while (err == KR_OK && take_word(parser, "OR")) {
        struct part next;
        err = comparisons_and(parser, &next);
        ret_part->is_any = ret_part->is_any && next.is_any;
        ret_part->is_one = false;
    }
    parser->depth--;
    return err;
}

/* ---- observations ---- */

static enum kr_err observations(struct parser *parser, struct part *ret_part);

static enum kr_err take_time(struct parser *parser, uint64_t *ret_s)
{
    struct kr_slice text;
    enum kr_err err = take_literal(parser, &text);
    return err == KR_OK && kr_import_date(text, 0, ret_s) != KR_OK ? wrong(parser, "a time is expected here") : err;
}

static enum kr_err qualifiers(struct parser *parser, struct part *part)
{
    enum kr_err err = KR_OK;
    struct kr_slice number;
    bool has_more = true;
    while (err == KR_OK && has_more) {
        uint64_t first_s = 0, last_s = 0;
        if (take_word(parser, "START")) {
            err = take_time(parser, &first_s);
            if (err == KR_OK && !take_word(parser, "STOP")) {
                err = wrong(parser, "STOP is expected here");
            }
            err = err == KR_OK ? take_time(parser, &last_s) : err;
            for (size_t i = part->from; i < parser->count && err == KR_OK; i++) {
                parser->terms[i].first_s = first_s;
                parser->terms[i].last_s = last_s;
            }
        } else if (take_word(parser, "WITHIN")) { /* of one observation, or any of several, it says nothing */
            err = take_literal(parser, &number);
            err = err == KR_OK && !take_word(parser, "SECONDS") ? wrong(parser, "SECONDS is expected here") : err;
        } else if (take_word(parser, "REPEATS")) {
            err = take_literal(parser, &number);
            err = err == KR_OK && !take_word(parser, "TIMES") ? wrong(parser, "TIMES is expected here") : err;
            part->is_any = false;
        } else {
            has_more = false;
        }
    }
    return err;
}

static enum kr_err observation(struct parser *parser, struct part *ret_part)
{
    enum kr_err err;
    *ret_part = (struct part){.from = parser->count};
    if (take_sign(parser, "[")) {
        err = comparisons(parser, ret_part);
        err = err == KR_OK && !take_sign(parser, "]") ? wrong(parser, "a closing bracket is missing") : err;
    } else if (take_sign(parser, "(")) {
        err = observations(parser, ret_part);
        err = err == KR_OK && !take_sign(parser, ")") ? wrong(parser, "a closing parenthesis is missing") : err;
    } else {
        err = wrong(parser, "an observation in brackets is expected here");
    }
    return err == KR_OK ? qualifiers(parser, ret_part) : err;
}

static enum kr_err observations(struct parser *parser, struct part *ret_part)
{
    if (++parser->depth > KR_STIX_DEPTH_MAX) {
        return kr_fail(parser->error, KR_BOUNDS, "the pattern is nested more than %u deep", KR_STIX_DEPTH_MAX);
    }
    enum kr_err err = observation(parser, ret_part);
    bool has_more = true;
    while (err == KR_OK && has_more) {
        const bool is_or = take_word(parser, "OR");
        has_more = is_or || take_word(parser, "AND") || take_word(parser, "FOLLOWEDBY");
        if (has_more) {
            struct part next;
            err = observation(parser, &next);
            ret_part->is_any = ret_part->is_any && is_or && next.is_any;
        }
    }
    parser->depth--;
    return err;
}

/* ---- the contract ---- */

static enum kr_err give(const struct parser *parser, kr_stix_visit *visit, void *context)
{
    enum kr_err err = KR_OK;
    for (size_t i = 0; i < parser->count && err == KR_OK; i++) {
        const struct term *term = &parser->terms[i];
        const struct kr_stix_term given = {
            .type = term->type, .value = term->value, .note = term->note, .first_s = term->first_s, .last_s = term->last_s};
        err = visit(context, &given);
    }
    return err;
}

enum kr_err kr_stix_pattern(struct kr_slice pattern, kr_stix_visit *visit, void *context, struct kr_error *error)
{
    struct part whole;
    struct parser parser = {.at = pattern.bytes, .begin = pattern.bytes, .end = pattern.bytes + pattern.len, .error = error};
    if (pattern.len == 0) {
        return kr_fail(error, KR_INVALID, "the pattern is empty");
    }
    if (pattern.len > KR_STIX_PATTERN_BYTES_MAX) {
        return kr_fail(error, KR_BOUNDS, "the pattern has more than %u bytes", KR_STIX_PATTERN_BYTES_MAX);
    }
    parser.texts_room = 2 * pattern.len + 8; /* values once as they are, once more with a port */
    parser.texts = malloc(parser.texts_room);
    enum kr_err err = parser.texts != NULL ? observations(&parser, &whole) : KR_NOMEM;
    if (err == KR_OK) {
        skip_blanks(&parser);
        err = parser.at < parser.end ? wrong(&parser, "something is left behind its end") : KR_OK;
    }
    if (err == KR_OK) {
        err = whole.is_any && parser.count > 0 ? give(&parser, visit, context) : KR_NOT_FOUND;
    }
    free(parser.terms);
    free(parser.texts);
    return err;
}
