/* The filter of a run: never "surely not" for what is there, rarely "perhaps" for what is not, in the memory that was promised. */
#include "store_test.h"

#include "store/filter.h"

#define ENTRIES 100000u

static void term_of(uint64_t number, uint8_t ret_term[static KR_TERM_BYTES])
{
    static const uint8_t key[32] = {9};
    kr_term(ret_term, key, 1, 1, &number, sizeof number);
}

static void it_knows_what_it_has(void **state)
{
    (void)state;
    uint8_t term[KR_TERM_BYTES];
    uint32_t wrong = 0;
    struct kr_filter *filter = kr_filter_new(ENTRIES);
    assert_non_null(filter);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        term_of(i, term);
        kr_filter_add(filter, term);
    }
    for (uint64_t i = 0; i < ENTRIES; i++) {
        term_of(i, term);
        assert_true(kr_filter_may_have(filter, term));
        term_of(i + ENTRIES, term);
        wrong += kr_filter_may_have(filter, term);
    }
    assert_true(wrong < ENTRIES / 50); /* expected about 1.3 % */
    kr_filter_free(filter);
}

static void an_empty_one_has_nothing(void **state)
{
    (void)state;
    uint8_t term[KR_TERM_BYTES] = {1};
    struct kr_filter *filter = kr_filter_new(0);
    assert_non_null(filter);
    assert_false(kr_filter_may_have(filter, term));
    kr_filter_add(filter, term);
    assert_true(kr_filter_may_have(filter, term));
    kr_filter_free(filter);
    kr_filter_free(NULL);
}

static void a_million_entries_fit_in_two_mebibytes(void **state)
{
    (void)state;
    struct kr_filter *filter = kr_filter_new(1000000);
    assert_non_null(filter);
    assert_true(kr_filter_bytes(filter) < 2 * KR_MIB);
    kr_filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_knows_what_it_has),
        cmocka_unit_test(an_empty_one_has_nothing),
        cmocka_unit_test(a_million_entries_fit_in_two_mebibytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
