/* What tests of bodies' names ask of a node. */
#ifndef KR_TEST_CORE_BODY_NOTICE_H
#define KR_TEST_CORE_BODY_NOTICE_H

#include "node/core/body_notice.h"
#include "tests/unit/core/people_test.h"

static const uint8_t sapporo[32] = {0x5a};

/* Nodes 0, 1, 2 in a chain; node 1 founded their community. */
static inline int setup(void **state)
{
    *state = bed_new(3);
    return 0;
}

static inline int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static inline const uint8_t *community(struct bed *bed)
{
    return bed_core(bed, 1)->directory.communities[0]->id;
}

/* The row at a node, whatever it is worth there; version 0: none. */
static inline struct kr_directory_entry row(struct bed *bed, uint32_t node, uint32_t of, const uint8_t in[static 32],
                                            const uint8_t body[static 32])
{
    static uint8_t value[KR_BODY_NOTICE_ROW_BYTES];
    struct kr_directory_entry entry = {.version = 0};
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    const enum kr_err err = kr_body_notice_get(txn, bed_node(bed, of)->council, in, body, value, &entry);
    kr_txn_abort(txn);
    assert_true(err == KR_OK || err == KR_NOT_FOUND);
    return entry;
}

static inline uint64_t version(struct bed *bed, uint32_t node, uint32_t of, const uint8_t body[static 32])
{
    return row(bed, node, of, community(bed), body).version;
}

#endif
