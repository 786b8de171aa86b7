/* The duty roster: read from what spreadsheets write, and which days it leaves bare. */
#include "kairan_test.h"

#include <time.h>

#include "crypto/secret.h"

#include "tools/kairan/duty.h"

static struct kr_body_entry bodies[2];
static struct kr_person_entry persons[4];
static struct kr_people people = {.bodies = bodies, .persons = persons, .body_count = 2, .person_count = 4};

static int start(void **state)
{
    static const char *const names[] = {"佐藤 花子", "鈴木", "鈴木", "田中"};
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        bodies[i] = (struct kr_body_entry){
            .id = {(uint8_t)(i + 1)}, .card = {.name_ja = slice(i == 0 ? "札幌市" : "旭川市"), .standing = KR_STANDING_ACTIVE}};
    }
    for (uint32_t i = 0; i < 4; i++) {
        persons[i] = (struct kr_person_entry){.id = {(uint8_t)(i + 1)},
                                              .state = i == 3 ? KR_PERSON_STATE_REVOKED : KR_PERSON_STATE_ACTIVE,
                                              .card = {.body = {i == 2 ? 2 : 1}, .name = slice(names[i])}};
    }
    assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
    tzset();
    return kr_crypto_init() == KR_OK ? 0 : -1;
}

static struct kr_duty_entry entries[KR_DUTY_ENTRIES_MAX];
static uint32_t count;

static enum kr_err read_text(const char *bytes, size_t len, struct kr_error *error)
{
    struct kr_import_source source;
    struct kr_slice text = {(const uint8_t *)bytes, len};
    kr_import_source_memory(&source, "duty.csv", &text);
    count = 0;
    return kr_duty_read(&people, &source, entries, &count, error);
}

static void refused(const char *text, const char *why)
{
    struct kr_error error = {0};
    assert_int_equal(read_text(text, strlen(text), &error), KR_INVALID);
    if (strstr(error.text, why) == NULL) {
        fail_msg("%s", error.text);
    }
}

static void a_roster_is_read(void **state)
{
    static const char english[] = "person,from,until\r\n\"佐藤 花子\",2026-12-28,2026-12-31\r\n";
    /* 担当者,機関,開始,終了 / 鈴木,旭川市,… in CP932 */
    static const char japanese[] = "\x92\x53\x93\x96\x8e\xd2,\x8b\x40\x8a\xd6,\x8a\x4a\x8e\x6e,\x8f\x49\x97\xb9\r\n"
                                   "\x97\xe9\x96\xd8,\x88\xae\x90\xec\x8e\x73,2026-12-28T17:00,2026-12-29T09:00\r\n";
    struct kr_error error = {0};
    (void)state;
    assert_int_equal(read_text(english, sizeof english - 1, &error), KR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(entries[0].person[0], 1);
    assert_int_equal(entries[0].from_s, 1798383600);              /* midnight in Tokyo */
    assert_int_equal(entries[0].until_s, 1798383600 + 4 * 86400); /* the last day is a whole one */
    assert_int_equal(read_text(japanese, sizeof japanese - 1, &error), KR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(entries[0].person[0], 3); /* that Suzuki */
    assert_int_equal(entries[0].until_s - entries[0].from_s, 16 * 3600);
}

static void mistakes_are_told_by_line(void **state)
{
    (void)state;
    refused("person,from\n佐藤 花子,2026-12-28\n", "columns");
    refused("person,from,until\n佐藤 花子,2026-12-28,2026-12-31\n鈴木,2026-12-28,2026-12-31\n", "line 3"); /* there are two */
    refused("person,from,until\n田中,2026-12-28,2026-12-31\n", "line 2");                                  /* is revoked */
    refused("person,from,until\n佐藤 花子,soon,2026-12-31\n", "line 2");
    refused("person,from,until\n佐藤 花子,2026-12-31T10:00,2026-12-31T09:00\n", "before it begins");
}

/* Local days: who is on duty from the evening until the morning has been there on both. */
static void bare_days_are_found(void **state)
{
    const uint64_t midnight_s = 1798383600, hour = 3600, day = 86400;
    struct kr_duty_copy items[2] = {{.item = {.type = KR_DUTY_ROSTER,
                                              .state = KR_PERSON_STATE_ACTIVE,
                                              .from_s = midnight_s + 17 * hour,
                                              .until_s = midnight_s + 33 * hour}},
                                    {.item = {.type = KR_DUTY_ROSTER,
                                              .state = KR_PERSON_STATE_ACTIVE,
                                              .from_s = midnight_s + 3 * day,
                                              .until_s = midnight_s + 30 * day}}};
    struct kr_duty duty = {.items = items, .count = 2, .sum = {.has_roster = true}};
    uint64_t days_s[KR_DUTY_DAYS];
    (void)state;
    assert_int_equal(kr_duty_bare_days(&duty, midnight_s + 5 * hour, days_s), 1);
    assert_int_equal(days_s[0], midnight_s + 2 * day);
    duty.count = 0;
    assert_int_equal(kr_duty_bare_days(&duty, midnight_s, days_s), KR_DUTY_DAYS);
    duty.sum.has_roster = false; /* who keeps none is not told */
    assert_int_equal(kr_duty_bare_days(&duty, midnight_s, days_s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_roster_is_read),
        cmocka_unit_test(mistakes_are_told_by_line),
        cmocka_unit_test(bare_days_are_found),
    };
    return cmocka_run_group_tests_name("kairan/duty", tests, start, NULL);
}
