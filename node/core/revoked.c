#include "node/core/revoked.h"

#include <stdlib.h>
#include <string.h>

void kr_revoked_deinit(struct kr_revoked *revoked)
{
    free(revoked->items);
    *revoked = (struct kr_revoked){0};
}

static uint32_t slot_of(const struct kr_revoked *revoked, const uint8_t author[static 32], const uint8_t key[static 32],
                        bool *ret_found)
{
    uint32_t low = 0, high = revoked->count;
    *ret_found = false;
    while (low < high && !*ret_found) {
        const uint32_t middle = low + (high - low) / 2;
        int order = memcmp(revoked->items[middle].author, author, 32);
        order = order != 0 ? order : memcmp(revoked->items[middle].key, key, 32);
        if (order == 0) {
            *ret_found = true;
            low = middle;
        } else if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum kr_err insert(struct kr_revoked *revoked, uint32_t slot)
{
    if (revoked->count == revoked->capacity) {
        const uint32_t capacity = revoked->capacity == 0 ? 4 : revoked->capacity * 2;
        struct kr_revoked_key *items = realloc(revoked->items, capacity * sizeof items[0]);
        if (items == NULL) {
            return KR_NOMEM;
        }
        revoked->items = items;
        revoked->capacity = capacity;
    }
    memmove(&revoked->items[slot + 1], &revoked->items[slot], (revoked->count - slot) * sizeof revoked->items[0]);
    revoked->items[slot] = (struct kr_revoked_key){0};
    revoked->count++;
    return KR_OK;
}

enum kr_err kr_revoked_take(struct kr_revoked *revoked, const uint8_t author[static 32], const struct kr_revocation *revocation,
                            const uint8_t record_id[static 32])
{
    bool found;
    const uint32_t slot = slot_of(revoked, author, revocation->key, &found);
    enum kr_err err = found ? KR_OK : insert(revoked, slot);
    if (err != KR_OK) {
        return err;
    }
    struct kr_revoked_key *item = &revoked->items[slot];
    /* Of two lists of one moment, which no honest council makes, the longer one: so that it does not matter which comes first. */
    const bool is_newer =
        !found || revocation->made_ms > item->made_ms || (revocation->made_ms == item->made_ms && revocation->pages > item->pages);
    if (is_newer) {
        *item =
            (struct kr_revoked_key){.since_ms = revocation->since_ms, .made_ms = revocation->made_ms, .pages = revocation->pages};
        memcpy(item->author, author, 32);
        memcpy(item->key, revocation->key, 32);
    }
    if (revocation->made_ms == item->made_ms && revocation->pages == item->pages) {
        item->here |= UINT32_C(1) << revocation->page;
        memcpy(item->record_ids[revocation->page], record_id, 32);
    }
    return KR_OK;
}

const struct kr_revoked_key *kr_revoked_find(const struct kr_revoked *revoked, const uint8_t author[static 32],
                                             const uint8_t key[static 32])
{
    bool found;
    const uint32_t slot = slot_of(revoked, author, key, &found);
    return found ? &revoked->items[slot] : NULL;
}

bool kr_revoked_is_whole(const struct kr_revoked_key *key)
{
    return key->here == (UINT32_C(1) << key->pages) - 1;
}
