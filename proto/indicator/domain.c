#include <idn2.h>
#include <string.h>

#include "proto/indicator/form.h"

#define LABEL_BYTES_MAX 63
/* A U-label is longer in UTF-8 than its A-label at most by the ratio 4 : 1. */
#define U_LABEL_BYTES_MAX (4 * LABEL_BYTES_MAX)

static uint8_t fold(uint8_t c)
{
    const uint8_t lower = kr_form_lower(c);
    return (lower >= 'a' && lower <= 'z') || kr_form_is_digit(c) || c == '-' || c == '_' ? lower : 0;
}

/* Decodable is enough: names that IDNA2008 disallows (emoji) exist in the DNS, and each decodable A-label has one spelling. */
static bool a_label_decodes(const uint8_t *label, size_t len)
{
    char copy[LABEL_BYTES_MAX + 1];
    char *decoded = NULL;
    memcpy(copy, label, len);
    copy[len] = 0;
    const bool ok = idn2_to_unicode_8z8z(copy, &decoded, 0) == IDN2_OK;
    const bool differs = ok && !kr_form_is_ascii((const uint8_t *)decoded, strlen(decoded));
    idn2_free(decoded);
    return differs;
}

static bool label_is_good(const uint8_t *label, size_t len)
{
    return len >= 1 && len <= LABEL_BYTES_MAX && label[0] != '-' && label[len - 1] != '-' &&
           (len < 4 || memcmp(label, "xn--", 4) != 0 || a_label_decodes(label, len));
}

/* The whole of it for ASCII: no allocation unless there is an A-label. */
static enum kr_err parse_ascii(const uint8_t *text, size_t len, uint8_t *ret, uint16_t *ret_len, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    size_t label = 0, labels = 0;
    bool digits = true;

    if (len > 0 && text[len - 1] == '.') {
        len--;
    }
    if (len < 1 || len > KR_FORM_DOMAIN_BYTES_MAX) {
        err = kr_fail(error, KR_INVALID, "a host name has 1 to %d characters", KR_FORM_DOMAIN_BYTES_MAX);
        goto out;
    }
    for (size_t i = 0; i <= len; i++) {
        if (i == len || text[i] == '.') {
            if (!label_is_good(ret + label, i - label)) {
                err = kr_fail(error, KR_INVALID,
                              "each part of a host name has 1 to 63 characters, no hyphen at its ends, and decodes where it begins "
                              "with xn--");
                goto out;
            }
            labels++;
            if (i < len) {
                ret[i] = '.';
                label = i + 1;
                digits = true;
            }
        } else {
            ret[i] = fold(text[i]);
            if (ret[i] == 0) {
                err = kr_fail(error, KR_INVALID, "a host name has only letters, digits, '-', '_' and dots");
                goto out;
            }
            digits = digits && kr_form_is_digit(ret[i]);
        }
    }
    if (labels < 2 || digits) {
        err = kr_fail(error, KR_INVALID, "a host name needs at least two parts, the last not all digits");
        goto out;
    }
    *ret_len = (uint16_t)len;
out:
    return err;
}

/* The dots of UTS #46 section 2.3: U+3002, U+FF0E, U+FF61. */
static size_t dot_length(const uint8_t *text, size_t len)
{
    size_t dot = 0;
    if (len >= 1 && text[0] == '.') {
        dot = 1;
    } else if (len >= 3 && (memcmp(text, "\xe3\x80\x82", 3) == 0 || memcmp(text, "\xef\xbc\x8e", 3) == 0 ||
                            memcmp(text, "\xef\xbd\xa1", 3) == 0)) {
        dot = 3;
    }
    return dot;
}

/* ASCII labels are left alone: real ones break rules that IDNA2008 has for U-labels only (r3---sn-x.example). */
static enum kr_err put_label(const uint8_t *label, size_t len, struct kr_form_out *out, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    uint8_t *lookup = NULL;
    uint8_t copy[U_LABEL_BYTES_MAX + 1];

    if (len > U_LABEL_BYTES_MAX || memchr(label, 0, len) != NULL) {
        err = kr_fail(error, KR_INVALID, "a part of the host name is too long");
        goto out;
    }
    memcpy(copy, label, len);
    copy[len] = 0;
    const uint8_t *result = copy;
    if (!kr_form_is_ascii(label, len)) {
        const int code = idn2_lookup_u8(copy, &lookup, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
        if (code != IDN2_OK) {
            err =
                code == IDN2_MALLOC ? KR_NOMEM : kr_fail(error, KR_INVALID, "not a host name (IDNA2008): %s", idn2_strerror(code));
            goto out;
        }
        result = lookup;
    }
    for (size_t i = 0; result[i] != 0; i++) {
        kr_form_put(out, result[i]);
    }
out:
    idn2_free(lookup);
    return err;
}

enum kr_err kr_form_domain(const char *text, size_t len, uint8_t *ret, uint16_t *ret_len, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    const uint8_t *bytes = (const uint8_t *)text;
    uint8_t ascii[KR_FORM_DOMAIN_BYTES_MAX + 1];
    struct kr_form_out out = {.bytes = ascii, .max = sizeof ascii};

    if (kr_form_is_ascii(bytes, len)) {
        err = parse_ascii(bytes, len, ret, ret_len, error);
        goto out;
    }
    for (size_t at = 0, label = 0; at <= len && err == KR_OK;) {
        const size_t dot = dot_length(bytes + at, len - at);
        if (dot > 0 || at == len) {
            err = put_label(bytes + label, at - label, &out, error);
            if (dot > 0) {
                kr_form_put(&out, '.');
            }
            label = at + dot;
        }
        at += dot > 0 ? dot : 1;
    }
    if (err == KR_OK && out.full) {
        err = kr_fail(error, KR_INVALID, "a host name has 1 to %d characters", KR_FORM_DOMAIN_BYTES_MAX);
    }
    if (err == KR_OK) {
        err = parse_ascii(ascii, out.len, ret, ret_len, error);
    }
out:
    return err;
}
