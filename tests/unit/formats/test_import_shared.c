/* Third-party data as a whole, read where KR_SHARED_DATA or ../shared/data has them; skipped elsewhere. Counts were made with other
 * tools: Python's csv module, distinct values of the column of URLs. */
#include "tests/unit/formats/import_test.h"

#define SKIPPED 77

static char folder[512];

static void read_shared(const char *name, struct told *told)
{
    char path[1024];
    struct kr_import_file file;
    struct kr_error error = {.text = ""};
    const struct kr_import_options options = {.format = KR_IMPORT_ANY};
    const struct kr_import_sink sink = told_begin(told);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (kr_import_file_open(&file, path, 0, &error) != KR_OK || kr_import_read(&file.source, &options, &sink, &error) != KR_OK) {
        fail_msg("%s: %s", name, error.text);
    }
    assert_int_equal(told->progress_bytes, file.source.bytes);
    kr_import_file_close(&file);
    assert_int_equal(fclose(told->out), 0);
}

static void test_jpcert(void **state)
{
    (void)state;
    static const struct {
        const char *name, *id;
        uint32_t rows;
    } months[] = {{"jpcert-phishing/202402.csv", "phishing-urls/2024-02", 7994},
                  {"jpcert-phishing/202501.csv", "phishing-urls/2025-01", 2582},
                  {"jpcert-phishing/202502.csv", "phishing-urls/2025-02", 1790},
                  {"jpcert-phishing/202503.csv", "phishing-urls/2025-03", 2344}};
    for (size_t i = 0; i < sizeof months / sizeof months[0]; i++) {
        struct told told = {.groups = 0};
        read_shared(months[i].name, &told);
        uint32_t skipped = 0;
        for (uint32_t j = 0; j < KR_IMPORT_REASON_COUNT; j++) {
            skipped += told.skips[j];
        }
        if (told.groups != 1 || told.items + skipped != months[i].rows || told.types[KR_INDICATOR_URL] != told.items ||
            strstr(told.lines, months[i].id) == NULL) {
            fail_msg("%s: %u groups, %u items, %u skipped\n%.300s", months[i].name, told.groups, told.items, skipped, told.lines);
        }
        assert_true(skipped <= 2);
        told_free(&told);
    }
}

/* A member's spreadsheet in CP932. */
static void test_members(void **state)
{
    (void)state;
    struct told told = {.groups = 0};
    read_shared("ioc-text/members-sjis.csv", &told);
    assert_string_equal(told.lines, "group title=members-sjis.csv @1\n"
                                    "ipv4 192.0.2.51 note=不審な通信先 @2\n"
                                    "domain bad-portal.example note=フィッシング @3\n"
                                    "url https://login-bank.example/%E3%83%AD%E3%82%B0%E3%82%A4%E3%83%B3 note=偽サイト @4\n"
                                    "sha256 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae note=検体 @5\n");
    told_free(&told);
}

/* What a careful analyst finds in the advisory (the folder's README), and nothing else. */
static void test_advisory(void **state)
{
    (void)state;
    static const char *const names[] = {"ioc-text/advisory-ja.txt", "ioc-text/advisory-ja.eml"};
    for (size_t i = 0; i < 2; i++) {
        struct told told = {.groups = 0};
        read_shared(names[i], &told);
        assert_int_equal(told.groups, 1);
        assert_non_null(strstr(told.lines, " TLP:AMBER "));
        assert_int_equal(told.items, 10);
        assert_int_equal(told.types[KR_INDICATOR_SHA256], 1);
        assert_int_equal(told.types[KR_INDICATOR_MD5], 1);
        assert_int_equal(told.types[KR_INDICATOR_URL], 3);
        assert_int_equal(told.types[KR_INDICATOR_IPV4], 1);
        assert_int_equal(told.types[KR_INDICATOR_IPV6], 1);
        assert_int_equal(told.types[KR_INDICATOR_DOMAIN], 1);
        assert_int_equal(told.types[KR_INDICATOR_EMAIL], 1);
        assert_int_equal(told.types[KR_INDICATOR_FILENAME], 1);
        assert_int_equal(told.skips[KR_IMPORT_REASON_OWN], 1);
        told_free(&told);
    }
}

/* Texts stay texts, however many commas they have. */
static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t items;
    } texts[] = {{"ioc-text/Conti_IOCs.txt", 54},
                 {"ioc-text/2020-07-07-TA551-IOCs-for-Ursnif-with-IcedID.txt", 169},
                 {"ioc-text/2020-11-05-TA551-IOCs-for-IcedID.txt", 90},
                 {"ioc-text/2020-12-09-TA551-IOCs-for-IcedID.txt", 78},
                 {"ioc-text/BazarCall-Appendix-A.txt", 157}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct told told = {.groups = 0};
        read_shared(texts[i].name, &told);
        assert_int_equal(told.items, texts[i].items);
        told_free(&told);
    }
}

/* Counted by Python: comparisons of a type within what each report names, directly or through another. */
static void test_stix(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t groups, sha256, urls, domains, ipv4, others;
    } bundles[] = {{"stix-reports/2024-02-08-Pikabot.json", 10, 3, 7, 0, 0, 0},
                   {"stix-reports/2024-03-19-DarkGate.json", 1, 7, 5, 2, 0, 0},
                   {"stix-reports/2024-06-25-Latrodectus.json", 1, 20, 3, 8, 1, 2},
                   {"stix-reports/2025-04-23-smishing.json", 1, 0, 4, 4, 0, 0},
                   {"stix-reports/NOBELIUM.json", 1, 8, 0, 7, 2, 0},
                   {"stix-reports/cve-2023-23397.json", 2, 0, 0, 0, 20, 0}};
    for (size_t i = 0; i < sizeof bundles / sizeof bundles[0]; i++) {
        struct told told = {.groups = 0};
        read_shared(bundles[i].name, &told);
        assert_int_equal(told.groups, bundles[i].groups);
        assert_null(strstr(told.lines, "TLP:RED")); /* MITRE's copyright on some of them is no label */
        assert_int_equal(told.types[KR_INDICATOR_SHA256], bundles[i].sha256);
        assert_int_equal(told.types[KR_INDICATOR_URL], bundles[i].urls);
        assert_int_equal(told.types[KR_INDICATOR_DOMAIN], bundles[i].domains);
        assert_int_equal(told.types[KR_INDICATOR_IPV4], bundles[i].ipv4);
        assert_int_equal(told.types[KR_INDICATOR_OTHER], bundles[i].others);
        assert_int_equal(told.items,
                         bundles[i].sha256 + bundles[i].urls + bundles[i].domains + bundles[i].ipv4 + bundles[i].others);
        assert_int_equal(told.skips[KR_IMPORT_REASON_PATTERN], bundles[i].others);
        assert_int_equal(told.skips[KR_IMPORT_REASON_BAD_VALUE] + told.skips[KR_IMPORT_REASON_MALFORMED], 0);
        told_free(&told);
    }
}

/* Counted by Python, attribute by attribute. */
static void test_misp(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t groups, hashes, domains, addresses, urls, files, keys, mutexes, words;
    } events[] = {{"misp-events/misp-powerpool.json", 1, 5, 4, 1, 1, 0, 0, 0, 7},
                  {"misp-events/misp-telebots.json", 1, 66, 3, 9, 0, 0, 0, 0, 17},
                  {"misp-events/misp-turla-crutch-event.json", 1, 4, 4, 0, 1, 7, 0, 0, 4},
                  {"misp-events/misp_invisimole.json", 1, 89, 13, 6, 0, 29, 99, 4, 79},
                  {"misp-events/oceanlotus.misp.event.json", 1, 5, 65, 25, 0, 13, 4, 0, 7},
                  {"misp-events/signsight-misp-event.json", 1, 5, 2, 0, 2, 3, 0, 0, 4}};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct told told = {.groups = 0};
        read_shared(events[i].name, &told);
        const uint32_t *types = told.types, bad = told.skips[KR_IMPORT_REASON_BAD_VALUE];
        assert_int_equal(told.groups, events[i].groups);
        assert_int_equal(types[KR_INDICATOR_MD5] + types[KR_INDICATOR_SHA1] + types[KR_INDICATOR_SHA256], events[i].hashes);
        assert_int_equal(types[KR_INDICATOR_DOMAIN], events[i].domains);
        assert_int_equal(types[KR_INDICATOR_IPV4] + types[KR_INDICATOR_IPV6], events[i].addresses);
        assert_int_equal(types[KR_INDICATOR_URL], events[i].urls);
        assert_int_equal(types[KR_INDICATOR_FILENAME], events[i].files);
        assert_int_equal(types[KR_INDICATOR_REGISTRY_KEY], events[i].keys);
        assert_int_equal(types[KR_INDICATOR_MUTEX], events[i].mutexes);
        assert_int_equal(told.skips[KR_IMPORT_REASON_NO_INDICATOR], events[i].words);
        assert_int_equal(bad, 0);
        told_free(&told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stix),    cmocka_unit_test(test_misp),     cmocka_unit_test(test_jpcert),
        cmocka_unit_test(test_members), cmocka_unit_test(test_advisory), cmocka_unit_test(test_texts),
    };
    const char *named = getenv("KR_SHARED_DATA");
    (void)snprintf(folder, sizeof folder, "%s", named != NULL ? named : "../shared/data");
    char probe[600];
    (void)snprintf(probe, sizeof probe, "%s/README.md", folder);
    FILE *file = fopen(probe, "rb");
    if (file == NULL) {
        (void)printf("skipped: no third-party data at %s (set KR_SHARED_DATA)\n", folder);
        return SKIPPED;
    }
    (void)fclose(file);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
