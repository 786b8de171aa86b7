#include "crypto_test.h"

#include "crypto/limits.h"
#include "crypto/seal.h"

static uint8_t public_key[32], secret[32];
static const uint8_t content_key[32] = {1, 2, 3, 4, 5, 6, 7, 8}, seed[32] = {42};

static int setup(void **state)
{
    const uint8_t recipient_seed[32] = {9};
    int failed = start_crypto(state);
    kr_box_keypair(public_key, secret, recipient_seed);
    return failed;
}

static void a_slot_is_what_libsodium_opens(void **state)
{
    (void)state;
    uint8_t slot[KR_SLOT_BYTES], key[32];
    assert_int_equal(kr_slot_seal(slot, content_key, public_key, seed), KR_OK);
    assert_int_equal(crypto_box_seal_open(key, slot, sizeof slot, public_key, secret), 0);
    assert_memory_equal(key, content_key, sizeof key);

    assert_int_equal(crypto_box_seal(slot, content_key, sizeof content_key, public_key), 0);
    memset(key, 0, sizeof key);
    assert_int_equal(kr_slot_open(key, slot, public_key, secret), KR_OK);
    assert_memory_equal(key, content_key, sizeof key);
}

static void the_seed_alone_decides_the_slot(void **state)
{
    (void)state;
    const uint8_t other_seed[32] = {43};
    uint8_t one[KR_SLOT_BYTES], two[KR_SLOT_BYTES];
    assert_int_equal(kr_slot_seal(one, content_key, public_key, seed), KR_OK);
    assert_int_equal(kr_slot_seal(two, content_key, public_key, seed), KR_OK);
    assert_memory_equal(one, two, sizeof one);
    assert_int_equal(kr_slot_seal(two, content_key, public_key, other_seed), KR_OK);
    assert_memory_not_equal(one, two, 32);
    assert_memory_not_equal(one + 32, two + 32, sizeof one - 32);
}

static void a_slot_opens_for_its_recipient_only(void **state)
{
    (void)state;
    const uint8_t other_seed[32] = {10};
    uint8_t slot[KR_SLOT_BYTES], other_public[32], other_secret[32], key[32] = {0xa5}, untouched[32] = {0xa5};
    kr_box_keypair(other_public, other_secret, other_seed);
    assert_int_equal(kr_slot_seal(slot, content_key, public_key, seed), KR_OK);
    assert_int_equal(kr_slot_open(key, slot, other_public, other_secret), KR_DECRYPT);
    assert_int_equal(kr_slot_open(key, slot, public_key, other_secret), KR_DECRYPT);
    assert_int_equal(kr_slot_open(key, slot, other_public, secret), KR_DECRYPT);
    assert_memory_equal(key, untouched, sizeof key);
}

static void every_flipped_bit_of_a_slot_is_noticed(void **state)
{
    (void)state;
    uint8_t slot[KR_SLOT_BYTES], key[32];
    assert_int_equal(kr_slot_seal(slot, content_key, public_key, seed), KR_OK);
    for (size_t bit = 0; bit < sizeof slot * 8; bit++) {
        slot[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(kr_slot_open(key, slot, public_key, secret), KR_DECRYPT);
        slot[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(kr_slot_open(key, slot, public_key, secret), KR_OK);
}

static void a_recipient_of_low_order_is_refused(void **state)
{
    (void)state;
    const uint8_t zero[32] = {0}, one[32] = {1};
    uint8_t slot[KR_SLOT_BYTES] = {0xa5}, untouched[KR_SLOT_BYTES] = {0xa5};
    assert_int_equal(kr_slot_seal(slot, content_key, zero, seed), KR_KEY);
    assert_int_equal(kr_slot_seal(slot, content_key, one, seed), KR_KEY);
    assert_memory_equal(slot, untouched, sizeof slot);
}

static void hint_and_commitment_are_the_documented_hashes(void **state)
{
    (void)state;
    uint8_t key[32], hash[32], hint[KR_HINT_BYTES];
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)i;
    }
    /* By Python's hashlib. */
    kr_commitment(hash, key);
    assert_hex(hash, sizeof hash, "8a9a916e40c426b4b0f0e632b7e6194df7a1a85a416e3b3581a145592bbdf3a1");
    kr_hint(hint, key);
    assert_hex(hint, sizeof hint, "3e2aa731");
}

static void size_classes_are_powers_and_halves_between(void **state)
{
    (void)state;
    static const size_t sizes[] = {256,   384,   512,   768,   1024,  1536,  2048,  3072,   4096,   6144,  8192,
                                   12288, 16384, 24576, 32768, 49152, 65536, 98304, 131072, 196608, 229376};
    const uint32_t count = sizeof sizes / sizeof sizes[0];
    assert_int_equal(kr_pad_class_bytes(0), 0);
    for (uint32_t c = 1; c <= count; c++) {
        assert_int_equal(kr_pad_class_bytes(c), sizes[c - 1]);
    }
    assert_int_equal(kr_pad_class_bytes(count + 1), 0);
    assert_int_equal(kr_pad_class_bytes(UINT32_MAX), 0);
    assert_int_equal(kr_pad_class_bytes(count), KR_BODY_CLASS_BYTES_MAX);
}

static void every_length_gets_the_smallest_class_that_holds_it(void **state)
{
    (void)state;
    uint32_t last = 1;
    for (size_t len = 0; len <= KR_BODY_BYTES_MAX; len++) {
        uint32_t pad_class = kr_pad_class(len);
        if (pad_class < last || kr_pad_class_bytes(pad_class) < len + 4 || kr_pad_class_bytes(pad_class - 1) >= len + 4) {
            fail_msg("length %zu got class %u", len, pad_class);
        }
        last = pad_class;
    }
    assert_int_equal(last, 21);
    assert_int_equal(kr_pad_class(KR_BODY_BYTES_MAX + 1), 0);
    for (size_t back = 0; back < 8; back++) {
        assert_int_equal(kr_pad_class(SIZE_MAX - back), 0);
    }
}

/* draft-irtf-cfrg-xchacha-03, appendix A.3.1. */
static void aead_is_xchacha20_poly1305(void **state)
{
    (void)state;
    static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
                               "sunscreen would be it.";
    uint8_t key[32], nonce[24], ad[12], sealed[114 + KR_AEAD_BYTES], opened[114];
    for (size_t i = 0; i < 32; i++) {
        key[i] = (uint8_t)(0x80 + i);
        nonce[i % 24] = (uint8_t)(0x40 + i % 24);
    }
    unhex(ad, sizeof ad, "50515253c0c1c2c3c4c5c6c7");
    kr_aead_seal(sealed, (const uint8_t *)text, sizeof opened, ad, sizeof ad, nonce, key);
    assert_hex(
        sealed, sizeof sealed,
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96"
        "b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e"
        "c0875924c1c7987947deafd8780acf49");
    assert_int_equal(kr_aead_open(opened, sealed, sizeof sealed, ad, sizeof ad, nonce, key), KR_OK);
    assert_memory_equal(opened, text, sizeof opened);
}

static void aead_works_in_place_for_every_length(void **state)
{
    (void)state;
    const uint8_t nonce[24] = {1}, key[32] = {2};
    for (size_t len = 0; len < 300; len++) {
        uint8_t plain[300], buffer[300 + KR_AEAD_BYTES], sealed[300 + KR_AEAD_BYTES];
        for (size_t i = 0; i < len; i++) {
            plain[i] = (uint8_t)(i * 7 + len);
        }
        memcpy(buffer, plain, len);
        kr_aead_seal(sealed, plain, len, NULL, 0, nonce, key);
        kr_aead_seal(buffer, buffer, len, NULL, 0, nonce, key);
        assert_memory_equal(buffer, sealed, len + KR_AEAD_BYTES);
        assert_int_equal(kr_aead_open(buffer, buffer, len + KR_AEAD_BYTES, NULL, 0, nonce, key), KR_OK);
        assert_memory_equal(buffer, plain, len);
    }
}

static void every_flipped_bit_of_aead_is_noticed_and_leaves_the_output(void **state)
{
    (void)state;
    uint8_t nonce[24] = {1}, key[32] = {2}, ad[9] = "head", sealed[20 + KR_AEAD_BYTES], opened[20], untouched[20];
    memset(opened, 0xa5, sizeof opened);
    memset(untouched, 0xa5, sizeof untouched);
    kr_aead_seal(sealed, (const uint8_t *)"twenty bytes of text", 20, ad, sizeof ad, nonce, key);
    const struct {
        uint8_t *bytes;
        size_t len;
    } inputs[] = {{sealed, sizeof sealed}, {ad, sizeof ad}, {nonce, sizeof nonce}, {key, sizeof key}};
    for (size_t i = 0; i < 4; i++) {
        for (size_t bit = 0; bit < inputs[i].len * 8; bit++) {
            inputs[i].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(kr_aead_open(opened, sealed, sizeof sealed, ad, sizeof ad, nonce, key), KR_DECRYPT);
            inputs[i].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    for (size_t len = 0; len < sizeof sealed; len++) {
        assert_int_equal(kr_aead_open(opened, sealed, len, ad, sizeof ad, nonce, key), KR_DECRYPT);
    }
    assert_memory_equal(opened, untouched, sizeof opened);

    uint8_t before[sizeof sealed];
    sealed[0] ^= 1;
    memcpy(before, sealed, sizeof sealed);
    assert_int_equal(kr_aead_open(sealed, sealed, sizeof sealed, ad, sizeof ad, nonce, key), KR_DECRYPT);
    assert_memory_equal(sealed, before, sizeof sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_is_what_libsodium_opens),
        cmocka_unit_test(the_seed_alone_decides_the_slot),
        cmocka_unit_test(a_slot_opens_for_its_recipient_only),
        cmocka_unit_test(every_flipped_bit_of_a_slot_is_noticed),
        cmocka_unit_test(a_recipient_of_low_order_is_refused),
        cmocka_unit_test(hint_and_commitment_are_the_documented_hashes),
        cmocka_unit_test(size_classes_are_powers_and_halves_between),
        cmocka_unit_test(every_length_gets_the_smallest_class_that_holds_it),
        cmocka_unit_test(aead_is_xchacha20_poly1305),
        cmocka_unit_test(aead_works_in_place_for_every_length),
        cmocka_unit_test(every_flipped_bit_of_aead_is_noticed_and_leaves_the_output),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
