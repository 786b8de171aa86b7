#include "crypto_test.h"

#include "crypto/sign.h"

/* RFC 8032, section 7.1, tests 1 to 3; an empty domain leaves plain Ed25519. */
static const struct {
    const char *seed, *public_key, *msg, *signature;
} rfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static uint8_t public_key[32], secret[64];

static int setup(void **state)
{
    const uint8_t seed[32] = {7};
    int failed = start_crypto(state);
    kr_sign_keypair(public_key, secret, seed);
    return failed;
}

static void signatures_are_those_of_rfc_8032(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rfc8032 / sizeof rfc8032[0]; i++) {
        uint8_t seed[32], pub[32], sec[64], msg[2], signature[64];
        size_t len = strlen(rfc8032[i].msg) / 2;
        unhex(seed, sizeof seed, rfc8032[i].seed);
        unhex(msg, len, rfc8032[i].msg);
        kr_sign_keypair(pub, sec, seed);
        assert_hex(pub, sizeof pub, rfc8032[i].public_key);
        kr_sign(signature, sec, "", msg, len);
        assert_hex(signature, sizeof signature, rfc8032[i].signature);
        assert_int_equal(kr_verify(signature, pub, "", msg, len), KR_OK);
    }
}

static void the_domain_stands_before_the_message(void **state)
{
    (void)state;
    uint8_t pub[32], sec[64], seed[32], signature[64];
    unhex(seed, sizeof seed, rfc8032[1].seed);
    kr_sign_keypair(pub, sec, seed);
    kr_sign(signature, sec, "r", NULL, 0); /* 'r' is 0x72, the message of the second vector */
    assert_hex(signature, sizeof signature, rfc8032[1].signature);
}

static void a_signature_stands_in_its_domain_only(void **state)
{
    (void)state;
    uint8_t signature[64];
    kr_sign(signature, secret, "kairan one", "message", 7);
    assert_int_equal(kr_verify(signature, public_key, "kairan one", "message", 7), KR_OK);
    assert_int_equal(kr_verify(signature, public_key, "kairan two", "message", 7), KR_SIGNATURE);
    assert_int_equal(kr_verify(signature, public_key, "", "message", 7), KR_SIGNATURE);
    assert_int_equal(kr_verify(signature, public_key, "kairan one", "message", 6), KR_SIGNATURE);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    uint8_t msg[5] = "hello", signature[64], pub[32];
    kr_sign(signature, secret, "kairan test", msg, sizeof msg);
    memcpy(pub, public_key, sizeof pub);
    const struct {
        uint8_t *bytes;
        size_t len;
    } inputs[] = {{signature, sizeof signature}, {msg, sizeof msg}, {pub, sizeof pub}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t bit = 0; bit < inputs[i].len * 8; bit++) {
            inputs[i].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(kr_verify(signature, pub, "kairan test", msg, sizeof msg), KR_SIGNATURE);
            inputs[i].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    assert_int_equal(kr_verify(signature, pub, "kairan test", msg, sizeof msg), KR_OK);
}

static void the_longest_message_passes_and_a_longer_one_is_refused(void **state)
{
    (void)state;
    static uint8_t msg[KR_SIGN_MSG_BYTES_MAX + 1];
    char domain[KR_SIGN_DOMAIN_BYTES_MAX + 1] = {0};
    uint8_t signature[64];
    memset(domain, 'd', sizeof domain - 1);
    memset(msg, 'm', sizeof msg);
    kr_sign(signature, secret, domain, msg, KR_SIGN_MSG_BYTES_MAX);
    assert_int_equal(kr_verify(signature, public_key, domain, msg, KR_SIGN_MSG_BYTES_MAX), KR_OK);
    assert_int_equal(kr_verify(signature, public_key, domain, msg, KR_SIGN_MSG_BYTES_MAX + 1), KR_SIGNATURE);
}

/* The eight points of order 1, 2, 4 and 8. */
static const char *const small_order[] = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
};

static void honest_keys_are_accepted(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 100; i++) {
        uint8_t seed[32] = {i}, pub[32], sec[64];
        kr_sign_keypair(pub, sec, seed);
        assert_int_equal(kr_sign_public_check(pub), KR_OK);
    }
}

static void points_of_small_order_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small_order / sizeof small_order[0]; i++) {
        uint8_t point[32];
        unhex(point, sizeof point, small_order[i]);
        assert_int_equal(kr_sign_public_check(point), KR_KEY);
    }
}

/* An honest key plus a point of small order: the sum with the point of order two is what libsodium 1.0.18 as released accepts. */
static void points_of_mixed_order_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small_order / sizeof small_order[0]; i++) {
        uint8_t point[32], sum[32];
        unhex(point, sizeof point, small_order[i]);
        assert_int_equal(crypto_core_ed25519_add(sum, public_key, point), 0);
        assert_int_equal(kr_sign_public_check(sum), i == 0 ? KR_OK : KR_KEY); /* the first is the neutral element */
    }
}

static void encodings_that_are_no_canonical_point_are_refused(void **state)
{
    (void)state;
    uint8_t point[32];
    for (unsigned low = 0xed; low <= 0xff; low++) { /* y = p … 2^255 - 1, both signs of x */
        memset(point, 0xff, sizeof point);
        point[0] = (uint8_t)low;
        assert_int_equal(kr_sign_public_check(point), KR_KEY);
        point[31] = 0x7f;
        assert_int_equal(kr_sign_public_check(point), KR_KEY);
    }
    static const uint8_t off_curve[] = {2, 7, 8, 11};
    for (size_t i = 0; i < sizeof off_curve; i++) {
        memset(point, 0, sizeof point);
        point[0] = off_curve[i];
        assert_int_equal(kr_sign_public_check(point), KR_KEY);
    }
}

/* Every u that leads to zero (RFC 7748, section 6; Bernstein, "May the Fourth be with you"), with and without the ignored bit. */
static void x25519_keys_of_low_order_are_refused(void **state)
{
    (void)state;
    static const char *const low_order[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    for (size_t i = 0; i < sizeof low_order / sizeof low_order[0]; i++) {
        uint8_t point[32];
        unhex(point, sizeof point, low_order[i]);
        assert_int_equal(kr_box_public_check(point), KR_KEY);
        point[31] |= 0x80;
        assert_int_equal(kr_box_public_check(point), KR_KEY);
    }
    for (uint8_t i = 0; i < 100; i++) {
        uint8_t seed[32] = {i}, pub[32], sec[32];
        assert_int_equal(crypto_box_seed_keypair(pub, sec, seed), 0);
        assert_int_equal(kr_box_public_check(pub), KR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_rfc_8032),
        cmocka_unit_test(the_domain_stands_before_the_message),
        cmocka_unit_test(a_signature_stands_in_its_domain_only),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(the_longest_message_passes_and_a_longer_one_is_refused),
        cmocka_unit_test(honest_keys_are_accepted),
        cmocka_unit_test(points_of_small_order_are_refused),
        cmocka_unit_test(points_of_mixed_order_are_refused),
        cmocka_unit_test(encodings_that_are_no_canonical_point_are_refused),
        cmocka_unit_test(x25519_keys_of_low_order_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
