/* States that follow from each other. */
#include "backup_test.h"

#include "tools/backup/pages.h"

static struct kr_backup_entry entry(uint64_t page, uint8_t hash)
{
    struct kr_backup_entry made = {.page = page};
    memset(made.hash, hash, sizeof made.hash);
    return made;
}

static void fill(struct kr_pages *pages, const uint64_t *list, size_t count, uint8_t hash)
{
    for (size_t i = 0; i < count; i++) {
        const struct kr_backup_entry one = entry(list[i], hash);
        assert_int_equal(kr_pages_add(pages, &one), KR_OK);
    }
}

static void changes_fold_into_a_state(void **state)
{
    struct kr_pages pages = {0}, put = {0}, gone = {0};
    uint8_t before[KR_BACKUP_HASH_BYTES], after[KR_BACKUP_HASH_BYTES];
    (void)state;
    fill(&pages, (const uint64_t[]){1, 3, 5, 9}, 4, 1);
    fill(&put, (const uint64_t[]){0, 3, 12}, 3, 2);
    fill(&gone, (const uint64_t[]){1, 9}, 2, 0);
    kr_pages_digest(&pages, 4096, 20, before);
    assert_int_equal(kr_pages_fold(&pages, &put, &gone), KR_OK);
    kr_pages_digest(&pages, 4096, 20, after);
    assert_memory_not_equal(before, after, sizeof after);
    const uint64_t expected[] = {0, 3, 5, 12};
    assert_int_equal(pages.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pages.items[i].page, expected[i]);
        assert_int_equal(pages.items[i].hash[0], expected[i] == 5 ? 1 : 2);
    }
    kr_pages_digest(&pages, 4096, 21, before);
    assert_memory_not_equal(before, after, sizeof after);
    kr_pages_free(&pages);
    kr_pages_free(&put);
    kr_pages_free(&gone);
}

static void what_does_not_follow_is_refused(void **state)
{
    struct kr_pages pages = {0}, put = {0}, gone = {0}, none = {0};
    (void)state;
    fill(&pages, (const uint64_t[]){1, 3}, 2, 1);
    fill(&gone, (const uint64_t[]){2}, 1, 0);
    assert_int_equal(kr_pages_fold(&pages, &none, &gone), KR_MALFORMED); /* it was not there */
    kr_pages_free(&gone);
    fill(&gone, (const uint64_t[]){3}, 1, 0);
    fill(&put, (const uint64_t[]){3}, 1, 2);
    assert_int_equal(kr_pages_fold(&pages, &put, &gone), KR_MALFORMED); /* there and not there */
    assert_int_equal(pages.count, 2);
    const struct kr_backup_entry again = entry(3, 4);
    assert_int_equal(kr_pages_add(&pages, &again), KR_MALFORMED); /* does not ascend */
    kr_pages_free(&pages);
    kr_pages_free(&put);
    kr_pages_free(&gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_fold_into_a_state),
        cmocka_unit_test(what_does_not_follow_is_refused),
    };
    return cmocka_run_group_tests_name("backup/pages", tests, NULL, NULL);
}
