/* Machines of persons: tickets, keys on cards, who a key makes of its caller, and whom net is told to let in. */
#include "crypto/seal.h"
#include "node/core/caller.h"
#include "node/core/enrol.h"
#include "node/core/people.h"
#include "proto/client/enrol.h"
#include "proto/client/people.h"
#include "proto/wire/machine_ticket.h"
#include "tests/unit/core/bed.h"

#define HOUR_MS 3600000u

static const uint8_t sapporo[32] = {0x5a}, sato[32] = {1}, suzuki[32] = {2};

struct machine {
    uint8_t public_key[32], secret[32];
};

static struct machine machine_of(uint8_t number)
{
    struct machine machine;
    const uint8_t seed[32] = {number};
    kr_box_keypair(machine.public_key, machine.secret, seed);
    return machine;
}

static uint32_t ask(struct bed *bed, uint32_t op, struct kr_writer *args)
{
    const uint32_t code = bed_request(bed, 0, op, args->bytes, args->len, 100);
    kr_writer_deinit(args);
    return code;
}

static uint32_t person(struct bed *bed, uint32_t action, const uint8_t id[static 32])
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
    return ask(bed, KR_OP_PERSON, &args);
}

static uint32_t body(struct bed *bed, uint32_t action)
{
    struct kr_body_act act = {.action = action, .changes = {[KR_BODY_NAME_EN] = action == KR_BODY_ADD}};
    struct kr_writer args;
    memcpy(act.id, sapporo, 32);
    act.texts[KR_BODY_NAME_EN] = (struct kr_slice){(const uint8_t *)"Sapporo", action == KR_BODY_ADD ? 7 : 0};
    kr_writer_init(&args, 4 * KR_KIB);
    kr_body_act_write(&act, &args);
    return ask(bed, KR_OP_BODY, &args);
}

static void as_operator(struct bed *bed)
{
    bed->caller = (struct kr_caller){0};
}

static void as_key(struct bed *bed, const uint8_t key[static 32])
{
    bed->caller = (struct kr_caller){.is_guest = true, .has_key = true};
    memcpy(bed->caller.key, key, 32);
}

/* A ticket of the operator's; `ret_key` is the public half of its secret. */
static uint32_t ticket(struct bed *bed, const uint8_t id[static 32], uint64_t ttl_s, uint8_t ret_key[static 32])
{
    struct kr_enrol_ask wanted = {.ttl_s = ttl_s};
    struct kr_enrol_given given;
    struct kr_machine_ticket ticket;
    struct kr_writer args;
    memcpy(wanted.person, id, 32);
    kr_writer_init(&args, KR_KIB);
    kr_enrol_ask_write(&wanted, &args);
    as_operator(bed);
    const uint32_t code = ask(bed, KR_OP_ENROL_TICKET, &args);
    if (code == KR_OK) {
        assert_int_equal(kr_enrol_given_read((struct kr_slice){bed->result, bed->result_len}, &given), KR_OK);
        assert_int_equal(kr_machine_ticket_parse((const char *)given.ticket.bytes, given.ticket.len, &ticket, NULL), KR_OK);
        assert_int_equal(ticket.expires_s, given.expires_s);
        assert_memory_equal(ticket.council, bed_core(bed, 0)->self, 32);
        assert_memory_equal(ticket.transport_public, bed_core(bed, 0)->keyring->transport_public, 32);
        assert_int_equal(crypto_scalarmult_base(ret_key, ticket.secret), 0);
    }
    return code;
}

/* Whoever shows that ticket's key hands over the machine's. */
static uint32_t enrol(struct bed *bed, const uint8_t ticket_key[static 32], const uint8_t key[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, key, 32);
    as_key(bed, ticket_key);
    return ask(bed, KR_OP_ENROL, &args);
}

static uint32_t unenrol(struct bed *bed, const uint8_t id[static 32], const uint8_t key[static 32])
{
    struct kr_unenrol unenrol;
    struct kr_writer args;
    memcpy(unenrol.person, id, 32);
    memcpy(unenrol.key, key, 32);
    kr_writer_init(&args, KR_KIB);
    kr_unenrol_write(&unenrol, &args);
    as_operator(bed);
    return ask(bed, KR_OP_UNENROL, &args);
}

static struct kr_who who(struct bed *bed, const uint8_t key[static 32])
{
    struct kr_caller caller = {.is_guest = true, .has_key = true};
    struct kr_who who;
    struct kr_txn *txn = NULL;
    memcpy(caller.key, key, 32);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_who_find(txn, &caller, bed->world->now_ms, &who), KR_OK);
    kr_txn_abort(txn);
    return who;
}

/* Whether net lets that key in as a person's. */
static bool is_let_in(struct bed *bed, const uint8_t key[static 32])
{
    const struct sim_node *node = bed_node(bed, 0);
    for (uint32_t i = 0; i < node->allowed_count; i++) {
        if (memcmp(node->allowed[i].key, key, 32) == 0) {
            assert_int_equal(node->allowed[i].kind, 3);
            return true;
        }
    }
    return false;
}

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
    uint8_t key[32];
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(enrol(bed, key, one.public_key), KR_OK);
    assert_int_equal(ticket(bed, suzuki, 0, key), KR_OK);
    assert_int_equal(enrol(bed, key, one.public_key), KR_EXISTS); /* Sato's */
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
        TEST(open_tickets_are_bounded),
        cmocka_unit_test_setup_teardown(no_machine_is_bound_that_net_cannot_hold, setup, teardown),
        cmocka_unit_test(callers_have_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
