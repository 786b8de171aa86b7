#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "node/core/guard.h"
#include "proto/indicator/indicator.h"

static const char *check(const struct kr_guards *guards, uint32_t type, const char *text)
{
    struct kr_indicator indicator;
    if (kr_indicator_parse(type, text, strlen(text), &indicator, NULL) != KR_OK) {
        fail_msg("\"%s\" is no indicator of type %u", text, type);
    }
    return kr_guards_check(guards, indicator.type, (struct kr_slice){indicator.value, indicator.len});
}

struct guard_case {
    uint32_t type;
    const char *value, *list; /* NULL: let through */
};

static void check_all(const struct kr_guards *guards, const struct guard_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *list = check(guards, cases[i].type, cases[i].value);
        if ((list == NULL) != (cases[i].list == NULL) || (list != NULL && strcmp(list, cases[i].list) != 0)) {
            fail_msg("%s: %s, and not %s", cases[i].value, list != NULL ? list : "let through",
                     cases[i].list != NULL ? cases[i].list : "let through");
        }
    }
}

static void built_in_lists_hold_without_any_configuration(void **state)
{
    static const struct guard_case cases[] = {
        {KR_INDICATOR_IPV4, "10.1.2.3", "special-use"},
        {KR_INDICATOR_IPV4, "127.0.0.1", "special-use"},
        {KR_INDICATOR_IPV4, "192.168.1.0/24", "special-use"},
        {KR_INDICATOR_IPV4, "172.31.255.255", "special-use"},
        {KR_INDICATOR_IPV4, "172.32.0.1", NULL},
        {KR_INDICATOR_IPV4, "100.64.0.1", "special-use"},
        {KR_INDICATOR_IPV4, "100.128.0.1", NULL},
        {KR_INDICATOR_IPV4, "169.254.169.254", "special-use"},
        {KR_INDICATOR_IPV4, "224.0.0.1", "special-use"},
        {KR_INDICATOR_IPV4, "255.255.255.255", "special-use"},
        {KR_INDICATOR_IPV4, "192.0.2.1", "special-use"},
        {KR_INDICATOR_IPV4, "8.8.8.8", "resolver"},
        {KR_INDICATOR_IPV4, "1.1.1.1", "resolver"},
        {KR_INDICATOR_IPV4, "8.8.8.0/24", "resolver"}, /* a network that holds one */
        {KR_INDICATOR_IPV4, "0.0.0.0/0", "special-use"},
        {KR_INDICATOR_IPV4, "45.66.77.88", NULL},
        {KR_INDICATOR_IPV4, "45.66.77.88:8080", NULL},
        {KR_INDICATOR_IPV6, "::1", "special-use"},
        {KR_INDICATOR_IPV6, "fe80::1", "special-use"},
        {KR_INDICATOR_IPV6, "fd00::1", "special-use"},
        {KR_INDICATOR_IPV6, "2001:db8::1", "special-use"},
        {KR_INDICATOR_IPV4, "192.31.196.1", "special-use"},
        {KR_INDICATOR_IPV4, "192.52.193.1", "special-use"},
        {KR_INDICATOR_IPV4, "192.175.48.1", "special-use"},
        {KR_INDICATOR_IPV4, "192.175.49.1", NULL},
        {KR_INDICATOR_IPV6, "64:ff9b::808:808", "special-use"},
        {KR_INDICATOR_IPV6, "100:0:0:1::5", "special-use"},
        {KR_INDICATOR_IPV6, "100:0:0:2::5", NULL},
        {KR_INDICATOR_IPV6, "2001:0:102:304::5", "special-use"},
        {KR_INDICATOR_IPV6, "2001:20::1", "special-use"},
        {KR_INDICATOR_IPV6, "2001:200::1", NULL},
        {KR_INDICATOR_IPV6, "2002:808:808::1", "special-use"},
        {KR_INDICATOR_IPV6, "2620:4f:8000::1", "special-use"},
        {KR_INDICATOR_IPV6, "5f00::1", "special-use"},
        {KR_INDICATOR_IPV6, "fec0::1", "special-use"},
        {KR_INDICATOR_IPV6, "2001:4860:4860::8888", "resolver"},
        {KR_INDICATOR_IPV6, "2a02:26f0::1", NULL},
        {KR_INDICATOR_DOMAIN, "google.com", "well-known"},
        {KR_INDICATOR_DOMAIN, "www.google.com", "well-known"},
        {KR_INDICATOR_DOMAIN, "evil.sharepoint.com", NULL}, /* below a well-known one: what is reported is one tenant */
        {KR_INDICATOR_DOMAIN, "notgoogle.com", NULL},
        {KR_INDICATOR_DOMAIN, "www.co.jp", NULL},
        {KR_INDICATOR_DOMAIN, "co.jp", "public-suffix"},
        {KR_INDICATOR_DOMAIN, "city.kawasaki.jp", NULL}, /* an exception of the public suffix list */
        {KR_INDICATOR_DOMAIN, "tokyo.jp", "public-suffix"},
        {KR_INDICATOR_DOMAIN, "github.io", "public-suffix"},
        {KR_INDICATOR_DOMAIN, "phish.github.io", NULL},
        {KR_INDICATOR_DOMAIN, "www.example.com", "special-use"},
        {KR_INDICATOR_DOMAIN, "a.test", "special-use"},
        {KR_INDICATOR_DOMAIN, "printer.local", "special-use"},
        {KR_INDICATOR_DOMAIN, "x.home.arpa", "special-use"},
        {KR_INDICATOR_DOMAIN, "bad-bank.xyz", NULL},
        {KR_INDICATOR_URL, "https://google.com/", "well-known"},
        {KR_INDICATOR_URL, "https://user@google.com:8443/", "well-known"},
        {KR_INDICATOR_URL, "https://google.com/forms/d/evil", NULL}, /* one page of it may be evil */
        {KR_INDICATOR_URL, "http://10.0.0.1/x", "special-use"},
        {KR_INDICATOR_URL, "http://[::1]:8080/x", "special-use"},
        {KR_INDICATOR_URL, "http://[2a02:26f0::1]/x", NULL},
        {KR_INDICATOR_URL, "http://8.8.8.8/", "resolver"},
        {KR_INDICATOR_URL, "http://www.example.com/login", "special-use"},
        {KR_INDICATOR_URL, "http://google.com@bad-bank.xyz/", NULL}, /* the host is what stands behind the @ */
        {KR_INDICATOR_URL, "http://bad-bank.xyz/?u=http://google.com/", NULL},
        {KR_INDICATOR_EMAIL, "a@example.com", "special-use"},
        {KR_INDICATOR_EMAIL, "phisher@gmail.com", NULL}, /* one mailbox at a well-known provider */
        {KR_INDICATOR_MD5, "d41d8cd98f00b204e9800998ecf8427e", "empty-file"},
        {KR_INDICATOR_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709", "empty-file"},
        {KR_INDICATOR_SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "empty-file"},
        {KR_INDICATOR_SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856", NULL},
        {KR_INDICATOR_SHA512,
         "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af"
         "927da3e",
         "empty-file"},
        {KR_INDICATOR_FILENAME, "invoice.exe", NULL},
        {KR_INDICATOR_CVE, "CVE-2024-12345", NULL},
    };
    (void)state;
    struct kr_guards *guards = NULL;
    assert_int_equal(kr_guards_new(&guards), KR_OK);
    check_all(guards, cases, sizeof cases / sizeof cases[0]);
    kr_guards_free(guards);
    check_all(NULL, cases, sizeof cases / sizeof cases[0]);
}

static void the_councils_own_values_are_held_back(void **state)
{
    static const struct guard_case cases[] = {
        {KR_INDICATOR_DOMAIN, "haisl.jp", "own-domain"},
        {KR_INDICATOR_DOMAIN, "mail.haisl.jp", "own-domain"},
        {KR_INDICATOR_DOMAIN, "nothaisl.jp", NULL},
        {KR_INDICATOR_DOMAIN, "haisl.jp.bad-bank.xyz", NULL},
        {KR_INDICATOR_URL, "https://www.haisl.jp/login?x=1", "own-domain"},
        {KR_INDICATOR_URL, "https://bad-bank.xyz/haisl.jp", NULL},
        {KR_INDICATOR_EMAIL, "desk@haisl.jp", "own-domain"},
        {KR_INDICATOR_IPV4, "45.66.77.88", "own-network"},
        {KR_INDICATOR_IPV4, "45.66.0.0/16", "own-network"}, /* a network that holds ours */
        {KR_INDICATOR_IPV4, "45.66.78.1", NULL},
        {KR_INDICATOR_URL, "http://45.66.77.1/", "own-network"},
        {KR_INDICATOR_IPV6, "2a02:26f0:1::5", "own-network"},
        {KR_INDICATOR_FILENAME, "Kita Bank list.xlsx", "own-name"},
        {KR_INDICATOR_OTHER, "seen at Kita Bank today", "own-name"},
        {KR_INDICATOR_OTHER, "seen at a bank today", NULL},
    };
    (void)state;
    struct kr_guards *guards = NULL;
    struct kr_error error = {{0}};
    assert_int_equal(kr_guards_new(&guards), KR_OK);
    assert_int_equal(kr_guards_add_own(guards, "haisl.jp", &error), KR_OK);
    assert_int_equal(kr_guards_add_own(guards, "45.66.77.0/24", &error), KR_OK);
    assert_int_equal(kr_guards_add_own(guards, "2a02:26f0:1::/48", &error), KR_OK);
    assert_int_equal(kr_guards_add_own(guards, "Kita Bank", &error), KR_OK);
    check_all(guards, cases, sizeof cases / sizeof cases[0]);
    assert_int_equal(kr_guards_add_own(guards, "", &error), KR_INVALID);
    assert_int_equal(kr_guards_add_own(guards, "203.0.113.0/33", &error), KR_INVALID);
    assert_int_equal(kr_guards_add_own(guards, "2001:db8::/129", &error), KR_INVALID);
    assert_int_equal(kr_guards_add_own(guards, "A/B Trading", &error), KR_OK);
    assert_true(strlen(error.text) > 0);
    kr_guards_free(guards);
}

static void documentation_is_let_through_only_where_the_configuration_says_so(void **state)
{
    (void)state;
    struct kr_guards *guards = NULL;
    assert_int_equal(kr_guards_new(&guards), KR_OK);
    kr_guards_allow_documentation(guards, true);
    static const struct guard_case allowed[] = {
        {KR_INDICATOR_DOMAIN, "www.example.com", NULL},
        {KR_INDICATOR_IPV4, "192.0.2.7", NULL},
        {KR_INDICATOR_IPV6, "2001:db8::1", NULL},
        {KR_INDICATOR_URL, "http://a.example/x", NULL},
        {KR_INDICATOR_DOMAIN, "printer.local", "special-use"},
        {KR_INDICATOR_IPV4, "10.0.0.1", "special-use"},
    };
    check_all(guards, allowed, sizeof allowed / sizeof allowed[0]);
    kr_guards_allow_documentation(guards, false);
    assert_string_equal(check(guards, KR_INDICATOR_DOMAIN, "www.example.com"), "special-use");
    kr_guards_free(guards);
}

static void own_values_are_bounded(void **state)
{
    (void)state;
    struct kr_guards *guards = NULL;
    enum kr_err err = KR_OK;
    uint32_t count = 0;
    assert_int_equal(kr_guards_new(&guards), KR_OK);
    for (; count < 5000 && err == KR_OK; count++) {
        char name[32];
        (void)snprintf(name, sizeof name, "host%u.haisl.jp", count);
        err = kr_guards_add_own(guards, name, NULL);
    }
    assert_int_equal(err, KR_BOUNDS);
    assert_string_equal(check(guards, KR_INDICATOR_DOMAIN, "host0.haisl.jp"), "own-domain");
    kr_guards_free(guards);
    kr_guards_free(NULL);
}

/* Values of a wrong length never reach past their end (run under ASan): guards see what a client sent before it was judged. */
static void malformed_values_are_survived(void **state)
{
    (void)state;
    static const char *const texts[] = {"",          "@",          "://",      "http://",  "http://[",
                                        "http://[/", "http://]:/", "http://:", "http://@", "."};
    for (uint32_t type = 0; type < 70; type++) {
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            uint8_t *exact = test_malloc(strlen(texts[i]) + 1);
            memcpy(exact, texts[i], strlen(texts[i]));
            (void)kr_guards_check(NULL, type, (struct kr_slice){exact, strlen(texts[i])});
            test_free(exact);
        }
    }
    assert_null(kr_guards_check(NULL, KR_INDICATOR_IPV4, (struct kr_slice){(const uint8_t *)"\x0a", 1}));
}

/* Freed by the last who holds them (the address sanitizer sees if not). */
static void they_live_as_long_as_somebody_holds_them(void **state)
{
    (void)state;
    struct kr_guards *guards = NULL;
    struct kr_error error = {.text = ""};
    assert_null(kr_guards_hold(NULL));
    assert_int_equal(kr_guards_new(&guards), KR_OK);
    assert_int_equal(kr_guards_add_own(guards, "haisl.jp", &error), KR_OK);
    assert_ptr_equal(kr_guards_hold(guards), guards);
    kr_guards_free(guards);
    assert_string_equal(check(guards, KR_INDICATOR_DOMAIN, "a.haisl.jp"), "own-domain");
    kr_guards_free(guards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_live_as_long_as_somebody_holds_them),
        cmocka_unit_test(built_in_lists_hold_without_any_configuration),
        cmocka_unit_test(the_councils_own_values_are_held_back),
        cmocka_unit_test(documentation_is_let_through_only_where_the_configuration_says_so),
        cmocka_unit_test(own_values_are_bounded),
        cmocka_unit_test(malformed_values_are_survived),
    };
    return cmocka_run_group_tests_name("core/guard", tests, NULL, NULL);
}
