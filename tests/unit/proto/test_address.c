/* Addresses of bodies and persons: each reads back, and no typo passes. */
#include "proto_test.h"

#include "proto/wire/address.h"
#include "proto/wire/bech32m.h"

static struct kr_addressed some_address(void)
{
    static const uint8_t seed[32] = {5};
    uint8_t secret[32];
    struct kr_addressed address = {.sort = KR_ADDRESSED_PERSON, .council = {1}, .id = {2}};
    kr_box_keypair(address.key, secret, seed);
    return address;
}

static enum kr_err parse(const char *text, struct kr_addressed *ret)
{
    struct kr_error error = {{0}};
    enum kr_err err = kr_address_parse(text, strlen(text), ret, &error);
    assert_int_equal(err == KR_OK, error.text[0] == 0);
    return err;
}

static void an_address_reads_back(void **state)
{
    struct kr_addressed address = some_address(), read;
    char text[KR_ADDRESS_TEXT_BYTES_MAX], small[100];
    (void)state;
    for (uint32_t sort = KR_ADDRESSED_BODY; sort <= KR_ADDRESSED_PERSON; sort++) {
        address.sort = sort;
        assert_int_equal(kr_address_print(&address, text, sizeof text), KR_OK);
        assert_int_equal(strncmp(text, "kairanto1", 9), 0);
        memset(&read, 0, sizeof read);
        assert_int_equal(parse(text, &read), KR_OK);
        assert_memory_equal(&read, &address, sizeof read);
    }
    assert_int_equal(kr_address_print(&address, small, sizeof small), KR_BOUNDS);
}

static void no_typo_passes(void **state)
{
    const struct kr_addressed address = some_address();
    struct kr_addressed read = {.sort = 99};
    char text[KR_ADDRESS_TEXT_BYTES_MAX];
    (void)state;
    assert_int_equal(kr_address_print(&address, text, sizeof text), KR_OK);
    for (size_t i = 0; text[i] != 0; i++) {
        const char before = text[i];
        text[i] = before == 'q' ? 'p' : 'q';
        assert_int_equal(parse(text, &read), KR_MALFORMED);
        text[i] = 0;
        assert_int_equal(parse(text, &read), KR_MALFORMED);
        text[i] = before;
    }
    assert_int_equal(read.sort, 99);
}

static void what_is_no_address_is_refused(void **state)
{
    struct kr_addressed address = some_address(), read;
    uint8_t payload[98] = {2};
    char text[KR_ADDRESS_TEXT_BYTES_MAX];
    (void)state;
    assert_int_equal(kr_bech32m_encode(KR_ADDRESS_PREFIX, payload, sizeof payload, text, sizeof text), KR_OK);
    assert_int_equal(parse(text, &read), KR_VERSION);
    payload[0] = 1;
    payload[1] = 3;
    assert_int_equal(kr_bech32m_encode(KR_ADDRESS_PREFIX, payload, sizeof payload, text, sizeof text), KR_OK);
    assert_int_equal(parse(text, &read), KR_MALFORMED);
    payload[1] = 1; /* a key of zeros */
    assert_int_equal(kr_bech32m_encode(KR_ADDRESS_PREFIX, payload, sizeof payload, text, sizeof text), KR_OK);
    assert_int_equal(parse(text, &read), KR_KEY);
    assert_int_equal(kr_bech32m_encode(KR_ADDRESS_PREFIX, payload, 97, text, sizeof text), KR_OK);
    assert_int_equal(parse(text, &read), KR_MALFORMED);
    assert_int_equal(kr_bech32m_encode("kairan", payload, 98, text, sizeof text), KR_OK); /* a ticket's prefix */
    assert_int_equal(parse(text, &read), KR_MALFORMED);
    assert_int_equal(kr_address_print(&address, text, sizeof text), KR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_reads_back),
        cmocka_unit_test(no_typo_passes),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
