#include "crypto_test.h"

#include "crypto/term.h"

/* Every length around the ends of blocks, in every lane, alone and beside others. */
static void many_terms_are_what_each_is_alone(void **state)
{
    static uint8_t bytes[300][300];
    static struct {
        uint8_t term[KR_TERM_BYTES], beside[8];
    } terms[300];
    static struct kr_term_input inputs[300];
    struct kr_term_maker maker;
    uint8_t key[32], alone[KR_TERM_BYTES];
    (void)state;
    memset(key, 0xa5, sizeof key);
    kr_term_maker_init(&maker, key, 0x01020304);
    for (size_t i = 0; i < 300; i++) {
        for (size_t j = 0; j < 300; j++) {
            bytes[i][j] = (uint8_t)(i * 31 + j * 7);
        }
        inputs[i] = (struct kr_term_input){(uint8_t)(i % 67), bytes[i], i};
    }
    for (size_t count = 0; count < 40; count++) {
        for (size_t from = 0; from < 300; from += 37) {
            const size_t some = count < 300 - from ? count : 300 - from;
            memset(terms, 0xee, sizeof terms);
            kr_terms(&maker, inputs + from, some, terms[0].term, sizeof terms[0]);
            for (size_t i = 0; i < some; i++) {
                kr_term(alone, key, 0x01020304, inputs[from + i].type, inputs[from + i].bytes, inputs[from + i].len);
                assert_memory_equal(terms[i].term, alone, sizeof alone);
                assert_int_equal(terms[i].beside[0], 0xee);
            }
            assert_int_equal(terms[some].term[0], 0xee);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_terms_are_what_each_is_alone),
    };
    return cmocka_run_group_tests_name("crypto/term", tests, start_crypto, NULL);
}
