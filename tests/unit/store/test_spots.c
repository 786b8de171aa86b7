/* Where rows of a run lie: learnt row by row, wherever their pages are; and given up where they lie otherwise. */
#include "store_test.h"

#include "store/spots.h"

#define PAGE     4096u
#define PAGES    8u
#define PER_PAGE 92u
#define STRIDE   42u
#define ROWS     (PER_PAGE * 5 + 17)

static _Alignas(PAGE) uint8_t map[2 * PAGES * PAGE];

/* As LMDB fills them: from the end of a page, and pages in any order. */
static const uint8_t *place_of(const uint8_t *begin, uint32_t row)
{
    static const uint32_t pages[] = {3, 4, 1, 7, 0, 2};
    return begin + (pages[row / PER_PAGE] + 1) * PAGE - STRIDE * (row % PER_PAGE + 1) + 8;
}

static struct kr_spots *spots_of(uint32_t count)
{
    struct kr_spots *spots = kr_spots_new(PAGE);
    assert_non_null(spots);
    for (uint32_t row = 0; row < count; row++) {
        assert_true(kr_spots_add(spots, place_of(map, 0), place_of(map, row)));
    }
    assert_int_equal(kr_spots_rows(spots), count);
    return spots;
}

static void rows_lie_where_they_were_seen(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, PER_PAGE, PER_PAGE + 1, ROWS};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct kr_spots *spots = spots_of(counts[i]);
        for (uint32_t row = 0; row < counts[i]; row++) {
            assert_ptr_equal(kr_spots_at(spots, place_of(map, 0), row), place_of(map, row));
        }
        assert_null(kr_spots_at(spots, place_of(map, 0), counts[i]));
        assert_null(kr_spots_at(spots, place_of(map, 0), (UINT64_C(1) << 32) + 1));
        kr_spots_free(spots);
    }
}

/* The file may be mapped elsewhere while a run is gone through, and afterwards. */
static void the_map_moves(void **state)
{
    (void)state;
    struct kr_spots *spots = spots_of(200);
    const uint8_t *begin = map + PAGES * PAGE;
    for (uint32_t row = 200; row < ROWS; row++) {
        assert_true(kr_spots_add(spots, place_of(begin, 0), place_of(begin, row)));
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_ptr_equal(kr_spots_at(spots, place_of(begin, 0), row), place_of(begin, row));
        assert_ptr_equal(kr_spots_at(spots, place_of(map, 0), row), place_of(map, row));
    }
    kr_spots_free(spots);
}

static void rows_that_lie_otherwise(void **state)
{
    (void)state;
    const uint8_t *first = place_of(map, 0);
    static const uint32_t counts[] = {1, 2, 50, PER_PAGE, PER_PAGE + 1, PER_PAGE + 50, 3 * PER_PAGE - 1, 3 * PER_PAGE};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const uint32_t count = counts[i];
        const uint8_t *others[] = {
            place_of(map, count) + 2,                                            /* not as far from the one before */
            place_of(map, count - 1),                                            /* the same again */
            place_of(map, count % PER_PAGE == 0 ? count + 1 : count + PER_PAGE), /* a row is skipped; another page */
        };
        for (size_t other = count == 1 ? 1 : 0; other < 3; other++) { /* the second one sets the distance */
            struct kr_spots *spots = spots_of(count);
            if (count < PER_PAGE && other == 2) {
                /* A page that ends early, so far, is as good as any; but then each must. */
                (void)kr_spots_add(spots, first, others[other]);
                assert_false(kr_spots_add(spots, first, place_of(map, count)));
            } else {
                assert_false(kr_spots_add(spots, first, others[other]));
            }
            kr_spots_free(spots);
        }
    }
    kr_spots_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_lie_where_they_were_seen),
        cmocka_unit_test(the_map_moves),
        cmocka_unit_test(rows_that_lie_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
