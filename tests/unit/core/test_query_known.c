/* Look-ups by a thread that has learnt something: byte for byte what they are without, and nothing that has changed since. */
#include <stdio.h>

#include "node/core/directory.h"
#include "node/core/query.h"
#include "proto/indicator/indicator.h"
#include "tests/unit/core/bed.h"
#include "tests/unit/core/takeback_test.h"

#define VALUE "evil.example"

struct answer {
    uint32_t count;
    size_t len;
    uint8_t bytes[64 * KR_KIB];
};

struct known {
    struct bed *bed;
    struct kr_places *places;
};

static int setup(void **state)
{
    struct known *known = calloc(1, sizeof *known);
    assert_non_null(known);
    known->bed = bed_new(2);
    known->places = kr_places_new();
    assert_non_null(known->places);
    *state = known;
    return 0;
}

static int teardown(void **state)
{
    struct known *known = *state;
    kr_places_free(known->places);
    bed_free(known->bed);
    free(known);
    return 0;
}

static enum kr_err keep(void *context, struct kr_slice item)
{
    struct answer *answer = context;
    assert_true(answer->len + item.len <= sizeof answer->bytes);
    memcpy(answer->bytes + answer->len, item.bytes, item.len);
    answer->len += item.len;
    answer->count++;
    return KR_OK;
}

struct question {
    uint32_t type;
    const uint8_t *value;
    size_t len;
    bool japanese;
    uint64_t now_ms;
};

static void ask_with(const struct known *known, struct kr_places *places, const struct question *question, struct answer *answer)
{
    struct kr_writer args, result;
    struct kr_query query;
    struct kr_txn *txn = NULL;
    const struct sim_node *node = bed_node(known->bed, 0);
    bool is_done = false;
    answer->count = 0;
    answer->len = 0;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_writer_array(&args, 1);
    kr_writer_array(&args, 2);
    kr_writer_uint(&args, question->type);
    kr_writer_bin(&args, question->value, question->len);
    assert_int_equal(kr_writer_finish(&args), KR_OK);
    assert_int_equal(kr_query_init(&query, KR_OP_LOOKUP, (struct kr_slice){args.bytes, args.len}, question->japanese), KR_OK);
    query.places = places;
    kr_writer_init(&result, KR_KIB);
    assert_int_equal(kr_store_read_begin(node->store, &txn), KR_OK);
    assert_int_equal(kr_query_page(&query, txn, node->keyring, question->now_ms, NULL, keep, answer, &result, &is_done, NULL),
                     KR_OK);
    assert_true(is_done);
    kr_txn_abort(txn);
    kr_query_deinit(&query);
    kr_writer_deinit(&args);
    kr_writer_deinit(&result);
}

/* Asks twice of one who learns, and of one who never does: the same. Returns how many matches. */
static uint32_t ask(const struct known *known, const struct question *question)
{
    static struct answer plain, learnt;
    ask_with(known, NULL, question, &plain);
    for (uint32_t i = 0; i < 2; i++) {
        ask_with(known, known->places, question, &learnt);
        assert_int_equal(learnt.count, plain.count);
        assert_int_equal(learnt.len, plain.len);
        assert_memory_equal(learnt.bytes, plain.bytes, plain.len);
    }
    return plain.count;
}

static uint32_t ask_for_domain(const struct known *known, const char *domain, bool japanese, uint64_t now_ms)
{
    return ask(known, &(struct question){KR_INDICATOR_DOMAIN, (const uint8_t *)domain, strlen(domain), japanese, now_ms});
}

static uint64_t now(const struct known *known)
{
    return known->bed->world->now_ms;
}

/* ---- content ---- */

static const struct {
    uint32_t type;
    const char *before, *behind; /* the number */
} forms[] = {
    {KR_INDICATOR_IPV4, "203.0.113.", ""},
    {KR_INDICATOR_IPV4, "203.0.114.", ":8080"},
    {KR_INDICATOR_IPV4, "198.51.", ".0/24"},
    {KR_INDICATOR_IPV6, "2001:db8::", ""},
    {KR_INDICATOR_DOMAIN, "d", ".example"},
    {KR_INDICATOR_URL, "https://u", ".example/path?query=1"},
    {KR_INDICATOR_URL, "https://v", ".example/path"},
    {KR_INDICATOR_EMAIL, "m", "@example.com"},
    {KR_INDICATOR_FILENAME, "Setup", ".EXE"},
    {KR_INDICATOR_FILENAME, "setup-", ".exe"},
    {KR_INDICATOR_MUTEX, "Global\\M", ""},
};
#define FORMS (sizeof forms / sizeof forms[0])

static void parse(uint32_t form, uint32_t number, struct kr_indicator *ret)
{
    char text[128];
    struct kr_error error = {0};
    (void)snprintf(text, sizeof text, "%s%u%s", forms[form].before, number % 250, forms[form].behind);
    assert_int_equal(kr_indicator_parse(forms[form].type, text, strlen(text), ret, &error), KR_OK);
}

/* Each form of value plain, and with each thing that may be stated about it. */
static struct kr_report_indicator statement(const struct kr_indicator *indicator, uint32_t what)
{
    struct kr_report_indicator stated = {
        .type = indicator->type, .value = {indicator->value, indicator->len}, .confidence = KR_CONFIDENCE_NONE};
    stated.first_s = what == 1 ? 1700000000 : 0;
    stated.last_s = what == 2 ? 1700000000 : 0;
    stated.confidence = what == 3 ? 50 : KR_CONFIDENCE_NONE;
    stated.action = what == 4 ? KR_ACTION_BLOCK : KR_ACTION_NONE;
    stated.note = what == 5 ? (struct kr_slice){(const uint8_t *)"note", 4} : (struct kr_slice){0};
    return stated;
}
#define STATEMENTS 6u

static void store_forms(const struct known *known, enum kr_label label, uint32_t first, uint32_t count, bool all_plain,
                        uint8_t token)
{
    struct kr_submit *submit = bed_submission(known->bed, label, VALUE, token);
    const struct kr_slice own = submit->body;
    struct kr_writer indicators, body;
    struct kr_indicator indicator;
    uint8_t id[32];
    if (label == KR_TLP_AMBER) {
        bed_address(known->bed, submit, 1);
    }
    kr_writer_init(&indicators, KR_MIB);
    kr_writer_array(&indicators, count);
    for (uint32_t i = 0; i < count; i++) {
        parse((first + i) % FORMS, first + i, &indicator);
        const struct kr_report_indicator stated = statement(&indicator, all_plain ? 0 : (first + i) % STATEMENTS);
        kr_report_indicator_write(&stated, &indicators);
    }
    assert_int_equal(kr_writer_finish(&indicators), KR_OK);
    const struct kr_report report = {
        .indicators = {indicators.bytes, indicators.len}, .indicator_count = count, .part = 1, .parts = 1};
    kr_writer_init(&body, KR_MIB);
    kr_report_write(&report, &body);
    assert_int_equal(kr_writer_finish(&body), KR_OK);
    submit->body = (struct kr_slice){body.bytes, body.len};
    submit->is_forced = true;
    submit->reason = (struct kr_slice){(const uint8_t *)"test", 4};
    assert_int_equal(bed_submit(known->bed, 0, submit, id), KR_OK);
    submit->body = own;
    bed_submission_free(submit);
    kr_writer_deinit(&indicators);
    kr_writer_deinit(&body);
}

static void ask_for_forms(const struct known *known, uint32_t first, uint32_t count)
{
    static const struct {
        uint32_t type;
        const char *text;
    } others[] = {{KR_INDICATOR_URL, "https://u5.example/path"},
                  {KR_INDICATOR_URL, "https://v6.example/path?other=2"},
                  {KR_INDICATOR_DOMAIN, "u5.example"},
                  {KR_INDICATOR_IPV4, "203.0.113.0:99"},
                  {KR_INDICATOR_IPV4, "203.0.114.1"},
                  {KR_INDICATOR_FILENAME, "SETUP8.exe"},
                  {KR_INDICATOR_URL, "http://[2001:db8::3]/index"},
                  {KR_INDICATOR_EMAIL, "somebody@d4.example"},
                  {KR_INDICATOR_IPV4, "198.51.2.7"},
                  {KR_INDICATOR_DOMAIN, "www.d4.example"}};
    struct kr_indicator indicator;
    struct kr_error error = {0};
    for (uint32_t i = first; i < first + count; i++) {
        parse(i % FORMS, i, &indicator);
        assert_true(ask(known, &(struct question){indicator.type, indicator.value, indicator.len, false, now(known)}) >= 1);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(kr_indicator_parse(others[i].type, others[i].text, strlen(others[i].text), &indicator, &error), KR_OK);
        (void)ask(known, &(struct question){indicator.type, indicator.value, indicator.len, false, now(known)});
    }
}

/* Large and small, open and sealed, plain and not. */
static void what_is_known_of_reports_changes_no_answer(void **state)
{
    const struct known *known = *state;
    store_forms(known, KR_TLP_CLEAR, 0, 132, false, 1);
    store_forms(known, KR_TLP_CLEAR, 0, 132, true, 2);
    store_forms(known, KR_TLP_AMBER, 0, 132, false, 3);
    store_forms(known, KR_TLP_AMBER, 0, 22, true, 4);
    store_forms(known, KR_TLP_CLEAR, 0, 22, true, 5);
    ask_for_forms(known, 0, 132);
}

/* ---- snapshots ---- */

static void store_one(const struct known *known, uint8_t token, uint8_t ret_id[static 32])
{
    struct kr_submit *submit = bed_submission(known->bed, KR_TLP_CLEAR, VALUE, token);
    assert_int_equal(bed_submit(known->bed, 0, submit, ret_id), KR_OK);
    bed_submission_free(submit);
}

static void set_state(const struct known *known, const uint8_t id[static 32], uint32_t head_state)
{
    static uint8_t scratch[KR_HEAD_SCRATCH];
    struct kr_store *store = bed_node(known->bed, 0)->store;
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint64_t arrival = 0;
    assert_int_equal(kr_store_write_begin(store, &txn), KR_OK);
    assert_int_equal(kr_store_record_find(txn, id, &arrival), KR_OK);
    assert_int_equal(kr_store_head_get(txn, arrival, &head, scratch), KR_OK);
    head.state = head_state;
    assert_int_equal(kr_store_head_update(txn, &head), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
}

static void what_is_hidden_is_gone_with_the_commit(void **state)
{
    const struct known *known = *state;
    uint8_t first[32], second[32];
    store_one(known, 1, first);
    assert_int_equal(ask_for_domain(known, VALUE, false, now(known)), 1);
    store_one(known, 2, second);
    assert_int_equal(ask_for_domain(known, VALUE, false, now(known)), 2);
    set_state(known, first, KR_HEAD_QUARANTINED);
    assert_int_equal(ask_for_domain(known, VALUE, false, now(known)), 1);
    set_state(known, first, KR_HEAD_SHOWN);
    assert_int_equal(ask_for_domain(known, VALUE, false, now(known)), 2);
    assert_int_equal(ask_to_retract(known->bed, 0, second, 32, "wrong", 9), KR_OK);
    assert_int_equal(ask_for_domain(known, VALUE, false, now(known)), 1);
}

/* The clock alone makes it appear and expire, in one snapshot. */
static void the_clock_decides_each_time(void **state)
{
    const struct known *known = *state;
    uint8_t id[32];
    struct kr_head head;
    store_one(known, 1, id);
    assert_int_equal(bed_head(known->bed, 0, id, &head), KR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(ask_for_domain(known, VALUE, false, head.created_ms - KR_FUTURE_MS_MAX - 1), 0);
        assert_int_equal(ask_for_domain(known, VALUE, false, head.created_ms - KR_FUTURE_MS_MAX), 1);
        assert_int_equal(ask_for_domain(known, VALUE, false, head.expires_s * 1000 - 1), 1);
        assert_int_equal(ask_for_domain(known, VALUE, false, head.expires_s * 1000), 0);
    }
}

struct card {
    uint8_t key[KR_TABLE_KEY_BYTES_MAX], value[KR_TABLE_VALUE_BYTES_MAX];
    size_t key_len, len;
};

static bool take_card(void *context, struct kr_slice key, struct kr_slice value)
{
    struct card *card = context;
    assert_true(key.len <= sizeof card->key && value.len <= sizeof card->value);
    memcpy(card->key, key.bytes, key.len);
    memcpy(card->value, value.bytes, value.len);
    card->key_len = key.len;
    card->len = value.len;
    return false;
}

static void rename_author(const struct known *known, const char *ja, const char *en)
{
    static struct card card;
    const struct sim_node *node = bed_node(known->bed, 0);
    uint8_t prefix[33] = {KR_KIND_COUNCIL_CARD};
    struct kr_txn *txn = NULL;
    struct kr_directory_entry entry;
    struct kr_writer writer;
    memcpy(prefix + 1, node->council, 32);
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    assert_int_equal(kr_store_write_begin(node->store, &txn), KR_OK);
    assert_int_equal(kr_store_each(txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, take_card, &card), KR_OK);
    assert_int_equal(kr_directory_entry_read((struct kr_slice){card.value, card.len}, &entry), KR_OK);
    entry.version += 1000; /* than all other cards of its */
    entry.name_ja = (struct kr_slice){(const uint8_t *)ja, strlen(ja)};
    entry.name_en = (struct kr_slice){(const uint8_t *)en, strlen(en)};
    kr_directory_entry_write(&entry, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    assert_int_equal(kr_store_put(txn, KR_TABLE_DIRECTORY, card.key, card.key_len, writer.bytes, writer.len), KR_OK);
    assert_int_equal(kr_txn_commit(txn), KR_OK);
    kr_writer_deinit(&writer);
}

static void names_are_those_of_the_snapshot_and_the_language(void **state)
{
    const struct known *known = *state;
    static struct answer answer;
    uint8_t id[32];
    const struct question english = {KR_INDICATOR_DOMAIN, (const uint8_t *)VALUE, strlen(VALUE), false, now(known)};
    const char *const names[] = {"Kinki", "Chugoku"};
    store_one(known, 1, id);
    for (size_t i = 0; i < 2; i++) {
        rename_author(known, "\xe8\xbf\x91\xe7\x95\xbf", names[i]);
        assert_int_equal(ask_for_domain(known, VALUE, false, now(known)), 1);
        assert_int_equal(ask_for_domain(known, VALUE, true, now(known)), 1);
        ask_with(known, known->places, &english, &answer);
        assert_non_null(memmem(answer.bytes, answer.len, names[i], strlen(names[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_known_of_reports_changes_no_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_hidden_is_gone_with_the_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(the_clock_decides_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_those_of_the_snapshot_and_the_language, setup, teardown),
    };
    return cmocka_run_group_tests_name("core/query_known", tests, NULL, NULL);
}
