/* MISP events: types, composites, objects, tags, what is deleted; and what is wrong with them. */
#include "tests/unit/formats/import_test.h"

#define EVENT(rest)            "{\"Event\":{\"uuid\":\"e1\",\"info\":\"Bot\"" rest "}}"
#define ATTRIBUTES(list)       EVENT(",\"Attribute\":[" list "]")
#define ATTRIBUTE(type, value) "{\"type\":\"" type "\",\"value\":\"" value "\"}"
#define GROUP                  "group title=Bot id=e1 @1 /Event\n"
#define AT(number)             " @1 /Event/Attribute/" #number "\n"

static void test_event(void **state)
{
    (void)state;
    check_told(EVENT(",\"Orgc\":{\"name\":\"CIRCL\"},\"threat_level_id\":\"1\",\"Tag\":[{\"name\":\"tlp:green\"},"
                     "{\"name\":\"PAP:AMBER\"},{\"name\":\"misp-galaxy:mitre-attack-pattern=\\\"Rundll32 - T1218.011\\\"\"},"
                     "{\"name\":\"misp:confidence-level=\\\"usually-confident\\\"\"}],\"Attribute\":["
                     "{\"type\":\"domain\",\"value\":\"evil.example\",\"to_ids\":true,\"comment\":\"the\\nC2\","
                     "\"first_seen\":\"2026-01-01T00:00:00Z\",\"last_seen\":\"2026-01-02T00:00:00Z\"},"
                     "{\"type\":\"link\",\"value\":\"https://blog.example/x\",\"to_ids\":false},"
                     "{\"type\":\"md5\",\"value\":\"d41d8cd98f00b204e9800998ecf8427e\",\"to_ids\":\"1\",\"Tag\":[{\"name\":\"tlp:"
                     "amber\"}]}]"),
               NULL,
               "group title=Bot organisation=CIRCL id=e1 terms=PAP:AMBER, TLP:AMBER TLP:AMBER attack=T1218.011 "
               "reference=https://blog.example/x @1 /Event\n"
               "domain evil.example 1767225600-1767312000 75% block note=the C2" AT(0) "skip no-indicator what=link" AT(
                   1) "md5 d41d8cd98f00b204e9800998ecf8427e 75% block" AT(2));
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *type, *value, *expected;
    } cases[] = {
        {"ip-dst", "192.0.2.1", "ipv4 192.0.2.1 @"},
        {"ip-src", "2001:db8::/32", "ipv6 2001:db8::/32 @"},
        {"ip-dst|port", "192.0.2.1|443", "ipv4 192.0.2.1:443 @"},
        {"ip-dst|port", "2001:db8::1|443", "ipv6 [2001:db8::1]:443 @"},
        {"hostname", "A.Example", "domain a.example @"},
        {"hostname|port", "a.example|80", "domain a.example note=80 @"},
        {"domain|ip", "a.example|192.0.2.1", "domain a.example @1 /Event/Attribute/0\nipv4 192.0.2.1 @"},
        {"filename|md5", "x.exe|d41d8cd98f00b204e9800998ecf8427e",
         "filename x.exe @1 /Event/Attribute/0\nmd5 d41d8cd98f00b204e9800998ecf8427e note=x.exe @"},
        {"malware-sample", "x.exe|d41d8cd98f00b204e9800998ecf8427e",
         "filename x.exe @1 /Event/Attribute/0\nmd5 d41d8cd98f00b204e9800998ecf8427e note=x.exe @"},
        {"regkey|value", "HKLM\\\\Run|x", "registry_key HKEY_LOCAL_MACHINE\\Run note=x @"},
        {"AS", "64496", "asn AS64496 @"},
        {"vulnerability", "CVE-2026-1234", "cve CVE-2026-1234 @"},
        {"yara", "rule x {}", "yara rule x {} @"},
        {"email-src", "a@b.example", "email a@b.example @"},
        {"url", "hxxp://a.example/", "url http://a.example/ @"},
        {"onion-address", "a2345.onion", "domain a2345.onion @"},
        {"email-attachment", "x.doc", "filename x.doc @"},
        {"filename|sha3-256", "x.exe|y", "filename x.exe note=y @"},
        {"ssdeep", "3:x:y",
         "kept unknown-type what=ssdeep @1 /Event/Attribute/0\nkept pattern what=3:x:y @1 /Event/Attribute/0\nother 3:x:y "
         "note=ssdeep @"},
        {"text", "some words", "skip no-indicator what=text @"},
        {"target-email", "victim@b.example", "skip no-indicator what=target-email @"},
        {"domain", "not a name", "skip bad-value what=not a name @"},
        {"domain", "", "skip empty @"},
        {"domain|ip", "a.example", "domain a.example @1 /Event/Attribute/0\nskip empty @"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512], expected[640];
        (void)snprintf(text, sizeof text, ATTRIBUTES("{\"type\":\"%s\",\"value\":\"%s\"}"), cases[i].type, cases[i].value);
        (void)snprintf(expected, sizeof expected, GROUP "%s1 /Event/Attribute/0\n", cases[i].expected);
        check_told(text, NULL, expected);
    }
    check_told(ATTRIBUTES("{\"type\":\"text\",\"value\":\"needle\",\"to_ids\":true}"), NULL,
               GROUP "kept pattern what=needle" AT(0) "other needle detect note=text" AT(0));
}

static void test_objects(void **state)
{
    (void)state;
    check_told(EVENT(",\"Object\":[{\"name\":\"file\",\"Attribute\":[" ATTRIBUTE("filename", "a.exe") "," ATTRIBUTE(
                   "sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709") "]},{\"deleted\":true,\"Attribute\":"
                                                                       "[" ATTRIBUTE("domain",
                                                                                     "b.example") "]}],"
                                                                                                  "\"Attribute\":"
                                                                                                  "[" ATTRIBUTE("domain",
                                                                                                                "a.example") "]"),
               NULL,
               GROUP "domain a.example" AT(0) "filename a.exe @1 /Event/Object/0/Attribute/0\n"
                                              "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709 @1 /Event/Object/0/Attribute/1\n"
                                              "domain b.example deleted @1 /Event/Object/1/Attribute/0\n");
}

static void test_attributes_twice(void **state)
{
    (void)state;
    check_told(EVENT(",\"Attribute\":[" ATTRIBUTE("domain", "a.example") "],\"Attribute\":[" ATTRIBUTE("domain", "b.example") "]"),
               NULL, "skip malformed what=Attribute @1 /Event\n" GROUP "domain a.example" AT(0));
}

static void test_deleted(void **state)
{
    (void)state;
    check_told(ATTRIBUTES("{\"type\":\"domain\",\"value\":\"a.example\",\"deleted\":true}"), NULL,
               GROUP "domain a.example deleted" AT(0));
    check_told(EVENT(",\"deleted\":\"1\",\"Attribute\":[" ATTRIBUTE("domain", "a.example") "]"), NULL,
               "group title=Bot id=e1 deleted @1 /Event\n");
}

static void test_documents(void **state)
{
    (void)state;
    const struct kr_import_options misp = {.format = KR_IMPORT_MISP, .organisation = "X"};
    check_told("{\"info\":\"Bare\",\"uuid\":\"e2\",\"Attribute\":[" ATTRIBUTE("domain", "a.example") "]}", &misp,
               "group title=Bare organisation=X id=e2 @1 \ndomain a.example @1 /Attribute/0\n");
    check_told(
        "[{\"Event\":{\"info\":\"A\",\"uuid\":\"1\"}},\n{\"Event\":{\"info\":\"B\",\"uuid\":\"2\",\"RelatedEvent\":[{\"Event\":{"
        "\"info\":\"C\"}}]}}]",
        NULL, "group title=A id=1 @1 /0/Event\ngroup title=B id=2 @2 /1/Event\n");
    check_told("{\"response\":[{\"Event\":{\"info\":\"A\",\"uuid\":\"1\"}}],\"errors\":[]}", NULL,
               "group title=A id=1 @1 /response/0/Event\n");
    check_told("{\"response\":{\"Event\":{\"info\":\"A\",\"uuid\":\"1\"}}}", NULL, "group title=A id=1 @1 /response/Event\n");
}

static void test_labels(void **state)
{
    (void)state;
    check_told(EVENT(",\"Tag\":[{\"name\":\"tlp:white\"},{\"name\":\"TLP:AMBER+STRICT\"}]"), NULL,
               "group title=Bot id=e1 terms=TLP:AMBER+STRICT TLP:AMBER+STRICT @1 /Event\n");
    check_told(EVENT(",\"Tag\":[{\"name\":\"tlp:\"},{\"name\":\"tlp:unclear\"}]"), NULL,
               "group title=Bot id=e1 terms=TLP:RED TLP:RED @1 /Event\n");
    check_told(EVENT(",\"Tag\":[{\"name\":\"tlp:red\",\"name\":\"x\"}]"), NULL,
               "kept malformed what=Tag @1 /Event\ngroup title=Bot id=e1 terms=TLP:RED TLP:RED @1 /Event\n");
    check_told(EVENT(",\"Tag\":[{\"name\":\"tlp:ex:chr\"}]"), NULL, "group title=Bot id=e1 terms=TLP:RED TLP:RED @1 /Event\n");
}

static void test_damage_stays_where_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *bad, *says;
    } cases[] = {
        {"5", "skip malformed" AT(0)},
        {"{\"type\":\"a\\u1\"}", "skip malformed" AT(0)},
        {"{\"type\":\"a\",\"type\":\"b\"}", "skip malformed" AT(0)},
        {"{\"value\":\"x\"}", "skip malformed" AT(0)},
        {"{\"type\":[],\"value\":{}}", "skip malformed" AT(0)},
        {"{\"type\":\"domain\",\"value\":7}", "skip empty" AT(0)},
        {"{\"type\":\"domain\",\"value\":\"a.example\",\"first_seen\":\"soon\"}",
         "kept bad-date what=soon" AT(0) "domain a.example" AT(0)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct told told = {.groups = 0};
        (void)snprintf(text, sizeof text, ATTRIBUTES("%s,{\"type\":\"domain\",\"value\":\"b.example\"}"), cases[i].bad);
        assert_int_equal(told_read(&told, text, strlen(text), NULL, NULL), KR_OK);
        if (strstr(told.lines, cases[i].says) == NULL || strstr(told.lines, "domain b.example" AT(1)) == NULL) {
            fail_msg("%s:\n%s", cases[i].bad, told.lines);
        }
        told_free(&told);
    }
}

static void test_no_document(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"Event\":[",
                                        "{\"Event\":{\"info\":\"x",
                                        "\"text\"",
                                        "{\"response\":5}",
                                        "[[[[[[[{\"Event\":{\"info\":\"x\"}}]]]]]]]"};
    const struct kr_import_options misp = {.format = KR_IMPORT_MISP};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct told told = {.groups = 0};
        struct kr_error error = {.text = ""};
        const enum kr_err err = told_read(&told, texts[i], strlen(texts[i]), &misp, &error);
        if (err != KR_MALFORMED || error.text[0] == 0 || told.groups > 0) {
            fail_msg("%s: %d, %s, %u groups", texts[i], (int)err, error.text, told.groups);
        }
        told_free(&told);
    }
}

static void test_sink_stops(void **state)
{
    (void)state;
    struct told told = {.items_until_no = 1};
    static const char text[] =
        ATTRIBUTES(ATTRIBUTE("domain", "a.example") "," ATTRIBUTE("domain", "b.example") "," ATTRIBUTE("domain", "c.example"));
    assert_int_equal(told_read(&told, text, sizeof text - 1, NULL, NULL), KR_CANCELLED);
    assert_int_equal(told.items, 2);
    told_free(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),      cmocka_unit_test(test_types),
        cmocka_unit_test(test_objects),    cmocka_unit_test(test_attributes_twice),
        cmocka_unit_test(test_deleted),    cmocka_unit_test(test_documents),
        cmocka_unit_test(test_labels),     cmocka_unit_test(test_no_document),
        cmocka_unit_test(test_sink_stops), cmocka_unit_test(test_damage_stays_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
