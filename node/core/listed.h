/* Warning lists that were added (pure): values that somebody else found to be harmless or too common to be indicators. For guard.c.
 *
 * An entry is kept as 64 bits of a hash, networks as such: a list of a million names takes 8 MB. A value that hashes alike is held
 * back without cause about once in 10^12 values and a million entries; a person can override any guard. */
#ifndef KR_NODE_CORE_LISTED_H
#define KR_NODE_CORE_LISTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "proto/codec/reader.h"

#define KR_LISTED_LISTS_MAX      64u
#define KR_LISTED_ENTRIES_MAX    4000000u /* of all lists together */
#define KR_LISTED_SUBSTRINGS_MAX 256u
#define KR_LISTED_REGEXES_MAX    256u
#define KR_LISTED_NAME_BYTES     64u
#define KR_LISTED_ALL_TYPES      UINT32_MAX

/* How an entry is compared, as MISP's warning lists have it. */
enum kr_listed_kind {
    KR_LISTED_NETWORK = 'c',   /* "cidr": addresses in it, and networks that overlap with it */
    KR_LISTED_HOST = 'h',      /* "hostname": the name and all below it; of domains, URLs and e-mail addresses */
    KR_LISTED_STRING = 's',    /* "string": the very value */
    KR_LISTED_SUBSTRING = 'u', /* "substring": what has it in it; of texts, names and URLs */
    KR_LISTED_REGEX = 'r',     /* "regex": what it matches (proto/indicator/regex.h), as it is printed */
};

struct kr_listed;
enum kr_err kr_listed_new(struct kr_listed **ret_listed) KR_WARN_UNUSED;
void kr_listed_free(struct kr_listed *listed);
/* Lists come one after the other; entries belong to the last. It holds back values of those types alone (1 << enum
 * kr_indicator_type), as MISP's matching_attributes say it. KR_BOUNDS. */
enum kr_err kr_listed_begin(struct kr_listed *listed, const char *name, uint32_t types, struct kr_error *error) KR_WARN_UNUSED;
/* KR_INVALID: no entry of that kind. */
enum kr_err kr_listed_add(struct kr_listed *listed, enum kr_listed_kind kind, const char *text, size_t len,
                          struct kr_error *error) KR_WARN_UNUSED;
/* After the last entry, and before asking. */
void kr_listed_sort(struct kr_listed *listed);
/* The name of the list that has the value (normal form); NULL: none. Borrowed as long as the lists live. */
const char *kr_listed_find(const struct kr_listed *listed, uint32_t type, struct kr_slice value);

#endif
