/* Whether an address can be reached: who is asked to try it, what may be tried, how often, and what is told to whom. */
#include "proto/client/trial.h"
#include "tests/unit/core/bed.h"

static const uint8_t no_arguments[] = {0x90};

static int setup(void **state)
{
    *state = bed_new(3); /* 0 - 1 - 2 */
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

/* The answer, or BED_PENDING, after `ms`. */
static uint32_t ask(struct bed *bed, uint32_t node, uint64_t ms, struct kr_tried *ret_tried)
{
    const uint32_t code = bed_request(bed, node, KR_OP_TRIAL, no_arguments, sizeof no_arguments, ms);
    if (code == KR_OK) {
        assert_int_equal(kr_tried_read((struct kr_slice){bed->result, bed->result_len}, ret_tried), KR_OK);
    }
    return code;
}

/* What net does with a trial, and what it is told. */
struct net {
    uint32_t dials, hangups;
    uint8_t key[32];
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
};

static bool on_dial(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    struct net *net = context;
    struct kr_reader reader;
    (void)node;
    if (effect->number != KR_NUMBER_TRIAL || (effect->type != KR_EFFECT_DIAL && effect->type != KR_EFFECT_HANGUP)) {
        return false;
    }
    if (effect->type == KR_EFFECT_HANGUP) {
        net->hangups++;
        return true;
    }
    net->dials++;
    kr_reader_init(&reader, effect->bytes, effect->len);
    kr_reader_array(&reader, 3);
    assert_true(kr_slice_text(kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX), net->endpoint, sizeof net->endpoint));
    kr_reader_fixed(&reader, net->key, 32);
    return true; /* and nothing answers */
}

static void outcome(struct bed *bed, uint32_t node, enum kr_event_type type)
{
    sim_world_push(bed->world, bed_node(bed, node), (struct kr_event){.type = type, .number = KR_NUMBER_TRIAL}, NULL, 0,
                   bed->world->now_ms);
}

/* Of a question that was still open, after a second. */
static uint32_t answer_of(struct bed *bed, struct kr_tried *ret_tried)
{
    bed->code = BED_PENDING;
    bed_run(bed, 1000);
    if (bed->code == KR_OK) {
        assert_int_equal(kr_tried_read((struct kr_slice){bed->result, bed->result_len}, ret_tried), KR_OK);
    }
    return bed->code;
}

static void a_peer_tries_and_tells(void **state)
{
    struct bed *bed = *state;
    struct kr_tried tried = {0};
    assert_int_equal(ask(bed, 0, 1000, &tried), KR_OK);
    assert_int_equal(tried.outcome, KR_TRIAL_REACHED);
    assert_memory_equal(tried.council, bed_node(bed, 1)->council, 32);
    assert_true(tried.name.len > 0 && tried.at_ms > 0);
    const uint64_t at_ms = tried.at_ms;
    assert_int_equal(ask(bed, 0, 1000, &tried), KR_OK); /* within a minute: what was found */
    assert_true(tried.outcome == KR_TRIAL_REACHED && tried.at_ms == at_ms);
    bed_run(bed, 60000);
    struct net net = {0};
    bed->on_dial = on_dial;
    bed->context = &net;
    assert_int_equal(ask(bed, 0, 1000, &tried), BED_PENDING);
    outcome(bed, 1, KR_EVENT_LOST); /* nothing listens there */
    assert_int_equal(answer_of(bed, &tried), KR_OK);
    assert_true(tried.outcome == KR_TRIAL_REFUSED && tried.at_ms > at_ms);
    assert_true(bed_link(bed, 0, 1)->has_session); /* the link itself saw nothing of it */
}

static void nothing_but_the_askers_own_address_is_tried(void **state)
{
    struct bed *bed = *state;
    struct kr_tried tried = {0};
    struct net net = {0};
    bed->on_dial = on_dial;
    bed->context = &net;
    assert_int_equal(ask(bed, 0, 1000, &tried), BED_PENDING);
    assert_int_equal(net.dials, 1);
    assert_memory_equal(net.key, bed_node(bed, 0)->keyring->transport_public, 32);
    assert_string_equal(net.endpoint, bed_node(bed, 0)->name);
    /* Meanwhile nobody else's: node 2 is told so, and asks nobody again within the minute. */
    assert_int_equal(ask(bed, 2, 1000, &tried), KR_OK);
    assert_int_equal(tried.outcome, KR_TRIAL_LATER);
    assert_int_equal(net.dials, 1);
    assert_int_equal(ask(bed, 2, 1000, &tried), KR_OK);
    assert_int_equal(tried.outcome, KR_TRIAL_ASK);
    bed->code = BED_PENDING;
    bed_run(bed, 10000); /* silence is told as what it is, and nothing of the trial is left */
    assert_int_equal(bed->code, KR_OK);
    assert_int_equal(kr_tried_read((struct kr_slice){bed->result, bed->result_len}, &tried), KR_OK);
    assert_int_equal(tried.outcome, KR_TRIAL_SILENT);
    assert_int_equal(net.hangups, 1);

    /* Who asks all the time is served once a minute, whatever his own program holds. */
    for (uint32_t i = 0; i < 20; i++) {
        bed_say(bed, 0, 1, &(struct kr_message){.type = KR_MESSAGE_PROBE});
        bed_run(bed, 1000);
    }
    assert_int_equal(net.dials, 1);
    /* Answers that nobody asked for, and events of a trial that is over, change nothing. */
    bed_say(bed, 1, 0, &(struct kr_message){.type = KR_MESSAGE_PROBE, .status = KR_TRIAL_REACHED});
    outcome(bed, 0, KR_EVENT_CONNECTED);
    outcome(bed, 1, KR_EVENT_LOST);
    outcome(bed, 1, KR_EVENT_TURNED_AWAY);
    bed_run(bed, 1000);
    assert_true(bed_link(bed, 1, 0)->has_session);
    bed_run(bed, 60000);
    assert_int_equal(ask(bed, 0, 1000, &tried), BED_PENDING);
    assert_int_equal(net.dials, 2);
    outcome(bed, 1, KR_EVENT_TURNED_AWAY); /* the node answered, and does not admit who tried: it is the right one */
    assert_int_equal(answer_of(bed, &tried), KR_OK);
    assert_int_equal(tried.outcome, KR_TRIAL_REACHED);
}

static bool lose_probes(void *context, struct sim_node *node, const struct kr_effect *effect)
{
    (void)effect;
    return node->index == *(const uint32_t *)context; /* says nothing any more */
}

static void who_does_not_answer_is_not_asked_for_ever(void **state)
{
    struct bed *bed = *state;
    struct kr_tried tried = {0};
    uint32_t silent = 0;
    assert_int_equal(ask(bed, 1, 1000, &tried), KR_OK);
    silent = memcmp(tried.council, bed_node(bed, 0)->council, 32) == 0 ? 2 : 0; /* the other comes next */
    bed_run(bed, 60000);
    bed->on_send = lose_probes;
    bed->context = &silent;
    assert_int_equal(ask(bed, 1, 1000, &tried), BED_PENDING);
    assert_int_equal(ask(bed, 1, 1000, &tried), KR_OK); /* somebody else asks meanwhile */
    assert_true(tried.outcome == KR_TRIAL_LATER && tried.at_ms == 0);
    bed->code = BED_PENDING;
    bed_run(bed, 12000);
    assert_int_equal(bed->code, KR_OK);
    assert_int_equal(kr_tried_read((struct kr_slice){bed->result, bed->result_len}, &tried), KR_OK);
    assert_int_equal(tried.outcome, KR_TRIAL_UNTOLD);
    assert_memory_equal(tried.council, bed_node(bed, silent)->council, 32);
    bed->on_send = NULL;
    assert_int_equal(ask(bed, 1, 1000, &tried), KR_OK);
    assert_int_equal(tried.outcome, KR_TRIAL_REACHED);
    assert_memory_not_equal(tried.council, bed_node(bed, silent)->council, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_peer_tries_and_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_but_the_askers_own_address_is_tried, setup, teardown),
        cmocka_unit_test_setup_teardown(who_does_not_answer_is_not_asked_for_ever, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
