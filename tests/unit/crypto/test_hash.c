#include "crypto_test.h"

#include "crypto/hash.h"

/* Expected values without another source come from Python's hashlib and from a plain XChaCha20 written out of its draft. */

static uint8_t counting_key[32];

static int setup(void **state)
{
    for (size_t i = 0; i < sizeof counting_key; i++) {
        counting_key[i] = (uint8_t)i;
    }
    return start_crypto(state);
}

static void hash_is_blake2b_256_of_domain_and_bytes(void **state)
{
    (void)state;
    static const char abc[] = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
    uint8_t hash[KR_HASH_BYTES];
    kr_hash(hash, "", NULL, 0);
    assert_hex(hash, sizeof hash, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    kr_hash(hash, "", "abc", 3);
    assert_hex(hash, sizeof hash, abc);
    kr_hash(hash, "a", "bc", 2);
    assert_hex(hash, sizeof hash, abc);

    struct kr_hash_state parts;
    kr_hash_init(&parts, "a");
    kr_hash_update(&parts, "b", 1);
    kr_hash_update(&parts, NULL, 0);
    kr_hash_update(&parts, "c", 1);
    kr_hash_final(&parts, hash);
    assert_hex(hash, sizeof hash, abc);
}

/* The first example of the paper's appendix. */
static void short_hash_is_siphash_2_4(void **state)
{
    (void)state;
    uint8_t out[KR_SHORT_BYTES];
    kr_hash_short(out, counting_key, counting_key, 15);
    assert_hex(out, sizeof out, "e545be4961ca29a1");
}

static void domains_separate(void **state)
{
    (void)state;
    uint8_t one[KR_HASH_BYTES], other[KR_HASH_BYTES];
    kr_hash(one, "kairan one", "same", 4);
    kr_hash(other, "kairan other", "same", 4);
    assert_memory_not_equal(one, other, sizeof one);
    kr_hash_keyed(one, sizeof one, counting_key, "kairan one", "same", 4);
    kr_hash_keyed(other, sizeof other, counting_key, "kairan other", "same", 4);
    assert_memory_not_equal(one, other, sizeof one);
}

static void keyed_hash_is_keyed_blake2b_of_each_length(void **state)
{
    (void)state;
    const uint8_t bytes[7] = {0, 1, 2, 3, 4, 5, 6};
    uint8_t out[65];
    out[64] = 0xa5;
    kr_hash_keyed(out, 16, counting_key, "kairan test", bytes, sizeof bytes);
    assert_hex(out, 16, "cbb1f73859327d392a6b64f151ac2241");
    kr_hash_keyed(out, 32, counting_key, "kairan test", bytes, sizeof bytes);
    assert_hex(out, 32, "bdf36cd46e3512d20125b5d19a24f1eeccd5d9072c749ea380fc6ff84e2cc16b");
    kr_hash_keyed(out, 64, counting_key, "kairan test", bytes, sizeof bytes);
    assert_hex(out, 64,
               "d2cb92f99657fff4a8a1a061ca1bd510ec2e6073f3759325c90d15872825663d"
               "e4faf26eb999d149b54a649a2b471cd629f8cd888a65369b80e8f4ef97ad471b");
    assert_int_equal(out[64], 0xa5);
}

static void term_depends_on_key_generation_type_and_value(void **state)
{
    (void)state;
    uint8_t term[KR_TERM_BYTES], other[KR_TERM_BYTES];
    kr_term(term, counting_key, 0x01020304, 5, "example.jp", 10);
    assert_hex(term, sizeof term, "d463cd9f512daf84251add5285386a1b");
    kr_term(other, counting_key, 0x01020305, 5, "example.jp", 10);
    assert_memory_not_equal(term, other, sizeof term);
    kr_term(other, counting_key, 0x01020304, 6, "example.jp", 10);
    assert_memory_not_equal(term, other, sizeof term);
    kr_term(other, counting_key, 0x01020304, 5, "example.jq", 10);
    assert_memory_not_equal(term, other, sizeof term);
    uint8_t key[32];
    memcpy(key, counting_key, sizeof key);
    key[31] ^= 1;
    kr_term(other, key, 0x01020304, 5, "example.jp", 10);
    assert_memory_not_equal(term, other, sizeof term);
}

static void rng_is_xchacha20_with_the_call_number_as_nonce(void **state)
{
    (void)state;
    struct kr_rng rng;
    uint8_t bytes[24];
    kr_rng_init(&rng, counting_key);
    kr_rng_bytes(&rng, bytes, sizeof bytes);
    assert_hex(bytes, sizeof bytes, "c2a79b97e0e91bd7d08793c97c44071613eb56e4ee4442d9");
    kr_rng_bytes(&rng, bytes, sizeof bytes);
    assert_hex(bytes, sizeof bytes, "ddafc81defe338d57961e1fa71b736e99738a568638de1d5");
    kr_rng_bytes(&rng, NULL, 0);
    assert_int_equal(rng.counter, 3);
    rng.counter = 2;
    kr_rng_bytes(&rng, bytes, sizeof bytes);
    assert_hex(bytes, sizeof bytes, "1ff62706d7b30df49bfe6915c4455cbbc3a98be5099a99c4");
}

static void same_seed_and_calls_give_the_same_bytes(void **state)
{
    (void)state;
    struct kr_rng one, two;
    kr_rng_init(&one, counting_key);
    kr_rng_init(&two, counting_key);
    for (size_t len = 0; len < 200; len++) {
        uint8_t a[200] = {0}, b[200] = {0};
        kr_rng_bytes(&one, a, len);
        kr_rng_bytes(&two, b, len);
        assert_memory_equal(a, b, sizeof a);
        assert_int_equal(kr_rng_below(&one, len + 1), kr_rng_below(&two, len + 1));
    }
}

static void below_stays_below(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {1, 2, 3, 7, 256, 1000003, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX};
    struct kr_rng rng;
    kr_rng_init(&rng, counting_key);
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        for (int n = 0; n < 200; n++) {
            assert_true(kr_rng_below(&rng, bounds[i]) < bounds[i]);
        }
    }
}

static void below_reaches_every_value_evenly(void **state)
{
    (void)state;
    struct kr_rng rng;
    kr_rng_init(&rng, counting_key);
    /* With a bound of 3/4 of all numbers, a plain remainder would give the lowest third twice as often as each other. */
    const uint64_t third = UINT64_C(1) << 62;
    int thirds[3] = {0}, dice[6] = {0};
    for (int n = 0; n < 6000; n++) {
        thirds[kr_rng_below(&rng, 3 * third) / third]++;
        dice[kr_rng_below(&rng, 6)]++;
    }
    for (size_t i = 0; i < 3; i++) {
        assert_in_range(thirds[i], 1800, 2200);
    }
    for (size_t i = 0; i < 6; i++) {
        assert_in_range(dice[i], 850, 1150);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_blake2b_256_of_domain_and_bytes),
        cmocka_unit_test(short_hash_is_siphash_2_4),
        cmocka_unit_test(domains_separate),
        cmocka_unit_test(keyed_hash_is_keyed_blake2b_of_each_length),
        cmocka_unit_test(term_depends_on_key_generation_type_and_value),
        cmocka_unit_test(rng_is_xchacha20_with_the_call_number_as_nonce),
        cmocka_unit_test(same_seed_and_calls_give_the_same_bytes),
        cmocka_unit_test(below_stays_below),
        cmocka_unit_test(below_reaches_every_value_evenly),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
