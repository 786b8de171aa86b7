/* What the tests of a council's new root key share: the operator with the paper, and the thief with the former root key. Include
 * behind bed.h. */
#ifndef KR_TEST_REKEY_H
#define KR_TEST_REKEY_H

#include <sodium.h>

#include "crypto/sign.h"
#include "node/core/rekeyed.h"
#include "node/core/revoke.h"
#include "proto/client/rekey.h"
#include "tests/unit/core/bed.h"

/* The keys of a council, wherever they are. */
struct hand {
    uint8_t root_public[32], root[64], recovery_public[32], recovery[64];
};

static inline struct hand hand_of(struct bed *bed, uint32_t node)
{
    const struct kr_keyring *keyring = bed_node(bed, node)->keyring;
    struct hand hand;
    memcpy(hand.root_public, keyring->root_public, 32);
    memcpy(hand.root, keyring->root_secret, 64);
    memcpy(hand.recovery_public, keyring->recovery_public, 32);
    memcpy(hand.recovery, keyring->recovery_secret, 64);
    return hand;
}

static inline struct hand fresh_hand(uint8_t number)
{
    struct hand hand;
    kr_sign_keypair(hand.root_public, hand.root, (const uint8_t[32]){0xA0, number});
    kr_sign_keypair(hand.recovery_public, hand.recovery, (const uint8_t[32]){0xB0, number});
    return hand;
}

static inline uint32_t ask_with(struct bed *bed, uint32_t node, uint32_t op, struct kr_writer *args)
{
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, op, args->bytes, args->len, 500);
    kr_writer_deinit(args);
    return code;
}

/* What the last answer left to sign is signed, and handed in. */
static inline uint32_t sign_and_state(struct bed *bed, uint32_t node, const uint8_t root[static 64])
{
    struct kr_stated stated = {.count = bed->pages};
    static uint8_t copies[4][sizeof((struct bed){0}).items[0].bytes];
    struct kr_writer args;
    uint8_t id[32];
    assert_true(bed->pages >= 1 && bed->pages <= 4);
    for (uint32_t i = 0; i < stated.count; i++) {
        memcpy(copies[i], bed->items[i].bytes, bed->items[i].len);
        assert_int_equal(kr_record_sign(copies[i], bed->items[i].len, root, id), KR_OK);
        stated.records[i] = (struct kr_slice){copies[i], bed->items[i].len};
    }
    kr_writer_init(&args, 64 * KR_KIB);
    kr_stated_write(&stated, &args);
    return ask_with(bed, node, KR_OP_STATE, &args);
}

static inline struct kr_recover recover_args(struct bed *bed, uint32_t node, const struct hand *from, const struct hand *to,
                                             uint32_t others)
{
    const struct kr_card card = bed_card(bed, node, node);
    struct kr_rekeyings chain = card.rekeyings;
    struct kr_recover recover = {.others = others};
    uint8_t opened[32];
    kr_recovery_commitment(opened, from->recovery_public);
    if (chain.count > 0) {
        memcpy(chain.items[chain.count - 1].recovery_public, from->recovery_public, 32); /* (so that a wrong one signs, too) */
    }
    assert_int_equal(kr_rekeyings_append(&chain, card.council, opened, from->recovery, to->root_public, to->recovery_public),
                     KR_OK);
    memcpy(recover.recovery_public, chain.recovery_public, 32);
    recover.rekeying = chain.items[chain.count - 1];
    return recover;
}

static inline uint32_t ask_recover(struct bed *bed, uint32_t node, const struct kr_recover *recover)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_recover_write(recover, &args);
    return ask_with(bed, node, KR_OP_RECOVER, &args);
}

static inline uint32_t new_keys(struct bed *bed, uint32_t node)
{
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    return ask_with(bed, node, KR_OP_NEW_KEYS, &args);
}

/* The card with the new root key, and nothing else yet. */
static inline void recover_card(struct bed *bed, uint32_t node, const struct hand *from, const struct hand *to, uint32_t others)
{
    const struct kr_recover recover = recover_args(bed, node, from, to, others);
    assert_int_equal(ask_recover(bed, node, &recover), KR_OK);
    assert_int_equal(sign_and_state(bed, node, to->root), KR_OK);
}

/* Which statements of that root key are genuine. */
static inline void name_genuine(struct bed *bed, uint32_t node, const struct hand *former, const struct hand *now,
                                uint64_t since_ms)
{
    struct kr_revoke revoke = {.since_ms = since_ms};
    struct kr_writer args;
    memcpy(revoke.key, former->root_public, 32);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    assert_int_equal(ask_with(bed, node, KR_OP_REVOKE, &args), KR_OK);
    assert_int_equal(sign_and_state(bed, node, now->root), KR_OK);
}

/* Signed with that root key, as the council of that node. */
static inline struct forged signed_by(struct bed *bed, uint32_t node, const struct hand *hand, uint32_t kind, const uint8_t *in,
                                      const uint8_t *subject, uint64_t version, struct kr_slice content)
{
    struct kr_keyring *keyring = bed_node(bed, node)->keyring;
    const struct kr_keyring now = *keyring;
    memcpy(keyring->root_public, hand->root_public, 32);
    memcpy(keyring->root_secret, hand->root, 64);
    const struct forged forged = bed_statement(bed, node, kind, in, subject, version, content);
    *keyring = now;
    return forged;
}

static inline struct forged vouch_by(struct bed *bed, uint32_t node, const struct hand *hand, const uint8_t *in,
                                     const uint8_t council[static 32], uint64_t version, bool is_withdrawn)
{
    struct kr_vouch vouch = {.is_withdrawn = is_withdrawn};
    struct kr_writer content;
    memcpy(vouch.council, council, 32);
    kr_writer_init(&content, KR_KIB);
    kr_vouch_write(&vouch, &content);
    const struct forged forged =
        signed_by(bed, node, hand, KR_KIND_VOUCH, in, council, version, (struct kr_slice){content.bytes, content.len});
    kr_writer_deinit(&content);
    return forged;
}

static inline struct forged card_by(struct bed *bed, uint32_t node, const struct hand *hand, const uint8_t *in,
                                    const struct kr_card *card, uint64_t version)
{
    struct kr_writer content;
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(card, &content);
    const struct forged forged = signed_by(bed, node, hand, KR_KIND_COUNCIL_CARD, in, bed_node(bed, node)->council, version,
                                           (struct kr_slice){content.bytes, content.len});
    kr_writer_deinit(&content);
    return forged;
}

static inline void tree_of(struct bed *bed, uint32_t node, uint32_t kind, const uint8_t *id, uint8_t ret_root[static 32],
                           uint64_t *ret_count)
{
    struct kr_scope scope = {.kind = (uint8_t)kind};
    struct kr_txn *txn = NULL;
    if (id != NULL) {
        memcpy(scope.id, id, 32);
    }
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    assert_int_equal(kr_store_tree_root(txn, &scope, 0, ret_root, ret_count), KR_OK);
    kr_txn_abort(txn);
}

/* An operator at `node` has compared `root` with the council of `other`. */
static inline uint32_t confirm_root(struct bed *bed, uint32_t node, uint32_t other, const uint8_t root[static 32])
{
    struct kr_root_confirm args = {{0}, {0}};
    struct kr_writer writer;
    memcpy(args.council, bed_node(bed, other)->council, 32);
    memcpy(args.root, root, 32);
    kr_writer_init(&writer, KR_KIB);
    kr_root_confirm_write(&args, &writer);
    return ask_with(bed, node, KR_OP_CONFIRM_ROOT, &writer);
}

static inline bool is_held(struct bed *bed, uint32_t node, uint32_t other)
{
    const struct kr_link *link = bed_link(bed, node, other);
    assert_non_null(link);
    return kr_link_is_held(bed_core(bed, node), link);
}

/* Keys in that tree, the same at the first `nodes`. */
static inline uint64_t equal_trees(struct bed *bed, uint32_t nodes, uint32_t kind, const uint8_t *id)
{
    uint8_t first[32], root[32];
    uint64_t count = 0, other = 0;
    tree_of(bed, 0, kind, id, first, &count);
    for (uint32_t i = 1; i < nodes; i++) {
        tree_of(bed, i, kind, id, root, &other);
        assert_int_equal(other, count);
        assert_memory_equal(root, first, 32);
    }
    return count;
}

#endif
