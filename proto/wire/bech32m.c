#include "proto/wire/bech32m.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define CHECKSUM_CHARS 6u
#define CONSTANT       UINT32_C(0x2bc830a3)

static const char charset[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* One step of the checksum (BIP-173, "Checksum"): multiplies by x modulo the generator and adds `value`. */
static uint32_t step(uint32_t state, uint8_t value)
{
    static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t top = state >> 25;

    state = (state & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++) {
        state ^= (top >> i & 1) != 0 ? generator[i] : 0;
    }
    return state;
}

static uint32_t start(const char *hrp)
{
    uint32_t state = 1;

    for (const char *c = hrp; *c != 0; c++) {
        state = step(state, (uint8_t)*c >> 5);
    }
    state = step(state, 0);
    for (const char *c = hrp; *c != 0; c++) {
        state = step(state, (uint8_t)*c & 31);
    }
    return state;
}

enum kr_err kr_bech32m_encode(const char *hrp, const uint8_t *bytes, size_t len, char *ret_text, size_t size)
{
    size_t hrp_len = strlen(hrp);
    size_t values = (len * 8 + 4) / 5;
    size_t chars = hrp_len + 1 + values + CHECKSUM_CHARS;
    uint32_t state = start(hrp);
    char *at = ret_text;

    if (chars > KR_BECH32M_CHARS_MAX || chars >= size) {
        return KR_BOUNDS;
    }
    memcpy(at, hrp, hrp_len);
    at += hrp_len;
    *at++ = '1';
    for (size_t i = 0; i < values; i++) {
        size_t bit = i * 5;
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < len ? bytes[bit / 8 + 1] : 0u);
        uint8_t value = pair >> (11 - bit % 8) & 31;

        state = step(state, value);
        *at++ = charset[value];
    }
    for (unsigned i = 0; i < CHECKSUM_CHARS; i++) {
        state = step(state, 0);
    }
    state ^= CONSTANT;
    for (unsigned i = 0; i < CHECKSUM_CHARS; i++) {
        *at++ = charset[state >> (5 * (5 - i)) & 31];
    }
    *at = 0;
    return KR_OK;
}

/* The text without white space, in lower case. */
static enum kr_err tidy(const char *text, size_t len, char *ret_tidy, size_t *ret_len, struct kr_error *error)
{
    size_t used = 0;
    bool has_lower = false;
    bool has_upper = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            continue;
        }
        if (used == KR_BECH32M_CHARS_MAX) {
            return kr_fail(error, KR_MALFORMED, "the text is too long; paste it alone, with nothing around it");
        }
        has_lower = has_lower || (c >= 'a' && c <= 'z');
        if (c >= 'A' && c <= 'Z') {
            has_upper = true;
            c = (char)(c - 'A' + 'a');
        }
        ret_tidy[used++] = c;
    }
    if (has_lower && has_upper) {
        return kr_fail(error, KR_MALFORMED, "upper and lower case are mixed; type it in one of them");
    }
    *ret_len = used;
    return KR_OK;
}

/* Checks the part in front of the data; returns the data behind its "1". */
static enum kr_err strip_hrp(const char *hrp, const char *tidied, size_t len, size_t *ret_start, struct kr_error *error)
{
    size_t hrp_len = strlen(hrp);

    if (len == 0) {
        return kr_fail(error, KR_MALFORMED, "there is nothing to read");
    }
    if (len <= hrp_len || memcmp(tidied, hrp, hrp_len) != 0 || tidied[hrp_len] != '1') {
        return kr_fail(error, KR_MALFORMED, "it should begin with \"%s1\"", hrp);
    }
    if (len < hrp_len + 1 + CHECKSUM_CHARS) {
        return kr_fail(error, KR_MALFORMED, "it is cut short");
    }
    *ret_start = hrp_len + 1;
    return KR_OK;
}

static enum kr_err read_values(const char *hrp, const char *tidied, size_t first, size_t len, uint8_t *ret_values,
                               struct kr_error *error)
{
    uint32_t state = start(hrp);

    for (size_t i = first; i < len; i++) {
        const char *found = tidied[i] != 0 ? strchr(charset, tidied[i]) : NULL;

        if (found == NULL) {
            return kr_fail(error, KR_MALFORMED, "character %zu cannot be part of it: compare it with the original", i + 1);
        }
        ret_values[i - first] = (uint8_t)(found - charset);
        state = step(state, ret_values[i - first]);
    }
    if (state != CONSTANT) {
        return kr_fail(error, KR_MALFORMED, "the checksum is wrong: a character is mistyped, or it is cut short");
    }
    return KR_OK;
}

enum kr_err kr_bech32m_decode(const char *hrp, const char *text, size_t len, uint8_t *ret_bytes, size_t size, size_t *ret_len,
                              struct kr_error *error)
{
    char tidied[KR_BECH32M_CHARS_MAX];
    uint8_t values[KR_BECH32M_CHARS_MAX] = {0};
    size_t tidied_len = 0;
    size_t first = 0;
    size_t count;
    size_t bytes_len;
    unsigned pending = 0;
    enum kr_err err = tidy(text, len, tidied, &tidied_len, error);

    if (err == KR_OK) {
        err = strip_hrp(hrp, tidied, tidied_len, &first, error);
    }
    if (err == KR_OK) {
        err = read_values(hrp, tidied, first, tidied_len, values, error);
    }
    if (err != KR_OK) {
        goto out;
    }
    count = tidied_len - first - CHECKSUM_CHARS;
    bytes_len = count * 5 / 8;
    /* What is left over of the last character must be less than one, and zero: one text for one content. */
    if (count * 5 % 8 >= 5 || (count > 0 && (values[count - 1] & ((1u << count * 5 % 8) - 1)) != 0)) {
        err = kr_fail(error, KR_MALFORMED, "its end makes no sense");
        goto out;
    }
    if (bytes_len > size) {
        err = kr_fail(error, KR_BOUNDS, "it is longer than anything of this kind");
        goto out;
    }
    for (size_t i = 0, bits = 0, at = 0; i < count && at < bytes_len; i++) {
        pending = pending << 5 | values[i];
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            ret_bytes[at++] = (uint8_t)(pending >> bits);
        }
    }
    *ret_len = bytes_len;
out:
    sodium_memzero(values, sizeof values);
    sodium_memzero(tidied, sizeof tidied);
    return err;
}
