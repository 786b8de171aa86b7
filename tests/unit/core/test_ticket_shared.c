/* Invitations that all nodes of a council know: used at another one, by two councils at once, and begun at two nodes. */
#include "node/core/enrol_shared.h"
#include "proto/wire/ticket.h"
#include "tests/unit/core/sister_test.h"

/* Councils outside, behind the nodes of sister_test.h. */
#define GUEST 3u
#define OTHER 4u

static int enter(void **state)
{
    struct bed *bed = bed_new(2);
    take_in(bed);
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    assert_int_equal(sim_world_add(bed->world), SIM_HOLDS);
    *state = bed;
    return 0;
}

static void invite_at(struct bed *bed, uint32_t node, bool is_by_hand, struct kr_ticket *ret_ticket)
{
    const struct kr_invite invite = {.is_link_only = true, .is_by_hand = is_by_hand};
    struct kr_writer args;
    struct kr_reader reader;
    kr_writer_init(&args, KR_KIB);
    kr_invite_write(&invite, &args);
    assert_int_equal(bed_request(bed, node, KR_OP_INVITE, args.bytes, args.len, 100), KR_OK);
    kr_writer_deinit(&args);
    kr_reader_init(&reader, bed->result, bed->result_len);
    kr_reader_array(&reader, 1);
    const struct kr_slice text = kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX);
    assert_int_equal(kr_ticket_parse((const char *)text.bytes, text.len, ret_ticket, NULL), KR_OK);
}

static void invite(struct bed *bed, bool is_by_hand, struct kr_ticket *ret_ticket)
{
    invite_at(bed, FIRST, is_by_hand, ret_ticket);
    bed_run(bed, 3000);
}

/* With the part of the ticket that names that node alone, as `kairan join` hands it on. */
static uint32_t join(struct bed *bed, uint32_t node, const struct kr_ticket *ticket, uint32_t way, uint64_t ms)
{
    struct kr_ticket one = *ticket;
    struct kr_writer args;
    char text[KR_TICKET_TEXT_BYTES_MAX];
    if (way > 0) {
        memcpy(one.transport_public, ticket->more[way - 1].transport, 32);
        memcpy(one.endpoint, ticket->more[way - 1].endpoint, sizeof one.endpoint);
    }
    one.more_count = 0;
    assert_int_equal(kr_ticket_print(&one, text, sizeof text), KR_OK);
    kr_writer_init(&args, 4 * KR_KIB);
    kr_join_write(&(struct kr_join){.ticket = {(const uint8_t *)text, strlen(text)}, .is_by_hand = ticket->is_by_hand}, &args);
    bed->pages = 0;
    const uint32_t code = bed_request(bed, node, KR_OP_JOIN, args.bytes, args.len, ms);
    kr_writer_deinit(&args);
    return code;
}

static struct kr_link *linked(struct bed *bed, uint32_t node, uint32_t other)
{
    return kr_link_by_council(bed_core(bed, node), bed_node(bed, other)->council);
}

static bool is_in_force(struct bed *bed, uint32_t node, uint32_t other)
{
    const struct kr_link *link = linked(bed, node, other);
    return link != NULL && link->state == KR_LINK_OPEN && !link->pairing.is_pending && link->stop == KR_STOP_NOT;
}

static void an_invitation_is_good_at_another_node(void **state)
{
    struct bed *bed = *state;
    struct kr_ticket ticket;
    invite(bed, false, &ticket);
    assert_int_equal(ticket.more_count, 1);
    assert_memory_equal(ticket.more[0].transport, bed_node(bed, SECOND)->keyring->transport_public, 32);
    assert_int_equal(bed_core(bed, SECOND)->invitation_count, 1);
    sim_world_crash(bed->world, FIRST, UINT64_C(100) * BED_DAY_MS);
    bed_restart(bed, SECOND);
    assert_int_equal(join(bed, GUEST, &ticket, 1, 20000), KR_OK);
    assert_false(is_in_force(bed, GUEST, FIRST) || is_in_force(bed, SECOND, GUEST));
    assert_int_equal(join(bed, OTHER, &ticket, 1, 25000), KR_USED); /* it is another council's now */
    assert_int_equal(bed_confirm(bed, SECOND, GUEST), KR_OK);
    assert_int_equal(bed_confirm(bed, GUEST, SECOND), KR_OK);
    bed_run(bed, 5000);
    assert_true(is_in_force(bed, GUEST, FIRST) && is_in_force(bed, SECOND, GUEST));
    assert_int_equal(bed_core(bed, SECOND)->invitation_count, 0);
}

/* What was used at one is used at the other, and the link comes there when it is in force. */
static void what_was_used_is_used_at_both(void **state)
{
    struct bed *bed = *state;
    struct kr_ticket ticket;
    invite(bed, false, &ticket);
    assert_int_equal(join(bed, GUEST, &ticket, 1, 20000), KR_OK);
    bed_run(bed, 3000);
    assert_true(bed_said(bed, FIRST, "has joined with a ticket of ours at another node"));
    assert_null(linked(bed, FIRST, GUEST));
    assert_int_equal(join(bed, OTHER, &ticket, 0, 25000), KR_USED);
    assert_int_equal(bed_confirm(bed, SECOND, GUEST), KR_OK);
    assert_int_equal(bed_confirm(bed, GUEST, SECOND), KR_OK);
    bed_run(bed, 60000);
    assert_true(is_in_force(bed, FIRST, GUEST) && is_in_force(bed, SECOND, GUEST));
    assert_int_equal(bed_core(bed, FIRST)->alarms_open + bed_core(bed, SECOND)->alarms_open, 0);
}

static void two_councils_that_used_one_are_an_alarm(void **state)
{
    struct bed *bed = *state;
    struct kr_ticket ticket;
    struct kr_alarm alarm;
    invite(bed, true, &ticket);
    cut(bed);
    sim_world_split(bed->world, (uint32_t[]){SECOND, OTHER}, 2, bed->world->now_ms + BED_DAY_MS);
    assert_int_equal(join(bed, GUEST, &ticket, 0, 20000), KR_OK);
    assert_int_equal(join(bed, OTHER, &ticket, 1, 20000), KR_OK);
    meet(bed);
    for (uint32_t node = FIRST; node <= SECOND; node += SECOND - FIRST) {
        assert_int_equal(bed_core(bed, node)->alarms_open, 1);
        assert_true(is_in_force(bed, node, GUEST) && is_in_force(bed, node, OTHER)); /* which of the two, the operator knows */
        bed->pages = 0;
        assert_int_equal(bed_request(bed, node, KR_OP_ALARMS, (const uint8_t[]){0x90}, 1, 100), KR_OK);
        assert_int_equal(bed->pages, 1);
        assert_int_equal(kr_alarm_read((struct kr_slice){bed->items[0].bytes, bed->items[0].len}, &alarm), KR_OK);
        assert_int_equal(alarm.sort, KR_ALARM_INVITATION);
        assert_memory_equal(alarm.records[0].bytes, bed_node(bed, GUEST)->council, 32);
        assert_memory_equal(alarm.records[1].bytes, bed_node(bed, OTHER)->council, 32);
    }
    assert_int_equal(bed_times_said(bed, FIRST, "ALARM: one invitation of ours was used by two councils"), 1);
    assert_int_equal(bed_times_said(bed, SECOND, "ALARM: one invitation of ours was used by two councils"), 1);
}

/* Begun at one node, which was gone before the end, and agreed at the other: what is pending there is settled by it. */
static void what_began_at_two_nodes_ends_at_both(void **state)
{
    struct bed *bed = *state;
    struct kr_ticket ticket;
    invite(bed, false, &ticket);
    cut(bed);
    sim_world_split(bed->world, (uint32_t[]){SECOND, GUEST}, 2, bed->world->now_ms + BED_DAY_MS);
    assert_int_equal(join(bed, GUEST, &ticket, 1, 20000), KR_OK);
    assert_true(linked(bed, SECOND, GUEST)->pairing.is_pending);
    cut(bed);
    assert_int_equal(bed_act_on(bed, GUEST, KR_PEER_REMOVE, FIRST), KR_OK);
    assert_int_equal(join(bed, GUEST, &ticket, 0, 20000), KR_OK);
    assert_int_equal(bed_confirm(bed, FIRST, GUEST), KR_OK);
    assert_int_equal(bed_confirm(bed, GUEST, FIRST), KR_OK);
    bed_run(bed, 3000);
    assert_true(is_in_force(bed, FIRST, GUEST) && is_in_force(bed, GUEST, FIRST));
    assert_true(linked(bed, SECOND, GUEST)->pairing.is_pending);
    meet(bed);
    assert_true(is_in_force(bed, FIRST, GUEST) && is_in_force(bed, GUEST, FIRST) && is_in_force(bed, SECOND, GUEST));
    assert_int_equal(bed_core(bed, FIRST)->alarms_open + bed_core(bed, SECOND)->alarms_open, 0);
}

/* Of those that both made while they did not see each other, each takes as many as it has room for, and says what it leaves out. */
static void invitations_that_are_learnt_are_bounded(void **state)
{
    enum { EACH = KR_TICKETS_MAX / 2 + 3 };
    struct bed *bed = *state;
    struct kr_ticket ticket;
    cut(bed);
    for (uint32_t i = 0; i < EACH; i++) {
        invite_at(bed, FIRST, false, &ticket);
        invite_at(bed, SECOND, false, &ticket);
    }
    assert_int_equal(bed_core(bed, FIRST)->invitation_count, EACH);
    bed_forget_log(bed);
    meet(bed);
    for (uint32_t node = FIRST; node <= SECOND; node += SECOND - FIRST) {
        assert_int_equal(bed_core(bed, node)->invitation_count, KR_TICKETS_MAX);
        assert_int_equal(bed_times_said(bed, node, "is not let in here"), 2 * EACH - KR_TICKETS_MAX);
        bed_restart(bed, node);
        assert_int_equal(bed_core(bed, node)->invitation_count, KR_TICKETS_MAX);
    }
    assert_int_equal(join(bed, GUEST, &ticket, 0, 20000), KR_OK); /* good where it was made, in any case */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_invitation_is_good_at_another_node),   TEST(what_was_used_is_used_at_both),
        TEST(two_councils_that_used_one_are_an_alarm), TEST(what_began_at_two_nodes_ends_at_both),
        TEST(invitations_that_are_learnt_are_bounded),
    };
    (void)setup;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
