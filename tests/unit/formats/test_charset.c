#include <iconv.h>

#include "tests/unit/formats/formats_test.h"

static void check(const char *bytes, size_t len, const char *charset, const char *expected, const char *expected_name)
{
    char *text = NULL, name[KR_CHARSET_NAME_BYTES];
    size_t text_len = 0;
    assert_int_equal(kr_charset_to_utf8(bytes, len, charset, &text, &text_len, name, NULL), KR_OK);
    assert_string_equal(text, expected);
    assert_int_equal(text_len, strlen(expected));
    assert_string_equal(name, expected_name);
    free(text);
}
#define CHECK(bytes, charset, expected, name) check(bytes, sizeof(bytes) - 1, charset, expected, name)

static void test_named(void **state)
{
    (void)state;
    CHECK("\x8d\x82\x8b\xb4\x87\x40\x87\x8a\xfb\xfc\xb1", "Shift_JIS", "高橋①㈱髙ｱ", "CP932");
    CHECK("\xb9\xe2\xb6\xb6\xad\xa1\xad\xea\xfc\xe2\x8e\xb1", "EUC-JP", "高橋①㈱髙ｱ", "EUC-JP");
    CHECK("\x1b$B9b66-!-j|b\x1b(I1\x1b(B!", "ISO-2022-JP", "高橋①㈱髙ｱ!", "ISO-2022-JP");
    CHECK("\x1b$Byu\x1b(B", "cp50221", "﨑", "ISO-2022-JP");
    CHECK("\x1b$B%\"\n%\"\x1b(B", "iso-2022-jp", "ア\n%\"", "ISO-2022-JP"); /* a line begins in ASCII */
    CHECK("\x1b$(D0!\x1b(B", "iso-2022-jp-1", "丂", "ISO-2022-JP");
    CHECK("\x8f\xb0\xa1\xa4\xa2", "euc-jp", "丂あ", "EUC-JP"); /* JIS X 0212 */
    CHECK("caf\xe9 \x80", "iso-8859-1", "café €", "WINDOWS-1252");
    CHECK("\xe6\x97\xa5", "UTF-8", "日", "UTF-8");
    CHECK("a\0b", "us-ascii", "a b", "UTF-8");
    CHECK("", NULL, "", "UTF-8");
}

static void test_told_from_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *charset, *name;
    } charsets[] = {
        {"ISO-2022-JP", "ISO-2022-JP"}, {"EUC-JP", "EUC-JP"}, {"CP932", "CP932"}, {"UTF-8", "UTF-8"}, {"UTF-16", "UTF-16"}};
    static const char *const texts[] = {"各位、標的型メールに関する注意喚起です。添付ファイルを開くと外部サーバへ接続します。",
                                        "会員機関名,種別,値\n○○市役所,ドメイン,evil.example\n", "カタカナ ひらがな 漢字 ABC 123"};
    for (size_t c = 0; c < sizeof charsets / sizeof charsets[0]; c++) {
        for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
            char bytes[512], *in = (char *)(uintptr_t)texts[t], *out = bytes;
            size_t in_left = strlen(texts[t]), out_left = sizeof bytes;
            iconv_t descriptor = iconv_open(charsets[c].charset, "UTF-8");
            assert_true(descriptor != (iconv_t)-1);
            assert_int_equal(iconv(descriptor, &in, &in_left, &out, &out_left), 0);
            assert_int_equal(iconv(descriptor, NULL, NULL, &out, &out_left), 0);
            assert_int_equal(iconv_close(descriptor), 0);
            check(bytes, (size_t)(out - bytes), NULL, texts[t], charsets[c].name);
        }
    }
    CHECK("\xef\xbb\xbf"
          "a",
          NULL, "a", "UTF-8");
    CHECK("h\0t\0t\0p\0:\0/\0", NULL, "http:/", "UTF-16LE");
}

/* A name that the bytes cannot be is not believed; what cannot be read is marked, and the rest goes on. */
static void test_belied(void **state)
{
    (void)state;
    CHECK("\x1b$B%\"\x1b(B", "us-ascii", "ア", "ISO-2022-JP");
    CHECK("\x83\x41\x83\x43", "utf-8", "アイ", "CP932");
    CHECK("\xe3\x82\xa2", "iso-2022-jp", "ア", "UTF-8");
    CHECK("\xb9\xe2\xff\xb6\xb6", "euc-jp", "高\xef\xbf\xbd橋", "EUC-JP");
    CHECK("\x83", "cp932", "\xef\xbf\xbd", "CP932");
    CHECK("日本語のテキストですが\xe6.", "utf-8", "日本語のテキストですが\xef\xbf\xbd.", "UTF-8");
}

static void test_refused(void **state)
{
    (void)state;
    char *text = (void *)0x1, name[KR_CHARSET_NAME_BYTES];
    size_t len = 7;
    struct kr_error error = {{0}};
    assert_int_equal(kr_charset_to_utf8("a", 1, "klingon", &text, &len, name, &error), KR_INVALID);
    assert_non_null(strstr(error.text, "klingon"));
    assert_ptr_equal(text, (void *)0x1);
    assert_int_equal(len, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_told_from_bytes),
        cmocka_unit_test(test_belied),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
