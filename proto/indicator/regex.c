#define PCRE2_CODE_UNIT_WIDTH 8
#include "proto/indicator/regex.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT    20000u /* steps: under a millisecond */
#define DEPTH_LIMIT    1000u
#define HEAP_LIMIT_KIB 256u
#define NEST_LIMIT     32u
#define COMPILED_BYTES (64u * 1024u) /* repeats of repeats make large programs of short patterns */

struct kr_regex {
    pcre2_code *code;
    pcre2_match_context *limits;
};

/* ---- how PHP writes them ---- */

static bool is_delimiter(char c)
{
    return c != 0 && strchr("/#~%!@", c) != NULL;
}

static bool take_flags(const char *flags, size_t len, uint32_t *options)
{
    for (size_t i = 0; i < len; i++) {
        switch (flags[i]) {
        case 'i':
            *options |= PCRE2_CASELESS;
            break;
        case 'm':
            *options |= PCRE2_MULTILINE;
            break;
        case 's':
            *options |= PCRE2_DOTALL;
            break;
        case 'x':
            *options |= PCRE2_EXTENDED;
            break;
        case 'u':
            break; /* they all are */
        default:
            return false;
        }
    }
    return true;
}

/* The expression within its delimiters, where it has any. */
static bool unwrap(const char **text, size_t *len, uint32_t *options)
{
    if (*len < 2 || !is_delimiter((*text)[0])) {
        return *len > 0;
    }
    const char *end = memrchr(*text + 1, (*text)[0], *len - 1);
    if (end == NULL) {
        return true; /* one that begins so by itself */
    }
    const size_t inner = (size_t)(end - *text) - 1;
    if (inner == 0 || !take_flags(end + 1, *len - inner - 2, options)) {
        return false;
    }
    *text += 1;
    *len = inner;
    return true;
}

/* ---- the contract ---- */

static enum kr_err compile(struct kr_regex *regex, const char *text, size_t len, uint32_t options, struct kr_error *error)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    size_t bytes = 0;
    pcre2_compile_context *bounds = pcre2_compile_context_create(NULL);
    regex->limits = pcre2_match_context_create(NULL);
    if (bounds == NULL || regex->limits == NULL) {
        pcre2_compile_context_free(bounds);
        return KR_NOMEM;
    }
    (void)pcre2_set_parens_nest_limit(bounds, NEST_LIMIT);
    (void)pcre2_set_match_limit(regex->limits, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(regex->limits, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(regex->limits, HEAP_LIMIT_KIB);
    regex->code = pcre2_compile((PCRE2_SPTR)text, len, options | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                                &code, &at, bounds);
    pcre2_compile_context_free(bounds);
    if (regex->code == NULL) {
        return kr_fail(error, KR_INVALID, "it is no regular expression, from byte %zu on (%d)", (size_t)at, code);
    }
    if (pcre2_pattern_info(regex->code, PCRE2_INFO_SIZE, &bytes) != 0 || bytes > COMPILED_BYTES) {
        return kr_fail(error, KR_INVALID, "it is a larger regular expression than can be taken");
    }
    return KR_OK;
}

enum kr_err kr_regex_new(const char *text, size_t len, struct kr_regex **ret_regex, struct kr_error *error)
{
    uint32_t options = 0;
    if (len > KR_REGEX_BYTES_MAX) {
        return kr_fail(error, KR_INVALID, "it has more than %u bytes", KR_REGEX_BYTES_MAX);
    }
    if (!unwrap(&text, &len, &options)) {
        return kr_fail(error, KR_INVALID, "it is no regular expression, or has flags other than i, m, s, u and x");
    }
    struct kr_regex *regex = calloc(1, sizeof *regex);
    enum kr_err err = regex == NULL ? KR_NOMEM : compile(regex, text, len, options, error);
    if (err != KR_OK) {
        kr_regex_free(regex);
        return err;
    }
    *ret_regex = regex;
    return KR_OK;
}

void kr_regex_free(struct kr_regex *regex)
{
    if (regex != NULL) {
        pcre2_code_free(regex->code);
        pcre2_match_context_free(regex->limits);
        free(regex);
    }
}

bool kr_regex_matches(const struct kr_regex *regex, const char *text, size_t len)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    const int found =
        data == NULL ? PCRE2_ERROR_NOMEMORY : pcre2_match(regex->code, (PCRE2_SPTR)text, len, 0, 0, data, regex->limits);
    pcre2_match_data_free(data);
    return found != PCRE2_ERROR_NOMATCH;
}
