/* What look-ups have learnt: found again, bounded, and only what was noted; of a snapshot, only in that one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "node/core/places.h"

static const uint8_t none_plain[KR_REPORT_INDICATORS_MAX / 8], all_plain[8] = {255, 255, 255, 255, 255, 255, 255, 255};

static void note(struct kr_places *places, uint64_t arrival, uint32_t count, const uint32_t *starts, const uint8_t *plain)
{
    kr_places_note(places, arrival, &(struct kr_places_report){count, starts, plain});
}

static void places_are_found_by_step(void **state)
{
    (void)state;
    const uint32_t starts[] = {100, 200, 300, 400, 500, 600, 700, 800, 950, 960};
    uint32_t offset, len, before;
    struct kr_places *places = kr_places_new();
    assert_non_null(places);
    assert_false(kr_places_find(places, 7, 0, &offset, &len, &before));
    note(places, 7, 65, starts, none_plain);
    assert_true(kr_places_find(places, 7, 0, &offset, &len, &before));
    assert_true(offset == 100 && len == 100 && before == 0);
    assert_true(kr_places_find(places, 7, 63, &offset, &len, &before));
    assert_true(offset == 800 && len == 150 && before == 7);
    assert_true(kr_places_find(places, 7, 64, &offset, &len, &before));
    assert_true(offset == 950 && len == 10 && before == 0);
    assert_false(kr_places_find(places, 7, 65, &offset, &len, &before));
    note(places, 7, 65, NULL, none_plain); /* sealed: nowhere */
    assert_false(kr_places_find(places, 7, 0, &offset, &len, &before));
    kr_places_free(places);
    kr_places_free(NULL);
}

static void the_later_of_two_that_share_a_slot_stays_unless_it_is_small(void **state)
{
    (void)state;
    const uint32_t starts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, others[] = {11, 12, 13, 14, 15, 16, 17, 18, 21};
    uint32_t offset, len, before;
    struct kr_places *places = kr_places_new();
    assert_non_null(places);
    note(places, 5, 64, starts, none_plain);
    note(places, 6, 64, starts, none_plain);
    note(places, 5 + KR_PLACES_REPORTS_MAX, 64, others, none_plain);
    assert_false(kr_places_find(places, 5, 0, &offset, &len, &before));
    assert_true(kr_places_find(places, 5 + KR_PLACES_REPORTS_MAX, 56, &offset, &len, &before));
    assert_true(offset == 18 && len == 3 && before == 0);
    assert_true(kr_places_find(places, 6, 0, &offset, &len, &before));
    note(places, 6 + KR_PLACES_REPORTS_MAX, 63, starts, all_plain);
    assert_true(kr_places_find(places, 6, 0, &offset, &len, &before));
    assert_false(kr_places_is_plain(places, 6 + KR_PLACES_REPORTS_MAX, 0));
    note(places, 9, 63, starts, all_plain);
    note(places, 9 + KR_PLACES_REPORTS_MAX, 1, starts, all_plain);
    assert_false(kr_places_is_plain(places, 9, 0));
    assert_true(kr_places_is_plain(places, 9 + KR_PLACES_REPORTS_MAX, 0));
    kr_places_free(places);
}

static void plain_ones_are_told_apart(void **state)
{
    (void)state;
    const uint8_t some[] = {0x81, 0x02};
    struct kr_places *places = kr_places_new();
    assert_non_null(places);
    note(places, 1, 10, NULL, some);
    for (uint32_t i = 0; i < 12; i++) {
        assert_int_equal(kr_places_is_plain(places, 1, i), i == 0 || i == 7 || i == 9);
    }
    note(places, 2, 10, NULL, all_plain);
    assert_true(kr_places_is_plain(places, 2, 9));
    assert_false(kr_places_is_plain(places, 2, 10));
    note(places, 3, 10, NULL, none_plain);
    assert_false(kr_places_is_plain(places, 3, 0));
    assert_false(kr_places_is_plain(places, 4, 0));
    kr_places_free(places);
}

static void another_snapshot_knows_nothing(void **state)
{
    (void)state;
    const uint8_t one[32] = {1}, other[32] = {1, 1}, third[32] = {33};
    const struct kr_places_shown shown = {.state = KR_HEAD_SHOWN, .is_ours_to_read = true, .summary = {(const uint8_t *)"abc", 3}};
    struct kr_places_shown found;
    struct kr_places *places = kr_places_new();
    assert_non_null(places);
    kr_places_enter(places, 8);
    assert_null(kr_places_name(places, one, false));
    assert_false(kr_places_find_shown(places, 4, false, &found));
    kr_places_note_name(places, one, false, "Kinki");
    kr_places_note_shown(places, 4, &shown);
    assert_string_equal(kr_places_name(places, one, false), "Kinki");
    assert_true(kr_places_find_shown(places, 4, false, &found));
    assert_memory_equal(found.summary.bytes, "abc", 3);
    assert_false(kr_places_find_shown(places, 4, true, &found));
    assert_false(kr_places_find_shown(places, 4 + KR_PLACES_SHOWN_MAX, false, &found));
    assert_null(kr_places_name(places, one, true));
    assert_null(kr_places_name(places, other, false));
    kr_places_enter(places, 9);
    assert_null(kr_places_name(places, one, false));
    assert_false(kr_places_find_shown(places, 4, false, &found));
    kr_places_note_name(places, third, false, "Chugoku"); /* has the same slot */
    kr_places_enter(places, 8);
    assert_null(kr_places_name(places, one, false));
    assert_true(kr_places_find_shown(places, 4, false, &found));
    kr_places_free(places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_found_by_step),
        cmocka_unit_test(the_later_of_two_that_share_a_slot_stays_unless_it_is_small),
        cmocka_unit_test(plain_ones_are_told_apart),
        cmocka_unit_test(another_snapshot_knows_nothing),
    };
    return cmocka_run_group_tests_name("core/places", tests, NULL, NULL);
}
