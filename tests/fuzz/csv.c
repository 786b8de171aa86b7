/* Anything as CSV, by itself and with the columns said: what comes out is in normal form, groups do not overlap, and the same input
 * gives the same calls. */
#include "tests/fuzz/seen.h"

static struct seen read_once(struct kr_slice bytes, const char *map)
{
    const struct kr_import_options options = {.format = KR_IMPORT_CSV, .map = map, .organisation = "JPCERT/CC"};
    return seen_read(bytes, &options);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct kr_slice all = {bytes, len};
    enum kr_import_format format;
    if (len > KR_MIB) {
        return 0;
    }
    const struct seen first = read_once(all, NULL), again = read_once(all, NULL);
    KR_ASSERT(first.sum == again.sum && first.items == again.items);
    (void)read_once(all, "value=1,note=2,heading=none");
    if (kr_import_detect(all, &format, NULL) == KR_OK) {
        KR_ASSERT(format != KR_IMPORT_ANY);
    }
    return 0;
}
