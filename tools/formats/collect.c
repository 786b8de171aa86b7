#include "tools/formats/collect.h"

#include <stdlib.h>
#include <string.h>

#define VALUES_BYTES (64u * KR_KIB)

struct kr_values {
    struct kr_values *next;
    size_t len;
    uint8_t bytes[VALUES_BYTES];
};
_Static_assert(KR_INDICATOR_BYTES_MAX <= VALUES_BYTES, "every value fits into a block");

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Items never move, because whoever is told of them early goes on reading them: there is room for as many as there can be. What is
 * not used of it costs addresses only. */
enum kr_err kr_collect_init(struct kr_collect *collect, struct kr_extract *result, const struct kr_extract_options *options,
                            size_t text_len, size_t header_len)
{
    const size_t most = options->items_max > 0 ? options->items_max : KR_EXTRACT_ITEMS_MAX;
    memset(collect, 0, sizeof *collect);
    collect->result = result;
    collect->options = options;
    collect->items_capacity = least(text_len, most) + least(header_len, most);
    collect->items = malloc((collect->items_capacity + 1) * sizeof *collect->items);
    /* A list of a hundred thousand lines would be hashed ten times over if the table began small. */
    for (collect->slot_count = 256; collect->slot_count < text_len / 32 && collect->slot_count < 2u * KR_EXTRACT_ITEMS_MAX;) {
        collect->slot_count *= 2;
    }
    collect->slots = calloc(collect->slot_count, sizeof *collect->slots);
    randombytes_buf(collect->key, sizeof collect->key);
    result->items = collect->items;
    return collect->items != NULL && collect->slots != NULL ? KR_OK : KR_NOMEM;
}

void kr_collect_end_headers(struct kr_collect *collect)
{
    struct kr_extract *result = collect->result;
    collect->headers = false;
    collect->header_items = result->item_count;
    result->items += result->item_count;
    result->item_count = 0;
    result->more = false;
}

void kr_collect_end(struct kr_collect *collect)
{
    free(collect->slots);
    collect->slots = NULL;
}

void kr_collect_free(struct kr_found *items, struct kr_values *values)
{
    free(items);
    while (values != NULL) {
        struct kr_values *next = values->next;
        free(values);
        values = next;
    }
}

/* ---- each value once ---- */

static uint64_t hash(const struct kr_collect *collect, uint32_t type, const uint8_t *value, size_t len)
{
    uint64_t digest;
    (void)crypto_shorthash((uint8_t *)&digest, value, len, collect->key);
    return digest + type * 0x9e3779b97f4a7c15u;
}

/* The slot that holds the value, or the free one where it belongs. */
static size_t find_slot(const struct kr_collect *collect, uint32_t type, const uint8_t *value, size_t len)
{
    size_t slot = hash(collect, type, value, len) & (collect->slot_count - 1);
    bool more = true;
    while (more) {
        const uint32_t number = collect->slots[slot];
        if (number == 0) {
            more = false;
        } else {
            const struct kr_found *item = &collect->items[number - 1];
            more = item->type != type || item->value.len != len || memcmp(item->value.bytes, value, len) != 0;
        }
        slot = more ? (slot + 1) & (collect->slot_count - 1) : slot;
    }
    return slot;
}

static bool grow_slots(struct kr_collect *collect, size_t item_count)
{
    if (collect->slot_count >= 2 * (item_count + 1)) {
        return true;
    }
    uint32_t *slots = calloc(collect->slot_count * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(collect->slots);
    collect->slots = slots;
    collect->slot_count *= 2;
    for (size_t i = 0; i < item_count; i++) {
        const struct kr_found *item = &collect->items[i];
        slots[find_slot(collect, item->type, item->value.bytes, item->value.len)] = (uint32_t)i + 1;
    }
    return true;
}

/* Where the value is kept: in the text, if it is spelled there just so, which most of a list are. */
static const uint8_t *keep(struct kr_collect *collect, const struct kr_indicator *indicator, size_t offset, size_t spelling_len)
{
    const uint8_t *spelling = (const uint8_t *)collect->result->text + offset;
    struct kr_values *values = collect->values;
    if (!collect->headers && spelling_len == indicator->len && memcmp(spelling, indicator->value, indicator->len) == 0) {
        return spelling;
    }
    if (values == NULL || VALUES_BYTES - values->len < indicator->len) {
        values = malloc(sizeof *values);
        if (values == NULL) {
            return NULL;
        }
        values->next = collect->values;
        values->len = 0;
        collect->values = values;
    }
    uint8_t *kept = values->bytes + values->len;
    memcpy(kept, indicator->value, indicator->len);
    values->len += indicator->len;
    return kept;
}

/* ---- notes ---- */

static bool is_edge(char c)
{
    return c > 0 && c <= '/'
               ? c != '#' && c != '$'
               : c == ':' || c == ';' || c == '|' || c == '\\' || c == '[' || c == ']' || c == '>' || c == '?' || c == '=';
}

size_t kr_collect_cut(const char *text, size_t len, size_t max)
{
    if (len > max) {
        len = max;
        while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return len;
}

/* Length of a Japanese sign that can stand around a note: at its beginning, or (`end`) at its end. */
static size_t wide_edge(const char *text, size_t len, bool end)
{
    static const char *const signs[] = {"、", "。", "（", "）", "「", "」", "【", "】", "・", "：", "；", "　"};
    size_t found = 0;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0] && found == 0 && len >= 3; i++) {
        found = memcmp(end ? text + len - 3 : text, signs[i], 3) == 0 ? 3 : 0;
    }
    return found;
}

/* What stands behind an indicator on its line, without blanks and punctuation around it. */
static struct kr_slice note(const char *text, size_t from, size_t to)
{
    size_t edge = 1;
    for (; from < to && edge > 0; from += edge) {
        edge = is_edge(text[from]) ? 1 : wide_edge(text + from, to - from, false);
    }
    for (edge = 1; from < to && edge > 0; to -= edge) {
        edge = is_edge(text[to - 1]) ? 1 : wide_edge(text + from, to - from, true);
    }
    return (struct kr_slice){(const uint8_t *)text + from, kr_collect_cut(text + from, to - from, KR_NOTE_BYTES_MAX)};
}

/* ---- what the scan reports ---- */

static bool is_contact(uint32_t type)
{
    return type == KR_INDICATOR_EMAIL || type == KR_INDICATOR_URL || type == KR_INDICATOR_DOMAIN;
}

static enum kr_err add(struct kr_collect *collect, const struct kr_candidate *candidate, size_t slot)
{
    struct kr_extract *result = collect->result;
    const struct kr_indicator *indicator = &candidate->indicator;
    const size_t offset = collect->piece + candidate->offset;
    const uint8_t *value = keep(collect, indicator, offset, candidate->len);
    if (value == NULL) {
        return KR_NOMEM;
    }
    struct kr_found *item = &result->items[result->item_count++];
    *item = (struct kr_found){
        .type = indicator->type,
        .offset = (uint32_t)offset,
        .len = (uint32_t)candidate->len,
        .defanged = candidate->defanged,
        .guessed = candidate->guessed,
        .confidence = KR_CONFIDENCE_NONE,
        .value = {value, indicator->len},
    };
    if (!collect->headers) {
        item->note = note(result->text, offset + candidate->len, collect->piece_end);
    }
    collect->slots[slot] = (uint32_t)(item - collect->items) + 1;
    if (!collect->headers && collect->options->on_items != NULL && result->item_count % KR_EXTRACT_STEP == 0) {
        return collect->options->on_items(collect->options->context, result);
    }
    return KR_OK;
}

void kr_collect_found(void *context, const struct kr_candidate *candidate)
{
    struct kr_collect *collect = context;
    struct kr_extract *result = collect->result;
    const struct kr_indicator *indicator = &candidate->indicator;
    if (collect->err != KR_OK || result->more || collect->only_labels ||
        (collect->headers && indicator->type != KR_INDICATOR_EMAIL)) {
        return;
    }
    if (!grow_slots(collect, collect->header_items + result->item_count)) {
        collect->err = KR_NOMEM;
        return;
    }
    const size_t slot = find_slot(collect, indicator->type, indicator->value, indicator->len);
    const uint32_t known = collect->slots[slot];
    const bool header = known > 0 && known <= collect->header_items && !candidate->defanged;
    if (!collect->headers && ((collect->mine && is_contact(indicator->type) && !candidate->defanged) || header)) {
        result->left_out++;
        return;
    }
    if (known > collect->header_items || (known > 0 && collect->headers)) {
        return;
    }
    const size_t most = collect->options->items_max > 0 ? collect->options->items_max : KR_EXTRACT_ITEMS_MAX;
    if (result->item_count == most || collect->header_items + result->item_count == collect->items_capacity) {
        result->more = true;
        return;
    }
    collect->err = add(collect, candidate, slot);
}

void kr_collect_label(void *context, enum kr_label label)
{
    struct kr_collect *collect = context;
    if (!collect->headers && label > collect->result->label) {
        collect->result->label = label;
    }
}
