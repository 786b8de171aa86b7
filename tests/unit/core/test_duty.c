/* What may be sent without waiting: who is on duty, under which consent, to whom; that it is reviewed; and that a name that stands
 * for a submitter is opened for a reason that the submitter sees. */
#include "node/core/audit.h"
#include "node/core/duty.h"
#include "tests/unit/core/draft_test.h"

#define SECOND 1004u /* (Yamada of draft_test.h): an approver of these tests */

static const uint8_t typhoon[32] = {0xc1}, other[32] = {0xc2}, third[32] = {0xc3};
static struct kr_duty_act act_now;

static uint64_t now_s(const struct bed *bed)
{
    return bed->world->now_ms / 1000;
}

static uint32_t duty(struct bed *bed)
{
    struct kr_writer args;
    kr_writer_init(&args, KR_MIB);
    kr_duty_act_write(&act_now, &args);
    const uint32_t code = bed_request(bed, 0, KR_OP_DUTY_ACT, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    return code;
}

static uint32_t roster(struct bed *bed, uint32_t action, uint32_t uid, int64_t from_s, int64_t until_s)
{
    act_now = (struct kr_duty_act){.action = action, .entry_count = 1};
    act_now.entries[0].from_s = now_s(bed) + (uint64_t)from_s;
    act_now.entries[0].until_s = now_s(bed) + (uint64_t)until_s;
    memcpy(act_now.entries[0].person, ids[uid - 1000], 32);
    return duty(bed);
}

/* Reports of AMBER to node 1, and of GREEN. */
static void fill_consent(struct bed *bed, const uint8_t id[static 32], uint64_t for_s)
{
    static uint8_t councils[32];
    act_now = (struct kr_duty_act){.action = KR_DUTY_CONSENT_ADD,
                                   .kinds = 1u << KR_KIND_REPORT,
                                   .labels = 1u << KR_TLP_AMBER | 1u << KR_TLP_GREEN,
                                   .councils = {councils, 32},
                                   .until_s = now_s(bed) + for_s,
                                   .reason = text("typhoon season")};
    memcpy(act_now.id, id, 32);
    memcpy(councils, bed_node(bed, 1)->council, 32);
}

static uint32_t end_consent(struct bed *bed, const uint8_t id[static 32])
{
    act_now = (struct kr_duty_act){.action = KR_DUTY_CONSENT_END, .reason = text("over")};
    memcpy(act_now.id, id, 32);
    return duty(bed);
}

static int setup_duty(void **state)
{
    assert_int_equal(setup(state), 0);
    struct bed *bed = *state;
    struct kr_person_act change = {.action = KR_PERSON_CHANGE, .roles = KR_ROLE_APPROVER};
    change.changes[KR_PERSON_ROLES] = true;
    memcpy(change.id, ids[SECOND - 1000], 32);
    assert_int_equal(person_act(bed, &change), KR_OK);
    return 0;
}

static void who_may_agree(void **state)
{
    struct bed *bed = *state;
    static const struct {
        uint32_t uid, code;
    } cases[] = {{SATO, KR_DENIED}, {TANAKA, KR_DENIED}, {SUZUKI, KR_OK}};
    for (uint32_t i = 0; i < 3; i++) {
        as(bed, cases[i].uid);
        fill_consent(bed, typhoon, 30 * 86400);
        assert_int_equal(duty(bed), cases[i].code);
        assert_int_equal(roster(bed, KR_DUTY_SET, SATO, 86400, 2 * 86400), cases[i].code);
    }
    fill_consent(bed, typhoon, 30 * 86400);
    assert_int_equal(duty(bed), KR_EXISTS);
    fill_consent(bed, other, 30 * 86400);
    act_now.reason = text("");
    assert_int_equal(duty(bed), KR_INVALID);
    fill_consent(bed, other, 0); /* ends at once */
    assert_int_equal(duty(bed), KR_INVALID);
    fill_consent(bed, other, 401 * 86400);
    assert_int_equal(duty(bed), KR_INVALID);
    fill_consent(bed, other, 86400);
    act_now.labels |= 1u << KR_TLP_RED;
    assert_int_equal(duty(bed), KR_INVALID);
    fill_consent(bed, other, 86400);
    act_now.kinds = 1u << KR_KIND_RETRACTION;
    assert_int_equal(duty(bed), KR_INVALID);
    fill_consent(bed, other, 86400);
    act_now.councils.len = 0; /* AMBER to nobody */
    assert_int_equal(duty(bed), KR_INVALID);
    fill_consent(bed, other, 86400);
    act_now.councils = (struct kr_slice){ids[3], 32}; /* no council */
    assert_int_equal(duty(bed), KR_NOT_FOUND);
    uint8_t rosters[32];
    kr_duty_roster_subject(rosters); /* no list would show it there */
    fill_consent(bed, rosters, 86400);
    assert_int_equal(duty(bed), KR_INVALID);
    fill_consent(bed, other, 86400);
    act_now.has_person = true;
    act_now.person[0] = 0x77; /* no person */
    assert_int_equal(duty(bed), KR_NOT_FOUND);
    act_now =
        (struct kr_duty_act){.action = KR_DUTY_ADD, .entry_count = 1, .entries = {{.person = {0x77}, .from_s = 1, .until_s = 2}}};
    assert_int_equal(duty(bed), KR_NOT_FOUND);
    assert_int_equal(end_consent(bed, third), KR_NOT_FOUND);
    as(bed, 0);
    assert_int_equal(roster(bed, KR_DUTY_ADD, SATO, 3 * 86400, 4 * 86400), KR_OK); /* the operator is an admin */
}

/* Sato's submission: whether it waits; else under which consent it went. */
static bool waits(struct bed *bed, enum kr_label label, uint8_t token)
{
    char domain[32];
    (void)snprintf(domain, sizeof domain, "duty%u.example", token);
    as(bed, SATO);
    assert_int_equal(submit(bed, label, domain, token), KR_OK);
    const struct kr_stored stored = answer(bed);
    assert_true(stored.waits != stored.has_consent);
    as(bed, 0);
    return stored.waits;
}

static void on_duty_it_is_sent_at_once(void **state)
{
    struct bed *bed = *state;
    uint8_t record[32];
    assert_true(waits(bed, KR_TLP_AMBER, 1)); /* not on duty yet */
    as(bed, SUZUKI);
    assert_int_equal(roster(bed, KR_DUTY_SET, SATO, -60, 86400), KR_OK);
    assert_false(waits(bed, KR_TLP_AMBER, 2));
    assert_memory_equal(answer(bed).consent, typhoon, 32);
    memcpy(record, answer(bed).id, 32);
    assert_int_equal(state_of(bed, 2), KR_DRAFT_AHEAD);
    assert_false(waits(bed, KR_TLP_GREEN, 3));
    bed_run(bed, 3000);
    assert_true(bed_holds(bed, 1, record));
    assert_false(waits(bed, KR_TLP_AMBER, 2)); /* said again: the same */
    assert_true(answer(bed).is_known && memcmp(answer(bed).id, record, 32) == 0);
    as(bed, SUZUKI); /* not on duty himself */
    assert_int_equal(submit(bed, KR_TLP_AMBER, "his.example", 4), KR_OK);
    assert_true(answer(bed).waits);
    as(bed, SUZUKI); /* and were he: whoever gave it does not send under it */
    assert_int_equal(roster(bed, KR_DUTY_ADD, SUZUKI, -60, 86400), KR_OK);
    assert_int_equal(submit(bed, KR_TLP_AMBER, "giver.example", 5), KR_OK);
    assert_true(answer(bed).waits);
    as(bed, 0);
}

/* Guards hold as ever: what they hold back is refused, and what overrides them waits. */
static void guards_hold(void **state)
{
    struct bed *bed = *state;
    struct kr_error error = {0};
    struct kr_guards *guards = NULL, *before = bed_core(bed, 0)->options.guards;
    assert_int_equal(kr_guards_new(&guards), KR_OK);
    assert_int_equal(kr_guards_add_own(guards, "ours.example", &error), KR_OK);
    bed_core(bed, 0)->options.guards = guards;
    struct kr_submit *submission = bed_submission(bed, KR_TLP_GREEN, "www.ours.example", 10);
    as(bed, SATO);
    assert_int_equal(send(bed, submission), KR_GUARDED);
    submission->is_forced = true;
    submission->reason = text("it was taken over");
    assert_int_equal(send(bed, submission), KR_OK);
    assert_true(answer(bed).waits);
    as(bed, 0);
    bed_core(bed, 0)->options.guards = before;
    bed_submission_free(submission);
    kr_guards_free(guards);
}

/* Node 1's machine is run by that council's operator (NULL: its own), and node 0 knows it. */
static void host(struct bed *bed, const uint8_t *council)
{
    struct kr_card_edit edit = {.changes_host = true, .host = {council, council != NULL ? 32 : 0}};
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_card_edit_write(&edit, &args);
    as(bed, 0);
    assert_int_equal(bed_request(bed, 1, KR_OP_CARD, args.bytes, args.len, 5000), KR_OK);
    kr_writer_deinit(&args);
}

/* What was not agreed waits: another kind, another label, another council, a community that has grown, a host that has changed. */
static void only_what_was_agreed(void **state)
{
    struct bed *bed = *state;
    as(bed, SUZUKI);
    assert_int_equal(end_consent(bed, typhoon), KR_OK);
    assert_int_equal(end_consent(bed, typhoon), KR_INVALID);
    assert_true(waits(bed, KR_TLP_AMBER, 20));
    as(bed, SUZUKI);
    fill_consent(bed, other, 86400);
    act_now.kinds = 1u << KR_KIND_ADVISORY;
    assert_int_equal(duty(bed), KR_OK);
    assert_true(waits(bed, KR_TLP_AMBER, 21)); /* it is a report */
    as(bed, SUZUKI);
    assert_int_equal(end_consent(bed, other), KR_OK);
    fill_consent(bed, third, 86400);
    act_now.labels = 1u << KR_TLP_GREEN;
    act_now.councils.len = 0;
    assert_int_equal(duty(bed), KR_OK);
    assert_true(waits(bed, KR_TLP_AMBER, 22)); /* GREEN alone was agreed */
    assert_false(waits(bed, KR_TLP_GREEN, 23));
    /* The machine of a member is run by another council's operator now: one more who could read it. */
    host(bed, bed_node(bed, 0)->council);
    assert_true(waits(bed, KR_TLP_GREEN, 24));
    host(bed, NULL);
    assert_false(waits(bed, KR_TLP_GREEN, 25));
}

/* It was for one person alone, who need not be on duty; it ends in the middle; whoever gave it goes. */
static void consents_end(void **state)
{
    struct bed *bed = *state;
    static const uint8_t for_sato[32] = {0xd1}, short_one[32] = {0xd2};
    as(bed, SUZUKI);
    assert_int_equal(end_consent(bed, third), KR_OK);
    assert_int_equal(roster(bed, KR_DUTY_SET, TANAKA, -60, 86400), KR_OK);
    assert_true(waits(bed, KR_TLP_GREEN, 30));
    as(bed, SUZUKI);
    fill_consent(bed, for_sato, 3600);
    act_now.has_person = true;
    memcpy(act_now.person, ids[SATO - 1000], 32);
    assert_int_equal(duty(bed), KR_OK);
    assert_false(waits(bed, KR_TLP_GREEN, 31));
    bed_run(bed, 3700000);
    assert_true(waits(bed, KR_TLP_GREEN, 32)); /* it is over */
    as(bed, SUZUKI);
    assert_int_equal(roster(bed, KR_DUTY_SET, SATO, -60, 86400), KR_OK);
    as(bed, SECOND);
    fill_consent(bed, short_one, 86400);
    assert_int_equal(duty(bed), KR_OK);
    assert_false(waits(bed, KR_TLP_GREEN, 33));
    struct kr_person_act suspend = {.action = KR_PERSON_SUSPEND};
    memcpy(suspend.id, ids[SECOND - 1000], 32);
    as(bed, 0);
    assert_int_equal(person_act(bed, &suspend), KR_OK);
    assert_true(waits(bed, KR_TLP_GREEN, 34)); /* its giver approves nothing any more */
    suspend.action = KR_PERSON_RESUME;
    assert_int_equal(person_act(bed, &suspend), KR_OK);
    assert_false(waits(bed, KR_TLP_GREEN, 35));
    bed_restart(bed, 0); /* all of it is in the store */
    bed_core(bed, 0)->options.approval.report_labels = 1u << KR_TLP_GREEN | 1u << KR_TLP_AMBER;
    assert_false(waits(bed, KR_TLP_GREEN, 36));
    as(bed, 0);
}

static uint32_t review(struct bed *bed, uint8_t token, const char *reason)
{
    return act(bed, KR_OP_DRAFT_REVIEWED, token, NULL, reason, (struct kr_slice){0});
}

/* By another one than its submitter: a word, or a retraction. */
static void it_is_reviewed(void **state)
{
    struct bed *bed = *state;
    static struct listed listed;
    struct kr_person_act both = {.action = KR_PERSON_CHANGE, .roles = KR_ROLE_ANALYST | KR_ROLE_APPROVER};
    uint8_t record[32];
    both.changes[KR_PERSON_ROLES] = true;
    memcpy(both.id, ids[SATO - 1000], 32);
    assert_int_equal(person_act(bed, &both), KR_OK); /* Sato is an approver, too */
    assert_false(waits(bed, KR_TLP_GREEN, 40));
    memcpy(record, answer(bed).id, 32);
    as(bed, SATO);
    assert_int_equal(review(bed, 40, ""), KR_DENIED);
    assert_non_null(strstr(bed->text, "submitted it"));
    as(bed, TANAKA);
    assert_int_equal(review(bed, 40, ""), KR_DENIED); /* intake does not approve */
    as(bed, SUZUKI);
    assert_int_equal(approve(bed, 40), KR_INVALID); /* it is sent */
    assert_int_equal(act(bed, KR_OP_DRAFT_REJECT, 40, NULL, "no", (struct kr_slice){0}), KR_INVALID);
    assert_int_equal(list(bed, KR_OP_DRAFTS, SUZUKI, &listed), KR_OK);
    bool is_listed = false;
    for (uint32_t i = 0; i < listed.count; i++) {
        is_listed = is_listed || (listed.items[i].state == KR_DRAFT_AHEAD && listed.items[i].id.bytes[0] == 40 &&
                                  listed.items[i].consent.len == 0); /* it could name who submitted it */
    }
    assert_true(is_listed);
    assert_int_equal(review(bed, 40, "well done"), KR_OK);
    assert_int_equal(state_of(bed, 40), KR_DRAFT_REVIEWED);
    assert_int_equal(review(bed, 40, ""), KR_INVALID);
    assert_int_equal(list(bed, KR_OP_DRAFTS, SUZUKI, &listed), KR_OK);
    for (uint32_t i = 0; i < listed.count; i++) {
        assert_true(listed.items[i].id.bytes[0] != 40);
    }
    /* Its submitter takes the next one back: that is no review. Another approver takes back the one after it: that is. */
    struct kr_retract retract = {.reason = text("wrong"), .language = text("en")};
    for (uint8_t token = 41; token <= 42; token++) {
        struct kr_writer args;
        assert_false(waits(bed, KR_TLP_GREEN, token));
        memcpy(record, answer(bed).id, 32);
        retract.id = (struct kr_slice){record, 32};
        memset(retract.token, 0x40 + token, sizeof retract.token);
        kr_writer_init(&args, KR_KIB);
        kr_retract_write(&retract, &args);
        as(bed, token == 41 ? SATO : SECOND);
        assert_int_equal(bed_request(bed, 0, KR_OP_RETRACT, args.bytes, args.len, 300), KR_OK);
        kr_writer_deinit(&args);
        assert_int_equal(state_of(bed, token), token == 41 ? KR_DRAFT_AHEAD : KR_DRAFT_REVIEWED);
    }
    as(bed, SUZUKI);
    assert_int_equal(review(bed, 41, ""), KR_OK);
    both.roles = KR_ROLE_ANALYST;
    as(bed, 0);
    assert_int_equal(person_act(bed, &both), KR_OK);
}

/* ---- the list ---- */

struct seen {
    uint32_t consents, holds, entries;
};

static enum kr_err see(void *context, struct kr_slice bytes)
{
    struct seen *seen = context;
    struct kr_duty_item item;
    assert_int_equal(kr_duty_item_read(bytes, &item), KR_OK);
    seen->consents += item.type == KR_DUTY_CONSENT;
    seen->holds += item.type == KR_DUTY_CONSENT && item.state == KR_CONSENT_HOLDS;
    seen->entries += item.type == KR_DUTY_ROSTER;
    assert_true(item.type != KR_DUTY_CONSENT || item.by_name.len > 0);
    return KR_OK;
}

static struct kr_duty_sum list_duty(struct bed *bed, uint32_t uid, struct seen *seen)
{
    struct kr_query query;
    struct kr_writer result;
    struct kr_error error = {0};
    struct kr_duty_sum sum = {0};
    bool is_done = false;
    *seen = (struct seen){0};
    assert_int_equal(kr_query_init(&query, KR_OP_DUTY, (struct kr_slice){0}, false), KR_OK);
    query.caller = (struct kr_caller){.is_guest = uid != 0, .uid = uid};
    while (!is_done) {
        struct kr_txn *txn = NULL;
        kr_writer_init(&result, KR_KIB);
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        assert_int_equal(kr_query_page(&query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, bed_at_once, see, seen, &result,
                                       &is_done, &error),
                         KR_OK);
        kr_txn_abort(txn);
        if (is_done) {
            assert_int_equal(kr_duty_sum_read((struct kr_slice){result.bytes, result.len}, &sum), KR_OK);
        }
        kr_writer_deinit(&result);
    }
    kr_query_deinit(&query);
    return sum;
}

/* A page at a time, one item each: all of it, once. */
static void the_list_tells_all(void **state)
{
    struct bed *bed = *state;
    struct seen seen;
    as(bed, SUZUKI);
    act_now = (struct kr_duty_act){.action = KR_DUTY_SET, .entry_count = KR_DUTY_ENTRIES_MAX};
    for (uint32_t i = 0; i < KR_DUTY_ENTRIES_MAX; i++) {
        memcpy(act_now.entries[i].person, ids[1 + i % 3], 32);
        act_now.entries[i].from_s = now_s(bed) + i * 3600u;
        act_now.entries[i].until_s = now_s(bed) + (i + 1) * 3600u;
    }
    assert_int_equal(duty(bed), KR_OK);
    assert_int_equal(roster(bed, KR_DUTY_ADD, SATO, 1, 2), KR_BOUNDS);
    const struct kr_duty_sum sum = list_duty(bed, YAMADA, &seen);
    assert_true(sum.has_roster && sum.unreviewed > 0 && sum.oldest_ms > 0);
    assert_int_equal(seen.entries, KR_DUTY_ENTRIES_MAX);
    assert_int_equal(seen.consents, 5);
    assert_int_equal(seen.holds, 1);
    act_now = (struct kr_duty_act){.action = KR_DUTY_SET};
    assert_int_equal(duty(bed), KR_OK); /* nobody is on duty any more */
    (void)list_duty(bed, YAMADA, &seen);
    assert_int_equal(seen.entries, 0);
    as(bed, 0);
}

static void as_many_as_are_kept(void **state)
{
    struct bed *bed = *state;
    uint8_t id[32] = {0xe0};
    uint32_t made = 0, code = KR_OK;
    as(bed, SUZUKI);
    while (code == KR_OK && made <= KR_CONSENTS_MAX) {
        id[1] = (uint8_t)++made;
        fill_consent(bed, id, 86400);
        code = duty(bed);
    }
    assert_int_equal(code, KR_BOUNDS);
    as(bed, 0);
    expire_in(bed, 80); /* of whoever asks what it was */
    id[2] = 1;
    as(bed, SUZUKI);
    fill_consent(bed, id, 86400);
    assert_int_equal(duty(bed), KR_BOUNDS);
    as(bed, 0);
    expire_in(bed, 95); /* 90 days after their end they go */
    as(bed, SUZUKI);
    id[2] = 1;
    fill_consent(bed, id, 86400);
    assert_int_equal(duty(bed), KR_OK);
    as(bed, 0);
}

/* ---- whom a name stands for ---- */

static uint32_t ask_who(struct bed *bed, uint8_t token, const char *reason)
{
    return act(bed, KR_OP_DRAFT_WHO, token, NULL, reason, (struct kr_slice){0});
}

/* The last entry of the audit log. */
static struct kr_audit_entry last_entry(struct bed *bed)
{
    static uint8_t bytes[KR_AUDIT_ROW_BYTES];
    uint8_t hash[32];
    struct kr_audit_chain chain;
    struct kr_audit_entry entry = {0};
    struct kr_slice row = {0};
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_audit_chain_get(txn, &chain), KR_OK);
    assert_int_equal(kr_audit_row_get(txn, chain.next - 1, bytes, &row, hash), KR_OK);
    assert_int_equal(kr_audit_entry_read(row, &entry), KR_OK);
    kr_txn_abort(txn);
    return entry;
}

static void a_name_is_opened_for_a_reason(void **state)
{
    struct bed *bed = *state;
    static struct listed listed;
    struct kr_draft_who who;
    char long_reason[KR_OPENING_BYTES_MAX + 2];
    memset(long_reason, 'x', sizeof long_reason - 1);
    long_reason[sizeof long_reason - 1] = 0;
    as(bed, SATO);
    assert_int_equal(submit(bed, KR_TLP_GREEN, "who.example", 50), KR_OK);
    assert_int_equal(ask_who(bed, 50, "mine"), KR_DENIED); /* an analyst opens none */
    as(bed, TANAKA);
    assert_int_equal(ask_who(bed, 50, "intake sees it"), KR_DENIED);
    as(bed, 0);
    assert_int_equal(ask_who(bed, 50, "the operator"), KR_DENIED);
    as(bed, SUZUKI);
    assert_int_equal(ask_who(bed, 50, ""), KR_INVALID);
    assert_int_equal(ask_who(bed, 50, long_reason), KR_INVALID);
    assert_int_equal(ask_who(bed, 99, "none"), KR_NOT_FOUND);
    assert_int_equal(list(bed, KR_OP_MINE, SATO, &listed), KR_OK);
    for (uint32_t i = 0; i < listed.count; i++) {
        assert_int_equal(listed.items[i].opened_count, 0);
    }
    assert_int_equal(ask_who(bed, 50, "to ask about the source"), KR_OK);
    assert_int_equal(kr_draft_who_read((struct kr_slice){bed->result, bed->result_len}, &who), KR_OK);
    assert_memory_equal(who.person, ids[SATO - 1000], 32);
    assert_true(who.name.len > 0);
    const struct kr_audit_entry entry = last_entry(bed);
    assert_true(entry.op == KR_OP_DRAFT_WHO && entry.outcome == KR_OK && entry.target[0] == 50 && entry.target_len == 16);
    assert_true(entry.note.len == strlen("to ask about the source"));
    assert_memory_equal(entry.person, ids[SUZUKI - 1000], 32);
    assert_int_equal(list(bed, KR_OP_DRAFTS, SUZUKI, &listed),
                     KR_OK); /* once opened it is no open secret: the list says what it said */
    for (uint32_t i = 0; i < listed.count; i++) {
        const bool is_his = listed.items[i].id.bytes[0] == 50;
        assert_true(!is_his || (listed.items[i].opened_count == 0 && listed.items[i].submitter.len == KR_DRAFT_ALIAS_BYTES));
    }
    assert_int_equal(ask_who(bed, 50, "once more"), KR_OK);
    as(bed, SECOND);
    assert_int_equal(ask_who(bed, 50, "me too"), KR_OK);
    bool is_seen = false;
    assert_int_equal(list(bed, KR_OP_MINE, SATO, &listed), KR_OK);
    for (uint32_t i = 0; i < listed.count; i++) {
        const struct kr_draft_item *item = &listed.items[i];
        if (item->id.len == 16 && item->id.bytes[0] == 50) {
            is_seen = item->opened_count == 2;
            assert_memory_equal(item->opened[0].person.bytes, ids[SUZUKI - 1000], 32);
            assert_true(item->opened[0].name.len > 0 && item->opened[0].reason.len == strlen("once more"));
        }
    }
    assert_true(is_seen);
    as(bed, SUZUKI); /* of what is decided as well; and what was opened stays told */
    assert_int_equal(review(bed, 50, "fine"), KR_OK);
    assert_int_equal(ask_who(bed, 50, "afterwards"), KR_OK);
    as(bed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may_agree),
        cmocka_unit_test(on_duty_it_is_sent_at_once),
        cmocka_unit_test(guards_hold),
        cmocka_unit_test(only_what_was_agreed),
        cmocka_unit_test(consents_end),
        cmocka_unit_test(it_is_reviewed),
        cmocka_unit_test(a_name_is_opened_for_a_reason),
        cmocka_unit_test(the_list_tells_all),
        cmocka_unit_test(as_many_as_are_kept),
    };
    return cmocka_run_group_tests_name("core/duty", tests, setup_duty, teardown);
}
