/* What is exported, read by the importing side: the same indicators. */
#include "tests/unit/export/export_test.h"

#include "tools/export/misp.h"
#include "tools/formats/import.h"

static const struct value values[] = {
    {V(IPV4, "203.0.113.7:8443"), .note = "C2, first"},
    {V(IPV4, "198.51.100.0/24"), .confidence_1 = 81, .action = KR_ACTION_BLOCK},
    {V(IPV6, "2001:db8::7")},
    {V(DOMAIN, "evil.example"), .first_s = 1700000000, .last_s = 1700086400},
    {V(DOMAIN, "日本語.example")},
    {V(URL, "https://evil.example/a;b,c?d=\"e\"&f='g'")},
    {V(EMAIL, "a@evil.example")},
    {V(MD5, "0cc175b9c0f1b6a831c399e269772661")},
    {V(SHA1, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")},
    {V(SHA256, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb")},
    {V(IMPHASH, "0cc175b9c0f1b6a831c399e269772662")},
    {V(JA3, "0cc175b9c0f1b6a831c399e269772663")},
    {V(FILENAME, "請求書, 11月.xlsm")},
    {V(FILENAME, "=cmd.exe")},
    {V(REGISTRY_KEY, "HKEY_LOCAL_MACHINE\\Software\\Evil\\'Run'")},
    {V(MUTEX, "-evil\"mutex\"")},
    {V(USER_AGENT, "@evil; agent")},
    {V(ASN, "AS64496")},
    {V(CVE, "CVE-2026-12345")},
    {V(YARA, "rule x\n{\n\tcondition: true\n}")},
    {V(OTHER, "+ something, \"else\"")},
    {V(OTHER, "[process:name = 'a\\'b' AND process:pid > 1] FOLLOWEDBY [domain-name:value = 'b.example']")},
};
#define VALUE_COUNT (sizeof values / sizeof values[0])

struct seen {
    const struct kr_selection *selection;
    bool is_found[VALUE_COUNT];
    uint32_t unknown, skipped;
    uint32_t vague; /* types whose action a format does not tell; bits */
    char title[64], organisation[64], terms[64];
};

static enum kr_err on_group(void *context, const struct kr_import_group *group)
{
    struct seen *seen = context;
    (void)snprintf(seen->title, sizeof seen->title, "%.*s", (int)group->title.len, (const char *)group->title.bytes);
    (void)snprintf(seen->organisation, sizeof seen->organisation, "%.*s", (int)group->organisation.len,
                   (const char *)group->organisation.bytes);
    (void)snprintf(seen->terms, sizeof seen->terms, "%.*s", (int)group->terms.len, (const char *)group->terms.bytes);
    return KR_OK;
}

static enum kr_err on_item(void *context, const struct kr_import_item *item)
{
    struct seen *seen = context;
    for (size_t i = 0; i < seen->selection->entry_count; i++) {
        const struct kr_entry *entry = &seen->selection->entries[i];
        if (entry->type == item->type && entry->value.len == item->value.len &&
            memcmp(entry->value.bytes, item->value.bytes, item->value.len) == 0) {
            assert_false(seen->is_found[i]);
            if ((seen->vague & 1u << entry->type) == 0 && item->action != entry->action) {
                fail_msg("%s %.*s: action %u, not %u", kr_indicator_type_name(item->type), (int)item->value.len,
                         (const char *)item->value.bytes, item->action, entry->action);
            }
            seen->is_found[i] = true;
            return KR_OK;
        }
    }
    print_error("not exported: %s %.*s\n", kr_indicator_type_name(item->type), (int)item->value.len,
                (const char *)item->value.bytes);
    seen->unknown++;
    return KR_OK;
}

static enum kr_err on_end(void *context)
{
    (void)context;
    return KR_OK;
}

static enum kr_err on_skip(void *context, const struct kr_import_skip *skip)
{
    struct seen *seen = context;
    if (!skip->is_kept) {
        print_error("skipped: %s: %.*s %s\n", kr_import_reason_name(skip->reason), (int)skip->what.len,
                    (const char *)skip->what.bytes, skip->detail);
        seen->skipped++;
    }
    return KR_OK;
}

static enum kr_err on_progress(void *context, uint64_t bytes)
{
    (void)context;
    (void)bytes;
    return KR_OK;
}

static void give_all(struct kr_gathered *gathered)
{
    give(gathered, &(const struct given_record){
                       .number = 1, .label = KR_TLP_GREEN, .title = "A, \"title\"", .values = values, .count = VALUE_COUNT});
}

/* `lost`: types that the format does not have; bits. */
static void check_text(const char *name, const char *text, enum kr_import_format format, const struct kr_selection *selection,
                       uint32_t lost, uint32_t vague, uint32_t skipped)
{
    struct seen seen = {.selection = selection, .vague = vague};
    struct kr_slice bytes = slice(text);
    struct kr_import_source source;
    struct kr_error error = {0};
    enum kr_import_format found = KR_IMPORT_ANY;
    const struct kr_import_sink sink = {&seen, on_group, on_item, on_end, on_skip, on_progress};
    const struct kr_import_options options = {.format = format};
    assert_int_equal(selection->entry_count, VALUE_COUNT);
    assert_int_equal(kr_import_detect(bytes, &found, &error), KR_OK);
    assert_int_equal(found, format);
    kr_import_source_memory(&source, name, &bytes);
    assert_int_equal(kr_import_read(&source, &options, &sink, &error), KR_OK);
    for (size_t i = 0; i < selection->entry_count; i++) {
        const struct kr_entry *entry = &selection->entries[i];
        const bool is_pattern = format == KR_IMPORT_STIX && entry->value.bytes[0] == '[' && entry->type == KR_INDICATOR_OTHER;
        const bool is_lost = (lost & 1u << entry->type) != 0 && !is_pattern;
        if (seen.is_found[i] == is_lost) {
            fail_msg("%s: %s %zu", name, kr_indicator_type_name(selection->entries[i].type), i);
        }
    }
    assert_int_equal(seen.unknown, 0);
    assert_int_equal(seen.skipped, skipped);
}

static void check_format(const char *name, enum kr_import_format format, bool is_excel, uint32_t lost)
{
    struct kr_gathered gathered = {0};
    struct kr_tally tally;
    give_all(&gathered);
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    rendering.is_excel = is_excel;
    char *text = render(name, NULL, &rendering, &tally);
    check_text(name, text, format, &selection, lost, 0, 0);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void test_csv(void **state)
{
    (void)state;
    check_format("csv", KR_IMPORT_CSV, false, 0);
    check_format("csv", KR_IMPORT_CSV, true, 0);
}

/* Neither JA3 nor what is no type has a pattern there, unless it is one: imported whole, it goes out and comes in as it was. */
static void test_stix(void **state)
{
    (void)state;
    check_format("stix", KR_IMPORT_STIX, false, 1u << KR_INDICATOR_JA3 | 1u << KR_INDICATOR_OTHER);
}

/* The only event of the selection, as it stands in a feed; free(). */
static char *event_text(const struct kr_rendering *given)
{
    const struct kr_rendering rendering = *given;
    const struct kr_selection *selection = rendering.selection;
    struct kr_tally tally = {0};
    struct kr_chosen chosen;
    struct kr_by_record sorted;
    const struct kr_export_part part = {NULL, UINT32_MAX, 0};
    assert_int_equal(kr_choose(&rendering, &part, 0, NULL, &chosen, &tally), KR_OK);
    assert_int_equal(kr_by_record_make(selection, &chosen, &sorted), KR_OK);
    json_t *event = kr_misp_event(&rendering, sorted.items, sorted.count);
    char *text = json_dumps(event, JSON_COMPACT);
    assert_non_null(text);
    json_decref(event);
    kr_by_record_deinit(&sorted);
    kr_chosen_deinit(&chosen);
    return text;
}

/* What MISP calls "other" is no indicator to who reads it. Files, agents, numbers of others' it looks for only where somebody says
 * so. */
static void test_misp(void **state)
{
    (void)state;
    struct kr_gathered gathered = {0};
    const uint32_t vague = 1u << KR_INDICATOR_FILENAME | 1u << KR_INDICATOR_USER_AGENT;
    give_all(&gathered);
    struct kr_selection selection = SELECT(&gathered, 0);
    struct kr_rendering rendering = rendering_of(&selection);
    char *text = event_text(&rendering);
    check_text("misp-feed", text, KR_IMPORT_MISP, &selection, 1u << KR_INDICATOR_OTHER, vague, 2);
    free(text);
    kr_selection_deinit(&selection);
    kr_gathered_deinit(&gathered);
}

static void read_origin(const char *name, const char *text, enum kr_import_format format, struct seen *seen)
{
    struct kr_slice bytes = slice(text);
    struct kr_import_source source;
    struct kr_error error = {0};
    const struct kr_import_sink sink = {seen, on_group, on_item, on_end, on_skip, on_progress};
    const struct kr_import_options options = {.format = format};
    kr_import_source_memory(&source, name, &bytes);
    assert_int_equal(kr_import_read(&source, &options, &sink, &error), KR_OK);
    assert_int_equal(seen->unknown + seen->skipped, 0);
}

/* What was taken over from elsewhere stays of there, with its terms, for those who take it over from here; and what is context
 * there does not become something to block. */
static void test_origin(void **state)
{
    (void)state;
    static const struct {
        const char *name, *terms;
        enum kr_import_format format;
    } formats[] = {{"csv", "PAP:AMBER, TLP:CLEAR", KR_IMPORT_CSV},
                   {"stix", "PAP:AMBER, TLP:CLEAR", KR_IMPORT_STIX},
                   {"misp-feed", "PAP:AMBER, TLP:CLEAR", KR_IMPORT_MISP}};
    for (size_t i = 0; i < 3; i++) {
        struct kr_gathered gathered = {0};
        struct kr_tally tally;
        GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, .organisation = "Vendor, \"X\"", .origin_id = "id-7",
             .terms = "PAP:AMBER, TLP:CLEAR",
             VALUES({V(DOMAIN, "context.example")}, {V(DOMAIN, "evil.example"), .action = KR_ACTION_BLOCK},
                    {V(MUTEX, "m"), .action = KR_ACTION_DETECT}));
        struct kr_selection selection = SELECT(&gathered, 0);
        struct kr_rendering rendering = rendering_of(&selection);
        struct seen seen = {.selection = &selection};
        char *text =
            formats[i].format == KR_IMPORT_MISP ? event_text(&rendering) : render(formats[i].name, NULL, &rendering, &tally);
        assert_int_equal(selection.entries[0].action, KR_ACTION_NONE);
        read_origin(formats[i].name, text, formats[i].format, &seen);
        assert_string_equal(seen.organisation, "Vendor, \"X\"");
        assert_string_equal(seen.terms, formats[i].terms);
        free(text);
        kr_selection_deinit(&selection);
        kr_gathered_deinit(&gathered);
    }
}

/* A council's own is, elsewhere, of that council. */
static void test_own_origin(void **state)
{
    (void)state;
    static const enum kr_import_format formats[] = {KR_IMPORT_CSV, KR_IMPORT_STIX, KR_IMPORT_MISP};
    for (size_t i = 0; i < 3; i++) {
        struct kr_gathered gathered = {0};
        struct kr_tally tally;
        GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, VALUES({V(DOMAIN, "evil.example")}));
        struct kr_selection selection = SELECT(&gathered, 0);
        struct kr_rendering rendering = rendering_of(&selection);
        struct seen seen = {.selection = &selection};
        char *text = formats[i] == KR_IMPORT_MISP ? event_text(&rendering)
                                                  : render(formats[i] == KR_IMPORT_CSV ? "csv" : "stix", NULL, &rendering, &tally);
        read_origin("x", text, formats[i], &seen);
        assert_string_equal(seen.organisation, "Kita");
        free(text);
        kr_selection_deinit(&selection);
        kr_gathered_deinit(&gathered);
    }
}

/* An exercise is told as one, so that nobody takes it for real elsewhere. */
static void test_exercise(void **state)
{
    (void)state;
    static const enum kr_import_format formats[] = {KR_IMPORT_CSV, KR_IMPORT_STIX, KR_IMPORT_MISP};
    for (size_t i = 0; i < 6; i++) {
        struct kr_gathered gathered = {0};
        struct kr_tally tally;
        GIVE(&gathered, .number = 1, .label = KR_TLP_CLEAR, .title = "drill", VALUES({V(DOMAIN, "evil.example")}));
        struct kr_selection selection = SELECT(&gathered, 0);
        struct kr_rendering rendering = rendering_of(&selection);
        struct seen seen = {.selection = &selection};
        rendering.is_exercise = i < 3;
        char *text = formats[i % 3] == KR_IMPORT_MISP
                         ? event_text(&rendering)
                         : render(formats[i % 3] == KR_IMPORT_CSV ? "csv" : "stix", NULL, &rendering, &tally);
        read_origin("x", text, formats[i % 3], &seen);
        assert_int_equal(strncmp(seen.title, KR_EXERCISE_MARK, sizeof KR_EXERCISE_MARK - 1) == 0, rendering.is_exercise);
        free(text);
        kr_selection_deinit(&selection);
        kr_gathered_deinit(&gathered);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),    cmocka_unit_test(test_stix),       cmocka_unit_test(test_misp),
        cmocka_unit_test(test_origin), cmocka_unit_test(test_own_origin), cmocka_unit_test(test_exercise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
