/* The set: all keys of a value find it, nothing else does, equal values are chained, sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/scan/packed.h"
#include "tools/scan/sieve.h"
#include "tools/scan/values.h"

static const uint8_t seed[48] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};

struct seen {
    uint32_t count, records;
    uint64_t sum;
    const struct kr_indicator *wanted;
};

static bool see(void *context, const struct kr_sieve_value *value)
{
    struct seen *seen = context;
    seen->count++;
    seen->sum += value->record;
    seen->records += seen->wanted != NULL && value->type == seen->wanted->type && value->value.len == seen->wanted->len &&
                     memcmp(value->value.bytes, seen->wanted->value, seen->wanted->len) == 0;
    return true;
}

static struct kr_indicator parse(uint32_t type, const char *text)
{
    struct kr_indicator value;
    struct kr_error error = {0};
    if (kr_indicator_parse(type, text, strlen(text), &value, &error) != KR_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return value;
}

static void add(struct kr_sieve *sieve, uint32_t type, const char *text, uint32_t record)
{
    const struct kr_indicator value = parse(type, text);
    assert_int_equal(kr_sieve_add(sieve, value.type, value.value, value.len, record), KR_OK);
}

struct keys {
    const struct kr_sieve *sieve;
    const struct kr_indicator *value;
    uint32_t count;
};

static bool expect_key(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct keys *keys = context;
    struct seen seen = {.wanted = keys->value};
    assert_int_equal(kr_sieve_may_have(keys->sieve, kr_sieve_hash(keys->sieve, type, bytes, len)), 1);
    assert_true(kr_sieve_has(keys->sieve, kr_sieve_hash(keys->sieve, type, bytes, len)));
    kr_sieve_find(keys->sieve, type, bytes, len, see, &seen);
    assert_true(seen.records >= 1);
    keys->count++;
    return true;
}

/* Under every key that the index has of it, a value is found. */
static void test_every_key(void **state)
{
    static const struct {
        uint32_t type;
        const char *text;
    } values[] = {
        {0, "bad.com"},
        {0, "a.b.c.d.e.f.bad.com"},
        {0, "http://bad.com/login?x"},
        {0, "http://1.2.3.4/"},
        {0, "http://[2001:db8::1]:8080/"},
        {0, "1.2.3.4"},
        {0, "1.2.3.4:80"},
        {0, "10.0.0.0/8"},
        {0, "0.0.0.0/0"},
        {0, "2001:db8::1"},
        {0, "2001:db8::/32"},
        {0, "foo@bad.com"},
        {0, "o'neil@bad.com"},
        {0, "x=@bad.com"},
        {0, "d41d8cd98f00b204e9800998ecf8427e"},
        {KR_INDICATOR_JA3, "d41d8cd98f00b204e9800998ecf8427e"},
        {0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {0, "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81"
            "a538327af927da3e"}};
    struct kr_sieve *sieve = kr_sieve_new(seed);
    const size_t count = sizeof values / sizeof values[0];
    (void)state;
    assert_non_null(sieve);
    for (size_t i = 0; i < count; i++) {
        add(sieve, values[i].type, values[i].text, (uint32_t)i);
    }
    assert_int_equal(kr_sieve_seal(sieve), KR_OK);
    assert_int_equal(kr_sieve_count(sieve), count);
    for (size_t i = 0; i < count; i++) {
        const struct kr_indicator value = parse(values[i].type, values[i].text);
        struct keys keys = {.sieve = sieve, .value = &value};
        kr_indicator_index_keys(value.type, value.value, value.len, expect_key, &keys);
        assert_true(keys.count >= 1);
    }
    static const char *const absent[] = {"notbad.com", "1.2.3.5", "foo@bad.org", "com.bad", "d41d8cd98f00b204e9800998ecf8427f"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        const struct kr_indicator value = parse(KR_INDICATOR_ANY, absent[i]);
        struct seen seen = {0};
        kr_sieve_find(sieve, value.type, value.value, value.len, see, &seen);
        assert_int_equal(seen.count, 0);
    }
    kr_sieve_free(sieve);
}

/* The same value of several records, and URLs on one host: each is visited. */
static void test_chains(void **state)
{
    struct kr_sieve *sieve = kr_sieve_new(seed);
    char url[64];
    struct seen seen = {0}, host = {0};
    (void)state;
    assert_non_null(sieve);
    for (uint32_t i = 0; i < 20; i++) {
        add(sieve, KR_INDICATOR_DOMAIN, "bad.com", i);
        (void)snprintf(url, sizeof url, "http://shared.example/%u", i);
        add(sieve, KR_INDICATOR_URL, url, 100 + i);
    }
    assert_int_equal(kr_sieve_seal(sieve), KR_OK);
    kr_sieve_find(sieve, KR_INDICATOR_DOMAIN, (const uint8_t *)"bad.com", 7, see, &seen);
    assert_int_equal(seen.count, 20);
    assert_int_equal(seen.sum, 190);
    kr_sieve_find(sieve, KR_INDICATOR_URL_HOST, (const uint8_t *)"shared.example", 14, see, &host);
    assert_int_equal(host.count, 20);
    assert_int_equal(host.sum, 2190);
    kr_sieve_free(sieve);
}

/* Texts that are found by the same word: however often one of them was shared, it does not hide the other. */
static void test_equal_texts(void **state)
{
    struct kr_sieve *sieve = kr_sieve_new(seed);
    const struct kr_indicator other = parse(KR_INDICATOR_FILENAME, "old invoice.exe");
    struct seen seen = {.wanted = &other};
    (void)state;
    assert_non_null(sieve);
    add(sieve, KR_INDICATOR_FILENAME, "old invoice.exe", 1);
    for (uint32_t i = 0; i < 1000; i++) {
        add(sieve, KR_INDICATOR_FILENAME, "my invoice.exe", i);
    }
    assert_int_equal(kr_sieve_seal(sieve), KR_OK);
    kr_sieve_find_texts(sieve, kr_sieve_hash_word(sieve, (const uint8_t *)"        invoice.exe        " + 8, 11), see, &seen);
    assert_int_equal(seen.records, 1);
    assert_in_range(seen.count, 2, 300);
    kr_sieve_free(sieve);
}

/* Texts that are shared again and again, by turns: a word of theirs costs no more than what is visited, and the last ones are. */
static void test_texts_by_turns(void **state)
{
    static const char *const names[] = {"my invoice.exe", "his invoice.exe"};
    struct kr_sieve *sieve = kr_sieve_new(seed);
    const uint64_t hash = kr_sieve_hash_word(sieve, (const uint8_t *)"        invoice.exe        " + 8, 11);
    struct seen seen = {0};
    uint32_t steps = 0;
    (void)state;
    assert_non_null(sieve);
    for (uint32_t i = 0; i < 20000; i++) {
        add(sieve, KR_INDICATOR_FILENAME, names[i % 2], i);
    }
    assert_int_equal(kr_sieve_seal(sieve), KR_OK);
    for (uint32_t at = *kr_packed_head(sieve, hash, false); at != 0; at = kr_packed_at(sieve, at)->next) {
        steps++;
    }
    assert_int_equal(steps, 2 * KR_SIEVE_SHOWN_MAX);
    kr_sieve_find_texts(sieve, hash, see, &seen);
    assert_int_equal(seen.count, 2 * KR_SIEVE_SHOWN_MAX);
    assert_int_equal(seen.sum, (uint64_t)seen.count * (2 * 20000 - 1 - seen.count) / 2);
    kr_sieve_free(sieve);
}

/* All URLs of a large set on one host must not make building it slow: each is one step. */
static void test_one_host(void **state)
{
    struct kr_sieve *sieve = kr_sieve_new(seed);
    struct seen seen = {0};
    char url[64];
    (void)state;
    assert_non_null(sieve);
    for (uint32_t i = 0; i < 200000; i++) {
        (void)snprintf(url, sizeof url, "http://shared.example/%u", i);
        add(sieve, KR_INDICATOR_URL, url, 0);
    }
    assert_int_equal(kr_sieve_seal(sieve), KR_OK);
    kr_sieve_find(sieve, KR_INDICATOR_URL, (const uint8_t *)"http://shared.example/199999", 28, see, &seen);
    assert_int_equal(seen.count, 1);
    kr_sieve_free(sieve);
}

/* Keys are put in by batches: URLs, which have two and one root, in front of any number of names, which have one each. */
static void test_batches(void **state)
{
    char text[64];
    (void)state;
    for (uint32_t urls = 1; urls < 70; urls++) {
        struct kr_sieve *sieve = kr_sieve_new(seed);
        assert_non_null(sieve);
        for (uint32_t i = 0; i < 200; i++) {
            (void)snprintf(text, sizeof text, i < urls ? "http://host%u.example/x" : "host%u.example", i);
            add(sieve, KR_INDICATOR_ANY, text, i);
        }
        assert_int_equal(kr_sieve_seal(sieve), KR_OK);
        for (uint32_t i = 0; i < 200; i++) {
            const size_t len = (size_t)snprintf(text, sizeof text, "%16shost%u.example", "", i);
            const uint64_t root = kr_sieve_root(&sieve->key, (uint8_t *)text + len, (unsigned)len - 16);
            assert_int_equal(kr_sieve_bits_may_have(sieve->roots, root), 1);
        }
        kr_sieve_free(sieve);
    }
}

static uint64_t net_of(const struct kr_sieve *sieve, uint32_t address)
{
    char text[32];
    const int len =
        snprintf(text, sizeof text, "%8s%u.%u.%u", "", (unsigned)(address >> 24), address >> 16 & 255, address >> 8 & 255);
    return kr_sieve_net(&sieve->key, (const uint8_t *)text + len, (unsigned)len - 8);
}

/* The nets of addresses are put in by batches, too: those of hosts of URLs, which have two keys, and of addresses, which have one.
 */
static void test_batches_of_nets(void **state)
{
    char text[64];
    (void)state;
    for (uint32_t urls = 1; urls < 70; urls++) {
        struct kr_sieve *sieve = kr_sieve_new(seed);
        assert_non_null(sieve);
        for (uint32_t i = 0; i < 200; i++) {
            (void)snprintf(text, sizeof text, i < urls ? "http://198.51.%u.7/x" : "198.51.%u.7", i);
            add(sieve, KR_INDICATOR_ANY, text, i);
        }
        assert_int_equal(kr_sieve_seal(sieve), KR_OK);
        for (uint32_t i = 0; i < 200; i++) {
            assert_int_equal(kr_sieve_bits_may_have(sieve->nets, net_of(sieve, 198u << 24 | 51u << 16 | i << 8 | 7)), 1);
        }
        kr_sieve_free(sieve);
    }
}

/* Of a network of any length, all /24s that it is made of or lies in are known, and few others. */
static void test_networks(void **state)
{
    char text[32];
    (void)state;
    for (unsigned prefix = 0; prefix < 32; prefix++) {
        struct kr_sieve *sieve = kr_sieve_new(seed);
        const uint32_t mask = prefix == 0 ? 0 : UINT32_MAX << (32 - prefix), first = 0xc0a8f5b3u & mask;
        uint32_t step = prefix < 24 ? (~mask >> 8) / 1000 * 256 + 256 : 1, inside = 0, strangers = 0;
        assert_non_null(sieve);
        (void)snprintf(text, sizeof text, "%u.%u.%u.%u/%u", (unsigned)(first >> 24), first >> 16 & 255, first >> 8 & 255,
                       first & 255, prefix);
        add(sieve, KR_INDICATOR_IPV4, text, 0);
        assert_int_equal(kr_sieve_seal(sieve), KR_OK);
        for (uint32_t offset = 0; offset<~mask; offset = offset> ~mask - step ? ~mask : offset + step) {
            const uint64_t net = net_of(sieve, first + offset);
            assert_int_equal(kr_sieve_bits_may_have(sieve->nets, net) & kr_sieve_bits_may_have(sieve->networks, net), 1);
            inside++;
        }
        assert_int_equal(kr_sieve_bits_may_have(sieve->networks, net_of(sieve, first | ~mask)), 1);
        assert_true(inside > 0);
        for (uint32_t i = 0; i < 1000; i++) {
            const uint32_t address = i * 4294957u;
            strangers += (address & mask) != first && kr_sieve_bits_may_have(sieve->networks, net_of(sieve, address)) != 0;
        }
        if (strangers >= (prefix < 3 ? 1000u : prefix < 5 ? 450u : 100u)) {
            fail_msg("/%u: %u of 1,000 others are taken for one of it", prefix, strangers);
        }
        kr_sieve_free(sieve);
    }
}

/* The largest networks, shared as often as anybody likes, take no time each. */
static void test_large_networks(void **state)
{
    struct kr_sieve *sieve = kr_sieve_new(seed);
    struct seen seen = {0};
    (void)state;
    assert_non_null(sieve);
    for (uint32_t i = 0; i < 200000; i++) {
        add(sieve, KR_INDICATOR_IPV4, i % 2 == 0 ? "0.0.0.0/0" : "128.0.0.0/1", i);
    }
    assert_int_equal(kr_sieve_seal(sieve), KR_OK);
    assert_true(kr_sieve_bytes(sieve) < (uint64_t)16 << 20);
    kr_sieve_find(sieve, KR_INDICATOR_IPV4, (const uint8_t[]){128, 0, 0, 0, 1, 0, 0}, 7, see, &seen);
    assert_true(seen.count > 1);
    kr_sieve_free(sieve);
}

static void test_left_out(void **state)
{
    struct kr_sieve *sieve = kr_sieve_new(seed);
    (void)state;
    assert_non_null(sieve);
    add(sieve, KR_INDICATOR_YARA, "rule x { condition: true }", 0);
    add(sieve, KR_INDICATOR_OTHER, "two\nlines of it", 0);
    add(sieve, KR_INDICATOR_MUTEX, "abc", 0);
    add(sieve, KR_INDICATOR_FILENAME, "請求書", 0); /* no word to find it by */
    assert_int_equal(kr_sieve_count(sieve), 0);
    assert_int_equal(kr_sieve_left_out(sieve), 4);
    add(sieve, KR_INDICATOR_FILENAME, "請求書.exe", 0);
    assert_int_equal(kr_sieve_count(sieve), 1);
    assert_int_equal(kr_sieve_seal(sieve), KR_OK); /* also of nearly nothing */
    kr_sieve_free(sieve);
}

/* Under 120 bytes a value, all included. */
static void test_size(void **state)
{
    struct kr_sieve *sieve = kr_sieve_new(seed);
    char text[96];
    uint64_t wrong = 0;
    (void)state;
    assert_non_null(sieve);
    for (uint32_t i = 0; i < 100000; i++) {
        (void)snprintf(text, sizeof text, i % 3 == 0 ? "https://login.bad%u.example/path/of/kit.php" : "mail.bad%u.example", i);
        add(sieve, KR_INDICATOR_ANY, text, 0);
    }
    assert_int_equal(kr_sieve_seal(sieve), KR_OK);
    assert_true(kr_sieve_bytes(sieve) / 100000 < 120);
    /* The filter lets few strangers pass. */
    for (uint32_t i = 0; i < 100000; i++) {
        const int len = snprintf(text, sizeof text, "mail.good%u.example", i);
        wrong += kr_sieve_may_have(sieve, kr_sieve_hash(sieve, KR_INDICATOR_DOMAIN, (const uint8_t *)text, (size_t)len));
    }
    assert_true(wrong < 2000);
    kr_sieve_free(sieve);
}

static void test_values_from_a_file(void **state)
{
    static const char text[] =
        "# a list\nbad.com\r\n\n1.2.3.4\nfilename\tevil.exe\nnot a value\nhttp://x.example/a b\n198.51.100.0/24";
    char path[] = "/tmp/kr-values.XXXXXX";
    struct kr_values_told told;
    struct kr_error error = {0};
    struct kr_sieve *sieve = kr_sieve_new(seed);
    (void)state;
    assert_non_null(sieve);
    const int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    (void)fclose(out);
    assert_int_equal(kr_values_read(path, sieve, &told, &error), KR_OK);
    assert_int_equal(told.bad, 1);
    assert_int_equal(told.first_bad, 6);
    assert_true(told.why.text[0] != 0);
    assert_int_equal(told.values, 5);
    assert_int_equal(kr_sieve_count(sieve), 5);

    /* A line without end is one bad line, however long. */
    out = fopen(path, "we");
    assert_non_null(out);
    for (int i = 0; i < 200000; i++) {
        assert_true(fputc('a', out) != EOF);
    }
    assert_true(fputs("\nbad.org\n", out) >= 0);
    (void)fclose(out);
    assert_int_equal(kr_values_read(path, sieve, &told, &error), KR_OK);
    assert_int_equal(told.bad, 1);
    assert_int_equal(told.values, 1);
    (void)remove(path);
    assert_int_equal(kr_values_read(path, sieve, &told, &error), KR_IO);
    assert_non_null(strstr(error.text, "cannot be read"));
    kr_sieve_free(sieve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key),       cmocka_unit_test(test_chains),   cmocka_unit_test(test_equal_texts),
        cmocka_unit_test(test_texts_by_turns),  cmocka_unit_test(test_one_host), cmocka_unit_test(test_batches),
        cmocka_unit_test(test_batches_of_nets), cmocka_unit_test(test_networks), cmocka_unit_test(test_large_networks),
        cmocka_unit_test(test_left_out),        cmocka_unit_test(test_size),     cmocka_unit_test(test_values_from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
