/* STIX bundles: what is a group, what each object gives, what is wrong with it. */
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/formats/import_test.h"

#define BUNDLE(objects) "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[" objects "]}"
#define INDICATOR(number, pattern)                                                                                                 \
    "{\"type\":\"indicator\",\"id\":\"indicator--" number "\",\"pattern_type\":\"stix\",\"pattern\":\"" pattern "\"}"

static void test_loose_indicator(void **state)
{
    (void)state;
    check_told(BUNDLE("{\"type\":\"identity\",\"id\":\"identity--1\",\"name\":\"JPCERT/CC\"},"
                      "{\"type\":\"indicator\",\"id\":\"indicator--1\",\"created_by_ref\":\"identity--1\",\"name\":\"C2\","
                      "\"description\":\"of the\\nbot\",\"pattern_type\":\"stix\",\"pattern\":\"[ipv4-addr:value = '192.0.2.1']\","
                      "\"valid_from\":\"2026-01-01T00:00:00Z\",\"confidence\":80,\"indicator_types\":[\"malicious-activity\"],"
                      "\"object_marking_refs\":[\"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb\"]}"),
               NULL,
               "group title=C2 organisation=JPCERT/CC id=indicator--1 terms=TLP:GREEN TLP:GREEN @1 /objects/1\n"
               "ipv4 192.0.2.1 1767225600-0 80% block note=C2: of the bot @1 /objects/1/pattern\n");
}

/* What it is fit for: as its types and labels say; what is harmless is fit for nothing. */
static void test_fitness(void **state)
{
    (void)state;
    static const struct {
        const char *said, *told;
    } words[] = {{"\"indicator_types\":[\"malicious-activity\"]", " block"},
                 {"\"labels\":[\"compromised\"]", " block"},
                 {"\"indicator_types\":[\"anomalous-activity\"]", " detect"},
                 {"\"labels\":[\"block\"]", " block"},
                 {"\"labels\":[\"detect\"],\"indicator_types\":[\"malicious-activity\"]", " detect"},
                 {"\"labels\":[\"context\"]", ""},
                 {"\"labels\":[]", " detect"},
                 {"\"indicator_types\":[\"benign\"]", NULL},
                 {"\"labels\":[\"benign\"]", NULL}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char bundle[512], wanted[256];
        (void)snprintf(
            bundle, sizeof bundle,
            BUNDLE("{\"type\":\"indicator\",\"id\":\"indicator--1\",\"pattern_type\":\"stix\",\"pattern\":\"[ipv4-addr:value "
                   "= '192.0.2.1']\",%s}"),
            words[i].said);
        (void)snprintf(wanted, sizeof wanted, "group title=indicator--1 id=indicator--1 @1 /objects/0\n%s%s%s",
                       words[i].told == NULL ? "skip no-indicator what=[ipv4-addr:value = '192.0.2.1']" : "ipv4 192.0.2.1",
                       words[i].told == NULL ? "" : words[i].told, " @1 /objects/0/pattern\n");
        check_told(bundle, NULL, wanted);
    }
}

static void test_report(void **state)
{
    (void)state;
    check_told(
        BUNDLE("{\"type\":\"report\",\"id\":\"report--1\",\"name\":\"R\",\"external_references\":[{\"source_name\":\"x\","
               "\"url\":\"https://x.example/\"}],\"object_refs\":[\"indicator--1\",\"attack-pattern--1\",\"relationship--1\","
               "\"indicator--9\",\"indicator--1\"]},\n" INDICATOR("1", "[url:value = 'http://a.example/']") ",\n" INDICATOR(
                   "2", "[domain-name:value = 'b.example']") ",{\"type\":\"attack-pattern\",\"id\":\"attack-pattern--1\",\"name\":"
                                                             "\"Phish\","
                                                             "\"external_references\":[{\"source_name\":\"mitre-attack\","
                                                             "\"external_id\":\"T1566.002\"}]},"
                                                             "{\"type\":\"relationship\",\"id\":\"relationship--1\","
                                                             "\"relationship_type\":\"indicates\",\"source_ref\":\"indicator--1\","
                                                             "\"target_ref\":\"attack-pattern--1\"}"),
        NULL,
        "group title=R id=report--1 attack=T1566.002 reference=https://x.example/ "
        "reference=STIX relationship: indicator--1 indicates Phish @1 /objects/0\n"
        "url http://a.example/ detect @2 /objects/1/pattern\n"
        "kept dangling what=indicator--9 @1 /objects/0/object_refs\n"
        "group title=indicator--2 id=indicator--2 @3 /objects/2\n"
        "domain b.example detect @3 /objects/2/pattern\n");
}

/* Reports within each other, round and round; each thing once. */
static void test_reports_within(void **state)
{
    (void)state;
    check_told(
        BUNDLE(
            "{\"type\":\"report\",\"id\":\"report--1\",\"name\":\"A\",\"object_refs\":[\"report--2\"]},"
            "{\"type\":\"report\",\"id\":\"report--2\",\"name\":\"B\",\"object_refs\":[\"report--1\",\"indicator--1\"]}," INDICATOR(
                "1", "[ipv4-addr:value = '192.0.2.1']")),
        NULL,
        "group title=A id=report--1 @1 /objects/0\nipv4 192.0.2.1 detect @1 /objects/2/pattern\n"
        "group title=B id=report--2 @1 /objects/1\nipv4 192.0.2.1 detect @1 /objects/2/pattern\n");
}

static void test_labels(void **state)
{
    (void)state;
    /* The strictest of the report and of what it names; a marking of the bundle's own; one that is not there is RED. */
    check_told(BUNDLE("{\"type\":\"marking-definition\",\"id\":\"marking-definition--m\",\"definition_type\":\"tlp\","
                      "\"definition\":{\"tlp\":\"amber\"}},"
                      "{\"type\":\"marking-definition\",\"id\":\"marking-definition--s\",\"definition_type\":\"statement\","
                      "\"definition\":{\"statement\":\"(c) X\"}},"
                      "{\"type\":\"report\",\"id\":\"report--1\",\"name\":\"A\",\"object_refs\":[\"ipv4-addr--1\"],"
                      "\"object_marking_refs\":[\"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9\","
                      "\"marking-definition--s\"]},"
                      "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--1\",\"value\":\"192.0.2.1\","
                      "\"object_marking_refs\":[\"marking-definition--m\"]}"),
               NULL, "group title=A id=report--1 terms=TLP:AMBER, (c) X TLP:AMBER @1 /objects/2\nipv4 192.0.2.1 @1 /objects/3\n");
    check_told(
        BUNDLE("{\"type\":\"url\",\"id\":\"url--1\",\"value\":\"http://a.example/\","
               "\"object_marking_refs\":[\"marking-definition--gone\"]}"),
        NULL,
        "kept dangling what=marking-definition--gone @1 /objects/0/object_marking_refs\n"
        "group title=http://a.example/ id=url--1 terms=TLP:RED TLP:RED @1 /objects/0\nurl http://a.example/ @1 /objects/0\n");
    check_told(
        BUNDLE("{\"type\":\"marking-definition\",\"id\":\"marking-definition--m\",\"name\":\"TLP:AMBER+STRICT\",\"extensions\":"
               "{\"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d\":{\"tlp_2_0\":\"amber+strict\"}}},"
               "{\"type\":\"url\",\"id\":\"url--1\",\"value\":\"http://a.example/\",\"granular_markings\":[{\"marking_ref\":"
               "\"marking-definition--m\",\"selectors\":[\"value\"]}]}"),
        NULL,
        "group title=http://a.example/ id=url--1 terms=TLP:AMBER+STRICT TLP:AMBER+STRICT @1 /objects/1\n"
        "url http://a.example/ @1 /objects/1\n");
}

/* Whatever goes with a group goes no further than it may by itself. */
static void test_labels_of_what_goes_along(void **state)
{
    (void)state;
    static const struct {
        const char *objects;
    } cases[] = {
#define RED "\"object_marking_refs\":[\"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed\"]"
        /* an address that an observed-data names */
        {"{\"type\":\"report\",\"id\":\"report--1\",\"name\":\"A\",\"object_refs\":[\"observed-data--1\"]},"
         "{\"type\":\"observed-data\",\"id\":\"observed-data--1\",\"object_refs\":[\"ipv4-addr--1\"]},"
         "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--1\",\"value\":\"192.0.2.1\"," RED "}"},
        {"{\"type\":\"observed-data\",\"id\":\"observed-data--1\",\"object_refs\":[\"ipv4-addr--1\"]},"
         "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--1\",\"value\":\"192.0.2.1\"," RED "}"},
        /* a report within */
        {"{\"type\":\"report\",\"id\":\"report--1\",\"name\":\"A\",\"object_refs\":[\"report--2\"]},"
         "{\"type\":\"report\",\"id\":\"report--2\",\"name\":\"B\"," RED ",\"object_refs\":[\"ipv4-addr--1\"]},"
         "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--1\",\"value\":\"192.0.2.1\"}"},
        /* a technique */
        {"{\"type\":\"report\",\"id\":\"report--1\",\"name\":\"A\",\"object_refs\":[\"attack-pattern--1\"]},"
         "{\"type\":\"attack-pattern\",\"id\":\"attack-pattern--1\",\"name\":\"X\"," RED "}"},
        /* markings that are none */
        {"{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--1\",\"value\":\"192.0.2.1\",\"object_marking_refs\":\"marking-definition--"
         "x\"}"},
        {"{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--1\",\"value\":\"192.0.2.1\",\"object_marking_refs\":[5]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        struct told told = {.groups = 0};
        (void)snprintf(text, sizeof text, BUNDLE("%s"), cases[i].objects);
        assert_int_equal(told_read(&told, text, strlen(text), NULL, NULL), KR_OK);
        if (strncmp(told.lines, "group", 5) != 0 || strstr(told.lines, " TLP:RED @1") == NULL) {
            fail_msg("%s\n%s", text, told.lines);
        }
        told_free(&told);
    }
    /* The name of an end that is RED is not told. */
    check_told(BUNDLE("{\"type\":\"report\",\"id\":\"report--1\",\"name\":\"A\",\"object_refs\":[\"relationship--1\"]},"
                      "{\"type\":\"relationship\",\"id\":\"relationship--1\",\"relationship_type\":\"uses\",\"source_ref\":"
                      "\"tool--1\",\"target_ref\":\"tool--2\"},{\"type\":\"tool\",\"id\":\"tool--1\",\"name\":\"Open\"},"
                      "{\"type\":\"tool\",\"id\":\"tool--2\",\"name\":\"Secret\"," RED "}"),
               NULL,
               "group title=A id=report--1 reference=STIX relationship: Open uses tool--2 @1 /objects/0\n"
               "skip no-indicator @1 /objects/2\nskip no-indicator @1 /objects/3\n");
}

static void test_observables(void **state)
{
    (void)state;
    check_told(BUNDLE("{\"type\":\"file\",\"id\":\"file--1\",\"name\":\"a.exe\",\"hashes\":{\"MD5\":"
                      "\"d41d8cd98f00b204e9800998ecf8427e\",\"SSDEEP\":\"3:x\"}},"
                      "{\"type\":\"autonomous-system\",\"id\":\"autonomous-system--1\",\"number\":64496},"
                      "{\"type\":\"vulnerability\",\"id\":\"vulnerability--1\",\"name\":\"CVE-2026-1234\"}"),
               NULL,
               "group title=a.exe id=file--1 @1 /objects/0\nmd5 d41d8cd98f00b204e9800998ecf8427e note=a.exe @1 /objects/0\n"
               "skip unknown-type what=SSDEEP @1 /objects/0\n"
               "group title=autonomous-system--1 id=autonomous-system--1 @1 /objects/1\nasn AS64496 @1 /objects/1\n"
               "group title=CVE-2026-1234 id=vulnerability--1 @1 /objects/2\ncve CVE-2026-1234 note=CVE-2026-1234 @1 /objects/2\n");
    /* STIX 2.0 has them within, 2.1 names them. */
    check_told(
        BUNDLE("{\"type\":\"observed-data\",\"id\":\"observed-data--1\",\"first_observed\":\"2026-01-01T00:00:00Z\","
               "\"last_observed\":\"2026-01-02T00:00:00Z\",\"objects\":{\"0\":{\"type\":\"url\",\"value\":\"http://a.example/\"},"
               "\"1\":{\"type\":\"process\",\"pid\":1}},\"object_refs\":[\"ipv4-addr--1\"]},"
               "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--1\",\"value\":\"192.0.2.1\"}"),
        NULL,
        "group title=observed-data--1 id=observed-data--1 @1 /objects/0\n"
        "url http://a.example/ 1767225600-1767312000 @1 /objects/0/objects\nipv4 192.0.2.1 @1 /objects/1\n");
}

static void test_patterns(void **state)
{
    (void)state;
    check_told(BUNDLE(INDICATOR("1", "[ipv4-addr:value = '192.0.2.1' AND domain-name:value = 'a.example']")), NULL,
               "group title=indicator--1 id=indicator--1 @1 /objects/0\n"
               "kept pattern what=[ipv4-addr:value = '192.0.2.1' AND domain-name:value = 'a.ex @1 /objects/0/pattern\n"
               "other [ipv4-addr:value = '192.0.2.1' AND domain-name:value = 'a.example'] detect @1 /objects/0/pattern\n");
    check_told(BUNDLE("{\"type\":\"indicator\",\"id\":\"indicator--1\",\"pattern_type\":\"yara\",\"pattern\":\"rule x { condition: "
                      "true }\"}"),
               NULL,
               "group title=indicator--1 id=indicator--1 @1 /objects/0\n"
               "yara rule x { condition: true } detect @1 /objects/0/pattern\n");
    check_told(BUNDLE(INDICATOR("1", "no pattern")), NULL,
               "group title=indicator--1 id=indicator--1 @1 /objects/0\nskip malformed what=no pattern @1 /objects/0/pattern\n");
    check_told(BUNDLE(INDICATOR("1", "[ipv4-addr:value = 'not one']")), NULL,
               "group title=indicator--1 id=indicator--1 @1 /objects/0\nskip bad-value what=not one @1 /objects/0/pattern\n");
}

static void test_taken_back(void **state)
{
    (void)state;
    check_told(
        BUNDLE("{\"type\":\"report\",\"id\":\"report--1\",\"name\":\"A\",\"revoked\":true,\"object_refs\":[\"indicator--1\"]},"
               "{\"type\":\"report\",\"id\":\"report--2\",\"name\":\"B\",\"object_refs\":[\"indicator--1\",\"indicator--2\"]},"
               "{\"type\":\"indicator\",\"id\":\"indicator--1\",\"revoked\":true,\"pattern\":\"[ipv4-addr:value = "
               "'192.0.2.1']\"}," INDICATOR("2", "[ipv4-addr:value = '192.0.2.2']")),
        NULL,
        "group title=A id=report--1 revoked @1 /objects/0\ngroup title=B id=report--2 @1 /objects/1\n"
        "ipv4 192.0.2.1 detect revoked @1 /objects/2/pattern\nipv4 192.0.2.2 detect @1 /objects/3/pattern\n");
}

static void test_versions(void **state)
{
    (void)state;
    check_told(BUNDLE("{\"type\":\"indicator\",\"id\":\"indicator--1\",\"modified\":\"2026-01-01T00:00:00.002Z\",\"pattern\":"
                      "\"[ipv4-addr:value = '192.0.2.2']\"},"
                      "{\"type\":\"indicator\",\"id\":\"indicator--1\",\"modified\":\"2026-01-01T00:00:00.001Z\",\"pattern\":"
                      "\"[ipv4-addr:value = '192.0.2.1']\"}"),
               NULL,
               "skip double @1 /objects/1/id\ngroup title=indicator--1 id=indicator--1 @1 /objects/0\n"
               "ipv4 192.0.2.2 detect @1 /objects/0/pattern\n");
}

static void test_sightings(void **state)
{
    (void)state;
    check_told(BUNDLE(INDICATOR("1", "[ipv4-addr:value = '192.0.2.1']") ",{\"type\":\"sighting\",\"id\":\"sighting--1\","
                                                                        "\"sighting_of_ref\":\"indicator--1\",\"count\":5},"
                                                                        "{\"type\":\"sighting\",\"id\":\"sighting--2\","
                                                                        "\"sighting_of_ref\":\"indicator--1\"}"),
               NULL,
               "group title=indicator--1 id=indicator--1 @1 /objects/0\n"
               "ipv4 192.0.2.1 detect note=(sighted 6 times) @1 /objects/0/pattern\n");
}

static void test_single_object(void **state)
{
    (void)state;
    const struct kr_import_options stix = {.format = KR_IMPORT_STIX, .organisation = "X"};
    check_told(INDICATOR("1", "[ipv4-addr:value = '192.0.2.1']"), &stix,
               "group title=indicator--1 organisation=X id=indicator--1 @1 \nipv4 192.0.2.1 detect @1 /pattern\n");
    check_told("{\"more\":false,\"objects\":[" INDICATOR("1", "[ipv4-addr:value = '192.0.2.1']") "]}", NULL,
               "group title=indicator--1 id=indicator--1 @1 /objects/0\nipv4 192.0.2.1 detect @1 /objects/0/pattern\n");
}

static void test_many_loose(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    struct told told = {.groups = 0};
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    (void)fprintf(out, "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[");
    for (uint32_t i = 0; i <= KR_IMPORT_LOOSE_MAX; i++) {
        (void)fprintf(
            out,
            "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--%u\",\"value\":\"192.0.2.%u\",\"object_marking_refs\":[\"marking-"
            "definition--%s\"]},",
            i, i, i % 2 == 0 ? "34098fce-860f-48ae-8e50-ebd3cc5e41da" : "f88d31f6-486f-44da-b317-01333bde0b82");
    }
    (void)fprintf(out, "{\"type\":\"tool\",\"id\":\"tool--1\",\"name\":\"x\"}]}");
    assert_int_equal(fclose(out), 0);
    assert_int_equal(told_read(&told, text, len, NULL, NULL), KR_OK);
    assert_int_equal(told.groups, 2); /* by label */
    assert_int_equal(told.items, KR_IMPORT_LOOSE_MAX + 1);
    assert_int_equal(told.skips[KR_IMPORT_REASON_NO_INDICATOR], 1);
    assert_non_null(strstr(told.lines, "group title=STIX bundle--1 id=bundle--1 TLP:GREEN terms=TLP:GREEN TLP:GREEN @1"));
    assert_non_null(strstr(told.lines, "group title=STIX bundle--1 id=bundle--1 TLP:AMBER terms=TLP:AMBER TLP:AMBER @1"));
    told_free(&told);
    free(text);
}

/* One object that cannot be read does not take the others with it. */
static void test_damage_stays_where_it_is(void **state)
{
    (void)state;
    const char *good = "group title=indicator--1 id=indicator--1 @1 /objects/1\nipv4 192.0.2.1 detect @1 /objects/1/pattern\n";
    static const struct {
        const char *bad, *says;
    } cases[] = {
        {"{\"type\":\"x\",\"id\":\"\\u12\"}", "skip malformed @1 /objects/0\n"},
        {"{\"type\":\"x\",\"type\":\"y\",\"id\":\"a\"}", "skip malformed @1 /objects/0\n"},
        {"{\"type\":\"x\xff\",\"id\":\"a\"}", "skip malformed @1 /objects/0\n"},
        {"{\"type\":\"x\" \"id\"}", "skip malformed @1 /objects/0\n"},
        {"[1,2]", "skip malformed @1 /objects/0\n"},
        {"\"text\"", "skip malformed @1 /objects/0\n"},
        {"nul", "skip malformed @1 /objects/0\n"},
        {"{\"id\":\"a\"}", "skip malformed @1 /objects/0\n"},
        {"{\"type\":\"a\"}", "skip malformed @1 /objects/0\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512], expected[512];
        (void)snprintf(text, sizeof text, "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[%s,%s]}", cases[i].bad,
                       INDICATOR("1", "[ipv4-addr:value = '192.0.2.1']"));
        (void)snprintf(expected, sizeof expected, "%s%s", cases[i].says, good);
        check_told(text, NULL, expected);
    }
}

static void check_refused(const char *text, size_t len, enum kr_err expected, const char *says)
{
    struct told told = {.groups = 0};
    struct kr_error error = {.text = ""};
    const struct kr_import_options stix = {.format = KR_IMPORT_STIX};
    assert_int_equal(told_read(&told, text, len, &stix, &error), expected);
    if (strstr(error.text, says) == NULL) {
        fail_msg("%.60s: says \"%s\", not %s", text, error.text, says);
    }
    told_free(&told);
}

static void test_no_document(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "test:1:"},
        {"{\"objects\":[", "test:1:"},
        {"{\"objects\":[{\"type\":\"a", "test:1: this is no JSON: it ends within a text"},
        {"{\"objects\":[\n{\"type\":{", "test:2: this is no JSON: it ends too early"},
        {"{\"objects\":[] \"x\":1}", "comma"},
        {"{\"objects\":[,]}", "missing"},
        {"{\"id\" 5}", "colon"},
        {"{5:1}", "name in quotes"},
        {"{\"a\":", "missing"},
        {"nonsense", "object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(cases[i].text, strlen(cases[i].text), KR_MALFORMED, cases[i].says);
    }
}

/* Deep, wide and long values are passed over, not loaded. */
static void test_bombs(void **state)
{
    (void)state;
    const size_t len = 3u * KR_MIB;
    struct told told = {.groups = 0};
    static const char *const pieces[] = {"[", "{\"a\":", "[],", "0,"};
    static const char *const closings[] = {"]", "1}", "", ""};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        char *text = malloc(len + 4096), *at = text;
        assert_non_null(text);
        const uint32_t count = i < 2 ? 10000 : 300000;
        at += snprintf(at, 64, "{\"objects\":[{\"type\":\"x\",\"id\":\"a\",\"b\":[");
        for (uint32_t j = 0; j < count; j++) {
            at = stpcpy(at, pieces[i]);
        }
        at = stpcpy(at, i < 2 ? "1" : "0");
        for (uint32_t j = 0; j < count && i < 2; j++) {
            at = stpcpy(at, i == 1 ? "}" : closings[i]);
        }
        at += snprintf(at, 256, "]},%s]}", INDICATOR("1", "[ipv4-addr:value = '192.0.2.1']"));
        told = (struct told){.groups = 0};
        assert_int_equal(told_read(&told, text, (size_t)(at - text), NULL, NULL), KR_OK);
        assert_int_equal(told.skips[KR_IMPORT_REASON_TOO_LARGE], 1);
        assert_int_equal(told.items, 1);
        told_free(&told);
        free(text);
    }
}

/* A bundle that is nowhere as a whole: a report that names all of its indicators, about 700 bytes each. */
#define LARGE_COUNT 100000u
#define LARGE_BYTES 700u
static const char large_head[] = "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[";

static size_t large_ref(char *ret, uint32_t i)
{
    return (size_t)snprintf(ret, LARGE_BYTES, "\"indicator--%08u-0000-4000-8000-000000000000\"%s", i,
                            i + 1 < LARGE_COUNT ? "," : "]}");
}

/* The document, written into an unnamed file. */
static FILE *make_large(void)
{
    FILE *file = tmpfile();
    char object[LARGE_BYTES + 1];
    assert_non_null(file);
    (void)fputs(large_head, file);
    for (uint32_t i = 0; i < LARGE_COUNT; i++) {
        int len =
            snprintf(object, sizeof object,
                     "{\"type\":\"indicator\",\"id\":\"indicator--%08u-0000-4000-8000-000000000000\",\"pattern_type\":\"stix\","
                     "\"pattern\":\"[ipv4-addr:value = '198.%u.%u.%u']\",\"description\":\"",
                     i, 18 + i / 65536, i / 256 % 256, i % 256);
        memset(object + len, 'x', LARGE_BYTES - (size_t)len);
        (void)fwrite(object, 1, LARGE_BYTES, file);
        (void)fputs("\"},\n", file);
    }
    (void)fputs("{\"type\":\"report\",\"id\":\"report--1\",\"name\":\"R\",\"object_refs\":[", file);
    for (uint32_t i = 0; i < LARGE_COUNT; i++) {
        (void)fwrite(object, 1, large_ref(object, i), file);
    }
    (void)fputs("]}", file);
    assert_int_equal(fflush(file), 0);
    return file;
}

static enum kr_err read_file(void *context, uint64_t offset, void *ret, size_t size, size_t *ret_len, struct kr_error *error)
{
    const ssize_t len = pread(fileno(context), ret, size, (off_t)offset);
    (void)error;
    *ret_len = len > 0 ? (size_t)len : 0;
    return len < 0 ? KR_IO : KR_OK;
}

static void test_large(void **state)
{
    (void)state;
    const struct kr_import_options stix = {.format = KR_IMPORT_STIX};
    struct told told = {.is_quiet = true};
    struct rusage before, after;
    FILE *file = make_large();
    const struct kr_import_source source = {.name = "large", .bytes = (uint64_t)ftell(file), .read = read_file, .context = file};
    assert_true(source.bytes > 70u * 1000u * 1000u);
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    const struct kr_import_sink sink = told_begin(&told);
    assert_int_equal(kr_import_read(&source, &stix, &sink, NULL), KR_OK);
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_int_equal(fclose(told.out), 0);
    assert_int_equal(told.groups, 1);
    assert_int_equal(told.items, LARGE_COUNT);
    assert_int_equal(told.progress_bytes, source.bytes);
#if !defined(__SANITIZE_ADDRESS__)
    assert_true(after.ru_maxrss < 64 * 1024); /* KiB, of the whole process */
#endif
    (void)printf("%ju bytes: %ld KiB, before %ld\n", (uintmax_t)source.bytes, after.ru_maxrss, before.ru_maxrss);
    told_free(&told);
    (void)fclose(file);
}

static void test_sink_stops(void **state)
{
    (void)state;
    struct told told = {.items_until_no = 1};
    static const char text[] = BUNDLE(INDICATOR("1", "[domain-name:value IN ('a.example','b.example','c.example')]"));
    assert_int_equal(told_read(&told, text, sizeof text - 1, NULL, NULL), KR_CANCELLED);
    assert_int_equal(told.items, 2);
    told_free(&told);
}

static void test_dates(void **state)
{
    (void)state;
    check_told(BUNDLE("{\"type\":\"indicator\",\"id\":\"indicator--1\",\"pattern\":\"[ipv4-addr:value = '192.0.2.1']\","
                      "\"valid_from\":\"yesterday\",\"valid_until\":\"2026-01-01T00:00:00Z\"}"),
               NULL,
               "group title=indicator--1 id=indicator--1 @1 /objects/0\nkept bad-date what=yesterday @1 /objects/0/valid_from\n"
               "ipv4 192.0.2.1 detect @1 /objects/0/pattern\n");
}

/* What is valid no longer is told as such, so that it is left out of what there is of its report. */
static void test_expired(void **state)
{
    (void)state;
    static const char text[] =
        BUNDLE("{\"type\":\"indicator\",\"id\":\"indicator--1\",\"pattern\":\"[ipv4-addr:value = '192.0.2.1']\","
               "\"valid_from\":\"2026-01-01T00:00:00Z\",\"valid_until\":\"2026-02-01T00:00:00Z\"}");
    const struct kr_import_options before = {.now_s = 1769904000 - 1}, after = {.now_s = 1769904000};
    check_told(
        text, &before,
        "group title=indicator--1 id=indicator--1 @1 /objects/0\nipv4 192.0.2.1 1767225600-0 detect @1 /objects/0/pattern\n");
    check_told(text, &after,
               "group title=indicator--1 id=indicator--1 @1 /objects/0\n"
               "ipv4 192.0.2.1 1767225600-0 detect expired @1 /objects/0/pattern\n");
}

/* MITRE's copyright is no label. */
static void test_attack_marking(void **state)
{
    (void)state;
    check_told(BUNDLE("{\"type\":\"indicator\",\"id\":\"indicator--1\",\"pattern\":\"[ipv4-addr:value = '192.0.2.1']\","
                      "\"object_marking_refs\":[\"marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168\","
                      "\"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da\"]}"),
               NULL,
               "group title=indicator--1 id=indicator--1 terms=TLP:GREEN TLP:GREEN @1 /objects/0\n"
               "ipv4 192.0.2.1 detect @1 /objects/0/pattern\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large), /* first: it looks at the most that the process ever took */
        cmocka_unit_test(test_loose_indicator), cmocka_unit_test(test_fitness),
        cmocka_unit_test(test_report),          cmocka_unit_test(test_reports_within),
        cmocka_unit_test(test_labels),          cmocka_unit_test(test_labels_of_what_goes_along),
        cmocka_unit_test(test_observables),     cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_taken_back),      cmocka_unit_test(test_versions),
        cmocka_unit_test(test_sightings),       cmocka_unit_test(test_single_object),
        cmocka_unit_test(test_many_loose),      cmocka_unit_test(test_damage_stays_where_it_is),
        cmocka_unit_test(test_no_document),     cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_sink_stops),      cmocka_unit_test(test_dates),
        cmocka_unit_test(test_expired),         cmocka_unit_test(test_attack_marking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
