#include "node/core/route.h"

#include <stdlib.h>
#include <string.h>

#define WAYS         8u /* places that a key may have */
#define CAPACITY_MIN 64u

_Static_assert(KR_ROUTES_MAX % CAPACITY_MIN == 0 && (KR_ROUTES_MAX & (KR_ROUTES_MAX - 1)) == 0,
               "the table doubles up to its bound");

bool kr_slots_has(const struct kr_slots *slots, uint32_t slot)
{
    return (slots->bits[slot / 8] >> slot % 8 & 1) != 0;
}

void kr_slots_add(struct kr_slots *slots, uint32_t slot)
{
    slots->bits[slot / 8] |= (uint8_t)(1u << slot % 8);
}

void kr_slots_remove(struct kr_slots *slots, uint32_t slot)
{
    slots->bits[slot / 8] &= (uint8_t) ~(1u << slot % 8);
}

void kr_route_set(struct kr_route *route, uint32_t slot, bool is_eager)
{
    kr_slots_add(is_eager ? &route->eager : &route->lazy, slot);
    kr_slots_remove(is_eager ? &route->lazy : &route->eager, slot);
}

void kr_routes_deinit(struct kr_routes *routes)
{
    free(routes->items);
    *routes = (struct kr_routes){0};
}

/* The first of the places that the key may have. */
static struct kr_route *places(struct kr_route *items, uint32_t capacity, const uint8_t key[static KR_ROUTE_KEY_BYTES])
{
    uint32_t hash;
    memcpy(&hash, key, sizeof hash);
    return &items[(hash & (capacity / WAYS - 1)) * WAYS];
}

struct kr_route *kr_routes_find(struct kr_routes *routes, const uint8_t key[static KR_ROUTE_KEY_BYTES])
{
    struct kr_route *route = routes->capacity > 0 ? places(routes->items, routes->capacity, key) : NULL;
    for (uint32_t i = 0; route != NULL && i < WAYS; i++) {
        if (route[i].used > 0 && memcmp(route[i].key, key, KR_ROUTE_KEY_BYTES) == 0) {
            route[i].used = ++routes->uses;
            return &route[i];
        }
    }
    return NULL;
}

/* A free place, else the one unused for longest. */
static struct kr_route *oldest(struct kr_route *items, uint32_t capacity, const uint8_t key[static KR_ROUTE_KEY_BYTES])
{
    struct kr_route *route = places(items, capacity, key), *found = route;
    for (uint32_t i = 1; i < WAYS; i++) {
        found = route[i].used < found->used ? &route[i] : found;
    }
    return found;
}

static enum kr_err grow(struct kr_routes *routes)
{
    uint32_t capacity = routes->capacity == 0 ? CAPACITY_MIN : routes->capacity * 2;
    struct kr_route *items = calloc(capacity, sizeof *items);
    if (items == NULL) {
        return KR_NOMEM;
    }
    for (uint32_t i = 0; i < routes->capacity; i++) {
        if (routes->items[i].used > 0) { /* eight places become twice eight: there is always a free one */
            *oldest(items, capacity, routes->items[i].key) = routes->items[i];
        }
    }
    free(routes->items);
    routes->items = items;
    routes->capacity = capacity;
    return KR_OK;
}

enum kr_err kr_routes_get(struct kr_routes *routes, const uint8_t key[static KR_ROUTE_KEY_BYTES], struct kr_route **ret_route)
{
    struct kr_route *route = kr_routes_find(routes, key);
    enum kr_err err = KR_OK;
    if (route == NULL) {
        bool is_full = routes->capacity == 0 || oldest(routes->items, routes->capacity, key)->used > 0;
        err = is_full && routes->capacity < KR_ROUTES_MAX ? grow(routes) : KR_OK;
        if (err != KR_OK) {
            return err;
        }
        route = oldest(routes->items, routes->capacity, key);
        *route = (struct kr_route){.used = ++routes->uses};
        memcpy(route->key, key, KR_ROUTE_KEY_BYTES);
    }
    *ret_route = route;
    return KR_OK;
}

void kr_routes_forget(struct kr_routes *routes, uint32_t slot)
{
    for (uint32_t i = 0; i < routes->capacity; i++) {
        kr_slots_remove(&routes->items[i].eager, slot);
        kr_slots_remove(&routes->items[i].lazy, slot);
    }
}
