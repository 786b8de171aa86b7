/* Who is in a community, worked out the slow way from the text of docs/PROTOCOL.md ("Membership") alone: over all that was said,
 * over and over until nothing changes. What node/core/membership.c makes of the same is held against it, by itself and in the
 * simulator. */
#ifndef KR_TEST_MEMBERSHIP_MODEL_H
#define KR_TEST_MEMBERSHIP_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#ifndef MODEL_COUNCILS_MAX /* who needs room for more says so to the compiler */
#define MODEL_COUNCILS_MAX 14u
#endif
#define MODEL_NEVER UINT64_MAX

enum model_word { MODEL_VOUCH, MODEL_EXPULSION, MODEL_WORDS };

/* Councils are numbers; the founders are the first of them. */
struct model {
    uint32_t councils, founders, needed, quorum;
    bool is_dated;
    struct said {
        bool is_said, is_withdrawn;
        uint64_t date;                                           /* a vouch's; where there are dates and it bears a `since`, that */
    } said[MODEL_WORDS][MODEL_COUNCILS_MAX][MODEL_COUNCILS_MAX]; /* from, to: the last word */
};

struct model_sets {
    uint64_t since[MODEL_COUNCILS_MAX]; /* 0: from the beginning, or there are no dates; MODEL_NEVER: not at all */
    bool members[MODEL_COUNCILS_MAX], ever[MODEL_COUNCILS_MAX], expelled[MODEL_COUNCILS_MAX], left[MODEL_COUNCILS_MAX];
};

/* Whether that is said and not withdrawn. */
bool model_stands(const struct model *model, enum model_word word, uint32_t from, uint32_t to);
void model_sets(const struct model *model, struct model_sets *ret_sets);

#endif
