/* What the targets of import readers share: a sink that checks what it is told and remembers it as one number. */
#ifndef KR_TESTS_FUZZ_SEEN_H
#define KR_TESTS_FUZZ_SEEN_H

#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "crypto/err.h"
#include "tools/formats/import.h"

struct seen {
    bool is_open;
    uint64_t items, bytes, sum, steps;
};

static inline void mix(struct seen *seen, struct kr_slice slice)
{
    for (size_t i = 0; i < slice.len; i++) {
        seen->sum = (seen->sum ^ slice.bytes[i]) * 0x100000001b3u;
    }
}

static inline enum kr_err seen_group(void *context, const struct kr_import_group *group)
{
    struct seen *seen = context;
    KR_ASSERT(!seen->is_open && group->label <= KR_TLP_RED);
    seen->is_open = true;
    mix(seen, group->title);
    return KR_OK;
}

static inline enum kr_err seen_item(void *context, const struct kr_import_item *item)
{
    struct seen *seen = context;
    KR_ASSERT(seen->is_open && kr_indicator_check(item->type, item->value.bytes, item->value.len) == KR_OK);
    KR_ASSERT(item->note.len <= KR_NOTE_BYTES_MAX && item->confidence <= KR_CONFIDENCE_NONE &&
              item->action <= KR_IMPORT_ACTION_UNSAID);
    KR_ASSERT(item->place.line > 0);
    seen->items++;
    mix(seen, item->value);
    mix(seen, item->note);
    return KR_OK;
}

static inline enum kr_err seen_end(void *context)
{
    struct seen *seen = context;
    KR_ASSERT(seen->is_open);
    seen->is_open = false;
    return KR_OK;
}

static inline enum kr_err seen_skip(void *context, const struct kr_import_skip *skip)
{
    struct seen *seen = context;
    KR_ASSERT(skip->reason < KR_IMPORT_REASON_COUNT && skip->detail != NULL);
    mix(seen, skip->what);
    return KR_OK;
}

static inline enum kr_err seen_progress(void *context, uint64_t bytes)
{
    struct seen *seen = context;
    KR_ASSERT(bytes >= seen->bytes);
    seen->bytes = bytes;
    return KR_OK;
}

static inline struct seen seen_read(struct kr_slice bytes, const struct kr_import_options *options)
{
    struct seen seen = {.items = 0};
    const struct kr_import_sink sink = {.context = &seen,
                                        .on_group = seen_group,
                                        .on_item = seen_item,
                                        .on_end = seen_end,
                                        .on_skip = seen_skip,
                                        .on_progress = seen_progress};
    struct kr_import_source source;
    kr_import_source_memory(&source, "fuzz", &bytes);
    enum kr_err err = kr_import_read(&source, options, &sink, NULL);
    KR_ASSERT(err == KR_OK || err == KR_NOT_FOUND || err == KR_INVALID || err == KR_BOUNDS || err == KR_MALFORMED);
    return seen;
}

#endif
