/* Machines of persons: tickets, keys on cards, who a key makes of its caller, and whom net is told to let in. */
#include "tests/unit/core/enrol_test.h"

static int setup(void **state)
{
    struct bed *bed = bed_new(1);
    assert_int_equal(body(bed, KR_BODY_ADD), KR_OK);
    assert_int_equal(person(bed, KR_PERSON_ADD, sato), KR_OK);
    assert_int_equal(person(bed, KR_PERSON_ADD, suzuki), KR_OK);
    *state = bed;
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static void a_ticket_makes_a_machine_a_persons(void **state)
{
    struct bed *bed = *state;
    const struct machine mine = machine_of(1), other = machine_of(2);
    uint8_t key[32];
    struct kr_enrol_done done;
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_true(is_let_in(bed, key) && !is_let_in(bed, mine.public_key));
    assert_true(who(bed, key).facts.has_ticket && !who(bed, key).facts.is_person);
    as_key(bed, key);
    assert_int_equal(bed_request(bed, 0, KR_OP_STATUS, "\x90", 1, 100), KR_DENIED); /* it is for one thing */
    assert_non_null(strstr(bed->text, "ticket"));
    assert_int_equal(enrol(bed, key, key), KR_MALFORMED); /* the ticket's own key is known to whoever saw it */
    assert_int_equal(enrol(bed, key, (const uint8_t[32]){0}), KR_MALFORMED);
    assert_int_equal(enrol(bed, key, mine.public_key), KR_OK);
    assert_int_equal(kr_enrol_done_read((struct kr_slice){bed->result, bed->result_len}, &done), KR_OK);
    assert_memory_equal(done.person, sato, 32);
    assert_false(done.was_there);
    assert_true(is_let_in(bed, mine.public_key));
    const struct kr_who found = who(bed, mine.public_key);
    assert_true(found.facts.is_person && found.facts.is_afar && !found.facts.is_operator && found.facts.roles == KR_ROLE_ANALYST);
    assert_memory_equal(found.person, sato, 32);
    as_key(bed, mine.public_key);
    assert_int_equal(bed_request(bed, 0, KR_OP_STATUS, "\x90", 1, 100), KR_OK);
    /* The same again, where the answer was lost; not another. */
    assert_int_equal(enrol(bed, key, mine.public_key), KR_OK);
    assert_int_equal(kr_enrol_done_read((struct kr_slice){bed->result, bed->result_len}, &done), KR_OK);
    assert_true(done.was_there);
    assert_int_equal(enrol(bed, key, other.public_key), KR_USED);
    assert_false(who(bed, other.public_key).facts.is_person);
    assert_int_equal(enrol(bed, other.public_key, other.public_key), KR_DENIED); /* no ticket at all */
    bed_run(bed, HOUR_MS + 60000);                                               /* a used one is told of for an hour */
    assert_false(is_let_in(bed, key));
    assert_true(is_let_in(bed, mine.public_key));
    bed_restart(bed, 0);
    assert_true(is_let_in(bed, mine.public_key) && who(bed, mine.public_key).facts.is_person);
}

/* A key comes without a proof: what is somebody else's already makes no machine, and costs no ticket. */
static void what_is_a_nodes_or_a_tickets_is_no_machines(void **state)
{
    struct bed *bed = *state;
    const struct machine mine = machine_of(1);
    struct kr_link link = {.state = KR_LINK_OPEN, .council = {7}, .transport_key = {9}};
    struct kr_core *core = bed_core(bed, 0);
    uint8_t key[32], other[32];
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(ticket(bed, suzuki, 0, other), KR_OK);
    assert_int_equal(enrol(bed, key, core->keyring->transport_public), KR_KEY);
    assert_non_null(strstr(bed->text, "kairan enrol"));
    assert_int_equal(enrol(bed, key, other), KR_KEY);
    core->links[core->link_count++] = &link;
    const uint32_t code = enrol(bed, key, link.transport_key);
    core->link_count--;
    assert_int_equal(code, KR_KEY);
    assert_true(is_let_in(bed, key) && is_let_in(bed, other));
    assert_int_equal(enrol(bed, key, mine.public_key), KR_OK);
    assert_true(who(bed, mine.public_key).facts.is_person);
}

static void tickets_end(void **state)
{
    struct bed *bed = *state;
    const struct machine mine = machine_of(1);
    uint8_t key[32], long_key[32];
    assert_int_equal(ticket(bed, sato, 60, key), KR_OK);
    assert_int_equal(ticket(bed, sato, UINT64_MAX, long_key), KR_OK); /* as long as any may */
    bed_run(bed, 120000);
    assert_false(is_let_in(bed, key));
    assert_true(is_let_in(bed, long_key));
    assert_int_equal(enrol(bed, key, mine.public_key), KR_DENIED);
    bed_restart(bed, 0);
    assert_true(is_let_in(bed, long_key) && !is_let_in(bed, key));
    assert_int_equal(person(bed, KR_PERSON_REVOKE, sato), KR_DENIED); /* the ticket's key is nobody's */
    as_operator(bed);
    assert_int_equal(person(bed, KR_PERSON_REVOKE, sato), KR_OK);
    assert_int_equal(enrol(bed, long_key, mine.public_key), KR_DENIED);
    assert_int_equal(ticket(bed, sato, 0, key), KR_INVALID);
    assert_int_equal(ticket(bed, (const uint8_t[32]){9}, 0, key), KR_NOT_FOUND);
}

/* Off the list with the card; what somebody is told who is still on it, roles say. */
static void whoever_ends_is_not_let_in(void **state)
{
    struct bed *bed = *state;
    const struct machine one = machine_of(1), two = machine_of(2);
    uint8_t key[32], other[32];
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(enrol(bed, key, one.public_key), KR_OK);
    assert_int_equal(ticket(bed, suzuki, 0, key), KR_OK);
    assert_int_equal(enrol(bed, key, one.public_key), KR_EXISTS); /* Sato's */
    assert_int_equal(ticket(bed, sato, 0, other), KR_OK);
    assert_int_equal(enrol(bed, other, one.public_key), KR_KEY); /* it is his already: it would have to be taken off twice */
    assert_int_equal(enrol(bed, key, two.public_key), KR_OK);
    as_operator(bed);
    assert_int_equal(person(bed, KR_PERSON_SUSPEND, sato), KR_OK);
    assert_true(is_let_in(bed, one.public_key));
    as_key(bed, one.public_key);
    assert_int_equal(bed_request(bed, 0, KR_OP_STATUS, "\x90", 1, 100), KR_DENIED);
    assert_non_null(strstr(bed->text, "suspended"));
    assert_int_equal(unenrol(bed, suzuki, one.public_key), KR_NOT_FOUND);
    assert_int_equal(unenrol(bed, sato, one.public_key), KR_OK);
    assert_false(is_let_in(bed, one.public_key));
    as_key(bed, one.public_key);
    assert_int_equal(bed_request(bed, 0, KR_OP_STATUS, "\x90", 1, 100), KR_DENIED);
    assert_non_null(strstr(bed->text, "enrolled anew"));
    as_operator(bed);
    assert_int_equal(body(bed, KR_BODY_LEAVE), KR_OK);
    assert_false(is_let_in(bed, two.public_key));
}

static void a_person_has_so_many_machines(void **state)
{
    struct bed *bed = *state;
    uint8_t key[32], spare[32];
    assert_int_equal(ticket(bed, sato, 0, spare), KR_OK);
    for (uint8_t i = 0; i < KR_CREDENTIALS_MAX; i++) {
        assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
        assert_int_equal(enrol(bed, key, machine_of(i).public_key), KR_OK);
    }
    assert_int_equal(enrol(bed, spare, machine_of(77).public_key), KR_BOUNDS);
    assert_int_equal(ticket(bed, sato, 0, key), KR_INVALID);
    assert_int_equal(unenrol(bed, sato, machine_of(0).public_key), KR_OK);
    assert_int_equal(enrol(bed, spare, machine_of(77).public_key), KR_OK); /* the ticket was not used up */
}

/* Who moves from one card to another is known by the same machines and users, by one card at a time, however often. */
static void whoever_moves_takes_machines_along(void **state)
{
    struct bed *bed = *state;
    const struct machine one = machine_of(1), two = machine_of(2);
    uint8_t key[32], from[32];
    struct kr_person_act bind = {.action = KR_PERSON_BIND, .has_uid = true, .uid = 1007};
    struct kr_writer args;
    memcpy(bind.id, sato, 32);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_person_act_write(&bind, &args);
    assert_int_equal(ask_args(bed, KR_OP_PERSON, &args), KR_OK);
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(enrol(bed, key, one.public_key), KR_OK);
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(enrol(bed, key, two.public_key), KR_OK);
    as_operator(bed);
    assert_int_equal(move(bed, sato, (const uint8_t[32]){50}, 0, bed->world->now_ms / 1000 + 500), KR_EXISTS); /* they overlap */
    assert_non_null(strstr(bed->text, "at the same time"));
    assert_int_equal(move(bed, (const uint8_t[32]){77}, (const uint8_t[32]){50}, 0, 0), KR_NOT_FOUND);
    memcpy(from, sato, 32);
    for (uint8_t i = 0; i < 2 * KR_CREDENTIAL_PERSONS; i++) {
        const uint8_t to[32] = {(uint8_t)(60 + i)};
        const uint64_t at_s = bed->world->now_ms / 1000 + 100;
        assert_int_equal(move(bed, from, to, at_s, at_s), KR_OK);
        assert_memory_equal(who(bed, one.public_key).person, from, 32);
        bed_run(bed, 110000);
        for (uint32_t k = 0; k < 2; k++) {
            const uint8_t *machine = k == 0 ? one.public_key : two.public_key;
            assert_true(who(bed, machine).facts.is_person && is_let_in(bed, machine));
            assert_memory_equal(who(bed, machine).person, to, 32);
        }
        bed->caller = (struct kr_caller){.is_guest = true, .uid = 1007};
        assert_int_equal(bed_request(bed, 0, KR_OP_STATUS, "\x90", 1, 100), KR_OK);
        as_operator(bed);
        memcpy(from, to, 32);
    }
}

static uint64_t versions_of_the_past(struct bed *bed, uint32_t *ret_naming, const uint8_t machine[static 32])
{
    static struct kr_person_row row;
    struct kr_txn *txn = NULL;
    uint64_t sum = 0;
    *ret_naming = 0;
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    for (uint8_t i = 0; i < KR_CREDENTIAL_PERSONS - 1; i++) { /* (the last one is ended by the move itself) */
        assert_int_equal(kr_person_get(txn, i == 0 ? sato : (const uint8_t[32]){(uint8_t)(59 + i)}, &row), KR_OK);
        sum += row.version;
        *ret_naming += row.card.credential_count == 1 && memcmp(row.card.credentials[0].bytes.bytes, machine, 32) == 0;
    }
    kr_txn_abort(txn);
    return sum;
}

/* A move that is refused leaves the cards of before as they were, whatever it is refused for. */
static void a_move_that_is_refused_changes_nothing(void **state)
{
    struct bed *bed = *state;
    const struct machine mine = machine_of(1);
    uint8_t key[32], from[32];
    uint32_t naming = 0;
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(enrol(bed, key, mine.public_key), KR_OK);
    as_operator(bed);
    memcpy(from, sato, 32);
    for (uint8_t i = 0; i < KR_CREDENTIAL_PERSONS - 1; i++) {
        const uint8_t to[32] = {(uint8_t)(60 + i)};
        const uint64_t at_s = bed->world->now_ms / 1000 + 100;
        assert_int_equal(move(bed, from, to, at_s, at_s), KR_OK);
        bed_run(bed, 110000);
        memcpy(from, to, 32);
    }
    const uint64_t before = versions_of_the_past(bed, &naming, mine.public_key);
    assert_int_equal(naming, KR_CREDENTIAL_PERSONS - 1); /* with the one that holds, as many as may name it */
    const uint8_t next[32] = {90};
    struct kr_person_act begin = {.action = KR_PERSON_ADD, .id = {90}, .roles = KR_ROLE_READER};
    struct kr_writer args;
    begin.changes[KR_PERSON_NAME] = begin.changes[KR_PERSON_ROLES] = begin.changes[KR_PERSON_FROM] = true;
    begin.name = (struct kr_slice){(const uint8_t *)"somebody", 8};
    memcpy(begin.other, from, 32);
    for (uint32_t i = 0; i < 3; i++) {
        begin.from_s = bed->world->now_ms / 1000 + 1000;
        begin.until_s = i == 0 ? begin.from_s - 10 : 0; /* it would be over before it begins */
        begin.changes[KR_PERSON_UNTIL] = i == 0;
        memcpy(begin.body, i == 1 ? (const uint8_t[32]){0x77} : sapporo, 32); /* there is no such body */
        kr_writer_init(&args, 4 * KR_KIB);
        kr_person_act_write(&begin, &args);
        assert_int_not_equal(ask_args(bed, KR_OP_PERSON, &args), KR_OK); /* the last: the card before does not end */
        assert_int_equal(versions_of_the_past(bed, &naming, mine.public_key), before);
        assert_int_equal(naming, KR_CREDENTIAL_PERSONS - 1);
        assert_memory_equal(who(bed, mine.public_key).person, from, 32);
    }
    const uint64_t at_s = bed->world->now_ms / 1000 + 100;
    assert_int_equal(move(bed, from, next, at_s, at_s), KR_OK);
    bed_run(bed, 110000);
    assert_memory_equal(who(bed, mine.public_key).person, next, 32);
}

static void open_tickets_are_bounded(void **state)
{
    struct bed *bed = *state;
    uint8_t key[32];
    for (uint32_t i = 0; i < KR_ENROL_TICKETS_MAX; i++) {
        assert_int_equal(ticket(bed, sato, 60, key), KR_OK);
    }
    assert_int_equal(ticket(bed, sato, 60, key), KR_BOUNDS);
    bed_run(bed, 120000);
    assert_int_equal(ticket(bed, sato, 60, key), KR_OK);
}

/* One who is told apart from another by its key, wherever something is bounded for each. */
/* Rows of that many machines, as cards of the council's other node make them. */
static void bind_elsewhere(struct bed *bed, uint32_t count, bool binds)
{
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t key[2 + KR_CREDENTIAL_KEY_BYTES] = {'U', KR_CREDENTIAL_KEY, 0xEE, (uint8_t)(i >> 8), (uint8_t)i};
        assert_int_equal(binds ? kr_store_put(txn, KR_TABLE_DRAFTS, key, sizeof key, key, 1)
                               : kr_store_delete(txn, KR_TABLE_DRAFTS, key, sizeof key),
                         KR_OK);
    }
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

/* Net holds so many keys: who comes too late is told, and whoever is left out is not left out in silence. */
static void no_machine_is_bound_that_net_cannot_hold(void **state)
{
    struct bed *bed = *state;
    uint8_t key[32], more[32];
    const struct machine machine = machine_of(1), next = machine_of(2);
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(ticket(bed, sato, 0, more), KR_OK);
    bind_elsewhere(bed, KR_PERSON_KEYS_MAX, true);
    assert_int_equal(enrol(bed, key, machine.public_key), KR_BOUNDS);
    assert_non_null(strstr(bed->text, "unbind one"));
    assert_int_equal(ticket(bed, suzuki, 0, key), KR_BOUNDS);
    bind_elsewhere(bed, 1, false);
    assert_false(bed_said(bed, 0, "are not let in"));
    assert_int_equal(enrol(bed, more, machine.public_key), KR_OK);
    assert_true(bed_said(bed, 0, "2 machines of persons, or tickets for them, are not let in")); /* both tickets */
    assert_int_equal(enrol(bed, more, next.public_key), KR_USED);
}

static void callers_have_marks(void **state)
{
    struct kr_caller user = {.is_guest = true, .uid = 7}, key = {.is_guest = true, .has_key = true}, other = key;
    (void)state;
    assert_int_equal(kr_caller_mark(&user), 7);
    assert_true(kr_caller_mark(&key) != kr_caller_mark(&(struct kr_caller){.is_guest = true})); /* not user 0 */
    other.key[1] = 1;
    assert_true(kr_caller_mark(&key) != kr_caller_mark(&other));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_makes_a_machine_a_persons),
        TEST(what_is_a_nodes_or_a_tickets_is_no_machines),
        TEST(tickets_end),
        TEST(whoever_ends_is_not_let_in),
        TEST(a_person_has_so_many_machines),
        TEST(whoever_moves_takes_machines_along),
        TEST(a_move_that_is_refused_changes_nothing),
        TEST(open_tickets_are_bounded),
        cmocka_unit_test_setup_teardown(no_machine_is_bound_that_net_cannot_hold, setup, teardown),
        cmocka_unit_test(callers_have_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
