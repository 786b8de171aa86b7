/* Drafts as records of the council's own: what each node of a council makes of what was said at another; none of it outside. */
#include "node/core/internal.h"
#include "tests/unit/core/draft_test.h"

/* One event's worth of core 0, by hand. */
struct hand {
    struct kr_step step;
    struct kr_effects effects;
    struct kr_rng rng;
};

static void begin(struct bed *bed, struct hand *hand)
{
    struct kr_core *core = bed_core(bed, 0);
    static uint8_t seed[32];
    seed[0]++;
    *hand = (struct hand){.step = {.core = core, .now_ms = core->now_ms}};
    kr_rng_init(&hand->rng, seed);
    hand->step.rng = &hand->rng;
    hand->step.effects = &hand->effects;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &hand->step.txn), KR_OK);
}

static void end(struct hand *hand)
{
    assert_int_equal(kr_txn_commit(hand->step.txn), KR_OK);
    kr_effects_deinit(&hand->effects);
}

static const char *said(const struct hand *hand)
{
    for (size_t i = 0; i < hand->effects.count; i++) {
        if (hand->effects.items[i].type == KR_EFFECT_LOG) {
            return (const char *)hand->effects.items[i].bytes;
        }
    }
    return "";
}

/* A version of a draft as another node of this council would sign it. */
struct version {
    uint32_t state;
    uint64_t version;
    uint8_t record; /* of what was sent; 0: nothing */
};

static struct kr_job *make(struct hand *hand, const uint8_t token[static 16], const struct version *version, struct kr_slice more)
{
    static struct kr_draft_row row;
    struct kr_core *core = hand->step.core;
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    struct kr_writer content;
    assert_non_null(job);
    row = (struct kr_draft_row){.state = version->state, .op = KR_OP_SUBMIT, .kind = KR_KIND_REPORT, .label = KR_TLP_GREEN};
    row.submitted_ms = row.changed_ms = hand->step.now_ms;
    memcpy(row.token, token, 16);
    memcpy(row.submitter, ids[1], 32);
    row.has_record = version->record != 0;
    memset(row.record_id, version->record, 32);
    /* The row's bytes come back out of the table: one way to write them. */
    struct kr_txn *nested = NULL;
    assert_int_equal(kr_txn_nest(hand->step.txn, &nested), KR_OK);
    assert_int_equal(kr_draft_row_put(nested, &row), KR_OK);
    uint8_t key[17] = {'D'}, value[KR_KIB * 4];
    size_t len;
    memcpy(key + 1, token, 16);
    assert_int_equal(kr_store_get(nested, KR_TABLE_DRAFTS, key, sizeof key, value, sizeof value, &len), KR_OK);
    kr_txn_abort(nested);
    kr_writer_init(&content, KR_MIB);
    kr_writer_array(&content, 2);
    kr_writer_uint(&content, 1);
    kr_writer_slice(&content, more.len > 0 ? more : (struct kr_slice){value, len});
    assert_int_equal(kr_writer_take(&content, &job->content, &job->content_len), KR_OK);
    job->audience = malloc(32);
    job->recipients = malloc(32);
    assert_true(job->audience != NULL && job->recipients != NULL);
    memcpy(job->audience[0], core->self, 32);
    memcpy(job->recipients[0], core->keyring->sealing[0].public_key, 32);
    memcpy(job->author, core->self, 32);
    memcpy(job->subject, token, 16);
    job->draft = (struct kr_draft){.kind = KR_KIND_DRAFT,
                                   .created_ms = hand->step.now_ms,
                                   .expires_s = hand->step.now_ms / 1000 + KR_DRAFT_KEPT_S,
                                   .label = KR_TLP_AMBER_STRICT,
                                   .audience_count = 1,
                                   .recipient_count = 1,
                                   .subject = job->subject,
                                   .version = version->version};
    kr_rng_bytes(hand->step.rng, job->seed, sizeof job->seed);
    kr_job_run(job, core->keyring);
    return job;
}

/* What becomes of it here. */
static enum kr_err take(struct hand *hand, struct kr_job *job)
{
    uint64_t arrival;
    enum kr_err verdict = job->err;
    if (job->err == KR_OK) {
        assert_int_equal(kr_admit(&hand->step, job, hand->step.core->self, NULL, &verdict, &arrival), KR_OK);
    }
    return verdict;
}

static struct kr_draft_row row_of(struct hand *hand, const uint8_t token[static 16])
{
    static struct kr_draft_row row;
    assert_int_equal(kr_draft_get(hand->step.txn, token, &row), KR_OK);
    return row;
}

#define COUNT UINT64_C(4294967296)

/* Whatever was said at whichever node, in whatever order it comes: what was sent stands, else what was decided, else the latest;
 * and of two that are as good the same one everywhere. */
static void what_was_said_apart_comes_to_the_same(void **state)
{
    static const struct version versions[] = {{KR_DRAFT_WAITS, 1, 0},
                                              {KR_DRAFT_RETURNED, 5, 0}, /* edited again and again */
                                              {KR_DRAFT_REJECTED, COUNT + 2, 0},
                                              {KR_DRAFT_WITHDRAWN, COUNT + 2, 0},
                                              {KR_DRAFT_APPROVED, 2 * COUNT + 2, 0xaa},
                                              {KR_DRAFT_APPROVED, 2 * COUNT + 2, 0xbb}};
    struct bed *bed = *state;
    for (uint32_t count = 2; count <= 6; count++) { /* the first so many of them, in every order that turning gives */
        uint32_t wins = 0;
        for (uint32_t first = 0; first < count; first++) {
            for (uint32_t back = 0; back < 2; back++) {
                struct hand hand;
                uint8_t token[16] = {0x71, (uint8_t)count, (uint8_t)first, (uint8_t)back};
                uint8_t least[32];
                memset(least, 0xff, sizeof least);
                begin(bed, &hand);
                for (uint32_t i = 0; i < count; i++) {
                    const uint32_t at = back != 0 ? (first + count - i) % count : (first + i) % count;
                    struct kr_job *job = make(&hand, token, &versions[at], (struct kr_slice){0});
                    const bool is_best = versions[at].version == versions[count - 1].version;
                    if (is_best && memcmp(job->record.id, least, 32) < 0) {
                        memcpy(least, job->record.id, 32);
                        wins = at;
                    }
                    const enum kr_err verdict = take(&hand, job);
                    assert_true(verdict == KR_OK || verdict == KR_EXISTS);
                    kr_job_free(job);
                }
                const struct kr_draft_row row = row_of(&hand, token);
                assert_int_equal(row.state, versions[wins].state);
                assert_int_equal(row.record_id[0], versions[wins].record);
                end(&hand);
            }
        }
    }
}

/* It has gone out twice, and nothing can undo that: it is said which is to be taken back. */
static void two_that_were_sent_are_told_of(void **state)
{
    struct bed *bed = *state;
    struct hand hand;
    const uint8_t token[16] = {0x72};
    const struct version versions[2] = {{KR_DRAFT_APPROVED, 2 * COUNT + 2, 0xaa}, {KR_DRAFT_APPROVED, 2 * COUNT + 2, 0xbb}};
    begin(bed, &hand);
    struct kr_job *jobs[2] = {make(&hand, token, &versions[0], (struct kr_slice){0}),
                              make(&hand, token, &versions[1], (struct kr_slice){0})};
    const uint32_t higher = memcmp(jobs[0]->record.id, jobs[1]->record.id, 32) > 0 ? 0 : 1;
    assert_int_equal(take(&hand, jobs[higher]), KR_OK);
    assert_string_equal(said(&hand), "");
    assert_int_equal(take(&hand, jobs[1 - higher]), KR_OK);
    assert_non_null(strstr(said(&hand), "has gone out twice"));
    assert_non_null(strstr(said(&hand), higher == 0 ? "kairan retract aaaaaaaaaaaaaaaa" : "kairan retract bbbbbbbbbbbbbbbb"));
    kr_job_free(jobs[0]);
    kr_job_free(jobs[1]);
    end(&hand);
}

/* A state that its version does not bear out, what was sent without a record, rubbish. */
static void what_makes_no_sense_is_refused(void **state)
{
    static const struct version versions[] = {{KR_DRAFT_APPROVED, 2, 0xaa},
                                              {KR_DRAFT_APPROVED, COUNT + 2, 0xaa},
                                              {KR_DRAFT_APPROVED, 2 * COUNT + 2, 0},
                                              {KR_DRAFT_WAITS, 2 * COUNT + 2, 0},
                                              {KR_DRAFT_WAITS, 1, 0xaa},
                                              {KR_DRAFT_REJECTED, 2, 0},
                                              {0, 1, 0},
                                              {99, 2 * COUNT + 2, 0xaa},
                                              {KR_DRAFT_REJECTED, 3 * COUNT, 0}};
    struct bed *bed = *state;
    struct kr_draft_row row;
    struct hand hand;
    const uint8_t token[16] = {0x73};
    begin(bed, &hand);
    for (uint32_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct kr_job *job = make(&hand, token, &versions[i], (struct kr_slice){0});
        assert_int_equal(take(&hand, job), KR_MALFORMED);
        kr_job_free(job);
    }
    const struct version fine = {KR_DRAFT_WAITS, 1, 0};
    struct kr_job *job = make(&hand, token, &fine, text("rubbish"));
    assert_int_equal(take(&hand, job), KR_MALFORMED);
    kr_job_free(job);
    assert_int_equal(kr_draft_get(hand.step.txn, token, &row), KR_NOT_FOUND);
    end(&hand);
}

/* Signed by this node's own key, and brought by a peer: whoever had stolen the key would approve what he likes. */
static void none_comes_from_outside(void **state)
{
    struct bed *bed = *state;
    struct hand hand;
    const uint8_t token[16] = {0x74};
    const struct version version = {KR_DRAFT_WAITS, 1, 0};
    begin(bed, &hand);
    struct kr_job *job = make(&hand, token, &version, (struct kr_slice){0});
    struct forged forged = {.bytes = malloc(job->len), .len = job->len};
    assert_non_null(forged.bytes);
    memcpy(forged.bytes, job->bytes, job->len);
    memcpy(forged.id, job->record.id, 32);
    kr_job_free(job);
    end(&hand);
    const uint64_t refused = bed_link(bed, 0, 1)->refused_records;
    struct kr_head head;
    bed_hand_over(bed, 1, 0, &forged);
    assert_int_equal(bed_head(bed, 0, forged.id, &head), KR_NOT_FOUND);
    assert_int_equal(bed_link(bed, 0, 1)->refused_records, refused + 1);
    forged_free(&forged);
}

struct found {
    uint32_t count, whole;
    struct bed *bed;
};

/* Each of them is here and not at the peer; policy would give none to it. */
static bool look_at_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct found *found = context;
    struct kr_directory_entry entry;
    enum kr_policy_reason reason;
    struct kr_head head;
    (void)key;
    assert_int_equal(kr_directory_entry_read(value, &entry), KR_OK);
    assert_int_equal(bed_head(found->bed, 1, entry.record_id, &head), KR_NOT_FOUND);
    assert_int_equal(bed_head(found->bed, 0, entry.record_id, &head), KR_OK);
    for (uint32_t use = KR_POLICY_HOLD; use <= KR_POLICY_USE_MAX; use++) {
        assert_int_equal(kr_policy_of_head(bed_core(found->bed, 0), use, &head, bed_node(found->bed, 1)->council, &reason), KR_OK);
        assert_int_equal(reason, KR_POLICY_DENY_INTERNAL);
    }
    found->count++;
    found->whole += head.state == KR_HEAD_SHOWN;
    return true;
}

static uint32_t records(struct bed *bed)
{
    struct found found = {.bed = bed};
    struct kr_txn *txn = NULL;
    const uint8_t kind = KR_KIND_DRAFT;
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, &kind, 1, look_at_one, &found), KR_OK);
    kr_txn_abort(txn);
    return found.count;
}

static void none_of_it_is_outside(void **state)
{
    struct bed *bed = *state;
    const uint32_t before = records(bed);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_AMBER, "a.example", 1), KR_OK);
    assert_int_equal(submit(bed, KR_TLP_AMBER, "b.example", 2), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(approve(bed, 1), KR_OK);
    as(bed, 0);
    bed_run(bed, 120000);                       /* whole rounds of catching up and walking */
    assert_int_equal(records(bed), before + 4); /* the state of each, and the arguments of each (of the approved one empty) */
}

/* What is left of one draft's arguments in all records. */
struct left {
    struct hand *hand;
    const uint8_t *token;
    uint32_t parts;
    size_t bytes;
};

static bool look_at_part(void *context, struct kr_slice key, struct kr_slice value)
{
    struct left *left = context;
    struct kr_directory_entry entry;
    const uint8_t *subject = key.bytes + key.len - 32;
    uint8_t *content = NULL;
    size_t len;
    if (memcmp(subject, left->token, 16) == 0 && sodium_is_zero(subject + 16, 16) == 0) {
        assert_int_equal(kr_directory_entry_read(value, &entry), KR_OK);
        assert_int_equal(kr_internal_open(left->hand->step.txn, left->hand->step.core->keyring, entry.record_id, &content, &len),
                         KR_OK);
        left->parts++;
        left->bytes += len - 4; /* around the bytes: an array of 2, a version, their head */
        free(content);
    }
    return true;
}

static struct left left_of(struct bed *bed, const uint8_t token[static 16])
{
    struct hand hand;
    struct left left = {.hand = &hand, .token = token};
    const uint8_t kind = KR_KIND_DRAFT;
    begin(bed, &hand);
    assert_int_equal(kr_store_each(hand.step.txn, KR_TABLE_DIRECTORY, &kind, 1, look_at_part, &left), KR_OK);
    end(&hand);
    return left;
}

/* What is large takes several records; of what is decided nothing is left of what it said, in none of them. */
static void arguments_of_any_length(void **state)
{
    struct bed *bed = *state;
    struct kr_submit *large = bed_submission(bed, KR_TLP_GREEN, "large.example", 3);
    struct kr_writer args;
    struct hand hand;
    uint8_t token[16], *kept = NULL;
    char(*values)[64] = malloc(sizeof *values * 4096);
    const char *pointers[4096];
    assert_non_null(values);
    memset(token, 3, sizeof token);
    for (uint32_t i = 0; i < 4096; i++) {
        (void)snprintf(values[i], sizeof values[i], "a-long-label-to-fill-it-%0*u.large.example", i < 3500 ? 9 : 8, i);
        pointers[i] = values[i];
    }
    bed_submission_body(large, pointers, 4096);
    assert_true(large->body.len > KR_BODY_BYTES_MAX - KR_KIB && large->body.len <= KR_BODY_BYTES_MAX);
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(large, &args);
    as(bed, SATO);
    assert_int_equal(send(bed, large), KR_OK);
    as(bed, 0);
    begin(bed, &hand);
    const struct kr_draft_row row = row_of(&hand, token);
    assert_int_equal(row.args_len, args.len);
    assert_int_equal(kr_draft_args_get(&hand.step, &row, &kept), KR_OK);
    assert_memory_equal(kept, args.bytes, args.len);
    free(kept);
    end(&hand);
    struct left left = left_of(bed, token);
    assert_true(left.parts == 2 && left.bytes > args.len);
    as(bed, SUZUKI);
    assert_int_equal(act(bed, KR_OP_DRAFT_REJECT, 3, NULL, "too much", (struct kr_slice){0}), KR_OK);
    as(bed, 0);
    left = left_of(bed, token);
    assert_true(left.parts == 2 && left.bytes == 0);
    kr_writer_deinit(&args);
    free(values);
    bed_submission_free(large);
}

/* A draft of an earlier version: a row with its arguments beside it. */
static void put_old(struct bed *bed, uint8_t token, struct kr_slice args, bool is_damaged)
{
    struct kr_writer writer;
    struct kr_txn *txn = NULL;
    struct kr_draft_row *row = calloc(1, sizeof *row);
    uint8_t id[KR_DRAFT_ID_BYTES], key[19] = {'D'}, hash[32], reach[32];
    assert_non_null(row);
    row->label = KR_TLP_CLEAR;
    assert_int_equal(kr_draft_reach(bed_core(bed, 0), row, reach), KR_OK);
    free(row);
    memset(id, token, sizeof id);
    memcpy(key + 1, id, sizeof id);
    kr_hash(hash, "kairan draft args", args.bytes, args.len);
    kr_writer_init(&writer, KR_MIB);
    kr_writer_array(&writer, 18);
    kr_writer_uint(&writer, KR_DRAFT_WAITS);
    kr_writer_uint(&writer, KR_OP_SUBMIT);
    kr_writer_uint(&writer, KR_KIND_REPORT);
    kr_writer_uint(&writer, KR_TLP_CLEAR);
    kr_writer_bin(&writer, ids[1], 32);
    kr_writer_bin(&writer, NULL, 0);
    kr_writer_uint(&writer, bed->world->now_ms);
    kr_writer_uint(&writer, bed->world->now_ms);
    kr_writer_bin(&writer, NULL, 0);
    kr_writer_bin(&writer, NULL, 0);
    kr_writer_bin(&writer, NULL, 0);
    kr_writer_bin(&writer, reach, 32);
    kr_writer_bin(&writer, hash, 32);
    kr_writer_uint(&writer, args.len);
    kr_writer_str(&writer, "old");
    kr_writer_str(&writer, "");
    kr_writer_uint(&writer, 0);
    kr_writer_bin(&writer, "12345678", 8);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, key, 17, writer.bytes, writer.len), KR_OK);
    key[0] = 'd';
    if (!is_damaged) {
        assert_int_equal(kr_store_put(txn, KR_TABLE_DRAFTS, key, 19, args.bytes, args.len), KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_writer_deinit(&writer);
}

static bool is_old(struct bed *bed, uint8_t token)
{
    static struct kr_draft_row row;
    uint8_t id[KR_DRAFT_ID_BYTES];
    struct kr_txn *txn = NULL;
    memset(id, token, sizeof id);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_draft_get(txn, id, &row), KR_OK);
    kr_txn_abort(txn);
    return row.is_old;
}

/* A store of the version before: each becomes a record once there is time, or when it is looked at; what is damaged stays so. */
static void drafts_of_an_earlier_version_become_records(void **state)
{
    struct bed *bed = *state;
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, "old.example", 0x50);
    struct kr_writer args;
    uint8_t old_args[19] = {'d'}, value[16];
    struct kr_txn *txn = NULL;
    size_t len;
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(submission, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    for (uint8_t i = 0; i < 40; i++) {
        put_old(bed, (uint8_t)(0x50 + i), (struct kr_slice){args.bytes, args.len}, i == 7);
    }
    const uint32_t before = records(bed);
    as(bed, SUZUKI);
    static struct kr_draft_shown shown;
    assert_int_equal(look(bed, 0x51, &shown), KR_OK); /* before its turn */
    assert_int_equal(shown.args.len, args.len);
    as(bed, 0);
    assert_true(is_old(bed, 0x52));
    bed_restart(bed, 0);
    bed_core(bed, 0)->options.approval.report_labels = 1u << KR_TLP_GREEN | 1u << KR_TLP_AMBER;
    bed_run(bed, 5000);
    for (uint8_t i = 0; i < 40; i++) {
        assert_int_equal(is_old(bed, (uint8_t)(0x50 + i)), i == 7);
    }
    assert_int_equal(records(bed), before + 2 * 39);
    memset(old_args + 1, 0x53, 16);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_get(txn, KR_TABLE_DRAFTS, old_args, sizeof old_args, value, sizeof value, &len), KR_NOT_FOUND);
    kr_txn_abort(txn);
    as(bed, SUZUKI);
    assert_int_equal(look(bed, 0x57, &shown), KR_CORRUPT);
    assert_int_equal(approve(bed, 0x50), KR_OK); /* with the token of its arguments */
    as(bed, 0);
    bed_run(bed, 3000);
    assert_true(bed_holds(bed, 1, answer(bed).id));
    kr_writer_deinit(&args);
    bed_submission_free(submission);
}

/* The record of a state that came without its arguments, as from another node that has more to bring. */
static void what_has_not_come_yet_is_waited_for(void **state)
{
    struct bed *bed = *state;
    static struct kr_draft_shown shown;
    struct hand hand;
    uint8_t token[16];
    memset(token, 0x7a, sizeof token);
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "slow.example", 0x7a), KR_OK);
    begin(bed, &hand);
    struct kr_draft_row row = row_of(&hand, token);
    row.args_hash[0] ^= 1; /* an edit of which only this has come */
    row.args_len++;
    assert_int_equal(kr_draft_row_put(hand.step.txn, &row), KR_OK);
    end(&hand);
    as(bed, SUZUKI);
    assert_int_equal(look(bed, 0x7a, &shown), KR_NOT_FOUND);
    assert_non_null(strstr(bed->text, "another node"));
    as(bed, 0);
}

/* A record expires no earlier than the draft could come back from elsewhere; then nothing is left of it. */
static void records_of_drafts_end(void **state)
{
    struct bed *bed = *state;
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "ends.example", 0x7b), KR_OK);
    as(bed, SUZUKI);
    assert_int_equal(act(bed, KR_OP_DRAFT_REJECT, 0x7b, NULL, "no", (struct kr_slice){0}), KR_OK);
    as(bed, 0);
    assert_true(records(bed) > 0);
    expire_in(bed, 700);
    assert_int_equal(state_of(bed, 0x7b), KR_DRAFT_REJECTED);
    expire_in(bed, 740);
    assert_int_equal(records(bed), 0);
    assert_int_equal(state_of(bed, 0x7b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_apart_comes_to_the_same),
        cmocka_unit_test(two_that_were_sent_are_told_of),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(none_comes_from_outside),
        cmocka_unit_test(none_of_it_is_outside),
        cmocka_unit_test(arguments_of_any_length),
        cmocka_unit_test(drafts_of_an_earlier_version_become_records),
        cmocka_unit_test(what_has_not_come_yet_is_waited_for),
        cmocka_unit_test(records_of_drafts_end),
    };
    return cmocka_run_group_tests_name("core/draft_shared", tests, setup, teardown);
}
