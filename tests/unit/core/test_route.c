/* The bounded tables of spreading: which links are eager, and what is awaited. */
#include "node/core/awaited.h"
#include "tests/unit/core/bed.h"

static void key_of(uint32_t number, uint8_t ret_key[static KR_ROUTE_KEY_BYTES])
{
    uint8_t hash[32];
    kr_hash(hash, "kairan test key", &number, sizeof number);
    memcpy(ret_key, hash, KR_ROUTE_KEY_BYTES);
}

static void a_link_is_eager_or_lazy_or_not_known(void **state)
{
    struct kr_route route = {0};
    (void)state;
    for (uint32_t slot = 0; slot < KR_LINKS_MAX; slot++) {
        kr_route_set(&route, slot, true);
        assert_true(kr_slots_has(&route.eager, slot) && !kr_slots_has(&route.lazy, slot));
        kr_route_set(&route, slot, false);
        assert_true(!kr_slots_has(&route.eager, slot) && kr_slots_has(&route.lazy, slot));
        assert_false(slot + 1 < KR_LINKS_MAX && kr_slots_has(&route.lazy, slot + 1));
    }
}

static void routes_are_found_again_and_bounded(void **state)
{
    struct kr_routes routes = {0};
    struct kr_route *route;
    uint8_t key[KR_ROUTE_KEY_BYTES], kept[KR_ROUTE_KEY_BYTES];
    uint32_t found = 0;
    (void)state;
    key_of(0, kept);
    for (uint32_t i = 0; i < 4 * KR_ROUTES_MAX; i++) {
        key_of(i, key);
        assert_int_equal(kr_routes_get(&routes, key, &route), KR_OK);
        kr_route_set(route, i % KR_LINKS_MAX, true);
        assert_non_null(kr_routes_find(&routes, kept)); /* what is used is not forgotten */
        if (i == KR_ROUTES_MAX / 8) {
            for (uint32_t j = 0; j <= i; j++) {
                key_of(j, key);
                route = kr_routes_find(&routes, key);
                assert_true(route != NULL && kr_slots_has(&route->eager, j % KR_LINKS_MAX)); /* growing loses nothing */
            }
        }
    }
    assert_int_equal(routes.capacity, KR_ROUTES_MAX);
    for (uint32_t i = 3 * KR_ROUTES_MAX; i < 4 * KR_ROUTES_MAX; i++) {
        key_of(i, key);
        found += kr_routes_find(&routes, key) != NULL;
    }
    assert_true(found > KR_ROUTES_MAX * 8 / 10); /* it is the old ones that went */
    kr_routes_forget(&routes, 0);
    assert_false(kr_slots_has(&kr_routes_find(&routes, kept)->eager, 0));
    kr_routes_deinit(&routes);
}

static void what_is_awaited_is_found_until_it_is_removed(void **state)
{
    struct kr_awaiting awaiting = {.secret = {1}};
    struct kr_awaited *awaited;
    uint8_t id[KR_SHORT_ID_BYTES];
    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        key_of(i, id);
        assert_null(kr_awaiting_find(&awaiting, id));
        assert_int_equal(kr_awaiting_add(&awaiting, id, i % 7, &awaited), KR_OK);
        assert_int_equal(awaited->due_ms, UINT64_MAX);
        awaited->announced_ms = i + 1;
    }
    for (uint32_t i = 0; i < 5000; i += 2) {
        key_of(i, id);
        kr_awaiting_remove(&awaiting, kr_awaiting_find(&awaiting, id));
    }
    for (uint32_t i = 0; i < 5000; i++) {
        key_of(i, id);
        awaited = kr_awaiting_find(&awaiting, id);
        assert_true(i % 2 == 0 ? awaited == NULL : awaited != NULL && awaited->announced_ms == i + 1);
    }
    assert_int_equal(awaiting.count, 2500);
    assert_int_equal(awaiting.owned_count, 2500);
    kr_awaiting_deinit(&awaiting);
}

static void a_peer_cannot_use_up_the_room_of_others(void **state)
{
    struct kr_awaiting awaiting = {.secret = {1}};
    struct kr_awaited *awaited;
    uint8_t id[KR_SHORT_ID_BYTES];
    uint32_t number = 0;
    (void)state;
    for (uint32_t slot = 0; slot < KR_LINKS_MAX; slot++) {
        uint32_t got = 0;
        for (; kr_awaiting_has_room(&awaiting, slot); got++) {
            key_of(number++, id);
            assert_int_equal(kr_awaiting_add(&awaiting, id, slot, &awaited), KR_OK);
        }
        assert_true(got >= KR_AWAITED_FLOOR && got <= KR_AWAITED_LINK_MAX);
    }
    assert_true(awaiting.count <= KR_AWAITED_MAX);
    /* A link that goes frees what it caused, but not what is under check. */
    key_of(0, id);
    kr_awaiting_find(&awaiting, id)->checks = 1;
    key_of(1, id); /* nor what another announced as well, which can still be asked for it */
    awaited = kr_awaiting_find(&awaiting, id);
    kr_slots_add(&awaited->announced, 0);
    kr_slots_add(&awaited->announced, 9);
    const uint32_t owned = awaiting.owned[9], owned_count = awaiting.owned_count;
    kr_awaiting_forget(&awaiting, 0);
    assert_int_equal(awaiting.owned[0], 0);
    awaited = kr_awaiting_find(&awaiting, id);
    assert_non_null(awaited);
    assert_int_equal(awaited->owner, 9);
    assert_int_equal(awaiting.owned[9], owned + 1);
    assert_int_equal(awaiting.owned_count, owned_count - KR_AWAITED_LINK_MAX + 1);
    key_of(0, id);
    assert_non_null(kr_awaiting_find(&awaiting, id));
    key_of(2, id);
    assert_null(kr_awaiting_find(&awaiting, id));
    assert_int_equal(awaiting.count, number - KR_AWAITED_LINK_MAX + 2);
    kr_awaiting_forget(&awaiting, 9);
    key_of(1, id);
    assert_null(kr_awaiting_find(&awaiting, id));
    kr_awaiting_deinit(&awaiting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_is_eager_or_lazy_or_not_known),
        cmocka_unit_test(routes_are_found_again_and_bounded),
        cmocka_unit_test(what_is_awaited_is_found_until_it_is_removed),
        cmocka_unit_test(a_peer_cannot_use_up_the_room_of_others),
    };
    return cmocka_run_group_tests_name("core/route", tests, NULL, NULL);
}
