/* Council cards that are dated back: what a thief of a root or node key gains by an older version, an earlier date, or a key whose
 * time begins in the past. Either nothing, or an alarm with both cards as proof. */
#include <sodium.h>

#include "tests/unit/core/bed.h"

/* 1 is the council whose keys are in two hands; 0 hears of it. */
#define HEARS  0u
#define ROBBED 1u

#define DAY_S 86400u

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

/* What the thief has: its root key, and a node key of his own making. */
static struct stranger thief_of(struct bed *bed)
{
    static struct kr_keyring keyring;
    struct stranger thief = {.keyring = &keyring};
    keyring = *bed_node(bed, ROBBED)->keyring;
    assert_int_equal(crypto_sign_seed_keypair(keyring.node_public, keyring.node_secret, (const uint8_t[32]){0x66}), 0);
    memcpy(thief.id, bed_node(bed, ROBBED)->council, 32);
    return thief;
}

/* A card of its root key: with the thief's node key from then on where `from_s` is not 0. */
static struct forged card_of(struct bed *bed, const struct stranger *thief, uint64_t version, uint64_t created_ms, uint64_t from_s,
                             const char *region)
{
    struct kr_card card = bed_card(bed, ROBBED, ROBBED);
    struct kr_writer content;
    card.region = (struct kr_slice){(const uint8_t *)region, strlen(region)};
    if (from_s != 0) {
        struct kr_card_key *key = &card.node[card.node_count++];
        *key = (struct kr_card_key){.from_s = from_s};
        memcpy(key->public_key, thief->keyring->node_public, 32);
    }
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    struct forged forged = stranger_forge(bed, thief,
                                          (struct kr_draft){.kind = KR_KIND_COUNCIL_CARD,
                                                            .created_ms = created_ms,
                                                            .expires_s = bed->world->now_ms / 1000 + 300 * DAY_S,
                                                            .label = KR_TLP_GREEN,
                                                            .community = bed_core(bed, ROBBED)->directory.communities[0]->id,
                                                            .subject = thief->id,
                                                            .version = version,
                                                            .content = {content.bytes, content.len}});
    kr_writer_deinit(&content);
    return forged;
}

static struct forged report_of(struct bed *bed, const struct stranger *thief, uint64_t created_ms)
{
    struct kr_writer body;
    struct forged forged = stranger_forge(bed, thief,
                                          (struct kr_draft){.kind = KR_KIND_REPORT,
                                                            .created_ms = created_ms,
                                                            .expires_s = bed->world->now_ms / 1000 + 300 * DAY_S,
                                                            .label = KR_TLP_CLEAR,
                                                            .content = bed_report(&body, "forged.example")});
    kr_writer_deinit(&body);
    return forged;
}

static void hand_over(struct bed *bed, const struct forged *forged)
{
    bed_hand_over(bed, ROBBED, HEARS, forged);
}

static bool is_believed(struct bed *bed, const struct forged *report)
{
    struct kr_head head;
    return bed_head(bed, HEARS, report->id, &head) == KR_OK && head.state == KR_HEAD_SHOWN;
}

static bool stands(struct bed *bed, const struct forged *card)
{
    const struct kr_council *known = kr_directory_council(&bed_core(bed, HEARS)->directory, bed_node(bed, ROBBED)->council);
    return known != NULL && memcmp(known->record_id, card->id, 32) == 0;
}

/* The only alarm that is listed; its bytes are the bed's. */
static struct kr_alarm only_alarm(struct bed *bed)
{
    struct kr_alarm alarm;
    bed->pages = 0;
    assert_int_equal(bed_request(bed, HEARS, KR_OP_ALARMS, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    assert_int_equal(bed->pages, 1);
    assert_int_equal(kr_alarm_read((struct kr_slice){bed->items[0].bytes, bed->items[0].len}, &alarm), KR_OK);
    return alarm;
}

/* It does not matter which is there first: the genuine one stands, and what the thief's key signs is believed by nobody. */
static void of_an_older_version_it_is_refused(struct bed *bed, bool is_first)
{
    const struct stranger thief = thief_of(bed);
    const uint64_t now_ms = bed->world->now_ms;
    struct forged old = card_of(bed, &thief, 3, now_ms - UINT64_C(30) * BED_DAY_MS, now_ms / 1000 - 60 * DAY_S, "thief"),
                  genuine = card_of(bed, &thief, 7, now_ms, 0, "genuine"),
                  report = report_of(bed, &thief, now_ms - UINT64_C(20) * BED_DAY_MS);
    hand_over(bed, is_first ? &old : &genuine);
    hand_over(bed, is_first ? &genuine : &old);
    hand_over(bed, &report);
    assert_true(stands(bed, &genuine));
    assert_false(bed_holds(bed, HEARS, old.id));
    assert_false(is_believed(bed, &report));
    forged_free(&old);
    forged_free(&genuine);
    forged_free(&report);
}

static void a_card_dated_back_of_an_older_version_is_refused(void **state)
{
    struct bed *bed = *state;
    of_an_older_version_it_is_refused(bed, false);
    assert_int_equal(bed_core(bed, HEARS)->alarms_open, 0);
}

static void a_card_dated_back_that_is_first_gives_way(void **state)
{
    of_an_older_version_it_is_refused(*state, true);
}

/* The date does not decide: two of one version are an alarm, whichever says that it is the older one. */
static void a_card_dated_back_of_the_same_version_is_an_alarm(void **state)
{
    struct bed *bed = *state;
    const struct stranger thief = thief_of(bed);
    struct kr_header header;
    struct forged genuine = card_of(bed, &thief, 7, bed->world->now_ms, 0, "genuine"),
                  back = card_of(bed, &thief, 7, bed->world->now_ms - UINT64_C(30) * BED_DAY_MS, 0, "thief");
    hand_over(bed, &genuine);
    hand_over(bed, &back);
    assert_true(stands(bed, memcmp(genuine.id, back.id, 32) < 0 ? &genuine : &back));
    const struct kr_alarm alarm = only_alarm(bed);
    assert_int_equal(alarm.sort, KR_ALARM_VERSION);
    assert_int_equal(kr_alarm_check(alarm.records, &header), KR_OK);
    forged_free(&genuine);
    forged_free(&back);
}

/* A node key, on the card or not, signs no card, whatever its date. */
static void a_card_dated_back_by_a_node_key_is_refused(void **state)
{
    struct bed *bed = *state;
    struct stranger thief = thief_of(bed);
    memcpy(thief.keyring->root_public, bed_node(bed, ROBBED)->keyring->node_public, 32);
    memcpy(thief.keyring->root_secret, bed_node(bed, ROBBED)->keyring->node_secret, 64);
    const uint64_t version = kr_directory_council(&bed_core(bed, HEARS)->directory, thief.id)->version;
    for (uint64_t i = 0; i < 2; i++) {
        struct forged card = card_of(bed, &thief, version + i, bed->world->now_ms - UINT64_C(30) * BED_DAY_MS, 1, "thief");
        hand_over(bed, &card);
        assert_false(bed_holds(bed, HEARS, card.id));
        assert_false(stands(bed, &card));
        forged_free(&card);
    }
    assert_int_equal(bed_core(bed, HEARS)->alarms_open, 0);
}

/* A newer card that says of a key that it was in force when the one before was made, and that one does not have it: everybody
 * takes the newer one, for not everybody has seen the other; who has tells, and can prove it to anybody. */
static void a_key_dated_back_is_an_alarm_with_both_cards(void **state)
{
    struct bed *bed = *state;
    const struct stranger thief = thief_of(bed);
    struct kr_header header;
    const uint64_t now_ms = bed->world->now_ms;
    struct forged genuine = card_of(bed, &thief, 7, now_ms, 0, "genuine"),
                  back = card_of(bed, &thief, 8, now_ms + 1000, now_ms / 1000 - 60 * DAY_S, "genuine"),
                  report = report_of(bed, &thief, now_ms - UINT64_C(20) * BED_DAY_MS);
    hand_over(bed, &genuine);
    bed_forget_log(bed);
    hand_over(bed, &back);
    assert_true(stands(bed, &back));
    assert_int_equal(bed_times_said(bed, HEARS, "ALARM: the new card of"), 1);
    hand_over(bed, &report);
    assert_true(is_believed(bed, &report)); /* its root key says so */
    const struct kr_alarm alarm = only_alarm(bed);
    assert_int_equal(alarm.sort, KR_ALARM_DATED);
    assert_int_equal(kr_alarm_check(alarm.records, &header), KR_OK);
    assert_memory_equal(header.author, bed_node(bed, ROBBED)->council, 32);
    assert_int_equal(kr_alarm_check((const struct kr_slice[]){alarm.records[1], alarm.records[0]}, &header), KR_INVALID);
    bed_restart(bed, HEARS);
    assert_int_equal(only_alarm(bed).sort, KR_ALARM_DATED);
    assert_int_equal(bed_core(bed, HEARS)->alarms_open, 1);
    forged_free(&genuine);
    forged_free(&back);
    forged_free(&report);
}

/* What honest councils do: a new key from an hour ago, by a clock that may be wrong by a day, is none; nor what both cards have. */
static void new_keys_are_no_alarm(void **state)
{
    struct bed *bed = *state;
    const struct stranger thief = thief_of(bed);
    struct kr_header header;
    const uint64_t now_ms = bed->world->now_ms;
    struct forged cards[] = {card_of(bed, &thief, 7, now_ms, 0, "genuine"),
                             card_of(bed, &thief, 8, now_ms, now_ms / 1000 - DAY_S - 3600, "genuine"),
                             card_of(bed, &thief, 9, now_ms, now_ms / 1000 - DAY_S - 3600, "later")};
    for (uint32_t i = 0; i < 3; i++) {
        hand_over(bed, &cards[i]);
        assert_true(stands(bed, &cards[i]));
    }
    assert_int_equal(bed_request(bed, ROBBED, KR_OP_NEW_KEYS, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    assert_int_equal(bed_request(bed, ROBBED, KR_OP_ROTATE, (const uint8_t[]){0x90}, 1, 100), KR_OK);
    bed_run(bed, 5000);
    assert_int_equal(bed_core(bed, HEARS)->alarms_open, 0);
    const struct kr_slice pair[] = {{cards[0].bytes, cards[0].len}, {cards[1].bytes, cards[1].len}};
    assert_int_equal(kr_alarm_check(pair, &header), KR_INVALID);
    for (uint32_t i = 0; i < 3; i++) {
        forged_free(&cards[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_card_dated_back_of_an_older_version_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_card_dated_back_that_is_first_gives_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_card_dated_back_of_the_same_version_is_an_alarm, setup, teardown),
        cmocka_unit_test_setup_teardown(a_card_dated_back_by_a_node_key_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_dated_back_is_an_alarm_with_both_cards, setup, teardown),
        cmocka_unit_test_setup_teardown(new_keys_are_no_alarm, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
