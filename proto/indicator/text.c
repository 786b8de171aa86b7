#include <stdlib.h>
#include <string.h>
#include <uninorm.h>
#include <unistr.h>

#include "proto/indicator/form.h"

#define FILENAME_BYTES_MAX   255
#define LOCAL_PART_BYTES_MAX 64

bool kr_form_is_ascii(const uint8_t *bytes, size_t len)
{
    uint8_t all = 0;
    for (size_t i = 0; i < len; i++) {
        all |= bytes[i];
    }
    return all < 0x80;
}

enum kr_err kr_form_nfc(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    const uint8_t *bytes = (const uint8_t *)text;
    size_t room = out->max - out->len;

    if (kr_form_is_ascii(bytes, len)) {
        if (len > room) {
            err = kr_fail(error, KR_INVALID, "longer than %zu bytes", out->max);
            goto out;
        }
        memcpy(out->bytes + out->len, bytes, len);
        out->len += len;
        goto out;
    }
    /* NFC makes a text at most three times as long, so a longer input than that cannot be asked for in earnest. */
    if (len > 3 * room || u8_check(bytes, len) != NULL) {
        err = kr_fail(error, KR_INVALID, len > 3 * room ? "too long" : "not valid UTF-8");
        goto out;
    }
    uint8_t *to = out->bytes + out->len;
    uint8_t *composed = u8_normalize(UNINORM_NFC, bytes, len, to, &room);
    if (composed == NULL) {
        err = KR_NOMEM;
    } else if (composed != to) {
        free(composed);
        err = kr_fail(error, KR_INVALID, "longer than %zu bytes", out->max);
    } else {
        out->len += room;
    }
out:
    return err;
}

/* C0, DEL, C1 (U+0080 to U+009F: C2 80 to C2 9F). */
static bool has_control(const uint8_t *bytes, size_t len, bool lines)
{
    bool found = false;
    for (size_t i = 0; i < len && !found; i++) {
        const bool line = lines && (bytes[i] == '\n' || bytes[i] == '\t');
        found = (bytes[i] < 0x20 && !line) || bytes[i] == 0x7f || (bytes[i] == 0xc2 && i + 1 < len && bytes[i + 1] < 0xa0);
    }
    return found;
}

enum kr_err kr_form_text(const char *text, size_t len, bool lines, struct kr_form_out *out, struct kr_error *error)
{
    const size_t start = out->len;
    enum kr_err err = len > 0 ? kr_form_nfc(text, len, out, error) : kr_fail(error, KR_INVALID, "empty");
    if (err != KR_OK) {
        goto out;
    }
    if (lines) {
        size_t to = start;
        for (size_t i = start; i < out->len; i++) {
            const bool crlf = out->bytes[i] == '\r' && i + 1 < out->len && out->bytes[i + 1] == '\n';
            if (!crlf) {
                out->bytes[to++] = out->bytes[i];
            }
        }
        out->len = to;
    }
    if (has_control(out->bytes + start, out->len - start, lines)) {
        err = kr_fail(error, KR_INVALID, "control characters are not allowed");
    }
out:
    return err;
}

enum kr_err kr_form_filename(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    size_t start = len;
    while (start > 0 && text[start - 1] != '/' && text[start - 1] != '\\') {
        start--;
    }
    const char *name = text + start;
    const size_t name_len = len - start;
    if (name_len == 0 || (name[0] == '.' && (name_len == 1 || (name_len == 2 && name[1] == '.')))) {
        err = kr_fail(error, KR_INVALID, "no file name in it");
        goto out;
    }
    err = kr_form_text(name, name_len, false, out, error);
    if (err == KR_OK && out->len > FILENAME_BYTES_MAX) {
        err = kr_fail(error, KR_INVALID, "a file name has at most %d bytes", FILENAME_BYTES_MAX);
    }
out:
    return err;
}

static const struct {
    const char *brief, *full;
} hives[] = {{"HKLM", "HKEY_LOCAL_MACHINE"},
             {"HKCU", "HKEY_CURRENT_USER"},
             {"HKCR", "HKEY_CLASSES_ROOT"},
             {"HKU", "HKEY_USERS"},
             {"HKCC", "HKEY_CURRENT_CONFIG"}};

static bool same_letters(const uint8_t *bytes, size_t len, const char *word)
{
    bool same = strlen(word) == len;
    for (size_t i = 0; i < len && same; i++) {
        same = kr_form_lower(bytes[i]) == kr_form_lower((uint8_t)word[i]);
    }
    return same;
}

enum kr_err kr_form_registry_key(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error)
{
    uint8_t plain[KR_INDICATOR_BYTES_MAX];
    struct kr_form_out composed = {.bytes = plain, .max = sizeof plain};
    enum kr_err err = kr_form_text(text, len, false, &composed, error);
    if (err != KR_OK) {
        goto out;
    }
    size_t at = 0;
    while (at < composed.len && plain[at] == '\\') {
        at++;
    }
    const uint8_t *hive = plain + at, *backslash = memchr(hive, '\\', composed.len - at);
    const size_t first = backslash != NULL ? (size_t)(backslash - plain) : composed.len;
    const size_t colon = first > at && plain[first - 1] == ':'; /* PowerShell writes HKLM:\ */
    const size_t hive_len = first - at - colon;
    for (size_t i = 0; i < sizeof hives / sizeof hives[0]; i++) {
        if (same_letters(hive, hive_len, hives[i].brief) || same_letters(hive, hive_len, hives[i].full)) {
            for (const char *c = hives[i].full; *c != 0; c++) {
                kr_form_put(out, (uint8_t)*c);
            }
            at = first;
        }
    }
    for (; at < composed.len; at++) {
        const bool repeated = plain[at] == '\\' && (out->len == 0 || out->bytes[out->len - 1] == '\\');
        if (!repeated) {
            kr_form_put(out, plain[at]);
        }
    }
    while (out->len > 0 && out->bytes[out->len - 1] == '\\') {
        out->len--;
    }
    if (out->len == 0 || out->full) {
        err = kr_fail(error, KR_INVALID, out->full ? "a registry key has at most %u bytes" : "no registry key in it",
                      KR_INDICATOR_BYTES_MAX);
    }
out:
    return err;
}

/* atext of RFC 5322 section 3.2.3 and the dot; other ASCII is refused, so quoted local parts are too. */
static bool is_local_char(uint8_t c)
{
    return c >= 0x80 || (kr_form_lower(c) >= 'a' && kr_form_lower(c) <= 'z') || kr_form_is_digit(c) ||
           (c > ' ' && strchr(".!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

enum kr_err kr_form_email(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    uint8_t domain[KR_FORM_DOMAIN_BYTES_MAX];
    uint16_t domain_len;
    const char *at_sign = memchr(text, '@', len);
    const size_t local = at_sign != NULL ? (size_t)(at_sign - text) : 0;

    if (local == 0 || local > 3 * LOCAL_PART_BYTES_MAX) {
        err = kr_fail(error, KR_INVALID, "an e-mail address is a name, '@' and a host name");
        goto out;
    }
    err = kr_form_domain(at_sign + 1, len - local - 1, domain, &domain_len, error);
    if (err != KR_OK) {
        goto out;
    }
    /* Lower case before and after: NFC may compose what it would not in upper case, and it turns the Kelvin sign into K. */
    char lower[3 * LOCAL_PART_BYTES_MAX];
    for (size_t i = 0; i < local; i++) {
        lower[i] = (char)kr_form_lower((uint8_t)text[i]);
    }
    const size_t start = out->len;
    err = kr_form_text(lower, local, false, out, error);
    if (err != KR_OK) {
        goto out;
    }
    bool good = out->len - start <= LOCAL_PART_BYTES_MAX;
    for (size_t i = start; i < out->len; i++) {
        good = good && is_local_char(out->bytes[i]);
        out->bytes[i] = kr_form_lower(out->bytes[i]);
    }
    if (!good) {
        err = kr_fail(error, KR_INVALID, "the part before '@' has at most %d bytes, letters, digits and .!#$%%&'*+-/=?^_`{|}~",
                      LOCAL_PART_BYTES_MAX);
        goto out;
    }
    kr_form_put(out, '@');
    for (size_t i = 0; i < domain_len; i++) {
        kr_form_put(out, domain[i]);
    }
out:
    return err;
}

/* "CVE-" year "-" number of four digits, or of more without a leading zero (CVE Program, "CVE ID Syntax"). */
enum kr_err kr_form_cve(const char *text, size_t len, struct kr_form_out *out, struct kr_error *error)
{
    const uint8_t *bytes = (const uint8_t *)text;
    bool ok = len >= 13 && len <= 28 && same_letters(bytes, 4, "CVE-") && bytes[8] == '-';
    for (size_t i = 4; ok && i < len; i++) {
        ok = i == 8 || kr_form_is_digit(bytes[i]);
    }
    ok = ok && (len == 13 || bytes[9] != '0');
    for (size_t i = 0; ok && i < len; i++) {
        kr_form_put(out, i < 3 ? (uint8_t) "CVE"[i] : bytes[i]);
    }
    return ok ? KR_OK : kr_fail(error, KR_INVALID, "a CVE id looks like CVE-2024-12345");
}
