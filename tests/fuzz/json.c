/* Anything as STIX, as MISP or as a pattern of STIX, by its first byte: what comes out is in normal form, groups do not overlap,
 * and the same input gives the same calls. */
#include "tests/fuzz/seen.h"

#include "tools/formats/stix_pattern.h"

static enum kr_err visit(void *context, const struct kr_stix_term *term)
{
    uint32_t *count = context;
    KR_ASSERT(term->type <= KR_INDICATOR_TYPE_MAX && ++*count <= KR_STIX_TERMS_MAX);
    return KR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint32_t count = 0;
    struct kr_error error = {.text = ""};
    if (len == 0 || len > KR_MIB) {
        return 0;
    }
    const struct kr_slice rest = {bytes + 1, len - 1};
    if (bytes[0] == 'p') {
        enum kr_err err = kr_stix_pattern(rest, visit, &count, &error);
        KR_ASSERT(err == KR_OK ? count > 0 : count == 0);
        KR_ASSERT(err == KR_OK || err == KR_NOT_FOUND || error.text[0] != 0);
        return 0;
    }
    const struct kr_import_options options = {.format = bytes[0] == 'm' ? KR_IMPORT_MISP : KR_IMPORT_STIX};
    const struct seen first = seen_read(rest, &options), again = seen_read(rest, &options);
    KR_ASSERT(first.sum == again.sum && first.items == again.items);
    return 0;
}
