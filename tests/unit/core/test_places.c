/* Where indicators stand in large reports: found again, bounded, and only what was noted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/places.h"

static void places_are_found_by_step(void **state)
{
    (void)state;
    const uint32_t starts[] = {100, 200, 350, 360};
    uint32_t offset, len, before;
    struct kr_places *places = kr_places_new();
    assert_non_null(places);
    assert_false(kr_places_find(places, 7, 0, &offset, &len, &before));
    kr_places_note(places, 7, 17, starts);
    assert_true(kr_places_find(places, 7, 0, &offset, &len, &before));
    assert_true(offset == 100 && len == 100 && before == 0);
    assert_true(kr_places_find(places, 7, 15, &offset, &len, &before));
    assert_true(offset == 200 && len == 150 && before == 7);
    assert_true(kr_places_find(places, 7, 16, &offset, &len, &before));
    assert_true(offset == 350 && len == 10 && before == 0);
    assert_false(kr_places_find(places, 7, 17, &offset, &len, &before));
    kr_places_free(places);
    kr_places_free(NULL);
}

static void the_later_of_two_that_share_a_slot_stays(void **state)
{
    (void)state;
    const uint32_t starts[] = {1, 2}, others[] = {3, 9};
    uint32_t offset, len, before;
    struct kr_places *places = kr_places_new();
    assert_non_null(places);
    kr_places_note(places, 5, 8, starts);
    kr_places_note(places, 6, 8, starts);
    kr_places_note(places, 5 + KR_PLACES_REPORTS_MAX, 8, others);
    assert_false(kr_places_find(places, 5, 0, &offset, &len, &before));
    assert_true(kr_places_find(places, 5 + KR_PLACES_REPORTS_MAX, 1, &offset, &len, &before));
    assert_true(offset == 3 && len == 6 && before == 1);
    assert_true(kr_places_find(places, 6, 0, &offset, &len, &before));
    kr_places_free(places);
}

static void a_name_is_remembered_for_a_second(void **state)
{
    (void)state;
    const uint8_t one[32] = {1}, other[32] = {1, 1}, third[32] = {33};
    struct kr_places *places = kr_places_new();
    assert_non_null(places);
    assert_null(kr_places_name(places, one, false, 5000));
    kr_places_note_name(places, one, false, 5000, "Kinki");
    assert_string_equal(kr_places_name(places, one, false, 5000), "Kinki");
    assert_string_equal(kr_places_name(places, one, false, 5999), "Kinki");
    assert_null(kr_places_name(places, one, false, 6000));
    assert_null(kr_places_name(places, one, false, 4999)); /* by a clock that was set back */
    assert_null(kr_places_name(places, one, true, 5000));
    assert_null(kr_places_name(places, other, false, 5000));
    kr_places_note_name(places, third, false, 5000, "Chugoku"); /* has the same slot */
    assert_null(kr_places_name(places, one, false, 5000));
    assert_string_equal(kr_places_name(places, third, false, 5000), "Chugoku");
    kr_places_free(places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_found_by_step),
        cmocka_unit_test(the_later_of_two_that_share_a_slot_stays),
        cmocka_unit_test(a_name_is_remembered_for_a_second),
    };
    return cmocka_run_group_tests_name("core/places", tests, NULL, NULL);
}
