/* The locator of a run: never "surely not" for what is there, and then where it is; rarely a row for what is not; in the memory
 * that was promised. */
#include "store_test.h"

#include "store/locator.h"

#define ROWS 100000u

struct term {
    uint8_t bytes[KR_TERM_BYTES];
};
static struct term rows[ROWS];

static void term_of(uint64_t number, uint8_t ret_term[static KR_TERM_BYTES])
{
    static const uint8_t key[32] = {9};
    kr_term(ret_term, key, 1, 1, &number, sizeof number);
}

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, KR_TERM_BYTES);
}

static void sort_rows(uint32_t count, uint64_t from)
{
    for (uint32_t i = 0; i < count; i++) {
        term_of(from + i, rows[i].bytes);
    }
    qsort(rows, count, sizeof rows[0], compare);
}

static struct kr_locator *locator_of(uint32_t count)
{
    struct kr_locator *locator = kr_locator_new(count);
    assert_non_null(locator);
    for (uint32_t i = 0; i < count; i++) {
        kr_locator_add(locator, rows[i].bytes, i);
    }
    return locator;
}

static bool may_be_at(const struct kr_locator *locator, const uint8_t *term, uint64_t row)
{
    struct kr_located located;
    return kr_locator_find(locator, term, &located) && (located.is_anywhere || (row >= located.first && row - located.first < 32 &&
                                                                                (located.bits >> (row - located.first) & 1) != 0));
}

static void rows_are_where_they_are(void **state)
{
    (void)state;
    uint32_t anywhere = 0, others = 0, wrong = 0;
    sort_rows(ROWS, 0);
    struct kr_locator *locator = locator_of(ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        struct kr_located located;
        uint8_t absent[KR_TERM_BYTES];
        assert_true(may_be_at(locator, rows[i].bytes, i));
        assert_true(kr_locator_find(locator, rows[i].bytes, &located));
        anywhere += located.is_anywhere;
        others += !located.is_anywhere && (located.bits & (located.bits - 1)) != 0;
        term_of(i + ROWS, absent);
        wrong += kr_locator_find(locator, absent, &located) && !located.is_anywhere;
    }
    assert_true(anywhere < ROWS / 50); /* expected about 0.5 % */
    assert_true(others < ROWS / 1000);
    assert_true(wrong < ROWS / 1000); /* expected about 0.025 % */
    kr_locator_unref(locator);
}

static void one_hash_with_several_rows(void **state)
{
    (void)state;
    struct kr_located located;
    sort_rows(1000, 0);
    for (uint32_t i = 500; i < 505; i++) {
        rows[i] = rows[500];
    }
    struct kr_locator *locator = locator_of(1000);
    assert_true(kr_locator_find(locator, rows[500].bytes, &located));
    assert_false(located.is_anywhere);
    for (uint32_t i = 499; i < 506; i++) {
        assert_int_equal(may_be_at(locator, rows[500].bytes, i), i >= 500 && i < 505);
    }
    kr_locator_unref(locator);
}

/* As somebody could choose ids: it says that it does not know. */
static void too_many_that_begin_alike(void **state)
{
    (void)state;
    struct kr_located located;
    uint32_t known = 0;
    sort_rows(1000, 0);
    for (uint32_t i = 100; i < 200; i++) {
        memcpy(rows[i].bytes, rows[100].bytes, 8);
        rows[i].bytes[8] = (uint8_t)i;
    }
    struct kr_locator *locator = locator_of(1000);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(may_be_at(locator, rows[i].bytes, i));
        assert_true(kr_locator_find(locator, rows[i].bytes, &located));
        known += !located.is_anywhere;
        assert_true(i < 100 || i >= 200 || located.is_anywhere);
    }
    assert_true(known > 800);
    kr_locator_unref(locator);
}

/* Damage changes a hash where it stands. All others are still found. */
static void a_row_out_of_order(void **state)
{
    (void)state;
    for (uint32_t at = 0; at < 1000; at += 37) {
        sort_rows(1000, 0);
        term_of(at + 5000, rows[at].bytes);
        struct kr_locator *locator = locator_of(1000);
        for (uint32_t i = 0; i < 1000; i++) {
            assert_true(may_be_at(locator, rows[i].bytes, i));
        }
        kr_locator_unref(locator);
    }
}

/* A transaction that was aborted had added rows; others come in their place. */
static void rows_that_were_taken_back(void **state)
{
    (void)state;
    for (uint32_t kept = 0; kept < 1000; kept += 83) {
        struct kr_located located;
        uint32_t wrong = 0;
        sort_rows(1000, 0);
        struct kr_locator *locator = locator_of(1000);
        static struct term before[1000];
        memcpy(before, rows, sizeof before);
        uint32_t count = kept;
        for (uint32_t i = kept; i < 1000; i += 3) { /* two of three are dead by now */
            rows[count] = rows[i];
            kr_locator_add(locator, rows[count].bytes, count);
            count++;
        }
        uint32_t anywhere = 0;
        for (uint32_t i = 0; i < count; i++) {
            assert_true(may_be_at(locator, rows[i].bytes, i));
            assert_true(kr_locator_find(locator, rows[i].bytes, &located));
            anywhere += located.is_anywhere;
        }
        assert_true(anywhere < 100);
        for (uint32_t i = kept + 1; i < 1000; i += 3) {
            wrong += kr_locator_find(locator, before[i].bytes, &located) && !located.is_anywhere;
        }
        assert_true(wrong < 10);
        kr_locator_unref(locator);
    }
}

static void an_empty_one_has_nothing(void **state)
{
    (void)state;
    uint8_t term[KR_TERM_BYTES] = {1};
    struct kr_located located;
    struct kr_locator *locator = kr_locator_new(0);
    assert_non_null(locator);
    assert_false(kr_locator_find(locator, term, &located));
    kr_locator_add(locator, term, 0);
    assert_true(may_be_at(locator, term, 0));
    kr_locator_unref(kr_locator_ref(locator));
    assert_true(may_be_at(locator, term, 0));
    kr_locator_unref(locator);
    kr_locator_unref(NULL);
    assert_null(kr_locator_ref(NULL));
    assert_null(kr_locator_new((uint64_t)UINT32_MAX + 1));
}

static void a_million_rows_fit_in_four_mebibytes(void **state)
{
    (void)state;
    struct kr_locator *locator = kr_locator_new(1000000);
    assert_non_null(locator);
    assert_true(kr_locator_bytes(locator) < 4 * KR_MIB);
    kr_locator_unref(locator);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_where_they_are),
        cmocka_unit_test(one_hash_with_several_rows),
        cmocka_unit_test(too_many_that_begin_alike),
        cmocka_unit_test(a_row_out_of_order),
        cmocka_unit_test(rows_that_were_taken_back),
        cmocka_unit_test(an_empty_one_has_nothing),
        cmocka_unit_test(a_million_rows_fit_in_four_mebibytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
