#include "tests/unit/formats/formats_test.h"
#include "tools/formats/mail.h"

/* Reads a file of the project; the tests run in its root. */
static char *read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s", path);
    }
    char *bytes = malloc(KR_MIB);
    assert_non_null(bytes);
    *ret_len = fread(bytes, 1, KR_MIB, file);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

static void check_file(const char *path, enum kr_format format, const char *title, enum kr_label label, size_t left_out,
                       const char *expected)
{
    size_t len;
    char *bytes = read_file(path, &len);
    struct kr_extract *extract = extract_bytes(bytes, len);
    char *lines = render(extract);
    assert_string_equal(lines, expected);
    assert_int_equal(extract->format, format);
    assert_string_equal(extract->title, title);
    assert_int_equal(extract->label, label);
    assert_int_equal(extract->left_out, left_out);
    free(lines);
    kr_extract_free(extract);
    free(bytes);
}

static void test_fixtures(void **state)
{
    (void)state;
    check_file("tests/data/formats/advisory.txt", KR_FORMAT_TEXT, "", KR_TLP_GREEN, 2,
               "url https://login.example/path\ndomain login.evil.test\nipv4 198.51.100.7\nipv4 198.51.100.0/24\n"
               "url https://xn--wgv71a119e.example/%E3%83%AD%E3%82%B0%E3%82%A4%E3%83%B3\nfilename 請求書（11月分）.zip\n"
               "sha1 a94a8fe5ccb19ba61c4c0873d391e987982fbbd3\ncve CVE-2026-12345\n");
    /* multipart/alternative in ISO-2022-JP with vendor characters and base64, a folded subject of two encoded words, an attachment.
     */
    check_file("tests/data/formats/multipart.eml", KR_FORMAT_MAIL, "不審なメール①について", KR_TLP_GREEN, 2,
               "email billing@invoice-portal.example\nurl https://update-check.example/api/v2/?id=ABC\nipv4 203.0.113.77:8443\n"
               "filename 請求書_202611.xlsm\n");
}

static void test_parts(void **state)
{
    (void)state;
    size_t len;
    char *bytes = read_file("tests/data/formats/multipart.eml", &len);
    struct kr_mail *mail = NULL;
    assert_int_equal(kr_mail_read(bytes, len, &mail, NULL), KR_OK);
    assert_string_equal(mail->subject, "[TLP:GREEN] 不審なメール①について");
    assert_non_null(strstr(mail->addresses, "髙﨑事務局 <council@council.example>"));
    assert_non_null(strstr(mail->addresses, "other@council.example"));
    assert_non_null(strstr(mail->text, "髙﨑様"));
    assert_non_null(strstr(mail->text, "㈱サンプルを装うものです。ﾃｽﾄ"));
    assert_null(strstr(mail->text, "html[.]example"));
    assert_string_equal(mail->charset, "ISO-2022-JP");
    assert_int_equal(mail->attachment_count, 1);
    assert_string_equal(mail->attachments[0].name, "検体.zip");
    assert_string_equal(mail->attachments[0].type, "application/zip");
    assert_int_equal(mail->attachments[0].bytes, 35);
    kr_mail_free(mail);
    free(bytes);
}

static void check_mail(const char *mail, const char *title, const char *expected)
{
    struct kr_extract *extract = extract_bytes(mail, strlen(mail));
    assert_int_equal(extract->format, KR_FORMAT_MAIL);
    char *lines = render(extract);
    assert_string_equal(extract->title, title);
    assert_string_equal(lines, expected);
    free(lines);
    kr_extract_free(extract);
}

static void test_forms(void **state)
{
    (void)state;
    /* HTML alone; entities; the target of a link is no text; a '>' in an attribute. */
    check_mail(
        "From: a@council.example\nSubject: x\nContent-Type: text/html; charset=utf-8\n\n"
        "<style>p{}</style><p title='a>b'>evil&#91;.&#93;example<br>hxxps&#x3a;//e&lsqb;.&rsqb;test/&amp;<!-- no[.]example --> "
        "<a href=\"https://link.example/\">c[.]example</a><script>d.example</script>",
        "x", "domain evil.example\nurl https://e.test/&\ndomain c.example\n");
    /* Quoted-printable, with a soft line break within a URL; CP932 under its common name. */
    check_mail("From: a@council.example\nSubject: =?Shift_JIS?Q?=92=8D=88=D3?=\nContent-Type: text/plain; charset=Shift_JIS\n"
               "Content-Transfer-Encoding: quoted-printable\n\n=92=CA=90M=90=E6: hxxps://evil[.]exam=\nple/=82=A0\n",
               "注意", "url https://evil.example/\n");
    /* Flowed text: the blank at the end of a line is not the URL's. */
    check_mail("From: a@council.example\nSubject: x\nContent-Type: text/plain; format=flowed; delsp=yes\n\n"
               "hxxps://evil[.]example/aaa \nbbb\n",
               "x", "url https://evil.example/aaabbb\n");
    /* Raw bytes in the subject, words cut within a character, no charset at all. */
    check_mail("From: a@council.example\nSubject: =?utf-8?B?5rM=?= =?utf-8?B?qOaEjw==?= \x1b$BCm0U\x1b(B\n\nevil.example\n",
               "注意 注意", "domain evil.example\n");
    check_mail(
        "From a@council.example Fri Nov 20 18:02:11 2026\nFrom: a@council.example\nDate: x\n\nb@evil.example a@council.example\n",
        "", "email b@evil.example\n");
    /* Defanged, the sender's address is meant. */
    check_mail("From: a@council.example\nDate: x\n\na@council[.]example\n", "", "email a@council.example\n");
    check_mail("From: a@council.example\nSubject:\n\n", "", "");
}

static void test_recognition(void **state)
{
    (void)state;
    static const char *const mails[] = {"From: a\nTo: b\n\n", "Received: x\n by y\nSubject: z\n", "from: a\r\nDATE: b\r\n\r\n"};
    static const char *const texts[] = {"", "From: a\n\nTo: b\n", "evil.example\nFrom: a\nTo: b\n", "Subject: one field only\n\n",
                                        "Note: From: To: Subject:\n"};
    for (size_t i = 0; i < sizeof mails / sizeof mails[0]; i++) {
        assert_true(kr_mail_is_mail((const uint8_t *)mails[i], strlen(mails[i])));
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(kr_mail_is_mail((const uint8_t *)texts[i], strlen(texts[i])));
    }
    const struct kr_extract_options mail = {.format = KR_FORMAT_MAIL};
    struct kr_extract *extract = NULL;
    assert_int_equal(kr_formats_extract("", 0, &mail, &extract, NULL), KR_MALFORMED);
    assert_null(extract);
}

/* Boxes in boxes, parts without end: whatever is broken, something sensible comes out and nothing is lost. */
static void test_broken(void **state)
{
    (void)state;
    check_mail("From: a@council.example\nSubject: =?utf-8?B?!!!?= =?x-none?Q?abc?= =?utf-8?Q\nContent-Type: multipart/mixed; "
               "boundary=b\n\n"
               "--b\nContent-Type: text/plain; charset=x-none\n\nevil.example\n",
               "abc =?utf-8?Q", "domain evil.example\n");
    char *deep = malloc(KR_MIB);
    assert_non_null(deep);
    size_t len = (size_t)snprintf(deep, KR_MIB, "From: a\nTo: b\n");
    for (int i = 0; i < 500; i++) {
        len += (size_t)snprintf(deep + len, KR_MIB - len, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
    }
    len += (size_t)snprintf(deep + len, KR_MIB - len, "\nevil.example\n");
    struct kr_extract *extract = extract_bytes(deep, len);
    assert_int_equal(extract->format, KR_FORMAT_MAIL);
    kr_extract_free(extract);
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),    cmocka_unit_test(test_parts),  cmocka_unit_test(test_forms),
        cmocka_unit_test(test_recognition), cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
