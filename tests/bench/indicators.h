/* A file of made-up indicators, shaped like real ones, and its way through the same steps as `kairan submit` takes. */
#ifndef KR_BENCH_INDICATORS_H
#define KR_BENCH_INDICATORS_H

#include "conn.h"
#include "tools/formats/formats.h"

/* `count` lines: six in ten URLs, two domains, one address, one SHA-256; all distinct, also between different `seed`s. free(). */
char *indicators_text(uint64_t seed, uint32_t count, size_t *ret_len);

/* Reports of a submission, ready to be sent, at TLP:GREEN. */
struct parts {
    struct kr_submit *submits;
    uint32_t count;
    struct kr_extract *extract;
};
void parts_make(struct parts *parts, const char *text, size_t len, uint32_t expected);
void parts_free(struct parts *parts);
/* Sends all, several under way at a time; returns when the last is durable. `each`: called after each end; may be NULL. */
void parts_send(struct conn *conn, const struct parts *parts, void (*each)(void *context), void *context);

/* A report of one indicator at TLP:GREEN (or AMBER to `audience`); its title is the number. The body is the caller's to free. */
void report_one(struct kr_submit *submit, uint64_t number, const uint8_t *audience);
/* How many of the (at most KR_LOOKUP_VALUES_MAX) found values the node finds. */
uint32_t lookup_found(struct conn *conn, const struct kr_found *items, size_t step, uint32_t count);

#endif
