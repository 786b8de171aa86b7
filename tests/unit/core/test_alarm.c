/* Two statements of one version: noticed, kept as proof, told once, settled by the operator. */
#include "tests/unit/core/bed.h"

static int setup(void **state)
{
    *state = bed_new(3);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static const uint8_t *community(struct bed *bed)
{
    return bed_core(bed, 1)->directory.communities[0]->id;
}

/* A card of node 1, who founded the community, of that version and region. */
static struct forged other_card(struct bed *bed, uint64_t version, const char *region)
{
    struct kr_writer content;
    struct kr_card card = bed_card(bed, 1, 1);
    card.region = (struct kr_slice){(const uint8_t *)region, strlen(region)};
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    struct forged forged = bed_statement(bed, 1, KR_KIND_COUNCIL_CARD, community(bed), bed_node(bed, 1)->council, version,
                                         (struct kr_slice){content.bytes, content.len});
    kr_writer_deinit(&content);
    return forged;
}

static void hand_over_card(struct bed *bed, uint64_t version, const char *region)
{
    struct forged card = other_card(bed, version, region);
    bed_hand_over(bed, 1, 0, &card);
    forged_free(&card);
}

/* How many node 0 lists; the last of them is left in `*ret_alarm`, borrowed from the bed. */
static uint32_t list(struct bed *bed, struct kr_alarm *ret_alarm)
{
    static const uint8_t nothing[] = {0x90};
    bed->pages = 0;
    assert_int_equal(bed_request(bed, 0, KR_OP_ALARMS, nothing, sizeof nothing, 100), KR_OK);
    if (bed->pages > 0 && bed->pages <= 4) {
        const uint32_t last = bed->pages - 1;
        assert_int_equal(kr_alarm_read((struct kr_slice){bed->items[last].bytes, bed->items[last].len}, ret_alarm), KR_OK);
    }
    return bed->pages;
}

static uint64_t alarms_of_status(struct bed *bed)
{
    static const uint8_t nothing[] = {0x90};
    static struct kr_status status;
    assert_int_equal(bed_request(bed, 0, KR_OP_STATUS, nothing, sizeof nothing, 100), KR_OK);
    assert_int_equal(kr_status_read((struct kr_slice){bed->result, bed->result_len}, &status), KR_OK);
    return status.alarms;
}

static uint32_t settle(struct bed *bed, const uint8_t council[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, council, 32);
    const uint32_t code = bed_request(bed, 0, KR_OP_SETTLE, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    return code;
}

static void two_of_one_version_are_told_once_with_proof(void **state)
{
    struct bed *bed = *state;
    struct kr_alarm alarm = {0};
    struct kr_header header;
    assert_int_equal(list(bed, &alarm), 0);
    hand_over_card(bed, 2, "one");
    assert_int_equal(list(bed, &alarm), 0); /* a new version is none */
    bed_forget_log(bed);
    hand_over_card(bed, 2, "two");
    hand_over_card(bed, 2, "three"); /* of the same version: nothing new is said */
    hand_over_card(bed, 2, "two");
    assert_int_equal(bed_times_said(bed, 0, "ALARM"), 1);
    assert_int_equal(list(bed, &alarm), 1);
    assert_int_equal(kr_alarm_check(alarm.records, &header), KR_OK);
    assert_memory_equal(header.author, bed_node(bed, 1)->council, 32);
    assert_memory_equal(alarm.council, bed_node(bed, 1)->council, 32);
    assert_int_equal(header.version, 2);
    assert_false(alarm.is_settled);
    assert_int_equal(alarms_of_status(bed), 1);
    bed_restart(bed, 0);
    assert_int_equal(alarms_of_status(bed), 1);
    assert_int_equal(settle(bed, bed_node(bed, 2)->council), KR_NOT_FOUND);
    assert_int_equal(settle(bed, bed_node(bed, 1)->council), KR_OK);
    assert_int_equal(settle(bed, bed_node(bed, 1)->council), KR_NOT_FOUND);
    assert_int_equal(alarms_of_status(bed), 0);
    assert_int_equal(list(bed, &alarm), 1);
    assert_true(alarm.is_settled); /* the proof stays */
    bed_restart(bed, 0);
    assert_int_equal(alarms_of_status(bed), 0);
    hand_over_card(bed, 3, "four");
    hand_over_card(bed, 3, "five");
    assert_int_equal(alarms_of_status(bed), 1);
}

/* Who has a root key may sign as many as it likes. */
static void of_one_council_a_few_are_kept(void **state)
{
    struct bed *bed = *state;
    struct kr_alarm alarm = {0};
    for (uint64_t version = 2; version < 2 + 2 * KR_ALARMS_MAX; version++) {
        hand_over_card(bed, version, "one");
        hand_over_card(bed, version, "two");
    }
    assert_int_equal(list(bed, &alarm), KR_ALARMS_MAX);
    assert_int_equal(alarms_of_status(bed), KR_ALARMS_MAX);
    assert_int_equal(bed_times_said(bed, 0, "ALARM"), KR_ALARMS_MAX);
    assert_int_equal(settle(bed, bed_node(bed, 1)->council), KR_OK);
    assert_int_equal(alarms_of_status(bed), 0);
    /* What was settled is no reason to be silent when it begins again. */
    hand_over_card(bed, 2 + 2 * KR_ALARMS_MAX, "one");
    hand_over_card(bed, 2 + 2 * KR_ALARMS_MAX, "two");
    assert_int_equal(alarms_of_status(bed), 1);
    assert_int_equal(bed_times_said(bed, 0, "ALARM"), KR_ALARMS_MAX + 1);
}

static void what_proves_nothing_is_no_proof(void **state)
{
    struct bed *bed = *state;
    struct forged cards[] = {other_card(bed, 2, "one"), other_card(bed, 2, "two"), other_card(bed, 3, "two")};
    struct kr_header header;
    struct kr_writer body;
    struct forged report = bed_forge(
        bed, 1, (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = bed_report(&body, "a.example")});
    struct kr_slice halves[5];
    for (size_t i = 0; i < 3; i++) {
        halves[i] = (struct kr_slice){cards[i].bytes, cards[i].len};
    }
    halves[3] = (struct kr_slice){report.bytes, report.len};
    assert_int_equal(kr_alarm_check((struct kr_slice[]){halves[0], halves[1]}, &header), KR_OK);
    assert_int_equal(kr_alarm_check((struct kr_slice[]){halves[0], halves[0]}, &header), KR_INVALID);
    assert_int_equal(kr_alarm_check((struct kr_slice[]){halves[1], halves[2]}, &header), KR_INVALID);
    assert_int_equal(kr_alarm_check((struct kr_slice[]){halves[3], halves[3]}, &header), KR_INVALID);
    assert_int_equal(kr_alarm_check((struct kr_slice[]){halves[0], {halves[1].bytes, halves[1].len - 1}}, &header), KR_MALFORMED);
    cards[1].bytes[cards[1].len - 1] ^= 1;
    assert_int_equal(kr_alarm_check((struct kr_slice[]){halves[0], halves[1]}, &header), KR_SIGNATURE);
    for (size_t i = 0; i < 3; i++) {
        forged_free(&cards[i]);
    }
    forged_free(&report);
    kr_writer_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_of_one_version_are_told_once_with_proof, setup, teardown),
        cmocka_unit_test_setup_teardown(of_one_council_a_few_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(what_proves_nothing_is_no_proof, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
