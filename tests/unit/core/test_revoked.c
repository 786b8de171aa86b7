/* The index of revoked keys: whatever order pages come in, the same list counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/revoked.h"

struct page {
    uint64_t made_ms;
    uint32_t page, pages;
};

static void take(struct kr_revoked *revoked, const struct page *page)
{
    const uint8_t author[32] = {7}, record_id[32] = {(uint8_t)page->made_ms, (uint8_t)page->page, (uint8_t)page->pages};
    struct kr_revocation revocation = {.key = {9}, .made_ms = page->made_ms, .page = page->page, .pages = page->pages};
    assert_int_equal(kr_revoked_take(revoked, author, &revocation, record_id), KR_OK);
}

/* All orders of six pages of three lists, of which the latest is whole and an earlier one has more pages. */
static void the_latest_list_counts_in_every_order(void **state)
{
    static const struct page pages[] = {{5, 0, 3}, {5, 1, 3}, {5, 2, 3}, {8, 0, 2}, {8, 1, 2}, {8, 0, 1}};
    uint32_t order[] = {0, 1, 2, 3, 4, 5}, counters[6] = {0};
    const uint8_t author[32] = {7}, key[32] = {9};
    (void)state;
    for (uint32_t i = 0; i < 6;) { /* Heap's algorithm */
        struct kr_revoked revoked = {0};
        for (uint32_t j = 0; j < 6; j++) {
            take(&revoked, &pages[order[j]]);
        }
        const struct kr_revoked_key *found = kr_revoked_find(&revoked, author, key);
        assert_non_null(found);
        assert_true(found->made_ms == 8 && found->pages == 2 && kr_revoked_is_whole(found));
        for (uint8_t j = 0; j < 2; j++) {
            assert_true(found->record_ids[j][0] == 8 && found->record_ids[j][1] == j && found->record_ids[j][2] == 2);
        }
        kr_revoked_deinit(&revoked);
        while (i < 6 && counters[i] >= i) {
            counters[i++] = 0;
        }
        if (i < 6) {
            const uint32_t other = i % 2 == 0 ? 0 : counters[i], kept = order[other];
            order[other] = order[i];
            order[i] = kept;
            counters[i]++;
            i = 1;
        }
    }
}

static void a_list_is_whole_with_its_last_page(void **state)
{
    struct kr_revoked revoked = {0};
    const uint8_t author[32] = {7}, key[32] = {9};
    (void)state;
    for (uint32_t page = 0; page < KR_REVOKED_PAGES_MAX; page++) {
        take(&revoked, &(struct page){3, (page * 5) % KR_REVOKED_PAGES_MAX, KR_REVOKED_PAGES_MAX});
        assert_int_equal(kr_revoked_is_whole(kr_revoked_find(&revoked, author, key)), page + 1 == KR_REVOKED_PAGES_MAX);
    }
    take(&revoked, &(struct page){4, 1, 2}); /* a newer one begins */
    assert_false(kr_revoked_is_whole(kr_revoked_find(&revoked, author, key)));
    kr_revoked_deinit(&revoked);
}

static void keys_are_told_apart_by_author_and_key(void **state)
{
    struct kr_revoked revoked = {0};
    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        uint8_t author[32] = {(uint8_t)(i * 37 % 10)}, record_id[32] = {(uint8_t)i};
        struct kr_revocation revocation = {.key = {(uint8_t)(i * 37 / 10)}, .made_ms = 1 + i, .pages = 1};
        assert_int_equal(kr_revoked_take(&revoked, author, &revocation, record_id), KR_OK);
    }
    for (uint32_t i = 0; i < 100; i++) {
        uint8_t author[32] = {(uint8_t)(i * 37 % 10)}, key[32] = {(uint8_t)(i * 37 / 10)};
        const struct kr_revoked_key *found = kr_revoked_find(&revoked, author, key);
        assert_non_null(found);
        assert_memory_equal(found->author, author, 32);
        assert_memory_equal(found->key, key, 32);
        author[31] = 1;
        assert_null(kr_revoked_find(&revoked, author, key));
    }
    kr_revoked_deinit(&revoked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_list_counts_in_every_order),
        cmocka_unit_test(a_list_is_whole_with_its_last_page),
        cmocka_unit_test(keys_are_told_apart_by_author_and_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
