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

#endif
