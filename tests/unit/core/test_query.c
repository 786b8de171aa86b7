/* Looking values up: whatever lies under a value, its newest records are reached, and every page comes forward. */
#include <stdio.h>

#include "node/core/query.h"
#include "node/core/query_page.h"
#include "proto/indicator/indicator.h"
#include "tests/unit/core/bed.h"

#define VALUE     "evil.example"
#define ITEMS_MAX 8192u

struct asked {
    struct kr_query query;
    uint32_t items, pages, cut_count;
    uint8_t first[32], last[32]; /* ids of the records given first and last */
};

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

static enum kr_err take_item(void *context, struct kr_slice item)
{
    static struct kr_match match;
    struct asked *asked = context;
    assert_int_equal(kr_match_read(item, &match), KR_OK);
    memcpy(asked->items == 0 ? asked->first : asked->last, match.record.id, 32);
    asked->items++;
    return KR_OK;
}

static enum kr_err ignore_item(void *context, struct kr_slice item)
{
    (void)context;
    (void)item;
    return KR_OK;
}

/* Asks node 0 twice for the value, so that what is kept of one value is seen not to reach into the next. */
static void look_up_value(struct bed *bed, uint32_t type, const void *value, size_t len, bool (*is_over)(void *context),
                          struct asked *asked)
{
    struct kr_writer args;
    bool is_done = false;
    memset(asked, 0, sizeof *asked);
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 2);
    for (uint32_t i = 0; i < 2; i++) {
        kr_writer_array(&args, 2);
        kr_writer_uint(&args, type);
        kr_writer_bin(&args, value, len);
    }
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    assert_int_equal(kr_query_init(&asked->query, KR_OP_LOOKUP, (struct kr_slice){args.bytes, args.len}, false), KR_OK);
    kr_writer_deinit(&args);
    while (!is_done) {
        struct kr_txn *txn = NULL;
        struct kr_writer result;
        kr_writer_init(&result, KR_MIB);
        assert_true(asked->pages++ < 2 * ITEMS_MAX);
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        assert_int_equal(kr_query_page(&asked->query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, is_over, take_item, asked,
                                       &result, &is_done, NULL),
                         KR_OK);
        kr_txn_abort(txn);
        if (is_done) {
            struct kr_reader reader;
            assert_int_equal(kr_writer_finish(&result), KR_OK);
            kr_reader_init(&reader, result.bytes, result.len);
            asked->cut_count = kr_reader_array_between(&reader, 0, 2);
            for (uint32_t i = 0; i < asked->cut_count; i++) {
                assert_int_equal(kr_reader_uint(&reader, 1), i);
            }
            kr_reader_close(&reader);
            assert_int_equal(kr_reader_end(&reader), KR_OK);
        }
        kr_writer_deinit(&result);
    }
    kr_query_deinit(&asked->query);
}

static void look_up(struct bed *bed, bool (*is_over)(void *context), struct asked *asked)
{
    look_up_value(bed, KR_INDICATOR_DOMAIN, VALUE, strlen(VALUE), is_over, asked);
}

static void store_report(struct bed *bed, uint8_t token, uint32_t times, uint8_t ret_id[static 32])
{
    const char **domains = calloc(times, sizeof *domains);
    assert_non_null(domains);
    for (uint32_t i = 0; i < times; i++) {
        domains[i] = VALUE;
    }
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, VALUE, token);
    bed_submission_body(submit, domains, times);
    assert_int_equal(bed_submit(bed, 0, submit, ret_id), KR_OK);
    bed_submission_free(submit);
    free(domains);
}

/* Rows for every place of that report: other terms that lead to the same value would give the same. */
static void add_rows(struct bed *bed, const uint8_t id[static 32], uint32_t times)
{
    struct kr_term_entry *entries = calloc(times, sizeof *entries);
    struct kr_txn *txn = NULL;
    uint64_t arrival = 0;
    assert_non_null(entries);
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    for (uint32_t i = 0; i < times; i++) {
        kr_store_term(bed_node(bed, 0)->store, KR_INDICATOR_DOMAIN, VALUE, strlen(VALUE), entries[i].term);
        entries[i].arrival = arrival;
        entries[i].position = (uint16_t)i;
    }
    assert_int_equal(kr_store_terms_put(txn, entries, times), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    free(entries);
}

static void hide(struct bed *bed, const uint8_t id[static 32])
{
    static uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint64_t arrival = 0;
    assert_int_equal(kr_store_write_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    assert_int_equal(kr_store_head_get(txn, arrival, &head, scratch), KR_OK);
    head.state = KR_HEAD_QUARANTINED;
    assert_int_equal(kr_store_head_update(txn, &head), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

/* What one record repeats leads to it once. */
static void a_repeated_value_is_one_match(void **state)
{
    struct bed *bed = *state;
    struct asked asked;
    uint8_t id[32];
    store_report(bed, 1, KR_REPORT_INDICATORS_MAX, id);
    look_up(bed, NULL, &asked);
    assert_int_equal(asked.items, 2);
    assert_memory_equal(asked.first, id, 32);
    assert_int_equal(asked.cut_count, 0);
}

/* More that nobody may see than a list has room for, older and newer than the one that counts. */
static void what_is_not_shown_hides_nothing(void **state)
{
    struct bed *bed = *state;
    struct asked asked;
    uint8_t before[2][32], shown[32], behind[2][32];
    for (uint8_t i = 0; i < 2; i++) {
        store_report(bed, (uint8_t)(1 + i), 1, before[i]);
    }
    store_report(bed, 3, 1, shown);
    for (uint8_t i = 0; i < 2; i++) {
        store_report(bed, (uint8_t)(4 + i), 1, behind[i]);
        add_rows(bed, before[i], KR_REPORT_INDICATORS_MAX);
        add_rows(bed, behind[i], KR_REPORT_INDICATORS_MAX);
        hide(bed, before[i]);
        hide(bed, behind[i]);
    }
    look_up(bed, NULL, &asked);
    assert_int_equal(asked.items, 2);
    assert_memory_equal(asked.first, shown, 32);
    assert_memory_equal(asked.last, shown, 32);
    assert_int_equal(asked.cut_count, 0);
}

/* Of more than a list has room for the newest are given, and it is said that there are others. */
static void a_list_that_is_cut_says_so(void **state)
{
    struct bed *bed = *state;
    struct asked asked;
    uint8_t oldest[32], older[32], newest[32];
    store_report(bed, 1, 1, oldest);
    store_report(bed, 2, KR_REPORT_INDICATORS_MAX, older);
    add_rows(bed, older, KR_REPORT_INDICATORS_MAX - 1);
    look_up(bed, NULL, &asked);
    assert_int_equal(asked.items, 2 * KR_REPORT_INDICATORS_MAX);
    assert_memory_equal(asked.first, older, 32);
    assert_memory_equal(asked.last, oldest, 32);
    assert_int_equal(asked.cut_count, 0);
    store_report(bed, 3, 1, newest);
    look_up(bed, NULL, &asked);
    assert_int_equal(asked.items, 2 * KR_REPORT_INDICATORS_MAX);
    assert_memory_equal(asked.first, newest, 32);
    assert_memory_equal(asked.last, older, 32);
    assert_int_equal(asked.cut_count, 2);
}

/* A page whose time is over before it begins still comes forward, with the lists as with the look-ups. */
static void every_page_comes_forward(void **state)
{
    struct bed *bed = *state;
    struct asked asked;
    uint8_t id[32], hidden[32];
    store_report(bed, 1, 1, id);
    store_report(bed, 2, 1, hidden);
    add_rows(bed, hidden, 100);
    hide(bed, hidden);
    look_up(bed, bed_at_once, &asked);
    assert_int_equal(asked.items, 2);
    assert_true(asked.pages <= 2 * 103);

    struct kr_query query;
    struct kr_ls ls = {.kind = 0};
    struct kr_writer args;
    bool is_done = false;
    kr_writer_init(&args, KR_KIB);
    kr_ls_write(&ls, &args);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    assert_int_equal(kr_query_init(&query, KR_OP_LS, (struct kr_slice){args.bytes, args.len}, false), KR_OK);
    kr_writer_deinit(&args);
    while (!is_done) {
        struct kr_txn *txn = NULL;
        struct kr_writer result;
        uint64_t position = query.position;
        kr_writer_init(&result, KR_KIB);
        assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
        assert_int_equal(kr_query_page(&query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, bed_at_once, ignore_item, NULL,
                                       &result, &is_done, NULL),
                         KR_OK);
        assert_true(is_done || query.position < position);
        kr_txn_abort(txn);
        kr_writer_deinit(&result);
    }
    kr_query_deinit(&query);
}

/* Asks for one of the domains of a large report, and takes the note that stands by it. */
struct noted {
    uint32_t count;
    char value[64], note[64];
};

static enum kr_err take_noted(void *context, struct kr_slice item)
{
    static struct kr_match match;
    struct noted *noted = context;
    assert_int_equal(kr_match_read(item, &match), KR_OK);
    noted->count++;
    assert_true(kr_slice_text(match.indicator.value, noted->value, sizeof noted->value));
    assert_true(kr_slice_text(match.indicator.note, noted->note, sizeof noted->note));
    return KR_OK;
}

static void ask_for(struct bed *bed, struct kr_places *places, const char *domain, struct noted *ret_noted)
{
    struct kr_writer args, result;
    struct kr_query query;
    struct kr_txn *txn = NULL;
    bool is_done = false;
    *ret_noted = (struct noted){0};
    kr_writer_init(&args, KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_array(&args, 2);
    kr_writer_uint(&args, KR_INDICATOR_DOMAIN);
    kr_writer_bin(&args, domain, strlen(domain));
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    assert_int_equal(kr_query_init(&query, KR_OP_LOOKUP, (struct kr_slice){args.bytes, args.len}, false), KR_OK);
    query.places = places;
    kr_writer_init(&result, KR_KIB);
    assert_int_equal(kr_store_read_begin(bed_node(bed, 0)->store, &txn), KR_OK);
    assert_int_equal(kr_query_page(&query, txn, bed_node(bed, 0)->keyring, bed->world->now_ms, NULL, take_noted, ret_noted, &result,
                                   &is_done, NULL),
                     KR_OK);
    assert_true(is_done);
    kr_txn_abort(txn);
    kr_query_deinit(&query);
    kr_writer_deinit(&args);
    kr_writer_deinit(&result);
}

static void store_noted(struct bed *bed, enum kr_label label, uint32_t count, const char *ending)
{
    struct kr_submit *submit = bed_submission(bed, label, VALUE, (uint8_t)label);
    const struct kr_slice own = submit->body;
    struct kr_writer indicators, body;
    uint8_t id[32];
    if (label == KR_TLP_AMBER) {
        bed_address(bed, submit, 1);
    }
    kr_writer_init(&indicators, KR_MIB);
    kr_writer_array(&indicators, count);
    for (uint32_t i = 0; i < count; i++) {
        char value[64], note[64];
        (void)snprintf(value, sizeof value, "n%u.%s", i, ending);
        (void)snprintf(note, sizeof note, "%.*s%u", (int)(i % 40), "----------------------------------------", i);
        kr_report_indicator_write(&(struct kr_report_indicator){.type = KR_INDICATOR_DOMAIN,
                                                                .value = {(const uint8_t *)value, strlen(value)},
                                                                .confidence = KR_CONFIDENCE_NONE,
                                                                .note = {(const uint8_t *)note, strlen(note)}},
                                  &indicators);
    }
    assert_int_equal(kr_writer_finish(&indicators), KR_OK);
    const struct kr_report report = {
        .indicators = {indicators.bytes, indicators.len}, .indicator_count = count, .part = 1, .parts = 1};
    kr_writer_init(&body, KR_MIB);
    kr_report_write(&report, &body);
    assert_int_equal(kr_writer_finish(&body), KR_OK);
    submit->body = (struct kr_slice){body.bytes, body.len};
    assert_int_equal(bed_submit(bed, 0, submit, id), KR_OK);
    submit->body = own;
    bed_submission_free(submit);
    kr_writer_deinit(&indicators);
    kr_writer_deinit(&body);
}

/* Each indicator is what it is, whether it is read by its place or out of the whole; sealed ones are read whole. */
static void places_change_no_answer(void **state)
{
    struct bed *bed = *state;
    struct kr_places *places = kr_places_new();
    assert_non_null(places);
    const uint32_t count = 1003;
    store_noted(bed, KR_TLP_CLEAR, count, "open.example");
    store_noted(bed, KR_TLP_AMBER, count, "sealed.example");
    for (uint32_t i = 0; i < count; i += 17) {
        const char *const endings[] = {"open.example", "sealed.example"};
        for (uint32_t j = 0; j < 2; j++) {
            struct noted noted;
            char value[64], note[64];
            (void)snprintf(value, sizeof value, "n%u.%s", i, endings[j]);
            (void)snprintf(note, sizeof note, "%.*s%u", (int)(i % 40), "----------------------------------------", i);
            ask_for(bed, places, value, &noted);
            assert_int_equal(noted.count, 1);
            assert_string_equal(noted.value, value);
            assert_string_equal(noted.note, note);
        }
    }
    uint32_t offset, len, before, found = 0;
    for (uint64_t arrival = 1; arrival < 100; arrival++) {
        found += kr_places_find(places, arrival, count - 1, &offset, &len, &before);
    }
    assert_int_equal(found, 1); /* of the open one alone */
    kr_places_free(places);
}

static struct kr_slice text(const char *string)
{
    return (struct kr_slice){(const uint8_t *)string, strlen(string)};
}

static void store_imported(struct bed *bed, uint8_t token, const char *organisation, const char *origin_id,
                           const struct kr_report_indicator *indicator, uint8_t ret_id[static 32])
{
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, VALUE, token);
    struct kr_writer indicators, body;
    kr_writer_init(&indicators, KR_KIB);
    kr_writer_array(&indicators, indicator != NULL);
    if (indicator != NULL) {
        kr_report_indicator_write(indicator, &indicators);
    }
    assert_int_equal(kr_writer_finish(&indicators), KR_OK);
    const struct kr_report report = {.title = text("imported"),
                                     .language = text("en"),
                                     .indicators = {indicators.bytes, indicators.len},
                                     .origin_organisation = text(organisation),
                                     .origin_id = text(origin_id),
                                     .part = 1,
                                     .parts = 1};
    kr_writer_init(&body, KR_MIB);
    kr_report_write(&report, &body);
    assert_int_equal(kr_writer_finish(&body), KR_OK);
    const struct kr_slice own = submit->body;
    submit->body = (struct kr_slice){body.bytes, body.len};
    assert_int_equal(bed_submit(bed, 0, submit, ret_id), KR_OK);
    submit->body = own;
    bed_submission_free(submit);
    kr_writer_deinit(&body);
    kr_writer_deinit(&indicators);
}

/* By its own origin alone: not by another's, nor by what a report says among its indicators, nor without an id. */
static void a_report_is_found_by_its_origin(void **state)
{
    struct bed *bed = *state;
    struct asked asked;
    uint8_t first[32], second[32], other[32], key[KR_ORIGIN_KEY_BYTES_MAX];
    const size_t len = kr_report_origin_key(text("misp.example"), text("5f3C-01"), key);
    const struct kr_report_indicator same = {.type = KR_INDICATOR_ORIGIN, .value = {key, len}, .confidence = KR_CONFIDENCE_NONE};
    const struct kr_report_indicator domain = {.type = KR_INDICATOR_DOMAIN, .value = text(VALUE), .confidence = KR_CONFIDENCE_NONE};
    store_imported(bed, 1, "MISP.example", "5F3c-01", NULL, first);
    store_imported(bed, 2, "misp.example", "5f3c-02", &same, other);
    store_imported(bed, 3, "misp.example", "", &same, other);
    look_up_value(bed, KR_INDICATOR_ORIGIN, key, len, NULL, &asked);
    assert_int_equal(asked.items, 2); /* it asks twice */
    assert_memory_equal(asked.first, first, 32);
    assert_memory_equal(asked.last, first, 32);
    store_imported(bed, 4, "misp.example", "5f3c-01", &domain, second);
    look_up_value(bed, KR_INDICATOR_ORIGIN, key, len, bed_at_once, &asked);
    assert_int_equal(asked.items, 4);
    assert_memory_equal(asked.first, second, 32);
    assert_memory_equal(asked.last, first, 32);
    look_up_value(bed, KR_INDICATOR_ORIGIN, key, len - 1, NULL, &asked);
    assert_int_equal(asked.items, 0);
    look_up_value(bed, KR_INDICATOR_DOMAIN, VALUE, strlen(VALUE), NULL, &asked);
    assert_int_equal(asked.items, 2);
}

static void submit_network(struct bed *bed, uint32_t node, uint8_t token, const char *network)
{
    struct kr_submit *submit = bed_submission(bed, KR_TLP_CLEAR, VALUE, token);
    struct kr_indicator indicator;
    struct kr_error error;
    struct kr_writer indicators, body;
    uint8_t id[32];
    assert_int_equal(kr_indicator_parse(KR_INDICATOR_ANY, network, strlen(network), &indicator, &error), KR_OK);
    kr_writer_init(&indicators, KR_KIB);
    kr_writer_array(&indicators, 1);
    kr_report_indicator_write(&(struct kr_report_indicator){.type = indicator.type,
                                                            .value = {indicator.value, indicator.len},
                                                            .confidence = KR_CONFIDENCE_NONE},
                              &indicators);
    assert_int_equal(kr_writer_finish(&indicators), KR_OK);
    const struct kr_report report = {
        .title = text(network), .language = text("en"), .indicators = {indicators.bytes, indicators.len}, .part = 1, .parts = 1};
    kr_writer_init(&body, KR_MIB);
    kr_report_write(&report, &body);
    assert_int_equal(kr_writer_finish(&body), KR_OK);
    const struct kr_slice own = submit->body;
    submit->body = (struct kr_slice){body.bytes, body.len};
    assert_int_equal(bed_submit(bed, node, submit, id), KR_OK);
    submit->body = own;
    bed_submission_free(submit);
    kr_writer_deinit(&body);
    kr_writer_deinit(&indicators);
}

static void assert_matches(struct bed *bed, const char *address, uint32_t expected)
{
    struct asked asked;
    struct kr_indicator indicator;
    struct kr_error error;
    assert_int_equal(kr_indicator_parse(KR_INDICATOR_ANY, address, strlen(address), &indicator, &error), KR_OK);
    look_up_value(bed, indicator.type, indicator.value, indicator.len, NULL, &asked);
    assert_int_equal(asked.items, 2 * expected); /* it asks twice */
}

/* Only lengths that are stored are asked for: those that came from elsewhere too, and after a restart. */
static void networks_are_found_around_addresses(void **state)
{
    struct bed *bed = *state;
    assert_matches(bed, "45.10.20.30", 0);
    submit_network(bed, 0, 1, "45.10.20.0/24");
    assert_matches(bed, "45.10.20.30", 1);
    submit_network(bed, 1, 2, "45.8.0.0/13");
    submit_network(bed, 1, 3, "2a02:1234::/45");
    bed_run(bed, 5000);
    for (uint32_t times = 0; times < 2; times++) {
        assert_matches(bed, "45.10.20.30", 2);
        assert_matches(bed, "45.11.0.0/16", 1);
        assert_matches(bed, "http://45.10.20.1/", 2);
        assert_matches(bed, "2a02:1234:7::1", 1);
        assert_matches(bed, "2a02:1234:8::1", 0);
        bed_restart(bed, 0);
    }
}

/* A store of before holds what was labelled for persons and sealed to whole councils: it is shown no more. */
static void what_is_for_persons_and_lies_readable_is_not_shown(void **state)
{
    struct kr_query_page page = {.now_ms = 1000000};
    struct kr_head head = {.kind = KR_KIND_REPORT,
                           .label = KR_TLP_RED,
                           .state = KR_HEAD_SHOWN,
                           .is_ours_to_read = true,
                           .created_ms = 1000,
                           .expires_s = 5000};
    (void)state;
    assert_true(kr_query_sees(&page, &head)); /* a section: nothing is known of what is in it */
    head.indicator_count = 1;
    assert_false(kr_query_sees(&page, &head));
    head.indicator_count = 0;
    head.title = (struct kr_slice){(const uint8_t *)"t", 1};
    assert_false(kr_query_sees(&page, &head));
    head.label = KR_TLP_AMBER_STRICT;
    assert_false(kr_query_sees(&page, &head));
    head.kind = KR_KIND_RETRACTION; /* its reason is for all who have what it takes back */
    assert_true(kr_query_sees(&page, &head));
    head.kind = KR_KIND_REPORT;
    head.label = KR_TLP_AMBER;
    assert_true(kr_query_sees(&page, &head));
    head = (struct kr_head){.kind = KR_KIND_SIGHTING, .label = KR_TLP_RED};
    assert_true(kr_query_is_overt(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_repeated_value_is_one_match, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_shown_hides_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_that_is_cut_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(every_page_comes_forward, setup, teardown),
        cmocka_unit_test_setup_teardown(a_report_is_found_by_its_origin, setup, teardown),
        cmocka_unit_test_setup_teardown(places_change_no_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(networks_are_found_around_addresses, setup, teardown),
        cmocka_unit_test(what_is_for_persons_and_lies_readable_is_not_shown),
    };
    return cmocka_run_group_tests_name("core/query", tests, NULL, NULL);
}
