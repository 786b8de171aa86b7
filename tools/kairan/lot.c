#include "tools/kairan/lot.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/collect.h"

#define BLOCK_BYTES   (256u * KR_KIB)
#define BREATHE_ITEMS 256u
#define SLOTS_KEPT    4096u

struct kr_lot_block {
    struct kr_lot_block *next;
    size_t len, capacity;
    uint8_t bytes[];
};

/* A value of the group that was seen: by its fingerprint, and which item it is. */
struct kr_lots_slot {
    uint64_t print; /* 0: free */
    uint64_t item;  /* number within the group */
};

/* ---- a lot ---- */

void kr_lot_free(struct kr_lot *lot)
{
    if (lot == NULL) {
        return;
    }
    while (lot->blocks != NULL) {
        struct kr_lot_block *next = lot->blocks->next;
        free(lot->blocks);
        lot->blocks = next;
    }
    free(lot->items);
    free(lot->references);
    free(lot->attack_ids);
    free(lot);
}

static uint8_t *room(struct kr_lot *lot, size_t len)
{
    struct kr_lot_block *block = lot->blocks;
    if (block == NULL || block->capacity - block->len < len) {
        const size_t capacity = len > BLOCK_BYTES ? len : BLOCK_BYTES;
        block = malloc(sizeof *block + capacity);
        if (block == NULL) {
            return NULL;
        }
        block->next = lot->blocks;
        block->len = 0;
        block->capacity = capacity;
        lot->blocks = block;
        lot->block_bytes += capacity;
    }
    uint8_t *at = block->bytes + block->len;
    block->len += len;
    return at;
}

static bool keep(struct kr_lot *lot, struct kr_slice from, struct kr_slice *ret)
{
    *ret = (struct kr_slice){0};
    if (from.len == 0 || from.bytes == NULL) {
        return true;
    }
    uint8_t *at = room(lot, from.len);
    if (at == NULL) {
        return false;
    }
    memcpy(at, from.bytes, from.len);
    *ret = (struct kr_slice){at, from.len};
    return true;
}

static bool keep_text(struct kr_lot *lot, struct kr_slice from, size_t max, struct kr_slice *ret)
{
    from.len = kr_collect_cut((const char *)from.bytes, from.len, max);
    return keep(lot, from, ret);
}

static bool keep_texts(struct kr_lot *lot, const struct kr_slice *from, uint32_t count, size_t max, struct kr_slice **ret)
{
    if (count == 0) {
        return true;
    }
    *ret = calloc(count, sizeof **ret);
    bool is_kept = *ret != NULL;
    for (uint32_t i = 0; is_kept && i < count; i++) {
        is_kept = keep_text(lot, from[i], max, &(*ret)[i]);
    }
    return is_kept;
}

static struct kr_lot *make_lot(const struct kr_import_group *group)
{
    struct kr_lot *lot = calloc(1, sizeof *lot);
    const uint32_t references = group->reference_count, attack_ids = group->attack_id_count;
    if (lot == NULL || !keep_text(lot, group->title, KR_TITLE_BYTES_MAX, &lot->title) ||
        !keep_text(lot, group->text, KR_TEXT_BYTES_MAX, &lot->text) ||
        !keep_text(lot, group->language, KR_LANGUAGE_BYTES_MAX, &lot->language) ||
        !keep_text(lot, group->organisation, KR_NAME_BYTES_MAX, &lot->organisation) ||
        !keep_text(lot, group->id, KR_NAME_BYTES_MAX, &lot->id) || !keep_text(lot, group->terms, KR_NOTE_BYTES_MAX, &lot->terms) ||
        !keep_texts(lot, group->references, references, KR_NOTE_BYTES_MAX, &lot->references) ||
        !keep_texts(lot, group->attack_ids, attack_ids, KR_NAME_BYTES_MAX, &lot->attack_ids)) {
        kr_lot_free(lot);
        return NULL;
    }
    lot->reference_count = references;
    lot->attack_id_count = attack_ids;
    lot->label = group->label;
    lot->severity = group->severity;
    lot->first_s = group->first_s;
    lot->last_s = group->last_s;
    lot->state = group->state;
    lot->line = group->place.line;
    return lot;
}

/* The next lot of the same group. */
static struct kr_lot *make_next(const struct kr_lot *before)
{
    const struct kr_import_group group = {.title = before->title,
                                          .language = before->language,
                                          .label = before->label,
                                          .organisation = before->organisation,
                                          .id = before->id,
                                          .terms = before->terms,
                                          .severity = before->severity,
                                          .first_s = before->first_s,
                                          .last_s = before->last_s,
                                          .place = {.line = before->line}};
    struct kr_lot *lot = make_lot(&group);
    if (lot != NULL) {
        lot->number = before->number + 1;
        memcpy(lot->mark, before->mark, sizeof lot->mark);
    }
    return lot;
}

static bool is_whole(const struct kr_lot *lot)
{
    return lot->id.len > 0;
}

/* The mark of the group, from its beginning. */
static void make_mark(struct kr_lot *lot)
{
    crypto_generichash_state state;
    const struct kr_slice texts[] = {lot->title, lot->organisation, lot->id};
    (void)crypto_generichash_init(&state, NULL, 0, sizeof lot->mark);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const uint64_t len = texts[i].len;
        (void)crypto_generichash_update(&state, (const uint8_t *)&len, sizeof len);
        (void)crypto_generichash_update(&state, texts[i].bytes, texts[i].len);
    }
    for (size_t i = 0; !is_whole(lot) && i < lot->item_count; i++) {
        (void)crypto_generichash_update(&state, lot->items[i].value.bytes, lot->items[i].value.len);
    }
    (void)crypto_generichash_final(&state, lot->mark, sizeof lot->mark);
}

/* ---- each value once ---- */

static uint64_t print_of(const struct kr_lots *lots, uint32_t type, struct kr_slice value)
{
    uint64_t digest;
    _Static_assert(crypto_shorthash_BYTES == sizeof digest, "a fingerprint is what the hash gives");
    (void)crypto_shorthash((uint8_t *)&digest, value.bytes, value.len, lots->key);
    digest += type * 0x9e3779b97f4a7c15u;
    return digest != 0 ? digest : 1;
}

static bool is_same(const struct kr_lots *lots, const struct kr_lots_slot *slot, const struct kr_import_item *item)
{
    if (slot->item < lots->lot_first) { /* gone, and known by 64 bits under a key of this run alone */
        return true;
    }
    const struct kr_found *found = &lots->lot->items[slot->item - lots->lot_first];
    return found->type == item->type && found->value.len == item->value.len &&
           memcmp(found->value.bytes, item->value.bytes, item->value.len) == 0;
}

static bool grow(struct kr_lots *lots)
{
    if (lots->slot_count >= 2 * (lots->slots_used + 1)) {
        return true;
    }
    const size_t count = lots->slot_count > 0 ? lots->slot_count * 2 : 1024;
    struct kr_lots_slot *slots = calloc(count, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < lots->slot_count; i++) {
        size_t at = lots->slots[i].print & (count - 1);
        while (lots->slots[i].print != 0 && slots[at].print != 0) {
            at = (at + 1) & (count - 1);
        }
        if (lots->slots[i].print != 0) {
            slots[at] = lots->slots[i];
        }
    }
    free(lots->slots);
    lots->slots = slots;
    lots->slot_count = count;
    return true;
}

/* The slot of the value, or the free one where it belongs. */
static struct kr_lots_slot *find(struct kr_lots *lots, uint64_t print, const struct kr_import_item *item)
{
    size_t at = print & (lots->slot_count - 1);
    while (lots->slots[at].print != 0 && (lots->slots[at].print != print || !is_same(lots, &lots->slots[at], item))) {
        at = (at + 1) & (lots->slot_count - 1);
    }
    return &lots->slots[at];
}

static uint32_t clamp(uint64_t at_s)
{
    return at_s <= UINT32_MAX ? (uint32_t)at_s : 0;
}

static void merge(struct kr_found *found, const struct kr_import_item *item)
{
    const uint32_t first_s = clamp(item->first_s), last_s = clamp(item->last_s);
    if (first_s != 0 && (found->first_s == 0 || first_s < found->first_s)) {
        found->first_s = first_s;
    }
    found->last_s = last_s > found->last_s ? last_s : found->last_s;
    found->action = item->action > found->action ? (uint8_t)item->action : found->action;
    if (item->confidence != KR_CONFIDENCE_NONE &&
        (found->confidence == KR_CONFIDENCE_NONE || item->confidence > found->confidence)) {
        found->confidence = (uint8_t)item->confidence;
    }
}

static enum kr_err add(struct kr_lots *lots, const struct kr_import_item *item)
{
    struct kr_lot *lot = lots->lot;
    if (lot->item_count == lot->item_capacity) {
        const size_t capacity = lot->item_capacity > 0 ? lot->item_capacity * 2 : 64;
        struct kr_found *items = realloc(lot->items, capacity * sizeof *items);
        if (items == NULL) {
            return KR_NOMEM;
        }
        lot->items = items;
        lot->item_capacity = capacity;
    }
    struct kr_found *found = &lot->items[lot->item_count];
    *found = (struct kr_found){.type = item->type,
                               .offset = item->place.line <= UINT32_MAX ? (uint32_t)item->place.line : 0,
                               .guessed = item->guessed,
                               .confidence = (uint8_t)item->confidence,
                               .action = (uint8_t)item->action,
                               .first_s = clamp(item->first_s),
                               .last_s = clamp(item->last_s)};
    if (!keep(lot, item->value, &found->value) || !keep_text(lot, item->note, KR_NOTE_BYTES_MAX, &found->note)) {
        return KR_NOMEM;
    }
    lot->item_count++;
    return KR_OK;
}

/* ---- the sink ---- */

static enum kr_err hand_over(struct kr_lots *lots, bool is_last)
{
    struct kr_lot *lot = lots->lot, *next = is_last ? NULL : make_next(lot);
    if (!is_last && next == NULL) {
        return KR_NOMEM;
    }
    if (lot->number == 0) {
        make_mark(lot);
        if (next != NULL) {
            memcpy(next->mark, lot->mark, sizeof next->mark);
        }
    }
    lot->is_last = is_last;
    lots->lot_first += lot->item_count;
    lots->lot = next;
    return lots->take_lot(lots->context, lot);
}

static enum kr_err on_group(void *context, const struct kr_import_group *group)
{
    struct kr_lots *lots = context;
    KR_ASSERT(lots->lot == NULL);
    if (!lots->has_key) {
        randombytes_buf(lots->key, sizeof lots->key);
        lots->has_key = true;
    }
    if (lots->slot_count > SLOTS_KEPT) { /* many small groups may follow a large one */
        free(lots->slots);
        lots->slots = NULL;
        lots->slot_count = 0;
    } else if (lots->slots_used > 0) {
        memset(lots->slots, 0, lots->slot_count * sizeof *lots->slots);
    }
    lots->slots_used = 0;
    lots->lot_first = 0;
    lots->lot = make_lot(group);
    lots->counts.groups++;
    lots->counts.gone += group->state != KR_IMPORT_LIVE ? 1 : 0;
    return lots->lot != NULL ? KR_OK : KR_NOMEM;
}

static enum kr_err tell(struct kr_lots *lots, enum kr_import_reason reason, bool is_kept, const struct kr_import_item *item,
                        const char *detail)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX] = "";
    if (kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print) != KR_OK) {
        print[0] = 0;
    }
    const struct kr_import_skip skip = {.reason = reason,
                                        .is_kept = is_kept,
                                        .what = {(const uint8_t *)print, strlen(print)},
                                        .detail = detail,
                                        .place = item->place};
    return lots->tell_skip(lots->context, &skip);
}

static enum kr_err count_skip(struct kr_lots *lots, const struct kr_import_skip *skip)
{
    lots->counts.reasons[skip->reason]++;
    lots->counts.skipped += skip->is_kept ? 0 : 1;
    lots->counts.kept += skip->is_kept ? 1 : 0;
    return lots->tell_skip(lots->context, skip);
}

/* A list from elsewhere is meant to be used, also where it has no words for it. */
static uint32_t action_of(const struct kr_lot *lot, const struct kr_import_item *item)
{
    const bool is_ours = lot->organisation.len == 0 && lot->id.len == 0;
    return item->action != KR_IMPORT_ACTION_UNSAID ? item->action : is_ours ? KR_ACTION_NONE : kr_action_by_type(item->type);
}

static enum kr_err on_item(void *context, const struct kr_import_item *given)
{
    struct kr_lots *lots = context;
    struct kr_import_item said = *given;
    const struct kr_import_item *item = &said;
    said.action = action_of(lots->lot, given);
    if (item->record.len > 0 && lots->is_here != NULL && lots->is_here(lots->context, item->record)) {
        lots->counts.merged++;
        return KR_OK;
    }
    if (item->state != KR_IMPORT_LIVE) {
        lots->counts.revoked++;
        lots->lot->revoked++;
        const enum kr_import_reason reason = item->state == KR_IMPORT_EXPIRED ? KR_IMPORT_REASON_EXPIRED : KR_IMPORT_REASON_REVOKED;
        lots->counts.reasons[reason]++;
        return tell(lots, reason, false, item, "");
    }
    if (!grow(lots)) {
        return KR_NOMEM;
    }
    const uint64_t print = print_of(lots, item->type, item->value);
    struct kr_lots_slot *slot = find(lots, print, item);
    if (slot->print != 0) {
        lots->counts.merged++;
        if (slot->item >= lots->lot_first) {
            merge(&lots->lot->items[slot->item - lots->lot_first], item);
        }
        return KR_OK;
    }
    const size_t most = is_whole(lots->lot) ? KR_LOT_ITEMS_MAX : KR_LOT_ITEMS;
    if (lots->lot->item_count >= most || lots->lot->block_bytes > KR_LOT_BYTES_MAX) {
        if (is_whole(lots->lot)) {
            lots->counts.reasons[KR_IMPORT_REASON_TOO_LARGE]++;
            lots->counts.skipped++;
            return tell(lots, KR_IMPORT_REASON_TOO_LARGE, false, item, "its group has more indicators than can be taken");
        }
        enum kr_err err = hand_over(lots, false);
        if (err != KR_OK) {
            return err;
        }
    }
    *slot = (struct kr_lots_slot){.print = print, .item = lots->lot_first + lots->lot->item_count};
    lots->slots_used++;
    lots->counts.items++;
    lots->counts.types[item->type <= KR_INDICATOR_TYPE_MAX ? item->type : 0]++;
    enum kr_err err = add(lots, item);
    if (err == KR_OK && lots->breathe != NULL && lots->counts.items % BREATHE_ITEMS == 0) {
        err = lots->breathe(lots->context);
    }
    return err;
}

static enum kr_err on_end(void *context)
{
    struct kr_lots *lots = context;
    return hand_over(lots, true);
}

static enum kr_err on_skip(void *context, const struct kr_import_skip *skip)
{
    return count_skip(context, skip);
}

static enum kr_err on_progress(void *context, uint64_t bytes)
{
    struct kr_lots *lots = context;
    return lots->tell_progress(lots->context, bytes);
}

struct kr_import_sink kr_lots_sink(struct kr_lots *lots)
{
    return (struct kr_import_sink){.context = lots,
                                   .on_group = on_group,
                                   .on_item = on_item,
                                   .on_end = on_end,
                                   .on_skip = on_skip,
                                   .on_progress = on_progress};
}

void kr_lots_deinit(struct kr_lots *lots)
{
    kr_lot_free(lots->lot);
    free(lots->slots);
    lots->lot = NULL;
    lots->slots = NULL;
    lots->slot_count = lots->slots_used = 0;
}
