/* Columns and what becomes of rows. */
#include "tests/unit/formats/import_test.h"
#include "tools/formats/csv.h"

static void check_csv(const char *text, const char *map, const char *expected)
{
    const struct kr_import_options options = {.format = KR_IMPORT_CSV, .map = map};
    check_told(text, &options, expected);
}

static void test_headings(void **state)
{
    (void)state;
    check_csv("種別,値,備考\nIPアドレス,192.0.2.51,不審な通信先\nドメイン,bad-portal[.]example,フィッシング\n"
              "URL,hxxps://login-bank[.]example/x,偽サイト\nハッシュ値（MD5）,098f6bcd4621d373cade4e832627b4f6,\n",
              NULL,
              "group title=test @1\nipv4 192.0.2.51 note=不審な通信先 @2\ndomain bad-portal.example note=フィッシング @3\n"
              "url https://login-bank.example/x note=偽サイト @4\nmd5 098f6bcd4621d373cade4e832627b4f6 @5\n");
    check_csv("Indicator_Type;Indicator;Confidence;To IDs;First Seen (UTC);Last Seen;Comment\n"
              "ip-dst;203.0.113.7;80;1;2026-11-25 00:41:07;2026-11-25;c2\n"
              "filename|md5;a.exe|098f6bcd4621d373cade4e832627b4f6;high;block;;;\n",
              NULL,
              "group title=test @1\nipv4 203.0.113.7 1795534867-1795532400 80% block note=c2 @2\n"
              "filename a.exe 85% block @3\nmd5 098f6bcd4621d373cade4e832627b4f6 85% block @3\n");
    check_csv("MD5,SHA-256,File Name,Link\n098f6bcd4621d373cade4e832627b4f6,,a.exe,https://r.example/\n", NULL,
              "group title=test @1\nmd5 098f6bcd4621d373cade4e832627b4f6 note=https://r.example/ @2\n"
              "filename a.exe note=https://r.example/ @2\n");
    check_csv("# abuse\n# id,dateadded,url,url_status\n\"1\",\"2026-11-25 00:41:07\",\"http://a.example/x,y\",\"online\"\n", NULL,
              "group title=test @1\nurl http://a.example/x,y 1795534867-0 @3\n");
}

static void test_content(void **state)
{
    (void)state;
    check_csv("203.0.113.7,botnet of the north,2026-11-25\n203.0.113.8,x,2026-11-26\n203.0.113.9,,\n", NULL,
              "group title=test @1\nipv4 203.0.113.7 1795532400-0 note=botnet of the north @1\n"
              "ipv4 203.0.113.8 1795618800-0 note=x @2\nipv4 203.0.113.9 @3\n");
    check_csv("怪しいもの,いつ\nbad.example,2026-11-25\nworse.example,2026-11-26\n", NULL,
              "group title=test @1\ndomain bad.example 1795532400-0 @2\ndomain worse.example 1795618800-0 @3\n");
    check_csv("url,http://a.example/\nip,203.0.113.7\n", NULL, /* no heading, though a word of one is in it */
              "group title=test @1\nurl http://a.example/ @1\nipv4 203.0.113.7 @2\n");
    check_csv("value\nbad.example\n", NULL, "group title=test @1\ndomain bad.example @2\n");
}

static void test_map(void **state)
{
    (void)state;
    check_csv("a,b,c\nx,203.0.113.7,why\n", "value=2,note=c", "group title=test @1\nipv4 203.0.113.7 note=why @2\n");
    check_csv("x,1.exe,why\n", "filename=2,heading=none", "group title=test @1\nfilename 1.exe @1\n");
    check_csv("a b;203.0.113.7\nc d;203.0.113.8\n", "value=2,delimiter=semicolon,heading=none",
              "group title=test @1\nipv4 203.0.113.7 @1\nipv4 203.0.113.8 @2\n");
    static const char *const bad[] = {"value", "value=9", "value=zz", "colour=1", "note=1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct kr_import_options options = {.format = KR_IMPORT_CSV, .map = bad[i]};
        struct told told = {.groups = 0};
        struct kr_error error = {.text = ""};
        enum kr_err err = told_read(&told, "a,b\nx,203.0.113.7\n", 18, &options, &error);
        if (err == KR_OK || error.text[0] == 0) {
            fail_msg("the map \"%s\" was taken", bad[i]);
        }
        told_free(&told);
    }
}

static void test_no_values(void **state)
{
    (void)state;
    const struct kr_import_options options = {.format = KR_IMPORT_CSV};
    struct told told = {.groups = 0};
    struct kr_error error = {.text = ""};
    assert_int_equal(told_read(&told, "name,age\ntaro,7\nhanako,8\n", 25, &options, &error), KR_NOT_FOUND);
    assert_non_null(strstr(error.text, "--map"));
    assert_int_equal(told.groups, 0);
    told_free(&told);
}

/* One bad row is skipped and told; the others go. */
static void test_bad_rows(void **state)
{
    (void)state;
    static const char text[] = "type,value,note,date\n"
                               "ip,203.0.113.7,ok,\n"
                               "ip,zz,bad,\n"
                               "domain,●●.example,masked,\n"
                               "colour,red,what,\n"
                               "colour,bad.example,what,\n"
                               "ip,,empty,\n"
                               "domain,http://x.example/,other type,\n"
                               "ip,203.0.113.8\n"
                               "ip,203.0.113.9,a,,surplus\n"
                               "ip,203.0.113.10,a,,\n"
                               "ip,203.0.113.11,n,yesterday\n"
                               "ip,203.0.\xff.12,n,\n"
                               "ip,203.0.113.13,n\xff,\n"
                               "ip,203.0.113.14\0,n,\n"
                               "\"ip,203.0.113.15,n,\n"
                               "\n"
                               "ip,203.0.113.16,ok,\n";
    const struct kr_import_options options = {.format = KR_IMPORT_CSV, .charset = "UTF-8"};
    struct told told = {.groups = 0};
    assert_int_equal(told_read(&told, text, sizeof text - 1, &options, NULL), KR_OK);
    assert_string_equal(told.lines, "group title=test @1\n"
                                    "ipv4 203.0.113.7 note=ok @2\n"
                                    "skip bad-value what=zz @3\n"
                                    "skip masked what=●●.example @4\n"
                                    "skip unknown-type what=colour @5\n"
                                    "kept unknown-type what=colour @6\n"
                                    "domain bad.example note=what @6\n"
                                    "skip empty what=ip @7\n"
                                    "kept bad-value what=http://x.example/ @8\n"
                                    "url http://x.example/ note=other type @8\n"
                                    "ipv4 203.0.113.8 @9\n"
                                    "kept unequal what=ip @9\n"
                                    "skip unequal what=ip @10\n"
                                    "ipv4 203.0.113.10 note=a @11\n"
                                    "kept bad-date what=yesterday @12\n"
                                    "ipv4 203.0.113.11 note=n @12\n"
                                    "skip encoding what=203.0.\x1a.12 @13\n"
                                    "kept encoding what=n? @14\n"
                                    "ipv4 203.0.113.13 note=n? @14\n"
                                    "skip nul what=ip,203.0.113.14 ,n, @15\n"
                                    "skip malformed what=\"ip,203.0.113.15,n, @16\n"
                                    "ipv4 203.0.113.16 note=ok @18\n");
    told_free(&told);
}

static void test_labels(void **state)
{
    (void)state;
    check_csv("tlp,value\nTLP:GREEN,203.0.113.7\nred,203.0.113.8\n,203.0.113.9\nTLP:GREEN,203.0.113.10\nsecret,203.0.113.11\n",
              NULL,
              "group title=test TLP:GREEN @1\nipv4 203.0.113.7 @2\nipv4 203.0.113.10 @5\n"
              "group title=test TLP:RED @1\nipv4 203.0.113.8 @3\nipv4 203.0.113.11 @6\n"
              "group title=test @1\nipv4 203.0.113.9 @4\n");
    struct told told = {.groups = 0};
    char text[8192] = "tlp,value\n";
    static const char *const labels[] = {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED", ""};
    for (size_t i = 0; i < 60; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s,203.0.113.%zu\n", labels[i % 6], i);
    }
    assert_int_equal(told_read(&told, text, strlen(text), NULL, NULL), KR_OK);
    assert_int_equal(told.groups, 6);
    assert_int_equal(told.items, 60);
    told_free(&told);
}

#define EXPORT_HEADING                                                                                                             \
    "type,value,label,councils,confidence,action,first_seen,last_seen,first_reported,last_reported,author,title,note,record,"      \
    "origin,origin_id,origin_terms\n"

/* Rows of an export of ours with `groups` origins, by turns. */
static char *many_origins(uint32_t rows, uint32_t groups)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    (void)fprintf(out, EXPORT_HEADING);
    for (uint32_t i = 0; i < rows; i++) {
        (void)fprintf(out, "domain,host%u.example,TLP:GREEN,1,,block,,,,,Hokkaido,T,,,origin %u,,\n", i, i % groups);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Each origin is one group, in the order in which they begin, each with its rows in their order, however many there are. */
static void test_many_origins(void **state)
{
    char *text = many_origins(3000, 1000), *wanted = NULL;
    size_t len = 0;
    struct told told = {.groups = 0};
    (void)state;
    FILE *out = open_memstream(&wanted, &len);
    assert_non_null(out);
    for (uint32_t i = 0; i < 1000; i++) {
        (void)fprintf(out, "group title=test organisation=origin %u TLP:GREEN @1\n", i);
        for (uint32_t k = i; k < 3000; k += 1000) {
            (void)fprintf(out, "domain host%u.example block @%u\n", k, k + 2);
        }
    }
    assert_int_equal(fclose(out), 0);
    assert_int_equal(told_read(&told, text, strlen(text), NULL, NULL), KR_OK);
    assert_string_equal(told.lines, wanted);
    assert_int_equal(told.progress_bytes, strlen(text)); /* gone through once */
    told_free(&told);
    free(wanted);
    free(text);
}

static void test_too_many_origins(void **state)
{
    char *text = many_origins(65537, 65537);
    struct told told = {.is_quiet = true};
    struct kr_error error = {.text = ""};
    (void)state;
    assert_int_equal(told_read(&told, text, strlen(text), NULL, &error), KR_BOUNDS);
    assert_non_null(strstr(error.text, "test:65538: "));
    assert_int_equal(told.groups, 0);
    told_free(&told);
    free(text);
    text = many_origins(65537, 65536);
    told = (struct told){.is_quiet = true};
    assert_int_equal(told_read(&told, text, strlen(text), NULL, &error), KR_OK);
    assert_int_equal(told.groups, 65536);
    assert_int_equal(told.items, 65537);
    told_free(&told);
    free(text);
}

/* Groups that can be held together, and among them one whose rows are too many for it. */
static void test_large_group(void **state)
{
    char *text = NULL;
    size_t len = 0;
    struct told told = {.is_quiet = true};
    (void)state;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    (void)fprintf(out, "tlp,value,note\n");
    for (uint32_t i = 0; i < 150000; i++) {
        (void)fprintf(out, "TLP:%s,host%u.example,%060u\n", i % 1000 == 3 ? "CLEAR" : i % 1000 == 7 ? "AMBER" : "GREEN", i, i);
    }
    assert_int_equal(fclose(out), 0);
    assert_int_equal(told_read(&told, text, len, NULL, NULL), KR_OK);
    assert_int_equal(told.groups, 3);
    assert_int_equal(told.items, 150000);
    assert_int_equal(told.progress_bytes, len);
    told_free(&told);
    free(text);
}

/* A file that becomes another one between one pass and the next. */
struct growing {
    const char *before, *text;
    uint32_t reads; /* from its beginning */
};

static enum kr_err read_growing(void *context, uint64_t offset, void *ret, size_t size, size_t *ret_len, struct kr_error *error)
{
    struct growing *growing = context;
    (void)error;
    growing->reads += offset == 0;
    const char *text = growing->reads <= 2 ? growing->before : growing->text;
    const size_t len = strlen(text);
    *ret_len = offset >= len ? 0 : len - offset < size ? len - offset : size;
    memcpy(ret, text + (*ret_len > 0 ? offset : 0), *ret_len);
    return KR_OK;
}

static void check_growing(const char *before, const char *text)
{
    struct growing growing = {.before = before, .text = text};
    const struct kr_import_source source = {
        .name = "growing.csv", .bytes = strlen(before), .read = read_growing, .context = &growing};
    const struct kr_import_options options = {.format = KR_IMPORT_CSV};
    struct told told = {.is_quiet = true};
    struct kr_error error = {.text = ""};
    const struct kr_import_sink sink = told_begin(&told);
    assert_int_equal(kr_import_read(&source, &options, &sink, &error), KR_IO);
    assert_non_null(strstr(error.text, "growing.csv changed while it was read"));
    assert_int_equal(fclose(told.out), 0);
    told_free(&told);
}

/* Rows of one label that are too many to be held. */
static char *many_of_one(uint32_t rows)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    (void)fprintf(out, "tlp,value\n");
    for (uint32_t i = 0; i < rows; i++) {
        (void)fprintf(out, "TLP:GREEN,host%07u.example\n", i);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_growing(void **state)
{
    static const char before[] = "tlp,value\nTLP:GREEN,a.example\nTLP:CLEAR,b.example\n";
    (void)state;
    check_growing(before, "tlp,value\nTLP:GREEN,a.example\nTLP:CLEAR,b.example\nTLP:CLEAR,c.example\n"); /* more */
    check_growing(before, "tlp,value\nTLP:GREEN,a.example\n");                                           /* fewer */
    check_growing(before, "tlp,value\n");
    check_growing(before, "tlp,value\nTLP:GREEN,a.example\nTLP:CLEAR,b.example\nTLP:RED,c.example\n"); /* another label */
    char *many = many_of_one(200000), *more = many_of_one(200001), *fewer = many_of_one(199999);
    check_growing(many, more);
    check_growing(many, fewer);
    free(many);
    free(more);
    free(fewer);
}

static void read_named(const char *name, const char *text, const char *organisation, struct told *told)
{
    const struct kr_import_options options = {.format = KR_IMPORT_ANY, .organisation = organisation};
    struct kr_slice slice = {(const uint8_t *)text, strlen(text)};
    struct kr_import_source source;
    const struct kr_import_sink sink = told_begin(told);
    kr_import_source_memory(&source, name, &slice);
    assert_int_equal(kr_import_read(&source, &options, &sink, NULL), KR_OK);
    assert_int_equal(fclose(told->out), 0);
}

/* Only what JPCERT/CC publishes bears its name: months of a file that is called so. */
static void test_jpcert(void **state)
{
    (void)state;
    static const char text[] = "date,URL,description\n"
                               "2025/02/28 23:59:00,https://a.example/,ブランド\n"
                               "2025/03/01 00:01:00,https://b.example/,B\n"
                               "2025/02/03 11:43:00,https://c.example/,C\n";
    static const char expected[] =
        "group title=JPCERT/CC phishing URLs 2025-02 organisation=JPCERT/CC id=phishing-urls/2025-02 @1\n"
        "url https://a.example/ 1740754740-0 note=ブランド @2\n"
        "url https://c.example/ 1738550580-0 note=C @4\n"
        "group title=JPCERT/CC phishing URLs 2025-03 organisation=JPCERT/CC id=phishing-urls/2025-03 @1\n"
        "url https://b.example/ 1740754860-0 note=B @3\n";
    struct told told = {.groups = 0};
    read_named("phish/202502.csv", text, NULL, &told);
    assert_string_equal(told.lines, expected);
    told_free(&told);
    told = (struct told){.groups = 0};
    read_named("mine.csv", text, "JPCERT/CC", &told);
    assert_string_equal(told.lines, expected);
    told_free(&told);
    static const char *const others[] = {"mine.csv", "20250228.csv", "my202502.csv", "202502.txt"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        told = (struct told){.groups = 0};
        read_named(others[i], text, NULL, &told);
        assert_null(strstr(told.lines, "JPCERT"));
        assert_int_equal(told.groups, 1);
        told_free(&told);
    }
}

static void test_sink_stops(void **state)
{
    (void)state;
    struct told told = {.items_until_no = 2};
    static const char text[] = "value,note\n203.0.113.7,a\n203.0.113.8,b\n203.0.113.9,c\n203.0.113.10,d\n";
    assert_int_equal(told_read(&told, text, sizeof text - 1, NULL, NULL), KR_CANCELLED);
    assert_int_equal(told.items, 3);
    told_free(&told);
}

static void test_types(void **state)
{
    (void)state;
    uint32_t types[2], count;
    static const struct {
        const char *text;
        uint32_t type;
    } cases[] = {{"ip-dst", KR_INDICATOR_ANY},         {"Email-Src", KR_INDICATOR_EMAIL},     {"ＳＨＡ２５６", KR_INDICATOR_SHA256},
                 {"FileHash-SHA1", KR_INDICATOR_SHA1}, {"ファイル名", KR_INDICATOR_FILENAME}, {"ipv4-addr", KR_INDICATOR_IPV4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(kr_csv_type((struct kr_slice){(const uint8_t *)cases[i].text, strlen(cases[i].text)}, types, &count));
        assert_int_equal(types[0], cases[i].type);
        assert_int_equal(count, 1);
    }
    assert_true(kr_csv_type((struct kr_slice){(const uint8_t *)"domain|ip", 9}, types, &count));
    assert_int_equal(count, 2);
    assert_int_equal(types[0], KR_INDICATOR_DOMAIN);
    assert_false(kr_csv_type((struct kr_slice){(const uint8_t *)"domain|colour", 13}, types, &count));
    assert_false(kr_csv_type((struct kr_slice){0}, types, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headings),     cmocka_unit_test(test_content),          cmocka_unit_test(test_map),
        cmocka_unit_test(test_no_values),    cmocka_unit_test(test_bad_rows),         cmocka_unit_test(test_labels),
        cmocka_unit_test(test_many_origins), cmocka_unit_test(test_too_many_origins), cmocka_unit_test(test_large_group),
        cmocka_unit_test(test_growing),      cmocka_unit_test(test_jpcert),           cmocka_unit_test(test_sink_stops),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
