/* Warning lists that were added: what each kind of entry holds back, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "node/core/guard.h"
#include "node/core/listed.h"
#include "proto/indicator/indicator.h"

static void add(struct kr_listed *listed, enum kr_listed_kind kind, const char *text)
{
    struct kr_error error = {.text = ""};
    if (kr_listed_add(listed, kind, text, strlen(text), &error) != KR_OK) {
        fail_msg("%s: %s", text, error.text);
    }
}

static struct kr_listed *make(void)
{
    struct kr_listed *listed = NULL;
    assert_int_equal(kr_listed_new(&listed), KR_OK);
    assert_int_equal(kr_listed_begin(listed, "networks", KR_LISTED_ALL_TYPES, NULL), KR_OK);
    add(listed, KR_LISTED_NETWORK, "45.0.0.0/9");
    add(listed, KR_LISTED_NETWORK, "45.200.1.0/24");
    add(listed, KR_LISTED_NETWORK, "46.1.2.3");
    add(listed, KR_LISTED_NETWORK, "2a00:1450::/29");
    assert_int_equal(kr_listed_begin(listed, "hosts", KR_LISTED_ALL_TYPES, NULL), KR_OK);
    add(listed, KR_LISTED_HOST, "Corp.Shop.jp");
    add(listed, KR_LISTED_HOST, ".dotted.jp");
    add(listed, KR_LISTED_HOST, "47.1.1.1");
    assert_int_equal(kr_listed_begin(listed, "strings", KR_LISTED_ALL_TYPES, NULL), KR_OK);
    add(listed, KR_LISTED_STRING, "098F6BCD4621D373CADE4E832627B4F6");
    add(listed, KR_LISTED_STRING, "exact.jp");
    add(listed, KR_LISTED_STRING, "readme first.txt");
    add(listed, KR_LISTED_STRING, "https://page.jp/a");
    assert_int_equal(kr_listed_begin(listed, "parts", KR_LISTED_ALL_TYPES, NULL), KR_OK);
    add(listed, KR_LISTED_SUBSTRING, "windowsupdate");
    assert_int_equal(kr_listed_begin(listed, "patterns", KR_LISTED_ALL_TYPES, NULL), KR_OK);
    add(listed, KR_LISTED_REGEX, "/^https?:\\/\\/[^\\/]+\\/owa\\//i");
    add(listed, KR_LISTED_REGEX, "^48\\.1\\.");
    add(listed, KR_LISTED_REGEX, "/^d41d8/");
    kr_listed_sort(listed);
    return listed;
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        const char *value, *list;
    } cases[] = {
        {KR_INDICATOR_IPV4, "45.5.5.5", "networks"},
        {KR_INDICATOR_IPV4, "45.5.5.5:443", "networks"},
        {KR_INDICATOR_IPV4, "45.127.255.255", "networks"},
        {KR_INDICATOR_IPV4, "45.128.0.0", NULL},
        {KR_INDICATOR_IPV4, "45.200.1.255", "networks"},
        {KR_INDICATOR_IPV4, "45.200.2.0", NULL},
        {KR_INDICATOR_IPV4, "45.200.0.0/16", "networks"}, /* a listed one lies in it */
        {KR_INDICATOR_IPV4, "45.200.1.64/26", "networks"},
        {KR_INDICATOR_IPV4, "46.1.2.3", "networks"},
        {KR_INDICATOR_IPV4, "46.1.2.4", NULL},
        {KR_INDICATOR_IPV4, "47.1.1.1", "hosts"},
        {KR_INDICATOR_IPV6, "2a00:1457::1", "networks"},
        {KR_INDICATOR_IPV6, "2a00:1458::1", NULL},
        {KR_INDICATOR_DOMAIN, "corp.shop.jp", "hosts"},
        {KR_INDICATOR_DOMAIN, "a.b.corp.shop.jp", "hosts"},
        {KR_INDICATOR_DOMAIN, "notcorp.shop.jp", NULL},
        {KR_INDICATOR_DOMAIN, "shop.jp", NULL},
        {KR_INDICATOR_DOMAIN, "x.dotted.jp", "hosts"},
        {KR_INDICATOR_DOMAIN, "exact.jp", "strings"},
        {KR_INDICATOR_DOMAIN, "a.exact.jp", NULL},
        {KR_INDICATOR_DOMAIN, "my-windowsupdate.jp", "parts"},
        {KR_INDICATOR_URL, "https://x.corp.shop.jp/a?b", "hosts"},
        {KR_INDICATOR_URL, "http://45.5.5.5/x", "networks"},
        {KR_INDICATOR_URL, "http://[2a00:1457::1]:8080/x", "networks"},
        {KR_INDICATOR_URL, "https://page.jp/a", "strings"},
        {KR_INDICATOR_URL, "https://page.jp/b", NULL},
        {KR_INDICATOR_EMAIL, "a@corp.shop.jp", "hosts"},
        {KR_INDICATOR_EMAIL, "corp.shop.jp@other.jp", NULL},
        {KR_INDICATOR_MD5, "098f6bcd4621d373cade4e832627b4f6", "strings"},
        {KR_INDICATOR_IMPHASH, "098f6bcd4621d373cade4e832627b4f6", NULL}, /* the same bytes, another thing */
        {KR_INDICATOR_FILENAME, "readme first.txt", "strings"},
        {KR_INDICATOR_FILENAME, "readme.txt", NULL},
        {KR_INDICATOR_USER_AGENT, "x windowsupdate y", "parts"},
        {KR_INDICATOR_URL, "https://mail.jp/OWA/x", "patterns"},
        {KR_INDICATOR_URL, "https://mail.jp/x/owa/", NULL},
        {KR_INDICATOR_IPV4, "48.1.2.3", "patterns"}, /* as it is printed */
        {KR_INDICATOR_IPV4, "48.2.1.3", NULL},
        {KR_INDICATOR_MD5, "d41d8cd98f00b204e9800998ecf8427e", "patterns"},
    };
    struct kr_listed *listed = make();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kr_indicator indicator;
        assert_int_equal(kr_indicator_parse(cases[i].type, cases[i].value, strlen(cases[i].value), &indicator, NULL), KR_OK);
        const char *list = kr_listed_find(listed, indicator.type, (struct kr_slice){indicator.value, indicator.len});
        if ((list == NULL) != (cases[i].list == NULL) || (list != NULL && strcmp(list, cases[i].list) != 0)) {
            fail_msg("%s: %s", cases[i].value, list != NULL ? list : "let through");
        }
    }
    kr_listed_free(listed);
}

/* A list that is for some types holds nothing else back, and hides no other list. */
static void test_types(void **state)
{
    (void)state;
    static const enum kr_listed_kind kinds[] = {KR_LISTED_HOST, KR_LISTED_STRING, KR_LISTED_SUBSTRING, KR_LISTED_REGEX};
    struct kr_indicator domain, url, address;
    assert_int_equal(kr_indicator_parse(KR_INDICATOR_DOMAIN, "corp.jp", 7, &domain, NULL), KR_OK);
    assert_int_equal(kr_indicator_parse(KR_INDICATOR_URL, "http://corp.jp/", 15, &url, NULL), KR_OK);
    assert_int_equal(kr_indicator_parse(KR_INDICATOR_IPV4, "45.1.1.1", 8, &address, NULL), KR_OK);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct kr_listed *listed = NULL;
        assert_int_equal(kr_listed_new(&listed), KR_OK);
        assert_int_equal(kr_listed_begin(listed, "urls", 1u << KR_INDICATOR_URL, NULL), KR_OK);
        add(listed, kinds[i], "corp.jp");
        kr_listed_sort(listed);
        assert_null(kr_listed_find(listed, KR_INDICATOR_DOMAIN, (struct kr_slice){domain.value, domain.len}));
        const bool is_exact = kinds[i] == KR_LISTED_STRING;
        assert_int_equal(kr_listed_find(listed, KR_INDICATOR_URL, (struct kr_slice){url.value, url.len}) == NULL, is_exact);
        assert_int_equal(kr_listed_begin(listed, "domains", 1u << KR_INDICATOR_DOMAIN, NULL), KR_OK);
        add(listed, kinds[i], "corp.jp");
        kr_listed_sort(listed);
        assert_string_equal(kr_listed_find(listed, KR_INDICATOR_DOMAIN, (struct kr_slice){domain.value, domain.len}), "domains");
        kr_listed_free(listed);
    }
    struct kr_listed *listed = NULL;
    assert_int_equal(kr_listed_new(&listed), KR_OK);
    assert_int_equal(kr_listed_begin(listed, "urls", 1u << KR_INDICATOR_URL, NULL), KR_OK);
    add(listed, KR_LISTED_NETWORK, "45.0.0.0/8");
    assert_int_equal(kr_listed_begin(listed, "addresses", 1u << KR_INDICATOR_IPV4, NULL), KR_OK);
    add(listed, KR_LISTED_NETWORK, "45.0.0.0/8");
    kr_listed_sort(listed);
    assert_string_equal(kr_listed_find(listed, KR_INDICATOR_IPV4, (struct kr_slice){address.value, address.len}), "addresses");
    kr_listed_free(listed);
}

/* The guards ask them last; without them nothing changes. */
static void test_in_guards(void **state)
{
    (void)state;
    struct kr_guards *guards = NULL;
    struct kr_indicator indicator;
    assert_int_equal(kr_guards_new(&guards), KR_OK);
    assert_int_equal(kr_indicator_parse(KR_INDICATOR_DOMAIN, "a.corp.shop.jp", 14, &indicator, NULL), KR_OK);
    const struct kr_slice value = {indicator.value, indicator.len};
    assert_null(kr_guards_check(guards, KR_INDICATOR_DOMAIN, value));
    kr_guards_set_listed(guards, make());
    assert_string_equal(kr_guards_check(guards, KR_INDICATOR_DOMAIN, value), "hosts");
    kr_guards_set_listed(guards, NULL);
    assert_null(kr_guards_check(guards, KR_INDICATOR_DOMAIN, value));
    kr_guards_free(guards);
}

static void test_bounds(void **state)
{
    (void)state;
    struct kr_listed *listed = NULL;
    struct kr_error error = {.text = ""};
    char name[KR_LISTED_NAME_BYTES + 1];
    memset(name, 'a', sizeof name);
    name[KR_LISTED_NAME_BYTES] = 0;
    assert_int_equal(kr_listed_new(&listed), KR_OK);
    assert_int_equal(kr_listed_begin(listed, name, KR_LISTED_ALL_TYPES, &error), KR_INVALID);
    assert_int_equal(kr_listed_begin(listed, "", KR_LISTED_ALL_TYPES, &error), KR_INVALID);
    for (uint32_t i = 0; i < KR_LISTED_LISTS_MAX; i++) {
        assert_int_equal(kr_listed_begin(listed, "l", KR_LISTED_ALL_TYPES, &error), KR_OK);
    }
    assert_int_equal(kr_listed_begin(listed, "l", KR_LISTED_ALL_TYPES, &error), KR_BOUNDS);
    assert_int_equal(kr_listed_add(listed, KR_LISTED_NETWORK, "no network", 10, &error), KR_INVALID);
    assert_int_equal(kr_listed_add(listed, KR_LISTED_HOST, "no host", 7, &error), KR_INVALID);
    assert_int_equal(kr_listed_add(listed, KR_LISTED_STRING, "", 0, &error), KR_INVALID);
    for (uint32_t i = 0; i < KR_LISTED_SUBSTRINGS_MAX; i++) {
        add(listed, KR_LISTED_SUBSTRING, "x");
    }
    assert_int_equal(kr_listed_add(listed, KR_LISTED_SUBSTRING, "x", 1, &error), KR_BOUNDS);
    assert_int_equal(kr_listed_add(listed, KR_LISTED_REGEX, "(", 1, &error), KR_INVALID);
    for (uint32_t i = 0; i < KR_LISTED_REGEXES_MAX; i++) {
        add(listed, KR_LISTED_REGEX, "x");
    }
    assert_int_equal(kr_listed_add(listed, KR_LISTED_REGEX, "x", 1, &error), KR_BOUNDS);
    kr_listed_free(listed);
    kr_listed_free(NULL);
}

/* What is no entry is shown, and cut behind a character: "a" and 66 characters of three bytes are 199 of at most 200 bytes. */
static void test_long_entry(void **state)
{
    (void)state;
    enum { CHARACTERS = 80, SHOWN = 66 };
    struct kr_listed *listed = NULL;
    struct kr_error error = {.text = ""};
    char entry[1 + 3 * CHARACTERS + 1] = "a", expected[3 * SHOWN + 8];
    for (size_t i = 0; i < CHARACTERS; i++) {
        memcpy(entry + 1 + 3 * i, "あ", 4);
    }
    (void)snprintf(expected, sizeof expected, "\"%.*s\" is", 1 + 3 * SHOWN, entry);
    assert_int_equal(kr_listed_new(&listed), KR_OK);
    assert_int_equal(kr_listed_begin(listed, "l", KR_LISTED_ALL_TYPES, &error), KR_OK);
    assert_int_equal(kr_listed_add(listed, KR_LISTED_NETWORK, entry, strlen(entry), &error), KR_INVALID);
    assert_int_equal(strncmp(error.text, expected, strlen(expected)), 0);
    kr_listed_free(listed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),  cmocka_unit_test(test_types),      cmocka_unit_test(test_in_guards),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_long_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
