#include "proto/wire/address.h"

#include <string.h>

#include "crypto/sign.h"
#include "proto/wire/bech32m.h"

#define VERSION       1u
#define PAYLOAD_BYTES 98u

_Static_assert(sizeof KR_ADDRESS_PREFIX + (PAYLOAD_BYTES * 8 + 4) / 5 + 7 < KR_ADDRESS_TEXT_BYTES_MAX, "every address fits");

enum kr_err kr_address_print(const struct kr_addressed *addressed, char *ret_text, size_t size)
{
    uint8_t payload[PAYLOAD_BYTES] = {VERSION, (uint8_t)addressed->sort};
    memcpy(payload + 2, addressed->council, 32);
    memcpy(payload + 34, addressed->id, 32);
    memcpy(payload + 66, addressed->key, 32);
    return kr_bech32m_encode(KR_ADDRESS_PREFIX, payload, sizeof payload, ret_text, size);
}

enum kr_err kr_address_parse(const char *text, size_t len, struct kr_addressed *ret_addressed, struct kr_error *error)
{
    uint8_t payload[PAYLOAD_BYTES];
    size_t payload_len = 0;
    struct kr_addressed addressed = {.sort = 0};
    enum kr_err err = kr_bech32m_decode(KR_ADDRESS_PREFIX, text, len, payload, sizeof payload, &payload_len, error);
    if (err != KR_OK) {
        return err == KR_BOUNDS ? kr_fail(error, KR_MALFORMED, "this is longer than an address") : err;
    }
    if (payload_len > 0 && payload[0] != VERSION) {
        return kr_fail(error, KR_VERSION, "this address is of a newer version: update this program");
    }
    if (payload_len != PAYLOAD_BYTES || (payload[1] != KR_ADDRESSED_BODY && payload[1] != KR_ADDRESSED_PERSON)) {
        return kr_fail(error, KR_MALFORMED, "this is no address of a body or person: a part of it is missing");
    }
    addressed.sort = payload[1];
    memcpy(addressed.council, payload + 2, 32);
    memcpy(addressed.id, payload + 34, 32);
    memcpy(addressed.key, payload + 66, 32);
    if (kr_box_public_check(addressed.key) != KR_OK) {
        return kr_fail(error, KR_KEY, "the key in this address is none that anything may be sealed to");
    }
    *ret_addressed = addressed;
    return KR_OK;
}
