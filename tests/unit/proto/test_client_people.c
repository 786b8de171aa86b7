/* The client protocol about a council's own people: cards, keys, the audit log, drafts, what was agreed beforehand. */
#include "round_trip.h"

#include "proto/client/audit.h"
#include "proto/client/body_key.h"
#include "proto/client/draft.h"
#include "proto/client/duty.h"
#include "proto/client/enrol.h"
#include "proto/client/people.h"

ROUND_TRIP(kr_body_act, act, kr_body_act_write, kr_body_act_read)
ROUND_TRIP(kr_body_done, done, kr_body_done_write, kr_body_done_read)
ROUND_TRIP(kr_body_item, item, kr_body_item_write, kr_body_item_read)
ROUND_TRIP(kr_person_act, act, kr_person_act_write, kr_person_act_read)
ROUND_TRIP(kr_person_item, item, kr_person_item_write, kr_person_item_read)
ROUND_TRIP(kr_audit_ask, ask, kr_audit_ask_write, kr_audit_ask_read)
ROUND_TRIP(kr_audit_item, item, kr_audit_item_write, kr_audit_item_read)
ROUND_TRIP(kr_audit_anchor, anchor, kr_audit_anchor_write, kr_audit_anchor_read)
ROUND_TRIP(kr_audit_checked, checked, kr_audit_checked_write, kr_audit_checked_read)
ROUND_TRIP(kr_draft_item, item, kr_draft_item_write, kr_draft_item_read)
ROUND_TRIP(kr_draft_shown, shown, kr_draft_shown_write, kr_draft_shown_read)
ROUND_TRIP(kr_draft_act, act, kr_draft_act_write, kr_draft_act_read)
ROUND_TRIP(kr_stored, stored, kr_stored_write, kr_stored_read)
ROUND_TRIP(kr_draft_who, who, kr_draft_who_write, kr_draft_who_read)
ROUND_TRIP(kr_duty_act, act, kr_duty_act_write, kr_duty_act_read)
ROUND_TRIP(kr_duty_item, item, kr_duty_item_write, kr_duty_item_read)
ROUND_TRIP(kr_duty_sum, sum, kr_duty_sum_write, kr_duty_sum_read)
ROUND_TRIP(kr_whoami, whoami, kr_whoami_write, kr_whoami_read)
ROUND_TRIP(kr_told_ask, told_ask, kr_told_ask_write, kr_told_ask_read)
ROUND_TRIP(kr_told_body, told_body, kr_told_body_write, kr_told_body_read)
ROUND_TRIP(kr_addressee, addressee, kr_addressee_write, kr_addressee_read)
ROUND_TRIP(kr_body_key_item, key_item, kr_body_key_item_write, kr_body_key_item_read)
ROUND_TRIP(kr_body_keys, keys, kr_body_keys_write, kr_body_keys_read)
ROUND_TRIP(kr_body_key_act, key_act, kr_body_key_act_write, kr_body_key_act_read)
ROUND_TRIP(kr_enrol_ask, ask, kr_enrol_ask_write, kr_enrol_ask_read)
ROUND_TRIP(kr_enrol_given, given, kr_enrol_given_write, kr_enrol_given_read)
ROUND_TRIP(kr_enrol_done, done, kr_enrol_done_write, kr_enrol_done_read)
ROUND_TRIP(kr_unenrol, unenrol, kr_unenrol_write, kr_unenrol_read)

static void people_read_back(void **state)
{
    struct kr_body_act body = {.action = KR_BODY_ADD,
                               .id = {1},
                               .changes = {[KR_BODY_NAME_EN] = true},
                               .texts = {[KR_BODY_NAME_EN] = text_slice("Sapporo")},
                               .changes_listed = true},
                       read_body;
    struct kr_body_done done = {.id = {1}, .revoked = 2, .holders = {3, 4, 5, 6, 7}}, read_done;
    struct kr_body_item body_item = {.id = {1}, .changed_ms = 2, .card = text_slice("card"), .holders = 3, .is_rotation_due = true},
                        read_body_item;
    struct kr_person_act person = {.action = KR_PERSON_STAND_IN,
                                   .id = {1},
                                   .changes = {[KR_PERSON_UNTIL] = true},
                                   .roles = KR_ROLE_INTAKE,
                                   .is_contractor = true,
                                   .from_s = 2,
                                   .until_s = 3,
                                   .has_uid = true,
                                   .uid = UINT32_MAX,
                                   .other = {4}},
                         read_person;
    struct kr_person_item item = {.id = {1},
                                  .changed_ms = 2,
                                  .state = 3,
                                  .body_name_en = text_slice("b"),
                                  .uid_count = 2,
                                  .uids = {4, 5},
                                  .card = text_slice("card")},
                          read_item;
    struct kr_whoami who =
                         {.has_people = true, .is_person = true, .person = {1}, .name = text_slice("n"), .roles = 3, .until_s = 4},
                     read_who;
    (void)state;
    round_trip_kr_body_act(&body, &read_body);
    assert_true(read_body.changes[KR_BODY_NAME_EN] && !read_body.changes[KR_BODY_NAME_JA] && read_body.changes_listed);
    assert_slice_equal(read_body.texts[KR_BODY_NAME_EN], "Sapporo", 7);
    round_trip_kr_body_done(&done, &read_done);
    assert_true(read_done.revoked == 2 && read_done.holders[4] == 7);
    round_trip_kr_body_item(&body_item, &read_body_item);
    assert_true(read_body_item.changed_ms == 2 && read_body_item.holders == 3 && read_body_item.is_rotation_due);
    round_trip_kr_person_act(&person, &read_person);
    assert_true(read_person.uid == UINT32_MAX && read_person.other[0] == 4 && read_person.body[0] == 0);
    assert_true(read_person.changes[KR_PERSON_UNTIL] && read_person.is_contractor && read_person.until_s == 3);
    round_trip_kr_person_item(&item, &read_item);
    assert_true(read_item.uid_count == 2 && read_item.uids[1] == 5 && read_item.state == 3);
    round_trip_kr_whoami(&who, &read_who);
    assert_true(read_who.is_person && read_who.person[0] == 1 && !read_who.is_operator && read_who.until_s == 4);
}

static void bodies_that_are_told_read_back(void **state)
{
    static struct kr_told_body body, read_body;
    struct kr_told_ask ask = {.has_council = true, .council = {1}, .has_body = true, .body = {2}}, read_ask;
    struct kr_writer writer;
    (void)state;
    body = (struct kr_told_body){.council = {1},
                                 .body = {2},
                                 .council_name = text_slice("council"),
                                 .name_ja = text_slice("name"),
                                 .since_s = 3,
                                 .is_self = true,
                                 .community_count = KR_COMMUNITIES_MAX};
    for (uint32_t i = 0; i < KR_COMMUNITIES_MAX; i++) {
        body.communities[i] = slice(ids[0], 32);
        body.community_names[i] = text_slice("community");
    }
    round_trip_kr_told_ask(&ask, &read_ask);
    assert_true(read_ask.has_council && read_ask.has_body && read_ask.body[0] == 2);
    round_trip_kr_told_body(&body, &read_body);
    assert_true(read_body.is_self && read_body.since_s == 3 && read_body.community_count == KR_COMMUNITIES_MAX);
    ask.has_council = false; /* whose body? */
    kr_writer_init(&writer, KR_KIB);
    kr_told_ask_write(&ask, &writer);
    assert_int_equal(kr_told_ask_read(slice(writer.bytes, writer.len), &read_ask), KR_MALFORMED);
    kr_writer_deinit(&writer);
}

static void keys_of_bodies_and_persons_read_back(void **state)
{
    static struct kr_body_key_act act, read_act;
    static const uint8_t slot[KR_SLOT_BYTES] = {8};
    struct kr_addressee addressee = {.sort = 2, .id = {1}, .name_ja = text_slice("n"), .body_name_en = text_slice("b"), .key = {2}},
                        read_addressee;
    struct kr_body_key_item item = {.is_person = true,
                                    .id = {1},
                                    .name = text_slice("n"),
                                    .state = 2,
                                    .key = slice(ids[0], 32),
                                    .holds = true,
                                    .to = slice(ids[1], 32),
                                    .slot = slice(slot, sizeof slot)},
                            read_item;
    struct kr_body_keys keys = {.body = {1}, .name_ja = text_slice("b"), .key = slice(ids[0], 32), .is_rotation_due = true},
                        read_keys;
    struct kr_writer writer;
    (void)state;
    round_trip_kr_addressee(&addressee, &read_addressee);
    assert_true(read_addressee.sort == 2 && read_addressee.key[0] == 2 && read_addressee.body_name_en.len == 1);
    round_trip_kr_body_key_item(&item, &read_item);
    assert_true(read_item.holds && read_item.is_person && read_item.held.len == 0 && read_item.slot.bytes[0] == 8);
    round_trip_kr_body_keys(&keys, &read_keys);
    assert_true(read_keys.is_rotation_due && read_keys.body[0] == 1 && read_keys.key.len == 32);
    act = (struct kr_body_key_act){.action = KR_BODY_KEY_ROTATE, .key = {3}, .before = slice(slot, sizeof slot), .copy_count = 2};
    for (uint32_t i = 0; i < 2; i++) {
        act.copies[i] = (struct kr_body_key_copy){slice(ids[i], 32), slice(ids[i], 32), slice(slot, sizeof slot)};
    }
    round_trip_kr_body_key_act(&act, &read_act);
    assert_true(read_act.copy_count == 2 && read_act.copies[1].slot.bytes[0] == 8 && read_act.before.len == KR_SLOT_BYTES);
    /* The one before comes along where it is rotated, and only there. */
    for (uint32_t action = 0; action <= KR_BODY_KEY_ROTATE; action++) {
        act.action = action;
        act.before.len = action == KR_BODY_KEY_ROTATE ? 0 : KR_SLOT_BYTES;
        kr_writer_init(&writer, KR_MIB);
        kr_body_key_act_write(&act, &writer);
        assert_int_equal(kr_body_key_act_read(slice(writer.bytes, writer.len), &read_act), KR_MALFORMED);
        kr_writer_deinit(&writer);
    }
}

static void the_audit_log_reads_back(void **state)
{
    struct kr_audit_ask ask = {.since_ms = 1, .has_person = true, .person = {2}}, read_ask;
    struct kr_audit_item item = {.number = 1,
                                 .at_ms = 2,
                                 .person = slice(ids[0], 32),
                                 .name = text_slice("n"),
                                 .uid = 3,
                                 .op = 4,
                                 .outcome = KR_AUDIT_GOES_ON,
                                 .target = slice(ids[1], 16),
                                 .note = text_slice("because"),
                                 .hash = {5}},
                         read_item;
    struct kr_audit_anchor anchor = {.has_anchor = true, .number = 6, .hash = {7}}, read_anchor;
    struct kr_audit_checked checked = {.first = 1, .next = 9, .problems = 2, .hash = {3}, .met = KR_AUDIT_GONE}, read_checked;
    (void)state;
    round_trip_kr_audit_ask(&ask, &read_ask);
    assert_true(read_ask.has_person && read_ask.person[0] == 2);
    round_trip_kr_audit_item(&item, &read_item);
    assert_true(read_item.outcome == KR_AUDIT_GOES_ON && read_item.stands_for.len == 0 && read_item.hash[0] == 5);
    assert_slice_equal(read_item.target, ids[1], 16);
    item.person = slice(ids[0], 8); /* a name that stands for whoever submitted */
    round_trip_kr_audit_item(&item, &read_item);
    assert_slice_equal(read_item.person, ids[0], 8);
    for (size_t len = 0; len <= 33; len++) {
        struct kr_writer writer;
        item.person = (struct kr_slice){(const uint8_t[33]){0}, len};
        kr_writer_init(&writer, KR_KIB);
        kr_audit_item_write(&item, &writer);
        assert_int_equal(kr_audit_item_read((struct kr_slice){writer.bytes, writer.len}, &read_item),
                         len == 0 || len == 8 || len == 32 ? KR_OK
                         : len > 32                        ? KR_BOUNDS
                                                           : KR_MALFORMED);
        kr_writer_deinit(&writer);
    }
    round_trip_kr_audit_anchor(&anchor, &read_anchor);
    assert_true(read_anchor.number == 6 && read_anchor.hash[0] == 7);
    round_trip_kr_audit_checked(&checked, &read_checked);
    assert_true(read_checked.next == 9 && read_checked.met == KR_AUDIT_GONE);
    assert_string_equal(kr_op_name(KR_OP_SUBMIT), "submit");
    assert_null(kr_op_name(0));
    assert_null(kr_op_name(10000));
}

static void drafts_read_back(void **state)
{
    static uint8_t audience[64] = {1};
    struct kr_draft_shown shown = {.item = {.id = slice(ids[0], 16),
                                            .state = KR_DRAFT_RETURNED,
                                            .op = KR_OP_SUBMIT,
                                            .kind = KR_KIND_REPORT,
                                            .label = KR_TLP_AMBER,
                                            .title = text_slice("t"),
                                            .submitter = slice(ids[1], 8),
                                            .submitted_ms = 2,
                                            .changed_ms = 3,
                                            .reason = text_slice("because"),
                                            .record_id = slice(ids[2], 32),
                                            .taken = KR_TAKEN_RETRACTED,
                                            .consent = slice(ids[0], 32),
                                            .opened_count = 1,
                                            .opened = {{.person = slice(ids[1], 32),
                                                        .name = text_slice("n"),
                                                        .at_ms = 9,
                                                        .reason = text_slice("asked")}}},
                                   .binding = {4},
                                   .audience_count = 2,
                                   .audience = slice(audience, 64),
                                   .args = text_slice("args")},
                          read_shown;
    struct kr_draft_item read_item;
    struct kr_draft_act act = {.id = {1}, .has_binding = true, .binding = {2}, .args = text_slice("args")}, read_act;
    struct kr_stored stored = {.waits = true, .id = {5}, .is_known = true}, read_stored;
    (void)state;
    round_trip_kr_draft_item(&shown.item, &read_item);
    assert_true(read_item.state == KR_DRAFT_RETURNED && read_item.taken == KR_TAKEN_RETRACTED && read_item.submitter.len == 8);
    round_trip_kr_draft_shown(&shown, &read_shown);
    assert_true(read_shown.audience_count == 2 && read_shown.binding[0] == 4 && read_shown.community.len == 0);
    round_trip_kr_draft_act(&act, &read_act);
    assert_true(read_act.has_binding && read_act.binding[0] == 2 && read_act.reason.len == 0);
    round_trip_kr_stored(&stored, &read_stored);
    assert_true(read_stored.waits && read_stored.is_known && read_stored.id[0] == 5 && read_stored.id[31] == 0);
    assert_false(read_stored.has_consent);
    stored.waits = false;
    stored.has_consent = true;
    stored.consent[31] = 7;
    round_trip_kr_stored(&stored, &read_stored);
    assert_true(!read_stored.waits && read_stored.has_consent && read_stored.consent[31] == 7);
    assert_true(read_item.consent.len == 32 && read_item.opened_count == 1 && read_item.opened[0].at_ms == 9);
    struct kr_draft_who who = {.id = {1}, .person = {2}, .name = text_slice("n")}, read_who;
    round_trip_kr_draft_who(&who, &read_who);
    assert_true(read_who.person[0] == 2 && read_who.name.len == 1);
}

static void what_was_agreed_reads_back(void **state)
{
    static uint8_t councils[64] = {1};
    static struct kr_duty_act act = {.action = KR_DUTY_CONSENT_ADD,
                                     .id = {1},
                                     .kinds = 2,
                                     .labels = 8,
                                     .has_community = true,
                                     .community = {3},
                                     .councils = {councils, 64},
                                     .until_s = 5,
                                     .entry_count = 1,
                                     .entries = {{.person = {6}, .from_s = 7, .until_s = 8}}},
                              read_act;
    struct kr_duty_item item = {.type = KR_DUTY_CONSENT,
                                .state = KR_CONSENT_OVER,
                                .id = slice(ids[0], 32),
                                .until_s = 9,
                                .councils = slice(councils, 64),
                                .reach_count = 4,
                                .by = slice(ids[1], 32),
                                .by_name = text_slice("n"),
                                .reason = text_slice("typhoon")},
                        read_item;
    struct kr_duty_sum sum = {.has_roster = true, .unreviewed = 2, .oldest_ms = 3}, read_sum;
    (void)state;
    act.reason = text_slice("typhoon");
    round_trip_kr_duty_act(&act, &read_act);
    assert_true(read_act.has_community && !read_act.has_person && read_act.councils.len == 64 && read_act.entries[0].until_s == 8);
    round_trip_kr_duty_item(&item, &read_item);
    assert_true(read_item.state == KR_CONSENT_OVER && read_item.reach_count == 4 && read_item.person.len == 0);
    round_trip_kr_duty_sum(&sum, &read_sum);
    assert_true(read_sum.has_roster && read_sum.unreviewed == 2 && read_sum.oldest_ms == 3);
    struct kr_writer writer;
    kr_writer_init(&writer, KR_MIB);
    act.entries[0].until_s = 7; /* ends as it begins */
    kr_duty_act_write(&act, &writer);
    assert_int_equal(kr_duty_act_read((struct kr_slice){writer.bytes, writer.len}, &read_act), KR_MALFORMED);
    kr_writer_deinit(&writer);
    kr_writer_init(&writer, KR_MIB);
    act.entries[0].until_s = 8;
    act.action = KR_DUTY_SET; /* names no consent, and so has no id */
    kr_duty_act_write(&act, &writer);
    assert_int_equal(kr_duty_act_read((struct kr_slice){writer.bytes, writer.len}, &read_act), KR_OK);
    kr_writer_deinit(&writer);
}

static void machines_of_persons(void **state)
{
    struct kr_enrol_ask ask = {.person = {1}, .ttl_s = 86400}, read_ask;
    struct kr_enrol_given given = {.ticket = text_slice("kairan1ticket"), .expires_s = 9}, read_given;
    struct kr_enrol_done done = {.person = {2}, .name = text_slice("佐藤"), .was_there = true}, read_done;
    struct kr_unenrol unenrol = {.person = {3}, .key = {4}}, read_unenrol;
    (void)state;
    round_trip_kr_enrol_ask(&ask, &read_ask);
    assert_memory_equal(&read_ask, &ask, sizeof ask);
    round_trip_kr_enrol_given(&given, &read_given);
    assert_int_equal(read_given.expires_s, 9);
    round_trip_kr_enrol_done(&done, &read_done);
    assert_true(read_done.was_there);
    round_trip_kr_unenrol(&unenrol, &read_unenrol);
    assert_memory_equal(&read_unenrol, &unenrol, sizeof unenrol);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_read_back),
        cmocka_unit_test(bodies_that_are_told_read_back),
        cmocka_unit_test(keys_of_bodies_and_persons_read_back),
        cmocka_unit_test(the_audit_log_reads_back),
        cmocka_unit_test(drafts_read_back),
        cmocka_unit_test(what_was_agreed_reads_back),
        cmocka_unit_test(machines_of_persons),
    };
    return cmocka_run_group_tests_name("proto/client_people", tests, NULL, NULL);
}
