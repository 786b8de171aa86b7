/* What is found in a text, by tables; that all implementations find the same; and, on texts pieced together from what matters, the
 * same as the reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference.h"
#include "tools/scan/sweep.h"

#define VALUES_MAX 128

static const uint8_t seed[48] = {7,   1,   9,   200, 3,   77,  31,  5,   250, 11,  13,  17,  19,  23,  29,  37,
                                 41,  43,  47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103, 107,
                                 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193};

struct bed {
    struct kr_sieve *sieve;
    struct kr_sweep sweep;
    struct kr_indicator values[VALUES_MAX];
    size_t count;
    char found[8192]; /* "line:value[how] " for each hit */
    bool *seen;       /* line * VALUES_MAX + value */
};

static const char *const hows[] = {"?", "", "/parent", "/network", "/host"};

static void hit(void *context, const struct kr_sweep_hit *hit)
{
    struct bed *bed = context;
    char printed[KR_INDICATOR_PRINT_BYTES_MAX];
    assert_int_equal(kr_indicator_print(hit->value.type, hit->value.value.bytes, hit->value.value.len, printed, sizeof printed),
                     KR_OK);
    if (bed->seen != NULL) {
        /* Equal values have the first one's number or another: the number of the value decides. */
        bed->seen[hit->line * VALUES_MAX + hit->value.record] = true;
    } else {
        const size_t len = strlen(bed->found);
        (void)snprintf(bed->found + len, sizeof bed->found - len, "%u:%s%s ", (unsigned)hit->line, printed, hows[hit->how]);
    }
}

static void bed_add(struct bed *bed, uint32_t type, const char *text)
{
    struct kr_error error = {0};
    struct kr_indicator *value = &bed->values[bed->count];
    if (kr_indicator_parse(type, text, strlen(text), value, &error) != KR_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    assert_int_equal(kr_sieve_add(bed->sieve, value->type, value->value, value->len, (uint32_t)bed->count), KR_OK);
    bed->count++;
}

static void bed_open(struct bed *bed, const char *const *values)
{
    *bed = (struct bed){.sieve = kr_sieve_new(seed)};
    assert_non_null(bed->sieve);
    for (; values != NULL && *values != NULL; values++) {
        /* "type=value" or a value whose type is told */
        const char *equals = strchr(*values, '=');
        uint32_t type = KR_INDICATOR_ANY;
        const bool typed = equals != NULL && kr_indicator_type_parse(*values, (size_t)(equals - *values), &type) == KR_OK;
        bed_add(bed, type, typed ? equals + 1 : *values);
    }
}

static void bed_seal(struct bed *bed)
{
    assert_int_equal(kr_sieve_seal(bed->sieve), KR_OK);
    assert_int_equal(kr_sweep_init(&bed->sweep, bed->sieve), KR_OK);
    bed->sweep.context = bed;
    bed->sweep.hit = hit;
}

static void bed_close(struct bed *bed)
{
    kr_sweep_deinit(&bed->sweep);
    kr_sieve_free(bed->sieve);
}

static void sweep(struct bed *bed, const char *text, size_t len)
{
    uint8_t *room = malloc(len + 2 * KR_SWEEP_PAD);
    assert_non_null(room);
    memset(room, '@', len + 2 * KR_SWEEP_PAD); /* what means most where it does not count */
    memcpy(room + KR_SWEEP_PAD, text, len);
    bed->found[0] = 0;
    bed->sweep.lines = 0;
    kr_sweep_text(&bed->sweep, room + KR_SWEEP_PAD, len);
    free(room);
}

/* What stands before and behind the text must not matter, but the pad is read: a sweep begins and ends at the ends of words. */
static void expect(struct bed *bed, const char *text, const char *found)
{
    for (size_t i = 0; kr_sweep_name(i) != NULL; i++) {
        for (size_t shift = 0; shift < 70; shift += 23) {
            char moved[4096];
            const size_t len = strlen(text);
            assert_true(kr_sweep_choose(kr_sweep_name(i)));
            memset(moved, ' ', shift + 1);
            memcpy(moved + shift + 1, text, len);
            moved[shift + 1 + len] = '\n';
            sweep(bed, moved, shift + len + 2);
            char expected[1024];
            (void)snprintf(expected, sizeof expected, "%s%s", found, found[0] != 0 ? " " : "");
            if (strcmp(bed->found, expected) != 0) {
                fail_msg("%s, moved by %zu, \"%s\": found \"%s\", not \"%s\"", kr_sweep_name(i), shift, text, bed->found, expected);
            }
        }
    }
}

struct example {
    const char *text, *found;
};

static void expect_all(const char *const *values, const struct example *examples, size_t count)
{
    struct bed bed;
    bed_open(&bed, values);
    bed_seal(&bed);
    for (size_t i = 0; i < count; i++) {
        expect(&bed, examples[i].text, examples[i].found);
    }
    bed_close(&bed);
}
#define EXPECT_ALL(values, examples) expect_all(values, examples, sizeof(examples) / sizeof(examples)[0])

static void test_whole_words_only(void **state)
{
    static const char *const values[] = {"bad.com", "1.2.3.4", "d41d8cd98f00b204e9800998ecf8427e", NULL};
    static const struct example examples[] = {
        {"GET bad.com", "0:bad.com"},
        {"notbad.com bad.com.safe.example x-bad.com bad.comx bad.co bad.com-x", ""},
        {"x.bad.com a.b.bad.com", "0:bad.com/parent"},
        {"BAD.Com. (bad.com), <bad.com> \"bad.com\" -bad.com- ...bad.com...", "0:bad.com"},
        {"11.2.3.45 1.2.3.40 01.2.3.4 1.2.3.4.5 1.2.3 1.2.3.4a 1.2.3.4-5", ""},
        {"src=1.2.3.4:443", "0:1.2.3.4"},
        {"outside:1.2.3.4/443 [1.2.3.4]", "0:1.2.3.4"},
        {"D41D8CD98F00B204E9800998ECF8427E", "0:d41d8cd98f00b204e9800998ecf8427e"},
        {"md5:d41d8cd98f00b204e9800998ecf8427e.", "0:d41d8cd98f00b204e9800998ecf8427e"},
        {"d41d8cd98f00b204e9800998ecf8427e0 xd41d8cd98f00b204e9800998ecf8427e d41d8cd98f00b204e9800998ecf8427e.bin", ""},
        {"bad.com\nother.com\nx 1.2.3.4 bad.com", "0:bad.com 2:1.2.3.4 2:bad.com"},
        {"bad..com .bad.com", "0:bad.com"},
        {"bad.com\r", "0:bad.com"},
    };
    (void)state;
    EXPECT_ALL(values, examples);
}

/* Names are looked at before addresses, and reported in the order of the text: also where there are many. */
static void test_order_of_many(void **state)
{
    static const char *const values[] = {"bad.com", "1.2.3.4", NULL};
    char text[1024] = "", found[1024] = "";
    struct bed bed;
    (void)state;
    bed_open(&bed, values);
    bed_seal(&bed);
    for (unsigned line = 0; line < 30; line++) {
        const size_t len = strlen(text), so_far = strlen(found);
        (void)snprintf(text + len, sizeof text - len, "%s%s", line > 0 ? "\n" : "", line % 2 == 0 ? "1.2.3.4" : "bad.com");
        (void)snprintf(found + so_far, sizeof found - so_far, "%s%u:%s", line > 0 ? " " : "", line,
                       line % 2 == 0 ? "1.2.3.4" : "bad.com");
        expect(&bed, text, found);
    }
    bed_close(&bed);
}

static void test_networks(void **state)
{
    static const char *const values[] = {"10.1.0.0/16", "203.0.113.0/24", "2001:db8::/32", "2001:db8:1::5", "192.0.2.1:8080", NULL};
    static const struct example examples[] = {
        {"10.1.2.3", "0:10.1.0.0/16/network"},
        {"10.2.0.0 10.0.255.255 203.0.114.1 203.0.112.255", ""},
        {"203.0.113.255", "0:203.0.113.0/24/network"},
        {"2001:db8:ffff::1", "0:2001:db8::/32/network"},
        {"2001:DB8:1:0:0:0:0:5", "0:2001:db8:1::5 0:2001:db8::/32/network"},
        {"[2001:db8:1::5]:443, 2001:db8:1::6:", "0:2001:db8:1::5 0:2001:db8::/32/network"},
        {"2001:db9::1 x2001:db8::1 12:34:56 aa:bb:cc:dd:ee:ff", ""},
        {"2001:db8::1.443 fe80::1%eth0", "0:2001:db8::/32/network"},
        {"192.0.2.1:9", "0:192.0.2.1:8080"},
        {"::ffff:10.1.2.3", "0:10.1.0.0/16/network"},
    };
    (void)state;
    EXPECT_ALL(values, examples);
}

/* Networks of all sizes, at their edges: which /24s they are made of is known in another way for each. */
static void test_sizes_of_networks(void **state)
{
    static const char *const values[] = {"8.0.0.0/8",     "20.64.0.0/10", "30.16.0.0/12", "40.5.128.0/17", "50.6.6.0/23",
                                         "60.7.7.128/25", "70.8.8.8/31",  "90.1.1.1",     "96.0.0.0/5",    NULL};
    static const struct example examples[] = {
        {"8.0.0.0", "0:8.0.0.0/8/network"},
        {"8.255.255.255", "0:8.0.0.0/8/network"},
        {"7.255.255.255 9.0.0.0 20.63.255.255 20.128.0.0 30.15.255.255 30.32.0.0 40.5.127.255 40.6.0.0", ""},
        {"20.127.255.255", "0:20.64.0.0/10/network"},
        {"30.31.255.255", "0:30.16.0.0/12/network"},
        {"40.5.128.0 40.5.255.255", "0:40.5.128.0/17/network"},
        {"50.6.5.255 50.6.8.0 60.7.7.127 70.8.8.7 70.8.8.10 90.1.1.2 95.255.255.255 104.0.0.0", ""},
        {"50.6.7.255", "0:50.6.6.0/23/network"},
        {"60.7.7.128", "0:60.7.7.128/25/network"},
        {"70.8.8.9", "0:70.8.8.8/31/network"},
        {"103.255.255.255", "0:96.0.0.0/5/network"},
        {"90.1.1.1", "0:90.1.1.1"},
        /* No address at all, however it looks from its end. */
        {"8.0.0.00000000000000000000000000000000000000000000000000000000000000000000000000000000001", ""},
        {"-.-.-. ...8.0.0.0... .8.0.0.1-", "0:8.0.0.0/8/network"},
    };
    (void)state;
    EXPECT_ALL(values, examples);
    static const char *const all[] = {"0.0.0.0/0", NULL};
    static const struct example everything[] = {{"203.0.113.9", "0:0.0.0.0/0/network"}, {"1.1.1.1", "0:0.0.0.0/0/network"}};
    EXPECT_ALL(all, everything);
}

static void test_urls(void **state)
{
    static const char *const values[] = {"http://bad.com/login", "https://evil.example/a?b=1", "http://198.51.100.7:8080/x",
                                         "ok.example", NULL};
    static const struct example examples[] = {
        {"\"GET http://bad.com/login HTTP/1.1\"", "0:http://bad.com/login"},
        {"http://bad.com/login?next=/ HTTP://BAD.com:80/login#f", "0:http://bad.com/login"},
        {"http://bad.com/other http://bad.com/ https://bad.com/login http://bad.com/login/", ""},
        {"CONNECT bad.com:443", "0:http://bad.com/login/host"},
        {"bad.com/login", "0:http://bad.com/login"},
        {"bad.com/other", "0:http://bad.com/login/host"},
        {"hxxps://evil.example/a?b=1", "0:https://evil.example/a?b=1"},
        {"https://evil.example/a https://evil.example/a?b=2", ""},
        {"(see https://evil.example/a?b=1), and so on", "0:https://evil.example/a?b=1"},
        {"{\"url\":\"https:\\/\\/evil.example\\/a?b=1\"}", "0:https://evil.example/a?b=1"},
        {"http://user:pass@bad.com/login", ""},
        {"http://bad.com/%6Cogin", "0:http://bad.com/login"},
        {"http://198.51.100.7:8080/x?y", "0:http://198.51.100.7:8080/x"},
        {"http://198.51.100.7/x", ""},
        {"q=https%3A%2F%2Fok.example%2Flogin&x", "0:ok.example"},
        {"http://a.ok.example/x", "0:ok.example/parent"},
        {"q=http%3a%2f%2fbad.com%2flogin", "0:http://bad.com/login"},
    };
    (void)state;
    EXPECT_ALL(values, examples);
}

static void test_defanged(void **state)
{
    static const char *const values[] = {"bad.com", "http://evil.example/x", "1.2.3.4", "a@mail.example", NULL};
    static const struct example examples[] = {
        {"see bad[.]com", "0:bad.com"},
        {"notbad[.]com", ""},
        {"bad(dot)com bad{.}com bad[.com", "0:bad.com"},
        {"hxxp[:]//evil[.]example/x", "0:http://evil.example/x"},
        {"1[.]2[.]3[.]4", "0:1.2.3.4"},
        {"a[at]mail[.]example", "0:a@mail.example"},
        {"bad\\.com", "0:bad.com"},
        {"array[0] (default) {\"a\":[.5]}", ""},
    };
    (void)state;
    EXPECT_ALL(values, examples);
}

static void test_mail_and_names(void **state)
{
    static const char *const values[] = {"foo.bar@bad.com", "mail.example",          "o'neil@other.example",
                                         "xn--r8jz45g.jp",  "xn--bcher-kva.example", NULL};
    static const struct example examples[] = {
        {"from=<Foo.Bar@BAD.com>, to=<x@y>", "0:foo.bar@bad.com"},
        {"xfoo.bar@bad.com foo.bar@bad.com.x bar@bad.com", ""},
        {"u=foo.bar@bad.com&x", "0:foo.bar@bad.com"},
        {"any@sub.mail.example", "0:mail.example/parent"},
        {"<o'neil@other.example>", "0:o'neil@other.example"},
        {"http://xn--r8jz45g.jp/ ", "0:xn--r8jz45g.jp"},
        {"http://例え.jp/", "0:xn--r8jz45g.jp"},
        {"サイトmail.exampleに接続", "0:mail.example"},
        {"émail.example", ""},
        {"http://Bücher.example/", "0:xn--bcher-kva.example"},
        {"foo.bar%40bad.com", "0:foo.bar@bad.com"},
    };
    (void)state;
    EXPECT_ALL(values, examples);
}

/* A name above an internationalised one, where the set has none of these itself; full stops are dots there. */
static void test_parents_of_foreign_names(void **state)
{
    static const char *const values[] = {"evil.example", NULL};
    static const struct example examples[] = {
        {"ésub.evil.example", "0:evil.example/parent"},
        {"ésub.evil.example。", "0:evil.example/parent"},
        {"é。evil.example", "0:evil.example/parent"},
        {"éevil.example", ""},
        {"é.evil.example。x", ""},
    };
    (void)state;
    EXPECT_ALL(values, examples);
}

/* Dots and hyphens around words are not of them, however many. */
static void test_edges(void **state)
{
    static const char *const values[] = {"bad.com", "1.2.3.4", "host.corp1", "1-2.3-4", NULL};
    static const struct example examples[] = {
        {"--bad.com--", "0:bad.com"},
        {"..-bad.com.", "0:bad.com"},
        {"...x.bad.com...", "0:bad.com/parent"},
        {"-1.2.3.4-", "0:1.2.3.4"},
        {"1.2.3.4...", "0:1.2.3.4"},
        {"--1.2.3.4.", "0:1.2.3.4"},
        {"--HOST.CORP1--", "0:host.corp1"},
        {".1-2.3-4.", "0:1-2.3-4"},
        {"-.-.-.-", ""},
        {"1.2.3.4-5.6.7.8", ""},
        {"1.2.3.4.bad", ""},
    };
    (void)state;
    EXPECT_ALL(values, examples);
}

/* Blocks of 64 bytes, and batches of 4,096: wherever it stands between them, everything is found. */
/* Around the end of a batch, where words, and signs that something needs a look, reach from one into the next. */
static void expect_everywhere(struct bed *bed, const struct example *examples, size_t count)
{
    char text[4300];
    for (size_t i = 0; kr_sweep_name(i) != NULL; i++) {
        assert_true(kr_sweep_choose(kr_sweep_name(i)));
        for (size_t k = 0; k < count; k++) {
            for (size_t place = 3990; place < 4110; place++) {
                memset(text, ' ', sizeof text);
                memcpy(text + place, examples[k].text, strlen(examples[k].text));
                sweep(bed, text, sizeof text);
                if (strcmp(bed->found, examples[k].found) != 0) {
                    fail_msg("%s, at %zu, \"%s\": found \"%s\"", kr_sweep_name(i), place, examples[k].text, bed->found);
                }
            }
        }
    }
}

static void test_every_place(void **state)
{
    static const char *const values[] = {"bad.com",
                                         "1.2.3.4",
                                         "203.0.113.0/24",
                                         "2001:db8::7",
                                         "fe80:1:2:3:4:5:6:7",
                                         "foo@mail.com",
                                         "d41d8cd98f00b204e9800998ecf8427e",
                                         NULL};
    static const struct example examples[] = {
        {"--x.bad.com.--", "0:bad.com/parent "},
        {"-1.2.3.4..", "0:1.2.3.4 "},
        {"203.0.113.99,", "0:203.0.113.0/24/network "},
        {"bad[.]com", "0:bad.com "},
        {"bad\\.com", "0:bad.com "},
        {"2001:db8::7", "0:2001:db8::7 "},
        {"fe80:1:2:3:4:5:6:7", "0:fe80:1:2:3:4:5:6:7 "},
        {"x/%62ad.com", "0:bad.com "},
        {"<foo@mail.com>", "0:foo@mail.com "},
        {"=d41d8cd98f00b204e9800998ecf8427e.", "0:d41d8cd98f00b204e9800998ecf8427e "},
    };
    struct bed bed;
    (void)state;
    bed_open(&bed, values);
    bed_seal(&bed);
    assert_false(bed.sieve->has_words);
    expect_everywhere(&bed, examples, sizeof examples / sizeof examples[0]);
    bed_close(&bed);
}

/* The same where all words are looked at. */
static void test_every_place_without_dots(void **state)
{
    static const char *const values[] = {"mutex=evilmutex", "bad.com", "1.2.3.4", NULL};
    static const struct example examples[] = {
        {"-evilmutex.", "0:evilmutex "},
        {"xevilmutex evilmutexx", ""},
        {"bad.com.--", "0:bad.com "},
        {"-1.2.3.4..", "0:1.2.3.4 "},
    };
    struct bed bed;
    (void)state;
    bed_open(&bed, values);
    bed_seal(&bed);
    assert_true(bed.sieve->has_words);
    expect_everywhere(&bed, examples, sizeof examples / sizeof examples[0]);
    bed_close(&bed);
}

static void test_texts(void **state)
{
    static const char *const values[] = {"filename=evil.exe",
                                         "filename=my invoice 2024.pdf.exe",
                                         "registry_key=HKLM\\Software\\Evil Corp\\Run",
                                         "mutex=Global\\abcDEF123",
                                         "user_agent=BadBot (compatible; x)",
                                         "cve=CVE-2024-12345",
                                         "asn=AS64500",
                                         NULL};
    static const struct example examples[] = {
        {"C:\\Temp\\EVIL.exe", "0:evil.exe"},
        {"/download/evil.exe?x \"evil.exe\"", "0:evil.exe"},
        {"notevil.exe evil.exe.txt evil.exee", ""},
        {"C:\\x\\My Invoice 2024.pdf.exe", "0:my invoice 2024.pdf.exe"},
        {"2024.pdf.exe", ""},
        {"HKLM\\SOFTWARE\\evil corp\\run", "0:HKEY_LOCAL_MACHINE\\Software\\Evil Corp\\Run"},
        {"{\"key\":\"HKEY_LOCAL_MACHINE\\\\Software\\\\Evil Corp\\\\Run\"}", "0:HKEY_LOCAL_MACHINE\\Software\\Evil Corp\\Run"},
        {"HKCU\\Software\\Evil Corp\\Run HKLM\\Software\\Evil Corp\\Run\\x HKLM\\Software\\Evil Corp\\Runner", ""},
        {"Global\\abcDEF123", "0:Global\\abcDEF123"},
        {"Global\\abcdef123", ""},
        {"UA=\"BadBot (compatible; x)\"", "0:BadBot (compatible; x)"},
        {"cve-2024-12345", "0:CVE-2024-12345"},
        {"CVE-2024-123456", ""},
        {"as64500 AS645000", "0:AS64500"},
    };
    (void)state;
    EXPECT_ALL(values, examples);
}

/* The rarest word decides how a text is found: no word without a dot is looked at where no value asks for it. */
static void test_texts_with_dots_alone(void **state)
{
    static const char *const values[] = {"filename=evil.exe", "filename=annual report.docm", NULL};
    static const struct example examples[] = {
        {"get evil.exe", "0:evil.exe"}, {"annual report.docm", "0:annual report.docm"}, {"a report.docm", ""}};
    struct bed bed;
    (void)state;
    bed_open(&bed, values);
    bed_seal(&bed);
    assert_false(bed.sieve->has_words);
    bed_close(&bed);
    EXPECT_ALL(values, examples);
}

static void test_long_words(void **state)
{
    static const char *const values[] = {"bad.com", NULL};
    struct bed bed;
    char text[9000];
    (void)state;
    bed_open(&bed, values);
    bed_seal(&bed);
    for (size_t len = 40; len < 300; len += 7) {
        memset(text, 'a', len);
        (void)snprintf(text + len, 16, ".bad.com");
        for (size_t i = 50; i + 1 < len; i += 50) {
            text[i] = '.';
        }
        expect(&bed, text, len < 246 ? "0:bad.com/parent" : "");
    }
    /* So long as no name is, with the name in it as a word of its own. */
    memset(text, '%', 8000);
    (void)snprintf(text + 8000, 16, " bad.com x");
    sweep(&bed, text, strlen(text));
    assert_string_equal(bed.found, "0:bad.com ");
    memset(text, 'f', 8000);
    sweep(&bed, text, strlen(text));
    assert_string_equal(bed.found, "0:bad.com ");
    bed_close(&bed);
}

/* ---- the reference ---- */

static uint64_t random_state;
static uint32_t below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) * bound >> 31);
}

static const char *const pool[] = {
    "bad.com",
    "sub.evil.example",
    "evil.example",
    "a.co.jp",
    "xn--r8jz45g.jp",
    "x-y_z.test.example",
    "1a.example",
    "host.corp1",
    "http://bad.com/login",
    "https://evil.example/a?b=1",
    "http://u.example/",
    "http://1.2.3.4/x",
    "http://[2001:db8::7]/y",
    "ftp://files.example/z",
    "http://bad.com/%E3%83%88",
    "https://p.example:8443/q",
    "1.2.3.4",
    "10.0.0.0/8",
    "203.0.113.0/24",
    "192.0.2.1:8080",
    "5.6.7.8",
    "2001:db8::/32",
    "2001:db8:1::5",
    "::1",
    "fe80::/10",
    "foo@bad.com",
    "a.b+c@mail.example",
    "o'neil@mail.example",
    "d41d8cd98f00b204e9800998ecf8427e",
    "imphash=d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ("cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927d"
     "a3e"),
};
static const char *const glue[] = {
    " ",        " ",    " ",   "/",   ":",  ".",   "-",        "_",       "=",        "&",        "?",          "\"",  "'",
    "(",        ")",    "[",   "]",   "{",  "}",   "<",        ">",       ",",        ";",        "|",          "@",   "%",
    "%20",      "%2F",  "%3A", "%2e", "\\", "\\/", "://",      "http://", "https://", "hxxp://",  "hxxps[:]//", "[.]", "(dot)",
    "[at]",     ":443", "x",   "0",   "a.", ".b",  "not",      "é",       "ト",       "。",       "\t",         "\r",  "::",
    "1.2.3.4.", "#",    "!",   "+",   "*",  "~",   "HTTP/1.1", "\x80",    "\x7f",     "user:pw@", "mailto:",    "..",  "--",
};
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static size_t make_piece(char *text)
{
    const char *piece = pool[below(COUNT(pool))];
    const char *equals = strchr(piece, '=');
    char changed[400];
    size_t len = 0;
    if (equals != NULL && strncmp(piece, "imphash", 7) == 0) {
        piece = equals + 1;
    }
    if (below(3) > 0) {
        piece = glue[below(COUNT(glue))];
    }
    const uint32_t way = below(12);
    for (size_t i = 0; piece[i] != 0; i++) {
        const uint8_t c = (uint8_t)piece[i];
        if (way == 0 && c >= 'a' && c <= 'z') {
            changed[len++] = (char)(c - 32);
        } else if (way == 1 && c == '.') {
            memcpy(changed + len, "[.]", 3);
            len += 3;
        } else if (way == 2 && below(4) == 0) {
            len += (size_t)snprintf(changed + len, 4, "%%%02x", c);
        } else if (way == 3 && below(6) == 0) {
            continue;
        } else if (way == 4 && c == '/') {
            memcpy(changed + len, "\\/", 2);
            len += 2;
        } else {
            changed[len++] = (char)c;
        }
    }
    memcpy(text, changed, len);
    return len;
}

static void test_reference(void **state)
{
    static char text[400 * 400];
    static size_t starts[401];
    struct bed bed;
    struct reference reference;
    const char *const more = getenv("KR_SCAN_ROUNDS");
    const uint32_t rounds = more != NULL ? (uint32_t)strtoul(more, NULL, 10) : 8;
    (void)state;
    uint64_t hits = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        bed_open(&bed, NULL);
        random_state = 77 + round;
        bool used[COUNT(pool)] = {0};
        for (size_t i = 0; i < COUNT(pool); i++) {
            used[i] = round % 4 == 0 || below(3) > 0;
            const char *equals = strncmp(pool[i], "imphash=", 8) == 0 ? strchr(pool[i], '=') : NULL;
            if (used[i]) {
                bed_add(&bed, equals != NULL ? KR_INDICATOR_IMPHASH : KR_INDICATOR_ANY, equals != NULL ? equals + 1 : pool[i]);
            }
        }
        bed_seal(&bed);
        bed.sweep.no_url_hosts = round % 3 == 2;
        reference = (struct reference){.values = bed.values, .count = bed.count, .no_url_hosts = bed.sweep.no_url_hosts};
        bool *expected = calloc(400 * VALUES_MAX, 1);
        bed.seen = calloc(400 * VALUES_MAX, 1);
        assert_true(expected != NULL && bed.seen != NULL);
        size_t len = 0;
        for (size_t line = 0; line < 400; line++) {
            starts[line] = len;
            for (uint32_t pieces = 1 + below(9); pieces > 0 && len - starts[line] < 200; pieces--) {
                len += make_piece(text + len);
            }
            reference.found = expected + line * VALUES_MAX;
            reference_line(&reference, (const uint8_t *)text + starts[line], len - starts[line]);
            text[len++] = '\n';
        }
        starts[400] = len;
        for (size_t i = 0; kr_sweep_name(i) != NULL; i++) {
            assert_true(kr_sweep_choose(kr_sweep_name(i)));
            memset(bed.seen, 0, 400 * VALUES_MAX);
            sweep(&bed, text, len);
            for (size_t k = 0; k < 400 * VALUES_MAX; k++) {
                hits += expected[k];
                if (expected[k] != bed.seen[k]) {
                    const size_t line = k / VALUES_MAX;
                    char printed[KR_INDICATOR_PRINT_BYTES_MAX];
                    const struct kr_indicator *value = &bed.values[k % VALUES_MAX];
                    assert_int_equal(kr_indicator_print(value->type, value->value, value->len, printed, sizeof printed), KR_OK);
                    fail_msg("%s, round %u: \"%.*s\" %s %s", kr_sweep_name(i), round, (int)(starts[line + 1] - starts[line] - 1),
                             text + starts[line], expected[k] ? "lacks" : "has no", printed);
                }
            }
        }
        free(expected);
        free(bed.seen);
        bed_close(&bed);
    }
    assert_true(hits > 500 * rounds); /* or nothing was tested */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_words_only),
        cmocka_unit_test(test_order_of_many),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_sizes_of_networks),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_defanged),
        cmocka_unit_test(test_mail_and_names),
        cmocka_unit_test(test_parents_of_foreign_names),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_every_place),
        cmocka_unit_test(test_every_place_without_dots),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_texts_with_dots_alone),
        cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
