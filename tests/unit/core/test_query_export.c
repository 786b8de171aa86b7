/* Everything that may be used, page by page: what is given under which label, and that a cursor loses nothing. */
#include <stdio.h>

#include "tests/unit/core/takeback_test.h"

#define ITEMS_MAX 512u
#define HOUR_MS   3600000u
#define GIVER     0u
#define NODE      1u /* that is asked */

struct item {
    uint8_t id[32], target[32];
    bool is_gone, has_target;
    uint32_t taken, content_kind;
    char reason[64];
};
struct given {
    struct item items[ITEMS_MAX];
    uint32_t count, pages;
    size_t page_bytes, page_bytes_most;
    uint64_t cursor;
};
static struct given given; /* by the last question */

static int setup(void **state)
{
    *state = bed_new(3);
    return 0;
}

static int teardown(void **state)
{
    bed_free(*state);
    return 0;
}

static enum kr_err take_item(void *context, struct kr_slice bytes)
{
    static struct kr_shown shown;
    struct given *to = context;
    assert_int_equal(kr_shown_read(bytes, &shown), KR_OK);
    assert_true(to->count < ITEMS_MAX);
    struct item *item = &to->items[to->count++];
    memcpy(item->id, shown.summary.id, 32);
    item->has_target = shown.summary.target.len == 32;
    if (item->has_target) {
        memcpy(item->target, shown.summary.target.bytes, 32);
    }
    item->is_gone = shown.content.len == 0;
    item->taken = shown.taken.state;
    item->content_kind = shown.content_kind;
    assert_int_equal(shown.summary.taken, shown.taken.state);
    assert_true(kr_slice_text(shown.taken.reason, item->reason, sizeof item->reason));
    assert_int_equal(shown.forced.at_ms, 0);
    to->page_bytes += bytes.len;
    to->page_bytes_most = to->page_bytes > to->page_bytes_most ? to->page_bytes : to->page_bytes_most;
    return KR_OK;
}

static struct kr_query begin(const struct kr_export *asked)
{
    struct kr_query query;
    struct kr_writer args;
    memset(&given, 0, sizeof given);
    kr_writer_init(&args, KR_KIB);
    kr_export_write(asked, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    assert_int_equal(kr_query_init(&query, KR_OP_EXPORT, (struct kr_slice){args.bytes, args.len}, false), KR_OK);
    kr_writer_deinit(&args);
    return query;
}

static enum kr_err page(struct bed *bed, struct kr_query *query, bool (*is_over)(void *context), bool *ret_done)
{
    struct kr_txn *txn = NULL;
    struct kr_writer result;
    struct kr_error error = {0};
    kr_writer_init(&result, KR_KIB);
    given.page_bytes = 0;
    given.pages++;
    assert_int_equal(kr_store_read_begin(bed_node(bed, NODE)->store, &txn), KR_OK);
    enum kr_err err = kr_query_page(query, txn, bed_node(bed, NODE)->keyring, bed->world->now_ms, is_over, take_item, &given,
                                    &result, ret_done, &error);
    kr_txn_abort(txn);
    if (err == KR_OK && *ret_done) {
        struct kr_reader reader;
        assert_int_equal(kr_writer_finish(&result), KR_OK);
        kr_reader_init(&reader, result.bytes, result.len);
        kr_reader_array(&reader, 1);
        given.cursor = kr_reader_uint(&reader, UINT64_MAX);
        kr_reader_close(&reader);
        assert_int_equal(kr_reader_end(&reader), KR_OK);
    }
    assert_true(err == KR_OK || error.text[0] != 0);
    kr_writer_deinit(&result);
    return err;
}

static enum kr_err ask_how(struct bed *bed, struct kr_export asked, bool (*is_over)(void *context))
{
    struct kr_query query = begin(&asked);
    enum kr_err err = KR_OK;
    for (bool is_done = false; err == KR_OK && !is_done;) {
        assert_true(given.pages < 10000);
        err = page(bed, &query, is_over, &is_done);
    }
    kr_query_deinit(&query);
    return err;
}

static uint64_t ask(struct bed *bed, uint64_t since)
{
    assert_int_equal(ask_how(bed, (struct kr_export){.use = KR_EXPORT_USE_OUT, .since = since}, NULL), KR_OK);
    return given.cursor;
}

static const struct item *find(const uint8_t id[static 32])
{
    for (uint32_t i = 0; i < given.count; i++) {
        if (memcmp(given.items[i].id, id, 32) == 0) {
            return &given.items[i];
        }
    }
    return NULL;
}

/* ---- who gets what ---- */

static struct forged labelled(struct bed *bed, enum kr_label label, uint32_t flags, const char *domain)
{
    struct kr_writer content;
    uint8_t audience[1][32], recipients[2][32];
    memcpy(audience[0], bed_node(bed, NODE)->council, 32);
    memcpy(recipients[0], bed_node(bed, GIVER)->keyring->sealing[0].public_key, 32);
    memcpy(recipients[1], bed_node(bed, NODE)->keyring->sealing[0].public_key, 32);
    struct kr_draft draft = {.kind = KR_KIND_REPORT, .label = label, .flags = flags, .content = bed_report(&content, domain)};
    if (label == KR_TLP_GREEN) {
        draft.community = bed_core(bed, NODE)->directory.communities[0]->id;
    } else if (label != KR_TLP_CLEAR) {
        draft.audience = (const uint8_t(*)[32])audience;
        draft.audience_count = 1;
        draft.recipients = (const uint8_t(*)[32])recipients;
        draft.recipient_count = 2;
    }
    struct forged forged = bed_forge(bed, GIVER, draft);
    bed_hand_over(bed, GIVER, NODE, &forged);
    kr_writer_deinit(&content);
    return forged;
}

static void each_label_goes_where_it_may(void **state)
{
    struct bed *bed = *state;
    static const struct {
        enum kr_label label;
        bool scan, out;
    } rows[] = {
        {KR_TLP_CLEAR, true, true},          {KR_TLP_GREEN, true, true}, {KR_TLP_AMBER, true, true},
        {KR_TLP_AMBER_STRICT, false, false}, {KR_TLP_RED, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (uint32_t flags = 0; flags <= KR_FLAG_EXERCISE; flags += KR_FLAG_EXERCISE) {
            char domain[32];
            (void)snprintf(domain, sizeof domain, "l%zu-%u.example", i, flags);
            struct forged forged = labelled(bed, rows[i].label, flags, domain);
            assert_true(bed_holds(bed, NODE, forged.id));
            for (uint32_t use = 0; use <= KR_EXPORT_USE_OUT; use++) {
                for (uint32_t exercise = 0; exercise < 2; exercise++) {
                    const bool may = use == KR_EXPORT_USE_OUT ? rows[i].out : rows[i].scan;
                    assert_int_equal(ask_how(bed, (struct kr_export){use, 0, exercise}, NULL), KR_OK);
                    assert_int_equal(find(forged.id) != NULL, may && exercise == (flags == KR_FLAG_EXERCISE));
                    assert_int_equal(given.count, exercise == 1 && flags == 0 ? (i < 3 ? i : 3) : i < 3 ? i + 1 : 3);
                }
            }
            forged_free(&forged);
        }
    }
}

/* What was taken back is told to those alone who were given it before. */
static void what_was_never_given_is_not_told_of(void **state)
{
    struct bed *bed = *state;
    struct forged red = labelled(bed, KR_TLP_RED, 0, "red.example"), drill = labelled(bed, KR_TLP_CLEAR, 1, "drill.example"),
                  clear = labelled(bed, KR_TLP_CLEAR, 0, "clear.example");
    const uint64_t since = ask(bed, 0);
    const struct forged *all[] = {&red, &drill, &clear};
    for (size_t i = 0; i < 3; i++) {
        struct lie lie = {.expires_s = bed->world->now_ms / 1000 + 86400 * 2};
        struct forged by = take_back(bed, GIVER, all[i], all[i] == &red ? (struct lie){.label = KR_TLP_CLEAR} : lie);
        bed_hand_over(bed, GIVER, NODE, &by);
        forged_free(&by);
    }
    assert_true(is_header_only(bed, NODE, drill.id));
    (void)ask(bed, since);
    assert_int_equal(given.count, 1);
    assert_memory_equal(given.items[0].id, clear.id, 32);
    assert_int_equal(ask_how(bed, (struct kr_export){KR_EXPORT_USE_OUT, since, true}, NULL), KR_OK);
    assert_int_equal(given.count, 1);
    assert_memory_equal(given.items[0].id, drill.id, 32);
    forged_free(&red);
    forged_free(&drill);
    forged_free(&clear);
}

/* ---- since ---- */

static struct forged hand_over(struct bed *bed, struct kr_draft draft, const char *domain)
{
    struct kr_writer content;
    draft.kind = KR_KIND_REPORT;
    draft.label = KR_TLP_CLEAR;
    draft.content = bed_report(&content, domain);
    struct forged forged = bed_forge(bed, GIVER, draft);
    bed_hand_over(bed, GIVER, NODE, &forged);
    kr_writer_deinit(&content);
    return forged;
}

static void only_what_is_new_is_given_and_old_dates_do_not_matter(void **state)
{
    struct bed *bed = *state;
    struct forged first = hand_over(bed, (struct kr_draft){0}, "first.example");
    const uint64_t since = ask(bed, 0);
    assert_int_equal(given.count, 1);
    assert_int_equal(given.items[0].content_kind, KR_KIND_REPORT);
    assert_int_equal(ask(bed, since), since);
    assert_int_equal(given.count, 0);
    struct forged late = hand_over(bed, (struct kr_draft){.created_ms = bed->world->now_ms - HOUR_MS / 2}, "late.example");
    const uint64_t then = ask(bed, since);
    assert_int_equal(given.count, 1);
    assert_memory_equal(given.items[0].id, late.id, 32);
    (void)ask(bed, then);
    assert_int_equal(given.count, 0);
    (void)ask(bed, 0);
    assert_int_equal(given.count, 2);
    assert_memory_equal(given.items[0].id, first.id, 32);
    assert_int_equal(ask_how(bed, (struct kr_export){.since = then + 1}, NULL), KR_INVALID);
    forged_free(&first);
    forged_free(&late);
}

static void what_was_dated_ahead_is_given_when_its_time_comes(void **state)
{
    struct bed *bed = *state;
    const uint64_t due_ms = bed->world->now_ms + HOUR_MS;
    struct forged ahead = hand_over(bed, (struct kr_draft){.created_ms = due_ms + KR_FUTURE_MS_MAX}, "ahead.example");
    struct forged now = hand_over(bed, (struct kr_draft){0}, "now.example");
    uint64_t since = ask(bed, 0);
    assert_int_equal(given.count, 1);
    bed_run(bed, due_ms - 1 - bed->world->now_ms);
    since = ask(bed, since);
    assert_int_equal(given.count, 0);
    bed_run(bed, 10);
    since = ask(bed, since);
    assert_int_equal(given.count, 1);
    assert_memory_equal(given.items[0].id, ahead.id, 32);
    assert_false(given.items[0].is_gone);
    (void)ask(bed, since);
    assert_int_equal(given.count, 0);
    (void)ask(bed, 0); /* it came first, and once */
    assert_int_equal(given.count, 2);
    assert_memory_equal(given.items[0].id, ahead.id, 32);
    forged_free(&ahead);
    forged_free(&now);
}

static void what_left_quarantine_is_given(void **state)
{
    struct bed *bed = *state;
    struct stranger stranger;
    struct kr_writer content;
    stranger_init(bed, &stranger, 9);
    struct forged record = stranger_forge(
        bed, &stranger,
        (struct kr_draft){.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .content = bed_report(&content, "quarantined.example")});
    const uint8_t *community = bed_core(bed, NODE)->directory.communities[0]->id;
    struct forged card = stranger_card(bed, &stranger, community, 1, 86400);
    struct kr_writer vouch_content;
    struct kr_vouch vouch = {0};
    memcpy(vouch.council, stranger.id, 32);
    kr_writer_init(&vouch_content, KR_KIB);
    kr_vouch_write(&vouch, &vouch_content);
    struct forged vouched = bed_statement(bed, GIVER, KR_KIND_VOUCH, community, stranger.id, 1,
                                          (struct kr_slice){vouch_content.bytes, vouch_content.len});
    bed_hand_over(bed, GIVER, NODE, &record);
    struct forged other = hand_over(bed, (struct kr_draft){0}, "other.example");
    assert_false(is_shown(bed, NODE, record.id));
    uint64_t since = ask(bed, 0);
    assert_int_equal(given.count, 1);
    bed_hand_over(bed, GIVER, NODE, &vouched);
    bed_hand_over(bed, GIVER, NODE, &card);
    bed_run(bed, 2000);
    assert_true(is_shown(bed, NODE, record.id));
    since = ask(bed, since);
    assert_int_equal(given.count, 1);
    assert_memory_equal(given.items[0].id, record.id, 32);
    (void)ask(bed, since);
    assert_int_equal(given.count, 0);
    kr_writer_deinit(&content);
    forged_free(&record);
    forged_free(&card);
    forged_free(&vouched);
    kr_writer_deinit(&vouch_content);
    forged_free(&other);
    stranger_deinit(&stranger);
}

static void what_was_taken_back_is_told(void **state)
{
    struct bed *bed = *state;
    struct forged kept = hand_over(bed, (struct kr_draft){0}, "kept.example"),
                  wrong = hand_over(bed, (struct kr_draft){0}, "wrong.example"),
                  old = hand_over(bed, (struct kr_draft){0}, "old.example");
    uint64_t since = ask(bed, 0);
    assert_int_equal(given.count, 3);
    struct forged retraction = take_back(bed, GIVER, &wrong, (struct lie){0}),
                  revision = take_back(bed, GIVER, &old, (struct lie){.kind = KR_KIND_REVISION});
    bed_hand_over(bed, GIVER, NODE, &retraction);
    bed_hand_over(bed, GIVER, NODE, &revision);
    since = ask(bed, since);
    assert_int_equal(given.count, 3);
    const struct item *item = find(wrong.id);
    assert_true(item != NULL && item->is_gone && item->taken == KR_TAKEN_RETRACTED);
    assert_string_equal(item->reason, "a mistake");
    item = find(old.id);
    assert_true(item != NULL && item->is_gone && item->taken == KR_TAKEN_REVISED);
    item = find(revision.id);
    assert_true(item != NULL && !item->is_gone && item->content_kind == KR_KIND_REPORT && item->has_target);
    assert_memory_equal(item->target, old.id, 32);
    (void)ask(bed, since);
    assert_int_equal(given.count, 0);
    (void)ask(bed, 0);
    assert_int_equal(given.count, 2);
    assert_null(find(wrong.id));
    forged_free(&kept);
    forged_free(&wrong);
    forged_free(&old);
    forged_free(&retraction);
    forged_free(&revision);
}

/* What waits for the operator is given as before, and told of when the operator has said so. */
static void what_waited_for_the_operator_is_told_then(void **state)
{
    struct bed *bed = *state;
    struct forged target[KR_TAKEBACKS_DAY_MAX + 1], by[KR_TAKEBACKS_DAY_MAX + 1];
    for (uint32_t i = 0; i <= KR_TAKEBACKS_DAY_MAX; i++) {
        char domain[32];
        (void)snprintf(domain, sizeof domain, "m%u.example", i);
        target[i] = hand_over(bed, (struct kr_draft){0}, domain);
    }
    uint64_t since = ask(bed, 0);
    for (uint32_t i = 0; i <= KR_TAKEBACKS_DAY_MAX; i++) {
        by[i] = take_back(bed, GIVER, &target[i], (struct lie){0});
        bed_hand_over(bed, GIVER, NODE, &by[i]);
    }
    since = ask(bed, since);
    assert_int_equal(given.count, KR_TAKEBACKS_DAY_MAX);
    assert_null(find(target[KR_TAKEBACKS_DAY_MAX].id));
    (void)ask(bed, 0);
    assert_int_equal(given.count, 1);
    assert_int_equal(given.items[0].taken, KR_TAKEN_WAITS);
    assert_int_equal(ask_to_confirm(bed, NODE, NULL, by[KR_TAKEBACKS_DAY_MAX].id, 32), KR_OK);
    since = ask(bed, since);
    assert_int_equal(given.count, 1);
    assert_memory_equal(given.items[0].id, target[KR_TAKEBACKS_DAY_MAX].id, 32);
    assert_true(given.items[0].is_gone && given.items[0].taken == KR_TAKEN_RETRACTED);
    (void)ask(bed, since);
    assert_int_equal(given.count, 0);
    for (uint32_t i = 0; i <= KR_TAKEBACKS_DAY_MAX; i++) {
        forged_free(&target[i]);
        forged_free(&by[i]);
    }
}

static void what_expired_is_told(void **state)
{
    struct bed *bed = *state;
    struct forged brief = hand_over(bed, (struct kr_draft){.expires_s = bed->world->now_ms / 1000 + 600}, "brief.example");
    uint64_t since = ask(bed, 0);
    assert_int_equal(given.count, 1);
    bed_run(bed, 600000 + 120000);
    assert_true(is_header_only(bed, NODE, brief.id));
    since = ask(bed, since);
    assert_int_equal(given.count, 1);
    assert_memory_equal(given.items[0].id, brief.id, 32);
    assert_true(given.items[0].is_gone && given.items[0].taken == KR_TAKEN_NOT);
    (void)ask(bed, since);
    assert_int_equal(given.count, 0);
    (void)ask(bed, 0);
    assert_int_equal(given.count, 0);
    forged_free(&brief);
}

/* ---- pages ---- */

static uint8_t store_large(struct bed *bed, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, "large.example", token);
    const char *domains[2000];
    for (uint32_t i = 0; i < 2000; i++) {
        domains[i] = "a-rather-long-name-that-fills-its-record.large.example";
    }
    bed_submission_body(submit, domains, 2000);
    assert_int_equal(bed_submit(bed, NODE, submit, ret_id), KR_OK);
    bed_submission_free(submit);
    return token;
}

/* Small pages, large records; what changes between two pages is not lost, nor is any record given twice. */
static void pages_are_bounded_and_lose_nothing(void **state)
{
    struct bed *bed = *state;
    uint8_t large[2][32];
    struct forged small[20];
    for (uint32_t i = 0; i < 20; i++) {
        char domain[32];
        (void)snprintf(domain, sizeof domain, "s%u.example", i);
        small[i] = hand_over(bed, (struct kr_draft){0}, domain);
        if (i == 5 || i == 10) {
            (void)store_large(bed, (uint8_t)i, large[i / 10]);
        }
    }
    assert_int_equal(ask_how(bed, (struct kr_export){.use = KR_EXPORT_USE_OUT}, NULL), KR_OK);
    assert_int_equal(given.count, 22);
    assert_true(given.pages > 2 && given.pages < 10);
    assert_true(given.page_bytes_most > KR_PAGE_BYTES_MAX && given.page_bytes_most <= KR_CLIENT_FRAME_BYTES_MAX);

    const uint64_t before = given.cursor;
    struct kr_export asked = {.use = KR_EXPORT_USE_OUT};
    struct kr_query query = begin(&asked);
    bool is_done = false;
    bool has_changed = false;
    while (!is_done) { /* each with its time over */
        assert_int_equal(page(bed, &query, bed_at_once, &is_done), KR_OK);
        if (given.count == 1 && !has_changed) { /* given already; and not yet */
            has_changed = true;
            struct forged one = take_back(bed, GIVER, &small[0], (struct lie){0}),
                          other = take_back(bed, GIVER, &small[19], (struct lie){0});
            bed_hand_over(bed, GIVER, NODE, &one);
            bed_hand_over(bed, GIVER, NODE, &other);
            forged_free(&one);
            forged_free(&other);
        }
    }
    kr_query_deinit(&query);
    assert_true(given.pages > 20);
    assert_int_equal(given.count, 21);
    assert_non_null(find(small[0].id));
    assert_null(find(small[19].id));
    assert_true(given.cursor == before);
    (void)ask(bed, before);
    assert_int_equal(given.count, 2);
    assert_true(find(small[0].id)->is_gone && find(small[19].id)->is_gone);
    for (uint32_t i = 0; i < 20; i++) {
        forged_free(&small[i]);
    }
}

static void what_cannot_be_read_is_refused(void **state)
{
    struct bed *bed = *state;
    static const uint8_t bad[][4] = {{0x90}, {0x93, 2, 0, 0}, {0x93, 0, 0, 2}, {0x94, 0, 0, 0}};
    static const size_t lens[] = {1, 4, 4, 4};
    for (size_t i = 0; i < 4; i++) {
        struct kr_query query;
        bool is_done = false;
        assert_int_equal(kr_query_init(&query, KR_OP_EXPORT, (struct kr_slice){bad[i], lens[i]}, false), KR_OK);
        assert_int_equal(page(bed, &query, NULL, &is_done), KR_MALFORMED);
        kr_query_deinit(&query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_label_goes_where_it_may, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_never_given_is_not_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_is_new_is_given_and_old_dates_do_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_dated_ahead_is_given_when_its_time_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_left_quarantine_is_given, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_taken_back_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waited_for_the_operator_is_told_then, setup, teardown),
        cmocka_unit_test_setup_teardown(what_expired_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_are_bounded_and_lose_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
