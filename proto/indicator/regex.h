/* Regular expressions of warning lists (PCRE2, as MISP's are Perl's), bounded: whatever a pattern says, matching it against a value
 * takes some milliseconds at most and no memory to speak of. */
#ifndef KR_PROTO_INDICATOR_REGEX_H
#define KR_PROTO_INDICATOR_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

#define KR_REGEX_BYTES_MAX 1024u

struct kr_regex;
/* "/…/i", "#…#" and the like, with PHP's flags i, m, s, u, x; or the bare expression. KR_INVALID: it is none, or needs more than is
 * given it (too long, too deep). `ret_regex`: kr_regex_free. */
enum kr_err kr_regex_new(const char *text, size_t len, struct kr_regex **ret_regex, struct kr_error *error) KR_WARN_UNUSED;
void kr_regex_free(struct kr_regex *regex);
/* Whether it matches anywhere in the text. What cannot be decided within the bounds counts as a match: these patterns hold back,
 * and a person can say otherwise. Any number of threads. */
bool kr_regex_matches(const struct kr_regex *regex, const char *text, size_t len);

#endif
