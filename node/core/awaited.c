#include "node/core/awaited.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"

void kr_awaiting_deinit(struct kr_awaiting *awaiting)
{
    free(awaiting->items);
    free(awaiting->heads);
    *awaiting = (struct kr_awaiting){0};
}

static uint32_t *head_of(const struct kr_awaiting *awaiting, const uint8_t id[static KR_SHORT_ID_BYTES])
{
    uint8_t hash[16];
    uint32_t at;
    kr_hash_keyed(hash, sizeof hash, awaiting->secret, "kairan awaited", id, KR_SHORT_ID_BYTES);
    memcpy(&at, hash, sizeof at);
    return &awaiting->heads[at & (awaiting->capacity - 1)];
}

struct kr_awaited *kr_awaiting_find(const struct kr_awaiting *awaiting, const uint8_t id[static KR_SHORT_ID_BYTES])
{
    for (uint32_t at = awaiting->count > 0 ? *head_of(awaiting, id) : 0; at > 0; at = awaiting->items[at - 1].next) {
        if (memcmp(awaiting->items[at - 1].id, id, KR_SHORT_ID_BYTES) == 0) {
            return &awaiting->items[at - 1];
        }
    }
    return NULL;
}

bool kr_awaiting_has_room(const struct kr_awaiting *awaiting, uint32_t slot)
{
    return awaiting->owned[slot] < KR_AWAITED_FLOOR ||
           (awaiting->owned[slot] < KR_AWAITED_LINK_MAX && awaiting->owned_count < KR_AWAITED_MAX / 2u);
}

static void chain(struct kr_awaiting *awaiting, uint32_t at)
{
    uint32_t *head = head_of(awaiting, awaiting->items[at].id);
    awaiting->items[at].next = *head;
    *head = at + 1;
}

static void unchain(struct kr_awaiting *awaiting, uint32_t at)
{
    uint32_t *link = head_of(awaiting, awaiting->items[at].id);
    while (*link != at + 1) {
        link = &awaiting->items[*link - 1].next;
    }
    *link = awaiting->items[at].next;
}

static enum kr_err grow(struct kr_awaiting *awaiting)
{
    uint32_t capacity = awaiting->capacity == 0 ? 64 : awaiting->capacity * 2;
    struct kr_awaited *items = malloc(capacity * sizeof *items);
    uint32_t *heads = calloc(capacity, sizeof *heads);
    if (items == NULL || heads == NULL) {
        free(items);
        free(heads);
        return KR_NOMEM;
    }
    if (awaiting->count > 0) {
        memcpy(items, awaiting->items, awaiting->count * sizeof *items);
    }
    free(awaiting->items);
    free(awaiting->heads);
    awaiting->items = items;
    awaiting->heads = heads;
    awaiting->capacity = capacity;
    for (uint32_t i = 0; i < awaiting->count; i++) {
        chain(awaiting, i);
    }
    return KR_OK;
}

enum kr_err kr_awaiting_add(struct kr_awaiting *awaiting, const uint8_t id[static KR_SHORT_ID_BYTES], uint32_t owner,
                            struct kr_awaited **ret_awaited)
{
    enum kr_err err = awaiting->count == awaiting->capacity ? grow(awaiting) : KR_OK;
    if (err != KR_OK) {
        return err;
    }
    struct kr_awaited *awaited = &awaiting->items[awaiting->count];
    *awaited = (struct kr_awaited){.owner = owner, .first = KR_LINKS_MAX, .ask = KR_LINKS_MAX, .due_ms = UINT64_MAX};
    memcpy(awaited->id, id, KR_SHORT_ID_BYTES);
    chain(awaiting, awaiting->count++);
    if (owner < KR_LINKS_MAX) {
        awaiting->owned[owner]++;
        awaiting->owned_count++;
    }
    *ret_awaited = awaited;
    return KR_OK;
}

void kr_awaiting_remove(struct kr_awaiting *awaiting, struct kr_awaited *awaited)
{
    const uint32_t at = (uint32_t)(awaited - awaiting->items), last = awaiting->count - 1;
    if (awaited->owner < KR_LINKS_MAX) {
        awaiting->owned[awaited->owner]--;
        awaiting->owned_count--;
    }
    unchain(awaiting, at);
    if (at != last) {
        unchain(awaiting, last);
        awaiting->items[at] = awaiting->items[last];
        chain(awaiting, at);
    }
    awaiting->count--;
}

static uint32_t lowest(const struct kr_slots *slots)
{
    uint32_t slot = 0;
    while (slot < KR_LINKS_MAX && !kr_slots_has(slots, slot)) {
        slot++;
    }
    return slot;
}

void kr_awaiting_forget(struct kr_awaiting *awaiting, uint32_t slot)
{
    for (uint32_t i = awaiting->count; i-- > 0;) {
        struct kr_awaited *awaited = &awaiting->items[i];
        kr_slots_remove(&awaited->announced, slot);
        kr_slots_remove(&awaited->tried, slot);
        awaited->first = awaited->first == slot ? KR_LINKS_MAX : awaited->first;
        if (awaited->owner != slot) {
            continue;
        }
        const uint32_t heir = lowest(&awaited->announced);
        if (heir == KR_LINKS_MAX && awaited->checks == 0) {
            kr_awaiting_remove(awaiting, awaited);
            continue;
        }
        awaited->owner = heir;
        awaiting->owned[slot]--;
        if (heir < KR_LINKS_MAX) {
            awaiting->owned[heir]++;
        } else {
            awaiting->owned_count--;
        }
    }
}
