/* What tests of persons' machines ask of a node. */
#ifndef KR_TEST_CORE_ENROL_H
#define KR_TEST_CORE_ENROL_H

#include "crypto/seal.h"
#include "node/core/caller.h"
#include "node/core/enrol.h"
#include "node/core/people.h"
#include "proto/client/enrol.h"
#include "proto/client/people.h"
#include "proto/wire/machine_ticket.h"
#include "tests/unit/core/bed.h"

#define HOUR_MS 3600000u

static uint32_t at_node; /* who is asked, and looked at */

static const uint8_t sapporo[32] = {0x5a}, sato[32] = {1}, suzuki[32] = {2};

struct machine {
    uint8_t public_key[32], secret[32];
};

static inline struct machine machine_of(uint8_t number)
{
    struct machine machine;
    const uint8_t seed[32] = {number};
    kr_box_keypair(machine.public_key, machine.secret, seed);
    return machine;
}

static inline uint32_t ask_args(struct bed *bed, uint32_t op, struct kr_writer *args)
{
    const uint32_t code = bed_request(bed, at_node, op, args->bytes, args->len, 100);
    kr_writer_deinit(args);
    return code;
}

static inline uint32_t person(struct bed *bed, uint32_t action, const uint8_t id[static 32])
{
    struct kr_person_act act = {.action = action, .roles = KR_ROLE_ANALYST};
    struct kr_writer args;
    memcpy(act.id, id, 32);
    if (action == KR_PERSON_ADD) {
        memcpy(act.body, sapporo, 32);
        act.changes[KR_PERSON_NAME] = act.changes[KR_PERSON_ROLES] = true;
        act.name = (struct kr_slice){(const uint8_t *)"somebody", 8};
    }
    kr_writer_init(&args, 4 * KR_KIB);
    kr_person_act_write(&act, &args);
    return ask_args(bed, KR_OP_PERSON, &args);
}

static inline uint32_t body(struct bed *bed, uint32_t action)
{
    struct kr_body_act act = {.action = action, .changes = {[KR_BODY_NAME_EN] = action == KR_BODY_ADD}};
    struct kr_writer args;
    memcpy(act.id, sapporo, 32);
    act.texts[KR_BODY_NAME_EN] = (struct kr_slice){(const uint8_t *)"Sapporo", action == KR_BODY_ADD ? 7 : 0};
    kr_writer_init(&args, 4 * KR_KIB);
    kr_body_act_write(&act, &args);
    return ask_args(bed, KR_OP_BODY, &args);
}

/* The card of `from` ends at `at_s`, and another one of the same human begins, known by the same. */
static inline uint32_t move(struct bed *bed, const uint8_t from[static 32], const uint8_t to[static 32], uint64_t end_s,
                            uint64_t begin_s)
{
    struct kr_person_act end = {.action = KR_PERSON_CHANGE, .until_s = end_s, .changes = {[KR_PERSON_UNTIL] = true}},
                         begin = {.action = KR_PERSON_ADD, .from_s = begin_s, .roles = KR_ROLE_READER};
    struct kr_writer args;
    memcpy(end.id, from, 32);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_person_act_write(&end, &args);
    const uint32_t code = ask_args(bed, KR_OP_PERSON, &args);
    if (code != KR_OK) {
        return code;
    }
    memcpy(begin.id, to, 32);
    memcpy(begin.body, sapporo, 32);
    memcpy(begin.other, from, 32);
    begin.changes[KR_PERSON_NAME] = begin.changes[KR_PERSON_ROLES] = begin.changes[KR_PERSON_FROM] = true;
    begin.name = (struct kr_slice){(const uint8_t *)"somebody", 8};
    kr_writer_init(&args, 4 * KR_KIB);
    kr_person_act_write(&begin, &args);
    return ask_args(bed, KR_OP_PERSON, &args);
}

static inline void as_operator(struct bed *bed)
{
    bed->caller = (struct kr_caller){0};
}

static inline void as_key(struct bed *bed, const uint8_t key[static 32])
{
    bed->caller = (struct kr_caller){.is_guest = true, .has_key = true};
    memcpy(bed->caller.key, key, 32);
}

/* A ticket of the operator's, the first of whose nodes is this one; `ret_key` is the public half of its secret. */
static inline uint32_t ticket(struct bed *bed, const uint8_t id[static 32], uint64_t ttl_s, uint8_t ret_key[static 32])
{
    struct kr_enrol_ask wanted = {.ttl_s = ttl_s};
    struct kr_enrol_given given;
    struct kr_machine_ticket ticket;
    struct kr_writer args;
    memcpy(wanted.person, id, 32);
    kr_writer_init(&args, KR_KIB);
    kr_enrol_ask_write(&wanted, &args);
    as_operator(bed);
    const uint32_t code = ask_args(bed, KR_OP_ENROL_TICKET, &args);
    if (code == KR_OK) {
        assert_int_equal(kr_enrol_given_read((struct kr_slice){bed->result, bed->result_len}, &given), KR_OK);
        assert_int_equal(kr_machine_ticket_parse((const char *)given.ticket.bytes, given.ticket.len, &ticket, NULL), KR_OK);
        assert_int_equal(ticket.expires_s, given.expires_s);
        assert_memory_equal(ticket.council, bed_core(bed, at_node)->self, 32);
        assert_memory_equal(ticket.nodes[0].transport, bed_core(bed, at_node)->keyring->transport_public, 32);
        assert_int_equal(crypto_scalarmult_base(ret_key, ticket.secret), 0);
    }
    return code;
}

/* Whoever shows that ticket's key hands over the machine's. */
static inline uint32_t enrol(struct bed *bed, const uint8_t ticket_key[static 32], const uint8_t key[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, key, 32);
    as_key(bed, ticket_key);
    return ask_args(bed, KR_OP_ENROL, &args);
}

static inline uint32_t unenrol(struct bed *bed, const uint8_t id[static 32], const uint8_t key[static 32])
{
    struct kr_unenrol unenrol;
    struct kr_writer args;
    memcpy(unenrol.person, id, 32);
    memcpy(unenrol.key, key, 32);
    kr_writer_init(&args, KR_KIB);
    kr_unenrol_write(&unenrol, &args);
    as_operator(bed);
    return ask_args(bed, KR_OP_UNENROL, &args);
}

static inline struct kr_who who(struct bed *bed, const uint8_t key[static 32])
{
    struct kr_caller caller = {.is_guest = true, .has_key = true};
    struct kr_who who;
    struct kr_txn *txn = NULL;
    memcpy(caller.key, key, 32);
    assert_int_equal(kr_store_read_begin(bed_node(bed, at_node)->store, &txn), KR_OK);
    assert_int_equal(kr_who_find(txn, &caller, bed->world->now_ms, &who), KR_OK);
    kr_txn_abort(txn);
    return who;
}

/* Whether net lets that key in as a person's. */
static inline bool is_let_in(struct bed *bed, const uint8_t key[static 32])
{
    const struct sim_node *node = bed_node(bed, at_node);
    for (uint32_t i = 0; i < node->allowed_count; i++) {
        if (memcmp(node->allowed[i].key, key, 32) == 0) {
            assert_int_equal(node->allowed[i].kind, 3);
            return true;
        }
    }
    return false;
}

#endif
