/* What tests of several nodes of one council ask of them. */
#ifndef KR_TEST_CORE_SISTER_H
#define KR_TEST_CORE_SISTER_H

#include "proto/client/node.h"
#include "proto/wire/ticket.h"
#include "tests/unit/core/bed.h"

/* 0 and 1 are councils, linked, in a community; 2 is a further node of 0's once it is taken in. */
#define FIRST  0u
#define PEER   1u
#define SECOND 2u

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

static inline void ask_ticket(struct bed *bed, char *ret_text, size_t size)
{
    static const uint8_t args[] = {0x91, 0x00};
    struct kr_reader reader;
    assert_int_equal(bed_request(bed, FIRST, KR_OP_NODE_INVITE, args, sizeof args, 100), KR_OK);
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    assert_true(kr_slice_text(kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX), ret_text, size));
}

static inline uint32_t decide(struct bed *bed, uint32_t node, uint32_t op, const uint8_t key[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, key, 32);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, op, args.bytes, args.len, 200);
    kr_writer_deinit(&args);
    return code;
}

static inline const uint8_t *key_of(struct bed *bed, uint32_t node)
{
    return bed_node(bed, node)->keyring->node_public;
}

/* A machine has asked by a ticket of 0's; not decided yet. */
static inline void ask(struct bed *bed, char *ret_ticket, size_t size)
{
    ask_ticket(bed, ret_ticket, size);
    assert_int_equal(sim_world_add_node(bed->world, ret_ticket), SIM_HOLDS);
    bed_run(bed, 8000);
}

static inline void take_in(struct bed *bed)
{
    char ticket[KR_TICKET_TEXT_BYTES_MAX];
    ask(bed, ticket, sizeof ticket);
    assert_int_equal(decide(bed, FIRST, KR_OP_NODE_ADD, key_of(bed, SECOND)), KR_OK);
    bed_run(bed, 30000);
}

static inline struct kr_link *sister_of(struct bed *bed, uint32_t node)
{
    uint32_t at = 0;
    return kr_link_of_council(bed_core(bed, node), bed_core(bed, node)->self, &at);
}

/* The second node is by itself; who is outside of the council reaches both. */
static inline void cut(struct bed *bed)
{
    sim_world_split(bed->world, (uint32_t[]){SECOND}, 1, bed->world->now_ms + BED_DAY_MS);
    bed_run(bed, 1000);
}

/* The two nodes see each other again, until they are equal. */
static inline void meet(struct bed *bed)
{
    bed->world->is_split = false;
    bed_run(bed, 180000);
    assert_true(sister_of(bed, FIRST)->is_equal && sister_of(bed, SECOND)->is_equal);
}

/* The peer's link with that node of council 0. */
static inline struct kr_link *link_with(struct bed *bed, uint32_t node)
{
    struct kr_core *core = bed_core(bed, PEER);
    struct kr_link *link;
    uint32_t at = 0;
    while ((link = kr_link_of_council(core, bed_node(bed, FIRST)->council, &at)) != NULL) {
        if (memcmp(link->transport_key, bed_node(bed, node)->keyring->transport_public, 32) == 0) {
            return link;
        }
    }
    return NULL;
}

static inline void submit(struct bed *bed, uint32_t node, enum kr_label label, const char *domain, uint8_t token,
                          uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, label, domain, token);
    if (label == KR_TLP_AMBER) {
        bed_address(bed, submission, node == PEER ? FIRST : PEER);
    }
    assert_int_equal(bed_submit(bed, node, submission, ret_id), KR_OK);
    bed_submission_free(submission);
}

static inline bool is_shown(struct bed *bed, uint32_t node, const uint8_t id[static 32])
{
    struct kr_head head;
    return bed_head(bed, node, id, &head) == KR_OK && head.state == KR_HEAD_SHOWN && head.is_ours_to_read;
}

static inline uint32_t count_nodes(struct bed *bed, uint32_t node, uint32_t state, struct kr_node_item *ret_last)
{
    uint32_t count = 0;
    bed->pages = 0;
    assert_int_equal(bed_request(bed, node, KR_OP_NODES, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    for (uint32_t i = 0; i < bed->pages && i < 4; i++) {
        struct kr_node_item item;
        assert_int_equal(kr_node_item_read((struct kr_slice){bed->items[i].bytes, bed->items[i].len}, &item), KR_OK);
        if (item.state == state) {
            *ret_last = item;
            count++;
        }
    }
    return count;
}

static inline uint32_t ask_nothing(struct bed *bed, uint32_t node, uint32_t op)
{
    bed->pages = 0;
    return bed_request(bed, node, op, (const uint8_t[]){0x90}, 1, 300);
}

/* What SECOND's key says to the nodes of its council, whatever is so. */
static inline struct forged forge_own(struct bed *bed, uint32_t kind, const uint8_t *subject, uint64_t version,
                                      const struct kr_writer *content, uint64_t expires_s)
{
    uint8_t council[1][32], recipient[1][32];
    memcpy(council[0], bed_node(bed, FIRST)->council, 32);
    memcpy(bed_node(bed, SECOND)->council, council[0], 32);
    memcpy(recipient[0], bed_node(bed, SECOND)->keyring->sealing[0].public_key, 32);
    return bed_forge(bed, SECOND,
                     (struct kr_draft){.kind = kind,
                                       .created_ms = bed->world->now_ms,
                                       .expires_s = expires_s,
                                       .label = KR_TLP_AMBER_STRICT,
                                       .audience = (void *)council,
                                       .audience_count = 1,
                                       .recipients = (void *)recipient,
                                       .recipient_count = 1,
                                       .subject = subject,
                                       .version = version,
                                       .content = {content->bytes, content->len}});
}

static inline uint32_t act_on_peer(struct bed *bed, uint32_t node, uint32_t action)
{
    struct kr_peer_act act = {.action = action};
    struct kr_writer args;
    memcpy(act.council, bed_node(bed, PEER)->council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_peer_act_write(&act, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_PEER, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    bed_run(bed, 2000);
    return code;
}

#endif
