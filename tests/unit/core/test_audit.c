/* The audit log: complete, with the act or not at all, bounded, and a chain that shows what was changed in it. */
#include "node/core/audit.h"
#include "node/core/people.h"
#include "node/core/query.h"
#include "proto/client/audit.h"
#include "tests/unit/core/people_test.h"

#define SATO    1001u
#define SUZUKI  1002u /* admin and intake */
#define TANAKA  1003u /* admin and approver */
#define ENTRIES 1024u

static const uint8_t body[32] = {0x5a}, sato[32] = {1}, suzuki[32] = {2}, tanaka[32] = {3};

static int setup(void **state)
{
    *state = bed_new(1);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static uint32_t enter_body(struct bed *bed)
{
    struct kr_body_act act = {
        .action = KR_BODY_ADD, .changes = {[KR_BODY_NAME_EN] = true}, .texts = {[KR_BODY_NAME_EN] = text("b")}};
    memcpy(act.id, body, 32);
    return put_body(bed, 0, &act);
}

static uint32_t person_act(struct bed *bed, uint32_t action)
{
    struct kr_person_act act = {.action = action, .roles = KR_ROLE_ANALYST};
    memcpy(act.id, sato, 32);
    if (action == KR_PERSON_ADD) {
        memcpy(act.body, body, 32);
        act.changes[KR_PERSON_NAME] = act.changes[KR_PERSON_ROLES] = act.has_uid = true;
        act.name = text("Sato");
        act.uid = SATO;
    }
    return put_person(bed, 0, &act);
}

static uint32_t enter(struct bed *bed, const uint8_t id[static 32], uint32_t uid, uint32_t roles)
{
    struct kr_person_act act = {.action = KR_PERSON_ADD, .roles = roles, .name = text("somebody"), .has_uid = true, .uid = uid};
    struct kr_writer args;
    memcpy(act.id, id, 32);
    memcpy(act.body, body, 32);
    act.changes[KR_PERSON_NAME] = act.changes[KR_PERSON_ROLES] = true;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_person_act_write(&act, &args);
    const uint32_t code = bed_request(bed, 0, KR_OP_PERSON, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    return code;
}

static uint32_t submit(struct bed *bed, const char *domain, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, domain, token);
    const uint32_t code = bed_submit(bed, 0, submission, ret_id);
    bed_submission_free(submission);
    return code;
}

/* ---- reading ---- */

struct log {
    struct kr_audit_item items[ENTRIES];
    uint8_t persons[ENTRIES][32], targets[ENTRIES][32];
    char notes[ENTRIES][64];
    uint32_t count, pages, problems;
    bool is_problems;
    struct kr_audit_checked checked;
};

static enum kr_err take_item(void *context, struct kr_slice item)
{
    struct log *log = context;
    if (log->is_problems) {
        log->problems++;
        return KR_OK;
    }
    assert_true(log->count < ENTRIES);
    struct kr_audit_item *entry = &log->items[log->count];
    assert_int_equal(kr_audit_item_read(item, entry), KR_OK);
    memcpy(log->persons[log->count], entry->person.bytes, entry->person.len);
    memcpy(log->targets[log->count], entry->target.bytes, entry->target.len);
    (void)kr_slice_text(entry->note, log->notes[log->count], sizeof log->notes[0]);
    log->count++;
    return KR_OK;
}

static enum kr_err ask(struct bed *bed, uint32_t op, struct kr_writer *args, uint32_t uid, struct log *log)
{
    struct kr_query query;
    struct kr_writer result;
    struct kr_error error = {0};
    bool is_done = false;
    enum kr_err err = KR_OK;
    memset(log, 0, sizeof *log);
    log->is_problems = op == KR_OP_AUDIT_VERIFY;
    kr_writer_init(&result, KR_KIB);
    assert_int_equal(kr_query_init(&query, op, (struct kr_slice){args->bytes, args->len}, false), KR_OK);
    query.caller = (struct kr_caller){.is_guest = uid != 0, .uid = uid};
    while (!is_done && err == KR_OK) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        err = kr_query_page(&query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, bed_at_once, take_item, log, &result,
                            &is_done, &error);
        kr_txn_abort(txn);
        log->pages++;
    }
    if (err == KR_OK && log->is_problems) {
        assert_int_equal(kr_audit_checked_read((struct kr_slice){result.bytes, result.len}, &log->checked), KR_OK);
    }
    kr_query_deinit(&query);
    kr_writer_deinit(&result);
    kr_writer_deinit(args);
    return err;
}

static enum kr_err read_log(struct bed *bed, uint64_t since_ms, const uint8_t *person, uint32_t uid, struct log *log)
{
    struct kr_audit_ask want = {.since_ms = since_ms, .has_person = person != NULL};
    struct kr_writer args;
    if (person != NULL) {
        memcpy(want.person, person, 32);
    }
    kr_writer_init(&args, KR_KIB);
    kr_audit_ask_write(&want, &args);
    return ask(bed, KR_OP_AUDIT, &args, uid, log);
}

static enum kr_err verify_as(struct bed *bed, const struct kr_audit_anchor *anchor, uint32_t uid, struct log *log)
{
    static const struct kr_audit_anchor none;
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_audit_anchor_write(anchor != NULL ? anchor : &none, &args);
    return ask(bed, KR_OP_AUDIT_VERIFY, &args, uid, log);
}

static void verify(struct bed *bed, const struct kr_audit_anchor *anchor, struct log *log)
{
    assert_int_equal(verify_as(bed, anchor, 0, log), KR_OK);
}

static struct log log_of_test; /* large */

/* ---- tests ---- */

static void it_begins_with_the_first_person(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    assert_int_equal(submit(bed, "a.example", 1, id), KR_OK);
    assert_int_equal(enter_body(bed), KR_OK);
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, 0);
    assert_int_equal(person_act(bed, KR_PERSON_ADD), KR_OK);
    assert_int_equal(person_act(bed, KR_PERSON_ADD), KR_EXISTS);
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, 2);
    assert_int_equal(log_of_test.items[0].outcome, KR_OK);
    assert_int_equal(log_of_test.items[1].outcome, KR_EXISTS);
    assert_int_equal(log_of_test.items[0].op, KR_OP_PERSON);
    assert_int_equal(log_of_test.items[0].person.len, 0); /* the operator's */
    assert_memory_equal(log_of_test.targets[0], sato, 32);
}

static void acts_and_refusals_are_there(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    as(bed, SATO);
    assert_int_equal(submit(bed, "b.example", 2, id), KR_OK);
    assert_int_equal(submit(bed, "192.0.2.1.example", 2, id), KR_OK); /* the same token */
    assert_int_equal(person_act(bed, KR_PERSON_SUSPEND), KR_DENIED);
    as(bed, 0);
    assert_int_equal(enter(bed, suzuki, SUZUKI, KR_ROLE_ADMIN | KR_ROLE_INTAKE), KR_OK);
    assert_int_equal(enter(bed, tanaka, TANAKA, KR_ROLE_ADMIN | KR_ROLE_APPROVER | KR_ROLE_ANALYST), KR_OK);
    assert_int_equal(read_log(bed, 0, sato, SUZUKI, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, 3);
    assert_true(log_of_test.pages >= 3);
    assert_int_equal(log_of_test.items[0].op, KR_OP_SUBMIT);
    assert_int_equal(log_of_test.items[0].outcome, KR_OK);
    assert_int_equal(log_of_test.items[0].uid, SATO);
    assert_memory_equal(log_of_test.targets[0], id, 32);
    assert_int_equal(log_of_test.items[2].outcome, KR_DENIED);
    assert_int_equal(log_of_test.items[2].op, KR_OP_PERSON);
    assert_int_equal(read_log(bed, 0, NULL, SATO, &log_of_test), KR_DENIED); /* for admins alone */
    assert_int_equal(read_log(bed, bed->world->now_ms + 1, NULL, 0, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, 0);
    verify(bed, NULL, &log_of_test);
    assert_int_equal(log_of_test.checked.problems, 0);
    assert_int_equal(log_of_test.checked.next, 7);
}

/* Who submitted is for intake; another admin, and whoever owns the machine, sees that something was submitted, and not by whom. */
static void who_submitted_is_for_intake(void **state)
{
    struct bed *bed = *state;
    static const uint8_t nobody[32];
    static const uint32_t others[] = {0, TANAKA};
    uint8_t id[32];
    for (size_t i = 0; i < 2; i++) {
        uint32_t hidden = 0;
        assert_int_equal(read_log(bed, 0, sato, others[i], &log_of_test), KR_OK);
        assert_int_equal(log_of_test.count, 1); /* the refusal, which is no submission */
        assert_int_equal(log_of_test.items[0].outcome, KR_DENIED);
        assert_int_equal(log_of_test.items[0].person.len, 32);
        assert_int_equal(read_log(bed, 0, NULL, others[i], &log_of_test), KR_OK);
        for (uint32_t n = 0; n < log_of_test.count; n++) {
            const struct kr_audit_item *item = &log_of_test.items[n];
            if (item->op == KR_OP_SUBMIT) {
                hidden++;
                assert_int_equal(item->person.len, 8);
                assert_memory_equal(log_of_test.persons[n], nobody, 8);
                assert_int_equal(item->name.len, 0);
                assert_int_equal(item->uid, KR_AUDIT_BY_KEY); /* which user of the machine would tell as much */
                assert_int_equal(item->stands_for.len, 0);
            }
        }
        assert_int_equal(hidden, 2);
    }
    as(bed, TANAKA); /* one's own are no secret */
    assert_int_equal(submit(bed, "tanaka.example", 3, id), KR_OK);
    as(bed, 0);
    assert_int_equal(read_log(bed, 0, tanaka, TANAKA, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, 1);
    assert_int_equal(log_of_test.items[0].op, KR_OP_SUBMIT);
    assert_int_equal(log_of_test.items[0].uid, TANAKA);
    assert_int_equal(read_log(bed, 0, tanaka, 0, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, 0);
}

/* Sato's submission as an entry without a salt: what can be known of it by whoever guesses that it was Sato. */
static void write_unsalted(struct kr_writer *writer, uint64_t number, uint64_t at_ms, const uint8_t target[static 32])
{
    kr_writer_init(writer, KR_AUDIT_ROW_BYTES);
    kr_writer_array(writer, 10);
    kr_writer_uint(writer, number);
    kr_writer_uint(writer, at_ms);
    kr_writer_bin(writer, sato, sizeof sato);
    kr_writer_bin(writer, NULL, 0);
    kr_writer_uint(writer, KR_CREDENTIAL_USER);
    kr_writer_uint(writer, SATO);
    kr_writer_uint(writer, KR_OP_SUBMIT);
    kr_writer_uint(writer, KR_OK);
    kr_writer_bin(writer, target, 32);
    kr_writer_str(writer, "");
}

/* The hashes that are shown tell nobody who tries everybody's id whose entry it was. */
static void hashes_do_not_tell_who_submitted(void **state)
{
    struct bed *bed = *state;
    struct kr_writer guess, salted;
    struct kr_audit_entry entry, before;
    struct kr_txn *txn = NULL;
    struct kr_slice row = {0};
    uint8_t id[32], hash[32], bytes[KR_AUDIT_ROW_BYTES];
    as(bed, SATO);
    assert_int_equal(submit(bed, "guessed.example", 4, id), KR_OK);
    as(bed, 0);
    assert_int_equal(read_log(bed, 0, NULL, TANAKA, &log_of_test), KR_OK);
    const uint32_t n = log_of_test.count - 1;
    const struct kr_audit_item *item = &log_of_test.items[n];
    assert_int_equal(item->op, KR_OP_SUBMIT);
    assert_int_equal(item->person.len, 8);
    write_unsalted(&guess, item->number, item->at_ms, log_of_test.targets[n]);
    memcpy(hash, log_of_test.items[n - 1].hash, sizeof hash);
    kr_audit_hash(hash, (struct kr_slice){guess.bytes, guess.len});
    assert_memory_not_equal(hash, item->hash, sizeof hash);
    /* The guess was right: with the salt, which is in the store alone, it is that entry. */
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_audit_row_get(txn, item->number - 1, bytes, &row, hash), KR_OK);
    assert_int_equal(kr_audit_entry_read(row, &before), KR_OK);
    assert_int_equal(kr_audit_row_get(txn, item->number, bytes, &row, hash), KR_OK);
    assert_int_equal(kr_audit_entry_read(row, &entry), KR_OK);
    kr_txn_abort(txn);
    assert_memory_not_equal(before.salt, entry.salt, sizeof entry.salt);
    kr_writer_init(&salted, KR_AUDIT_ROW_BYTES);
    kr_writer_array(&salted, 11);
    assert_int_equal(row.len, guess.len + 2 + sizeof entry.salt);
    assert_memory_equal(row.bytes, salted.bytes, 1);
    assert_memory_equal(row.bytes + 1, guess.bytes + 1, guess.len - 1);
    memcpy(hash, log_of_test.items[n - 1].hash, sizeof hash);
    kr_audit_hash(hash, row);
    assert_memory_equal(hash, item->hash, sizeof hash);
    kr_writer_deinit(&salted);
    kr_writer_deinit(&guess);
}

/* Whoever is suspended while a job runs gets nothing of it, and the log says so. */
static void nothing_is_made_for_who_is_suspended_meanwhile(void **state)
{
    struct bed *bed = *state;
    struct kr_submit *submission = bed_submission(bed, KR_TLP_CLEAR, "meanwhile.example", 9);
    struct kr_writer args;
    struct kr_person_act act = {.action = KR_PERSON_SUSPEND};
    const uint64_t records = bed_records(bed, 0);
    memcpy(act.id, sato, 32);
    kr_writer_init(&args, KR_MIB);
    kr_submit_write(submission, &args);
    /* Both in one batch: the job that the first one begins ends after the second. */
    struct kr_event event = {
        .type = KR_EVENT_REQUEST, .client = BED_CLIENT + 1, .request = 5001, .op = KR_OP_SUBMIT, .caller = {true, SATO}};
    sim_world_push(bed->world, bed_node(bed, 0), event, args.bytes, args.len, bed->world->now_ms);
    kr_writer_deinit(&args);
    bed_submission_free(submission);
    assert_int_equal(person_act(bed, KR_PERSON_SUSPEND), KR_OK);
    bed_run(bed, 1000);
    assert_int_equal(read_log(bed, 0, sato, SUZUKI, &log_of_test), KR_OK);
    const struct kr_audit_item *last = &log_of_test.items[log_of_test.count - 1];
    assert_int_equal(bed_records(bed, 0), records + 1); /* the card in its predecessor's place, and that one, kept in no tree */
    assert_int_equal(last->outcome, KR_DENIED);
    assert_int_equal(last->op, KR_OP_SUBMIT);
    assert_int_equal(person_act(bed, KR_PERSON_RESUME), KR_OK);
}

static void refusals_are_bounded(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    const uint32_t before = log_of_test.count;
    as(bed, SATO);
    for (uint32_t i = 0; i < KR_AUDIT_DENIED_DAY_MAX + 20; i++) {
        assert_int_equal(person_act(bed, KR_PERSON_SUSPEND), KR_DENIED);
    }
    as(bed, 0);
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    const uint32_t denied = log_of_test.count - before;
    assert_in_range(denied, KR_AUDIT_DENIED_DAY_MAX - 3, KR_AUDIT_DENIED_DAY_MAX); /* some were before, in other tests */
    assert_non_null(strstr(log_of_test.notes[log_of_test.count - 1], "not written"));
    bed_run(bed, BED_DAY_MS);
    as(bed, SATO);
    assert_int_equal(person_act(bed, KR_PERSON_SUSPEND), KR_DENIED);
    as(bed, 0);
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, before + denied + 1);
}

/* Whoever may do something, and does nothing with it over and over, fills no disk. */
static void what_comes_to_nothing_is_bounded(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    bed_run(bed, BED_DAY_MS);
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    const uint32_t before = log_of_test.count;
    as(bed, SATO);
    for (uint32_t i = 0; i < KR_AUDIT_FAILED_DAY_MAX / 2 + 10; i++) {
        uint8_t none[1] = {0x90};
        assert_int_equal(submit(bed, "b.example", 2, id), KR_OK); /* sent before */
        assert_int_equal(bed_request(bed, 0, KR_OP_DRAFT_WITHDRAW, none, sizeof none, 1), KR_MALFORMED);
    }
    as(bed, 0);
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, before + KR_AUDIT_FAILED_DAY_MAX);
    assert_non_null(strstr(log_of_test.notes[log_of_test.count - 1], "not written"));
    as(bed, SATO);
    assert_int_equal(submit(bed, "done.example", 99, id), KR_OK); /* what is done stands there all the same */
    as(bed, 0);
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, before + KR_AUDIT_FAILED_DAY_MAX + 1);
    assert_memory_equal(log_of_test.targets[log_of_test.count - 1], id, 32);
}

/* A query that takes everything out is one entry an hour; one that is refused is an entry. */
static void queries_are_noted(void **state)
{
    struct bed *bed = *state;
    struct kr_event event = {.type = KR_EVENT_NOTED, .op = KR_OP_EXPORT, .caller = {true, SATO}};
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    const uint32_t before = log_of_test.count;
    for (uint32_t i = 0; i < 3; i++) {
        sim_world_push(bed->world, bed_node(bed, 0), event, NULL, 0, bed->world->now_ms);
        bed_run(bed, 1000);
    }
    event.op = KR_OP_LOOKUP; /* a mere look is none */
    sim_world_push(bed->world, bed_node(bed, 0), event, NULL, 0, bed->world->now_ms);
    event.op = KR_OP_AUDIT; /* and this was refused */
    sim_world_push(bed->world, bed_node(bed, 0), event, NULL, 0, bed->world->now_ms);
    bed_run(bed, 1000);
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, before + 2);
    assert_int_equal(log_of_test.items[before].op, KR_OP_EXPORT);
    assert_int_equal(log_of_test.items[before].outcome, KR_OK);
    assert_int_equal(log_of_test.items[before + 1].outcome, KR_DENIED);
}

/* ---- the chain ---- */

struct tampering {
    struct bed *bed;
    struct kr_txn *txn;
};

static void begin(struct bed *bed, struct tampering *tampering)
{
    tampering->bed = bed;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &tampering->txn), KR_OK);
}

static void key_of(uint64_t number, uint8_t ret_key[static 9])
{
    ret_key[0] = 'A';
    for (unsigned i = 0; i < 8; i++) {
        ret_key[1 + i] = (uint8_t)(number >> (56 - 8 * i));
    }
}

/* Writes the entry with another outcome, and, as a clever one would, the right hash for it. */
static void rewrite(struct tampering *tampering, uint64_t number)
{
    uint8_t bytes[KR_AUDIT_ROW_BYTES], other[KR_AUDIT_ROW_BYTES], hash[32], before[32], key[9];
    struct kr_slice row = {0}, previous = {0};
    struct kr_writer writer;
    assert_int_equal(kr_audit_row_get(tampering->txn, number - 1, other, &previous, before), KR_OK);
    assert_int_equal(kr_audit_row_get(tampering->txn, number, bytes, &row, hash), KR_OK);
    uint8_t *entry = bytes + (row.bytes - bytes);
    entry[row.len - 20] ^= 1; /* the target's last byte: an empty note and the salt are behind it */
    kr_audit_hash(before, row);
    key_of(number, key);
    kr_writer_init(&writer, KR_AUDIT_ROW_BYTES);
    kr_writer_array(&writer, 2);
    kr_writer_slice(&writer, row);
    kr_writer_bin(&writer, before, sizeof before);
    assert_int_equal(kr_store_put(tampering->txn, KR_TABLE_DRAFTS, key, sizeof key, writer.bytes, writer.len), KR_OK);
    kr_writer_deinit(&writer);
}

static void restore(struct bed *bed, uint64_t number, const uint8_t *value, size_t len)
{
    struct tampering tampering;
    uint8_t key[9];
    key_of(number, key);
    begin(bed, &tampering);
    assert_int_equal(kr_store_put(tampering.txn, KR_TABLE_DRAFTS, key, sizeof key, value, len), KR_OK);
    assert_int_equal(kr_txn_commit(tampering.txn), KR_OK);
}

static void what_was_changed_shows(void **state)
{
    struct bed *bed = *state;
    struct kr_audit_anchor anchor = {.has_anchor = true, .number = 3};
    uint8_t value[KR_AUDIT_ROW_BYTES], key[9];
    size_t len = 0;
    struct tampering tampering;
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    memcpy(anchor.hash, log_of_test.items[3].hash, 32);
    verify(bed, &anchor, &log_of_test);
    assert_int_equal(log_of_test.checked.met, KR_AUDIT_MET);
    assert_int_equal(log_of_test.problems, 0);
    key_of(2, key);
    begin(bed, &tampering);
    assert_int_equal(kr_store_get(tampering.txn, KR_TABLE_DRAFTS, key, sizeof key, value, sizeof value, &len), KR_OK);
    rewrite(&tampering, 2);
    assert_int_equal(kr_txn_commit(tampering.txn), KR_OK);
    verify(bed, &anchor, &log_of_test);
    assert_int_equal(log_of_test.problems, 1); /* entry 3 does not follow from what now is entry 2 */
    assert_int_equal(log_of_test.checked.met, KR_AUDIT_DIFFERS);
    restore(bed, 2, value, len);
    /* One that is missing, and the last one gone. */
    begin(bed, &tampering);
    assert_int_equal(kr_store_delete(tampering.txn, KR_TABLE_DRAFTS, key, sizeof key), KR_OK);
    assert_int_equal(kr_txn_commit(tampering.txn), KR_OK);
    verify(bed, NULL, &log_of_test);
    assert_int_equal(log_of_test.problems, 2); /* missing, and the next does not follow */
    restore(bed, 2, value, len);
    verify(bed, &anchor, &log_of_test);
    assert_int_equal(log_of_test.problems, 0);
    anchor.hash[0] ^= 1;
    verify(bed, &anchor, &log_of_test);
    assert_int_equal(log_of_test.checked.met, KR_AUDIT_DIFFERS);
    anchor.number = 100000;
    verify(bed, &anchor, &log_of_test);
    assert_int_equal(log_of_test.checked.met, KR_AUDIT_GONE);
}

/* Puts an entry as it was before there were salts behind the last one. Returns its number. */
static uint64_t append_unsalted(struct bed *bed)
{
    struct tampering tampering;
    struct kr_audit_chain chain;
    struct kr_writer entry, row, head;
    uint8_t key[9];
    begin(bed, &tampering);
    assert_int_equal(kr_audit_chain_get(tampering.txn, &chain), KR_OK);
    write_unsalted(&entry, chain.next, bed->world->now_ms, sato);
    kr_audit_hash(chain.hash, (struct kr_slice){entry.bytes, entry.len});
    key_of(chain.next, key);
    kr_writer_init(&row, KR_AUDIT_ROW_BYTES);
    kr_writer_array(&row, 2);
    kr_writer_bin(&row, entry.bytes, entry.len);
    kr_writer_bin(&row, chain.hash, sizeof chain.hash);
    assert_int_equal(kr_store_put_writer(tampering.txn, KR_TABLE_DRAFTS, key, sizeof key, &row), KR_OK);
    kr_writer_init(&head, KR_AUDIT_ROW_BYTES);
    kr_writer_array(&head, 4);
    kr_writer_uint(&head, chain.next + 1);
    kr_writer_bin(&head, chain.hash, sizeof chain.hash);
    kr_writer_uint(&head, chain.first);
    kr_writer_bin(&head, chain.before, sizeof chain.before);
    assert_int_equal(kr_store_put_writer(tampering.txn, KR_TABLE_DRAFTS, "a", 1, &head), KR_OK);
    kr_writer_deinit(&entry);
    assert_int_equal(kr_txn_commit(tampering.txn), KR_OK);
    return chain.next;
}

/* Entries of before there were salts are read and verified; their hashes, and whether a hash is theirs, are for intake. */
static void unsalted_entries_stay(void **state)
{
    struct bed *bed = *state;
    static const uint8_t none[32];
    struct kr_audit_anchor anchor = {.has_anchor = true};
    uint8_t id[32];
    anchor.number = append_unsalted(bed);
    as(bed, SATO);
    assert_int_equal(submit(bed, "salted.example", 5, id), KR_OK);
    as(bed, 0);
    assert_int_equal(read_log(bed, 0, NULL, TANAKA, &log_of_test), KR_OK);
    const uint32_t n = log_of_test.count - 2;
    assert_int_equal(log_of_test.items[n].number, anchor.number);
    assert_int_equal(log_of_test.items[n].person.len, 8);
    assert_memory_equal(log_of_test.items[n].hash, none, 32);
    assert_memory_not_equal(log_of_test.items[n + 1].hash, none, 32);
    assert_int_equal(read_log(bed, 0, NULL, SUZUKI, &log_of_test), KR_OK);
    memcpy(anchor.hash, log_of_test.items[n].hash, 32);
    assert_memory_not_equal(anchor.hash, none, 32);
    assert_int_equal(verify_as(bed, &anchor, SUZUKI, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.problems, 0);
    assert_int_equal(log_of_test.checked.met, KR_AUDIT_MET);
    assert_int_equal(verify_as(bed, &anchor, TANAKA, &log_of_test), KR_DENIED);
    assert_int_equal(verify_as(bed, NULL, TANAKA, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.problems, 0);
}

/* An act that the store did not take is not in the log; a restart changes nothing. */
static void it_is_as_durable_as_the_acts(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32];
    verify(bed, NULL, &log_of_test);
    const struct kr_audit_checked before = log_of_test.checked;
    bed_restart(bed, 0);
    verify(bed, NULL, &log_of_test);
    assert_true(log_of_test.checked.next == before.next && log_of_test.checked.problems == 0);
    assert_memory_equal(log_of_test.checked.hash, before.hash, sizeof before.hash);
    as(bed, SATO);
    assert_int_equal(submit(bed, "after.example", 30, id), KR_OK);
    as(bed, 0);
    verify(bed, NULL, &log_of_test);
    assert_int_equal(log_of_test.checked.next, before.next + 1);
    assert_int_equal(log_of_test.checked.problems, 0);
}

static void old_entries_go_and_the_rest_still_verifies(void **state)
{
    struct bed *bed = *state;
    struct kr_core *core = bed_core(bed, 0);
    uint8_t id[32];
    verify(bed, NULL, &log_of_test);
    const uint64_t next = log_of_test.checked.next;
    core->options.audit_keep_s = 3 * BED_DAY_MS / 1000;
    bed_run(bed, 4 * (uint64_t)BED_DAY_MS);
    as(bed, SATO);
    assert_int_equal(submit(bed, "later.example", 40, id), KR_OK);
    as(bed, 0);
    core->audit_at_ms = 0;
    core->expiry_at_ms = 0;
    bed_run(bed, 7200000);
    verify(bed, NULL, &log_of_test);
    assert_int_equal(log_of_test.checked.first, next);
    assert_int_equal(log_of_test.checked.next, next + 1);
    assert_int_equal(log_of_test.checked.problems, 0);
    assert_int_equal(read_log(bed, 0, NULL, 0, &log_of_test), KR_OK);
    assert_int_equal(log_of_test.count, 1);
    assert_int_equal(log_of_test.items[0].number, next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_the_first_person),
        cmocka_unit_test(acts_and_refusals_are_there),
        cmocka_unit_test(who_submitted_is_for_intake),
        cmocka_unit_test(hashes_do_not_tell_who_submitted),
        cmocka_unit_test(nothing_is_made_for_who_is_suspended_meanwhile),
        cmocka_unit_test(refusals_are_bounded),
        cmocka_unit_test(what_comes_to_nothing_is_bounded),
        cmocka_unit_test(queries_are_noted),
        cmocka_unit_test(what_was_changed_shows),
        cmocka_unit_test(unsalted_entries_stay),
        cmocka_unit_test(it_is_as_durable_as_the_acts),
        cmocka_unit_test(old_entries_go_and_the_rest_still_verifies),
    };
    return cmocka_run_group_tests_name("core/audit", tests, setup, teardown);
}
