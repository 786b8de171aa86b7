/* What waits for trust, as the operator sees it: all of it, page by page, and nothing of what is in it. */
#include <stdio.h>

#include "node/core/query.h"
#include "tests/unit/core/bed.h"

#define RECORDS 150u

static int setup(void **state)
{
    *state = bed_new(2);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

struct listed {
    uint8_t ids[2 * RECORDS][32];
    uint64_t bytes;
    uint32_t count, pages;
    const uint8_t *author, *from;
};

static enum kr_err take_item(void *context, struct kr_slice item)
{
    struct listed *listed = context;
    struct kr_quarantined one;
    assert_int_equal(kr_quarantined_read(item, &one), KR_OK);
    assert_true(listed->count < 2 * RECORDS);
    assert_int_equal(one.record.title.len, 0);
    assert_int_equal(one.record.indicator_count + one.record.severity, 0);
    assert_memory_equal(one.record.author, listed->author, 32);
    assert_memory_equal(one.from, listed->from, 32);
    memcpy(listed->ids[listed->count++], one.record.id, 32);
    listed->bytes += one.bytes;
    return KR_OK;
}

/* `is_over`: NULL: pages end by themselves. */
static void list(struct bed *bed, bool (*is_over)(void *context), struct listed *listed)
{
    struct kr_query query;
    bool is_done = false;
    listed->count = listed->pages = 0;
    listed->bytes = 0;
    assert_int_equal(kr_query_init(&query, KR_OP_QUARANTINE, (struct kr_slice){0}, false), KR_OK);
    while (!is_done) {
        struct kr_txn *txn = NULL;
        struct kr_writer result;
        kr_writer_init(&result, KR_KIB);
        assert_true(listed->pages++ < 4 * RECORDS);
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        const enum kr_err err = kr_query_page(&query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, is_over, take_item,
                                              listed, &result, &is_done, NULL);
        kr_txn_abort(txn);
        kr_writer_deinit(&result);
        assert_int_equal(err, KR_OK);
    }
    kr_query_deinit(&query);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static void what_waits_is_listed_once_each_and_leaves_when_it_is_trusted(void **state)
{
    struct bed *bed = *state;
    const uint8_t *community = bed_core(bed, 1)->directory.communities[0]->id;
    struct stranger stranger;
    static struct listed listed;
    static uint8_t ids[RECORDS][32];
    stranger_init(bed, &stranger, 1);
    listed.author = stranger.id;
    listed.from = bed_node(bed, 1)->council;
    list(bed, never, &listed);
    assert_int_equal(listed.count, 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct kr_writer body;
        char domain[32];
        (void)snprintf(domain, sizeof domain, "q%u.example", i);
        struct forged report = stranger_forge(
            bed, &stranger,
            (struct kr_draft){
                .kind = KR_KIND_REPORT, .label = KR_TLP_GREEN, .community = community, .content = bed_report(&body, domain)});
        bed_hand_over(bed, 1, 0, &report);
        memcpy(ids[i], report.id, 32);
        forged_free(&report);
        kr_writer_deinit(&body);
    }
    assert_int_equal(bed_core(bed, 0)->quarantine_count, RECORDS);
    qsort(ids, RECORDS, 32, compare_ids);
    list(bed, never, &listed);
    assert_int_equal(listed.count, RECORDS);
    assert_int_equal(listed.bytes, bed_core(bed, 0)->quarantine_bytes);
    assert_memory_equal(listed.ids, ids, sizeof ids);
    list(bed, bed_at_once, &listed); /* however short its pages */
    assert_true(listed.pages >= 3);
    assert_int_equal(listed.count, RECORDS);
    assert_memory_equal(listed.ids, ids, sizeof ids);
    /* A card and a vouch, and it is a member like others. */
    struct forged card = stranger_card(bed, &stranger, community, 1, 86400);
    bed_hand_over(bed, 1, 0, &card);
    forged_free(&card);
    struct kr_writer content;
    struct kr_vouch vouch = {0};
    memcpy(vouch.council, stranger.id, 32);
    kr_writer_init(&content, KR_KIB);
    kr_vouch_write(&vouch, &content);
    struct forged statement =
        bed_statement(bed, 1, KR_KIND_VOUCH, community, stranger.id, 1, (struct kr_slice){content.bytes, content.len});
    bed_hand_over(bed, 1, 0, &statement);
    forged_free(&statement);
    kr_writer_deinit(&content);
    card = stranger_card(bed, &stranger, community, 2, 86400);
    bed_hand_over(bed, 1, 0, &card);
    forged_free(&card);
    bed_run(bed, 30000);
    list(bed, never, &listed);
    assert_int_equal(listed.count, 0);
    stranger_deinit(&stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_waits_is_listed_once_each_and_leaves_when_it_is_trusted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
