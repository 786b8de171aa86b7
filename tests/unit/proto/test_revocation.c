#include "proto_test.h"

#include "proto/record/revocation.h"

#define NAMES 600u

static uint8_t names[NAMES][KR_REVOKED_NAME_BYTES];
static const uint8_t key[32] = {1};

static int compare(const void *left, const void *right)
{
    return memcmp(left, right, KR_REVOKED_NAME_BYTES);
}

static int setup(void **state)
{
    uint8_t id[32] = {0};
    (void)state;
    for (uint32_t i = 0; i < NAMES; i++) {
        id[0] = (uint8_t)i;
        id[1] = (uint8_t)(i >> 8);
        kr_revocation_name(names[i], key, id);
    }
    qsort(names, NAMES, sizeof names[0], compare);
    return 0;
}

/* What the content reads as; `ret_revocation` borrows from bytes that are kept until the next call. */
static enum kr_err round_trip(const struct kr_revocation *revocation, struct kr_revocation *ret_revocation)
{
    static struct kr_writer writer;
    kr_writer_deinit(&writer);
    kr_writer_init(&writer, 2 * KR_BODY_BYTES_MAX);
    kr_revocation_write(revocation, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    return kr_revocation_parse(slice(writer.bytes, writer.len), ret_revocation);
}

/* Every name stands on exactly one page, and is found there and on no other, however many pages there are. */
static void each_name_stands_on_one_page(void **state)
{
    (void)state;
    for (uint32_t pages = 1; pages <= KR_REVOKED_PAGES_MAX; pages++) {
        uint32_t at = 0;
        for (uint32_t page = 0; page < pages; page++) {
            struct kr_revocation revocation = {.since_ms = 1, .made_ms = 2, .page = page, .pages = pages}, read;
            uint32_t first = at;
            while (at < NAMES && kr_revocation_page(names[at], pages) == page) {
                at++;
            }
            memcpy(revocation.key, key, 32);
            revocation.names = slice(names[0] + (size_t)first * sizeof names[0], (at - first) * sizeof names[0]);
            assert_int_equal(round_trip(&revocation, &read), KR_OK);
            assert_true(read.page == page && read.pages == pages && read.since_ms == 1 && read.made_ms == 2);
            assert_memory_equal(read.key, key, 32);
            for (uint32_t i = 0; i < NAMES; i++) {
                assert_int_equal(kr_revocation_names(read.names, names[i]), i >= first && i < at);
            }
        }
        assert_int_equal(at, NAMES);
    }
}

static void what_is_no_page_is_refused(void **state)
{
    uint8_t two[2][KR_REVOKED_NAME_BYTES];
    struct kr_revocation read, good = {.page = 0, .pages = 2, .names = slice(two[0], sizeof two)}, bad;
    (void)state;
    memset(two, 0, sizeof two);
    two[1][5] = 1;
    assert_int_equal(round_trip(&good, &read), KR_OK);
    bad = good;
    bad.page = 1; /* both stand on the first */
    assert_int_equal(round_trip(&bad, &read), KR_MALFORMED);
    bad.page = 2;
    assert_int_equal(round_trip(&bad, &read), KR_MALFORMED);
    bad = good;
    bad.pages = 0;
    assert_int_equal(round_trip(&bad, &read), KR_MALFORMED);
    bad.pages = KR_REVOKED_PAGES_MAX + 1;
    assert_int_equal(round_trip(&bad, &read), KR_BOUNDS);
    bad = good;
    bad.names.len -= 1;
    assert_int_equal(round_trip(&bad, &read), KR_MALFORMED);
    two[1][5] = 0; /* the same twice */
    assert_int_equal(round_trip(&good, &read), KR_MALFORMED);
    two[0][5] = 1; /* descending */
    assert_int_equal(round_trip(&good, &read), KR_MALFORMED);
    bad.names.len = 0;
    assert_int_equal(round_trip(&bad, &read), KR_OK);
}

/* As many as one page may have fit into a record; one more is refused. */
static void a_page_is_bounded(void **state)
{
    const size_t max = KR_REVOKED_NAMES_MAX;
    uint8_t *many = calloc(max + 1, KR_REVOKED_NAME_BYTES);
    struct kr_revocation revocation = {.pages = 1, .names = slice(many, max * KR_REVOKED_NAME_BYTES)}, read;
    struct kr_writer writer;
    (void)state;
    assert_non_null(many);
    for (size_t i = 0; i <= max; i++) {
        many[i * KR_REVOKED_NAME_BYTES] = (uint8_t)(i >> 8);
        many[i * KR_REVOKED_NAME_BYTES + 1] = (uint8_t)i;
    }
    assert_int_equal(round_trip(&revocation, &read), KR_OK);
    kr_writer_init(&writer, KR_BODY_BYTES_MAX);
    kr_revocation_write(&revocation, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    kr_writer_deinit(&writer);
    revocation.names.len += KR_REVOKED_NAME_BYTES;
    assert_int_equal(round_trip(&revocation, &read), KR_BOUNDS);
    free(many);
}

/* The subject tells key and page, and nothing else. */
static void each_page_has_a_subject_of_its_own(void **state)
{
    uint8_t first[32], second[32], other[32];
    const uint8_t another[32] = {2};
    (void)state;
    kr_revocation_subject(first, key, 0);
    kr_revocation_subject(second, key, 1);
    kr_revocation_subject(other, another, 0);
    assert_memory_equal(first, second, 31);
    assert_true(first[31] == 0 && second[31] == 1);
    assert_memory_not_equal(first, other, 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_stands_on_one_page),
        cmocka_unit_test(what_is_no_page_is_refused),
        cmocka_unit_test(a_page_is_bounded),
        cmocka_unit_test(each_page_has_a_subject_of_its_own),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
