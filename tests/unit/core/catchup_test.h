/* What tests of catching up share: a bed of nodes, their marks. */
#ifndef KR_TEST_CORE_CATCHUP_TEST_H
#define KR_TEST_CORE_CATCHUP_TEST_H

#include "tests/unit/core/bed.h"

static inline int setup(void **state)
{
    *state = bed_new(2);
    return 0;
}

static inline int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static inline struct kr_progress *progress(struct bed *bed, uint32_t node, uint32_t peer, uint8_t kind)
{
    struct kr_link *link = bed_link(bed, node, peer);
    for (uint32_t i = 0; i < link->progress_count; i++) {
        if (link->progress[i].scope.kind == kind) {
            return &link->progress[i];
        }
    }
    fail_msg("no scope of kind %u", kind);
    return NULL;
}

static inline void submit_some(struct bed *bed, uint32_t node, uint8_t from, uint8_t to, uint8_t ids[][32])
{
    for (uint8_t i = from; i < to; i++) {
        struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "a.example", i);
        assert_int_equal(bed_submit(bed, node, submit, ids[i]), KR_OK);
        bed_submission_free(submit);
    }
}

/* What is the same at both is nothing to look at, and marks may lie far behind: here they are made to follow. */
static inline void marks_follow(struct bed *bed, uint32_t node, uint32_t peer)
{
    bed_link(bed, node, peer)->progress[0].at += 1000;
    bed_run(bed, 40000);
    assert_true(bed_link(bed, node, peer)->is_equal);
}

/* 1 has just asked 0 for what is new in a scope. */
static inline void has_asked(struct bed *bed, const struct kr_progress *of)
{
    struct kr_link *link = bed_link(bed, 1, 0);
    kr_catchup_stop(link);
    link->phase = KR_CATCHUP_READING;
    link->is_asked = true;
    link->phase_at = (uint32_t)(of - link->progress);
    link->phase_ms = link->phase_began_ms = bed->world->now_ms;
}

static const struct kr_scope clear_scope = {.kind = KR_SCOPE_CLEAR};

/* Ids that nobody has, and the message that lists them. */
static inline struct kr_message unknown_page(uint8_t number, uint64_t from, uint32_t count, uint64_t total)
{
    static uint8_t ids[KR_PAGE_IDS_MAX][KR_SHORT_ID_BYTES];
    for (uint32_t i = 0; i < count; i++) {
        memset(ids[i], number, KR_SHORT_ID_BYTES);
        memcpy(ids[i], &i, sizeof i);
    }
    return (struct kr_message){.type = KR_MESSAGE_HAVE,
                               .from = from,
                               .count = total,
                               .hash = {number},
                               .ids = {ids[0], (size_t)count * KR_SHORT_ID_BYTES}};
}

#endif
