/* Spreading, link by link: what is to be said over it, its round trip, its slot. */
#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/spread.h"
#include "node/core/state.h"

/* ---- round trips ---- */

uint64_t kr_spread_round_trip(const struct kr_link *link)
{
    return link->spread.rtt_ms == 0 ? KR_RTT_MS_FIRST : link->spread.rtt_ms;
}

uint64_t kr_spread_patience(const struct kr_link *link)
{
    uint64_t wait_ms = kr_spread_round_trip(link) / 2;
    wait_ms = wait_ms > KR_PATIENCE_MS_MIN ? wait_ms : KR_PATIENCE_MS_MIN;
    return wait_ms < KR_PATIENCE_MS_MAX ? wait_ms : KR_PATIENCE_MS_MAX;
}

void kr_spread_pinged(struct kr_link *link, uint64_t now_ms)
{
    struct kr_spread_link *spread = &link->spread;
    spread->ping_ms = spread->pings_out == 0 ? now_ms : spread->ping_ms;
    spread->pings_out++;
}

/* Of several pings that are out together the first is timed. Who answers what was not asked tells us nothing. */
void kr_spread_ponged(struct kr_link *link, uint64_t now_ms)
{
    struct kr_spread_link *spread = &link->spread;
    if (spread->pings_out == 0) {
        return;
    }
    spread->pings_out--;
    if (spread->ping_ms != 0) {
        uint64_t rtt_ms = now_ms - spread->ping_ms;
        rtt_ms = spread->rtt_ms == 0 ? rtt_ms : (3 * spread->rtt_ms + rtt_ms + 2) / 4;
        spread->rtt_ms = rtt_ms > 0 ? rtt_ms : 1;
        spread->ping_ms = 0;
    }
}

/* ---- what is to be said ---- */

enum kr_err kr_spread_announce(struct kr_link *link, const uint8_t id[static 32])
{
    struct kr_spread_link *spread = &link->spread;
    if (spread->id_count == spread->id_capacity) {
        uint32_t capacity = spread->id_capacity == 0 ? 64 : spread->id_capacity * 2;
        if (capacity > KR_ANNOUNCE_MAX) {
            return KR_OK; /* catching up finds it */
        }
        uint8_t(*ids)[KR_SHORT_ID_BYTES] = malloc(capacity * sizeof *ids);
        if (ids == NULL) {
            return KR_NOMEM;
        }
        for (uint32_t i = 0; i < spread->id_count; i++) {
            memcpy(ids[i], spread->ids[(spread->id_head + i) % spread->id_capacity], KR_SHORT_ID_BYTES);
        }
        free(spread->ids);
        spread->ids = ids;
        spread->id_head = 0;
        spread->id_capacity = capacity;
    }
    memcpy(spread->ids[(spread->id_head + spread->id_count++) % spread->id_capacity], id, KR_SHORT_ID_BYTES);
    return KR_OK;
}

/* One a tree and batch is enough: by the id of any of its records the peer knows which tree is meant. */
void kr_spread_ask_to_prune(struct kr_link *link, const uint8_t key[static KR_ROUTE_KEY_BYTES], const uint8_t id[static 32])
{
    struct kr_spread_link *spread = &link->spread;
    for (uint32_t i = 0; i < spread->prune_count; i++) {
        if (memcmp(spread->prunes[i].route, key, KR_ROUTE_KEY_BYTES) == 0) {
            return;
        }
    }
    if (spread->prune_count < KR_PRUNES_MAX) {
        memcpy(spread->prunes[spread->prune_count].route, key, KR_ROUTE_KEY_BYTES);
        memcpy(spread->prunes[spread->prune_count++].id, id, KR_SHORT_ID_BYTES);
    }
}

static enum kr_err say_prunes(struct kr_step *step, struct kr_link *link)
{
    struct kr_spread_link *spread = &link->spread;
    uint8_t ids[KR_PRUNES_MAX][KR_SHORT_ID_BYTES];
    for (uint32_t i = 0; i < spread->prune_count; i++) {
        memcpy(ids[i], spread->prunes[i].id, KR_SHORT_ID_BYTES);
    }
    struct kr_message prune = {.type = KR_MESSAGE_PRUNE, .ids = {ids[0], (size_t)spread->prune_count * KR_SHORT_ID_BYTES}};
    spread->prune_count = 0;
    return kr_link_send(step, link, &prune);
}

/* As many as there is room for, up to the end of the ring. */
static enum kr_err say_ids(struct kr_step *step, struct kr_link *link)
{
    struct kr_spread_link *spread = &link->spread;
    uint32_t count = kr_gossip_ids_room(link);
    count = count < KR_IDS_PER_FRAME_MAX ? count : KR_IDS_PER_FRAME_MAX;
    count = count < spread->id_count ? count : spread->id_count;
    count = count < spread->id_capacity - spread->id_head ? count : spread->id_capacity - spread->id_head;
    struct kr_message ihave = {.type = KR_MESSAGE_IHAVE, .ids = {spread->ids[spread->id_head], (size_t)count * KR_SHORT_ID_BYTES}};
    enum kr_err err = kr_link_send(step, link, &ihave);
    spread->id_head = (spread->id_head + count) % spread->id_capacity;
    spread->id_count -= count;
    link->window -= (uint64_t)count * KR_SHORT_ID_BYTES;
    return err;
}

enum kr_err kr_spread_flush_link(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = link->spread.prune_count > 0 ? say_prunes(step, link) : KR_OK;
    while (err == KR_OK && link->spread.id_count > 0 && kr_gossip_ids_room(link) > 0) {
        err = say_ids(step, link);
    }
    return err;
}

/* ---- a link's life ---- */

void kr_spread_add_link(const struct kr_core *core, struct kr_link *link)
{
    struct kr_slots taken = {0};
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (core->links[i] != link) {
            kr_slots_add(&taken, core->links[i]->spread.slot);
        }
    }
    link->spread = (struct kr_spread_link){0};
    while (kr_slots_has(&taken, link->spread.slot)) {
        link->spread.slot++;
    }
}

void kr_spread_open(struct kr_step *step, struct kr_link *link)
{
    struct kr_spread *spread = &step->core->spread;
    if (!spread->has_secret) { /* the number of the first session: random, and told to nobody */
        memcpy(spread->secret, &link->session_no, sizeof link->session_no);
        memcpy(spread->awaiting.secret, &link->session_no, sizeof link->session_no);
        spread->has_secret = true;
    }
    kr_spread_close(link);
}

void kr_spread_close(struct kr_link *link)
{
    struct kr_spread_link *spread = &link->spread;
    spread->id_head = spread->id_count = spread->prune_count = spread->pings_out = 0;
    spread->ping_ms = 0;
}

void kr_spread_drop_link(struct kr_core *core, struct kr_link *link)
{
    kr_routes_forget(&core->spread.routes, link->spread.slot);
    kr_awaiting_forget(&core->spread.awaiting, link->spread.slot);
}

void kr_spread_free_link(struct kr_link *link)
{
    free(link->spread.ids);
}

void kr_spread_deinit(struct kr_spread *spread)
{
    kr_routes_deinit(&spread->routes);
    kr_awaiting_deinit(&spread->awaiting);
    sodium_memzero(spread, sizeof *spread);
}
