#include "proto/wire/ways.h"

#include <string.h>

#include "proto/wire/ticket.h"

bool kr_ways_add(struct kr_ways *ways, struct kr_slice endpoint, const uint8_t transport[static 32])
{
    struct kr_way way = {0};
    if (kr_endpoint_check((const char *)endpoint.bytes, endpoint.len, NULL) != KR_OK ||
        !kr_slice_text(endpoint, way.endpoint, sizeof way.endpoint)) {
        return false;
    }
    memcpy(way.transport, transport, 32);
    for (uint32_t i = 0; i < ways->count; i++) {
        if (memcmp(&ways->items[i], &way, sizeof way) == 0) {
            return true;
        }
    }
    if (ways->count == KR_WAYS_MAX) {
        return false;
    }
    ways->items[ways->count++] = way;
    return true;
}

void kr_ways_add_listed(struct kr_ways *ways, const struct kr_card *card, uint64_t now_s)
{
    for (uint32_t i = 0; i < card->transport_count; i++) {
        const struct kr_card_key *key = &card->transport[i];
        if (key->until_s == 0 || now_s < key->until_s) {
            (void)kr_ways_add(ways, key->endpoint, key->public_key);
        }
    }
}
