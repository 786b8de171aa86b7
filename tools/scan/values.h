/* Values from a file, one a line: the value alone, or its type, a tab, and the value. Blank lines and lines that begin with '#' are
 * nothing. Defanged spellings are not understood here: a list is not written for people. */
#ifndef KR_TOOLS_SCAN_VALUES_H
#define KR_TOOLS_SCAN_VALUES_H

#include "tools/scan/sieve.h"

struct kr_values_told {
    uint64_t lines, values;
    uint64_t bad;        /* lines that are no values: passed over */
    uint64_t first_bad;  /* from 1 */
    struct kr_error why; /* of the first one */
};

/* "-" is standard input. KR_IO with a sentence, KR_NOMEM, KR_BOUNDS; a line of more than 64 KiB is a bad one. */
enum kr_err kr_values_read(const char *path, struct kr_sieve *sieve, struct kr_values_told *ret,
                           struct kr_error *error) KR_WARN_UNUSED;

#endif
