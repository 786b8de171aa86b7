#include "tools/export/ids.h"

#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

/* Made once, at random; never to be changed, for all ids of ours come from it. */
static const uuid_t namespace_of_kairan = {0x6d, 0x1f, 0x0b, 0x1c, 0x2a, 0x57, 0x4e, 0x0d,
                                           0x9b, 0x53, 0x1e, 0xe4, 0x58, 0xc2, 0x7f, 0x90};

void kr_export_uuid(const char *kind, const void *bytes, size_t len, char ret_text[static KR_UUID_TEXT_BYTES])
{
    uuid_t of_kind, uuid;
    uuid_generate_sha1(of_kind, namespace_of_kairan, kind, strlen(kind));
    uuid_generate_sha1(uuid, of_kind, bytes, len);
    uuid_unparse_lower(uuid, ret_text);
}

void kr_mention_uuid(const struct kr_mention *mention, char ret_text[static KR_UUID_TEXT_BYTES])
{
    uint8_t name[32 + 4 + KR_INDICATOR_BYTES_MAX];
    uint32_t type = mention->indicator.type;
    size_t len = mention->indicator.value.len < KR_INDICATOR_BYTES_MAX ? mention->indicator.value.len : KR_INDICATOR_BYTES_MAX;
    const uint8_t head[4] = {(uint8_t)(type >> 24), (uint8_t)(type >> 16), (uint8_t)(type >> 8), (uint8_t)type};
    memcpy(name, mention->record->id, 32);
    memcpy(name + 32, head, sizeof head);
    memcpy(name + 36, mention->indicator.value.bytes, len);
    kr_export_uuid("indicator", name, 36 + len, ret_text);
}

/* ---- record by record ---- */

static int compare_mentions(const void *left, const void *right)
{
    const struct kr_mention *a = *(const struct kr_mention *const *)left, *b = *(const struct kr_mention *const *)right;
    if (a->record != b->record) {
        uint64_t one = a->record->summary.created_ms, two = b->record->summary.created_ms;
        return one != two ? (one < two ? -1 : 1) : memcmp(a->record->id, b->record->id, 32);
    }
    return a < b ? -1 : a > b;
}

enum kr_err kr_by_record_make(const struct kr_selection *selection, const struct kr_chosen *chosen, struct kr_by_record *ret_sorted)
{
    struct kr_by_record sorted = {malloc((selection->mention_count + 1) * sizeof *sorted.items), 0};
    if (sorted.items == NULL) {
        return KR_NOMEM;
    }
    for (size_t i = 0; i < chosen->count; i++) {
        for (uint32_t m = 0; m < chosen->items[i]->count; m++) {
            sorted.items[sorted.count++] = &selection->mentions[chosen->items[i]->first + m];
        }
    }
    if (sorted.count > 1) {
        qsort(sorted.items, sorted.count, sizeof sorted.items[0], compare_mentions);
    }
    *ret_sorted = sorted;
    return KR_OK;
}

void kr_by_record_deinit(struct kr_by_record *sorted)
{
    free(sorted->items);
    *sorted = (struct kr_by_record){0};
}

size_t kr_by_record_run(const struct kr_by_record *sorted, size_t at)
{
    size_t end = at;
    while (end < sorted->count && sorted->items[end]->record == sorted->items[at]->record) {
        end++;
    }
    return end - at;
}

/* ---- JSON ---- */

json_t *kr_text_json(const void *bytes, size_t len)
{
    json_t *text = json_stringn(len > 0 ? bytes : "", len);
    return text != NULL ? text : json_string("");
}

static int put(const char *bytes, size_t len, void *context)
{
    return fwrite(bytes, 1, len, context) == len ? 0 : -1;
}

enum kr_err kr_put_json(json_t *value, size_t flags, FILE *out)
{
    int failed = value == NULL ? -1 : json_dump_callback(value, put, out, flags);
    json_decref(value);
    return failed == 0 ? KR_OK : ferror(out) != 0 ? KR_IO : KR_NOMEM;
}
