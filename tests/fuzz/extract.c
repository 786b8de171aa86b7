/* Anything as a mail, a text or an indicator: what comes out is in normal form and lies within the text; parsing is stable. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "crypto/err.h"
#include "tools/formats/formats.h"

static void check_extract(const uint8_t *bytes, size_t len, enum kr_format format)
{
    const struct kr_extract_options options = {.format = format, .items_max = 1000};
    struct kr_extract *extract = NULL;
    if (kr_formats_extract(bytes, len, &options, &extract, NULL) == KR_OK) {
        KR_ASSERT(extract->text[extract->text_len] == 0 && extract->item_count <= 1000);
        for (size_t i = 0; i < extract->item_count; i++) {
            const struct kr_found *item = &extract->items[i];
            KR_ASSERT(kr_indicator_check(item->type, item->value.bytes, item->value.len) == KR_OK);
            KR_ASSERT(item->len > 0 && item->offset + item->len <= extract->text_len);
            KR_ASSERT(item->note.len <= KR_NOTE_BYTES_MAX);
        }
    }
    kr_extract_free(extract);
}

static void check_indicator(const uint8_t *bytes, size_t len)
{
    static char print[KR_INDICATOR_PRINT_BYTES_MAX];
    struct kr_indicator first, again;
    for (uint32_t type = KR_INDICATOR_ANY; type <= KR_INDICATOR_TYPE_MAX; type++) {
        if (kr_indicator_parse(type, (const char *)bytes, len, &first, NULL) == KR_OK) {
            KR_ASSERT(kr_indicator_check(first.type, first.value, first.len) == KR_OK);
            KR_ASSERT(kr_indicator_print(first.type, first.value, first.len, print, sizeof print) == KR_OK);
            KR_ASSERT(kr_indicator_parse(first.type, print, strlen(print), &again, NULL) == KR_OK);
            KR_ASSERT(again.type == first.type && again.len == first.len && memcmp(again.value, first.value, first.len) == 0);
            /* What is stored is found by its own value. */
            const struct kr_slice value = {first.value, first.len};
            KR_ASSERT(kr_indicator_matches(first.type, value, first.type, value));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len <= KR_MIB) {
        check_extract(bytes, len, KR_FORMAT_ANY);
        check_extract(bytes, len, KR_FORMAT_MAIL);
    }
    if (len <= 4096) {
        check_indicator(bytes, len);
    }
    return 0;
}
