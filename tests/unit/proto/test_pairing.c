#include "proto_test.h"

#include "proto/wire/pairing.h"

static const uint8_t councils[2][32] = {{1}, {2}}, keys[2][32] = {{3}, {4}}, randoms[2][32] = {{5}, {6}};

/* With one bit of one of the parts turned: 0 nothing; else part (1 to 7) × 256 + bit. */
static void code_of(uint32_t turned, char ret_code[static KR_PAIRING_CODE_BYTES])
{
    uint8_t parts[7][32];
    const uint8_t *both[2] = {parts[5], parts[6]};

    memcpy(parts[0], councils[0], 32);
    memcpy(parts[1], councils[1], 32);
    memcpy(parts[2], keys[0], 32);
    memcpy(parts[3], keys[1], 32);
    kr_pairing_commit(parts[4], councils[0], councils[1], randoms[0]);
    memcpy(parts[5], randoms[0], 32);
    memcpy(parts[6], randoms[1], 32);
    if (turned > 0) {
        parts[turned / 256 - 1][turned % 256 / 8] ^= (uint8_t)(1u << turned % 8);
    }
    const struct kr_pairing_end ends[2] = {{parts[0], parts[2]}, {parts[1], parts[3]}};
    kr_pairing_code(ret_code, ends, parts[4], both);
}

static void every_bit_of_every_part_is_in_the_code(void **state)
{
    char code[KR_PAIRING_CODE_BYTES], other[KR_PAIRING_CODE_BYTES];
    uint32_t same = 0;

    (void)state;
    code_of(0, code);
    assert_int_equal(strlen(code), KR_PAIRING_DIGITS);
    assert_int_equal(strspn(code, "0123456789"), KR_PAIRING_DIGITS);
    for (uint32_t turned = 256; turned < 8 * 256; turned++) {
        code_of(turned, other);
        same += strcmp(code, other) == 0;
    }
    assert_int_equal(same, 0); /* by chance: once in 50,000 such tests, and this one is always the same */
}

static void a_commitment_names_both_councils_and_the_random(void **state)
{
    uint8_t commitment[32], other[32];

    (void)state;
    kr_pairing_commit(commitment, councils[0], councils[1], randoms[0]);
    kr_pairing_commit(other, councils[1], councils[0], randoms[0]);
    assert_memory_not_equal(commitment, other, 32);
    kr_pairing_commit(other, councils[0], councils[1], randoms[1]);
    assert_memory_not_equal(commitment, other, 32);
    assert_true(kr_pairing_is_first(councils[0], councils[1]));
    assert_false(kr_pairing_is_first(councils[1], councils[0]));
}

static void what_people_type_is_read(void **state)
{
    static const struct {
        const char *text, *code; /* NULL: none */
    } cases[] = {
        {"12345678", "12345678"},
        {"1234 5678", "12345678"},
        {" 12-34-56-78 ", "12345678"},
        {"００００　０００１", "00000001"},
        {"１2３4５6７8", "12345678"},
        {"1234567", NULL},
        {"123456789", NULL},
        {"1234567a", NULL},
        {"", NULL},
        {"１２３４５６７Ａ", NULL},
        {"12345678\xEF\xBC", NULL},
        {"1234567\xEF", NULL},
        {"\xE3\x80\x81"
         "12345678",
         NULL},
        {"12345678\n", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char code[KR_PAIRING_CODE_BYTES] = "before";
        enum kr_err err = kr_pairing_code_parse(cases[i].text, strlen(cases[i].text), code);
        assert_int_equal(err, cases[i].code != NULL ? KR_OK : KR_MALFORMED);
        assert_string_equal(code, cases[i].code != NULL ? cases[i].code : "before");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_of_every_part_is_in_the_code),
        cmocka_unit_test(a_commitment_names_both_councils_and_the_random),
        cmocka_unit_test(what_people_type_is_read),
    };

    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
