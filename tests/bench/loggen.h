/* A made-up proxy log, sets of indicators, and which line names which of them. The same seed gives the same bytes.
 *
 *   proxy.log       lines as squid writes them (native and combined), of 50,000 hosts, some far more often than others
 *   values-N.txt    the first N of 1,000,000 indicators, one a line: domains, URLs, addresses, networks, hashes, e-mail
 *   truth.tsv       "line<TAB>number of the indicator<TAB>indicator", both counted from 0, in the order of lines
 *
 * Planted: a hit every few thousand lines, in the host, the referrer, the peer's address, the path or the query, of a set of 1,000,
 * 100,000 or 1,000,000 equally often. Planted decoys, more often than hits: notbad.example, bad.example.safe.example, 11.2.3.45 for
 * 1.2.3.4, another path on the host of a URL, a hash with a digit more. */
#ifndef KR_BENCH_LOGGEN_H
#define KR_BENCH_LOGGEN_H

#include <stdbool.h>
#include <stdint.h>

#define LOGGEN_VALUES_MAX 1000000u

struct loggen {
    uint64_t seed;
    uint64_t bytes;                  /* of the log, about */
    const char *directory;           /* exists */
    uint32_t values;                 /* 0: LOGGEN_VALUES_MAX; fewer for small tests */
    uint64_t hit_every, decoy_every; /* lines; 0: 5,000 and 1,000 */
};

/* False where a file could not be written; errno says why. `ret_lines` may be NULL. */
bool loggen_write(const struct loggen *gen, uint64_t *ret_lines, uint64_t *ret_hits);
/* The indicator of that number as people write it; terminated. */
void loggen_value(uint64_t seed, uint32_t number, char ret_text[static 256]);

#endif
