/* Anything as CSV, by itself and with the columns said: what comes out is in normal form, groups do not overlap, and the same input
 * gives the same calls. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "crypto/err.h"
#include "tools/formats/import.h"

struct seen {
    bool is_open;
    uint64_t items, bytes, sum, steps;
};

static void mix(struct seen *seen, struct kr_slice slice)
{
    for (size_t i = 0; i < slice.len; i++) {
        seen->sum = (seen->sum ^ slice.bytes[i]) * 0x100000001b3u;
    }
}

static enum kr_err on_group(void *context, const struct kr_import_group *group)
{
    struct seen *seen = context;
    KR_ASSERT(!seen->is_open && group->label <= KR_TLP_RED);
    seen->is_open = true;
    mix(seen, group->title);
    return KR_OK;
}

static enum kr_err on_item(void *context, const struct kr_import_item *item)
{
    struct seen *seen = context;
    KR_ASSERT(seen->is_open && kr_indicator_check(item->type, item->value.bytes, item->value.len) == KR_OK);
    KR_ASSERT(item->note.len <= KR_NOTE_BYTES_MAX && item->confidence <= KR_CONFIDENCE_NONE && item->action <= KR_ACTION_BLOCK);
    KR_ASSERT(item->place.line > 0);
    seen->items++;
    mix(seen, item->value);
    mix(seen, item->note);
    return KR_OK;
}

static enum kr_err on_end(void *context)
{
    struct seen *seen = context;
    KR_ASSERT(seen->is_open);
    seen->is_open = false;
    return KR_OK;
}

static enum kr_err on_skip(void *context, const struct kr_import_skip *skip)
{
    struct seen *seen = context;
    KR_ASSERT(skip->reason < KR_IMPORT_REASON_COUNT && skip->detail != NULL);
    mix(seen, skip->what);
    return KR_OK;
}

static enum kr_err on_progress(void *context, uint64_t bytes)
{
    struct seen *seen = context;
    KR_ASSERT(bytes >= seen->bytes);
    seen->bytes = bytes;
    return KR_OK;
}

static struct seen read_once(struct kr_slice bytes, const char *map)
{
    struct seen seen = {.items = 0};
    const struct kr_import_options options = {.format = KR_IMPORT_CSV, .map = map, .organisation = "JPCERT/CC"};
    const struct kr_import_sink sink = {.context = &seen,
                                        .on_group = on_group,
                                        .on_item = on_item,
                                        .on_end = on_end,
                                        .on_skip = on_skip,
                                        .on_progress = on_progress};
    struct kr_import_source source;
    kr_import_source_memory(&source, "fuzz", &bytes);
    enum kr_err err = kr_import_read(&source, &options, &sink, NULL);
    KR_ASSERT(err == KR_OK || err == KR_NOT_FOUND || err == KR_INVALID || err == KR_BOUNDS);
    return seen;
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
