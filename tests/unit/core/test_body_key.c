/* Keys of persons and bodies at the node, which has no secret half of any: who may put what, who holds what, what becomes of it
 * when somebody leaves; and records that only bodies and persons open. */
#include "node/core/body_key.h"
#include "node/core/query.h"
#include "proto/client/body_key.h"
#include "proto/record/section.h"
#include "tests/unit/core/people_test.h"

#define SATO   1001u
#define SUZUKI 1002u
#define TANAKA 1003u /* of another body */

static const uint8_t sapporo[32] = {0x5a}, otaru[32] = {0xa5}, ids[4][32] = {{0}, {1}, {2}, {3}};
static struct kr_box_pair pairs[8]; /* 1 to 3 the persons'; what the node never sees but for the public halves */

static int setup(void **state)
{
    for (size_t i = 0; i < 8; i++) {
        const uint8_t seed[32] = {0x77, (uint8_t)i};
        kr_box_keypair(pairs[i].public_key, pairs[i].secret, seed);
    }
    *state = bed_new(2);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static uint32_t body_act(struct bed *bed, uint32_t action, const uint8_t id[static 32])
{
    struct kr_body_act act = {
        .action = action, .changes = {[KR_BODY_NAME_EN] = true}, .texts = {[KR_BODY_NAME_EN] = text("a body")}};
    memcpy(act.id, id, 32);
    return put_body(bed, 0, &act);
}

static uint32_t person_act(struct bed *bed, uint32_t action, uint32_t uid, const uint8_t *body)
{
    struct kr_person_act act = {
        .action = action, .roles = KR_ROLE_ANALYST, .has_uid = body != NULL, .uid = uid, .name = text("somebody")};
    memcpy(act.id, ids[uid - 1000], 32);
    act.changes[KR_PERSON_NAME] = act.changes[KR_PERSON_ROLES] = body != NULL;
    if (body != NULL) {
        memcpy(act.body, body, 32);
    }
    return put_person(bed, 0, &act);
}

static void enter(struct bed *bed)
{
    assert_int_equal(body_act(bed, KR_BODY_ADD, sapporo), KR_OK);
    assert_int_equal(body_act(bed, KR_BODY_ADD, otaru), KR_OK);
    assert_int_equal(person_act(bed, KR_PERSON_ADD, SATO, sapporo), KR_OK);
    assert_int_equal(person_act(bed, KR_PERSON_ADD, SUZUKI, sapporo), KR_OK);
    assert_int_equal(person_act(bed, KR_PERSON_ADD, TANAKA, otaru), KR_OK);
}

static uint32_t set_key(struct bed *bed, uint32_t uid, const uint8_t key[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, key, 32);
    as(bed, uid);
    const uint32_t code = bed_request(bed, 0, KR_OP_PERSON_KEY, args.bytes, args.len, 100);
    as(bed, 0);
    kr_writer_deinit(&args);
    return code;
}

/* What a holder's client does: copies of `key` for those persons, each sealed to the key that `pairs` has of it; `before`: the key
 * before, for a rotation. */
static uint32_t key_act(struct bed *bed, uint32_t uid, uint32_t action, const struct kr_box_pair *key,
                        const struct kr_box_pair *before, const uint32_t *uids, uint32_t count)
{
    static struct kr_body_key_act act;
    static const uint8_t seed[32] = {5};
    uint8_t slots[4][KR_SLOT_BYTES], way[KR_SLOT_BYTES];
    struct kr_writer args;
    act = (struct kr_body_key_act){.action = action, .copy_count = count};
    memcpy(act.key, key->public_key, 32);
    if (before != NULL) {
        assert_int_equal(kr_slot_seal(way, before->secret, key->public_key, seed), KR_OK);
        act.before = (struct kr_slice){way, sizeof way};
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *to = pairs[uids[i] - 1000].public_key;
        assert_int_equal(kr_slot_seal(slots[i], key->secret, to, seed), KR_OK);
        act.copies[i] = (struct kr_body_key_copy){{ids[uids[i] - 1000], 32}, {to, 32}, {slots[i], KR_SLOT_BYTES}};
    }
    kr_writer_init(&args, 64 * KR_KIB);
    kr_body_key_act_write(&act, &args);
    as(bed, uid);
    const uint32_t code = bed_request(bed, 0, KR_OP_BODY_KEY, args.bytes, args.len, 100);
    as(bed, 0);
    kr_writer_deinit(&args);
    return code;
}

#define ACT(bed, uid, action, key, before, ...)                                                                                    \
    key_act(bed, uid, action, key, before, (const uint32_t[]){__VA_ARGS__},                                                        \
            sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* ---- what a client is told ---- */

struct told {
    uint32_t op, count;
    struct kr_body_key_item items[8];
    struct kr_body_item bodies[4];
    struct kr_addressee addressees[8];
    struct kr_shown *shown; /* one, of the last */
    uint8_t bytes[64 * KR_KIB];
    size_t used;
    struct kr_body_keys keys;
};

static enum kr_err take(void *context, struct kr_slice item)
{
    struct told *told = context;
    assert_true(told->used + item.len <= sizeof told->bytes && told->count < 8);
    memcpy(told->bytes + told->used, item.bytes, item.len);
    const struct kr_slice mine = {told->bytes + told->used, item.len};
    told->used += item.len;
    switch (told->op) {
    case KR_OP_BODY_KEYS:
        assert_int_equal(kr_body_key_item_read(mine, &told->items[told->count]), KR_OK);
        break;
    case KR_OP_BODIES:
        assert_int_equal(kr_body_item_read(mine, &told->bodies[told->count]), KR_OK);
        break;
    case KR_OP_ADDRESSEES:
        assert_int_equal(kr_addressee_read(mine, &told->addressees[told->count]), KR_OK);
        break;
    case KR_OP_SEALED:
    case KR_OP_EXPORT:
        assert_int_equal(kr_shown_read(mine, told->shown), KR_OK);
        break;
    default:
        break;
    }
    told->count++;
    return KR_OK;
}

static enum kr_err ask_with(struct bed *bed, uint32_t node, uint32_t uid, uint32_t op, struct kr_slice args, struct told *told)
{
    static struct kr_shown shown;
    struct kr_query query;
    struct kr_writer result;
    struct kr_error error = {0};
    enum kr_err err = KR_OK;
    bool is_done = false;
    *told = (struct told){.op = op, .shown = &shown};
    assert_int_equal(kr_query_init(&query, op, args, false), KR_OK);
    query.caller = (struct kr_caller){.is_guest = uid != 0, .uid = uid};
    kr_writer_init(&result, KR_MIB);
    while (!is_done && err == KR_OK) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
        err = kr_query_page(&query, txn, bed_node(bed, node)->keyring, bed->world->now_ms, bed_at_once, take, told, &result,
                            &is_done, &error);
        kr_txn_abort(txn);
    }
    assert_true(err != KR_OK || told->used + result.len <= sizeof told->bytes);
    if (err == KR_OK && (op == KR_OP_BODY_KEYS || op == KR_OP_SHOW)) {
        memcpy(told->bytes + told->used, result.bytes, result.len);
        const struct kr_slice mine = {told->bytes + told->used, result.len};
        assert_int_equal(op == KR_OP_SHOW ? kr_shown_read(mine, told->shown) : kr_body_keys_read(mine, &told->keys), KR_OK);
    }
    kr_query_deinit(&query);
    kr_writer_deinit(&result);
    return err;
}

static enum kr_err ask(struct bed *bed, uint32_t uid, uint32_t op, struct told *told)
{
    return ask_with(bed, 0, uid, op, (struct kr_slice){0}, told);
}

static const struct kr_body_key_item *item_of(const struct told *told, const uint8_t id[static 32])
{
    for (uint32_t i = 0; i < told->count; i++) {
        if (memcmp(told->items[i].id, id, 32) == 0) {
            return &told->items[i];
        }
    }
    return NULL;
}

/* ---- keys of persons ---- */

static void each_person_sets_its_own_key(void **state)
{
    static struct told told;
    static const uint8_t low[32] = {1};
    struct bed *bed = *state;
    enter(bed);
    assert_int_equal(set_key(bed, 0, pairs[1].public_key), KR_DENIED); /* whoever runs the node is nobody's key */
    assert_non_null(strstr(bed->text, "person"));
    assert_int_equal(set_key(bed, 999, pairs[1].public_key), KR_DENIED);
    assert_int_equal(set_key(bed, SATO, low), KR_KEY); /* sealed to it is sealed to everybody */
    assert_int_equal(set_key(bed, SATO, pairs[1].public_key), KR_OK);
    assert_int_equal(set_key(bed, SUZUKI, pairs[1].public_key), KR_EXISTS);
    assert_int_equal(set_key(bed, SUZUKI, pairs[2].public_key), KR_OK);
    assert_int_equal(ask(bed, SATO, KR_OP_ADDRESSEES, &told), KR_OK);
    assert_int_equal(told.count, 2); /* Tanaka has no key, no body has one */
    assert_true(told.addressees[0].sort == KR_ADDRESSED_PERSON && memcmp(told.addressees[0].key, pairs[1].public_key, 32) == 0);
    assert_int_equal(ask(bed, 999, KR_OP_ADDRESSEES, &told), KR_DENIED);
    assert_int_equal(person_act(bed, KR_PERSON_REVOKE, SUZUKI, NULL), KR_OK);
    assert_int_equal(ask(bed, SATO, KR_OP_ADDRESSEES, &told), KR_OK);
    assert_int_equal(told.count, 1);
}

/* ---- keys of bodies ---- */

/* The secret as the client of that person finds it: its own copy, and then from key to key. */
static bool can_reach(struct bed *bed, uint32_t uid, const struct kr_box_pair *own, const struct kr_box_pair *wanted)
{
    static struct told told;
    struct kr_box_pair have;
    assert_int_equal(ask(bed, uid, KR_OP_BODY_KEYS, &told), KR_OK);
    const struct kr_body_key_item *copy = item_of(&told, ids[uid - 1000]);
    if (copy == NULL || copy->slot.len == 0 || kr_slot_open(have.secret, copy->slot.bytes, own->public_key, own->secret) != KR_OK) {
        return false;
    }
    memcpy(have.public_key, copy->held.bytes, 32);
    for (uint32_t i = 0; i < told.count; i++) {
        if (memcmp(have.public_key, wanted->public_key, 32) == 0) {
            return memcmp(have.secret, wanted->secret, 32) == 0;
        }
        for (uint32_t j = 0; j < told.count; j++) {
            const struct kr_body_key_item *way = &told.items[j];
            if (!way->is_person && memcmp(way->to.bytes, have.public_key, 32) == 0) {
                assert_int_equal(kr_slot_open(have.secret, way->slot.bytes, have.public_key, have.secret), KR_OK);
                memcpy(have.public_key, way->id, 32);
                break;
            }
        }
    }
    return memcmp(have.public_key, wanted->public_key, 32) == 0 && memcmp(have.secret, wanted->secret, 32) == 0;
}

static void a_holder_makes_shares_and_rotates(void **state)
{
    static struct told told;
    struct bed *bed = *state;
    assert_int_equal(ACT(bed, TANAKA, KR_BODY_KEY_MAKE, &pairs[4], NULL, TANAKA), KR_INVALID); /* without a key of one's own */
    assert_int_equal(ACT(bed, 0, KR_BODY_KEY_MAKE, &pairs[4], NULL, SATO), KR_DENIED);
    assert_int_equal(ACT(bed, SATO, KR_BODY_KEY_SHARE, &pairs[4], NULL, SATO), KR_DENIED);   /* there is nothing to share */
    person_act(bed, KR_PERSON_REVOKE, SUZUKI, NULL);                                         /* it was, above */
    assert_int_equal(ACT(bed, SATO, KR_BODY_KEY_MAKE, &pairs[4], NULL, SUZUKI), KR_INVALID); /* for one who is here no more */
    assert_int_equal(ACT(bed, SATO, KR_BODY_KEY_MAKE, &pairs[4], NULL, SATO), KR_OK);
    assert_int_equal(ask(bed, SATO, KR_OP_BODY_KEYS, &told), KR_OK);
    assert_true(told.keys.key.len == 32 && !told.keys.is_rotation_due && memcmp(told.keys.body, sapporo, 32) == 0);
    assert_true(item_of(&told, ids[1])->holds && item_of(&told, ids[1])->slot.len == KR_SLOT_BYTES);
    assert_true(can_reach(bed, SATO, &pairs[1], &pairs[4]));
    assert_int_equal(ask(bed, 0, KR_OP_BODIES, &told), KR_OK);
    assert_true(told.count == 2 && told.bodies[0].holders + told.bodies[1].holders == 1);
}

/* A second person of Sapporo, entered anew under the number of the third: ids are fixed here, so Tanaka's body gets nothing of it.
 */
static void another_body_gets_nothing(void **state)
{
    static struct told told;
    struct bed *bed = *state;
    assert_int_equal(set_key(bed, TANAKA, pairs[3].public_key), KR_OK);
    assert_int_equal(ACT(bed, SATO, KR_BODY_KEY_SHARE, &pairs[4], NULL, TANAKA), KR_INVALID); /* not even a holder gives it away */
    assert_int_equal(ACT(bed, TANAKA, KR_BODY_KEY_SHARE, &pairs[4], NULL, TANAKA), KR_DENIED);
    assert_int_equal(ACT(bed, TANAKA, KR_BODY_KEY_ROTATE, &pairs[5], &pairs[4], TANAKA), KR_DENIED);
    assert_int_equal(ask(bed, TANAKA, KR_OP_BODY_KEYS, &told), KR_OK);
    assert_int_equal(told.count, 1);
    assert_true(memcmp(told.items[0].id, ids[3], 32) == 0 && told.items[0].slot.len == 0);
    assert_true(memcmp(told.keys.body, otaru, 32) == 0 && told.keys.key.len == 0);
    assert_false(can_reach(bed, TANAKA, &pairs[3], &pairs[4]));
}

/* ---- records ---- */

struct given {
    uint8_t id[32];
    uint32_t code;
};

static void make_section(const struct bed *bed, enum kr_label label, const uint8_t key[static 32], struct kr_writer *section)
{
    static const uint8_t seed[32] = {0x21};
    struct kr_addressed addressed = {.sort = KR_ADDRESSED_PERSON, .id = {1}};
    struct kr_writer content;
    struct bed *mutable = (struct bed *)(uintptr_t)bed;
    const struct kr_section_of of = {.author = bed_node(mutable, 0)->council, .kind = KR_KIND_REPORT, .label = label};
    memcpy(addressed.council, bed_node(mutable, 0)->council, 32);
    memcpy(addressed.key, key, 32);
    const struct kr_slice report = bed_report(&content, "sealed.example");
    kr_writer_init(section, KR_BODY_BYTES_MAX);
    assert_int_equal(kr_section_make(&of, &addressed, 1, NULL, report, seed, section), KR_OK);
    kr_writer_deinit(&content);
}

/* Addressed to ourselves, and to the other council where `to_other` says so. */
static struct given send(struct bed *bed, enum kr_label label, struct kr_slice body, bool to_other, uint8_t token)
{
    struct given given = {.code = 0};
    struct kr_submit *submit = bed_submission(bed, label, "plain.example", token);
    const struct kr_slice plain = submit->body;
    bed_address(bed, submit, to_other ? 1 : 0);
    if (to_other) {
        bed_address(bed, submit, 0);
    }
    submit->body = body.len > 0 ? body : plain;
    as(bed, SATO);
    given.code = bed_submit(bed, 0, submit, given.id);
    as(bed, 0);
    submit->body = plain;
    bed_submission_free(submit);
    return given;
}

static bool is_found(struct bed *bed, uint32_t node, uint32_t uid, const char *domain)
{
    static struct told told;
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_array(&args, 2);
    kr_writer_uint(&args, KR_INDICATOR_DOMAIN);
    kr_writer_bin(&args, domain, strlen(domain));
    assert_int_equal(ask_with(bed, node, uid, KR_OP_LOOKUP, (struct kr_slice){args.bytes, args.len}, &told), KR_OK);
    kr_writer_deinit(&args);
    return told.count > 0;
}

static enum kr_err give(struct bed *bed, uint32_t node, uint32_t uid, uint32_t op, struct told *told)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_export_write(&(struct kr_export){.use = KR_EXPORT_USE_SCAN}, &args);
    enum kr_err err = ask_with(bed, node, uid, op, (struct kr_slice){args.bytes, args.len}, told);
    kr_writer_deinit(&args);
    return err;
}

static void only_those_named_open_a_record(void **state)
{
    static struct told told;
    static struct kr_section section;
    static const enum kr_label labels[] = {KR_TLP_AMBER_STRICT, KR_TLP_RED};
    struct bed *bed = *state;
    for (uint8_t i = 0; i < 2; i++) {
        struct kr_writer made;
        struct kr_head head;
        make_section(bed, labels[i], pairs[1].public_key, &made);
        const struct kr_slice body = {made.bytes, made.len};
        const struct kr_section_of of = {.author = bed_node(bed, 0)->council, .kind = KR_KIND_REPORT, .label = labels[i]};
        assert_int_equal(send(bed, labels[i], (struct kr_slice){0}, true, (uint8_t)(40 + i)).code, KR_INVALID); /* in the clear */
        assert_non_null(strstr(bed->text, "sealed"));
        const struct given own = send(bed, labels[i], body, false, (uint8_t)(50 + i));
        const struct given both = send(bed, labels[i], body, true, (uint8_t)(60 + i));
        assert_int_equal(own.code, KR_OK);
        assert_int_equal(both.code, KR_OK);
        bed_run(bed, 5000);
        assert_int_equal(bed_head(bed, 1, own.id, &head), KR_NOT_FOUND);
        for (uint32_t node = 0; node < 2; node++) {
            assert_int_equal(bed_head(bed, node, both.id, &head), KR_OK);
            assert_true(head.title.len == 0 && head.indicator_count == 0 && head.is_ours_to_read);
            assert_false(is_found(bed, node, node == 0 ? SATO : 0, "sealed.example"));
            assert_int_equal(give(bed, node, node == 0 ? SATO : 0, KR_OP_EXPORT, &told), KR_OK);
            assert_int_equal(told.count, 0);
            assert_int_equal(give(bed, node, node == 0 ? SATO : 0, KR_OP_SEALED, &told), KR_OK);
            assert_int_equal(told.count, (node == 0 ? 2 : 1) * (i + 1));
            const struct kr_slice content = told.shown->content;
            assert_int_equal(kr_section_open(content, &of, &pairs[1], 1, &section), KR_OK);
            kr_section_deinit(&section);
            assert_int_equal(kr_section_open(content, &of, &pairs[2], 6, &section), KR_NOT_FOUND);
        }
        kr_writer_deinit(&made);
    }
}

/* Another implementation puts the report as it is under the label: sealed to the councils, and no more. */
static void what_has_no_section_is_shown_to_nobody(void **state)
{
    static struct told told;
    struct bed *bed = *state;
    struct kr_writer content, args;
    struct kr_head head;
    uint8_t audience[1][32], recipients[1][32];
    memcpy(audience[0], bed_node(bed, 0)->council, 32);
    memcpy(recipients[0], bed_node(bed, 0)->keyring->sealing[0].public_key, 32);
    assert_int_equal(give(bed, 0, SATO, KR_OP_SEALED, &told), KR_OK);
    const uint32_t before = told.count;
    struct forged forged = bed_forge(bed, 1,
                                     (struct kr_draft){.kind = KR_KIND_REPORT,
                                                       .label = KR_TLP_RED,
                                                       .audience = (const uint8_t(*)[32])audience,
                                                       .audience_count = 1,
                                                       .recipients = (const uint8_t(*)[32])recipients,
                                                       .recipient_count = 1,
                                                       .content = bed_report(&content, "bare.example")});
    bed_hand_over(bed, 1, 0, &forged);
    assert_int_equal(bed_head(bed, 0, forged.id, &head), KR_OK); /* held, as by everybody */
    assert_true(!head.is_ours_to_read && head.title.len == 0);
    assert_false(is_found(bed, 0, SATO, "bare.example"));
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, forged.id, 32);
    assert_int_equal(ask_with(bed, 0, SATO, KR_OP_SHOW, (struct kr_slice){args.bytes, args.len}, &told), KR_NOT_FOUND);
    assert_int_equal(give(bed, 0, SATO, KR_OP_SEALED, &told), KR_OK);
    assert_int_equal(told.count, before);
    kr_writer_deinit(&args);
    kr_writer_deinit(&content);
    forged_free(&forged);
    /* Nor what is of another kind: a notice, a sighting that names what was seen. */
    static const uint32_t kinds[] = {KR_KIND_NOTICE, KR_KIND_SIGHTING, KR_KIND_COMMENT, 4711};
    const struct kr_sighting sighting = {.type = KR_INDICATOR_DOMAIN, .value = {(const uint8_t *)"seen.example", 12}, .count = 1};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        kr_writer_init(&content, KR_KIB);
        kr_sighting_write(&sighting, &content);
        forged = bed_forge(bed, 1,
                           (struct kr_draft){.kind = kinds[i],
                                             .label = KR_TLP_AMBER_STRICT,
                                             .audience = (const uint8_t(*)[32])audience,
                                             .audience_count = 1,
                                             .recipients = (const uint8_t(*)[32])recipients,
                                             .recipient_count = 1,
                                             .target = sapporo,
                                             .content = {content.bytes, content.len}});
        bed_hand_over(bed, 1, 0, &forged);
        assert_int_equal(bed_head(bed, 0, forged.id, &head), KR_OK);
        assert_true(!head.is_ours_to_read && head.title.len == 0);
        kr_writer_deinit(&content);
        forged_free(&forged);
    }
}

/* ---- leaving ---- */

static int setup_pair(void **state)
{
    setup(state);
    enter(*state);
    for (uint32_t i = 1; i < 4; i++) {
        assert_int_equal(set_key(*state, 1000 + i, pairs[i].public_key), KR_OK);
    }
    assert_int_equal(ACT(*state, SATO, KR_BODY_KEY_MAKE, &pairs[4], NULL, SATO), KR_OK);
    assert_int_equal(ACT(*state, SATO, KR_BODY_KEY_SHARE, &pairs[4], NULL, SUZUKI), KR_OK);
    return 0;
}

static uint32_t holders(struct bed *bed, bool *ret_due)
{
    static struct told told;
    assert_int_equal(ask(bed, 0, KR_OP_BODIES, &told), KR_OK);
    for (uint32_t i = 0; i < told.count; i++) {
        if (memcmp(told.bodies[i].id, sapporo, 32) == 0) {
            *ret_due = told.bodies[i].is_rotation_due;
            return told.bodies[i].holders;
        }
    }
    return 99;
}

static void who_leaves_takes_the_key_with_it_and_who_stays_reads_on(void **state)
{
    struct bed *bed = *state;
    bool is_due = true;
    assert_int_equal(holders(bed, &is_due), 2);
    assert_false(is_due);
    assert_true(can_reach(bed, SUZUKI, &pairs[2], &pairs[4]));
    assert_int_equal(ACT(bed, SUZUKI, KR_BODY_KEY_MAKE, &pairs[5], NULL, SUZUKI), KR_DENIED); /* that would lose all before */
    assert_int_equal(person_act(bed, KR_PERSON_REVOKE, SATO, NULL), KR_OK);
    assert_int_equal(holders(bed, &is_due), 1);
    assert_true(is_due);
    bed_restart(bed, 0);
    assert_int_equal(holders(bed, &is_due), 1);
    assert_int_equal(ACT(bed, SATO, KR_BODY_KEY_ROTATE, &pairs[5], &pairs[4], SATO), KR_DENIED);
    assert_int_equal(ACT(bed, SUZUKI, KR_BODY_KEY_ROTATE, &pairs[5], &pairs[4], SUZUKI), KR_OK);
    assert_int_equal(holders(bed, &is_due), 1);
    assert_false(is_due);
    assert_true(can_reach(bed, SUZUKI, &pairs[2], &pairs[5]) && can_reach(bed, SUZUKI, &pairs[2], &pairs[4]));
    assert_int_equal(ACT(bed, SUZUKI, KR_BODY_KEY_ROTATE, &pairs[6], &pairs[5], SUZUKI), KR_OK); /* and further back */
    assert_true(can_reach(bed, SUZUKI, &pairs[2], &pairs[6]) && can_reach(bed, SUZUKI, &pairs[2], &pairs[4]));
}

/* Suzuki has lost what the key was in: a new key of his own, and nobody else holds the body's. */
static void the_last_holders_key_is_lost(void **state)
{
    struct bed *bed = *state;
    bool is_due = false;
    struct kr_box_pair lost = pairs[2];
    pairs[2] = pairs[7];
    assert_int_equal(set_key(bed, SUZUKI, pairs[2].public_key), KR_OK);
    assert_int_equal(holders(bed, &is_due), 0);
    assert_true(is_due);
    assert_int_equal(ACT(bed, SUZUKI, KR_BODY_KEY_ROTATE, &pairs[3], &pairs[6], SUZUKI), KR_DENIED); /* what he holds no more */
    assert_int_equal(ACT(bed, SUZUKI, KR_BODY_KEY_MAKE, &pairs[0], NULL, SUZUKI), KR_OK);
    assert_int_equal(holders(bed, &is_due), 1);
    assert_false(is_due);
    assert_true(can_reach(bed, SUZUKI, &pairs[2], &pairs[0]));
    assert_false(can_reach(bed, SUZUKI, &pairs[2], &pairs[4])); /* gone for good, and nothing says otherwise */
    pairs[7] = lost;
}

static void a_body_that_left_has_no_key(void **state)
{
    static struct told told;
    struct bed *bed = *state;
    bool is_due = true;
    assert_int_equal(body_act(bed, KR_BODY_LEAVE, sapporo), KR_OK);
    assert_int_equal(ask(bed, TANAKA, KR_OP_ADDRESSEES, &told), KR_OK);
    assert_int_equal(told.count, 1); /* Tanaka alone */
    assert_int_equal(holders(bed, &is_due), 0);
    assert_false(is_due); /* nobody is left who could */
    assert_int_equal(ask(bed, SUZUKI, KR_OP_BODY_KEYS, &told), KR_DENIED);
    assert_int_equal(ask(bed, SUZUKI, KR_OP_SEALED, &told), KR_DENIED);
    assert_int_equal(ACT(bed, SUZUKI, KR_BODY_KEY_MAKE, &pairs[1], NULL, SUZUKI), KR_DENIED);
}

int main(void)
{
    const struct CMUnitTest first[] = {
        cmocka_unit_test(each_person_sets_its_own_key),
        cmocka_unit_test(a_holder_makes_shares_and_rotates),
        cmocka_unit_test(another_body_gets_nothing),
        cmocka_unit_test(only_those_named_open_a_record),
        cmocka_unit_test(what_has_no_section_is_shown_to_nobody),
    };
    const struct CMUnitTest second[] = {
        cmocka_unit_test(who_leaves_takes_the_key_with_it_and_who_stays_reads_on),
        cmocka_unit_test(the_last_holders_key_is_lost),
        cmocka_unit_test(a_body_that_left_has_no_key),
    };
    return cmocka_run_group_tests_name("core/body_key", first, setup, teardown) +
           cmocka_run_group_tests_name("core/body_key leaving", second, setup_pair, teardown);
}
