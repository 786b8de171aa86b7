/* How much of the council's own another of its nodes may say: its key may be stolen. */
#include <stdio.h>

#include "node/core/internal.h"
#include "node/core/internal_bound.h"
#include "node/core/people.h"
#include "proto/client/rekey.h"
#include "tests/unit/core/people_test.h"
#include "tests/unit/core/sister_test.h"

#define BODY_PERSONS 200u

static void put_row(struct bed *bed, const uint8_t *key, size_t key_len, const uint64_t *fields, uint32_t count)
{
    struct kr_writer writer;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, FIRST)->store, &txn), KR_OK);
    kr_writer_init(&writer, KR_KIB);
    kr_writer_array(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_uint(&writer, fields[i]);
    }
    assert_int_equal(kr_store_put_writer(txn, KR_TABLE_RECEIPTS, key, key_len, &writer), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

#define DAYS 64u

/* So many were taken today at the first node of what that key signed, and so many of these, and before, of what it made today and
 * yesterday. */
static void taken_of(struct bed *bed, const uint8_t signing_key[static 32], uint64_t came, uint64_t of_today, uint64_t of_yesterday)
{
    uint8_t key[6 + 32] = "intday";
    const uint64_t fields[2 + DAYS] = {bed_node(bed, FIRST)->now_ms / BED_DAY_MS, came, of_today, of_yesterday};
    memcpy(key + 6, signing_key, 32);
    put_row(bed, key, sizeof key, fields, 2 + DAYS);
}

static void taken_today(struct bed *bed, uint64_t count)
{
    taken_of(bed, key_of(bed, SECOND), count, count, 0);
}

static void persons_standing(struct bed *bed, uint64_t count)
{
    const uint8_t key[7] = {'i', 'n', 't', 'a', 'l', 'l', KR_KIND_PERSON_CARD};
    put_row(bed, key, sizeof key, &count, 1);
}

/* As the row says; persons of the table beside it in `ret_persons`. */
static uint64_t counted(struct bed *bed, uint64_t *ret_persons)
{
    const uint8_t key[7] = {'i', 'n', 't', 'a', 'l', 'l', KR_KIND_PERSON_CARD};
    uint8_t value[16];
    struct kr_reader reader;
    struct kr_machine machine;
    size_t len;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(bed_node(bed, FIRST)->store, &txn), KR_OK);
    assert_int_equal(kr_store_get(txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len), KR_OK);
    assert_int_equal(kr_machine_get(txn, &machine), KR_OK);
    kr_txn_abort(txn);
    kr_reader_init(&reader, value, len);
    kr_reader_array(&reader, 1);
    const uint64_t count = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    assert_int_equal(kr_reader_end(&reader), KR_OK);
    *ret_persons = machine.persons;
    return count;
}

static uint64_t persons_at(struct bed *bed, uint32_t node)
{
    struct kr_txn *txn = NULL;
    struct kr_machine machine = {.persons = 0};
    assert_int_equal(kr_store_read_begin(bed_node(bed, node)->store, &txn), KR_OK);
    const enum kr_err err = kr_machine_get(txn, &machine);
    kr_txn_abort(txn);
    assert_true(err == KR_OK || err == KR_NOT_FOUND);
    return machine.persons;
}

static void enter_body(struct bed *bed, uint32_t node, uint8_t number)
{
    struct kr_body_act act = {.action = KR_BODY_ADD, .id = {0xB0, number}};
    act.changes[KR_BODY_NAME_JA] = true;
    act.texts[KR_BODY_NAME_JA] = text("市");
    assert_int_equal(put_body(bed, node, &act), KR_OK);
}

/* With the number of the body, of the person, and whether it is a new one. */
static void enter_person(struct bed *bed, uint32_t node, uint8_t body, uint32_t number, bool is_new)
{
    char name[32];
    struct kr_person_act act = {.action = is_new ? KR_PERSON_ADD : KR_PERSON_CHANGE, .id = {0xC0, body}, .body = {0xB0, body}};
    (void)snprintf(name, sizeof name, "person %u%s", number, is_new ? "" : " changed");
    kr_put_be(act.id + 2, number, 4);
    act.changes[KR_PERSON_NAME] = act.changes[KR_PERSON_ROLES] = true;
    act.name = text(name);
    act.roles = KR_ROLE_READER;
    assert_int_equal(put_person(bed, node, &act), KR_OK);
}

static void enter(struct bed *bed, uint32_t node, uint8_t body, uint32_t persons)
{
    enter_body(bed, node, body);
    for (uint32_t i = 0; i < persons; i++) {
        enter_person(bed, node, body, i, true);
    }
}

/* Two nodes that have been so for longer than a day. */
static int setup_nodes(void **state)
{
    (void)setup(state);
    take_in(*state);
    bed_pass(*state, BED_DAY_MS);
    return 0;
}

/* In April whole bodies change hands: some hundreds of persons in a morning. */
static void a_mornings_import_is_taken_at_once(void **state)
{
    struct bed *bed = *state;
    for (uint8_t body = 0; body < 3; body++) {
        enter(bed, SECOND, body, BODY_PERSONS);
    }
    bed_run(bed, 20000);
    uint64_t persons;
    assert_int_equal(counted(bed, &persons), 3 * BODY_PERSONS);
    assert_int_equal(persons, 3 * BODY_PERSONS);
    assert_false(bed_said(bed, FIRST, "waits until tomorrow"));
}

static void what_is_too_much_for_a_day_comes_on_the_next(void **state)
{
    struct bed *bed = *state;
    taken_today(bed, KR_INTERNAL_DAY_MAX - 6);
    bed_forget_log(bed);
    enter(bed, SECOND, 0, 20);
    bed_run(bed, 60000);
    assert_int_equal(persons_at(bed, SECOND), 20);
    assert_int_equal(persons_at(bed, FIRST), 5); /* and the body */
    assert_int_equal(bed_times_said(bed, FIRST, "waits until tomorrow"), 1);
    enter(bed, FIRST, 1, 3); /* nobody else waits */
    bed_run(bed, 20000);
    assert_int_equal(persons_at(bed, FIRST), 8);
    assert_int_equal(persons_at(bed, SECOND), 23);
    bed_run(bed, BED_DAY_MS + 2 * 3600000u);
    assert_int_equal(persons_at(bed, FIRST), 23);
}

/* The first node is away until tomorrow, while persons are entered at the second one. */
static void be_away_while(struct bed *bed, uint32_t persons)
{
    sim_world_crash(bed->world, FIRST, UINT64_C(60) * BED_DAY_MS);
    for (uint8_t body = 0; persons > 0; body++) {
        const uint32_t some = persons < BODY_PERSONS ? persons : BODY_PERSONS;
        enter(bed, SECOND, body, some);
        persons -= some;
    }
    bed_run(bed, BED_DAY_MS);
    bed_forget_log(bed);
}

/* So many were taken of it today already, and so many of these made today and yesterday. */
static void come_back(struct bed *bed, uint64_t came, uint64_t of_today, uint64_t of_yesterday)
{
    assert_int_equal(sim_world_start(bed->world, FIRST), SIM_HOLDS);
    bed_run(bed, 1);
    taken_of(bed, key_of(bed, SECOND), came, of_today, of_yesterday);
    bed_run(bed, 10 * 60000);
}

/* More than a day's share, made on two days: it has all that at once, as if it had been there. */
static void who_was_away_catches_up_at_once(void **state)
{
    struct bed *bed = *state;
    be_away_while(bed, 20);
    enter(bed, SECOND, 100, 20);
    bed_forget_log(bed);
    come_back(bed, KR_INTERNAL_DAY_MAX - 2, KR_INTERNAL_DAY_MAX - 25, KR_INTERNAL_DAY_MAX - 25);
    assert_int_equal(persons_at(bed, SECOND), 40);
    assert_int_equal(persons_at(bed, FIRST), 40);
    assert_int_equal(bed_times_said(bed, FIRST, "waits until tomorrow"), 0);
    assert_int_equal(bed_times_said(bed, FIRST, "made on several days"), 1);
}

/* What a day's share has no room for has part in that of the day on which it comes; after that it waits for the next. */
static void more_than_a_share_of_one_day_has_part_in_the_next(void **state)
{
    struct bed *bed = *state;
    be_away_while(bed, 20);
    come_back(bed, 0, KR_INTERNAL_DAY_MAX - 12, KR_INTERNAL_DAY_MAX - 7);
    const uint64_t persons = persons_at(bed, FIRST);
    assert_int_equal(persons, 18); /* 7 of yesterday's share and 12 of today's: and the body */
    assert_int_equal(bed_times_said(bed, FIRST, "waits until tomorrow"), 1);
    bed_pass(bed, BED_DAY_MS);
    assert_int_equal(persons_at(bed, FIRST), 20);
}

/* Who dates back has the shares of many days, and no more on one day than all that may come. */
static void what_is_dated_back_is_bounded_too(void **state)
{
    struct bed *bed = *state;
    be_away_while(bed, 20);
    come_back(bed, KR_INTERNAL_COMING_MAX - 6, KR_INTERNAL_DAY_MAX, 0);
    const uint64_t persons = persons_at(bed, FIRST);
    assert_true(persons == 5 || persons == 6);
    assert_int_equal(bed_times_said(bed, FIRST, "waits until tomorrow"), 1);
    bed_pass(bed, BED_DAY_MS);
    assert_int_equal(persons_at(bed, FIRST), 20);
}

/* After a restore this node's own comes back, also what it signed before its key was replaced. */
static void what_was_ours_under_a_former_key_is_not_counted(void **state)
{
    struct bed *bed = *state;
    uint8_t former[32];
    assert_int_equal(sim_world_backup(bed->world, FIRST), SIM_HOLDS);
    enter(bed, FIRST, 0, 5);
    bed_run(bed, 20000);
    memcpy(former, key_of(bed, FIRST), 32);
    assert_int_equal(bed_request(bed, FIRST, KR_OP_NEW_KEYS, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    assert_int_equal(bed_request(bed, FIRST, KR_OP_ROTATE, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    bed_run(bed, 60000);
    assert_memory_not_equal(former, key_of(bed, FIRST), 32);
    assert_int_equal(persons_at(bed, SECOND), 5);
    assert_int_equal(sim_world_restore(bed->world, FIRST, true), SIM_HOLDS);
    assert_int_equal(persons_at(bed, FIRST), 0);
    taken_of(bed, former, KR_INTERNAL_DAY_MAX, KR_INTERNAL_DAY_MAX, KR_INTERNAL_DAY_MAX);
    bed_run(bed, 10 * 60000);
    assert_int_equal(persons_at(bed, FIRST), 5);
}

static void who_was_just_taken_in_is_not_held_up(void **state)
{
    struct bed *bed = *state;
    take_in(bed);
    taken_today(bed, KR_INTERNAL_DAY_MAX);
    enter(bed, SECOND, 0, 3);
    bed_run(bed, 20000);
    assert_int_equal(persons_at(bed, FIRST), 3);
}

static void past_a_bound_nobody_new_is_taken_and_who_is_there_can_change(void **state)
{
    struct bed *bed = *state;
    static struct kr_person_row row;
    const uint8_t changed[32] = {0xC0};
    struct kr_txn *txn = NULL;
    enter(bed, SECOND, 0, 3);
    bed_run(bed, 20000);
    persons_standing(bed, KR_INTERNAL_KIND_MAX);
    enter_person(bed, SECOND, 0, 7, true);
    enter_person(bed, SECOND, 0, 0, false);
    bed_run(bed, 60000);
    assert_int_equal(persons_at(bed, FIRST), 3);
    assert_int_equal(kr_store_read_begin(bed_node(bed, FIRST)->store, &txn), KR_OK);
    assert_int_equal(kr_person_get(txn, changed, &row), KR_OK);
    assert_int_equal(row.card.name.len, strlen("person 0 changed"));
    kr_txn_abort(txn);
    persons_standing(bed, KR_INTERNAL_KIND_MAX - 1); /* there is room again */
    bed_run(bed, 2 * 3600000u);
    assert_int_equal(persons_at(bed, FIRST), 4);
}

/* All that a thief entered goes, and with it what it took of the bounds. */
static void a_revocation_undoes_a_flood(void **state)
{
    struct bed *bed = *state;
    struct kr_revoke revoke = {.has_machine = false};
    struct kr_writer args;
    uint64_t persons;
    enter(bed, FIRST, 0, 10);
    enter(bed, SECOND, 1, 10);
    bed_run(bed, 20000);
    revoke.since_ms = bed_node(bed, FIRST)->now_ms;
    memcpy(revoke.key, key_of(bed, SECOND), 32);
    enter(bed, SECOND, 2, BODY_PERSONS);
    for (uint32_t i = 0; i < 10; i++) {
        enter_person(bed, SECOND, 0, i, false); /* written over */
    }
    bed_run(bed, 20000);
    assert_int_equal(persons_at(bed, FIRST), 20 + BODY_PERSONS);
    assert_int_equal(ask_nothing(bed, FIRST, KR_OP_NEW_KEYS), KR_OK);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    assert_int_equal(bed_request(bed, FIRST, KR_OP_REVOKE, args.bytes, args.len, 300), KR_OK);
    kr_writer_deinit(&args);
    bed_run(bed, 60000);
    assert_int_equal(counted(bed, &persons), 20);
    assert_int_equal(persons, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mornings_import_is_taken_at_once, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(what_is_too_much_for_a_day_comes_on_the_next, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(who_was_away_catches_up_at_once, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(more_than_a_share_of_one_day_has_part_in_the_next, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(what_is_dated_back_is_bounded_too, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(what_was_ours_under_a_former_key_is_not_counted, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(who_was_just_taken_in_is_not_held_up, setup, teardown),
        cmocka_unit_test_setup_teardown(past_a_bound_nobody_new_is_taken_and_who_is_there_can_change, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(a_revocation_undoes_a_flood, setup_nodes, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
