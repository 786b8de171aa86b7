/* Tickets that all nodes of a council know: used at another one, used twice by two that do not see each other, and what then
 * becomes of cards, tickets and alarms. */
#include "node/core/enrol_shared.h"
#include "node/core/internal.h"
#include "proto/client/rekey.h"
#include "proto/record/ticket_word.h"
#include "tests/unit/core/enrol_test.h"
#include "tests/unit/core/sister_test.h"

static int enter(void **state)
{
    struct bed *bed = bed_new(2);
    take_in(bed);
    at_node = FIRST;
    assert_int_equal(body(bed, KR_BODY_ADD), KR_OK);
    assert_int_equal(person(bed, KR_PERSON_ADD, sato), KR_OK);
    assert_int_equal(person(bed, KR_PERSON_ADD, suzuki), KR_OK);
    bed_run(bed, 5000);
    *state = bed;
    return 0;
}

static int leave(void **state)
{
    bed_free(*state);
    at_node = FIRST;
    return 0;
}

/* The same at that node. */
static uint32_t enrol_at(struct bed *bed, uint32_t node, const uint8_t key[static 32], const uint8_t machine[static 32])
{
    at_node = node;
    const uint32_t code = enrol(bed, key, machine);
    at_node = FIRST;
    return code;
}

static bool is_in_at(struct bed *bed, uint32_t node, const uint8_t key[static 32])
{
    at_node = node;
    const bool is_in = is_let_in(bed, key);
    at_node = FIRST;
    return is_in;
}

static bool is_person_at(struct bed *bed, uint32_t node, const uint8_t key[static 32], const uint8_t id[static 32])
{
    at_node = node;
    const struct kr_who found = who(bed, key);
    at_node = FIRST;
    return found.facts.is_person && memcmp(found.person, id, 32) == 0;
}

static uint32_t alarms_at(struct bed *bed, uint32_t node, struct kr_alarm *ret_last)
{
    uint32_t count = 0;
    as_operator(bed);
    bed->pages = 0;
    assert_int_equal(bed_request(bed, node, KR_OP_ALARMS, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    for (uint32_t i = 0; i < bed->pages && i < 4; i++) {
        assert_int_equal(kr_alarm_read((struct kr_slice){bed->items[i].bytes, bed->items[i].len}, ret_last), KR_OK);
        count += ret_last->sort == KR_ALARM_TICKET;
    }
    return count;
}

/* How many were settled; none: KR_NOT_FOUND is the answer. */
static uint64_t settle(struct bed *bed, uint32_t node)
{
    struct kr_writer args;
    struct kr_reader reader;
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, bed_node(bed, FIRST)->council, 32);
    as_operator(bed);
    const uint32_t code = bed_request(bed, node, KR_OP_SETTLE, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    if (code == KR_NOT_FOUND) {
        return 0;
    }
    assert_int_equal(code, KR_OK);
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    return kr_reader_uint(&reader, UINT64_MAX);
}

/* Made at the first, which burns; used at the second. */
static void a_ticket_is_good_at_another_node(void **state)
{
    struct bed *bed = *state;
    const struct machine mine = machine_of(1), other = machine_of(2);
    struct kr_machine_ticket ticket_;
    struct kr_enrol_given given;
    uint8_t key[32];
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(kr_enrol_given_read((struct kr_slice){bed->result, bed->result_len}, &given), KR_OK);
    assert_int_equal(kr_machine_ticket_parse((const char *)given.ticket.bytes, given.ticket.len, &ticket_, NULL), KR_OK);
    assert_int_equal(ticket_.node_count, 2);
    assert_memory_equal(ticket_.nodes[1].transport, bed_node(bed, SECOND)->keyring->transport_public, 32);
    bed_run(bed, 3000);
    assert_true(is_in_at(bed, FIRST, key) && is_in_at(bed, SECOND, key));
    sim_world_crash(bed->world, FIRST, UINT64_C(100) * BED_DAY_MS);
    assert_int_equal(enrol_at(bed, SECOND, key, mine.public_key), KR_OK);
    assert_true(is_person_at(bed, SECOND, mine.public_key, sato) && is_in_at(bed, SECOND, mine.public_key));
    assert_int_equal(enrol_at(bed, SECOND, key, other.public_key), KR_USED);
    bed_restart(bed, SECOND);
    assert_int_equal(enrol_at(bed, SECOND, key, other.public_key), KR_USED);
    assert_true(is_person_at(bed, SECOND, mine.public_key, sato));
}

/* What was used is used at both; so is what has expired, or whose person is suspended, or revoked. */
static void what_is_over_is_over_at_both(void **state)
{
    struct bed *bed = *state;
    const struct machine mine = machine_of(1), other = machine_of(2);
    uint8_t key[32], shorter[32], held[32];
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(ticket(bed, sato, 300, shorter), KR_OK);
    assert_int_equal(ticket(bed, suzuki, 0, held), KR_OK);
    assert_int_equal(enrol_at(bed, FIRST, key, mine.public_key), KR_OK);
    bed_run(bed, 3000);
    assert_true(is_person_at(bed, SECOND, mine.public_key, sato));
    assert_int_equal(enrol_at(bed, SECOND, key, other.public_key), KR_USED);
    assert_non_null(strstr(bed->text, "another machine"));
    assert_int_equal(enrol_at(bed, SECOND, key, mine.public_key), KR_OK); /* the answer was lost, and the first does not answer */
    as_operator(bed);
    assert_int_equal(person(bed, KR_PERSON_SUSPEND, suzuki), KR_OK);
    bed_run(bed, 400000);
    assert_false(is_in_at(bed, FIRST, shorter) || is_in_at(bed, SECOND, shorter));
    assert_int_equal(enrol_at(bed, SECOND, held, other.public_key), KR_DENIED);
    assert_non_null(strstr(bed->text, "suspended"));
    as_operator(bed);
    assert_int_equal(person(bed, KR_PERSON_RESUME, suzuki), KR_OK);
    bed_run(bed, 3000);
    assert_int_equal(enrol_at(bed, SECOND, held, other.public_key), KR_OK); /* it stayed good */
    assert_int_equal(ticket(bed, suzuki, 0, key), KR_OK);
    as_operator(bed);
    assert_int_equal(person(bed, KR_PERSON_REVOKE, suzuki), KR_OK);
    bed_run(bed, 3000);
    assert_int_equal(enrol_at(bed, SECOND, key, machine_of(3).public_key), KR_DENIED);
    assert_false(is_in_at(bed, FIRST, other.public_key) || is_in_at(bed, SECOND, other.public_key));
    bed_run(bed, HOUR_MS); /* who showed a used one is told so for an hour */
    struct kr_alarm alarm;
    assert_int_equal(alarms_at(bed, FIRST, &alarm) + alarms_at(bed, SECOND, &alarm), 0);
}

/* One ticket, two machines, two nodes that do not see each other: when they meet the earlier one stands at both, the other is
 * nobody's, and both say so. */
static void of_two_that_used_one_ticket_the_earlier_stands(void **state)
{
    struct bed *bed = *state;
    uint8_t key[32];
    for (uint8_t round = 0; round < 4; round++) { /* whichever card has the lower id */
        const uint32_t first = round % 2 == 0 ? FIRST : SECOND, second = first == FIRST ? SECOND : FIRST;
        const struct machine early = machine_of((uint8_t)(10 + round)), late = machine_of((uint8_t)(20 + round));
        struct kr_alarm alarm = {0};
        const uint8_t *id = round < 2 ? sato : suzuki;
        assert_int_equal(ticket(bed, id, 0, key), KR_OK);
        bed_run(bed, 3000);
        cut(bed);
        assert_int_equal(enrol_at(bed, first, key, early.public_key), KR_OK);
        bed_run(bed, 5000);
        assert_int_equal(enrol_at(bed, second, key, late.public_key), KR_OK);
        assert_true(is_in_at(bed, first, early.public_key) && is_in_at(bed, second, late.public_key));
        bed_forget_log(bed);
        meet(bed);
        for (uint32_t node = FIRST; node <= SECOND; node += SECOND - FIRST) {
            assert_true(is_person_at(bed, node, early.public_key, id) && is_in_at(bed, node, early.public_key));
            assert_false(is_person_at(bed, node, late.public_key, id) || is_in_at(bed, node, late.public_key));
            assert_int_equal(bed_times_said(bed, node, "ALARM: one ticket for a machine of somebody"), 1);
            assert_int_equal(bed_core(bed, node)->alarms_open, round + 1u);
        }
        assert_int_equal(alarms_at(bed, SECOND, &alarm), round + 1u);
        assert_int_equal(enrol_at(bed, FIRST, key, late.public_key), round % 2 == 0 ? KR_USED : KR_USED);
        /* It comes back with no other ticket either. */
        assert_int_equal(ticket(bed, id, 0, key), KR_OK);
        assert_int_equal(enrol_at(bed, FIRST, key, late.public_key), KR_KEY);
    }
    bed_restart(bed, FIRST);
    assert_int_equal(bed_core(bed, FIRST)->alarms_open, 4);
    /* Settled at one node it is settled there. */
    assert_int_equal(settle(bed, FIRST), 4);
    assert_int_equal(bed_core(bed, FIRST)->alarms_open, 0);
    assert_int_equal(settle(bed, FIRST), 0);
    assert_int_equal(bed_core(bed, SECOND)->alarms_open, 4);
}

/* Its person has moved to another card meanwhile: it is off that one, too. And a card that is over is put in order no more. */
static void one_that_came_second_goes_off_all_cards(void **state)
{
    struct bed *bed = *state;
    const struct machine early = machine_of(1), late = machine_of(2);
    const uint8_t moved[32] = {50};
    uint8_t key[32];
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    bed_run(bed, 3000);
    cut(bed);
    assert_int_equal(enrol_at(bed, FIRST, key, early.public_key), KR_OK);
    bed_run(bed, 3000);
    assert_int_equal(enrol_at(bed, SECOND, key, late.public_key), KR_OK);
    const uint64_t at_s = bed->world->now_ms / 1000 + 10;
    at_node = SECOND;
    as_operator(bed);
    assert_int_equal(move(bed, sato, moved, at_s, at_s), KR_OK);
    at_node = FIRST;
    bed_run(bed, 20000);
    assert_true(is_person_at(bed, SECOND, late.public_key, moved));
    meet(bed);
    for (uint32_t node = FIRST; node <= SECOND; node += SECOND - FIRST) {
        assert_false(is_in_at(bed, node, late.public_key));
    }
}

/* The same machine at both, since the first one's answer was lost: no alarm. */
static void one_machine_at_two_nodes_is_one(void **state)
{
    struct bed *bed = *state;
    const struct machine mine = machine_of(1);
    uint8_t key[32];
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    bed_run(bed, 3000);
    cut(bed);
    assert_int_equal(enrol_at(bed, FIRST, key, mine.public_key), KR_OK);
    assert_int_equal(enrol_at(bed, SECOND, key, mine.public_key), KR_OK);
    meet(bed);
    assert_true(is_person_at(bed, FIRST, mine.public_key, sato) && is_person_at(bed, SECOND, mine.public_key, sato));
    assert_int_equal(bed_core(bed, FIRST)->alarms_open + bed_core(bed, SECOND)->alarms_open, 0);
}

/* Two tickets of one person, used apart: of the two cards one goes, and no machine with it. What is unbound stays so. */
static void no_machine_is_lost_with_a_card(void **state)
{
    struct bed *bed = *state;
    const struct machine one = machine_of(1), two = machine_of(2);
    uint8_t keys[2][32];
    assert_int_equal(ticket(bed, sato, 0, keys[0]), KR_OK);
    assert_int_equal(ticket(bed, sato, 0, keys[1]), KR_OK);
    bed_run(bed, 3000);
    cut(bed);
    assert_int_equal(enrol_at(bed, FIRST, keys[0], one.public_key), KR_OK);
    assert_int_equal(enrol_at(bed, SECOND, keys[1], two.public_key), KR_OK);
    meet(bed);
    for (uint32_t node = FIRST; node <= SECOND; node += SECOND - FIRST) {
        assert_true(is_person_at(bed, node, one.public_key, sato) && is_person_at(bed, node, two.public_key, sato));
    }
    assert_int_equal(bed_core(bed, FIRST)->alarms_open + bed_core(bed, SECOND)->alarms_open, 0);
    cut(bed);
    assert_int_equal(unenrol(bed, sato, one.public_key), KR_OK);
    at_node = SECOND;
    as_operator(bed);
    assert_int_equal(person(bed, KR_PERSON_SUSPEND, sato), KR_OK);
    assert_int_equal(person(bed, KR_PERSON_RESUME, sato), KR_OK); /* its card is the newer one, and has the machine */
    at_node = FIRST;
    meet(bed);
    for (uint32_t node = FIRST; node <= SECOND; node += SECOND - FIRST) {
        assert_false(is_in_at(bed, node, one.public_key));
        assert_true(is_person_at(bed, node, two.public_key, sato));
    }
}

static struct forged forge(struct bed *bed, const struct kr_ticket_word *word, const uint8_t *subject, uint64_t expires_s)
{
    uint8_t own[32];
    struct kr_writer content;
    kr_ticket_word_subject(word, own);
    kr_writer_init(&content, KR_KIB);
    kr_ticket_word_write(word, &content);
    const struct forged forged = forge_own(bed, KR_KIND_TICKET, subject != NULL ? subject : own, 1, &content, expires_s);
    kr_writer_deinit(&content);
    return forged;
}

/* Another node may be in other hands: it fills nothing, and what it says under another's subject is refused. */
static void what_another_node_says_is_bounded(void **state)
{
    struct bed *bed = *state;
    const uint64_t now_s = bed->world->now_ms / 1000;
    struct kr_ticket_word word = {.what = KR_TICKET_OPEN, .at_ms = bed->world->now_ms, .expires_s = now_s + 86400};
    uint32_t count = 0;
    memcpy(word.person, sato, 32);
    for (uint32_t i = 0; i < KR_ENROL_TICKETS_MAX + 8; i++) {
        word.ticket[0] = 0xEE;
        word.ticket[1] = (uint8_t)(i >> 8);
        word.ticket[2] = (uint8_t)i;
        struct forged forged = forge(bed, &word, NULL, now_s + 86400);
        bed_hand_over(bed, SECOND, FIRST, &forged);
        assert_true(bed_holds(bed, FIRST, forged.id));
        count += is_in_at(bed, FIRST, word.ticket);
        forged_free(&forged);
    }
    assert_int_equal(count, KR_ENROL_TICKETS_MAX);
    assert_true(bed_said(bed, FIRST, "is not let in here"));
    /* More uses of one ticket than there can be nodes: those of the earliest are told from each other. */
    word.what = KR_TICKET_USED;
    word.has_machine = true;
    for (uint8_t i = 0; i < 20; i++) {
        word.machine[0] = (uint8_t)(100 + i);
        word.at_ms--;
        struct forged forged = forge(bed, &word, NULL, now_s + 86400);
        bed_hand_over(bed, SECOND, FIRST, &forged);
        assert_true(bed_holds(bed, FIRST, forged.id));
        forged_free(&forged);
    }
    assert_in_range(bed_core(bed, FIRST)->alarms_open, 1, 19);
    word.machine[0] = 99;
    struct forged forged = forge(bed, &word, word.ticket, now_s + 86400);
    bed_hand_over(bed, SECOND, FIRST, &forged);
    assert_false(bed_holds(bed, FIRST, forged.id));
    forged_free(&forged);
}

/* What a stolen node said goes with its key: its tickets, and its uses of ours. */
static void what_a_stolen_node_said_of_tickets_goes(void **state)
{
    struct bed *bed = *state;
    const struct machine early = machine_of(1), late = machine_of(2);
    uint8_t keys[2][32], node_key[32];
    struct kr_revoke revoke = {0};
    struct kr_writer args;
    memcpy(node_key, key_of(bed, SECOND), 32);
    assert_int_equal(ticket(bed, sato, 0, keys[0]), KR_OK);
    bed_run(bed, 5000);
    revoke.since_ms = bed_node(bed, FIRST)->now_ms;
    cut(bed);
    assert_int_equal(enrol_at(bed, SECOND, keys[0], early.public_key), KR_OK);
    bed_run(bed, 5000);
    assert_int_equal(enrol_at(bed, FIRST, keys[0], late.public_key), KR_OK);
    at_node = SECOND;
    assert_int_equal(ticket(bed, suzuki, 0, keys[1]), KR_OK);
    at_node = FIRST;
    meet(bed);
    assert_true(is_in_at(bed, FIRST, keys[1]) && is_in_at(bed, FIRST, early.public_key) && !is_in_at(bed, FIRST, late.public_key));
    assert_int_equal(bed_core(bed, FIRST)->alarms_open, 1);
    as_operator(bed);
    assert_int_equal(bed_request(bed, FIRST, KR_OP_NEW_KEYS, (const uint8_t[]){0x90}, 1, 300), KR_OK);
    bed_run(bed, 20000);
    memcpy(revoke.key, node_key, 32);
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&revoke, &args);
    assert_int_equal(bed_request(bed, FIRST, KR_OP_REVOKE, args.bytes, args.len, 300), KR_OK);
    kr_writer_deinit(&args);
    bed_run(bed, 60000);
    assert_false(is_in_at(bed, FIRST, keys[1]) || is_in_at(bed, FIRST, early.public_key));
    assert_true(is_in_at(bed, FIRST, late.public_key) && is_person_at(bed, FIRST, late.public_key, sato));
    assert_int_equal(bed_core(bed, FIRST)->alarms_open, 0);
}

/* Records of uses end in time, and their rows with them. */
static void what_has_expired_leaves_no_row(void **state)
{
    struct bed *bed = *state;
    const uint64_t now_s = bed->world->now_ms / 1000;
    struct kr_ticket_word word = {.what = KR_TICKET_USED, .has_machine = true, .at_ms = bed->world->now_ms, .ticket = {7}};
    struct forged forged[2];
    for (uint8_t i = 0; i < 2; i++) {
        word.machine[0] = (uint8_t)(1 + i);
        forged[i] = forge(bed, &word, NULL, now_s + 3600);
        bed_hand_over(bed, SECOND, FIRST, &forged[i]);
    }
    assert_int_equal(bed_core(bed, FIRST)->alarms_open, 1);
    bed_run(bed, 3 * HOUR_MS);
    assert_int_equal(bed_core(bed, FIRST)->alarms_open, 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert_false(bed_holds(bed, FIRST, forged[i].id));
        forged_free(&forged[i]);
    }
}

/* Both have the same of that person: how often its card was written, and whether that machine is on it. */
static uint64_t version_of(struct bed *bed, const uint8_t id[static 32])
{
    struct kr_person_row rows[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_txn *txn = NULL;
        assert_int_equal(kr_store_read_begin(bed_node(bed, i == 0 ? FIRST : SECOND)->store, &txn), KR_OK);
        assert_int_equal(kr_person_get(txn, id, &rows[i]), KR_OK);
        kr_txn_abort(txn);
    }
    assert_true(rows[0].version == rows[1].version && rows[0].card.credential_count == rows[1].card.credential_count);
    return rows[0].version;
}

static void say_use(struct bed *bed, const struct kr_ticket_word *word)
{
    struct forged forged = forge(bed, word, NULL, bed->world->now_ms / 1000 + 30 * 86400);
    bed_hand_over(bed, SECOND, FIRST, &forged);
    assert_true(bed_holds(bed, FIRST, forged.id));
    forged_free(&forged);
}

/* A machine whose enrolment was lost on its way comes with the key that it has, and another ticket: it makes a new one. */
static void a_machine_that_was_unbound_makes_a_new_key(void **state)
{
    struct bed *bed = *state;
    const struct machine mine = machine_of(1), fresh = machine_of(2);
    uint8_t keys[2][32];
    assert_int_equal(ticket(bed, sato, 0, keys[0]), KR_OK);
    assert_int_equal(enrol_at(bed, FIRST, keys[0], mine.public_key), KR_OK);
    assert_int_equal(ticket(bed, sato, 0, keys[1]), KR_OK);
    assert_int_equal(enrol_at(bed, FIRST, keys[1], mine.public_key), KR_KEY); /* it is enrolled already */
    assert_int_equal(unenrol(bed, sato, mine.public_key), KR_OK);
    bed_run(bed, 3000);
    assert_int_equal(enrol_at(bed, FIRST, keys[1], mine.public_key), KR_KEY);
    assert_int_equal(enrol_at(bed, SECOND, keys[1], mine.public_key), KR_KEY);
    assert_int_equal(enrol_at(bed, SECOND, keys[1], fresh.public_key), KR_OK);
    bed_run(bed, 3000);
    const uint64_t version = version_of(bed, sato);
    bed_run(bed, 2 * HOUR_MS);
    assert_int_equal(version_of(bed, sato), version);
    for (uint32_t node = FIRST; node <= SECOND; node += SECOND - FIRST) {
        assert_true(is_person_at(bed, node, fresh.public_key, sato) && !is_in_at(bed, node, mine.public_key));
    }
}

/* One machine with two tickets at two nodes that do not see each other, unbound at one of them: both come to the same, and write
 * that person's card no more. Both tickets are used at both. */
static void one_machine_with_two_tickets_has_one_answer(void **state)
{
    struct bed *bed = *state;
    for (uint8_t round = 0; round < 4; round++) {
        const struct machine mine = machine_of((uint8_t)(1 + round));
        const uint32_t first = round % 2 == 0 ? FIRST : SECOND, second = first == FIRST ? SECOND : FIRST;
        const uint8_t *id = round < 2 ? sato : suzuki;
        uint8_t keys[2][32];
        assert_int_equal(ticket(bed, id, 0, keys[0]), KR_OK);
        assert_int_equal(ticket(bed, id, 0, keys[1]), KR_OK);
        bed_run(bed, 3000);
        cut(bed);
        assert_int_equal(enrol_at(bed, first, keys[0], mine.public_key), KR_OK);
        assert_int_equal(enrol_at(bed, second, keys[1], mine.public_key), KR_OK);
        if (round >= 2) {
            at_node = first;
            assert_int_equal(unenrol(bed, id, mine.public_key), KR_OK);
            at_node = FIRST;
        }
        meet(bed);
        const uint64_t version = version_of(bed, id);
        assert_in_range(version, 2, 12);
        for (uint32_t node = FIRST; node <= SECOND; node += SECOND - FIRST) {
            assert_int_equal(is_person_at(bed, node, mine.public_key, id), round < 2);
            assert_int_equal(is_in_at(bed, node, mine.public_key), round < 2);
            assert_int_equal(enrol_at(bed, node, keys[0], machine_of(50).public_key), KR_USED);
            assert_int_equal(enrol_at(bed, node, keys[1], machine_of(51).public_key), KR_USED);
        }
        bed_run(bed, HOUR_MS);
        assert_int_equal(version_of(bed, id), version);
        assert_int_equal(bed_core(bed, FIRST)->alarms_open + bed_core(bed, SECOND)->alarms_open, 0);
    }
}

/* Another node may say what cannot be: of one machine that it is over, and that it is not, whichever comes first. */
static void contradictions_of_another_node_are_no_loop(void **state)
{
    struct bed *bed = *state;
    struct kr_ticket_word used = {.what = KR_TICKET_USED, .has_machine = true, .at_ms = bed->world->now_ms},
                          over = {.what = KR_TICKET_OVER, .has_machine = true, .at_ms = bed->world->now_ms};
    memcpy(used.person, sato, 32);
    memcpy(over.person, sato, 32);
    for (uint8_t round = 0; round < 4; round++) {
        const uint64_t before = version_of(bed, sato);
        memcpy(used.machine, machine_of((uint8_t)(1 + round)).public_key, 32);
        memcpy(over.machine, used.machine, 32);
        used.ticket[0] = (uint8_t)(round % 2 == 0 ? 10 + round : 30 + round);
        over.ticket[0] = (uint8_t)(round == 1 ? 0 : 20 + round);
        say_use(bed, round < 2 ? &over : &used);
        bed_run(bed, 1000);
        say_use(bed, round < 2 ? &used : &over);
        bed_run(bed, 30 * 60000);
        assert_in_range(version_of(bed, sato) - before, 0, 2);
        assert_false(is_in_at(bed, FIRST, used.machine) || is_in_at(bed, SECOND, used.machine));
    }
}

static void all_that_wait_are_settled_however_many(void **state)
{
    enum { MANY = 150 };
    struct bed *bed = *state;
    for (uint32_t i = 0; i < MANY; i++) {
        struct kr_ticket_word word = {
            .what = KR_TICKET_USED, .has_machine = true, .ticket = {9, (uint8_t)i}, .person = {77}, .at_ms = bed->world->now_ms};
        for (uint8_t machine = 1; machine <= 2; machine++) {
            memcpy(word.machine, (const uint8_t[32]){machine, (uint8_t)i}, 32);
            say_use(bed, &word);
        }
    }
    assert_int_equal(bed_core(bed, FIRST)->alarms_open, MANY);
    assert_int_equal(settle(bed, FIRST), MANY);
    assert_int_equal(bed_core(bed, FIRST)->alarms_open, 0);
    bed_restart(bed, FIRST);
    assert_int_equal(bed_core(bed, FIRST)->alarms_open, 0);
    assert_int_equal(settle(bed, FIRST), 0);
}

/* The card of somebody with that machine, as another node writes it. */
static void put_back(struct bed *bed, const uint8_t id[static 32], const uint8_t machine[static 32])
{
    static struct kr_person_row row;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(bed_node(bed, FIRST)->store, &txn), KR_OK);
    assert_int_equal(kr_person_get(txn, id, &row), KR_OK);
    kr_txn_abort(txn);
    struct kr_person_card card = row.card;
    struct kr_writer content;
    card.credentials[card.credential_count++] =
        (struct kr_credential){.kind = KR_CREDENTIAL_KEY, .bytes = {machine, KR_CREDENTIAL_KEY_BYTES}};
    kr_writer_init(&content, 4 * KR_KIB);
    kr_person_card_write(&card, &content);
    struct forged forged =
        forge_own(bed, KR_KIND_PERSON_CARD, id, row.version + 1, &content, bed->world->now_ms / 1000 + 30 * 86400);
    kr_writer_deinit(&content);
    bed_hand_over(bed, SECOND, FIRST, &forged);
    forged_free(&forged);
}

static uint64_t version_at_first(struct bed *bed, const uint8_t id[static 32])
{
    static struct kr_person_row row;
    struct kr_txn *txn = NULL;
    assert_int_equal(kr_store_read_begin(bed_node(bed, FIRST)->store, &txn), KR_OK);
    assert_int_equal(kr_person_get(txn, id, &row), KR_OK);
    kr_txn_abort(txn);
    return row.version;
}

/* Whoever writes a card with an unbound machine again and again has this node write it once in ten minutes, and no more. */
static void a_card_is_put_in_order_once_in_a_while(void **state)
{
    struct bed *bed = *state;
    const struct machine mine = machine_of(1);
    uint8_t key[32];
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(enrol_at(bed, FIRST, key, mine.public_key), KR_OK);
    assert_int_equal(unenrol(bed, sato, mine.public_key), KR_OK);
    bed_run(bed, 3000);
    bed_core(bed, SECOND)->restored.how = KR_RESTORED_TOLD; /* it puts no cards in order itself */
    put_back(bed, sato, mine.public_key);
    bed_run(bed, 1000);
    assert_false(is_in_at(bed, FIRST, mine.public_key));
    put_back(bed, sato, mine.public_key);
    assert_true(is_in_at(bed, FIRST, mine.public_key));
    const uint64_t version = version_at_first(bed, sato);
    bed_run(bed, 500000);
    assert_int_equal(version_at_first(bed, sato), version);
    bed_restart(bed, FIRST);
    bed_run(bed, 50000);
    assert_int_equal(version_at_first(bed, sato), version);
    bed_run(bed, 60000); /* then it is, by itself */
    assert_int_equal(version_at_first(bed, sato), version + 1);
    assert_false(is_in_at(bed, FIRST, mine.public_key));
}

/* A word is taken, and what follows for cards comes at the next tick: a node that went down between the two does it when it is up.
 */
static void what_follows_comes_after_a_crash_too(void **state)
{
    struct bed *bed = *state;
    const struct machine early = machine_of(1), late = machine_of(2);
    const uint64_t at_ms = bed->world->now_ms;
    uint8_t key[32];
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    bed_run(bed, 3000);
    assert_int_equal(enrol_at(bed, FIRST, key, late.public_key), KR_OK);
    bed_run(bed, 3000);
    cut(bed);
    struct kr_ticket_word word = {.what = KR_TICKET_USED, .has_machine = true, .at_ms = at_ms};
    memcpy(word.ticket, key, 32);
    memcpy(word.person, sato, 32);
    memcpy(word.machine, early.public_key, 32);
    bed_core(bed, FIRST)->restored.how = KR_RESTORED_TOLD; /* no tick of cards comes between the word and the crash */
    say_use(bed, &word);
    assert_true(is_in_at(bed, FIRST, late.public_key));
    bed_restart(bed, FIRST);
    bed_run(bed, 3000);
    assert_false(is_in_at(bed, FIRST, late.public_key));
    assert_true(is_person_at(bed, FIRST, early.public_key, sato));
}

/* A council with one node stores nothing of it. */
static void one_node_says_nothing(void **state)
{
    struct bed *bed = bed_new(1);
    const struct machine mine = machine_of(1);
    uint8_t key[32];
    (void)state;
    assert_int_equal(body(bed, KR_BODY_ADD), KR_OK);
    assert_int_equal(person(bed, KR_PERSON_ADD, sato), KR_OK);
    const uint64_t records = bed_records(bed, FIRST);
    assert_int_equal(ticket(bed, sato, 0, key), KR_OK);
    assert_int_equal(bed_records(bed, FIRST), records);
    assert_int_equal(enrol(bed, key, mine.public_key), KR_OK);
    const uint64_t with_card = bed_records(bed, FIRST);
    assert_in_range(with_card, records, records + 1); /* the person's card */
    assert_int_equal(unenrol(bed, sato, mine.public_key), KR_OK);
    assert_in_range(bed_records(bed, FIRST), with_card, with_card + 1);
    bed_free(bed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_is_good_at_another_node),
        TEST(what_is_over_is_over_at_both),
        TEST(of_two_that_used_one_ticket_the_earlier_stands),
        TEST(one_that_came_second_goes_off_all_cards),
        TEST(one_machine_at_two_nodes_is_one),
        TEST(no_machine_is_lost_with_a_card),
        TEST(what_another_node_says_is_bounded),
        TEST(what_a_stolen_node_said_of_tickets_goes),
        TEST(what_has_expired_leaves_no_row),
        TEST(a_machine_that_was_unbound_makes_a_new_key),
        TEST(one_machine_with_two_tickets_has_one_answer),
        TEST(contradictions_of_another_node_are_no_loop),
        TEST(all_that_wait_are_settled_however_many),
        TEST(a_card_is_put_in_order_once_in_a_while),
        TEST(what_follows_comes_after_a_crash_too),
        cmocka_unit_test(one_node_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
