#include "proto/wire/pairing.h"

#include <string.h>

#include "crypto/hash.h"

#define CODES 100000000u /* 10 to the power of KR_PAIRING_DIGITS */

bool kr_pairing_is_first(const uint8_t a[static 32], const uint8_t b[static 32])
{
    return memcmp(a, b, 32) < 0;
}

void kr_pairing_commit(uint8_t ret_commitment[static 32], const uint8_t first[static 32], const uint8_t second[static 32],
                       const uint8_t random[static 32])
{
    struct kr_hash_state state;
    kr_hash_init(&state, "kairan pairing commitment");
    kr_hash_update(&state, first, 32);
    kr_hash_update(&state, second, 32);
    kr_hash_update(&state, random, 32);
    kr_hash_final(&state, ret_commitment);
}

void kr_pairing_code(char ret_code[static KR_PAIRING_CODE_BYTES], const struct kr_pairing_end ends[static 2],
                     const uint8_t commitment[static 32], const uint8_t *const randoms[static 2])
{
    struct kr_hash_state state;
    uint8_t hash[KR_HASH_BYTES];
    uint64_t number = 0;
    kr_hash_init(&state, "kairan pairing code");
    kr_hash_update(&state, ends[0].council, 32);
    kr_hash_update(&state, ends[1].council, 32);
    kr_hash_update(&state, ends[0].transport_key, 32);
    kr_hash_update(&state, ends[1].transport_key, 32);
    kr_hash_update(&state, commitment, 32);
    kr_hash_update(&state, randoms[0], 32);
    kr_hash_update(&state, randoms[1], 32);
    kr_hash_final(&state, hash);
    for (size_t i = 0; i < 8; i++) {
        number = number << 8 | hash[i];
    }
    number %= CODES; /* of 2^64: no code is likelier than another by more than one in 10^11 */
    for (size_t i = KR_PAIRING_DIGITS; i-- > 0; number /= 10) {
        ret_code[i] = (char)('0' + number % 10);
    }
    ret_code[KR_PAIRING_DIGITS] = 0;
}

enum kr_err kr_pairing_code_parse(const char *text, size_t len, char ret_code[static KR_PAIRING_CODE_BYTES])
{
    char code[KR_PAIRING_CODE_BYTES] = {0};
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        const unsigned char *at = (const unsigned char *)text + i;
        unsigned digit = at[0] - (unsigned)'0';
        if (at[0] == ' ' || at[0] == '-') {
            continue;
        }
        if (len - i >= 3 && at[0] == 0xE3 && at[1] == 0x80 && at[2] == 0x80) { /* U+3000, the wide space */
            i += 2;
            continue;
        }
        if (len - i >= 3 && at[0] == 0xEF && at[1] == 0xBC) { /* U+FF10 and on */
            digit = at[2] - 0x90u;
            i += 2;
        }
        if (digit > 9 || count == KR_PAIRING_DIGITS) {
            return KR_MALFORMED;
        }
        code[count++] = (char)('0' + digit);
    }
    if (count != KR_PAIRING_DIGITS) {
        return KR_MALFORMED;
    }
    memcpy(ret_code, code, sizeof code);
    return KR_OK;
}
