/* Cutting a submission into records: at most 4,096 indicators and one body each. Pure. */
#ifndef KR_TOOLS_KAIRAN_SPLIT_H
#define KR_TOOLS_KAIRAN_SPLIT_H

#include "proto/client/client.h"
#include "proto/record/record.h"
#include "tools/formats/formats.h"

#define KR_PLAN_ITEMS_MAX  4194304u
#define KR_SPLIT_BYTES_MIN (128u * KR_KIB)

struct kr_plan {
    uint32_t kind;                         /* KR_KIND_REPORT or KR_KIND_ADVISORY */
    struct kr_slice title, text, language; /* the text goes into the first part */
    uint32_t severity;
    uint8_t case_id[16];                            /* what parts of one submission have in common */
    bool has_case;                                  /* also where there is one part: the submission has others than these */
    struct kr_slice organisation, origin_id, terms; /* where it was imported from; empty: nowhere */
    const struct kr_slice *references, *attack_ids; /* borrowed, like all slices */
    uint32_t reference_count, attack_id_count;
    uint64_t first_s, last_s;
    const struct kr_found *items; /* borrowed */
    const uint8_t *dropped;       /* for each item whether it stays out; NULL: none does */
    bool has_bare_values;         /* nothing of an item but type and value is written */
    size_t body_bytes_max;        /* of a part; 0: KR_BODY_BYTES_MAX. At least KR_SPLIT_BYTES_MIN */
    size_t item_count;
};
struct kr_part {
    size_t first, count; /* into items */
};
/* All zero before the first call. */
struct kr_parts {
    struct kr_part *items; /* free() */
    uint32_t count, capacity;
    size_t item_count, used_bytes; /* of the plan, so far; of the last part */
};

/* Goes on to the end of the items that the plan has by now: there may be more at the next call, and the last part grows until the
 * next one begins. Everything but items and their number must stand from the first call on. At least one part. KR_BOUNDS over
 * KR_PLAN_ITEMS_MAX items. */
enum kr_err kr_split(const struct kr_plan *plan, struct kr_parts *parts) KR_WARN_UNUSED;
/* The body of part `number` (from 0) of `parts`. The writer is to be initialised with KR_BODY_BYTES_MAX. */
void kr_split_write(const struct kr_plan *plan, const struct kr_part *part, uint32_t number, uint32_t parts,
                    struct kr_writer *writer);

/* The first line that says something, at most `max` bytes of whole characters. Borrowed from the text. */
struct kr_slice kr_first_line(struct kr_slice text, size_t max);
/* "ja" where the text has kana or kanji, else "en". Static storage. */
const char *kr_guess_language(struct kr_slice text);

#endif
