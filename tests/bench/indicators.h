/* Made-up indicators, shaped like real ones, and their way into records: a whole file, or one by one. */
#ifndef KR_BENCH_INDICATORS_H
#define KR_BENCH_INDICATORS_H

#include "conn.h"
#include "tools/formats/formats.h"

/* `count` lines: six in ten URLs, two domains, one address, one SHA-256; all distinct, also between different `seed`s. free(). */
char *indicators_text(uint64_t seed, uint32_t count, size_t *ret_len);

/* Submits a file at TLP:GREEN with the very code of `kairan submit -y` (tools/kairan/send.h); returns when the last record is
 * durable. `each` is called for each that is; may be NULL. */
struct bulk {
    struct kr_extract *extract;
    uint64_t looked_us; /* when all was extracted and the guards had looked at it */
};
void bulk_submit(struct bulk *bulk, const char *socket, const char *text, size_t len, uint32_t expected,
                 void (*each)(void *context, uint32_t done, uint32_t parts), void *context);
void bulk_free(struct bulk *bulk);
/* Until so many indicators have become visible on a connection that watches; calls `each` (may be NULL) after every frame. */
void bulk_expect(struct conn *watch, uint64_t wanted, void (*each)(void *context), void *context);

/* A report of one indicator at TLP:GREEN (or AMBER to `audience`); its title is the number. `body_bytes`: so long a body, filled up
 * with text; 0: as short as it is. The body is the caller's to free. */
void report_one(struct kr_submit *submit, uint64_t number, const uint8_t *audience, uint32_t body_bytes);
/* How many of the (at most KR_LOOKUP_VALUES_MAX) found values the node finds. */
uint32_t lookup_found(struct conn *conn, const struct kr_found *items, size_t step, uint32_t count);

#endif
