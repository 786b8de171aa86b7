/* Values that are texts: which of their words they are found by. */
#include <string.h>

#include "tools/scan/sieve.h"

#define TEXT_BYTES_MIN 4u
#define WORD_BYTES_MAX 255u

/* The longer the better, and one with a dot (that no number has: "5.0") before all others, because those are looked at anyway. */
static size_t weigh(const uint8_t *word, size_t len, bool *ret_common)
{
    const uint8_t *dot = memrchr(word, '.', len);
    bool number = true;
    for (size_t i = dot != NULL ? (size_t)(dot + 1 - word) : 0; i < len; i++) {
        number = number && (uint8_t)(word[i] - '0') < 10;
    }
    *ret_common = dot == NULL || number || len < 4 || len > 63 || memmem(word, len, "..", 2) != NULL;
    return *ret_common ? len : len + 1000;
}

static void choose_word(struct kr_sieve_text *text)
{
    const uint8_t *bytes = (const uint8_t *)text->bytes;
    size_t best = 0;
    for (size_t i = 0; i < text->len;) {
        size_t from = i, to = i;
        while (to < text->len && kr_sieve_is_word(bytes[to])) {
            to++;
        }
        i = to + 1;
        while (from < to && (bytes[from] == '.' || bytes[from] == '-')) {
            from++;
        }
        while (to > from && (bytes[to - 1] == '.' || bytes[to - 1] == '-')) {
            to--;
        }
        bool common = true;
        const size_t weight = to > from && to - from <= WORD_BYTES_MAX ? weigh(bytes + from, to - from, &common) : 0;
        if (weight > best) {
            best = weight;
            text->from = from;
            text->to = to;
            text->is_common = common;
        }
    }
}

static void take_hive(struct kr_sieve_text *text)
{
    static const char *const hives[] = {"HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER",   "HKEY_CLASSES_ROOT",
                                        "HKEY_USERS",         "HKEY_CURRENT_CONFIG", NULL};
    for (size_t i = 0; hives[i] != NULL && text->hive == NULL; i++) {
        const size_t len = strlen(hives[i]);
        if (text->len > len + 1 && memcmp(text->bytes, hives[i], len) == 0 && text->bytes[len] == '\\') {
            text->hive = hives[i];
            text->len -= len;
            memmove(text->bytes, text->bytes + len, text->len);
        }
    }
}

bool kr_sieve_text(uint32_t type, const uint8_t *value, size_t len, struct kr_sieve_text *ret)
{
    bool ok = kr_sieve_is_text(type) && kr_indicator_print(type, value, len, ret->bytes, sizeof ret->bytes) == KR_OK;
    if (ok) {
        ret->hive = NULL;
        ret->len = strlen(ret->bytes);
        ret->from = ret->to = 0;
        ret->is_common = true;
        ok = ret->len >= TEXT_BYTES_MIN;
    }
    if (ok) {
        if (type == KR_INDICATOR_REGISTRY_KEY) {
            take_hive(ret);
        }
        choose_word(ret);
        ok = ret->to - ret->from >= 2;
    }
    return ok;
}
