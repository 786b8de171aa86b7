/* Third-party reports as people publish them, read where KR_SHARED_DATA or ../shared/data has them; skipped elsewhere. */
#include <iconv.h>

#include "tests/unit/formats/formats_test.h"

#define SKIPPED 77

static char folder[512];

static char *read_file(const char *name, size_t *ret_len)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s", path);
    }
    char *bytes = malloc(4 * KR_MIB);
    assert_non_null(bytes);
    *ret_len = fread(bytes, 1, 4 * KR_MIB, file);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

/* What a careful analyst finds in the advisory. */
static const char advisory[] = "email keiri@invoice-portal.example\n"
                               "filename 請求書_202611.xlsm\n"
                               "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"
                               "md5 098f6bcd4621d373cade4e832627b4f6\n"
                               "url https://update-check.example/api/v2/?id=ABC\n"
                               "url http://192.0.2.44/load.php\n"
                               "ipv4 203.0.113.77:8443\n"
                               "ipv6 2001:db8:dead:beef::1\n"
                               "domain xn--eckwd4c7c.example\n"
                               "url https://xn--eckwd4c7c5976acvb2w6i.example/%E3%83%AD%E3%82%B0%E3%82%A4%E3%83%B3\n";

static void check_advisory(const char *bytes, size_t len, enum kr_format format, const char *charset)
{
    struct kr_extract *extract = extract_bytes(bytes, len);
    char *lines = render(extract);
    assert_string_equal(lines, advisory);
    assert_int_equal(extract->label, KR_TLP_AMBER);
    assert_int_equal(extract->format, format);
    assert_string_equal(extract->charset, charset);
    assert_int_equal(extract->left_out, 1); /* the secretariat */
    free(lines);
    kr_extract_free(extract);
}

static void test_advisory(void **state)
{
    (void)state;
    static const struct {
        const char *charset, *name;
    } charsets[] = {{"UTF-8", "UTF-8"}, {"CP932", "CP932"}, {"EUC-JP-MS", "EUC-JP"}, {"ISO-2022-JP", "ISO-2022-JP"}};
    size_t len;
    char *text = read_file("ioc-text/advisory-ja.txt", &len);
    for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
        char *bytes = malloc(4 * len), *in = text, *out = bytes;
        size_t in_left = len, out_left = 4 * len;
        assert_non_null(bytes);
        iconv_t descriptor = iconv_open(charsets[i].charset, "UTF-8");
        assert_true(descriptor != (iconv_t)-1);
        while (iconv(descriptor, &in, &in_left, &out, &out_left) == (size_t)-1) {
            in += 3; /* a wave dash or the like, which this set lacks in that form */
            in_left -= 3;
            *out++ = '-';
            out_left--;
        }
        assert_true(iconv(descriptor, NULL, NULL, &out, &out_left) != (size_t)-1);
        assert_int_equal(iconv_close(descriptor), 0);
        check_advisory(bytes, (size_t)(out - bytes), KR_FORMAT_TEXT, charsets[i].name);
        free(bytes);
    }
    free(text);
    char *mail = read_file("ioc-text/advisory-ja.eml", &len);
    check_advisory(mail, len, KR_FORMAT_MAIL, "ISO-2022-JP");
    struct kr_extract *extract = extract_bytes(mail, len);
    assert_string_equal(extract->title, "標的型メールの注意喚起");
    kr_extract_free(extract);
    free(mail);
}

/* Counts by type. The numbers were counted in the files with other tools: hashes and defanged names by pattern, distinct ones; file
 * names by hand. */
struct counts {
    uint32_t ipv4, domain, url, email, sha256, filename, all;
};

static void check_counts(const char *name, struct counts expected, const char *const *samples)
{
    size_t len;
    char *bytes = read_file(name, &len);
    struct kr_extract *extract = extract_bytes(bytes, len);
    struct counts counts = {.all = (uint32_t)extract->item_count};
    for (size_t i = 0; i < extract->item_count; i++) {
        counts.ipv4 += extract->items[i].type == KR_INDICATOR_IPV4;
        counts.domain += extract->items[i].type == KR_INDICATOR_DOMAIN;
        counts.url += extract->items[i].type == KR_INDICATOR_URL;
        counts.email += extract->items[i].type == KR_INDICATOR_EMAIL;
        counts.sha256 += extract->items[i].type == KR_INDICATOR_SHA256;
        counts.filename += extract->items[i].type == KR_INDICATOR_FILENAME;
    }
    char *lines = render(extract);
    for (size_t i = 0; samples[i] != NULL; i++) {
        if (strstr(lines, samples[i]) == NULL) {
            fail_msg("%s lacks %s", name, samples[i]);
        }
    }
    if (memcmp(&counts, &expected, sizeof counts) != 0) {
        fail_msg("%s: ipv4 %u domain %u url %u email %u sha256 %u filename %u all %u", name, counts.ipv4, counts.domain, counts.url,
                 counts.email, counts.sha256, counts.filename, counts.all);
    }
    free(lines);
    kr_extract_free(extract);
    free(bytes);
}

static void test_reports(void **state)
{
    (void)state;
    check_counts("ioc-text/Conti_IOCs.txt", (struct counts){.ipv4 = 7, .domain = 3, .sha256 = 44, .all = 54},
                 (const char *const[]){"ipv4 217.12.202.207\n", "domain gue.life\n", NULL});
    check_counts("ioc-text/2020-07-07-TA551-IOCs-for-Ursnif-with-IcedID.txt",
                 (struct counts){.ipv4 = 8, .domain = 10, .url = 1, .sha256 = 104, .filename = 46, .all = 169},
                 (const char *const[]){"url http://82.146.44.82/jwiuwyduwyduw.rar\n",
                                       "filename instrument indenture,07.07.2020.doc\n", "filename ~4182028.exe\n",
                                       "filename Yr.tmp\n", NULL});
    check_counts("ioc-text/2020-11-05-TA551-IOCs-for-IcedID.txt",
                 (struct counts){.ipv4 = 12, .domain = 23, .sha256 = 32, .filename = 23, .all = 90},
                 (const char *const[]){"filename prescribe ,11.20.doc\n", "domain quaddroporrte4.top\n", NULL});
    check_counts("ioc-text/2020-12-09-TA551-IOCs-for-IcedID.txt",
                 (struct counts){.ipv4 = 8, .domain = 16, .sha256 = 28, .filename = 26, .all = 78},
                 (const char *const[]){"filename commerce ,12.09.2020.doc\n", "filename Arutxesb3.dll\n", NULL});
    check_counts("ioc-text/BazarCall-Appendix-A.txt", (struct counts){.ipv4 = 47, .domain = 50, .email = 60, .all = 157},
                 (const char *const[]){"domain brasiliaeletronica.com.br\n", "email qiuzhi2012lyw@163.com\n",
                                       "ipv4 103.229.183.245\n", NULL});
}

/* A phishing list, line by line: what stands in the column of URLs, and nothing else. */
static void test_phishing(void **state)
{
    (void)state;
    size_t len, rows = 0, missing = 0;
    char *bytes = read_file("jpcert-phishing/202502.csv", &len);
    struct kr_extract *extract = extract_bytes(bytes, len);
    char *lines = render(extract);
    for (char *line = bytes, *end; line < bytes + len; line = end + 1) {
        end = memchr(line, '\n', (size_t)(bytes + len - line));
        end = end != NULL ? end : bytes + len;
        char *url = memchr(line, ',', (size_t)(end - line)), *stop = NULL;
        const bool quoted = url != NULL && url[1] == '"';
        url = url != NULL ? url + 1 + quoted : end;
        stop = memchr(url, quoted ? '"' : ',', (size_t)(end - url));
        struct kr_indicator indicator;
        if (stop != NULL && kr_indicator_parse(KR_INDICATOR_URL, url, (size_t)(stop - url), &indicator, NULL) == KR_OK) {
            char wanted[KR_INDICATOR_PRINT_BYTES_MAX + 8];
            (void)snprintf(wanted, sizeof wanted, "url %.*s\n", (int)indicator.len, (const char *)indicator.value);
            missing += strstr(lines, wanted) == NULL;
            rows++;
        }
    }
    assert_true(rows > 1700);
    assert_int_equal(missing, 0);
    for (size_t i = 0; i < extract->item_count; i++) {
        assert_int_equal(extract->items[i].type, KR_INDICATOR_URL);
    }
    assert_true(extract->item_count <= rows);
    free(lines);
    kr_extract_free(extract);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_advisory),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_phishing),
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
