/* What sweep.h promises, done slowly: every reading of every word is parsed and compared with every value by kr_indicator_matches.
 * Shares no code with tools/scan. Texts (file names …) are left to tables. */
#ifndef KR_TEST_SCAN_REFERENCE_H
#define KR_TEST_SCAN_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/indicator/indicator.h"

struct reference {
    const struct kr_indicator *values;
    size_t count;
    bool no_url_hosts;
    bool *found; /* for each value: it is on the line */
};

/* One line without its line feed, of at most 4,000 bytes. */
void reference_line(struct reference *reference, const uint8_t *line, size_t len);

#endif
