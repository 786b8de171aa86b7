#include "tests/unit/formats/formats_test.h"

struct example {
    const char *text, *expected;
};

static void check_all(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_text(examples[i].text, examples[i].expected);
    }
}
#define CHECK(examples) check_all(examples, sizeof(examples) / sizeof(examples)[0])

static void test_urls(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"hxxp://evil[.]example/a", "url http://evil.example/a\n"},
        {"hXXps://evil.example:8443/a?b=c#d", "url https://evil.example:8443/a?b=c\n"},
        {"h**p://evil.example/ ttps://a.example/", "url http://evil.example/\nurl https://a.example/\n"},
        {"fxp://evil.example/x wss://evil.example/y", "url ftp://evil.example/x\nurl wss://evil.example/y\n"},
        {"(http://evil.example/a_(b)).", "url http://evil.example/a_(b)\n"},
        {"<http://evil.example/a>, \"http://evil.example/b\"; http://evil.example/c, http://evil.example/d.",
         "url http://evil.example/a\nurl http://evil.example/b\nurl http://evil.example/c\nurl http://evil.example/d\n"},
        {"http://a.example/1,http://a.example/2", "url http://a.example/1\nurl http://a.example/2\n"},
        {"**https://evil.example/x**", "url https://evil.example/x\n"},
        {"https://evil.example/a*b https://evil.example/c*", "url https://evil.example/a*b\nurl https://evil.example/c*\n"},
        {"通信先はhxxps://evil[.]example/loginにアクセスします。", "url https://evil.example/login\n"},
        {"「https://evil.example/x」を開く", "url https://evil.example/x\n"},
        {"（https://evil.example/x）など", "url https://evil.example/x\n"},
        {"https://evil.exampleへ接続", "url https://evil.example/\n"},
        {"https://日本.example/ログイン/a.html", "url https://xn--wgv71a.example/%E3%83%AD%E3%82%B0%E3%82%A4%E3%83%B3/a.html\n"},
        {"https://e.example/?q=検索&x=1 を", "url https://e.example/?q=%E6%A4%9C%E7%B4%A2&x=1\n"},
        {"URLhttp://[2001:db8::1]:8080/x", "url http://[2001:db8::1]:8080/x\n"},
        {"http://user:pw@evil.example/", "url http://user:pw@evil.example/\n"},
        {"evil[.]example/a/b.php?c=d", "~url http://evil.example/a/b.php?c=d\n"},
        {"203.0.113.5:8080/gate.php", "~url http://203.0.113.5:8080/gate.php\n"},
        {"evil[.]zip/x", "~url http://evil.zip/x\n"},
        {"evil.example/ and a.example/b.example", "domain evil.example\ndomain a.example\ndomain b.example\n"},
        {"2024/02/01 10:04:00,https://evil.example/a,Some Bank", "url https://evil.example/a\n"},
        {"2024/02/01 10:04:00,https://evil.example/a,三井住友カード", "url https://evil.example/a\n"},
        {"2024/02/01 10:04:00,\"https://evil.example/a,b,c\",@brand", "url https://evil.example/a,b,c\n"},
        {"<https://evil.example/aaa\n  bbb>", "url https://evil.example/aaabbb\n"},
        {"see https://evil.example/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=\nbbb ok",
         "url https://evil.example/"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaabbb\n"},
        {"https://evil.example/?a=\nnext", "url https://evil.example/?a=\n"},
        /* Not there. */
        {"https://****.com/x https://●●.example/ hxxp://evil.example/id=***** GET /a/b.php?c=d.exe", ""},
        {"http://localhost/ http:/// :// mailto: std::cout and/or TCP/IP", ""},
    };
    CHECK(examples);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"203.0.113.77 203[.]0[.]113[.]78:443 203.0.113.0/24", "ipv4 203.0.113.77\nipv4 203.0.113.78:443\nipv4 203.0.113.0/24\n"},
        {"203.0.113.1-203.0.113.9", "ipv4 203.0.113.1\nipv4 203.0.113.9\n"},
        {"(203.0.113.77). **203.0.113.78** ２０３．０．１１３．７９", "ipv4 203.0.113.77\nipv4 203.0.113.78\nipv4 203.0.113.79\n"},
        {"IPは203.0.113.77です", "ipv4 203.0.113.77\n"},
        {"2001:db8::1, 2001:db8::/32; [2001:db8::2]:443 IPv6:2001:db8::3.",
         "ipv6 2001:db8::1\nipv6 2001:db8::/32\nipv6 [2001:db8::2]:443\nipv6 2001:db8::3\n"},
        {"送信元：2001:db8:0:0:0:0:0:9、", "ipv6 2001:db8::9\n"},
        {"::ffff:203.0.113.5", "ipv4 203.0.113.5\n"},
        /* Versions, sections, dates, times, telephone and serial numbers, masks. */
        {"version 10.0.1.2 Ver.1.2.3.4 v1.2.3.4 バージョン 1.2.3.4 1.2.3 v10.0.1 10.0.19041.1 1.2.3.4.5", ""},
        {"第1.2.3.4項 section 1.2.3.4", ""},
        {"2026.11.20 2026/11/20 20.11.2026 18:02:11 2026-11-20T18:02:11+09:00", ""},
        {"TEL 011-000-0000 03.1234.5678 +81-3-1234-5678", ""},
        {"00:11:22:33:44:55 00:11:22:33:44:55:66:77 a::b std::string face::cafe fe80::1%eth0", ""},
        {"203.0.113.xxx 203.0.113.* ***.0.113.5 256.1.1.1 01.2.3.4 203.0.113.5.", "ipv4 203.0.113.5\n"},
    };
    CHECK(examples);
}

static void test_names(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"evil[.]com evil(dot)net evil{.}org evil[.com evil.]info evil\\.biz", "domain evil.com\ndomain evil.net\ndomain evil.org\n"
                                                                               "domain evil.info\ndomain evil.biz\n"},
        {"203。0。113。7 10。1。2 192.0.2。9。 第1.2。3章", "ipv4 203.0.113.7\nipv4 192.0.2.9\n"},
        {"evil。example evil．test 【evil.invalid】", "domain evil.example\ndomain evil.test\ndomain evil.invalid\n"},
        {"■evil.example ・a.example *.b.example **c.example**",
         "domain evil.example\ndomain a.example\ndomain b.example\ndomain c.example\n"},
        {"通信先はevil.exampleです。C2: a.example。", "domain evil.example\ndomain a.example\n"},
        {"日本.example 「ドメイン.example」 詳細はxn--wgv71a.example", "domain xn--wgv71a.example\ndomain xn--eckwd4c7c.example\n"},
        {"evil.example:8443 _dmarc.evil.example", "domain evil.example\ndomain _dmarc.evil.example\n"},
        {"evil[.]zip report.zip", "domain evil.zip\nfilename report.zip\n"},
        {"Bad@Evil.example user[at]evil[dot]example mailto:a+b@e.example <c@e.example>",
         "email bad@evil.example\nemail user@evil.example\nemail a+b@e.example\nemail c@e.example\n"},
        {"差出人keiri@evil.exampleから", "email keiri@evil.example\n"},
        /* Not there. */
        {"●●●●.com ****.com ○○.co.jp evil●.example ×××.example e***.com ＊＊＊.jp", ""},
        {"e.g. this, i.e. that. end.In the end.The next Node.js ASP.NET foo.baz obj.method() 3.5 GB a.b", ""},
        {"@handle user@localhost ***@evil.example a@b", ""},
        {"Message-ID: <123.456@mail.example>", ""},
    };
    CHECK(examples);
}

static void test_hashes_and_numbers(void **state)
{
    (void)state;
#define MD5    "098f6bcd4621d373cade4e832627b4f6"
#define SHA256 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    static const struct example examples[] = {
        {"MD5:" MD5 " SHA1=a94a8fe5ccb19ba61c4c0873d391e987982fbbd3 SHA256（" SHA256 "）",
         "md5 " MD5 "\nsha1 a94a8fe5ccb19ba61c4c0873d391e987982fbbd3\nsha256 " SHA256 "\n"},
        {"ハッシュ値" SHA256 "です", "sha256 " SHA256 "\n"},
        {"imphash: " MD5 " JA3 " MD5, "imphash " MD5 "\nja3 " MD5 "\n"},
        {SHA256 "  legal paper, 07.20.doc", "sha256 " SHA256 "\nfilename legal paper, 07.20.doc\n"},
        {SHA256 " *a.exe", "sha256 " SHA256 "\nfilename a.exe\n"},
        {SHA256 "  a.exe, b.exe", "sha256 " SHA256 "\nfilename a.exe\nfilename b.exe\n"},
        {"cve-2021-44228、CVE‑2024‑12345。ＣＶＥ－２０２３－１２３４",
         "cve CVE-2021-44228\ncve CVE-2024-12345\ncve CVE-2023-1234\n"},
        {"AS64500 AS番号: AS123", "asn AS64500\nasn AS123\n"},
        {"AS400 as-is 12345678901234567890123456789012 " MD5 "a CVE-2021 {3F2504E0-4F89-11D3-9A0C-0305E82C3301}", ""},
    };
    CHECK(examples);
}

static void test_files(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"請求書_202611.xlsm 「請求書 11月.xlsm」 \"an invoice.docm\"",
         "filename 請求書_202611.xlsm\nfilename 請求書 11月.xlsm\nfilename an invoice.docm\n"},
        {"添付ファイル: 請求書（11月）.zip", "filename 請求書（11月）.zip\n"},
        {"ファイル名：御見積書 2026.iso", "filename 御見積書 2026.iso\n"},
        {"invoice(1).docを開くとa.lnkを実行", "filename invoice(1).doc\nfilename a.lnk\n"},
        {"C:\\Users\\[name]\\My Documents\\evil.dat and D:\\x\\~1.tmp", "filename evil.dat\nfilename ~1.tmp\n"},
        {"C:\\Users\\Public\\svc.exeを実行 \\\\server\\share\\b.dll", "filename svc.exe\nfilename b.dll\n"},
        {"/tmp/.x/evil.sh and /usr/local/bin/y.py", "filename evil.sh\nfilename y.py\n"},
        {"HKLM\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Run creates HKCU:\\Software\\Evil.",
         "registry_key HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Run\nregistry_key "
         "HKEY_CURRENT_USER\\Software\\Evil\n"},
        {"User-Agent: Mozilla/5.0 (Windows NT 10.0)", "user_agent Mozilla/5.0 (Windows NT 10.0)\n"},
        {"Mutex: Global\\abc-1", "mutex Global\\abc-1\n"},
        {"evil[.]exe ｅｖｉｌ．ｅｘｅ", "filename evil.exe\n"},
        {"regsvr32.exe -s [filename] CORP\\alice .exe C:\\ 100.doc", "filename 100.doc\n"},
    };
    CHECK(examples);
}

/* The sender's own: left out, and counted. */
static void test_own(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
        size_t left_out;
    } examples[] = {
        {"(問い合わせ先) 事務局 TEL 011-000-0000  jimu@council.example", "", 1},
        {"連絡先:\n 事務局\n jimu@council.example\n https://council.example/\n\nevil.example", "domain evil.example\n", 2},
        {"本件のお問い合わせは事務局まで。\nevil.example", "domain evil.example\n", 0},
        {"evil.example\n-- \nTaro\ntaro@council.example\nbad@evil[.]example", "domain evil.example\nemail bad@evil.example\n", 1},
        {"evil.example\n━━━━━━━━\n○○連絡会 事務局\nＴＥＬ：０１１－０００－００００\nE-mail: jimu@council.example\n━━━━━━━━\n",
         "domain evil.example\n", 1},
        {"========\n通信先\n========\nevil.example\n", "domain evil.example\n", 0},
        {"--------\nevil.example\n--------\nTEL 011-000-0000 jimu@council.example\n", "domain evil.example\n", 1},
        {"hotel 5 evil.example", "domain evil.example\n", 0},
        {"TEL 011-000-0000 203.0.113.5", "ipv4 203.0.113.5\n", 0},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct kr_extract *extract = extract_bytes(examples[i].text, strlen(examples[i].text));
        char *lines = render(extract);
        if (strcmp(lines, examples[i].expected) != 0 || extract->left_out != examples[i].left_out) {
            fail_msg("from: %s\ngot (%zu left out):\n%s", examples[i].text, extract->left_out, lines);
        }
        free(lines);
        kr_extract_free(extract);
    }
}

static void test_labels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kr_label label;
    } examples[] = {
        {"", KR_TLP_NONE},
        {"【TLP:AMBER】", KR_TLP_AMBER},
        {"ＴＬＰ：ＧＲＥＥＮ", KR_TLP_GREEN},
        {"tlp:amber+strict", KR_TLP_AMBER_STRICT},
        {"TLP: AMBER STRICT", KR_TLP_AMBER_STRICT},
        {"TLP-WHITE", KR_TLP_CLEAR},
        {"TLP:GREEN and TLP:RED and TLP:CLEAR", KR_TLP_RED}, /* the strictest */
        {"TLP:PURPLE", KR_TLP_RED},                          /* unknown */
        {"区分はTLP:GREENです", KR_TLP_GREEN},
        {"TLPについて TLP 2.0 TLP: see below, the TLP", KR_TLP_NONE},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct kr_extract *extract = extract_bytes(examples[i].text, strlen(examples[i].text));
        if (extract->label != examples[i].label) {
            fail_msg("%s: %s", examples[i].text, kr_label_name(extract->label));
        }
        kr_extract_free(extract);
    }
}

static void test_places_and_notes(void **state)
{
    (void)state;
    static const char text[] = "日本語\n- evil[.]com - Cobalt Strike C2 \nevil.com again\n";
    struct kr_extract *extract = extract_bytes(text, strlen(text));
    assert_int_equal(extract->item_count, 1); /* once */
    const struct kr_found *item = &extract->items[0];
    assert_int_equal(item->offset, 12);
    assert_int_equal(item->len, strlen("evil[.]com"));
    assert_true(item->defanged);
    assert_int_equal(item->note.len, strlen("Cobalt Strike C2"));
    assert_memory_equal(item->note.bytes, "Cobalt Strike C2", item->note.len);
    kr_extract_free(extract);
}

static void test_bounds(void **state)
{
    (void)state;
    const struct kr_extract_options two = {.items_max = 2};
    struct kr_extract *extract = NULL;
    const char *text = "a.example b.example a.example c.example";
    assert_int_equal(kr_formats_extract(text, strlen(text), &two, &extract, NULL), KR_OK);
    assert_int_equal(extract->item_count, 2);
    assert_true(extract->more);
    kr_extract_free(extract);

    const struct kr_extract_options exact = {.items_max = 3};
    assert_int_equal(kr_formats_extract(text, strlen(text), &exact, &extract, NULL), KR_OK);
    assert_int_equal(extract->item_count, 3);
    assert_false(extract->more);
    kr_extract_free(extract);

    const struct kr_extract_options unknown = {.charset = "no-such-charset"};
    struct kr_extract *untouched = (void *)0x1;
    assert_int_equal(kr_formats_extract(text, strlen(text), &unknown, &untouched, NULL), KR_INVALID);
    assert_int_equal(kr_formats_extract(text, (size_t)KR_FORMATS_BYTES_MAX + 1, NULL, &untouched, NULL), KR_BOUNDS);
    assert_ptr_equal(untouched, (void *)0x1);
}

/* A line longer than any buffer is cut at blanks: names in it are found, wherever they lie. */
static void test_long_line(void **state)
{
    (void)state;
    const size_t count = 5000, room = count * 24 + 1;
    char *text = malloc(room);
    assert_non_null(text);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, room - len, "日host%zu[.]example ", i);
    }
    struct kr_extract *extract = extract_bytes(text, len);
    assert_int_equal(extract->item_count, count);
    kr_extract_free(extract);
    memset(text, 'a', len);
    extract = extract_bytes(text, len);
    assert_int_equal(extract->item_count, 0);
    kr_extract_free(extract);
    /* Longer than any URL: stepped over at once, not tried again from each of its parts. */
    len = 0;
    for (size_t i = 0; i < 2000; i++) {
        len += (size_t)snprintf(text + len, room - len, "a.co/");
    }
    extract = extract_bytes(text, len);
    assert_int_equal(extract->item_count, 0);
    kr_extract_free(extract);
    free(text);
}

/* What somebody saw who began before the end. */
struct early {
    const struct kr_found *items;
    const uint8_t *first_value;
    size_t calls, seen, stop_at; /* 0: not at all */
};

static enum kr_err look(void *context, const struct kr_extract *extract)
{
    struct early *early = context;
    assert_int_equal(extract->item_count, early->calls * KR_EXTRACT_STEP);
    assert_non_null(extract->text);
    if (early->calls++ == 0) {
        early->items = extract->items;
    } else {
        early->first_value = early->calls == 2 ? extract->items[0].value.bytes : early->first_value;
        assert_int_equal(extract->items[extract->item_count - 1].type, KR_INDICATOR_DOMAIN);
    }
    early->seen = extract->item_count;
    return early->stop_at > 0 && early->seen >= early->stop_at ? KR_CANCELLED : KR_OK;
}

/* Items are shown while the rest is searched, stay where they are, and whoever looks may end it. */
static void test_early(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    (void)fputs("From: Soc <soc@kairan.example>\nSubject: [TLP:GREEN] hosts\n\nsoc@kairan.example\n", out);
    for (unsigned i = 0; i < 2 * KR_EXTRACT_STEP + 10; i++) {
        (void)fprintf(out, i % 2 == 0 ? "Host%u.example\n" : "host%u.example\n", i); /* kept apart, and left in the text */
    }
    assert_int_equal(fclose(out), 0);
    struct early early = {.stop_at = 0};
    struct kr_extract_options options = {.on_items = look, .context = &early};
    struct kr_extract *extract = NULL;
    assert_int_equal(kr_formats_extract(text, len, &options, &extract, NULL), KR_OK);
    assert_int_equal(early.calls, 3);
    assert_int_equal(extract->item_count, 2 * KR_EXTRACT_STEP + 10);
    assert_int_equal(extract->left_out, 1);
    assert_ptr_equal(extract->items, early.items);
    assert_ptr_equal(extract->items[0].value.bytes, early.first_value);
    for (size_t i = 0; i < extract->item_count; i++) {
        char wanted[32];
        const int wanted_len = snprintf(wanted, sizeof wanted, "host%zu.example", i);
        assert_int_equal(extract->items[i].value.len, wanted_len);
        assert_memory_equal(extract->items[i].value.bytes, wanted, (size_t)wanted_len);
    }
    kr_extract_free(extract);
    extract = NULL;
    early = (struct early){.stop_at = KR_EXTRACT_STEP};
    assert_int_equal(kr_formats_extract(text, len, &options, &extract, NULL), KR_CANCELLED);
    assert_null(extract);
    assert_int_equal(early.seen, KR_EXTRACT_STEP);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),   cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_names),  cmocka_unit_test(test_hashes_and_numbers),
        cmocka_unit_test(test_files),  cmocka_unit_test(test_own),
        cmocka_unit_test(test_labels), cmocka_unit_test(test_places_and_notes),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
