/* What tests of bodies' names ask of a node. */
#ifndef KR_TEST_CORE_BODY_NOTICE_H
#define KR_TEST_CORE_BODY_NOTICE_H

#include "node/core/body_notice.h"
#include "proto/wire/ticket.h"
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

/* Node says that council `of` is expelled, or that it is not: of itself, that it leaves, or comes back. */
static inline uint32_t say(struct bed *bed, uint32_t node, uint32_t of, bool is_withdrawn)
{
    struct kr_say say = {.is_expulsion = true, .is_withdrawn = is_withdrawn, .reason = text(is_withdrawn ? "" : "why")};
    struct kr_writer args;
    memcpy(say.council, bed_node(bed, of)->council, 32);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_say_write(&say, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_SAY, args.bytes, args.len, 5000);
    kr_writer_deinit(&args);
    return code;
}

/* 0 and 1 are councils, linked, in a community; 2 is a further node of 0's. */
static inline int setup_sisters(void **state)
{
    static const uint8_t args[] = {0x91, 0x00};
    struct bed *bed = bed_new(2);
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_reader reader;
    struct kr_writer add;
    *state = bed;
    assert_int_equal(bed_request(bed, 0, KR_OP_NODE_INVITE, args, sizeof args, 100), KR_OK);
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    assert_true(kr_slice_text(kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX), ticket, sizeof ticket));
    assert_int_equal(sim_world_add_node(bed->world, ticket), SIM_HOLDS);
    bed_run(bed, 8000);
    kr_writer_init(&add, 64);
    kr_writer_array(&add, 1);
    kr_writer_bin(&add, bed_node(bed, 2)->keyring->node_public, 32);
    assert_int_equal(bed_request(bed, 0, KR_OP_NODE_ADD, add.bytes, add.len, 200), KR_OK);
    kr_writer_deinit(&add);
    bed_run(bed, 30000);
    memcpy(bed_node(bed, 2)->council, bed_node(bed, 0)->council, 32);
    return 0;
}

#endif
