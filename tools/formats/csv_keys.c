#include "tools/formats/csv_keys.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 1024u

/* A row as it is held: this, the lengths of its cells, the cells. */
struct header {
    uint64_t line;
    uint32_t next; /* like a place */
    uint32_t count;
};
_Static_assert(KR_CSV_HELD_BYTES < UINT32_MAX, "places have 32 bits");

size_t kr_csv_held_bytes(const struct kr_csv_row *row)
{
    size_t bytes = sizeof(struct header) + row->count * sizeof(uint32_t);
    for (uint32_t i = 0; i < row->count; i++) {
        bytes += row->cells[i].len;
    }
    return (bytes + 7) & ~(size_t)7;
}

/* ---- keys ---- */

void kr_csv_keys_deinit(struct kr_csv_keys *keys)
{
    free(keys->keys);
    free(keys->slots);
    *keys = (struct kr_csv_keys){0};
}

/* Where it is, or would be. */
static uint32_t *slot_of(const struct kr_csv_keys *keys, const uint8_t *hash)
{
    uint64_t at;
    memcpy(&at, hash, sizeof at);
    at &= keys->slot_count - 1;
    while (keys->slots[at] != 0 && memcmp(keys->keys[keys->slots[at] - 1].hash, hash, KR_HASH_BYTES) != 0) {
        at = (at + 1) & (keys->slot_count - 1);
    }
    return &keys->slots[at];
}

static enum kr_err grow(struct kr_csv_keys *keys)
{
    const uint32_t room = keys->room == 0 ? SLOTS_MIN / 2 : 2 * keys->room;
    struct kr_csv_key *all = realloc(keys->keys, room * sizeof *all);
    if (all == NULL) {
        return KR_NOMEM;
    }
    keys->keys = all;
    uint32_t *slots = calloc(2 * (size_t)room, sizeof *slots);
    if (slots == NULL) {
        return KR_NOMEM;
    }
    free(keys->slots);
    keys->slots = slots;
    keys->slot_count = 2 * room;
    keys->room = room;
    for (uint32_t i = 0; i < keys->count; i++) {
        *slot_of(keys, keys->keys[i].hash) = i + 1;
    }
    return KR_OK;
}

uint32_t kr_csv_keys_find(const struct kr_csv_keys *keys, const uint8_t hash[static KR_HASH_BYTES])
{
    const uint32_t number = keys->slot_count > 0 ? *slot_of(keys, hash) : 0;
    return number > 0 ? number - 1 : keys->count;
}

enum kr_err kr_csv_keys_note(struct kr_csv_keys *keys, const uint8_t hash[static KR_HASH_BYTES], const struct kr_csv_row *row)
{
    uint32_t number = kr_csv_keys_find(keys, hash);
    if (number == keys->count) {
        if (keys->count == KR_CSV_KEYS_MAX) {
            return KR_BOUNDS;
        }
        const enum kr_err err = keys->count == keys->room ? grow(keys) : KR_OK;
        if (err != KR_OK) {
            return err;
        }
        *slot_of(keys, hash) = ++keys->count;
        keys->keys[number].bytes = 0;
        memcpy(keys->keys[number].hash, hash, KR_HASH_BYTES);
    }
    keys->keys[number].bytes += kr_csv_held_bytes(row);
    return KR_OK;
}

bool kr_csv_held_fits(const struct kr_csv_keys *keys, uint32_t first, uint32_t end)
{
    uint64_t bytes = 0;
    for (uint32_t i = first; i < end; i++) {
        bytes += keys->keys[i].bytes;
    }
    return bytes <= KR_CSV_HELD_BYTES;
}

uint32_t kr_csv_keys_lot(const struct kr_csv_keys *keys, uint32_t first)
{
    uint64_t bytes = keys->keys[first].bytes;
    uint32_t end = first + 1;
    while (end < keys->count && bytes + keys->keys[end].bytes <= KR_CSV_HELD_BYTES) {
        bytes += keys->keys[end++].bytes;
    }
    return end;
}

/* ---- rows ---- */

enum kr_err kr_csv_held_init(struct kr_csv_held *held, const struct kr_csv_keys *keys, uint32_t first, uint32_t end)
{
    *held = (struct kr_csv_held){.first = first, .count = end - first};
    for (uint32_t i = first; i < end; i++) {
        held->room += keys->keys[i].bytes;
    }
    held->bytes = malloc(held->room + 1);
    held->firsts = calloc(held->count, sizeof *held->firsts);
    held->lasts = calloc(held->count, sizeof *held->lasts);
    const bool ok = held->bytes != NULL && held->firsts != NULL && held->lasts != NULL;
    if (!ok) {
        kr_csv_held_deinit(held);
    }
    return ok ? KR_OK : KR_NOMEM;
}

void kr_csv_held_deinit(struct kr_csv_held *held)
{
    free(held->bytes);
    free(held->firsts);
    free(held->lasts);
    *held = (struct kr_csv_held){0};
}

static struct header *header_at(const struct kr_csv_held *held, uint32_t place)
{
    return (struct header *)(void *)(held->bytes + place - 1); /* places are at multiples of eight, + 1 */
}

enum kr_err kr_csv_held_put(struct kr_csv_held *held, uint32_t key, const struct kr_csv_row *row)
{
    const size_t bytes = kr_csv_held_bytes(row);
    const uint32_t place = (uint32_t)held->len + 1, i = key - held->first;
    if (bytes > held->room - held->len) {
        return KR_BOUNDS;
    }
    struct header *header = header_at(held, place);
    uint32_t *lens = (uint32_t *)(void *)(header + 1);
    uint8_t *to = (uint8_t *)(lens + row->count);
    *header = (struct header){.line = row->line, .count = row->count};
    for (uint32_t k = 0; k < row->count; k++) {
        lens[k] = (uint32_t)row->cells[k].len;
        memcpy(to, row->cells[k].bytes, row->cells[k].len);
        to += row->cells[k].len;
    }
    *(held->lasts[i] == 0 ? &held->firsts[i] : &header_at(held, held->lasts[i])->next) = place;
    held->lasts[i] = place;
    held->len += bytes;
    return KR_OK;
}

bool kr_csv_held_next(const struct kr_csv_held *held, uint32_t key, uint32_t *place, struct kr_csv_row *ret_row)
{
    *place = *place == 0 ? held->firsts[key - held->first] : header_at(held, *place)->next;
    if (*place == 0) {
        return false;
    }
    const struct header *header = header_at(held, *place);
    const uint32_t *lens = (const uint32_t *)(const void *)(header + 1);
    const uint8_t *from = (const uint8_t *)(lens + header->count);
    ret_row->line = header->line;
    ret_row->count = header->count;
    ret_row->is_comment = false;
    for (uint32_t k = 0; k < header->count; k++) {
        ret_row->cells[k] = (struct kr_slice){from, lens[k]};
        from += lens[k];
    }
    return true;
}
