/* A council of four persons whose reports wait for approval: what tests of drafts and of what may be sent ahead ask and look at. */
#ifndef KR_TEST_CORE_DRAFT_H
#define KR_TEST_CORE_DRAFT_H

#include "node/core/draft.h"
#include "node/core/people.h"
#include "node/core/query.h"
#include "tests/unit/core/people_test.h"

#define SATO   1001u /* analyst */
#define SUZUKI 1002u /* approver and analyst */
#define TANAKA 1003u /* intake */
#define YAMADA 1004u /* reader, deputy of Suzuki for a while */

static const uint8_t body[32] = {0x5a}, ids[5][32] = {{0}, {1}, {2}, {3}, {4}};

static inline uint32_t person_act(struct bed *bed, const struct kr_person_act *act)
{
    return put_person(bed, 0, act);
}

static inline void enter(struct bed *bed, uint32_t uid, uint32_t roles)
{
    struct kr_person_act act = {.action = KR_PERSON_ADD, .roles = roles, .has_uid = true, .uid = uid, .name = text("somebody")};
    memcpy(act.id, ids[uid - 1000], 32);
    memcpy(act.body, body, 32);
    act.changes[KR_PERSON_NAME] = act.changes[KR_PERSON_ROLES] = true;
    assert_int_equal(person_act(bed, &act), KR_OK);
}

/* A council of four persons, linked with another one; every report of GREEN and AMBER waits. */
static inline int setup(void **state)
{
    struct bed *bed = bed_new(2);
    struct kr_body_act act = {
        .action = KR_BODY_ADD, .changes = {[KR_BODY_NAME_EN] = true}, .texts = {[KR_BODY_NAME_EN] = text("b")}};
    memcpy(act.id, body, 32);
    assert_int_equal(put_body(bed, 0, &act), KR_OK);
    enter(bed, SATO, KR_ROLE_ANALYST);
    enter(bed, SUZUKI, KR_ROLE_APPROVER | KR_ROLE_ANALYST);
    enter(bed, TANAKA, KR_ROLE_INTAKE);
    enter(bed, YAMADA, KR_ROLE_READER);
    bed_core(bed, 0)->options.approval.report_labels = 1u << KR_TLP_GREEN | 1u << KR_TLP_AMBER;
    *state = bed;
    return 0;
}

static inline int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

/* An answer that says that something waits; the draft's id is the token. */
static inline struct kr_stored answer(const struct bed *bed)
{
    struct kr_stored stored;
    assert_int_equal(kr_stored_read((struct kr_slice){bed->result, bed->result_len}, &stored), KR_OK);
    return stored;
}

static inline uint32_t send(struct bed *bed, const struct kr_submit *submission)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(submission, &args);
    const uint32_t code = bed_request(bed, 0, KR_OP_SUBMIT, args.bytes, args.len, 300);
    kr_writer_deinit(&args);
    return code;
}

static inline uint32_t submit(struct bed *bed, enum kr_label label, const char *domain, uint8_t token)
{
    struct kr_submit *submission = bed_submission(bed, label, domain, token);
    if (label == KR_TLP_AMBER) {
        bed_address(bed, submission, 1);
    }
    const uint32_t code = send(bed, submission);
    bed_submission_free(submission);
    return code;
}

static inline uint32_t look(struct bed *bed, uint8_t token, struct kr_draft_shown *ret_shown)
{
    uint8_t id[KR_DRAFT_ID_BYTES];
    struct kr_writer args;
    memset(id, token, sizeof id);
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, id, sizeof id);
    const uint32_t code = bed_request(bed, 0, KR_OP_DRAFT, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    if (code == KR_OK) {
        assert_int_equal(kr_draft_shown_read((struct kr_slice){bed->result, bed->result_len}, ret_shown), KR_OK);
    }
    return code;
}

static inline uint32_t act(struct bed *bed, uint32_t op, uint8_t token, const uint8_t *binding, const char *reason,
                           struct kr_slice edited)
{
    struct kr_draft_act what = {.has_binding = binding != NULL, .reason = text(reason), .args = edited};
    struct kr_writer args;
    memset(what.id, token, sizeof what.id);
    if (binding != NULL) {
        memcpy(what.binding, binding, 32);
    }
    kr_writer_init(&args, KR_MIB);
    kr_draft_act_write(&what, &args);
    const uint32_t code = bed_request(bed, 0, op, args.bytes, args.len, 500);
    kr_writer_deinit(&args);
    return code;
}

/* Looks, and approves what it saw. */
static inline uint32_t approve(struct bed *bed, uint8_t token)
{
    static struct kr_draft_shown shown;
    uint8_t binding[32];
    const uint32_t code = look(bed, token, &shown);
    if (code != KR_OK) {
        return code;
    }
    memcpy(binding, shown.binding, 32);
    return act(bed, KR_OP_DRAFT_APPROVE, token, binding, "", (struct kr_slice){0});
}

static inline uint32_t state_of(struct bed *bed, uint8_t token)
{
    static struct kr_draft_row row;
    uint8_t id[KR_DRAFT_ID_BYTES];
    struct kr_txn *txn = NULL;
    memset(id, token, sizeof id);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    enum kr_err err = kr_draft_get(txn, id, &row);
    kr_txn_abort(txn);
    return err == KR_OK ? row.state : 0;
}

/* As if node 0's work that can wait were done so many days later: what has expired by then goes. */
static inline void expire_in(struct bed *bed, uint64_t days)
{
    struct kr_core *core = bed_core(bed, 0);
    struct kr_effects effects = {0};
    struct kr_step step = {.core = core, .effects = &effects, .now_ms = core->now_ms + days * BED_DAY_MS};
    bool more = true;
    core->expiry_at_ms = core->expiry_next = 0;
    while (more) {
        assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &step.txn), KR_OK);
        assert_int_equal(kr_expiry_slice(&step, &more), KR_OK);
        assert_int_equal(kr_txn_commit(step.txn), KR_OK);
    }
    kr_effects_deinit(&effects);
}

/* ---- lists ---- */

struct listed {
    struct kr_draft_item items[64]; /* point into bytes */
    uint8_t bytes[64][2 * KR_KIB];
    uint32_t count;
};

/* Approvers see the ids of persons, too: what stands for one of them must not follow from them. */
static inline bool follows_from_an_id(const struct kr_draft_item *item)
{
    bool follows = false;
    for (uint32_t i = 1; i < 5; i++) {
        uint8_t bytes[32 + KR_DRAFT_ID_BYTES], hash[32];
        memcpy(bytes, ids[i], 32);
        memcpy(bytes + 32, item->id.bytes, KR_DRAFT_ID_BYTES);
        kr_hash(hash, "kairan pseudonym", bytes, sizeof bytes);
        follows = follows || memcmp(hash, item->submitter.bytes, item->submitter.len) == 0 ||
                  memcmp(ids[i], item->submitter.bytes, item->submitter.len) == 0;
    }
    return follows;
}

static inline enum kr_err take_item(void *context, struct kr_slice item)
{
    struct listed *listed = context;
    assert_true(listed->count < 64 && item.len <= sizeof listed->bytes[0]);
    memcpy(listed->bytes[listed->count], item.bytes, item.len);
    item.bytes = listed->bytes[listed->count];
    assert_int_equal(kr_draft_item_read(item, &listed->items[listed->count]), KR_OK);
    assert_true(listed->items[listed->count].submitter.len != KR_DRAFT_ALIAS_BYTES ||
                !follows_from_an_id(&listed->items[listed->count]));
    listed->count++;
    return KR_OK;
}

static inline enum kr_err list(struct bed *bed, uint32_t op, uint32_t uid, struct listed *listed)
{
    struct kr_query query;
    struct kr_writer result;
    struct kr_error error = {0};
    bool is_done = false;
    enum kr_err err = KR_OK;
    listed->count = 0;
    kr_writer_init(&result, KR_KIB);
    assert_int_equal(kr_query_init(&query, op, (struct kr_slice){0}, false), KR_OK);
    query.caller = (struct kr_caller){.is_guest = uid != 0, .uid = uid};
    while (!is_done && err == KR_OK) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        err = kr_query_page(&query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, bed_at_once, take_item, listed, &result,
                            &is_done, &error);
        kr_txn_abort(txn);
    }
    kr_query_deinit(&query);
    kr_writer_deinit(&result);
    return err;
}

#endif
